"""``hfdl.register_attention``: any function of (q, k, v, mask) as any pretrained model's attention.

transformers keeps two registries, one of attentions and one of masks. A name that is in the first
alone gets no mask, and a causal model then sees the future; here both are always written together.
"""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from hfdl.custom_attention.adapter import FEATURES, AttentionAdapter, AttentionFunction
from hfdl.errors import ConfigError, ModelError
from hfdl.foundations.transformer.attention import attention as numpy_attention
from hfdl.nn.functional import attention
from hfdl.nn.fused import fused_attention

BUILTIN = ("hfdl", "hfdl_fused", "hfdl_numpy")
# transformers reads meaning into these parts of a name: it would look for a kernel, check for a
# feature of torch, or treat the attention as its own.
TAKEN = ("flash", "sdpa", "flex_attention", "eager", "paged")
_KEYWORDS = {"scale", "dropout", "module", *FEATURES.values()}

_registered: dict[str, AttentionAdapter] = {}


def register_attention(name: str, fn: AttentionFunction, *, grouped: bool = False) -> None:
    """Make a function the attention ``name`` of every pretrained model that takes one.

    ``AutoModel.from_pretrained(..., attn_implementation=name)`` then uses it, and
    ``hfdl.custom_attention.switch.use_attention(model, name)`` switches a live model. The first
    cannot tell an architecture that ignores it: ``hfdl.custom_attention.calls.prove_attention``
    can.

    ``fn(q, k, v, mask)`` gets torch tensors:

    * q (B, H, T, K), already rotated where the model has rotary positions;
    * k and v (B, H, S, K), with the cache, the heads of grouped-query attention repeated; or
      (B, G, S, K) with ``grouped``;
    * mask: bool, broadcastable to (B, H, T, S), True = may attend. It holds padding, causality
      and a sliding window. None: everything may be attended to. A query of padding may be allowed
      nothing at all: its output is not used, but NaN in it would spread.

    and returns the output (B, H, T, K), or a pair of it and the weights (B, H, T, S).

    A keyword that fn declares by its name is given to it:

    * scale: what scores are multiplied by (1 in T5). Without it fn is taken to multiply by
      K ** -0.5, and what the model's scale is beyond that is folded into q;
    * dropout: probability of dropping a weight, 0 in evaluation;
    * bias: added to the scaled scores, broadcastable to (B, H, T, S) (T5's positions);
    * softcap: scores become softcap * tanh(scores / softcap) (Gemma 2);
    * sinks: a logit for each head that takes part in the softmax and has no value (gpt-oss);
    * module: the model's attention module, which knows its layer_idx;
    * any other: the keyword of that name which the model's forward was given.

    A model that uses one of dropout, bias, softcap, sinks or the like raises ModelError in its
    forward where fn does not declare it. ``**kwargs`` in fn receives the harmless rest, and is no
    such declaration: a function that swallowed ``softcap`` would be silently wrong.

    Args:
        name: an identifier. A name that was given before is replaced, as when a notebook's cell is
            run again.
        fn: the function.
        grouped: fn takes (B, G, S, K) keys and values; head h of q belongs to head h // (H / G).

    Raises:
        ConfigError: the name is transformers' or hfdl's, or would be misread by transformers, or
            fn cannot be called with (q, k, v, mask).
    """
    if name in BUILTIN:
        raise ConfigError(
            f"{name!r} is an attention of hfdl's own",
            rule=f"the names {', '.join(BUILTIN)} stay what they are",
            remedy="choose another name",
        )
    _check_name(name)
    _check_function(fn)
    _register(name, fn, grouped=grouped)


def registered_attentions() -> list[str]:
    """The names that were registered through hfdl, including its own."""
    return sorted(_registered)


def _register(name: str, fn: AttentionFunction, *, grouped: bool) -> None:
    adapter = AttentionAdapter(name, fn, grouped=grouped)
    AttentionInterface.register(name, adapter)
    # eager_mask is never left out for a causal model, as sdpa_mask is.
    AttentionMaskInterface.register(name, eager_mask)
    _registered[name] = adapter


def _check_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ConfigError(
            f"the name {name!r} is not an identifier",
            rule="an attention's name is made of letters, digits and underscores",
        )
    if part := next((part for part in TAKEN if part in name.lower()), None):
        raise ConfigError(
            f"the name {name!r} contains {part!r}",
            rule="transformers gives such names a meaning of its own",
            remedy="choose another name",
        )
    in_use = {*AttentionInterface().valid_keys(), *AttentionMaskInterface().valid_keys()}
    if name in in_use and name not in _registered:
        raise ConfigError(
            f"the name {name!r} was registered with transformers by other code",
            rule="hfdl replaces only what was registered through it",
            remedy="choose another name",
        )


def _check_function(fn: AttentionFunction) -> None:
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"the signature of {fn!r} cannot be read",
            rule="its parameters say which features it applies",
            remedy="wrap it: def mine(q, k, v, mask): return ...",
        ) from error
    named = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
    first, others = named[:4], named[4:]
    positional = all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in first)
    if len(first) < 4 or not positional or first[3].name in _KEYWORDS:
        raise ConfigError(
            f"the function takes ({', '.join(str(p) for p in parameters)})",
            rule="an attention takes (q, k, v, mask, ...); one without a mask would see padding "
            "and the future",
        )
    if wrong := [p.name for p in others if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)]:
        raise ConfigError(
            f"the function's parameter {wrong[0]!r} cannot be given by name",
            rule="what follows (q, k, v, mask) is passed as keywords",
        )


# ---- A NumPy function as the attention of a torch model, forward only ----------------------------


def from_numpy(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Make a torch attention of one written in NumPy.

    Args:
        fn: ``fn(q, k, v, mask, ...)`` of arrays, see ``hfdl.register_attention``. It may run on
            its inputs' memory: it must not write to them.

    Returns:
        the same function of tensors, with fn's signature. It raises ModelError where gradients
        are asked for: NumPy records none, and the model would train around a constant.
    """

    @wraps(fn)
    def of_tensors(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, **keywords: Any) -> Any:
        if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v)):
            raise ModelError(
                "an attention in NumPy has no gradients",
                rule="it can be run, not trained or differentiated",
                remedy="run the model under torch.no_grad()",
            )
        arrays = [_to_array(x) for x in (q, k, v, mask)]
        result = fn(*arrays, **{name: _to_array(value) for name, value in keywords.items()})
        if isinstance(result, tuple):
            return tuple(_to_tensor(x, q) for x in result)
        return _to_tensor(result, q)

    return of_tensors


def _to_array(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    value = value.detach().cpu()
    # NumPy has no bfloat16, and computes float16 number by number.
    half = value.dtype in (torch.bfloat16, torch.float16)
    return (value.float() if half else value).numpy()


def _to_tensor(array: Any, like: Tensor) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    return torch.from_numpy(np.ascontiguousarray(array)).to(like.device, like.dtype)


_register("hfdl", attention, grouped=True)
_register("hfdl_fused", fused_attention, grouped=True)
_register("hfdl_numpy", from_numpy(numpy_attention), grouped=False)
