"""The codes of 40 SNDS nomenclatures: `codes.csv` (list, code, label), as far as the public lists go (2024)."""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

CODES = Path(__file__).with_name("codes.csv")


@cache
def known_codes() -> Mapping[str, frozenset[str]]:
    """The codes of each list, without zeros before a number: lists and deliveries pad them differently."""
    codes: dict[str, set[str]] = {}
    with CODES.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            codes.setdefault(line["list"], set()).add(unpadded(line["code"]))
    return {name: frozenset(found) for name, found in codes.items()}


def unpadded(code: str) -> str:
    """The code without zeros before it; 000 is 0."""
    return code.lstrip("0") or "0"
