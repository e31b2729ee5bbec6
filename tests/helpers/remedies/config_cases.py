"""Errors of recipes, overrides and own code, whose remedies are typed."""

from __future__ import annotations

from .paste import case
from .place import Place

MINE = """
def f1(predictions, references):
    return 1.0


def plain(q, k, v, mask, *, scale=1.0, dropout=0.0):
    scores = (q @ k.mT) * scale
    scores = scores if mask is None else scores.masked_fill(~mask, -1e9)
    return scores.softmax(-1) @ v
"""


def _own(place: Place, name: str = "plain") -> list[str]:
    return place.train(f"train.metrics=['{place.write('mine.py', MINE)}:{name}']")


CASES = (
    case("config/error_messages.py:unknown_key", lambda p: p.train("train.epoch=1")),
    case("config/error_messages.py:unknown_key", lambda p: p.train("train.lora_alpha=8")),
    case("config/error_messages.py:unknown_key", lambda p: p.train("train.zzz=1")),
    case("config/error_messages.py:wrong_value", lambda p: p.train("tune.loss=focall")),
    case("config/error_messages.py:wrong_value", lambda p: p.train("data.text=true"),
         then="no column 'true'"),
    case("config/error_messages.py:_missing", lambda p: [
        "train", p.write("r.yaml", f"model: {{name: {p.model}}}\ndata: {{train: {p.good}}}\n"),
        "train.steps=1", "data.max_length=32", "--output", p.output]),
    case("config/load.py:_read#2", lambda p: p.train(recipe="runs/nothing")),
    case("config/load.py:_read#3", lambda p: p.train(recipe="zzzz")),
    case("config/load.py:recipe_text", lambda p: ["recipes", "show", "zzzz"]),
    case("config/overrides.py:parse_override", lambda p: p.train("epochs"), fill={"VALUE": "1"}),
    case("config/overrides.py:parse_override",
         lambda p: p.train(str(p.write("my films.csv", p.good.read_bytes())))),
    case("config/load.py:_read", lambda p: p.train(recipe="sentiment.yaml")),
    case("config/yaml.py:read_text", lambda p: p.train(recipe="mine.yaml")),
    case("config/own_code.py:load_own", lambda p: p.train("model.attention=mine.py:"),

         fill=lambda p: {"NAME": p.write("mine.py", MINE) and "plain"}),
    case("config/own_code.py:load_own#2", lambda p: _own(p, "f2")),
    case("config/own_code.py:_from_file", lambda p: [
        w.replace("mine.py", "mine2.py") for w in _own(p, "f1")]),
    case("config/own_code.py:_from_module", lambda p: p.train("train.metrics=[no_such:f1]"),

         fill=lambda p: {"PATH": p.write("no_such.py", MINE).parent, "NAME": "f1"}),
)  # fmt: skip
