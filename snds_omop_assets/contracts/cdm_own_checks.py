"""What this project asks of its own CDM tables beyond OHDSI's 27 types of check; every threshold is 0.

OHDSI's dashboard passes over a required field without any value (not applicable), cannot run a check on a reference to
a table that is not there, and leaves open in which order columns stand and how long texts are.
"""

from collections.abc import Iterator, Mapping

from snds_omop_assets.contracts.cdm_checks import DOMAINS_NOT_JUDGED, CheckRule
from snds_omop_assets.contracts.cdm_tables import CdmTable

COLUMN_ORDER, COLUMN_TYPE = "columnOrder", "columnType"
TEXT_LENGTH, EMPTY_REQUIRED_FIELD = "textLength", "emptyRequiredField"
REFERENCE_WITHOUT_TABLE, DOMAIN_OF_OURS = "referenceWithoutTable", "domainOfOurs"

OWN_CHECKS: Mapping[str, str] = {
    COLUMN_ORDER: "Violated (1 of 1) where the column stands in another place than the CDM's, or is none of the CDM's",
    COLUMN_TYPE: "Violated (1 of 1) where the file could hold the CDM's type and holds the column as another",
    TEXT_LENGTH: "Texts that are longer than the CDM allows, of the texts",
    EMPTY_REQUIRED_FIELD: "All rows, where a required field has no value in any of them",
    REFERENCE_WITHOUT_TABLE: "Rows with a reference to a table that this warehouse does not have, of all rows",
    DOMAIN_OF_OURS: "Rows whose concept is of another domain, of all rows, for fields whose domain OHDSI leaves open",
}
"""What each type of ours counts as violated, and of what."""


def own_rules(table: CdmTable) -> Iterator[CheckRule]:
    """The rules of ours on the rows of a table; what asks of columns needs no rule."""
    for field in table.fields:
        if field.max_length is not None:
            yield CheckRule(TEXT_LENGTH, table.name, field.name, str(field.max_length), 0)
        if field.required:
            yield CheckRule(EMPTY_REQUIRED_FIELD, table.name, field.name, None, 0)
        if field.reference is not None:
            target = f"{field.reference.table}.{field.reference.field}"
            yield CheckRule(REFERENCE_WITHOUT_TABLE, table.name, field.name, target, 0)
        if field.domain is not None and (table.name, field.name) in DOMAINS_NOT_JUDGED:
            yield CheckRule(DOMAIN_OF_OURS, table.name, field.name, field.domain, 0)
