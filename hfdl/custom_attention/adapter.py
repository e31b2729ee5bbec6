"""Adapter from transformers' attention interface to a plain function of (q, k, v, mask).

Shapes: B batch, H query heads, G key-value heads, T queries, S keys, K head width.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.custom_attention.calls import report_call
from hfdl.custom_attention.masks import check_mask, refuse_unmasked_causal, split_mask
from hfdl.errors import ModelError, ShapeError

AttentionFunction = Callable[..., Tensor | tuple[Tensor, Tensor | None]]

# Keywords that change the mathematics of some models: transformers' name -> ours.
FEATURES = {
    "position_bias": "bias",
    "softcap": "softcap",
    "s_aux": "sinks",
    "sinks": "sinks",
    "indices": "indices",
    "block_indices": "block_indices",
}
# Parameters of a model file's own eager attention that change nothing beyond what we handle: a
# sliding window is in the mask already.
_ORDINARY = {
    "module", "query", "key", "value", "attention_mask", "scaling", "dropout", "sliding_window",
}  # fmt: skip
# The mask decides who may attend: a second source could only contradict it.
_IN_MASK = {"is_causal", "causal"}


class AttentionAdapter:
    """A registered attention function behind transformers' attention interface.

    Args:
        name: what it is registered as.
        fn: ``fn(q, k, v, mask, ...)``, see ``hfdl.register_attention``.
        grouped: give it key and value heads as they are, (B, G, S, K), not repeated to H.
    """

    def __init__(self, name: str, fn: AttentionFunction, *, grouped: bool) -> None:
        self.name = name
        self.fn = fn
        self.grouped = grouped
        parameters = inspect.signature(fn).parameters.values()
        self._declared = {p.name for p in list(parameters)[4:] if p.kind is not p.VAR_KEYWORD}
        self._takes_rest = any(p.kind is p.VAR_KEYWORD for p in parameters)

    def __call__(
        self,
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        scaling: float | None = None,
        dropout: float = 0.0,
        **model_keywords: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            module: the attention module that calls.
            query: (B, H, T, K), rotated already.
            key, value: (B, G, S, K), with the cache already.
            attention_mask: additive, broadcastable to (B, H, T, S), or boolean, or None.
            scaling: what scores are multiplied by; None: K ** -0.5.
            dropout: of the weights; 0 in evaluation.
            model_keywords: the rest of what the model passes.

        Returns:
            the output (B, T, H, K), and the weights (B, H, T, S) or None.
        """
        report_call(module, self.name)
        where = f"attention {self.name!r} in {type(module).__name__}"
        mask, soft = split_mask(attention_mask)
        if mask is None:
            refuse_unmasked_causal(module, query, model_keywords.get("is_causal"), where)
        else:
            check_mask(mask, query, key, where)
        keywords = self._features(module, model_keywords, where)
        if soft is not None:
            keywords["bias"] = self._with_soft_mask(keywords.get("bias"), soft, where)
        keywords |= self._dropout(dropout, where) | self._rest(module, model_keywords)
        query, scale = self._scale(query, scaling)
        keywords |= scale
        if not self.grouped:
            groups = query.shape[1] // key.shape[1]
            key = key.repeat_interleave(groups, dim=1)  # (B, H, S, K)
            value = value.repeat_interleave(groups, dim=1)  # (B, H, S, K)
        result = self.fn(query, key, value, mask, **keywords)
        pair = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
        out, weights = pair
        _check_result(out, weights, query, value, where)
        return out.transpose(1, 2).contiguous(), weights  # (B, T, H, K), (B, H, T, S)

    def _features(self, module: nn.Module, passed: dict[str, Any], where: str) -> dict[str, Any]:
        """Keywords that change the mathematics, under our names; refused where fn lacks one."""
        used = {}
        for name in FEATURES.keys() | _eager_features(type(module)):
            if passed.get(name) is None:
                continue
            ours = FEATURES.get(name, name)
            if ours not in self._declared:
                raise ModelError(
                    f"the model uses {name!r}, which the function does not take",
                    where=where,
                    rule="leaving it out would give other numbers without an error",
                    remedy=f"give the function a keyword {ours!r} and apply it",
                )
            used[ours] = passed[name]
        return used

    def _with_soft_mask(self, bias: Tensor | None, soft: Tensor, where: str) -> Tensor:
        """The bias, and with it a 4-D mask's finite values: they are added to scores too."""
        if "bias" not in self._declared:
            raise ModelError(
                "the mask holds numbers beside 0 and the lowest, which the function does not take",
                where=where,
                rule="a mask says who may attend; numbers to add to scores are a bias",
                remedy="give the function a keyword 'bias' and add it to the scaled scores",
            )
        return soft if bias is None else bias + soft

    def _dropout(self, dropout: float, where: str) -> dict[str, float]:
        if "dropout" in self._declared:
            return {"dropout": dropout}
        if dropout > 0.0:
            raise ModelError(
                f"the model trains with attention dropout {dropout}, which the function does not "
                "take",
                where=where,
                rule="training without it would be another training",
                remedy="give the function a keyword dropout=0.0, and apply it to the weights",
            )
        return {}

    def _scale(self, query: Tensor, scaling: float | None) -> tuple[Tensor, dict[str, float]]:
        """The scale as a keyword, or its difference from K ** -0.5 folded into q."""
        usual = query.shape[-1] ** -0.5
        scale = usual if scaling is None else scaling
        if "scale" in self._declared:
            return query, {"scale": scale}
        if math.isclose(scale, usual, rel_tol=1e-12):
            return query, {}
        return query * (scale / usual), {}

    def _rest(self, module: nn.Module, passed: dict[str, Any]) -> dict[str, Any]:
        """The calling module, and keywords of the model's forward that fn asks for by name."""
        rest = {k: v for k, v in passed.items() if k not in FEATURES and k not in _IN_MASK}
        rest["module"] = module
        if self._takes_rest:
            return rest
        return {name: value for name, value in rest.items() if name in self._declared}


@cache
def _eager_features(module_class: type[nn.Module]) -> frozenset[str]:
    """Parameters of the eager attention in a module's own file that are not ordinary ones."""
    file = sys.modules.get(module_class.__module__)
    eager = getattr(file, "eager_attention_forward", None)
    if eager is None:
        return frozenset()
    parameters = inspect.signature(eager).parameters.values()
    named = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
    return frozenset(named - _ORDINARY - _IN_MASK)


def _check_result(out: Any, weights: Any, query: Tensor, value: Tensor, where: str) -> None:
    batch, heads, queries, _ = query.shape
    _check_returned("output", out, (batch, heads, queries, value.shape[3]), where)
    # Under autocast the layer that follows takes any floating type.
    free = torch.is_autocast_enabled(value.device.type) and out.is_floating_point()
    if out.dtype != value.dtype and not free:
        raise ShapeError(
            f"the function's output is {_name(out.dtype)}",
            where=where,
            rule=f"it has the type of q, k and v, here {_name(value.dtype)}",
            remedy="return out.to(q.dtype)",
        )
    if weights is not None:
        _check_returned("weights", weights, (batch, heads, queries, value.shape[2]), where)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _check_returned(what: str, result: Any, shape: tuple[int, ...], where: str) -> None:
    if not isinstance(result, Tensor):
        several = f" of {len(result)}" if isinstance(result, tuple) else ""
        kind = f"{type(result).__name__}{several}"
        raise ShapeError(
            f"the function's {what} is of type {kind}",
            where=where,
            rule="it returns out, or (out, weights), as torch tensors",
        )
    if tuple(result.shape) != shape:
        names = "(B, H, T, K)" if what == "output" else "(B, H, T, S)"
        raise ShapeError(
            f"the function's {what} is {tuple(result.shape)}",
            where=where,
            rule=f"it must be {names} = {shape}",
        )
