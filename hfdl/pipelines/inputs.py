"""What the pipelines share: model and device, options, and how inputs are read."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from numbers import Integral
from typing import Any, ClassVar, Protocol, TypeVar

import torch

from hfdl.display import Shown
from hfdl.errors import ConfigError, DataError, listed
from hfdl.nn.linear import use_columns
from hfdl.pipelines.call_form import CallForm
from hfdl.quantization.precision import check_precision
from hfdl.tasks.inference import token_budget

Input = TypeVar("Input")
Answer = TypeVar("Answer")

_INNER = ("hfdl", "torch", "contextlib")  # decorators stand between hfdl's frames
WINDOW = 256
"""Inputs of a stream that are read at once, without a batch_size: enough to sort by length."""


class Opened(Protocol):
    """What a pipeline needs of an opened model."""

    @property
    def model(self) -> torch.nn.Module:
        """In eval mode."""
        ...

    @property
    def tokenizer(self) -> Any:
        """With a padding token."""
        ...


class BasePipeline(CallForm, Shown):
    """A model on its device; a subclass adds ``task`` and ``__call__``.

    Args:
        opened: the model and its tokenizer.
        device: a torch device. Default: a GPU if there is one.
        batch_size: most texts in one forward pass. Default: as many as fit a budget of tokens.
        precision: ``float32``; or ``int8``, for linear layers whose products are of 8-bit integers
            (docs/export.md), on a CPU alone. An encoder then runs in hfdl's own code, where hfdl
            has it, which leaves padding out.
        own_code: whether it may.

    Attributes:
        has_int8: whether ``int8`` is there for it.
        writes: whether its model writes a token at a time. Its weights then stay laid out by rows
            unless there is a ``batch_size``, and the layer of words is among those in int8.
        max_tokens: that budget: padded tokens of a forward pass, by the device; may be set.
    """

    has_int8: ClassVar[bool] = True
    writes: ClassVar[bool] = False

    def __init__(
        self,
        opened: Opened,
        device: str | int | torch.device | None,
        batch_size: int | None,
        precision: str = "float32",
        *,
        own_code: bool = True,
    ) -> None:
        model = opened.model
        if check_precision(precision) == "int8":
            # Here: answers in float32 need none of transformers' modelling code.
            from hfdl.hf_models.build import without_padding
            from hfdl.quantization.convert import int8_copy, int8_device

            device = int8_device(device)
            name = getattr(getattr(model, "config", None), "name_or_path", "")
            model = without_padding(model) if own_code else model
            model = int8_copy(model, str(name) or "model", words=self.writes)
        self.precision = precision
        self.device = torch_device(device)
        self.model: Any = model.to(self.device)
        self.tokenizer = opened.tokenizer
        self.batch_size = checked_batch_size(batch_size)
        if not self.writes or (self.batch_size or 1) > 1:  # one token at a time is faster by rows
            use_columns(self.model)
        self.max_tokens = token_budget(self.device)

    @property
    def architecture(self) -> str:
        """The model's class as its ``config.json`` names it: that of transformers.

        hfdl's own code for it has classes of its own, and a graph in ONNX has one for all.
        """
        saved = getattr(self.model.config, "architectures", None)
        return str(saved[0]) if saved else type(self.model).__name__

    @property
    def parameter_count(self) -> int:
        """How many parameters the model has, whatever precision it runs in; 0 of a graph.

        ``model.num_parameters()`` leaves out those in int8, which are no parameters to torch.
        """
        from hfdl.quantization.convert import parameter_count

        return parameter_count(self.model)

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        config = self.model.config
        labels = getattr(config, "id2label", None) or {}
        rows: list[tuple[str, Any]] = [
            ("model", f"{self.architecture} {getattr(config, 'name_or_path', '')}".strip()),
            ("labels", listed(labels.values())),
            ("device", self.device),
        ]
        if self.precision != "float32":
            rows.append(("precision", self.precision))
        if self.batch_size is not None:
            rows.append(("batch_size", self.batch_size))
        return f"{type(self).__name__} ({getattr(self, 'task', 'pipeline')})", rows


def warn(message: str) -> None:
    """A Python warning at the line that called hfdl, however deep within it this is said."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals["__name__"].partition(".")[0] in _INNER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def torch_device(device: str | int | torch.device | None) -> torch.device:
    """A torch device by any of its names; None: a GPU if there is one."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if isinstance(device, int):  # transformers counts GPUs from 0; -1 is the CPU
        return torch.device("cpu" if device < 0 else f"cuda:{device}")
    return torch.device(device)


def checked_batch_size(size: Any) -> int | None:
    """The size itself, or None.

    Raises:
        ConfigError: it is no whole number, or below 1.
    """
    if size is not None and (not isinstance(size, Integral) or size < 1):
        raise ConfigError(
            f"batch_size cannot be {size!r}",
            rule="it is the most texts in one forward pass",
            remedy="give 1 or more, or leave it out",
        )
    return None if size is None else int(size)


def at_least_one(name: str, number: Any) -> int:
    """The number itself, the value of the option ``name``.

    Raises:
        ConfigError: it is no whole number, or below 1.
    """
    if not isinstance(number, Integral) or number < 1:
        raise ConfigError(
            f"it cannot be {number!r}",
            where=name,
            rule="it is a whole number, 1 or more",
            remedy="raise it, or leave it out",
        )
    return int(number)


def answer_several(
    inputs: Any,
    answer: Callable[[list[Any]], list[Answer]],
    size: int | None,
    refusal: Callable[[Any, int], DataError],
) -> list[Answer] | Iterator[Answer]:
    """A list of answers for inputs that have a length, an iterator of them for another iterable.

    Args:
        inputs: what the pipeline was called with, a single input excepted.
        answer: gives the answers of some inputs.
        size: how many inputs of an iterator are answered at once; None: ``WINDOW``.
        refusal: the error for a value that is no input, and its index.

    Raises:
        DataError: the inputs are neither.
    """
    if (several := as_list(inputs)) is not None:
        return answer(several)
    if isinstance(inputs, bytes | Mapping) or not can_iterate(inputs):
        raise refusal(inputs, 0)
    return stream(inputs, answer, size)


def as_list(inputs: Any) -> list[Any] | None:
    """Inputs that have a length, as a list; None of a stream, of a single input and of no input.

    Lists, tuples and other sequences, pandas' Series and Index, NumPy's arrays of texts, columns
    of pyarrow, polars and datasets. A torch ``Dataset`` (transformers' ``KeyDataset``) is a stream,
    as transformers has it: its items may be costly to make.

    Raises:
        DataError: a table; which of its columns has the texts it does not say.
    """
    if isinstance(inputs, list | tuple):
        return list(inputs)
    if isinstance(inputs, str | bytes | Mapping | torch.utils.data.Dataset):
        return None
    if _is_table(inputs):
        raise DataError(
            f"a {type(inputs).__name__} has several columns",
            where="inputs",
            rule="a pipeline reads texts",
            remedy='give the column that holds them, as table["text"]',
        )
    for method in ("to_pylist", "tolist", "to_list"):  # values as Python's own
        if callable(getattr(type(inputs), method, None)):
            values = getattr(inputs, method)()
            return values if isinstance(values, list) else None
    is_sized = hasattr(type(inputs), "__len__")
    return list(inputs) if is_sized and can_iterate(inputs) else None


def _is_table(inputs: Any) -> bool:
    """Whether it is a DataFrame or a Table: of pandas, polars or pyarrow."""
    package = type(inputs).__module__.partition(".")[0]
    return package in ("pandas", "polars", "pyarrow") and type(inputs).__name__ in (
        "DataFrame", "LazyFrame", "Table", "RecordBatch",
    )  # fmt: skip


def can_iterate(inputs: Any) -> bool:
    """Whether inputs are several.

    By iter(), for transformers' KeyDataset has ``__getitem__`` alone and is no typing Iterable.
    """
    try:
        iter(inputs)
    except TypeError:
        return False
    return True


def stream(
    inputs: Iterable[Input], answer: Callable[[list[Input]], list[Answer]], size: int | None
) -> Iterator[Answer]:
    """Answers one by one, the inputs read as answers are taken.

    Args:
        inputs: what is read on, ``size`` of them at a time.
        answer: gives the answers of some inputs.
        size: how many; None: ``WINDOW``.
    """
    rest = iter(inputs)
    while window := list(islice(rest, size or WINDOW)):
        yield from answer(window)
