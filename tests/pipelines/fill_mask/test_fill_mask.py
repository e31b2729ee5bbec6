"""The fill-mask pipeline: transformers' answers in its structures, and what it cannot answer."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    XLNetConfig,
    XLNetLMHeadModel,
    pipeline,
)

import hfdl
from hfdl.config.load import load_recipe
from hfdl.config.yaml import dump_recipe
from hfdl.errors import HfdlError
from hfdl.pipelines.fill_mask.pipeline import FillMaskPipeline

# M stands for the mask; each tokenizer has its own.
ONE_MASK = [
    "M", "a M film", "  M  ", "the film was M.", "it's M\r\nand good", "cafe\u0301 M 😀",
    "M\u00a0great", "zebra M qqq", "a very M minute" + " a very long minute" * 3,
    "M [SEP] good", "[PAD] the M film", "goodMfilm",
]  # fmt: skip
SEVERAL = ["M M", "the M was M.", "M film, a M very M minute"]


def decided(model: Any, folder: Path, tokenizer: Any) -> Path:
    """The model saved with weights so wide that no two words are nearly as likely."""
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bert(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_bert)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64, pad_token_id=0,
    )  # fmt: skip
    return decided(BertForMaskedLM(config), tmp_path_factory.mktemp("bert"), tokenizer)


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import RobertaProcessing

    backend: Any = ByteLevelBPETokenizer()
    backend.train_from_iterator(
        [row["text"] for row in reviews(40)], vocab_size=320, show_progress=False,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    )  # fmt: skip
    backend._tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend._tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>",
        sep_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
        model_max_length=64, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=66, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, type_vocab_size=1,
    )  # fmt: skip
    return decided(RobertaForMaskedLM(config), tmp_path_factory.mktemp("roberta"), tokenizer)


@pytest.fixture(params=["bert", "roberta"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


@cache
def plain_model(folder: Path) -> Any:
    """transformers' own, in float64: what batches differ by is far below what answers do."""
    return AutoModelForMaskedLM.from_pretrained(folder).double().eval()


def theirs(folder: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return pipeline("fill-mask", model=plain_model(folder), tokenizer=tokenizer)


def open_pipeline(folder: Path, **options: Any) -> Any:
    """hfdl's, of the same weights in float64."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return hfdl.pipeline("fill-mask", model=plain_model(folder), tokenizer=tokenizer, **options)


def equal(score: Any) -> Any:
    """Nothing but rounding may lie between them, however small they are."""
    return pytest.approx(score, rel=1e-9, abs=0)


def masked(texts: list[str], pipe: Any) -> list[str]:
    return [text.replace("M", pipe.tokenizer.mask_token) for text in texts]


def assert_alike(found: Any, expected: Any) -> int:
    """The same structure and scores; returns how many answers were compared."""
    if isinstance(expected, list):
        assert isinstance(found, list)
        assert len(found) == len(expected)
        return sum(assert_alike(a, b) for a, b in zip(found, expected, strict=True))
    assert list(found) == list(expected) == ["score", "token", "token_str", "sequence"]
    assert [type(value) for value in found.values()] == [float, int, str, str]
    assert found["score"] == equal(expected["score"])
    assert {**found, "score": 0} == {**expected, "score": 0}
    return 1


def test_answers_are_those_of_transformers(folder: Path) -> None:
    ours, reference = open_pipeline(folder), theirs(folder)
    assert isinstance(ours, FillMaskPipeline)
    texts = masked([*ONE_MASK, *SEVERAL], ours)
    expected = [reference(text) for text in texts]
    assert len({row[0]["token"] for row in expected[: len(ONE_MASK)]}) > 4
    compared = sum(assert_alike(ours(t), e) for t, e in zip(texts, expected, strict=True))
    assert compared == 5 * (12 + 2 + 2 + 3)
    batched = 0
    for size in (None, 1, 4):
        batched += assert_alike(ours(texts, batch_size=size), expected)
        batched += assert_alike([*ours(iter(texts), batch_size=size)], expected)
    assert batched == 6 * compared


OPTIONS: list[tuple[dict[str, Any], int]] = [
    ({"top_k": 1}, 1), ({"top_k": 17}, 17), ({"targets": ["good", "film"]}, 2),
    ({"targets": "film"}, 1), ({"targets": ["good", "a"], "top_k": 1}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("options", "answers"), OPTIONS)
def test_options_mean_what_they_mean_in_transformers(
    bert: Path, options: dict[str, Any], answers: int
) -> None:
    ours, reference = open_pipeline(bert), theirs(bert)
    texts = masked(["a M film", "M M"], ours)
    compared = sum(
        assert_alike(ours(text, **options), reference(text, **options)) for text in texts
    )
    assert compared == 3 * answers
    fixed = open_pipeline(bert, **options)
    assert fixed(texts) == ours(texts, **options)


def test_a_list_is_answered_with_a_list_whatever_its_length(bert: Path) -> None:
    pipe = open_pipeline(bert)
    assert pipe([]) == []
    assert pipe(["a [MASK] film"]) == [pipe("a [MASK] film")]
    read: list[int] = []

    def texts() -> Iterator[str]:
        for i in range(5):
            read.append(i)
            yield "a [MASK] film"

    answers = pipe(texts(), batch_size=2)
    assert read == []
    next(answers)
    assert read == [0, 1]
    assert len([*answers]) == 4


def test_more_answers_than_words_are_all_words(bert: Path) -> None:
    pipe = open_pipeline(bert)
    answers = pipe("a [MASK] film", top_k=10_000)
    assert len(answers) == len(pipe.tokenizer)
    assert math.fsum(answer["score"] for answer in answers) == equal(1)


def chance(folder: Path, ids: list[int], place: int) -> torch.Tensor:
    """What transformers' model says of a place, in float64: (V,)."""
    with torch.no_grad():
        return plain_model(folder)(input_ids=torch.tensor([ids])).logits[0, place].softmax(-1)


def test_a_target_of_several_pieces_is_the_chain_of_its_conditionals(bert: Path) -> None:
    pipe = open_pipeline(bert)
    tokenizer: Any = pipe.tokenizer
    word = tokenizer("zebra", add_special_tokens=False)["input_ids"]
    assert len(word) == 5
    before, after = tokenizer("a")["input_ids"][:-1], tokenizer("film")["input_ids"][1:]
    score = 1.0
    for i, piece in enumerate(word):
        ids = [*before, *word[:i], *[tokenizer.mask_token_id] * (5 - i), *after]
        score *= float(chance(bert, ids, len(before) + i)[piece])
    answers = pipe("a [MASK] film", targets=["good", "zebra", "zebra"])
    assert len(answers) == 2
    found = {
        "zebra" if answer["token"] == word else answer["token_str"]: answer for answer in answers
    }
    assert found["zebra"]["score"] == equal(score)
    pieces = "z ##e ##b ##r ##a"  # the tiny tokenizer has no decoder that would join them
    assert found["zebra"]["token_str"] == pieces
    assert found["zebra"]["sequence"] == f"a {pieces} film"
    plain = chance(bert, [*before, tokenizer.mask_token_id, *after], len(before))
    good = tokenizer.convert_tokens_to_ids("good")
    assert found["good"]["score"] == equal(float(plain[good]))
    assert [a["score"] for a in answers] == sorted([a["score"] for a in answers], reverse=True)


def test_a_long_target_in_a_text_with_two_masks_leaves_the_other_mask(bert: Path) -> None:
    pipe = open_pipeline(bert)
    first, second = pipe("[MASK] and [MASK]", targets=["zebra"])
    assert first[0]["sequence"] == "[CLS] z ##e ##b ##r ##a and [MASK] [SEP]"
    assert second[0]["sequence"] == "[CLS] [MASK] and z ##e ##b ##r ##a [SEP]"
    assert first[0]["score"] != second[0]["score"]


def test_masks_together_are_the_best_of_all_ways_to_fill_them(bert: Path) -> None:
    pipe = open_pipeline(bert)
    tokenizer: Any = pipe.tokenizer
    words = ["good", "film", "a", "very"]
    ids = tokenizer.convert_tokens_to_ids(words)
    text = tokenizer("the [MASK] was [MASK], [MASK]")["input_ids"]
    places = [i for i, token in enumerate(text) if token == tokenizer.mask_token_id]
    assert len(places) == 3
    every: dict[tuple[int, ...], float] = {}
    for way in itertools.product(ids, repeat=3):
        filled, score = list(text), 1.0
        for place, token in zip(places, way, strict=True):
            score *= float(chance(bert, filled, place)[token])
            filled[place] = token
        every[way] = score
    ranked = sorted(every, key=lambda way: -every[way])
    # As many ways are followed as answers are wanted: here all of them, whatever num_beams is.
    for options, count in (({"num_beams": 16}, 5), ({"num_beams": 1, "top_k": 64}, 64)):
        found = pipe("the [MASK] was [MASK], [MASK]", joint=True, targets=words, **options)
        best = ranked[:count]
        assert [tuple(answer["token"]) for answer in found] == best
        assert [a["score"] for a in found] == equal([every[way] for way in best])
    assert found[0]["token_str"] == [tokenizer.decode([token]) for token in best[0]]
    assert all(type(answer["score"]) is float for answer in found)
    assert "[MASK]" not in found[0]["sequence"]
    # A single beam is greedy: the likeliest word at each step.
    greedy, filled = [], list(text)
    for place in places:
        filled[place] = max(ids, key=lambda token: float(chance(bert, filled, place)[token]))
        greedy.append(filled[place])
    (one,) = pipe("the [MASK] was [MASK], [MASK]", joint=True, targets=words, num_beams=1, top_k=1)
    assert one["token"] == greedy


@pytest.mark.parametrize("width", [1, 2, 7])
def test_the_search_follows_as_many_ways_as_it_is_told(bert: Path, width: int) -> None:
    pipe = open_pipeline(bert)
    text = pipe.tokenizer("[MASK] was [MASK], [MASK]")["input_ids"]
    ways: list[tuple[float, list[int], list[int]]] = [(1.0, [], text)]
    for place in [i for i, token in enumerate(text) if token == pipe.tokenizer.mask_token_id]:
        longer = [
            (score * chances[token], [*word, token], [*ids[:place], token, *ids[place + 1 :]])
            for score, word, ids in ways
            for chances in [chance(bert, ids, place).tolist()]
            for token in range(len(pipe.tokenizer))
        ]
        ways = sorted(longer, key=lambda way: -way[0])[:width]
    found = pipe("[MASK] was [MASK], [MASK]", joint=True, num_beams=width, top_k=width)
    assert [answer["token"] for answer in found] == [word for _, word, _ in ways]
    assert [answer["score"] for answer in found] == equal([score for score, _, _ in ways])


def test_two_masks_over_the_whole_vocabulary_are_searched_exhaustively(bert: Path) -> None:
    pipe = open_pipeline(bert)
    size = len(pipe.tokenizer)
    text = pipe.tokenizer("[MASK] [MASK]")["input_ids"]
    first = chance(bert, text, 1)
    rows = torch.tensor([[text[0], token, *text[2:]] for token in range(size)])
    with torch.no_grad():
        second = plain_model(bert)(input_ids=rows).logits[:, 2].softmax(-1)  # (V, V)
    both = (first[:, None] * second).flatten()
    best = both.topk(3)
    found = pipe("[MASK] [MASK]", joint=True, num_beams=size, top_k=3)
    assert [a["token"][0] * size + a["token"][1] for a in found] == best.indices.tolist()
    assert [a["score"] for a in found] == equal(best.values.tolist())
    # The masks one by one have another answer: that is what joint is for.
    alone = pipe("[MASK] [MASK]", top_k=1)
    assert len(alone) == 2


def test_a_text_longer_than_the_model_is_read_around_its_masks(bert: Path) -> None:
    pipe = open_pipeline(bert)
    words = [w for row in reviews(40) for w in row["text"].split()][:300]
    compared = 0
    for place in (0, 1, 30, 150, 270, 299):
        long = [*words[:place], "[MASK]", *words[place + 1 :]]
        ids = pipe.tokenizer(" ".join(long), add_special_tokens=False)["input_ids"]
        at = ids.index(pipe.tokenizer.mask_token_id)
        begin = min(max(0, (2 * at + 1 - 62) // 2), len(ids) - 62)
        window = pipe.tokenizer.decode(ids[begin : begin + 62])
        near = pipe(window, top_k=3)
        found = pipe(" ".join(long), top_k=3)
        assert [a["token"] for a in found] == [a["token"] for a in near]
        assert [a["score"] for a in found] == equal([a["score"] for a in near])
        assert len(pipe.tokenizer(found[0]["sequence"])["input_ids"]) > 250  # nothing is cut off
        compared += 1
    assert compared == 6


def test_masks_far_apart_are_read_in_a_window_that_holds_both(bert: Path) -> None:
    pipe = open_pipeline(bert)
    mask = pipe.tokenizer.mask_token_id
    ids = pipe.tokenizer("good film a very " * 40, add_special_tokens=False)["input_ids"]
    ids[50] = ids[110] = mask  # 61 tokens from the first to the last, where 62 are read
    text = pipe.tokenizer.decode(ids)
    begin = (50 + 111 - 62) // 2
    row = [2, *ids[begin : begin + 62], 3]
    for place, answers in zip((50, 110), pipe(text), strict=True):
        best = chance(bert, row, place - begin + 1).topk(5)
        assert [answer["token"] for answer in answers] == best.indices.tolist()
        assert [answer["score"] for answer in answers] == equal(best.values.tolist())
    assert len(pipe(text, joint=True)) == 5
    assert len(pipe("[MASK]" + " good" * 60 + " [MASK] film")) == 2  # just as far as can be


def test_a_model_of_a_run_reads_as_much_as_it_was_trained_with(bert: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(bert, run)
    recipe = load_recipe("mlm", {"model.name": str(bert), "data.max_length": 12})
    (run / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    text = "a very good film [MASK] and the very long song was good, they say"
    pipe, whole = (hfdl.pipeline("fill-mask", model=folder) for folder in (run, bert))
    ids = pipe.tokenizer(text, add_special_tokens=False)["input_ids"]
    window = pipe.tokenizer.decode(ids[: 12 - 2])
    assert [a["score"] for a in pipe(text)] == [a["score"] for a in whole(window)]
    assert pipe(text)[0]["score"] != whole(text)[0]["score"]


def test_rows_are_padded_where_the_model_needs_it(bert: Path, tiny_bert: Path) -> None:
    torch.manual_seed(3)
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_bert)
    config = XLNetConfig(
        vocab_size=len(tokenizer), d_model=32, n_layer=2, n_head=4, d_inner=64, pad_token_id=0
    )
    models = {"left": XLNetLMHeadModel(config).double(), "right": plain_model(bert)}
    texts = ["a very long [MASK], they say", "[MASK]", "the [MASK] was good"]
    compared = 0
    for side, model in models.items():
        # Which side the tokenizer would pad does not matter.
        tokenizer.padding_side = {"left": "right", "right": "left"}[side]
        pipe = hfdl.pipeline("fill-mask", model=model, tokenizer=tokenizer)
        rows: list[torch.Tensor] = []
        watch = model.register_forward_pre_hook(
            lambda _, args, kwargs, rows=rows: rows.append(kwargs["input_ids"]), with_kwargs=True
        )
        answers = pipe(texts)
        watch.remove()
        (row,) = rows  # all texts in one
        edge = row[:, 0] if side == "left" else row[:, -1]
        assert edge.tolist().count(tokenizer.pad_token_id) == 2
        for text, found in zip(texts, answers, strict=True):
            ids = tokenizer(text, return_tensors="pt")["input_ids"]
            with torch.no_grad():
                logits = model(input_ids=ids).logits[0]
            best = logits[ids[0] == tokenizer.mask_token_id].softmax(-1)[0].topk(5)
            assert [answer["score"] for answer in found] == equal(best.values.tolist())
            compared += 1
    assert compared == 6


def test_a_folder_is_opened_with_the_weights_that_lie_in_it(folder: Path) -> None:
    model = AutoModelForMaskedLM.from_pretrained(folder)
    opened = hfdl.pipeline(
        "fill-mask", model=model, tokenizer=AutoTokenizer.from_pretrained(folder)
    )
    texts = masked([*ONE_MASK, *SEVERAL], opened)
    answers = hfdl.pipeline("fill-mask", model=folder)(texts)
    assert hfdl.pipeline(model=str(folder))(texts) == answers
    # The folder is opened in hfdl's own code, the model that is given stays what it is.
    for one, other in zip(_flat(answers), _flat(opened(texts)), strict=True):
        assert one == {**other, "score": pytest.approx(other["score"], rel=1e-4)}


def _flat(answers: Any) -> list[dict[str, Any]]:
    """All answers, in order."""
    return [answers] if isinstance(answers, dict) else [x for each in answers for x in _flat(each)]


def test_training_mode_does_not_show(bert: Path) -> None:
    model = AutoModelForMaskedLM.from_pretrained(bert).train()
    tokenizer = AutoTokenizer.from_pretrained(bert)
    pipe = hfdl.pipeline("fill-mask", model=model, tokenizer=tokenizer)
    assert not pipe.model.training
    assert pipe("a [MASK] film") == pipe("a [MASK] film")


FAULTS: list[tuple[Any, dict[str, Any], list[str]]] = [
    ("no mask", {}, ["input 1", "it has no mask", "[MASK]"]),
    (["[MASK]", 3], {}, ["input 2", "cannot fill 3"]),
    ({"text": "[MASK]"}, {}, ["input 1", "an input is a text"]),
    ("[MASK]" + " good" * 70 + " [MASK]", {}, ["72 tokens apart", "reads 62 tokens"]),
    ("[MASK]" + " good" * 61 + " [MASK]", {}, ["63 tokens apart", "reads 62 tokens"]),
    # A target of five pieces makes the text longer.
    ("[MASK]" + " good" * 59 + " [MASK]", {"targets": ["zebra"]}, ["65 tokens apart"]),
    ("[MASK]", {"top_k": 0}, ["top_k", "cannot be 0"]),
    ("[MASK]", {"joint": True, "num_beams": 0}, ["num_beams", "cannot be 0"]),
    ("[MASK]", {"targets": []}, ["targets", "there is none"]),
    ("[MASK]", {"targets": ["good", ""]}, ["targets", "does not know ''"]),
    ("[MASK]", {"targets": ["😀"]}, ["targets", "does not know '😀'"]),
    ("[MASK]", {"targets": ["zebra"], "joint": True}, ["several pieces", "leave joint out"]),
]


@pytest.mark.parametrize(("inputs", "options", "parts"), FAULTS)
def test_what_cannot_be_answered_is_refused(
    inputs: Any, options: dict[str, Any], parts: list[str], bert: Path
) -> None:
    pipe = open_pipeline(bert)
    with pytest.raises(HfdlError) as error:
        pipe(inputs, **options)
    for part in parts:
        assert part in str(error.value)


def test_a_model_without_a_mask_or_without_a_head_is_refused(
    tiny_gpt2: Path, tiny_bert: Path
) -> None:
    with pytest.raises(HfdlError, match="no mask token"):
        hfdl.pipeline("fill-mask", model=tiny_gpt2)
    with pytest.raises(HfdlError, match="no trained head for masked words"):
        hfdl.pipeline("fill-mask", model=tiny_bert)
