"""The pictures of the run report: what became of the rows, and the trend over runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from snds_omop_assets.reception.report import THIN_SPACE, number, svg_of
from snds_omop_assets.run_report.accounts import TableRows
from snds_omop_assets.run_report.flow import Box, Flow
from snds_omop_assets.run_report.memory import RunPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT = "#1c2733", "#5a6876"
BLUE = "#2f5f8a"
COLOURS = {
    "loaded": BLUE,
    "netted": "#8fb9dc",
    "duplicate": "#9a86b8",
    "filtered": "#e3a02c",
    "quarantined": "#a8201a",
    "waiting": "#9aa5b1",
    "unused": "#c3cad1",
}
OTHER = "#1c2733"

FROM, TO, THICK = 0.0, 1.0, 0.025
"""Where the boxes of the tables and those of the buckets stand, and how wide they are."""

LETTERS = 8.0
HAIR = 0.5
"""A band is drawn at least as thick, in points: what is few rows is still there."""

SHORT_TREND = 6
"""Up to so many runs, every point has its mark."""


def flow_picture(flow: Flow, cdm: Sequence[TableRows]) -> Markup:
    """Source tables on the left, what became of their rows in the middle, the rows of the CDM as bars on the right.

    The ledger does not tell which table of the CDM a row goes to, so nothing leads there.
    """
    from matplotlib.figure import Figure

    tall = max(2.2, 0.2 * max(len(flow.sources), len(cdm)) + 1.0, 4.2 if len(flow.sources) > 1 else 0)
    figure = Figure(figsize=(11.6, tall))
    bands = figure.add_axes((0.155, 0.01, 0.335, 0.93))
    _draw_flow(bands, flow)
    bars = figure.add_axes((0.775, 0.01, 0.16, 0.93))
    _draw_bars(bars, cdm)
    return svg_of(figure, "flow")


def flow_in_words(flow: Flow, cdm: Sequence[TableRows]) -> str:
    """The picture for those who do not see it."""
    sources = "; ".join(f"{box.name} {number(box.rows)}" for box in flow.sources)
    buckets = "; ".join(f"{box.name} {number(box.rows)}" for box in flow.buckets)
    tables = "; ".join(f"{one.table} {number(one.rows)}" for one in cdm)
    return f"Delivered rows by table: {sources}. What became of them: {buckets}. Rows of the CDM: {tables}."


def trend_pictures(points: Sequence[RunPoint]) -> list[tuple[str, Markup, str]]:
    """A small line for each figure of the trend: its title, the picture, the same in words; nothing for one run."""
    if len(points) < 2:  # noqa: PLR2004
        return []
    shares = [None if point.mapped_share is None else 100 * point.mapped_share for point in points]
    figures: list[tuple[str, Sequence[float | None], str]] = [
        ("Checks that failed", [point.failed for point in points], ""),
        ("Warnings", [point.warnings for point in points], ""),
        ("Rows of the CDM", [point.cdm_rows for point in points], ""),
        ("Rows with a concept", shares, f"{THIN_SPACE}%"),
        ("Seconds", [point.seconds for point in points], f"{THIN_SPACE}s"),
    ]
    days = [point.written[:10] for point in points]
    if days[0] == days[-1]:
        days = [point.written[11:16] for point in points]
    return [(title, _line(title, values, days, unit), _said(title, values, unit)) for title, values, unit in figures]


def _draw_flow(axes: "Axes", flow: Flow) -> None:
    from matplotlib.patches import PathPatch, Rectangle
    from matplotlib.path import Path

    axes.set_xlim(FROM - THICK, TO + THICK)
    axes.set_ylim(max(flow.height, 1.0), 0)
    axes.set_axis_off()
    half = (FROM + TO) / 2
    for band in flow.bands:
        top, bottom = (band.begins, band.ends), (band.begins + band.height, band.ends + band.height)
        points = [(FROM, top[0]), (half, top[0]), (half, top[1]), (TO, top[1]),
                  (TO, bottom[1]), (half, bottom[1]), (half, bottom[0]), (FROM, bottom[0]), (FROM, top[0])]  # fmt: skip
        curve = [Path.CURVE4] * 3
        path = Path(points, [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY])
        colour = COLOURS.get(band.bucket, OTHER)
        axes.add_patch(PathPatch(path, facecolor=colour, edgecolor=colour, linewidth=HAIR, alpha=0.42))
    for box in flow.sources:
        axes.add_patch(Rectangle((FROM - THICK, box.top), THICK, box.height, color=SOFT, linewidth=HAIR))
        _name(axes, FROM - THICK - 0.012, box, "right", "")
    whole = sum(box.rows for box in flow.buckets)
    for box in flow.buckets:
        colour = COLOURS.get(box.name, OTHER)
        axes.add_patch(Rectangle((TO, box.top), THICK, box.height, color=colour, linewidth=HAIR))
        _name(axes, TO + THICK + 0.012, box, "left", f"  ({_share(box.rows, whole)})")
    _heading(axes, -0.4, "Delivered rows, by table")
    _heading(axes, 1.0, "What became of them")


def _heading(axes: "Axes", x: float, text: str) -> None:
    """Above the axes, at a share of their width."""
    axes.text(x, 1.015, text, transform=axes.transAxes, fontsize=LETTERS + 1, color=INK, weight="bold")


def _name(axes: "Axes", x: float, box: Box, side: str, more: str) -> None:
    said = f"{box.name}  {number(box.rows)}{more}"
    axes.text(x, box.middle, said, ha=side, va="center", fontsize=LETTERS, color=INK, parse_math=False)


def _share(rows: int, whole: int) -> str:
    share = 100 * rows / whole if whole else 0.0
    return f"<{THIN_SPACE}0.1{THIN_SPACE}%" if 0 < share < 0.1 else f"{share:.1f}{THIN_SPACE}%"  # noqa: PLR2004


def _draw_bars(axes: "Axes", cdm: Sequence[TableRows]) -> None:
    tables = sorted(cdm, key=lambda one: -one.rows)
    most = max((one.rows for one in tables), default=0) or 1
    places = range(len(tables))
    axes.barh(places, [one.rows for one in tables], height=0.66, color=BLUE)
    for place, one in zip(places, tables, strict=True):
        axes.text(one.rows + 0.03 * most, place, number(one.rows), va="center", fontsize=LETTERS, color=INK)
    axes.set_yticks(places, [one.table for one in tables], fontsize=LETTERS, color=INK)
    axes.set_ylim(max(len(tables), 1) - 0.4, -0.6)
    axes.set_xlim(0, most)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color("#c3cad1")
    _heading(axes, -0.75, "Rows of the CDM")


def _line(title: str, values: Sequence[float | None], days: Sequence[str], unit: str) -> Markup:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(3.1, 1.5), layout="constrained")
    axes = figure.subplots()
    known = [float("nan") if value is None else value for value in values]
    marks: dict[str, Any] = {"marker": "o", "markersize": 3.5} if len(known) <= SHORT_TREND else {}
    axes.plot(range(len(known)), known, color=BLUE, linewidth=1.6, **marks)
    axes.plot(len(known) - 1, known[-1], color=BLUE, marker="o", markersize=5)
    axes.set_ylim(0, max(1.0, 1.08 * max((value for value in values if value is not None), default=0.0)))
    axes.set_xlim(-0.2, len(known) - 0.8)
    axes.set_xticks([0, len(known) - 1], [days[0], days[-1]], fontsize=LETTERS)
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=unit != f"{THIN_SPACE}%"))
    axes.yaxis.set_major_formatter(lambda value, _: number(float(value)) + unit)
    axes.tick_params(labelsize=LETTERS, color="#888888", labelcolor=SOFT, length=3)
    axes.grid(axis="y", color="#e3e6ea", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return svg_of(figure, f"trend {title}")


def _said(title: str, values: Sequence[float | None], unit: str) -> str:
    told = ", ".join("unknown" if value is None else f"{number(value)}{unit}" for value in values[-12:])
    return f"{title}, over {len(values)} runs: {told}."
