"""OHDSI's checks of a synthetic base whose every code has a concept: what fails is what data_quality.md explains."""

from pathlib import Path

import pytest

from snds_omop_assets.quality.dqd.report import CdmReport, check_cdm, subject, type_of
from snds_omop_assets.run import run
from snds_omop_assets.settings import Settings
from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.scenario import Scenario
from snds_omop_assets_tests.made_covering_vocabulary import covering_vocabulary

pytestmark = pytest.mark.spark

COMPLETENESS = {
    ("measurePersonCompleteness", "observation"),
    ("measurePersonCompleteness", "observation_period"),
    ("standardConceptRecordCompleteness", "condition_occurrence.condition_status_concept_id"),
    ("standardConceptRecordCompleteness", "visit_occurrence.admitted_from_concept_id"),
    ("standardConceptRecordCompleteness", "visit_occurrence.discharged_to_concept_id"),
}
"""The checks that fail: docs/data_quality.md says why of each. No other one may."""

EVENTS = {
    "condition_occurrence": "condition_concept_id", "procedure_occurrence": "procedure_concept_id",
    "drug_exposure": "drug_concept_id", "device_exposure": "device_concept_id",
    "measurement": "measurement_concept_id", "observation": "observation_concept_id",
    "death": "cause_concept_id", "drug_era": "drug_concept_id", "dose_era": "drug_concept_id",
    "condition_era": "condition_concept_id", "visit_detail": "visit_detail_concept_id",
}  # fmt: skip
"""Tables and the field of their concept."""

PAGE = Path(__file__).parents[1] / "docs" / "data_quality.md"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> CdmReport:
    """The checks of 300 invented persons of a year, converted with a vocabulary and maps that have every code."""
    folder = tmp_path_factory.mktemp("covered")
    generate(Scenario(persons=300, years=(2018, 2018), seed=7), folder / "made", "parquet")
    vocabulary, maps = covering_vocabulary().write(folder / "vocabulary")
    settings = Settings(folder / "made" / "delivery", folder / "warehouse", vocabulary=vocabulary, maps=maps)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        summary = run(settings)
    assert summary.success, summary.failures
    return check_cdm(settings.warehouse, settings)


def failed(judged: CdmReport, category: str) -> set[tuple[str, str]]:
    """The checks of a category that failed."""
    found = judged.with_status("fail")
    return {(r.rule.check, subject(r.rule)) for r in found if type_of(r).category == category}


def test_no_conformance_check_fails_and_every_check_was_run(judged: CdmReport) -> None:
    assert failed(judged, "Conformance") == set()
    assert judged.with_status("error") == []


def test_what_fails_of_plausibility_and_completeness_is_what_the_page_explains(judged: CdmReport) -> None:
    assert failed(judged, "Plausibility") == set()
    assert failed(judged, "Completeness") == COMPLETENESS
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"| {check} | {what} |" in page for check, what in COMPLETENESS)


def test_every_event_has_a_concept_so_that_the_checks_look_at_something(judged: CdmReport) -> None:
    found = {
        r.rule.table: r.violated
        for r in judged.results
        if r.rule.check == "standardConceptRecordCompleteness" and r.rule.field == EVENTS.get(r.rule.table)
    }
    assert found == dict.fromkeys(EVENTS, 0)


@pytest.mark.parametrize("check", ["plausibleGender", "plausibleGenderUseDescendants", "plausibleUnitConceptIds"])
def test_checks_of_concepts_are_applied(check: str, judged: CdmReport) -> None:
    counted = [result for result in judged.results if result.rule.check == check and result.total]
    assert {result.status for result in counted} == {"pass"}
    assert sum(result.violated for result in counted) == 0
