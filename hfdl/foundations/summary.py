"""A table of a network: its layers, the shapes of their outputs, and their weights.

    print(summary(network, (20,)))

    layer     kind   output   weights
    layers.0  Dense  (B, 64)    1,344
    layers.1  ReLU   (B, 64)        0
    layers.2  Dense  (B, 1)        65
    1,409 weights (11.3 kB), 1,409 of them trained

Shapes are those of a real forward pass, over a copy of the network: nothing in it is changed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.layer import Layer, Parameter, arrays_of
from hfdl.foundations.words.embedding import Embedding


@dataclass(frozen=True)
class Row:
    """One layer."""

    name: str
    """Its path, with which the names of its parameters begin: ``layers.0`` of ``layers.0.W``."""

    kind: str
    """The name of its class."""

    shape: tuple[int, ...] | None
    """Of its output, with the batch first; None where the pass did not come through it."""

    weights: int
    """Numbers in it and in the layers inside, without those that a row below or above counts."""


@dataclass(frozen=True)
class Summary:
    """Result of ``summary``; ``print`` shows it as a table."""

    rows: tuple[Row, ...]
    total: int
    """All numbers that make the network: parameters, and running averages."""

    trained: int
    """Those that training changes by their gradients."""

    bytes: int
    """What all of them take."""

    def __str__(self) -> str:
        cells = [("layer", "kind", "output", "weights")]
        cells += [(r.name, r.kind, _shown(r.shape), f"{r.weights:,}") for r in self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(4)]
        lines = ["  ".join(text.ljust(w) for text, w in zip(row[:3], widths, strict=False))
                 + "  " + row[3].rjust(widths[3]) for row in cells]  # fmt: skip
        size = f"{self.bytes / 1000:,.1f} kB"
        end = f"{self.total:,} weights ({size}), {self.trained:,} of them trained"
        return "\n".join([*lines, end])


def summary(
    network: Layer,
    sample: int | Sequence[int] | np.ndarray | tuple[np.ndarray, ...],
    *,
    depth: int = 1,
    trained: Sequence[Parameter] | None = None,
) -> Summary:
    """Run a network once and list its layers.

    Args:
        network: any layer.
        sample: the shape of one input, without the batch: ``20`` or ``(20,)``, ``(1, 28, 28)``,
            ``(T,)`` of token ids. Where zeros will not do, a batch of inputs: an array, or a tuple
            of arrays for a network that takes one.
        depth: how many levels are opened: 1 lists the layers of a ``Sequential``, 2 also what is
            inside of them.
        trained: the parameters that are trained, such as ``optimizer.parameters``; None: all.

    Raises:
        ConfigError: depth is below 1.
        ShapeError: the sample does not fit the network, as in a forward pass.
    """
    if depth < 1:
        raise ConfigError(f"depth is {depth}", rule="it is 1 at least")
    shapes = _output_shapes(network, _batch(network, sample))
    counted: set[int] = set()
    rows: list[Row] = []
    for path, layer, opened in _listed(network, "", depth):
        own = 0
        for name, owner, field in arrays_of(layer):
            inside = opened and _is_in_a_layer(layer, name)
            if not inside and id(owner) not in counted:
                own += getattr(owner, field).size
                counted.update([id(owner)] if isinstance(owner, Parameter) else [])
        kind = type(layer).__name__
        rows.append(Row(path or "network", kind, shapes.get(path), own))
    return Summary(tuple(rows), *_sizes(network, trained))


def _sizes(network: Layer, trained: Sequence[Parameter] | None) -> tuple[int, int, int]:
    """All numbers, the trained ones, and all bytes; what is shared counts once."""
    chosen = {id(p) for p in (network.parameters() if trained is None else trained)}
    held = {(id(owner), field): (owner, getattr(owner, field))
            for _, owner, field in arrays_of(network)}  # fmt: skip
    arrays = list(held.values())
    return (
        sum(array.size for _, array in arrays),
        sum(array.size for owner, array in arrays if id(owner) in chosen),
        sum(array.nbytes for _, array in arrays),
    )


def _listed(layer: Layer, path: str, depth: int) -> Iterator[tuple[str, Layer, bool]]:
    """The layers that get a row: path, layer, and whether those inside of it get their own."""
    inside = list(_inside(layer, path)) if depth else []
    has_own = any(isinstance(part, (Parameter, np.ndarray)) for part in vars(layer).values())
    if path or not inside or has_own:  # the whole network gets none if it only holds layers
        yield path, layer, bool(inside)
    for inner_path, inner in inside:
        yield from _listed(inner, inner_path, depth - 1)


def _inside(layer: Layer, path: str) -> Iterator[tuple[str, Layer]]:
    """The layers that a layer holds, in attributes or in lists, with their paths."""
    for name, value in vars(layer).items():
        yield from _layers_of(value, f"{path}.{name}" if path else name)


def _layers_of(value: Any, path: str) -> Iterator[tuple[str, Layer]]:
    if isinstance(value, Layer):
        yield path, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(cast("Sequence[Any]", value)):
            yield from _layers_of(item, f"{path}.{i}")


def _is_in_a_layer(layer: Layer, name: str) -> bool:
    """Whether an array of this path belongs to a layer inside of ``layer``."""
    return any(name.startswith(f"{path}.") for path, _ in _inside(layer, ""))


def _output_shapes(network: Layer, X: Any) -> dict[str, tuple[int, ...]]:
    """The shape of each layer's output, by path, in the first pass that comes through it."""
    probe = copy.deepcopy(network)
    shapes: dict[str, tuple[int, ...]] = {}
    for path, layer, _ in list(_listed(probe, "", 10**6)):
        for method in ("forward", "run"):  # recurrent layers are also run with states
            if call := getattr(layer, method, None):
                setattr(layer, method, _noting(call, path, shapes))
    shapes[""] = probe.forward(X)[0].shape
    return shapes


def _noting(call: Any, path: str, shapes: dict[str, tuple[int, ...]]) -> Any:
    @wraps(call)
    def noting(*args: Any, **keywords: Any) -> Any:
        found = call(*args, **keywords)
        shapes.setdefault(path, found[0].shape)
        return found

    return noting


def _batch(network: Layer, sample: Any) -> Any:
    """A batch of one input of zeros, or of token 0 for an embedding; or what was given."""
    if isinstance(sample, np.ndarray):
        return cast("Any", sample)
    if isinstance(sample, int):
        sample = (sample,)
    if any(isinstance(part, np.ndarray) for part in sample):
        return sample
    layers = [layer for _, layer, opened in _listed(network, "", 10**6) if not opened]
    if isinstance(layers[0], Embedding):
        return np.zeros((1, *sample), np.int64)
    weights = network.parameters()
    return np.zeros((1, *sample), weights[0].value.dtype if weights else np.float64)


def _shown(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "-"
    return f"({', '.join(['B', *map(str, shape[1:])])})"
