"""Commands that make a model folder readable, to be printed and run by a person."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

ADAPTER = "adapter_config.json"
_CLASSES = {
    "SEQ_CLS": "AutoPeftModelForSequenceClassification",
    "TOKEN_CLS": "AutoPeftModelForTokenClassification",
    "CAUSAL_LM": "AutoPeftModelForCausalLM",
    "SEQ_2_SEQ_LM": "AutoPeftModelForSeq2SeqLM",
}
# Layers of the head, as transformers names them, whose rows are labels.
_HEADS = ("classifier.weight", "score.weight", "classifier.out_proj.weight")


def pickle_to_safetensors(folder: Path) -> str:
    """The command that reads a folder's pickled weights, tensors alone, and writes safetensors."""
    code = (
        "import pathlib, torch, safetensors.torch; "
        f"p = pathlib.Path({str(folder)!r}); "
        "w = {k: v.clone() for f in sorted(p.glob('pytorch_model*.bin')) "
        "for k, v in torch.load(f, weights_only=True).items()}; "
        "safetensors.torch.save_file(w, p / 'model.safetensors', metadata={'format': 'pt'})"
    )
    return python_command(code)


def merge_adapters(folder: Path) -> str:
    """The command that merges a folder of PEFT adapters into its base model, in a new folder."""
    settings = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))
    name = _CLASSES.get(settings.get("task_type") or "", "AutoPeftModel")
    labels = _label_count(folder)
    options = f", num_labels={labels}" if labels is not None and name.endswith("ication") else ""
    merged = f"{folder}-merged"
    tokenizer = str(folder)
    if not any((folder / file).is_file() for file in ("tokenizer.json", "tokenizer_config.json")):
        tokenizer = settings.get("base_model_name_or_path") or tokenizer
    code = (
        "import peft, transformers; "
        f"m = peft.{name}.from_pretrained({str(folder)!r}{options}); "
        f"m.merge_and_unload().save_pretrained({merged!r}); "
        f"transformers.AutoTokenizer.from_pretrained({tokenizer!r}).save_pretrained({merged!r})"
    )
    return python_command(code)


def python_command(code: str) -> str:
    """Python code as a shell takes it: in double quotes, unless a path needs more."""
    plain = not set('"$`\\!') & set(code)
    return f'python -c "{code}"' if plain else f"python -c {shlex.quote(code)}"


def _label_count(folder: Path) -> int | None:
    """The rows of a head that was saved with adapters; None where there is none."""
    file = folder / "adapter_model.safetensors"
    if not file.is_file():
        return None
    from safetensors import safe_open  # not at the top: ``hfdl recipes`` needs none of it

    with safe_open(file, framework="np") as tensors:
        heads = [key for key in tensors.keys() if key.endswith(_HEADS)]  # noqa: SIM118
        return tensors.get_slice(heads[0]).get_shape()[0] if heads else None
