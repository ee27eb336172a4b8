"""Hospital care at home (HAD): T_HAD_B, a row per sub-sequence; C, the patient; acts, diagnoses, groups, drugs.

The part of a stay that lies in a calendar year is cut into sub-sequences of two weeks, two of which are a sequence.
SEQ_NUM goes on from year to year. A sub-sequence begins SEQ_SEJ_NBJ + SSEQ_SEQ_NBJ days after the entry; where every
year of the stay is delivered, these are the SSEQ_NBJ of all sub-sequences before it.

What becomes of rows of a good stay:
- C: the first delivered year makes the visit, the others say it again (same_visit).
- B: the first delivered sub-sequence shares the visit and makes the main diagnosis (DGN_PAL) as its event; the others
  and all of GRP say the visit again.
- D, DMPP, DMPA: associated diagnoses, in every sub-sequence; the first delivered row makes the event, the others share
  it, and so does what repeats another diagnosis of the stay. Of the diagnoses noted in a stay, the second, fifth,
  eighth... stand in DMPP (of the main mode of care), the third, sixth... in DMPA (of the associated one), the others in
  D: see `diagnosis_table`. The related diagnosis of a stay stands in DMPA, as HAD has none.
- A: one row per act, counted from the first day of its sub-sequence.
- MED, MEDATU, MEDCHL (thrombolytics, since 2016): one row per drug, counted from the entry. Under the trap
  expensive_drugs_repeated, ADM_NBR is to be divided by SEJ_NBR. What stands in MED and MEDATU makes its event in MED.
Devices, analyses and consultations have no table here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from snds_omop_assets.synthetic.days import Ints, month_in_year, years_of
from snds_omop_assets.synthetic.lives import (
    DIAGNOSIS,
    DRUG,
    HAD,
    NO_CODE,
    PROCEDURE,
    TEMPORARY_DRUG,
    THROMBOLYTIC,
)
from snds_omop_assets.synthetic.pmsi.chaining import (
    existing,
    hospital_numbers,
    hospital_sites,
    of_each,
    padded,
    patient,
)
from snds_omop_assets.synthetic.pmsi.parts import (
    Parts,
    Slices,
    acts_fate,
    code_of,
    cut_by_year,
    diagnoses,
    events_of,
    in_every_slice,
    in_two_tables,
    main_diagnosis,
    noted,
    only,
    patient_rows,
    related,
    told,
    ways,
)
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, amounts, coded, constant, rule, small, whole
from snds_omop_assets.synthetic.settle import Settled

SUBSEQUENCE = 14
"""Days of a sub-sequence."""

Columns = Callable[[int, Ints, Ints], Mapping[str, pa.Array]]
Made = Iterator[SourceRows]

IN_SEQUENCE = 2
"""Sub-sequences of a sequence."""

NUMBER_WIDTH, SEQUENCE_WIDTH = 8, 4

GROUPING_ERROR = "GHT:99"

TABLES = ("T_HAD_D", "T_HAD_DMPP", "T_HAD_DMPA")
COLUMNS = {"T_HAD_D": "DGN_ASS", "T_HAD_DMPP": "DGN_ASS_MPP", "T_HAD_DMPA": "DGN_ASS_MPA"}

USUAL_MODE, CARE_MODES = "08", {"C": "04", "F": "25", "G": "14", "L": "09", "O": "19", "P": "22", "S": "10", "Z": "05"}
"""PEC_PAL by the letter of the main diagnosis: palliative care, nursing, dressings, pregnancy, after surgery..."""
NO_MODE, PAIN = "00", "07"

KARNOFSKY = ("30", "40", "50", "60")

MOST_STAYS = 3
"""SEJ_NBR, at most."""

FIRST_OF_MEDCHL = 2016
PAID = {"T_HAD_MED": "06", "T_HAD_MEDATU": "09", "T_HAD_MEDCHL": "10"}
"""PRS_TYP of the tables of drugs."""


@dataclass(frozen=True)
class _Home:
    """The stays of a block, cut.

    Attributes:
        settled: the block.
        parts, slices: by calendar year, and sub-sequences.
        sequence: SEQ_NUM of each sub-sequence.
        since_entry, within: days from the entry to the sequence, and from the sequence to the sub-sequence.
        sequence_days: of the sequence.
    """

    settled: Settled
    parts: Parts
    slices: Slices
    sequence: Ints
    since_entry: Ints
    within: Ints
    sequence_days: Ints

    def keys(self, place: Ints) -> dict[str, pa.Array]:
        """The keys of rows that hang on sub-sequences."""
        return {
            **_keys(self.settled, self.parts, self.slices.part[place]),
            "SEQ_NUM": small(self.sequence[place], SEQUENCE_WIDTH),
            "SEQ_SEJ": small(self.sequence[place], SEQUENCE_WIDTH),
            "SSEQ_NUM": small(self.within[place] // SUBSEQUENCE + 1, SEQUENCE_WIDTH),
        }

    def tables(self, table: str, event: Ints, number: Ints, place: Ints, fate: Any, columns: Columns) -> Made:
        """The rows of a table that hang on sub-sequences.

        Args:
            table: T_HAD_A...
            event: row of settled.events of each, or anything that `columns` understands.
            number: of the event that each makes or shares.
            place: sub-sequences.
            fate: rules.
            columns: makes the table's own columns from a year, events and sub-sequences.
        """
        fate = np.broadcast_to(fate, len(place))
        for year in np.unique(self.slices.year[place]).tolist():
            rows = np.flatnonzero(self.slices.year[place] == year)
            rows = rows[np.argsort(place[rows], kind="stable")]
            made = {**self.keys(place[rows]), **columns(year, event[rows], place[rows])}
            yield told(
                self.settled, table, year, self.slices.stay[place[rows]], fate[rows], number[rows],
                existing(table, year, made),
            )  # fmt: skip


def had_rows(settled: Settled) -> list[SourceRows]:
    """Every delivered row of the HAD stays of a block."""
    parts, slices, _ = cut_by_year(settled, HAD, SUBSEQUENCE)
    _, sequences, before = cut_by_year(settled, HAD, SUBSEQUENCE * IN_SEQUENCE)
    at = sequences.on(slices.stay, slices.start)
    begin = sequences.start[at]
    home = _Home(
        settled, parts, slices, before[at] + 1, begin - settled.stays.start[slices.stay], slices.start - begin,
        sequences.end[at] - begin + 1,
    )  # fmt: skip
    return [
        *patient_rows(settled, parts, "T_HAD_C", lambda rows: _keys(settled, parts, rows)),
        *_subsequences(home),
        *_diagnoses(home),
        *_acts(home),
        *_drugs(home),
    ]


def diagnosis_table(settled: Settled) -> Ints:
    """In which of TABLES each event of settled.events stands if it is a diagnosis of a HAD stay."""
    events = settled.events
    said = np.flatnonzero((events.role == DIAGNOSIS) & (settled.stays.kind[events.stay] == HAD))
    order = said[np.argsort(events.stay[said], kind="stable")]
    stay = events.stay[order]
    table = np.zeros(len(events), np.int64)
    table[order] = (np.arange(len(order)) - np.searchsorted(stay, stay)) % len(TABLES)
    return table


def _keys(settled: Settled, parts: Parts, part: Ints) -> dict[str, pa.Array]:
    """The keys of rows that hang on parts; the site has another column until 2017 and since."""
    site = hospital_sites(settled, parts.stay[part])
    return {
        "ETA_NUM_EPMSI": hospital_numbers(settled, parts.stay[part]),
        "RHAD_NUM": padded(parts.number[part], NUMBER_WIDTH), "ETA_NUM_GEO": site, "ETA_NUM_TWO": site,
    }  # fmt: skip


def _subsequences(home: _Home) -> Made:
    """T_HAD_B and T_HAD_GRP."""
    settled, slices = home.settled, home.slices
    every = np.arange(len(slices.part))
    main = np.where(slices.first, main_diagnosis(settled, slices.stay), NO_NUMBER)
    fate = np.where(slices.first, rule("visit"), rule("same_visit"))
    yield from home.tables("T_HAD_B", every, main, every, fate, lambda year, _, place: _summary(home, year, place))
    yield from home.tables(
        "T_HAD_GRP", every, np.full(len(every), NO_NUMBER), every, rule("same_visit"),
        lambda _, __, place: _group(home, place),
    )  # fmt: skip


def _summary(home: _Home, year: int, place: Ints) -> dict[str, pa.Array]:
    """The columns of T_HAD_B."""
    settled, parts, slices = home.settled, home.parts, home.slices
    stays, stay, end = settled.stays, slices.stay[place], slices.end[place]
    provenance, destination = ways(settled)
    begin = slices.start[place]
    leaves = end == stays.end[stay]
    out = (parts.end == stays.end[parts.stay])[slices.part[place]]
    sequence_end = stays.start[stay] + home.since_entry[place] + home.sequence_days[place] - 1
    letter = settled.lives.codes.code[stays.diagnosis[stay]].astype("U1")
    found, places = np.unique(letter, return_inverse=True)
    mode = of_each(np.array([CARE_MODES.get(str(one), USUAL_MODE) for one in found], "U2"), places)
    return {
        **patient(settled, stay),
        **{f"AVQ_{what}": small(1 + (stay + number) % 4) for number, what in
           enumerate(("ALI", "CON", "CPT", "HAB", "LOC", "REL"))},
        "DEP_COT": coded(KARNOFSKY, stay % len(KARNOFSKY)),
        "DGN_PAL": diagnoses(settled, stays.diagnosis[stay], f"T_HAD_B {year}"),
        "ENT_MOD": small(stays.entered[stay]),
        "ENT_PRV": provenance.take(pa.array(stay)),
        "SOR_MOD": small(np.where(leaves, stays.left[stay], -1)),
        "SOR_DES": only(destination.take(pa.array(stay)), leaves),
        "PEC_PAL": mode,
        "PEC_ASS": coded((NO_MODE, PAIN), (letter == "C").astype(np.int64)),
        "PAT_TYP_DOM": constant("1", len(stay)),
        "SEJ_FACT_AM": constant("1", len(stay)),
        "SEJ_NBJ": whole(parts.end[slices.part[place]] - stays.start[stay] + 1),
        "SEQ_NBJ": whole(home.sequence_days[place]),
        "SEQ_SEJ_NBJ": whole(home.since_entry[place]),
        "SSEQ_NBJ": whole(end - begin + 1),
        "SSEQ_SEQ_NBJ": whole(home.within[place]),
        "SEQ_DER": small(sequence_end >= parts.end[slices.part[place]]),
        "SSEQ_SEQ_DER": small(end == sequence_end),
        "SSEQ_SEJ_DER": small(leaves),
        "FIN_MOI_SEQ": whole(month_in_year(sequence_end)),
        "FIN_ANN_SEQ": whole(years_of(sequence_end)),
        "SOR_MOI_SSEQ": whole(month_in_year(end)),
        "SOR_ANN_SSEQ": whole(years_of(end)),
        "SOR_MOI": whole(month_in_year(stays.end[stay]), ~out),
        "SOR_ANN": whole(years_of(stays.end[stay]), ~out),
        **_counts(home, place),
    }  # fmt: skip


def _counts(home: _Home, place: Ints) -> dict[str, pa.Array]:
    """How many diagnoses and acts hang on each sub-sequence."""
    settled, count = home.settled, len(home.settled.stays)
    events, table = settled.events, diagnosis_table(settled)
    _, of = events_of(settled, home.slices, PROCEDURE)
    said = [np.bincount(events.stay[(events.role == DIAGNOSIS) & (table == number)], minlength=count)
             for number in range(len(TABLES))]  # fmt: skip
    said[2] = said[2] + (settled.stays.related != NO_CODE)
    stay = home.slices.stay[place]
    return {
        "NBR_ACT": whole(np.bincount(of, minlength=len(home.slices.part))[place]),
        "NBR_DGN": whole(said[0][stay]), "NBR_DGN_MPP": whole(said[1][stay]), "NBR_DGN_MPA": whole(said[2][stay]),
    }  # fmt: skip


def _group(home: _Home, place: Ints) -> dict[str, pa.Array]:
    """The columns of T_HAD_GRP."""
    settled, slices = home.settled, home.slices
    stay = slices.stay[place]
    wrong, error = settled.stay_rule[stay] == rule("grouping_error"), settled.lives.codes.place(GROUPING_ERROR)
    return {
        "GHT_NUM": code_of(settled, np.where(wrong, error, settled.stays.group[stay])),
        "GHT_NBJ": whole(slices.end[place] - slices.start[place] + 1),
        "PAP_GRP_RET": coded(("0", "1"), wrong),
    }


def _diagnoses(home: _Home) -> Made:
    """T_HAD_D, T_HAD_DMPP and T_HAD_DMPA."""
    settled, slices = home.settled, home.slices
    (row, event), (stay, event_too) = noted(settled, HAD), related(settled, HAD)
    number = np.append(event, event_too)
    tables = np.append(diagnosis_table(settled)[row], np.full(len(stay), TABLES.index("T_HAD_DMPA")))
    code = np.append(settled.events.code[row], settled.stays.related[stay])
    stay = np.append(settled.events.stay[row], stay)

    def columns(table: str) -> Columns:
        return lambda year, noted, _: {COLUMNS[table]: diagnoses(settled, noted, f"{table} {year}")}

    for place, table in enumerate(TABLES):
        those = np.flatnonzero(tables == place)
        which, where = in_every_slice(slices, stay[those])
        which = those[which]
        fate = np.where(~slices.first[where], rule("same_diagnosis"), rule("event"))
        yield from home.tables(table, code[which], number[which], where, fate, columns(table))


def _acts(home: _Home) -> Made:
    """T_HAD_A."""
    settled, events = home.settled, home.settled.events
    row, place = events_of(settled, home.slices, PROCEDURE)

    def columns(_: int, which: Ints, where: Ints) -> dict[str, pa.Array]:
        day = settled.stays.start[events.stay[which]] + events.delay[which]
        return {
            "ACT_COD": small(events.activity[which]), "CCAM_COD": code_of(settled, events.code[which]),
            "DEL_DEB_SSEQ": whole(day - home.slices.start[where]), "PHA_COD": small(events.phase[which]),
            "REAL_NBR": whole(events.quantity[which]), "VAL_DAT_SSEQ": constant("1", len(which)),
        }  # fmt: skip

    yield from home.tables("T_HAD_A", row, settled.stay_event[row], place, acts_fate(settled, row), columns)


def _drugs(home: _Home) -> Made:
    """T_HAD_MED, T_HAD_MEDATU and T_HAD_MEDCHL."""
    settled, events = home.settled, home.settled.events
    chance = settled.lives.block.chance("HAD drugs")
    repeated = chance.random(len(events)) < settled.lives.block.scenario.trap("expensive_drugs_repeated")
    shared = np.where(repeated, chance.integers(2, MOST_STAYS + 1, len(events)), 1)
    paid, temporary, dissolving = (
        events_of(settled, home.slices, role) for role in (DRUG, TEMPORARY_DRUG, THROMBOLYTIC)
    )
    both = in_two_tables(settled, temporary)
    since = home.slices.year[dissolving[1]] >= FIRST_OF_MEDCHL
    given = {
        "T_HAD_MED": [np.concatenate([one, other[both]]) for one, other in zip(paid, temporary, strict=True)],
        "T_HAD_MEDATU": temporary, "T_HAD_MEDCHL": [one[since] for one in dissolving],
    }  # fmt: skip

    settled.lives.counts["expensive_drugs_repeated"] += int((shared[given["T_HAD_MED"][0]] > 1).sum())

    def columns(table: str) -> Columns:
        return lambda _, which, __: given_in(table, which)

    def given_in(table: str, which: Ints) -> dict[str, pa.Array]:
        day = settled.stays.start[events.stay[which]] + events.delay[which]
        quantity = events.quantity[which] * shared[which]
        return {
            "PRS_TYP": constant(PAID[table], len(which)), "ANN": whole(years_of(day)),
            "MOIS": whole(month_in_year(day)), "ADM_ANN": whole(years_of(day)), "ADM_MOIS": whole(month_in_year(day)),
            "UCD_UCD_COD": code_of(settled, events.code[which]), "ADM_NBR": whole(quantity),
            "SEJ_NBR": whole(shared[which]),
            "ACH_PRI_ADM": amounts(settled.lives.codes.price[events.code[which]] * quantity),
            "DAT_DELAI": whole(events.delay[which]), "TOP_UCD_AUTO": constant("0", len(which)),
        }  # fmt: skip

    for table, (row, place) in given.items():
        fate = np.full(len(row), rule("event"))
        if table == "T_HAD_MEDATU":
            fate[both] = rule("listed_twice")
        yield from home.tables(table, row, settled.stay_event[row], place, fate, columns(table))
