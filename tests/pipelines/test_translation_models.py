"""transformers' translators: their languages, their own rules, and ids equal to ``generate``'s."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.translation_models import (
    KINDS,
    PREFIXES,
    SOURCES,
    opened,
    save,
)

import hfdl
from hfdl.errors import ConfigError


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: save(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


def theirs(kind: str, folder: Path, text: str, **options: Any) -> list[int]:
    """New ids, as transformers' translation pipeline asked for them while there was one."""
    model, tokenizer = opened(folder)
    source, target = KINDS[kind]
    if source and hasattr(tokenizer, "_build_translation_inputs"):
        inputs = tokenizer._build_translation_inputs(
            text, return_tensors="pt", src_lang=source, tgt_lang=target
        )
    else:
        inputs = tokenizer(PREFIXES[kind] + text, return_tensors="pt")
    options = {"num_beams": 2, "max_length": 12, **options} if kind == "t5" else options
    inputs = {k: v for k, v in inputs.items() if k != "token_type_ids"}
    return model.generate(**inputs, do_sample=False, **options)[0, 1:].tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("search", [{}, {"num_beams": 3, "length_penalty": 0.6}])
def test_ids_are_those_of_transformers(
    kind: str, search: dict[str, Any], folders: dict[str, Path]
) -> None:
    source, target = KINDS[kind]
    pipe = hfdl.pipeline("translation", folders[kind], src_lang=source, tgt_lang=target)
    more = {**search, "max_new_tokens": 15}
    for texts in (SOURCES, SOURCES[:1]):
        for text, found in zip(texts, pipe(texts, return_scores=True, **more), strict=True):
            expected = theirs(kind, folders[kind], text, **more)
            assert found["token_ids"] == expected
            decoded = pipe.tokenizer.decode(expected, skip_special_tokens=True)
            assert found["translation_text"] == decoded.strip()
    if kind in ("mbart", "mbart50", "nllb"):
        (first,) = {row["token_ids"][0] for row in pipe(SOURCES, return_scores=True)}
        assert first == pipe.tokenizer.convert_tokens_to_ids(target)


@pytest.mark.parametrize("kind", ["mbart", "nllb", "marian"])
def test_a_models_own_rules_are_followed(
    kind: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    """The target language of a model that was saved for one; beams and lengths, too."""
    model, tokenizer = opened(folders[kind])
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    file = tmp_path / "generation_config.json"
    own = {"forced_bos_token_id": 7, "num_beams": 3, "max_length": 11, "bad_words_ids": [[9]]}
    file.write_text(json.dumps({**json.loads(file.read_text()), **own}))
    model, tokenizer = opened(tmp_path)
    pipe = hfdl.pipeline("translation", tmp_path)
    for text, row in zip(SOURCES, pipe(SOURCES, return_scores=True), strict=True):
        inputs = tokenizer(text, return_tensors="pt")
        ids = model.generate(inputs["input_ids"], attention_mask=inputs["attention_mask"])
        assert row["token_ids"] == ids[0, 1:].tolist()
        assert row["token_ids"][0] == 7
        assert len(row["token_ids"]) <= 10


def test_a_task_may_name_its_languages(folders: dict[str, Path]) -> None:
    named = hfdl.pipeline("translation_en_to_de", folders["t5"])
    given = hfdl.pipeline("translation", folders["t5"], src_lang="en", tgt_lang="de")
    assert named(SOURCES) == given(SOURCES)
    other = hfdl.pipeline("translation_en_to_fr", folders["t5"])
    assert other(SOURCES, return_scores=True) != named(SOURCES, return_scores=True)
    assert other(SOURCES, src_lang="en", tgt_lang="de") == named(SOURCES)


@pytest.mark.parametrize(
    ("kind", "languages", "message"),
    [
        ("t5", {}, "data.tgt_lang: no languages are given; the model's pairs are: en to de, en to"),
        ("t5", {"src_lang": "en", "tgt_lang": "xx"}, "from 'en' into 'xx' is no pair of the model"),
        ("mbart", {"tgt_lang": "ro"}, "data.tgt_lang: the model knows no language 'ro'"),
        ("mbart", {"src_lang": "en_UK"}, "data.src_lang: the model knows no language 'en_UK'"),
        ("nllb", {"tgt_lang": "fra_latin"}, "Did you mean 'fra_Latn'?"),
        ("marian", {"src_lang": "en"}, "has no language of sources"),
    ],
)
def test_languages_that_a_model_does_not_know(
    kind: str, languages: dict[str, str], message: str, folders: dict[str, Path]
) -> None:
    with pytest.raises(ConfigError) as caught:
        hfdl.pipeline("translation", folders[kind], **languages)
    assert message in str(caught.value)


def test_several_translations_of_a_text(folders: dict[str, Path]) -> None:
    pipe = hfdl.pipeline("translation", folders["marian"], num_beams=3, num_return_sequences=2)
    both = pipe(SOURCES)
    assert [len(rows) for rows in both] == [2, 2, 2]
    assert pipe(SOURCES[0]) == both[0]
    text = pipe(SOURCES[0], num_return_sequences=1)[0]["translation_text"]
    assert text == both[0][0]["translation_text"]
    stop = text[2:4]
    (cut,) = pipe(SOURCES[0], stop=stop, num_beams=1, num_return_sequences=1)
    assert stop not in cut["translation_text"]
