"""Resolution: from French codes to standard concepts, path by path, and against a plain reading of the rules."""

import datetime as dt
import itertools

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.resolve import Resolution, resolve
from snds_omop_assets.vocabulary.shapes import CODE_MAP, MAPS_TO, MAPS_TO_VALUE, PROJECT, REJECTED, USER, schema_of
from snds_omop_assets_tests.plain_resolution import (
    FIRST_DAY,
    LAST_DAY,
    LINKS_OF_ATC,
    REPLACED,
    World,
    answer,
)

DAY = dt.date(2018, 6, 15)
SOURCE, OTHER, THIRD, FOURTH = 9_000_001, 9_000_002, 9_000_003, 9_000_004
PAIN, FEVER, ACT, NOTE, YES, DRUG, INGREDIENT = range(9_000_101, 9_000_108)
ON_OFF = dt.date(2015, 12, 31), dt.date(2016, 1, 1)
"""The last day of what was and the first of what is."""

CIP13, CIP7 = "3400934841682", "3484168"
UCD13, UCD13_PADDED, UCD7 = "3400892611041", "0000009261104", "9261104"


@pytest.fixture
def world() -> World:
    """A made-up vocabulary of a few standard concepts, without codes."""
    world = World()
    world.target(PAIN)
    world.target(FEVER)
    world.target(ACT, "Procedure")
    world.target(NOTE, "Observation")
    world.target(YES, "Meas Value")
    world.target(DRUG, "Drug")
    world.target(INGREDIENT, "Drug", "Ingredient")
    return world


def resolved(world: World, *codes: tuple[str, str]) -> Resolution:
    """Resolve codes with DuckDB."""
    names, texts = zip(*codes, strict=True)
    table = pa.table({"nomenclature": list(names), "code": list(texts)})
    with duckdb_session() as session:
        return resolve(session, table, *world.tables())


def on(resolution: Resolution, day: dt.date = DAY) -> list[dict]:
    """The rows of the answer on a day."""
    return [r for r in resolution.code_map.to_pylist() if r["valid_start_date"] <= day <= r["valid_end_date"]]


def targets(world: World, nomenclature: str, code: str, day: dt.date = DAY) -> list[tuple]:
    """Target, status and precision of each row of a code on a day, in order."""
    rows = on(resolved(world, (nomenclature, code)), day)
    return [(r["target_concept_id"], r["status"], r["precision"]) for r in rows]


def refused(resolution: Resolution) -> set[tuple]:
    """Origin, target and reason of the refused targets."""
    return {(r["origin"], r["target_concept_id"], r["reason"]) for r in resolution.rejected.to_pylist()}


# Diagnoses


def test_the_dot_of_a_diagnosis_is_restored(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00.1"), MAPS_TO, PAIN)
    (row,) = on(resolved(world, ("CIM10", "A001")))
    assert (row["target_concept_id"], row["status"], row["precision"]) == (PAIN, "mapped", "code")
    assert (row["source_concept_id"], row["origin"], row["target_domain_id"]) == (SOURCE, "vocabulary", "Condition")


def test_cim10_is_before_icd10(world):
    world.relate(world.concept(OTHER, "CIM10", "A00.1"), MAPS_TO, PAIN)
    world.relate(world.concept(SOURCE, "ICD10", "A00.1"), MAPS_TO, FEVER)
    (row,) = on(resolved(world, ("CIM10", "A001")))
    assert (row["target_concept_id"], row["source_concept_id"]) == (PAIN, OTHER)


def test_icd10_at_the_same_length_is_before_a_trimmed_cim10(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00"), MAPS_TO, FEVER)
    world.relate(world.concept(OTHER, "ICD10", "A00.1"), MAPS_TO, PAIN)
    assert targets(world, "CIM10", "A001") == [(PAIN, "mapped", "code")]


def test_a_code_of_cim10_without_target_has_that_of_icd10_and_stays_the_source_concept(world):
    world.concept(SOURCE, "CIM10", "A00.1")
    world.relate(world.concept(OTHER, "ICD10", "A00.1"), MAPS_TO, PAIN)
    (row,) = on(resolved(world, ("CIM10", "A001")))
    assert (row["target_concept_id"], row["source_concept_id"]) == (PAIN, SOURCE)


def test_a_diagnosis_is_trimmed_step_by_step_down_to_three_characters(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00"), MAPS_TO, PAIN)
    assert targets(world, "CIM10", "A0012") == [(PAIN, "mapped", "trimmed")]
    world.relate(world.concept(OTHER, "ICD10", "A00.1"), MAPS_TO, FEVER)
    assert targets(world, "CIM10", "A0012") == [(FEVER, "mapped", "trimmed")], "the nearest"
    assert targets(world, "CIM10", "A00") == [(PAIN, "mapped", "code")]


def test_a_diagnosis_is_never_trimmed_below_three_characters(world):
    world.relate(world.concept(SOURCE, "CIM10", "A0"), MAPS_TO, PAIN)
    assert targets(world, "CIM10", "A001") == [(0, "unmapped", None)]


@pytest.mark.parametrize("code", ["A00+1", "A00+12", "A00+", "A001+0"])
def test_extensions_with_a_plus_are_trimmed(world, code):
    world.relate(world.concept(SOURCE, "CIM10", "A00"), MAPS_TO, PAIN)
    (row,) = on(resolved(world, ("CIM10", code)))
    assert (row["target_concept_id"], row["precision"]) == (PAIN, "trimmed")
    assert row["source_concept_id"] == nomenclatures()["CIM10"].local_id(code) > 2_000_000_000


# Drugs


@pytest.mark.parametrize(("nomenclature", "code"), [("CIP13", CIP13), ("CIP7", CIP7)])
def test_a_pack_is_found_in_bdpm_by_its_cip7(world, nomenclature, code):
    world.relate(world.concept(SOURCE, "BDPM", CIP7, domain="Drug"), MAPS_TO, DRUG)
    (row,) = on(resolved(world, (nomenclature, code)))
    assert (row["target_concept_id"], row["status"], row["precision"]) == (DRUG, "mapped", "code")
    assert row["source_concept_id"] == SOURCE


@pytest.mark.parametrize("code", [UCD7, UCD13, UCD13_PADDED])
def test_a_unit_is_found_through_its_packs(world, code):
    world.pack("3000001", UCD7)
    world.pack(CIP7, UCD7)
    world.relate(world.concept(SOURCE, "BDPM", CIP7, domain="Drug"), MAPS_TO, DRUG)
    (row,) = on(resolved(world, ("UCD", code)))
    assert (row["target_concept_id"], row["status"], row["precision"]) == (DRUG, "mapped", "pack")
    assert row["source_concept_id"] == nomenclatures()["UCD"].local_id(UCD7), "a unit is no pack"


@pytest.mark.parametrize("relation", [MAPS_TO, *LINKS_OF_ATC])
@pytest.mark.parametrize(("nomenclature", "code"), [("CIP13", CIP13), ("CIP7", CIP7), ("UCD", UCD13)])
def test_a_drug_that_bdpm_lacks_has_the_ingredient_of_its_atc_code(world, nomenclature, code, relation):
    world.pack(CIP7, UCD7, "Z99ZZ01")
    world.relate(world.concept(SOURCE, "ATC", "Z99ZZ01", domain="Drug"), relation, DRUG, INGREDIENT)
    assert targets(world, nomenclature, code) == [(INGREDIENT, "mapped", "ingredient")], "DRUG is no ingredient"


def test_maps_to_is_before_the_relationships_of_atc_and_these_keep_their_order(world):
    world.pack(CIP7, None, "Z99ZZ01")
    world.concept(SOURCE, "ATC", "Z99ZZ01", domain="Drug")
    expected = [world.target(9_000_250 - n, "Drug", "Ingredient") for n in range(4)]
    for relation, target in reversed(list(zip((MAPS_TO, *LINKS_OF_ATC), expected, strict=True))):
        world.relate(SOURCE, relation, target)
        assert targets(world, "CIP7", CIP7) == [(target, "mapped", "ingredient")]


def test_an_atc_code_of_several_ingredients_maps_to_all_of_them(world):
    world.pack(CIP7, None, "Z99ZZ01")
    second = world.target(9_000_250, "Drug", "Ingredient")
    world.relate(world.concept(SOURCE, "ATC", "Z99ZZ01", domain="Drug"), MAPS_TO, INGREDIENT, second)
    assert [t for t, *_ in targets(world, "CIP7", CIP7)] == [INGREDIENT, second]


def test_links_of_atc_are_for_atc_alone(world):
    world.relate(world.concept(SOURCE, "BDPM", CIP7, domain="Drug"), LINKS_OF_ATC[0], INGREDIENT)
    assert targets(world, "CIP7", CIP7) == [(0, "unmapped", None)]


# Maps


@pytest.mark.parametrize(
    ("nomenclature", "code"), [("CCAM", "AAAA001"), ("NABM", "552"), ("LPP", "1234567"), ("CSARR", "AAA+001")]
)
@pytest.mark.parametrize("origin", [USER, PROJECT])
def test_acts_biology_and_devices_have_the_targets_of_the_maps(world, nomenclature, code, origin):
    world.line(origin, nomenclature, code, ACT)
    (row,) = on(resolved(world, (nomenclature, code)))
    assert (row["target_concept_id"], row["status"], row["precision"]) == (ACT, "mapped", "code")
    assert (row["origin"], row["target_domain_id"]) == (origin, "Procedure")
    assert row["source_concept_id"] == nomenclatures()[nomenclature].local_id(code) > 2_000_000_000


def test_an_act_of_the_ccam_is_found_without_its_extension(world):
    world.concept(SOURCE, "CCAM", "AAAA001", domain="Procedure")
    world.line(PROJECT, "CCAM", "AAAA001", ACT)
    assert targets(world, "CCAM", "AAAA001-02") == [(ACT, "mapped", "trimmed")]


def test_the_users_map_is_before_the_vocabulary_and_this_before_the_project(world):
    world.line(PROJECT, "CIM10", "A001", ACT)
    assert targets(world, "CIM10", "A001") == [(ACT, "mapped", "code")]
    world.relate(world.concept(SOURCE, "CIM10", "A00.1"), MAPS_TO, PAIN)
    assert targets(world, "CIM10", "A001") == [(PAIN, "mapped", "code")]
    world.line(USER, "CIM10", "A001", FEVER)
    assert targets(world, "CIM10", "A001") == [(FEVER, "mapped", "code")]


def test_the_users_line_for_a_cip13_is_before_that_for_its_cip7(world):
    """Whichever of the two texts sorts first: 3000001 < 3400930000011."""
    world.line(USER, "CIP13", "3400930000011", DRUG)
    world.line(USER, "CIP7", "3000001", INGREDIENT)
    assert targets(world, "CIP13", "3400930000011") == [(DRUG, "mapped", "code")]
    assert targets(world, "CIP7", "3000001") == [(INGREDIENT, "mapped", "code")]


def test_the_users_zero_is_a_decision(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00.1"), MAPS_TO, PAIN)
    world.line(USER, "CIM10", "A001", 0)
    found = resolved(world, ("CIM10", "A001"))
    (row,) = on(found)
    assert (row["target_concept_id"], row["status"], row["origin"]) == (0, "unmapped", None)
    assert row["source_concept_id"] == SOURCE
    assert found.rejected.num_rows == 0


def test_a_users_target_that_is_refused_is_not_replaced_in_silence(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00.1"), MAPS_TO, PAIN)
    world.line(PROJECT, "CIM10", "A001", PAIN)
    world.line(USER, "CIM10", "A001", 9_999_999)
    found = resolved(world, ("CIM10", "A001"))
    (row,) = on(found)
    assert (row["target_concept_id"], row["status"], row["origin"]) == (0, "rejected", None)
    assert refused(found) == {(USER, 9_999_999, "unknown")}


def test_a_refused_target_of_the_vocabulary_gives_way_to_the_next_and_is_reported(world):
    old = world.concept(9_000_200, invalid="D", end=ON_OFF[0])
    world.relate(world.concept(SOURCE, "CIM10", "A00.1"), MAPS_TO, old)
    found = resolved(world, ("CIM10", "A001"))
    assert on(found)[0]["status"] == "rejected"
    world.relate(world.concept(OTHER, "ICD10", "A00.1"), MAPS_TO, PAIN)
    found = resolved(world, ("CIM10", "A001"))
    assert [(r["target_concept_id"], r["status"]) for r in on(found)] == [(PAIN, "mapped")]
    assert refused(found) == {("vocabulary", old, "invalid")}


def test_the_targets_that_may_be_used_stay_when_one_is_refused(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00.1"), MAPS_TO, PAIN, 9_999_999)
    found = resolved(world, ("CIM10", "A001"))
    assert [(r["target_concept_id"], r["status"]) for r in on(found)] == [(PAIN, "mapped")]
    assert refused(found) == {("vocabulary", 9_999_999, "unknown")}


def test_a_line_of_a_map_holds_between_its_dates(world):
    world.line(PROJECT, "NABM", "552", PAIN)
    world.line(USER, "NABM", "552", FEVER, start=ON_OFF[1], end=dt.date(2017, 12, 31))
    for day, target in [
        (ON_OFF[0], PAIN), (ON_OFF[1], FEVER), (dt.date(2017, 12, 31), FEVER), (dt.date(2018, 1, 1), PAIN)
    ]:  # fmt: skip
        assert targets(world, "NABM", "552", day) == [(target, "mapped", "code")]


def test_a_line_that_ended_before_1970_is_over(world):
    """1970-01-01 is the vocabularies' beginning of time, and a day like others for what ends the day before."""
    world.line(USER, "NABM", "552", FEVER, start=FIRST_DAY, end=dt.date(1969, 12, 31))
    assert targets(world, "NABM", "552", dt.date(1969, 12, 31)) == [(FEVER, "mapped", "code")]
    assert targets(world, "NABM", "552") == [(0, "unmapped", None)]


# Several targets, values


def test_one_code_of_several_targets_is_as_many_rows_in_order(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00.1"), MAPS_TO, FEVER, PAIN)
    rows = on(resolved(world, ("CIM10", "A001")))
    assert [(r["place"], r["target_concept_id"]) for r in rows] == [(1, PAIN), (2, FEVER)]


def test_a_value_stands_on_the_observation_or_measurement(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00.1"), MAPS_TO, PAIN, NOTE)
    world.relate(SOURCE, MAPS_TO_VALUE, YES)
    found = resolved(world, ("CIM10", "A001"))
    assert {r["target_concept_id"]: r["value_as_concept_id"] for r in on(found)} == {PAIN: None, NOTE: YES}
    assert found.rejected.num_rows == 0


def test_a_value_of_the_users_map_stands_on_its_observation(world):
    world.line(USER, "NABM", "552", NOTE)
    world.line(USER, "NABM", "552", YES, relation=MAPS_TO_VALUE)
    (row,) = on(resolved(world, ("NABM", "552")))
    assert (row["target_concept_id"], row["value_as_concept_id"]) == (NOTE, YES)


def test_a_value_without_a_place_is_reported(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00.1"), MAPS_TO, PAIN)
    world.relate(SOURCE, MAPS_TO_VALUE, YES)
    found = resolved(world, ("CIM10", "A001"))
    (row,) = on(found)
    assert (row["target_concept_id"], row["value_as_concept_id"], row["status"]) == (PAIN, None, "mapped")
    assert refused(found) == {("vocabulary", YES, "value without place")}


def test_a_refused_value_is_left_out_and_reported(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00.1"), MAPS_TO, NOTE)
    world.relate(SOURCE, MAPS_TO_VALUE, 9_999_999)
    found = resolved(world, ("CIM10", "A001"))
    (row,) = on(found)
    assert (row["target_concept_id"], row["value_as_concept_id"], row["status"]) == (NOTE, None, "mapped")
    assert refused(found) == {("vocabulary", 9_999_999, "unknown")}


# Codes and concepts in time


@pytest.fixture
def replaced(world) -> World:
    """A code that was replaced at the end of 2015, each with its own target."""
    world.concept(SOURCE, "CIM10", "A00.1", end=ON_OFF[0], invalid="U")
    world.concept(OTHER, "CIM10", "A00.2", start=ON_OFF[1])
    world.relate(SOURCE, REPLACED, OTHER)
    world.relate(OTHER, MAPS_TO, FEVER)
    return world


def test_an_inactive_code_is_remapped_from_the_day_of_its_replacement(replaced):
    replaced.relate(SOURCE, MAPS_TO, PAIN)
    assert targets(replaced, "CIM10", "A001", ON_OFF[0]) == [(PAIN, "mapped", "code")]
    assert targets(replaced, "CIM10", "A001", ON_OFF[1]) == [(FEVER, "remapped", "code")]
    assert on(resolved(replaced, ("CIM10", "A001")))[0]["source_concept_id"] == SOURCE, "the code itself"


def test_an_inactive_code_without_target_is_remapped_on_every_day(replaced):
    for day in (FIRST_DAY, *ON_OFF, LAST_DAY):
        assert targets(replaced, "CIM10", "A001", day) == [(FEVER, "remapped", "code")]


def test_an_inactive_code_keeps_its_target_where_the_replacement_has_none(replaced):
    replaced.relate(SOURCE, MAPS_TO, PAIN)
    replaced.relationships = [r for r in replaced.relationships if r["concept_id_1"] != OTHER]
    assert targets(replaced, "CIM10", "A001", ON_OFF[1]) == [(PAIN, "mapped", "code")]


def test_a_replacement_or_a_target_that_the_vocabulary_took_back_does_not_count(world):
    world.concept(SOURCE, "CIM10", "A00.1", end=ON_OFF[0], invalid="D")
    world.relate(world.concept(OTHER, "CIM10", "A00.2"), MAPS_TO, FEVER)
    world.relate(SOURCE, REPLACED, OTHER, invalid="D")
    world.relate(SOURCE, MAPS_TO, PAIN, invalid="D")
    assert targets(world, "CIM10", "A001") == [(0, "unmapped", None)]


def test_a_chain_of_replacements_is_followed_to_the_one_in_force(replaced):
    end, start = dt.date(2019, 12, 31), dt.date(2020, 1, 1)
    replaced.concept(OTHER, "CIM10", "A00.2", start=ON_OFF[1], end=end, invalid="U")
    replaced.relate(replaced.concept(THIRD, "CIM10", "A00.3", start=start), MAPS_TO, PAIN)
    replaced.relate(OTHER, REPLACED, THIRD)
    replaced.relate(SOURCE, MAPS_TO, NOTE)
    for day, target, status in [
        (ON_OFF[0], NOTE, "mapped"), (ON_OFF[1], FEVER, "remapped"), (end, FEVER, "remapped"), (start, PAIN, "remapped")
    ]:  # fmt: skip
        assert targets(replaced, "CIM10", "A001", day) == [(target, status, "code")]


def test_a_circle_of_replacements_ends(replaced):
    replaced.relate(OTHER, REPLACED, SOURCE)
    replaced.relate(SOURCE, REPLACED, SOURCE)
    assert targets(replaced, "CIM10", "A001", ON_OFF[1]) == [(FEVER, "remapped", "code")]


@pytest.mark.parametrize(("first", "second"), [(SOURCE, OTHER), (OTHER, SOURCE)])
def test_a_code_that_was_used_twice_means_what_it_meant_on_the_day(world, first, second):
    """Whichever of the two concepts has the smaller id."""
    world.relate(world.concept(first, "CIM10", "A00.1", end=ON_OFF[0], invalid="D"), MAPS_TO, PAIN)
    world.relate(world.concept(second, "CIM10", "A00.1", start=ON_OFF[1]), MAPS_TO, FEVER)
    found = resolved(world, ("CIM10", "A001"))
    for day, target, source in [
        (FIRST_DAY, PAIN, first), (ON_OFF[0], PAIN, first), (ON_OFF[1], FEVER, second), (LAST_DAY, FEVER, second)
    ]:  # fmt: skip
        assert [(r["target_concept_id"], r["source_concept_id"]) for r in on(found, day)] == [(target, source)]


def test_two_concepts_of_a_code_with_one_replacement_have_its_target_once(world):
    """One leads there in a step, the other in two."""
    for concept_id, code in [(SOURCE, "A00.1"), (OTHER, "A00.1"), (THIRD, "A00.2")]:
        world.concept(concept_id, "CIM10", code, end=ON_OFF[0], invalid="U")
    world.relate(world.concept(FOURTH, "CIM10", "A00.3"), MAPS_TO, PAIN)
    for old, new in [(SOURCE, FOURTH), (OTHER, THIRD), (THIRD, FOURTH)]:
        world.relate(old, REPLACED, new)
    assert targets(world, "CIM10", "A001") == [(PAIN, "remapped", "code")]


def test_a_code_is_older_than_its_concept(world):
    world.relate(world.concept(SOURCE, "CIM10", "A00.1", start=ON_OFF[1]), MAPS_TO, PAIN)
    assert targets(world, "CIM10", "A001", FIRST_DAY) == [(PAIN, "mapped", "code")]


# What a target must be


@pytest.mark.parametrize("origin", [USER, PROJECT])
@pytest.mark.parametrize(
    ("reason", "concept"),
    [
        ("unknown", None),
        ("invalid", {"standard": "S", "invalid": "U", "end": ON_OFF[0]}),
        ("not standard", {"standard": None}),
        ("not standard", {"standard": "C"}),
        ("wrong domain", {"standard": "S", "domain": "Gender"}),
    ],
)
def test_a_target_exists_is_valid_standard_and_of_a_right_domain(world, origin, reason, concept):
    if concept is not None:
        world.concept(9_000_200, **concept)
    world.line(origin, "NABM", "552", 9_000_200)
    found = resolved(world, ("NABM", "552"))
    (row,) = on(found)
    assert (row["target_concept_id"], row["target_domain_id"], row["status"]) == (0, "Measurement", "rejected")
    assert refused(found) == {(origin, 9_000_200, reason)}


def test_an_act_is_no_visit(world):
    world.line(PROJECT, "PRS_NAT_VISIT", "1111", ACT)
    assert refused(resolved(world, ("PRS_NAT_VISIT", "1111"))) == {(PROJECT, ACT, "wrong domain")}


@pytest.mark.parametrize("relation", [MAPS_TO, REPLACED])
def test_a_refused_target_comes_with_the_concept_that_replaces_it(world, relation):
    world.concept(9_000_200, invalid="U")
    world.relate(9_000_200, relation, PAIN)
    world.relate(9_000_200, relation, world.concept(9_000_050, standard="S", invalid="D"))
    world.line(USER, "NABM", "552", 9_000_200)
    (row,) = resolved(world, ("NABM", "552")).rejected.to_pylist()
    assert (row["reason"], row["replacement_concept_id"]) == ("invalid", PAIN)


# Codes without target


@pytest.mark.parametrize(("nomenclature", "code", "domain"), [
    ("CIM10", "A001", "Condition"), ("CCAM", "AAAA001", "Procedure"), ("NABM", "552", "Measurement"),
    ("LPP", "1234567", "Device"), ("UCD", UCD13, "Drug"), ("GHM", "01A01A", "Observation"),
])  # fmt: skip
def test_a_code_without_target_has_the_domain_and_a_local_concept_of_its_list(world, nomenclature, code, domain):
    (row,) = on(resolved(world, (nomenclature, code)))
    local = nomenclatures()[nomenclature].local_id(code)
    assert row | {"valid_start_date": FIRST_DAY, "valid_end_date": LAST_DAY} == {
        "nomenclature": nomenclature, "code": code, "valid_start_date": FIRST_DAY, "valid_end_date": LAST_DAY,
        "place": 1, "target_concept_id": 0, "target_domain_id": domain, "value_as_concept_id": None,
        "source_concept_id": local, "status": "unmapped", "origin": None, "precision": None,
    }  # fmt: skip
    assert local > 2_000_000_000


@pytest.mark.parametrize(("nomenclature", "code"), [("CIM10", "??"), ("CIP13", "1234567890123"), ("CCAM", "XX")])
def test_a_text_that_is_no_code_of_its_list_has_no_source_concept(world, nomenclature, code):
    (row,) = on(resolved(world, (nomenclature, code)))
    assert (row["source_concept_id"], row["status"]) == (0, "unmapped")


def test_no_codes_and_an_empty_vocabulary_give_empty_tables_of_the_right_shape():
    with duckdb_session() as session:
        codes = pa.table({"nomenclature": pa.array([], pa.string()), "code": pa.array([], pa.string())})
        found = resolve(session, codes, *World().tables())
    assert (found.code_map.schema, found.rejected.schema) == (schema_of(CODE_MAP), schema_of(REJECTED))
    assert (found.code_map.num_rows, found.rejected.num_rows) == (0, 0)


# Against the plain reading

CODES = [
    ("CIM10", "A00"), ("CIM10", "A001"), ("CIM10", "A0012"), ("CIM10", "A00+1"), ("CIM10", "??"),
    ("CCAM", "AAAA001"), ("CCAM", "AAAA001-01"), ("NABM", "552"), ("PRS_NAT_VISIT", "1111"),
    ("CIP13", "3400930000011"), ("CIP13", "3400935000016"), ("CIP7", "3000001"), ("CIP7", "3500001"),
    ("UCD", "9000001"), ("UCD", "3400890000011"), ("UCD", "0000009000001"),
]  # fmt: skip
VOCABULARIES = {
    "CIM10": ["A00", "A00.1", "A00.12"],
    "ICD10": ["A00", "A00.1"],
    "CCAM": ["AAAA001"],
    "BDPM": ["3000001", "3500001"],
    "ATC": ["Z99ZZ01", "Z99ZZ02"],
    "Made": ["X1"],
}
DAYS = [
    dt.date(*day)
    for day in [(1960, 5, 1), (1969, 12, 31), (1970, 1, 1), (2009, 12, 31), (2010, 1, 1), (2015, 6, 1), (2099, 12, 31)]
]
SPELLED = [*CODES, ("CIM10", "A00+"), ("UCD", "9000001"), ("ATC", "Z99ZZ01")]
IDS = range(9_000_001, 9_000_021)
STANDARD_IDS = IDS[-6:]


@st.composite
def worlds(draw) -> World:
    """Small worlds: concepts of few codes, more of them standard than not, any relationship between them."""
    world = World()
    pick = st.sampled_from

    def period() -> dict[str, dt.date]:
        start, end = sorted(draw(st.tuples(pick(DAYS), pick(DAYS))))
        return draw(pick([{}, {"start": start, "end": end}, {"end": end}, {"start": start}]))

    for concept_id in IDS:
        standard = concept_id in STANDARD_IDS
        vocabulary = "Made" if standard else draw(pick(list(VOCABULARIES)))
        world.concept(
            concept_id,
            vocabulary,
            draw(pick(VOCABULARIES[vocabulary])),
            domain=draw(pick(["Condition", "Observation", "Drug", "Visit", "Gender"])),
            standard=draw(pick(["S", "S", "S", "S", "C", None])) if standard else None,
            concept_class=draw(pick(["Ingredient", "Ingredient", "Undefined"])),
            invalid=draw(pick([None, None, None, "U"])),
            **period(),
        )
    others = st.integers(0, len(IDS))  # the last is no concept
    for _ in range(draw(st.integers(0, 30))):
        relation = draw(pick([MAPS_TO, MAPS_TO, MAPS_TO_VALUE, REPLACED, REPLACED, *LINKS_OF_ATC]))
        other = draw(others) if relation == REPLACED else draw(st.integers(len(IDS) - 7, len(IDS)))
        world.relate(draw(pick(IDS)), relation, IDS[0] + other, invalid=draw(pick([None, None, None, "D"])))
    for _ in range(draw(st.integers(0, 10))):
        world.line(
            draw(pick([USER, PROJECT])),
            *draw(pick(SPELLED)),
            draw(pick([0, *STANDARD_IDS, *STANDARD_IDS, IDS[0], 9_999_999])),
            relation=draw(pick([MAPS_TO, MAPS_TO, MAPS_TO, MAPS_TO_VALUE])),
            **period(),
            file=draw(pick(["one", "two"])),
        )
    for _ in range(draw(st.integers(0, 4))):
        world.pack(
            draw(pick(["3000001", "3500001"])),
            draw(pick(["9000001", "9000001", None])),
            draw(pick(["Z99ZZ01", "Z99ZZ02", None])),
        )
    return world


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds(), st.lists(st.tuples(st.sampled_from(CODES), st.dates(FIRST_DAY, LAST_DAY)), max_size=20))
def test_events_have_the_answers_of_the_plain_reading_and_none_is_lost_or_counted_twice(world, drawn):
    events = [*drawn, *itertools.product(CODES, [FIRST_DAY, dt.date(1970, 1, 2), dt.date(2012, 2, 29), *DAYS])]
    resolution = resolved(world, *CODES)
    every_code_has_one_answer_for_every_day(resolution)

    with duckdb.connect() as connection:
        connection.register("code_map", resolution.code_map)
        connection.register("events", pa.table({
            "event": range(len(events)), "nomenclature": [n for (n, _), _ in events],
            "code": [c for (_, c), _ in events], "day": pa.array([day for _, day in events], pa.date32()),
        }))  # fmt: skip
        joined = connection.sql("""
            SELECT e.event, m.* FROM events e JOIN code_map m USING (nomenclature, code)
            WHERE e.day BETWEEN m.valid_start_date AND m.valid_end_date ORDER BY e.event, m.place
        """).to_arrow_table().to_pylist()  # fmt: skip
    rows_of = {n: list(rows) for n, rows in itertools.groupby(joined, lambda row: row["event"])}

    statuses = dict.fromkeys(("mapped", "remapped", "unmapped", "rejected"), 0)
    refused_targets: set[tuple] = set()
    for n, ((nomenclature, code), day) in enumerate(events):
        rows = rows_of[n]
        plain = answer(nomenclature, code, day, world)
        found = [(r["target_concept_id"], r["target_domain_id"], r["value_as_concept_id"]) for r in rows]
        nothing = {(0, nomenclatures()[nomenclature].domain, None)}
        assert set(found) == (plain.targets or nothing), (nomenclature, code, day)
        assert len(found) == len(set(found)), "no target twice"
        assert [r["place"] for r in rows] == list(range(1, len(rows) + 1))
        said = {(r["status"], r["origin"], r["precision"], r["source_concept_id"]) for r in rows}
        assert said == {(plain.status, plain.origin, plain.precision, plain.source_concept_id)}, (code, day)
        statuses[rows[0]["status"]] += 1
        refused_targets |= {(nomenclature, code, *r) for r in plain.refused}
    assert sum(statuses.values()) == len(events), "mapped, remapped, unmapped and rejected add up"

    # The days of the events hold every period of every code, so the refused targets are all there are.
    names = ("nomenclature", "code", "origin", "target_concept_id", "reason")
    reported = [tuple(r[name] for name in names) for r in resolution.rejected.to_pylist()]
    assert set(reported) == refused_targets
    assert len(reported) == len(set(reported)), "a refused target is one row"


def every_code_has_one_answer_for_every_day(resolution: Resolution) -> None:
    """The periods of a code follow each other from the first day to the last; one answer in each."""
    rows = resolution.code_map.to_pylist()
    assert {(r["nomenclature"], r["code"]) for r in rows} == set(CODES)
    for key, of_code in itertools.groupby(rows, lambda r: (r["nomenclature"], r["code"])):
        periods = sorted({(r["valid_start_date"], r["valid_end_date"]) for r in of_code})
        assert (periods[0][0], periods[-1][1]) == (FIRST_DAY, LAST_DAY), key
        for (_, end), (start, _) in itertools.pairwise(periods):
            assert start == end + dt.timedelta(days=1), key
