"""How figures and texts are written."""

from __future__ import annotations

import pytest

from hfdl.report import wording


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.913, "91.3%"),
        (1.0, "100.0%"),
        (0.0, "0.0%"),
        (0.9996, "99.96%"),
        (0.999996, ">99.999%"),
        (0.0004, "0.04%"),
        (1e-9, "<0.001%"),
        (None, "—"),
        (float("nan"), "—"),
    ],
)
def test_percent(share, text):
    assert wording.percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345, "12,345"),
        (3400.0, "3,400"),
        (5e-5, "5e-05"),
        (0.35738, "0.3574"),
        (float("nan"), "—"),
        (float("inf"), "inf"),
        (None, "—"),
        (True, "True"),
    ],
)
def test_number(value, text):
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("bleu", "BLEU"),
        ("chrf", "chrF"),
        ("perplexity", "Perplexity"),
        ("f1_macro", "F1, macro average"),
        ("exact_match", "Exact match"),
    ],
)
def test_metric_name(name, shown):
    assert wording.metric_name(name) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4.23, "4.23 s"),
        (59.99, "1 min 0 s"),
        (83.4, "1 min 23 s"),
        (3725, "1 h 2 min"),
        (None, "—"),
    ],
)
def test_duration(seconds, text):
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1_468_006_400, "1.37 GiB"), (2**50, "1,024 TiB")]
)
def test_size(count, text):
    assert wording.size(count) == text


@pytest.mark.parametrize(
    ("count", "text"), [(800, "800"), (22_713_602, "22.7 M"), (999_999, "1 M"), (7e9, "7 G")]
)
def test_short_count(count, text):
    assert wording.short_count(count) == text


def test_clip_ends_at_a_word():
    assert wording.clip("one two three", limit=9) == "one two …"
    assert wording.clip("short", limit=9) == "short"


@pytest.mark.parametrize("text", ["👩‍👩‍👧" * 300, "e\u0301" * 300, "👍🏽" * 300])
@pytest.mark.parametrize("limit", range(100, 106))
def test_clip_never_cuts_a_character(text, limit):
    unit = text[: len(text) // 300]
    kept = wording.clip(text, limit).removesuffix("…")
    assert kept
    assert kept.replace(unit, "") == ""


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("matthews_correlation", 0.45, "0.4500"),
        ("matthews_correlation", -0.3, "-0.3000"),
        ("loss", 0.5587123, "0.5587"),
        ("loss", 2.1, "2.100"),
        ("perplexity", 370.02, "370.0"),
        ("perplexity", 999.96, "1000"),
        ("perplexity", 1234.5, "1,234"),
        ("loss", -2.5, "-2.500"),
        ("loss", 0.0000123, "1.23e-05"),
        ("loss", 0.0, "0"),
        ("bleu", 33.0, "33.0"),
        ("accuracy", 0.45, "45.0%"),
        ("loss", None, wording.MISSING),
    ],
)
def test_figure(name, value, text):
    assert wording.figure(name, value) == text


@pytest.mark.parametrize(
    ("name", "first", "second", "text"),
    [
        ("accuracy", 0.75, 0.7125, "-3.75"),  # beside 75.0% and 71.2%
        ("f1", 0.5, 0.5, "0.00"),
        ("loss", 2.1, 2.35, "+0.2500"),
        ("perplexity", 30.0, 32.5, "+2.500"),
        ("mae", 0.5, 0.5, "0"),
        ("bleu", 33.86, 35.12, "+1.26"),
    ],
)
def test_a_difference_does_not_contradict_the_figures_beside_it(name, first, second, text):
    assert wording.gain(name, second - first) == text
    shown = [wording.figure(name, one).rstrip("%") for one in (first, second)]
    apart = float(shown[1]) - float(shown[0])
    assert float(text) == pytest.approx(apart, abs=0.1 + 1e-9)


@pytest.mark.parametrize("name", ["accuracy", "perplexity", "loss"])
def test_figures_of_one_size_have_as_many_digits(name):
    values = [value / 1000 * (0.1 if name == "accuracy" else 1) for value in range(1001, 9999)]
    assert len({len(wording.figure(name, value).rstrip("%")) for value in values}) <= 2 - (
        name != "accuracy"
    )


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-11-30T11:22:24.798+00:00", "2026-11-30 11:22 UTC"),
        ("2026-11-30T00:30:00+02:00", "2026-11-29 22:30 UTC"),
        ("2026-11-30T11:22:24", "2026-11-30 11:22"),
        ("yesterday", "yesterday"),
        (None, None),
    ],
)
def test_minute(time, text):
    assert wording.minute(time) == text
