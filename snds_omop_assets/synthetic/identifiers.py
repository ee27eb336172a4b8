"""Under which numbers each person is known, and when: one short story per person, most of them without any event.

A pseudo-NIR is a hash of the NIR of the insured, the birth date and the sex (Health Data Hub,
fiches/fiche_beneficiaire.md): so a child has one per insured parent and then its own, and twins of one sex under one
parent share it.
"""

from typing import Any

import numpy as np

from snds_omop_assets.errors import SettingsError
from snds_omop_assets.synthetic.days import NEVER, Days, Ints, month_in_year, years_of
from snds_omop_assets.synthetic.families import STUDENT_UNTIL
from snds_omop_assets.synthetic.people import (
    AGRICULTURAL,
    CERTIFIED,
    FICTITIOUS,
    INDEPENDENT,
    PROVISIONAL,
    UNKNOWN_YEAR,
    YEAR,
    Flags,
    Identifiers,
    People,
    pseudonyms,
)
from snds_omop_assets.synthetic.scenario import Block
from snds_omop_assets.synthetic.world import World

EVER = -NEVER
CHILD_UNTIL = 18

STORIES = ("provisional_nir", "provisional_unlinked", "change_of_scheme", "nir_ano_missing", "fictitious_nir",
           "absent_from_referential", "birth_year_unknown", "archived")  # fmt: skip
"""What may happen to an insured adult's numbers: one of these at most, so that the truth stays sure."""

LEARNT = 0.8
"""Share of the provisional NIR whose row in IR_BEN_R learns the definitive one; of the others the archive knows it."""

FICTITIOUS_YEAR = 1955
"""What IR_BEN_R says of most fictitious NIR (Health Data Hub, fiche_beneficiaire)."""
DAYS_FICTITIOUS = 20

MONTH_DIFFERS = 0.3
"""Share of the older rows that say something else, of which the month of birth is another."""
INSERTED_BEFORE = 0.3


def identify(people: People, block: Block, world: World) -> None:
    """Give everybody identifiers."""
    register = _Register(people, block)
    register.children()
    register.young_adults()
    register.insured()
    register.provisional("provisional_nir", certain=True)
    register.provisional("provisional_unlinked", certain=False)
    register.change_of_scheme()
    register.fictitious()
    register.archived()
    people.identifiers = register.finish(world)
    people.absent[:] = register.stories["absent_from_referential"]
    people.why_not[register.stories["birth_year_unknown"]] = "birth_year_unknown"
    people.counts |= register.counts


class _Register:
    """The rows of Identifiers as they are given, story by story."""

    def __init__(self, people: People, block: Block) -> None:
        self.people, self.scenario = people, block.scenario
        self.chance = chance = block.chance("identifiers")
        n = len(people)
        self.rows: list[dict[str, Any]] = []
        self.count = 0
        self.counts: dict[str, int] = {}
        self.own, self.anonymous = pseudonyms(n, chance), pseudonyms(n, chance)
        # Under one parent, a provisional or fictitious number; under the other parent.
        self.other, self.third = pseudonyms(n, chance), pseudonyms(n, chance)
        self.second_alike = (people.twin >= 0) & (people.twin < np.arange(n)) & (people.sex == people.sex[people.twin])
        for tokens in (self.other, self.third):
            tokens[self.second_alike] = tokens[people.twin[self.second_alike]]
        begins = self.scenario.begins
        self.birthdays = people.birth + int(CHILD_UNTIL * YEAR)
        self.child = (people.mother >= 0) & (self.birthdays > begins)
        self.student = (people.mother >= 0) & ~self.child & ((begins - people.birth) / YEAR < STUDENT_UNTIL)
        self.turned = begins + (chance.random(n) * (self.scenario.last_day - begins)).astype(np.int64)
        self.stories = self._stories()
        # Agricultural families count their members; the independents' scheme mostly says 0 (fiche_beneficiaire).
        self.rank = np.where(people.scheme == INDEPENDENT, 0, 1)
        self.rank = np.where(people.scheme == AGRICULTURAL, 1 + np.arange(n) % 3, self.rank)
        self.counts["same_sex_twins"] = int(self.second_alike.sum())

    def _stories(self) -> dict[str, Flags]:
        """Who has which story. Twins have none but their own."""
        free = ~(self.child | self.student | (self.people.twin >= 0))
        if sum(map(self.scenario.trap, STORIES)) > 1:
            raise SettingsError(
                f"An adult has one of these traps at most, so their shares add up to 1 or less: {STORIES}."
            )
        draw, low = self.chance.random(len(self.people)), 0.0
        stories = {}
        for name in STORIES:
            share = self.scenario.trap(name)
            stories[name] = free & (draw >= low) & (draw < low + share)
            self.counts[name] = int(stories[name].sum())
            low += share
        return stories

    def _add(self, persons: Ints, psa: Any, since: Any, **told: Any) -> Ints:
        """Rows of Identifiers; gives their numbers."""
        people, count = self.people, len(persons)
        row = {
            "person": persons, "psa": psa, "rank": 1, "kind": CERTIFIED, "anonymous": self.anonymous[persons],
            "anonymous_archived": self.anonymous[persons], "in_referential": True, "in_archive": False, "since": since,
            "birth_year": years_of(people.birth[persons]), "birth_month": month_in_year(people.birth[persons]),
            "sex": people.sex[persons], "commune": people.commune[persons], "scheme": people.scheme[persons],
            "certain": True, "why": "", **told,
        }  # fmt: skip
        self.rows.append({name: np.broadcast_to(np.asarray(value), count) for name, value in row.items()})
        self.count += count
        return self.count - count + np.arange(count)

    def _use(self, persons: Ints, period: Any, numbers: Ints, since: Any) -> None:
        """From a day on somebody is known under this number."""
        self.people.identifier[persons, period] = numbers
        self.people.since[persons, period] = since

    def children(self) -> None:
        """Under one parent; some then under the other; insured themselves when they come of age."""
        rank = np.where(self.second_alike, 2, 1)
        who = np.flatnonzero(self.child)
        self._use(who, 0, self._add(who, self.other[who], EVER, rank=rank[who]), EVER)
        changes = self.chance.random(len(self.people)) < self.scenario.trap("several_identifiers")
        changes &= self.child & (self.people.twin < 0)
        who = np.flatnonzero(changes & (self.turned < self.birthdays) & (self.turned > self.people.birth))
        since = self.turned[who]
        self._use(who, 1, self._add(who, self.third[who], since, why="several_identifiers"), since)
        if self.scenario.trap("several_identifiers"):
            who = np.flatnonzero(self.child & (self.birthdays <= self.scenario.last_day))
            period = np.where(self.people.since[who, 1] < NEVER, 2, 1)
            since = self.birthdays[who]
            told = {"why": "several_identifiers", "rank": self.rank[who]}
            self._use(who, period, self._add(who, self.own[who], since, **told), since)

    def young_adults(self) -> None:
        """Children a short time ago: IR_BEN_R has the row, no care of these years does."""
        who = np.flatnonzero(self.student)
        self._use(who, 0, self._add(who, self.own[who], EVER, rank=self.rank[who]), EVER)
        if self.scenario.trap("several_identifiers"):
            rank = np.where(self.second_alike, 2, 1)[who]
            self._add(who, self.other[who], EVER, why="several_identifiers", rank=rank)

    def insured(self) -> None:
        """Everybody else; some without BEN_NIR_ANO, some not in IR_BEN_R."""
        who = np.flatnonzero(~(self.child | self.student))
        absent = self.stories["absent_from_referential"][who]
        missing = self.stories["nir_ano_missing"][who] | absent
        anonymous = np.where(missing, "", self.anonymous[who])
        why = np.where(absent, "absent_from_referential", np.where(missing, "nir_ano_missing", ""))
        numbers = self._add(who, self.own[who], EVER, rank=self.rank[who], anonymous=anonymous,
                            anonymous_archived=anonymous, in_referential=~absent, why=why)  # fmt: skip
        self._use(who, 0, numbers, EVER)

    def provisional(self, story: str, certain: bool) -> None:
        """A provisional number first; the definitive one later."""
        who = np.flatnonzero(self.stories[story] & (self.turned > self.people.birth))
        definitive = self.people.identifier[who, 0]
        learnt = (self.chance.random(len(who)) < LEARNT) & certain
        archived = ~learnt & certain
        numbers = self._add(
            who, self.other[who], EVER, kind=PROVISIONAL, why=story, certain=certain, in_archive=archived,
            anonymous=np.where(learnt, self.anonymous[who], ""),
            anonymous_archived=np.where(archived, self.anonymous[who], ""),
        )  # fmt: skip
        self._use(who, 1, definitive, self.turned[who])
        self._use(who, 0, numbers, EVER)

    def change_of_scheme(self) -> None:
        """The same pseudo-NIR beside another rank."""
        who = np.flatnonzero(self.stories["change_of_scheme"] & (self.people.scheme != INDEPENDENT))
        self.counts["change_of_scheme"] = len(who)
        since = self.turned[who]
        told = {"rank": 0, "scheme": INDEPENDENT, "why": "change_of_scheme"}
        self._use(who, 1, self._add(who, self.own[who], since, **told), since)

    def fictitious(self) -> None:
        """Some days under a number that is nobody's."""
        who = np.flatnonzero(self.stories["fictitious_nir"])
        own, since = self.people.identifier[who, 0], self.turned[who]
        kind = np.array(FICTITIOUS)[self.chance.integers(0, len(FICTITIOUS), len(who))]
        numbers = self._add(
            who, self.other[who], since, kind=kind, anonymous="", anonymous_archived="", birth_year=FICTITIOUS_YEAR,
            birth_month=1, certain=False, why="fictitious_nir",
        )  # fmt: skip
        self._use(who, 1, numbers, since)
        self._use(who, 2, own, since + DAYS_FICTITIOUS)

    def archived(self) -> None:
        """An older row that only the archive has."""
        who = np.flatnonzero(self.stories["archived"])
        self._add(who, self.other[who], EVER, in_referential=False, in_archive=True, why="archived")

    def finish(self, world: World) -> Identifiers:
        """All rows, with what each says of its person: the current ones the truth, older ones sometimes otherwise."""
        people, chance, scenario = self.people, self.chance, self.scenario
        told = {name: np.concatenate([row[name] for row in self.rows]) for name in self.rows[0]}
        person, count = told["person"], self.count
        period = (people.since[person] < NEVER).sum(axis=1) - 1
        current = people.identifier[person, period] == np.arange(count)
        told["inserted"] = _inserted(told["since"], scenario.begins, chance)
        told["updated"] = np.where(
            current,
            # Never before the number came into use: the row of the number before it ends on the day before.
            np.maximum(scenario.last_day - chance.integers(0, 60, count), people.since[person, period]),
            scenario.begins - chance.integers(400, 1300, count),
        )
        told["inserted"] = np.maximum(told["inserted"], people.birth[person])
        told["updated"] = np.maximum(told["updated"], told["inserted"])
        older = ~current & (chance.random(count) < scenario.trap("older_states"))
        older &= ~np.isin(told["kind"], FICTITIOUS)
        told["commune"] = np.where(older, (told["commune"] + 1) % len(world.commune), told["commune"])
        other_month = older & (chance.random(count) < MONTH_DIFFERS)
        told["birth_month"] = np.where(other_month, told["birth_month"] % 12 + 1, told["birth_month"])
        unknown = chance.random(len(people)) < scenario.trap("sex_unknown")
        told["sex"] = np.where(unknown[person], 9 * (person % 2), told["sex"])
        told["birth_year"] = np.where(self.stories["birth_year_unknown"][person], UNKNOWN_YEAR, told["birth_year"])
        self.counts["several_identifiers"] = int((told["why"] == "several_identifiers").sum())
        self.counts |= {"older_states": int(older.sum()), "sex_unknown": int(unknown.sum())}
        return Identifiers(**told)


def _inserted(since: Days, begins: int, chance: np.random.Generator) -> Days:
    """BEN_DTE_INS: years ago, or when the number came into use."""
    before = (since <= begins) | (chance.random(len(since)) < INSERTED_BEFORE)
    return np.where(before, begins - chance.integers(0, 1500, len(since)), since)
