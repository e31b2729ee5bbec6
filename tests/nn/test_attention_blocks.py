"""How the heads of long sequences are divided where their weights are computed again."""

from __future__ import annotations

from hfdl.nn.cpu import attention_gradient


def test_blocks_hold_whole_texts_or_equal_parts_of_one() -> None:
    blocks = attention_gradient._blocks  # pyright: ignore[reportPrivateUsage]
    assert blocks((24, 5, 6), 6, 100) == [slice(i, i + 3) for i in range(0, 24, 3)]
    assert blocks((24, 5, 6), 6, 700) == [slice(0, 18), slice(18, 24)]
    assert blocks((7, 5, 6), 7, 200) == [slice(i, i + 1) for i in range(7)]  # 6 do not divide 7
    assert blocks((0, 5, 6), 6, 100) == []
