"""A model of the user's run on a few ids, to find its faults before anything is written.

Legend: B rows, T positions, C labels, V words.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hfdl.custom_model.faults import name_of, wrong
from hfdl.custom_model.module import needed
from hfdl.custom_model.state import check_state
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
        trains: whether gradients must pass, and what is saved must be all that training changes.

    Returns:
        lines for a person: what is legal and yet worth a word.

    Raises:
        ConfigError: its scores have another shape than the task's, are not finite, are others each
            time, have no gradient, or show a causal model what comes later; or training changes
            what is not saved. What its own code raises goes through.
    """
    inputs = _few_ids(model, tokenizer, head)
    _check_arguments(model, inputs)
    with torch.random.fork_rng(devices=[]):
        with torch.set_grad_enabled(trains), evaluating(model):
            logits: Any = getattr(_called(model, inputs), "logits", None)
            _check_scores(model, logits, head, inputs)
            if trains:
                _check_gradient(model, logits)
        with torch.no_grad():
            return _of_other_calls(model, inputs, logits.detach(), head, trains=trains)


def _of_other_calls(
    model: Any, inputs: dict[str, Tensor], logits: Tensor, head: str, *, trains: bool
) -> list[str]:
    """What further calls with the same and with other inputs show."""
    _check_repeated(model, inputs, logits)
    if trains:
        check_state(model, inputs, logits)
    return [
        *_of_other_rows(model, inputs, logits),
        *_of_what_is_hidden(model, inputs, logits, head),
    ]


def _check_arguments(model: Any, inputs: dict[str, Tensor]) -> None:
    """Refuse a ``forward`` that asks for more than a batch holds."""
    lacking = needed(getattr(model, "module", model), inputs)
    if lacking:
        raise wrong(
            model,
            f"needs {', '.join(lacking)} in its forward, and a batch has {', '.join(inputs)}",
            "write: def forward(self, input_ids, attention_mask): ..., all else with a default",
        )


def _called(model: Any, inputs: dict[str, Tensor]) -> Any:
    try:
        return model(**inputs)
    except IndexError as error:
        raise wrong(
            model,
            f"cannot read ids up to {int(inputs['input_ids'].max())} ({error})",
            "make an embedding for each of config.vocab_size tokens",
        ) from error


def _scores(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    with evaluating(model):
        return model(**inputs).logits


def _check_scores(model: Any, logits: Any, head: str, inputs: dict[str, Tensor]) -> None:
    if not isinstance(logits, Tensor):
        raise wrong(model, "gives no .logits", "return an object with .logits, as transformers do")
    _check_shape(model, logits, head, inputs)
    if not torch.isfinite(logits).all():
        raise wrong(model, "gives NaN or infinity", "mask with finfo.min instead of -inf")


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
    raise wrong(
        model,
        f"gives scores of shape {tuple(logits.shape)} for input_ids of {(rows, length)}",
        f"give {words}{told}",
    )


def _check_gradient(model: Any, logits: Tensor) -> None:
    """Refuse scores that no trained parameter learns from."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        return  # adapters may be put on it
    if not logits.requires_grad:
        raise wrong(model, "gives scores without a gradient", "compute without detach() or NumPy")
    try:
        torch.autograd.grad(logits.float().square().sum(), trained, allow_unused=True)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0].partition(": [")[0]
        raise wrong(
            model,
            f"has no gradient: {reason}",
            "change no tensor in place that the gradient needs: x = x + y for x += y",
        ) from error


def _check_repeated(model: Any, inputs: dict[str, Tensor], logits: Tensor) -> None:
    """Refuse scores that depend on chance, or on how often the model was called."""
    if not _close(_scores(model, inputs), logits):
        raise wrong(
            model,
            "gives other scores each time, in eval mode too",
            "draw random numbers in training alone: nn.Dropout, or dropout(x, p, self.training)",
        )


def _of_other_rows(model: Any, inputs: dict[str, Tensor], logits: Tensor) -> list[str]:
    """Say it of a model whose scores of a text depend on the other texts of its batch."""
    alone = _scores(model, {name: value[:1] for name, value in inputs.items()})
    if _close(alone, logits[:1]):
        return []
    return [
        f"{name_of(model)} mixes the texts of a batch: a text's scores change with the others, so "
        "the figures are those of one batch size"
    ]


def _of_what_is_hidden(
    model: Any, inputs: dict[str, Tensor], logits: Tensor, head: str
) -> list[str]:
    """Refuse a causal model that looks ahead; say it of one that reads the padding."""
    others = {name: value.clone() for name, value in inputs.items()}
    others["input_ids"][1, _SEEN:] = others["input_ids"][0, _SEEN:].flip(0)
    seen = logits.shape[1] if head == "sequence" else _SEEN
    if _close(logits[1, :seen], _scores(model, others)[1, :seen]):
        return []
    if head == "causal_lm":
        raise wrong(
            model,
            "sees the tokens that it is to predict: what stands behind a token changes its scores",
            "let each place see itself and those before it, for instance by a triangular mask",
        )
    return [
        f"{name_of(model)} reads padding: a text's scores change with what stands behind it in a "
        "batch. Leave out the places where attention_mask is 0"
    ]


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.float(), other.float(), rtol=1e-4, atol=1e-5)


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
