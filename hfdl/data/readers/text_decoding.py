"""Bytes to text, or an error that says which byte of which line is wrong."""

from __future__ import annotations

from hfdl.errors import DataError

_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def decode_utf8(data: bytes, source: str) -> str:
    """Decode the bytes of a file; a byte order mark at its start is dropped.

    Args:
        data: the whole file.
        source: the file, for the message.

    Raises:
        DataError: a byte that is not UTF-8, or a NUL. The message gives line and byte offset.
    """
    body = data.removeprefix(_UTF8_BOM)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        offset = error.start + len(data) - len(body)
        where = f"{source}, line {_line(data, offset)}"
        raise not_utf8(data[offset], offset, where, data[:2]) from None
    if "\0" in text:
        offset = data.index(b"\0")
        raise nul_byte(offset, f"{source}, line {_line(data, offset)}")
    return text


def text_lines(text: str) -> list[str]:
    """Lines that end in LF or CRLF, ends removed; a last line needs no end.

    ``str.splitlines`` would also break at U+2028, form feeds and other characters that occur
    inside texts.
    """
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def not_utf8(byte: int, offset: int, where: str, beginning: bytes) -> DataError:
    """The error for a byte that is not UTF-8.

    Args:
        byte: its value.
        offset: its place in the file, from 0.
        where: file and line.
        beginning: the first two bytes of the file, which show UTF-16.
    """
    remedy = "save it as UTF-8, for instance with: iconv -f LATIN1 -t UTF-8 OLD > NEW"
    if beginning in _UTF16_BOMS:
        remedy = "it looks like UTF-16; convert it with: iconv -f UTF-16 -t UTF-8 OLD > NEW"
    return DataError(
        f"byte 0x{byte:02x} at offset {offset} is not UTF-8",
        where=where,
        rule="text files are read as UTF-8",
        remedy=remedy,
    )


def nul_byte(offset: int, where: str) -> DataError:
    """The error for a NUL, at an offset of the file, in text."""
    return DataError(
        f"NUL byte at offset {offset}",
        where=where,
        rule="a text file holds none",
        remedy="is the file binary or damaged? Write it again as UTF-8 text",
    )


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
