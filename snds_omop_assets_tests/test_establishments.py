"""prepared/establishments, CARE_SITE and LOCATION."""

import sqlite3

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dagster_pyspark import LazyPySparkResource

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.ids import omop_id
from snds_omop_assets.io_managers.folders import note_made
from snds_omop_assets.io_managers.managers import PartsIOManager
from snds_omop_assets.io_managers.stored import write_sqlite
from snds_omop_assets.omop.care_site import BRIEF_VIEW, care_site_table
from snds_omop_assets.omop.location import location_table
from snds_omop_assets.preparation.assets import establishments
from snds_omop_assets.preparation.identities import give_places
from snds_omop_assets.preparation.places import (
    ESTABLISHMENT_TABLES,
    ESTABLISHMENTS,
    find_establishments,
    gather_places,
)
from snds_omop_assets.preparation.shapes import MET_PLACES, schema_of
from snds_omop_assets.reception.assets import Delivered
from snds_omop_assets.reception.deliveries import open_settings_delivery, receive_and_log
from snds_omop_assets.reception.store import Store
from snds_omop_assets_tests.conftest import KEY, only, rows_of

PREPARED = schema_of(ESTABLISHMENTS)
RESIDENCES = pa.schema([("commune", pa.string()), ("department", pa.string())])


def found(named=None, met=(), counts=False):
    """The rows of prepared/establishments, from rows of the lists by name and of met_places."""
    with duckdb_session() as session:
        for name in ESTABLISHMENT_TABLES:
            schema = official_tables()[name].schema
            session.give(name, table_of((named or {}).get(name, ()), schema))
        session.give("met_places", table_of(met, schema_of(MET_PLACES)))
        give_places(session)
        find_establishments(session)
        rows = session.result("SELECT * FROM establishments ORDER BY code")
        assert rows.schema.names == PREPARED.names
        return session.result("SELECT * FROM establishment_counts").to_pylist() if counts else rows.to_pylist()


def table_of(rows, schema):
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)


def site(finess):
    return {"kind": "site", "code": finess}


def unit(finess, kind):
    return {"kind": "unit", "code": f"{finess}_{kind}", "part_of": finess, "type_code": kind}


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
def test_the_department_is_read_from_the_finess(finess, department):
    listed = {"T_MCO_E": [{"ETA_NUM": finess, "source_file": "T_MCO13E.csv", "source_line": 2}]}
    assert [row["department"] for row in found(listed)] == [department]
    assert [row["department"] for row in found(met=[site(finess)])] == [department]


def test_an_establishment_of_several_years_has_its_latest_name():
    same = {"ETA_NUM": "750100166", "source_line": 2}
    rows = [
        {**same, "ETA_NUM_DELIVERED": "75010016", "SOC_RAI": "Old", "source_file": "t_mco10e.csv"},
        {**same, "ETA_NUM_DELIVERED": "750100166", "SOC_RAI": "New", "source_file": "T_MCO13E.csv"},
        {**same, "ETA_NUM_DELIVERED": "75010016", "SOC_RAI": "Between", "source_file": "2012/T_MCO2012E.csv"},
        {**same, "ETA_NUM_DELIVERED": "75010016", "SOC_RAI": " ", "source_file": "T_MCO14E.CSV.gz"},
    ]
    assert [(row["name"], row["finess_delivered"]) for row in found({"T_MCO_E": rows})] == [("New", "750100166")]
    assert sorted(found({"T_MCO_E": rows}, counts=True), key=lambda row: row["file_year"]) == [
        {"source_table": "T_MCO_E", "file_year": year, "rule": "reference", "row_count": 1}
        for year in (2010, 2012, 2013, 2014)
    ]


@pytest.mark.parametrize("table", ["T_MCO_E", "T_SSR_E", "T_HAD_E", "T_RIP_E"])
def test_whoever_sends_stays_is_a_site_with_the_name_of_its_list(table):
    named = {table: [{"ETA_NUM": "750100166", "SOC_RAI": "Peupliers", "source_file": f"{table[:5]}18E.CSV"}]}
    assert [(row["code"], row["name"]) for row in found(named)] == [("750100166", "Peupliers")]


def test_the_referential_names_the_sites_that_the_facts_mention_and_adds_none():
    referential = [
        {"IDE_ETA_NUM": "750023772", "IDE_ETA_NU8": "750023772", "IDE_ETA_NOM": "Pharmacie Plaisance"},
        {"IDE_ETA_NUM": "690006747", "IDE_ETA_NOM": "Nobody was there"},
        {"IDE_ETA_NUM": "750100166", "IDE_ETA_NOM": "PEUPLIERS (HOPITAL)"},
    ]
    named = {
        "BE_IDE_R": [{**row, "source_file": "BE_IDE_R.CSV", "source_line": 2} for row in referential],
        "T_MCO_E": [{"ETA_NUM": "750100166", "SOC_RAI": "Peupliers", "source_file": "T_MCO13E.csv"}],
    }
    met = [site("750023772"), site("130000001")]
    assert [(row["code"], row["name"]) for row in found(named, met)] == [
        ("130000001", None), ("750023772", "Pharmacie Plaisance"), ("750100166", "Peupliers"),
    ]  # fmt: skip
    counts = only(found(named, met, counts=True), source_table="BE_IDE_R")
    assert (counts["file_year"], counts["row_count"]) == (None, 3)


def test_a_medical_unit_is_a_place_of_its_own_at_its_site():
    named = {"T_MCO_E": [{"ETA_NUM": "750100166", "SOC_RAI": "Peupliers", "source_file": "T_MCO13E.csv"}]}
    rows = found(named, [unit("750100166", "01A"), unit("750100166", "01A"), unit("130000001", "51")])
    assert [(row["code"], row["finess"], row["name"], row["department"], row["unit_type"]) for row in rows] == [
        ("130000001", "130000001", None, "13", None),  # a unit tells its site
        ("130000001_51", "130000001", "51", "13", "51"),
        ("750100166", "750100166", "Peupliers", "75", None),
        ("750100166_01A", "750100166", "Peupliers - 01A", "75", "01A"),
    ]  # fmt: skip


def test_places_of_several_years_are_gathered_once(tmp_path):
    files = [tmp_path / "2018.parquet", tmp_path / "2019.parquet"]
    for file in files:
        pq.write_table(
            table_of([site("750100166"), {"kind": "provider", "code": "SPE:1"}], schema_of(MET_PLACES)), file
        )
    with duckdb_session() as session:
        gather_places(session, files)
        assert session.result("SELECT kind FROM met_places ORDER BY kind")["kind"].to_pylist() == ["provider", "site"]


def test_sites_and_units_that_cannot_be_placed_are_told_to_the_steward(settings):
    """A number that is none, with a unit; one of no department; a good one, with a unit."""
    (settings.delivery / "T_MCO13E.csv").write_text(
        "ETA_NUM;SOC_RAI;ANN_TRT\nXX;;2013\n000000042;;2013\n750100166;Peupliers;2013\n", encoding="utf-8"
    )
    place = settings.warehouse / "prepared" / "stays" / "2013"
    (place / "places").mkdir(parents=True)
    pq.write_table(
        table_of([unit("750100166", "01A"), unit("XX", "51")], schema_of(MET_PLACES)),
        place / "places" / "part-0.parquet",
    )
    note_made(place, "made by hand")
    receive_and_log(open_settings_delivery(settings), "T_MCO_E", 2013, Store(settings.warehouse))
    asset = establishments(Delivered(settings, ["T_MCO_E"]), [])
    resources = {
        "settings": settings, "spark": LazyPySparkResource(spark_config={}), "parts": PartsIOManager(settings.warehouse)
    }  # fmt: skip
    (event,) = dg.materialize([asset], resources=resources).get_asset_materialization_events()
    told = {name: entry.value for name, entry in event.step_materialization_data.materialization.metadata.items()}
    assert told == {
        "dagster/row_count": 5,
        "path": str(settings.warehouse / "prepared" / "establishments.parquet"),
        "without department": 3,
        "without a FINESS of nine characters": 2,
        "rows of T_MCO_E: reference": 3,
    }


PEUPLIERS = {
    "code": "750100166",
    "finess": "750100166",
    "finess_delivered": "75010016",
    "name": "Hôpital Privé des Peupliers",
    "department": "75",
}
UNIT = {**PEUPLIERS, "code": "750100166_01A", "finess_delivered": "750100166_01A", "unit_type": "01A"}
NOWHERE = {"code": "XX", "finess": "XX", "finess_delivered": "XX", "name": None, "department": None}


def test_care_site_has_the_name_the_delivered_number_and_the_place_of_its_department(stored, maps):
    rows = rows_of(care_site_table(stored("establishments", PREPARED, [PEUPLIERS, NOWHERE]), maps, KEY))
    peupliers = only(rows, care_site_source_value="75010016")
    assert peupliers["care_site_id"] == omop_id(KEY, "care_site", "750100166")
    assert peupliers["care_site_name"] == "Hôpital Privé des Peupliers"
    assert peupliers["location_id"] == omop_id(KEY, "location", "75")
    assert (peupliers["place_of_service_concept_id"], peupliers["place_of_service_source_value"]) == (0, None)
    assert only(rows, care_site_source_value="XX")["location_id"] is None


def test_a_unit_is_a_care_site_with_the_concept_of_its_type(stored, maps):
    new = {**UNIT, "code": "750100166_ZZ", "finess_delivered": "750100166_ZZ", "unit_type": "ZZ", "name": "n" * 300}
    rows = rows_of(care_site_table(stored("establishments", PREPARED, [UNIT, new]), maps, KEY))
    row = only(rows, care_site_source_value="750100166_01A")
    assert row["care_site_id"] == omop_id(KEY, "care_site", "750100166_01A"), "as VISIT_DETAIL says it"
    assert (row["place_of_service_concept_id"], row["place_of_service_source_value"]) == (581379, "01A")
    assert row["location_id"] == omop_id(KEY, "location", "75")
    unknown = only(rows, care_site_source_value="750100166_ZZ")
    assert (unknown["place_of_service_concept_id"], len(unknown["care_site_name"])) == (0, 255)


def test_the_view_names_the_key_as_the_exercise_does(stored, maps, tmp_path):
    path = tmp_path / "care_site.sqlite"
    frames = care_site_table(stored("establishments", PREPARED, [PEUPLIERS]), maps, KEY)
    assert write_sqlite(frames, path, "care_site", "care_site_id", [BRIEF_VIEW]) == 1
    cursor = sqlite3.connect(path).execute("SELECT * FROM care_site_brief")
    assert [column[0] for column in cursor.description] == [
        "cc_site_id", "care_site_name", "location_id", "care_site_source_value",
    ]  # fmt: skip
    assert cursor.fetchall()[0][1] == "Hôpital Privé des Peupliers"


def test_location_has_communes_and_the_departments_that_stand_alone(stored, settings):
    beneficiaries = stored(
        "beneficiaries", RESIDENCES,
        [
            {"commune": "75114", "department": "75"}, {"commune": "75114", "department": "75"},
            {"commune": None, "department": "69"}, {"commune": "97801", "department": "978"},
            {"commune": None, "department": None},
        ],
    )  # fmt: skip
    rows = rows_of(
        location_table(beneficiaries, stored("establishments", PREPARED, [PEUPLIERS, UNIT, NOWHERE]), settings)
    )
    assert [(r["location_source_value"], r["zip"], r["county"], r["state"]) for r in rows] == [
        ("69", None, "69", "84"), ("75", None, "75", "11"), ("75114", "75114", "75", "11"),
        ("97801", "97801", "978", None),
    ]  # fmt: skip
    assert {r["country_source_value"] for r in rows} == {"FR"}
    assert only(rows, zip="75114")["location_id"] == omop_id(KEY, "location", "75114")
