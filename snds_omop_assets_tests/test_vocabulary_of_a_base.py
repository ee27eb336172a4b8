"""The vocabulary of a base from end to end: a synthetic delivery, made-up downloads, a user's maps, the commands."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from snds_omop_assets.cli import main
from snds_omop_assets.errors import StoreError, VocabularyError
from snds_omop_assets.io_managers.stored import ParquetTable
from snds_omop_assets.reception.deliveries import receive_delivery
from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.reception.store import Store
from snds_omop_assets.run import run
from snds_omop_assets.settings import DEMONSTRATION_DELIVERY, PROJECT, Settings
from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.scenario import Scenario
from snds_omop_assets.vocabulary import base
from snds_omop_assets.vocabulary.loaded import current_vocabulary
from snds_omop_assets.vocabulary.local_concepts import export_local, local_concepts
from snds_omop_assets.vocabulary.maps import CONCEPTS, concepts_of
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.user_maps import NONE, read_user_maps
from snds_omop_assets_tests.conftest import KEY
from snds_omop_assets_tests.made_vocabulary import vocabulary_of_codes

STATUSES = ("mapped", "remapped", "unmapped", "rejected")


@pytest.fixture(scope="module")
def received(tmp_path_factory):
    """A warehouse with the received tables of 400 invented persons."""
    folder = tmp_path_factory.mktemp("base")
    generate(Scenario(persons=400, years=(2018, 2019), seed=5), folder / "made", "parquet")
    settings = Settings(folder / "made" / "delivery", folder / "warehouse", id_key=KEY)
    answer = receive_delivery(open_delivery(settings.delivery), Store(settings.warehouse))
    assert not answer.errors
    return settings


@pytest.fixture(scope="module")
def codes(received):
    """The codes of these tables."""
    return base.codes_of(received, NONE)


@pytest.fixture(scope="module")
def pairs(codes):
    return [(row["nomenclature"], row["code"]) for row in codes.to_pylist() if row["rows"]]


@pytest.fixture(scope="module")
def download(pairs, tmp_path_factory):
    """A made-up download that maps most of them."""
    return vocabulary_of_codes(pairs).write(tmp_path_factory.mktemp("download") / "athena")


@pytest.fixture(scope="module")
def covered(received, download):
    """The base with this download, and the report on it."""
    settings = replace(received, vocabulary=download)
    return settings, base.report_coverage(settings)


def snds(*words, **settings):
    """Run `snds-omop` here; its exit code and what it said."""
    answer = CliRunner(env={"COLUMNS": "250", **settings}).invoke(main, [*map(str, words)])
    return answer.exit_code, answer.output


def test_every_row_that_holds_a_code_has_one_status(covered, codes):
    _, report = covered
    for line in report.coverage.lists():
        assert line["rows"] == sum(line[f"rows_{status}"] for status in STATUSES)
    assert sum(line["rows"] for line in report.coverage.lists()) == sum(codes["rows"].to_pylist())


def test_the_report_knows_all_paths_and_no_person(covered):
    settings, report = covered
    told = json.loads(report.json.read_text())
    rows = {line["nomenclature"]: line for line in told["lists"]}
    assert rows["CIM10"]["rows_mapped"] and rows["CIM10"]["rows_remapped"] and rows["CIM10"]["rows_unmapped"]
    assert rows["NABM"]["rows_mapped"] == 0
    assert told["version"] == "v5.0 30-AUG-24"
    delivered = pq.read_table(next((settings.delivery).glob("IR_BEN_R*.parquet")))
    pseudonyms = {name for name in delivered["BEN_NIR_PSA"].to_pylist() if name}
    for path in (report.json, report.html, report.usagi):
        text = path.read_text()
        assert not any(name in text for name in pseudonyms)


def test_the_same_report_again_adds_no_run(covered):
    settings, report = covered
    again = base.report_coverage(settings)
    assert again.history == report.history
    assert again.coverage.summary() == report.coverage.summary()


def test_what_usagi_approved_is_mapped_next_time(covered, tmp_path):
    """The two most frequent unmapped laboratory codes are mapped by a person, and nothing else changes."""
    settings, report = covered
    with report.usagi.open(encoding="utf-8") as file:
        asked = [row for row in csv.DictReader(file) if row["nomenclature"] == "NABM"][:2]
    target = pq.read_table(base.load(settings).tables["concept"].path).filter(_standard("Condition"))[0][0].as_py()
    folder = tmp_path / "maps"
    folder.mkdir()
    with (folder / "reviewed.csv").open("w", newline="") as file:
        saved = csv.writer(file)
        saved.writerow(
            ["sourceCode", "sourceName", "mappingStatus", "conceptId", "mappingType", "ADD_INFO:nomenclature"]
        )
        saved.writerows([row["sourceCode"], row["sourceName"], "APPROVED", target, "MAPS_TO", "NABM"] for row in asked)
    after = base.report_coverage(replace(settings, maps=folder))
    was, now = ({line["nomenclature"]: line for line in r.coverage.lists()} for r in (report, after))
    assert now["NABM"]["rows_mapped"] == sum(int(row["sourceFrequency"]) for row in asked)
    assert {name: line for name, line in now.items() if name != "NABM"} == {
        name: line for name, line in was.items() if name != "NABM"
    }
    assert after.unmapped == report.unmapped - 2


def _standard(domain):
    import pyarrow.compute as pc

    return (pc.field("standard_concept") == "S") & (pc.field("domain_id") == domain)


def test_codes_that_no_vocabulary_has_are_local_concepts_with_their_french_label(covered, codes):
    settings, _ = covered
    vocabulary = current_vocabulary(settings.warehouse)
    found = base.resolved(settings, NONE, codes, vocabulary)
    local = {row["concept_id"]: row for row in local_concepts(found.code_map, codes).to_pylist()}
    consultation = local[nomenclatures()["PRS_NAT_REF"].local_id("1111")]
    assert consultation["concept_name"] == "CONSULTATION COTEE C"
    assert (consultation["vocabulary_id"], consultation["concept_code"]) == ("SNDS_PRS_NAT", "1111")
    without = [row for row in found.code_map.to_pylist() if row["source_concept_id"] == 0]
    lists = nomenclatures()
    assert all(lists[row["nomenclature"]].local_id(row["code"]) == 0 for row in without)
    used = {row["source_concept_id"] for row in found.code_map.to_pylist() if row["source_concept_id"] >= 2_000_000_000}
    assert used == local.keys()


def test_local_concepts_are_the_same_in_another_base_with_more_codes(covered, codes):
    settings, _ = covered
    vocabulary = current_vocabulary(settings.warehouse)
    some = codes.slice(0, 300)
    all_ids = _ids(base.resolved(settings, NONE, codes, vocabulary))
    assert _ids(base.resolved(settings, NONE, some, vocabulary)).items() <= all_ids.items()


def _ids(found):
    return {(r["nomenclature"], r["code"]): r["source_concept_id"] for r in found.code_map.to_pylist()}


def test_the_export_is_in_the_layout_of_athena(covered, codes, tmp_path):
    """With a laboratory code that the user has mapped, so that a local concept has a target."""
    settings, _ = covered
    vocabulary = current_vocabulary(settings.warehouse)
    target = pq.read_table(vocabulary.tables["concept"].path).filter(_standard("Condition"))["concept_id"][0].as_py()
    (tmp_path / "mine.csv").write_text(
        f"source_code,source_vocabulary_id,target_concept_id\n1104,NABM,{target}\n", encoding="utf-8"
    )
    settings = replace(settings, maps=tmp_path)
    user = base.maps_of(settings)
    found = base.resolved(settings, user, base.codes_of(settings, user), vocabulary)
    rows = export_local(local_concepts(found.code_map, codes), found.code_map, vocabulary.tables, tmp_path / "export")
    read = {}
    for name, count in rows.items():
        lines = (tmp_path / "export" / name).read_text(encoding="utf-8").splitlines()
        assert len(lines) == count + 1
        assert {line.count("\t") for line in lines} == {lines[0].count("\t")}
        read[name] = [line.split("\t") for line in lines[1:]]
    ids = {int(row[0]) for row in read["CONCEPT.csv"]}
    assert min(ids) >= 2_000_000_000
    assert {row[3] for row in read["CONCEPT.csv"]} - {"Vocabulary", "Concept Class"} <= {
        row[0] for row in read["VOCABULARY.csv"]
    }
    relations = {(int(row[0]), int(row[1]), row[2]) for row in read["CONCEPT_RELATIONSHIP.csv"]}
    own = nomenclatures()["NABM"].local_id("1104")
    assert relations == {(own, target, "Maps to"), (target, own, "Mapped from")}
    assert own in ids


def test_an_upgrade_tells_what_moves_and_changes_nothing(covered, pairs, tmp_path):
    """In the new download a tenth more codes are unknown, and those of the CCAM are measurements."""
    settings, _ = covered
    made = vocabulary_of_codes(pairs, "v5.0 27-FEB-25", gap=5)
    made.concepts = [
        (*row[:2], "Measurement", *row[3:]) if row[3] == "Made" and row[2] == "Procedure" else row
        for row in made.concepts
    ]
    new = made.write(tmp_path / "new")
    before = {path: path.stat().st_mtime_ns for path in settings.warehouse.rglob("*") if path.is_file()}
    found = base.upgrade_impact(settings, settings.vocabulary, new)
    moves = {(row["old_tables"], row["new_tables"]): row["rows"] for row in found.moves.to_pylist()}
    assert moves["procedure_occurrence", "measurement"] > 0
    assert found.rows_moving == sum(moves.values())
    assert {path: path.stat().st_mtime_ns for path in settings.warehouse.rglob("*") if path.is_file()} == before
    back = base.upgrade_impact(settings, new, settings.vocabulary)
    assert (back.codes, back.rows_moving) == (found.codes, found.rows_moving)


def test_the_same_vocabulary_twice_changes_nothing(covered):
    settings, _ = covered
    loaded = current_vocabulary(settings.warehouse)
    found = base.upgrade_impact(settings, settings.vocabulary, loaded.folder)
    assert found.sentences() == ["No code of this base changes target, domain, value, validity or status."]


def test_the_commands_say_what_the_functions_find(covered, download, tmp_path):
    settings, report = covered
    where = ("--warehouse", settings.warehouse)
    code, said = snds("vocabulary", "load", download, *where)
    assert code == 0, said
    assert "v5.0 30-AUG-24" in said and "BDPM" in said
    code, said = snds("vocabulary", "coverage", *where)
    assert code == 0, said
    assert report.sentences[0] in said and "coverage_report.html" in said
    code, said = snds("vocabulary", "diff", download, download, *where, "--report", tmp_path)
    assert code == 0, said
    assert "No code of this base changes" in said
    assert json.loads((tmp_path / "vocabulary_differences.json").read_text())["rows_moving"] == 0


def test_commands_on_an_empty_warehouse_say_what_to_do(tmp_path, download):
    for words in (("coverage",), ("export", tmp_path / "out"), ("diff", download, download)):
        code, said = snds("vocabulary", *words, "--warehouse", tmp_path / "empty")
        assert code == 2
        assert "Traceback" not in said and ("receive a delivery first" in said or "run the project" in said)
    with pytest.raises(VocabularyError, match="receive a delivery first"):
        base.report_coverage(Settings(tmp_path, tmp_path / "empty"))


@pytest.mark.spark
def test_a_run_with_a_download_and_the_users_maps(tmp_path, monkeypatch):
    """The user says that general practice is another concept; the download has it, and PROVIDER follows."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    made = vocabulary_of_codes([("CCAM", "LFQK002"), ("CIP7", "3484168")], gap=1_000)
    made.concept(38004446, "Invented practice", "Provider", "Made", code="P1")
    made.concept(9_900_001, "Another invented practice", "Provider", "Made", code="P2")
    made.concept(8532, "FEMALE", "Gender", "Gender", code="F")
    # What every download of Athena has: the CDM's own version, visits, domains.
    made.concept(756265, "OMOP CDM Version 5.4.0", "Metadata", "CDM", code="CDM v5.4.0")
    made.concept(9202, "Outpatient Visit", "Visit", "Visit", code="OP")
    made.concept(9_900_002, "An invented act", "Procedure", "Made", code="P3")
    download = made.write(tmp_path / "athena", as_zip=True)
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "mine.csv").write_text(
        "source_code,source_vocabulary_id,target_concept_id\n01,IR_SPE_V,9900001\n"
    )
    settings = Settings(
        DEMONSTRATION_DELIVERY, tmp_path / "warehouse", vocabulary=download, maps=tmp_path / "maps", small_cell=1
    )
    summary = run(settings)
    assert summary.success, summary.failures
    warned = {check.check for check in summary.checks if not check.passed}
    assert "targets_can_be_used" in warned, "this download lacks most targets of the project's maps"
    providers = {
        row["provider_source_value"]: row["specialty_concept_id"]
        for row in pq.read_table(settings.warehouse / "omop" / "provider.parquet").to_pylist()
    }
    assert providers["SPE:1"] == 9_900_001
    assert providers["SPE:6"] == 0, "the download lacks this target: 0 and a line in the report"
    genders = {line.split(",")[1] for line in (settings.warehouse / "omop" / "person.csv").read_text().splitlines()[1:]}
    assert genders == {"8532", "0"}, "and it lacks MALE"


def test_a_damaged_download_fails_the_run_with_one_sentence_and_leaves_the_warehouse(tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "athena").mkdir()
    settings = Settings(DEMONSTRATION_DELIVERY, tmp_path / "warehouse", vocabulary=tmp_path / "athena", small_cell=1)
    summary = run(settings)
    assert not summary.success
    told = [sentence for sentence in summary.failures if "CONCEPT" in sentence]
    assert told and "Traceback" not in told[0]
    assert current_vocabulary(settings.warehouse) is None


def test_answers_of_another_vocabulary_are_not_taken_for_those_of_this_one(covered, tmp_path):
    settings, _ = covered
    settings = replace(settings, warehouse=tmp_path)
    own = base.load(replace(settings, vocabulary=None))
    table = base.made_with(own.tables["domain"].schema.empty_table(), own)
    pq.write_table(table, tmp_path / "vocabulary" / "code_map.parquet")
    assert base.stored(settings, "code_map").num_rows == 0
    base.load(settings)
    with pytest.raises(VocabularyError, match="was made with another vocabulary"):
        base.stored(settings, "code_map")
    assert not base.load(replace(settings, vocabulary=None, without_vocabulary=True)).from_download
    assert base.stored(settings, "code_map").num_rows == 0


def test_a_damaged_table_of_the_warehouse_is_told_and_loaded_again(covered, tmp_path):
    settings, _ = covered
    settings = replace(settings, warehouse=tmp_path)
    path = base.load(settings).tables["concept"].path
    rows = pq.read_metadata(path).num_rows
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match="is missing or damaged"):
        current_vocabulary(tmp_path)
    assert base.load(settings).tables["concept"].rows == rows
    (tmp_path / "vocabulary" / "code_map.parquet").write_bytes(b"no Parquet")
    with pytest.raises(VocabularyError, match="cannot be read"):
        base.stored(settings, "code_map")


def test_a_users_line_that_holds_for_two_years_leaves_the_project_the_others(own, tmp_path):
    """In SOURCE_TO_CONCEPT_MAP as in the answers for events."""
    (tmp_path / "mine.csv").write_text(
        "source_code,source_vocabulary_id,target_concept_id,valid_start_date,valid_end_date\n"
        "1,IR_SPE_V,38004490,2015-01-01,2016-12-31\n2,IR_SEX_V,8507,,9999-12-31\n"
    )
    lines = base.map_lines(read_user_maps(tmp_path))
    table = base.source_to_concept_map(lines, own)
    specialty = [
        (str(row["valid_start_date"]), str(row["valid_end_date"]), row["target_concept_id"])
        for row in table.to_pylist()
        if (row["source_vocabulary_id"], row["source_code"]) == ("IR_SPE_V", "1")
    ]
    assert sorted(specialty) == [
        ("1970-01-01", "2014-12-31", 38004446),
        ("2015-01-01", "2016-12-31", 38004490),
        ("2017-01-01", "2099-12-31", 38004446),
    ]
    path = tmp_path / "table.parquet"
    pq.write_table(table, path)
    assert concepts_of(ParquetTable(path), "IR_SEX_V")["2"] == 8507, "the user says so, for ever"


def test_the_page_names_every_vocabulary_that_the_maps_lead_to():
    with CONCEPTS.open(encoding="utf-8") as lines:
        used = {row["vocabulary_id"] for row in csv.DictReader(lines)} - {"None"}
    page = " ".join((PROJECT / "docs" / "vocabulary.md").read_text(encoding="utf-8").split())
    assert [name for name in sorted(used) if name not in page] == []
    assert len(used - {"SNOMED", "RxNorm"}) >= 8


@pytest.mark.process
def test_dagster_materializes_one_table_of_the_vocabulary_alone(tmp_path):
    """A part of an asset that makes several tables."""
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    environment["SNDS_WAREHOUSE"] = str(tmp_path / "warehouse")
    program = [str(Path(sys.executable).parent / "dagster"), "asset", "materialize", "-m", "snds_omop_assets"]
    words = [*program, "--select", "vocabulary/concept"]
    answer = subprocess.run(words, env=environment, cwd=PROJECT, capture_output=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert current_vocabulary(tmp_path / "warehouse") is not None
