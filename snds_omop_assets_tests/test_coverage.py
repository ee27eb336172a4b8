"""Coverage: what became of the codes of a base, counted in rows, codes, persons and amounts; its report and history."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets.engines.duckdb_engine import duckdb_connection
from snds_omop_assets.errors import StoreError
from snds_omop_assets.reception.findings import Status
from snds_omop_assets.vocabulary.coverage import UNNAMED, Coverage, coverage, share_of
from snds_omop_assets.vocabulary.coverage_history import HISTORY, read_history, with_run
from snds_omop_assets.vocabulary.coverage_report import (
    as_html,
    as_json,
    coverage_plot,
    coverage_sentences,
    history_plot,
    percent,
    rejected_lines,
    verdict,
    write_coverage_report,
)
from snds_omop_assets.vocabulary.loaded import LoadedVocabulary, VocabularyPresent
from snds_omop_assets.vocabulary.shapes import (
    CODE_MAP,
    MAP_LINES,
    MAPS_TO,
    PROJECT,
    REJECTED,
    SOURCE_CODES,
    STATUSES,
    VOCABULARY,
    schema_of,
)

RESOURCES = re.compile(
    r"""(?:src|href)\s*=\s*["'](?!\#)|url\((?!\#)|@import|<link|<script|<iframe|<object|https?://""", re.I
)
FIRST, LAST, CHANGE = date(1900, 1, 1), date(2099, 12, 31), date(2016, 1, 1)
BEFORE_CHANGE = date(2015, 12, 31)

Row = tuple[str, str, str, date | None, str | None, float | None]

CONFLICTS = pa.table(
    {
        "nomenclature": ["CIM10"],
        "code": ["A09"],
        "label": ["Diarrhée <fictive>"],
        "user_concept_ids": ["9000001"],
        "project_concept_ids": ["9000002"],
        "file": ["mes_codes.csv"],
    }
)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb_connection(tmp_path_factory.mktemp("spill")) as opened:
        yield opened


def literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case date():
            return f"DATE '{value}'"
        case str():
            return f"'{value}'"
        case _:
            return str(value)


def occurrences(rows: Sequence[Row]) -> str:
    names = "place, nomenclature, code, event_date, person, amount"
    kinds = ("VARCHAR", "VARCHAR", "VARCHAR", "DATE", "VARCHAR", "DOUBLE")
    lines = ["(" + ", ".join(f"{literal(v)}::{k}" for v, k in zip(row, kinds, strict=True)) + ")" for row in rows]
    values = ", ".join(lines) or f"({', '.join(f'NULL::{kind}' for kind in kinds)})"
    return f"SELECT * FROM (VALUES {values}) t({names}) WHERE code IS NOT NULL"


def answer(code: str, status: str = "mapped", nomenclature: str = "CIM10", **other: object) -> dict:
    found = status in ("mapped", "remapped")
    return {
        "nomenclature": nomenclature,
        "code": code,
        "valid_start_date": FIRST,
        "valid_end_date": LAST,
        "place": 1,
        "target_concept_id": 9_000_001 if found else 0,
        "target_domain_id": "Condition",
        "value_as_concept_id": None,
        "source_concept_id": 0,
        "status": status,
        "origin": VOCABULARY if found else None,
        "precision": "code" if found else None,
        **other,
    }


def code_map(*rows: dict) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema_of(CODE_MAP))


def labels(**by_code: str) -> pa.Table:
    rows = [{"nomenclature": "CIM10", "code": c, "label": text, "rows": 1, "places": ""} for c, text in by_code.items()]
    return pa.Table.from_pylist(rows, schema_of(SOURCE_CODES))


def decided(*codes: str) -> pa.Table:
    rows = [
        {"nomenclature": "CIM10", "code": code, "label": code, "relation": MAPS_TO, "concept_id": 0, "origin": PROJECT,
         "file": "f.csv", "valid_start_date": FIRST, "valid_end_date": LAST}
        for code in codes
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema_of(MAP_LINES))


def row(code: str, person: str | None = "p1", place: str = "T.A", **other: object) -> Row:
    return (place, str(other.get("nomenclature", "CIM10")), code, other.get("day"), person, other.get("amount"))  # type: ignore[return-value]


def persons(code: str, numbers: range, place: str = "T.A", amount: float | None = None) -> list[Row]:
    return [row(code, f"person {n}", place, amount=amount) for n in numbers]


def whole(found: Coverage) -> dict:
    (line,) = found.lists()
    return line


def test_each_status_is_counted_and_a_code_without_an_answer_is_unmapped(connection: duckdb.DuckDBPyConnection):
    answers = code_map(answer("A00"), answer("B00", "remapped"), answer("C00", "unmapped"), answer("D00", "rejected"))
    rows = [row(code) for code in ("A00", "A00", "B00", "C00", "D00", "E00")]
    found = coverage(connection, occurrences(rows), answers, labels(C00="Une maladie"), 1)
    line = whole(found)
    assert [line[f"rows_{status}"] for status in STATUSES] == [2, 1, 2, 1]
    assert [line[f"codes_{status}"] for status in STATUSES] == [1, 1, 2, 1]
    assert (line["rows"], line["codes"], share_of(line, "rows")) == (6, 5, 0.5)
    told = [(u["code"], u["status"], u["label"]) for u in found.unmapped.to_pylist()]
    assert told == [("C00", "unmapped", "Une maladie"), ("D00", "rejected", None), ("E00", "unmapped", None)]


def test_the_answer_is_that_of_the_day_else_the_latest_and_before_1900_the_first(
    connection: duckdb.DuckDBPyConnection,
):
    answers = code_map(answer("A00", valid_end_date=BEFORE_CHANGE), answer("A00", "unmapped", valid_start_date=CHANGE))
    rows = [row("A00", day=BEFORE_CHANGE), row("A00", day=CHANGE), row("A00"), row("A00", day=date(1850, 1, 1))]
    line = whole(coverage(connection, occurrences(rows), answers, labels(), 1))
    assert (line["rows_mapped"], line["rows_unmapped"]) == (2, 2)
    assert (line["codes_mapped"], line["codes_unmapped"]) == (0, 1)


def test_a_code_of_several_targets_counts_once(connection: duckdb.DuckDBPyConnection):
    second = answer("A00", place=2, target_concept_id=9_000_002, target_domain_id="Observation")
    found = coverage(connection, occurrences([row("A00")]), code_map(answer("A00"), second), labels(), 1)
    assert whole(found)["rows"] == 1
    assert found.routes.to_pylist() == [
        {"nomenclature": "CIM10", "cdm_table": "condition_occurrence", "rows": 1, "rows_with_target": 1}
    ]


def test_rows_are_told_by_precision_origin_and_table(connection: duckdb.DuckDBPyConnection):
    answers = code_map(
        answer("A00", precision="trimmed", origin=PROJECT, target_domain_id="Meas Value"),
        answer("B00", target_domain_id="Spec Anatomic Site"),
    )
    found = coverage(connection, occurrences([row("A00"), row("B00"), row("C00")]), answers, labels(), 1)
    line = whole(found)
    assert (line["rows_trimmed"], line["rows_code"], line["rows_project_map"], line["rows_vocabulary"]) == (1, 1, 1, 1)
    tables = {way["cdm_table"]: (way["rows"], way["rows_with_target"]) for way in found.routes.to_pylist()}
    assert tables == {"condition_occurrence": (1, 0), "measurement": (1, 1), "observation": (1, 1)}


def test_a_person_counts_as_mapped_only_if_all_rows_are(connection: duckdb.DuckDBPyConnection):
    rows = [row("A00", "p1"), row("A00", "p2"), row("X00", "p2"), row("X00", "p3"), row("A00", None)]
    line = whole(coverage(connection, occurrences(rows), code_map(answer("A00")), labels(), 1))
    assert (line["persons"], line["persons_with_target"], line["persons_without_target"]) == (3, 1, 2)
    assert share_of(line, "persons") == pytest.approx(1 / 3)


def test_persons_nobody_tells_are_none_and_not_hidden(connection: duckdb.DuckDBPyConnection):
    line = whole(coverage(connection, occurrences([row("A00", None)]), code_map(answer("A00")), labels(), 11))
    assert (line["persons"], share_of(line, "persons")) == (0, None)


def test_few_persons_are_hidden_and_so_is_the_other_half(connection: duckdb.DuckDBPyConnection):
    rows = persons("A00", range(40)) + persons("X00", range(3))
    found = coverage(connection, occurrences(rows), code_map(answer("A00")), labels(), 11)
    line = whole(found)
    assert (line["rows"], line["rows_unmapped"], line["persons"]) == (43, 3, 40)
    assert (line["persons_with_target"], line["persons_without_target"], line["persons_unmapped"]) == (None,) * 3
    assert [u["persons"] for u in found.unmapped.to_pylist()] == [None]
    few = whole(coverage(connection, occurrences(persons("A00", range(10))), code_map(answer("A00")), labels(), 11))
    assert (few["persons"], few["rows"]) == (None, 10)


def test_the_persons_of_a_list_are_hidden_where_they_tell_who_is_in_one_column_only(
    connection: duckdb.DuckDBPyConnection,
):
    rows = persons("A00", range(40)) + persons("A00", range(38, 42), "T.B")
    found = coverage(connection, occurrences(rows), code_map(answer("A00")), labels(), 11)
    assert {g["place"]: g["persons"] for g in found.groups.to_pylist()} == {None: None, "T.A": 40, "T.B": None}


def test_amounts_of_few_persons_are_hidden_and_so_are_the_sums_that_give_them_away(
    connection: duckdb.DuckDBPyConnection,
):
    rows = persons("A00", range(40), amount=10.1) + persons("X00", range(3), amount=5.0)
    rows += persons("A00", range(2), "T.B", amount=1.0)
    found = coverage(connection, occurrences(rows), code_map(answer("A00")), labels(), 11)
    groups = {g["place"]: g for g in found.groups.to_pylist()}
    assert (groups["T.A"]["amount"], groups["T.A"]["amount_without_target"]) == (419.0, None)
    assert (groups["T.B"]["amount"], groups[None]["amount"], groups[None]["amount_hidden"]) == (None, None, True)
    assert found.unmapped["amount"].to_pylist() == [None]
    plenty = coverage(connection, occurrences(rows), code_map(answer("A00")), labels(), 1)
    assert (whole(plenty)["amount"], whole(plenty)["amount_mapped"]) == (421.0, 406.0)


def test_one_hidden_amount_of_a_code_takes_the_next_smallest_with_it(connection: duckdb.DuckDBPyConnection):
    rows = persons("A00", range(40), amount=1.0) + persons("B00", range(20), amount=1.0)
    rows += persons("C00", range(3), amount=1.0)
    found = coverage(connection, occurrences(rows), code_map(), labels(), 11)
    assert {u["code"]: u["amount"] for u in found.unmapped.to_pylist()} == {"A00": 40.0, "B00": None, "C00": None}


def test_texts_of_few_persons_that_do_not_look_like_codes_are_not_named(
    connection: duckdb.DuckDBPyConnection,
):
    odd = [row(f"PSEUDONYM{n}", f"p{n}") for n in range(5)]
    rows = [*odd, row("B00"), *(row("SPELT WRONGLY", f"p{n}") for n in range(11))]
    rows += [row("PSEUDONYM9", "p9") for _ in range(40)]
    found = coverage(connection, occurrences(rows), code_map(), labels(PSEUDONYM1="a label"), 11)
    told = {(u["code"], u["label"]): (u["codes"], u["rows"]) for u in found.unmapped.to_pylist()}
    assert told == {("SPELT WRONGLY", None): (1, 11), (None, UNNAMED): (6, 45), ("B00", None): (1, 1)}
    assert "PSEUDONYM" not in found.to_json()
    assert found.to_map()["code"].to_pylist() == ["SPELT WRONGLY", "B00"]


def test_codes_that_need_no_concept_by_decision_are_told_apart(connection: duckdb.DuckDBPyConnection):
    rows = [row("A00"), row("B00"), row("B00"), row("C00")]
    answers = code_map(answer("A00"), answer("B00", "unmapped"), answer("C00", "unmapped"))
    found = coverage(connection, occurrences(rows), answers, labels(), 1, decided("B00", "A00"))
    line = whole(found)
    assert (line["rows_unmapped"], line["rows_decided"], line["codes_decided"]) == (3, 2, 1)
    assert [(u["code"], u["decided"]) for u in found.unmapped.to_pylist()] == [("C00", False), ("B00", True)]
    assert found.to_map().to_pylist() == [
        {"nomenclature": "CIM10", "code": "C00", "label": None, "rows": 1, "places": "T.A"}
    ]
    assert verdict(found) is Status.RESERVES
    settled = coverage(connection, occurrences(rows), answers, labels(), 1, decided("B00", "C00"))
    assert verdict(settled) is Status.USABLE


def test_a_base_without_codes_has_an_empty_coverage(connection: duckdb.DuckDBPyConnection):
    found = coverage(connection, occurrences([]), code_map(), labels(), 11)
    assert (found.groups.num_rows, found.unmapped.num_rows, found.to_map().num_rows) == (0, 0, 0)
    assert coverage_sentences(found) == ["No received table has a row that holds a code."]
    assert json.loads(found.to_json())["rows"] == 0


def test_nothing_of_it_stays_in_the_connection(connection: duckdb.DuckDBPyConnection):
    before = connection.execute("SHOW TABLES").fetchall()
    coverage(connection, occurrences([row("A00")]), code_map(), labels(), 11)
    assert connection.execute("SHOW TABLES").fetchall() == before


PLACES, CODES, PEOPLE = ("T.A", "T.B"), ("A00", "B00", "C00", "odd"), ("p1", "p2", "p3", None)
some_rows = st.lists(
    st.tuples(
        st.sampled_from(PLACES),
        st.sampled_from(("CIM10", "CCAM")),
        st.sampled_from(CODES),
        st.sampled_from((None, BEFORE_CHANGE, CHANGE)),
        st.sampled_from(PEOPLE),
        st.sampled_from((None, 1.25, -0.1, 3.0)),
    ),
    max_size=12,
)


@st.composite
def some_answers(draw: st.DrawFn) -> pa.Table:
    rows = []
    for nomenclature in ("CIM10", "CCAM"):
        for code in CODES:
            for first, last in draw(st.sampled_from(((), ((FIRST, LAST),), ((FIRST, BEFORE_CHANGE), (CHANGE, LAST))))):
                days = {"valid_start_date": first, "valid_end_date": last}
                rows.append(answer(code, draw(st.sampled_from(STATUSES)), nomenclature, **days))
    return code_map(*rows)


def alone(rows: list[Row], answers: pa.Table, small_cell: int) -> Coverage:
    with duckdb_connection() as connection:
        return coverage(connection, occurrences(rows), answers, labels(), small_cell)


@settings(max_examples=25, deadline=None)
@given(rows=some_rows, answers=some_answers(), small_cell=st.sampled_from((1, 2, 3)))
def test_whatever_the_rows_mapped_remapped_unmapped_and_rejected_add_up(
    rows: list[Row], answers: pa.Table, small_cell: int
):
    found = alone(rows, answers, small_cell)
    for group in found.groups.to_pylist():
        mine = [r for r in rows if r[1] == group["nomenclature"] and group["place"] in (None, r[0])]
        assert group["rows"] == len(mine)
        assert group["codes"] == len({r[2] for r in mine})
        for what in ("rows", "codes"):
            assert sum(group[f"{what}_{status}"] for status in STATUSES) == group[what]
        if group["persons"] is not None:
            assert group["persons"] == len({r[4] for r in mine} - {None})
        halves = group["persons_with_target"], group["persons_without_target"]
        assert None in halves or sum(halves) == group["persons"]
        assert halves.count(None) in (0, 2)
        assert not any(0 < count < small_cell for name, count in group.items() if "persons" in name and count)
        if group["amount"] is not None:
            assert group["amount"] == pytest.approx(sum(r[5] or 0 for r in mine))
        parts = [group[f"amount_{status}"] for status in STATUSES]
        assert None in parts or sum(parts) == pytest.approx(group["amount"])
    assert sum(way["rows"] for way in found.routes.to_pylist()) == len(rows)
    without = sum(group["rows_unmapped"] + group["rows_rejected"] for group in found.lists())
    assert sum(found.unmapped["rows"].to_pylist()) == without


# The history


def a_coverage(connection: duckdb.DuckDBPyConnection, mapped: int = 3, unmapped: int = 1) -> Coverage:
    rows = [row("A00") for _ in range(mapped)] + [row("B00") for _ in range(unmapped)]
    return coverage(connection, occurrences(rows), code_map(answer("A00")), labels(B00="Étiquette <b>"), 1)


def test_a_run_is_a_line_of_the_history_and_the_same_figures_are_not_repeated(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
):
    first, later = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    folder = tmp_path / "vocabulary"
    with_run(folder, a_coverage(connection), "v1", first)
    assert len(with_run(folder, a_coverage(connection), "v1", later).runs) == 1
    with_run(folder, a_coverage(connection), "v2", later)
    history = with_run(folder, a_coverage(connection, 4), "v2", later)
    assert history == read_history(folder)
    assert [(run.time[:10], run.version) for run in history.runs] == [
        ("2026-01-01", "v1"), ("2026-02-01", "v2"), ("2026-02-01", "v2")
    ]  # fmt: skip
    assert [run.mapped_share for run in history.runs] == [0.75, 0.75, 0.8]
    assert [path.name for path in folder.iterdir()] == [HISTORY]


def test_a_broken_line_of_the_history_is_skipped_noted_and_kept(connection: duckdb.DuckDBPyConnection, tmp_path: Path):
    time = datetime(2026, 1, 1, tzinfo=UTC)
    with_run(tmp_path, a_coverage(connection), "v1", time)
    with (tmp_path / HISTORY).open("ab") as file:
        file.write(b'{"time": "2026-01-02"}\n"text"\n{"time": "20\xff')
    history = with_run(tmp_path, a_coverage(connection), "v2", time)
    assert (len(history.runs), history.unread) == (2, (2, 3, 4))
    assert "line 2, 3, 4" in history.note
    assert read_history(tmp_path) == history
    assert (tmp_path / HISTORY).read_bytes().count(b"\xff") == 1


def test_a_history_that_cannot_be_read_is_an_error_in_words(tmp_path: Path):
    (tmp_path / HISTORY).mkdir()
    with pytest.raises(StoreError, match=HISTORY):
        read_history(tmp_path)
    assert read_history(tmp_path / "nowhere").runs == ()


# The report


def a_vocabulary(from_download: bool = True) -> LoadedVocabulary:
    present = (VocabularyPresent("INVENTED", "An <invented> vocabulary", None, 1200, 7),)
    return LoadedVocabulary(Path("/secret/folder"), "v5.0 27-FEB-26", from_download, "hash", present, {})


def rejects(*codes: str) -> pa.Table:
    rows = [
        {"nomenclature": "CIM10", "code": code, "origin": PROJECT, "target_concept_id": 9_000_007, "reason": "invalid",
         "replacement_concept_id": 9_000_008}
        for code in codes
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema_of(REJECTED))


def test_the_report_needs_nothing_but_itself_and_says_what_is_left_to_do(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
):
    found = a_coverage(connection)
    history = with_run(tmp_path, found, "v5.0 27-FEB-26", datetime(2026, 1, 1, tzinfo=UTC))
    pages = write_coverage_report(found, rejects("B00"), CONFLICTS, a_vocabulary(), history, tmp_path)
    html, told = (path.read_text(encoding="utf-8") for path in pages)
    assert sorted(path.name for path in tmp_path.iterdir()) == [HISTORY, "coverage_report.html", "coverage_report.json"]
    assert not RESOURCES.search(html)
    assert "/secret" not in html + told and str(tmp_path) not in html + told
    for text in ("Some codes are still to map", "Étiquette &lt;b&gt;", "9000008", "mes_codes.csv", "unmapped_for_usagi",
                 "An &lt;invented&gt; vocabulary", "75.0\u202f% of 4", 'lang="fr"'):  # fmt: skip
        assert text in html
    assert html.count('role="img"') == html.count("<svg ") == 2
    content = json.loads(told)
    assert (content["rows"], content["version"], len(content["runs"])) == (4, "v5.0 27-FEB-26", 1)
    assert content["rejected_targets"][0]["rows"] == 1
    assert as_json(found, rejects("B00"), CONFLICTS, a_vocabulary(), history) == told


def test_an_empty_report_is_a_page_too(connection: duckdb.DuckDBPyConnection, tmp_path: Path):
    found = coverage(connection, occurrences([]), code_map(), labels(), 11)
    history = read_history(tmp_path)
    page = as_html(found, rejects(), CONFLICTS.slice(0, 0), a_vocabulary(from_download=False), history)
    assert "No code was received" in page and "SNDS_VOCABULARY" in page
    assert verdict(found) is Status.RESERVES


def test_hidden_counts_are_said_to_be_hidden(connection: duckdb.DuckDBPyConnection, tmp_path: Path):
    rows = persons("A00", range(20), amount=1.0) + persons("B00", range(3), amount=1.0)
    found = coverage(connection, occurrences(rows), code_map(answer("A00")), labels(), 11)
    page = as_html(found, rejects(), CONFLICTS, a_vocabulary(), read_history(tmp_path))
    assert "fewer than 11" in page and ">hidden</abbr>" in page


def test_a_rejected_code_that_does_not_look_like_one_is_not_named(connection: duckdb.DuckDBPyConnection):
    lines = rejected_lines(a_coverage(connection), rejects("B00", "PSEUDONYM"))
    assert [(line["code"], line["label"], line["rows"]) for line in lines] == [
        ("B00", "Étiquette <b>", 1), (None, UNNAMED, None)
    ]  # fmt: skip


def test_most_rows_without_an_answer_make_the_vocabulary_unusable(connection: duckdb.DuckDBPyConnection):
    assert verdict(a_coverage(connection, 1, 1)) is Status.UNUSABLE
    assert "2 rows" in coverage_sentences(a_coverage(connection, 1, 1))[0]


def test_the_plots_are_drawn_for_runs_and_lists(connection: duckdb.DuckDBPyConnection, tmp_path: Path):
    with_run(tmp_path, a_coverage(connection), "v1", datetime(2026, 1, 1, tzinfo=UTC))
    history = with_run(tmp_path, a_coverage(connection, 9), "v2", datetime(2026, 1, 2, tzinfo=UTC))
    (axes,) = history_plot(history).axes
    assert [line.get_label() for line in axes.lines[:2]] == ["CIM10", "all lists"]
    (bars,) = coverage_plot(a_coverage(connection)).axes
    assert sum(bar.get_width() for bar in bars.patches) == pytest.approx(100)


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "–"), (0.0, "0 %"), (1.0, "100 %"), (0.5, "50.0 %"), (0.99999, "> 99.9 %"), (0.00001, "< 0.1 %")],
)
def test_a_share_that_is_not_all_is_never_told_as_all(share: float | None, text: str):
    assert percent(share).replace("\u202f", " ") == text
