"""Ten invented lives as timelines: what pathways of care look like from day to day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from textwrap import fill
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from snds_omop_assets.synthetic.catalogue_files import catalogue, codes
from snds_omop_assets.synthetic.drawing import (
    BLUE,
    GREEN,
    GREY,
    MAN,
    ORANGE,
    PURPLE,
    RED,
    WOMAN,
    figure,
    frame,
    number_of,
    numbers_of,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ADULT = 18
LONG = ("inpatient", "emergency_inpatient", "home_hospitalisation")
"""Kinds of visit that are drawn as bars; other care in hospitals is a day."""

OUTSIDE: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("outpatient", "home", "telehealth"), BLUE, "doctor, nurse, therapist, supplier"),
    (("pharmacy",), GREEN, "pharmacy"),
    (("laboratory", "transport"), GREY, "laboratory, transport"),
)
"""Care outside hospitals: kinds, colour, name."""

STAYS_AT, OUTSIDE_AT, NAMES_AT = 0.48, (0.32, 0.20, 0.08), (0.69, 0.85)
"""Heights in the row of a life, one high: stays, care outside by kind, names of diagnoses."""

LETTER = 0.0086
"""Width of a letter of a diagnosis, in widths of the picture."""
LONGEST = 58
"""Letters of a diagnosis."""


@dataclass(frozen=True)
class Pathway:
    """Whose life is drawn: the person of the smallest number who has all of this.

    Attributes:
        title: what it shows.
        needs: role, pattern of codes, and how many such events at least.
        ages: on the last day.
        also: another condition on persons; `previous` is the person of the pathway before.
    """

    title: str
    needs: tuple[tuple[str, str, int], ...]
    ages: tuple[int, int] = (0, 130)
    also: str = "true"


def _pathways() -> Sequence[Pathway]:
    def drug(*names: str) -> str:
        return "|".join(str(catalogue().code[catalogue().places[name]]) for name in names)

    main, related, long_term = "main_diagnosis", "related_diagnosis", "long_term_disease"
    late_birth = "person IN (SELECT mother FROM persons, told WHERE birth > first + 270)"
    return (
        Pathway("hip fracture, then rehabilitation", ((main, "S720", 1), (related, "S720", 1)), (65, 130)),
        Pathway("pregnancy and birth", ((main, "O8.*", 1),), also=late_birth),
        Pathway("her child", ((main, "Z38.", 1),), also="mother = previous"),
        Pathway("cancer with chemotherapy", ((main, "Z511", 6), (long_term, "C.*", 1))),
        Pathway("low back pain", (("procedure", "LFQK002", 1), ("drug", drug("ibuprofen_200"), 1)), (25, 60)),
        Pathway("type 2 diabetes", ((long_term, "E119", 1), ("drug", drug("metformin_1000"), 8)), (50, 75)),
        Pathway("depression", ((main, "F3.*", 1), ("drug", drug("escitalopram_10", "sertraline_50"), 3)), (18, 70)),
        Pathway("asthma", (("drug", drug("fluticasone_salmeterol"), 4), ("drug", drug("salbutamol_100"), 1)), (4, 14)),
        Pathway("heart attack", ((main, "I2100", 1),)),
        Pathway("end of life", ((main, "Z515", 1),), also="death > last - 400"),
    )


def chosen_lives(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One person for each pathway that somebody has: title, person, sex, age, birth, death."""
    chosen: list[dict[str, Any]] = []
    for pathway in _pathways():
        taken = [-1, *(row["person"] for row in chosen)]
        had = " AND ".join(
            f"""person IN (SELECT person FROM events, told WHERE role = '{role}' AND regexp_full_match(code, '{code}')
                AND (role = 'long_term_disease' OR start >= first)
                GROUP BY person HAVING count(*) >= {least})"""
            for role, code, least in pathway.needs
        )
        chosen += frame(connection, f"""
            SELECT '{pathway.title}' AS title, person, sex, year(last) - year(birth) AS age, birth, death
            FROM persons LEFT JOIN deaths USING (person), told
            WHERE {had} AND {pathway.also.replace("previous", str(taken[-1]))}
                AND age BETWEEN {pathway.ages[0]} AND {pathway.ages[1]} AND NOT list_contains({taken}, person)
            ORDER BY person LIMIT 1""").to_dicts()  # fmt: skip
    return pl.DataFrame(chosen, schema_overrides={"birth": pl.Date, "death": pl.Date})


def visits_of(connection: duckdb.DuckDBPyConnection, people: pl.DataFrame) -> pl.DataFrame:
    """The visits of some persons: person, start, end, kind, whether in a hospital, and the main diagnosis in French."""
    known = zip(codes().nomenclature.tolist(), codes().code.tolist(), codes().label.tolist(), strict=True)
    labels = {code: label for nomenclature, code, label in known if nomenclature == "CIM10"}
    found = frame(connection, f"""
        SELECT person, visits.start, visits."end", kind, code AS diagnosis,
            professional IS NULL AND kind <> 'pharmacy' AS hospital
        FROM visits LEFT JOIN (SELECT visit, code FROM events WHERE role = 'main_diagnosis') USING (visit)
        WHERE list_contains({people["person"].to_list()}, person) ORDER BY ALL""")  # fmt: skip
    return found.with_columns(pl.col("diagnosis").replace_strict(labels, default=None, return_dtype=pl.String))


def timelines(people: pl.DataFrame, visits: pl.DataFrame, period: tuple[date, date]) -> "Figure":
    """A row per person: stays as bars under their diagnosis, other care as marks, birth and death."""
    from matplotlib.dates import DateFormatter, MonthLocator

    drawn = figure(9, 0.88 * len(people) + 1.1)
    axes = drawn.subplots()
    first, last = map(number_of, period)
    for row, person in enumerate(people.iter_rows(named=True)):
        foot = float(len(people) - 1 - row)
        birth = number_of(person["birth"])
        death = number_of(person["death"]) if person["death"] is not None else last + 1
        axes.hlines(foot + STAYS_AT, max(birth, first), min(death, last), color=GREY, linewidth=0.8, zorder=1)
        mine = visits.filter((pl.col("person") == person["person"]) & (pl.col("end") >= period[0]))
        _care(axes, mine, foot)
        _names(axes, mine, foot, (first, last))
        if first <= birth <= last:
            axes.plot([birth], [foot + STAYS_AT], marker="*", color=ORANGE, markersize=12, zorder=4)
        if death <= last:
            axes.plot([death], [foot + STAYS_AT], marker="X", color="black", markersize=8, zorder=4)
        kind = "child" if person["age"] < ADULT else {MAN: "man", WOMAN: "woman"}.get(person["sex"], "adult")
        told: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right"}
        axes.text(-0.012, foot + 0.62, f"{chr(ord('A') + row)}  {kind}, {person['age']}", weight="bold", **told)
        axes.text(-0.012, foot + 0.34, fill(person["title"], 18), color=GREY, va="center", fontsize=9, **told)
        axes.axhline(foot, color="#DDDDDD", linewidth=0.8)
    axes.set(xlim=(first - 6, last + 6), ylim=(0, max(len(people), 1)))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    few = period[1].year - period[0].year <= 2  # noqa: PLR2004 - quarters of more years would touch each other
    axes.xaxis.set_major_locator(MonthLocator([1, 4, 7, 10] if few else [1]))
    axes.xaxis.set_major_formatter(DateFormatter("%m/%Y"))
    axes.grid(axis="x")
    axes.set_title("Invented lives (ages on the last day)")
    drawn.legend(handles=_key(), loc="outside lower center", ncols=4, fontsize=9, columnspacing=1.6, handletextpad=0.5)
    return drawn


def _care(axes: "Axes", visits: pl.DataFrame, foot: float) -> None:
    """The visits of one person above `foot`."""
    outside, inside = visits.filter(~pl.col("hospital")), visits.filter(pl.col("hospital"))
    for height, (kinds, colour, _) in zip(OUTSIDE_AT, OUTSIDE, strict=True):
        days = numbers_of(outside.filter(pl.col("kind").is_in(kinds))["start"])
        axes.vlines(days, foot + height - 0.05, foot + height + 0.05, color=colour, linewidth=0.9)
    for kind, start, end in inside.filter(pl.col("kind").is_in(LONG)).select("kind", "start", "end").iter_rows():
        colour = PURPLE if kind == "home_hospitalisation" else RED
        axes.barh(foot + STAYS_AT, max((end - start).days, 2), left=number_of(start), height=0.16, color=colour,
                  zorder=3, edgecolor="white", linewidth=0.8)  # fmt: skip
    days = numbers_of(inside.filter(~pl.col("kind").is_in(LONG))["start"])
    axes.vlines(days, foot + STAYS_AT - 0.08, foot + STAYS_AT + 0.08, color=RED, linewidth=1.1, zorder=2)


def _names(axes: "Axes", visits: pl.DataFrame, foot: float, period: tuple[int, int]) -> None:
    """Each main diagnosis once, above the first of its stays; what would cover another stands above it."""
    named = visits.drop_nulls("diagnosis").group_by("diagnosis").agg(pl.col("start").min(), pl.len())
    taken = dict.fromkeys(NAMES_AT, 0.0)
    for diagnosis, start, count in named.sort("start", "diagnosis").iter_rows():
        text = shortened(diagnosis, LONGEST) + (f" (×{count})" if count > 1 else "")
        at = max(number_of(start) - period[0], 0) / (period[1] - period[0])
        length = len(text) * LETTER
        beyond = at + length > 1
        left = max(1 - length, 0.0) if beyond else at
        height = next((height for height in NAMES_AT if taken[height] <= left), None)
        if height is not None:
            taken[height] = left + length + LETTER
            place: dict[str, Any] = {"x": 1.0, "ha": "right"} if beyond else {"x": left, "ha": "left"}
            axes.text(y=foot + height, s=text, fontsize=8.5, va="center", transform=axes.get_yaxis_transform(),
                      zorder=5, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4}, **place)  # fmt: skip


def _key() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def mark(marker: str, colour: str, name: str, size: float = 10) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, linestyle="none", markersize=size, label=name)

    return [
        Patch(color=RED, label="stay, with its main diagnosis"),
        *(mark("|", colour, name) for _, colour, name in OUTSIDE),
        Patch(color=PURPLE, label="hospital care at home"), mark("|", RED, "day, session, emergency"),
        mark("*", ORANGE, "birth"), mark("X", "black", "death", 7),
    ]  # fmt: skip
