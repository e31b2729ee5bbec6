"""Two models on the same examples, from what runs and evaluations leave."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.support import reviews, write_csv
from helpers.wording import assert_wording
from scipy.stats import binomtest
from typer.testing import CliRunner

import hfdl
from hfdl.cli.app import app
from hfdl.errors import ConfigError, DataError, OutputError

SINGLE = "single_label_classification"
MULTI = "multi_label_classification"
LABELS = ["negative", "positive"]


def written(
    folder: Path, rows: list[dict[str, Any]], *, task: str = "text_classification",
    kind: str | None = SINGLE, labels: list[str] | None = None, split: str = "test",
) -> Path:  # fmt: skip
    """A finished run, as far as a comparison reads it."""
    folder.mkdir()
    (folder / "recipe.yaml").write_text(f"task: {task}\n", encoding="utf-8")
    facts = {"task": task, "problem_type": kind, "labels": labels or LABELS, split: {"loss": 1.0}}
    (folder / "metrics.json").write_text(json.dumps(facts), encoding="utf-8")
    numbered = [{"split": split, "index": i, **row} for i, row in enumerate(rows)]
    lines = "".join(json.dumps(row) + "\n" for row in numbered)
    (folder / "predictions.jsonl").write_text(lines, encoding="utf-8")
    return folder


def answers(right: list[bool], **more: Any) -> list[dict[str, Any]]:
    rows = []
    for i, fine in enumerate(right):
        label = LABELS[i % 2]
        said = label if fine else LABELS[1 - i % 2]
        text = f"text {i} " + "x" * (i % 40)
        rows.append({"where": f"a.csv, line {i + 2}", "text": text, "label": label,
                     "prediction": said, "score": 0.6 + i % 4 / 10, **more})  # fmt: skip
    return rows


def two(tmp_path: Path, n: int = 100, only_a: int = 4, only_b: int = 15) -> tuple[Path, Path]:
    a = [i % 10 != 9 and i >= only_b for i in range(n)]
    b = [(i % 10 != 9 or i < only_b) and not (only_b <= i < only_b + only_a) for i in range(n)]
    return written(tmp_path / "a", answers(a)), written(tmp_path / "b", answers(b))


def test_effect_flips_and_p(tmp_path: Path) -> None:
    folders = two(tmp_path)
    found = hfdl.diff(folders[0], folders[1])
    sides = [[json.loads(x) for x in (f / "predictions.jsonl").read_text().splitlines()]
             for f in folders]  # fmt: skip
    right = [np.array([row["label"] == row["prediction"] for row in side]) for side in sides]
    lost, won = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    effect = found.effects["accuracy"]
    assert effect.difference == pytest.approx(right[1].mean() - right[0].mean())
    assert effect.p == pytest.approx(binomtest(lost, lost + won).pvalue)
    assert (found.lost, len(found.flips)) == (lost, lost + won)
    assert found.said().startswith("B is better by 1")
    first = found.flips[0]
    assert first["kind"] == "right -> wrong"
    assert first["a"]["prediction"] == first["label"] != first["b"]["prediction"]
    assert len(repr(found).splitlines()) <= 9
    assert json.loads(json.dumps(found.to_dict()))["flips"] == {"lost": lost, "won": won}


def test_the_same_run_twice(tmp_path: Path) -> None:
    a, _ = two(tmp_path)
    found = hfdl.diff(a, a)
    assert [(e.difference, e.p) for e in found.effects.values()] == [(0.0, 1.0)] * 2
    assert found.flips == []
    assert "no difference" in found.said()


@pytest.mark.parametrize("n", [1, 3])
def test_hardly_any_examples_and_all_right(n: int, tmp_path: Path) -> None:
    folders = [written(tmp_path / name, answers([True] * n)) for name in "ab"]
    found = hfdl.diff(folders[0], folders[1])
    assert (found.examples, found.effects["accuracy"].p, found.slices) == (n, 1.0, [])
    assert found.power() == f"{n} examples are too few to show any difference"


def test_rows_in_another_order_labels_too_and_duplicates(tmp_path: Path) -> None:
    rows = answers([i % 3 > 0 for i in range(40)])
    rows += [dict(rows[0]), {**rows[0], "prediction": "positive"}]
    a = written(tmp_path / "a", rows)
    moved = [rows[i] for i in np.random.default_rng(0).permutation(len(rows)).tolist()]
    moved.sort(key=lambda row: row is not rows[0])  # of equal ones the order is kept
    moved = [*[r for r in moved if r["text"] != rows[0]["text"]], rows[0], rows[40], rows[41]]
    b = written(tmp_path / "b", moved, labels=LABELS[::-1])
    found = hfdl.diff(a, b)
    assert (found.examples, found.flips) == (42, [])
    assert any("more than once" in note for note in found.notes)


def test_a_few_missing_rows_are_left_out_and_said(tmp_path: Path) -> None:
    rows = answers([True] * 100)
    a, b = written(tmp_path / "a", rows), written(tmp_path / "b", rows[3:])
    found = hfdl.diff(a, b)
    assert found.examples == 97
    assert found.notes == ["left out: 3 of 100 examples that A alone has"]


def test_a_label_that_one_lacks(tmp_path: Path) -> None:
    rows = answers([True] * 30)
    a = written(tmp_path / "a", rows)
    other = [{**row, "prediction": "mixed"} if i < 4 else row for i, row in enumerate(rows)]
    b = written(tmp_path / "b", other, labels=[*LABELS, "mixed"])
    found = hfdl.diff(a, b)
    assert "A has no label mixed" in found.notes
    assert found.lost == 4


def test_other_data_other_tasks_and_models_alone_are_refused(
    tmp_path: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    a, _ = two(Path())
    tmp_path = Path()
    other = written(tmp_path / "c", answers([True] * 100, where="z"))
    rows = [{**row, "text": row["text"] + "!"} for row in answers([True] * 100)]
    with pytest.raises(DataError) as error:
        hfdl.diff(a, written(tmp_path / "d", rows))
    assert_wording(error.value)
    with pytest.raises(ConfigError) as error:
        hfdl.diff(a, written(tmp_path / "e", rows, kind=MULTI))
    assert_wording(error.value)
    with pytest.raises(DataError) as error:
        hfdl.diff(a, tiny_bert)
    assert_wording(error.value)
    with pytest.raises(DataError) as error:
        hfdl.diff(a, written(tmp_path / "f", rows, split="validation"))
    assert_wording(error.value)
    with pytest.raises(ConfigError) as error:
        hfdl.diff(a, other, {"train.epochs": 3})
    assert_wording(error.value)


def test_numbers_with_one_that_is_none(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=60)
    sides = []
    for noise in (1.0, 0.2):
        said = truth + noise * random.normal(size=60)
        pairs = zip(truth.tolist(), said.tolist(), strict=True)
        rows = [{"text": f"t{i:02}" + "x" * (i % 4), "label": t, "prediction": s, "score": s}
                for i, (t, s) in enumerate(pairs)]  # fmt: skip
        sides.append(rows)
    sides[1][5] |= {"prediction": None, "score": None}  # what NaN is in a file
    folders = [
        written(tmp_path / n, r, kind="regression") for n, r in zip("ab", sides, strict=True)
    ]
    found = hfdl.diff(folders[0], folders[1])
    kept = [(a, b) for a, b in zip(*sides, strict=True) if b["prediction"] is not None]
    mse = [np.mean([(p[k]["prediction"] - p[k]["label"]) ** 2 for p in kept]) for k in (0, 1)]
    assert found.effects["mse"].difference == pytest.approx(mse[1] - mse[0])
    assert found.said().startswith("B is better by")
    assert found.notes == ["left out: 1 whose answers are no finite numbers"]
    assert {flip["kind"] for flip in found.flips} == {"worse", "better"}
    lost = [one.effect.difference for one in found.slices]
    assert len(lost) > 1
    assert lost == sorted(lost, reverse=True)  # the one whose errors grew most comes first


def test_several_labels_and_pairs_of_texts(tmp_path: Path) -> None:
    rows = [{"text": f"t{i}", "text_pair": f"p{i % 3}", "label": ["x", "y"][: 1 + i % 2],
             "prediction": ["x"], "score": 0.9} for i in range(40)]  # fmt: skip
    better = [{**row, "label": row["label"][::-1], "prediction": row["label"]} for row in rows]
    a = written(tmp_path / "a", rows, kind=MULTI, labels=["x", "y"])
    found = hfdl.diff(a, written(tmp_path / "b", better, kind=MULTI, labels=["y", "x"]))
    assert found.effects["accuracy"].difference == 0.5
    assert found.effects["f1"].b == 1.0
    assert {s.name for s in found.slices} >= {"label = y"}


def sentence(i: int, found: bool) -> dict[str, Any]:
    true = [{"label": "PER", "start": 0, "end": 3, "text": "Ann"}] if i % 3 else []
    tags = ["B-PER" if true else "O", "O"]
    said = [{**one, "score": 0.7} for one in true] if found else []
    return {"text": f"Ann {i}", "tokens": ["Ann", str(i)], "label": tags, "true_entities": true,
            "prediction": tags, "entities": said}  # fmt: skip


def test_entities(tmp_path: Path) -> None:
    sides = [[sentence(i, i % k > 0) for i in range(60)] for k in (2, 10)]
    options: dict[str, Any] = {
        "task": "token_classification",
        "kind": None,
        "labels": ["O", "B-PER"],
    }
    folders = [written(tmp_path / n, r, **options) for n, r in zip("ab", sides, strict=True)]
    found = hfdl.diff(folders[0], folders[1])
    for name, side in (("a", sides[0]), ("b", sides[1])):
        true = sum(len(row["true_entities"]) for row in side)
        said = sum(len(row["entities"]) for row in side)
        assert getattr(found.effects["f1"], name) == pytest.approx(2 * said / (true + said))
    assert found.effects["f1"].is_shown
    assert {one.name for one in found.slices} >= {"label = PER", "label = (no entity)"}
    assert found.flips[0]["label"] == ["Ann (PER)"]


def test_examples_that_differ_are_more_than_those_that_flipped(tmp_path: Path) -> None:
    """Of two entities A finds none and B one: no sentence becomes right, but all differ."""
    rows = [sentence(1, False) for _ in range(30)]
    for i, row in enumerate(rows):
        row["text"] = f"Ann {i} Bob"
        row["true_entities"] = [
            {"label": "PER", "start": 0, "end": 3, "text": "Ann"},
            {"label": "PER", "start": len(row["text"]) - 3, "end": len(row["text"]), "text": "Bob"},
        ]
    options: dict[str, Any] = {"task": "token_classification", "kind": None, "labels": ["O"]}

    def half(n: int) -> list[dict[str, Any]]:
        return [
            {**row, "entities": row["true_entities"][:1]} if i < n else row
            for i, row in enumerate(rows)
        ]

    a = written(tmp_path / "a", rows, **options)
    found = hfdl.diff(a, written(tmp_path / "b", half(30), **options))
    assert (found.flips, found.warnings()) == ([], [])
    assert found.effects["f1"].differing == 30
    few = hfdl.diff(a, written(tmp_path / "c", half(4), **options))
    assert few.warnings()[0].startswith("the two differ on 4 examples: too few")


def test_perplexity_by_document(tmp_path: Path) -> None:
    rows = [{"where": f"a.txt, document {i // 5}", "text": f"block {i}", "loss": 2.0 + i % 7 / 10,
             "accuracy": 0.1, "tokens": 10 + i % 3} for i in range(60)]  # fmt: skip
    less = [{**row, "loss": row["loss"] - 0.1 - i % 2 / 50} for i, row in enumerate(rows)]
    options: dict[str, Any] = {"task": "causal_lm", "kind": None, "labels": []}
    folders = [written(tmp_path / n, r, **options) for n, r in (("a", rows), ("b", less))]
    found = hfdl.diff(folders[0], folders[1])
    nats = sum(row["loss"] * row["tokens"] for row in rows) / sum(row["tokens"] for row in rows)
    assert found.effects["perplexity"].a == pytest.approx(np.exp(nats))
    assert found.said().startswith("B is better by")
    assert found.lost == 0


def test_files_and_page(tmp_path: Path) -> None:
    a, b = two(tmp_path)
    rows = (b / "predictions.jsonl").read_text(encoding="utf-8")
    for folder in (a, b):
        file = folder / "predictions.jsonl"
        text = file.read_text(encoding="utf-8").replace('"text 1 ', '"<script>alert(1)</script> ')
        file.write_text(text, encoding="utf-8")
    assert rows
    found = hfdl.diff(a, b)
    page = found.write(tmp_path / "d.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    with found.write(tmp_path / "f.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    lines = found.write(tmp_path / "f.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(table) == len(lines) == len(found.flips)
    assert table[0]["a_prediction"] == found.flips[0]["a"]["prediction"]


def command(*arguments: Any) -> Any:
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_the_command(tmp_path: Path) -> None:
    a, b = two(tmp_path)
    result = command("diff", a, b, "--output", tmp_path / "d.html", "--output", tmp_path / "f.csv")
    assert result.exit_code == 0, result.output
    assert "McNemar, exact" in result.stdout
    assert "right -> wrong" in result.stdout
    assert (tmp_path / "d.html").is_file()
    assert (tmp_path / "f.csv").is_file()
    for name in ("d.html", "d.pdf"):
        refused = command("diff", a, b, "--output", tmp_path / name).exception
        assert isinstance(refused, OutputError)
    assert json.loads(command("diff", a, b, "--json").stdout)["examples"] == 100


@pytest.mark.usefixtures("without_report")
def test_measured_anew_with_a_column(trained: Path, tmp_path: Path) -> None:
    rows = [{**row, "source": "web" if i < 20 else "print"} for i, row in enumerate(reviews(40))]
    file = write_csv(tmp_path / "new.csv", rows)
    found = hfdl.diff(trained, trained, file=file, by=["source"], listener=lambda event: None)
    assert found.examples == 40
    assert {"source = web", "source = print"} <= {one.name for one in found.slices}
    events: list[Any] = []
    with pytest.raises(DataError, match="no column 'sauce'"):
        hfdl.diff(trained, trained, file=file, by=["sauce"], listener=events.append)
    assert events == []  # nothing was measured


@pytest.mark.usefixtures("without_report")
def test_what_is_left_out_of_a_file_is_the_same_for_both(trained: Path, tmp_path: Path) -> None:
    """The sample of a run is drawn by its seed: two runs of two seeds would share few rows."""
    file = write_csv(tmp_path / "new.csv", reviews(40))
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    recipe = (other / "recipe.yaml").read_text(encoding="utf-8")
    assert "seed: 0" in recipe
    (other / "recipe.yaml").write_text(recipe.replace("seed: 0", "seed: 7"), encoding="utf-8")
    given = {"data.max_samples": 12}
    found = hfdl.diff(trained, other, given, file=file, listener=lambda event: None)
    assert (found.examples, found.flips) == (12, [])


def test_nothing_is_measured_where_one_of_the_two_cannot_be(
    trained: Path, tiny_gpt2: Path, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "new.csv", reviews(12))
    events: list[Any] = []
    with pytest.raises(ConfigError) as error:
        hfdl.diff(trained, tiny_gpt2, file=file, listener=events.append)
    assert "A is of text_classification, and B of causal_lm" in str(error.value)
    nameless = tmp_path / "nameless"
    shutil.copytree(trained, nameless)
    (nameless / "recipe.yaml").unlink()
    config = json.loads((nameless / "config.json").read_text(encoding="utf-8"))
    config["id2label"] = {"0": "no", "1": "yes"}
    config["label2id"] = {"no": 0, "yes": 1}
    (nameless / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(DataError, match="which the model does not have"):
        hfdl.diff(trained, nameless, file=file, listener=events.append)
    assert events == []
