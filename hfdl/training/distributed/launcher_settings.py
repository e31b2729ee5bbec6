"""What ``accelerate launch`` (or its environment variables) asks for beside the recipe.

A recipe says all that a run is made with: what Accelerate would take from the environment would not
be in it, nor be there when the run is continued. So none of it is followed in silence. FSDP, which
is asked for there as a rule, is put into the recipe; what cannot be had is refused; what the recipe
has another key for is named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hfdl.config.schema import Recipe, TrainConfig
from hfdl.errors import ConfigError, HfdlError
from hfdl.training.distributed.launched import launched_processes

_REFUSED = {
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "tensor, context or sequence parallelism",
    "ACCELERATE_USE_SAGEMAKER": "SageMaker",
}
_PRECISIONS = {"no": "float32", "bf16": "bf16", "fp16": "fp16", "fp8": "fp8"}
_FSDP = "ACCELERATE_USE_FSDP"
_FSDP_REFUSED = {
    # variable: what accelerate takes where it is not set, the values that hfdl has, what others
    # ask for, what to set in their place
    "FSDP_VERSION": ("1", {"2"}, "another version of FSDP", "export FSDP_VERSION=2"),
    "FSDP_OFFLOAD_PARAMS": (
        "false", {"false", "0", "no", ""}, "parameters in the memory of the CPU",
        "export FSDP_OFFLOAD_PARAMS=false",
    ),
}  # fmt: skip
_OFF = {"", "0", "f", "false", "n", "no", "off"}


def check_launcher_settings(config: TrainConfig) -> list[str]:
    """Lines about what a launcher asks for and the recipe overrules.

    Args:
        config: the recipe's ``train`` section.

    Raises:
        ConfigError: it asks for a way of training that hfdl does not have.
    """
    for name, what in _REFUSED.items():
        if os.environ.get(name, "").lower() not in _OFF:
            raise ConfigError(
                f"it asks for {what}",
                where=f"{name}={os.environ[name]}",
                rule="several processes share a model by DDP or by FSDP2",
                remedy="give hfdl train --processes N train.strategy=fsdp, and before it: "
                f"unset {name}",
            )
    return [*_one_process(), *_precision(config), *_accumulation(), *_compilation(config)]


_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
              "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE",
              "ACCELERATE_USE_CPU", "ACCELERATE_TORCH_DEVICE")  # fmt: skip
"""By which a launcher tells a process where it stands."""


@contextmanager
def refuse_unfit_variables() -> Iterator[None]:
    """While active, what torch and Accelerate say of a launcher's variables is a ConfigError.

    Raises:
        ConfigError: naming those that are set.
    """
    _refuse_rank()
    is_set = [name for name in _VARIABLES if name in os.environ]  # now: Accelerate sets some
    try:
        yield
    except (ValueError, RuntimeError, LookupError, OverflowError, TypeError) as error:
        if not is_set or isinstance(error, HfdlError):
            raise
        raise _unfit(is_set, str(error).strip().partition("\n")[0]) from error


def _refuse_rank() -> None:
    rank, world = (os.environ.get(name, "0") for name in ("RANK", "WORLD_SIZE"))
    if rank.isdecimal() and world.isdecimal() and 0 < int(world) <= int(rank):
        raise _unfit(["RANK", "WORLD_SIZE"], f"there is no process {rank} of {world}")


def _unfit(names: list[str], reason: str) -> ConfigError:
    return ConfigError(
        f"the processes cannot be joined: {reason}",
        where=", ".join(f"{name}={os.environ[name]}" for name in names),
        rule="torchrun, accelerate launch or MPI sets these for each process",
        remedy=f"start it by one of them, or alone after: unset {' '.join(names)}",
    )


@contextmanager
def own_sharding() -> Iterator[None]:
    """While active, Accelerate and transformers do not shard as the environment says.

    hfdl shards by the recipe. Accelerate would do it too, and transformers load the weights in the
    first process alone.
    """
    before = os.environ.get(_FSDP)
    if before is not None:
        os.environ[_FSDP] = "false"
    try:
        yield
    finally:
        if before is not None:
            os.environ[_FSDP] = before


def follow_launcher(recipe: Recipe) -> tuple[Recipe, list[str]]:
    """The recipe with what the launcher asks for and recipes have a key for, and lines about it.

    Raises:
        ConfigError: it asks for a kind of FSDP that hfdl does not have.
    """
    if os.environ.get(_FSDP, "").lower() in _OFF:
        return recipe, []
    for name, (default, known, what, remedy) in _FSDP_REFUSED.items():
        value = os.environ.get(name, default).lower()
        if value not in known:
            raise ConfigError(
                f"it asks for {what}", where=f"{name}={value}",
                rule="several processes share a model by DDP or by FSDP2",
                remedy=f"set it in accelerate's file, or: {remedy}",
            )  # fmt: skip
    asked: dict[str, Any] = {"strategy": "fsdp"}
    if os.environ.get("FSDP_ACTIVATION_CHECKPOINTING", "").lower() not in _OFF:
        asked["gradient_checkpointing"] = True
    train = recipe.train.model_copy(update=asked)
    said = ", ".join(f"train.{key}={str(value).lower()}" for key, value in asked.items())
    lines = [f"accelerate launch asks for FSDP: {said}"]
    return recipe.model_copy(update={"train": train}), [*lines, *_units()]


def _units() -> list[str]:
    policy = os.environ.get("FSDP_AUTO_WRAP_POLICY", "TRANSFORMER_BASED_WRAP")
    if policy == "TRANSFORMER_BASED_WRAP":
        return []
    return [f"accelerate's fsdp_auto_wrap_policy ({policy}) is not followed: each layer is a unit"]


def _one_process() -> list[str]:
    # Only accelerate launch sets it, whatever it is told.
    if "ACCELERATE_MIXED_PRECISION" not in os.environ or launched_processes() > 1:
        return []
    return [
        "accelerate launch has started one process, whatever --num_processes said; for several on "
        "this machine: hfdl train ... --processes N"
    ]


def _precision(config: TrainConfig) -> list[str]:
    asked = _PRECISIONS.get(os.environ.get("ACCELERATE_MIXED_PRECISION", "no").lower(), "another")
    # "no" is what accelerate launch sets when nobody asked.
    if asked in ("float32", config.precision):
        return []
    return [
        f"accelerate's mixed_precision ({asked}) is not followed: train.precision="
        f"{config.precision} decides"
    ]


def _accumulation() -> list[str]:
    steps = os.environ.get("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1")
    if steps in ("", "1"):
        return []
    return [
        f"accelerate's gradient_accumulation_steps ({steps}) is not followed: an update is "
        "train.batch_size examples, in parts of train.micro_batch_size"
    ]


def _compilation(config: TrainConfig) -> list[str]:
    backend = os.environ.get("ACCELERATE_DYNAMO_BACKEND", "no").lower()
    if backend in _OFF or config.compile:
        return []
    return [f"accelerate's dynamo_backend ({backend}) is not followed: train.compile=false decides"]
