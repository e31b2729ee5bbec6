"""What the rows of a task's data are."""

from typing import Literal

Rows = Literal["labels", "entities", "texts", "pairs"]
"""Labelled texts, sentences with entities, texts alone, or texts and their translations.
``TaskSpec.rows`` says which; a prediction is of the same.
"""
