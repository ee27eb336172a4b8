"""A CDM is found and read however somebody has stored it."""

import gzip
import re
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.spark_session import SparkSessionOfModels
from snds_omop_assets.quality.dqd.copies import CdmError
from snds_omop_assets.quality.dqd.opening import find_tables, open_cdm, plain
from snds_omop_assets.vocabulary.own import own_vocabulary

PERSONS = pa.table({"person_id": [1, 2], "year_of_birth": [1950, None], "person_source_value": ["a", None]})
DEATHS = pa.table({"person_id": [2], "death_date": [date(2019, 5, 1)]})

Rows = list[dict[str, object]]


def read(path: Path, table: str) -> tuple[Rows, pa.Schema]:
    """The rows of a table of a CDM, in order, and its columns."""
    with open_cdm(duckdb_session, path) as (session, cdm):
        rows = session.result(f"SELECT {', '.join(f't.{name}' for name in cdm[table].names)} FROM {table} AS t")
        return sorted(rows.to_pylist(), key=repr), cdm[table]


def write_parquet(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def as_parquet_files(folder: Path) -> Path:
    write_parquet(PERSONS, folder / "person.parquet")
    write_parquet(DEATHS, folder / "death.parquet")
    return folder


def as_parquet_folders(folder: Path) -> Path:
    write_parquet(PERSONS.slice(0, 1), folder / "person" / "a.parquet")
    write_parquet(PERSONS.slice(1), folder / "person" / "b.parquet")
    write_parquet(PERSONS, folder / "person" / ".old" / "c.parquet")
    write_parquet(DEATHS, folder / "death.parquet" / "2019" / "part-0.parquet")
    return folder


def as_upper_case_parquet(folder: Path) -> Path:
    for name, table in (("PERSON", PERSONS), ("Death", DEATHS)):
        upper = table.rename_columns([column.upper() for column in table.column_names])
        write_parquet(upper, folder / f"{name}.PARQUET")
    return folder


def as_sqlite_files(folder: Path) -> Path:
    for name in ("person", "death"):
        fill_sqlite(folder / f"{name}.sqlite", name)
    return folder


def as_sqlite_database(folder: Path) -> Path:
    path = folder / "cdm.db"
    fill_sqlite(path, "PERSON", "death")
    return path


def as_duckdb_database(folder: Path) -> Path:
    path = folder / "cdm.duckdb"
    with closing(duckdb.connect(path)) as connection:
        connection.execute("CREATE SCHEMA cdm54")
        for name, table in (("PERSON", PERSONS), ("death", DEATHS)):
            connection.register("incoming", table)
            connection.execute(f"CREATE TABLE cdm54.{name} AS SELECT *, 'ours' AS not_of_the_cdm FROM incoming")
    return path


def as_csv_files(folder: Path) -> Path:
    (folder / "person.csv").write_text("person_id,year_of_birth,person_source_value\n1,1950,a\n2,,\n")
    (folder / "death.csv").write_text("person_id,death_date\n2,2019-05-01\n")
    return folder


def as_mixed_files(folder: Path) -> Path:
    fill_sqlite(folder / "person.sqlite", "person")
    write_parquet(DEATHS, folder / "death.parquet")
    return folder


def fill_sqlite(path: Path, *names: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for name in names:
            if name.lower() == "person":
                connection.execute(f"CREATE TABLE {name} (person_id INTEGER, year_of_birth INTEGER, "
                                   "person_source_value VARCHAR(50))")  # fmt: skip
                connection.execute(f"INSERT INTO {name} VALUES (1, 1950, 'a'), (2, NULL, NULL)")
            else:
                connection.execute(f"CREATE TABLE {name} (person_id INTEGER, death_date TEXT)")
                connection.execute(f"INSERT INTO {name} VALUES (2, '2019-05-01')")


TYPED = [as_parquet_files, as_parquet_folders, as_upper_case_parquet, as_duckdb_database]
LOOSE = [as_sqlite_files, as_sqlite_database, as_mixed_files]


@pytest.mark.parametrize("store", [*TYPED, *LOOSE, as_csv_files], ids=lambda store: store.__name__)
def test_the_same_rows_come_out_of_every_kind_of_store(store: Callable[[Path], Path], tmp_path: Path) -> None:
    path = store(tmp_path)
    persons, schema = read(path, "person")
    deaths, _ = read(path, "death")
    assert [{name: str(value) for name, value in row.items()} for row in persons] == [
        {"person_id": "1", "year_of_birth": "1950", "person_source_value": "a"},
        {"person_id": "2", "year_of_birth": "None", "person_source_value": "None"},
    ]
    assert [[str(value) for value in row.values()] for row in deaths] == [["2", "2019-05-01"]]
    numbers = pa.string() if store is as_csv_files else pa.int64()
    assert [field.type for field in schema] == [numbers, numbers, pa.string()]


@pytest.mark.parametrize("store", [as_upper_case_parquet, as_csv_files], ids=lambda store: store.__name__)
@pytest.mark.spark
def test_spark_sees_what_duckdb_sees(store: Callable[[Path], Path], tmp_path: Path, spark: SparkSession) -> None:
    path = store(tmp_path)

    def opening() -> AbstractContextManager[SparkSessionOfModels]:
        return nullcontext(SparkSessionOfModels(spark))

    with open_cdm(opening, path) as (session, cdm):
        found = session.result(f"SELECT {', '.join(cdm['person'].names)} FROM person").to_pylist()
    assert (sorted(found, key=repr), cdm["person"]) == read(path, "person")


def test_nothing_is_left_and_nothing_is_written_where_the_cdm_lies(tmp_path: Path) -> None:
    cdm, spill = tmp_path / "cdm", tmp_path / "spill"
    cdm.mkdir()
    spill.mkdir()
    as_csv_files(cdm)
    before = sorted(cdm.iterdir())
    with open_cdm(duckdb_session, cdm, spill):
        assert list(spill.iterdir())
    assert (sorted(cdm.iterdir()), list(spill.iterdir())) == (before, [])


# A warehouse of ours


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """PERSON as CSV, CARE_SITE as SQLite, DEATH by year, and the vocabulary without a download."""
    folder = tmp_path / "warehouse"
    (folder / "omop").mkdir(parents=True)
    (folder / "omop" / "person.csv").write_text("person_id,year_of_birth\n1,1950\n")
    with closing(sqlite3.connect(folder / "omop" / "care_site.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE care_site (care_site_id INTEGER, care_site_name TEXT)")
    write_parquet(DEATHS, folder / "omop" / "death.parquet" / "2019" / "part-0.parquet")
    own_vocabulary(folder)
    write_parquet(pa.table({"source_code": ["a"]}), folder / "vocabulary" / "source_to_concept_map.parquet")
    write_parquet(pa.table({"code": ["a"]}), folder / "vocabulary" / "code_map.parquet")
    return folder


@pytest.mark.parametrize("inside", [".", "omop"])
def test_a_warehouse_is_its_omop_folder_with_the_vocabulary_that_counts(warehouse: Path, inside: str) -> None:
    found = find_tables(warehouse / inside)
    assert {"person", "care_site", "death"} < set(found)
    assert {"concept", "vocabulary", "concept_ancestor", "source_to_concept_map"} < set(found)
    assert len(found) == 13
    assert [name for name in cdm_tables() if name in found] == list(found)
    with open_cdm(duckdb_session, warehouse / inside) as (session, cdm):
        [(concepts,)] = [row.values() for row in session.result("SELECT count(*) FROM concept").to_pylist()]
    assert concepts > 0
    assert cdm["care_site"].field("care_site_id").type == pa.int64()  # though there is no row


def test_the_omop_folder_of_a_warehouse_without_a_vocabulary_is_read_alone(tmp_path: Path) -> None:
    (tmp_path / "omop").mkdir()
    as_csv_files(tmp_path / "omop")
    assert list(find_tables(tmp_path)) == list(find_tables(tmp_path / "omop")) == ["person", "death"]


# Types and names


def test_every_type_comes_as_one_that_both_engines_know(tmp_path: Path) -> None:
    columns = {
        "MEASUREMENT_ID": pa.array([2**53 + 1], pa.decimal128(38, 0)),
        "person_id": pa.array([3], pa.int32()),
        "measurement_concept_id": pa.array(["5"]).dictionary_encode(),
        "measurement_date": pa.array([date(2019, 1, 1)], pa.date64()),
        "measurement_datetime": pa.array([datetime(2019, 1, 1, 12)], pa.timestamp("ns")),
        "value_as_number": pa.array([Decimal("1.5")], pa.decimal128(10, 2)),
        "range_low": pa.array([0.5], pa.float32()),
        "value_source_value": pa.array([b"x"], pa.binary()),
        "of somebody else": pa.array([[1]]),
    }
    write_parquet(pa.table(columns), tmp_path / "measurement.parquet")
    [row], schema = read(tmp_path, "measurement")
    assert row == {
        "measurement_id": 2**53 + 1, "person_id": 3, "measurement_concept_id": "5",
        "measurement_date": date(2019, 1, 1), "measurement_datetime": datetime(2019, 1, 1, 12),
        "value_as_number": 1.5, "range_low": 0.5, "value_source_value": "x",
    }  # fmt: skip
    assert schema.field("measurement_id").type == pa.int64()
    assert plain(pa.bool_()) == pa.bool_()


def test_parts_may_differ_in_their_columns_and_types(tmp_path: Path) -> None:
    write_parquet(pa.table({"person_id": pa.array([1], pa.int32())}), tmp_path / "person" / "a.parquet")
    write_parquet(pa.table({"person_id": [2], "year_of_birth": ["1950"]}), tmp_path / "person" / "b.parquet")
    rows, schema = read(tmp_path, "person")
    assert rows == [{"person_id": 1, "year_of_birth": None}, {"person_id": 2, "year_of_birth": "1950"}]
    assert schema == pa.schema({"person_id": pa.int64(), "year_of_birth": pa.string()})


def test_a_column_with_the_name_of_a_keyword_is_read(tmp_path: Path) -> None:
    write_parquet(pa.table({"note_nlp_id": [1], "offset": ["3"]}), tmp_path / "note_nlp.parquet")
    assert read(tmp_path, "note_nlp")[0] == [{"note_nlp_id": 1, "offset": "3"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('﻿"PERSON_ID","person_source_value"\r\n"1","a, ""b""\nc"\r\n', ["1", 'a, "b"\nc']),
        ('person_id\tperson_source_value\n1\t5" pipe\n', ["1", '5" pipe']),
        ("person_id;person_source_value\n1;\\N\n", ["1", None]),
        ("mine|person_id|person_source_value\n0|1|NA\n", ["1", "NA"]),
    ],
)
def test_csv_files_are_read_as_their_first_line_says(text: str, expected: list[str | None], tmp_path: Path) -> None:
    (tmp_path / "person.csv").write_text(text, newline="")
    [row], _ = read(tmp_path, "person")
    assert list(row.values()) == expected


def test_a_packed_csv_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "PERSON.CSV.GZ").write_bytes(gzip.compress(b"person_id\n1\n"))
    assert read(tmp_path, "person")[0] == [{"person_id": "1"}]


def test_in_sqlite_the_values_say_what_a_column_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "measurement.sqlite")) as connection, connection:
        connection.execute(
            "CREATE TABLE measurement (measurement_id INTEGER, person_id INTEGER, measurement_date DATE, "
            "measurement_datetime TIMESTAMP, value_as_number NUMERIC, range_low REAL, unit_concept_id BIGINT)"
        )
        day, moment = 17_897, 17_897 * 86_400 + 60  # as R stores them
        connection.execute("INSERT INTO measurement VALUES (1, 'x', ?, ?, 1.5, NULL, NULL)", (day, moment))
        connection.execute("INSERT INTO measurement VALUES (2, 7, ?, '2019-01-01', 2, NULL, NULL)", (moment,))
    rows, schema = read(tmp_path, "measurement")
    assert [list(row.values()) for row in rows] == [
        [1, "x", "2019-01-01", "2019-01-01 00:01:00", 1.5, None, None],
        [2, "7", "2019-01-01", "2019-01-01", 2.0, None, None],
    ]
    assert [str(field.type) for field in schema] == ["int64", "string", "string", "string", "double", "double", "int64"]


# What cannot be read is one sentence


def nothing_there(folder: Path) -> Path:
    return folder / "nowhere"


def an_empty_folder(folder: Path) -> Path:
    (folder / "readme.txt").write_text("hello")
    (folder / "person.parquet").mkdir()
    return folder


def a_text_file(folder: Path) -> Path:
    (folder / "person.csv").write_text("person_id\n")
    return folder / "person.csv"


def damaged_parquet(folder: Path) -> Path:
    (folder / "person.parquet").write_bytes(b"PAR1 but no more")
    return folder


def damaged_sqlite(folder: Path) -> Path:
    (folder / "cdm.sqlite").write_bytes(b"SQLite format 3\x00 but no more" * 100)
    return folder / "cdm.sqlite"


def damaged_duckdb(folder: Path) -> Path:
    (folder / "cdm.duckdb").write_bytes(b"\x00" * 8 + b"DUCK" + b"no more" * 100)
    return folder / "cdm.duckdb"


def another_table(folder: Path) -> Path:
    fill_sqlite(folder / "death.sqlite", "person")
    return folder


def twice(folder: Path) -> Path:
    as_csv_files(folder)
    write_parquet(PERSONS, folder / "PERSON.parquet")
    return folder


def without_columns(folder: Path) -> Path:
    (folder / "person.csv").write_text("1,8507,1950\n")
    return folder


def an_empty_csv_file(folder: Path) -> Path:
    (folder / "person.csv").write_text("")
    return folder


def an_uneven_csv_file(folder: Path) -> Path:
    (folder / "person.csv").write_text("person_id,year_of_birth\n1,1950\nsecret-pseudonym\n")
    return folder


def latin_csv_file(folder: Path) -> Path:
    (folder / "person.csv").write_bytes("person_id,person_source_value\n1,é\n".encode("latin-1"))
    return folder


@pytest.mark.parametrize(
    ("store", "sentence"),
    [
        (nothing_there, r"nowhere does not exist"),
        (an_empty_folder, r"holds no table of the OMOP CDM: give a folder of files like person\.parquet"),
        (a_text_file, r"person\.csv is neither a SQLite nor a DuckDB file"),
        (damaged_parquet, r"person\.parquet cannot be read as a Parquet file"),
        (damaged_sqlite, r"cdm\.sqlite cannot be read as a SQLite database"),
        (damaged_duckdb, r"cdm\.duckdb cannot be read as a DuckDB database"),
        (another_table, r"death\.sqlite has no table death"),
        (twice, r"has the table person twice"),
        (without_columns, r"The table person of .* has no column of the CDM"),
        (an_empty_csv_file, r"person\.csv is empty"),
        (an_uneven_csv_file, r"person\.csv cannot be read as a CSV file, a line has 1 fields and the first has 2"),
        (latin_csv_file, r"person\.csv cannot be read as a CSV file, it is damaged or not in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_without_a_value(
    store: Callable[[Path], Path], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(CdmError) as raised, open_cdm(duckdb_session, store(tmp_path)):
        pass
    assert re.search(sentence, str(raised.value))
    assert "secret-pseudonym" not in str(raised.value)
    assert "\n" not in str(raised.value)
