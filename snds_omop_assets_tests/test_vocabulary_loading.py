"""Loading a download of Athena, and the vocabulary without one: what is stored, what counts, what a kill leaves."""

import shutil
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.errors import StoreError
from snds_omop_assets.reception.store import writing
from snds_omop_assets.vocabulary.loaded import (
    FOLDER,
    TABLES,
    LoadedVocabulary,
    current_vocabulary,
    read_current,
    vocabulary_of,
)
from snds_omop_assets.vocabulary.loading import load_vocabulary
from snds_omop_assets.vocabulary.maps import CONCEPTS
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.own import WITHOUT_DOWNLOAD, own_vocabulary
from snds_omop_assets.vocabulary.versions import Versions
from snds_omop_assets_tests.conftest import csv_rows, only
from snds_omop_assets_tests.made_vocabulary import MadeVocabulary, a_few_concepts, write_large

LOCAL = 2_000_000_000


def tables_of(loaded: LoadedVocabulary) -> dict[str, pa.Table]:
    return {name: pq.read_table(table.path) for name, table in loaded.tables.items()}


def rows_of(loaded: LoadedVocabulary, table: str) -> list[dict]:
    return tables_of(loaded)[table].to_pylist()


def states(warehouse: Path) -> dict[str, tuple[int, int]]:
    """Every file, its inode and the time of its last change."""
    files = [path for path in warehouse.rglob("*") if path.is_file()]
    return {str(path.relative_to(warehouse)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def never(table: str, rows: int) -> None:
    raise AssertionError(f"{table} was read")


# --- what is stored


def test_values_are_stored_as_the_files_have_them(tmp_path):
    loaded = load_vocabulary(a_few_concepts().write(tmp_path / "made"), tmp_path / "warehouse")
    concepts = rows_of(loaded, "concept")
    assert only(concepts, concept_id=9_000_001)["concept_name"] == 'Invented pain, "quoted" in its name'
    assert only(concepts, concept_id=9_000_007)["concept_name"] == "NULL"
    old = only(concepts, concept_id=9_000_005)
    assert (old["standard_concept"], old["invalid_reason"], old["valid_end_date"]) == (None, "U", date(2020, 1, 31))
    (strength,) = rows_of(loaded, "drug_strength")
    assert (strength["amount_value"], strength["box_size"], strength["numerator_value"]) == (0.5, 30, None)
    assert only(rows_of(loaded, "concept_synonym"))["concept_synonym_name"] == "Douleur inventée"
    assert all(tables_of(loaded)[name].schema.equals(cdm_tables()[name].schema) for name in TABLES)


def test_what_was_loaded_is_told(tmp_path):
    loaded = load_vocabulary(a_few_concepts().write(tmp_path / "made"), tmp_path / "warehouse")
    assert (loaded.version, loaded.from_download, loaded.absent) == ("v5.0 30-AUG-24", True, ())
    made = next(present for present in loaded.vocabularies if present.vocabulary_id == "Made")
    assert (made.name, made.version, made.concepts, made.standard) == ("Made, invented", "Made 2024", 2, 1)
    assert loaded.rows == {name: table.num_rows for name, table in tables_of(loaded).items()}
    assert loaded.warnings == {}
    assert loaded == current_vocabulary(tmp_path / "warehouse") == vocabulary_of(loaded.folder)
    assert str(tmp_path / "made") not in (loaded.folder / "manifest.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["zip", "folder in a zip", "folder in a folder", "small letters", "windows"])
def test_however_a_download_is_packed_the_tables_are_the_same(tmp_path, form):
    made = a_few_concepts()
    plain = load_vocabulary(made.write(tmp_path / "plain"), tmp_path / "warehouse")
    path = made.write(tmp_path / "other" / "inner", as_zip=form == "zip", end="\r\n" if form == "windows" else "\n")
    if form == "folder in a zip":
        path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "other"))
    elif form == "folder in a folder":
        path = tmp_path / "other"
    elif form == "small letters":
        for file in list(path.iterdir()):
            file.rename(file.with_name(file.name.lower()))
    other = load_vocabulary(path, tmp_path / "other warehouse")
    assert tables_of(other) == tables_of(plain)
    assert form == "windows" or other.content_hash == plain.content_hash


def test_what_athena_adds_is_passed_over(tmp_path):
    folder = a_few_concepts().write(tmp_path / "made")
    (folder / "CONCEPT_CPT4.csv").write_text("concept_id\n", encoding="utf-8")
    (folder / "cpt.bat").write_bytes(b"\xff\xfe")
    lines = (folder / "DOMAIN.csv").read_text(encoding="utf-8").splitlines()
    wider = [f"extra\t{line}" for line in lines]
    (folder / "DOMAIN.csv").write_text("\ufeff" + "\n".join(wider).upper().replace("DRUG", "Drug") + "\n", "utf-8")
    loaded = load_vocabulary(folder, tmp_path / "warehouse")
    assert only(rows_of(loaded, "domain"), domain_id="Drug")["domain_concept_id"] == 0


def test_optional_tables_that_lack_are_empty_and_told(tmp_path):
    folder = a_few_concepts().write(tmp_path / "made", without=["concept_ancestor", "drug_strength"])
    loaded = load_vocabulary(folder, tmp_path / "warehouse")
    assert loaded.absent == ("concept_ancestor", "drug_strength")
    assert rows_of(loaded, "concept_ancestor") == rows_of(loaded, "drug_strength") == []


def test_what_points_to_nothing_or_is_too_long_is_counted_and_kept(tmp_path):
    made = a_few_concepts()
    made.concept(9_000_008, "é" * 256, code="é" * 50)
    for _ in range(4):
        made.relationship(9_000_001, "Concept replaced by", 9_000_003)
    made.relationship(9_000_001, "Maps to", 9_999_999)
    folder = made.write(tmp_path / "made")
    classes = (folder / "CONCEPT_CLASS.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "CONCEPT_CLASS.csv").write_text("".join(c for c in classes if "Ingredient" not in c), encoding="utf-8")
    loaded = load_vocabulary(folder, tmp_path / "warehouse")
    assert loaded.warnings == {
        "concept.concept_name longer than in the CDM": 1,
        "concept_relationship of concepts that concept lacks": 1,
        "concept.concept_class_id that concept_class lacks": 1,
    }
    assert loaded.rows["concept_relationship"] == 11


def test_rows_are_told_while_they_are_read(tmp_path):
    told = []
    load_vocabulary(a_few_concepts().write(tmp_path / "made"), tmp_path / "warehouse", lambda *row: told.append(row))
    assert told[:2] == [("concept", 8), ("concept_relationship", 6)]


def test_a_file_of_many_blocks_is_read_whole(tmp_path, monkeypatch):
    folder = write_large(tmp_path / "made", concepts=1_000, relationships=5_000)
    whole = tables_of(load_vocabulary(folder, tmp_path / "warehouse"))
    monkeypatch.setattr("snds_omop_assets.vocabulary.athena_rows.BLOCK_BYTES", 9_973)
    assert tables_of(load_vocabulary(folder, tmp_path / "other warehouse")) == whole
    assert whole["concept"].num_rows == 1_001 + len(rows_of(own_vocabulary(tmp_path / "own"), "concept")) - len(
        csv_rows(CONCEPTS)
    )


# --- the local vocabularies


def test_every_local_vocabulary_and_class_comes_with_a_download(tmp_path):
    loaded = load_vocabulary(a_few_concepts().write(tmp_path / "made"), tmp_path / "warehouse")
    names = {of.vocabulary_id for of in nomenclatures().values()} - {None}
    concepts = {row["concept_id"]: row for row in rows_of(loaded, "concept") if row["concept_id"] > LOCAL}
    ours = [row for row in rows_of(loaded, "vocabulary") if row["vocabulary_id"].startswith("SNDS_")]
    assert {row["vocabulary_id"] for row in ours} == names
    for row in ours:
        assert concepts.pop(row["vocabulary_concept_id"])["concept_name"] == row["vocabulary_name"]
    classes = {row["concept_class_concept_id"] for row in rows_of(loaded, "concept_class")} & concepts.keys()
    assert classes == concepts.keys()


def test_local_rows_that_come_back_in_a_download_do_not_come_twice(tmp_path):
    made = a_few_concepts()
    made.concept(LOCAL + 1, "exported once", "Metadata", "SNDS_CIM10", "CIM10 code", None)
    loaded = load_vocabulary(made.write(tmp_path / "made"), tmp_path / "warehouse")
    assert only(rows_of(loaded, "concept"), concept_id=LOCAL + 1)["vocabulary_id"] == "Vocabulary"
    assert loaded.warnings == {
        "concept with an id of the project's own, left out": 1,
        "vocabulary with an id of the project's own, left out": 1,
        "concept_class with an id of the project's own, left out": 1,
    }


# --- without a download


def test_without_a_download_there_are_the_concepts_of_the_maps(tmp_path):
    own = own_vocabulary(tmp_path)
    assert (own.version, own.from_download, own.warnings) == (WITHOUT_DOWNLOAD, False, {})
    concepts = [row for row in rows_of(own, "concept") if row["concept_id"] < LOCAL]
    listed = csv_rows(CONCEPTS)
    assert [str(row["concept_id"]) for row in concepts] == [row["concept_id"] for row in listed]
    assert {row["concept_name"] for row in concepts} == {
        row["concept_name"] or f"Concept {row['concept_id']}" for row in listed
    }
    assert only(concepts, concept_id=0)["standard_concept"] is None
    assert only(concepts, concept_id=8507)["standard_concept"] == "S"
    relations = {row["relationship_id"]: row["reverse_relationship_id"] for row in rows_of(own, "relationship")}
    assert relations["Maps to value"] == "Value mapped from"
    assert all(relations[back] == there for there, back in relations.items())


def test_the_vocabulary_without_a_download_is_written_once(tmp_path):
    own_vocabulary(tmp_path)
    before = states(tmp_path)
    own_vocabulary(tmp_path)
    assert states(tmp_path) == before
    assert tables_of(own_vocabulary(tmp_path / "again")) == tables_of(own_vocabulary(tmp_path))


# --- which version counts


def test_the_same_download_again_costs_nothing(tmp_path):
    folder, warehouse = a_few_concepts().write(tmp_path / "made"), tmp_path / "warehouse"
    first = load_vocabulary(folder, warehouse)
    before = states(warehouse)
    assert load_vocabulary(folder, warehouse, never) == first
    assert states(warehouse) == before


def test_a_copy_of_the_download_changes_only_what_it_is_known_by(tmp_path):
    made, warehouse = a_few_concepts(), tmp_path / "warehouse"
    first = load_vocabulary(made.write(tmp_path / "made"), warehouse)
    before = states(warehouse)
    zipped = made.write(tmp_path / "made", as_zip=True)
    assert load_vocabulary(zipped, warehouse, never) == first
    changed = {name for name, state in states(warehouse).items() if before.get(name) != state}
    assert changed == {f"{FOLDER}/current.json"}


def test_a_file_of_the_same_size_with_another_content_is_loaded(tmp_path):
    folder, warehouse = a_few_concepts().write(tmp_path / "made"), tmp_path / "warehouse"
    first = load_vocabulary(folder, warehouse)
    path = folder / "CONCEPT.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("Invented drug", "Imagined drug"), encoding="utf-8")
    second = load_vocabulary(folder, warehouse)
    assert second.folder != first.folder
    assert only(rows_of(second, "concept"), concept_id=9_000_003)["concept_name"] == "Imagined drug"


def test_the_download_before_is_kept_and_older_ones_are_not(tmp_path):
    warehouse = tmp_path / "warehouse"
    loaded = []
    for number in range(3):
        made = MadeVocabulary(f"v5.0 0{number + 1}-JAN-24")
        made.concept(9_000_001)
        made.maps_to(9_000_001, 9_000_001)
        loaded.append(load_vocabulary(made.write(tmp_path / str(number)), warehouse))
    assert current_vocabulary(warehouse) == loaded[2]
    assert read_current(warehouse).previous == loaded[1].folder.name
    assert vocabulary_of(loaded[1].folder) == loaded[1]
    assert not loaded[0].folder.exists()
    own_vocabulary(warehouse)
    assert read_current(warehouse).previous == loaded[2].folder.name
    assert load_vocabulary(tmp_path / "2", warehouse, never) == loaded[2]
    assert {path.name for path in (warehouse / FOLDER).iterdir()} == {"current.json", loaded[2].folder.name}


def test_nothing_loaded_is_none_and_a_strange_manifest_is_said(tmp_path):
    assert current_vocabulary(tmp_path) is None
    loaded = own_vocabulary(tmp_path)
    (loaded.folder / "domain.parquet").unlink()
    with pytest.raises(
        StoreError, match=r"domain\.parquet is missing or damaged: remove .* and load the vocabulary again"
    ):
        current_vocabulary(tmp_path)
    (tmp_path / FOLDER / "current.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StoreError, match="was written by another version"):
        current_vocabulary(tmp_path)
    assert own_vocabulary(tmp_path) == loaded == current_vocabulary(tmp_path)


def test_one_run_writes_at_a_time(tmp_path):
    folder = a_few_concepts().write(tmp_path / "made")
    with writing(Versions(tmp_path / "warehouse").folder), pytest.raises(StoreError, match="Another run is writing"):
        load_vocabulary(folder, tmp_path / "warehouse")


# --- kills

KILLED = """
import itertools, os, shutil, signal, sys
from pathlib import Path
import duckdb, polars, pandera.polars  # all that is imported late, before the steps are counted
from snds_omop_assets.vocabulary.loading import load_vocabulary

download, before, folder = sys.argv[1:]

def load(warehouse, step):
    steps, reads = 0, 0
    def hook(event, words):
        nonlocal steps
        writes = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")
        writes = writes or (event == "open" and isinstance(words[1], str) and set(words[1]) & set("wax"))
        if writes and str(words[0]).startswith(warehouse) and ".spill" not in str(words[0]):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)
    def on_rows(table, count):
        nonlocal reads
        reads += 1
        if reads == -step:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    load_vocabulary(Path(download), Path(warehouse), on_rows)

for step in itertools.chain((-1, -2, -9), itertools.count(1)):
    warehouse = f"{folder}/{step}"
    shutil.copytree(before, warehouse)
    pid = os.fork()
    if pid == 0:
        load(warehouse, step)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(step, code, flush=True)
    if code != -signal.SIGKILL:
        break
"""


@pytest.mark.process
def test_a_load_killed_at_any_of_its_steps_leaves_the_old_version_and_the_next_one_ends_well(tmp_path):
    """A step is a folder or file that is made, renamed or removed; below 0, a table whose rows were read."""
    other = a_few_concepts().write(tmp_path / "other")
    after = tables_of(load_vocabulary(other, tmp_path / "undisturbed"))
    made = MadeVocabulary("v5.0 01-JAN-24")
    made.concept(9_000_001)
    made.maps_to(9_000_001, 9_000_001)
    old = load_vocabulary(made.write(tmp_path / "made"), tmp_path / "before")
    command = [sys.executable, "-c", KILLED, str(other), str(tmp_path / "before"), str(tmp_path / "killed")]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    codes = {int(step): int(code) for step, code in map(str.split, ended.stdout.splitlines())}
    assert codes.pop(max(codes)) == 0, ended.stderr
    assert set(codes.values()) == {-signal.SIGKILL}
    assert len(codes) > 7
    versions = []
    for step in codes:
        warehouse = tmp_path / "killed" / str(step)
        found = current_vocabulary(warehouse)
        assert found is not None
        versions.append(found.version)
        assert {name: table.num_rows for name, table in tables_of(found).items()} == found.rows
        new = load_vocabulary(other, warehouse)
        assert tables_of(new) == after
        named = {"current.json", old.folder.name, new.folder.name}
        assert {path.name for path in (warehouse / FOLDER).iterdir()} == named, f"after step {step}"
    assert set(versions[:8]) == {old.version}
