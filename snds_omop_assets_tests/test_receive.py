"""Receiving a table: what fits is stored, what does not is set aside or set to NULL, and everything is counted."""

import csv
import datetime
import gzip
import os
import subprocess
import sys
import zipfile

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.contracts.snds_tables import DELIVERED, SOURCE_FILE, SOURCE_LINE
from snds_omop_assets.errors import DeliveryError, StoreError
from snds_omop_assets.io_managers.aside import PARTIAL
from snds_omop_assets.reception import coding, reading
from snds_omop_assets.reception import receive as receiving
from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.reception.receipt import Receipt
from snds_omop_assets.reception.receive import Done, receive
from snds_omop_assets.reception.store import Store

IR_BEN_R = "NUM_ENQ;BEN_SEX_COD;BEN_NAI_ANN;BEN_NAI_MOI;BEN_RES_DPT;BEN_RES_COM"
GOOD = "DPXX:9X;2;1980;01;075;114"
ER_PRS_F = (
    "FLX_DIS_DTD;FLX_TRT_DTD;FLX_EMT_TYP;FLX_EMT_NUM;FLX_EMT_ORD;ORG_CLE_NUM;DCT_ORD_NUM;PRS_ORD_NUM;REM_TYP_AFF;"
    "BEN_NIR_PSA;PRS_ACT_QTE"
)
ACTIONS = ("row set aside", "row removed")
YEAR_REQUIRED = "tables: {IR_BEN_R: {columns: {BEN_NAI_ANN: {required: yes}}}}\n"
"""A project that cannot do without the year of birth: a required column that has bounds and values for none."""


def put(folder, *files):
    """Put files given as (name, text or bytes) into a folder."""
    for name, content in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def ben(*rows, end="\n", header=IR_BEN_R):
    return "\n".join([header, *rows]) + end


def prs(*rows):
    """A file of ER_PRS_F: each row is the day of its flow, a number, and the rest of the columns if they matter."""
    lines = [f"{day};{day};1;{number};1;01C;1;1;0;DPXX:{number};{rest}" for day, number, rest in rows]
    return "\n".join([ER_PRS_F, *lines]) + "\n"


def rows_of(store, table):
    """What the store has of a table."""
    stored = store.table(table)
    return [] if stored is None else [row for batch in stored.batches() for row in batch.to_pylist()]


def received(folder, table, *files, year=None, layout=None, overrides=None, progress=None):
    """Receive a table from files given as (name, text); gives rows, quarantine lines and the receipt."""
    put(folder / "in", *files)
    delivery, store = open_delivery(folder / "in", layout, overrides), Store(folder / "warehouse")
    outcome = receive(delivery, table, year, store, progress)
    contract = delivery.table(table)
    with store.place(contract, year).quarantine.open(newline="", encoding="utf-8") as lines:
        quarantine = list(csv.DictReader(lines))
    return rows_of(store, contract), quarantine, outcome.receipt


def again(folder, table, *files, year=None, overrides=None):
    """Receive a table and say only what was done, and the receipt."""
    put(folder / "in", *files)
    delivery = open_delivery(folder / "in", overrides=overrides)
    outcome = receive(delivery, table, year, Store(folder / "warehouse"))
    return outcome.done, outcome.receipt


def year_required(folder):
    """The folder of the contracts of a project that needs the year of birth."""
    put(folder / "ours", ("ours.yaml", YEAR_REQUIRED))
    return folder / "ours"


def all_files(folder):
    """Every file under a folder, with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def brief(quarantine):
    return [(line["line"], line["column"], line["action"], line["reason"]) for line in quarantine]


# Rows and values


def test_texts_are_stored_and_told_the_same_coded_and_plain(tmp_path, monkeypatch):
    """A column with few texts is read, judged and written by its codes; which columns these are changes nothing."""
    wrong = ["DPXX:8X;02;19x0;13;75;", ";1;1980;1;075;114", "a;b"]
    rows = [GOOD, *wrong, " DPXX:7X ;;1990;0; 2A ;1141", GOOD, IR_BEN_R, ""]
    without_sex = ben("DPXX:6X;1950;07;971;101", header="NUM_ENQ;BEN_NAI_ANN;BEN_NAI_MOI;BEN_RES_DPT;BEN_RES_COM")
    typed = pl.DataFrame({"NUM_ENQ": ["DPXX:5X"] * 3, "BEN_SEX_COD": ["1", "2", None], "BEN_NAI_ANN": [1950, 1951, 0]})
    typed.write_parquet(tmp_path / "typed.parquet")
    files = [
        ("IR_BEN_R_1.csv", ben(*rows * 3)),
        ("IR_BEN_R_2.csv", without_sex),
        ("IR_BEN_R_3.parquet", (tmp_path / "typed.parquet").read_bytes()),
    ]
    found = []
    for rows_of_a_text in (0, 10**9):
        monkeypatch.setattr(coding, "ROWS_OF_A_TEXT", rows_of_a_text)
        found.append(received(tmp_path / str(rows_of_a_text), "IR_BEN_R", *files))
    assert found[0] == found[1]
    assert len(found[0][0]) == 7 and len(found[0][1]) > 10


def test_a_good_row_is_typed_and_keeps_what_was_delivered(tmp_path):
    rows, quarantine, receipt = received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben("DPXX:1X;02;1963;12;75;114")))
    assert rows[0]["BEN_NIR_PSA"] == "DPXX:1X"
    assert (rows[0]["BEN_SEX_COD"], rows[0]["BEN_SEX_COD_DELIVERED"]) == ("2", "02")
    assert (rows[0]["BEN_NAI_ANN"], rows[0]["BEN_NAI_MOI"]) == (1963, 12)
    assert (rows[0]["BEN_RES_DPT"], rows[0]["BEN_RES_COM"]) == ("075", "114")
    assert (rows[0]["source_file"], rows[0]["source_line"]) == ("IR_BEN_R.csv", 2)
    assert rows[0]["BEN_DCD_DTE"] is None, "a column that was not delivered is NULL"
    assert list(rows[0]) == official_tables()["IR_BEN_R"].schema.names
    assert quarantine == []
    assert receipt.normalised["BEN_SEX_COD"] == 1
    assert receipt.files[0].received_as == {"BEN_NIR_PSA": "NUM_ENQ"}
    assert "BEN_DCD_DTE" in receipt.files[0].absent
    assert receipt.columns == {"BEN_NIR_PSA", *IR_BEN_R.split(";")[1:]}


def test_what_is_stored_has_the_types_of_the_contract(tmp_path):
    received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD)))
    contract = official_tables()["IR_BEN_R"]
    assert Store(tmp_path / "warehouse").table(contract).schema.equals(contract.schema)


def test_a_bad_value_in_an_optional_column_becomes_null_and_is_listed(tmp_path):
    rows, quarantine, receipt = received(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben("DPXX:1X;1;1963;13;075;114", "DPXX:2X;1;1970;mai;075;114"))
    )
    assert [row["BEN_NAI_MOI"] for row in rows] == [None, None]
    assert brief(quarantine) == [
        ("2", "BEN_NAI_MOI", "value set to NULL", "more than 12"),
        ("3", "BEN_NAI_MOI", "value set to NULL", "does not parse as month"),
    ]
    assert (receipt.rows, receipt.stored, receipt.set_aside) == (2, 2, 0)
    assert receipt.nulled() == {"BEN_NAI_MOI": 2}
    assert receipt.nulls == {"BEN_NAI_MOI": 2}


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (";1;1963;12;075;114", "BEN_NIR_PSA", "required value is missing"),
        ("DPXX:1X;1;;12;075;114", "BEN_NAI_ANN", "required value is missing"),
        ("DPXX:1X;1;19x3;12;075;114", "BEN_NAI_ANN", "does not parse as year"),
        ("DPXX:1X;1;1600;12;075;114", "BEN_NAI_ANN", "required value is not given"),
        ("DPXX:1X;1;1749;12;075;114", "BEN_NAI_ANN", "less than 1850"),
        ("DPXX:1X;1;1963", "", "3 values where the header has 6"),
        ("DPXX:1X;1;1963;12;075;114;7", "", "7 values where the header has 6"),
        (IR_BEN_R, "", "repeats the header"),
    ],
)
def test_a_bad_value_in_a_required_column_sets_the_row_aside(tmp_path, row, column, reason):
    rows, quarantine, receipt = received(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, row)), overrides=year_required(tmp_path)
    )
    assert [r["BEN_NIR_PSA"] for r in rows] == ["DPXX:9X"]
    assert [(q["file"], q["line"], q["column"], q["action"], q["reason"], q["value"]) for q in quarantine] == [
        ("IR_BEN_R.csv", "3", column, "row set aside", reason, "")
    ]
    assert (receipt.rows, receipt.stored, receipt.set_aside) == (2, 1, 1)
    said = f"{column}: {reason}" if column else reason
    assert receipt.rejected("row set aside") == {said: 1}


MCO_B = ("T_MCO_B", "T_MCO19B.csv", "ETA_NUM;RSA_NUM;BDI_DEP", "750100166;1;75")
SPE_V = ("IR_SPE_V", "IR_SPE_V.csv", "PFS_SPE_COD;PFS_SPE_LIB", "1;MEDECINE")
PRS_F = ("ER_PRS_F", "ER_PRS_F_2019.csv", ER_PRS_F, "2019-01-01;2019-01-01;1;1;1;01C;1;1;0;DPXX:1;1")


@pytest.mark.parametrize(
    ("file", "row", "column", "reason"),
    [
        (PRS_F, "2019-01-01;2019-01-01;;1;1;01C;1;1;0;DPXX:2;1", "FLX_EMT_TYP", "required value is missing"),
        (PRS_F, "hier;2019-01-01;1;1;1;01C;1;1;0;DPXX:2;1", "FLX_DIS_DTD", "does not parse as date"),
        (PRS_F, "1600-01-01;2019-01-01;1;1;1;01C;1;1;0;DPXX:2;1", "FLX_DIS_DTD", "required value is not given"),
        (PRS_F, "2019-01-01;2019-01-01;NULL;1;1;01C;1;1;0;DPXX:2;1", "FLX_EMT_TYP", "required value is not given"),
        (MCO_B, "750100166;;75", "RSA_NUM", "required value is missing"),
        (MCO_B, "750100166;NULL;75", "RSA_NUM", "required value is not given"),
        (MCO_B, "000000000;2;75", "ETA_NUM", "required value is not given"),
        (SPE_V, ";CHIRURGIE", "PFS_SPE_COD", "required value is missing"),
        (SPE_V, "CHIRURGIE;2", "PFS_SPE_COD", "does not parse as code"),
    ],
)  # fmt: skip
def test_a_bad_value_in_a_required_column_of_the_official_contracts_sets_the_row_aside(
    tmp_path, file, row, column, reason
):
    table, name, header, good = file
    rows, quarantine, receipt = received(
        tmp_path, table, (name, "\n".join([header, good, row]) + "\n"), year=None if table == "IR_SPE_V" else 2019
    )
    assert [found[SOURCE_LINE] for found in rows] == [2]
    assert [(q["file"], q["line"], q["column"], q["action"], q["reason"], q["value"]) for q in quarantine] == [
        (name, "3", column, "row set aside", reason, "")
    ]
    assert (receipt.rows, receipt.stored, receipt.set_aside) == (2, 1, 1)
    assert receipt.rejected("row set aside") == {f"{column}: {reason}": 1}


@pytest.mark.parametrize("table", ["IR_BEN_R", "IR_BEN_R_ARC"])
@pytest.mark.parametrize(
    ("year", "reason"), [("19x3", "does not parse as year"), ("1749", "less than 1850"), ("2101", "more than 2100")]
)
def test_a_wrong_year_of_birth_becomes_null_and_is_listed_without_it(tmp_path, table, year, reason):
    rows, quarantine, receipt = received(tmp_path, table, (f"{table}.csv", ben(GOOD, f"DPXX:1X;1;{year};12;075;114")))
    assert [(row["BEN_NIR_PSA"], row["BEN_NAI_ANN"]) for row in rows] == [("DPXX:9X", 1980), ("DPXX:1X", None)]
    assert brief(quarantine) == [("3", "BEN_NAI_ANN", "value set to NULL", reason)]
    assert quarantine[0]["value"] == ""
    assert (receipt.stored, receipt.set_aside, receipt.nulled()) == (2, 0, {"BEN_NAI_ANN": 1})
    assert (receipt.nulls, receipt.not_given) == ({"BEN_NAI_ANN": 1}, {})


@pytest.mark.parametrize("table", ["IR_BEN_R", "IR_BEN_R_ARC"])
@pytest.mark.parametrize("year", ["1600", "0", "1", "-1", "NULL"])
def test_a_year_of_birth_that_is_not_given_is_null_and_counted(tmp_path, table, year):
    rows, quarantine, receipt = received(tmp_path, table, (f"{table}.csv", ben(GOOD, f"DPXX:1X;1;{year};12;075;114")))
    assert [(row["BEN_NIR_PSA"], row["BEN_NAI_ANN"]) for row in rows] == [("DPXX:9X", 1980), ("DPXX:1X", None)]
    assert quarantine == []
    assert (receipt.not_given, receipt.nulls, receipt.set_aside) == ({"BEN_NAI_ANN": 1}, {"BEN_NAI_ANN": 1}, 0)


@pytest.mark.parametrize("table", ["IR_BEN_R", "IR_BEN_R_ARC"])
def test_a_file_without_the_year_of_birth_is_received(tmp_path, table):
    rows, quarantine, receipt = received(tmp_path, table, (f"{table}.csv", "NUM_ENQ;BEN_SEX_COD\nDPXX:1X;1\n"))
    assert [(row["BEN_NIR_PSA"], row["BEN_NAI_ANN"]) for row in rows] == [("DPXX:1X", None)]
    assert quarantine == []
    assert "BEN_NAI_ANN" in receipt.files[0].absent


@pytest.mark.parametrize("text", ["NULL", "null", "(null)", "\\N", "#N/A"])
@pytest.mark.parametrize("column", ["ORG_AFF_BEN", "BEN_TOP_CNS", "BEN_NAI_MOI", "BEN_DCD_DTE", "BEN_NIR_ANO"])
def test_texts_that_are_no_value_anywhere_are_not_given_in_every_column(tmp_path, column, text):
    rows, quarantine, receipt = received(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(f"DPXX:1X;{text}", header=f"NUM_ENQ;{column}"))
    )
    assert [(row["BEN_NIR_PSA"], row[column]) for row in rows] == [("DPXX:1X", None)]
    assert (quarantine, receipt.not_given, receipt.nulls) == ([], {column: 1}, {column: 1})


def test_the_quarantine_shows_values_of_codes_but_never_of_persons(tmp_path):
    header = "NUM_ENQ;BEN_NAI_ANN;BEN_NAI_MOI;ORG_AFF_BEN"
    _, quarantine, _ = received(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben("DPXX:1X;1963;77;01C", "DPXX:2X;secret;1;01C", header=header))
    )
    assert {q["value"] for q in quarantine} == {""}
    keys = "id,NUM_ENQ,prs_act_qte"
    _, quarantine, _ = received(tmp_path / "b", "ER_PRS_F", ("er_prs_f.csv", f"{keys}\n1,DPXX:1X,beaucoup\n"))
    assert [q["value"] for q in quarantine] == ["beaucoup"]
    _, quarantine, _ = received(tmp_path / "c", "ER_PRS_F", ("er_prs_f.csv", f"{keys}\n1,DPXX:1X,{'a' * 17}\n"))
    assert [q["value"] for q in quarantine] == [""], "a pseudonym may stand in the wrong column"
    _, quarantine, _ = received(tmp_path / "d", "ER_PRS_F", ("er_prs_f.csv", f"{keys}\n1,A1,A2\n2,A2,1\n"))
    assert [q["value"] for q in quarantine] == [""], "A2 is the pseudonym of the second row"


def test_no_private_value_is_in_the_quarantine(tmp_path):
    """Every private column of a row is wrong, and its other columns hold the same texts."""
    contract = official_tables()["IR_BEN_R"]
    private = [name for name, column in contract.columns.items() if column.values_are_private]
    public = [name for name in contract.columns if name not in private]
    assert {"BEN_NIR_PSA", "BEN_NAI_ANN", "BEN_DCD_DTE", "BEN_DCD_AME"} <= set(private)
    bad = {**{name: f"SECRET{place}" for place, name in enumerate(private)}, **dict.fromkeys(public, "SECRET0")}
    kept = {**bad, "BEN_NAI_ANN": "1963"}
    rows = [";".join(row[name] for name in contract.columns) for row in (bad, kept)]
    stored, quarantine, _ = received(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(*rows, header=";".join(contract.columns))),
        overrides=year_required(tmp_path),
    )  # fmt: skip
    assert len(stored) == 1
    assert {"BEN_DCD_DTE", "BEN_SEX_COD", "BEN_RES_DPT"} <= {q["column"] for q in quarantine}
    assert {q["value"] for q in quarantine} == {""}
    both, listed, _ = received(tmp_path, "IR_BEN_R")
    assert len(both) == 2
    assert [q["action"] for q in listed if q["column"] == "BEN_NAI_ANN"] == ["value set to NULL"]
    assert {q["value"] for q in listed} == {""}, "nor where no row goes"


def test_no_private_value_is_in_the_receipt(tmp_path):
    """No figure is kept of private columns; a pseudonym may stand in the column of a code, where its row may stay."""
    header = "NUM_ENQ;BEN_NAI_ANN;BEN_NAI_MOI;BEN_DCD_DTE;BEN_TOP_CNS"
    _, _, receipt = received(
        tmp_path, "IR_BEN_R",
        ("IR_BEN_R.csv", ben("DPXX1;1963;7;2020-02-03;0", "DPXX2;1964;8;;DPXX2", "DPXX3;;8;;DPXX3", header=header)),
    )  # fmt: skip
    assert set(receipt.codes) | set(receipt.sizes) | set(receipt.outside) <= {"BEN_TOP_CNS"}
    assert "DPXX" not in receipt.to_json()


def test_an_end_before_its_start_becomes_null(tmp_path):
    header = "id,NUM_ENQ,exe_soi_dtd,exe_soi_dtf"
    rows, quarantine, _ = received(
        tmp_path, "ER_PRS_F",
        ("er_prs_f.csv", f"{header}\n1,A1X,2013-03-05,2013-03-04\n2,A1X,2013-03-05,2013-03-05\n3,A1X,,2013-03-04\n"),
    )  # fmt: skip
    assert [row["EXE_SOI_DTF"] and str(row["EXE_SOI_DTF"]) for row in rows] == [None, "2013-03-05", "2013-03-04"]
    assert [(q["line"], q["column"], q["reason"]) for q in quarantine] == [("2", "EXE_SOI_DTF", "before EXE_SOI_DTD")]


def test_a_row_set_aside_is_listed_once_per_broken_required_column(tmp_path):
    _, quarantine, receipt = received(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(";1;abc;77;075;114")), overrides=year_required(tmp_path)
    )
    assert [q["column"] for q in quarantine] == ["BEN_NIR_PSA", "BEN_NAI_ANN"]
    assert receipt.set_aside == 1
    assert (receipt.nulled(), receipt.stored) == ({}, 0)


def test_an_unknown_code_is_kept_and_counted(tmp_path):
    rows, quarantine, receipt = received(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben("DPXX:1X;7;1963;12;075;114", "DPXX:2X;1;1963;12;075;114"))
    )
    assert [row["BEN_SEX_COD"] for row in rows] == ["7", "1"]
    assert quarantine == []
    assert (receipt.outside["BEN_SEX_COD"], receipt.outside_codes) == (1, {}), "counted, and not named"
    assert receipt.codes["BEN_SEX_COD"] == {"(other)": 2}


@pytest.mark.parametrize(
    ("sevens", "outside", "codes"),
    [(10, {}, {"1": 12, "(other)": 11}), (11, {"BEN_SEX_COD": ["7"]}, {"1": 12, "7": 11, "(other)": 1})],
)
def test_codes_of_eleven_rows_or_more_are_named(tmp_path, sevens, outside, codes):
    sexes = ["1"] * 12 + ["7"] * sevens + ["8"]
    lines = [f"DPXX:{number}X;{sex};1963;12;075;114" for number, sex in enumerate(sexes)]
    rows, _, receipt = received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(*lines)))
    assert [row["BEN_SEX_COD"] for row in rows] == sexes
    assert (receipt.outside, receipt.outside_codes) == ({"BEN_SEX_COD": sevens + 1}, outside)
    assert receipt.codes["BEN_SEX_COD"] == codes


def test_columns_beyond_the_contract_are_left_out_and_counted(tmp_path):
    rows, _, receipt = received(
        tmp_path, "IR_SPE_V",
        ("IR_SPE_V.csv", "PFS_SPE_COD;PFS_SPE_LIB;NOT_OURS;;also_left;Né le;1A\n1;MEDECINE;0;;1;2;3\n"),
    )  # fmt: skip
    assert receipt.files[0].ignored == ["ALSO_LEFT", "NOT_OURS"], "what does not look like a name is not told"
    assert "NOT_OURS" not in rows[0]


def test_a_column_that_is_left_out_is_told_by_each_file_that_has_it(tmp_path):
    _, _, receipt = received(
        tmp_path, "IR_BEN_R", ("a/IR_BEN_R.csv", ben(f"{GOOD};1", header=f"{IR_BEN_R};NOT_OURS")),
        ("b/IR_BEN_R.csv", ben("DPXX:1X;1;1963;12;075;114")),
    )  # fmt: skip
    assert [file.ignored for file in receipt.files] == [["NOT_OURS"], []]


def test_the_files_of_a_table_follow_each_other(tmp_path):
    rows, _, receipt = received(
        tmp_path, "IR_BEN_R", ("b/IR_BEN_R.csv", ben("B1;2;1980;01;2A;114")),
        ("a/IR_BEN_R.csv", ben("1,1980,A1", header="ben_sex_cod,ben_nai_ann,NUM_ENQ")),
    )  # fmt: skip
    assert [(row["BEN_NIR_PSA"], row["BEN_RES_DPT"], row["BEN_NAI_ANN"]) for row in rows] == [
        ("A1", None, 1980), ("B1", "02A", 1980),
    ]  # fmt: skip
    assert [file.file for file in receipt.files] == ["a/IR_BEN_R.csv", "b/IR_BEN_R.csv"]
    assert [file.written["separator"] for file in receipt.files] == [",", ";"]


def test_an_establishment_keeps_its_delivered_number(tmp_path):
    rows, _, _ = received(tmp_path, "T_MCO_E", ("T_MCO13E.csv", "soc_rai,eta_num\nA,75010016\n"), year=2013)
    assert [(row["ETA_NUM"], row["ETA_NUM_DELIVERED"], row["SOC_RAI"]) for row in rows] == [
        ("750100166", "75010016", "A")
    ]


def test_two_files_of_one_name_in_two_folders_are_told_apart(tmp_path):
    files = [(f"{folder}/IR_BEN_R.csv", ben(f"DPXX:{folder};1;1963;12;075;114")) for folder in "ab"]
    rows, _, _ = received(tmp_path, "IR_BEN_R", *files)
    assert [row["source_file"] for row in rows] == ["a/IR_BEN_R.csv", "b/IR_BEN_R.csv"]


def test_the_commune_is_three_digits_or_it_is_null(tmp_path):
    rows, quarantine, _ = received(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben("DPXX:1X;1;1963;12;75;75114", "DPXX:2X;1;1963;12;75114;114"))
    )
    assert [(row["BEN_RES_DPT"], row["BEN_RES_COM"]) for row in rows] == [("075", None), (None, "114")]
    assert [(q["column"], q["reason"]) for q in quarantine] == [
        ("BEN_RES_COM", "does not parse as code"), ("BEN_RES_DPT", "does not parse as code"),
    ]  # fmt: skip


def test_blank_lines_are_no_rows(tmp_path):
    rows, _, receipt = received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", f"\n\n{IR_BEN_R}\n\n{GOOD}\n;;;;;\n\n"))
    assert [row["source_line"] for row in rows] == [5]
    assert (receipt.rows, receipt.files[0].blank_lines) == (1, 3)


def test_a_file_that_ends_as_dos_ends_files_is_whole(tmp_path):
    rows, quarantine, receipt = received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD) + "\x1a"))
    assert (len(rows), quarantine, receipt.rows) == (1, [], 1)


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "zip", "txt", "parquet", "cp1252.csv"])
def test_the_same_rows_are_stored_whatever_the_kind_of_file(tmp_path, kind):
    header, row = (
        "BEN_NIR_PSA;BEN_NAI_ANN;BEN_DCD_DTE;BEN_SEX_COD;ORG_CLE_NEW",
        ["A1", "1963", "2020-02-03", "1", "été"],
    )
    text = "\n".join([header, ";".join(row)]) + "\n"
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / f"IR_BEN_R.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("IR_BEN_R.csv", text)
    elif kind == "parquet":
        typed = ["A1", 1963, datetime.date(2020, 2, 3), 1.0, "été"]
        pq.write_table(pa.table({name: [value] for name, value in zip(header.split(";"), typed, strict=True)}), path)
    else:
        raw = text.encode("cp1252" if kind.startswith("cp") else "utf-8")
        path.write_bytes(gzip.compress(raw) if kind.endswith("gz") else raw)
    rows, quarantine, receipt = received(tmp_path, "IR_BEN_R")
    found = rows[0]
    assert quarantine == []
    assert [found[name] for name in header.split(";")] == ["A1", 1963, datetime.date(2020, 2, 3), "1", "été"]
    assert (receipt.rows, receipt.stored) == (1, 1)


def test_how_the_values_are_written_is_in_the_receipt(tmp_path):
    header = "NUM_ENQ;BEN_NAI_ANN;BEN_NAI_MOI;BEN_DCD_DTE;BEN_DTE_INS"
    rows, quarantine, receipt = received(
        tmp_path, "IR_BEN_R",
        ("IR_BEN_R.csv", ben("A1;1963;.;04JUIL2013:00:00:00;2020-01-01", "A2;1963;1;01JAN1600;", header=header)),
    )  # fmt: skip
    assert quarantine == []
    assert [row["BEN_DCD_DTE"] for row in rows] == [datetime.date(2013, 7, 4), None]
    assert receipt.files[0].written == {
        "kind": "text", "compression": None, "encoding": "utf-8-sig", "separator": ";", "decimal": "point",
        "dates date9": ["BEN_DCD_DTE"], "dates yyyy-mm-dd": ["BEN_DTE_INS"], "missing": ["."],
    }  # fmt: skip
    assert receipt.not_given == {"BEN_NAI_MOI": 1, "BEN_DCD_DTE": 1}


def test_dates_that_begin_late_in_a_file_are_dates(tmp_path, monkeypatch):
    """Formats are found in the first rows that have a date, wherever they are."""
    monkeypatch.setattr(reading, "BATCH_ROWS", 2)
    monkeypatch.setattr(reading, "BLOCK_BYTES", 64)
    header = "NUM_ENQ;BEN_NAI_ANN;BEN_DCD_DTE"
    texts = [f"A{number};1963;{'04/07/2013' if number == 40 else ''}" for number in range(50)]
    rows, quarantine, receipt = received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(*texts, header=header)))
    assert quarantine == []
    assert [row["BEN_NIR_PSA"] for row in rows if row["BEN_DCD_DTE"] == datetime.date(2013, 7, 4)] == ["A40"]
    assert receipt.files[0].written["dates dd/mm/yyyy"] == ["BEN_DCD_DTE"]


def test_progress_is_told_in_rows(tmp_path):
    told = []
    received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, "X", GOOD[1:])), progress=told.append)
    assert sum(told) == 3


# Files that are refused


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_a_file_with_a_header_only_is_refused_where_the_table_must_have_rows(tmp_path, end):
    with pytest.raises(DeliveryError, match=r"IR_BEN_R\.csv has a header and no row"):
        received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", IR_BEN_R + end))
    assert all_files(tmp_path / "warehouse") == {}


def test_a_detail_table_may_have_no_row(tmp_path):
    """A small population may have no stay in a clinic."""
    keys = ";".join(official_tables()["ER_PRS_F"].key)
    rows, quarantine, receipt = received(
        tmp_path, "ER_ETE_F", ("ER_ETE_F_2013.csv", f"{keys};ETB_EXE_FIN\n"), year=2013
    )
    assert rows == quarantine == []
    assert receipt.rows == 0
    contract = official_tables()["ER_ETE_F"]
    assert Store(tmp_path / "warehouse").table(contract).schema.equals(contract.schema)


def test_a_missing_required_column_is_said_in_a_sentence(tmp_path):
    sentence = r"IR_BEN_R\.csv lacks the required column BEN_NIR_PSA \(or NUM_ENQ\).*has BEN_NAI_ANN and 1 others"
    with pytest.raises(DeliveryError, match=sentence):
        received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", "BEN_NAI_ANN;SEXE\n1963;2\n"))


@pytest.mark.parametrize(("table", "year"), [("IR_ACS_R", None), ("T_MCO_SUP_CES", 2019)])
def test_a_file_without_any_column_of_its_table_is_refused(tmp_path, table, year):
    """These tables have no required column: any file would do."""
    assert not any(column.required for column in official_tables()[table].columns.values())
    name = official_tables()[table].file_name(2019)
    with pytest.raises(DeliveryError, match=f"{name} .*column"):
        received(tmp_path, table, (name, "X;Y\nDPXX:1X;2\n"), year=year)


def test_a_file_without_a_header_line_is_refused_without_its_values(tmp_path):
    with pytest.raises(DeliveryError, match="add the header line") as refusal:
        received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", "DPXX:1X;2;1963;12;075;114\nDPXX:2X;2;1963;12;075;114\n"))
    assert "DPXX" not in str(refusal.value)


def test_a_missing_column_says_for_which_layout_the_delivery_was_taken(tmp_path):
    with pytest.raises(DeliveryError, match=r"lacks the required column ID .*set SNDS_LAYOUT=official"):
        received(tmp_path, "ER_PRS_F", ("T_MCOaaE.csv", "A\n"), ("ER_PRS_F.csv", "FLX_DIS_DTD;NUM_ENQ\n"))


@pytest.mark.parametrize(
    ("file", "table", "year", "other", "name"),
    [
        ("T_MCO19B.csv", "T_MCO_B", 2019, "T_MCO_E", "T_MCO19E.csv"),
        ("IR_BEN_R.csv", "IR_BEN_R", None, "IR_SPE_V", "IR_SPE_V.csv"),
        ("ER_PRS_F_2019.csv", "ER_PRS_F", 2019, "T_MCO_B", "T_MCO19B.csv"),
    ],
)
def test_a_file_of_another_table_is_refused_and_the_right_name_is_said(tmp_path, file, table, year, other, name):
    header = ";".join(official_tables()[other].columns)
    with pytest.raises(
        DeliveryError, match=rf"{file} is named as a file of {table} and has the columns of {other}: .*{name}"
    ):
        received(tmp_path, table, (file, header + "\n"), year=year)


@pytest.mark.parametrize("last", ["DPXX:1X;1;19", "DPXX", "DPXX:1X;1;1963;12;075"])
def test_a_file_that_ends_in_the_middle_of_a_line_is_refused(tmp_path, last):
    with pytest.raises(
        DeliveryError, match=r"IR_BEN_R\.csv ends in the middle of line 3 \(\d values of 6\)"
    ) as refusal:
        received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, last, end="")))
    assert "DPXX" not in str(refusal.value)


def test_a_last_line_that_is_whole_needs_no_end(tmp_path):
    assert len(received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, "DPXX:1X;1;1963;12;075;114", end="")))[0]) == 2


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    put(tmp_path / "in", ("IR_BEN_R.csv", ben(GOOD)))

    def arrives(_rows):
        with (tmp_path / "in" / "IR_BEN_R.csv").open("a") as file:
            file.write(GOOD + "\n")

    with pytest.raises(
        DeliveryError, match=r"IR_BEN_R\.csv changed while it was read: .*Wait for the end of the transfer"
    ):
        received(tmp_path, "IR_BEN_R", progress=arrives)
    assert all_files(tmp_path / "warehouse") == {}


def test_a_file_that_vanishes_while_it_is_read_is_refused(tmp_path):
    put(tmp_path / "in", ("IR_BEN_R.csv", ben(GOOD)))
    with pytest.raises(DeliveryError, match=r"IR_BEN_R\.csv cannot be read"):
        received(tmp_path, "IR_BEN_R", progress=lambda _rows: (tmp_path / "in" / "IR_BEN_R.csv").unlink())


BAD_FILES = {
    "never closed": (f'{IR_BEN_R}\nDPXX:1X;1;1963;12;075;"never closed\n{GOOD}\n', "runs over several lines"),
    "never closed in the last line": (f'{IR_BEN_R}\nDPXX:1X;1;1963;12;075;"never closed\n', "line 2"),
    "empty": ("", "is empty"),
    "header only": (f"{IR_BEN_R}\n", "has a header and no row"),
    "binary": (b"\x00", "is not a text file"),
    "column lost": ("BEN_NAI_ANN;BEN_SEX_COD\n1963;1\n", "lacks the required column BEN_NIR_PSA"),
    "nothing fits": (f"{IR_BEN_R}\n;1;1963;12;075;114\n", "has 0 rows that fit of 1, and the warehouse has 1"),
    "little fits": (f"{IR_BEN_R}\n{GOOD}\n;1;1963;12;075;114\nDPXX:1X;1\n", "has 1 rows that fit of 3"),
    "cut": (f"{IR_BEN_R}\n{GOOD}\nDPXX:1X;", "ends in the middle of line 3"),
    "column twice": (f"{IR_BEN_R};NUM_ENQ\n", "the same column twice"),
    "other table": ("PFS_SPE_COD;PFS_SPE_LIB\n1;MEDECINE\n", "has the columns of IR_SPE_V"),
}


def test_a_column_that_a_project_requires_and_that_is_lost_leaves_the_store_as_it_was(tmp_path):
    ours = year_required(tmp_path)
    received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD)), overrides=ours)
    before = all_files(tmp_path / "warehouse")
    with pytest.raises(DeliveryError, match="lacks the required column BEN_NAI_ANN"):
        received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", "NUM_ENQ;BEN_SEX_COD\nDPXX:1X;1\n"), overrides=ours)
    assert all_files(tmp_path / "warehouse") == before


@pytest.mark.parametrize("bad", sorted(BAD_FILES))
def test_a_reception_that_fails_leaves_the_store_as_it_was(tmp_path, bad):
    """The old table and its old quarantine stay, whatever is wrong with the new delivery."""
    old_rows, old_quarantine, _ = received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, ";1;1963;12;76;114")))
    assert (len(old_rows), len(old_quarantine)) == (1, 1)
    before = all_files(tmp_path / "warehouse")
    content, sentence = BAD_FILES[bad]
    with pytest.raises(DeliveryError, match=sentence) as refusal:
        received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", content))
    assert "DPXX" not in str(refusal.value)
    assert all_files(tmp_path / "warehouse") == before
    assert rows_of(Store(tmp_path / "warehouse"), official_tables()["IR_BEN_R"]) == old_rows


def test_a_second_bad_file_leaves_the_store_as_it_was(tmp_path):
    received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD)))
    before = all_files(tmp_path / "warehouse")
    with pytest.raises(DeliveryError, match=r"z/IR_BEN_R\.csv is empty"):
        received(tmp_path, "IR_BEN_R", ("z/IR_BEN_R.csv", ""))
    assert all_files(tmp_path / "warehouse") == before


def test_a_full_disk_is_said_and_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD)))
    before = all_files(tmp_path / "warehouse")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(receiving.PartWriter, "close", full)
    with pytest.raises(StoreError, match="The disk of the warehouse is full"):
        received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, GOOD.replace("9X", "8X"))))
    assert all_files(tmp_path / "warehouse") == before


def test_a_year_of_which_there_is_no_file_is_refused(tmp_path):
    received(tmp_path, "T_MCO_E", ("T_MCO13E.csv", "ETA_NUM\n75010016\n"), year=2013)
    with pytest.raises(DeliveryError, match="2012"):
        received(tmp_path, "T_MCO_E", year=2012)


# Years, months and versions


def test_a_table_of_the_dcir_has_a_folder_per_month_of_flow_in_its_year(tmp_path):
    rows, _, receipt = received(
        tmp_path, "ER_PRS_F",
        ("ER_PRS_F_201901.csv", prs(("2019-01-01", 1, ""), ("2019-02-01", 2, ""))),
        ("ER_PRS_F_201902.csv", prs(("01/02/2019", 3, ""))),
        ("ER_PRS_F_2018.csv", prs(("2018-01-01", 4, ""))),
        year=2019,
    )  # fmt: skip
    assert sorted(row["BEN_NIR_PSA"] for row in rows) == ["DPXX:1", "DPXX:2", "DPXX:3"]
    assert receipt.months == {"2019-01": 1, "2019-02": 2}
    place = Store(tmp_path / "warehouse").place(official_tables()["ER_PRS_F"], 2019)
    assert place.folder == tmp_path / "warehouse" / "snds" / "er_prs_f" / "2019"
    assert [part.parent.name for part in place.parts] == ["2019-01", "2019-02"]
    assert place.data.name == receipt.version
    for part in place.parts:
        days = pl.read_parquet(part)["FLX_DIS_DTD"]
        assert set(days.dt.strftime("%Y-%m")) == {part.parent.name}
    assert place.receipt.year == 2019


def test_a_table_without_a_flow_has_one_file_per_year(tmp_path):
    for year in (2013, 2014):
        received(tmp_path, "T_MCO_E", (f"T_MCO{year}E.csv", f"ETA_NUM;SOC_RAI\n75010016;{year}\n"), year=year)
    store, table = Store(tmp_path / "warehouse"), official_tables()["T_MCO_E"]
    assert [place.year for place in store.table(table).places] == [2013, 2014]
    assert [row["SOC_RAI"] for row in rows_of(store, table)] == ["2013", "2014"]
    assert [len(place.parts) for place in store.table(table).places] == [1, 1]
    assert store.table(table, [2014]).receipts[0].year == 2014
    assert store.table(table, [2015]) is None


def test_a_table_whose_month_was_not_delivered_is_received(tmp_path):
    """EXE_SOI_DTD of T_MCO_C is optional; the teaching layout has no FLX_DIS_DTD."""
    rows, _, receipt = received(tmp_path, "ER_PRS_F", ("er_prs_f.csv", "id,NUM_ENQ\n1,DPXX:1X\n"))
    assert [row["BEN_NIR_PSA"] for row in rows] == ["DPXX:1X"]
    assert (receipt.layout, receipt.months) == ("teaching", {})


def test_the_receipt_is_the_manifest(tmp_path):
    _, _, receipt = received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, "X", ";1;1;1;1;1")))
    place = Store(tmp_path / "warehouse").place(official_tables()["IR_BEN_R"], None)
    text = (place.folder / "manifest.json").read_text()
    assert Receipt.from_json(text).to_json() == text
    assert Receipt.from_json(text) == place.receipt == receipt
    assert sorted(path.name for path in place.folder.iterdir()) == sorted(["manifest.json", receipt.version])
    assert sorted(path.name for path in place.data.iterdir()) == ["part-0.parquet", "quarantine.csv"]


def test_a_receipt_is_read_once_and_again_when_another_takes_its_place(tmp_path):
    _, first = again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD)))
    place = Store(tmp_path / "warehouse").place(official_tables()["IR_BEN_R"], None)
    assert place.receipt is place.receipt
    _, second = again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, GOOD.replace("9X", "8X"))))
    assert (first.stored, second.stored, place.receipt) == (1, 2, second)
    (place.folder / "manifest.json").unlink()
    assert place.receipt is None


def test_the_same_files_are_not_received_again(tmp_path):
    first, receipt = again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD)))
    before = all_files(tmp_path / "warehouse")
    os.utime(tmp_path / "in" / "IR_BEN_R.csv", (1, 1))
    second, same = again(tmp_path, "IR_BEN_R")
    assert (first, second) == (Done.RECEIVED, Done.UNCHANGED)
    assert same == receipt
    assert all_files(tmp_path / "warehouse") == before


def test_the_same_files_give_the_same_store(tmp_path):
    for folder in ("a", "b"):
        again(tmp_path / folder, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, ";;;;;x", GOOD)))
    assert all_files(tmp_path / "a" / "warehouse") == all_files(tmp_path / "b" / "warehouse")


@pytest.mark.process
def test_another_process_knows_that_the_files_are_the_same(tmp_path):
    put(tmp_path / "in", ("IR_BEN_R.csv", ben(GOOD)))
    code = (
        "import sys; from pathlib import Path\n"
        "from snds_omop_assets.reception.delivery import open_delivery\n"
        "from snds_omop_assets.reception.receive import receive\n"
        "from snds_omop_assets.reception.store import Store\n"
        "folder = Path(sys.argv[1])\n"
        "print(receive(open_delivery(folder / 'in'), 'IR_BEN_R', None, Store(folder / 'warehouse')).done)\n"
    )
    done = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], env={**os.environ, "PYTHONHASHSEED": seed},
            check=True, capture_output=True, text=True,
        ).stdout.strip()
        for seed in ("1", "2", "3")
    ]  # fmt: skip
    assert done == ["received", "unchanged", "unchanged"]


def test_a_file_that_changed_is_received_again(tmp_path):
    _, first = again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD)))
    done, second = again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, "DPXX:1X;1;1963;12;075;114")))
    assert done == Done.RECEIVED
    assert (second.before, second.stored) == (first.version, 2)
    store = Store(tmp_path / "warehouse")
    place = store.place(official_tables()["IR_BEN_R"], None)
    assert len(rows_of(store, official_tables()["IR_BEN_R"])) == 2
    assert sorted(path.name for path in place.folder.iterdir()) == sorted(["manifest.json", second.version])


def test_a_file_that_is_not_delivered_any_more_is_listed(tmp_path):
    again(tmp_path, "IR_BEN_R", ("a/IR_BEN_R.csv", ben(GOOD)), ("b/IR_BEN_R.csv", ben("B1;1;1963;12;075;114")))
    (tmp_path / "in" / "b" / "IR_BEN_R.csv").unlink()
    done, receipt = again(tmp_path, "IR_BEN_R")
    assert (done, receipt.vanished, receipt.stored) == (Done.RECEIVED, ["b/IR_BEN_R.csv"], 1)


def test_a_year_that_lost_a_month_is_refused_and_the_store_is_as_before(tmp_path):
    january, february = (
        ("ER_PRS_F_201901.csv", prs(("2019-01-01", 1, ""))),
        ("ER_PRS_F_201902.csv", prs(("2019-02-01", 2, ""))),
    )
    again(tmp_path, "ER_PRS_F", january, february, year=2019)
    before = all_files(tmp_path / "warehouse")
    (tmp_path / "in" / "ER_PRS_F_201902.csv").unlink()
    with pytest.raises(DeliveryError, match=r"This delivery of ER_PRS_F 2019 lacks 2019-02, which the warehouse has"):
        again(tmp_path, "ER_PRS_F", year=2019)
    assert all_files(tmp_path / "warehouse") == before
    done, receipt = again(
        tmp_path, "ER_PRS_F", february, ("ER_PRS_F_201903.csv", prs(("2019-03-01", 3, ""))), year=2019
    )
    assert (done, list(receipt.months)) == (Done.RECEIVED, ["2019-01", "2019-02", "2019-03"])


def test_a_month_of_another_year_that_is_not_there_any_more_is_no_lost_month(tmp_path):
    """A flow of another year than the file's may go: only the year's own months must stay."""
    again(tmp_path, "ER_PRS_F", ("ER_PRS_F_2019.csv", prs(("2019-01-01", 1, ""), ("2018-12-01", 2, ""))), year=2019)
    done, receipt = again(tmp_path, "ER_PRS_F", ("ER_PRS_F_2019.csv", prs(("2019-01-01", 1, ""))), year=2019)
    assert (done, receipt.months) == (Done.RECEIVED, {"2019-01": 1})


def test_rows_without_a_month_that_are_not_there_any_more_are_no_lost_month(tmp_path):
    put(tmp_path / "ours", ("ours.yaml", "tables: {ER_PRS_F: {columns: {FLX_DIS_DTD: {required: no}}}}\n"))
    both = prs(("2019-01-01", 1, ""), ("2019-02-01", 2, "")).replace("\n2019-02-01;", "\n;")
    _, first = again(tmp_path, "ER_PRS_F", ("ER_PRS_F.csv", both), overrides=tmp_path / "ours")
    assert first.months == {"2019-01": 1, "unknown": 1}
    done, receipt = again(
        tmp_path, "ER_PRS_F", ("ER_PRS_F.csv", prs(("2019-01-01", 1, ""))), overrides=tmp_path / "ours"
    )
    assert (done, receipt.months) == (Done.RECEIVED, {"2019-01": 1})


KEYS = "FLX_DIS_DTD;FLX_TRT_DTD;FLX_EMT_TYP;FLX_EMT_NUM;FLX_EMT_ORD;ORG_CLE_NUM;DCT_ORD_NUM;PRS_ORD_NUM;REM_TYP_AFF"


@pytest.mark.parametrize(
    ("table", "file", "header", "rows"),
    [
        ("ER_PHA_F", "ER_PHA_F_2019.csv", f"{KEYS};PHA_PRS_C13",
         [f"2019-0{month}-01;2019-01-01;1;1;1;01C;1;1;0;3400930000000" for month in (1, 2)]),
        ("T_MCO_C", "T_MCO19C.csv", "ETA_NUM;RSA_NUM;NIR_ANO_17;EXE_SOI_DTD",
         [f"750712184;{month};DPXX:1X;2019-0{month}-05" for month in (1, 2)]),
    ],
)  # fmt: skip
def test_a_detail_table_and_a_table_of_the_pmsi_may_lose_a_month_but_not_all_rows(tmp_path, table, file, header, rows):
    """A month without such care is possible where care is rare."""
    _, first = again(tmp_path, table, (file, "\n".join([header, *rows]) + "\n"), year=2019)
    assert first.months == {"2019-01": 1, "2019-02": 1}
    done, receipt = again(tmp_path, table, (file, f"{header}\n{rows[0]}\n"), year=2019)
    assert (done, receipt.months) == (Done.RECEIVED, {"2019-01": 1})
    before = all_files(tmp_path / "warehouse")
    bad = rows[0].replace(";1;1;1;01C", ";1;;1;01C").replace(";1;DPXX", ";;DPXX")
    with pytest.raises(DeliveryError, match=rf"{table} 2019 has 0 rows that fit of 1, and the warehouse has 1"):
        again(tmp_path, table, (file, f"{header}\n{bad}\n"), year=2019)
    assert all_files(tmp_path / "warehouse") == before


def test_a_detail_table_that_has_no_row_any_more_does_not_replace_its_rows(tmp_path):
    row = "2019-01-01;2019-01-01;1;1;1;01C;1;1;0;3400930000000"
    again(tmp_path, "ER_PHA_F", ("ER_PHA_F_2019.csv", f"{KEYS};PHA_PRS_C13\n{row}\n"), year=2019)
    with pytest.raises(DeliveryError, match=r"has 0 rows that fit of 0, and the warehouse has 1: .*it has no rows"):
        again(tmp_path, "ER_PHA_F", ("ER_PHA_F_2019.csv", f"{KEYS};PHA_PRS_C13\n"), year=2019)


def test_a_second_delivery_of_which_a_fifth_is_set_aside_replaces_the_first_and_more_does_not(tmp_path):
    good = [f"DPXX:{number}X;1;1963;12;075;114" for number in range(8)]
    again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(*good)))
    done, receipt = again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(*good, "X", ";1;1963;12;075;114")))
    assert (done, receipt.set_aside, receipt.rows) == (Done.RECEIVED, 2, 10)
    before = all_files(tmp_path / "warehouse")
    sentence = (
        r"IR_BEN_R has 8 rows that fit of 11, and the warehouse has 8: it does not replace what is there "
        r"\(.*BEN_NIR_PSA: required value is missing\).*remove .*ir_ben_r and receive again"
    )
    with pytest.raises(DeliveryError, match=sentence):
        again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(*good, "X", "X;2", ";1;1963;12;075;114")))
    assert all_files(tmp_path / "warehouse") == before


def test_a_first_delivery_is_stored_whatever_fits(tmp_path):
    done, receipt = again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben("X", ";1;1963;12;075;114")))
    assert (done, receipt.stored, receipt.set_aside) == (Done.RECEIVED, 0, 2)
    done, receipt = again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben("X")))
    assert (done, receipt.stored, receipt.set_aside) == (Done.RECEIVED, 0, 1), "no row is lost"


@pytest.mark.parametrize("damage", ["fewer rows", "cut", "no Parquet", "one month gone"])
def test_a_store_that_is_damaged_is_received_again(tmp_path, damage):
    rows = [(f"2019-0{month}-01", number, "") for month in (1, 2) for number in range(3)]
    _, first = again(tmp_path, "ER_PRS_F", ("ER_PRS_F_2019.csv", prs(*rows)), year=2019)
    store, table = Store(tmp_path / "warehouse"), official_tables()["ER_PRS_F"]
    place, whole = store.place(table, 2019), rows_of(store, table)
    part = place.parts[0]
    match damage:
        case "fewer rows":
            pq.write_table(pq.read_table(part, partitioning=None).slice(1), part)
        case "cut":
            part.write_bytes(part.read_bytes()[:-10])
        case "no Parquet":
            part.write_bytes(b"no Parquet")
        case _:
            part.unlink()
    done, second = again(tmp_path, "ER_PRS_F", year=2019)
    assert (done, second.version, second.stored) == (Done.RECEIVED, first.version, 6)
    assert rows_of(store, table) == whole
    assert again(tmp_path, "ER_PRS_F", year=2019)[0] == Done.UNCHANGED


def test_what_was_stored_and_lost_its_files_is_received_again(tmp_path):
    again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD)))
    place = Store(tmp_path / "warehouse").place(official_tables()["IR_BEN_R"], None)
    for part in place.parts:
        part.unlink()
    assert again(tmp_path, "IR_BEN_R")[0] == Done.RECEIVED
    assert len(place.parts) == 1


def test_what_a_killed_run_left_is_removed(tmp_path):
    again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD)))
    place = Store(tmp_path / "warehouse").place(official_tables()["IR_BEN_R"], None)
    left = place.folder / f".killed{PARTIAL}"
    put(left, ("part-0.parquet", "cut"))
    _, receipt = again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, GOOD.replace("9X", "8X"))))
    assert sorted(path.name for path in place.folder.iterdir()) == sorted(["manifest.json", receipt.version])


def test_a_contract_that_changed_receives_again(tmp_path):
    (tmp_path / "ours").mkdir()
    put(tmp_path / "ours", ("ours.yaml", "tables: {IR_BEN_R: {columns: {NOT_OURS: {type: code}}}}\n"))
    header = f"{IR_BEN_R};NOT_OURS"
    first, _ = again(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD + ";07", header=header)))
    second, receipt = again(tmp_path, "IR_BEN_R", overrides=tmp_path / "ours")
    third, _ = again(tmp_path, "IR_BEN_R", overrides=tmp_path / "ours")
    assert (first, second, third) == (Done.RECEIVED, Done.RECEIVED, Done.UNCHANGED)
    assert "NOT_OURS" in receipt.columns
    table = open_delivery(tmp_path / "in", overrides=tmp_path / "ours").table("IR_BEN_R")
    assert [row["NOT_OURS"] for row in rows_of(Store(tmp_path / "warehouse"), table)] == ["7"]


def test_a_table_that_came_by_year_does_not_come_whole_after(tmp_path):
    again(tmp_path, "T_MCO_E", ("T_MCO13E.csv", "ETA_NUM\n75010016\n"), year=2013)
    before = all_files(tmp_path / "warehouse")
    (tmp_path / "in" / "T_MCO13E.csv").rename(tmp_path / "in" / "T_MCOaaE.csv")
    with pytest.raises(DeliveryError, match="comes whole and the warehouse has it by year"):
        receive(open_delivery(tmp_path / "in", "official"), "T_MCO_E", None, Store(tmp_path / "warehouse"))
    assert all_files(tmp_path / "warehouse") == before


@pytest.mark.parametrize(("first", "then"), [("B", "D"), ("D", "B")])
def test_rows_that_are_joined_come_all_by_year_or_all_whole_over_deliveries_too(tmp_path, first, then):
    """T_MCO_D belongs to T_MCO_B, whichever was there first."""
    rows = {"B": "ETA_NUM;RSA_NUM;BDI_DEP\n1;1;75\n", "D": "ETA_NUM;RSA_NUM;ASS_DGN\n1;1;I10\n"}
    again(tmp_path, f"T_MCO_{first}", (f"T_MCO13{first}.csv", rows[first]), year=2013)
    (tmp_path / "in" / f"T_MCO13{first}.csv").unlink()
    put(tmp_path / "in", (f"T_MCOaa{then}.csv", rows[then]))
    with pytest.raises(DeliveryError, match=f"T_MCO_{then} comes whole and the warehouse has T_MCO_{first} by year"):
        receive(open_delivery(tmp_path / "in", "official"), f"T_MCO_{then}", None, Store(tmp_path / "warehouse"))


def test_the_year_before_is_what_a_new_year_is_compared_with(tmp_path):
    again(tmp_path, "T_MCO_E", ("T_MCO13E.csv", "ETA_NUM;SOC_RAI\n75010016;A\n"), year=2013)
    _, receipt = again(tmp_path, "T_MCO_E", ("T_MCO14E.csv", "ETA_NUM\n75010016\n"), year=2014)
    assert [(entry["what"], entry["column"]) for entry in receipt.drift] == [("columns", "SOC_RAI")]


# Rows that are there twice


def test_a_row_that_repeats_another_is_removed_and_listed(tmp_path):
    rows, quarantine, receipt = received(
        tmp_path, "IR_BEN_R",
        ("a/IR_BEN_R.csv", ben(GOOD, "DPXX:1X;1;1963;12;075;114", GOOD)), ("b/IR_BEN_R.csv", ben(GOOD)),
    )  # fmt: skip
    assert [(row["source_file"], row["source_line"]) for row in rows] == [("a/IR_BEN_R.csv", 2), ("a/IR_BEN_R.csv", 3)]
    assert [(q["file"], *brief([q])[0]) for q in quarantine] == [
        ("a/IR_BEN_R.csv", "4", "", "row removed", "the same row as another"),
        ("b/IR_BEN_R.csv", "2", "", "row removed", "the same row as another"),
    ]
    assert [(file.rows, file.stored, file.set_aside, file.duplicates) for file in receipt.files] == [
        (3, 2, 0, 1), (1, 0, 0, 1),
    ]  # fmt: skip
    contract = official_tables()["IR_BEN_R"]
    assert Store(tmp_path / "warehouse").table(contract).schema.equals(contract.schema)


def test_rows_that_share_a_key_and_differ_both_stay(tmp_path):
    rows, quarantine, receipt = received(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, GOOD.replace("114", "115"))))
    assert (len(rows), quarantine, receipt.duplicates) == (2, [], 0)


def test_a_row_is_the_same_however_it_is_spelled(tmp_path):
    """75 and 075 are one department; BEN_SEX_COD keeps the delivered spelling, and so differs."""
    rows, _, receipt = received(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, GOOD.replace(";075;", ";75;"), GOOD.replace(";2;", ";02;")))
    )
    assert (len(rows), receipt.duplicates) == (2, 1)


def test_equal_rows_of_a_table_without_a_key_both_stay(tmp_path):
    """Two equal lines of a detail table may be two boxes of the same drug."""
    assert official_tables()["ER_PHA_F"].key == ()
    keys = official_tables()["ER_PRS_F"].key
    row = ";".join("2019-01-01" if name.endswith("DTD") else "1" for name in keys)
    rows, quarantine, _ = received(
        tmp_path, "ER_PHA_F", ("ER_PHA_F_2019.csv", f"{';'.join(keys)}\n{row}\n{row}\n"), year=2019
    )
    assert (len(rows), quarantine) == (2, [])


def test_rows_of_a_month_that_came_in_two_files_are_removed_too(tmp_path):
    rows, quarantine, receipt = received(
        tmp_path, "ER_PRS_F",
        ("ER_PRS_F_201901.csv", prs(("2019-01-01", 1, "2"))),
        ("ER_PRS_F_201902.csv", prs(("2019-01-01", 1, "2"), ("2019-02-01", 2, ""))),
        year=2019,
    )  # fmt: skip
    assert len(rows) == 2
    assert [(q["file"], q["line"], q["action"]) for q in quarantine] == [("ER_PRS_F_201902.csv", "2", "row removed")]
    assert receipt.rows == receipt.stored + receipt.duplicates == 3
    assert receipt.months == {"2019-01": 1, "2019-02": 1}, "of the rows that are stored"
    assert receipt.described == 3, "NULLs, codes and sizes are counted before"
    assert receipt.sizes["PRS_ACT_QTE"] == {"2^2": 2}


def test_the_months_of_a_copy_are_counted_once_and_it_is_not_described(tmp_path):
    text = prs(("2019-01-01", 1, "2"), ("2019-01-01", 1, "2"), ("2019-01-01", 2, "2"))
    _, _, receipt = received(
        tmp_path, "ER_PRS_F", ("ER_PRS_F_2019_1.csv", text), ("ER_PRS_F_2019_2.csv", text), year=2019
    )
    assert (receipt.rows, receipt.stored, receipt.duplicates, receipt.described) == (6, 2, 4, 3)
    assert receipt.months == {"2019-01": 2}


def test_the_same_file_under_two_names_is_read_once(tmp_path):
    rows, quarantine, receipt = received(
        tmp_path, "IR_BEN_R", ("a/IR_BEN_R.csv", ben(GOOD, "X")), ("b/IR_BEN_R.csv", ben(GOOD, "X"))
    )
    assert [row["source_file"] for row in rows] == ["a/IR_BEN_R.csv"]
    assert [(file.rows, file.stored, file.set_aside, file.duplicates) for file in receipt.files] == [
        (2, 1, 1, 0), (2, 0, 0, 2),
    ]  # fmt: skip
    assert [file.copy_of for file in receipt.files] == [None, "a/IR_BEN_R.csv"]
    assert [q["file"] for q in quarantine] == ["a/IR_BEN_R.csv"]


def test_a_file_and_the_same_packed_are_read_once(tmp_path):
    text = ben(GOOD, "X")
    archive = tmp_path / "in" / "c" / "IR_BEN_R.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("IR_BEN_R.csv", text)
    rows, quarantine, receipt = received(
        tmp_path, "IR_BEN_R", ("a/IR_BEN_R.csv", text), ("b/IR_BEN_R.csv.gz", gzip.compress(text.encode()))
    )
    assert [row["source_file"] for row in rows] == ["a/IR_BEN_R.csv"]
    assert [(file.rows, file.stored, file.set_aside, file.duplicates, file.copy_of) for file in receipt.files] == [
        (2, 1, 1, 0, None), (2, 0, 0, 2, "a/IR_BEN_R.csv"), (2, 0, 0, 2, "a/IR_BEN_R.csv"),
    ]  # fmt: skip
    assert len({file.sha256 for file in receipt.files}) == 1
    assert [file.bytes for file in receipt.files] == [len(text)] * 3
    assert [q["file"] for q in quarantine] == ["a/IR_BEN_R.csv"]


@pytest.mark.parametrize("quoted", [False, True])
def test_a_header_that_is_repeated_after_a_mark_of_utf_8_is_no_row(tmp_path, quoted):
    """A file with its mark was put behind another."""
    header = '"NUM_ENQ"' + IR_BEN_R.removeprefix("NUM_ENQ") if quoted else IR_BEN_R
    rows, quarantine, receipt = received(
        tmp_path, "IR_BEN_R",
        ("IR_BEN_R.csv", f"\ufeff{header}\n{GOOD}\n\ufeff{header}\n{GOOD.replace('9X', '8X')}\n"),
    )  # fmt: skip
    assert [row["BEN_NIR_PSA"] for row in rows] == ["DPXX:9X", "DPXX:8X"]
    assert brief(quarantine) == [("3", "", "row set aside", "repeats the header")]
    assert (receipt.rows, receipt.stored, receipt.set_aside) == (3, 2, 1)


def test_a_header_that_is_repeated_is_no_row(tmp_path):
    """Monthly files were put one behind the other."""
    rows, quarantine, receipt = received(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", ben(GOOD, IR_BEN_R, "NUM_ENQ;1;1963;12;075;114", IR_BEN_R))
    )
    assert [row["BEN_NIR_PSA"] for row in rows] == ["DPXX:9X", "NUM_ENQ"]
    assert brief(quarantine) == [
        ("3", "", "row set aside", "repeats the header"),
        ("5", "", "row set aside", "repeats the header"),
    ]
    assert (receipt.rows, receipt.stored, receipt.set_aside) == (4, 2, 2)


# Everything is accounted for

VALUE = st.sampled_from(["", "1", "01", "2.0", "13", "1600", "1963", "abc", "DPXX:1X", "2013-02-31", '"a;b"', "."])
ROW = st.lists(VALUE, min_size=5, max_size=7) | st.sampled_from([GOOD.split(";"), IR_BEN_R.split(";"), [""] * 6, [""]])
NO_DEADLINE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@NO_DEADLINE
@given(
    rows=st.lists(ROW, max_size=25), batch=st.sampled_from([3, 100_000]), copies=st.integers(0, 2),
    required=st.booleans(),
)  # fmt: skip
def test_every_row_read_is_stored_or_set_aside_or_a_duplicate(
    tmp_path_factory, monkeypatch, rows, batch, copies, required
):
    folder = tmp_path_factory.mktemp("receive")
    ours = year_required(folder) if required else None
    monkeypatch.setattr(reading, "BATCH_ROWS", batch)
    monkeypatch.setattr(reading, "BLOCK_BYTES", 150)
    rows = [["DPXX:0X", "1", "1963", "12", "075", "114"], *rows]
    text = ben(*(";".join(row) for row in rows))
    files = [(f"{number}/IR_BEN_R.csv", text + ("\n" * number if copies == 2 else "")) for number in range(copies + 1)]
    stored, quarantine, receipt = received(folder, "IR_BEN_R", *files, overrides=ours)
    blank = sum(row in ([""], [""] * 6) for row in rows)
    for number, file in enumerate(receipt.files):
        assert file.rows == len(rows) - blank == file.stored + file.set_aside + file.duplicates
        if file.copy_of is None:
            assert file.blank_lines == blank + (number if copies == 2 else 0)
            for count, action in ((file.set_aside, "row set aside"), (file.duplicates, "row removed")):
                lines = {q["line"] for q in quarantine if (q["file"], q["action"]) == (file.file, action)}
                assert len(lines) == count
                assert not lines & {str(row["source_line"]) for row in stored if row["source_file"] == file.file}
        assert file.stored == sum(row["source_file"] == file.file for row in stored)
    assert len(stored) == receipt.stored
    years = {row["BEN_NAI_ANN"] for row in stored}
    assert all(row["BEN_NIR_PSA"] for row in stored)
    assert all(1850 <= year <= 2100 for year in (years if required else years - {None}))
    assert sum(receipt.rejects.values()) == len(quarantine)
    different = [tuple(v for k, v in row.items() if k not in (SOURCE_FILE, SOURCE_LINE)) for row in stored]
    assert len(different) == len(set(different))


# Each of the 233 tables


VALUES = {
    "code": "1", "finess": "750100166", "pseudonym": "DPXX:1X", "date": "2013-01-31", "year": "1963", "month": "7",
    "year_month": "201301", "integer": "1", "decimal": "1.50", "text": "texte",
}  # fmt: skip
"""A plausible value of each type, as an official delivery writes it."""


def value_for(column):
    """A plausible value of a column."""
    return {r"\d{3}": "114", r"\d{3}|02[AB]": "075"}.get(column.pattern, VALUES[column.type])


PRODUCTS = sorted({table.product for table in official_tables().values()})


def load(folder, name, delivery):
    """Receive one table of 2013."""
    table = delivery.table(name)
    year = 2013 if "{" in table.file else None
    return receive(delivery, name, year, Store(folder / "warehouse")).receipt, year


@pytest.mark.parametrize("product", PRODUCTS)
def test_each_table_of_the_contracts_loads_a_file_of_its_official_columns(tmp_path, product):
    tables = {name: table for name, table in official_tables().items() if table.product == product}
    for table in tables.values():
        row = ";".join(value_for(column) for column in table.columns.values())
        put(tmp_path / "in", (table.file_name(), f"{';'.join(table.columns)}\n{row}\n"))
    delivery, store = open_delivery(tmp_path / "in", "official"), Store(tmp_path / "warehouse")
    assert sorted(delivery.tables) == sorted(tables)
    for name, table in tables.items():
        receipt, year = load(tmp_path, name, delivery)
        assert (name, receipt.rows, receipt.stored, receipt.rejects) == (name, 1, 1, {})
        assert (receipt.columns, receipt.files[0].absent, receipt.files[0].ignored) == (set(table.columns), [], [])
        stored = store.table(table)
        assert stored.schema.equals(table.schema)
        assert [n for n in stored.schema.names if not n.endswith(DELIVERED)] == [
            *table.columns,
            SOURCE_FILE,
            SOURCE_LINE,
        ]
        (found,) = rows_of(store, table)
        assert None not in [found[column] for column in table.columns], "a plausible value is no missing one"
        assert store.place(table, year).receipt == receipt


@pytest.mark.parametrize("product", PRODUCTS)
def test_each_table_of_the_contracts_loads_a_file_of_a_header_or_says_that_it_has_no_row(tmp_path, product):
    tables = {name: table for name, table in official_tables().items() if table.product == product}
    put(tmp_path / "in", *((table.file_name(), f"{';'.join(table.columns)}\n") for table in tables.values()))
    delivery, store = open_delivery(tmp_path / "in", "official"), Store(tmp_path / "warehouse")
    for name, table in tables.items():
        if table.may_be_empty:
            receipt, _ = load(tmp_path, name, delivery)
            assert (name, receipt.rows, receipt.stored, receipt.rejects) == (name, 0, 0, {})
            assert store.table(table).schema.equals(table.schema)
            assert rows_of(store, table) == []
        else:
            with pytest.raises(DeliveryError, match=rf"{table.file_name()} has a header and no row, so .* no {name}: "):
                load(tmp_path, name, delivery)
            assert store.table(table) is None
