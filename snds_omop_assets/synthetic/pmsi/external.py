"""External care: T_MCOaaCSTC, FASTC, FBSTC, FCSTC, FHSTC, FLSTC, FMSTC, FPSTC, and the same of the SSR.

One stay of kind EXTERNAL or EXTERNAL_SSR is one day of care. Which row makes what:

- CSTC makes the visit.
- FASTC, FBSTC (facility fees: ATU, FSD...) and FCSTC (fees: C, CS...) say the visit again: a consultation is no event.
- FHSTC, FLSTC, FMSTC and FPSTC make drugs, laboratory acts, CCAM acts, devices.

The SSR has no FHSTC and FPSTC in the CNAM's dictionary of these years: drugs and devices given there are not written.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from snds_omop_assets.synthetic.days import Ints, month_in_year, year_month, years_of
from snds_omop_assets.synthetic.lives import (
    CONSULTATION,
    DEVICE,
    DRUG,
    EXTERNAL,
    EXTERNAL_SSR,
    LABORATORY,
    PROCEDURE,
    rows_of,
)
from snds_omop_assets.synthetic.people import Flags
from snds_omop_assets.synthetic.pmsi.chaining import chaining, hospital_sites, of_each, patient, stays_by_year
from snds_omop_assets.synthetic.pmsi.products import lpp, short_ucd
from snds_omop_assets.synthetic.pmsi.transmission import Transmission, transmission
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, amounts, constant, rule, small, whole
from snds_omop_assets.synthetic.settle import Settled, events_by_others

FIGURES = 8
"""Of SEQ_NUM."""

EMERGENCY = "ATU"
FACILITY_FEES = (EMERGENCY, "FSD", "FFM", "APE", "SE1", "SE2")
SUPPLEMENTS = ("C F", "C N", "CS F")
"""Of Sundays and nights; what follows a consultation is one of the first two."""
CONSULTATIONS = ("C", "CS", "G", "CNP", "CSC")
AT_NIGHT, PADDED = 0.05, 0.1
LENGTH = 5

SPECIALTIES = (1, 4, 7, 12, 15, 3, 33)
OF_A_CODE = {"G": 1, "C": 1, "CSC": 3, "CNP": 33, EMERGENCY: 1}

REIMBURSED = 0.7
FACILITY, FEES = "FBSTC", "FCSTC"
MODE, DISCIPLINE = "07", "000"
"""External care, in no discipline (PSH_MDT, PSH_DMT)."""


@dataclass(frozen=True)
class Billed:
    """Lines of the two tables of fees.

    Attributes:
        place: of the stay in the transmission.
        code: place in Codes.
        facility: a line of FBSTC, else of FCSTC.
        specialty: code of IR_SPE_V.
        padded: the code has blanks at its end.
    """

    place: Ints
    code: Ints
    facility: Flags
    specialty: Ints
    padded: Flags


def external_rows(settled: Settled) -> list[SourceRows]:
    """Every table of external care, by field and year."""
    made = []
    for field, kind in (("MCO", EXTERNAL), ("SSR", EXTERNAL_SSR)):
        for year, stays in stays_by_year(settled, kind):
            name = f"{field.lower()} external"
            sent = transmission(settled, year, stays, key="SEQ_NUM", width=FIGURES, name=name)
            chance = settled.lives.block.chance(f"{name} {year}")
            billed = _billed(sent, chance)
            acts = np.flatnonzero(sent.events.role == PROCEDURE)
            made += [
                _chained(sent, field),
                _invoices(sent, field, billed, acts),
                _fees(sent, field, billed, facility=True),
                _fees(sent, field, billed, facility=False),
                _analyses(sent, field),
                _acts(sent, field, acts),
            ]
            if field == "MCO":
                made += [_drugs(sent), _devices(sent, chance)]
    return made


def _chained(sent: Transmission, field: str) -> SourceRows:
    """CSTC: the visit, whose it is and when."""
    columns = chaining(sent.settled, sent.stays, f"T_{field}_CSTC", sent.year)
    return sent.rows(f"T_{field}_CSTC", np.arange(len(sent.stays)), columns, rule("visit"), visit=True)


def _billed(sent: Transmission, chance: np.random.Generator) -> Billed:
    """What is billed for consultations and facilities, with a supplement after some consultations at night.

    Who came as an emergency has the fee that tells it (ATU), even if the pathway did not say so.
    """
    settled = sent.settled
    known = settled.lives.codes
    lines = np.flatnonzero(sent.events.role == CONSULTATION)
    place, code = sent.events.place[lines], settled.events.code[sent.events.row[lines]]
    consultation = np.isin(known.code, CONSULTATIONS)[code]
    has = np.bincount(place[np.isin(known.code, SUPPLEMENTS)[code]], minlength=len(sent.stays)) > 0
    late = np.flatnonzero(consultation & ~has[place] & (chance.random(len(lines)) < AT_NIGHT))
    added = np.array([known.place(f"CONSULTATION:{text}") for text in SUPPLEMENTS[:2]])
    emergency = known.place(f"CONSULTATION:{EMERGENCY}")
    without = settled.stays.emergency[sent.stays] & (
        np.bincount(place[code == emergency], minlength=len(sent.stays)) == 0
    )
    untold = np.flatnonzero(without)
    place = np.concatenate([place, place[late], untold])
    code = np.concatenate([code, added[chance.integers(0, 2, len(late))], np.full(len(untold), emergency)])
    order = np.argsort(place, kind="stable")
    place, code = place[order], code[order]
    by_code = np.zeros(len(known.code), np.int64)
    for text, specialty in OF_A_CODE.items():
        by_code[known.place(f"CONSULTATION:{text}")] = specialty
    usual = np.array(SPECIALTIES)[chance.integers(0, len(SPECIALTIES), len(sent.stays))][place]
    return Billed(
        place, code, np.isin(known.code, FACILITY_FEES)[code], np.where(by_code[code], by_code[code], usual),
        chance.random(len(place)) < PADDED,
    )  # fmt: skip


def _invoices(sent: Transmission, field: str, billed: Billed, acts: Ints) -> SourceRows:
    """FASTC: the invoice, with the sums of the others."""
    settled, stays, count = sent.settled, sent.stays, len(sent.stays)
    price = settled.lives.codes.price
    paid = price[billed.code]
    facility = np.bincount(billed.place[billed.facility], paid[billed.facility], count)
    fees = np.bincount(billed.place[~billed.facility], paid[~billed.facility], count)
    # Not in place: bincount of no weights gives whole numbers.
    fees = fees + np.bincount(sent.events.place[acts], price[settled.events.code[sent.events.row[acts]]], count)
    chained = chaining(settled, stays, f"T_{field}_CSTC", sent.year)
    person = patient(settled, stays)
    age = settled.lives.people.age(settled.stays.person[stays], settled.stays.start[stays])
    ranks = {name: values for name, values in chained.items() if name in ("RNG_NAI", "RNG_BEN")}
    columns = {
        **_of_the_invoice(sent, np.arange(count), "A"),
        **{name: person[name] for name in ("COD_SEX", "BDI_DEP", "BDI_COD")},
        "AGE_ANN": whole(np.maximum(age, 0)),
        **ranks,
        "COD_CIV": person["COD_SEX"],
        "EXO_TM": constant("0", count),
        "NAT_ASS": constant("10" if field == "MCO" else "1", count),
        "NOE_RGM": constant("01", count),
        "SEJ_FAC_AM": constant("1", count),
        "PH_MNT": amounts(facility),
        "PH_BRM": amounts(facility),
        "PH_AMO_MNR": amounts(facility * REIMBURSED),
        "PH_OC_MNR": amounts(facility * (1 - REIMBURSED)),
        "HON_MNT": amounts(fees),
        "HON_AM_MNR": amounts(fees * REIMBURSED),
        "HON_OC_MNR": amounts(fees * (1 - REIMBURSED)),
        "PAS_OC_MNT": amounts((facility + fees) * (1 - REIMBURSED)),
    }
    return sent.rows(f"T_{field}_FASTC", np.arange(count), columns, rule("same_visit"), visit=True)


def _fees(sent: Transmission, field: str, billed: Billed, facility: bool) -> SourceRows:
    """FBSTC or FCSTC: what the hospital bills for its facilities, and for its doctors."""
    lines = np.flatnonzero(billed.facility == facility)
    place, code, count = billed.place[lines], billed.code[lines], len(lines)
    known = sent.settled.lives.codes
    written = np.concatenate([known.code, np.char.ljust(known.code, LENGTH)])
    price = known.price[code]
    one = whole(np.ones(count))
    columns = {
        **_of_the_invoice(sent, place, "B" if facility else "C"),
        **_of_the_unit(count),
        "ACT_COD": of_each(written, code + len(known.code) * billed.padded[lines]),
        "ACT_NBR": one,
        "ACT_DNB": one,
        "ACT_COE": amounts(np.ones(count)),
        "DEL_DAT_ENT": whole(np.zeros(count)),
        "EXE_SPE": small(billed.specialty[lines], 2),
        "EXO_TM": constant("0", count),
        **dict.fromkeys(("PRI_UNI", "REM_BAS", "HON_MNT"), amounts(price)),
        "REM_TAU": amounts(np.full(count, 100 * REIMBURSED)),
        "AMO_MNR": amounts(price * REIMBURSED),
        "AMC_MNR": amounts(price * (1 - REIMBURSED)),
        "COEF_MCO": amounts(np.ones(count)),
    }
    table = f"T_{field}_{FACILITY if facility else FEES}"
    return sent.rows(table, place, columns, rule("same_visit"), visit=True)


def _analyses(sent: Transmission, field: str) -> SourceRows:
    """FLSTC: laboratory acts."""
    settled = sent.settled
    lines = np.flatnonzero(sent.events.role == LABORATORY)
    row, place = sent.events.row[lines], sent.events.place[lines]
    columns = {
        **_of_the_invoice(sent, place, "L"),
        **_of_the_unit(len(lines)),
        "NABM_COD": of_each(settled.lives.codes.code, settled.events.code[row]),
        "ACT_NBR": whole(settled.events.quantity[row]),
        "ANN_MOI": whole(year_month(settled.stays.start[sent.stays[place]])),
        "DEL_DAT_ENT": whole(settled.events.delay[row]),
    }
    return sent.rows(f"T_{field}_FLSTC", place, columns, rule("event"), event=settled.stay_event[row])


def _acts(sent: Transmission, field: str, acts: Ints) -> SourceRows:
    """FMSTC: acts of the CCAM."""
    settled = sent.settled
    row, place = sent.events.row[acts], sent.events.place[acts]
    events = rows_of(settled.events, row)
    same = events_by_others(events)
    columns = {
        **_of_the_invoice(sent, place, "M"),
        **_of_the_unit(len(acts)),
        "CCAM_COD": of_each(settled.lives.codes.code, events.code),
        "ACV_ACT": small(events.activity),
        "PHA_ACT": small(events.phase),
        "DEL_DAT_ENT": whole(events.delay),
    }
    return sent.rows(
        f"T_{field}_FMSTC", place, columns, np.where(same, rule("same_act"), rule("event")),
        event=np.where(same, NO_NUMBER, settled.stay_event[row]),
    )  # fmt: skip


def _drugs(sent: Transmission) -> SourceRows:
    """FHSTC: drugs that are paid by themselves."""
    settled = sent.settled
    lines = np.flatnonzero(sent.events.role == DRUG)
    row, place = sent.events.row[lines], sent.events.place[lines]
    events, codes = rows_of(settled.events, row), settled.lives.codes
    start = settled.stays.start[sent.stays[place]]
    columns = {
        **_of_the_invoice(sent, place, "H"),
        "UCD_UCD_COD": of_each(codes.code, events.code),
        "UCD_COD": short_ucd(settled, events.code),
        "QUA": amounts(events.quantity),
        "FRACT_COE": amounts(np.ones(len(lines))),
        "ACH_PRU_TTC": amounts(codes.price[events.code]),
        "FAC_MNT": amounts(events.quantity * codes.price[events.code]),
        "DEL_DAT_ENT": whole(events.delay),
        "ENT_MOI": whole(month_in_year(start)),
        "ENT_ANN": whole(years_of(start)),
    }
    return sent.rows("T_MCO_FHSTC", place, columns, rule("event"), event=settled.stay_event[row])


def _devices(sent: Transmission, chance: np.random.Generator) -> SourceRows:
    """FPSTC: devices."""
    settled = sent.settled
    lines = np.flatnonzero(sent.events.role == DEVICE)
    row, place = sent.events.row[lines], sent.events.place[lines]
    events, codes = rows_of(settled.events, row), settled.lives.codes
    start = settled.stays.start[sent.stays[place]]
    columns = {
        **_of_the_invoice(sent, place, "P"),
        **lpp(settled, events.code, chance),
        "LPP_QUA": amounts(events.quantity),
        "LPP_PRI_UNI": amounts(codes.price[events.code]),
        "FAC_MNT": amounts(events.quantity * codes.price[events.code]),
        "DEL_DAT_ENT": whole(events.delay),
        "ENT_MOI": whole(month_in_year(start)),
        "ENT_ANN": whole(years_of(start)),
    }
    return sent.rows("T_MCO_FPSTC", place, columns, rule("event"), event=settled.stay_event[row])


def _of_the_invoice(sent: Transmission, place: Ints, kind: str) -> dict[str, pa.Array]:
    """What every line of an invoice has."""
    stays, count = sent.stays[place], len(place)
    end = sent.settled.stays.end[stays]
    return {
        "TYP_ART": constant(kind, count),
        "RSF_TYP": constant("2", count),
        "NUM_FAC": constant("001", count),
        "ETA_NUM_GEO": hospital_sites(sent.settled, stays),
        "SOR_MOI": whole(month_in_year(end)),
        "SOR_ANN": whole(years_of(end)),
    }


def _of_the_unit(count: int) -> dict[str, pa.Array]:
    """Which unit cared."""
    return {"PSH_MDT": constant(MODE, count), "PSH_DMT": constant(DISCIPLINE, count)}
