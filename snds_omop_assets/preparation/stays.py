"""The PMSI: what the tables of a file year say of stays, and what becomes of it in a year of care.

`prepare_stays` reads the T_* tables of one file year, field by field (MCO, SSR, HAD, psychiatry, external care), sets
aside what a year's own tables tell to be wrong, and writes what is left with its year of care: that of the entry, so
that a running stay, which stands in the files of several years under other numbers, is of one. `judge_stays` then knows
the persons, chains running stays, and makes visits, passages, events and facts; every source row ends in one rule.

The rules are the files of stays/, one SELECT per step, which DuckDB and Spark run alike. What several fields say alike
but for a few names stands once, with placeholders `{word}` (Field.words).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pyarrow as pa

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.contracts.pmsi import RETURN_CODES
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.preparation.received import Files, give_received
from snds_omop_assets.preparation.shapes import (
    CARE_YEAR,
    COUNTS,
    DAY,
    MET_PERSONS,
    MET_PLACES,
    NUMBER,
    SHORT,
    TEXT,
    WHOLE,
    Columns,
    schema_of,
)

STEPS = Path(__file__).parent / "stays"

FLAG: Final = pa.bool_()

STAY_PARTS: Columns = {
    "part_id": (WHOLE, "Id of the stay in its file year; that of the visit where stays are not chained."),
    "field": (TEXT, "MCO, SSR, HAD, RIP, ACE_MCO or ACE_SSR."),
    "chained": (FLAG, "Running stays of the field stand in the files of several years."),
    "file_year": (SHORT, "Year of the file."),
    "hospital": (TEXT, "FINESS under which the stay was sent (ETA_NUM, ETA_NUM_EPMSI)."),
    "NIR_ANO_17": (TEXT, "Pseudonym."),
    "birth_rank": (TEXT, "RNG_NAI, which tells twins apart; NULL where the field or year has none."),
    "entry": (DAY, "First day."),
    "exit_day": (DAY, "Last day that the file tells, never before the first."),
    "begins": (DAY, "First day that the weeks or sequences of the part tell; NULL where they tell none."),
    "visit_concept_id": (WHOLE, "Kind of visit."),
    "type": (TEXT, "pmsi_stay or pmsi_external."),
    "provider": (TEXT, "Who treats, as SPE:1; NULL where unknown."),
    "site": (TEXT, "FINESS of where."),
    "visit_source_value": (TEXT, "Field, and form of hospitalisation."),
    "admitted_from_list": (TEXT, "MS_PRV_V_ENT or MS_ENT_V."),
    "admitted_from": (TEXT, "Code of the provenance."),
    "discharged_to_list": (TEXT, "MS_PRV_V_SOR or MS_SOR_V."),
    "discharged_to": (TEXT, "Code of the destination."),
    "died": (FLAG, "SOR_MOD is 9."),
    "mother_pseudonym": (TEXT, "Pseudonym of a newborn's mother; NULL where unknown."),
    "mother_birth_rank": (TEXT, "Her RNG_NAI."),
    **CARE_YEAR,
}
"""Rows are stays of a file year, or the part of a running stay that it tells."""

STAY_PASSAGES: Columns = {
    "passage_id": (WHOLE, "OMOP id of the passage."),
    "part_id": (WHOLE, "The stay."),
    "place": (SHORT, "Order within the stay."),
    "first_day": (DAY, "First day in the unit, or of presence in the week."),
    "last_day": (DAY, "Last day."),
    "unit": (TEXT, "FINESS_unit; NULL where unknown."),
    "unit_type_list": (TEXT, "AUT_TYP1_UM or AUT_TYP_UM."),
    "unit_type": (TEXT, "Type of authorisation."),
    **CARE_YEAR,
}
"""Rows are passages in a unit (MCO) or weeks (SSR)."""

STAY_ROWS: Columns = {
    "part_id": (WHOLE, "The stay."),
    "source_table": (TEXT, "SNDS table."),
    "counted": (FLAG, "The source row is this; not where it says something else first (T_MCO_B is a visit)."),
    "kind": (TEXT, "diagnosis, act (CCAM) or good (all else that has a day and a quantity)."),
    "nomenclature": (TEXT, "List of the code."),
    "code": (TEXT, "Code as vocabulary/code_map spells it."),
    "source_value": (TEXT, "Code as the store has it."),
    "day": (DAY, "Day of the act or good."),
    "quantity": (NUMBER, "How many, divided where one quantity stands in several stays."),
    "status": (TEXT, "Role of a diagnosis, a code of SNDS_STATUS."),
    "role": (TEXT, "main, related or associated, which makes diagnoses of one code one."),
    "activity": (SHORT, "Activity of a CCAM act."),
    "phase": (SHORT, "Phase of a CCAM act, 0 where not given."),
    "place": (WHOLE, "Order within the stay: week or unit, then table."),
    "passage_id": (WHOLE, "The passage that the row or its day tells; NULL where neither does."),
    **CARE_YEAR,
}
"""Rows are diagnoses, acts and goods of stays, as the source rows say them."""

STAY_MENTIONS: Columns = {
    "part_id": (WHOLE, "The stay."),
    "source_table": (TEXT, "SNDS table."),
    "first_rule": (TEXT, "Rule of one of the rows where the stay is the first of its visit."),
    "rule": (TEXT, "Rule of the others."),
    "row_count": (WHOLE, "How many rows."),
    **CARE_YEAR,
}
"""Rows are numbers of source rows that say a stay, and make nothing else."""

PIECES: Final = {
    "stay_parts": STAY_PARTS,
    "stay_passages": STAY_PASSAGES,
    "stay_rows": STAY_ROWS,
    "stay_mentions": STAY_MENTIONS,
}
"""What `prepare_stays` writes, and `judge_stays` reads of a year of care under these names."""


@dataclass(frozen=True)
class Field:
    """A field of the PMSI: stays of a kind, with their tables.

    Attributes:
        name: what stands in ids, never change it; in small letters, end of the names of its views and steps.
        files: beginning of the names of its SQL files.
        tables: the tables that it reads, the table of its patients first.
        units: it has passages in units or weeks.
        chained: running stays stand in the files of several years.
        kind: code of SNDS_TYPE.
        words: what stands in SQL for the placeholders `{word}` of its files, besides {returned} and DAYS that all have:
            the field and its columns of drugs (external care), the name of a passage (HAD).
    """

    name: str
    files: str
    tables: tuple[str, ...]
    units: bool
    chained: bool
    kind: str
    words: Mapping[str, str]

    @property
    def end(self) -> str:
        """End of the names of its views and steps."""
        return self.name.lower()

    @property
    def returned(self) -> str:
        """Condition in SQL that one of RETURN_CODES of the patient's row c is not 0."""
        columns = official_tables()[self.tables[0]].columns
        return " OR ".join(f"coalesce(c.{code}, '0') <> '0'" for code in RETURN_CODES if code in columns)


def _tables(field: str, names: str) -> tuple[str, ...]:
    return tuple(f"T_{field}_{name}" for name in names.split())


DAYS: Final = {
    "entry": "coalesce(c.EXE_SOI_DTD, c.ENT_DAT)",
    "exit_day": "coalesce(c.EXE_SOI_DTF, c.SOR_DAT)",
}
"""First and last day of the patient's row c: the same days stand in two columns, and a delivery may have either."""

EXTERNAL: Final = "CSTC FASTC FBSTC FCSTC FHSTC FLSTC FMSTC FPSTC"

FIELDS: Final = (
    Field("MCO", "mco", _tables("MCO", "C B UM D A MED MEDATU MEDTHROMBO MEDAPAC DMIP FH FP FL"),
          units=True, chained=False, kind="pmsi_stay", words={}),
    Field("SSR", "ssr", _tables("SSR", "C B D CCAM CSARR MED MEDATU MEDAPAC FH FP FL"),
          units=True, chained=True, kind="pmsi_stay", words={}),
    Field("HAD", "had", _tables("HAD", "C B GRP D DMPP DMPA A MED MEDATU MEDCHL FH FP FL"),
          units=False, chained=True, kind="pmsi_stay",
          words={"passage": "concat_ws(' ', coalesce(SEQ_NUM, ''), coalesce(SSEQ_NUM, ''))"}),
    Field("RIP", "rip", _tables("RIP", "C RSA RSAD CCAM FH FP FL"),
          units=False, chained=True, kind="pmsi_stay", words={}),
    Field("ACE_MCO", "external", _tables("MCO", EXTERNAL), units=False, chained=False, kind="pmsi_external",
          words={"field": "MCO", "drug_code": "coalesce(UCD_UCD_COD, UCD_COD)", "drug_quantity": "QUA"}),
    Field("ACE_SSR", "external", _tables("SSR", EXTERNAL), units=False, chained=False, kind="pmsi_external",
          words={"field": "SSR", "drug_code": "UCD_UCD_COD", "drug_quantity": "QUA_COD"}),
)  # fmt: skip

TABLES: Final = tuple(name for field in FIELDS for name in field.tables)
"""The tables that `prepare_stays` reads."""

OF_FIELD: Final = ("this_field", "slices", "found", "parts", "told_lines", "told_diagnoses", "told_acts", "told_goods",
            "told_rows", "judged")  # fmt: skip
"""What each field has for itself in `prepare_stays`, and what the SQL reads without the name of the field."""

READS: Final = re.compile(rf"\b(FROM|JOIN) ({'|'.join(OF_FIELD)})\b")

JUDGED = ("stay_people", "stay_known", "stay_visits", "stay_details", "stay_told", "stay_diagnoses", "stay_acts",
          "stay_goods", "stay_events", "stay_facts", "stay_counts")  # fmt: skip
"""The steps of `judge_stays`, in order."""

KEPT = ("stay_visits", "stay_details", "stay_events", "stay_facts", "stay_counts")
"""Those that others read."""


def prepare_stays(session: Session, files: Files, year: int | None, folder: Path) -> None:
    """Write what the PMSI of a file year says.

    In the folder: `<piece>/` for each of PIECES, and `persons/` (MET_PERSONS), `places/` (MET_PLACES),
    `counts/` (COUNTS: the rows that end here). Where nothing was received, nothing is written.

    Args:
        session: the engine.
        files: received tables of the file year.
        year: of the file; None where it is not known.
        folder: where to write; it has none of these folders yet.
    """
    fields = [field for field in FIELDS if any(files.get(name) for name in field.tables)]
    if not fields:
        return
    session.view("this_file", f"SELECT CAST({'NULL' if year is None else year} AS INT) AS file_year")
    session.view("sent_twice", _sql("sent_twice"))
    for field in fields:
        _give_field(session, files, field)
    for name, columns in {**PIECES, "persons": MET_PERSONS, "places": MET_PLACES, "counts": COUNTS}.items():
        of_piece = fields if name != "stay_passages" else [field for field in fields if field.units]
        if of_piece:
            session.write(_of_fields(name, of_piece, columns), folder / name, schema_of(columns))
    for field in fields:
        session.drop(*(f"{name}_{field.end}" for name in reversed(OF_FIELD)), *field.tables)
    session.drop("sent_twice", "this_file")


def judge_stays(session: Session) -> None:
    """Make visits, passages, events, facts and counts of the stays of a year of care.

    Reads PIECES and `identities`; makes the steps stay_visits (VISITS), stay_details (DETAILS), stay_events (EVENTS),
    stay_facts (PERSON_FACTS) and stay_counts (COUNTS).
    """
    for name in JUDGED:
        session.step(name, _sql(name))
    session.drop(*(name for name in reversed(JUDGED) if name not in KEPT))


def _give_field(session: Session, files: Files, field: Field) -> None:
    """The stays of a field and what is told of them: views and steps OF_FIELD, named after the field."""

    def named(make: Callable[[str, str], None], name: str, sql: str) -> None:
        make(f"{name}_{field.end}", _sql_of(sql, field))

    give_received(session, files, field.tables)
    chained = "TRUE" if field.chained else "FALSE"
    session.view(
        f"this_field_{field.end}",
        f"SELECT '{field.name}' AS field, file_year, {chained} AS chained, '{field.kind}' AS type FROM this_file",
    )
    external = field.kind == "pmsi_external"  # it has no units and no weeks: nothing to compute
    named(session.view if external else session.step, "slices", f"{field.files}_slices")
    named(session.view, "found", f"{field.files}_found")
    named(session.step, "parts", "parts")
    for what in ("lines", "diagnoses", "acts", "goods"):
        named(session.view, f"told_{what}", f"{field.files}_{what}")
    named(session.view, "told_rows", "told_rows")
    named(session.step, "judged", "judged")


def _of_fields(name: str, fields: Sequence[Field], columns: Columns) -> str:
    """The rows of a SELECT of each field, together."""
    names = ", ".join(columns)
    return " UNION ALL ".join(f"SELECT {names} FROM ({_sql_of(name, field)}) AS {field.end}" for field in fields)


def _sql_of(name: str, field: Field) -> str:
    """A SELECT that reads the views and steps of a field, with what stands for its placeholders."""
    sql = _sql(name)
    for word, stands in {"returned": field.returned, **DAYS, **field.words}.items():
        sql = sql.replace(f"{{{word}}}", stands)
    return READS.sub(rf"\g<0>_{field.end}", sql)


@cache
def _sql(name: str) -> str:
    return (STEPS / f"{name}.sql").read_text(encoding="utf-8")
