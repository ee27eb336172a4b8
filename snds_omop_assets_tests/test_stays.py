"""The PMSI: each rule on a few invented rows, from received tables to visits, events and counts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.preparation.shapes import (
    COUNTS,
    DETAILS,
    EVENTS,
    IDENTITIES,
    MET_PERSONS,
    MET_PLACES,
    PERSON_FACTS,
    VISITS,
    Columns,
    schema_of,
)
from snds_omop_assets.preparation.stays import KEPT, PIECES, TABLES, judge_stays, prepare_stays

Row = Mapping[str, object]
Tables = Mapping[str, Sequence[Row]]

ANN, BOB, TWIN = "A" * 17, "B" * 8 + "C" * 9, "T" * 17
YOUNG = "Y" * 17
"""Twins of whom the second has no year of birth."""
IDENTITIES_OF_TESTS: Sequence[Row] = (
    {"BEN_NIR_PSA": ANN, "BEN_RNG_GEM": "1", "person_id": 1, "persons_of_psa": 1},
    {"BEN_NIR_PSA": BOB, "BEN_RNG_GEM": "1", "person_id": 2, "persons_of_psa": 1},
    {"BEN_NIR_PSA": TWIN, "BEN_RNG_GEM": "1", "person_id": 11, "persons_of_psa": 2},
    {"BEN_NIR_PSA": TWIN, "BEN_RNG_GEM": "2", "person_id": 12, "persons_of_psa": 2},
    {"BEN_NIR_PSA": YOUNG, "BEN_RNG_GEM": "1", "person_id": 21, "persons_of_psa": 2},
    {"BEN_NIR_PSA": YOUNG, "BEN_RNG_GEM": "2", "rule": "no_birth_year", "persons_of_psa": 2},
    {"BEN_NIR_PSA": "F" * 17, "BEN_RNG_GEM": "1", "rule": "fictitious_identifier", "persons_of_psa": 0},
)
HOSPITAL = {"ETA_NUM": "340050012"}
STAY = {**HOSPITAL, "RSA_NUM": "0000000001"}
DAY = date(2018, 3, 10)


def mco(entry: date = DAY, exit_day: date = date(2018, 3, 14), psa: str = ANN, **more: object) -> dict[str, list[Row]]:
    """A stay with its summary."""
    of_summary = set(official_tables()["T_MCO_B"].columns) - set(STAY)
    summary = {name: more.pop(name) for name in list(more) if name in of_summary}
    patient: dict[str, object] = {**STAY, "NIR_ANO_17": psa, "EXE_SOI_DTD": entry, "EXE_SOI_DTF": exit_day, **more}
    keys = {name: patient[name] for name in STAY}
    return {"T_MCO_C": [patient], "T_MCO_B": [{**keys, "GRG_GHM": "06M031", "AGE_ANN": 50, "COD_SEX": "2", **summary}]}


def external(**more: object) -> dict[str, list[Row]]:
    """A day of external care."""
    return {"T_MCO_CSTC": [{**HOSPITAL, "SEQ_NUM": "1", "NIR_ANO_17": ANN, "EXE_SOI_DTD": DAY, **more}]}


CARE = {**HOSPITAL, "SEQ_NUM": "1"}


def week(number: str, days: str, before: int, **more: object) -> Row:
    """A week of the SSR, of March 2018 if nothing else is said."""
    return {
        **HOSPITAL,
        "RHA_NUM": "1",
        "RHS_NUM": number,
        "JP_HWE": days[:5],
        "JP_WE": days[5:],
        "RHS_ANT_SEJ_ENT": before,
        "MOI_ANN": 201803,
        "GRG_GME": "0511A1",
        "TYP_GEN_RHA": "0",
        "HOS_TYP_UM": "1",
        "AUT_TYP_UM": "53",
        **more,
    }


def ssr(*weeks: Row, **more: object) -> dict[str, list[Row]]:
    """A stay of rehabilitation from Tuesday 6 March 2018."""
    patient = {
        **HOSPITAL,
        "RHA_NUM": "1",
        "NIR_ANO_17": ANN,
        "EXE_SOI_DTD": date(2018, 3, 6),
        "EXE_SOI_DTF": date(2018, 3, 20),
        **more,
    }
    return {"T_SSR_C": [patient], "T_SSR_B": list(weeks)}


HOME = {"ETA_NUM_EPMSI": "660080003", "RHAD_NUM": "1"}


def had(*parts: Row, **more: object) -> dict[str, list[Row]]:
    """A stay at home."""
    patient = {**HOME, "NIR_ANO_17": ANN, "EXE_SOI_DTD": DAY, "EXE_SOI_DTF": date(2018, 4, 10), **more}
    return {"T_HAD_C": [patient], "T_HAD_B": [{**HOME, "SEQ_NUM": "1", **part} for part in parts]}


PSYCHIATRY = {"ETA_NUM_EPMSI": "830090007", "RIP_NUM": "1"}


def rip(*sequences: Row, **more: object) -> dict[str, list[Row]]:
    """A stay in psychiatry."""
    patient = {**PSYCHIATRY, "NIR_ANO_17": ANN, "EXE_SOI_DTD": DAY, "EXE_SOI_DTF": date(2018, 4, 10), **more}
    return {"T_RIP_C": [patient], "T_RIP_RSA": [{**PSYCHIATRY, "TYP_GEN_RSA": "0", **row} for row in sequences]}


class Reading:
    """What the PMSI of some file years becomes.

    Attributes:
        visits, details, events, facts: rows of the steps of `judge_stays`, over all years of care.
        counts: numbers of source rows by table and rule.
        persons, places: what was met.
        years: the years of care.
    """

    def __init__(self, folder: Path, files: Mapping[int | None, Tables]) -> None:
        for year, tables in files.items():
            received = {name: [_stored(folder / "received" / str(year), name, rows)] for name, rows in tables.items()}
            with duckdb_session(id_key="key") as session:
                prepare_stays(session, received, year, folder / "stays" / str(year))
        stays = folder / "stays"
        for piece, columns in PIECES.items():
            lost = [row for row in _read(stays, piece, columns) if row["care_year"] is None]
            assert not lost, f"rows of {piece} that no year of care would read"
        self.years = sorted({str(row["care_year"]) for row in _read(stays, "stay_parts", PIECES["stay_parts"])})
        made: dict[str, list[Row]] = {name: [] for name in KEPT}
        for care_year in self.years:
            with duckdb_session(id_key="key") as session:
                _give(session, stays, care_year)
                judge_stays(session)
                for name in KEPT:
                    made[name] += session.result(f"SELECT * FROM {name}").cast(schema_of(SHAPES[name])).to_pylist()
        self.visits, self.details = _in_order(made["stay_visits"]), _in_order(made["stay_details"])
        self.events, self.facts = _in_order(made["stay_events"]), made["stay_facts"]
        self.persons = _read(stays, "persons", MET_PERSONS)
        self.places = _read(stays, "places", MET_PLACES)
        self.counts: Counter[tuple[object, object]] = Counter()
        for row in [*made["stay_counts"], *_read(stays, "counts", COUNTS)]:
            assert isinstance(row["row_count"], int)
            assert row["row_count"] > 0
            self.counts[row["source_table"], row["rule"]] += row["row_count"]
        received_rows = Counter(dict.fromkeys(TABLES, 0))
        for tables in files.values():
            received_rows.update({name: len(rows) for name, rows in tables.items()})
        for name, rows in received_rows.items():
            assert sum(count for (table, _), count in self.counts.items() if table == name) == rows, name


SHAPES: Mapping[str, Columns] = {
    "stay_visits": VISITS,
    "stay_details": DETAILS,
    "stay_events": EVENTS,
    "stay_facts": PERSON_FACTS,
    "stay_counts": COUNTS,
}


def _stored(folder: Path, name: str, rows: Sequence[Row]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), official_tables()[name].schema), path)
    return path


def _give(session: Session, stays: Path, care_year: str) -> None:
    for name, columns in PIECES.items():
        session.give_files(f"prepared_{name}", sorted(stays.glob(f"*/{name}/*.parquet")), schema_of(columns))
        session.view(name, f"SELECT * FROM prepared_{name} WHERE care_year = {care_year}")
    session.give("identities", pa.Table.from_pylist(list(IDENTITIES_OF_TESTS), schema_of(IDENTITIES)))


def _read(stays: Path, piece: str, columns: Columns) -> list[Row]:
    rows: list[Row] = []
    for path in sorted(stays.glob(f"*/{piece}/*.parquet")):
        rows += pq.read_table(path, schema=schema_of(columns)).to_pylist()
    return rows


def _in_order(rows: list[Row]) -> list[Row]:
    names = ("visit_start_date", "visit_detail_start_date", "start_date", "code")
    return sorted(rows, key=lambda row: [str(row.get(name)) for name in names])


class Read:
    """Reads some tables, of one file year or several."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *tables: Tables, year: int | None = 2018) -> Reading:
        """The tables, put together, as files of one year."""
        return self.years({year: together(*tables)})

    def years(self, files: Mapping[int | None, Tables]) -> Reading:
        """The tables of each file year."""
        return Reading(self.folder, files)


def together(*tables: Tables) -> Tables:
    """The rows of several under each name."""
    names = {name for some in tables for name in some}
    return {name: [row for some in tables for row in some.get(name, ())] for name in sorted(names)}


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Read]:
    yield Read(tmp_path)


def events(reading: Reading, *columns: str) -> list[tuple[object, ...]]:
    """Some columns of the events."""
    return [tuple(row[name] for name in columns) for row in reading.events]


# Kinds of visit


@pytest.mark.parametrize(
    ("nights", "group", "provenance", "concept"),
    [
        (4, "06M031", None, 9201),
        (4, "06M031", "5", 262),
        (4, "06M031", "U", 262),
        (0, "06M031", None, 9202),
        (0, "06M031", "5", 9203),
        (4, "28Z04Z", "5", 9202),
    ],
)
def test_nights_emergencies_and_sessions_say_the_kind_of_a_stay(
    read: Read, nights: int, group: str, provenance: str | None, concept: int
) -> None:
    made = read(mco(exit_day=date(2018, 3, 10 + nights), GRG_GHM=group, ENT_PRV=provenance))
    assert [row["visit_concept_id"] for row in made.visits] == [concept]
    assert made.counts == {("T_MCO_C", "visit"): 1, ("T_MCO_B", "visit"): 1}


def test_a_stay_without_summary_is_a_visit_of_its_nights(read: Read) -> None:
    made = read({"T_MCO_C": mco()["T_MCO_C"]})
    assert [row["visit_concept_id"] for row in made.visits] == [9201]


def test_a_stay_has_its_person_days_site_and_ways(read: Read) -> None:
    (visit,) = read(mco(ENT_MOD="8", SOR_DES="7", SOR_MOD="7")).visits
    assert (visit["person_id"], visit["visit_start_date"], visit["visit_end_date"]) == (1, DAY, date(2018, 3, 14))
    assert (visit["site"], visit["type"], visit["visit_source_value"]) == ("340050012", "pmsi_stay", "MCO")
    assert (visit["admitted_from_list"], visit["admitted_from"]) == ("MS_ENT_V", "8")
    assert (visit["discharged_to_list"], visit["discharged_to"]) == ("MS_PRV_V_SOR", "7")


def test_an_end_before_the_start_or_unknown_is_the_start(read: Read) -> None:
    made = read(mco(exit_day=date(2018, 3, 1)))
    assert [row["visit_end_date"] for row in made.visits] == [DAY]


def test_external_care_is_outpatient_and_through_emergencies_with_their_fee(read: Read) -> None:
    fee: Tables = {
        "T_MCO_FBSTC": [{**CARE, "ACT_COD": "ATU  ", "EXE_SPE": "1", "ETA_NUM_GEO": "340050099"}],
        "T_MCO_FCSTC": [{**CARE, "ACT_COD": "CS", "EXE_SPE": "33"}],
        "T_MCO_FASTC": [{**CARE, "AGE_ANN": 40}],
    }
    made = read(external(), fee)
    (visit,) = made.visits
    assert (visit["visit_concept_id"], visit["type"], visit["provider"]) == (9203, "pmsi_external", "SPE:33")
    assert (visit["visit_end_date"], visit["site"], visit["visit_source_value"]) == (DAY, "340050099", "ACE MCO")
    assert made.counts["T_MCO_FBSTC", "same_visit"] == made.counts["T_MCO_FCSTC", "same_visit"] == 1
    assert {(row["kind"], row["code"]) for row in made.places} == {("site", "340050099"), ("provider", "SPE:33")}


def test_external_care_without_that_fee_is_outpatient(read: Read) -> None:
    other = {"T_MCO_FBSTC": [{**CARE, "ACT_COD": "FSD"}]}
    assert [row["visit_concept_id"] for row in read(external(), other).visits] == [9202]


def test_external_care_of_rehabilitation_is_outpatient_whatever_is_billed_and_came_once(read: Read) -> None:
    care = {**CARE, "ETA_NUM": "750100018"}
    tables: Tables = {
        "T_SSR_CSTC": [{**care, "NIR_ANO_17": ANN, "EXE_SOI_DTD": date(2017, 3, 10)}],
        "T_SSR_FBSTC": [{**care, "ACT_COD": "ATU"}],
        "T_SSR_FHSTC": [{**care, "UCD_UCD_COD": "9801003", "QUA_COD": 2.0}],
    }
    made = read(tables, year=2017)
    assert [(row["visit_concept_id"], row["visit_source_value"]) for row in made.visits] == [(9202, "ACE SSR")]
    assert events(made, "code", "quantity", "origin") == [("9801003", 2.0, "T_SSR_FHSTC")]


# What is set aside


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({"NIR_RET": "1"}, "return_code"),
        ({"COH_SEX_RET": "9"}, "return_code"),
        ({"GRG_GHM": "90Z00Z"}, "grouping_error"),
        ({"SEJ_TYP": "B"}, "inter_hospital_act"),
        ({"psa": "x" * 17}, "dummy_identifier"),
        ({"psa": "X" * 16 + "D"}, "dummy_identifier"),
        ({"psa": "B" + "X" * 16}, "dummy_identifier"),
        ({"entry": None}, "no_care_date"),
        ({"psa": "F" * 17}, "fictitious_identifier"),
        ({"psa": "N" * 17}, "no_person"),
        ({"psa": TWIN}, "ambiguous_twin"),
        ({"SEJ_TYP": "B", "GRG_GHM": "90Z00Z", "NIR_RET": "1"}, "inter_hospital_act"),
        ({"NIR_RET": "1", "psa": "x" * 17}, "return_code"),
    ],
)
def test_every_row_of_a_stay_that_is_set_aside_has_its_rule(read: Read, told: dict[str, Any], rule: str) -> None:
    made = read(
        mco(**told),
        {
            "T_MCO_A": [{**STAY, "CDC_ACT": "ZCQH001", "ACV_ACT": "1"}],
            "T_MCO_D": [STAY],
            "T_MCO_UM": [{**STAY, "UM_ORD_NUM": "1"}],
        },
    )
    assert made.visits == made.details == made.events == []
    tables = ("T_MCO_C", "T_MCO_B", "T_MCO_A", "T_MCO_D", "T_MCO_UM")
    assert made.counts == {(table, rule): 1 for table in tables}


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("NIR_RET", "return_code"),
        ("IAS_RET", "return_code"),
        ("ENT_DAT_RET", "return_code"),
        ("FAC_AMO_DT_RET", "visit"),
    ],
)
def test_external_care_has_return_codes_of_its_own(read: Read, code: str, rule: str) -> None:
    assert read(external(**{code: "1"})).counts == {("T_MCO_CSTC", rule): 1}


@pytest.mark.parametrize("twin", ["1", "2"])
def test_the_rank_of_birth_tells_twins_apart(read: Read, twin: str) -> None:
    assert [row["person_id"] for row in read(mco(psa=TWIN, RNG_NAI=twin)).visits] == [10 + int(twin)]


@pytest.mark.parametrize(
    ("rank", "persons", "rule"), [("1", [21], "visit"), ("2", [], "no_birth_year"), (None, [], "ambiguous_twin")]
)
def test_the_stay_of_a_twin_without_a_year_of_birth_is_not_the_other_s(
    read: Read, rank: str | None, persons: list[int], rule: str
) -> None:
    made = read(mco(psa=YOUNG, RNG_NAI=rank))
    assert [row["person_id"] for row in made.visits] == persons
    assert made.counts["T_MCO_C", rule] == 1


@pytest.mark.parametrize(
    "made_of",
    [
        mco(),
        had({"SEQ_NUM": "1", "SSEQ_NUM": "1"}),
        rip({"SEQ_SEQ_NUM": "1"}),
        ssr(week("1", "0111111", 0)),
        external(),
    ],
)
def test_stays_are_dated_by_either_of_the_columns_that_say_their_days(
    read: Read, made_of: dict[str, list[Row]]
) -> None:
    days = {"EXE_SOI_DTD": "ENT_DAT", "EXE_SOI_DTF": "SOR_DAT"}
    table = next(name for name in made_of if name.endswith("C"))
    patients = [{days.get(name, name): value for name, value in row.items()} for row in made_of[table]]
    told = [(row["EXE_SOI_DTD"], row.get("EXE_SOI_DTF") or row["EXE_SOI_DTD"]) for row in made_of[table]]
    made = read({**made_of, table: patients})
    assert [(row["visit_start_date"], row["visit_end_date"]) for row in made.visits] == told


def test_rows_whose_stay_is_not_there_are_told(read: Read) -> None:
    lost = {**STAY, "RSA_NUM": "2"}
    made = read(mco(), {"T_MCO_D": [{**lost, "ASS_DGN": "I10"}], "T_MCO_B": [lost], "T_MCO_UM": [lost]})
    assert made.events == []
    assert [made.counts[table, "no_stay"] for table in ("T_MCO_D", "T_MCO_B", "T_MCO_UM")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("finess", "year", "visits"),
    [("750100018", 2017, 0), ("750100018", 2018, 1), ("690787478", 2017, 0), ("750712184", 2017, 1)],
)
def test_stays_came_twice_under_the_numbers_of_hospital_groups_until_2017(
    read: Read, finess: str, year: int, visits: int
) -> None:
    made = read(mco(date(year, 3, 1), date(year, 3, 2), ETA_NUM=finess), year=year)
    assert len(made.visits) == visits
    assert made.counts["T_MCO_C", "duplicate_transmission"] == 1 - visits


def test_lyon_did_not_send_external_care_twice(read: Read) -> None:
    tables = {
        "T_MCO_CSTC": [
            {"ETA_NUM": finess, "SEQ_NUM": "1", "NIR_ANO_17": ANN, "EXE_SOI_DTD": date(2017, 1, 5)}
            for finess in ("690783154", "750100018", "130780521")
        ]
    }
    made = read(tables, year=2017)
    assert made.counts == {("T_MCO_CSTC", "visit"): 1, ("T_MCO_CSTC", "duplicate_transmission"): 2}


def test_columns_that_a_year_does_not_have_set_nothing_aside(read: Read) -> None:
    (visit,) = read(mco(SEJ_TYP=None, GRG_GHM=None), year=None).visits
    assert visit["visit_concept_id"] == 9201


# Running stays


def test_a_running_stay_is_one_visit_of_its_first_day_and_latest_end(read: Read) -> None:
    before = {**PSYCHIATRY, "RIP_NUM": "7"}
    one = rip(
        {"RIP_NUM": "7", "SEQ_SEQ_NUM": "1", "FOR_ACT": "20", "SOR_MOD": None, "DGN_PAL": "F329"},
        RIP_NUM="7",
        EXE_SOI_DTF=None,
    )
    two = rip(
        {"SEQ_SEQ_NUM": "2", "DEL_DAT": 300, "FOR_ACT": "01", "SOR_MOD": "8", "DGN_PAL": "F329"},
        {"SEQ_SEQ_NUM": "3", "DEL_DAT": 330, "FOR_ACT": "01", "SOR_MOD": "8"},
        EXE_SOI_DTF=date(2019, 2, 20),
    )
    made = read.years({2018: {**one, "T_RIP_RSAD": [{**before, "SEQ_SEQ_NUM": "1", "ASS_DGN": "I10"}]}, 2019: two})
    (visit,) = made.visits
    assert made.years == ["2018"]
    assert (visit["visit_start_date"], visit["visit_end_date"]) == (DAY, date(2019, 2, 20))
    assert (visit["visit_concept_id"], visit["discharged_to"], visit["visit_source_value"]) == (9202, "8", "RIP 20")
    assert events(made, "code", "status") == [("F329", "DP"), ("I10", "DAS")]
    assert made.counts == {
        ("T_RIP_C", "visit"): 1,
        ("T_RIP_C", "same_visit"): 1,
        ("T_RIP_RSA", "visit"): 1,
        ("T_RIP_RSA", "same_visit"): 2,
        ("T_RIP_RSAD", "event"): 1,
    }


@pytest.mark.parametrize("first", ["3", "7"])
def test_parts_of_a_stay_in_one_year_are_in_the_order_of_their_days(read: Read, first: str) -> None:
    """Whichever of their numbers is the smaller, and whatever is made of it."""
    second = {"3": "7", "7": "3"}[first]
    one = rip(
        {"RIP_NUM": first, "SEQ_SEQ_NUM": "1", "DEL_DAT": 0, "FOR_ACT": "01", "ENT_MOD": "8", "SOR_MOD": "7"},
        RIP_NUM=first,
    )
    two = rip(
        {"RIP_NUM": second, "SEQ_SEQ_NUM": "1", "DEL_DAT": 20, "FOR_ACT": "20", "ENT_MOD": "7", "SOR_MOD": "8"},
        RIP_NUM=second,
    )
    (visit,) = read(one, two).visits
    assert (visit["visit_source_value"], visit["admitted_from"], visit["discharged_to"]) == ("RIP 01", "8", "8")


def test_a_stay_that_has_not_ended_ends_with_what_is_told_of_it(read: Read) -> None:
    made = read(rip({"SEQ_SEQ_NUM": "1", "DEL_DAT": 0, "SEQ_COU_NBJ": 42}, EXE_SOI_DTF=None))
    assert [row["visit_end_date"] for row in made.visits] == [date(2018, 4, 20)]


def test_stays_of_another_day_or_hospital_are_others(read: Read) -> None:
    one, two = rip({"SEQ_SEQ_NUM": "1"}), rip({"RIP_NUM": "2"}, RIP_NUM="2", EXE_SOI_DTD=date(2018, 3, 11))
    assert len(read(one, two).visits) == 2


def test_sequences_in_error_are_set_aside_with_what_hangs_on_them(read: Read) -> None:
    made = read(
        rip({"SEQ_SEQ_NUM": "1", "DGN_PAL": "F329"}, {"SEQ_SEQ_NUM": "2", "SEQ_IND": "E", "DGN_PAL": "F20"}),
        {"T_RIP_RSAD": [{**PSYCHIATRY, "SEQ_SEQ_NUM": "2", "ASS_DGN": "I10"}]},
    )
    assert events(made, "code") == [("F329",)]
    assert made.counts["T_RIP_RSA", "grouping_error"] == made.counts["T_RIP_RSAD", "grouping_error"] == 1


# Passages


def test_units_follow_each_other_and_a_day_of_moving_belongs_to_the_second(read: Read) -> None:
    units: list[Row] = [
        {**STAY, "UM_ORD_NUM": "2", "PAR_DUR_SEJ": 3, "AUT_TYP1_UM": None},
        {**STAY, "UM_ORD_NUM": "1", "PAR_DUR_SEJ": 1, "AUT_TYP1_UM": "01A", "ETA_NUM_GEO": "340050099"},
    ]
    acts: list[Row] = [
        {**STAY, "CDC_ACT": f"ACTE00{delay}", "ENT_DAT_DEL": delay, "ACV_ACT": "1"} for delay in (0, 1, 4, 9)
    ]
    made = read(mco(), {"T_MCO_UM": units, "T_MCO_A": [*acts, {**acts[0], "CDC_ACT": "TOLD002", "RUM_SEQ": "2"}]})
    first, second = made.details
    assert (first["visit_detail_start_date"], first["visit_detail_end_date"]) == (DAY, date(2018, 3, 11))
    assert (second["visit_detail_start_date"], second["visit_detail_end_date"]) == (
        date(2018, 3, 11),
        date(2018, 3, 14),
    )
    assert (first["preceding_visit_detail_id"], second["preceding_visit_detail_id"]) == (None, first["visit_detail_id"])
    assert (first["unit"], first["unit_type"], second["unit"]) == ("340050099_01A", "01A", None)
    names = {first["visit_detail_id"]: 1, second["visit_detail_id"]: 2, None: None}
    units_of = {row["code"]: names[row["visit_detail_id"]] for row in made.events}
    assert units_of == {"ACTE000": 1, "ACTE001": 2, "ACTE004": 2, "ACTE009": None, "TOLD002": 2}
    assert {"kind": "unit", "code": "340050099_01A", "part_of": "340050099", "type_code": "01A"} in made.places
    assert made.counts["T_MCO_UM", "visit_detail"] == 2


def test_weeks_lie_where_their_days_of_presence_say(read: Read) -> None:
    made = read(ssr(week("001", "0111111", 0), week("002", "0011100", 6), week("003", "1100000", 13)))
    days = [(row["visit_detail_start_date"], row["visit_detail_end_date"]) for row in made.details]
    assert days == [
        (date(2018, 3, 6), date(2018, 3, 11)),
        (date(2018, 3, 14), date(2018, 3, 16)),
        (date(2018, 3, 19), date(2018, 3, 20)),
    ]
    assert made.details[2]["preceding_visit_detail_id"] == made.details[1]["visit_detail_id"]
    assert (made.details[0]["unit"], made.details[0]["unit_type_list"]) == ("340050012_53", "AUT_TYP_UM")
    assert made.counts == {("T_SSR_C", "visit"): 1, ("T_SSR_B", "visit"): 1, ("T_SSR_B", "visit_detail"): 2}


def test_a_week_without_presence_is_no_passage(read: Read) -> None:
    made = read(ssr(week("001", "0111111", 0), week("002", "0000000", 6)))
    assert len(made.details) == 1
    assert made.counts["T_SSR_B", "no_presence"] == 1


def test_weeks_of_the_year_before_are_repeats_with_what_hangs_on_them(read: Read) -> None:
    old = week("001", "1111111", 0, MOI_ANN=201712, HOS_TYP_UM="2", FP_PEC="Z501")
    acts = [{**HOSPITAL, "RHA_NUM": "1", "RHS_NUM": number, "CSARR_COD": "DKR+016"} for number in ("001", "002", "009")]
    made = read(ssr(old, week("002", "1111111", 6, FP_PEC="Z509")), {"T_SSR_CSARR": acts})
    assert [row["visit_concept_id"] for row in made.visits] == [9201]
    assert events(made, "code") == [("DKR+016",), ("Z509",)]
    assert made.counts["T_SSR_B", "repeated_week"] == made.counts["T_SSR_CSARR", "repeated_week"] == 1
    assert made.counts["T_SSR_CSARR", "no_stay"] == 1


def test_a_stay_of_errors_only_is_an_error(read: Read) -> None:
    made = read(ssr(week("001", "0111111", 0, GRG_GME="9001Z0")))
    assert made.counts == {("T_SSR_C", "grouping_error"): 1, ("T_SSR_B", "grouping_error"): 1}


@pytest.mark.parametrize(("hospitalisation", "concept"), [("1", 9201), ("2", 9202), ("3", 9201), ("4", 9202)])
def test_the_first_week_says_the_kind_of_a_stay(read: Read, hospitalisation: str, concept: int) -> None:
    made = read(ssr(week("001", "0111111", 0, HOS_TYP_UM=hospitalisation), week("002", "1111111", 6, HOS_TYP_UM="1")))
    assert [row["visit_concept_id"] for row in made.visits] == [concept]


def test_acts_of_a_second_unit_count_from_the_entry_in_it(read: Read) -> None:
    act = {**HOSPITAL, "RHA_NUM": "1", "CSARR_COD": "DKR+016", "ENT_DAT_DEL_UM": 1}
    made = read(
        ssr(week("001", "0111111", 0), week("002", "1111111", 6, AUT_TYP_UM="50")),
        {"T_SSR_CSARR": [{**act, "RHS_NUM": "001"}, {**act, "RHS_NUM": "002"}]},
    )
    assert events(made, "start_date") == [(date(2018, 3, 7),), (date(2018, 3, 13),)]
    assert [row["visit_detail_id"] for row in made.events] == [row["visit_detail_id"] for row in made.details]


def test_a_second_unit_of_the_first_week_begins_with_its_presence(read: Read) -> None:
    act = {**HOSPITAL, "RHA_NUM": "1", "CSARR_COD": "DKR+016", "ENT_DAT_DEL_UM": 1, "RHS_NUM": "002"}
    made = read(ssr(week("001", "0110000", 0), week("002", "0001111", 0, AUT_TYP_UM="50")), {"T_SSR_CSARR": [act]})
    days = [(row["visit_detail_start_date"], row["visit_detail_end_date"]) for row in made.details]
    assert days == [(date(2018, 3, 6), date(2018, 3, 7)), (date(2018, 3, 8), date(2018, 3, 11))]
    assert events(made, "start_date") == [(date(2018, 3, 9),)]


def test_a_week_tells_the_entry_in_its_unit(read: Read) -> None:
    """The stay entered another unit on 27 February; that of the file is entered on Wednesday 7 March."""
    act = {**HOSPITAL, "RHA_NUM": "1", "CSARR_COD": "DKR+016", "ENT_DAT_DEL_UM": 6, "RHS_NUM": "003"}
    made = read(ssr(week("003", "1111111", 13, SEJ_ANT=5), EXE_SOI_DTD=date(2018, 2, 27)), {"T_SSR_CSARR": [act]})
    assert events(made, "start_date") == [(date(2018, 3, 13),)]


@pytest.mark.parametrize(("sequence", "day"), [("2", date(2018, 4, 13)), (None, date(2018, 3, 13))])
def test_acts_of_psychiatry_count_from_their_sequence_where_it_is_named(
    read: Read, sequence: str | None, day: date
) -> None:
    act = {**PSYCHIATRY, "SEQ_SEQ_NUM": sequence, "CDC_ACT": "DEQP003", "ENT_DAT_DEL": 3}
    stay = rip({"SEQ_SEQ_NUM": "1", "SEQ_COU_NBJ": 31}, {"SEQ_SEQ_NUM": "2", "DEL_DAT": 31, "SEQ_COU_NBJ": 20})
    made = read(stay, {"T_RIP_CCAM": [act]})
    assert events(made, "start_date") == [(day,)]


def test_acts_at_home_count_from_their_sub_sequence_and_drugs_from_the_entry(read: Read) -> None:
    parts = [{"SSEQ_NUM": "1", "SSEQ_NBJ": 14}, {"SSEQ_NUM": "2", "SSEQ_NBJ": 10}]
    act = {**HOME, "SEQ_NUM": "1", "SSEQ_NUM": "2", "CCAM_COD": "DEQP003", "DEL_DEB_SSEQ": 3, "ACT_COD": "1"}
    drug = {**HOME, "UCD_UCD_COD": "9801010", "ADM_NBR": 8.0, "SEJ_NBR": 2, "DAT_DELAI": 2}
    made = read(had(*parts), {"T_HAD_A": [act], "T_HAD_MED": [drug]})
    assert events(made, "start_date", "code", "quantity") == [
        (date(2018, 3, 12), "9801010", 4.0),
        (date(2018, 3, 27), "DEQP003", 1.0),
    ]
    assert [row["visit_concept_id"] for row in made.visits] == [581476]


def test_sub_sequences_of_group_99_are_errors(read: Read) -> None:
    group = [
        {**HOME, "SEQ_NUM": "1", "SSEQ_NUM": number, "GHT_NUM": code} for number, code in (("1", "14"), ("2", "99"))
    ]
    made = read(had({"SSEQ_NUM": "1", "DGN_PAL": "J189"}, {"SSEQ_NUM": "2", "DGN_PAL": "I10"}), {"T_HAD_GRP": group})
    assert events(made, "code") == [("J189",)]
    assert made.counts == {
        ("T_HAD_C", "visit"): 1,
        ("T_HAD_B", "visit"): 1,
        ("T_HAD_B", "grouping_error"): 1,
        ("T_HAD_GRP", "same_visit"): 1,
        ("T_HAD_GRP", "grouping_error"): 1,
    }


# Events


def test_a_diagnosis_is_once_by_visit_code_and_role_with_its_first_unit(read: Read) -> None:
    units = [
        {**STAY, "UM_ORD_NUM": "1", "DGN_PAL": "K359", "PAR_DUR_SEJ": 2},
        {**STAY, "UM_ORD_NUM": "2", "DGN_PAL": "I50.1", "DGN_REL": "I10", "PAR_DUR_SEJ": 2},
    ]
    noted = [{**STAY, "ASS_DGN": code} for code in ("I10   ", "I10+0", "i501", "E119")]
    made = read(mco(DGN_PAL="I501"), {"T_MCO_UM": units, "T_MCO_D": noted})
    first, second = (row["visit_detail_id"] for row in made.details)
    found = {(row["code"], row["status"]): row["visit_detail_id"] for row in made.events}
    assert found == {
        ("I501", "DP"): second,
        ("K359", "DP"): first,
        ("I10", "DR"): second,
        ("I10", "DAS"): None,
        ("I501", "DAS"): None,
        ("E119", "DAS"): None,
    }
    assert {row["origin"] for row in made.events if row["code"] == "I501"} == {"T_MCO_B", "T_MCO_D"}
    assert {(row["start_date"], row["quantity"], row["person_id"]) for row in made.events} == {(DAY, 1.0, 1)}
    assert made.counts["T_MCO_D", "event"] == 3
    assert made.counts["T_MCO_D", "same_diagnosis"] == 1


def test_diagnoses_of_rehabilitation_and_home_have_their_status(read: Read) -> None:
    made = read(
        ssr(week("001", "0111111", 0, FP_PEC="Z501", MOR_PRP="I251", ETL_AFF="E119", ASS_DGN_2="I10")),
        {"T_SSR_D": [{**HOSPITAL, "RHA_NUM": "1", "RHS_NUM": "001", "DGN_COD": "I10"}]},
        had({"SSEQ_NUM": "1", "DGN_PAL": "J189"}),
        {
            "T_HAD_DMPP": [{**HOME, "SEQ_NUM": "1", "SSEQ_NUM": "1", "DGN_ASS_MPP": "E440"}],
            "T_HAD_DMPA": [{**HOME, "SEQ_NUM": "1", "SSEQ_NUM": "1", "DGN_ASS_MPA": "E440"}],
        },
    )
    assert set(events(made, "code", "status", "origin")) == {
        ("Z501", "FPP", "T_SSR_B"),
        ("I251", "MMP", "T_SSR_B"),
        ("E119", "AE", "T_SSR_B"),
        ("I10", "DAS", "T_SSR_B"),
        ("J189", "DP", "T_HAD_B"),
        ("E440", "MPP", "T_HAD_DMPP"),
    }
    assert made.counts["T_SSR_D", "same_diagnosis"] == made.counts["T_HAD_DMPA", "same_diagnosis"] == 1


def test_an_act_is_that_of_the_smallest_activity_and_each_phase_is_one(read: Read) -> None:
    def act(activity: str | None, phase: str | None = "0", **more: object) -> Row:
        return {**STAY, "CDC_ACT": "ZCQH001", "ACV_ACT": activity, "PHA_ACT": phase, **more}

    made = read(
        mco(),
        {
            "T_MCO_A": [
                act("1"),
                act("4"),
                act("1"),
                act("4", "1"),
                act("1", "2"),
                act("4", ENT_DAT_DEL=1),
                act(None, CDC_ACT="zcqj003 ", NBR_EXE_ACT=2),
                act("1", CDC_ACT=None),
            ]
        },
    )
    assert sorted(events(made, "code", "modifier", "start_date", "quantity")) == [
        ("ZCQH001", "1/0", DAY, 1.0),
        ("ZCQH001", "1/0", DAY, 1.0),
        ("ZCQH001", "4/0", date(2018, 3, 11), 1.0),
        ("ZCQH001", "4/1", DAY, 1.0),
        ("ZCQJ003", "/0", DAY, 2.0),
    ]
    assert len({row["event_id"] for row in made.events}) == 5
    assert made.counts["T_MCO_A", "event"] == 5
    assert made.counts["T_MCO_A", "same_act"] == 1
    assert made.counts["T_MCO_A", "other_phase"] == made.counts["T_MCO_A", "no_code"] == 1


def test_drugs_are_summed_by_day_and_divided_by_the_stays_that_share_them(read: Read) -> None:
    drug = {**STAY, "UCD_UCD_COD": "9801003", "ADM_NBR": 6.0, "DELAI": 1}
    made = read(
        mco(),
        {
            "T_MCO_MED": [
                {**drug, "NBR_SEJ": 3},
                {**drug, "NBR_SEJ": None},
                {**drug, "ADM_NBR": -1.0},
                {**drug, "ADM_NBR": None},
                {**drug, "UCD_UCD_COD": None, "UCD_COD": "9801005", "NBR_SEJ": 0},
            ]
        },
    )
    assert events(made, "code", "quantity", "start_date", "end_date", "days_supply", "nomenclature") == [
        (code, quantity, date(2018, 3, 11), date(2018, 3, 11), 1, "UCD")
        for code, quantity in (("9801003", 8.0), ("9801005", 6.0))
    ]
    assert made.counts["T_MCO_MED", "event"] == 3
    assert made.counts["T_MCO_MED", "no_quantity"] == 2


def test_two_drugs_that_stand_in_two_tables_count_once(read: Read) -> None:
    def given(code: str, quantity: float, **more: object) -> Row:
        return {**STAY, "UCD_UCD_COD": code, "ADM_NBR": quantity, **more}

    made = read(
        mco(),
        {
            "T_MCO_MED": [given("9261104", 2.0), given("9801003", 1.0)],
            "T_MCO_MEDATU": [
                given("9261104", 2.0),
                given("9261104", 5.0, DAT_DELAI=1),
                given("9801003", 1.0),
                given("9261110", 4.0),
            ],
        },
    )
    assert sorted(events(made, "code", "start_date", "quantity")) == [
        ("9261104", DAY, 2.0),
        ("9261104", date(2018, 3, 11), 5.0),
        ("9261110", DAY, 4.0),
        ("9801003", DAY, 2.0),
    ]
    assert made.counts["T_MCO_MEDATU", "listed_twice"] == 1
    assert made.counts["T_MCO_MEDATU", "event"] == 3


def test_devices_have_no_end_and_laboratory_acts_one_day(read: Read) -> None:
    made = read(
        mco(),
        {
            "T_MCO_DMIP": [{**STAY, "LPP_COD": None, "TIP_PRS_IDE": "9901004", "NBR_POS": 2}],
            "T_MCO_FP": [{**STAY, "LPP_COD1": "11", "LPP_QUA1": 1.0, "LPP_COD2": "12", "LPP_QUA2": 3.0}],
        },
        external(),
        {"T_MCO_FLSTC": [{**CARE, "NABM_COD": "1104", "ACT_NBR": 1, "DEL_DAT_ENT": 2}]},
    )
    assert set(events(made, "nomenclature", "code", "quantity", "start_date", "end_date", "type")) == {
        ("LPP", "9901004", 2.0, DAY, None, "pmsi_stay"),
        ("LPP", "11", 1.0, DAY, None, "pmsi_stay"),
        ("LPP", "12", 3.0, DAY, None, "pmsi_stay"),
        ("NABM", "1104", 1.0, date(2018, 3, 12), date(2018, 3, 12), "pmsi_external"),
    }
    assert made.counts["T_MCO_FP", "event"] == 1


def test_groups_make_no_event(read: Read) -> None:
    assert read(mco(GRG_GHM="06M031")).events == []


# What stays tell of persons


def test_who_leaves_dead_dies_on_the_last_day_of_the_stay(read: Read) -> None:
    made = read(mco(SOR_MOD="9"), rip({"SEQ_SEQ_NUM": "1", "SOR_MOD": "8"}, EXE_SOI_DTD=date(2018, 5, 1)))
    assert [(row["kind"], row["person_id"], row["day"]) for row in made.facts] == [("death", 1, date(2018, 3, 14))]


@pytest.mark.parametrize(
    ("key", "entry", "hospital", "known"),
    [
        ("K" * 32, DAY, "340050012", 1),
        ("K" * 32, date(2018, 3, 12), "340050012", 0),
        ("K" * 32, DAY, "340050013", 0),
        ("AB" * 16, DAY, "340050012", 0),
        (" " * 32, DAY, "340050012", 0),
    ],
)
def test_a_newborn_is_the_child_of_whom_shares_its_key_hospital_and_day(
    read: Read, key: str, entry: date, hospital: str, known: int
) -> None:
    child = mco(date(2018, 3, 10), psa=BOB, NIR_ANO_MAM=key, RSA_NUM="2", AGE_ANN=None, AGE_JOU=0)
    made = read(mco(entry, NIR_ANO_MAM=key, ETA_NUM=hospital), child)
    assert [(row["kind"], row["person_id"], row["other_person_id"]) for row in made.facts] == [("mother", 2, 1)] * known


def test_persons_are_met_with_their_sex_and_year_of_birth(read: Read) -> None:
    made = read(mco(), mco(date(2018, 1, 1), RSA_NUM="2", AGE_ANN=None, AGE_JOU=10, psa=BOB, COD_SEX="1"))
    told = {row["BEN_NIR_PSA"]: (row["BEN_SEX_COD"], row["birth_year"], row["first_day"]) for row in made.persons}
    assert told == {ANN: ("2", 1968, DAY), BOB: ("1", 2017, date(2018, 1, 1))}
    assert {row["source"] for row in made.persons} == {"PMSI"}
