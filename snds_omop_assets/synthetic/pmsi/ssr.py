"""Follow-up and rehabilitation care (SSR): T_SSR_B, a row per week of a stay; C, the patient; acts, diagnoses, drugs.

A week goes from Monday to Sunday and stands whole in the file of one year, that of its Thursday: the years of the SSR
are made of the weeks of ISO 8601 (http://www.lespmsi.com/comment-sont-definies-les-semaines-en-pmsi-ssr-consequences-pratiques/).
Only the weeks in which the delivery begins and ends stand in the first and last delivered year whatever their Thursday
says. So a stay has rows in delivered files if and only if some day of it lies in the delivered years, and the week over
New Year is in one file only. MOI_ANN is the month of the Thursday, so its year is that of the file.

RHS_ANT_SEJ_ENT is 0 in the first week of a stay, and in the others the days from the entry to their Monday. The first
day of a week is then the entry, or the entry + RHS_ANT_SEJ_ENT + place of the first 1 in JP_HWE and JP_WE - 1; the last
day is as many days later as there are places from the first 1 to the last. Day hospitals have a 0 at weekends.

What becomes of rows of a good stay:
- C: the first delivered year makes the visit, the others say it again (same_visit). The row that makes the visit has
  the number of the related diagnosis (MOR_PRP): it stands in B, where a row has room for the main one only.
- B: the first delivered week shares the visit and makes the main diagnosis (FP_PEC, the purpose) as its event. The
  other weeks are details of the visit. ETL_AFF stays empty.
- D: an associated diagnosis stands in every week; the first delivered row makes the event, the others share it, and so
  does what repeats another diagnosis of the stay.
- CCAM, CSARR, MED, MEDATU: one row per event, in its week; delays count from the first day of the stay, as a stay has
  one medical unit. What happens on days that are not delivered is not told. A drug that stands in MED and MEDATU makes
  its event in MED. Devices, thrombolytics, analyses and consultations have no table here.
- repeated_week: weeks of the year before, under the new year's RHA_NUM, with all that hangs on them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from snds_omop_assets.synthetic.days import Days, Ints, month_in_year, year_month, years_of
from snds_omop_assets.synthetic.lives import (
    DRUG,
    PROCEDURE,
    REHABILITATION,
    SSR,
    TEMPORARY_DRUG,
)
from snds_omop_assets.synthetic.people import Flags
from snds_omop_assets.synthetic.pmsi.chaining import (
    chaining,
    existing,
    hospital_numbers,
    hospital_sites,
    padded,
    patient,
)
from snds_omop_assets.synthetic.pmsi.parts import (
    NOWHERE,
    Parts,
    Slices,
    acts_fate,
    code_of,
    diagnoses,
    events_of,
    first_of,
    in_every_slice,
    in_files,
    in_two_tables,
    made_parts,
    main_diagnosis,
    noted,
    only,
    related,
    spread,
    told,
    ways,
)
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, amounts, coded, constant, rule, small, whole
from snds_omop_assets.synthetic.settle import Settled

WEEK, OPEN_DAYS, THURSDAY = 7, 5, 3

REPEATED = 3
"""How many weeks of the year before stand again in the file."""

NUMBER_WIDTH, WEEK_WIDTH = 8, 3

COMPLETE, DAY_HOSPITAL = "1", "2"
"""HOS_TYP_UM."""

FORMAT = "M0B"
"""RHA_VER."""

GROUPING_ERROR = "GME:9001Z0"

PATTERNS = tuple(f"{bits:05b}" for bits in range(1 << OPEN_DAYS))
WEEKENDS = ("00", "01", "10", "11")


@dataclass(frozen=True)
class Weeks:
    """One row of T_SSR_B: each slice in its year, and some again in the next one. In the order of part and week.

    Attributes:
        slice: the week itself.
        part: under which it stands.
        year: of the file.
        again: it stands here again.
        number: RHS_NUM.
        here, there: the row of each slice, and its row in the next year's file or NOWHERE.
    """

    slice: Ints
    part: Ints
    year: Ints
    again: Flags
    number: Ints
    here: Ints
    there: Ints


@dataclass(frozen=True)
class Details:
    """Rows that hang on rows of T_SSR_B.

    Attributes:
        week: row of Weeks.
        event: row of settled.events.
        fate: rules.
        number: of the event that each makes or shares.
    """

    week: Ints
    event: Ints
    fate: Ints
    number: Ints


def monday(day: Days) -> Days:
    """The Monday of the week of each day; 1 January 1970 was a Thursday."""
    return day - (day + THURSDAY) % WEEK


def ssr_rows(settled: Settled) -> list[SourceRows]:
    """Every delivered row of the SSR stays of a block."""
    parts, slices = _cut(settled)
    weeks = _with_repeats(settled, parts, slices)
    row, number = noted(settled, SSR)
    which, place = in_every_slice(slices, settled.events.stay[row])
    fate = np.where(~slices.first[place], rule("same_diagnosis"), rule("event"))
    diagnosis = _in_weeks(weeks, place, row[which], fate, number[which])
    act, therapy = (_happened(settled, slices, weeks, role) for role in (PROCEDURE, REHABILITATION))
    drug, temporary = (events_of(settled, slices, role) for role in (DRUG, TEMPORARY_DRUG))
    both = in_two_tables(settled, temporary)
    listed = [np.concatenate([one, other[both]]) for one, other in zip(drug, temporary, strict=True)]
    fates = np.full(len(listed[0]), rule("event")), np.where(both, rule("listed_twice"), rule("event"))
    tables = {
        "T_SSR_D": diagnosis, "T_SSR_CCAM": act, "T_SSR_CSARR": therapy,
        "T_SSR_MED": _in_weeks(weeks, listed[1], listed[0], fates[0], settled.stay_event[listed[0]]),
        "T_SSR_MEDATU": _in_weeks(weeks, temporary[1], temporary[0], fates[1], settled.stay_event[temporary[0]]),
    }  # fmt: skip
    return [
        *_patients(settled, parts, slices), *_weeks(settled, parts, slices, weeks, (diagnosis, act, therapy)),
        *(made for table, details in tables.items() for made in _details(settled, parts, weeks, table, details)),
    ]  # fmt: skip


def _cut(settled: Settled) -> tuple[Parts, Slices]:
    """Stays as parts and weeks."""
    scenario, stays = settled.lives.block.scenario, settled.stays
    stay = in_files(settled, SSR)
    first = monday(np.maximum(stays.start[stay], scenario.first_day))
    known = np.minimum(stays.end[stay], scenario.last_day)
    which, step = spread((monday(known) - first) // WEEK + 1)
    begin = first[which] + WEEK * step
    year = np.clip(years_of(begin + THURSDAY), *scenario.years)
    of, one = stay[which], first_of(stay[which] * (scenario.years[1] + 1) + year)
    parts = made_parts(settled, of[one], year[one])
    slices = Slices(
        np.cumsum(one) - 1, of, year, np.maximum(begin, stays.start[of]),
        np.minimum(begin + WEEK - 1, known[which]), first_of(of),
    )  # fmt: skip
    return parts, slices


def _with_repeats(settled: Settled, parts: Parts, slices: Slices) -> Weeks:
    """The rows of T_SSR_B, some weeks before New Year being there twice."""
    chance = settled.lives.block.chance("repeated weeks")
    chosen = chance.random(len(settled.stays)) < settled.lives.block.scenario.trap("repeated_weeks")
    goes_on = np.append(~parts.first[1:], False)[: len(parts.stay)]
    size = np.bincount(slices.part, minlength=len(parts.stay))
    to_go = np.cumsum(size)[slices.part] - np.arange(len(slices.part))
    again = np.flatnonzero(goes_on[slices.part] & chosen[slices.stay] & (to_go <= REPEATED))
    settled.lives.counts["repeated_weeks"] += len(again)
    week = np.concatenate([np.arange(len(slices.part)), again])
    part = np.concatenate([slices.part, slices.part[again] + 1])
    repeated = np.arange(len(week)) >= len(slices.part)
    order = np.lexsort((week, part))
    row = np.empty(len(week), np.int64)
    row[order] = np.arange(len(week))
    there = np.full(len(slices.part), NOWHERE)
    there[again] = row[repeated]
    part = part[order]
    _, within = spread(np.bincount(part, minlength=len(parts.stay)))
    return Weeks(week[order], part, parts.year[part], repeated[order], within + 1, row[~repeated], there)


def _in_weeks(weeks: Weeks, place: Ints, event: Ints, fate: Ints, number: Ints) -> Details:
    """What hangs on slices as rows; again where the week stands again."""
    there = weeks.there[place]
    again = there != NOWHERE
    return Details(
        np.concatenate([weeks.here[place], there[again]]), np.concatenate([event, event[again]]),
        np.concatenate([fate, np.full(again.sum(), rule("repeated_week"))]), np.concatenate([number, number[again]]),
    )  # fmt: skip


def _happened(settled: Settled, slices: Slices, weeks: Weeks, role: int) -> Details:
    """Acts."""
    row, place = events_of(settled, slices, role)
    return _in_weeks(weeks, place, row, acts_fate(settled, row), settled.stay_event[row])


def _patients(settled: Settled, parts: Parts, slices: Slices) -> Iterator[SourceRows]:
    """T_SSR_C."""
    others = np.full(len(settled.stays), NO_NUMBER)
    stay, number = related(settled, SSR)
    others[stay] = number
    for year in np.unique(parts.year).tolist():
        rows = np.flatnonzero(parts.year == year)
        stay = parts.stay[rows]
        begin = monday(slices.start[np.searchsorted(slices.part, rows)])
        columns = {
            "ETA_NUM": hospital_numbers(settled, stay),
            "RHA_NUM": padded(parts.number[rows], NUMBER_WIDTH),
            "MOI_LUN_1S": whole(month_in_year(begin)),
            "ANN_LUN_1S": whole(years_of(begin)),
            **chaining(settled, stay, "T_SSR_C", year, end=parts.end[rows]),
        }
        fate = np.where(parts.first[rows], rule("visit"), rule("same_visit"))
        event = np.where(parts.first[rows], others[stay], NO_NUMBER)
        yield told(settled, "T_SSR_C", year, stay, fate, event, existing("T_SSR_C", year, columns))


def _weeks(
    settled: Settled, parts: Parts, slices: Slices, weeks: Weeks, details: tuple[Details, Details, Details]
) -> Iterator[SourceRows]:
    """T_SSR_B; `details` are associated diagnoses, CCAM and CSARR acts."""
    stays, (provenance, destination) = settled.stays, ways(settled)
    hangs = [np.bincount(rows.week, minlength=len(weeks.slice)) for rows in details]
    fate = np.where(slices.first, rule("visit"), rule("visit_detail"))[weeks.slice]
    fate = np.where(weeks.again, rule("repeated_week"), fate)
    for year in np.unique(weeks.year).tolist():
        rows = np.flatnonzero(weeks.year == year)
        week, part = weeks.slice[rows], weeks.part[rows]
        stay, end = slices.stay[week], slices.end[week]
        begin = monday(slices.start[week])
        leaves = end == stays.end[stay]
        out = (parts.end == stays.end[parts.stay])[part]
        wrong = settled.stay_rule[stay] == rule("grouping_error")
        since = np.maximum(begin - stays.start[stay], 0)
        columns = {
            "ETA_NUM": hospital_numbers(settled, stay),
            "RHA_NUM": padded(parts.number[part], NUMBER_WIDTH),
            "RHS_NUM": small(weeks.number[rows], WEEK_WIDTH),
            "RHA_VER": constant(FORMAT, len(rows)),
            **_group(settled, stay, wrong),
            "TYP_GEN_RHA": constant("0", len(rows)),
            **patient(settled, stay),
            "RHS_ANT_SEJ_ENT": whole(since),
            "SEJ_ANT": whole(since),
            "MOI_ANN_SOR_SEJ": whole(year_month(stays.end[stay]), ~out),
            "MOI_ANN": whole(_month(settled, begin)),
            "HOS_TYP_UM": coded((COMPLETE, DAY_HOSPITAL), stays.partial[stay]),
            "AUT_TYP_UM": code_of(settled, stays.unit[stay]),
            "ETA_NUM_GEO": hospital_sites(settled, stay),
            "ENT_MOD": small(stays.entered[stay]),
            "ENT_PRV": provenance.take(pa.array(stay)),
            "SOR_MOD": small(np.where(leaves, stays.left[stay], -1)),
            "SOR_DES": only(destination.take(pa.array(stay)), leaves),
            "DEB_SEM": small(slices.start[week] == stays.start[stay]),
            "DEB_FIN": small(leaves),
            **_presence(stays.partial[stay], begin, stays.start[stay], end, leaves),
            **_illness(settled, stay, f"SSR {year}"),
            **{f"{what}_DEP": small(1 + (stay + place) % 4) for place, what in
               enumerate(("HAB", "DPL", "ALI", "CON", "CPT", "REL"))},
            **{name: whole(count[rows]) for name, count in
               zip(("NBR_DGN", "NBR_CCAM", "NBR_CSARR"), hangs, strict=True)},
        }  # fmt: skip
        yield told(
            settled, "T_SSR_B", year, stay, fate[rows],
            np.where(slices.first[week], main_diagnosis(settled, stay), NO_NUMBER),
            existing("T_SSR_B", year, columns),
        )  # fmt: skip


def _month(settled: Settled, begin: Days) -> Ints:
    """MOI_ANN: the month of the Thursday; in the first and last week of the delivery, of the nearest delivered day."""
    scenario = settled.lives.block.scenario
    return year_month(np.clip(begin + THURSDAY, scenario.first_day, scenario.last_day))


def _group(settled: Settled, stay: Ints, wrong: Flags) -> dict[str, pa.Array]:
    """The group as the hospital and as the ATIH find it."""
    error = settled.lives.codes.place(GROUPING_ERROR)
    group = code_of(settled, np.where(wrong, error, settled.stays.group[stay]))
    flag = coded(("0", "1"), wrong)
    return {
        "GRC_GME": group, "GRG_GME": group, "GRC_TOP_ERR": flag, "GRG_TOP_ERR": flag, "GRC_RET": flag, "GRG_RET": flag,
    }  # fmt: skip


def _presence(partial: Flags, begin: Days, start: Days, end: Days, leaves: Flags) -> dict[str, pa.Array]:
    """JP_HWE and JP_WE: 1 for each day of presence from Monday to Friday, and of the weekend."""
    day = begin[:, None] + np.arange(WEEK)
    there = (day >= start[:, None]) & (day <= end[:, None])
    closed = partial[:, None] & (np.arange(WEEK) >= OPEN_DAYS)
    there &= ~closed | (day == start[:, None]) | ((day == end[:, None]) & leaves[:, None])
    bits = there @ (1 << np.arange(WEEK)[::-1])
    return {"JP_HWE": coded(PATTERNS, bits >> 2), "JP_WE": coded(WEEKENDS, bits & 3)}


def _illness(settled: Settled, stay: Ints, name: str) -> dict[str, pa.Array]:
    """FP_PEC, what the stay is for (mostly a Z code), and MOR_PRP, of which disease; ETL_AFF stays empty."""
    main = diagnoses(settled, settled.stays.diagnosis[stay], f"{name} main")
    cause = diagnoses(settled, settled.stays.related[stay], f"{name} related")
    return {"FP_PEC": main, "MOR_PRP": cause, "ETL_AFF": constant("", len(stay))}


def _details(settled: Settled, parts: Parts, weeks: Weeks, table: str, details: Details) -> Iterator[SourceRows]:
    """The rows of a table that hang on weeks."""
    for year in np.unique(weeks.year[details.week]).tolist():
        rows = np.flatnonzero(weeks.year[details.week] == year)
        rows = rows[np.argsort(details.week[rows], kind="stable")]
        event, where = details.event[rows], details.week[rows]
        stay = settled.events.stay[event]
        columns = {
            "ETA_NUM": hospital_numbers(settled, stay),
            "RHA_NUM": padded(parts.number[weeks.part[where]], NUMBER_WIDTH),
            "RHS_NUM": small(weeks.number[where], WEEK_WIDTH),
            "RHA_VER": constant(FORMAT, len(where)),
            **_what(settled, table, year, event),
        }
        columns = existing(table, year, columns)
        yield told(settled, table, year, stay, details.fate[rows], details.number[rows], columns)


def _what(settled: Settled, table: str, year: int, event: Ints) -> dict[str, pa.Array]:
    """The columns of a table that tell what happened; those of other years or tables go later."""
    events = settled.events
    code, delay, quantity = events.code[event], events.delay[event], events.quantity[event]
    count = len(event)
    if table == "T_SSR_D":
        return {"DGN_COD": diagnoses(settled, code, f"{table} {year}")}
    if table == "T_SSR_CCAM":
        return {
            "CCAM_DEL_ENT_UM": whole(delay), "CCAM_ACT": code_of(settled, code),
            "CCAM_PHA_ACT": small(events.phase[event]), "CCAM_COD_ACT": small(events.activity[event]),
            "CCAM_NBR_REA": whole(quantity), "CCAM_VAL_DAT": constant("1", count),
        }  # fmt: skip
    if table == "T_SSR_CSARR":
        return {
            "CSARR_COD": code_of(settled, code), "TYP_INTERV": constant("22", count), "NBR_CSARR": whole(quantity),
            "COMP_SEM": constant("1", count), "ENT_DAT_DEL_UM": whole(delay), "NBR_PAT_INTERV": whole(np.ones(count)),
            "NBR_INTERV": whole(np.ones(count)),
        }  # fmt: skip
    day = settled.stays.start[events.stay[event]] + delay
    month = whole(month_in_year(day))
    return {
        "PRS_TYP": constant("06" if table == "T_SSR_MED" else "09", count), "ANN": whole(years_of(day)),
        "MOIS": month, "MOI": month, "UCD_UCD_COD": code_of(settled, code), "ADM_NBR": whole(quantity),
        "ACH_PRI_ADM": amounts(settled.lives.codes.price[code] * quantity), "ADM_MOIS": month,
        "ADM_ANN": whole(years_of(day)), "DAT_DELAI": whole(delay), "TOP_UCD_AUTO": constant("0", count),
    }  # fmt: skip
