"""OHDSI's checks of completeness and plausibility as asset checks: what the steward reads of them."""

import dagster as dg

from snds_omop_assets.contracts.cdm_checks import CheckRule
from snds_omop_assets.quality.data_quality import CHECKS, TABLES, judged
from snds_omop_assets.quality.dqd.results import CheckResult, Status
from snds_omop_assets.run import RunSummary
from snds_omop_assets.settings import Settings

MAPPED = CheckRule("standardConceptRecordCompleteness", "drug_exposure", "drug_concept_id", None, 5)
PERSONS = CheckRule("measurePersonCompleteness", "drug_exposure", None, None, 5)


def result(rule: CheckRule, violated: int, total: int, status: Status) -> CheckResult:
    """What a check found."""
    return CheckResult(rule, violated, total, status, "", 0.1, "")


def rows_of(found: dg.AssetCheckResult) -> list[list[object]]:
    """The table of what failed."""
    told = found.metadata["what failed"]
    assert isinstance(told, dg.TableMetadataValue)
    return [list(record.data.values()) for record in told.records]


def test_a_failed_check_warns_and_is_named_with_its_share() -> None:
    found = judged("drug_exposure", "completeness", [result(MAPPED, 30, 40, "fail")], small_cell=11)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.description == "Failed: standardConceptRecordCompleteness of drug_exposure.drug_concept_id (75 %)."
    assert rows_of(found) == [
        ["standardConceptRecordCompleteness", "drug_exposure.drug_concept_id", "30", "40", "75 %", "5 %"]
    ]


def test_few_persons_are_not_told_nor_given_by_subtraction() -> None:
    for violated in (3, 97):
        found = judged("drug_exposure", "completeness", [result(PERSONS, violated, 100, "fail")], small_cell=11)
        assert not any(str(number) in f"{found.description} {rows_of(found)}" for number in (3, 97))
    found = judged("drug_exposure", "completeness", [result(PERSONS, 50, 100, "fail")], small_cell=11)
    assert rows_of(found)[0][2:5] == ["50", "100", "50 %"]


def test_what_does_not_apply_or_could_not_be_run_is_counted_and_does_not_fail() -> None:
    results = [result(MAPPED, 0, 0, "not applicable"), result(PERSONS, 0, 0, "error")]
    found = judged("drug_exposure", "completeness", results, small_cell=11)
    assert found.passed
    counts = [found.metadata[name].value for name in ("checks that do not apply", "checks that could not be run")]
    assert counts == [1, 1]


def test_a_run_judges_every_table_and_warns_of_what_the_demonstration_lacks(
    demonstration: tuple[Settings, RunSummary],
) -> None:
    _, summary = demonstration
    found = {(one.asset, one.check): one for one in summary.checks if one.check in CHECKS}
    assert found.keys() == {(f"omop/{table}", check) for table in TABLES for check in CHECKS}
    assert not any(one.failed for one in found.values())
    sexes = found["omop/person", "completeness"]
    assert not sexes.passed
    assert "standardConceptRecordCompleteness of person.gender_concept_id" in sexes.description
    assert found["omop/visit_occurrence", "plausibility"].passed
