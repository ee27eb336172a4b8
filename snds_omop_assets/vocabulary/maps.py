"""Reading the project's maps and its list of known concepts."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MAPS = Path(__file__).parent / "maps"
CONCEPTS = Path(__file__).parent / "concepts.csv"

NO_CONCEPT = 0
"""OMOP's "No matching concept"."""


@dataclass(frozen=True)
class Mapped:
    """One line of a map.

    Attributes:
        nomenclature: the SNDS list of the code.
        code: normalised code (no padding zeros).
        label: official French label.
        concept_id: standard concept, 0 where there is none.
        status: verified, proposed or no target.
        evidence: what the target rests on.
    """

    nomenclature: str
    code: str
    label: str
    concept_id: int
    status: str
    evidence: str


def read_map(name: str) -> Sequence[Mapped]:
    """The lines of `maps/<name>.csv`, in the file's order."""
    with (MAPS / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return [
            Mapped(
                row["nomenclature"], row["code"], row["label"], int(row["concept_id"]), row["status"], row["evidence"]
            )
            for row in csv.DictReader(lines)
        ]


def concept_by_code(name: str) -> Mapping[str, int]:
    """Concept id by normalised code, for a map of a single nomenclature."""
    return {line.code: line.concept_id for line in read_map(name)}
