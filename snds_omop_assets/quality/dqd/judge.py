"""Judging a CDM: OHDSI's checks as few queries that count, on DuckDB and on Spark.

    filled      one scan per table: rows, and rows with something, by column
    used        the concepts that each field of concepts uses, and in how many rows: all that checks of concepts need
    counted     one query per table and kind of check; what all fields of a table ask of its rows is one scan, in which
                persons, deaths, visits and other things are joined once

Nothing more is asked of empty tables and empty columns. No query gives rows, only counts.
"""

import datetime as dt
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pyarrow as pa

from snds_omop_assets.contracts.cdm_checks import CheckRule, check_rules, check_types
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.quality.dqd.definitions import CONCEPT, EVERY, NEVER, Definition, Join, define
from snds_omop_assets.quality.dqd.results import PERCENT, CheckResult, Status
from snds_omop_assets.quality.dqd.stored_columns import AbsentError, StoredCdm, readable_name

OF_EMPTY_TABLES = frozenset({"measurePersonCompleteness", "measureConditionEraCompleteness"})
"""Checks whose table may be empty: they look at persons."""

OF_SINGLE_CONCEPTS = frozenset({"plausibleGender", "plausibleUnitConceptIds"})
"""Checks that need not be counted where no row has their concept."""


@dataclass(frozen=True)
class Counted:
    """What was found about a rule."""

    violated: int
    total: int
    seconds: float = 0.0


@dataclass(frozen=True)
class NotApplicable:
    """Why a rule says nothing about this CDM."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """Why a rule could not be counted."""

    reason: str
    seconds: float = 0.0


Finding = Counted | NotApplicable | Refused


@dataclass(frozen=True)
class Filled:
    """How many rows a table has, and how many of them have something in each column."""

    rows: int
    by_field: Mapping[str, int]
    seconds: float


@dataclass(frozen=True)
class Asked:
    """A rule that has to be counted, and its place among all rules."""

    place: int
    rule: CheckRule
    definition: Definition

    @property
    def of_concepts(self) -> bool:
        """Whether the rule asks of each row no more than which concept its field has."""
        return any(join.alias == CONCEPT for join in self.definition.joins)


@dataclass
class Judging:
    """The work on one CDM.

    Attributes:
        cdm: how the tables are read.
        filled: what the tables hold.
        used: the tables of which the concepts used are known, with the name of the step.
        made: the steps and views made so far, to be dropped in the end.
        joined: names of the steps of what rows point to, by what they select.
    """

    session: Session
    cdm: StoredCdm
    today: dt.date
    filled: dict[str, Filled | Refused] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    joined: dict[str, str] = field(default_factory=dict)

    def step(self, name: str, sql: str) -> str:
        """Compute a SELECT once; gives the name of the step."""
        self.session.step(name, sql)
        self.made.append(name)
        return name

    def things(self, join: Join) -> str:
        """The name of the step of what rows point to; of concepts, only those that are used."""
        of = EVERY
        if join.alias == CONCEPT:
            used = " UNION ".join(f"SELECT concept_id FROM {name}" for name in self.used.values())
            of = f"{join.thing} IN ({used})"
        select = join.select(of)
        if select not in self.joined:
            self.joined[select] = self.step(f"dqd_things_{len(self.joined)}", select)
        return self.joined[select]


def judge_cdm(
    session: Session,
    cdm: Mapping[str, pa.Schema],
    rules: Sequence[CheckRule] | None = None,
    today: dt.date | None = None,
) -> list[CheckResult]:
    """Judge the tables of a CDM.

    Args:
        session: sees each table of `cdm` under its CDM name.
        cdm: the tables that are there, with names and types of their columns as stored.
        rules: what to judge; None for all rules.
        today: day against which future dates are judged; None for today's.

    Returns:
        One result per rule, in the order of the rules. A query that the engine refuses makes its rules errors.
    """
    rules = check_rules() if rules is None else rules
    work = Judging(session, StoredCdm(cdm, readable=True), today or dt.date.today())
    try:
        _look_into_tables(work, rules)
        settled = [_settled(work, rule) for rule in rules]
        asked = [
            Asked(place, rules[place], found) for place, found in enumerate(settled) if isinstance(found, Definition)
        ]
        counted = _counted(work, asked)
    finally:
        session.drop(*reversed(work.made))
    as_stored = StoredCdm(cdm)
    return [
        _result(rule, found if not isinstance(found, Definition) else counted[place], _listed(rule, as_stored, work))
        for place, (rule, found) in enumerate(zip(rules, settled, strict=True))
    ]


def _listed(rule: CheckRule, as_stored: StoredCdm, work: Judging) -> str:
    """The SELECT of the violating rows; empty where what it would read is not there."""
    if rule.check in ("cdmTable", "cdmField") or not as_stored.has(rule.table, rule.field):
        return ""
    try:
        return define(rule, as_stored, work.today).listed
    except AbsentError:
        return ""


def _result(rule: CheckRule, found: Finding, query: str) -> CheckResult:
    """The verdict: without a threshold one violated row is too many."""
    if isinstance(found, NotApplicable):
        return CheckResult(rule, 0, 0, "not applicable", found.reason, 0.0, query)
    if isinstance(found, Refused):
        return CheckResult(rule, 0, 0, "error", found.reason, found.seconds, query)
    status: Status = "fail" if PERCENT * found.violated > rule.threshold * found.total else "pass"
    reason = ""
    if check_types()[rule.check].level == "CONCEPT" and not found.total:
        status = "not applicable"
        reason = f"No row of {rule.table} that the check looks at has a concept of the rule in {rule.field}."
    return CheckResult(rule, found.violated, found.total, status, reason, found.seconds, query)


# What a look into each table settles


def _look_into_tables(work: Judging, rules: Iterable[CheckRule]) -> None:
    """Make the columns of all tables readable; see what there is in those that are judged."""
    judged = {rule.table for rule in rules} | {"condition_occurrence"}
    for table in work.cdm.tables:
        if work.cdm.must_be_turned(table):
            work.session.view(readable_name(table), work.cdm.readable_select(table))
            work.made.append(readable_name(table))
        if table in judged:
            work.filled[table] = _filled(work, table)


def _filled(work: Judging, table: str) -> Filled | Refused:
    fields = work.cdm.fields(table)
    columns = [f"count({work.cdm.raw(table, name)}) AS n{place}" for place, name in enumerate(fields)]
    begin = time.perf_counter()
    try:
        sql = f"SELECT {', '.join(['count(*) AS n', *columns])} FROM {work.cdm.rows(table)} AS t"
        (row,) = work.session.result(sql).to_pylist()
    except Exception as error:  # the engines share no class of errors
        return Refused(_refusal(error), time.perf_counter() - begin)
    by_field = {name: row[f"n{place}"] for place, name in enumerate(fields)}
    return Filled(row["n"], by_field, time.perf_counter() - begin)


def _refusal(error: Exception) -> str:
    """Why a query failed; the engine's own words may quote values of rows."""
    return f"The engine refused the query ({type(error).__name__}): run the query of this check to see why."


def _settled(work: Judging, rule: CheckRule) -> Finding | Definition:
    """What is known of a rule before it is counted, looked at in the order of the dashboard; else what to count.

    A table or field that is not there is not applicable, but an error where it is another one that the check reads;
    then come empty tables and columns.
    """
    cdm, table = work.cdm, rule.table
    if rule.check == "cdmTable":
        return Counted(int(not cdm.has(table)), 1)
    absent = _absent(work, rule)
    if absent is not None:
        return absent
    if rule.check == "cdmField":
        return Counted(int(not cdm.has(table, rule.field)), 1)
    try:
        definition = define(rule, cdm, work.today)
    except AbsentError as error:
        return Refused(str(error))
    filled = work.filled[table]
    return filled if isinstance(filled, Refused) else _from_filled(cdm, rule, definition, filled) or definition


def _absent(work: Judging, rule: CheckRule) -> NotApplicable | None:
    """What a rule is about, if it is not there."""
    if rule.check == "measureConditionEraCompleteness":
        empty = _is_empty(work, "condition_occurrence")
        return NotApplicable("Table condition_occurrence is empty.") if empty else None
    if not work.cdm.has(rule.table):
        return NotApplicable(f"Table {rule.table} does not exist.")
    if rule.check != "cdmField" and not work.cdm.has(rule.table, rule.field):
        return NotApplicable(f"Field {rule.table}.{rule.field} does not exist.")
    return None


def _is_empty(work: Judging, table: str) -> bool:
    """Whether a table is not there or has no rows."""
    filled = work.filled.get(table)
    return filled is None or (isinstance(filled, Filled) and not filled.rows)


def _from_filled(cdm: StoredCdm, rule: CheckRule, definition: Definition, filled: Filled) -> Finding | None:
    """What the look into the table has settled."""
    if not filled.rows and rule.check not in OF_EMPTY_TABLES:
        return NotApplicable(f"Table {rule.table} is empty.")
    if rule.field is not None and not filled.by_field[rule.field] and rule.check != "measureValueCompleteness":
        return NotApplicable(f"Field {rule.table}.{rule.field} is empty.")
    seconds = filled.seconds / len(filled.by_field)
    if definition.violated == NEVER:
        return Counted(0, filled.rows, seconds)
    if rule.field is not None and definition.violated == f"{cdm.raw(rule.table, rule.field)} IS NULL":
        return Counted(filled.rows - filled.by_field[rule.field], filled.rows, seconds)
    return None


# What is counted


def _counted(work: Judging, asked: Sequence[Asked]) -> dict[int, Finding]:
    """What the queries find, by the place of the rule."""
    found: dict[int, Finding] = {}
    groups: dict[tuple[str, str], list[Asked]] = {}
    for one in asked:
        groups.setdefault(_group(one), []).append(one)
    _find_concepts_used(work, asked)
    for group in groups.values():
        begin = time.perf_counter()
        try:
            numbers = _count_in_one_query(work, group)
        except Exception as error:  # the engines share no class of errors
            seconds = (time.perf_counter() - begin) / len(group)
            found |= {one.place: Refused(_refusal(error), seconds) for one in group}
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
        counted = f"coalesce(CAST(sum({weight}) FILTER (WHERE {condition}) AS BIGINT), 0)" if weight else "count(*)"
        if not weight and condition != EVERY:
            counted = f"count(*) FILTER (WHERE {condition})"
        return self.counts.setdefault(counted, name)

    @property
    def sql(self) -> str:
        """A SELECT of one row."""
        columns = ", ".join(f"{sql} AS {name}" for sql, name in self.counts.items())
        return " ".join([f"SELECT {columns} FROM {self.rows} AS t", *self.joins.values()])


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
