"""The one Definitions object: assets, checks, resources, jobs. Nothing is computed or decided here."""

from collections.abc import Mapping

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.spark_engine import LOCAL_SPARK_CONFIG
from snds_omop_assets.io_managers.managers import (
    IfThereIOManager,
    SparkParquetIOManager,
    csv_io_manager,
    parquet_io_manager,
    sqlite_io_manager,
)
from snds_omop_assets.omop.care_site import BRIEF_VIEW, care_site
from snds_omop_assets.omop.location import location
from snds_omop_assets.omop.person import person
from snds_omop_assets.omop.provider import provider
from snds_omop_assets.preparation.assets import prepared_assets
from snds_omop_assets.quality.assets import conformance_asset_checks
from snds_omop_assets.reception.assets import received_table_checks, received_tables
from snds_omop_assets.settings import Settings


def build_defs(
    settings: Settings | None = None, loggers: Mapping[str, dg.LoggerDefinition] | None = None
) -> dg.Definitions:
    """Assemble the project for one deployment.

    Args:
        settings: where things are; None reads the environment.
        loggers: Dagster loggers to use instead of the console's.
    """
    settings = settings or Settings.from_environment()
    root = settings.warehouse
    return dg.Definitions(
        assets=[*received_tables, *prepared_assets, location, person, care_site, provider],
        asset_checks=[*received_table_checks, *conformance_asset_checks],
        jobs=[
            dg.define_asset_job("everything", description="Receive the delivery, build the CDM, check it."),
            dg.define_asset_job(
                "checks", dg.AssetSelection.all_asset_checks(), description="Judge again what the warehouse holds."
            ),
        ],
        resources={
            "settings": settings,
            "spark": LazyPySparkResource(spark_config=LOCAL_SPARK_CONFIG),
            "if_there": IfThereIOManager(root),
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
