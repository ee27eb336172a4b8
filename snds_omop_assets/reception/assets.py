"""One asset per SNDS table: `snds/ir_ben_r`, `nomenclatures/ir_spe_v`, ... and the checks on what was received."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from snds_omop_assets.contracts.snds_tables import SndsTable, official_tables
from snds_omop_assets.engines.duckdb_engine import duckdb_with, one_row
from snds_omop_assets.io_managers.stored import ParquetTable
from snds_omop_assets.reception.delivery import Delivery, open_delivery
from snds_omop_assets.reception.quarantine import VALUE_SET_TO_NULL, Quarantine
from snds_omop_assets.reception.receive import Account, receive_table
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS, said_plainly, snds_columns, table_of
from snds_omop_assets.tables import Frames, StoredTable

UNCLAIMED = "files of the delivery that no table claims"


def received_table(table: SndsTable) -> dg.AssetsDefinition:
    """The asset that receives one SNDS table."""

    @dg.asset(
        key=table.asset_key,
        group_name=table.group,
        description=f"**{table.title}.** {table.about}",
        kinds={"pandas", "parquet"},
        owners=OWNERS,
        io_manager_key="parquet",
        metadata={"dagster/column_schema": snds_columns(table), "dagster/table_name": ".".join(table.asset_key)},
    )
    def receive(settings: dg.ResourceParam[Settings]) -> Frames:
        with said_plainly():
            delivery = open_delivery(settings.delivery, settings.layout)
            stored_at = settings.warehouse.joinpath(*table.asset_key).with_suffix(".parquet")
            frames, account, quarantine = receive_table(delivery, table.name, stored_at)
        frames.metadata = lambda: _told(account, quarantine, delivery)
        return frames

    return receive


def _told(account: Account, quarantine: Quarantine, delivery: Delivery) -> dict[str, dg.MetadataValue[Any]]:
    """What the steward reads of a reception: where the rows went, and what was changed on the way."""
    nulled = sum(n for (_, action, _), n in quarantine.counts.items() if action == VALUE_SET_TO_NULL)
    told: dict[str, dg.MetadataValue[Any]] = {
        "files": dg.MetadataValue.text(", ".join(account.files) or "not part of this layout"),
        "layout": dg.MetadataValue.text(delivery.layout.title),
        "rows read": dg.MetadataValue.int(account.rows_read),
        "rows set aside": dg.MetadataValue.int(account.rows_set_aside),
        "values set to NULL": dg.MetadataValue.int(nulled),
        "values that stand for none": dg.MetadataValue.int(account.stands_for_none.total()),
        "values normalised": dg.MetadataValue.int(account.normalised.total()),
        "blank lines": dg.MetadataValue.int(account.blank_lines),
        "quarantine": dg.MetadataValue.path(str(quarantine.path)),
    }
    told["what was changed"] = table_of(
        {"column": str, "what": str, "why": str, "count": int}, _changes(account, quarantine)
    )
    if account.absent:
        told["columns not delivered (NULL)"] = dg.MetadataValue.text(", ".join(sorted(account.absent)))
    if delivery.unclaimed:
        told[UNCLAIMED] = dg.MetadataValue.text(", ".join(delivery.unclaimed))
    if account.ignored:
        told["columns not in the contract (left out)"] = dg.MetadataValue.text(", ".join(sorted(account.ignored)))
    return told


def _changes(account: Account, quarantine: Quarantine) -> list[tuple[str, str, str, int]]:
    """Column, what was done, why, how often."""
    rows = [
        (column or "(whole row)", action, reason, count)
        for (column, action, reason), count in sorted(quarantine.counts.items(), key=str)
    ]
    for counts, what, why in (
        (account.stands_for_none, "not given", "the text stands for no value"),
        (account.normalised, "value normalised", "same code or number in another spelling"),
    ):
        rows += [(name, what, why, count) for name, count in counts.items() if count]
    renamed = account.received_as.items()
    return rows + [
        (name, "column renamed", f"delivered as {delivered}", account.rows_read) for name, delivered in renamed
    ]


def received_checks(table: SndsTable) -> dg.AssetChecksDefinition:
    """The checks on one received table: it has rows, and its key is unique."""
    key = dg.AssetKey(table.asset_key)

    @dg.multi_asset_check(
        name=f"check_{table.name.lower()}",
        specs=[
            dg.AssetCheckSpec("has_rows", asset=key, description="The table has at least one row."),
            dg.AssetCheckSpec(
                "key_is_unique", asset=key, description=f"No two rows have the same {', '.join(table.key)}."
            ),
        ],
        ins={"stored": dg.AssetIn(key)},
        can_subset=True,
    )
    def check(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings], stored: ParquetTable
    ) -> Iterator[dg.AssetCheckResult]:
        columns = ", ".join(f'"{name}"' for name in stored.told["key"].split(","))
        with duckdb_with({"stored": stored}, spill=settings.spill) as connection:
            (rows,) = one_row(connection, "SELECT count(*) FROM stored")
            (repeated,) = one_row(
                connection,
                f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) n FROM stored GROUP BY {columns}) g",
            )
        passed = {
            "has_rows": rows > 0 or stored.told["delivered"] == "False",
            "key_is_unique": repeated == 0,
        }
        for selected in context.selected_asset_check_keys:
            # Neither blocks: an empty table may be right, and repeated rows of a beneficiary are older states.
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=selected.name,
                passed=passed[selected.name],
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"rows": rows, "rows that repeat a key": repeated},
            )

    return check


def linked_beneficiaries() -> dg.AssetChecksDefinition:
    """The check that the services of ER_PRS_F belong to known beneficiaries."""

    @dg.asset_check(
        asset=dg.AssetKey(["snds", "er_prs_f"]),
        additional_ins={"ir_ben_r": dg.AssetIn(dg.AssetKey(["snds", "ir_ben_r"]), input_manager_key="if_there")},
        description="The pseudonym of every service is in IR_BEN_R (persons seen in public hospitals only may not be).",
    )
    def beneficiaries_are_known(
        er_prs_f: StoredTable, ir_ben_r: StoredTable | None, settings: dg.ResourceParam[Settings]
    ) -> dg.AssetCheckResult:
        if ir_ben_r is None:
            return dg.AssetCheckResult(
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                description="IR_BEN_R has not been received in this warehouse: there is nothing to compare with.",
            )
        with duckdb_with({"er_prs_f": er_prs_f, "ir_ben_r": ir_ben_r}, spill=settings.spill) as connection:
            rows, orphans = one_row(
                connection,
                """SELECT count(*), count(*) FILTER (b.BEN_NIR_PSA IS NULL)
                   FROM er_prs_f p LEFT JOIN (SELECT DISTINCT BEN_NIR_PSA FROM ir_ben_r) b USING (BEN_NIR_PSA)""",
            )
        return dg.AssetCheckResult(
            passed=orphans == 0, severity=dg.AssetCheckSeverity.WARN,
            metadata={"rows": rows, "rows of unknown beneficiaries": orphans},
        )  # fmt: skip

    return beneficiaries_are_known


TABLES = official_tables()
received_tables = [received_table(table) for table in TABLES.values()]
received_table_checks = [*(received_checks(table) for table in TABLES.values()), linked_beneficiaries()]
