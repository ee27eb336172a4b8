"""What Dagster remembers of a warehouse: the newest of each asset, year and check; failures until they are repaired."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from snds_omop_assets.run_report.dagster_events import summary_of_instance
from snds_omop_assets.run_report.summary import RunSummary

KEY = dg.AssetKey(["omop", "visit_occurrence"])
CHECK = dg.AssetCheckKey(KEY, "structure")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance that leaves nothing behind."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def asset(rows: int, warehouse: Path, fails: str = "", years: tuple[str, ...] = ()) -> dg.AssetsDefinition:
    """A table of so many rows in a warehouse; or a step that fails with a sentence."""

    @dg.asset(key=KEY, partitions_def=dg.StaticPartitionsDefinition([*years]) if years else None)
    def visits() -> dg.MaterializeResult[None]:
        if fails == "unexpected":
            raise ValueError("DPXX:SECRET")
        if fails:
            raise dg.Failure(fails)
        path = dg.MetadataValue.path(str(warehouse / "omop" / "visit_occurrence.parquet"))
        name = "dagster/partition_row_count" if years else "dagster/row_count"
        return dg.MaterializeResult(metadata={name: rows, "path": path})

    return visits


def check(passed: bool, years: str = "") -> dg.AssetChecksDefinition:
    """A check that blocks."""

    @dg.asset_check(asset=KEY, name="structure", blocking=True)
    def structure() -> dg.AssetCheckResult:
        said = f"{years}: Failed: one row." if years else "one row"
        more = {"years": years} if years else {}
        return dg.AssetCheckResult(passed=passed, description=said, metadata={"violated rows": 1, **more})

    return structure


def made(instance: dg.DagsterInstance, *assets: object, year: str | None = None) -> None:
    dg.materialize([*assets], instance=instance, raise_on_error=False, partition_key=year)  # type: ignore[list-item]


def remembered(instance: dg.DagsterInstance, warehouse: Path) -> RunSummary:
    return summary_of_instance(instance, [KEY], [CHECK], warehouse)[0]


def test_the_newest_materialization_of_each_year_counts(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    years = ("2018", "2019")
    for rows, year in ((1, "2018"), (2, "2019"), (3, "2018")):
        made(instance, asset(rows, tmp_path, years=years), year=year)
    found = remembered(instance, tmp_path)
    assert sorted((one.year, one.rows) for one in found.assets) == [("2018", 3), ("2019", 2)]
    assert {one.step for one in found.assets} == set(found.steps) == {"omop/visit_occurrence"}
    assert found.success


def test_the_newest_evaluation_of_a_check_counts(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    made(instance, asset(1, tmp_path), check(False))
    found = remembered(instance, tmp_path)
    [one] = found.checks
    assert (one.failed, one.blocking, one.description, one.figures) == (True, True, "one row", {"violated rows": 1})
    assert not found.success
    assert found.failures == [], "a step that fails because of its check is told with the checks"
    made(instance, asset(1, tmp_path), check(True))
    found = remembered(instance, tmp_path)
    assert [one.passed for one in found.checks] == [True]
    assert found.success


def test_the_years_that_a_check_judged_are_told_once(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    made(instance, asset(1, tmp_path), check(False, "2016-2018"))
    [one] = remembered(instance, tmp_path).checks
    assert (one.year, one.description) == ("2016-2018", "Failed: one row.")


def test_a_failure_is_told_until_its_step_goes_well(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    made(instance, asset(5, tmp_path))
    made(instance, asset(0, tmp_path, fails="IR_BEN_R.csv is empty."))
    found = remembered(instance, tmp_path)
    assert found.failures == ["IR_BEN_R.csv is empty."]
    assert found.failed_assets == {"omop/visit_occurrence": "IR_BEN_R.csv is empty."}
    assert [one.rows for one in found.assets] == [5], "what there was before is still there"
    assert not found.success
    made(instance, asset(6, tmp_path))
    found = remembered(instance, tmp_path)
    assert (found.failures, found.success, [one.rows for one in found.assets]) == ([], True, [6])


def test_an_error_that_nobody_expected_is_marked_as_such(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    made(instance, asset(0, tmp_path, fails="unexpected"))
    assert remembered(instance, tmp_path).unexpected == {"omop/visit_occurrence": "ValueError"}


def test_an_asset_of_another_warehouse_does_not_count_nor_its_checks(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    made(instance, asset(5, tmp_path / "one"), check(True))
    found, at = summary_of_instance(instance, [KEY], [CHECK], tmp_path / "another")
    assert (found.assets, found.checks, at) == ([], [], None)
    found, at = summary_of_instance(instance, [KEY], [CHECK], tmp_path / "one")
    assert (len(found.assets), len(found.checks), at is not None) == (1, 1, True)


def test_an_instance_without_a_run_remembers_nothing(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    found, at = summary_of_instance(instance, [KEY], [CHECK], tmp_path)
    assert (found.assets, found.checks, found.failures, at) == ([], [], [], None)
