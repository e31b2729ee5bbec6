"""RNN, LSTM and GRU: layers of ``hfdl.nn.recurrence``, in one direction or both.

Layer l reads the outputs of layer l - 1; the last one's are the output.

Shapes: B batch, T steps, D input width, H state width, R directions of one layer or, as LR, of all
layers, Y output width.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from hfdl.errors import ConfigError, ShapeError, did_you_mean
from hfdl.nn.dropout import Dropout
from hfdl.nn.fused_recurrence import fused
from hfdl.nn.lengths import check_width, length_mask, real_steps
from hfdl.nn.recurrence import KINDS, RecurrentKernel, State, Weights

_TENSORS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Recurrent(nn.Module):
    """A stack of recurrent layers with the parameters of torch's ``nn.RNN``, ``LSTM`` or ``GRU``.

    Names, layout and first weights (uniform within 1 / sqrt(H)) are torch's, so that a
    ``state_dict`` goes there and back, and one seed makes both alike.

    Args:
        kind: ``rnn`` (tanh), ``lstm`` or ``gru``.
        input_size: D.
        hidden_size: H, of each direction.
        num_layers: L, one above the other.
        bidirectional: read from right to left, too; the outputs stand side by side (Schuster and
            Paliwal 1997).
        dropout: probability of dropping what a layer hands to the next, in training; not behind
            the last (Zaremba et al. 2014, https://arxiv.org/abs/1409.2329).
        kernel: ``fused`` or ``unrolled``.

    Raises:
        ConfigError: there is no such kind.
        ShapeError: a size is smaller than 1.
    """

    def __init__(
        self,
        kind: str,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        kernel: RecurrentKernel = fused,
    ) -> None:
        super().__init__()
        check_kind(kind)
        _check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        self.kind, self.kernel = kind, kernel
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.suffixes = ("", "_reverse") if bidirectional else ("",)
        self.dropout = Dropout(dropout)
        rows = KINDS[kind].gates * hidden_size
        for layer in range(num_layers):
            width = input_size if layer == 0 else self.output_size
            shapes = ((rows, width), (rows, hidden_size), (rows,), (rows,))
            for suffix in self.suffixes:
                for name, shape in zip(_TENSORS, shapes, strict=True):
                    tensor = torch.empty(shape).uniform_(-(hidden_size**-0.5), hidden_size**-0.5)
                    self.register_parameter(f"{name}_l{layer}{suffix}", nn.Parameter(tensor))

    @property
    def output_size(self) -> int:
        """Width of the outputs: H, or 2 H of both directions."""
        return self.hidden_size * len(self.suffixes)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        mask: Shaped[Tensor, "B T"] | None = None,
        *,
        lengths: Int[Tensor, "B"] | None = None,
        state: State | None = None,
    ) -> tuple[Float[Tensor, "B T Y"], State]:
        """Read a batch.

        A row without a real step is answered with zeros and keeps its state, as a query that may
        attend to nothing is: one empty text shall not stop the batch that it is in.

        Args:
            x: the inputs.
            mask: 1 or True at real steps, which may stand anywhere; None: all are real.
            lengths: in its place: how many steps from the left are real.
            state: to go on from, as it is returned; None: zeros.

        Returns:
            the outputs, with zeros at padding; and the last state of each layer and direction.

        Raises:
            ShapeError: ``x``, ``mask``, ``lengths`` or ``state`` is of another shape.
        """
        real = _real(x, mask, lengths)
        check_width(x, self.input_size, "a recurrent layer")
        self._check_state(x, state)
        if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            # torch has no LSTM in bfloat16 for every CPU, and a state adds up small changes.
            with torch.autocast("cpu", enabled=False):
                return self._read(x.to(self._weights(0)[0].ih.dtype), real, state)
        return self._read(x, real, state)

    def _read(
        self, x: Float[Tensor, "B T D"], real: Bool[Tensor, "B T"] | None, state: State | None
    ) -> tuple[Float[Tensor, "B T Y"], State]:
        lasts: list[State] = []
        for layer in range(self.num_layers):
            x = x if layer == 0 else self.dropout(x)
            before = None if state is None else self._of_layer(state, layer)
            x, last = self.kernel(self.kind, x, self._weights(layer), real, before)
            lasts.append(last)
        return x, tuple(torch.cat(part) for part in zip(*lasts, strict=True))  # (L R, B, H)

    def _weights(self, layer: int) -> list[Weights]:
        return [
            Weights(*(getattr(self, f"{name}_l{layer}{suffix}") for name in _TENSORS))
            for suffix in self.suffixes
        ]

    def _of_layer(self, state: tuple[Float[Tensor, "LR B H"], ...], layer: int) -> State:
        """A layer's own part of the state: R directions of LR."""
        directions = len(self.suffixes)
        return tuple(part[layer * directions : (layer + 1) * directions] for part in state)

    def _check_state(self, x: Float[Tensor, "B T D"], state: State | None) -> None:
        shape = (self.num_layers * len(self.suffixes), len(x), self.hidden_size)
        parts = KINDS[self.kind].parts
        if state is not None and [tuple(part.shape) for part in state] != [shape] * parts:
            raise ShapeError(
                f"a state of shapes {[tuple(part.shape) for part in state]}",
                rule=f"the state of this {self.kind} has {parts} of shape {shape}",
                remedy="give the one that was returned",
            )

    def extra_repr(self) -> str:
        """The sizes, for ``print(model)``."""
        return (
            f"{self.kind}, {self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, "
            f"bidirectional={len(self.suffixes) > 1}"
        )


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ShapeError(f"{name} is {size}", rule="the sizes of a layer are at least 1")


def check_kind(kind: str) -> None:
    """Refuse a kind that does not exist.

    Raises:
        ConfigError: it is no key of ``KINDS``.
    """
    if kind not in KINDS:
        raise ConfigError(
            f"unknown kind {kind!r} of recurrent layer",
            rule=f"there are {', '.join(KINDS)}",
            remedy=did_you_mean(kind, KINDS),
        )


def _real(
    x: Float[Tensor, "B T D"],
    mask: Shaped[Tensor, "B T"] | None,
    lengths: Int[Tensor, "B"] | None,
) -> Bool[Tensor, "B T"] | None:
    """Which steps are real, or None where all are."""
    if lengths is not None:
        if mask is not None:
            raise ShapeError("a mask and lengths", rule="real steps are told by one of the two")
        mask = length_mask(lengths, x.shape[1])
    real = real_steps(x, mask)
    return None if bool(real.all()) else real
