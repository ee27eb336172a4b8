"""The conversion on Spark: inside this process, on a cluster, on a Connect server; each table is that of DuckDB."""

import multiprocessing
import shutil
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.definitions import build_defs
from snds_omop_assets.engines.opening import Opening, open_session, session_of
from snds_omop_assets.engines.spark_connect import is_connect
from snds_omop_assets.engines.spark_engine import LITTLE_WORK
from snds_omop_assets.io_managers.parts import PartsTable
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
from snds_omop_assets.omop.conversion import Conversion
from snds_omop_assets.omop.conversion_over_years import convert_over_years
from snds_omop_assets.omop.over_years import OVER_YEARS_TABLES
from snds_omop_assets.preparation.persons_and_places import COUNTED, find_persons, find_sites
from snds_omop_assets.preparation.prepared_years import KINDS, Prepared, stored_years
from snds_omop_assets.reception.store import Store
from snds_omop_assets.run import run
from snds_omop_assets.settings import SPARK, Settings
from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.scenario import Scenario
from snds_omop_assets_tests.conftest import KEY, RELEASED
from snds_omop_assets_tests.engine_against_engine import same_rows
from snds_omop_assets_tests.spark_processes import START_SECONDS, connect_server, spark_cluster

pytestmark = pytest.mark.spark

PERSONS, YEAR, SEED = 150, 2018, 3
WAREHOUSE, WITHOUT_CDM, RECEIVED = "warehouse", "prepared", "received"
FOR_SMALL = {
    "spark.executor.extraJavaOptions": LITTLE_WORK,
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",  # to compile takes longer than to compute
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small base that DuckDB converted; beside its warehouse, copies that are only received, and only prepared."""
    folder = tmp_path_factory.mktemp("small")
    generate(Scenario(persons=PERSONS, years=(YEAR, YEAR), seed=SEED), folder / "made", "parquet")
    settings = Settings(
        folder / "made" / "delivery",
        folder / WAREHOUSE,
        id_key=KEY,
        without_vocabulary=True,
        source_release_date=RELEASED,
        cdm_release_date=RELEASED,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        assert run(settings, job="preparation").success
    shutil.copytree(settings.warehouse, folder / WITHOUT_CDM)
    shutil.copytree(settings.warehouse, folder / RECEIVED, ignore=shutil.ignore_patterns("prepared"))
    convert(settings, open_session(settings))
    return settings


def prepare(settings: Settings, opening: Opening) -> None:
    """What the job `preparation` does with the engine."""
    store = Store(settings.warehouse)
    for kind in KINDS:
        for year in stored_years(store, kind):
            assert Prepared(settings.warehouse, kind).prepare(opening, store, year)
    find_persons(settings, opening)
    find_sites(settings, opening)


def convert(settings: Settings, opening: Opening) -> None:
    """What the job `conversion` does with the engine."""
    conversion = Conversion(settings, opening)
    assert all(conversion.make(year).done for year in conversion.care_years())
    assert conversion.make_referentials().done
    convert_over_years(settings, opening)


def test_spark_prepares_and_converts_a_delivery_as_duckdb_does(made: Settings, spark: Any) -> None:
    settings = replace(made, warehouse=made.warehouse.parent / RECEIVED, engine=SPARK)
    opening = partial(session_of, SPARK, lambda: spark, settings.spill, KEY)
    prepare(settings, opening)
    convert(settings, opening)
    names = {*CARE_YEAR_TABLES, *OVER_YEARS_TABLES} - {"metadata"}
    persons = (
        "prepared/person_identities.parquet",
        "prepared/beneficiaries.parquet",
        "prepared/establishments.parquet",
    )
    ledger = tables(made.warehouse, "prepared/*/*/counts", f"prepared/{COUNTED}/*")
    found = see_same(made, settings, [*(f"omop/{name}.parquet" for name in sorted(names)), *persons, *ledger])
    assert found["omop/visit_occurrence.parquet"] > PERSONS
    assert tables(settings.warehouse, "prepared/*/*/*") == tables(made.warehouse, "prepared/*/*/*")
    assert SPARK in read(settings, "omop/metadata.parquet")["value_as_string"].to_pylist()


@pytest.mark.process
def test_a_cluster_converts_a_year_of_care_as_duckdb_does(made: Settings, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with spark_cluster(tmp_path / "cluster") as cluster, ProcessPoolExecutor(1, mp_context=spawn) as process:
        warehouse = made.warehouse.parent / WITHOUT_CDM
        settings = replace(made, warehouse=warehouse, engine=SPARK, spark_master=cluster.url, memory="600MB")
        assert process.submit(convert_year, settings).result(timeout=2 * START_SECONDS) > PERSONS
        assert all(tasks > 0 for tasks in cluster.tasks_done()), "both workers worked"
    assert not list(settings.spill.iterdir()), "no step is left"
    found = see_same(made, settings, tables(made.warehouse, f"prepared/care/{YEAR}/*", f"omop/*.parquet/{YEAR}"))
    assert found[f"omop/visit_occurrence.parquet/{YEAR}"] > PERSONS


@pytest.mark.process
def test_a_connect_server_converts_a_year_of_care_as_duckdb_does(made: Settings, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    warehouse = tmp_path / "warehouse"
    shutil.copytree(made.warehouse.parent / WITHOUT_CDM, warehouse)
    with (
        connect_server(tmp_path / "server", FOR_SMALL, LITTLE_WORK) as server,
        ProcessPoolExecutor(1, mp_context=spawn) as process,
    ):
        settings = replace(made, warehouse=warehouse, engine=SPARK, spark_master=server.url)
        assert process.submit(convert_year, settings).result(timeout=2 * START_SECONDS) > PERSONS
        assert process.submit(make_provider, settings).result(timeout=START_SECONDS)
        log = server.log.read_text(errors="replace")
    assert "Finished task" in log, "the server worked"
    assert KEY not in log and KEY.encode().hex() not in log.lower()
    assert not list(settings.spill.iterdir()), "no step is left"
    patterns = (f"prepared/care/{YEAR}/*", f"omop/*.parquet/{YEAR}", "omop/*.parquet/referentials")
    found = see_same(made, settings, tables(made.warehouse, *patterns))
    assert found["omop/condition_occurrence.parquet/referentials"]
    assert found[f"omop/visit_occurrence.parquet/{YEAR}"] > PERSONS
    providers = pq.read_table(warehouse / "omop" / "provider.parquet")["provider_id"].to_pylist()
    met = read(settings, f"omop/visit_occurrence.parquet/{YEAR}")["provider_id"].drop_null().unique().to_pylist()
    assert met and set(met) <= set(providers)


def make_provider(settings: Settings) -> bool:
    """PROVIDER, as Dagster makes it."""
    job = build_defs(settings).get_implicit_global_asset_job_def()
    return job.execute_in_process(asset_selection=[dg.AssetKey(["omop", "provider"])]).success


def convert_year(settings: Settings) -> int:
    """The visits of YEAR (on a server what has no year too), made in a process of its own: a process has one Spark."""
    from dagster_pyspark import LazyPySparkResource

    from snds_omop_assets.engines.spark_engine import spark_config
    from snds_omop_assets_tests.test_spark_cluster import wait_for_executors

    config = spark_config(settings.spark_master, settings.memory, little=True)
    remote = is_connect(settings.spark_master)
    spark = LazyPySparkResource(spark_config=config if remote else {**config, **FOR_SMALL})
    opening = open_session(settings, spark)
    if not remote:
        with opening():
            wait_for_executors(spark.spark_session, 2)
    conversion = Conversion(settings, opening)
    if remote:
        assert conversion.make_referentials().done
    return conversion.make(YEAR).rows["visit_occurrence"]


def tables(warehouse: Path, *patterns: str) -> list[str]:
    """Folders of tables of a warehouse."""
    found = (path for pattern in patterns for path in sorted(warehouse.glob(pattern)))
    return [path.relative_to(warehouse).as_posix() for path in found if path.is_dir()]


def see_same(duckdb: Settings, spark: Settings, names: Iterable[str]) -> dict[str, int]:
    """See that tables of two warehouses have the same rows; gives how many."""
    found: dict[str, int] = {}
    for name in names:
        ours, theirs = read(duckdb, name), read(spark, name)
        same_rows(ours, theirs, name)
        found[name] = ours.num_rows
    return found


def read(settings: Settings, name: str) -> pa.Table:
    """The rows of a folder of a warehouse."""
    files = PartsTable(settings.warehouse / name).files
    return pa.concat_tables([pq.ParquetFile(file).read().replace_schema_metadata() for file in files])
