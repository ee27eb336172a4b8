"""Stays in medicine, surgery and obstetrics: T_MCOaaB, C, UM, D, A, MED, MEDATU, MEDTHROMBO, DMIP.

Which row makes what, for a stay that makes a visit:

- B and C make the visit; B makes the main diagnosis too.
- UM is a visit detail. The row of the first unit makes the related diagnosis, if any: B says both diagnoses, and a row
  makes one event only.
- D makes an associated diagnosis; if it repeats another one of the stay, it is the same diagnosis.
- A makes an act; beside the same act by another executor with a smaller activity, it is the same act.
- MED, MEDATU, MEDTHROMBO and DMIP make a drug or a device; a drug that stands in MED and MEDATU is made by MED.

Every row of a stay that is set aside has the rule of the stay. Laboratory acts and consultations are not written.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from snds_omop_assets.synthetic.days import Ints, month_in_year, years_of
from snds_omop_assets.synthetic.lives import (
    DEVICE,
    DIAGNOSIS,
    DRUG,
    MCO,
    PROCEDURE,
    TEMPORARY_DRUG,
    THROMBOLYTIC,
    StayEvents,
    rows_of,
)
from snds_omop_assets.synthetic.people import NOBODY, Flags, pseudonyms
from snds_omop_assets.synthetic.pmsi.chaining import (
    chaining,
    hospital_numbers,
    hospital_sites,
    of_each,
    patient,
    stays_by_year,
)
from snds_omop_assets.synthetic.pmsi.parts import IN_BOTH, SHARE_IN_BOTH
from snds_omop_assets.synthetic.pmsi.products import lpp, short_ucd
from snds_omop_assets.synthetic.pmsi.spelling import diagnosis_texts, spellings
from snds_omop_assets.synthetic.pmsi.transmission import Transmission, transmission
from snds_omop_assets.synthetic.pmsi.ways import neighbours, ways
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, amounts, coded, constant, rule, small, whole
from snds_omop_assets.synthetic.settle import Settled, events_by_others

FIGURES = 10
"""Of RSA_NUM."""

TWO_UNITS_FROM, SHARE_TWO_UNITS, LONGEST_FIRST = 5, 0.3, 2
"""Stays of these nights or more may have two units; the first lasts one or two nights."""
FIRST_UNITS = ("UM:01A", "UM:07B")
"""Intensive care, or after emergencies the unit of short stays."""

NO_MOTHER, MOTHER_NOT_FOUND = " " * 32, "AB" * 16
"""NIR_ANO_MAM without the number of the mother's stay, and without that stay (chaînage_mère_enfant)."""
BIRTHS, CHILDREN = "14", "15"
"""The groups of mothers and of newborns."""

SESSIONS = "28"
NO_TARIFF = "9999"

GIVEN_BY = {"T_MCO_MED": "06", "T_MCO_MEDATU": "09", "T_MCO_MEDTHROMBO": "10", "T_MCO_DMIP": "02"}
"""PRS_TYP of the hospitals' own files, from which these tables are made."""

MOST_STAYS = 3

LAST_SHORT_UCD = 2015


def mco_rows(settled: Settled) -> list[SourceRows]:
    """Every table of the stays, by year of end."""
    beside = neighbours(settled)
    made = []
    for year, stays in stays_by_year(settled, MCO):
        sent = transmission(settled, year, stays, key="RSA_NUM", width=FIGURES, name="mco")
        happened = sent.events
        diagnoses, acts = (np.flatnonzero(happened.role == role) for role in (DIAGNOSIS, PROCEDURE))
        counts = {
            name: whole(np.bincount(happened.place[rows], minlength=len(stays)))
            for name, rows in (("NBR_DGN", diagnoses), ("NBR_ACT", acts))
        }
        chance = settled.lives.block.chance(f"mco {year}")
        spelling = spellings(settled, len(stays), chance)
        units, order = _units(settled, stays, chance)
        said = {
            "DGN_PAL": diagnosis_texts(settled.lives.codes, settled.stays.diagnosis[stays], spelling),
            "DGN_REL": diagnosis_texts(settled.lives.codes, settled.stays.related[stays], spelling),
        }
        made += [
            _stays(sent, said | counts | ways(settled, stays, year, beside), units, chance),
            _chained(sent),
            _passages(sent, said, units, order, chance),
            _diagnoses(sent, diagnoses, chance),
            _acts(sent, acts),
            *_drugs(sent, chance),
            _devices(sent, chance),
        ]
    return made


def _stays(sent: Transmission, told: dict[str, pa.Array], units: Ints, chance: np.random.Generator) -> SourceRows:
    """T_MCOaaB: the visit and its main diagnosis."""
    settled, stays, count = sent.settled, sent.stays, len(sent.stays)
    codes, lived = settled.lives.codes, settled.stays
    wrong = settled.stay_rule[stays] == rule("grouping_error")
    for_others = settled.stay_rule[stays] == rule("inter_hospital_act")
    group = np.where(wrong, codes.place("GHM:90Z00Z"), lived.group[stays])
    empty = (chance.random(count) < settled.lives.block.scenario.trap("nulls_in_filters")) & ~for_others
    settled.lives.counts["nulls_in_filters"] += int(empty.sum())
    tariffs = np.array([str(1000 + 7 * place) for place in range(len(codes.code))])
    tariffs[codes.place("GHM:90Z00Z")] = NO_TARIFF
    session = _begins(codes.code, SESSIONS)[group]
    mother, child = _mothers(settled, stays), lived.mother[stays] != NOBODY
    columns = {
        **patient(settled, stays),
        **told,
        "GRG_GHM": of_each(codes.code, group),
        "GHS_NUM": coded(tariffs, group),
        "ETE_GHS_NUM": coded(tariffs, group),
        "TYP_GEN_RSA": small(wrong),
        "SEJ_TYP": coded(("A", "", "B"), np.select([for_others, empty], [2, 1], 0)),
        "SEJ_NBJ": whole(lived.end[stays] - lived.start[stays]),
        "NBR_SEA": whole(session),
        "NBR_RUM": whole(units),
        "SEQ_RUM": constant("01", count),
        "SOR_MOI": whole(month_in_year(lived.end[stays])),
        "SOR_ANN": whole(years_of(lived.end[stays])),
        "AGE_GES": whole(chance.integers(37, 42, count), ~(mother | child)),
        "POI_NAI": whole(chance.integers(2_500, 4_200, count), ~child),
    }
    return sent.rows("T_MCO_B", np.arange(count), columns, rule("visit"), visit=True, event=settled.main_event[stays])


def _chained(sent: Transmission) -> SourceRows:
    """T_MCOaaC: the visit, whose it is and when; what mother and child share."""
    settled, stays = sent.settled, sent.stays
    group = settled.stays.group[stays]
    codes = settled.lives.codes.code
    mother = settled.stays.mother[stays]
    known = np.unique(settled.stays.mother[settled.stays.mother != NOBODY])
    shared = np.concatenate([pseudonyms(len(known), settled.lives.block.chance("mother and child"), 32),
                             [NO_MOTHER, MOTHER_NOT_FOUND]])  # fmt: skip
    born = (_begins(codes, BIRTHS) | _begins(codes, CHILDREN))[group]
    place = np.select(
        [mother != NOBODY, _mothers(settled, stays), born],
        [np.searchsorted(known, mother), np.searchsorted(known, stays), len(known) + 1],
        len(known),
    )
    columns = {**chaining(settled, stays, "T_MCO_C", sent.year), "NIR_ANO_MAM": coded(shared, place)}
    return sent.rows("T_MCO_C", np.arange(len(stays)), columns, rule("visit"), visit=True)


def _units(settled: Settled, stays: Ints, chance: np.random.Generator) -> tuple[Ints, Ints]:
    """How many units each stay has, and the places of the stays of their passages, in order."""
    nights = settled.stays.end[stays] - settled.stays.start[stays]
    several = (nights >= TWO_UNITS_FROM) & (chance.random(len(stays)) < SHARE_TWO_UNITS)
    units = np.where(several, 2, 1)
    return units, np.repeat(np.arange(len(stays)), units)


def _passages(
    sent: Transmission, said: dict[str, pa.Array], units: Ints, places: Ints, chance: np.random.Generator
) -> SourceRows:
    """T_MCOaaUM: one or two passages in a unit; both say the stay's diagnoses again."""
    settled, stays = sent.settled, sent.stays
    codes = settled.lives.codes
    first = np.append(True, places[1:] != places[:-1]) if len(places) else np.zeros(0, bool)
    two = units[places] > 1
    nights = (settled.stays.end - settled.stays.start)[stays]
    begun = np.where(units > 1, chance.integers(1, LONGEST_FIRST + 1, len(stays)), 0)
    unit = settled.stays.unit[stays][places]
    before = np.array([codes.place(name) for name in FIRST_UNITS])[settled.stays.emergency[stays][places].astype(int)]
    columns = {
        "UM_ORD_NUM": small(np.where(first, 1, 2), 2),
        "AUT_TYP1_UM": of_each(codes.code, np.where(first & two, before, unit)),
        "PAR_DUR_SEJ": whole(np.where(first & two, begun[places], (nights - begun)[places])),
        "ETA_NUM_GEO": hospital_sites(settled, stays[places]),
        **{name: values.take(pa.array(places)) for name, values in said.items()},
    }
    event = np.where(first, settled.related_event[stays[places]], NO_NUMBER)
    return sent.rows("T_MCO_UM", places, columns, rule("visit_detail"), visit=True, event=event)


def _diagnoses(sent: Transmission, rows: Ints, chance: np.random.Generator) -> SourceRows:
    """T_MCOaaD: associated diagnoses."""
    settled, happened = sent.settled, sent.events
    place, row = happened.place[rows], happened.row[rows]
    begins = np.flatnonzero(np.diff(place, prepend=-1))
    number = np.arange(len(place)) - np.repeat(begins, np.diff(begins, append=len(place))) + 1
    columns = {
        "ASS_DGN": diagnosis_texts(settled.lives.codes, settled.events.code[row], spellings(settled, len(row), chance)),
        "DGN_ASS_NUM": small(number),
    }
    return sent.rows("T_MCO_D", place, columns, rule("event"), event=settled.stay_event[row])


def _acts(sent: Transmission, rows: Ints) -> SourceRows:
    """T_MCOaaA: acts of the CCAM."""
    settled, row = sent.settled, sent.events.row[rows]
    events = rows_of(settled.events, row)
    same = events_by_others(events)
    columns = {
        "CDC_ACT": of_each(settled.lives.codes.code, events.code),
        "ENT_DAT_DEL": whole(events.delay),
        "NBR_EXE_ACT": whole(events.quantity),
        "PHA_ACT": small(events.phase),
        "ACV_ACT": small(events.activity),
    }
    return sent.rows(
        "T_MCO_A", sent.events.place[rows], columns, np.where(same, rule("same_act"), rule("event")),
        event=np.where(same, NO_NUMBER, settled.stay_event[row]),
    )  # fmt: skip


def _drugs(sent: Transmission, chance: np.random.Generator) -> list[SourceRows]:
    """T_MCOaaMED, MEDATU and MEDTHROMBO: drugs that are paid beside the group."""
    settled, happened = sent.settled, sent.events
    share = settled.lives.block.scenario.trap("expensive_drugs_repeated")
    listed, temporary, thrombolytic = (
        np.flatnonzero(happened.role == role) for role in (DRUG, TEMPORARY_DRUG, THROMBOLYTIC)
    )
    pair = [settled.lives.codes.place(f"UCD:{code}") for code in IN_BOTH]
    both = np.isin(settled.events.code[happened.row[temporary]], pair)
    both &= (chance.random(len(temporary)) < SHARE_IN_BOTH) & (share > 0)
    shared = chance.random(len(listed)) < share
    settled.lives.counts["expensive_drugs_repeated"] += int(shared.sum())
    stays = np.where(shared, chance.integers(2, MOST_STAYS + 1, len(listed)), 1)
    stays = np.concatenate([stays, np.ones(int(both.sum()), np.int64)])
    tables = (
        ("T_MCO_MED", np.concatenate([listed, temporary[both]]), stays, rule("event")),
        ("T_MCO_MEDATU", temporary, 1, np.where(both, rule("listed_twice"), rule("event"))),
        ("T_MCO_MEDTHROMBO", thrombolytic, 1, rule("event")),
    )
    return [_given(sent, table, rows, counted, rules) for table, rows, counted, rules in tables]


def _given(sent: Transmission, table: str, rows: Ints, stays: Ints | int, rules: Ints | int) -> SourceRows:
    """Drugs of one table; the columns of MED and of the two others have other names for the same.

    Args:
        sent: the stays.
        table: its name.
        rows: of sent.events.
        stays: over how many stays the quantity of each row is summed (NBR_SEJ).
        rules: of the rows.
    """
    settled, row, place = sent.settled, sent.events.row[rows], sent.events.place[rows]
    events, codes = rows_of(settled.events, row), settled.lives.codes
    quantity = events.quantity * stays
    price = amounts(quantity * codes.price[events.code])
    counted = whole(np.broadcast_to(stays, len(rows)))
    delay, month, year = _when(sent, place, events)
    columns = {
        **_of_the_file(sent, table, place),
        "UCD_UCD_COD": of_each(codes.code, events.code),
        "ADM_NBR": amounts(quantity),
        "ADM_MOIS": month,
        "TOP_UCD_AUTO": constant("0", len(rows)),
        **dict.fromkeys(("DELAI", "DAT_DELAI"), delay),
        **dict.fromkeys(("DAT_ADM_ANN", "ADM_ANN"), year),
        **dict.fromkeys(("NBR_SEJ", "SEJ_NBR"), counted),
        **dict.fromkeys(("ADM_NBR_PRI", "ACH_PRI_ADM", "ADM_PRI_ADM"), price),
    }
    if sent.year <= LAST_SHORT_UCD:
        columns["UCD_COD"] = short_ucd(settled, events.code)
    known = settled.stay_event[row]
    return sent.rows(table, place, columns, rules, event=np.where(rules == rule("event"), known, NO_NUMBER))


def _devices(sent: Transmission, chance: np.random.Generator) -> SourceRows:
    """T_MCOaaDMIP: implants; a blank stands before some codes."""
    settled = sent.settled
    rows = np.flatnonzero(sent.events.role == DEVICE)
    row, place = sent.events.row[rows], sent.events.place[rows]
    events, codes = rows_of(settled.events, row), settled.lives.codes
    delay, month, year = _when(sent, place, events)
    columns = {
        **_of_the_file(sent, "T_MCO_DMIP", place),
        **lpp(settled, events.code, chance),
        "NBR_POS": whole(events.quantity),
        "NBR_POS_PRI": amounts(events.quantity * codes.price[events.code]),
        "DELAI": delay,
        "MOI_POS": month,
        "DAT_POS_ANN": year,
    }
    return sent.rows("T_MCO_DMIP", place, columns, rule("event"), event=settled.stay_event[row])


def _when(sent: Transmission, place: Ints, events: StayEvents) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Days since the stay began, month and year."""
    day = sent.settled.stays.start[sent.stays[place]] + events.delay
    return whole(events.delay), whole(month_in_year(day)), whole(years_of(day))


def _of_the_file(sent: Transmission, table: str, place: Ints) -> dict[str, pa.Array]:
    """From which file of the hospital a row came: its period is the whole year."""
    return {
        "ANN": whole(np.full(len(place), sent.year)),
        "MOI": whole(np.full(len(place), 12)),
        "ETA_NUM_ENT": hospital_numbers(sent.settled, sent.stays[place]),
        "PRS_TYP": constant(GIVEN_BY[table], len(place)),
    }


def _mothers(settled: Settled, stays: Ints) -> Flags:
    """Which stays are those of a newborn's mother."""
    flags: Flags = np.isin(stays, settled.stays.mother[settled.stays.mother != NOBODY])
    return flags


def _begins(codes: NDArray[np.str_], start: str) -> Flags:
    """Which codes of groups begin so; other nomenclatures do not matter, as stays have groups only."""
    flags: Flags = np.char.startswith(codes, start)
    return flags
