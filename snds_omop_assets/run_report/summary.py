"""What a run did, as plain data: its assets, its checks, its failures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AssetSummary:
    """One materialized asset (of one year, where it is cut by year).

    Attributes:
        name: as `omop/person`.
        rows: of the asset, or of the year.
        seconds: what its step took; a step may make several assets and years.
        path: where it lies.
        counts: its other whole numbers, by name.
        year: None where it is not cut by year.
        step: the step that made it.
    """

    name: str
    rows: int
    seconds: float
    path: Path
    counts: Mapping[str, int]
    year: str | None = None
    step: str = ""


@dataclass(frozen=True)
class CheckSummary:
    """One asset check that was evaluated.

    Attributes:
        failed: it did not pass and is an error, not a warning.
        description: what it found, in words.
        year: the year or years that it judged, as 2018 or 2016-2018; None where it judged all, or is not cut by year.
        figures: its numbers, by name.
    """

    asset: str
    check: str
    passed: bool
    blocking: bool
    failed: bool = False
    description: str = ""
    year: str | None = None
    figures: Mapping[str, int | float] = field(default_factory=dict)


@dataclass
class RunSummary:
    """What a run did.

    Attributes:
        success: every step ran and no blocking check failed.
        assets: in the order in which they were materialized.
        checks: in the order in which they were evaluated.
        failures: one sentence per failed step.
        failed_assets: the same, by asset.
        unexpected: type of the error, by asset: of the failures whose sentence is not the project's own, so that
            nobody knows what it holds.
        unclaimed: files of the delivery that no table claims, as one text.
        seconds: wall time.
        steps: seconds by step, in the order in which they ended; a step makes assets, or judges them.
    """

    success: bool = False
    assets: list[AssetSummary] = field(default_factory=list)
    checks: list[CheckSummary] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    failed_assets: dict[str, str] = field(default_factory=dict)
    unexpected: dict[str, str] = field(default_factory=dict)
    unclaimed: str = ""
    seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)
