"""The attention maps of a text, captured once and written as an HTML page or as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfdl.errors import ConfigError, ModelError
from hfdl.hf_models.word_base import SmallModel
from hfdl.interpret.capture import AttentionMaps, Kind, capture_attention, is_encoder_decoder
from hfdl.interpret.inputs import ModelWithTokenizer, check_same_tokens, open_with_tokenizer
from hfdl.interpret.views.panel import Panel
from hfdl.interpret.views.tokens import readable_tokens


@dataclass(frozen=True, eq=False)
class AttentionView:
    """The attention maps of one text, ready to be written.

    Args:
        names: the model's name, and that of the model it is compared with, if any.
        text: what was read.
        panels: the maps by kind. Of an encoder-decoder model ``cross`` comes first.
    """

    names: tuple[str, ...]
    text: str
    panels: dict[Kind, Panel]

    def to_html(
        self,
        path: str | Path,
        *,
        kind: Kind | None = None,
        layer: int | None = None,
        head: int | None = None,
    ) -> Path:
        """Write a page that needs no network: choose a layer and a head, point at a token.

        Args:
            path: the file.
            kind: shown first; default: the first.
            layer: shown first, counted from 0.
            head: shown first, counted from 0; default: the mean over heads. Where neither is
                given: the head that differs most, or layer 0.

        Raises:
            ConfigError: there is no such kind, layer or head.
            OutputError: a browser could not hold so many weights.
        """
        page = self.html(kind=kind, layer=layer, head=head)
        return _write(path, page.encode("utf-8", "backslashreplace"))

    def html(
        self, *, kind: Kind | None = None, layer: int | None = None, head: int | None = None
    ) -> str:
        """The page that ``to_html`` writes, with the same arguments and errors."""
        from hfdl.interpret.views.page import attention_page

        panel = self._panel(kind)
        _check_head(panel, layer or 0, head)
        shown = panel.most_changed() if layer is None and head is None else (layer or 0, head)
        panels = list(self.panels.values())
        start = (panels.index(panel), *shown)
        return attention_page(panels, self.names, self.text, start=start)

    def to_png(
        self,
        path: str | Path,
        *,
        kind: Kind | None = None,
        layer: int | None = None,
        head: int | None = None,
    ) -> Path:
        """Write a heat map: all heads, those of a layer, or one head with its tokens.

        Of two models it shows the difference, second minus first.

        Args:
            path: the file.
            kind: default: the first.
            layer: counted from 0; default: all of them.
            head: counted from 0, of the layer; default: all of them.

        Raises:
            ConfigError: there is no such kind, layer or head.
        """
        from hfdl.interpret.views.heatmap import grid_png, head_png

        panel = self._panel(kind)
        title = f"{' and '.join(self.names)}\n{panel.kind} attention"
        if head is None:
            _check_head(panel, layer or 0, None)
            return _write(path, grid_png(panel, title, layers=None if layer is None else [layer]))
        if layer is None:
            raise ConfigError(
                f"head {head} of no layer", where="head", remedy="give the layer as well"
            )
        _check_head(panel, layer, head)
        return _write(path, head_png(panel, layer, head, f"{title}, layer {layer}, head {head}"))

    def _panel(self, kind: Kind | None) -> Panel:
        if kind is None:
            return next(iter(self.panels.values()))
        if kind not in self.panels:
            raise ConfigError(
                f"this model has no {kind} attention",
                where="kind",
                remedy=f"choose one of: {', '.join(self.panels)}",
            )
        return self.panels[kind]


def attention_view(
    model: Any,
    text: str,
    *,
    tokenizer: Any = None,
    compare_with: Any = None,
    target: str | None = None,
    text_pair: str | None = None,
    name: str | None = None,
) -> AttentionView:
    """Capture what a model attends to in a text.

    Args:
        model: a folder, a Hub id, or an open transformers model.
        text: what it reads.
        tokenizer: the tokenizer of an open model.
        compare_with: a second model that reads the same tokens, for instance a fine-tuned one
            beside its base; an open one shares ``tokenizer``.
        target: the text that the decoder of an encoder-decoder model has read; default: what the
            model itself writes, the likeliest token at each step.
        text_pair: a second text, for a model that reads pairs.
        name: what the view calls the model; default: the end of its path.

    Raises:
        ModelError: a model cannot be found or opened, or its attention cannot be shown; or the
            two differ in their tokens, layers or heads.
        ConfigError: an open model without its tokenizer, or a target without a decoder.
        DataError: a text has no tokens, or more than the model reads.

    For instance::

        view = attention_view("runs/sentiment", "A warm and funny film.")
        view.to_html("attention.html")
        view.to_png("head.png", layer=5, head=3)
    """
    models = [model] if compare_with is None else [model, compare_with]
    opened = [open_with_tokenizer(one, tokenizer) for one in models]
    for one in opened:
        _refuse_without_attention(one)
    first = opened[0]
    inputs = first.encode(text, "text", text_pair)
    if target is not None or is_encoder_decoder(first.model):
        inputs["decoder_input_ids"] = first.decoder_ids(inputs, target)
    for other in opened[1:]:
        check_same_tokens(first, inputs, other, other.encode(text, "text", text_pair))
    captured = [capture_attention(one.model, one.accepted(inputs))[0] for one in opened]
    if any(maps.keys() != captured[0].keys() for maps in captured):
        kinds = " and ".join("/".join(maps) for maps in captured)
        raise ModelError(
            f"the models' attention cannot be compared: {kinds}",
            rule="both must be encoders, decoders, or encoder-decoder models",
            remedy="compare a model with one that was trained from it",
        )
    order = sorted(captured[0], key=lambda kind: kind != "cross")
    panels: dict[Kind, Panel] = {
        kind: _panel_of([maps[kind] for maps in captured], first) for kind in order
    }
    names = [one.name for one in opened]
    names[0] = name or names[0]
    shown = text if text_pair is None else f"{text}\n{text_pair}"
    return AttentionView(tuple(names), shown, panels)


def _refuse_without_attention(opened: ModelWithTokenizer) -> None:
    """Refuse hfdl's models over words: none of their words looks at the others."""
    if isinstance(opened.model, SmallModel):
        raise ModelError(
            f"{opened.name} has no attention to show",
            where=opened.model.config.model_type,
            rule="recurrent and convolutional models and averages of words have none",
            remedy="choose a transformer, such as a run of the recipe sentiment",
        )


def _panel_of(maps: Sequence[AttentionMaps], opened: ModelWithTokenizer) -> Panel:
    first = maps[0]
    tokens = readable_tokens(opened.tokenizer, first.tokens)
    sources = readable_tokens(opened.tokenizer, first.sources)
    compared = maps[1].layers if len(maps) > 1 else None
    panel = Panel(first.kind, tokens, sources, first.layers, compared)
    panel.divergences()  # refuses models of other shapes before anything is drawn
    return panel


def _check_head(panel: Panel, layer: int, head: int | None) -> None:
    _check_index("layer", layer, len(panel.layers))
    if head is not None:
        _check_index("head", head, len(panel.layers[layer]))


def _check_index(name: str, index: int, count: int) -> None:
    if not 0 <= index < count:
        raise ConfigError(
            f"there is no {name} {index}",
            where=name,
            rule=f"this model's are 0 to {count - 1}",
            remedy="choose one of them",
        )


def _write(path: str | Path, content: bytes) -> Path:
    target = Path(path)
    target.write_bytes(content)
    return target
