"""Labels that are probably wrong: the method against plain Python, and against planted flips."""

from __future__ import annotations

import json

import numpy as np
import pytest

import hfdl
from hfdl.report import write_report
from hfdl.report.suspects import confident_labels, margins, ranked, suspects

from .conftest import MULTI, REGRESSION, Page


def row(index: int, label, **scores: float) -> dict:
    return {"split": "test", "index": index, "text": f"text {index}", "label": label,
            "prediction": max(scores, key=scores.__getitem__), "scores": scores}  # fmt: skip


def plainly(shares: list[list[float]], given: list[int]) -> list[int]:
    """Equation (1) and (2) of the paper, a loop at a time."""
    labels = range(len(shares[0]))
    threshold = {}
    for label in labels:
        own = [row[label] for row, said in zip(shares, given, strict=True) if said == label]
        threshold[label] = sum(own) / len(own) if own else float("inf")
    found = []
    for one in shares:
        above = [label for label in labels if one[label] >= threshold[label] - 1e-15]
        found.append(max(above, key=lambda label: one[label]) if above else -1)
    return found


@pytest.mark.parametrize("labels", [2, 3, 20])
def test_confident_labels_and_margins_are_those_of_the_paper(labels: int) -> None:
    random = np.random.default_rng(labels)
    shares = random.dirichlet(np.full(labels, 0.4), size=400)
    given = random.integers(labels - 1, size=400)  # the last label has no example
    confident = confident_labels(shares, given)
    assert confident.tolist() == plainly(shares.tolist(), given.tolist())
    assert labels - 1 not in confident
    assert (confident == -1).any() == (labels < 20)  # of many labels one is always above its own
    for at in range(400):
        others = [share for label, share in enumerate(shares[at]) if label != given[at]]
        assert margins(shares, given)[at] == shares[at][given[at]] - max(others)


def test_a_label_that_is_always_doubtful_is_asked_for_less() -> None:
    """Of the pair (rare, common) the model gives rare ones 0.4 at best: that is much for them."""
    rows = [row(i, "common", common=0.95, rare=0.05) for i in range(20)]
    rows += [row(20 + i, "rare", common=0.7, rare=0.3) for i in range(5)]
    rows += [row(25, "common", common=0.6, rare=0.4)]
    found = suspects(rows, ["common", "rare"])
    sure = [one for one in found if one.confident]
    assert [(one.row["index"], one.given, one.better) for one in sure] == [(25, "common", "rare")]
    assert sure[0].probability == 0.6
    assert sure[0].margin == pytest.approx(0.2)
    assert [one.row["index"] for one in found if not one.confident] == [20, 21, 22, 23, 24]


def test_of_several_labels_each_is_a_question_of_its_own() -> None:
    rows = [row(i, ["plot"], plot=0.9, music=0.1) for i in range(8)]
    rows += [row(8 + i, ["music"], plot=0.1, music=0.9) for i in range(8)]
    rows += [row(16, [], plot=0.05, music=0.99), row(17, ["plot", "music"], plot=0.02, music=0.95)]
    found = suspects(rows, ["plot", "music"])
    assert [(one.row["index"], one.given) for one in found] == [(16, "music"), (17, "plot")]
    assert found[0].probability == pytest.approx(0.01)
    assert found[1].margin == pytest.approx(0.02 - 0.98)
    assert sorted(one.row["index"] for one in ranked(rows, ["plot", "music"])) == [*range(18)]


def test_what_has_no_probabilities_is_passed_over() -> None:
    good = [row(i, "a", a=0.9, b=0.1) for i in range(3)] + [row(3, "b", a=0.2, b=0.8)]
    odd = [{"label": "a"}, {"label": None, "scores": {"a": 1.0, "b": 0.0}}, row(7, "c", a=1, b=0),
           row(8, "a", a=0.3), {"label": "a", "scores": {"a": float("nan"), "b": 0.1}}]  # fmt: skip
    assert suspects(odd, ["a", "b"]) == []
    assert suspects([*good, *odd], ["a", "b"]) == suspects(good, ["a", "b"])
    assert suspects(good, ["a"]) == suspects([], ["a", "b"]) == []


def planted(random: np.random.Generator, size: int) -> tuple[list[dict], set[int]]:
    """Sentences whose words tell their label, a tenth of the labels flipped."""
    words = {"good": ["warm", "kind", "bright", "fine"], "bad": ["cold", "rude", "dull", "sad"]}
    filler = ["the", "film", "was", "and", "a", "scene", "then", "it"]
    rows = []
    for _ in range(size):
        label = ["good", "bad"][random.integers(2)]
        text = [*random.choice(filler, 6), *random.choice(words[label], 3)]
        rows.append({"text": " ".join(random.permutation(text).tolist()), "label": label})
    wrong = set(random.choice(size, size // 10, replace=False).tolist())
    for at in wrong:
        rows[at]["label"] = {"good": "bad", "bad": "good"}[rows[at]["label"]]
    return rows, wrong


def test_most_planted_flips_are_among_the_first_tenth(tmp_path) -> None:
    """Out of fold with a bag of words; on the training examples themselves hardly any is found."""
    rows, wrong = planted(np.random.default_rng(0), 300)
    answers: dict[int, dict] = {}
    for fold in range(3):
        left = range(fold, 300, 3)
        run = hfdl.train(
            "eras/bag-of-words",
            {"data.train": [one for at, one in enumerate(rows) if at % 3 != fold],
             "data.test": [rows[at] for at in left], "train.epochs": 4},
            output=tmp_path / str(fold), listener=lambda event: None,
        )  # fmt: skip
        lines = (run.directory / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
        test = [one for line in lines if (one := json.loads(line))["split"] == "test"]
        answers |= {at: {**one, "index": at} for at, one in zip(left, test, strict=True)}
    assert sorted(answers) == list(range(300))
    listed = ranked([*answers.values()], ["bad", "good"])
    assert len(listed) == 300
    first = [one.row["index"] for one in listed[:30]]
    assert len(wrong & {*first}) >= 0.8 * len(wrong)  # by chance a tenth
    # Where folds are not kept apart, a model that has learned by heart suspects next to nothing.
    heart = [row(at, one["label"], **{name: 0.99 if name == one["label"] else 0.01
                                      for name in ("bad", "good")})
             for at, one in enumerate(rows)]  # fmt: skip
    assert suspects(heart, ["bad", "good"]) == []


def test_the_page_lists_held_out_examples_and_says_why_not_others(fake_run, page, tmp_path) -> None:
    run = fake_run(5, sizes={"validation": 60, "test": 400}, accuracy=0.5)
    found = page(run, tmp_path)
    held_out = suspects(run.on("test"), run.labels)
    assert "Training examples are not judged" in found.text
    order = [one.probability for one in held_out]
    assert order == sorted(order)
    shown = f"20 of {len(held_out)} examples with another label likelier."
    sure = sum(one.confident for one in held_out)
    assert f"Of {sure} labels of 400 it is as sure" in found.text
    assert len(held_out) > 20
    assert shown in found.text
    assert held_out[0].row["where"] in found.text


def test_training_examples_are_judged_out_of_fold_alone(fake_run, tmp_path) -> None:
    run = fake_run(2)
    folder = run.write(tmp_path)
    rows = [{**one, "split": "train", "where": f"train.csv, line {i}", "text": f"train text {i}"}
            for i, one in enumerate(run.on("test"))]  # fmt: skip
    lines = "".join(json.dumps(one) + "\n" for one in rows)
    (folder / "out_of_fold.jsonl").write_text(lines, encoding="utf-8")
    found = Page(write_report(folder).read_text(encoding="utf-8"))
    worst = suspects(rows, run.labels)[0]
    assert "On the train split, 90 examples." in found.text
    assert worst.row["text"] in found.text
    assert "Training examples are not judged" not in found.text
    assert "probabilities of models of other folds" in found.text


@pytest.mark.usefixtures("without_charts")
def test_tasks_without_probabilities_of_labels_have_no_such_part(fake_run, page, tmp_path) -> None:
    assert "mislabelled" in page(fake_run(5, problem_type=MULTI), tmp_path / "a").sections
    run = fake_run(["score"], problem_type=REGRESSION)
    assert "mislabelled" not in page(run, tmp_path / "b").sections
    run = fake_run(2)
    for one in run.rows:
        one.pop("scores")
    assert "mislabelled" not in page(run, tmp_path / "c").sections
