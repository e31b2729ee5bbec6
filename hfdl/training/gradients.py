"""What happens to gradients between the backward pass and the optimizer.

Those of a summed loss become those of a mean, and are clipped, in one pass over them.

Those of an embedding table are zero but for the rows of an update's tokens, and take the time of
those rows. torch fills a new table with zeros in each backward pass; here one stays from update to
update, the sparse gradient is added to its rows, and those rows alone are made zero again. The sums
are the same, and so is what the optimizer sees.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from hfdl.training.distributed.collectives import sum_over_processes

SMALLEST = 1 << 18
"""Fewest numbers of a table for which this is worth it: filling less takes no time."""


def average_and_clip(
    gradients: Sequence[torch.Tensor],
    mean: float,
    clip_norm: float | None,
    sharded_by: Accelerator | None = None,
) -> float:
    """Multiply gradients by ``mean``, and further so that their norm is at most ``clip_norm``.

    The same numbers as dividing the loss before the backward pass and calling
    ``torch.nn.utils.clip_grad_norm_`` after it, for one pass over the gradients less.

    Args:
        gradients: of the summed loss; changed in place.
        mean: one over the count of items (times the processes that were averaged over); 1 where
            they are gradients of a mean already.
        clip_norm: largest norm; None: no clipping.
        sharded_by: whose processes have a part of each gradient; None: these are the gradients.

    Returns:
        the norm of the mean gradient before clipping. If it is not finite nothing was changed.
    """
    gradients = list(gradients)
    # Not torch.nn.utils.get_total_norm: on a CPU it calls each norm from Python.
    norms = torch._foreach_norm(gradients)  # pyright: ignore[reportPrivateImportUsage]
    norm = float(_norm_of(norms, sharded_by)) * mean
    if not math.isfinite(norm):
        return norm
    factor = mean if clip_norm is None else mean * min(1.0, clip_norm / (norm + 1e-6))
    if factor != 1.0:
        torch._foreach_mul_(gradients, factor)  # pyright: ignore[reportPrivateImportUsage]
    return norm


def _norm_of(norms: Sequence[torch.Tensor], sharded_by: Accelerator | None) -> torch.Tensor:
    """The norm of all gradients from that of each, or of this process's part of each."""
    norm = torch.linalg.vector_norm(torch.stack(tuple(norms))) if norms else torch.zeros(())
    if sharded_by is None:
        return norm
    return sum_over_processes(sharded_by, norm.square()).sqrt()


# ---- Embedding tables: zeros that stay, and the rows of an update that are added to them ---------


class EmbeddingRows:
    """Gradients of the tables of a model, by their rows.

    Such a table is a plain ``nn.Embedding`` on the CPU, large, trained, used by that module alone
    (one that is tied to an output layer has a gradient everywhere), and without hooks of its own.

    Args:
        model: the model as it is trained.
    """

    def __init__(self, model: nn.Module) -> None:
        self._modules = list(_tables(model))
        self._zeros = {module: torch.zeros_like(module.weight) for module in self._modules}
        self._rows: dict[nn.Embedding, list[Tensor]] = {module: [] for module in self._modules}

    @contextmanager
    def sparse(self) -> Iterator[None]:
        """Within it backward passes give sparse gradients, which are added to the kept zeros."""
        hooks = []
        for module in self._modules:
            module.sparse = True
            module.weight.grad = self._zeros[module]
            note = functools.partial(self._note, module)
            hooks.append(module.weight.register_hook(note))
        try:
            yield
        finally:
            for module, hook in zip(self._modules, hooks, strict=True):
                module.sparse = False
                hook.remove()

    def gradients(self) -> dict[Tensor, tuple[Tensor, Tensor]]:
        """By table the rows that an update touched, in order, and a copy of their gradients.

        A table that it did not touch is left without a gradient, as torch leaves it.
        """
        touched: dict[Tensor, tuple[Tensor, Tensor]] = {}
        for module in self._modules:
            if not self._rows[module]:
                module.weight.grad = None
                continue
            rows = torch.cat(self._rows[module]).unique()
            self._rows[module] = [rows]
            touched[module.weight] = rows, self._zeros[module].index_select(0, rows)
        return touched

    def put(self, touched: Mapping[Tensor, tuple[Tensor, Tensor]]) -> None:
        """Make the copies that ``gradients`` gave, which may have been scaled, the gradients."""
        for module in self._modules:
            if module.weight in touched:
                self._zeros[module].index_copy_(0, *touched[module.weight])

    def clear(self) -> None:
        """Make the touched rows zero again."""
        for module in self._modules:
            for rows in self._rows[module]:
                self._zeros[module].index_fill_(0, rows, 0.0)
            self._rows[module] = []

    def _note(self, module: nn.Embedding, grad: Tensor) -> None:
        """Remember the rows of a gradient that is about to be added."""
        self._rows[module].append(_rows_of(grad))


def _rows_of(grad: Tensor) -> Tensor:
    """The rows that a gradient may have numbers in; of a dense one, all."""
    if grad.is_sparse:
        return grad._indices()[0]  # pyright: ignore[reportPrivateUsage]
    return torch.arange(len(grad))


def _tables(model: nn.Module) -> Iterable[nn.Embedding]:
    users: dict[int, int] = {}
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            users[id(parameter)] = users.get(id(parameter), 0) + 1
    for module in model.modules():
        if type(module) is nn.Embedding and users[id(module.weight)] == 1 and _is_plain(module):
            yield module


def _is_plain(module: nn.Embedding) -> bool:
    weight = module.weight
    return (
        weight.requires_grad
        and weight.device.type == "cpu"
        and weight.numel() >= SMALLEST
        and module.max_norm is None
        and not module.scale_grad_by_freq
        and not module.sparse
        and not weight._backward_hooks  # pyright: ignore[reportPrivateUsage]
    )
