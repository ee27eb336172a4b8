"""What tells of few persons is left out, and cannot be worked out from what is told."""

import datetime as dt
import io
from collections import Counter
from collections.abc import Iterable

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.quality.achilles.analyses import STRATA, Analysis, Margin, analyses
from snds_omop_assets.quality.achilles.characterise import Characterisation, characterise
from snds_omop_assets.quality.achilles.hiding import hidden_cells

FEW = 4
ALL = Margin(())
PERSONS = {analysis.id: analysis for analysis in analyses()}


def frame(counts: dict[tuple[str | None, ...], int]) -> pd.DataFrame:
    """Cells by strata; records are twice the persons."""
    strata = [dict(zip(STRATA, [*key, *[None] * (len(STRATA) - len(key))], strict=True)) for key in counts]
    numbers = [{"persons": count, "count_value": 2 * count} for count in counts.values()]
    return pd.DataFrame([one | other for one, other in zip(strata, numbers, strict=True)])


def hidden(
    counts: dict[tuple[str | None, ...], int], margins: Iterable[Margin], **totals: frozenset[tuple[str | None, ...]]
) -> set[tuple[str | None, ...]]:
    """The strata of the hidden cells."""
    marks = hidden_cells(frame(counts), list(margins), FEW, {int(id_[1:]): some for id_, some in totals.items()})
    return {key for key, mark in zip(counts, marks, strict=True) if mark}


def test_a_cell_of_few_persons_is_hidden() -> None:
    assert hidden({("a",): 3, ("b",): 4, ("c",): 90}, []) == {("a",)}


def test_the_only_hidden_cell_of_a_total_takes_the_next_smallest_with_it() -> None:
    assert hidden({("a",): 3, ("b",): 5, ("c",): 90, ("d",): 5}, [ALL]) == {("a",), ("b",)}


def test_hidden_cells_that_are_few_together_take_another_with_them() -> None:
    assert hidden({("a",): 1, ("b",): 1, ("c",): 90}, [ALL]) == {("a",), ("b",), ("c",)}
    assert hidden({("a",): 2, ("b",): 2, ("c",): 90}, [ALL]) == {("a",), ("b",)}


def test_totals_of_rows_and_of_columns_are_both_kept() -> None:
    counts = {("1", "m"): 3, ("1", "f"): 9, ("2", "m"): 8, ("2", "f"): 9, ("3", "m"): 50, ("3", "f"): 50}
    assert hidden(counts, [ALL, Margin((0,)), Margin((1,))]) == {("1", "m"), ("1", "f"), ("2", "m"), ("2", "f")}


def test_a_total_may_be_of_ten_ages_or_of_a_year_of_months() -> None:
    counts = {("31",): 3, ("38",): 9, ("41",): 8}
    assert hidden(counts, [Margin((0,), 10)]) == {("31",), ("38",)}
    counts = {("201801",): 3, ("201802",): 9, ("201901",): 8}
    assert hidden(counts, [Margin((0,), 100)]) == {("201801",), ("201802",)}


def test_a_hidden_total_is_not_told_by_its_cells() -> None:
    counts = {("1", "m"): 20, ("1", "f"): 10, ("1", "?"): 30, ("2", "m"): 30}
    assert hidden(counts, [Margin((0,), told_by=3)], _3=frozenset({("1",)})) == {("1", "m"), ("1", "f")}
    assert hidden(counts, [Margin((0,), told_by=3)], _3=frozenset()) == set()


def test_a_stratum_that_is_null_is_a_stratum() -> None:
    assert hidden({(None,): 3, ("b",): 5}, [ALL]) == {(None,), ("b",)}
    assert hidden({(None, "x"): 3, (None, "y"): 5, ("b", "x"): 9}, [Margin((0,))]) == {(None, "x"), (None, "y")}


TABLES = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("mf"), st.sampled_from("123")), st.integers(1, 12), min_size=1
)
MARGINS = st.lists(
    st.sampled_from([ALL, Margin((0,)), Margin((1,)), Margin((0, 1)), Margin((1, 2)), Margin((2,))]), unique=True
)


@given(TABLES, MARGINS)
def test_no_hidden_cell_is_a_total_less_what_is_told(counts: dict[tuple[str, ...], int], margins: list[Margin]) -> None:
    gone = hidden(dict(counts), margins)
    assert gone >= {key for key, count in counts.items() if count < FEW}
    for margin in margins:
        groups: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for key in counts:
            groups.setdefault(tuple(key[place] for place in margin.strata), []).append(key)
        for keys in groups.values():
            rest = [key for key in keys if key in gone]
            if rest and len(rest) < len(keys):
                assert len(rest) > 1
                assert sum(counts[key] for key in rest) >= FEW
    if not margins:
        assert gone == {key for key, count in counts.items() if count < FEW}


@given(TABLES, MARGINS)
def test_one_person_as_the_smallest_cell_hides_nothing(
    counts: dict[tuple[str, ...], int], margins: list[Margin]
) -> None:
    assert not hidden_cells(frame(dict(counts)), margins, 1, {}).any()


# A whole CDM of random persons


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from([8507, 8532]),
        st.integers(1940, 1950),
        st.lists(st.tuples(st.sampled_from([9201, 9202, 9203]), st.integers(1, 12)), max_size=3),
    ),
    min_size=1,
    max_size=40,
)


def made(people: list[tuple[int, int, list[tuple[int, int]]]], small_cell: int) -> Characterisation:
    """Persons of a sex and a year of birth, observed in 2018, with visits of a kind in a month."""
    tables: dict[str, list[dict[str, object]]] = {"person": [], "observation_period": [], "visit_occurrence": []}
    for place, (sex, born, visits) in enumerate(people):
        key = {"person_id": place, "person_source_value": f"PSEUDONYM-{place}"}
        tables["person"].append({**key, "gender_concept_id": sex, "year_of_birth": born})
        tables["observation_period"].append({
            **key, "observation_period_start_date": dt.date(2018, 1, 1),
            "observation_period_end_date": dt.date(2018, 12, 31),
        })  # fmt: skip
        tables["visit_occurrence"] += [
            {**key, "visit_concept_id": kind, "visit_start_date": dt.date(2018, month, 2),
             "visit_end_date": dt.date(2018, month, 2 + place % 20), "visit_source_value": f"PSEUDONYM-{place}"}
            for kind, month in visits
        ]  # fmt: skip
    with duckdb_session() as session:
        schemas = {name: cdm_tables()[name].schema for name in tables}
        for name, rows in tables.items():
            whole = [{column: row.get(column) for column in schemas[name].names} for row in rows]
            session.give(name, pa.Table.from_pylist(whole, schemas[name]))
        return characterise(session, schemas, small_cell)


def cells(found: Characterisation, analysis: int) -> dict[tuple[str | None, ...], int]:
    rows = [
        row for row in [*found.results.to_pylist(), *found.distributions.to_pylist()] if row["analysis_id"] == analysis
    ]
    used = STRATA[: len(PERSONS[analysis].strata)]
    return {tuple(row[name] for name in used): row["count_value"] for row in rows}


@given(PEOPLE)
@settings(max_examples=8, deadline=None)
def test_whoever_the_persons_are_no_cell_tells_of_few(people: list[tuple[int, int, list[tuple[int, int]]]]) -> None:
    told, everything = made(people, FEW), made(people, 1)
    for id_, analysis in PERSONS.items():
        real = cells(everything, id_)
        shown = cells(told, id_)
        assert shown.items() <= real.items() or id_ == 0
        if analysis.counts == "persons" and analysis.table != "visit_occurrence":
            assert all(count >= FEW for count in shown.values())
        assert len(real) - len(shown) == told.hidden.get(id_, 0)
        for margin in analysis.margins:
            _nothing_is_left_over(analysis, margin, real, shown)
    # Each person has one sex and one year of birth: neither of these may follow from the other breakdown.
    by_year = Counter[str | None]()
    for (year, _), count in cells(told, 10).items():
        by_year[year] += count
    for (year,), count in cells(everything, 3).items():
        assert (year,) in cells(told, 3) or by_year[year] < count


def _nothing_is_left_over(
    analysis: Analysis, margin: Margin, real: dict[tuple[str | None, ...], int],
    shown: dict[tuple[str | None, ...], int],
) -> None:  # fmt: skip
    left = Counter(_key(key, margin) for key in real if key not in shown)
    some = {_key(key, margin) for key in shown}
    assert all(number > 1 for key, number in left.items() if key in some), analysis.id


def _key(strata: tuple[str | None, ...], margin: Margin) -> tuple[object, ...]:
    kept = [strata[place] for place in margin.strata]
    return tuple(int(one or 0) // margin.divisor if margin.divisor > 1 else one for one in kept)


def test_the_value_of_a_single_person_is_no_percentile() -> None:
    """A hundred persons born in 1950 and one in 1910: the greatest age is the one's, and is not told."""
    people: list[tuple[int, int, list[tuple[int, int]]]] = [(8507, 1950, [])] * 100 + [(8507, 1910, [])]
    [age] = [row for row in made(people, 11).distributions.to_pylist() if row["analysis_id"] == 103]
    assert (age["min_value"], age["median_value"], age["p90_value"], age["max_value"]) == (68, 68, 68, None)
    [age] = [row for row in made(people, 1).distributions.to_pylist() if row["analysis_id"] == 103]
    assert age["max_value"] == 108


def test_many_values_of_one_person_are_one_persons() -> None:
    """A length of stay that one person has often is no length of many."""
    people: list[tuple[int, int, list[tuple[int, int]]]] = [(8507, 1950, [(9201, 3)]) for _ in range(12)]
    people.append((8507, 1950, [(9201, 4)] * 50))
    stays = [row for row in made(people, 11).distributions.to_pylist() if row["analysis_id"] == 213]
    assert [(row["count_value"], row["median_value"], row["p90_value"]) for row in stays] == [(62, None, None)]


@pytest.mark.parametrize("small_cell", [2, 4])
def test_no_pseudonym_is_in_what_is_written(small_cell: int) -> None:
    """Source values of few persons are not told; a person's own is read by no analysis."""
    found = made([(8507, 1950, [(0, 3), (9201, 4)])] * 30, small_cell)
    for table in (found.results, found.distributions, found.analysis):
        text = io.BytesIO()
        pyarrow.csv.write_csv(table, text)
        assert b"PSEUDONYM" not in text.getvalue()
    assert 1900 in found.hidden
