"""``attention_view``: from a model and a text to a page or a picture."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from hfdl.errors import ConfigError, DataError, HfdlError, ModelError
from hfdl.interpret.attention_view import attention_view
from hfdl.interpret.capture import capture_attention
from hfdl.interpret.inputs import MAX_NEW_TOKENS, open_with_tokenizer

TEXT = "what a lovely film"


@pytest.fixture(scope="module")
def tiny_t5(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random T5 with the words of the tiny BERT."""
    from transformers import AutoTokenizer, T5Config, T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp("tiny-t5")
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_bert)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=16,
            d_kv=4,
            d_ff=32,
            num_layers=3,
            num_decoder_layers=2,
            num_heads=4,
            decoder_start_token_id=0,
            pad_token_id=0,
            eos_token_id=3,
        )
    ).save_pretrained(folder)
    return folder


@pytest.fixture
def tuned(tiny_bert: Path, tmp_path: Path) -> Path:
    """The tiny BERT with one head of its second layer changed."""
    opened = open_with_tokenizer(tiny_bert)
    with torch.no_grad():
        opened.model.encoder.layer[1].attention.self.query.weight[8:16] *= -40
    opened.model.save_pretrained(tmp_path)
    opened.tokenizer.save_pretrained(tmp_path)
    return tmp_path


def content(page: Path) -> dict[str, Any]:
    source = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', source)
    assert found
    return json.loads(found[1])


def test_an_encoder(tiny_bert: Path, tmp_path: Path) -> None:
    view = attention_view(str(tiny_bert), TEXT)
    assert list(view.panels) == ["encoder"]
    panel = view.panels["encoder"]
    assert panel.tokens == panel.sources == ("[CLS]", "what", "a", "lovely", "film", "[SEP]")
    opened = open_with_tokenizer(tiny_bert)
    ids = opened.tokenizer(TEXT, return_tensors="pt")
    wanted = capture_attention(opened.model, ids)[0]["encoder"].layers
    for ours, theirs in zip(panel.layers, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    found = content(view.to_html(tmp_path / "a.html", layer=1, head=2))
    assert found["start"] == [0, 1, 2]
    assert found["models"] == ["/".join(tiny_bert.parts[-2:])]
    assert found["panels"][0]["tokens"] == list(panel.tokens)


def test_a_decoder_and_its_byte_level_tokens(tiny_gpt2: Path) -> None:
    panel = attention_view(str(tiny_gpt2), "a good film")
    assert list(panel.panels) == ["decoder"]
    assert "".join(panel.panels["decoder"].tokens) == "a␣good␣film"


def test_an_encoder_decoder_writes_its_own_target(tiny_t5: Path) -> None:
    view = attention_view(str(tiny_t5), TEXT)
    assert list(view.panels) == ["cross", "encoder", "decoder"]
    cross = view.panels["cross"]
    opened = open_with_tokenizer(tiny_t5)
    ids = opened.tokenizer(TEXT, return_tensors="pt")
    written = opened.model.generate(
        input_ids=ids["input_ids"], attention_mask=ids["attention_mask"], do_sample=False,
        max_new_tokens=MAX_NEW_TOKENS,
    )  # fmt: skip
    assert list(cross.tokens) == opened.tokenizer.convert_ids_to_tokens(written[0, :-1].tolist())
    assert cross.sources == view.panels["encoder"].tokens
    assert [layer.shape for layer in cross.layers] == [(4, len(cross.tokens), 6)] * 2


def test_an_encoder_decoder_reads_a_target(tiny_t5: Path, tmp_path: Path) -> None:
    view = attention_view(str(tiny_t5), TEXT, target="a good film")
    assert view.panels["cross"].tokens == ("[PAD]", "[CLS]", "a", "good", "film")
    assert view.panels["decoder"].layers[0].shape == (4, 5, 5)
    page = content(view.to_html(tmp_path / "a.html", kind="decoder"))
    assert [panel["kind"] for panel in page["panels"]] == ["cross", "encoder", "decoder"]
    assert page["start"] == [2, 0, None]


def test_a_comparison_finds_the_head_that_changed(
    tiny_bert: Path, tuned: Path, tmp_path: Path
) -> None:
    view = attention_view(str(tiny_bert), TEXT, compare_with=str(tuned))
    panel = view.panels["encoder"]
    divergences = panel.divergences()
    assert divergences is not None
    changed = np.zeros((2, 4), bool)
    changed[1, 1] = True
    assert (divergences[changed] > 1e-4).all()
    assert (divergences[~changed] < 1e-9).all()
    found = content(view.to_html(tmp_path / "a.html"))
    assert found["start"] == [0, 1, 1]
    assert len(found["models"]) == len(found["panels"][0]["maps"]) == 2
    view.to_png(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"


def test_an_open_model(tiny_bert: Path) -> None:
    opened = open_with_tokenizer(tiny_bert)
    view = attention_view(opened.model, TEXT, tokenizer=opened.tokenizer)
    folder = attention_view(str(tiny_bert), TEXT)
    np.testing.assert_array_equal(
        view.panels["encoder"].layers[1], folder.panels["encoder"].layers[1]
    )
    with pytest.raises(ConfigError, match=r"^tokenizer: an open model was given without its tok"):
        attention_view(opened.model, TEXT)


def test_a_model_is_opened_by_the_class_that_it_was_saved_from(
    tiny_bert: Path, tiny_gpt2: Path, tiny_t5: Path, tmp_path: Path
) -> None:
    names = [type(open_with_tokenizer(f).model).__name__ for f in (tiny_bert, tiny_gpt2, tiny_t5)]
    assert names == ["BertModel", "GPT2LMHeadModel", "T5ForConditionalGeneration"]
    opened = open_with_tokenizer(tiny_bert)
    opened.model.save_pretrained(tmp_path)
    opened.tokenizer.save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    for names in (None, [], ["pipeline"], ["NoSuchModel"], [7], "BertModel"):
        config = {**json.loads(file.read_text()), "architectures": names}
        file.write_text(json.dumps(config))
        assert type(open_with_tokenizer(tmp_path).model).__name__ == "BertModel"


def test_pictures_are_chosen_by_layer_and_head(tiny_bert: Path, tmp_path: Path) -> None:
    view = attention_view(str(tiny_bert), TEXT)
    places: list[dict[str, int]] = [{}, {"layer": 1}, {"layer": 1, "head": 3}]
    sizes = set()
    for index, place in enumerate(places):
        with Image.open(view.to_png(tmp_path / f"{index}.png", **place)) as image:
            sizes.add(image.size)
    assert len(sizes) == 3


@pytest.mark.parametrize("write", ["to_html", "to_png"])
@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"layer": 2}, "layer: there is no layer 2; this model's are 0 to 1. Choose one of them"),
        ({"layer": -1}, "layer: there is no layer -1; this model's are 0 to 1. Choose one of them"),
        ({"layer": 0, "head": 4}, "head: there is no head 4; this model's are 0 to 3. Choose one"),
        ({"kind": "cross"}, "kind: this model has no cross attention. Choose one of: encoder"),
    ],
)
def test_places_that_are_not_there(
    tiny_bert: Path, tmp_path: Path, write: str, place: Any, message: str
) -> None:
    view = attention_view(str(tiny_bert), TEXT)
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        getattr(view, write)(tmp_path / "x", **place)
    assert not (tmp_path / "x").exists()


def test_a_picture_of_a_head_of_no_layer(tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^head: head 3 of no layer\. Give the layer as well$"):
        attention_view(str(tiny_bert), TEXT).to_png(tmp_path / "a.png", head=3)


def message_of(kind: type[HfdlError], *arguments: Any, **options: Any) -> str:
    with pytest.raises(kind) as raised:
        attention_view(*arguments, **options)
    return str(raised.value)


def test_texts_that_cannot_be_read(tiny_bert: Path, tiny_gpt2: Path, tiny_t5: Path) -> None:
    name = "/".join(tiny_bert.parts[-2:])
    assert message_of(DataError, str(tiny_bert), "film " * 63) == (
        f"text: the text has 65 tokens; {name} reads 64 at most. Shorten it"
    )
    assert attention_view(str(tiny_bert), "film " * 62).panels["encoder"].heads == 4
    assert message_of(DataError, str(tiny_gpt2), "").startswith("text: '' has no tokens; ")
    long = message_of(DataError, str(tiny_t5), TEXT, target="film " * 63)
    assert long.startswith("target: the text has 65 tokens; ")
    name = "/".join(tiny_bert.parts[-2:])
    assert message_of(ConfigError, str(tiny_bert), TEXT, target="x").startswith(
        f"target: {name} has no decoder beside an encoder; "
    )


def test_models_that_cannot_be_compared(
    tiny_bert: Path, tiny_gpt2: Path, tiny_t5: Path, tmp_path: Path
) -> None:
    other = message_of(ModelError, str(tiny_bert), "what a film", compare_with=str(tiny_gpt2))
    assert "token 0 is '[CLS]' for" in other
    assert other.endswith("Compare a model with one that was trained from it")
    opened = open_with_tokenizer(tiny_bert)
    config = copy.deepcopy(opened.model.config)
    config.num_hidden_layers = 3
    deeper = type(opened.model)(config).eval()
    found = message_of(
        ModelError, opened.model, "what a film", tokenizer=opened.tokenizer, compare_with=deeper
    )
    assert "2 layers of 4 heads over 5 x 5 tokens and 3 layers of 4 heads over 5 x 5" in found
    kinds = message_of(ModelError, str(tiny_t5), TEXT, target="a", compare_with=str(tiny_bert))
    assert "cannot be compared" in kinds


def test_a_model_without_a_head_needs_a_target(tiny_t5: Path, tmp_path: Path) -> None:
    from transformers import T5Model

    opened = open_with_tokenizer(tiny_t5)
    bare = T5Model(opened.model.config).eval()
    bare.name_or_path = "bare"
    message = message_of(ConfigError, bare, TEXT, tokenizer=opened.tokenizer)
    assert message.startswith("target: bare cannot write a target text itself; ")
    view = attention_view(bare, TEXT, tokenizer=opened.tokenizer, target="a film")
    assert view.panels["cross"].tokens[0] == "[PAD]"
