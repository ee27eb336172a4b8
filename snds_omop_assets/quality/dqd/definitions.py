"""What each type of check calls violated, and of which rows: OHDSI's definitions, in SQL of both engines.

They are those of DataQualityDashboard 2.8 (inst/sql/sql_server and vignettes/checks of OHDSI's repository), written
anew. A row that a NULL keeps from being judged is not violated. One point differs: where a person, a death, a visit or
a concept is there twice, the dashboard counts the row that points to it twice, and here it is violated once, if it is
with any of the two. cdmTable and cdmField need no SQL and are not here.
"""

import datetime as dt
from collections.abc import Callable, Mapping

from snds_omop_assets.contracts.cdm_checks import CheckRule
from snds_omop_assets.quality.dqd.defined import concepts, fields, ours, tables, values
from snds_omop_assets.quality.dqd.defined.looking import Definition, Looked
from snds_omop_assets.quality.dqd.stored_columns import StoredCdm


def define(rule: CheckRule, cdm: StoredCdm, today: dt.date) -> Definition:
    """The definition of a rule on a CDM that has the table and the field of the rule.

    Raises:
        AbsentError: another table or field that the check reads is not there.
    """
    return DEFINITIONS[rule.check](Looked(rule, cdm, today))


DEFINITIONS: Mapping[str, Callable[[Looked], Definition]] = {
    "measurePersonCompleteness": tables.person_completeness,
    "measureConditionEraCompleteness": tables.condition_era_completeness,
    "measureObservationPeriodOverlap": tables.observation_period_overlap,
    "isRequired": fields.null_values,
    "cdmDatatype": fields.datatype,
    "isPrimaryKey": fields.primary_key,
    "isForeignKey": fields.foreign_key,
    "fkDomain": fields.domain,
    "fkClass": fields.concept_class,
    "isStandardValidConcept": fields.standard_valid_concept,
    "measureValueCompleteness": fields.null_values,
    "standardConceptRecordCompleteness": fields.concept_record_completeness,
    "sourceConceptRecordCompleteness": fields.concept_record_completeness,
    "sourceValueCompleteness": fields.source_value_completeness,
    "plausibleValueLow": values.value_low,
    "plausibleValueHigh": values.value_high,
    "plausibleTemporalAfter": values.temporal_after,
    "plausibleDuringLife": values.during_life,
    "withinVisitDates": values.within_visit,
    "plausibleAfterBirth": values.after_birth,
    "plausibleBeforeDeath": values.before_death,
    "plausibleStartBeforeEnd": values.start_before_end,
    "plausibleGender": concepts.sex,
    "plausibleGenderUseDescendants": concepts.sex_of_descendants,
    "plausibleUnitConceptIds": concepts.unit,
    # What this project asks beyond OHDSI
    "textLength": ours.text_length,
    "domainOfOurs": fields.domain,
    "referenceWithoutTable": ours.reference_without_table,
    "emptyRequiredField": ours.empty_required_field,
}
