"""What is recorded of the machine beside each figure."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path

import psutil
import pytest
import torch

from hfdl import environment
from hfdl.environment import cpu_name, machine, peak_memory_bytes, usable_cores, versions


def test_versions_are_those_installed():
    found = versions()
    packages = ["hfdl", "torch", "transformers", "accelerate", "datasets", "tokenizers",
                "safetensors", "numpy"]  # fmt: skip
    assert found.pop("python") == platform.python_version()
    distributions = {"hfdl": "hfdl-transformers"}
    assert found == {name: metadata.version(distributions.get(name, name)) for name in packages}


def test_a_package_that_is_missing_is_left_out(monkeypatch):
    monkeypatch.setattr(environment, "_PACKAGES", ("no-such-package",))
    assert sorted(versions()) == ["hfdl", "python"]


def test_machine_names_its_parts():
    found = machine()
    assert sorted(found) == ["cores", "cpu", "memory_bytes", "platform"]
    assert found["memory_bytes"] == psutil.virtual_memory().total
    assert found["platform"] == platform.platform()
    assert found["cpu"] == cpu_name() != ""
    assert ":" not in found["cpu"][:1]


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 6}, raising=False)
    assert usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a GPU its own memory is counted")
def test_peak_memory_is_the_kernels_figure_in_bytes():
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("/proc is absent")
    kilobytes = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])
    assert peak_memory_bytes() == pytest.approx(kilobytes * 1024, rel=0.02)


@pytest.mark.parametrize(
    ("asked", "expected"), [("Linux", 7_000_000 * 1024), ("darwin", 7_000_000)]
)
def test_the_unit_of_resident_memory_is_that_of_the_system(monkeypatch, asked, expected):
    import resource

    usage = type("Usage", (), {"ru_maxrss": 7_000_000})
    monkeypatch.setattr(resource, "getrusage", lambda who: usage)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(environment.sys, "platform", asked)
    assert peak_memory_bytes() == expected
