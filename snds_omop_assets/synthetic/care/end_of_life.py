"""End of life: everybody who dies in the time that is told.

More than half die in hospital: an MCO stay of some days to three weeks ends with the death (left = DEATH). One in four
of these stays is palliative (Z515, group 23Z02Z), some after weeks at home under hospital care (HAD) or in
rehabilitation (SSR); the others come through the emergency department with a pneumonia, heart failure, a stroke or a
cancer. From 60 on, the last four months at home bring visits of the GP (1211), a medical bed for some, and for a third
each a nurse every day (3112) and morphine or oxycodone.

Frequency: the deaths are those of people.py; shares of INSEE (place of death) and of Assurance Maladie (last
year of life).
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import rhythm, steps
from snds_omop_assets.synthetic.care.verbs import NO_UNIT, act, dispense, happens, items, order, stay
from snds_omop_assets.synthetic.days import Days, Ints
from snds_omop_assets.synthetic.lives import DEATH, HAD, HOME, SSR, TRANSFER, Lives

IN_HOSPITAL, PALLIATIVE, AT_HOME_BEFORE, REHABILITATION_BEFORE = 0.55, 0.25, 0.3, 0.2
NURSED, OPIOID, BED = 0.35, 0.35, 0.4
OLD = 60
LAST_MONTHS, OPIOID_DAYS, NURSE_DAYS = 120, 70, 60
REASONS = (
    # share of the stays that are not palliative, diagnosis, group
    (0.3, "CIM10:J189", "GHM:04M052"),
    (0.3, "CIM10:I500", "GHM:05M092"),
    (0.2, "CIM10:I639", "GHM:01M302"),
    (0.2, "CIM10:C349", "GHM:04M091"),
)


def live(lives: Lives, chance: np.random.Generator) -> None:
    """The last months of those who die."""
    people = lives.people
    dying = np.flatnonzero((people.death >= lives.begins) & (people.death <= lives.ends))
    dying = dying[happens(lives.block.scenario.frequency("end_of_life"), len(dying), chance)]
    count = len(dying)
    death = people.death[dying]
    nights = np.minimum(chance.integers(2, 22, count), death - np.maximum(people.birth[dying], lives.begins))
    hospital = happens(IN_HOSPITAL, count, chance)
    old = people.age(dying, death) >= OLD
    palliative = hospital & old & happens(PALLIATIVE, count, chance)
    reason = chance.choice(len(REASONS), count, p=[told[0] for told in REASONS])
    for place, (_, diagnosis, group) in enumerate(REASONS):
        flags = hospital & ~palliative & (reason == place)
        _, rows = stay(
            lives, dying[flags], (death - nights)[flags], nights[flags], diagnosis=diagnosis, group=group, unit=NO_UNIT,
            hospital=lives.where("public", dying[flags]), left=DEATH, emergency=True,
        )  # fmt: skip
        lives.note(rows[happens(0.4, len(rows), chance)], "CIM10:J960")
    start = _palliative(lives, dying[palliative], (death - nights)[palliative], nights[palliative], chance)

    leaving = np.where(hospital, death - nights, death)
    leaving[palliative] = start
    _at_home(lives, dying[old], leaving[old], chance)


def _palliative(lives: Lives, persons: Ints, start: Days, nights: Ints, chance: np.random.Generator) -> Days:
    """The last stay, and for some the weeks before it; gives the last day at home without a hospital."""
    count = len(persons)
    draw = chance.random(count)
    weeks = chance.integers(14, 43, count)
    weeks = np.minimum(weeks, start - np.maximum(lives.people.birth[persons], lives.begins))
    home = draw < AT_HOME_BEFORE
    ssr = ~home & (draw < AT_HOME_BEFORE + REHABILITATION_BEFORE)
    before = (home | ssr) & (weeks > 0)
    entered = np.where(before, TRANSFER, HOME)
    for flags, kind, where, group in ((home & before, HAD, "had", "GHT:26"), (ssr & before, SSR, "ssr", "GME:2303A1")):
        stay(
            lives, persons[flags], (start - weeks)[flags], weeks[flags], kind=kind, diagnosis="CIM10:Z515",
            related="CIM10:C795", group=group, unit="UM:50" if kind == SSR else NO_UNIT, left=TRANSFER,
            hospital=lives.where(where, persons[flags]),
        )  # fmt: skip
    stay(
        lives, persons, start, nights, diagnosis="CIM10:Z515", related="CIM10:C795", group="GHM:23Z02Z", unit="UM:08",
        hospital=lives.where("public", persons), entered=entered, left=DEATH,
    )  # fmt: skip
    return np.where(before, start - weeks, start)


def _at_home(lives: Lives, persons: Ints, leaving: Days, chance: np.random.Generator) -> None:
    """The last months, until the day of leaving: to the hospital or for good."""
    which, visits = rhythm(leaving - LAST_MONTHS, leaving - 1, 15, chance, wobble=3)
    coming = visits < leaving[which]
    which, visits = which[coming], visits[coming]
    act(lives, persons[which], visits, "1211")
    count = len(persons)
    ill = happens(OPIOID, count, chance)
    drug = items(lives, {"morphine_10": 1, "oxycodone_10": 1}, count, chance)
    some = ill[which] & (visits >= leaving[which] - OPIOID_DAYS)
    dispense(lives, persons[which][some], visits[some], drug[which][some], chance,
             boxes=chance.integers(1, 5, some.sum()))  # fmt: skip
    some = happens(NURSED, count, chance)
    chosen, step = steps(np.full(some.sum(), NURSE_DAYS))
    days = leaving[some][chosen] - NURSE_DAYS + step
    cared = persons[some][chosen]
    by = lives.who("gp", cared)
    act(lives, cared, days, "3112", quantity=2, ordered_by=by, ordered_on=(leaving[some] - NURSE_DAYS)[chosen])
    some = happens(BED, count, chance)
    order(lives, persons[some], leaving[some] - 80, "medical_bed_rental", chance, quantity=10)
