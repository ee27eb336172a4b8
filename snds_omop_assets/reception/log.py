"""The log of receptions: one JSON object per line, with counts and durations, and no value of a row."""

import json
import time
from pathlib import Path
from typing import Any

from snds_omop_assets.errors import StoreError
from snds_omop_assets.reception.store import said_of

LOG = Path("logs") / "reception.jsonl"


def log_event(warehouse: Path, event: str, **told: Any) -> None:
    """Add a line to the log of a warehouse.

    Args:
        warehouse: the log lies in its folder logs.
        event: what happened: received, unchanged, refused, verified.
        told: counts, names of tables and files, durations.

    Raises:
        StoreError: the log cannot be written.
    """
    path = warehouse / LOG
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **told}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:
        raise StoreError(said_of(error, path.parent)) from None
