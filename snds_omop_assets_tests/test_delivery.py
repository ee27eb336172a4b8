"""Finding the files of a delivery, the years that they tell, and its layout."""

import gzip
import zipfile

import pytest

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.delivery import GZIP, PARQUET, SAS, TEXT, ZIP, open_delivery


def put(folder, *names, text="A;B\n"):
    """Put files with this text into a folder, compressed where their names say so."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if name.lower().endswith(".gz") else text.encode())


def archive(path, **members):
    """A zip archive; the names of its members end in _csv or _txt."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for name, text in members.items():
            file.writestr(".".join(name.rsplit("_", maxsplit=1)), text)


def names_of(delivery, table):
    return [source.name for source in delivery.sources_of(table)]


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
        ("T_MCO13C.csv", "T_MCO_C"),
        ("T_MCO13STC.csv", "T_MCO_STC"),
        ("IR_BEN_R_ARC.csv", "IR_BEN_R_ARC"),
        ("DCIR/2013/er_prs_f_2013.csv", "ER_PRS_F"),
        ("ER_PRS_F_201304.csv", "ER_PRS_F"),  # a month of flow
        ("ER_PRS_F_2013-04.csv", "ER_PRS_F"),
        ("ER_PRS_F_20130401.csv", "ER_PRS_F"),  # a day of flow
        ("ER_PRS_F_2013_2.csv", "ER_PRS_F"),  # the second part of a year
        ("ER_PRS_F_2013.txt", "ER_PRS_F"),
        ("ER_PRS_F_2013.csv.gz", "ER_PRS_F"),
        ("ER_PRS_F_2013.TXT.GZ", "ER_PRS_F"),
        ("ER_PRS_F_2013.parquet", "ER_PRS_F"),
        ("ER_PRS_F_2013.sas7bdat", "ER_PRS_F"),
        ("ER_PRS_F_19.csv", "ER_PRS_F"),  # a year of two digits
        ("ER_PRS_F2019.csv", "ER_PRS_F"),
        ("ER_PRS_F_2019_part1.csv", "ER_PRS_F"),
        ("ER_PRS_F_201901_2.csv", "ER_PRS_F"),
        ("T_MCO19B_1.csv", "T_MCO_B"),  # a part of a year
        ("t_mco19b_PART02.csv.gz", "T_MCO_B"),
        ("IR_BEN_R_2.csv", "IR_BEN_R"),  # a part of a whole table
        ("IR_BEN_R_2021.csv", "IR_BEN_R"),  # the date of its extraction
        ("IR_BEN_R_20210131.csv", "IR_BEN_R"),
        ("IR_BEN_R_202101_part3.csv", "IR_BEN_R"),
        ("IR_BEN_R_ARC_2.csv", "IR_BEN_R_ARC"),
    ],
)
def test_files_are_found_in_any_case_with_any_year_in_any_sub_folder(tmp_path, file, table):
    put(tmp_path, file)
    (source,) = open_delivery(tmp_path).sources_of(table)
    assert (source.path, source.name) == (tmp_path / file, file)
    assert open_delivery(tmp_path).unclaimed == ()
    assert open_delivery(tmp_path).tables == [table]


@pytest.mark.parametrize(
    "file",
    [
        "ER_PRS_F_old.csv", "ER_PRS_F_201399.csv", "ER_PRS_F_1813.csv", "T_MCOE.csv", "T_MCO13ZZZ.csv",
        "ER_PRS_F.2017.csv", "README.txt", "IR_BEN_R.xlsx", "IR_BEN_R", "IR_BEN_R.gz", "IR_BEN_R.parquet.gz",
        "T_MCO1995B.csv", "T_MCO95B.csv", "T_MCO90B.csv",
        "ER_PRS_F_1990.csv", "ER_PRS_F_199612.csv", "ER_PRS_F1996.csv", "IR_BEN_R.2.csv",
        "IR_BEN_R_part.csv", "ER_PRS_F19.csv", "T_MCO19B_2018.csv",
    ],
)  # fmt: skip
def test_other_files_are_left_alone(tmp_path, file):
    put(tmp_path, file)
    assert not any(open_delivery(tmp_path).files.values())
    assert open_delivery(tmp_path).unclaimed == (file,), "they are told"


def test_hidden_files_are_ignored(tmp_path):
    put(tmp_path, ".IR_BEN_R.csv", "._IR_BEN_R.csv", ".DS_Store")
    delivery = open_delivery(tmp_path)
    assert (dict(delivery.files), delivery.unclaimed, delivery.tables) == ({}, (), [])


def test_a_table_may_be_cut_into_several_files(tmp_path):
    put(tmp_path, "ER_PRS_F_2014.csv", "ER_PRS_F_2013.csv")
    assert names_of(open_delivery(tmp_path), "ER_PRS_F") == ["ER_PRS_F_2013.csv", "ER_PRS_F_2014.csv"]


@pytest.mark.parametrize(
    ("file", "table", "year"),
    [
        ("ER_PRS_F_2019.csv", "ER_PRS_F", 2019),
        ("ER_PRS_F_201904.csv", "ER_PRS_F", 2019),
        ("ER_PRS_F_2019-04-01.csv", "ER_PRS_F", 2019),
        ("ER_PRS_F_2019_3.csv", "ER_PRS_F", 2019),
        ("ER_PRS_F.csv", "ER_PRS_F", None),
        ("T_MCO19B.csv", "T_MCO_B", 2019),
        ("T_MCO2013E.csv", "T_MCO_E", 2013),
        ("T_MCO05B.csv", "T_MCO_B", 2005),
        ("T_MCO59B.csv", "T_MCO_B", 2059),
        ("T_MCO97B.csv", "T_MCO_B", 1997),
        ("T_MCO99B.csv", "T_MCO_B", 1999),
        ("T_MCO00B.csv", "T_MCO_B", 2000),
        ("T_MCO1997B.csv", "T_MCO_B", 1997),
        ("T_MCO19B_1.csv", "T_MCO_B", 2019),
        ("ER_PRS_F_19.csv", "ER_PRS_F", 2019),
        ("ER_PRS_F_19_2.csv", "ER_PRS_F", 2019),
        ("ER_PRS_F_1997.csv", "ER_PRS_F", 1997),
        ("ER_PRS_F2019.csv", "ER_PRS_F", 2019),
        ("ER_PRS_F_2019_part1.csv", "ER_PRS_F", 2019),
        ("IR_BEN_R_2.csv", "IR_BEN_R", None),
        ("IR_BEN_R_2021.csv", "IR_BEN_R", None),
        ("IR_BEN_R_20210131.csv", "IR_BEN_R", None),
        ("T_MCOaaE.csv", "T_MCO_E", None),
        ("IR_BEN_R.csv", "IR_BEN_R", None),
        ("ER_PRS_F_2019.csv.gz", "ER_PRS_F", 2019),
        ("T_HAD19B.parquet", "T_HAD_B", 2019),
    ],
)
def test_a_file_tells_its_year_in_its_name(tmp_path, file, table, year):
    put(tmp_path, file)
    delivery = open_delivery(tmp_path)
    assert [source.year for source in delivery.sources_of(table)] == [year]
    assert delivery.years_of(table) == delivery.years == ([] if year is None else [year])
    assert delivery.sources_of(table, year) == delivery.sources_of(table)


def test_the_files_of_a_year_are_its_months(tmp_path):
    put(tmp_path, "ER_PRS_F_201902.csv", "ER_PRS_F_201901.csv", "ER_PRS_F_2020.csv", "T_MCO18B.csv")
    delivery = open_delivery(tmp_path)
    assert delivery.years_of("ER_PRS_F") == [2019, 2020]
    assert delivery.years == [2018, 2019, 2020]
    assert delivery.years_of("IR_BEN_R") == [], "it is not there"
    months = [source.name for source in delivery.sources_of("ER_PRS_F", 2019)]
    assert months == ["ER_PRS_F_201901.csv", "ER_PRS_F_201902.csv"]


def test_the_tables_are_in_the_order_of_the_contracts(tmp_path):
    put(tmp_path, "IR_SPE_V.csv", "IR_BEN_R.csv", "T_MCO13E.csv", "ER_PRS_F_2013.csv")
    assert open_delivery(tmp_path).tables == ["ER_PRS_F", "T_MCO_E", "IR_BEN_R", "IR_SPE_V"]


@pytest.mark.parametrize("whole", ["ER_PRS_F.csv", "all/ER_PRS_F.csv.gz"])
def test_a_table_that_comes_by_year_and_as_a_whole_is_refused(tmp_path, whole):
    """Its rows could be there twice."""
    put(tmp_path, whole, "ER_PRS_F_2019.csv", "ER_PRS_F_2020.csv")
    sentence = rf"ER_PRS_F comes by year and as a whole: {whole} tells no year.*Name it as ER_PRS_F_2019\.csv"
    with pytest.raises(DeliveryError, match=sentence):
        open_delivery(tmp_path).years_of("ER_PRS_F")


@pytest.mark.parametrize(
    ("lines", "details", "said"),
    [
        ("ER_PRS_F_2019.csv", "ER_ETE_F.csv", "ER_PRS_F comes by year and ER_ETE_F as a whole"),
        ("ER_PRS_F.csv", "ER_ETE_F_2019.csv", "ER_ETE_F comes by year and ER_PRS_F as a whole"),
    ],
)
def test_details_that_are_cut_otherwise_than_their_lines_are_refused(tmp_path, lines, details, said):
    """They are joined year by year: none would meet its line, and all of hospitals would be taken for care in town."""
    put(tmp_path, lines, details)
    delivery = open_delivery(tmp_path)
    assert delivery.years_of("ER_PRS_F") == ([2019] if "2019" in lines else [])
    with pytest.raises(DeliveryError, match=f"{said}: .*Deliver both by year, named as ER_ETE_F_2019.csv, or both"):
        delivery.years_of("ER_ETE_F")


@pytest.mark.parametrize(
    ("file", "kind", "compression"),
    [
        ("IR_BEN_R.csv", TEXT, None),
        ("IR_BEN_R.txt", TEXT, None),
        ("IR_BEN_R.csv.gz", TEXT, GZIP),
        ("IR_BEN_R.parquet", PARQUET, None),
        ("IR_BEN_R.sas7bdat", SAS, None),
    ],
)
def test_how_a_file_is_read_follows_from_its_extension(tmp_path, file, kind, compression):
    put(tmp_path, file)
    (source,) = open_delivery(tmp_path).sources_of("IR_BEN_R")
    assert (source.kind, source.compression, source.member) == (kind, compression, None)


@pytest.mark.parametrize("file", ["IR_BEN_R.csv", "IR_BEN_R.csv.gz"])
def test_a_source_gives_its_decompressed_bytes(tmp_path, file):
    put(tmp_path, file, text="A;B\n1;2\n")
    (source,) = open_delivery(tmp_path).sources_of("IR_BEN_R")
    with source.opened() as opened:
        assert opened.read() == b"A;B\n1;2\n"


def test_the_members_of_an_archive_are_files_of_their_tables(tmp_path):
    archive(tmp_path / "PMSI.zip", T_MCO19B_csv="B\n", T_MCO19E_txt="E\n", T_MCO20B_csv="C\n", lisez_moi_pdf="x")
    with zipfile.ZipFile(tmp_path / "PMSI.zip", "a") as file:
        file.writestr("sub/T_MCO18B.csv", "sub\n")
    delivery = open_delivery(tmp_path)
    assert [(s.name, s.member, s.year, s.kind, s.compression) for s in delivery.sources_of("T_MCO_B")] == [
        ("PMSI.zip!T_MCO19B.csv", "T_MCO19B.csv", 2019, TEXT, ZIP),
        ("PMSI.zip!T_MCO20B.csv", "T_MCO20B.csv", 2020, TEXT, ZIP),
        ("PMSI.zip!sub/T_MCO18B.csv", "sub/T_MCO18B.csv", 2018, TEXT, ZIP),
    ]
    with delivery.sources_of("T_MCO_B", 2020)[0].opened() as opened:
        assert opened.read() == b"C\n"
    assert delivery.unclaimed == ("PMSI.zip!lisez_moi.pdf",)


def test_every_member_of_an_archive_that_no_table_claims_is_told(tmp_path):
    archive(tmp_path / "a" / "PMSI.zip", T_MCO19B_csv="B\n", autre_csv="x", T_MCO19E_parquet="x", T_MCO19C_xlsx="x")
    with zipfile.ZipFile(tmp_path / "a" / "PMSI.zip", "a") as file:
        for name in ("sub/", "sub/notes", "sub/.hidden.csv", "__MACOSX/T_MCO19B.csv"):
            file.writestr(name, "")
    delivery = open_delivery(tmp_path)
    assert delivery.tables == ["T_MCO_B"]
    assert delivery.unclaimed == tuple(
        f"a/PMSI.zip!{name}" for name in ("T_MCO19C.xlsx", "T_MCO19E.parquet", "autre.csv", "sub/notes")
    )


def test_an_archive_of_one_text_and_its_notice_may_be_named_after_the_table(tmp_path):
    archive(tmp_path / "ER_PRS_F_2019.zip", extraction_csv="A;B\n", notice_pdf="x")
    delivery = open_delivery(tmp_path)
    assert names_of(delivery, "ER_PRS_F") == ["ER_PRS_F_2019.zip!extraction.csv"]
    assert delivery.unclaimed == ("ER_PRS_F_2019.zip!notice.pdf",)


def test_the_parts_of_a_table_are_its_files(tmp_path):
    put(tmp_path, "T_MCO19B_1.csv", "T_MCO19B_2.csv", "IR_BEN_R_1.csv", "IR_BEN_R_2.csv", "ER_PRS_F_2019_part1.csv")
    delivery = open_delivery(tmp_path)
    assert [s.name for s in delivery.sources_of("T_MCO_B", 2019)] == ["T_MCO19B_1.csv", "T_MCO19B_2.csv"]
    assert names_of(delivery, "IR_BEN_R") == ["IR_BEN_R_1.csv", "IR_BEN_R_2.csv"]
    assert delivery.years_of("IR_BEN_R") == []
    assert delivery.years == [2019]
    assert delivery.unclaimed == ()


def test_an_archive_of_one_file_may_be_named_after_the_table(tmp_path):
    archive(tmp_path / "ER_PRS_F_201904.zip", extraction_csv="A;B\n")
    (source,) = open_delivery(tmp_path).sources_of("ER_PRS_F")
    assert (source.name, source.year) == ("ER_PRS_F_201904.zip!extraction.csv", 2019)


def test_in_an_archive_of_several_files_each_has_its_own_name(tmp_path):
    archive(tmp_path / "ER_PRS_F_2019.zip", extraction_csv="A;B\n", autre_csv="A;B\n")
    assert open_delivery(tmp_path).unclaimed == ("ER_PRS_F_2019.zip",)


def test_the_name_of_a_member_comes_before_that_of_its_archive(tmp_path):
    archive(tmp_path / "ER_PRS_F_2019.zip", IR_BEN_R_csv="A;B\n")
    assert open_delivery(tmp_path).tables == ["IR_BEN_R"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_an_archive_that_cannot_be_read_is_refused_by_its_table_or_told_as_unclaimed(tmp_path, content):
    for name in ("IR_BEN_R.zip", "tout.zip"):
        (tmp_path / name).write_bytes(content)
    delivery = open_delivery(tmp_path)
    assert delivery.unclaimed == ("tout.zip",)
    with (
        pytest.raises(DeliveryError, match=r"IR_BEN_R\.zip is cut or broken"),
        delivery.sources_of("IR_BEN_R")[0].opened(),
    ):
        pass


@pytest.mark.parametrize(
    ("file", "header"),
    [
        ("t_mcoaae.csv", "eta_num;soc_rai"),
        ("er_prs_f.csv", "id,NUM_ENQ,prs_nat_ref"),
        ("er_prs_f.csv.gz", "id,NUM_ENQ,prs_nat_ref"),
        ("IR_BEN_R.csv", "NUM_ENQ;BEN_RES_DPT;BEN_RES_REG"),
        ("IR_BEN_R.csv", '\ufeff"NUM_ENQ";"BEN_RES_DPT";"BEN_RES_REG"'),
    ],
)
def test_one_sign_is_enough_to_recognise_the_teaching_layout(tmp_path, file, header):
    put(tmp_path, file, text=header + "\n")
    assert open_delivery(tmp_path).layout.name == "teaching"


@pytest.mark.parametrize(
    ("file", "header"),
    [
        ("ER_PRS_F.csv", "ID;FLX_DIS_DTD"),
        ("IR_BEN_R.csv", "NUM_ENQ;BEN_RES_REG;BEN_RES_COM"),
        ("T_MCO13E.csv", "ETA_NUM"),
    ],
)
def test_a_delivery_without_any_sign_has_the_official_layout(tmp_path, file, header):
    put(tmp_path, file, text=header + "\n")
    assert open_delivery(tmp_path).layout.name == "official"


def test_the_demonstration_has_the_official_layout():
    from snds_omop_assets.settings import DEMONSTRATION_DELIVERY

    delivery = open_delivery(DEMONSTRATION_DELIVERY)
    assert delivery.layout.name == "official"
    assert delivery.unclaimed == ()


def test_the_layout_can_be_given(tmp_path):
    assert open_delivery(tmp_path, "teaching").layout.name == "teaching"
    with pytest.raises(DeliveryError, match=r"SNDS_LAYOUT is 'taught'.*official, teaching"):
        open_delivery(tmp_path, "taught")


def test_a_project_adds_its_own_contracts(tmp_path):
    put(tmp_path / "in", "COHORTE_2019.csv")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "ours.yaml").write_text(
        "tables:\n  COHORTE: {file: 'COHORTE{_flow}', title: Cohorte, columns: {A: {type: code}}}\n"
    )
    delivery = open_delivery(tmp_path / "in", overrides=tmp_path / "contracts")
    assert delivery.tables == ["COHORTE"]
    assert delivery.table("COHORTE").columns["A"].type == "code"
    assert delivery.years == [2019]
    assert open_delivery(tmp_path / "in").unclaimed == ("COHORTE_2019.csv",)


def test_missing_folder_and_missing_table_are_said_in_a_sentence(tmp_path):
    with pytest.raises(DeliveryError, match="does not exist: set SNDS_DELIVERY"):
        open_delivery(tmp_path / "nowhere")
    with pytest.raises(DeliveryError, match=r"T_MCO_E is missing.*no file is named T_MCO13E\.csv"):
        open_delivery(tmp_path).sources_of("T_MCO_E")


@pytest.mark.parametrize("file", ["IR_BEN_R.xlsx", "referentiels/ir_ben_r.XLS", "IR_BEN_R.rar"])
def test_a_spreadsheet_of_a_needed_table_is_said_to_be_there(tmp_path, file):
    put(tmp_path, file)
    with pytest.raises(DeliveryError, match=rf"IR_BEN_R is missing.*{file} is there, but not in a format.*as CSV"):
        open_delivery(tmp_path).sources_of("IR_BEN_R")


def test_a_year_of_which_there_is_no_file_is_no_empty_year(tmp_path):
    put(tmp_path, "T_MCO13E.csv")
    with pytest.raises(DeliveryError, match="2012"):
        open_delivery(tmp_path).sources_of("T_MCO_E", 2012)


def test_a_table_that_the_recognised_layout_does_not_have_is_no_empty_table(tmp_path):
    """A detail table is there, and yet IR_BEN_R looks like teaching: people must say which it is."""
    put(tmp_path, "IR_BEN_R.csv", text="NUM_ENQ;BEN_RES_REG\n")
    put(tmp_path, "ER_ETE_F_2013.csv")
    with pytest.raises(
        DeliveryError, match=r"ER_ETE_F_2013\.csv holds ER_ETE_F, which the teaching layout does not have"
    ):
        open_delivery(tmp_path).sources_of("ER_ETE_F")
    assert open_delivery(tmp_path, "official").sources_of("ER_ETE_F")
    assert open_delivery(tmp_path).sources_of("ER_PHA_F") == (), "where it is not there, nothing is missing"


@pytest.mark.parametrize("year", [1997, 2005, 2013, 2024])
def test_the_name_that_a_table_is_said_to_have_is_the_name_of_its_files_and_of_no_other_table(tmp_path, year):
    tables = official_tables()
    put(tmp_path, *(table.file_name(year) for table in tables.values()))
    delivery = open_delivery(tmp_path)
    for name, table in tables.items():
        assert names_of(delivery, name) == [table.file_name(year)]
        claiming = [other.name for other in tables.values() if other.file_pattern.fullmatch(table.file_name(year)[:-4])]
        assert claiming == [name]
        by_year = "{" in table.file
        assert delivery.years_of(name) == ([year] if by_year else [])
    assert delivery.unclaimed == ()
