"""The conformance checks of each CDM table as asset checks: five per table, all of which block."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from snds_omop_assets.contracts.cdm_tables import CdmTable, cdm_tables
from snds_omop_assets.engines.duckdb_engine import duckdb_with
from snds_omop_assets.quality import conformance
from snds_omop_assets.quality.conformance import Finding, Judged
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import table_of
from snds_omop_assets.tables import StoredTable
from snds_omop_assets.vocabulary.maps import CONCEPTS

CHECKS: Mapping[str, str] = {
    "structure": "The columns of the CDM v5.4 in its order, with its types and lengths.",
    "required_fields": "No NULL where the CDM requires a value.",
    "primary_key": "No two rows have the same primary key.",
    "foreign_keys": "Every reference to another table finds its row.",
    "concepts": "Every concept is known and of the domain that the CDM asks for.",
}


def findings_of(check: str, judged: Judged, present: Sequence[str]) -> list[Finding]:
    """Run one of CHECKS on a table; `present` are the CDM tables that the connection sees."""
    match check:
        case "structure":
            return conformance.structure(judged)
        case "required_fields":
            return conformance.required_fields(judged)
        case "primary_key":
            return conformance.primary_key(judged)
        case "foreign_keys":
            return conformance.foreign_keys(judged, present)
        case "concepts":
            return conformance.concepts(judged)
        case _:
            raise ValueError(f"there is no conformance check {check}")


def conformance_checks(table: CdmTable, built: list[str]) -> dg.AssetChecksDefinition:
    """The asset checks of one CDM table.

    Args:
        table: the table.
        built: CDM tables that the project builds; references to others, and to those of them that this warehouse
            does not have yet, may only be NULL.
    """
    key = dg.AssetKey(["omop", table.name])
    parents = sorted({f.reference.table for f in table.references if f.reference and f.reference.table in built})
    tables = {table.name: key, **{parent: dg.AssetKey(["omop", parent]) for parent in parents}}

    @dg.multi_asset_check(
        name=f"conformance_{table.name}",
        specs=[
            dg.AssetCheckSpec(
                name,
                asset=key,
                description=description,
                blocking=True,
                additional_deps=[asset_key for asset_key in tables.values() if asset_key != key],
            )
            for name, description in CHECKS.items()
        ],
        ins={
            name: dg.AssetIn(asset_key, input_manager_key=None if asset_key == key else "if_there")
            for name, asset_key in tables.items()
        },
        can_subset=True,
    )  # fmt: skip
    def check(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings], **stored: StoredTable | None
    ) -> Iterator[dg.AssetCheckResult]:
        present = {name: found for name, found in stored.items() if found is not None}
        own = present[table.name]
        with duckdb_with({**present, "concept": CONCEPTS}, spill=settings.spill) as connection:
            judged = Judged(connection, table, own.schema, own.kept_as_text)
            for selected in sorted(context.selected_asset_check_keys, key=lambda k: list(CHECKS).index(k.name)):
                findings = findings_of(selected.name, judged, [*present])
                violated = sum(finding.violated for finding in findings)
                yield dg.AssetCheckResult(
                    asset_key=key,
                    check_name=selected.name,
                    passed=violated == 0,
                    severity=dg.AssetCheckSeverity.ERROR,
                    metadata={"violated rows": violated, "by field": _by_field(findings)},
                )

    return check


def _by_field(findings: list[Finding]) -> dg.TableMetadataValue:
    """Failures first."""
    return table_of(
        {"check": str, "field": str, "violated": int, "rows": int},
        [(f.check, f.field, f.violated, f.looked_at) for f in sorted(findings, key=lambda f: -f.violated)],
    )


BUILT = ["care_site", "location", "person", "provider"]
conformance_asset_checks = [conformance_checks(cdm_tables()[name], BUILT) for name in BUILT]
