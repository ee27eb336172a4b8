"""Who people are: birth, sex, place, family, scheme, death; and the identifiers under which each is known, and when."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.synthetic.days import Days, Ints

Flags = NDArray[np.bool_]
Texts = NDArray[np.str_]

MAN, WOMAN = 1, 2
NOBODY = -1

YEAR = 365.25

GENERAL, AGRICULTURAL, INDEPENDENT, MUTUAL = range(4)
SCHEMES = ("01C", "02A", "03A", "01M")
"""The first characters of ORG_AFF_BEN: general scheme, MSA, RSI, mutual sections of civil servants."""
SCHEME_GROUP = ("1", "2", "3", "91")
"""RGM_GRG_COD."""
SCHEME_CODE = ("101", "200", "201", "101")
"""RGM_COD."""

CERTIFIED, PROVISIONAL = "00", "04"
FICTITIOUS = ("01", "06", "08", "11")
ALPHABET = np.frombuffer(b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789", np.uint8)
PSEUDONYM_LENGTH = 17

UNKNOWN_YEAR = 1600


@dataclass
class Identifiers:
    """One row per pseudo-NIR and rank under which somebody is known.

    Attributes:
        person: whose, place in the block.
        psa: BEN_NIR_PSA.
        rank: BEN_RNG_GEM.
        kind: BEN_CDI_NIR.
        anonymous: BEN_NIR_ANO as IR_BEN_R has it; empty where it does not.
        anonymous_archived: BEN_NIR_ANO as IR_BEN_R_ARC has it.
        in_referential, in_archive: there is a row in IR_BEN_R, in IR_BEN_R_ARC.
        since: first day of use.
        inserted, updated: BEN_DTE_INS, BEN_DTE_MAJ.
        birth_year, birth_month, sex, commune, scheme: what the row says.
        certain: the files tell whose it is; else the truth marks the link as ambiguous.
        why: which trap made it.
    """

    person: Ints
    psa: Texts
    rank: Ints
    kind: Texts
    anonymous: Texts
    anonymous_archived: Texts
    in_referential: Flags
    in_archive: Flags
    since: Days
    inserted: Days
    updated: Days
    birth_year: Ints
    birth_month: Ints
    sex: Ints
    commune: Ints
    scheme: Ints
    certain: Flags
    why: Texts

    @classmethod
    def none(cls) -> "Identifiers":
        """Nobody has one yet."""
        kinds = {"psa": "U17", "kind": "U2", "anonymous": "U17", "anonymous_archived": "U17", "why": "U24"}
        flags = ("in_referential", "in_archive", "certain")
        return cls(**{
            field.name: np.array([], kinds.get(field.name, bool if field.name in flags else np.int64))
            for field in fields(cls)
        })  # fmt: skip


@dataclass
class People:
    """One place per person of a block.

    Attributes:
        first: number of the block's first person; the truth counts persons over all blocks.
        birth, death: days; a death beyond the last day is nothing that anybody knows.
        sex: 1 man, 2 woman.
        commune: place in World.commune; department: place in World.departments.
        scheme: place in SCHEMES.
        mother, father: places in the block, or NOBODY.
        twin: place of the other twin, or NOBODY.
        since, identifier: up to three periods, the first day of each and the row of `identifiers` used in it.
        identifiers: every identifier of everybody.
        absent: not in IR_BEN_R.
        why_not: why the person cannot be converted; empty for nearly all.
        counts: how often each trap of identifiers was set.
    """

    first: int
    birth: Days
    death: Days
    sex: Ints
    commune: Ints
    department: Ints
    scheme: Ints
    mother: Ints
    father: Ints
    twin: Ints
    since: NDArray[np.int64]
    identifier: NDArray[np.int64]
    identifiers: Identifiers
    absent: Flags
    why_not: Texts
    counts: dict[str, int]

    def __len__(self) -> int:
        """How many."""
        return len(self.birth)

    def age(self, persons: Any, days: Any) -> Ints:
        """Age in whole years; negative before birth."""
        years: Ints = np.floor((np.asarray(days) - self.birth[persons]) / YEAR).astype(np.int64)
        return years

    def alive(self, days: Any, persons: Any = slice(None)) -> Flags:
        """Who is born and not dead."""
        flags: Flags = (self.birth[persons] <= days) & (days <= self.death[persons])
        return flags

    def identifier_on(self, persons: Ints, days: Days) -> Ints:
        """The row of `identifiers` under which somebody is known on a day."""
        since = self.since[persons]
        period = (days >= since[:, 1]).astype(np.int64) + (days >= since[:, 2])
        rows: Ints = self.identifier[persons, period]
        return rows


def pseudonyms(count: int, chance: np.random.Generator, length: int = PSEUDONYM_LENGTH) -> Texts:
    """Random pseudonyms of capitals and figures."""
    if not count:
        return np.array([], f"U{length}")
    letters = ALPHABET[chance.integers(0, len(ALPHABET), (count, length), np.uint8)]
    found: Texts = letters.view(f"S{length}").ravel().astype(f"U{length}")
    return found
