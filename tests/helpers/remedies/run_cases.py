"""Errors of runs, their folders and their training, whose remedies are typed."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hfdl.runs.lock import LOCK

from .config_cases import MINE
from .paste import Attempt, Call, Command, case
from .place import Place

_open: list[Any] = []


def _output(place: Place, *names: str) -> Path:
    for name in names:
        place.write(f"mine/{name}", "x")
    return place.folder / "mine"


def _regression(place: Place) -> Path:
    """The folder of a model that gives a number."""
    Command(tuple(place.on(NUMBERS))).run()
    return place.output


def _output_of_run(place: Place) -> Path:
    place.write("out/run/recipe.yaml", "task: x")
    return place.output


def _trained(place: Place, *words: str) -> Path:
    """The folder of a run of one update."""
    Command(tuple(place.train(*words))).run()
    return place.output


def _stopped(place: Place, *changes: str) -> list[str]:
    """A resumption of a run of two updates that was stopped after the first."""
    folder = _trained(place, "train.save_every=1", "train.steps=2")
    (folder / "metrics.json").unlink()
    return ["train", str(folder), *changes, "--output", str(folder), "--resume"]


def _locked(place: Place) -> list[str]:
    place.output.mkdir(parents=True)
    stream = (place.output / LOCK).open("w")
    fcntl.flock(stream, fcntl.LOCK_EX)
    _open.append(stream)
    return place.train()


def _made(folder: Path) -> None:
    from hfdl.runs.lock import made

    with made(folder, exclusively=False):
        pass


def _finished(folder: Path) -> None:
    from hfdl.runs.seeds import finished_run

    finished_run(folder)


def _resumed(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    """Runs the command that the remedy names; then the attempt itself."""
    from .parse import actions

    for action in actions(remedy):
        Command(()).typed(action, {}, ValueError()).run()  # pyright: ignore
    return attempt


def _interrupted(place: Place, name: str) -> Path:
    words = _stopped(place)
    for file in ("metrics.json", "predictions.jsonl"):
        (Path(words[1]) / file).unlink(missing_ok=True)
    del name
    return Path(words[1])


def own(place: Place, key: str, code: str, name: str = "mine") -> list[str]:
    """A training with a function of one's own."""
    path = f"'{place.write('mine.py', code)}:{name}'"
    return place.train(f"{key}={path}" if key in _SINGLE else f"{key}=[{path}]")


def defined(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    """Writes the function that a remedy shows, its dots filled in, into the user's file."""
    shown = re.search(r"def .*?\.\.\.", remedy)
    assert shown, remedy
    code = shown[0].replace("return ...", "return 1.0").replace("...", "print(event)")
    if "q, k, v" in code:
        code = MINE.partition("def plain")[2].partition(":")[2]
        code = (
            shown[0]
            .partition("return")[0]
            .rstrip()
            .replace("mask)", "mask, scale=1.0, dropout=0.0)")
            + code
        )
    place.write("mine.py", code)
    return attempt


_SINGLE = ("model.attention", "train.optimizer")
TRAINER = "from transformers import TrainerCallback\n\n\nclass mine(TrainerCallback):\n    pass\n"
CLOSURE = (
    "import torch\n\n\nclass mine(torch.optim.SGD):\n    def step(self, closure):\n"
    "        super().step()\n"
)
NUMBERS = "text,label\n" + "a,0.5\nb,1.5\n" * 9
MULTI = "text,label\n" + "a,x;y\nb,y\nc,z\n" * 9


def _multi(place: Place, *words: str) -> list[str]:
    return place.on(MULTI, "data.label_separator=;", *words)


CASES = (
    # ---- folders
    case("runs/ingredients.py:refuse_inputs_inside", lambda p: [
        *p.train(f"data.validation={p.write('out/run/held.csv', p.good.read_bytes())}",
                 output=_output_of_run(p)), "--overwrite"]),
    case("runs/outputs.py:RunFolder.check", lambda p: p.train(output=p.write("mine", "x"))),
    case("runs/outputs.py:RunFolder._check_overwritable",
         lambda p: p.train(output=_output(p, "thesis.txt"))),
    case("runs/outputs.py:RunFolder._check_overwritable", lambda p: p.train(
        output=_trained(p)), ways=3),
    case("runs/outputs.py:RunFolder._check_overwritable#2", lambda p: [
        *p.train(output=_output(p, "thesis.txt")), "--overwrite"]),
    case("runs/outputs.py:RunFolder._check_resumable", lambda p: [*p.train(), "--resume"], ),
    case("runs/outputs.py:RunFolder._unwritable",
         lambda p: p.train(output=p.write("m", "x") / "r")),
    case("runs/outputs.py:check_group_folder", lambda p: [
        *p.train(output=_trained(p)), "--seeds", "1"]),
    case("runs/seeds.py:_check_folders", lambda p: [
        *p.train(output=_output(p, "thesis.txt")), "--seeds", "1", "--resume"]),
    case("runs/lock.py:_acquire", _locked),
    case("runs/lock.py:made", lambda p: Call(_made, {"folder": Path("/proc/hfdl")}),
         typing=lambda p, a, said: Call(_made, {"folder": p.folder / "other"})),
    case("runs/seeds.py:finished_run", lambda p: Call(
        _finished, {"folder": Path(_stopped(p)[1])}), typing=_resumed),
    case("runs/earlier.py:recipe_of_run", lambda p: _stopped(p, "train.seed=9")),
    case("runs/earlier.py:recipe_of_run#2", lambda p: _edited(p, "seed: 0", "seed: 9"), ways=2),
    case("training/fingerprint.py:refuse_another", lambda p: _other_data(p)),
    # ---- training
    case("training/accelerator.py:check_trackers",
         lambda p: p.train("train.trackers=[tensorbord]")),
    case("training/accelerator.py:choose_precision", lambda p: p.train("train.precision=fp16")),
    case("training/optim.py:build_schedule", lambda p: p.train("train.schedule=cosin")),
    case("training/optimizers.py:optimizer_class", lambda p: p.train("train.optimizer=adamv")),
    case("training/muon.py:matrix_groups", lambda p: p.train(
        "train.optimizer=muon", "tune.freeze=body")),
    case("training/optimizers.py:_refuse_unfit", lambda p: p.train("train.optimizer=lbfgs")),
    case("training/optimizers.py:_own_class#2", lambda p: own(p, "train.optimizer", CLOSURE),
         typing=lambda p, a, said: (p.write("mine.py", CLOSURE.replace(
             "def step(self, closure):", re.search(r"def step.self, .*?:", said)[0])), a)[1]),
    case("training/optimizers.py:_check_options", lambda p: p.train(
        "train.optimizer=sgd", "train.optimizer_options={lr: 0.1, momentum: 0.5}")),
    case("training/optimizers.py:_check_options#2", lambda p: p.train(
        "train.optimizer=sgd", "train.optimizer_options={momentun: 0.1}")),
    case("training/optimizers.py:_unused", lambda p: p.train(
        "train.optimizer=sgd", "train.adam_epsilon=0.5"), ways=2),
    case("training/plan.py:check_best_metric", lambda p: p.train("train.best_metric=acuracy")),
    case("training/finite.py:refuse_update", lambda p: p.train(
        "train.learning_rate=1e30", "train.steps=3", "train.schedule=constant")),
    # ---- own parts
    case("metrics/named.py:named", lambda p: p.train("train.metrics=[f1_makro]")),
    case("metrics/own.py:_metric", lambda p: own(
        p, "train.metrics", "def mine(x):\n    return 1.0\n"), typing=defined),
    case("metrics/own.py:_no_figure", lambda p: own(
        p, "train.metrics", "def mine(predictions, references):\n    return '1'\n"),
        typing=lambda p, a, said: (p.write(
            "mine.py", "def mine(predictions, references):\n    value = '1'\n    "
            + re.search("return float.value.", said)[0]), a)[1]),
    case("runs/callbacks.py:_callback", lambda p: own(p, "train.callbacks", TRAINER),
         typing=defined),
    case("runs/callbacks.py:_callback#2", lambda p: own(
        p, "train.callbacks", "def mine(event):\n    yield event\n"), typing=defined),
    case("runs/callbacks.py:_callback#3", lambda p: own(
        p, "train.callbacks", "def mine():\n    pass\n"), typing=defined),
    # ---- tuning
    case("tuning/freeze.py:_matched", lambda p: p.train("tune.freeze=[bodi]")),
    case("tuning/freeze.py:_matched", lambda p: p.train("tune.freeze=['*.biass']")),
    case("tuning/freeze.py:_matched", lambda p: p.train("tune.freeze=[qqqqqqqq]")),
    case("tuning/lora.py:_targets", lambda p: p.train("tune.lora.targets=[quary]")),
    case("tuning/lora.py:_targets#2", lambda p: p.train("tune.lora={}", "tune.freeze=body")),
    # ---- tasks
    case("tasks/training_loss.py:class_weights", lambda p: p.train(
        "tune.class_weights={Positive: 2}")),
    case("tasks/training_loss.py:refuse_class_weights", lambda p: p.read(
        "mlm", "tune.class_weights={film: 2}")),
    case("tasks/text_classification/loss.py:refuse_on_numbers", lambda p: p.on(
        NUMBERS, "tune.label_smoothing=0.1")),
    case("tasks/text_classification/thresholds.py:thresholds_of", lambda p: _multi(
        p, "tune.threshold={xx: 0.5}")),
    case("tasks/text_classification/model_kind.py:refuse_names", lambda p: [
        "evaluate", _regression(p), p.write("named.csv", "text,label,stars\na,bad,1.5\n")],
         fill={"COLUMN": "stars"}),
    case("tasks/text_classification/model_kind.py:refuse_other_kind", lambda p: [
        "evaluate", _regression(p), p.write("held.csv", NUMBERS),
        "data.problem_type=single_label_classification"]),
    case("tasks/base.py:PretrainedTask.__init__", lambda p: p.tag("tune.threshold=0.5")),
    case("tasks/token_classification/data.py:fate_of_long_sentences", lambda p: p.tag(
        "data.long_text=head_tail")),
    case("tasks/language_modeling/causal_lm.py:block_length", lambda p: p.read(
        "clm", "data.max_length=null", "data.stride=64")),
    case("tasks/registry.py:canonical_name", lambda p: p.train("task=sentimnt")),
    case("tasks/translation/data.py:refuse_no_train", lambda p: [
        "train", "translation", "train.steps=1"], fill={"FILE": "no.csv"}, then="no such file"),
    case("tasks/translation/data.py:fate_of_long_texts", lambda p: _translation(
        p, "data.long_text=window"), ways=2),
    case("tasks/translation/task.py:Translation.check_recipe", lambda p: _translation(
        p, "model.tokenizer=bpe")),
)  # fmt: skip


def _other_data(place: Place) -> Sequence[str]:
    rows = place.good.read_text().replace("film", "song")
    return _edited(place, str(place.good), str(place.write("other.csv", rows)))


def _edited(place: Place, old: str, new: str) -> list[str]:
    """The resumption of a run whose recipe.yaml has been edited."""
    words = _stopped(place)
    recipe = Path(words[1]) / "recipe.yaml"
    text = recipe.read_text()
    assert old in text
    recipe.write_text(text.replace(old, new))
    return words


def _translation(place: Place, *words: str) -> list[str]:
    rows = "text,label\n" + "one two,eins zwei\ntwo one,zwei eins\n" * 20
    sizes = ("model.config={hidden_size: 16, num_attention_heads: 2, encoder_layers: 1, "
             "decoder_layers: 1, vocab_size: 300}")  # fmt: skip
    return ["train", "translation", f"data.train={place.write('pairs.csv', rows)}", sizes,
            "train.steps=1", "data.text=text", "data.label=label", *words,
            "--output", str(place.output)]  # fmt: skip
