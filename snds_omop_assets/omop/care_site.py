"""CARE_SITE, with SQL in SQLite: see care_site.sql."""

from pathlib import Path

import dagster as dg
import pyarrow as pa

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.sqlite_engine import frames_of_sqlite_query
from snds_omop_assets.omop.field_rules import cdm_metadata
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS
from snds_omop_assets.tables import Frames, StoredTable
from snds_omop_assets.vocabulary.maps import concepts_of

TABLE = cdm_tables()["care_site"]
SQL = Path(__file__).with_suffix(".sql")
BRIEF_VIEW = Path(__file__).with_name("care_site_brief.sql").read_text(encoding="utf-8")


UNIT_TYPES = ("AUT_TYP1_UM", "AUT_TYP_UM")
"""The two lists of types of medical units; they have no code in common."""


def care_site_table(establishments: StoredTable, source_to_concept_map: StoredTable, id_key: str) -> Frames:
    """CARE_SITE from prepared/establishments.

    Args:
        establishments: rows are sites and units (preparation/places.py ESTABLISHMENTS).
        source_to_concept_map: the concepts of the types of units.
        id_key: the id key of the warehouse.

    Returns:
        Rows are sites and units; the columns of the CDM's CARE_SITE.
    """
    concepts = {c: concept for types in UNIT_TYPES for c, concept in concepts_of(source_to_concept_map, types).items()}
    columns = (pa.array([*concepts], pa.string()), pa.array([*concepts.values()], pa.int64()))
    unit_types = pa.Table.from_arrays(columns, ["code", "concept_id"])
    sql = SQL.read_text(encoding="utf-8")
    tables: dict[str, StoredTable | pa.Table] = {"establishments": establishments, "unit_types": unit_types}
    return frames_of_sqlite_query(sql, tables, TABLE.schema, id_key)


@dg.asset(
    key=["omop", "care_site"],
    group_name="omop",
    kinds={"sql", "sqlite"},
    owners=OWNERS,
    io_manager_key="sqlite",
    ins={
        "establishments": dg.AssetIn(["prepared", "establishments"]),
        "source_to_concept_map": dg.AssetIn(["vocabulary", "source_to_concept_map"]),
    },
    deps=[dg.AssetKey(["omop", "location"])],
    metadata=cdm_metadata("care_site"),
)
def care_site(
    establishments: StoredTable, source_to_concept_map: StoredTable, settings: dg.ResourceParam[Settings]
) -> Frames:
    """OMOP CARE_SITE: the sites that send stays or give care, and their medical units, by FINESS number."""
    return care_site_table(establishments, source_to_concept_map, settings.id_key)
