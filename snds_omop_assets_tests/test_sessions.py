"""Sessions of models: DuckDB and Spark give the same rows, files and ids."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.engines.duckdb_engine import kept_duckdb, parquet_rows
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.ids import MAX_ID_FIELDS, omop_id
from snds_omop_assets.engines.opening import session_of
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.engines.spark_engine import LOOPBACK, prepare_environment, spark_config, started
from snds_omop_assets.engines.spark_session import SparkSessionOfModels
from snds_omop_assets.errors import EngineError
from snds_omop_assets.io_managers.stored import CsvTable, ParquetTable
from snds_omop_assets_tests.conftest import KEY
from snds_omop_assets_tests.engine_against_engine import Differ, RecordingSession, same_rows

EVERY_TYPE = pa.schema(
    [
        ("whole", pa.int64()),
        ("short", pa.int32()),
        ("number", pa.float64()),
        ("flag", pa.bool_()),
        ("day", pa.date32()),
        ("moment", pa.timestamp("us")),
        ("word", pa.string()),
    ]
)
ROWS = pa.Table.from_pylist(
    [
        {"whole": 2**62 + 1, "short": -7, "number": 0.1, "flag": True, "day": dt.date(2020, 2, 29),
         "moment": dt.datetime(2020, 3, 29, 2, 30, 0, 123456), "word": "é'\\ \u1F600"},
        {"whole": 0, "short": 0, "number": -0.5, "flag": False, "day": dt.date(1500, 1, 1),
         "moment": dt.datetime(1899, 12, 31, 23, 59, 59), "word": ""},
        dict.fromkeys(EVERY_TYPE.names),
    ],
    EVERY_TYPE,
)  # fmt: skip
WAYS = ["duckdb", *(pytest.param(way, marks=pytest.mark.spark) for way in ("spark", "spark with a folder"))]


@pytest.fixture(params=WAYS)
def session(request: pytest.FixtureRequest, tmp_path: Path):
    """A session of each engine; of Spark with steps in memory and in a folder."""
    if request.param == "duckdb":
        with duckdb_session(None, KEY) as session:
            yield session
    else:
        folder = tmp_path / "odd [name] {a,b} %20" if "folder" in request.param else None
        session = SparkSessionOfModels(request.getfixturevalue("spark"), KEY, folder)
        yield session
        session.close()
        assert folder is None or not folder.exists()


def rows(session: Session, sql: str) -> list[dict]:
    return session.result(sql).to_pylist()


def test_values_of_every_type_come_back(session):
    session.give("t", ROWS)
    session.step("s", "SELECT * FROM t")
    found = session.result("SELECT * FROM s ORDER BY whole DESC NULLS LAST")
    assert found.schema.types == EVERY_TYPE.types
    assert found.to_pylist() == ROWS.to_pylist()


@pytest.mark.parametrize("compression", ["zstd", "lz4", "snappy"])
def test_written_files_have_the_columns_of_the_schema_and_nothing_lies_beside_them(session, tmp_path, compression):
    session.give("t", ROWS)
    folder = tmp_path / "deep" / ".hidden [1]" / "2018"
    assert session.write("SELECT * FROM t", folder, EVERY_TYPE, compression) == 3
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"part-{place}.parquet" for place in range(len(files))]
    assert pq.read_schema(files[0]).remove_metadata() == EVERY_TYPE
    footer = pq.read_metadata(files[0])
    assert footer.row_group(0).column(0).compression.lower().startswith(compression)
    found = pa.concat_tables([pq.read_table(file).replace_schema_metadata() for file in files])
    same_rows(found, ROWS)


def test_what_is_written_is_cast_and_a_cast_that_fails_is_an_error(session, tmp_path):
    schema = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.timestamp("us"))])
    session.write("SELECT CAST(1 AS INT) AS a, NULL AS b, CAST('2020-01-02' AS DATE) AS c", tmp_path / "a", schema)
    assert pq.read_table(tmp_path / "a").to_pylist() == [{"a": 1, "b": None, "c": dt.datetime(2020, 1, 2)}]
    with pytest.raises(Exception, match=r"(?i)cast|convert"):
        session.write("SELECT 'x' AS a, 'x' AS b, NULL AS c", tmp_path / "b", schema)


def test_a_select_without_rows_writes_a_file_with_the_columns(session, tmp_path):
    session.give("t", ROWS)
    assert session.write("SELECT * FROM t WHERE whole = 5", tmp_path / "none", EVERY_TYPE) == 0
    assert pq.read_schema(tmp_path / "none" / "part-0.parquet").remove_metadata() == EVERY_TYPE


def test_every_column_of_a_file_may_have_nulls_even_if_none_has(session, tmp_path):
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    session.give("t", pa.table({"a": [1, 2]}))
    session.write("SELECT a, 'x' AS b FROM t WHERE a IS NOT NULL", tmp_path / "one", schema)
    (file,) = (tmp_path / "one").iterdir()
    assert pq.read_schema(file).remove_metadata() == schema


def test_nothing_is_written_into_a_folder_that_holds_something(session, tmp_path):
    (tmp_path / "kept.txt").touch()
    with pytest.raises(FileExistsError):
        session.write("SELECT 1 AS a", tmp_path, pa.schema([("a", pa.int64())]))


def test_files_of_several_versions_are_one_table(session, tmp_path):
    """Columns that came later, that went, of another width, and in another order."""
    schema = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.date32())])
    day = dt.date(2019, 5, 4)
    versions = {
        "one": pa.table({"a": pa.array([1], pa.int64()), "gone": ["x"]}),
        "two [v]": pa.table({"b": ["two"], "a": pa.array([2], pa.int32())}),
        "three": pa.table({"a": pa.array([3], pa.int64()), "c": pa.array([day]), "b": ["three"]}),
    }
    for name, table in versions.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
    session.give_files("t", [tmp_path / f"{name}.parquet" for name in versions], schema)
    found = session.result("SELECT * FROM t ORDER BY a")
    assert found.schema == schema
    assert [tuple(row.values()) for row in found.to_pylist()] == [(1, None, None), (2, "two", None), (3, "three", day)]


def test_without_files_there_is_an_empty_table_and_files_may_come_later(session, tmp_path):
    session.give_files("t", [], EVERY_TYPE)
    assert session.result("SELECT * FROM t").schema == EVERY_TYPE
    assert rows(session, "SELECT * FROM t") == []
    pq.write_table(ROWS, tmp_path / "t.parquet")
    session.give_files("t", [tmp_path / "t.parquet"], EVERY_TYPE)
    assert rows(session, "SELECT count(*) AS n FROM t") == [{"n": 3}]


def test_stored_tables_are_readable_whatever_their_files(session, tmp_path):
    pq.write_table(ROWS, tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("code,label\n01,one\n2,\n")
    session.give("t", ParquetTable(tmp_path / "t.parquet"))
    session.give("c", CsvTable(tmp_path / "t.csv"))
    assert rows(session, "SELECT count(*) AS n FROM t") == [{"n": 3}]
    assert rows(session, "SELECT * FROM c ORDER BY code") == [
        {"code": "01", "label": "one"}, {"code": "2", "label": None}
    ]  # fmt: skip


def test_a_view_reads_what_its_names_mean_when_it_is_read(session):
    session.give("before", pa.table({"a": [1]}))
    session.give_files("t", [], pa.schema([("a", pa.int64())]))
    session.view("v", "SELECT a, omop_id('v', CAST(a AS STRING)) AS id FROM t")
    session.view("t", "SELECT a + 1 AS a FROM before")
    assert rows(session, "SELECT * FROM v") == [{"a": 2, "id": omop_id(KEY, "v", "2")}]


def test_a_step_is_computed_once_and_dropped_names_may_come_again(session):
    session.give("t", pa.table({"a": [1, 2]}))
    session.step("s", "SELECT a FROM t")
    session.drop("t")
    assert rows(session, "SELECT sum(a) AS a FROM s") == [{"a": 3}]
    session.view("v", "SELECT a FROM s")
    session.drop("s", "v")
    with pytest.raises(Exception, match=r"(?i)not.*(exist|found)"):
        session.result("SELECT * FROM s")
    session.step("s", "SELECT 'x' AS a")
    assert rows(session, "SELECT * FROM s") == [{"a": "x"}]
    session.drop("s", "nothing of this name")


@pytest.mark.spark
def test_dropping_a_step_frees_its_files(spark, tmp_path):
    session = SparkSessionOfModels(spark, None, tmp_path / "kept")
    session.step("s", "SELECT 1 AS a")
    assert list((tmp_path / "kept").iterdir())
    session.drop("s")
    assert not list((tmp_path / "kept").iterdir())


@pytest.mark.parametrize("fields", range(1, MAX_ID_FIELDS + 1))
def test_ids_are_those_of_python_for_any_number_of_fields(session, fields):
    values = [None if place % 5 == 4 else f"é{place}" for place in range(fields)]
    texts = ", ".join("CAST(NULL AS STRING)" if value is None else f"'{value}'" for value in values)
    found = session.result(f"SELECT omop_id('t', {texts}) AS id")
    assert found.schema.types == [pa.int64()]
    assert found.to_pylist() == [{"id": omop_id(KEY, "t", *values)}]


def test_the_end_of_a_month(session):
    row = session.result("""
        SELECT end_of_month(m) AS leap, end_of_month(m + 10) AS december, end_of_month(m - 2) AS none,
               end_of_month(m + 11) AS thirteen, end_of_month(CAST(NULL AS BIGINT)) AS nothing
        FROM (SELECT CAST(202002 AS BIGINT) AS m) AS months
    """).to_pylist()[0]
    assert row == {
        "leap": dt.date(2020, 2, 29), "december": dt.date(2020, 12, 31), "none": None, "thirteen": None,
        "nothing": None,
    }  # fmt: skip


def test_days_between_two_dates(session):
    sql = """
        SELECT days_between(DATE '2020-02-28', DATE '2020-03-01') AS leap, days_between(d, DATE '2019-12-31') AS back,
               days_between(d, CAST(NULL AS DATE)) AS nothing
        FROM (SELECT CAST('2020-01-01' AS DATE) AS d) AS t
    """
    found = session.result(sql)
    assert found.to_pylist() == [{"leap": 2, "back": -1, "nothing": None}]
    assert found.schema.types == [pa.int32()] * 3


@pytest.mark.spark
def test_the_engines_say_the_same_of_what_models_say(spark, tmp_path):
    """The words that models are written in."""
    with duckdb_session(None, KEY) as duckdb:
        session = RecordingSession(duckdb, SparkSessionOfModels(spark, KEY), tmp_path / "spark")
        session.give("t", ROWS)
        session.step(
            "words",
            """
            SELECT upper(word) AS a, lpad(word, 2, '0') AS b, TRY_CAST(word AS INT) AS c, least(short, NULL, 3) AS d,
                   concat_ws('|', word, NULL, 'x') AS e, CAST(floor(short / 2) AS INT) AS f, day + CAST(3 AS INT) AS g,
                   md5(word) AS h, omop_id('t', word, CAST(whole AS STRING)) AS i, CAST(day AS STRING) AS j,
                   year(day) AS k, word IS DISTINCT FROM '' AS l, CAST(number AS DECIMAL(18, 2)) AS m
            FROM t
            """,
        )
        session.step(
            "sums",
            """
            SELECT flag, sum(CAST(number AS DECIMAL(18, 2))) AS total, count(*) FILTER (WHERE short < 0) AS n,
                   min_by(word, whole) AS first_word, CAST(NULL AS STRING) AS nothing
            FROM t GROUP BY ALL
            """,
        )
        session.step(
            "last", "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY flag ORDER BY whole NULLS LAST) = 1"
        )
        session.write("SELECT * FROM last", tmp_path / "last", EVERY_TYPE)
        assert session.compared == ["words", "sums", "last", "folder last"]


def test_two_tables_that_differ_are_told_apart_without_a_value():
    ours = pa.table({"person": ["secret", "other", None], "n": [1, 2, None]})
    same_rows(ours, ours.take([2, 0, 1]).cast(pa.schema([("person", pa.string()), ("n", pa.int32())])))
    for theirs, said in [
        (ours.slice(1), "3 rows on DuckDB, 2 on Spark"),
        (ours.rename_columns(["person", "m"]), "columns"),
        (ours.set_column(1, "n", pa.array(["1", "2", None])), "types of n"),
        (ours.set_column(1, "n", pa.array([1, 3, None])), "values of n differ"),
        (ours.set_column(1, "n", pa.array([2, 1, None])), "other rows"),
        (ours.set_column(1, "n", pa.array([0, 2, 1])), "values of n differ"),
    ]:
        with pytest.raises(Differ, match=said) as difference:
            same_rows(ours, theirs)
        assert "secret" not in str(difference.value)
    with pytest.raises(Differ, match="values of x differ"):
        same_rows(pa.table({"x": [0.1 + 0.2]}), pa.table({"x": [0.3]}))


def test_a_difference_tells_its_step(tmp_path):
    with duckdb_session() as one, duckdb_session() as other:
        session = RecordingSession(one, other, tmp_path)
        one.give("t", pa.table({"a": [1]}))
        other.give("t", pa.table({"a": [2]}))
        with pytest.raises(Differ, match=r"^doubled: values of b"):
            session.step("doubled", "SELECT 2 * a AS b FROM t")


def test_duckdb_needs_no_spark(tmp_path):
    with session_of("duckdb", None, tmp_path / "spill", KEY, "1GB") as session:
        (limit,) = session.result("SELECT current_setting('memory_limit') AS memory").to_pylist()
    assert limit["memory"] == "953.6 MiB"


def test_without_a_spark_resource_spark_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(EngineError, match="SNDS_ENGINE is spark"), session_of("spark", None, tmp_path, KEY):
        pass


@pytest.mark.spark
def test_an_error_of_spark_in_a_session_tells_no_value(spark, tmp_path, capfd):
    prepare_environment()
    with pytest.raises(EngineError, match="CAST_INVALID_INPUT"), session_of("spark", lambda: spark, tmp_path, KEY) as s:
        s.give("t", pa.table({"a": ["a pseudonym"]}))
        s.result("SELECT CAST(a AS INT) AS a FROM t")
    told = capfd.readouterr()
    assert "a pseudonym" not in told.out + told.err


@pytest.mark.spark
def test_plans_do_not_show_the_id_key(spark, capfd):
    session = SparkSessionOfModels(spark, KEY)
    session.spark.sql("SELECT omop_id('t', CAST(id AS STRING)) AS id FROM range(3)").explain(True)
    plan = capfd.readouterr().out
    assert "md5" in plan
    assert KEY not in plan


def test_the_configuration_follows_the_master():
    local, near, far = (spark_config(m, "8GB") for m in ("local[4]", "spark://127.0.0.1:7077", "spark://host:7077"))
    assert (local["spark.master"], local["spark.driver.memory"]) == ("local[4]", "7629m")
    assert local["spark.driver.host"] == near["spark.driver.host"] == LOOPBACK
    assert "spark.driver.host" not in far, "the executors must reach the driver"
    assert "spark.sql.shuffle.partitions" not in far, "the cluster knows how large it is"
    connect = spark_config("sc://host:15002", "8GB")
    assert connect["spark.remote"] == "sc://host:15002"
    assert "spark.master" not in connect


def test_spark_that_does_not_start_is_told_in_a_sentence(monkeypatch):
    from pyspark.errors import PySparkRuntimeError

    class Resource:
        spark_config = spark_config("spark://127.0.0.1:1")

        @property
        def spark_session(self):
            raise PySparkRuntimeError(errorClass="JAVA_GATEWAY_EXITED", messageParameters={})

    with pytest.raises(EngineError, match=r"does not start with spark://127\.0\.0\.1:1"):
        started(Resource())


def test_what_was_made_in_a_kept_duckdb_is_gone_for_the_next(tmp_path):
    for _ in range(2):
        with kept_duckdb(tmp_path) as connection:
            connection.execute("CREATE TEMP TABLE made AS SELECT 1 AS one")
            assert connection.execute("SELECT current_setting('temp_directory')").fetchall() == [(str(tmp_path),)]
    with kept_duckdb(tmp_path / "other") as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]


def test_a_kept_duckdb_that_failed_is_not_kept(tmp_path):
    with pytest.raises(EngineError, match="cannot be read"), kept_duckdb(tmp_path) as connection:
        connection.execute(f"SELECT * FROM {parquet_rows([tmp_path / 'absent.parquet'])}")
    with kept_duckdb(tmp_path) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_a_kept_duckdb_that_has_spilled_leaves_no_file(tmp_path):
    spill = tmp_path / "spill"
    with kept_duckdb(spill) as connection:
        connection.execute("SET memory_limit = '60MB'")
        connection.execute("CREATE TEMP TABLE made AS SELECT range AS number, md5(range::VARCHAR) FROM range(2000000)")
        assert any(spill.iterdir())
    assert not spill.exists()
