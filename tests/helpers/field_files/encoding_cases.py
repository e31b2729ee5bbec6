"""Encodings: byte order marks, data.encoding, and what a wrong byte is told to be."""

from helpers.field_files.case import FieldFile

GERMAN = "text,label\nDas Wetter wär’s – schön für 5 €,1\n"
CZECH = "text,label\nPříliš žluťoučký kůň úpěl ďábelské ódy,1\n"
RUSSIAN = "text,label\nХороший фильм,1\nПлохой фильм,0\n"
JAPANESE = "text,label\n私は猫が好きです。とても良い映画だった,1\n"


def refused(kind: str, text: str, encoding: str, line: int, name: str = "a.csv") -> FieldFile:
    """A file without data.encoding, whose remedy names its encoding."""
    remedy = f"set data.encoding={encoding}"
    return FieldFile(
        f"{kind} unsaid", name, text.encode(encoding), error=(f", line {line}", remedy)
    )


def read(kind: str, text: str, encoding: str, key: str | None, name: str = "a.csv") -> FieldFile:
    """The same file, read by its key."""
    return FieldFile(
        kind,
        name,
        text.encode(encoding),
        {"text": [text.split("\n")[1].rsplit(",", 1)[0]]},
        keys={"encoding": key} if key else {},
        notes=() if key else ["read as UTF-16: its byte order mark says so"],
    )


ENCODINGS = (
    refused("cp1252", GERMAN, "cp1252", 2),
    refused("cp1250", CZECH, "cp1250", 2),
    refused("cp1251", RUSSIAN, "cp1251", 2),
    refused("UTF-16 without a mark", GERMAN, "utf-16-le", 2),
    read("cp1252", GERMAN, "cp1252", "cp1252"),
    read("cp1252 by another name", GERMAN, "cp1252", "windows-1252"),
    read("latin-1", "text,label\ncafé,1\n", "latin-1", "latin-1"),
    read("cp1250", CZECH, "cp1250", "cp1250"),
    read("Shift JIS", JAPANESE, "shift_jis", "shift_jis"),
    read("UTF-16 with a mark", GERMAN, "utf-16", None),
    read("UTF-16 without a mark", GERMAN, "utf-16-be", "utf-16-be"),
    read("UTF-8 with a mark, said", GERMAN, "utf-8-sig", "utf-8"),
    FieldFile(
        "cp1252 json",
        "a.jsonl",
        '{"text": "café", "label": 1}\n'.encode("cp1252"),
        {"text": ["café"]},
        keys={"encoding": "cp1252"},
    ),
    FieldFile(
        "UTF-8 said to be cp1252",
        "a.csv",
        GERMAN,
        {"label": ["1"]},
        keys={"encoding": "cp1252"},
        notes=["its bytes are valid UTF-8: is data.encoding=cp1252 right?"],
    ),
    FieldFile(
        "cp1252 said to be UTF-8",
        "a.csv",
        GERMAN.encode("cp1252"),
        keys={"encoding": "utf-8"},
        error=(", line 2", "set data.encoding=cp1252"),
    ),
    FieldFile(
        "cp1252 said to be UTF-16",
        "a.csv",
        b"text,label\ncafe\xe9,1\n",
        keys={"encoding": "utf-16-le"},
        error=(", line 1", "set data.encoding=cp1252"),
    ),
    FieldFile(
        "a pointer of Git LFS",
        "a.parquet",
        "version https://git-lfs.github.com/spec/v1\noid x\n",
        error=("", "git lfs pull"),
    ),
)
