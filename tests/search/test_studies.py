"""Whole studies in this process: folds, failures, pruning, the winner, the verdict, the folder."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.wording import assert_wording

import hfdl
from hfdl.config.load import load_recipe
from hfdl.errors import ConfigError, HfdlError, OutputError
from hfdl.search.study import Study
from hfdl.search.tune import plan_study

RECIPE = "eras/bag-of-words"
Search = Callable[..., Study]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_winner_is_replayed_and_the_study_shows_itself(search: Search, tmp_path: Path) -> None:
    study = search(study__reports=True, study__fresh_seeds=2)
    values = [trial.value for trial in study.trials]
    assert study.best.value == max(v for v in values if v is not None)
    again = hfdl.train(study.best_recipe, output=tmp_path / "again", listener=lambda event: None)
    assert again.metrics["validation"]["accuracy"] == study.best.value
    saved = study.best_run / "model.safetensors"
    assert saved.read_bytes() == (again.directory / "model.safetensors").read_bytes()
    own = load_recipe(study.best_recipe)
    assert not own.search
    assert own.train.learning_rate == study.best.settings["train.learning_rate"]
    assert len(repr(study).splitlines()) <= 9
    page = (study.directory / "report.html").read_text(encoding="utf-8")
    assert all(f"trials/{n:04d}/" in page for n in range(3))
    assert "Gain, points" in page  # as the columns beside it, which are per cent
    assert study.verdict is not None
    pairs = study.verdict.judged[0].difference.pairs
    assert all(f">{100 * one:+.2f}<".replace("+0.00", "0.00") in page for one in pairs)
    assert "http" not in page.replace("http://www.w3.org", "")
    for trial in study.trials:
        assert not (study.directory / trial.folder / "checkpoints").exists()
    check_verdict(study)


def check_verdict(study: Study) -> None:
    """Against the runs' own files."""
    verdict = study.verdict
    assert verdict is not None
    assert not {seed for pair in verdict.seeds for seed in pair} & {0}
    assert all(first == second for first, second in verdict.seeds)
    for judged in verdict.judged:
        for side in ("best", "default"):
            found = [
                json.loads((study.directory / "fresh" / side / f"seed-{pair[0]}" / "metrics.json")
                           .read_text(encoding="utf-8"))[judged.split]["accuracy"]
                for pair in verdict.seeds
            ]  # fmt: skip
            assert found == getattr(judged, side)
        mean = statistics.fmean(judged.best) - statistics.fmean(judged.default)
        assert judged.difference.mean == pytest.approx(mean)
    assert [one.split for one in verdict.judged] == ["test", "validation"]
    assert verdict.overstated == pytest.approx(
        study.best.value - statistics.fmean(verdict.judged[1].best)
    )


def test_folds_leave_each_example_out_once(search: Search, tmp_path: Path) -> None:
    study = search(study__folds=3, study__trials=2, data__max_samples=...)
    best = study.directory / study.best.folder
    folds = [lines(best / f"fold-{k}" / "predictions.jsonl") for k in range(3)]
    accuracy = [
        statistics.fmean(r["label"] == r["prediction"] for r in fold if r["split"] == "validation")
        for fold in folds
    ]
    assert study.best.value == pytest.approx(statistics.fmean(accuracy))
    rows = lines(study.best_run / "out_of_fold.jsonl")
    assert [row["index"] for row in rows] == list(range(752))
    assert {row["split"] for row in rows} == {"train"}
    assert set(rows[0]) == {*lines(study.best_run / "predictions.jsonl")[0], "fold"}
    from hfdl.data.readers.embedded import read_embedded

    texts = read_embedded("sentiment")["train"].columns["text"]
    assert [row["text"] for row in rows] == list(texts)
    assert load_recipe(study.best_recipe).data.folds is None
    report = (study.best_run / "report.html").read_text(encoding="utf-8")
    assert "Training examples are not judged" not in report  # it has those out of fold
    assert (study.best_run / "README.md").is_file()


def test_groups_are_on_one_side(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    people = [f"p{i % 12}" for i in range(96)]
    rows = [f"film number {i} was {'good' if i % 3 else 'bad'},{'ab'[i % 3 == 0]},{people[i]}"
            for i in range(96)]  # fmt: skip
    file.write_text("\n".join(["text,label,who", *rows]) + "\n", encoding="utf-8")
    overrides = {
        "data": {"train": str(file), "group": "who"},
        "search.train.batch_size": [8, 16],
        "train.epochs": 1,
        "study": {"folds": 3, "trials": 1, "fresh_seeds": 0, "reports": False},
    }
    study = hfdl.tune(RECIPE, overrides, output=tmp_path / "s", listener=lambda event: None)
    fold_of = {}
    for row in lines(study.best_run / "out_of_fold.jsonl"):
        assert fold_of.setdefault(people[row["index"]], row["fold"]) == row["fold"]
    assert len(set(fold_of.values())) == 3


def test_a_failing_trial_is_told_and_the_study_goes_on(search: Search) -> None:
    study = search(
        search__train__learning_rate=[1e30, 0.01], search__train__weight_decay=None,
        study__sampler="grid", train__schedule="constant",
    )  # fmt: skip
    assert [trial.state for trial in study.trials] == ["failed", "complete"]
    assert "not finite" in (study.trials[0].reason or "") or "infinite" in study.trials[0].reason
    assert study.best.number == 1
    assert "1e+30" in (study.directory / "report.html").read_text(encoding="utf-8")


def test_all_trials_fail(search: Search) -> None:
    with pytest.raises(HfdlError, match="none of 2 trials came to its end") as caught:
        search(
            search__train__learning_rate=[1e30, 1e31], search__train__weight_decay=None,
            study__sampler="grid", train__schedule="constant",
        )  # fmt: skip
    assert_wording(caught.value)


@pytest.mark.parametrize("pruner", ["median", pytest.param("hyperband", marks=pytest.mark.slow)])
def test_a_pruned_trial_stops_at_an_evaluation_and_keeps_its_log(
    search: Search, pruner: str
) -> None:
    study = search(
        search__train__learning_rate=[0.05, 0.02, 1e-6, 1e-7, 1e-8],
        search__train__weight_decay=None, study__sampler="grid", study__trials=...,
        study__pruner=pruner, study__startup_trials=2, train__epochs=4,
    )  # fmt: skip
    pruned = [trial for trial in study.trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        events = lines(study.directory / trial.folder / "log.jsonl")
        told = [event for event in events if event["event"] == "evaluation"]
        assert len(told) == max(trial.evaluations) < 4
        assert events[-1]["event"] == "end"
        assert events[-1]["reason"] == "pruned"
        assert trial.value == told[-1]["metrics"]["accuracy"]
        assert not (study.directory / trial.folder / "metrics.json").exists()


@pytest.mark.slow
def test_more_trials_go_on_and_fewer_change_nothing(search: Search) -> None:
    three = search()
    five = search(study__trials=5, resume=True)
    assert five.trials[:3] == three.trials
    assert len(five.trials) == 5
    two = search(study__trials=2, resume=True)
    assert two.trials == five.trials
    whole = search("whole", study__trials=5)
    assert [(t.settings, t.value) for t in whole.trials] == [
        (t.settings, t.value) for t in five.trials
    ]


def test_another_recipe_or_a_held_folder_is_refused(search: Search) -> None:
    study = search(study__trials=1)
    with pytest.raises(ConfigError, match=r"train\.batch_size is 8 and was 32") as changed:
        search(study__trials=1, train__batch_size=8, resume=True)
    assert_wording(changed.value)
    with pytest.raises(OutputError, match="a study stands in the output folder") as caught:
        search(study__trials=1)
    assert_wording(caught.value)
    with pytest.raises(OutputError) as caught:
        search("none", study__trials=1, resume=True)
    assert_wording(caught.value)
    with pytest.raises(OutputError) as caught:
        search("study/best", study__trials=1)
    assert_wording(caught.value)
    from hfdl.runs.lock import held

    with held(study.directory), pytest.raises(OutputError, match="another run is writing"):
        search(study__trials=2, resume=True)


def test_the_winner_stays_what_was_made_of_it(search: Search) -> None:
    """A study that is continued, and has the same winner, leaves a calibrated one alone."""
    study = search(study__trials=1)
    kept = study.best_run / "calibration.json"
    kept.write_text("{}", encoding="utf-8")
    weights = study.best_run / "model.safetensors"
    own = weights.read_bytes()
    weights.write_bytes(own[::-1])
    search(study__trials=1, resume=True)
    assert (kept.is_file(), weights.read_bytes()) == (True, own[::-1])
    weights.unlink()
    search(study__trials=1, resume=True)
    assert (kept.exists(), weights.read_bytes()) == (False, own)


def test_a_study_is_no_model_and_its_winner_is_named(search: Search) -> None:
    study = search(study__trials=1)
    with pytest.raises(HfdlError) as caught:
        hfdl.pipeline("sentiment", model=study.directory)
    assert f"It is a study; name its winner: {study.best_run}" in str(caught.value)


def test_data_in_memory(tmp_path: Path) -> None:
    rows = [{"text": f"film {i % 7} {'good' if i % 2 else 'bad'}", "label": "ab"[i % 2]}
            for i in range(60)]  # fmt: skip
    overrides = {
        "data.train": rows,
        "search.train.batch_size": [8, 16],
        "train.epochs": 1,
        "study": {"trials": 2, "fresh_seeds": 2, "reports": False},
    }
    study = hfdl.tune(RECIPE, overrides, output=tmp_path / "s", listener=lambda event: None)
    assert study.verdict is not None
    assert study.verdict.judged[0].split == "validation"
    with pytest.raises(ConfigError, match="2 workers cannot share data") as caught:
        hfdl.tune(RECIPE, overrides, output=tmp_path / "t", workers=2)
    assert_wording(caught.value)


def test_plain_training_passes_the_search_over(tmp_path: Path) -> None:
    said: list[Any] = []
    given = {"search.train.batch_size": [8, 16], "train.epochs": 1}
    run = hfdl.train(RECIPE, given, output=tmp_path / "run", listener=said.append, report=False)
    notes = [event.text for event in said if event.kind == "note"]
    assert "search: hfdl tune would try values of train.batch_size; this run takes the recipe as " \
        "it is" in notes  # fmt: skip
    assert load_recipe(run.directory).search == {"train.batch_size": [8, 16]}


def test_a_plan_trains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = plan_study(RECIPE, {"search.train.batch_size": [8, 16], "search.train.seed": [1, 2, 3],
                               "study.sampler": "grid"})  # fmt: skip
    assert (plan.trials, plan.metric, plan.larger_is_better) == (6, "accuracy", True)
    assert list(tmp_path.iterdir()) == []
    few = plan_study(RECIPE, {"search.train.batch_size": [8, 16]})
    assert few.facts == [
        "20 trials of 2 combinations: some are tried again, to the same result; "
        "study.sampler=grid tries each once"
    ]
    enough = plan_study(RECIPE, {"search.train.batch_size": [8, 16], "study.trials": 2})
    assert enough.facts == []


def test_only_the_seed_varies(search: Search) -> None:
    """The two sides then have seeds of their own, none of the search's."""
    study = search(
        search__train__seed=[0, 1, 2], search__train__learning_rate=None,
        search__train__weight_decay=None, study__sampler="grid", study__trials=...,
        study__fresh_seeds=3,
    )  # fmt: skip
    assert study.verdict is not None
    seeds = [seed for pair in study.verdict.seeds for seed in pair]
    assert len(set(seeds)) == 6
    assert not set(seeds) & {0, 1, 2}
    assert study.verdict.word == "no gain shown"
