"""A delivery: which files hold which table of which year, and in which layout the tables come."""

import gzip
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from snds_omop_assets.contracts.contract_files import layouts
from snds_omop_assets.contracts.snds_tables import OFFICIAL, Layout, Signature, SndsTable
from snds_omop_assets.errors import DeliveryError

TEXT, PARQUET, SAS = "text", "parquet", "sas"
KINDS: Mapping[str, str] = {".csv": TEXT, ".txt": TEXT, ".parquet": PARQUET, ".sas7bdat": SAS}
"""How a file is read, by its extension; text may also come as .csv.gz, or inside a .zip."""

EXTENSIONS = re.compile(r"(?:\.[A-Za-z][A-Za-z0-9]{0,8}){1,2}$")

GZIP, ZIP = "gzip", "zip"

MAGIC: Mapping[bytes, str] = {
    b"\x1f\x8b": "gzip data: name it .csv.gz",
    b"PK\x03\x04": "a zip archive (or a spreadsheet): name it .zip, or export it as CSV",
    b"PAR1": "Parquet data: name it .parquet",
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc2\xea\x81\x60": "a SAS table: name it .sas7bdat",
}
"""First bytes of the kinds of files that come under a wrong extension."""

FIRST_YEAR = 1997
"""The first year of the PMSI; the DCIR has flows from 2006."""

LAST_CENTURY = 60
"""Two digits from here on are of the last century: T_MCO97B is of 1997, T_MCO05B of 2005, and T_MCO59B of 2059."""


@dataclass(frozen=True, order=True)
class Source:
    """One delivered file of one table.

    Attributes:
        name: its path in the delivery; a member of an archive follows the archive's name and a `!`.
        path: the file on disk.
        kind: text, parquet or sas.
        compression: gzip, zip or None.
        member: name in the archive.
        year: the year in its name, None where there is none.
    """

    name: str
    path: Path
    kind: str
    compression: str | None = None
    member: str | None = None
    year: int | None = None

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The decompressed bytes.

        Raises:
            DeliveryError: the file cannot be opened, or its compressed data is broken.
        """
        try:
            if self.compression == GZIP:
                with gzip.open(self.path) as file:
                    yield io.BufferedReader(file)
            elif self.compression == ZIP:
                with zipfile.ZipFile(self.path) as archive, self._member_of(archive) as member:
                    yield member
            else:
                with self.path.open("rb") as file:
                    yield file
        except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile):
            raise DeliveryError(
                f"{self.name} is cut or broken: its compressed data cannot be read to the end. "
                f"The transfer may have been interrupted: ask for the file again."
            ) from None
        except PermissionError:
            raise DeliveryError(
                f"{self.name} may not be read by this account: give it the right to read the file."
            ) from None
        except OSError as error:
            raise DeliveryError(f"{self.name} cannot be read: {error.strerror or 'the disk fails'}.") from None

    def _member_of(self, archive: zipfile.ZipFile) -> BinaryIO:
        try:
            return archive.open(str(self.member))  # type: ignore[return-value]
        except (RuntimeError, NotImplementedError):
            raise DeliveryError(
                f"{self.name} is protected by a password or packed in an unusual way: unpack the archive first."
            ) from None


@dataclass(frozen=True)
class Delivery:
    """The files of one delivery.

    Attributes:
        folder: where they are.
        layout: the contracts that fit them.
        files: sources by table name; a table may be cut into several files, in the order of their names.
        unclaimed: files that no table claims, as paths in the folder.
    """

    folder: Path
    layout: Layout
    files: Mapping[str, tuple[Source, ...]]
    unclaimed: tuple[str, ...]

    def table(self, name: str) -> SndsTable:
        """The contract of a table in this delivery's layout."""
        return self.layout.tables[name]

    @property
    def tables(self) -> list[str]:
        """The tables that are there, in the order of the contracts."""
        return [name for name in self.layout.tables if self.files.get(name)]

    def years_of(self, name: str) -> list[int]:
        """The years that the files of a table tell; none where the table comes whole.

        Raises:
            DeliveryError: some files tell a year and others do not; or those of the table that it belongs to do, and
                its own do not, or the other way round: its rows would not be joined.
        """
        sources = self.files.get(name, ())
        years = {source.year for source in sources if source.year is not None}
        if years and (whole := next((source for source in sources if source.year is None), None)):
            raise DeliveryError(
                f"{name} comes by year and as a whole: {whole.name} tells no year in its name. Name it as "
                f"{self.table(name).file_name(min(years))}, or take it away."
            )
        parent = self.table(name).parent
        above = {source.year is not None for source in self.files.get(parent, ())} if parent else set()
        if sources and len(above) == 1 and above != {bool(years)}:
            one, other = (name, parent) if years else (parent, name)
            raise DeliveryError(
                f"{one} comes by year and {other} as a whole: rows of {name} are joined to those of {parent} year by "
                f"year. Deliver both by year, named as {self.table(name).file_name(2019)}, or both whole."
            )
        return sorted(years)

    @property
    def years(self) -> list[int]:
        """Every year that a file of the delivery tells."""
        return sorted({source.year for sources in self.files.values() for source in sources if source.year is not None})

    def sources_of(self, name: str, year: int | None = None) -> tuple[Source, ...]:
        """The files of a table, of one year or all.

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
            unread = [
                file for file in self.unclaimed if self.table(name).file_pattern.fullmatch(_stem(Path(file).name))
            ]
            because = f" {unread[0]} is there, but not in a format that is read: export it as CSV." if unread else ""
            raise DeliveryError(
                f"{name} is missing from the delivery {self.folder}: no file is named {self.table(name).file_name()} "
                f"(in any case).{because} Add the file, or point SNDS_DELIVERY to the folder that holds it."
            )
        of_year = tuple(source for source in found if year is None or source.year == year)
        if found and not of_year:
            others = ", ".join(map(str, self.years_of(name))) or "one that tells no year"
            raise DeliveryError(f"{name}: the delivery has no file of {year}; it has {others}.")
        return of_year


def open_delivery(folder: Path, layout: str | None = None, overrides: Path | None = None) -> Delivery:
    """Look at the names and headers of the files of a folder and its sub-folders, to find tables and layout.

    Args:
        folder: the delivery.
        layout: name of a layout; None recognises it from file names and headers.
        overrides: folder of a project's own contracts (YAML).

    Raises:
        DeliveryError: the folder or the layout does not exist, or may not be read.
        ContractError: a contract of the project is wrong.
    """
    known = layouts(overrides)
    if layout is not None and layout not in known:
        raise DeliveryError(f"SNDS_LAYOUT is {layout!r}, which is no known layout; known are: {', '.join(known)}.")
    paths = _files(folder)
    files: dict[str, list[Source]] = {}
    unclaimed = []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        found = list(_sources(path, name, known[OFFICIAL]))
        for table, source in found:
            files.setdefault(table, []).append(source)
        if not found:
            unclaimed.append(name)
        elif path.suffix.lower() == ".zip":
            claimed = {source.member for _, source in found}
            unclaimed += [f"{name}!{member}" for member in _members(path) or () if member not in claimed]
    sources = {table: tuple(sorted(found)) for table, found in files.items()}
    return Delivery(
        folder,
        known[layout] if layout is not None else _recognised(known, paths, sources),
        sources,
        tuple(unclaimed),
    )


def _files(folder: Path) -> list[Path]:
    """Every file of a folder and its sub-folders, but for hidden ones.

    Raises:
        DeliveryError: the folder does not exist, or it or a sub-folder may not be read.
    """
    found: list[Path] = []
    try:
        if not folder.is_dir():
            raise DeliveryError(
                f"The delivery folder {folder} does not exist: set SNDS_DELIVERY to the folder of the files."
            )
        for path, folders, names in os.walk(folder, onerror=_refuse):
            folders[:] = [name for name in folders if not _hidden(name)]
            found += [Path(path, name) for name in names if not _hidden(name)]
        return sorted(path for path in found if path.is_file())
    except OSError as error:
        raise DeliveryError(
            f"The folder {error.filename or folder} of the delivery may not be read: give this account the right to."
        ) from None


def _refuse(error: OSError) -> None:
    """Walking through folders passes over those that may not be read, unless told to fail."""
    raise error


def _sources(path: Path, name: str, layout: Layout) -> Iterator[tuple[str, Source]]:
    """The tables that a file holds: one, those of an archive's members, or none."""
    if path.suffix.lower() == ".zip":
        members = _members(path)
        own_name = path.with_suffix(".csv").name
        if members is None and (found := _table_of(_stem(own_name), layout)) is not None:
            yield found[0], Source(name, path, TEXT, ZIP, None, found[1])  # opening it says what is wrong
        texts = [member for member in members or () if KINDS.get(Path(member).suffix.lower()) == TEXT]
        for member in texts:
            # An archive of one text may be named after the table, whatever its member is called.
            candidates = (Path(member).name, own_name) if len(texts) == 1 else (Path(member).name,)
            tables = (_table_of(_stem(candidate), layout) for candidate in candidates)
            if (found := next(filter(None, tables), None)) is not None:
                yield found[0], Source(f"{name}!{member}", path, TEXT, ZIP, member, found[1])
        return
    kind, compression = KINDS.get(path.suffix.lower()), None
    if path.suffix.lower() == ".gz" and KINDS.get(Path(path.stem).suffix.lower()) == TEXT:
        kind, compression = TEXT, GZIP
    if kind is not None and (found := _table_of(_stem(path.name), layout)) is not None:
        yield found[0], Source(name, path, kind, compression, None, found[1])


def _members(path: Path) -> list[str] | None:
    """The files in an archive; None where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(
                name
                for name in archive.namelist()
                if not name.endswith("/") and not any(map(_hidden, Path(name).parts))
            )
    except (zipfile.BadZipFile, OSError):
        return None


def _hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or is what a Mac adds to its archives."""
    return name.startswith(".") or name == "__MACOSX"


def _stem(name: str) -> str:
    """The name without its extensions: ER_PRS_F_2019.csv.gz is ER_PRS_F_2019. What has figures only is no extension."""
    return EXTENSIONS.sub("", name)


def stem_of(name: str) -> str:
    """The name of a file in a delivery without folder, archive and extensions, in capitals."""
    return _stem(Path(name.rsplit("!", maxsplit=1)[-1]).name).upper()


def _table_of(stem: str, layout: Layout) -> tuple[str, int | None] | None:
    """The table of a file name, and the year it tells; none for a year before the SNDS."""
    for table in layout.tables.values():
        if (match := table.file_pattern.fullmatch(stem)) is not None:
            year = _year(match.groupdict().get("year"))
            return (table.name, year) if year is None or year >= FIRST_YEAR else None
    return None


def _year(text: str | None) -> int | None:
    if text is None or not text.isdecimal():
        return None
    year = int(text)
    if len(text) > 2:  # noqa: PLR2004
        return year
    return year + (1900 if year >= LAST_CENTURY else 2000)


def _recognised(known: Mapping[str, Layout], paths: list[Path], files: Mapping[str, tuple[Source, ...]]) -> Layout:
    """The first layout one of whose signs is there; the official one if none is."""
    names = {_stem(path.name).upper() for path in paths}

    def seen(sign: Signature) -> bool:
        if sign.file is not None and sign.file in names:
            return True
        headers = [_first_names(source) for source in files.get(sign.table or "", ()) if source.kind == TEXT]
        return any(sign.has <= header and not sign.lacks & header for header in headers if header)

    return next((layout for layout in known.values() if any(map(seen, layout.recognised_by))), known[OFFICIAL])


def _first_names(source: Source) -> frozenset[str]:
    """The names in the first line, in capitals; nothing where it cannot be read, which the table's asset will say."""
    try:
        with source.opened() as file:
            line = file.readline(1 << 20).decode("utf-8-sig", errors="replace")
    except DeliveryError:
        return frozenset()
    return frozenset(name.strip().strip('"').upper() for name in re.split(r"[;,\t|]", line) if name.strip())
