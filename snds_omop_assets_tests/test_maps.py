"""The project's maps: each line is reviewed, and its concept is known and may stand where the map puts it."""

import csv
from collections import Counter
from datetime import date

import pytest

from snds_omop_assets.vocabulary.maps import (
    CONCEPTS,
    MAPS,
    concepts_of,
    project_maps,
    read_map,
    stored_code,
)
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.shapes import MAP_LINES, MAPS_TO, MAPS_TO_VALUE, RELATIONS, schema_of

NAMED = {
    *("CDM", "CMS Place of Service", "Condition Status", "Domain", "Gender", "Medicare Specialty", "None", "Provider"),
    *("Type Concept", "Visit"),
}
"""Vocabularies whose names anybody may publish: OMOP's own and those of the administration of the United States."""

every_map = pytest.mark.parametrize("name", sorted(path.stem for path in MAPS.glob("*.csv")))


def read(path):
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def concepts():
    return {int(row["concept_id"]): row for row in read(CONCEPTS)}


def written(folder, monkeypatch, *lines):
    """A folder of maps with the one map `ours`."""
    header = "nomenclature,code,label,concept_id,relation,status,evidence,checked_on,remark"
    (folder / "ours.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    monkeypatch.setattr("snds_omop_assets.vocabulary.maps.MAPS", folder)


# Every line


@every_map
def test_every_concept_that_a_map_names_is_known(name, concepts):
    assert {line.concept_id for line in read_map(name)} <= set(concepts)


@every_map
def test_every_target_is_standard_and_of_a_domain_that_its_list_may_have(name, concepts):
    for line in read_map(name):
        if line.concept_id:
            concept = concepts[line.concept_id]
            assert concept["standard"] == "S"
            assert concept["domain_id"] in nomenclatures()[line.nomenclature].domains


@every_map
def test_every_line_says_its_status_its_evidence_and_its_day(name):
    for line in read_map(name):
        assert line.status in ("verified", "proposed", "no target")
        assert (line.status == "no target") == (line.concept_id == 0)
        assert line.evidence or line.status == "no target"
        assert date(2020, 1, 1) <= line.checked_on <= date(2099, 12, 31)


@every_map
def test_every_line_with_a_target_says_the_relation_and_no_other_does(name):
    for line in read_map(name):
        assert line.relation in (RELATIONS if line.concept_id else ("",))


@every_map
def test_every_line_has_a_code_and_a_label_without_blanks_around_them(name):
    for line in read_map(name):
        assert line.code == line.code.strip() != ""
        assert line.label == line.label.strip() != ""


def test_every_list_that_a_map_names_exists():
    assert {line["nomenclature"] for line in project_maps().to_pylist()} <= set(nomenclatures())


def test_no_line_stands_twice_in_all_maps_together():
    lines = project_maps().select(["nomenclature", "code", "relation", "concept_id"]).to_pylist()
    assert len({tuple(line.values()) for line in lines}) == len(lines)


def test_no_code_has_a_target_and_the_decision_that_it_has_none():
    targets = {}
    for line in project_maps().to_pylist():
        targets.setdefault((line["nomenclature"], line["code"]), set()).add(line["concept_id"] != 0)
    assert all(len(found) == 1 for found in targets.values())


# The known concepts


def test_each_known_concept_stands_once_in_the_order_of_ids():
    ids = [int(row["concept_id"]) for row in read(CONCEPTS)]
    assert ids == sorted(set(ids))


def test_every_known_concept_has_a_domain_and_a_vocabulary_and_all_but_0_and_a_domain_are_standard(concepts):
    assert all(row["domain_id"] and row["vocabulary_id"] for row in concepts.values())
    assert {number: row["standard"] for number, row in concepts.items() if row["standard"] != "S"} == {0: "", 56: ""}


def test_no_concept_of_a_licensed_vocabulary_has_a_name(concepts):
    assert {row["vocabulary_id"] for row in concepts.values() if row["concept_name"]} <= NAMED


def test_the_concepts_of_stays_are_known(concepts):
    assert {concepts[number]["domain_id"] for number in (262, 9201, 9202, 9203, 581476)} == {"Visit"}


# What some maps say


def test_every_nature_of_service_is_care_or_joins_care_or_is_none():
    lines = read(MAPS / "services.csv")
    natures = {row["code"]: (row["nature"], int(row["concept_id"])) for row in lines}
    assert {row["nomenclature"] for row in lines} == {"PRS_NAT_VISIT"}
    assert len(natures) == len(lines) == 1348
    assert {nature for nature, _ in natures.values()} == {"care", "accessory", "none"}
    assert all((nature == "care") == (concept != 0) for nature, concept in natures.values())
    told = {"1111": 9202, "1211": 581476, "3313": 581458, "3211": 32036, "4212": 581478, "1157": 5083}
    assert {code: natures[code] for code in told} == {code: ("care", concept) for code, concept in told.items()}
    assert {code for code, (_, concept) in natures.items() if concept == 5083} == {
        "1096", "1157", "1164", "1191", "1192", "3103", "3104", "3105"
    }  # fmt: skip


def test_the_act_and_the_visit_of_a_nature_of_service_are_two_lists():
    lines = {(line["nomenclature"], line["code"]): line["concept_id"] for line in project_maps().to_pylist()}
    assert (lines["PRS_NAT_REF", "3125"], lines["PRS_NAT_VISIT", "3125"]) == (4238738, 9202)
    assert (lines["PRS_NAT_REF", "1111"], lines["PRS_NAT_VISIT", "1111"]) == (0, 9202)


def test_the_map_of_specialties_has_each_code_once(maps):
    lines = [(line.nomenclature, line.code) for line in read_map("specialties")]
    assert len(lines) == len(set(lines)) == 87
    assert concepts_of(maps, "IR_SEX_V") == {"1": 8507, "2": 8532, "0": 0, "9": 0}


@pytest.mark.parametrize(
    ("nomenclature", "code", "concept"),
    [
        ("IR_SPE_V", "1", 38004446),
        ("IR_SPE_V", "6", 45756825),
        ("IR_ACT_V", "26", 38004490),
        ("IR_ACT_V", "50", 38003810),
    ],
)
def test_the_specialties_of_the_story(nomenclature, code, concept):
    found = {(line.nomenclature, line.code): line.concept_id for line in read_map("specialties")}
    assert found[nomenclature, code] == concept


# All maps as one table


def test_the_table_of_maps_has_every_line_of_every_file():
    table = project_maps()
    assert table.schema == schema_of(MAP_LINES)
    files = Counter(table["file"].to_pylist())
    assert files == {path.name: len(read_map(path.stem)) for path in MAPS.glob("*.csv")}
    assert files["services.csv"] == 1348
    assert set(table["origin"].to_pylist()) == {"project map"}
    assert set(table["relation"].to_pylist()) <= set(RELATIONS)
    assert sum(column.null_count for column in table.columns) == 0


def test_a_line_without_target_is_kept_as_a_decision(tmp_path, monkeypatch):
    written(tmp_path, monkeypatch, "CIM10,A00.1,Un code,0,,no target,,2026-01-01,")
    assert project_maps().to_pylist() == [
        {"nomenclature": "CIM10", "code": "A001", "label": "Un code", "relation": MAPS_TO, "concept_id": 0,
         "origin": "project map", "file": "ours.csv", "valid_start_date": date(1970, 1, 1),
         "valid_end_date": date(2099, 12, 31)}
    ]  # fmt: skip


def test_a_map_may_say_the_value_of_an_observation_too(tmp_path, monkeypatch):
    written(
        tmp_path,
        monkeypatch,
        "NABM,0123,Un test,9000001,Maps to,proposed,invented,2026-01-01,",
        "NABM,0123,Un test,9000002,Maps to value,proposed,invented,2026-01-01,",
    )
    lines = [(line["code"], line["relation"], line["concept_id"]) for line in project_maps().to_pylist()]
    assert lines == [("123", MAPS_TO, 9000001), ("123", MAPS_TO_VALUE, 9000002)]


@pytest.mark.parametrize(
    ("nomenclature", "text", "code"),
    [
        ("CIM10", " m54.5 ", "M545"),
        ("CIM10", "M54.5+0", "M545+0"),
        ("CCAM", "lfqk001", "LFQK001"),
        ("CSARR", "pbr+256", "PBR+256"),
        ("GHM", "28z04z", "28Z04Z"),
        ("NABM", "0126", "126"),
        ("LPP", "0101010", "101010"),
        ("PRS_NAT_REF", "01111", "1111"),
        ("PRS_NAT_REF", "1111.0", "1111"),
        ("PRS_NAT_REF", "0000", "0"),
        ("PRS_NAT_REF", "00A", "00A"),
        ("CIP13", "3400934841682", "3400934841682"),
        ("UCD", "0000009123456", "9123456"),
        ("IR_SPE_V", "01", "1"),
        ("AUT_TYP1_UM", "01A", "01A"),
        ("AUT_TYP1_UM", "04", "04"),
        ("MS_SOR_V", "-2", "-2"),
        ("SNDS_TYPE", "pmsi_stay", "pmsi_stay"),
    ],
)
def test_a_code_is_spelled_as_the_store_spells_it(nomenclature, text, code):
    assert stored_code(nomenclatures()[nomenclature], text) == code


@every_map
def test_the_maps_are_written_as_the_store_spells_but_for_the_dot(name):
    for line in read_map(name):
        assert stored_code(nomenclatures()[line.nomenclature], line.code) == line.code.replace(".", "")
