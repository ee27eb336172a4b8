"""Checks of tables: who is in them."""

from snds_omop_assets.quality.dqd.defined.looking import EVERY, Definition, Join, Looked


def person_completeness(look: Looked) -> Definition:
    """Persons without a row in the table; of the persons."""
    person = look.cdm.value("person", "person_id")
    inside = Join(f"in_{look.rule.table}", person, look.rows, look.own("person_id"))
    return Definition(f"{inside.alias}.key_id IS NULL", EVERY, look.cdm.rows("person"), (inside,))


def condition_era_completeness(look: Looked) -> Definition:
    """Persons without an era; of those with a condition that has a concept."""
    occurrences = look.cdm.rows("condition_occurrence")
    person, concept = (look.cdm.value("condition_occurrence", f) for f in ("person_id", "condition_concept_id"))
    persons = (
        f"(SELECT DISTINCT {person} AS person_id FROM {occurrences} AS t WHERE {concept} <> 0 AND {person} IS NOT NULL)"
    )
    inside = Join("in_condition_era", "t.person_id", look.rows, look.own("person_id"))
    return Definition("in_condition_era.key_id IS NULL", EVERY, persons, (inside,))


def observation_period_overlap(look: Looked) -> Definition:
    """Persons of whom two periods share a day, or one begins the day after another ends; of those with a period."""
    names = ("person_id", "observation_period_id", "observation_period_start_date", "observation_period_end_date")
    person, number, start, end = (look.own(name) for name in names)
    columns = f"{person} AS person_id, {number} AS number, {start} AS first_day, {end} AS last_day"
    periods = f"(SELECT {columns} FROM {look.rows} AS t)"
    overlapping = (
        f"(SELECT one.person_id FROM {periods} AS one JOIN {periods} AS other ON one.person_id = other.person_id "
        f"WHERE one.number <> other.number AND ((one.first_day <= other.last_day AND one.last_day >= other.first_day) "
        f"OR one.last_day + CAST(1 AS INT) = other.first_day OR other.last_day + CAST(1 AS INT) = one.first_day))"
    )
    persons = f"(SELECT DISTINCT {person} AS person_id FROM {look.rows} AS t WHERE {person} IS NOT NULL)"
    twice = Join("twice", "t.person_id", overlapping, "t.person_id")
    return Definition("twice.key_id IS NOT NULL", EVERY, persons, (twice,))
