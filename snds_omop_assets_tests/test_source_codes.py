"""The French codes of a base: which columns hold them, how they are counted, who and when."""

import datetime

import duckdb
import pyarrow as pa
import pytest

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_engine import duckdb_connection, quoted
from snds_omop_assets.reception.receipt import Receipt
from snds_omop_assets.reception.store import PartWriter, Store
from snds_omop_assets.vocabulary.base import occurrences_of
from snds_omop_assets.vocabulary.coded_columns import coded_columns
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.shapes import MAP_LINES, PACKS, SOURCE_CODES, schema_of
from snds_omop_assets.vocabulary.source_codes import occurrences, occurrences_sql, packs, source_codes

NO_MAPS = schema_of(MAP_LINES).empty_table()
MAY, JUNE = datetime.date(2019, 5, 4), datetime.date(2019, 6, 7)
LINE = {
    "FLX_DIS_DTD": datetime.date(2019, 6, 1), "FLX_TRT_DTD": datetime.date(2019, 5, 20), "FLX_EMT_TYP": "1",
    "FLX_EMT_NUM": "1", "FLX_EMT_ORD": "0", "ORG_CLE_NUM": "01C751000", "DCT_ORD_NUM": "1", "PRS_ORD_NUM": "1",
    "REM_TYP_AFF": "1",
}  # fmt: skip
SERVICE = {**LINE, "BEN_NIR_PSA": "DPXX:1X", "EXE_SOI_DTD": MAY, "PRS_PAI_MNT": 12.5, "PRS_NAT_REF": "3313"}


class Base:
    """A store that a test fills table by table."""

    def __init__(self, folder):
        self.store = Store(folder)
        self.tables = official_tables()

    def receive(self, name, *rows, year=2019, lacking=()):
        """Store the rows of a table and year; `lacking` are columns that its files do not even have."""
        table = self.tables[name]
        place = self.store.place(table, year)
        with place.written("v1") as aside:
            writer = PartWriter(aside, table)
            schema = pa.schema([column for column in table.schema if column.name not in lacking])
            for row in rows:
                one = pa.Table.from_pylist([{column: row.get(column) for column in schema.names}], schema)
                month = row["FLX_DIS_DTD"].strftime("%Y-%m") if table.cut_by_month else None
                writer.write(one, month)
            writer.close()
            place.commit(aside, Receipt(name, year, "v1"))
        return self

    @property
    def received(self):
        return {name: found for name, table in self.tables.items() if (found := self.store.table(table)) is not None}

    def codes(self, maps=NO_MAPS):
        found = source_codes(self.received, maps, self.store.spill)
        assert found.schema == schema_of(SOURCE_CODES)
        return {(row["nomenclature"], row["code"]): row for row in found.to_pylist()}

    def occurrences(self, only=None):
        """(place, code, date, person, amount) of each occurrence, in order."""
        sql = (
            f"SELECT place, code, event_date, person, amount FROM ({occurrences_sql(self.received, only)}) ORDER BY ALL"
        )
        rows = duckdb.sql(sql).fetchall()
        one_by_one = [duckdb.sql(some.sql).fetchall() for some in occurrences(self.received, only)]
        assert sum(map(len, one_by_one)) == len(rows)
        with duckdb_connection(self.store.spill) as connection:
            gathered = occurrences_of(connection, self.received)
            lists = ", ".join(map(quoted, only or nomenclatures()))
            assert (
                rows
                == connection.execute(
                    f"SELECT place, code, event_date, person, amount FROM ({gathered}) WHERE nomenclature IN ({lists}) "
                    f"ORDER BY ALL"
                ).fetchall()
            ), "gathered a join at a time, with a shortcut where no key repeats"
        return rows


@pytest.fixture
def base(tmp_path):
    return Base(tmp_path / "warehouse")


def map_line(code, label, origin="project map", nomenclature="PRS_NAT_REF"):
    return {"nomenclature": nomenclature, "code": code, "label": label, "origin": origin}


def test_every_line_names_a_column_of_a_contract_and_a_list():
    tables = official_tables()
    for coded in coded_columns():
        assert coded.column in tables[coded.table].columns, coded.place
        assert coded.nomenclature in nomenclatures(), coded.place
        teller = tables[coded.who or coded.table]
        named = {*coded.dates, *filter(None, (coded.person, coded.amount))}
        assert named <= teller.columns.keys(), coded.place
        if coded.who is not None:
            assert teller.key, coded.place
            assert set(teller.key) <= tables[coded.table].columns.keys(), coded.place


def test_no_column_stands_twice_and_lines_with_the_same_teller_agree():
    places = [coded.place for coded in coded_columns()]
    assert len(places) == len(set(places))
    told = {(coded.who, coded.dates, coded.person, coded.amount) for coded in coded_columns() if coded.who}
    assert len(told) == len({who for who, *_ in told})


def test_conditions_name_columns_of_their_table():
    for coded in coded_columns():
        if coded.condition is not None:
            names = ", ".join(f"NULL::VARCHAR AS {name}" for name in official_tables()[coded.table].columns)
            duckdb.sql(f"SELECT 1 FROM (SELECT {names}) WHERE {coded.condition}").fetchall()


def test_codes_are_counted_over_the_columns_where_they_stand(base):
    base.receive("T_MCO_B", {"ETA_NUM": "1", "RSA_NUM": "1", "DGN_PAL": "M545", "DGN_REL": "Z380", "GRG_GHM": "14C07A"})
    base.receive("T_MCO_D", {"ETA_NUM": "1", "RSA_NUM": "1", "ASS_DGN": "m54.5 "})
    found = base.codes()
    assert list(found) == [("CIM10", "M545"), ("CIM10", "Z380"), ("GHM", "14C07A")], "spelled alike, in order"
    assert (found["CIM10", "M545"]["rows"], found["CIM10", "M545"]["places"]) == (2, "T_MCO_B.DGN_PAL T_MCO_D.ASS_DGN")


def test_a_base_without_any_table_has_no_code_and_no_occurrence(base):
    assert base.codes() == {}
    assert base.occurrences() == []


def test_labels_come_from_the_delivered_list_then_from_a_users_map_then_from_the_projects(base):
    lines = [{**SERVICE, "PRS_ORD_NUM": code, "PRS_NAT_REF": code} for code in ("1111", "1112", "1113", "1114")]
    base.receive("ER_PRS_F", *lines).receive("IR_NAT_V", {"PRS_NAT": "1111", "PRS_NAT_LIB": "DELIVERED"}, year=None)
    maps = pa.Table.from_pylist(
        [map_line("1111", "map"), map_line("1112", "a project's"), map_line("1112", "the user's", "user map"),
         map_line("1113", "a project's"), map_line("1113", "", "user map")],
        schema_of(MAP_LINES),
    )  # fmt: skip
    labels = [row["label"] for row in base.codes(maps).values()]
    assert labels == ["DELIVERED", "the user's", "a project's", None]


def test_a_cip7_counts_only_where_there_is_no_cip13(base):
    both = {**LINE, "PHA_PRS_C13": "3400934841682", "PHA_PRS_IDE": "3484168"}
    base.receive("ER_PRS_F", SERVICE).receive("ER_PHA_F", both, {**LINE, "PHA_PRS_IDE": "3381764"})
    assert base.occurrences({"CIP13", "CIP7"}) == [
        ("ER_PHA_F.PHA_PRS_C13", "3400934841682", MAY, "DPXX:1X", 12.5),
        ("ER_PHA_F.PHA_PRS_IDE", "3381764", MAY, "DPXX:1X", 12.5),
    ]
    assert {code for name, code in base.codes() if name == "CIP7"} == {"3381764"}


def test_a_cip7_counts_where_the_files_have_no_column_of_the_cip13(base):
    base.receive("ER_PHA_F", {**LINE, "PHA_PRS_IDE": "3381764"}, lacking=("PHA_PRS_C13",))
    assert base.occurrences() == [("ER_PHA_F.PHA_PRS_IDE", "3381764", None, None, None)]
    assert list(base.codes()) == [("CIP7", "3381764")]


def test_details_without_a_line_stay_and_a_line_that_stands_twice_multiplies_nothing(base):
    base.receive("ER_PRS_F", SERVICE, {**SERVICE, "EXE_SOI_DTD": JUNE})
    base.receive("ER_BIO_F", {**LINE, "BIO_PRS_IDE": "552"}, {**LINE, "PRS_ORD_NUM": "9", "BIO_PRS_IDE": "552"})
    assert base.occurrences({"NABM"}) == [
        ("ER_BIO_F.BIO_PRS_IDE", "552", MAY, "DPXX:1X", 12.5),
        ("ER_BIO_F.BIO_PRS_IDE", "552", None, None, None),
    ]


def test_a_line_finds_its_details_in_the_same_month_of_flow_whatever_the_year_of_their_files(base):
    later = {"FLX_DIS_DTD": datetime.date(2019, 7, 1)}
    base.receive("ER_PRS_F", SERVICE, {**SERVICE, **later, "BEN_NIR_PSA": "DPXX:2X"})
    base.receive("ER_CAM_F", {**LINE, "CAM_PRS_IDE": "lfqk002"}, {**LINE, **later, "CAM_PRS_IDE": "LFQK002"}, year=2020)
    assert [(code, person) for _, code, _, person, _ in base.occurrences({"CCAM"})] == [
        ("LFQK002", "DPXX:1X"), ("LFQK002", "DPXX:2X")
    ]  # fmt: skip


def test_a_stay_number_that_comes_again_the_next_year_is_another_stay(base):
    stay = {"ETA_NUM": "750000001", "RSA_NUM": "1"}
    for year, person in ((2018, "P8"), (2019, "P9")):
        base.receive("T_MCO_B", {**stay, "DGN_PAL": "M545"}, year=year)
        base.receive("T_MCO_C", {**stay, "NIR_ANO_17": person, "EXE_SOI_DTD": MAY.replace(year=year)}, year=year)
    base.receive("T_MCO_D", {**stay, "ASS_DGN": "I10"}, year=2019)
    assert base.occurrences() == [
        ("T_MCO_B.DGN_PAL", "M545", MAY.replace(year=2018), "P8", None),
        ("T_MCO_B.DGN_PAL", "M545", MAY, "P9", None),
        ("T_MCO_D.ASS_DGN", "I10", MAY, "P9", None),
    ]


def test_without_the_table_of_patients_codes_stay_and_nobody_is_known(base):
    week = {"ETA_NUM": "1", "RHA_NUM": "1", "RHS_NUM": "1"}
    base.receive("T_SSR_CSARR", {**week, "CSARR_COD": "PER+285"}, {**week, "CSARR_COD": "PER+285"})
    assert base.occurrences() == 2 * [("T_SSR_CSARR.CSARR_COD", "PER+285", None, None, None)]


def test_the_day_of_entry_takes_the_place_of_a_start_of_care_that_was_not_delivered(base):
    stay = {"ETA_NUM": "1", "RSA_NUM": "1"}
    base.receive("T_MCO_D", {**stay, "ASS_DGN": "I10"})
    base.receive("T_MCO_C", {**stay, "NIR_ANO_17": "P1", "ENT_DAT": JUNE}, lacking=("EXE_SOI_DTD",))
    assert base.occurrences() == [("T_MCO_D.ASS_DGN", "I10", JUNE, "P1", None)]


def test_a_device_that_two_columns_tell_counts_once_and_a_placeholder_never(base):
    stay = {"ETA_NUM": "1", "RSA_NUM": "1"}
    base.receive("T_MCO_DMIP", {**stay, "LPP_COD": "3101", "TIP_PRS_IDE": "3101"}, {**stay, "TIP_PRS_IDE": "3102"})
    base.receive("ER_TIP_F", {**LINE, "TIP_PRS_IDE": "9999999999999"})
    assert [row[:2] for row in base.occurrences()] == [("T_MCO_DMIP.LPP_COD", "3101"),
                                                       ("T_MCO_DMIP.TIP_PRS_IDE", "3102")]  # fmt: skip


def test_long_term_diseases_of_another_nomenclature_are_no_cim10(base):
    ill = {"BEN_NIR_PSA": "DPXX:1X", "MED_MTF_COD": "F00", "MED_NCL_IDT": "CIM10", "IMB_ALD_DTD": MAY}
    base.receive("IR_IMB_R", ill, {**ill, "MED_NCL_IDT": "OTHER"}, {**ill, "IMB_ALD_DTD": None, "INS_DTE": JUNE},
                 year=None)  # fmt: skip
    assert base.occurrences() == [
        ("IR_IMB_R.MED_MTF_COD", "F00", MAY, "DPXX:1X", None), ("IR_IMB_R.MED_MTF_COD", "F00", JUNE, "DPXX:1X", None)
    ]  # fmt: skip


def test_packs_come_from_the_drug_list(base):
    base.receive(
        "IR_PHA_R",
        {"PHA_CIP_C13": "3400934841682", "PHA_CIP_UCD": "9268411", "PHA_ATC_C07": "m01ae01"},
        {"PHA_CIP_C13": "NEW", "PHA_PRS_IDE": "3381764", "PHA_ATC_CLA": "N02BE01"},
        {"PHA_CIP_C13": "NONE"},
        year=None,
    )
    found = packs(base.received)
    assert found.schema == schema_of(PACKS)
    assert found.to_pylist() == [
        {"cip7": "3381764", "ucd7": None, "atc": "N02BE01"},
        {"cip7": "3484168", "ucd7": "9268411", "atc": "M01AE01"},
    ]


def test_a_users_table_of_units_wins_over_the_drug_list(base):
    base.receive("IR_PHA_R", {"PHA_CIP_C13": "3400934841682", "PHA_CIP_UCD": "9268411", "PHA_ATC_C07": "M01AE01"},
                 year=None, lacking=("PHA_ATC_CLA", "PHA_PRS_IDE"))  # fmt: skip
    said = pa.table({"cip7": ["3484168", "3400933817640", "nothing", None], "ucd7": ["9000001", "9000001", "1", "1"]})
    assert packs(base.received, said).to_pylist() == [
        {"cip7": "3381764", "ucd7": "9000001", "atc": None},
        {"cip7": "3484168", "ucd7": "9000001", "atc": "M01AE01"},
    ]
    assert packs({}, None).num_rows == 0
