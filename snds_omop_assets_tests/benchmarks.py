"""Speed and memory, as ratios in one run against a named reference: `make bench`.

Every piece of work runs in a process of its own; CPU seconds and peak memory are the process's (its children's, for
Spark's Java). The reference is DuckDB reading the same CSV as text into Parquet: it does what reception cannot do
without, and nothing else. Medians of several runs; machines are noisy, so a difference under 1.3 means nothing.
"""

import csv
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from snds_omop_assets.settings import Settings

RUNS = 3
ROWS = (200_000, 1_000_000)
HEADER = [
    *("NUM_ENQ", "BEN_CDI_NIR", "BEN_NAI_ANN", "BEN_NAI_MOI", "BEN_SEX_COD"),
    *("BEN_RES_DPT", "BEN_RES_COM", "ORG_AFF_BEN", "MAX_TRT_DTD"),
]


def invented_ir_ben_r(path: Path, rows: int) -> None:
    """An IR_BEN_R of invented persons, two rows in ten of which are older states."""
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, delimiter=";", lineterminator="\n")
        lines.writerow(HEADER)
        for n in range(rows):
            person = n if n % 5 else n // 2
            lines.writerow(
                [f"DPXX:{person:019d}X", "00", 1930 + n % 80, f"{n % 12 + 1:02d}", n % 2 + 1, f"{n % 95 + 1:03d}",
                 f"{n % 300 + 1:03d}", f"01C{n % 95 + 1:02d}1000", f"{n % 28 + 1:02d}/{n % 12 + 1:02d}/2013"]
            )  # fmt: skip


def reference(folder: Path) -> None:
    """DuckDB reads the CSV as text and writes Parquet."""
    from snds_omop_assets.engines.duckdb_engine import duckdb_connection

    with duckdb_connection(folder) as connection:
        connection.execute(
            f"COPY (SELECT * FROM read_csv('{folder / 'IR_BEN_R.csv'}', all_varchar = true)) "
            f"TO '{folder / 'reference.parquet'}' (FORMAT parquet)"
        )


def reception(folder: Path) -> None:
    """IR_BEN_R is received."""
    from snds_omop_assets.io_managers.stored import write_parquet
    from snds_omop_assets.reception.delivery import open_delivery
    from snds_omop_assets.reception.receive import receive_table

    path = folder / "store" / "ir_ben_r.parquet"
    frames, _, _ = receive_table(open_delivery(folder), "IR_BEN_R", path)
    write_parquet(frames, path)


def preparation(folder: Path) -> None:
    """One row per person is prepared."""
    from snds_omop_assets.io_managers.stored import ParquetTable, write_parquet
    from snds_omop_assets.preparation.assets import beneficiaries_table

    received = ParquetTable(folder / "store" / "ir_ben_r.parquet")
    write_parquet(beneficiaries_table(received, folder / "spill"), folder / "store" / "beneficiaries.parquet")


def person(folder: Path) -> None:
    """PERSON is computed and written as CSV."""
    from snds_omop_assets.io_managers.stored import ParquetTable, write_csv
    from snds_omop_assets.omop.person import person_table

    prepared = ParquetTable(folder / "store" / "beneficiaries.parquet")
    write_csv(person_table(prepared, Settings(folder, folder)), folder / "store" / "person.csv")


WORK: tuple[Callable[[Path], None], ...] = (reference, reception, preparation, person)


def measured(work: str, folder: Path) -> dict[str, float]:
    """Run one piece of work in a process of its own; CPU seconds and peak memory in MB."""
    words = [sys.executable, "-m", __spec__.name, work, str(folder)]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def imports_only(folder: Path) -> None:
    """Nothing but the imports of all the others, to be taken off."""

    import snds_omop_assets.omop.person
    import snds_omop_assets.preparation.assets
    import snds_omop_assets.reception.assets  # noqa: F401


def main() -> None:
    """Measure everything and print a table."""
    print(f"{'rows':>9} {'work':<12} {'CPU s':>7} {'ratio':>6} {'peak MB':>8}")
    for rows in ROWS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            invented_ir_ben_r(folder / "IR_BEN_R.csv", rows)
            start = statistics.median(measured("imports_only", folder)["cpu"] for _ in range(RUNS))
            base = 1.0
            for work in (function.__name__ for function in WORK):
                found = [measured(work, folder) for _ in range(RUNS)]
                cpu = max(statistics.median(one["cpu"] for one in found) - start, 0.01)
                base = cpu if work == "reference" else base
                peak = statistics.median(one["peak"] for one in found)
                print(f"{rows:>9} {work:<12} {cpu:>7.1f} {cpu / base:>6.1f} {peak:>8.0f}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        imports_only(Path())
        globals()[sys.argv[1]](Path(sys.argv[2]))
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024}))
