"""The conformance checks of each CDM table as asset checks: five per table, all of which block."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from snds_omop_assets.contracts.cdm_tables import CdmTable, cdm_tables
from snds_omop_assets.engines.duckdb_engine import duckdb_with
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
from snds_omop_assets.omop.over_years import OVER_YEARS_TABLES
from snds_omop_assets.quality import conformance
from snds_omop_assets.quality.conformance import Finding, Judged
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import table_of
from snds_omop_assets.tables import StoredTable
from snds_omop_assets.vocabulary.assets import VOCABULARY_TABLES
from snds_omop_assets.vocabulary.assets import key_of as vocabulary_key
from snds_omop_assets.vocabulary.loaded import TABLES as LOADED
from snds_omop_assets.vocabulary.maps import CONCEPTS

CONCEPT, LOCAL = "concept", "local_concept"

VOCABULARY = ("concept", "vocabulary", "domain", "concept_class", "relationship")
"""Tables that refer to each other, so one step judges them. The large tables are judged while they are loaded."""

BUILT = (
    *VOCABULARY,
    "source_to_concept_map",
    "location",
    "care_site",
    "provider",
    "person",
    *CARE_YEAR_TABLES,
    *OVER_YEARS_TABLES,
)
"""The CDM tables that are judged."""

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


def conformance_checks(name: str, judged_tables: Sequence[CdmTable], blocking: bool = True) -> dg.AssetChecksDefinition:
    """The asset checks of a CDM table, or of tables that refer to each other.

    A reference to a table that the project does not build (BUILT), or that this warehouse does not have yet, may only
    be NULL.

    Args:
        name: of the step that judges.
        judged_tables: the tables.
        blocking: whether a failure keeps what is downstream from running; else it warns.
    """
    own = {table.name: key_of(table.name) for table in judged_tables}
    parents = {f.reference.table for table in judged_tables for f in table.references if f.reference}
    others = {parent: key_of(parent) for parent in sorted((parents & set(BUILT)) | {CONCEPT}) if parent not in own}
    if not own.keys() & set(VOCABULARY_TABLES):  # tables of the data may have the concepts of French codes
        others[LOCAL] = vocabulary_key(LOCAL)

    @dg.multi_asset_check(
        name=f"conformance_{name}",
        specs=[
            dg.AssetCheckSpec(
                check, asset=key, description=description, blocking=blocking, additional_deps=[*others.values()]
            )
            for key in own.values()
            for check, description in CHECKS.items()
        ],
        ins={table: dg.AssetIn(key, input_manager_key=None) for table, key in own.items()}
        | {table: dg.AssetIn(key, input_manager_key=if_there(table)) for table, key in others.items()},
        can_subset=True,
    )
    def check(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings], **stored: StoredTable | None
    ) -> Iterator[dg.AssetCheckResult]:
        present = {table: found for table, found in stored.items() if found is not None}
        # Where nothing is loaded yet, a table made alone is compared with the concepts that the project can write.
        tables = {**present, "standard": present.get(CONCEPT, CONCEPTS)}
        with duckdb_with(tables, spill=settings.spill) as connection:
            ids = "SELECT CAST(concept_id AS BIGINT) AS concept_id, domain_id FROM"
            local = f" UNION ALL {ids} {LOCAL}" if LOCAL in present else ""
            connection.execute(f"CREATE VIEW known_concept AS {ids} standard{local}")
            for table in judged_tables:
                found = present[table.name]
                judged = Judged(connection, table, found.schema, found.kept_as_text)
                for selected in [c for c in CHECKS if _selected(context, own[table.name], c)]:
                    findings = findings_of(selected, judged, [*present])
                    violated = sum(finding.violated for finding in findings)
                    yield dg.AssetCheckResult(
                        asset_key=own[table.name],
                        check_name=selected,
                        passed=violated == 0,
                        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
                        description=_violations(findings),
                        metadata={"violated rows": violated, "by field": _by_field(findings)},
                    )

    return check


def _selected(context: dg.AssetCheckExecutionContext, key: dg.AssetKey, check: str) -> bool:
    return dg.AssetCheckKey(key, check) in context.selected_asset_check_keys


def _violations(findings: list[Finding]) -> str | None:
    """What is wrong, for a reader of the command line; None where nothing is."""
    told = [f"{f.field}: {f.violated} of {f.looked_at} rows fail {f.check}" for f in findings if f.violated]
    return "; ".join(told) or None


def _by_field(findings: list[Finding]) -> dg.TableMetadataValue:
    """Failures first."""
    return table_of(
        {"check": str, "field": str, "violated": int, "rows": int},
        [(f.check, f.field, f.violated, f.looked_at) for f in sorted(findings, key=lambda f: -f.violated)],
    )


def key_of(table: str) -> dg.AssetKey:
    """The asset of a CDM table."""
    return vocabulary_key(table) if table in VOCABULARY_TABLES else dg.AssetKey(["omop", table])


def if_there(table: str) -> str:
    """What loads a CDM table that a check can do without."""
    return "vocabulary_if_there" if table in LOADED else "if_there"


conformance_asset_checks = [
    # Athena's own files break the rules here and there; what cannot be used was refused while loading.
    conformance_checks("vocabulary", [cdm_tables()[name] for name in VOCABULARY], blocking=False),
    *(conformance_checks(name, [cdm_tables()[name]]) for name in BUILT if name not in VOCABULARY),
]
