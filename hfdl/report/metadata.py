"""The front matter of a model card, as the Hugging Face Hub reads it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from hfdl.report.private import is_here, is_private, shown
from hfdl.report.record import RunRecord

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_PART = re.compile(r"[@:#].*$")
_FILES = re.compile(r"\.(csv|tsv|json|jsonl|parquet|conll|txt)$", re.IGNORECASE)


def card_data(
    record: RunRecord, *, license: str | None = None, language: list[str] | None = None
) -> ModelCardData:
    """What the Hub indexes: base model, task, data set and the figures of each split.

    Args:
        record: the run.
        license: the Hub's name of it, such as ``apache-2.0``; None: left out.
        language: codes of the languages, such as ``en``.
    """
    from huggingface_hub import ModelCardData

    base = base_model(record)
    dataset = hub_dataset(record)
    results = _results(record)
    return ModelCardData(
        license=license,
        language=language or None,
        library_name="hfdl" if record.own_architecture else "transformers",
        base_model=base,
        datasets=dataset,
        pipeline_tag=record.spec.hub_task,
        tags=["hfdl"],
        metrics=sorted({result.metric_type for result in results}) or None,
        model_name=model_name(record),
        eval_results=results or None,
    )


def base_model(record: RunRecord) -> str | None:
    """The Hub id of the model that was fine-tuned; None where it was a folder or random weights."""
    model = record.section("model")
    name = str(model.get("name") or "").partition("@")[0]  # of ID@REVISION
    # With sizes of its own the run took only the tokenizer from the named model.
    is_hub = looks_like_hub_id(name, record.folder)
    return name if is_hub and not model.get("config") else None


def hub_dataset(record: RunRecord) -> str | None:
    """The Hub id of the training data; None for files and embedded data."""
    name = _PART.sub("", str(record.section("data").get("train") or ""))
    is_hub = looks_like_hub_id(name, record.folder) and not _FILES.search(name)
    return name if is_hub else None


def looks_like_hub_id(name: str, near: Path | None = None) -> bool:
    """Whether a name has the form of a Hub id and is no folder or file here, or above ``near``."""
    return bool(_HUB_ID.fullmatch(name)) and not is_here(name, near)


def is_new(record: RunRecord) -> bool:
    """Whether the model was made of its sizes alone: no pretrained weights, no folder."""
    return str(record.section("model").get("name") or "").startswith("hfdl://")


def data_name(record: RunRecord) -> str:
    """The training data, as it can be shown to others; of several files the first three."""
    names = _data_names(record)
    more = f", ... ({len(names)} files)" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _data_names(record: RunRecord) -> list[str]:
    given = record.section("data").get("train") or "unknown"
    each = given if isinstance(given, list) else [given]
    return [_shareable(str(name), record) for name in each]


def base_name(record: RunRecord) -> str:
    """The model it began with, as it can be shown to others."""
    return _shareable(str(record.section("model").get("name") or "unknown"), record)


def _shareable(name: str, record: RunRecord) -> str:
    """A name without the folders of this machine: of a path its last part."""
    return shown(name) if is_private(name, place=True, near=record.folder) else name


def model_name(record: RunRecord) -> str:
    """A name for the result: base model and data."""
    return f"{Path(base_name(record)).name}-{Path(_data_names(record)[0]).stem}"


def _results(record: RunRecord) -> list[EvalResult]:
    from huggingface_hub import EvalResult

    dataset = hub_dataset(record) or data_name(record)
    return [
        EvalResult(
            task_type=record.spec.hub_task or record.task,
            dataset_type=dataset,
            dataset_name=data_name(record),
            dataset_split=split,
            metric_type=name,
            metric_value=round(value, 6),
        )
        for split in record.splits
        for name, value in record.metrics[split].items()
        if name != "loss"
        and "/" not in name  # a detail
        and isinstance(value, (int, float))
        and math.isfinite(value)
    ]
