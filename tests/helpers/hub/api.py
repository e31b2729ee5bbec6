"""What the stand-in answers: one function a request, by method and path."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from helpers.hub.store import LARGE, Blob, Refused, Repo, Store, tree_entry

Route = Callable[["Request"], "Answer"]


@dataclass
class Request:
    """A request as the functions here read it."""

    store: Store
    host: str
    method: str
    query: dict[str, list[str]]
    token: str | None
    body: bytes
    part: dict[str, str] = field(default_factory=dict)
    chunk: int | None = None

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def repo(self, *, write: bool = False) -> Repo:
        kind, name = (self.part.get("kind") or "models")[:-1], unquote(self.part["id"])
        if write:
            return self.store.writable(kind, name, self.token)
        return self.store.repo(kind, name, self.token)

    @property
    def revision(self) -> str:
        return unquote(self.part.get("rev") or "main")


@dataclass
class Answer:
    """Status, headers and body; a body that is no bytes is JSON."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def whoami(request: Request) -> Answer:
    user = request.store.user(request.token)
    if user is None:
        raise Refused(401, "Invalid username or password.")
    role = "write" if request.store.tokens[str(request.token)][1] else "read"
    orgs = [{"name": name} for name, users in request.store.orgs.items() if user in users]
    return Answer(
        {"type": "user", "name": user, "orgs": orgs, "auth": {"accessToken": {"role": role}}}
    )


def create(request: Request) -> Answer:
    asked = request.json()
    owner = asked.get("organization") or request.store.user(request.token) or ""
    request.store.check_write(owner, request.token)
    private = asked.get("visibility") == "private" or asked.get("private") is True
    name = f"{owner}/{asked['name']}"
    try:
        request.store.create(asked.get("type") or "model", name, private=private)
    except Refused as refused:
        return Answer({"error": refused.message, "url": f"{request.host}/{name}"}, refused.status)
    return Answer({"url": f"{request.host}/{name}", "name": name})


def info(request: Request) -> Answer:
    repo = request.repo()
    sha = repo.sha(request.revision)
    siblings = [{"rfilename": path} for path in repo.commits[sha]]
    return Answer(
        {"id": repo.id, "sha": sha, "private": repo.private, "siblings": siblings, "tags": []}
    )


def tree(request: Request) -> Answer:
    folder = unquote(request.part.get("path") or "")
    files = request.repo().files(request.revision)
    inside = {p: b for p, b in files.items() if not folder or p.startswith(folder + "/")}
    if folder and not inside:
        raise Refused(404, f"{folder} does not exist", "EntryNotFound")
    if request.query.get("recursive", ["false"])[0].lower() == "true":
        return Answer([tree_entry(path, blob) for path, blob in inside.items()])
    start = len(folder) + 1 if folder else 0
    folders = {p[: p.index("/", start)] for p in inside if "/" in p[start:]}
    here = [tree_entry(p, b) for p, b in inside.items() if "/" not in p[start:]]
    return Answer([*({"type": "directory", "path": f, "oid": "0"} for f in sorted(folders)), *here])


def paths_info(request: Request) -> Answer:
    from urllib.parse import parse_qs

    files = request.repo().files(request.revision)
    is_json = request.body[:1] == b"{"
    asked = request.json() if is_json else parse_qs(request.body.decode())
    found = [tree_entry(path, files[path]) for path in asked.get("paths", []) if path in files]
    return Answer(found)


def refs(request: Request) -> Answer:
    repo = request.repo()

    def listed(kind: str, at: dict[str, str]) -> list[dict[str, str]]:
        return [
            {"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": sha} for n, sha in at.items()
        ]

    return Answer(
        {"branches": listed("heads", repo.branches), "tags": listed("tags", repo.tags),
         "converts": []}
    )  # fmt: skip


def preupload(request: Request) -> Answer:
    files = request.repo(write=True).files(request.revision)
    answers = []
    for asked in request.json()["files"]:
        path, large = asked["path"], asked["path"].endswith(LARGE)
        there = files.get(path)
        answers.append(
            {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False,
             "oid": None if there is None else there.etag}
        )  # fmt: skip
    return Answer({"files": answers})


def batch(request: Request) -> Answer:
    request.repo(write=True)
    objects = []
    for asked in request.json()["objects"]:
        oid, size = asked["oid"], asked["size"]
        entry: dict[str, Any] = {"oid": oid, "size": size}
        if oid not in request.store.large:
            entry["actions"] = {"upload": _upload(request, oid, size)}
        objects.append(entry)
    return Answer({"transfer": "basic", "objects": objects})


def _upload(request: Request, oid: str, size: int) -> dict[str, Any]:
    """Where a large file goes: in one piece, or in parts of ``chunk`` bytes."""
    address = f"{request.host}/lfs/{oid}"
    if request.chunk is None or size <= request.chunk:
        return {"href": f"{address}?signature=presigned-secret"}
    count = -(-size // request.chunk)
    parts = {str(n + 1): f"{address}/{n + 1}?signature=presigned-secret" for n in range(count)}
    return {"href": f"{address}/all", "header": {"chunk_size": str(request.chunk), **parts}}


def put_large(request: Request) -> Answer:
    if request.part.get("number"):
        parts = request.store.parts.setdefault(request.part["oid"], {})
        parts[int(request.part["number"])] = request.body
        return Answer(headers={"ETag": f'"{request.part["number"]}"'})
    return _stored(request, request.body)


def complete(request: Request) -> Answer:
    parts = request.store.parts.pop(request.part["oid"])
    return _stored(request, b"".join(parts[number] for number in sorted(parts)))


def _stored(request: Request, content: bytes) -> Answer:
    blob = Blob(content, True)
    if blob.sha256 != request.part["oid"]:
        raise Refused(400, "the content is not that of the oid")
    request.store.large[blob.sha256] = content
    return Answer(headers={"ETag": f'"{blob.sha256}"'})


def commit(request: Request) -> Answer:
    repo = request.repo(write=True)
    if request.revision not in repo.branches:
        raise Refused(404, f"Invalid rev id: {request.revision}", "RevisionNotFound")
    files, message = dict(repo.files(request.revision)), ""
    for line in request.body.splitlines():
        item = json.loads(line)
        key, value = item["key"], item["value"]
        if key == "header":
            message = value["summary"]
            if (parent := value.get("parentCommit")) and parent != repo.sha(request.revision):
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
        elif key == "file":
            files[value["path"]] = Blob(base64.b64decode(value["content"]), False)
        elif key == "lfsFile":
            files[value["path"]] = Blob(request.store.large[value["oid"]], True)
        elif key == "deletedFile":
            del files[value["path"]]
    sha = repo.commit(request.revision, files, message)
    return Answer({"commitUrl": f"{request.host}/{repo.id}/commit/{sha}", "commitOid": sha})


def branch(request: Request) -> Answer:
    repo, name = request.repo(write=True), unquote(request.part["name"])
    if name in repo.branches:
        raise Refused(409, "Reference already exists")
    repo.branches[name] = repo.sha(request.json().get("startingPoint") or "main")
    return Answer({})


def tag(request: Request) -> Answer:
    repo, name = request.repo(write=True), request.json()["tag"]
    if name in repo.tags:
        raise Refused(409, f"Tag {name} already exists")
    repo.tags[name] = repo.sha(request.revision)
    return Answer({})


def validate_yaml(request: Request) -> Answer:
    from huggingface_hub import ModelCard

    try:
        license = ModelCard(request.json()["content"]).data.license
        if license not in (None, "apache-2.0", "mit", "other"):
            raise ValueError('"license" must be one of [apache-2.0, mit, ...]')
    except Exception as error:
        return Answer({"errors": [{"message": str(error)}], "warnings": []}, 400)
    return Answer({"errors": [], "warnings": []})


def resolve(request: Request) -> Answer:
    repo = request.repo()
    sha, path = repo.sha(request.revision), unquote(request.part["path"])
    blob = repo.commits[sha].get(path)
    if blob is None:
        refused = Answer({"error": "Entry not found"}, 404)
        refused.headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha}
        return refused
    headers = {"X-Repo-Commit": sha, "ETag": f'"{blob.etag}"', "Accept-Ranges": "bytes"}
    if blob.large:
        headers |= {"X-Linked-Size": str(len(blob.content)), "X-Linked-Etag": f'"{blob.sha256}"'}
    return Answer(blob.content, 200, headers)


_ID = r"(?P<id>[^/]+/[^/]+)"
_API = rf"/api/(?P<kind>models|datasets)/{_ID}"
ROUTES: list[tuple[str, re.Pattern[str], Route]] = [
    (method, re.compile(pattern), route)
    for method, pattern, route in [
        ("GET", r"/api/whoami-v2", whoami),
        ("POST", r"/api/repos/create", create),
        ("POST", r"/api/validate-yaml", validate_yaml),
        ("GET", _API, info),
        ("GET", rf"{_API}/revision/(?P<rev>[^/]+)", info),
        ("GET", rf"{_API}/tree/(?P<rev>[^/]+)(/(?P<path>.+))?", tree),
        ("POST", rf"{_API}/paths-info/(?P<rev>[^/]+)", paths_info),
        ("GET", rf"{_API}/refs", refs),
        ("POST", rf"{_API}/preupload/(?P<rev>[^/]+)", preupload),
        ("POST", rf"{_API}/commit/(?P<rev>[^/]+)", commit),
        ("POST", rf"{_API}/branch/(?P<name>[^/]+)", branch),
        ("POST", rf"{_API}/tag/(?P<rev>[^/]+)", tag),
        ("POST", rf"/((?P<kind>datasets)/)?{_ID}\.git/info/lfs/objects/batch", batch),
        ("PUT", r"/lfs/(?P<oid>[0-9a-f]+)(/(?P<number>\d+))?", put_large),
        ("POST", r"/lfs/(?P<oid>[0-9a-f]+)/all", complete),
        ("GET", rf"/((?P<kind>datasets)/)?{_ID}/resolve/(?P<rev>[^/]+)/(?P<path>.+)", resolve),
    ]
]
