"""Hip fracture: one person in ninety a year from 75 on, three women for one man, somewhat more in winter.

Through the emergency department to an MCO stay of one to two weeks (S720): surgery within two days, half a prosthesis
(NEKA020) with its implant, half an osteosynthesis (NBCA005), the anaesthetist's part of the same act (activity 4). Most
are transferred the same day to rehabilitation (SSR) for three to six weeks, with CSARR acts each week; the others go
home by ambulance. Then enoxaparin with a nurse every day, physiotherapy for weeks, calcium and alendronate by the GP.

Frequency: 70 000 a year (DREES, PMSI MCO and SSR).
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import steps
from snds_omop_assets.synthetic.care.verbs import (
    NO_UNIT,
    act,
    beginnings,
    dispense,
    happens,
    here,
    order,
    sessions,
    surgery,
)
from snds_omop_assets.synthetic.days import Ints
from snds_omop_assets.synthetic.lives import HOME, SSR, TRANSFER, Lives
from snds_omop_assets.synthetic.people import WOMAN

RATES = {75: 0.007, 82: 0.016, 88: 0.03, 95: 0.045}
MEN = 0.45
"""Men's rate beside women's."""
PROSTHESIS, REHABILITATED, BONE_DRUG = 0.5, 0.72, 0.5
WEEK = 7


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Hip fractures of the block."""
    persons, days = beginnings(lives, "hip_fracture", RATES, "winter", chance)
    kept = happens(np.where(lives.people.sex[persons] == WOMAN, 1.0, MEN), len(persons), chance)
    nights = chance.integers(6, 13, len(persons))
    kept &= here(lives, persons, days, days + nights)
    persons, days, nights = persons[kept], days[kept], nights[kept]
    count = len(persons)
    leaving = days + nights
    weeks = chance.integers(21, 43, count)
    rehabilitated = happens(REHABILITATED, count, chance) & here(lives, persons, leaving, leaving + weeks)
    left = np.where(rehabilitated, TRANSFER, HOME)
    prosthesis = happens(PROSTHESIS, count, chance)
    operated = chance.integers(0, 3, count)
    for flags, group, code in ((prosthesis, "GHM:08C472", "CCAM:NEKA020"), (~prosthesis, "GHM:08C492", "CCAM:NBCA005")):
        rows = lives.admit(
            persons[flags], days[flags], nights[flags], diagnosis="CIM10:S720", group=group, unit=NO_UNIT,
            hospital=lives.where("public", persons[flags]), left=left[flags], emergency=True,
        )  # fmt: skip
        surgery(lives, rows, code, operated[flags])
        if code == "CCAM:NEKA020":
            lives.implant(rows, "LPP:9901001", operated[flags])
            lives.implant(rows, "LPP:9901002", operated[flags])
        lives.note(rows[happens(0.5, len(rows), chance)], "CIM10:I10")
        lives.note(rows[happens(0.2, len(rows), chance)], "CIM10:F009")

    _rehabilitation(lives, persons[rehabilitated], leaving[rehabilitated], weeks[rehabilitated])
    home = np.where(rehabilitated, leaving + weeks, leaving)
    by = {"prescriber": "surgeon"}
    act(lives, persons, home, "4212", ordered_by=lives.who("surgeon", persons), ordered_on=home)
    dispense(lives, persons, home, "enoxaparin_4000", chance, times=np.where(rehabilitated, 2, 5), every=6, **by)
    order(lives, persons, home, "crutches", chance, within=(0, 2), **by)
    for flags, days_of_nurse in ((rehabilitated, 10), (~rehabilitated, 30)):
        number = (days_of_nurse, days_of_nurse)
        sessions(lives, persons[flags], home[flags], "3111", chance, wait=(1, 1), number=number, every=1, **by)
    sessions(lives, persons, home, "3122", chance, wait=(5, 12), number=(10, 24), every=3, **by)
    some = happens(BONE_DRUG, count, chance)
    patients, first = persons[some], home[some] + 20
    act(lives, patients, first, "1211")
    for item in ("alendronate_70", "calcium_vitamin_d"):
        dispense(lives, patients, first, item, chance, times=6)


def _rehabilitation(lives: Lives, persons: Ints, first: Ints, nights: Ints) -> None:
    """The stay in rehabilitation, entered by transfer on the day the MCO stay ends."""
    rows = lives.admit(
        persons, first, nights, kind=SSR, hospital=lives.where("ssr", persons), diagnosis="CIM10:Z501",
        related="CIM10:S720", group="GME:0836A1", unit="UM:51", entered=TRANSFER,
    )  # fmt: skip
    lives.note(rows, "CIM10:Z966")
    which, step = steps(nights // WEEK)
    lives.rehabilitate(rows[which], "CSARR:NKR+130", 1 + WEEK * step, quantity=5)
    lives.rehabilitate(rows[which], "CSARR:PER+285", 2 + WEEK * step, quantity=3)
