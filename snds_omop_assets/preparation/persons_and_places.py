"""What is prepared of a whole warehouse: who is who, and which places there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from snds_omop_assets.engines.opening import Opening
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.io_managers.folders import folder_written_aside
from snds_omop_assets.preparation.identities import PERSONS, find_identities, give_places
from snds_omop_assets.preparation.places import ESTABLISHMENT_TABLES, ESTABLISHMENTS, find_establishments, gather_places
from snds_omop_assets.preparation.prepared_years import KINDS, Prepared
from snds_omop_assets.preparation.received import give_stored
from snds_omop_assets.preparation.shapes import COUNTS, IDENTITIES, MET_PERSONS, Columns, schema_of
from snds_omop_assets.reception.store import Store, writing
from snds_omop_assets.settings import Settings

PERSON_TABLES = ("IR_BEN_R", "IR_BEN_R_ARC")
COUNTED = "counted"
"""Folder of the ledgers of what is not cut by year."""


@dataclass(frozen=True)
class PersonsFound:
    """What was found.

    Attributes:
        rows: rows by result: person_identities, beneficiaries.
        reasons: numbers of identifiers by the reason of their link, or by why they make no person; few are not told.
        counts: rows of the referentials by rule.
    """

    rows: Mapping[str, int]
    reasons: list[tuple[str, str]]
    counts: Mapping[str, int]


def find_persons(settings: Settings, open_session: Opening) -> PersonsFound:
    """Link the identifiers of the warehouse; writes prepared/person_identities and prepared/beneficiaries.

    Raises:
        EngineError: the engine failed.
        StoreError: the warehouse cannot be written, or another run is writing.
    """
    root = settings.warehouse / "prepared"
    with writing(root / COUNTED), open_session() as session:
        give_stored(session, Store(settings.warehouse), PERSON_TABLES)
        session.give_files("met_persons", _met(settings, "persons"), schema_of(MET_PERSONS))
        give_places(session)
        find_identities(session)
        rows = {
            "person_identities": _written(session, "identities", IDENTITIES, root / "person_identities.parquet"),
            "beneficiaries": _written(session, "persons", PERSONS, root / "beneficiaries.parquet"),
        }
        _written(session, "identity_counts", COUNTS, root / COUNTED / "identities")
        reasons = session.result(
            "SELECT coalesce(rule, reason) AS reason, count(*) AS n FROM identities "
            "GROUP BY coalesce(rule, reason) ORDER BY n DESC, reason"
        )
    few = settings.small_cell
    shown = [(r["reason"], str(r["n"]) if r["n"] >= few else f"fewer than {few}") for r in reasons.to_pylist()]
    return PersonsFound(rows, shown, counted(settings, "identities"))


def find_sites(settings: Settings, open_session: Opening) -> int:
    """Find the sites and medical units; writes prepared/establishments, and gives its rows.

    Raises:
        EngineError: the engine failed.
        StoreError: the warehouse cannot be written, or another run is writing.
    """
    root = settings.warehouse / "prepared"
    with writing(root / COUNTED), open_session() as session:
        give_stored(session, Store(settings.warehouse), ESTABLISHMENT_TABLES)
        gather_places(session, _met(settings, "places"))
        give_places(session)
        find_establishments(session)
        _written(session, "establishment_counts", COUNTS, root / COUNTED / "establishments")
        return _written(session, "establishments", ESTABLISHMENTS, root / "establishments.parquet")


def counted(settings: Settings, name: str) -> dict[str, int]:
    """Rows by table and rule of one of the ledgers of what is not cut by year."""
    found: dict[str, int] = {}
    for file in sorted((settings.warehouse / "prepared" / COUNTED / name).glob("*.parquet")):
        for row in pq.read_table(file).to_pylist():
            key = f"rows of {row['source_table']}: {row['rule']}"
            found[key] = found.get(key, 0) + row["row_count"]
    return dict(sorted(found.items()))


def _met(settings: Settings, piece: str) -> list[Path]:
    """The files of what the facts of all years mention."""
    return [file for kind in KINDS for file in Prepared(settings.warehouse, kind).files(piece)]


def _written(session: Session, step: str, columns: Columns, folder: Path) -> int:
    """Write a step into a folder that takes the place of the one before; gives its rows."""
    with folder_written_aside(folder) as aside:
        return session.write(f"SELECT {', '.join(columns)} FROM {step}", aside, schema_of(columns))
