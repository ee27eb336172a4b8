"""The patients of several tables side by side: whether one delivery's pseudonyms are those of the other tables.

Pseudonyms change about every two years (HDH documentation, pseudonymisation): tables of two deliveries have no patient
in common. Persons are counted, so small counts are hidden, and whatever would give them by subtraction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from snds_omop_assets.contracts.snds_tables import SndsTable
from snds_omop_assets.engines.duckdb_engine import kept_duckdb, one_row, parquet_rows
from snds_omop_assets.reception.findings import Finding, Status
from snds_omop_assets.reception.once import asked_once
from snds_omop_assets.reception.store import Store

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
    asked = {group: list(_selects(names, store, tables)) for group, names in groups.items()}
    questions = {group: " UNION ALL ".join(sql for sql, _ in some) for group, some in asked.items()}
    files = [file for some in asked.values() for _, files in some for file in files]
    answer = asked_once(f"patients {questions}", files, lambda: _counted(questions, store.spill))
    counts = dict(zip(groups, answer, strict=False))
    found = []
    limit = tables[REFERENTIAL].thresholds["patients_in_referential"] if REFERENTIAL in tables else 0.0
    if not counts[REFERENTIAL] and (alone := [group for group in ("DCIR", "PMSI") if counts[group]]):
        sentence = f"{REFERENTIAL} is not stored, so {' and '.join(alone)} patients have nothing to compare with: ask."
        figures = {f"patients of {group}": _shown(counts[group], small_cell) for group in alone}
        found.append(Finding(PATIENTS, "", None, Status.RESERVES, sentence, figures))
    for one, both in zip(_COMPARISONS, answer[len(groups) :], strict=True):
        if counts[one.some] and counts[one.others]:
            found.append(_compared(one, counts[one.some], counts[one.others], both, limit, small_cell))
    return found


def _counted(questions: Mapping[str, str], spill: Path) -> tuple[int, ...]:
    """The distinct patients of each group, then how many each comparison has in both.

    Args:
        questions: SQL of the patients of a group, each as often as they are met; empty where nothing is stored.
        spill: folder for what does not fit into memory.
    """
    with kept_duckdb(spill) as connection:
        for group, rows in questions.items():
            connection.execute(f'CREATE TEMP TABLE "{group}" (patient VARCHAR)')
            if rows:
                connection.execute(
                    f"""INSERT INTO "{group}"
                        SELECT DISTINCT patient FROM ({rows}) AS patients
                        WHERE patient IS NOT NULL AND NOT regexp_full_match(patient, '{DUMMIES}')"""
                )
        asked = [f'"{group}"' for group in questions]
        asked += [f'"{one.some}" SEMI JOIN "{one.others}" USING (patient)' for one in _COMPARISONS]
        return tuple(int(one_row(connection, f"SELECT count(*) FROM {rows}")[0]) for rows in asked)


def _selects(
    names: Sequence[str], store: Store, tables: Mapping[str, SndsTable]
) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """SQL of the patients of each of these tables that is stored, and its files."""
    for name in names:
        table = tables.get(name)
        stored = None if table is None else store.table(table)
        if table is not None and table.patient is not None and stored is not None and stored.files:
            yield f'SELECT "{table.patient}" AS patient FROM {parquet_rows(stored.files)}', stored.files


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
