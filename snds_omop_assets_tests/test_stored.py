"""Tables at rest: what is written is read back, and a file appears only when it is whole."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import date, datetime

import pyarrow as pa
import pytest

from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.io_managers.stored import (
    CsvTable,
    ParquetTable,
    SqliteTable,
    write_csv,
    write_parquet,
    write_sqlite,
)
from snds_omop_assets.tables import Frames, frame_of

SCHEMA = pa.schema([("id", pa.int64()), ("code", pa.string()), ("amount", pa.float64()), ("day", pa.date32())])
ROWS = [
    {"id": 2**63 - 1, "code": "010000024", "amount": 1.5, "day": date(1600, 1, 1)},
    {"id": None, "code": None, "amount": None, "day": None},
    {"id": 1, "code": 'a "quoted", ; text', "amount": -0.1, "day": date(2013, 7, 4)},
]


def frames(rows=ROWS):
    return Frames(SCHEMA, iter([frame_of(pa.Table.from_pylist([row], SCHEMA)) for row in rows]))


def read(table):
    return [row for batch in table.batches() for row in batch.to_pylist()]


def test_parquet_gives_back_the_rows_with_their_types(tmp_path):
    assert write_parquet(frames(), tmp_path / "t.parquet") == 3
    assert ParquetTable(tmp_path / "t.parquet").schema == SCHEMA
    assert read(ParquetTable(tmp_path / "t.parquet")) == ROWS


def test_csv_gives_back_the_rows_as_text(tmp_path):
    assert write_csv(frames(), tmp_path / "t.csv") == 3
    assert read(CsvTable(tmp_path / "t.csv")) == [
        {"id": "9223372036854775807", "code": "010000024", "amount": "1.5", "day": "1600-01-01"},
        {"id": None, "code": None, "amount": None, "day": None},
        {"id": "1", "code": 'a "quoted", ; text', "amount": "-0.1", "day": "2013-07-04"},
    ]
    assert [list(b.to_pydict()) for b in CsvTable(tmp_path / "t.csv").batches(["code"])] == [["code"]]


def test_sqlite_gives_back_the_rows(tmp_path):
    assert write_sqlite(frames(), tmp_path / "t.sqlite", "t") == 3
    rows = read(SqliteTable(tmp_path / "t.sqlite", "t"))
    assert [(row["id"], row["code"], row["amount"]) for row in rows] == [
        (r["id"], r["code"], r["amount"]) for r in ROWS
    ]


def test_a_point_in_time_is_written_with_its_hour_whatever_frame_it_stands_in(tmp_path):
    """One that is midnight, as all of its frame are, one that is not, and none."""
    schema = pa.schema([("at", pa.timestamp("us"))])
    times = [datetime(1600, 1, 1), datetime(2013, 7, 4, 12, 30), None]
    parts = iter([frame_of(pa.table({"at": pa.array([time], schema.field(0).type)})) for time in times])
    write_csv(Frames(schema, parts), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == 'at\n1600-01-01 00:00:00\n2013-07-04 12:30:00\n""\n'


@pytest.mark.parametrize("write", [write_parquet, write_csv, lambda f, path: write_sqlite(f, path, "t")])
def test_an_empty_table_has_its_columns(tmp_path, write):
    path = tmp_path / "t"
    assert write(frames([]), path) == 0
    table = {"write_parquet": ParquetTable, "write_csv": CsvTable}.get(write.__name__, lambda p: SqliteTable(p, "t"))(
        path
    )
    assert table.schema.names == SCHEMA.names
    assert read(table) == []


@pytest.mark.parametrize("write", [write_parquet, write_csv, lambda f, path: write_sqlite(f, path, "t")])
def test_an_error_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path, write):
    path = tmp_path / "t"
    write(frames(), path)
    before = path.read_bytes()

    def broken():
        yield frame_of(pa.Table.from_pylist(ROWS, SCHEMA))
        raise ValueError("the source broke off")

    with pytest.raises(ValueError, match="broke off"):
        write(Frames(SCHEMA, broken()), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t"]


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    (tmp_path / ".t.partial").write_text("half")
    with written_aside(tmp_path / "t") as partial:
        assert not partial.exists()
        partial.write_text("whole")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("t", "whole")]


WRITES_FOR_EVER = """
    import itertools, sys, time
    from pathlib import Path
    import pyarrow as pa
    from snds_omop_assets.io_managers import stored
    from snds_omop_assets.tables import Frames, frame_of

    schema = pa.schema([("id", pa.int64())])

    def rows():
        for n in itertools.count():
            yield frame_of(pa.Table.from_pylist([{"id": n}], schema))
            if n == 50:
                print("writing", flush=True)
            time.sleep(0.001)

    path = Path(sys.argv[2])
    write = {"parquet": stored.write_parquet, "csv": stored.write_csv,
             "sqlite": lambda f, p: stored.write_sqlite(f, p, "t")}[sys.argv[1]]
    write(Frames(schema, rows()), path)
"""


@pytest.mark.process
@pytest.mark.parametrize("kind", ["parquet", "csv", "sqlite"])
def test_a_process_killed_while_writing_leaves_the_old_file_whole(tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    path.write_bytes(b"the old data")
    program = [sys.executable, "-c", textwrap.dedent(WRITES_FOR_EVER), kind, str(path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert path.read_bytes() == b"the old data"
