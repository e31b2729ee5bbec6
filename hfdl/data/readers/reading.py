"""How a recipe wants its files read: what readers need of its data section."""

from __future__ import annotations

from dataclasses import dataclass, field

from hfdl.config.schema import DataConfig


@dataclass(frozen=True)
class Reading:
    """The options of reading a source.

    Args:
        text: name of the one column of txt files.
        label: name of the label column that sub-folders and annotations become, and the one that
            decides whether a Hub split is labelled.
        spans: name of the column that annotated spans become.
        asked: the columns that the recipe names; unnamed columns that nobody asks for are dropped.
        encoding: of text files; None: UTF-8, or what a byte order mark says.
        separator: between two columns of csv and tsv files; None: see ``data.csv.separator``.
        header: whether the first line of csv and tsv files names the columns, or the names.
        words: whether the task reads words: then txt and tsv files may be CoNLL files.
    """

    text: str = "text"
    label: str = "label"
    spans: str = "spans"
    asked: frozenset[str] = field(default_factory=frozenset)
    encoding: str | None = None
    separator: str | None = None
    header: bool | tuple[str, ...] = True
    words: bool = False

    @classmethod
    def of(cls, config: DataConfig, *, words: bool = False) -> Reading:
        """The options that a recipe's data section gives."""
        header = config.csv.header
        labels = [config.label] if isinstance(config.label, str) else config.label
        columns = [config.text, config.text_pair, *labels, config.tokens, config.tags]
        return cls(
            text=config.text,
            label=config.label if isinstance(config.label, str) else "label",
            spans=config.spans,
            asked=frozenset(name for name in [*columns, config.spans, config.sentence] if name),
            encoding=config.encoding,
            separator=config.csv.separator,
            header=header if isinstance(header, bool) else tuple(header),
            words=words,
        )


PLAIN = Reading()
"""Every option at its default."""
