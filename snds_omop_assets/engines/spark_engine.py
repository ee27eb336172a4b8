"""Spark: what the session needs, and the id function as a Spark expression.

pyspark is imported inside the functions: only the assets that use Spark pay for it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snds_omop_assets.engines.ids import NULL_MARK, SEPARATOR
from snds_omop_assets.engines.java import require_java
from snds_omop_assets.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import Column

LOG4J = Path(__file__).with_name("log4j2.properties")

LOCAL_SPARK_CONFIG: dict[str, Any] = {
    "spark.master": "local[2]",
    "spark.app.name": "snds_omop_assets",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.extraJavaOptions": f"-Dlog4j.configurationFile={LOG4J.as_uri()}",
}
"""A laptop or CI. Few partitions: 200, the default, would be 200 tasks for a hundred rows."""


def prepare_environment() -> None:
    """Let Spark's Python workers be this Python, and keep the driver on the loopback address."""
    require_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")


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
