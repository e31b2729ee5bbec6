"""Names of repositories: ``NAME`` or ``NAMESPACE/NAME``, with ``@REVISION`` where one is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hfdl.errors import ConfigError

_ADDRESS = re.compile(r"(https?://[^/]+/|hf://)(models/)?")
_PAGE = re.compile(
    r"(?:(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?:datasets/)?|hf://(?:datasets/)?|datasets/)"
    r"(?P<id>[\w.-]+/[\w.-]+?)(?:\.git|/|(?:/(?:tree|blob|resolve)/(?P<rev>[^/?#]+)[^?#]*)|/[^?#]*)?"
    r"(?:[?#].*)?",
    re.ASCII,
)
_RULE = (
    "a repository is NAME or NAMESPACE/NAME, of letters, digits, '-', '_' and '.' (96 in all, and "
    "none of -- and ..)"
)


@dataclass(frozen=True)
class Revised:
    """A name and what stands behind its ``@``: a branch, a tag or a commit; None: the newest."""

    name: str
    revision: str | None = None

    def __str__(self) -> str:
        return self.name if self.revision is None else f"{self.name}@{self.revision}"

    @classmethod
    def of(cls, text: str, revision: str | None = None) -> Revised:
        """Take ``NAME@REVISION`` apart, as HfFileSystem writes it.

        Args:
            text: a Hub id.
            revision: given beside it.

        Raises:
            ConfigError: it is given twice, and differs.
        """
        name, at, behind = text.partition("@")
        if at and revision is not None and behind != revision:
            raise ConfigError(
                f"two revisions, {behind!r} and {revision!r}",
                where=text,
                rule="a model is read at one of them",
                remedy="leave one out",
            )
        return cls(name, (behind or None) if at else revision)


def id_of_address(text: str) -> str | None:
    """The id, as a model or a data set is named by, of a repository's address; None: it is none.

    ``https://huggingface.co/datasets/ann/reviews/tree/v1`` is ``ann/reviews@v1``.
    """
    match = _PAGE.fullmatch(text.strip())
    if match is None:
        return None
    return str(Revised(match["id"], None if match["rev"] in (None, "main") else match["rev"]))


def check_repo_name(text: str) -> str:
    """The name of a repository to push to.

    Raises:
        ConfigError: the Hub takes no such name.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(text)
    except HFValidationError:
        raise ConfigError(
            f"{text!r} is no name of a repository", rule=_RULE, remedy=_otherwise(text)
        ) from None
    return text


def _otherwise(text: str) -> str:
    """The nearest name that is one."""
    path = _ADDRESS.sub("", text.strip()).replace("\\", "/").strip("/")
    parts = [re.sub(r"--+|\.\.+|[^\w.-]+", "-", part, flags=re.ASCII) for part in path.split("/")]
    parts = [each for part in parts if (each := part.removesuffix(".git").strip("-."))]
    close = "/".join(parts[:2])[:96].rstrip("-.")
    return f"name it for instance {close or 'my-model'}"
