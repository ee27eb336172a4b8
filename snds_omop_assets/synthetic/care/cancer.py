"""Cancer of the breast, the colon and the prostate: 160 000 new cases a year, one person in four hundred.

A stay with surgery (MCO), the long-term disease number 30 from that day. For some six to twelve sessions of
chemotherapy (MCO, Z511 with the cancer as related diagnosis, group 28Z07Z, an expensive drug beside the group), the
blood count before and ondansetron for each, transport by the VSL for half. Radiotherapy every working day of five
weeks in a private hospital, by taxi for some. Hormone therapy of the breast (letrozole) or the prostate (abiraterone)
from the pharmacy for years. The oncologist sees everybody in the public hospital (external care), with the mammography
or the PSA each year.

Frequency: Institut national du cancer (incidence by sex and age, shares of treatment), rounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snds_omop_assets.synthetic.care.seasons import open_day, rhythm, steps
from snds_omop_assets.synthetic.care.verbs import (
    NO_DIAGNOSIS,
    NO_GROUP,
    NO_UNIT,
    act,
    beginnings,
    dispense,
    happens,
    order,
    stay,
    surgery,
    until,
)
from snds_omop_assets.synthetic.days import Days, Ints
from snds_omop_assets.synthetic.lives import EXTERNAL, Lives
from snds_omop_assets.synthetic.people import MAN, WOMAN


@dataclass(frozen=True)
class Cancer:
    """One cancer.

    Attributes:
        sexes: who may have it; rates: yearly, by age.
        diagnosis, group, surgery: of the first stay; nights: of it.
        chemotherapy, drug: share and expensive drug; radiotherapy: share.
        hormone: drug from the pharmacy, and its share; control: yearly.
    """

    sexes: tuple[int, ...]
    rates: Mapping[int, float]
    diagnosis: str
    group: str
    surgery: str
    nights: int
    chemotherapy: float
    drug: str
    radiotherapy: float
    hormone: tuple[str, float]
    control: str


CANCERS = (
    Cancer((WOMAN,), {30: 0.0003, 45: 0.002, 65: 0.0038, 90: 0.003}, "CIM10:C509", "GHM:09C051", "CCAM:QEFA004", 2,
           0.45, "UCD:0000009801003", 0.7, ("letrozole_25", 0.6), "mammography"),
    Cancer((MAN, WOMAN), {45: 0.0002, 60: 0.0011, 75: 0.0025, 90: 0.003}, "CIM10:C189", "GHM:06C041", "CCAM:HHFA009", 8,
           0.5, "UCD:0000009801001", 0.0, ("letrozole_25", 0.0), "ultrasound_abdomen"),
    Cancer((MAN,), {50: 0.0004, 65: 0.005, 80: 0.005}, "CIM10:C61", "GHM:12C111", "CCAM:JGFA006", 6,
           0.08, "UCD:0000009801014", 0.35, ("abiraterone_250", 0.1), "psa"),
)  # fmt: skip

TRANSPORT, TAXI, PORT_DAY = 0.5, 0.4, 1
ALD = 30
ROUNDTRIP = 2
WORKING_DAYS, WEEK = 5, 7


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Cancers of the block."""
    for cancer in CANCERS:
        only = np.isin(lives.people.sex, cancer.sexes)
        persons, days = beginnings(lives, "cancer", cancer.rates, "flat", chance, only=only)
        persons, firsts = np.unique(persons, return_index=True)  # nobody has the same cancer twice
        days = days[firsts]
        nights = cancer.nights + chance.integers(0, 3, len(persons))
        places, rows = stay(
            lives, persons, days, nights, diagnosis=cancer.diagnosis, group=cancer.group, unit=NO_UNIT,
            hospital=lives.where("public", persons),
        )  # fmt: skip
        persons, days = persons[places], days[places]
        surgery(lives, rows, cancer.surgery, 1)
        lives.register(persons, days, cancer.diagnosis, ALD)
        treated = happens(cancer.chemotherapy, len(persons), chance)
        lives.operate(rows[treated], "CCAM:EBLA003", PORT_DAY)
        lives.implant(rows[treated], "LPP:9901007", PORT_DAY)
        after = _chemotherapy(lives, cancer, persons[treated], days[treated] + 35, chance)
        ready = days + 60
        ready[treated] = after
        some = happens(cancer.radiotherapy, len(persons), chance)
        _radiotherapy(lives, persons[some], ready[some], chance)
        _follow(lives, cancer, persons, days, ready, chance)


def _chemotherapy(lives: Lives, cancer: Cancer, persons: Ints, first: Days, chance: np.random.Generator) -> Days:
    """Sessions every two or three weeks; gives the day when it is over."""
    count = len(persons)
    number, every = chance.integers(6, 13, count), np.where(happens(0.5, count, chance), 14, 21)
    which, step = steps(number)
    first = open_day(first)
    patients, days = persons[which], first[which] + step * every[which]
    places, rows = stay(
        lives, patients, days, 0, diagnosis="CIM10:Z511", related=cancer.diagnosis, group="GHM:28Z07Z", unit=NO_UNIT,
        hospital=lives.where("public", patients), session=True,
    )  # fmt: skip
    lives.give(rows, cancer.drug, quantity=1 + number[which][places] % 2)
    by = {"ordered_by": lives.who("oncologist", patients), "ordered_on": days - 3}
    act(lives, patients, open_day(days - 2), "blood_count", **by)
    dispense(lives, patients, days - 3, "ondansetron_8", chance, prescriber="oncologist")
    some = happens(TRANSPORT, count, chance)[which]
    sliced = {name: values[some] for name, values in by.items()}
    act(lives, patients[some], days[some], "4213", quantity=ROUNDTRIP, **sliced)
    return first + number * every + 14


def _radiotherapy(lives: Lives, persons: Ints, first: Days, chance: np.random.Generator) -> None:
    """Working days of five to six weeks, in a private hospital."""
    which, step = steps(chance.integers(25, 31, len(persons)))
    monday = first - (first + 3) % WEEK + WEEK  # 1 January 1970 was a Thursday
    days = monday[which] + step // WORKING_DAYS * WEEK + step % WORKING_DAYS
    patients = persons[which]
    by = lives.who("oncologist", patients)
    act(lives, patients, days, "radiotherapy_session", by=by, hospital=lives.where("private", patients))
    some = happens(TAXI, len(persons), chance)[which]
    act(lives, patients[some], days[some], "4214", quantity=ROUNDTRIP, ordered_by=by[some],
        ordered_on=monday[which][some])  # fmt: skip


def _follow(lives: Lives, cancer: Cancer, persons: Ints, days: Days, ready: Days, chance: np.random.Generator) -> None:
    """Hormone therapy, consultations of the oncologist, yearly control."""
    which, visits = rhythm(days + 20, until(lives, persons), 120, chance, wobble=15)
    patients = persons[which]
    _, rows = stay(
        lives, patients, visits, 0, kind=EXTERNAL, hospital=lives.where("public", patients), diagnosis=NO_DIAGNOSIS,
        group=NO_GROUP, unit=NO_UNIT,
    )  # fmt: skip
    lives.consult(rows, "CONSULTATION:CS")
    order(lives, persons, days + 330, cancer.control, chance, within=(1, 30), prescriber="oncologist")
    drug, share = cancer.hormone
    some = happens(share, len(persons), chance)
    which, visits = rhythm(ready[some] + 30, until(lives, persons[some]), 90, chance)
    dispense(lives, persons[some][which], visits, drug, chance, times=3, prescriber="oncologist")
