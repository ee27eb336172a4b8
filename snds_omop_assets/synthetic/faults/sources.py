"""The files of a delivery that a fault concerns."""

from snds_omop_assets.errors import SettingsError
from snds_omop_assets.reception.delivery import PARQUET, TEXT, Delivery, Source


def of_year(delivery: Delivery, table: str, last: bool = False) -> tuple[Source, ...]:
    """The files of a table of its first or last year; all of a table that comes whole.

    Raises:
        SettingsError: the delivery lacks the table, or has it neither as CSV nor as Parquet.
    """
    sources = delivery.files.get(table, ())
    if not sources:
        raise SettingsError(f"The delivery has no file of {table}, which this fault spoils: choose another fault.")
    years = [source.year for source in sources if source.year is not None]
    year = (max if last else min)(years, default=None)
    found = tuple(source for source in sources if source.year == year)
    if other := next((source for source in found if source.compression or source.kind not in (TEXT, PARQUET)), None):
        raise SettingsError(
            f"{other.name} is neither CSV nor Parquet: write the delivery as one of them, or choose another fault."
        )
    return found


def with_details(delivery: Delivery, parent: str, last: bool = False) -> list[Source]:
    """The files of a table of its first or last year, and those of the tables whose rows belong to rows of it."""
    parents = of_year(delivery, parent, last)
    details = [source for name in delivery.tables if delivery.table(name).parent == parent
               for source in delivery.files[name]]  # fmt: skip
    return [*parents, *(source for source in details if source.year == parents[0].year)]
