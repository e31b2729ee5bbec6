"""The attention kernel of hfdl's models, by transformers' name for it (attn_implementation)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from hfdl.errors import ModelError
from hfdl.nn.attend import AttentionLayer
from hfdl.nn.functional import AttentionKernel, allowed, attention
from hfdl.nn.fused import fused_attention
from hfdl.nn.masks import to_additive

FUSED, EXPLICIT = "sdpa", "eager"
_NATIVE: dict[str, AttentionKernel] = {FUSED: fused_attention, EXPLICIT: attention}
# transformers reads these as requests for kernels that want other masks.
_FOREIGN = ("flash", "flex", "paged")


def kernel_named(name: str | None, weights: bool, keywords: dict[str, Any]) -> AttentionKernel:
    """The kernel that ``attn_implementation`` asks for.

    Args:
        name: ``sdpa`` (torch's fused kernel), ``eager`` (the formula), or one that was registered
            with transformers' ``AttentionInterface``.
        weights: whether the weights are wanted, which the fused kernel has not.
        keywords: of the model's forward, for a registered function.

    Raises:
        ModelError: there is no such attention, or it takes no mask of ours.
    """
    name = name or FUSED
    if name == FUSED and weights:
        name = EXPLICIT
    if name in _NATIVE:
        return _NATIVE[name]
    if not takes_kernel(name) or name not in ALL_ATTENTION_FUNCTIONS.valid_keys():
        raise ModelError(
            f"hfdl's models cannot run attn_implementation={name!r}",
            rule="it is 'sdpa', 'eager', or a function given to hfdl.register_attention",
            remedy="call model.set_attn_implementation('sdpa')",
        )
    return InterfaceKernel(name, keywords)


def takes_kernel(name: str) -> bool:
    """Whether an attention of this name, if there is one, takes the masks of hfdl's models."""
    return name in _NATIVE or not any(word in name for word in _FOREIGN)


@dataclass(frozen=True)
class InterfaceKernel:
    """A function of transformers' ``AttentionInterface`` as a kernel of ours.

    It is given an additive mask with causality and windows in it: 0 where a query may attend, the
    least number elsewhere.

    Args:
        name: what it was registered as.
        keywords: of the model's forward, handed on.
        module: the layer that it runs in.
    """

    name: str
    keywords: dict[str, Any] = field(default_factory=dict)
    module: AttentionLayer | None = None

    def in_layer(self, module: AttentionLayer) -> InterfaceKernel:
        """The kernel for one layer."""
        return replace(self, module=module)

    def __call__(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None = None,
        *,
        scale: float | None = None,
        bias: Tensor | None = None,
        causal: bool = False,
        dropout: float = 0.0,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend; arguments and result as in ``hfdl.nn.functional.AttentionKernel``."""
        mask = allowed(q, k, mask, causal)
        if mask is not None:
            size = (q.shape[0], 1, q.shape[2], k.shape[2])
            mask = to_additive(mask, q.dtype).expand(size)  # (B, 1, T, S)
        keywords = self.keywords if bias is None else {**self.keywords, "position_bias": bias}
        out, weights = ALL_ATTENTION_FUNCTIONS[self.name](
            self.module, q, k, v, mask, scaling=scale, dropout=dropout, is_causal=False, **keywords
        )
        return out.transpose(1, 2), weights  # (B, T, H, K) -> (B, H, T, K)
