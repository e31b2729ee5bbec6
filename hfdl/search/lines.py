"""What a study says while it runs: a line a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hfdl.config.error_messages import show
from hfdl.runs.texts import GAP, format_seconds
from hfdl.search.storage import REASON, SECONDS, Storage


def trial_line(storage: Storage, number: int) -> str:
    """A trial that has ended: its number, value, the best so far, its time and its settings."""
    trials = storage.trials()
    trial = trials[number]
    best = storage.best()
    total = len(str(storage.plan.trials - 1))
    parts = [f"trial {number:>{total}}", outcome(trial), f"best {figure(best and best.value)}"]
    parts.append(format_seconds(trial.user_attrs.get(SECONDS, 0.0)))
    parts += short_settings(storage.settings(trial))
    if reason := trial.user_attrs.get(REASON):
        parts.append(reason)
    return GAP.join(parts)


def outcome(trial: Any) -> str:
    """A trial's value, or what became of it."""
    if trial.state.name == "COMPLETE":
        return figure(trial.value)
    return {"PRUNED": "pruned", "FAIL": "failed"}.get(trial.state.name, "running")


def figure(value: float | None) -> str:
    """A value with four decimals; a dash for none."""
    return "-" if value is None else f"{value:.4f}"


def short_settings(settings: Mapping[str, Any]) -> list[str]:
    """Settings as ``learning_rate=0.0123``, each key as short as it is clear."""
    names = short_names(list(settings))
    return [f"{names[key]}={setting(value)}" for key, value in settings.items()]


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The last part of each key; the whole key where another ends like it."""
    last = [key.rpartition(".")[2] for key in keys]
    return {
        key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)
    }


def setting(value: Any) -> str:
    """A value, numbers to three significant digits."""
    return f"{value:.3g}" if isinstance(value, float) else show(value)
