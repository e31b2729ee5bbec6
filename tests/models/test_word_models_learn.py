"""Every small model over words, kind by kind, can learn: sixteen texts by heart."""

from __future__ import annotations

import pytest
import torch
from helpers.word_models import CASES, LABELS, texts
from torch.nn import functional as F


@pytest.mark.parametrize("name", CASES)
def test_it_learns_sixteen_texts_by_heart(name: str) -> None:
    """Dropout is off. Labels are random, but no two texts are alike."""
    case = CASES[name]
    dropouts = {k: 0.0 for k in ("dropout", "word_dropout") if hasattr(case.config, k)}
    model = case.build(**dropouts).float().train()
    ids, mask = texts(16, 6)
    assert len({tuple(row) for row in ids.tolist()}) == 16
    if case.answers == "texts":
        labels = torch.arange(16) % LABELS
    elif case.answers == "words":
        labels = torch.where(mask.bool(), (ids + ids.roll(1, 1)) % LABELS, -100)
        labels[:, 0] = -100  # its left neighbour is the other end of the text
    else:  # the first word tells the text, and with it all others
        ids[:, 0] = torch.arange(16) + 1
        labels = torch.where(mask.roll(-1, 1).bool(), ids.roll(-1, 1), -100)
        labels[:, -1] = -100
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    asked = labels != -100
    for _ in range(300):
        logits = model(ids, mask)
        if torch.equal(logits.argmax(-1)[asked], labels[asked]):
            break
        F.cross_entropy(logits.flatten(0, -2), labels.flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert torch.equal(model(ids, mask).argmax(-1)[asked], labels[asked])
