"""The judge judged: a warehouse written from the truth has no differences, and each planted fault is told."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.scenario import Scenario
from snds_omop_assets_tests import truth_of_cdm as judge
from snds_omop_assets_tests.truth_of_cdm import Connection, Differences, judged

PERSONS = 150


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truth") / "made"
    generate(Scenario(persons=PERSONS, years=(2016, 2018), seed=5), folder, "parquet")
    return folder


@pytest.fixture(scope="module")
def right(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse as the truth wants it, written by hand: its own ids, one folder per year of visits."""
    warehouse = tmp_path_factory.mktemp("right") / "warehouse"
    write_right_warehouse(made, warehouse)
    return warehouse


def store(connection: duckdb.DuckDBPyConnection, query: str, warehouse: Path, name: str, part: str = "") -> None:
    """Write what a query gives as a table of the CDM; columns that it does not name are NULL."""
    found = connection.sql(query).to_arrow_table()
    schema = cdm_tables()[name].schema
    assert set(found.column_names) <= set(schema.names), set(found.column_names) - set(schema.names)
    columns = ", ".join(column if column in found.column_names else f"NULL AS {column}" for column in schema.names)
    path = warehouse / "omop" / f"{name}.parquet" / part
    if part:
        path.mkdir(parents=True, exist_ok=True)
        path /= "part-0.parquet"
    pq.write_table(connection.sql(f"SELECT {columns} FROM found").to_arrow_table().cast(schema), path)


def write_right_warehouse(made: Path, warehouse: Path) -> None:
    (warehouse / "omop").mkdir(parents=True)
    (warehouse / "quality").mkdir()
    empty = warehouse.parent / "empty"
    (empty / "omop").mkdir(parents=True)
    with sqlite3.connect(empty / "omop" / "care_site.sqlite") as sites:
        sites.execute("CREATE TABLE care_site (care_site_id INTEGER, care_site_source_value TEXT)")
    header = ",".join(cdm_tables()["person"].schema.names)
    (empty / "omop" / "person.csv").write_text(f"{header}\n", encoding="utf-8")
    with judged(empty, made) as connection:
        connection.execute("""
            CREATE TABLE place AS
            SELECT row_number() OVER () AS location_id, commune AS zip, department AS county
            FROM (SELECT DISTINCT commune, department FROM truth_persons);
            CREATE TABLE whom AS
            SELECT 7 * row_number() OVER (ORDER BY being) AS person_id, person, being, min(value) AS value
            FROM known_by GROUP BY being, person;
            CREATE TABLE one AS SELECT min(person_id) AS person_id, person FROM whom GROUP BY person;
        """)
        columns = {
            "person_id": "person_id", "gender_concept_id": "CASE sex WHEN 1 THEN 8507 WHEN 2 THEN 8532 ELSE 0 END",
            "year_of_birth": "year_of_birth", "month_of_birth": "month_of_birth", "person_source_value": "value",
            "location_id": "location_id",
        }  # fmt: skip
        names = ", ".join(f"{columns.get(name, 'NULL')} AS {name}" for name in header.split(","))
        connection.execute(f"""
            COPY (SELECT {names} FROM whom JOIN truth_persons USING (person)
                  JOIN place ON zip IS NOT DISTINCT FROM commune AND county = department)
            TO '{warehouse}/omop/person.csv'
        """)
        store(connection, "SELECT * FROM place", warehouse, "location")
        hospitals = connection.sql("SELECT row_number() OVER (), code || '9' FROM hospital").fetchall()
        with sqlite3.connect(warehouse / "omop" / "care_site.sqlite") as sites:
            sites.execute("CREATE TABLE care_site (care_site_id INTEGER, care_site_source_value TEXT)")
            sites.executemany("INSERT INTO care_site VALUES (?, ?)", hospitals)
        connection.execute("CREATE TABLE building (care_site_id BIGINT, hospital VARCHAR)")
        connection.executemany("INSERT INTO building VALUES (?, left(?, 8))", hospitals)
        years = connection.sql("SELECT DISTINCT year(start) FROM told_visit").fetchall()
        for (year,) in years:
            store(connection, f"""
                SELECT 1000000 + visit AS visit_occurrence_id, person_id, concept AS visit_concept_id,
                       start AS visit_start_date, "end" AS visit_end_date, type AS visit_type_concept_id,
                       care_site_id, coalesce(nature, 'MCO') AS visit_source_value
                FROM told_visit JOIN one USING (person) LEFT JOIN building ON hospital = site WHERE year(start) = {year}
            """, warehouse, "visit_occurrence", str(year))  # fmt: skip
        connection.execute("""
            -- Any visit with these values will do.
            CREATE TABLE told AS
            SELECT row_number() OVER () AS event_id, e.*, one.person_id, (
                SELECT 1000000 + min(visit) FROM told_visit v WHERE v.person = e.person AND v.start = e.v_start
                    AND v."end" = e.v_end AND v.concept = e.v_concept AND v.nature IS NOT DISTINCT FROM e.v_nature
                    AND v.site IS NOT DISTINCT FROM e.v_site
            ) AS visit_occurrence_id
            FROM told_event e JOIN one USING (person)
        """)
        write_events(connection, warehouse)
        store(connection, """
            SELECT person_id, death AS death_date, CASE WHEN matched THEN cause END AS cause_source_value
            FROM truth_deaths JOIN one USING (person) WHERE expected
        """, warehouse, "death")  # fmt: skip
        store(connection, """
            SELECT row_number() OVER () AS observation_period_id, * FROM (
                SELECT person_id, greatest(min(start), DATE '2016-01-01') AS observation_period_start_date,
                       least(DATE '2018-12-31', any_value(death)) AS observation_period_end_date
                FROM told_visit JOIN one USING (person)
                LEFT JOIN (FROM truth_deaths WHERE expected) USING (person) GROUP BY ALL
            ) WHERE observation_period_start_date <= observation_period_end_date
        """, warehouse, "observation_period")  # fmt: skip
        connection.execute("CREATE TABLE dear (what VARCHAR, person BIGINT, day DATE, euros DOUBLE)")
        connection.executemany("INSERT INTO dear VALUES (?, ?, ?, ?)", list(judge.costs(connection).missing))
        store(connection, """
            SELECT row_number() OVER () AS cost_id, 1000000 + min(visit) AS cost_event_id, 'Visit' AS cost_domain_id,
                   euros AS total_paid
            FROM dear JOIN told_visit ON told_visit.person = dear.person AND start = day AND nature IS NOT NULL
            GROUP BY dear.person, day, euros
        """, warehouse, "cost")  # fmt: skip
    shutil.rmtree(empty)
    counts = [(*row[:4], row[4]) for row in judge_ledger_rows(made)]
    with duckdb.connect() as connection:
        connection.execute("""CREATE TABLE ledger (source_table VARCHAR, file_year INT, rule VARCHAR, bucket VARCHAR,
                              row_count BIGINT)""")
        connection.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?)", counts)
        connection.execute(f"COPY ledger TO '{warehouse}/quality/ledger.parquet'")


def write_events(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """The events of the truth, the causes of death and the acts that a nature of service names."""
    for name, (day, prefix, quantity, modifier, kind) in judge.TABLES.items():
        more = "" if quantity == "NULL" else ", quantity" + ("::INT AS quantity" if prefix == "procedure" else "")
        more += "" if modifier == "NULL" else f", modifier AS {modifier}"
        more += "" if name == "specimen" else ", visit_occurrence_id"
        status = """CASE WHEN status = 'ALD' THEN 0 ELSE coalesce(status_concept, 32908) END
            AS condition_status_concept_id, status AS condition_status_source_value, "end" AS condition_end_date"""
        more += f", {status}" if prefix == "condition" else ""
        rows = f"""
            SELECT event_id AS {name}_id, person_id, start AS {day}, code AS {prefix}_source_value,
                   concept AS {prefix}_concept_id, type AS {kind} {more}
            FROM told WHERE cdm = '{name}'
        """
        if prefix == "condition":
            rows += """ UNION ALL BY NAME
                SELECT 500000000 + row_number() OVER () AS condition_occurrence_id, * FROM (
                    SELECT DISTINCT person_id, death AS condition_start_date, ECD_CIM_COD AS condition_source_value,
                           0 AS condition_concept_id, 32815 AS condition_type_concept_id
                    FROM row_KI_ECD_R JOIN known_by ON BEN_IDT_ANO = value JOIN one USING (person)
                    JOIN truth_deaths USING (person) WHERE rule = 'death' AND ECD_CIM_COD <> left(cause, 4))
            """
        if prefix == "procedure":
            rows += """ UNION ALL BY NAME
                SELECT 600000000 + 10 * line.visit + PRS_NAT_REF::INT % 10 AS procedure_occurrence_id, person_id,
                       start AS procedure_date,
                       PRS_NAT_REF AS procedure_source_value, 4238738 AS procedure_concept_id,
                       32810 AS procedure_type_concept_id, sum(PRS_ACT_QTE)::INT AS quantity,
                       1000000 + line.visit AS visit_occurrence_id
                FROM row_ER_PRS_F line JOIN told_visit ON line.visit = told_visit.visit JOIN one USING (person)
                WHERE rule = 'visit' AND PRS_NAT_REF IN ('3121', '3122', '3125') GROUP BY ALL
            """
        store(connection, rows, warehouse, name)


def judge_ledger_rows(made: Path) -> list[tuple[object, ...]]:
    """What the ledger must say, out of the truth's own rows."""
    empty = made / "no-ledger"
    (empty / "quality").mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"""COPY (SELECT '' AS source_table, 1 AS file_year, '' AS rule, '' AS bucket, 1 AS row_count
                               WHERE false) TO '{empty}/quality/ledger.parquet'""")
    rows = list(judge.ledger(empty, made).missing)
    shutil.rmtree(empty)
    return rows


def check(name: str, warehouse: Path, made: Path) -> Differences:
    """One check of the judge, by name."""
    if name == "ledger":
        return judge.ledger(warehouse, made)
    with judged(warehouse, made) as connection:
        return judge.CHECKS[name](connection)


@pytest.fixture(scope="module")
def of_right(right: Path, made: Path) -> Iterator[Connection]:
    with judged(right, made) as connection:
        yield connection


@pytest.mark.parametrize("name", judge.CHECKS)
def test_a_right_warehouse_has_no_differences(name: str, of_right: Connection) -> None:
    found = judge.CHECKS[name](of_right)
    assert not found, found


def test_a_right_ledger_has_no_differences(right: Path, made: Path) -> None:
    found = judge.ledger(right, made)
    assert not found, found


def test_the_truth_of_these_tests_has_what_they_look_at(right: Path, made: Path) -> None:
    with judged(right, made) as connection:
        for table, least in (("told_visit", 5_000), ("told_event", 5_000), ("opened", 3), ("whose", PERSONS - 10)):
            assert connection.sql(f"SELECT count(*) >= {least} FROM {table}").fetchall() == [(True,)], table
        tables = connection.sql("SELECT count(DISTINCT cdm) FROM told_event").fetchall()
        assert tables == [(5,)]  # conditions, procedures, drugs, devices, measurements
        paid = connection.sql("SELECT sum(total_paid) > 100000 FROM omop_cost").fetchall()
        assert paid == [(True,)]


def edit(warehouse: Path, table: str, query: str, part: str = "") -> None:
    """Replace the rows of a table (`t`) by those of a query."""
    path = warehouse / "omop" / f"{table}.parquet" / part
    path = path / "part-0.parquet" if part else path
    with duckdb.connect() as connection:
        connection.register("t", pq.read_table(path))
        pq.write_table(connection.sql(query).to_arrow_table(), path)


def edit_person(warehouse: Path, query: str) -> None:
    path = warehouse / "omop" / "person.csv"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS FROM read_csv('{path}', all_varchar = true)")
        connection.execute(f"COPY ({query}) TO '{path}'")


def edit_ledger(warehouse: Path, query: str) -> None:
    path = warehouse / "quality" / "ledger.parquet"
    with duckdb.connect() as connection:
        connection.register("t", pq.read_table(path))
        pq.write_table(connection.sql(query).to_arrow_table(), path)


def merge(warehouse: Path) -> None:
    """All of one person goes to another; the person has no row."""
    with duckdb.connect() as connection:
        path = warehouse / "omop" / "person.csv"
        connection.execute(f"CREATE TABLE t AS FROM read_csv('{path}', all_varchar = true)")
        gone, kept = (number for (number,) in connection.sql("""
            SELECT person_id FROM t WHERE person_source_value NOT LIKE '%1' LIMIT 2""").fetchall())  # fmt: skip
    edit_person(warehouse, f"FROM t WHERE person_id <> '{gone}'")
    for table in judge.TABLES:
        edit(warehouse, table, f"""
            SELECT * REPLACE (CASE WHEN person_id = {gone} THEN {kept} ELSE person_id END AS person_id) FROM t
        """)  # fmt: skip


YEAR = "2017"
FAULTS: dict[str, tuple[str, Callable[[Path], None], int, int]] = {
    # fault: the check that tells it, what is done, rows missing, rows too many
    "a visit is missing": (
        "visits", lambda w: edit(w, "visit_occurrence", "FROM t OFFSET 1", YEAR), 1, 0),
    "a visit is there twice": (
        "visits", lambda w: edit(w, "visit_occurrence", "FROM t UNION ALL FROM (FROM t LIMIT 1)", YEAR), 0, 1),
    "a visit ends a day later": (
        "visits", lambda w: edit(w, "visit_occurrence", """
            SELECT * REPLACE ((visit_end_date + (row_number() OVER () = 1)::INT)::DATE AS visit_end_date)
            FROM t""", YEAR), 1, 1),
    "a visit has another concept": (
        "visits", lambda w: edit(w, "visit_occurrence", """
            SELECT * REPLACE (CASE row_number() OVER () WHEN 1 THEN 1 ELSE visit_concept_id END AS visit_concept_id)
            FROM t""", YEAR), 1, 1),
    "the sites of hospital visits are lost": (
        "visits", lambda w: edit(w, "visit_occurrence", """
            SELECT * REPLACE (NULL::BIGINT AS care_site_id) FROM t""", YEAR), -1, -1),
    "a stay is in another hospital": (
        "sites", lambda w: edit(w, "visit_occurrence", """
            SELECT * REPLACE (CASE WHEN visit_concept_id = 9201 THEN care_site_id % 7 + 1 ELSE care_site_id END
                              AS care_site_id) FROM t""", YEAR), 0, -1),
    "a visit is of another type": (
        "visit_types", lambda w: edit(w, "visit_occurrence", """
            SELECT * REPLACE (CASE row_number() OVER () WHEN 1 THEN 1 ELSE visit_type_concept_id END
                              AS visit_type_concept_id) FROM t""", YEAR), 1, 1),
    "an event is missing": ("events", lambda w: edit(w, "drug_exposure", "FROM t OFFSET 1"), 1, 0),
    "an event is there twice": (
        "events", lambda w: edit(w, "condition_occurrence", """
            FROM t UNION ALL FROM (FROM t WHERE condition_type_concept_id <> 32815 LIMIT 1)"""), 0, 1),
    "a quantity is wrong": (
        "events", lambda w: edit(w, "drug_exposure", """
            SELECT * REPLACE (quantity + (row_number() OVER () = 1)::INT AS quantity) FROM t"""), 1, 1),
    "packs are counted and not units": (
        "events", lambda w: edit(w, "drug_exposure", "SELECT * REPLACE (1.0::DOUBLE AS quantity) FROM t"), -1, -1),
    "an event is of another visit": (
        "events", lambda w: edit(w, "procedure_occurrence", """
            SELECT * REPLACE (CASE WHEN procedure_occurrence_id = (SELECT min(procedure_occurrence_id) FROM t) THEN
                (SELECT max(visit_occurrence_id) FROM t) ELSE visit_occurrence_id END AS visit_occurrence_id)
            FROM t"""), 1, 1),
    "an act has no activity": (
        "events", lambda w: edit(w, "procedure_occurrence", """
            SELECT * REPLACE (CASE WHEN procedure_occurrence_id = (SELECT min(procedure_occurrence_id) FROM t
                WHERE modifier_source_value IS NOT NULL) THEN '1' ELSE modifier_source_value END
                AS modifier_source_value) FROM t"""), 1, 1),
    "an event is in another table": (
        "events", lambda w: edit(w, "observation", """
            FROM t UNION ALL BY NAME SELECT 1 AS observation_id, 7 AS person_id, 'Z491' AS observation_source_value,
            0 AS observation_concept_id, DATE '2017-02-03' AS observation_date"""), 0, 1),
    "an event is of a visit that is not there": (
        "events_of_lost_visits", lambda w: edit(w, "measurement", """
            SELECT * REPLACE (CASE row_number() OVER () WHEN 1 THEN 1 ELSE visit_occurrence_id END
                              AS visit_occurrence_id) FROM t"""), 0, 1),
    "a drug is of another type": (
        "event_types", lambda w: edit(w, "drug_exposure", """
            SELECT * REPLACE (CASE row_number() OVER () WHEN 1 THEN 1 ELSE drug_type_concept_id END
                              AS drug_type_concept_id) FROM t"""), 1, 1),
    "an act of physiotherapy is missing": (
        "services", lambda w: edit(w, "procedure_occurrence", """
            FROM t WHERE procedure_occurrence_id <> (SELECT max(procedure_occurrence_id) FROM t)"""), 1, 0),
    "a nature without a concept makes an act": (
        "services", lambda w: edit(w, "procedure_occurrence", """
            FROM t UNION ALL BY NAME SELECT 1 AS procedure_occurrence_id, person_id, '1111' AS procedure_source_value,
            0 AS procedure_concept_id, procedure_date, visit_occurrence_id, 1 AS quantity
            FROM (FROM t LIMIT 1)"""), 0, 1),
    "a main diagnosis is a secondary one": (
        "main_diagnoses", lambda w: edit(w, "condition_occurrence", """
            SELECT * REPLACE (CASE WHEN condition_occurrence_id = (SELECT min(condition_occurrence_id) FROM t
                WHERE condition_status_concept_id = 32902) THEN 32908 ELSE condition_status_concept_id END
                AS condition_status_concept_id) FROM t"""), 1, 0),
    "a long-term disease is missing": (
        "long_term_diseases", lambda w: edit(w, "condition_occurrence", """
            FROM t WHERE condition_occurrence_id <> (SELECT min(condition_occurrence_id) FROM t
                WHERE condition_status_source_value = 'ALD')
        """.replace("<>", "IS DISTINCT FROM")), 1, 0),
    "a cause of death is there and was not said": (
        "other_causes", lambda w: edit(w, "condition_occurrence", """
            FROM t UNION ALL BY NAME SELECT 1 AS condition_occurrence_id, 7 AS person_id, 'I10' AS
            condition_source_value, 32815 AS condition_type_concept_id, DATE '2017-01-01' AS condition_start_date"""),
        0, 1),
    "somebody did not die": ("deaths", lambda w: edit(w, "death", "FROM t OFFSET 1"), 1, 0),
    "a death has no cause": (
        "deaths", lambda w: edit(w, "death", "SELECT * REPLACE (NULL::VARCHAR AS cause_source_value) FROM t"), -1, -1),
    "an observation period begins before the data": (
        "observation_periods", lambda w: edit(w, "observation_period", """
            SELECT * REPLACE (CASE row_number() OVER () WHEN 1 THEN DATE '2015-12-31' ELSE observation_period_start_date
                              END AS observation_period_start_date) FROM t"""), 1, 1),
    "two persons are merged": ("persons", merge, 1, 0),
    "a person is there twice": (
        "persons", lambda w: edit_person(w, """
            FROM t UNION ALL SELECT * REPLACE ('1' AS person_id) FROM (FROM t LIMIT 1)"""), 0, 1),
    "a person is nobody": (
        "persons", lambda w: edit_person(w, """
            FROM t UNION ALL
            SELECT * REPLACE ('1' AS person_id, 'X' AS person_source_value) FROM (FROM t LIMIT 1)"""), 0, 1),
    "a person has another sex": (
        "demographics", lambda w: edit_person(w, """
            SELECT * REPLACE (CASE row_number() OVER () WHEN 1 THEN '1' ELSE gender_concept_id END AS gender_concept_id)
            FROM t"""), 1, 1),
    "the persons live nowhere": (
        "demographics", lambda w: edit_person(w, "SELECT * REPLACE (NULL AS location_id) FROM t"), -1, -1),
    "a row is in no bucket": (
        "ledger", lambda w: edit_ledger(w, """
            SELECT * REPLACE (row_count - (source_table = 'ER_PRS_F' AND rule = 'visit' AND file_year = 2017)::INT
                              AS row_count) FROM t"""), 1, 1),
    "a row is by another rule": (
        "ledger", lambda w: edit_ledger(w, """
            SELECT * REPLACE (CASE WHEN rule = 'supplement_line' THEN 'netted' ELSE rule END AS rule) FROM t
            WHERE source_table = 'ER_PRS_F' AND file_year = 2017"""), -1, -1),
    "a rule stands in another bucket": (
        "ledger", lambda w: edit_ledger(w, """
            SELECT * REPLACE (CASE WHEN source_table = 'ER_PRS_F' AND rule = 'netted' AND file_year = 2017
                              THEN 'filtered' ELSE bucket END AS bucket) FROM t"""), 1, 1),
    "a cost is of another visit": (
        "costs", lambda w: edit(w, "cost", """
            SELECT * REPLACE (CASE cost_id WHEN 1 THEN (SELECT max(cost_event_id) FROM t) ELSE cost_event_id END
                              AS cost_event_id) FROM t"""), 2, 1),
    "an id is there twice": (
        "ids_twice", lambda w: edit(w, "measurement", "FROM t UNION ALL FROM (FROM t LIMIT 1)"), 0, 1),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_told(fault: str, right: Path, made: Path, tmp_path: Path) -> None:
    name, plant, missing, extra = FAULTS[fault]
    warehouse = tmp_path / "warehouse"
    shutil.copytree(right, warehouse)
    plant(warehouse)
    found = check(name, warehouse, made)
    assert found.missing.total() == missing if missing >= 0 else found.missing, found
    assert found.extra.total() == extra if extra >= 0 else found.extra, found


def test_a_merged_person_loses_events_too(right: Path, made: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse"
    shutil.copytree(right, warehouse)
    merge(warehouse)
    assert check("events", warehouse, made).right_but_for()["person"] > 0


def test_the_text_of_differences_has_counts_and_no_values(right: Path, made: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse"
    shutil.copytree(right, warehouse)
    FAULTS["a quantity is wrong"][1](warehouse)
    text = repr(check("events", warehouse, made))
    assert text == "<missing 1 (drug_exposure: 1); too many 1 (drug_exposure: 1); right but for quantity: 1>"


@pytest.mark.parametrize(
    ("text", "units"),
    [("30", 30), ("28 COMPRIMES", 28), ("1,5", 1.5), ("3 / 2 ML", 3), ("10 + 5", 1), (None, 1), ("SACHET", 1)],
)
def test_units_of_a_pack(text: str | None, units: float) -> None:
    assert judge.units_in_pack(text) == units
