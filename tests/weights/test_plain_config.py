"""Model folders of which config.json says all: the same tokenizer and limit, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers import AutoConfig, AutoTokenizer, BertTokenizer, RobertaTokenizer

from hfdl.errors import ModelError
from hfdl.weights.limits import position_limit
from hfdl.weights.plain_config import plain_config
from hfdl.weights.resolve import find_model
from hfdl.weights.saved_tokenizer import load_tokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "Film", "film", "##s", "é", ","]
CONFIG: dict[str, Any] = {
    "architectures": ["BertModel"], "hidden_size": 16, "max_position_embeddings": 40,
    "model_type": "bert", "num_attention_heads": 2, "num_hidden_layers": 1, "pad_token_id": 0,
    "vocab_size": len(WORDS), "layer_norm_eps": 1e-12, "dtype": "float32",
}  # fmt: skip

# What a tokenizer_config.json may say, beside the class.
SETTINGS: dict[str, dict[str, Any]] = {
    "as-saved": {},
    "left": {"padding_side": "left", "truncation_side": "left", "model_max_length": 31},
    "cased": {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False},
    "tokens": {"extra_special_tokens": ["<new>"], "mask_token": "<mask>", "sep_token": "[UNK]"},
    "chat": {"chat_template": "{{ messages[0].content }}", "clean_up_tokenization_spaces": True},
    "no-pad": {"pad_token": None},
}

# The folders' tokenizers as hfdl opens them, without torch, and as AutoTokenizer does.
COMPARE = """
import json, sys
from pathlib import Path
from hfdl.weights.saved_tokenizer import load_tokenizer, with_padding
folders = [Path(name) for name in sys.argv[1:]]
ours = [load_tokenizer(folder) for folder in folders]
assert not {"torch", "transformers.models.auto.tokenization_auto"} & sys.modules.keys()
from transformers import AutoTokenizer
theirs = [with_padding(AutoTokenizer.from_pretrained(folder), "") for folder in folders]

def facts(tokenizer, folder):
    files = tokenizer.save_pretrained(folder)
    plain = {k: repr(v) for k, v in sorted(vars(tokenizer).items()) if k != "_tokenizer"}
    texts = ["", "Films, a film", "é <new> [MASK]<mask>"]
    return {
        "class": repr(type(tokenizer)), "state": plain, "backend": tokenizer._tokenizer.to_str(),
        "files": {Path(f).name: Path(f).read_text() for f in files if Path(f).is_file()},
        "ids": [tokenizer(a, b)["input_ids"] for a in texts for b in (None, *texts)],
    }

for folder, one, other in zip(folders, ours, theirs):
    saved = folder / "again"
    one, other = facts(one, saved), facts(other, saved)
    for key in one:
        assert one[key] == other[key], (str(folder), key, one[key], other[key])
print("compared", len(folders))
"""


def folder_of(folder: Path, config: dict[str, Any], settings: dict[str, Any]) -> Path:
    if config["model_type"] == "roberta":
        letters = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"aFilms,", "Ġ"]
        tokenizer: Any = RobertaTokenizer(vocab={c: i for i, c in enumerate(letters)}, merges=[])
    else:
        tokenizer = BertTokenizer(vocab={word: i for i, word in enumerate(WORDS)})
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(config))
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return folder


def test_the_tokenizer_is_the_one_that_autotokenizer_gives(tmp_path: Path) -> None:
    folders = [folder_of(tmp_path / n, CONFIG, values) for n, values in SETTINGS.items()]
    roberta = {**CONFIG, "model_type": "roberta", "vocab_size": 13, "pad_token_id": 1}
    folders += [folder_of(tmp_path / "roberta", roberta, {})]
    try:
        source = find_model("sentence-transformers/all-MiniLM-L6-v2")
    except ModelError:
        pass
    else:
        minilm = tmp_path / "minilm"
        minilm.mkdir()
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"):
            (minilm / name).write_bytes((source / name).read_bytes())
        folders.append(minilm)
    done = subprocess.run(
        [sys.executable, "-c", COMPARE, *folders], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"compared {len(folders)}\n"


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_the_longest_input_is_that_of_the_transformers_config(tmp_path: Path, kind: str) -> None:
    config = {**CONFIG, "model_type": kind}
    tokenizer = load_tokenizer(folder_of(tmp_path, {**CONFIG}, {}))
    (tmp_path / "config.json").write_text(json.dumps(config))
    plain = plain_config(tmp_path)
    assert plain is not None
    theirs = AutoConfig.from_pretrained(tmp_path)
    assert (plain.model_type, plain.max_position_embeddings) == (kind, 40)
    assert position_limit(tokenizer, plain) == position_limit(tokenizer, theirs)


def test_saved_configs_are_plain(tmp_path: Path) -> None:
    """What transformers writes of a body has no key and no type that is not known."""
    for kind in ("bert", "roberta"):
        AutoConfig.for_model(kind, architectures=["XModel"]).save_pretrained(tmp_path / kind)
        assert plain_config(tmp_path / kind) is not None


UNUSUAL: list[dict[str, Any]] = [
    {"model_type": "gpt2"},
    {"model_type": "evil"},
    {"model_type": None},
    {"id2label": {"0": "a", "1": "b"}},
    {"auto_map": {"AutoConfig": "evil.Config"}},
    {"hfdl_class": {"name": "mine"}},
    {"unheard_of": 1},
    {"hidden_size": "16"},
    {"hidden_size": 16.0},
    {"hidden_size": True},
    {"max_position_embeddings": None},
    {"max_position_embeddings": 0},
    {"pad_token_id": None},
    {"pad_token_id": -1},
    {"eos_token_id": len(WORDS)},
    {"eos_token_id": [1, 2]},
    {"layer_norm_eps": 1},
    {"architectures": "BertModel"},
    {"architectures": [None]},
    {"dtype": "floating"},
]


@pytest.mark.parametrize("change", UNUSUAL, ids=map(str, UNUSUAL))
def test_transformers_reads_what_is_unusual(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    assert plain_config(tmp_path) is not None
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, **change}))
    assert plain_config(tmp_path) is None


@pytest.mark.parametrize("missing", ["model_type", "max_position_embeddings", "vocab_size"])
def test_transformers_knows_what_is_left_out(tmp_path: Path, missing: str) -> None:
    kept = {key: value for key, value in CONFIG.items() if key != missing}
    (tmp_path / "config.json").write_text(json.dumps(kept))
    assert plain_config(tmp_path) is None


def test_no_config_and_a_damaged_one(tmp_path: Path) -> None:
    assert plain_config(tmp_path) is None
    for content in ("", "[]", "{", '{"model_type": '):
        (tmp_path / "config.json").write_text(content)
        assert plain_config(tmp_path) is None


def test_autotokenizer_is_asked_where_there_is_a_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another class, code of its own, no settings, and a path that may be an id of the Hub."""
    asked: list[str] = []

    class Asked:
        @staticmethod
        def from_pretrained(folder: Path, **options: Any) -> Any:
            asked.append(str(folder))
            return AutoTokenizer.from_pretrained(folder, **options)

    monkeypatch.setattr(transformers, "AutoTokenizer", Asked)
    monkeypatch.delitem(sys.modules, "transformers.models.auto.tokenization_auto", raising=False)
    monkeypatch.chdir(tmp_path)
    usual = folder_of(tmp_path / "usual", CONFIG, {})
    assert type(load_tokenizer(usual)) is BertTokenizer
    changes: list[dict[str, Any]] = [
        {"tokenizer_class": "PreTrainedTokenizerFast"},
        {"auto_map": {"AutoTokenizer": ["evil.Slow", "evil.Fast"]}},
        {"tokenizer_class": None},
    ]
    made = [folder_of(tmp_path / f"{i}", CONFIG, change) for i, change in enumerate(changes)]
    bare = folder_of(tmp_path / "bare", CONFIG, {})
    (bare / "tokenizer_config.json").unlink()
    by_id = Path("deepseek-ai/deepseek-coder-x")
    folder_of(tmp_path / by_id, CONFIG, {})
    kinds = [type(load_tokenizer(folder)).__name__ for folder in (*made, bare, by_id)]
    assert kinds == [
        "TokenizersBackend", "BertTokenizer", "BertTokenizer", "BertTokenizer", "TokenizersBackend",
    ]  # fmt: skip
    assert asked == [str(folder) for folder in (*made, bare, by_id)]
