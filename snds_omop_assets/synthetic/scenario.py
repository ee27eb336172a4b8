"""What is to be made: how many persons, which years, which traps; and the stream of chance of each piece of it."""

import csv
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from snds_omop_assets.errors import SettingsError
from snds_omop_assets.synthetic.days import day_of

HERE = Path(__file__).parent
SCENARIOS = HERE / "scenarios"
TRAPS_FILE = HERE / "traps.csv"

FIRST_YEAR, LAST_YEAR = 2013, 2023
"""The years whose columns the generator knows: external care of the SSR is there since, FP_PEC until 2023."""

BLOCK, BLOCK_YEARS = 10_000, 25_000
"""Persons made together, and years that they live together at most: their lives fit into some hundred megabytes."""

BEFORE = 183
"""Days of life before the first of January of the first year: care of then is in the flows of the first months."""


@dataclass(frozen=True)
class Trap:
    """Something of real deliveries that a converter must know.

    Attributes:
        name: how a scenario switches it.
        share: how often, of what `of` says.
        of: persons, lines, stays...
        sentence: what it is.
        source: where it is documented.
    """

    name: str
    share: float
    of: str
    sentence: str
    source: str


def traps() -> Mapping[str, Trap]:
    """Every trap, by name, in the order of traps.csv."""
    with TRAPS_FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {r["trap"]: Trap(r["trap"], float(r["share"]), r["of"], r["sentence"], r["source"]) for r in rows}


@dataclass(frozen=True)
class Scenario:
    """A delivery to be made.

    Attributes:
        persons: how many people.
        years: of flow of the DCIR and of the end of hospital care.
        seed: another seed, another delivery.
        traps: the share of each trap that is switched on.
        pathways: how often each pathway begins, as a multiple of what is usual; 0 leaves it out.
        lines: lines of the DCIR per person and year.
    """

    persons: int = 1_000
    years: tuple[int, int] = (2018, 2019)
    seed: int = 1
    traps: Mapping[str, float] = field(default_factory=lambda: {trap.name: trap.share for trap in traps().values()})
    pathways: Mapping[str, float] = field(default_factory=dict)
    lines: float = 35.0

    def __post_init__(self) -> None:
        """Refuse what cannot be made.

        Raises:
            SettingsError: no person, a negative seed, years that the generator does not know, an unknown trap.
        """
        first, last = self.years
        if self.persons < 1:
            raise SettingsError(f"{self.persons} persons cannot be made: give at least one.")
        if self.seed < 0 or self.lines < 0:
            raise SettingsError("The seed and the lines per person of a scenario cannot be negative.")
        if not FIRST_YEAR <= first <= last <= LAST_YEAR:
            raise SettingsError(
                f"The years {first}-{last} cannot be made: the generator knows {FIRST_YEAR} to {LAST_YEAR}."
            )
        if any(share > 1 for share in self.traps.values()):
            raise SettingsError("The share of a trap is 1 at most.")
        if unknown := set(self.traps) - set(traps()):
            raise SettingsError(f"There is no trap {min(unknown)!r}; there are: {', '.join(traps())}.")

    @property
    def first_day(self) -> int:
        """The first day of the first year."""
        return day_of(self.years[0])

    @property
    def last_day(self) -> int:
        """The last day of the last year."""
        return day_of(self.years[1] + 1) - 1

    @property
    def begins(self) -> int:
        """The first day that is lived."""
        return self.first_day - BEFORE

    @property
    def blocks(self) -> Iterator["Block"]:
        """The people, some thousands at a time; fewer where they live longer."""
        size = min(BLOCK, BLOCK_YEARS * 365 // (self.last_day + 1 - self.begins))
        for number, first in enumerate(range(0, self.persons, size)):
            yield Block(self, number, first, min(size, self.persons - first))

    def trap(self, name: str) -> float:
        """How often a trap is set; 0 when it is off."""
        return self.traps.get(name, 0.0)

    def frequency(self, pathway: str) -> float:
        """How often a pathway begins, as a multiple of what is usual."""
        return self.pathways.get(pathway, 1.0)

    def chance(self, *names: str | int) -> np.random.Generator:
        """The stream of chance of one piece of the delivery: it does not depend on any other piece."""
        words = [zlib.crc32(name.encode()) if isinstance(name, str) else name for name in names]
        return np.random.default_rng(np.random.SeedSequence([self.seed, *words]))


@dataclass(frozen=True)
class Block:
    """Some of the people, whose families are among them.

    Attributes:
        scenario: what is to be made.
        number: of the block.
        first: number of its first person.
        persons: how many.
    """

    scenario: Scenario
    number: int
    first: int
    persons: int

    def chance(self, name: str) -> np.random.Generator:
        """The stream of chance of one piece of the block."""
        return self.scenario.chance(name, self.number)


def read_scenario(name: str) -> Scenario:
    """A scenario of the package by its name, or one of the user by its file (YAML).

    Keys: persons, years (2018-2019), seed, lines, traps (all, none, or shares by name), pathways (multiples by name).

    Raises:
        SettingsError: there is no such scenario, or it says something unknown.
    """
    path = Path(name) if Path(name).suffix in (".yaml", ".yml") else SCENARIOS / f"{name}.yaml"
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        known = ", ".join(sorted(file.stem for file in SCENARIOS.glob("*.yaml")))
        raise SettingsError(
            f"There is no scenario {name!r}: give one of {known}, or the path of a YAML file."
        ) from None
    except yaml.YAMLError:
        raise SettingsError(f"{path} is not valid YAML.") from None
    if not isinstance(told, dict):
        raise SettingsError(f"{path} says nothing: it must have keys such as persons, years, traps.")
    return with_told(Scenario(), told)


def with_told(scenario: Scenario, told: Mapping[str, Any]) -> Scenario:
    """A scenario with some of it said anew; what is None stays.

    Raises:
        SettingsError: a key is unknown, or a value cannot be what it should be.
    """
    if unknown := set(map(str, told)) - set(READ):
        raise SettingsError(f"A scenario has no {min(unknown)!r}; it may say {', '.join(READ)}.")
    changes = {}
    for key, value in told.items():
        if value is not None:
            try:
                changes[key] = READ[key](value)
            except (TypeError, ValueError, AttributeError):
                raise SettingsError(f"{value!r} is no value for {key} of a scenario.") from None
    return replace(scenario, **changes)


def _years(told: str | int) -> tuple[int, int]:
    """2019 or 2016-2019."""
    first, _, last = str(told).partition("-")
    return int(first), int(last or first)


def _traps(told: str | Mapping[str, float]) -> Mapping[str, float]:
    """all, none, or shares by name."""
    if told == "none":
        return {}
    if told == "all":
        return {trap.name: trap.share for trap in traps().values()}
    if isinstance(told, str):
        raise ValueError
    return _shares(told)


def _shares(told: Mapping[str, float]) -> Mapping[str, float]:
    shares = {str(name): float(share) for name, share in told.items()}
    if not all(math.isfinite(share) and share >= 0 for share in shares.values()):
        raise ValueError
    return shares


def _whole(told: int) -> int:
    """A whole number; neither 1.5 nor true."""
    if isinstance(told, bool) or int(told) != told:
        raise ValueError
    return int(told)


def _lines(told: float) -> float:
    if not math.isfinite(float(told)):
        raise ValueError
    return float(told)


READ: Mapping[str, Callable[[Any], Any]] = {
    "persons": _whole, "years": _years, "seed": _whole, "lines": _lines, "traps": _traps, "pathways": _shares
}  # fmt: skip
"""What a scenario may say, and how it is read."""
