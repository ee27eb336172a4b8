"""IR_BEN_R, IR_BEN_R_ARC and IR_IMB_R: who the beneficiaries are, and their long-term diseases."""

import numpy as np
import pyarrow as pa

from snds_omop_assets.synthetic.days import NEVER, NO_DAY, Days, Ints, day_of, year_month
from snds_omop_assets.synthetic.dcir import unknown_communes
from snds_omop_assets.synthetic.deaths import dead, matched
from snds_omop_assets.synthetic.people import FICTITIOUS, Flags
from snds_omop_assets.synthetic.residence import UNKNOWN_COMMUNE, residence
from snds_omop_assets.synthetic.rows import (
    NO_NUMBER,
    SourceRows,
    coded,
    constant,
    dates,
    rule,
    small,
    unique_texts,
    whole,
)
from snds_omop_assets.synthetic.settle import Settled

BEFORE_2012 = NO_DAY
"""BEN_DTE_INS of rows inserted before 2012 (Health Data Hub, essentiel_snds)."""
FOR_LIFE = day_of(2099, 12, 31)
LAST_CLAIMS = 90
"""Days within which the last claims of the dead are treated. Where that makes rows equal, BEN_DTE_MAJ decides."""
RENEWED = 0.3
"""Share of the long-term diseases whose row was renewed; the older row stays."""
FOR_LIFE_SHARE = 0.105
"""Share of the ALD whose end is 31/12/2099 (Health Data Hub, requete_type_ald, October 2020)."""
NO_LONG_TERM = 0.05
ACCIDENT, OCCUPATIONAL = 11, 12
LAST, OLDER, ACCIDENTS = range(3)
"""Kinds of row of IR_IMB_R."""


def beneficiary_rows(settled: Settled) -> list[SourceRows]:
    """IR_BEN_R and IR_BEN_R_ARC: one row per pseudo-NIR and rank; each links an identifier to its person."""
    found = settled.lives.people.identifiers
    return [
        _states(settled, "IR_BEN_R", np.flatnonzero(found.in_referential)),
        _states(settled, "IR_BEN_R_ARC", np.flatnonzero(found.in_archive)),
    ]


def _states(settled: Settled, table: str, rows: Ints) -> SourceRows:
    lives, people = settled.lives, settled.lives.people
    found, who = people.identifiers, people.identifiers.person[rows]
    department, commune, organism = residence(lives.world, found.commune[rows], found.scheme[rows])
    commune = np.where(unknown_communes(settled)[who], UNKNOWN_COMMUNE, commune)
    anonymous = (found.anonymous if table == "IR_BEN_R" else found.anonymous_archived)[rows]
    own = np.char.add(found.psa[rows].astype(str), found.rank[rows].astype(str))
    fictitious = np.isin(found.kind[rows], FICTITIOUS)
    if table == "IR_BEN_R":
        lives.counts["death_only_in_cepidc"] += int(only_in_cepidc(settled).sum())
    lives.counts["commune_unknown"] += int((commune == UNKNOWN_COMMUNE).sum())
    used = last_treatment(settled)[rows]
    dead = (
        (people.death[who] <= lives.ends)
        & (table == "IR_BEN_R")
        & ~fictitious
        & (used == last_treatment(settled, True)[who])
    )
    dead &= ~only_in_cepidc(settled)[who]
    death = np.where(dead, people.death[who], NO_DAY)
    rules = np.where(
        fictitious, rule("fictitious_identifier"),
        np.where(people.why_not[who] == "birth_year_unknown", rule("no_birth_year"), rule("person")),
    )  # fmt: skip
    return SourceRows(table, None, {
        "BEN_NIR_PSA": unique_texts(found.psa[rows]),
        "BEN_RNG_GEM": small(found.rank[rows]),
        "BEN_NIR_ANO": unique_texts(anonymous),
        "BEN_IDT_ANO": unique_texts(np.where(anonymous == "", own, anonymous)),
        "BEN_IDT_TOP": small((anonymous != "").astype(np.int64)),
        "BEN_CDI_NIR": coded(pa.array(found.kind[rows], pa.string()), np.arange(len(rows))),
        "BEN_NAI_ANN": whole(found.birth_year[rows]),
        "BEN_NAI_MOI": small(found.birth_month[rows], 2),
        "BEN_SEX_COD": small(found.sex[rows]),
        "BEN_DCD_DTE": dates(death),
        "BEN_DCD_AME": whole(np.where(dead, year_month(np.where(dead, death, 0)), 160001)),
        "ORG_AFF_BEN": coded(pa.array(organism, pa.string()), np.arange(len(rows))),
        "BEN_RES_DPT": coded(pa.array(department, pa.string()), np.arange(len(rows))),
        "BEN_RES_COM": coded(pa.array(commune, pa.string()), np.arange(len(rows))),
        "BEN_TOP_CNS": constant("1", len(rows)),
        "MAX_TRT_DTD": dates(np.minimum(used, people.death[who] + LAST_CLAIMS)),
        "BEN_DTE_INS": dates(np.where(found.inserted[rows] < day_of(2012), BEFORE_2012, found.inserted[rows])),
        "BEN_DTE_MAJ": dates(found.updated[rows]),
    }, rules, np.full(len(rows), NO_NUMBER), np.full(len(rows), NO_NUMBER))  # fmt: skip


def only_in_cepidc(settled: Settled) -> Flags:
    """Whose death the CépiDc tells and IR_BEN_R does not."""
    lives = settled.lives
    hidden = lives.block.chance("death_only_in_cepidc").random(len(lives.people)) < lives.block.scenario.trap(
        "death_only_in_cepidc"
    )
    told = np.zeros(len(lives.people), bool)
    told[dead(settled)] = True
    flags: Flags = hidden & told & matched(settled)
    return flags


def last_treatment(settled: Settled, of_person: bool = False) -> Days:
    """MAX_TRT_DTD of each identifier, or the latest of each person."""
    people = settled.lives.people
    found = people.identifiers
    until = found.updated.copy()
    for period in (0, 1):
        ended = np.flatnonzero(people.since[:, period + 1] < NEVER)
        until[people.identifier[ended, period]] = people.since[ended, period + 1] - 1
    # Who changes twice comes back to the first number (fictitious_nir): the last period counts.
    last = (people.since < NEVER).sum(axis=1) - 1
    current = people.identifier[np.arange(len(people)), last]
    until[current] = found.updated[current]
    return until[current] if of_person else until


def disease_rows(settled: Settled) -> list[SourceRows]:
    """IR_IMB_R: the last state of each long-term disease makes a condition; older states and accidents do not."""
    lives, people, diseases = settled.lives, settled.lives.people, settled.diseases
    chance = lives.block.chance("diseases")
    count = len(diseases)
    inserted = np.maximum(diseases.start + chance.integers(0, 60, count), day_of(2005))
    renewed = np.flatnonzero((chance.random(count) < RENEWED) & (inserted < lives.begins - 400))
    known = inserted <= lives.ends
    accidents = np.flatnonzero(known & (chance.random(count) < NO_LONG_TERM))
    rows = np.concatenate([np.flatnonzero(known), renewed, accidents])
    kind = np.repeat([LAST, OLDER, ACCIDENTS], [int(known.sum()), len(renewed), len(accidents)])
    who, day = diseases.person[rows], np.clip(diseases.start[rows], lives.begins, lives.ends)
    identifier = people.identifier_on(who, day)
    found = people.identifiers
    end = np.where(diseases.end[rows] >= NEVER, np.where(rows % 1000 < FOR_LIFE_SHARE * 1000, FOR_LIFE, NO_DAY),
                   diseases.end[rows])  # fmt: skip
    end = np.where(kind == OLDER, inserted[rows] + 365, end)
    states = np.where(kind == LAST, inserted[rows] + np.where(np.isin(rows, renewed), 365, 0), inserted[rows])
    nature = np.where(kind == ACCIDENTS, np.where(rows % 2 == 0, ACCIDENT, OCCUPATIONAL), diseases.nature[rows])
    seen = (chance.random(len(rows)) < 0.5) & (kind == LAST)  # noqa: PLR2004
    rules = np.select(
        [np.isin(found.kind[identifier], FICTITIOUS), people.why_not[who] == "birth_year_unknown", kind == OLDER,
         kind == ACCIDENTS],
        [rule("fictitious_identifier"), rule("no_birth_year"), rule("older_state"), rule("no_long_term_disease")],
        rule("long_term_disease"),
    )  # fmt: skip
    events = np.where(rules == rule("long_term_disease"), settled.disease_event[rows], NO_NUMBER)
    columns = {
        "BEN_NIR_PSA": unique_texts(found.psa[identifier]),
        "BEN_RNG_GEM": small(found.rank[identifier]),
        "IMB_ALD_DTD": dates(diseases.start[rows]),
        "IMB_ALD_DTF": dates(end),
        "IMB_ALD_NUM": small(np.where(kind == ACCIDENTS, 0, diseases.number[rows])),
        "IMB_ETM_NAT": small(nature),
        "MED_MTF_COD": coded([code[:4] for code in lives.codes.code.tolist()], diseases.code[rows]),
        "MED_NCL_IDT": constant("CIM10", len(rows)),
        "INS_DTE": dates(states),
        "UPD_DTE": dates(np.minimum(states + 200, lives.ends), ~seen),
    }  # fmt: skip
    return [SourceRows("IR_IMB_R", None, columns, rules, np.full(len(rows), NO_NUMBER), events)]
