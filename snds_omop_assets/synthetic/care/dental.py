"""Teeth: a course of treatment by the dentist, coded by CCAM acts, for three in a hundred people a year; few in August.

Scaling for half; then one or two restorations a fortnight apart, or the root of a tooth, a panoramic X-ray for some,
and rarely an extraction with painkillers or a crown (1423). Children have sealed fissures or the free examination
(9421).

Frequency: Assurance Maladie (43 % of the people see a dentist in a year); the published shares are of June 2014, when
most acts were still letters (1433, 1423), which background care has.
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import open_day
from snds_omop_assets.synthetic.care.verbs import act, beginnings, dispense, happens, items
from snds_omop_assets.synthetic.lives import Lives

RATES = {5: 0.022, 12: 0.028, 30: 0.03, 60: 0.033, 90: 0.011}
SCALING, RESTORED, TWICE, ROOT, PANORAMA = 0.5, 0.4, 0.3, 0.07, 0.1
EXTRACTED, CROWN, SEALED, EXAMINED = 0.08, 0.06, 0.3, 0.3
ADULT = 16
RESTORATIONS = {"tooth_restoration_front_1": 2, "tooth_restoration_back_1": 2, "tooth_restoration_back_2": 4,
                "tooth_restoration_back_3": 3}  # fmt: skip
ROOTS = {"pulpectomy_molar": 3, "pulpectomy_premolar": 2, "pulpectomy_front": 2}


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Dental care of the block."""
    persons, days = beginnings(lives, "dental", RATES, "school", chance)
    days = open_day(days)
    count = len(persons)
    adult = lives.people.age(persons, days) >= ADULT
    by = lives.who("dentist", persons)
    fortnight = open_day(days + chance.integers(10, 19, count))
    month = open_day(fortnight + chance.integers(10, 19, count))
    restored = happens(RESTORED, count, chance)
    root = adult & happens(ROOT, count, chance)
    extracted = adult & happens(EXTRACTED, count, chance)
    for flags, when, what in (
        (adult & happens(SCALING, count, chance), days, "dental_scaling"),
        (adult & happens(PANORAMA, count, chance), days, "xray_dental_panorama"),
        (~adult & happens(SEALED, count, chance), days, "fissure_sealing_2"),
        (~adult & happens(EXAMINED, count, chance), days, "9421"),
        (restored, fortnight, items(lives, RESTORATIONS, count, chance)),
        (restored & happens(TWICE, count, chance), month, items(lives, RESTORATIONS, count, chance)),
        (root, fortnight, items(lives, ROOTS, count, chance)),
        (adult & happens(CROWN, count, chance), month, "1423"),
        (extracted, month, "tooth_extraction"),
    ):
        act(lives, persons[flags], when[flags], what if isinstance(what, str) else what[flags], by=by[flags])
    dispense(lives, persons[extracted], month[extracted], "paracetamol_1g", chance, boxes=2, prescriber="dentist")
