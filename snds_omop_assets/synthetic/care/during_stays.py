"""What happens in any stay, whatever brought somebody there: comorbidities, an electrocardiogram, a costly drug.

The other pathways tell why somebody is in hospital; this one adds what most records of the PMSI have: associated
diagnoses (more with age), and the few drugs that are paid beside the group. Frequency: orders of magnitude of the ATIH.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from snds_omop_assets.synthetic.care.verbs import happens
from snds_omop_assets.synthetic.days import Ints
from snds_omop_assets.synthetic.lives import (
    DRUG,
    EXTERNAL_SSR,
    HAD,
    MCO,
    PSY,
    SSR,
    TEMPORARY_DRUG,
    THROMBOLYTIC,
    Lives,
    Stays,
)

COMORBIDITIES: Mapping[str, tuple[int, float]] = {
    # diagnosis: from which age, in which share of the stays
    "I10": (45, 0.30),
    "E119": (45, 0.12),
    "E785": (45, 0.10),
    "E6600": (20, 0.08),
    "I489": (65, 0.12),
    "I500": (70, 0.08),
    "Z921": (65, 0.08),
    "J440": (55, 0.05),
    "N179": (65, 0.04),
    "R296": (75, 0.05),
    "E440": (70, 0.06),
    "F009": (75, 0.05),
}


class Chances(NamedTuple):
    """Shares of the stays of a kind in which something happens.

    Attributes:
        heart: an electrocardiogram.
        drugs: by role and code, a drug.
    """

    heart: float
    drugs: tuple[tuple[int, str, float], ...] = ()


IMMUNOGLOBULIN, TEMPORARY, TEMPORARY_TOO = "UCD:0000009801010", "UCD:0000009261104", "UCD:0000009261110"
KINDS: Mapping[int, Chances] = {
    MCO: Chances(0.2, ((DRUG, IMMUNOGLOBULIN, 0.005), (TEMPORARY_DRUG, TEMPORARY, 0.003),
                       (TEMPORARY_DRUG, TEMPORARY_TOO, 0.003))),
    SSR: Chances(0.35, ((DRUG, IMMUNOGLOBULIN, 0.03), (TEMPORARY_DRUG, TEMPORARY, 0.02))),
    HAD: Chances(0.3, ((DRUG, IMMUNOGLOBULIN, 0.08), (TEMPORARY_DRUG, TEMPORARY_TOO, 0.06),
                       (THROMBOLYTIC, "UCD:0000009801013", 0.05))),
    PSY: Chances(0.3),
    EXTERNAL_SSR: Chances(0.15),
}  # fmt: skip
"""Paclitaxel at home stands in T_HADaaMEDCHL, as the role of thrombolytics does for HAD."""

HEART, BLOOD, ANALYSED = "CCAM:DEQP003", "NABM:1104", 0.4


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Everything that happens in the stays so far."""
    stays = lives.stays()
    nights = stays.end - stays.start
    for kind, shares in KINDS.items():
        rows = np.flatnonzero((stays.kind == kind) & ~stays.session)
        _notes(lives, stays, rows[nights[rows] > 0], chance)
        some = rows[happens(shares.heart, len(rows), chance)]
        lives.operate(some, HEART, _during(nights[some], chance))
        for role, drug, share in shares.drugs:
            some = rows[(nights[rows] > 0) & happens(share, len(rows), chance)]
            lives.give(some, drug, _during(nights[some], chance), chance.integers(1, 5, len(some)), role)
    rows = np.flatnonzero(stays.kind == EXTERNAL_SSR)
    lives.examine(rows[happens(ANALYSED, len(rows), chance)], BLOOD)


def _notes(lives: Lives, stays: Stays, rows: Ints, chance: np.random.Generator) -> None:
    """Associated diagnoses, by age."""
    age = lives.people.age(stays.person[rows], stays.start[rows])
    for code, (from_age, share) in COMORBIDITIES.items():
        lives.note(rows[(age >= from_age) & happens(share, len(rows), chance)], f"CIM10:{code}")


def _during(nights: Ints, chance: np.random.Generator) -> Ints:
    """A day of the stay."""
    days: Ints = (chance.random(len(nights)) * (nights + 1)).astype(np.int64)
    return days
