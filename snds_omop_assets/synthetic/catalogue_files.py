"""What can be done to a person: the files of catalogue/ as arrays, looked up by name while lives are made."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.synthetic.days import Ints

FOLDER = Path(__file__).parent / "catalogue"

DETAILS = ("", "PHA", "CAM", "BIO", "TIP", "UCD")
"""The detail tables of the DCIR; the first means none."""

VISITS = ("", "outpatient", "home", "pharmacy", "laboratory", "telehealth", "transport")
"""Kinds of visit of care outside hospital stays; the first means that a line makes no visit of its own."""

NATURES = ("care", "accessory", "none", "clinic")
"""care makes a visit; accessory joins one; none is no care contact; clinic is billed for a private hospital's stay."""


@dataclass(frozen=True)
class Catalogue:
    """Things that are done outside hospital stays, one place each: first the natures of service, then what has a code.

    Attributes:
        places: place of each thing by its name (a PRS_NAT_REF such as 1111, or an item such as ibuprofen_200).
        nature_row: the line of natures.csv of each thing.
        prs_nat_ref, code, label, nomenclature: texts.
        detail, visit, nature: places in DETAILS, VISITS, NATURES.
        profession: who does it.
        price: euros of one unit; rate: percent reimbursed.
        weight: how often it is drawn among the items of its nature, in background care.
    """

    places: Mapping[str, int]
    nature_row: Ints
    prs_nat_ref: NDArray[np.str_]
    code: NDArray[np.str_]
    label: NDArray[np.str_]
    nomenclature: NDArray[np.str_]
    detail: Ints
    visit: Ints
    nature: Ints
    profession: NDArray[np.str_]
    price: NDArray[np.float64]
    rate: NDArray[np.float64]
    weight: NDArray[np.float64]


@dataclass(frozen=True)
class Codes:
    """Codes of care inside hospitals.

    Attributes:
        places: place of each code by nomenclature and code ("CIM10:M545").
        nomenclature, code, label: texts.
        price: euros.
    """

    places: Mapping[str, int]
    nomenclature: NDArray[np.str_]
    code: NDArray[np.str_]
    label: NDArray[np.str_]
    price: NDArray[np.float64]

    def place(self, name: str) -> int:
        """Where a code stands.

        Raises:
            KeyError: the catalogue does not have it.
        """
        return self.places[name]


RENTAL_DAYS = 28
"""Devices are rented by four weeks."""


def rented(things: Catalogue) -> NDArray[np.bool_]:
    """Which things are rentals."""
    return np.array(["LOCATION" in label.upper() for label in things.label.tolist()])


@cache
def natures() -> tuple[Mapping[str, str], ...]:
    """The lines of natures.csv."""
    return _lines("natures.csv")


@cache
def items() -> tuple[Mapping[str, str], ...]:
    """The lines of items.csv."""
    return _lines("items.csv")


@cache
def catalogue() -> Catalogue:
    """Natures and items."""
    told, coded = natures(), items()
    row = {line["prs_nat_ref"]: place for place, line in enumerate(told)}
    nature_row = np.array([*range(len(told)), *(row[line["prs_nat_ref"]] for line in coded)])

    def of_nature(column: str) -> list[str]:
        return [told[place][column] for place in nature_row]

    names = [*row, *(line["item"] for line in coded)]
    detail = np.array([DETAILS.index(text) for text in of_nature("detail")])
    detail[: len(told)] = 0  # a nature by itself has no code
    return Catalogue(
        places={name: place for place, name in enumerate(names)},
        nature_row=nature_row,
        prs_nat_ref=np.array(of_nature("prs_nat_ref")),
        code=np.array([*("" for _ in told), *(line["code"] for line in coded)]),
        label=np.array([*(line["label"] for line in told), *(line["label"] for line in coded)]),
        nomenclature=np.array([*("PRS_NAT_REF" for _ in told), *(line["nomenclature"] for line in coded)]),
        detail=detail,
        visit=np.array([VISITS.index(text) for text in of_nature("visit")]),
        nature=np.array([NATURES.index(text) for text in of_nature("nature")]),
        profession=np.array(of_nature("profession")),
        price=np.array([*(float(line["price"]) for line in told), *(float(line["price"]) for line in coded)]),
        rate=np.array([float(text) for text in of_nature("rate")]),
        weight=np.array([*(0.0 for _ in told), *(float(line["weight"]) for line in coded)]),
    )


@cache
def codes() -> Codes:
    """The lines of codes.csv."""
    lines = _lines("codes.csv")
    return Codes(
        {f"{line['nomenclature']}:{line['code']}": place for place, line in enumerate(lines)},
        np.array([line["nomenclature"] for line in lines]),
        np.array([line["code"] for line in lines]),
        np.array([line["label"] for line in lines]),
        np.array([float(line["price"] or 0) for line in lines]),
    )


def _lines(name: str) -> tuple[Mapping[str, str], ...]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return tuple(csv.DictReader(lines))
