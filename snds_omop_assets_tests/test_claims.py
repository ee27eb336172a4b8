"""The DCIR: what a month of flow gives, and what the lines of a year of care make."""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_session import DuckDBSession, duckdb_session
from snds_omop_assets.preparation.claims import CLAIM_LINES, TABLES, give_packs, judge_claims, prepare_claims
from snds_omop_assets.preparation.received import Files
from snds_omop_assets.preparation.shapes import IDENTITIES, schema_of
from snds_omop_assets.vocabulary.shapes import CODE_MAP
from snds_omop_assets.vocabulary.shapes import schema_of as vocabulary_schema

Row = dict[str, Any]

DAY = dt.date(2018, 3, 5)
CLINIC, OTHER_CLINIC, PHARMACY = "750000018", "690000013", "442603890"
CONSULTATION, HOME_VISIT, DRUG, SURGERY, SURCHARGE, PHYSIOTHERAPY = "1111", "1210", "3313", "1321", "2214", "3125"
LABORATORY, DEVICE = "3211", "3522"
IBUPROFEN = "3400936109735"

KINDS = {DRUG: 581458, HOME_VISIT: 581476}
ACT = 9_000_001

LINE: Row = {
    "flow_year": 2018, "accessory": False, "BEN_NIR_PSA": "P1", "BEN_RNG_GEM": "1", "start_date": DAY, "end_date": DAY,
    "PRS_NAT_REF": CONSULTATION, "executor": "D1", "executor_kind": "SPE:1", "facility_rows": 0, "total": 25.0,
    "payer": 17.5, "bears_line": True, "quantity": 1.0,
}  # fmt: skip
BOX: Row = {
    **LINE, "PRS_NAT_REF": DRUG, "executor": PHARMACY, "executor_kind": "ACT:50", "prescriber": "D1",
    "prescriber_kind": "SPE:1", "nomenclature": "CIP13", "code": IBUPROFEN, "total": 2.0, "payer": 1.3,
}  # fmt: skip
OPERATION: Row = {
    **LINE, "PRS_NAT_REF": SURGERY, "nomenclature": "CCAM", "code": "NEKA020", "variant": "1/0", "site": CLINIC,
    "facility_rows": 1,
}  # fmt: skip

NAMES = official_tables()["ER_PRS_F"].key
KEYS: Row = {
    "FLX_DIS_DTD": dt.date(2018, 4, 1), "FLX_TRT_DTD": dt.date(2018, 3, 9), "FLX_EMT_TYP": "1", "FLX_EMT_NUM": "1",
    "FLX_EMT_ORD": "0", "ORG_CLE_NUM": "01C751000", "DCT_ORD_NUM": "1", "PRS_ORD_NUM": "1", "REM_TYP_AFF": "1",
}  # fmt: skip


PAID = """(
    SELECT event_id, visit_occurrence_id, total, payer FROM claim_events WHERE total IS NOT NULL OR payer IS NOT NULL
    UNION ALL SELECT NULL, visit_occurrence_id, total, payer FROM claim_costs
) AS paid"""
"""Rows are what was paid: events, and what else of visits."""


@pytest.fixture
def session() -> Iterator[DuckDBSession]:
    """An engine."""
    with duckdb_session(id_key="key of tests") as session:
        yield session


def identity(psa: str = "P1", rank: str | None = "1", person: int | None = 1, rule: str | None = None) -> Row:
    """A row of IDENTITIES."""
    return {"BEN_NIR_PSA": psa, "BEN_RNG_GEM": rank, "person_id": person, "rule": rule}


def target(nomenclature: str, code: str, concept: int) -> Row:
    """A row of CODE_MAP that always holds."""
    return {
        "nomenclature": nomenclature, "code": code, "valid_start_date": dt.date(1900, 1, 1),
        "valid_end_date": dt.date(2099, 12, 31), "place": 1, "target_concept_id": concept, "source_concept_id": 7,
    }  # fmt: skip


def judged(session: DuckDBSession, *lines: Row, identities: tuple[Row, ...] = (), packs: tuple[Row, ...] = ()) -> None:
    """Give lines and what they need, and judge them."""
    who = identities or (identity(), identity("P2", "1", 2))
    session.give("claim_lines", pa.Table.from_pylist(list(lines), schema_of(CLAIM_LINES)))
    session.give("identities", pa.Table.from_pylist(list(who), schema_of(IDENTITIES)))
    targets = [target("PRS_NAT_VISIT", code, concept) for code, concept in KINDS.items()]
    targets.append(target("PRS_NAT_REF", PHYSIOTHERAPY, ACT))
    session.give("code_map", pa.Table.from_pylist(targets, vocabulary_schema(CODE_MAP)))
    kinds = [("code13", pa.string()), ("code7", pa.string()), ("content", pa.float64()), ("unit", pa.string())]
    session.give("packs_of_drugs", pa.Table.from_pylist(list(packs), pa.schema(kinds)))
    judge_claims(session)


def rows(session: DuckDBSession, name: str) -> list[Row]:
    """The rows of a step, in one order."""
    return list(session.result(f"SELECT * FROM {name} ORDER BY ALL").to_pylist())


def the(session: DuckDBSession, name: str) -> Row:
    """The only row of a step."""
    (row,) = rows(session, name)
    return row


def counts(session: DuckDBSession, table: str = "ER_PRS_F") -> dict[str, int]:
    """How the rows of a table end."""
    found: dict[str, int] = {}
    for row in rows(session, "claim_counts"):
        if row["source_table"] == table:
            found[row["rule"]] = found.get(row["rule"], 0) + row["row_count"]
    return found


# What the lines of a year of care make


def test_a_consultation_is_a_visit_and_its_cost_and_no_event(session: DuckDBSession) -> None:
    judged(session, LINE)
    visit = the(session, "claim_visits")
    assert (visit["person_id"], visit["visit_concept_id"], visit["type"]) == (1, 9202, "claim")
    assert (visit["visit_start_date"], visit["visit_end_date"]) == (DAY, DAY)
    assert (visit["provider"], visit["site"], visit["visit_source_value"]) == ("SPE:1", None, CONSULTATION)
    assert rows(session, "claim_events") == []
    cost = the(session, PAID)
    assert (cost["event_id"], cost["total"], cost["payer"]) == (None, 25.0, 17.5)
    assert cost["visit_occurrence_id"] == visit["visit_occurrence_id"]
    assert counts(session) == {"visit": 1}


def test_a_line_its_cancelling_one_and_the_corrected_one_are_one_event(session: DuckDBSession) -> None:
    cancelled = {**BOX, "flow_year": 2019, "quantity": -1.0, "total": -2.0, "payer": -1.3}
    judged(session, BOX, cancelled, {**BOX, "flow_year": 2019, "quantity": 2.0, "total": 4.0, "payer": 2.6})
    assert the(session, "claim_events")["quantity"] == 2
    assert the(session, PAID)["total"] == 4
    assert counts(session, "ER_PHA_F") == {"event": 3}
    years = {row["file_year"]: row["row_count"] for row in rows(session, "claim_counts") if row["rule"] == "visit"}
    assert years == {2018: 1, 2019: 2}


def test_what_adds_up_to_nothing_makes_nothing(session: DuckDBSession) -> None:
    judged(session, LINE, {**LINE, "quantity": -1.0, "total": -25.0})
    assert rows(session, "claim_visits") == rows(session, PAID) == []
    assert counts(session) == {"netted": 2}


def test_fractions_add_up_exactly(session: DuckDBSession) -> None:
    judged(session, *({**LINE, "quantity": quantity} for quantity in (0.1, 0.2, -0.3)))
    assert counts(session) == {"netted": 3}


@pytest.mark.parametrize(
    "other",
    [{"start_date": dt.date(2018, 3, 6), "end_date": dt.date(2018, 3, 6)}, {"executor": "D2"}, {"prescriber": "D3"},
     {"prescribed": DAY}, {"code": "3400930000000"}, {"variant": "opened"}, {"BEN_NIR_PSA": "P2"},
     {"PRS_NAT_REF": "3312"}, {"site": CLINIC}],
)  # fmt: skip
def test_lines_that_differ_do_not_cancel_each_other(session: DuckDBSession, other: Row) -> None:
    judged(session, BOX, {**BOX, "quantity": -1.0, "site": OTHER_CLINIC, **other})
    assert len(rows(session, "claim_events")) == 1
    assert counts(session) == {"netted": 1, "visit": 1}


def test_a_cancelling_line_without_facility_nets_with_the_only_one_that_agrees(session: DuckDBSession) -> None:
    alone = {**OPERATION, "site": None, "facility_rows": 0, "quantity": -1.0, "total": -25.0}
    judged(session, OPERATION, alone)
    assert counts(session) == {"netted": 2}
    assert rows(session, PAID) == []


def test_a_cancelling_line_without_facility_ends_as_what_it_corrects(session: DuckDBSession) -> None:
    alone = {**OPERATION, "site": None, "facility_rows": 0, "quantity": -1.0, "total": -25.0}
    judged(session, OPERATION, OPERATION, alone)
    assert the(session, "claim_events")["quantity"] == 1
    assert the(session, PAID)["total"] == 25
    assert counts(session) == {"visit": 3}


def test_a_cancelling_line_without_facility_stays_alone_among_several(session: DuckDBSession) -> None:
    alone = {**OPERATION, "site": None, "facility_rows": 0, "quantity": -1.0}
    judged(session, OPERATION, {**OPERATION, "site": OTHER_CLINIC}, alone)
    assert len(rows(session, "claim_events")) == 2
    assert counts(session) == {"netted": 1, "visit": 2}


@pytest.mark.parametrize(("facilities", "netted"), [([CLINIC], 2), ([CLINIC, OTHER_CLINIC], 1)])
def test_a_cancelling_line_without_any_facility_nets_with_the_only_one_that_has_that_of_its_prescriber(
    session: DuckDBSession, facilities: list[str], netted: int
) -> None:
    judged(session, *({**BOX, "prescriber_site": one} for one in facilities), {**BOX, "quantity": -1.0})
    found = counts(session)
    assert (found["netted"], found.get("visit", 0)) == (netted, len(facilities) + 1 - netted)


def test_a_cancelling_line_of_another_prescriber_s_facility_stays_alone(session: DuckDBSession) -> None:
    judged(session, {**BOX, "prescriber_site": CLINIC}, {**BOX, "prescriber_site": OTHER_CLINIC, "quantity": -1.0})
    assert counts(session) == {"netted": 1, "visit": 1}


def test_a_part_of_an_act_by_another_executor_is_the_same_act(session: DuckDBSession) -> None:
    part = {**OPERATION, "executor": "D2", "executor_kind": "SPE:2", "variant": "4/0", "total": 10.0, "payer": 10.0}
    judged(session, OPERATION, part)
    event = the(session, "claim_events")
    assert (event["modifier"], event["provider"], event["quantity"]) == ("1/0", "SPE:1", 1)
    assert len(rows(session, "claim_visits")) == 1
    cost = the(session, PAID)
    assert (cost["event_id"], cost["total"], cost["payer"]) == (event["event_id"], 35, 27.5)
    assert counts(session) == counts_of_details(session, "ER_CAM_F") == {"visit": 1, "same_act": 1}
    assert counts(session, "ER_ETE_F") == {"visit": 1, "same_act": 1}


def counts_of_details(session: DuckDBSession, table: str) -> dict[str, int]:
    """As `counts`, in the words of the line."""
    return {"visit" if rule == "event" else rule: number for rule, number in counts(session, table).items()}


def test_the_part_of_an_act_whose_surgeon_was_cancelled_is_the_act(session: DuckDBSession) -> None:
    part = {**OPERATION, "executor": "D2", "variant": "4/0"}
    judged(session, OPERATION, {**OPERATION, "quantity": -1.0}, part)
    assert the(session, "claim_events")["modifier"] == "4/0"
    assert counts(session) == {"netted": 2, "visit": 1}


def test_two_executors_with_one_activity_and_two_phases_are_acts_of_their_own(session: DuckDBSession) -> None:
    judged(session, OPERATION, {**OPERATION, "executor": "D2"}, {**OPERATION, "variant": "4/1"})
    assert len(rows(session, "claim_events")) == 3


def test_a_surcharge_joins_the_visit_of_its_executor_and_never_makes_one(session: DuckDBSession) -> None:
    surcharge = {**LINE, "PRS_NAT_REF": SURCHARGE, "accessory": True, "total": 50.0, "payer": 35.0}
    judged(session, LINE, surcharge, {**surcharge, "executor": "D2"})
    assert the(session, "claim_visits")["visit_source_value"] == CONSULTATION
    assert the(session, PAID)["total"] == 75
    assert counts(session) == {"visit": 1, "accessory_line": 1, "accessory_without_visit": 1}


def test_what_a_surcharge_names_is_an_event_of_the_visit_that_it_joins(session: DuckDBSession) -> None:
    named = {**LINE, "accessory": True, "nomenclature": "CCAM", "code": "HBLD057", "variant": "1/0", "total": 50.0}
    judged(session, LINE, named, {**named, "executor": "D2"}, {**named, "code": None, "executor": "D1"})
    event = the(session, "claim_events")
    assert (event["code"], event["visit_occurrence_id"]) == (
        "HBLD057",
        the(session, "claim_visits")["visit_occurrence_id"],
    )
    assert (event["total"], event["payer"], the(session, PAID)["total"]) == (None, None, 125)
    assert counts(session, "ER_CAM_F") == {"event": 1, "accessory_without_visit": 1, "no_code": 1}


def test_a_surcharge_joins_the_visit_in_its_facility(session: DuckDBSession) -> None:
    here = {**LINE, "site": CLINIC}
    judged(session, LINE, here, {**here, "PRS_NAT_REF": SURCHARGE, "accessory": True, "total": 50.0})
    places = {row["visit_occurrence_id"]: row["site"] for row in rows(session, "claim_visits")}
    costs = {places[row["visit_occurrence_id"]]: row["total"] for row in rows(session, PAID)}
    assert costs == {None: 25, CLINIC: 75}


def test_two_unknown_executors_in_two_facilities_are_not_the_same(session: DuckDBSession) -> None:
    visit = {**LINE, "executor": None, "site": CLINIC}
    surcharge = {**visit, "PRS_NAT_REF": SURCHARGE, "accessory": True, "total": 50.0}
    judged(session, visit, surcharge, {**surcharge, "site": OTHER_CLINIC}, {**surcharge, "site": None, "total": 7.0})
    assert sum(row["total"] for row in rows(session, PAID)) == 25 + 50 + 7
    assert counts(session) == {"visit": 1, "accessory_line": 2, "accessory_without_visit": 1}


def test_what_was_cancelled_tells_neither_days_nor_specialty(session: DuckDBSession) -> None:
    device = {
        **LINE, "PRS_NAT_REF": DEVICE, "nomenclature": "LPP", "code": "1128104", "variant": "3",
        "detail_start": DAY, "detail_end": dt.date(2018, 12, 31), "executor_kind": "SPE:3",
    }  # fmt: skip
    right = {**device, "detail_end": dt.date(2018, 4, 1), "executor_kind": "SPE:1"}
    judged(session, device, {**device, "quantity": -1.0, "total": -25.0}, right)
    event = the(session, "claim_events")
    assert (event["end_date"], event["provider"], event["quantity"]) == (dt.date(2018, 4, 1), "SPE:1", 1)


@pytest.mark.parametrize("rule", ["supplement_line", "participation_line"])
def test_supplements_and_participations_are_costs_of_the_visit_that_they_find(
    session: DuckDBSession, rule: str
) -> None:
    alone = {**LINE, "rule": rule, "total": 1.0, "payer": -1.0}
    judged(session, LINE, alone, {**alone, "executor": "D2"})
    assert (the(session, PAID)["total"], the(session, PAID)["payer"]) == (26, 16.5)
    assert counts(session) == {"visit": 1, rule: 2}


def test_supplements_in_a_facility_make_no_visit(session: DuckDBSession) -> None:
    alone = {**LINE, "rule": "supplement_line", "site": CLINIC}
    judged(session, alone, alone)
    assert rows(session, "claim_visits") == rows(session, PAID) == []


def test_lines_of_one_kind_and_executor_are_one_visit_named_after_the_dearest(session: DuckDBSession) -> None:
    judged(session, {**LINE, "PRS_NAT_REF": "999"}, LINE, {**LINE, "PRS_NAT_REF": "1352", "total": 60.0})
    assert the(session, "claim_visits")["visit_source_value"] == "1352"


def test_of_two_lines_of_one_amount_the_smaller_number_names_the_visit(session: DuckDBSession) -> None:
    judged(session, LINE, {**LINE, "PRS_NAT_REF": "999"})
    assert the(session, "claim_visits")["visit_source_value"] == "999"


@pytest.mark.parametrize(
    "other", [{"executor": "D2"}, {"site": CLINIC}, {"end_date": dt.date(2018, 3, 7)}, {"PRS_NAT_REF": HOME_VISIT}]
)
def test_another_executor_facility_day_or_kind_is_another_visit(session: DuckDBSession, other: Row) -> None:
    judged(session, LINE, {**LINE, **other})
    assert len(rows(session, "claim_visits")) == 2


def test_a_drug_is_prescribed_by_one_and_handed_out_by_a_pharmacy(session: DuckDBSession) -> None:
    judged(session, {**BOX, "refills": 2}, packs=({"code13": IBUPROFEN, "content": 30.0, "unit": "CPR"},))
    event, visit = the(session, "claim_events"), the(session, "claim_visits")
    assert (event["origin"], event["nomenclature"], event["code"]) == ("ER_PHA_F", "CIP13", IBUPROFEN)
    assert (event["quantity"], event["unit"], event["days_supply"], event["refills"]) == (30, "CPR", 30, 2)
    assert (event["start_date"], event["end_date"]) == (DAY, dt.date(2018, 4, 3))
    assert (event["provider"], event["type"], event["modifier"]) == ("SPE:1", "pharmacy", None)
    assert event["visit_occurrence_id"] == visit["visit_occurrence_id"]
    assert (visit["visit_concept_id"], visit["type"]) == (581458, "pharmacy")
    assert (visit["provider"], visit["site"]) == ("ACT:50", PHARMACY)
    assert the(session, PAID)["event_id"] == event["event_id"]


def test_an_opened_pack_is_counted_in_units(session: DuckDBSession) -> None:
    judged(session, {**BOX, "variant": "opened", "quantity": 7.0}, packs=({"code13": IBUPROFEN, "content": 30.0},))
    assert the(session, "claim_events")["quantity"] == 7


def test_a_pack_is_found_by_its_code_of_seven_figures(session: DuckDBSession) -> None:
    old = {**BOX, "nomenclature": "CIP7", "code": "3610973", "quantity": 2.0}
    judged(session, old, packs=({"code13": IBUPROFEN, "code7": "3610973", "content": 20.0},))
    assert the(session, "claim_events")["quantity"] == 40


@pytest.mark.parametrize(
    ("told", "content"),
    [("30", 30), ("1,5", 1.5), ("10 + 5", None), ("6 / 2 ML", 6), ("28 COMPRIMES", 28), ("0", None), ("", None),
     ("FLACON", None), (None, None)],
)  # fmt: skip
def test_the_content_of_a_pack_is_read_from_a_text(
    session: DuckDBSession, tmp_path: Path, told: str | None, content: float | None
) -> None:
    pack = {"PHA_CIP_C13": IBUPROFEN, "PHA_PRS_IDE": "3610973", "PHA_UPC_NBR": told, "PHA_DOS_UNT_DSES": "CPR"}
    give_packs(session, {"IR_PHA_R": [written(tmp_path / "packs.parquet", "IR_PHA_R", [pack])]})
    assert the(session, "packs_of_drugs") == {
        "code13": IBUPROFEN, "code7": "3610973", "content": content, "unit": "CPR"
    }  # fmt: skip


@pytest.mark.parametrize("number", ["442603891", "441603892", "44260389", "4A2603890", "E1F20A93C"])
def test_an_executor_is_no_place_where_its_number_is_no_finess(session: DuckDBSession, number: str) -> None:
    judged(session, {**BOX, "executor": number})
    assert the(session, "claim_visits")["site"] is None


@pytest.mark.parametrize(
    ("kind", "last", "end"),
    [("3", dt.date(2018, 4, 1), dt.date(2018, 4, 1)), ("1", dt.date(2018, 4, 1), None), ("3", None, None),
     ("3", dt.date(2018, 1, 1), dt.date(2018, 3, 2))],
)  # fmt: skip
def test_a_device_lasts_as_long_as_it_is_rented(
    session: DuckDBSession, kind: str, last: dt.date | None, end: dt.date | None
) -> None:
    first = dt.date(2018, 3, 2)
    rented = {"nomenclature": "LPP", "code": "1128104", "variant": kind, "detail_start": first, "detail_end": last}
    judged(session, {**LINE, "PRS_NAT_REF": DEVICE, **rented})
    event = the(session, "claim_events")
    assert (event["start_date"], event["end_date"]) == (first, end)
    assert (event["origin"], event["days_supply"], event["modifier"]) == ("ER_TIP_F", None, None)


def test_retrocession_is_a_dispensed_drug(session: DuckDBSession) -> None:
    judged(session, {**BOX, "nomenclature": "UCD", "code": "9261104"})
    event = the(session, "claim_events")
    assert (event["origin"], event["type"], event["days_supply"]) == ("ER_UCD_F", "pharmacy", 30)


def test_a_nature_of_service_that_is_an_act_makes_an_event_where_there_are_no_details(session: DuckDBSession) -> None:
    care = {**LINE, "PRS_NAT_REF": PHYSIOTHERAPY, "quantity": 3.0}
    judged(session, care, {**care, "executor": "D2", "nomenclature": "CCAM", "code": "NEKA020", "variant": "1/0"})
    first, second = sorted(rows(session, "claim_events"), key=lambda row: str(row["nomenclature"]))
    assert (second["nomenclature"], second["code"], second["quantity"]) == ("PRS_NAT_REF", PHYSIOTHERAPY, 3)
    assert (second["origin"], first["nomenclature"]) == ("ER_PRS_F", "CCAM")


def test_a_line_of_several_details_is_counted_and_paid_once(session: DuckDBSession) -> None:
    first = {**BOX, "line_id": 5}
    second = {**first, "code": "3400930000000", "bears_line": False, "total": None, "payer": None}
    judged(session, first, second, {**second, "bears_line": False, "quantity": -1.0})
    assert counts(session) == {"visit": 1}
    assert counts(session, "ER_PHA_F") == {"event": 1, "netted": 2}
    assert the(session, PAID)["total"] == 2


def test_a_detail_that_names_nothing_makes_a_visit_and_no_event(session: DuckDBSession) -> None:
    judged(session, {**LINE, "PRS_NAT_REF": DEVICE, "nomenclature": "LPP", "code": None})
    assert len(rows(session, "claim_visits")) == 1
    assert rows(session, "claim_events") == []
    assert counts(session, "ER_TIP_F") == {"no_code": 1}


def test_who_is_no_person_ends_by_the_rule_of_the_identifier(session: DuckDBSession) -> None:
    who = (identity(rule="fictitious_identifier", person=None), identity("P3", None, 3))
    stranger = {**LINE, "BEN_NIR_PSA": "P9"}
    judged(session, LINE, stranger, {**LINE, "BEN_NIR_PSA": "P3", "BEN_RNG_GEM": None}, identities=who)
    assert the(session, "claim_visits")["person_id"] == 3
    assert counts(session) == {"fictitious_identifier": 1, "no_identifier": 1, "visit": 1}


# What a month of flow gives


def written(path: Path, table: str, lines: list[Row], whole: bool = True) -> Path:
    """Rows of a received table as reception stores them: what was not delivered is NULL, codes have no statistics.

    Not `whole`: a column that no row has is not in the file.
    """
    columns = {name for line in lines for name in line}
    schema = pa.schema([field for field in official_tables()[table].schema if whole or field.name in columns])
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(lines, schema), path, write_statistics=False)
    return path


def claim(number: int = 1, **columns: Any) -> Row:
    """A row of ER_PRS_F."""
    return {
        **KEYS, "DCT_ORD_NUM": str(number), "BEN_NIR_PSA": "P1", "BEN_RNG_GEM": "1", "EXE_SOI_DTD": DAY,
        "EXE_SOI_DTF": DAY, "PRS_NAT_REF": CONSULTATION, "PFS_EXE_NUM": PHARMACY, "PSE_SPE_COD": "1",
        "PRS_ACT_QTE": 1.0, "PRS_PAI_MNT": 25.0, "BSE_REM_MNT": 17.5, "CPL_REM_MNT": 0.0, "source_file": "ER_PRS_F.CSV",
        "source_line": number, **columns,
    }  # fmt: skip


def detail(number: int = 1, **columns: Any) -> Row:
    """A row of a detail of a claim."""
    return {**KEYS, "DCT_ORD_NUM": str(number), "source_file": "ER.CSV", "source_line": number, **columns}


def prepared(
    session: DuckDBSession,
    folder: Path,
    tables: Mapping[str, list[Row]],
    year: int | None = 2018,
    whole: bool = True,
) -> tuple[list[Row], dict[tuple[str, str], int]]:
    """The rows of one month that go on, and the counts of those that do not; see `written`."""
    given: Files = {name: [written(folder / f"{name}.parquet", name, lines, whole)] for name, lines in tables.items()}
    prepare_claims(session, {"2018-04": given}, year, folder / "made")
    files = (folder / "made" / "lines" / "2018-04").glob("*.parquet")
    found = [row for file in files for row in pq.read_table(file).to_pylist() if row["care_year"] is not None]
    ended = pq.read_table(folder / "made" / "counts").to_pylist()
    return found, {(row["source_table"], row["rule"]): row["row_count"] for row in ended}


@pytest.mark.parametrize(
    ("said", "rule"),
    [({"DPN_QLF": "71"}, "information_line"), ({"DPN_QLF": "72"}, "information_line"),
     ({"PRS_DPN_QLP": "72"}, "information_line"), ({"DPN_QLF": "71", "PRS_DPN_QLP": "71"}, "information_line"),
     ({"PRS_NAT_REF": "6111"}, "no_care_contact"), ({"PRS_NAT_REF": None}, "no_care_contact"),
     ({"EXE_SOI_DTD": None}, "no_care_date"), ({"EXE_SOI_DTD": dt.date(2019, 1, 1)}, "care_after_flow")],
)  # fmt: skip
def test_a_line_ends_by_what_it_says_and_its_details_with_it(
    session: DuckDBSession, tmp_path: Path, said: Row, rule: str
) -> None:
    tables = {"ER_PRS_F": [claim(**said)], "ER_PHA_F": [detail(PHA_PRS_C13=IBUPROFEN, PHA_ACT_QSN=1.0)]}
    pieces, ended = prepared(session, tmp_path, tables)
    assert pieces == []
    assert ended == {("ER_PRS_F", rule): 1, ("ER_PHA_F", rule): 1}


def test_a_line_without_a_filters_columns_is_care(session: DuckDBSession, tmp_path: Path) -> None:
    (piece,), ended = prepared(session, tmp_path, {"ER_PRS_F": [claim(PRS_NAT_REF="8888")]})
    assert (piece["rule"], piece["accessory"], piece["quantity"], piece["total"]) == (None, False, 1, 25)
    assert ended == {}


@pytest.mark.parametrize(
    ("year", "flow", "goes_on"),
    [(2018, dt.date(2018, 4, 1), False), (2018, dt.date(2019, 2, 1), True), (2018, None, False),
     (None, dt.date(2018, 4, 1), False), (None, dt.date(2019, 2, 1), True), (None, None, True)],
)  # fmt: skip
def test_care_of_a_later_year_than_its_file_and_its_flow_is_an_error_of_its_date(
    session: DuckDBSession, tmp_path: Path, year: int | None, flow: dt.date | None, goes_on: bool
) -> None:
    line = claim(EXE_SOI_DTD=dt.date(2019, 1, 20), EXE_SOI_DTF=dt.date(2019, 1, 20), FLX_DIS_DTD=flow)
    pieces, ended = prepared(session, tmp_path, {"ER_PRS_F": [line]}, year=year)
    assert [(piece["flow_year"], piece["care_year"]) for piece in pieces] == ([(year, 2019)] if goes_on else [])
    assert ended == ({} if goes_on else {("ER_PRS_F", "care_after_flow"): 1})
    met = pq.read_table(tmp_path / "made" / "persons").to_pylist()
    assert [row["last_day"] for row in met] == ([dt.date(2019, 1, 20)] if goes_on else [])


def test_an_insurance_that_ended_within_the_year_is_met_beside_what_came_after(
    session: DuckDBSession, tmp_path: Path
) -> None:
    lines = [
        claim(number, EXE_SOI_DTD=dt.date(2018, month, 1), ORG_AFF_BEN="01C751000", BEN_CMU_TOP=c2s)
        for number, (month, c2s) in enumerate([(1, "1"), (2, "1"), (3, "0"), (4, "0")])
    ]
    prepared(session, tmp_path, {"ER_PRS_F": lines})
    met = [
        (row["BEN_CMU_TOP"], row["first_day"].month, row["last_day"].month)
        for row in pq.read_table(tmp_path / "made" / "persons").to_pylist()
    ]
    assert sorted(met) == [("0", 3, 4), ("1", 1, 2)]


@pytest.mark.parametrize(("day", "month"), [(dt.date(2018, 4, 2), None), (None, 201804)])
def test_claims_tell_the_day_of_death_or_its_month(
    session: DuckDBSession, tmp_path: Path, day: dt.date | None, month: int | None
) -> None:
    prepared(session, tmp_path, {"ER_PRS_F": [claim(BEN_DCD_DTE=day, BEN_DCD_AME=month), claim(2)]})
    (met,) = pq.read_table(tmp_path / "made" / "persons").to_pylist()
    assert (met["death_date"], met["death_month"]) == (day, month)


@pytest.mark.parametrize(
    ("said", "rule"),
    [({"CPL_MAJ_TOP": "2"}, "supplement_line"), ({"PRS_DPN_QLP": "71", "CPL_AFF_COD": "16"}, "participation_line"),
     ({"PRS_DPN_QLP": "71", "DPN_QLF": "0"}, "participation_line")],
)  # fmt: skip
def test_supplements_and_participations_stay_for_their_amounts(
    session: DuckDBSession, tmp_path: Path, said: Row, rule: str
) -> None:
    (piece,), ended = prepared(session, tmp_path, {"ER_PRS_F": [claim(**said)]})
    assert (piece["rule"], piece["total"]) == (rule, 25)
    assert ended == {}


@pytest.mark.parametrize(
    ("said", "out"),
    [({"ETE_IND_TAA": "1"}, True), ({"ETE_MCO_DDP": "M"}, True), ({"ETE_MCO_DDP": "Z"}, False),
     ({"ETE_MCO_DDP": "X", "ETE_IND_TAA": "2"}, False), ({}, False)],
)  # fmt: skip
def test_what_the_pmsi_has_leaves_by_line(session: DuckDBSession, tmp_path: Path, said: Row, *, out: bool) -> None:
    tables = {"ER_PRS_F": [claim()], "ER_ETE_F": [detail(ETB_EXE_FIN=CLINIC, **said)]}
    pieces, ended = prepared(session, tmp_path, tables)
    assert ended == ({("ER_PRS_F", "also_in_pmsi"): 1, ("ER_ETE_F", "also_in_pmsi"): 1} if out else {})
    assert [(piece["site"], piece["facility_rows"]) for piece in pieces] == ([] if out else [(CLINIC, 1)])


@pytest.mark.parametrize("said", [{"CPL_MAJ_TOP": "2"}, {"PRS_DPN_QLP": "71"}])
def test_what_is_paid_of_care_that_the_pmsi_has_leaves_with_it(
    session: DuckDBSession, tmp_path: Path, said: Row
) -> None:
    tables = {"ER_PRS_F": [claim(**said)], "ER_ETE_F": [detail(ETB_EXE_FIN=CLINIC, ETE_IND_TAA="1")]}
    pieces, ended = prepared(session, tmp_path, tables)
    assert (pieces, ended["ER_PRS_F", "also_in_pmsi"]) == ([], 1)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("said", "sold", "kept"),
    [
        ({"ETE_CAT_COD": "101"}, None, 0), ({"ETE_CAT_COD": "362"}, None, 1), ({"ETE_CAT_COD": "620"}, None, 1),
        ({"ETE_CAT_COD": "101"}, "0", 1), ({"ETE_CAT_COD": "101", "ETE_IND_TAA": "2"}, None, 1), ({}, None, 1),
    ],
)  # fmt: skip
def test_where_only_the_category_of_a_facility_is_told_care_in_hospitals_leaves_but_not_what_they_sell(
    session: DuckDBSession, tmp_path: Path, said: Row, sold: str | None, kept: int, whole: bool
) -> None:
    """101 is a university hospital, 362 long-term care, 620 a pharmacy."""
    tables = {"ER_PRS_F": [claim()], "ER_ETE_F": [detail(ETB_EXE_FIN=CLINIC, **said)]}
    if sold is not None:
        tables["ER_UCD_F"] = [detail(UCD_UCD_COD="9261104", UCD_DLV_NBR=2, UCD_TOP_UCD=sold)]
    pieces, ended = prepared(session, tmp_path, tables, whole=whole)
    assert len(pieces) == kept
    assert ended.get(("ER_PRS_F", "also_in_pmsi"), 0) == 1 - kept


@pytest.mark.parametrize(("top", "kept"), [("0", 1), (None, 1), ("1", 0)])
def test_retrocession_stays_and_drugs_of_stays_do_not(
    session: DuckDBSession, tmp_path: Path, top: str | None, kept: int
) -> None:
    drug = detail(UCD_UCD_COD="9261104", UCD_DLV_NBR=2, UCD_TOP_UCD=top)
    pieces, _ = prepared(session, tmp_path, {"ER_PRS_F": [claim(PRS_ACT_QTE=-5.0)], "ER_UCD_F": [drug]})
    assert [piece["quantity"] for piece in pieces] == [-2] * kept


@pytest.mark.parametrize(("top", "kept"), [("0", 1), (None, 0), ("1", 0)])
def test_what_a_public_hospital_sells_to_who_goes_home_stays(
    session: DuckDBSession, tmp_path: Path, top: str | None, kept: int
) -> None:
    tables = {
        "ER_PRS_F": [claim(PRS_NAT_REF="3317")],
        "ER_ETE_F": [detail(ETB_EXE_FIN=CLINIC, ETE_IND_TAA="1")],
        "ER_UCD_F": [detail(UCD_UCD_COD="9261104", UCD_DLV_NBR=2, UCD_TOP_UCD=top)],
    }
    pieces, ended = prepared(session, tmp_path, tables)
    assert len(pieces) == kept
    assert ended.get(("ER_UCD_F", "also_in_pmsi"), 0) == 1 - kept


def test_details_bring_their_codes_quantities_and_dates(session: DuckDBSession, tmp_path: Path) -> None:
    last = dt.date(2018, 4, 1)
    tables = {
        "ER_PRS_F": [claim(number, PRS_ACT_QTE=-2.0) for number in range(1, 9)],
        "ER_PHA_F": [
            detail(1, PHA_PRS_C13=IBUPROFEN, PHA_PRS_IDE="3610973", PHA_ACT_QSN=-3.0, PHA_SEQ_RNV="1"),
            detail(2, PHA_PRS_C13="0", PHA_PRS_IDE="3610973", PHA_ACT_QSN=None, PHA_SEQ_RNV="X"),
            detail(3, PHA_PRS_C13=IBUPROFEN, PHA_DEC_TOP="1", PHA_DEC_QSU=-7.0, PHA_ACT_QSN=-1.0),
            detail(8, PHA_PRS_C13=IBUPROFEN, PHA_DEC_TOP="D", PHA_DEC_QSU=-6.0, PHA_ACT_QSN=-1.0),
        ],
        "ER_BIO_F": [detail(4, BIO_PRS_IDE="1104", BIO_ACT_QSN=-1.0)],
        "ER_CAM_F": [detail(5, CAM_PRS_IDE="neka020 ", CAM_ACT_COD="1", CAM_TRT_PHA="0")],
        "ER_TIP_F": [
            detail(6, TIP_PRS_IDE="1128104", TIP_PRS_TYP="3", TIP_ACT_QSN=-1.0, TIP_ACL_DTD=DAY, TIP_ACL_DTF=last),
            detail(7, TIP_PRS_IDE="9999999999999", TIP_PRS_TYP="1", TIP_ACT_QSN=-1.0),
        ],
    }
    pieces, ended = prepared(session, tmp_path, tables)
    told = {(p["nomenclature"], p["code"], p["variant"], p["quantity"], p["refills"]) for p in pieces}
    assert told == {
        ("CIP13", IBUPROFEN, None, -3, 1), ("CIP7", "3610973", None, -1, None),
        ("CIP13", IBUPROFEN, "opened", -7, None), ("CIP13", IBUPROFEN, "opened", -6, None),
        ("NABM", "1104", None, -1, None), ("CCAM", "NEKA020", "1/0", -1, None), ("LPP", "1128104", "3", -1, None),
        ("LPP", None, "1", -1, None),
    }  # fmt: skip
    assert {(p["detail_start"], p["detail_end"]) for p in pieces if p["code"] == "1128104"} == {(DAY, last)}
    assert ended == {}


@pytest.mark.parametrize(("amount", "sign"), [(0.0, 1), (None, 1), (25.0, 1), (-25.0, -1)])
def test_an_act_whose_line_does_not_say_how_many_has_the_sign_of_its_amount_and_counts_without(
    session: DuckDBSession, tmp_path: Path, amount: float | None, sign: int
) -> None:
    """PRS_ACT_QTE need not be delivered, and a free act is one."""
    tables = {
        "ER_PRS_F": [claim(1, PRS_ACT_QTE=None, PRS_PAI_MNT=amount), claim(2, PRS_ACT_QTE=None, PRS_PAI_MNT=amount)],
        "ER_CAM_F": [detail(1, CAM_PRS_IDE="NEKA020")],
        "ER_UCD_F": [detail(2, UCD_UCD_COD="9261104", UCD_DLV_NBR=3)],
    }
    pieces, _ = prepared(session, tmp_path, tables)
    assert {(piece["nomenclature"], piece["quantity"]) for piece in pieces} == {("CCAM", sign), ("UCD", 3 * sign)}


def test_amounts_of_a_line_of_several_details_stand_on_one_of_them(session: DuckDBSession, tmp_path: Path) -> None:
    details = [{**detail(PHA_PRS_C13=code, PHA_ACT_QSN=1.0), "source_line": place} for place, code in
               enumerate((IBUPROFEN, "3400930000000"))]  # fmt: skip
    pieces, _ = prepared(session, tmp_path, {"ER_PRS_F": [claim(), claim(2)], "ER_PHA_F": details})
    first, second = (piece for piece in pieces if piece["nomenclature"])
    assert first["line_id"] == second["line_id"] is not None
    assert sorted((piece["bears_line"], piece["total"] or 0) for piece in (first, second)) == [(False, 0), (True, 25)]
    assert [piece["line_id"] for piece in pieces if piece["nomenclature"] is None] == [None]


def test_a_line_and_the_one_that_cancels_it_have_their_amounts_on_the_same_detail(
    session: DuckDBSession, tmp_path: Path
) -> None:
    def pack(line: int, place: int, code: str, quantity: float) -> Row:
        return {**detail(line, PHA_PRS_C13=code, PHA_ACT_QSN=quantity), "source_line": place}

    other = "3400930000000"
    details = [pack(1, 9, IBUPROFEN, 1.0), pack(1, 8, other, 1.0), pack(2, 10, IBUPROFEN, -1.0),
               pack(2, 11, other, -1.0), pack(3, 1, other, 0.0), pack(3, 2, IBUPROFEN, 1.0)]  # fmt: skip
    pieces, _ = prepared(session, tmp_path, {"ER_PRS_F": [claim(n) for n in (1, 2, 3)], "ER_PHA_F": details})
    bearers = sorted((piece["code"], piece["quantity"]) for piece in pieces if piece["bears_line"])
    assert bearers == [(other, -1), (other, 1), (IBUPROFEN, 1)]


def test_details_without_line_and_second_facilities_are_counted(session: DuckDBSession, tmp_path: Path) -> None:
    facilities = [detail(ETB_EXE_FIN=OTHER_CLINIC), detail(ETB_EXE_FIN=CLINIC), detail(9, ETB_EXE_FIN=CLINIC)]
    tables = {"ER_PRS_F": [claim()], "ER_ETE_F": facilities, "ER_PHA_F": [detail(9, PHA_PRS_C13=IBUPROFEN)]}
    (piece,), ended = prepared(session, tmp_path, tables)
    assert piece["site"] == OTHER_CLINIC
    assert ended == {
        ("ER_ETE_F", "same_line"): 1, ("ER_ETE_F", "no_parent_line"): 1, ("ER_PHA_F", "no_parent_line"): 1
    }  # fmt: skip


def test_details_of_one_number_in_two_files_are_two_details(session: DuckDBSession, tmp_path: Path) -> None:
    box = detail(PHA_PRS_C13=IBUPROFEN, PHA_ACT_QSN=1.0)
    details = [{**box, "source_file": name, "source_line": 7} for name in ("a.csv", "b.csv")]
    pieces, _ = prepared(session, tmp_path, {"ER_PRS_F": [claim()], "ER_PHA_F": details})
    assert sorted((piece["bears_line"], piece["total"] or 0) for piece in pieces) == [(False, 0), (True, 25)]


def test_a_line_tells_its_year_of_care(session: DuckDBSession, tmp_path: Path) -> None:
    before = dt.date(2017, 12, 28)
    pieces, _ = prepared(session, tmp_path, {"ER_PRS_F": [claim(), claim(2, EXE_SOI_DTD=before)]})
    assert sorted(piece["care_year"] for piece in pieces) == [2017, 2018]


def test_persons_and_places_that_are_met_are_told_once(session: DuckDBSession, tmp_path: Path) -> None:
    death = dt.date(2018, 3, 20)
    lines = [
        claim(1, BEN_SEX_COD="1", BEN_NAI_ANN=1950, ORG_AFF_BEN="01C751000", BEN_RES_COM="101", PSP_ACT_NAT="26"),
        claim(2, BEN_SEX_COD="1", BEN_NAI_ANN=1950, ORG_AFF_BEN="01C751000", BEN_RES_COM="102",
              EXE_SOI_DTD=dt.date(2018, 3, 9), BEN_DCD_DTE=death, DPN_QLF="71"),
    ]  # fmt: skip
    prepared(session, tmp_path, {"ER_PRS_F": lines, "ER_ETE_F": [detail(ETB_EXE_FIN=CLINIC)]})
    (person,) = pq.read_table(tmp_path / "made" / "persons").to_pylist()
    assert (person["BEN_NIR_PSA"], person["BEN_RNG_GEM"], person["source"]) == ("P1", "1", "ER_PRS_F")
    assert (person["BEN_RES_COM"], person["birth_year"], person["death_date"]) == ("102", 1950, death)
    assert (person["first_day"], person["last_day"]) == (DAY, dt.date(2018, 3, 9))
    places = {(row["kind"], row["code"]) for row in pq.read_table(tmp_path / "made" / "places").to_pylist()}
    assert places == {("site", CLINIC), ("site", PHARMACY), ("provider", "SPE:1"), ("provider", "ACT:26")}


def test_the_reduced_layout_gives_visits_with_the_prescribers_facility(session: DuckDBSession, tmp_path: Path) -> None:
    line = {"BEN_NIR_PSA": "P1", "EXE_SOI_DTD": DAY, "PRS_NAT_REF": CONSULTATION, "ETB_PRE_FIN": CLINIC,
            "source_file": "ER_PRS_F.CSV", "source_line": 1}  # fmt: skip
    (piece,), ended = prepared(session, tmp_path, {"ER_PRS_F": [line]}, year=None)
    assert (piece["site"], piece["quantity"], piece["total"]) == (CLINIC, 1, None)
    assert ended == {}
    judged(session, piece, identities=(identity(rank=None),))
    assert the(session, "claim_visits")["site"] == CLINIC
    assert rows(session, PAID) == []


def test_all_tables_of_a_flow_are_read() -> None:
    assert {name for name, table in official_tables().items() if table.name in TABLES} == set(TABLES)
