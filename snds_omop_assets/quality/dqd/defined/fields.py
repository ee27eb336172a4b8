"""Checks of fields: what is there, of the right type, and points to something of the right kind."""

from collections.abc import Callable, Mapping

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.quality.dqd.defined.looking import EVERY, NEVER, Definition, Join, Looked
from snds_omop_assets.quality.dqd.defined.pointing import CONCEPT, at, concept_of, person_of, visit_of


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
        shared=look.value if look.cdm.is_whole_number(look.rule.table, look.field) else "",
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
        join = at(look, table, key, look.field)
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
