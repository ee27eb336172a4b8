"""A delivery: which files hold which table, and in which layout the tables come."""

import codecs
import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from snds_omop_assets.contracts.snds_tables import OFFICIAL, Layout, Signature, SndsTable, layouts
from snds_omop_assets.errors import DeliveryError

SUFFIXES = (".csv", ".txt")
SEPARATORS = ";,\t|"
BLOCK_BYTES = 1 << 20

BINARY = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")
"""Bytes that no text has; 0x1a ends the files of old DOS exports."""


@dataclass(frozen=True)
class TextFile:
    """A delivered text file and how it is written.

    Attributes:
        encoding: utf-8-sig (with or without a mark at its start), cp1252 or latin-1.
        separator: what stands between two values.
        header: names of the columns as delivered, without blanks and quotes; a column without a name gets a number.
        header_line: line of the header; lines before it are blank.
    """

    path: Path
    encoding: str
    separator: str
    header: tuple[str, ...]
    header_line: int = 1


@dataclass(frozen=True)
class Delivery:
    """The files of one delivery.

    Attributes:
        folder: where they are.
        layout: the contracts that fit them.
        files: paths by table name; a table may be cut into several files, in the order of their names.
        unclaimed: files that no table claims, as paths in the folder.
    """

    folder: Path
    layout: Layout
    files: Mapping[str, tuple[Path, ...]]
    unclaimed: tuple[str, ...]

    def table(self, name: str) -> SndsTable:
        """The contract of a table in this delivery's layout."""
        return self.layout.tables[name]

    def files_of(self, name: str) -> tuple[Path, ...]:
        """The files of a table; none where the layout does not have the table.

        Raises:
            DeliveryError: there is none, or there is one for a table that the layout does not have.
        """
        found = self.files.get(name, ())
        if not self.table(name).delivered:
            if found:
                raise DeliveryError(
                    f"{found[0].name} holds {name}, which the {self.layout.name} layout does not have, and yet other "
                    f"files of the delivery look like that layout: say which it is by setting SNDS_LAYOUT to official "
                    f"or {self.layout.name}, and take away the files that do not belong to it."
                )
        elif not found:
            example = self.table(name).file.replace("{_flow}", "_2013").replace("{year}", "13")
            raise DeliveryError(
                f"{name} is missing from the delivery {self.folder}: no file is named {example}.csv (in any case). "
                f"Add the file, or point SNDS_DELIVERY to the folder that holds it."
            )
        return found


def open_delivery(folder: Path, layout: str | None = None) -> Delivery:
    """Look at the names and headers of the files of a folder and its sub-folders, to find tables and layout.

    Args:
        folder: the delivery.
        layout: name of a layout; None recognises it from file names and headers.

    Raises:
        DeliveryError: the folder or the layout does not exist.
    """
    if not folder.is_dir():
        raise DeliveryError(
            f"The delivery folder {folder} does not exist: set SNDS_DELIVERY to the folder of the files."
        )
    known = layouts()
    if layout is not None and layout not in known:
        raise DeliveryError(f"SNDS_LAYOUT is {layout!r}, which is no known layout; known are: {', '.join(known)}.")
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    files = {
        table.name: tuple(p for p in paths if p.suffix.lower() in SUFFIXES and table.file_pattern.fullmatch(p.stem))
        for table in known[OFFICIAL].tables.values()
    }
    claimed = {path for found in files.values() for path in found}
    return Delivery(
        folder,
        known[layout] if layout is not None else _recognised(known, paths, files),
        files,
        tuple(path.relative_to(folder).as_posix() for path in paths if path not in claimed),
    )


def look_at(path: Path) -> TextFile:
    """Find out how a text file is written. Reads it to its end, to know its encoding.

    Raises:
        DeliveryError: the file is empty, is no text, or names a column twice.
    """
    return _header(path, _encoding(path))


def _header(path: Path, encoding: str) -> TextFile:
    header_line, line = 1, ""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        for header_line, line in enumerate(file, start=1):  # noqa: B007
            if line.strip():
                break
    if not line.strip():
        raise DeliveryError(f"{path.name} is empty: not even a header line. Ask for the file again, or remove it.")
    line = line.rstrip("\r\n")
    separator = max(SEPARATORS, key=re.sub('"[^"]*"', "", line).count)
    names = [name.strip() for name in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    header = tuple(name or f"(column {place})" for place, name in enumerate(names, start=1))
    capitals = [name.upper() for name in header]
    for place, name in enumerate(capitals, start=1):
        if (first := capitals.index(name) + 1) < place:
            # The name is not said: a file without a header line has data there.
            raise DeliveryError(
                f"{path.name} has the same column twice in its header (columns {first} and {place}): keep one. "
                f"If the file has no header line, add it."
            )
    return TextFile(path, encoding, separator, header, header_line)


def _recognised(known: Mapping[str, Layout], paths: list[Path], files: Mapping[str, tuple[Path, ...]]) -> Layout:
    """The first layout one of whose signs is there; the official one if none is."""
    names = {path.stem.upper() for path in paths}

    def seen(sign: Signature) -> bool:
        if sign.file is not None and sign.file in names:
            return True
        headers = [_header_or_nothing(path) for path in files.get(sign.table or "", ())]
        return any(sign.has <= header and not sign.lacks & header for header in headers if header)

    return next((layout for layout in known.values() if any(map(seen, layout.recognised_by))), known[OFFICIAL])


def _header_or_nothing(path: Path) -> frozenset[str]:
    """The header in capitals; nothing where there is none, which the table's own asset will say."""
    try:
        return frozenset(name.upper() for name in _header(path, "utf-8-sig").header)
    except DeliveryError:
        return frozenset()


def _encoding(path: Path) -> str:
    """utf-8-sig if the whole file is UTF-8; else cp1252, the encoding of French SAS exports; else latin-1.

    Raises:
        DeliveryError: the file holds bytes that no text has.
    """
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            if BINARY.search(block):
                raise DeliveryError(
                    f"{path.name} is not a text file (it holds binary bytes): deliver it as CSV, "
                    f"decompressed and exported as text."
                )
    return next((name for name in ("utf-8-sig", "cp1252") if _is_written_in(name, path)), "latin-1")


def _is_written_in(encoding: str, path: Path) -> bool:
    """Whether the whole file can be decoded."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
