"""A year comes to a base of ten: the same tables as of all eleven at once, and for how much; a part of `make bench`.

    python -m snds_omop_assets_tests.benchmarks_growth                     20 000 persons, eleven years
    python -m snds_omop_assets_tests.benchmarks_growth FOLDER              the same, keeping what is made in FOLDER
    python -m snds_omop_assets_tests.benchmarks_growth --persons 300 --years 2018-2020

`snds-omop run` is its two jobs, one after the other: preparation (reception and its checks, vocabulary, what the CDM
is made of) and conversion (the CDM, its checks, the ledger). Each is measured, into an empty warehouse and into one
that holds the years before; the copy of that warehouse is not. The start of PROVIDER's Spark is taken off and told.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import duckdb

from snds_omop_assets.engines.duckdb_engine import one_row, parquet_rows, quoted
from snds_omop_assets.io_managers.parts import PartsTable
from snds_omop_assets.settings import Settings
from snds_omop_assets.synthetic.scenario import FIRST_YEAR, LAST_YEAR, Scenario
from snds_omop_assets_tests.growing_base import without_year
from snds_omop_assets_tests.measuring import HEADING, Measured, asked, kept_or_not, line, measured, start_of_spark

PERSONS = 20_000
YEARS = f"{FIRST_YEAR}-{LAST_YEAR}"
"""Eleven."""

DAY = date(2020, 1, 1)
"""Day of release of every base, so that bases made on two days are the same."""

BASE, ONCE, GROWN = "base", "at_once", "grown"
"""Warehouses: of the years before, of all years at once, of the years before and then the last."""

BESIDE = ("quality/ledger.parquet", "prepared/person_identities.parquet", "prepared/beneficiaries.parquet")
"""What is compared beside the tables of the CDM."""


def made(folder: Path, persons: int, years: tuple[int, int]) -> None:
    """A synthetic delivery of some years with every trap, as CSV, and the base of what it was a year earlier."""
    from snds_omop_assets.synthetic.generate import generate

    if (folder / BASE / "done").exists():
        return
    for name in ("made", "earlier", BASE):
        shutil.rmtree(folder / name, ignore_errors=True)
    generate(Scenario(persons=persons, years=years), folder / "made", "csv")
    without_year(folder / "made" / "delivery", folder / "earlier", years[1])
    for work in (base_prepared, base_converted):
        measured(work, folder)
    (folder / BASE / "done").touch()


def base_prepared(folder: Path) -> None:
    """The years before are received and prepared."""
    _run(folder / "earlier", folder / BASE, "preparation")


def base_converted(folder: Path) -> None:
    """The years before are converted."""
    _run(folder / "earlier", folder / BASE, "conversion")


def at_once_prepared(folder: Path) -> None:
    """All years are received and prepared."""
    _run(folder / "made" / "delivery", folder / ONCE, "preparation")


def at_once_converted(folder: Path) -> None:
    """All years are converted."""
    _run(folder / "made" / "delivery", folder / ONCE, "conversion")


def last_year_prepared(folder: Path) -> None:
    """The last year is received and prepared."""
    _run(folder / "made" / "delivery", folder / GROWN, "preparation")


def last_year_converted(folder: Path) -> None:
    """What the last year touches is converted."""
    _run(folder / "made" / "delivery", folder / GROWN, "conversion")


def _run(delivery: Path, warehouse: Path, job: str) -> None:
    from snds_omop_assets.run import run

    summary = run(Settings(delivery, warehouse, source_release_date=DAY, cdm_release_date=DAY), job=job)
    assert summary.success, (summary.failures, [check for check in summary.checks if check.failed])


def differences(one: Path, other: Path) -> list[str]:
    """The tables of two warehouses whose columns or rows, in whatever order, are not the same."""
    here, there = (dict(_digests(warehouse)) for warehouse in (one, other))
    return sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))


def _digests(warehouse: Path) -> Iterator[tuple[str, object]]:
    """Columns, number of rows and sum of the rows' hashes of every table: of millions of rows in little memory."""
    places = [place for place in sorted((warehouse / "omop").iterdir()) if place.name[0] != "."]
    assert places, f"there is no table in {warehouse}"
    for place in (*places, *(warehouse / name for name in BESIDE)):
        if place.suffix == ".sqlite":
            with sqlite3.connect(place) as database:
                yield place.name, sorted(database.iterdump())
        elif place.suffix == ".csv":
            yield place.name, _digest(f"read_csv({quoted(str(place))}, all_varchar = true)")
        elif files := [place] if place.is_file() else PartsTable(place).files:
            yield place.name, _digest(parquet_rows(files))


def _digest(rows: str) -> object:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW compared AS FROM {rows}")
        told = connection.execute("DESCRIBE compared").fetchall()
        return told, one_row(connection, "SELECT count(*), sum(hash(t)::HUGEINT) FROM compared AS t")


def shown(persons: int, spark: float, found: Mapping[str, tuple[Measured, Measured]]) -> None:
    """Print the two jobs and both together: of all years at once, which is the reference, and of the last year."""
    parts: Mapping[str, tuple[Measured, ...]] = {
        **{f"{job}, ": works for job, works in found.items()},
        "": tuple(_together(*works) for works in zip(*found.values(), strict=True)),
    }
    for job, works in parts.items():
        starts = [work.starts_of_spark * spark for work in works]
        cpu = [work.cpu - start for work, start in zip(works, starts, strict=True)]
        for name, work, own in zip(("all years at once", "the last year"), works, cpu, strict=True):
            print(line(persons, job + name, own, own / cpu[0], work.wall, work.peak), flush=True)
    told = " and ".join(f"{work.starts_of_spark * spark:.1f}" for work in works)
    print(f"Spark's start, taken off: {told} CPU s; with it the ratio is {works[1].cpu / works[0].cpu:.2f}")


def _together(one: Measured, other: Measured) -> Measured:
    peaks = max(one.peak, other.peak), max(one.peak_of_children, other.peak_of_children)
    return Measured(one.cpu + other.cpu, one.wall + other.wall, *peaks, one.starts_of_spark + other.starts_of_spark)


def main(kept: Path | None, persons: int, years: tuple[int, int]) -> None:
    """Measure, print a table, and tell whether both bases are the same."""
    print(HEADING)
    with kept_or_not(kept and kept / f"{years[0]}-{years[1]}", persons) as folder:
        made(folder, persons, years)
        for name in (ONCE, GROWN):
            shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(folder / BASE, folder / GROWN)
        found = {
            "preparation": (measured(at_once_prepared, folder), measured(last_year_prepared, folder)),
            "conversion": (measured(at_once_converted, folder), measured(last_year_converted, folder)),
        }
        shown(persons, measured(start_of_spark, folder).cpu, found)
        differ = differences(folder / ONCE, folder / GROWN)
        print(f"{persons:>9} {'persons':<8} same tables: {not differ} {', '.join(differ)}".rstrip())


if __name__ == "__main__":
    parser = asked(__doc__)
    parser.add_argument("--years", default=YEARS, help=f"first and last year, as {YEARS}")
    told = parser.parse_args()
    first, last = (int(year) for year in told.years.split("-"))
    main(told.folder, told.persons or PERSONS, (first, last))
