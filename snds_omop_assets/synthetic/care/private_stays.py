"""Stays in clinics: an MCO stay in a private hospital, and its bill in the DCIR.

Planned surgery, most of it within a day: cataract, endoscopy of the colon, carpal tunnel, meniscus, inguinal hernia;
prostate and gallbladder; knee and hip prostheses with an implant, some with rehabilitation from the day of leaving. A
visit to the surgeon and one to the anaesthetist come before. The clinic bills the lump sum of the group (2111), the
PMSI supplement (2212), the day of leaving (2252), implants (3551); the surgeon (activity 1) and the anaesthetist
(activity 4) each bill the same CCAM act.

Frequency: ATIH (PMSI MCO of clinics: a third of the stays, more than half of the surgery), rounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snds_omop_assets.synthetic.care.seasons import open_day
from snds_omop_assets.synthetic.care.verbs import (
    NO_UNIT,
    act,
    beginnings,
    clinic_bill,
    clinic_surgery,
    dispense,
    happens,
    here,
    sessions,
    surgery,
)
from snds_omop_assets.synthetic.days import Days, Ints
from snds_omop_assets.synthetic.lives import HOME, SSR, TRANSFER, Lives
from snds_omop_assets.synthetic.people import MAN


@dataclass(frozen=True)
class Operation:
    """What a clinic does.

    Attributes:
        rates: yearly, by age; men: only they have it.
        diagnosis, group, code: of the stay; nights: at least, and fewer than.
        item: the same act in the catalogue, for the doctors' lines; operator: who operates.
        device: implanted.
        rehabilitated: share that goes to rehabilitation; physiotherapy: they and the others have it afterwards.
    """

    rates: Mapping[int, float]
    diagnosis: str
    group: str
    code: str
    item: str
    nights: tuple[int, int] = (0, 1)
    operator: str = "surgeon"
    device: str | None = None
    men: bool = False
    rehabilitated: float = 0.0
    physiotherapy: bool = False


IMPLANTS_BILLED = 3
"""One stay in three has its implant on a line of its own (3551)."""

OPERATIONS = (
    Operation({50: 0.002, 65: 0.028, 80: 0.065}, "CIM10:H259", "GHM:02C05J", "CCAM:BFGA004", "cataract_surgery",
              operator="ophthalmologist", device="LPP:9901006"),
    Operation({40: 0.013, 55: 0.046, 75: 0.05}, "CIM10:K635", "GHM:06K04J", "CCAM:HHQE002", "colonoscopy",
              operator="specialist"),
    Operation({30: 0.001, 55: 0.004, 80: 0.005}, "CIM10:G560", "GHM:01C15J", "CCAM:AHPA009", "carpal_tunnel_release"),
    Operation({20: 0.002, 50: 0.005, 75: 0.002}, "CIM10:M232", "GHM:08C45J", "CCAM:NFFC004", "knee_meniscectomy",
              physiotherapy=True),
    Operation({25: 0.0008, 65: 0.004}, "CIM10:K409", "GHM:06C12J", "CCAM:LMMC002", "hernia_repair", men=True),
    Operation({25: 0.001, 65: 0.002}, "CIM10:K802", "GHM:07C141", "CCAM:HMFC004", "cholecystectomy", nights=(1, 3)),
    Operation({55: 0.001, 75: 0.006}, "CIM10:N40", "GHM:12C041", "CCAM:JGFA015", "prostate_resection", nights=(2, 5),
              men=True),
    Operation({50: 0.0006, 70: 0.009, 85: 0.009}, "CIM10:M171", "GHM:08C241", "CCAM:NFKA007", "knee_prosthesis",
              nights=(4, 8), device="LPP:9901003", rehabilitated=0.4, physiotherapy=True),
    Operation({50: 0.0006, 70: 0.009, 85: 0.01}, "CIM10:M160", "GHM:08C481", "CCAM:NEKA020", "hip_prosthesis",
              nights=(4, 8), device="LPP:9901001", rehabilitated=0.35, physiotherapy=True),
)  # fmt: skip


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Stays in private hospitals of the block."""
    for operation in OPERATIONS:
        only = lives.people.sex == MAN if operation.men else None
        persons, days = beginnings(lives, "private_stays", operation.rates, "school", chance, only=only)
        days, nights = open_day(days), chance.integers(*operation.nights, len(persons))
        kept = here(lives, persons, days, days + nights)
        _operated(lives, operation, persons[kept], days[kept], nights[kept], chance)


def _operated(
    lives: Lives, operation: Operation, persons: Ints, days: Days, nights: Ints, chance: np.random.Generator
) -> None:
    """The visits before, the stay and its bill, what follows."""
    count = len(persons)
    for before, profession in ((40, operation.operator), (10, "anesthetist")):
        visit = open_day(days - before - chance.integers(0, 5, count))
        act(lives, persons, visit, "1112", by=lives.who(profession, persons))
    leaving, weeks = days + nights, chance.integers(14, 29, count)
    on = happens(operation.rehabilitated, count, chance) & here(lives, persons, leaving, leaving + weeks)
    hospital = lives.where("private", persons)
    rows = lives.admit(
        persons, days, nights, diagnosis=operation.diagnosis, group=operation.group, unit=NO_UNIT, hospital=hospital,
        left=np.where(on, TRANSFER, HOME),
    )  # fmt: skip
    surgery(lives, rows, operation.code)
    clinic_bill(lives, persons, days, nights, hospital, rows)
    clinic_surgery(lives, persons, days, operation.item, hospital, rows, operation.operator)
    if operation.device is not None:
        lives.implant(rows, operation.device)
        some = np.flatnonzero(days % IMPLANTS_BILLED == 0)
        lives.do(persons[some], days[some], "3551", hospital=hospital[some], stay=rows[some])
    after = lives.admit(
        persons[on], leaving[on], weeks[on], kind=SSR, diagnosis="CIM10:Z501", related=operation.diagnosis,
        group="GME:0841A1" if operation.item == "knee_prosthesis" else "GME:0836A1", unit="UM:51",
        hospital=lives.where("ssr", persons[on]), entered=TRANSFER,
    )  # fmt: skip
    for delay in (1, 8):
        lives.rehabilitate(after, "CSARR:PER+285", delay, quantity=5)
    dispense(lives, persons, leaving, "paracetamol_1g", chance, boxes=2, prescriber=operation.operator)
    if operation.physiotherapy:
        home = np.where(on, leaving + weeks, leaving)
        sessions(lives, persons, home, "3125", chance, wait=(3, 8), number=(10, 20), every=3,
                 prescriber=operation.operator)  # fmt: skip
