"""Which tokens of a text a masked language model is asked for, and what stands in their place.

Devlin et al. 2019 (https://arxiv.org/abs/1810.04805, section 3.1): 15 % of the tokens are chosen;
of these 80 % are masked, 10 % replaced by a random piece and 10 % left as they are, so that the
model cannot tell a token that it need not foresee. Chosen anew in each epoch (Liu et al. 2019,
https://arxiv.org/abs/1907.11692, section 4.1).

Every choice is a hash of (seed, epoch, example, place): the same in any batch and any process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfdl.data.random_keys import hash64

MASKED = 0.8
"""Share of the chosen tokens that the mask takes the place of."""
REPLACED = 0.1
"""Share of them that a random piece takes the place of. The others are left."""

# Streams of their own, so that what is chosen says nothing of what becomes of it.
_STREAM_CHOICE, _STREAM_FATE, _STREAM_PIECE = 16, 17, 18


@dataclass(frozen=True)
class Masking:
    """How tokens are masked.

    Args:
        share: of the tokens that may be chosen, those that are.
        mask_id: the mask.
        pieces: (P,) the ids that random ones are drawn from.
    """

    share: float
    mask_id: int
    pieces: np.ndarray

    def __call__(
        self,
        ids: np.ndarray,
        maskable: np.ndarray,
        examples: np.ndarray,
        *,
        seed: int,
        epoch: int,
        words: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mask some tokens of a batch.

        Of a row with n tokens that may be chosen, exactly ``round(share * n)`` are, but at least
        one where there is one. With ``words``, words are drawn until they have as many pieces
        together, so that the last may bring some more; what becomes of a chosen word becomes of
        all its pieces.

        Args:
            ids: (B, T) input ids, padded on the right.
            maskable: (B, T) which of them may be chosen.
            examples: (B,) number of each row's example.
            seed, epoch: what the choice is for.
            words: (B, T) number of the word that each piece belongs to. Default: each piece is a
                word.

        Returns:
            the ids that the model is given, and which tokens were chosen; both (B, T).
        """
        place = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)  # (B, T)
        word = place if words is None else words
        row = examples[:, None]  # (B, 1)
        chosen = _choose(
            word, hash64(seed, _STREAM_CHOICE, epoch, row, word), maskable, self._budget(maskable)
        )
        fate = _unit(hash64(seed, _STREAM_FATE, epoch, row, word))  # (B, T)
        drawn = hash64(seed, _STREAM_PIECE, epoch, row, place) % np.uint64(len(self.pieces))
        masked = np.where(chosen & (fate < MASKED), self.mask_id, ids)
        replaced = chosen & (fate >= MASKED) & (fate < MASKED + REPLACED)
        return np.where(replaced, self.pieces[drawn.astype(np.int64)], masked), chosen

    def _budget(self, maskable: np.ndarray) -> np.ndarray:
        """Tokens to choose of each row, (B,)."""
        n = maskable.sum(axis=1)
        return np.where(n > 0, np.maximum(1, np.rint(self.share * n)), 0).astype(np.int64)


def _choose(
    word: np.ndarray, keys: np.ndarray, maskable: np.ndarray, budget: np.ndarray
) -> np.ndarray:
    """The words with the smallest keys, until ``budget`` pieces of a row are reached.

    Args:
        word, keys, maskable: (B, T), the same key for all pieces of a word.
        budget: (B,).

    Returns:
        (B, T) booleans.
    """
    order = np.lexsort((word, keys, ~maskable), axis=1)  # (B, T): those that may be chosen first
    words, place = np.take_along_axis(word, order, 1), np.arange(word.shape[1])
    begins = np.ones(word.shape, dtype=bool)
    begins[:, 1:] = words[:, 1:] != words[:, :-1]
    before = np.maximum.accumulate(np.where(begins, place, 0), axis=1)  # pieces of earlier words
    chosen = np.empty_like(maskable)
    np.put_along_axis(chosen, order, before < budget[:, None], 1)
    return chosen & maskable


def _unit(keys: np.ndarray) -> np.ndarray:
    """Keys as numbers in [0, 1): their upper 53 bits, all that a float holds."""
    return (keys >> np.uint64(11)).astype(np.float64) * 2.0**-53
