"""Every remedy of hfdl's errors is typed by a case, is words alone, or says why it is not typed."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from helpers.remedies import (
    command_cases,
    config_cases,
    data_cases,
    entity_cases,
    further_cases,
    library_cases,
    model_cases,
    pipeline_cases,
    run_cases,
    search_cases,
)
from helpers.remedies.census import ROOT, sites
from helpers.remedies.parse import actions
from helpers.remedies.unprovoked import UNPROVOKED
from helpers.wording import read_snapshot

MODULES = (
    command_cases, config_cases, data_cases, entity_cases, further_cases, library_cases,
    model_cases, pipeline_cases, run_cases, search_cases,
)  # fmt: skip
CASES = [case for module in MODULES for case in module.CASES]
TYPED = {name for case in CASES for name in case.at}
TABLE = Path(__file__).parents[2] / "helpers" / "remedies" / "in_words.txt"
IN_WORDS = {
    line[2:].partition(" | ")[0]: (line.startswith("~"), line.partition(" | ")[2])
    for line in TABLE.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
}


def test_each_is_in_one_class() -> None:
    names = Counter([*TYPED, *IN_WORDS, *UNPROVOKED])
    assert {name for name, count in names.items() if count > 1} == set()
    assert {site.name for site in sites()} ^ set(names) == set()


# sites in the code; typed; in words alone; not provoked
COUNTS = (648, 253, 305, 90)


def test_how_many_there_are() -> None:
    assert (len(sites()), len(TYPED), len(IN_WORDS), len(UNPROVOKED)) == COUNTS
    assert len(CASES) >= 270
    assert sum(case.ways for case in CASES) >= 300


def test_what_is_words_alone_has_nothing_to_type() -> None:
    for site in sites():
        if site.name in IN_WORDS:
            put_in, text = IN_WORDS[site.name]
            assert not site.has_code, site
            assert put_in != site.is_plain, site
            assert text == site.text.strip("'\""), site


def test_all_test_files_are_collected() -> None:
    here = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    modules = {module.__name__.rpartition(".")[2].removesuffix("_cases") for module in MODULES}
    plural = {
        "command": "commands",
        "entity": "entities",
        "model": "models",
        "pipeline": "pipelines",
        "run": "runs",
    }
    assert {plural.get(name, name) for name in modules} | {"all_are_typed"} == here


def test_packages_that_messages_install_are_those_of_the_project() -> None:
    """With the bounds of pyproject.toml; two stand in no extra, since hfdl runs without them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    stated = {need for name in extras for need in extras[name]}
    named = {
        word
        for message in read_snapshot().values()
        for command in re.findall(r"pip install ((?:'[^']+'|[\w.=>-]+)(?: '[^']+')*)", message)
        for word in shlex.split(command)
        if not word.startswith("-")
    }
    bounded = {word for word in named if ">=" in word}
    assert bounded <= stated
    assert {"peft>=0.18", "sacrebleu>=2.4", "datasets>=5.2"} <= bounded
    assert named - bounded <= {"evaluate", "aim"}


@pytest.mark.parametrize(
    ("remedy", "keys", "options", "keywords"),
    [
        ("set data.tokens=COLUMN and data.tags=COLUMN, or data.spans=COLUMN",
         [["data.tokens=COLUMN", "data.tags=COLUMN"], ["data.spans=COLUMN"]], [[], []], [{}, {}]),
        ("fix the row, or list it with 'data.labels=[a, \"b, c\", d]'",
         [['data.labels=[a, "b, c", d]']], [[]], [{}]),
        ("choose another --output, or give --overwrite",
         [[], []], [[("--output", None)], [("--overwrite", None)]], [{}, {}]),
        ("set num_beams=1 or do_sample=False", [[], []], [[], []],
         [{"num_beams": 1}, {"do_sample": False}]),
        ("write 1 where a label holds, or correct the row", [], [], []),
    ],
)  # fmt: skip
def test_the_parser(remedy, keys, options, keywords) -> None:
    found = actions(remedy)
    assert [action.keys for action in found] == keys
    assert [action.options for action in found] == options
    assert [action.keywords for action in found] == keywords
