"""Opening the engine that the settings choose."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.own_folder import own_folder
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.engines.spark_connect import is_remote
from snds_omop_assets.engines.spark_engine import is_local, spark_said_plainly, started
from snds_omop_assets.engines.spark_session import SparkSessionOfModels
from snds_omop_assets.errors import EngineError
from snds_omop_assets.settings import DUCKDB, Settings

if TYPE_CHECKING:
    from dagster_pyspark import LazyPySparkResource
    from pyspark.sql import SparkSession

Opening = Callable[[], AbstractContextManager[Session]]
"""Opens a session of the engine."""


def open_session(settings: Settings, spark: "LazyPySparkResource | None" = None) -> Opening:
    """What opens a session of the engine of the settings.

    Args:
        settings: engine, memory, id key, folder for spilling.
        spark: needed where the engine is Spark; nothing starts before a session is opened.
    """
    return partial(
        session_of,
        settings.engine,
        spark=None if spark is None else partial(started, spark),
        spill=settings.spill,
        id_key=settings.id_key,
        memory=settings.memory,
    )


@contextmanager
def session_of(
    engine: str,
    spark: "Callable[[], SparkSession] | None",
    spill: Path,
    id_key: str,
    memory: str | None = None,
) -> Iterator[Session]:
    """A `Session` of the engine that the settings choose.

    Args:
        engine: settings.engine.
        spark: starts Spark, or gives the session that there is (`started` of spark_engine.py); called only for Spark.
        spill: folder for what does not fit into memory; with a cluster, one that all its nodes see.
        id_key: key of `omop_id`.
        memory: settings.memory; Spark has got it when it started.

    Raises:
        EngineError: Spark is wanted and does not start, or the engine failed.
    """
    if engine == DUCKDB:
        with duckdb_session(spill, id_key, memory) as session:
            yield session
        return
    if spark is None:
        raise EngineError("SNDS_ENGINE is spark, and this step has no Spark: take duckdb for it.")
    running = spark()
    with spark_said_plainly():
        # What a server keeps of a step, nobody here could free.
        local = not is_remote(running) and is_local(running.conf.get("spark.master", ""))
        with nullcontext(None) if local else own_folder(spill, "spark") as folder:
            kept = SparkSessionOfModels(running, id_key, folder)
            try:
                yield kept
            finally:
                kept.close()
