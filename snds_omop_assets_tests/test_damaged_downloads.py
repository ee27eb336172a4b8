"""A damaged download of vocabularies gives one clear sentence, and the vocabulary that counts stays."""

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from snds_omop_assets.errors import VocabularyError
from snds_omop_assets.vocabulary.download import open_download
from snds_omop_assets.vocabulary.loaded import FOLDER, current_vocabulary
from snds_omop_assets.vocabulary.loading import load_vocabulary
from snds_omop_assets_tests.made_vocabulary import MadeVocabulary, a_few_concepts

Damage = Callable[[Path], Path | None]


def in_bytes(name: str, change: Callable[[bytes], bytes]) -> Damage:
    """Change the bytes of a file."""

    def damage(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def in_text(name: str, *pairs: tuple[str, str]) -> Damage:
    """Replace texts in a file, each of which must be there."""

    def change(content: bytes) -> bytes:
        for before, after in pairs:
            assert before.encode() in content
            content = content.replace(before.encode(), after.encode(), 1)
        return content

    return in_bytes(name, change)


def without(*names: str) -> Damage:
    """Remove files."""

    def damage(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return damage


def zipped(change: Callable[[bytes], bytes]) -> Damage:
    """A zip with other bytes."""

    def damage(folder: Path) -> Path:
        path = a_few_concepts().write(folder, as_zip=True)
        path.write_bytes(change(path.read_bytes()))
        return path

    return damage


def other_bytes_in_a_member(content: bytes) -> bytes:
    """A zip whose directory is whole, while the packed bytes of CONCEPT.csv are not."""
    start = content.index(b"CONCEPT.csv") + 60
    return content[:start] + bytes(byte ^ 0xFF for byte in content[start : start + 20]) + content[start + 20 :]


def twice(folder: Path) -> None:
    (folder / "again").mkdir()
    shutil.copy(folder / "CONCEPT.csv", folder / "again" / "concept.csv")


def no_zip(folder: Path) -> Path:
    return folder / "CONCEPT.csv"


def nothing(folder: Path) -> Path:
    return folder / "nowhere"


def something_else(folder: Path) -> Path:
    other = folder.with_name("other")
    (other / "inner").mkdir(parents=True)
    return other


def empty_zip(folder: Path) -> Path:
    path = folder.with_name("other.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    return path


def of_two_downloads(folder: Path) -> None:
    other = MadeVocabulary()
    other.concept(9_000_900)
    other.relationship(9_000_900, "Maps to", 9_000_900)
    text = (other.write(folder.with_name("second")) / "CONCEPT.csv").read_bytes()
    (folder / "CONCEPT.csv").write_bytes(text)


FIRST_CONCEPT = "9000001\tInvented pain"

DAMAGES: dict[str, tuple[Damage, str]] = {
    "nothing there": (
        nothing,
        r"The vocabulary .*/nowhere does not exist: correct the path that was given, or SNDS_VOCABULARY\.",
    ),
    "neither folder nor zip": (no_zip, r".*/CONCEPT\.csv is neither a folder nor a zip: give the folder or the zip"),
    "a folder of something else": (
        something_else,
        r".*other has no CONCEPT\.csv: give the folder or the zip of a download of Athena",
    ),
    "a zip of something else": (empty_zip, r".*/other\.zip has no CONCEPT\.csv: give the folder or the zip"),
    "missing file": (without("DOMAIN.csv"), r".*/made lacks DOMAIN\.csv: download and unpack it again\."),
    "missing files": (
        without("CONCEPT_RELATIONSHIP.csv", "RELATIONSHIP.csv"),
        r".*/made lacks CONCEPT_RELATIONSHIP\.csv, RELATIONSHIP\.csv: download and unpack it again\.",
    ),
    "two downloads in one folder": (
        twice,
        r".*/made has CONCEPT\.csv twice \(CONCEPT\.csv and again/concept\.csv\): give one download only\.",
    ),
    "semicolons": (
        in_bytes("DOMAIN.csv", lambda content: content.replace(b"\t", b";")),
        r"DOMAIN\.csv is separated by semicolons and not by tabs: give the files as Athena makes them\.",
    ),
    "commas": (
        in_bytes("CONCEPT.csv", lambda content: content.replace(b"\t", b",")),
        r"CONCEPT\.csv is separated by commas and not by tabs",
    ),
    "vertical bars": (
        in_bytes("VOCABULARY.csv", lambda content: content.replace(b"\t", b"|")),
        r"VOCABULARY\.csv is separated by vertical bars and not by tabs",
    ),
    "UTF-16": (
        in_bytes("CONCEPT.csv", lambda content: content.decode().encode("utf-16")),
        r"CONCEPT\.csv is written in UTF-16: give the files as Athena makes them, which are in UTF-8\.",
    ),
    "UTF-16 without mark": (
        in_bytes("CONCEPT.csv", lambda content: content.decode().encode("utf-16-le")),
        r"CONCEPT\.csv is written in UTF-16",
    ),
    "Windows-1252": (
        in_bytes("CONCEPT.csv", lambda content: content.decode().encode("cp1252")),
        r"CONCEPT\.csv, line 6: not in UTF-8\. Give the files as Athena makes them, not saved again",
    ),
    "empty file": (in_bytes("DOMAIN.csv", lambda content: b""), r"DOMAIN\.csv is empty: download and unpack it again"),
    "only a header": (
        in_bytes("RELATIONSHIP.csv", lambda content: content.partition(b"\n")[0] + b"\n"),
        r"RELATIONSHIP\.csv has no rows: download and unpack it again\.",
    ),
    "header without end": (
        in_bytes("RELATIONSHIP.csv", lambda content: content.partition(b"\n")[0]),
        r"RELATIONSHIP\.csv is cut: its last line is not whole\.",
    ),
    "missing column": (
        in_text("CONCEPT.csv", ("standard_concept", "standard")),
        r"CONCEPT\.csv lacks the column standard_concept in its first line: download and unpack it again\.",
    ),
    "missing columns": (
        in_text("DOMAIN.csv", ("domain_name\tdomain_concept_id", "name\tid")),
        r"DOMAIN\.csv lacks the columns domain_name, domain_concept_id in its first line",
    ),
    "no header": (
        in_bytes("CONCEPT.csv", lambda content: content.partition(b"\n")[2]),
        r"CONCEPT\.csv lacks the columns concept_id, concept_name, .* in its first line",
    ),
    "column twice": (
        in_text("DOMAIN.csv", ("domain_concept_id", "domain_concept_id\tdomain_id")),
        r"DOMAIN\.csv has the column domain_id twice",
    ),
    "cut within a line": (
        in_bytes("CONCEPT_RELATIONSHIP.csv", lambda content: content[:-20]),
        r"CONCEPT_RELATIONSHIP\.csv is cut: its last line is not whole\. The transfer was interrupted; download and",
    ),
    "cut before the end of the last line": (
        in_bytes("CONCEPT_RELATIONSHIP.csv", lambda content: content[:-1]),
        r"CONCEPT_RELATIONSHIP\.csv is cut: its last line is not whole\.",
    ),
    "fewer columns in a line": (
        in_text("CONCEPT.csv", (f"{FIRST_CONCEPT}", "9000001")),
        r"CONCEPT\.csv, line 3: 9 columns in place of 10, or a line end within a value: download and unpack it again\.",
    ),
    "more columns in a line": (
        in_text("CONCEPT.csv", (FIRST_CONCEPT, f"9\t{FIRST_CONCEPT}")),
        r"CONCEPT\.csv, line 3: 11 columns in place of 10",
    ),
    "line end within a value": (
        in_text("CONCEPT.csv", (FIRST_CONCEPT, "9000001\tInvented\npain")),
        r"CONCEPT\.csv, line 3: 2 columns in place of 10, or a line end within a value",
    ),
    "no number": (
        in_text("CONCEPT.csv", (FIRST_CONCEPT, "9000001.5\tInvented pain")),
        r"CONCEPT\.csv, line 3: concept_id is no whole number: download and unpack it again\.",
    ),
    "number too large": (
        in_text("CONCEPT.csv", (FIRST_CONCEPT, f"{1 << 64}\tInvented pain")),
        r"CONCEPT\.csv, line 3: concept_id is no whole number",
    ),
    "no amount": (
        in_text("DRUG_STRENGTH.csv", ("0.5", "0,5")),
        r"DRUG_STRENGTH\.csv, line 2: amount_value is no number",
    ),
    "no date": (
        in_text("CONCEPT_RELATIONSHIP.csv", ("20150101", "20150231")),
        r"CONCEPT_RELATIONSHIP\.csv, line 4: valid_start_date is no date like 20240830",
    ),
    "another form of dates": (
        in_text("CONCEPT_RELATIONSHIP.csv", ("19700101", "1970-01-01")),
        r"CONCEPT_RELATIONSHIP\.csv, line 2: valid_start_date is no date like 20240830",
    ),
    "required value missing": (
        in_text("CONCEPT.csv", (FIRST_CONCEPT, "\tInvented pain")),
        r"CONCEPT\.csv, line 3: concept_id has no value, which every row must have",
    ),
    "required date missing": (
        in_text("CONCEPT_RELATIONSHIP.csv", ("20150101", "")),
        r"CONCEPT_RELATIONSHIP\.csv, line 4: valid_start_date has no value",
    ),
    "concept twice": (
        in_text("CONCEPT.csv", ("\n9000002\t", "\n9000001\t")),
        r"CONCEPT\.csv has some concept_id more than once \(1 in all\), such as 9000001: download and unpack",
    ),
    "domain twice": (
        in_bytes("DOMAIN.csv", lambda content: content + content.splitlines(keepends=True)[-1]),
        r"DOMAIN\.csv has some domain_id more than once",
    ),
    "no version": (
        in_text("VOCABULARY.csv", ("None\t", "Nothing\t")),
        r"VOCABULARY\.csv tells no version: it has no row of the vocabulary 'None'\. Give a download of Athena for",
    ),
    "unknown version": (
        in_text("VOCABULARY.csv", ("v5.0 30-AUG-24", "v4.5 30-AUG-14")),
        r"VOCABULARY\.csv tells the version 'v4\.5 30-AUG-14', which is unknown: .* like 'v5\.0 30-AUG-24'\.",
    ),
    "version missing": (
        in_text("VOCABULARY.csv", ("v5.0 30-AUG-24", "")),
        r"VOCABULARY\.csv tells the version '', which is unknown",
    ),
    "relationships of another download": (
        of_two_downloads,
        r"6 of the 6 rows of CONCEPT_RELATIONSHIP\.csv are of concepts that CONCEPT\.csv lacks: CONCEPT\.csv may",
    ),
    "cut zip": (
        zipped(lambda content: content[:-100]),
        r".*/made\.zip is a zip that is cut or broken: download it again",
    ),
    "broken zip": (
        zipped(other_bytes_in_a_member),
        r"made\.zip!CONCEPT\.csv is cut or broken in the zip: download and unpack it again\.",
    ),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with a vocabulary, which no test may change."""
    folder = tmp_path_factory.mktemp("before")
    load_vocabulary(a_few_concepts().write(folder / "whole"), folder / "warehouse")
    return folder / "warehouse"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_download_gives_one_sentence_and_changes_nothing(tmp_path, warehouse, damage):
    spoil, sentence = DAMAGES[damage]
    before = current_vocabulary(warehouse)
    files = {path: path.read_bytes() for path in warehouse.rglob("*") if path.is_file()}
    folder = a_few_concepts().write(tmp_path / "made")
    path = spoil(folder) or folder
    with pytest.raises(VocabularyError) as said:
        load_vocabulary(path, warehouse)
    assert re.match(sentence, str(said.value)), str(said.value)
    assert "\n" not in str(said.value)
    assert {path: path.read_bytes() for path in warehouse.rglob("*") if path.is_file()} == files
    assert current_vocabulary(warehouse) == before


def test_a_damaged_first_download_leaves_no_vocabulary(tmp_path):
    folder = a_few_concepts().write(tmp_path / "made")
    in_text("CONCEPT_RELATIONSHIP.csv", ("20150101", "20150231"))(folder)
    with pytest.raises(VocabularyError):
        load_vocabulary(folder, tmp_path / "warehouse")
    assert current_vocabulary(tmp_path / "warehouse") is None
    assert list((tmp_path / "warehouse" / FOLDER).iterdir()) == []


def test_a_zip_with_a_password_is_said(tmp_path):
    path = a_few_concepts().write(tmp_path / "made", as_zip=True)
    content = bytearray(path.read_bytes())
    for start in (m.start() for m in re.finditer(rb"PK\x03\x04|PK\x01\x02", bytes(content))):
        content[start + (6 if content[start + 2] == 3 else 8)] |= 1  # the flag of encrypted members
    path.write_bytes(content)
    with pytest.raises(VocabularyError, match="is protected by a password or packed in an unusual way: unpack the zip"):
        open_download(path)
