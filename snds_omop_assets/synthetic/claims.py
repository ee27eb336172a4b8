"""Claims: each act becomes one or more lines of the DCIR, with its corrections, its copies and its day of treatment."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.synthetic.catalogue_files import DETAILS, NATURES, VISITS
from snds_omop_assets.synthetic.days import Days, Ints, first_of_month, months_of
from snds_omop_assets.synthetic.lives import EXTERNAL, Acts, rows_of
from snds_omop_assets.synthetic.people import FICTITIOUS, NOBODY, Flags
from snds_omop_assets.synthetic.rows import NO_NUMBER, rule
from snds_omop_assets.synthetic.settle import Settled, first_executors

BASE, CANCELLING, CORRECTED, PHANTOM, INFORMATION, PARTICIPATION, SUPPLEMENT = range(7)
"""Kinds of line: an act; the line that takes one back; the one that says it again; an act that never was; a line for
information; a flat participation; a supplement."""

QUICK, SLOW, SLOWER = 5.0, 25.0, 80.0
"""Mean delays from care to treatment, days: electronic claims, paper, forgotten ones."""
SLOW_SHARE, SLOWER_SHARE, LATEST_SHARE = 0.17, 0.008, 0.0015
LATEST = (180, 900)
"""The last ones come up to 27 months of flow later and more."""
LATEST_SHARE_OF_PHARMACIES = 0.025
"""So that both published figures hold (Health Data Hub, schema_relationnel_snds): 99 % of care in 6 monthly flows, and
98 % of the drugs of a year in 18."""

WRONG_AMOUNT, SUPPLEMENT_SHARE = 1.1, 0.2
EXTERNAL_IN_DCIR = "1112"
"""How a consultation in a public hospital stands in the DCIR."""


@dataclass
class Lines:
    """One row per line of ER_PRS_F of a block, of all years.

    Attributes:
        act: row of `acts`.
        kind: see above.
        quantity: signed.
        factor: of the amounts, signed.
        treated: FLX_TRT_DTD.
        claim: number of the claim in the block; ordinal: of the line in it.
        rule, visit, event: the truth.
        facility: the line has its row in ER_ETE_F.
    """

    act: Ints
    kind: Ints
    quantity: Ints
    factor: NDArray[np.float64]
    treated: Days
    claim: Ints
    ordinal: Ints
    rule: Ints
    visit: Ints
    event: Ints
    facility: Flags

    @property
    def flow(self) -> Days:
        """FLX_DIS_DTD: the first day of the month after the treatment."""
        return first_of_month(months_of(self.treated) + 1)


@dataclass
class Claims:
    """The acts that stand in the DCIR, and their lines.

    Attributes:
        acts: those of the lives, then those of the public hospitals.
        public: the act is external care of a public hospital, which its PMSI has.
        identifier: row of people.identifiers of each act.
        lines: see Lines; only those of delivered flows.
        lived: how many of the acts are no phantoms.
        date_unknown, specialty_hidden: when it was prescribed, who did it is not given, in all lines of the act.
    """

    acts: Acts
    public: Flags
    identifier: Ints
    lines: Lines
    lived: int
    date_unknown: Flags
    specialty_hidden: Flags


def make_claims(settled: Settled) -> Claims:
    """The lines of a block that are in the flows of the scenario's years."""
    book = _Book(settled)
    book.claim()
    book.regularise()
    book.cancel()
    book.copy("information_lines", INFORMATION, 1.0)
    book.copy("participation_lines", PARTICIPATION, 0.0)
    book.copy("supplement_lines", SUPPLEMENT, SUPPLEMENT_SHARE)
    made = book.close()
    _judge(settled, made)
    return made


class _Book:
    """Lines as they are claimed, corrected and copied."""

    def __init__(self, settled: Settled) -> None:
        self.settled, self.scenario = settled, settled.lives.block.scenario
        self.chance, self.counts = settled.lives.block.chance("claims"), settled.lives.counts
        self.things, people = settled.lives.catalogue, settled.lives.people
        self.acts, self.public = _with_public_care(settled, self.chance)
        of_public = np.flatnonzero(self.public)
        known = people.identifier_on(self.acts.person[of_public], self.acts.day[of_public])
        self.identifier = np.concatenate([settled.act_identifier, known])
        self.numbers = _claims(self.acts)
        first_day = int(first_of_month(months_of(self.scenario.first_day) - 1))
        self.last_day = int(first_of_month(months_of(self.scenario.last_day))) - 1
        late = self.scenario.trap("late_claims")
        first = np.flatnonzero(np.diff(self.numbers, prepend=-1))
        of_pharmacies = self.things.visit[self.acts.item[first]] == VISITS.index("pharmacy")
        delays = _delays(of_pharmacies, late, self.chance)[self.numbers]
        # Surgeon and anaesthetist are on one bill.
        self.treated = self.acts.last_day + delays[first_executors(self.acts)]
        self.delivered = (self.treated >= first_day) & (self.treated <= self.last_day)
        care = self.things.nature[self.acts.item] == NATURES.index("care")
        # Opened packs are claimed rightly, so that boxes and units do not mix.
        opened = np.concatenate([settled.act_opened, np.zeros(len(self.acts) - len(settled.acts), bool)])
        self.may_err = care & self.delivered & ~self.public & ~opened
        self.counts["deconditioned_packs"] += int((opened & self.delivered).sum())
        self.wrong = self._drawn("regularised", self.may_err)
        self.parts: list[dict[str, NDArray[Any]]] = []
        self.counts["public_external_care"] += int((self.public & self.delivered).sum())
        very_late = self.delivered & (self.treated - self.acts.last_day > LATEST[0])
        self.counts["late_claims"] += int(very_late.sum()) if late else 0

    def _drawn(self, trap: str, among: Flags) -> Ints:
        """Acts that a trap strikes."""
        found = np.flatnonzero(among & (self.chance.random(len(among)) < self.scenario.trap(trap)))
        self.counts[trap] += len(found)
        return found

    def _add(self, act: Ints, kind: int, quantity: Ints, factor: Any, treated: Days) -> None:
        columns = {"act": act, "kind": kind, "quantity": quantity, "factor": factor, "treated": treated}
        self.parts.append({name: np.broadcast_to(np.asarray(told), len(act)) for name, told in columns.items()})

    def _corrected_on(self, treated: Days) -> Days:
        """When the fund corrects: some days later, or some months; never after the last delivered flow."""
        later = self.chance.random(len(treated)) < self.scenario.trap("cancelled_later")
        days = np.where(later, self.chance.integers(30, 200, len(treated)), self.chance.integers(0, 15, len(treated)))
        corrected: Days = np.minimum(treated + days, self.last_day)
        self.counts["cancelled_later"] += int((later & (months_of(corrected) != months_of(treated))).sum())
        return corrected

    def claim(self) -> None:
        """A line for each act; those that will be corrected have a wrong amount, half of them a wrong quantity too."""
        acts, wrong = self.acts, self.wrong
        coded = self.things.detail[acts.item[wrong]] == DETAILS.index("CAM")  # one line is one act, without quantity
        more = np.where(coded, 0, self.chance.integers(0, 2, len(wrong)))
        self.quantity, factor = acts.quantity.copy(), np.ones(len(acts))
        self.quantity[wrong] += more
        factor[wrong] = WRONG_AMOUNT
        rows = np.flatnonzero(self.delivered)
        self._add(rows, BASE, self.quantity[rows], factor[rows], self.treated[rows])

    def regularise(self) -> None:
        """Corrections in three lines: the wrong one, the same with the opposite sign, the right one."""
        corrected = self._corrected_on(self.treated[self.wrong])
        self._add(self.wrong, CANCELLING, -self.quantity[self.wrong], -WRONG_AMOUNT, corrected)
        self._add(self.wrong, CORRECTED, self.acts.quantity[self.wrong], 1.0, corrected)

    def cancel(self) -> None:
        """Claims of acts that never were, and the lines that take them back: a colleague had claimed the same act."""
        of = self._drawn("cancelled", self.may_err & (self.acts.professional != NOBODY))
        drawn = len(of)
        again, of = _by_a_colleague(self.settled, self.acts, of, self.chance)
        self.counts["cancelled"] -= drawn - len(of)
        phantoms = len(self.acts) + np.arange(len(again))
        treated = self.treated[of]
        self.acts = _concatenated(self.acts, again)
        self.public = np.concatenate([self.public, np.zeros(len(again), bool)])
        self.identifier = np.concatenate([self.identifier, self.identifier[of]])
        last = int(self.numbers[-1]) if len(self.numbers) else -1
        self.numbers = np.concatenate([self.numbers, last + 1 + np.arange(len(again))])
        self._add(phantoms, PHANTOM, again.quantity, 1.0, treated)
        self._add(phantoms, CANCELLING, -again.quantity, -1.0, self._corrected_on(treated))

    def copy(self, trap: str, kind: int, share: float) -> None:
        """Lines that say an act again, for information or for a part of its price."""
        of = self._drawn(trap, self.may_err)
        self._add(of, kind, self.acts.quantity[of], share, self.treated[of])

    def close(self) -> Claims:
        """All lines."""
        told = {name: np.concatenate([part[name] for part in self.parts]) for name in self.parts[0]}
        acts, act = self.acts, told["act"]
        claim = self.numbers[act]
        nothing = np.full(len(act), NO_NUMBER)
        facility = acts.hospital[act] != NOBODY
        may_lose = (told["kind"] == CANCELLING) & facility & (acts.stay[act] == NOBODY) & ~self.public[act]
        lost = may_lose & (self.chance.random(len(act)) < self.scenario.trap("cancelled_without_site"))
        self.counts["cancelled_without_site"] += int(lost.sum())
        lines = Lines(
            act, told["kind"], told["quantity"], told["factor"], told["treated"], claim, _ordinals(claim), nothing,
            nothing, nothing, facility & ~lost,
        )  # fmt: skip
        flags = {}
        for trap, among in (("unknown_dates", acts.prescriber != NOBODY),
                            ("specialties_not_given", acts.professional != NOBODY)):  # fmt: skip
            flags[trap] = among & (self.chance.random(len(acts)) < self.scenario.trap(trap))
            self.counts[trap] += int(flags[trap][np.unique(act)].sum())
        return Claims(acts, self.public, self.identifier, lines, len(self.treated), *flags.values())


def _with_public_care(settled: Settled, chance: np.random.Generator) -> tuple[Acts, Flags]:
    """External care of public hospitals, of which the DCIR has a share."""
    acts, stays = settled.acts, settled.stays
    share = settled.lives.block.scenario.trap("public_external_care")
    rows = np.flatnonzero((stays.kind == EXTERNAL) & (chance.random(len(stays)) < share))
    nothing = np.full(len(rows), NOBODY)
    again = Acts(
        stays.person[rows], stays.start[rows], stays.start[rows],
        np.full(len(rows), settled.lives.catalogue.places[EXTERNAL_IN_DCIR]), np.ones(len(rows), np.int64), nothing,
        nothing, stays.start[rows], stays.hospital[rows], nothing, np.zeros(len(rows), np.int64),
    )  # fmt: skip
    return _concatenated(acts, again), np.arange(len(acts) + len(rows)) >= len(acts)


def _concatenated(one: Acts, other: Acts) -> Acts:
    return Acts(**{
        field.name: np.concatenate([getattr(one, field.name), getattr(other, field.name)]) for field in fields(Acts)
    })  # fmt: skip


def _claims(acts: Acts) -> Ints:
    """One claim per person, day and executor; acts stand in this order, those of public hospitals after them."""
    new = np.ones(len(acts), bool)
    same = np.ones(max(len(acts) - 1, 0), bool)
    for column in (acts.person, acts.day, acts.professional, acts.hospital):
        same &= column[1:] == column[:-1]
    new[1:] = ~same
    numbers: Ints = np.cumsum(new) - 1
    return numbers


def _delays(of_pharmacies: Flags, late: float, chance: np.random.Generator) -> Days:
    """Days from care to treatment, of claims; `late` is the share of the late ones that there are."""
    draw = chance.random(len(of_pharmacies))
    latest = draw > 1 - late * np.where(of_pharmacies, LATEST_SHARE_OF_PHARMACIES, LATEST_SHARE)
    slower = ~latest & (draw > 1 - late * (SLOWER_SHARE + LATEST_SHARE_OF_PHARMACIES * of_pharmacies))
    mean = np.where(slower, SLOWER, np.where(draw < SLOW_SHARE, SLOW, QUICK))
    days = (2 + chance.exponential(1.0, len(draw)) * mean).astype(np.int64)
    days[latest] = chance.integers(*LATEST, int(latest.sum()))
    return days


def _by_a_colleague(settled: Settled, acts: Acts, of: Ints, chance: np.random.Generator) -> tuple[Acts, Ints]:
    """The same acts by a colleague of the department, and which acts they are. Where there is no colleague, or one who
    really did it too, nothing is claimed wrongly."""
    lives = settled.lives
    again = rows_of(acts, of)
    professions = lives.catalogue.profession[again.item]
    for profession in np.unique(professions):
        rows = np.flatnonzero(professions == profession)
        again.professional[rows] = lives.who(str(profession), again.person[rows], chance.integers(2, 10, len(rows)))
    new = ~np.isin(_who_did_what(again, acts), _who_did_what(acts))
    return rows_of(again, new), of[new]


def _who_did_what(acts: Acts, among: Acts | None = None) -> Ints:
    """One number per person, day, thing and executor."""
    among = among or acts
    base = int(among.day.min(initial=0))
    span = int(among.day.max(initial=0)) - base + 1
    things = int(among.item.max(initial=0)) + 1
    executors = int(max(acts.professional.max(initial=0), among.professional.max(initial=0))) + 2
    numbers: Ints = ((acts.person * span + acts.day - base) * things + acts.item) * executors + acts.professional + 1
    return numbers


def _ordinals(claim: Ints) -> Ints:
    """1, 2, 3... within each claim."""
    order = np.argsort(claim, kind="stable")
    ordered = claim[order]
    first = np.ones(len(order), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.arange(len(order)) - starts + 1
    return numbers


def _judge(settled: Settled, made: Claims) -> None:
    """What becomes of each line: the first reason in this order."""
    lives, lines, acts = settled.lives, made.lines, made.acts
    people = lives.people
    act = lines.act
    nature = lives.catalogue.nature[acts.item[act]]
    mine = act < len(settled.acts)
    visit = np.where(mine, settled.act_visit[np.where(mine, act, 0)] if len(settled.acts) else NO_NUMBER, NO_NUMBER)
    event = np.where(mine, settled.act_event[np.where(mine, act, 0)] if len(settled.acts) else NO_NUMBER, NO_NUMBER)
    reasons = (
        ("information_line", lines.kind == INFORMATION),
        ("also_in_pmsi", made.public[act] | (acts.stay[act] != NOBODY) | (nature == NATURES.index("clinic"))),
        ("participation_line", lines.kind == PARTICIPATION),
        ("supplement_line", lines.kind == SUPPLEMENT),
        ("no_care_contact", nature == NATURES.index("none")),
        ("fictitious_identifier", np.isin(people.identifiers.kind[made.identifier[act]], FICTITIOUS)),
        ("no_birth_year", people.why_not[acts.person[act]] == "birth_year_unknown"),
        ("netted", act >= made.lived),
        ("same_act", mine & settled.act_by_others[np.where(mine, act, 0)]),
        ("accessory_without_visit", (nature == NATURES.index("accessory")) & (visit == NO_NUMBER)),
        ("accessory_line", nature == NATURES.index("accessory")),
    )
    lines.rule = np.select([flags for _, flags in reasons], [rule(name) for name, _ in reasons], rule("visit"))
    loaded = np.isin(lines.rule, (rule("visit"), rule("accessory_line")))
    lines.visit = np.where(loaded, visit, NO_NUMBER)
    lines.event = np.where(loaded, event, NO_NUMBER)
