"""Spark Connect: a Spark that runs on a server, and of which this machine has the client only (`sc://host:15002`).

The server has its own memory, cores and log, and sees the warehouse under the same path as this machine.
"""

import atexit
import socket
from typing import TYPE_CHECKING

from snds_omop_assets.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEME = "sc://"
PORT = 15002
"""Where a server listens that was not told otherwise."""

ANSWERS_WITHIN = 10
"""Seconds to wait for a server that is to begin."""

RETRIES = 6
"""How often a client tries again, after 50 milliseconds, then four times as long each time: about a minute in all."""


def is_connect(master: str) -> bool:
    """Whether a master is a Spark Connect server."""
    return master.startswith(SCHEME)


def is_remote(spark: "SparkSession") -> bool:
    """Whether a session is one of a Spark Connect server."""
    return type(spark).__module__.startswith("pyspark.sql.connect.")


def address(master: str) -> tuple[str, int]:
    """Host and port of a server."""
    host, _, port = master.removeprefix(SCHEME).split("/")[0].partition(":")
    return host, int(port or PORT)


def shown(master: str) -> str:
    """A server for messages: what follows host and port may hold a token."""
    host, port = address(master)
    return f"{SCHEME}{host}:{port}"


def require_server(master: str) -> None:
    """See that the client is installed and that a server answers.

    Raises:
        EngineError: one of them is not there.
    """
    from pyspark.errors import PySparkImportError
    from pyspark.sql.connect.utils import check_dependencies

    try:
        check_dependencies()
    except (PySparkImportError, ImportError):
        raise EngineError(
            "Spark Connect needs its client: pip install 'snds_omop_assets[connect]' (or 'pyspark[connect]')."
        ) from None
    try:
        with socket.create_connection(address(master), ANSWERS_WITHIN):
            pass
    except OSError:
        raise EngineError(
            f"No Spark Connect server answers at {shown(master)}: see that it runs and that this machine reaches it, "
            f"or take another SNDS_SPARK_MASTER."
        ) from None


def retry_for_a_minute(spark: "SparkSession") -> None:
    """Let the client of a session try again for about a minute when the server is not there, and not for ten."""
    _try_again(spark, RETRIES)


def end_session(spark: "SparkSession") -> None:
    """End a session and no other; a server that has gone is not waited for."""
    _try_again(spark, 1)
    spark.stop()


def end_session_at_exit(spark: "SparkSession") -> None:
    """Let a session end before Python does: its client would else wait for ever for threads that are gone."""
    atexit.unregister(end_session)
    atexit.register(end_session, spark)


def _try_again(spark: "SparkSession", times: int) -> None:
    from pyspark.sql.connect.client.retries import DefaultPolicy

    spark.client.set_retry_policies([DefaultPolicy(max_retries=times)])
