"""prepared/beneficiaries: which state of a person is the latest, where the person lives."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets_tests.conftest import only
from snds_omop_assets_tests.made_identities import identified

CAMILLE = {
    "BEN_NIR_PSA": "DPXX:1X", "BEN_NIR_PSA_DELIVERED": "DPXX:01X", "BEN_CDI_NIR": "00", "BEN_SEX_COD": "2",
    "BEN_SEX_COD_DELIVERED": "2", "BEN_NAI_ANN": 1963, "BEN_NAI_MOI": 12, "BEN_RES_DPT": "075", "BEN_RES_COM": "114",
    "ORG_AFF_BEN": "01C751000", "source_file": "IR_BEN_R.csv", "source_line": 2,
}  # fmt: skip


def prepare(*differences):
    """The persons of rows of IR_BEN_R that differ from Camille's, and the rows by rule."""
    found = identified([{**CAMILLE, "source_line": line, **row} for line, row in enumerate(differences, start=2)])
    return found.persons, {rule: rows for (_, rule), rows in found.counts.items()}


def test_a_beneficiary_without_a_usable_year_of_birth_makes_no_person():
    """OMOP cannot hold one; a state that has a year comes before later ones that have none."""
    none = {"BEN_NIR_PSA": "DPXX:2X", "BEN_NAI_ANN": None}
    day = datetime.date(2020, 1, 1)
    persons, rules = prepare({}, none, {"BEN_NAI_ANN": None, "MAX_TRT_DTD": day})
    assert [(person["BEN_NIR_PSA"], person["BEN_NAI_ANN"]) for person in persons] == [("DPXX:1X", 1963)]
    assert rules == {"person": 2, "no_birth_year": 1}


def test_camille_lives_in_paris_14e():
    (person,), rules = prepare({})
    assert (person["commune"], person["department"]) == ("75114", "75")
    assert (person["person_key"], person["person_source_value"]) == ("DPXX:1X", "DPXX:01X")
    assert rules == {"person": 1}


@pytest.mark.parametrize(
    ("dpt", "com", "organism", "commune", "department"),
    [
        ("001", "004", "01C011000", "01004", "01"),
        ("013", "208", "01C131000", "13208", "13"),
        # Corsica is written 20xxx, whatever the code of the department
        ("209", "004", "01C201000", "2A004", "2A"),
        ("209", "033", "01C202000", "2B033", "2B"),
        ("201", "247", "02A201000", "2A247", "2A"),
        ("202", "033", "02A202000", "2B033", "2B"),
        ("020", "033", "01C202000", "2B033", "2B"),
        ("02A", "004", "01C201000", "2A004", "2A"),
        ("209", "999", "01C202000", None, "2B"),
        ("201", "998", "01C999000", None, "2A"),  # no such commune: the department stands
        # overseas: general scheme, MSA (02A), RSI (03A)
        ("097", "105", "01C971000", "97105", "971"),
        ("971", "105", "01C971000", "97105", "971"),
        ("973", "302", "02A973000", "97302", "973"),
        ("974", "411", "03A974000", "97411", "974"),
        ("976", "608", "01C976000", "97608", "976"),
        ("978", "801", "01C971000", "97801", "978"),
        ("979", "999", "01C972000", None, "972"),
        # codes that are no departments: characters 4 and 5 of the organism
        ("099", "999", "01C691000", None, "69"),
        ("000", "000", "01C751000", None, "75"),
        ("888", "114", "01C641000", None, "64"),
        ("991", "999", "01C990000", None, None),
        ("986", "001", "01C990000", None, None),  # Wallis-et-Futuna, not the Vienne
        ("210", "231", "01C211000", None, "21"),  # no such department, not the Aube
        ("098", "735", "01C971000", None, "971"),
        (None, None, "02A351000", None, "35"),
        (None, None, None, None, None),
        # commune said to be unknown: the organism first; commune not delivered: the department of residence
        ("075", "999", "01C781000", None, "78"),
        ("075", "999", None, None, "75"),
        ("075", None, "01C781000", None, "75"),
        # 099 is a commune (33099), though no department
        ("033", "099", "01C331000", "33099", "33"),
    ],
)
def test_commune_and_department_of_residence(dpt, com, organism, commune, department):
    (person,), _ = prepare({"BEN_RES_DPT": dpt, "BEN_RES_COM": com, "ORG_AFF_BEN": organism})
    assert (person["commune"], person["department"]) == (commune, department)


def test_the_latest_state_is_the_person():
    """She moved from Lyon to Paris: last treatment decides, then last update, then the later line loses."""
    day = datetime.date
    persons, rules = prepare(
        {"BEN_RES_DPT": "069", "BEN_RES_COM": "383", "MAX_TRT_DTD": day(2012, 5, 1), "BEN_DTE_MAJ": day(2014, 1, 1)},
        {"MAX_TRT_DTD": day(2013, 5, 1), "BEN_DTE_MAJ": day(2013, 6, 1)},
        {"BEN_RES_DPT": "033", "BEN_RES_COM": "063", "MAX_TRT_DTD": day(2013, 5, 1), "BEN_DTE_MAJ": day(2013, 5, 2)},
        {"BEN_RES_DPT": "059", "BEN_RES_COM": "350", "MAX_TRT_DTD": None},
    )
    assert [person["commune"] for person in persons] == ["75114"]
    assert rules == {"person": 4}


def test_twins_under_one_pseudonym_are_two_persons():
    persons, _ = prepare({"BEN_RNG_GEM": "1"}, {"BEN_RNG_GEM": "2"})
    assert [person["person_source_value"] for person in persons] == ["DPXX:01X1", "DPXX:01X2"]


def test_a_child_covered_by_both_parents_is_one_person():
    persons, rules = prepare(
        {"BEN_NIR_PSA": "mother's", "BEN_IDT_ANO": "child"}, {"BEN_NIR_PSA": "father's", "BEN_IDT_ANO": "child"}
    )
    assert [person["person_key"] for person in persons] == ["child"]
    assert rules == {"person": 2}


def test_the_identifier_is_idt_ano_then_nir_ano_then_the_pseudonym():
    persons, _ = prepare(
        {"BEN_IDT_ANO": "I", "BEN_NIR_ANO": "N"},
        {"BEN_NIR_PSA": "P2", "BEN_NIR_ANO": "N2"},
        {"BEN_NIR_PSA": "P3", "BEN_NIR_PSA_DELIVERED": "P03"},
    )
    assert {person["person_key"] for person in persons} == {"I", "N2", "P3"}
    assert {person["person_source_value"] for person in persons} == {"I", "N2", "P03"}


@pytest.mark.parametrize("code", ["01", "05", "06", "08", "09", "11", "12", "13", "14", "15"])
def test_a_fictitious_nir_is_no_person(code):
    persons, rules = prepare({"BEN_CDI_NIR": code}, {"BEN_NIR_PSA": "DPXX:2X", "BEN_CDI_NIR": "00"})
    assert [person["person_key"] for person in persons] == ["DPXX:2X"]
    assert rules == {"fictitious_identifier": 1, "person": 1}


@pytest.mark.parametrize("code", ["00", "03", "04", "99", None])
def test_every_other_nir_is_a_person(code):
    assert len(prepare({"BEN_CDI_NIR": code})[0]) == 1


def test_a_fictitious_row_does_not_hide_the_true_one():
    day = datetime.date
    (person,), _ = prepare(
        {"BEN_CDI_NIR": "01", "BEN_NAI_ANN": 1955, "MAX_TRT_DTD": day(2014, 1, 1)}, {"MAX_TRT_DTD": day(2013, 1, 1)}
    )
    assert only([person])["BEN_NAI_ANN"] == 1963


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "BEN_NIR_PSA": st.sampled_from("ABC"),
                "BEN_CDI_NIR": st.sampled_from(["00", "01", None]),
                "BEN_RES_DPT": st.sampled_from(["075", "209", "097", "099", "971", None]),
                "BEN_RES_COM": st.sampled_from(["114", "004", "105", "999", None]),
                "MAX_TRT_DTD": st.sampled_from([None, datetime.date(2013, 1, 1), datetime.date(2014, 1, 1)]),
            }
        ),
        max_size=12,
    )
)
def test_every_row_has_one_rule_and_every_person_one_row(rows):
    persons, rules = prepare(*rows)
    assert sum(rules.values()) == len(rows)
    assert rules.get("fictitious_identifier", 0) == sum(row["BEN_CDI_NIR"] == "01" for row in rows)
    assert len(persons) == len({row["BEN_NIR_PSA"] for row in rows if row["BEN_CDI_NIR"] != "01"})
    for person in persons:
        assert person["commune"] is None or person["commune"].startswith(person["department"])
