"""AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101) by torch's fused kernel.

What torch does around the kernel - collecting states, sorting them by device, counting each
parameter's steps by itself - takes longer on a CPU than the kernel does for a small model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class _Gathered:
    """The parameters of a group and what the kernel wants beside their gradients."""

    parameters: list[Tensor]
    first: list[Tensor]
    """Running means of the gradients."""
    second: list[Tensor]
    """Running means of their squares."""
    steps: list[Tensor]
    """Views into ``counts``: one addition counts for all."""
    counts: Tensor

    def is_current(self, state: dict[Tensor, Any]) -> bool:
        """Whether nobody has put other tensors into the optimizer's state since."""
        for parameter, m, v, step in zip(
            self.parameters, self.first, self.second, self.steps, strict=True
        ):
            own = state.get(parameter, {})
            if not (own.get("exp_avg") is m and own.get("exp_avg_sq") is v):
                return False
            if own.get("step") is not step:
                return False
        return True


class AdamW(torch.optim.AdamW):
    """``torch.optim.AdamW(fused=True)``, to the last bit, with less around the kernel on a CPU.

    Args:
        params, lr, betas, eps: as torch's; parameters, or groups with their own ``weight_decay``.
    """

    def __init__(
        self, params: Any, *, lr: float, betas: tuple[float, float], eps: float = 1e-8
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, fused=True)
        self._gathered: list[_Gathered] = []

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss again and returns it; None as a rule.
        """
        gradients = self._gradients()
        if closure is not None or gradients is None:
            loss = super().step(closure)  # makes the states, where there are none
            self._gather()
            return loss
        for group, gathered, of_group in zip(
            self.param_groups, self._gathered, gradients, strict=True
        ):
            gathered.counts.add_(1)
            torch._fused_adamw_(  # pyright: ignore[reportPrivateImportUsage]
                gathered.parameters,
                of_group,
                gathered.first,
                gathered.second,
                [],
                gathered.steps,
                lr=group["lr"],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )
        return None

    def _gradients(self) -> list[list[Tensor]] | None:
        """Each group's gradients; None where one is missing, or a state that was gathered."""
        scaled = any(getattr(self, name, None) is not None for name in ("grad_scale", "found_inf"))
        if scaled or len(self._gathered) != len(self.param_groups):
            return None  # a GradScaler hands its figures over in attributes, which torch reads
        found: list[list[Tensor]] = []
        for group, gathered in zip(self.param_groups, self._gathered, strict=True):
            present = [p.grad for p in gathered.parameters if p.grad is not None]
            if len(present) != len(group["params"]) or not gathered.is_current(self.state):
                return None
            found.append(present)
        return found

    def _gather(self) -> None:
        """Collect what the kernel wants, where one call of it does for each group."""
        found = [_gather(group["params"], self.state) for group in self.param_groups]
        self._gathered = [gathered for gathered in found if gathered is not None]


def _gather(parameters: list[Tensor], state: dict[Tensor, Any]) -> _Gathered | None:
    """A group's tensors; None where a state is missing, or not all are of one kind on the CPU."""
    states = [state.get(parameter) for parameter in parameters]
    kinds = {(parameter.device.type, parameter.dtype) for parameter in parameters}
    if not all(states) or len(kinds) != 1 or parameters[0].device.type != "cpu":
        return None
    known = [own for own in states if own is not None]
    counts = torch.stack([own["step"] for own in known])  # (parameters,)
    for own, step in zip(known, counts.unbind(), strict=True):
        own["step"] = step
    return _Gathered(
        list(parameters),
        [own["exp_avg"] for own in known],
        [own["exp_avg_sq"] for own in known],
        [own["step"] for own in known],
        counts,
    )
