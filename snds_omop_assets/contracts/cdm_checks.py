"""What OHDSI's Data Quality Dashboard judges in a CDM v5.4: 27 types of check, and every rule with its threshold.

Names, thresholds and bounds are those of OHDSI's DataQualityDashboard (2.7 and later) for the CDM v5.4. What fields.csv
says already (fields, types, required, keys, domains) is not written again: those rules come from it. cdm/checks.csv has
the other rules of tables and fields, cdm/concept_checks.csv those of concepts, cdm/check_types.csv what each type
counts. A type of fields.csv may differ from OHDSI's word for it (64-bit ids are `integer`, eras begin on a `date`).

The argument of a rule is what its check compares with:

- isForeignKey, plausibleTemporalAfter, plausibleStartBeforeEnd: a field, as `visit_occurrence.visit_start_date`;
  `person.birth_datetime` stands for the date of birth, also where only its year is known;
- sourceValueCompleteness: the field of the standard concept that the source value became;
- standardConceptRecordCompleteness, sourceConceptRecordCompleteness: the field of the source value that the concept
  came from, where the concept may be NULL and there is such a field;
- cdmDatatype: the type, as in fields.csv; fkDomain, fkClass: the domain or the class of the concept;
- plausibleValueLow, plausibleValueHigh: a number, a date as `1950-01-01`, `today+1` (the day after the check) or
  `year+1` (the year after the check's);
- plausibleGender, plausibleGenderUseDescendants: the concept of the sex, 8507 (male) or 8532 (female);
- plausibleUnitConceptIds: the ids of the right units, between blanks; -1 stood for no unit, which never
  violates since version 2.7 of the dashboard.
"""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from snds_omop_assets.contracts.cdm_tables import CDM_FIELDS, CdmField, cdm_tables
from snds_omop_assets.contracts.project_files import project_lines
from snds_omop_assets.errors import ContractError

CHECK_TYPES = CDM_FIELDS.with_name("check_types.csv")
CHECKS = CDM_FIELDS.with_name("checks.csv")
CONCEPT_CHECKS = CDM_FIELDS.with_name("concept_checks.csv")

ALL = 100  # percent
OVERRIDE_COLUMNS = ("check", "table", "field", "concept_id", "threshold", "reason")

# Domains of our contract that OHDSI's dashboard does not judge: it leaves the specialty open, and the object of an
# episode may be of two domains.
DOMAINS_NOT_JUDGED = frozenset({("provider", "specialty_concept_id"), ("episode", "episode_object_concept_id")})


@dataclass(frozen=True)
class CheckType:
    """One of the 27 types of check.

    Attributes:
        name: OHDSI's name, as `isRequired`.
        level: what a rule of it is about: TABLE, FIELD or CONCEPT.
        category: Conformance, Completeness or Plausibility (Kahn's framework).
        subcategory: finer than the category; empty where OHDSI has none.
        context: Verification (the CDM alone tells) or Validation (against what lies outside it).
        severity: fatal, convention or characterization.
        description: what is counted as violated, and of what.
    """

    name: str
    level: str
    category: str
    subcategory: str
    context: str
    severity: str
    description: str


@dataclass(frozen=True)
class CheckRule:
    """A check of one table, one field or one concept.

    Attributes:
        check: name of the type.
        table: table whose rows are counted.
        field: None where the rule is about the table.
        argument: what the check compares with; see the text of this module. None where it needs nothing.
        threshold: percent of violated rows that still passes, 0 to 100; 0 lets none pass.
        concept_id: concept whose rows are judged; None where the rule is not about a concept.
        more_concepts: further concepts that the same rule judges (plausibleGenderUseDescendants).
    """

    check: str
    table: str
    field: str | None
    argument: str | None
    threshold: float
    concept_id: int | None = None
    more_concepts: tuple[int, ...] = ()

    @property
    def concept_ids(self) -> tuple[int, ...]:
        """All concepts of the rule; none where it is not about concepts."""
        return () if self.concept_id is None else (self.concept_id, *self.more_concepts)


@cache
def check_types() -> Mapping[str, CheckType]:
    """The 27 types of check by name, in the order of OHDSI's dashboard."""
    lines = _lines(CHECK_TYPES)
    return MappingProxyType({line["check"]: CheckType(name=line.pop("check"), **line) for line in lines})


def check_rules(overrides: Path | None = None) -> tuple[CheckRule, ...]:
    """Every rule, in the order of the types, then of the CDM's tables and fields.

    Args:
        overrides: a project's CSV file of thresholds, with the columns check, table, field, concept_id, threshold and
            reason. An empty cell of the first four stands for any; of several lines on one rule the last one wins.

    Raises:
        ContractError: the file of overrides cannot be read, lacks a column or a reason, has a wrong threshold, or has
            a line that is about no rule.
    """
    rules = _official_rules()
    return rules if overrides is None else _overridden(rules, overrides)


@cache
def _official_rules() -> tuple[CheckRule, ...]:
    types = {name: place for place, name in enumerate(check_types())}
    tables = {name: place for place, name in enumerate(cdm_tables())}
    fields = {(table, field.name): place for place, (table, field) in enumerate(_fields())}

    def place(rule: CheckRule) -> tuple[int, int, int]:
        return types[rule.check], tables[rule.table], -1 if rule.field is None else fields[rule.table, rule.field]

    return tuple(sorted((*_rules_of_fields(), *_written_rules(CHECKS), *_written_rules(CONCEPT_CHECKS)), key=place))


def _fields() -> Iterator[tuple[str, CdmField]]:
    return ((table.name, field) for table in cdm_tables().values() for field in table.fields)


def _rules_of_fields() -> Iterator[CheckRule]:
    """What fields.csv says of each field."""
    for table, field in _fields():
        yield CheckRule("cdmField", table, field.name, None, 0)
        yield CheckRule("cdmDatatype", table, field.name, field.type, 0)
        yield CheckRule("measureValueCompleteness", table, field.name, None, 0 if field.required else ALL)
        if field.required:
            yield CheckRule("isRequired", table, field.name, None, 0)
        if field.primary_key:
            yield CheckRule("isPrimaryKey", table, field.name, None, 0)
        if field.reference is not None:
            target = f"{field.reference.table}.{field.reference.field}"
            yield CheckRule("isForeignKey", table, field.name, target, 0)
        if field.domain is not None and (table, field.name) not in DOMAINS_NOT_JUDGED:
            yield CheckRule("fkDomain", table, field.name, field.domain, 0)


def _written_rules(path: Path) -> Iterator[CheckRule]:
    """The rules of checks.csv or concept_checks.csv; only the latter has concepts, between blanks."""
    for line in _lines(path):
        concepts = [int(number) for number in line.get("concepts", "").split()]
        yield CheckRule(
            check=line["check"],
            table=line["table"],
            field=line["field"] or None,
            argument=line["argument"] or None,
            threshold=float(line["threshold"]),
            concept_id=concepts[0] if concepts else None,
            more_concepts=tuple(concepts[1:]),
        )


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _overridden(rules: tuple[CheckRule, ...], path: Path) -> tuple[CheckRule, ...]:
    """The rules with the thresholds of a project's file."""
    found = list(rules)
    for number, cells in project_lines(path, OVERRIDE_COLUMNS, "thresholds"):
        line = cells | {name: cells[name].lower() for name in ("table", "field")}
        where = f"{path.name}, line {number}"
        threshold = _threshold(line, where)
        if not line["reason"]:
            raise ContractError(f"{where}: the threshold has no reason; write why the project departs from OHDSI's.")
        answering = [place for place, rule in enumerate(rules) if _answers(rule, line)]
        if not answering:
            said = ", ".join(f"{column} {line[column]}" for column in OVERRIDE_COLUMNS[:4] if line[column])
            raise ContractError(f"{where}: no check has {said}; correct the names or empty a cell, which means any.")
        for place in answering:
            found[place] = replace(found[place], threshold=threshold)
    return tuple(found)


def _answers(rule: CheckRule, line: Mapping[str, str]) -> bool:
    """Whether a line of overrides is about the rule; an empty cell is about any."""
    return (
        line["check"] in ("", rule.check)
        and line["table"] in ("", rule.table)
        and line["field"] in ("", rule.field)
        and (not line["concept_id"] or line["concept_id"] in map(str, rule.concept_ids))
    )


def _threshold(line: Mapping[str, str], where: str) -> float:
    try:
        threshold = float(line["threshold"])
    except ValueError:
        threshold = math.nan
    if not 0 <= threshold <= ALL:
        raise ContractError(f"{where}: the threshold must be a percent from 0 to 100, not '{line['threshold']}'.")
    return threshold
