"""The assets of the CDM tables that are computed together: those of a year of care, and those over all years."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from snds_omop_assets.engines.opening import open_session
from snds_omop_assets.io_managers.folders import recover
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
from snds_omop_assets.omop.conversion import Conversion, Made
from snds_omop_assets.omop.conversion_over_years import convert_over_years
from snds_omop_assets.omop.field_rules import cdm_metadata
from snds_omop_assets.omop.over_years import OVER_YEARS_TABLES
from snds_omop_assets.preparation.assets import cut_by_year, tables_of
from snds_omop_assets.preparation.assets import key_of as prepared_key
from snds_omop_assets.preparation.prepared_years import KINDS
from snds_omop_assets.preparation.referentials import REFERENTIAL_TABLES
from snds_omop_assets.reception.assets import YEARS, Delivered
from snds_omop_assets.reception.delivery import FIRST_YEAR
from snds_omop_assets.reception.log import log_made
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS, said_plainly
from snds_omop_assets.vocabulary.assets import key_of as vocabulary_key

ABOUT: Mapping[str, str] = {
    "visit_occurrence": "OMOP VISIT_OCCURRENCE: visits of the DCIR, stays and external care of the PMSI.",
    "visit_detail": "OMOP VISIT_DETAIL: passages in medical units, weeks of rehabilitation.",
    "condition_occurrence": "OMOP CONDITION_OCCURRENCE: diagnoses of stays, long-term diseases, causes of death.",
    "procedure_occurrence": "OMOP PROCEDURE_OCCURRENCE: CCAM and CSARR acts, services that are acts.",
    "drug_exposure": "OMOP DRUG_EXPOSURE: drugs dispensed, and expensive drugs given in hospital.",
    "device_exposure": "OMOP DEVICE_EXPOSURE: devices and products of the LPP.",
    "measurement": "OMOP MEASUREMENT: laboratory acts of the NABM, without a value: the SNDS has none.",
    "observation": "OMOP OBSERVATION: whatever has its concept in this domain.",
    "specimen": "OMOP SPECIMEN: whatever has its concept in this domain.",
    "cost": "OMOP COST: what was paid, for events and for visits.",
    "death": "OMOP DEATH: one row per person, the cause from the CépiDc first.",
    "observation_period": "OMOP OBSERVATION_PERIOD: from the first record to the end of the data or to death.",
    "payer_plan_period": "OMOP PAYER_PLAN_PERIOD: schemes of affiliation, and the complementary solidarity insurance.",
    "condition_era": "OMOP CONDITION_ERA: conditions less than thirty days apart.",
    "drug_era": "OMOP DRUG_ERA: exposures to an ingredient less than thirty days apart.",
    "dose_era": "OMOP DOSE_ERA: exposures to an ingredient at one dose.",
    "fact_relationship": "OMOP FACT_RELATIONSHIP: mother and child, where the PMSI links their stays.",
    "cdm_source": "OMOP CDM_SOURCE: what this base is.",
    "metadata": "OMOP METADATA: with what it was made.",
}

BASE = [
    prepared_key("person_identities"),
    vocabulary_key("code_map"),
    vocabulary_key("source_to_concept_map"),
]


def conversion_assets(delivered: Delivered) -> list[dg.AssetsDefinition]:
    """The assets of a year of care and over all years, for a delivery."""
    names = (*REFERENTIAL_TABLES, "IR_PHA_R")
    referentials = [dg.AssetKey(delivered.tables[name].asset_key) for name in names if name in delivered.tables]
    return [care_years(delivered, referentials), over_years(referentials)]


def care_years(delivered: Delivered, referentials: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The tables of a year of care: cut by year if the delivery is."""
    kinds = [kind for kind in KINDS if tables_of(delivered, kind)]
    cut = any(cut_by_year(delivered, kind) for kind in kinds)
    deps = [
        *(dg.AssetDep(prepared_key(kind.name), partition_mapping=dg.AllPartitionMapping()) for kind in kinds),
        *(dg.AssetDep(key) for key in (*BASE, *referentials)),
    ]

    @dg.multi_asset(
        name="care_years",
        specs=[_spec(table, deps) for table in CARE_YEAR_TABLES],
        partitions_def=YEARS if cut else None,
        can_subset=True,
    )
    def convert(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], spark: LazyPySparkResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Convert years of care: see omop/conversion.py."""
        refuse_unprepared(settings)
        conversion = Conversion(settings, open_session(settings, spark))
        there = conversion.care_years()
        asked = [int(key) for key in context.partition_keys] if cut else there
        # Care that is older than the first partition goes with it.
        years = [year for year in there if year in asked or (year < FIRST_YEAR and FIRST_YEAR in asked)]
        with said_plainly():
            made = [_told(settings, partial(conversion.make, year)) for year in years]
            made.append(_told(settings, conversion.make_referentials))
            conversion.forget()
        for table in CARE_YEAR_TABLES:
            key = dg.AssetKey(["omop", table])
            if key not in context.selected_asset_keys:
                continue
            path = dg.MetadataValue.path(str(settings.warehouse / "omop" / f"{table}.parquet"))
            if not cut:
                rows = sum(one.rows.get(table, 0) for one in made)
                yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": rows, "path": path})
                continue
            for one in made:
                if one.part.isdecimal() and int(one.part) >= FIRST_YEAR:
                    told = {"dagster/partition_row_count": one.rows.get(table, 0), "done": _done(one), "path": path}
                    context.add_asset_metadata(told, asset_key=key, partition_key=one.part)
            yield dg.MaterializeResult(asset_key=key)

    return convert


def over_years(referentials: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The tables over all years of care."""
    read = ("visit_occurrence", "condition_occurrence", "drug_exposure")
    deps = [
        *(dg.AssetDep(dg.AssetKey(["omop", table])) for table in read),
        *(dg.AssetDep(key) for key in (*BASE, *referentials, prepared_key("beneficiaries"))),
        *(dg.AssetDep(vocabulary_key(name)) for name in ("concept", "concept_ancestor", "drug_strength")),
    ]

    @dg.multi_asset(name="over_years", specs=[_spec(table, deps) for table in OVER_YEARS_TABLES], can_subset=True)
    def convert(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], spark: LazyPySparkResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Convert what is told over all years: see omop/over_years.py."""
        refuse_unprepared(settings)
        with said_plainly(), log_made(settings.warehouse, "omop/over_years") as line:
            rows = convert_over_years(settings, open_session(settings, spark))
            line["rows"] = dict(rows)
        for table in OVER_YEARS_TABLES:
            key = dg.AssetKey(["omop", table])
            if key in context.selected_asset_keys:
                path = dg.MetadataValue.path(str(settings.warehouse / "omop" / f"{table}.parquet"))
                yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": rows[table], "path": path})

    return convert


def refuse_unprepared(settings: Settings) -> None:
    """Refuse to convert without what every table is made of: nobody would be found, and no code.

    Raises:
        dagster.Failure: something has not been materialized; says what.
    """
    for key in BASE:
        file = settings.warehouse.joinpath(*key.path).with_suffix(".parquet")
        recover(file)
        if not file.exists():
            raise dg.Failure(
                f"{key.to_user_string()} has not been materialized in this warehouse (there is no {file.name}): "
                "materialize it first.",
                allow_retries=False,
            )


def _spec(table: str, deps: list[dg.AssetDep]) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["omop", table],
        deps=deps,
        group_name="omop",
        kinds={"sql", "parquet"},
        owners=OWNERS,
        description=ABOUT[table],
        metadata=cdm_metadata(table),
        skippable=True,
    ).with_io_manager_key("parts")


def _told(settings: Settings, make: Callable[[], Made]) -> Made:
    """Make a part and log it."""
    with log_made(settings.warehouse, "omop/care_years") as line:
        made = make()
        line["event"] = "made" if made.done else "unchanged"
        line |= {"part": made.part, "rows": dict(made.rows), "rules": dict(made.rules)}
    return made


def _done(made: Made) -> str:
    return "converted" if made.done else "unchanged: nothing that it depends on changed"
