"""Low back pain: one adult in fourteen sees the GP for it in a year, more often in autumn and winter.

Consultation of the GP (1111); lumbar X-ray (LFQK002, 1351) by the radiologist within ten days for almost half;
ibuprofen or paracetamol from the pharmacy; physiotherapy (3125, else 3122) twice a week for a third, and a second
consultation; some days of sick leave (6111), a lumbar belt. One in fifty goes to a day hospital of rehabilitation (SSR)
later.

Frequency: order of magnitude of GP networks (Observatoire de la médecine générale) and of Assurance Maladie.
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import open_day
from snds_omop_assets.synthetic.care.verbs import (
    act,
    beginnings,
    daily_allowance,
    dispense,
    happens,
    items,
    order,
    sessions,
    stay,
)
from snds_omop_assets.synthetic.lives import SSR, Lives

RATES = {18: 0.03, 35: 0.075, 55: 0.10, 70: 0.08, 90: 0.05}
XRAY, PAINKILLER, PARACETAMOL, PHYSIOTHERAPY = 0.45, 0.7, 0.5, 0.35
AGAIN, LEAVE, BELT, DAY_HOSPITAL = 0.3, 0.3, 0.06, 0.02
RETIRED = 62
WAITING_DAYS = 3
"""Days of sick leave that the fund does not pay (carence)."""


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Low back pain of the block."""
    persons, days = beginnings(lives, "low_back_pain", RATES, "winter", chance)
    days = open_day(days)
    count = len(persons)
    act(lives, persons, days, "1111")

    some = happens(XRAY, count, chance)
    order(lives, persons[some], days[some], "xray_lumbar_spine", chance, within=(1, 9))
    some = happens(PAINKILLER, count, chance)
    drugs = items(lives, {"ibuprofen_200": 7, "ketoprofen_100": 2, "diclofenac_50": 1}, some.sum(), chance)
    dispense(lives, persons[some], days[some], drugs, chance, boxes=chance.integers(1, 3, some.sum()))
    some = happens(PARACETAMOL, count, chance)
    dispense(lives, persons[some], days[some], "paracetamol_1g", chance, boxes=chance.integers(2, 5, some.sum()))
    some = happens(BELT, count, chance)
    order(lives, persons[some], days[some], "lumbar_belt", chance, within=(1, 5))

    working = happens(LEAVE, count, chance) & (lives.people.age(persons, days) < RETIRED)
    leave = chance.integers(4, 16, working.sum())
    daily_allowance(lives, persons[working], days[working] + WAITING_DAYS, leave)

    again = days + chance.integers(10, 22, count)
    some = happens(AGAIN, count, chance)
    act(lives, persons[some], open_day(again[some]), "1111")
    some = happens(PHYSIOTHERAPY, count, chance)
    kind = items(lives, {"3125": 0.8, "3122": 0.2}, some.sum(), chance)
    sessions(lives, persons[some], days[some], kind, chance, wait=(4, 20), number=(6, 15), every=3)

    some = happens(DAY_HOSPITAL, count, chance)
    patients, first = persons[some], days[some] + chance.integers(40, 120, some.sum())
    _, rows = stay(
        lives, patients, first, chance.integers(18, 33, len(patients)), kind=SSR, hospital=lives.where("ssr", patients),
        diagnosis="CIM10:Z501", related="CIM10:M545", group="GME:0871A1", unit="UM:51", partial=True,
    )  # fmt: skip
    for delay in (0, 7, 14):
        lives.rehabilitate(rows, "CSARR:PER+285", delay, quantity=3)
