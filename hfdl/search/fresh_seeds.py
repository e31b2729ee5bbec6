"""The seeds on which the winner and the default are trained again."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hfdl.config.schema import Recipe
from hfdl.config.search_space import Domain

SEED = "train.seed"
_MOST = 10**6


def fresh_seeds(recipe: Recipe, space: Sequence[Domain]) -> list[tuple[int, int]]:
    """Pairs of seeds: the winner's and the default's, none of which the search has used.

    Both are trained on the same seed, so that what the seed does to both alike (the order of the
    examples, the rows that are validated on) is no part of the difference. Where ``train.seed`` is
    itself searched, they have different ones: it is then a setting in which the two differ, and on
    the same seed they might be one and the same run.

    Args:
        recipe: with its study.
        space: what is searched.
    """
    searched = next((domain for domain in space if domain.key == SEED), None)
    used = {recipe.train.seed, *((searched.choices or ()) if searched is not None else ())}
    most = _MOST
    taken = range(0)
    if searched is not None and searched.choices is None:
        taken = range(int(searched.low), int(searched.high) + 1)
        most = max(most, min(2**32, 10 * taken.stop))
    draws = random.Random(f"fresh seeds {recipe.study.seed} {sorted(used)} {taken}")
    pairs = []
    for _ in range(recipe.study.fresh_seeds):
        first = _draw(draws, used, taken, most)
        pairs.append((first, first if searched is None else _draw(draws, used, taken, most)))
    return pairs


def _draw(draws: random.Random, used: set[int], taken: range, most: int) -> int:
    """A seed that is not among those used, among which it is now."""
    while (seed := draws.randrange(most)) in used or seed in taken:
        pass
    used.add(seed)
    return seed
