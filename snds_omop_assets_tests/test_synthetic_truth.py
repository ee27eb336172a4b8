"""The truth of a synthetic delivery against a plain reading of its files, which knows nothing of how they were made."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.synthetic.rows import rules
from snds_omop_assets_tests.conftest import SYNTHETIC_PERSONS, SYNTHETIC_YEARS
from snds_omop_assets_tests.synthetic_reading import (
    events_of_claims,
    open_made,
    persons_of_referential,
    visits_of_claims,
)

Made = tuple[Path, duckdb.DuckDBPyConnection]


@pytest.fixture(scope="module")
def made(synthetic_folder: Path) -> Iterator[Made]:
    with open_made(synthetic_folder) as connection:
        yield synthetic_folder, connection


def test_every_delivered_row_has_its_bucket(made: Made) -> None:
    folder, _ = made
    without = {"BE_IDE_R", "IR_PHA_R", "IR_SPE_V", "IR_ACT_V", "IR_NAT_V", "IR_CET_V"}
    for path in (folder / "delivery").iterdir():
        if path.stem in without or path.stem.endswith("E"):
            continue
        told = pq.read_table(folder / "truth" / "rows" / path.name)
        assert told.num_rows == pq.read_metadata(path).num_rows, path.name
        assert told["rule"].null_count == 0
        assert set(told["rule"].unique().to_pylist()) <= set(rules())


def test_events_of_claims_are_those_of_the_truth(made: Made) -> None:
    folder, connection = made
    truth = set(connection.sql(f"""
        SELECT person, start, code, quantity, activity FROM truth_events WHERE event IN (
            SELECT event FROM read_parquet('{folder}/truth/rows/ER_*_F_*.parquet') WHERE event IS NOT NULL
        )
    """).fetchall())  # fmt: skip
    read = events_of_claims(connection)
    assert len(read) > SYNTHETIC_PERSONS * 10
    assert read - truth == set()
    assert truth - read == set()


def test_visits_of_claims_are_those_of_the_truth(made: Made) -> None:
    folder, connection = made
    truth = set(connection.sql(f"""
        SELECT person, start, "end", kind, professional, left(hospital, 8), main_nature FROM truth_visits
        WHERE expected AND visit IN (
            SELECT visit FROM read_parquet('{folder}/truth/rows/ER_PRS_F_*.parquet') WHERE rule = 'visit'
        )
    """).fetchall())  # fmt: skip
    read = visits_of_claims(connection)
    assert len(read) > SYNTHETIC_PERSONS * 10
    assert read - truth == set()
    assert truth - read == set()


def test_lines_that_are_netted_add_up_to_nothing(made: Made) -> None:
    folder, connection = made
    rows = " UNION ALL ".join(
        f"""FROM (SELECT *, row_number() OVER () AS n FROM read_parquet('{folder}/delivery/{name}'))
            JOIN (SELECT rule, row_number() OVER () AS n FROM read_parquet('{folder}/truth/rows/{name}')) USING (n)"""
        for name in (f"ER_PRS_F_{year}.parquet" for year in range(SYNTHETIC_YEARS[0], SYNTHETIC_YEARS[1] + 1))
    )
    sums = connection.sql(f"""
        SELECT sum(PRS_ACT_QTE), count(*) FROM ({rows}) WHERE rule = 'netted'
        GROUP BY BEN_NIR_PSA, BEN_RNG_GEM, EXE_SOI_DTD, PRS_NAT_REF, PFS_EXE_NUM, PFS_PRE_NUM, PRE_PRE_DTD, DCT_ORD_NUM
    """).fetchall()  # fmt: skip
    assert len(sums) > 100
    assert {total for total, _ in sums} == {0}


def test_the_referential_tells_who_is_one_person_but_where_the_truth_is_not_certain(made: Made) -> None:
    _, connection = made
    truth = connection.sql("""
        SELECT BEN_NIR_PSA, BEN_RNG_GEM::VARCHAR, person, certain FROM truth_identifiers
        WHERE (in_IR_BEN_R OR in_IR_BEN_R_ARC) AND BEN_CDI_NIR IN ('00', '03', '04')
    """).fetchall()
    read = persons_of_referential(connection)
    pairs: dict[int, set[tuple[str, str]]] = {}
    for psa, rank, person, certain in truth:
        if certain:
            pairs.setdefault(person, set()).add((psa, rank))
    assert all(read[pair] == members for members in pairs.values() for pair in members)
    unsure = [row for row in truth if not row[3]]
    assert 0 < len(unsure) < 0.01 * len(truth)
    assert all(len(read[psa, rank]) == 1 for psa, rank, _, _ in unsure)
