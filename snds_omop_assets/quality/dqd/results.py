"""What a check of a CDM has found."""

from dataclasses import dataclass
from typing import Literal

from snds_omop_assets.contracts.cdm_checks import CheckRule

Status = Literal["pass", "fail", "not applicable", "error"]

PERCENT = 100


@dataclass(frozen=True)
class CheckResult:
    """One rule, judged.

    Attributes:
        violated: rows that break the rule (sourceValueCompleteness: distinct values; the checks of persons: persons;
            cdmTable, cdmField: 1 if it is not there).
        total: rows that the rule looks at: the denominator. Both are 0 where the rule was not counted.
        status: as OHDSI's dashboard defines it.
        reason: why the rule is not applicable or could not be judged, in one sentence; else empty.
        seconds: the rule's part of the time of the query that judged it and others.
        query: a SELECT that lists the violating rows; empty where there are none to list. It was not run.
    """

    rule: CheckRule
    violated: int
    total: int
    status: Status
    reason: str
    seconds: float
    query: str

    @property
    def percent(self) -> float:
        """Violated rows in percent of those looked at, 0 to 100."""
        return PERCENT * self.violated / self.total if self.total else 0.0
