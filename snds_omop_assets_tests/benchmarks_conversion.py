"""Speed and memory of the conversion, against a plain hand-written DuckDB script: a part of `make bench`.

    python -m snds_omop_assets_tests.benchmarks_conversion                everything
    python -m snds_omop_assets_tests.benchmarks_conversion FOLDER         the same, keeping what is made in FOLDER

The reference is benchmarks/plain_duckdb.py, which makes the same core tables from the same files. Every piece of work
runs in a process of its own; CPU seconds are those of the process and its children, without the imports and the start
of Python, and for the script without DuckDB's import.
"""

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import duckdb

from snds_omop_assets.settings import Settings

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
    _convert(settings_of(folder))


def conversion_in_little_memory(folder: Path) -> None:
    """The same within MEMORY."""
    _convert(settings_of(folder, "3GB"))


def whole_conversion(folder: Path) -> None:
    """Every table of the CDM, PROVIDER aside, from the typed store."""
    from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
    from snds_omop_assets.omop.over_years import OVER_YEARS_TABLES

    _convert(settings_of(folder), (*CARE_YEAR_TABLES, *OVER_YEARS_TABLES))


def whole_run(folder: Path) -> None:
    """`snds-omop run` into an empty warehouse: reception, validation, conversion, ledger, checks, reports."""
    from snds_omop_assets.run import run

    shutil.rmtree(folder / "whole", ignore_errors=True)
    summary = run(replace(settings_of(folder), warehouse=folder / "whole"))
    assert summary.success, summary.failures


def start_of_spark(folder: Path) -> None:
    """What PROVIDER's Spark costs before it does anything, to be taken off the whole run."""
    from dagster_pyspark import LazyPySparkResource

    from snds_omop_assets.engines.spark_engine import spark_config, started

    settings = settings_of(folder)
    started(LazyPySparkResource(spark_config=spark_config(settings.spark_master))).range(10).count()


def imports_only(folder: Path) -> None:
    """Nothing but the imports, to be taken off."""
    import snds_omop_assets.run  # noqa: F401


def _convert(settings: Settings, tables: tuple[str, ...] = CORE) -> None:
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

    root, opening = settings.warehouse, open_session(settings)
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


def measured(work: str, folder: Path) -> dict[str, float]:
    """Run one piece of work in a process of its own."""
    words = [sys.executable, "-m", __spec__.name, work, str(folder)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def compared(folder: Path, persons: int, pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Measure pairs of reference and work; gives CPU seconds by work."""
    seconds: dict[str, float] = {}
    starts = {name: measured(name, folder)["cpu"] for name in ("imports_only", "start_of_script")}
    spark = measured("start_of_spark", folder)["cpu"]
    for reference, work in pairs:
        base = 1.0
        for name in (reference, work):
            found = [measured(name, folder) for _ in range(RUNS[persons])]
            cpu = statistics.median(one["cpu"] for one in found)
            cpu -= starts["start_of_script"] if name.startswith("script") else starts["imports_only"]
            cpu -= spark if name == "whole_run" else 0.0
            base = cpu if name == reference else base
            seconds[name] = cpu
            wall, peak = (statistics.median(one[what] for one in found) for what in ("wall", "peak"))
            print(
                f"{persons:>9} {'persons':<8} {name:<28} {cpu:>7.1f} {cpu / base:>6.2f} {wall:>7.1f} {peak:>8.0f}",
                flush=True,
            )
    return seconds


def main(kept: Path | None) -> None:
    """Measure the conversion and print a table."""
    print(f"{'size':>9} {'':<8} {'work':<28} {'CPU s':>7} {'ratio':>6} {'wall s':>7} {'peak MB':>8}")
    growth: list[float] = []
    for persons in YEARS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) if kept is None else kept / str(persons)
            folder.mkdir(parents=True, exist_ok=True)
            small = persons == min(YEARS)
            made(folder, persons, "csv" if small else "parquet")
            pairs = [("script_from_parquet", "conversion"), ("script_from_parquet", "whole_conversion")]
            pairs = [*pairs, ("script_from_csv", "whole_run")] if small else pairs[:1]
            growth.append(compared(folder, persons, pairs)["conversion"])
            if not small:
                before = rows_of(folder)
                compared(folder, persons, [("script_in_little_memory", "conversion_in_little_memory")])
                print(f"{persons:>9} {'persons':<8} same rows within {MEMORY}: {rows_of(folder) == before}")
    print(f"growth of the conversion per person and year: {growth[1] / growth[0] * 2 / 10:.2f}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        main(Path(sys.argv[1]) if len(sys.argv) == 2 else None)
    else:
        if not sys.argv[1].startswith(("script", "start")):
            imports_only(Path())
        begun = time.monotonic()
        globals()[sys.argv[1]](Path(sys.argv[2]))
        own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
        peak = (others if sys.argv[1].startswith("script") else own).ru_maxrss / 1024
        print(json.dumps({"cpu": cpu, "peak": peak, "wall": time.monotonic() - begun}))
