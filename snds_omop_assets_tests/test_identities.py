"""prepared/person_identities: which identifiers are one person's, and which are nobody's."""

import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.ids import omop_id
from snds_omop_assets.preparation.identities import MOST_IDENTIFIERS, give_places
from snds_omop_assets.preparation.shapes import MET_PERSONS, schema_of
from snds_omop_assets_tests.conftest import KEY, only
from snds_omop_assets_tests.made_identities import found_in, identified

DAY = datetime.date


def row(psa, rank="1", **more):
    """A row of IR_BEN_R."""
    return {
        "BEN_NIR_PSA": psa, "BEN_NIR_PSA_DELIVERED": psa, "BEN_RNG_GEM": rank, "BEN_CDI_NIR": "00", "BEN_SEX_COD": "2",
        "BEN_NAI_ANN": 1963, "BEN_NAI_MOI": 12, "source_file": "IR_BEN_R.csv", "source_line": 2, **more,
    }  # fmt: skip


def met(psa, rank="1", source="ER_PRS_F", **more):
    """A row of met_persons."""
    return {
        "BEN_NIR_PSA": psa, "BEN_RNG_GEM": rank, "source": source, "BEN_SEX_COD": "1", "birth_year": 1950,
        "last_day": DAY(2019, 5, 1), **more,
    }  # fmt: skip


def test_a_child_is_one_person_under_both_parents_and_alone():
    """Three pseudo-NIR, of which the archive has one; no row names all three."""
    found = identified(
        [row("MOTHER", BEN_NIR_ANO="N"), row("FATHER", "2", BEN_NIR_ANO="N", BEN_IDT_ANO="N", BEN_IDT_TOP="1")],
        archive=[row("OWN", BEN_NIR_ANO=None, BEN_IDT_ANO="N")],
    )
    assert found.groups() == {frozenset({("MOTHER", "1"), ("FATHER", "2"), ("OWN", "1")})}
    assert only(found.persons)["person_key"] == "N"
    assert only(found.persons)["person_id"] == omop_id(KEY, "person", "N")
    own = only(found.identities, BEN_NIR_PSA="OWN")
    assert (own["source"], own["reason"]) == ("IR_BEN_R_ARC", "BEN_IDT_ANO is that of other identifiers of the person")
    assert found.counts == {("IR_BEN_R", "person"): 2, ("IR_BEN_R_ARC", "person"): 1}


def test_links_reach_over_any_number_of_identifiers():
    """Each identifier shares a number only with the next: nobody's numbers are all in one row."""
    chain = []
    for n in range(30):
        chain += [row(f"P{n}", BEN_NIR_ANO=f"N{n}"), row(f"P{n}", BEN_NIR_ANO=f"N{n + 1}", source_line=3)]
    found = identified([row("ALONE"), *chain])
    assert found.groups() == {frozenset({("ALONE", "1")}), frozenset((f"P{n}", "1") for n in range(30))}


def test_a_provisional_number_whose_definitive_one_only_the_archive_knows_is_the_same_person():
    found = identified(
        [row("TEMP", BEN_CDI_NIR="04", BEN_IDT_ANO="TEMP1", BEN_IDT_TOP="0"), row("OWN", BEN_NIR_ANO="N")],
        archive=[row("TEMP", BEN_CDI_NIR="04", BEN_NIR_ANO="N", BEN_IDT_ANO="N", BEN_IDT_TOP="1")],
    )
    assert found.key("TEMP", "1") == found.key("OWN", "1") == "N"


def test_twins_stay_apart_and_a_change_of_scheme_does_not_part_a_person():
    found = identified(
        [
            row("TWINS", "1", BEN_NIR_ANO="N1"), row("TWINS", "2", BEN_NIR_ANO="N2"),
            row("FARMER", "1", BEN_NIR_ANO="N3"), row("FARMER", "0", BEN_NIR_ANO="N3"),
        ]
    )  # fmt: skip
    assert found.key("TWINS", "1") != found.key("TWINS", "2")
    assert found.key("FARMER", "1") == found.key("FARMER", "0")
    assert {(i["BEN_NIR_PSA"], i["persons_of_psa"]) for i in found.identities} == {("TWINS", 2), ("FARMER", 1)}


@pytest.mark.parametrize("code", ["01", "05", "06", "08", "09", "11", "12", "13", "14", "15"])
def test_a_fictitious_identifier_is_nobody_s_and_links_nothing(code):
    found = identified([row("A", BEN_NIR_ANO="N", BEN_CDI_NIR=code), row("B", BEN_NIR_ANO="N"), row("C")])
    fictitious = only(found.identities, BEN_NIR_PSA="A")
    assert (fictitious["rule"], fictitious["person_id"]) == ("fictitious_identifier", None)
    assert (fictitious["person_key"], fictitious["persons_of_psa"]) == (None, 0)
    assert found.groups() == {frozenset({("B", "1")}), frozenset({("C", "1")})}
    assert found.counts[("IR_BEN_R", "fictitious_identifier")] == 1


@pytest.mark.parametrize("dummy", ["x" * 17, "X" * 16 + "D", "X" * 16 + "S", "B" + "X" * 16, "X" * 17 + "1", "x" * 16])
def test_a_row_of_x_stands_for_nobody(dummy):
    """As a pseudo-NIR it makes no person; as a number for life it links nothing."""
    found = identified([row(dummy), row("A", BEN_NIR_ANO=dummy), row("B", BEN_IDT_ANO=dummy)], met=[met(dummy, None)])
    assert found.groups() == {frozenset({("A", "1")}), frozenset({("B", "1")})}
    assert {i["rule"] for i in found.identities if i["BEN_NIR_PSA"] == dummy} == {"dummy_identifier"}
    assert {person["person_key"] for person in found.persons} == {"A1", "B1"}


def test_a_number_that_stands_for_too_many_identifiers_links_nothing_and_is_counted():
    most = [row(f"P{n}", BEN_NIR_ANO="MANY", BEN_IDT_ANO="MANY") for n in range(MOST_IDENTIFIERS)]
    assert len(identified(most).persons) == 1
    found = identified([*most, row("P", BEN_NIR_ANO="MANY", BEN_IDT_ANO="MANY")])
    assert len(found.persons) == len({person["person_id"] for person in found.persons}) == MOST_IDENTIFIERS + 1
    assert found.remarks["numbers that stand for too many identifiers and link nothing"] == 1
    assert "BEN_NIR_ANO stands for too many identifiers" in only(found.identities, BEN_NIR_PSA="P")["reason"]


@pytest.mark.parametrize(
    ("other", "conflict", "told"),
    [
        ({"BEN_SEX_COD": "1"}, "sex", "differ in sex"),
        ({"BEN_NAI_ANN": 1969}, "birth", "differ in year of birth"),
        ({"BEN_NAI_MOI": 11}, "birth", "differ in month of birth"),
        ({"BEN_SEX_COD": "1", "BEN_NAI_MOI": 11}, "sex and birth", "sex; the rows of the person differ in month"),
        ({"BEN_SEX_COD": "9", "BEN_NAI_ANN": None, "BEN_NAI_MOI": None}, None, ""),
    ],
)
def test_what_the_rows_of_a_person_do_not_agree_on_is_told_and_does_not_unlink(other, conflict, told):
    found = identified([row("A", BEN_NIR_ANO="N"), row("B", BEN_NIR_ANO="N", **other)])
    assert len(found.groups()) == 1
    assert {i["conflict"] for i in found.identities} == {conflict}
    assert all(told in i["reason"] for i in found.identities)
    assert found.remarks.get(f"persons whose identifiers differ in {conflict}") == (1 if conflict else None)


def test_who_is_met_and_is_not_in_the_referential_is_a_person_of_the_latest_lines():
    found = identified(
        [row("A")],
        met=[
            met("NEW", BEN_RES_DPT="069", BEN_RES_COM="383", ORG_AFF_BEN="01C691000", last_day=DAY(2018, 1, 1)),
            met("NEW", BEN_RES_DPT="075", BEN_RES_COM="114", ORG_AFF_BEN="01C751000", death_date=DAY(2019, 6, 1)),
            met("NEW", birth_year=None, last_day=DAY(2019, 12, 1)),
            met("NEW", None, "PMSI", birth_year=1951, last_day=DAY(2020, 1, 1)),
            met("STAYS", None, "PMSI", birth_year=1971),
        ],
    )
    new = only(found.persons, person_key="NEW1")
    assert (new["BEN_SEX_COD"], new["BEN_NAI_ANN"], new["BEN_NAI_MOI"]) == ("1", 1950, None)
    assert (new["commune"], new["department"], new["death_date"]) == ("75114", "75", DAY(2019, 6, 1))
    assert only(found.persons, person_key="STAYS")["BEN_NAI_ANN"] == 1971
    told = {(i["BEN_NIR_PSA"], i["BEN_RNG_GEM"]): (i["source"], i["reason"]) for i in found.identities}
    assert told[("NEW", "1")] == ("ER_PRS_F", "met in the facts only")
    assert told[("STAYS", None)] == ("PMSI", "met in the facts only")
    assert ("NEW", None) not in told


@pytest.mark.parametrize("rank", ["1", None])
def test_the_first_care_in_the_year_of_birth_is_told_of_who_has_no_month_of_birth(rank):
    """Whether claims tell it or a stay, which has no rank; care of other years tells nothing."""
    days = (DAY(2018, 3, 2), DAY(2018, 2, 1), DAY(2017, 5, 1), DAY(2019, 1, 1))
    facts = [met("A", rank, "ER_PRS_F" if rank else "PMSI", first_day=day) for day in days]
    for month, told in ((None, DAY(2018, 2, 1)), (4, None)):
        found = identified([row("A", BEN_NAI_ANN=2018, BEN_NAI_MOI=month), row("B", BEN_NAI_MOI=None)], met=facts)
        assert only(found.persons, BEN_NIR_PSA="A")["first_care"] == told
        assert only(found.persons, BEN_NIR_PSA="B")["first_care"] is None


def test_lines_without_a_rank_are_the_only_person_s_under_the_pseudonym():
    found = identified(
        [row("ONE"), row("TWINS", "1"), row("TWINS", "2"), row("SOLE", None), row("NOBODY", BEN_CDI_NIR="06")],
        met=[met("ONE", None), met("TWINS", None), met("SOLE", "1"), met("NOBODY", None)],
    )
    assert found.key("ONE", None) == found.key("ONE", "1")
    assert (
        only(found.identities, BEN_NIR_PSA="ONE", BEN_RNG_GEM=None)["reason"] == "the only person under the pseudo-NIR"
    )
    assert found.key("SOLE", "1") == found.key("SOLE", None)
    assert {i["BEN_RNG_GEM"] for i in found.identities if i["BEN_NIR_PSA"] == "TWINS"} == {"1", "2"}
    assert only(found.identities, BEN_NIR_PSA="NOBODY", BEN_RNG_GEM=None)["rule"] == "fictitious_identifier"
    assert len(found.persons) == 4


def test_the_referential_decides_whether_an_identifier_is_fictitious_and_elsewhere_all_lines_must_say_so():
    found = identified(
        [row("A"), row("B", BEN_CDI_NIR="01")],
        met=[
            met("A", BEN_CDI_NIR="01"), met("B", BEN_CDI_NIR="00"),
            met("C", BEN_CDI_NIR="01"), met("C", BEN_CDI_NIR="00"), met("D", BEN_CDI_NIR="01"),
        ],
    )  # fmt: skip
    rules = {i["BEN_NIR_PSA"]: i["rule"] for i in found.identities}
    assert rules == {"A": None, "B": "fictitious_identifier", "C": None, "D": "fictitious_identifier"}


def test_the_age_in_the_pmsi_does_not_give_a_year_of_birth_to_whom_the_referential_has_none():
    """A person of the referential without a usable year is none of the CDM, with all identifiers."""
    found = identified(
        [row("A", BEN_NIR_ANO="N", BEN_NAI_ANN=None), row("B", BEN_NIR_ANO="N", BEN_NAI_ANN=None)],
        met=[met("A", None, "PMSI", birth_year=1950)],
    )
    assert found.persons == []
    assert {(i["rule"], i["person_id"]) for i in found.identities} == {("no_birth_year", None)}
    assert found.counts == {("IR_BEN_R", "no_birth_year"): 2}


def test_the_date_of_death_is_the_latest_that_any_identifier_knows():
    rows = [row("A", BEN_NIR_ANO="N", BEN_DCD_DTE=DAY(2018, 1, 1)), row("B", BEN_NIR_ANO="N")]
    assert only(identified(rows).persons)["death_date"] == DAY(2018, 1, 1)
    later = identified(rows, met=[met("B", death_date=DAY(2018, 1, 3))])
    assert only(later.persons)["death_date"] == DAY(2018, 1, 3)


def test_the_month_of_death_is_known_where_the_day_is_not():
    rows = [row("A", BEN_NIR_ANO="N", BEN_DCD_AME=201801), row("B", BEN_NIR_ANO="N", BEN_DCD_AME=201712)]
    found = only(identified(rows, met=[met("B", death_month=201802)]).persons)
    assert (found["death_date"], found["death_month"]) == (None, 201802)
    assert only(identified(met=[met("C", death_month=201803)]).persons)["death_month"] == 201803


def test_without_rows_there_is_nobody():
    found = identified()
    assert (found.identities, found.persons, found.counts) == ([], [], {})


IDENTIFIED = st.builds(
    row,
    psa=st.sampled_from([f"PSA{n}" for n in range(6)]),
    rank=st.sampled_from(["1", "2"]),
    BEN_NIR_ANO=st.sampled_from(["N1", "N2", "N3", "N4", None]),
    BEN_IDT_ANO=st.sampled_from(["N1", "I2", None]),
    BEN_CDI_NIR=st.sampled_from(["00", "00", "00", "01"]),
    BEN_NAI_ANN=st.sampled_from([1963, 1963, None]),
    MAX_TRT_DTD=st.sampled_from([None, DAY(2018, 1, 1), DAY(2019, 1, 1)]),
    source_line=st.integers(2, 9),
)
MET = st.builds(
    met,
    psa=st.sampled_from([f"PSA{n}" for n in range(8)]),
    rank=st.sampled_from(["1", "2", None]),
    source=st.sampled_from(["ER_PRS_F", "PMSI"]),
    last_day=st.sampled_from([DAY(2018, 1, 1), DAY(2019, 1, 1)]),
)


def said(found):
    """All that was found, whatever its order."""
    return (
        sorted(map(repr, found.identities)), sorted(map(repr, found.persons)), found.counts, found.remarks
    )  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.lists(IDENTIFIED, max_size=8), st.lists(IDENTIFIED, max_size=4), st.lists(MET, max_size=4), st.randoms())
def test_the_order_of_rows_does_not_matter(ir_ben_r, archive, facts, chance):
    shuffled = [chance.sample(rows, len(rows)) for rows in (ir_ben_r, archive, facts)]
    # Two rows of one file are never the same line.
    for n, line in enumerate([*ir_ben_r, *archive]):
        line["source_line"] = n
    assert said(identified(ir_ben_r, archive, facts)) == said(identified(*shuffled))


@settings(max_examples=10, deadline=None)
@given(st.lists(IDENTIFIED, max_size=8), st.lists(MET, max_size=4))
def test_an_identifier_that_shares_nothing_changes_nothing_for_the_others(ir_ben_r, facts):
    alone, among = identified(ir_ben_r, met=facts), identified([row("UNRELATED"), *ir_ben_r], met=facts)
    rest = [i for i in among.identities if i["BEN_NIR_PSA"] != "UNRELATED"]
    assert sorted(map(repr, rest)) == sorted(map(repr, alone.identities))


@settings(max_examples=20, deadline=None)
@given(st.lists(IDENTIFIED, max_size=10), st.lists(MET, max_size=4))
def test_persons_are_closed_and_whole(ir_ben_r, facts):
    """Whatever shares a number for life is one person, and nothing else is; each identifier and person stands once."""
    found = identified(ir_ben_r, met=facts)
    usable = [line for line in ir_ben_r if line["BEN_CDI_NIR"] == "00"]
    groups = [{(line["BEN_NIR_PSA"], line["BEN_RNG_GEM"])} for line in usable]
    numbers = [{line["BEN_NIR_ANO"], line["BEN_IDT_ANO"]} - {None} for line in usable]
    merged = True
    while merged:
        merged = False
        for a in range(len(groups)):
            for b in range(a):
                joined = groups[a] | groups[b], numbers[a] | numbers[b]
                alike = (groups[a], numbers[a]) == joined == (groups[b], numbers[b])
                if (groups[a] & groups[b] or numbers[a] & numbers[b]) and not alike:
                    (groups[a], numbers[a]), (groups[b], numbers[b]), merged = joined, joined, True
    known = {(line["BEN_NIR_PSA"], line["BEN_RNG_GEM"]) for line in usable}
    assert {frozenset(group & known) for group in found.groups()} - {frozenset()} == set(map(frozenset, groups))
    assert len({(i["BEN_NIR_PSA"], i["BEN_RNG_GEM"]) for i in found.identities}) == len(found.identities)
    assert {i["person_id"] for i in found.identities} - {None} == {person["person_id"] for person in found.persons}
    assert len({person["person_id"] for person in found.persons}) == len(found.persons)
    assert sum(found.counts.values()) == len(ir_ben_r)


def test_the_truth_of_a_synthetic_delivery(synthetic_folder):
    """Every link that the files tell is found, none other; every person is what the latest state says."""
    with duckdb_session(id_key=KEY) as session:
        _give_delivered(session, synthetic_folder)
        found = found_in(session)
    truth = pq.read_table(synthetic_folder / "truth" / "identifiers.parquet").to_pylist()
    who = {(i["BEN_NIR_PSA"], i["BEN_RNG_GEM"]): i["person_key"] for i in found.identities}
    keys, persons = {}, {}
    for line in truth:
        key = who[(line["BEN_NIR_PSA"], str(line["BEN_RNG_GEM"]))]
        if key is not None:
            persons.setdefault(key, set()).add(line["person"])
        if line["certain"]:
            keys.setdefault(line["person"], set()).add(key)
    assert all(len(found_keys) == 1 for found_keys in keys.values())
    assert all(len(of_key) == 1 for of_key in persons.values())
    for table in ("IR_BEN_R", "IR_BEN_R_ARC"):
        rules = pq.read_table(synthetic_folder / "truth" / "rows" / f"{table}.parquet")["rule"].to_pylist()
        assert {rule: rows for (name, rule), rows in found.counts.items() if name == table} == {
            rule: rules.count(rule) for rule in set(rules)
        }
    states = {person["person_key"]: person for person in found.persons}
    for line in pq.read_table(synthetic_folder / "truth" / "persons.parquet").to_pylist():
        (key,) = keys[line["person"]]
        assert (key in states) == (line["year_of_birth"] is not None)
        if key in states:
            state = states[key]
            told = (int(state["BEN_SEX_COD"]), state["BEN_NAI_ANN"], state["BEN_NAI_MOI"])
            assert told == (line["sex"], line["year_of_birth"], line["month_of_birth"])
            assert (state["commune"], state["department"]) == (line["commune"] or None, line["department"])


def _give_delivered(session, folder):
    """The referentials and the persons of ER_PRS_F as reception would give them: codes without `.0`, 1600 unknown."""
    for name in ("IR_BEN_R", "IR_BEN_R_ARC"):
        delivered = pq.read_table(folder / "delivery" / f"{name}.parquet")
        columns = {field: values.to_pylist() for field, values in zip(delivered.column_names, delivered, strict=True)}
        columns = {field: [_received(field, value) for value in values] for field, values in columns.items()}
        columns |= {"BEN_NIR_PSA_DELIVERED": columns["BEN_NIR_PSA"], "BEN_SEX_COD_DELIVERED": columns["BEN_SEX_COD"]}
        columns |= {"source_file": [name] * len(delivered), "source_line": list(range(len(delivered)))}
        schema = official_tables()[name].schema
        nothing = [None] * len(delivered)
        session.give(name, pa.table([pa.array(columns.get(f.name, nothing), f.type) for f in schema], schema))
    files = f"read_parquet('{folder}/delivery/ER_PRS_F_*.parquet', union_by_name = true)"
    lines = session.result(f"""
        SELECT BEN_NIR_PSA, replace(BEN_RNG_GEM, '.0', '') AS BEN_RNG_GEM, 'ER_PRS_F' AS source, BEN_CDI_NIR,
               replace(BEN_SEX_COD, '.0', '') AS BEN_SEX_COD, nullif(CAST(BEN_NAI_ANN AS INT), 1600) AS birth_year,
               BEN_RES_DPT, BEN_RES_COM, ORG_AFF_BEN, NULL AS BEN_CMU_TOP, NULL AS death_date, NULL AS death_month,
               min(EXE_SOI_DTD) AS first_day, max(EXE_SOI_DTD) AS last_day
        FROM {files} GROUP BY ALL
    """)
    session.give("met_persons", lines.select(schema_of(MET_PERSONS).names).cast(schema_of(MET_PERSONS)))
    give_places(session)


def _received(field, value):
    """A delivered value as reception reads it."""
    if isinstance(value, str):
        if field == "BEN_NAI_MOI":
            return int(float(value))
        return value.removesuffix(".0") or None
    unknown = value == 1600 or (isinstance(value, DAY) and value.year == 1600)
    return None if unknown else value
