"""Receiving one table of one year: its files become one typed table, and what does not fit the contract is set aside.

The rule for a value that does not parse or breaks its constraint: in a column that the targets can live without it
becomes NULL and is counted; in a required column its row goes to the quarantine. An unknown code is kept and counted.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.contracts.snds_tables import FLOW_MONTH, SndsTable
from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.delivery import Delivery, Source, stem_of
from snds_omop_assets.reception.drift import drift
from snds_omop_assets.reception.duplicates import without_duplicates
from snds_omop_assets.reception.looking import Fingerprint, fingerprint, state_of
from snds_omop_assets.reception.quarantine import ROW_SET_ASIDE, Quarantine
from snds_omop_assets.reception.receipt import Receipt
from snds_omop_assets.reception.store import WITHOUT_MONTH, PartWriter, Place, Store
from snds_omop_assets.reception.tally import Tally

STORE_FORMAT = "1"
"""Changes when the same files would be stored otherwise, so that they are received again."""


class Done(StrEnum):
    """What `receive` did."""

    RECEIVED = "received"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Outcome:
    """What became of one table of one year, and the seconds it took."""

    done: Done
    receipt: Receipt
    seconds: float


def receive(
    delivery: Delivery,
    name: str,
    year: int | None,
    store: Store,
    progress: Callable[[int], None] | None = None,
    known: Store | None = None,
) -> Outcome:
    """Receive one table of one year into the store; the same files again cost their hashes and nothing else.

    Args:
        delivery: see `delivery.open_delivery`.
        name: official name of the table.
        year: the year, None for a table that comes whole.
        store: where it goes.
        progress: called with rows read since the last call.
        known: the store of the deliveries before, to compare with; None is `store` itself.

    Returns:
        Whether it was received or is as it was, and the receipt.

    Raises:
        DeliveryError: a file is missing, empty, no text, broken, of another table, changes while it is read or lacks a
            required column; or the year lacks months of flow that the store has. The store is as before.
        StoreError: the disk is full or may not be written. The store is as before.
    """
    started = time.monotonic()
    table, sources = delivery.table(name), delivery.sources_of(name, year)
    place = store.place(table, year)
    prints = {source: fingerprint(source) for source in sources}
    version, stored, known = _version(table, prints), place.receipt, known or store
    if stored is not None and stored.version == version and place.rows == stored.stored:
        place.clean()
        return Outcome(Done.UNCHANGED, stored, time.monotonic() - started)
    with place.written(version) as aside:
        before = known.place(table, year).receipt
        _refuse_two_cuts(known, table, year)
        receipt = Receipt(name, year, version, delivery.layout.name, before=before.version if before else None)
        parts = PartWriter(aside, table)
        tally = Tally(delivery, table, receipt, Quarantine(aside), parts, progress)
        try:
            for source in sources:
                tally.add(source, prints[source])
            tally.finish()
        except BaseException as error:
            parts.abandon()
            if isinstance(error, DeliveryError):
                for source in sources:  # which says more than what it did to the reading
                    _refuse_changed(source, prints[source])
            raise
        removed = without_duplicates(aside, table, receipt.key, tally.quarantine, store.spill)
        for file in receipt.files:
            file.duplicates += removed.files[file.file]
            file.stored -= removed.files[file.file]
        receipt.months -= removed.months
        tally.quarantine.close()
        receipt.rejects = {"|".join(words): rows for words, rows in sorted(tally.quarantine.counts.items())}
        if receipt.rows == 0 and receipt.files and not table.may_be_empty:
            raise DeliveryError(
                f"{', '.join(file.file for file in receipt.files)} has a header and no row, so there would be no "
                f"{name}: ask for the file again."
            )
        if before is not None:
            receipt.vanished = _vanished(before, receipt)
            _refuse_less(before, receipt, table, known.place(table, year))
        previous = before or _year_before(known, table, year)
        receipt.drift = drift(previous, receipt, table) if previous is not None else []
        for source in sources:
            _refuse_changed(source, prints[source])
        place.commit(aside, receipt)
    return Outcome(Done.RECEIVED, receipt, time.monotonic() - started)


def _version(table: SndsTable, prints: Mapping[Source, Fingerprint]) -> str:
    """A name for the data: the same files under the same contract give the same."""
    files = sorted((source.name, found.sha256) for source, found in prints.items())
    contract = asdict(table)
    contract.pop("thresholds")  # they judge what is stored and do not change it
    text = json.dumps([STORE_FORMAT, contract, files], sort_keys=True, default=sorted)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _refuse_two_cuts(store: Store, table: SndsTable, year: int | None) -> None:
    stored = store.table(table)
    if stored is not None and (stored.places[0].year is None) != (year is None):
        now, then = ("whole", "by year") if year is None else ("by year", "whole")
        raise DeliveryError(
            f"{table.name} comes {now} and the warehouse has it {then}: its rows would be there twice. Name the files "
            f"as before ({table.file_name(year or 2013)} tells a year), or remove {stored.path} to begin again."
        )
    for other in official_tables().values():
        if (table.parent != other.name and other.parent != table.name) or (kept := store.table(other)) is None:
            continue
        if (kept.places[0].year is None) != (year is None):
            now, then = ("whole", "by year") if year is None else ("by year", "whole")
            raise DeliveryError(
                f"{table.name} comes {now} and the warehouse has {other.name} {then}: their rows are joined year by "
                f"year. Deliver both by year, named as {table.file_name(year or 2013)}, or both whole; remove "
                f"{kept.path} to begin again."
            )


def _refuse_less(before: Receipt, receipt: Receipt, table: SndsTable, place: Place) -> None:
    """A second delivery replaces the first only when it is whole: with its months of flow, and with rows that fit."""
    how = f"If this is right, remove {place.folder} and receive again."
    what = f"This delivery of {receipt.table} {receipt.year or ''}".rstrip()
    if table.month == FLOW_MONTH and not table.may_be_empty:
        of_year = f"{receipt.year or ''}"
        lost = sorted(m for m, n in before.months.items() if n and m.startswith(of_year) and not receipt.months[m])
        if lost := [month for month in lost if month != WITHOUT_MONTH]:
            raise DeliveryError(
                f"{what} lacks {', '.join(lost)}, which the warehouse has: it does not replace what is there. Ask for "
                f"the whole year. {how}"
            )
    share = receipt.set_aside / max(receipt.rows, 1)
    if before.stored and (not receipt.stored or share > table.thresholds["rejects_unusable"]):
        reasons = ", ".join(sorted(receipt.rejected(ROW_SET_ASIDE), key=str)[:3]) or "it has no rows"
        raise DeliveryError(
            f"{what} has {receipt.stored} rows that fit of {receipt.rows}, and the warehouse has {before.stored}: it "
            f"does not replace what is there ({reasons}). Ask for the file again. {how}"
        )


def _vanished(before: Receipt, receipt: Receipt) -> list[str]:
    """Files of before that did not come, where fewer came: a table may come packed or cut otherwise."""
    if len(receipt.files) >= len(before.files):
        return []
    names = {file.file for file in receipt.files}
    lost = Counter(stem_of(file.file) for file in before.files) - Counter(stem_of(name) for name in names)
    return sorted(file.file for file in before.files if file.file not in names and stem_of(file.file) in lost)


def _refuse_changed(source: Source, known: Fingerprint) -> None:
    if state_of(source) != known.state:
        raise DeliveryError(
            f"{source.name} changed while it was read: it may still be on its way. Wait for the end of the transfer "
            f"and run again."
        )


def _year_before(store: Store, table: SndsTable, year: int | None) -> Receipt | None:
    return None if year is None else store.place(table, year - 1).receipt
