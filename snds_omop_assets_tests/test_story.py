"""The story of the demonstration as the CDM tells it, and how far the reduced layout used in teaching goes.

Camille has low back pain: she sees her doctor, has an X-ray, buys ibuprofen and goes to the physiotherapist.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from snds_omop_assets.run import RunSummary, run
from snds_omop_assets.settings import Settings
from snds_omop_assets_tests import test_teaching_layout as teaching
from snds_omop_assets_tests.conftest import KEY
from snds_omop_assets_tests.truth_of_cdm import stored_table

pytestmark = pytest.mark.spark

Connection = duckdb.DuckDBPyConnection
TABLES = ("visit_occurrence", "procedure_occurrence", "drug_exposure", "condition_occurrence", "device_exposure",
          "measurement", "observation", "cost", "death", "observation_period", "provider")  # fmt: skip
CAMILLE = "DPXX:0000000000000000001X"


def opened(warehouse: Path) -> Connection:
    """Views of the tables of a warehouse; `visit` has who came, to whom and where, in words."""
    connection = duckdb.connect()
    for name in TABLES:
        stored_table(connection, warehouse, name, name)
    connection.execute(f"""
        CREATE TABLE person AS SELECT CAST(person_id AS BIGINT) AS person_id, person_source_value
        FROM read_csv('{warehouse}/omop/person.csv', all_varchar = true);
        CREATE TABLE ledger AS FROM read_parquet('{warehouse}/quality/ledger.parquet');
        CREATE TABLE site (care_site_id BIGINT, code VARCHAR, name VARCHAR);
    """)
    with sqlite3.connect(warehouse / "omop" / "care_site.sqlite") as sites:
        rows = sites.execute("SELECT care_site_id, care_site_source_value, care_site_name FROM care_site").fetchall()
    connection.executemany("INSERT INTO site VALUES (?, ?, ?)", rows)
    connection.execute("""
        CREATE VIEW visit AS
        SELECT person_source_value AS person, CAST(visit_start_date AS VARCHAR) AS day,
               CAST(visit_end_date AS VARCHAR) AS last_day, visit_concept_id AS concept, visit_source_value AS nature,
               provider_source_value AS provider, specialty_concept_id AS specialty, site.code AS site,
               site.name AS site_name, visit_occurrence_id, visit_type_concept_id AS type
        FROM visit_occurrence
        JOIN person USING (person_id)
        LEFT JOIN provider USING (provider_id)
        LEFT JOIN site ON site.care_site_id = visit_occurrence.care_site_id
    """)
    return connection


def rows(connection: Connection, query: str) -> list[tuple[object, ...]]:
    return connection.sql(query).fetchall()


@pytest.fixture(scope="module")
def story(demonstration: tuple[Settings, RunSummary]) -> Iterator[Connection]:
    settings, summary = demonstration
    assert summary.success, summary.failures
    with opened(settings.warehouse) as connection:
        yield connection


def test_camille_has_four_kinds_of_visits_with_providers_and_sites(story: Connection) -> None:
    assert rows(story, f"""
        SELECT min(day), concept, nature, provider, specialty, site, site_name, count(*) FROM visit
        WHERE person = '{CAMILLE}' GROUP BY ALL ORDER BY min(day), nature
    """) == [
        ("2013-03-04", 9202, "1111", "SPE:1", 38004446, None, None, 1),
        ("2013-03-05", 9202, "1351", "SPE:6", 45756825, "75010016", "Hôpital Privé des Peupliers", 1),
        ("2013-03-05", 581458, "3313", "ACT:50", 38003810, "750023772", "Pharmacie Plaisance", 1),
        ("2013-03-07", 9202, "3125", "ACT:26", 38004490, None, None, 10),
    ]  # fmt: skip


def test_ten_sessions_of_physiotherapy_are_ten_visits_and_ten_acts(story: Connection) -> None:
    days = ["03-07", "03-11", "03-14", "03-18", "03-21", "03-25", "03-28", "04-02", "04-04", "04-08"]
    assert rows(story, f"""
        SELECT day, last_day, CAST(procedure_date AS VARCHAR), procedure_concept_id, quantity, concept
        FROM visit JOIN procedure_occurrence USING (visit_occurrence_id)
        WHERE person = '{CAMILLE}' AND procedure_source_value = '3125' ORDER BY day
    """) == [(f"2013-{day}", f"2013-{day}", f"2013-{day}", 4238738, 1, 9202) for day in days]  # fmt: skip


def test_the_x_ray_is_a_procedure_of_the_radiologist_in_the_hospital(story: Connection) -> None:
    assert rows(story, f"""
        SELECT CAST(procedure_date AS VARCHAR), procedure_source_value, procedure_concept_id, quantity,
               modifier_source_value, provider.provider_source_value, nature, site
        FROM procedure_occurrence JOIN visit USING (visit_occurrence_id)
        LEFT JOIN provider ON provider.provider_id = procedure_occurrence.provider_id
        WHERE person = '{CAMILLE}' AND procedure_source_value <> '3125'
    """) == [("2013-03-05", "LFQK002", 3654842, 1, "1/0", "SPE:6", "1351", "75010016")]  # fmt: skip


def test_ibuprofen_is_a_drug_exposure_of_thirty_tablets(story: Connection) -> None:
    assert rows(story, f"""
        SELECT CAST(drug_exposure_start_date AS VARCHAR), drug_source_value, drug_concept_id, quantity,
               drug_type_concept_id, nature, site, drug_exposure_end_date >= drug_exposure_start_date
        FROM drug_exposure JOIN visit USING (visit_occurrence_id) WHERE person = '{CAMILLE}'
    """) == [
        ("2013-03-05", "3400934841682", 19078461, 30.0, 32869, "3313", "750023772", True)
    ]  # fmt: skip


def test_nothing_else_happens_to_camille(story: Connection) -> None:
    counts = {
        name: rows(story, f"""
            SELECT count(*) FROM {name} JOIN person USING (person_id)
            WHERE person_source_value = '{CAMILLE}'
        """)[0][0]
        for name in TABLES
        if name not in ("provider", "cost", "observation")
    }  # fmt: skip
    assert counts == {
        "visit_occurrence": 13, "procedure_occurrence": 11, "drug_exposure": 1, "condition_occurrence": 0,
        "device_exposure": 0, "measurement": 0, "death": 0, "observation_period": 1,
    }  # fmt: skip


def test_camille_is_observed_from_her_first_visit_to_the_end_of_the_data(story: Connection) -> None:
    assert rows(story, f"""
        SELECT CAST(observation_period_start_date AS VARCHAR), CAST(observation_period_end_date AS VARCHAR)
        FROM observation_period JOIN person USING (person_id)
        WHERE person_source_value = '{CAMILLE}'
    """) == [("2013-03-04", "2013-12-31")]  # fmt: skip


def test_what_all_visits_cost_is_what_their_lines_say(story: Connection) -> None:
    """The sum of PRS_PAI_MNT; the lines of 16 that add up to nothing, and the information line of 17, bring nothing."""
    [(total,)] = rows(story, "SELECT sum(total_paid) FROM cost")
    lines = (
        23 + 41.44 + 2.34 + 10 * 16.13,  # Camille
        23 + 2.02, 23 + 4.68, 49 + 4.73, 28 + 23, 23, 23, 23, 23, 23, 23, 23, 23, 23, 28, 28, 23, 41.44, 23, 23, 27,
    )  # fmt: skip
    assert total == pytest.approx(sum(lines))


@pytest.mark.parametrize(
    ("number", "visits"),
    [
        (2, [("2013-04-15", "1111", "SPE:1"), ("2013-04-15", "3313", "ACT:50")]),
        (3, [("2013-05-02", "1111", "SPE:1"), ("2013-05-06", "3313", "ACT:50")]),
        (4, [("2013-06-10", "1112", "SPE:3"), ("2013-06-11", "3111", "ACT:24")]),
        (15, [("2013-03-18", "1112", "SPE:86")]),  # a specialty that no list has
        (16, [("2013-04-05", "1112", "SPE:1")]),  # cancelled and corrected
        (17, [("2013-05-24", "1111", "SPE:1")]),  # and an information line
        (19, [("2013-08-02", "1111", "SPE:1")]),  # whose end came before its start
        (21, [("2013-06-11", "1111", "ACT:41")]),
    ],
)
def test_visits_of_the_others(story: Connection, number: int, visits: list[tuple[str, str, str]]) -> None:
    person = f"DPXX:{number:019d}X"
    assert rows(story, f"""
        SELECT day, nature, provider FROM visit WHERE person = '{person}' AND last_day = day ORDER BY day, nature
    """) == visits  # fmt: skip


def test_two_packs_are_forty_and_sixty_tablets(story: Connection) -> None:
    assert rows(story, f"""
        SELECT person, quantity FROM drug_exposure JOIN visit USING (visit_occurrence_id)
        WHERE person <> '{CAMILLE}' ORDER BY person
    """) == [(f"DPXX:{2:019d}X", 40.0), (f"DPXX:{3:019d}X", 60.0)]  # fmt: skip


def test_one_person_died(story: Connection) -> None:
    assert rows(story, """
        SELECT person_source_value, CAST(death_date AS VARCHAR)
        FROM death JOIN person USING (person_id)
    """) == [(f"DPXX:{20:019d}X", "2013-11-12")]  # fmt: skip


def test_every_row_of_the_demonstration_is_in_its_bucket(story: Connection) -> None:
    found = {row[:2]: row[2:] for row in rows(story, """
        SELECT source_table, rule, bucket, sum(row_count)::INT FROM ledger GROUP BY ALL HAVING sum(row_count) > 0
    """)}  # fmt: skip
    lines = {rule: said for (table, rule), said in found.items() if table == "ER_PRS_F"}
    assert lines == {"visit": ("loaded", 37), "netted": ("netted", 2), "information_line": ("filtered", 1)}
    for table, count in (("ER_PHA_F", 3), ("ER_CAM_F", 2)):
        assert {rule: said for (name, rule), said in found.items() if name == table} == {"event": ("loaded", count)}
    persons = {rule: count for (table, rule), (_, count) in found.items() if table == "IR_BEN_R"}
    assert (persons["no_birth_year"], persons["fictitious_identifier"], persons["person"]) == (1, 1, 22)


# The reduced layout.

NO_CARE = ["21", teaching.pseudonym(5, 4), "6111", "2013-06-03", "2013-06-03", "0", "0", ""]
"""Daily allowances, which are no care."""


@pytest.fixture(scope="module")
def reduced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    folder = tmp_path_factory.mktemp("reduced")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.setitem(teaching.FILES, "er_prs_f", [*teaching.ER_PRS_F, NO_CARE])
        teaching.deliver(folder / "delivery", ",", False)
        summary = run(Settings(delivery=folder / "delivery", warehouse=folder / "warehouse", id_key=KEY))
    assert summary.success, summary.failures
    with opened(folder / "warehouse") as connection:
        yield connection


def test_the_reduced_layout_gives_visits_with_person_provider_and_site(reduced: Connection) -> None:
    person = {number: teaching.pseudonym(number, 19) for number in range(1, teaching.PEOPLE + 1)}
    assert rows(reduced, """
        SELECT person, day, last_day, nature, concept, provider, site, type FROM visit ORDER BY person, day
    """) == [
        (person[1], "2013-03-04", "2013-03-04", "1111", 9202, "SPE:1", None, 32810),
        (person[1], "2013-03-05", "2013-03-05", "1351", 9202, "SPE:6", "75010016", 32810),
        (person[3], "2013-05-06", "2013-05-06", "1111", 9202, "SPE:1", None, 32810),
        (person[4], "2013-05-06", "2013-05-06", "1111", 9202, "SPE:77", None, 32810),
        *((person[n], "2013-06-01", "2013-06-01", "1111", 9202, "SPE:1", None, 32810)
          for n in range(6, teaching.PEOPLE + 1)),
    ]  # fmt: skip


def test_what_the_reduced_layout_cannot_give_is_not_invented(reduced: Connection) -> None:
    for table in ("procedure_occurrence", "drug_exposure", "condition_occurrence", "device_exposure", "measurement"):
        assert rows(reduced, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert rows(reduced, "SELECT count(*) FROM cost WHERE total_paid IS NOT NULL AND total_paid <> 0") == [(0,)]


def test_rows_of_the_reduced_layout_that_are_no_care_or_have_no_day_stand_in_the_ledger(reduced: Connection) -> None:
    assert dict(reduced.sql("""
        SELECT rule, sum(row_count)::INT FROM ledger WHERE source_table = 'ER_PRS_F' GROUP BY rule
        HAVING sum(row_count) > 0
    """).fetchall()) == {"visit": 19, "no_care_contact": 1, "no_care_date": 1}  # fmt: skip
