"""LOCATION, with SQL on DuckDB into Parquet: see location.sql."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.geography import DEPARTMENTS
from snds_omop_assets.engines.duckdb_engine import duckdb_with, frames_of_query
from snds_omop_assets.omop.field_rules import cdm_metadata
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS
from snds_omop_assets.tables import Frames, StoredTable

TABLE = cdm_tables()["location"]
SQL = Path(__file__).with_suffix(".sql")


def location_table(beneficiaries: StoredTable, establishments: StoredTable, settings: Settings) -> Frames:
    """LOCATION from the prepared tables.

    Args:
        beneficiaries: prepared/beneficiaries (commune, department); who was met in the facts only is there, too.
        establishments: prepared/establishments (department of sites and units).
        settings: id key and folder for spilling.

    Returns:
        Rows are places; the columns of the CDM's LOCATION.
    """
    tables: dict[str, StoredTable | Path] = {
        "beneficiaries": beneficiaries,
        "establishments": establishments,
        "departments": DEPARTMENTS,
    }

    def frames() -> Iterator[pd.DataFrame]:
        with duckdb_with(tables, id_key=settings.id_key, spill=settings.spill) as connection:
            yield from frames_of_query(connection, SQL.read_text(encoding="utf-8"), TABLE.schema).frames

    return Frames(TABLE.schema, frames())


@dg.asset(
    key=["omop", "location"],
    group_name="omop",
    kinds={"sql", "duckdb", "parquet"},
    owners=OWNERS,
    io_manager_key="parquet",
    ins={
        "beneficiaries": dg.AssetIn(["prepared", "beneficiaries"]),
        "establishments": dg.AssetIn(["prepared", "establishments"]),
    },
    metadata=cdm_metadata("location"),
)
def location(beneficiaries: StoredTable, establishments: StoredTable, settings: dg.ResourceParam[Settings]) -> Frames:
    """OMOP LOCATION: communes of residence, and departments where no more is known or where sites are."""
    return location_table(beneficiaries, establishments, settings)
