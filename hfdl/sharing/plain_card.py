"""The model card of a model that no run of hfdl's left, and that has none."""

from __future__ import annotations

from hfdl.report.card import Shown


def plain_card(shown: Shown) -> str:
    """A card that says how the model is opened, and claims nothing that was not measured."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        library_name="transformers",
        license=shown.license,
        language=[*shown.language] or None,
        tags=["hfdl"],
    )
    name = shown.place.rpartition("/")[2]
    return (
        f"---\n{data.to_yaml()}\n---\n\n# {name}\n\nPushed with hfdl; nobody has written down yet "
        "what it was trained on and what it reaches.\n\n"
        f'```python\nimport hfdl\n\npipe = hfdl.pipeline(model="{shown.place}")\n```\n'
    )
