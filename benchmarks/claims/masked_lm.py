"""Going on with the pretraining of a masked language model, beside transformers' Trainer.

Both sides read the same rows: the reviews as one document, in full windows with the special tokens
around each, shuffled by each side's own seed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.claim import Claim, Figures, Program
from benchmarks.harness.limit import Limit, layer_shapes
from benchmarks.sides import data, models
from benchmarks.sides.hfdl_run import PER_TOKEN

CORPUS = "imdb_unsup_text/corpus.txt"
WORDS = 30_522
SHARE = 0.15
"""Of the tokens that are asked for."""


def reviews(settings: SimpleNamespace) -> tuple[list[str], list[str]]:
    """Reviews to train on, and held-out ones."""
    lines = data.lines_of(data.path(settings, CORPUS))
    held_out = lines[-settings.held_out :]
    return lines[: settings.reviews], held_out


def one_document(texts: list[str]) -> str:
    """Texts as a file that is one document."""
    return "\n".join(texts) + "\n"


def hfdl_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """hfdl, in its own model code."""
    from benchmarks.sides import hfdl_run

    folder = Path(settings.folder) / "hfdl"
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in zip(("train", "dev"), reviews(settings), strict=True):
        (folder / f"{name}.txt").write_text(one_document(rows), encoding="utf-8")
    judge = Judge(settings)

    def work(number: int) -> Figures:
        figures, _ = hfdl_run.train(
            "mlm",
            {
                "model.name": str(models.source(settings)), "model.implementation": "hfdl",
                "data.train": str(folder / "train.txt"), "data.separator": None,
                "data.validation": str(folder / "dev.txt"), "data.max_length": settings.length,
                "train.steps": settings.steps, "train.batch_size": settings.batch_size,
                "train.evaluate_at_start": False, "train.precision": settings.precision,
                "train.seed": number,
            },
            folder / "run",
        )  # fmt: skip
        return _figures(figures, judge.loss(judge.opened(folder / "run")))

    return work


def trainer_side(settings: SimpleNamespace) -> Callable[[int], Figures]:
    """The Trainer at its best, on rows of which none is padded."""
    import torch
    from datasets import Dataset
    from transformers import DataCollatorForLanguageModeling

    from benchmarks.sides import trainer

    judge = Judge(settings)
    rows = Dataset.from_dict({"input_ids": judge.windows(reviews(settings)[0])})
    collator = DataCollatorForLanguageModeling(judge.tokenizer, mlm_probability=SHARE)

    def work(number: int) -> Figures:
        torch.manual_seed(number)
        model = judge.opened(models.source(settings))
        figures = trainer.train(
            model, rows, collator, Path(settings.folder) / "trainer", epochs=1,
            steps=settings.steps, seed=number, batch_size=settings.batch_size,
            learning_rate=3e-4, warmup=0.1, bf16=settings.precision == "bf16", **trainer.BEST,
        )  # fmt: skip
        return _figures(figures, judge.loss(model.float()))

    return work


def _figures(figures: Figures, loss: float) -> Figures:
    width, inner = models.WIDTH, models.INNER
    body = models.LAYERS * (4 * width * width + 2 * width * inner)
    head = SHARE * (width * WORDS + width * width)
    tokens = figures["tokens"]
    return {**figures, "loss": loss, "flops": 6.0 * tokens * (body + head)}


class Judge:
    """Windows of a tokenised text, and a model's loss on held-out ones under fixed masks."""

    def __init__(self, settings: SimpleNamespace) -> None:
        from transformers import AutoTokenizer

        self.tokenizer: Any = AutoTokenizer.from_pretrained(models.source(settings))
        self._length = settings.length
        self._held_out = self.windows(reviews(settings)[1])

    def windows(self, texts: list[str]) -> list[list[int]]:
        """The full windows of the document that the texts make: [CLS], its tokens, [SEP]."""
        tokens = self.tokenizer(one_document(texts), add_special_tokens=False)["input_ids"]
        first, last = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        inner = self._length - 2
        starts = range(0, len(tokens) - inner + 1, inner)
        return [[first, *tokens[i : i + inner], last] for i in starts]

    def opened(self, folder: Path) -> Any:
        """A model with a head for words, in transformers' code."""
        from transformers import AutoModelForMaskedLM

        return AutoModelForMaskedLM.from_pretrained(folder)

    def loss(self, model: Any) -> float:
        """Mean cross-entropy of the masked tokens, in nats."""
        import torch

        ids = torch.tensor(self._held_out)  # (B, T)
        asked = torch.rand(ids.shape, generator=torch.Generator().manual_seed(0)) < SHARE
        masked = ids.masked_fill(asked, self.tokenizer.mask_token_id)
        with torch.inference_mode():
            losses = [
                torch.nn.functional.cross_entropy(
                    model.eval()(input_ids=masked[i][None]).logits[0][asked[i]], ids[i][asked[i]],
                    reduction="sum",
                )
                for i in range(len(ids))
            ]  # fmt: skip
        return float(torch.stack(losses).sum() / asked.sum())


def limit(settings: SimpleNamespace) -> Limit:
    """The products of a layer for a batch, as often as there are layers, and of the head."""
    tokens = settings.batch_size * settings.length
    body = layer_shapes(tokens, models.WIDTH, models.INNER) * models.LAYERS
    head = (round(SHARE * tokens), models.WIDTH, WORDS)
    return Limit((*body, head), "bfloat16" if settings.precision == "bf16" else "float32")


PROGRAM = Program(
    name="masked_lm",
    title="masked language modelling of film reviews with MiniLM at 128 tokens, float32",
    sides={"hfdl": hfdl_side, "Trainer at its best": trainer_side},
    claims=(
        Claim(
            "masked-lm", "masked language modelling, reviews at 128 tokens, float32",
            "Trainer at its best", figure=PER_TOKEN, at_least=2.0,
        ),
    ),
    settings={
        "encoder": models.MINILM, "reviews": 1000, "held_out": 100, "length": 128, "steps": 100,
        "batch_size": 32,
        "precision": "float32",
    },
    quick={"reviews": 40, "held_out": 8, "steps": 3, "batch_size": 16},
    tiny={"reviews": 12, "held_out": 2, "steps": 1, "batch_size": 2, "length": 32},
    limit=limit, quality={"loss": "held-out loss"}, files=(CORPUS,),
)  # fmt: skip
