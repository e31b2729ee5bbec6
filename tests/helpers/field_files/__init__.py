"""Awkward files as users have them: what is in each, and how it must be read or refused."""

from helpers.field_files.bytes_cases import IN_BYTES
from helpers.field_files.case import FieldFile
from helpers.field_files.csv_cases import CSV
from helpers.field_files.encoding_cases import ENCODINGS
from helpers.field_files.entity_cases import ENTITIES
from helpers.field_files.header_cases import HEADERS
from helpers.field_files.json_cases import JSON
from helpers.field_files.outer_column_cases import OUTER_COLUMNS
from helpers.field_files.quote_cases import QUOTES
from helpers.field_files.span_cases import SPANS
from helpers.field_files.word_cases import WORDS

FIELD_FILES: tuple[FieldFile, ...] = (
    *CSV,
    *ENCODINGS,
    *JSON,
    *ENTITIES,
    *SPANS,
    *WORDS,
    *OUTER_COLUMNS,
    *IN_BYTES,
    *QUOTES,
    *HEADERS,
)

__all__ = ["FIELD_FILES", "FieldFile"]
