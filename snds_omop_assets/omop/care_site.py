"""CARE_SITE, with SQL in SQLite: see care_site.sql."""

from pathlib import Path

import dagster as dg

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.sqlite_engine import frames_of_sqlite_query
from snds_omop_assets.omop.field_rules import cdm_metadata
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS
from snds_omop_assets.tables import Frames, StoredTable

TABLE = cdm_tables()["care_site"]
SQL = Path(__file__).with_suffix(".sql")
BRIEF_VIEW = Path(__file__).with_name("care_site_brief.sql").read_text(encoding="utf-8")


def care_site_table(establishments: StoredTable, id_key: str) -> Frames:
    """CARE_SITE from prepared/establishments.

    Returns:
        Rows are establishments; the columns of the CDM's CARE_SITE.
    """
    sql = SQL.read_text(encoding="utf-8")
    return frames_of_sqlite_query(sql, {"establishments": establishments}, TABLE.schema, id_key)


@dg.asset(
    key=["omop", "care_site"],
    group_name="omop",
    kinds={"sql", "sqlite"},
    owners=OWNERS,
    io_manager_key="sqlite",
    ins={"establishments": dg.AssetIn(["prepared", "establishments"])},
    deps=[dg.AssetKey(["omop", "location"])],
    metadata=cdm_metadata("care_site"),
)
def care_site(establishments: StoredTable, settings: dg.ResourceParam[Settings]) -> Frames:
    """OMOP CARE_SITE: the establishments that send hospital stays, by FINESS number."""
    return care_site_table(establishments, settings.id_key)
