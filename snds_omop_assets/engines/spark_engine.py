"""Spark: what the session needs, and the id function as a Spark expression.

pyspark is imported inside the functions: only the assets that use Spark pay for it.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snds_omop_assets.engines.ids import MAX_ID_FIELDS, NULL_MARK, SEPARATOR
from snds_omop_assets.engines.java import require_java
from snds_omop_assets.engines.sessions import END_OF_MONTH
from snds_omop_assets.engines.spark_connect import (
    end_session_at_exit,
    is_connect,
    is_remote,
    require_server,
    retry_for_a_minute,
    shown,
)
from snds_omop_assets.errors import EngineError
from snds_omop_assets.settings import SPARK_MASTER

if TYPE_CHECKING:
    from dagster_pyspark import LazyPySparkResource
    from pyspark.sql import Column, SparkSession

NOT_GIVEN = "\x1d"
"""ASCII group separator: a field that `omop_id` was not given."""

LOG4J = Path(__file__).with_name("log4j2.properties")
LOOPBACK = "127.0.0.1"

SAME_AS_DUCKDB: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",  # a cast that fails is an error
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",  # a timestamp has no zone
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",  # days before 1582 stay what they are
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.adaptive.enabled": "true",
}
"""What a session must be set to for a SELECT to mean the same as on DuckDB, and files to be the same."""

LOCAL_PARTITIONS = 8
"""Pieces of a shuffle on one machine; Spark joins small ones. The default, 200, is for a cluster."""

LITTLE_WORK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""How Java runs where Spark makes some hundred rows and no more: to optimise its own code costs it more than all the
work (measured for PROVIDER: 21 CPU seconds, 10 with these)."""

MEBIBYTES: Mapping[str, float] = {"MB": 1e6 / 2**20, "GB": 1e9 / 2**20, "TB": 1e12 / 2**20}


def spark_config(master: str = SPARK_MASTER, memory: str | None = None, little: bool = False) -> dict[str, Any]:
    """The configuration of a Spark session.

    What is not said here is the cluster's: its own `spark-defaults.conf` says cores, instances and partitions.

    Args:
        master: where Spark runs, as settings.spark_master.
        memory: heap of the driver and of each executor, as `8GB`; None leaves it to Spark. A Spark Connect server has
            its own.
        little: Spark makes PROVIDER, and DuckDB all else.
    """
    if is_connect(master):
        return {"spark.remote": master, **SAME_AS_DUCKDB}
    options = f"-Dlog4j.configurationFile={LOG4J.as_uri()}"
    config: dict[str, Any] = {
        "spark.master": master,
        "spark.app.name": "snds_omop_assets",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|redaction",  # see `hide`
        "spark.driver.extraJavaOptions": f"{options} {LITTLE_WORK}" if little else options,
        **SAME_AS_DUCKDB,
    }
    if is_loopback(master):  # else Spark finds the address under which the cluster sees this machine
        config |= {"spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK}
    if is_local(master):
        config["spark.sql.shuffle.partitions"] = "1" if little else str(LOCAL_PARTITIONS)
    if memory is not None:
        config |= {"spark.driver.memory": spark_memory(memory), "spark.executor.memory": spark_memory(memory)}
    return config


def spark_memory(memory: str) -> str:
    """`8GB` in the words of Spark, whose units are powers of two."""
    number, unit = int(memory[:-2]), memory[-2:]
    return f"{int(number * MEBIBYTES[unit])}m"


def is_local(master: str) -> bool:
    """Whether Spark runs inside this process."""
    return master.startswith("local")


def is_loopback(master: str) -> bool:
    """Whether everything of Spark runs on this machine."""
    return is_local(master) or re.match(r"spark://(127\.|localhost:)", master) is not None


LOCAL_SPARK_CONFIG = spark_config("local[2]")
"""Spark on two cores of this machine."""


def prepare_environment(config: Mapping[str, Any] = LOCAL_SPARK_CONFIG) -> None:
    """Let Spark start from this Python, on the loopback address if nothing is elsewhere, and not log what it refuses.

    Raises:
        EngineError: there is no Java, or it is too old; or the client or the server of Spark Connect is not there.
    """
    from pyspark.logger import PySparkLogger

    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        PySparkLogger.getLogger(name).disabled = True  # its messages quote values
    if "spark.remote" in config:
        require_server(config["spark.remote"])
        return
    require_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    if is_loopback(config["spark.master"]):
        os.environ.setdefault("SPARK_LOCAL_IP", LOOPBACK)


def started(resource: "LazyPySparkResource") -> "SparkSession":
    """The Spark session of a Dagster resource; it starts with the first that asks.

    Raises:
        EngineError: there is no Java, or Spark does not start.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    config = resource.spark_config
    prepare_environment(config)
    try:
        session: SparkSession = resource.spark_session
    except (PySparkException, Py4JError):
        place = shown(config["spark.remote"]) if "spark.remote" in config else config["spark.master"]
        raise EngineError(
            f"Spark does not start with {place}: see that it runs and that this machine reaches it, or take "
            f"another SNDS_SPARK_MASTER."
        ) from None
    if is_remote(session):
        retry_for_a_minute(session)
        end_session_at_exit(session)
    return session


def hide(spark: "SparkSession", secret: str) -> None:
    """Let Spark blot out a text in the plans that it prints, logs and shows."""
    spark.conf.set("spark.sql.redaction.string.regex", f"\\Q{secret}\\E")


def functions_sql(id_key: str | None) -> Iterator[str]:
    """The statements that define `days_between`, `end_of_month` and, with an id key, `omop_id` in a Spark session.

    Spark has no functions of any number of arguments: those not given are told by a control character, which reception
    refuses in values; the optimiser folds them away.
    """
    yield "CREATE TEMPORARY FUNCTION days_between(first DATE, last DATE) RETURNS INT RETURN datediff(last, first)"
    yield f"CREATE TEMPORARY FUNCTION end_of_month(yyyymm BIGINT) RETURNS DATE RETURN {END_OF_MONTH}"
    if id_key is None:
        return
    first, *rest = (f"f{i}" for i in range(MAX_ID_FIELDS))
    separator, null, nothing = (f"'\\u{ord(mark):04x}'" for mark in (SEPARATOR, NULL_MARK, NOT_GIVEN))
    parameters = ["prefix STRING", f"{first} STRING", *(f"{name} STRING DEFAULT {nothing}" for name in rest)]
    key = f"CAST(X'{id_key.encode().hex()}' AS STRING)"  # whatever it is made of
    fields = [
        f"CASE WHEN {name} IS NULL THEN {separator} || {null} WHEN {name} = {nothing} THEN '' "
        f"ELSE {separator} || {name} END"
        for name in rest
    ]
    text = f"concat({', '.join([key, separator, 'prefix', separator, f'coalesce({first}, {null})', *fields])})"
    high, low = (f"CAST(conv(substr(md5({text}), {start}, 8), 16, 10) AS BIGINT)" for start in (1, 9))
    yield (
        f"CREATE TEMPORARY FUNCTION omop_id({', '.join(parameters)}) RETURNS BIGINT "
        f"RETURN {high} * {2**31} + shiftright({low}, 1)"
    )


def file_url(path: Path) -> str:
    """A path of this machine, and of every node, for Spark, whose default may be another file system."""
    return f"file://{path.absolute()}"


def file_pattern(path: Path) -> str:
    """A path to read, in the words of Spark, for which `[`, `{`, `*` and `?` are patterns."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", file_url(path))


@contextmanager
def spark_said_plainly() -> Iterator[None]:
    """Let Spark fail with one sentence.

    Spark's own messages quote rows and print plans, in which the id key stands as a literal: only the name of the
    error is passed on.

    Raises:
        EngineError: Spark or its Java failed.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        name = (error.getCondition() if isinstance(error, PySparkException) else None) or type(error).__name__
        raise EngineError(
            f"Spark failed with {name}. Its message may quote data, so it is not shown: "
            f"call the function of this table in a session of your own to read it."
        ) from None


def omop_id_column(key: str, prefix: str, *fields: "Column") -> "Column":
    """The id as a Spark expression over text columns: see engines/ids.py.

    Sixteen hex digits do not fit a signed 64-bit integer, so the two halves are read apart:
    high 32 bits times 2^31, plus low 32 bits halved.
    """
    from pyspark.sql import functions as f

    text = f.concat_ws(SEPARATOR, f.lit(key), f.lit(prefix), *(f.coalesce(c, f.lit(NULL_MARK)) for c in fields))
    digest = f.md5(text)
    high = f.conv(f.substring(digest, 1, 8), 16, 10).cast("bigint")
    low = f.conv(f.substring(digest, 9, 8), 16, 10).cast("bigint")
    return high * f.lit(2**31) + f.shiftright(low, 1)
