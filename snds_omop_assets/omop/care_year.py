"""The CDM tables that are filled by year of care: one SELECT each, <table>.sql, from what preparation says.

    visits, details                 VISIT_OCCURRENCE, VISIT_DETAIL
    events ─► events_answered ─► events_routed
                                    CONDITION_OCCURRENCE, ..., SPECIMEN: by the domain of the standard concept
    events_answered, costs          COST

What is said of every event is a view and no step: its join with the few codes is cheaper than to keep all events twice
(measured: 34 % less CPU).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa

from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.vocabulary.coverage import DOMAIN_TABLES
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures

HERE = Path(__file__).parent

EVENT_TABLES: Final = (
    "condition_occurrence", "procedure_occurrence", "drug_exposure", "device_exposure", "measurement", "observation",
    "specimen",
)  # fmt: skip
"""The tables of events: what a domain leads to elsewhere (visit_occurrence, person) is no event and goes to
OBSERVATION."""

CARE_YEAR_TABLES: Final = ("visit_occurrence", "visit_detail", *EVENT_TABLES, "cost")
"""The CDM tables of a year of care, in the order in which they are written."""

CODE_LISTS: Final = ("SNDS_TYPE", "SNDS_STATUS", "SNDS_CURRENCY")
"""The lists of the project's own words that `code_lists` holds."""

STEPS: Final = ("provider_ids", "site_ids", "targets")
VIEWS: Final = ("events_answered", "events_routed")


def make_care_year(session: Session, write: Callable[[str, str], None]) -> None:
    """Fill the CDM tables of a year of care.

    Args:
        session: sees visits, details, events, costs (preparation/shapes.py), code_map (vocabulary/shapes.py) and
            code_lists (code_list, code, concept_id: CODE_LISTS; a word that it lacks has concept 0).
        write: takes the name of a table and its SELECT, whose columns are those of the CDM, in order.
    """
    given = {"event_tables": event_tables(), "list_domains": list_domains()}
    for name, table in given.items():
        session.give(name, table)
    for name in STEPS:
        session.step(name, _sql(f"steps/{name}"))
    for name in VIEWS:
        session.view(name, _sql(f"steps/{name}"))
    for name in CARE_YEAR_TABLES:
        write(name, _sql(name))
    session.drop(*reversed(VIEWS), *STEPS, *given)


def event_tables() -> pa.Table:
    """Rows are domains that lead to a table of events: domain_id, cdm_table."""
    return _rows("domain_id", "cdm_table", {d: table for d, table in DOMAIN_TABLES.items() if table in EVENT_TABLES})


def list_domains() -> pa.Table:
    """Rows are French lists of codes: nomenclature, and the domain_id of an event without target."""
    return _rows("nomenclature", "domain_id", {name: one.domain for name, one in nomenclatures().items()})


def _sql(name: str) -> str:
    return (HERE / f"{name}.sql").read_text(encoding="utf-8")


def _rows(key: str, value: str, pairs: Mapping[str, str]) -> pa.Table:
    return pa.table({key: [*pairs], value: [*pairs.values()]})
