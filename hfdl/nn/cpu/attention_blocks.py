"""Attention on a CPU, in blocks of heads whose scores stay in the processor's cache.

    S = scale Q K^T + additive,  P = softmax(S),  O = P V

Where oneDNN multiplies batches faster than MKL (see ``onednn`` here) this is faster than torch's
fused kernel, which always takes MKL. ``attention_gradient`` trains with the same blocks.

Shapes: B batch, H heads, T queries, S keys, K head width; N = B H, n those of a block.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from hfdl.nn.cpu import onednn

BLOCK = 1 << 20
"""Scores of a block: 4 MiB. Larger blocks leave the cache, smaller ones are more calls."""
SMALLEST, SMALLEST_IN_TRAINING = 3 << 22, 1 << 21
"""Fewest multiplications of a product, B H T S K, for which this is faster than the fused kernel.
oneDNN first makes the code of a shape, in 0.4 ms; batches of texts to be answered have more shapes
than those of a training, and call each less often."""


def blocks_pay(
    q: Float[Tensor, "B H T K"], k: Float[Tensor, "B H S K"], smallest: int = SMALLEST
) -> bool:
    """Whether this is faster than torch's fused kernel."""
    if torch.compiler.is_compiling():  # before sizes are compared: they may be left open
        return False
    work = q.numel() * k.shape[-2]
    return work >= smallest and onednn.takes(q) and onednn.is_exact_in_batches()


def attention_in_blocks(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    additive: Float[Tensor, "... #T #S"] | None,
    *,
    scale: float,
) -> Float[Tensor, "B H T K"]:
    """Scaled dot-product attention, without a gradient.

    A query that may attend to nothing gets something finite.

    Args:
        q, k, v: queries, keys and values.
        additive: what is added to the scores, broadcastable to (B, H, T, S); None: 0.
        scale: what scores are multiplied by.
    """
    shape = q.shape
    q, k, v = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)  # (N, T, K), (N, S, K)
    out = torch.empty_like(q)
    parts = blocks((len(q), q.shape[1], k.shape[1]), shape[1], BLOCK)
    largest = max((part.stop - part.start for part in parts), default=0)
    room = q.new_empty(2, largest, q.shape[1], k.shape[1])
    with onednn.batched_products():
        for part in parts:
            scores, weights = room[:, : part.stop - part.start]
            write_scores(scores, q[part], k[part], of_block(additive, part, shape[:2]), scale)
            torch.softmax(scores, -1, out=weights)
            torch.bmm(weights, v[part], out=out[part])
    return out.view(shape)  # (N, T, K) -> (B, H, T, K)


def write_scores(
    out: Float[Tensor, "n T S"],
    q: Float[Tensor, "n T K"],
    k: Float[Tensor, "n S K"],
    additive: Float[Tensor, "... #T #S"] | None,
    scale: float,
) -> None:
    """S = scale Q K^T + additive of a block, into ``out``; ``additive`` is as of ``of_block``."""
    keys = k.transpose(1, 2)  # (n, S, K) -> (n, K, S)
    if additive is not None and additive.dim() <= 2:  # (T, S) goes to each of n
        torch.baddbmm(additive, q, keys, alpha=scale, out=out)
        return
    if q.dtype.itemsize == 2:  # as the formula rounds: the product, and what is scaled
        torch.bmm(q, keys, out=out).mul_(scale)
    else:
        torch.baddbmm(out, q, keys, beta=0, alpha=scale, out=out)
    if additive is not None:  # as (b, h, T, S)
        out.view(*additive.shape[:2], *out.shape[1:]).add_(additive)


def weights_of(
    q: Float[Tensor, "n T K"],
    k: Float[Tensor, "n S K"],
    additive: Float[Tensor, "... #T #S"] | None,
    scale: float,
) -> Float[Tensor, "n T S"]:
    """P = softmax(scale Q K^T + additive) of a block; half types are raised inside.

    Not in place: rows that do not start where the processor's vectors do would be read while they
    are still being written, which takes half as long again.
    """
    scores = q.new_empty(len(q), q.shape[1], k.shape[1])
    write_scores(scores, q, k, additive, scale)
    return torch.softmax(scores, -1)


def blocks(whole: tuple[int, int, int], heads: int, most: int) -> list[slice]:
    """Stretches of N: whole rows of the batch, or parts of one row that are all of one size.

    Args:
        whole: N, T and S.
        heads: H.
        most: scores of a block, unless those of one head are more.
    """
    n, t, s = whole
    fitting = max(1, most // max(1, t * s))  # of N
    if fitting >= heads:
        size = fitting // heads * heads
    else:
        size = max(h for h in range(1, fitting + 1) if heads % h == 0)
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def of_block(
    additive: Float[Tensor, "... #T #S"] | None, block: slice, shape: torch.Size
) -> Float[Tensor, "... #T #S"] | None:
    """What is added to the scores of a block, as (T, S) or (b, h, T, S); ``shape`` is (B, H)."""
    if additive is None or additive.dim() <= 2:
        return additive
    batch, heads = shape
    whole = additive.expand(batch, heads, *additive.shape[-2:])
    row, first = divmod(block.start, heads)
    if block.stop - block.start < heads:
        return whole[row : row + 1, first : first + block.stop - block.start]
    return whole[row : block.stop // heads]
