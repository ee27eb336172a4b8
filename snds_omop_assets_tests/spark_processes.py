"""Spark for tests, as Java processes of their own, from the installed pyspark: a cluster, a Connect server."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark

HOST = "127.0.0.1"
SPARK_HOME = Path(pyspark.__file__).parent
MASTER, WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
SUBMIT, CONNECT = "org.apache.spark.deploy.SparkSubmit", "org.apache.spark.sql.connect.service.SparkConnectServer"
START_SECONDS = 120
MEMORY = "1g"


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Attributes:
        url: its master, as SNDS_SPARK_MASTER.
        page: address of the master's page.
        workers: ids of the workers' processes.
        folder: where the workers have the folders and logs of their executors.
    """

    url: str
    page: str
    workers: tuple[int, ...]
    folder: Path

    def state(self) -> dict[str, Any]:
        """What the master knows: `workers` with `state`, `coresused`; `activeapps`."""
        with urllib.request.urlopen(f"{self.page}/json/", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def tasks_done(self) -> list[int]:
        """How many tasks the executors of each worker have done, by their logs."""
        return [
            sum(log.read_text(errors="replace").count("Finished task") for log in home.glob("app-*/*/stderr"))
            for home in sorted(self.folder.glob("worker-*"))
        ]

    def executors(self, worker: int) -> list[int]:
        """Ids of the processes of the executors of a worker."""
        found = subprocess.run(["pgrep", "-P", str(worker)], capture_output=True, text=True, check=False)
        return [int(line) for line in found.stdout.split()]


@contextmanager
def spark_cluster(folder: Path, workers: int = 2, memory: str = MEMORY) -> Iterator[Cluster]:
    """Start a cluster on the loopback address whose workers have one core each; end it surely.

    Args:
        folder: where the workers put the folders and logs of their executors; their own logs too.
        workers: how many.
        memory: what each worker has for executors.
    """
    port, page = _free_port(), _free_port()
    url = f"spark://{HOST}:{port}"
    with ExitStack() as processes:
        place = ["--host", HOST, "--port", str(port), "--webui-port", str(page)]
        processes.enter_context(_daemon(folder / "master", MASTER, *place))
        running = []
        for number in range(workers):
            home = folder / f"worker-{number}"
            place = ["--host", HOST, "--cores", "1", "--memory", memory, "--webui-port", "0", "--work-dir", str(home)]
            running.append(processes.enter_context(_daemon(home, WORKER, *place, url)))
        cluster = Cluster(url, f"http://{HOST}:{page}", tuple(running), folder)
        _wait_for(cluster, workers)
        yield cluster


@dataclass(frozen=True)
class ConnectServer:
    """A running Spark Connect server.

    Attributes:
        url: its address, as SNDS_SPARK_MASTER.
        process: id of its process.
        log: what it logs.
    """

    url: str
    process: int
    log: Path


@contextmanager
def connect_server(folder: Path, config: Mapping[str, str], java: str, memory: str = MEMORY) -> Iterator[ConnectServer]:
    """Start a Spark Connect server with two threads on the loopback address; end it surely.

    Args:
        folder: where it puts what does not fit into memory, and its log.
        config: more of its Spark configuration.
        java: its Java's options.
        memory: its heap.
    """
    port = _free_port()
    binding = {"spark.connect.grpc.binding.address": HOST, "spark.connect.grpc.binding.port": str(port)}
    settings = {"spark.ui.enabled": "false", **binding, **config}
    options = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    words = ["--class", CONNECT, "--master", "local[2]", *options, "spark-internal"]
    environment = {"SPARK_DAEMON_MEMORY": memory, "SPARK_DAEMON_JAVA_OPTS": java}
    with _daemon(folder, SUBMIT, *words, **environment) as process:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                with socket.create_connection((HOST, port), 1):
                    break
            except OSError:
                assert time.monotonic() < end, "the server does not answer"
                time.sleep(0.2)
        yield ConnectServer(f"sc://{HOST}:{port}", process, folder / "log.txt")


def _wait_for(cluster: Cluster, workers: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            if sum(worker["state"] == "ALIVE" for worker in cluster.state()["workers"]) == workers:
                return
        except OSError:
            pass  # the master is not there yet
        time.sleep(0.2)
    raise TimeoutError(f"The {workers} workers did not join the master within {START_SECONDS} seconds.")


@contextmanager
def _daemon(folder: Path, name: str, *arguments: str, **environment: str) -> Iterator[int]:
    """A process of Spark in a process group of its own, with whatever it starts."""
    folder.mkdir(parents=True)
    environment = {
        "SPARK_DAEMON_MEMORY": "256m",
        **environment,
        **{key: value for key, value in os.environ.items() if not key.startswith("SPARK_")},
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder),
    }
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [str(SPARK_HOME / "bin" / "spark-class"), name, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # a worker's executors are in its group
        process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])
