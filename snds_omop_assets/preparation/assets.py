"""The prepared assets: `prepared/beneficiaries` and `prepared/establishments`."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pyarrow as pa

from snds_omop_assets.preparation.prepare import prepared
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS, described_columns
from snds_omop_assets.tables import Frames, StoredTable

HERE = Path(__file__).parent

BENEFICIARIES = {
    "person_key": (pa.string(), "What stands for the person: BEN_IDT_ANO, else BEN_NIR_ANO, else pseudo-NIR and rank."),
    "person_source_value": (pa.string(), "The same as it was delivered."),
    "BEN_NIR_PSA": (pa.string(), "Pseudo-NIR of the latest state, which joins ER_PRS_F."),
    "BEN_SEX_COD": (pa.string(), "Sex code of the latest state."),
    "BEN_SEX_COD_DELIVERED": (pa.string(), "Sex code as it was delivered."),
    "BEN_NAI_ANN": (pa.int64(), "Year of birth."),
    "BEN_NAI_MOI": (pa.int64(), "Month of birth."),
    "commune": (pa.string(), "INSEE code of the commune of residence; NULL where it is unknown."),
    "department": (pa.string(), "Department of residence, 2 characters, 3 overseas; NULL where it is unknown."),
}  # fmt: skip

ESTABLISHMENTS = {
    "finess": (pa.string(), "FINESS number with its key."),
    "finess_delivered": (pa.string(), "FINESS number as it was delivered."),
    "name": (pa.string(), "Name of the establishment (raison sociale)."),
    "department": (pa.string(), "Department, read from the FINESS."),
}


def beneficiaries_table(ir_ben_r: StoredTable, spill: Path) -> Frames:
    """One row per person, from IR_BEN_R as received: see beneficiaries.sql; columns BENEFICIARIES."""
    return prepared(
        (HERE / "beneficiaries.sql").read_text(encoding="utf-8"),
        {"ir_ben_r": ir_ben_r},
        _schema(BENEFICIARIES),
        order="person_key",
        spill=spill,
    )


def establishments_table(t_mco_e: StoredTable, spill: Path) -> Frames:
    """One row per establishment, from T_MCO_E as received: see establishments.sql; columns ESTABLISHMENTS."""
    return prepared(
        (HERE / "establishments.sql").read_text(encoding="utf-8"),
        {"t_mco_e": t_mco_e},
        _schema(ESTABLISHMENTS),
        order="finess",
        spill=spill,
        told={"without department": "department IS NULL", "without a FINESS of nine characters": "length(finess) <> 9"},
    )


def _schema(columns: Mapping[str, tuple[pa.DataType, str]]) -> pa.Schema:
    return pa.schema([(name, kind) for name, (kind, _) in columns.items()])


@dg.asset(
    key=["prepared", "beneficiaries"],
    group_name="prepared",
    kinds={"sql", "duckdb", "parquet"},
    owners=OWNERS,
    io_manager_key="parquet",
    ins={"ir_ben_r": dg.AssetIn(["snds", "ir_ben_r"])},
    metadata={"dagster/column_schema": described_columns(BENEFICIARIES)},
)
def beneficiaries(ir_ben_r: StoredTable, settings: dg.ResourceParam[Settings]) -> Frames:
    """One row per person of IR_BEN_R: the latest state, with the commune of residence rebuilt from its parts.

    Fictitious NIR and persons without a usable year of birth are left out and counted; older states of a person are
    merged and counted.
    """
    return beneficiaries_table(ir_ben_r, settings.spill)


@dg.asset(
    key=["prepared", "establishments"],
    group_name="prepared",
    kinds={"sql", "duckdb", "parquet"},
    owners=OWNERS,
    io_manager_key="parquet",
    ins={"t_mco_e": dg.AssetIn(["snds", "t_mco_e"])},
    metadata={"dagster/column_schema": described_columns(ESTABLISHMENTS)},
)
def establishments(t_mco_e: StoredTable, settings: dg.ResourceParam[Settings]) -> Frames:
    """One row per establishment that sends hospital stays, with the department that its FINESS tells."""
    return establishments_table(t_mco_e, settings.spill)


prepared_assets = [beneficiaries, establishments]
