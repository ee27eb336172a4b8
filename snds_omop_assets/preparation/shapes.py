"""The tables that stand between the received ones and the CDM: what a row is, and what each column means.

What is prepared of the DCIR (claims/), of the PMSI (stays/) and of the referentials gives the same few shapes, so that
a CDM table has one rule wherever its rows come from.
"""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

Columns = Mapping[str, tuple[pa.DataType, str]]

TEXT: Final = pa.string()
WHOLE: Final = pa.int64()
SHORT: Final = pa.int32()
NUMBER: Final = pa.float64()
DAY: Final = pa.date32()

CARE_YEAR: Columns = {"care_year": (SHORT, "Year of care to which the row goes on.")}
"""What the prepared rows of a year of files have in common."""

IDENTITIES: Columns = {
    "BEN_NIR_PSA": (TEXT, "Pseudo-NIR (NIR_ANO_17 in the PMSI)."),
    "BEN_RNG_GEM": (TEXT, "Rank; NULL where it was not delivered, and for who was met in the PMSI only."),
    "person_key": (TEXT, "What stands for the person: BEN_IDT_ANO, else BEN_NIR_ANO, else pseudo-NIR and rank."),
    "person_id": (WHOLE, "OMOP id of the person; NULL where a rule says that there is none."),
    "rule": (TEXT, "Why the identifier makes no person (an id of ledger_rules.csv); NULL where it does."),
    "persons_of_psa": (WHOLE, "How many persons stand under this pseudo-NIR: more than one are twins."),
    "reason": (TEXT, "How the identifier was linked to the person."),
    "source": (TEXT, "Where it was met: IR_BEN_R, IR_BEN_R_ARC, ER_PRS_F or PMSI, the first of them."),
    "conflict": (TEXT, "What differs between the identifiers of the person: sex, birth; NULL where nothing does."),
}
"""Rows are identifiers: a pseudo-NIR and a rank, each once."""

MET_PERSONS: Columns = {
    "BEN_NIR_PSA": (TEXT, "Pseudo-NIR (NIR_ANO_17 in the PMSI)."),
    "BEN_RNG_GEM": (TEXT, "Rank; NULL in the PMSI."),
    "source": (TEXT, "ER_PRS_F or PMSI."),
    "BEN_CDI_NIR": (TEXT, "What kind of NIR it is; NULL in the PMSI."),
    "BEN_SEX_COD": (TEXT, "Sex code (1, 2; 0 and 9 unknown)."),
    "birth_year": (WHOLE, "Year of birth; in the PMSI year of the entry minus AGE_ANN."),
    "BEN_RES_DPT": (TEXT, "Department of residence as ER_PRS_F says it."),
    "BEN_RES_COM": (TEXT, "Commune of residence as ER_PRS_F says it."),
    "ORG_AFF_BEN": (TEXT, "Organism of affiliation."),
    "BEN_CMU_TOP": (TEXT, "Whether the complementary solidarity insurance pays."),
    "death_date": (DAY, "Latest BEN_DCD_DTE of these lines; NULL where none is known."),
    "death_month": (WHOLE, "Latest BEN_DCD_AME of these lines, as 201803; NULL where none is known."),
    "first_day": (DAY, "First day of care of these rows."),
    "last_day": (DAY, "Last day of care of these rows."),
}
"""Rows are identifiers as the facts of a year tell them: one per identifier, affiliation and year of care."""

MET_PLACES: Columns = {
    "kind": (TEXT, "`site` (FINESS), `unit` (medical unit of a site) or `provider` (SPE:1, ACT:26)."),
    "code": (TEXT, "FINESS with its key; FINESS_unit; list and code of a specialty or activity."),
    "part_of": (TEXT, "FINESS of the site of a unit."),
    "type_code": (TEXT, "Type of authorisation of a unit (AUT_TYP1_UM, AUT_TYP_UM)."),
}
"""Rows are the sites, units and providers that the facts of a year mention, each once."""

COUNTS: Columns = {
    "source_table": (TEXT, "SNDS table."),
    "file_year": (SHORT, "Year of the delivered file; NULL where the table comes whole."),
    "rule": (TEXT, "By which rule the rows end (an id of ledger_rules.csv)."),
    "row_count": (WHOLE, "How many."),
}
"""Rows are numbers of source rows by the rule by which they end; several rows may add up."""

BASE: Columns = {
    "first_year": (SHORT, "First year of care of the base."),
    "last_year": (SHORT, "Last year of care of the base."),
    "data_start": (DAY, "First day that the base tells."),
    "data_end": (DAY, "Last day that the base tells."),
}
"""One row: which years and days the base has."""

VISITS: Columns = {
    "visit_occurrence_id": (WHOLE, "OMOP id."),
    "person_id": (WHOLE, "OMOP id."),
    "visit_concept_id": (WHOLE, "Kind of visit."),
    "visit_start_date": (DAY, "First day."),
    "visit_end_date": (DAY, "Last day, never before the first."),
    "type": (TEXT, "Where it comes from, a code of SNDS_TYPE: pharmacy, claim, pmsi_stay, pmsi_external."),
    "provider": (TEXT, "Who treats, as SPE:1 or ACT:26; NULL where unknown."),
    "site": (TEXT, "FINESS with its key of where; NULL where unknown."),
    "visit_source_value": (TEXT, "What the source calls it: PRS_NAT_REF of the main line, or field of the PMSI."),
    "visit_source_concept_id": (WHOLE, "Concept of the source's code; 0 where there is none."),
    "admitted_from_list": (TEXT, "List of the code of the provenance: MS_PRV_V_ENT or MS_ENT_V."),
    "admitted_from": (TEXT, "Code of the provenance; NULL where unknown."),
    "discharged_to_list": (TEXT, "List of the code of the destination: MS_PRV_V_SOR or MS_SOR_V."),
    "discharged_to": (TEXT, "Code of the destination; NULL where unknown."),
}
"""Rows are visits of a year of care (the year of their first day)."""

DETAILS: Columns = {
    "visit_detail_id": (WHOLE, "OMOP id."),
    "visit_occurrence_id": (WHOLE, "The visit."),
    "person_id": (WHOLE, "OMOP id."),
    "visit_detail_start_date": (DAY, "First day in the unit."),
    "visit_detail_end_date": (DAY, "Last day in the unit, never before the first."),
    "type": (TEXT, "As in the visit."),
    "provider": (TEXT, "As in the visit."),
    "unit": (TEXT, "FINESS_unit of where, as in met places of kind `unit`; NULL where unknown."),
    "unit_type_list": (TEXT, "AUT_TYP1_UM or AUT_TYP_UM."),
    "unit_type": (TEXT, "Type of authorisation; also visit_detail_source_value."),
    "preceding_visit_detail_id": (WHOLE, "The passage before, of the same visit; NULL for the first."),
}
"""Rows are passages in a medical unit, or weeks, of a stay."""

EVENTS: Columns = {
    "event_id": (
        WHOLE,
        "OMOP id of the event; unique, and the id of its row in the CDM where the code has one target.",
    ),
    "person_id": (WHOLE, "OMOP id."),
    "visit_occurrence_id": (WHOLE, "The visit; NULL where there is none (long-term diseases, causes of death)."),
    "visit_detail_id": (WHOLE, "The passage in a unit; NULL where there is none or nobody knows."),
    "origin": (TEXT, "SNDS table."),
    "nomenclature": (TEXT, "List of the code, as in vocabulary/code_map."),
    "code": (TEXT, "Code as vocabulary/code_map spells it."),
    "source_value": (TEXT, "Code as the source writes it."),
    "start_date": (DAY, "First day."),
    "end_date": (DAY, "Last day; NULL where none is known."),
    "type": (TEXT, "A code of SNDS_TYPE: pharmacy, claim, pmsi_stay, pmsi_external, death_certificate."),
    "status": (
        TEXT,
        "Role of a diagnosis, a code of SNDS_STATUS: DP, DR, DAS, MPP, MPA, FPP, MMP, AE, ALD; else NULL.",
    ),
    "quantity": (NUMBER, "How many, after netting: units of a drug, acts, devices."),
    "days_supply": (WHOLE, "Days that a drug is for; NULL where unknown."),
    "refills": (WHOLE, "Renewals (PHA_SEQ_RNV); NULL where unknown."),
    "unit": (TEXT, "Unit of the dose (dose_unit_source_value); NULL where unknown."),
    "provider": (TEXT, "Who did or prescribed it, as SPE:1 or ACT:26; NULL where unknown."),
    "modifier": (TEXT, "Activity and phase of a CCAM act, as `1/0`; NULL for all else."),
    "total": (NUMBER, "Amount in euros (PRS_PAI_MNT), after netting; NULL where nobody says it, as in the PMSI."),
    "payer": (NUMBER, "Reimbursed in euros (BSE_REM_MNT and CPL_REM_MNT); NULL where nobody says it."),
}
"""Rows are events of a year of care: drugs, acts, devices, laboratory acts, diagnoses, each once."""

COSTS: Columns = {
    "visit_occurrence_id": (WHOLE, "The visit."),
    "total": (NUMBER, "Amount in euros, as in EVENTS."),
    "payer": (NUMBER, "Reimbursed in euros, as in EVENTS."),
}
"""Rows are visits of which something was paid that makes no event of its own (a consultation), with these amounts."""

PERSON_FACTS: Columns = {
    "kind": (TEXT, "`death` (SOR_MOD 9) or `mother`."),
    "person_id": (WHOLE, "Who died; the child."),
    "day": (DAY, "Day of the death; first day of the child's stay."),
    "other_person_id": (WHOLE, "The mother."),
    "visit_occurrence_id": (WHOLE, "The stay that says so."),
}
"""Rows are what the stays of a year of care tell of persons."""


def schema_of(columns: Columns) -> pa.Schema:
    """Names and types of the columns, in order."""
    return pa.schema([(name, kind) for name, (kind, _) in columns.items()])
