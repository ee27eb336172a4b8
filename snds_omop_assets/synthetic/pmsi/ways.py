"""Where patients come from and go to: ENT_MOD, ENT_PRV, SOR_MOD and SOR_DES of stays in T_MCOaaB."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from snds_omop_assets.synthetic.days import Ints
from snds_omop_assets.synthetic.lives import HAD, HOME, TRANSFER
from snds_omop_assets.synthetic.rows import coded, rule, small
from snds_omop_assets.synthetic.settle import INPATIENT, Settled

NOWHERE = -1

PLACES = ("1", "2", "6", "4", "5", "U", "7", "")
"""MS_PRV_V by the kind of a neighbouring stay (MCO, SSR, HAD, PSY); emergencies, old and new code; EHPAD; home."""
EMERGENCY, EMERGENCY_SINCE_2019, NURSING_HOME, NO_PLACE = 4, 5, 6, 7

OF_AN_ACT = 0
"""Way in and out of a stay that is one act for another hospital."""

NEW_EMERGENCIES, SHARE_NEW = 2019, 0.3

OLD, SHARE_NURSING_HOME = 82, 0.25


def neighbours(settled: Settled) -> tuple[Ints, Ints]:
    """The kind of the stay that ended when each began, and of the one that began when it ended; or NOWHERE."""
    stays = settled.stays
    rows = np.flatnonzero(np.isin(stays.kind, INPATIENT) & (settled.stay_rule != rule("inter_hospital_act")))
    order = rows[np.lexsort((stays.end[rows], stays.start[rows], stays.person[rows]))]
    first, second = order[:-1], order[1:]
    touch = (stays.person[first] == stays.person[second]) & (stays.start[second] <= stays.end[first] + 1)
    before, after = np.full(len(stays), NOWHERE), np.full(len(stays), NOWHERE)
    before[second[touch]] = stays.kind[first[touch]]
    after[first[touch]] = stays.kind[second[touch]]
    return before, after


def ways(settled: Settled, stays: Ints, year: int, beside: tuple[Ints, Ints]) -> dict[str, pa.Array]:
    """How stays begin and end.

    Args:
        settled: the block.
        stays: rows of settled.stays that end in the year.
        year: of the file.
        beside: the neighbours of every stay.
    """
    chance = settled.lives.block.chance(f"mco ways {year}")
    before, after = (kinds[stays] for kinds in beside)
    entered, left = settled.stays.entered[stays], settled.stays.left[stays]
    for_others = settled.stay_rule[stays] == rule("inter_hospital_act")
    new = (chance.random(len(stays)) < SHARE_NEW) & (year >= NEW_EMERGENCIES)
    age = settled.lives.people.age(settled.stays.person[stays], settled.stays.end[stays])
    to_nursing_home = (left == HOME) & (age >= OLD) & (chance.random(len(stays)) < SHARE_NURSING_HOME)
    provenance = np.select(
        [settled.stays.emergency[stays] & ~for_others, entered == TRANSFER, before == HAD],
        [np.where(new, EMERGENCY_SINCE_2019, EMERGENCY), _place(before), HAD],
        NO_PLACE,
    )
    destination = np.select(
        [left == TRANSFER, (left == HOME) & (after == HAD), to_nursing_home],
        [_place(after), HAD, NURSING_HOME],
        NO_PLACE,
    )
    return {
        "ENT_MOD": small(np.where(for_others, OF_AN_ACT, entered)),
        "ENT_PRV": coded(PLACES, provenance),
        "SOR_MOD": small(np.where(for_others, OF_AN_ACT, left)),
        "SOR_DES": coded(PLACES, destination),
    }


def _place(kinds: Ints) -> NDArray[np.int64]:
    """Another hospital's medicine where nothing is known of the neighbouring stay."""
    return np.maximum(kinds, 0)
