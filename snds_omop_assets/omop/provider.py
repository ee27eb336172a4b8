"""PROVIDER, with Spark into Parquet: a list of specialties and activities, not of people.

pyspark is imported inside the functions, and the session starts when the asset runs: nothing else pays for Spark.
"""

from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.snds_tables import DELIVERED
from snds_omop_assets.engines.spark_engine import file_pattern, hide, omop_id_column, spark_said_plainly, started
from snds_omop_assets.omop.field_rules import cdm_metadata
from snds_omop_assets.preparation.prepared_years import KINDS, Prepared
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS, said_plainly, table_of
from snds_omop_assets.tables import StoredTable
from snds_omop_assets.vocabulary.maps import ALWAYS_UNTIL, NO_CONCEPT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TABLE = cdm_tables()["provider"]

SHOWN = 200
"""Rows that the UI shows of a list; the two nomenclatures have 87."""

SPARK_TYPES = {"integer": "bigint", "varchar": "string"}

LISTS = (
    # prefix, nomenclature, code and label there
    ("SPE", "IR_SPE_V", "PFS_SPE_COD", "PFS_SPE_LIB"),
    ("ACT", "IR_ACT_V", "PFS_ACT_NAT", "ACT_NAT_LIB"),
)
"""The two code lists overlap, hence the prefix in provider_source_value."""


def met_codes(nomenclatures: dict[str, "DataFrame"], met_places: "DataFrame") -> "DataFrame":
    """Every code of the two nomenclatures, and every one that the facts mention.

    Args:
        nomenclatures: IR_SPE_V and IR_ACT_V as received, by name.
        met_places: who the DCIR and the PMSI mention (preparation/shapes.py MET_PLACES), kind `provider`.

    Returns:
        One row per list and code: prefix, nomenclature, code (without padding), label (NULL where the nomenclature
        lacks the code), delivered (the code as the nomenclature delivered it, else without padding), in_nomenclature.
        Where a nomenclature spells a code in several ways, the shortest wins, then the first in order.
    """
    from pyspark.sql import functions as f

    met = met_places.where(f.col("kind") == "provider").select("code").distinct()
    lists = []
    for prefix, nomenclature, code, label in LISTS:
        listed = nomenclatures[nomenclature].select(
            f.lit(prefix).alias("prefix"),
            f.lit(nomenclature).alias("nomenclature"),
            f.col(code).alias("code"),
            f.col(label).alias("label"),
            f.col(code + DELIVERED).alias("delivered"),
            f.lit(True).alias("in_nomenclature"),
        )
        bare = f.substring_index("code", ":", -1)
        used = met.where(f.col("code").startswith(f"{prefix}:")).select(
            f.lit(prefix), f.lit(nomenclature), bare, f.lit(None).cast("string"), bare, f.lit(False)
        )
        lists.append(listed.unionAll(used))
    specialties, activities = lists
    first = f.struct(~f.col("in_nomenclature"), f.length("delivered"), f.col("delivered"), f.col("label"))
    return (
        specialties.unionAll(activities)
        .groupBy("prefix", "nomenclature", "code")
        .agg(
            f.min_by("label", first).alias("label"),
            f.min_by("delivered", first).alias("delivered"),
            f.max("in_nomenclature").alias("in_nomenclature"),
        )
    )


def provider_frame(codes: "DataFrame", maps: "DataFrame", id_key: str) -> "DataFrame":
    """PROVIDER rows of some codes.

    Args:
        codes: see `met_codes`.
        maps: SOURCE_TO_CONCEPT_MAP; of the lines of a code that still hold, the least target counts.
        id_key: the id key of the warehouse.

    Returns:
        One row per code, sorted by provider_source_value; the columns of the CDM's PROVIDER.
    """
    from pyspark.sql import functions as f

    concepts = (
        maps.where(f.col("source_vocabulary_id").isin([nomenclature for _, nomenclature, *_ in LISTS]))
        .where(f.col("valid_end_date") == f.lit(ALWAYS_UNTIL))
        .groupBy(f.col("source_vocabulary_id").alias("nomenclature"), f.col("source_code").alias("code"))
        .agg(f.min("target_concept_id").alias("concept_id"))
    )
    source_value = f.concat_ws(":", "prefix", "code")
    filled = {
        "provider_id": omop_id_column(id_key, "provider", source_value),
        "provider_name": f.col("label"),
        "specialty_concept_id": f.coalesce("concept_id", f.lit(NO_CONCEPT)),
        "provider_source_value": source_value,
        "specialty_source_value": f.col("delivered"),
        "specialty_source_concept_id": f.lit(NO_CONCEPT),
    }
    return (
        codes.join(f.broadcast(concepts), ["nomenclature", "code"], "left")
        .select(
            *(
                filled.get(field.name, f.lit(None)).cast(SPARK_TYPES[field.type.split("(")[0]]).alias(field.name)
                for field in TABLE.fields
            )
        )
        .orderBy("provider_source_value")
    )


def _met_places(spark: "SparkSession", settings: Settings) -> "DataFrame":
    """Who the facts of all years mention (MET_PLACES)."""
    files = [file_pattern(file) for kind in KINDS for file in Prepared(settings.warehouse, kind).files("places")]
    return spark.read.parquet(*files) if files else spark.createDataFrame([], "kind string, code string")


def _told(codes: "DataFrame", provider: "DataFrame") -> dict[str, Any]:
    """What the steward reads: the map of specialties, and the codes that no nomenclature has."""
    specialties = provider.collect()
    unknown = sorted(f"{row.prefix}:{row.code}" for row in codes.collect() if not row.in_nomenclature)
    mapped = [row for row in specialties if row["specialty_concept_id"] != NO_CONCEPT]
    return {
        "codes with a concept": len(mapped),
        "codes without concept (0)": len(specialties) - len(mapped),
        "codes in no nomenclature": len(unknown),
        "codes in no nomenclature, kept with concept 0": ", ".join(unknown[:SHOWN]) or "none",
        "specialties": table_of(
            {"code": str, "label": str, "concept": int},
            [(row.provider_source_value, row.provider_name, row.specialty_concept_id) for row in specialties[:SHOWN]],
        ),
    }


@dg.asset(
    key=["omop", "provider"],
    group_name="omop",
    kinds={"pyspark", "parquet"},
    owners=OWNERS,
    io_manager_key="spark_parquet",
    ins={
        "ir_spe_v": dg.AssetIn(["nomenclatures", "ir_spe_v"]),
        "ir_act_v": dg.AssetIn(["nomenclatures", "ir_act_v"]),
        "source_to_concept_map": dg.AssetIn(["vocabulary", "source_to_concept_map"]),
    },
    # The pieces of prepared/claims and prepared/stays are read; the sites come after both, whatever was delivered.
    deps=[dg.AssetKey(["prepared", "establishments"])],
    metadata=cdm_metadata("provider"),
)
def provider(
    context: dg.AssetExecutionContext,
    ir_spe_v: StoredTable,
    ir_act_v: StoredTable,
    source_to_concept_map: StoredTable,
    spark: LazyPySparkResource,
    settings: dg.ResourceParam[Settings],
) -> Any:
    """OMOP PROVIDER: the specialties of IR_SPE_V, the activities of IR_ACT_V, and the codes that only facts have."""
    with said_plainly():
        running = started(spark)
        with spark_said_plainly():
            hide(running, settings.id_key)

            def read(table: StoredTable) -> "DataFrame":
                return running.read.parquet(*map(file_pattern, table.files))

            nomenclatures = {"IR_SPE_V": read(ir_spe_v), "IR_ACT_V": read(ir_act_v)}
            codes = met_codes(nomenclatures, _met_places(running, settings)).cache()
            # Not cached: Spark calls what it caches by its plan, with the id key, in its log and on its pages.
            table = provider_frame(codes, read(source_to_concept_map), settings.id_key)
            context.add_output_metadata(_told(codes, table))
    return table
