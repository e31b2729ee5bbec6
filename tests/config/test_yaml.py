"""YAML 1.2's core schema, key lines, and what is refused, with the exact words."""

import math

import pytest
from helpers.wording import assert_wording

from hfdl.config.yaml import parse_document, parse_value, read_document
from hfdl.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("False", False), ("no", "no"), ("off", "off"), ("yes", "yes"),
        ("on", "on"), ("y", "y"), ("null", None), ("~", None), ("", ""), ("Null", None),
        ("1", 1), ("-3", -3), ("+3", 3), ("010", 10), ("0o10", 8), ("0x10", 16), ("1_000", "1_000"),
        ("12:30", "12:30"), ("2020-01-01", "2020-01-01"), ("1.5", 1.5), (".5", 0.5), ("5.", 5.0),
        ("-.Inf", -math.inf), ("+.INF", math.inf), ("-0o17", "-0o17"), ("0b11", "0b11"),
        ("5e-5", 5e-5), ("1e3", 1000.0), ("5.0E-5", 5e-5), (".inf", math.inf), ("-.inf", -math.inf),
        ("[a, 1, no]", ["a", 1, "no"]), ("{a: 1, 2: b}", {"a": 1, "2": "b"}), ('"0"', "0"),
        ("'null'", "null"), ("a: b", "a: b"), ("#", "#"), (";", ";"), ("- x", "- x"), (" ", " "),
        ("hfdl://x", "hfdl://x"), ("C:\\x.csv", "C:\\x.csv"), ("*a", "*a"), ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_value_of_an_override(text: str, value: object) -> None:
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_nan_is_a_float(text: str) -> None:
    assert math.isnan(parse_value(text))


@pytest.mark.parametrize("text", ["true", "no", "1e3", "12:30", "~", "010", "2020-01-01", "text"])
def test_file_and_override_agree(text: str) -> None:
    assert parse_document(f"key: {text}", "f").data == {"key": parse_value(text)}


def test_nothing_after_a_key_is_null() -> None:
    assert parse_document("a:\nb: ''\n", "f").data == {"a": None, "b": ""}


def test_keys_are_texts() -> None:
    assert parse_document("{1: a, no: b, null: c}", "f").data == {"1": "a", "no": "b", "null": "c"}


def test_key_lines() -> None:
    document = parse_document(
        "# c\na: 1\n\nb:\n  c: {d: 2,\n    e: 3}\n  f:\n    - 4\n    - 5\n", "f"
    )
    assert document.lines == {
        "a": 2, "b": 4, "b.c": 5, "b.c.d": 5, "b.c.e": 6, "b.f": 7, "b.f.0": 8, "b.f.1": 9,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [1", "f, line 2: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\na: 2", "f, line 2: the key 'a' is given twice"),
        ("b:\n  a: 1\n  'a': 2", "f, line 3: the key 'a' is given twice"),
        ("a: &x 1\nb: *x", "f, line 2: aliases are not supported: write the value out"),
        ("a: b: c", "f, line 1: not YAML: mapping values are not allowed here"),
        ("a: 1\n\tb: 2", "f, line 2: not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2", "f, line 2: not YAML: expected a single document in the stream, "
                            "but found another document"),
        ("a: b\n? [c]\n: d", "f, line 2: a key must be a text"),
        ("a: \x07", "f, line 1: not YAML: the character '\\x07' is not allowed"),
        ("a: " + "1" * 5000, "f, line 1: a number of 5000 digits is too long"),
        ("a: " + "[" * 5000, "f: it is nested too deeply"),
        ("a: !!python/object:os.system x", "f, line 1: could not determine a constructor for the "
                                           "tag 'tag:yaml.org,2002:python/object:os.system'"),
        ("a: 1\nb: !!bool x", "f, line 2: the value does not fit the tag !!bool"),
        ("a: !!int abc", "f, line 1: the value does not fit the tag !!int"),
        ("a: [1,\n !!timestamp x]", "f, line 2: the value does not fit the tag !!timestamp"),
        ("a: !!map 1", "f, line 1: the value does not fit the tag !!map"),
        ("", "f: holds nothing; the top level must be keys and values, as in "
             "'task: text_classification'"),
        ("- 1", "f: holds a list; the top level must be keys and values, as in "
                "'task: text_classification'"),
        ("5", "f: holds only the value 5; the top level must be keys and values, as in "
              "'task: text_classification'"),
    ],
)  # fmt: skip
def test_refused_with_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_document(text, "f")
    assert str(caught.value) == message


def test_missing_file(tmp_path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_document(tmp_path / "x.yaml")
    assert_wording(caught.value)


def test_folder_is_not_a_file(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_document(tmp_path)


def test_not_utf8(tmp_path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(ConfigError) as caught:
        read_document(file)
    assert_wording(caught.value)


def test_byte_order_mark_is_not_part_of_the_key(tmp_path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_document(file).data == {"a": 1, "b": 2}
