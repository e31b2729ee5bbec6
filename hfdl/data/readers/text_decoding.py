"""Decoding text files, with errors that name the wrong byte and its line."""

from __future__ import annotations

from collections.abc import Callable

from hfdl.data.readers.encodings import UTF8_BOM, cut_character, likely_encoding, marked_encoding
from hfdl.errors import DataError

_LF = b"\n"


def decode(data: bytes, source: str, encoding: str | None = None) -> str:
    """Decode the bytes of a file; a byte order mark at its start is dropped.

    Args:
        data: the whole file.
        source: the file, for the message.
        encoding: ``data.encoding``. None: UTF-8, or what the byte order mark says.

    Raises:
        DataError: a byte that is not of that encoding, or a NUL. The message gives line and byte
            offset, and of a file that is not UTF-8 the encoding that it probably has, or that it
            ends in the middle of a character.
    """
    encoding = encoding or marked_encoding(data)
    if encoding is not None:
        return _decode_as(data, source, encoding)
    body = data.removeprefix(UTF8_BOM)

    def where(position: int) -> str:
        return f"{source}, line {body.count(_LF, 0, position) + 1}"

    return decode_part(body, where, offset=len(data) - len(body), whole=data)


def decode_part(
    data: bytes,
    where: Callable[[int], str],
    *,
    offset: int,
    whole: bytes = b"",
    beyond_ascii: bool = False,
) -> str:
    """Decode a part of a UTF-8 file, without the byte order mark.

    Args:
        data: the part.
        where: file and line of a byte of it, by its position in it.
        offset: bytes of the file before it.
        whole: more of the file, from which to tell its encoding. Default: the part.
        beyond_ascii: whether there are characters beyond ASCII before the part.

    Raises:
        DataError: as ``decode``.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if cut_character(data, beyond_ascii=beyond_ascii) is not None:
            raise _cut(where(error.start), data[error.start :], offset + error.start) from None
        likely = likely_encoding(whole or data)
        raise DataError(
            f"byte 0x{data[error.start]:02x} at offset {offset + error.start} is not UTF-8",
            where=where(error.start),
            rule="text files are read as UTF-8 unless data.encoding says otherwise",
            remedy=f"it looks like {likely}: set data.encoding={likely}",
        ) from None
    if "\0" in text:
        position = data.index(b"\0")
        raise _nul(where(position), offset + position, whole or data)
    return text


def encoding_note(data: bytes, encoding: str | None) -> str | None:
    """What a person should know of how a file is decoded, if anything."""
    marked = marked_encoding(data)
    if encoding is None:
        return marked and f"read as {marked.upper()}: its byte order mark says so"
    if data.isascii() or encoding.lower().replace("_", "-").startswith("utf"):
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return f"its bytes are valid UTF-8: is data.encoding={encoding} right?"


def _decode_as(data: bytes, source: str, encoding: str) -> str:
    # Rows of another encoding behind a mark of UTF-8: no text of that encoding begins so.
    body = data if encoding.lower().startswith("utf") else data.removeprefix(UTF8_BOM)
    try:
        text = body.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = body[: error.start].decode(encoding, "ignore")
        offset = len(data) - len(body) + error.start
        where = f"{source}, line {before.count(chr(10)) + 1}"
        if cut_character(body) == error.start:
            raise _cut(where, body[error.start :], offset) from None
        raise DataError(
            f"byte 0x{body[error.start]:02x} at offset {offset} is not {encoding}",
            where=where,
            rule="the file is read as data.encoding, or its byte order mark, says",
            remedy=_other_encoding(data),
        ) from None
    except UnicodeError as error:  # a BOM that is required and absent, for instance
        raise DataError(f"not {encoding}: {error}", where=source) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _nul(f"{source}, line {line}", data.find(b"\0"), data)
    return text


def _other_encoding(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        likely = likely_encoding(data)
        return f"it looks like {likely}: set data.encoding={likely}"
    return "it is UTF-8: leave data.encoding out"


def _cut(where: str, rest: bytes, offset: int) -> DataError:
    return DataError(
        f"the file ends in the middle of a character (0x{rest.hex()} at offset {offset})",
        where=where,
        rule="all before it is UTF-8, so the rest of the file is probably missing",
        remedy="is the file complete? Copy or download it again",
    )


def _nul(where: str, offset: int, data: bytes) -> DataError:
    wide = [name for name in (likely_encoding(data),) if name.startswith("utf-16-")]
    return DataError(
        f"NUL byte at offset {offset}",
        where=where,
        rule="a text file holds none",
        remedy=f"it looks like {wide[0]}: set data.encoding={wide[0]}"
        if wide
        else "is the file binary or damaged? Write it again as UTF-8 text",
    )


def text_lines(text: str) -> list[str]:
    """Lines that end in LF or CRLF, ends removed; a last line needs no end. In a text without
    any LF they end in CR, as in files of old Macintosh programs.

    ``str.splitlines`` would also break at U+2028, form feeds and other characters that occur
    inside texts.
    """
    lines = text.split("\n" if "\n" in text else "\r")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]
