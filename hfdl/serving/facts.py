"""What a server says of itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hfdl.environment import versions
from hfdl.serving.service import Service


def facts_of(service: Service) -> dict[str, Any]:
    """The model, its task, labels and precision, the limits of requests, and versions."""
    config = service.pipe.model.config
    return {
        "model": service.name,
        "task": service.pipe.task,
        "architecture": service.pipe.architecture,
        "labels": [*(getattr(config, "id2label", None) or {}).values()],
        "device": str(service.pipe.device),
        "precision": service.pipe.precision,
        "limits": {**asdict(service.limits), "max_batch_tokens": service.batcher.max_tokens},
        "versions": versions(),
    }
