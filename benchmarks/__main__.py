"""Measure hfdl beside others, and write the tables of what was found.

python -m benchmarks --quick                 every claim, a quarter of an hour on 2 idle cores
python -m benchmarks sentiment ner --full    two programs, at their real sizes
python -m benchmarks --list                  programs and claims
python -m benchmarks --tables                write the tables of README.md and docs/ anew
python -m benchmarks scale examples          how cost grows (also: streaming, lengths, prediction)
python -m benchmarks kills                   trainings killed at random times and resumed
python -m benchmarks fuzz                    bytes that nobody thought of, for all that is read
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import claims
from benchmarks.harness import tables
from benchmarks.harness.record import RESULTS
from benchmarks.harness.run import Options, run
from benchmarks.harness.turns import ROOT, SideFailed

DATA = ROOT.parent / "shared" / "data"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, and do what it says."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["scale"]:
        from benchmarks.scale.command import main as scale

        return scale(words[1:])
    if words[:1] == ["kills"]:
        from benchmarks.kills.command import main as kills

        return kills(words[1:])
    if words[:1] == ["fuzz"]:
        from benchmarks.fuzz.command import main as fuzz

        return fuzz(words[1:])
    given = parse(words)
    if given.list:
        list_claims()
        return 0
    if given.tables:
        return write_tables(given.output)
    names = given.programs or list(claims.NAMES)
    options = Options(
        given.mode, given.threads, given.data, given.output, dict(given.set), given.rounds
    )
    failed = []
    for name in names:
        try:
            run(claims.program(name), options)
        except SideFailed as error:
            print(f"  failed: {error}")
            failed.append(name)
    return 1 if failed else 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help="default: all of them")
    what = parser.add_mutually_exclusive_group(required=True)
    for mode in ("quick", "full", "tiny"):
        text = {"quick": "about a minute each", "full": "real sizes"}.get(mode, argparse.SUPPRESS)
        what.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode, help=text)
    what.add_argument("--list", action="store_true", help="programs and claims")
    what.add_argument("--tables", action="store_true", help="write the tables anew")
    parser.add_argument(
        "--threads", type=int, default=1,
        help="of each side; with one (the default) processor time is not blurred by waiting",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, help="so many rounds, whatever they take")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the data sets")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument(
        "--set", type=_setting, nargs="+", default=[], metavar="KEY=VALUE",
        help="settings of the programs, such as precision=bf16",
    )  # fmt: skip
    given = parser.parse_args(words)
    if given.mode == "tiny" and given.output == RESULTS:
        parser.error("--tiny measures nothing: give it another --output")
    if unknown := set(given.programs) - set(claims.NAMES):
        parser.error(
            f"no program {', '.join(sorted(unknown))}; there are {', '.join(claims.NAMES)}"
        )
    return given


def _setting(word: str) -> tuple[str, Any]:
    key, separator, value = word.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{word} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def list_claims() -> None:
    """Print each program with its claims."""
    for program in claims.programs():
        print(f"{program.name}: {program.title}")
        for claim in program.claims:
            kind = f" [not measured: {claim.missing}]" if claim.missing else ""
            print(f"  {claim.name}: {claim.text}, against {claim.opponent}: {claim.promise}{kind}")


def write_tables(folder: Path) -> int:
    """Write the marked blocks of the pages anew."""
    found = tables.results(claims.programs(), folder)
    for page in tables.PAGES:
        text = page.read_text(encoding="utf-8")
        made = tables.rewritten(text, found)
        page.write_text(made, encoding="utf-8")
        print(f"{page}: {'written' if made != text else 'as it was'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
