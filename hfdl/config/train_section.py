"""The section ``train`` of a recipe: how long, how fast, how exact, what is kept."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hfdl.config.section import OwnCode, PositiveInt, Section


class TrainConfig(Section):
    """The loop: how long, how fast, how exact, what is kept."""

    epochs: Annotated[float, Field(gt=0)] = Field(
        default=3, description="Passes over the training split."
    )
    steps: PositiveInt | None = Field(
        default=None, description="Updates. Takes the place of epochs."
    )
    batch_size: PositiveInt = Field(
        default=32, description="Examples per update, over all micro-batches and processes."
    )
    micro_batch_size: PositiveInt | None = Field(
        default=None, description="Examples per forward pass and process. Default: the whole batch."
    )
    micro_batch_tokens: PositiveInt | None = Field(
        default=None,
        description="Most tokens per forward pass and process, padding included: long texts go "
        "through the model in smaller parts than short ones. A longer text goes alone.",
    )
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        default=5e-5, description="Peak learning rate."
    )
    optimizer: OwnCode = Field(
        default="adamw",
        description="adamw, adam, adafactor, adagrad, adadelta, adamax, asgd, muon (for the "
        "matrices of hidden layers, with AdamW for the rest), nadam, radam, rmsprop, rprop or sgd, "
        "or file.py:Class or module:Class of your own.",
    )
    optimizer_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Further arguments of that optimizer, as its class names them: {momentum: "
        "0.9}.",
    )
    schedule: str = Field(default="linear", description="Name of one of transformers' schedules.")
    schedule_options: dict[str, Any] = Field(
        default_factory=dict, description="Arguments of that schedule, as transformers names them."
    )
    warmup: Annotated[float, Field(ge=0)] = Field(
        default=0.06,
        description="Warm-up: below 1 a share of all updates, from 1 on a number of updates.",
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        default=0.01,
        description="The optimizer's weight decay, not applied to biases and norms.",
    )
    adam_betas: tuple[float, float] = Field(default=(0.9, 0.999), description="AdamW's betas.")
    adam_epsilon: Annotated[float, Field(gt=0)] = Field(
        default=1e-8, description="Epsilon of Adam and its relatives."
    )
    clip_norm: Annotated[float, Field(gt=0)] | None = Field(
        default=1.0, description="Largest norm of the whole gradient. null: no clipping."
    )
    precision: Literal["auto", "float32", "bf16", "fp16"] = Field(
        default="auto",
        description="Type of the arithmetic. auto: bf16 where the GPU or CPU has it natively.",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=0,
        description="Fixes the new head, the order of the examples, dropout and the splits.",
    )
    evaluate_every: PositiveInt | None = Field(
        default=None, description="Updates between evaluations. Default: once an epoch."
    )
    evaluate_at_start: bool = Field(
        default=False,
        description="Evaluate before the first update too: what the model was before training. "
        "If nothing after is better, these weights are kept.",
    )
    save_every: PositiveInt | None = Field(
        default=None, description="Updates between checkpoints. Default: at each evaluation."
    )
    keep_checkpoints: PositiveInt = Field(
        default=2,
        description="Latest checkpoints kept while training: if the newest is damaged, the one "
        "before it is resumed from. One stays after the end.",
    )
    metrics: list[OwnCode] = Field(
        default_factory=list,
        description="More metrics, beside the task's: names that hfdl.metrics.load knows, "
        "file.py:function or module:function of (predictions, references), or modules of the "
        "library evaluate as file.py:Class.",
    )
    callbacks: list[OwnCode] = Field(
        default_factory=list,
        description="file.py:function or module:function that is called with each event of the "
        "run, or a class whose instances are.",
    )
    best_metric: str | None = Field(
        default=None,
        description="Validation metric that picks the best weights. Default: the task's.",
    )
    early_stopping: PositiveInt | None = Field(
        default=None, description="Stop after this many evaluations without a better one."
    )
    strategy: Literal["ddp", "fsdp"] = Field(
        default="ddp",
        description="What several processes share. ddp: each has the whole model and a part of "
        "every batch. fsdp: of the model, its gradients and the optimizer's state, too, each has a "
        "part; for a model whose training one GPU cannot hold.",
    )
    gradient_checkpointing: bool = Field(
        default=False,
        description="Recompute activations in the backward pass: less memory, more time.",
    )
    compile: bool = Field(default=False, description="Run the model through torch.compile.")
    trackers: list[str] = Field(
        default_factory=list,
        description="Accelerate's trackers by name: tensorboard, wandb, mlflow, ...",
    )
    samples: list[str] = Field(
        default_factory=lambda: [""],
        description="Prompts that a causal language model continues after each evaluation, to be "
        "watched learning; '' starts with nothing, [] is none.",
    )
