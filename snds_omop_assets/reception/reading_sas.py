"""Reading SAS tables (.sas7bdat) with pyreadstat, the extra `sas`: pip install snds_omop_assets[sas].

Nothing free writes .sas7bdat, so the tests read a SAS transport file in its place, which pyreadstat reads alike.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.delivery import Source


def sas_names(source: Source) -> tuple[str, ...]:
    """The names of the columns.

    Raises:
        DeliveryError: pyreadstat is not installed, or the file is no whole SAS table.
    """
    with _said_plainly(source):
        import pyreadstat

        _, metadata = pyreadstat.read_sas7bdat(source.path, metadataonly=True)
    return tuple(metadata.column_names)


def sas_frames(source: Source, rows: int) -> Iterator[pl.DataFrame]:
    """The rows, some at a time; SAS dates become dates."""
    offset, read = 0, rows
    while read == rows:
        with _said_plainly(source):
            import pyreadstat

            frame, _ = pyreadstat.read_sas7bdat(source.path, row_offset=offset, row_limit=rows, output_format="polars")
        read = frame.height
        offset += read
        if read:
            yield frame


@contextmanager
def _said_plainly(source: Source) -> Iterator[None]:
    """Say in a sentence that pyreadstat is missing, or cannot read the file."""
    try:
        yield
    except ImportError:
        raise DeliveryError(
            f"{source.name} is a SAS table and pyreadstat is not installed: pip install 'snds_omop_assets[sas]', "
            f"or export the table as CSV."
        ) from None
    except Exception as error:
        if not type(error).__module__.startswith("pyreadstat"):
            raise
        raise DeliveryError(f"{source.name} is not a whole SAS table: ask for it again.") from None
