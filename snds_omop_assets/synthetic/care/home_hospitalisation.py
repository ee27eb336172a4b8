"""Home hospitalisation (HAD): 130 000 persons and 250 000 stays a year, mostly after 60.

An MCO stay of one or two weeks for a pneumonia, a leg ulcer or a cancer, then home under the care of the hospital for
two to eight weeks, entered by transfer the same day: dressings (L97), a treatment by perfusion (J189, sometimes with an
expensive drug), chemotherapy at home (C189, MEDCHL) or palliative care (Z515, which may also begin from home).

Frequency: ATIH (PMSI HAD) and FNEHAD, rounded.
"""

import numpy as np

from snds_omop_assets.synthetic.care.verbs import NO_UNIT, beginnings, happens, here
from snds_omop_assets.synthetic.lives import DRUG, HAD, HOME, THROMBOLYTIC, TRANSFER, Lives

RATES = {18: 0.0003, 50: 0.0015, 65: 0.005, 80: 0.013, 95: 0.02}
REASONS = (
    # share, diagnosis and group of the MCO stay; diagnosis and group of the stay at home; expensive drug and its role
    (0.35, "CIM10:L97", "GHM:23M20T", "CIM10:L97", "GHT:09", None, DRUG),
    (0.25, "CIM10:J189", "GHM:04M052", "CIM10:J189", "GHT:14", "UCD:0000009801010", DRUG),
    (0.15, "CIM10:C189", "GHM:17M061", "CIM10:Z511", "GHT:22", "UCD:0000009801013", THROMBOLYTIC),
    (0.25, "CIM10:C349", "GHM:04M091", "CIM10:Z515", "GHT:26", None, DRUG),
)
FROM_HOME, DRUG_SHARE = 0.3, 0.3
PALLIATIVE = "CIM10:Z515"
LAST_MONTHS = 180
"""Days that somebody lives after palliative care at home, at most; the others come for the first reason."""


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Home hospitalisation of the block."""
    persons, days = beginnings(lives, "home_hospitalisation", RATES, "flat", chance)
    count = len(persons)
    reason = chance.choice(len(REASONS), count, p=[told[0] for told in REASONS])
    nights, length = chance.integers(5, 15, count), chance.integers(14, 57, count)
    dying = lives.people.death[persons] <= days + nights + length + LAST_MONTHS
    reason[~dying & np.isin(reason, [place for place, told in enumerate(REASONS) if told[3] == PALLIATIVE])] = 0
    from_home = happens(FROM_HOME, count, chance)
    complete = here(lives, persons, days, days + nights + length)
    for place, (_, diagnosis, group, at_home, tariff, drug, role) in enumerate(REASONS):
        flags = (reason == place) & complete
        transferred = flags & ~(from_home & (at_home == PALLIATIVE))
        lives.admit(
            persons[transferred], days[transferred], nights[transferred], diagnosis=diagnosis, group=group,
            unit=NO_UNIT, hospital=lives.where("public", persons[transferred]), left=TRANSFER,
        )  # fmt: skip
        rows = lives.admit(
            persons[flags], (days + nights)[flags], length[flags], kind=HAD, diagnosis=at_home, related=diagnosis,
            group=tariff, unit=NO_UNIT, hospital=lives.where("had", persons[flags]),
            entered=np.where(transferred[flags], TRANSFER, HOME),
        )  # fmt: skip
        if drug is not None:
            some = rows[happens(DRUG_SHARE, len(rows), chance)]
            lives.give(some, drug, 2, quantity=4, role=role)
            lives.give(some, drug, 9, quantity=4, role=role)
