"""How each field of a CDM table is filled, as data: rules/<table>.csv. Feeds the UI's columns and their lineage."""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import dagster as dg

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.steward import cdm_columns

RULES = Path(__file__).parent / "rules"
LINEAGE = "dagster/column_lineage"


@dataclass(frozen=True)
class FieldRule:
    """The rule of one field.

    Attributes:
        sources: SNDS columns that it reads, as TABLE.COLUMN.
        rule: what is done with them, in a sentence.
    """

    sources: tuple[str, ...]
    rule: str


@cache
def field_rules(table: str) -> Mapping[str, FieldRule]:
    """The rules of a CDM table, by field."""
    with (RULES / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return {row["field"]: FieldRule(tuple(row["sources"].split()), row["rule"]) for row in csv.DictReader(lines)}


def with_known_lineage(asset: dg.AssetsDefinition, known: Collection[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset with the column lineage of the tables that there are: a delivery has some of those that rules name."""

    def of_known(spec: dg.AssetSpec) -> dg.AssetSpec:
        lineage = spec.metadata.get(LINEAGE)
        if not isinstance(lineage, dg.TableColumnLineage):
            return spec
        found = {
            column: [dep for dep in deps if dep.asset_key in known] for column, deps in lineage.deps_by_column.items()
        }
        of_some = dg.TableColumnLineage({column: deps for column, deps in found.items() if deps})
        return spec.replace_attributes(metadata={**spec.metadata, LINEAGE: of_some})

    return asset.map_asset_specs(of_known)


def cdm_metadata(table: str) -> dict[str, object]:
    """What the UI shows of a CDM table before it is computed: columns with meaning and rule, column lineage."""
    rules = field_rules(table)
    keys = {t.name: dg.AssetKey(t.asset_key) for t in official_tables().values()}
    lineage = {
        field: [
            dg.TableColumnDep(asset_key=keys[source.split(".")[0]], column_name=source.split(".")[1])
            for source in rule.sources
        ]
        for field, rule in rules.items()
        if rule.sources
    }
    return {
        "dagster/table_name": f"omop.{table}",
        "dagster/column_schema": cdm_columns(cdm_tables()[table], {field: rule.rule for field, rule in rules.items()}),
        LINEAGE: dg.TableColumnLineage(lineage),
        "CDM page": dg.MetadataValue.url(f"https://ohdsi.github.io/CommonDataModel/cdm54.html#{table}"),
    }
