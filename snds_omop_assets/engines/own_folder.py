"""A folder that one process has to itself while it runs; those that killed processes left are removed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from snds_omop_assets.locks import locked


@contextmanager
def own_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder `<prefix>-<something>`, removed at the end, and with it those of processes that were killed.

    Args:
        parent: where it lies; made if it is not there.
        prefix: what the names of such folders begin with.

    Raises:
        OSError: the folder cannot be made.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{prefix}-*"):
        with suppress(OSError), locked(left):  # BlockingIOError: its process is alive
            shutil.rmtree(left, ignore_errors=True)
    new = parent / f".{uuid4().hex}"
    with locked(new):  # before it has its name: nobody finds it unlocked
        folder = new.rename(parent / f"{prefix}-{uuid4().hex}")
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
