"""Ids are 63-bit, and the same on pandas, DuckDB, SQLite and Spark."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets.engines.duckdb_engine import define_omop_id, duckdb_connection
from snds_omop_assets.engines.ids import omop_id, omop_ids
from snds_omop_assets.engines.sqlite_engine import frames_of_sqlite_query
from snds_omop_assets_tests.conftest import KEY, rows_of

FIELD = st.none() | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
ROWS = st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=30)

FIXED = [("DPXX:0000000000000000001X", None), ("é'\"\\", ""), ("", None), (None, ""), (None, None), ("75114", "75114")]


def of_python(rows):
    return [omop_id(KEY, "t", *row) for row in rows]


@given(ROWS)
def test_ids_are_positive_and_fit_63_bits(rows):
    assert all(0 <= number < 2**63 for number in of_python(rows))


@settings(max_examples=30, deadline=None)  # each example opens a DuckDB
@given(ROWS)
def test_pandas_and_duckdb_give_the_ids_of_python(rows):
    a, b = (pd.Series(list(column), dtype="string[pyarrow]") for column in zip(*rows, strict=True))
    assert omop_ids(KEY, "t", a, b).tolist() == of_python(rows)
    with duckdb_connection() as connection:
        define_omop_id(connection, KEY)
        connection.execute("CREATE TABLE t (n INT, a VARCHAR, b VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(n, *row) for n, row in enumerate(rows)])
        found = connection.execute("SELECT omop_id('t', a, b), typeof(omop_id('t', a, b)) FROM t ORDER BY n").fetchall()
    assert [number for number, _ in found] == of_python(rows)
    assert {kind for _, kind in found} == {"BIGINT"}


@given(FIELD, FIELD, FIELD, FIELD)
def test_different_fields_give_different_ids(a, b, c, d):
    """The separator and the mark for NULL keep ('a', 'b') apart from ('ab',) and ('', None) from (None, '')."""
    assert (omop_id(KEY, "t", a, b) == omop_id(KEY, "t", c, d)) == ((a, b) == (c, d))


def test_sqlite_gives_the_ids_of_python(stored):
    table = stored("t", pa.schema([("a", pa.string()), ("b", pa.string())]), [{"a": a, "b": b} for a, b in FIXED])
    schema = pa.schema([("id", pa.int64())])
    found = rows_of(frames_of_sqlite_query("SELECT omop_id('t', a, b) FROM t", {"t": table}, schema, KEY))
    assert [row["id"] for row in found] == of_python(FIXED)


@pytest.mark.spark
def test_spark_gives_the_ids_of_python(spark):
    from pyspark.sql import functions as f

    from snds_omop_assets.engines.spark_engine import omop_id_column

    # Thousands of rows, so that the highest bit of either half is set in many of them.
    rows = [*FIXED, *((f"person {n}", str(n) if n % 3 else None) for n in range(3000))]
    frame = spark.createDataFrame([(n, *row) for n, row in enumerate(rows)], "n int, a string, b string")
    found = frame.select("n", omop_id_column(KEY, "t", f.col("a"), f.col("b")).alias("id")).orderBy("n")
    assert dict(found.dtypes)["id"] == "bigint"
    assert [row["id"] for row in found.collect()] == of_python(rows)


def test_the_id_key_changes_every_id():
    assert omop_id("one warehouse", "person", "1") != omop_id("another", "person", "1")


def test_the_ids_of_the_demonstration_never_change():
    """Ids are an interface: this one was read from the first release."""
    assert omop_id("snds_omop_assets demonstration", "person", "DPXX:0000000000000000001X") == 8075198984058966054
