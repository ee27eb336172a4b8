"""Whole deliveries: receive every table of a folder, or check it without storing anything. Documented functions.

report = check_delivery(Settings.from_environment(given={"SNDS_DELIVERY": "/the/folder"}))
print(report.verdict.words)
"""

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from snds_omop_assets.contracts.contract_files import layouts
from snds_omop_assets.contracts.snds_tables import OFFICIAL
from snds_omop_assets.engines.duckdb_engine import kept_duckdb
from snds_omop_assets.errors import DeliveryError, SndsOmopError, StoreError
from snds_omop_assets.reception.delivery import Delivery, Source, open_delivery
from snds_omop_assets.reception.log import log_event
from snds_omop_assets.reception.receipt import Receipt
from snds_omop_assets.reception.receive import Outcome, receive
from snds_omop_assets.reception.report import HTML, JSON, DeliveryReport, write_report
from snds_omop_assets.reception.store import Store, said_of
from snds_omop_assets.reception.verification import verify_patients, verify_table
from snds_omop_assets.settings import SMALL_CELL, Settings

NO_TEMPORARY_FOLDER = (
    "The temporary folder cannot be written, or its disk is full: make room there, or set TMPDIR to a folder on "
    "another disk."
)

NOT_RECEIVED = (
    "The warehouse has not these files: the last reception refused them, or there was none. Receive them; "
    "logs/reception.jsonl tells what was refused and why."
)

REPORTS = "reception"
"""Folder of the delivery report in a warehouse."""

OnTable = Callable[[str, int], None]
"""Called with what is being received and the rows read of it so far."""


@dataclass
class Received:
    """What became of the tables of a delivery.

    Attributes:
        outcomes: one per table and year that was received, or is as it was.
        errors: why the others were not, by table and year.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


def open_settings_delivery(settings: Settings) -> Delivery:
    """The delivery that the settings point to, under the contracts that they name."""
    return open_delivery(settings.delivery, settings.layout, settings.contracts)


def receive_and_log(
    delivery: Delivery,
    name: str,
    year: int | None,
    store: Store,
    progress: Callable[[int], None] | None = None,
    known: Store | None = None,
) -> Outcome:
    """`receive.receive`, with a line in the log of the store; a refusal takes away the report, no longer true."""
    try:
        outcome = receive(delivery, name, year, store, progress, known)
    except SndsOmopError as error:
        with suppress(StoreError):  # the first error says more than one of the log
            log_event(store.warehouse, "refused", table=name, year=year, why=str(error))
        for report in (HTML, JSON):
            with suppress(OSError):
                (store.warehouse / REPORTS / report).unlink()
        raise
    receipt = outcome.receipt
    log_event(
        store.warehouse, str(outcome.done), table=name, year=year, files=len(receipt.files), rows=receipt.rows,
        stored=receipt.stored, set_aside=receipt.set_aside, duplicates=receipt.duplicates,
        nulled=sum(receipt.nulled().values()), seconds=round(outcome.seconds, 3),
    )  # fmt: skip
    return outcome


def receive_delivery(
    delivery: Delivery,
    store: Store,
    years: Collection[int] | None = None,
    on_table: OnTable | None = None,
    known: Store | None = None,
) -> Received:
    """Receive every table of a delivery; a table that cannot be received does not stop the others.

    Args:
        delivery: see `delivery.open_delivery`.
        store: where the tables go.
        years: of the tables cut by year, only these; None takes all.
        on_table: see OnTable.
        known: the store of the deliveries before, to compare with; None is `store` itself.
    """
    received = Received()
    for label, name, year in pieces_of(delivery, received.errors):
        if years is not None and year is not None and year not in years:
            continue
        rows = 0

        def progress(more: int, label: str = label) -> None:
            nonlocal rows
            rows += more
            if on_table is not None:
                on_table(label, rows)

        progress(0)
        try:
            received.outcomes.append(receive_and_log(delivery, name, year, store, progress, known))
        except StoreError as error:
            if store.temporary and str(store.warehouse) in str(error):  # a folder that nobody knows
                raise StoreError(NO_TEMPORARY_FOLDER) from None
            received.errors[label] = str(error)
        except SndsOmopError as error:
            received.errors[label] = str(error)
    return received


def pieces_of(delivery: Delivery, errors: dict[str, str]) -> Iterator[tuple[str, str, int | None]]:
    """Label, table and year of everything that the delivery has."""
    for name in delivery.tables:
        try:
            delivery.sources_of(name)
            years = delivery.years_of(name)
        except SndsOmopError as error:
            errors[name] = str(error)
            continue
        pieces: Sequence[int | None] = years or [None]
        for year in pieces:
            yield f"{name} {year}" if year else name, name, year


def check_delivery(
    settings: Settings, years: Collection[int] | None = None, on_table: OnTable | None = None
) -> DeliveryReport:
    """Verify a delivery without storing anything: it is received into a temporary folder, which is removed.

    It is compared with what the warehouse of the settings has, if there is one.

    Raises:
        DeliveryError: the folder does not exist, may not be read, or has no file of a table.
        ContractError: a contract of the project is wrong.
        StoreError: there is no temporary folder, or its disk is full.
    """
    delivery = open_settings_delivery(settings)
    refuse_nothing(delivery, years)
    with _temporary_store() as store:
        received = receive_delivery(delivery, store, years, on_table, known=Store(settings.warehouse))
        return report_of(delivery, store, received.errors, settings.small_cell, years)


def refuse_nothing(delivery: Delivery, years: Collection[int] | None) -> None:
    """Refuse a delivery in which there is nothing to receive.

    Raises:
        DeliveryError: no file has the name of a table, or none is of these years.
    """
    if not delivery.tables:
        raise DeliveryError(
            f"No file of {delivery.folder} has the name of an SNDS table (such as ER_PRS_F_2019.csv or IR_BEN_R.csv): "
            f"point to the folder of the delivery."
        )
    if years is not None and not set(years) & set(delivery.years):
        asked = ", ".join(map(str, sorted(years)))
        there = ", ".join(map(str, delivery.years)) or "tables that tell no year"
        raise DeliveryError(f"The delivery has no file of {asked}; it has {there}.")


@contextmanager
def _temporary_store() -> Iterator[Store]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="snds_check_")
    except OSError:
        raise StoreError(NO_TEMPORARY_FOLDER) from None
    with folder as name:
        yield Store(Path(name), temporary=True)


def report_of(
    delivery: Delivery,
    store: Store,
    errors: dict[str, str] | None = None,
    small_cell: int = SMALL_CELL,
    years: Collection[int] | None = None,
) -> DeliveryReport:
    """Verify what a store has of the tables and years of a delivery, and say it.

    Args:
        delivery: tells which tables and years.
        store: where they are.
        errors: why a table could not be received, by table and year. What the store has not from these files is an
            error as well.
        small_cell: counts of persons below this are hidden.
        years: of the tables cut by year, only these.
    """
    receipts: list[Receipt] = []
    findings = []
    errors = dict(errors or {})
    tables = delivery.layout.tables
    with kept_duckdb(store.spill) as connection:
        for label, name, year in pieces_of(delivery, errors):
            if years is not None and year is not None and year not in years:
                continue
            receipt = store.place(delivery.table(name), year).receipt
            if receipt is None or not _is_of(receipt, delivery.sources_of(name, year)):
                if name not in errors:
                    errors.setdefault(label, NOT_RECEIVED)
                continue
            receipts.append(receipt)
            found_years = None if year is None else [year]
            findings += verify_table(store, tables, name, found_years, connection=connection)
    findings += verify_patients(store, delivery.layout.tables, small_cell)
    return DeliveryReport(
        delivery=delivery.folder.name,
        layout=delivery.layout.title,
        written=datetime.now().astimezone().isoformat(timespec="seconds"),
        receipts=sorted(receipts, key=lambda receipt: (receipt.table, receipt.year or 0)),
        findings=findings,
        unclaimed=delivery.unclaimed,
        errors=errors,
    )


def _is_of(receipt: Receipt, sources: Sequence[Source]) -> bool:
    """Whether what is stored was received from these files, as far as names and sizes tell."""
    sizes = {source.name: None if source.compression else source.path.stat().st_size for source in sources}
    known = {file.file: file.bytes for file in receipt.files}
    return sizes.keys() == known.keys() and all(size in (None, known[name]) for name, size in sizes.items())


def report_of_settings(
    settings: Settings, errors: dict[str, str] | None = None, years: Collection[int] | None = None
) -> DeliveryReport:
    """The report on what the warehouse has of the tables of the delivery, and on those that could not be received."""
    return report_of(open_settings_delivery(settings), Store(settings.warehouse), errors, settings.small_cell, years)


def write_delivery_report(report: DeliveryReport, folder: Path) -> tuple[Path, Path]:
    """Write a report as HTML and JSON; gives the two files.

    Raises:
        StoreError: the folder may not be written, or the disk is full.
    """
    titles = {name: table.title for name, table in layouts()[OFFICIAL].tables.items()}
    try:
        return write_report(report, titles, folder)
    except OSError as error:
        raise StoreError(said_of(error, folder)) from None
