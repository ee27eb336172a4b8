"""Pieces of work, each in a process of its own, and what they take: for the benchmarks.

A piece of work is a function of a module, which takes a folder. CPU seconds are those of its process and of its
children (Spark's Java, a script), without the start of Python and the imports.
"""

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

Work = Callable[[Path], None]

HEADING = f"{'size':>9} {'':<8} {'work':<30} {'CPU s':>7} {'ratio':>6} {'wall s':>7} {'peak MB':>8}"


@dataclass(frozen=True)
class Measured:
    """What a piece of work took; medians, where it ran several times.

    Attributes:
        cpu: CPU seconds of the process and of its children.
        wall: seconds.
        peak: memory of the process, in MB.
        peak_of_children: memory of the largest of its children, in MB.
        starts_of_spark: 1 where it started Spark, else 0.
    """

    cpu: float
    wall: float
    peak: float
    peak_of_children: float
    starts_of_spark: float


def measured(work: Work, folder: Path, runs: int = 1) -> Measured:
    """Run a piece of work in a process of its own, several times; gives medians.

    Raises:
        SystemExit: the work failed; with what it said.
    """
    spec = sys.modules[work.__module__].__spec__
    assert spec is not None, "benchmarks are run with python -m"
    words = [sys.executable, "-m", __name__, spec.name, work.__name__, str(folder)]
    found: list[dict[str, float]] = []
    for _ in range(runs):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{work.__name__} failed:\n{done.stdout}{done.stderr}")
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return Measured(**{name: statistics.median(one[name] for one in found) for name in found[0]})


def line(persons: int, work: str, cpu: float, ratio: float, wall: float, peak: float) -> str:
    """A line of the table under HEADING."""
    return f"{persons:>9} {'persons':<8} {work:<30} {cpu:>7.1f} {ratio:>6.2f} {wall:>7.1f} {peak:>8.0f}"


def start_of_spark(folder: Path) -> None:
    """What PROVIDER's Spark costs before it does anything, to be taken off a run."""
    from dagster_pyspark import LazyPySparkResource

    from snds_omop_assets.engines.spark_engine import spark_config, started

    started(LazyPySparkResource(spark_config=spark_config(little=True))).range(10).count()


def asked(what: str | None) -> argparse.ArgumentParser:
    """The words of a benchmark: a folder, and how many persons."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="where what is made is kept (default: nowhere)")
    parser.add_argument("--persons", type=int, help="another size")
    return parser


@contextmanager
def kept_or_not(folder: Path | None, persons: int) -> Iterator[Path]:
    """A folder for this many persons: in the one that was asked for, else one that goes away."""
    if folder is None:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
    else:
        kept = (folder / str(persons)).absolute()
        kept.mkdir(parents=True, exist_ok=True)
        yield kept


def _cpu() -> float:
    used = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak(whose: int) -> float:
    return resource.getrusage(whose).ru_maxrss / 1024


def _end_spark() -> bool:
    """End Spark's Java, if there is one: only what a child took that has ended is counted."""
    if "pyspark" not in sys.modules:
        return False
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    if gateway is None:
        return False
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()
    return True


def _main(module: str, work: str, folder: str) -> None:
    """Do a piece of work in this process, and print what it took."""
    import snds_omop_assets.run  # noqa: F401

    function: Work = getattr(importlib.import_module(module), work)
    cpu, begun = _cpu(), time.monotonic()
    function(Path(folder))
    wall, spark = time.monotonic() - begun, _end_spark()
    peaks = _peak(resource.RUSAGE_SELF), _peak(resource.RUSAGE_CHILDREN)
    print(json.dumps(asdict(Measured(_cpu() - cpu, wall, *peaks, int(spark)))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
