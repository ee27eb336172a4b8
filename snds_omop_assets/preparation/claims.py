"""The DCIR: from lines of reimbursement to visits, events and costs.

A line (ER_PRS_F) arrives in a month of flow, together with its details (ER_PHA_F, ...). Nearly all care of a year
arrives in two years of flow; lines that cancel others may come later still. So there are two parts:

    prepare_claims  by month of flow: joins lines and details, finds what a line ends by itself, and to which year of
                    care the others go
    judge_claims    by year of care, over all flows: nets, finds the visits, events and costs, and counts what became of
                    each row

The rules are the files of claims/, one SELECT per step, which DuckDB and Spark run alike.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.preparation.received import Files, give_received
from snds_omop_assets.preparation.shapes import (
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
from snds_omop_assets.vocabulary.maps import natures

STEPS = Path(__file__).parent / "claims"

TABLES = ("ER_PRS_F", "ER_ETE_F", "ER_PHA_F", "ER_UCD_F", "ER_BIO_F", "ER_CAM_F", "ER_TIP_F")
"""Tables of a month of flow."""

DETAIL_TABLES: Mapping[str, str] = {
    "CIP13": "ER_PHA_F",
    "CIP7": "ER_PHA_F",
    "UCD": "ER_UCD_F",
    "NABM": "ER_BIO_F",
    "CCAM": "ER_CAM_F",
    "LPP": "ER_TIP_F",
}
"""Where the codes of each list come from."""

WHOLE_YEAR = "all"
"""The name of all months at once."""

SAME_KEY = re.compile(r"{same_key (\w) (\w)}")
"""What stands in SQL for the keys of a line, of two tables."""

CLAIM_LINES: Columns = {
    "flow_year": (SHORT, "Year of the delivered file; NULL where the table comes whole."),
    "rule": (TEXT, "What the line ends by; supplement_line and participation_line go on for their amounts."),
    "accessory": (pa.bool_(), "The nature of service makes no visit and joins one."),
    "BEN_NIR_PSA": (TEXT, "Pseudo-NIR."),
    "BEN_RNG_GEM": (TEXT, "Rank; NULL where it was not delivered."),
    "start_date": (DAY, "EXE_SOI_DTD."),
    "end_date": (DAY, "EXE_SOI_DTF, never before the first day."),
    "PRS_NAT_REF": (TEXT, "Nature of service."),
    "executor": (TEXT, "PFS_EXE_NUM."),
    "executor_kind": (TEXT, "Who did it, as SPE:1 or ACT:26; NULL where unknown."),
    "prescriber": (TEXT, "PFS_PRE_NUM."),
    "prescriber_kind": (TEXT, "Who prescribed it, as SPE:1 or ACT:26; NULL where unknown."),
    "prescribed": (DAY, "PRE_PRE_DTD."),
    "site": (TEXT, "Facility that did it, by its FINESS with its key."),
    "prescriber_site": (TEXT, "Facility of the prescriber."),
    "facility_rows": (SHORT, "Rows of ER_ETE_F that the line has."),
    "total": (NUMBER, "PRS_PAI_MNT in euros; on the first detail only."),
    "payer": (NUMBER, "BSE_REM_MNT and CPL_REM_MNT in euros; on the first detail only."),
    "bears_line": (pa.bool_(), "The row stands for its line: without details, or the first of them."),
    "line_id": (WHOLE, "What joins the rows of a line of several details; NULL for all else."),
    "nomenclature": (TEXT, "List of the code; NULL for a line without details."),
    "code": (TEXT, "Code of the detail; NULL where it names nothing."),
    "variant": (TEXT, "`opened` pack; activity and phase of an act; TIP_PRS_TYP of a device."),
    "quantity": (NUMBER, "Signed: boxes, units of an opened pack, acts, devices; of the line where it has no details."),
    "detail_start": (DAY, "TIP_ACL_DTD."),
    "detail_end": (DAY, "TIP_ACL_DTF."),
    "refills": (SHORT, "PHA_SEQ_RNV where it is a number."),
    "care_year": (SHORT, "Year of care to which the row goes on; NULL where it ends by its rule."),
}
"""Rows are lines, once for each of their details."""


def prepare_claims(session: Session, months: Mapping[str, Files], year: int | None, folder: Path) -> None:
    """Join the lines of a year of flow to their details, month by month.

    An engine that divides its work by itself takes all months at once: a line and its details lie in one month.

    Written: `lines/<month>/` (CLAIM_LINES; `all` for all months at once), `persons/` (MET_PERSONS), `places/`
    (MET_PLACES) and `counts/` (COUNTS: the rows that end here).

    Rows end by information_line, also_in_pmsi, no_care_contact, no_care_date, care_after_flow; details without their
    line by no_parent_line, a second row of ER_ETE_F of one line by same_line. Supplements and participations go on with
    their rule, for their amounts.

    Args:
        session: the engine; it must have an id key.
        months: Parquet files of TABLES, by month of flow.
        year: year of the files; None where the tables came whole.
        folder: a new folder.
    """
    session.give("claim_services", pa.table({"code": [*natures()], "nature": [*natures().values()]}))
    session.give("claim_tables", _tables())
    session.give("claim_flow", _flow(year, months.values()))
    session.give("claim_hospitals", pa.table({"category": hospital_categories()}))
    everything = _of_all(months.values())
    if session.divides:
        months = {WHOLE_YEAR: everything}
    for month, files in months.items():
        _month(session, files, folder / "lines" / month)
    give_received(session, everything, TABLES)
    session.give_files("claim_prepared", sorted((folder / "lines").rglob("*.parquet")), schema_of(CLAIM_LINES))
    session.view("claim_executors", "SELECT executor FROM claim_prepared WHERE care_year IS NOT NULL")
    session.step("claim_clear_sites", _sql("clear_sites"))
    for piece, sql, columns in (
        ("persons", "met_persons", MET_PERSONS),
        ("places", "places", MET_PLACES),
        ("counts", "ended", COUNTS),
    ):
        session.write(_sql(sql), folder / piece, schema_of(columns))
    session.drop("claim_clear_sites", "claim_executors", "claim_prepared", *TABLES)
    session.drop("claim_services", "claim_tables", "claim_flow", "claim_hospitals")


def judge_claims(session: Session) -> None:
    """Net the lines of a year of care and find what they make.

    Reads the views claim_lines (CLAIM_LINES), identities, code_map and packs_of_drugs (`give_packs`); creates
    claim_visits (VISITS), claim_events (EVENTS), claim_costs (COSTS) and claim_counts (COUNTS).

    Args:
        session: the engine; it must have an id key.
    """
    session.give("claim_tables", _tables())
    session.view("claim_kinds", _targets("PRS_NAT_VISIT"))
    session.view("claim_acts", f"SELECT * FROM ({_targets('PRS_NAT_REF')}) AS acts WHERE target_concept_id <> 0")
    session.view("claim_known", _sql("known"))
    session.view("claim_told", _sql("told"))
    for name in ("repeated", "rows", "keyed", "net", "moved", "settled"):
        session.step(f"claim_{name}", _sql(name))
    # What is left is read several times: to compute it anew costs less than to keep all lines twice.
    session.view("claim_all_net", _sql("all_net"))
    session.step("claim_same_acts", _sql("same_acts"))
    session.view("claim_judged", _sql("judged"))
    session.step("claim_crowded", _sql("crowded"))
    session.step("claim_visits_made", _sql("visits_made"))
    session.view("claim_executors", "SELECT executor FROM claim_visits_made")
    session.step("claim_clear_sites", _sql("clear_sites"))
    session.step("claim_joined", _sql("joined"))
    session.step("claim_packs", _sql("pack_contents"))
    session.view("claim_visits", _sql("visits"))
    session.step("claim_events", _sql("events"))
    session.view("claim_costs", _sql("costs"))
    session.step("claim_ends", _sql("ends"))
    session.step("claim_counts", _sql("counts"))
    session.drop("claim_ends", "claim_packs", "claim_judged", "claim_all_net", "claim_same_acts", "claim_crowded")
    session.drop("claim_settled", "claim_moved", "claim_net", "claim_keyed", "claim_rows", "claim_repeated")
    session.drop("claim_told", "claim_known", "claim_kinds", "claim_acts", "claim_tables", "claim_executors")


@cache
def hospital_categories() -> list[str]:
    """The categories of facilities whose care is in the PMSI (ETE_CAT_COD), from claims/hospital_categories.csv.

    Those of IR_CET_V up to group 1203 (hospitals, home hospitalisation, dialysis) and military hospitals (114), without
    long-term care (362) and treatment at home (422). Source: HDH OMOP specification, the wording of LOCATION.
    """
    with (STEPS / "hospital_categories.csv").open(encoding="utf-8", newline="") as lines:
        return [row["category"] for row in csv.DictReader(lines)]


def give_packs(session: Session, files: Files) -> None:
    """Make what packs of drugs hold readable as `packs_of_drugs`.

    Its columns: code13 (CIP13), code7 (CIP7), content (units in a pack, NULL where unknown) and unit.

    Args:
        session: the engine.
        files: those of IR_PHA_R; empty where it was not received.
    """
    give_received(session, files, ("IR_PHA_R",))
    session.view("packs_of_drugs", _sql("packs"))


def _month(session: Session, files: Files, folder: Path) -> None:
    """Write the lines of a month of flow.

    They go to the disk at once, with those that end here: to keep a month in memory and to write it from there, cut by
    year of care, takes a third more of the time (measured). A year of care finds its lines by their number.
    """
    give_received(session, files, TABLES)
    session.view("claim_details", _sql("details"))
    session.view("claim_facilities", _sql("facilities"))
    session.step("claim_several", _sql("several"))
    session.view("claim_borne", _sql("borne"))
    session.write(_sql("lines"), folder, schema_of(CLAIM_LINES), compression="lz4")
    session.drop("claim_borne", "claim_several", "claim_facilities", "claim_details", *TABLES)


def _of_all(months: Iterable[Files]) -> Files:
    """The files of all months."""
    found: dict[str, list[Path]] = {}
    for files in months:
        for name, some in files.items():
            found.setdefault(name, []).extend(some)
    return found


def _sql(name: str) -> str:
    """A step.

    {keys} are the columns that join lines and details, {key_texts} the same as texts; {same_key x y} says that x and y
    agree on them.
    """
    keys = official_tables()["ER_PRS_F"].key
    text = (STEPS / f"{name}.sql").read_text(encoding="utf-8").replace("{keys}", ", ".join(keys))
    text = text.replace("{key_texts}", ", ".join(f"CAST({key} AS STRING)" for key in keys))
    return SAME_KEY.sub(lambda of: " AND ".join(f"{of[1]}.{key} = {of[2]}.{key}" for key in keys), text)


def _flow(year: int | None, months: Iterable[Files]) -> pa.Table:
    """What all lines of a flow share.

    The facility of the prescriber stands for the one that did it where the delivery has no column that tells: neither
    ER_ETE_F nor PFS_EXE_NUM (the reduced layout of teachers). The category of a facility says whether the PMSI has the
    same care where nothing else does.
    """
    months = list(months)
    tells = any(files.get("ER_ETE_F") for files in months) or _tell(months, "ER_PRS_F", "PFS_EXE_NUM")
    precise = _tell(months, "ER_ETE_F", "ETE_IND_TAA") or _tell(months, "ER_ETE_F", "ETE_MCO_DDP")
    return pa.table(
        {
            "flow_year": pa.array([year], SHORT),
            "prescriber_site": pa.array([not tells]),
            "category_only": pa.array([not precise]),
        }
    )


def _tell(months: Iterable[Files], table: str, column: str) -> bool:
    """Whether a column holds anything in some month."""
    return any(_has_values(file, column) for files in months for file in files.get(table, ()))


def _has_values(file: Path, column: str) -> bool:
    """Whether a column of a stored file holds anything: one that was not delivered is there and NULL."""
    with pq.ParquetFile(file) as found:
        if column not in found.schema_arrow.names:
            return False
        batches = found.iter_batches(columns=[column])
        return any(batch.column(0).null_count < batch.num_rows for batch in batches)


def _tables() -> pa.Table:
    """DETAIL_TABLES as a table."""
    return pa.table({"nomenclature": [*DETAIL_TABLES], "source_table": [*DETAIL_TABLES.values()]})


def _targets(nomenclature: str) -> str:
    """The first target of each code of a list, by period."""
    return (
        "SELECT code, valid_start_date, valid_end_date, target_concept_id, source_concept_id FROM code_map "
        f"WHERE nomenclature = '{nomenclature}' AND place = 1"
    )
