"""Checks of single concepts: of whom, in which unit."""

from snds_omop_assets.quality.dqd.defined.looking import Definition, Fact, Join, Looked
from snds_omop_assets.quality.dqd.defined.pointing import person_of


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
    times = (Fact("times", "*", "count"),)
    kin = Join(alias, "t.concept_id", tree, "t.concept_id", times)
    listed = Join(alias, look.value, tree, "t.concept_id", times)
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
