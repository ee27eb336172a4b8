"""The vocabulary of a base: what the assets `vocabulary/*` and the commands `snds-omop vocabulary` do, as functions.

A base is a warehouse with received tables. Functions give tables; `load`, `write_coverage` and `export` write files.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_engine import duckdb_connection
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.errors import VocabularyError
from snds_omop_assets.reception.once import rows_beyond_hashes
from snds_omop_assets.reception.store import ReceivedTable, Store
from snds_omop_assets.settings import Settings
from snds_omop_assets.vocabulary import user_maps
from snds_omop_assets.vocabulary.coded_columns import coded_columns
from snds_omop_assets.vocabulary.coverage import Coverage, coverage
from snds_omop_assets.vocabulary.coverage_history import History, with_run
from snds_omop_assets.vocabulary.coverage_report import USAGI, coverage_sentences, write_coverage_report
from snds_omop_assets.vocabulary.differences import Differences, differences
from snds_omop_assets.vocabulary.loaded import FOLDER, MANIFEST, LoadedVocabulary, current_vocabulary, vocabulary_of
from snds_omop_assets.vocabulary.loading import load_vocabulary
from snds_omop_assets.vocabulary.local_concepts import export_local
from snds_omop_assets.vocabulary.maps import project_maps
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.own import own_vocabulary
from snds_omop_assets.vocabulary.resolve import Resolution, resolve
from snds_omop_assets.vocabulary.shapes import PACKS, SOURCE_CODES, schema_of
from snds_omop_assets.vocabulary.source_codes import NO_OCCURRENCE, occurrences, packs, source_codes
from snds_omop_assets.vocabulary.usagi import write_usagi_input
from snds_omop_assets.vocabulary.user_maps import UserMaps, conflicts, read_user_maps

NO_RELATIONSHIPS = cdm_tables()["concept_relationship"].schema.empty_table()

MADE_WITH = b"vocabulary"
"""Name of the note in a stored table."""

OnRows = Callable[[str, int], None]


def load(settings: Settings, on_rows: OnRows | None = None) -> LoadedVocabulary:
    """The vocabulary of the settings, loaded into the warehouse; nothing is read again that is there already.

    Without SNDS_VOCABULARY the download that the warehouse holds stays; where there is none, or SNDS_VOCABULARY is
    `none`, the concepts of the project's own maps take its place.

    Raises:
        VocabularyError: the download cannot be used.
    """
    if settings.vocabulary is not None:
        return load_vocabulary(settings.vocabulary, settings.warehouse, on_rows)
    loaded = None if settings.without_vocabulary else current_vocabulary(settings.warehouse)
    return loaded if loaded is not None and loaded.from_download else own_vocabulary(settings.warehouse)


def maps_of(settings: Settings) -> UserMaps:
    """The user's own maps (SNDS_MAPS); empty where there are none.

    Raises:
        VocabularyError: a file of the folder is no map, or a line is wrong.
    """
    if settings.maps is None:
        return user_maps.NONE
    return read_user_maps(settings.maps)


def map_lines(user: UserMaps) -> pa.Table:
    """The lines of all maps, the user's and the project's (shapes.MAP_LINES)."""
    return pa.concat_tables([user.lines, project_maps()])


def tables_with_codes() -> tuple[str, ...]:
    """The SNDS tables that hold codes, tell whose they are, or label them."""
    names = {name for column in coded_columns() for name in (column.table, column.who) if name}
    names |= {nomenclature.labels[0] for nomenclature in nomenclatures().values() if nomenclature.labels}
    return tuple(sorted(names | {"IR_PHA_R"}))


def received(settings: Settings) -> Mapping[str, ReceivedTable]:
    """Those of them that the warehouse has, by name."""
    store = Store(settings.warehouse)
    found = {name: store.table(official_tables()[name]) for name in tables_with_codes()}
    return {name: table for name, table in found.items() if table is not None}


def codes_of(settings: Settings, user: UserMaps) -> pa.Table:
    """The different codes of a base, and those of the maps (shapes.SOURCE_CODES), which may have no row.

    Codes of the maps are judged whether they occur or not: a target that went out of use is told before a row needs it.
    """
    lines = map_lines(user)
    met = source_codes(received(settings), lines, settings.spill)
    with duckdb_connection() as connection:
        connection.register("met", met)
        connection.register("lines", lines)
        found: pa.Table = connection.sql(
            """
            SELECT * FROM met
            UNION ALL
            SELECT nomenclature, code, max(label), 0, '' FROM lines ANTI JOIN met USING (nomenclature, code)
            GROUP BY nomenclature, code
            ORDER BY nomenclature, code
            """
        ).to_arrow_table()
    return found.cast(schema_of(SOURCE_CODES))


def resolved(settings: Settings, user: UserMaps, codes: pa.Table, vocabulary: LoadedVocabulary) -> Resolution:
    """The standard concepts of the codes of a base: see resolve.resolve."""
    drugs = packs(received(settings), user.cip_ucd)
    with duckdb_session(settings.spill) as session:
        return resolve(session, codes, vocabulary.tables, map_lines(user), drugs)


def source_to_concept_map(lines: pa.Table, vocabulary: LoadedVocabulary) -> pa.Table:
    """SOURCE_TO_CONCEPT_MAP of the maps: see source_to_concept_map.sql.

    The maps are resolved as codes of a base are, with a vocabulary that says no target of its own: so a line is judged
    and a user wins by the same rules as in `vocabulary/code_map`.

    Args:
        lines: lines of the user's and the project's maps (shapes.MAP_LINES).
        vocabulary: what the targets are judged by.
    """
    concepts = {"concept": vocabulary.tables["concept"], "concept_relationship": NO_RELATIONSHIPS}
    codes = lines.select(["nomenclature", "code"]).group_by(["nomenclature", "code"]).aggregate([])
    with duckdb_session() as session:
        found = resolve(session, codes, concepts, lines, schema_of(PACKS).empty_table())
    sql = Path(__file__).with_name("source_to_concept_map.sql").read_text(encoding="utf-8")
    with duckdb_session() as session:
        session.give("map_lines", lines)
        session.give("code_map", found.code_map)
        session.give("concept", vocabulary.tables["concept"])
        return session.result(sql).cast(cdm_tables()["source_to_concept_map"].schema)


@dataclass(frozen=True)
class CoverageReport:
    """What a report on coverage found and wrote.

    Attributes:
        coverage: the figures.
        history: those of this run and the ones before.
        sentences: the summary in words.
        html, json: the report.
        usagi: the codes without target, for Usagi.
        unmapped: how many codes that file has.
    """

    coverage: Coverage
    history: History
    sentences: Sequence[str]
    html: Path
    json: Path
    usagi: Path
    unmapped: int


def report_coverage(settings: Settings, on_step: Callable[[str], None] = lambda step: None) -> CoverageReport:
    """Resolve the codes of the received tables and report how much of them has a standard concept.

    The asset `vocabulary/coverage` does the same with the code map that is stored.

    Raises:
        VocabularyError: the download, a map or the base cannot be used.
    """
    _require_received(settings)
    user = maps_of(settings)
    on_step("loading the vocabulary")
    vocabulary = load(settings)
    on_step("listing codes")
    codes = codes_of(settings, user)
    on_step("resolving codes")
    found = resolved(settings, user, codes, vocabulary)
    on_step("counting rows")
    return write_coverage(settings, user, vocabulary, codes, found)


def write_coverage(
    settings: Settings, user: UserMaps, vocabulary: LoadedVocabulary, codes: pa.Table, found: Resolution
) -> CoverageReport:
    """Count what became of the codes of a base, and write report, history and list for Usagi into the warehouse.

    Args:
        settings: the base.
        user: the user's maps.
        vocabulary: what the codes were resolved with.
        codes: rows are codes with labels (shapes.SOURCE_CODES).
        found: their answers.
    """
    lines = map_lines(user)
    with duckdb_connection(settings.spill) as connection:
        rows = occurrences_of(connection, received(settings), settings.warehouse)
        counted = coverage(connection, rows, found.code_map, codes, settings.small_cell, lines)
    folder = settings.warehouse / FOLDER
    history = with_run(folder, counted, vocabulary.version, datetime.now(UTC))
    usagi = folder / USAGI
    unmapped = write_usagi_input(counted.to_map(), usagi)
    different = conflicts(user.lines, project_maps())
    html, json = write_coverage_report(counted, found.rejected, different, vocabulary, history, folder)
    return CoverageReport(counted, history, coverage_sentences(counted), html, json, usagi, unmapped)


def occurrences_of(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, ReceivedTable], warehouse: Path | None = None
) -> str:
    """A SELECT over the rows that hold a code, to be read once: see source_codes.occurrences_sql.

    What two tables tell is gathered on disk. A join at a time: one SELECT over all of them would hold the keys of every
    table at once. A table each: DuckDB writes a large table anew now and then, when rows are added to it (measured: a
    quarter of the time).

    Args:
        connection: has a folder to spill to.
        tables: what was received.
        warehouse: whose tables they are, if it keeps answers about them (reception.once.asked_once).
    """
    selects = []
    for place, some in enumerate(occurrences(tables)):
        if some.who is None:
            selects.append(some.sql)
            continue
        key = official_tables()[some.who.table].key
        repeated = rows_beyond_hashes(connection, key, some.who.files, warehouse)
        sql = some.sql if repeated else some.of_unique_keys
        connection.execute(f"CREATE OR REPLACE TEMP TABLE occurrences_{place} AS {sql}")
        selects.append(f"SELECT * FROM occurrences_{place}")
    return " UNION ALL ".join(selects) or NO_OCCURRENCE


def stored(settings: Settings, name: str) -> pa.Table:
    """A table of the project's own that the assets `vocabulary/*` stored.

    Raises:
        VocabularyError: it is not there, cannot be read, or was made with another vocabulary than the one that counts;
            says what to run.
    """
    path = settings.warehouse / FOLDER / f"{name}.parquet"
    if not path.exists():
        raise VocabularyError(
            f"{settings.warehouse} has no vocabulary/{name} yet: run the project on a delivery first (snds-omop run)."
        )
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        raise VocabularyError(f"{path} cannot be read: materialize vocabulary/{name} again.") from None
    noted = (table.schema.metadata or {}).get(MADE_WITH)
    vocabulary = current_vocabulary(settings.warehouse)
    if noted is not None and (vocabulary is None or noted != vocabulary.content_hash.encode()):
        raise VocabularyError(
            f"vocabulary/{name} was made with another vocabulary than the one that is loaded now: materialize it again "
            f"(snds-omop run)."
        )
    return table.replace_schema_metadata(None)


def made_with(table: pa.Table, vocabulary: LoadedVocabulary) -> pa.Table:
    """The table with a note of the vocabulary that it was made with, which `stored` compares."""
    return table.replace_schema_metadata({MADE_WITH: vocabulary.content_hash.encode()})


def export(settings: Settings, folder: Path) -> Mapping[str, int]:
    """Write the local concepts of a base in Athena's layout (local_concepts.export_local); returns rows by file.

    Raises:
        VocabularyError: the base has no local concepts yet.
    """
    local, code_map = stored(settings, "local_concept"), stored(settings, "code_map")
    vocabulary = current_vocabulary(settings.warehouse) or load(settings)
    return export_local(local, code_map, vocabulary.tables, folder)


def upgrade_impact(settings: Settings, old: Path, new: Path, on_rows: OnRows | None = None) -> Differences:
    """What changes in this base when one vocabulary takes the place of another; the warehouse stays as it is.

    Args:
        settings: the base, its maps, and the size below which counts of persons are hidden.
        old: an Athena download (folder or zip), or a folder that the warehouse has loaded.
        new: the same.
        on_rows: called with a table's name and the rows read so far.

    Raises:
        VocabularyError: a download cannot be used, or the base has no received tables.
    """
    tables = _require_received(settings)
    user = maps_of(settings)
    codes = codes_of(settings, user)
    settings.spill.mkdir(parents=True, exist_ok=True)
    answers = []
    for path in (old, new):
        with tempfile.TemporaryDirectory(dir=settings.spill) as folder:
            is_loaded = (path / MANIFEST).exists()
            vocabulary = vocabulary_of(path) if is_loaded else load_vocabulary(path, Path(folder), on_rows)
            answers.append(resolved(settings, user, codes, vocabulary).code_map)
    before, after = answers
    of_base = codes.filter(pc.greater(codes["rows"], 0))
    with duckdb_connection(settings.spill) as connection:
        rows = occurrences_of(connection, tables, settings.warehouse)
        return differences(connection, rows, before, after, of_base, settings.small_cell)


def _require_received(settings: Settings) -> Mapping[str, ReceivedTable]:
    tables = received(settings)
    if not tables:
        raise VocabularyError(f"{settings.warehouse} has no received tables: receive a delivery first.")
    return tables
