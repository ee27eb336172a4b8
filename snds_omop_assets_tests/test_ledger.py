"""The ledger: every rule is documented, and one row too many or too few is found."""

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from snds_omop_assets.quality.ledger import ledger, ledger_rules
from snds_omop_assets.quality.ledger_assets import BUCKETS, judged, told
from snds_omop_assets.run import RunSummary
from snds_omop_assets.settings import Settings
from snds_omop_assets_tests.etl_page import BETWEEN, PAGE, table


@pytest.fixture
def copied(demonstration: tuple[Settings, RunSummary], tmp_path: Path) -> Settings:
    """A copy of the converted demonstration, to spoil."""
    settings, summary = demonstration
    assert summary.success, summary.failures
    shutil.copytree(settings.warehouse, tmp_path / "warehouse")
    return replace(settings, warehouse=tmp_path / "warehouse")


def test_the_page_of_the_conversion_has_every_rule() -> None:
    found = BETWEEN.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    assert found.group() == table()


def test_every_rule_has_a_bucket_that_stewards_see_and_a_sentence() -> None:
    for rule in ledger_rules().values():
        assert rule.bucket in BUCKETS, rule.rule
        assert rule.sentence, rule.rule
        assert rule.source, rule.rule


def test_the_ledger_of_the_demonstration_is_balanced_and_says_why(copied: Settings) -> None:
    found = ledger(copied)
    assert judged(found).passed
    assert found.pending == ()
    shown = told(found)
    assert shown["rows loaded"] > 0
    assert sum(shown[f"rows {bucket}"] for bucket in BUCKETS) == sum(found.table["row_count"].to_pylist())


@pytest.mark.parametrize("difference", [-1, 1])
def test_one_row_too_few_or_too_many_fails_and_is_named(copied: Settings, difference: int) -> None:
    file = next(path for path in (copied.warehouse / "prepared" / "care").rglob("counts/*.parquet") if rows_of(path))
    rows = rows_of(file)
    rows[0]["row_count"] += difference
    pq.write_table(pq.read_table(file).from_pylist(rows, pq.read_schema(file)), file)
    found = ledger(copied)
    assert [(d.source_table, d.counted - d.delivered) for d in found.differences] == [
        (rows[0]["source_table"], difference)
    ]
    result = judged(found)
    assert not result.passed
    assert rows[0]["source_table"] in (result.description or "")


def test_a_rule_that_nobody_documented_fails(copied: Settings) -> None:
    file = next(path for path in (copied.warehouse / "prepared" / "care").rglob("counts/*.parquet") if rows_of(path))
    rows = [{**row, "rule": "invented"} for row in rows_of(file)]
    pq.write_table(pq.read_table(file).from_pylist(rows, pq.read_schema(file)), file)
    found = ledger(copied)
    assert found.unknown == ("invented",)
    assert not judged(found).passed


def test_rows_of_a_year_of_care_that_was_not_converted_wait(copied: Settings) -> None:
    """The rows of the year are neither lost nor filtered."""
    care = copied.warehouse / "prepared" / "care"
    year = next(path for path in care.iterdir() if path.name.isdecimal())
    shutil.rmtree(year)
    found = ledger(copied)
    assert found.pending == (int(year.name),)
    assert judged(found).passed
    assert told(found)["rows waiting"] > 0


def rows_of(file: Path) -> list[dict[str, object]]:
    return pq.read_table(file).to_pylist()
