"""Finding the files of a delivery, and recognising its layout."""

import pytest

from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.delivery import look_at, open_delivery


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("IR_BEN_R.csv", "IR_BEN_R"),
        ("ir_ben_r.CSV", "IR_BEN_R"),
        ("ER_PRS_F.csv", "ER_PRS_F"),
        ("ER_PRS_F_2019.CSV", "ER_PRS_F"),
        ("T_MCO13E.csv", "T_MCO_E"),
        ("t_mco2013e.csv", "T_MCO_E"),
        ("T_MCOaaE.csv", "T_MCO_E"),
        ("DCIR/2013/er_prs_f_2013.csv", "ER_PRS_F"),
        ("ER_PRS_F_201304.csv", "ER_PRS_F"),  # a month of flow
        ("ER_PRS_F_2013_2.csv", "ER_PRS_F"),  # the second part of a year
    ],
)
def test_files_are_found_in_any_case_with_any_year_in_any_sub_folder(tmp_path, file, table):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("A;B\n")
    assert open_delivery(tmp_path).files_of(table) == (tmp_path / file,)


@pytest.mark.parametrize(
    "file", ["T_MCO13C.csv", "IR_BEN_R_ARC.csv", "ER_PRS_F_old.csv", "T_MCOE.csv", "IR_BEN_R.xlsx"]
)
def test_other_files_are_left_alone(tmp_path, file):
    (tmp_path / file).write_text("A;B\n")
    assert not any(open_delivery(tmp_path).files.values())
    assert open_delivery(tmp_path).unclaimed == (file,), "they are told"


def test_a_table_may_be_cut_into_several_files(tmp_path):
    for year in (2014, 2013):
        (tmp_path / f"ER_PRS_F_{year}.csv").write_text("A;B\n")
    assert [p.name for p in open_delivery(tmp_path).files_of("ER_PRS_F")] == ["ER_PRS_F_2013.csv", "ER_PRS_F_2014.csv"]


@pytest.mark.parametrize(
    ("file", "header"),
    [
        ("t_mcoaae.csv", "eta_num;soc_rai"),
        ("er_prs_f.csv", "id,NUM_ENQ,prs_nat_ref"),
        ("IR_BEN_R.csv", "NUM_ENQ;BEN_RES_DPT;BEN_RES_REG"),
    ],
)
def test_one_sign_is_enough_to_recognise_the_teaching_layout(tmp_path, file, header):
    (tmp_path / file).write_text(header + "\n")
    assert open_delivery(tmp_path).layout.name == "teaching"


def test_a_delivery_without_any_sign_has_the_official_layout(delivery):
    assert open_delivery(delivery).layout.name == "official"


def test_the_layout_can_be_given(tmp_path):
    assert open_delivery(tmp_path, "teaching").layout.name == "teaching"
    with pytest.raises(DeliveryError, match=r"SNDS_LAYOUT is 'taught'.*official, teaching"):
        open_delivery(tmp_path, "taught")


@pytest.mark.parametrize(
    ("content", "encoding", "separator", "header"),
    [
        ("A;B\n1;é\n".encode(), "utf-8-sig", ";", ("A", "B")),
        ("\ufeffA,B\r\n1,é\r\n".encode(), "utf-8-sig", ",", ("A", "B")),
        ("A\tB\n1\té\n".encode("cp1252"), "cp1252", "\t", ("A", "B")),
        (b'"A" ; "B"\n', "utf-8-sig", ";", ("A", "B")),
        (b"A\n1\n", "utf-8-sig", ";", ("A",)),
        (b'"A;A";B\n', "utf-8-sig", ";", ("A;A", "B")),
        (b"A;B;;\n", "utf-8-sig", ";", ("A", "B", "(column 3)", "(column 4)")),
        (b"\r\n\nA;B\n1;2\n", "utf-8-sig", ";", ("A", "B")),
        (b"A;B\n1;\x81\xe9\n", "latin-1", ";", ("A", "B")),  # 0x81 is nothing in Windows-1252
        ("A;B\n1;é".encode()[:-1], "cp1252", ";", ("A", "B")),  # cut in the middle of a character
        (b"A;B\n1;2\n\x1a", "utf-8-sig", ";", ("A", "B")),  # as DOS ends a file
    ],
)
def test_how_a_file_is_written_is_found_from_the_file(tmp_path, content, encoding, separator, header):
    (tmp_path / "f.csv").write_bytes(content)
    found = look_at(tmp_path / "f.csv")
    assert (found.encoding, found.separator, found.header) == (encoding, separator, header)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "f.csv is empty"),
        (b"\n\n", "f.csv is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "f.csv is not a text file"),
        (b"A;B\n1;\x00\n", "f.csv is not a text file"),
        (b"A;B;a\n", r"f.csv has the same column twice in its header \(columns 1 and 3\)"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path, content, sentence):
    (tmp_path / "f.csv").write_bytes(content)
    with pytest.raises(DeliveryError, match=sentence):
        look_at(tmp_path / "f.csv")


def test_missing_folder_and_missing_table_are_said_in_a_sentence(tmp_path):
    with pytest.raises(DeliveryError, match="does not exist: set SNDS_DELIVERY"):
        open_delivery(tmp_path / "nowhere")
    with pytest.raises(DeliveryError, match=r"T_MCO_E is missing.*no file is named T_MCO13E\.csv"):
        open_delivery(tmp_path).files_of("T_MCO_E")


def test_a_table_that_the_recognised_layout_does_not_have_is_no_empty_table(tmp_path):
    """A detail table is there, and yet IR_BEN_R looks like teaching: people must say which it is."""
    (tmp_path / "IR_BEN_R.csv").write_text("NUM_ENQ;BEN_RES_REG\n")
    (tmp_path / "ER_ETE_F_2013.csv").write_text("A;B\n")
    with pytest.raises(
        DeliveryError, match=r"ER_ETE_F_2013\.csv holds ER_ETE_F, which the teaching layout does not have"
    ):
        open_delivery(tmp_path).files_of("ER_ETE_F")
    assert open_delivery(tmp_path, "official").files_of("ER_ETE_F")


def test_a_header_that_is_data_is_never_said(tmp_path):
    """A file without a header line: its first row tells of a person."""
    (tmp_path / "f.csv").write_text("DPXX:1X;1963;DPXX:1X\n")
    with pytest.raises(DeliveryError) as refusal:
        look_at(tmp_path / "f.csv")
    assert "DPXX" not in str(refusal.value)
