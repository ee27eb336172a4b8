"""How the rows of a year's stays are sent: under their keys, with the rule of each, and some stays a second time."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from snds_omop_assets.synthetic.days import Ints
from snds_omop_assets.synthetic.people import NOBODY, Flags
from snds_omop_assets.synthetic.pmsi.chaining import existing, of_each, ordinals, padded
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, rule
from snds_omop_assets.synthetic.settle import Settled
from snds_omop_assets.synthetic.world import LAST_YEAR_TWICE

LYON = "69"
"""Its hospitals did not send external care twice."""

ONCE = -1

LETTERS = "ABCDEFGHJK"


@dataclass(frozen=True)
class Happened:
    """What happens in the stays of a transmission, in their order.

    Attributes:
        row: of settled.events.
        place: of the stay in the transmission.
        role: a place in lives.ROLES.
    """

    row: Ints
    place: Ints
    role: Ints


@dataclass(frozen=True)
class Transmission:
    """The stays of a field and year, as their hospitals send them.

    Attributes:
        settled: the block.
        year: of the file.
        stays: rows of settled.stays.
        key: the column of the running number (RSA_NUM, SEQ_NUM).
        number: the running number of each stay.
        numbers: every FINESS of the world, geographic ones last; again: which of them sends a stay again, or ONCE.
    """

    settled: Settled
    year: int
    stays: Ints
    key: str
    number: pa.Array
    numbers: NDArray[np.str_]
    again: Ints

    @cached_property
    def events(self) -> Happened:
        """What happens in the stays, stay by stay."""
        places = np.full(len(self.settled.stays), NOBODY)
        places[self.stays] = np.arange(len(self.stays))
        place = places[self.settled.events.stay]
        rows = np.flatnonzero(place != NOBODY)
        rows = rows[np.argsort(place[rows], kind="stable")]
        return Happened(rows, place[rows], self.settled.events.role[rows])

    def rows(
        self,
        table: str,
        places: Ints,
        columns: Mapping[str, pa.Array],
        rules: Ints | int,
        *,
        visit: bool = False,
        event: Ints | None = None,
    ) -> SourceRows:
        """Rows of a table, with their keys.

        Rows of a stay that is set aside have its rule and make nothing; so have the rows that come again.

        Args:
            table: its name.
            places: of the stay of each row in `stays`.
            columns: but the keys; what the year does not have is left out.
            rules: of the rows of good stays.
            visit: these rows tell their stay's visit.
            event: the number of the event of each row.
        """
        stays = self.stays[places]
        stay_rules = self.settled.stay_rule[stays]
        good = stay_rules == rule("visit")
        what = np.where(good, rules, stay_rules)
        visits = np.where(good & visit, self.settled.stay_visit[stays], NO_NUMBER)
        events = np.full(len(places), NO_NUMBER) if event is None else np.where(good, event, NO_NUMBER)
        columns = existing(table, self.year, {self.key: self.number.take(pa.array(places)), **columns})
        hospital = self.settled.stays.hospital[stays]
        if len(more := np.flatnonzero(self.again[places] != ONCE)):
            hospital = np.concatenate([hospital, self.again[places[more]]])
            taken = pa.array(np.concatenate([np.arange(len(places)), more]))
            columns = {name: values.take(taken) for name, values in columns.items()}
            what = np.concatenate([what, np.full(len(more), rule("duplicate_transmission"))])
            nothing = np.full(len(more), NO_NUMBER)
            visits, events = np.concatenate([visits, nothing]), np.concatenate([events, nothing])
        return SourceRows(
            table, self.year, {"ETA_NUM": of_each(self.numbers, hospital), **columns}, what, visits, events
        )


def transmission(settled: Settled, year: int, stays: Ints, *, key: str, width: int, name: str) -> Transmission:
    """The keys of the stays of a year, and which of them come again under a geographic number of a hospital group.

    Args:
        settled: the block.
        year: of the file.
        stays: rows of settled.stays, of one field, that end in the year.
        key: the column of the running number.
        width: its figures.
        name: of the field, for chance: "mco", "mco external" or "ssr external".
    """
    chance = settled.lives.block.chance(f"{name} transmission {year}")
    number = padded(ordinals(settled, stays), width)
    if key == "RSA_NUM" and (share := settled.lives.block.scenario.trap("letters_in_numbers")):
        begun = chance.random(len(stays)) < share
        number = _with_letters(number, begun, chance)
        settled.lives.counts["letters_in_numbers"] += int(begun.sum())
    numbers, again = _again(settled, year, stays, name, chance)
    settled.lives.counts["duplicate_transmissions"] += int((again != ONCE).sum())
    return Transmission(settled, year, stays, key, number, numbers, again)


def _with_letters(number: pa.Array, chosen: Flags, chance: np.random.Generator) -> pa.Array:
    """Numbers of stays that the ATIH sent on begin with a letter instead of a zero (activite_en_double)."""
    texts = np.array(number.to_pylist(), "U10")
    where = np.flatnonzero(chosen)
    letters = np.array(list(LETTERS))[chance.integers(0, len(LETTERS), len(where))]
    texts[where] = [letter + text[1:] for letter, text in zip(letters, texts[where], strict=True)]
    return pa.array(texts, pa.string())


def _again(
    settled: Settled, year: int, stays: Ints, name: str, chance: np.random.Generator
) -> tuple[NDArray[np.str_], Ints]:
    """Every FINESS, and the place of the one under which each stay comes again."""
    hospitals = settled.lives.world.hospitals
    again = np.full(len(stays), ONCE)
    added: list[str] = []
    if year <= LAST_YEAR_TWICE and not name.startswith("ssr"):
        hospital = settled.stays.hospital[stays]
        comes = chance.random(len(stays)) < settled.lives.block.scenario.trap("duplicate_transmissions")
        # What is set aside for another reason comes once, so that each row has one reason.
        comes &= settled.stay_rule[stays] == rule("visit")
        draw = chance.random(len(stays))
        for place, others in enumerate(hospitals.twice):
            if others and not (name != "mco" and others[0].startswith(LYON)):
                rows = np.flatnonzero(comes & (hospital == place))
                again[rows] = len(hospitals.number) + len(added) + (draw[rows] * len(others)).astype(np.int64)
                added.extend(others)
    return np.concatenate([hospitals.number, np.array(added, "U9")]), again
