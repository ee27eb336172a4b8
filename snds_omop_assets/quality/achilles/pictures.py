"""The results as pictures for people; each says in one sentence what it shows.

Only what is told is drawn: a cell of few persons is missing from a picture as it is from the results.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import pandas as pd
import pyarrow as pa

from snds_omop_assets.quality.achilles.characterise import concept_names
from snds_omop_assets.quality.achilles.drawing import (
    BLUE,
    BORN,
    DECADE,
    FEMALE,
    FIRST_IDS,
    LIGHT,
    LINE_COLOURS,
    LINES,
    MALE,
    MONTHS_SEEN,
    ORANGE,
    PERSONS_BY_CONCEPT,
    PERSONS_BY_CONCEPT_AND_MONTH,
    RECORDS_BY_MONTH,
    SEEN_IN_YEAR,
    WHOLE_MONTHS,
    Cells,
    Drawn,
    Names,
    by_month,
    counts_by_decades,
    counts_upwards,
    figure_of,
    legend_above,
    months_below,
    words,
)
from snds_omop_assets.quality.achilles.table_pictures import mapped_shares, records_per_person, top_concepts
from snds_omop_assets.reception.report import number, svg_of


@dataclass(frozen=True)
class Picture:
    """A picture of a page.

    Attributes:
        title: what it is about.
        sentence: what it shows, and how to read it.
        svg: the `svg` element, which needs nothing else.
    """

    title: str
    sentence: str
    svg: str


def pictures(results: pa.Table, names: Names | None = None) -> list[Picture]:
    """The pictures for a page; see `drawn`."""
    return [Picture(one.title, one.sentence, str(svg_of(one.figure, one.title))) for one in drawn(results, names)]


def drawn(results: pa.Table, names: Names | None = None) -> Iterator[Drawn]:
    """Draw what the results have; a picture whose figures are not there is left out.

    Args:
        results: achilles_results.
        names: names of concepts by id, instead of those that the results bring; a concept without one has its id.
    """
    cells = Cells(results.to_pandas(), concept_names(results) if names is None else names)
    of_all = (_by_age, _by_year_of_birth, _observed, _visits, _records_by_month, records_per_person, mapped_shares)
    found = chain((draw(cells) for draw in of_all), (top_concepts(cells, table) for table in FIRST_IDS))
    return (one for one in found if one is not None)


def _by_age(cells: Cells) -> Drawn | None:
    seen = cells.of(SEEN_IN_YEAR).dropna(subset=["stratum_3"])
    if seen.empty:
        return None
    year = seen["stratum_1"].max()
    seen = seen[seen["stratum_1"] == year].assign(decade=seen["stratum_3"].astype(int))
    decades = list(range(int(seen["decade"].min()), int(seen["decade"].max()) + 1))
    by_sex = {
        sex: seen[seen["stratum_2"] == sex].groupby("decade")["count_value"].sum().reindex(decades, fill_value=0)
        for sex in (FEMALE, MALE)
    }
    figure, axes = figure_of(6.4, 3.4)
    axes.barh(decades, -by_sex[FEMALE], color=ORANGE, height=0.8, label="women")
    axes.barh(decades, by_sex[MALE], color=BLUE, height=0.8, label="men")
    axes.axvline(0, color="white", linewidth=1)
    axes.set_yticks(decades, [f"{decade * DECADE} to {decade * DECADE + 9}" for decade in decades])
    widest = max(1, *(int(counts.max()) for counts in by_sex.values())) * 1.08
    axes.set_xlim(-widest, widest)
    axes.xaxis.set_major_formatter(lambda value, _: number(abs(value)))
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    axes.set_ylabel("age", fontsize=8)
    axes.set_xlabel("persons", fontsize=8)
    sentence = f"Persons observed on at least one day of {year}, by sex and the age that they reach in that year."
    return Drawn("Age and sex", sentence, figure)


def _by_year_of_birth(cells: Cells) -> Drawn | None:
    born = cells.of(BORN).dropna(subset=["stratum_1"])
    if born.empty:
        return None
    figure, axes = figure_of(8.8, 2.4)
    axes.bar(born["stratum_1"].astype(int), born["count_value"], color=BLUE, width=0.8)
    counts_upwards(axes)
    return Drawn("Year of birth", "Persons by year of birth, everybody in the base.", figure)


def _observed(cells: Cells) -> Drawn | None:
    if cells.of(MONTHS_SEEN).empty:
        return None
    figure, axes = figure_of(8.8, 2.4)
    for analysis, label, colour in (
        (MONTHS_SEEN, "on a day of the month", LIGHT),
        (WHOLE_MONTHS, "the whole month", BLUE),
    ):
        counts = by_month(cells.of(analysis), "stratum_1")
        axes.bar([place / 12 for place in counts.index], counts, width=1 / 12, label=label, color=colour)
    months_below(axes)
    counts_upwards(axes)
    legend_above(axes, 2)
    return Drawn(
        "Persons observed", "Persons by month of observation: a figure that falls at the ends tells of a border of the "
        "data rather than of people.", figure,
    )  # fmt: skip


def _visits(cells: Cells) -> Drawn | None:
    visits = cells.of(FIRST_IDS["visit_occurrence"] + PERSONS_BY_CONCEPT_AND_MONTH)
    of_all = cells.of(FIRST_IDS["visit_occurrence"] + PERSONS_BY_CONCEPT)
    sentence = (
        "Persons with a visit that starts in the month, by type of visit. The scale is logarithmic, and a month in "
        "which few persons have such a visit is a gap."
    )
    order = of_all.sort_values("count_value", ascending=False)["stratum_1"]
    lines = {cells.name(kind): visits[visits["stratum_1"] == kind] for kind in order[:LINES]}
    return _lines("Visits by type and month", sentence, lines, "stratum_2")


def _records_by_month(cells: Cells) -> Drawn | None:
    sentence = (
        "Records by the month in which they start, by table. The scale is logarithmic, and a month of few persons is a "
        "gap. Where a line falls at the end, files may be missing."
    )
    lines = {words(table): cells.of(first + RECORDS_BY_MONTH) for table, first in list(FIRST_IDS.items())[:LINES]}
    return _lines("Records by month", sentence, lines, "stratum_1")


def _lines(title: str, sentence: str, lines: Mapping[str, pd.DataFrame], month: str) -> Drawn | None:
    """A line per name over months, on a logarithmic scale."""
    lines = {name: frame for name, frame in lines.items() if len(frame)}
    if not lines:
        return None
    figure, axes = figure_of(8.8, 3.2)
    for (name, frame), colour in zip(lines.items(), LINE_COLOURS, strict=False):
        counts = by_month(frame, month)
        counts = counts.reindex(range(counts.index.min(), counts.index.max() + 1))
        places = [place / 12 for place in counts.index]
        axes.plot(places, counts, label=name, color=colour, linewidth=1.6, marker=".", markersize=4)
    counts_by_decades(axes)
    months_below(axes)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return Drawn(title, sentence, figure)
