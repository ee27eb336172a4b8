"""Opening the engine that the settings choose."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from snds_omop_assets.engines.sessions import Session, session_of
from snds_omop_assets.engines.spark_engine import started
from snds_omop_assets.settings import Settings

if TYPE_CHECKING:
    from dagster_pyspark import LazyPySparkResource


def open_session(
    settings: Settings, spark: "LazyPySparkResource | None" = None
) -> Callable[[], AbstractContextManager[Session]]:
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
