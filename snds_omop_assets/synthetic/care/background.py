"""Background care: everything that the pathways leave to the published share of each nature of service.

The Health Data Hub publishes how many lines of the DCIR each PRS_NAT_REF has (general population, June 2014). Pathways
come first; then each nature is filled up to its share. Nobody's care is alike: a frailty of each person multiplies age.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.synthetic.care.seasons import days_by_season, open_day
from snds_omop_assets.synthetic.catalogue_files import natures
from snds_omop_assets.synthetic.days import Days, Ints
from snds_omop_assets.synthetic.lives import ANAESTHESIA, Lives
from snds_omop_assets.synthetic.people import NOBODY, YEAR
from snds_omop_assets.synthetic.world import PROFESSIONS

FRAILTY = 0.8
"""Standard deviation of the logarithm of the frailty: a tenth of the people have half of the care."""

PROFILES: Mapping[str, tuple[tuple[int, int, float], ...]] = {
    # ages from, to, weight
    "all": ((0, 1, 4.0), (1, 6, 1.6), (6, 40, 0.6), (40, 65, 1.0), (65, 75, 1.6), (75, 120, 2.2)),
    "child": ((0, 4, 1.0), (4, 13, 1.0)),
    "adult": ((15, 40, 0.6), (40, 65, 1.0), (65, 120, 1.4)),
    "middle": ((40, 71, 1.0), (71, 120, 0.4)),
    "elder": ((45, 65, 0.3), (65, 80, 1.0), (80, 120, 2.0)),
    "old": ((65, 75, 0.3), (75, 85, 1.0), (85, 120, 2.0)),
    "women": ((15, 51, 1.0),),
    "working": ((20, 65, 1.0),),
}
OF_WOMEN = frozenset({"women", "midwife", "gynecologist"})

AFTER_CONSULTATION = 0.7
"""Share of the ordered care that follows a consultation of these years; the rest was ordered before."""

DELAY_OF_ORDERS = 4
CONSULTATIONS = ("1111", "1112", "1113", "1211", "1117")
DAYS_OF_ALLOWANCE = 14
AMBULATORY_SURGERY = "1321"
HALF_A_YEAR = 183
ON_SUNDAYS = frozenset({"nurse", "transporter", "fund", "private_hospital", "public_hospital"})
OPEN_ON_SUNDAY = 0.1
"""Share of the care of doctors, pharmacies and others on a Sunday that is not put off to Monday: on duty."""
CHILD = 16
TWO_BOXES, IN_BOXES = 0.12, ("PHA", "TIP")


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Fill each nature of service up to its share of the lines."""
    weights = _Weights(lives, chance)
    lines = natures()
    missing = _missing(lives)
    order = sorted(range(len(lines)), key=lambda row: _stage(lines[row]))
    pool: tuple[Ints, Days, Ints] | None = None
    for row in order:
        line, wanted = lines[row], missing[row]
        if wanted < 1 and chance.random() >= wanted:
            continue
        wanted = max(wanted, 1.0)
        stage = _stage(line)
        if stage == ORDERED and pool is None:
            pool = _consultations(lives)
        if stage in (FREE, ORDERED):
            _care(lives, chance, weights, row, line, wanted, pool if stage == ORDERED else None)
        elif stage == JOINED:
            _joined(lives, chance, line, wanted)
        elif stage == PAID:
            _paid(lives, chance, weights, line, wanted)
        else:
            _of_stays(lives, chance, line, wanted)


FREE, ORDERED, JOINED, PAID, OF_STAYS = range(5)


def _stage(line: Mapping[str, str]) -> int:
    """What must be there before: orders follow consultations, surcharges join any care."""
    if line["nature"] == "care":
        return ORDERED if line["ordered"] else FREE
    return {"accessory": JOINED, "none": PAID, "clinic": OF_STAYS}[line["nature"]]


def _missing(lives: Lives) -> NDArray[np.float64]:
    """Lines of each nature that are not there yet."""
    people, scenario = lives.people, lives.block.scenario
    lived = np.minimum(people.death, lives.ends) - np.maximum(people.birth, lives.begins)
    years = np.maximum(lived, 0).sum() / YEAR
    # Corrections, supplements and lines for information come on top of acts.
    extra = sum(scenario.trap(name) * lines for name, lines in EXTRA_LINES.items())
    share = np.array([float(line["share"]) for line in natures()]) / 100
    acts = lives.acts()
    inside = (acts.day >= lives.begins) & (acts.day <= lives.ends)
    there = np.bincount(lives.catalogue.nature_row[acts.item[inside]], minlength=len(share))
    found: NDArray[np.float64] = np.maximum(share * years * scenario.lines / (1 + extra) - there, 0)
    return found


EXTRA_LINES: Mapping[str, float] = {
    "regularised": 2, "cancelled": 2, "information_lines": 1, "participation_lines": 1, "supplement_lines": 1
}  # fmt: skip


class _Weights:
    """How often each person is drawn in each half-year, by profile of ages: people are born, grow old and die."""

    def __init__(self, lives: Lives, chance: np.random.Generator) -> None:
        people = lives.people
        self.begins = np.arange(lives.begins, lives.ends + 1, HALF_A_YEAR)
        self.ends = np.append(self.begins[1:] - 1, lives.ends)
        middle = (self.begins + self.ends)[:, None] / 2
        self.age = (middle - people.birth) / YEAR
        self.sex = np.broadcast_to(people.sex, self.age.shape)
        self.frailty = np.exp(FRAILTY * chance.standard_normal(len(people)))
        there = np.minimum(people.death, self.ends[:, None]) - np.maximum(people.birth, self.begins[:, None])
        self.there = np.maximum(there, 0) / HALF_A_YEAR
        self.sums: dict[str, NDArray[np.float64]] = {}

    def draw(self, profile: str, women: bool, count: int, chance: np.random.Generator) -> tuple[Ints, Days, Days]:
        """Persons, each as often as age and frailty say, with the first and last day of a half-year of each."""
        name = f"{profile} {women}"
        if name not in self.sums:
            by_age = np.zeros(self.age.shape)
            for first, last, weight in PROFILES[profile]:
                by_age[(self.age >= first) & (self.age < last)] = weight
            by_age *= self.frailty * self.there
            if women:
                by_age[self.sex == 1] = 0
            self.sums[name] = np.cumsum(by_age)
        sums = self.sums[name]
        if not len(sums) or sums[-1] <= 0:
            return np.array([], np.int64), np.array([], np.int64), np.array([], np.int64)
        found = np.searchsorted(sums, chance.random(count) * sums[-1], side="right")
        period, person = np.divmod(np.minimum(found, len(sums) - 1), self.age.shape[1])
        return person, self.begins[period], self.ends[period]


def _consultations(lives: Lives) -> tuple[Ints, Days, Ints]:
    """Person, day and doctor of every consultation."""
    acts = lives.acts()
    places = [lives.catalogue.places[name] for name in CONSULTATIONS]
    rows = np.flatnonzero(np.isin(acts.item, places))
    return acts.person[rows], acts.day[rows], acts.professional[rows]


@dataclass
class _Series:
    """One row per series of contacts: whose, from when, ordered by whom and when."""

    person: Ints
    start: Days
    ordered_by: Ints
    ordered_on: Days


def _care(
    lives: Lives,
    chance: np.random.Generator,
    weights: _Weights,
    row: int,
    line: Mapping[str, str],
    wanted: float,
    pool: tuple[Ints, Days, Ints] | None,
) -> None:
    """Series of contacts, each with some things done."""
    things = np.flatnonzero((lives.catalogue.nature_row == row) & (lives.catalogue.weight > 0))
    if line["detail"] and not len(things):
        return
    share = lives.catalogue.weight[things] / lives.catalogue.weight[things].sum()
    # Some of the things drawn for a contact are the same: one line. So many are different:
    more = float(line["basket"]) - 1
    different = float((1 - (1 - share) * np.exp(-more * share)).sum()) if len(things) else 1.0
    series = _series(lives, chance, weights, line, wanted / different, pool)
    of, day = _contacts(lives, chance, line, series)
    if len(things):
        several = 1 + chance.poisson(more, len(of))
        of, day = np.repeat(of, several), np.repeat(day, several)
        drawn = np.searchsorted(np.cumsum(share), chance.random(len(of)))
        what = things[np.minimum(drawn, len(things) - 1)]
    else:
        what = np.full(len(of), row)  # natures stand first in the catalogue
    person = series.person[of]
    by, hospital = _done_by(lives, line, row, person, day)
    if line["prs_nat_ref"] == AMBULATORY_SURGERY:  # in a clinic, without a stay; the anaesthetist bills the same act
        hospital = lives.where("private", person)
        lives.do(person, day, what, by=lives.who("anesthetist", person), hospital=hospital, activity=ANAESTHESIA)
    two = (chance.random(len(of)) < TWO_BOXES) & (line["detail"] in IN_BOXES)
    lives.do(
        person, day, what, by=by, hospital=hospital, quantity=1 + two.astype(np.int64),
        ordered_by=series.ordered_by[of], ordered_on=np.minimum(series.ordered_on[of], day),
    )  # fmt: skip


def _series(
    lives: Lives,
    chance: np.random.Generator,
    weights: _Weights,
    line: Mapping[str, str],
    contacts: float,
    pool: tuple[Ints, Days, Ints] | None,
) -> _Series:
    """So many series that there are as many contacts in the days that are lived; some began before."""
    length, spacing = float(line["series"]), int(line["spacing"])
    before = int((length - 1) * spacing)
    days = lives.ends + 1 - lives.begins
    count = int(chance.poisson(contacts / length * (days + before) / days))
    of_women = not OF_WOMEN.isdisjoint((line["ages"], line["profession"]))
    person, first, last = weights.draw(line["ages"], of_women, count, chance)
    count = len(person)
    first = np.where(first == lives.begins, first - before, first)
    start = days_by_season(count, first, last, line["season"], chance)
    if not line["ordered"]:
        return _Series(person, start, np.full(count, NOBODY), start)
    ordered_on = start - chance.integers(0, 30, count)
    ordered_by = lives.who(line["ordered"], person)
    # Persons of some ages are drawn by their age; others have what their consultations ordered.
    if pool is not None and len(pool[0]) and line["ages"] == "all":
        follows = np.flatnonzero(chance.random(count) < AFTER_CONSULTATION)
        of = chance.integers(0, len(pool[0]), len(follows))
        person[follows], ordered_on[follows], ordered_by[follows] = (column[of] for column in pool)
        start[follows] = ordered_on[follows] + chance.integers(0, DELAY_OF_ORDERS, len(follows))
    return _Series(person, start, ordered_by, ordered_on)


def _contacts(lives: Lives, chance: np.random.Generator, line: Mapping[str, str], series: _Series) -> tuple[Ints, Days]:
    """The series and the day of each contact in the days that are lived."""
    spacing = int(line["spacing"])
    contacts = 1 + chance.poisson(float(line["series"]) - 1, len(series.person))
    of = np.repeat(np.arange(len(series.person)), contacts)
    step = np.arange(len(of)) - np.repeat(np.cumsum(contacts) - contacts, contacts)
    day = series.start[of] + step * spacing + chance.integers(0, max(spacing // 4, 1), len(of))
    if line["profession"] not in ON_SUNDAYS:
        closed = chance.random(len(of)) >= OPEN_ON_SUNDAY
        day = np.where(closed, open_day(day), day)
    inside = np.flatnonzero((day >= lives.begins) & (day <= lives.ends))
    return of[inside], day[inside]


def _done_by(lives: Lives, line: Mapping[str, str], row: int, person: Ints, day: Days) -> tuple[Ints, Ints]:
    """Who does it, or the hospital where it is done."""
    nobody = np.full(len(person), NOBODY)
    if line["detail"] == "UCD":
        return nobody, lives.where("public", person)
    if line["profession"] == "private_hospital":
        return nobody, lives.where("private", person)
    if line["profession"] == "specialist":  # of children, the paediatrician
        child = lives.people.age(person, day) < CHILD
        return np.where(child, lives.who("pediatrician", person), lives.who("specialist", person, row % 7)), nobody
    return lives.who(line["profession"], person), nobody


def _joined(lives: Lives, chance: np.random.Generator, line: Mapping[str, str], wanted: float) -> None:
    """A surcharge, a travel fee, a majoration beside care of the same person, day and executor."""
    acts, things = lives.acts(), lives.catalogue
    place = list(PROFESSIONS).index(line["profession"])
    professionals = lives.world.professionals
    rows = np.flatnonzero(
        (professionals.profession[acts.professional] == place) & (acts.professional != NOBODY)
        & (things.visit[acts.item] > 0)
    )  # fmt: skip
    if not len(rows):
        return
    of = chance.choice(rows, min(round(wanted), len(rows)), replace=False)
    lives.do(acts.person[of], acts.day[of], line["prs_nat_ref"], by=acts.professional[of],
             hospital=acts.hospital[of])  # fmt: skip


def _paid(lives: Lives, chance: np.random.Generator, weights: _Weights, line: Mapping[str, str], wanted: float) -> None:
    """What a fund pays without any care: allowances, pensions, flat payments."""
    series = int(line["series"])
    count = max(1, round(wanted / series))
    persons, first, last = weights.draw(line["ages"], line["ages"] == "women", count, chance)
    if not len(persons):
        return
    start = days_by_season(count, first, last, line["season"], chance)
    of = np.repeat(np.arange(count), series)
    day = start[of] + np.tile(np.arange(series), count) * int(line["spacing"])
    lasts = line["prs_nat_ref"].startswith("61")
    length = chance.integers(1, DAYS_OF_ALLOWANCE, len(of)) if lasts else np.ones(len(of), np.int64)
    inside = np.flatnonzero(day <= lives.ends)
    lives.do(persons[of][inside], day[inside], line["prs_nat_ref"], by=np.full(len(inside), NOBODY),
             quantity=length[inside], last_day=(day + length - 1)[inside])  # fmt: skip


def _of_stays(lives: Lives, chance: np.random.Generator, line: Mapping[str, str], wanted: float) -> None:
    """What a private hospital bills for its stays."""
    stays = lives.stays()
    rows = np.flatnonzero(lives.world.hospitals.kind[stays.hospital] == 1) if len(stays) else np.array([], np.int64)
    if not len(rows):
        return
    of = rows[chance.integers(0, len(rows), round(wanted))]
    day = stays.start[of] + (chance.random(len(of)) * (stays.end[of] - stays.start[of] + 1)).astype(np.int64)
    lives.do(stays.person[of], day, line["prs_nat_ref"], by=np.full(len(of), NOBODY), hospital=stays.hospital[of],
             stay=of)  # fmt: skip
