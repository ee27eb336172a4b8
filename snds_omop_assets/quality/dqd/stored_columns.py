"""The stored columns of a CDM as values of the CDM's types, in SQL of both engines.

A CDM in CSV or SQLite has text where the CDM has numbers and dates, and one that pandas has written has numbers with a
point where the CDM has ids. What cannot be read as the type of its field is NULL here; cdmDatatype counts it. Dates and
times are days: no check looks at the hour.
"""

from collections.abc import Iterable, Mapping

import pyarrow as pa
from pyarrow import types

from snds_omop_assets.contracts.cdm_tables import cdm_tables

DIGITS = "0123456789"


class AbsentError(Exception):
    """A table or a field that a check reads is not there; the text is the reason."""


class StoredCdm:
    """The tables of a CDM as they are stored.

    Args:
        tables: names and types of the columns, by name of table.
        readable: whether the tables are read through `readable_select`, which has turned the columns already. Without,
            every value is turned where it is used, so that the SQL stands for itself.
    """

    def __init__(self, tables: Mapping[str, pa.Schema], readable: bool = False) -> None:
        self.readable = readable
        self.tables = tuple(tables)
        self._columns = {
            table: {column.name.lower(): column.type for column in schema} for table, schema in tables.items()
        }
        self._types = {table: _cdm_types(table, columns) for table, columns in self._columns.items()}
        self._turned = {
            table
            for table, columns in self._columns.items()
            if any(not _is_of(stored, self._types[table][field]) for field, stored in columns.items())
        }

    def has(self, table: str, field: str | None = None) -> bool:
        """Whether a table, or a field of it, is there."""
        return table in self._columns and (field is None or field in self._columns[table])

    def fields(self, table: str) -> list[str]:
        """The columns that are there, in lower case."""
        return list(self._columns.get(table, {}))

    def rows(self, table: str) -> str:
        """The rows of a table, for a FROM clause.

        Raises:
            AbsentError: there is no such table.
        """
        if not self.has(table):
            raise AbsentError(f"Table {table}, which this check reads, is not there.")
        return readable_name(table) if self.readable and self.must_be_turned(table) else table

    def raw(self, table: str, field: str, of: str = "t") -> str:
        """The column as it is stored."""
        return f"{of}.{raw_name(field)}" if self.readable and self.may_be_unreadable(table, field) else f"{of}.{field}"

    def value(self, table: str, field: str, of: str = "t") -> str:
        """The column as the CDM's type; NULL where it cannot be read as such.

        Raises:
            AbsentError: there is no such table or column.
        """
        self.rows(table)
        if not self.has(table, field):
            raise AbsentError(f"Field {table}.{field}, which this check reads, is not there.")
        column = f"{of}.{field}"
        return column if self.readable else _turned(column, self._columns[table][field], self._types[table][field])

    def is_whole_number(self, table: str, field: str) -> bool:
        """Whether a column that is there is one of whole numbers in the CDM."""
        return self._types[table][field] == "integer"

    def may_be_unreadable(self, table: str, field: str) -> bool:
        """Whether the stored type can hold what is no value of the CDM's type."""
        stored, wanted = self._columns[table][field], self._types[table][field]
        return wanted != "varchar" and not _is_of(stored, wanted) and not _is_moment(stored, wanted)

    def must_be_turned(self, table: str) -> bool:
        """Whether some column is stored as another type than the CDM's."""
        return table in self._turned

    def readable_select(self, table: str) -> str:
        """A SELECT that turns all columns; those that may be unreadable are there as stored, too."""
        columns = []
        for field, stored in self._columns[table].items():
            columns.append(f"{_turned(f't.{field}', stored, self._types[table][field])} AS {field}")
            if self.may_be_unreadable(table, field):
                columns.append(f"t.{field} AS {raw_name(field)}")
        return f"SELECT {', '.join(columns)} FROM {table} AS t"


def readable_name(table: str) -> str:
    """Name of the view of a table whose columns are turned."""
    return f"dqd_{table}"


def raw_name(field: str) -> str:
    """Name of a column as stored, beside the turned one."""
    return f"{field}_as_stored"


def _cdm_types(table: str, columns: Iterable[str]) -> Mapping[str, str]:
    """integer, float, date, datetime or varchar, by column; one that the CDM does not know is text."""
    fields = cdm_tables()[table].fields if table in cdm_tables() else ()
    known = {field.name: field.type.split("(")[0] for field in fields}
    return {column: known.get(column, "varchar") for column in columns}


def _is_of(stored: pa.DataType, wanted: str) -> bool:
    if wanted == "integer":
        return bool(types.is_integer(stored) or (types.is_decimal(stored) and stored.scale == 0))
    if wanted == "float":
        return bool(types.is_integer(stored) or types.is_floating(stored) or types.is_decimal(stored))
    return bool(types.is_date32(stored) if wanted in ("date", "datetime") else _is_text(stored))


def _is_moment(stored: pa.DataType, wanted: str) -> bool:
    return wanted in ("date", "datetime") and bool(types.is_timestamp(stored) or types.is_date64(stored))


def _is_text(stored: pa.DataType) -> bool:
    return bool(types.is_string(stored) or types.is_large_string(stored) or types.is_string_view(stored))


def _turned(column: str, stored: pa.DataType, wanted: str) -> str:
    """The value of a column in the CDM's type."""
    if _is_of(stored, wanted):
        return column
    if _is_moment(stored, wanted):
        return f"CAST({column} AS DATE)"
    if wanted == "integer" and (types.is_floating(stored) or types.is_decimal(stored)):
        # The engines round 1.5 in different ways; it is no id.
        return f"CASE WHEN {column} = floor({column}) THEN TRY_CAST({column} AS BIGINT) END"
    text = column if _is_text(stored) else f"CAST({column} AS STRING)"
    turn = {"integer": _integer, "float": _float}.get(wanted, _day)
    return text if wanted == "varchar" else turn(text)


def _integer(text: str) -> str:
    """Digits with or without a sign; DuckDB alone would read 1.5 and 1e3, too.

    What is written as the engine itself writes it needs no look at each digit, which takes ten times as long.
    """
    number = f"TRY_CAST({text} AS BIGINT)"
    return f"CASE WHEN CAST({number} AS STRING) = {text} OR translate({text}, '+-{DIGITS}', '') = '' THEN {number} END"


def _float(text: str) -> str:
    return f"TRY_CAST({text} AS DOUBLE)"


def _day(text: str) -> str:
    """2020-01-31, with or without a time, or 20200131 as Athena's files have it."""
    with_time = " OR ".join(f"{text} LIKE '____-__-__{rest}'" for rest in ("", " %", "T%"))
    parts = ", ".join(f"substr({text}, {start}, {length})" for start, length in ((1, 4), (5, 2), (7, 2)))
    compact = f"WHEN length({text}) = 8 AND translate({text}, '{DIGITS}', '') = '' THEN concat_ws('-', {parts})"
    return f"TRY_CAST(CASE WHEN {with_time} THEN substr({text}, 1, 10) {compact} END AS DATE)"
