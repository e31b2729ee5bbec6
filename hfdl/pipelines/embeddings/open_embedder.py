"""Opening a model as an encoder of texts: its body, and how its states become one vector."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from hfdl.config.load import load_recipe
from hfdl.config.schema import ModelConfig
from hfdl.custom_attention.recipe import attend_as_trained
from hfdl.custom_attention.register import registered_attentions
from hfdl.errors import ConfigError, ModelError, did_you_mean
from hfdl.hf_models.build import build_saved
from hfdl.hf_models.load import to_scratch_model
from hfdl.models.sentence_head import SentenceHead
from hfdl.pipelines.open_model import Located
from hfdl.tasks.row_length import row_length
from hfdl.weights.graph_files import GRAPH, is_graph
from hfdl.weights.graph_model import GraphModel
from hfdl.weights.limits import length_limit, position_limit
from hfdl.weights.model_config import load_config
from hfdl.weights.resolve import find_model, whole_snapshot
from hfdl.weights.saved_config import architecture, saved_class_name
from hfdl.weights.saved_tokenizer import load_tokenizer, require_tokenizer, with_padding
from hfdl.weights.sentence.modules import MODULES, SentenceModules, read_sentence_modules
from hfdl.weights.vocabulary_size import refuse_larger_tokenizer

IMPLEMENTATIONS = ("auto", "hf", "hfdl")


@dataclass(frozen=True)
class Embedder:
    """A model that gives states of tokens, and what makes one vector of them.

    Args:
        model: without a head, in eval mode.
        tokenizer: its tokenizer, with a padding token.
        text_tokenizer: the one for vectors, which may put a text into lower case.
        modules: pooling, layers and prompts.
        max_length: most tokens of a text that a vector is of; None: no limit.
        limit_from: what says so, in words.
        notes: what a person should know of how the vectors are made, a line each.
        name: what was asked for.
    """

    model: torch.nn.Module
    tokenizer: Any
    text_tokenizer: Any
    modules: SentenceModules
    max_length: int | None
    limit_from: str
    notes: Sequence[str] = field(default_factory=list)
    name: str = ""


def open_embedder(
    model: Any,
    tokenizer: Any = None,
    *,
    pooling: str | Sequence[str] | None = None,
    max_length: int | None = None,
    implementation: str = "auto",
) -> Embedder:
    """Open the body of a model, fine-tuned or not, and what is known of its vectors.

    Args:
        model: a folder, a Hub id, what ``locate`` found, or an open transformers model.
        tokenizer: the tokenizer of an open model.
        pooling: names of poolings that replace all that the model itself says.
        max_length: most tokens of a text; None: as the model says.
        implementation: whose code runs, as ``model.implementation`` of a recipe.

    Raises:
        ModelError: it cannot be found or opened, or its vectors cannot be made here.
        ConfigError: an unknown pooling or implementation, a ``max_length`` that does not fit, or an
            open model without its tokenizer.
    """
    if implementation not in IMPLEMENTATIONS:
        raise ConfigError(
            f"unknown implementation {implementation!r}",
            rule=f"it is one of {', '.join(IMPLEMENTATIONS)}",
            remedy=did_you_mean(implementation, IMPLEMENTATIONS),
        )
    if isinstance(model, str | Path | Located):
        found = _Folders.of(model)
        body = _load_body(found.body, implementation)
        tokenizer = load_tokenizer(found.body)
    else:
        require_tokenizer(tokenizer)
        tokenizer = with_padding(tokenizer, "tokenizer")
        found = _Folders(name=str(getattr(model, "name_or_path", "")))
        body = _bare(model, implementation)
    where = None if found.body == Path() else str(found.body)
    refuse_larger_tokenizer(body, tokenizer, where)
    modules = found.modules if pooling is None else None
    notes = []
    if modules is None:
        chosen = [pooling] if isinstance(pooling, str) else pooling or [_default_pooling(found)]
        modules = SentenceModules(SentenceHead(chosen))
        if pooling is None:
            notes.append(found.note(chosen[0]))
    modules.head.eval()
    length, limit_from = _limit(tokenizer, body.config, modules, found, max_length)
    texts = _lower_casing(tokenizer) if modules.do_lower_case else tokenizer
    return Embedder(body.eval(), tokenizer, texts, modules, length, limit_from, notes, found.name)


@dataclass(frozen=True)
class _Folders:
    """Where the parts of a saved model are; without folders it is an open one."""

    name: str
    body: Path = Path()
    modules: SentenceModules | None = None
    recipe_length: int | None = None
    is_certain: bool = True

    @classmethod
    def of(cls, model: str | Path | Located) -> _Folders:
        """Find them.

        Raises:
            ModelError: as ``find_model`` and ``read_sentence_modules``.
        """
        if isinstance(model, Located):
            root, name, is_certain = model.folder, str(model.folder), True
        else:
            name = str(model)
            local = Path(name).expanduser()
            # An old one keeps its transformer, and so its config.json, in a folder of its own.
            is_old = (local / MODULES).is_file()
            folder = local if is_old else find_model(name, graph=True)
            root, is_certain = whole_snapshot(name, folder, MODULES)
        modules = read_sentence_modules(root)
        body = root / (modules.transformer if modules else "")
        length = None
        if modules is None and (root / "recipe.yaml").is_file():
            length = load_recipe(root).data.max_length
        return cls(name, find_model(str(body), graph=True), modules, length, is_certain)

    def note(self, pooling: str) -> str:
        """What is said where the model does not say how its vectors are made."""
        way = {"mean": "the mean of its tokens", "lasttoken": "the state of its last token"}[
            pooling
        ]
        where = f"{self.name}: " if self.name else ""
        reason = f"{MODULES} is not there" if self.body != Path() else "an open model"
        if not self.is_certain:
            reason = (
                f"{MODULES} is not in the cache and the Hub does not answer, so the model's own "
                "pooling may be another"
            )
        return f"{where}{reason}; the vector of a text is {way}, not normalised"


def _default_pooling(found: _Folders) -> str:
    """The mean; of a ...ForCausalLM the last token, which has seen all (sentence-transformers 6).

    GPT-2's LMHeadModel is none by that name, and gets the mean there too.
    """
    if found.body == Path():
        return "mean"
    is_causal = (saved_class_name(found.body) or "").endswith("ForCausalLM")
    return "lasttoken" if is_causal and architecture(found.body).get("is_causal", True) else "mean"


def _load_body(folder: Path, implementation: str) -> Any:
    config = load_config(folder)
    if is_graph(folder):
        return GraphModel(folder / GRAPH, config, "last_hidden_state")
    # Of T5 and its like only the encoder is read, and often only the encoder was saved.
    has_decoder = bool(getattr(config, "is_encoder_decoder", False))
    is_half = (saved_class_name(folder) or "").endswith("EncoderModel")
    auto_class = "AutoModelForTextEncoding" if has_decoder or is_half else "AutoModel"
    section = ModelConfig(name=str(folder), implementation=implementation)  # pyright: ignore[reportArgumentType]
    model, new, _ = build_saved(auto_class, folder, section, config=config)
    absent = [name for name in new if "pooler" not in name]  # a pooler is not asked for anything
    if absent:
        raise ModelError(
            f"{len(absent)} tensors of the model's body are not in its weights, for instance "
            f"{min(absent)!r}",
            where=str(folder),
            rule="a vector of random weights would be noise",
            remedy="check the folder, or choose another model",
        )
    attend_as_trained(model, str(folder))
    return model


def _bare(model: Any, implementation: str) -> Any:
    """The body of an open model."""
    body = getattr(model, "base_model", model)
    if getattr(body.config, "is_encoder_decoder", False):
        body = body.get_encoder()
    if implementation != "hfdl":
        return body
    own = to_scratch_model(body)
    if body.config._attn_implementation in registered_attentions():
        own.set_attn_implementation(body.config._attn_implementation)
    return own


def _limit(
    tokenizer: Any,
    config: Any,
    modules: SentenceModules,
    found: _Folders,
    requested: int | None,
) -> tuple[int | None, str]:
    """Most tokens of a text, and what says so."""
    least = tokenizer.num_special_tokens_to_add() + 1
    if requested is not None:
        length = row_length(requested, tokenizer, config, smallest=least, where="max_length")
        return length, "max_length"
    said: Mapping[str, int | None] = {
        "max_seq_length of the model": modules.max_seq_length,
        "data.max_length of the run": found.recipe_length,
        "the model's limit": length_limit(tokenizer, config),
    }
    name = next((name for name, length in said.items() if length is not None), None)
    if name is None:
        return None, ""
    limits = (said[name], position_limit(tokenizer, config))
    length = min(limit for limit in limits if limit is not None)
    if length < least:
        raise ModelError(
            f"{length} tokens leave no room for a text",
            where=name,
            rule=f"at least {least}: special tokens are counted",
            remedy="give max_length",
        )
    return length, name


def _lower_casing(tokenizer: Any) -> Any:
    """A copy of a tokenizer that puts every text into lower case first."""
    from tokenizers.normalizers import Lowercase, Sequence

    lower = copy.deepcopy(tokenizer)
    backend = lower.backend_tokenizer
    old = backend.normalizer
    backend.normalizer = Lowercase() if old is None else Sequence([Lowercase(), old])
    return lower
