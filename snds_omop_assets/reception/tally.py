"""From the files of one table and year to typed rows in the store: read, typed, judged, described, accounted for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandera.polars as pa_polars
import polars as pl

from snds_omop_assets.contracts.snds_schemas import snds_schema
from snds_omop_assets.contracts.snds_tables import DELIVERED, FLOW_MONTH, SOURCE_FILE, SOURCE_LINE, SndsTable
from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.coding import different, to_arrow
from snds_omop_assets.reception.columns import columns_of
from snds_omop_assets.reception.delivery import TEXT, Delivery, Source
from snds_omop_assets.reception.describing import Description
from snds_omop_assets.reception.judging import faults_of, set_aside
from snds_omop_assets.reception.looking import Fingerprint, Formats, Written, find_formats, look_at
from snds_omop_assets.reception.parsing import Parsed, parse
from snds_omop_assets.reception.quarantine import ROW_SET_ASIDE, Quarantine, rejects
from snds_omop_assets.reception.reading import TextBatch, text_batches
from snds_omop_assets.reception.receipt import FileReceipt, Receipt
from snds_omop_assets.reception.store import WITHOUT_MONTH, PartWriter

REPEATED_HEADER = "repeats the header"
MARK_OF_UTF8 = "\ufeff"


@dataclass
class Tally:
    """Receives the files of one table and year one after the other, into the parts, and keeps the accounts.

    Attributes:
        delivery: where the files come from.
        table: the contract.
        receipt: filled as the files are received.
        quarantine: where rejects go.
        parts: where rows go.
        progress: called with rows read since the last call.
    """

    delivery: Delivery
    table: SndsTable
    receipt: Receipt
    quarantine: Quarantine
    parts: PartWriter
    progress: Callable[[int], None] | None
    _seen: dict[str, FileReceipt] = field(default_factory=dict)

    @cached_property
    def _description(self) -> Description:
        return Description(self.table, self.receipt)

    def add(self, source: Source, known: Fingerprint) -> None:
        """Receive one file."""
        if (twin := self._seen.get(known.sha256)) is not None:
            self.receipt.files.append(
                FileReceipt(source.name, known.sha256, known.bytes, twin.rows, duplicates=twin.rows, copy_of=twin.file,
                            columns=twin.columns)
            )  # fmt: skip
            return
        written = look_at(source, self.table)
        file = FileReceipt(source.name, known.sha256, known.bytes)
        self._seen[known.sha256] = file
        self.receipt.files.append(file)
        names = columns_of(self.delivery.layout, self.table, source, written, file)
        schema, formats = snds_schema(self.table, names), None
        # Of a pseudonym there are nearly as many texts as rows.
        coded = [delivered for name, delivered in names.items() if self.table.columns[name].type != "pseudonym"]
        for batch in text_batches(source, written, self.progress, coded):
            _refuse_cut(batch, source, written)
            renamed = {delivered: official for official, delivered in names.items()}
            text = batch.frame.select(list(renamed)).rename(renamed)
            formats = find_formats(text, self.table, formats)
            self._add_batch(batch, text, formats, written, schema, file)
        counted = file.stored + file.set_aside
        file.rows = counted if written.lines is None else written.lines - written.header_line - file.blank_lines
        file.written = {
            "kind": source.kind, "compression": source.compression, "encoding": written.encoding,
            "separator": written.separator, **(formats or Formats({})).told(),
        }  # fmt: skip
        if written.mixed:
            file.written["mixed encodings"] = True

    def _add_batch(
        self,
        batch: TextBatch,
        text: pl.DataFrame,
        formats: Formats,
        written: Written,
        schema: pa_polars.DataFrameSchema,
        file: FileReceipt,
    ) -> None:
        """Type one batch, let Pandera judge it, set aside what fails, store the rest, and keep the accounts."""
        table, lines = self.table, batch.lines
        if batch.ragged:
            width = len(written.header)
            numbers = pl.Series([row.line for row in batch.ragged])
            reasons = pl.Series([f"{row.values} values where the header has {width}" for row in batch.ragged])
            self.quarantine.add(rejects(file.file, numbers, "", ROW_SET_ASIDE, reasons))
            file.set_aside += len(batch.ragged)
        file.blank_lines += batch.blank
        header = _repeated_header(batch.frame)
        if header is not None:
            self.quarantine.add(rejects(file.file, lines.filter(header), "", ROW_SET_ASIDE, REPEATED_HEADER))
            file.set_aside += int(header.sum())
            text, lines = text.filter(~header), lines.filter(~header)
        if not text.height:
            return
        parsed = {
            name: parse(text[name], table.columns[name], formats, written.unusual, written.blanks)
            for name in table.columns
            if name in text.columns
        }
        frame = pl.DataFrame([one.values.alias(name) for name, one in parsed.items()])
        found = faults_of(frame, parsed, table, schema)
        kept = None
        if found.height:
            frame, kept, wrong = set_aside(frame, parsed, found, table)
            self.quarantine.add(wrong.with_columns(file=pl.lit(file.file), line=lines.gather(wrong["row"])))
            file.set_aside += len(kept) - frame.height
            lines = lines.filter(kept)
        self._store(frame, parsed, kept, lines, file)
        self._description.add(frame, parsed, all_rows=kept is None)

    def _store(
        self,
        frame: pl.DataFrame,
        parsed: Mapping[str, Parsed],
        kept: pl.Series | None,
        lines: pl.Series,
        file: FileReceipt,
    ) -> None:
        delivered = {
            name + DELIVERED: _of(kept, one.delivered)
            for name, one in parsed.items()
            if self.table.columns[name].source_value
        }
        source = pl.lit(file.file, pl.Enum([file.file])).alias(SOURCE_FILE)
        stored = frame.with_columns(source, lines.alias(SOURCE_LINE), **delivered)
        file.stored += stored.height
        month = self.table.month
        if month is not None and month in parsed and frame.height:
            months = frame[month].dt.month_start()
            counts = months.value_counts(name="rows").sort(month, nulls_last=True)
            labels = counts[month].dt.strftime("%Y-%m").fill_null(WITHOUT_MONTH).to_list()
            self.receipt.months.update(dict(zip(labels, counts["rows"], strict=True)))
            if self.table.cut_by_month and month == FLOW_MONTH:
                for label, one in zip(labels, counts[month], strict=True):
                    some = stored.filter(months.eq_missing(one)) if len(labels) > 1 else stored
                    self.parts.write(to_arrow(some), label)
                return
        self.parts.write(to_arrow(stored))

    def finish(self) -> None:
        """Close the parts and complete the receipt."""
        self.parts.close()
        self._description.complete()
        self.receipt.key = [name for name in self.table.key if name in self.receipt.columns]


def _refuse_cut(batch: TextBatch, source: Source, written: Written) -> None:
    """A file whose last line is neither ended nor complete was cut on its way."""
    if written.ends_in_a_line or source.kind != TEXT or written.lines is None:
        return
    last = next((row for row in batch.ragged if row.line == written.lines and row.values < len(written.header)), None)
    if last is not None:
        raise DeliveryError(
            f"{source.name} ends in the middle of line {last.line} ({last.values} values of {len(written.header)}): "
            f"the transfer was cut. Ask for the file again."
        )


def _repeated_header(frame: pl.DataFrame) -> pl.Series | None:
    """Which rows say the header again, where files were put one behind the other; None where none does."""
    first = frame.columns[0]
    if not frame.height or not (_beginning(different(frame[first])) == first).any():
        return None
    frame = frame.cast(pl.String)
    begins = _beginning(frame[first])
    rest = [pl.col(name) == name for name in frame.columns[1:]]
    same = frame.select(pl.all_horizontal(begins == first, *rest).alias("same"))["same"]
    same = same.fill_null(False)
    return same if same.any() else None


def _beginning(texts: pl.Series) -> pl.Series:
    """A file that was put behind another brings its mark of UTF-8 with it."""
    return texts.str.strip_prefix(MARK_OF_UTF8).str.strip_chars(' "')


def _of(kept: pl.Series | None, column: pl.Series) -> pl.Series:
    return column if kept is None else column.filter(kept)
