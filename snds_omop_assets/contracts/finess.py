"""FINESS numbers: nine characters, the last a key computed from the other eight (Luhn).

Source: Health Data Hub documentation, fiches/ref_etab.md (2024). DCIR delivers eight characters without the key,
the PMSI nine.
"""

import re

WITHOUT_KEY = re.compile(r"[0-9][0-9AB][0-9]{6}")

CORSICA = {"2A00": "2001", "2B00": "2002"}
"""How Corsican numbers are read for their key. Inferred from the page's "2A becomes 2001"; a number that begins
otherwise (2A1...) has no documented rule and stays without a key."""


def luhn_key(digits: str) -> int:
    """The check digit of a text of digits: from the right, every other digit doubled, their digits added up,
    and what is missing to the next ten."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return -total % 10


def with_key(number: str) -> str:
    """A FINESS of eight characters completed with its key; any other text as it is."""
    if not WITHOUT_KEY.fullmatch(number):
        return number
    digits = CORSICA.get(number[:4], number[:4]) + number[4:]
    return number + str(luhn_key(digits)) if digits.isdecimal() else number
