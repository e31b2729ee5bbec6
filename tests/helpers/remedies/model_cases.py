"""Errors of models, their files and their pipelines, whose remedies are typed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from .config_cases import MINE
from .library_cases import IDS
from .paste import Attempt, Call, Command, case
from .place import Place
from .run_cases import defined, own

SHORT = ("train.steps=1", "data.max_length=32", "train.precision=float32")
Edit = Callable[[Path], Any]


def _copy(place: Place, edit: Edit, of: str = "model") -> Path:
    """A copy of a model in the place, changed; the same one each time it is asked for."""
    folder = place.folder / "a model"
    if not folder.is_dir():
        shutil.copytree(getattr(place, of), folder)
        edit(folder)
    return folder


def _pickled(folder: Path) -> None:
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def _adapters(place: Place) -> Path:
    import peft
    from transformers import AutoModelForCausalLM

    folder = place.folder / "adapters"
    model = AutoModelForCausalLM.from_pretrained(place.decoder)
    peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM")).save_pretrained(folder)
    for file in place.decoder.glob("tok*"):
        shutil.copy(file, folder)
    return folder


def _more_tokens(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["[PERSON]"])
    tokenizer.save_pretrained(folder)


def _config(**changes: Any) -> Edit:
    def edit(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return edit


def shell(place: Place, attempt: Attempt, remedy: str, *, then: Any = None) -> Attempt:
    """Runs the shell line behind the last colon that begins one; then the attempt itself."""
    line = re.search(r": ((?:python|iconv|mkdir|gunzip|bunzip2|unxz|unzip) .*)$", remedy)
    assert line, remedy
    command = re.sub(r"^python ", f"'{sys.executable}' ", line[1])
    subprocess.run(command, shell=True, check=True, cwd=place.folder, capture_output=True)
    return then(place) if then else attempt


def lines(place: Place, attempt: Attempt, remedy: str, **fill: str) -> Attempt:
    """Runs each command line of hfdl's that a remedy shows, trainings for one update only."""
    del attempt
    found = re.findall(r"hfdl (?:[^;]|;(?! to ))+", remedy)
    assert found, remedy
    last: Attempt = Command(())
    for number, line in enumerate(found):
        from .parse import actions

        [action] = actions(f": {line.strip()}")
        done = Command(()).typed(action, fill, ValueError())  # pyright: ignore
        if "train" in done.words[:1]:
            rest = (*SHORT, f"data.train={place.good}") if "sentiment" in done.words else SHORT
            done = Command((*done.words, *rest, "--output", str(place.folder / f"run {number}")))
        if number < len(found) - 1:
            done.run()
        last = done
    return last


CASES = (
    # ---- folders of models
    case("weights/resolve.py:_adapters_alone#2",
         lambda p: p.read("clm", f"model.name={_adapters(p)}"),
         typing=partial(shell, then=lambda p: Command(tuple(
             p.read("clm", f"model.name={p.folder}/adapters-merged"))))),
    case("weights/resolve.py:_fault#2", lambda p: p.train(f"model.name={_copy(p, _pickled)}"),
         typing=shell),
    case("weights/vocabulary_size.py:refuse_larger_tokenizer", lambda p: [
        "predict", str(_head(p)), "a film"], typing=shell),
    case("weights/model_config.py:set_sizes", lambda p: p.read(
        "mlm", "model.name=hfdl://bert", "model.config={hiden_size: 16, num_attention_heads: 2}")),
    case("weights/saved_tokenizer.py:require_tokenizer", lambda p: Call(
        _open_pipeline, {"model": _open(p)}),
        typing=lambda p, a, said: _with_tokenizer(p, a, said)),
    case("weights/families/config_checks.py:refuse", lambda p: p.train(
        f"model.name={_copy(p, _config(hidden_act='mish'))}", "model.implementation=hfdl")),
    case("hf_models/from_config.py:check_architecture", lambda p: p.read(
        "clm", "model.name=hfdl://gpt3", "model.tokenizer=bpe")),
    case("hf_models/from_config.py:check_architecture#2", lambda p: p.train(
        "model.name=hfdl://word-average", "model.implementation=hf")),
    case("hf_models/own_architectures.py:OwnArchitecture.check_sizes#2", lambda p: p.train(
        "model.name=hfdl://word-average", "model.config={embeding_size: 8}")),
    case("tasks/new_model.py:refuse_parts_of_a_new_model",
         lambda p: p.train("model.tokenizer=bpe")),
    case("tasks/new_model.py:_check_takes_vectors", lambda p: p.train(
        "model.name=hfdl://bag-of-words", f"model.vectors={p.good}")),
    case("tuning/freeze.py:refuse_random_body", lambda p: p.train(
        "model.config={hidden_size: 16, num_attention_heads: 2}", "tune.freeze=body"),
        fill=lambda p: {"NAME": p.model}, ways=2),
    case("runs/tuned_model.py:_checkpoint_gradients", lambda p: p.train(
        "model.name=hfdl://word-average", "train.gradient_checkpointing=true")),
    # ---- attentions of one's own
    case("custom_attention/recipe.py:_registered", lambda p: p.train("model.attention=sdpaa")),
    case("custom_attention/recipe.py:_registered#2",
         lambda p: own(p, "model.attention", "def mine(q, k):\n    return q\n"), typing=defined),
    case("custom_attention/trial.py:try_attention",
         lambda p: p.train("model.attention=hfdl_numpy")),
    case("custom_attention/recipe.py:refuse_unsaid", lambda p: p.train(
        f"model.name={_attended(p)}"), ways=2),
    case("config/recorded_code.py:check_recorded#2", lambda p: [
        "evaluate", str(_moved(p)), f"data.test={p.good}"], ways=2,
        fill=lambda p: {"PATH": p.folder / "old"}),
    case("custom_attention/adapter.py:_check_result", lambda p: own(
        p, "model.attention", MINE.replace("plain", "mine").replace("@ v", "@ v).double()").replace(
            "return scores", "return (scores")),
        typing=lambda p, a, said: _returns(p, a, said)),
    case("custom_attention/trial.py:_compare_calls", lambda p: own(
        p, "model.attention", _UNMASKED), typing=lambda p, a, said: _masked(p, a, said)),
    case("custom_attention/register.py:from_numpy.of_tensors", lambda p: Call(_in_numpy, {"p": p}),
         typing=lambda p, a, said: _without_gradient(a, said)),
    # ---- what is not trained
    case("tasks/registry.py:task_of_model", lambda p: ["evaluate", p.model, f"data.test={p.good}"],
         typing=partial(lines, RECIPE="sentiment")),
    case("cli/predicting/model.py:_refuse_vectors", lambda p: ["predict", _sentence(p), "a film"],
         typing=partial(lines, RECIPE="sentiment", TEXT="film")),
)  # fmt: skip

_UNMASKED = """
import torch


def mine(q, k, v, mask, *, scale=1.0, dropout=0.0):
    scores = (q @ k.mT) * scale
    # here
    return scores.softmax(-1) @ v
"""


def _open(place: Place) -> Any:
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(place.model)


def _open_pipeline(**keywords: Any) -> Any:
    import hfdl

    return hfdl.pipeline("sentiment", **keywords)("a film")


def _with_tokenizer(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    from transformers import AutoTokenizer

    assert isinstance(attempt, Call)
    found = re.search(r"(\w+)=\.\.\.", remedy)
    assert found
    tokenizer = AutoTokenizer.from_pretrained(place.model)
    return Call(attempt.function, {**attempt.keywords, found[1]: tokenizer})


def _head(place: Place) -> Path:
    run = place.folder / "a run"
    if not run.is_dir():
        words = place.train()
        words[-1] = str(run)
        Command(tuple(words)).run()
        _more_tokens(run)
    return run


def _attended(place: Place) -> Path:
    run = place.folder / "first"
    if not run.is_dir():
        words = own(place, "model.attention", MINE, "plain")
        words[-1] = str(run)
        Command(tuple(words)).run()
    return run


def _moved(place: Place) -> Path:
    run = _attended(place)
    (place.folder / "old").mkdir(exist_ok=True)
    if (place.folder / "mine.py").is_file():
        (place.folder / "mine.py").rename(place.folder / "old" / "mine.py")
    return run


def _returns(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    found = re.search(r"return (out\.to\(q\.dtype\))", remedy)
    assert found
    code = (place.folder / "mine.py").read_text()
    result = code.rpartition("return ")[2].strip()
    place.write("mine.py", code.replace(f"return {result}", f"out = {result}\n    {found[0]}"))
    return attempt


def _masked(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    line = remedy.partition("softmax: ")[2]
    assert line.startswith("if mask")
    code = (place.folder / "mine.py").read_text()
    place.write("mine.py", code.replace("# here", line))
    return attempt


def _in_numpy(p: Place) -> Any:
    from transformers import AutoModel

    import hfdl

    hfdl.register_attention  # noqa: B018  # names hfdl's own
    model = AutoModel.from_pretrained(p.model, attn_implementation="hfdl_numpy")
    return model(input_ids=IDS)


def _without_gradient(attempt: Attempt, remedy: str) -> Attempt:
    found = re.search(r"torch\.no_grad\(\)", remedy)
    assert found
    assert isinstance(attempt, Call)

    def run(**keywords: Any) -> Any:
        with eval(found[0], {"torch": torch}):  # noqa: S307
            return attempt.function(**keywords)

    return Call(run, attempt.keywords)


def _sentence(place: Place) -> Path:
    from helpers.sentence_models import save_sentence_model

    folder = place.folder / "sentences"
    if not folder.is_dir():
        save_sentence_model(folder, place.model)
    return folder
