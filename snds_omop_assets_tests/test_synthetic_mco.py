"""Tables of the MCO and of external care say what the lives say, and each row why it counts or not."""

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from snds_omop_assets.reception.deliveries import check_delivery
from snds_omop_assets.reception.findings import Status
from snds_omop_assets.settings import Settings
from snds_omop_assets.synthetic.care import PATHWAYS
from snds_omop_assets.synthetic.days import day_of
from snds_omop_assets.synthetic.lives import (
    CONSULTATION,
    EXTERNAL,
    EXTERNAL_SSR,
    HAD,
    MCO,
    NO_CODE,
    SSR,
    TEMPORARY_DRUG,
    TRANSFER,
    Lives,
)
from snds_omop_assets.synthetic.people import NOBODY
from snds_omop_assets.synthetic.pmsi.chaining import CARE_CODES, DUMMIES, STAY_CODES
from snds_omop_assets.synthetic.pmsi.external import external_rows
from snds_omop_assets.synthetic.pmsi.mco import mco_rows
from snds_omop_assets.synthetic.population import make_people
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, rule, rules
from snds_omop_assets.synthetic.scenario import Block, Scenario, traps
from snds_omop_assets.synthetic.settle import Settled, settle
from snds_omop_assets.synthetic.world import make_world
from snds_omop_assets.synthetic.writing import DeliveryWriter

PERSONS = 1_500
USUAL = {trap.name: trap.share for trap in traps().values()}
OFTEN = {"return_codes": 0.04, "dummy_pseudonym": 0.04, "grouping_errors": 0.04, "inter_hospital_acts": 0.04,
         "letters_in_numbers": 0.05, "diagnosis_extensions": 0.2, "expensive_drugs_repeated": 0.3,
         "duplicate_transmissions": 1.0, "fictitious_nir": 0.05, "birth_year_unknown": 0.02}  # fmt: skip
SCENARIO = Scenario(persons=2 * PERSONS, years=(2017, 2018), traps=USUAL | OFTEN)
PLAIN = replace(SCENARIO, traps={})
MARCH = day_of(2017, 3, 1)


def block_of(number: int, scenario: Scenario = SCENARIO) -> Block:
    return Block(scenario, number, number * PERSONS, PERSONS)


def empty_lives(scenario: Scenario = PLAIN, number: int = 0) -> Lives:
    world, block = make_world(scenario), block_of(number, scenario)
    return Lives(block, world, make_people(block, world))


@cache
def settled_block(number: int, years: tuple[int, int] = (2017, 2018)) -> Settled:
    """A block of people who live every pathway."""
    lives = empty_lives(replace(SCENARIO, years=years), number)
    for name, live in PATHWAYS.items():
        live(lives, lives.block.chance(name))
    return settle(lives)


@cache
def rows_of_block(number: int, years: tuple[int, int] = (2017, 2018)) -> tuple[SourceRows, ...]:
    settled = settled_block(number, years)
    return (*mco_rows(settled), *external_rows(settled))


def of(made: tuple[SourceRows, ...] | list[SourceRows], table: str) -> list[SourceRows]:
    return [rows for rows in made if rows.table == table]


def column(rows: SourceRows, name: str) -> np.ndarray:
    values = rows.columns[name]
    values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    return np.array(values.to_pylist(), object)


def keys(rows: SourceRows, name: str) -> list[tuple[str, str]]:
    return list(zip(column(rows, "ETA_NUM"), column(rows, name), strict=True))


def key_of(rows: SourceRows) -> str:
    return "SEQ_NUM" if rows.table.endswith("STC") else "RSA_NUM"


def somebody(lives: Lives, count: int = 1) -> np.ndarray:
    """Grown-up people who live through the years and have no twin."""
    people = lives.people
    grown = people.alive(lives.begins) & people.alive(lives.ends) & (people.twin == NOBODY)
    return np.flatnonzero(grown & (people.age(slice(None), lives.begins) > 30))[:count]


def stay(
    lives: Lives, persons: np.ndarray, day: int = day_of(2017, 3, 1), nights: int = 3, **told: object
) -> np.ndarray:
    usual: dict[str, object] = {"diagnosis": "CIM10:S720", "group": "GHM:08C471", "unit": "UM:27",
                                "hospital": lives.where("private", persons)}  # fmt: skip
    return lives.admit(persons, day, nights, **(usual | told))  # type: ignore[arg-type]


def only(made: list[SourceRows], table: str) -> SourceRows:
    (rows,) = of(made, table)
    return rows


@pytest.mark.parametrize("table", ["T_MCO_B", "T_MCO_C", "T_MCO_CSTC", "T_SSR_CSTC"])
def test_keys_are_unique_in_a_year_over_blocks(table: str):
    for year in (2017, 2018):
        found = [key for number in (0, 1) for rows in of(rows_of_block(number), table) if rows.year == year
                 for key in keys(rows, key_of(rows))]  # fmt: skip
        assert found
        assert len(found) == len(set(found))


def test_numbers_are_text_of_ten_and_eight_and_some_begin_with_a_letter():
    numbers = [number for rows in of(rows_of_block(0), "T_MCO_B") for number in column(rows, "RSA_NUM")]
    assert all(re.fullmatch(r"[A-Z0-9]\d{9}", number) for number in numbers)
    assert any(number[0].isalpha() for number in numbers)
    external = [number for rows in of(rows_of_block(0), "T_MCO_CSTC") for number in column(rows, "SEQ_NUM")]
    assert all(re.fullmatch(r"\d{8}", number) for number in external)


def test_each_stay_has_one_row_in_b_and_one_in_c_with_the_same_rule():
    for b, c in zip(of(rows_of_block(0), "T_MCO_B"), of(rows_of_block(0), "T_MCO_C"), strict=True):
        assert keys(b, "RSA_NUM") == keys(c, "RSA_NUM")
        assert (b.rule == c.rule).all()
        assert (b.visit == c.visit).all()


def test_every_delivered_stay_is_there_once_beside_what_comes_again():
    settled = settled_block(0)
    for table, kind in (("T_MCO_C", MCO), ("T_MCO_CSTC", EXTERNAL), ("T_SSR_CSTC", EXTERNAL_SSR)):
        sent = sum(int((rows.rule != rule("duplicate_transmission")).sum()) for rows in of(rows_of_block(0), table))
        assert sent == (settled.stay_delivered & (settled.stays.kind == kind)).sum()
        visits = np.concatenate([rows.visit[rows.visit != NO_NUMBER] for rows in of(rows_of_block(0), table)])
        good = settled.stay_delivered & (settled.stays.kind == kind) & (settled.stay_rule == rule("visit"))
        assert sorted(visits) == sorted(settled.stay_visit[good])


def test_rows_of_what_hangs_on_a_stay_have_a_stay():
    made = rows_of_block(0)
    for rows in made:
        parent = "T_MCO_B" if rows.table[:6] == "T_MCO_" and key_of(rows) == "RSA_NUM" else rows.table[:6] + "CSTC"
        known = {key for one in of(made, parent) if one.year == rows.year for key in keys(one, key_of(rows))}
        assert set(keys(rows, key_of(rows))) <= known


def test_every_event_of_a_good_stay_stands_once():
    settled, stays = settled_block(0), settled_block(0).stays
    good = settled.stay_delivered & (settled.stay_rule == rule("visit"))
    here = good & np.isin(stays.kind, (MCO, EXTERNAL, EXTERNAL_SSR))
    inpatient = here & (stays.kind == MCO)
    events = here[settled.events.stay] & (settled.events.role != CONSULTATION)
    made = rows_of_block(0)
    same = sum(int((rows.rule == rule("same_act")).sum()) for rows in made)
    again = sum(int((rows.rule == rule("same_diagnosis")).sum()) for rows in made)
    said = Counter(
        number for rows in made if rows.event is not None
        for number in rows.event[(rows.event != NO_NUMBER) & (rows.rule != rule("same_diagnosis"))].tolist()
    )  # fmt: skip
    assert set(said.values()) == {1}
    assert set(settled.main_event[inpatient]) <= set(said)
    assert set(settled.related_event[inpatient & (stays.related != NO_CODE)]) <= set(said)
    of_stays = set(settled.stay_event[events])
    assert set(said) <= of_stays | set(settled.main_event) | set(settled.related_event)
    missing = of_stays - set(said)
    assert len(missing) == same + again
    assert same


def test_units_share_the_nights_of_a_stay():
    for b, um in zip(of(rows_of_block(0), "T_MCO_B"), of(rows_of_block(0), "T_MCO_UM"), strict=True):
        nights: Counter[tuple[str, str]] = Counter()
        units: Counter[tuple[str, str]] = Counter()
        for key, part, number in zip(
            keys(um, "RSA_NUM"), column(um, "PAR_DUR_SEJ"), column(um, "UM_ORD_NUM"), strict=True
        ):
            nights[key] += part
            units[key] += 1
            assert int(number) == units[key], "in order"
        assert [nights[key] for key in keys(b, "RSA_NUM")] == list(column(b, "SEJ_NBJ"))
        assert [units[key] for key in keys(b, "RSA_NUM")] == list(column(b, "NBR_RUM"))
        assert max(units.values()) == 2


def test_counts_of_diagnoses_and_acts_are_those_of_the_tables():
    for table, name in (("T_MCO_D", "NBR_DGN"), ("T_MCO_A", "NBR_ACT")):
        for b, details in zip(of(rows_of_block(0), "T_MCO_B"), of(rows_of_block(0), table), strict=True):
            found = Counter(keys(details, "RSA_NUM"))
            assert [found[key] for key in keys(b, "RSA_NUM")] == list(column(b, name))


@pytest.mark.parametrize(("table", "codes"), [("T_MCO_C", STAY_CODES), ("T_MCO_CSTC", CARE_CODES)])
def test_return_codes_tell_the_stays_that_they_set_aside_and_no_other(table: str, codes: tuple[str, ...]):
    for rows in of(rows_of_block(0), table):
        wrong = sum((column(rows, name) != "0").astype(int) for name in codes)
        assert (wrong == (rows.rule == rule("return_code"))).all()
        assert wrong.any()


def test_dummy_pseudonyms_are_spelt_in_four_ways():
    found = set()
    for rows in (*of(rows_of_block(0), "T_MCO_C"), *of(rows_of_block(0), "T_MCO_CSTC")):
        told = column(rows, "NIR_ANO_17")
        assert (np.isin(told, DUMMIES) == (rows.rule == rule("dummy_identifier"))).all()
        found |= set(told[rows.rule == rule("dummy_identifier")])
    assert found == set(DUMMIES)
    assert {len(text) for text in DUMMIES} == {17}


def test_groups_and_types_tell_errors_and_acts_for_other_hospitals():
    for rows in of(rows_of_block(0), "T_MCO_B"):
        error, other = rows.rule == rule("grouping_error"), rows.rule == rule("inter_hospital_act")
        assert ((column(rows, "GRG_GHM") == "90Z00Z") == error).all()
        assert ((column(rows, "TYP_GEN_RSA") != "0") == error).all()
        assert ((column(rows, "SEJ_TYP") == "B") == other).all()
        assert ((column(rows, "ENT_MOD") == "0") == other).all()
        assert ((column(rows, "SOR_MOD") == "0") == other).all()
        assert {None, "A"} <= set(column(rows, "SEJ_TYP"))
        assert error.any() and other.any()


def test_rows_of_a_stay_that_is_set_aside_make_nothing():
    for rows in rows_of_block(0):
        loaded = np.array([one.bucket == "loaded" for one in rules().values()])[rows.rule]
        assert (rows.visit[~loaded] == NO_NUMBER).all()
        assert (rows.event[~loaded] == NO_NUMBER).all()
        told = (rows.visit[loaded] != NO_NUMBER) | (rows.event[loaded] != NO_NUMBER)
        assert told.all()


def test_stays_come_twice_until_2017_under_a_geographic_number_with_the_same_content():
    twice = rule("duplicate_transmission")
    hospitals = settled_block(0).lives.world.hospitals
    others = {number for group in hospitals.twice for number in group}
    for rows in rows_of_block(0):
        again = rows.rule == twice
        assert not again.any() or (rows.year == 2017 and not rows.table.startswith("T_SSR"))
        assert (np.isin(column(rows, "ETA_NUM"), list(others)) == again).all()
    c = of(rows_of_block(0), "T_MCO_C")[0]
    assert {number[:2] for number in column(c, "ETA_NUM")[c.rule == twice]} == {"75", "69", "13"}
    content = [name for name in c.columns if name != "ETA_NUM"]
    table = pa.table({name: pa.array(column(c, name).tolist()) for name in content})
    once = {tuple(row.values()) for row in table.filter(pa.array(c.rule != twice)).to_pylist()}
    assert all(tuple(row.values()) in once for row in table.filter(pa.array(c.rule == twice)).to_pylist())
    external = of(rows_of_block(0), "T_MCO_CSTC")[0]
    assert {number[:2] for number in column(external, "ETA_NUM")[external.rule == twice]} == {"75", "13"}


def test_without_traps_every_row_counts_or_says_an_act_again():
    lives = empty_lives(PLAIN)
    for name, live in PATHWAYS.items():
        live(lives, lives.block.chance(name))
    settled = settle(lives)
    found = {list(rules())[place] for rows in (*mco_rows(settled), *external_rows(settled)) for place in rows.rule}
    # Twins of two sexes do not share a pseudonym; those of one sex are a trap.
    assert found <= {"visit", "visit_detail", "event", "same_visit", "same_act", "same_diagnosis"}


def test_a_diagnosis_that_the_stay_has_said_is_not_noted_again():
    lives = empty_lives()
    rows = stay(lives, somebody(lives), related="CIM10:E119")
    for code in ("E119", "S720", "I10", "I10"):
        lives.note(rows, f"CIM10:{code}")
    settled = settle(lives)
    told = only(mco_rows(settled), "T_MCO_D")
    assert told.columns["ASS_DGN"].to_pylist() == ["I10"]
    assert list(told.event) == list(settled.stay_event)


def test_the_anaesthetists_part_of_an_act_is_the_same_act_and_another_act_is_not():
    lives = empty_lives(replace(PLAIN, traps={"site_with_two_executors": 1.0}))
    rows = stay(lives, somebody(lives))
    lives.operate(rows, "CCAM:NEKA020", 1)
    lives.operate(rows, "CCAM:NEKA020", 1, activity=4)
    lives.operate(rows, "CCAM:NEKA020", 2)
    lives.operate(rows, "CCAM:ZZLP030", 1, activity=4)
    told = only(mco_rows(settle(lives)), "T_MCO_A")
    assert [list(rules())[place] for place in told.rule] == ["event", "same_act", "event", "event"]
    assert list(column(told, "ACV_ACT")) == ["1", "4", "1", "4"]
    assert list(column(told, "ENT_DAT_DEL")) == [1, 1, 2, 1]


def test_an_expensive_drug_on_several_stays_is_to_be_divided():
    lives = empty_lives(replace(PLAIN, traps={"expensive_drugs_repeated": 0.5}))
    rows = stay(lives, somebody(lives, 200))
    lives.give(rows, "UCD:0000009801001", 1, 4)
    told = only(mco_rows(settle(lives)), "T_MCO_MED")
    quantity, stays = column(told, "ADM_NBR"), column(told, "NBR_SEJ")
    assert set(stays) == {1, 2, 3}
    assert (quantity == 4 * stays).all()
    assert (told.event != NO_NUMBER).all()


def test_a_drug_under_temporary_authorisation_may_stand_in_two_tables_and_counts_once():
    lives = empty_lives(replace(PLAIN, traps={"expensive_drugs_repeated": 0.5}))
    rows = stay(lives, somebody(lives, 200))
    lives.give(rows, "UCD:0000009261104", role=TEMPORARY_DRUG)
    settled = settle(lives)
    med, atu = (only(mco_rows(settled), table) for table in ("T_MCO_MED", "T_MCO_MEDATU"))
    assert set(atu.rule) == {rule("event"), rule("listed_twice")}
    assert set(med.rule) == {rule("event")}
    assert len(med) == (atu.rule == rule("listed_twice")).sum()
    told = np.concatenate([med.event, atu.event[atu.rule == rule("event")]])
    assert sorted(told) == sorted(settled.stay_event)


def test_diagnoses_keep_their_code_under_blanks_and_extensions():
    known = set(settled_block(0).lives.codes.code)
    told = [text for rows in of(rows_of_block(0), "T_MCO_B") for text in column(rows, "DGN_PAL")]
    assert all(text.partition("+")[0].strip() in known for text in told)
    assert any("+" in text for text in told)
    assert any(text != text.strip() for text in told)
    assert max(map(len, told)) <= 6
    for b, um in zip(of(rows_of_block(0), "T_MCO_B"), of(rows_of_block(0), "T_MCO_UM"), strict=True):
        main = dict(zip(keys(b, "RSA_NUM"), column(b, "DGN_PAL"), strict=True))
        assert list(column(um, "DGN_PAL")) == [main[key] for key in keys(um, "RSA_NUM")]


def test_ways_in_and_out_tell_what_came_before_and_follows():
    lives = empty_lives()
    person = somebody(lives, 2)
    day = MARCH
    stay(lives, person, day, 3, emergency=True, left=TRANSFER)
    stay(lives, person, day + 3, 20, kind=SSR, group="GME:0836A1", unit="UM:51", entered=TRANSFER, left=TRANSFER)
    stay(lives, person, day + 23, 2, entered=TRANSFER)
    stay(lives, person, day + 25, 20, kind=HAD, group="GHT:01")
    told = only(mco_rows(settle(lives)), "T_MCO_B")
    assert list(column(told, "ENT_PRV")) == ["5", "2"] * 2
    assert list(column(told, "SOR_DES")) == ["2", "6"] * 2


def test_emergencies_have_two_codes_from_2019():
    found = {code for rows in of(rows_of_block(0, (2018, 2019)), "T_MCO_B") if rows.year == 2019
             for code in column(rows, "ENT_PRV")}  # fmt: skip
    assert {"5", "U"} <= found
    assert "U" not in {code for rows in of(rows_of_block(0), "T_MCO_B") for code in column(rows, "ENT_PRV")}


def test_mother_and_child_share_a_pseudonym():
    lives = empty_lives()
    people = lives.people
    first = lives.block.scenario.first_day
    born = (people.mother != NOBODY) & (people.twin == NOBODY) & (people.birth >= first)
    born = np.flatnonzero(born & (people.birth + 4 <= lives.ends) & people.alive(people.birth + 4))
    assert len(born)
    hospital = lives.where("public", people.mother[born])
    mothers = stay(lives, people.mother[born], people.birth[born], 3, hospital=hospital, group="GHM:14Z13A")
    stay(lives, born, people.birth[born], 3, hospital=hospital, group="GHM:15M05A", mother=mothers)
    stay(lives, somebody(lives))
    told = [one for rows in of(mco_rows(settle(lives)), "T_MCO_C") for one in column(rows, "NIR_ANO_MAM")]
    assert {len(one) for one in told} == {32}
    shared = Counter(one for one in told if one.strip())
    assert set(shared.values()) == {2}
    assert len(shared) == len(born)
    assert " " * 32 in told


def test_twins_are_told_by_their_rank_of_birth_where_the_stay_makes_a_visit():
    lives = empty_lives(replace(PLAIN, traps={"same_sex_twins": 1.0}))
    people = lives.people
    twins = np.flatnonzero((people.twin != NOBODY) & people.alive(lives.begins) & people.alive(lives.ends))
    stay(lives, twins)
    stay(lives, twins, day_of(2017, 6, 1), 0, kind=EXTERNAL)
    settled = settle(lives)
    told, external = only(mco_rows(settled), "T_MCO_C"), only(external_rows(settled), "T_MCO_CSTC")
    expected = np.where(people.twin[twins] < twins, "2", "1")
    unknown = told.rule == rule("ambiguous_twin")
    assert unknown.any() and not unknown.all()
    assert list(column(told, "RNG_NAI")) == list(np.where(unknown, None, expected))
    unknown = external.rule == rule("ambiguous_twin")
    assert unknown.any()
    assert list(column(external, "RNG_NAI")) == list(np.where(unknown, None, expected))


def test_consultations_are_fees_and_no_events():
    fees = [code for rows in of(rows_of_block(0), "T_MCO_FCSTC") for code in column(rows, "ACT_COD")]
    facility = [code for rows in of(rows_of_block(0), "T_MCO_FBSTC") for code in column(rows, "ACT_COD")]
    assert "ATU" in {code.strip() for code in facility}
    assert not {code.strip() for code in fees} & {code.strip() for code in facility}
    assert {"C F", "C N", "CS"} <= {code.strip() for code in fees}
    assert any(code != code.strip() for code in fees)
    for rows in (*of(rows_of_block(0), "T_MCO_FCSTC"), *of(rows_of_block(0), "T_MCO_FASTC")):
        assert (rows.event == NO_NUMBER).all()
        assert {len(code) for code in column(rows, "EXE_SPE")} == {2} if "EXE_SPE" in rows.columns else True


def test_who_comes_as_an_emergency_is_billed_for_it():
    lives = empty_lives()
    persons = somebody(lives, 3)
    stay(lives, persons, nights=0, kind=EXTERNAL, emergency=np.array([True, False, True]))
    made = external_rows(settle(lives))
    assert list(column(only(made, "T_MCO_FBSTC"), "ACT_COD")) == ["ATU", "ATU"]


def test_the_same_scenario_gives_the_same_rows():
    settled = settled_block(1)
    for one, other in zip(rows_of_block(1), (*mco_rows(settled), *external_rows(settled)), strict=True):
        assert pa.table(one.columns).equals(pa.table(other.columns))
        assert (one.rule == other.rule).all()


def test_columns_are_those_of_the_year():
    made = rows_of_block(0, (2014, 2015))
    old, new = of(made, "T_MCO_C")
    assert "RNG_NAI" not in old.columns and "RNG_NAI" in new.columns
    assert "TYP_GEN_RSA" not in of(made, "T_MCO_B")[0].columns
    assert "ETA_NUM_GEO" not in of(made, "T_MCO_CSTC")[0].columns


def test_nobody_and_nothing_make_no_rows():
    settled = settle(empty_lives())
    assert mco_rows(settled) == external_rows(settled) == []


def test_the_reception_takes_every_row(tmp_path: Path):
    with DeliveryWriter(tmp_path / "made", "csv", SCENARIO.seed) as writer:
        for number in (0, 1):
            writer.write([rows for rows in rows_of_block(number) if rows.year == 2018])
    report = check_delivery(Settings(delivery=tmp_path / "made" / "delivery", warehouse=tmp_path / "warehouse"))
    assert not report.errors
    assert not report.unclaimed
    assert [(receipt.table, receipt.rejects) for receipt in report.receipts if receipt.rejects] == []
    unusable = {finding.table for finding in report.findings if finding.status is Status.UNUSABLE}
    assert unusable & {receipt.table for receipt in report.receipts} == set()
    stored = {receipt.table: receipt.stored for receipt in report.receipts}
    for table, count in stored.items():
        made = sum(len(rows) for number in (0, 1) for rows in of(rows_of_block(number), table) if rows.year == 2018)
        assert count == made, table
