"""A delivery: which files hold which table, and in which layout the tables come."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from snds_omop_assets.contracts.snds_tables import OFFICIAL, Layout, Signature, SndsTable, layouts
from snds_omop_assets.errors import DeliveryError

SUFFIXES = (".csv", ".txt")
SEPARATORS = ";,\t|"


@dataclass(frozen=True)
class TextFile:
    """A delivered text file and how it is written.

    Attributes:
        encoding: utf-8-sig (with or without a mark at its start) or cp1252.
        separator: what stands between two values.
        header: names of the columns as delivered, without blanks and quotes.
    """

    path: Path
    encoding: str
    separator: str
    header: tuple[str, ...]


@dataclass(frozen=True)
class Delivery:
    """The files of one delivery.

    Attributes:
        folder: where they are.
        layout: the contracts that fit them.
        files: paths by table name; a table may be cut into several files, in the order of their names.
    """

    folder: Path
    layout: Layout
    files: Mapping[str, tuple[Path, ...]]

    def table(self, name: str) -> SndsTable:
        """The contract of a table in this delivery's layout."""
        return self.layout.tables[name]

    def files_of(self, name: str) -> tuple[Path, ...]:
        """The files of a table.

        Raises:
            DeliveryError: there is none.
        """
        if not (found := self.files.get(name, ())):
            example = self.table(name).file.replace("{_year}", "_2013").replace("{year}", "13")
            raise DeliveryError(
                f"{name} is missing from the delivery {self.folder}: no file is named {example}.csv (in any case). "
                f"Add the file, or point SNDS_DELIVERY to the folder that holds it."
            )
        return found


def open_delivery(folder: Path, layout: str | None = None) -> Delivery:
    """Look at the files of a folder and its sub-folders: find the tables and recognise the layout.

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
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    files = _files_by_table(paths, known[OFFICIAL].tables)
    chosen = known[layout] if layout is not None else _recognised(known, paths, files)
    return Delivery(folder, chosen, _files_by_table(paths, chosen.tables))


def look_at(path: Path) -> TextFile:
    """Find out how a text file is written: its encoding, its separator, its header.

    Raises:
        DeliveryError: the file is empty, is no text, or names a column twice.
    """
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        line = file.readline().rstrip("\r\n")
    if not line.strip():
        raise DeliveryError(f"{path.name} is empty: not even a header line. Ask for the file again, or remove it.")
    separator = max(SEPARATORS, key=line.count)
    header = tuple(name.strip().strip('"').strip() for name in line.split(separator))
    if repeated := sorted({name for name in header if header.count(name) > 1}):
        raise DeliveryError(f"{path.name} names the column {repeated[0]!r} more than once in its header: keep one.")
    return TextFile(path, encoding, separator, header)


def _files_by_table(paths: list[Path], tables: Mapping[str, SndsTable]) -> dict[str, tuple[Path, ...]]:
    return {
        table.name: tuple(p for p in paths if table.file_pattern.fullmatch(p.stem))
        for table in tables.values()
        if table.delivered
    }


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
    """The header in capitals; nothing where the file cannot be read, which its own asset will say."""
    try:
        return frozenset(name.upper() for name in look_at(path).header)
    except DeliveryError:
        return frozenset()


def _encoding(path: Path) -> str:
    """utf-8-sig if the whole file is UTF-8, else cp1252, the encoding of French SAS exports.

    Raises:
        DeliveryError: the file holds bytes that no text has.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    encoding = "utf-8-sig"
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            if re.search(rb"[\x00-\x08\x0e-\x1f]", block):
                raise DeliveryError(
                    f"{path.name} is not a text file (it holds binary bytes): deliver it as CSV, "
                    f"decompressed and exported as text."
                )
            if encoding == "utf-8-sig":
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    encoding = "cp1252"
    return encoding
