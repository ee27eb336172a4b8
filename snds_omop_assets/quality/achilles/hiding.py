"""Which cells of an analysis are not told, because few persons stand behind them.

A cell is hidden if fewer than `small_cell` persons are behind it. Where cells have a total that may be known
(`Margin`), what is hidden of them is known together: the total less what is told. So there must be at least two hidden
cells, of `small_cell` persons together, else the smallest told cell is hidden too. And where a total is itself hidden,
at least one of its cells must be, else their sum would tell it.

That holds for each total by itself. What follows from several analyses of different persons is not looked at.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from snds_omop_assets.quality.achilles.analyses import STRATA, Margin

Marks = npt.NDArray[np.bool_]


def hidden_cells(
    cells: pd.DataFrame,
    margins: Sequence[Margin],
    small_cell: int,
    hidden_totals: Mapping[int, frozenset[tuple[str | None, ...]]],
) -> Marks:
    """Mark the cells of an analysis that are not told.

    Args:
        cells: a row per cell: `STRATA` as text, `count_value`, and `persons`, those behind it.
        margins: the totals that may be known.
        small_cell: fewest persons of a cell that is told.
        hidden_totals: the strata of the hidden cells of the analyses that margins name.
    """
    hidden: Marks = (cells["persons"] < small_cell).to_numpy(bool)
    persons = cells["persons"].to_numpy(float)
    # The smallest first; equal cells always in the same order.
    order = cells.sort_values(["persons", "count_value", *STRATA], na_position="first", ignore_index=False).index
    rank = np.empty(len(cells), dtype=np.int64)
    rank[cells.index.get_indexer(order)] = np.arange(len(cells))
    groups = [(_groups(cells, margin), _hidden_totals(cells, margin, hidden_totals)) for margin in margins]
    while any(_hide_more(hidden, persons, rank, *group, small_cell) for group in groups):
        pass
    return hidden


def _hide_more(
    hidden: Marks, persons: npt.NDArray[np.float64], rank: npt.NDArray[np.int64], group: npt.NDArray[np.int64],
    of_hidden_total: Marks, small_cell: int,
) -> bool:  # fmt: skip
    """Hide the smallest told cell of each group that needs it; gives whether there was one."""
    size = int(group.max()) + 1 if len(group) else 0
    number = np.bincount(group, hidden, size)
    together = np.bincount(group, np.where(hidden, persons, 0), size)
    open_to_subtraction = (number > 0) & ((number < 2) | (together < small_cell))  # noqa: PLR2004
    open_to_addition = (number == 0) & (np.bincount(group, of_hidden_total, size) > 0)
    unsafe = np.flatnonzero(~hidden & (open_to_subtraction | open_to_addition)[group])
    if not len(unsafe):
        return False
    unsafe = unsafe[np.argsort(rank[unsafe])]
    _, first = np.unique(group[unsafe], return_index=True)
    hidden[unsafe[first]] = True
    return True


def _keys(cells: pd.DataFrame, margin: Margin) -> list[pd.Series]:
    """The strata that the cells of a total have in common."""
    keys = [cells[STRATA[place]] for place in margin.strata]
    if margin.divisor > 1:
        keys[0] = (pd.to_numeric(keys[0]) // margin.divisor).astype("Int64").astype("string")
    return keys


def _groups(cells: pd.DataFrame, margin: Margin) -> npt.NDArray[np.int64]:
    """The number of the total of each cell."""
    keys = _keys(cells, margin)
    if not keys:
        return np.zeros(len(cells), dtype=np.int64)
    return cells.groupby(keys, dropna=False, sort=False).ngroup().to_numpy().astype(np.int64)


def _hidden_totals(
    cells: pd.DataFrame, margin: Margin, hidden_totals: Mapping[int, frozenset[tuple[str | None, ...]]]
) -> Marks:
    """Whether the total of each cell is hidden."""
    totals = hidden_totals.get(margin.told_by, frozenset()) if margin.told_by is not None else frozenset()
    if not totals:
        return np.zeros(len(cells), dtype=bool)
    keys = zip(*(key.to_list() for key in _keys(cells, margin)), strict=True)
    known = [tuple(None if pd.isna(stratum) else stratum for stratum in key) in totals for key in keys]
    return np.array(known, dtype=bool)
