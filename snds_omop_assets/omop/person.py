"""PERSON, with pandas into CSV."""

from collections import Counter
from collections.abc import Iterator, Mapping

import dagster as dg
import pandas as pd

from snds_omop_assets.contracts.cdm_schemas import cdm_schema, conforming
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.duckdb_engine import in_order
from snds_omop_assets.engines.ids import omop_ids
from snds_omop_assets.omop.field_rules import cdm_metadata
from snds_omop_assets.omop.person_pyramid import AgePyramid
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS
from snds_omop_assets.tables import PANDAS_DTYPES, Frames, StoredTable
from snds_omop_assets.vocabulary.maps import NO_CONCEPT, concepts_of

TABLE = cdm_tables()["person"]

JUNE, MIDDLE = 6, 15


def person_frame(beneficiaries: pd.DataFrame, genders: Mapping[str, int], id_key: str) -> pd.DataFrame:
    """PERSON rows of some beneficiaries.

    Args:
        beneficiaries: rows of prepared/beneficiaries (preparation/identities.py PERSONS).
        genders: concept by sex code (IR_SEX_V).
        id_key: the id key of the warehouse, for the ids of places.

    Returns:
        One row per beneficiary, in their order; the columns of the CDM's PERSON.
    """
    place = beneficiaries["commune"].fillna(beneficiaries["department"])
    person = pd.DataFrame(
        {
            "person_id": beneficiaries["person_id"],
            "gender_concept_id": beneficiaries["BEN_SEX_COD"].map(genders).fillna(NO_CONCEPT),
            "year_of_birth": beneficiaries["BEN_NAI_ANN"],
            "month_of_birth": beneficiaries["BEN_NAI_MOI"],
            "birth_datetime": birth_datetimes(beneficiaries),
            "race_concept_id": NO_CONCEPT,
            "ethnicity_concept_id": NO_CONCEPT,
            "location_id": omop_ids(id_key, "location", place).mask(place.isna()),
            "person_source_value": beneficiaries["person_source_value"],
            "gender_source_value": beneficiaries["BEN_SEX_COD_DELIVERED"],
            "gender_source_concept_id": NO_CONCEPT,
            "race_source_concept_id": NO_CONCEPT,
            "ethnicity_source_concept_id": NO_CONCEPT,
        },
        index=beneficiaries.index,
    )
    return person.reindex(columns=TABLE.schema.names).astype({f.name: PANDAS_DTYPES[f.type] for f in TABLE.schema})


def birth_datetimes(beneficiaries: pd.DataFrame) -> pd.Series:
    """When each beneficiary was born, by OHDSI's convention for dates that are not known to the day.

    The first of the month; without a month the first day of care in the year of birth, else 15 June; at midnight
    (https://ohdsi.github.io/Themis/missing_birthdatetime.html).

    Args:
        beneficiaries: rows of prepared/beneficiaries (BEN_NAI_ANN, BEN_NAI_MOI, first_care).

    Returns:
        Points in time, by the index of the rows.
    """
    year, month = beneficiaries["BEN_NAI_ANN"], beneficiaries["BEN_NAI_MOI"]
    months = (year - 1970) * 12 + month.fillna(JUNE) - 1
    first_days = months.fillna(0).to_numpy("int64").astype("datetime64[M]").astype("datetime64[D]")
    days = first_days + (month.isna().to_numpy() * (MIDDLE - 1)).astype("timedelta64[D]")
    # Whole seconds: points in time of nanoseconds, which is pandas' default, end in 2262.
    born = pd.Series(days.astype("datetime64[s]"), index=beneficiaries.index).where(year.notna())
    return born.mask(month.isna() & beneficiaries["first_care"].notna(), beneficiaries["first_care"])


def person_table(beneficiaries: StoredTable, source_to_concept_map: StoredTable, settings: Settings) -> Frames:
    """PERSON from prepared/beneficiaries, a chunk at a time; the concepts of sex from the maps.

    Returns:
        Rows are persons, in the order of person_key, so that the file has the same bytes every time; the columns of
        the CDM's PERSON. The metadata counts persons of unknown sex, month and place
        and has the age pyramid; counts of persons below settings.small_cell are hidden.
    """
    schema = cdm_schema(TABLE)
    genders = concepts_of(source_to_concept_map, "IR_SEX_V")
    unknown: Counter[str] = Counter()
    pyramid = AgePyramid()

    def frames() -> Iterator[pd.DataFrame]:
        for chunk in in_order(beneficiaries, "person_key", settings.spill):
            person = conforming(person_frame(chunk, genders, settings.id_key), schema)
            unknown["sex unknown (concept 0)"] += int((person["gender_concept_id"] == NO_CONCEPT).sum())
            unknown["month of birth unknown"] += int(person["month_of_birth"].isna().sum())
            unknown["place of residence unknown"] += int(person["location_id"].isna().sum())
            pyramid.add(person)
            yield person

    def metadata() -> dict[str, object]:
        shown = {name: _shown(count, settings.small_cell) for name, count in unknown.items()}
        return {**shown, "year of birth by sex": pyramid.picture(settings.small_cell)}

    return Frames(TABLE.schema, frames(), metadata=metadata)


def _shown(count: int, small_cell: int) -> int | str:
    """A count of persons, or that it is too small to be told."""
    return count if count == 0 or count >= small_cell else f"fewer than {small_cell}"


@dg.asset(
    key=["omop", "person"],
    group_name="omop",
    kinds={"pandas", "csv"},
    owners=OWNERS,
    io_manager_key="csv",
    ins={
        "beneficiaries": dg.AssetIn(["prepared", "beneficiaries"]),
        "source_to_concept_map": dg.AssetIn(["vocabulary", "source_to_concept_map"]),
    },
    deps=[dg.AssetKey(["omop", "location"])],
    metadata=cdm_metadata("person"),
)
def person(
    beneficiaries: StoredTable, source_to_concept_map: StoredTable, settings: dg.ResourceParam[Settings]
) -> Frames:
    """OMOP PERSON: everybody with a usable year of birth, sex known or not, in the referentials or met in the facts."""
    return person_table(beneficiaries, source_to_concept_map, settings)
