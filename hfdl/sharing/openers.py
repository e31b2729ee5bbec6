"""Who can open what is pushed: plain transformers, or hfdl with code that does not go along."""

from __future__ import annotations

from pathlib import PurePath

from hfdl.sharing.folder import Shareable


def opener_notes(folder: Shareable) -> list[str]:
    """Lines for a person on what others need beside the repository."""
    notes: list[str] = []
    names = [PurePath(path.rpartition(":")[0]).name for path in folder.code]
    if names:
        files = ", ".join(dict.fromkeys(names))
        notes.append(
            f"your own code ({files}) is not uploaded, and is never run from the Hub: whoever "
            "opens the model needs the file, and plain transformers does not know it"
        )
    if folder.run is not None and folder.run.own_architecture:
        notes.append(
            "transformers does not have this architecture: it opens the model after "
            "import hfdl.hf_models"
        )
    if (folder.path / "adapter_config.json").is_file():
        notes.append("adapters go along with the weights that they are merged into")
    return notes
