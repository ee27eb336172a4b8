"""Five pictures of a synthetic delivery and its truth, for the documentation and for the eye: do people look real?"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from snds_omop_assets.engines.duckdb_engine import duckdb_connection
from snds_omop_assets.errors import SettingsError
from snds_omop_assets.synthetic.catalogue_files import natures
from snds_omop_assets.synthetic.drawing import (
    BLUE,
    GREEN,
    GREY,
    MAN,
    ORANGE,
    RED,
    WOMAN,
    figure,
    frame,
    number_of,
    numbers_of,
    save,
    shortened,
)
from snds_omop_assets.synthetic.pictures_of_lives import chosen_lives, timelines, visits_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AGE_CLASS, OLDEST = 5, 95
AUGUST = 8

FOLLOWED = 18
"""Monthly flows through which care is followed."""
CARE_ON_TIME, DRUGS_ON_TIME = (6, 0.99), 0.98
"""Published: 99 % of care arrives within 6 monthly flows, 98 % of drugs within 18."""

LABELLED = 10
"""Natures of service whose label is shown."""
FAR = 2
"""Times the published share, or less than one part in so many of it: the code is shown."""
RARE = 3e-5
"""The smallest share drawn."""

STAYS = {
    "inpatient": "Inpatient", "emergency_inpatient": "Inpatient through emergency", "emergency": "Emergency only",
    "outpatient": "Day care, sessions, external care", "home_hospitalisation": "Hospital care at home",
}  # fmt: skip


@contextmanager
def opened(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A generated folder as views: persons, visits, events, deaths; lines and drugs (delivered, with their rule).

    The table `told` holds the first and the last day.

    Raises:
        SettingsError: it is no generated folder, or its delivery is not Parquet.
    """
    if not (folder / "synth.json").is_file():
        raise SettingsError(f"{folder} was not written by the generator: there is no synth.json in it.")
    if not list(folder.glob("delivery/ER_PRS_F_*.parquet")):
        raise SettingsError(f"{folder} holds no Parquet delivery: pictures are drawn of deliveries in Parquet only.")
    first, last = json.loads((folder / "synth.json").read_text(encoding="utf-8"))["scenario"]["years"]
    with duckdb_connection() as connection:
        connection.execute(f"CREATE TABLE told AS SELECT DATE '{first}-01-01' AS first, DATE '{last}-12-31' AS last")
        for name in ("persons", "visits", "events", "deaths"):
            connection.execute(f"CREATE VIEW {name} AS FROM {_quoted(folder / 'truth' / f'{name}.parquet')}")
        for name, table in (("lines", "ER_PRS_F"), ("drugs", "ER_PHA_F")):
            years = [
                f"""SELECT delivered.*, rule, visit, event
                FROM read_parquet({_quoted(path)}, file_row_number = true) AS delivered
                JOIN read_parquet({_quoted(folder / "truth" / "rows" / path.name)}, file_row_number = true)
                USING (file_row_number)"""
                for path in sorted(folder.glob(f"delivery/{table}_*.parquet"))
            ]
            connection.execute(f"CREATE VIEW {name} AS {' UNION ALL '.join(years)}")
        yield connection


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def period_of(connection: duckdb.DuckDBPyConnection) -> tuple[date, date]:
    """The first and last day of the delivery."""
    first, last = connection.sql("FROM told").fetchall()[0]
    return first, last


def draw(folder: Path, images: Path) -> list[Path]:
    """Draw a generated folder; gives the pictures, each of which appears when it is whole.

    Args:
        folder: what `generate` wrote, its delivery as Parquet.
        images: where the pictures go.
    """
    with opened(folder) as connection:
        people = chosen_lives(connection)
        pictures: dict[str, Callable[[], Figure]] = {
            "pyramid": lambda: pyramid(living(connection)),
            "volumes": lambda: volumes(line_months(connection), stay_months(connection)),
            "delays": lambda: delays(arrivals(connection), drugs_of_a_year(connection)),
            "shares": lambda: shares(nature_shares(connection)),
            "lives": lambda: timelines(people, visits_of(connection, people), period_of(connection)),
        }
        return [save(images / f"synthetic_{name}.png", picture) for name, picture in pictures.items()]


def living(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Persons alive at the end of the last day, by sex and class of age (its first year)."""
    return frame(connection, f"""
        SELECT sex, least(year(last) - year(birth), {OLDEST}) // {AGE_CLASS} * {AGE_CLASS} AS age, count(*) AS persons
        FROM persons LEFT JOIN deaths USING (person), told
        WHERE birth <= last AND (death IS NULL OR death > last)
        GROUP BY ALL ORDER BY ALL""")  # fmt: skip


def pyramid(persons: pl.DataFrame) -> "Figure":
    """The age pyramid: men to the left, women to the right; who is of neither sex is not drawn."""
    drawn = figure(8, 5.2)
    axes = drawn.subplots()
    count = {(sex, age): number for sex, age, number in persons.iter_rows()}
    ages = range(0, OLDEST + 1, AGE_CLASS)
    for sex, sign, colour, dark, name in ((MAN, -1, BLUE, BLUE, "men"), (WOMAN, 1, ORANGE, "#9A6700", "women")):
        bars = [count.get((sex, age), 0) for age in ages]
        axes.barh(list(ages), [sign * bar for bar in bars], height=AGE_CLASS * 0.86, color=colour)
        axes.text(0.5 + sign * 0.47, 0.97, f"{sum(bars):,} {name}", transform=axes.transAxes, color=dark, weight="bold",
                  va="top", ha="right" if sign > 0 else "left")  # fmt: skip
    axes.set_yticks(list(ages), [f"{age}-{age + AGE_CLASS - 1}" if age < OLDEST else f"{age} +" for age in ages])
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    widest = 1.08 * max(count.values(), default=1)
    axes.set_xlim(-widest, widest)
    axes.axvline(0, color="white", linewidth=1.2)
    axes.grid(axis="x")
    axes.set_title("Persons alive on the last day, by age and sex")
    axes.set_xlabel("persons")
    axes.set_ylabel("age in completed years")
    axes.tick_params(axis="y", length=0)
    return drawn


def line_months(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Lines of ER_PRS_F by month of care and by month of flow; care of the quarter before the first year is there."""
    return frame(connection, """
        SELECT 'care' AS by, date_trunc('month', EXE_SOI_DTD)::DATE AS month, count(*) AS lines
        FROM lines, told WHERE EXE_SOI_DTD >= first - INTERVAL 3 MONTH GROUP BY ALL
        UNION ALL SELECT 'flow', date_trunc('month', FLX_DIS_DTD)::DATE, count(*) FROM lines GROUP BY ALL
        ORDER BY 1, 2""")  # fmt: skip


def stay_months(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Stays and care in hospitals by month of their end and kind; 0 where a month has none."""
    return frame(connection, """
        WITH months AS (SELECT unnest(generate_series(first, last, INTERVAL 1 MONTH))::DATE AS month FROM told),
        stays AS (SELECT kind, date_trunc('month', "end")::DATE AS month FROM visits
            WHERE professional IS NULL AND kind <> 'pharmacy')
        SELECT kind, month, count(stays.month) AS stays
        FROM months CROSS JOIN (SELECT DISTINCT kind FROM stays) LEFT JOIN stays USING (kind, month)
        GROUP BY ALL ORDER BY ALL""")  # fmt: skip


def volumes(lines: pl.DataFrame, stays: pl.DataFrame) -> "Figure":
    """Lines by month, and stays by month in a small picture for each kind."""
    drawn = figure(9, 6.4)
    kinds = list(STAYS)
    panels: dict[str, Axes] = drawn.subplot_mosaic(
        [["lines"] * 3, kinds[:3], [*kinds[3:], "key"]], height_ratios=[1.5, 1, 1]
    )
    months = numbers_of(stays["month"])
    begin, end = min(months), max(months)
    top = panels["lines"]
    for by, colour, name in (("care", BLUE, "by month of care (EXE_SOI_DTD)"),
                             ("flow", RED, "by month of flow (FLX_DIS_DTD)")):  # fmt: skip
        some = lines.filter(pl.col("by") == by)
        top.plot(numbers_of(some["month"]), some["lines"].to_list(), color=colour, marker="o", markersize=3, label=name)
    top.set_title("Lines of ER_PRS_F by month")
    _by_month(top, stays["month"], numbers_of(lines["month"])[0] - 15)
    top.axvspan(begin - 120, begin - 15, color="#EBEBEB", zorder=0, linewidth=0)
    top.legend(loc="lower center")
    for kind, name in STAYS.items():
        some = stays.filter(pl.col("kind") == kind)
        panels[kind].plot(numbers_of(some["month"]), some["stays"].to_list(), color=GREEN, marker="o", markersize=2.5)
        panels[kind].set_title(name, fontsize=10)
        _by_month(panels[kind], stays["month"], begin - 15)
    panels["key"].axis("off")
    panels["key"].text(
        0, 1.0, "Green: stays and days in hospitals\nby month of their end.\n\nYellow: August.\n"
        "Grey: care before the first year, of\nwhich earlier flows had the most.\n"
        "Of the care of the last months,\nnot all has arrived.",
        va="top", color="#444444", fontsize=9.5, transform=panels["key"].transAxes,
    )  # fmt: skip
    top.set_xlim(right=end + 20)
    return drawn


def _by_month(axes: "Axes", months: pl.Series, left: int) -> None:
    """An axis of months, from 0 on, Augusts marked."""
    from matplotlib.dates import DateFormatter, MonthLocator
    from matplotlib.ticker import MaxNLocator

    years = sorted(set(months.dt.year().to_list()))
    for year in years:
        august = number_of(date(year, AUGUST, 1))
        axes.axvspan(august - 15, august + 15, color="#FFF1C2", zorder=0, linewidth=0)
    axes.set_ylim(0, max(axes.get_ylim()[1], 1))
    axes.set_xlim(left, max(numbers_of(months)) + 20)
    few = len(years) <= 3  # noqa: PLR2004 - half years of more would touch each other
    axes.xaxis.set_major_locator(MonthLocator([1, 7] if few else [1]))
    axes.xaxis.set_major_formatter(DateFormatter("%m/%y" if few else "%Y"))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="y")


def arrivals(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Share of care outside hospitals that has arrived some monthly flows after the month of care.

    Only care of the first months counts, whose flows of the following 18 months are delivered (fewer if the delivery is
    shorter). What never arrived is known from the truth: shares are of everything that was done, by persons who can be
    loaded. Columns: what (care, drugs), flows, share.
    """
    return frame(connection, f"""
        WITH span AS (SELECT first, least({FOLLOWED}, date_diff('month', first, last)) AS flows,
            (last + 1 - to_months(flows)) AS beyond FROM told),
        arrived AS (SELECT 'care' AS what, visit AS number, min(FLX_DIS_DTD) AS flow
            FROM lines WHERE visit IS NOT NULL GROUP BY ALL
            UNION ALL SELECT 'drugs', event, min(FLX_DIS_DTD) FROM drugs WHERE event IS NOT NULL GROUP BY ALL),
        done AS (SELECT 'care' AS what, visit AS number, person, start FROM visits WHERE professional IS NOT NULL
            UNION ALL SELECT 'drugs', event, person, start FROM events WHERE role = 'drug' AND nomenclature = 'CIP13'),
        lags AS (SELECT what, date_diff('month', start, flow) AS lag
            FROM done JOIN persons USING (person) LEFT JOIN arrived USING (what, number), span
            WHERE why_not IS NULL AND start >= first AND start < beyond)
        SELECT what, step AS flows, avg(coalesce(lag <= step, false)::INT) AS share
        FROM lags, (SELECT unnest(generate_series(1, flows)) AS step FROM span)
        GROUP BY ALL ORDER BY ALL""")  # fmt: skip


def drugs_of_a_year(connection: duckdb.DuckDBPyConnection) -> float:
    """Share of the drugs of the first year of care that is in the 18 monthly flows from its January on."""
    found = frame(connection, f"""
        WITH arrived AS (SELECT event, min(FLX_DIS_DTD) AS flow FROM drugs WHERE event IS NOT NULL GROUP BY event)
        SELECT avg(coalesce(date_diff('month', first, flow) <= {FOLLOWED}, false)::INT) AS share
        FROM events JOIN persons USING (person) LEFT JOIN arrived USING (event), told
        WHERE why_not IS NULL AND role = 'drug' AND nomenclature = 'CIP13'
          AND year(start) = year(first)""")  # fmt: skip
    return float(found["share"][0] or 0)


def delays(arrived: pl.DataFrame, year: float) -> "Figure":
    """How care arrives, flow by flow, beside what is published; the scale opens towards 100 %."""
    from matplotlib.ticker import FixedLocator, NullLocator

    drawn = figure(8, 4.8)
    axes = drawn.subplots()
    axes.set_yscale("logit")
    for what, colour, line, name in (("care", BLUE, "-", "all care outside hospitals"),
                                     ("drugs", RED, "--", "drugs of pharmacies")):  # fmt: skip
        some = arrived.filter((pl.col("what") == what) & (pl.col("share") > 0) & (pl.col("share") < 1))
        axes.plot(some["flows"].to_list(), some["share"].to_list(), color=colour, marker="o", markersize=4,
                  linestyle=line, label=f"synthetic: {name}")  # fmt: skip
    axes.plot(CARE_ON_TIME[0], CARE_ON_TIME[1], marker="D", markersize=9, markerfacecolor="none", markeredgecolor=BLUE,
              markeredgewidth=1.6, linestyle="none", zorder=5)  # fmt: skip
    axes.annotate("published: 99 % of care\nwithin 6 monthly flows", CARE_ON_TIME, (2.6, 0.9965), color=BLUE,
                  arrowprops={"arrowstyle": "-", "color": BLUE, "shrinkB": 7, "linewidth": 0.8})  # fmt: skip
    axes.text(17.8, 0.93, f"drugs of a year within 18 monthly flows\n(the year and six months more): {year:.1%}"
              f"\npublished: {DRUGS_ON_TIME:.0%}", color=RED, ha="right", va="center")  # fmt: skip
    axes.set_xticks(range(2, FOLLOWED + 1, 2))
    axes.set_ylim(0.5, 0.9992)
    axes.yaxis.set_major_locator(FixedLocator([0.5, 0.7, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    axes.grid(axis="y")
    axes.set_title("Share of care that has arrived, by months from care to flow")
    followed = len(arrived["flows"].unique())
    axes.set_xlabel(f"months from care to flow (only care whose next {followed} flows are delivered)")
    axes.legend(loc="lower right")
    return drawn


def nature_shares(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Share of the lines of each PRS_NAT_REF, and the published one; corrections and lines for information are none."""
    found = frame(connection, """
        SELECT PRS_NAT_REF AS nature, count(*) / sum(count(*)) OVER () AS share FROM lines
        WHERE PRS_ACT_QTE > 0 AND rule IN ('visit', 'accessory_line', 'accessory_without_visit', 'also_in_pmsi',
            'no_care_contact') GROUP BY ALL""")  # fmt: skip
    told = pl.DataFrame({
        "nature": [line["prs_nat_ref"] for line in natures()],
        "label": [line["label"] for line in natures()],
        "published": [float(line["share"]) / 100 for line in natures()],
    })  # fmt: skip
    return (
        told.join(found, on="nature", how="full", coalesce=True)
        .with_columns(pl.col("label").fill_null(""), pl.col("published", "share").fill_null(0.0))
        .sort("published", "nature", descending=[True, False])
    )


def shares(found: pl.DataFrame) -> "Figure":
    """Synthetic against published shares; what only one of the two has stands at the edges."""
    from matplotlib.ticker import NullLocator

    drawn = figure(9, 7)
    axes = drawn.subplots()
    lowest, highest = RARE, 0.6
    both = found.filter((pl.col("published") > 0) & (pl.col("share") > 0))
    axes.fill_between([lowest, highest], [lowest / FAR, highest / FAR], [lowest * FAR, highest * FAR], color="#EEEEEE",
                      linewidth=0, label=f"within a factor of {FAR}")  # fmt: skip
    axes.plot([lowest, highest], [lowest, highest], color=GREY, linewidth=0.8)
    axes.scatter(both["published"], both["share"], s=22, color=BLUE, alpha=0.75, linewidth=0, label="nature of service")
    ours = found.filter((pl.col("published") == 0) & (pl.col("share") > 0))["share"].clip(lowest * 1.2)
    theirs = found.filter((pl.col("published") > 0) & (pl.col("share") == 0))["published"]
    for x, y, marker, colour, name in (
        ([lowest * 1.08] * len(ours), ours, "<", GREEN, "made by pathways only, no published share"),
        (theirs, [lowest * 1.08] * len(theirs), "v", RED, "published, none here"),
    ):
        axes.scatter(x, y, s=30, marker=marker, color=colour, label=f"{name} ({len(x)})")
    # Labels stand in a column to the left, in the order of the shares, so that none covers another.
    for place, row in enumerate(both.head(LABELLED).sort("share", descending=True).iter_rows(named=True)):
        text = f"{row['nature']}  {shortened(row['label'], 46)}"
        axes.annotate(text, (row["published"], row["share"]), (0.46, 0.97 - 0.034 * place), textcoords="axes fraction",
                      ha="right", va="center", fontsize=8.5,
                      arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkB": 3,
                                  "relpos": (1, 0.5)})  # fmt: skip
    ratio = pl.col("share") / pl.col("published")
    for row in found.filter((pl.col("published") > 0) & ((ratio > FAR) | (ratio < 1 / FAR))).iter_rows(named=True):
        at = (row["published"], max(row["share"], lowest * 1.15))
        axes.annotate(row["nature"], at, (0, 5), textcoords="offset points", ha="center", fontsize=8, color="#444444",
                      rotation=0 if row["share"] else 90)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlim=(lowest, highest), ylim=(lowest, highest), ylabel="synthetic share",
             xlabel="published share (general population, June 2014)",
             title="Share of lines of each nature of service (PRS_NAT_REF)")  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    axes.grid()
    axes.legend(loc="lower right", fontsize=9)
    return drawn
