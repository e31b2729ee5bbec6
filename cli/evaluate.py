"""``hfdl evaluate``: measure a saved model on held-out data."""

from __future__ import annotations

from .options import Json, Overrides, RunOrModel
from .output import print_json, print_metrics


def evaluate(run_or_model: RunOrModel, overrides: Overrides = None, json: Json = False) -> None:
    """Measure a saved model on held-out data.

    \b
    Examples:
      hfdl evaluate runs/sentiment
      hfdl evaluate runs/sentiment data.test=mine.csv data.label=verdict
      hfdl evaluate runs/sentiment --json
    """
    from hfdl.config.overrides import parse_overrides
    from hfdl.runs import run
    from hfdl.runs.console import console_listener

    settings = parse_overrides(overrides or [])
    if json:
        print_json(run.evaluate(run_or_model, settings))
        return
    with console_listener() as listener:
        metrics = run.evaluate(run_or_model, settings, listener=listener)
    print_metrics(metrics)
