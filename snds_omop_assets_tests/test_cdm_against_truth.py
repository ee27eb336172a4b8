"""The conversion of synthetic deliveries with every trap, against the truth that they were made from."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.run import run
from snds_omop_assets.settings import Settings
from snds_omop_assets_tests import truth_of_cdm as judge
from snds_omop_assets_tests.conftest import SYNTHETIC_PERSONS, SYNTHETIC_YEARS
from snds_omop_assets_tests.truth_of_cdm import Connection, judged

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def converted(synthetic_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of a synthetic delivery, converted as a user does, without a vocabulary."""
    settings = Settings(
        delivery=synthetic_folder / "delivery", warehouse=tmp_path_factory.mktemp("converted"), small_cell=1
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        summary = run(settings)
    assert summary.success, summary.failures
    return settings.warehouse


@pytest.fixture(scope="module")
def connection(converted: Path, synthetic_folder: Path) -> Iterator[Connection]:
    with judged(converted, synthetic_folder) as opened:
        yield opened


@pytest.mark.parametrize("name", judge.CHECKS)
def test_the_cdm_is_what_the_truth_says_and_nothing_else(name: str, connection: Connection) -> None:
    found = judge.CHECKS[name](connection)
    assert not found, found


def test_there_is_something_to_judge(connection: Connection) -> None:
    for table, least in (("told_visit", 50), ("found_visit", 50), ("told_event", 40), ("found_event", 40)):
        found = connection.sql(f"SELECT count(*) >= {least * SYNTHETIC_PERSONS} FROM {table}").fetchall()
        assert found == [(True,)], table
    # Nine kinds have a concept of their own; telehealth begins in September 2018 and is rare then.
    assert connection.sql("SELECT count(DISTINCT concept) FROM told_visit").fetchall()[0][0] >= 8
    lists = connection.sql("SELECT count(DISTINCT cdm) FROM told_event").fetchall()
    assert lists == [(5,)]


def test_every_source_row_is_in_its_bucket(converted: Path, synthetic_folder: Path) -> None:
    found = judge.ledger(converted, synthetic_folder)
    assert not found, found


def test_visits_stand_in_the_folder_of_their_year(converted: Path) -> None:
    """What is older than the first year of the delivery may stand with it."""
    place = converted / "omop" / "visit_occurrence.parquet"
    folders = {path.name: path for path in place.iterdir() if path.is_dir() and path.name.isdecimal()}
    first, last = SYNTHETIC_YEARS
    assert {str(year) for year in range(first, last + 1)} <= folders.keys()
    for name, folder in folders.items():
        days = pq.ParquetDataset(folder).read(columns=["visit_start_date"])["visit_start_date"]
        years = set(pc.unique(pc.year(days)).to_pylist())
        assert {max(year, int(min(folders))) for year in years} <= {int(name)}
