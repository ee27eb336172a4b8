"""Teleconsultations: almost none before 15 September 2018, few until March 2020, then very many, fewer afterwards.

Before, only the trials of old people's homes (1096, 1164); then consultations by video of the GP (1192, 1157) and of
specialists (1191, 1164 for long-term diseases), a prescription sent to the pharmacy after half of those of GPs.

Frequency: Assurance Maladie (80 000 in 2019, 17 million in 2020 of which 4.5 million in April, 9 million in 2021):
the yearly rates below.
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import days_by_weight, open_day
from snds_omop_assets.synthetic.care.verbs import act, dispense, happens, here, items
from snds_omop_assets.synthetic.days import day_of
from snds_omop_assets.synthetic.lives import Lives

SINCE = (
    # from this day, teleconsultations of a person in a year
    (day_of(1970), 0.0004),
    (day_of(2018, 9, 15), 0.0012),
    (day_of(2020, 3, 16), 0.75),
    (day_of(2020, 5, 12), 0.22),
    (day_of(2020, 10, 30), 0.35),
    (day_of(2021, 1, 1), 0.15),
)
PAID = day_of(2018, 9, 15)
"""Since when everybody's teleconsultations are reimbursed."""
EARLY = {"1096": 2, "1164": 1}
ADULTS = {"1192": 6, "1157": 2, "1191": 1.5}
OLDEST = {"1192": 3, "1164": 2, "1096": 2}
DRUGS = {"paracetamol_1g": 4, "cetirizine_10": 2, "omeprazole_20": 1, "desloratadine_5": 1}
OLD, ADULT = 75, 16
SPECIALIST = ("1191", "1164")
DISPENSED = 0.5
YEAR = 365.25


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Teleconsultations of the block."""
    every = np.arange(lives.begins, lives.ends + 1)
    starts, rates = np.array(SINCE).T
    daily = rates[np.searchsorted(starts, every, side="right") - 1] / YEAR
    number = chance.poisson(daily.sum() * lives.block.scenario.frequency("telehealth"), len(lives.people))
    persons = np.repeat(np.arange(len(lives.people)), number)
    days = open_day(days_by_weight(len(persons), lives.begins, lives.ends, daily, chance))
    kept = here(lives, persons, days) & (lives.people.age(persons, days) >= ADULT)
    persons, days = persons[kept], days[kept]
    count = len(persons)
    old, early = lives.people.age(persons, days) >= OLD, days < PAID
    adult_item = items(lives, ADULTS, count, chance)
    old_item, early_item = items(lives, OLDEST, count, chance), items(lives, EARLY, count, chance)
    item = np.where(early, early_item, np.where(old, old_item, adult_item))
    kept = ~early | old
    act(lives, persons[kept], days[kept], item[kept])
    by_gp = ~np.isin(item, [lives.catalogue.places[nature] for nature in SPECIALIST])
    some = kept & by_gp & happens(DISPENSED, count, chance)
    drug = items(lives, DRUGS, count, chance)
    dispense(lives, persons[some], days[some], drug[some], chance)
