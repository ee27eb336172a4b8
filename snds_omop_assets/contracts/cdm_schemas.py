"""The Pandera schemas of the CDM tables: what a frame must be when it is written.

A frame of pandas for the tables that the project computes; of Polars for the vocabulary, which is read as it is.
"""

import pandas as pd
import pandera.errors
import pandera.pandas as pa
import pandera.polars as polars_pa

from snds_omop_assets.contracts.cdm_tables import CdmField, CdmTable
from snds_omop_assets.contracts.snds_schemas import POLARS_TYPES
from snds_omop_assets.errors import ContractError
from snds_omop_assets.tables import PANDAS_DTYPES


def cdm_schema(table: CdmTable) -> pa.DataFrameSchema:
    """The schema of a frame of a CDM table: exactly its columns in order, their types, the required values."""
    return pa.DataFrameSchema(
        {f.name: _cdm_column(f) for f in table.fields}, strict=True, ordered=True, name=table.name
    )


def polars_cdm_schema(table: CdmTable) -> polars_pa.DataFrameSchema:
    """The schema of a Polars frame of rows of a CDM table: its columns in order, their types, the required values.

    Primary keys are not judged: a frame is a part of a table.
    """
    columns = {f.name: polars_pa.Column(POLARS_TYPES[str(f.arrow)], nullable=not f.required) for f in table.fields}
    return polars_pa.DataFrameSchema(columns, strict=True, ordered=True, name=table.name)


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


def _cdm_column(field: CdmField) -> pa.Column:
    return pa.Column(
        PANDAS_DTYPES[field.arrow], nullable=not field.required, unique=field.primary_key, title=field.name
    )
