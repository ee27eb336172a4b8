"""The report over a run: verdict, order, sums, trend, what is missing, and nothing of any person."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snds_omop_assets.errors import StoreError
from snds_omop_assets.quality.achilles.pictures import Picture
from snds_omop_assets.quality.ledger import LEDGER, ledger_rules
from snds_omop_assets.reception.findings import Status
from snds_omop_assets.run_report import memory
from snds_omop_assets.run_report.accounts import added_up, cdm_rows
from snds_omop_assets.run_report.content import content_of
from snds_omop_assets.run_report.flow import HEIGHT, MOST_TABLES, flow_of
from snds_omop_assets.run_report.report import duration, makes, write_run_report
from snds_omop_assets.run_report.summary import AssetSummary, CheckSummary, RunSummary
from snds_omop_assets.settings import PROJECT, Settings

AT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
ROWS = [
    ("ER_PRS_F", 2019, "visit", 70),
    ("ER_PRS_F", 2019, "netted", 8),
    ("ER_PRS_F", 2019, "no_person", 2),
    ("IR_BEN_R", None, "person", 15),
    ("IR_BEN_R", None, "no_birth_year", 5),
]

Write = Callable[..., tuple[str, dict]]


def ledger_of(rows: Sequence[tuple[str, int | None, str, int]]) -> pa.Table:
    """A ledger of table, year, rule and rows."""
    schema = pa.schema([(name, kind) for name, (kind, _) in LEDGER.items()])
    told = [(table, year, rule, ledger_rules()[rule].bucket, count) for table, year, rule, count in rows]
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in told], schema)


def good(**more: object) -> RunSummary:
    """A run in which all went well."""
    assets = [AssetSummary("omop/person", 15, 2.0, Path("person.csv"), {}, None, "omop/person")]
    assets.append(AssetSummary("quality/ledger", 5, 0.5, Path("ledger.parquet"), {}, None, "quality/ledger"))
    checks = [CheckSummary("omop/person", name, True, True) for name in ("structure", "primary_key")]
    steps = {"omop/person": 2.0, "quality/ledger": 0.5, "conformance_person": 9.0}
    return replace(RunSummary(True, assets, checks, seconds=12.5, steps=steps), **more)


def check(asset: str, name: str, level: str, sentence: str = "", year: str | None = None) -> CheckSummary:
    """A check that did not pass."""
    return CheckSummary(asset, name, False, level == "blocking", level != "warning", sentence, year)


@pytest.fixture
def warehouse(settings: Settings) -> Path:
    """A small warehouse: a ledger, two tables of the CDM, a coverage report."""
    root = settings.warehouse
    (root / "quality").mkdir(parents=True)
    pq.write_table(ledger_of(ROWS), root / "quality" / "ledger.parquet")
    for part, rows in (("2018", 3), ("2019", 67), ("referentials", 1)):
        folder = root / "omop" / "visit_occurrence.parquet" / part
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"visit_occurrence_id": range(rows)}), folder / "part-0.parquet")
    (root / "omop" / "person.csv").write_text("person_id,year_of_birth\n" + "1,1950\n" * 15)
    names = ("codes", "rows", "rows_mapped", "rows_remapped", "rows_decided")
    told = [{"nomenclature": "CIP13", **dict(zip(names, (4, 40, 20, 10, 5), strict=True))}]
    (root / "vocabulary").mkdir()
    text = json.dumps({"version": "v5.0 1 January", "summary": "Three in four rows are mapped.", "lists": told})
    (root / "vocabulary" / "coverage_report.json").write_text(text)
    return root


@pytest.fixture
def write(settings: Settings, warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the report on a run; gives the page and the JSON. Reception read what the ledger has."""
    delivered = {"ER_PRS_F": 80, "IR_BEN_R": 20}
    monkeypatch.setattr("snds_omop_assets.run_report.accounts.delivered_rows", lambda _: delivered)

    def run(summary: RunSummary, at: datetime = AT, **more: bool) -> tuple[str, dict]:
        html, told = write_run_report(summary, settings, at, **more)
        return html.read_text(encoding="utf-8"), json.loads(told.read_text(encoding="utf-8"))

    return run


def text_of(page: str) -> str:
    """What a reader sees: no styles, no marks, single blanks."""
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)).replace("\u202f", " ")


def test_a_run_without_a_fault_is_usable_and_says_when_with_what_and_how_long(write: Write) -> None:
    page, told = write(good())
    assert told["verdict"]["sentence"].startswith("The CDM is usable: every step ran, every check passed")
    assert (told["verdict"]["status"], told["written"]) == (0, "2026-05-04T03:02:01+00:00")
    assert told["run"] == {
        "delivery": "delivery", "engine": "duckdb", "from": "run", "success": True, "seconds": 12.5,
        "file_years": [], "care_years": [2018, 2019],
    }  # fmt: skip
    seen = text_of(page)
    assert "✓ Usable" in seen
    assert "2026-05-04 03:02:01 UTC" in seen
    assert "All 2 checks passed." in seen


def test_failed_checks_come_first_the_blocking_ones_before_all(write: Write) -> None:
    checks = [
        check("a/warned", "plausibility", "warning", "some values are odd"),
        CheckSummary("omop/person", "structure", True, True),
        check("b/failed", "volume", "failed", "half of the rows are gone", "2019"),
        check("z/blocked", "primary_key", "blocking", "3 rows share a key"),
    ]
    page, told = write(good(success=False, checks=checks))
    found = [(one["level"], one["asset"], one["year"], one["sentence"]) for one in told["checks"]["not_passed"]]
    assert found == [
        ("blocking", "z/blocked", None, "3 rows share a key"),
        ("failed", "b/failed", "2019", "half of the rows are gone"),
        ("warning", "a/warned", None, "some values are odd"),
    ]
    assert told["verdict"]["sentence"] == (
        "The CDM is not usable: 1 blocking check failed, 1 other check failed, 1 check warns."
    )
    assert told["checks"]["passed_by_asset"] == {"omop/person": 1}
    seen = text_of(page)
    places = [seen.index(word) for word in ("Not usable", "3 rows share a key", "half of", "odd", "1 passed, by asset")]
    assert places == sorted(places)
    assert places[-1] < seen.index("From delivered rows to the CDM", seen.index("1 passed, by asset"))


def test_warnings_alone_leave_it_usable(write: Write) -> None:
    _, told = write(good(checks=[check("omop/person", "completeness", "warning")]))
    assert told["verdict"]["words"] == "usable with warnings"
    assert told["verdict"]["status"] == Status.RESERVES


def test_what_was_lost_stands_with_its_reason_the_most_rows_first(write: Write) -> None:
    page, told = write(good())
    ledger = told["ledger"]
    assert (ledger["rows"], ledger["differences"]) == (100, [])
    assert ledger["buckets"] == {"loaded": 85, "netted": 8, "filtered": 7}
    lost = [(rule["rule"], rule["rows"]) for rule in ledger["rules"] if rule["bucket"] != "loaded"]
    assert lost == [("netted", 8), ("no_birth_year", 5), ("no_person", 2)]
    seen = text_of(page)
    assert "100 delivered rows = 85 loaded + 8 netted + 7 filtered" in seen
    assert "every row that reception read" in seen
    assert "<svg" in page
    for rule, _ in lost:
        assert ledger_rules()[rule].sentence in seen
    assert seen.index(ledger_rules()["netted"].sentence) < seen.index(ledger_rules()["no_person"].sentence)


def test_a_ledger_that_does_not_add_up_is_shown_and_nothing_is_usable(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = {"ER_PRS_F": 81, "IR_BEN_R": 20}
    monkeypatch.setattr("snds_omop_assets.run_report.accounts.delivered_rows", lambda _: delivered)
    page, told = write(good())
    assert told["ledger"]["differences"] == [{"table": "ER_PRS_F", "delivered": 81, "accounted": 80}]
    assert told["verdict"]["sentence"] == "The CDM is not usable: the rows of 1 table are not accounted for."
    assert "but reception read other numbers of rows" in text_of(page)


def test_rows_that_wait_for_their_year_are_a_warning(write: Write, warehouse: Path) -> None:
    rows = [*ROWS[1:], ("ER_PRS_F", 2019, "year_not_converted", 70)]
    pq.write_table(ledger_of(rows), warehouse / "quality" / "ledger.parquet")
    _, told = write(good())
    assert told["verdict"]["reasons"] == ["70 rows wait for the year to be converted"]


names = st.sampled_from([f"T_MCO_{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"])
ledgers = st.lists(st.tuples(names, st.just(2019), st.sampled_from([*ledger_rules()]), st.integers(1, 10**9)))


@given(ledgers)
def test_the_widths_of_the_picture_are_the_rows_of_the_ledger(rows: list[tuple[str, int, str, int]]) -> None:
    total = sum(count for *_, count in rows)
    found = added_up(ledger_of(rows), {})
    flow = flow_of(found)
    assert found.rows == total == sum(source.rows for source in found.sources) == sum(found.buckets.values())
    assert sum(rule.rows for rule in found.rules) == total
    assert len(flow.sources) <= MOST_TABLES + 1
    for boxes in (flow.sources, flow.buckets):
        assert sum(box.rows for box in boxes) == total
        assert sum(box.height for box in boxes) == pytest.approx(HEIGHT if total else 0)
        ends = [0.0, *(box.top + box.height for box in boxes)]
        assert all(box.top >= end - 1e-6 for box, end in zip(boxes, ends[:-1], strict=True)), "no box covers another"
        assert ends[-1] <= flow.height + 1e-6
    assert sum(band.rows for band in flow.bands) == total
    for box in flow.sources:
        mine = [band for band in flow.bands if band.source == box.name]
        assert sum(band.rows for band in mine) == box.rows
        assert sum(band.height for band in mine) == pytest.approx(box.height)
    for box in flow.buckets:
        mine = [band for band in flow.bands if band.bucket == box.name]
        assert sum(band.height for band in mine) == pytest.approx(box.height)
        assert all(band.ends >= box.top - 1e-6 for band in mine)


def test_the_rows_of_the_cdm_stand_by_year_of_care(write: Write, warehouse: Path) -> None:
    page, told = write(good())
    tables = {one["table"]: one for one in told["cdm"]["tables"]}
    assert tables["visit_occurrence"]["years"] == {"2018": 3, "2019": 67, "referentials": 1}
    assert (tables["visit_occurrence"]["rows"], tables["person"]["rows"], told["cdm"]["rows"]) == (71, 15, 86)
    assert "2018 2019 no year" in text_of(page)
    (warehouse / "omop" / "death.parquet").write_bytes(b"no parquet")
    assert cdm_rows(warehouse)[1] == ["death"]
    assert "The file of death cannot be read." in text_of(write(good())[0])


def test_the_coverage_of_each_list_is_told(write: Write) -> None:
    page, told = write(good())
    assert told["vocabulary"]["mapped_share"] == 0.75
    [one] = told["vocabulary"]["lists"]
    assert (one["nomenclature"], one["rows"], one["mapped"], one["decided"]) == ("CIP13", 40, 30, 5)
    assert "Three in four rows are mapped." in text_of(page)
    assert "75.0 %" in text_of(page)


def test_the_second_run_shows_the_trend_and_the_first_says_that_it_needs_two(write: Write, warehouse: Path) -> None:
    page, _ = write(good())
    assert "a trend needs two" in text_of(page)
    page, told = write(good(checks=[check("a", "b", "failed")], seconds=20.0), AT + timedelta(days=1))
    assert [(p["written"], p["failed"], p["seconds"]) for p in told["trend"]] == [
        ("2026-05-04T03:02:01+00:00", 0, 12.5),
        ("2026-05-05T03:02:01+00:00", 1, 20.0),
    ]
    seen = text_of(page)
    assert "a trend needs two" not in seen
    assert "2026-05-05 03:02:01 not usable 1 0 86 75.0 % 20.0 s" in seen
    assert "Checks that failed, over 2 runs: 0, 1." in page
    assert len([*(warehouse / "reports" / "runs").glob("*.json")]) == 2


def test_an_older_report_that_cannot_be_read_is_passed_over_and_said(write: Write, warehouse: Path) -> None:
    write(good())
    runs = warehouse / "reports" / "runs"
    (runs / "20250101T000000.000000Z.json").write_text("{broken")
    (runs / "20250102T000000.000000Z.json").write_text('{"verdict": "of another program"}')
    (runs / "20250103T000000.000000Z.json").write_bytes(b"\xff\xfe")
    page, told = write(good(), AT + timedelta(days=1))
    assert len(told["trend"]) == 2
    (note,) = told["notes"]["trend"]
    assert all(f"2025010{day}T" in note for day in (1, 2, 3))
    assert note in text_of(page)


def test_only_the_newest_runs_are_remembered(write: Write, warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEPT", 3)
    for day in range(5):
        _, told = write(good(), AT + timedelta(days=day))
    assert [point["written"][8:10] for point in told["trend"]] == ["06", "07", "08"]
    assert [file.name[6:8] for file in sorted((warehouse / "reports" / "runs").glob("*.json"))] == ["06", "07", "08"]


def test_the_report_made_again_of_the_same_runs_makes_no_point(write: Write, warehouse: Path) -> None:
    write(good())
    _, told = write(good(), AT - timedelta(seconds=3), from_instance=True)
    assert (told["run"]["from"], len(told["trend"])) == ("dagster", 1)
    assert len([*(warehouse / "reports" / "runs").glob("*.json")]) == 1
    _, told = write(good(), AT + timedelta(seconds=3), from_instance=True)
    assert len(told["trend"]) == 2


def test_a_failed_run_has_a_report_that_says_so_first_even_of_an_empty_warehouse(settings: Settings) -> None:
    sentence = f"IR_BEN_R is missing from the delivery {settings.delivery}: no file is named IR_BEN_R.csv."
    summary = RunSummary(False, failures=[sentence], failed_assets={"snds/ir_ben_r": sentence}, seconds=1.0)
    html, told = write_run_report(summary, settings, AT)
    seen = text_of(html.read_text(encoding="utf-8"))
    content = json.loads(told.read_text(encoding="utf-8"))
    assert content["verdict"]["sentence"] == (
        "The CDM is not usable: 1 step failed, there is no table of the CDM, no check was made, there is no ledger."
    )
    assert "snds/ir_ben_r : IR_BEN_R is missing from the delivery delivery: no file" in seen
    for missing in ("There is no ledger", "no table of the CDM", "no coverage report yet", "not characterised"):
        assert missing in seen
    assert seen.index("Not usable") < seen.index("IR_BEN_R is missing") < seen.index("Checks that did not pass")
    assert content["vocabulary"] == {"version": None, "mapped_share": None, "lists": []}


def test_the_ledger_and_coverage_of_an_earlier_run_or_broken_are_said(write: Write, warehouse: Path) -> None:
    _, told = write(good(assets=[]))
    assert told["notes"]["ledger"] == ["The ledger is of an earlier run: this one did not make it."]
    assert told["notes"]["cdm"] == ["The tables are of an earlier run: this one made none of them."]
    (warehouse / "quality" / "ledger.parquet").write_bytes(b"PAR1")
    (warehouse / "vocabulary" / "coverage_report.json").write_text("[]")
    _, told = write(good())
    assert told["ledger"] is None
    assert told["notes"]["ledger"][0] == "quality/ledger.parquet cannot be read."
    assert told["notes"]["vocabulary"][0] == "vocabulary/coverage_report.json cannot be read."
    assert told["verdict"]["words"] == "usable with warnings"


def test_the_page_needs_nothing_but_itself(write: Write) -> None:
    write(good())
    page, _ = write(good(checks=[check("a", "b", "warning", "<script>alert(1)</script>")]), AT + timedelta(days=1))
    assert "http" not in page
    assert "<script" not in page
    assert re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?!#)[^\"'\s>]", page) == []


def test_no_folder_of_the_machine_and_no_text_of_an_unexpected_error_is_written(
    write: Write, settings: Settings
) -> None:
    person = "DPXX:0000000000000000009X"
    summary = good(
        success=False,
        failures=[f"omop__person: could not convert {person}"],
        failed_assets={"omop/person": f"omop__person: could not convert {person}"},
        unexpected={"omop/person": "ConversionException"},
        checks=[check("a", "b", "warning", f"{settings.warehouse}/omop/person.csv is odd")],
        unclaimed=f"{settings.delivery}/notes.txt",
    )
    page, told = write(summary)
    for text in (page, json.dumps(told)):
        assert "DPXX" not in text
        assert str(settings.warehouse.parent) not in text
    assert "stopped on an error that nobody expected (ConversionException)" in page
    assert "delivery/notes.txt" in page


def test_durations_stand_by_step_the_longest_first(write: Write) -> None:
    page, told = write(good())
    assert told["steps"] == [
        {"step": "conformance_person", "seconds": 9.0},
        {"step": "omop/person", "seconds": 2.0},
        {"step": "quality/ledger", "seconds": 0.5},
    ]
    assert "omop/person 15 rows 2.0" in text_of(page)
    several = [AssetSummary(f"omop/{name}", 2, 1.0, Path(), {}, "2019", "care_years") for name in "abcd"]
    assert makes("care_years", RunSummary(assets=several)) == "4 tables, 8 rows"
    assert makes("care_years", RunSummary(assets=several[:2])) == "omop/a: 2 rows, omop/b: 2 rows"
    assert [duration(seconds).replace("\u202f", " ") for seconds in (3.25, 75, 3725)] == [
        "3.2 s", "1 min 15 s", "1 h 02 min",
    ]  # fmt: skip


def test_the_same_run_gives_the_same_json(write: Write, settings: Settings) -> None:
    content = content_of(good(), settings, AT)
    assert content.as_json() == content_of(good(), settings, AT).as_json()
    assert set(write(good())[1]) == {
        "written", "verdict", "run", "failures", "checks", "ledger", "cdm", "vocabulary", "trend", "steps", "notes",
    }  # fmt: skip


def test_a_warehouse_that_cannot_be_written_is_one_sentence(settings: Settings) -> None:
    settings.warehouse.mkdir()
    (settings.warehouse / "reports").write_text("in the way")
    with pytest.raises(StoreError):
        write_run_report(good(), settings, AT)


def test_the_pictures_of_the_characterisation_are_shown_where_they_were_made(
    write: Write, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "The base was not characterised" in text_of(write(good())[0])
    pq.write_table(pa.table({"analysis_id": [1]}), warehouse / "quality" / "achilles_results.parquet")
    drawn = [Picture("Age and sex", "Persons by age.", "<svg><text>drawn</text></svg>")]
    monkeypatch.setattr("snds_omop_assets.run_report.report.pictures", lambda _: drawn)
    page, _ = write(good(), AT + timedelta(days=1))
    assert "<svg><text>drawn</text></svg>" in page
    assert "Age and sex drawn Persons by age." in text_of(page)

    def cannot(_: pa.Table) -> list[Picture]:
        raise KeyError("stratum_1")

    monkeypatch.setattr("snds_omop_assets.run_report.report.pictures", cannot)
    assert "cannot be drawn" in text_of(write(good(), AT + timedelta(days=2))[0])


def test_each_key_of_the_json_is_documented(write: Write) -> None:
    _, told = write(good(checks=[check("a", "b", "warning")]))
    page = (PROJECT / "docs" / "run_report.md").read_text(encoding="utf-8")
    lines = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, flags=re.MULTILINE))
    assert set(told) == set(lines)
    for key, value in told.items():
        keys = {name for part in ([value] if isinstance(value, dict) else value) for name in part}
        if key in ("notes", "written"):
            continue
        assert {name for name in keys if f"`{name}`" not in lines[key]} == set(), key
