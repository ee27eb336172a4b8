"""The user's maps: which files are read, what their lines become, what is refused. Ids and names are invented."""

import tempfile
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets.errors import VocabularyError
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.shapes import MAP_LINES, PROJECT, USER, schema_of
from snds_omop_assets.vocabulary.user_maps import CIP_UCD, CONFLICTS, conflicts, read_user_maps, stored_code

CDM = (
    "source_code,source_concept_id,source_vocabulary_id,source_code_description,target_concept_id,"
    "target_vocabulary_id,valid_start_date,valid_end_date,invalid_reason\n"
)
SAVED = "sourceCode,sourceName,sourceFrequency,mappingStatus,conceptId,mappingType,ADD_INFO:nomenclature\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def line(code, vocabulary, target, label="", start="", end="", reason=""):
    return f"{code},0,{vocabulary},{label},{target},,{start},{end},{reason}\n"


def said(folder: Path) -> list[tuple]:
    """What each line says, without its file and dates."""
    lines = read_user_maps(folder).lines.to_pylist()
    return [(x["nomenclature"], x["code"], x["relation"], x["concept_id"]) for x in lines]


def test_a_line_of_source_to_concept_map_becomes_a_line_of_the_user(tmp_path):
    maps = read_user_maps(
        write(tmp_path, mine=CDM + line("0552", "NABM", 9000001, "CRÉATININE", "2020-01-01", "20301231"))
    )
    assert maps.files == ("mine.csv",)
    assert maps.cip_ucd.equals(schema_of(CIP_UCD).empty_table())
    assert maps.lines.schema == schema_of(MAP_LINES)
    assert maps.lines.to_pylist() == [
        {
            "nomenclature": "NABM", "code": "552", "label": "CRÉATININE", "relation": "Maps to", "concept_id": 9000001,
            "origin": USER, "file": "mine.csv", "valid_start_date": date(2020, 1, 1),
            "valid_end_date": date(2030, 12, 31),
        }
    ]  # fmt: skip


def test_absent_dates_are_the_usual_ones_and_an_absent_label_is_null(tmp_path):
    header = "source_code,source_vocabulary_id,target_concept_id\n"
    (found,) = read_user_maps(write(tmp_path, mine=header + "552,NABM,0\n")).lines.to_pylist()
    assert (found["valid_start_date"], found["valid_end_date"]) == (date(1970, 1, 1), date(2099, 12, 31))
    assert found["label"] is None
    assert found["concept_id"] == 0  # a decision that there is no target


def test_invalid_lines_are_left_out_and_words_for_nothing_are_nothing(tmp_path):
    text = CDM + line("1", "NABM", 5, reason="D") + line("2", "NABM", 5, "NA", "NULL", "NA", "NA")
    (found,) = read_user_maps(write(tmp_path, mine=text)).lines.to_pylist()
    assert (found["code"], found["label"]) == ("2", None)


@pytest.mark.parametrize(
    ("named", "code", "nomenclature", "stored"),
    [
        ("cim10", "m54.5", "CIM10", "M545"),
        ("SNDS_CIM10", "M545", "CIM10", "M545"),
        ("CCAM", "lfqk 001", "CCAM", "LFQK001"),
        ("snds_nabm", "0552", "NABM", "552"),
        ("IR_SPE_V", "01", "IR_SPE_V", "1"),
        ("SNDS_SPE", "01", "IR_SPE_V", "1"),
        ("Type_um", "01", "AUT_TYP1_UM", "01"),
        ("SNDS_UM_SSR", "50", "AUT_TYP_UM", "50"),
        ("SNDS_CIP", "3999999", "CIP7", "3999999"),
        ("SNDS_CIP", "34009 399 999 9 1", "CIP13", "3400939999991"),
        ("bdpm", "3999999", "CIP7", "3999999"),
        ("UCD", "0000009999999", "UCD", "9999999"),
        ("ATC", "z99zz99", "ATC", "Z99ZZ99"),
        ("PRS_NAT_REF", "0000", "PRS_NAT_REF", "0"),
    ],
)
def test_a_list_is_known_by_each_of_its_names(tmp_path, named, code, nomenclature, stored):
    write(tmp_path, mine=CDM + line(code, named, 9000001))
    assert said(tmp_path) == [(nomenclature, stored, "Maps to", 9000001)]


@pytest.mark.parametrize(
    ("nomenclature", "text", "stored"),
    [
        ("LPP", "0123456", "123456"),
        ("PRS_NAT_VISIT", "01111", "1111"),
        ("CIM10", " a00.0+1 ", "A000+1"),
        ("GHM", "28z04t", "28Z04T"),
        ("CSARR", "zzr+026", "ZZR+026"),
        ("MS_PRV_V_ENT", "u", "U"),
        ("AUT_TYP1_UM", "00", "00"),
        ("UCD", "3400899999999", "3400899999999"),
        ("SNDS_TYPE", "pmsi_stay", "pmsi_stay"),
        ("NABM", "05A2", "05A2"),  # not the form of the list: left as it is
    ],
)
def test_codes_are_spelled_as_in_the_store(nomenclature, text, stored):
    assert stored_code(nomenclatures()[nomenclature], text) == stored


@given(st.sampled_from(sorted(nomenclatures())), st.text(max_size=15))
def test_spelling_a_code_twice_changes_nothing(nomenclature, text):
    once = stored_code(nomenclatures()[nomenclature], text)
    assert stored_code(nomenclatures()[nomenclature], once) == once


@pytest.mark.parametrize("column", ["relation", "Relationship_ID"])
def test_a_column_may_say_the_relation(tmp_path, column):
    text = f"source_code,source_vocabulary_id,target_concept_id,{column}\n7,NABM,8,maps to VALUE\n7,NABM,9,\n"
    write(tmp_path, mine=text)
    assert said(tmp_path) == [("NABM", "7", "Maps to", 9), ("NABM", "7", "Maps to value", 8)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_encodings_and_ends_of_lines_are_found(tmp_path, separator, encoding, end):
    rows = [
        ["SOURCE_CODE", "Source_Vocabulary_Id", "source_code_description", "target_concept_id"],
        ["7", "NABM", '"été; œuf, ""x"""', "8"],
    ]
    (tmp_path / "mine.TXT").write_bytes(end.join(["", *map(separator.join, rows), "", ""]).encode(encoding))
    (found,) = read_user_maps(tmp_path).lines.to_pylist()
    assert (found["code"], found["label"], found["concept_id"]) == ("7", 'été; œuf, "x"', 8)


def test_only_approved_lines_of_usagi_count(tmp_path):
    text = (
        SAVED
        + "0552,Something,10,APPROVED,9000001,MAPS_TO,NABM\n"
        + "0553,Other,10,UNCHECKED,9000002,MAPS_TO,NABM\n"
        + "0554,None,10,approved,0,,NABM\n"
        + "0555,Value,10,APPROVED,9000003,EVENT,NABM\n"
        + "0555,Value,10,APPROVED,9000004,MAPS_TO_VALUE,NABM\n"
        + "0555,Value,10,APPROVED,9000005,MAPS_TO_UNIT,NABM\n"
        + "m54.5,Back,10,APPROVED,9000006,,cim10\n"
    )
    assert said(write(tmp_path, saved=text)) == [
        ("CIM10", "M545", "Maps to", 9000006),
        ("NABM", "552", "Maps to", 9000001),
        ("NABM", "554", "Maps to", 0),
        ("NABM", "555", "Maps to", 9000003),
        ("NABM", "555", "Maps to value", 9000004),
    ]


def test_the_quotes_of_usagi_are_read(tmp_path):
    text = SAVED + '1,"Dosage \\"x\\", à \\\\ part",10,APPROVED,9,MAPS_TO,NABM\n'
    (found,) = read_user_maps(write(tmp_path, saved=text)).lines.to_pylist()
    assert found["label"] == 'Dosage "x", à \\ part'


@pytest.mark.parametrize(
    ("file", "nomenclature"),
    [
        ("NABM.csv", "NABM"),
        ("nabm_reviewed.csv", "NABM"),
        ("nabm.usagi.csv", "NABM"),
        ("PRS_NAT_REF.csv", "PRS_NAT_REF"),
        ("prs_nat_ref_second_try.tsv", "PRS_NAT_REF"),
    ],
)
def test_a_file_of_usagi_may_be_named_after_its_list(tmp_path, file, nomenclature):
    (tmp_path / file).write_text("sourceCode,sourceName,mappingStatus,conceptId\n7,x,APPROVED,8\n")
    assert said(tmp_path) == [(nomenclature, "7", "Maps to", 8)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("CIP7,UCD7", "3999991,9999991"),
        ("code_cip13;Libellé;Code_UCD13", "3400939999914;x;3400899999917"),
        ("UCD-7\tcip_13\tCIP_7", "9999991\t3400939999914\t3999991"),
        ("cip13,ucd13", "3400939999914,0000009999991"),
    ],
)
def test_a_table_of_packs_and_units_is_read_with_any_of_their_codes(tmp_path, header, row):
    maps = read_user_maps(write(tmp_path, packs=f"{header}\n{row}\n{row}\n"))
    assert maps.cip_ucd.to_pylist() == [{"cip7": "3999991", "ucd7": "9999991"}]
    assert maps.lines.num_rows == 0


def test_packs_without_a_unit_are_left_out(tmp_path):
    assert read_user_maps(write(tmp_path, packs="cip7,ucd7\n3999991,\n")).cip_ucd.num_rows == 0


def test_other_files_are_not_looked_at(tmp_path):
    write(tmp_path, **{".hidden": "x"})
    (tmp_path / "notes.md").write_text("x")
    (tmp_path / "folder.csv").mkdir()
    maps = read_user_maps(tmp_path)
    assert (maps.files, maps.lines.num_rows) == ((), 0)


def test_a_line_that_is_said_again_counts_once(tmp_path):
    text = CDM + line("7", "NABM", 8, "b") + line("07", "SNDS_NABM", 8, "a")
    lines = read_user_maps(write(tmp_path, one=text, two=text)).lines.to_pylist()
    assert [(x["code"], x["label"], x["file"]) for x in lines] == [("7", "a", "one.csv")]


def test_one_file_may_give_several_targets_to_a_code(tmp_path):
    write(tmp_path, one=CDM + line("7", "NABM", 8) + line("7", "NABM", 9))
    assert [x[3] for x in said(tmp_path)] == [8, 9]


def test_two_files_that_contradict_each_other_are_refused(tmp_path):
    write(tmp_path, one=CDM + line("7", "NABM", 8), two=SAVED + "07,x,1,APPROVED,9,,NABM\n")
    with pytest.raises(VocabularyError) as error:
        read_user_maps(tmp_path)
    assert str(error.value) == (
        "one.csv and two.csv give different targets to the code 7 of NABM: keep the lines of one of them."
    )


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(VocabularyError, match="nowhere is not there"):
        read_user_maps(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.csv is no map"),
        ("a,b\n1,2\n", "mine.csv is no map"),
        ("cip7,label\n1,2\n", "mine.csv is no map"),
        ("cip7,cip7,ucd7\n1,1,2\n", "column cip7 twice"),
        (CDM + line("1", "ICD10", 5), "line 2: ICD10 is no list of codes"),
        (CDM + line("1", "", 5), "line 2: no list of codes is named"),
        (CDM + line("12", "SNDS_CIP", 5), "line 2: the code 12 of SNDS_CIP has neither 7 nor 13 figures"),
        (CDM + line("1", "NABM", 5) + line("1", "NABM", "5.0"), "line 3: the target is no concept id"),
        (CDM + line("1", "NABM", -5), "line 2: the target is no concept id"),
        (CDM + line("1", "NABM", "9" * 30), "line 2: the target is no concept id"),
        (CDM + line("1", "NABM", ""), "line 2: the target is no concept id"),
        (CDM + line(" ", "NABM", 5), "line 2: there is no code"),
        (CDM + line("1", "NABM", 5, start="01/02/2020"), "line 2: valid_start_date is no date"),
        (CDM + line("1", "NABM", 5, end="20201340"), "line 2: valid_end_date is no date"),
        (CDM + line("1", "NABM", 5, start="2020-W01-1"), "line 2: valid_start_date is no date"),
        (CDM + line("1", "NABM", 5, start="20210101", end="20200101"), "line 2: valid_end_date is before"),
        (CDM + "\n" + line("1", "NABM", 5, label="a,b"), "line 3: it has more values than the header"),
        (CDM + line("1", "NABM", 5, label="a,12"), "line 2: it has more values than the header"),
        (CDM + line("1", "NABM", 5, label='"a'), "mine.csv, line 2: the quotes"),
        (CDM + "1,0,NABM,x,5", "line 2: the file ends in the middle"),
        ("source_code,source_vocabulary_id,target_concept_id,relation\n1,NABM,5,Is a\n", "line 2: the relation"),
        (SAVED + "1,x,1,APPROVED,5,SOMETHING,NABM\n", "line 2: mappingType"),
        (SAVED + "1,x,1,APPROVED,,MAPS_TO,NABM\n", "line 2: the target is no concept id"),
        (SAVED + "1,x,1,APPROVED,5,MAPS_TO,\n", "line 2: mine is no list of codes"),
        ("cip7,ucd7\n3999991,x\n", "line 2: ucd7 is no code of 7 or 13 figures"),
        ("cip7,cip13,ucd7\n3999991,3400939999921,9999991\n", "line 2: cip13 and cip7 are not the same drug"),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_and_line(tmp_path, text, message):
    with pytest.raises(VocabularyError) as error:
        read_user_maps(write(tmp_path, mine=text))
    assert message in str(error.value)
    assert str(error.value).startswith("mine.csv")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_file_in_utf_16_is_refused(tmp_path, encoding):
    (tmp_path / "mine.csv").write_text(CDM, encoding=encoding)
    with pytest.raises(VocabularyError, match=r"mine.csv is no text in UTF-8"):
        read_user_maps(tmp_path)


def map_lines(origin: str, *lines: tuple) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"nomenclature": nomenclature, "code": code, "label": label, "relation": relation, "concept_id": target,
             "origin": origin, "file": "mine.csv" if origin == USER else "nabm.csv"}
            for nomenclature, code, label, relation, target in lines
        ],
        schema_of(MAP_LINES),
    )  # fmt: skip


def test_conflicts_are_codes_with_other_targets_or_relations():
    user = map_lines(
        USER,
        ("NABM", "1", None, "Maps to", 10),
        ("NABM", "1", None, "Maps to", 9),
        ("NABM", "2", None, "Maps to", 9),
        ("NABM", "3", "l", "Maps to value", 9),
        ("NABM", "4", None, "Maps to", 9),
        ("LPP", "5", None, "Maps to", 0),
    )
    project = map_lines(
        PROJECT,
        ("NABM", "1", "one", "Maps to", 9),
        ("NABM", "2", "two", "Maps to", 9),
        ("NABM", "3", None, "Maps to", 9),
        ("CCAM", "4", None, "Maps to", 8),
        ("LPP", "5", None, "Maps to", 7),
    )
    found = conflicts(user, project)
    assert found.schema == schema_of(CONFLICTS)
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("LPP", "5", None, "0", "7", "mine.csv"),
        ("NABM", "1", "one", "9 10", "9", "mine.csv"),
        ("NABM", "3", "l", "9", "9", "mine.csv"),
    ]


CODES = st.integers(0, 12)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_reading_does_not_depend_on_the_order_of_lines_or_files(data):
    """The lines of three kinds of files come in two orders, and the files are written in two orders."""
    pairs = st.lists(st.tuples(CODES, st.integers(0, 3), st.sampled_from(["", "a", "b"])), max_size=8)
    files = {
        "a.csv": (CDM, [line(code, "NABM", target, label) for code, target, label in data.draw(pairs)]),
        "b.csv": (SAVED, [f"{code},{label},1,APPROVED,{target},,LPP\n" for code, target, label in data.draw(pairs)]),
        "c.csv": ("cip7,ucd7\n", [f"399999{code % 10},999999{target}\n" for code, target, _ in data.draw(pairs)]),
    }
    found = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            for name in data.draw(st.permutations(sorted(files))):
                header, lines = files[name]
                (Path(folder) / name).write_text(header + "".join(data.draw(st.permutations(lines))))
            found.append(read_user_maps(Path(folder)))
    assert found[0] == found[1]
    assert found[0].lines.equals(found[1].lines)


def test_a_value_needs_a_target_beside_it(tmp_path):
    (tmp_path / "mine.csv").write_text(
        "source_code,source_vocabulary_id,target_concept_id,relation\n552,NABM,9000001,Maps to value\n"
    )
    with pytest.raises(VocabularyError, match="gives the code 552 of NABM a value and no target"):
        read_user_maps(tmp_path)


def test_a_line_that_holds_longer_than_omop_counts_holds_to_the_last_day(tmp_path):
    (tmp_path / "mine.csv").write_text(
        "source_code,source_vocabulary_id,target_concept_id,valid_end_date\n552,NABM,9000001,9999-12-31\n"
    )
    assert read_user_maps(tmp_path).lines["valid_end_date"].to_pylist() == [date(2099, 12, 31)]
