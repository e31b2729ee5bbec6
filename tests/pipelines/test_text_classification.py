"""The pipeline against transformers' own, call by call; and where it differs on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
import transformers
from helpers.wording import assert_wording
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.pipelines.pt_utils import KeyDataset

import hfdl
from hfdl.errors import ConfigError, DataError, ModelError

MODELS: dict[str, dict[str, Any]] = {
    "three classes": {
        "num_labels": 3,
        "id2label": {0: "bad", 1: "fine", 2: "good"},
        "label2id": {"bad": 0, "fine": 1, "good": 2},
    },
    "multi-label": {"num_labels": 4, "problem_type": "multi_label_classification"},
    "regression": {"num_labels": 1, "problem_type": "regression"},
    "one label": {"num_labels": 1},
    "one label, multi-label": {"num_labels": 1, "problem_type": "multi_label_classification"},
}
GOOD, BAD = "what a good film", "bad book and long, they say !"
PAIR = {"text": "a film", "text_pair": "the book was bad"}
FILM_50 = " ".join(["film", "bad", "the", "song", "good"] * 10)


def texts_of_a_data_set() -> KeyDataset:
    return KeyDataset(datasets.Dataset.from_dict({"text": [GOOD, BAD, ""]}), "text")  # type: ignore


# name -> inputs (made anew for each call), keywords of the call, keywords of the constructor.
CALLS: dict[str, tuple[Callable[[], Any], dict[str, Any], dict[str, Any]]] = {
    "text": (lambda: GOOD, {}, {}),
    "list": (lambda: [GOOD, BAD, "a"], {}, {}),
    "list of one": (lambda: [GOOD], {}, {}),
    "list of unequal lengths": (lambda: [FILM_50, "a", "", BAD, FILM_50, GOOD], {}, {}),
    "generator": (lambda: (text for text in [GOOD, BAD, "a"]), {}, {}),
    "generator of pairs": (lambda: (pair for pair in [PAIR, PAIR]), {}, {}),
    "data set column": (texts_of_a_data_set, {}, {}),
    "pair": (lambda: dict(PAIR), {}, {}),
    "dict of a single text": (lambda: {"text": GOOD}, {}, {}),
    "list of pairs": (lambda: [dict(PAIR), {"text": "", "text_pair": GOOD}], {}, {}),
    "list of dicts": (lambda: [{"text": GOOD}, {"text": BAD}], {}, {}),
    "top_k None": (lambda: GOOD, {"top_k": None}, {}),
    "top_k 1": (lambda: GOOD, {"top_k": 1}, {}),
    "top_k 2": (lambda: GOOD, {"top_k": 2}, {}),
    "top_k 100": (lambda: GOOD, {"top_k": 100}, {}),
    "top_k None of a list": (lambda: [GOOD, BAD], {"top_k": None}, {}),
    "top_k 1 of a list": (lambda: [GOOD, BAD], {"top_k": 1}, {}),
    "top_k 2 of a list": (lambda: [GOOD, BAD], {"top_k": 2}, {}),
    "top_k 100 of a list of one": (lambda: [GOOD], {"top_k": 100}, {}),
    "top_k 2 of a pair": (lambda: dict(PAIR), {"top_k": 2}, {}),
    "top_k 2 of pairs": (lambda: [dict(PAIR)], {"top_k": 2}, {}),
    "top_k 2 of a generator": (lambda: (text for text in [GOOD, BAD]), {"top_k": 2}, {}),
    "built with top_k None": (lambda: GOOD, {}, {"top_k": None}),
    "built with top_k 1": (lambda: GOOD, {}, {"top_k": 1}),
    "built with top_k 2": (lambda: GOOD, {}, {"top_k": 2}),
    "built with top_k 100": (lambda: GOOD, {}, {"top_k": 100}),
    "built with top_k None, list": (lambda: [GOOD, BAD], {}, {"top_k": None}),
    "built with top_k 1, list": (lambda: [GOOD, BAD], {}, {"top_k": 1}),
    "built with top_k 2, pair": (lambda: dict(PAIR), {}, {"top_k": 2}),
    "top_k in both places": (lambda: GOOD, {"top_k": 1}, {"top_k": 3}),
    "softmax": (lambda: GOOD, {"function_to_apply": "softmax", "top_k": None}, {}),
    "sigmoid": (lambda: GOOD, {"function_to_apply": "sigmoid", "top_k": None}, {}),
    "none": (lambda: GOOD, {"function_to_apply": "none", "top_k": None}, {}),
    "SOFTMAX": (lambda: GOOD, {"function_to_apply": "SOFTMAX", "top_k": None}, {}),
    "built with sigmoid": (lambda: [GOOD], {}, {"function_to_apply": "sigmoid"}),
    "built with none": (lambda: [GOOD], {"top_k": None}, {"function_to_apply": "none"}),
    "function in both places": (
        lambda: [GOOD],
        {"function_to_apply": "none"},
        {"function_to_apply": "sigmoid"},
    ),
    "batch_size 1": (lambda: [GOOD, BAD, FILM_50], {"batch_size": 1}, {}),
    "batch_size 2": (lambda: [GOOD, BAD, FILM_50], {"batch_size": 2}, {}),
    "batch_size 100": (lambda: [GOOD, BAD, FILM_50], {"batch_size": 100}, {}),
    "built with batch_size": (lambda: [GOOD, BAD, FILM_50], {}, {"batch_size": 2}),
    "generator with batch_size": (
        lambda: (text for text in [GOOD, BAD, FILM_50, "a", ""]),
        {"batch_size": 2},
        {},
    ),
    "empty text": (lambda: "", {}, {}),
    "blank text": (lambda: " \t\u00a0\u3000", {}, {}),
    "emoji": (lambda: "a film 🎬 👩\u200d👩\u200d👧 good", {}, {}),
    "combining marks": (lambda: ["caf\u00e9 film", "cafe\u0301 film", "n\u0303\u0323"], {}, {}),
    "CRLF": (lambda: ["what a\r\ngood film\r\n", "bad\n\nbook"], {}, {}),
    "no letters of the vocabulary": (lambda: "映画は良い", {}, {}),
    "special tokens as text": (lambda: "[CLS] a film [SEP] [PAD]", {}, {}),
    "exactly as long as the model": (lambda: " ".join(["film"] * 62), {}, {}),
}


@pytest.fixture(scope="module")
def folders(tiny_bert: Path, make_classifier: Any) -> dict[str, Path]:
    return {name: make_classifier(tiny_bert, **config) for name, config in MODELS.items()}


@pytest.fixture(scope="module")
def three(folders: dict[str, Path]) -> Path:
    return folders["three classes"]


def reference(folder: Path, **options: Any) -> Any:
    """transformers' pipeline on the same folder."""
    return transformers.pipeline("text-classification", model=str(folder), **options)


def same(ours: Any, theirs: Any, place: str = "answer") -> int:
    """Assert equal structure, and scores to 1e-6; how many scores were compared."""
    if isinstance(theirs, float):
        assert type(ours) is float, place
        assert ours == pytest.approx(theirs, abs=1e-6, rel=1e-6), place
        return 1
    assert type(ours) is type(theirs), place
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), place
        return sum(same(ours[key], theirs[key], f"{place}.{key}") for key in theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs), place
        pairs = enumerate(zip(ours, theirs, strict=True))
        return sum(same(a, b, f"{place}[{i}]") for i, (a, b) in pairs)
    assert ours == theirs, place
    return 0


def answered(pipe: Any, call: str) -> tuple[bool, Any]:
    """Whether the answer came as an iterator, and the answer."""
    make_inputs, keywords, _ = CALLS[call]
    answer = pipe(make_inputs(), **keywords)
    lazy = not isinstance(answer, list | dict)
    return lazy, list(answer) if lazy else answer


def by_threshold(model: str, call: str) -> bool:
    """Whether hfdl answers with the labels that hold, which transformers has no way to ask for."""
    options = {**CALLS[call][2], **CALLS[call][1]}
    functions = {options.get("function_to_apply", "sigmoid") for options in CALLS[call][1:]}
    return "multi-label" in model and "top_k" not in options and "none" not in functions


def that_hold(pipe: Any, call: str) -> Any:
    """All labels of transformers' answers from a score of 0.5 on."""
    make_inputs, keywords, options = CALLS[call]
    given = {k: v for k, v in {**options, **keywords}.items() if k == "function_to_apply"}
    answers = pipe(make_inputs(), top_k=None, **given)
    answers = answers if isinstance(answers, list) else list(answers)
    if answers and isinstance(answers[0], dict):
        return [one for one in answers if one["score"] >= 0.5]
    return [[one for one in each if one["score"] >= 0.5] for each in answers]


@pytest.mark.parametrize("model", MODELS)
def test_every_call_gives_what_transformers_gives(folders: dict[str, Path], model: str):
    folder = folders[model]
    pipes: dict[str, tuple[Any, Any]] = {}
    compared = 0
    for call, (_, _, options) in CALLS.items():
        key = repr(options)
        if key not in pipes:
            pipes[key] = (hfdl.pipeline("sentiment", model=folder, **options),
                          reference(folder, **options))  # fmt: skip
        ours, theirs = (answered(pipe, call) for pipe in pipes[key])
        assert ours[0] == theirs[0], f"{call}: one is lazy and the other is not"
        if by_threshold(model, call):
            count = same(ours[1], that_hold(reference(folder), call), call)
        else:
            count = same(ours[1], theirs[1], call)
            assert count > 0, call
        json.dumps(ours[1])
        compared += 1
    assert compared == len(CALLS) == 50


def test_the_models_cover_every_default_function(folders: dict[str, Path]):
    """Softmax, sigmoid for several, none, sigmoid for one; or a wrong default would pass."""
    found = {}
    for name, folder in folders.items():
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        inputs = AutoTokenizer.from_pretrained(folder)(GOOD, return_tensors="pt")
        with torch.no_grad():
            logits = model(**inputs).logits[0].double()
        answers = hfdl.pipeline("sentiment", model=folder)(GOOD, top_k=None)
        scores = {answer["label"]: answer["score"] for answer in answers}
        ordered = torch.tensor([scores[model.config.id2label[i]] for i in range(len(scores))])
        functions = {"softmax": logits.softmax(-1), "sigmoid": logits.sigmoid(), "none": logits}
        found[name] = [
            function
            for function, expected in functions.items()
            if torch.allclose(ordered.double(), expected, atol=1e-5)
        ]
    assert found == {
        "three classes": ["softmax"],
        "multi-label": ["sigmoid"],
        "regression": ["none"],
        "one label": ["sigmoid"],
        "one label, multi-label": ["sigmoid"],
    }


def test_texts_score_apart(three: Path):
    """Else every comparison above could mix up its texts."""
    pipe = hfdl.pipeline("sentiment", model=three)
    scores = [answer["score"] for answer in pipe([GOOD, BAD, "", "a", FILM_50])]
    assert min(abs(a - b) for i, a in enumerate(scores) for b in scores[:i]) > 1e-4


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_generator_is_read_as_far_as_transformers_reads_it(three: Path, size: int):
    def reads(pipe: Any) -> list[int]:
        taken = 0

        def texts() -> Iterator[str]:
            nonlocal taken
            for _ in range(20):
                taken += 1
                yield GOOD

        answers = pipe(texts(), batch_size=size)
        seen = [taken]
        for _ in zip(range(7), answers, strict=False):
            seen.append(taken)
        return seen

    ours = reads(hfdl.pipeline("sentiment", model=three))
    assert ours[0] == 0
    assert ours[1:] == [-(-n // size) * size for n in range(1, 8)]
    theirs = reads(reference(three))
    assert all(mine <= other for mine, other in zip(ours, theirs, strict=True))


def test_an_endless_generator_can_be_answered_for_as_long_as_one_likes(three: Path):
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "a film" if taken % 2 else "bad book"

    pipe = hfdl.pipeline("sentiment", model=three)
    answers = pipe(texts())
    assert taken == 0
    first = [next(answers) for _ in range(300)]
    assert taken == 512
    assert same(first, pipe(["a film", "bad book"]) * 150) == 300


# ---- differences on purpose --------------------------------------------------------------------


def test_no_texts_get_no_answers(three: Path):
    pipe = hfdl.pipeline("sentiment", model=three)
    assert pipe([]) == []
    assert pipe(()) == []
    assert pipe([], top_k=None) == []
    assert list(pipe(text for text in ())) == []
    with pytest.raises(IndexError):
        reference(three)([])


def test_a_tuple_is_a_list_of_texts_and_a_column_a_stream_of_them(three: Path):
    pipe = hfdl.pipeline("sentiment", model=three)
    theirs = reference(three)
    expected = theirs([GOOD, BAD])
    assert same(pipe((GOOD, BAD)), expected) == 2
    column = datasets.Dataset.from_dict({"text": [GOOD, BAD]})["text"]
    assert same(list(pipe(column)), expected) == 2
    with pytest.raises(ValueError, match="Unable to create tensor"):
        theirs((GOOD, BAD))


def test_an_empty_second_text_is_one_as_in_training(three: Path):
    """transformers' tokenizers drop it from a single pair and keep it in a batch of pairs."""
    tokenizer = AutoTokenizer.from_pretrained(three)
    rows = tokenizer([GOOD], [""], return_tensors="pt")
    assert (
        rows["input_ids"].shape[1]
        == tokenizer(GOOD, "", return_tensors="pt").input_ids.shape[1] + 1
    )
    model = AutoModelForSequenceClassification.from_pretrained(three).eval()
    with torch.no_grad():
        best = float(model(**rows).logits[0].double().softmax(-1).max())
    answer = hfdl.pipeline("sentiment", model=three)({"text": GOOD, "text_pair": ""})
    assert answer["score"] == pytest.approx(best, abs=1e-6)


def window_rows(tokenizer: Any, text: str, room: int, overlap: int) -> list[list[int]]:
    """Windows by the rule in words: steps of room - overlap, the last one ends with the text."""
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    starts = [0]
    while starts[-1] + room < len(ids):
        starts.append(min(starts[-1] + room - overlap, len(ids) - room))
    wrap = tokenizer.cls_token_id, tokenizer.sep_token_id
    return [[wrap[0], *ids[start : start + room], wrap[1]] for start in starts]


def test_a_text_longer_than_the_model_is_read_whole_in_windows(three: Path):
    text = " ".join(["film good bad the song was", "long hotel a book"][i % 2] for i in range(30))
    with pytest.raises(RuntimeError):
        reference(three)(text)
    tokenizer = AutoTokenizer.from_pretrained(three)
    rows = window_rows(tokenizer, text, room=62, overlap=16)  # the model takes 64
    assert len(rows) == 3
    assert [len(row) for row in rows] == [64, 64, 64]
    model = AutoModelForSequenceClassification.from_pretrained(three).eval()
    with torch.no_grad():
        logits = torch.stack([model(torch.tensor([row])).logits[0] for row in rows])
    expected = dict(zip(["bad", "fine", "good"], logits.double().softmax(-1).mean(0), strict=True))
    for pipe in (
        hfdl.pipeline("sentiment", model=three),
        hfdl.pipeline("sentiment", model=three, long_text="window"),
    ):
        answers = pipe([GOOD, text], top_k=None)[1]
        assert {answer["label"] for answer in answers} == set(expected)
        for answer in answers:
            assert answer["score"] == pytest.approx(float(expected[answer["label"]]), abs=1e-6)


def test_a_long_text_can_be_cut_as_transformers_cuts_it(three: Path):
    text = " ".join(["film good bad the song was long"] * 20)
    for options, call in (
        ({"truncation": True}, {"truncation": True}),
        ({"long_text": "truncate"}, {"truncation": True}),
        ({"truncation": True, "max_length": 9}, {"truncation": True, "max_length": 9}),
    ):
        ours = hfdl.pipeline("sentiment", model=three, **options)([text, GOOD], top_k=None)
        theirs = reference(three)([text, GOOD], top_k=None, **call)
        assert same(ours, theirs) == 6


def test_a_long_text_can_keep_its_start_and_end(three: Path):
    parts = ["film good bad the song"] * 30
    tokenizer = AutoTokenizer.from_pretrained(three)
    ids = tokenizer(" ".join(parts), add_special_tokens=False, verbose=False)["input_ids"]
    kept = [*ids[:15], *ids[-47:]]  # 62 fit, a quarter of them from the start
    row = [tokenizer.cls_token_id, *kept, tokenizer.sep_token_id]
    model = AutoModelForSequenceClassification.from_pretrained(three).eval()
    with torch.no_grad():
        scores = model(torch.tensor([row])).logits[0].double().softmax(-1)
    answer = hfdl.pipeline("sentiment", model=three, long_text="head_tail")(" ".join(parts))
    assert answer == [
        {
            "label": ["bad", "fine", "good"][int(scores.argmax())],
            "score": pytest.approx(float(scores.max()), abs=1e-6),
        }
    ]


def test_a_long_text_can_be_refused(three: Path):
    pipe = hfdl.pipeline("sentiment", model=three, long_text="error")
    with pytest.raises(DataError) as caught:
        pipe([GOOD, "film " * 63])
    assert_wording(caught.value)


def test_every_long_text_policy_was_tried():
    from typing import get_args

    from hfdl.config.schema import DataConfig

    kinds = get_args(DataConfig.model_fields["long_text"].annotation)
    assert kinds[1:] == (type(None),)  # the task's own
    assert sorted(get_args(kinds[0])) == ["error", "head_tail", "truncate", "window"]


def test_an_unknown_policy_is_refused(three: Path):
    with pytest.raises(ConfigError) as caught:
        hfdl.pipeline("sentiment", model=three, long_text="windows")
    assert_wording(caught.value)


def test_a_model_in_training_mode_answers_as_one_in_eval_mode(three: Path):
    model = AutoModelForSequenceClassification.from_pretrained(three)
    tokenizer = AutoTokenizer.from_pretrained(three)
    pipe = hfdl.pipeline("sentiment", model=model, tokenizer=tokenizer)
    model.train()
    answers = [pipe([GOOD, BAD], top_k=None) for _ in range(5)]
    assert all(answer == answers[0] for answer in answers)
    assert model.training  # left as it was found
    assert same(answers[0], reference(three)([GOOD, BAD], top_k=None)) == 6
    # The dropout that is kept out is there.
    inputs = tokenizer(GOOD, return_tensors="pt")
    with torch.no_grad():
        assert not torch.equal(model(**inputs).logits, model(**inputs).logits)


def test_a_folder_and_an_open_model_answer_alike(folders: dict[str, Path]):
    compared = 0
    for folder in folders.values():
        model = AutoModelForSequenceClassification.from_pretrained(folder)
        pipe = hfdl.pipeline(
            "text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(folder)
        )
        compared += same(
            pipe([GOOD, PAIR["text"]], top_k=None),
            hfdl.pipeline("sentiment", model=folder)([GOOD, PAIR["text"]], top_k=None),
        )
    assert compared == 2 * (3 + 4 + 1 + 1 + 1)


def test_an_open_model_needs_its_tokenizer(three: Path):
    model = AutoModelForSequenceClassification.from_pretrained(three)
    with pytest.raises(ConfigError) as caught:
        hfdl.pipeline("sentiment", model=model)
    assert_wording(caught.value)
    with pytest.raises(ConfigError) as caught:
        hfdl.pipeline(model=model, tokenizer=AutoTokenizer.from_pretrained(three))
    assert_wording(caught.value)


def test_an_open_gpt2_is_padded_as_its_folder_is(tiny_gpt2: Path, make_classifier: Any):
    folder = make_classifier(tiny_gpt2, num_labels=2)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert (tokenizer.pad_token_id, model.config.pad_token_id) == (None, None)
    theirs = reference(folder)([GOOD, BAD, "a"], top_k=None)  # one by one: needs no padding
    pipe = hfdl.pipeline("sentiment", model=model, tokenizer=tokenizer)
    assert tokenizer.pad_token_id is None  # left as it was
    assert same(pipe([GOOD, BAD, "a"], top_k=None), theirs) == 6
    tokenizer.pad_token = tokenizer.eos_token
    pipe = hfdl.pipeline("sentiment", model=model, tokenizer=tokenizer)
    assert same(pipe([GOOD, BAD, "a"], top_k=None), theirs) == 6
    assert same(hfdl.pipeline(model=folder)([GOOD, BAD, "a"], top_k=None), theirs) == 6
    assert hfdl.pipeline(model=folder)([""])[0]["label"] in ("LABEL_0", "LABEL_1")


def test_without_a_task_the_folder_says_it(three: Path, trained: Path):
    theirs = reference(three)([GOOD, BAD])
    assert same(hfdl.pipeline(model=three)([GOOD, BAD]), theirs) == 2
    assert same(hfdl.pipeline(model=str(three))([GOOD, BAD]), theirs) == 2
    theirs = reference(trained)([GOOD, BAD])
    assert same(hfdl.pipeline(model=trained)([GOOD, BAD]), theirs) == 2


@pytest.mark.parametrize(
    "task", ["sentiment", "sentiment-analysis", "text-classification", "text_classification"]
)
def test_every_name_of_the_task_works(three: Path, task: str):
    assert hfdl.pipeline(task, model=three).task == "text-classification"


def test_an_unknown_task_is_refused(three: Path):
    with pytest.raises(ConfigError) as caught:
        hfdl.pipeline("sentimental", model=three)
    assert_wording(caught.value)


def test_a_model_without_a_trained_head_is_refused(tiny_bert: Path):
    with pytest.raises(ModelError) as caught:
        hfdl.pipeline("sentiment", model=tiny_bert)
    assert_wording(caught.value)
    with pytest.raises(ModelError) as caught:
        hfdl.pipeline(model=tiny_bert)
    assert_wording(caught.value)


REMEDY = (
    '; an input is a text, or a dict with "text" and, for a pair, "text_pair". '
    'For a pair use {"text": ..., "text_pair": ...}'
)
WRONG: dict[str, tuple[Any, str]] = {
    "None": (None, "input 1: cannot classify None"),
    "number": (3.5, "input 1: cannot classify 3.5"),
    "bytes": (b"a film", "input 1: cannot classify b'a film'"),
    "None in a list": ([GOOD, None], "input 2: cannot classify None"),
    "number in a list": ([7], "input 1: cannot classify 7"),
    "list in a list": ([["a", "b"]], "input 1: cannot classify ['a', 'b']"),
    "dict without a text": ({"txt": "a"}, "input 1: cannot classify {'txt': 'a'}"),
    "dict whose text is none": ({"text": 1}, "input 1: cannot classify {'text': 1}"),
    "dict whose pair is none": (
        [GOOD, {"text": "a", "text_pair": 2}],
        "input 2: cannot classify {'text': 'a', 'text_pair': 2}",
    ),
    "long thing": ([["x" * 200]], f"input 1: cannot classify ['{'x' * 78}"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_text_is_refused(three: Path, case: str):
    inputs, message = WRONG[case]
    with pytest.raises(DataError) as caught:
        hfdl.pipeline("sentiment", model=three)(inputs)
    assert str(caught.value) == message + REMEDY


def test_ten_kinds_of_wrong_input_were_tried():
    assert len(WRONG) == 10


def test_a_wrong_text_in_a_generator_is_refused_when_it_is_reached(three: Path):
    answers = hfdl.pipeline("sentiment", model=three)(iter([GOOD, None]), batch_size=1)
    assert next(answers)["label"] in ("bad", "fine", "good")
    with pytest.raises(DataError, match="cannot classify None"):
        next(answers)


def test_single_texts_and_pairs_do_not_mix_in_one_call(three: Path):
    with pytest.raises(DataError) as caught:
        hfdl.pipeline("sentiment", model=three)([dict(PAIR), GOOD])
    assert_wording(caught.value)


def test_wrong_options_are_refused(three: Path):
    pipe = hfdl.pipeline("sentiment", model=three)
    message = "function_to_apply: unknown function 'softmx'. Did you mean 'softmax'?"
    with pytest.raises(ConfigError) as caught:
        pipe(GOOD, function_to_apply="softmx")
    assert str(caught.value) == message
    with pytest.raises(ConfigError) as caught:
        hfdl.pipeline("sentiment", model=three, function_to_apply="softmx")
    assert str(caught.value) == message
    for size in (0, -1):
        message = (
            f"batch_size cannot be {size}; it is the most texts in one forward pass. "
            "Give 1 or more, or leave it out"
        )
        with pytest.raises(ConfigError) as caught:
            pipe([GOOD, BAD], batch_size=size)
        assert str(caught.value) == message
        with pytest.raises(ConfigError) as caught:
            hfdl.pipeline("sentiment", model=three, batch_size=size)
        assert str(caught.value) == message


def test_a_text_scores_the_same_whatever_stands_beside_it(three: Path):
    pipe = hfdl.pipeline("sentiment", model=three)
    alone = [pipe([text], top_k=None)[0] for text in (GOOD, "", FILM_50)]
    many = [GOOD, BAD, "", "a", FILM_50, *[f"{GOOD} {i}" for i in range(40)]]
    for size in (None, 1, 7):
        together = pipe(many, top_k=None, batch_size=size)
        assert len(together) == 45
        assert same([together[0], together[2], together[4]], alone) == 9


def test_truncation_and_max_length_are_taken_in_a_call_as_in_the_constructor(
    trained: Path,
) -> None:
    text = "what a good film " * 30
    theirs = transformers.pipeline("text-classification", model=str(trained))
    pipe = hfdl.pipeline("sentiment", model=trained)
    for length in (8, 20, 64):
        options = {"truncation": True, "max_length": length}
        expected = theirs(text, **options)
        built = hfdl.pipeline("sentiment", model=trained, **options)
        assert pipe(text, **options)[0]["score"] == pytest.approx(expected[0]["score"], abs=1e-6)
        assert pipe(text, **options) == built(text)
    with pytest.raises(ConfigError, match="65 tokens are more than the model takes"):
        pipe(text, max_length=65)


@pytest.mark.parametrize("top_k", [0, -1])
def test_no_answer_at_all_cannot_be_asked_for(trained: Path, top_k: int) -> None:
    with pytest.raises(ConfigError, match="top_k: it cannot be"):
        hfdl.pipeline(model=trained, top_k=top_k)
    with pytest.raises(ConfigError, match="top_k: it cannot be"):
        hfdl.pipeline(model=trained)(GOOD, top_k=top_k)


def test_it_shows_the_class_that_is_saved(trained: Path) -> None:
    pipe: Any = hfdl.pipeline(model=trained)
    saved = json.loads((trained / "config.json").read_text(encoding="utf-8"))["architectures"]
    assert [pipe.architecture] == saved
    assert type(pipe.model).__name__ not in str(pipe)
