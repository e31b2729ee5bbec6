"""Checkpoints: safetensors and JSON, whole or absent, never a pickle.

    checkpoints/
      step-000217/   model.safetensors optimizer.safetensors random.safetensors state.json
      best-000217/   model.safetensors

each with a manifest.json.

A checkpoint is written aside, synced, given a manifest with checksums, renamed into place; only
then are older ones removed. On resume the newest one whose checksums hold is taken.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from hfdl.errors import CheckpointError
from hfdl.training.files import atomic_folder, damage, remove_leftovers

Tensors = dict[str, torch.Tensor]


@dataclass
class Snapshot:
    """Everything that a run is at one moment, apart from its recipe and data."""

    step: int
    model: Tensors
    optimizer: Tensors
    random: Tensors
    state: dict[str, Any]


class Checkpoints:
    """The ``checkpoints`` folder of a run.

    Args:
        folder: the folder; made when something is first saved.
        keep: how many of the latest ``step-*`` are kept.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep

    def save(self, snapshot: Snapshot, best_step: int | None) -> Path:
        """Save a snapshot, then remove what is no longer needed."""
        path = self._path("step", snapshot.step)
        with atomic_folder(path) as aside:
            save_file(snapshot.model, aside / "model.safetensors", {"format": "pt"})
            save_file(snapshot.optimizer, aside / "optimizer.safetensors")
            save_file(snapshot.random, aside / "random.safetensors")
            text = json.dumps({"step": snapshot.step, **snapshot.state}, indent=2)
            (aside / "state.json").write_text(text + "\n", encoding="utf-8")
        self._prune(best_step)
        return path

    def save_best(self, step: int, model: Tensors) -> Path:
        """Save the weights of the best evaluation so far."""
        path = self._path("best", step)
        with atomic_folder(path) as aside:
            save_file(model, aside / "model.safetensors", {"format": "pt"})
        return path

    def load_best(self, step: int) -> Tensors:
        """The weights that ``save_best`` wrote at ``step``.

        Raises:
            CheckpointError: they are absent or damaged.
        """
        path = self._path("best", step)
        if wrong := damage(path):
            raise CheckpointError(
                f"the best weights are damaged: {wrong}",
                where=str(path),
                rule="a checkpoint must match its manifest",
                remedy="train again with --overwrite",
            )
        return load_file(path / "model.safetensors")

    def latest(self) -> tuple[Snapshot | None, list[str]]:
        """The newest whole snapshot, and a line for each newer one that is damaged.

        A snapshot whose best weights are damaged is passed over too: it could not be finished.
        """
        notes = []
        for path in reversed(self._steps()):
            wrong = damage(path)
            if wrong is None:
                snapshot = _load(path)
                best = snapshot.state.get("best_step")
                if best is None or (wrong := damage(self._path("best", best))) is None:
                    return snapshot, notes
                wrong = f"its best weights ({self._path('best', best).name}): {wrong}"
            notes.append(f"checkpoint {path.name} is damaged ({wrong}); trying the one before it")
        return None, notes

    def tidy(self) -> None:
        """Keep the last snapshot alone, once the best weights stand in the run's own folder."""
        for path in [*self._steps()[:-1], *self.folder.glob("best-*")]:
            shutil.rmtree(path)

    def _steps(self) -> list[Path]:
        """The folders of all snapshots, oldest first."""
        return sorted(self.folder.glob("step-*"), key=lambda path: int(path.name.split("-")[1]))

    def _path(self, kind: str, step: int) -> Path:
        return self.folder / f"{kind}-{step:06d}"

    def _prune(self, best_step: int | None) -> None:
        remove_leftovers(self.folder)
        steps = self._steps()
        # An older checkpoint that is kept needs the best weights of its own time.
        best_steps = {best_step, *(_best_step(path) for path in steps[-self.keep :])} - {None}
        needed = {self._path("best", step) for step in best_steps if step is not None}
        for path in [*steps[: -self.keep], *set(self.folder.glob("best-*")) - needed]:
            shutil.rmtree(path)


def _best_step(path: Path) -> int | None:
    try:
        return json.loads((path / "state.json").read_text(encoding="utf-8")).get("best_step")
    except (OSError, ValueError):  # a damaged one: it will never be resumed from
        return None


def _load(path: Path) -> Snapshot:
    state = json.loads((path / "state.json").read_text(encoding="utf-8"))
    return Snapshot(
        step=state.pop("step"),
        model=load_file(path / "model.safetensors"),
        optimizer=load_file(path / "optimizer.safetensors"),
        random=load_file(path / "random.safetensors"),
        state=state,
    )


def model_tensors(model: nn.Module) -> Tensors:
    """What training changes, on the CPU: trained parameters and saved buffers, shared ones once.

    The rest is what it was when the model was built, and is built again; ``untrained_digest``
    says whether it is the same. With adapters that is 99 % of the model.
    """
    return {
        name: tensor.detach().to("cpu").contiguous()
        for name, tensor in _once(model).items()
        if not _is_untrained(tensor)
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
        raise CheckpointError(
            f"{len(wrong)} tensors do not fit the model, the first is {sorted(wrong)[0]!r}",
            rule="a checkpoint belongs to one model",
            remedy="resume with the recipe that the run was started with",
        )
    live = model.state_dict(keep_vars=True)
    with torch.no_grad():
        for name, tensor in tensors.items():
            live[name].copy_(tensor)


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
        return value.detach().to("cpu").contiguous()
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
        value = _NUMBERS[kind[0]](tensor.item()) if kind else tensor.to(parameter.device, copy=True)
        optimizer.state[parameter][entry] = value
