"""The Pandera schemas of the SNDS tables: what a Polars frame must be once its texts are typed.

Polars, because Pandera judges on it at a fifth of a conversion's cost (on pandas it takes more than a quarter, and
reading and typing there as much again; docs/performance.md): so the whole table is judged, not a sample.
"""

from collections.abc import Collection
from typing import Any

import pandera.errors
import pandera.polars as pa
import polars as pl
from pandera.engines.polars_engine import DataType

from snds_omop_assets.contracts.snds_tables import Column, SndsTable
from snds_omop_assets.errors import ContractError

MISSING = "required value is missing"

POLARS_TYPES = {"string": pl.String, "int64": pl.Int64, "double": pl.Float64, "date32[day]": pl.Date}
"""How each stored type is held in a frame, by the name of its Arrow type."""


class Text(DataType):
    """Text, plain or coded: where each row's text stands among the different ones. No other column has such a type."""

    type = pl.String

    def __init__(self) -> None:
        """Not the parent's, which takes a type of its own for a foreign one."""

    def check(self, pandera_dtype: object, data_container: object = None) -> bool:
        """Whether a column is one of text."""
        return isinstance(pandera_dtype, (pl.String, pl.UInt8, pl.UInt16, pl.UInt32))


def polars_type(column: Column) -> type[pl.DataType]:
    """The type of a column's values in a frame; a text may be coded."""
    return POLARS_TYPES[str(column.kind.arrow)]


def snds_schema(table: SndsTable, delivered: Collection[str] | None = None) -> pa.DataFrameSchema:
    """The schema of a frame of an SNDS table after typing: types, required values, bounds, order of dates.

    Its checks go row by row, so that the rows which break one can be set aside. A check over several columns is
    named after the column that is set to NULL when it fails.

    Args:
        table: the contract.
        delivered: the columns that the frame has; None means all.
    """
    columns = {name: column for name, column in table.columns.items() if delivered is None or name in delivered}
    order = [
        pa.Check(_not_before(column.name, column.not_before), name=column.name)
        for column in columns.values()
        if column.not_before is not None and column.not_before in columns
    ]
    return pa.DataFrameSchema(
        {column.name: _column(column) for column in columns.values()}, checks=order, name=table.name
    )


def faults(frame: pl.DataFrame, schema: pa.DataFrameSchema, table: SndsTable) -> pl.DataFrame:
    """Judge every row of a frame.

    Returns:
        One row per fault: `row` (number in the frame), `column`, `reason`. It holds no value.

    Raises:
        ContractError: a column has not the type of its contract (a mistake of the project's, not of the data).
    """
    try:
        # Pandera asks for the types again and again, and with the type of an Enum Polars tells all its texts.
        schema.validate(frame.with_columns(pl.selectors.enum().to_physical()), lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases: pl.DataFrame = errors.failure_cases
        if cases["index"].null_count():
            raise ContractError(f"{table.name}: a column does not have the type of its contract.") from None
    else:
        return pl.DataFrame(schema={"row": pl.Int64, "column": pl.String, "reason": pl.String})
    late = {c.name: f"before {c.not_before}" for c in table.columns.values() if c.not_before}
    over_columns = pl.col("schema_context") == "DataFrameSchema"
    reason = pl.col("check").replace({"not_nullable": MISSING})
    return cases.select(
        pl.col("index").cast(pl.Int64).alias("row"),
        pl.when(over_columns).then("check").otherwise("column").alias("column"),
        pl.when(over_columns).then(pl.col("check").replace(late)).otherwise(reason).alias("reason"),
    ).unique(maintain_order=True)


def _column(column: Column) -> pa.Column:
    minimum = column.kind.minimum if column.minimum is None else column.minimum
    maximum = column.kind.maximum if column.maximum is None else column.maximum
    checks = []
    if minimum is not None:
        checks.append(pa.Check.ge(minimum, error=f"less than {minimum}"))
    if maximum is not None:
        checks.append(pa.Check.le(maximum, error=f"more than {maximum}"))
    kind: Any = polars_type(column)
    if kind is pl.String:
        kind = Text()
    return pa.Column(kind, checks, nullable=not column.required, title=column.name, description=column.label)


def _not_before(later: str, earlier: str):  # type: ignore[no-untyped-def]
    def check(data: pa.PolarsData) -> pl.LazyFrame:
        in_order = (pl.col(later) >= pl.col(earlier)) | pl.col(later).is_null() | pl.col(earlier).is_null()
        return data.lazyframe.select(in_order)

    return check
