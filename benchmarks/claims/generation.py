"""Greedy generation with a GPT-2, one prompt and eight of unlike lengths, beside generate."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.claim import Claim, Figures, Program, Side
from benchmarks.harness.clock import measured
from benchmarks.harness.limit import Limit


def side(own: bool, *, int8: bool = False, compared: bool = True) -> Side:
    """hfdl's search over hfdl's model, or transformers' over its own, of the same weights.

    Args:
        own: whether it is hfdl's.
        int8: whether its products are of 8-bit integers.
        compared: whether the tokens are answers that each side must give. Of int8 they are none:
            one other token changes all that follow it. Its quality is how many of them float32 too
            would have written, given those before.
    """

    def prepare(settings: SimpleNamespace) -> Callable[[int], Figures]:
        model = exact = model_of(settings, own)
        weights = sum(p.numel() * p.element_size() for p in model.parameters())
        if int8:
            model = in_int8(exact)
        continued = search(model, settings, own)
        continued(*prompts(settings, 1, 0), new=2)

        def work(number: int) -> Figures:
            figures: dict[str, Any] = {}
            answers: list[int] = []
            equal: list[float] = []
            for size in (1, settings.batch):
                ids, mask = prompts(settings, size, number)
                with measured() as took:
                    found = continued(ids, mask, new=settings.new_tokens)
                figures[f"batch_{'one' if size == 1 else 'several'}_seconds"] = took[
                    "processor_seconds"
                ]
                for name, value in took.items():
                    figures[name] = figures.get(name, 0.0) + value
                equal.append(agreement(exact, found, mask, settings.new_tokens))
                answers += found[:, -settings.new_tokens :].flatten().tolist()
            # The prompt's pass reads the weights once, and so does each token but the first.
            read = 2.0 * settings.new_tokens * weights
            rate = settings.new_tokens / figures["batch_one_seconds"]
            facts = {"bytes": read, "tokens_per_second": rate, "agreement": mean(equal)}
            return {**figures, **facts, **({"answers": answers} if compared else {})}

        return work

    return prepare


def in_int8(model: Any) -> Any:
    """As ``hfdl.pipeline("text-generation", ..., precision="int8")`` makes it."""
    from hfdl.quantization.convert import int8_copy

    return int8_copy(model, "the model", words=True)


def agreement(exact: Any, found: Any, mask: Any, new: int) -> float:
    """The share of new tokens that ``exact`` too holds for the likeliest, given those before."""
    import torch

    whole = torch.cat([mask, mask.new_ones(len(mask), new)], dim=1)
    with torch.no_grad():
        logits = exact(
            input_ids=found, attention_mask=whole, position_ids=(whole.cumsum(1) - 1).clamp(min=0)
        ).logits
    likeliest = logits[:, -new - 1 : -1].argmax(-1)  # (B, new)
    return float((likeliest == found[:, -new:]).float().mean())


def prompts(settings: SimpleNamespace, size: int, seed: int) -> tuple[Any, Any]:
    """Random prompts, the shorter ones padded on the left: ids and mask, (B, T)."""
    import torch

    draw = torch.Generator().manual_seed(1000 * seed + size)
    length = settings.prompt
    ids = torch.randint(1, settings.words, (size, length), generator=draw)
    padded = torch.randint(0, length // 2, (size, 1), generator=draw)
    padded[0] = 0
    mask = (torch.arange(length) >= padded).long()
    return ids * mask, mask


def search(model: Any, settings: SimpleNamespace, own: bool) -> Callable[..., Any]:
    """``continued(ids, mask, new)``: greedy, by hfdl or by transformers."""
    if own:
        from hfdl.generation.generate import generate

        return lambda ids, mask, new: generate(
            model, ids, mask, max_new_tokens=new, stop_tokens=(), pad_token_id=0
        )
    return lambda ids, mask, new: model.generate(
        ids, attention_mask=mask, max_new_tokens=new, do_sample=False, pad_token_id=0
    )


def model_of(settings: SimpleNamespace, own: bool) -> Any:
    """The model of the settings, in hfdl's code or in transformers'."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    # Wide weights: small random ones would say the same token for ever.
    config = GPT2Config(
        vocab_size=settings.words, n_embd=settings.width, n_layer=settings.layers,
        n_head=settings.heads, initializer_range=0.06, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    model: Any = GPT2LMHeadModel(config).eval()
    model.generation_config.eos_token_id = None
    if own:
        from hfdl.hf_models.load import to_scratch_model

        return to_scratch_model(model).eval()
    return model


PROGRAM = Program(
    name="generation",
    title="greedy generation, the shape of GPT-2 small, random weights, float32",
    sides={"hfdl": side(True), "transformers' generate": side(False)},
    claims=(
        Claim(
            "generation-one", "greedy tokens for one prompt, GPT-2 small, float32",
            "transformers' generate", figure="batch_one_seconds", at_least=1.3,
        ),
        Claim(
            "generation-several", "greedy tokens for 8 prompts padded on the left, GPT-2 small",
            "transformers' generate", figure="batch_several_seconds", at_least=1.3,
        ),
    ),
    settings={
        "words": 50_257, "width": 768, "layers": 12, "heads": 12, "batch": 8, "prompt": 32,
        "new_tokens": 64,
    },
    quick={"new_tokens": 24},
    tiny={
        "words": 100, "width": 32, "layers": 2, "heads": 2, "batch": 3, "prompt": 8,
        "new_tokens": 4,
    },
    limit=lambda settings: Limit(copy=True),
    quality={"tokens_per_second": "tokens/s, one prompt"},
)  # fmt: skip
