"""A made-up vocabulary that has every code of a synthetic base, and the maps of a project for what no vocabulary has.

The codes are those of the generator's catalogue. Names are invented; so are ids (9 000 000 and more), but for those of
the project's own maps and for a few that OHDSI's checks ask about, so that the checks of sex apply:

    CIM10, BDPM, ATC, RxNorm, SNOMED, LOINC    a download: diagnoses and packs map to standard concepts, packs hold
                                               ingredients in amounts, classes hold ingredients
    CCAM, CSARR, NABM, LPP, UCD                a project's SOURCE_TO_CONCEPT_MAP: no vocabulary maps them
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from snds_omop_assets.synthetic import catalogue
from snds_omop_assets.vocabulary.maps import CONCEPTS
from snds_omop_assets.vocabulary.nomenclatures import code_of_seven, nomenclatures, stored_code
from snds_omop_assets_tests.made_vocabulary import FIRST_DAY, FIRST_ID, LAST_DAY, MadeVocabulary

CATALOGUE = Path(catalogue.__file__).parent

MAPPED_BY_PROJECT = ("CCAM", "CSARR", "NABM", "LPP", "UCD")
"""Lists that no vocabulary of OHDSI maps to standard concepts."""

STANDARD = {
    "Condition": ("SNOMED", "Disorder"), "Procedure": ("SNOMED", "Procedure"), "Device": ("SNOMED", "Physical Object"),
    "Observation": ("SNOMED", "Context-dependent"), "Measurement": ("LOINC", "Lab Test"),
    "Drug": ("RxNorm Extension", "Clinical Drug"),
}  # fmt: skip
"""Vocabulary and class of the standard concepts of a domain."""

DOMAINS = {
    **dict.fromkeys(("O800", "O809", "O820", "O821", "Z491", "Z501", "Z511", "Z5101", "Z5130"), "Procedure"),
    **dict.fromkeys(
        ("R296", "Z0480", "Z370", "Z372", "Z380", "Z383", "Z515", "Z7580", "Z921", "Z966"), "Observation"
    ),
    **dict.fromkeys(("CDQP010", "GLQP012", "PAQK007"), "Measurement"),
}  # fmt: skip
"""Codes whose target is not of the domain of their list: sessions and deliveries, circumstances, acts that measure."""

SEVERAL = frozenset({"E112", "J440", "522", "593"})
"""Codes of two targets: a disease with its complication, two analyses in one act."""

WITH_VALUE = frozenset({"Z921"})
"""Codes of a question and a value: a history of something."""

KNOWN_IDS = {
    "C61": 4163261, "N40": 198803, "O701": 443435,
    "JGFA015": 4234536, "JKLD001": 4275113, "JQGA002": 4032622,
    "1577": 3004410, "592": 3016723, "552": 3004501,
}  # fmt: skip
"""Targets that have the id of a concept of contracts/cdm/concept_checks.csv: of men, of women, of analyses."""

ANCESTORS = {
    4090861: ("Condition", ("C61", "N40")), 444094: ("Condition", ("O244", "O701")),
    4250917: ("Procedure", ("JGFA",)), 4041261: ("Procedure", ("JKHD", "JKLD", "JQG")),
}  # fmt: skip
"""Concepts whose descendants are of one sex in concept_checks.csv: domain, and how the codes below each begin."""

MILLIGRAM = 8576
IN_MILLIGRAMS = {"G": 1000.0, "MG": 1.0, "MICROGRAMMES": 0.001}
DOSE = re.compile(r"(\d[\d ]*(?:,\d+)?) ?(MICROGRAMMES|MG|G)\b")

ATC_CLASSES = {1: "ATC 1st", 3: "ATC 2nd", 4: "ATC 3rd", 5: "ATC 4th", 7: "ATC 5th"}
"""By the length of the code."""


@dataclass(frozen=True)
class Covering:
    """What a project has: a download, and the lines of its maps (list, code, target)."""

    download: MadeVocabulary
    lines: list[tuple[str, str, int]]

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write both into a folder; gives SNDS_VOCABULARY and SNDS_MAPS."""
        maps = folder / "maps"
        maps.mkdir(parents=True)
        with (maps / "source_to_concept_map.csv").open("w", encoding="utf-8", newline="") as file:
            written = csv.writer(file)
            written.writerow(["source_code", "source_vocabulary_id", "target_concept_id"])
            written.writerows((code, name, target) for name, code, target in self.lines)
        return self.download.write(folder / "athena"), maps


def covering_vocabulary() -> Covering:
    """Every code of the catalogue, with a standard concept."""
    making = _Making()
    making.known_concepts()
    for name, code, label, atc in _codes():
        making.code(name, code, label, atc)
    return Covering(making.made, making.lines)


def _codes() -> Iterator[tuple[str, str, str, str]]:
    """List, code as the store spells it, label and ATC class of each code of the catalogue, each once."""
    met: set[tuple[str, str]] = set()
    for file in ("items.csv", "codes.csv"):
        with (CATALOGUE / file).open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                name, text = row["nomenclature"], row["code"]
                if name not in nomenclatures() or name == "GHM":
                    continue
                code = code_of_seven(text) if name in ("CIP13", "UCD") else stored_code(nomenclatures()[name], text)
                name = "CIP7" if name == "CIP13" else name
                if code is not None and (name, code) not in met:
                    met.add((name, code))
                    yield name, code, row["label"], row.get("atc") or ""


class _Making:
    """The vocabulary while it is made: concepts that several codes share are made once."""

    def __init__(self) -> None:
        self.made = MadeVocabulary()
        self.lines: list[tuple[str, str, int]] = []
        self.ids = count(FIRST_ID)
        self.shared: dict[str, int] = {}

    def known_concepts(self) -> None:
        """The concepts that the project's own maps write, those above targets, and the unit of amounts."""
        with CONCEPTS.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                number, standard = int(row["concept_id"]), row["standard"] or None
                if number:
                    domain, vocabulary = row["domain_id"], row["vocabulary_id"]
                    self.made.concept(
                        number, row["concept_name"], domain, vocabulary, standard=standard, code=str(number)
                    )
        for number, (domain, _) in ANCESTORS.items():
            self.made.concept(number, f"Invented ancestor {number}", domain, *STANDARD[domain])
        self.made.concept(MILLIGRAM, "Invented milligram", "Unit", "UCUM", "Unit", code="mg")

    def code(self, name: str, code: str, label: str, atc: str) -> None:
        """A code with its targets, and what is above them."""
        domain = DOMAINS.get(code, nomenclatures()[name].domain)
        targets = [self.target(code, place, domain) for place in range(2 if code in SEVERAL else 1)]
        for ancestor, (_, beginnings) in ANCESTORS.items():
            if code.startswith(beginnings):
                self.made.ancestor(ancestor, targets[0])
        if name in ("CIP7", "UCD"):
            self.contents(targets[0], label, atc)
        if name in MAPPED_BY_PROJECT:
            self.lines += [(name, code, target) for target in targets]
            return
        source = self.source(name, code, domain)
        for target in targets:
            self.made.relationship(source, "Maps to", target, both=True)
        if code in WITH_VALUE:
            value = self.made.concept(next(self.ids), f"Invented value of {code}", "Observation", "SNOMED", "Substance")
            self.made.relationship(source, "Maps to value", value, both=True)

    def source(self, name: str, code: str, domain: str) -> int:
        """The vocabulary's own concept of a code, which is not standard."""
        vocabulary, kind = ("CIM10", "ICD10 code") if name == "CIM10" else ("BDPM", "Drug Product")
        spelled = f"{code[:3]}.{code[3:]}" if name == "CIM10" and len(code) > 3 else code
        return self.made.concept(next(self.ids), f"Invented {code}", domain, vocabulary, kind, None, spelled)

    def target(self, code: str, place: int, domain: str) -> int:
        """A standard concept of a code."""
        number = KNOWN_IDS[code] if place == 0 and code in KNOWN_IDS else next(self.ids)
        return self.made.concept(number, f"Invented target {place + 1} of {code}", domain, *STANDARD[domain])

    def contents(self, drug: int, label: str, atc: str) -> None:
        """The ingredients of a drug, in milligrams of a piece where the label says them, and its classes.

        `500 MG/30 MG` is two ingredients. What has no class (drugs of hospitals) is called by its label's first word.
        """
        told = DOSE.findall(label)
        doses = [float(n.replace(" ", "").replace(",", ".")) * IN_MILLIGRAMS[unit] for n, unit in told]
        self.made.ancestor(drug, drug, 0, 0)
        for place in range(max(len(doses), 1)):
            ingredient = self.ingredient(f"{atc or label.split(maxsplit=1)[0]}/{place}", atc)
            self.made.ancestor(ingredient, drug)
            if place < len(doses):
                amount = (drug, ingredient, doses[place], MILLIGRAM, *[None] * 5)
                self.made.strengths.append((*amount, FIRST_DAY, LAST_DAY, None))
        for above in self.classes(atc):
            self.made.ancestor(above, drug, 2, 6)

    def ingredient(self, name: str, atc: str) -> int:
        """The ingredient of this name, below its classes."""
        if name not in self.shared:
            self.shared[name] = number = self.made.concept(next(self.ids), name, "Drug", "RxNorm", "Ingredient")
            self.made.ancestor(number, number, 0, 0)
            for above in self.classes(atc):
                self.made.ancestor(above, number, 1, 5)
                if above == self.shared[atc]:
                    self.made.relationship(above, "ATC - RxNorm", number)
        return self.shared[name]

    def classes(self, atc: str) -> list[int]:
        """The ATC classes of a code, the widest first."""
        codes = [atc[:length] for length in ATC_CLASSES if length <= len(atc)]
        for code in codes:
            if code not in self.shared:
                kind = ATC_CLASSES[len(code)]
                self.shared[code] = self.made.concept(next(self.ids), code, "Drug", "ATC", kind, "C", code)
        return [self.shared[code] for code in codes]
