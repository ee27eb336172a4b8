"""Whether what a run made can be used, in one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from snds_omop_assets.reception.findings import Status
from snds_omop_assets.reception.report import number, plural
from snds_omop_assets.run_report.accounts import Accounts, TableRows
from snds_omop_assets.run_report.summary import RunSummary

WORDS = ("usable", "usable with warnings", "not usable")


@dataclass(frozen=True)
class Verdict:
    """The verdict on a run.

    Attributes:
        status: as an exit code: 0, 1 or 2.
        reasons: why it is no better, worst first; empty where all is well.
    """

    status: Status
    reasons: Sequence[str]

    @property
    def words(self) -> str:
        """As a steward reads it."""
        return WORDS[self.status]

    @property
    def sentence(self) -> str:
        """The verdict and why, as one sentence."""
        if not self.reasons:
            return "The CDM is usable: every step ran, every check passed, every delivered row is accounted for."
        return f"The CDM is {self.words}: {', '.join(self.reasons)}."


def verdict_of(summary: RunSummary, ledger: Accounts | None, cdm: Sequence[TableRows]) -> Verdict:
    """The verdict on a run.

    What failed, or is not there, makes it not usable; what warns, or waits, is a warning.

    Args:
        summary: what the run did.
        ledger: None where there is none.
        cdm: the tables that there are.
    """
    blocking = sum(check.failed and check.blocking for check in summary.checks)
    failed = sum(check.failed and not check.blocking for check in summary.checks)
    warned = sum(not check.passed and not check.failed for check in summary.checks)
    bad, warnings = [], []
    if summary.failures:
        bad.append(_count(len(summary.failures), "step") + " failed")
    if blocking:
        bad.append(_count(blocking, "blocking check") + " failed")
    if failed:
        bad.append(_count(failed, "other check" if blocking else "check") + " failed")
    if not summary.success and not bad:
        bad.append("the run did not end well")
    if not cdm:
        bad.append("there is no table of the CDM")
    if ledger is not None and ledger.differences:
        bad.append(f"the rows of {_count(len(ledger.differences), 'table')} are not accounted for")
    if warned:
        warnings.append(f"{_count(warned, 'check')} {plural(warned, 'warns', 'warn')}")
    if not summary.checks:
        warnings.append("no check was made")
    if ledger is None:
        warnings.append("there is no ledger")
    elif waiting := ledger.buckets.get("waiting", 0):
        warnings.append(f"{_count(waiting, 'row')} {plural(waiting, 'waits', 'wait')} for the year to be converted")
    if summary.unclaimed:
        warnings.append("files that no table claims were delivered")
    status = Status.UNUSABLE if bad else Status.RESERVES if warnings else Status.USABLE
    return Verdict(status, [*bad, *warnings])


def _count(count: int, one: str) -> str:
    return f"{number(count)} {plural(count, one)}"
