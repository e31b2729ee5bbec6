"""Muon for the matrices of hidden layers, AdamW for everything else, as one optimizer.

    M <- mu M + (1 - mu) G        W <- W - rate * 0.2 sqrt(max(out, in)) * orthogonal(M)

Muon's update of a matrix has all its singular values near 1 (Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon). Embeddings, heads, biases and norms are AdamW's, as
there. The arithmetic is that of ``torch.optim.Muon`` and ``torch.optim.AdamW``; decided here is
which parameters go where, and what one matrix is: each projection, always as (out, in).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.errors import ConfigError
from hfdl.tuning.layers import positions


@dataclass(frozen=True)
class Layout:
    """How a parameter holds its matrices.

    Args:
        transposed: whether it is (in, out), as the weights of GPT-2's ``Conv1D`` are.
        joined: how many projections of equal height it holds, one below the other: queries, keys
            and values, or the gates of an LSTM.
    """

    transposed: bool = False
    joined: int = 1

    def matrices(self, tensor: Tensor) -> tuple[Tensor, ...]:
        """The matrices, each (out, in), as views that share the tensor's memory."""
        whole = tensor.detach()
        whole = whole.t() if self.transposed else whole  # (in, out) -> (out, in)
        return whole.chunk(self.joined)


class MuonWithAdamW(torch.optim.Optimizer):
    """``torch.optim.Muon`` and ``torch.optim.AdamW`` on one model.

    Args:
        params: groups as ``matrix_groups`` makes them.
        lr: of both. ``match_rms_adamw`` gives Muon's updates the size of AdamW's.
        weight_decay: of groups that say none; decoupled in both.
        betas: of AdamW.
        eps: of AdamW.
        momentum: of Muon.
        nesterov: whether Muon orthogonalises the gradient ahead of its momentum.
        ns_steps: Newton-Schulz iterations, in bfloat16 whatever the weights are.
        ns_coefficients: of their polynomial.
        adjust_lr_fn: how Muon's rate depends on the shape: ``match_rms_adamw``, 0.2 sqrt(max(out,
            in)), so that one rate and one weight decay serve all parameters (Liu et al. 2025,
            https://arxiv.org/abs/2502.16982, section 2.2); or ``original``, sqrt(max(1, out /
            in)), which wants a rate some ten times that of AdamW.
        fused: whether AdamW's step is one kernel.

    Raises:
        ValueError: a group does not say whose it is, or torch's classes refuse a value.
    """

    def __init__(
        self,
        params: Iterable[dict[str, Any]],
        lr: float,
        *,
        weight_decay: float = 0.01,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_steps: int = 5,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        adjust_lr_fn: str = "match_rms_adamw",
        fused: bool = True,
    ) -> None:
        common = {"lr": lr, "weight_decay": weight_decay}
        self._muon = {
            "momentum": momentum, "nesterov": nesterov, "ns_steps": ns_steps,
            "ns_coefficients": tuple(ns_coefficients), "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        groups = [{**common, **group} for group in params]
        if any("use_muon" not in group for group in groups):
            raise ValueError("each group says in use_muon whose it is: see matrix_groups")
        rest = [group for group in groups if not group["use_muon"]]
        # It completes the groups, which are the same objects here and there.
        self._adamw = (
            torch.optim.AdamW(rest, lr, betas=betas, eps=eps, fused=fused) if rest else None
        )
        super().__init__(groups, common)
        self._try_muon()

    def _try_muon(self) -> None:
        """Let torch's class refuse a value now, not in the first update."""
        matrix = torch.zeros(1, 1)
        matrix.grad = torch.zeros(1, 1)
        torch.optim.Muon([matrix], **self._muon).step()

    @torch.no_grad()
    def step(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, closure: Callable[[], Any] | None = None
    ) -> Any:
        """One update of every parameter that has a gradient.

        Args:
            closure: computes the loss again and returns it; None: the gradients are there.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["use_muon"]:
                self._orthogonal_step(group)
        if self._adamw is not None:
            # Anew each time: load_state_dict has put others in the place of the first.
            self._adamw.param_groups = [g for g in self.param_groups if not g["use_muon"]]
            self._adamw.state = self.state
            self._adamw.step()
        return loss

    def _orthogonal_step(self, group: dict[str, Any]) -> None:
        """torch's Muon over views of the parameters, gradients and momenta of one group."""
        layout = Layout(group["transposed"], group["joined"])
        momenta: dict[Tensor, Tensor] = {}
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(parameter.grad)
            tensors = parameter, parameter.grad, state["momentum_buffer"]
            for matrix, gradient, momentum in zip(*map(layout.matrices, tensors), strict=True):
                matrix.grad = gradient
                momenta[matrix] = momentum
        if not momenta:
            return
        muon = torch.optim.Muon(
            list(momenta), group["lr"], weight_decay=group["weight_decay"], **self._muon
        )
        for matrix, momentum in momenta.items():
            muon.state[matrix]["momentum_buffer"] = momentum
        muon.step()


# ---- Which parameters are Muon's -----------------------------------------------------------------


def matrix_groups(model: nn.Module, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Groups of parameters in parts: the matrices of hidden layers, by layout, and the rest.

    Args:
        model: the model.
        groups: of its trained parameters.

    Returns:
        groups with ``use_muon``; those of Muon with a layout's ``transposed`` and ``joined``.

    Raises:
        ConfigError: no matrix of a hidden layer is trained.
    """
    layouts = hidden_matrices(model)
    if groups and not any(id(p) in layouts for group in groups for p in group["params"]):
        raise ConfigError(
            "no matrix of a hidden layer is trained",
            where="train.optimizer",
            rule="Muon is for these: two-dimensional weights in the layers of an nn.ModuleList or "
            "of a recurrent network, without embeddings and heads",
            remedy="set train.optimizer=adamw",
        )
    made: list[dict[str, Any]] = []
    for group in groups:
        parts: dict[Layout | None, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            parts.setdefault(layouts.get(id(parameter)), []).append(parameter)
        for layout, parameters in parts.items():
            own = {} if layout is None else asdict(layout)
            made.append({**group, "params": parameters, "use_muon": layout is not None, **own})
    return made


def hidden_matrices(model: nn.Module) -> dict[int, Layout]:
    """The layout of each two-dimensional weight of a hidden layer, by ``id``.

    Hidden layers are the elements of the model's layer lists, and recurrent networks. What stands
    below or above them (embeddings, pooler, head) is none, nor is a table of embeddings, a bias
    or a stack of experts in one three-dimensional tensor.
    """
    at = positions(model)
    tables = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    found: dict[int, Layout] = {}
    for path, module in model.named_modules():
        for own, parameter in module.named_parameters(recurse=False):
            name = f"{path}.{own}" if path else own
            if parameter.dim() != 2 or "bias" in name or id(parameter) in tables or name not in at:
                continue
            gates = _gates(module, own, parameter)
            if gates or 0 < at[name].depth < at[name].top:
                found[id(parameter)] = _layout(path.rpartition(".")[2], module, parameter, gates)
    return found


def _gates(module: Any, own: str, weight: Tensor) -> int:
    """How many gates a weight of a recurrent layer holds (LSTM 4, GRU 3, RNN 1); else 0."""
    width = getattr(module, "hidden_size", None)
    if not own.startswith(("weight_ih", "weight_hh")) or not isinstance(width, int):
        return 0
    return len(weight) // width


def _layout(name: str, module: nn.Module, weight: Tensor, gates: int) -> Layout:
    """How a weight holds its matrices, by its module's name in transformers.

    Projections that stand one below the other are taken one by one, as Jordan et al. advise for
    queries, keys and values, and as hfdl's own code keeps them. Where those of each head stand
    together (GPT-NeoX, BLOOM, Falcon), or are of unequal heights (Phi-3), the weight is one matrix.
    """
    from transformers.pytorch_utils import Conv1D

    transposed = isinstance(module, Conv1D)
    rows, columns = reversed(weight.shape) if transposed else weight.shape
    if name == "Wqkv" or (name == "c_attn" and transposed):
        joined = rows // columns if rows % columns == 0 else 1
    else:
        joined = 2 if name == "Wi" and rows % 2 == 0 else max(gates, 1)
    return Layout(transposed, joined)
