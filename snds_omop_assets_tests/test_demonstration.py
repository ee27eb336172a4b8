"""The story that must come out right: the demonstration delivery, from files to OMOP tables."""

import json
import shutil
import sqlite3
from dataclasses import replace

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.definitions import build_defs
from snds_omop_assets.reception.store import Store
from snds_omop_assets.run import run
from snds_omop_assets_tests.conftest import OMOP_FILES, csv_rows, only

pytestmark = pytest.mark.spark


def place(settings, table, year):
    return Store(settings.warehouse).place(official_tables()[table], year)


CAMILLE = "DPXX:0000000000000000001X"


@pytest.fixture
def omop(demonstration):
    settings, summary = demonstration
    assert summary.success, summary.failures
    return settings.warehouse / "omop"


@pytest.fixture
def person(omop):
    return csv_rows(omop / "person.csv")


@pytest.fixture
def location(omop):
    return pq.read_table(omop / "location.parquet").to_pylist()


@pytest.fixture
def provider(omop):
    return pq.read_table(omop / "provider.parquet").to_pylist()


def test_the_files_have_the_names_that_are_an_interface(omop):
    assert {path.name for path in omop.iterdir()} == OMOP_FILES


def test_camille_is_a_woman_of_december_1963_who_lives_in_paris_14e(person, location):
    camille = only(person, person_source_value=CAMILLE)
    assert camille["gender_concept_id"] == "8532"
    assert (camille["year_of_birth"], camille["month_of_birth"]) == ("1963", "12")
    assert (camille["birth_datetime"], camille["day_of_birth"]) == ("1963-12-01 00:00:00", None), "an estimate"
    assert camille["gender_source_value"] == "2"
    place = only(location, location_id=int(camille["location_id"]))
    assert (place["zip"], place["county"], place["state"]) == ("75114", "75", "11")
    assert place["country_source_value"] == "FR"


@pytest.mark.parametrize(
    ("number", "name"), [("75010016", "Hôpital Privé des Peupliers"), ("750023772", "Pharmacie Plaisance")]
)
def test_both_establishments_have_their_names_and_lie_in_paris(omop, location, number, name):
    with sqlite3.connect(omop / "care_site.sqlite") as connection:
        rows = connection.execute(
            "SELECT care_site_name, location_id FROM care_site WHERE care_site_source_value = ?", [number]
        ).fetchall()
        brief = connection.execute(
            "SELECT care_site_name, location_id FROM care_site_brief WHERE care_site_source_value = ?", [number]
        ).fetchall()
    assert [row[0] for row in rows] == [name]
    assert rows == brief
    assert only(location, location_id=rows[0][1])["county"] == "75"


@pytest.mark.parametrize(
    ("source_value", "concept"),
    [("SPE:1", 38004446), ("SPE:6", 45756825), ("ACT:26", 38004490), ("ACT:50", 38003810), ("SPE:86", 0)],
)
def test_the_professionals_have_their_concepts(provider, source_value, concept):
    assert only(provider, provider_source_value=source_value)["specialty_concept_id"] == concept


def test_one_general_practice_however_the_code_is_spelled(provider):
    assert only(provider, provider_source_value="SPE:1")["provider_name"] == "MEDECINE GENERALE"
    assert not [row for row in provider if row["provider_source_value"] in ("SPE:01", "SPE:1.0")]


def test_the_edges_of_the_other_beneficiaries(person, location):
    zips = {str(row["location_id"]): (row["zip"], row["county"]) for row in location}
    lives = {row["person_source_value"][-3:-1]: zips.get(row["location_id"]) for row in person}
    assert lives["06"] == ("2A004", "2A")  # Ajaccio, delivered as 209 004
    assert lives["07"] == ("2B033", "2B")
    assert lives["09"] == ("97105", "971")  # Basse-Terre
    assert lives["11"] == ("97411", "974")  # Saint-Denis de La Réunion, RSI
    assert lives["18"] == (None, "69")  # commune unknown, organism of the Rhône
    assert lives["19"] is None  # lives abroad
    assert {row["gender_concept_id"] for row in person if row["gender_source_value"] in ("0", "9")} == {"0"}
    assert "22" not in lives, "born in 1600, which means unknown"
    assert "23" not in lives, "fictitious NIR"
    assert len(person) == 21


def test_what_was_changed_lies_beside_the_tables(demonstration):
    settings, _ = demonstration
    assert csv_rows(place(settings, "IR_BEN_R", None).quarantine) == []
    (nulled,) = csv_rows(place(settings, "ER_PRS_F", 2013).quarantine)
    assert (nulled["column"], nulled["reason"]) == ("EXE_SOI_DTF", "before EXE_SOI_DTD")


def test_the_warnings_of_the_demonstration_are_these(demonstration):
    """Forty lines of a year make no whole year; a beneficiary moved; nobody has diagnoses or laboratory acts."""
    _, summary = demonstration
    assert [check for check in summary.checks if check.failed] == []
    assert [(c.asset, c.check) for c in summary.checks if not c.passed] == [
        ("snds/er_prs_f", "flow_months"), ("snds/ir_ben_r", "key_is_unique"),
        *((f"omop/{table}", "completeness")
          for table in ("person", "condition_occurrence", "measurement", "observation", "condition_era", "drug_era")),
    ]  # fmt: skip


def test_every_asset_that_has_checks_was_checked(demonstration):
    _, summary = demonstration
    own = ("prepared/", "vocabulary/", "quality/achilles_results")
    checked = {check.asset for check in summary.checks}
    assert {name for name in checked if not name.startswith(own)} == {
        asset.name for asset in summary.assets if not asset.name.startswith(own)
    }
    assert {name for name in checked if name.startswith(own)} == {
        f"vocabulary/{table}"
        for table in ("concept", "vocabulary", "domain", "concept_class", "relationship", "source_to_concept_map",
                      "rejected_targets")
    }  # fmt: skip


def test_every_code_of_the_demonstration_has_a_concept_or_a_decision(demonstration):
    """Consultations are visits and no acts; where a CIP or a CCAM code says more, the PRS_NAT_REF says nothing."""
    settings, _ = demonstration
    told = json.loads((settings.warehouse / "vocabulary" / "coverage_report.json").read_text())
    assert told["verdict"] == "every code has an answer"
    assert (told["rows"], told["rows_mapped"], told["rows_decided"], told["rows_rejected"]) == (45, 15, 30, 0)
    assert {line["code"] for line in told["unmapped"] if line["decided"]} == {"1111", "1112", "1351", "3111", "3313"}
    mapped = {
        (row["nomenclature"], row["code"]): row["target_concept_id"]
        for row in pq.read_table(settings.warehouse / "vocabulary" / "code_map.parquet").to_pylist()
    }
    assert mapped["CIP13", "3400934841682"] == 19078461, "ibuprofen 200 MG Oral Tablet"
    assert mapped["CCAM", "LFQK002"] == 3654842, "the X-ray of the lumbar spine"
    assert mapped["PRS_NAT_REF", "3125"] == 4238738, "physiotherapy"
    assert mapped["PRS_NAT_VISIT", "3313"] == 581458, "a visit of a pharmacy"


def test_the_delivery_report_says_the_verdict_and_where_every_row_went(demonstration):
    settings, _ = demonstration
    told = json.loads((settings.warehouse / "reception" / "delivery_report.json").read_text())
    assert told["verdict"] == "usable with reserves"
    for table in told["tables"]:
        assert table["rows"] == table["stored"] + table["set_aside"] + table["duplicates"]
    assert {table["table"]: table["rows"] for table in told["tables"]}["ER_PRS_F"] == 40
    page = (settings.warehouse / "reception" / "delivery_report.html").read_text()
    assert "usable with reserves" in page
    assert "DPXX" not in page


def test_running_again_gives_the_same_bytes_and_the_same_rows(demonstration, tmp_path):
    settings, _ = demonstration
    omop = settings.warehouse / "omop"
    shutil.copytree(omop, tmp_path / "first")
    assert run(settings).success
    assert (omop / "person.csv").read_bytes() == (tmp_path / "first" / "person.csv").read_bytes()
    for name in (name for name in OMOP_FILES if name.endswith(".parquet")):
        # The same rows, in any order: engines write in parallel.
        frames = (pd.read_parquet(folder / name) for folder in (omop, tmp_path / "first"))
        one, other = (frame.sort_values([*frame.columns], ignore_index=True) for frame in frames)
        pd.testing.assert_frame_equal(one, other)
    rows = [
        sqlite3.connect(folder / "care_site.sqlite").execute("SELECT * FROM care_site").fetchall()
        for folder in (omop, tmp_path / "first")
    ]
    assert rows[0] == rows[1]
    assert not [path for path in settings.warehouse.rglob(".*") if path.name != ".spill"], "nothing left aside"


def test_one_check_can_be_run_again_alone(demonstration):
    """As the UI's button «Execute» does: on what the warehouse holds, without the delivery."""
    settings, _ = demonstration
    alone = build_defs(replace(settings, delivery=settings.warehouse / "no delivery here"))
    key = dg.AssetCheckKey(dg.AssetKey(["snds", "ir_ben_r"]), "has_rows")
    job = dg.define_asset_job("one_check", dg.AssetSelection.checks(key))
    result = job.resolve(asset_graph=alone.resolve_asset_graph()).execute_in_process(
        resources=alone.resources, instance=dg.DagsterInstance.ephemeral()
    )
    assert [(e.check_name, e.passed) for e in result.get_asset_check_evaluations()] == [("has_rows", True)]
