"""Checks of values and days: between bounds, in order, in a life, in a visit."""

import datetime as dt

from snds_omop_assets.quality.dqd.defined.looking import EVERY, Definition, Looked
from snds_omop_assets.quality.dqd.defined.pointing import death_of, person_of, visit_of


def value_low(look: Looked) -> Definition:
    """Values below the bound; of the values."""
    return look.defined(f"{look.value} < {_bound(look)}", f"{look.value} IS NOT NULL")


def value_high(look: Looked) -> Definition:
    """Values above the bound; of the values."""
    return look.defined(f"{look.value} > {_bound(look)}", f"{look.value} IS NOT NULL")


def _bound(look: Looked) -> str:
    """A number or a day."""
    if look.argument == "today+1":
        return f"DATE '{look.today + dt.timedelta(days=1)}'"
    if look.argument == "year+1":
        return str(look.today.year + 1)
    return f"DATE '{look.argument}'" if "-" in look.argument[1:] else look.argument


def temporal_after(look: Looked) -> Definition:
    """Days before another day of the row, or before the birth (first of June of the year); of all rows."""
    table, field = look.pointed
    if table == look.rule.table:
        return look.defined(f"{look.value} < {look.own(field)}")
    return look.defined(f"{look.value} < at_person_id.born_by", EVERY, person_of(look))


def during_life(look: Looked) -> Definition:
    """Days more than 60 days after the death; of the rows of the dead."""
    return look.defined(f"{look.value} > at_death.last_day", "at_death.key_id IS NOT NULL", death_of(look))


def before_death(look: Looked) -> Definition:
    """The same; of the rows of the dead that have a day."""
    of = f"{look.value} IS NOT NULL AND at_death.key_id IS NOT NULL"
    return look.defined(f"{look.value} > at_death.last_day", of, death_of(look))


def after_birth(look: Looked) -> Definition:
    """Days before the birth; of the rows with a day."""
    return look.defined(f"{look.value} < at_person_id.born", f"{look.value} IS NOT NULL", person_of(look))


def start_before_end(look: Looked) -> Definition:
    """First days after the last day; of the rows with both."""
    end = look.own(look.pointed[1])
    return look.defined(f"{look.value} > {end}", f"{look.value} IS NOT NULL AND {end} IS NOT NULL")


def within_visit(look: Looked) -> Definition:
    """Days more than a week before or after the visit; of the rows whose visit is there."""
    visit = visit_of(look)
    outside = f"({look.value} < {visit.alias}.first_day OR {look.value} > {visit.alias}.last_day)"
    return look.defined(outside, f"{visit.alias}.key_id IS NOT NULL", visit)
