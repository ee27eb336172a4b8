"""Stays in rehabilitation, at home and in psychiatry: parts over New Year, weeks and sequences, one row per event."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from markupsafe import Markup

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.reception import report as report_module
from snds_omop_assets.reception.deliveries import check_delivery
from snds_omop_assets.reception.findings import Status
from snds_omop_assets.settings import Settings
from snds_omop_assets.synthetic.days import day_of
from snds_omop_assets.synthetic.lives import (
    DIAGNOSIS,
    DRUG,
    HAD,
    NO_CODE,
    PROCEDURE,
    PSY,
    REHABILITATION,
    SSR,
    TEMPORARY_DRUG,
    THROMBOLYTIC,
    TRANSFER,
    Lives,
)
from snds_omop_assets.synthetic.pmsi.had import diagnosis_table, had_rows
from snds_omop_assets.synthetic.pmsi.psychiatry import psychiatry_rows
from snds_omop_assets.synthetic.pmsi.ssr import ssr_rows
from snds_omop_assets.synthetic.population import make_people
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, rule, rules
from snds_omop_assets.synthetic.scenario import Block, Scenario
from snds_omop_assets.synthetic.settle import Settled, settle
from snds_omop_assets.synthetic.world import make_world
from snds_omop_assets.synthetic.writing import CSV, PARQUET, DeliveryWriter, Format

PERSONS = 900
PLAIN = Scenario(persons=2 * PERSONS, years=(2016, 2019), traps={})
TRAPPED = replace(PLAIN, traps={**Scenario().traps, "repeated_weeks": 1.0, "diagnosis_extensions": 0.3,
                                "grouping_errors": 0.05, "return_codes": 0.05, "dummy_pseudonym": 0.05})  # fmt: skip

KINDS = {
    # kind: its file, hospitals, group, unit, key of a stay, table of slices
    SSR: (ssr_rows, "ssr", "GME:0147A1", "UM:52", ["ETA_NUM", "RHA_NUM"], "T_SSR_B"),
    HAD: (had_rows, "had", "GHT:07", "UM:50", ["ETA_NUM_EPMSI", "RHAD_NUM"], "T_HAD_B"),
    PSY: (psychiatry_rows, "psy", "GHT:01", "UM:50", ["ETA_NUM_EPMSI", "RIP_NUM"], "T_RIP_RSA"),
}
MAIN = "CIM10:I639"


def lived(block: Block) -> Settled:
    """Stays of all lengths, one for each of many people who do not die, with something of everything in some."""
    world = make_world(block.scenario)
    people = make_people(block, world)
    lives = Lives(block, world, people)
    chance = np.random.default_rng(7)
    there = np.flatnonzero((people.birth < lives.begins - 5000) & (people.death > lives.ends + 500))
    for place, (kind, (_, hospitals, group, unit, _, _)) in enumerate(KINDS.items()):
        who = there[place::3]
        start = chance.integers(lives.begins, lives.ends + 1, len(who))
        start[:40] = day_of(2018) - chance.integers(0, 9, 40)
        nights = np.where(chance.random(len(who)) < 0.3, chance.integers(0, 8, len(who)),
                          chance.integers(8, 300, len(who)))  # fmt: skip
        half = chance.random(len(who)) < 0.5
        for related, those in (("CIM10:G819", half), (None, ~half)):
            rows = lives.admit(
                who[those], start[those], nights[those], kind=kind, diagnosis=MAIN, related=related, group=group,
                unit=unit, hospital=lives.where(hospitals, who[those]), partial=chance.random(those.sum()) < 0.3,
                entered=TRANSFER, emergency=False,
            )  # fmt: skip
            some = rows[::3]
            lives.note(rows, "CIM10:I10")
            lives.note(rows[::2], "CIM10:E119")
            lives.note(some, MAIN)
            lives.note(some, "CIM10:E440")
            lives.note(some, "CIM10:I10")
            for delay in (0, 20, 90):
                lives.operate(some, "CCAM:DEQP003", delay)
            lives.operate(some, "CCAM:DEQP003", 20, activity=4)
            lives.give(some, "UCD:0000009801009", 10, 4)
            lives.give(rows[::5], "UCD:0000009261104", 3, 1, TEMPORARY_DRUG)
            lives.give(rows[::7], "UCD:0000009801011", 1, 1, THROMBOLYTIC)
            if kind == SSR:
                for delay in range(0, 100, 9):
                    lives.rehabilitate(rows, "CSARR:NKR+130", delay, 2)
    return settle(lives)


@cache
def settled(trapped: bool = False, number: int = 0) -> Settled:
    return lived(Block(TRAPPED if trapped else PLAIN, number, number * PERSONS, PERSONS))


@cache
def made(kind: int, trapped: bool = False, number: int = 0) -> list[SourceRows]:
    return KINDS[kind][0](settled(trapped, number))


def frame(kind: int, table: str, trapped: bool = False, number: int = 0) -> pl.DataFrame:
    """A table of all years, with its rules, visits and events, in days since 1970."""
    parts = []
    for rows in made(kind, trapped, number):
        if rows.table == table:
            one = pl.from_arrow(pa.table(dict(rows.columns)))
            assert isinstance(one, pl.DataFrame)
            parts.append(one.with_columns(
                pl.col(pl.Categorical).cast(pl.String), pl.lit(rows.year).alias("year"),
                pl.Series("rule", np.array(list(rules()))[rows.rule]),
                pl.Series("visit", rows.visit), pl.Series("event", rows.event),
            ))  # fmt: skip
    told = pl.concat(parts, how="diagonal_relaxed")
    return told.with_columns(pl.col(pl.Date).to_physical().cast(pl.Int64))


def stays_of(kind: int, trapped: bool = False) -> pl.DataFrame:
    """The true stays of a kind that touch the delivered years, and that nothing sets aside."""
    told = settled(trapped)
    good = (told.stays.kind == kind) & (told.stay_rule == rule("visit"))
    good &= (told.stays.end >= PLAIN.first_day) & (told.stays.start <= PLAIN.last_day)
    return pl.DataFrame({
        "visit": told.stay_visit[good], "start": told.stays.start[good], "end": told.stays.end[good],
        "partial": told.stays.partial[good],
    }).with_columns(known=pl.col("end").clip(upper_bound=PLAIN.last_day))  # fmt: skip


def with_visit(kind: int, slices: pl.DataFrame, trapped: bool = False) -> pl.DataFrame:
    """Slices beside the true stay of each, found by table C."""
    key = KINDS[kind][4]
    c = frame(kind, {SSR: "T_SSR_C", HAD: "T_HAD_C", PSY: "T_RIP_C"}[kind], trapped)
    c = c.select(*key, "year", "EXE_SOI_DTD", "EXE_SOI_DTF", stay="visit")
    return slices.join(c, on=[*key, "year"], how="left").join(
        stays_of(kind, trapped).rename({"visit": "stay"}), on="stay", how="inner"
    )


@pytest.mark.parametrize("trapped", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_keys_are_unique_and_columns_are_those_of_the_contract_and_year(kind: int, trapped: bool):
    seen = set()
    for rows in made(kind, trapped):
        contract = official_tables()[rows.table]
        assert set(rows.columns) <= set(contract.columns)
        assert {name for name, column in contract.columns.items() if column.required} <= set(rows.columns)
        assert {len(values) for values in rows.columns.values()} == {len(rows)} == {len(rows.rule)}
        assert (rows.table, rows.year) not in seen
        seen.add((rows.table, rows.year))
    for table in sorted({rows.table for rows in made(kind, trapped)}):
        told, key = frame(kind, table, trapped), [*official_tables()[table].key, "year"]
        if len(key) > 1:
            assert not told.select(key).is_duplicated().any(), table
        link = official_tables()[table].link
        parent = frame(kind, KINDS[kind][5], trapped)
        assert told.join(parent, on=[*link, "year"], how="anti").is_empty() if link else True, table


@pytest.mark.parametrize("kind", KINDS)
def test_who_never_was_in_hospital_has_no_rows(kind: int):
    block = Block(PLAIN, 0, 0, 3)
    world = make_world(PLAIN)
    assert KINDS[kind][0](settle(Lives(block, world, make_people(block, world)))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_block_has_the_same_numbers(kind: int):
    key = [*KINDS[kind][4], "year"]
    one, other = (frame(kind, KINDS[kind][5], False, number).select(key).unique() for number in (0, 1))
    assert len(one) and len(other) and one.join(other, on=key, how="inner").is_empty()
    assert set(one[key[0]]) & set(other[key[0]]), "they share hospitals"


@pytest.mark.parametrize("kind", KINDS)
def test_a_running_stay_stands_in_each_year_under_another_number_and_makes_one_visit(kind: int):
    c = frame(kind, {SSR: "T_SSR_C", HAD: "T_HAD_C", PSY: "T_RIP_C"}[kind]).sort("visit", "year")
    true = stays_of(kind)
    assert set(c["visit"]) == set(true["visit"])
    assert c.filter(pl.col("rule") == "visit")["visit"].to_list() == sorted(true["visit"])
    c = c.join(true, on="visit")
    assert (c["EXE_SOI_DTD"] == c["start"]).all()
    assert (c.group_by("visit").agg(pl.max("EXE_SOI_DTF")).join(true, on="visit")
            .select(pl.col("EXE_SOI_DTF") == pl.col("known")).to_series().all())  # fmt: skip
    number = KINDS[kind][4][1]
    later = c.filter(pl.col("visit") == pl.col("visit").shift())
    assert len(later) > 30 and (later["rule"] == "same_visit").all()
    changed = c.with_columns(before=pl.col(number).shift().over("visit"))
    assert changed.filter(pl.col("before") == pl.col(number)).is_empty()
    ends = c.filter(pl.col("visit") == pl.col("visit").shift(-1))
    assert (ends["EXE_SOI_DTF"] <= pl.Series([day_of(year + 1) - 1 for year in ends["year"]])).all()


def weeks_of(trapped: bool = False) -> pl.DataFrame:
    """T_SSR_B with the first and last day of each week."""
    weeks = with_visit(SSR, frame(SSR, "T_SSR_B", trapped), trapped).with_columns(
        present=pl.col("JP_HWE") + pl.col("JP_WE")
    )
    assert (weeks["present"].str.len_chars() == 7).all()
    begin = pl.col("present").str.find("1").cast(pl.Int64)
    until = 6 - pl.col("present").str.reverse().str.find("1").cast(pl.Int64)
    since = pl.col("RHS_ANT_SEJ_ENT").cast(pl.Int64)
    return weeks.with_columns(
        first=pl.when(since == 0).then(pl.col("EXE_SOI_DTD")).otherwise(pl.col("EXE_SOI_DTD") + since + begin),
        last=pl.when(since == 0).then(pl.col("EXE_SOI_DTD") + until - begin).otherwise(
            pl.col("EXE_SOI_DTD") + since + until
        ),
    )  # fmt: skip


def test_weeks_are_the_days_of_the_stay():
    weeks = weeks_of().sort("stay", "first")
    assert weeks["first"].is_not_null().all()
    assert ((weeks["first"] + 3) // 7 == (weeks["last"] + 3) // 7).all(), "Monday to Sunday"
    spans = weeks.group_by("stay", "start", "known", "partial").agg(
        pl.min("first"), pl.max("last"), (pl.col("last") - pl.col("first") + 1).sum().alias("days"),
        pl.col("present").str.count_matches("1").sum().alias("present"),
    )  # fmt: skip
    monday = PLAIN.first_day - (PLAIN.first_day + 3) % 7
    begins = spans["start"].clip(lower_bound=monday)
    assert (spans["first"] == begins).all() and (spans["last"] == spans["known"]).all()
    whole = spans.filter(~pl.col("partial"))
    expected = whole["known"] - whole["start"].clip(lower_bound=monday) + 1
    assert (whole["days"] == expected).all() and (whole["present"] == expected).all()
    assert spans.filter(pl.col("partial"))["present"].sum() < spans.filter(pl.col("partial"))["days"].sum()
    assert set(weeks.group_by("partial").agg(pl.col("HOS_TYP_UM").unique())["HOS_TYP_UM"].explode()) == {"1", "2"}


def test_a_week_stands_in_the_year_of_its_month_and_once():
    weeks = weeks_of()
    assert (weeks["MOI_ANN"] // 100 == weeks["year"]).all()
    assert not weeks.select("stay", "first").is_duplicated().any()
    first = weeks.filter(pl.col("rule") == "visit")
    assert set(first["stay"]) == set(stays_of(SSR)["visit"]) and len(first) == len(stays_of(SSR))
    assert set(weeks["rule"]) == {"visit", "visit_detail"}
    assert (weeks["SOR_MOD"].is_not_null() == (weeks["last"] == weeks["end"])).all()


def test_weeks_of_the_year_before_stand_again_with_what_hangs_on_them():
    weeks = weeks_of(trapped=True)
    again = weeks.filter(pl.col("rule") == "repeated_week")
    assert len(again) > 20 and (again["MOI_ANN"] // 100 < again["year"]).all()
    assert (weeks.filter(pl.col("rule") != "repeated_week").select(pl.col("MOI_ANN") // 100 == pl.col("year"))
            .to_series().all())  # fmt: skip
    key = ["ETA_NUM", "RHA_NUM", "RHS_NUM", "year"]
    for table in ("T_SSR_D", "T_SSR_CSARR"):
        details = frame(SSR, table, trapped=True).join(again.select(key), on=key, how="semi")
        assert len(details) and set(details["rule"]) == {"repeated_week"}
        assert (details["event"] == NO_NUMBER).all() and (details["visit"] == NO_NUMBER).all()
    counts = frame(SSR, "T_SSR_D", trapped=True).group_by(key).len()
    counted = frame(SSR, "T_SSR_B", trapped=True).join(counts, on=key, how="left")
    assert (counted["NBR_DGN"] == counted["len"].fill_null(0)).all()


def test_delays_of_rehabilitation_count_from_the_entry_and_fall_into_their_week():
    key = ["ETA_NUM", "RHA_NUM", "RHS_NUM", "year"]
    for table, delay in (("T_SSR_CSARR", "ENT_DAT_DEL_UM"), ("T_SSR_CCAM", "CCAM_DEL_ENT_UM"),
                         ("T_SSR_MED", "DAT_DELAI")):  # fmt: skip
        told = frame(SSR, table).join(weeks_of().drop("event", "rule", "visit"), on=key)
        day = told["EXE_SOI_DTD"] + told[delay]
        monday = told["first"] - (told["first"] + 3) % 7
        assert len(told) and ((day >= monday) & (day < monday + 7)).all()
        assert set(true_days(told["event"], settled()) - day.to_numpy()) == {0} or table == "T_SSR_CCAM"


def true_days(event: pl.Series, told: Settled) -> np.ndarray:
    """The day of each event of a stay."""
    row = np.searchsorted(told.stay_event, event.to_numpy()).clip(max=len(told.stay_event) - 1)
    return told.stays.start[told.events.stay[row]] + told.events.delay[row]


def test_sub_sequences_add_up_to_the_days_of_the_part():
    told = with_visit(HAD, frame(HAD, "T_HAD_B")).sort("stay", "year", "SEQ_NUM", "SSEQ_NUM")
    parts = told.group_by("stay", "year", "start", "known").agg(pl.col("SSEQ_NBJ").sum(), pl.len())
    assert (parts["len"] > 2).any()
    for stay in parts.iter_rows(named=True):
        begin, end = max(stay["start"], day_of(stay["year"])), min(stay["known"], day_of(stay["year"] + 1) - 1)
        assert stay["SSEQ_NBJ"] == end - begin + 1
    since = told["SEQ_SEJ_NBJ"] + told["SSEQ_SEQ_NBJ"]
    seen = told.with_columns(since=since).filter(pl.col("start") >= PLAIN.first_day)
    before = seen.select((pl.col("SSEQ_NBJ").cum_sum() - pl.col("SSEQ_NBJ")).over("stay")).to_series()
    assert (seen["since"] == before).all(), "the years follow each other"
    assert seen.filter(pl.col("SSEQ_SEJ_DER") == "1")["stay"].n_unique() == seen.filter(
        pl.col("end") == pl.col("known"))["stay"].n_unique()  # fmt: skip


def test_acts_at_home_count_from_their_sub_sequence():
    key = ["ETA_NUM_EPMSI", "RHAD_NUM", "SEQ_NUM", "SSEQ_NUM", "year"]
    b = with_visit(HAD, frame(HAD, "T_HAD_B")).drop("event", "rule", "visit")
    acts = frame(HAD, "T_HAD_A").filter(pl.col("rule") == "event").join(b, on=key)
    day = acts["start"] + acts["SEQ_SEJ_NBJ"] + acts["SSEQ_SEQ_NBJ"] + acts["DEL_DEB_SSEQ"]
    assert len(acts) > 20 and (day.to_numpy() == true_days(acts["event"], settled())).all()
    assert (acts["DEL_DEB_SSEQ"] < acts["SSEQ_NBJ"]).all()


def test_diagnoses_at_home_are_spread_over_three_tables():
    told = settled()
    table = diagnosis_table(told)
    for place, (name, column) in enumerate((("T_HAD_D", "DGN_ASS"), ("T_HAD_DMPP", "DGN_ASS_MPP"),
                                            ("T_HAD_DMPA", "DGN_ASS_MPA"))):  # fmt: skip
        events = frame(HAD, name).filter(pl.col("rule") == "event")
        assert len(events) and events[column].is_not_null().all()
        row = np.flatnonzero(np.isin(told.stay_event, events["event"]))
        assert len(row) and (table[row] == place).all()


def test_the_sites_of_home_care_have_another_column_since_2017():
    for rows in made(HAD):
        if rows.table == "T_HAD_B":
            assert ("ETA_NUM_GEO" in rows.columns) == (rows.year >= 2017)
            assert ("ETA_NUM_TWO" in rows.columns) == (rows.year <= 2017)


def test_expensive_drugs_at_home_are_to_be_divided():
    told = settled(trapped=True)
    drugs = frame(HAD, "T_HAD_MED", trapped=True).filter(pl.col("rule") == "event")
    row = np.searchsorted(told.stay_event, drugs["event"].to_numpy())
    assert (drugs["ADM_NBR"].to_numpy() == told.events.quantity[row] * drugs["SEJ_NBR"].to_numpy()).all()
    assert drugs["SEJ_NBR"].max() > 1 and frame(HAD, "T_HAD_MED")["SEJ_NBR"].max() == 1


def test_sequences_cover_the_stay_and_acts_count_from_the_only_one():
    told = with_visit(PSY, frame(PSY, "T_RIP_RSA"))
    assert told["SEJ_IDT"].is_not_null().all()
    names = told.group_by("stay").agg(pl.col("SEJ_IDT").n_unique(), pl.col("ETA_NUM_EPMSI").first(),
                                      pl.col("SEJ_IDT").first().alias("name"), pl.len())  # fmt: skip
    assert (names["SEJ_IDT"] == 1).all() and not names.select("ETA_NUM_EPMSI", "name").is_duplicated().any()
    for stay in told.group_by("stay", "year", "start", "known").agg("DEL_DAT", "SEQ_COU_NBJ").iter_rows(named=True):
        begin, end = max(stay["start"], day_of(stay["year"])), min(stay["known"], day_of(stay["year"] + 1) - 1)
        slices = sorted(zip(stay["DEL_DAT"], stay["SEQ_COU_NBJ"], strict=True))
        days = [stay["start"] + since + day for since, count in slices for day in range(count)]
        assert days == list(range(begin, end + 1))
    assert told.group_by("partial").agg(pl.col("FOR_ACT").unique().sort()).sort("partial")["FOR_ACT"].to_list() == [
        ["01"], ["20", "21", "23"]]  # fmt: skip
    acts = frame(PSY, "T_RIP_CCAM").filter(pl.col("rule") == "event")
    assert set(acts["year"]) == {2017, 2018, 2019}
    acts = acts.join(told.drop("event", "rule", "visit"), on=["ETA_NUM_EPMSI", "RIP_NUM", "year"])
    day = acts["start"] + acts["DEL_DAT"] + acts["ENT_DAT_DEL"]
    assert not acts["event"].is_duplicated().any()
    assert (day.to_numpy() == true_days(acts["event"], settled())).all()


WRITTEN = {
    SSR: (DIAGNOSIS, PROCEDURE, REHABILITATION, DRUG, TEMPORARY_DRUG),
    HAD: (DIAGNOSIS, PROCEDURE, DRUG, TEMPORARY_DRUG, THROMBOLYTIC),
    PSY: (DIAGNOSIS, PROCEDURE),
}
FIRST = {(HAD, THROMBOLYTIC): 2016, (PSY, PROCEDURE): 2017}


@pytest.mark.parametrize("trapped", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_event_of_a_good_stay_is_made_by_one_row_and_nothing_of_another_stay(kind: int, trapped: bool):
    told = settled(trapped)
    events, stays = told.events, told.stays
    true = set(stays_of(kind, trapped)["visit"])
    day = stays.start[events.stay] + events.delay
    there = np.isin(told.stay_visit[events.stay], list(true)) & np.isin(events.role, WRITTEN[kind])
    there &= (events.role == DIAGNOSIS) | ((day >= PLAIN.first_day) & (day <= PLAIN.last_day))
    for (one, role), year in FIRST.items():
        there &= ~((kind == one) & (events.role == role) & (day < day_of(year)))
    there &= ~((events.role == PROCEDURE) & (events.activity == 4))
    code = told.lives.codes.code[events.code]
    place = np.arange(len(events))
    repeats = (events.role == DIAGNOSIS) & ((code == "I639") | ((code == "I10") & (place > first_i10(told))))
    good = np.isin(told.stay_visit, list(true))
    main, related = told.main_event[good], told.related_event[good & (stays.related != NO_CODE)]
    makers: list[np.ndarray] = []
    loaded = set()
    for rows in made(kind, trapped):
        assert rows.rule is not None and rows.event is not None and rows.visit is not None
        makes = rows.rule == rule("event")
        if rows.table in ("T_SSR_B", "T_HAD_B", "T_RIP_RSA", "T_SSR_C"):
            makes |= rows.rule == rule("visit")
        makers.append(rows.event[makes & (rows.event != NO_NUMBER)])
        buckets = np.array([one.bucket for one in rules().values()])[rows.rule]
        assert (rows.event[buckets != "loaded"] == NO_NUMBER).all()
        loaded |= set(rows.visit[rows.visit != NO_NUMBER].tolist())
    numbers = np.concatenate(makers)
    assert len(numbers) == len(set(numbers.tolist()))
    assert set(numbers.tolist()) == {*told.stay_event[there & ~repeats].tolist(), *main.tolist(), *related.tolist()}
    assert loaded == true


def first_i10(told: Settled) -> np.ndarray:
    """The place of the first I10 of the stay of each event."""
    code = told.lives.codes.code[told.events.code]
    first = np.full(len(told.stays), len(told.events))
    rows = np.flatnonzero(code == "I10")
    np.minimum.at(first, told.events.stay[rows], rows)
    return first[told.events.stay]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stay_that_is_set_aside_takes_all_its_rows_with_it(kind: int):
    told = settled(trapped=True)
    names = {rule(name) for name in ("visit", "same_visit", "visit_detail", "event", "same_diagnosis", "same_act",
                                     "listed_twice", "repeated_week")}  # fmt: skip
    c = {SSR: "T_SSR_C", HAD: "T_HAD_C", PSY: "T_RIP_C"}[kind]
    aside = frame(kind, c, trapped=True).filter(~pl.col("rule").is_in(["visit", "same_visit"]))
    expected = {"return_code", "dummy_identifier"} | ({"grouping_error"} if kind != PSY else set())
    assert expected <= set(aside["rule"])
    assert not (told.stay_rule[told.stays.kind == PSY] == rule("grouping_error")).any()
    key = [*KINDS[kind][4], "year"]
    for table in sorted({rows.table for rows in made(kind, trapped=True)}):
        of_aside = frame(kind, table, trapped=True).join(aside.select(*key, why="rule"), on=key, how="left")
        assert of_aside.filter(pl.col("why").is_not_null()).select(pl.col("rule") == pl.col("why")).to_series().all()
        rest = of_aside.filter(pl.col("why").is_null())["rule"].unique()
        assert {rule(name) for name in rest} <= names


def test_grouping_errors_are_told_by_the_group():
    for table, column, error in (("T_SSR_B", "GRG_GME", "9001Z0"), ("T_HAD_GRP", "GHT_NUM", "99")):
        told = frame(SSR if table == "T_SSR_B" else HAD, table, trapped=True)
        assert ((told[column] == error) == (told["rule"] == "grouping_error")).all()


@pytest.mark.parametrize("form", [CSV, PARQUET])
def test_reception_rejects_nothing(form: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(report_module, "_bars", lambda *_: Markup())
    with DeliveryWriter(tmp_path / "made", form, 1) as writer:
        for kind in KINDS:
            writer.write(made(kind, trapped=True))
    with duckdb.connect(":memory:") as shared:
        monkeypatch.setattr(duckdb, "connect", lambda *_, **__: shared.cursor())
        report = check_delivery(Settings(delivery=tmp_path / "made" / "delivery", warehouse=tmp_path / "warehouse"))
    assert not report.errors and not report.unclaimed
    written = {(rows.table, rows.year): len(rows) for kind in KINDS for rows in made(kind, trapped=True) if len(rows)}
    assert {(receipt.table, receipt.year): receipt.stored for receipt in report.receipts} == written
    assert [receipt.table for receipt in report.receipts if receipt.rejects] == []
    assert [finding for finding in report.findings if finding.status is Status.UNUSABLE] == []
