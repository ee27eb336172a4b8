"""What a fault is, and what must tell it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from snds_omop_assets.reception.findings import Status

REFUSED, UNCLAIMED = "refused", "unclaimed"
"""What tells a fault, beside the checks: the table is refused, or the file is named as one that no table claims."""

RESERVES, UNUSABLE = Status.RESERVES.words, Status.UNUSABLE.words

Spoil = Callable[[Path], object]
"""Spoils the delivery in a folder."""


@dataclass(frozen=True)
class Fault:
    """One way in which deliveries are wrong.

    Attributes:
        name: as it is asked for, kebab-case.
        sentence: what was done, and how it comes about in real life.
        verdict: of reception on the spoilt delivery, at best.
        told_by: the check that must tell it, REFUSED or UNCLAIMED.
        spoil: does it to the delivery in a folder.
    """

    name: str
    sentence: str
    verdict: str
    told_by: str
    spoil: Spoil
