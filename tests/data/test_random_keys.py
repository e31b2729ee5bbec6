"""Keys that are pure functions of (seed, stream, epoch, row)."""

import ast
from pathlib import Path

import numpy as np
import pytest

from hfdl.data.random_keys import Stream, hash64, random_keys


def test_hash64_of_0_1_2_is_the_published_splitmix64_sequence():
    # java.util.SplittableRandom(0) and Vigna's splitmix64.c with seed 0.
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert hash64(np.arange(3)).tolist() == expected


def test_random_keys_golden_values():
    # Recorded here: a change would reorder the examples of every resumed run.
    assert random_keys(3, seed=0, stream=0).tolist() == [
        0x2130748AAAC80268,
        0x0CC78FB979CE5090,
        0xAB9AA3DAFBA6B4AC,
    ]
    assert random_keys(1, seed=7, stream=2, epoch=3).tolist() == [0x8B327F5EFF1BCB09]


def test_keys_do_not_depend_on_n():
    np.testing.assert_array_equal(
        random_keys(10, seed=5, stream=0), random_keys(1000, seed=5, stream=0)[:10]
    )


@pytest.mark.parametrize("change", [{"seed": 4}, {"stream": 1}, {"epoch": 1}])
def test_every_argument_changes_every_key(change):
    base = {"seed": 3, "stream": 0, "epoch": 0}
    assert not np.any(random_keys(1000, **base) == random_keys(1000, **(base | change)))


def test_seed_stream_and_epoch_do_not_trade_places():
    assert random_keys(1, seed=1, stream=0) != random_keys(1, seed=0, stream=1)
    assert random_keys(1, seed=0, stream=1, epoch=0) != random_keys(1, seed=0, stream=0, epoch=1)


def test_no_collision_in_a_million():
    assert len(np.unique(random_keys(1_000_000, seed=0, stream=0))) == 1_000_000


def test_keys_are_uniform():
    counts, _ = np.histogram(
        random_keys(256_000, seed=0, stream=0) / 2.0**64, bins=256, range=(0, 1)
    )
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert 170 < chi_square < 350  # 255 degrees of freedom: mean 255, sd 22.6


def test_each_bit_is_set_half_of_the_time():
    keys = random_keys(100_000, seed=1, stream=0)
    shares = [float(((keys >> np.uint64(bit)) & np.uint64(1)).mean()) for bit in range(64)]
    assert max(abs(share - 0.5) for share in shares) < 0.008  # five standard deviations


def test_epochs_do_not_correlate():
    first = random_keys(100_000, seed=0, stream=0, epoch=0).astype(float)
    second = random_keys(100_000, seed=0, stream=0, epoch=1).astype(float)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.016


def test_shapes_types_and_negative_parts():
    assert random_keys(0, seed=0, stream=0).shape == (0,)
    assert random_keys(4, seed=0, stream=0).dtype == np.uint64
    assert hash64(1, 2).shape == ()
    assert hash64(np.arange(3)[:, None], np.arange(2)).shape == (3, 2)
    assert hash64(-1) == hash64(2**64 - 1)
    assert hash64(np.array([-1])) == hash64(-1)


def test_no_two_streams_are_alike():
    members = Stream.__members__  # aliases of one number would be listed too
    assert len(members) == 8
    assert len({int(stream) for stream in members.values()}) == len(members)
    keys = {tuple(random_keys(10, seed=0, stream=stream)) for stream in Stream}
    assert len(keys) == len(members)


def test_every_use_of_keys_names_its_stream():
    """No module has numbers of its own, which could be another's."""
    package = Path(__file__).parents[2] / "hfdl"
    used: list[str] = []
    for file in package.rglob("*.py"):
        if file.name in ("random_keys.py", "random_order.py"):  # the callers say
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in KEYED:
                names = [n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)
                         and getattr(n.value, "id", "") == "Stream"]  # fmt: skip
                assert len(names) == 1, f"{file}:{node.lineno}"
                used += names
    assert set(used) == set(Stream.__members__)
    assert len(used) >= 8


KEYED = {"hash64", "random_keys", "random_order"}
