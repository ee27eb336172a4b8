"""How pictures of synthetic deliveries look: colours, style, and the little that all of them need."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.synthetic.days import EPOCH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#6B6B6B"
"""The palette of Okabe and Ito: colour-blind readers tell them apart."""

DOTS_PER_INCH = 110
STYLE = {
    "font.size": 10, "axes.titlesize": 11, "axes.titlelocation": "left", "axes.titleweight": "bold",
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "legend.frameon": False,
    "grid.color": "#DDDDDD", "grid.linewidth": 0.6, "axes.linewidth": 0.7, "xtick.labelsize": 9, "ytick.labelsize": 9,
}  # fmt: skip

MAN, WOMAN = 1, 2
"""BEN_SEX_COD."""


def frame(connection: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    """What a query finds."""
    found: pl.DataFrame = connection.sql(query).pl()
    return found


def figure(width: float, height: float) -> "Figure":
    """An empty figure, in inches; it belongs to nobody, so that no state of pyplot is touched."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(path: Path, picture: "Callable[[], Figure]") -> Path:
    """Draw a picture in the style and write it; it appears when it is whole."""
    import matplotlib

    with matplotlib.rc_context(STYLE), written_aside(path) as partial:
        picture().savefig(
            partial, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None}, pil_kwargs={"optimize": True}
        )
    return path


def number_of(day: date) -> int:
    """A day as matplotlib counts it: since 1970."""
    return (day - EPOCH).days


def numbers_of(days: pl.Series) -> list[int]:
    """Days as matplotlib counts them."""
    return days.cast(pl.Int32).to_list()


def shortened(text: str, width: int) -> str:
    """A label that fits, cut at a word."""
    if len(text) <= width:
        return text
    return text[: text.rfind(" ", 0, width)].rstrip(" ,(") + "…"
