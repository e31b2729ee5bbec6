"""Errors of saved models without a head, own tasks and launchers: remedies are typed."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import torch

from .config_cases import MINE
from .library_cases import IDS, typed
from .model_cases import _config, _copy, lines, shell
from .paste import Attempt, Call, Command, case
from .place import Place
from .run_cases import own


def _without(*parts: str) -> Any:
    def edit(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        file = folder / "model.safetensors"
        kept = {k: v for k, v in load_file(file).items() if not any(part in k for part in parts)}
        save_file(kept, file, {"format": "pt"})

    return edit


def _headless(place: Place, name: str) -> Path:
    return _copy(place, _config(architectures=[name]))


def _bodyless(place: Place) -> Path:
    return _copy(place, _without("layer.1.attention"))


def _pandas(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    import pandas as pd

    found = re.search(r"orient='(\w+)'", remedy)
    assert found
    rows = pd.DataFrame({"text": ["a", "b"] * 9, "label": ["x", "y"] * 9})
    place.write("a.json", rows.to_json(orient=found[1]))
    return attempt


def _with_keyword(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    found = re.search(r"keyword (\w+=[\d.]+)", remedy)
    assert found
    code = (place.folder / "mine.py").read_text()
    place.write("mine.py", code.replace("*, scale=1.0", f"*, scale=1.0, {found[1]}"))
    return attempt


def _launched(place: Place, **environment: str) -> None:
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        Command(tuple(place.train())).run()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _unset(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    found = re.search(r"unset (\w+)", remedy)
    assert found
    assert isinstance(attempt, Call)
    keywords = {k: v for k, v in attempt.keywords.items() if k != found[1]}
    return Call(attempt.function, keywords)


def _exported(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    found = re.search(r"export (\w+)=(\w+)", remedy)
    assert found
    assert isinstance(attempt, Call)
    return Call(attempt.function, {**attempt.keywords, found[1]: found[2]})


class Mine:
    """A task without a spec."""


def _register(p: Place, task: Any) -> Any:
    del p
    import hfdl
    from hfdl.tasks.registry import TASKS

    known = dict(TASKS)
    try:
        return hfdl.register_task(task)
    finally:
        TASKS.clear()
        TASKS.update(known)


def _with_spec(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    from hfdl.tasks.spec import TaskSpec

    code = remedy.partition("class: ")[2].replace('"..."', '"of_this_test"')
    names: dict[str, Any] = {"TaskSpec": TaskSpec}
    exec(code, names)
    made = type("Made", (), {"spec": names["spec"]})
    assert isinstance(attempt, Call)
    return Call(attempt.function, {"p": place, "task": made})


def _vectors(place: Place) -> list[str]:
    file = place.write("vectors.txt", "2 3\nzzz 1 2 3\nqqq 2 3 4\n")
    return place.train("model.name=hfdl://word-average", f"model.vectors={file}")


CASES = (
    case("tasks/building.py:BuildsModel.untrained", lambda p: [
        "predict", _headless(p, "BertForSequenceClassification"), "a film"], typing=lines),
    case("tasks/language_modeling/masked_lm.py:MaskedLM.untrained", lambda p: [
        "predict", _headless(p, "BertForMaskedLM"), "a [MASK]"],
        typing=partial(lines, ADDED="data.train=hfdl://prose")),
    case("tasks/language_modeling/causal_lm.py:CausalLM.untrained", lambda p: [
        "predict", _copy(p, _config(tie_word_embeddings=False), "decoder"), "a film"],
        typing=lines),
    case("tasks/registry.py:register_task", lambda p: Call(
        _register, {"p": p, "task": Mine}), typing=_with_spec),
    case("tasks/registry.py:_import_task", lambda p: p.train(
        f"task={p.write('my task.py', 'def mine(): pass' + chr(10) + 'class Mine: pass')}:mine"),
        fill={"CLASS": "Mine"}, then="has no spec"),
    case("weights/pretrained.py:_refuse_new_body", lambda p: p.train(
        f"model.name={_bodyless(p)}")),
    case("weights/word_vectors.py:find_vectors", _vectors),
    case("weights/sentence/layers.py:_with_weights", lambda p: [
        "embed", _pickled_dense(p), "a film"], typing=shell),
    case("custom_attention/adapter.py:AttentionAdapter._dropout", lambda p: own(
        p, "model.attention", MINE.replace("plain", "mine").replace(", dropout=0.0", "")),
        typing=_with_keyword),
    case("data/readers/json_shapes.py:_pandas", lambda p: p.on(
        '{"0": {"0": "a", "1": "b"}, "1": {"0": "x", "1": "y"}}', name="a.json"), typing=_pandas),
    case("training/distributed/launcher_settings.py:check_launcher_settings", lambda p: Call(
        _launched, {"place": p, "ACCELERATE_USE_DEEPSPEED": "true"}), typing=_unset),
    case("training/distributed/launcher_settings.py:follow_launcher", lambda p: Call(
        _launched, {"place": p, "ACCELERATE_USE_FSDP": "true"}), typing=_exported),
    case("training/distributed/sharding.py:check_strategy", lambda p: p.train(
        "train.strategy=fsdp", "train.optimizer=muon"), ways=2),
    case("hf_models/kernels.py:kernel_named", lambda p: Call(
        _ask, {"model": _scratch(p)}), typing=typed(r"model\.set_attn.*")),
    case("pipelines/embeddings/pipeline.py:EmbeddingPipeline._prompt", lambda p: [
        "embed", p.model, "a film", "--prompt-name", "query"], fill={"TEXT": "query: "}),
)  # fmt: skip


def _scratch(place: Place) -> Any:
    from hfdl.hf_models.load import load_scratch

    model = load_scratch(place.decoder)
    model.config._attn_implementation = "flash_attention_2"
    return model


def _ask(model: Any) -> Any:
    return model(IDS)


def _pickled_dense(place: Place) -> Path:
    from safetensors.torch import load_file

    from helpers.sentence_models import save_sentence_model

    folder = place.folder / "dense"
    if not folder.is_dir():
        sizes = {"in_features": 32, "out_features": 8, "bias": False,
                 "activation_function": "torch.nn.modules.linear.Identity"}  # fmt: skip
        weights = {"linear.weight": torch.zeros(8, 32)}
        save_sentence_model(folder, place.model, layers=[("Dense", sizes, weights)])
        file = folder / "2_Dense/model.safetensors"
        torch.save(load_file(file), file.with_name("pytorch_model.bin"))
        file.unlink()
    return folder
