"""Small random models and small learnable data, made here, so that no test needs a network."""

from __future__ import annotations

import gc
import os
import signal

# Before any Hugging Face import: a test that reached for the network would hang or lie.
os.environ["HF_HUB_OFFLINE"] = "1"
# Tiny models: a second thread costs more than it brings, and waits by spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import why_no_browser
from helpers.hub.fixture import hub
from helpers.no_pickle import forbid_pickles
from helpers.support import SHARED, WORDS, reviews, write_csv
from helpers.wording import pytest_addoption, wordings
from hypothesis import settings as hypothesis_settings

# The same examples in every run, and no deadline: a busy machine is no failure.
hypothesis_settings.register_profile("hfdl", deadline=None, derandomize=True)
hypothesis_settings.load_profile("hfdl")

forbid_pickles()

# A shell starts a background job with SIGINT ignored, and whatever that starts would ignore it too:
# processes that tests interrupt must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

__all__ = ["hub", "pytest_addoption", "wordings"]  # pytest finds them here


def bert_vocabulary() -> list[str]:
    """Special tokens, letters, and the words of ``reviews``."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters]
    return list(dict.fromkeys([*pieces, *(f"##{c}" for c in letters)]))


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random two-layer BERT body (dropout 0.1) and a WordPiece tokenizer."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-bert")
    words = bert_vocabulary()
    ids = {word: i for i, word in enumerate(words)}
    backend = Tokenizer(WordPiece(ids, unk_token="[UNK]"))
    backend.normalizer = BertNormalizer(lowercase=True)
    backend.pre_tokenizer = BertPreTokenizer()
    backend.post_processor = TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64, pad_token_id=0,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random two-layer GPT-2 and a byte-level tokenizer, without a pad token."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-gpt2")
    backend = ByteLevelBPETokenizer()
    backend.train_from_iterator(
        [row["text"] for row in reviews(40)], vocab_size=320, special_tokens=["<|endoftext|>"],
        show_progress=False,
    )  # fmt: skip
    PreTrainedTokenizerFast(
        tokenizer_object=backend._tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>",
        unk_token="<|endoftext|>", model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=backend.get_vocab_size(), n_embd=32, n_layer=2, n_head=4, n_positions=64,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs write no report: its plots take longer than tiny runs do, and are tested elsewhere."""
    monkeypatch.setattr("hfdl.runs.session.write_report", lambda folder: None)
    monkeypatch.setattr("hfdl.runs.session.write_model_card", lambda folder: None)


@pytest.fixture
def reviews_csv(tmp_path: Path) -> Path:
    """120 labelled reviews as csv."""
    return write_csv(tmp_path / "reviews.csv", reviews(120))


@pytest.fixture
def settings(tiny_bert: Path, reviews_csv: Path) -> dict[str, Any]:
    """Overrides of the sentiment recipe that train the tiny model in a second or two."""
    return {
        "model.name": str(tiny_bert),
        "data.train": str(reviews_csv),
        "data.max_length": 32,
        "train.epochs": 2,
        "train.batch_size": 8,
        "train.learning_rate": 1e-3,
        "train.precision": "float32",
    }


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A finished run of the tiny model on the reviews, test split included."""
    import hfdl

    folder = tmp_path_factory.mktemp("trained")
    train = write_csv(folder / "train.csv", reviews(120))
    test = write_csv(folder / "test.csv", reviews(30))
    output = folder / "run"
    hfdl.train(
        "sentiment",
        {
            "model.name": str(tiny_bert), "data.train": str(train), "data.test": str(test),
            "data.max_length": 32, "train.epochs": 4, "train.batch_size": 8,
            "train.learning_rate": 2e-3, "train.precision": "float32",
        },
        output=output, listener=lambda event: None,
    )  # fmt: skip
    return output


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    """``csv_file("a.csv", rows)``: a csv file of dicts, or of the first n reviews."""

    def write(name: str, rows: list[dict[str, Any]] | int) -> Path:
        return write_csv(tmp_path / name, reviews(rows) if isinstance(rows, int) else rows)

    return write


@pytest.fixture(scope="session")
def decide() -> Callable[[Any], Any]:
    """``decide(model)``: draw some weights of a fresh classifier wide, so that texts score apart.

    Fresh weights are so small that every text gets nearly the same score, and a test that mixes
    up two texts would pass.
    """

    def widen(model: Any) -> Any:
        import torch

        from hfdl.weights.parameter_names import all_names

        torch.manual_seed(1)
        wide = ("value.weight", "output.dense.weight", "pooler.dense.weight")
        for name, names in all_names(model).items():
            parameter = model.get_parameter(name)
            if names[0].startswith(("classifier.", "score.")):
                torch.nn.init.normal_(parameter, std=0.5)
            elif names[0].endswith(wide):
                torch.nn.init.normal_(parameter, std=0.3)
        return model.eval()

    return widen


@pytest.fixture(scope="session")
def make_classifier(
    decide: Callable[[Any], Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """``make_classifier(body, num_labels=3, ...)``: a folder of a random model that is decided.

    Keywords are keys of its config; see ``decide``.
    """

    def make(body: Path, **config: Any) -> Path:
        import torch
        from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

        from hfdl.weights.pretrained import quiet_transformers

        folder = tmp_path_factory.mktemp("classifier")
        torch.manual_seed(1)
        with quiet_transformers():
            model = AutoModelForSequenceClassification.from_pretrained(
                body, config=AutoConfig.from_pretrained(body, **config)
            )
            decide(model)
            model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(body).save_pretrained(folder)
        return folder

    return make


# ---- real data and models beside the repository; a public clone has none -------------------------


@pytest.fixture
def shared(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Paths of real data and models; a test that asks for one skips where it is absent."""

    def path(name: str) -> Path:
        if request.node.get_closest_marker("needs_shared") is None:
            pytest.fail("a test that asks for shared files is marked @pytest.mark.needs_shared")
        return shared_path(name)

    return path


def shared_path(name: str) -> Path:
    found = SHARED / name
    if not found.exists():
        pytest.skip(f"needs_shared: {found} is absent")
    return found


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("needs_browser") and (reason := why_no_browser()):
        pytest.skip(f"needs_browser: {reason}")
    for marker in item.iter_markers("needs_shared"):
        for name in marker.args:
            shared_path(name)


_LACKS = {"needs_shared": f"files in {SHARED}", "needs_browser": "a browser"}
"""What tests of a marker are skipped for."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the tests on real data and in a browser: a run without must not look like one with."""
    for marker, lack in _LACKS.items():
        reports = {
            outcome: [
                report for report in terminalreporter.getreports(outcome)
                if marker in report.keywords
            ]
            for outcome in ("passed", "failed", "skipped")
        }  # fmt: skip
        ran = sum(report.when == "call" for o in ("passed", "failed") for report in reports[o])
        absent = sum(f"{marker}: " in str(report.longrepr) for report in reports["skipped"])
        if ran or absent:
            line = f"{marker}: {ran} ran, {absent} skipped for lack of {lack}"
            terminalreporter.write_line(line, yellow=bool(absent), bold=bool(absent))


def pytest_collection_finish() -> None:
    """Leave the many thousand collected tests out of every later collection of garbage.

    Each would look through them all: 0.3 s, and a run of a model takes several.
    """
    gc.collect()
    gc.freeze()
