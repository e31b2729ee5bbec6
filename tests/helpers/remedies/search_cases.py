"""Errors of searches, their spaces and their folders, whose remedies are typed."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

from .paste import Attempt, Command, case
from .place import Place

BAG = ("eras/bag-of-words", "train.epochs=1")
RATES = "search.train.learning_rate={low: 0.001, high: 0.1, log: true}"
SIZES = "search.train.batch_size=[16, 32]"


def searched(*words: str) -> list[str]:
    """A search that is planned, and would work but for the last words."""
    return ["tune", *BAG, *words, "--dry-run"]


def _study(place: Place, *words: str, folder: Path | None = None) -> list[str]:
    return ["tune", *BAG, SIZES, "study.trials=1", "study.fresh_seeds=0", *words,
            "--output", str(folder or place.output)]  # fmt: skip


def _made(place: Place) -> Path:
    """The folder of a study of one trial."""
    Command(tuple(_study(place))).run()
    return place.output


def _begun(place: Place) -> Path:
    """The folder of a study that was stopped before its end."""
    shutil.rmtree(_made(place) / "best")
    for name in ("report.html", "study.json"):
        (place.output / name).unlink()
    return place.output


def _of_run(place: Place) -> Path:
    place.write("out/run/recipe.yaml", "task: x")
    return place.output


def pasted(place: Place, attempt: Any, remedy: str) -> Attempt:
    """Adds the overrides that a remedy writes out, after a colon or ``write``."""
    del place
    text = re.split(r", or set |, or choose ", remedy)[0]
    words = [word for word in shlex.split(text) if re.match(r"[\w.]+=", word)]
    assert words, remedy
    return Command((*attempt.words, *words))


def _listed(place: Place, attempt: Any, remedy: str) -> Attempt:
    filled = remedy.replace("A, B", "adamw, sgd").replace("5, ...", "5, 6")
    return pasted(place, attempt, re.sub(r"=\[.*\]", lambda m: shlex.quote(m[0]), filled))


def _folds(place: Place) -> list[str]:
    rows = "text,label\n" + "".join(f"word{i} film,{'ab'[i % 2]}\n" for i in range(4))
    return ["train", *BAG, f"data.train={place.write('few.csv', rows)}", "data.folds=9",
            "data.fold=0", "--output", str(place.output)]  # fmt: skip


CASES = (
    # ---- the space
    case("config/search_space.py:check_shapes", lambda p: searched(
        "search.train.batch_size=16"), typing=lambda p, a, said: Command(
            (*a.words, "search.train.batch_size=[16, 32]"))),
    case("config/search_space.py:check_values", lambda p: searched(
        SIZES, "search.task=[ner, mlm]"), typing=pasted),
    case("config/search_space.py:check_values#2",
         lambda p: searched("search.train.batchsize=[16, 32]"), typing=lambda p, a, said: Command(
             (*a.words[:-2], SIZES, "--dry-run"))),
    case("config/search_space.py:_check_range", lambda p: searched(
        "search.train.learning_rate={low: 0.001, hihg: 0.1}"), typing=lambda p, a, said: Command(
            tuple(word.replace("hihg", said.split("'")[1]) for word in a.words))),
    case("config/search_space.py:_check_order", lambda p: searched(
        "search.train.learning_rate={low: 0.1, high: 0.01}"), typing=pasted),
    case("config/search_space.py:_check_order#2", lambda p: searched(
        "search.train.learning_rate={low: 0, high: 0.01, log: true}"), typing=pasted),
    case("config/search_space.py:_check_order#3", lambda p: searched(
        "search.train.learning_rate={low: 0.001, high: 0.01, log: true, step: 0.001}"),
        typing=pasted),
    case("config/search_space.py:_check_list", lambda p: searched(
        RATES, "search.train.batch_size=[]"), typing=pasted),
    case("config/search_space.py:_check_list#2", lambda p: searched(
        "search.train.batch_size=[8, 8, 16]"), typing=pasted),
    case("config/search_space.py:_one_value", lambda p: searched(
        RATES, "search.train.batch_size=[8]"), typing=pasted),
    case("config/search_space.py:_one_value", lambda p: searched(
        SIZES, "search.train.learning_rate={low: 0.1, high: 0.1}"), typing=pasted),
    case("config/search_space.py:_check_kind", lambda p: searched(
        "search.train.optimizer={low: 1, high: 2}"), typing=_listed),
    # ---- the study
    case("search/plan.py:check_space", lambda p: searched(), typing=pasted),
    case("search/plan.py:check_space#2", lambda p: searched(
        "search.train.epochs={low: 1, high: 4}", "study.pruner=hyperband")),
    case("search/plan.py:_check_grid", lambda p: searched(RATES, "study.sampler=grid"),
         typing=pasted),
    case("search/plan.py:_check_cma_es", lambda p: searched(
        RATES, SIZES, "study.sampler=cma_es")),
    case("search/plan.py:_check_cma_es#2", lambda p: searched(RATES, "study.sampler=cma_es")),
    case("search/plan.py:_check_folds", lambda p: [
        "tune", "clm", f"data.train={p.write('t.txt', 'a film and a book' * 900)}", SIZES,
        "study.folds=2", "--dry-run"]),
    case("search/plan.py:_check_folds#2", lambda p: searched(
        SIZES, "study.folds=2", "data.folds=3", "data.fold=0")),
    case("data/folds.py:fold_numbers", _folds),
    case("search/values.py:_renamed", lambda p: searched(SIZES, "study.folds=5000")),
    # ---- its folder
    case("search/earlier.py:check_folder", lambda p: _study(p, folder=_made(p)), ways=2),
    case("search/earlier.py:check_folder#2", lambda p: [*_study(p), "--resume"]),
    case("search/earlier.py:check_folder#3", lambda p: _study(p, folder=_of_run(p))),
    case("search/earlier.py:continued", lambda p: [
        *_study(p, "train.batch_size=8", folder=_made(p)), "--resume"], ways=2),
    case("report/record.py:_study", lambda p: ["report", str(_made(p))]),
    case("report/record.py:_study", lambda p: ["report", str(_begun(p))]),
    case("search/finish.py:_nothing", lambda p: _study(
        p, "train.learning_rate=1e30", "train.schedule=constant"),
        typing=lambda p, a, said: Command((*a.words[:-2], "train.learning_rate=0.01",
                                           "--output", str(p.folder / "other")))),
)  # fmt: skip
