"""The conversion on Spark beside DuckDB's: here, on a cluster, on a Connect server; a part of `make bench`.

    python -m snds_omop_assets_tests.benchmarks_spark                      2 000 persons, two years
    python -m snds_omop_assets_tests.benchmarks_spark FOLDER --persons 500

Everything from the typed store to every table of the CDM but PROVIDER, by the same SQL. The cluster is a master and two
workers of one core each, the server has two threads, all are processes of this machine: what works there is nobody's
child, so that only the seconds on the clock are told of them.
"""

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from snds_omop_assets.engines.spark_engine import LOCAL_PARTITIONS, spark_memory
from snds_omop_assets.settings import SPARK, Settings
from snds_omop_assets_tests.benchmarks_conversion import convert, settings_of
from snds_omop_assets_tests.benchmarks_growth import DAY, differences
from snds_omop_assets_tests.measuring import HEADING, Measured, asked, kept_or_not, line, measured

PERSONS, YEARS = 2_000, (2018, 2019)
MEMORY = "1500MB"
"""Heap of the driver, of each executor, of the server."""
PARTITIONS = {"spark.sql.shuffle.partitions": str(LOCAL_PARTITIONS)}
"""What the project tells a Spark of this machine; a server has its own configuration."""


def made(folder: Path, persons: int) -> None:
    """A synthetic delivery with every trap, received, with the answers for its codes."""
    from snds_omop_assets.run import run
    from snds_omop_assets.synthetic.generate import generate
    from snds_omop_assets.synthetic.scenario import Scenario

    if (folder / "done").exists():
        return
    generate(Scenario(persons=persons, years=YEARS), folder / "made", "parquet")
    summary = run(settings_of(folder), job="preparation")
    assert summary.success, summary.failures
    (folder / "done").touch()


def on_duckdb(folder: Path) -> None:
    """DuckDB."""
    _convert(_settings(folder, "duckdb", engine="duckdb"))


def on_spark_here(folder: Path) -> None:
    """Spark with two threads of this process."""
    _convert(_settings(folder, "here", engine=SPARK, spark_master="local[2]", memory=MEMORY))


def on_a_cluster(folder: Path) -> None:
    """Spark on a master and two workers, which are started and ended."""
    from snds_omop_assets_tests.spark_processes import spark_cluster

    with tempfile.TemporaryDirectory() as place, spark_cluster(Path(place) / "cluster", memory="2g") as cluster:
        _convert(_settings(folder, "cluster", engine=SPARK, spark_master=cluster.url, memory=MEMORY))


def on_a_connect_server(folder: Path) -> None:
    """Spark on a Connect server, which is started and ended."""
    from snds_omop_assets_tests.spark_processes import connect_server

    with ExitStack() as open_:
        place = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        server = open_.enter_context(connect_server(place / "server", PARTITIONS, "", spark_memory(MEMORY)))
        _convert(_settings(folder, "connect", engine=SPARK, spark_master=server.url))


def _settings(folder: Path, name: str, **told: str) -> Settings:
    """A warehouse of its own with the received tables and the answers."""
    kept, warehouse = settings_of(folder), folder / name
    shutil.rmtree(warehouse, ignore_errors=True)
    beside = shutil.ignore_patterns("prepared", "omop", "quality", "logs", "reception")
    shutil.copytree(kept.warehouse, warehouse, ignore=beside)
    return replace(kept, warehouse=warehouse, source_release_date=DAY, cdm_release_date=DAY, **told)


def _convert(settings: Settings) -> None:
    from dagster_pyspark import LazyPySparkResource

    from snds_omop_assets.engines.spark_engine import spark_config
    from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
    from snds_omop_assets.omop.over_years import OVER_YEARS_TABLES

    spark = LazyPySparkResource(spark_config=spark_config(settings.spark_master, settings.memory))
    convert(settings, (*CARE_YEAR_TABLES, *OVER_YEARS_TABLES), spark if settings.engine == SPARK else None)


def main(kept: Path | None, persons: int) -> None:
    """Measure, print a table, and tell whether the tables are the same."""
    print(HEADING)
    with kept_or_not(kept and kept / "spark", persons) as folder:
        made(folder, persons)
        found: dict[str, Measured] = {}
        for work in (on_duckdb, on_spark_here, on_a_cluster, on_a_connect_server):
            found[work.__name__] = one = measured(work, folder)
            ratio = one.cpu / found["on_duckdb"].cpu
            peak = max(one.peak, one.peak_of_children)
            print(line(persons, work.__name__.replace("_", " "), one.cpu, ratio, one.wall, peak), flush=True)
        for name in ("here", "cluster", "connect"):
            differ = [table for table in differences(folder / "duckdb", folder / name) if table != "metadata.parquet"]
            print(f"{persons:>9} {'persons':<8} same tables, {name}: {not differ} {', '.join(differ)}".rstrip())


if __name__ == "__main__":
    asked_for = asked(__doc__).parse_args()
    main(asked_for.folder, asked_for.persons or PERSONS)
