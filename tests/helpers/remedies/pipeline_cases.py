"""Errors of pipelines, whose remedies are typed into the call."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from .library_cases import call
from .paste import Call, Command, case
from .place import Place


def _pipe(place: Place, task: str = "text-classification") -> Any:
    import hfdl

    run = place.folder / "a run"
    if not run.is_dir():
        recipe = {"ner": place.tag()}.get(task) or place.train()
        recipe[-1] = str(run)
        Command(tuple(recipe)).run()
    return hfdl.pipeline("ner" if task == "ner" else "sentiment", model=str(run))


def ask(at: str, task: str, texts: Any, *, ways: int = 1, fill: Any = None, **keywords: Any) -> Any:
    """A case of a pipeline's call."""

    def make(place: Place) -> Call:
        pipe = _pipe(place, task)
        return Call(lambda **given: pipe(texts, **given), keywords)

    return case(at, make, ways=ways, fill=fill)


def _gpt2(**options: Any) -> Any:
    import hfdl

    folder, text = options.pop("folder"), options.pop("text")
    return hfdl.pipeline("text-generation", model=str(folder))(text, **options)


def _zero_shot(place: Place, **keywords: Any) -> Any:
    import hfdl

    pipe = hfdl.pipeline("zero-shot-classification", model=str(_nli(place)), **{
        k: keywords.pop(k) for k in ("entailment_label",) if k in keywords})  # fmt: skip
    return pipe("what a good film", **{"candidate_labels": ["good", "bad"], **keywords})


def _nli(place: Place) -> Path:
    words = place.on("text,label\n" + "a,entailment\nb,neutral\n" * 9)
    run = place.folder / "nli"
    if not run.is_dir():
        Command((*words[:-1], str(run))).run()
    return run


CASES = (
    call("pipelines/registry.py:pipeline_spec", "pipelines:pipeline", task="sentimnt",
         then="not on this machine"),
    call("pipelines/__init__.py:find_pipeline#2", "pipelines:pipeline", task="translation",
         fill=lambda p: {"FOLDER": p.decoder}, then="no encoder-decoder"),
    ask("pipelines/text_classification.py:_checked_function", "text-classification", "a film",
        function_to_apply="softmaxx"),
    ask("pipelines/token_classification/pipeline.py:_checked_strategy", "ner", "ann",
        aggregation_strategy="simpel"),
    ask("pipelines/token_classification/pipeline.py:_wrong_input#2", "ner", [["ann", "saw"]]),
    case("pipelines/generation_options.py:WritingOptions.changed", lambda p: Call(
        _gpt2, {"folder": p.decoder, "text": "a", "max_new_tokenz": 3})),
    case("pipelines/text_generation.py:TextGenerationPipeline._room", lambda p: Call(
        _gpt2, {"folder": p.decoder, "text": "a film", "max_new_tokens": 90})),
    case("pipelines/zero_shot_classification.py:_entailment", lambda p: Call(
        partial(_zero_shot, p), {"entailment_label": "yes"})),
    case("pipelines/zero_shot_classification.py:_read_labels", lambda p: Call(
        partial(_zero_shot, p), {"candidate_labels": []})),
    case("pipelines/zero_shot_classification.py:_hypothesis", lambda p: Call(
        partial(_zero_shot, p), {"hypothesis_template": "no place"})),
    case("pipelines/embeddings/feature_extraction.py:_tokenize_options", lambda p: Call(
        _features, {"p": p, "tokenize_kwargs": {"truncatoin": True}})),
    case("pipelines/embeddings/feature_extraction.py:_refuse_long", lambda p: Call(
        _features, {"p": p, "text": "film " * 90, "truncation": False})),
    case("pipelines/embeddings/open_embedder.py:open_embedder", lambda p: Call(
        _features, {"p": p, "implementation": "hfd"})),
    case("quantization/precision.py:check_precision", lambda p: Call(
        _in_precision, {"p": p, "precision": "int4"})),
    case("quantization/convert.py:int8_device", lambda p: Call(
        _in_precision, {"p": p, "precision": "int8", "device": "meta"})),
    case("parity/verify.py:_Comparison.variants#2", lambda p: Call(
        _verified, {"p": p, "variants": ["cached"]})),
)  # fmt: skip


def _verified(p: Place, **keywords: Any) -> Any:
    from hfdl.parity.verify import verify

    return verify(str(p.model), **keywords)


def _in_precision(p: Place, **keywords: Any) -> Any:
    import hfdl

    return hfdl.pipeline("feature-extraction", model=str(p.model), **keywords)("film")


def _features(p: Place, text: str = "film", **keywords: Any) -> Any:
    import hfdl

    made = {k: keywords.pop(k) for k in ("implementation",) if k in keywords}
    return hfdl.pipeline("feature-extraction", model=str(p.model), **made)(text, **keywords)
