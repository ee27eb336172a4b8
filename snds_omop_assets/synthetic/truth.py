"""The truth of a block as tables: persons, identifiers, visits, events.

Everything is read from the lives. What the delivered rows add is only whether an event or a visit was delivered at all,
and if not why; no value is read back from them, and nothing is computed as a converter would.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from snds_omop_assets.synthetic.catalogue_files import RENTAL_DAYS, VISITS, rented
from snds_omop_assets.synthetic.days import NEVER, Days, Ints
from snds_omop_assets.synthetic.dcir import unknown_communes
from snds_omop_assets.synthetic.deaths import causes, dead, dead_before, matched
from snds_omop_assets.synthetic.lives import (
    CONSULTATION,
    DEATH,
    DEVICE,
    DIAGNOSIS,
    EXTERNAL,
    EXTERNAL_SSR,
    HAD,
    MCO,
    NO_CODE,
    ROLES,
    rows_of,
)
from snds_omop_assets.synthetic.people import FICTITIOUS, NOBODY, UNKNOWN_YEAR
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, coded, dates, rules, texts, unique_texts, whole
from snds_omop_assets.synthetic.settle import Settled, events_by_others

INPATIENT_KINDS = ("outpatient", "emergency", "inpatient", "emergency_inpatient", "home_hospitalisation")
KINDS = (*VISITS, *(kind for kind in INPATIENT_KINDS if kind not in VISITS))
"""Kinds of visit: outpatient 9202, home 581476, pharmacy 581458, laboratory 32036, telehealth 5083, transport 581478,
emergency 9203, inpatient 9201, emergency_inpatient 262, home_hospitalisation 581476."""


class Delivered:
    """Which visits and events the delivered rows of a block load, and how many rows each rule has."""

    def __init__(self) -> None:
        self.visits: list[Ints] = []
        self.events: list[Ints] = []
        self.rules: Counter[str] = Counter()

    def take(self, rows: SourceRows) -> SourceRows:
        """Note what rows say; gives them back."""
        if rows.rule is not None:
            buckets = np.array([found.bucket == "loaded" for found in rules().values()])
            loaded = buckets[rows.rule]
            for name, count in zip(rules(), np.bincount(rows.rule, minlength=len(buckets)).tolist(), strict=True):
                self.rules[name] += count
            if rows.visit is not None:
                self.visits.append(np.unique(rows.visit[loaded & (rows.visit != NO_NUMBER)]))
            if rows.event is not None:
                self.events.append(np.unique(rows.event[loaded & (rows.event != NO_NUMBER)]))
        return rows


def truth_tables(settled: Settled, delivered: Delivered) -> Iterator[tuple[str, pa.Table]]:
    """The tables of the truth, by name: persons, identifiers, visits, events, deaths."""
    yield "persons", persons(settled)
    yield "identifiers", identifiers(settled)
    yield "visits", visits(settled, _union(delivered.visits))
    yield "events", events(settled, _union(delivered.events))
    yield "deaths", deaths(settled, _union(delivered.visits))


def persons(settled: Settled) -> pa.Table:
    """One row per person: number, what the latest state of the identifiers says (sex, year and month of birth, commune,
    department), when they were born, whose child they are.

    What was not delivered is NULL: the month of somebody whom IR_BEN_R does not have, a commune that is 999.
    """
    people, world = settled.lives.people, settled.lives.world
    found = people.identifiers
    last = (people.since < NEVER).sum(axis=1) - 1
    latest = people.identifier[np.arange(len(people)), last]
    mother, unknown = people.mother, unknown_communes(settled)
    known = found.birth_year[latest] != UNKNOWN_YEAR
    return pa.table({
        "person": pa.array(people.first + np.arange(len(people))),
        "sex": whole(found.sex[latest]),
        "year_of_birth": whole(found.birth_year[latest], ~known),
        "month_of_birth": whole(found.birth_month[latest], people.absent),
        "birth": dates(people.birth),
        "commune": coded(["", *world.commune], np.where(unknown, 0, 1 + found.commune[latest])),
        "department": coded(world.departments, world.commune_department[found.commune[latest]]),
        "in_referential": pa.array(~people.absent),
        "why_not": texts(people.why_not),
        "mother": pa.array(people.first + mother, mask=mother == NOBODY),
        "twin": pa.array(people.first + people.twin, mask=people.twin == NOBODY),
    })  # fmt: skip


def identifiers(settled: Settled) -> pa.Table:
    """One row per identifier (pseudo-NIR and rank) of a person; `certain` is false where no file tells whose it is."""
    people = settled.lives.people
    found = people.identifiers
    archived = np.where(found.in_archive, found.anonymous_archived, "")
    return pa.table({
        "person": pa.array(people.first + found.person),
        "BEN_NIR_PSA": unique_texts(found.psa),
        "BEN_RNG_GEM": whole(found.rank),
        "BEN_NIR_ANO": unique_texts(np.where(found.anonymous == "", archived, found.anonymous)),
        "BEN_CDI_NIR": texts(found.kind),
        "in_IR_BEN_R": pa.array(found.in_referential),
        "in_IR_BEN_R_ARC": pa.array(found.in_archive),
        "certain": pa.array(found.certain & ~np.isin(found.kind, FICTITIOUS)),
        "why": texts(found.why),
    })  # fmt: skip


def visits(settled: Settled, delivered: Ints) -> pa.Table:
    """One row per visit: person, days, kind, who or where; whether a row of the delivery loads it.

    `main_nature` is the PRS_NAT_REF of the dearest act of a visit outside hospitals, the smallest code of several. A
    stay that runs beyond the last day ends there: nobody knows more yet.
    """
    lives, acts, stays = settled.lives, settled.acts, settled.stays
    first = lives.people.first
    made = np.flatnonzero(settled.act_visit != NO_NUMBER)
    # Accessory acts share a visit's number; the care act of the same number tells what it is.
    care = made[lives.catalogue.visit[acts.item[made]] > 0]
    number, places = np.unique(settled.act_visit[care], return_index=True)
    rows = care[places]
    stay = np.flatnonzero(settled.stay_visit != NO_NUMBER)
    main = _main_natures(settled, made)
    professionals, hospitals = lives.world.professionals, lives.world.hospitals
    return pa.table({
        "visit": pa.array(np.concatenate([number, settled.stay_visit[stay]])),
        "person": pa.array(first + np.concatenate([acts.person[rows], stays.person[stay]])),
        "start": dates(np.concatenate([acts.day[rows], stays.start[stay]])),
        "end": dates(np.concatenate([acts.last_day[rows], _known_end(settled)[stay]])),
        "kind": coded(KINDS, np.concatenate([lives.catalogue.visit[acts.item[rows]], _kinds(settled)[stay]])),
        "main_nature": coded(["", *lives.catalogue.prs_nat_ref], np.concatenate([1 + main, np.zeros(len(stay), int)])),
        "professional": coded(["", *professionals.number],
                              1 + np.concatenate([acts.professional[rows], np.full(len(stay), NOBODY)])),
        "hospital": coded(["", *hospitals.number], 1 + np.concatenate([acts.hospital[rows], stays.hospital[stay]])),
        **_expected(np.concatenate([number, settled.stay_visit[stay]]), delivered),
    })  # fmt: skip


def _known_end(settled: Settled) -> Days:
    """The last day of each stay, or the last that is told."""
    return np.minimum(settled.stays.end, settled.lives.ends)


def _main_natures(settled: Settled, made: Ints) -> Ints:
    """The thing of the catalogue that tells what each visit is, in the order of their numbers."""
    acts, things = settled.acts, settled.lives.catalogue
    made = made[things.visit[acts.item[made]] > 0]
    item, visit = acts.item[made], settled.act_visit[made]
    amount = np.round(things.price[item] * acts.quantity[made], 2)
    order = np.lexsort((things.prs_nat_ref[item].astype(np.int64), -amount, visit))
    first = np.diff(visit[order], prepend=-1) > 0
    main: Ints = item[order[first]]
    return main


def _kinds(settled: Settled) -> Ints:
    """The kind of visit of each stay."""
    stays = settled.stays
    nights = stays.end - stays.start
    external = np.isin(stays.kind, (EXTERNAL, EXTERNAL_SSR))
    short = (stays.kind == MCO) & ((nights == 0) | stays.session)
    day = external | short | stays.partial
    emergency = stays.emergency & np.isin(stays.kind, (MCO, EXTERNAL))
    return np.select(
        [stays.kind == HAD, day & emergency & ~stays.session, day, emergency],
        [KINDS.index(name) for name in ("home_hospitalisation", "emergency", "outpatient", "emergency_inpatient")],
        KINDS.index("inpatient"),
    )


def events(settled: Settled, delivered: Ints) -> pa.Table:
    """One row per event: person, days, visit, what (role, nomenclature, code), net quantity, activity and phase."""
    parts = [
        _of_acts(settled),
        _of_stays(settled),
        _diagnoses(settled, False),
        _diagnoses(settled, True),
        _long_term(settled),
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return pa.table({
        "event": pa.array(columns["event"]),
        "person": pa.array(columns["person"]),
        "visit": pa.array(columns["visit"], mask=columns["visit"] == NO_NUMBER),
        "start": dates(columns["start"]),
        "end": dates(columns["end"], columns["end"] >= NEVER),
        "role": texts(columns["role"]),
        "nomenclature": texts(columns["nomenclature"]),
        "code": texts(columns["code"]),
        "quantity": whole(columns["quantity"]),
        "activity": whole(columns["activity"]),
        "phase": whole(columns["phase"]),
        **_expected(columns["event"], delivered),
    })  # fmt: skip


Part = dict[str, NDArray[np.generic]]


def _part(
    event: Ints, person: Ints, visit: Ints, start: Days, end: Days, role: object, nomenclature: object, code: object,
    quantity: object = 1, activity: object = 0, phase: object = 0,
) -> Part:  # fmt: skip
    told = {
        "event": event, "person": person, "visit": visit, "start": start, "end": end, "role": role,
        "nomenclature": nomenclature, "code": code, "quantity": quantity, "activity": activity, "phase": phase,
    }  # fmt: skip
    return {name: np.broadcast_to(np.asarray(value), len(event)) for name, value in told.items()}


ROLE_OF_NOMENCLATURE = {"CIP13": "drug", "UCD": "drug", "CCAM": "procedure", "NABM": "laboratory", "LPP": "device"}


def _of_acts(settled: Settled) -> Part:
    lives, acts = settled.lives, settled.acts
    rows = np.flatnonzero(settled.act_event != NO_NUMBER)
    item = acts.item[rows]
    roles = np.array([ROLE_OF_NOMENCLATURE.get(name, "") for name in lives.catalogue.nomenclature.tolist()])
    return _part(
        settled.act_event[rows], lives.people.first + acts.person[rows], settled.act_visit[rows], acts.day[rows],
        _end_of_act(settled, rows), roles[item], lives.catalogue.nomenclature[item], lives.catalogue.code[item],
        np.where(settled.act_opened, settled.units, acts.quantity)[rows], acts.activity[rows],
    )  # fmt: skip


def _end_of_act(settled: Settled, rows: Ints) -> Days:
    """The day itself; of devices, the last day of a rental, and none of what is bought."""
    lives, acts = settled.lives, settled.acts
    item, day = acts.item[rows], acts.day[rows]
    device = lives.catalogue.nomenclature[item] == "LPP"
    return np.where(device, np.where(rented(lives.catalogue)[item], day + RENTAL_DAYS - 1, NEVER), day)


def _of_stays(settled: Settled) -> Part:
    lives, stays = settled.lives, settled.stays
    own = ~events_by_others(settled.events) & (settled.events.role != CONSULTATION)
    events_ = rows_of(settled.events, own)
    day = stays.start[events_.stay] + events_.delay
    return _part(
        settled.stay_event[own], lives.people.first + stays.person[events_.stay], settled.stay_visit[events_.stay],
        day, np.select([events_.role == DIAGNOSIS, events_.role == DEVICE],
                       [_known_end(settled)[events_.stay], np.full(len(day), NEVER)], day),
        np.array(ROLES)[events_.role], lives.codes.nomenclature[events_.code], lives.codes.code[events_.code],
        events_.quantity, events_.activity, events_.phase,
    )  # fmt: skip


def _diagnoses(settled: Settled, related: bool) -> Part:
    lives, stays = settled.lives, settled.stays
    code = stays.related if related else stays.diagnosis
    # What another hospital says of a stay, and external care, have no diagnosis of their own.
    told = (code != NO_CODE) & (lives.codes.code[code] != "") & (settled.stay_visit != NO_NUMBER)
    rows = np.flatnonzero(told & ~np.isin(stays.kind, (EXTERNAL, EXTERNAL_SSR)))
    return _part(
        (settled.related_event if related else settled.main_event)[rows], lives.people.first + stays.person[rows],
        settled.stay_visit[rows], stays.start[rows], _known_end(settled)[rows],
        "related_diagnosis" if related else "main_diagnosis", "CIM10", lives.codes.code[code[rows]],
    )  # fmt: skip


def _long_term(settled: Settled) -> Part:
    lives, diseases = settled.lives, settled.diseases
    return _part(
        settled.disease_event, lives.people.first + diseases.person, np.full(len(diseases), NO_NUMBER), diseases.start,
        diseases.end, "long_term_disease", "CIM10", lives.codes.code[diseases.code],
    )  # fmt: skip


def deaths(settled: Settled, delivered: Ints) -> pa.Table:
    """One row per person who died: the day; of the years of the delivery also the initial cause, and whether the
    CépiDc's death is matched to the person.

    Of somebody whom IR_BEN_R does not have, only a hospital tells the death (SOR_MOD 9).
    """
    lives, people = settled.lives, settled.lives.people
    now, before = dead(settled), dead_before(settled)
    who = np.concatenate([now, before])
    told = np.arange(len(who)) < len(now)
    stays = settled.stays
    known = ~people.absent
    known[stays.person[(stays.left == DEATH) & np.isin(settled.stay_visit, delivered)]] = True
    return pa.table({
        "person": pa.array(people.first + who),
        "death": dates(people.death[who]),
        "cause": coded(["", *lives.codes.code], np.where(told, 1 + causes(settled)[who], 0)),
        "matched": pa.array(matched(settled)[who] & told),
        "expected": pa.array((people.why_not[who] == "") & known[who]),
    })  # fmt: skip


def _expected(numbers: Ints, delivered: Ints) -> dict[str, pa.Array]:
    """Whether a delivered row loads it: what is not expected came too late, or under an identifier of nobody."""
    return {"expected": pa.array(np.isin(numbers, delivered))}


def _union(parts: Sequence[Ints]) -> Ints:
    return np.unique(np.concatenate(parts)) if parts else np.array([], np.int64)
