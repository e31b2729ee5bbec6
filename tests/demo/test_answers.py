"""What the page answers is what the pipeline answers, for every task and for awkward texts."""

from __future__ import annotations

import html
import re
import tempfile
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import set_seed

import hfdl
from hfdl.config.load import load_recipe
from hfdl.demo.answering import answers
from hfdl.demo.html import render
from hfdl.demo.models import DemoModel, distinct_names, find_models, open_model
from hfdl.demo.page import theme
from hfdl.demo.panel import LONGEST, Panel
from hfdl.interpret.attention_view import attention_view
from hfdl.pipelines.registry import WITHOUT_TASK
from hfdl.tasks.registry import TASKS, attribute

TEXTS = [
    "what a good film",
    "the book was long , they say ! " * 40,
    "<script>alert(1)</script> <img src=x onerror=alert(2)> & \"quotes\" 'too'",
    "映画は good 👩‍👩‍👧 🎬",
    "סרט טוב מאוד good",
    " blanks  at both ends ",
    "[CLS] a [SEP]",
    "a\n\nb\tc",
]
WRITING: tuple[Any, ...] = (9, 0.8, 0.9, 3)


@pytest.fixture(scope="module")
def page(models: dict[str, Path]) -> Callable[[str], tuple[Panel, DemoModel]]:
    """``page("tagger")``: the panel of a model, with the model opened in it."""
    made: dict[str, tuple[Panel, DemoModel]] = {}

    def make(kind: str) -> tuple[Panel, DemoModel]:
        if kind not in made:
            (found,) = find_models([models[kind]])
            model = open_model(found)
            made[kind] = attribute(found.panel)([model]), model
        return made[kind]

    return make


def last(panel: Panel, model: DemoModel, *values: Any) -> tuple[str, str]:
    return list(answers(panel, model, *values))[-1]


def scores(shown: str) -> list[float]:
    return [float(value) for value in re.findall(r'data-score="([^"]+)"', shown)]


def plain(shown: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", shown))


def test_every_task_with_a_pipeline_has_a_page() -> None:
    specs = [*TASKS.values(), WITHOUT_TASK["sentence-similarity"]]
    panels = [spec.panel for spec in specs]
    assert all(issubclass(attribute(panel), Panel) for panel in panels if panel)
    assert None not in panels
    assert len(set(panels)) == 6


@pytest.mark.parametrize("text", TEXTS)
def test_labels_are_the_pipelines(page, models, text: str) -> None:
    pipe = hfdl.pipeline(model=models["run"])
    shown, _ = last(*page("run"), text)
    expected = pipe(text, top_k=None)
    assert scores(shown) == [one["score"] for one in expected]
    assert f'dir="auto">{expected[0]["label"]}</p>' in shown


def test_a_model_in_int8_has_as_many_parameters_as_in_float32(models) -> None:
    for kind in ("run", "tagger", "masked", "writer"):
        (found,) = find_models([models[kind]])
        shown = [
            attribute(found.panel)([model]).facts(model)
            for model in (open_model(found), open_model(found, precision="int8"))
        ]
        assert shown[0] == shown[1]
        assert re.fullmatch(r"[\d.]+[KM] parameters", shown[0][1])


def test_a_long_class_name_ends_a_line_between_its_words() -> None:
    shown = render("heading", name="a<b", facts=["BagOfWordsForThis", "4.97K parameters", "<i>"])
    assert "BagOfWordsForThis; 4.97K parameters; <i>" in plain(shown).replace("&lt;", "<")
    assert "Words<wbr>For<wbr>This; 4.97K" in shown
    assert "<i>" not in shown


def contrast(colour: str) -> float:
    """The contrast of white to a colour, as WCAG 2 reckons it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    light = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 1.05 / (0.05 + 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2])


def test_the_words_of_the_main_button_can_be_read() -> None:
    own: Any = theme()
    assert contrast("#3b82f6") < 4.5
    for state in ("", "_hover", "_dark", "_hover_dark"):
        named = getattr(own, f"button_primary_background_fill{state}")
        assert contrast(getattr(own, named.removeprefix("*"))) >= 4.5


def test_labels_in_int8_and_what_that_model_attends_to(models) -> None:
    (found,) = find_models([models["run"]])
    model = open_model(found, precision="int8")
    assert model.name == f"{found.name} (int8)"
    text = "what a good film"
    shown, view = last(attribute(found.panel)([model]), model, text)
    exact = hfdl.pipeline(model=models["run"])(text, top_k=None)
    pairs = zip(scores(shown), [one["score"] for one in exact], strict=True)
    assert all(0 < abs(a - b) < 0.02 for a, b in pairs)
    expected = attention_view(
        model.pipe.model, text, tokenizer=model.pipe.tokenizer, name=model.name
    )
    assert framed(view) == expected.html()


def test_several_labels_and_which_of_them_hold(page, models) -> None:
    pipe = hfdl.pipeline(model=models["several"])
    for text in TEXTS:
        shown, _ = last(*page("several"), text, "")
        assert scores(shown) == [one["score"] for one in pipe(text, top_k=None)]
        holding = re.findall(r'hfdl-chip">([^<]+)<', shown)
        assert holding == [one["label"] for one in pipe(text)]
        assert shown.count('data-holds="yes"') == len(holding)
        assert "4 more" in shown  # of 14


def test_pairs_and_numbers(page, models) -> None:
    pipe = hfdl.pipeline(model=models["number"])
    panel, model = page("number")
    for pair in ("", "it was bad"):
        shown, view = last(panel, model, "what a good film", pair)
        asked = {"text": "what a good film", "text_pair": pair} if pair else "what a good film"
        assert scores(shown) == [one["score"] for one in pipe(asked, top_k=None)]
        expected = attention_view(
            model.pipe.model, "what a good film", tokenizer=model.pipe.tokenizer,
            text_pair=pair or None, name=model.name,
        )  # fmt: skip
        assert framed(view) == expected.html()
    assert "second text" not in panel.title


@pytest.mark.parametrize("text", TEXTS)
def test_entities_are_the_pipelines(page, models, text: str) -> None:
    pipe = hfdl.pipeline(model=models["tagger"])
    shown, _ = last(*page("tagger"), text)
    expected = pipe(text, aggregation_strategy="viterbi")
    marked = re.findall(
        r'data-type="(\w+)" data-score="([^"]+)" data-start="(\d+)" data-end="(\d+)"', shown
    )
    assert [(t, float(s), int(b), int(e)) for t, s, b, e in marked] == [
        (one["entity_group"], one["score"], one["start"], one["end"]) for one in expected
    ]
    # Without the notes on entities, the text is whole.
    tagged = re.search(r'dir="auto">(.*?)</p>', shown, re.DOTALL)
    assert tagged is not None
    assert plain(re.sub(r"<small>.*?</small>", "", tagged[1])) == text


def test_masks_are_the_pipelines(page, models) -> None:
    pipe = hfdl.pipeline(model=models["masked"])
    for text in ("what a [MASK] film", "[MASK] was [MASK] !", "<b>[MASK]</b> 🎬"):
        shown, _ = last(*page("masked"), text, 7)
        expected = pipe(text, top_k=7)
        rows = expected if isinstance(expected[0], list) else [expected]
        assert scores(shown) == [one["score"] for row in rows for one in row]


def test_continuations_are_the_pipelines(page, models) -> None:
    pipe = hfdl.pipeline(model=models["writer"])
    panel, model = page("writer")
    counts: list[int] = []
    for text in ["", *(text[:30] for text in TEXTS)]:
        for count, temperature, top_p, seed in (WRITING, (9, 0, 1, 0)):
            options: dict[str, Any] = {"do_sample": False}
            if temperature:
                options = {"do_sample": True, "temperature": temperature, "top_p": top_p}
            (expected,) = pipe(
                text, max_new_tokens=count, seed=seed, return_full_text=False, **options
            )
            set_seed(5)  # what else draws must not matter
            steps = list(panel.steps(model, text, count, temperature, top_p, seed))
            assert "".join(steps[-1:]) == expected["generated_text"]
            assert panel.ask(model, text, count, temperature, top_p, seed) == "".join(steps[-1:])
            assert all(b.startswith(a) for a, b in pairwise(steps))
            counts.append(len(steps))
    assert max(counts) > 4


def test_translations_are_the_pipelines(page, models) -> None:
    pipe = hfdl.pipeline(model=models["translator"])
    for text in ("she went to the park", "two <b>dogs</b>"):
        shown, _ = last(*page("translator"), text)
        (expected,) = pipe(text)
        assert expected["translation_text"] in plain(shown)


def test_what_is_said_of_long_texts_is_what_becomes_of_them(page) -> None:
    """The words of the heading against the answers themselves."""
    long = "what a good film , it was long . " * 60
    for kind, reads_on in (("run", False), ("other", True), ("translator", False)):
        panel, model = page(kind)
        words = "; ".join(panel.reads(model))
        texts = (long, long + "bad book the bad " * 9)
        first, second = (model.pipe(text) for text in texts)
        assert (first != second) is reads_on
        assert ("of a longer text it reads the start" in words) is not reads_on
        assert ("windows" in words) is reads_on


def test_a_run_that_fills_masks_reads_what_its_recipe_says(page) -> None:
    panel, model = page("masked")
    trained = DemoModel(model.name, model.pipe, load_recipe("mlm"))
    assert trained.recipe is not None
    length = trained.recipe.data.max_length
    assert panel.reads(trained) == [f"{length} tokens around the masks"]
    assert panel.reads(model) != panel.reads(trained)


def test_similarities_are_the_pipelines(page, models) -> None:
    pipe = hfdl.pipeline(model=models["embedder"])
    lines = ["what a good film", "bad", "the book was long"]
    shown, _ = last(*page("embedder"), "\n\n".join(lines) + "\n ", 1)
    expected = [score for line in lines for score in pipe(line, lines)]
    assert scores(shown) == pytest.approx(expected, abs=1e-6)


# ---- attention beside the answer ----------------------------------------------------------------


def framed(view: str) -> str:
    """The page within the frame, as a browser reads it."""
    found = re.fullmatch(
        r'<iframe [^>]*sandbox="allow-scripts"[^>]*srcdoc="([^"]*)"></iframe>', view
    )
    assert found is not None, view[:300]
    return html.unescape(found[1])


@pytest.mark.parametrize(
    ("kind", "values", "read"),
    [
        ("run", ("what a good film",), "what a good film"),
        ("tagger", ("<img onerror=x> & film",), "<img onerror=x> & film"),
        ("masked", ("what a [MASK]", 3), "what a [MASK]"),
        ("embedder", ("what\nthe book", 2), "the book"),
    ],
)
def test_the_view_is_that_of_the_command(page, models, kind: str, values: tuple, read: str) -> None:
    panel, model = page(kind)
    _, view = last(panel, model, *values)
    with tempfile.TemporaryDirectory() as folder:
        # As the command does: the model opened anew from its folder.
        file = attention_view(str(models[kind]), read).to_html(Path(folder) / "a.html")
        expected = file.read_text(encoding="utf-8")
    name = "/".join(models[kind].parts[-2:])
    assert framed(view) == expected.replace(name, model.name)


def test_the_view_of_a_writer_holds_what_was_written(page) -> None:
    panel, model = page("writer")
    _, view = last(panel, model, "what a", 5, 0, 1, 0)
    text = "what a" + panel.ask(model, "what a", 5, 0, 1, 0)
    expected = attention_view(
        model.pipe.model, text, tokenizer=model.pipe.tokenizer, name=model.name
    )
    assert framed(view) == expected.html()


def test_the_decoder_in_the_view_has_read_the_translation(page) -> None:
    panel, model = page("translator")
    shown, view = last(panel, model, "she went")
    written = panel.ask(model, "she went")
    expected = attention_view(
        model.pipe.model, "she went", tokenizer=model.pipe.tokenizer, target=written,
        name=model.name,
    )  # fmt: skip
    assert framed(view) == expected.html()
    assert written in plain(shown)


def test_a_model_without_attention_says_so(page, models) -> None:
    shown, view = last(*page("bag"), "what a good film")
    expected = hfdl.pipeline(model=models["bag"])("what a good film", top_k=None)
    assert scores(shown) == [one["score"] for one in expected]
    assert re.fullmatch(
        r"No attention view: \S*of-words has no attention to show; recurrent and convolutional "
        r"models and averages of words have none\.",
        plain(view),
    )
    assert "iframe" not in view


def test_a_text_too_long_for_a_view_is_still_answered(page) -> None:
    shown, view = last(*page("run"), TEXTS[1])
    assert len(scores(shown)) == 2
    assert "No attention view: the text has " in view
    assert "reads 64 at most" in view


def test_a_view_of_more_than_was_answered_says_so(page) -> None:
    """The run reads the first 32 tokens, its model has room for 64."""
    for count, is_told in ((30, False), (31, True)):  # and two special tokens
        _, view = last(*page("run"), "good " * count)
        assert ("answer was made from 32 tokens" in view) is is_told
        assert f"this view is of all {count + 2} together" in view or not is_told
        assert "<iframe" in view


def test_a_view_too_large_for_a_page_says_how_to_write_it(page, monkeypatch) -> None:
    monkeypatch.setattr("hfdl.demo.attention.MOST_WEIGHTS", 10)
    _, view = last(*page("run"), "what a good film")
    assert "hfdl attention" in plain(view)
    assert "iframe" not in view


# ---- what cannot be answered --------------------------------------------------------------------


def test_what_cannot_be_asked_is_a_note(page) -> None:
    for kind, values, words in [
        ("run", ("",), "Type a text first."),
        ("run", (" \n ",), "Type a text first."),
        ("run", ("a" * (LONGEST + 1),), "100,001 characters"),
        ("masked", ("no mask", 5), "Put [MASK] where"),
        ("embedder", ("one text", 1), "two texts or more"),
    ]:
        shown, view = last(*page(kind), *values)
        assert words in shown
        assert 'role="status"' in shown
        assert view == ""


def test_an_error_of_hfdl_is_a_message(page) -> None:
    shown, view = last(*page("writer"), "what a good film " * 30, 9, 0, 1, 0)
    assert 'role="alert"' in shown
    assert "the model reads 64 tokens" in shown
    assert view == ""


def test_a_model_that_fails_is_a_message_and_goes_on(page, capsys, monkeypatch) -> None:
    panel, model = page("run")
    with monkeypatch.context() as broken:
        broken.setattr(model.pipe.model, "forward", lambda **_: 1 / 0)
        shown, view = last(panel, model, "what a good film")
    assert "ZeroDivisionError: division by zero" in shown
    assert 'role="alert"' in shown
    assert view == ""
    assert "Traceback" in capsys.readouterr().err
    assert scores(last(panel, model, "what a good film")[0])


@pytest.mark.parametrize("text", ["<script>1</script>", "<img src=x onerror=y>"])
def test_no_text_becomes_markup(page, text: str) -> None:
    begin = text[: text.index(" ") if " " in text else text.index(">")]
    written, _ = last(*page("writer"), text, 3, 0, 1, 0)
    assert text in plain(written)
    label = [{"label": text, "score": 0.5, "token_str": text}]
    entity = [{"text": text, "entity": None}]
    for shown in (
        written, render("bars", rows=label, holds=[text], shown=1), render("error", text=text),
        render("masks", masks=[label]), render("note", text=text), render("top", names=[text]),
        render("entities", parts=entity, hues={}, legend=[{"type": text, "hue": 1, "count": 0}]),
        render("matrix", texts=[text], rows=[[1.0]], name=text, scale=1),
        render("heading", name=text, facts=[text]), render("frame", name=text, page=text),
    ):  # fmt: skip
        assert begin not in shown


def test_the_model_is_held_while_it_runs_and_its_attention_is_captured(page, monkeypatch) -> None:
    panel, model = page("run")
    held: list[bool] = []

    def note(real: Callable) -> Callable:
        return lambda *args, **options: (held.append(model.lock.locked()), real(*args, **options))[
            1
        ]

    with monkeypatch.context() as watched:
        watched.setattr(model.pipe.model, "forward", note(model.pipe.model.forward))
        list(answers(panel, model, "what a good film"))
    assert len(held) >= 2  # for the answer, and for the view
    assert all(held)
    assert not model.lock.locked()


def test_half_a_surrogate_pair_is_no_fault(page) -> None:
    shown, _ = last(*page("tagger"), "good \ud83d film")
    shown.encode("utf-8")
    assert "film" in plain(shown)


def test_several_people_at_once_get_their_own_answers(page) -> None:
    """Attention is captured by changing the model for a moment: others must not see that."""
    panel, model = page("writer")
    prompts = ["what a", "the book", "it is", "bad"]
    alone = {text: last(panel, model, text, 12, 0.9, 1, 1) for text in prompts}
    together: dict[str, tuple[str, str]] = {}

    def ask(text: str) -> None:
        together[text] = last(panel, model, text, 12, 0.9, 1, 1)

    threads = [threading.Thread(target=ask, args=[text]) for text in prompts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert model.pipe.model.config._attn_implementation != "eager"
    assert torch.is_grad_enabled()


def test_names_are_short_and_distinct() -> None:
    assert distinct_names(["runs/a"]) == ["a"]
    assert distinct_names(["x/runs/a/", "y/runs/a", "b"]) == ["x/runs/a", "y/runs/a", "b"]
    assert distinct_names(["a", "a"]) == ["a", "a (2)"]
    assert distinct_names(["/a", "x/a"]) == ["//a", "x/a"]
