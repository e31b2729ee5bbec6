"""Every block of Python in README and in the pages of docs/ runs, on tiny models.

Blocks with ``>>>`` are doctests (tests/test_docs.py). The others run here, one after the other for
a page, in the folder of the commands; names of models are exchanged for tiny ones.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers.page_commands import ROOT, pages
from helpers.support import reviews
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

import hfdl

# Lines that name a model which only a network brings: left out.
NETWORK = re.compile(r'hfdl\.pipeline\(\n?\s*"translation\w*", "(?:facebook|google-t5)')


def blocks(page: Path) -> list[str]:
    found = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    return [block for block in found if ">>>" not in block]


# Pages with tests of their own: their blocks need a study's files, or a server or the Hub.
OWN = {
    "hub.md": "test_hub.py",
    "hyperparameter-search.md": "test_search.py",
    "serving.md": "test_serving.py",
}
PAGES = [page for page in pages() if blocks(page) and page.name not in OWN]


def runnable(block: str, bert: Path) -> str:
    """The block, with tiny models, without lines that need a network."""
    for name in ("sentence-transformers/all-MiniLM-L6-v2", '"gpt2"'):
        block = block.replace(name, f'"{bert}"' if name.startswith('"') else str(bert))
    statements = re.split(r"\n(?=\S)(?![)\]}])", block)
    return "\n".join(text for text in statements if not NETWORK.search(text))


class Module(torch.nn.Module):
    """A model of a user's own, as the page on own parts describes it."""

    def __init__(self, config: Any = None) -> None:
        super().__init__()
        self.words, self.head = torch.nn.Embedding(200, 8), torch.nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> Any:
        weights = attention_mask[..., None].float()
        mean = (self.words(input_ids) * weights).sum(1) / weights.sum(1)
        return SimpleNamespace(logits=self.head(mean))


def names(bert: Path) -> dict[str, Any]:
    """What pages take for granted: data, models and modules of the reader's."""
    torch.manual_seed(0)
    model = AutoModel.from_pretrained(bert, attn_implementation="eager").eval()
    return {
        "__name__": "page", "hfdl": hfdl, "AutoModel": AutoModel, "FOLDER": bert,
        "frame": reviews(40),
        "AutoModelForSequenceClassification": AutoModelForSequenceClassification,
        "tokenizer": AutoTokenizer.from_pretrained(bert), "module": Module(), "hf_model": model,
        "my_model": hfdl.load_scratch(str(bert)),
    }  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_run(
    page: Path, at_the_desk: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = hfdl.train

    def short(recipe: str, overrides: Any = None, **keywords: Any) -> Any:
        quick = {"train.steps": 1, "data.max_length": 32, "train.precision": "float32"}
        model = {} if "model" in keywords else {"model.name": str(tiny_bert)}
        given = {key: value for key, value in (overrides or {}).items() if key != "train.epochs"}
        made = Path(keywords.get("output") or "made")  # one of that name may be there, for others
        keywords["output"] = made.with_name(f"{made.name}-made") if made.is_dir() else made
        return real(recipe, {**model, **given, **quick}, **keywords)

    monkeypatch.setattr(hfdl, "train", short)
    scope = names(tiny_bert)
    for block in blocks(page):
        exec(compile(runnable(block, tiny_bert), str(page), "exec"), scope)


def test_there_are_as_many_as_are_looked_at() -> None:
    count = sum(len(blocks(page)) for page in PAGES)
    assert count >= 10
    assert ROOT / "README.md" in PAGES
    assert all((Path(__file__).parent / test).is_file() for test in OWN.values())
