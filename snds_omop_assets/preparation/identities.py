"""Who is one person: every identifier (pseudo-NIR and rank) of the referentials and of the facts, and whose it is.

One human has a pseudo-NIR per insured person under whom they are covered: a child has one under its mother, one under
its father and then its own. BEN_NIR_ANO and BEN_IDT_ANO, which only the referentials have, say which are one person's.
Identifiers that share such a number are linked, whatever else links to them: persons are the connected components.

The rules are the files of identities/, one SELECT per step, which DuckDB and Spark run alike:

    referential_rows     rows of IR_BEN_R and IR_BEN_R_ARC; fictitious and dummy ones make no person and link nothing
    own_numbers, shared_numbers, links    which identifiers share a number for life
    first_labels, next_labels    the least identifier of each component, spread until nothing changes
    known_identifiers, met_identifiers, ranked_identifiers, pseudonyms, whose    whose each identifier is
    states, latest_states, summaries, deaths_met, first_care, keys    what the rows of a person say together
    identities, persons, identity_counts, identity_remarks    the answers

Twins share a pseudo-NIR and differ by rank: they stay apart, unless a number for life says that both ranks are one
person's, who changed the scheme. Rows of a person that differ in sex or birth are told (`conflict`), and do not unlink.
"""

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from snds_omop_assets.contracts.geography import CORSICA, DEPARTMENTS
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.preparation.shapes import DAY, TEXT, WHOLE, Columns

STEPS = Path(__file__).parent / "identities"

MOST_IDENTIFIERS: Final = 20
"""A number for life of more identifiers is a dummy: parents, schemes and provisional numbers make a handful."""

PERSONS: Columns = {
    "person_key": (TEXT, "What stands for the person: BEN_IDT_ANO, else BEN_NIR_ANO, else pseudo-NIR and rank."),
    "person_source_value": (TEXT, "The same as it was delivered."),
    "BEN_NIR_PSA": (TEXT, "Pseudo-NIR of the latest state."),
    "BEN_SEX_COD": (TEXT, "Sex code of the latest state."),
    "BEN_SEX_COD_DELIVERED": (TEXT, "Sex code as it was delivered."),
    "BEN_NAI_ANN": (WHOLE, "Year of birth."),
    "BEN_NAI_MOI": (WHOLE, "Month of birth; NULL where it is unknown, and for who was met in the facts only."),
    "commune": (TEXT, "INSEE code of the commune of residence; NULL where it is unknown."),
    "department": (TEXT, "Department of residence, 2 characters, 3 overseas; NULL where it is unknown."),
    "person_id": (WHOLE, "OMOP id of the person."),
    "death_date": (DAY, "Latest known BEN_DCD_DTE of all identifiers of the person; NULL where none is known."),
    "death_month": (WHOLE, "Latest known BEN_DCD_AME of all of them, as 201803; NULL where none is known."),
    "first_care": (DAY, "First day of care in the year of birth, of who has no month of birth; else NULL."),
}
"""Rows are persons who can be in the CDM, each once: prepared/beneficiaries."""

BEFORE_LABELS = ("referential_rows", "own_numbers", "shared_numbers", "links")
AFTER_LABELS = ("known_identifiers", "met_identifiers", "ranked_identifiers", "pseudonyms", "whose", "states",
                "latest_states", "summaries", "deaths_met", "first_care", "keys")  # fmt: skip
ANSWERS = ("identities", "persons", "identity_counts", "identity_remarks")


def find_identities(session: Session) -> None:
    """Find out which identifiers are one person's, and what is known of the person.

    Args:
        session: has the views IR_BEN_R and IR_BEN_R_ARC (the columns of their contracts), met_persons
            (shapes.MET_PERSONS, of all years; may be empty), departments and corsica (`give_places`), and `omop_id`.

    The steps that stay:
        identities: rows are identifiers (shapes.IDENTITIES). What the PMSI calls by a pseudo-NIR that
            stands elsewhere has no row of its own, nor have claims without a rank under the pseudo-NIR of twins.
            A person is known by the referentials where they have the identifier, else by the facts.
        persons: rows are persons who can be in the CDM (PERSONS): the latest state, with the place of residence.
        identity_counts: rows of IR_BEN_R and IR_BEN_R_ARC by rule (shapes.COUNTS): person, fictitious_identifier,
            dummy_identifier, no_birth_year.
        identity_remarks: what a steward should know (remark) and how often it is so (row_count).
    """
    session.give("identity_limits", pa.table({"most_identifiers": pa.array([MOST_IDENTIFIERS], pa.int64())}))
    _run(session, *BEFORE_LABELS)
    labels = _spread_labels(session)
    _run(session, *AFTER_LABELS, *ANSWERS)
    session.drop("labels", labels, "identity_limits", *BEFORE_LABELS, *AFTER_LABELS)


def give_places(session: Session) -> None:
    """Make the lists of departments and of the communes of Corsica readable, as `departments` and `corsica`."""
    for name, path in (("departments", DEPARTMENTS), ("corsica", CORSICA)):
        with path.open(encoding="utf-8") as lines:
            columns = lines.readline().strip().split(",")
        texts = csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True)
        session.give(name, csv.read_csv(path, convert_options=texts))


def _run(session: Session, *names: str) -> None:
    for name in names:
        session.step(name, _sql(name))


def _spread_labels(session: Session) -> str:
    """Spread the least identifier of each component; gives the name of the step that the view `labels` reads.

    The number of rounds is the longest way between two identifiers of a person: two or three.
    """
    now = "labels_0"
    session.step(now, _sql("first_labels"))
    session.view("labels", f"SELECT * FROM {now}")
    rounds = 0
    while _changed(session, now):
        rounds += 1
        before, now = now, f"labels_{rounds}"
        session.step(now, _sql("next_labels"))
        session.view("labels", f"SELECT * FROM {now}")
        session.drop(before)
    return now


def _changed(session: Session, labels: str) -> bool:
    found = session.result(f"SELECT count(*) AS changed FROM {labels} WHERE changed")
    return bool(pc.greater(found["changed"][0], 0).as_py())


def _sql(name: str) -> str:
    return (STEPS / f"{name}.sql").read_text(encoding="utf-8")
