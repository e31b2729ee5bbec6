"""A streamed corpus has the documents and ids of one in memory, and is written whole or not."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from helpers.wording import assert_wording
from hypothesis import example, given
from hypothesis import strategies as st

from hfdl.config.schema import DataConfig
from hfdl.data.corpus import cache, streamed_documents, streaming
from hfdl.data.corpus.corpus import open_corpus, training_texts
from hfdl.data.corpus.streamed_documents import read_documents
from hfdl.data.readers import delimited
from hfdl.data.readers.readers import read_file
from hfdl.data.readers.reading import Reading
from hfdl.data.train_tokenizer import learn_tokenizer
from hfdl.errors import ConfigError, DataError

LINES = ["one", "", "two words", "drei Häuschen", "", "", "日本 🙂", "five"]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFDL_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return learn_tokenizer("bpe", LINES, 300, masks=False)


def _open(config: DataConfig, tokenizer: Any, **more: Any) -> Any:
    return open_corpus(config, None, 0, tokenizer, end_id=0, trains=True, **more)


def _files(folder: Path) -> list[Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [line for line in LINES if line]
    (folder / "a.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(LINES).encode())
    (folder / "a.jsonl").write_text("\n".join(json.dumps({"text": row}) for row in rows))
    (folder / "a.csv").write_text("\n".join(["text", *rows]), encoding="utf-8")
    pq.write_table(pa.table({"text": rows}), folder / "a.parquet", row_group_size=2)
    (folder / "a.ndjson").write_bytes((folder / "a.jsonl").read_bytes())
    return [folder / name for name in ("a.txt", "a.jsonl", "a.ndjson", "a.csv", "a.parquet")]


def test_streamed_ids_are_those_of_memory(tmp_path: Path, tokenizer: Any) -> None:
    files = _files(tmp_path)
    for file in files:
        given = {"train": str(file), "validation": str(file)}
        held = _open(DataConfig(**given), tokenizer)
        streamed = _open(DataConfig(**given, streaming=True), tokenizer)
        assert list(streamed.stores) == list(held.stores) == ["train", "validation"]
        for name, store in held.stores.items():
            other = streamed.stores[name]
            assert other.ids[:].tolist() == store.ids[:].tolist()
            assert other.starts[:].tolist() == store.starts[:].tolist()
            assert (other.digest, other.bytes) == (store.digest, store.bytes)
            assert other.documents == 5
    assert len(files) == 5


@pytest.mark.parametrize("separator", ["\n", "\n\n", "<|endoftext|>", "wo", None])
@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_documents_are_cut_as_in_memory(
    tmp_path: Path, separator: str | None, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hfdl.data.corpus.documents import load_documents, texts_of

    monkeypatch.setattr(streamed_documents, "BLOCK", block)
    file = tmp_path / "a.txt"
    file.write_text("\n".join([*LINES, "", "x<|endoftext|>y", "<|endoftext|>", "z"]) + "\n")
    config = DataConfig(test=str(file), separator=separator)
    tables, _ = load_documents(config, None, 0, trains=False)
    streamed = [t for _, t in read_documents(file, "text", separator) if t.strip()]
    assert streamed == texts_of(tables["test"], config)


def test_validation_is_held_out_once_and_nothing_is_lost(tmp_path: Path, tokenizer: Any) -> None:
    file = tmp_path / "a.txt"
    texts = [f"document {n}" for n in range(1000)]
    file.write_text("\n".join(texts))
    config = DataConfig(train=str(file), streaming=True, validation_share=0.1)
    stores = _open(config, tokenizer).stores
    found = {
        name: [tokenizer.decode(s.document(i)[:-1]) for i in range(s.documents)]
        for name, s in stores.items()
    }
    assert sorted(found["train"] + found["validation"]) == sorted(texts)
    assert 70 <= len(found["validation"]) <= 130
    assert list(training_texts(config, None, 0)) == found["train"]


def test_a_store_is_used_again_until_its_file_changes(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n".join(LINES))
    config = DataConfig(train=str(file), validation=str(file), streaming=True)
    written: list[Path] = []
    build = streaming.build_store
    monkeypatch.setattr(
        streaming, "build_store", lambda *a, **k: written.append(k["folder"]) or build(*a, **k)
    )
    first = _open(config, tokenizer)
    _open(config, tokenizer)
    assert len(written) == 2  # train and validation, once
    assert any(str(streaming.cache_folder()) in fact for fact in first.facts)
    _open(config, tokenizer, template=False)
    assert len(written) == 4  # other settings
    os.utime(file, ns=(1, 1))
    _open(config, tokenizer)
    assert len(written) == 6
    ids = next(streaming.cache_folder().glob("*/ids.bin"))
    ids.write_bytes(ids.read_bytes()[:-1])  # damaged
    for share in (True, False):
        _open(config, tokenizer, template=share)
    os.utime(file, ns=(2, 2))
    assert _open(config, tokenizer).stores["train"].digest == first.stores["train"].digest


def test_an_interruption_leaves_nothing(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n".join(LINES))
    config = DataConfig(train=str(file), validation=str(file), streaming=True)

    def interrupt(pieces: Any, *_: Any, folder: Path, **__: Any) -> None:
        (folder / "ids.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(streaming, "build_store", interrupt)
        with pytest.raises(KeyboardInterrupt):
            _open(config, tokenizer)
    assert list(streaming.cache_folder().iterdir()) == []
    assert _open(config, tokenizer).stores["train"].documents == 5


def test_processes_that_write_at_once_agree(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n".join(LINES))
    config = DataConfig(train=str(file), validation=str(file), streaming=True)
    together = threading.Barrier(2, timeout=20)
    build = streaming.build_store

    def both(*args: Any, **options: Any) -> Any:
        store = build(*args, **options)
        together.wait()  # neither has renamed its folder yet
        return store

    monkeypatch.setattr(streaming, "build_store", both)
    digests: list[str] = []

    def run() -> None:
        digests.append(_open(config, tokenizer).stores["train"].digest)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 2
    assert len(set(digests)) == 1
    assert len(list(streaming.cache_folder().iterdir())) == 2  # train, validation


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ok\nb\xe4d\n", "line 2: byte 0xe4 at offset 4 is not UTF-8; text files are read"),
        (b"ok\nfine\nn\0l", "line 3: NUL byte at offset 9; a text file holds none"),
    ],
)
def test_bytes_that_are_no_text_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        list(read_documents(file, "text", "\n"))
    assert message in str(error.value)


def test_what_cannot_be_streamed_is_refused(tmp_path: Path, tokenizer: Any) -> None:
    file = tmp_path / "a.txt"
    file.write_text("")
    config = DataConfig(train=str(file), validation=str(file), streaming=True)
    with pytest.raises(DataError, match=r"it holds no text\. Is this the right file"):
        _open(config, tokenizer)
    with pytest.raises(ConfigError, match=r"data.max_samples together with data.streaming"):
        _open(config.model_copy(update={"max_samples": 3}), tokenizer)
    with pytest.raises(DataError, match="hfdl://prose: this source cannot be streamed"):
        _open(config.model_copy(update={"train": "hfdl://prose"}), tokenizer)
    one = tmp_path / "one.txt"
    one.write_text("a single document")
    with pytest.raises(DataError, match="no document is left for validation"):
        _open(DataConfig(train=str(one), streaming=True), tokenizer)


# ---- what memory says too --------------------------------------------------------------------


def _awkward(folder: Path) -> list[Path]:
    """Files of every format with blank documents, odd quotes and odd line ends."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [" ", "one", "", 'two "quoted", 2', "a\u2028b\x0bc", "e\u0301 🙂 日本", "\u00a0", "end"]
    (folder / "a.txt").write_text("\n\none\r\n \n\ntwo\u2028three\n\n\nfour", newline="")
    rows = [json.dumps({"n": 1, "text": text}) for text in texts]
    (folder / "a.jsonl").write_text("\n\n".join(rows) + "\n")
    quoted = ['"{}"'.format(text.replace('"', '""')) for text in texts]
    lines = [f"{text},{i}" for i, text in enumerate([*quoted, '"x\r\ny, ""z""\n"', "NA", "''"])]
    (folder / "a.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(["text,n", *lines]).encode())
    (folder / "b.csv").write_bytes(
        b'text\rone\r"two\rlines"\r\n\r\n"' + b"x" * 200_000 + b'"\nlast'
    )
    (folder / "r.tsv").write_text('"n"\t"text"\n"1"\t"a ""b"" \tc"\n"2"\t"d\ne"\n')
    (folder / "cat.csv").write_text("n,text\nint,string\n1,a\nn,text\n2,b\n")
    (folder / "single.csv").write_text("'n', 'text'\n'1', 'it''s'\n2,  b\n")
    for name, content in {"cr.txt": "\rone\r\rtwo\r", "cr.tsv": "n\ttext\r1\ta\r2\tb",
                          "cr.jsonl": '{"text": "a"}\r{"text": "b"}\r'}.items():  # fmt: skip
        (folder / name).write_text(content, newline="")
    (folder / "a.tsv").write_bytes(b'n\ttext\r\n1\t"open\n\n2\t\n3\tthree\rhalves, ""\r\n4\tfour')
    pq.write_table(pa.table({"n": range(8), "text": texts}), folder / "a.parquet", row_group_size=3)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_awkward_files_are_read_as_in_memory(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_documents, "BLOCK", block)
    monkeypatch.setattr(delimited, "_AT_ONCE", block)
    monkeypatch.setattr(streamed_documents, "_ROWS", 2)
    files = _awkward(tmp_path)
    limit = csv.field_size_limit()
    for file in files:
        table = read_file(file)
        found = list(read_documents(file, "text", "\n"))
        assert [text for _, text in found] == list(table.columns["text"])
        places = range(1, len(table) + 1) if table.lines is None else table.lines
        assert [place for place, _ in found] == list(places)
    assert len(files) == 12
    assert csv.field_size_limit() == limit


@given(
    st.sampled_from(["text", "n,text", "n\ttext"]),
    st.text(alphabet=',"\n\r\ta ', max_size=30),
    st.sampled_from([".csv", ".tsv"]),
    st.sampled_from(["\n", "\r"]),
)
@example("text", '"a\ra', ".csv", "\n")
@example("text", "a\rb", ".tsv", "\r")
@example("text", 'a\r\n\r"a"', ".csv", "\n")
def test_any_csv_is_read_or_refused_as_in_memory(
    tmp_path_factory: pytest.TempPathFactory, header: str, body: str, suffix: str, end: str
) -> None:
    file = tmp_path_factory.getbasetemp() / f"any{suffix}"
    file.write_bytes(f"{header}\n{body}".replace("\n", end).encode())

    def outcome(read: Any) -> Any:
        try:
            return read()
        except DataError as error:
            return str(error)

    def whole() -> list[Any]:
        table = read_file(file)
        return list(zip(table.lines or [], table.column("text", "data.text"), strict=True))

    expected = outcome(whole)
    if "no rows" in expected:  # the caller says so of a whole split
        expected = []
    assert outcome(lambda: [tuple(d) for d in read_documents(file, "text", "\n")]) == expected


def test_two_csv_files_can_be_read_by_turns(tmp_path: Path) -> None:
    """The limit of the csv module is not held from one document to the next."""
    file = tmp_path / "a.csv"
    file.write_text("text\n" + "\n".join(f"text {i}" for i in range(5000)))
    one, other = (read_documents(file, "text", "\n") for _ in range(2))
    assert [(a, b) for a, b in zip(one, other, strict=True) if a != b] == []


@pytest.mark.parametrize("separator", ["\n", "\n\n", None])
def test_places_and_empty_documents_are_those_of_memory(
    tmp_path: Path, separator: str | None, tokenizer: Any
) -> None:
    files = _awkward(tmp_path)
    seen = 0
    for file in files:
        given = {"train": str(file), "validation": str(file), "separator": separator}
        held = _open(DataConfig(**given), tokenizer)
        for _ in range(2):  # written, and from the cache
            streamed = _open(DataConfig(**given, streaming=True), tokenizer)
            store, expected = streamed.stores["train"], held.stores["train"]
            assert store.digest == expected.digest
            if file.suffix != ".parquet":
                seen += 1
                assert [store.where(i) for i in range(store.documents)] == [
                    expected.where(i) for i in range(expected.documents)
                ]
            left_out = [fact for fact in streamed.facts if "empty document" in fact]
            assert left_out == [fact for fact in held.facts if "empty document" in fact]
            if file.name == "a.tsv":
                assert left_out[0] == "train: 1 empty document left out"
            if file.suffix == ".parquet":  # rows of the file, not of what is left of it
                assert store.where(0) == f"{file}, row 2"
                assert store.where(store.documents - 1) == f"{file}, row 8"
    assert seen == 22


def test_places_are_of_the_file_that_holds_the_document(tmp_path: Path, tokenizer: Any) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.txt").write_text("one\n\ntwo")
    (corpus / "b.txt").write_text("\n")
    (corpus / "c.jsonl").write_text('{"text": "three"}\n\n{"text": "four"}\n')
    (corpus / ".hidden.txt").write_text("five")
    held_out = tmp_path / "v.txt"
    held_out.write_text("x")
    config = DataConfig(train=str(corpus), validation=str(held_out), streaming=True)
    store = _open(config, tokenizer).stores["train"]
    assert [store.where(i) for i in range(store.documents)] == [
        f"{corpus / 'a.txt'}, line 1", f"{corpus / 'a.txt'}, line 3",
        f"{corpus / 'c.jsonl'}, line 1", f"{corpus / 'c.jsonl'}, line 3",
    ]  # fmt: skip


def test_held_out_documents_have_places_of_their_own(tmp_path: Path, tokenizer: Any) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n".join(f"\n{n}" for n in range(2500)))
    corpus = _open(DataConfig(train=str(file), streaming=True), tokenizer)
    for store in corpus.stores.values():
        for i in range(0, store.documents, 50):
            number = int(tokenizer.decode(store.document(i)[:-1]))
            assert store.where(i) == f"{file}, line {2 * number + 2}"
    # Blank lines are counted once, not for each split that is cut from the file.
    assert [f for f in corpus.facts if "empty" in f] == ["train: 2,500 empty documents left out"]
    assert sum(store.documents for store in corpus.stores.values()) == 2500


# ---- what is in the cache ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ids.bin", "starts.bin", "meta.json", "places.bin", "places.json"]
)
@pytest.mark.parametrize("how", ["cut", "changed", "gone"])
def test_a_damaged_store_is_written_again(
    tmp_path: Path, tokenizer: Any, name: str, how: str
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n".join(LINES))
    config = DataConfig(train=str(file), validation=str(file), streaming=True)
    first = _open(config, tokenizer).stores
    expected = {
        split: (s.ids[:].tolist(), s.starts[:].tolist(), s.where(4)) for split, s in first.items()
    }
    found = list(streaming.cache_folder().glob(f"*/{name}"))
    assert len(found) == 2
    for part in found:
        content = part.read_bytes()
        if how == "gone":
            part.unlink()
        elif how == "cut":
            part.write_bytes(content[: len(content) // 2])
        elif name == "places.bin":  # of places sizes alone are checked: a wrong one only misleads
            part.write_bytes(content + b"\0")
        else:
            part.write_bytes(b"\xff" + content[1:])
    again = _open(config, tokenizer).stores
    assert expected == {
        split: (s.ids[:].tolist(), s.starts[:].tolist(), s.where(4)) for split, s in again.items()
    }
    assert len(list(streaming.cache_folder().iterdir())) == 2


def test_what_killed_processes_left_is_removed(tmp_path: Path, tokenizer: Any) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = streaming.cache_folder()
    names = {
        "dead": f"{'0' * 32}.{cache._machine()}-{ended.pid}.a",
        "alive": f"{'0' * 32}.{cache._machine()}-{os.getpid()}.b",
        "other": f"{'0' * 32}.00000000-{ended.pid}.c",
        "old": f"{'0' * 32}.00000000-{ended.pid}.d",
    }
    for name in names.values():
        (here / name).mkdir(parents=True)
        (here / name / "ids.bin").write_bytes(b"half")
    for path in (here / names["old"] / "ids.bin", here / names["old"]):
        os.utime(path, (1, 1))
    file = tmp_path / "a.txt"
    file.write_text("\n".join(LINES))
    _open(DataConfig(train=str(file), validation=str(file), streaming=True), tokenizer)
    left = {path.name for path in here.iterdir() if "." in path.name}
    assert left == {names["alive"], names["other"]}


def test_a_killed_process_leaves_a_folder_that_is_known(tmp_path: Path) -> None:
    code = (
        "import os\nfrom hfdl.data.corpus.cache import cache_folder, write_aside\n"
        "with write_aside(cache_folder() / 'name', lambda folder: True) as aside:\n"
        "    (aside / 'ids.bin').write_bytes(b'half')\n    os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert len(list(streaming.cache_folder().iterdir())) == 1
    cache.remove_abandoned(streaming.cache_folder())
    assert list(streaming.cache_folder().iterdir()) == []


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n".join(LINES))
    build = streaming.build_store

    def meanwhile(*args: Any, **options: Any) -> Any:
        file.write_text("another text")
        return build(*args, **options)

    monkeypatch.setattr(streaming, "build_store", meanwhile)
    with pytest.raises(DataError, match=r"a\.txt: a file changed while it was read"):
        _open(DataConfig(train=str(file), validation=str(file), streaming=True), tokenizer)
    assert list(streaming.cache_folder().iterdir()) == []


def test_a_saved_tokenizer_finds_the_ids_again(tmp_path: Path, tokenizer: Any) -> None:
    """Evaluation opens the tokenizer that training saved: the ids are not written twice."""
    from transformers import AutoTokenizer

    file = tmp_path / "a.txt"
    file.write_text("\n".join(LINES))
    config = DataConfig(train=str(file), validation=str(file), streaming=True)
    tokenizer.save_pretrained(tmp_path / "saved")
    before = _open(config, tokenizer).facts
    opened = AutoTokenizer.from_pretrained(tmp_path / "saved")
    opened(["a", "b c"], padding=True, truncation=True, max_length=1)  # leaves its marks
    assert _open(config, opened).facts == before
    assert len(list(streaming.cache_folder().iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "a"}\n\n{"text": ["b"]}\n',
         "line 3: no text in column 'text', but ['b']; every row of a corpus is a text"),
        ("a.jsonl", '{"txt": "a"}\n', "no column 'text' for data.text; the columns are: txt"),
        ("a.jsonl", '{"text": "\\ud83d"}\n', "column 'text' holds half of a surrogate"),
        ("a.csv", "txt,n\na,1\n", "a.csv: no column 'text' for data.text; the columns are: txt, n"),
        ("a.csv", "text,n\na,1\nb\n", "line 3: too few fields: expected 2 (text, n), found 1"),
        ("a.csv", 'text\n"a\nb', "line 2: a double quote opens here and does not close"),
        ("a.tsv", "text\tn\na\t1\t2\n", "line 2: too many fields: expected 2 (text, n), found 3"),
        ("a.parquet", "no parquet", "not a readable parquet file"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(DataError) as error:
        list(read_documents(file, "text", "\n"))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("utf-16", None), ("utf-16-le", "utf-16-le"), ("cp1252", "cp1252"), ("cp932", "shift_jis")],
)
@pytest.mark.parametrize("file_name", ["a.txt", "a.csv", "a.tsv", "a.jsonl"])
def test_other_encodings(tmp_path: Path, file_name: str, name: str, encoding: str | None) -> None:
    file = tmp_path / file_name
    word = "東京" if name == "cp932" else "café"
    lines = [f'{{"text": "{word}"}}'] if file_name == "a.jsonl" else ["text", word]
    file.write_bytes("\r\n".join(lines).encode(name))
    reading = Reading(encoding=encoding)
    streamed = [text for _, text in read_documents(file, "text", "\n", reading)]
    assert streamed == read_file(file, reading=reading).columns["text"]
    assert streamed[-1] == word


def test_bytes_of_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"one\ncaf\x81\n")
    reading = Reading(encoding="cp1252")
    with pytest.raises(DataError) as streamed:
        list(read_documents(file, "text", "\n", reading))
    with pytest.raises(DataError) as held:
        read_file(file, reading=reading)
    assert str(streamed.value) == str(held.value)
    assert str(held.value).startswith(f"{file}, line 2: byte 0x81 at offset 7 is not cp1252")


@pytest.mark.parametrize("name", ["a.json", "a.conll"])
def test_a_format_that_is_read_whole_is_not_streamed(
    tmp_path: Path, tokenizer: Any, name: str
) -> None:
    (tmp_path / name).write_text("[]")
    for source in (tmp_path / name, tmp_path):
        with pytest.raises(DataError) as error:
            _open(DataConfig(train=str(source), streaming=True), tokenizer)
        assert_wording(error.value)


def test_a_separator_that_never_comes_is_not_sought_again_and_again(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("a line of text\n" * 50_000)

    searched: list[int] = []
    join = streamed_documents._split
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamed_documents, "BLOCK", 1000)
        patch.setattr(
            streamed_documents, "_split",
            lambda text, mark: searched.append(len(text)) or join(text, mark),
        )  # fmt: skip
        (document,) = read_documents(file, "text", "<|>")
    assert len(document.text) == file.stat().st_size - 1
    assert sum(searched) < 4 * len(document.text)


# ---- memory ------------------------------------------------------------------------------------

# The high-water mark of this very process: ru_maxrss would begin at that of the one that started
# it (Linux keeps it through exec), and so hide a growth behind the size of pytest.
_PEAK = """
import json, sys
def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
"""
_READ = (
    _PEAK
    + """
from pathlib import Path
from hfdl.data.readers.reading import Reading
from hfdl.data.readers.readers import read_file
from hfdl.data.corpus.streamed_documents import read_documents
peaks = []
for name in sys.argv[1:]:
    separator = "\\n\\n" if name.endswith(".txt") else None
    count = sum(1 for _ in read_documents(Path(name), "text", separator))
    peaks.append([count, peak()])
print(json.dumps(peaks))
"""
)
_STREAM = (
    _PEAK
    + """
from transformers import AutoTokenizer
from hfdl.config.schema import DataConfig
from hfdl.data.corpus.corpus import open_corpus
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
peaks = []
for name in sys.argv[2:]:
    config = DataConfig(train=name, validation=sys.argv[2], streaming=True)
    store = open_corpus(config, None, 0, tokenizer, end_id=0, trains=True).stores["train"]
    peaks.append([store.documents, peak()])
print(json.dumps(peaks))
"""
)
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="VmHWM is of Linux")


def _peaks(code: str, *given: Path) -> list[list[int]]:
    """Documents of each file, and the most bytes that were held until it was read."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, given)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _corpus(file: Path, size: int, length: int) -> int:
    """Write about ``size`` bytes of documents of ``length`` characters; the answer is how many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = size // length
    texts = (f"{i} {f'harbour{i % 97} light ' * length}"[: length - 1] + "." for i in range(count))
    if file.suffix == ".parquet":  # one row group, as large as the file
        pq.write_table(
            pa.table({"text": list(texts)}), file, compression="none", use_dictionary=False
        )
        return count
    row = {
        ".txt": "{}\n\n", ".jsonl": '{{"text": "{}"}}\n', ".csv": 'x,"{}"\n', ".tsv": "x\t{}\n"
    }[file.suffix]  # fmt: skip
    with file.open("w") as out:
        out.write({".csv": "id,text\n", ".tsv": "id\ttext\n"}.get(file.suffix, ""))
        out.writelines(row.format(text) for text in texts)
    return count


@on_linux
@pytest.mark.parametrize("suffix", ["txt", "jsonl", "csv", "tsv", "parquet"])
def test_reading_holds_a_small_part_of_a_file(tmp_path: Path, suffix: str) -> None:
    sizes = {"small": 3_000_000, "large": 24_000_000}
    files = [tmp_path / f"{name}.{suffix}" for name in sizes]
    counts = [_corpus(f, size, 2000) for f, size in zip(files, sizes.values(), strict=True)]
    (few, first), (many, second) = _peaks(_READ, *files)
    assert [few, many] == counts
    assert second - first < 8_000_000  # the whole file would be three times as much


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["txt", "jsonl"])
def test_memory_does_not_grow_with_a_corpus(tmp_path: Path, suffix: str) -> None:
    """60 MB of 600,000 documents take less than 40 MB more than 2 MB do."""
    learned = learn_tokenizer("bpe", [f"harbour{i} light " for i in range(97)], 400, masks=False)
    learned.save_pretrained(tmp_path / "tokenizer")
    files = [tmp_path / f"{name}.{suffix}" for name in ("small", "large")]
    counts = [_corpus(f, size, 100) for f, size in zip(files, (2_000_000, 60_000_000), strict=True)]
    (few, first), (many, second) = _peaks(_STREAM, tmp_path / "tokenizer", *files)
    # A txt file is cut at its lines here, half of which are blank.
    assert [few, many] == counts == [20_000, 600_000]
    assert second - first < 40_000_000
