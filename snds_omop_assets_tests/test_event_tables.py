"""The CDM tables of a year of care: which event stands where, with which id, and every field as the CDM wants it."""

from datetime import date, datetime

import pyarrow as pa
import pytest

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.ids import omop_id
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES, CODE_LISTS, EVENT_TABLES, event_tables, make_care_year
from snds_omop_assets.omop.field_rules import cdm_metadata, field_rules
from snds_omop_assets.preparation.shapes import COSTS, DETAILS, EVENTS, VISITS, schema_of
from snds_omop_assets.vocabulary.coverage import DOMAIN_TABLES
from snds_omop_assets.vocabulary.shapes import CODE_MAP
from snds_omop_assets_tests.conftest import KEY, only

MARCH, NEXT = date(2019, 3, 4), date(2019, 3, 6)
ALWAYS = {"valid_start_date": date(1900, 1, 1), "valid_end_date": date(2099, 12, 31), "place": 1}
LISTS = [
    ("SNDS_TYPE", "pharmacy", 32869), ("SNDS_TYPE", "claim", 32810), ("SNDS_TYPE", "pmsi_stay", 32853),
    ("SNDS_STATUS", "DP", 32902), ("SNDS_STATUS", "ALD", 0), ("SNDS_CURRENCY", "EUR", 44818568),
]  # fmt: skip


def answer(nomenclature, code, domain, concept, **more):
    row = {"nomenclature": nomenclature, "code": code, "target_domain_id": domain, "target_concept_id": concept}
    return {**ALWAYS, "source_concept_id": 77, **row, **more}


CODES = [
    answer("CIP13", "3400934841682", "Drug", 19078461),
    answer("CIP13", "3400900000000", "Drug", 0, source_concept_id=0),
    answer("CIM10", "M545", "Condition", 194133),
    answer("CIM10", "Z370", "Observation", 4014295),
    answer("CIM10", "E112", "Condition", 201826),
    answer("CIM10", "E112", "Condition", 443238, place=2),
    answer("CIM10", "Z880", "Observation", 439224, value_as_concept_id=1728416),
    answer("CCAM", "ZZQP004", "Measurement", 4000001),
    answer("CCAM", "LFQK002", "Procedure", 3654842),
    answer("LPP", "2100000", "Device", 4000002),
    answer("NABM", "552", "Specimen", 4000003),
    answer("PRS_NAT_REF", "3125", "Procedure", 1, valid_end_date=date(2018, 12, 31)),
    answer("PRS_NAT_REF", "3125", "Procedure", 4238738, valid_start_date=date(2019, 1, 1)),
    answer("PRS_NAT_REF", "1352", "Visit", 581478),
    answer("MS_PRV_V_ENT", "1", "Visit", 8717),
    answer("MS_PRV_V_SOR", "7", "Visit", 0),
    answer("AUT_TYP1_UM", "01A", "Visit", 581379),
]


def event(number, nomenclature, code, **more):
    """An event of person 1 in visit 5."""
    base = {"event_id": number, "person_id": 1, "visit_occurrence_id": 5, "start_date": MARCH, "type": "claim"}
    return {**base, "nomenclature": nomenclature, "code": code, "source_value": code, "origin": "ER_PRS_F", **more}


def visit(number, **more):
    base = {"visit_occurrence_id": number, "person_id": 1, "visit_concept_id": 9202, "type": "claim"}
    return {**base, "visit_start_date": MARCH, "visit_end_date": NEXT, "visit_source_concept_id": 0, **more}


def made(events=(), visits=(), details=(), costs=(), lists=LISTS):
    """The rows of every table of the year, by table."""
    found = {}

    def table(rows, columns):
        return pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows], schema_of(columns))

    with duckdb_session(id_key=KEY) as session:
        for name, rows, columns in (
            ("events", events, EVENTS), ("visits", visits, VISITS), ("details", details, DETAILS),
            ("costs", costs, COSTS), ("code_map", CODES, CODE_MAP),
        ):  # fmt: skip
            session.give(name, table(rows, columns))
        names = ("code_list", "code", "concept_id")
        session.give("code_lists", pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in lists]))
        make_care_year(session, lambda name, sql: found.__setitem__(name, session.result(sql)))
    assert tuple(found) == CARE_YEAR_TABLES
    for name, rows in found.items():
        assert rows.schema.names == cdm_tables()[name].schema.names, name
        for required in (field for field in cdm_tables()[name].fields if field.required):
            assert rows[required.name].null_count == 0, f"{name}.{required.name}"
    return {name: rows.cast(cdm_tables()[name].schema).to_pylist() for name, rows in found.items()}


def made_of(*events):
    """The rows that some events become, as table and row."""
    return [(name, row) for name, rows in made(events).items() if name in EVENT_TABLES for row in rows]


FULL = {
    "events": [
        event(
            1, "CIP13", "3400934841682", quantity=30.0, days_supply=30, type="pharmacy", provider="SPE:1", unit="cp",
            total=2.34, payer=1.64,
        ),
        event(2, "CIM10", "M545", status="DP", type="pmsi_stay", visit_detail_id=9, end_date=NEXT),
        event(3, "CCAM", "LFQK002", quantity=1.0, modifier="1/0"),
        event(4, "LPP", "2100000", quantity=2.0),
        event(5, "CCAM", "ZZQP004"),
        event(6, "CIM10", "Z880", status="DP"),
        event(7, "NABM", "552", quantity=1.0),
    ],
    "visits": [visit(5, site="750100166", provider="SPE:6", admitted_from_list="MS_PRV_V_ENT", admitted_from="1")],
    "details": [{
        "visit_detail_id": 9, "visit_occurrence_id": 5, "person_id": 1, "visit_detail_start_date": MARCH,
        "visit_detail_end_date": NEXT, "type": "pmsi_stay", "unit": "750100166_01A", "unit_type_list": "AUT_TYP1_UM",
        "unit_type": "01A",
    }],
}  # fmt: skip
"""One row of every table."""


@pytest.mark.parametrize("table", CARE_YEAR_TABLES)
def test_every_table_has_the_columns_and_types_of_the_cdm_and_no_gap_where_it_wants_a_value(table):
    assert len(made(**FULL)[table]) == 1


@pytest.mark.parametrize("table", CARE_YEAR_TABLES)
def test_every_table_is_empty_where_nothing_happened(table):
    assert made()[table] == []


@pytest.mark.parametrize("table", CARE_YEAR_TABLES)
def test_every_field_has_its_rule_and_its_sources_are_columns_of_the_snds(table):
    assert list(field_rules(table)) == cdm_tables()[table].schema.names
    assert all(rule.rule.endswith(".") for rule in field_rules(table).values())
    assert cdm_metadata(table)["dagster/column_lineage"]


def test_a_source_that_is_no_column_of_the_snds_would_be_found():
    from snds_omop_assets.contracts.contract_files import official_tables

    for table in CARE_YEAR_TABLES:
        for rule in field_rules(table).values():
            for source in rule.sources:
                name, column = source.split(".")
                assert column in official_tables()[name].schema.names, source


@pytest.mark.parametrize(
    ("given", "table", "concept"),
    [
        (("CIP13", "3400934841682"), "drug_exposure", 19078461),
        (("CIM10", "M545"), "condition_occurrence", 194133),
        (("CIM10", "Z370"), "observation", 4014295),  # a diagnosis that the standard calls an observation
        (("CCAM", "ZZQP004"), "measurement", 4000001),  # an act that measures
        (("NABM", "552"), "specimen", 4000003),
        (("CIP13", "3400900000000"), "drug_exposure", 0),  # no target: the table of its list
        (("CCAM", "XXXX999"), "procedure_occurrence", 0),  # a code that the map does not know
        (("a new list", "1"), "observation", 0),
        (("PRS_NAT_REF", "1352"), "observation", 581478),  # visits are not events
    ],
)
def test_an_event_goes_where_the_domain_of_its_concept_leads(given, table, concept):
    ((found, row),) = made_of(event(3, *given))
    assert found == table
    names = list(row)
    assert row[names[0]] == 3, "the event's id"
    assert row[next(name for name in names if name.endswith("_concept_id"))] == concept
    assert row[next(name for name in names if name.endswith("_source_value") and "status" not in name)] == given[1]


def test_a_code_of_two_targets_is_two_rows_with_ids_of_their_own():
    found = made_of(event(3, "CIM10", "E112"))
    rows = {row["condition_concept_id"]: row["condition_occurrence_id"] for _, row in found}
    assert rows == {201826: 3, 443238: omop_id(KEY, "event", "3", "2")}


def test_the_value_of_a_code_stands_beside_its_question():
    ((table, row),) = made_of(event(3, "CIM10", "Z880", status="DP"))
    assert (table, row["observation_concept_id"], row["value_as_concept_id"]) == ("observation", 439224, 1728416)
    assert row["qualifier_source_value"] == "DP"


@pytest.mark.parametrize(("day", "concept"), [(date(2018, 12, 31), 1), (date(2019, 1, 1), 4238738)])
def test_the_day_of_the_event_says_what_its_code_means(day, concept):
    ((_, row),) = made_of(event(3, "PRS_NAT_REF", "3125", start_date=day))
    assert row["procedure_concept_id"] == concept


@pytest.mark.parametrize("day", [date(1850, 1, 1), date(2999, 1, 1)])
def test_an_event_of_an_impossible_day_is_not_lost(day):
    ((_, row),) = made_of(event(3, "CIM10", "M545", start_date=day))
    assert row["condition_concept_id"] == 194133


def test_an_event_knows_its_type_its_professional_its_visit_and_its_unit():
    ((_, row),) = made_of(
        event(3, "CIP13", "3400934841682", provider="ACT:50", type="pharmacy", visit_detail_id=9, refills=2)
    )
    assert row["provider_id"] == omop_id(KEY, "provider", "ACT:50")
    assert (row["drug_type_concept_id"], row["drug_source_concept_id"], row["refills"]) == (32869, 77, 2)
    assert (row["visit_occurrence_id"], row["visit_detail_id"]) == (5, 9)
    ((_, alone),) = made_of(event(3, "CIP13", "3400934841682", visit_occurrence_id=None))
    assert (alone["provider_id"], alone["visit_occurrence_id"], alone["visit_detail_id"]) == (None, None, None)


@pytest.mark.parametrize(
    ("more", "end"),
    [
        ({"end_date": NEXT, "days_supply": 30}, NEXT),
        ({"days_supply": 30}, date(2019, 4, 2)),
        ({"days_supply": 1}, MARCH),
        ({"days_supply": 0}, MARCH),
        ({}, MARCH),
    ],
)
def test_a_drug_has_an_end_and_never_before_its_beginning(more, end):
    ((_, row),) = made_of(event(3, "CIP13", "3400934841682", **more))
    assert row["drug_exposure_end_date"] == end
    assert row["drug_exposure_end_datetime"] == datetime(end.year, end.month, end.day)
    assert row["days_supply"] == more.get("days_supply")


@pytest.mark.parametrize(("quantity", "whole"), [(1.0, 1), (1.5, 2), (2.4, 2), (0.3, 1), (None, None)])
def test_acts_and_devices_are_counted_whole_and_drugs_are_not(quantity, whole):
    events = [event(n, *code, quantity=quantity) for n, code in enumerate(
        [("CCAM", "LFQK002"), ("LPP", "2100000"), ("CIP13", "3400934841682")]
    )]  # fmt: skip
    assert {table: row["quantity"] for table, row in made_of(*events)} == {
        "procedure_occurrence": whole, "device_exposure": whole, "drug_exposure": quantity,
    }  # fmt: skip


def test_an_act_says_its_activity_and_phase():
    ((_, row),) = made_of(event(3, "CCAM", "LFQK002", modifier="4/0"))
    assert (row["modifier_source_value"], row["modifier_concept_id"]) == ("4/0", 0)


@pytest.mark.parametrize(("status", "concept"), [("DP", 32902), ("ALD", 0), (None, None)])
def test_a_diagnosis_has_its_role_and_no_end_that_nobody_knows(status, concept):
    ((_, row),) = made_of(event(3, "CIM10", "M545", status=status))
    assert (row["condition_status_source_value"], row["condition_status_concept_id"]) == (status, concept)
    assert (row["condition_end_date"], row["condition_end_datetime"]) == (None, None)
    assert row["condition_start_datetime"] == datetime(2019, 3, 4)


def test_a_text_that_is_too_long_for_the_cdm_is_cut():
    ((_, row),) = made_of(event(3, "CIP13", "x" * 60, unit="é" * 60))
    assert (row["drug_source_value"], row["dose_unit_source_value"]) == ("x" * 50, "é" * 50)


def test_a_visit_has_its_professional_its_site_and_where_the_person_came_from_and_went():
    stay = visit(
        5, type="pmsi_stay", visit_concept_id=9201, site="750100166", provider="SPE:6", visit_source_value="HC",
        admitted_from_list="MS_PRV_V_ENT", admitted_from="1", discharged_to_list="MS_PRV_V_SOR", discharged_to="7",
    )  # fmt: skip
    rows = made(visits=[stay, visit(6)])["visit_occurrence"]
    row = only(rows, visit_occurrence_id=5)
    assert row["care_site_id"] == omop_id(KEY, "care_site", "750100166")
    assert row["provider_id"] == omop_id(KEY, "provider", "SPE:6")
    assert (row["visit_concept_id"], row["visit_type_concept_id"], row["visit_source_value"]) == (9201, 32853, "HC")
    assert (row["admitted_from_concept_id"], row["admitted_from_source_value"]) == (8717, "1")
    assert (row["discharged_to_concept_id"], row["discharged_to_source_value"]) == (0, "7"), "known, without concept"
    bare = only(rows, visit_occurrence_id=6)
    assert {bare[name] for name in ("care_site_id", "provider_id", "admitted_from_concept_id")} == {None}
    assert (bare["visit_end_date"], bare["visit_end_datetime"]) == (NEXT, datetime(2019, 3, 6))


def test_a_passage_in_a_unit_has_the_unit_as_its_site_and_its_kind_as_its_concept():
    (known,) = FULL["details"]
    unknown = {**known, "visit_detail_id": 10, "unit": None, "unit_type": "ZZ", "preceding_visit_detail_id": 9}
    lost = {**unknown, "visit_detail_id": 11, "visit_occurrence_id": 6}
    stay = visit(5, type="pmsi_stay", visit_concept_id=9201)
    rows = made(visits=[stay], details=[known, unknown, lost])["visit_detail"]
    first, second = only(rows, visit_detail_id=9), only(rows, visit_detail_id=10)
    assert first["care_site_id"] == omop_id(KEY, "care_site", "750100166_01A")
    assert (first["visit_detail_concept_id"], first["visit_detail_source_value"]) == (581379, "01A")
    assert (first["visit_occurrence_id"], first["visit_detail_type_concept_id"]) == (5, 32853)
    assert (second["care_site_id"], second["visit_detail_concept_id"]) == (None, 9201), "the kind of the stay"
    assert second["visit_detail_source_value"] == "ZZ"
    assert only(rows, visit_detail_id=11)["visit_detail_concept_id"] == 0, "nobody knows"
    assert second["preceding_visit_detail_id"] == 9


def test_a_cost_belongs_to_what_was_paid_and_is_split_to_the_cent():
    costs = [
        {"visit_occurrence_id": 5, "total": 25.0, "payer": 25.0},
        {"visit_occurrence_id": 6, "total": 1.0, "payer": None},
    ]
    events = [
        event(1, "CIP13", "3400934841682", total=2.34, payer=1.64),
        event(2, "CIM10", "E112", total=0.3, payer=0.1),  # of several targets: paid once
        event(3, "CCAM", "LFQK002"),
    ]
    rows = made(events=events, costs=costs)["cost"]
    assert sorted((r["cost_id"], r["cost_event_id"], r["cost_domain_id"]) for r in rows) == [
        (1, 1, "Drug"), (2, 2, "Condition"), (5, 5, "Visit"), (6, 6, "Visit"),
    ]  # fmt: skip
    drug = only(rows, cost_id=1)
    assert (drug["total_charge"], drug["total_paid"], drug["paid_by_payer"]) == (2.34, 2.34, 1.64)
    assert (drug["paid_by_patient"], only(rows, cost_id=2)["paid_by_patient"]) == (0.7, 0.2), "no 0.19999999999999998"
    assert (drug["cost_type_concept_id"], drug["currency_concept_id"]) == (32810, 44818568)
    assert only(rows, cost_id=6)["paid_by_patient"] is None, "nobody knows who paid"


def test_a_list_without_a_word_gives_concept_0():
    rows = made(**FULL, lists=[("SNDS_TYPE", "claim", 32810)])
    assert rows["cost"][0]["currency_concept_id"] == 0
    assert rows["drug_exposure"][0]["drug_type_concept_id"] == 0


def test_every_domain_of_events_has_a_table_and_the_lists_are_named():
    named = dict(zip(*event_tables().to_pydict().values(), strict=True))
    assert set(named.values()) == set(EVENT_TABLES)
    assert set(DOMAIN_TABLES) - set(named) == {"Visit", "Gender", "Provider"}
    assert CODE_LISTS[:2] == ("SNDS_TYPE", "SNDS_STATUS")
