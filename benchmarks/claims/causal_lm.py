"""A GPT from random weights in one and the same loop, in hfdl's code and in transformers'."""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.claim import Claim, Figures, Program, Side
from benchmarks.harness.clock import forget_peak, measured, peak_bytes, resident_bytes
from benchmarks.harness.limit import Limit, forward_flops, layer_shapes
from benchmarks.sides import data

CORPUS, VOCABULARY = "imdb_unsup_text/corpus.txt", "vocab_gpt2"


def side(own: bool) -> Side:
    """The loop, in hfdl's code or in transformers', from the same first weights.

    transformers' loss is that of its forward with labels; hfdl's is the one that its own training
    takes, which forms the logits in parts.
    """

    def prepare(settings: SimpleNamespace) -> Callable[[int], Figures]:
        import torch

        from hfdl.training.memory import give_back_free_pages

        batches = _batches(settings)

        def work(number: int) -> Figures:
            gc.collect()  # the model of the round before; its pages go back to the system
            give_back_free_pages()
            loop = Loop(settings, own)
            torch.manual_seed(number)
            memory = loop.memory(batches(number, settings.memory_rows))
            start = number * settings.steps
            rows = [batches(start + i, settings.batch_size) for i in range(settings.steps)]
            with measured() as took:
                losses = [loop.update(ids) for ids in rows]
            tokens = settings.steps * settings.batch_size * settings.length
            flops = 3 * loop.flops_of_a_row(settings) * settings.steps * settings.batch_size
            mean = float(sum(losses)) / len(losses)
            return {**took, **memory, "tokens": tokens, "flops": flops, "loss": mean}

        return work

    return prepare


class Loop:
    """A model, fused AdamW, and an update.

    Args:
        settings: sizes.
        own: whether it is hfdl's code.
    """

    def __init__(self, settings: SimpleNamespace, own: bool) -> None:
        import torch

        self._own = own
        self._device = torch.device(settings.device)
        self._bf16 = settings.precision == "bf16"
        self.model: Any = _model(settings, own).to(self._device)
        self._optimizer = torch.optim.AdamW(self.model.parameters(), lr=3e-4, fused=True)

    def update(self, ids: Any) -> Any:
        """One update on (B, T) ids: the loss before it."""
        import torch

        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            loss = self._loss(ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return loss.detach()

    def _loss(self, ids: Any) -> Any:
        import torch

        if not self._own:
            return self.model(input_ids=ids, labels=ids, use_cache=False).loss
        places = torch.arange(ids.numel(), device=ids.device).view(ids.shape)
        places, targets = places[:, :-1].flatten(), ids[:, 1:].flatten()
        total = self.model(input_ids=ids, positions=places, targets=targets).total
        return total / len(targets)

    def memory(self, ids: Any) -> dict[str, int]:
        """The most memory of a first update on (B, T) ids, beyond that of the loaded model."""
        before = resident_bytes()
        forget_peak()
        self.update(ids)
        return {"peak_over_model_bytes": peak_bytes() - before}

    def flops_of_a_row(self, settings: SimpleNamespace) -> float:
        """Of the forward pass, the head's with it."""
        width = settings.width
        body = forward_flops([settings.length], settings.layers, width, 4 * width)
        return body + 2.0 * settings.length * width * settings.words


def _model(settings: SimpleNamespace, own: bool) -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=settings.words, n_positions=settings.length, n_embd=settings.width,
        n_layer=settings.layers, n_head=settings.heads,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    if own:
        from hfdl.hf_models.load import to_scratch_model
        from hfdl.training.memory import keep_large_blocks
        from hfdl.weights.chunked_lm_loss import enable_chunked_loss

        keep_large_blocks()  # as hfdl's training does
        return enable_chunked_loss(to_scratch_model(model)).train()
    return model.train()


def _batches(settings: SimpleNamespace) -> Callable[[int, int], Any]:
    """Rows of a text, batch by batch, from its start again when it is over."""
    import torch
    from transformers import GPT2Tokenizer

    folder = data.path(settings, VOCABULARY)
    tokenizer: Any = GPT2Tokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    lines = data.lines_of(data.path(settings, CORPUS))[: settings.reviews]
    joined = [token for row in tokenizer(lines)["input_ids"] for token in row]
    ids = torch.tensor(joined) % settings.words
    rows = ids[: len(ids) // settings.length * settings.length].view(-1, settings.length)

    def batch(number: int, size: int) -> Any:
        return rows[torch.arange(number * size, (number + 1) * size) % len(rows)]

    return batch


def limit(settings: SimpleNamespace) -> Limit:
    """The products of all layers and of the head, for a batch."""
    tokens, width = settings.batch_size * settings.length, settings.width
    body = layer_shapes(tokens, width, 4 * width) * settings.layers
    return Limit((*body, (tokens, width, settings.words)))


TEXT = "a GPT of 6 layers, width 384, 256 tokens, vocabulary of GPT-2, from random weights, float32"
PROGRAM = Program(
    name="causal_lm",
    title=f"{TEXT}; dropout 0.1, the same loop",
    sides={"hfdl": side(True), "transformers' GPT-2": side(False)},
    claims=(
        Claim("causal-lm", TEXT, "transformers' GPT-2", at_least=1.3),
        Claim(
            "causal-lm-memory",
            "its peak memory over the loaded model, an update of 16 rows of 256 tokens",
            "transformers' GPT-2", figure="peak_over_model_bytes", at_most=0.31,
        ),
    ),
    settings={
        "words": 50_257, "length": 256, "width": 384, "layers": 6, "heads": 6, "batch_size": 16,
        "steps": 8, "memory_rows": 16, "reviews": 2000, "device": "cpu", "precision": "float32",
    },
    quick={"batch_size": 4, "steps": 2, "reviews": 100},
    tiny={
        "words": 300, "length": 16, "width": 16, "layers": 1, "heads": 2, "batch_size": 2,
        "steps": 1, "memory_rows": 2, "reviews": 20,
    },
    limit=limit, quality={"loss": "training loss"},
    files=(CORPUS, f"{VOCABULARY}/vocab.json", f"{VOCABULARY}/merges.txt"),
)  # fmt: skip
