"""What every part of the CDM reads beside its own rows: who is who, what codes become, which days the base tells."""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.io_managers.parts import PartsTable
from snds_omop_assets.io_managers.stored import ParquetTable
from snds_omop_assets.omop.care_year import CODE_LISTS
from snds_omop_assets.preparation.claims import give_packs
from snds_omop_assets.preparation.prepared_years import KINDS, Prepared
from snds_omop_assets.preparation.received import files_of, received_tables
from snds_omop_assets.preparation.shapes import BASE, IDENTITIES, schema_of
from snds_omop_assets.reception.store import Store
from snds_omop_assets.settings import Settings
from snds_omop_assets.vocabulary.maps import concepts_of
from snds_omop_assets.vocabulary.shapes import CODE_MAP
from snds_omop_assets.vocabulary.shapes import schema_of as vocabulary_schema_of

CODE_LISTS_SHAPE = pa.schema({"code_list": pa.string(), "code": pa.string(), "concept_id": pa.int64()})


def give_answers(session: Session, settings: Settings) -> None:
    """Give a session the identities, the answers for codes (`code_map`, `code_lists`) and the packs of drugs."""
    warehouse = settings.warehouse
    identities = PartsTable(warehouse / "prepared" / "person_identities.parquet")
    session.give_files("identities", identities.files, schema_of(IDENTITIES))
    session.give_files("code_map", [warehouse / "vocabulary" / "code_map.parquet"], vocabulary_schema_of(CODE_MAP))
    maps = ParquetTable(warehouse / "vocabulary" / "source_to_concept_map.parquet")
    lists = [
        {"code_list": name, "code": code, "concept_id": concept}
        for name in CODE_LISTS
        for code, concept in concepts_of(maps, name).items()
    ]
    session.give("code_lists", pa.Table.from_pylist(lists, CODE_LISTS_SHAPE))
    give_packs(session, files_of(received_tables(Store(warehouse), ("IR_PHA_R",))))


def base_of(settings: Settings, care_years: Sequence[int]) -> pa.Table:
    """The one row of `base` (BASE): which years of care there are, and the first and last day that the base tells.

    The days are 1 January of the first and 31 December of the last year of the received files; of a DCIR that came
    whole, of its flows (FLX_DIS_DTD).

    Args:
        settings: `data_start` and `data_end` win where they are set.
        care_years: in order; they tell the days where no file tells a year.
    """
    prepared = [Prepared(settings.warehouse, kind) for kind in KINDS]
    named = [year for one in prepared for prepared_year in one.years().values() for year in prepared_year.file_years]
    years = list(care_years) or [date.today().year]
    told = named or years
    row = {
        "first_year": years[0],
        "last_year": years[-1],
        "data_start": settings.data_start or date(min(told), 1, 1),
        "data_end": settings.data_end or date(max(told), 12, 31),
    }
    return pa.Table.from_pylist([row], schema_of(BASE))
