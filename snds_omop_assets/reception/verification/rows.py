"""The checks of received tables that look at the rows: SQL on the Parquet files, in bounded memory.

Sentences and figures hold counts of rows and names of columns: no identifier, no value of a person.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from snds_omop_assets.contracts.pmsi import RETURN_CODES
from snds_omop_assets.contracts.snds_tables import FLOW_MONTH, SndsTable
from snds_omop_assets.engines.duckdb_engine import one_row, parquet_rows, quoted
from snds_omop_assets.reception.findings import Status
from snds_omop_assets.reception.once import asked_once, rows_beyond_hashes
from snds_omop_assets.reception.quarantine import COLUMNS as QUARANTINE_COLUMNS
from snds_omop_assets.reception.quarantine import ROW_SET_ASIDE
from snds_omop_assets.reception.receipt import Receipt
from snds_omop_assets.reception.store import Place, Store

UNKNOWN_COMMUNES = ("000", "999")
"""Communes that stand for "unknown" (HDH documentation, localisation geographique des beneficiaires)."""

OLDER_STATES = frozenset({"IR_BEN_R", "IR_BEN_R_ARC"})
"""Tables whose repeated keys are older states of the same row, so that a person must judge but may use them."""

OTHER_YEAR = 0.01
"""Largest share of PMSI rows of another year than their file: the PMSI is cut by year of the end of care (ATIH)."""

MISREAD = 0.5
"""Share of FLX_DIS_DTD that are no first of a month of the year, above which the dates were misread: real files have
none, or the first two months of the next year (sndsTools, archived years)."""

FEW_ROWS = 100
"""Tables of fewer rows are never unusable for a share of rows: a few hand-made lines make any share."""

ON_TIME_MONTHS = 6
"""Months of flow within which 99 % of care arrives (HDH documentation, schema relationnel du SNDS)."""

MOST_NAMED = 12
"""Months, columns or files named in a sentence; the rest are counted."""

Figures = dict[str, int | float | str]
"""The numbers behind a finding, by what they count."""

Result = tuple[Status, str, Mapping[str, int | float | str]]
"""What a check says of one table of one year: status, sentence, figures."""


@dataclass(frozen=True)
class Subject:
    """One stored table of one year, which the checks look at.

    Attributes:
        store: the store, for parents.
        tables: the contracts, for parents.
        table: the contract of this table.
        place: where it is stored.
        receipt: what was received.
        receipts: the receipts of all its stored years.
        connection: a DuckDB for all checks of the table: to open one takes longer than most of them.
    """

    store: Store
    tables: Mapping[str, SndsTable]
    table: SndsTable
    place: Place
    receipt: Receipt
    receipts: Sequence[Receipt]
    connection: duckdb.DuckDBPyConnection

    @cached_property
    def parts(self) -> tuple[Path, ...]:
        """The Parquet files that count."""
        return self.place.parts

    def has(self, *columns: str) -> bool:
        """Whether all these columns were delivered."""
        return self.receipt.columns.issuperset(columns)

    def limit(self, name: str) -> float:
        """A threshold of the contract."""
        return self.table.thresholds[name]

    def one_row(self, what: str, parts: Collection[Path] | None = None) -> tuple[int, ...]:
        """The only row of `SELECT {what}` over the rows of all parts, or of these."""
        files = self.parts if parts is None else parts
        return self.asked(f"SELECT {what} FROM {parquet_rows(files)}", files)

    def asked(self, sql: str, files: Collection[Path]) -> tuple[int, ...]:
        """The only row of a query over these files, asked once while they are as they are."""
        return asked_once(sql, files, lambda: one_row(self.connection, sql), self.store.keeps_answers)

    def rows_beyond_hashes(self, columns: Sequence[str], files: Collection[Path]) -> int:
        """See once.rows_beyond_hashes."""
        return rows_beyond_hashes(self.connection, columns, files, self.store.keeps_answers)

    def pieces(self, columns: Collection[str]) -> list[tuple[str, tuple[Path, ...]]]:
        """The parts, month by month of flow where rows that are equal in `columns` have the same month."""
        if self.table.cut_by_month and self.table.month == FLOW_MONTH and FLOW_MONTH in columns:
            return [(part.parent.name, (part,)) for part in self.parts]
        return [("", self.parts)]


def stored_rows(parts: Collection[Path]) -> int:
    """Rows of some Parquet files, by their metadata."""
    return sum(pq.read_metadata(part).num_rows for part in parts)


def share_of(part: int, whole: int) -> float:
    """A share for the figures; 0 of nothing is 0."""
    return round(part / whole, 6) if whole else 0.0


def counted(number: int, noun: str) -> str:
    """A number and its noun: 1 file, 2 files."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def enumerated(names: Sequence[str]) -> str:
    """The first names, and how many others there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} others" if more > 0 else "")


def rows_are_accounted(subject: Subject) -> Result:
    """Every row of every file is stored, in the quarantine or a duplicate; and is found there."""
    receipt = subject.receipt
    wrong = [f.file for f in receipt.files if f.rows != f.stored + f.set_aside + f.duplicates]
    kept, listed = stored_rows(subject.parts), _listed(subject)
    figures: Figures = {
        "rows of the files": receipt.rows, "rows stored": receipt.stored, "rows of the Parquet files": kept,
        "rows set aside": receipt.set_aside, "rows in the quarantine": listed, "duplicates": receipt.duplicates,
    }  # fmt: skip
    faults = []
    if wrong:
        faults.append(f"rows of {enumerated(wrong)} are neither stored, nor set aside, nor duplicates")
    if kept != receipt.stored:
        faults.append(f"the Parquet files have {kept} rows and the receipt {receipt.stored}")
    if listed != receipt.set_aside:
        faults.append(f"the quarantine lists {listed} rows and the receipt {receipt.set_aside}")
    if faults:
        return Status.UNUSABLE, f"{sentence_of(faults)} Receive the table again.", figures
    return Status.USABLE, f"All {receipt.rows} rows of the files are accounted for.", figures


def _listed(subject: Subject) -> int:
    """How many rows the quarantine lists as set aside, each once."""
    if not subject.place.quarantine.exists():
        return 0
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in (f"'{name}'" for name in QUARANTINE_COLUMNS))
    (rows,) = subject.asked(
        f"""SELECT count(*) FROM (
                SELECT DISTINCT file, line
                FROM read_csv({quoted(str(subject.place.quarantine))}, header = true, auto_detect = false,
                              delim = ',', quote = '"', escape = '"', columns = {{{columns}}})
                WHERE action = {quoted(ROW_SET_ASIDE)}
            ) AS set_aside""",
        [subject.place.quarantine],
    )
    return rows


def flow_months(subject: Subject) -> Result:
    """The months of flow follow each other without a hole, and every flow is the first of a month of the year."""
    year, months = subject.place.year, subject.receipt.months
    if not subject.has(FLOW_MONTH):
        return Status.USABLE, f"{FLOW_MONTH} was not delivered: there are no months to look at.", {}
    if not subject.receipt.stored:
        return Status.USABLE, "There is no row, so there are no months to look at.", {"rows": 0}
    seen = sorted(
        month
        for receipt in subject.receipts
        for month, rows in receipt.months.items()
        if rows and month[:4].isdecimal() and (receipt.year is None or month.startswith(f"{receipt.year}-"))
    )
    expected = months_between(f"{year}-01", f"{year}-12") if year else months_between(*_ends(seen))
    missing = [month for month in expected if not months.get(month)]
    holes = [month for month in missing if seen and seen[0] < month < seen[-1]]
    outside = [month for month in missing if month not in holes]
    elsewhere = f" OR year({FLOW_MONTH}) <> {year}" if year else ""
    rows, wrong = subject.one_row(f"count(*), count(*) FILTER (day({FLOW_MONTH}) <> 1{elsewhere})")
    share = share_of(wrong, rows)
    figures: Figures = {
        "months": len(expected) - len(missing), "months missing": enumerated(missing), "rows": rows,
        "rows of another day or year": wrong, "share": share,
    }  # fmt: skip
    if share > MISREAD and rows >= FEW_ROWS:
        return (
            Status.UNUSABLE,
            f"{share:.1%} of {FLOW_MONTH} are no first of a month{f' of {year}' if year else ''}: the dates were "
            f"misread, or are of another year. Look at how they are written, and set `format` in the contract.",
            figures,
        )
    said = []
    if subject.table.parent is not None:
        # A detail table has no row in a month without such care; a hole in its volume is told by the check `volumes`.
        holes, outside = [], []
    if holes:
        said.append(f"there is no row of {enumerated(holes)}: ask for these months of flow")
    if outside:
        said.append(f"the year is not complete ({enumerated(outside)}): do not count care of these months")
    if wrong:
        said.append(f"{wrong} rows have a {FLOW_MONTH} that is no first of a month{f' of {year}' if year else ''}")
    if said:
        return Status.RESERVES, sentence_of(said), figures
    return Status.USABLE, "No month of flow is missing, and every flow is the first of a month.", figures


def sentence_of(parts: Sequence[str]) -> str:
    """Some remarks as one sentence."""
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _ends(months: Sequence[str]) -> tuple[str, str]:
    return (months[0], months[-1]) if months else ("1", "0")


def months_between(first: str, last: str) -> list[str]:
    """The months YYYY-MM from the first to the last, both included; none where the last comes before the first."""
    if first > last:
        return []
    (year, month), (end_year, end_month) = (map(int, text.split("-")) for text in (first, last))
    numbers = range(12 * year + month - 1, 12 * end_year + end_month)
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in numbers]


def delays(subject: Subject) -> Result:
    """Care begins before its flow."""
    if not subject.has("EXE_SOI_DTD", FLOW_MONTH):
        return Status.USABLE, f"EXE_SOI_DTD or {FLOW_MONTH} was not delivered: there is no delay to look at.", {}
    rows, late, on_time = subject.one_row(
        f"count(EXE_SOI_DTD), count(*) FILTER (EXE_SOI_DTD > {FLOW_MONTH}), "
        f"count(*) FILTER ({FLOW_MONTH} <= date_trunc('month', EXE_SOI_DTD) + INTERVAL {ON_TIME_MONTHS} MONTH)"
    )
    share = share_of(late, rows)
    figures: Figures = {
        "rows with a date of care": rows, "rows of care after its flow": late, "share": share,
        f"share that arrived within {ON_TIME_MONTHS} months": share_of(on_time, rows),
    }  # fmt: skip
    if share > subject.limit("delay"):
        return (
            Status.RESERVES,
            f"{late} of {rows} rows ({share:.2%}) are of care that begins after its flow: EXE_SOI_DTD or {FLOW_MONTH} "
            f"was misread or is wrong. Ask how they are written.",
            figures,
        )
    return Status.USABLE, f"Care begins before its flow (but for {late} of {rows} rows).", figures


def care_year(subject: Subject) -> Result:
    """Care ends in the year of the file."""
    year = subject.place.year
    if year is None or not subject.has("EXE_SOI_DTF"):
        return Status.USABLE, "The file tells no year, or EXE_SOI_DTF was not delivered: nothing to compare.", {}
    rows, other = subject.one_row(f"count(EXE_SOI_DTF), count(*) FILTER (year(EXE_SOI_DTF) <> {year})")
    share = share_of(other, rows)
    figures = {"rows with an end of care": rows, "rows of another year": other, "share": share}
    if share > OTHER_YEAR:
        return (
            Status.UNUSABLE if share > MISREAD and rows >= FEW_ROWS else Status.RESERVES,
            f"{other} of {rows} rows ({share:.2%}) are of care that ends in another year than {year}: the file may be "
            f"of another year than its name says. Ask which it is.",
            figures,
        )
    return Status.USABLE, f"Care ends in {year} (but for {other} of {rows} rows).", figures


def return_codes(subject: Subject) -> Result:
    """The return codes of the chaining are all 0."""
    codes = [name for name in RETURN_CODES if subject.has(name)]
    if not codes:
        return Status.USABLE, "No return code was delivered: there is nothing to look at.", {}
    good = " AND ".join(f"coalesce({name}, '0') = '0'" for name in codes)
    rows, right = subject.one_row(f"count(*), count(*) FILTER ({good})")
    share = share_of(right, rows)
    figures: Figures = {
        "rows": rows, "rows whose return codes are all 0": right, "share": share, "codes": " ".join(codes),
    }  # fmt: skip
    if rows and share < subject.limit("pmsi_return_codes"):
        return (
            Status.RESERVES,
            f"Only {share:.1%} of the rows have return codes that are all 0: the others cannot be attributed to a "
            f"person with certainty. Leave them out of work on persons.",
            figures,
        )
    return Status.USABLE, f"{right} of {rows} rows have return codes that are all 0.", figures


def communes(subject: Subject) -> Result:
    """The commune of residence is known. It is private, so receipts do not count its codes."""
    if not subject.has("BEN_RES_COM"):
        return Status.USABLE, "BEN_RES_COM was not delivered: there is nothing to look at.", {}
    unknown = ", ".join(map(quoted, UNKNOWN_COMMUNES))
    rows, without = subject.one_row(f"count(*), count(*) FILTER (BEN_RES_COM IS NULL OR BEN_RES_COM IN ({unknown}))")
    share = share_of(without, rows)
    figures = {"rows": rows, "rows without a known commune": without, "share": share}
    if share > subject.limit("unknown_commune"):
        return (
            Status.RESERVES,
            f"{without} of {rows} rows ({share:.1%}) have no known commune (none, {' or '.join(UNKNOWN_COMMUNES)}): do "
            f"not place these persons; ask whether communes were left out.",
            figures,
        )
    return Status.USABLE, f"The commune is known (but for {without} of {rows} rows).", figures
