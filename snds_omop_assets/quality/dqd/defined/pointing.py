"""What is known of the persons, deaths, visits and concepts that rows point to."""

from snds_omop_assets.quality.dqd.defined.looking import Fact, Join, Looked

DAYS_AFTER_DEATH = 60
DAYS_AROUND_VISIT = 7

CONCEPT = "at_concept"
"""Alias of what is known of a concept."""


def person_of(look: Looked) -> Join:
    """When the person of a row was born and which sex it has.

    `born`: without a datetime of birth, from year, month and day, of which the last two may be missing (the first).
    `born_by`: without one, the first of June of the year. `lowest_sex` and `highest_sex` are one and the same.
    """
    year, month, day = (
        _padded(_person(look, f"{part}_of_birth", "BIGINT"), digits)
        for part, digits in (("year", 4), ("month", 2), ("day", 2))
    )
    first = f"concat_ws('-', {year}, coalesce({month}, '01'), coalesce({day}, '01'))"
    moment, sex = _person(look, "birth_datetime", "DATE"), _person(look, "gender_concept_id", "BIGINT")
    facts = (
        Fact("born", f"coalesce({moment}, TRY_CAST({first} AS DATE))", "max"),
        Fact("born_by", f"coalesce({moment}, TRY_CAST(({year} || '-06-01') AS DATE))", "max"),
        Fact("lowest_sex", sex, "min"),
        Fact("highest_sex", sex, "max"),
    )
    return at(look, "person", "person_id", "person_id", *facts)


def _person(look: Looked, field: str, sql_type: str) -> str:
    """A field of person; one that is not there is not known, which cdmField says."""
    there = look.cdm.has("person", field) or not look.cdm.has("person")
    return look.cdm.value("person", field) if there else f"CAST(NULL AS {sql_type})"


def _padded(number: str, digits: int) -> str:
    """A number as text; NULL where it has too many digits."""
    return f"CASE WHEN {number} BETWEEN 0 AND {10**digits - 1} THEN lpad(CAST({number} AS STRING), {digits}, '0') END"


def death_of(look: Looked) -> Join:
    """The last day on which something may happen to a person who died."""
    died = look.cdm.value("death", "death_date")
    last_day = Fact("last_day", f"{died} + CAST({DAYS_AFTER_DEATH} AS INT)", "min")
    return at(look, "death", "person_id", "person_id", last_day, alias="at_death")


def visit_of(look: Looked) -> Join:
    """The days on which something may happen in a visit."""
    start, end = (look.cdm.value("visit_occurrence", f"visit_{side}_date") for side in ("start", "end"))
    facts = (
        Fact("first_day", f"{start} + CAST(-{DAYS_AROUND_VISIT} AS INT)", "max"),
        Fact("last_day", f"{end} + CAST({DAYS_AROUND_VISIT} AS INT)", "min"),
    )
    return at(look, "visit_occurrence", "visit_occurrence_id", "visit_occurrence_id", *facts)


def concept_of(look: Looked) -> Join:
    """What a concept is; a column that is not there is not known."""
    domain, kind, standard, invalid = (
        look.cdm.value("concept", field) if look.cdm.has("concept", field) else "CAST(NULL AS STRING)"
        for field in ("domain_id", "concept_class_id", "standard_concept", "invalid_reason")
    )
    facts = (
        Fact("lowest_domain", domain, "min"),
        Fact("highest_domain", domain, "max"),
        Fact("lowest_class", kind, "min"),
        Fact("highest_class", kind, "max"),
        Fact("is_standard", f"coalesce({standard} = 'S', FALSE) AND {invalid} IS NULL", "bool_and"),
    )
    return at(look, "concept", "concept_id", look.field, *facts, alias=CONCEPT)


def at(look: Looked, table: str, key: str, pointing: str, *facts: Fact, alias: str = "") -> Join:
    """The things of a table that a field of the row points to."""
    thing = look.cdm.value(table, key)
    rows, has_numbers = look.cdm.rows(table), look.cdm.is_whole_number(table, key)
    return Join(alias or f"at_{pointing}", look.own(pointing), rows, thing, facts, has_numbers)
