"""A model of the user's run on a few ids, to find its faults before anything is written.

Legend: B rows, T positions, C labels, V words.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hfdl.custom_model.load import KEY
from hfdl.errors import ConfigError
from hfdl.nn.lengths import evaluating

_SEEN = 3
"""Tokens of the second row that are no padding."""
_LENGTH = 7


def try_model(model: Any, head: str, tokenizer: Any, *, trains: bool) -> list[str]:
    """Run a model of the user's on two rows of ids, one of them padded.

    Args:
        model: what is trained or was opened.
        head: ``sequence``, ``token``, ``masked_lm``, ``causal_lm`` or ``seq2seq``.
        tokenizer: its tokenizer; its largest id is among those that are read.
        trains: whether gradients must pass.

    Returns:
        lines for a person: what is legal and yet worth a word.

    Raises:
        ConfigError: its scores have another shape than the task's, are not finite, have no
            gradient, or show a causal model what comes later. What its own code raises goes
            through.
    """
    inputs = _few_ids(model, tokenizer, head)
    with torch.random.fork_rng(devices=[]), torch.set_grad_enabled(trains), evaluating(model):
        outputs = _called(model, inputs)
    logits: Any = getattr(outputs, "logits", None)
    if not isinstance(logits, Tensor):
        raise _wrong(model, "gives no .logits", "return an object with .logits, as transformers do")
    _check_shape(model, logits, head, inputs)
    if not torch.isfinite(logits).all():
        raise _wrong(model, "gives NaN or infinity", "mask with finfo.min instead of -inf")
    if trains and any(p.requires_grad for p in model.parameters()) and not logits.requires_grad:
        raise _wrong(model, "gives scores without a gradient", "compute without detach() or NumPy")
    return _of_what_is_hidden(model, inputs, logits.detach(), head)


def _called(model: Any, inputs: dict[str, Tensor]) -> Any:
    try:
        return model(**inputs)
    except IndexError as error:
        raise _wrong(
            model,
            f"cannot read ids up to {int(inputs['input_ids'].max())} ({error})",
            "make an embedding for each of config.vocab_size tokens",
        ) from error


def _check_shape(model: Any, logits: Tensor, head: str, inputs: dict[str, Tensor]) -> None:
    rows, length = inputs["input_ids"].shape
    labels = model.config.num_labels
    if head == "sequence":
        right, words = (rows, labels), f"(B, {labels}), a score for each label of a text"
    elif head == "token":
        right, words = (
            (rows, length, labels),
            f"(B, T, {labels}), a score for each label of a token",
        )
    else:
        least = int(inputs["input_ids"].max()) + 1
        right = (rows, length, max(least, logits.shape[-1]))
        words = f"(B, T, V), V at least the {least} tokens of the tokenizer"
    if tuple(logits.shape) == right:
        return
    names = ", ".join(list(model.config.id2label.values())[:8])
    has_labels = head in ("sequence", "token")
    told = f" ({names}): num_labels={labels}" if has_labels else ": config.vocab_size of them"
    raise _wrong(
        model,
        f"gives scores of shape {tuple(logits.shape)} for input_ids of {(rows, length)}",
        f"give {words}{told}",
    )


@torch.no_grad()
def _of_what_is_hidden(
    model: Any, inputs: dict[str, Tensor], logits: Tensor, head: str
) -> list[str]:
    """Refuse a causal model that looks ahead; say it of one that reads the padding."""
    others = {name: value.clone() for name, value in inputs.items()}
    others["input_ids"][1, _SEEN:] = others["input_ids"][0, _SEEN:].flip(0)
    with torch.random.fork_rng(devices=[]), evaluating(model):
        changed = model(**others).logits
    seen = logits.shape[1] if head == "sequence" else _SEEN
    if torch.allclose(logits[1, :seen], changed[1, :seen], rtol=1e-4, atol=1e-5):
        return []
    if head == "causal_lm":
        raise _wrong(
            model,
            "sees the tokens that it is to predict: what stands behind a token changes its scores",
            "let each place see itself and those before it, for instance by a triangular mask",
        )
    return [
        f"{_name(model)} reads padding: a text's scores change with what stands behind it in a "
        "batch. Leave out the places where attention_mask is 0"
    ]


def _few_ids(model: Any, tokenizer: Any, head: str) -> dict[str, Tensor]:
    """Two rows, the second with padding; the largest id of the tokenizer is among them."""
    size = max(tokenizer.get_vocab().values()) + 1
    ids = torch.arange(2 * _LENGTH, device=model.device).view(2, _LENGTH) * 5 % size
    ids[0, 1] = size - 1
    mask = torch.ones_like(ids)
    mask[1, _SEEN:] = 0
    ids[1, _SEEN:] = tokenizer.pad_token_id
    inputs = {"input_ids": ids, "attention_mask": mask}
    if "token_type_ids" in tokenizer.model_input_names and head not in ("causal_lm", "seq2seq"):
        inputs["token_type_ids"] = torch.zeros_like(ids)
    if head == "seq2seq":
        inputs["decoder_input_ids"] = ids
    return inputs


def _name(model: nn.Module) -> str:
    return type(getattr(model, "module", model)).__name__


def _wrong(model: nn.Module, problem: str, remedy: str) -> ConfigError:
    return ConfigError(
        f"{_name(model)} {problem}",
        where=KEY,
        rule="a model is called with input_ids and attention_mask, (B, T), and what else its "
        "forward takes by name",
        remedy=remedy,
    )
