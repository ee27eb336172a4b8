"""A folder that one process has to itself while it runs; those that killed processes left are removed."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def own_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder `<prefix>-<something>`, removed at the end, and with it those of processes that were killed.

    The lock is the kernel's, which takes it away when a process is killed.

    Args:
        parent: where it lies; made if it is not there.
        prefix: what the names of such folders begin with.

    Raises:
        OSError: the folder cannot be made.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{prefix}-*"):
        with suppress(OSError), _locked(left):  # BlockingIOError: its process is alive
            shutil.rmtree(left, ignore_errors=True)
    new = parent / f".{uuid4().hex}"
    new.mkdir()
    with _locked(new):  # before it has its name: nobody finds it unlocked
        folder = new.rename(parent / f"{prefix}-{uuid4().hex}")
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
