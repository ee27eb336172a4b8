"""What the tables of every field of the PMSI share: keys, years, the patient; and in C and CSTC, whose stay it is.

Everything takes rows of Settled.stays and gives Arrow arrays of the same length, by official name.
"""

from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.synthetic.days import Days, Ints, month_in_year, year_month, years_of
from snds_omop_assets.synthetic.people import YEAR, Flags
from snds_omop_assets.synthetic.rows import coded, dates, rule, small, whole
from snds_omop_assets.synthetic.settle import Settled
from snds_omop_assets.synthetic.world import World

DUMMIES = ("x" * 17, "X" * 16 + "D", "X" * 16 + "S", "B" + "X" * 16)
"""What stands for a pseudonym that could not be made (Health Data Hub, essentiel_snds)."""

STAY_CODES = ("NIR_RET", "NAI_RET", "SEX_RET", "SEJ_RET", "FHO_RET", "PMS_RET", "DAT_RET", "COH_NAI_RET", "COH_SEX_RET")
CARE_CODES = ("NIR_RET", "NAI_RET", "SEX_RET", "IAS_RET", "ENT_DAT_RET")
"""The return codes that must be 0, of stays and of external care (Health Data Hub, Synthese_Filtres)."""

OTHER_CODES = ("HOS_NNE_RET", "HOS_ORG_RET", "SEJ_MER_RET", "ETA_NUM_RET", "NUM_DAT_AT_RET", "ORG_CPL_NUM_RET",
               "RNG_BEN_RET")  # fmt: skip
"""Return codes that no filter asks for."""

RETURNED = ("0", "1", "9")

OVERSEAS = {"971": "9A", "972": "9B", "973": "9C", "974": "9D", "976": "9F"}
"""The departments overseas in BDI_DEP (Health Data Hub, localisation_geographique_beneficiaires)."""

PER_BLOCK = 100_000
"""Stays of a hospital and year in one block, at most: the numbers of the next block begin after them."""


def stays_by_year(settled: Settled, *kinds: int) -> Iterator[tuple[int, Ints]]:
    """Each delivered year with the rows of the stays of these kinds that end in it."""
    rows = np.flatnonzero(settled.stay_delivered & np.isin(settled.stays.kind, kinds))
    years = settled.stay_year[rows]
    for year in np.unique(years).tolist():
        yield year, rows[years == year]


@cache
def in_year(table: str, year: int) -> frozenset[str]:
    """The columns that a table has in a year; without those whose years the CNAM's dictionary does not tell."""
    return frozenset(
        name for name, column in official_tables()[table].columns.items()
        if column.since is not None and column.since <= year and (column.until is None or year <= column.until)
    )  # fmt: skip


def existing(table: str, year: int, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Those of some columns that the table has in the year."""
    return {name: values for name, values in columns.items() if name in in_year(table, year)}


def ordinals(settled: Settled, stays: Ints) -> Ints:
    """A running number from 1 in each hospital, which no other block of people has: the key, before it is written.

    Args:
        settled: the block.
        stays: of one kind and year.
    """
    hospital = settled.stays.hospital[stays]
    order = np.argsort(hospital, kind="stable")
    begins = np.flatnonzero(np.diff(hospital[order], prepend=-1))
    place = np.arange(len(stays))
    sizes = np.diff(begins, append=len(stays))
    running = np.empty(len(stays), np.int64)
    running[order] = place - np.repeat(begins, sizes)
    return settled.lives.block.number * PER_BLOCK + running + 1


def padded(numbers: Ints, width: int) -> pa.Array:
    """Numbers as text with zeros before them, mostly different from each other."""
    return pc.utf8_lpad(pa.array(numbers, pa.int64()).cast(pa.string()), width, "0")


def of_each(texts: NDArray[np.str_], places: Ints) -> pa.Array:
    """Text by place in a list that may have a text twice."""
    known, place = np.unique(texts, return_inverse=True)
    return coded(known, place[places])


def hospital_numbers(settled: Settled, stays: Ints) -> pa.Array:
    """The FINESS under which each stay is sent (ETA_NUM, ETA_NUM_EPMSI)."""
    return of_each(settled.lives.world.hospitals.number, settled.stays.hospital[stays])


def hospital_sites(settled: Settled, stays: Ints) -> pa.Array:
    """The geographic FINESS of each stay (ETA_NUM_GEO)."""
    return of_each(settled.lives.world.hospitals.site, settled.stays.hospital[stays])


def patient(settled: Settled, stays: Ints, day: Days | None = None) -> dict[str, pa.Array]:
    """AGE_ANN or, before the first birthday, AGE_JOU; COD_SEX; BDI_DEP and BDI_COD.

    Args:
        settled: the block.
        stays: rows of settled.stays.
        day: on which age is told; by default the first day of the stay.
    """
    people, person = settled.lives.people, settled.stays.person[stays]
    day = settled.stays.start[stays] if day is None else day
    lived = np.maximum(day - people.birth[person], 0)
    infant = lived < YEAR
    departments, codes = _geography(settled.lives.world)
    return {
        "AGE_ANN": whole(lived / YEAR, infant),
        "AGE_JOU": whole(lived, ~infant),
        "COD_SEX": small(people.sex[person]),
        "BDI_DEP": of_each(departments, people.department[person]),
        "BDI_COD": of_each(codes, people.commune[person]),
    }


def chaining(
    settled: Settled,
    stays: Ints,
    table: str,
    year: int,
    *,
    start: Days | None = None,
    end: Days | None = None,
    running: Flags | None = None,
) -> dict[str, pa.Array]:
    """The columns of a table C or CSTC but its keys: pseudonym, ranks, return codes, dates; those of the year.

    settled.stay_rule is told by them: return_code has one code that is not 0, dummy_identifier a row of x for a
    pseudonym, ambiguous_twin no rank of birth; a stay of a twin that makes a visit has the rank of birth.

    Args:
        settled: the block.
        stays: rows of settled.stays.
        table: T_MCO_C, T_SSR_CSTC...
        year: of the file.
        start, end: the first and last day that are told, where they are not those of the stays.
        running: stays that have not ended in the file: their last day is empty.
    """
    start = settled.stays.start[stays] if start is None else start
    end = settled.stays.end[stays] if end is None else end
    chance = settled.lives.block.chance(f"chaining {table} {year}")
    columns = {
        "NIR_ANO_17": _pseudonyms(settled, stays, chance),
        "SEJ_NUM": padded(start + 7919 * settled.stays.person[stays] % 30_000, 5),
        **_return_codes(settled, stays, table, year, chance),
        **_ranks(settled, stays, chance),
        "ENT_DAT": dates(start),
        "SOR_DAT": dates(end, running),
        "EXE_SOI_DTD": dates(start),
        "EXE_SOI_DTF": dates(end, running),
        "EXE_SOI_AMD": whole(year_month(start)),
        "EXE_SOI_AMF": whole(year_month(end), running),
        "SOR_MOI": whole(month_in_year(end), running),
        "SOR_ANN": whole(years_of(end), running),
    }
    return existing(table, year, columns)


def _pseudonyms(settled: Settled, stays: Ints, chance: np.random.Generator) -> pa.Array:
    """The pseudo-NIR of the day of entry, or what stands for none."""
    texts = settled.lives.people.identifiers.psa[settled.stay_identifier[stays]]
    dummy = settled.stay_rule[stays] == rule("dummy_identifier")
    spelt = np.array(DUMMIES)[chance.integers(0, len(DUMMIES), len(stays))]
    return pa.array(np.where(dummy, spelt, texts), pa.string())


def _return_codes(
    settled: Settled, stays: Ints, table: str, year: int, chance: np.random.Generator
) -> dict[str, pa.Array]:
    """All 0, but one code of the stays that these codes set aside."""
    asked = [name for name in (CARE_CODES if table.endswith("CSTC") else STAY_CODES) if name in in_year(table, year)]
    wrong = np.where(settled.stay_rule[stays] == rule("return_code"), chance.integers(0, len(asked), len(stays)), -1)
    value = chance.integers(1, len(RETURNED), len(stays))
    columns = {name: coded(RETURNED, np.where(wrong == place, value, 0)) for place, name in enumerate(asked)}
    return columns | {name: coded(RETURNED, np.zeros(len(stays))) for name in OTHER_CODES}


def _ranks(settled: Settled, stays: Ints, chance: np.random.Generator) -> dict[str, pa.Array]:
    """RNG_NAI is the order of birth of twins where it is told; RNG_BEN, the rank in the insured family, is not used."""
    people, person = settled.lives.people, settled.stays.person[stays]
    twin = people.twin[person]
    birth_rank = np.where((twin >= 0) & (twin < person), 2, 1)
    told = (twin >= 0) | (chance.random(len(stays)) < 0.7)  # noqa: PLR2004
    told &= settled.stay_rule[stays] != rule("ambiguous_twin")
    return {
        "RNG_NAI": small(np.where(told, birth_rank, -1)),
        "RNG_NAI_RET": coded(RETURNED, np.where(told, 0, 1)),
        "RNG_BEN": small(people.identifiers.rank[settled.stay_identifier[stays]], 3),
    }


def _geography(world: World) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """BDI_DEP of each department and BDI_COD of each commune of the world: codes of the ATIH, not of INSEE."""
    departments = [OVERSEAS.get(str(code), str(code)) for code in world.departments]
    codes = [
        f"{departments[place]}{'0' + commune[3:] if len(department) > 2 else commune[2:4] + '0'}"  # noqa: PLR2004
        for place, commune in zip(world.commune_department.tolist(), map(str, world.commune), strict=True)
        for department in (str(world.departments[place]),)
    ]
    return np.array(departments), np.array(codes)
