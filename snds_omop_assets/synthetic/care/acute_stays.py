"""Stays in public hospitals for many reasons (MCO), beside those of the other pathways.

Day surgery (cataract, endoscopy of the colon); appendicitis, gallstones, belly and chest pain, falls, alcohol; a
coronary angiography, a pacemaker; pneumonia, heart failure, infarction with a stent, stroke (one in eight with
alteplase). Some go to rehabilitation (SSR) the same day; others come there from home by day for a programme of weeks.
Haemodialysis three times a week for few persons (Z491, 28Z04Z, long-term disease 19). Drugs that the public hospital's
pharmacy sells to patients at home (retrocession, 3317), monthly.

Frequency: ATIH (PMSI MCO and SSR), orders of magnitude by age; REIN (50 000 persons in dialysis).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snds_omop_assets.synthetic.care.seasons import open_day, rhythm
from snds_omop_assets.synthetic.care.verbs import (
    NO_UNIT,
    act,
    beginnings,
    happens,
    here,
    items,
    prevalent,
    stay,
    surgery,
    until,
)
from snds_omop_assets.synthetic.days import Days, Ints
from snds_omop_assets.synthetic.lives import HOME, SSR, THROMBOLYTIC, TRANSFER, Lives

NAME = "acute_stays"


@dataclass(frozen=True)
class Reason:
    """Why people come to the hospital.

    Attributes:
        rates: yearly, by age; season: when.
        diagnosis, group, unit: of the stay; nights: at least, and fewer than.
        operation: CCAM act with anaesthesia, act: without it; device: implanted.
        emergency: through the emergency department.
        rehabilitated: share that goes to rehabilitation on the day of leaving; goal: its group and unit.
    """

    rates: Mapping[int, float]
    diagnosis: str
    group: str
    nights: tuple[int, int]
    season: str = "flat"
    unit: str = NO_UNIT
    operation: str | None = None
    act: str | None = None
    device: str | None = None
    emergency: bool = False
    rehabilitated: float = 0.0
    goal: tuple[str, str] = ("GME:0511A1", "UM:59")


STROKE = Reason({40: 0.0004, 60: 0.0018, 75: 0.005, 95: 0.013}, "CIM10:I639", "GHM:01M302", (6, 15), unit="UM:18",
                act="CCAM:ACQN001", emergency=True, rehabilitated=0.4, goal=("GME:0147A1", "UM:52"))  # fmt: skip
REASONS = (
    Reason({50: 0.001, 65: 0.008, 80: 0.025}, "CIM10:H259", "GHM:02C05J", (0, 1), "school", operation="CCAM:BFGA004",
           device="LPP:9901006"),
    Reason({40: 0.003, 55: 0.012, 75: 0.013}, "CIM10:K635", "GHM:06K04J", (0, 1), "school", operation="CCAM:HHQE002"),
    Reason({5: 0.0014, 15: 0.0022, 40: 0.0006}, "CIM10:K358", "GHM:06C091", (1, 4), operation="CCAM:HHFA011",
           emergency=True),
    Reason({25: 0.0006, 60: 0.0014}, "CIM10:K802", "GHM:07C141", (1, 4), operation="CCAM:HMFC004"),
    Reason({18: 0.0004, 50: 0.0012, 70: 0.006, 90: 0.022}, "CIM10:J189", "GHM:04M052", (5, 12), "winter",
           act="CCAM:ZBQK002", emergency=True, rehabilitated=0.25),
    Reason({50: 0.0004, 70: 0.005, 90: 0.028}, "CIM10:I500", "GHM:05M092", (5, 12), "winter", act="CCAM:DZQM006",
           emergency=True, rehabilitated=0.28, goal=("GME:0511A1", "UM:53")),
    Reason({45: 0.0005, 65: 0.004, 80: 0.007}, "CIM10:J440", "GHM:04M201", (4, 11), "winter", act="CCAM:GLLD012",
           emergency=True, rehabilitated=0.25, goal=("GME:0511A1", "UM:54")),
    Reason({25: 0.001, 45: 0.005, 75: 0.008}, "CIM10:R074", "GHM:23M20T", (0, 3), unit="UM:02B", act="CCAM:DEQP003",
           emergency=True),
    Reason({5: 0.003, 40: 0.004, 80: 0.009}, "CIM10:R104", "GHM:06M031", (0, 3), act="CCAM:ZCQH001", emergency=True),
    Reason({50: 0.001, 65: 0.007, 80: 0.009}, "CIM10:I251", "GHM:05K101", (0, 3), "school", act="CCAM:DDQH009"),
    Reason({60: 0.0004, 75: 0.004, 90: 0.01}, "CIM10:R55", "GHM:05C151", (2, 6), act="CCAM:DELF005",
           device="LPP:9901005", emergency=True),
    Reason({18: 0.001, 45: 0.003, 65: 0.002, 80: 0.0005}, "CIM10:F102", "GHM:20Z051", (1, 8), emergency=True,
           rehabilitated=0.3, goal=("GME:0511A1", "UM:50")),
    Reason({35: 0.0003, 60: 0.002, 80: 0.004}, "CIM10:I2100", "GHM:05K061", (3, 7), unit="UM:02A",
           act="CCAM:DDAF006", device="LPP:9901004", emergency=True, rehabilitated=0.35,
           goal=("GME:0511A1", "UM:53")),
    Reason({18: 0.0008, 60: 0.001, 75: 0.005, 92: 0.02}, "CIM10:N10", "GHM:11M041", (3, 8), act="CCAM:ZCQH001",
           emergency=True, rehabilitated=0.25),
    Reason({0: 0.004, 10: 0.003, 30: 0.002, 75: 0.005, 92: 0.03}, "CIM10:S060", "GHM:23M20T", (1, 2), unit="UM:07B",
           act="CCAM:ACQK001", emergency=True, rehabilitated=0.0),
    Reason({70: 0.004, 80: 0.017, 95: 0.05}, "CIM10:R296", "GHM:23M20T", (5, 14), "winter", unit="UM:27",
           emergency=True, rehabilitated=0.55, goal=("GME:0511A1", "UM:59")),
    STROKE,
)  # fmt: skip
ALTEPLASE, DIALYSED_BEGAN = 0.12, 1500
DIALYSED = {30: 0.00005, 60: 0.0006, 80: 0.0009}
PROGRAMME = {45: 0.002, 65: 0.015, 85: 0.018}
RETROCESSION = {25: 0.0008, 80: 0.0016}
SOLD = {"retro_sofosbuvir": 2, "retro_peginterferon": 2, "retro_voriconazole": 1}
MONDAY = 3
"""Added to days since 1970, makes weeks begin on a Monday."""


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Stays in public hospitals of the block."""
    for reason in REASONS:
        persons, days = beginnings(lives, NAME, reason.rates, reason.season, chance)
        _stay(lives, reason, persons, days if reason.emergency else open_day(days), chance)
    _dialysis(lives, chance)
    _programme(lives, chance)
    persons = prevalent(lives, NAME, RETROCESSION, chance)
    drug = items(lives, SOLD, len(persons), chance)
    which, days = rhythm(lives.begins + chance.integers(0, 30, len(persons)), until(lives, persons), 30, chance)
    patients = persons[which]
    act(
        lives, patients, days, drug[which], by=lives.who("public_hospital", patients), ordered_on=days - 1,
        ordered_by=lives.who("specialist", patients), hospital=lives.where("public", patients),
    )  # fmt: skip


def _stay(lives: Lives, reason: Reason, persons: Ints, days: Days, chance: np.random.Generator) -> None:
    """Stays for one reason, and the rehabilitation after some."""
    nights = chance.integers(*reason.nights, len(persons))
    kept = here(lives, persons, days, days + nights)
    persons, days, nights = persons[kept], days[kept], nights[kept]
    leaving, weeks = days + nights, chance.integers(14, 36, len(persons))
    on = happens(reason.rehabilitated, len(persons), chance) & here(lives, persons, leaving, leaving + weeks)
    rows = lives.admit(
        persons, days, nights, diagnosis=reason.diagnosis, group=reason.group, unit=reason.unit,
        hospital=lives.where("public", persons), left=np.where(on, TRANSFER, HOME), emergency=reason.emergency,
    )  # fmt: skip
    if reason.operation is not None:
        surgery(lives, rows, reason.operation)
    if reason.act is not None:
        lives.operate(rows, reason.act)
    if reason.device is not None:
        lives.implant(rows, reason.device)
    if reason is STROKE:
        lives.give(rows[happens(ALTEPLASE, len(rows), chance)], "UCD:0000009801011", role=THROMBOLYTIC)
        lives.note(rows[happens(0.4, len(rows), chance)], "CIM10:G819")
    group, unit = reason.goal
    after = lives.admit(
        persons[on], leaving[on], weeks[on], kind=SSR, diagnosis="CIM10:Z501", related=reason.diagnosis, group=group,
        unit=unit, hospital=lives.where("ssr", persons[on]), entered=TRANSFER,
    )  # fmt: skip
    for delay in (1, 8):
        lives.rehabilitate(after, "CSARR:NKR+130", delay, quantity=4)
        lives.rehabilitate(after, "CSARR:ZZR+238", delay + 1)


def _programme(lives: Lives, chance: np.random.Generator) -> None:
    """Rehabilitation by day (SSR), from home: training of the heart and lessons about it."""
    persons, days = beginnings(lives, NAME, PROGRAMME, "school", chance)
    # From Monday to Thursday, so that the day after is no weekend.
    days = days - np.maximum((days + MONDAY) % 7 - 3, 0)
    _, rows = stay(
        lives, persons, days, chance.integers(18, 43, len(persons)), kind=SSR, diagnosis="CIM10:Z501",
        related="CIM10:I251", group="GME:0511A1", unit="UM:53", hospital=lives.where("ssr", persons), partial=True,
    )  # fmt: skip
    for delay in (0, 7, 14):
        lives.rehabilitate(rows, "CSARR:DKR+016", delay, quantity=3)
        lives.rehabilitate(rows, "CSARR:ZZR+227", delay + 1)


def _dialysis(lives: Lives, chance: np.random.Generator) -> None:
    """Sessions on Mondays, Wednesdays and Fridays, or a day later, as long as somebody lives."""
    persons = prevalent(lives, NAME, DIALYSED, chance)
    since = np.maximum(lives.begins - chance.integers(0, DIALYSED_BEGAN, len(persons)), lives.people.birth[persons] + 1)
    lives.register(persons, since, "CIM10:N185", 19)
    every = np.arange(lives.begins, lives.ends + 1)
    weekday = (every + MONDAY) % 7
    later = happens(0.5, len(persons), chance)
    place, day = np.nonzero(np.isin(weekday[None, :] - later[:, None], (0, 2, 4)))
    patients = persons[place]
    _, rows = stay(
        lives, patients, every[day], 0, diagnosis="CIM10:Z491", related="CIM10:N185", group="GHM:28Z04Z", unit="UM:21",
        hospital=lives.where("public", patients), session=True,
    )  # fmt: skip
    lives.operate(rows, "CCAM:JVJF004")
