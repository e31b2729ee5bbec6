"""The section on where the figures come from: data, machine and recipe."""

from __future__ import annotations

from typing import Any

from hfdl.report import wording
from hfdl.report.limitations import limits
from hfdl.report.record import RunRecord
from hfdl.report.section import Section, render


def build_limits(record: RunRecord) -> Section | None:
    """What one should know before one trusts the figures."""
    sentences, notes = limits(record), record.notes()
    if not sentences and not notes:
        return None
    return Section("limits", "Worth knowing", render("limits.html", limits=sentences, notes=notes))


def build(record: RunRecord) -> Section:
    """Everything that is needed to make the run again."""
    html = render(
        "facts.html",
        tables=[
            ("Run", run_facts(record)),
            ("Environment", environment_facts(record)),
        ],
        recipe=record.recipe_text,
    )
    return Section("facts", "How it was made", html)


def run_facts(record: RunRecord) -> list[tuple[str, str]]:
    """Data, sizes and ending of the run, by name."""
    plan, data, model = record.plan, record.section("data"), record.section("model")
    examples = plan.get("examples") or {}
    end = record.end
    facts = [
        ("Model", model.get("name")),
        ("Implementation", plan.get("implementation")),
        ("Parameters", _number(plan.get("parameters"))),
        ("Parameters trained", _number(plan.get("trainable"))),
        ("Training data", data.get("train")),
        ("Examples", ", ".join(f"{name} {count:,}" for name, count in examples.items()) or None),
        ("Tokens seen", _number(plan.get("tokens"))),
        ("Epochs", _number(plan.get("epochs"))),
        ("Batch size", _batch(plan)),
        ("Thresholds", _thresholds(record)),
        ("Precision", plan.get("precision")),
        ("Processes", _number(plan.get("processes"))),
        ("Ended", wording.sentence(end["reason"]) if end.get("reason") else None),
        ("Ended at", wording.minute(end.get("time"))),
    ]
    return [(name, str(value)) for name, value in facts if value is not None]


def environment_facts(record: RunRecord) -> list[tuple[str, str]]:
    """Versions and machine, by name, in the order of ``metrics.json``."""
    environment = record.metrics.get("environment") or {}
    return [
        _environment_fact(str(name), value)
        for name, value in environment.items()
        if value is not None
    ]


def _environment_fact(name: str, value: Any) -> tuple[str, str]:
    if name.endswith("_bytes"):
        return name.removesuffix("_bytes").replace("_", " "), wording.size(value)
    return name.replace("_", " "), wording.number(value) if isinstance(value, float) else str(value)


def _number(value: Any) -> str | None:
    return None if value is None else wording.number(value)


def _thresholds(record: RunRecord) -> str | None:
    """From which score on each of several labels is given, where the run says it."""
    known = record.metrics.get("thresholds") or {}
    return ", ".join(f"{name} {wording.number(value)}" for name, value in known.items()) or None


def _batch(plan: dict[str, Any]) -> str | None:
    if not plan.get("batch_size"):
        return None
    whole, part = plan["batch_size"], plan.get("micro_batch_size")
    return f"{whole}, in parts of {part}" if part and part != whole else str(whole)
