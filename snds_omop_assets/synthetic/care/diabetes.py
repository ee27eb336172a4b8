"""Diabetes: one French adult in seventeen is treated, one in five above 75; it is there on the first day and stays.

Long-term disease number 8 for most (E119, some E109). GP every three months, who orders metformin, gliclazide or
insulin, monthly or for three months (the pharmacy), HbA1c before the next visit and a yearly profile (the laboratory).
Yearly ophthalmologist with the fundus, podiatrist for some; with insulin: strips and lancets, and for the oldest a
nurse each day of some weeks. Rarely a stay for the diabetes itself (MCO).

Frequency: orders of magnitude of Santé publique France (prevalence of treated diabetes) and of Entred.
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import rhythm
from snds_omop_assets.synthetic.care.verbs import (
    NO_UNIT,
    act,
    dispense,
    happens,
    order,
    prevalent,
    sessions,
    stay,
    until,
)
from snds_omop_assets.synthetic.days import Ints
from snds_omop_assets.synthetic.lives import Lives
from snds_omop_assets.synthetic.people import Flags

SHARES = {18: 0.004, 40: 0.02, 55: 0.08, 70: 0.17, 80: 0.2, 95: 0.13}
TYPE_1, INSULIN, METFORMIN, GLICLAZIDE, SITAGLIPTIN = 0.07, 0.17, 0.75, 0.3, 0.15
REGISTERED, EYES, FEET, NURSE, MONTHLY, STAY = 0.82, 0.6, 0.02, 0.5, 0.6, 0.04
OLD = 75
QUARTER = 91
YOUNGEST_TYPE_2 = 30 * 365
"""Days of age at which type 2 diabetes begins, at least."""
LONGEST = 5000
"""Days since when somebody has been registered, at most."""


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Diabetes of the block."""
    persons = prevalent(lives, "diabetes", SHARES, chance)
    count = len(persons)
    first = lives.begins + chance.integers(0, QUARTER, count)
    type_1 = happens(TYPE_1, count, chance)
    insulin = type_1 | happens(INSULIN, count, chance)
    registered = happens(REGISTERED, count, chance)
    youngest = lives.people.birth[persons] + np.where(type_1, 1, YOUNGEST_TYPE_2)
    since = np.minimum(np.maximum(lives.begins - chance.integers(0, LONGEST, count), youngest), lives.begins)
    for flags, code in ((registered & ~type_1, "CIM10:E119"), (registered & type_1, "CIM10:E109")):
        lives.register(persons[flags], since[flags], code, 8)

    which, visits = rhythm(first, until(lives, persons), QUARTER, chance, wobble=8)
    patients = persons[which]
    act(lives, patients, visits, "1111")
    order(lives, patients, visits, "hba1c", chance, within=(60, 80))
    yearly = happens(1 / 4, len(which), chance)
    for item in ("creatinine", "lipid_profile", "albuminuria"):
        order(lives, patients[yearly], visits[yearly], item, chance, within=(60, 60))

    monthly = happens(MONTHLY, count, chance)[which]
    times, boxes = np.where(monthly, 3, 1), np.where(monthly, 2, 6)
    drugs = {
        "metformin_1000": ~type_1 & happens(METFORMIN, count, chance),
        "gliclazide_60": ~insulin & happens(GLICLAZIDE, count, chance),
        "sitagliptin_metformin": ~insulin & happens(SITAGLIPTIN, count, chance),
        "insulin_glargine": insulin,
        "insulin_aspart": type_1,
    }
    for item, takes in drugs.items():
        some = takes[which]
        dispense(lives, patients[some], visits[some], item, chance, times=times[some], boxes=boxes[some])
    some = insulin[which]
    for item in ("glucose_strips_50", "lancets_200"):
        order(lives, patients[some], visits[some], item, chance, within=(1, 6))

    _around(lives, persons, first, insulin, chance)


def _around(lives: Lives, persons: Ints, first: Ints, insulin: Flags, chance: np.random.Generator) -> None:
    """The eyes, the feet, the nurse, the hospital."""
    last = until(lives, persons)
    some = happens(EYES, len(persons), chance)
    which, visits = rhythm(first[some] + 45, last[some], 365, chance, wobble=30)
    patients = persons[some][which]
    by = lives.who("ophthalmologist", patients)
    act(lives, patients, visits, "1112", by=by)
    act(lives, patients, visits, "fundus_contact_glass", by=by)
    some = happens(FEET, len(persons), chance)
    which, visits = rhythm(first[some] + 20, last[some], 90, chance, wobble=10)
    patients = persons[some][which]
    act(lives, patients, visits, "3134", ordered_by=lives.who("gp", patients), ordered_on=visits)

    old = insulin & (lives.people.age(persons, lives.begins) >= OLD) & happens(NURSE, len(persons), chance)
    which, visits = rhythm(first[old], last[old], 180, chance)
    sessions(lives, persons[old][which], visits, "3111", chance, wait=(1, 3), number=(60, 120), every=1, quantity=2)

    some = happens(STAY, len(persons), chance)
    start = first[some] + chance.integers(0, 500, some.sum())
    _, rows = stay(
        lives, persons[some], start, chance.integers(3, 9, some.sum()), hospital=lives.where("public", persons[some]),
        diagnosis="CIM10:E119", group="GHM:10M021", unit=NO_UNIT,
    )  # fmt: skip
    lives.note(rows, "CIM10:I10")
