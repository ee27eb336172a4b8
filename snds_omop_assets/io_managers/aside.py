"""Writing aside: a file appears under its name only when it is whole, so a killed run leaves the old data."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snds_omop_assets.errors import StoreError

PARTIAL = ".partial"


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well, else remove it.

    What an earlier, killed run left under the temporary name is removed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}{PARTIAL}")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        _flush_to_disk(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def written_where_asked(path: Path) -> Iterator[Path]:
    """`written_aside` for a file that a user named.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        with written_aside(path) as partial:
            yield partial
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise StoreError(f"{path} cannot be written ({why}): give another place or make room.") from None


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
