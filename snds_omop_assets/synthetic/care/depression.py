"""Depression: one adult in twenty-five begins a treatment in a year, women more often; more in winter.

GP (1111), who orders a serotonin reuptake inhibitor, fetched monthly for six to twelve months with a visit every two
months; a hypnotic or an anxiolytic at the beginning for a third; sick leave. A third see a psychiatrist (1113) for some
months. One in five has a psychiatric stay (PSY) of two to eight weeks for a severe episode (F322, F332), half of them
with day hospital before or after it. Few have the long-term disease number 23.

Frequency: Assurance Maladie (antidepressant treatments begun) and ATIH (330 000 persons in psychiatric stays a year).
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import open_day, rhythm
from snds_omop_assets.synthetic.care.verbs import (
    NO_GROUP,
    NO_UNIT,
    act,
    beginnings,
    daily_allowance,
    dispense,
    happens,
    here,
    items,
    sessions,
    stay,
)
from snds_omop_assets.synthetic.days import Days, Ints
from snds_omop_assets.synthetic.lives import PSY, Lives
from snds_omop_assets.synthetic.people import WOMAN

RATES = {18: 0.03, 40: 0.055, 60: 0.055, 75: 0.045, 95: 0.035}
MEN = 0.6
"""Men's rate beside women's."""
INHIBITORS = {"escitalopram_10": 4, "sertraline_50": 3, "venlafaxine_75": 2}
PSYCHIATRIST, SEDATIVE, LEAVE, HOSPITAL, DAY_HOSPITAL, REGISTERED = 0.3, 0.35, 0.25, 0.22, 0.55, 0.08
VISITS = 61
RETIRED = 62
WAITING_DAYS = 3


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Depression of the block."""
    persons, days = beginnings(lives, "depression", RATES, "winter", chance)
    kept = happens(np.where(lives.people.sex[persons] == WOMAN, 1.0, MEN), len(persons), chance)
    persons, days = persons[kept], open_day(days[kept])
    count = len(persons)
    until = days + chance.integers(90, 330, count)
    which, visits = rhythm(days, until, VISITS, chance)
    patients = persons[which]
    act(lives, patients, visits, "1111")
    drug = items(lives, INHIBITORS, count, chance)[which]
    dispense(lives, patients, visits, drug, chance, times=2)
    some = happens(SEDATIVE, count, chance)
    sedative = items(lives, {"zolpidem_10": 1, "bromazepam_6": 1}, some.sum(), chance)
    dispense(lives, persons[some], days[some], sedative, chance)
    some = happens(LEAVE, count, chance) & (lives.people.age(persons, days) < RETIRED)
    daily_allowance(lives, persons[some], days[some] + WAITING_DAYS, chance.integers(10, 28, some.sum()))
    some = happens(PSYCHIATRIST, count, chance)
    sessions(lives, persons[some], days[some], "1113", chance, wait=(10, 40), number=(3, 10), every=23)
    some = happens(REGISTERED, count, chance)
    first = days[some] + 60
    alive = here(lives, persons[some], first)
    lives.register(persons[some][alive], first[alive], "CIM10:F332", 23)

    some = happens(HOSPITAL, count, chance)
    _hospital(lives, persons[some], days[some] + chance.integers(5, 60, some.sum()), chance)


def _hospital(lives: Lives, persons: Ints, start: Days, chance: np.random.Generator) -> None:
    """A full stay, and day hospital before it (one in four of these) or after it."""
    count = len(persons)
    nights = chance.integers(14, 57, count)
    days_there = chance.integers(14, 60, count)
    recurrent, day_hospital = happens(0.4, count, chance), happens(DAY_HOSPITAL, count, chance)
    before = happens(0.25, count, chance)
    full = np.where(day_hospital & before, start + days_there, start)
    partly = np.where(before, start, start + nights)
    told = {"kind": PSY, "group": NO_GROUP, "unit": NO_UNIT}
    for flags, diagnosis in ((recurrent, "CIM10:F332"), (~recurrent, "CIM10:F322")):
        for some, first, length, partial in (
            (flags, full, nights, False),
            (flags & day_hospital, partly, days_there, True),
        ):
            patients = persons[some]
            stay(
                lives, patients, first[some], length[some], diagnosis=diagnosis, partial=partial,
                hospital=lives.where("psy", patients), **told,
            )  # fmt: skip
