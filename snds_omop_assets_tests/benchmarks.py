"""Speed and memory, as ratios in one run against a named reference: `make bench`.

Every piece of work runs in a process of its own; CPU seconds and peak memory are the process's (its children's, for
Spark's Java). The reference is DuckDB's own typed copy of the same CSV files to Parquet: reading, typing and writing,
and nothing else. Medians of several runs; machines are noisy, so a difference under 1.3 means nothing.
"""

import csv
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.settings import Settings
from snds_omop_assets.vocabulary.loaded import LoadedVocabulary, current_vocabulary
from snds_omop_assets_tests.invented_dcir import write_invented_dcir
from snds_omop_assets_tests.made_vocabulary import write_large

RUNS = 3
PERSONS = (100_000, 1_000_000)
"""Persons of the invented DCIR; the larger one is 10 GB of CSV and is measured once."""

BENEFICIARIES = (200_000, 1_000_000)
SYNTHETIC_PERSONS = (1_000, 100_000, 1_000_000)
LARGE_RELATIONSHIPS = 30_000_000
"""Of a made-up vocabulary that is as large as Athena's, with a fifth as many concepts."""

EVENTS = 20_000_000
HEADER = [
    *("NUM_ENQ", "BEN_CDI_NIR", "BEN_NAI_ANN", "BEN_NAI_MOI", "BEN_SEX_COD"),
    *("BEN_RES_DPT", "BEN_RES_COM", "ORG_AFF_BEN", "MAX_TRT_DTD"),
]
DUCKDB_TYPES = {"date": "DATE", "decimal": "DOUBLE", "integer": "BIGINT", "year": "BIGINT", "month": "BIGINT"}


def invented_ir_ben_r(folder: Path, rows: int) -> None:
    """An IR_BEN_R of invented persons, two rows in ten of which are older states."""
    with (folder / "IR_BEN_R.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, delimiter=";", lineterminator="\n")
        lines.writerow(HEADER)
        for n in range(rows):
            person = n if n % 5 else n // 2
            lines.writerow(
                [f"DPXX:{person:019d}X", "00", 1930 + n % 80, f"{n % 12 + 1:02d}", n % 2 + 1, f"{n % 95 + 1:03d}",
                 f"{n % 300 + 1:03d}", f"01C{n % 95 + 1:02d}1000", f"{n % 28 + 1:02d}/{n % 12 + 1:02d}/2013"]
            )  # fmt: skip


def typed_copy(folder: Path) -> None:
    """DuckDB's own plain typed copy of the same files: CSV to Parquet, no check, no normalisation."""
    from snds_omop_assets.contracts.contract_files import official_tables
    from snds_omop_assets.engines.duckdb_engine import duckdb_connection, quoted

    for path in sorted(folder.glob("*.csv")):
        table = official_tables()[path.stem.removesuffix("_2019")]
        header = path.open(encoding="utf-8").readline().strip().split(";")
        types = {name: column.type for column in table.columns.values() for name in column.names}
        columns = ", ".join(f"{quoted(n)}: {quoted(DUCKDB_TYPES.get(types.get(n, ''), 'VARCHAR'))}" for n in header)
        with duckdb_connection(folder / ".spill") as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_csv({quoted(str(path))}, delim = ';', header = true, "
                f"columns = {{{columns}}}, dateformat = '%d/%m/%Y')) "
                f"TO {quoted(str(folder / 'reference.parquet'))} (FORMAT parquet)"
            )


def reception(folder: Path) -> None:
    """Every table of the folder is received: hashed, read, typed, judged, stored, described."""
    from snds_omop_assets.reception.deliveries import receive_delivery
    from snds_omop_assets.reception.delivery import open_delivery
    from snds_omop_assets.reception.store import Store

    shutil.rmtree(folder / "warehouse", ignore_errors=True)
    received = receive_delivery(open_delivery(folder), Store(folder / "warehouse"))
    assert not received.errors, received.errors
    assert all(outcome.done == "received" for outcome in received.outcomes)


def again(folder: Path) -> None:
    """The same files come again."""
    from snds_omop_assets.reception.deliveries import receive_delivery
    from snds_omop_assets.reception.delivery import open_delivery
    from snds_omop_assets.reception.store import Store

    received = receive_delivery(open_delivery(folder), Store(folder / "warehouse"))
    assert all(outcome.done == "unchanged" for outcome in received.outcomes)


def verification(folder: Path) -> None:
    """The checks of what was received."""
    from snds_omop_assets.reception.deliveries import report_of
    from snds_omop_assets.reception.delivery import open_delivery
    from snds_omop_assets.reception.store import Store

    report_of(open_delivery(folder), Store(folder / "warehouse"))


def preparation(folder: Path) -> None:
    """One row per person is prepared."""
    from snds_omop_assets.engines.opening import open_session
    from snds_omop_assets.preparation.persons_and_places import find_persons

    settings = Settings(folder, folder / "warehouse")
    find_persons(settings, open_session(settings))


def person(folder: Path) -> None:
    """PERSON is computed and written as CSV."""
    from snds_omop_assets.io_managers.parts import PartsTable
    from snds_omop_assets.io_managers.stored import ParquetTable, write_csv
    from snds_omop_assets.omop.person import person_table
    from snds_omop_assets.vocabulary import base
    from snds_omop_assets.vocabulary.maps import project_maps

    settings = Settings(folder, folder / "warehouse")
    maps = folder / "source_to_concept_map.parquet"
    pq.write_table(base.source_to_concept_map(project_maps(), base.load(settings)), maps)
    prepared = PartsTable(settings.warehouse / "prepared" / "beneficiaries.parquet")
    write_csv(person_table(prepared, ParquetTable(maps), settings), folder / "store" / "person.csv")


def measured(work: str, folder: Path) -> dict[str, float]:
    """Run one piece of work in a process of its own; CPU seconds and peak memory in MB."""
    words = [sys.executable, "-m", __spec__.name, work, str(folder)]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def imports_only(folder: Path) -> None:
    """Nothing but the imports of all the others, to be taken off."""

    import snds_omop_assets.omop.person
    import snds_omop_assets.preparation.assets
    import snds_omop_assets.reception.assets
    import snds_omop_assets.synthetic.generate
    import snds_omop_assets.vocabulary.loading
    import snds_omop_assets.vocabulary.resolve  # noqa: F401


def synthetic_delivery(folder: Path, persons: int) -> None:
    """A synthetic delivery of one year, as Parquet."""
    from snds_omop_assets.synthetic.generate import generate
    from snds_omop_assets.synthetic.scenario import Scenario

    (folder / "persons").write_text(str(persons), encoding="utf-8")
    generate(Scenario(persons=persons, years=(2019, 2019)), folder / "made", "parquet")


def parquet_copy(folder: Path) -> None:
    """DuckDB's own copy of the same Parquet files to Parquet."""
    from snds_omop_assets.engines.duckdb_engine import duckdb_connection, quoted

    for path in sorted((folder / "made" / "delivery").glob("*.parquet")):
        with duckdb_connection(folder / ".spill") as connection:
            connection.execute(
                f"COPY (FROM read_parquet({quoted(str(path))})) "
                f"TO {quoted(str(folder / 'reference.parquet'))} (FORMAT parquet)"
            )


def synthesis(folder: Path) -> None:
    """The delivery is made, and its truth."""
    shutil.rmtree(folder / "made")
    synthetic_delivery(folder, int((folder / "persons").read_text(encoding="utf-8")))


def athena_download(folder: Path, relationships: int) -> None:
    """A made-up download of vocabularies, with a fifth as many concepts as relationships."""
    write_large(folder / "download", relationships // 5, relationships)


def vocabulary_copy(folder: Path) -> None:
    """DuckDB's own typed copy of the same files to Parquet."""
    from snds_omop_assets.contracts.cdm_tables import cdm_tables
    from snds_omop_assets.engines.duckdb_engine import duckdb_connection, quoted

    kinds = {"integer": "BIGINT", "date": "DATE"}
    for path in sorted((folder / "download").glob("*.csv")):
        fields = cdm_tables()[path.stem.lower()].fields
        columns = ", ".join(f"{quoted(f.name)}: {quoted(kinds.get(f.type, 'VARCHAR'))}" for f in fields)
        with duckdb_connection(folder / ".spill") as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_csv({quoted(str(path))}, delim = '\t', quote = '', escape = '', "
                f"header = true, columns = {{{columns}}}, dateformat = '%Y%m%d')) "
                f"TO {quoted(str(folder / 'reference.parquet'))} (FORMAT parquet)"
            )


def vocabulary_load(folder: Path) -> None:
    """The download is judged by its contract, typed and stored."""
    from snds_omop_assets.vocabulary.loading import load_vocabulary

    shutil.rmtree(folder / "warehouse", ignore_errors=True)
    load_vocabulary(folder / "download", folder / "warehouse")


def vocabulary_again(folder: Path) -> None:
    """The same download comes again."""
    from snds_omop_assets.vocabulary.loading import load_vocabulary

    load_vocabulary(folder / "download", folder / "warehouse")


def coded_events(folder: Path, events: int) -> None:
    """Events with codes of a large vocabulary, which is loaded, and the map of these codes from one earlier resolution.

    The events are packs (CIP7) and diagnoses (CIM10), 30 000 different codes; a tenth of the codes has no concept.
    """
    from snds_omop_assets.engines.duckdb_engine import duckdb_connection, quoted

    athena_download(folder, LARGE_RELATIONSHIPS)
    vocabulary_load(folder)
    shutil.rmtree(folder / "download")
    with duckdb_connection() as connection:
        connection.execute(
            "CREATE TABLE codes AS SELECT *, row_number() OVER (ORDER BY nomenclature, code) - 1 AS place FROM ("
            "SELECT CASE vocabulary_id WHEN 'BDPM' THEN 'CIP7' ELSE 'CIM10' END AS nomenclature, concept_code AS code "
            f"FROM read_parquet({quoted(str(_vocabulary(folder).tables['concept'].path))}) "
            "WHERE vocabulary_id IN ('BDPM', 'CIM10') AND concept_id % 37 = 0 ORDER BY concept_id LIMIT 27000) "
            "UNION ALL SELECT 'CIM10', 'Y' || i, 27000 + i FROM range(3000) AS r(i)"
        )
        for name, sql in (
            ("codes", "SELECT nomenclature, code FROM codes"),
            (
                "events",
                "SELECT i AS event, c.nomenclature, c.code, DATE '2010-01-01' + (i % 4000)::INT AS event_date "
                f"FROM range({events}) AS r(i) JOIN codes c ON c.place = (i * 7919) % 30000",
            ),
        ):
            connection.execute(f"COPY ({sql}) TO {quoted(str(folder / f'{name}.parquet'))} (FORMAT parquet)")
    assert pq.read_metadata(folder / "events.parquet").num_rows == events
    pq.write_table(_code_map(folder), folder / "map.parquet")


def plain_join(folder: Path) -> None:
    """DuckDB's own join of the events to a finished map, on list and code."""
    from snds_omop_assets.engines.duckdb_engine import duckdb_connection, quoted

    with duckdb_connection(folder / ".spill") as connection:
        connection.execute(
            "CREATE TABLE map AS SELECT nomenclature, code, min(target_concept_id) AS target_concept_id, "
            "min(target_domain_id) AS target_domain_id, min(source_concept_id) AS source_concept_id "
            f"FROM read_parquet({quoted(str(folder / 'map.parquet'))}) GROUP BY nomenclature, code"
        )
        connection.execute(
            "COPY (SELECT e.event, e.event_date, m.target_concept_id, m.target_domain_id, m.source_concept_id "
            f"FROM read_parquet({quoted(str(folder / 'events.parquet'))}) e "
            f"LEFT JOIN map m USING (nomenclature, code)) TO {quoted(str(folder / 'plain.parquet'))} (FORMAT parquet)"
        )


def resolution(folder: Path) -> None:
    """The codes are resolved, and the events join the answer by list, code and day."""
    from snds_omop_assets.engines.duckdb_engine import duckdb_connection, quoted
    from snds_omop_assets.vocabulary.resolve import ANSWER

    with duckdb_connection(folder / ".spill") as connection:
        connection.register("found", _code_map(folder))
        connection.execute("CREATE TABLE code_map AS FROM found")
        connection.execute(
            "COPY (SELECT e.event, e.event_date, m.target_concept_id, m.target_domain_id, m.source_concept_id, "
            f"m.value_as_concept_id FROM read_parquet({quoted(str(folder / 'events.parquet'))}) e {ANSWER}) "
            f"TO {quoted(str(folder / 'resolved.parquet'))} (FORMAT parquet)"
        )
    assert (
        pq.read_metadata(folder / "resolved.parquet").num_rows == pq.read_metadata(folder / "events.parquet").num_rows
    )


def _vocabulary(folder: Path) -> LoadedVocabulary:
    loaded = current_vocabulary(folder / "warehouse")
    assert loaded is not None
    return loaded


def _code_map(folder: Path) -> pa.Table:
    """The answers for the codes of the events."""
    from snds_omop_assets.engines.duckdb_session import duckdb_session
    from snds_omop_assets.vocabulary.resolve import resolve
    from snds_omop_assets.vocabulary.shapes import MAP_LINES, PACKS, schema_of

    nothing = schema_of(MAP_LINES).empty_table(), schema_of(PACKS).empty_table()
    with duckdb_session(folder / ".spill") as session:
        return resolve(session, pq.read_table(folder / "codes.parquet"), _vocabulary(folder).tables, *nothing).code_map


DCIR: tuple[Callable[[Path], None], ...] = (typed_copy, reception, again, verification)
PERSON: tuple[Callable[[Path], None], ...] = (typed_copy, reception, preparation, person)
SYNTHETIC: tuple[Callable[[Path], None], ...] = (parquet_copy, synthesis)

VOCABULARY: tuple[Callable[[Path], None], ...] = (vocabulary_copy, vocabulary_load, vocabulary_again)
RESOLUTION: tuple[Callable[[Path], None], ...] = (plain_join, resolution)


def compared(
    size: int, unit: str, write: Callable[[Path, int], None], works: Sequence[Callable[[Path], None]], runs: int
) -> None:
    """Measure some pieces of work on the same files; the first is the reference of the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, size)
        start = statistics.median(measured("imports_only", folder)["cpu"] for _ in range(RUNS))
        base = 1.0
        for work in (function.__name__ for function in works):
            found = [measured(work, folder) for _ in range(runs)]
            cpu = max(statistics.median(one["cpu"] for one in found) - start, 0.01)
            base = cpu if work == works[0].__name__ else base
            peak = statistics.median(one["peak"] for one in found)
            wall = statistics.median(one["wall"] for one in found)
            print(
                f"{size:>9} {unit:<13} {work:<13} {cpu:>7.1f} {cpu / base:>6.2f} {wall:>7.1f} {peak:>8.0f}", flush=True
            )


def main() -> None:
    """Measure everything and print a table."""
    print(f"{'size':>9} {'':<14} {'work':<13} {'CPU s':>7} {'ratio':>6} {'wall s':>7} {'peak MB':>8}")
    for persons in PERSONS:
        compared(persons, "persons (DCIR)", write_invented_dcir, DCIR, RUNS if persons < max(PERSONS) else 1)
    for rows in BENEFICIARIES:
        compared(rows, "beneficiaries", invented_ir_ben_r, PERSON, RUNS)
    for persons in SYNTHETIC_PERSONS:
        runs = RUNS if persons < max(SYNTHETIC_PERSONS) else 1
        compared(persons, "persons (synth)", synthetic_delivery, SYNTHETIC, runs)
    compared(LARGE_RELATIONSHIPS, "relationships", athena_download, VOCABULARY, RUNS)
    compared(EVENTS, "coded events", coded_events, RESOLUTION, RUNS)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        imports_only(Path())
        started = time.monotonic()
        globals()[sys.argv[1]](Path(sys.argv[2]))
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = time.monotonic() - started
        print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024, "wall": seconds}))
