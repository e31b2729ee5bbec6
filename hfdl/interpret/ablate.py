"""Head ablation: what a model does without some heads (Michel et al. 2019, arXiv:1905.10650).

transformers 5 has no ``head_mask``. Here a head's output is replaced where it enters the output
projection. Replacing it with zeros equals, bit for bit, zeroing the projection's weights that read
it, and changes no weights: it works under PEFT, in ``generate()`` with a cache, and with gradients
for the rest of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.custom_attention.modules import base_model
from hfdl.errors import ConfigError, ShapeError, listed
from hfdl.interpret.hooks import Hooks, hooked
from hfdl.interpret.sites import AttentionSite, attention_site, attention_sites

Hook = Callable[[nn.Module, tuple[Any, ...]], Any]


@contextmanager
def ablate_heads(
    model: nn.Module,
    heads: Mapping[int | str, Iterable[int]],
    *,
    means: Mapping[str, Tensor] | None = None,
) -> Iterator[None]:
    """Replace the output of attention heads by a constant while the context is open.

    Args:
        model: a transformers model or one of hfdl's, in a PEFT wrapper or not.
        heads: layer -> its heads to ablate. A layer is a number, or the name of an attention
            module or of a module that holds just one, such as "decoder.block.0.layer.0".
        means: attention module's name -> (H, K), each head's average output, from
            ``mean_head_outputs``. Zeros where it is None. A mean removes what a head says about
            this input and keeps what it adds to every input, which the next layers rely on.

    Raises:
        ModelError: a layer or its output projection is not found; or, at the end, the model ran
            and a projection was never called.
        ConfigError: a layer has no such head, or is given twice, or has no mean.
        ShapeError: a mean is not (H, K).
    """
    chosen: dict[str, tuple[AttentionSite, list[int]]] = {}
    for layer, numbers in heads.items():
        site = attention_site(model, layer)
        if site.name in chosen:
            raise ConfigError(f"layer {site.name} is given twice", rule="one entry for each layer")
        chosen[site.name] = site, _checked(site, list(numbers))
        if means is not None and site.name not in means:
            raise ConfigError(
                f"there is no mean for {site.name}",
                rule=f"there are: {listed(means)}",
            )
    with hooked(model, [site.projection_name for site, _ in chosen.values()]) as hooks:
        for site, numbers in chosen.values():
            constant = None if means is None else means[site.name]
            hook = _replacing(site, numbers, constant, hooks)
            hooks.add(site.projection.register_forward_pre_hook(hook))
        yield


def mean_head_outputs(model: nn.Module, batches: Iterable[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Each head's average output over the real tokens of some texts.

    Args:
        model: the model; its training or evaluation mode is left as it is.
        batches: keywords of its forward, each with a 2-D ``attention_mask`` (B, T) where there
            are pads (``decoder_attention_mask`` for those of a decoder behind an encoder).

    Returns:
        attention module's name -> (H, K).
    """
    sites = attention_sites(model)
    sums = {site.name: torch.zeros(()) for site in sites}
    counts = dict.fromkeys(sums, 0)

    def collect(
        site: AttentionSite,
        mask: Tensor | None,
        hooks: Hooks,
        module: nn.Module,
        args: tuple[Any, ...],
    ) -> None:
        x = args[0].detach()  # (B, T, H * K)
        real = x.flatten(0, -2) if mask is None else x[mask.bool()]  # (tokens, H * K)
        sums[site.name] = sums[site.name].to(x) + real.sum(0)
        counts[site.name] += len(real)
        hooks.done(site.projection_name)

    for batch in batches:
        with hooked(model, [site.projection_name for site in sites]) as hooks, torch.no_grad():
            for site in sites:
                hook = partial(collect, site, batch.get(_mask_name(model, site)), hooks)
                hooks.add(site.projection.register_forward_pre_hook(hook))
            model(**batch)
    return {
        site.name: (sums[site.name] / counts[site.name]).unflatten(-1, (site.num_heads, -1))
        for site in sites  # (H * K,) -> (H, K)
    }


def _mask_name(model: nn.Module, site: AttentionSite) -> str:
    config = getattr(base_model(model), "config", None)
    in_decoder = getattr(config, "is_encoder_decoder", False) and "decoder" in site.name.split(".")
    return "decoder_attention_mask" if in_decoder else "attention_mask"


def _replacing(
    site: AttentionSite, numbers: list[int], constant: Tensor | None, hooks: Hooks
) -> Hook:
    """A hook that replaces some heads by a constant in a projection's input."""
    ablated = torch.zeros(site.num_heads, 1, dtype=torch.bool)  # (H, 1)
    ablated[numbers] = True

    def hook(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        hooks.done(site.projection_name)
        x, *rest = args
        by_head = x.unflatten(-1, (site.num_heads, -1))  # (..., H, K)
        value = by_head.new_zeros(()) if constant is None else constant.to(by_head)
        if value.dim() and value.shape != by_head.shape[-2:]:
            raise ShapeError(
                f"the mean of {site.name} is {tuple(value.shape)}",
                rule=f"it must be (H, K) = {tuple(by_head.shape[-2:])}",
            )
        # A choice and not a product: 0 times an infinite output would be NaN.
        kept = torch.where(ablated.to(x.device), value, by_head)  # (..., H, K)
        return kept.flatten(-2), *rest  # (..., H * K)

    return hook


def _checked(site: AttentionSite, numbers: list[int]) -> list[int]:
    if wrong := [h for h in numbers if not 0 <= h < site.num_heads]:
        raise ConfigError(
            f"head {wrong[0]} does not exist in {site.name}",
            rule=f"its heads are 0 to {site.num_heads - 1}",
        )
    return numbers
