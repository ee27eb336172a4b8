"""Births, families, deaths: who lives, before anybody gives them numbers."""

import numpy as np

from snds_omop_assets.synthetic.days import NEVER, Days, Ints
from snds_omop_assets.synthetic.people import MAN, NOBODY, SCHEMES, WOMAN, YEAR, Identifiers, People
from snds_omop_assets.synthetic.scenario import Block
from snds_omop_assets.synthetic.world import World

AGES = ((0, 20, 24.0), (20, 40, 23.5), (40, 60, 26.0), (60, 75, 17.0), (75, 80, 3.4), (80, 85, 2.9), (85, 90, 2.1),
        (90, 95, 0.9), (95, 100, 0.2))  # fmt: skip
"""Shares of the French by age, percent (INSEE 2019, rounded)."""

HAZARD_AT_0, HAZARD_GROWTH = 3.4e-5, 0.093
"""Gompertz's law of dying, fitted by eye to the French tables above 30: 0.1 % a year at 40, 6 % at 80."""

TWINS = 0.03
"""Share of the children who have a twin (INSEE: 1.6 % of births)."""

SCHEME_SHARES = (0.84, 0.06, 0.05, 0.05)
STUDENT_UNTIL = 25
"""Until this age somebody's parents are among the people."""

WOMEN = ((0, 0.488), (30, 0.505), (60, 0.53), (75, 0.57), (85, 0.67))
"""Shares of women from an age on (INSEE 2019, rounded): boys are a little more often born, and men die earlier."""

HAZARD_OF_MEN, HAZARD_OF_WOMEN = 1.35, 0.78
"""Multiples of the law of dying."""

MOTHERS = (18, 42)
"""Ages of mothers at a birth."""
FATHER_FROM = 17
PREGNANCY = 300
"""Days before the first one that is lived in which a birth counts as one of these years: a mother has one of them."""


def make_families(block: Block, world: World) -> People:
    """The people of a block, without identifiers."""
    scenario, chance = block.scenario, block.chance("people")
    n = block.persons
    birth, twin = _births(block, chance)
    ages, shares = np.array(WOMEN).T
    age = np.maximum(scenario.begins - birth, 0) / YEAR
    sex = np.where(chance.random(n) < shares[np.searchsorted(ages, age, side="right") - 1], WOMAN, MAN)
    same = chance.random(n) < scenario.trap("same_sex_twins")
    second = np.flatnonzero((twin >= 0) & (twin < np.arange(n)))
    sex[second] = np.where(same[second], sex[twin[second]], MAN + WOMAN - sex[twin[second]])
    death = _deaths(birth, sex, scenario.begins, chance)
    commune = chance.choice(len(world.commune), n, p=world.inhabitants)
    scheme = chance.choice(len(SCHEMES), n, p=SCHEME_SHARES)
    mother, father = _parents(birth, sex, death, twin, scenario.begins, chance)
    together = np.flatnonzero(father >= 0)
    commune[father[together]] = commune[mother[together]]
    children = np.flatnonzero(mother >= 0)
    for child in children[np.argsort(birth[children], kind="stable")]:  # a mother may be the child of another
        commune[child], scheme[child] = commune[mother[child]], scheme[mother[child]]
    return People(
        first=block.first, birth=birth, death=death, sex=sex, commune=commune,
        department=world.commune_department[commune], scheme=scheme, mother=mother, father=father, twin=twin,
        since=np.full((n, 3), NEVER), identifier=np.zeros((n, 3), np.int64), identifiers=Identifiers.none(),
        absent=np.zeros(n, bool), why_not=np.full(n, "", "U24"), counts={},
    )  # fmt: skip


def _births(block: Block, chance: np.random.Generator) -> tuple[Days, Ints]:
    """Birth days, some within the years of the delivery; and twins, who follow each other."""
    scenario, n = block.scenario, block.persons
    low, high, share = np.array(AGES).T
    ages = chance.choice(len(AGES), n, p=share / share.sum())
    middle = (scenario.begins + scenario.last_day) // 2
    later = (scenario.last_day - middle) / YEAR
    youngest = np.where(low[ages] == 0, -later, low[ages])
    birth = (middle - (youngest + chance.random(n) * (high[ages] - youngest)) * YEAR).astype(np.int64)
    birth = np.minimum(birth, scenario.last_day)
    twin = np.full(n, NOBODY)
    drawn = chance.random(max(n - 1, 0)) < TWINS / 2
    firsts = np.flatnonzero(drawn & (birth[:-1] > middle - STUDENT_UNTIL * YEAR))
    for first in firsts:  # some per thousand
        if twin[first] == NOBODY:
            twin[first], twin[first + 1] = first + 1, first
            birth[first + 1] = birth[first]
    return birth, twin


def _deaths(birth: Days, sex: Ints, begins: int, chance: np.random.Generator) -> Days:
    """Days of death by Gompertz's law, counted from the first day that is lived."""
    age = np.maximum(begins - birth, 0) / YEAR
    hazard = HAZARD_AT_0 * np.exp(HAZARD_GROWTH * age) * np.where(sex == MAN, HAZARD_OF_MEN, HAZARD_OF_WOMEN)
    years = np.log1p(-HAZARD_GROWTH * np.log(chance.random(len(birth))) / hazard) / HAZARD_GROWTH
    death: Days = np.minimum(np.maximum(birth, begins) + (years * YEAR).astype(np.int64) + 1, NEVER)
    return death


def _parents(
    birth: Days, sex: Ints, death: Days, twin: Ints, begins: int, chance: np.random.Generator
) -> tuple[Ints, Ints]:
    """A mother of 18 to 42 years for everybody under 25, and her partner; one birth of a mother in these years."""
    n = len(birth)
    mother, father = np.full(n, NOBODY), np.full(n, NOBODY)
    women = np.flatnonzero(sex == WOMAN)
    women = women[np.argsort(birth[women], kind="stable")]
    men = np.flatnonzero(sex == MAN)
    men = men[np.argsort(birth[men], kind="stable")]
    if not len(women):
        return mother, father
    partner = men[np.arange(len(women)) * len(men) // len(women)] if len(men) else np.full(len(women), NOBODY)
    children = np.flatnonzero((birth > begins - STUDENT_UNTIL * YEAR) & ((twin == NOBODY) | (twin > np.arange(n))))
    chosen = chance.random(len(children))
    births = birth[women]
    oldest = np.searchsorted(births, birth[children] - MOTHERS[1] * YEAR)
    youngest = np.searchsorted(births, birth[children] - MOTHERS[0] * YEAR)
    taken = np.zeros(len(women), bool)
    for child, choice, low, high in zip(children, chosen, oldest, youngest, strict=True):
        place = int(low + choice * (high - low))
        if birth[child] >= begins - PREGNANCY:  # a birth that is lived: its mother has no other in these years
            free = np.flatnonzero(~taken[low:high] & (death[women[low:high]] >= birth[child]))
            if not len(free):
                continue
            place = int(low + free[int(choice * len(free))])
            taken[place] = True
        elif low >= high:
            continue
        woman, man = women[place], partner[place]
        for one in (child, twin[child]):
            if one >= 0:
                mother[one] = woman
                father[one] = man if man >= 0 and birth[man] < birth[child] - FATHER_FROM * YEAR else NOBODY
    return mother, father
