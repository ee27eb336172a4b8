"""Speed and memory of the conversion, against a plain hand-written DuckDB script: a part of `make bench`.

    python -m snds_omop_assets_tests.benchmarks_conversion                everything
    python -m snds_omop_assets_tests.benchmarks_conversion FOLDER         the same, keeping what is made in FOLDER

The reference is benchmarks/plain_duckdb.py, which makes the same core tables from the same files. Every piece of work
runs in a process of its own; CPU seconds are those of the process and its children, without the imports and the start
of Python, and for the script without DuckDB's import.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import duckdb

from snds_omop_assets.settings import Settings
from snds_omop_assets_tests.measuring import HEADING, Work, kept_or_not, line, measured, start_of_spark

if TYPE_CHECKING:
    from dagster_pyspark import LazyPySparkResource

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "plain_duckdb.py"
YEARS = {100_000: (2018, 2019), 1_000_000: (2019, 2019)}
RUNS = {100_000: 3, 1_000_000: 1}
MEMORY = "4GB"
"""Of which the engine gets three: the rest is Python, Arrow and what a step writes."""

CORE = ("visit_occurrence", "condition_occurrence", "procedure_occurrence", "drug_exposure", "device_exposure",
        "measurement", "observation_period")  # fmt: skip
"""The tables that both make, beside location, person and care_site."""


def settings_of(folder: Path, memory: str | None = None) -> Settings:
    """The deployment of a folder."""
    return Settings(delivery=folder / "made" / "delivery", warehouse=folder / "warehouse", memory=memory)


def made(folder: Path, persons: int, form: str) -> None:
    """A synthetic delivery with every trap, received, with the answers for its codes."""
    from snds_omop_assets.run import run
    from snds_omop_assets.synthetic.generate import generate
    from snds_omop_assets.synthetic.scenario import read_scenario, with_told

    if (folder / "warehouse" / "vocabulary" / "code_map.parquet").exists():
        return
    first, last = YEARS[persons]
    scenario = with_told(read_scenario("hundred-thousand"), {"persons": persons, "years": f"{first}-{last}"})
    if not (folder / "made").exists():
        generate(scenario, folder / "made", "csv" if form == "csv" else "parquet")
    summary = run(settings_of(folder), job="preparation")
    assert summary.success, summary.failures


def script_from_parquet(folder: Path) -> None:
    """The script, from the typed store."""
    _script(folder, "parquet", folder / "warehouse")


def script_from_csv(folder: Path) -> None:
    """The script, from the delivered files."""
    _script(folder, "csv", folder / "made" / "delivery")


def script_in_little_memory(folder: Path) -> None:
    """The script, told to take no more than MEMORY."""
    _script(folder, "parquet", folder / "warehouse", "--memory", MEMORY)


def conversion(folder: Path) -> None:
    """The tables that both make, from the typed store; the ledger is counted on the way."""
    convert(settings_of(folder))


def conversion_in_little_memory(folder: Path) -> None:
    """The same within MEMORY."""
    convert(settings_of(folder, "3GB"))


def whole_conversion(folder: Path) -> None:
    """Every table of the CDM, PROVIDER aside, from the typed store."""
    from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
    from snds_omop_assets.omop.over_years import OVER_YEARS_TABLES

    convert(settings_of(folder), (*CARE_YEAR_TABLES, *OVER_YEARS_TABLES))


def whole_run(folder: Path) -> None:
    """`snds-omop run` into an empty warehouse: reception, validation, conversion, ledger, checks, reports."""
    from snds_omop_assets.run import run

    shutil.rmtree(folder / "whole", ignore_errors=True)
    summary = run(replace(settings_of(folder), warehouse=folder / "whole"))
    assert summary.success, summary.failures


def convert(settings: Settings, tables: tuple[str, ...] = CORE, spark: "LazyPySparkResource | None" = None) -> None:
    """From the typed store to location, person, care_site and these tables, with the engine of the settings."""
    from snds_omop_assets.engines.opening import open_session
    from snds_omop_assets.io_managers.parts import PartsTable
    from snds_omop_assets.io_managers.stored import ParquetTable, write_csv, write_parquet, write_sqlite
    from snds_omop_assets.omop import conversion as by_year
    from snds_omop_assets.omop import conversion_over_years
    from snds_omop_assets.omop.care_site import care_site_table
    from snds_omop_assets.omop.location import location_table
    from snds_omop_assets.omop.person import person_table
    from snds_omop_assets.preparation.persons_and_places import find_persons, find_sites
    from snds_omop_assets.preparation.prepared_years import KINDS, Prepared, stored_years
    from snds_omop_assets.reception.store import Store

    root, opening = settings.warehouse, open_session(settings, spark)
    for name in ("prepared", "omop"):
        shutil.rmtree(root / name, ignore_errors=True)
    store = Store(root)
    for kind in KINDS:
        for year in stored_years(store, kind):
            Prepared(root, kind).prepare(opening, store, year)
    find_persons(settings, opening)
    find_sites(settings, opening)
    beneficiaries = PartsTable(root / "prepared" / "beneficiaries.parquet")
    establishments = PartsTable(root / "prepared" / "establishments.parquet")
    maps = ParquetTable(root / "vocabulary" / "source_to_concept_map.parquet")
    write_parquet(location_table(beneficiaries, establishments, settings), root / "omop" / "location.parquet")
    write_csv(person_table(beneficiaries, maps, settings), root / "omop" / "person.csv")
    sites = care_site_table(establishments, maps, settings.id_key)
    write_sqlite(sites, root / "omop" / "care_site.sqlite", "care_site", "care_site_id")
    with _only(by_year, "make_care_year", tables), _only(conversion_over_years, "make_over_years", tables):
        converted = by_year.Conversion(settings, opening)
        for care_year in converted.care_years():
            converted.make(care_year)
        converted.make_referentials()
        conversion_over_years.convert_over_years(settings, opening)


def _only(module: object, name: str, tables: tuple[str, ...]) -> "mock._patch[object]":
    """Let a function write these tables and no others."""
    make: Callable[..., None] = getattr(module, name)

    def some(session: object, write: Callable[[str, str], None]) -> None:
        make(session, lambda table, sql: write(table, sql) if table in tables else None)

    return mock.patch.object(module, name, some)


def _script(folder: Path, form: str, source: Path, *more: str) -> None:
    code_map = folder / "warehouse" / "vocabulary" / "code_map.parquet"
    words = [sys.executable, str(SCRIPT), "--from", form, str(source), "--code-map", str(code_map)]
    shutil.rmtree(folder / "plain", ignore_errors=True)
    subprocess.run([*words, "--out", str(folder / "plain"), *more], check=True, stdout=subprocess.DEVNULL)


def start_of_script(folder: Path) -> None:
    """Start of the script's process, to be taken off."""
    subprocess.run([sys.executable, "-c", "import duckdb; duckdb.connect()"], check=True)


def rows_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Rows and a sum of hashes of each core table: the same rows in any order give the same."""
    found: dict[str, tuple[int, int]] = {}
    for table in CORE:
        files = [str(file) for file in (folder / "warehouse" / "omop" / f"{table}.parquet").rglob("*.parquet")]
        sql = f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM read_parquet({files}) AS t"
        ((rows, digest),) = duckdb.sql(sql).fetchall()
        found[table] = (rows, int(digest))
    return found


def compared(folder: Path, persons: int, pairs: list[tuple[Work, Work]]) -> dict[Work, float]:
    """Measure pairs of reference and work; gives CPU seconds by work."""
    seconds: dict[Work, float] = {}
    script, spark = (measured(start, folder).cpu for start in (start_of_script, start_of_spark))
    for reference, work in pairs:
        for one in (reference, work):
            found, is_script = measured(one, folder, RUNS[persons]), one.__name__.startswith("script")
            seconds[one] = found.cpu - found.starts_of_spark * spark - (script if is_script else 0.0)
            peak = found.peak_of_children if is_script else found.peak
            ratio = seconds[one] / seconds[reference]
            print(line(persons, one.__name__, seconds[one], ratio, found.wall, peak), flush=True)
    return seconds


def main(kept: Path | None) -> None:
    """Measure the conversion and print a table."""
    print(HEADING)
    growth: list[float] = []
    for persons in YEARS:
        with kept_or_not(kept, persons) as folder:
            small = persons == min(YEARS)
            made(folder, persons, "csv" if small else "parquet")
            pairs: list[tuple[Work, Work]] = [(script_from_parquet, conversion)]
            if small:
                pairs += [(script_from_parquet, whole_conversion), (script_from_csv, whole_run)]
            growth.append(compared(folder, persons, pairs)[conversion])
            if not small:
                before = rows_of(folder)
                compared(folder, persons, [(script_in_little_memory, conversion_in_little_memory)])
                print(f"{persons:>9} {'persons':<8} same rows within {MEMORY}: {rows_of(folder) == before}")
    print(f"growth of the conversion per person and year: {growth[1] / growth[0] * 2 / 10:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) == 2 else None)
