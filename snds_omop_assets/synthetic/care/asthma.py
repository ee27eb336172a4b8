"""Asthma: one child in eleven and one adult in seventeen has it; half of them take a drug for it in a year.

A controller (fluticasone and salmeterol) every two months for a third, the GP twice a year, spirometry by the
pulmonologist for some. Exacerbations, much more in winter: the GP the same day, salbutamol and a corticosteroid from
the pharmacy; for few the emergency department (external care) or a stay through it (MCO, J459, rarely J46 with
intensive care). Adults with severe asthma are registered: long-term disease 14.

Frequency: orders of magnitude of Santé publique France (prevalence, stays for asthma: 60 000 a year, half children).
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import open_day, rhythm
from snds_omop_assets.synthetic.care.verbs import (
    NO_DIAGNOSIS,
    NO_GROUP,
    NO_UNIT,
    act,
    beginnings,
    dispense,
    happens,
    items,
    prevalent,
    stay,
    until,
)
from snds_omop_assets.synthetic.days import Days, Ints
from snds_omop_assets.synthetic.lives import EXTERNAL, Lives

SHARES = {3: 0.09, 15: 0.08, 20: 0.06, 70: 0.05, 95: 0.03}
CONTROLLED, SPIROMETRY, REGISTERED, EXACERBATIONS = 0.35, 0.2, 0.03, 0.45
CORTICOID, EMERGENCY, ADMITTED, STATUS = 0.55, 0.05, 0.03, 0.12
ADULT = 18
HALF_YEAR = 182


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Asthma of the block."""
    persons = prevalent(lives, "asthma", SHARES, chance)
    count = len(persons)
    some = happens(REGISTERED, count, chance) & (lives.people.age(persons, lives.begins) >= ADULT)
    lives.register(persons[some], lives.begins - chance.integers(0, 365, some.sum()), "CIM10:J459", 14)

    some = happens(CONTROLLED, count, chance)
    first = lives.begins + chance.integers(0, HALF_YEAR, some.sum())
    which, visits = rhythm(first, until(lives, persons[some]), HALF_YEAR, chance, wobble=20)
    patients = persons[some][which]
    act(lives, patients, visits, "1111")
    dispense(lives, patients, visits, "fluticasone_salmeterol", chance, times=3, every=60)
    dispense(lives, patients, visits, "salbutamol_100", chance, times=chance.integers(0, 3, len(which)), every=90)
    measured = happens(SPIROMETRY / 2, len(which), chance)
    patients, days = patients[measured], open_day(visits[measured] + 15)
    by = lives.who("pulmonologist", patients)
    act(lives, patients, days, "1112", by=by)
    act(lives, patients, days, "spirometry", by=by)

    ill = np.zeros(len(lives.people), bool)
    ill[persons] = True
    patients, days = beginnings(lives, None, {3: EXACERBATIONS, 95: EXACERBATIONS}, "winter", chance, only=ill)
    _exacerbations(lives, patients, days, chance)


def _exacerbations(lives: Lives, persons: Ints, days: Days, chance: np.random.Generator) -> None:
    """Most at the GP, few at the hospital."""
    count = len(persons)
    draw = chance.random(count)
    admitted, emergency = draw < ADMITTED, (draw >= ADMITTED) & (draw < ADMITTED + EMERGENCY)
    ill = ~admitted
    act(lives, persons[ill & ~emergency], open_day(days[ill & ~emergency]), "1111")
    days_seen = open_day(days)
    drug = items(lives, {"salbutamol_100": 9, "salbutamol_neb": 1}, count, chance)
    dispense(lives, persons[ill], days_seen[ill], drug[ill], chance, boxes=chance.integers(1, 3, ill.sum()))
    some = ill & happens(CORTICOID, count, chance)
    dispense(lives, persons[some], days_seen[some], "prednisolone_20", chance)

    patients = persons[emergency]
    _, rows = stay(
        lives, patients, days[emergency], 0, kind=EXTERNAL, hospital=lives.where("public", patients), emergency=True,
        diagnosis=NO_DIAGNOSIS, group=NO_GROUP, unit=NO_UNIT,
    )  # fmt: skip
    lives.consult(rows, "CONSULTATION:ATU")
    lives.examine(rows, "NABM:0999")

    adult = lives.people.age(persons, days) >= ADULT
    status = happens(STATUS, count, chance)
    for flags, group, unit, diagnosis, longest in (
        (admitted & adult & ~status, "GHM:04M031", NO_UNIT, "CIM10:J459", 5),
        (admitted & ~adult & ~status, "GHM:04M021", NO_UNIT, "CIM10:J459", 4),
        (admitted & adult & status, "GHM:04M031", "UM:01A", "CIM10:J46", 9),
        (admitted & ~adult & status, "GHM:04M021", NO_UNIT, "CIM10:J46", 6),
    ):
        patients = persons[flags]
        _, rows = stay(
            lives, patients, days[flags], chance.integers(1, longest, len(patients)), diagnosis=diagnosis, group=group,
            unit=unit, hospital=lives.where("public", patients), emergency=True,
        )  # fmt: skip
        lives.operate(rows, "CCAM:ZBQK002")
