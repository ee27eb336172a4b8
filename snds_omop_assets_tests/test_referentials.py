"""Long-term diseases of IR_IMB_R, causes of death of KI_CCI_R and KI_ECD_R: which rows make events, by which rule."""

from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa
import pytest

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.preparation.referentials import REFERENTIAL_TABLES, judge_causes, judge_long_term
from snds_omop_assets.preparation.shapes import BASE, COUNTS, EVENTS, IDENTITIES, schema_of

Row = Mapping[str, object]

ANNE, BORIS, TWIN = 1, 2, 3
START, INSERTED = date(2018, 3, 1), date(2018, 3, 20)


def identity(psa: str, rank: str | None, person: int | None, rule: str | None = None, persons: int = 1) -> Row:
    """A row of IDENTITIES."""
    row = {"BEN_NIR_PSA": psa, "BEN_RNG_GEM": rank, "person_key": f"key of {psa}{rank}", "person_id": person}
    return {**row, "rule": rule, "persons_of_psa": persons}


IDENTIFIED = [
    identity("ANNE", "1", ANNE),
    identity("BORIS", "1", BORIS),
    identity("TWINS", "1", TWIN, persons=2),
    identity("TWINS", "2", 4, persons=2),
    identity("NOBODY", "1", None, "fictitious_identifier"),
]


def disease(psa: str = "ANNE", **values: object) -> Row:
    """A row of IR_IMB_R."""
    row = {"BEN_NIR_PSA": psa, "BEN_RNG_GEM": "1", "IMB_ETM_NAT": "41", "MED_MTF_COD": "E119", "MED_NCL_IDT": "CIM10"}
    return {**row, "IMB_ALD_DTD": START, "INS_DTE": INSERTED, "source_line": 1, **values}


def death(enc: str, person: str | None, **values: object) -> Row:
    """A row of KI_CCI_R."""
    row = {"DCD_IDT_ENC": enc, "BEN_IDT_ANO": person, "BEN_DCD_DTE": date(2018, 7, 6), "DCD_CIM_COD": "C349"}
    return {**row, "FLX_PER_ANN": 2018, **values}


def cause(enc: str, code: str | None, line: str = "1") -> Row:
    """A row of KI_ECD_R."""
    return {"DCD_IDT_ENC": enc, "CER_LIG_NUM": line, "ECD_CAU_RNG": "1", "ECD_CIM_COD": code}


def judged(tables: Mapping[str, Sequence[Row]]) -> tuple[list[Row], dict[tuple[str, str], int]]:
    """The events, and how many source rows end by each rule."""
    base = {"first_year": 2018, "last_year": 2019, "data_start": date(2018, 1, 1), "data_end": date(2019, 12, 31)}
    with duckdb_session(id_key="key") as session:
        for name in REFERENTIAL_TABLES:
            session.give(name, pa.Table.from_pylist(list(tables.get(name, ())), official_tables()[name].schema))
        session.give("identities", pa.Table.from_pylist(IDENTIFIED, schema_of(IDENTITIES)))
        session.give("base", pa.Table.from_pylist([base], schema_of(BASE)))
        judge_long_term(session)
        judge_causes(session)
        events = [session.result(f"SELECT * FROM {name}") for name in ("long_term_events", "cause_events")]
        counts = [session.result(f"SELECT * FROM {name}") for name in ("long_term_counts", "cause_counts")]
    for table in events:
        assert table.schema.names == list(EVENTS)
    rows = pa.concat_tables(table.cast(schema_of(EVENTS)) for table in events).to_pylist()
    told = pa.concat_tables(table.cast(schema_of(COUNTS)) for table in counts).to_pylist()
    return rows, {(row["source_table"], row["rule"]): row["row_count"] for row in told}


def rules(*diseases: Row) -> dict[str, int]:
    """How many rows of IR_IMB_R end by each rule."""
    _, counts = judged({"IR_IMB_R": diseases})
    return {rule: n for (table, rule), n in counts.items() if table == "IR_IMB_R"}


def test_a_long_term_disease_is_a_diagnosis_without_visit():
    rows, counts = judged({"IR_IMB_R": [disease(MED_MTF_COD=" e11.9", IMB_ALD_DTF=date(2019, 2, 28))]})
    (row,) = rows
    assert counts == {("IR_IMB_R", "long_term_disease"): 1}
    assert (row["person_id"], row["visit_occurrence_id"], row["origin"]) == (ANNE, None, "IR_IMB_R")
    assert (row["nomenclature"], row["code"], row["source_value"]) == ("CIM10", "E119", " e11.9")
    assert (row["start_date"], row["end_date"]) == (START, date(2019, 2, 28))
    assert (row["type"], row["status"]) == ("claim", "ALD")


def test_a_renewal_leaves_the_older_state_behind_and_its_end_counts():
    renewed = disease(UPD_DTE=date(2019, 6, 1), IMB_ALD_DTF=date(2019, 12, 1), source_line=2)
    rows, counts = judged({"IR_IMB_R": [disease(IMB_ALD_DTF=date(2019, 3, 1)), renewed]})
    assert counts == {("IR_IMB_R", "long_term_disease"): 1, ("IR_IMB_R", "older_state"): 1}
    assert [row["end_date"] for row in rows] == [date(2019, 12, 1)]


def test_a_relapse_another_nature_and_another_code_are_diseases_of_their_own():
    rows, _ = judged({"IR_IMB_R": [
        disease(), disease(IMB_ALD_DTD=date(2018, 9, 1)), disease(IMB_ETM_NAT="43"), disease(MED_MTF_COD="I10"),
        disease("BORIS"),
    ]})  # fmt: skip
    assert len({row["event_id"] for row in rows}) == 5


@pytest.mark.parametrize("end", [None, date(1600, 1, 1), date(2099, 12, 31), date(2020, 1, 1), date(2018, 2, 1)])
def test_no_end_is_told_that_is_unknown_for_life_after_the_data_or_before_the_start(end):
    rows, _ = judged({"IR_IMB_R": [disease(IMB_ALD_DTF=end)]})
    assert [row["end_date"] for row in rows] == [None]


def test_a_disease_without_start_starts_when_it_was_inserted():
    rows, _ = judged({"IR_IMB_R": [disease(IMB_ALD_DTD=None)]})
    assert [row["start_date"] for row in rows] == [INSERTED]


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"IMB_ETM_NAT": "11"}, "no_long_term_disease"),
        ({"IMB_ETM_NAT": None}, "no_long_term_disease"),
        ({"MED_NCL_IDT": "CIM9"}, "no_code"),
        ({"MED_NCL_IDT": None}, "long_term_disease"),
        ({"MED_MTF_COD": "9999"}, "no_code"),
        ({"MED_MTF_COD": None}, "no_code"),
        ({"IMB_ALD_DTD": None, "INS_DTE": None}, "no_care_date"),
        ({"BEN_NIR_PSA": "NOBODY", "IMB_ETM_NAT": "11"}, "fictitious_identifier"),
        ({"BEN_NIR_PSA": "STRANGER"}, "no_person"),
        ({"BEN_RNG_GEM": None}, "long_term_disease"),
        ({"BEN_NIR_PSA": "TWINS"}, "long_term_disease"),
        ({"BEN_NIR_PSA": "TWINS", "BEN_RNG_GEM": None}, "ambiguous_twin"),
    ],
)
def test_each_row_ends_by_its_rule(values, rule):
    assert rules(disease(**values)) == {rule: 1}


def test_a_disease_is_one_whether_it_started_before_the_data_in_them_or_after():
    rows, counts = judged({"IR_IMB_R": [disease(IMB_ALD_DTD=date(year, 1, 1)) for year in (2003, 2018, 2019, 2021)]})
    assert counts == {("IR_IMB_R", "long_term_disease"): 4}
    assert sorted(row["start_date"].year for row in rows) == [2003, 2018, 2019, 2021]


def referential(psa: str, ano: str) -> Row:
    """A row of IR_BEN_R."""
    return {"BEN_NIR_PSA": psa, "BEN_RNG_GEM": "1", "BEN_IDT_ANO": ano}


def test_causes_but_the_initial_one_are_events_of_the_day_of_death():
    rows, counts = judged({
        "IR_BEN_R": [referential("ANNE", "A")],
        "KI_CCI_R": [death("enc", "A")],
        "KI_ECD_R": [
            cause("enc", "C34.9"), cause("enc", "J189", "2"), cause("enc", "J189", "3"), cause("enc", None, "4")
        ],
    })  # fmt: skip
    (row,) = rows
    assert (row["person_id"], row["code"], row["start_date"], row["type"], row["status"]) == (
        ANNE, "J189", date(2018, 7, 6), "death_certificate", None
    )  # fmt: skip
    assert counts == {("KI_CCI_R", "death"): 1, ("KI_ECD_R", "death"): 3, ("KI_ECD_R", "no_code"): 1}


def test_a_death_is_found_by_any_number_that_the_person_had():
    tables = {"IR_BEN_R": [referential("ANNE", "NEW")], "IR_BEN_R_ARC": [referential("ANNE", "OLD")]}
    for known in ("NEW", "OLD", "key of ANNE1"):
        _, counts = judged({**tables, "KI_CCI_R": [death("enc", known)]})
        assert counts == {("KI_CCI_R", "death"): 1}


def test_a_dummy_number_names_nobody_who_died():
    dummy = "X" * 17
    tables = {"IR_BEN_R": [referential("ANNE", "MANY"), referential("BORIS", "MANY"), referential("ANNE", dummy)]}
    for number in ("MANY", dummy):
        _, counts = judged({**tables, "KI_CCI_R": [death("enc", number)]})
        assert counts == {("KI_CCI_R", "unmatched_death"): 1}


@pytest.mark.parametrize(
    ("person", "values", "rule"),
    [
        (None, {}, "unmatched_death"),
        ("STRANGER", {}, "unmatched_death"),
        ("N", {}, "fictitious_identifier"),
        ("A", {"BEN_DCD_DTE": None}, "no_care_date"),
        ("A", {"BEN_DCD_DTE": None, "BEN_DCD_AME": 201802}, "death"),
    ],
)
def test_a_certificate_and_its_causes_end_by_the_same_rule(person, values, rule):
    rows, counts = judged({
        "IR_BEN_R": [referential("ANNE", "A"), referential("NOBODY", "N")],
        "KI_CCI_R": [death("enc", person, **values)],
        "KI_ECD_R": [cause("enc", "J189")],
    })  # fmt: skip
    assert counts == {("KI_CCI_R", rule): 1, ("KI_ECD_R", rule): 1}
    assert [row["start_date"] for row in rows] == ([date(2018, 2, 28)] if rule == "death" else [])


def test_nobody_dies_twice_and_a_cause_without_certificate_is_told():
    _, counts = judged({
        "IR_BEN_R": [referential("ANNE", "A")],
        "KI_CCI_R": [death("first", "A"), death("second", "A", BEN_DCD_DTE=date(2018, 9, 1))],
        "KI_ECD_R": [cause("second", "J189"), cause("lost", "J189")],
    })  # fmt: skip
    assert counts == {
        ("KI_CCI_R", "death"): 1, ("KI_CCI_R", "same_death"): 1, ("KI_ECD_R", "same_death"): 1,
        ("KI_ECD_R", "no_certificate"): 1,
    }  # fmt: skip
