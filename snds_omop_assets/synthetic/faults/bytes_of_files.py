"""Faults in the bytes of a file: transfers that broke off, other encodings, lines with a value too many."""

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from snds_omop_assets.errors import SettingsError
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.reception.delivery import TEXT, open_delivery
from snds_omop_assets.synthetic.faults.kinds import Spoil
from snds_omop_assets.synthetic.faults.sources import of_year

BLOCK_BYTES = 8 << 20

Copy = Callable[[BinaryIO, BinaryIO], object]
"""Writes the bytes of a file otherwise."""

ChangeLine = Callable[[int, bytes], bytes]
"""Writes a line, of this number from 0 (the header) on, otherwise."""


def copied(path: Path, target: Path, copy: Copy = shutil.copyfileobj) -> None:
    """Write a file otherwise, in its place or as another one."""
    with path.open("rb") as given, written_aside(target) as aside, aside.open("wb") as written:
        copy(given, written)


def in_text(table: str, copy: Copy, named: Callable[[str], str] = str, then: Copy | None = None) -> Spoil:
    """Spoils the bytes of the first text file of a table.

    Args:
        table: its name.
        copy: what is done.
        named: gives the file another name.
        then: what is done to the result.
    """

    def spoilt(folder: Path) -> None:
        source = of_year(open_delivery(folder), table)[0]
        if source.kind != TEXT:
            raise SettingsError(
                f"This fault is one of CSV files, and {source.name} is none: write the delivery as CSV, or choose "
                f"another fault."
            )
        target = source.path.with_name(named(source.path.name))
        copied(source.path, target, copy)
        if target != source.path:
            source.path.unlink()
        if then is not None:
            copied(target, target, then)

    return spoilt


def by_line(change: ChangeLine) -> Copy:
    """Writes each line otherwise."""
    return lambda given, written: written.writelines(change(number, line) for number, line in enumerate(given))


def every(rows: int, change: Callable[[bytes], bytes]) -> ChangeLine:
    """Changes one of so many lines."""
    return lambda number, line: change(line) if number and number % rows == 0 else line


def third_line(change: Callable[[bytes], bytes]) -> ChangeLine:
    """Changes one line only, near the beginning."""
    return lambda number, line: change(line) if number == 2 else line  # noqa: PLR2004


def one_more(line: bytes) -> bytes:
    """A line with a value too many."""
    return line.rstrip(b"\n") + b";0\n"


def one_less(line: bytes) -> bytes:
    """A line without its last value."""
    return line.rpartition(b";")[0] + b"\n"


def first_twice(_: int, line: bytes) -> bytes:
    """The first column again at the end, in the header and in every row."""
    return line.rstrip(b"\n") + b";" + line.rstrip(b"\n").partition(b";")[0] + b"\n"


def in_utf16(number: int, line: bytes) -> bytes:
    """With a byte order mark at the start."""
    return (line.decode() if number else f"\ufeff{line.decode()}").encode("utf-16-le")


def compress(given: BinaryIO, written: BinaryIO) -> None:
    """As gzip."""
    with gzip.GzipFile("", "wb", fileobj=written, mtime=0) as packed:
        shutil.copyfileobj(given, packed)


def _copy_bytes(given: BinaryIO, written: BinaryIO, count: int) -> None:
    while count > 0 and (block := given.read(min(count, BLOCK_BYTES))):
        count -= written.write(block)


def cut_in_half(given: BinaryIO, written: BinaryIO) -> None:
    """Without its second half."""
    _copy_bytes(given, written, os.fstat(given.fileno()).st_size // 2)


def cut_last_line(given: BinaryIO, written: BinaryIO) -> None:
    """Without the second half of its last line."""
    size = given.seek(0, os.SEEK_END)
    given.seek(max(0, size - BLOCK_BYTES))
    last = given.read().removesuffix(b"\n").rpartition(b"\n")[2]
    given.seek(0)
    _copy_bytes(given, written, size - 1 - (len(last) + 1) // 2)


def repeat_header(given: BinaryIO, written: BinaryIO) -> None:
    """With its header again after the line in the middle."""
    header, middle, place = given.readline(), os.fstat(given.fileno()).st_size // 2, 0
    written.write(header)
    for line in given:
        written.write(line)
        before, place = place, place + len(line)
        if before < middle <= place:
            written.write(header)
