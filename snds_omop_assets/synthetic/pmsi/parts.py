"""Stays that run over years: the part of each that stands in the file of a year, and what the part is cut into.

Weeks (SSR), sub-sequences (HAD) and sequences (psychiatry) are all slices: some days of one part.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from snds_omop_assets.synthetic.days import FAR, Days, Ints, day_of, month_in_year, years_of
from snds_omop_assets.synthetic.lives import DIAGNOSIS, HAD, HOME, MCO, NO_CODE, TRANSFER, rows_of
from snds_omop_assets.synthetic.people import Flags
from snds_omop_assets.synthetic.pmsi.chaining import chaining, existing, of_each, ordinals
from snds_omop_assets.synthetic.pmsi.spelling import diagnosis_texts, spellings
from snds_omop_assets.synthetic.pmsi.ways import EMERGENCY, NO_PLACE, PLACES, neighbours
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, coded, rule, whole
from snds_omop_assets.synthetic.settle import Settled, events_by_others

NOWHERE = -1
"""No slice: nothing of that day is delivered."""

IN_BOTH = ("0000009261104", "0000009261110")
"""Drugs under temporary authorisation that stand in MED and MEDATU (Health Data Hub, Synthese_Filtres)."""

SHARE_IN_BOTH = 0.5

LOADED = tuple(rule(name) for name in ("visit", "same_visit", "visit_detail", "event", "same_diagnosis"))
"""The rules of rows that become something; the first three are those of visits."""
OF_VISITS = LOADED[:3]


@dataclass(frozen=True)
class Parts:
    """One row per stay and year whose file it stands in, in the order of stay and year.

    Attributes:
        stay: row of Settled.stays.
        year: of the file.
        end: the last day that the file of the year tells: that of the stay, or 31 December.
        first: the first delivered part of the stay, which makes its visit.
        number: the stay's number in this year; that of the year before and after is another one.
    """

    stay: Ints
    year: Ints
    end: Days
    first: Flags
    number: Ints


@dataclass(frozen=True)
class Slices:
    """One row per week, sub-sequence or sequence, in the order of stay and day.

    Attributes:
        part: row of Parts.
        stay: row of Settled.stays.
        year: of the file.
        start, end: first and last day of the slice that belong to the stay.
        first: the first delivered slice of the stay.
    """

    part: Ints
    stay: Ints
    year: Ints
    start: Days
    end: Days
    first: Flags

    def on(self, stay: Ints, day: Days) -> Ints:
        """The slice of each stay on a day, or NOWHERE."""
        if not len(self.part):
            return np.full(len(stay), NOWHERE)
        place = np.searchsorted(self.stay * FAR + self.start, stay * FAR + day, side="right") - 1
        found = (place >= 0) & (self.stay[place] == stay) & (day <= self.end[place])
        return np.where(found, place, NOWHERE)


def spread(counts: Ints) -> tuple[Ints, Ints]:
    """For each element as many rows as its count: the element's place, and 0, 1, 2... within it."""
    which = np.repeat(np.arange(len(counts)), counts)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)


def first_of(values: Ints) -> Flags:
    """Which elements differ from the one before."""
    new = np.ones(len(values), bool)
    new[1:] = values[1:] != values[:-1]
    return new


def in_files(settled: Settled, kind: int) -> Ints:
    """Stays of a kind of which some day lies in the delivered years."""
    stays, scenario = settled.stays, settled.lives.block.scenario
    return np.flatnonzero((stays.kind == kind) & (stays.end >= scenario.first_day) & (stays.start <= scenario.last_day))


def made_parts(settled: Settled, stay: Ints, year: Ints) -> Parts:
    """Parts of stays and years that stand in this order."""
    scenario, stays = settled.lives.block.scenario, settled.stays
    year_end = np.array([day_of(y + 1) - 1 for y in range(scenario.years[0], scenario.years[1] + 1)])
    last = np.append(stay[1:] != stay[:-1], True) if len(stay) else np.zeros(0, bool)
    known = np.minimum(stays.end[stay], scenario.last_day)
    number = np.zeros(len(stay), np.int64)
    for one in np.unique(year).tolist():
        rows = np.flatnonzero(year == one)
        # Even or odd by stay and year in turn: a running stay never keeps its number.
        number[rows] = 2 * ordinals(settled, stay[rows]) - (stay[rows] + one) % 2
    end = np.where(last, known, np.minimum(known, year_end[year - scenario.years[0]]))
    end = np.maximum(end, stays.start[stay])  # a week belongs to the year of its Thursday, also where a stay begins
    return Parts(stay, year, end, first_of(stay), number)


def cut_by_year(settled: Settled, kind: int, length: Any) -> tuple[Parts, Slices, Ints]:
    """Stays in parts of a calendar year, and these in slices of some days.

    Args:
        settled: the block.
        kind: of stay.
        length: days of a slice; one number, or one for each row of settled.stays.

    Returns:
        the delivered parts and slices; and how many slices of the stay, delivered or not, are before each.
    """
    scenario, stays = settled.lives.block.scenario, settled.stays
    touching = in_files(settled, kind)
    known = np.minimum(stays.end[touching], scenario.last_day)
    began = years_of(stays.start[touching])
    which, step = spread(years_of(known) - began + 1)
    stay, year = touching[which], began[which] + step
    starts = np.array([day_of(y) for y in range(int(began.min(initial=scenario.years[0])), scenario.years[1] + 2)])
    start = np.maximum(stays.start[stay], starts[year - years_of(starts[:1])])
    end = np.minimum(known[which], starts[year - years_of(starts[:1]) + 1] - 1)
    days = np.broadcast_to(length, len(stays))[stay]
    of, step = spread((end - start) // days + 1)
    before = np.arange(len(of)) - np.searchsorted(stay[of], stay[of])
    delivered = year >= scenario.years[0]
    parts = made_parts(settled, stay[delivered], year[delivered])
    place = np.cumsum(delivered) - 1
    begin = start[of] + step * days[of]
    kept = delivered[of]
    slices = Slices(
        place[of][kept], stay[of][kept], year[of][kept], begin[kept],
        np.minimum(begin + days[of] - 1, end[of])[kept], first_of(stay[of][kept]),
    )  # fmt: skip
    return parts, slices, before[kept]


def events_of(settled: Settled, slices: Slices, *roles: int) -> tuple[Ints, Ints]:
    """What happens with some roles on delivered days: rows of settled.events, and the slice of each."""
    events, scenario = settled.events, settled.lives.block.scenario
    row = np.flatnonzero(np.isin(events.role, roles) & np.isin(events.stay, slices.stay))
    day = settled.stays.start[events.stay[row]] + events.delay[row]
    place = slices.on(events.stay[row], day)
    kept = (place != NOWHERE) & (day >= scenario.first_day)
    return row[kept], place[kept]


def in_every_slice(slices: Slices, stay: Ints) -> tuple[Ints, Ints]:
    """What is said again in every slice of its stay: for each row the place in `stay`, and the slice."""
    begin = np.searchsorted(slices.stay, stay)
    which, step = spread(np.searchsorted(slices.stay, stay, side="right") - begin)
    return which, begin[which] + step


def in_two_tables(settled: Settled, temporary: tuple[Ints, Ints]) -> Flags:
    """Which drugs under temporary authorisation, as `events_of` gives them, stand in MED too."""
    pair = np.isin(settled.lives.codes.code[settled.events.code[temporary[0]]], IN_BOTH)
    share = SHARE_IN_BOTH if settled.lives.block.scenario.trap("expensive_drugs_repeated") else 0.0
    return pair & (settled.lives.block.chance("in two tables").random(len(pair)) < share)


def acts_fate(settled: Settled, row: Ints) -> Ints:
    """What becomes of CCAM acts, rows of settled.events: an event, or another executor's part of one."""
    return np.where(events_by_others(rows_of(settled.events, row)), rule("same_act"), rule("event"))


def noted(settled: Settled, kind: int) -> tuple[Ints, Ints]:
    """Associated diagnoses of the stays of a kind: rows of settled.events, and the number of the event of each."""
    events = settled.events
    row = np.flatnonzero((events.role == DIAGNOSIS) & (settled.stays.kind[events.stay] == kind))
    return row, settled.stay_event[row]


def related(settled: Settled, kind: int) -> tuple[Ints, Ints]:
    """Related diagnoses of the stays of a kind: as `noted`, but rows of settled.stays."""
    stays = settled.stays
    stay = np.flatnonzero((stays.kind == kind) & (stays.related != NO_CODE))
    return stay, settled.related_event[stay]


def patient_rows(
    settled: Settled, parts: Parts, table: str, keys: Callable[[Ints], Mapping[str, pa.Array]]
) -> Iterator[SourceRows]:
    """A table C: one row per part; the first of a stay makes its visit, the others say it again.

    Args:
        settled: the block.
        parts: of its stays.
        table: T_HAD_C, T_RIP_C.
        keys: the columns that name some parts.
    """
    for year in np.unique(parts.year).tolist():
        rows = np.flatnonzero(parts.year == year)
        stay = parts.stay[rows]
        start = settled.stays.start[stay]
        columns = {
            **keys(rows),
            "ENT_MOI": whole(month_in_year(start)), "ENT_ANN": whole(years_of(start)),
            **chaining(settled, stay, table, year, end=parts.end[rows]),
        }  # fmt: skip
        fate = np.where(parts.first[rows], rule("visit"), rule("same_visit"))
        yield told(settled, table, year, stay, fate, NO_NUMBER, existing(table, year, columns))


def told(
    settled: Settled, table: str, year: int, stay: Ints, fate: Ints, event: Ints | int, columns: Mapping[str, pa.Array]
) -> SourceRows:
    """Rows of a table and year. All rows of a stay that is set aside have the rule of the stay.

    Args:
        settled: the block.
        table, year: of the file.
        stay: row of settled.stays of each row.
        fate: what becomes of the rows of good stays, places in rules().
        event: the event that each makes, or shares with others; NO_NUMBER.
        columns: by official name.
    """
    good = settled.stay_rule[stay] == rule("visit")
    rules = np.where(good, fate, settled.stay_rule[stay])
    loaded = good & np.isin(rules, LOADED)
    visits = good & np.isin(rules, OF_VISITS)
    return SourceRows(
        table, year, columns, rules, np.where(visits, settled.stay_visit[stay], NO_NUMBER),
        np.where(loaded, event, NO_NUMBER),
    )  # fmt: skip


def diagnoses(settled: Settled, places: Ints, name: str) -> pa.Array:
    """CIM-10 codes, some with blanks or a French extension at their end; NO_CODE is NULL.

    Args:
        settled: the block.
        places: in Codes.
        name: of the stream of chance.
    """
    chance = settled.lives.block.chance(f"diagnoses {name}")
    return diagnosis_texts(settled.lives.codes, places, spellings(settled, len(places), chance))


def code_of(settled: Settled, places: Ints) -> pa.Array:
    """Codes by their places in Codes."""
    return of_each(settled.lives.codes.code, places)


def main_diagnosis(settled: Settled, stay: Ints) -> Ints:
    """The number of the main diagnosis of each stay as an event; NO_NUMBER where there is none."""
    main = settled.stays.diagnosis[stay]
    there = (main != NO_CODE) & (settled.lives.codes.code[main] != "")
    return np.where(there, settled.main_event[stay], NO_NUMBER)


def ways(settled: Settled) -> tuple[pa.Array, pa.Array]:
    """ENT_PRV and SOR_DES of every stay."""
    stays, (before, after) = settled.stays, neighbours(settled)
    entered = np.select(
        [stays.emergency, stays.entered == TRANSFER, before == HAD], [EMERGENCY, np.maximum(before, MCO), HAD], NO_PLACE
    )
    left = np.select(
        [stays.left == TRANSFER, (stays.left == HOME) & (after == HAD)], [np.maximum(after, MCO), HAD], NO_PLACE
    )
    return coded(PLACES, entered), coded(PLACES, left)


def only(values: pa.Array, where: Flags) -> pa.Array:
    """Values; NULL elsewhere."""
    return pc.if_else(pa.array(where), values, None)
