"""Folders of models: their tokenizers and configs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.fuzz.target import Target, must
from hfdl.tokenizers.load import load_bert, load_gpt2, load_tokenizer

TEXT = "A b, ab!  été 漢字 \U0001f600 [MASK]\n"
MOST = 64
"""Of any number in a config: a size of more is no fault of a reader."""
CODE = ("auto_map", "custom_pipelines", "trust_remote_code", "attn_implementation",
        "_attn_implementation", "quantization_config")  # fmt: skip


def read_own_tokenizer(data: bytes, folder: Path) -> None:
    """A tokenizer.json that hfdl reads itself: written out it is the same, and ids are its own."""
    path = folder / "tokenizer.json"
    path.write_bytes(data)
    tokenizer = load_tokenizer(path)
    tokenizer.save(path)
    written = path.read_bytes()
    load_tokenizer(path).save(path)
    must(path.read_bytes() == written, "a tokenizer reads otherwise when written out")
    _use(tokenizer)


def read_vocabulary(data: bytes, folder: Path) -> None:
    """vocab.json and merges.txt with a line of three dashes between, or else a vocab.txt."""
    first, dashes, second = data.partition(b"\n---\n")
    if not dashes:
        (folder / "vocab.txt").write_bytes(data)
        return _use(load_bert(folder))
    (folder / "vocab.json").write_bytes(first)
    (folder / "merges.txt").write_bytes(second)
    return _use(load_gpt2(folder, special_tokens=()))


def _use(tokenizer: Any) -> None:
    ids = tokenizer.encode(TEXT)
    must(all(0 <= i < len(tokenizer.vocabulary) for i in ids), "an id outside of the vocabulary")
    tokenizer.decode(ids)


def read_library_tokenizer(data: bytes, folder: Path) -> None:
    """A tokenizer.json that hfdl passes on to the tokenizers library."""
    from hfdl.weights import saved_tokenizer

    (folder / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}', encoding="utf-8"
    )
    (folder / "tokenizer.json").write_bytes(data)
    tokenizer = saved_tokenizer.load_tokenizer(folder)
    must(tokenizer.pad_token_id is not None, "a tokenizer without padding")


def read_config(data: bytes, folder: Path) -> None:
    """A config.json: hfdl's own look at it, then transformers'; numbers bounded, code left out."""
    from hfdl.weights.model_config import load_config
    from hfdl.weights.plain_config import plain_config
    from hfdl.weights.resolve import check_model_folder
    from hfdl.weights.saved_config import saved_class_name

    (folder / "config.json").write_bytes(data)
    check_model_folder(folder, weights=False, tokenizer=False)
    plain = plain_config(folder)
    saved_class_name(folder)
    (folder / "config.json").write_text(json.dumps(_bounded(json.loads(data))), encoding="utf-8")
    config = load_config(folder)
    must(plain is None or config.model_type == plain.model_type, "two readers, two model types")


def _bounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bounded(inner) for key, inner in value.items() if key not in CODE}
    if isinstance(value, list):
        return [_bounded(inner) for inner in value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return max(-MOST, min(MOST, value)) if is_number else value


def _tokenizer(model: dict[str, Any], cut: Any, decoder: Any, **more: Any) -> bytes:
    special = {"id": 0, "content": "[UNK]", "single_word": False, "lstrip": False,
               "rstrip": False, "normalized": False, "special": True}  # fmt: skip
    parts = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [special],
             "normalizer": None, "pre_tokenizer": cut, "post_processor": None, "decoder": decoder,
             "model": model, **more}  # fmt: skip
    return json.dumps(parts).encode()


_IDS = {"[UNK]": 0, "a": 1, "b": 2, "ab": 3, "##b": 4, "[PAD]": 5}
_NORMALIZER = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
               "strip_accents": None, "lowercase": True}  # fmt: skip
_BPE = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
        "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
        "ignore_merges": False, "vocab": _IDS, "merges": [["a", "b"]]}  # fmt: skip
_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_DECODED = {**_BYTES, "add_prefix_space": True}
TOKENIZERS = (
    _tokenizer({"type": "WordLevel", "vocab": _IDS, "unk_token": "[UNK]"}, {"type": "Whitespace"},
               None),
    _tokenizer({"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": _IDS}, {"type": "BertPreTokenizer"},
               {"type": "WordPiece", "prefix": "##", "cleanup": False}, normalizer=_NORMALIZER),
    _tokenizer({**_BPE, "unk_token": "[UNK]"}, {"type": "WhitespaceSplit"}, None),
    _tokenizer(_BPE, _BYTES, _DECODED),
)  # fmt: skip
LIBRARY = (
    *TOKENIZERS,
    _tokenizer({"type": "Unigram", "unk_id": 0, "vocab": [["[UNK]", 0.0], ["a", -1.5]],
                "byte_fallback": False},
               {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True},
               {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True},
               normalizer={"type": "Sequence", "normalizers": [
                   {"type": "Replace", "pattern": {"Regex": " +"}, "content": " "}]},
               truncation={"direction": "Right", "max_length": 8, "strategy": "LongestFirst",
                           "stride": 0},
               post_processor={"type": "TemplateProcessing",
                               "single": [{"SpecialToken": {"id": "[UNK]", "type_id": 0}},
                                          {"Sequence": {"id": "A", "type_id": 0}}],
                               "pair": [{"Sequence": {"id": "A", "type_id": 0}}],
                               "special_tokens": {"[UNK]": {"id": "[UNK]", "ids": [0],
                                                            "tokens": ["[UNK]"]}}}),
)  # fmt: skip
VOCABULARIES = (
    b'{"a": 0, "b": 1, "ab": 2}\n---\n#version: 0.2\na b\n', b"[UNK]\n[CLS]\na\n##b\n\xc3\xa9\n",
    b'{"a": 0}\n---\n#version: 0.2\n',
)  # fmt: skip
CONFIGS = (
    b'{"model_type": "bert", "architectures": ["BertForMaskedLM"], "hidden_size": 8, '
    b'"num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 16, '
    b'"vocab_size": 20, "max_position_embeddings": 32, "pad_token_id": 0, "hidden_act": "gelu", '
    b'"hidden_dropout_prob": 0.1, "id2label": {"0": "a", "1": "b"}, "dtype": "float32"}',
    b'{"model_type": "llama", "hidden_size": 8, "num_attention_heads": 2, '
    b'"num_key_value_heads": 1, "num_hidden_layers": 1, "vocab_size": 20, '
    b'"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}}',
    b'{"model_type": "gpt2", "n_embd": 8, "n_head": 2, "n_layer": 1, "label2id": {"a": 0}}',
    b'{"model_type": "t5", "d_model": 8, "num_layers": 1, "num_heads": 2, "vocab_size": 20}',
)  # fmt: skip
PARTS = (b"type", b"vocab", b"merges", b"Sequence", b"pretokenizers", b"normalizers", b"Regex",
         b"BPE", b"WordPiece", b"WordLevel", b"Unigram", b"ByteLevel", b"[UNK]", b"(a",
         b"\\p{L}")  # fmt: skip
SIZES = (b"hidden_size", b"num_attention_heads", b"id2label", b"label2id", b"num_labels",
         b"problem_type", b"torch_dtype", b"dtype", b"rope_scaling", b"architectures", b"bert",
         b"modernbert", b"t5", b"layer_types", b"text_config", b"quantization_config")  # fmt: skip

TARGETS = (
    Target("tokenizer", "a tokenizer.json, by hfdl", read_own_tokenizer, TOKENIZERS, PARTS,
           is_json=True),
    Target("vocabulary", "vocab.json with merges.txt, vocab.txt", read_vocabulary, VOCABULARIES,
           (b"\n---\n", b"#version", b"##")),
    Target("library", "a tokenizer.json, by the tokenizers library", read_library_tokenizer,
           LIBRARY, PARTS, is_json=True),
    Target("config", "a model's config.json", read_config, CONFIGS, SIZES, is_json=True),
)  # fmt: skip
