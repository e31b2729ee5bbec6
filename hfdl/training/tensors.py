"""The tensors of a model and of its optimizer by name, as a checkpoint holds them."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import nn

from hfdl.errors import CheckpointError
from hfdl.training.distributed.parts import part_like
from hfdl.weights.parameter_names import all_names

Tensors = dict[str, torch.Tensor]


def model_tensors(model: nn.Module) -> Tensors:
    """What training changes: trained parameters and saved buffers, shared ones once.

    The rest is what it was when the model was built, and is built again; ``untrained_digest``
    says whether it is the same. With adapters that is 99 % of the model.
    """
    return {
        name: tensor.detach() for name, tensor in _once(model).items() if not _is_untrained(tensor)
    }


def untrained_digest(model: nn.Module) -> str | None:
    """SHA-256 of the parameters that are not trained, names included; None where all are."""
    untrained = {name: tensor for name, tensor in _once(model).items() if _is_untrained(tensor)}
    if not untrained:
        return None
    digest = hashlib.sha256()
    for name, tensor in untrained.items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        raw = tensor.detach().to("cpu").contiguous().flatten().view(torch.uint8)
        digest.update(raw.numpy().data)
    return digest.hexdigest()


def _once(model: nn.Module) -> Tensors:
    """Parameters and saved buffers by name, each shared one under its first name."""
    named: dict[int, tuple[str, torch.Tensor]] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        named.setdefault(id(tensor), (name, tensor))
    return dict(named.values())


def _is_untrained(tensor: torch.Tensor) -> bool:
    return isinstance(tensor, nn.Parameter) and not tensor.requires_grad


def load_model_tensors(model: nn.Module, tensors: Tensors) -> None:
    """Put back what ``model_tensors`` gave.

    Raises:
        CheckpointError: a name or a shape does not fit the model.
    """
    own = model_tensors(model)
    wrong = list(own.keys() ^ tensors.keys()) or [
        n for n in own if own[n].shape != tensors[n].shape
    ]
    if wrong:
        raise _misfit(model, sorted(wrong), tensors)
    live = model.state_dict(keep_vars=True)
    with torch.no_grad():
        for name, tensor in tensors.items():
            live[name].copy_(part_like(tensor, live[name]))


def _misfit(model: nn.Module, wrong: list[str], tensors: Tensors) -> CheckpointError:
    theirs = {name for names in all_names(model).values() for name in names[:-1]}
    if theirs & tensors.keys():
        # "auto" was transformers' class until hfdl 0.1's own code became the default.
        return CheckpointError(
            "the checkpoint is of transformers' model code, and the model is hfdl's own",
            where="model.implementation",
            rule="a run is resumed in the code it was started in; auto has meant hfdl's own since "
            "the run was",
            remedy="start again with --overwrite in place of --resume",
        )
    return CheckpointError(
        f"{len(wrong)} tensors do not fit the model, the first is {wrong[0]!r}",
        rule="a checkpoint belongs to one model",
        remedy="resume with the recipe that the run was started with",
    )


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: dict[int, str]) -> Tensors:
    """The optimizer's state, flat: ``PARAMETER|exp_avg`` and so on.

    A Python number has its type behind its name, ``PARAMETER|step|int``: as a tensor it would be
    rounded otherwise after a resume. None, which some hold in the place of momentum, is left out.

    Args:
        optimizer: any.
        names: parameter names by ``id``.

    Raises:
        CheckpointError: its state is more than tensors and numbers.
    """
    tensors = {}
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            if value is not None:
                suffix = "" if isinstance(value, torch.Tensor) else f"|{type(value).__name__}"
                tensor = _as_tensor(value, key, optimizer)
                tensors[f"{names[id(parameter)]}|{key}{suffix}"] = tensor
    return tensors


def _as_tensor(value: Any, key: str, optimizer: torch.optim.Optimizer) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value.detach()
    if type(value) in _NUMBERS.values():
        return torch.tensor(value, dtype=torch.float64 if type(value) is float else None)
    raise CheckpointError(
        f"{type(optimizer).__name__} keeps a {type(value).__name__} under {key!r} in its state",
        where="train.optimizer",
        rule="a checkpoint holds tensors and numbers, and no pickle",
        remedy="keep tensors and numbers in state[parameter]",
    )


_NUMBERS: dict[str, type] = {"int": int, "float": float, "bool": bool}


def load_optimizer_tensors(
    optimizer: torch.optim.Optimizer, tensors: Tensors, names: dict[int, str]
) -> None:
    """Put back what ``optimizer_tensors`` gave."""
    by_name = {
        names[id(parameter)]: parameter
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    for key, tensor in tensors.items():
        name, entry, *kind = key.split("|")
        if name not in by_name:
            raise CheckpointError(
                f"the optimizer state of {name!r} belongs to no trainable parameter",
                rule="a checkpoint belongs to one recipe",
                remedy="resume with the recipe that the run was started with",
            )
        parameter = by_name[name]
        # Fused AdamW wants its step count on the parameter's device.
        value = part_like(tensor.clone(), parameter)
        optimizer.state[parameter][entry] = _NUMBERS[kind[0]](tensor.item()) if kind else value
