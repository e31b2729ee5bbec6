"""Accelerate's object, set up from the recipe: device, precision, processes, trackers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import PartialState
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
from accelerate.utils import (
    DynamoBackend,
    GradientAccumulationPlugin,
    TorchDynamoPlugin,
    parse_flag_from_env,
)

from hfdl.config.schema import TrainConfig
from hfdl.errors import ConfigError, MissingExtraError, did_you_mean
from hfdl.training.distributed.launched import process_group_options
from hfdl.training.distributed.launcher_settings import refuse_unfit_variables
from hfdl.training.distributed.sharding import check_strategy
from hfdl.training.events import Evaluated, Event, Updated
from hfdl.training.memory import keep_a_reserve, keep_large_blocks

_MIXED = {"float32": "no", "bf16": "bf16", "fp16": "fp16"}
# Trackers whose package hfdl has an extra for.
_EXTRAS = {"tensorboard": "tensorboard"}


def make_accelerator(config: TrainConfig, folder: Path | None) -> tuple[Accelerator, str, str]:
    """An Accelerator, the precision it uses, and why.

    Args:
        config: the recipe's ``train`` section.
        folder: where trackers write; None: no trackers (a dry run).

    Raises:
        ConfigError: unknown tracker, a precision that the device does not have, or what cannot be
            had beside the strategy.
        MissingExtraError: a tracker's package is not installed.
    """
    trackers = check_trackers(config.trackers)
    check_strategy(config)
    # Accelerate joins several processes on a CPU only if it is told that there is nothing else.
    with refuse_unfit_variables():
        is_asked = parse_flag_from_env("ACCELERATE_USE_CPU")
        cpu = is_asked or not torch.accelerator.is_available()
    with refuse_unfit_variables():
        state = PartialState(cpu=cpu, **process_group_options())
    device = torch.device(state.device or "cpu")
    precision, reason = choose_precision(config.precision, device)
    if device.type == "cpu":
        keep_large_blocks()
        keep_a_reserve()
    # Both plugins are given, for without them Accelerate asks the environment.
    dynamo = TorchDynamoPlugin(
        backend=DynamoBackend.INDUCTOR if config.compile else DynamoBackend.NO,
        dynamic=config.compile,
    )
    accelerator = Accelerator(
        cpu=cpu,
        mixed_precision=_MIXED[precision],
        log_with=(trackers if folder is not None else None) or None,
        project_dir=folder,
        dynamo_plugin=dynamo,
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
    )
    return accelerator, precision, reason


def check_trackers(names: list[str]) -> list[Any]:
    """The trackers by name, each known to Accelerate and installed."""
    known = [str(tracker) for tracker in LOGGER_TYPE_TO_CLASS]
    installed = {str(tracker) for tracker in get_available_trackers()}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"unknown tracker {name!r}",
                where="train.trackers",
                rule=f"accelerate knows: {', '.join(known)}",
                remedy=did_you_mean(name, known),
            )
        if name not in installed:
            raise MissingExtraError(name, feature=f"train.trackers={name}", extra=_EXTRAS.get(name))
    return list(names)


class Tracking:
    """A listener that passes figures on to Accelerate's trackers."""

    def __init__(self, accelerator: Accelerator, name: str, settings: dict[str, Any]) -> None:
        self._accelerator = accelerator
        accelerator.init_trackers(name, config=settings)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Updated):
            values = {
                "train/loss": event.loss,
                "train/learning_rate": event.learning_rate,
                "train/grad_norm": event.grad_norm,
                "train/epoch": event.epoch,
            }
        elif isinstance(event, Evaluated):
            values = {f"{event.split}/{name}": value for name, value in event.metrics.items()}
        else:
            return
        self._accelerator.log(values, step=event.step)

    def close(self) -> None:
        """Let the trackers write what they hold."""
        self._accelerator.end_training()


def forget_device_state() -> None:
    """Drop Accelerate's process-wide state, so that the next run may choose another precision."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=False)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


# ---- Which arithmetic the forward and backward passes use ----------------------------------------


def choose_precision(asked: str, device: torch.device) -> tuple[str, str]:
    """The precision of a run, and the reason in words.

    ``auto`` takes bf16 where the device multiplies it natively, for there it is several times
    faster and needs no loss scaling; elsewhere bf16 is emulated and slower than float32.

    Args:
        asked: ``auto``, ``float32``, ``bf16`` or ``fp16``.
        device: where the model runs.

    Raises:
        ConfigError: fp16 on a CPU.
    """
    if asked == "fp16" and device.type == "cpu":
        raise ConfigError(
            "fp16 needs a GPU",
            where="train.precision",
            rule="this run is on the CPU",
            remedy="use train.precision=auto",
        )
    if asked != "auto":
        return asked, "as asked"
    return native_bf16(device)


def native_bf16(device: torch.device) -> tuple[str, str]:
    """``bf16`` or ``float32`` for a device, with the instruction set that decides it."""
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        if major >= 8:
            return "bf16", f"the GPU has bf16 tensor cores (compute capability {major}.{minor})"
        return "float32", f"the GPU has no bf16 (compute capability {major}.{minor})"
    if device.type == "cpu":
        if torch.cpu._is_amx_tile_supported():
            return "bf16", "the CPU has AMX"
        if torch.cpu._is_avx512_bf16_supported():
            return "bf16", "the CPU has AVX512-BF16"
        return "float32", "the CPU has no bf16 instructions"
    return "float32", f"bf16 on {device.type} is not known to be native"
