"""The DCIR: ER_PRS_F and its detail tables, by year of flow, from the claims of a block."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from snds_omop_assets.synthetic.catalogue_files import DETAILS, RENTAL_DAYS, rented
from snds_omop_assets.synthetic.claims import (
    INFORMATION,
    PARTICIPATION,
    SUPPLEMENT,
    Claims,
    Lines,
    make_claims,
)
from snds_omop_assets.synthetic.days import NO_DAY, Ints, months_of, year_month
from snds_omop_assets.synthetic.lives import rows_of
from snds_omop_assets.synthetic.people import FICTITIOUS, NOBODY, SCHEME_CODE, SCHEME_GROUP
from snds_omop_assets.synthetic.residence import UNKNOWN_COMMUNE, residence
from snds_omop_assets.synthetic.rows import SourceRows, amounts, coded, constant, dates, rule, small, whole
from snds_omop_assets.synthetic.settle import Settled
from snds_omop_assets.synthetic.world import HOSPITAL_KINDS

PUBLIC_SECTOR, PRIVATE_SECTOR = 1, 2
NOT_APPLICABLE_STAY, UNKNOWN_STAY = "Z", "X"
STAY_OF_GROUP = ("M", "C", "O")
"""ETE_MCO_DDP of lines of a stay: medicine, surgery, obstetrics."""

FACILITY_MISSING = "00000000"
SPECIALTY_NOT_GIVEN = (0, 99)
RENTAL, PURCHASE = "3", "1"
PARTICIPATION_EUROS = 1.0
"""The flat participation of an adult in a consultation, which the fund keeps back."""
INFORMATION_72 = 0.1
"""Share of the lines for information that have 72 instead of 71."""


def dcir_rows(settled: Settled) -> Iterator[SourceRows]:
    """ER_PRS_F and its details, year of flow by year of flow; months follow each other within a block of people.

    Rows of ER_PRS_F make visits (rule visit) and rows of details events; corrections share the visit and the event of
    what they correct.
    """
    claims = make_claims(settled)
    month = months_of(claims.lines.flow)
    for year in range(settled.lives.block.scenario.years[0], settled.lives.block.scenario.years[1] + 1):
        first = (year - 1970) * 12
        rows = np.flatnonzero((month >= first) & (month < first + 12))
        rows = rows[np.argsort(month[rows], kind="stable")]
        if len(rows):
            yield from _year(settled, claims, rows_of(claims.lines, rows), year)


def _year(settled: Settled, claims: Claims, lines: Lines, year: int) -> Iterator[SourceRows]:
    """One year of flow."""
    chance = settled.lives.block.chance(f"dcir {year}")
    keys = _keys(settled, claims, lines)
    prs = {**keys, **_beneficiary(settled, claims, lines), **_service(settled, claims, lines, chance)}
    yield SourceRows("ER_PRS_F", year, prs, lines.rule, lines.visit, lines.event)
    things = settled.lives.catalogue
    detail = things.detail[claims.acts.item[lines.act]]
    detail[np.isin(lines.kind, (INFORMATION, PARTICIPATION, SUPPLEMENT))] = 0
    for place, name in enumerate(DETAILS):
        rows = np.flatnonzero(detail == place)
        if name and len(rows):
            some = rows_of(lines, rows)
            columns = {**_take(keys, rows), **_DETAIL[name](settled, claims, some)}
            became = np.where(some.rule == rule("visit"), rule("event"), some.rule)
            yield SourceRows(f"ER_{name}_F", year, columns, became, some.visit, some.event)
    rows = np.flatnonzero(lines.facility)
    if len(rows):
        some = rows_of(lines, rows)
        columns = {**_take(keys, rows), **_facility(settled, claims, some, chance)}
        yield SourceRows("ER_ETE_F", year, columns, some.rule, some.visit, np.full(len(rows), -1))


def _sector(settled: Settled, hospital: Ints) -> Ints:
    """PRS_PPU_SEC: public where a public hospital does it."""
    public = settled.lives.world.hospitals.kind != HOSPITAL_KINDS.index("private")
    return np.where((hospital != NOBODY) & public[hospital], PUBLIC_SECTOR, PRIVATE_SECTOR)


def _take(columns: dict[str, pa.Array], rows: Ints) -> dict[str, pa.Array]:
    places = pa.array(rows)
    return {name: values.take(places) for name, values in columns.items()}


def _keys(settled: Settled, claims: Claims, lines: Lines) -> dict[str, pa.Array]:
    """The nine columns that join the tables. Each block of people has its own emitter."""
    block = settled.lives.block
    who = claims.identifier[lines.act]
    organism = _organisms(settled)
    return {
        "FLX_DIS_DTD": dates(lines.flow),
        "FLX_TRT_DTD": dates(lines.treated),
        "FLX_EMT_TYP": constant("1", len(who)),
        "FLX_EMT_NUM": constant(str(1 + block.number), len(who)),
        "FLX_EMT_ORD": constant("0", len(who)),
        "ORG_CLE_NUM": coded(organism, who),
        "DCT_ORD_NUM": whole(1 + lines.claim),
        "PRS_ORD_NUM": small(lines.ordinal),
        "REM_TYP_AFF": constant("1", len(who)),
    }


def _organisms(settled: Settled) -> pa.Array:
    identifiers = settled.lives.people.identifiers
    return pa.array(residence(settled.lives.world, identifiers.commune, identifiers.scheme)[2], pa.string())


def _beneficiary(settled: Settled, claims: Claims, lines: Lines) -> dict[str, pa.Array]:
    """Whose care it is, under the identifier of the day of care; a death that was known when the claim was treated."""
    lives, people = settled.lives, settled.lives.people
    identifiers, who = people.identifiers, claims.identifier[lines.act]
    person, day = claims.acts.person[lines.act], claims.acts.day[lines.act]
    department, commune, organism = residence(lives.world, identifiers.commune, identifiers.scheme)
    commune = np.where(unknown_communes(settled)[identifiers.person], UNKNOWN_COMMUNE, commune)
    age = people.age(person, day)
    months = np.clip((day - people.birth[person]) // 31, 0, 23)
    known = (people.death[person] <= lines.treated) & ~people.absent[person]
    fictitious = np.isin(identifiers.kind, FICTITIOUS)
    return {
        "BEN_NIR_PSA": coded(pa.array(identifiers.psa, pa.string()), who),
        "BEN_RNG_GEM": small(identifiers.rank[who]),
        "BEN_CDI_NIR": coded(pa.array(identifiers.kind, pa.string()), who),
        "BEN_NAI_ANN": whole(identifiers.birth_year[who]),
        "BEN_SEX_COD": small(identifiers.sex[who]),
        "BEN_AMA_COD": whole(np.where(age < 2, 1000 + months, age)),  # noqa: PLR2004 - months below two years
        "BEN_RES_DPT": coded(pa.array(department, pa.string()), who),
        "BEN_RES_COM": coded(pa.array(commune, pa.string()), who),
        "ORG_AFF_BEN": coded(pa.array(organism, pa.string()), who),
        "RGM_COD": coded(np.where(fictitious, "888", np.array(SCHEME_CODE)[identifiers.scheme]), who),
        "RGM_GRG_COD": coded(np.where(fictitious, "1", np.array(SCHEME_GROUP)[identifiers.scheme]), who),
        "BEN_CMU_TOP": small(((people.first + person) % 13 == 0).astype(np.int64)),
        "BEN_DCD_DTE": dates(np.where(known, people.death[person], NO_DAY)),
        "BEN_DCD_AME": whole(np.where(known, year_month(np.where(known, people.death[person], 0)), 160001)),
    }


def unknown_communes(settled: Settled) -> Any:
    """Whose commune is 999 in all their rows."""
    lives = settled.lives
    draw = lives.block.chance("commune_unknown").random(len(lives.people))
    return draw < lives.block.scenario.trap("commune_unknown")


def _service(settled: Settled, claims: Claims, lines: Lines, chance: np.random.Generator) -> dict[str, pa.Array]:
    """What was done, when, by whom, for how much."""
    lives, scenario, acts = settled.lives, settled.lives.block.scenario, claims.acts
    things, world = lives.catalogue, lives.world
    act, count = lines.act, len(lines.act)
    item = acts.item[act]
    day, last = acts.day[act], acts.last_day[act]
    nature = coded(things.prs_nat_ref, item)
    base = np.round(things.price[item] * lines.quantity * np.abs(lines.factor), 2)
    full = (lives.people.first + acts.person[act]) % 6 == 0
    rate = np.where(full, 100.0, things.rate[item])
    paid_back = np.where(lines.kind == PARTICIPATION, -PARTICIPATION_EUROS, base * rate / 100)
    information = lines.kind == INFORMATION
    empty = (chance.random(count) < scenario.trap("nulls_in_filters")) & ~information & (lines.kind != PARTICIPATION)
    lives.counts["nulls_in_filters"] += int(empty.sum())
    second = information & (chance.random(count) < INFORMATION_72)
    dpn = np.where(information, np.where(second, 72, 71), np.where(empty, -1, 0))
    qlp = np.where(lines.kind == PARTICIPATION, 71, np.where(information, dpn, np.where(empty, -1, 0)))
    pre = np.where((acts.prescriber != NOBODY) & ~claims.date_unknown, acts.prescribed, NO_DAY)[act]
    professionals = world.professionals
    number = pa.array([*professionals.number, FACILITY_MISSING], pa.string())
    nobody = len(professionals.number)
    by = np.where(acts.professional == NOBODY, nobody, acts.professional)[act]
    ordered = np.where(acts.prescriber == NOBODY, nobody, acts.prescriber)[act]
    specialty, activity = np.append(professionals.specialty, 0), np.append(professionals.activity, 0)
    said = np.where(claims.specialty_hidden[act], np.array(SPECIALTY_NOT_GIVEN)[act % 2], specialty[by])
    return {
        "EXE_SOI_DTD": dates(day),
        "EXE_SOI_DTF": dates(last),
        "EXE_SOI_AMD": whole(year_month(day)),
        "PRE_PRE_DTD": dates(pre),
        "PRS_NAT_REF": nature,
        "BSE_PRS_NAT": coded(["", *things.prs_nat_ref], np.where(lines.kind == SUPPLEMENT, 0, item + 1)),
        "CPL_PRS_NAT": coded(["0", *things.prs_nat_ref], np.where(lines.kind == SUPPLEMENT, item + 1, 0)),
        "PRS_ACT_QTE": amounts(lines.quantity),
        "PRS_ACT_NBR": amounts(np.where((lives.people.first + acts.person[act]) % 11 == 0, 0, lines.quantity)),
        "PRS_ACT_COG": amounts(np.ones(count)),
        "PRS_PAI_MNT": amounts(base),
        "BSE_REM_BSE": amounts(base),
        "BSE_REM_MNT": amounts(paid_back),
        "BSE_REM_SGN": coded(["+", "-"], (paid_back < 0).astype(np.int64)),
        "CPL_REM_MNT": amounts(np.where(lines.kind == SUPPLEMENT, base * (100 - rate) / 100, 0)),
        "CPL_MAJ_TOP": small(np.where(lines.kind == SUPPLEMENT, 2, 0)),
        "CPL_AFF_COD": small(np.where(lines.kind == PARTICIPATION, 16, 0)),
        "RGO_REM_TAU": amounts(rate),
        "EXO_MTF": small(np.where(full, 43, 0)),
        "DPN_QLF": small(dpn),
        "PRS_DPN_QLP": small(qlp),
        "ETB_PRE_FIN": constant(FACILITY_MISSING, count),
        "PFS_EXE_NUM": coded(number, by),
        "PSE_SPE_COD": small(said),
        "PSE_ACT_NAT": small(activity[by]),
        "PSE_STJ_COD": small(np.where(by == nobody, 0, 51)),
        "PFS_PRE_NUM": coded(number, ordered),
        "PSP_SPE_COD": small(specialty[ordered]),
        "PSP_ACT_NAT": small(activity[ordered]),
        "PRS_PPU_SEC": small(_sector(settled, acts.hospital[act])),
        "PRS_PDS_QCP": small(np.where(specialty[by] == 1, 1, 0)),
        "PRS_REJ_TOP": constant("0", count),
        "ORG_CLE_NEW": coded(_organisms(settled), claims.identifier[act]),
    }  # fmt: skip


def _drugs(settled: Settled, claims: Claims, lines: Lines) -> dict[str, pa.Array]:
    """ER_PHA_F: boxes; where a pack was opened (PHA_DEC_TOP 1), units in PHA_DEC_QSU."""
    things, item = settled.lives.catalogue, claims.acts.item[lines.act]
    units = np.append(settled.units, 0)[np.minimum(lines.act, len(settled.acts))]
    opened = units > 0
    return {
        "PHA_PRS_C13": coded(things.code, item),
        "PHA_PRS_IDE": coded([code[5:12] for code in things.code.tolist()], item),
        "PHA_ACT_QSN": amounts(lines.quantity),
        "PHA_ACT_PRU": amounts(things.price[item]),
        "PHA_DEC_TOP": small(opened.astype(np.int64)),
        "PHA_DEC_QSU": amounts(np.where(opened, units * np.sign(lines.quantity), 0)),
        "PHA_DEC_PRU": amounts(np.where(opened, things.price[item] / 30, 0)),
    }


def _acts(settled: Settled, claims: Claims, lines: Lines) -> dict[str, pa.Array]:
    """ER_CAM_F: a row is an act; the sign is that of the line."""
    things, item = settled.lives.catalogue, claims.acts.item[lines.act]
    return {
        "CAM_PRS_IDE": coded(things.code, item),
        "CAM_ACT_COD": small(claims.acts.activity[lines.act]),
        "CAM_TRT_PHA": constant("0", len(item)),
        "CAM_ORD_NUM": constant("1", len(item)),
        "CAM_ACT_PRU": amounts(things.price[item]),
        "CAM_REM_BSE": amounts(things.price[item] * np.sign(lines.quantity)),
    }


def _laboratory(settled: Settled, claims: Claims, lines: Lines) -> dict[str, pa.Array]:
    """ER_BIO_F."""
    item = claims.acts.item[lines.act]
    return {
        "BIO_PRS_IDE": coded(settled.lives.catalogue.code, item),
        "BIO_ACT_QSN": amounts(lines.quantity),
        "BIO_ORD_NUM": constant("1", len(item)),
    }


def _devices(settled: Settled, claims: Claims, lines: Lines) -> dict[str, pa.Array]:
    """ER_TIP_F: bought, or rented by four weeks."""
    things, item = settled.lives.catalogue, claims.acts.item[lines.act]
    day = claims.acts.day[lines.act]
    of_weeks = rented(things)[item]
    return {
        "TIP_PRS_IDE": coded(things.code, item),
        "TIP_PRS_TYP": coded([PURCHASE, RENTAL], of_weeks.astype(np.int64)),
        "TIP_ACT_QSN": amounts(lines.quantity),
        "TIP_ACT_PRU": amounts(things.price[item]),
        "TIP_ACL_DTD": dates(day),
        "TIP_ACL_DTF": dates(np.where(of_weeks, day + RENTAL_DAYS - 1, day)),
        "TIP_ORD_NUM": constant("1", len(item)),
    }


def _hospital_drugs(settled: Settled, claims: Claims, lines: Lines) -> dict[str, pa.Array]:
    """ER_UCD_F: drugs that a hospital hands to people who live at home; the sign is that of the line."""
    things, item = settled.lives.catalogue, claims.acts.item[lines.act]
    return {
        "UCD_UCD_COD": coded(things.code, item),
        "UCD_TOP_UCD": small((claims.acts.stay[lines.act] != NOBODY).astype(np.int64)),
        "UCD_DLV_NBR": whole(np.abs(lines.quantity)),
        "UCD_FRC_COE": amounts(np.ones(len(item))),
        "UCD_TTF_MNT": amounts(things.price[item] * lines.quantity),
        "UCD_ORD_NUM": constant("1", len(item)),
    }


_DETAIL = {"PHA": _drugs, "CAM": _acts, "BIO": _laboratory, "TIP": _devices, "UCD": _hospital_drugs}


def _facility(settled: Settled, claims: Claims, lines: Lines, chance: np.random.Generator) -> dict[str, pa.Array]:
    """ER_ETE_F: the hospital that did it, and whether the PMSI has it too (ETE_IND_TAA 1, ETE_MCO_DDP filled)."""
    hospitals, acts, act = settled.lives.world.hospitals, claims.acts, lines.act
    hospital = acts.hospital[act]
    private = hospitals.kind[hospital] == 1
    of_stay = acts.stay[act] != NOBODY
    nulls = settled.lives.block.scenario.trap("nulls_in_filters")
    empty = chance.random((2, len(act))) < nulls
    taa = np.where(claims.public[act], 1, np.where(private, 2, 0))
    taa = np.where(empty[0] & (taa != 1), -1, taa)
    stay = np.where(of_stay, act % 3, np.where(act % 5 == 0, 4, 3))
    stay = np.where(empty[1] & ~of_stay, 5, stay)
    settled.lives.counts["nulls_in_filters"] += int(((empty[0] & (taa == -1)) | (stay == 5)).sum())  # noqa: PLR2004
    return {
        "ETB_EXE_FIN": coded([number[:8] for number in hospitals.number.tolist()], hospital),
        "ETE_CAT_COD": small(hospitals.category[hospital]),
        "ETE_IND_TAA": small(taa),
        "ETE_MCO_DDP": coded([*STAY_OF_GROUP, NOT_APPLICABLE_STAY, UNKNOWN_STAY, ""], stay),
        "ETE_NAT_FSJ": constant("P", len(act)),
        "MDT_COD": small(np.where(of_stay, 3, 7)),
        "PRS_PPU_SEC": small(_sector(settled, hospital)),
        "ETE_TYP_COD": constant("4", len(act)),
    }
