"""The ledger as a picture: where each band of rows begins and ends. Heights are in proportion to rows, exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snds_omop_assets.reception.report import number
from snds_omop_assets.run_report.accounts import Accounts, SourceRows

HEIGHT = 100.0
"""Of all rows together."""

SLOT = 4.6
"""At least so much room has a box, for its name."""

GAP = 1.2
MOST_TABLES = 14
"""Tables with a box of their own, those with the most rows; the others share one."""


@dataclass(frozen=True)
class Box:
    """A source table or a bucket: so many rows, from `top` down (downwards is positive); `middle` is for its name."""

    name: str
    rows: int
    top: float
    height: float

    @property
    def middle(self) -> float:
        """Of its height."""
        return self.top + self.height / 2


@dataclass(frozen=True)
class Band:
    """The rows of a source table that end in a bucket."""

    source: str
    bucket: str
    rows: int
    begins: float
    ends: float
    height: float


@dataclass(frozen=True)
class Flow:
    """The picture: boxes of the source tables, boxes of the buckets, the bands between them, and its height."""

    sources: Sequence[Box]
    buckets: Sequence[Box]
    bands: Sequence[Band]
    height: float


def flow_of(ledger: Accounts) -> Flow:
    """Lay out the rows of a ledger."""
    shown = list(ledger.sources)
    if len(shown) > MOST_TABLES + 1:
        rest = shown[MOST_TABLES:]
        sums: dict[str, int] = {}
        for source in rest:
            for bucket, rows in source.buckets.items():
                sums[bucket] = sums.get(bucket, 0) + rows
        name = f"{number(len(rest))} other tables"
        shown = [*shown[:MOST_TABLES], SourceRows(name, sum(sums.values()), sums)]
    scale = HEIGHT / ledger.rows if ledger.rows else 0.0
    sources, of_sources = _boxes({source.table: source.rows for source in shown}, scale)
    buckets, of_buckets = _boxes(ledger.buckets, scale)
    height = max(of_sources, of_buckets)
    sources, buckets = _centred(sources, height - of_sources), _centred(buckets, height - of_buckets)
    left = {box.name: box.top for box in sources}
    right = {box.name: box.top for box in buckets}
    bands = []
    for source in shown:
        for bucket in ledger.buckets:
            if not (rows := source.buckets.get(bucket, 0)):
                continue
            thick = rows * scale
            bands.append(Band(source.table, bucket, rows, left[source.table], right[bucket], thick))
            left[source.table] += thick
            right[bucket] += thick
    return Flow(sources, buckets, bands, height)


def _boxes(rows: Mapping[str, int], scale: float) -> tuple[list[Box], float]:
    """Boxes below each other, each in the middle of its slot; and where they end."""
    boxes, at = [], 0.0
    for name, count in rows.items():
        height = count * scale
        slot = max(height, SLOT)
        boxes.append(Box(name, count, at + (slot - height) / 2, height))
        at += slot + GAP
    return boxes, max(at - GAP, 0.0)


def _centred(boxes: Sequence[Box], room: float) -> list[Box]:
    return [Box(box.name, box.rows, box.top + room / 2, box.height) for box in boxes]
