"""The pyramid of PERSON that stewards see: persons by decade of birth and sex."""

from collections import Counter

import dagster as dg
import pandas as pd

from snds_omop_assets.steward import picture

MALE, FEMALE = 8507, 8532
DECADE = 10


class AgePyramid:
    """Counts persons by sex and decade of birth, chunk after chunk; persons of unknown sex are not drawn."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[int, int]] = Counter()

    def add(self, person: pd.DataFrame) -> None:
        """Count the rows of a PERSON frame."""
        decades = person["year_of_birth"] // DECADE * DECADE
        self.counts.update(zip(person["gender_concept_id"].tolist(), decades.tolist(), strict=True))

    def shown(self, sex: int, decade: int, small_cell: int) -> int:
        """The count to draw: 0 where it is below `small_cell`."""
        count = self.counts[sex, decade]
        return count if count >= small_cell else 0

    def picture(self, small_cell: int) -> dg.MarkdownMetadataValue:
        """The pyramid as a picture; bars of fewer than `small_cell` persons are left out, and the caption says so."""
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        decades = sorted({decade for _, decade in self.counts})
        figure = Figure(figsize=(7, 3.5))
        axes = figure.subplots()
        women = [self.shown(FEMALE, d, small_cell) for d in decades]
        men = [self.shown(MALE, d, small_cell) for d in decades]
        places = range(len(decades))
        axes.barh(places, [-n for n in women], color="#7b3294", label="women (8532)")
        axes.barh(places, men, color="#008837", label="men (8507)")
        axes.set_yticks(places, [f"{d}-{d + DECADE - 1}" for d in decades])
        widest = max([*women, *men, 1])
        axes.set_xlim(-widest * 1.1, widest * 1.1)
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.axvline(0, color="black", linewidth=0.8)
        hidden = f" (bars of fewer than {small_cell} persons are left out)" if small_cell > 1 else ""
        axes.set_xlabel(f"persons{hidden}")
        axes.set_ylabel("born")
        axes.legend(frameon=False, loc="upper right", fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
        return picture(figure, "Persons by decade of birth and sex")
