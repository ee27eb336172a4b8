"""Psychiatry (RIM-P): T_RIP_RSA, a row per sequence of a stay; C, the patient; associated diagnoses and acts.

The part of a stay that lies in a calendar year is cut into sequences of six weeks; but a part with an act is one
sequence, because T_RIP_CCAM counts the days from the beginning of a sequence and does not say of which. SEQ_SEQ_NUM
goes on from year to year. SEJ_IDT is the same over sequences and years, RIP_NUM is another each year.

What becomes of rows of a good stay:
- C: the first delivered year makes the visit, the others say it again (same_visit).
- RSA: the first delivered sequence shares the visit and makes the main diagnosis (DGN_PAL) as its event; the others
  say the visit again.
- RSAD: associated diagnoses, in every sequence, and the related diagnosis of the stay, as psychiatry has none; the
  first delivered row makes the event, the others share it, and so does what repeats another diagnosis of the stay.
- CCAM, since 2017: one row per act.
Drugs and everything else have no table here.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from snds_omop_assets.synthetic.days import FAR, Ints, month_in_year, years_of
from snds_omop_assets.synthetic.lives import DIAGNOSIS, NO_CODE, PROCEDURE, PSY
from snds_omop_assets.synthetic.pmsi.chaining import (
    existing,
    hospital_numbers,
    hospital_sites,
    ordinals,
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
    main_diagnosis,
    noted,
    only,
    patient_rows,
    related,
    told,
    ways,
)
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, coded, constant, rule, small, whole
from snds_omop_assets.synthetic.settle import Settled

SEQUENCE = 42
"""Days of a sequence."""

NUMBER_WIDTH, SEQUENCE_WIDTH, STAY_WIDTH = 8, 3, 8

FIRST_OF_ACTS = 2017
"""T_RIP_CCAM, which the CNAM's dictionary knows in this year only."""

FULL_TIME, PART_TIME = "01", ("20", "21", "23")
"""FOR_ACT: full-time care in hospital; day hospital, night hospital, therapeutic workshop."""

Made = Iterator[SourceRows]


def psychiatry_rows(settled: Settled) -> list[SourceRows]:
    """Every delivered row of the psychiatric stays of a block."""
    events = settled.events
    with_act = np.zeros(len(settled.stays), bool)
    with_act[events.stay[events.role == PROCEDURE]] = True
    parts, slices, before = cut_by_year(settled, PSY, np.where(with_act, FAR, SEQUENCE))
    identifier = _identifiers(settled, parts)
    return [
        *patient_rows(settled, parts, "T_RIP_C", lambda rows: _keys(settled, parts, rows)),
        *_sequences(settled, parts, slices, before, identifier),
        *_diagnoses(settled, parts, slices, before, identifier), *_acts(settled, parts, slices, identifier),
    ]  # fmt: skip


def _identifiers(settled: Settled, parts: Parts) -> pa.Array:
    """SEJ_IDT of each part: a number that the stay keeps in its hospital."""
    one = parts.stay[parts.first]
    of = np.cumsum(parts.first) - 1
    return padded(ordinals(settled, one), STAY_WIDTH).take(pa.array(of))


def _keys(settled: Settled, parts: Parts, part: Ints, identifier: pa.Array | None = None) -> dict[str, pa.Array]:
    """The keys of rows that hang on parts."""
    keys = {
        "ETA_NUM_EPMSI": hospital_numbers(settled, parts.stay[part]),
        "RIP_NUM": padded(parts.number[part], NUMBER_WIDTH),
        "ETA_NUM_TWO": hospital_sites(settled, parts.stay[part]),
    }
    return keys if identifier is None else {**keys, "SEJ_IDT": pc.take(identifier, pa.array(part))}


def _sequences(settled: Settled, parts: Parts, slices: Slices, before: Ints, identifier: pa.Array) -> Made:
    """T_RIP_RSA."""
    stays, events = settled.stays, settled.events
    fate = np.where(slices.first, rule("visit"), rule("same_visit"))
    provenance, destination = ways(settled)
    said = np.bincount(events.stay[events.role == DIAGNOSIS], minlength=len(stays)) + (stays.related != NO_CODE)
    acts = np.bincount(events_of(settled, slices, PROCEDURE)[1], minlength=len(slices.part))
    for year in np.unique(slices.year).tolist():
        rows = np.flatnonzero(slices.year == year)
        part, stay, end = slices.part[rows], slices.stay[rows], slices.end[rows]
        leaves, partial = end == stays.end[stay], stays.partial[stay]
        days = end - slices.start[rows] + 1
        columns = {
            **_keys(settled, parts, part, identifier),
            "SEQ_SEQ_NUM": small(before[rows] + 1, SEQUENCE_WIDTH),
            **patient(settled, stay),
            "FOR_ACT": coded((FULL_TIME, *PART_TIME), np.where(partial, 1 + stays.start[stay] % len(PART_TIME), 0)),
            "ENT_MOD": small(stays.entered[stay]),
            "ENT_PRV": provenance.take(pa.array(stay)),
            "SOR_MOD": small(np.where(leaves, stays.left[stay], -1)),
            "SOR_DES": only(destination.take(pa.array(stay)), leaves),
            "MOD_SOI": constant("1", len(rows)),
            "SEQ_IND": constant("", len(rows)),
            "DEL_DAT": whole(slices.start[rows] - stays.start[stay]),
            "SEQ_PRE_IND": small(before[rows] == 0),
            "SEQ_DER_IND": small(leaves),
            "SEQ_FIN_MOI": whole(month_in_year(end)),
            "SEQ_FIN_ANN": whole(years_of(end)),
            "SEQ_COU_NBJ": whole(days),
            "PRE_JOU_NBJ": whole(np.where(partial, 0, days)),
            "PRE_DEM_JOU_NBJ": whole(np.where(partial, days, 0)),
            "THE_ISO_NBJ": whole(np.zeros(len(rows))),
            **{f"SCO_DEP_{what}": small(1 + (stay + place) % 4) for place, what in
               enumerate(("HAB", "DPL", "ALI", "CON", "CPT", "COM"))},
            "TYP_GEN_RSA": constant("0", len(rows)),
            "DGN_PAL": diagnoses(settled, stays.diagnosis[stay], f"T_RIP_RSA {year}"),
            "NBR_DGN": whole(said[stay]),
            "NBR_CCAM": whole(acts[rows]),
        }  # fmt: skip
        main = np.where(slices.first[rows], main_diagnosis(settled, stay), NO_NUMBER)
        yield told(settled, "T_RIP_RSA", year, stay, fate[rows], main, existing("T_RIP_RSA", year, columns))


def _diagnoses(settled: Settled, parts: Parts, slices: Slices, before: Ints, identifier: pa.Array) -> Made:
    """T_RIP_RSAD."""
    stays, events = settled.stays, settled.events
    (row, said), (stay, said_too) = noted(settled, PSY), related(settled, PSY)
    event = np.append(said, said_too)
    code = np.append(events.code[row], stays.related[stay])
    which, place = in_every_slice(slices, np.append(events.stay[row], stay))
    fate = np.where(~slices.first[place], rule("same_diagnosis"), rule("event"))
    for year in np.unique(slices.year[place]).tolist():
        rows = np.flatnonzero(slices.year[place] == year)
        rows = rows[np.argsort(place[rows], kind="stable")]
        where, what = place[rows], which[rows]
        columns = {
            **_keys(settled, parts, slices.part[where], identifier),
            "SEQ_SEQ_NUM": small(before[where] + 1, SEQUENCE_WIDTH),
            "ASS_DGN": diagnoses(settled, code[what], f"T_RIP_RSAD {year}"),
        }
        columns = existing("T_RIP_RSAD", year, columns)
        yield told(settled, "T_RIP_RSAD", year, slices.stay[where], fate[rows], event[what], columns)


def _acts(settled: Settled, parts: Parts, slices: Slices, identifier: pa.Array) -> Made:
    """T_RIP_CCAM."""
    stays, events = settled.stays, settled.events
    row, place = events_of(settled, slices, PROCEDURE)
    fate = acts_fate(settled, row)
    for year in np.unique(slices.year[place]).tolist():
        if year < FIRST_OF_ACTS:
            continue
        rows = np.flatnonzero(slices.year[place] == year)
        which, where = row[rows], place[rows]
        stay = events.stay[which]
        columns = {
            **_keys(settled, parts, slices.part[where], identifier),
            "ENT_DAT_DEL": whole(stays.start[stay] + events.delay[which] - slices.start[where]),
            "CDC_ACT": code_of(settled, events.code[which]),
            "PHA_ACT": small(events.phase[which]),
            "ACV_ACT": small(events.activity[which]),
            "NBR_EXE_ACT": whole(events.quantity[which]),
        }
        # The dictionary tells this table of its first year only; it has come since.
        columns = existing("T_RIP_CCAM", FIRST_OF_ACTS, columns)
        yield told(settled, "T_RIP_CCAM", year, stay, fate[rows], settled.stay_event[which], columns)
