"""How a delivered file is written: found from its bytes and its first rows, so that nobody has to say it."""

import codecs
import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.contracts.column_types import DATE_FORMATS
from snds_omop_assets.contracts.snds_tables import Column, SndsTable
from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.coding import different
from snds_omop_assets.reception.delivery import MAGIC, PARQUET, TEXT, Source

SEPARATORS = ";,\t|"
BESIDE_VALUES = (b";", b",", b"|", b'"', b"\n", b"\r")
BLOCK_BYTES = 1 << 20
FIRST_PRINTED, END_OF_LINE, CARRIAGE_RETURN, END_OF_FILE = 0x20, 0x0A, 0x0D, 0x1A
"""Old DOS exports end their files with the last of these; the other control characters stand in no text."""

ACCENT_OF_UTF8 = re.compile(rb"[\xc3\xc5][\x80-\xbf]|\xe2\x80[\x80-\xbf]")
"""A French letter or punctuation in UTF-8, which is no pair of letters of a word in Windows-1252 or Latin-1."""

NEVER_A_VALUE = ("NULL", "null", "(null)", "\\N", "#N/A")
"""Texts that exports write for "no value" and that no column has as a value."""

MISSING_TEXTS = ("", ".", "NULL", "null", "(null)", "\\N", "NA", "N/A", "NaN", "nan", "None", "#N/A")
"""Texts that exports write for "no value": SAS a point, databases NULL, R and Python NA and NaN."""

DATED = ("date", "year_month")
"""The types whose texts come in several formats."""

TIME_OF_DAY = r"[ T:]\d{2}:\d{2}(?::\d{2})?(?:[.,]\d+)?$"
"""What follows the day in SAS's DATETIME20 and in timestamps; the SNDS has no times of day."""


@dataclass(frozen=True)
class Fingerprint:
    """What tells whether a file is the same as before.

    Attributes:
        sha256: of the file's bytes, unpacked.
        bytes: their number.
        state: size and time of change, to see whether the file changes while it is read.
    """

    sha256: str
    bytes: int
    state: tuple[int, int] = field(compare=False)


@dataclass(frozen=True)
class Written:
    """How a file is written.

    Attributes:
        encoding: utf-8-sig (with or without a mark at its start), cp1252 or latin-1; None where the format tells.
        separator: what stands between two values; None where the format tells.
        header: names of the columns as delivered, without blanks and quotes; a column without a name gets a number.
        header_line: line of the header; lines before it are blank.
        lines: physical lines of a text file, an independent count against which its rows are accounted for.
        unusual: bytes that a value should not have may be there (not ASCII, or tabs), so values are looked at.
        blanks: values may have blanks at their ends.
        ends_in_a_line: the last line is ended as the others are.
        mixed: some accents are those of UTF-8 and some are not.
        ends_as_dos: the last byte is the end of a file of an old DOS export, which is no row.
    """

    encoding: str | None
    separator: str | None
    header: tuple[str, ...]
    header_line: int = 0
    lines: int | None = None
    unusual: bool = True
    blanks: bool = True
    ends_in_a_line: bool = True
    ends_as_dos: bool = False
    mixed: bool = False


@dataclass(frozen=True)
class Formats:
    """How the values of a file are written, found from its first rows.

    Attributes:
        dates: a name of DATE_FORMATS by column; columns without a date in these rows are left out.
        missing: texts that stand for no value in every column.
        decimal_comma: amounts are written 1,50.
    """

    dates: Mapping[str, str]
    missing: frozenset[str] = frozenset()
    decimal_comma: bool = False

    def told(self) -> dict[str, str | list[str]]:
        """For the manifest and the report; columns are grouped by format."""
        by_format: dict[str, list[str]] = {}
        for column, name in self.dates.items():
            by_format.setdefault(name, []).append(column)
        return {
            **{f"dates {name}": sorted(columns) for name, columns in sorted(by_format.items())},
            "decimal": "comma" if self.decimal_comma else "point",
            "missing": sorted(self.missing),
        }


def fingerprint(source: Source) -> Fingerprint:
    """Read a file once for its sha256.

    Raises:
        DeliveryError: see `Source.opened`.
    """
    state = state_of(source)
    digest, size = hashlib.sha256(), 0
    # A packed file is known by what is in it, so that the same rows are the same in whatever they come.
    with source.opened() as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return Fingerprint(digest.hexdigest(), size, state)


def state_of(source: Source) -> tuple[int, int]:
    """Size and time of change of the file."""
    try:
        found = source.path.stat()
    except OSError as error:
        raise DeliveryError(f"{source.name} cannot be read: {error.strerror}.") from None
    return found.st_size, found.st_mtime_ns


def look_at(source: Source, table: SndsTable) -> Written:
    """Find out how a file is written; reads a text to its end, to know its encoding and count its lines.

    Raises:
        DeliveryError: the file is empty, is no text, is broken, or names a column twice.
    """
    if source.kind == TEXT:
        return _look_at_text(source, table)
    if source.kind == PARQUET:
        try:
            names = tuple(pq.read_schema(source.path).names)
        except (pa.ArrowException, OSError):
            raise DeliveryError(f"{source.name} is not a whole Parquet file: ask for it again.") from None
    else:
        from snds_omop_assets.reception.reading_sas import sas_names  # an extra: only who has SAS files needs it

        names = sas_names(source)
    _refuse_twice(names, source)
    return Written(None, None, names)


def find_formats(frame: pl.DataFrame, table: SndsTable, known: Formats | None = None) -> Formats:
    """How dates, numbers and missing values are written, from some rows of text.

    Args:
        frame: text columns, coded or not, under their official names.
        table: the contract; a format that it fixes is taken as it is.
        known: what the rows before told; only columns that had no date there are looked at again.
    """
    if known is not None:
        dates = [c for c in table.columns.values() if c.type in DATED and c.name in frame.columns]
        rest = {c.name: form for c in dates if c.name not in known.dates and (form := _format_of(frame, c)) is not None}
        return replace(known, dates={**known.dates, **rest}) if rest else known
    forms, missing, commas, points = {}, set(table.reading.missing), 0, 0
    for column in table.columns.values():
        if column.name not in frame.columns or column.kind.arrow == pa.string():
            continue
        texts = _different(frame, column)
        missing |= {text for text in texts.filter(texts.is_in(MISSING_TEXTS)) if text}
        if column.type in DATED:
            if (form := _format_of(frame, column)) is not None:
                forms[column.name] = form
        elif column.type == "decimal":
            commas += int(texts.str.contains(",", literal=True).sum())
            points += int(texts.str.contains(".", literal=True).sum())
    return Formats(forms, frozenset(missing), commas > points)


def _format_of(frame: pl.DataFrame, column: Column) -> str | None:
    return column.format or _date_format(_different(frame, column), column)


def _different(frame: pl.DataFrame, column: Column) -> pl.Series:
    return different(frame[column.name]).str.strip_chars().unique()


def _date_format(texts: pl.Series, column: Column) -> str | None:
    """The format that most of the different values have; None where none has one."""
    days = texts.str.replace(TIME_OF_DAY, "")
    days = days.filter(~days.is_in(MISSING_TEXTS))
    fits = {name: int(days.str.contains(f"^(?:{shape})$").sum()) for name, shape in DATE_FORMATS.items()}
    if column.type == "date":  # a month is no day
        del fits["yyyymm"], fits["mmyyyy"]
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] else None


def _look_at_text(source: Source, table: SndsTable) -> Written:
    fixed = table.reading
    utf8 = codecs.getincrementaldecoder("utf-8")()
    is_utf8, is_cp1252, ascii_only, unusual, blanks, lines, last = True, True, True, False, False, 0, b""
    mixed = False
    quotes = 0  # in the line that the last block ends with
    with source.opened() as file:
        while block := file.read(BLOCK_BYTES):
            if lines == 0 and not last:
                _refuse_other_kinds(block, source)
            # Counted on arrays: bytes take five times longer to count, and a search by pattern ten times.
            values = np.frombuffer(block, np.uint8)
            ends = int(np.count_nonzero(values == END_OF_LINE))
            unusual = _has_controls(values, source, lines, ends) or unusual
            if not block.isascii():
                ascii_only, unusual = False, True
                if is_utf8:
                    try:
                        utf8.decode(block)
                    except UnicodeDecodeError:
                        is_utf8 = False
                mixed = mixed or ACCENT_OF_UTF8.search(block) is not None
                # the five bytes that Windows-1252 leaves undefined
                is_cp1252 = is_cp1252 and not re.search(rb"[\x81\x8d\x8f\x90\x9d]", block)
            unusual = unusual or b"\x7f" in block
            blanks = blanks or unusual or _has_blanks_at_ends(block, last)
            lines += ends
            last_line = block.rfind(b"\n") + 1
            quotes = block.count(b'"', last_line) + (0 if last_line else quotes)
            last = block[-1:]
    if is_utf8 and not ascii_only:
        try:
            utf8.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    encoding = fixed.encoding or ("utf-8-sig" if is_utf8 else "cp1252" if is_cp1252 else "latin-1")
    as_dos = last == bytes([END_OF_FILE])
    ended = as_dos or last in (b"\n", b"")
    lines += last not in (b"\n", b"")
    if quotes % 2 and not ended:
        raise DeliveryError(
            f"{source.name} ends in the middle of line {lines}, within a quoted value: the transfer was cut. Ask for "
            f"the file again."
        )
    header, header_line, separator = _header(source, encoding, fixed.separator)
    return Written(
        encoding, separator, header, header_line, lines, unusual, blanks, ended, as_dos, mixed and not is_utf8
    )


def _has_blanks_at_ends(block: bytes, last: bytes) -> bool:
    """Whether a blank stands beside a separator, a quote or the end of a line; `last` is the byte before the block."""
    if b" " not in block:
        return False
    beside = [mark + b" " for mark in BESIDE_VALUES] + [b" " + mark for mark in BESIDE_VALUES]
    at_an_end = block[:1] == b" " or block[-1:] == b" " or last == b" "
    return at_an_end or any(pair in block for pair in beside)


def _header(source: Source, encoding: str, separator: str | None) -> tuple[tuple[str, ...], int, str]:
    """Names, line and separator of the first line that is not blank."""
    header_line, line = 0, ""
    with source.opened() as file:
        for header_line, raw in enumerate(file, start=1):  # noqa: B007
            line = raw.decode(encoding, errors="replace").strip("\r\n\ufeff")
            if line.strip():
                break
    if not line.strip():
        raise DeliveryError(f"{source.name} is empty: not even a header line. Ask for the file again, or remove it.")
    separator = separator or max(SEPARATORS, key=re.sub('"[^"]*"', "", line).count)
    if "\r" in line:
        raise DeliveryError(
            f"{source.name} ends its lines with a carriage return alone: export it with the line ends of Unix or "
            f"Windows."
        )
    names = [name.strip() for name in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    header = tuple(name or f"(column {place})" for place, name in enumerate(names, start=1))
    _refuse_twice(header, source)
    return header, header_line, separator


def _refuse_other_kinds(block: bytes, source: Source) -> None:
    for magic, meaning in MAGIC.items():
        if block.startswith(magic):
            raise DeliveryError(f"{source.name} is not a text file: it holds {meaning}.")


def _has_controls(values: npt.NDArray[np.uint8], source: Source, lines_before: int, ends: int) -> bool:
    """Whether there are control characters beside ends of lines; bytes that no text has are refused."""
    controls = np.count_nonzero(values < FIRST_PRINTED) - ends
    if controls == 0:
        return False
    if controls == np.count_nonzero((values[:-1] == CARRIAGE_RETURN) & (values[1:] == END_OF_LINE)):
        return False
    wrong = np.flatnonzero((values < FIRST_PRINTED) & ~np.isin(values, [9, 10, 11, 12, 13, END_OF_FILE]))
    if len(wrong):
        line = lines_before + int(np.count_nonzero(values[: wrong[0]] == END_OF_LINE)) + 1
        what = "a NUL byte" if values[wrong[0]] == 0 else "a binary byte"
        raise DeliveryError(
            f"{source.name} is not a text file (line {line} holds {what}): it is broken or no CSV. Export it again "
            f"as text."
        )
    return True


def _refuse_twice(names: tuple[str, ...], source: Source) -> None:
    capitals = [name.upper() for name in names]
    for place, name in enumerate(capitals, start=1):
        if (first := capitals.index(name) + 1) < place:
            # The name is not said: a file without a header line has data there.
            raise DeliveryError(
                f"{source.name} has the same column twice in its header (columns {first} and {place}): keep one. "
                f"If the file has no header line, add it."
            )
