"""What a server says of itself."""

from __future__ import annotations

from typing import Any

from hfdl.environment import versions
from hfdl.serving.limits import in_units
from hfdl.serving.service import Service


def facts_of(service: Service) -> dict[str, Any]:
    """The model, its task, labels and precision, the limits of requests, and versions.

    Limits are in the units of their options: ``max_wait`` in milliseconds, times in seconds.
    """
    config = service.pipe.model.config
    return {
        "model": service.name,
        "task": service.pipe.task,
        "architecture": service.pipe.architecture,
        "labels": [*(getattr(config, "id2label", None) or {}).values()],
        "device": str(service.pipe.device),
        "precision": service.pipe.precision,
        "limits": {**in_units(service.limits), "max_batch_tokens": service.batcher.max_tokens},
        "versions": versions(),
    }
