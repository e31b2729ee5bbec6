"""A saved head keeps each label's row, whatever the order of the labels in the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import scratch_models
from helpers.small_architectures import SIZES

from hfdl.config.schema import ModelConfig
from hfdl.hf_models.build import build_saved
from hfdl.hf_models.own_architectures import OWN
from hfdl.hf_models.registry import AUTO_CLASSES
from hfdl.tasks.token_classification.task import TokenClassification
from hfdl.weights.pretrained import quiet_transformers

AUTO = {
    "sequence": "AutoModelForSequenceClassification",
    "token": "AutoModelForTokenClassification",
}
OLD = ["neutral", "no", "yes", "unsure"]
FAMILIES = [(name, head) for name in scratch_models.VARIANTS for head in AUTO]
WORD_MODELS = [
    (name, head) for name, own in OWN.items() if own.reads_words for head in AUTO
    if head in own.heads
]  # fmt: skip
KEPT = "head kept: its labels are those of the data"
IDS = torch.tensor([[5, 7, 9, 11, 6]])


def test_every_head_of_labels_is_among_the_cases() -> None:
    assert len(FAMILIES) == 36
    assert len(WORD_MODELS) == 9


def saved(folder: Path, name: str, head: str, names: list[str]) -> Path:
    """A random model with a head of these labels."""
    labels = {"num_labels": len(names), "id2label": dict(enumerate(names))}
    torch.manual_seed(0)
    with quiet_transformers():
        if name in scratch_models.VARIANTS:
            config = scratch_models.hf_config(name, **labels)
        else:
            own: Any = OWN[name].config_class
            config = own(**OWN[name].preset, **SIZES[name], vocab_size=40, pad_token_id=1, **labels)
        auto: Any = AUTO_CLASSES
        model = auto[head].from_config(config)
        for parameter in model.parameters():
            parameter.data.normal_(std=0.3)
        model.save_pretrained(folder)
    return folder


def logits(
    folder: Path, head: str, names: list[str], implementation: str, **options: Any
) -> tuple[dict[str, torch.Tensor], Any]:
    """The logit of each label by name, of the model built for these labels."""
    settings = {
        "num_labels": len(names), "id2label": dict(enumerate(names)),
        "label2id": {name: i for i, name in enumerate(names)}, "pad_token_id": 1,
    }  # fmt: skip
    section = ModelConfig(name=str(folder), implementation=implementation)  # pyright: ignore[reportArgumentType]
    built = build_saved(AUTO[head], folder, section, **options, **settings)
    with torch.no_grad():
        values = built.model.eval()(IDS).logits  # (1, C) or (1, T, C)
    config: Any = built.model.config
    assert config.id2label == dict(enumerate(names))
    return dict(zip(names, values.unbind(-1), strict=True)), built


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a, b) or torch.allclose(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
@pytest.mark.parametrize(("name", "head"), [*FAMILIES, *WORD_MODELS])
def test_rows_follow_their_labels(
    name: str, head: str, implementation: str, tmp_path: Path
) -> None:
    folder = saved(tmp_path, name, head, OLD)
    before, built = logits(folder, head, OLD, implementation)
    assert (built.new, built.facts) == ([], [KEPT])
    assert len({float(value.flatten()[0]) for value in before.values()}) == len(OLD)

    moved, built = logits(folder, head, ["yes", "unsure", "neutral", "no"], implementation)
    assert all(same(moved[label], before[label]) for label in OLD)
    assert built.new == []
    assert built.facts == [
        "head kept, its rows put in the order of the data's labels: yes, unsure, neutral, no"
    ]

    spelled, built = logits(folder, head, ["Yes", "NO", "un-sure", "Neutral"], implementation)
    assert all(same(spelled[label], before[label.lower()]) for label in ("Yes", "NO", "Neutral"))
    assert built.facts == [
        "head kept by name (yes is Yes, no is NO, neutral is Neutral): Yes, NO, Neutral; new, "
        "randomly initialised: un-sure; dropped: unsure"
    ]

    if name == "bag-of-words":  # whose head is its body: the number of labels stays
        return
    part, built = logits(folder, head, ["yes", "perhaps", "no"], implementation)
    assert same(part["yes"], before["yes"])
    assert same(part["no"], before["no"])
    assert not same(part["perhaps"], before["neutral"])
    assert built.new == []
    assert built.facts == [
        "head kept by name: yes, no; new, randomly initialised: perhaps; dropped: neutral, unsure"
    ]

    more, built = logits(folder, head, ["a", *OLD[::-1], "b"], implementation)
    assert all(same(more[label], before[label]) for label in OLD)
    assert built.facts == [
        "head kept by name: unsure, yes, no, neutral; new, randomly initialised: a, b"
    ]


@pytest.mark.parametrize(("name", "head"), [*FAMILIES, *WORD_MODELS])
def test_other_labels_get_a_new_head(name: str, head: str, tmp_path: Path) -> None:
    folder = saved(tmp_path, name, head, OLD)
    before, _ = logits(folder, head, OLD, "hf")
    for names in (["a", "b", "c", "d"], ["a", "b"])[: 1 if name == "bag-of-words" else 2]:
        other, built = logits(folder, head, names, "hf")
        assert built.new
        assert built.facts == [
            "head new: the model's labels are others (neutral, no, yes, unsure), and the data's "
            + ", ".join(names)
        ]
        for a, b in zip(other.values(), before.values(), strict=False):
            assert not same(a, b)


def test_labels_without_names_are_taken_by_number(tmp_path: Path) -> None:
    folder = saved(tmp_path, "bert", "sequence", ["LABEL_0", "LABEL_1"])
    before, built = logits(folder, "sequence", ["LABEL_0", "LABEL_1"], "hf")
    assert built.facts == [KEPT]
    named, built = logits(folder, "sequence", ["ham", "spam"], "hf")
    assert same(named["ham"], before["LABEL_0"])
    assert same(named["spam"], before["LABEL_1"])
    assert built.facts == [
        "head kept by number, its labels having no names: LABEL_0 is ham, LABEL_1 is spam"
    ]
    _, built = logits(folder, "sequence", ["ham", "spam", "eggs"], "hf")
    assert built.new == ["classifier.bias", "classifier.weight"]


def test_two_labels_of_one_spelling_are_two_labels(tmp_path: Path) -> None:
    folder = saved(tmp_path, "bert", "sequence", ["x", "yes", "no"])
    before, _ = logits(folder, "sequence", ["x", "yes", "no"], "hf")
    both, built = logits(folder, "sequence", ["Yes", "yes", "no"], "hf")
    assert same(both["yes"], before["yes"])
    assert not same(both["Yes"], before["yes"])
    assert built.facts == ["head kept by name: yes, no; new, randomly initialised: Yes; dropped: x"]


@pytest.mark.parametrize(
    ("old", "new", "rows"),
    [
        (["O", "PER", "LOC"], ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"], [0, 2, 2, 1, 1]),
        (["O", "B_PER", "I_PER"], ["O", "B-PER", "I-PER"], [0, 1, 2]),
        (["b-per", "i-per", "o"], ["O", "B-PER", "I-PER"], [2, 0, 1]),
        (["O", "B-PER", "I-PER"], ["O", "B-PER", "I-PER", "E-PER", "S-PER"], [0, 1, 2, 2, 1]),
        (["O", "B-X", "I-X", "L-X", "U-X"], ["O", "B-X", "I-X", "E-X", "S-X"], [0, 1, 2, 3, 4]),
        (["I-PER", "O", "B-PER"], ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"], [1, None, None, 2, 0]),
    ],
)
def test_tags_are_found_in_other_schemes(
    old: list[str], new: list[str], rows: list[int | None], tmp_path: Path
) -> None:
    folder = saved(tmp_path, "bert", "token", old)
    others = TokenClassification.other_names
    options = {"others": lambda label: others(None, label)}  # pyright: ignore[reportArgumentType]
    before, _ = logits(folder, "token", old, "hf")
    after, _ = logits(folder, "token", new, "hf", **options)
    for name, row in zip(new, rows, strict=True):
        if row is not None:
            torch.testing.assert_close(after[name], before[old[row]], rtol=0, atol=2e-4)
        else:
            assert not any(same(after[name], value) for value in before.values())
