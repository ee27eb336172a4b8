"""Runs find_identities on a few in-line rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.preparation.identities import PERSONS, find_identities, give_places
from snds_omop_assets.preparation.shapes import COUNTS, IDENTITIES, MET_PERSONS, schema_of
from snds_omop_assets_tests.conftest import KEY

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What came out: rows of IDENTITIES, rows of PERSONS, rows by (table, rule), remarks."""

    identities: list[dict[str, Any]]
    persons: list[dict[str, Any]]
    counts: dict[tuple[str, str], int]
    remarks: dict[str, int]

    def key(self, psa: str, rank: str | None = None) -> str | None:
        """The person key of an identifier."""
        (key,) = [i["person_key"] for i in self.identities if (i["BEN_NIR_PSA"], i["BEN_RNG_GEM"]) == (psa, rank)]
        return key if key is None else str(key)

    def groups(self) -> set[frozenset[tuple[str, str | None]]]:
        """The identifiers of each person."""
        found: dict[str, set[tuple[str, str | None]]] = {}
        for row in self.identities:
            if row["person_key"] is not None:
                found.setdefault(row["person_key"], set()).add((row["BEN_NIR_PSA"], row["BEN_RNG_GEM"]))
        return {frozenset(group) for group in found.values()}


def table(schema: pa.Schema, rows: Sequence[Row]) -> pa.Table:
    """A table of rows; columns that a row does not name are NULL."""
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)


def give_rows(session: Session, ir_ben_r: Sequence[Row], archive: Sequence[Row], met: Sequence[Row]) -> None:
    """Make in-line rows readable as the views that find_identities reads."""
    session.give("IR_BEN_R", table(official_tables()["IR_BEN_R"].schema, ir_ben_r))
    session.give("IR_BEN_R_ARC", table(official_tables()["IR_BEN_R_ARC"].schema, archive))
    session.give("met_persons", table(schema_of(MET_PERSONS), met))
    give_places(session)


def found_in(session: Session) -> Found:
    """The answers of find_identities, in memory, in their shapes."""
    find_identities(session)
    counts = session.result("SELECT * FROM identity_counts").cast(schema_of(COUNTS)).to_pylist()
    remarks = session.result("SELECT * FROM identity_remarks").to_pylist()
    return Found(
        session.result("SELECT * FROM identities").cast(schema_of(IDENTITIES)).to_pylist(),
        session.result("SELECT * FROM persons ORDER BY person_key").cast(schema_of(PERSONS)).to_pylist(),
        {(row["source_table"], row["rule"]): row["row_count"] for row in counts},
        {row["remark"]: row["row_count"] for row in remarks},
    )


def identified(ir_ben_r: Sequence[Row] = (), archive: Sequence[Row] = (), met: Sequence[Row] = ()) -> Found:
    """Run find_identities on in-line rows of IR_BEN_R, IR_BEN_R_ARC and met_persons."""
    with duckdb_session(id_key=KEY) as session:
        give_rows(session, ir_ben_r, archive, met)
        return found_in(session)
