"""The doors to the characterisation: the command, its files and its page, the asset, the pictures."""

import csv
import re
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from snds_omop_assets import cli
from snds_omop_assets.errors import StoreError
from snds_omop_assets.quality.achilles.analyses import DISTRIBUTIONS, RESULTS, schema_of
from snds_omop_assets.quality.achilles.assets import told
from snds_omop_assets.quality.achilles.characterise import CONCEPT_NAMES
from snds_omop_assets.quality.achilles.pictures import pictures
from snds_omop_assets.quality.achilles.report import as_html, characterise_cdm, source_name, write_tables
from snds_omop_assets.run import RunSummary
from snds_omop_assets.settings import Settings
from snds_omop_assets_tests.test_achilles import characterised, day, rows, small_cdm

PSEUDONYM = "PSEUDONYM-0001"


@pytest.fixture
def cdm(tmp_path: Path) -> Path:
    """Sixteen men and four women with a visit each."""
    people = [{"person_id": p, "gender_concept_id": 8507 if p < 16 else 8532, "year_of_birth": 1950,
               "person_source_value": PSEUDONYM} for p in range(20)]  # fmt: skip
    folder = tmp_path / "cdm"
    folder.mkdir()
    pq.write_table(rows("person", *people), folder / "person.parquet")
    for table, more in (
        ("observation_period", {"observation_period_start_date": day("2018-01-01"),
                                "observation_period_end_date": day("2018-12-31")}),
        ("visit_occurrence", {"visit_concept_id": 9202, "visit_start_date": day("2018-02-01"),
                              "visit_end_date": day("2018-02-01"), "visit_source_value": PSEUDONYM}),
    ):  # fmt: skip
        keys = [{"person_id": person["person_id"], **more} for person in people]
        pq.write_table(rows(table, *keys), folder / f"{table}.parquet")
    return folder


def called(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, ["characterise", *map(str, arguments)], catch_exceptions=False)


def counts(file: Path, analysis: int) -> dict[str, str]:
    with file.open(encoding="utf-8", newline="") as lines:
        return {r["stratum_1"]: r["count_value"] for r in csv.DictReader(lines) if r["analysis_id"] == str(analysis)}


def test_the_command_writes_three_tables_and_a_page_and_hides_few(
    cdm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SNDS_SMALL_CELL", raising=False)
    out, page = tmp_path / "out", tmp_path / "page.html"
    result = called(cdm, "--out", out, "--html", page)
    assert result.exit_code == 0
    assert "cdm: 35 analyses" in result.output.replace("\n", "")
    assert "fewer than 11 persons" in result.output
    assert sorted(path.name for path in out.iterdir()) == [
        "achilles_analysis.csv", "achilles_results.csv", "achilles_results_dist.csv",
    ]  # fmt: skip
    assert counts(out / "achilles_results.csv", 1) == {"": "20"}
    # The four women are hidden; the men too, because both together are known.
    assert counts(out / "achilles_results.csv", 2) == {}
    assert counts(out / "achilles_results.csv", 201) == {"9202": "20"}
    text = page.read_text(encoding="utf-8")
    assert "What cdm holds" in text
    assert not re.search(r"""(src|href)=["'](https?:)?//""", text)
    assert PSEUDONYM not in text
    assert not any(PSEUDONYM in path.read_text(encoding="utf-8") for path in out.iterdir())


def test_a_project_chooses_what_is_few(cdm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNDS_SMALL_CELL", "4")
    assert called(cdm, "--out", tmp_path / "out").exit_code == 0
    assert counts(tmp_path / "out" / "achilles_results.csv", 2) == {"8507": "16", "8532": "4"}


def test_without_a_place_the_command_only_says_what_it_counted(cdm: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert called(cdm).exit_code == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_path_without_a_cdm_ends_with_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    result = called(tmp_path / "nothing")
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_what_cannot_be_written_is_said_plainly(cdm: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = characterise_cdm(cdm, Settings(cdm, tmp_path / "warehouse"))
    with pytest.raises(StoreError, match="give another place or make room"):
        write_tables(found, tmp_path / "file")


def test_the_page_names_the_base_and_every_analysis() -> None:
    found = characterised(small_cdm())
    page = as_html(found, source_name(found) or "", 1)
    assert "What A small base holds" in page
    assert page.count('<tr><td class="n">') == found.analysis.num_rows
    assert "Every cell is told" in page


def test_an_empty_cdm_has_a_page_that_says_so() -> None:
    tables = {name: table.slice(0, 0) for name, table in small_cdm().items()}
    page = as_html(characterised(tables), "Empty", 11)
    assert "no persons in this CDM" in page


def test_the_pictures_show_what_the_results_have() -> None:
    found = characterised(small_cdm())
    drawn = {one.title: one for one in pictures(found.results)}
    assert list(drawn) == [
        *("Age and sex", "Year of birth", "Persons observed", "Visits by type and month", "Records by month"),
        *("Records per person", "From source to standard", "Most frequent concepts: visit occurrence"),
        *("Most frequent concepts: condition occurrence", "Most frequent concepts: drug exposure"),
        *("Most frequent concepts: drug era", "Most frequent concepts: death"),
    ]
    assert "Office visit" in drawn["Visits by type and month"].svg
    assert "concept 9201" in drawn["Visits by type and month"].svg
    assert "66.7 %" in drawn["From source to standard"].svg  # two of three conditions
    assert all(one.svg.startswith("<svg ") and one.sentence.endswith(".") for one in drawn.values())
    assert not any("http" in one.svg for one in drawn.values())


def test_names_may_be_given_and_empty_results_have_no_picture() -> None:
    found = characterised(small_cdm())
    named = pictures(found.results, {9201: "Hospital stay"})
    assert any("Hospital stay" in one.svg for one in named)
    assert pictures(schema_of(RESULTS).empty_table()) == []


def test_a_share_that_is_not_told_is_not_drawn_as_all_or_nothing() -> None:
    cells = [(230, None, 100), (201, "9202", 95), (225, "0", 100)]
    results = pa.Table.from_pylist(
        [dict.fromkeys(RESULTS) | {"analysis_id": i, "stratum_1": s, "count_value": n} for i, s, n in cells],
        schema_of(RESULTS),
    )
    [mapped] = [one for one in pictures(results, {}) if one.title == "From source to standard"]
    assert "at least 95 %" in mapped.svg


def test_the_steward_reads_how_much_there_is_and_what_was_left_out() -> None:
    metadata = told(characterised(small_cdm(), small_cell=3))
    left_out = metadata["left out"]
    assert isinstance(left_out, dg.TableMetadataValue)
    assert metadata["cells left out"] == sum(int(str(row.data["cells"])) for row in left_out.records)
    assert isinstance(told(characterised(small_cdm()))["picture"], dg.MarkdownMetadataValue)


def test_the_run_of_the_demonstration_leaves_three_tables(demonstration: tuple[Settings, RunSummary]) -> None:
    settings, _ = demonstration
    folder = settings.warehouse / "quality"
    results = pq.read_table(folder / "achilles_results.parquet")
    assert results.schema.equals(schema_of(RESULTS))
    assert CONCEPT_NAMES in results.schema.metadata
    assert pq.read_schema(folder / "achilles_results_dist.parquet").equals(schema_of(DISTRIBUTIONS))
    assert pq.read_table(folder / "achilles_analysis.parquet").num_rows == 146
    assert pictures(results)
    assert "DPXX" not in str(results.to_pylist())
