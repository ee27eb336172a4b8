"""A real Spark cluster: a master and two workers as processes of their own run the steps of a model."""

import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.engines.ids import omop_id
from snds_omop_assets_tests.conftest import KEY
from snds_omop_assets_tests.spark_processes import START_SECONDS, Cluster, spark_cluster

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.process]

SCHEMA = pa.schema([("id", pa.int64()), ("word", pa.string()), ("n", pa.int64())])
LINES, WORDS, FILES = 20_000, 101, 4
RESULT = f"""
    SELECT omop_id('word', word) AS id, word, count(*) AS n FROM (
        SELECT word FROM s UNION ALL SELECT CAST(NULL AS STRING) AS word FROM s WHERE n < {WORDS}
    ) AS t GROUP BY word
"""


def convert(cluster: Cluster, folder: Path) -> dict[str, object]:
    """What a run does, in a process of its own: a process has one Spark."""
    from dagster_pyspark import LazyPySparkResource

    from snds_omop_assets.engines.opening import session_of
    from snds_omop_assets.engines.spark_engine import spark_config, started

    resource = LazyPySparkResource(spark_config=spark_config(cluster.url, "600MB"))
    spill = folder / "spill"
    with session_of("spark", lambda: started(resource), spill, KEY, "600MB") as session:
        wait_for_executors(resource.spark_session, len(cluster.workers))
        files = [folder / f"in-{place}.parquet" for place in range(FILES)]
        session.give_files("t", files, pa.schema([("word", pa.string()), ("n", pa.int64()), ("absent", pa.date32())]))
        session.step("s", "SELECT word, max(n) AS n, max(absent) AS absent FROM t GROUP BY word, n")
        kept = len(list(spill.glob("spark-*/*")))
        for process in cluster.executors(cluster.workers[1]):  # an executor goes with all that it held
            os.kill(process, signal.SIGKILL)
        rows = session.write(RESULT, folder / "out", SCHEMA)
    return {"kept": kept, "rows": rows, "left": len(list(spill.iterdir()))}


def wait_for_executors(spark: "SparkSession", wanted: int) -> None:
    """Let the last worker come, or the first does all the work."""
    tracker = spark.sparkContext._jsc.sc().statusTracker()
    end = time.monotonic() + START_SECONDS
    while len(tracker.getExecutorInfos()) <= wanted:  # the driver is one of them
        assert time.monotonic() < end, "an executor did not come"
        time.sleep(0.1)


def gone(group: int) -> bool:
    """Whether no process of a group runs any more; what is dead and waits for its parent does not run."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        states = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it ended just now
                state, _, of_group = stat.read_text().rpartition(")")[2].split()[:3]
                states += [state] if int(of_group) == group else []
        if all(state in "ZX" for state in states):
            return True
        time.sleep(0.1)
    return False


def test_both_workers_run_a_model_and_a_lost_executor_costs_nothing(tmp_path):
    for place in range(FILES):
        numbers = range(place, LINES, FILES)
        words = pa.array([f"word {number % WORDS}" for number in numbers])
        pq.write_table(pa.table({"word": words, "n": pa.array(numbers, pa.int64())}), tmp_path / f"in-{place}.parquet")
    spawn = multiprocessing.get_context("spawn")
    with spark_cluster(tmp_path / "cluster") as cluster, ProcessPoolExecutor(1, mp_context=spawn) as run:
        told = run.submit(convert, cluster, tmp_path).result(timeout=2 * START_SECONDS)
        assert all(tasks > 0 for tasks in cluster.tasks_done()), "both workers worked"
        workers = cluster.workers
    for worker in workers:
        assert gone(worker), "neither it nor an executor of it is left"
    assert told == {"kept": 1, "rows": WORDS + 1, "left": 0}
    found = {row["word"]: row for file in (tmp_path / "out").iterdir() for row in pq.read_table(file).to_pylist()}
    assert all(file.name.startswith("part-") for file in (tmp_path / "out").iterdir())
    assert {word: row["id"] for word, row in found.items()} == {word: omop_id(KEY, "word", word) for word in found}
    assert found[None]["n"] == WORDS
    assert sum(row["n"] for word, row in found.items() if word is not None) == LINES
