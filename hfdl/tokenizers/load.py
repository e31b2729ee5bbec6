"""Loading tokenizers: GPT-2's ``vocab.json`` with ``merges.txt``, BERT's ``vocab.txt``, and the
``tokenizer.json`` that ``save`` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hfdl.errors import DataError, HfdlError
from hfdl.tokenizers.alphabet import Marks
from hfdl.tokenizers.bpe import BPETokenizer
from hfdl.tokenizers.byte_level_bpe import ByteLevelBPETokenizer
from hfdl.tokenizers.character import CharacterTokenizer
from hfdl.tokenizers.normalizers import BertNormalizer
from hfdl.tokenizers.tokenizer import PRE_TOKENIZERS_JSON, Tokenizer, tokenizer_json
from hfdl.tokenizers.vocabulary import Vocabulary
from hfdl.tokenizers.word import WordTokenizer
from hfdl.tokenizers.wordpiece import BERT_SPECIAL, WordPieceTokenizer


def load_gpt2(
    folder: str | Path,
    *,
    special_tokens: Iterable[str] = ("<|endoftext|>",),
    add_prefix_space: bool = False,
) -> ByteLevelBPETokenizer:
    """GPT-2's tokenizer, or another of its format.

    Args:
        folder: holds ``vocab.json`` (token to id) and ``merges.txt`` (a merge a line).
        special_tokens: tokens of the vocabulary that are not text.
        add_prefix_space: see ``ByteLevelBPETokenizer``.

    Raises:
        DataError: a file is absent or damaged; the message names the line.
    """
    vocab_path, merges_path = Path(folder) / "vocab.json", Path(folder) / "merges.txt"
    vocabulary = Vocabulary(read_vocab_json(vocab_path), special_tokens)
    merges = read_merges(merges_path, vocabulary)
    return ByteLevelBPETokenizer(vocabulary, merges, add_prefix_space=add_prefix_space)


def load_bert(path: str | Path, *, lowercase: bool = True) -> WordPieceTokenizer:
    """BERT's tokenizer.

    Args:
        path: ``vocab.txt`` (a token a line), or the folder that holds it.
        lowercase: whether texts are read in lower case and without accents ("uncased").

    Raises:
        DataError: the file is absent or damaged; the message names the line.
        ConfigError: it has no ``[UNK]``.
    """
    path = Path(path) / "vocab.txt" if Path(path).is_dir() else Path(path)
    lines: dict[str, int] = {}
    for number, line in enumerate(_lines(path), 1):
        token = line.removesuffix("\r")
        if not token or lines.setdefault(token, number) != number:
            raise _damaged(
                path, number, "an empty line" if not token else
                f"the token {token!r} of line {lines[token]} again", "each line is one token",
            )  # fmt: skip
    special = [token for token in BERT_SPECIAL if token in lines]
    return WordPieceTokenizer(
        Vocabulary(lines, special), normalizer=BertNormalizer(lowercase=lowercase)
    )


def read_vocab_json(path: Path) -> list[str]:
    """The tokens of a ``vocab.json``, in the order of their ids.

    Raises:
        DataError: the file is absent or damaged, or ids are not 0, 1, 2, ...
    """
    text = read_text(path)
    try:
        ids = json.loads(text)
    except json.JSONDecodeError as error:
        raise _damaged(path, error.lineno, error.msg, "the file is JSON") from None
    except (ValueError, RecursionError) as error:  # a number of too many digits, too many brackets
        raise _damaged(path, 1, str(error), "the file is JSON") from None
    if not isinstance(ids, dict) or sorted(map(repr, ids.values())) != sorted(
        map(repr, range(len(ids)))
    ):
        raise DataError(
            "ids are missing, twice, or no numbers",
            where=str(path),
            rule="each token has one of the ids 0, 1, 2 and so on",
            remedy="take the vocab.json that was published with the model",
        )
    return sorted(ids, key=lambda token: ids[token])


def read_merges(path: Path, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """The merges of a ``merges.txt``, in their order.

    Raises:
        DataError: the file is absent or damaged, or does not go with the vocabulary.
    """
    merges: dict[tuple[str, str], int] = {}
    for number, line in enumerate(_lines(path), 1):
        if line.startswith("#version"):
            continue
        match line.removesuffix("\r").split(" "):
            case [left, right] if left and right:
                pair = left, right
            case _:
                raise _damaged(
                    path, number, f"{line!r}", "a line is two pieces with a space between"
                )
        for piece in (left, right, left + right):
            if piece not in vocabulary:
                raise _damaged(
                    path, number, f"{line!r}, and {piece!r} is no token of the vocabulary",
                    "what a merge takes and makes is in vocab.json",
                )  # fmt: skip
        if merges.setdefault(pair, number) != number:
            raise _damaged(
                path,
                number,
                f"the merge {line!r} of line {merges[pair]} again",
                "each is there once",
            )
    return list(merges)


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        DataError: it cannot be read or is not UTF-8.
    """
    try:
        data = path.read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror})",
            where=str(path),
            remedy="look at the path, and whether the download was complete",
        ) from None
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise _damaged(path, number, "bytes that are no text", "the file is UTF-8") from None


def _lines(path: Path) -> list[str]:
    # Not splitlines: a token may hold a character that Python takes for a line end.
    return read_text(path).removesuffix("\n").split("\n")


def _damaged(path: Path, line: int, problem: str, rule: str) -> DataError:
    return DataError(
        problem, where=f"{path}:{line}", rule=rule,
        remedy="take the file that was published with the model",
    )  # fmt: skip


# ---- ``tokenizer.json`` back into a tokenizer: the files that ``save`` writes --------------------
# The format has more than this package implements. Such a file is refused, naming the part: ids
# that are almost right would be worse.


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer of a ``tokenizer.json``.

    Args:
        path: the file.

    Raises:
        DataError: it cannot be read, or has steps that this package does not implement.
    """
    path = Path(path)
    try:
        content = json.loads(read_text(path))
        _check_types(content)
        tokenizer = _build(content)
        missed = [key for key, value in tokenizer_json(tokenizer).items() if content[key] != value]
    except HfdlError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _refused(path, f"not a tokenizer.json ({error!r})") from None
    # Writing it again must give the same file: then nothing in it was ignored.
    if missed:
        raise _refused(path, f"its {missed[0]} is {json.dumps(content[missed[0]])[:200]}")
    return tokenizer


_TYPES: dict[str, dict[str, tuple[type, ...]]] = {
    "model": {
        "type": (str,), "unk_token": (str, type(None)), "max_input_chars_per_word": (int,),
        "continuing_subword_prefix": (str, type(None)), "end_of_word_suffix": (str, type(None)),
        "vocab": (dict,), "merges": (list,),
    },
    "pre_tokenizer": {"type": (str,), "add_prefix_space": (bool,)},
    "decoder": {"cleanup": (bool,)},
    "normalizer": {
        "clean_text": (bool,), "handle_chinese_chars": (bool,), "lowercase": (bool,),
        "strip_accents": (bool, type(None)),
    },
}  # fmt: skip
"""What the parts of a tokenizer.json are made of, where hfdl makes something of them."""


def _check_types(content: dict[str, Any]) -> None:
    """Refuse a value that nothing can be made of, which would be found out only by a text.

    Raises:
        TypeError: naming it.
    """
    for part, types in _TYPES.items():
        found = content[part]
        for key, value in found.items() if isinstance(found, dict) else ():
            if type(value) not in types.get(key, (type(value),)):
                raise TypeError(f"{part}.{key} is {type(value).__name__}")
    model = content["model"]
    pieces = [piece for pair in model.get("merges", ()) for piece in pair]
    if not all(isinstance(piece, str) for piece in pieces):
        raise TypeError("model.merges holds other things than texts")
    if not all(type(i) is int for i in model["vocab"].values()):
        raise TypeError("an id of model.vocab is no whole number")


def _build(content: dict[str, Any]) -> Tokenizer:
    """The tokenizer that is nearest to the content."""
    model, cut = content["model"], content["pre_tokenizer"]
    special = [token["content"] for token in content["added_tokens"]]
    vocabulary = Vocabulary(sorted(model["vocab"], key=model["vocab"].get), special)
    normalizer = _normalizer(content["normalizer"])
    name = next((n for n, value in PRE_TOKENIZERS_JSON.items() if value == cut), "words")
    match model["type"], cut["type"]:
        case "BPE", "ByteLevel":
            return ByteLevelBPETokenizer(
                vocabulary, [(left, right) for left, right in model["merges"]],
                add_prefix_space=cut["add_prefix_space"],
            )  # fmt: skip
        case "BPE", _:
            marks = Marks(
                model["continuing_subword_prefix"] or "", model["end_of_word_suffix"] or ""
            )
            return BPETokenizer(
                vocabulary, [(left, right) for left, right in model["merges"]],
                unknown=model["unk_token"], marks=marks, normalizer=normalizer, pre_tokenizer=name,
            )  # fmt: skip
        case "WordPiece", _:
            return WordPieceTokenizer(
                vocabulary, unknown=model["unk_token"], prefix=model["continuing_subword_prefix"],
                longest_word=model["max_input_chars_per_word"], normalizer=normalizer,
                pre_tokenizer=name, cleanup=content["decoder"]["cleanup"],
            )  # fmt: skip
        case "WordLevel", _ if name == "characters":
            return CharacterTokenizer(vocabulary, unknown=model["unk_token"], normalizer=normalizer)
        case _:
            return WordTokenizer(
                vocabulary, unknown=model["unk_token"], normalizer=normalizer, pre_tokenizer=name
            )


def _normalizer(content: dict[str, Any] | None) -> BertNormalizer | None:
    if content is None:
        return None
    return BertNormalizer(
        clean_text=content["clean_text"], chinese=content["handle_chinese_chars"],
        lowercase=content["lowercase"], strip_accents=content["strip_accents"],
    )  # fmt: skip


def _refused(path: Path, problem: str) -> DataError:
    return DataError(
        problem,
        where=str(path),
        rule="hfdl.tokenizers opens what its own tokenizers save",
        remedy="open it with tokenizers.Tokenizer.from_file or transformers.AutoTokenizer",
    )
