"""The logs of a warehouse: one JSON object per line, with counts, durations and memory, and no value of a row."""

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snds_omop_assets.errors import StoreError
from snds_omop_assets.reception.store import said_of

LOG = Path("logs") / "reception.jsonl"
CONVERSION_LOG = Path("logs") / "conversion.jsonl"


def log_event(warehouse: Path, event: str, log: Path = LOG, **told: Any) -> None:
    """Add a line to a log of a warehouse.

    Args:
        warehouse: the logs lie in its folder logs.
        event: what happened: received, unchanged, refused, verified, made.
        log: which one.
        told: counts, names of tables and files, durations.

    Raises:
        StoreError: the log cannot be written.
    """
    path = warehouse / log
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **told}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:
        raise StoreError(said_of(error, path.parent)) from None


@contextmanager
def log_made(warehouse: Path, asset: str) -> Iterator[dict[str, Any]]:
    """Log what the block makes, with its seconds and the memory it took; a block that fails is not logged.

    Args:
        warehouse: see `log_event`; the line goes to CONVERSION_LOG.
        asset: what is made.

    Yields:
        What the line tells, for the block to fill in; its event is `made`, unless the block sets another.

    Raises:
        StoreError: the log cannot be written.
    """
    started = time.monotonic()
    told: dict[str, Any] = {"event": "made", "asset": asset}
    yield told
    seconds = round(time.monotonic() - started, 2)
    log_event(warehouse, log=CONVERSION_LOG, **told, seconds=seconds, memory_mb=peak_memory())


def peak_memory() -> int:
    """The most memory that this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)
