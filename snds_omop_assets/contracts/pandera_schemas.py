"""Pandera schemas, built from the contracts: what a frame must be when it is received, and when it is written."""

import pandas as pd
import pandera.errors
import pandera.pandas as pa

from snds_omop_assets.contracts.cdm_tables import CdmField, CdmTable
from snds_omop_assets.contracts.snds_tables import Column, SndsTable
from snds_omop_assets.errors import ContractError
from snds_omop_assets.tables import PANDAS_DTYPES


def snds_schema(table: SndsTable) -> pa.DataFrameSchema:
    """The schema of a frame of an SNDS table after typing: types, required values, bounds, order of dates.

    Its checks go row by row, so that the rows which break one can be set aside. A check over several columns is
    named after the column that is set to NULL when it fails.
    """
    columns = {column.name: _snds_column(column) for column in table.columns.values()}
    order = [
        pa.Check(_not_before(column.name, column.not_before), name=column.name)
        for column in table.columns.values()
        if column.not_before is not None and column.not_before in table.columns
    ]
    return pa.DataFrameSchema(columns, checks=order, name=table.name)


def cdm_schema(table: CdmTable) -> pa.DataFrameSchema:
    """The schema of a frame of a CDM table: exactly its columns in order, their types, the required values."""
    return pa.DataFrameSchema(
        {f.name: _cdm_column(f) for f in table.fields}, strict=True, ordered=True, name=table.name
    )


def judge(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame | None:
    """Validate a frame against its schema.

    Returns:
        None if it conforms; else Pandera's failure cases, one row per broken rule and row (they hold values: count
        them, never show them).
    """
    try:
        _forget(schema.validate(frame, lazy=True))
    except pandera.errors.SchemaErrors as errors:
        _forget(errors.data)
        cases: pd.DataFrame = errors.failure_cases
        return cases
    return None


def conforming(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The frame, if it conforms to its schema.

    Raises:
        ContractError: it does not; says how many rows break which rule, and no value.
    """
    if (cases := judge(frame, schema)) is not None:
        broken = cases.groupby(["column", "check"], dropna=False).size().reset_index(name="rows")
        rules = "; ".join(f"{column}: {check} ({rows} rows)" for column, check, rows in broken.to_numpy().tolist())
        raise ContractError(f"{schema.name} does not conform to its contract: {rules}.")
    return frame


def _forget(frame: pd.DataFrame) -> None:
    """Take off the accessor that Pandera leaves on a frame it has judged.

    The frame and its accessor point to each other, so the frame would live until Python collects cycles, which it
    does by their number and not by their bytes: memory grew with the table (measured: 190 MB per million rows).
    """
    vars(frame).pop("pandera", None)


def _snds_column(column: Column) -> pa.Column:
    checks = []
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum, error=f"less than {column.minimum}"))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum, error=f"more than {column.maximum}"))
    return pa.Column(
        PANDAS_DTYPES[column.kind.arrow],
        checks,
        nullable=not column.required,
        title=column.name,
        description=column.label,
    )


def _cdm_column(field: CdmField) -> pa.Column:
    return pa.Column(
        PANDAS_DTYPES[field.arrow], nullable=not field.required, unique=field.primary_key, title=field.name
    )


def _not_before(later: str, earlier: str):  # type: ignore[no-untyped-def]
    def check(frame: pd.DataFrame) -> "pd.Series[bool]":
        return (frame[later] >= frame[earlier]) | frame[later].isna() | frame[earlier].isna()

    return check
