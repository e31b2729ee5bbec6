"""UTF-8 files that end in the middle of a character, as those of a broken download do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hfdl.data.corpus.streamed_documents import read_documents
from hfdl.data.readers.readers import read_file
from hfdl.data.readers.reading import Reading
from hfdl.errors import DataError

TEXT = "text\nÄrger über 東京\nund das 🎬"
CUT = "the file ends in the middle of a character"


def _message(path: Path, reading: Reading, *, streamed: bool) -> str:
    try:
        if streamed:
            list(read_documents(path, "text", "\n", reading))
        else:
            read_file(path, reading=reading)
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("encoding", [None, "utf-8"])
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv"])
def test_every_cut(tmp_path: Path, name: str, encoding: str | None, streamed: bool) -> None:
    path, data = tmp_path / name, TEXT.encode()
    starts = {len(TEXT[:i].encode()): i for i in range(len(TEXT) + 1)}
    first = len("text\nÄ".encode())
    for size in range(first, len(data) + 1):
        path.write_bytes(data[:size])
        found = _message(path, Reading(encoding=encoding), streamed=streamed)
        if size in starts:
            assert found == ""
            continue
        offset = max(start for start in starts if start < size)
        line = data.count(b"\n", 0, offset) + 1
        assert found.startswith(
            f"{path}, line {line}: {CUT} (0x{data[offset:size].hex()} at offset {offset}); "
        )
        assert "encoding" not in found


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("text\nein café", "cp1252"),  # its last byte could begin a character of UTF-8
        ("text\nschön, ein café", "cp1252"),
        ("text\nein café\nder", "cp1252"),
        ("text\nŽluťoučký kůň úpěl ďábelské ódy á", "cp1250"),
    ],
)
def test_other_encodings_are_still_named(
    tmp_path: Path, content: str, encoding: str, streamed: bool
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode(encoding))
    found = _message(path, Reading(), streamed=streamed)
    assert found.endswith(f"set data.encoding={encoding}")


def test_a_mark_of_utf8_is_no_character_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbftext\ncaf\xe9")
    assert _message(path, Reading(), streamed=False).endswith("set data.encoding=cp1252")
