"""What the pictures have in common: the cells that they draw, axes, bars, months, colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from snds_omop_assets.reception.report import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY, LIGHT = "#2f5f8a", "#c9672b", "#8a949e", "#c7d6e4"
LINE_COLOURS = (BLUE, ORANGE, "#2e8b6f", "#9a4f96", "#b0932c", "#5b8db8", "#d98a9b", GREY)


FIRST_IDS: Mapping[str, int] = {
    "visit_occurrence": 200, "visit_detail": 1300, "condition_occurrence": 400, "procedure_occurrence": 600,
    "drug_exposure": 700, "measurement": 1800, "observation": 800, "device_exposure": 2100, "drug_era": 900,
    "condition_era": 1000, "death": 500,
}  # fmt: skip
"""The first analysis of each table of events; what the others count follows from their distance to it."""

WITHOUT_SOURCE = (FIRST_IDS["drug_era"], FIRST_IDS["condition_era"])
"""Eras have no source concept."""

PERSONS_BY_CONCEPT, RECORDS_BY_CONCEPT, PERSONS_BY_CONCEPT_AND_MONTH = 0, 1, 2
RECORDS_BY_MONTH, RECORDS_BY_SOURCE_CONCEPT, RECORDS_INSIDE = 20, 25, 30
PERSONS, BORN, SEEN_IN_YEAR, WHOLE_MONTHS, MONTHS_SEEN = 1, 3, 116, 110, 117

MALE, FEMALE = "8507", "8532"
NO_CONCEPT = "0"
TOP = 10
LINES = 8
LONGEST_NAME = 44
DECADE = 10
MONTHS = 12
FEW_MONTHS, TICKS = 30, 7

Names = Mapping[int, str]


@dataclass(frozen=True)
class Drawn:
    """A picture before it has a format."""

    title: str
    sentence: str
    figure: "Figure"


@dataclass(frozen=True)
class Cells:
    """The results, and the names of concepts."""

    frame: pd.DataFrame
    names: Names

    def of(self, analysis: int) -> pd.DataFrame:
        """The cells of an analysis."""
        return self.frame[self.frame["analysis_id"] == analysis]

    def total(self, analysis: int) -> int:
        """The only cell of an analysis; 0 if it is not there."""
        return int(self.of(analysis)["count_value"].sum())

    def name(self, concept: str | None) -> str:
        """What a concept is called on a picture."""
        if concept in (None, NO_CONCEPT):
            return "no concept"
        name = self.names.get(int(str(concept)), f"concept {concept}")
        return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def figure_of(width: float, height: float) -> "tuple[Figure, Axes]":
    """A figure with one plot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.tick_params(labelsize=8, color=GREY, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    return figure, axes


def bars(axes: "Axes", names: Sequence[str], values: Sequence[float], labels: Sequence[str]) -> None:
    """A bar to the right per name, the first on top, with its figure."""
    bars = axes.barh(range(len(names)), values, color=BLUE, height=0.7)
    axes.bar_label(bars, labels, padding=4, fontsize=8)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def by_month(frame: pd.DataFrame, month: str) -> "pd.Series[int]":
    """Counts by month, counted from the year 0."""
    months = frame[month].astype(int)
    return frame.groupby(months // 100 * 12 + months % 100 - 1)["count_value"].sum().sort_index()


def months_below(axes: "Axes") -> None:
    """Ticks at the turns of years, or at months where there are few; the axis counts in years."""
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    first, last = (round(edge * MONTHS) for edge in axes.get_xlim())
    if last - first > FEW_MONTHS:
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
    else:
        axes.xaxis.set_major_locator(MultipleLocator(-(-(last - first) // TICKS) / MONTHS))
        axes.xaxis.set_major_formatter(lambda value, _: _month(round(value * MONTHS)))


def counts_by_decades(axes: "Axes") -> None:
    """Whole numbers of things, on a logarithmic scale."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
    axes.yaxis.set_major_formatter(lambda value, _: number(float(value)) if value >= 1 else "")
    axes.yaxis.set_minor_formatter(NullFormatter())


def counts_upwards(axes: "Axes") -> None:
    """Whole numbers of things, from zero."""
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: number(float(value)))
    axes.grid(axis="y", color="#e3e6ea", linewidth=0.6)
    axes.set_ylim(bottom=0)


def legend_above(axes: "Axes", columns: int) -> None:
    """The legend in a line above the plot."""
    axes.legend(frameon=False, fontsize=8, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)


def words(table: str) -> str:
    """The name of a table in a sentence."""
    return table.replace("_", " ")


def _month(count: int) -> str:
    """A month, counted from the year 0."""
    return f"{count // MONTHS}-{count % MONTHS + 1:02d}"
