"""The codes without a target go to Usagi and come back. Ids and names are invented."""

import csv
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from snds_omop_assets.errors import StoreError
from snds_omop_assets.vocabulary.shapes import SOURCE_CODES, schema_of
from snds_omop_assets.vocabulary.usagi import write_usagi_input
from snds_omop_assets.vocabulary.user_maps import read_user_maps

SAVED = [
    "sourceCode", "sourceName", "sourceFrequency", "sourceAutoAssignedConceptIds", "ADD_INFO:nomenclature",
    "ADD_INFO:places", "matchScore", "mappingStatus", "equivalence", "statusSetBy", "statusSetOn", "conceptId",
    "conceptName", "domainId", "mappingType", "comment", "createdBy", "createdOn", "assignedReviewer",
]  # fmt: skip
"""Columns of the file that Usagi saves."""


def codes(*rows: tuple) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SOURCE_CODES, row, strict=True)) for row in rows], schema_of(SOURCE_CODES))


def split_as_usagi(line: str) -> list[str]:
    """A line as Usagi splits it: quotes open and close a text, a backslash takes the next character as it is."""
    cells, cell, quoted, escaped = [], "", False, False
    for letter in line:
        if not escaped and letter == '"':
            quoted = not quoted
        elif not escaped and letter == "\\":
            escaped = True
            continue
        elif not escaped and not quoted and letter == ",":
            cells.append(cell)
            cell = ""
            continue
        else:
            cell += letter
        escaped = False
    return [*cells, cell]


def imported(path: Path) -> list[list[str]]:
    return [split_as_usagi(line) for line in path.read_text(encoding="utf-8").splitlines()]


def saved_by_usagi(source: Path, target: Path, targets: dict[str, list[tuple[str, int]]]) -> None:
    """Write what Usagi saves once the codes of `targets` are approved, with its columns and its quotes."""
    _, *rows = imported(source)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", doublequote=False, escapechar="\\")
        writer.writerow(SAVED)
        for code, name, frequency, nomenclature, places in rows:
            for kind, concept_id in targets.get(code, [("MAPS_TO", 0)]):
                status = "APPROVED" if code in targets else "UNCHECKED"
                writer.writerow(
                    [code, name, frequency, "", nomenclature, places, "0.5", status, "EQUAL", "me", 1700000000000,
                     concept_id, "Invented, concept", "Measurement", kind, "", "me", 1700000000000, ""]
                )  # fmt: skip


UNMAPPED = (
    ("NABM", "552", "CRÉATININE, sang", 10, "ER_BIO_F.BIO_PRS_IDE"),
    ("LPP", "1234567", 'Lit "médical"\nlong', 300, None),
    ("CCAM", "ZZZZ999", None, 10, "ER_CAM_F.CAM_PRS_IDE, T_MCOxxA.CDC_ACT"),
    ("NABM", "553", "a\\b", None, None),
)


def test_codes_are_ranked_by_rows_then_by_list_and_code(tmp_path):
    path = tmp_path / "unmapped" / "usagi.csv"
    assert write_usagi_input(codes(*UNMAPPED), path) == 4
    assert imported(path) == [
        ["sourceCode", "sourceName", "sourceFrequency", "nomenclature", "places"],
        ["1234567", 'Lit "médical" long', "300", "LPP", ""],
        ["ZZZZ999", "ZZZZ999", "10", "CCAM", "ER_CAM_F.CAM_PRS_IDE, T_MCOxxA.CDC_ACT"],
        ["552", "CRÉATININE, sang", "10", "NABM", "ER_BIO_F.BIO_PRS_IDE"],
        ["553", "a\\b", "0", "NABM", ""],
    ]


def test_a_pandas_frame_does_as_well_and_places_may_be_missing(tmp_path):
    table = codes(*UNMAPPED)
    write_usagi_input(table, tmp_path / "table.csv")
    write_usagi_input(table.to_pandas(), tmp_path / "frame.csv")
    assert (tmp_path / "table.csv").read_bytes() == (tmp_path / "frame.csv").read_bytes()
    frame = pd.DataFrame({"nomenclature": ["NABM"], "code": ["1"], "label": [None], "rows": [1]})
    assert write_usagi_input(frame, tmp_path / "frame.csv") == 1
    assert imported(tmp_path / "frame.csv")[1] == ["1", "1", "1", "NABM", ""]


def test_without_codes_there_is_a_header_alone(tmp_path):
    assert write_usagi_input(codes(), tmp_path / "usagi.csv") == 0
    assert len(imported(tmp_path / "usagi.csv")) == 1


def test_frequencies_stay_within_what_usagi_reads(tmp_path):
    write_usagi_input(codes(("NABM", "1", "x", 2**40, None)), tmp_path / "usagi.csv")
    assert imported(tmp_path / "usagi.csv")[1][2] == "2147483647"


def test_the_same_code_and_name_in_two_lists_stay_apart(tmp_path):
    """Usagi takes rows of one code and name for one code."""
    table = codes(("IR_SPE_V", "26", "Autre", 5, None), ("IR_ACT_V", "26", "Autre", 5, None))
    write_usagi_input(table, tmp_path / "out.csv")
    assert [row[1] for row in imported(tmp_path / "out.csv")[1:]] == ["Autre [IR_ACT_V]", "Autre [IR_SPE_V]"]
    (tmp_path / "maps").mkdir()
    saved_by_usagi(tmp_path / "out.csv", tmp_path / "maps" / "saved.csv", {"26": [("MAPS_TO", 9000001)]})
    lines = read_user_maps(tmp_path / "maps").lines.to_pylist()
    assert [(x["nomenclature"], x["label"]) for x in lines] == [("IR_ACT_V", "Autre"), ("IR_SPE_V", "Autre")]


def test_reviewed_codes_come_back_as_lines_of_the_user(tmp_path):
    write_usagi_input(codes(*UNMAPPED), tmp_path / "out.csv")
    (tmp_path / "maps").mkdir()
    reviewed = {
        "552": [("MAPS_TO", 9000001), ("MAPS_TO_VALUE", 9000002), ("MAPS_TO_UNIT", 9000003)],
        "1234567": [("MAPS_TO", 0)],
        "ZZZZ999": [("MAPS_TO", 9000004), ("MAPS_TO", 9000005)],
    }
    saved_by_usagi(tmp_path / "out.csv", tmp_path / "maps" / "saved.csv", reviewed)
    lines = read_user_maps(tmp_path / "maps").lines.to_pylist()
    assert [(x["nomenclature"], x["code"], x["label"], x["relation"], x["concept_id"]) for x in lines] == [
        ("CCAM", "ZZZZ999", None, "Maps to", 9000004),
        ("CCAM", "ZZZZ999", None, "Maps to", 9000005),
        ("LPP", "1234567", 'Lit "médical" long', "Maps to", 0),
        ("NABM", "552", "CRÉATININE, sang", "Maps to", 9000001),
        ("NABM", "552", "CRÉATININE, sang", "Maps to value", 9000002),
    ]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "usagi.csv").mkdir()
    with pytest.raises(StoreError):
        write_usagi_input(codes(*UNMAPPED), tmp_path / "usagi.csv")
