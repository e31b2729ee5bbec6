"""Which arithmetic a run gets, and why."""

import pytest
import torch
from helpers.wording import assert_wording

from hfdl.errors import ConfigError
from hfdl.training.accelerator import choose_precision, native_bf16

CPU, GPU, APPLE = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


@pytest.fixture
def cpu_has(monkeypatch):
    def pretend(*, amx: bool, avx512: bool) -> None:
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)

    return pretend


@pytest.mark.parametrize(
    ("amx", "avx512", "expected"),
    [
        (True, True, ("bf16", "the CPU has AMX")),
        (True, False, ("bf16", "the CPU has AMX")),
        (False, True, ("bf16", "the CPU has AVX512-BF16")),
        (False, False, ("float32", "the CPU has no bf16 instructions")),
    ],
)
def test_auto_on_a_cpu_asks_for_its_instructions(cpu_has, amx, avx512, expected):
    cpu_has(amx=amx, avx512=avx512)
    assert choose_precision("auto", CPU) == native_bf16(CPU) == expected


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ((7, 5), ("float32", "the GPU has no bf16 (compute capability 7.5)")),
        ((8, 0), ("bf16", "the GPU has bf16 tensor cores (compute capability 8.0)")),
        ((9, 0), ("bf16", "the GPU has bf16 tensor cores (compute capability 9.0)")),
    ],
)
def test_auto_on_a_gpu_asks_for_its_capability(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision("auto", GPU) == expected


def test_auto_on_any_other_device_is_float32():
    assert choose_precision("auto", APPLE) == ("float32", "bf16 on mps is not known to be native")


@pytest.mark.parametrize(
    ("asked", "device"),
    [("float32", CPU), ("bf16", CPU), ("float32", GPU), ("bf16", GPU), ("fp16", GPU)],
)
def test_what_is_asked_for_is_given(cpu_has, asked, device):
    cpu_has(amx=False, avx512=False)
    assert choose_precision(asked, device) == (asked, "as asked")


def test_fp16_on_a_cpu_is_refused():
    with pytest.raises(ConfigError) as caught:
        choose_precision("fp16", CPU)
    assert_wording(caught.value)


def test_torch_still_has_the_questions_that_are_asked():
    # Private names of torch: a release without them must fail here and not in a run.
    assert isinstance(torch.cpu._is_amx_tile_supported(), bool)
    assert isinstance(torch.cpu._is_avx512_bf16_supported(), bool)
