"""KI_CCI_R and KI_ECD_R: deaths of the CépiDc with their causes, most of them matched to a person."""

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.synthetic.days import Ints, month_in_year, year_month, years_of
from snds_omop_assets.synthetic.lives import DEATH, MCO, NO_CODE
from snds_omop_assets.synthetic.people import pseudonyms
from snds_omop_assets.synthetic.residence import residence
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

MATCHED = 0.88
"""Share of the deaths that are matched to a person (CépiDc: more than 80 % for 2013 to 2017)."""

USUAL_CAUSES = ("I219", "I500", "I639", "C349", "J189", "N185", "C189", "J440")
FATAL = frozenset("CDIJKNGZ")
"""Chapters of the CIM-10 of which people die in hospital here (Z: palliative care); nobody dies of a cataract."""
SECONDARY = ("I500", "J189", "E119", "I10")
IN_HOSPITAL, AT_HOME = 2, 1
IDENTIFIER_LENGTH = 64


def causes(settled: Settled) -> Ints:
    """The initial cause of the death of each person, place in Codes: a cancer they had, the last stay, a usual one."""
    lives = settled.lives
    chance = lives.block.chance("causes")
    usual = [lives.codes.places[f"CIM10:{code}"] for code in USUAL_CAUSES if f"CIM10:{code}" in lives.codes.places]
    found = np.array(usual)[chance.integers(0, len(usual), len(lives.people))]
    cancer = np.char.startswith(lives.codes.code[settled.diseases.code].astype(str), "C")
    # Who dies in a hospital dies of what the stay is for; palliative care (Z515), of a cancer with metastases.
    stays = settled.stays
    fatal = np.array([code[:1] in FATAL for code in lives.codes.code.tolist()])
    last = np.flatnonzero((stays.left == DEATH) & (stays.kind == MCO) & (stays.diagnosis != NO_CODE))
    last = last[fatal[stays.diagnosis[last]]]
    palliative = np.char.startswith(lives.codes.code[stays.diagnosis[last]].astype(str), "Z")
    found[stays.person[last]] = np.where(palliative, lives.codes.place("CIM10:C349"), stays.diagnosis[last])
    found[settled.diseases.person[cancer]] = settled.diseases.code[cancer]
    return found


def dead(settled: Settled) -> Ints:
    """Who dies in the years of the delivery."""
    lives = settled.lives
    death = lives.people.death
    return np.flatnonzero((death >= lives.block.scenario.first_day) & (death <= lives.ends))


def dead_before(settled: Settled) -> Ints:
    """Who dies in the months that are lived before the first year: IR_BEN_R says it, the CépiDc of these years not."""
    lives = settled.lives
    return np.flatnonzero(lives.people.death < lives.block.scenario.first_day)


def matched(settled: Settled) -> NDArray[np.bool_]:
    """Whose death, if they die, is matched; persons whom IR_BEN_R does not have cannot be."""
    lives = settled.lives
    draw = lives.block.chance("matched deaths").random(len(lives.people))
    return (draw < MATCHED) & ~lives.people.absent


def death_rows(settled: Settled) -> list[SourceRows]:
    """One row of KI_CCI_R per death; two or three causes of each in KI_ECD_R."""
    lives, people = settled.lives, settled.lives.people
    who = dead(settled)
    if not len(who):
        return []
    chance = lives.block.chance("deaths")
    number = pseudonyms(len(who), chance, IDENTIFIER_LENGTH)
    known = matched(settled)[who]
    identifier = people.identifier_on(who, people.death[who])
    found = people.identifiers
    anonymous = np.where(known, found.anonymous[identifier], "")
    own = np.char.add(found.psa[identifier].astype(str), found.rank[identifier].astype(str))
    person = np.where(known, np.where(anonymous == "", own, anonymous), "")
    cause = causes(settled)[who]
    code = lives.codes.code
    department, commune, _ = residence(lives.world, people.commune[who], people.scheme[who])
    death = people.death[who]
    in_hospital = chance.random(len(who)) < 0.55  # noqa: PLR2004
    no_birth = people.why_not[who] == "birth_year_unknown"
    rules = np.where(known, np.where(no_birth, rule("no_birth_year"), rule("death")), rule("unmatched_death"))
    index = np.arange(len(who))
    named = {
        "DCD_IDT_TOP": small(known.astype(np.int64)),
        "BEN_IDT_TOP": small(np.where(known, (anonymous != "").astype(np.int64), -1)),
        "FLX_PER_ANN": whole(years_of(death)),
        "BEN_DCD_DTE": dates(death),
        "BEN_DCD_AME": whole(year_month(death)),
    }
    first = SourceRows("KI_CCI_R", None, {
        "DCD_IDT_ENC": unique_texts(number),
        "BEN_IDT_ANO": unique_texts(person),
        "BEN_NIR_ANO": unique_texts(anonymous),
        **named,
        "TYP_CER_COD": constant("1", len(who)),
        "BEN_RES_DPT": coded(department, index),
        "BEN_RES_COM": coded(commune, index),
        "DCD_LIE_COD": small(np.where(in_hospital, IN_HOSPITAL, AT_HOME)),
        "BEN_NAI_ANN": whole(years_of(people.birth[who])),
        "BEN_NAI_MOI": small(month_in_year(people.birth[who]), 2),
        "BEN_SEX_COD": small(people.sex[who]),
        "DCD_CIM_COD": coded([text[:4] for text in code.tolist()], cause),
    }, rules, np.full(len(who), NO_NUMBER), np.full(len(who), NO_NUMBER))  # fmt: skip
    lines = 2 + (index % 3 == 0)
    of = np.repeat(index, lines)
    line = np.arange(len(of)) - np.repeat(np.cumsum(lines) - lines, lines)
    others = [lives.codes.places[f"CIM10:{text}"] for text in SECONDARY if f"CIM10:{text}" in lives.codes.places]
    said = np.where(line == 0, cause[of], np.array(others)[(of + line) % len(others)])
    second = SourceRows("KI_ECD_R", None, {
        "DCD_IDT_ENC": unique_texts(number[of]),
        "CER_LIG_NUM": small(1 + line),
        "ECD_CAU_RNG": constant("1", len(of)),
        "BEN_IDT_ANO": unique_texts(person[of]),
        "BEN_NIR_ANO": unique_texts(anonymous[of]),
        **{name: values.take(of) for name, values in named.items()},
        "ECD_CIM_COD": coded([text[:4] for text in code.tolist()], said),
    }, rules[of], np.full(len(of), NO_NUMBER), np.full(len(of), NO_NUMBER))  # fmt: skip
    return [first, second]
