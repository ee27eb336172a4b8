"""Pregnancy: every birth of the delivery, its nine months and the weeks after it.

From the conception on, none before: seven prenatal consultations by the midwife (1911) or the gynaecologist (1112),
three ultrasounds, analyses, iron and folic acid, a visit to the anaesthetist, prenatal and postnatal daily allowances
of working mothers (6121, 6122). The delivery is an MCO stay of three to five days, two thirds in public hospitals:
vaginal for four in five (JQGD010, O800), else a caesarean (JQGA002, O820; in an emergency JQGA003, O821); twins come by
caesarean here. Each newborn has its own stay (Z380, twins Z383), whose `mother` is the row of the mother's stay.
Afterwards midwife at home, consultation after six weeks, perineal rehabilitation, paediatrician for the child.

Frequency: as many as people.py has births; shares of the Enquête nationale périnatale.
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import open_day, steps
from snds_omop_assets.synthetic.care.verbs import (
    NO_UNIT,
    act,
    clinic_bill,
    daily_allowance,
    dispense,
    happens,
    here,
    order,
    sessions,
    surgery,
)
from snds_omop_assets.synthetic.days import Days, Ints
from snds_omop_assets.synthetic.lives import Lives
from snds_omop_assets.synthetic.people import NOBODY, Flags

TERM, EARLY = 268, 245
"""Days from conception to birth; and when it is too early."""
PREMATURE, MIDWIFE, PRIVATE, CAESAREAN, EMERGENCY, WORKING = 0.07, 0.4, 0.3, 0.19, 0.4, 0.7
EPIDURAL, TEAR, GESTATIONAL_DIABETES, JAUNDICE, REHABILITATION = 0.8, 0.3, 0.1, 0.07, 0.6
CONSULTATIONS = 7
ULTRASOUNDS = {"ultrasound_pregnancy_t1": 70, "ultrasound_pregnancy_t2": 142, "ultrasound_pregnancy_t3": 208}
"""Days after conception: the 12th, 22nd and 32nd week without menstruation."""
FORTNIGHT = 14


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Pregnancies and births of the block."""
    people = lives.people
    children = np.flatnonzero((people.birth >= lives.begins) & (people.birth <= lives.ends) & (people.mother != NOBODY))
    mothers, firsts = np.unique(people.mother[children], return_index=True)
    kept = happens(lives.block.scenario.frequency("pregnancy"), len(mothers), chance)
    mothers, firsts = mothers[kept], firsts[kept]
    births = people.birth[children[firsts]]
    conceptions = births - np.where(happens(PREMATURE, len(mothers), chance), EARLY, TERM)
    _before(lives, mothers, conceptions, births, chance)
    delivered = _deliveries(lives, mothers, births, people.twin[children[firsts]] != NOBODY, chance)
    _newborns(lives, children, mothers, delivered, chance)
    _afterwards(lives, mothers, births, chance)


def _before(lives: Lives, mothers: Ints, conceptions: Days, births: Days, chance: np.random.Generator) -> None:
    """Nine months."""
    count = len(mothers)
    midwife = happens(MIDWIFE, count, chance)
    which, step = steps(np.full(count, CONSULTATIONS))
    days = open_day(conceptions[which] + 55 + 29 * step + chance.integers(-6, 7, len(which)))
    coming = days < births[which] - 1
    which, days = which[coming], days[coming]
    seen_by = midwife[which]
    for flags, nature, profession in ((seen_by, "1911", "midwife"), (~seen_by, "1112", "gynecologist")):
        women = mothers[which[flags]]
        by = lives.who(profession, women)
        act(lives, women, days[flags], nature, by=by)
        for item, share in (("proteinuria", 0.6), ("blood_count", 0.35)):
            some = happens(share, len(women), chance)
            order(lives, women[some], days[flags][some], item, chance, within=(0, 2), prescriber=profession)
        some = happens(0.3, len(women), chance)
        dispense(lives, women[some], days[flags][some], "iron_80", chance, prescriber=profession)
    by = lives.who("gynecologist", mothers)
    for item, after in ULTRASOUNDS.items():
        days = open_day(conceptions + after + chance.integers(-4, 5, count))
        coming = days < births - 1
        act(lives, mothers[coming], days[coming], item, by=by[coming])
    start = conceptions + 50
    for item in ("blood_group", "irregular_antibodies", "hiv_screening", "hbs_antigen"):
        order(lives, mothers, start, item, chance, within=(5, 5), prescriber="gynecologist")
    dispense(lives, mothers, start, "folic_acid_5", chance, prescriber="gynecologist")
    some = happens(0.5, count, chance)
    order(lives, mothers[some], conceptions[some] + 160, "glucose_tolerance", chance, prescriber="gynecologist")
    term = births - conceptions == TERM
    act(lives, mothers[term], open_day(births[term] - 30), "1112", by=lives.who("anesthetist", mothers[term]))
    working = happens(WORKING, count, chance)
    for part in range(3):
        daily_allowance(lives, mothers[working], births[working] - FORTNIGHT * (3 - part), FORTNIGHT, "6121")
    for part in range(5):
        daily_allowance(lives, mothers[working], births[working] + FORTNIGHT * part, FORTNIGHT, "6122")


def _deliveries(
    lives: Lives, mothers: Ints, births: Days, twins: Flags, chance: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """The stays of the mothers: nights, hospitals, and rows (NOBODY where a stay ends after the time that is told)."""
    count = len(mothers)
    caesarean = happens(CAESAREAN, count, chance) | twins
    emergency = happens(EMERGENCY, count, chance) & ~twins
    first_child = happens(0.42, count, chance)
    nights = np.where(caesarean, 4, 3) + chance.integers(0, 2, count)
    private = happens(PRIVATE, count, chance)
    hospital = np.where(private, lives.where("private", mothers), lives.where("public", mothers))
    rows = np.full(count, NOBODY)
    complete = here(lives, mothers, births, births + nights)
    planned = caesarean & ~emergency
    for flags, diagnosis, item, group, outcome in (
        (~caesarean & first_child, "CIM10:O800", "delivery_primiparous", "GHM:14Z13A", "CIM10:Z370"),
        (~caesarean & ~first_child, "CIM10:O800", "delivery_multiparous", "GHM:14Z14A", "CIM10:Z370"),
        (planned & ~twins, "CIM10:O820", "caesarean", "GHM:14C08A", "CIM10:Z370"),
        (caesarean & emergency, "CIM10:O821", "caesarean_in_labour", "GHM:14C08A", "CIM10:Z370"),
        (planned & twins, "CIM10:O820", "caesarean", "GHM:14C07A", "CIM10:Z372"),
    ):
        who = np.flatnonzero(flags & complete)
        rows[who] = lives.admit(
            mothers[who], births[who], nights[who], diagnosis=diagnosis, group=group, unit=NO_UNIT,
            hospital=hospital[who],
        )  # fmt: skip
        lives.note(rows[who], outcome)
        surgery(lives, rows[who], f"CCAM:{lives.catalogue.code[lives.catalogue.places[item]]}", 0, "caesarean" in item)
        billed = who[private[who]]
        clinic_bill(lives, mothers[billed], births[billed], nights[billed], hospital[billed], rows[billed])
        lives.do(mothers[billed], births[billed], item, hospital=hospital[billed], stay=rows[billed])
    done = rows != NOBODY
    lives.operate(rows[done & ~caesarean & happens(EPIDURAL, count, chance)], "CCAM:AFLB010", activity=4)
    lives.note(rows[done & ~caesarean & happens(TEAR, count, chance)], "CIM10:O701")
    lives.note(rows[done & happens(GESTATIONAL_DIABETES, count, chance)], "CIM10:O244")
    return nights, hospital, rows


def _newborns(
    lives: Lives, children: Ints, mothers: Ints, delivered: tuple[Ints, Ints, Ints], chance: np.random.Generator
) -> None:
    """The stays of the children, who leave with their mothers."""
    people = lives.people
    children = children[np.isin(people.mother[children], mothers)]
    place = np.searchsorted(mothers, people.mother[children])
    nights, hospital, rows = (values[place] for values in delivered)
    births = people.birth[children]
    born = (rows != NOBODY) & people.alive(births + nights, children)
    children, births, nights, hospital, rows = (x[born] for x in (children, births, nights, hospital, rows))
    twin = people.twin[children] != NOBODY
    for flags, diagnosis in ((~twin, "CIM10:Z380"), (twin, "CIM10:Z383")):
        stay = lives.admit(
            children[flags], births[flags], nights[flags], diagnosis=diagnosis, group="GHM:15M05A", unit=NO_UNIT,
            hospital=hospital[flags], mother=rows[flags],
        )  # fmt: skip
        lives.note(stay[happens(JAUNDICE, len(stay), chance)], "CIM10:P599")
    by = lives.who("pediatrician", children)
    act(lives, children, open_day(births + chance.integers(8, 13, len(children))), "1112", by=by)


def _afterwards(lives: Lives, mothers: Ints, births: Days, chance: np.random.Generator) -> None:
    """The weeks after the birth."""
    count = len(mothers)
    for after in (7, 11):
        some = happens(0.7, count, chance)
        act(lives, mothers[some], births[some] + after, "1911")
    some = happens(0.85, count, chance)
    visit = open_day(births + chance.integers(40, 57, count))
    act(lives, mothers[some], visit[some], "1112", by=lives.who("gynecologist", mothers[some]))
    some &= happens(REHABILITATION, count, chance)
    sessions(
        lives, mothers[some], visit[some], "1911", chance, wait=(7, 21), number=(6, 10), every=6,
        prescriber="gynecologist",
    )  # fmt: skip
