"""Eras of many persons, against DuckDB's own first and last days: a part of `make bench`.

    python -m snds_omop_assets_tests.benchmarks_eras                     100 000 and 1 000 000 persons
    python -m snds_omop_assets_tests.benchmarks_eras FOLDER              the same, keeping what is made in FOLDER
    python -m snds_omop_assets_tests.benchmarks_eras --persons 20000

The reference reads the same events, groups them by person and concept, and writes the first and last day of each: no
rest is looked for, no ingredient, no dose, no id.
"""

import shutil
from pathlib import Path

from snds_omop_assets.engines.duckdb_engine import duckdb_connection, quoted
from snds_omop_assets_tests.measuring import HEADING, asked, kept_or_not, line, measured

PERSONS = (100_000, 1_000_000)
MEMORY = "4GB"
"""That the engine may take for eras."""

EXPOSURES, CONDITIONS = 60, 6
"""Of a person, in five years."""

DRUG, INGREDIENT, CONDITION = 2_100_000_000, 2_100_005_000, 2_100_010_000
"""First invented concepts of 3 000 drugs, 500 ingredients and 500 conditions."""

MILLIGRAM = 8576

TABLES = ("drug_exposure", "condition_occurrence", "concept", "concept_ancestor", "drug_strength")


def made(folder: Path, persons: int) -> None:
    """Five years of drugs and conditions as the CDM has them, with a made-up vocabulary of ingredients and amounts.

    A person takes four drugs, each for fifteen months, and has three conditions, each told twice. Between two boxes of
    thirty days are up to sixty days, a few more than thirty; a drug in five has two ingredients.
    """
    box = f"DATE '2015-01-01' + CAST(i % {EXPOSURES} * 30 + hash(i) % 60 AS INT)"
    held = f"""SELECT {DRUG} + i AS drug, {INGREDIENT} + (i + k * 7) % 500 AS ingredient, i
        FROM range(3000) AS r(i), range(2) AS s(k) WHERE k = 0 OR i % 5 = 0"""
    rows = {
        "drug_exposure": f"""
            SELECT i AS drug_exposure_id, i // {EXPOSURES} AS person_id,
                {DRUG} + (i // {EXPOSURES} * 31 + i % {EXPOSURES} // 15) % 3000 AS drug_concept_id,
                {box} AS drug_exposure_start_date, {box} + 29 AS drug_exposure_end_date,
                30 AS quantity, 30 AS days_supply
            FROM range({persons * EXPOSURES}) AS r(i)""",
        "condition_occurrence": f"""
            SELECT i AS condition_occurrence_id, i // {CONDITIONS} AS person_id,
                {CONDITION} + hash(i // {CONDITIONS}, i % 3) % 500 AS condition_concept_id,
                DATE '2015-01-01' + CAST(hash(i) % 1800 AS INT) AS condition_start_date,
                NULL::DATE AS condition_end_date
            FROM range({persons * CONDITIONS}) AS r(i)""",
        "concept": f"""
            SELECT {INGREDIENT} + i AS concept_id, 'Ingredient' AS concept_class_id, 'S' AS standard_concept
            FROM range(500) AS r(i)""",
        "concept_ancestor": f"""
            SELECT ingredient AS ancestor_concept_id, drug AS descendant_concept_id FROM ({held})""",
        "drug_strength": f"""
            SELECT drug AS drug_concept_id, ingredient AS ingredient_concept_id,
                (1 + i % 4) * 100 AS amount_value, {MILLIGRAM} AS amount_unit_concept_id,
                DATE '1970-01-01' AS valid_start_date, DATE '2099-12-31' AS valid_end_date
            FROM ({held})""",
    }
    with duckdb_connection(folder / ".spill") as connection:
        for table in TABLES:
            connection.execute(f"COPY ({rows[table]}) TO {quoted(str(_file(folder, table)))} (FORMAT parquet)")


def first_and_last(folder: Path) -> None:
    """DuckDB's own first and last day of each person and drug, and of each person and condition."""
    with duckdb_connection(folder / ".spill") as connection:
        for table, what in (("drug_exposure", "drug"), ("condition_occurrence", "condition")):
            day = table if what == "drug" else what
            connection.execute(
                f"COPY (SELECT person_id, {what}_concept_id, min({day}_start_date), max({day}_end_date), count(*) "
                f"FROM read_parquet({quoted(str(_file(folder, table)))}) GROUP BY ALL) "
                f"TO {quoted(str(folder / 'reference.parquet'))} (FORMAT parquet)"
            )


def eras(folder: Path) -> None:
    """CONDITION_ERA, DRUG_ERA and DOSE_ERA, as the conversion makes them."""
    from snds_omop_assets.contracts.cdm_tables import cdm_tables
    from snds_omop_assets.engines.duckdb_session import duckdb_session
    from snds_omop_assets.omop.over_years import HERE, STEPS

    tables = cdm_tables()
    shutil.rmtree(folder / "eras", ignore_errors=True)
    with duckdb_session(folder / ".spill", "a key", MEMORY) as session:
        for table in TABLES:
            session.give_files(table, [_file(folder, table)], tables[table].schema)
        for table in ("condition_era", "drug_era", "dose_era"):
            for step in STEPS.get(table, ()):
                session.step(step, (HERE / "steps" / f"{step}.sql").read_text(encoding="utf-8"))
            sql = (HERE / f"{table}.sql").read_text(encoding="utf-8")
            assert session.write(sql, folder / "eras" / table, tables[table].schema), table


def _file(folder: Path, table: str) -> Path:
    return folder / f"{table}.parquet"


def main(kept: Path | None, sizes: tuple[int, ...]) -> None:
    """Measure the eras and print a table."""
    print(HEADING)
    for persons in sizes:
        with kept_or_not(kept, persons) as folder:
            made(folder, persons)
            base = measured(first_and_last, folder)
            for name, found in (("first_and_last", base), ("eras", measured(eras, folder))):
                print(line(persons, name, found.cpu, found.cpu / base.cpu, found.wall, found.peak), flush=True)


if __name__ == "__main__":
    told = asked(__doc__).parse_args()
    main(told.folder, PERSONS if told.persons is None else (told.persons,))
