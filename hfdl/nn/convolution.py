"""A filter over every few words that stand side by side (Collobert et al. 2011; Kim 2014).

Shapes: B batch, T words, D input width, F filters, W = T + w - 1 windows of w words.
"""

from __future__ import annotations

from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from hfdl.errors import ShapeError
from hfdl.nn.lengths import check_width, real_steps


class TextConvolution(nn.Module):
    """c_j = W [x_j; ...; x_{j+w-1}] + b for every window of w words (Kim 2014, equation 2).

    The convolution is wide (Kalchbrenner et al. 2014, section 2, https://arxiv.org/abs/1404.2188):
    a window may hang over either end of the text, where zeros stand. So every text has T + w - 1
    of them, those shorter than a window too, and where padding stands makes no difference.

    Args:
        input_size: D.
        num_filters: F.
        width: w, words in a window.

    Raises:
        ShapeError: the width is smaller than 1.
    """

    def __init__(self, input_size: int, num_filters: int, width: int) -> None:
        super().__init__()
        if width < 1:
            raise ShapeError(f"a window of {width} words", rule="a window has at least one word")
        self.input_size, self.num_filters, self.width = input_size, num_filters, width
        self.filters = nn.Conv1d(input_size, num_filters, width, padding=width - 1)

    def forward(
        self, x: Float[Tensor, "B T D"], mask: Shaped[Tensor, "B T"] | None = None
    ) -> tuple[Float[Tensor, "B W F"], Bool[Tensor, "B W"]]:
        """Look through all windows.

        Args:
            x: the words.
            mask: 1 or True at real words; None: all are.

        Returns:
            the filters' outputs, and which windows hold a real word. Those of the others are to be
            passed over.

        Raises:
            ShapeError: ``x`` or ``mask`` is of another shape.
        """
        check_width(x, self.input_size, "a convolution over words")
        real = real_steps(x, mask)
        over = self.width - 1
        if x.shape[1] == 0:  # torch convolves no empty text
            return x.new_zeros(len(x), over, self.num_filters), real.new_zeros(len(x), over)
        x = x.masked_fill(~real[..., None], 0.0)
        outputs = self.filters(x.transpose(1, 2))  # (B, D, T) -> (B, F, W)
        windows = F.pad(real, (over, over)).unfold(1, self.width, 1)  # (B, T) -> (B, W, w)
        return outputs.transpose(1, 2), windows.any(-1)  # (B, W, F), (B, W)
