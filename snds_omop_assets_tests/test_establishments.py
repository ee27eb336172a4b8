"""prepared/establishments, CARE_SITE and LOCATION."""

import sqlite3

import pyarrow as pa
import pytest

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.ids import omop_id
from snds_omop_assets.io_managers.stored import write_sqlite
from snds_omop_assets.omop.care_site import BRIEF_VIEW, care_site_table
from snds_omop_assets.omop.location import location_table
from snds_omop_assets.preparation.assets import ESTABLISHMENTS, establishments_table
from snds_omop_assets_tests.conftest import KEY, only, rows_of

T_MCO_E = official_tables()["T_MCO_E"].schema
PREPARED = pa.schema([(name, kind) for name, (kind, _) in ESTABLISHMENTS.items()])
PLACES = pa.schema([("commune", pa.string()), ("department", pa.string())])


@pytest.mark.parametrize(
    ("finess", "department"),
    [
        ("750100166", "75"),
        ("010000024", "01"),
        ("2A0009999", "2A"),
        ("2B0009989", "2B"),
        ("970109971", "971"),
        ("970409967", "974"),
        ("980009955", "976"),
        ("970909967", None),  # there is no department 979
        ("000000042", None),
        ("unknown", None),
    ],
)
def test_the_department_is_read_from_the_finess(stored, tmp_path, finess, department):
    table = stored("t_mco_e", T_MCO_E, [{"ETA_NUM": finess, "source_file": "T_MCO13E.csv", "source_line": 2}])
    (establishment,) = rows_of(establishments_table(table, tmp_path / "spill"))
    assert establishment["department"] == department


def test_an_establishment_of_two_years_has_its_latest_name(stored, tmp_path):
    same = {"ETA_NUM": "750100166", "source_line": 2}
    rows = [
        {**same, "ETA_NUM_DELIVERED": "75010016", "SOC_RAI": "Old", "source_file": "t_mco10e.csv"},
        {**same, "ETA_NUM_DELIVERED": "750100166", "SOC_RAI": "New", "source_file": "T_MCO13E.csv"},
        {**same, "ETA_NUM_DELIVERED": "75010016", "SOC_RAI": "Between", "source_file": "2012/T_MCO2012E.csv"},
    ]
    frames = establishments_table(stored("t_mco_e", T_MCO_E, rows), tmp_path / "spill")
    assert [(row["name"], row["finess_delivered"]) for row in rows_of(frames)] == [("New", "750100166")]
    assert frames.metadata() == {
        "rows: kept": 1, "rows: same establishment": 2,
        "without department": 0, "without a FINESS of nine characters": 0,
    }  # fmt: skip


def test_establishments_that_cannot_be_placed_are_counted(stored, tmp_path):
    rows = [
        {"ETA_NUM": finess, "source_file": "T_MCO13E.csv", "source_line": n}
        for n, finess in enumerate(["XX", "000000042"])
    ]
    frames = establishments_table(stored("t_mco_e", T_MCO_E, rows), tmp_path / "spill")
    assert len(rows_of(frames)) == 2
    assert (frames.metadata()["without department"], frames.metadata()["without a FINESS of nine characters"]) == (2, 1)


PEUPLIERS = {
    "finess": "750100166",
    "finess_delivered": "75010016",
    "name": "Hôpital Privé des Peupliers",
    "department": "75",
}
NOWHERE = {"finess": "XX", "finess_delivered": "XX", "name": None, "department": None}


def test_care_site_has_the_name_the_delivered_number_and_the_place_of_its_department(stored):
    rows = rows_of(care_site_table(stored("establishments", PREPARED, [PEUPLIERS, NOWHERE]), KEY))
    peupliers = only(rows, care_site_source_value="75010016")
    assert peupliers["care_site_id"] == omop_id(KEY, "care_site", "750100166")
    assert peupliers["care_site_name"] == "Hôpital Privé des Peupliers"
    assert peupliers["location_id"] == omop_id(KEY, "location", "75")
    assert only(rows, care_site_source_value="XX")["location_id"] is None


def test_the_view_names_the_key_as_the_exercise_does(stored, tmp_path):
    path = tmp_path / "care_site.sqlite"
    frames = care_site_table(stored("establishments", PREPARED, [PEUPLIERS]), KEY)
    assert write_sqlite(frames, path, "care_site", "care_site_id", [BRIEF_VIEW]) == 1
    cursor = sqlite3.connect(path).execute("SELECT * FROM care_site_brief")
    assert [column[0] for column in cursor.description] == [
        "cc_site_id", "care_site_name", "location_id", "care_site_source_value",
    ]  # fmt: skip
    assert cursor.fetchall()[0][1] == "Hôpital Privé des Peupliers"


def test_location_has_communes_and_the_departments_that_stand_alone(stored, settings):
    beneficiaries = stored(
        "beneficiaries", PLACES,
        [
            {"commune": "75114", "department": "75"}, {"commune": "75114", "department": "75"},
            {"commune": None, "department": "69"}, {"commune": "97801", "department": "978"},
            {"commune": None, "department": None},
        ],
    )  # fmt: skip
    rows = rows_of(location_table(beneficiaries, stored("establishments", PREPARED, [PEUPLIERS, NOWHERE]), settings))
    assert [(r["location_source_value"], r["zip"], r["county"], r["state"]) for r in rows] == [
        ("69", None, "69", "84"), ("75", None, "75", "11"), ("75114", "75114", "75", "11"),
        ("97801", "97801", "978", None),
    ]  # fmt: skip
    assert {r["country_source_value"] for r in rows} == {"FR"}
    assert only(rows, zip="75114")["location_id"] == omop_id(KEY, "location", "75114")
