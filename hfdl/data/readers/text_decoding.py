"""Decoding UTF-8, with errors that name the wrong byte and its line."""

from __future__ import annotations

from collections.abc import Callable

from hfdl.errors import DataError

UTF8_BOM = b"\xef\xbb\xbf"
_LF = b"\n"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def decode_utf8(data: bytes, source: str) -> str:
    """Decode the bytes of a file; a byte order mark at its start is dropped.

    Args:
        data: the whole file.
        source: the file, for the message.

    Raises:
        DataError: a byte that is not UTF-8, or a NUL. The message gives line and byte offset.
    """
    body = data.removeprefix(UTF8_BOM)

    def where(position: int) -> str:
        return f"{source}, line {body.count(_LF, 0, position) + 1}"

    return decode_part(body, where, offset=len(data) - len(body), beginning=data[:2])


def decode_part(data: bytes, where: Callable[[int], str], *, offset: int, beginning: bytes) -> str:
    """Decode a part of a file, without the byte order mark.

    Args:
        data: the part.
        where: file and line of a byte of it, by its position in it.
        offset: bytes of the file before it.
        beginning: the first two bytes of the file, which show UTF-16.

    Raises:
        DataError: as ``decode_utf8``.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        remedy = "save it as UTF-8, for instance with: iconv -f LATIN1 -t UTF-8 OLD > NEW"
        if beginning in _UTF16_BOMS:
            remedy = "it looks like UTF-16; convert it with: iconv -f UTF-16 -t UTF-8 OLD > NEW"
        raise DataError(
            f"byte 0x{data[error.start]:02x} at offset {offset + error.start} is not UTF-8",
            where=where(error.start),
            rule="text files are read as UTF-8",
            remedy=remedy,
        ) from None
    if "\0" in text:
        position = data.index(b"\0")
        raise DataError(
            f"NUL byte at offset {offset + position}",
            where=where(position),
            rule="a text file holds none",
            remedy="is the file binary or damaged? Write it again as UTF-8 text",
        )
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
