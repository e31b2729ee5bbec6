"""What the Hub refuses, and why it cannot be reached, as errors with a remedy.

Nothing of a request goes into a message but the name of the repository and what the Hub says of
itself: addresses of uploads are signed, and headers hold the token.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hfdl.errors import HubAnswerError

_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{8,}|\bhf_oauth_[\w.-]+")
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]+")
LOG_IN = "hf auth login"


@contextmanager
def asking(repo: str, *, writing: bool = False, then: str = "") -> Iterator[None]:
    """While active, what huggingface_hub raises becomes an error of hfdl's.

    Args:
        repo: which repository is asked for.
        writing: whether something is written there.
        then: what stands there now and what to do, where an upload broke off.

    Raises:
        HubAnswerError: in place of what the client raised, whose traceback can hold secrets.
    """
    try:
        yield
    except Exception as error:
        fault = hub_fault(error, repo, writing=writing, then=then)
        if fault is None:
            raise
        raise fault from None


def hub_fault(
    error: BaseException, repo: str, *, writing: bool = False, then: str = ""
) -> HubAnswerError | None:
    """What huggingface_hub raised, in words; None: it is none of the Hub's or the network's.

    Arguments as for ``asking``.
    """
    from huggingface_hub import errors

    if isinstance(error, errors.LocalTokenNotFoundError):
        return no_token(repo)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return _offline(repo)
    if isinstance(error, errors.GatedRepoError):
        return _gated(repo)
    if isinstance(error, errors.RevisionNotFoundError):
        return _no_revision(repo)
    if isinstance(error, errors.HfHubHTTPError):
        return _refused(error, repo, writing=writing, then=then)
    if _is_network(error):
        return _unreachable(repo, type(error).__name__, then)
    if isinstance(error, ValueError) and "Invalid metadata" in str(error):
        return _bad_card(repo, str(error))
    if isinstance(error, ValueError) and "LFS batch" in str(error):
        return _over_limit(repo, said(str(error).partition("\n")[2]))
    cause = error.__cause__ or error.__context__  # of an upload, what stopped its thread
    if cause is None or isinstance(error, HubAnswerError):
        return None
    return hub_fault(cause, repo, writing=writing, then=then)


def said(text: str | None) -> str:
    """Words of the Hub's on one line, without what nobody may see."""
    return redacted(" ".join((text or "").split()))[:300]


def redacted(text: str) -> str:
    """A text without tokens, and without what signs an address."""
    return _QUERY.sub(r"\1", _TOKEN.sub("hf_...", text))


def redact_logs() -> None:
    """Let what huggingface_hub logs (with HF_DEBUG=1, whole requests) hold no secret either."""
    for handler in logging.getLogger("huggingface_hub").handlers:
        if _without_secrets not in handler.filters:
            handler.addFilter(_without_secrets)


def _without_secrets(record: logging.LogRecord) -> bool:
    record.msg, record.args = redacted(record.getMessage()), ()
    return True


def no_token(repo: str) -> HubAnswerError:
    """There is none on this machine."""
    return HubAnswerError(
        "there is no token of the Hub on this machine",
        where=repo,
        rule="the Hub must know who is asking",
        remedy=f"log in once: {LOG_IN}; or set HF_TOKEN",
    )


def _offline(repo: str) -> HubAnswerError:
    return HubAnswerError(
        "the Hub is not asked, because HF_HUB_OFFLINE is set",
        where=repo,
        rule="it needs the network",
        remedy="unset HF_HUB_OFFLINE",
    )


def _gated(repo: str) -> HubAnswerError:
    return HubAnswerError(
        "its owner has to let you in (a gated repository)",
        status=403,
        where=repo,
        rule="the Hub gives its files to those who accepted its conditions, and are logged in",
        remedy=f"accept them at {_endpoint()}/{repo}, then: {LOG_IN}",
    )


def _no_revision(repo: str) -> HubAnswerError:
    return HubAnswerError(
        "it has no such revision",
        status=404,
        where=repo,
        rule="a revision is a branch, a tag or a commit",
        remedy=f"see them at {_endpoint()}/{repo.partition('@')[0]}/tree/main, or leave it out",
    )


def _refused(error: Any, repo: str, *, writing: bool, then: str) -> HubAnswerError:
    from huggingface_hub.errors import RepositoryNotFoundError

    status = error.response.status_code
    words = said(error.server_message)
    if status == 401 and _has_token():
        return _unknown_token(repo)
    if status == 401 or isinstance(error, RepositoryNotFoundError):
        return _not_found(repo, status)
    if status == 403:
        return _forbidden(repo, words, writing=writing)
    if status == 413:
        return _over_limit(repo, words)
    if status == 429:
        return _too_many(repo, error.response.headers, then)
    if status == 412:
        return _changed(repo)
    return _other(repo, status, words, then)


def _unknown_token(repo: str) -> HubAnswerError:
    return HubAnswerError(
        "the Hub does not know the token (401)",
        status=401,
        where=repo,
        rule=f"tokens are made and ended at {_endpoint()}/settings/tokens",
        remedy=f"log in again: {LOG_IN}; a token in HF_TOKEN comes before that one",
    )


def _not_found(repo: str, status: int) -> HubAnswerError:
    whose = "this token does not open" if _has_token() else "no token opens"
    return HubAnswerError(
        f"no such repository, or a private one that {whose} ({status})",
        status=status,
        where=repo,
        rule="the Hub does not tell which",
        remedy=f"check the name; of a private one, log in as somebody who may read it: {LOG_IN}",
    )


def _forbidden(repo: str, words: str, *, writing: bool) -> HubAnswerError:
    may = "may not write there" if writing else "may not read it"
    return HubAnswerError(
        f"the token {may} (403)" + (f": {words}" if words else ""),
        status=403,
        where=repo,
        rule="a token has its own rights, which can be fewer than its owner's",
        remedy=f"make one that may at {_endpoint()}/settings/tokens, then: {LOG_IN}",
    )


def _over_limit(repo: str, words: str) -> HubAnswerError:
    return HubAnswerError(
        "the Hub takes no file of that size" + (f": {words}" if words else ""),
        status=413,
        where=repo,
        rule="accounts and files have limits; nothing was changed",
        remedy="save the weights in smaller parts (save_pretrained(max_shard_size='5GB')), or "
        "leave the file out",
    )


def _too_many(repo: str, headers: Any, then: str) -> HubAnswerError:
    seconds = headers.get("Retry-After")
    wait = f"{seconds} seconds" if seconds and str(seconds).isdigit() else "some minutes"
    return HubAnswerError(
        "the Hub has had too many requests (429)",
        status=429,
        where=repo,
        rule="it counts them by user, or by address where nobody is logged in",
        remedy=f"wait {wait}, then run it again{then and f'; {then}'}",
    )


def _changed(repo: str) -> HubAnswerError:
    return HubAnswerError(
        "somebody else pushed to it in the meantime (412)",
        status=412,
        where=repo,
        rule="what is replaced was listed from the state before; nothing was changed",
        remedy="run it again, and look at the list",
    )


def _other(repo: str, status: int, words: str, then: str) -> HubAnswerError:
    whose = "has a fault of its own" if status >= 500 else "refuses"
    return HubAnswerError(
        f"the Hub {whose} ({status})" + (f": {words}" if words else ""),
        status=status,
        where=repo,
        rule="hfdl asked as huggingface_hub does",
        remedy=f"run it again later{then and f'; {then}'}; https://status.huggingface.co says more",
    )


def _bad_card(repo: str, text: str) -> HubAnswerError:
    return HubAnswerError(
        f"the Hub does not take the head of README.md: {said(text.partition('.md.')[2])}",
        status=400,
        where=repo,
        rule="it begins with YAML between two lines of ---",
        remedy="correct README.md in the folder, or the license and language that were given",
    )


def _unreachable(repo: str, name: str, then: str) -> HubAnswerError:
    return HubAnswerError(
        f"{_endpoint()} cannot be reached ({name})",
        where=repo,
        rule="HTTPS_PROXY and HF_ENDPOINT are followed, if they are set",
        remedy=f"check the network and run it again{then and f'; {then}'}",
    )


def _is_network(error: BaseException) -> bool:
    """Whether the HTTP library could not connect, or lost the connection."""
    names = {base.__name__ for base in type(error).__mro__}
    return "TransportError" in names or isinstance(error, ConnectionError | TimeoutError)


def _has_token() -> bool:
    from huggingface_hub import get_token

    try:
        return get_token() is not None
    except Exception:  # it is fetched from elsewhere, and that failed
        return True


def _endpoint() -> str:
    from huggingface_hub import constants

    return constants.ENDPOINT
