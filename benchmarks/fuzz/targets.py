"""Every target."""

from __future__ import annotations

from benchmarks.fuzz import configurations, folders, tables

TARGETS = (*configurations.TARGETS, *tables.TARGETS, *folders.TARGETS)
BY_NAME = {target.name: target for target in TARGETS}
