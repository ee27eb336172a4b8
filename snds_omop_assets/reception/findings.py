"""What a check of reception found, and the verdict that follows from all of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Status(IntEnum):
    """The result of a check, and of a delivery: the worst of its checks. Also the exit code of `check-delivery`."""

    USABLE = 0
    RESERVES = 1
    UNUSABLE = 2

    @property
    def words(self) -> str:
        """The verdict as a steward reads it."""
        return ("usable", "usable with reserves", "unusable")[self.value]


@dataclass(frozen=True)
class Finding:
    """The result of one check on one table of one year.

    Attributes:
        check: name of the check, see verification.CHECKS.
        table: official name; empty for a check over several tables.
        year: None for a table that comes whole, and for a check over several years.
        status: usable where all is well, reserves where a person must judge, unusable where the data cannot be used.
        sentence: what was found, in plain words; no identifier, no value of a person.
        figures: the numbers behind it.
    """

    check: str
    table: str
    year: int | None
    status: Status
    sentence: str
    figures: Mapping[str, int | float | str] = field(default_factory=dict)


def verdict(findings: Iterable[Finding]) -> Status:
    """The worst status; usable where nothing was found."""
    return max((finding.status for finding in findings), default=Status.USABLE)
