"""A download of Athena: a folder or a zip of tab-separated files, found, and looked at before it is read."""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.errors import VocabularyError
from snds_omop_assets.vocabulary.loaded import OPTIONAL, REQUIRED, TABLES

FILES: Mapping[str, str] = {f"{table}.csv": table for table in TABLES}
"""Athena's names are these, in capitals."""

BLOCK_BYTES = 1 << 24
LONGEST_HEADER = 1 << 16
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
OTHER_SEPARATORS: Mapping[str, str] = {",": "commas", ";": "semicolons", "|": "vertical bars"}

VERSION = re.compile(r"v5\.\d+ .*\S")
"""A release of the vocabularies of the CDM v5, such as `v5.0 30-AUG-24`."""

WHOLE_VOCABULARY = "None"
"""The row of VOCABULARY that tells the version of the whole (OHDSI's convention)."""

AGAIN = "download and unpack it again"


@dataclass(frozen=True)
class DownloadFile:
    """One file of a download.

    Attributes:
        table: the CDM table whose rows it has.
        name: its name for people; a member follows its zip and a `!`.
        path: the file on disk, the zip for a member.
        member: name in the zip.
        size: bytes, unpacked.
        mark: the time of its last change, or the CRC that the zip tells.
    """

    table: str
    name: str
    path: Path
    member: str | None
    size: int
    mark: int

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The bytes, unpacked.

        Raises:
            VocabularyError: the file cannot be read, or the zip is broken.
        """
        try:
            if self.member is None:
                with self.path.open("rb") as file:
                    yield file
            else:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as member:
                    yield cast(BinaryIO, member)
        except (EOFError, zlib.error, zipfile.BadZipFile):
            raise VocabularyError(f"{self.name} is cut or broken in the zip: {AGAIN}.") from None
        except (RuntimeError, NotImplementedError):
            raise VocabularyError(
                f"{self.name} is protected by a password or packed in an unusual way: unpack the zip and give the "
                f"folder."
            ) from None
        except OSError as error:
            raise VocabularyError(f"{self.name} cannot be read: {error.strerror or 'the disk fails'}.") from None

    def blocks(self, size: int) -> Iterator[bytes]:
        """The bytes in blocks of this size. Only what happens while it reads is told as an error of this file.

        Raises:
            VocabularyError: see `opened`.
        """
        with self.opened() as file:
            while block := file.read(size):
                yield block

    def header(self) -> list[str]:
        """The names of the columns, in small letters.

        Raises:
            VocabularyError: the file is empty, is no text of tab-separated UTF-8, or lacks a column.
        """
        with self.opened() as file:
            line = file.readline(LONGEST_HEADER)
        if not line.strip():
            raise VocabularyError(f"{self.name} is empty: {AGAIN}.")
        if line.startswith(UTF16_MARKS) or b"\0" in line:
            raise VocabularyError(
                f"{self.name} is written in UTF-16: give the files as Athena makes them, which are in UTF-8."
            )
        try:
            text = line.removeprefix(UTF8_MARK).decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise not_utf8(self.name, 1) from None
        names = [name.strip().strip('"').lower() for name in text.split("\t")]
        if len(names) == 1 and (other := max(OTHER_SEPARATORS, key=text.count)) in text:
            raise VocabularyError(
                f"{self.name} is separated by {OTHER_SEPARATORS[other]} and not by tabs: give the files as Athena "
                f"makes them."
            )
        wanted = cdm_tables()[self.table].schema.names
        if lacking := [name for name in wanted if name not in names]:
            columns = "the column" if len(lacking) == 1 else "the columns"
            raise VocabularyError(f"{self.name} lacks {columns} {', '.join(lacking)} in its first line: {AGAIN}.")
        if twice := next((name for name in wanted if names.count(name) > 1), None):
            raise VocabularyError(f"{self.name} has the column {twice} twice: {AGAIN}.")
        if not line.endswith(b"\n"):
            raise cut(self.name)
        return names


@dataclass(frozen=True)
class Download:
    """The files of a download.

    Attributes:
        kind: `folder` or `zip`.
        files: by table; optional tables may lack.
        headers: the names of the columns of each file.
        version: of the vocabularies, like `v5.0 30-AUG-24`.
    """

    kind: str
    files: Mapping[str, DownloadFile]
    headers: Mapping[str, Sequence[str]]
    version: str

    @property
    def absent(self) -> tuple[str, ...]:
        """The optional tables that it lacks."""
        return tuple(table for table in OPTIONAL if table not in self.files)

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes of each file, unpacked."""
        return {table: file.size for table, file in self.files.items()}

    @property
    def signature(self) -> str:
        """Tells in no time whether this may be another download; the same content can have several."""
        seen = [self.kind, *((f.table, Path(f.member or f.name).name, f.size, f.mark) for f in self.files.values())]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()

    def content_hash(self) -> str:
        """The hash of all bytes, the same for a folder and its zip; reads everything.

        Raises:
            VocabularyError: a file cannot be read.
        """
        digests = {}
        for table, file in self.files.items():
            digest = hashlib.sha256()
            for block in file.blocks(BLOCK_BYTES):
                digest.update(block)
            digests[table] = digest.hexdigest()
        return hash_of(digests)


def open_download(path: Path) -> Download:
    """Find the files of a download and look at their first lines.

    Args:
        path: a folder or a zip; the files may lie in one folder within.

    Raises:
        VocabularyError: says in one sentence what is wrong with the download.
    """
    kind, found = _found(path)
    if not found:
        raise VocabularyError(
            f"{path} has no CONCEPT.csv: give the folder or the zip of a download of Athena (athena.ohdsi.org)."
        )
    if lacking := [f"{table.upper()}.csv" for table in REQUIRED if table not in found]:
        raise VocabularyError(f"{path} lacks {', '.join(lacking)}: {AGAIN}.")
    files = {table: found[table] for table in TABLES if table in found}
    headers = {table: file.header() for table, file in files.items()}
    return Download(kind, files, headers, _version(files["vocabulary"], headers["vocabulary"]))


def hash_of(digests: Mapping[str, str]) -> str:
    """The hash of a download, of the sha256 of its files by table."""
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def not_utf8(name: str, line: int) -> VocabularyError:
    """The sentence for a file with a byte that is no UTF-8."""
    return VocabularyError(
        f"{name}, line {line}: not in UTF-8. Give the files as Athena makes them, not saved again by another program."
    )


def cut(name: str) -> VocabularyError:
    """The sentence for a file that ends within a line."""
    return VocabularyError(f"{name} is cut: its last line is not whole. The transfer was interrupted; {AGAIN}.")


def _found(path: Path) -> tuple[str, Mapping[str, DownloadFile]]:
    """The kind of a download and its files, by table."""
    try:
        if path.is_dir():
            return "folder", _in_folder(path)
        if not path.exists():
            raise VocabularyError(
                f"The vocabulary {path} does not exist: correct the path that was given, or SNDS_VOCABULARY."
            )
        with path.open("rb") as file:
            magic = file.read(4)
        if magic != b"PK\x03\x04":
            raise VocabularyError(
                f"{path} is neither a folder nor a zip: give the folder or the zip of a download of Athena."
            )
        return "zip", _in_zip(path)
    except zipfile.BadZipFile:
        raise VocabularyError(f"{path} is a zip that is cut or broken: download it again.") from None
    except OSError as error:
        raise VocabularyError(f"{path} cannot be read: {error.strerror or 'the disk fails'}.") from None


def _in_folder(path: Path) -> Mapping[str, DownloadFile]:
    places = [path, *sorted(inside for inside in path.iterdir() if inside.is_dir())]
    files = [file for place in places for file in sorted(place.iterdir()) if file.name.lower() in FILES]
    found = []
    for file in files:
        state = file.stat()
        name = str(file.relative_to(path))
        found.append(
            DownloadFile(FILES[file.name.lower()], name, file, None, state.st_size, state.st_mtime_ns)
        )  # fmt: skip
    return _by_table(path, found)


def _in_zip(path: Path) -> Mapping[str, DownloadFile]:
    found = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            inside = PurePosixPath(member.filename)
            if inside.name.lower() in FILES and not inside.parts[0].startswith("__MACOSX"):
                table, name = FILES[inside.name.lower()], f"{path.name}!{member.filename}"
                found.append(DownloadFile(table, name, path, member.filename, member.file_size, member.CRC))
    return _by_table(path, found)


def _by_table(path: Path, found: Sequence[DownloadFile]) -> Mapping[str, DownloadFile]:
    files: dict[str, DownloadFile] = {}
    for file in found:
        if file.table in files:
            raise VocabularyError(
                f"{path} has {file.table.upper()}.csv twice ({files[file.table].name} and {file.name}): give one "
                f"download only."
            )
        files[file.table] = file
    return files


def _version(file: DownloadFile, header: Sequence[str]) -> str:
    """What the row of the whole says in VOCABULARY, a small file that is read as text."""
    key, said = header.index("vocabulary_id"), header.index("vocabulary_version")
    with file.opened() as opened:
        lines = opened.read().decode("utf-8", errors="replace").splitlines()
    rows = [line.split("\t") for line in lines[1:]]
    versions = [row[said].strip() for row in rows if len(row) == len(header) and row[key] == WHOLE_VOCABULARY]
    if not versions:
        raise VocabularyError(
            f"{file.name} tells no version: it has no row of the vocabulary '{WHOLE_VOCABULARY}'. Give a download of "
            f"Athena for the CDM v5."
        )
    if not VERSION.fullmatch(versions[0]):
        raise VocabularyError(
            f"{file.name} tells the version {versions[0][:40]!r}, which is unknown: a download of Athena for the CDM "
            f"v5 has one like 'v5.0 30-AUG-24'."
        )
    return versions[0]
