"""Fused head and cross-entropy: language models that answer with the losses of chosen tokens.

The logits of a language model are its largest tensor by far: 1,024 tokens of GPT-2 have 51 million.
A loss needs none of those that nobody asks for (85 % of a masked text), and of the others only a
few at a time.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers.utils.generic import ModelOutput

from hfdl.nn.lengths import evaluating
from hfdl.nn.linear import is_plain_linear
from hfdl.nn.losses import Loss, chunked_loss, token_losses


@dataclass
class Scores(ModelOutput):
    """Output of a model with chunked loss, when targets are given.

    Args:
        total: the summed training loss of all targets, with its gradient; in eval mode the sum of
            ``losses``.
        losses: (N,) cross-entropy of each target in nats; None where gradients are wanted, for
            training reads the sum alone.
        best: (N,) the token that it finds likeliest at each place; None as ``losses``.
    """

    total: Tensor | None = None
    losses: Tensor | None = None
    best: Tensor | None = None


class _State:
    """What the model, its body and its last layer share during one forward pass."""

    def __init__(self, linear: nn.Linear | None, loss: Loss, takes_cache: bool) -> None:
        self.linear, self.loss, self.takes_cache = linear, loss, takes_cache
        self.active = False
        self.positions: Tensor | None = None
        """(N,) rows of the flattened hidden states that go on to the head; None: all."""
        self.hidden: Tensor | None = None
        """What came to the last linear layer."""
        self.answer: Tensor | None = None
        """What that layer answers meanwhile; None: next to nothing."""


def enable_chunked_loss(
    model: Any, *, label_smoothing: float = 0.0, focal_gamma: float = 0.0
) -> Any:
    """Give a language model ``forward(..., positions=, targets=) -> Scores``.

    Its class becomes one of the same name whose ``forward`` also takes ``targets`` (N,), the right
    tokens, and ``positions`` (N,), their places in the flattened (B, T), ascending. Only
    those reach the head, and its logits are formed in chunks. Without targets it is the forward
    that it was.

    That nothing but the last linear layer makes the logits, and that the head looks at one place at
    a time, is tested here on a few ids; where a model scales or caps its logits (Gemma 2, Cohere),
    or has no such layer, they are formed whole and ``model.scores_in_chunks`` is False.

    Args:
        model: transformers' or hfdl's, with a head for words.
        label_smoothing, focal_gamma: as for ``hfdl.nn.losses.token_losses``, in training mode.

    Returns:
        the model itself.
    """
    loss: Loss = token_losses
    if label_smoothing or focal_gamma:
        loss = partial(token_losses, label_smoothing=label_smoothing, focal_gamma=focal_gamma)
    takes_cache = "use_cache" in inspect.signature(model.forward).parameters
    enabled = vars(model).get("_chunked_loss")
    if enabled is not None:
        enabled.loss = loss
        return model
    state = _State(_last_linear(model), loss, takes_cache)
    model.__class__ = _chunked_class(type(model))
    object.__setattr__(model, "_chunked_loss", state)
    if state.linear is not None:
        _install(model, state)
        with evaluating(model):
            fits = _fits(model, state)
        if not fits:
            state.linear = None
    return model


def _last_linear(model: Any) -> nn.Linear | None:
    layer = model.get_output_embeddings()
    return layer if is_plain_linear(layer) else None


@functools.cache
def _chunked_class(parent: type) -> Any:
    """A class of the same name as ``parent``, whose forward also takes targets."""
    own = getattr(parent, "_plain_class", parent)

    def forward(
        self: Any,
        *args: Any,
        positions: Tensor | None = None,
        targets: Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        if targets is None:
            return own.forward(self, *args, **kwargs)
        return _losses(self, own, positions, targets, args, kwargs)

    # Not functools.wraps: accelerate unwraps what has __wrapped__. generate() reads the signature.
    signature = inspect.signature(own.forward)
    forward.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    forward.__doc__ = own.forward.__doc__
    body = {
        "forward": forward, "_plain_class": own, "scores_in_chunks": property(_in_chunks),
        "__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__,
    }  # fmt: skip
    return type(own.__name__, (own,), body)


def _is_own(model: Any) -> bool:
    """Whether it is hfdl's own: it then has ``last_states`` and ``core.head``."""
    return hasattr(model, "last_states")


def _in_chunks(model: Any) -> bool:
    """Whether the last linear layer was found fit, and is still the one that was."""
    linear = model._chunked_loss.linear
    return linear is not None and model.get_output_embeddings() is linear


def _losses(
    model: Any, own: Any, positions: Tensor | None, targets: Tensor, args: Any, kwargs: Any
) -> Scores:
    state = model._chunked_loss
    if state.takes_cache:
        kwargs.setdefault("use_cache", False)
    loss = state.loss if model.training else token_losses
    if not _in_chunks(model):
        logits = own.forward(model, *args, **kwargs).logits.flatten(0, 1)  # (B * T, V)
        logits = logits if positions is None else logits[positions]  # (N, V)
        total: Any = loss(logits, targets).sum()
        if total.requires_grad:
            return Scores(total)
        judged: Any = token_losses(logits, targets), logits.argmax(-1)
        return Scores(total, *judged)
    hidden = _states(model, own, positions, args, kwargs).flatten(0, -2)  # (1, N, D) -> (N, D)
    scored: Any = chunked_loss(hidden, state.linear.weight, state.linear.bias, targets, loss=loss)
    return Scores(scored.total, scored.losses, scored.best)


def _states(model: Any, own: Any, positions: Tensor | None, args: Any, kwargs: Any) -> Tensor:
    """What comes to the last linear layer at the given places, (..., N, D)."""
    state = model._chunked_loss
    state.active, state.positions = True, positions
    try:
        if _is_own(model):
            states: Any = model
            last = states.last_states(*args, **kwargs, **_read(model, positions, kwargs))
            model.core.head(_rows(last, positions))  # of (B, T, D)
        else:
            own.forward(model, *args, **kwargs)
        assert state.hidden is not None, "the last linear layer was not called"
        return state.hidden
    finally:
        state.active, state.positions, state.hidden = False, None, None


def _read(model: Any, positions: Tensor | None, kwargs: Any) -> dict[str, Tensor]:
    """Where states will be read, (B, T), for a model that then leaves padding out."""
    ids = kwargs.get("input_ids")
    asks = "read" in inspect.signature(model.last_states).parameters
    if not asks or positions is None or ids is None or kwargs.get("attention_mask") is None:
        return {}
    read = torch.zeros(ids.numel(), dtype=torch.bool, device=ids.device)
    return {"read": read.index_fill(0, positions, value=True).view(ids.shape)}


def _rows(last: Tensor, positions: Tensor | None) -> Tensor:
    """The chosen places of (B, T, D), as one row: (1, N, D)."""
    flat = last.flatten(0, 1)  # (B, T, D) -> (B * T, D)
    if positions is None or len(positions) == len(flat):  # ascending, so these are all places
        return flat[None]
    return flat.index_select(0, positions)[None]


def _install(model: Any, state: _State) -> None:
    """Let the body pass on the chosen rows, and the last layer hand over what it is given."""
    assert state.linear is not None
    if not _is_own(model):
        object.__setattr__(model.base_model, "_chunked_loss", state)
        model.base_model.register_forward_hook(_pick)
    object.__setattr__(state.linear, "_chunked_loss", state)
    state.linear.forward = functools.partial(_hand_over, state.linear)  # pyright: ignore


def _pick(body: Any, args: Any, output: Any) -> Any:
    state = body._chunked_loss
    if state.active:
        output["last_hidden_state"] = _rows(output["last_hidden_state"], state.positions)
    return output


def _hand_over(layer: Any, hidden: Tensor) -> Tensor:
    state = layer._chunked_loss
    if not state.active:
        return type(layer).forward(layer, hidden)
    state.hidden = hidden
    if state.answer is not None:
        return state.answer
    return hidden.detach()[..., :1]  # nobody reads it


@torch.no_grad()
def _fits(model: Any, state: _State) -> bool:
    """Whether rows can be picked before the head, and the last layer's answer is the logits."""
    own = type(model)._plain_class
    linear = state.linear
    assert linear is not None
    size = linear.weight.shape[0]
    ids = torch.arange(10, device=linear.weight.device).view(2, 5) % min(size, 10)
    places = torch.tensor([1, 2, 8], device=ids.device)
    cache = {"use_cache": False} if state.takes_cache else {}
    try:
        whole = _states(model, own, None, (), {"input_ids": ids, **cache}).flatten(0, -2)
        picked = _states(model, own, places, (), {"input_ids": ids, **cache}).flatten(0, -2)
        if picked.shape[0] != len(places) or not torch.allclose(
            whole[places], picked, rtol=1e-4, atol=1e-5
        ):
            return False  # the head takes the states from elsewhere, or looks around
        if _is_own(model):
            return True  # its head ends with the layer: see hfdl.nn.heads
        # Large values, so that a cap shows; unlike ones, so that a scale or a shift does.
        state.answer = torch.linspace(-90.0, 90.0, 10 * size).view(2, 5, size).to(whole)
        state.active = True
        with torch.enable_grad():
            logits = own.forward(model, input_ids=ids, **cache).logits
        same = torch.equal(logits.to(state.answer.dtype).flatten(), state.answer.flatten())
        return same and not logits.requires_grad  # no parameter of the head comes in behind it
    except (KeyError, TypeError, AssertionError, AttributeError):
        return False  # a body that answers otherwise, or a head that calls its layer otherwise
    finally:
        state.active, state.answer, state.hidden = False, None, None
