"""What a run's rounds say: ratios, shares of the limit, quality, differences."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import claims
from benchmarks.__main__ import main, parse
from benchmarks.harness import run as running
from benchmarks.harness import tables
from benchmarks.harness.claim import Claim, Program
from benchmarks.harness.limit import Limit
from benchmarks.harness.record import RESULTS, read, record, summary, write
from benchmarks.harness.run import here, lines, why_not
from benchmarks.harness.worker import LIMIT


def nothing(settings: Any) -> Any:
    return lambda number: {}


PROGRAM = Program(
    name="made", title="made up", sides={"hfdl": nothing, "other": nothing},
    claims=(
        Claim("speed", "some work", "other", at_least=1.5),
        Claim("memory", "its memory", "other", figure="bytes_held", at_most=0.5),
        Claim("later", "in int8", "other", at_least=1.0, missing="not yet"),
    ),
    settings={"size": 9}, quick={"size": 2}, limit=lambda s: Limit(), quality={"loss": "loss"},
)  # fmt: skip
ENVIRONMENT = {
    "cpu": "a processor", "cores": 2, "instructions": ["avx2"], "threads": 1, "python": "3.11",
    "torch": "2.13",
}  # fmt: skip


def rounds() -> list[dict[str, Any]]:
    made = []
    for number in range(3):
        made.append({"round": number, "side": LIMIT, "flops_per_second": 100.0})
        for side, seconds in (("other", 4.0), ("hfdl", 2.0)):
            own = side == "hfdl"
            made.append({
                "round": number, "side": side, "processor_seconds": seconds,
                "seconds": seconds * (1 if own else 2), "flops": 100.0, "loss": 1.0 + number,
                "bytes_held": 10 if own else 40, "answers": [0.5, 0.25 if own else 0.375],
            })  # fmt: skip
    return made


@pytest.fixture
def result() -> dict[str, Any]:
    return record(PROGRAM, "quick", {"size": 2, "threads": 1}, ENVIRONMENT, rounds())


def test_the_ratios_go_as_they_are_promised(result: dict[str, Any]) -> None:
    speed, memory = result["claims"]
    assert speed["ratio"] == pytest.approx(2.0)
    assert memory["ratio"] == pytest.approx(0.25)
    assert [speed["verdict"], memory["verdict"]] == ["holds", "holds"]


def test_limit_quality_and_differences_stand_beside(result: dict[str, Any]) -> None:
    shares = {"hfdl": pytest.approx(0.5), "other": pytest.approx(0.25)}
    assert result["limit"] == {"flops_per_second": 100.0, "shares": shares}
    assert result["quality"]["hfdl"]["loss"] == {"mean": 2.0, "sd": 1.0}
    assert result["differences"] == {"other": 0.125}
    assert result["disturbed_rounds"] == 3
    assert all("answers" not in row for row in result["rounds"])
    assert "speed: 2.000" in lines(PROGRAM, result)[0]


def test_it_is_read_as_it_was_written_the_full_one_first(
    result: dict[str, Any], tmp_path: Path
) -> None:
    path = write(result, tmp_path)
    assert path == tmp_path / "quick" / "made.json"
    assert read("made", tmp_path) == result
    write({**result, "mode": "full"}, tmp_path)
    found = read("made", tmp_path)
    assert found is not None
    assert found["mode"] == "full"
    assert read("other", tmp_path) is None


def test_the_tables_say_it(result: dict[str, Any]) -> None:
    found = [(PROGRAM, result)]
    page = "before\n<!-- benchmarks: claims -->\nold\n<!-- end of benchmarks -->\nafter\n"
    made = tables.rewritten(page, found)
    assert made.startswith("before\n<!-- benchmarks: claims -->\n\n| work | opponent |")
    assert "| some work | other | 2.00 (2.00 to 2.00) |\n" in made
    assert "| its memory | other | 4.00 (4.00 to 4.00) |\n" in made  # at most is promised
    assert "| its memory | other | 0.25 (0.25 to 0.25) | at most 0.5 | holds |" in (
        tables.whole(found)
    )
    assert made.endswith("|\n\n<!-- end of benchmarks -->\nafter\n")
    assert tables.rewritten(made, found) == made
    assert "| 50% | 25% | loss 2 +/- 1 | loss 2 +/- 1, answers within 1e-01 of hfdl's |" in (
        tables.whole(found)
    )
    assert "| in int8 | other | at least 1 | not yet |" in tables.missing(found)
    assert "no result recorded" in tables.missing([(PROGRAM, None)])
    assert tables.short([(PROGRAM, None)]) == "Nothing is recorded yet."
    assert "a processor (avx2), 2 cores" in tables.machines(found)
    with pytest.raises(KeyError):
        tables.rewritten(page.replace(": claims", ": nothing"), found)


def test_the_pages_hold_what_the_results_give() -> None:
    """``python -m benchmarks --tables`` would change nothing."""
    found = tables.results(claims.programs())
    blocks = 0
    for page in tables.PAGES:
        text = page.read_text(encoding="utf-8")
        assert tables.rewritten(text, found) == text, f"{page}: python -m benchmarks --tables"
        blocks += len(tables.BLOCK.findall(text))
    assert blocks >= 5


def test_the_recorded_results_are_those_of_their_rounds() -> None:
    seen = 0
    for path in sorted(RESULTS.rglob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        program = claims.program(found["program"])
        assert path == RESULTS / found["mode"] / f"{program.name}.json"
        again = summary(program, found["rounds"], found["settings"]["threads"])
        again = json.loads(json.dumps(again))
        assert {name: found[name] for name in again} == again, path
        seen += 1
    assert seen >= 1


def test_the_claims_are_whole() -> None:
    names = [claim.name for program in claims.programs() for claim in program.claims]
    assert len(names) == len(set(names)) >= 20
    for program in claims.programs():
        assert program.name in claims.NAMES
        for claim in program.measured:
            assert {claim.ours, claim.opponent} <= set(program.sides)
        for mode in ("quick", "tiny"):
            assert program.settings_of(mode).keys() == program.settings.keys()
    with pytest.raises(ValueError, match="exclude each other"):
        Claim("a", "b", "c", at_least=1, at_most=1)


def test_what_cannot_run_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = replace(PROGRAM, claims=PROGRAM.claims[2:])
    assert why_not(later, tmp_path) == "not yet"
    assert "imdb_unsup_text/corpus.txt" in why_not(claims.program("one_text"), tmp_path)
    assert why_not(claims.program("startup"), tmp_path) == ""
    monkeypatch.setattr(running, "native_bf16", lambda: False)
    assert "bf16" in why_not(claims.program("sentiment_bf16"), tmp_path)


def test_a_side_whose_package_is_absent_is_left_out() -> None:
    optional = {"other": ("torch", "no_such_package"), "hfdl": ("torch",)}
    left, said = here(replace(PROGRAM, optional=optional))
    assert said == ["other is left out: not installed: no_such_package"]
    assert list(left.sides) == ["hfdl"]
    assert left.claims == ()
    whole, said = here(PROGRAM)
    assert whole == PROGRAM
    assert said == []


def test_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = parse(["ner", "--full", "--set", "rows=9", "train=wikigold/train.conll"])
    assert dict(given.set) == {"rows": 9, "train": "wikigold/train.conll"}
    for wrong in (["nothing", "--quick"], ["--tiny"], [], ["--quick", "--set", "x"]):
        with pytest.raises(SystemExit):
            parse(wrong)
    assert main(["--list"]) == 0
    assert "int8-onnxruntime: labels for texts" in capsys.readouterr().out
    page = tmp_path / "page.md"
    page.write_text("<!-- benchmarks: claims --><!-- end of benchmarks -->\n", encoding="utf-8")
    monkeypatch.setattr(tables, "PAGES", (page,))
    assert main(["--tables", "--output", str(tmp_path)]) == 0
    assert main(["int8", "--quick", "--data", str(tmp_path), "--output", str(tmp_path)]) == 0
