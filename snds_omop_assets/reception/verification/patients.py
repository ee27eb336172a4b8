"""The patients of several tables side by side: whether one delivery's pseudonyms are those of the other tables.

Pseudonyms change about every two years (HDH documentation, pseudonymisation): tables of two deliveries have no patient
in common. Persons are counted, so small counts are hidden, and whatever would give them by subtraction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from snds_omop_assets.contracts.snds_tables import SndsTable
from snds_omop_assets.engines.duckdb_engine import duckdb_connection, one_row
from snds_omop_assets.reception.findings import Finding, Status
from snds_omop_assets.reception.store import Store
from snds_omop_assets.reception.verification.rows import rows_of

PATIENTS = "patients"
"""The name of the check."""

DUMMIES = r"[xX]{16,17}.?|.X{16}"
"""NIR_ANO_17 that stand for no patient, in all their spellings (HDH documentation, fiche beneficiaire, essentiel)."""

CHAINING = ("_C", "_CSTC")
"""Ends of the names of the PMSI tables that hold the patient of each stay or episode."""

PMSI_PATIENT = "NIR_ANO_17"

ENOUGH_PATIENTS = 20
"""Two groups of at least this many persons that have nobody in common are of two deliveries, not small samples."""

REFERENTIAL = "IR_BEN_R"


@dataclass(frozen=True)
class _Comparison:
    """How many of the patients of `some` are among `others`; `judged`: the share has a threshold."""

    some: str
    others: str
    judged: bool


_COMPARISONS = (
    _Comparison("DCIR", REFERENTIAL, True),
    _Comparison("PMSI", REFERENTIAL, True),
    _Comparison("IR_IMB_R", REFERENTIAL, True),
    _Comparison("PMSI", "DCIR", False),
)


def patients_findings(store: Store, tables: Mapping[str, SndsTable], small_cell: int) -> list[Finding]:
    """Compare the patients of DCIR, PMSI, IR_IMB_R and IR_BEN_R (with its archive); see `verify_patients`."""
    groups = {
        "DCIR": ["ER_PRS_F"],
        "PMSI": [name for name, t in tables.items() if t.patient == PMSI_PATIENT and name.endswith(CHAINING)],
        "IR_IMB_R": ["IR_IMB_R"],
        REFERENTIAL: [REFERENTIAL, "IR_BEN_R_ARC"],
    }
    found = []
    with duckdb_connection(store.spill) as connection:
        counts = {group: _gather(connection, group, names, store, tables) for group, names in groups.items()}
        limit = tables[REFERENTIAL].thresholds["patients_in_referential"] if REFERENTIAL in tables else 0.0
        if not counts[REFERENTIAL] and (alone := [group for group in ("DCIR", "PMSI") if counts[group]]):
            sentence = (
                f"{REFERENTIAL} is not stored, so {' and '.join(alone)} patients have nothing to compare with: ask."
            )
            figures = {f"patients of {group}": _shown(counts[group], small_cell) for group in alone}
            found.append(Finding(PATIENTS, "", None, Status.RESERVES, sentence, figures))
        for one in _COMPARISONS:
            if counts[one.some] and counts[one.others]:
                (both,) = one_row(
                    connection, f'SELECT count(*) FROM "{one.some}" SEMI JOIN "{one.others}" USING (patient)'
                )
                found.append(_compared(one, counts[one.some], counts[one.others], both, limit, small_cell))
    return found


def _gather(
    connection: duckdb.DuckDBPyConnection,
    group: str,
    names: Sequence[str],
    store: Store,
    tables: Mapping[str, SndsTable],
) -> int:
    """Make the table of the distinct patients of some tables; gives their number."""
    connection.execute(f'CREATE TEMP TABLE "{group}" (patient VARCHAR)')
    if selects := list(_selects(names, store, tables)):
        connection.execute(
            f"""INSERT INTO "{group}"
                SELECT DISTINCT patient FROM ({" UNION ALL ".join(selects)}) AS patients
                WHERE patient IS NOT NULL AND NOT regexp_full_match(patient, '{DUMMIES}')"""
        )
    return int(one_row(connection, f'SELECT count(*) FROM "{group}"')[0])


def _selects(names: Sequence[str], store: Store, tables: Mapping[str, SndsTable]) -> Iterator[str]:
    for name in names:
        table = tables.get(name)
        stored = None if table is None else store.table(table)
        if table is not None and table.patient is not None and stored is not None and stored.files:
            yield f'SELECT "{table.patient}" AS patient FROM {rows_of(stored.files)}'


def _compared(one: _Comparison, some: int, others: int, both: int, limit: float, small_cell: int) -> Finding:
    share, told = both / some, _told_share(some, both, small_cell)
    figures: dict[str, int | float | str] = {
        f"patients of {one.some}": _shown(some, small_cell),
        f"patients of {one.others}": _shown(others, small_cell),
        "in both": _shown_part(some, both, small_cell),
        "share": told,
    }
    status, sentence = Status.USABLE, f"{told} of the patients of {one.some} are in {one.others}."
    if not both and min(some, others) >= ENOUGH_PATIENTS:
        status = Status.UNUSABLE
        sentence = (
            f"{one.some} and {one.others} have no patient in common: their pseudonyms are of two deliveries. Ask for "
            f"both in one delivery."
        )
    elif one.judged and share < limit:
        status = Status.RESERVES
        sentence = (
            f"Only {told} of the patients of {one.some} are in {one.others}: the others have no birth, sex or death. "
            f"Those seen in public hospitals only may lack; ask for the rest."
        )
    return Finding(PATIENTS, "", None, status, sentence, figures)


def _shown(persons: int, small_cell: int) -> int | str:
    """A count of persons, hidden where it is small."""
    return f"fewer than {small_cell}" if 0 < persons < small_cell else persons


def _shown_part(whole: int, part: int, small_cell: int) -> int | str:
    """A part of a count; hidden too where the rest is small, or the whole is."""
    if 0 < whole < small_cell or 0 < part < small_cell:
        return f"fewer than {small_cell}"
    return f"all but fewer than {small_cell}" if 0 < whole - part < small_cell else part


def _told_share(whole: int, part: int, small_cell: int) -> str:
    """The share, from which no hidden count can be reckoned."""
    if 0 < whole < small_cell:
        return "a share that is not shown"
    if 0 < part < small_cell:
        return f"less than {small_cell / whole:.1%}"
    if 0 < whole - part < small_cell:
        return f"more than {1 - small_cell / whole:.1%}"
    return f"{part / whole:.1%}"
