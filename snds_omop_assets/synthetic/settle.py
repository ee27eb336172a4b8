"""Lives as they are in the end: nothing after death, no two stays at once, each act once; visits have their numbers."""

from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.synthetic.catalogue_files import DETAILS, NATURES
from snds_omop_assets.synthetic.days import FAR, NEVER, Ints, years_of
from snds_omop_assets.synthetic.lives import (
    DEATH,
    DIAGNOSIS,
    HAD,
    MCO,
    NO_CODE,
    PSY,
    SSR,
    Acts,
    Diseases,
    Lives,
    StayEvents,
    Stays,
    rows_of,
)
from snds_omop_assets.synthetic.people import FICTITIOUS, NOBODY, Flags
from snds_omop_assets.synthetic.rows import NO_NUMBER, rule

NUMBERS = 1_000_000_000
"""Visits and events of a block are numbered from its number times this."""

INPATIENT = (MCO, SSR, HAD, PSY)

CONTACTS = (NATURES.index("care"), NATURES.index("accessory"))

AT_MOST = {"H259": 2, "M160": 2, "M171": 2, "K409": 2, "K358": 1, "K802": 1, "N40": 1}
"""How often somebody is operated for a disease: eyes, hips, knees and groins come in pairs."""


RANK_SINCE = 2015
"""RNG_NAI is in T_MCOaaC since 2015."""


@dataclass
class Settled:
    """The lives of a block, final.

    Attributes:
        lives: block, world, people, catalogue, codes.
        acts, stays, events, diseases: what happens; stays are in the order of person and start.
        act_visit, stay_visit: number of the visit of each, NO_NUMBER for acts that make none.
        act_event: number of the event of each act with a code of its own, else NO_NUMBER.
        stay_event, main_event, related_event: numbers of what happens in a stay and of its diagnoses.
        disease_event: numbers of the long-term diseases.
        stay_rule: what becomes of the rows of each stay: rule("visit"), or the rule that sets it aside.
        stay_delivered: whether it ends in a delivered year.
        stay_identifier, act_identifier: rows of people.identifiers under which each is known.
        act_by_others: the act is another executor's part of an act.
        act_opened: units of an opened pack are handed out.
    """

    lives: Lives
    acts: Acts
    stays: Stays
    events: StayEvents
    diseases: Diseases
    act_visit: Ints
    stay_visit: Ints
    act_event: Ints
    stay_event: Ints
    main_event: Ints
    related_event: Ints
    disease_event: Ints
    stay_rule: Ints
    stay_delivered: Flags
    stay_identifier: Ints
    act_identifier: Ints
    act_by_others: Flags
    act_opened: Flags

    @property
    def units(self) -> Ints:
        """How many units each act hands out of an opened pack; 0 where it hands out packs, or is no drug."""
        return np.where(self.act_opened, 1 + np.arange(len(self.acts)) % 12, 0)

    @property
    def stay_year(self) -> Ints:
        """The year of the file of each stay: that of its end."""
        return years_of(self.stays.end)


def settle(lives: Lives) -> Settled:
    """Make lives consistent and number what is in them."""
    people, block = lives.people, lives.block
    stays, kept = _stays(lives)
    events, acts = lives.events(), lives.acts()
    new_row = np.full(len(kept) + 1, NOBODY)
    new_row[:-1][kept >= 0] = kept[kept >= 0]
    stays.mother = new_row[stays.mother]
    stays.related = np.where(stays.related == stays.diagnosis, NO_CODE, stays.related)
    events = rows_of(events, new_row[events.stay] >= 0)
    events.stay = new_row[events.stay]
    events.delay = np.clip(events.delay, 0, (stays.end - stays.start)[events.stay])
    acts = rows_of(acts, (acts.stay == NOBODY) | (new_row[acts.stay] >= 0))
    acts.stay = new_row[acts.stay]
    acts = _once(rows_of(
        acts, (acts.day >= lives.begins) & (acts.day <= lives.ends) & people.alive(acts.day, acts.person)
    ))  # fmt: skip
    elsewhere = np.isin(lives.catalogue.nature[acts.item], CONTACTS) & (acts.stay == NOBODY)
    acts = rows_of(acts, ~(elsewhere & _in_hospital(stays, acts.person, acts.day, "left")))
    acts = rows_of(acts, _told(lives, "executors of acts", acts_by_others(acts)))
    events = _once_in_stay(events, stays)
    events = rows_of(events, _told(lives, "executors in stays", events_by_others(events)))
    acts.last_day = np.minimum(np.maximum(acts.last_day, acts.day), people.death[acts.person])
    stays, inter_hospital = _with_acts_for_others(lives, stays)
    diseases = lives.diseases()
    diseases = rows_of(diseases, people.birth[diseases.person] <= diseases.start)
    first = block.number * NUMBERS
    act_visit, visits = _visits(lives, acts)
    stay_visit = np.where(inter_hospital, NO_NUMBER, first + visits + np.arange(len(stays)))
    others = acts_by_others(acts)
    # What is done in a stay of a private hospital is an event of that stay.
    own = (lives.catalogue.detail[acts.item] > 0) & ~others & (acts.stay == NOBODY)
    coded = np.where(own, np.arange(len(acts)), NO_NUMBER)
    bases = np.cumsum([0, len(acts), len(events), len(stays), len(stays)]) + first
    numbers = [base + np.arange(count) for base, count in
               zip(bases[1:], (len(events), len(stays), len(stays), len(diseases)), strict=True)]  # fmt: skip
    return Settled(
        lives, acts, stays, events, diseases,
        np.where(act_visit >= 0, first + act_visit, NO_NUMBER), stay_visit,
        np.where(coded >= 0, first + coded, NO_NUMBER), numbers[0], numbers[1],
        np.where(stays.related == NO_CODE, NO_NUMBER, numbers[2]), numbers[3],
        _stay_rules(lives, stays, inter_hospital),
        (stays.end >= block.scenario.first_day) & (stays.end <= block.scenario.last_day),
        people.identifier_on(stays.person, stays.start), people.identifier_on(acts.person, acts.day), others,
        _opened(lives, acts),
    )  # fmt: skip


def _opened(lives: Lives, acts: Acts) -> Flags:
    """Packs of a pharmacy that are opened to hand out units."""
    draw = lives.block.chance("deconditioned_packs").random(len(acts))
    packs = lives.catalogue.detail[acts.item] == DETAILS.index("PHA")
    flags: Flags = packs & (draw < lives.block.scenario.trap("deconditioned_packs"))
    return flags


def first_executors(acts: Acts) -> Ints:
    """The row of the first executor's part of each act: the surgeon's (activity 1) of what the anaesthetist (4) did."""
    return _first(acts.activity, acts.person, acts.day, acts.item, acts.hospital)


def acts_by_others(acts: Acts) -> Flags:
    """Which acts are another executor's part of an act."""
    flags: Flags = acts.activity > acts.activity[first_executors(acts)]
    return flags


def events_by_others(events: StayEvents) -> Flags:
    """The same for the acts of a stay, a day and a phase."""
    first = _first(events.activity, events.stay, events.role, events.code, events.delay, events.phase)
    flags: Flags = events.activity > events.activity[first]
    return flags


def _first(activity: Ints, *same: Ints) -> Ints:
    """Of the rows with the same values, the one with the smallest activity; for each row."""
    order = np.lexsort((activity, *same))
    new = np.zeros(len(order), bool)
    new[:1] = True
    for column in same:
        new[1:] |= column[order][1:] != column[order][:-1]
    start = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
    first = np.zeros(len(order), np.int64)
    first[order] = order[start]
    return first


def _told(lives: Lives, name: str, by_others: Flags) -> Flags:
    """Without the trap, operations are told by the surgeon alone; with it, most have both."""
    share = lives.block.scenario.trap("site_with_two_executors")
    kept: Flags = ~by_others | (lives.block.chance(name).random(len(by_others)) < share)
    lives.counts["site_with_two_executors"] += int((kept & by_others).sum())
    return kept


def _once_in_stay(events: StayEvents, stays: Stays) -> StayEvents:
    """Each thing once on a day of a stay; a diagnosis that is the main or related one is not associated too."""
    key = (events.stay, events.role, events.code, events.delay, events.activity, events.phase)
    order = np.lexsort(key)
    new = np.ones(len(events), bool)
    same = np.ones(max(len(events) - 1, 0), bool)
    for column in key:
        same &= column[order][1:] == column[order][:-1]
    new[order[1:]] = ~same
    code = events.code
    said = (events.role == DIAGNOSIS) & ((code == stays.diagnosis[events.stay]) | (code == stays.related[events.stay]))
    once: StayEvents = rows_of(events, new & ~said)
    return once


def _stays(lives: Lives) -> tuple[Stays, Ints]:
    """Stays of the living, one at a time; and the new row of each old one."""
    people, stays = lives.people, lives.stays()
    count = len(stays)
    stays.end = np.minimum(stays.end, people.death[stays.person])
    dead = (stays.end == people.death[stays.person]) & np.isin(stays.kind, INPATIENT) & (stays.end < NEVER)
    stays.left = np.where(dead, DEATH, np.where(stays.left == DEATH, 8, stays.left))
    good = (
        people.alive(stays.start, stays.person) & (stays.end <= lives.ends + 400) & (stays.start >= lives.begins - 400)
    )
    order = np.lexsort((np.arange(count), stays.start, stays.person))
    order = order[good[order]]
    ordered = rows_of(stays, order)
    order = order[_not_overlapping(ordered) & _often_enough(lives, ordered)]
    ordered = rows_of(stays, order)
    outside = ~np.isin(ordered.kind, INPATIENT)
    order = order[~(outside & _in_hospital(ordered, ordered.person, ordered.start, "right"))]
    kept = np.full(count, NOBODY)
    kept[order] = np.arange(len(order))
    return rows_of(stays, order), kept


def _not_overlapping(stays: Stays) -> Flags:
    """Which stays begin when the one before of the same person has ended; external care may fall on any day."""
    keep = np.ones(len(stays), bool)
    inside = np.flatnonzero(np.isin(stays.kind, INPATIENT))
    while len(inside) > 1:
        person, start, end = stays.person[inside], stays.start[inside], stays.end[inside]
        same = person[1:] == person[:-1]
        # A transfer begins on the day the stay before ended; two stays of one day are two only if one follows.
        clash = same & ((start[1:] < end[:-1]) | (start[1:] == start[:-1]))
        # Of a row of clashing stays, every second one goes, and the rest is looked at again.
        drop = np.zeros(len(inside), bool)
        drop[1:] = clash
        starts_run = drop & ~np.concatenate([[False], drop[:-1]])
        if not starts_run.any():
            break
        keep[inside[starts_run]] = False
        inside = inside[~starts_run]
    return keep


def _often_enough(lives: Lives, stays: Stays) -> Flags:
    """Which stays, in the order of person and start, are not one operation too many."""
    allowed = np.full(len(lives.codes.code), NEVER)
    for code, times in AT_MOST.items():
        allowed[lives.codes.place(f"CIM10:{code}")] = times
    keep = np.ones(len(stays), bool)
    rows = np.flatnonzero((stays.kind == MCO) & (stays.diagnosis != NO_CODE))
    rows = rows[allowed[stays.diagnosis[rows]] < NEVER]
    which = stays.person[rows] * len(allowed) + stays.diagnosis[rows]
    order = np.argsort(which, kind="stable")
    before = np.arange(len(rows)) - np.searchsorted(which[order], which[order])
    keep[rows[order]] = before < allowed[stays.diagnosis[rows[order]]]
    return keep


def _in_hospital(stays: Stays, person: Ints, day: Ints, side: Literal["left", "right"]) -> Flags:
    """Who is in a hospital day and night then, where nobody else can bill care.

    Args:
        stays: in the order of person and start.
        person, day: whose, when.
        side: the day of entry is still free ("left"), or no more ("right"); the day of leaving always is.
    """
    rows = np.flatnonzero(
        np.isin(stays.kind, (MCO, SSR, PSY)) & ~stays.partial & ~stays.session & (stays.end > stays.start)
    )
    if not len(rows):
        return np.zeros(len(person), bool)
    place = rows[np.searchsorted(stays.person[rows] * FAR + stays.start[rows], person * FAR + day, side=side) - 1]
    inside: Flags = (stays.person[place] == person) & (stays.start[place] <= day) & (day < stays.end[place])
    return inside


def _once(acts: Acts) -> Acts:
    """Each act of a person, day, thing, executor and facility once, in the order of person and day."""
    order = np.lexsort((acts.activity, acts.hospital, acts.item, acts.professional, acts.day, acts.person))
    acts = rows_of(acts, order)
    new = np.zeros(len(acts), bool)
    new[:1] = True
    for column in (acts.person, acts.day, acts.item, acts.professional, acts.hospital, acts.activity):
        new[1:] |= column[1:] != column[:-1]
    once: Acts = rows_of(acts, new)
    return once


def _visits(lives: Lives, acts: Acts) -> tuple[Ints, int]:
    """Number the visits: one per person, first and last day, kind, executor and facility; accessory acts join one."""
    things = lives.catalogue
    kind = things.visit[acts.item]
    makes = (things.nature[acts.item] == NATURES.index("care")) & (acts.stay == NOBODY)
    makes &= ~acts_by_others(acts)  # the same act, and no visit of its own
    visit = np.full(len(acts), NO_NUMBER)
    rows = np.flatnonzero(makes)
    key = (acts.person, acts.day, acts.last_day, kind, acts.professional, acts.hospital)
    order = rows[np.lexsort(tuple(column[rows] for column in reversed(key)))]
    new = np.zeros(len(order), bool)
    new[:1] = True
    for column in key:
        new[1:] |= column[order][1:] != column[order][:-1]
    visit[order] = np.cumsum(new) - 1
    count = int(new.sum())
    # The first visit of the same person, day and executor takes the accessory acts.
    accessory = np.flatnonzero((things.nature[acts.item] == NATURES.index("accessory")) & (acts.stay == NOBODY))
    contact = _contacts(acts)
    order = rows[np.argsort(visit[rows], kind="stable")]
    found, places = np.unique(contact[order], return_index=True)
    if len(found):
        at = np.minimum(np.searchsorted(found, contact[accessory]), len(found) - 1)
        there = found[at] == contact[accessory]
        visit[accessory[there]] = visit[order[places[at[there]]]]
    return visit, count


def _contacts(acts: Acts) -> Ints:
    """One number per person, day and executor. Acts stand in the order of person and day."""
    most = int(acts.professional.max(initial=0)) + 2
    day = acts.day - acts.day.min(initial=0)
    span = int(day.max(initial=0)) + 1
    numbers: Ints = (acts.person * span + day) * most + acts.professional + 1
    return numbers


def _with_acts_for_others(lives: Lives, stays: Stays) -> tuple[Stays, NDArray[np.bool_]]:
    """Some short stays are said again by another hospital that did an act for them (SEJ_TYP B)."""
    chance = lives.block.chance("inter_hospital_acts")
    share = lives.block.scenario.trap("inter_hospital_acts")
    rows = np.flatnonzero((stays.kind == MCO) & (chance.random(len(stays)) < share))
    again = rows_of(stays, rows)
    again = replace(again, hospital=lives.where("public", again.person, 3), mother=np.full(len(rows), NOBODY),
                    end=again.start)  # fmt: skip
    joined = Stays(**{
        field.name: np.concatenate([getattr(stays, field.name), getattr(again, field.name)]) for field in fields(Stays)
    })  # fmt: skip
    return joined, np.arange(len(joined)) >= len(stays)


def _stay_rules(lives: Lives, stays: Stays, inter_hospital: Flags) -> Ints:
    """What becomes of each stay; the first reason in this order."""
    people, scenario, chance = lives.people, lives.block.scenario, lives.block.chance("stays")
    count = len(stays)
    identifiers, used = people.identifiers, people.identifier_on(stays.person, stays.start)
    draw = chance.random((4, count))
    shared = (people.twin[stays.person] >= 0) & _psa_shared(lives)[used]
    told = (draw[3] < 0.5) & (years_of(stays.end) >= RANK_SINCE) & np.isin(stays.kind, (MCO, HAD))  # noqa: PLR2004
    reasons = (
        ("inter_hospital_act", inter_hospital),
        ("grouping_error", np.isin(stays.kind, INPATIENT[:3]) & (draw[0] < scenario.trap("grouping_errors"))),
        ("return_code", draw[1] < scenario.trap("return_codes")),
        ("dummy_identifier", draw[2] < scenario.trap("dummy_pseudonym")),
        ("fictitious_identifier", np.isin(identifiers.kind[used], FICTITIOUS)),
        ("no_birth_year", people.why_not[stays.person] == "birth_year_unknown"),
        ("ambiguous_twin", shared & ~told),
    )
    found = np.select([flags for _, flags in reasons], [rule(name) for name, _ in reasons], rule("visit"))
    traps = ("inter_hospital_acts", "grouping_errors", "return_codes", "dummy_pseudonym")
    # Files have stays that ended in their year; those of weeks and sequences have running ones too.
    last = np.where(np.isin(stays.kind, (HAD, SSR, PSY)), stays.start, stays.end)
    delivered = (stays.end >= scenario.first_day) & (last <= scenario.last_day)
    for trap, (name, _) in zip(traps, reasons, strict=False):
        lives.counts[trap] += int((delivered & (found == rule(name))).sum())
    return found


def _psa_shared(lives: Lives) -> Flags:
    """Which identifiers have the pseudo-NIR of somebody else."""
    identifiers = lives.people.identifiers
    _, places, counts = np.unique(identifiers.psa, return_inverse=True, return_counts=True)
    persons = np.unique(np.stack([places, identifiers.person]), axis=1)
    several = np.bincount(persons[0], minlength=len(counts)) > 1
    flags: Flags = several[places]
    return flags
