"""Characterising a CDM, whoever made it: the figures, as CSV files and as a page of pictures."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
from markupsafe import Markup

from snds_omop_assets.engines.opening import open_session
from snds_omop_assets.engines.spark_engine import spark_config
from snds_omop_assets.io_managers.aside import written_where_asked
from snds_omop_assets.quality.achilles.characterise import SOURCE_NAME, Characterisation, characterise
from snds_omop_assets.quality.achilles.pictures import pictures
from snds_omop_assets.quality.achilles.sources import TABLES
from snds_omop_assets.quality.dqd.opening import open_cdm
from snds_omop_assets.reception.report import page_environment
from snds_omop_assets.settings import SPARK, Settings

TEMPLATE = "page.html.j2"


def characterise_cdm(
    path: Path, settings: Settings, on_step: Callable[[str], None] = lambda step: None
) -> Characterisation:
    """Run the analyses on a CDM; nothing is written to where it lies.

    Args:
        path: a folder, a warehouse or a database file; see quality/dqd/opening.py.
        settings: engine, memory, the folder for what does not fit into it, and the fewest persons of a cell.
        on_step: called with what is being done.

    Raises:
        CdmError: nothing of a CDM is there, or a table cannot be read.
        EngineError: the engine does not start or has no room.
    """
    spark = None
    if settings.engine == SPARK:
        from dagster_pyspark import LazyPySparkResource

        spark = LazyPySparkResource(spark_config=spark_config(settings.spark_master, settings.memory))
    on_step("reading the tables")
    spill = settings.spill.parent if settings.spill.parent.is_dir() else None
    with open_cdm(open_session(settings, spark), path, spill, only=TABLES) as (session, cdm):
        return characterise(session, cdm, settings.small_cell, on_step=on_step)


def tables_of(found: Characterisation) -> dict[str, pa.Table]:
    """The tables by the names that Achilles gives them."""
    return {
        "achilles_results": found.results,
        "achilles_results_dist": found.distributions,
        "achilles_analysis": found.analysis,
    }


def source_name(found: Characterisation) -> str | None:
    """What the CDM calls itself."""
    names = found.results.filter(pa.compute.equal(found.results["analysis_id"], SOURCE_NAME))["stratum_1"]
    return names[0].as_py() if len(names) else None


def write_tables(found: Characterisation, folder: Path) -> list[Path]:
    """Write the three tables as CSV files, each whole or not at all; the folder is made if it is not there.

    The first line has the names of the columns, an empty field is NULL.

    Raises:
        StoreError: one cannot be written.
    """
    files = {folder / f"{name}.csv": table for name, table in tables_of(found).items()}
    for file, table in files.items():
        with written_where_asked(file) as partial:
            pyarrow.csv.write_csv(table, partial)
    return [*files]


def write_page(found: Characterisation, path: Path, name: str, small_cell: int) -> Path:
    """Write the pictures and the list of analyses as one page without outside resources.

    Args:
        found: the figures.
        path: the file.
        name: of the CDM, where it does not tell its own.
        small_cell: the fewest persons of a cell, for the words on the page.

    Raises:
        StoreError: it cannot be written.
    """
    with written_where_asked(path) as partial:
        partial.write_text(as_html(found, source_name(found) or name, small_cell), encoding="utf-8")
    return path


def as_html(found: Characterisation, name: str, small_cell: int) -> str:
    """The page."""
    environment = page_environment(Path(__file__).parent)
    cells = [*found.results["analysis_id"].to_pylist(), *found.distributions["analysis_id"].to_pylist()]
    return environment.get_template(TEMPLATE).render(
        name=name,
        small_cell=small_cell,
        pictures=[(one.title, one.sentence, Markup(one.svg)) for one in pictures(found.results)],
        analyses=found.analysis.to_pylist(),
        told={id_: cells.count(id_) for id_ in set(cells)},
        hidden=found.hidden,
    )
