"""Spark Connect: a real server as a process of its own, and what is told where none answers."""

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from snds_omop_assets.engines import spark_connect
from snds_omop_assets.engines.opening import session_of
from snds_omop_assets.engines.spark_connect import address, require_server
from snds_omop_assets.engines.spark_engine import LITTLE_WORK, spark_config, started
from snds_omop_assets.errors import EngineError
from snds_omop_assets_tests.conftest import KEY
from snds_omop_assets_tests.spark_processes import START_SECONDS, ConnectServer, connect_server


def lose(server: ConnectServer, spill: Path) -> tuple[list[dict[str, object]], int, str]:
    """Lose the server in the middle of a session: what it gave before, the steps it kept, what is told then."""
    from dagster_pyspark import LazyPySparkResource

    spark_connect.RETRIES = 2
    resource = LazyPySparkResource(spark_config=spark_config(server.url))
    with (
        pytest.raises(EngineError) as error,
        session_of("spark", lambda: started(resource), spill, KEY) as session,
    ):
        session.give("nothing", pa.table({"word": pa.array([], pa.string())}))
        session.step("counted", "SELECT count(*) AS n, max(word) AS word FROM nothing")
        found, kept = session.result("SELECT * FROM counted").to_pylist(), len(list(spill.glob("spark-*/*")))
        os.kill(server.process, signal.SIGKILL)
        session.step("more", "SELECT n + 1 AS n FROM counted")
    return found, kept, str(error.value)


@pytest.mark.spark
@pytest.mark.process
def test_a_server_that_dies_is_told_in_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with (
        connect_server(tmp_path / "server", {}, LITTLE_WORK) as server,
        ProcessPoolExecutor(1, mp_context=spawn) as run,
    ):
        found, kept, told = run.submit(lose, server, tmp_path / "spill").result(timeout=START_SECONDS)
    assert (found, kept) == ([{"n": 0, "word": None}], 1)
    assert told.startswith("Spark failed with SparkConnectGrpcException.")
    assert not list((tmp_path / "spill").iterdir())


def test_a_server_that_does_not_answer_is_told_at_once_and_without_the_token() -> None:
    class Resource:
        spark_config = spark_config("sc://127.0.0.1:1/;token=secret")

    with pytest.raises(EngineError, match=r"No Spark Connect server answers at sc://127\.0\.0\.1:1:") as error:
        started(Resource())  # type: ignore[arg-type]
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("master", "place"), [("sc://host", ("host", 15002)), ("sc://host:77/;use_ssl=true", ("host", 77))]
)
def test_the_address_of_a_server(master: str, place: tuple[str, int]) -> None:
    assert address(master) == place


def test_without_the_client_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc_status", None)
    with pytest.raises(EngineError, match=r"pip install 'snds_omop_assets\[connect\]'"):
        require_server("sc://127.0.0.1:1")
