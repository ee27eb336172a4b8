"""The tables over all years of a warehouse: gives `make_over_years` what it reads, and writes what it makes."""

from collections.abc import Mapping
from datetime import date
from importlib.metadata import version

import pyarrow as pa

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.opening import Opening
from snds_omop_assets.io_managers.folders import folder_written_aside
from snds_omop_assets.io_managers.parts import PartsTable
from snds_omop_assets.omop.conversion import Conversion
from snds_omop_assets.omop.inputs import base_of, give_answers
from snds_omop_assets.omop.over_years import SOURCE_INFO, make_over_years
from snds_omop_assets.preparation.received import give_stored
from snds_omop_assets.preparation.shapes import MET_PERSONS, PERSON_FACTS, schema_of
from snds_omop_assets.reception.store import Store, writing
from snds_omop_assets.settings import Settings
from snds_omop_assets.vocabulary.loaded import current_vocabulary

READ_TABLES = ("visit_occurrence", "condition_occurrence", "drug_exposure")
"""The tables by year of care that are read."""

RECEIVED = ("KI_CCI_R", "IR_BEN_R", "IR_BEN_R_ARC")
VOCABULARY = ("concept", "concept_ancestor", "drug_strength")

CDM_ETL = "docs/etl.md of snds_omop_assets"
SNDS_DOCUMENTATION = "https://documentation-snds.health-data-hub.fr"


def convert_over_years(settings: Settings, open_session: Opening) -> Mapping[str, int]:
    """Make the CDM tables that look at all years; gives their rows by table.

    Raises:
        EngineError: the engine failed.
        StoreError: the warehouse cannot be written, or another run is writing.
    """
    conversion, store = Conversion(settings, open_session), Store(settings.warehouse)
    root, prepared = settings.warehouse / "omop", settings.warehouse / "prepared"
    tables = cdm_tables()
    rows: dict[str, int] = {}
    with writing(conversion.care), open_session() as session:
        give_answers(session, settings)
        for name in READ_TABLES:
            session.give_files(name, PartsTable(root / f"{name}.parquet").files, tables[name].schema)
        session.give("persons", PartsTable(prepared / "beneficiaries.parquet"))
        session.give_files("met_persons", conversion.prepared_files("persons"), schema_of(MET_PERSONS))
        session.give_files("person_facts", conversion.files("facts"), schema_of(PERSON_FACTS))
        give_stored(session, store, RECEIVED)
        loaded = current_vocabulary(settings.warehouse)
        for name in VOCABULARY:
            files = loaded.tables[name].files if loaded is not None and name in loaded.tables else ()
            session.give_files(name, files, tables[name].schema)
        session.give("base", base_of(settings, conversion.care_years()))
        session.give("source_info", _source_info(settings, store, loaded.version if loaded is not None else "none"))

        def write(table: str, sql: str) -> None:
            with folder_written_aside(root / f"{table}.parquet") as aside:
                rows[table] = session.write(sql, aside, tables[table].schema)

        make_over_years(session, write)
    return rows


def _source_info(settings: Settings, store: Store, vocabulary: str) -> pa.Table:
    """What CDM_SOURCE and METADATA say."""
    manifests = settings.warehouse.glob("snds/**/manifest.json")
    received = max((date.fromtimestamp(path.stat().st_mtime) for path in manifests), default=date.today())
    row = {
        "cdm_source_name": "Système National des Données de Santé (SNDS)",
        "cdm_source_abbreviation": "SNDS",
        "cdm_holder": settings.holder,
        "source_description": "DCIR, PMSI and CépiDc as received",
        "source_documentation_reference": SNDS_DOCUMENTATION,
        "cdm_etl_reference": CDM_ETL,
        "source_release_date": settings.source_release_date or received,
        "cdm_release_date": settings.cdm_release_date or date.today(),
        "vocabulary_version": vocabulary[:20],
        "software_version": version("snds_omop_assets"),
        "engine": settings.engine,
    }
    return pa.Table.from_pylist([row], schema_of(SOURCE_INFO))
