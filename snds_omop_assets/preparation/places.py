"""Where care is given: the sites and medical units that send stays or that the facts mention, with name and department.

The rules are the files of places/, one SELECT per step, which DuckDB and Spark run alike:

    named_sites             rows of the lists that name establishments
    establishments, establishment_counts    the answers
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.preparation.shapes import MET_PLACES, TEXT, Columns, schema_of

STEPS = Path(__file__).parent / "places"

ESTABLISHMENT_TABLES: Final = ("T_MCO_E", "T_SSR_E", "T_HAD_E", "T_RIP_E", "BE_IDE_R")
"""The received tables that name establishments; each may be missing."""

ESTABLISHMENTS: Columns = {
    "code": (TEXT, "FINESS of a site, FINESS_unit of a medical unit: what its id is made of."),
    "finess": (TEXT, "FINESS of the site with its key; of a unit, that of its site."),
    "finess_delivered": (TEXT, "FINESS as the list delivered it, else with its key; of a unit its code."),
    "name": (TEXT, "Name (raison sociale); of a unit, name of its site and type; NULL where no list knows the site."),
    "department": (TEXT, "Department, read from the FINESS of the site; NULL where it tells none."),
    "unit_type": (TEXT, "Type of authorisation of a unit; NULL for a site."),
}
"""Rows are sites and medical units, each once: prepared/establishments."""


def gather_places(session: Session, files: Sequence[Path]) -> None:
    """Put together what the facts of all years mention: the step `met_places` (shapes.MET_PLACES), each row once.

    Args:
        session: the engine.
        files: the pieces `places` of all years of files.
    """
    session.give_files("places_of_years", files, schema_of(MET_PLACES))
    session.step("met_places", f"SELECT DISTINCT {', '.join(MET_PLACES)} FROM places_of_years")
    session.drop("places_of_years")


def find_establishments(session: Session) -> None:
    """Find the sites and units that the CDM has as CARE_SITE.

    Args:
        session: has the views of ESTABLISHMENT_TABLES (the columns of their contracts), met_places (shapes.MET_PLACES,
            of all years; may be empty) and departments (identities.give_places).

    The steps that stay:
        establishments: rows are sites and units (ESTABLISHMENTS).
        establishment_counts: rows of ESTABLISHMENT_TABLES by rule (shapes.COUNTS): reference.
    """
    for name in ("named_sites", "establishments", "establishment_counts"):
        session.step(name, (STEPS / f"{name}.sql").read_text(encoding="utf-8"))
    session.drop("named_sites")
