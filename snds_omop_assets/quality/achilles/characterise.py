"""Counting: the analyses of a CDM, in the layouts of Achilles, without cells of few persons."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from itertools import groupby

import pandas as pd
import pyarrow as pa

from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.quality.achilles.analyses import (
    ANALYSIS,
    DISTRIBUTIONS,
    HERE,
    RESULTS,
    STRATA,
    USED_STRATA,
    Analysis,
    analyses,
    schema_of,
)
from snds_omop_assets.quality.achilles.hiding import hidden_cells
from snds_omop_assets.quality.achilles.sources import OBSERVED, OF_RECORDS, PERSON, Sources

SOURCE_NAME = 0
"""The analysis whose strata are the name of the source, the version of this package, and the day."""

CONCEPT_NAMES = b"concept_names"
"""Where the metadata of the results keep the names of concepts: JSON, by id as text."""


@dataclass(frozen=True)
class Characterisation:
    """What a CDM holds, in figures.

    Attributes:
        results: achilles_results: a row per analysis and cell, in the order of ids and strata. The metadata of its
            schema have the names of the concepts that are strata, as far as the CDM has them (`concept_names`).
        distributions: achilles_results_dist: the same, for analyses of how values are spread.
        analysis: achilles_analysis: a row per analysis that was made (what it reads was there).
        hidden: how many cells are not told, by analysis; only analyses that have some.
    """

    results: pa.Table
    distributions: pa.Table
    analysis: pa.Table
    hidden: Mapping[int, int]


def characterise(
    session: Session,
    cdm: Mapping[str, pa.Schema],
    small_cell: int,
    today: date | None = None,
    on_step: Callable[[str], None] = lambda step: None,
) -> Characterisation:
    """Run the analyses on the tables that are there.

    Args:
        session: sees each table of `cdm` under its CDM name.
        cdm: the tables, with names and types of their columns as stored.
        small_cell: fewest persons of a cell that is told; 1 tells all.
        today: of analysis 0; None for today.
        on_step: called with what is being done.
    """
    sources = Sources(session, cdm)
    made: list[Analysis] = []
    found: list[pd.DataFrame] = []
    try:
        for table in dict.fromkeys(analysis.table for analysis in analyses()):
            if sources.can_be_made(table):
                on_step(table)
                of_table = [analysis for analysis in analyses() if analysis.table == table]
                made += of_table
                found += _counted(session, sources, of_table, small_cell)
                sources.drop(but=frozenset({PERSON, OBSERVED, "calendar"}))
    finally:
        sources.drop()
    cells = {id_: pd.concat([frame for _, frame in same]) for id_, same in _by_id(found)}
    if SOURCE_NAME in cells:
        made_by = f"snds_omop_assets {version('snds_omop_assets')}"
        names = (_source_name(session, cdm), made_by, str(today or date.today()))
        cells[SOURCE_NAME] = cells[SOURCE_NAME].assign(**dict(zip(STRATA, names, strict=False)))
    known = {analysis.id: analysis for analysis in made}
    told, hidden = _told(cells, known, small_cell)
    results = _table([told[id_] for id_ in told if not known[id_].value], RESULTS)
    names_of_concepts = json.dumps(_names(session, cdm, told, known), ensure_ascii=False).encode()
    return Characterisation(
        results.replace_schema_metadata({CONCEPT_NAMES: names_of_concepts}),
        _table([told[id_] for id_ in told if known[id_].value], DISTRIBUTIONS),
        _described(made),
        hidden,
    )


def concept_names(results: pa.Table) -> Mapping[int, str]:
    """The names of the concepts that are strata of the results, by id."""
    stored = (results.schema.metadata or {}).get(CONCEPT_NAMES, b"{}")
    return {int(concept): name for concept, name in json.loads(stored).items()}


def sql_of(analysis: Analysis, source: str, small_cell: int) -> str:
    """The query of one analysis: a row per cell.

    Args:
        analysis: what is counted.
        source: name of the source in the session.
        small_cell: for percentiles, which may be a single person's value.
    """
    strata = analysis.strata or ("CAST(NULL AS STRING)",)
    places = range(1, len(strata) + 1)
    records = "COUNT(*)" if analysis.source in OF_RECORDS else "SUM(records)"
    counts_records = analysis.counts == "records"
    text = (HERE / "sql" / f"{_how(analysis)}.sql").read_text(encoding="utf-8")
    return text.format(
        analysis_id=analysis.id,
        strata=", ".join(f"{stratum} AS s{place}" for place, stratum in zip(places, strata, strict=True)),
        cell=", ".join(f"s{place}" for place in places),
        texts=", ".join(
            f"CAST({f's{place}' if place in places else 'NULL'} AS STRING) AS stratum_{place}"
            for place in range(1, USED_STRATA + 1)
        ),
        source=source,
        where=analysis.where,
        value=analysis.value,
        records=records if counts_records else "1",
        counted="persons" if analysis.counts == "summed" else "records",
        count_value="CAST(SUM(records) AS BIGINT)" if counts_records else "COUNT(*)",
        small_cell=small_cell,
    )


def _how(analysis: Analysis) -> str:
    """The file of sql/ that counts an analysis."""
    if analysis.value:
        return "distribution"
    return "count" if analysis.counts in ("persons", "records") else "sum"


def _counted(session: Session, sources: Sources, of_table: Sequence[Analysis], small_cell: int) -> list[pd.DataFrame]:
    """The cells of the analyses of a table, all of them; a frame per analysis."""
    frames = []
    for has_value in (False, True):
        queries = [
            f"SELECT * FROM (\n{sql_of(one, sources.name(one.source, one.table), small_cell)})"
            for one in of_table
            if bool(one.value) == has_value
        ]
        # Spark takes its time to begin a query; DuckDB does not, and needs less memory for one at a time.
        for query in ["\nUNION ALL\n".join(queries)] if session.divides and queries else queries:
            cells = session.result(query).to_pandas()
            cells[STRATA[-1]] = None
            frames += [same.reset_index(drop=True) for _, same in cells.groupby("analysis_id")]
    return frames


def _by_id(frames: Sequence[pd.DataFrame]) -> list[tuple[int, list[tuple[int, pd.DataFrame]]]]:
    """The frames by analysis; one analysis may be of several tables."""
    numbered = [(int(frame["analysis_id"].iloc[0]), frame) for frame in frames]
    numbered.sort(key=lambda pair: pair[0])
    return [(id_, list(same)) for id_, same in groupby(numbered, lambda pair: pair[0])]


def _told(
    cells: Mapping[int, pd.DataFrame], known: Mapping[int, Analysis], small_cell: int
) -> tuple[dict[int, pd.DataFrame], dict[int, int]]:
    """The cells that are told, and how many are not, by analysis in the order of ids."""
    told: dict[int, pd.DataFrame] = {}
    hidden_totals: dict[int, frozenset[tuple[str | None, ...]]] = {}
    order = list(dict.fromkeys(known))  # as analyses.csv has them: totals first
    for id_ in (id_ for id_ in order if id_ in cells):
        analysis, frame = known[id_], cells[id_].reset_index(drop=True)
        if analysis.counts == "rows":
            told[id_] = frame
            continue
        hidden = hidden_cells(frame, analysis.margins, small_cell, hidden_totals)
        used = list(STRATA[: max(len(analysis.strata), 1)])
        hidden_totals[id_] = frozenset(frame.loc[hidden, used].itertuples(index=False, name=None))
        told[id_] = frame.loc[~hidden]
    numbers = {id_: len(cells[id_]) - len(told[id_]) for id_ in sorted(told)}
    return {id_: told[id_] for id_ in sorted(told)}, {id_: number for id_, number in numbers.items() if number}


def _table(frames: Sequence[pd.DataFrame], columns: Mapping[str, tuple[pa.DataType, str]]) -> pa.Table:
    """The cells of analyses in a layout, in the order of ids and strata."""
    schema = schema_of(columns)
    tables = [pa.Table.from_pandas(frame[schema.names], schema, preserve_index=False) for frame in frames if len(frame)]
    order = [("analysis_id", "ascending"), *((name, "ascending") for name in STRATA)]
    return pa.concat_tables(tables).sort_by(order) if tables else schema.empty_table()


def _described(made: Sequence[Analysis]) -> pa.Table:
    rows = {
        analysis.id: {
            "analysis_id": analysis.id,
            "analysis_name": analysis.name,
            **dict(zip((f"{name}_name" for name in STRATA), analysis.stratum_names, strict=False)),
            "is_default": 1,
            "category": analysis.category,
        }
        for analysis in made
    }
    schema = schema_of(ANALYSIS)
    empty = dict.fromkeys(schema.names)
    return pa.Table.from_pylist([empty | rows[id_] for id_ in sorted(rows)], schema)


def _source_name(session: Session, cdm: Mapping[str, pa.Schema]) -> str | None:
    """What CDM_SOURCE calls the base."""
    if "cdm_source_name" not in (cdm["cdm_source"].names if "cdm_source" in cdm else ()):
        return None
    name: str | None = session.result("SELECT MIN(cdm_source_name) AS name FROM cdm_source")["name"][0].as_py()
    return name


def _names(
    session: Session, cdm: Mapping[str, pa.Schema], told: Mapping[int, pd.DataFrame], known: Mapping[int, Analysis]
) -> Mapping[str, str]:
    """The names of the concepts that are strata of what is told, by id as text."""
    used = {
        str(concept)
        for id_, frame in told.items()
        for place, name in enumerate(known[id_].stratum_names)
        if name.endswith("_concept_id")
        for concept in frame[STRATA[place]].dropna().unique()
    }
    if not used or not {"concept_id", "concept_name"} <= set(cdm["concept"].names if "concept" in cdm else ()):
        return {}
    session.give("achilles_used", pa.table({"concept": pa.array(sorted(used), pa.string())}))
    try:
        names = session.result(
            "SELECT u.concept, MIN(c.concept_name) AS concept_name FROM achilles_used AS u "
            "JOIN concept AS c ON CAST(c.concept_id AS STRING) = u.concept GROUP BY u.concept ORDER BY u.concept"
        )
    finally:
        session.drop("achilles_used")
    return {row["concept"]: row["concept_name"] for row in names.to_pylist() if row["concept_name"] is not None}
