"""The types that a contract can give to an SNDS column."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class ColumnType:
    """How a type is stored and shown.

    Attributes:
        arrow: the type of the stored column.
        meaning: what a steward reads in the UI.
        pattern: what the whole normalised text must look like; None takes any text.
        missing: texts that stand for "no value" in this type, after normalisation.
        minimum, maximum: bounds of a number, where a contract says none.
        of_a_person: values are an identifier or a date of a person, so they never leave the table
            (not in the quarantine, not in a log).
    """

    arrow: pa.DataType
    meaning: str
    pattern: str | None = None
    missing: frozenset[str] = frozenset()
    of_a_person: bool = False
    minimum: int | None = None
    maximum: int | None = None


COLUMN_TYPES: Mapping[str, ColumnType] = {
    "text": ColumnType(pa.string(), "text, without blanks at its ends"),
    # The longest code is a CIP of 13 digits; the pseudonyms of the SNDS have 17 characters, so none passes for a code.
    "code": ColumnType(pa.string(), "code: 1, 01 and 1.0 are the same code", pattern=r".{1,15}"),
    "pseudonym": ColumnType(pa.string(), "pseudonym of a person", of_a_person=True),
    "finess": ColumnType(
        pa.string(),
        "FINESS number of an establishment, its ninth character (Luhn key) added where only 8 were delivered",
        # facts: '00000000' stands for "not given" in DCIR (ETB_PRE_FIN, PFS_EXE_NUM)
        missing=frozenset({"0", "00000000", "000000000"}),
    ),
    "integer": ColumnType(pa.int64(), "whole number"),
    "decimal": ColumnType(pa.float64(), "number, with a decimal comma or point"),
    # DCIR and IR_BEN_R write a missing date as 1600-01-01; some sources use year 1 (HDH documentation, 2024)
    "date": ColumnType(
        pa.date32(), "date", missing=frozenset({"1600-01-01", "0001-01-01"}), of_a_person=True
    ),
    "year": ColumnType(pa.int64(), "year", of_a_person=True),
    "month": ColumnType(
        pa.int64(), "month, 1 to 12", missing=frozenset({"0"}), of_a_person=True, minimum=1, maximum=12
    ),
    "year_month": ColumnType(
        pa.int64(), "year and month as YYYYMM", missing=frozenset({"160001", "101"}), of_a_person=True
    ),
}  # fmt: skip

DATE_FORMATS: Mapping[str, str] = {
    # name in a contract or a report: shape of the text (regular expression over the whole text, without time of day)
    "yyyy-mm-dd": r"\d{4}-\d{2}-\d{2}",
    "dd/mm/yyyy": r"\d{2}/\d{2}/\d{4}",
    "date9": r"\d{2}[A-Za-zÀ-ÿ]{3,4}\.?\d{4}",  # SAS: 04JUL2013, DATETIME20 04JUL2013:00:00:00, French months too
    "ddmmyyyy": r"(?:0?[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:1[6-9]|20|21)\d{2}",
    "yyyymmdd": r"(?:1[6-9]|20|21)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",
    "yyyymm": r"(?:1[6-9]|20|21)\d{2}(?:0[1-9]|1[0-2])",
    "mmyyyy": r"(?:0?[1-9]|1[0-2])(?:1[6-9]|20|21)\d{2}",
}
"""How dates (and year_month, the last two) are written in deliveries: one format per column and file, found from the
data (SCALPEL's schemas show all of them in one delivery)."""
