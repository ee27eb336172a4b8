"""Loading a download of Athena into the warehouse: streamed, judged by the CDM's contract, whole or not at all."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.errors import VocabularyError
from snds_omop_assets.reception.store import writing
from snds_omop_assets.vocabulary.athena_rows import AthenaRows
from snds_omop_assets.vocabulary.describing import described
from snds_omop_assets.vocabulary.download import AGAIN, Download, hash_of, open_download
from snds_omop_assets.vocabulary.loaded import FOLDER, REQUIRED, TABLES, LoadedVocabulary
from snds_omop_assets.vocabulary.own import conforming_rows, digest_of, local_rows
from snds_omop_assets.vocabulary.versions import Versions, folder_name, table_writer


def load_vocabulary(path: Path, warehouse: Path, on_rows: Callable[[str, int], None] | None = None) -> LoadedVocabulary:
    """Make a download of Athena the vocabulary of a warehouse.

    Nothing is read where it is already; where only its files are other ones with the same content, they are read once.
    The rows of the project's local vocabularies come with it (vocabulary/own.py).

    Args:
        path: folder or zip of the download.
        warehouse: gets `vocabulary/`; until the end, the version before counts.
        on_rows: called with a table and its number of rows so far.

    Raises:
        VocabularyError: says in one sentence what is wrong with the download.
        StoreError: the warehouse cannot be written, or another run is writing.
        EngineError: there is no room for what DuckDB writes aside.
    """
    download = open_download(path)
    own = digest_of(local_rows())
    versions = Versions(warehouse)
    signature = hashlib.sha256(f"{own} {download.signature}".encode()).hexdigest()
    current = versions.current()
    same = current is not None and current.signatures.get(current.folder) == signature
    if current is not None and same and (stored := versions.whole(current.folder)) is not None:
        versions.clean()
        return stored
    with writing(versions.folder):
        if (name := _stored(versions, download, own, signature)) is not None:
            return versions.count(name, download.kind, signature)
        with versions.aside() as aside:
            loaded = _written(download, own, aside, warehouse, on_rows)
            versions.put(aside, loaded)
            return versions.count(loaded.folder.name, download.kind, signature)


def _stored(versions: Versions, download: Download, own: str, signature: str) -> str | None:
    """The folder of a stored version of the same content; the download is read only where its sizes are the same."""
    current = versions.current()
    for name in () if current is None else (current.folder, current.previous):
        if name is None or (stored := versions.whole(name)) is None:
            continue
        if current is not None and current.signatures.get(name) == signature:
            return name
        if stored.sizes == download.sizes and name == folder_name(own, download.content_hash()):
            return name
    return None


def _written(
    download: Download, own: str, aside: Path, warehouse: Path, on_rows: Callable[[str, int], None] | None
) -> LoadedVocabulary:
    """Write all tables into the folder `aside`; returns what they hold."""
    rows: dict[str, int] = {}
    warnings: dict[str, int] = {}
    digests: dict[str, str] = {}
    for table, added in {**dict.fromkeys(TABLES, ()), **local_rows()}.items():
        with table_writer(aside, table) as writer:
            if (file := download.files.get(table)) is not None:
                read = AthenaRows(file, download.headers[table])
                for part in read.tables():
                    kept = _without(part, table, added)
                    writer.write(kept)
                    if kept.num_rows < part.num_rows:
                        what = f"{table} with an id of the project's own, left out"
                        warnings[what] = warnings.get(what, 0) + part.num_rows - kept.num_rows
                    if on_rows is not None:
                        on_rows(table, writer.rows)
                if table in REQUIRED and writer.rows == 0:
                    raise VocabularyError(f"{file.name} has no rows: {AGAIN}.")
                digests[table] = read.digest.hexdigest()
                warnings |= {f"{table}.{name} longer than in the CDM": n for name, n in read.too_long.items()}
            writer.write(conforming_rows(table, list(added)))
            rows[table] = writer.rows
    content = hash_of(digests)
    loaded = LoadedVocabulary(
        folder=warehouse / FOLDER / folder_name(own, content),
        version=download.version,
        from_download=True,
        content_hash=content,
        vocabularies=(),
        rows=rows,
        warnings=warnings,
        absent=download.absent,
        sizes=download.sizes,
    )
    return described(loaded, aside, warehouse / ".spill")


def _without(part: pa.Table, table: str, added: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The rows that have no id of these: local concepts that were exported once may have come back in a download."""
    key = cdm_tables()[table].primary_key
    if not added or key is None:
        return part
    ours = pa.array([row[key] for row in added], part.schema.field(key).type)
    return part.filter(pc.invert(pc.is_in(part[key], ours)))
