"""Opening the model of a model folder; no code from the folder runs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Literal

import torch

from hfdl.config.overrides import as_override
from hfdl.config.own_code import line_of_own_code
from hfdl.config.recorded_code import recorded
from hfdl.config.schema import ModelConfig
from hfdl.errors import HfdlError, ModelError
from hfdl.weights.model_config import BROKEN, first_line, load_config, refuse_unfit_sizes
from hfdl.weights.names import CLASS_RECORD
from hfdl.weights.saved_config import saved_class_name


def open_saved(
    folder: Path, dtype: Literal["float32", "float64"] = "float32"
) -> tuple[Any, list[str]]:
    """A model as it was saved, head and all, in transformers' code.

    Args:
        folder: what ``hfdl.weights.resolve.find_model`` gives.
        dtype: of the weights.

    Returns:
        the model in eval mode, of the transformers class that its config names, or an
        ``AutoModel`` where it names none; and the names of the parameters that were not in the
        folder.

    Raises:
        ModelError: as ``build_pretrained``.
    """
    import transformers
    from transformers import PreTrainedModel

    name = saved_class_name(folder) or ""
    saved_class = getattr(transformers, name, None)
    is_model = isinstance(saved_class, type) and issubclass(saved_class, PreTrainedModel)
    section = ModelConfig(name=str(folder), dtype=dtype)
    model, missing = build_pretrained(name if is_model else "AutoModel", folder, section)
    return model.eval(), missing


def build_pretrained(
    auto_class: str | type[Any],
    folder: Path,
    model: ModelConfig,
    *,
    config: Any = None,
    **settings: Any,
) -> tuple[torch.nn.Module, list[str]]:
    """A transformers model for a task.

    Args:
        auto_class: name of the Auto class, such as ``AutoModelForSequenceClassification``; or a
            subclass of ``PreTrainedModel`` of the user's own.
        folder: the model's folder.
        model: the recipe's ``model`` section; with ``config`` the weights are random.
        config: what ``load_config`` gave for both; it is left as it is. None: it is read here.
        settings: keys of the transformers config: labels, problem type, padding id.

    Returns:
        the model, and the names of the parameters that were not in the folder: those of a new
        head, or all of them where the model is trained from scratch.

    Raises:
        ModelError: the folder's weights do not fit its config, or no such head exists.
        ConfigError: the sizes in ``model.config`` do not fit each other.
    """
    import transformers

    config = load_config(folder, model.config) if config is None else copy.deepcopy(config)
    for key, value in settings.items():
        setattr(config, key, value)
    if isinstance(auto_class, str):
        refuse_own_class(config, str(folder))
        auto = getattr(transformers, auto_class)
    else:
        auto = auto_class
    dtype = getattr(torch, model.dtype)
    if model.config is not None:
        with refuse_unfit_sizes():
            new_model = (
                auto.from_config(config, dtype=dtype, trust_remote_code=False)
                if isinstance(auto_class, str)
                else auto._from_config(config, dtype=dtype)
            )
        return new_model, [name for name, _ in new_model.named_parameters()]
    with quiet_transformers():
        try:
            loaded, info = auto.from_pretrained(
                folder, config=config, dtype=dtype, use_safetensors=True, trust_remote_code=False,
                # A head for other labels is replaced by a new one.
                ignore_mismatched_sizes=True, output_loading_info=True,
            )  # fmt: skip
        except HfdlError:  # of hfdl's own models
            raise
        except BROKEN as error:
            if line_of_own_code(error):
                raise  # told with its line
            raise ModelError(
                f"transformers cannot load the weights: {first_line(error)}",
                where=str(folder),
                rule=f"{auto.__name__} must know the model's type and its weights must fit",
                remedy="check the folder, or choose another model",
            ) from error
    new = sorted({*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])})
    _refuse_new_body(loaded, new, folder)
    return loaded, new


def refuse_own_class(config: Any, folder: str) -> None:
    """Refuse to open the weights of a class of the user's own as those of another.

    Raises:
        ModelError: the config records such a class.
    """
    record = recorded(config, CLASS_RECORD)
    if record is not None:
        raise ModelError(
            f"its weights belong to the class {record['name']}",
            where=folder,
            rule="train, evaluate, predict and the pipelines open a class of your own; nothing "
            "else knows what it computes",
            remedy="to train it further, name the class: "
            + as_override("model.class", str(record["name"])),
        )


def _refuse_new_body(model: torch.nn.Module, new: list[str], folder: Path) -> None:
    """A body with holes would train from noise, and nobody would notice.

    A pooler may be new: masked language models are saved without one.
    """
    body = [n for n, _ in model.named_parameters() if n.startswith(f"{model.base_model_prefix}.")]
    absent = [name for name in body if name in new and "pooler" not in name]
    if absent:
        raise ModelError(
            f"{len(absent)} of the {len(body)} tensors of the model's body are not in its weights, "
            f"or not in this shape, for instance {min(absent)!r}",
            where=str(folder),
            rule="weights and config must belong together",
            remedy="check the folder; to train from scratch, give model.config={}",
        )


class quiet_transformers:  # noqa: N801  # used as a function: with quiet_transformers(): ...
    """Hold back transformers' table of new head weights: that they are new is the point."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self._level = logging.get_verbosity()
        self._bars = logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        from transformers.utils import logging

        logging.set_verbosity(self._level)
        if self._bars:
            logging.enable_progress_bar()
