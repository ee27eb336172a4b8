"""The prepared assets: facts by year (`prepared/claims`, `prepared/stays`), persons and places over all years."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa
from dagster_pyspark import LazyPySparkResource

from snds_omop_assets.contracts.snds_tables import SndsTable
from snds_omop_assets.engines.opening import open_session
from snds_omop_assets.io_managers.parts import PartsTable
from snds_omop_assets.preparation.identities import PERSONS
from snds_omop_assets.preparation.persons_and_places import PERSON_TABLES, counted, find_persons, find_sites
from snds_omop_assets.preparation.places import ESTABLISHMENT_TABLES, ESTABLISHMENTS
from snds_omop_assets.preparation.prepared_years import KINDS, WHOLE, Kind, Prepared, stored_years
from snds_omop_assets.preparation.shapes import IDENTITIES, Columns
from snds_omop_assets.reception.assets import YEARS, Delivered, needed_table
from snds_omop_assets.reception.log import log_made
from snds_omop_assets.reception.store import Store
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS, described_columns, said_plainly, table_of

GROUP = "prepared"
FINESS_CHARACTERS = 9

PIECES: Columns = {
    "lines, stays, ...": (pa.string(), "What goes on, slim, with its year of care."),
    "persons": (pa.string(), "The identifiers that these files mention, with what they say of the person."),
    "places": (pa.string(), "The sites, units and specialties that these files mention."),
    "counts": (pa.string(), "Rows that end here, by rule."),
}

ABOUT = {
    "claims": "The DCIR of a year of flow: lines with their details, without those for information, those that the "
    "PMSI has too, and those that are no care; each with its year of care.",
    "stays": "The PMSI of a year: stays and what was done in them, without those that cannot be chained to a person "
    "and those that came twice; each with its year of care.",
}


def key_of(name: str) -> dg.AssetKey:
    """The asset of something prepared."""
    return dg.AssetKey([GROUP, name])


def prepared_assets(delivered: Delivered) -> list[dg.AssetsDefinition]:
    """The assets of what is prepared of a delivery."""
    facts = [prepared_facts(delivered, kind) for kind in KINDS if tables_of(delivered, kind)]
    return [
        *facts,
        persons(delivered, [asset.key for asset in facts]),
        establishments(delivered, [a.key for a in facts]),
    ]


def tables_of(delivered: Delivered, kind: Kind) -> list[SndsTable]:
    """The tables of a kind of facts that a delivery or its warehouse has."""
    return [delivered.tables[name] for name in kind.tables if name in delivered.tables]


def cut_by_year(delivered: Delivered, kind: Kind) -> bool:
    """Whether the tables of a kind come by year."""
    return any(delivered.cut_by_year(table) for table in tables_of(delivered, kind))


def prepared_facts(delivered: Delivered, kind: Kind) -> dg.AssetsDefinition:
    """The asset of one kind of facts: cut by year of the delivered files, if they are."""
    tables, cut = tables_of(delivered, kind), cut_by_year(delivered, kind)

    @dg.asset(
        key=key_of(kind.name),
        group_name=GROUP,
        description=ABOUT[kind.name],
        kinds={"sql", "parquet"},
        owners=OWNERS,
        io_manager_key="parts",
        deps=[dg.AssetKey(table.asset_key) for table in tables],
        partitions_def=YEARS if cut else None,
        metadata={"dagster/column_schema": described_columns(PIECES)},
    )
    def prepare(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], spark: LazyPySparkResource
    ) -> dg.MaterializeResult[None]:
        prepared, store = Prepared(settings.warehouse, kind), Store(settings.warehouse)
        there = set(stored_years(store, kind))
        if not there:
            needed_table(store, tables[0].name, f"prepared/{kind.name}")
        asked = {int(key) for key in context.partition_keys} if cut else {None}
        for year in sorted(there & asked, key=str):
            with said_plainly(), log_made(settings.warehouse, f"prepared/{kind.name}") as line:
                done = prepared.prepare(open_session(settings, spark), store, year)
                rules = prepared.rules(year)
                line |= {"event": "made" if done else "unchanged", "part": str(year or WHOLE), "rules": rules}
            told: dict[str, Any] = {
                "done": line["event"],
                "rows that end here": sum(rules.values()),
                "by rule": table_of({"rule": str, "rows": int}, rules.items()),
            }
            if year is None:
                return dg.MaterializeResult(metadata=told)
            context.add_asset_metadata(told, partition_key=str(year))
        return dg.MaterializeResult()

    return prepare


def persons(delivered: Delivered, facts: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset of who is who."""
    tables = [name for name in PERSON_TABLES if name in delivered.tables]

    @dg.multi_asset(
        name="persons",
        specs=[
            dg.AssetSpec(
                key_of(name),
                deps=[*(dg.AssetKey(delivered.tables[table].asset_key) for table in tables), *facts],
                group_name=GROUP,
                kinds={"sql", "parquet"},
                owners=OWNERS,
                description=description,
                metadata={"dagster/column_schema": described_columns(columns)},
                skippable=True,
            ).with_io_manager_key("parts")
            for name, columns, description in (
                ("person_identities", IDENTITIES, "Every identifier of every person, with the reason of each link."),
                ("beneficiaries", PERSONS, "One row per person: the latest state of who the person is."),
            )
        ],
        can_subset=True,
    )
    def find(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], spark: LazyPySparkResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Who is one person: identifiers linked over the referentials and the facts."""
        needed_table(Store(settings.warehouse), "IR_BEN_R", "prepared/person_identities")
        with said_plainly():
            found = find_persons(settings, open_session(settings, spark))
        for name in ("person_identities", "beneficiaries"):
            if key_of(name) in context.selected_asset_keys:
                told: dict[str, Any] = {
                    "dagster/row_count": found.rows[name],
                    "path": dg.MetadataValue.path(str(settings.warehouse / GROUP / f"{name}.parquet")),
                }
                if name == "person_identities":
                    told["identifiers by reason"] = table_of({"reason": str, "identifiers": str}, found.reasons)
                yield dg.MaterializeResult(asset_key=key_of(name), metadata={**told, **found.counts})

    return find


def establishments(delivered: Delivered, facts: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset of the sites and units."""
    tables = [name for name in ESTABLISHMENT_TABLES if name in delivered.tables]

    @dg.asset(
        key=key_of("establishments"),
        group_name=GROUP,
        kinds={"sql", "parquet"},
        owners=OWNERS,
        io_manager_key="parts",
        deps=[*(dg.AssetKey(delivered.tables[name].asset_key) for name in tables), *facts],
        metadata={"dagster/column_schema": described_columns(ESTABLISHMENTS)},
    )
    def sites(settings: dg.ResourceParam[Settings], spark: LazyPySparkResource) -> dg.MaterializeResult[None]:
        """One row per site and medical unit that the referentials or the facts name, with its department."""
        needed_table(Store(settings.warehouse), "T_MCO_E", "prepared/establishments")
        with said_plainly():
            rows = find_sites(settings, open_session(settings, spark))
        table = PartsTable(settings.warehouse / GROUP / "establishments.parquet")
        told: dict[str, Any] = {"dagster/row_count": rows, "path": dg.MetadataValue.path(str(table.path))}
        return dg.MaterializeResult(metadata={**told, **not_placed(table), **counted(settings, "establishments")})

    return sites


def not_placed(table: PartsTable) -> dict[str, int]:
    """How many sites and units of prepared/establishments have no department, and how many no whole FINESS number."""
    rows = [row for batch in table.batches(["finess", "department"]) for row in batch.to_pylist()]
    return {
        "without department": sum(row["department"] is None for row in rows),
        "without a FINESS of nine characters": sum(len(row["finess"] or "") != FINESS_CHARACTERS for row in rows),
    }
