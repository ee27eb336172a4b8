"""A conversion that is killed: whatever it left, the next run makes the tables that an undisturbed one makes."""

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from snds_omop_assets.engines.opening import open_session
from snds_omop_assets.io_managers import folders
from snds_omop_assets.io_managers.folders import replace_folder
from snds_omop_assets.io_managers.parts import PartsTable
from snds_omop_assets.omop.conversion import Conversion
from snds_omop_assets.run import RunSummary
from snds_omop_assets.settings import DEMONSTRATION_DELIVERY, Settings
from snds_omop_assets_tests.conftest import OMOP_FILES, RELEASED
from snds_omop_assets_tests.test_faults import Nursery, hidden

pytestmark = [pytest.mark.process, pytest.mark.spark]

KILLS = 3
MOMENTS = random.Random(20130304)
OTHER_YEAR = "2012"
"""A year of care that only the other delivery tells."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    day = RELEASED.isoformat()
    made = Nursery(SNDS_SOURCE_RELEASE_DATE=day, SNDS_CDM_RELEASE_DATE=day)
    yield made
    made.close()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another delivery of the demonstration: a doctor was seen in the year before, two persons did not come."""
    folder = tmp_path_factory.mktemp("other") / "delivery"
    shutil.copytree(DEMONSTRATION_DELIVERY, folder)
    header, first, *lines = (folder / "ER_PRS_F_2013.csv").read_text(encoding="utf-8").splitlines()
    earlier = first.replace("04/03/2013", f"04/12/{OTHER_YEAR}")
    assert earlier != first
    kept = [line for line in lines if not any(f"DPXX:{number:019d}X" in line for number in (15, 21))]
    (folder / "ER_PRS_F_2013.csv").write_text("\n".join([header, earlier, *kept]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def converted(nursery: Nursery, other: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The warehouse of the other delivery, and the seconds that it took."""
    warehouse, started = tmp_path_factory.mktemp("converted") / "warehouse", time.monotonic()
    code, said = nursery.run(words=run_words(other, warehouse))
    assert code == 0, said
    return warehouse, time.monotonic() - started


def run_words(delivery: Path, warehouse: Path) -> list[str]:
    """The words of `snds-omop` that convert a delivery."""
    return ["run", "--delivery", str(delivery), "--warehouse", str(warehouse)]


def tables(warehouse: Path) -> Mapping[str, object]:
    """All rows of all tables that the conversion makes, by the name of the file."""
    omop = warehouse / "omop"
    found: dict[str, object] = {}
    for name in sorted(OMOP_FILES):
        if name.endswith(".parquet"):
            files = PartsTable(omop / name).files if (omop / name).is_dir() else [omop / name]
            found[name] = sorted((row for file in files for row in pq.read_table(file).to_pylist()), key=repr)
    found["person.csv"] = (omop / "person.csv").read_text(encoding="utf-8")
    with sqlite3.connect(omop / "care_site.sqlite") as sites:
        found["care_site.sqlite"] = sites.execute("SELECT * FROM care_site ORDER BY care_site_id").fetchall()
    found["ledger"] = pq.read_table(warehouse / "quality" / "ledger.parquet").to_pylist()
    return found


def assert_same(warehouse: Path, undisturbed: Path) -> None:
    """The same rows in every table, and nothing left aside."""
    found, expected = tables(warehouse), tables(undisturbed)
    assert [name for name in expected if found[name] != expected[name]] == []
    assert [path for path in hidden(warehouse) if path.name != ".spill"] == []


def test_a_conversion_killed_at_random_moments_is_made_good_by_the_next(
    nursery: Nursery, converted: tuple[Path, float], demonstration: tuple[Settings, RunSummary], tmp_path: Path
) -> None:
    """One run after the other is killed, in a warehouse where a delivery takes the place of another."""
    before, duration = converted
    undisturbed, words = demonstration[0].warehouse, run_words(DEMONSTRATION_DELIVERY, tmp_path / "warehouse")
    assert (before / "omop" / "visit_occurrence.parquet" / OTHER_YEAR).exists()
    assert tables(before) != tables(undisturbed)
    shutil.copytree(before, tmp_path / "warehouse")
    for number in range(KILLS):
        process = nursery.start(words=words)
        time.sleep(duration * (number + MOMENTS.random()) / KILLS / 2)
        os.kill(process, signal.SIGKILL)
        nursery.end()
    code, said = nursery.run(words=words)
    assert code == 0, said
    assert_same(tmp_path / "warehouse", undisturbed)
    assert not (tmp_path / "warehouse" / "omop" / "visit_occurrence.parquet" / OTHER_YEAR).exists()


def test_a_year_that_broke_off_between_two_of_its_tables_is_made_again_even_as_it_was(
    demonstration: tuple[Settings, RunSummary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some tables have the ids of another key, others not yet: what the year was made of before no longer holds."""
    undisturbed = demonstration[0].warehouse
    shutil.copytree(undisturbed, tmp_path / "warehouse")
    settings = replace(demonstration[0], warehouse=tmp_path / "warehouse")
    replaced: list[Path] = []

    def break_off(new: Path, folder: Path) -> None:
        if len(replaced) == 2:
            raise KeyboardInterrupt
        replaced.append(folder)
        replace_folder(new, folder)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(folders, "replace_folder", break_off)
        other_key = replace(settings, id_key="another key")
        Conversion(other_key, open_session(other_key)).make(2013)
    assert tables(settings.warehouse) != tables(undisturbed)
    conversion = Conversion(settings, open_session(settings))
    assert conversion.pending() == [2013]
    assert conversion.make(2013).done
    assert_same(settings.warehouse, undisturbed)
