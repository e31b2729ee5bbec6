"""A model run on a few ids with the attention of a recipe, to find that attention's faults."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from hfdl.custom_attention import register
from hfdl.custom_attention.calls import count_attention_calls
from hfdl.custom_attention.dependence import Dependence
from hfdl.custom_attention.modules import base_model
from hfdl.errors import ConfigError, ModelError

KEY = "model.attention"
_SEEN = 2
"""Tokens of the second row that are no padding."""


def try_attention(model: nn.Module, name: str, path: str, *, trains: bool) -> list[str]:
    """Run a model on a few ids, before anything is written, to find faults of its attention.

    Every attention module must call it, what it returns must have the right shape and be finite,
    it must keep to its mask and mix what stands at different places, and gradients must pass
    through it where the model is trained.

    Args:
        model: switched to it already.
        name: what it is registered as.
        path: as the recipe has it, for messages.
        trains: whether the model is trained.

    Returns:
        a line for a person where its output does not depend on the queries or the keys.

    Raises:
        ConfigError, ModelError, ShapeError: naming what is wrong. What the user's function raises
            goes through.
    """
    inner: Any = base_model(model)
    if name not in register.registered_attentions():
        return []  # one of transformers' own
    if trains and name == "hfdl_numpy":
        raise ConfigError(
            "an attention in NumPy has no gradients",
            where=KEY,
            rule="it can be evaluated with, not trained",
            remedy=f"train with {KEY}=hfdl, the same formula in torch",
        )
    was_training, inputs = inner.training, _few_ids(inner)
    watched = _Watched(name)
    try:
        with torch.random.fork_rng(devices=[]), torch.set_grad_enabled(trains):
            inner.train(trains)
            with count_attention_calls(inner, name) as calls, watched:
                inner(**inputs)
        _refuse(calls, watched.problem, path)
        with Dependence(name) as depends:
            _refuse_unmasked(inner.eval(), name, inputs, path)
        _refuse_unmixed(depends, path)
    finally:
        inner.train(was_training)
    return [depends.fact] if depends.fact else []


def _refuse(calls: Any, problem: str, path: str) -> None:
    """Refuse an attention that did not run everywhere, or whose output is none."""
    if calls.missing:
        raise ModelError(
            f"{path} did not run in {len(calls.missing)} of {len(calls.counts)} attention modules, "
            f"the first of them {calls.missing[0]}",
            where=KEY,
            rule="every attention module of the model must call it",
            remedy=f"set {KEY}=null, or name another model: model.name=NAME",
        )
    if problem:
        raise ConfigError(
            f"{path} {problem}",
            where=KEY,
            rule="each query gets a finite mean of values, and training needs its gradient; a "
            "query that may attend to nothing must not give NaN",
            remedy="compute in torch, without detach or NumPy, and mask with torch.where or "
            "masked_fill",
        )


def _refuse_unmixed(depends: Dependence, path: str) -> None:
    """Refuse a function that gives every token what it has already."""
    if not depends.mixes:
        raise ConfigError(
            f"{path} attends to nothing: no token's output depends on another token's value",
            where=KEY,
            rule="attention is a mean of the values of several tokens; by weights that do not "
            "depend on queries or keys if you like",
            remedy="return weights @ v, with weights of shape (B, H, T, S), and not v alone",
        )


@torch.no_grad()
def _refuse_unmasked(model: Any, name: str, inputs: dict[str, Tensor], path: str) -> None:
    """Refuse an attention through which padding, or what comes later, changes a token's state."""
    others = {name: ids.clone() for name, ids in inputs.items()}
    size = _vocabulary(model)
    for key, ids in others.items():
        if key != "attention_mask":
            ids[1, _SEEN:] = (ids[1, _SEEN:] + size // 2) % size
    watched = [_Watched(name), _Watched(name)]
    for each, given in zip(watched, (inputs, others), strict=True):
        with each:
            model(**given)
    outputs = zip(*(each.outputs for each in watched), strict=True)
    if all(torch.allclose(*pair, rtol=1e-4, atol=1e-5) for pair in outputs):
        return
    what = "padding" if model.config.is_encoder_decoder else "padding, or the tokens behind it,"
    raise ConfigError(
        f"{path} does not keep to its mask: {what} changes what a token becomes",
        where=KEY,
        rule="mask is True where a query may attend, (B, 1 or H, T, S), or None; an answer must "
        "not depend on what a text is padded with",
        remedy="before the softmax: if mask is not None: scores = scores.masked_fill(~mask, "
        "torch.finfo(scores.dtype).min)",
    )


class _Watched:
    """While active, the registered adapter's outputs are looked at."""

    def __init__(self, name: str) -> None:
        self.name, self.problem = name, ""
        self.outputs: list[Tensor] = []
        """Of each call, those of the second row's tokens that are no padding: (2, H, K)."""

    def __enter__(self) -> None:
        self._adapter: Any = AttentionInterface()[self.name]
        AttentionInterface.register(self.name, self._look)

    def __exit__(self, *_: object) -> None:
        AttentionInterface.register(self.name, self._adapter)

    def _look(self, module: Any, query: Tensor, key: Any, value: Any, *rest: Any, **kw: Any) -> Any:
        out, weights = self._adapter(module, query, key, value, *rest, **kw)
        given = any(x.requires_grad for x in (query, key, value))
        if torch.is_grad_enabled() and given and not out.requires_grad:
            self.problem = "gives an output without a gradient"
        elif not torch.isfinite(out[:, :_SEEN]).all():  # the first tokens are no padding
            self.problem = "gives NaN or infinity"
        self.outputs.append(out[1, :_SEEN].detach().float())
        return out, weights


def _few_ids(model: Any) -> dict[str, Tensor]:
    """Two rows of tokens, the second with padding.

    There are as many as the model has no heads, so that swapped axes do not go unnoticed.
    """
    config = model.config.get_text_config()
    heads = {v for k, v in config.to_dict().items() if "head" in k and isinstance(v, int)}
    length = next(n for n in range(4, 100) if n not in heads)
    ids = (torch.arange(2 * length, device=model.device).view(2, length) + 1) % _vocabulary(model)
    mask = torch.ones_like(ids)
    mask[1, _SEEN:] = 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids
    return inputs


def _vocabulary(model: Any) -> int:
    return getattr(model.config.get_text_config(), "vocab_size", 8)
