"""The French lists of codes: which OMOP vocabularies know them, where their codes belong, which local ids they have.

A local concept id is computed from the code alone, so that it is the same in every base and in every year. Each list
has a range of its own, from `first_id` on; all ids but those of the CCAM fit into 31 bits, as ATLAS likes them.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NOMENCLATURES = Path(__file__).with_name("nomenclatures.csv")

EVENT_DOMAINS = ("Condition", "Device", "Drug", "Measurement", "Meas Value", "Observation", "Procedure", "Specimen",
                 "Visit")  # fmt: skip
"""Domains that an event may have; the target's domain says the CDM table (OMOP CDM v5.4)."""

CIP13_PREFIX, CIP13_LENGTH = "3400", 13
"""A CIP13 is 3400, a figure, the CIP7 and a key; a UCD13 is 3400, a figure, the UCD7 and a key, or a UCD7 after zeros
(documentation of the SNDS, page on drugs)."""

FIRST_LOCAL_ID = 2_000_000_000
"""OHDSI's convention: ids from here on are a site's own."""

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABETS: Mapping[str, str] = {
    "9": DIGITS,
    "A": LETTERS,
    "X": DIGITS + LETTERS + "+-",
    "b": DIGITS + "+X",  # what stands after the third character of a CIM-10 code of the PMSI
    "+": "+",
}
"""The characters of a form's places. X and b may be missing at the end of a code."""

OPTIONAL = "Xb"


@dataclass(frozen=True)
class Nomenclature:
    """One French list of codes.

    Attributes:
        name: as maps and contracts call it.
        title: French title.
        searched: OMOP vocabularies that may have its codes, the best first.
        domain: where an event goes whose code has no target.
        domains: domains that a target may have.
        vocabulary_id: id of the local vocabulary that holds its codes where no other does; None: there is none.
        concept_class_id: class of these local concepts.
        form: how codes look: a character of ALPHABETS per place, or `number n`, `cip`, `ucd`.
        stored: how reception stores a code: `code` (no padding zeros), `text` (as it came), or `as it is` for the
            project's own words.
        first_id: id of the first local concept.
        labels: table, code column and label column of a list that is delivered with the data.
    """

    name: str
    title: str
    searched: tuple[str, ...]
    domain: str
    domains: tuple[str, ...]
    vocabulary_id: str | None
    concept_class_id: str | None
    form: str
    stored: str
    first_id: int
    labels: tuple[str, ...]

    def local_code(self, code: str) -> str | None:
        """The code under which the local vocabulary has it (a CIP13 is its CIP7); None if it is no such code."""
        if self.vocabulary_id is None:
            return None
        if self.form in ("cip", "ucd"):
            return code_of_seven(code)
        return code if self._number(code) is not None else None

    def local_id(self, code: str) -> int:
        """The local concept id of a code; 0 where the text has not the form of this list."""
        local = self.local_code(code)
        number = None if local is None else self._number(local)
        return 0 if number is None else self.first_id + number

    def _number(self, code: str) -> int | None:
        """The code as a number, different for each code; None if it has not the form."""
        if not code:
            return None
        width = 7 if self.form in ("cip", "ucd") else int(self.form.partition(" ")[2] or 0)
        if width:
            return int(code) if code.isascii() and code.isdecimal() and len(code) <= width else None
        if len(code) > len(self.form):
            return None
        number = 0
        for place, kind in enumerate(self.form):
            alphabet = ALPHABETS[kind]
            if kind not in OPTIONAL:
                found = alphabet.find(code[place]) if place < len(code) else -1
                if found < 0:
                    return None
                number = number * len(alphabet) + found
            else:
                found = alphabet.find(code[place]) + 1 if place < len(code) else 0
                if found == 0 and place < len(code):
                    return None
                number = number * (len(alphabet) + 1) + found
        return number


def code_of_seven(code: str) -> str | None:
    """The CIP7 of a CIP13, the UCD7 of a UCD13, padding zeros or not; None where there is none."""
    if not (code.isascii() and code.isdecimal()):
        return None
    if len(code) == CIP13_LENGTH and code.startswith(CIP13_PREFIX):
        return code[5:12]
    short = code.lstrip("0")
    return short.zfill(7) if 0 < len(short) <= 7 else None  # noqa: PLR2004


@cache
def lists_by_vocabulary() -> Mapping[str, Nomenclature]:
    """The first list of each local vocabulary; CIP13 and CIP7 share one, PRS_NAT_REF and PRS_NAT_VISIT another."""
    found: dict[str, Nomenclature] = {}
    for nomenclature in nomenclatures().values():
        if nomenclature.vocabulary_id is not None:
            found.setdefault(nomenclature.vocabulary_id, nomenclature)
    return found


def stored_code(nomenclature: Nomenclature, text: str) -> str:
    """A code as the store spells it, whoever wrote it: M54.5 is M545, a PRS_NAT_REF 01111 or 1111.0 is 1111.

    Blanks go; letters are capitals; the CIM10 has no dot; where reception drops padding zeros and a decimal part of
    zeros (the type `code` of contracts/column_types.py), they go here too.
    """
    if nomenclature.stored == "as it is":
        return text.strip()
    code = "".join(text.split()).upper()
    if nomenclature.name == "CIM10":
        code = code.replace(".", "")
    if nomenclature.stored == "code":
        code = re.sub(r"^([0-9]+)[.,]0*$", r"\1", code)
        code = re.sub(r"^0+(?=[0-9]+$)", "", code)
    return code


@cache
def nomenclatures() -> Mapping[str, Nomenclature]:
    """The French lists of codes, by name."""
    with NOMENCLATURES.open(encoding="utf-8", newline="") as lines:
        return {
            row["nomenclature"]: Nomenclature(
                name=row["nomenclature"],
                title=row["title"],
                searched=tuple(row["searched"].split()),
                domain=row["domain"],
                domains=EVENT_DOMAINS if row["domains"] == "event" else (row["domains"],),
                vocabulary_id=row["vocabulary_id"] or None,
                concept_class_id=row["class"] or None,
                form=row["form"],
                stored=row["stored"],
                first_id=int(row["first_id"] or 0),
                labels=tuple(row["labels"].split(".")) if row["labels"] else (),
            )
            for row in csv.DictReader(lines)
        }
