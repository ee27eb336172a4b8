"""What comes once with a delivery: hospitals of each year, drugs, and the lists of codes that a conversion reads."""

import csv

import numpy as np

from snds_omop_assets.contracts.nomenclatures import CODES
from snds_omop_assets.synthetic.catalogue_files import items, natures
from snds_omop_assets.synthetic.days import NO_DAY
from snds_omop_assets.synthetic.rows import SourceRows, amounts, constant, dates, texts, unique_texts
from snds_omop_assets.synthetic.world import CATEGORY, HOSPITAL_KINDS, LAST_YEAR_TWICE, STATUS, World

KINDS_OF_PRODUCT = {"T_MCO_E": ("public", "private"), "T_SSR_E": ("ssr",), "T_HAD_E": ("had",), "T_RIP_E": ("psy",)}

LISTS = {"IR_SPE_V": ("PFS_SPE_COD", "PFS_SPE_LIB"), "IR_ACT_V": ("PFS_ACT_NAT", "ACT_NAT_LIB")}
CATEGORY_GROUPS = {355: 1102, 365: 1110, 135: 1107, 127: 1201, 292: 1103}
"""ETB_CAT_RG1 of the categories that hospitals here have (IR_CET_V): all are hospitals, up to 1203, or home care."""


def referential_rows(world: World) -> list[SourceRows]:
    """T_MCOaaE and the like, BE_IDE_R, IR_PHA_R and the lists of codes. The truth is silent on them."""
    first, last = world.scenario.years
    rows = [made for year in range(first, last + 1) for made in _hospitals(world, year)]
    return [*rows, _register(world), _drugs(), *_lists(), _natures(), _categories()]


def _hospitals(world: World, year: int) -> list[SourceRows]:
    hospitals = world.hospitals
    found = []
    for table, kinds in KINDS_OF_PRODUCT.items():
        rows = np.flatnonzero(np.isin(hospitals.kind, [HOSPITAL_KINDS.index(kind) for kind in kinds]))
        numbers, names = hospitals.number[rows].tolist(), hospitals.name[rows].tolist()
        status = np.array([STATUS[kind] for kind in HOSPITAL_KINDS])[hospitals.kind[rows]].tolist()
        for row in rows.tolist() if table == "T_MCO_E" and year <= LAST_YEAR_TWICE else ():
            # The sites of a hospital group, which sent its stays a second time.
            numbers += hospitals.twice[row]
            names += [hospitals.name[row]] * len(hospitals.twice[row])
            status += [STATUS["public"]] * len(hospitals.twice[row])
        found.append(SourceRows(table, year, {
            "ETA_NUM": unique_texts(numbers),
            "ANN_TRT": constant(str(year), len(numbers)),
            "SOC_RAI": unique_texts(names),
            "STA_ETA": texts(status),
            "VAL_ETA": constant("1", len(numbers)),
        }))  # fmt: skip
    return found


def _register(world: World) -> SourceRows:
    numbers, places = np.unique([number[:8] for number in world.hospitals.number.tolist()], return_index=True)
    return SourceRows("BE_IDE_R", None, {
        "IDE_ETA_NU8": unique_texts(numbers),
        "IDE_ETA_NUM": unique_texts(world.hospitals.number[places]),
        "IDE_ETA_NOM": unique_texts(world.hospitals.name[places]),
        "IDE_ETA_DTE": dates(np.full(len(numbers), NO_DAY), np.ones(len(numbers), bool)),
    })  # fmt: skip


def _drugs() -> SourceRows:
    lines = [line for line in items() if line["nomenclature"] == "CIP13"]
    return SourceRows("IR_PHA_R", None, {
        "PHA_CIP_C13": unique_texts([line["code"] for line in lines]),
        "PHA_PRS_IDE": unique_texts([line["code"][5:12] for line in lines]),
        "PHA_CIP_UCD": unique_texts([line["ucd"] for line in lines]),
        "PHA_MED_NOM": unique_texts([line["label"] for line in lines]),
        "PHA_ATC_CLA": texts([line["atc"] for line in lines]),
        "PHA_ATC_C07": texts([line["atc"] for line in lines]),
        "PHA_DOS_UNI": texts([line["dose_unit"] for line in lines]),
        "PHA_DOS_UNT_DSES": texts([line["dose_unit"] for line in lines]),
        "PHA_UPC_NBR": texts([line["units"] for line in lines]),
        "PHA_UNT_NBR_DSES": texts([line["units"] for line in lines]),
        "PHA_PRD_UNI": amounts([float(line["price"]) for line in lines]),
    })  # fmt: skip


def _lists() -> list[SourceRows]:
    with CODES.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    found = []
    for name, (code, label) in LISTS.items():
        some = [row for row in rows if row["list"] == name]
        found.append(SourceRows(name, None, {
            code: unique_texts([row["code"] for row in some]), label: unique_texts([row["label"] for row in some]),
        }))  # fmt: skip
    return found


def _natures() -> SourceRows:
    return SourceRows("IR_NAT_V", None, {
        "PRS_NAT": unique_texts([line["prs_nat_ref"] for line in natures()]),
        "PRS_NAT_LIB": unique_texts([line["label"] for line in natures()]),
    })  # fmt: skip


def _categories() -> SourceRows:
    return SourceRows("IR_CET_V", None, {
        "ETB_CAT_COD": unique_texts([str(code) for code in CATEGORY.values()]),
        "ETB_CAT_RG1": texts([str(CATEGORY_GROUPS[code]) for code in CATEGORY.values()]),
    })  # fmt: skip
