"""Ids: 63-bit positive integers, the same on pandas, DuckDB, SQLite and Spark.

An id is the first 63 bits of the md5 of a canonical text: the warehouse's id key, a prefix (the table), and the
fields, joined by a separator. Fields are text: an engine's own cast of a number or a date to text differs from the
next engine's, so the caller casts. Collisions are checked where ids become primary keys (isPrimaryKey).

Columns of ids are BIGINT on every engine, although the CDM calls them integer: among a billion rows, 32 bits would
collide all the time.
"""

import hashlib

import pandas as pd

SEPARATOR = "\x1f"
"""ASCII unit separator. Reception refuses control characters in values, so it cannot occur in a field."""

NULL_MARK = "\x1e"
"""ASCII record separator: an absent field, which is not the same as an empty one."""

MAX_ID_FIELDS = 12
"""How many fields a key may have: SQL engines want to know."""


def omop_id(key: str, prefix: str, *fields: str | None) -> int:
    """The id of one row.

    Args:
        key: the id key of the warehouse (settings.id_key).
        prefix: what the id is of: "person", "location", ...
        fields: the natural key of the row, as text; None stands for NULL.
    """
    text = SEPARATOR.join([key, prefix, *(NULL_MARK if field is None else field for field in fields)])
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:16], 16) >> 1


def omop_ids(key: str, prefix: str, *columns: "pd.Series[str]") -> "pd.Series[int]":
    """The ids of many rows: `omop_id` over text columns of equal length.

    Returns:
        Series of Int64 with the index of the first column; no NULL.
    """
    fields = ([None if pd.isna(value) else value for value in column] for column in columns)
    rows = list(zip(*fields, strict=True))
    # Most keys repeat (few communes, many persons), so each is hashed once.
    ids = {row: omop_id(key, prefix, *row) for row in set(rows)}
    return pd.Series([ids[row] for row in rows], index=columns[0].index, dtype="Int64")
