"""Reading how a saved model makes one vector of a text: sentence-transformers' files.

``modules.json`` names the steps and the folder of each: the transformer, a pooling, and perhaps
dense layers, layer norms and a normalisation. Beside it stand ``sentence_bert_config.json`` (how
much of a text is read) and ``config_sentence_transformers.json`` (prompts and the similarity).
Only safetensors are read, and no code of a model's own runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hfdl.errors import ModelError
from hfdl.models.sentence_head import SENTENCE_POOLINGS, SentenceHead
from hfdl.weights.sentence.files import damaged, read_json, unsupported
from hfdl.weights.sentence.layers import read_layer

MODULES = "modules.json"
SETTINGS = "config_sentence_transformers.json"
_TRANSFORMER_FILES = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
# The switches of older files, in the order in which their vectors stand side by side.
_SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
"""The similarities of vectors that a model may be made for."""


@dataclass(frozen=True)
class SentenceModules:
    """How a model makes a vector of a text.

    Args:
        head: pooling and the layers behind it.
        transformer: the folder of the transformer, relative to the model's.
        max_seq_length: most tokens that are read of a text; None: as many as the model takes.
        do_lower_case: whether a text is put into lower case first.
        prompts: texts to put in front of a text, by name.
        default_prompt_name: the one that is used unasked.
        similarity: one of ``SIMILARITIES``.
        truncate_dim: how many numbers of a vector are kept; None: all.
    """

    head: SentenceHead
    transformer: str = ""
    max_seq_length: int | None = None
    do_lower_case: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt_name: str | None = None
    similarity: str = "cosine"
    truncate_dim: int | None = None


def read_sentence_modules(folder: Path) -> SentenceModules | None:
    """What the files of a model's folder say; None where it has no modules.json.

    Raises:
        ModelError: a file is missing or damaged, or says what hfdl does not do.
    """
    if not (folder / MODULES).is_file():
        return None
    steps = _steps(folder)
    (_, transformer), (_, pooling), *rest = steps
    config = read_json(folder / pooling / "config.json")
    layers = [read_layer(kind, folder / path, folder / MODULES) for kind, path in rest]
    head = SentenceHead(
        _poolings(config, folder / pooling / "config.json"),
        [layer for layer in layers if layer is not None],
        include_prompt=config.get("include_prompt", True) is not False,
    )
    return SentenceModules(
        head, transformer, **_reading(folder / transformer), **_settings(folder / SETTINGS)
    )


def _steps(folder: Path) -> list[tuple[str, str]]:
    """Kind and folder of each step: the transformer, a pooling, what else."""
    file = folder / MODULES
    steps = []
    for entry in read_json(file, of=list):
        fields = entry if isinstance(entry, dict) else {}
        kind, path = fields.get("type"), fields.get("path")
        if not isinstance(kind, str) or not isinstance(path, str):
            raise damaged(file, "an entry lacks its type or path")
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise damaged(file, f"the path {path!r} leads out of the folder")
        if not kind.startswith("sentence_transformers."):
            raise unsupported(file, f"a step is of the model's own code, {kind!r}")
        steps.append((kind.rpartition(".")[2], path))
    kinds = [kind for kind, _ in steps]
    if kinds[:2] != ["Transformer", "Pooling"]:
        raise unsupported(file, f"its steps are {', '.join(kinds) or 'none'}")
    return steps


def _poolings(config: Mapping[str, Any], file: Path) -> Sequence[str]:
    """The poolings that a Pooling's config turns on; none is the mean."""
    strange = [
        key for key, value in config.items()
        if key.startswith("pooling_mode_") and key not in _SWITCHES and value
    ]  # fmt: skip
    modes = config.get("pooling_mode", [])
    modes = [modes] if isinstance(modes, str) else list(modes)
    modes = modes or [mode for key, mode in _SWITCHES.items() if config.get(key)]
    strange += [mode for mode in modes if mode not in SENTENCE_POOLINGS]
    if strange:
        raise ModelError(
            f"unknown pooling {strange[0]!r}",
            where=str(file),
            rule=f"there are {', '.join(SENTENCE_POOLINGS)}",
            remedy="choose another model",
        )
    return modes or ["mean"]


def _reading(folder: Path) -> dict[str, Any]:
    """How a text is read: the transformer's own file, which may be missing."""
    file = next((folder / n for n in _TRANSFORMER_FILES if (folder / n).is_file()), None)
    if file is None:
        return {}
    config = read_json(file)
    limit = config.get("max_seq_length")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise damaged(file, f"max_seq_length is {limit!r}")
    task = config.get("transformer_task", "feature-extraction")
    if task != "feature-extraction":
        raise unsupported(file, f"its transformer_task is {task!r}")
    return {"max_seq_length": limit, "do_lower_case": bool(config.get("do_lower_case"))}


def _settings(file: Path) -> dict[str, Any]:
    """Prompts and similarity; a model saved by an old version has no such file."""
    if not file.is_file():
        return {}
    config = read_json(file)
    kind = config.get("model_type", "SentenceTransformer")
    if kind != "SentenceTransformer":
        raise unsupported(file, f"it is a {kind}")
    prompts = {name: text or "" for name, text in (config.get("prompts") or {}).items()}
    default = config.get("default_prompt_name")
    if default is not None and default not in prompts:
        raise damaged(file, f"default_prompt_name {default!r} is none of its prompts")
    similarity = config.get("similarity_fn_name") or "cosine"
    if similarity not in SIMILARITIES:
        raise unsupported(file, f"its similarity_fn_name is {similarity!r}")
    return {
        "prompts": prompts, "default_prompt_name": default, "similarity": similarity,
        "truncate_dim": config.get("truncate_dim"),
    }  # fmt: skip
