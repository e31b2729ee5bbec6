"""Classes with a fault each are refused by name before anything is written."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import tuned_tasks
from helpers.tuned_tasks import Bodies
from helpers.wording import assert_wording

import hfdl
from hfdl.config.load import CODE
from hfdl.errors import ConfigError, HfdlError
from hfdl.training.events import Noted

pytestmark = pytest.mark.usefixtures("without_report")

FAULTS = {
    "OneScore": r"gives scores of shape \(2, 1\)",
    "NotANumber": "gives NaN or infinity",
    "Detached": "without a gradient",
    "Nothing": "gives NoneType without logits",
    "Few": "cannot read ids up to",
    "NoConfig": "cannot be made",
    "Absent": "has no 'Absent'",
    "function": "is no model class",
    "AsksForMore": "needs extra in its forward",
    "OtherNames": "needs ids, mask in its forward",
    "ByPosition": "needs input_ids, attention_mask in its forward",
    "AlwaysDropping": "gives other scores each time",
    "Counting": "changes in training what is not saved",
    "UnsavedBuffer": "changes in training what is not saved",
    "DictOfState": "has dict in its state dict",
    "InPlace": "has no gradient: one of the variables",
    "Overlapping": "which overlap in memory",
    "AllFrozen": "no weight of the model is trained",
    "Translator": "takes a BartConfig, and model.name has a BertConfig",
}


def silent(event: Any) -> None:
    """A listener that says nothing."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named(name: str, own: Path, bodies: Bodies, tmp_path: Path) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=2)
    with pytest.raises(ConfigError, match=FAULTS[name]) as caught:
        run.train(tmp_path / "run", model__class=f"{own}:{name}")
    assert_wording(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["Views", "Lazy", "Normed"])
def test_what_is_saved_is_what_was_trained(
    name: str, own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    """The figures of training are those of the saved model, opened again."""
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=3)
    done = run.train(tmp_path / "run", model__class=f"{own}:{name}")
    again = hfdl.evaluate(done.directory, listener=silent)["validation"]
    assert again["loss"] == pytest.approx(done.metrics["validation"]["loss"], rel=1e-5)


def test_a_model_that_mixes_the_texts_of_a_batch_is_told(
    own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=1)
    events: list[Any] = []
    run.train(tmp_path / "run", listener=events.append, model__class=f"{own}:MixesTexts")
    said = [e.text for e in events if isinstance(e, Noted) and "mixes the texts" in e.text]
    assert len(said) == 1


def test_a_causal_model_that_looks_ahead_is_refused(
    own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make("causal_lm", tmp_path / "data", bodies, "auto", train__steps=2)
    with pytest.raises(ConfigError, match="sees the tokens that it is to predict") as caught:
        run.train(tmp_path / "run", model__class=f"{own}:Ahead")
    assert_wording(caught.value)


def test_one_that_reads_padding_is_told(own: Path, bodies: Bodies, tmp_path: Path) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=2)
    for name, count in (("ReadsPadding", 1), ("Words", 0)):
        notes: list[str] = []

        def note(event: Any, notes: list[str] = notes) -> None:
            if isinstance(event, Noted):
                notes.append(event.text)

        run.train(tmp_path / name, note, model__class=f"{own}:{name}")
        assert sum("reads padding" in each for each in notes) == count


def test_what_it_raises_is_told_with_its_line(own: Path, bodies: Bodies, tmp_path: Path) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=2)
    words = [f"{key}={value}" for key, value in run.settings.items()]
    done = subprocess.run(
        [sys.executable, "-m", "hfdl.cli", "train", run.recipe, *words,
         f"model.class={own}:Raises", "--output", str(tmp_path / "run")],
        capture_output=True, text=True,
    )  # fmt: skip
    line = own.read_text().splitlines().index('        raise KeyError("of my own")') + 1
    assert done.returncode == 2
    assert f"{own}, line {line}: KeyError: 'of my own'" in done.stderr
    assert "fault in hfdl" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_hfdls_own_code_of_it_is_refused(own: Path, bodies: Bodies, tmp_path: Path) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "hfdl", train__steps=2)
    with pytest.raises(ConfigError, match="no code of its own") as caught:
        run.train(tmp_path / "run", model__class=f"{own}:Words")
    assert_wording(caught.value)


@pytest.fixture
def finished(own: Path, bodies: Bodies, tmp_path: Path) -> Path:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=1)
    run.train(tmp_path / "run", model__class=f"{own}:MeanBert")
    return tmp_path / "run"


def test_weights_are_not_opened_with_another_class_in_silence(
    finished: Path, own: Path, tmp_path: Path
) -> None:
    """A changed or absent file, plain training on, verify and load_scratch: each says the class."""
    text = own.read_text()
    own.write_text(text + "\n# changed\n")
    with pytest.raises(ConfigError, match="has changed since") as changed:
        hfdl.pipeline("sentiment", model=finished)
    own.unlink()
    with pytest.raises(ConfigError, match="is gone since") as gone:
        hfdl.evaluate(finished, listener=silent)
    moved = tmp_path / "moved.py"
    moved.write_text(text)
    chosen = {"model.class": f"{moved}:MeanBert"}
    assert hfdl.evaluate(finished, chosen, listener=silent)["validation"]
    own.write_text(text)
    with pytest.raises(HfdlError, match="belong to the class") as plain:
        hfdl.train(
            "sentiment",
            {"model.name": str(finished), "data.train": str(tmp_path / "data" / "reviews.csv"),
             "data.max_length": 32},
            output=tmp_path / "again", listener=silent,
        )  # fmt: skip
    for caught in (changed, gone, plain):
        assert_wording(caught.value)
    assert not (tmp_path / "again").exists()
    for otherwise in (
        lambda: hfdl.load_scratch(str(finished)),
        lambda: hfdl.verify(str(finished)),
        lambda: hfdl.pipeline("feature-extraction", model=finished),
    ):
        with pytest.raises(HfdlError, match="belong to the class"):
            otherwise()


@pytest.mark.parametrize("key", ["class", "attention"])
def test_code_of_the_models_own_folder_is_never_run(
    key: str, own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    """As a folder from elsewhere would bring it: its config names a file beside itself."""
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=1)
    run.train(tmp_path / "run")
    folder = tmp_path / "run"
    mark, evil = folder / "it ran", folder / "evil.py"
    evil.write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()\n" + own.read_text())
    config = json.loads((folder / "config.json").read_text())
    for record in ({"name": f"{evil}:MeanBert"}, {"name": f"{evil}:MeanBert", "sha256": "0" * 64}):
        (folder / "config.json").write_text(json.dumps({**config, f"hfdl_{key}": record}))
        with pytest.raises(HfdlError, match="asks for code of its own folder") as caught:
            hfdl.evaluate(folder, listener=silent)
        assert_wording(caught.value)
    assert not mark.exists()


def test_a_recipe_in_a_model_folder_names_no_code_of_that_folder(
    own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    """Every key that may name code; beside a recipe of the user's own, code is welcome."""
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=1)
    run.train(tmp_path / "run")
    folder = tmp_path / "run"
    evil = Path(shutil.copy(own, folder / "evil.py"))
    text = (folder / "recipe.yaml").read_text()
    recipe = yaml.safe_load(text)
    for key in CODE:
        section, _, name = key.rpartition(".")
        changed = copy.deepcopy(recipe)
        several = key in ("train.metrics", "train.callbacks")
        (changed[section] if section else changed)[name or key] = (
            [f"{evil}:X"] if several else f"{evil}:X"
        )
        (folder / "recipe.yaml").write_text(yaml.safe_dump(changed))
        for use in (
            lambda: hfdl.evaluate(folder, listener=silent),
            lambda: hfdl.pipeline(model=folder),
            lambda: hfdl.train(folder, output=tmp_path / "again", listener=silent),
        ):
            with pytest.raises(HfdlError, match="asks for code of its own folder"):
                use()
    assert len(CODE) == 6
    users = Path(shutil.copy(folder / "recipe.yaml", tmp_path / "users.yaml"))
    users.write_text(
        yaml.safe_dump({**recipe, "model": {**recipe["model"], "class": f"{own}:Words"}})
    )
    assert hfdl.train(users, output=tmp_path / "again", listener=silent).metrics


def test_weights_of_another_shape_are_refused(finished: Path, own: Path, tmp_path: Path) -> None:
    with pytest.raises(HfdlError, match="do not fit Words") as caught:
        hfdl.evaluate(finished, {"model.class": f"{own}:Words"}, listener=silent)
    assert_wording(caught.value)
