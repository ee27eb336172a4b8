"""The logs of a warehouse: one JSON object per line, with counts, durations and memory, and no value of a row."""

import json
import resource
import sys
import time
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


def peak_memory() -> int:
    """The most memory that this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)
