"""The CDM tables that look at all years at once: deaths, periods, eras, families, and what the base says of itself."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.preparation.referentials import judge_certificates
from snds_omop_assets.preparation.shapes import Columns

HERE = Path(__file__).parent

OVER_YEARS_TABLES: Sequence[str] = (
    "death",
    "observation_period",
    "payer_plan_period",
    "condition_era",
    "drug_era",
    "dose_era",
    "fact_relationship",
    "cdm_source",
    "metadata",
)
"""The tables that are made here, in the order in which they are."""

STEPS: Mapping[str, Sequence[str]] = {
    "payer_plan_period": ("plan_years",),
    "drug_era": ("ingredients",),
    "dose_era": ("strengths",),
}
"""What is computed before a table, by files of steps/."""

SOURCE_INFO: Final[Columns] = {
    "cdm_source_name": (pa.string(), "Name of the base."),
    "cdm_source_abbreviation": (pa.string(), "Its short name, 25 characters at most."),
    "cdm_holder": (pa.string(), "Who holds it."),
    "source_description": (pa.string(), "What it was made of."),
    "source_documentation_reference": (pa.string(), "Where the source is described."),
    "cdm_etl_reference": (pa.string(), "Where the conversion is described."),
    "source_release_date": (pa.date32(), "Day of the extraction that was delivered."),
    "cdm_release_date": (pa.date32(), "Day of the release of the base."),
    "vocabulary_version": (pa.string(), "Version of the vocabulary, 20 characters at most."),
    "software_version": (pa.string(), "Version of this package."),
    "engine": (pa.string(), "DuckDB or Spark, with its version."),
}
"""One row: what the base says of itself, which no table of the delivery tells."""


def make_over_years(session: Session, write: Callable[[str, str], None]) -> None:
    """Make the tables of OVER_YEARS_TABLES.

    Reads these views over all years: visit_occurrence, condition_occurrence and drug_exposure (CDM), persons
    (person_id, death_date, death_month), person_facts, met_persons and identities (preparation/shapes.py), code_map,
    code_lists, concept, concept_ancestor and drug_strength (empty without a vocabulary), base, source_info
    (SOURCE_INFO), and the received KI_CCI_R, IR_BEN_R and IR_BEN_R_ARC.

    Args:
        session: the engine.
        write: takes the name of a table and the SELECT of its rows, in the CDM's order of columns.
    """
    judge_certificates(session)
    # Observation periods end with death: the deaths are computed once.
    session.drop("deaths")
    session.step("deaths", _sql("death.sql"))
    for table in OVER_YEARS_TABLES:
        steps = STEPS.get(table, ())
        for step in steps:
            session.drop(step)
            session.step(step, _sql(f"steps/{step}.sql"))
        write(table, "SELECT * FROM deaths" if table == "death" else _sql(f"{table}.sql"))
        session.drop(*steps)
    session.drop("deaths", "certificates")


def _sql(file: str) -> str:
    return (HERE / file).read_text(encoding="utf-8")
