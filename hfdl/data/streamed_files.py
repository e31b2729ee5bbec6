"""The files of a corpus that is streamed, and their documents one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from hfdl.config.schema import DataConfig
from hfdl.data.folders import SPLIT_NAMES
from hfdl.data.json_files import read_object
from hfdl.data.readers import read_file, refuse_missing, refuse_unknown_format
from hfdl.data.table import Table
from hfdl.errors import DataError

BLOCK = 1 << 20  # bytes of lines that are read at once
_FORMATS = (".txt", ".jsonl", ".parquet", ".csv", ".tsv", ".json")
_BOM = b"\xef\xbb\xbf"


class SplitFiles(NamedTuple):
    """Files of a split; with a share, the documents that are (not) held out of them."""

    source: str
    files: tuple[Path, ...]
    share: float = 0.0
    seed: int = 0
    held_out: bool = False


def find_files(config: DataConfig, memory: Mapping[str, Any] | None) -> dict[str, SplitFiles]:
    """The files of each split that the recipe names.

    A folder holds a file a split (``train.txt``, ``dev.jsonl``), or else all of its files are one
    split, in the order of their names.

    Raises:
        DataError: a source that is not a local file or folder, or holds nothing that can be read.
    """
    found: dict[str, SplitFiles] = {}
    for split in ("train", "validation", "test"):
        source = getattr(config, split)
        if not source:
            continue
        held = _held(source, memory)
        if split == "train":
            found.update(held)
        elif split in held or len(held) == 1:
            found[split] = held.get(split) or next(iter(held.values()))
        else:
            raise DataError(
                f"no {split} split for data.{split}",
                where=source,
                rule=f"it holds: {', '.join(held)}",
                remedy=f"name a file instead: data.{split}=FILE",
            )
    return found


def _held(source: str, memory: Mapping[str, Any] | None) -> dict[str, SplitFiles]:
    if "://" in source or (memory is not None and source in memory):
        raise DataError(
            "this source cannot be streamed",
            where=source,
            rule="data.streaming reads local files and folders",
            remedy="set data.streaming=false",
        )
    path = Path(source).expanduser()
    refuse_missing(path, source)
    if not path.is_dir():
        refuse_unknown_format(path.name, source)
        return {"train": SplitFiles(source, (path,))}
    files = sorted(f for f in path.iterdir() if f.is_file() and f.suffix.lower() in _FORMATS)
    if not files:
        raise DataError(
            "a folder without a file that can be streamed",
            where=source,
            rule=f"the known extensions are: {', '.join(_FORMATS)}",
        )
    named: dict[str, list[Path]] = {}
    for file in files:
        if file.stem.casefold() in SPLIT_NAMES:
            named.setdefault(SPLIT_NAMES[file.stem.casefold()], []).append(file)
    return {
        split: SplitFiles(source, tuple(chosen))
        for split, chosen in (named or {"train": files}).items()
    }


def read_documents(path: Path, column: str, separator: str | None) -> Iterator[str]:
    """The documents of a file.

    txt and jsonl are read in blocks of lines, parquet in batches of rows; csv, tsv and json files
    are read whole, one file at a time.

    Args:
        path: the file.
        column: of the text, in all but txt files.
        separator: what stands between the documents of a txt file; None: it is one document.

    Raises:
        DataError: content that cannot be read, with its line; no such column; a row without text.
    """
    suffix = path.suffix.lower()
    if suffix == ".txt":
        yield from _txt(path, separator)
    elif suffix == ".jsonl":
        for number, line in _lines(path):
            if line.strip():
                row = read_object(line, str(path), number)
                table = Table(str(path), {name: [value] for name, value in row.items()}, [number])
                yield from _texts(table, column)
    elif suffix == ".parquet":
        yield from _parquet(path, column)
    else:
        yield from _texts(read_file(path, text=column), column)


def _txt(path: Path, separator: str | None) -> Iterator[str]:
    if separator == "\n":
        yield from (line for _, line in _lines(path))
        return
    held: list[str] = []
    size = 0
    for _, line in _lines(path):
        held.append(line)
        size += len(line)
        if separator is not None and size >= BLOCK:
            *whole, rest = "\n".join(held).split(separator)
            yield from (text.strip("\n") for text in whole)
            # Keep the line end that the next join puts back.
            held, size = [rest], 0
    text = "\n".join(held)
    if separator is None:
        yield text
    else:
        yield from (part.strip("\n") for part in text.split(separator))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbers and texts of lines, ends removed."""
    with path.open("rb") as file:
        number, offset = 1, _skip_mark(file)
        while block := file.readlines(BLOCK):
            for line in block:
                yield number, _decode(line, path, number, offset)
                number, offset = number + 1, offset + len(line)


def _skip_mark(file: IO[bytes]) -> int:
    if file.read(3) == _BOM:
        return 3
    file.seek(0)
    return 0


def _decode(line: bytes, path: Path, number: int, offset: int) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"byte 0x{line[error.start]:02x} at offset {offset + error.start} is not UTF-8",
            where=f"{path}, line {number}",
            rule="text files are read as UTF-8",
            remedy="save it as UTF-8, for instance with: iconv -f LATIN1 -t UTF-8 OLD > NEW",
        ) from None
    if "\0" in text:
        raise DataError(
            f"NUL byte at offset {offset + line.index(0)}",
            where=f"{path}, line {number}",
            rule="a text file holds none",
            remedy="is the file binary or damaged? Write it again as UTF-8 text",
        )
    return text.removesuffix("\n").removesuffix("\r")


def _parquet(path: Path, column: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as content:
            Table(str(path), dict.fromkeys(content.schema_arrow.names, ())).column(
                column, "data.text"
            )
            for batch in content.iter_batches(batch_size=1024, columns=[column]):
                yield from _texts(Table(str(path), batch.to_pydict()), column)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"not a readable parquet file: {str(error).splitlines()[0]}",
            where=str(path),
            remedy="is it complete? Download or write it again",
        ) from None


def _texts(table: Table, column: str) -> Iterator[str]:
    for row, text in enumerate(table.column(column, "data.text")):
        if text is None or isinstance(text, list | dict):
            raise DataError(
                f"no text in column {column!r}, but {text!r}",
                where=table.where(row),
                rule="every row of a corpus is a text",
                remedy="fill it in or remove the row",
            )
        yield str(text)
