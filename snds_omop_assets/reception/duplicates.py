"""Rows that are there twice: removed where a table has a key, and listed."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from snds_omop_assets.contracts.snds_tables import SOURCE_FILE, SOURCE_LINE, SndsTable
from snds_omop_assets.engines.duckdb_engine import kept_duckdb, quoted
from snds_omop_assets.reception.once import rows_beyond_hashes
from snds_omop_assets.reception.quarantine import ROW_REMOVED, Quarantine, rejects
from snds_omop_assets.tables import CHUNK_ROWS

REASON = "the same row as another"


@dataclass
class Removed:
    """How many rows were removed, by delivered file and by month (YYYY-MM)."""

    files: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)


def without_duplicates(folder: Path, table: SndsTable, key: list[str], quarantine: Quarantine, spill: Path) -> Removed:
    """Remove from the parts of a version the rows that repeat another one in every column.

    Only tables with a key are looked at: elsewhere two equal rows may both be right. Rows that share a key and differ
    stay; the check `key_is_unique` tells of them. A key lies in one part, since the month of flow is in it.

    Args:
        folder: the version, aside.
        table: the contract.
        key: columns of the key that were delivered.
        quarantine: where removed rows are listed.
        spill: folder for what does not fit into memory.

    Returns:
        How many rows were removed.
    """
    removed = Removed()
    if not key:
        return removed
    with kept_duckdb(spill) as connection:
        for part in sorted(folder.rglob("*.parquet")):
            rows = f"read_parquet({quoted(str(part))})"
            # A hash of the key for each row: as many as rows means that no key repeats.
            if not rows_beyond_hashes(connection, key, [part]):
                continue
            same = ", ".join(f'"{name}"' for name in table.schema.names if name not in (SOURCE_FILE, SOURCE_LINE))
            number = f"row_number() OVER (PARTITION BY {same} ORDER BY {SOURCE_FILE}, {SOURCE_LINE})"
            month = f"strftime({table.month}, '%Y-%m')" if table.month else "NULL"
            gone = connection.execute(
                f"SELECT {SOURCE_FILE}, {SOURCE_LINE}, {month} FROM {rows} QUALIFY {number} > 1 ORDER BY ALL"
            ).fetchall()
            if not gone:
                continue
            unique = part.with_suffix(".unique")
            kept = connection.sql(f"SELECT * FROM {rows} QUALIFY {number} = 1 ORDER BY {SOURCE_FILE}, {SOURCE_LINE}")
            with pq.ParquetWriter(unique, table.schema, compression="zstd") as writer:
                for batch in kept.to_arrow_reader(CHUNK_ROWS):
                    writer.write_batch(batch.cast(table.schema))
            unique.replace(part)
            lines = pl.DataFrame(gone, schema={"file": pl.String, "line": pl.Int64, "month": pl.String}, orient="row")
            for (file,), some in lines.group_by("file", maintain_order=True):
                quarantine.add(rejects(str(file), some["line"], "", ROW_REMOVED, REASON))
                removed.files[str(file)] += some.height
            removed.months.update(lines["month"].drop_nulls().to_list())
    return removed
