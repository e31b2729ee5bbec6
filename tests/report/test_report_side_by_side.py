"""Several runs on one page: who is ahead, whether the figures can tell, what differs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from hfdl.errors import OutputError
from hfdl.report import write_side_by_side
from hfdl.report.compared.differing import differing
from hfdl.report.compared.members import read_members, short_names
from hfdl.report.compared.paired import ends, parts_of, resampled
from hfdl.report.compared.standings import tables
from hfdl.report.record import RunRecord

from .conftest import MULTI, REGRESSION, SINGLE, FakeRun, Page

TRUE = ["good" if i % 3 else "bad" for i in range(300)]


def run_of(folder: Path, right: list[bool], *, texts: str = "text", seed: int = 0) -> Path:
    """A run whose answers on test are right where said; the validation split is as it comes."""
    run = FakeRun(labels=["bad", "good"], sizes={"validation": 30, "test": len(right)})
    run.seed = seed
    for at, one in enumerate(run.on("test")):
        true = TRUE[at % len(TRUE)]
        said = true if right[at] else {"bad": "good", "good": "bad"}[true]
        one |= {"text": f"{texts} {at}", "label": true, "prediction": said}
    written = run.write(folder)
    text = (written / "recipe.yaml").read_text(encoding="utf-8")
    (written / "recipe.yaml").write_text(text.replace("seed: 0", f"seed: {seed}"))
    return written


def rights(wrong: int, size: int = 300, *, first: int = 0) -> list[bool]:
    return [not first <= at < first + wrong for at in range(size)]


def page_of(folder: Path, *runs: Path) -> Page:
    return Page(write_side_by_side(runs, folder / "page.html").read_text(encoding="utf-8"))


def test_the_best_is_marked_where_the_difference_is_beyond_chance(tmp_path: Path) -> None:
    """Two run pairs with the same figures, 250 and 265 of 300 right: they differ in the overlap.

    Where the better one is right wherever the other is, 15 more are no chance; where they are wrong
    on different examples, 85 disagreements 35 : 50 are.
    """
    good = run_of(tmp_path / "good", rights(35))
    within = run_of(tmp_path / "within", rights(50))
    apart = run_of(tmp_path / "apart", rights(50, first=100))
    near, far = (tables(read_members([good, other]))[0] for other in (within, apart))
    assert (
        [row.value for row in near.rows]
        == [row.value for row in far.rows]
        == [265 / 300, 250 / 300]
    )
    assert (near.has_winner, far.has_winner) == (True, False)
    found = page_of(tmp_path, within, good)
    assert "good is better than the other beyond chance" in found.text
    assert [row[0] for row in found.table("standings")[1:3]] == ["good best", "within"]
    assert found.table("standings")[2][3] == "-5.00"
    assert "may be zero" not in " ".join(found.table("standings")[2])
    doubtful = page_of(tmp_path, apart, good)
    assert "best" not in [row[0] for row in doubtful.table("standings")]
    assert "may be zero" in doubtful.table("standings")[2][4]
    assert "These figures do not show that" in doubtful.text


def test_the_interval_of_a_difference_is_that_of_drawing_pairs_again(tmp_path: Path) -> None:
    """Against a plain bootstrap over the examples, and against the normal approximation."""
    random = np.random.default_rng(1)
    a, b = (random.random(300) < share for share in (0.85, 0.8))
    runs = [run_of(tmp_path / name, list(map(bool, one))) for name, one in (("a", a), ("b", b))]
    drawn = resampled(read_members(runs), "test", "accuracy")
    assert drawn is not None
    low, high = ends(drawn[0] - drawn[1]) or (0.0, 0.0)
    difference = a.astype(float) - b
    picked = random.integers(300, size=(4000, 300))
    plain = np.quantile(difference[picked].mean(axis=1), [0.025, 0.975])
    assert [low, high] == pytest.approx(plain.tolist(), abs=0.01)
    half = 1.96 * difference.std() / math.sqrt(300)
    assert (high - low) / 2 == pytest.approx(half, rel=0.12)


def test_the_parts_add_up_to_the_metric_of_every_kind() -> None:
    random = np.random.default_rng(0)
    labels = ["a", "b", "c"]
    chosen = [[n for n in labels if random.random() < 0.5] for _ in range(40)]
    rows = [{"split": "test", "label": true, "prediction": said}
            for true, said in zip(chosen, chosen[1:] + chosen[:1], strict=True)]  # fmt: skip
    flags = np.array([[[n in row[key] for n in labels] for row in rows]
                      for key in ("label", "prediction")])  # fmt: skip
    stated = {"f1": float(f1_score(*flags, average="micro"))}
    parts = parts_of(record(MULTI, stated, rows), "test", "f1")
    assert parts is not None
    assert float(parts.figure(parts.sums.sum(axis=0))) == pytest.approx(stated["f1"], abs=1e-12)
    numbers = [{"split": "test", "label": float(t), "prediction": float(s)}
               for t, s in random.normal(size=(40, 2))]  # fmt: skip
    errors = np.array([one["prediction"] - one["label"] for one in numbers])
    stated = {"mae": float(abs(errors).mean()), "mse": float((errors**2).mean())}
    for name, value in {**stated, "rmse": math.sqrt(stated["mse"])}.items():
        parts = parts_of(record(REGRESSION, {name: value}, numbers), "test", name)
        assert parts is not None
        assert float(parts.figure(parts.sums.sum(axis=0))) == pytest.approx(value, abs=1e-12)


def test_a_language_models_perplexity_counts_tokens_not_texts() -> None:
    rows = [{"split": "test", "text": "a", "loss": 2.0, "tokens": 30},
            {"split": "test", "text": "b", "loss": 5.0, "tokens": 10}]  # fmt: skip
    metrics = {"task": "causal_lm", "test": {"perplexity": math.exp(2.75)}}
    parts = parts_of(RunRecord({}, "", metrics, [], rows), "test", "perplexity")
    assert parts is not None
    assert float(parts.figure(parts.sums.sum(axis=0))) == pytest.approx(math.exp(2.75), rel=1e-12)


def test_a_stated_figure_of_another_kind_has_no_interval() -> None:
    rows = [{"split": "test", "label": "a", "prediction": "a"}] * 4
    assert parts_of(record(SINGLE, {"accuracy": 1.0}, rows), "test", "accuracy") is not None
    assert parts_of(record(SINGLE, {"accuracy": 0.5}, rows), "test", "accuracy") is None
    assert parts_of(record(SINGLE, {"f1": 1.0}, rows), "test", "f1") is None
    assert parts_of(record(SINGLE, {"accuracy": 1.0}, []), "test", "accuracy") is None


def record(kind: str, scores: dict[str, float], rows: list[dict]) -> RunRecord:
    metrics = {"task": "text_classification", "problem_type": kind, "test": scores}
    return RunRecord({}, "", metrics, [], rows)


@pytest.mark.usefixtures("without_charts")
def test_figures_of_different_examples_are_not_compared(tmp_path: Path) -> None:
    one = run_of(tmp_path / "one", rights(10))
    other = run_of(tmp_path / "other", rights(150), texts="another text")
    found = page_of(tmp_path, one, other)
    assert "Not comparable: they were measured on different examples" in found.text
    assert "To the first, points" not in found.table("standings")[0]
    assert "best" not in found.text.replace("Best weights", "")
    # Validation is the same in both: there it is compared.
    assert "To the first, points" in found.table("standings", 1)[0]


@pytest.mark.usefixtures("without_charts")
def test_settings_that_differ_and_only_these(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / name, rights(9), seed=at) for at, name in enumerate("ab")]
    text = (runs[1] / "recipe.yaml").read_text().replace("epochs: 3", "epochs: 5\n  warmup: null")
    (runs[1] / "recipe.yaml").write_text(text)
    assert differing(read_members(runs)) == {
        "train.epochs": ["3", "5"], "train.seed": ["0", "1"], "train.warmup": ["-", "null"],
    }  # fmt: skip
    assert page_of(tmp_path, *runs).table("settings")[1] == ["train.epochs", "3", "5"]


def group(folder: Path, wrong: list[int]) -> Path:
    for seed, number in enumerate(wrong):
        run_of(folder / f"seed-{seed}", rights(number), seed=seed)
    seeds = {"seeds": [*range(len(wrong))], "runs": {}}
    (folder / "seeds.json").write_text(json.dumps(seeds))
    return folder


@pytest.mark.usefixtures("without_charts")
def test_groups_of_seeds_are_members_with_mean_and_spread(tmp_path: Path) -> None:
    wrong = [30, 36, 42]
    three = group(tmp_path / "three", wrong)
    one = run_of(tmp_path / "one", rights(60))
    found = page_of(tmp_path, one, three)
    shares = [1 - number / 300 for number in wrong]
    row = found.table("standings")[1]
    assert row[0].startswith("three best 3 seeds")
    assert row[1] == f"{100 * np.mean(shares):.1f}% ± {100 * np.std(shares, ddof=1):.1f}%"
    assert ["train.seed", "0", "0, 1, 2"] in found.table("settings")
    # Alone it is taken apart.
    alone = page_of(tmp_path, three)
    assert [row[0] for row in alone.table("standings")[1:4]] == ["seed-0 best", "seed-1", "seed-2"]
    # Drawing the seeds again widens the interval.
    narrow, wide = (resampled(read_members([folder, one]), "test", "accuracy")[0].std()
                    for folder in (three / "seed-1", three))  # fmt: skip
    assert wide > narrow * 1.02


def test_names_are_as_short_as_they_can_be() -> None:
    assert short_names([Path("runs/a"), Path("runs/b/")]) == ["a", "b"]
    assert len(set(short_names([Path("x/run"), Path("y/run"), Path("z")]))) == 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: [run_of(p / "a", rights(3)), p / "a"], "named twice"),
        (lambda p: [run_of(p / "a", rights(3)), p / "none"], "no such folder"),
        (lambda p: [run_of(p / "a", rights(3)),
                    FakeRun(REGRESSION, ["score"]).write(p / "b")], "of different tasks"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_by_name(tmp_path: Path, make, said: str) -> None:
    with pytest.raises(OutputError, match=said):
        write_side_by_side(make(tmp_path), tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.usefixtures("without_charts")
def test_a_damaged_group_is_an_error_and_names_are_escaped(tmp_path: Path) -> None:
    three = group(tmp_path / "<b>three", [30, 36])
    found = page_of(tmp_path, run_of(tmp_path / "a&b", rights(60)), three)
    assert "<b>three" in found.text
    assert "<b>three" not in found.source
    (three / "seeds.json").write_text("{}")
    with pytest.raises(OutputError, match="damaged"):
        page_of(tmp_path, three)


def test_links_lead_to_the_reports_that_are_there(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / "runs" / name, rights(9)) for name in ("a b", "c")]
    (runs[0] / "report.html").write_text("x")
    found = page_of(tmp_path, *runs)
    links = [value for tag, name, value in found.attributes if (tag, name) == ("a", "href")]
    assert set(links) == {"runs/a%20b/report.html"}
    assert found.source.count("<title id=") == 4  # two figures, two curves, each told in words
