"""One asset per SNDS table (`snds/ir_ben_r`, `nomenclatures/ir_spe_v`, ...), the checks on it, and the delivery report.

There is an asset for each table that the delivery or the warehouse has, and for each that a target needs. A table that
comes cut by year has yearly partitions.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.contracts.snds_tables import SndsTable
from snds_omop_assets.errors import DeliveryError, SndsOmopError
from snds_omop_assets.reception.deliveries import (
    REPORTS,
    open_settings_delivery,
    receive_and_log,
    report_of_settings,
    write_delivery_report,
)
from snds_omop_assets.reception.delivery import FIRST_YEAR, Delivery
from snds_omop_assets.reception.findings import Finding, Status, verdict
from snds_omop_assets.reception.log import log_event
from snds_omop_assets.reception.receipt import Receipt
from snds_omop_assets.reception.receive import Done, Outcome
from snds_omop_assets.reception.store import MANIFEST, ReceivedTable, Store
from snds_omop_assets.reception.verification import BLOCKING, CHECKS, checks_of, verify_patients, verify_table
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS, described_columns, said_plainly, snds_columns, table_of

UNCLAIMED = "files of the delivery that no table claims"

YEARS = dg.TimeWindowPartitionsDefinition(start=str(FIRST_YEAR), fmt="%Y", cron_schedule="0 0 1 1 *", end_offset=1)
"""One partition per year, the current one included."""

YEAR_TAG = "dagster/partition"
FIRST_YEAR_TAG, LAST_YEAR_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Tags by which Dagster's commands tell a run its partition, or its range of partitions."""

SINGLE_RUN = dg.BackfillPolicy.single_run()
"""A range of years is received in one run."""

REPORT = dg.AssetKey(["reception", "delivery_report"])
SHOWN_SENTENCES = 5

REPORT_CONTENT = {
    "delivery_report.html": (pa.string(), "For people: one file that needs no other."),
    "delivery_report.json": (pa.string(), "The same for programs: verdict, receipts, findings."),
}


class ReceivedIOManager(dg.IOManager):
    """Hands the steps that read a received table what the store has of it, all years; the asset itself stores."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Nothing to do: `receive` has stored the table, whole or not at all."""

    def load_input(self, context: dg.InputContext) -> Any:
        """The received table.

        Raises:
            dagster.Failure: the store has nothing of it; says which asset needs it and what to do.
        """
        return needed_table(
            self.store, context.asset_key.path[-1].upper(), context.step_context.step.key.replace("__", "/")
        )


def needed_table(store: Store, name: str, needs: str) -> ReceivedTable:
    """A received table that an asset cannot do without.

    Args:
        store: of the warehouse.
        name: of the table.
        needs: the asset, for the sentence.

    Raises:
        dagster.Failure: the store has nothing of it; says which asset needs it and what to do.
    """
    contract = official_tables()[name]
    found = store.table(contract)
    if found is None:
        raise dg.Failure(
            f"{needs} needs {name}, which is not in the warehouse: it was not delivered, or has not been "
            f"materialized. Add {contract.file_name()} to the delivery and materialize "
            f"{'/'.join(contract.asset_key)}.",
            allow_retries=False,
        )
    return found


class Delivered:
    """What the definitions know of a delivery: which tables there are, and how they are cut.

    A delivery that cannot be opened does not keep the definitions from loading: its assets say why.
    """

    def __init__(self, settings: Settings, needed: Sequence[str]) -> None:
        self.store = Store(settings.warehouse)
        self.delivery: Delivery | None = None
        with suppress(SndsOmopError):
            self.delivery = open_settings_delivery(settings)
        contracts = self.delivery.layout.tables if self.delivery is not None else official_tables()
        self.tables = {
            name: table
            for name, table in contracts.items()
            if name in needed or (self.delivery and self.delivery.files.get(name)) or self._is_stored(table)
        }

    @property
    def keys(self) -> list[dg.AssetKey]:
        """The assets of the tables that the delivery has."""
        present = self.delivery.tables if self.delivery is not None else []
        return [dg.AssetKey(self.tables[name].asset_key) for name in present]

    def cut_by_year(self, table: SndsTable) -> bool:
        """Whether the table has partitions: its files tell years, or those of the warehouse did."""
        if self.delivery is not None and (sources := self.delivery.files.get(table.name)):
            return any(source.year is not None for source in sources)
        return any(self._folder(table).glob(f"[12]*/{MANIFEST}"))

    def _is_stored(self, table: SndsTable) -> bool:
        """Whether the warehouse has the table; whether its manifest can be read, the table's own asset will say."""
        return (self._folder(table) / MANIFEST).exists() or any(self._folder(table).glob(f"[12]*/{MANIFEST}"))

    def _folder(self, table: SndsTable) -> Path:
        return self.store.place(table, None).folder


def received_assets(delivered: Delivered) -> list[dg.AssetsDefinition]:
    """The assets of the tables, and the report on all of them."""
    tables = [received_table(table, delivered.cut_by_year(table)) for table in delivered.tables.values()]
    return [*tables, delivery_report(delivered)]


def received_checks(delivered: Delivered) -> list[dg.AssetChecksDefinition]:
    """The checks of the tables, and those on the delivery."""
    return [*(table_checks(table, delivered) for table in delivered.tables.values()), delivery_checks(delivered)]


def received_table(table: SndsTable, cut_by_year: bool) -> dg.AssetsDefinition:
    """The asset that receives one SNDS table."""

    @dg.asset(
        key=table.asset_key,
        group_name=table.group,
        description=f"**{table.title}.** {table.about}",
        kinds={"polars", "parquet"},
        owners=OWNERS,
        io_manager_key="received",
        partitions_def=YEARS if cut_by_year else None,
        metadata={"dagster/column_schema": snds_columns(table), "dagster/table_name": ".".join(table.asset_key)},
    )
    def receive(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
        store = Store(settings.warehouse)
        with said_plainly():
            delivery = open_settings_delivery(settings)
            if not delivery.files.get(table.name) and store.table(table) is not None:
                return dg.MaterializeResult(metadata={"delivery": "not in this delivery: the warehouse's stays"})
            delivery.sources_of(table.name)
            delivered = delivery.years_of(table.name)
            if not cut_by_year:
                if delivered:
                    raise DeliveryError(
                        f"{table.name} is cut by year now: reload the definitions (the button Reload in the UI)."
                    )
                outcome = receive_and_log(delivery, table.name, None, store)
                return dg.MaterializeResult(metadata=_told(outcome, delivery, store, table))
            if not {int(key) for key in context.partition_keys} & set(delivered):
                delivery.sources_of(table.name, int(context.partition_keys[0]))  # says which years there are
            for key in context.partition_keys:
                if int(key) in delivered:
                    told = _told(receive_and_log(delivery, table.name, int(key), store), delivery, store, table)
                    told["dagster/partition_row_count"] = told.pop("dagster/row_count")
                else:
                    told = {"delivery": f"no file of {key}; there are files of {', '.join(map(str, delivered))}"}
                    context.log.warning(f"{table.name}: the delivery has no file of {key}.")
                context.add_asset_metadata(told, partition_key=key)
        return dg.MaterializeResult()

    return receive


def _told(outcome: Outcome, delivery: Delivery, store: Store, table: SndsTable) -> dict[str, Any]:
    """What the steward reads of a reception: where the rows went, and what was changed on the way."""
    receipt = outcome.receipt
    place = store.place(table, receipt.year)
    told: dict[str, Any] = {
        "dagster/row_count": receipt.stored,
        "path": dg.MetadataValue.path(str(place.data)),
        "done": "received" if outcome.done is Done.RECEIVED else "unchanged: the same files as before",
        "files": ", ".join(file.file for file in receipt.files),
        "layout": delivery.layout.title,
        "rows read": receipt.rows,
        "rows set aside": receipt.set_aside,
        "duplicates removed": receipt.duplicates,
        "values set to NULL": sum(receipt.nulled().values()),
        "values that stand for none": sum(receipt.not_given.values()),
        "values normalised": sum(receipt.normalised.values()),
        "blank lines": sum(file.blank_lines for file in receipt.files),
        "quarantine": dg.MetadataValue.path(str(place.quarantine)),
        "what was changed": table_of({"column": str, "what": str, "why": str, "count": int}, _changes(receipt)),
        "how the files are written": table_of(
            {"file": str, "rows": int, "written": str, "sha256": str},
            [
                (f.file, f.rows, "; ".join(f"{k} {v}" for k, v in f.written.items() if v), f.sha256)
                for f in receipt.files
            ],
        ),
    }
    absent = sorted(set.intersection(*(set(file.absent) for file in receipt.files if not file.copy_of)))
    if absent:
        told["columns not delivered (NULL)"] = ", ".join(absent)
    if delivery.unclaimed:
        told[UNCLAIMED] = ", ".join(delivery.unclaimed)
    if ignored := sorted({name for file in receipt.files for name in file.ignored}):
        told["columns not in the contract (left out)"] = ", ".join(ignored)
    return told


def _changes(receipt: Receipt) -> list[tuple[str, str, str, int]]:
    """Column, what was done, why, how often."""
    rows = []
    for key, count in receipt.rejects.items():
        column, action, reason = key.split("|", maxsplit=2)
        rows.append((column or "(whole row)", action, reason, count))
    for counts, what, why in (
        (receipt.not_given, "not given", "the text stands for no value"),
        (receipt.normalised, "value normalised", "same code or number in another spelling"),
    ):
        rows += [(name, what, why, count) for name, count in sorted(counts.items())]
    renamed = {name: delivered for file in receipt.files for name, delivered in file.received_as.items()}
    return rows + [
        (name, "column renamed", f"delivered as {delivered}", receipt.stored) for name, delivered in renamed.items()
    ]


def table_checks(table: SndsTable, delivered: Delivered) -> dg.AssetChecksDefinition:
    """The checks on one received table: see reception/verification.py."""
    key = dg.AssetKey(table.asset_key)
    parent = delivered.tables.get(table.parent or "")
    others = [dg.AssetKey(parent.asset_key)] if parent is not None else []

    @dg.multi_asset_check(
        name=f"check_{table.name.lower()}",
        specs=[
            dg.AssetCheckSpec(
                name, asset=key, description=CHECKS[name], blocking=name in BLOCKING, additional_deps=others
            )
            for name in checks_of(table)
        ],
        can_subset=True,
    )
    def check(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.AssetCheckResult]:
        store = Store(settings.warehouse)
        selected = sorted((k.name for k in context.selected_asset_check_keys), key=list(CHECKS).index)
        findings = verify_table(store, delivered.tables, table.name, years_of_run(context.run.tags), selected)
        if not findings and store.table(table) is None:
            raise dg.Failure(f"{table.name} is not in the warehouse: materialize {key.to_user_string()} first.")
        log_event(
            settings.warehouse, "verified", table=table.name, verdict=verdict(findings).words, checks=len(selected)
        )
        for name in selected:
            yield _result(key, name, [finding for finding in findings if finding.check == name])

    return check


def _result(key: dg.AssetKey, name: str, findings: Sequence[Finding]) -> dg.AssetCheckResult:
    """One check over the years of a run: the worst of them."""
    status = verdict(findings)
    told = [f for f in sorted(findings, key=lambda f: -f.status) if f.status != Status.USABLE] or list(findings)
    figures = [(str(f.year or ""), figure, str(value)) for f in findings for figure, value in sorted(f.figures.items())]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=bool(findings) and status == Status.USABLE,
        severity=dg.AssetCheckSeverity.ERROR if status == Status.UNUSABLE else dg.AssetCheckSeverity.WARN,
        description=" ".join(f.sentence for f in told[:SHOWN_SENTENCES]) or "Nothing of these years is stored.",
        # The figures of one year are drawn over time by the UI; those of several years are a table.
        metadata=dict(findings[0].figures)
        if len(findings) == 1
        else {"figures": table_of({"year": str, "figure": str, "value": str}, figures)},
    )


def years_of_run(tags: Mapping[str, str]) -> list[int] | None:
    """The years of a run's partitions; None where the run has none, which means all that is stored."""
    if one := tags.get(YEAR_TAG):
        return [int(one)]
    first, last = tags.get(FIRST_YEAR_TAG), tags.get(LAST_YEAR_TAG)
    return list(range(int(first), int(last) + 1)) if first and last else None


def delivery_report(delivered: Delivered) -> dg.AssetsDefinition:
    """The asset of the report on the whole delivery."""

    @dg.asset(
        key=REPORT,
        group_name=REPORT.path[0],
        kinds={"html", "json"},
        owners=OWNERS,
        io_manager_key="received",
        deps=delivered.keys,
        metadata={"dagster/column_schema": described_columns(REPORT_CONTENT)},
    )
    def report(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
        """The delivery report: verdict, rows of every table, rejects by rule, checks, drift, monthly volumes."""
        with said_plainly():
            found = report_of_settings(settings)
            html, json = write_delivery_report(found, settings.warehouse / REPORTS)
        receipts = found.receipts
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(receipts),
                "verdict": found.verdict.words,
                "report": dg.MetadataValue.path(str(html)),
                "report as JSON": dg.MetadataValue.path(str(json)),
                "rows of the files": sum(receipt.rows for receipt in receipts),
                "rows stored": sum(receipt.stored for receipt in receipts),
                "rows set aside": sum(receipt.set_aside for receipt in receipts),
                "duplicates removed": sum(receipt.duplicates for receipt in receipts),
                "tables": table_of(
                    {"table": str, "year": str, "rows": int, "stored": int, "set aside": int, "duplicates": int},
                    [(r.table, str(r.year or ""), r.rows, r.stored, r.set_aside, r.duplicates) for r in receipts],
                ),
                "reserves": table_of(
                    {"table": str, "year": str, "check": str, "why": str},
                    [
                        (f.table, str(f.year or ""), f.check, f.sentence)
                        for f in sorted(found.findings, key=lambda f: -f.status)
                        if f.status != Status.USABLE
                    ],
                ),
            }
        )

    return report


def delivery_checks(delivered: Delivered) -> dg.AssetChecksDefinition:
    """The checks over several tables."""

    @dg.multi_asset_check(
        name="check_delivery",
        specs=[dg.AssetCheckSpec("patients", asset=REPORT, description=CHECKS["patients"])],
    )
    def check(settings: dg.ResourceParam[Settings]) -> Iterator[dg.AssetCheckResult]:
        findings = verify_patients(Store(settings.warehouse), delivered.tables, settings.small_cell)
        yield _result(REPORT, "patients", findings)

    return check
