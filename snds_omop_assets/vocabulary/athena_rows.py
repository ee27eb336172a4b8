"""The rows of a file of a download, typed as the CDM has them, some at a time.

Athena quotes nothing: a quote is a character like any other, and every line is one row. Texts are read as they are
(`NULL` and `NA` are texts), an empty one is no value. Dates are YYYYMMDD.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

import pandera.errors
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from snds_omop_assets.contracts.cdm_schemas import polars_cdm_schema
from snds_omop_assets.contracts.cdm_tables import CdmField, CdmTable, cdm_tables
from snds_omop_assets.errors import VocabularyError
from snds_omop_assets.vocabulary.download import AGAIN, DownloadFile, cut, not_utf8

BLOCK_BYTES = 1 << 24
"""Read at once; typed rows take about twice as much memory, and some blocks are on their way at a time."""

FEW_TEXTS = pa.dictionary(pa.int32(), pa.string())
"""A column of few different values: each is typed once."""


WRONG: Mapping[pa.DataType, str] = {
    pa.int64(): "is no whole number",
    pa.float64(): "is no number",
    pa.date32(): "is no date like 20240830",
}
"""What is said of a value that has not the type of its column."""


@dataclass
class AthenaRows:
    """The rows of one file, to be walked through once.

    Attributes:
        file: the file.
        header: the names of its columns.
        too_long: how many texts are longer than the CDM allows, by column; complete after the last row. They are kept:
            Athena's own files have some.
        digest: of the bytes; complete after the last row.
    """

    file: DownloadFile
    header: Sequence[str]
    too_long: dict[str, int] = field(default_factory=dict)
    digest: Any = field(default_factory=sha256)

    def tables(self) -> Iterator[pa.Table]:
        """The rows, a block at a time, judged by the CDM's contract.

        Raises:
            VocabularyError: says in which line what is wrong.
        """
        table = cdm_tables()[self.file.table]
        schema = polars_cdm_schema(table)
        for block, first_line in self._blocks():
            try:
                rows = _typed(block, self.header, table)
                frame = pl.DataFrame(pl.from_arrow(rows))
                schema.validate(frame, lazy=True)
            except (pa.ArrowException, pandera.errors.SchemaErrors):
                raise _what_is_wrong(block, first_line, self.file.name, self.header, table) from None
            self._measure(frame, table)
            yield rows

    def _blocks(self) -> Iterator[tuple[bytes, int]]:
        """Whole lines, and the number of the first of them; the header is left out."""
        rest, line = b"", 1
        for block in self.file.blocks(BLOCK_BYTES):
            self.digest.update(block)
            end = block.rfind(b"\n") + 1
            if not end:
                rest += block
                continue
            whole = rest + block[:end]
            rest = block[end:]
            start = 0
            if line == 1:
                start = whole.index(b"\n") + 1
                line = 2
            if start < len(whole):
                yield whole[start:] if start else whole, line
                line += whole.count(b"\n", start)
        if rest:
            raise cut(self.file.name)

    def _measure(self, frame: pl.DataFrame, table: CdmTable) -> None:
        for column in table.fields:
            if (longest := column.max_length) is not None:
                texts = frame[column.name]
                # Bytes are known without counting; a text has no more characters than bytes.
                texts = texts.filter(texts.str.len_bytes() > longest)
                if longer := int((texts.str.len_chars() > longest).sum()):
                    self.too_long[column.name] = self.too_long.get(column.name, 0) + longer


def _typed(block: bytes, header: Sequence[str], table: CdmTable) -> pa.Table:
    """The rows of some lines; Arrow raises what does not fit."""
    names = table.schema.names
    places = [name if name in names else f"{name} {place}" for place, name in enumerate(header)]
    kinds = {f.name: FEW_TEXTS if f.arrow == pa.date32() else f.arrow for f in table.fields}
    rows = pyarrow.csv.read_csv(
        pa.BufferReader(block),
        read_options=pyarrow.csv.ReadOptions(column_names=places),
        parse_options=pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False, double_quote=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=kinds, include_columns=names, null_values=[""], strings_can_be_null=True
        ),
    )
    dated = [_dates(rows[f.name]) if f.arrow == pa.date32() else rows[f.name] for f in table.fields]
    return pa.table(dated, schema=table.schema)


def _dates(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    chunks = []
    for chunk in texts.chunks:
        days = pa.array([_day(text) for text in chunk.dictionary.to_pylist()], pa.date32())
        chunks.append(pc.take(days, chunk.indices))
    return pa.chunked_array(chunks, pa.date32())


def _day(text: str) -> date:
    """The day of a text like 19700131.

    Raises:
        ArrowInvalid: it is none.
    """
    if len(text) == 8 and text.isascii() and text.isdecimal():  # noqa: PLR2004
        try:
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            pass
    raise pa.ArrowInvalid("no date")


def _what_is_wrong(block: bytes, first_line: int, name: str, header: Sequence[str], table: CdmTable) -> VocabularyError:
    """The sentence for the first line of a block that is wrong; looked for only once something is."""
    wanted = [(header.index(f.name), f) for f in table.fields]
    for number, raw in enumerate(block.split(b"\n")[:-1], start=first_line):
        line = raw.removesuffix(b"\r")
        if not line:
            continue
        place = f"{name}, line {number}"
        try:
            values = line.decode("utf-8").split("\t")
        except UnicodeDecodeError:
            return not_utf8(name, number)
        if "\r" in values[-1] or len(values) != len(header):
            return VocabularyError(
                f"{place}: {len(values)} columns in place of {len(header)}, or a line end within a value: {AGAIN}."
            )
        for at, column in wanted:
            if (wrong := _wrong_value(values[at], column)) is not None:
                return VocabularyError(f"{place}: {column.name} {wrong}: {AGAIN}.")
    return VocabularyError(f"{name} has a line from {first_line} on that cannot be read: {AGAIN}.")


def _wrong_value(text: str, column: CdmField) -> str | None:
    """What is wrong with a value; None if nothing is."""
    if not text:
        return "has no value, which every row must have" if column.required else None
    try:
        _day(text) if column.arrow == pa.date32() else pa.scalar(text).cast(column.arrow)
    except pa.ArrowInvalid:
        return WRONG[column.arrow]
    return None
