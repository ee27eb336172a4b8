"""The asset `quality/achilles_results`: what the CDM of the warehouse holds, in figures and in a picture."""

from itertools import islice
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
from dagster_pyspark import LazyPySparkResource

from snds_omop_assets.engines.opening import open_session
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.quality.achilles.analyses import RESULTS
from snds_omop_assets.quality.achilles.characterise import Characterisation, characterise
from snds_omop_assets.quality.achilles.pictures import drawn
from snds_omop_assets.quality.achilles.report import tables_of
from snds_omop_assets.quality.achilles.sources import TABLES
from snds_omop_assets.quality.dqd.opening import open_cdm
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS, described_columns, picture, said_plainly, table_of
from snds_omop_assets.tables import Frames, frame_of

KEY = dg.AssetKey(["quality", "achilles_results"])


def characterisation_asset(counted: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset of the characterisation.

    Args:
        counted: the CDM tables, and the vocabulary that names their concepts.
    """

    @dg.asset(
        key=KEY,
        group_name="quality",
        kinds={"duckdb", "parquet"},
        owners=OWNERS,
        io_manager_key="parquet",
        deps=counted,
        metadata={"dagster/column_schema": described_columns(RESULTS)},
    )
    def achilles_results(settings: dg.ResourceParam[Settings], spark: LazyPySparkResource) -> Frames:
        """What the CDM holds: OHDSI's Achilles analyses; `achilles_results_dist` and `achilles_analysis` lie beside it.

        Nothing is told of few persons (SNDS_SMALL_CELL).
        """
        opening = open_session(settings, spark)
        with said_plainly(), open_cdm(opening, settings.warehouse, only=TABLES) as (session, cdm):
            found = characterise(session, cdm, settings.small_cell)
        return Frames(
            found.results.schema,
            (frame_of(batch) for batch in found.results.to_batches()),
            metadata=lambda: told(found),
            when_stored=lambda path: _write_beside(found, path),
        )

    return achilles_results


def told(found: Characterisation) -> dict[str, object]:
    """What the steward reads: how much there is, what was left out, and one picture."""
    left_out = [
        (row["analysis_id"], row["analysis_name"], found.hidden[row["analysis_id"]])
        for row in found.analysis.to_pylist()
        if row["analysis_id"] in found.hidden
    ]
    metadata: dict[str, object] = {
        "analyses": found.analysis.num_rows,
        "distributions": found.distributions.num_rows,
        "cells left out": sum(found.hidden.values()),
        "left out": table_of({"analysis": int, "what is counted": str, "cells": int}, left_out),
    }
    for one in islice(drawn(found.results), 1):
        metadata["picture"] = picture(one.figure, f"{one.title}. {one.sentence}")
    return metadata


def _write_beside(found: Characterisation, path: Path) -> None:
    """The other two tables, in the folder of the first."""
    for name, table in tables_of(found).items():
        if name != path.stem:
            with written_aside(path.with_name(f"{name}.parquet")) as partial:
                pq.write_table(table, partial, compression="zstd")
