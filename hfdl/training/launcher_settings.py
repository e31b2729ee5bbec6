"""What ``accelerate launch`` (or its environment variables) asks for beside the recipe.

A recipe says all that a run is made with: what Accelerate would take from the environment would not
be in it, nor be there when the run is continued. So none of it is followed in silence: what cannot
be had is refused, what the recipe has a key for is named.
"""

from __future__ import annotations

import os

from hfdl.config.schema import TrainConfig
from hfdl.errors import ConfigError
from hfdl.training.launched import launched_processes

_REFUSED = {
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "tensor, context or sequence parallelism",
    "ACCELERATE_USE_SAGEMAKER": "SageMaker",
}
_PRECISIONS = {"no": "float32", "bf16": "bf16", "fp16": "fp16", "fp8": "fp8"}
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
                rule="hfdl trains with a whole copy of the model in each process (DDP)",
                remedy=f"give hfdl train --processes N, and before it: unset {name}",
            )
    return [*_one_process(), *_precision(config), *_accumulation(), *_compilation(config)]


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
