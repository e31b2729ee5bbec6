"""Encodings: what a byte order mark says, and what bytes that are not UTF-8 probably are."""

from __future__ import annotations

from codecs import getincrementaldecoder

_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
UTF8_BOM = b"\xef\xbb\xbf"
_SAMPLE = 1 << 18  # bytes that are looked at

# What the letters and marks of Western European languages are in cp1252. The Windows encodings of
# Central Europe have letters of their own in these places, so a Czech or Polish text read as
# cp1252 holds others (š ž ¹ ³).
_WESTERN = frozenset("äöüßÄÖÜéèêëàâçîïôûùœæøåñíóúáìòãõÉÈÊÀÂÇÎÔŒÆØÅÑÍÓÚÁ“”‘’„‚–—…€«»°§£©®™·•¡´²\xa0")
_WESTERN_SHARE = 0.35  # of the letters: text in another alphabet has far more beyond ASCII

_CANDIDATES = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp932", "euc_jp",
    "gb18030", "big5", "cp949", "koi8_r", "iso8859_2", "mac_roman",
)  # fmt: skip


def marked_encoding(data: bytes) -> str | None:
    """``utf-16`` or ``utf-32`` where the bytes begin with such a byte order mark."""
    return next((name for mark, name in _BOMS if data.startswith(mark)), None)


def cut_character(data: bytes, *, beyond_ascii: bool = False) -> int | None:
    """Position of the UTF-8 character in whose middle the bytes end; None where they do not.

    A lead byte alone behind pure ASCII is no sign of it: so ends a text of another encoding too.

    Args:
        data: the end of a file.
        beyond_ascii: whether the file has UTF-8 characters beyond ASCII before it.
    """
    decoder = getincrementaldecoder("utf-8")()
    try:
        text = decoder.decode(data)
    except UnicodeDecodeError:
        return None
    pending = len(decoder.getstate()[0])
    return len(data) - pending if pending and (beyond_ascii or not text.isascii()) else None


def likely_encoding(data: bytes) -> str:
    """What bytes that are not UTF-8 probably are; all of them can be decoded by it.

    A mark of UTF-8 at the start, which some programs write before anything, says nothing then.
    """
    data = data.removeprefix(UTF8_BOM)
    sample = data[:_SAMPLE]
    if name := _wide(sample):
        return name
    if _decodes(data, "cp1252"):
        if _is_western(sample.decode("cp1252")):
            return "cp1252"
    elif _is_western("".join(c for c in sample.decode("latin-1") if not "\x80" <= c <= "\x9f")):
        return "latin-1"
    from charset_normalizer import from_bytes

    guesses = [match.encoding for match in from_bytes(sample, cp_isolation=list(_CANDIDATES))]
    names = (name for name in [*guesses, "cp1252"] if _decodes(data, name))
    return next(names, "latin-1")


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of ASCII text in it is NUL."""
    if sample[1::2].count(0) > len(sample) / 4:
        return "utf-16-le"
    return "utf-16-be" if sample[::2].count(0) > len(sample) / 4 else None


def _is_western(text: str) -> bool:
    beyond = [char for char in text if not char.isascii()]
    letters, accented = sum(map(str.isalpha, text)), sum(map(str.isalpha, beyond))
    return set(beyond) <= _WESTERN and accented <= max(_WESTERN_SHARE * letters, 2)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeError:
        return False
    return True
