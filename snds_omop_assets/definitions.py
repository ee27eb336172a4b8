"""The one Definitions object: assets, checks, resources, jobs. Nothing is computed or decided here."""

from collections.abc import Mapping

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.spark_engine import spark_config
from snds_omop_assets.io_managers.managers import (
    PartsIOManager,
    SparkParquetIOManager,
    csv_io_manager,
    parquet_io_manager,
    sqlite_io_manager,
)
from snds_omop_assets.omop.assets import conversion_assets
from snds_omop_assets.omop.care_site import BRIEF_VIEW, care_site
from snds_omop_assets.omop.field_rules import with_known_lineage
from snds_omop_assets.omop.location import location
from snds_omop_assets.omop.person import person
from snds_omop_assets.omop.provider import provider
from snds_omop_assets.preparation.assets import prepared_assets
from snds_omop_assets.quality.achilles.assets import characterisation_asset
from snds_omop_assets.quality.assets import cdm_asset_checks
from snds_omop_assets.quality.ledger_assets import ledger_assets
from snds_omop_assets.reception.assets import (
    REPORT,
    SINGLE_RUN,
    Delivered,
    ReceivedIOManager,
    received_assets,
    received_checks,
)
from snds_omop_assets.reception.store import Store
from snds_omop_assets.settings import SPARK, Settings
from snds_omop_assets.vocabulary.assets import (
    VocabularyIOManager,
    resolution_assets,
    source_to_concept_map,
    vocabulary,
    vocabulary_checks,
)

NEEDED = ("ER_PRS_F", "IR_ACT_V", "IR_BEN_R", "IR_SPE_V", "T_MCO_E")
"""Tables without which nothing can be converted: their assets are there even if nobody delivered them, and say so."""


def build_defs(
    settings: Settings | None = None, loggers: Mapping[str, dg.LoggerDefinition] | None = None
) -> dg.Definitions:
    """Assemble the project for one deployment and its delivery.

    The received tables are those of the delivery and of the warehouse, and those that a target needs: looking at the
    names of the files tells which. Reload the definitions when another delivery comes.

    Args:
        settings: where things are; None reads the environment.
        loggers: Dagster loggers to use instead of the console's.
    """
    settings = settings or Settings.from_environment()
    root = settings.warehouse
    delivered = Delivered(settings, NEEDED)
    reception = received_assets(delivered)
    concepts = [vocabulary, source_to_concept_map, *resolution_assets(delivered)]
    prepared = prepared_assets(delivered)
    cdm = [location, person, care_site, provider, *conversion_assets(delivered)]
    cdm_keys = [key for asset in cdm for key in asset.keys]
    accounts, balanced = ledger_assets([*cdm_keys, *(key for asset in reception for key in asset.keys)])
    figures = characterisation_asset([*cdm_keys, *vocabulary.keys])
    known = {key for asset in (*reception, *concepts, *prepared, *cdm) for key in asset.keys}
    cdm = [with_known_lineage(asset, known) for asset in cdm]
    before = [key for asset in (*reception, *concepts, *prepared) for key in asset.keys]
    targets = [*prepared, *cdm, accounts, figures]
    return dg.Definitions(
        # A range of years runs in one run only if every asset of the run allows it.
        assets=[asset.with_attributes(backfill_policy=SINGLE_RUN) for asset in (*reception, *concepts, *targets)],
        asset_checks=[
            *received_checks(delivered),
            *vocabulary_checks,
            *cdm_asset_checks(settings),
            balanced,
        ],
        jobs=[
            dg.define_asset_job(
                "reception",
                dg.AssetSelection.assets(*delivered.keys, REPORT),
                description="Receive the delivery and report on it.",
            ),
            dg.define_asset_job(
                "preparation",
                dg.AssetSelection.assets(*before),
                description="Receive the delivery, load the vocabulary, prepare what the CDM is made of.",
            ),
            dg.define_asset_job(
                "conversion",
                dg.AssetSelection.assets(*cdm_keys, accounts.key, figures.key),
                description="Build the CDM from what is prepared, check it, count what it holds.",
            ),
            dg.define_asset_job("everything", description="Receive the delivery, build the CDM, check it."),
            dg.define_asset_job(
                "checks", dg.AssetSelection.all_asset_checks(), description="Judge again what the warehouse holds."
            ),
        ],
        resources={
            "settings": settings,
            "spark": LazyPySparkResource(
                spark_config=spark_config(settings.spark_master, settings.memory, little=settings.engine != SPARK)
            ),
            "vocabulary": VocabularyIOManager(root),
            "received": ReceivedIOManager(Store(root)),
            "parts": PartsIOManager(root),
            "parquet": parquet_io_manager(root),
            "csv": csv_io_manager(root),
            "sqlite": sqlite_io_manager(
                root,
                primary_keys={name: table.primary_key for name, table in cdm_tables().items()},
                views={"care_site": [BRIEF_VIEW]},
            ),
            "spark_parquet": SparkParquetIOManager(root),
        },
        # One process: a process per step imports everything again and takes four times as long (measured).
        executor=dg.in_process_executor,
        loggers=loggers,
    )


defs = build_defs()
