"""The truth of hospitals, long-term diseases, deaths and persons against a plain reading of the delivered files."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.identifiers import STORIES
from snds_omop_assets.synthetic.rows import rules
from snds_omop_assets.synthetic.scenario import Scenario, traps
from snds_omop_assets_tests.conftest import SYNTHETIC_PERSONS, SYNTHETIC_YEARS
from snds_omop_assets_tests.synthetic_reading import open_made
from snds_omop_assets_tests.synthetic_reading_pmsi import (
    events_of_pmsi,
    latest_states,
    long_term_diseases,
    matched_deaths,
    read_pmsi,
    referential_deaths,
    visits_of_pmsi,
)

Made = tuple[Path, duckdb.DuckDBPyConnection]


@pytest.fixture(scope="module")
def made(synthetic_folder: Path) -> Iterator[Made]:
    with open_made(synthetic_folder) as connection:
        read_pmsi(connection)
        yield synthetic_folder, connection


def of_claims(folder: Path, column: str) -> str:
    """Numbers of the visits or events that lines of the DCIR make."""
    return f"SELECT {column} FROM read_parquet('{folder}/truth/rows/ER_*_F_*.parquet') WHERE {column} IS NOT NULL"


def test_stays_are_the_visits_of_the_truth(made: Made) -> None:
    folder, connection = made
    truth = Counter(connection.sql(f"""
        SELECT person, start, "end", kind, hospital FROM truth_visits
        WHERE expected AND visit NOT IN ({of_claims(folder, "visit")})
    """).fetchall())  # fmt: skip
    read = visits_of_pmsi(connection)
    assert len(read) > SYNTHETIC_PERSONS
    assert read - truth == Counter()
    assert truth - read == Counter()


def test_what_happens_in_stays_is_the_events_of_the_truth(made: Made) -> None:
    folder, connection = made
    truth = Counter(connection.sql(f"""
        SELECT person, start, nomenclature, role = 'main_diagnosis', code, quantity FROM truth_events
        WHERE expected AND role <> 'long_term_disease' AND event NOT IN ({of_claims(folder, "event")})
    """).fetchall())  # fmt: skip
    read = events_of_pmsi(connection)
    assert len(read) > SYNTHETIC_PERSONS
    assert read - truth == Counter()
    assert truth - read == Counter()


def test_related_diagnoses_of_stays_are_those_of_the_truth(made: Made) -> None:
    _, connection = made
    truth = set(connection.sql("""
        SELECT person, start, code FROM truth_events WHERE expected AND role = 'related_diagnosis'
    """).fetchall())  # fmt: skip
    read = set(connection.sql("SELECT person, day, code FROM told WHERE status = 'related'").fetchall())
    assert read
    assert read <= truth


def test_weeks_lie_in_their_stay_and_the_last_one_ends_it(made: Made) -> None:
    _, connection = made
    assert connection.sql("""FROM week_days WHERE first < start OR last > "end" OR last < first""").fetchall() == []
    assert connection.sql("SELECT 1 FROM week_days WHERE SOR_MOD IS NOT NULL").fetchall()
    assert connection.sql("""FROM week_days WHERE SOR_MOD IS NOT NULL AND last <> "end" """).fetchall() == []


def test_sub_sequences_and_sequences_add_up_to_their_stay(made: Made) -> None:
    """A stay of which every year is there: its sub-sequences, put together, begin where the columns say."""
    _, connection = made
    assert connection.sql("""
        SELECT stay FROM home JOIN chain USING (key)
        WHERE stay IN (SELECT stay FROM home JOIN chain USING (key) WHERE SEQ_SEJ_NBJ = 0 AND SSEQ_SEQ_NBJ = 0)
        QUALIFY sum(SSEQ_NBJ) OVER (PARTITION BY stay ORDER BY chain.year, SEQ_NUM, SSEQ_NUM) - SSEQ_NBJ
                <> SEQ_SEJ_NBJ + SSEQ_SEQ_NBJ
    """).fetchall() == []  # fmt: skip
    for table, days in (("home", "SSEQ_NBJ"), ("sequence", "SEQ_COU_NBJ")):
        sums = connection.sql(f"""
            SELECT stay.start + sum({days})::INT - 1 = stay."end" FROM {table} JOIN chain USING (key)
            JOIN stay USING (stay) WHERE year(stay.start) >= {SYNTHETIC_YEARS[0]}
            GROUP BY stay.stay, stay.start, stay."end"
        """).fetchall()  # fmt: skip
        assert sums
        assert all(right for (right,) in sums)


def test_long_term_diseases_are_those_of_the_truth(made: Made) -> None:
    _, connection = made
    truth = Counter(connection.sql("""
        SELECT person, start, "end", left(code, 4) FROM truth_events WHERE expected AND role = 'long_term_disease'
    """).fetchall())  # fmt: skip
    read = long_term_diseases(connection)
    assert len(read) > SYNTHETIC_PERSONS / 30
    assert read - truth == Counter()
    assert truth - read == Counter()


def test_matched_deaths_are_those_of_the_truth(made: Made) -> None:
    _, connection = made
    truth = Counter(connection.sql("""
        SELECT person, death, left(cause, 4) FROM truth_deaths WHERE matched AND expected
    """).fetchall())  # fmt: skip
    read = matched_deaths(connection)
    assert read
    assert read - truth == Counter()
    assert truth - read == Counter()


def test_deaths_of_the_referential_are_those_of_the_truth(made: Made) -> None:
    _, connection = made
    truth = Counter(connection.sql("""
        SELECT person, death FROM truth_deaths JOIN truth_persons USING (person) WHERE expected AND in_referential
    """).fetchall())  # fmt: skip
    read = referential_deaths(connection)
    assert read - truth == Counter()
    assert truth - read == Counter()


def test_who_leaves_a_hospital_dead_dies_that_day(made: Made) -> None:
    _, connection = made
    truth = set(connection.sql("SELECT person, death FROM truth_deaths WHERE expected").fetchall())
    read: set[tuple[object, ...]] = set()
    for table in ("r_T_MCO_B", "week", "home", "sequence"):
        read |= set(connection.sql(f"""
            SELECT person, "end" FROM {table} JOIN chain USING (key) WHERE SOR_MOD = '9'
        """).fetchall())  # fmt: skip
    assert read
    assert read <= truth


def test_latest_states_of_the_referential_are_the_persons_of_the_truth(made: Made) -> None:
    _, connection = made
    truth = {person: tuple(told) for person, *told in connection.sql("""
        SELECT person, sex, year_of_birth, month_of_birth, commune, department FROM truth_persons WHERE in_referential
    """).fetchall()}  # fmt: skip
    read = latest_states(connection)
    assert read.keys() == truth.keys()
    unknown = {person for person, (*_, commune, _) in read.items() if commune is None}
    assert 0 < len(unknown) < 0.05 * len(read)
    wrong = {person: (told, truth[person]) for person, told in read.items()
             if told[:3] + told[4:] != truth[person][:3] + truth[person][4:]
             or (person not in unknown and told != truth[person])}  # fmt: skip
    assert wrong == {}


SMALL = Scenario(persons=37, years=(2016, 2018))
ALWAYS = {name: 0.12 if name in STORIES else 1.0 for name in traps()}
"""Every trap as often as may be: of the stories of identifiers, a person has one at most."""

SCENARIOS = {
    "one person": replace(SMALL, persons=1),
    "two persons": replace(SMALL, persons=2),
    "a small street": SMALL,
    "one year": replace(SMALL, years=(2019, 2019)),
    "all years": replace(SMALL, persons=60, years=(2014, 2022)),
    "no traps": replace(SMALL, persons=200, traps={}),
    "no pathway": replace(SMALL, persons=60, lines=1.0),
    **{name: replace(SMALL, persons=200, traps={name: 0.3})
       for name in ("dummy_pseudonym", "repeated_weeks", "several_identifiers", "regularised")},
    "every trap, always": replace(SMALL, persons=120, traps=ALWAYS),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_small_deliveries_are_made_and_each_row_has_its_rule(name: str, tmp_path: Path) -> None:
    scenario = SCENARIOS[name]
    made = generate(scenario, tmp_path / "made", "parquet")
    assert pq.read_table(tmp_path / "made" / "truth" / "persons.parquet").num_rows == scenario.persons
    told = {path.name.upper(): pq.read_table(path) for path in (tmp_path / "made" / "truth" / "rows").iterdir()}
    for file, rows in made.rows.items():
        assert pq.read_metadata(tmp_path / "made" / "delivery" / file).num_rows == rows
        if file.upper() in told:
            rule = told[file.upper()]["rule"]
            assert len(rule) == rows, file
            assert rule.null_count == 0
            assert set(rule.unique().to_pylist()) <= set(rules())
    of_people = {file for file in made.rows if file.startswith(("ER_", "T_", "KI_", "IR_BEN", "IR_IMB"))}
    without = of_people - {file for file in made.rows if file.upper() in told}
    assert all(file.upper().removesuffix(".PARQUET").endswith("E") for file in without)


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.persons > 2])
def test_small_deliveries_are_read_as_their_truth_says(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    generate(SCENARIOS[name], folder, "parquet")
    with open_made(folder) as connection:
        read_pmsi(connection)
        visits = Counter(connection.sql(f"""
            SELECT person, start, "end", kind, hospital FROM truth_visits
            WHERE expected AND visit NOT IN ({of_claims(folder, "visit")})
        """).fetchall())  # fmt: skip
        assert visits_of_pmsi(connection) == visits
