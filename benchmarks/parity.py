"""The table of docs/parity.md: the largest differences that ``hfdl verify`` finds, as markdown.

    python benchmarks/parity.py sentence-transformers/all-MiniLM-L6-v2 PATH/TO/MODEL

Without a model: a tiny random one of each family, whose weights are drawn wide so that mistakes
would show. Models are folders or Hub ids.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
import transformers

from hfdl.parity.report import Report, Row
from hfdl.parity.verify import DTYPES, verify
from hfdl.weights.pretrained import quiet_transformers

COLUMNS = ("numpy", "explicit", "fused", "sdpa")
SIZES = {
    "vocab_size": 99, "hidden_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4,
    "intermediate_size": 96, "max_position_embeddings": 64, "initializer_range": 0.3,
    "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3,
}  # fmt: skip
GROUPED = {**SIZES, "num_key_value_heads": 2}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "BertForMaskedLM": ("bert", SIZES),
    "RobertaForSequenceClassification": ("roberta", SIZES),
    "DistilBertForTokenClassification": ("distilbert", SIZES),
    "ElectraForMaskedLM": ("electra", {**SIZES, "embedding_size": 32}),
    "AlbertForMaskedLM": ("albert", {**SIZES, "embedding_size": 32}),
    "ModernBertForTokenClassification": (
        "modernbert", {**SIZES, "local_attention": 8, "cls_token_id": 2, "sep_token_id": 3},
    ),
    "GPT2LMHeadModel": ("gpt2", {k: v for k, v in SIZES.items() if k != "intermediate_size"}),
    "LlamaForCausalLM": ("llama", GROUPED),
    "MistralForCausalLM": ("mistral", {**GROUPED, "sliding_window": 5}),
    "Qwen2ForCausalLM": ("qwen2", GROUPED),
    "Qwen3ForCausalLM": ("qwen3", {**GROUPED, "head_dim": 16}),
}  # fmt: skip


def main(names: list[str]) -> None:
    """Print one table for each model, or one line for each family."""
    if not names:
        families()
    for name in names:
        components(verify(name))


def components(report: Report) -> None:
    """Every component of one model, in both types."""
    print(f"### {report.model}\n")
    print(f"{len(report.rows)} comparisons; {'all' if report.ok else 'NOT all'} within bounds.\n")
    header = [f"{name}, {dtype}" for dtype in DTYPES for name in COLUMNS]
    print(f"| component | {' | '.join(header)} |")
    print(f"|---|{'---|' * len(header)}")
    grouped = {dtype: report.grouped(kind) for dtype, kind in DTYPES.items()}
    for component in grouped["float32"]:
        cells = [_cell(grouped[d][component].get(name)) for d in DTYPES for name in COLUMNS]
        print(f"| {component} | {' | '.join(cells)} |")
    print()


def families() -> None:
    """The worst activation and the worst gradient of a tiny random model of each family."""
    header = [f"{what}, {dtype}" for dtype in DTYPES for what in ("activations", "gradients")]
    print(f"| tiny random model | comparisons | {' | '.join(header)} |")
    print(f"|---|---|{'---|' * len(header)}")
    for name, (kind, keys) in FAMILIES.items():
        torch.manual_seed(0)
        with quiet_transformers():
            config = transformers.AutoConfig.for_model(kind, **keys)
            report = verify(getattr(transformers, name)(config))
        own = [row for row in report.rows if row.implementation in ("explicit", "fused")]
        cells = [
            f"{max(row.error for row in own if row.dtype == dtype and _is(row, what)):.1e}"
            for dtype in DTYPES.values()
            for what in ("activations", "gradients")
        ]
        mark = "" if report.ok else " (NOT within bounds)"
        print(f"| {name}{mark} | {len(report.rows)} | {' | '.join(cells)} |")
    print()


def _is(row: Row, what: str) -> bool:
    return (row.component == "gradients") == (what == "gradients")


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    number = "0" if row.error == 0.0 else f"{row.error:.0e}"
    return number if row.ok else f"**{number}**"


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="none: tiny random ones")
    return parser.parse_args()


if __name__ == "__main__":
    main(parse().models)
