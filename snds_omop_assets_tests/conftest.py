"""Fixtures: a warehouse in a temporary folder, tables made of in-line rows, one run of the demonstration."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.io_managers.stored import ParquetTable, write_parquet
from snds_omop_assets.run import RunSummary, run
from snds_omop_assets.settings import DEMONSTRATION_DELIVERY, Settings
from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.scenario import Scenario
from snds_omop_assets.tables import Frames, frame_of
from snds_omop_assets.vocabulary.base import source_to_concept_map
from snds_omop_assets.vocabulary.loaded import LoadedVocabulary
from snds_omop_assets.vocabulary.maps import project_maps
from snds_omop_assets.vocabulary.own import own_vocabulary

KEY = "a key of the tests"

RELEASED = date(2020, 1, 1)
"""Day of release of bases that are compared: they are the same, whatever day it is."""

OMOP_FILES = {
    "care_site.sqlite", "person.csv",
    *("cdm_source.parquet", "condition_era.parquet", "condition_occurrence.parquet", "cost.parquet", "death.parquet"),
    *("device_exposure.parquet", "dose_era.parquet", "drug_era.parquet", "drug_exposure.parquet"),
    *("fact_relationship.parquet", "location.parquet", "measurement.parquet", "metadata.parquet"),
    *("observation.parquet", "observation_period.parquet", "payer_plan_period.parquet"),
    *("procedure_occurrence.parquet", "provider.parquet", "specimen.parquet", "visit_detail.parquet"),
    "visit_occurrence.parquet",
}  # fmt: skip
"""What a conversion writes into $SNDS_WAREHOUSE/omop: these names are an interface."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A deployment with an empty delivery folder."""
    (tmp_path / "delivery").mkdir()
    return Settings(delivery=tmp_path / "delivery", warehouse=tmp_path / "warehouse", id_key=KEY)


SYNTHETIC_PERSONS, SYNTHETIC_YEARS = 2_500, (2016, 2018)


@pytest.fixture(scope="session", params=(1, 2, 3), ids="seed {}".format)
def synthetic_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic delivery with every trap, over the years in which hospital groups stop to send twice; its truth."""
    folder = tmp_path_factory.mktemp("synthetic") / "made"
    generate(Scenario(persons=SYNTHETIC_PERSONS, years=SYNTHETIC_YEARS, seed=request.param), folder, "parquet")
    return folder


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[str, pa.Schema, Sequence[dict]], ParquetTable]:
    """Makes a Parquet table of a few in-line rows; columns that a row does not name are NULL."""

    def make(name: str, schema: pa.Schema, rows: Sequence[dict]) -> ParquetTable:
        path = tmp_path / f"{name}.parquet"
        table = pa.Table.from_pylist([{column: row.get(column) for column in schema.names} for row in rows], schema)
        write_parquet(Frames(schema, iter([frame_of(table)])), path)
        return ParquetTable(path)

    return make


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> LoadedVocabulary:
    """The vocabulary without a download."""
    return own_vocabulary(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="session")
def maps(own: LoadedVocabulary, tmp_path_factory: pytest.TempPathFactory) -> ParquetTable:
    """SOURCE_TO_CONCEPT_MAP of the project's maps."""
    path = tmp_path_factory.mktemp("maps") / "source_to_concept_map.parquet"
    pq.write_table(source_to_concept_map(project_maps(), own), path)
    return ParquetTable(path)


def rows_of(frames: Frames) -> list[dict]:
    """All rows of a table in motion, NULL as None."""
    tables = [pa.Table.from_batches([batch]) for batch in frames.batches()]
    return pa.concat_tables([frames.schema.empty_table(), *tables]).to_pylist()


def only(rows: list[dict], **where: object) -> dict:
    """The one row that has these values."""
    found = [row for row in rows if all(row[name] == value for name, value in where.items())]
    assert len(found) == 1, f"{len(found)} rows have {where}"
    return found[0]


def csv_rows(path: Path) -> list[dict]:
    """The rows of a CSV file as text, NULL as None."""
    return pd.read_csv(path, dtype="string[pyarrow]").astype(object).where(lambda f: f.notna(), None).to_dict("records")


@pytest.fixture
def delivery(settings: Settings) -> Path:
    """A copy of the demonstration delivery that a test may spoil."""
    shutil.copytree(DEMONSTRATION_DELIVERY, settings.delivery, dirs_exist_ok=True)
    return settings.delivery


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, RunSummary]]:
    """The demonstration, run once for all tests."""
    warehouse = tmp_path_factory.mktemp("warehouse")
    settings = Settings(
        DEMONSTRATION_DELIVERY, warehouse, small_cell=1, source_release_date=RELEASED, cdm_release_date=RELEASED
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        yield settings, run(settings)


@pytest.fixture(scope="session")
def spark() -> Iterator[object]:
    """A Spark session with the settings of the project; its Java is that of little work, as tests are."""
    from dagster_pyspark import LazyPySparkResource

    from snds_omop_assets.engines.spark_engine import LOCAL_SPARK_CONFIG, prepare_environment, spark_config

    prepare_environment()
    java = "spark.driver.extraJavaOptions"
    config = {**LOCAL_SPARK_CONFIG, java: spark_config(little=True)[java]}
    yield LazyPySparkResource(spark_config=config).spark_session
