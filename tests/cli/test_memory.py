"""Memory that does not suffice is the machine's fault: one line, exit code 2."""

from __future__ import annotations

import errno

import pytest
import torch

from hfdl.cli.errors import report

ERRORS = {
    "python": MemoryError(),
    "numpy": MemoryError("Unable to allocate 745. GiB for an array"),
    "system": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "torch on a GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB"),
    "torch on a CPU": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory\nx"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_memory_is_no_fault_of_hfdl(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(ERRORS[name]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: memory did not suffice")
    assert said.count("\n") == 1
    assert "fault in hfdl" not in said
    assert str(ERRORS[name]).partition("\n")[0] in said


def test_another_error_of_torch_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(RuntimeError("shapes do not match")) == 1
    assert "fault in hfdl" in capsys.readouterr().err
