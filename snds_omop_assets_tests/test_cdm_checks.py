"""The rules of OHDSI's data quality checks hold together, and a project may change their thresholds."""

import csv
from collections import Counter
from datetime import date

import pytest

from snds_omop_assets.contracts.cdm_checks import CHECKS, check_rules, check_types
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.errors import ContractError

HEADER = "check,table,field,concept_id,threshold,reason"


def rules(check, table=None, field=None):
    return [r for r in check_rules() if r.check == check and table in (None, r.table) and field in (None, r.field)]


def argument(check, table, field):
    (rule,) = rules(check, table, field)
    return rule.argument


def overrides(folder, *lines, header=HEADER):
    path = folder / "thresholds.csv"
    path.write_text("\n".join((header, *lines)), encoding="utf-8")
    return path


def field_of(name):
    table, field = name.split(".")
    return next(f for f in cdm_tables()[table].fields if f.name == field)


def test_there_are_27_types_and_each_has_a_rule_and_says_what_it_counts():
    types = check_types()
    assert len(types) == 27
    assert Counter(t.level for t in types.values()) == {"TABLE": 4, "FIELD": 20, "CONCEPT": 3}
    assert {t.category for t in types.values()} == {"Conformance", "Completeness", "Plausibility"}
    assert {t.context for t in types.values()} == {"Verification", "Validation"}
    assert {t.severity for t in types.values()} == {"fatal", "convention", "characterization"}
    assert len({t.description for t in types.values()} - {""}) > 20
    assert {r.check for r in check_rules()} == set(types)


def test_every_rule_is_about_a_table_a_field_or_a_concept_that_exists():
    for rule in check_rules():
        level = check_types()[rule.check].level
        assert (rule.field is None) == (level == "TABLE")
        assert (rule.concept_id is None) == (level != "CONCEPT")
        assert rule.table in cdm_tables()
        assert rule.field is None or rule.field in cdm_tables()[rule.table].schema.names
        assert 0 <= rule.threshold <= 100


def test_no_rule_is_there_twice():
    assert max(Counter((r.check, r.table, r.field, r.concept_id) for r in check_rules()).values()) == 1


def test_rules_are_in_the_order_of_the_types_and_of_the_cdm():
    types, tables = list(check_types()), list(cdm_tables())
    places = [(types.index(r.check), tables.index(r.table)) for r in check_rules()]
    assert places == sorted(places)


def test_what_fields_csv_says_becomes_rules_and_is_not_written_again():
    fields = [(table.name, field) for table in cdm_tables().values() for field in table.fields]
    assert len(rules("cdmField")) == len(rules("cdmDatatype")) == len(rules("measureValueCompleteness")) == len(fields)
    assert {(r.table, r.field) for r in rules("isRequired")} == {(t, f.name) for t, f in fields if f.required}
    assert {(r.table, r.field) for r in rules("isPrimaryKey")} == {(t, f.name) for t, f in fields if f.primary_key}
    assert argument("isForeignKey", "visit_occurrence", "person_id") == "person.person_id"
    assert argument("fkDomain", "person", "gender_concept_id") == "Gender"
    assert argument("cdmDatatype", "person", "year_of_birth") == "integer"
    with CHECKS.open(encoding="utf-8", newline="") as lines:
        written = Counter((line["check"], line["table"], line["field"]) for line in csv.DictReader(lines))
    assert not {check for check, _, _ in written} & {
        "cdmField", "cdmDatatype", "measureValueCompleteness", "isRequired", "isPrimaryKey",
    }  # fmt: skip


def test_values_may_be_missing_only_where_the_field_is_not_required():
    for rule in rules("measureValueCompleteness"):
        assert rule.threshold == (0 if field_of(f"{rule.table}.{rule.field}").required else 100)


def test_a_cdm_needs_persons_and_observation_periods():
    assert {(r.table, r.threshold) for r in rules("cdmTable")} == {("person", 0), ("observation_period", 0)}


def test_domains_that_the_dashboard_leaves_open_are_not_judged():
    assert not rules("fkDomain", "provider", "specialty_concept_id")
    assert not rules("fkDomain", "episode", "episode_object_concept_id")
    assert {r.argument for r in rules("fkClass")} == {"Ingredient"}


@pytest.mark.parametrize("check", ["isForeignKey", "plausibleTemporalAfter", "plausibleStartBeforeEnd"])
def test_what_a_field_is_compared_with_is_a_field_of_the_cdm(check):
    for rule in rules(check):
        assert field_of(rule.argument)


def test_dates_are_compared_with_dates_and_an_end_is_in_the_same_row():
    for rule in (*rules("plausibleTemporalAfter"), *rules("plausibleStartBeforeEnd")):
        assert field_of(rule.argument).type in ("date", "datetime")
    assert {r.argument.split(".")[0] == r.table for r in rules("plausibleStartBeforeEnd")} == {True}


def test_a_source_value_is_judged_with_its_concept_and_a_concept_that_may_be_null_with_its_source_value():
    for rule in rules("sourceValueCompleteness"):
        assert field_of(rule.argument).is_concept
    for rule in (*rules("standardConceptRecordCompleteness"), *rules("sourceConceptRecordCompleteness")):
        if rule.argument is not None:
            assert rule.argument.endswith("_source_value")
            assert field_of(rule.argument)
            assert not field_of(f"{rule.table}.{rule.field}").required
    assert argument("standardConceptRecordCompleteness", "condition_occurrence", "condition_concept_id") is None


def test_a_bound_is_a_number_or_a_day():
    for rule in (*rules("plausibleValueLow"), *rules("plausibleValueHigh")):
        if field_of(f"{rule.table}.{rule.field}").type in ("date", "datetime"):
            assert rule.argument == "today+1" or date.fromisoformat(rule.argument)
        else:
            assert rule.argument == "year+1" or float(rule.argument) >= 0


def test_sexes_and_units_are_ids_of_concepts():
    assert {r.argument for r in (*rules("plausibleGender"), *rules("plausibleGenderUseDescendants"))} == {
        "8507",
        "8532",
    }
    for rule in rules("plausibleUnitConceptIds"):
        assert all(int(unit) > 0 or unit == "-1" for unit in rule.argument.split())


def test_one_rule_may_judge_the_descendants_of_several_concepts():
    (female,) = [r for r in rules("plausibleGenderUseDescendants", "condition_occurrence") if r.argument == "8532"]
    assert len(female.concept_ids) == 7
    assert female.concept_ids[0] == female.concept_id
    assert all(len(r.concept_ids) == 1 for r in rules("plausibleGender"))
    assert rules("cdmTable")[0].concept_ids == ()


def test_a_project_changes_the_threshold_of_one_rule(tmp_path):
    path = overrides(tmp_path, "standardConceptRecordCompleteness,PERSON,gender_concept_id,,12.5,unknown sex is common")
    changed = set(check_rules(path)) - set(check_rules())
    assert [(r.check, r.table, r.field, r.threshold) for r in changed] == [
        ("standardConceptRecordCompleteness", "person", "gender_concept_id", 12.5)
    ]
    assert len(check_rules(path)) == len(check_rules())


def test_an_empty_cell_stands_for_any_and_the_last_line_wins(tmp_path):
    path = overrides(
        tmp_path,
        "plausibleAfterBirth,,,,7,only the year of birth is known",
        "plausibleAfterBirth,death,,,0,none",
        ",,,,,",
    )
    found = {r.table: r.threshold for r in check_rules(path) if r.check == "plausibleAfterBirth"}
    assert found.pop("death") == 0
    assert set(found.values()) == {7}


def test_a_threshold_may_be_set_for_one_concept(tmp_path):
    concept = rules("plausibleGenderUseDescendants")[0].concept_ids[-1]
    path = overrides(tmp_path, f",,,{concept},50,two coders")
    assert {concept in r.concept_ids for r in set(check_rules(path)) - set(check_rules())} == {True}


def test_a_file_of_thresholds_is_read_anew_after_a_correction(tmp_path):
    assert check_rules(overrides(tmp_path, "cdmTable,person,,,100,a test"))[0].threshold == 100
    assert check_rules(overrides(tmp_path, "cdmTable,person,,,0,a test"))[0].threshold == 0


def test_a_file_that_a_spreadsheet_wrote_is_read(tmp_path):
    path = tmp_path / "thresholds.csv"
    path.write_bytes(f'\ufeff{HEADER}\r\ncdmTable,person,,,100,"a reason, in two parts\r\nover two lines"\r\n'.encode())
    assert check_rules(path)[0].threshold == 100


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("isRequierd,,,,5,why", "line 2: no check has check isRequierd;"),
        ("isRequired,persons,,,5,why", "line 2: no check has check isRequired, table persons;"),
        ("isRequired,person,month_of_birth,,5,why", "field month_of_birth;"),
        ("plausibleGender,,,1,5,why", "concept_id 1;"),
        ("isRequired,,,,5,", "line 2: the threshold has no reason;"),
        ("isRequired,,,,,why", "line 2: the threshold must be a percent from 0 to 100, not ''."),
        ("isRequired,,,,five,why", "not 'five'."),
        ("isRequired,,,,101,why", "not '101'."),
        ("isRequired,,,,nan,why", "not 'nan'."),
        ("isRequired,,,,2,5,why", "line 2: there are more cells than columns; write a decimal point"),
    ],
)
def test_a_wrong_line_is_said_in_one_sentence(tmp_path, line, said):
    with pytest.raises(ContractError) as error:
        check_rules(overrides(tmp_path, line))
    assert said in str(error.value)
    assert str(error.value).startswith("thresholds.csv, ")


def test_a_file_without_a_column_or_that_cannot_be_read_is_said_in_one_sentence(tmp_path):
    with pytest.raises(ContractError, match="has no column field; thresholds need the columns check, table, field"):
        check_rules(overrides(tmp_path, header="check;table;field,check,table"))
    with pytest.raises(ContractError, match=r"absent\.csv is not a readable CSV file in UTF-8: FileNotFoundError"):
        check_rules(tmp_path / "absent.csv")
    (tmp_path / "latin.csv").write_bytes("é".encode("latin-1"))
    with pytest.raises(ContractError, match="UnicodeDecodeError"):
        check_rules(tmp_path / "latin.csv")
