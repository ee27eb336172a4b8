"""What a new vocabulary changes in a base: codes, and the rows and persons that move between tables of the CDM."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets.engines.duckdb_engine import duckdb_connection
from snds_omop_assets.errors import StoreError
from snds_omop_assets.vocabulary.coverage import UNNAMED
from snds_omop_assets.vocabulary.differences import Differences, differences, write_differences
from snds_omop_assets.vocabulary.shapes import SOURCE_CODES, schema_of
from snds_omop_assets_tests.conftest import only
from snds_omop_assets_tests.test_coverage import (
    BEFORE_CHANGE,
    CHANGE,
    FIRST,
    LAST,
    Row,
    answer,
    code_map,
    labels,
    occurrences,
    persons,
    row,
)

NO_CODES = schema_of(SOURCE_CODES).empty_table()


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb_connection(tmp_path_factory.mktemp("spill")) as opened:
        yield opened


def test_an_answer_compared_with_itself_has_no_differences(connection: duckdb.DuckDBPyConnection):
    same = code_map(answer("A00"), answer("B00", "rejected"))
    found = differences(connection, occurrences([row("A00"), row("C00")]), same, same, NO_CODES, 1)
    assert (found.codes, found.rows_moving, found.changes.num_rows, found.moves.num_rows) == (0, 0, 0, 0)
    assert found.sentences() == ["No code of this base changes target, domain, value, validity or status."]


def test_another_domain_moves_rows_and_persons_to_another_table(connection: duckdb.DuckDBPyConnection):
    new = answer("A00", target_concept_id=9_000_002, target_domain_id="Observation")
    rows = [row("A00", "p1"), row("A00", "p1"), row("A00", "p2"), row("B00", "p3")]
    kept = answer("B00")
    codes = labels(A00="Une maladie", B00="Une autre")
    found = differences(connection, occurrences(rows), code_map(answer("A00"), kept), code_map(new, kept), codes, 1)
    (change,) = found.changes.to_pylist()
    assert (change["code"], change["label"], change["changed"]) == ("A00", "Une maladie", "target, domain")
    assert (change["outcome"], change["rows"], change["persons"]) == ("changed", 3, 2)
    assert (change["old_target_concept_ids"], change["new_target_concept_ids"]) == ("9000001", "9000002")
    assert found.moves.to_pylist() == [
        {"old_tables": "condition_occurrence", "new_tables": "observation", "codes": 1, "rows": 3, "persons": 2}
    ]
    assert found.sentences()[-1] == "3 rows of 2 persons move from condition_occurrence to observation."


def test_a_code_gained_is_one_lost_the_other_way_round(connection: duckdb.DuckDBPyConnection):
    without, with_target = code_map(answer("A00", "unmapped")), code_map(answer("A00"))
    rows = occurrences([row("A00")])
    gained = differences(connection, rows, without, with_target, NO_CODES, 1)
    lost = differences(connection, rows, with_target, without, NO_CODES, 1)
    assert gained.changes["outcome"].to_pylist() == ["gained"]
    assert lost.changes["outcome"].to_pylist() == ["lost"]
    assert lost.changes["changed"].to_pylist() == ["target, status"]


def test_a_code_that_one_answer_does_not_know_is_unmapped_there(connection: duckdb.DuckDBPyConnection):
    rows = occurrences([row("A00"), row("B00")])
    new = code_map(answer("A00"), answer("B00", "unmapped", target_domain_id="Condition"))
    found = differences(connection, rows, code_map(), new, NO_CODES, 1)
    change = only(found.changes.to_pylist(), code="A00")
    assert (change["old_status"], change["old_target_concept_ids"], change["old_tables"]) == (
        "unmapped", "0", "condition_occurrence"
    )  # fmt: skip
    assert found.codes == 1


def test_several_targets_are_compared_as_a_set(connection: duckdb.DuckDBPyConnection):
    first = {"target_concept_id": 9_000_001}
    second = {"target_concept_id": 9_000_002, "target_domain_id": "Observation"}
    old = code_map(answer("A00", **first, place=1), answer("A00", **second, place=2))
    turned = code_map(answer("A00", **second, place=1), answer("A00", **first, place=2))
    rows = occurrences([row("A00")])
    assert differences(connection, rows, old, turned, NO_CODES, 1).codes == 0
    found = differences(connection, rows, old, code_map(answer("A00", **first)), NO_CODES, 1)
    (change,) = found.changes.to_pylist()
    assert (change["old_tables"], change["rows"]) == ("condition_occurrence + observation", 1)


def test_another_value_moves_rows_within_their_table(connection: duckdb.DuckDBPyConnection):
    old = code_map(answer("A00", target_domain_id="Measurement", value_as_concept_id=9_000_011))
    new = code_map(answer("A00", target_domain_id="Measurement", value_as_concept_id=9_000_012))
    found = differences(connection, occurrences([row("A00")]), old, new, NO_CODES, 1)
    assert found.changes["changed"].to_pylist() == ["value"]
    assert found.moves.to_pylist()[0]["old_tables"] == found.moves.to_pylist()[0]["new_tables"] == "measurement"


def test_the_same_values_in_other_pairs_are_other_targets(connection: duckdb.DuckDBPyConnection):
    def pairs(one: int, two: int) -> pa.Table:
        return code_map(
            answer("A00", target_concept_id=1, value_as_concept_id=one),
            answer("A00", place=2, target_concept_id=2, value_as_concept_id=two),
        )

    found = differences(connection, occurrences([row("A00")]), pairs(11, 12), pairs(12, 11), NO_CODES, 1)
    assert found.changes["changed"].to_pylist() == ["target"]


def test_a_status_alone_moves_nothing(connection: duckdb.DuckDBPyConnection):
    old, new = code_map(answer("A00")), code_map(answer("A00", "remapped"))
    found = differences(connection, occurrences([row("A00")]), old, new, NO_CODES, 1)
    (change,) = found.changes.to_pylist()
    assert (change["changed"], change["moves"], change["rows"]) == ("status", False, 1)
    assert (found.rows_moving, found.sentences()[-1]) == (0, "No row moves.")


def test_a_replacement_from_a_day_on_moves_the_rows_from_that_day_on(connection: duckdb.DuckDBPyConnection):
    new = code_map(
        answer("A00", valid_end_date=BEFORE_CHANGE),
        answer("A00", "remapped", valid_start_date=CHANGE, target_concept_id=9_000_002),
    )
    rows = [row("A00", day=BEFORE_CHANGE), row("A00", day=CHANGE), row("A00")]
    found = differences(connection, occurrences(rows), code_map(answer("A00")), new, NO_CODES, 1)
    (change,) = found.changes.to_pylist()
    assert (change["valid_start_date"], change["valid_end_date"]) == (CHANGE, LAST)
    assert (change["changed"], change["rows"]) == ("target, validity, status", 2)


def test_periods_cut_in_another_way_are_no_difference(connection: duckdb.DuckDBPyConnection):
    cut = code_map(answer("A00", valid_end_date=BEFORE_CHANGE), answer("A00", valid_start_date=CHANGE))
    assert differences(connection, occurrences([row("A00")]), code_map(answer("A00")), cut, NO_CODES, 1).codes == 0


def test_codes_that_the_base_does_not_have_are_left_out(connection: duckdb.DuckDBPyConnection):
    old = code_map(answer("A00"), answer("B00"), answer("C00"))
    codes = pa.concat_tables([labels(A00="Une maladie"), labels(C00="Sans ligne")])
    codes = codes.set_column(3, "rows", pa.array([1, 0], pa.int64()))
    found = differences(connection, occurrences([]), old, code_map(), codes, 1)
    assert [(c["code"], c["rows"]) for c in found.changes.to_pylist()] == [("A00", 0)]


def test_few_persons_are_hidden_with_the_sum_that_would_tell_them(connection: duckdb.DuckDBPyConnection):
    old = code_map(answer("A00"), answer("B00"))
    new = code_map(answer("A00", "unmapped"), answer("B00", target_domain_id="Drug"))
    rows = persons("A00", range(40)) + persons("B00", range(38, 42))
    found = differences(connection, occurrences(rows), old, new, NO_CODES, 11)
    assert sorted(found.changes.to_pydict()["persons"], key=str) == [40, None]
    assert [(move["rows"], move["persons"]) for move in found.moves.to_pylist()] == [(40, 40), (4, None)]
    assert (found.rows_moving, found.persons_moving) == (44, None)
    assert "hidden" in found.sentences()[1]


def test_rare_codes_that_do_not_look_like_codes_are_not_named(connection: duckdb.DuckDBPyConnection):
    found = differences(
        connection, occurrences([row("PSEUDONYM")]), code_map(), code_map(answer("PSEUDONYM")), NO_CODES, 11
    )
    assert [(c["code"], c["label"]) for c in found.changes.to_pylist()] == [(None, UNNAMED)]
    assert "PSEUDONYM" not in found.to_json()


def test_the_changes_are_written_for_programs_and_spreadsheets(connection: duckdb.DuckDBPyConnection, tmp_path: Path):
    codes = labels(A00="Étiquette, avec virgule")
    found = differences(connection, occurrences([row("A00")]), code_map(answer("A00")), code_map(), codes, 1)
    as_json, as_csv = write_differences(found, tmp_path / "new")
    told = json.loads(as_json.read_text(encoding="utf-8"))
    assert (told["rows_moving"], told["changes"][0]["valid_start_date"]) == (1, FIRST.isoformat())
    with as_csv.open(encoding="utf-8", newline="") as lines:
        (line,) = csv.DictReader(lines)
    assert (line["code"], line["label"], line["rows"]) == ("A00", "Étiquette, avec virgule", "1")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted([as_json.name, as_csv.name])
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        write_differences(found, tmp_path / "file")


CODES = ("A00", "B00", "odd")
some_rows = st.lists(
    st.tuples(
        st.just("T.A"),
        st.just("CIM10"),
        st.sampled_from(CODES),
        st.sampled_from((None, FIRST, BEFORE_CHANGE, CHANGE)),
        st.sampled_from(("p1", "p2", "p3", None)),
        st.just(None),
    ),
    max_size=12,
)


@st.composite
def some_answers(draw: st.DrawFn) -> pa.Table:
    rows = []
    for code in CODES:
        for first, last in draw(st.sampled_from(((), ((FIRST, LAST),), ((FIRST, BEFORE_CHANGE), (CHANGE, LAST))))):
            days = {"valid_start_date": first, "valid_end_date": last}
            status = draw(st.sampled_from(("mapped", "remapped", "unmapped", "rejected")))
            if status in ("unmapped", "rejected"):
                rows.append(answer(code, status, **days))
                continue
            targets = draw(st.sets(st.sampled_from((1, 2, 3)), min_size=1))
            for place, target in enumerate(sorted(targets), start=1):
                domain = ("Condition", "Drug", "Drug")[target - 1]
                value = draw(st.sampled_from((None, 11)))
                rows.append(answer(code, status, **days, place=place, target_concept_id=target,
                                   target_domain_id=domain, value_as_concept_id=value))  # fmt: skip
    return code_map(*rows)


def answer_on(answers: pa.Table, code: str, day: date | None) -> frozenset[tuple[int, str, int | None]]:
    """The same, said row by row."""
    found = frozenset(
        (a["target_concept_id"], a["target_domain_id"], a["value_as_concept_id"])
        for a in answers.to_pylist()
        if a["code"] == code and a["valid_start_date"] <= (day or LAST) <= a["valid_end_date"]
    )
    return found or frozenset({(0, "Condition", None)})


def ways(found: Differences) -> Counter[tuple[object, ...]]:
    return Counter(tuple(move.values()) for move in found.moves.to_pylist())


@settings(max_examples=25, deadline=None)
@given(rows=some_rows, old=some_answers(), new=some_answers())
def test_rows_move_back_as_they_came_and_nothing_moves_between_equals(rows: list[Row], old: pa.Table, new: pa.Table):
    sql = occurrences(rows)
    with duckdb_connection() as connection:
        there = differences(connection, sql, old, new, NO_CODES, 1)
        back = differences(connection, sql, new, old, NO_CODES, 1)
        itself = differences(connection, sql, old, old, NO_CODES, 1)
    assert ways(back) == Counter((b, a, *rest) for a, b, *rest in ways(there))
    moved = [r for r in rows if answer_on(old, r[2], r[3]) != answer_on(new, r[2], r[3])]
    assert there.rows_moving == back.rows_moving == len(moved)
    assert there.persons_moving == len({r[4] for r in moved} - {None})
    assert there.codes_moving == len({r[2] for r in moved})
    assert sum(change["rows"] for change in there.changes.to_pylist() if change["moves"]) == len(moved)
    assert all(change["changed"] for change in there.changes.to_pylist())
    assert (itself.codes, itself.changes.num_rows, itself.moves.num_rows) == (0, 0, 0)
