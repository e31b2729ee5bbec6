"""A training of transformers' Trainer whose updates are timed, as those of hfdl are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness.clock import Stretches
from benchmarks.sides.hfdl_run import of_updates

BEST = {
    "train_sampling_strategy": "group_by_length", "optim": "adamw_torch_fused",
    "logging_nan_inf_filter": False,
}  # fmt: skip
"""Its best documented settings on a CPU, beside bf16, which both sides have or have not."""


def train(
    model: Any,
    rows: Any,
    collator: Any,
    folder: Path,
    *,
    epochs: float,
    steps: int | None = None,
    seed: int,
    batch_size: int = 32,
    learning_rate: float = 1e-4,
    warmup: float = 0.06,
    weight_decay: float = 0.01,
    **settings: Any,
) -> dict[str, Any]:
    """Train a model.

    Args:
        model: transformers'.
        rows: tokenised.
        collator: pads a batch.
        folder: for what it writes.
        steps: so many updates instead of ``epochs``.
        epochs, seed, batch_size, learning_rate, warmup, weight_decay: as the Trainer has them.
        settings: further ones: ``BEST``, ``bf16``.

    Returns:
        the figures of all updates together.
    """
    from transformers import Trainer, TrainerCallback, TrainingArguments

    time = Stretches()

    class Timer(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            time.skip()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            time.count()

    tokens = 0

    def count(_: Any, __: Any, batch: dict[str, Any]) -> None:
        nonlocal tokens
        mask = batch.get("attention_mask")
        tokens += batch["input_ids"].numel() if mask is None else int(mask.sum())

    counting = model.register_forward_pre_hook(count, with_kwargs=True)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder), num_train_epochs=epochs, max_steps=steps or -1, seed=seed,
            use_cpu=True, per_device_train_batch_size=batch_size, learning_rate=learning_rate,
            warmup_steps=warmup, weight_decay=weight_decay, logging_steps=50,
            save_strategy="no", report_to="none", disable_tqdm=True, **settings,
        ),
        train_dataset=rows,
        data_collator=collator,
        callbacks=[Timer()],
    )  # fmt: skip
    trainer.train()
    counting.remove()
    return of_updates(time, tokens, trainer.state.global_step)
