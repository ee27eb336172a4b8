"""The CDM tables over all years: deaths, observation and payer periods, eras, families, and what the base is."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.omop.field_rules import field_rules
from snds_omop_assets.omop.over_years import OVER_YEARS_TABLES, SOURCE_INFO, make_over_years
from snds_omop_assets.preparation.shapes import BASE, IDENTITIES, MET_PERSONS, PERSON_FACTS, schema_of
from snds_omop_assets.vocabulary.shapes import CODE_MAP
from snds_omop_assets.vocabulary.shapes import schema_of as vocabulary_schema

Row = Mapping[str, object]
Given = Mapping[str, Sequence[Row]]

ANNE, BORIS, CLARA = 1, 2, 3
ASTHMA, PAIN = 9000001, 9000002
TABLET, INGREDIENT, OTHER_INGREDIENT, COMBINED = 9000010, 9000011, 9000012, 9000013
MILLIGRAM = 8576
CERTIFICATE, CLAIM, STAY, PERIOD = 32815, 32810, 32853, 32810
DAY = date(2018, 3, 1)

SCHEMAS: Mapping[str, pa.Schema] = {
    **{name: cdm_tables()[name].schema for name in
       ("visit_occurrence", "condition_occurrence", "drug_exposure", "concept", "concept_ancestor", "drug_strength")},
    **{name: official_tables()[name].schema for name in ("KI_CCI_R", "IR_BEN_R", "IR_BEN_R_ARC")},
    "persons": pa.schema([("person_id", pa.int64()), ("death_date", pa.date32()), ("death_month", pa.int64())]),
    "person_facts": schema_of(PERSON_FACTS),
    "met_persons": schema_of(MET_PERSONS),
    "identities": schema_of(IDENTITIES),
    "code_map": vocabulary_schema(CODE_MAP),
    "code_lists": pa.schema([("code_list", pa.string()), ("code", pa.string()), ("concept_id", pa.int64())]),
    "base": schema_of(BASE),
    "source_info": schema_of(SOURCE_INFO),
}  # fmt: skip

TYPES = {"death_certificate": CERTIFICATE, "claim": CLAIM, "pmsi_stay": STAY, "observation_period": PERIOD}

ALWAYS: Given = {
    "base": [{"first_year": 2018, "last_year": 2019, "data_start": date(2018, 1, 1), "data_end": date(2019, 12, 31)}],
    "source_info": [{name: name for name, (kind, _) in SOURCE_INFO.items() if kind == pa.string()}
                    | {"source_release_date": DAY, "cdm_release_date": DAY}],
    "code_lists": [{"code_list": "SNDS_TYPE", "code": code, "concept_id": concept} for code, concept in TYPES.items()],
    "identities": [{"BEN_NIR_PSA": name, "BEN_RNG_GEM": "1", "person_key": name, "person_id": person}
                   for name, person in (("ANNE", ANNE), ("BORIS", BORIS), ("CLARA", CLARA))],
    "concept": [{"concept_id": concept, "concept_class_id": "Ingredient", "standard_concept": "S"}
                for concept in (INGREDIENT, OTHER_INGREDIENT)],
    "concept_ancestor": [{"ancestor_concept_id": ingredient, "descendant_concept_id": drug} for ingredient, drug in
                         ((INGREDIENT, TABLET), (INGREDIENT, COMBINED), (OTHER_INGREDIENT, COMBINED))],
}  # fmt: skip


def made_in(session: Session, tables: Given) -> dict[str, list[Row]]:
    """The tables, in the CDM's columns and types, ordered by all their columns but the hashed id."""
    found: dict[str, list[Row]] = {}

    def write(table: str, sql: str) -> None:
        schema = cdm_tables()[table].schema
        result = session.result(sql)
        assert result.schema.names == schema.names
        key = cdm_tables()[table].primary_key
        rows = result.cast(schema).to_pylist()
        assert key is None or len({row[key] for row in rows}) == len(rows)
        found[table] = sorted(rows, key=lambda row: [str(value) for name, value in row.items() if name != key])

    for name, schema in SCHEMAS.items():
        session.give(name, pa.Table.from_pylist(list({**ALWAYS, **tables}.get(name, ())), schema))
    make_over_years(session, write)
    assert tuple(found) == tuple(OVER_YEARS_TABLES)
    return found


def made(**tables: Sequence[Row]) -> dict[str, list[Row]]:
    """The tables made of some rows, by DuckDB."""
    with duckdb_session(id_key="key") as session:
        return made_in(session, tables)


def values(rows: Sequence[Row], *columns: str) -> list[tuple[object, ...]]:
    """Some columns of rows."""
    return [tuple(row[name] for name in columns) for row in rows]


def visit(person: int, day: date) -> Row:
    """A row of VISIT_OCCURRENCE."""
    return {"visit_occurrence_id": 1, "person_id": person, "visit_start_date": day, "visit_end_date": day}


def condition(start: int, end: int | None = None, concept: int = ASTHMA, person: int = ANNE) -> Row:
    """A row of CONDITION_OCCURRENCE, by days since DAY."""
    last = None if end is None else DAY + timedelta(end)
    first = DAY + timedelta(start)
    row = {"person_id": person, "condition_concept_id": concept, "condition_start_date": first}
    return {**row, "condition_end_date": last}


def exposure(start: int, end: int | None = None, drug: int = TABLET, person: int = ANNE, **more: object) -> Row:
    """A row of DRUG_EXPOSURE, by days since DAY."""
    last = None if end is None else DAY + timedelta(end)
    row = {"person_id": person, "drug_concept_id": drug, "drug_exposure_start_date": DAY + timedelta(start)}
    return {**row, "drug_exposure_end_date": last, **more}


def certificate(person: str | None, day: date, code: str | None = "C349") -> Row:
    """A row of KI_CCI_R."""
    return {"DCD_IDT_ENC": f"{person}{day}", "BEN_IDT_ANO": person, "BEN_DCD_DTE": day, "DCD_CIM_COD": code}


def stay_death(person: int, day: date) -> Row:
    """A row of PERSON_FACTS: a stay that ended by death."""
    return {"kind": "death", "person_id": person, "day": day, "visit_occurrence_id": 1}


def code(place: int, target: int, first: date = date(1900, 1, 1), last: date = date(2099, 12, 31)) -> Row:
    """A row of CODE_MAP for C349."""
    row = {"nomenclature": "CIM10", "code": "C349", "place": place, "target_concept_id": target}
    return {**row, "valid_start_date": first, "valid_end_date": last, "source_concept_id": 77}


def test_the_day_of_death_is_the_certificates_then_the_referentials_then_the_stays():
    first, second, third = date(2018, 5, 1), date(2018, 5, 2), date(2018, 5, 3)
    rows = made(
        KI_CCI_R=[certificate("ANNE", first)],
        persons=[{"person_id": person, "death_date": second} for person in (ANNE, BORIS)]
        + [{"person_id": CLARA, "death_date": None}],
        person_facts=[stay_death(person, third) for person in (ANNE, BORIS, CLARA)] + [stay_death(CLARA, first)],
    )["death"]
    assert values(rows, "person_id", "death_date", "death_type_concept_id") == [
        (ANNE, first, CERTIFICATE), (BORIS, second, CLAIM), (CLARA, third, STAY)
    ]  # fmt: skip


def test_where_only_the_month_of_death_is_told_another_day_in_it_counts_and_else_its_last_day():
    march, april = date(2018, 3, 31), date(2018, 4, 30)
    month_only = {"BEN_DCD_DTE": None, "BEN_DCD_AME": 201803}
    rows = made(
        KI_CCI_R=[{**certificate("ANNE", march), **month_only}, {**certificate("BORIS", march), **month_only}],
        persons=[
            {"person_id": ANNE, "death_date": date(2018, 3, 12)},
            {"person_id": BORIS, "death_date": date(2018, 4, 2)},
            {"person_id": CLARA, "death_month": 201804},
            {"person_id": 4, "death_month": 201802},
        ],
        person_facts=[stay_death(4, date(2018, 2, 3)), stay_death(ANNE, date(2018, 3, 14))],
    )["death"]
    assert values(rows, "person_id", "death_date", "death_type_concept_id") == [
        (ANNE, date(2018, 3, 12), CERTIFICATE), (BORIS, march, CERTIFICATE), (CLARA, april, CLAIM),
        (4, date(2018, 2, 3), CLAIM),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "kind", "died"), [(0, STAY, True), (1, STAY, False), (60, CLAIM, True), (61, CLAIM, False)]
)
def test_who_comes_back_from_a_stay_that_ended_by_death_did_not_die(days: int, kind: int, died: bool):
    tables = made(
        person_facts=[stay_death(ANNE, DAY)],
        visit_occurrence=[{**visit(ANNE, DAY + timedelta(days)), "visit_type_concept_id": kind}],
    )
    assert [row["death_date"] for row in tables["death"]] == ([DAY] if died else [])


def test_the_cause_of_death_is_the_initial_one_by_the_first_target_of_its_code():
    old = code(1, 5, last=date(2017, 12, 31))
    columns = ("cause_concept_id", "cause_source_value", "cause_source_concept_id")
    deaths = {"KI_CCI_R": [certificate("ANNE", DAY), certificate("BORIS", DAY, "R99"), certificate("CLARA", DAY, None)]}
    rows = made(code_map=[old, code(1, 6, first=date(2018, 1, 1)), code(2, 8)], **deaths)["death"]
    assert values(rows, *columns) == [(6, "C349", 77), (0, "R99", 0), (None, None, None)]


def test_a_certificate_of_nobody_makes_no_death():
    assert made(KI_CCI_R=[certificate(None, DAY), certificate("STRANGER", DAY)])["death"] == []


def test_an_observation_period_stays_within_the_data_and_ends_with_death():
    died = date(2019, 2, 1)
    visits = [
        visit(ANNE, date(2017, 12, 1)), visit(ANNE, date(2018, 6, 1)), visit(BORIS, date(2018, 6, 1)),
        visit(CLARA, date(2020, 1, 5)), visit(4, date(2018, 2, 1)),
    ]  # fmt: skip
    dead = [{"person_id": BORIS, "death_date": died}, {"person_id": 4, "death_date": date(2017, 12, 1)}]
    rows = made(visit_occurrence=visits, persons=dead)["observation_period"]
    assert values(rows, "person_id", "observation_period_start_date", "observation_period_end_date") == [
        (ANNE, date(2018, 1, 1), date(2019, 12, 31)), (BORIS, date(2018, 6, 1), died)
    ]  # fmt: skip
    assert {row["period_type_concept_id"] for row in rows} == {PERIOD}


def test_long_term_diseases_and_deaths_open_no_observation_period():
    tables = made(condition_occurrence=[condition(0)], persons=[{"person_id": ANNE, "death_date": DAY}])
    assert tables["observation_period"] == []


def plan(first: date, last: date, organism: str = "01C751", c2s: str | None = "0", psa: str = "ANNE") -> Row:
    """A row of MET_PERSONS."""
    row = {"BEN_NIR_PSA": psa, "BEN_RNG_GEM": "1", "source": "ER_PRS_F", "ORG_AFF_BEN": organism, "BEN_CMU_TOP": c2s}
    return {**row, "first_day": first, "last_day": last}


PERIOD_COLUMNS = (
    "payer_plan_period_start_date",
    "payer_plan_period_end_date",
    "payer_source_value",
    "plan_source_value",
)


def payer_periods(*plans: Row) -> list[tuple[object, ...]]:
    """The periods of ANNE."""
    return values(made(met_persons=plans)["payer_plan_period"], *PERIOD_COLUMNS)


def test_a_plan_of_years_that_follow_each_other_is_one_period_and_a_year_without_claims_ends_it():
    assert payer_periods(
        plan(date(2018, 3, 1), date(2018, 11, 30)), plan(date(2019, 2, 1), date(2019, 12, 1), "01C752"),
        plan(date(2021, 5, 1), date(2021, 6, 1)),
    ) == [
        (date(2018, 3, 1), date(2019, 12, 1), "01C", None), (date(2021, 5, 1), date(2021, 6, 1), "01C", None)
    ]  # fmt: skip


def test_a_plan_that_begins_later_replaces_the_one_before_as_long_as_it_is_told():
    assert payer_periods(
        plan(date(2018, 1, 1), date(2018, 12, 31)), plan(date(2018, 4, 1), date(2018, 6, 30), c2s="1")
    ) == [
        (date(2018, 1, 1), date(2018, 3, 31), "01C", None), (date(2018, 4, 1), date(2018, 6, 30), "01C", "C2S"),
        (date(2018, 7, 1), date(2018, 12, 31), "01C", None),
    ]  # fmt: skip


def test_a_plan_that_pays_within_a_scheme_lasts_from_its_first_to_its_last_claim_whatever_others_leave_out():
    assert payer_periods(
        plan(date(2018, 2, 1), date(2018, 9, 30), c2s="1"), plan(date(2018, 1, 1), date(2018, 12, 31)),
        plan(date(2018, 5, 5), date(2018, 5, 5), c2s=None),
    ) == [
        (date(2018, 1, 1), date(2018, 1, 31), "01C", None), (date(2018, 2, 1), date(2018, 9, 30), "01C", "C2S"),
        (date(2018, 10, 1), date(2018, 12, 31), "01C", None),
    ]  # fmt: skip
    assert payer_periods(
        plan(date(2018, 2, 1), date(2018, 9, 30), c2s="1"), plan(date(2018, 5, 5), date(2018, 5, 5))
    ) == [(date(2018, 2, 1), date(2018, 9, 30), "01C", "C2S")]


def test_a_change_of_scheme_at_the_turn_of_the_year_makes_two_periods():
    assert payer_periods(
        plan(date(2018, 1, 5), date(2018, 12, 20)), plan(date(2019, 1, 5), date(2019, 12, 20), "02A751")
    ) == [(date(2018, 1, 5), date(2018, 12, 20), "01C", None), (date(2019, 1, 5), date(2019, 12, 20), "02A", None)]


def test_the_hospital_and_those_who_are_no_person_tell_no_payer():
    assert payer_periods({**plan(DAY, DAY), "ORG_AFF_BEN": None, "source": "PMSI"}, plan(DAY, DAY, psa="NOBODY")) == []


DATES = st.integers(0, 700).map(lambda day: date(2018, 1, 1) + timedelta(day))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(DATES, st.integers(0, 200), st.sampled_from("12"), st.sampled_from("01")), max_size=8))
def test_periods_of_a_person_never_overlap_and_cover_every_day_that_a_line_tells(drawn):
    plans = [plan(day, min(day + timedelta(length), date(day.year, 12, 31)), f"0{scheme}C751", c2s)
             for day, length, scheme, c2s in drawn]  # fmt: skip
    periods = payer_periods(*plans)
    for before, after in pairwise(periods):
        assert before[0] <= before[1] < after[0] <= after[1]
    for told in plans:
        for offset in range((told["last_day"] - told["first_day"]).days + 1):
            day = told["first_day"] + timedelta(offset)
            assert sum(first <= day <= last for first, last, *_ in periods) == 1


def eras(rows: Sequence[Row], kind: str, *more: str) -> list[tuple[object, ...]]:
    """Days since DAY of the first and last day of eras, and more columns."""
    return [((row[f"{kind}_era_start_date"] - DAY).days, (row[f"{kind}_era_end_date"] - DAY).days,
             *(row[name] for name in more)) for row in rows]  # fmt: skip


def condition_eras(*conditions: Row) -> list[tuple[object, ...]]:
    """First and last day and number of rows of the eras of conditions."""
    return eras(made(condition_occurrence=conditions)["condition_era"], "condition", "condition_occurrence_count")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([condition(0, 5), condition(35, 40)], [(0, 40, 2)]),
        ([condition(0, 5), condition(36, 40)], [(0, 5, 1), (36, 40, 1)]),
        ([condition(0, 10), condition(5, 20)], [(0, 20, 2)]),
        ([condition(0, 100), condition(5, 10), condition(120, 125)], [(0, 125, 3)]),
        ([condition(0)], [(0, 1, 1)]),
        ([condition(0), condition(31)], [(0, 32, 2)]),
        ([condition(0), condition(32)], [(0, 1, 1), (32, 33, 1)]),
        ([condition(5, 2)], [(5, 5, 1)]),
        ([condition(0, concept=0)], []),
        ([condition(0, 5), condition(0, 5)], [(0, 5, 2)]),
    ],
)
def test_conditions_of_at_most_30_days_apart_are_one_era(conditions, expected):
    assert condition_eras(*conditions) == expected


def test_eras_are_of_one_person_and_one_concept():
    conditions = [condition(0, 5), condition(6, 7, PAIN), condition(6, 8, person=BORIS)]
    rows = made(condition_occurrence=conditions)["condition_era"]
    assert values(rows, "person_id", "condition_concept_id") == [(ANNE, ASTHMA), (ANNE, PAIN), (BORIS, ASTHMA)]


def drug_eras(*exposures: Row, **tables: Sequence[Row]) -> list[tuple[object, ...]]:
    """First and last day, ingredient, number of rows and days of rest of the eras of drugs."""
    rows = made(drug_exposure=exposures, **tables)["drug_era"]
    return eras(rows, "drug", "drug_concept_id", "drug_exposure_count", "gap_days")


@pytest.mark.parametrize(
    ("exposures", "expected"),
    [
        ([exposure(0, 30), exposure(60, 90)], [(0, 90, INGREDIENT, 2, 30)]),
        ([exposure(0, 30), exposure(61, 90)], [(0, 30, INGREDIENT, 1, 0), (61, 90, INGREDIENT, 1, 0)]),
        ([exposure(0, 30), exposure(5, 10), exposure(40, 50)], [(0, 50, INGREDIENT, 3, 10)]),
        ([exposure(0, days_supply=10)], [(0, 10, INGREDIENT, 1, 0)]),
        ([exposure(0, days_supply=0)], [(0, 1, INGREDIENT, 1, 0)]),
        ([exposure(0)], [(0, 1, INGREDIENT, 1, 0)]),
        ([exposure(0, 30, drug=COMBINED)], [(0, 30, INGREDIENT, 1, 0), (0, 30, OTHER_INGREDIENT, 1, 0)]),
        ([exposure(0, 30), exposure(31, 60, drug=COMBINED)],
         [(0, 60, INGREDIENT, 2, 1), (31, 60, OTHER_INGREDIENT, 1, 0)]),
        ([exposure(0, 30, drug=INGREDIENT)], [(0, 30, INGREDIENT, 1, 0)]),
        ([exposure(0, 30, drug=0)], []),
        ([exposure(0, 30, drug=4242)], []),
    ],
)  # fmt: skip
def test_exposures_to_an_ingredient_of_at_most_30_days_apart_are_one_era(exposures, expected):
    assert drug_eras(*exposures) == expected


def test_without_a_vocabulary_there_is_no_drug_era():
    assert drug_eras(exposure(0, 30), concept=[], concept_ancestor=[]) == []


def strength(drug: int, ingredient: int, amount: float | None) -> Row:
    """A row of DRUG_STRENGTH."""
    row = {"drug_concept_id": drug, "ingredient_concept_id": ingredient, "amount_value": amount}
    return {**row, "amount_unit_concept_id": MILLIGRAM}


def test_a_dose_is_an_amount_a_day_and_another_dose_another_era():
    exposures = [
        exposure(0, 30, quantity=60.0, days_supply=30), exposure(35, 65, quantity=60.0, days_supply=30),
        exposure(66, 96, quantity=30.0, days_supply=30), exposure(0, 30, quantity=30.0),
        exposure(0, 30, drug=COMBINED, quantity=30.0, days_supply=30),
    ]  # fmt: skip
    rows = made(
        drug_exposure=exposures,
        drug_strength=[strength(TABLET, INGREDIENT, 200.0), strength(COMBINED, INGREDIENT, None)],
    )["dose_era"]
    assert sorted(eras(rows, "dose", "drug_concept_id", "unit_concept_id", "dose_value")) == [
        (0, 65, INGREDIENT, MILLIGRAM, 400.0), (66, 96, INGREDIENT, MILLIGRAM, 200.0)
    ]  # fmt: skip


def naive_eras(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """First and last day, number of spans and days of rest of eras, one span after the other."""
    found: list[list[int]] = []
    for first, last in sorted(spans):
        if found and first - found[-1][1] <= 30:
            era = found[-1]
            era[3] += max(0, first - era[1])
            era[1] = max(era[1], last)
            era[2] += 1
        else:
            found.append([first, last, 1, 0])
    return [(first, last, rows, rest) for first, last, rows, rest in found]


SPANS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 45)), max_size=12).map(
    lambda drawn: [(first, first + length) for first, length in drawn]
)


@settings(max_examples=10, deadline=None)
@given(st.lists(SPANS, min_size=1, max_size=20))
def test_eras_are_those_of_a_plain_loop(drawn):
    persons = dict(enumerate(drawn, start=1))
    tables = made(
        condition_occurrence=[condition(*span, person=p) for p, spans in persons.items() for span in spans],
        drug_exposure=[exposure(*span, person=p) for p, spans in persons.items() for span in spans],
    )
    for person, spans in persons.items():
        of = {
            kind: [row for row in tables[f"{kind}_era"] if row["person_id"] == person] for kind in ("condition", "drug")
        }
        expected = naive_eras(spans)
        assert eras(of["condition"], "condition", "condition_occurrence_count") == [era[:3] for era in expected]
        assert eras(of["drug"], "drug", "drug_exposure_count", "gap_days") == expected


def test_a_mother_and_her_child_are_a_pair_in_both_directions():
    said = {"kind": "mother", "person_id": CLARA, "other_person_id": ANNE, "visit_occurrence_id": 1}
    rows = made(person_facts=[said, {**said, "visit_occurrence_id": 2}])["fact_relationship"]
    assert values(rows, "fact_id_1", "fact_id_2", "relationship_concept_id") == [
        (ANNE, CLARA, 40478925), (CLARA, ANNE, 40485452)
    ]  # fmt: skip


def test_the_base_says_what_it_is_in_one_row_and_how_it_was_made():
    tables = made()
    (row,) = tables["cdm_source"]
    assert (row["cdm_version"], row["cdm_version_concept_id"], row["source_release_date"]) == ("v5.4", 756265, DAY)
    assert dict(values(tables["metadata"], "name", "value_as_string")) == {
        "software version": "software_version", "engine": "engine", "first year of care": "2018",
        "last year of care": "2019", "first day of the data": "2018-01-01", "last day of the data": "2019-12-31",
    }  # fmt: skip


@pytest.mark.parametrize("table", OVER_YEARS_TABLES)
def test_every_field_has_its_rule(table):
    assert list(field_rules(table)) == cdm_tables()[table].schema.names


def test_no_table_needs_more_than_its_views(tmp_path: Path):
    with duckdb_session(id_key="key") as session:
        for name, schema in SCHEMAS.items():
            session.give(name, pa.Table.from_pylist(list(ALWAYS.get(name, ())), schema))
        make_over_years(
            session, lambda table, sql: session.write(sql, tmp_path / table, cdm_tables()[table].schema) and None
        )
    assert {folder.name for folder in tmp_path.iterdir()} == set(OVER_YEARS_TABLES)
