"""Which checks of a CDM make up one asset check, and of which tables: a readable number per table.

Every rule of OHDSI's dashboard on a table that is built here belongs to one asset check, and so does what this project
asks beyond (contracts/cdm_own_checks.py).
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from snds_omop_assets.contracts.cdm_checks import CheckRule, check_rules, check_types
from snds_omop_assets.contracts.cdm_own_checks import (
    COLUMN_ORDER,
    COLUMN_TYPE,
    DOMAIN_OF_OURS,
    EMPTY_REQUIRED_FIELD,
    REFERENCE_WITHOUT_TABLE,
    TEXT_LENGTH,
    own_rules,
)
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
from snds_omop_assets.omop.over_years import OVER_YEARS_TABLES

Check = tuple[str, str]
"""An asset check: its name, and the CDM table."""

STRUCTURE, REQUIRED_FIELDS, KEYS, CONCEPTS = "structure", "required_fields", "keys", "concepts"
COMPLETENESS, PLAUSIBILITY = "completeness", "plausibility"
CONFORMANCE: Final = (STRUCTURE, REQUIRED_FIELDS, KEYS, CONCEPTS)

CHECKS: Mapping[str, str] = {
    STRUCTURE: "The columns of the CDM v5.4 in its order, with its types and lengths: cdmTable, cdmField, cdmDatatype.",
    REQUIRED_FIELDS: "No NULL where the CDM requires a value: isRequired.",
    KEYS: "No two rows share a key, and every reference finds its row: isPrimaryKey, isForeignKey.",
    CONCEPTS: "Every concept is known, of the domain and class that the CDM asks for, and standard where it must be: "
    "isForeignKey, fkDomain, fkClass, isStandardValidConcept.",
    COMPLETENESS: "Fields, source values and persons are there and mapped, as OHDSI's dashboard asks.",
    PLAUSIBILITY: "Values and dates make sense, beside each other and in a life, as OHDSI's dashboard asks.",
}
"""The asset checks of a table, with what they judge."""

CHECK_OF_TYPE: Mapping[str, str] = {
    **dict.fromkeys(("cdmTable", "cdmField", "cdmDatatype", COLUMN_ORDER, COLUMN_TYPE, TEXT_LENGTH), STRUCTURE),
    **dict.fromkeys(("isRequired", EMPTY_REQUIRED_FIELD), REQUIRED_FIELDS),
    **dict.fromkeys(("isPrimaryKey", "isForeignKey", REFERENCE_WITHOUT_TABLE), KEYS),
    **dict.fromkeys(("fkDomain", "fkClass", "isStandardValidConcept", DOMAIN_OF_OURS), CONCEPTS),
}
"""The asset check by type of check; isForeignKey of concepts is among CONCEPTS, and the others go by their category."""

VOCABULARY = ("concept", "vocabulary", "domain", "concept_class", "relationship")
"""Tables that refer to each other. The large tables of the vocabulary are judged while they are loaded."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "vocabulary": VOCABULARY,
    **{name: (name,) for name in ("source_to_concept_map", "location", "care_site", "provider", "person")},
    "care_years": tuple(CARE_YEAR_TABLES),
    "over_years": tuple(OVER_YEARS_TABLES),
}
"""The tables that are judged, by the steps that make them: those of one step are judged by one step."""

BUILT = tuple(table for tables in GROUPS.values() for table in tables)
"""The CDM tables that are judged."""

ASSET_CHECKS: tuple[Check, ...] = tuple(
    (check, table)
    for table in BUILT
    for check in CHECKS
    if check in CONFORMANCE or table not in (*VOCABULARY, "source_to_concept_map")
)
"""All asset checks of CDM tables; of the vocabulary, conformance only."""


def asset_check_of(rule: CheckRule) -> str:
    """The asset check to which a rule belongs."""
    if rule.check == "isForeignKey" and (rule.argument or "").startswith("concept."):
        return CONCEPTS
    return CHECK_OF_TYPE.get(rule.check) or check_types()[rule.check].category.lower()


def rules_of(checks: Collection[Check], thresholds: Path | None = None) -> list[CheckRule]:
    """The rules of some asset checks: OHDSI's, then ours.

    Args:
        checks: names and tables.
        thresholds: the project's own (`check_rules`).

    Raises:
        ContractError: the thresholds cannot be read.
    """
    ours = (rule for table in dict.fromkeys(table for _, table in checks) for rule in own_rules(cdm_tables()[table]))
    wanted = set(checks)
    return [rule for rule in (*check_rules(thresholds), *ours) if (asset_check_of(rule), rule.table) in wanted]
