"""What the commands share: options, the settings that they give, errors as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from snds_omop_assets.errors import SndsOmopError
from snds_omop_assets.settings import Settings

LAST_YEAR = 2099

warehouse_option = click.option(
    "--warehouse",
    type=click.Path(path_type=Path),
    help="Folder for what is written (default: SNDS_WAREHOUSE, else ./warehouse).",
)
years_option = click.option("--years", help="One year or a range, of the tables cut by year: 2019 or 2018-2021.")


class Unusable(click.ClickException):
    """Nothing can be done with what was given: the exit code is that of an unusable delivery."""

    exit_code = 2


def settings_of(delivery: Path | None, warehouse: Path | None, **more: str) -> Settings:
    """The settings of the environment; what was given wins."""
    given = {"SNDS_DELIVERY": str(delivery or ""), "SNDS_WAREHOUSE": str(warehouse or ""), **more}
    with plainly():
        return Settings.from_environment(given=given)


def years_of(text: str | None) -> list[int] | None:
    """2019 or 2018-2021 as years."""
    if text is None:
        return None
    from snds_omop_assets.reception.delivery import FIRST_YEAR

    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal() and int(first) <= int(last or first)):
        raise click.BadParameter(f"{text!r} is no year and no range of years: write 2019 or 2018-2021.")
    if int(first) < FIRST_YEAR or int(last or first) > LAST_YEAR:
        raise click.BadParameter(f"{text!r}: write years with four digits, from {FIRST_YEAR} on.")
    return list(range(int(first), int(last or first) + 1))


def words(text: str | None) -> list[str]:
    """What stands between commas."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


@contextmanager
def plainly() -> Iterator[None]:
    """End with the sentence of an error of ours, and exit code 2: nothing can be used."""
    try:
        yield
    except SndsOmopError as error:
        raise Unusable(str(error)) from None
