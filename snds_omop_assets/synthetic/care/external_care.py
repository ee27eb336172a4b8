"""External care of public hospitals: what everybody may have there without a stay, one day each.

Consultations of specialists (CS, some CNP, CSC, G); the emergency department without a stay (ATU), more in winter, with
a blood count, CRP and a chest X-ray or a CT of the head for some; analyses alone; CCAM acts (electrocardiogram,
echocardiography, imaging); rarely an expensive drug (infliximab with SE2, APE) or a device (FFM). A few days in the
external care of rehabilitation hospitals.

Frequency: DREES (21 million passages through emergency departments, most without a stay), ATIH (MCO external care):
together half a day for each person and year.
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import open_day
from snds_omop_assets.synthetic.care.verbs import NO_DIAGNOSIS, NO_GROUP, NO_UNIT, beginnings, happens, stay
from snds_omop_assets.synthetic.days import Days, Ints
from snds_omop_assets.synthetic.lives import EXTERNAL, EXTERNAL_SSR, Lives

CONSULTATIONS = {0: 0.12, 20: 0.17, 60: 0.3, 80: 0.32}
EMERGENCIES = {0: 0.22, 5: 0.15, 20: 0.13, 60: 0.11, 85: 0.2}
ANALYSES = {0: 0.01, 40: 0.04, 80: 0.08}
IMAGES = {0: 0.02, 40: 0.05, 80: 0.08}
REHABILITATION = {30: 0.002, 80: 0.012}
CONSULTED = {"CS": 0.72, "C": 0.06, "CNP": 0.06, "CSC": 0.05, "G": 0.06, "C2": 0.05}
DONE = {"DEQP003": 0.35, "DZQM006": 0.2, "ZBQK002": 0.2, "ACQN001": 0.1, "ZCQH001": 0.15}
EXAMINED = ("NABM:1104", "NABM:1804", "NABM:0593", "NABM:1610")
BLOOD, CHEST, HEAD, NIGHT, DRUG, DEVICE = 0.4, 0.3, 0.08, 0.2, 0.006, 0.006


def live(lives: Lives, chance: np.random.Generator) -> None:
    """External care of the block."""
    name = "external_care"
    persons, days = beginnings(lives, name, CONSULTATIONS, "school", chance)
    rows = _come(lives, persons, open_day(days))
    _each(lives, rows, CONSULTED, chance)
    some = rows[happens(DRUG, len(rows), chance)]
    lives.consult(some, "CONSULTATION:APE")
    lives.consult(some, "CONSULTATION:SE2")
    lives.give(some, "UCD:0000009801009", quantity=4)
    some = rows[happens(DEVICE, len(rows), chance)]
    lives.consult(some, "CONSULTATION:FFM")
    lives.implant(some, "LPP:9901007")

    persons, days = beginnings(lives, name, EMERGENCIES, "winter", chance)
    rows = _come(lives, persons, days, emergency=True)
    count = len(rows)
    lives.consult(rows, "CONSULTATION:ATU")
    lives.consult(rows[happens(NIGHT, count, chance)], "CONSULTATION:C N")
    blood = rows[happens(BLOOD, count, chance)]
    for code in EXAMINED:
        lives.examine(blood, code)
    lives.operate(rows[happens(CHEST, count, chance)], "CCAM:ZBQK002")
    lives.operate(rows[happens(HEAD, count, chance)], "CCAM:ACQK001")

    persons, days = beginnings(lives, name, ANALYSES, "flat", chance)
    rows = _come(lives, persons, open_day(days))
    for code in EXAMINED:
        lives.examine(rows, code)
    persons, days = beginnings(lives, name, IMAGES, "school", chance)
    rows = _come(lives, persons, open_day(days))
    done = chance.choice(len(DONE), len(rows), p=list(DONE.values()))
    for place, code in enumerate(DONE):
        lives.operate(rows[done == place], f"CCAM:{code}")

    persons, days = beginnings(lives, name, REHABILITATION, "school", chance)
    rows = _come(lives, persons, open_day(days), EXTERNAL_SSR, "ssr")
    lives.consult(rows, "CONSULTATION:CS")


def _come(
    lives: Lives, persons: Ints, days: Days, kind: int = EXTERNAL, where: str = "public", emergency: bool = False
) -> Ints:
    """Days of external care; gives their rows."""
    _, rows = stay(
        lives, persons, days, 0, kind=kind, hospital=lives.where(where, persons), emergency=emergency,
        diagnosis=NO_DIAGNOSIS, group=NO_GROUP, unit=NO_UNIT,
    )  # fmt: skip
    return rows


def _each(lives: Lives, rows: Ints, shares: dict[str, float], chance: np.random.Generator) -> None:
    """One kind of consultation on each day."""
    chosen = chance.choice(len(shares), len(rows), p=list(shares.values()))
    for place, code in enumerate(shares):
        lives.consult(rows[chosen == place], f"CONSULTATION:{code}")
