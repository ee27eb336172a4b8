"""The assets `vocabulary/*`: the loaded vocabulary, the maps, the answer for every code of the base, the coverage."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from snds_omop_assets.contracts.cdm_tables import CdmTable, cdm_tables
from snds_omop_assets.reception.assets import Delivered
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS, cdm_columns, described_columns, picture, said_plainly, table_of
from snds_omop_assets.tables import Frames, frame_of
from snds_omop_assets.vocabulary import base
from snds_omop_assets.vocabulary.coverage_report import (
    coverage_plot,
    history_plot,
)
from snds_omop_assets.vocabulary.loaded import TABLES, LoadedVocabulary, current_vocabulary
from snds_omop_assets.vocabulary.local_concepts import local_concepts
from snds_omop_assets.vocabulary.maps import project_maps
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.resolve import Resolution
from snds_omop_assets.vocabulary.shapes import CODE_MAP, REJECTED, SOURCE_CODES, Columns
from snds_omop_assets.vocabulary.user_maps import conflicts

GROUP = "vocabulary"
SHOWN = 50

VOCABULARY_TABLES = (*TABLES, "source_to_concept_map")
"""The CDM tables whose assets are `vocabulary/<table>`; those of the data are `omop/<table>`."""

REPORT_CONTENT = {
    "coverage_report.html": (pa.string(), "For people: one file that needs no other."),
    "coverage_report.json": (pa.string(), "The same for programs."),
    "coverage_history.jsonl": (pa.string(), "One line per run: the share of codes and rows that have a target."),
    "unmapped_for_usagi.csv": (pa.string(), "The codes without target, as Usagi takes them, most frequent first."),
}


class VocabularyIOManager(dg.IOManager):
    """Hands the steps a table of the vocabulary that counts; loading itself stores (vocabulary/loading.py)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Nothing to do: loading has stored all tables, whole or not at all."""

    def load_input(self, context: dg.InputContext) -> Any:
        """The table.

        Raises:
            dagster.Failure: nothing was loaded; says what to run.
        """
        with said_plainly():
            loaded = current_vocabulary(self.root)
        if loaded is None:
            raise dg.Failure(
                f"{context.asset_key.to_user_string()} has not been materialized in this warehouse: materialize it "
                f"first.",
                allow_retries=False,
            )
        return loaded.tables[context.asset_key.path[-1]]


def key_of(table: str) -> dg.AssetKey:
    """The asset of a CDM table of the vocabulary, or of a table of the project's own."""
    return dg.AssetKey([GROUP, table])


def cdm_table_metadata(table: CdmTable) -> dict[str, Any]:
    """What the UI shows of a CDM table of the vocabulary: its columns, and where the CDM says more."""
    return {
        "dagster/table_name": f"{GROUP}.{table.name}",
        "dagster/column_schema": cdm_columns(table, {}),
        "CDM page": dg.MetadataValue.url(f"https://ohdsi.github.io/CommonDataModel/cdm54.html#{table.name}"),
    }


@dg.multi_asset(
    name="vocabulary",
    can_subset=True,
    specs=[
        dg.AssetSpec(
            key_of(name),
            group_name=GROUP,
            kinds={"csv", "parquet"},
            owners=OWNERS,
            description=f"OMOP {name.upper()}, from the Athena download of SNDS_VOCABULARY; without one, what the "
            "project's own maps need.",
            metadata=cdm_table_metadata(cdm_tables()[name]),
            skippable=True,
        ).with_io_manager_key("vocabulary")
        for name in TABLES
    ],
)
def vocabulary(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> Iterator[Any]:
    """The OHDSI vocabularies: loaded once, checked by contract; the same download again costs nothing."""
    with said_plainly():
        loaded = base.load(settings, lambda table, rows: context.log.debug(f"{table}: {rows:,} rows"))
    told = _told(loaded)
    for name in (name for name in TABLES if key_of(name) in context.selected_asset_keys):
        yield dg.MaterializeResult(
            asset_key=key_of(name),
            metadata={
                "dagster/row_count": loaded.rows[name],
                "path": dg.MetadataValue.path(str(loaded.tables[name].path)),
                **(told if name in ("concept", "vocabulary") else {"version": loaded.version}),
            },
        )


def _told(loaded: LoadedVocabulary) -> dict[str, Any]:
    """What the steward reads of the vocabulary: its version, what is in it, what is unusual."""
    return {
        "version": loaded.version,
        "vocabularies": table_of(
            {"vocabulary": str, "name": str, "version": str, "concepts": int, "standard": int},
            [(v.vocabulary_id, v.name, v.version, v.concepts, v.standard) for v in loaded.vocabularies],
        ),
        "tables that the download lacks": ", ".join(loaded.absent) or "none",
        **loaded.warnings,
    }


@dg.asset_check(asset=key_of("concept"), description="Nothing unusual was met when the download was loaded.")
def download_is_whole(settings: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
    """Whether the download refers to concepts or vocabularies that it lacks (CPT4 not completed, for instance)."""
    with said_plainly():
        loaded = current_vocabulary(settings.warehouse)
    if loaded is None:
        raise dg.Failure("No vocabulary has been loaded in this warehouse: materialize vocabulary/concept first.")
    met = {what: count for what, count in loaded.warnings.items() if count}
    return dg.AssetCheckResult(
        passed=not met,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{what}: {count}" for what, count in met.items()) or "Nothing unusual.",
        metadata=dict(met),
    )


@dg.asset(
    key=key_of("source_to_concept_map"),
    group_name=GROUP,
    kinds={"sql", "duckdb", "parquet"},
    owners=OWNERS,
    io_manager_key="parquet",
    deps=[key_of("concept")],
    metadata=cdm_table_metadata(cdm_tables()["source_to_concept_map"]),
)
def source_to_concept_map(settings: dg.ResourceParam[Settings]) -> Frames:
    """OMOP SOURCE_TO_CONCEPT_MAP: the project's reviewed maps, and the user's (SNDS_MAPS), which win.

    A target that the vocabulary does not have, or that is not standard, not valid, or of another domain than the list
    asks for, is 0 here; the coverage report says which and why.
    """
    with said_plainly():
        user = base.maps_of(settings)
        lines = base.map_lines(user)
        table = base.source_to_concept_map(lines, _current(settings))
    found = conflicts(user.lines, project_maps())
    return _frames(
        table,
        {
            "lines of the project's maps": lines.num_rows - user.lines.num_rows,
            "lines of the user's maps": user.lines.num_rows,
            "codes where the user's map differs from the project's": found.num_rows,
            "where they differ": _some(found),
        },
    )


def resolution_assets(delivered: Delivered) -> list[dg.AssetsDefinition]:
    """The assets that depend on the delivery: the codes of the base, their answers, the coverage."""
    tables = [table.asset_key for name, table in delivered.tables.items() if name in base.tables_with_codes()]
    keys = [dg.AssetKey(key) for key in tables]

    @dg.asset(
        key=key_of("source_codes"),
        group_name=GROUP,
        kinds={"sql", "duckdb", "parquet"},
        owners=OWNERS,
        io_manager_key="parquet",
        deps=keys,
        metadata={"dagster/column_schema": described_columns(SOURCE_CODES)},
    )
    def source_codes(settings: dg.ResourceParam[Settings]) -> Frames:
        """The different codes of the received tables, and those of the maps, with labels and numbers of rows."""
        with said_plainly():
            codes = base.codes_of(settings, base.maps_of(settings))
        return _frames(codes, {"rows that hold a code": sum(codes["rows"].to_pylist())})

    @dg.multi_asset(
        name="resolution",
        can_subset=True,
        specs=[
            _own_spec(
                "code_map", CODE_MAP, "The standard concepts of every code, on any day: what the CDM tables join."
            ),
            _own_spec("rejected_targets", REJECTED, "Targets of maps and vocabularies that may not be used, and why."),
            dg.AssetSpec(
                key_of("local_concept"),
                deps=[key_of("source_codes"), key_of("concept"), key_of("concept_relationship")],
                group_name=GROUP,
                kinds={"sql", "duckdb", "parquet"},
                owners=OWNERS,
                description="CONCEPT rows (ids from 2 000 000 000 on) of the French codes that no vocabulary has.",
                metadata=cdm_table_metadata(cdm_tables()["concept"]),
                skippable=True,
            ).with_io_manager_key("parquet"),
        ],
    )
    def resolution(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> Iterator[Any]:
        """Resolve every code: see vocabulary/resolve.py."""
        with said_plainly():
            codes = base.stored(settings, "source_codes")
            loaded = _current(settings)
            found = base.resolved(settings, base.maps_of(settings), codes, loaded)
        local = local_concepts(found.code_map, codes)
        for name, table in (
            ("code_map", found.code_map),
            ("rejected_targets", found.rejected),
            ("local_concept", local),
        ):
            if key_of(name) not in context.selected_asset_keys:
                continue
            counts = _by_status(found.code_map) if name == "code_map" else {}
            shown = {"rejected": _some(_named(table))} if name == "rejected_targets" else {}
            noted = base.made_with(table, loaded)
            yield dg.Output(_frames(noted, {**counts, **shown}), output_name="__".join([GROUP, name]))

    @dg.asset(
        key=key_of("coverage"),
        group_name=GROUP,
        kinds={"sql", "duckdb", "html", "json"},
        owners=OWNERS,
        io_manager_key="received",
        deps=[key_of("code_map"), key_of("rejected_targets"), *keys],
        metadata={"dagster/column_schema": described_columns(REPORT_CONTENT)},
    )
    def coverage(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
        """How much of the base has a standard concept: the report, the list for Usagi, the history."""
        with said_plainly():
            return _coverage(settings)

    return [source_codes, resolution, coverage]


@dg.asset_check(
    asset=key_of("rejected_targets"), description="Every target of the maps may be used with this vocabulary."
)
def targets_can_be_used(settings: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
    """Whether a target is unknown, invalid, not standard, or of a wrong domain."""
    with said_plainly():
        rejected = base.stored(settings, "rejected_targets")
    return dg.AssetCheckResult(
        passed=rejected.num_rows == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{rejected.num_rows} targets were refused: their codes have another target, or 0."
        if rejected.num_rows
        else "No target was refused.",
        metadata={"refused": rejected.num_rows, "which": _some(_named(rejected))},
    )


vocabulary_checks = [download_is_whole, targets_can_be_used]


def _coverage(settings: Settings) -> dg.MaterializeResult[None]:
    """Compute the coverage of what is stored, write the report and what goes with it."""
    answers = Resolution(base.stored(settings, "code_map"), base.stored(settings, "rejected_targets"))
    codes = base.stored(settings, "source_codes")
    report = base.write_coverage(settings, base.maps_of(settings), _current(settings), codes, answers)
    return dg.MaterializeResult(
        metadata={
            "summary": " ".join(report.sentences),
            "report": dg.MetadataValue.path(str(report.html)),
            "report as JSON": dg.MetadataValue.path(str(report.json)),
            "codes for Usagi": dg.MetadataValue.path(str(report.usagi)),
            "coverage": picture(coverage_plot(report.coverage), "Share of rows with a standard concept, by list"),
            "coverage over runs": picture(
                history_plot(report.history), "Share of rows with a standard concept, by run"
            ),
            **report.coverage.figures(),
        }
    )


def _own_spec(name: str, columns: Columns, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of(name),
        deps=[key_of("source_codes"), key_of("concept"), key_of("concept_relationship")],
        group_name=GROUP,
        kinds={"sql", "duckdb", "parquet"},
        owners=OWNERS,
        description=description,
        metadata={"dagster/column_schema": described_columns(columns)},
        skippable=True,
    ).with_io_manager_key("parquet")


def _current(settings: Settings) -> LoadedVocabulary:
    loaded = current_vocabulary(settings.warehouse)
    if loaded is None:
        raise dg.Failure("No vocabulary has been loaded in this warehouse: materialize vocabulary/concept first.")
    return loaded


def _by_status(code_map: pa.Table) -> dict[str, int]:
    """Codes by status, of the targets that hold today."""
    today = max(code_map["valid_end_date"].to_pylist(), default=None)
    rows = [row for row in code_map.to_pylist() if row["place"] == 1 and row["valid_end_date"] == today]
    return {
        f"codes {status}": sum(row["status"] == status for row in rows)
        for status in sorted({r["status"] for r in rows})
    }


def _named(rejected: pa.Table) -> pa.Table:
    """The rows whose code looks like one of its list: where columns are shifted, another text may be a pseudonym."""
    lists = nomenclatures()
    pairs = zip(rejected["nomenclature"].to_pylist(), rejected["code"].to_pylist(), strict=True)
    looks = [lists[name].vocabulary_id is None or lists[name].local_id(code) > 0 for name, code in pairs]
    return rejected.filter(pa.array(looks, pa.bool_()))


def _some(table: pa.Table) -> dg.TableMetadataValue:
    """The first rows of a table, for the UI."""
    columns: Mapping[str, type] = {f.name: int if pa.types.is_integer(f.type) else str for f in table.schema}
    rows: Sequence[Sequence[Any]] = [list(row.values()) for row in table.slice(0, SHOWN).to_pylist()]
    return table_of(columns, rows)


def _frames(table: pa.Table, told: Mapping[str, Any]) -> Frames:
    """A small table as frames."""
    frames = (frame_of(batch) for batch in table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)])
    return Frames(table.schema, frames, metadata=lambda: told)
