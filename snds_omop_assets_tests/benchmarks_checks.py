"""OHDSI's checks of a whole CDM, beside its conversion; and on Spark beside DuckDB: a part of `make bench`.

    python -m snds_omop_assets_tests.benchmarks_checks                     100 000 persons, and 1 000 on both engines
    python -m snds_omop_assets_tests.benchmarks_checks FOLDER              the same, keeping what is made in FOLDER
    python -m snds_omop_assets_tests.benchmarks_checks --persons 1000000

The base is synthetic, with every trap, and the made-up vocabulary has all its codes: so no table of events is without
concepts, and eras are there. The reference is the conversion of the same base to every table of the CDM.
"""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

from snds_omop_assets.settings import SPARK, Settings
from snds_omop_assets_tests.benchmarks_conversion import YEARS, settings_of, whole_conversion
from snds_omop_assets_tests.measuring import HEADING, asked, kept_or_not, line, measured

PERSONS = 100_000
ON_BOTH = 1_000
"""Persons of the base that both engines judge."""

MEMORY = "1500MB"

SIZE = "persons.txt"


def made(folder: Path) -> None:
    """A synthetic delivery of as many persons as the folder says, received and prepared, whose codes have concepts.

    It runs in a process of its own: what a process held counts as memory of those that it starts.
    """
    from snds_omop_assets.run import run
    from snds_omop_assets.synthetic.generate import generate
    from snds_omop_assets.synthetic.scenario import Scenario
    from snds_omop_assets_tests.made_covering_vocabulary import covering_vocabulary

    persons = int((folder / SIZE).read_text(encoding="utf-8"))
    if (folder / "done").exists():
        return
    if not (folder / "made").exists():
        generate(Scenario(persons=persons, years=YEARS.get(persons, (2018, 2019))), folder / "made", "parquet")
    shutil.rmtree(folder / "vocabulary", ignore_errors=True)
    vocabulary, maps = covering_vocabulary().write(folder / "vocabulary")
    summary = run(replace(settings_of(folder), vocabulary=vocabulary, maps=maps), job="preparation")
    assert summary.success, summary.failures
    (folder / "done").touch()


def specialties(folder: Path) -> None:
    """PROVIDER, which the conversion leaves aside and others point to."""
    from dagster_pyspark import LazyPySparkResource

    from snds_omop_assets.contracts.contract_files import official_tables
    from snds_omop_assets.engines.spark_engine import spark_config, started
    from snds_omop_assets.omop.provider import LISTS, met_codes, provider_frame
    from snds_omop_assets.preparation.prepared_years import KINDS, Prepared
    from snds_omop_assets.reception.store import Store

    root = settings_of(folder).warehouse
    read = started(LazyPySparkResource(spark_config=spark_config())).read
    lists = {}
    for _, name, *_ in LISTS:
        table = Store(root).table(official_tables()[name])
        assert table is not None, name
        lists[name] = read.parquet(*map(str, table.files))
    places = [str(file) for kind in KINDS for file in Prepared(root, kind).files("places")]
    maps = read.parquet(str(root / "vocabulary" / "source_to_concept_map.parquet"))
    rows = provider_frame(met_codes(lists, read.parquet(*places)), maps, settings_of(folder).id_key)
    rows.toPandas().to_parquet(root / "omop" / "provider.parquet")


def the_checks(folder: Path) -> None:
    """Every check, with DuckDB in little memory."""
    judge(folder, settings_of(folder, MEMORY))


def the_checks_on_spark(folder: Path) -> None:
    """Every check, with Spark."""
    judge(folder, replace(settings_of(folder), engine=SPARK))


def judge(folder: Path, settings: Settings) -> None:
    """Run every check, and keep what each found."""
    from snds_omop_assets.quality.dqd.report import check_cdm, subject

    report = check_cdm(settings.warehouse, settings)
    found = [(f"{r.rule.check} of {subject(r.rule)}", r.violated, r.total, r.status) for r in report.results]
    (folder / f"{settings.engine}.json").write_text(json.dumps(found), encoding="utf-8")


def results(folder: Path, engine: str) -> list[list[object]]:
    """What an engine found: check, violated, total, status of each rule."""
    found: list[list[object]] = json.loads((folder / f"{engine}.json").read_text(encoding="utf-8"))
    return found


def main(kept: Path | None, persons: int) -> None:
    """Measure, print a table, and tell whether both engines found the same."""
    print(HEADING)
    for size in (persons, ON_BOTH):
        with kept_or_not(kept and kept / "checks", size) as folder:
            (folder / SIZE).write_text(str(size), encoding="utf-8")
            measured(made, folder)
            reference = measured(whole_conversion, folder)
            measured(specialties, folder)
            works = (the_checks,) if size != ON_BOTH else (the_checks, the_checks_on_spark)
            told = {whole_conversion: reference, **{work: measured(work, folder) for work in works}}
            for work, one in told.items():
                peak, ratio = max(one.peak, one.peak_of_children), one.cpu / reference.cpu
                print(line(size, work.__name__.replace("_", " "), one.cpu, ratio, one.wall, peak), flush=True)
            here = results(folder, "duckdb")
            counts = Counter(str(status) for *_, status in here)
            print(f"{size:>9} {'persons':<8} {', '.join(f'{n} {status}' for status, n in sorted(counts.items()))}")
            if size == ON_BOTH:
                there = results(folder, SPARK)
                differ = [one[0] for one, other in zip(here, there, strict=True) if one != other]
                same = f"same results of {len(here)} checks on both engines: {not differ}"
                print(f"{size:>9} {'persons':<8} {same} {'; '.join(map(str, differ[:20]))}".rstrip())


if __name__ == "__main__":
    asked_for = asked(__doc__).parse_args()
    main(asked_for.folder, asked_for.persons or PERSONS)
