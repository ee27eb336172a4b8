"""Receiving a table: what fits is stored, what does not is set aside or set to NULL, and everything is counted."""

import csv

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snds_omop_assets.contracts.snds_tables import official_tables
from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.io_managers.stored import ParquetTable, write_parquet
from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.reception.receive import receive_table

IR_BEN_R = "NUM_ENQ;BEN_SEX_COD;BEN_NAI_ANN;BEN_NAI_MOI;BEN_RES_DPT;BEN_RES_COM"


def receive(folder, table, *files):
    """Receive a table from files given as (name, text); gives rows, quarantine lines and the account."""
    folder.mkdir(exist_ok=True)
    for name, text in files:
        (folder / name).write_text(text, encoding="utf-8")
    path = folder / "store" / f"{table.lower()}.parquet"
    frames, account, _ = receive_table(open_delivery(folder), table, path)
    write_parquet(frames, path)
    with path.with_name(f"{table.lower()}.quarantine.csv").open(newline="") as lines:
        quarantine = list(csv.DictReader(lines))
    rows = [row for batch in ParquetTable(path).batches() for row in batch.to_pylist()]
    return rows, quarantine, account


def test_a_good_row_is_typed_and_keeps_what_was_delivered(tmp_path):
    rows, quarantine, account = receive(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", f"{IR_BEN_R}\nDPXX:1X;02;1963;12;75;114\n")
    )
    assert rows[0]["BEN_NIR_PSA"] == "DPXX:1X"
    assert (rows[0]["BEN_SEX_COD"], rows[0]["BEN_SEX_COD_DELIVERED"]) == ("2", "02")
    assert (rows[0]["BEN_NAI_ANN"], rows[0]["BEN_NAI_MOI"]) == (1963, 12)
    assert (rows[0]["BEN_RES_DPT"], rows[0]["BEN_RES_COM"]) == ("075", "114")
    assert (rows[0]["source_file"], rows[0]["source_line"]) == ("IR_BEN_R.csv", 2)
    assert rows[0]["BEN_DCD_DTE"] is None, "a column that was not delivered is NULL"
    assert quarantine == []
    assert account.normalised["BEN_SEX_COD"] == 1
    assert account.received_as == {"BEN_NIR_PSA": "NUM_ENQ"}
    assert "BEN_DCD_DTE" in account.absent


def test_a_bad_value_in_an_optional_column_becomes_null_and_is_listed(tmp_path):
    rows, quarantine, account = receive(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", f"{IR_BEN_R}\nDPXX:1X;1;1963;13;075;114\nDPXX:2X;1;1970;mai;075;114\n")
    )
    assert [row["BEN_NAI_MOI"] for row in rows] == [None, None]
    assert [(line["line"], line["column"], line["action"], line["reason"]) for line in quarantine] == [
        ("2", "BEN_NAI_MOI", "value set to NULL", "more than 12"),
        ("3", "BEN_NAI_MOI", "value set to NULL", "does not parse as month"),
    ]
    assert (account.rows_read, account.rows_stored, account.rows_set_aside) == (2, 2, 0)


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (";1;1963;12;075;114", "BEN_NIR_PSA", "required value is missing"),
        ("DPXX:1X;1;;12;075;114", "BEN_NAI_ANN", "required value is missing"),
        ("DPXX:1X;1;19x3;12;075;114", "BEN_NAI_ANN", "does not parse as year"),
        ("DPXX:1X;1;1600;12;075;114", "BEN_NAI_ANN", "required value is not given"),
        ("DPXX:1X;1;1749;12;075;114", "BEN_NAI_ANN", "less than 1850"),
        ("DPXX:1X;1;1963", "", "3 values where the header has 6"),
    ],
)
def test_a_bad_value_in_a_required_column_sets_the_row_aside(tmp_path, row, column, reason):
    rows, quarantine, account = receive(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", f"{IR_BEN_R}\nDPXX:9X;2;1980;01;075;114\n{row}\n")
    )
    assert [r["BEN_NIR_PSA"] for r in rows] == ["DPXX:9X"]
    assert [(q["file"], q["line"], q["column"], q["action"], q["reason"]) for q in quarantine] == [
        ("IR_BEN_R.csv", "3", column, "row set aside", reason)
    ]
    assert (account.rows_read, account.rows_stored, account.rows_set_aside) == (2, 1, 1)


def test_the_quarantine_shows_values_of_codes_but_never_of_persons(tmp_path):
    header = "NUM_ENQ;BEN_NAI_ANN;BEN_NAI_MOI;ORG_AFF_BEN"
    _, quarantine, _ = receive(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", f"{header}\nDPXX:1X;1963;77;01C\nDPXX:2X;secret;1;01C\n")
    )
    assert {q["value"] for q in quarantine} == {""}
    keys = "id,NUM_ENQ,prs_act_qte"
    _, quarantine, _ = receive(tmp_path / "b", "ER_PRS_F", ("er_prs_f.csv", f"{keys}\n1,DPXX:1X,beaucoup\n"))
    assert [q["value"] for q in quarantine] == ["beaucoup"]
    _, quarantine, _ = receive(tmp_path / "c", "ER_PRS_F", ("er_prs_f.csv", f"{keys}\n1,DPXX:1X,{'a' * 17}\n"))
    assert [q["value"] for q in quarantine] == [""], "a pseudonym may stand in the wrong column"
    _, quarantine, _ = receive(tmp_path / "d", "ER_PRS_F", ("er_prs_f.csv", f"{keys}\n1,A1,A2\n2,A2,1\n"))
    assert [q["value"] for q in quarantine] == [""], "A2 is the pseudonym of the second row"


def test_an_end_before_its_start_becomes_null(tmp_path):
    header = "id,NUM_ENQ,exe_soi_dtd,exe_soi_dtf"
    rows, quarantine, _ = receive(
        tmp_path, "ER_PRS_F",
        ("er_prs_f.csv", f"{header}\n1,A1X,2013-03-05,2013-03-04\n2,A1X,2013-03-05,2013-03-05\n3,A1X,,2013-03-04\n"),
    )  # fmt: skip
    assert [row["EXE_SOI_DTF"] and str(row["EXE_SOI_DTF"]) for row in rows] == [None, "2013-03-05", "2013-03-04"]
    assert [(q["line"], q["column"], q["reason"]) for q in quarantine] == [("2", "EXE_SOI_DTF", "before EXE_SOI_DTD")]


def test_a_row_set_aside_is_listed_once_per_broken_required_column(tmp_path):
    _, quarantine, account = receive(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", f"{IR_BEN_R}\n;1;abc;77;075;114\n"))
    assert [q["column"] for q in quarantine] == ["BEN_NIR_PSA", "BEN_NAI_ANN"]
    assert account.rows_set_aside == 1


def test_an_unknown_code_is_kept(tmp_path):
    rows, quarantine, _ = receive(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", f"{IR_BEN_R}\nDPXX:1X;7;1963;12;075;114\n"))
    assert rows[0]["BEN_SEX_COD"] == "7"
    assert quarantine == []


def test_columns_beyond_the_contract_are_left_out_and_told(tmp_path):
    _, _, account = receive(tmp_path, "IR_SPE_V", ("IR_SPE_V.csv", "PFS_SPE_COD;PFS_SPE_LIB;TEC_COL\n1;MEDECINE;0\n"))
    assert account.ignored == {"TEC_COL"}


def test_the_files_of_a_table_follow_each_other(tmp_path):
    rows, _, account = receive(
        tmp_path, "T_MCO_E",
        ("T_MCO14E.csv", "ETA_NUM;SOC_RAI\n750100166;B\n"), ("T_MCO13E.csv", "soc_rai,eta_num\nA,75010016\n"),
    )  # fmt: skip
    assert [(row["ETA_NUM"], row["ETA_NUM_DELIVERED"], row["SOC_RAI"]) for row in rows] == [
        ("750100166", "75010016", "A"), ("750100166", "750100166", "B"),
    ]  # fmt: skip
    assert account.files == ["T_MCO13E.csv", "T_MCO14E.csv"]


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_a_file_with_a_header_only_is_refused_where_the_table_must_have_rows(tmp_path, end):
    with pytest.raises(DeliveryError, match=r"IR_BEN_R\.csv has a header and no row"):
        receive(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", IR_BEN_R + end))
    assert not any((tmp_path / "store").iterdir())


def test_a_detail_table_may_have_no_row(tmp_path):
    """A small population may have no stay in a clinic."""
    keys = ";".join(official_tables()["ER_ETE_F"].key)
    rows, quarantine, account = receive(tmp_path, "ER_ETE_F", ("ER_ETE_F_2013.csv", f"{keys};ETB_EXE_FIN\n"))
    assert rows == quarantine == []
    assert account.rows_read == 0


def test_the_commune_is_three_digits_or_it_is_null(tmp_path):
    rows, quarantine, _ = receive(
        tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", f"{IR_BEN_R}\nDPXX:1X;1;1963;12;75;75114\nDPXX:2X;1;1963;12;75114;114\n")
    )
    assert [(row["BEN_RES_DPT"], row["BEN_RES_COM"]) for row in rows] == [("075", None), (None, "114")]
    assert [(q["column"], q["reason"]) for q in quarantine] == [
        ("BEN_RES_COM", "does not parse as code"), ("BEN_RES_DPT", "does not parse as code"),
    ]  # fmt: skip


def test_a_missing_required_column_is_said_in_a_sentence(tmp_path):
    sentence = r"IR_BEN_R\.csv lacks the required column BEN_NIR_PSA \(or NUM_ENQ\).*has BEN_NAI_ANN and 1 others"
    with pytest.raises(DeliveryError, match=sentence):
        receive(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", "BEN_NAI_ANN;SEXE\n1963;2\n"))


def test_a_file_without_a_header_line_is_refused_without_its_values(tmp_path):
    with pytest.raises(DeliveryError, match="add the header line") as refusal:
        receive(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", "DPXX:1X;2;1963;12;075;114\nDPXX:2X;2;1963;12;075;114\n"))
    assert "DPXX" not in str(refusal.value)


def test_a_missing_column_says_for_which_layout_the_delivery_was_taken(tmp_path):
    with pytest.raises(DeliveryError, match=r"lacks the required column ID .*set SNDS_LAYOUT=official"):
        receive(tmp_path, "ER_PRS_F", ("T_MCOaaE.csv", "A\n"), ("ER_PRS_F.csv", "FLX_DIS_DTD;NUM_ENQ\n"))


def test_two_files_of_one_name_in_two_folders_are_told_apart(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "IR_BEN_R.csv").write_text(f"{IR_BEN_R}\nDPXX:{folder};1;1963;12;075;114\n")
    rows, _, _ = receive(tmp_path, "IR_BEN_R")
    assert [row["source_file"] for row in rows] == ["a/IR_BEN_R.csv", "b/IR_BEN_R.csv"]


def test_a_reception_that_fails_leaves_the_old_table_and_quarantine(tmp_path):
    old_rows, old_quarantine, _ = receive(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", f"{IR_BEN_R}\n;1;1963;12;075;114\n"))
    with pytest.raises(DeliveryError):
        receive(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", f'{IR_BEN_R}\nDPXX:1X;1;1963;12;075;"never closed\n'))
    store = tmp_path / "store"
    assert sorted(path.name for path in store.iterdir()) == ["ir_ben_r.parquet", "ir_ben_r.quarantine.csv"]
    with (store / "ir_ben_r.quarantine.csv").open(newline="") as lines:
        assert list(csv.DictReader(lines)) == old_quarantine
    assert ParquetTable(store / "ir_ben_r.parquet").rows == len(old_rows) == 0


VALUE = st.sampled_from(["", "1", "01", "2.0", "13", "1600", "1963", "abc", "DPXX:1X", "2013-02-31", '"a;b"'])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(VALUE, min_size=5, max_size=7), max_size=25))
def test_every_row_read_is_stored_or_set_aside(tmp_path, rows):
    rows = [["DPXX:1X", "1", "1963", "12", "075", "114"], *rows]
    text = "\n".join([IR_BEN_R, *(";".join(row) for row in rows)]) + "\n"
    stored, quarantine, account = receive(tmp_path, "IR_BEN_R", ("IR_BEN_R.csv", text))
    assert account.rows_read == len(rows) - account.blank_lines == account.rows_stored + account.rows_set_aside
    assert len(stored) == account.rows_stored
    aside = {q["line"] for q in quarantine if q["action"] == "row set aside"}
    assert len(aside) == account.rows_set_aside
    assert not aside & {str(row["source_line"]) for row in stored}
    assert all(row["BEN_NIR_PSA"] and 1850 <= row["BEN_NAI_ANN"] <= 2100 for row in stored)
