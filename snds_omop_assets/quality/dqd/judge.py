"""Judging a CDM: OHDSI's checks as few queries that count, on DuckDB and on Spark.

    filled      one scan per table: rows, and rows with something, by column
    used        the concepts that each field of concepts uses, and in how many rows: all that checks of concepts need
    counted     one query per table and kind of check; what all fields of a table ask of its rows is one scan, in which
                persons, deaths, visits and other things are joined once

Nothing more is asked of empty tables and empty columns. Queries give counts, and keys to be sorted, but no rows.
"""

import datetime as dt
import time
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from snds_omop_assets.contracts.cdm_checks import CheckRule, check_rules
from snds_omop_assets.contracts.cdm_own_checks import EMPTY_REQUIRED_FIELD
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.quality.dqd.counting import counted
from snds_omop_assets.quality.dqd.defined.looking import NEVER, Definition
from snds_omop_assets.quality.dqd.definitions import define
from snds_omop_assets.quality.dqd.results import PERCENT, CheckResult, Status
from snds_omop_assets.quality.dqd.stored_columns import AbsentError, StoredCdm, readable_name
from snds_omop_assets.quality.dqd.work import Asked, Counted, Filled, Finding, Judging, NotApplicable, Refused, refusal

OF_EMPTY_TABLES = frozenset({"measurePersonCompleteness", "measureConditionEraCompleteness"})
"""Checks whose table may be empty: they look at persons."""


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
        found_by_query = counted(work, asked)
    finally:
        session.drop(*reversed(work.made))
    as_stored = StoredCdm(cdm)
    return [
        _result(
            rule, found if not isinstance(found, Definition) else found_by_query[place], _listed(rule, as_stored, work)
        )
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
    if rule.concept_ids and not found.total:
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
        return Refused(refusal(error), time.perf_counter() - begin)
    by_field = {name: row[f"n{place}"] for place, name in enumerate(fields)}
    return Filled(row["n"], by_field, time.perf_counter() - begin)


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
    seconds = filled.seconds / len(filled.by_field)
    is_empty = rule.field is not None and not filled.by_field[rule.field]
    if rule.check == EMPTY_REQUIRED_FIELD:
        return Counted(filled.rows if is_empty else 0, filled.rows, seconds)
    if is_empty and rule.check != "measureValueCompleteness":
        return NotApplicable(f"Field {rule.table}.{rule.field} is empty.")
    if definition.violated == NEVER:
        return Counted(0, filled.rows, seconds)
    if rule.field is not None and definition.violated == f"{cdm.raw(rule.table, rule.field)} IS NULL":
        return Counted(filled.rows - filled.by_field[rule.field], filled.rows, seconds)
    return None
