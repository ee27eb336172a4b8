"""What each of the 27 types of check calls violated, and of which rows: OHDSI's definitions, in SQL of both engines.

They are those of DataQualityDashboard 2.8 (inst/sql/sql_server and vignettes/checks of OHDSI's repository), written
anew. A row that a NULL keeps from being judged is not violated. One point differs: where a person, a death, a visit or
a concept is there twice, the dashboard counts the row that points to it twice, and here it is violated once, if it is
with any of the two.

In the conditions `t` is the row that is looked at; the joins add one row of what is known of the thing it points to.
cdmTable and cdmField need no SQL and are not here.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from snds_omop_assets.contracts.cdm_checks import CheckRule
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.quality.dqd.stored_columns import StoredCdm

EVERY, NEVER = "TRUE", "FALSE"

DAYS_AFTER_DEATH = 60
DAYS_AROUND_VISIT = 7


@dataclass(frozen=True)
class Join:
    """What is known of the things that rows point to, one row each.

    Attributes:
        alias: its name in conditions; `key_id` is NULL there where the row points to nothing that is there.
        key: the value of the row that points to the thing.
        rows: the table of the things, or a SELECT in brackets, as `t`.
        thing: the key of the things.
        facts: aggregates of what is known of one.
    """

    alias: str
    key: str
    rows: str
    thing: str
    facts: str = ""

    def select(self, of: str = EVERY) -> str:
        """One row per thing that fulfils a condition."""
        facts = f", {self.facts}" if self.facts else ""
        return f"SELECT {self.thing} AS key_id{facts} FROM {self.rows} AS t WHERE {of} GROUP BY {self.thing}"

    def clause(self, select: str | None = None) -> str:
        """The JOIN; the things may have been selected before, under a name."""
        things = select or f"({self.select()})"
        return f"LEFT JOIN {things} AS {self.alias} ON {self.alias}.key_id = {self.key}"


@dataclass(frozen=True)
class Definition:
    """What is counted.

    Attributes:
        violated: condition that a violating row fulfils.
        of: condition of the rows that the check looks at; None for all rows of the table, whatever `t` is.
        rows: what `t` is: the table, or a SELECT in brackets.
        joins: what the conditions need beside the row.
        weight: how many rows of the table a row of `t` stands for.
        query: lists the violating rows; empty where the conditions say it.
    """

    violated: str
    of: str | None
    rows: str
    joins: tuple[Join, ...] = ()
    weight: str = ""
    query: str = ""

    @property
    def is_of_table(self) -> bool:
        """Whether `t` is a row of a table."""
        return not self.rows.startswith("(")

    @property
    def listed(self) -> str:
        """A SELECT that lists the violating rows."""
        if self.query:
            return self.query
        return " ".join(
            [f"SELECT t.* FROM {self.rows} AS t", *(join.clause() for join in self.joins), f"WHERE {self.violated}"]
        )


@dataclass(frozen=True)
class Looked:
    """A rule, the CDM that it looks at, and the day on which it does. The CDM has the table and the field."""

    rule: CheckRule
    cdm: StoredCdm
    today: dt.date

    @property
    def rows(self) -> str:
        """The rows of the rule's table."""
        return self.cdm.rows(self.rule.table)

    @property
    def field(self) -> str:
        """The field of the rule."""
        return self.rule.field or ""

    @property
    def value(self) -> str:
        """The value of that field."""
        return self.own(self.field)

    @property
    def stored(self) -> str:
        """What is stored in that field, whether or not it can be read."""
        return self.cdm.raw(self.rule.table, self.field)

    @property
    def argument(self) -> str:
        """What the rule compares with."""
        return self.rule.argument or ""

    @property
    def pointed(self) -> tuple[str, str]:
        """The table and the field that the argument names."""
        table, _, field = self.argument.partition(".")
        return table, field

    def own(self, field: str) -> str:
        """The value of another field of the same row."""
        return self.cdm.value(self.rule.table, field)

    def defined(self, violated: str, of: str = EVERY, *joins: Join) -> Definition:
        """A definition on the rows of the table."""
        return Definition(violated, of, self.rows, joins)


def define(rule: CheckRule, cdm: StoredCdm, today: dt.date) -> Definition:
    """The definition of a rule on a CDM that has the table and the field of the rule.

    Raises:
        AbsentError: another table or field that the check reads is not there.
    """
    return DEFINITIONS[rule.check](Looked(rule, cdm, today))


# What rows point to


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
        f"max(coalesce({moment}, TRY_CAST({first} AS DATE))) AS born, "
        f"max(coalesce({moment}, TRY_CAST(({year} || '-06-01') AS DATE))) AS born_by, "
        f"min({sex}) AS lowest_sex, max({sex}) AS highest_sex"
    )
    return _at(look, "person", "person_id", "person_id", facts)


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
    facts = f"min({died}) + CAST({DAYS_AFTER_DEATH} AS INT) AS last_day"
    return _at(look, "death", "person_id", "person_id", facts, "at_death")


def visit_of(look: Looked) -> Join:
    """The days on which something may happen in a visit."""
    start, end = (look.cdm.value("visit_occurrence", f"visit_{side}_date") for side in ("start", "end"))
    first, last = f"CAST(-{DAYS_AROUND_VISIT} AS INT)", f"CAST({DAYS_AROUND_VISIT} AS INT)"
    facts = f"max({start}) + {first} AS first_day, min({end}) + {last} AS last_day"
    return _at(look, "visit_occurrence", "visit_occurrence_id", "visit_occurrence_id", facts)


def concept_of(look: Looked) -> Join:
    """What a concept is; a column that is not there is not known."""
    domain, kind, standard, invalid = (
        look.cdm.value("concept", field) if look.cdm.has("concept", field) else "CAST(NULL AS STRING)"
        for field in ("domain_id", "concept_class_id", "standard_concept", "invalid_reason")
    )
    facts = (
        f"min({domain}) AS lowest_domain, max({domain}) AS highest_domain, "
        f"min({kind}) AS lowest_class, max({kind}) AS highest_class, "
        f"bool_and(coalesce({standard} = 'S', FALSE) AND {invalid} IS NULL) AS is_standard"
    )
    return _at(look, "concept", "concept_id", look.field, facts, CONCEPT)


CONCEPT = "at_concept"
"""Alias of what is known of a concept."""


def _at(look: Looked, table: str, key: str, pointing: str, facts: str = "", alias: str = "") -> Join:
    """The things of a table that a field of the row points to."""
    thing = look.cdm.value(table, key)
    return Join(alias or f"at_{pointing}", look.own(pointing), look.cdm.rows(table), thing, facts)


# Checks of tables


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


# Checks of fields


def null_values(look: Looked) -> Definition:
    """NULLs (isRequired, measureValueCompleteness)."""
    return look.defined(f"{look.stored} IS NULL")


def datatype(look: Looked) -> Definition:
    """Values that cannot be read as the type of the field. The dashboard does so for whole numbers only."""
    if not look.cdm.may_be_unreadable(look.rule.table, look.field):
        return look.defined(NEVER)
    return look.defined(f"{look.stored} IS NOT NULL AND {look.value} IS NULL")


def primary_key(look: Looked) -> Definition:
    """Rows whose key some other row has, too; of all rows."""
    repeated = f"FROM {look.rows} AS t WHERE {look.value} IS NOT NULL GROUP BY {look.value} HAVING count(*) > 1"
    return Definition(
        violated=EVERY,
        of=None,
        rows=f"(SELECT count(*) AS n {repeated})",
        weight="t.n",
        query=f"SELECT t.* FROM {look.rows} AS t WHERE {look.value} IN (SELECT {look.value} {repeated})",
    )


def foreign_key(look: Looked) -> Definition:
    """Values that the table they point to does not have; of all rows, also those without a value."""
    table, key = look.pointed
    alike: Mapping[str, Callable[[Looked], Join]] = {  # joins that other checks of the row need, too
        "person_id": person_of,
        "visit_occurrence_id": visit_of,
    }
    if table == "concept":
        join = concept_of(look)
    elif look.field == key and key in alike and _is_known(look, table):
        join = alike[key](look)
    else:
        join = _at(look, table, key, look.field)
    return look.defined(f"{look.value} IS NOT NULL AND {join.alias}.key_id IS NULL", EVERY, join)


def _is_known(look: Looked, table: str) -> bool:
    return table == "person" or all(look.cdm.has(table, f"visit_{side}_date") for side in ("start", "end"))


def domain(look: Looked) -> Definition:
    """Concepts other than 0 of another domain; of all rows."""
    return _concept_is(look, "domain_id", "domain")


def concept_class(look: Looked) -> Definition:
    """Concepts other than 0 of another class; of all rows."""
    return _concept_is(look, "concept_class_id", "class")


def _concept_is(look: Looked, field: str, fact: str) -> Definition:
    look.cdm.value("concept", field)  # must be there
    wanted = "'" + look.argument.replace("'", "''") + "'"
    other = f"({CONCEPT}.lowest_{fact} <> {wanted} OR {CONCEPT}.highest_{fact} <> {wanted})"
    return look.defined(f"{look.value} <> 0 AND {other}", EVERY, concept_of(look))


def standard_valid_concept(look: Looked) -> Definition:
    """Concepts other than 0 that are not standard or no longer valid; of the rows with a concept."""
    for field in ("standard_concept", "invalid_reason"):
        look.cdm.value("concept", field)  # must be there
    return look.defined(
        f"{look.value} <> 0 AND NOT {CONCEPT}.is_standard", f"{look.value} IS NOT NULL", concept_of(look)
    )


def concept_record_completeness(look: Looked) -> Definition:
    """Concept 0, and NULL though there is a source value; of the rows with a concept or a source value.

    The source value counts only for fields that may be NULL (isRequired judges the others).
    """
    source = look.field.replace("_source_concept_id", "_concept_id").replace("_concept_id", "_source_value")
    fields = {field.name: field for field in cdm_tables()[look.rule.table].fields}
    if source not in fields or fields[look.field].required or not look.cdm.has(look.rule.table, source):
        return look.defined(f"{look.value} = 0", f"{look.value} IS NOT NULL")
    has_source = f"{look.own(source)} IS NOT NULL"
    return look.defined(
        f"{look.value} = 0 OR ({look.value} IS NULL AND {has_source})", f"{look.value} IS NOT NULL OR {has_source}"
    )


def source_value_completeness(look: Looked) -> Definition:
    """Source values that some row has with the concept 0; of the distinct source values, NULL being one."""
    zero = f"{look.own(look.pointed[1])} = 0"
    return Definition(
        violated="t.unmapped",
        of=EVERY,
        rows=f"(SELECT coalesce(bool_or({zero}), FALSE) AS unmapped FROM {look.rows} AS t GROUP BY {look.value})",
        query=f"SELECT DISTINCT {look.value} AS {look.field} FROM {look.rows} AS t WHERE {zero}",
    )


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


# Checks of concepts


def sex(look: Looked) -> Definition:
    """Rows of a concept of persons whose sex is known to be another; of the rows of the concept."""
    concept = str(look.rule.concept_id)
    person = person_of(look)
    return Definition(
        violated=f"t.concept_id = {concept} AND {_other_sex(look, 't')}",
        of=f"t.concept_id = {concept}",
        rows=_by_sex(look, person),
        weight="t.n",
        query=f"SELECT t.* FROM {look.rows} AS t {person.clause()} "
        f"WHERE {look.value} = {concept} AND {_other_sex(look, person.alias)}",
    )


def sex_of_descendants(look: Looked) -> Definition:
    """The same with all descendants of some concepts.

    As in the dashboard, a row counts once for each of the concepts from which its own descends.
    """
    ancestor, descendant = (
        look.cdm.value("concept_ancestor", f"{kin}_concept_id") for kin in ("ancestor", "descendant")
    )
    concepts = ", ".join(map(str, look.rule.concept_ids))
    alias = f"descends_{look.rule.concept_id}"
    pairs = f"{look.cdm.rows('concept_ancestor')} AS t WHERE {ancestor} IN ({concepts})"
    tree = f"(SELECT {descendant} AS concept_id FROM {pairs})"
    person = person_of(look)
    kin = Join(alias, "t.concept_id", tree, "t.concept_id", "count(*) AS times")
    listed = Join(alias, look.value, tree, "t.concept_id", "count(*) AS times")
    return Definition(
        violated=f"{alias}.key_id IS NOT NULL AND {_other_sex(look, 't')}",
        of=f"{alias}.key_id IS NOT NULL",
        rows=_by_sex(look, person),
        joins=(kin,),
        weight=f"t.n * {alias}.times",
        query=f"SELECT t.* FROM {look.rows} AS t {person.clause()} {listed.clause()} "
        f"WHERE {alias}.key_id IS NOT NULL AND {_other_sex(look, person.alias)}",
    )


def _by_sex(look: Looked, person: Join) -> str:
    """How many rows each concept has, by the sex of the person: few rows."""
    return (
        f"(SELECT {look.value} AS concept_id, {person.alias}.lowest_sex, {person.alias}.highest_sex, count(*) AS n "
        f"FROM {look.rows} AS t {person.clause()} WHERE {look.value} <> 0 GROUP BY ALL)"
    )


def _other_sex(look: Looked, of: str) -> str:
    return f"({of}.lowest_sex <> {look.argument} OR {of}.highest_sex <> {look.argument})"


def unit(look: Looked) -> Definition:
    """Rows of a concept with another unit than the plausible ones, 0 and NULL; of its rows whose unit is not 0."""
    concept, units = str(look.rule.concept_id), ", ".join([*look.argument.split(), "0"])
    unit_field = look.own("unit_concept_id")
    return Definition(
        violated=f"t.concept_id = {concept} AND t.unit_concept_id NOT IN ({units})",
        of=f"t.concept_id = {concept} AND (t.unit_concept_id <> 0 OR t.unit_concept_id IS NULL)",
        rows=f"(SELECT {look.value} AS concept_id, {unit_field} AS unit_concept_id, count(*) AS n "
        f"FROM {look.rows} AS t WHERE {look.value} <> 0 GROUP BY ALL)",
        weight="t.n",
        query=f"SELECT t.* FROM {look.rows} AS t WHERE {look.value} = {concept} AND {unit_field} NOT IN ({units})",
    )


DEFINITIONS: Mapping[str, Callable[[Looked], Definition]] = {
    "measurePersonCompleteness": person_completeness,
    "measureConditionEraCompleteness": condition_era_completeness,
    "measureObservationPeriodOverlap": observation_period_overlap,
    "isRequired": null_values,
    "cdmDatatype": datatype,
    "isPrimaryKey": primary_key,
    "isForeignKey": foreign_key,
    "fkDomain": domain,
    "fkClass": concept_class,
    "isStandardValidConcept": standard_valid_concept,
    "measureValueCompleteness": null_values,
    "standardConceptRecordCompleteness": concept_record_completeness,
    "sourceConceptRecordCompleteness": concept_record_completeness,
    "sourceValueCompleteness": source_value_completeness,
    "plausibleValueLow": value_low,
    "plausibleValueHigh": value_high,
    "plausibleTemporalAfter": temporal_after,
    "plausibleDuringLife": during_life,
    "withinVisitDates": within_visit,
    "plausibleAfterBirth": after_birth,
    "plausibleBeforeDeath": before_death,
    "plausibleStartBeforeEnd": start_before_end,
    "plausibleGender": sex,
    "plausibleGenderUseDescendants": sex_of_descendants,
    "plausibleUnitConceptIds": unit,
}
