"""What pathways are written with: who falls ill and when, acts and stays of those alive, drugs, clinic bills."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.synthetic.care.seasons import days_by_season, open_day, steps
from snds_omop_assets.synthetic.days import Days, Ints
from snds_omop_assets.synthetic.lives import Lives
from snds_omop_assets.synthetic.people import Flags

NO_UNIT = NO_GROUP = NO_DIAGNOSIS = "NONE:"
"""A stay without a type of unit, a group or a diagnosis: psychiatry has no group, external care none of them."""

SOON = 3
"""Days within which a prescription goes to the pharmacy."""

ByAge = Mapping[int, float]
"""Shares or yearly rates at some ages, straight lines between them; nobody is younger than the first."""


def happens(share: float | NDArray[np.float64], count: int, chance: np.random.Generator) -> Flags:
    """Flags, true as often as `share` says."""
    flags: Flags = chance.random(count) < share
    return flags


def prevalent(lives: Lives, pathway: str, by_age: ByAge, chance: np.random.Generator) -> Ints:
    """Who already has a disease on the first day."""
    people = lives.people
    age = people.age(slice(None), lives.begins)
    share = np.interp(age, list(by_age), list(by_age.values())) * lives.block.scenario.frequency(pathway)
    return np.flatnonzero(happens(share, len(people), chance) & (age >= min(by_age)) & people.alive(lives.begins))


def beginnings(
    lives: Lives,
    pathway: str | None,
    by_age: ByAge,
    season: str,
    chance: np.random.Generator,
    only: Flags | None = None,
) -> tuple[Ints, Days]:
    """Who falls ill on which day, at yearly rates by age, times the frequency of a pathway if it is named.

    Returns:
        persons, possibly several times, and days.
    """
    people = lives.people
    age = people.age(slice(None), (lives.begins + lives.ends) // 2)
    rate = np.interp(age, list(by_age), list(by_age.values()))
    if pathway is not None:
        rate = rate * lives.block.scenario.frequency(pathway)
    if only is not None:
        rate = rate * only
    persons = np.repeat(np.arange(len(people)), chance.poisson(rate * lives.years))
    days = days_by_season(len(persons), lives.begins, lives.ends, season, chance)
    kept = here(lives, persons, days) & (people.age(persons, days) >= min(by_age))
    return persons[kept], days[kept]


def here(lives: Lives, persons: Ints, first: Any, last: Any = None) -> Flags:
    """Who lives from the first to the last day, and in the time that is told."""
    last = first if last is None else last
    alive = lives.people.alive
    flags: Flags = alive(first, persons) & alive(last, persons) & (first >= lives.begins) & (last <= lives.ends)
    return flags


def until(lives: Lives, persons: Ints) -> Days:
    """The last day of somebody's life that is told."""
    return np.minimum(lives.people.death[persons], lives.ends)


def act(lives: Lives, persons: Ints, days: Days, what: str | Ints, **told: Any) -> None:
    """`Lives.do`, for those who live that day."""
    kept = here(lives, persons, days, told.get("last_day"))
    told = {name: _some(value, kept) for name, value in told.items()}
    lives.do(persons[kept], days[kept], _some(what, kept), **told)


def order(
    lives: Lives,
    persons: Ints,
    ordered: Days,
    what: str | Ints,
    chance: np.random.Generator,
    *,
    within: tuple[int, int] = (1, 10),
    prescriber: str = "gp",
    **told: Any,
) -> None:
    """Something that is ordered on a day and done within some days after it: analyses, images, dressings."""
    days = open_day(ordered + chance.integers(within[0], within[1] + 1, len(persons)))
    act(lives, persons, days, what, ordered_by=lives.who(prescriber, persons), ordered_on=ordered, **told)


def dispense(
    lives: Lives,
    persons: Ints,
    ordered: Days,
    what: str | Ints,
    chance: np.random.Generator,
    *,
    times: Any = 1,
    every: Any = 30,
    boxes: Any = 1,
    prescriber: str = "gp",
) -> None:
    """A drug that is ordered on a day, fetched at the pharmacy within three days, and again at a rhythm."""
    count = len(persons)
    which, step = steps(np.broadcast_to(times, count))
    days = open_day(ordered[which] + step * np.broadcast_to(every, count)[which]
                    + chance.integers(0, SOON, len(which)))  # fmt: skip
    act(
        lives, persons[which], days, what if isinstance(what, str) else what[which],
        quantity=np.broadcast_to(boxes, count)[which], ordered_by=lives.who(prescriber, persons)[which],
        ordered_on=ordered[which],
    )  # fmt: skip


def sessions(
    lives: Lives,
    persons: Ints,
    ordered: Days,
    what: str | Ints,
    chance: np.random.Generator,
    *,
    wait: tuple[int, int],
    number: tuple[int, int],
    every: int,
    prescriber: str = "gp",
    **told: Any,
) -> None:
    """A series that is ordered on a day and begins after a wait: physiotherapy, nursing."""
    first = ordered + chance.integers(wait[0], wait[1] + 1, len(persons))
    which, step = steps(chance.integers(number[0], number[1] + 1, len(persons)))
    days = first[which] + step * every
    act(
        lives, persons[which], days if every == 1 else open_day(days), what if isinstance(what, str) else what[which],
        ordered_by=lives.who(prescriber, persons)[which], ordered_on=ordered[which], **told,
    )  # fmt: skip


def items(lives: Lives, names: Mapping[str, float], count: int, chance: np.random.Generator) -> Ints:
    """One of several items for each, by shares."""
    shares = np.array(list(names.values()))
    return np.array([lives.catalogue.places[name] for name in names])[
        chance.choice(len(names), count, p=shares / shares.sum())
    ]


def stay(lives: Lives, persons: Ints, start: Days, nights: Any, **told: Any) -> tuple[Ints, Ints]:
    """`Lives.admit`, for those who live through it in the time that is told.

    Returns:
        the places of those in `persons`, and the rows of their stays.
    """
    kept = here(lives, persons, start, start + nights)
    told = {name: _some(value, kept) for name, value in told.items()}
    places = np.flatnonzero(kept)
    return places, lives.admit(persons[places], start[places], _some(nights, kept), **told)


def surgery(lives: Lives, rows: Ints, code: str, delay: Any = 0, anaesthesia: bool = True) -> None:
    """A CCAM act in a stay, by the surgeon (activity 1) and the anaesthetist (activity 4)."""
    lives.operate(rows, code, delay)
    if anaesthesia:
        lives.operate(rows, code, delay, activity=4)


SUPPLEMENTED = 4
"""One stay in four has the PMSI supplement, as published (2111 and 2212)."""


def clinic_bill(lives: Lives, persons: Ints, start: Days, nights: Ints, hospital: Ints, rows: Ints) -> None:
    """What a private hospital bills for a stay: the lump sum, the PMSI supplement, the day of leaving."""
    told = {"hospital": hospital, "stay": rows}
    lives.do(persons, start, "2111", last_day=start + nights, **told)
    supplemented = start % SUPPLEMENTED == 0
    lives.do(persons[supplemented], start[supplemented], "2212", hospital=hospital[supplemented],
             stay=rows[supplemented])  # fmt: skip
    night = nights > 0
    lives.do(persons[night], (start + nights)[night], "2252", hospital=hospital[night], stay=rows[night])


def clinic_surgery(
    lives: Lives, persons: Ints, days: Days, item: str, hospital: Ints, rows: Ints, operator: str = "surgeon"
) -> None:
    """The doctors' lines of an operation in a private hospital: the surgeon's and the anaesthetist's."""
    for profession, activity in ((operator, 1), ("anesthetist", 4)):
        by = lives.who(profession, persons)
        lives.do(persons, days, item, by=by, activity=activity, hospital=hospital, stay=rows)


def daily_allowance(lives: Lives, persons: Ints, first: Days, days: Any, nature: str = "6111") -> None:
    """Daily allowances of the fund, paid together for some days."""
    days = np.broadcast_to(days, len(persons))
    act(lives, persons, first, nature, quantity=days, last_day=first + days - 1)


def _some(value: Any, kept: Flags) -> Any:
    """Those elements of an array; anything else is for all."""
    return value[kept] if isinstance(value, np.ndarray) and value.ndim else value
