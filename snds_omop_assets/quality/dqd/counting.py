"""Counting what rules ask of the rows of a CDM: one query per table and kind of check.

What all fields of a table ask of its rows is one scan, in which persons, deaths, visits and other things are joined
once; checks of concepts count the concepts first. Queries give counts, and DuckDB the keys that are sorted here
(shared_keys.py), but no rows.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from snds_omop_assets.contracts.cdm_checks import CheckRule
from snds_omop_assets.quality.dqd.defined.looking import EVERY
from snds_omop_assets.quality.dqd.defined.pointing import CONCEPT
from snds_omop_assets.quality.dqd.work import Asked, Counted, Filled, Finding, Judging, Refused, refusal

OF_SINGLE_CONCEPTS = frozenset({"plausibleGender", "plausibleUnitConceptIds"})
"""Checks that need not be counted where no row has their concept."""


def counted(work: Judging, asked: Sequence[Asked]) -> dict[int, Finding]:
    """What the queries find, by the place of the rule."""
    found: dict[int, Finding] = {}
    groups: dict[tuple[str, str], list[Asked]] = {}
    for one in asked:
        groups.setdefault(_group(one), []).append(one)
    _find_concepts_used(work, asked)
    for group in groups.values():
        begin = time.perf_counter()
        try:
            numbers = _count_by_sorting(work, group) or _count_in_one_query(work, group)
        except Exception as error:  # the engines share no class of errors
            seconds = (time.perf_counter() - begin) / len(group)
            found |= {one.place: Refused(refusal(error), seconds) for one in group}
        else:
            seconds = (time.perf_counter() - begin) / len(group)
            found |= {place: Counted(*counts, seconds) for place, counts in numbers.items()}
    return found


def _group(asked: Asked) -> tuple[str, str]:
    """What is asked in one query: of the rows of a table, of the concepts in it, or by one type of check."""
    if asked.of_concepts:
        return asked.rule.table, CONCEPT
    if asked.rule.check == "measurePersonCompleteness":
        return "person", asked.rule.check
    return asked.rule.table, "" if asked.definition.is_of_table else asked.rule.check


def _find_concepts_used(work: Judging, asked: Iterable[Asked]) -> None:
    """Make a step per table: field, concept and rows. Where the engine refuses, the checks that need it say so."""
    fields: dict[str, set[str]] = {}
    for one in asked:
        if one.rule.field is not None and (one.of_concepts or one.rule.check in OF_SINGLE_CONCEPTS):
            fields.setdefault(one.rule.table, set()).add(one.rule.field)
    for table, names in fields.items():
        parts = [
            f"SELECT '{name}' AS field_name, CAST({value} AS BIGINT) AS concept_id, count(*) AS n "
            f"FROM {work.cdm.rows(table)} AS t WHERE {value} IS NOT NULL GROUP BY {value}"
            for name, value in ((name, work.cdm.value(table, name)) for name in sorted(names))
        ]
        with suppress(Exception):  # the engines share no class of errors
            work.used[table] = work.step(f"dqd_used_{table}", " UNION ALL ".join(parts))


@dataclass
class Scan:
    """What is counted in some rows at once.

    Attributes:
        rows: a table, or a SELECT in brackets.
        joins: the JOIN clauses by alias.
        counts: the names of the columns by their SQL.
    """

    rows: str
    joins: dict[str, str] = field(default_factory=dict)
    counts: dict[str, str] = field(default_factory=dict)

    def count(self, condition: str, weight: str, name: str) -> str:
        """The column that counts the rows of a condition; a new one gets the name."""
        if weight:
            counted = f"sum(CASE WHEN {condition} THEN {weight} END)"
        else:  # DuckDB takes three times as long for count(*) FILTER (WHERE ...), of which there are dozens
            counted = "count(*)" if condition == EVERY else f"count_if({condition})"
        return self.counts.setdefault(f"coalesce(CAST({counted} AS BIGINT), 0)", name)

    @property
    def sql(self) -> str:
        """A SELECT of one row."""
        columns = ", ".join(f"{sql} AS {name}" for sql, name in self.counts.items())
        return " ".join([f"SELECT {columns} FROM {self.rows} AS t", *self.joins.values()])


def _count_by_sorting(work: Judging, group: Sequence[Asked]) -> dict[int, tuple[int, int]]:
    """The same of a key that is judged by sorting it; nothing where it is not."""
    (one, *others) = group
    if others or not one.definition.shared or not work.sorts:
        return {}
    shared = work.rows_that_share(work.cdm.rows(one.rule.table), one.definition.shared)
    return {one.place: _numbers(work, one, ("shared", None), {"shared": shared})}


def _count_in_one_query(work: Judging, group: Sequence[Asked]) -> dict[int, tuple[int, int]]:
    """Violated rows and rows looked at, by the place of the rule."""
    scans: dict[str, Scan] = {}
    columns: dict[int, tuple[str, str | None]] = {}
    for one in _of_used_concepts(work, group):
        rows, weight = one.definition.rows, one.definition.weight
        if one.of_concepts:
            rows, weight = _concepts_used(work, one.rule), "t.n"
        scan = scans.setdefault(rows, Scan(rows))
        for join in one.definition.joins:
            scan.joins[join.alias] = join.clause(work.things(join))
        violated = scan.count(one.definition.violated, weight, f"v{one.place}")
        of = one.definition.of
        of_all_rows = of is None or (of == EVERY and one.of_concepts)
        columns[one.place] = violated, None if of_all_rows else scan.count(of or EVERY, weight, f"n{one.place}")
    if not scans:
        return {one.place: (0, 0) for one in group}
    selects = " CROSS JOIN ".join(f"({scan.sql}) AS scan_{place}" for place, scan in enumerate(scans.values()))
    (row,) = work.session.result(f"SELECT * FROM {selects}").to_pylist()
    return {one.place: _numbers(work, one, columns.get(one.place), row) for one in group}


def _numbers(
    work: Judging, one: Asked, columns: tuple[str, str | None] | None, row: Mapping[str, int]
) -> tuple[int, int]:
    """Violated rows and rows looked at, out of the row of a query."""
    if columns is None:
        return 0, 0
    violated, total = columns
    filled = work.filled[one.rule.table]
    assert isinstance(filled, Filled)  # or nothing is asked of the table
    return row[violated], filled.rows if total is None else row[total]


def _concepts_used(work: Judging, rule: CheckRule) -> str:
    """The concepts that a field uses, under its name, with `n` rows each."""
    return f"(SELECT concept_id AS {rule.field}, n FROM {work.used[rule.table]} WHERE field_name = '{rule.field}')"


def _of_used_concepts(work: Judging, group: Sequence[Asked]) -> Sequence[Asked]:
    """The rules of a group without those of a concept that no row has: hundreds, of which few are left."""
    if group[0].rule.check not in OF_SINGLE_CONCEPTS:
        return group
    rule = group[0].rule
    used = set(work.session.result(f"SELECT {rule.field} AS id FROM {_concepts_used(work, rule)}")["id"].to_pylist())
    return [one for one in group if one.rule.concept_id in used]
