"""Every fault that is known, and how one is done."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from snds_omop_assets.contracts.snds_tables import FLOW_MONTH
from snds_omop_assets.errors import SettingsError
from snds_omop_assets.synthetic.faults.bytes_of_files import (
    by_line,
    compress,
    copied,
    cut_in_half,
    cut_last_line,
    every,
    first_twice,
    in_text,
    in_utf16,
    one_less,
    one_more,
    repeat_header,
    third_line,
)
from snds_omop_assets.synthetic.faults.dates import exchanged, in_months, not_given, years_later, zeros
from snds_omop_assets.synthetic.faults.kinds import REFUSED, RESERVES, UNCLAIMED, UNUSABLE, Fault
from snds_omop_assets.synthetic.faults.rows_of_tables import (
    always,
    as_a_spreadsheet,
    every_row,
    in_dcir,
    in_rows,
    other_values,
    pseudonym_elsewhere,
    repeated,
    without,
)
from snds_omop_assets.synthetic.faults.volumes import FROM_OCTOBER, JUNE, cliff_in_lines, hole_in_stays
from snds_omop_assets.synthetic.faults.whole_files import hospital_patients, in_file, not_delivered, wrong_table

CARE = ("EXE_SOI_DTD", "EXE_SOI_DTF")

FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        # the file
        Fault("last-line-cut", "The second half of the last line of ER_PRS_F is missing, as after a transfer that was "
              "interrupted.", UNUSABLE, REFUSED, in_text("ER_PRS_F", cut_last_line)),
        Fault("few-ragged-rows", "3 % of the rows of ER_PHA_F have a value too many, as where a value has a semicolon "
              "and no quotes.", RESERVES, "rejects", in_text("ER_PHA_F", by_line(every(30, one_more)))),
        Fault("many-ragged-rows", "Every second row of ER_PHA_F lacks its last value, as where two exports with other "
              "columns were put together.", UNUSABLE, "rejects", in_text("ER_PHA_F", by_line(every(2, one_less)))),
        Fault("header-repeated", "The header of IR_BEN_R stands again in the middle, as where two files were put one "
              "behind the other.", RESERVES, "files", in_text("IR_BEN_R", repeat_header)),
        Fault("no-header", "IR_BEN_R begins with its first row, as tools export that leave the header out.", UNUSABLE,
              REFUSED, in_text("IR_BEN_R", by_line(lambda number, line: line if number else b""))),
        Fault("nul-byte", "A byte of ER_CAM_F is 0, as disks and transfers that fail leave it.", UNUSABLE, REFUSED,
              in_text("ER_CAM_F", by_line(third_line(lambda line: line[:-2] + b"\0\n")))),
        Fault("quote-not-closed", "A value of IR_IMB_R begins with a quote that is never closed, as a typed text may.",
              UNUSABLE, REFUSED, in_text("IR_IMB_R", by_line(third_line(lambda line: b'"' + line)))),
        Fault("carriage-returns-alone", "The lines of IR_IMB_R end as on old Macs.", UNUSABLE, REFUSED,
              in_text("IR_IMB_R", by_line(lambda _, line: line.replace(b"\n", b"\r")))),
        Fault("utf-16", "IR_IMB_R is written in UTF-16, as some Windows programs export.", UNUSABLE, REFUSED,
              in_text("IR_IMB_R", by_line(in_utf16))),
        Fault("gzip-under-csv", "T_MCO_A is compressed and still named .CSV, as where a program compresses on its own.",
              UNUSABLE, REFUSED, in_text("T_MCO_A", compress)),
        Fault("gzip-cut", "ER_PHA_F comes compressed, and the second half of the archive is missing, as after a "
              "transfer that was interrupted.", UNUSABLE, REFUSED,
              in_text("ER_PHA_F", compress, lambda name: f"{name}.GZ", then=cut_in_half)),
        Fault("parquet-under-csv", "ER_PHA_F is a Parquet file named .CSV, as where a file was given another name by "
              "hand.", UNUSABLE, REFUSED,
              in_file("ER_PHA_F", lambda path: path.replace(path.with_suffix(".CSV")), parquet=True)),
        Fault("parquet-cut", "ER_PHA_F comes as Parquet, and the second half is missing, as after a transfer that was "
              "interrupted.", UNUSABLE, REFUSED,
              in_file("ER_PHA_F", lambda path: copied(path, path, cut_in_half), parquet=True)),
        Fault("wrong-table", "The file named IR_BEN_R holds IR_IMB_R, as where files are named by hand.", UNUSABLE,
              REFUSED, wrong_table),
        Fault("column-twice", "The first column of ER_PRS_F stands again at its end, as where a query joins two tables "
              "that both have it.", UNUSABLE, REFUSED, in_text("ER_PRS_F", by_line(first_twice))),
        Fault("empty-file", "IR_BEN_R has no byte, as where an export failed.", UNUSABLE, REFUSED,
              in_file("IR_BEN_R", lambda path: copied(path, path, lambda given, written: None))),
        Fault("header-only", "T_MCO_C has its header and no row, as where a query found nothing.", UNUSABLE, REFUSED,
              in_rows("T_MCO_C", lambda rows: rows.clear())),
        Fault("file-twice", "IR_BEN_R comes again as its second part, as where a folder was copied twice.", RESERVES,
              "files", in_file("IR_BEN_R", lambda path: copied(path, path.with_stem(f"{path.stem}_2")))),
        Fault("file-of-no-table", "LISEZ_MOI.PDF, which is no table, lies among the files.", RESERVES, UNCLAIMED,
              lambda folder: (folder / "LISEZ_MOI.PDF").write_bytes(b"%PDF-1.4\n")),
        Fault("lines-not-delivered", "ER_PRS_F of the last year is not delivered, its details (ER_PHA_F and others) "
              "are, as where a file was forgotten.", RESERVES, "parents_exist", not_delivered("ER_PRS_F", last=True)),
        Fault("persons-not-delivered", "IR_BEN_R is not delivered, as where an authorisation does not name it.",
              RESERVES, "patients", not_delivered("IR_BEN_R")),
        # columns and values
        Fault("key-column-missing", "T_MCO_B has no RSA_NUM, as where a query selects columns by hand.", UNUSABLE,
              REFUSED, in_rows("T_MCO_B", lambda rows: rows.drop("RSA_NUM"))),
        Fault("few-wrong-dates", "2 % of EXE_SOI_DTD in ER_PRS_F have zeros for figures, as some databases write that "
              "there is no date.", RESERVES, "rejects", in_rows("ER_PRS_F", other_values(CARE[:1], zeros, one_of=50))),
        Fault("many-wrong-dates", "Half of EXE_SOI_DTD in ER_PRS_F have zeros for figures, as where a conversion of "
              "dates failed.", UNUSABLE, "rejects", in_rows("ER_PRS_F", other_values(CARE[:1], zeros, one_of=2))),
        Fault("end-before-beginning", "5 % of the care in ER_PRS_F ends a year before it begins, as where a year was "
              "typed.", RESERVES, "rejects", in_rows("ER_PRS_F", other_values(CARE[1:], years_later(-1), one_of=20))),
        Fault("dates-not-given", "5 % of the care in ER_PRS_F is of 1 January 1600, which stands for no date.",
              RESERVES, "dates_not_given", in_rows("ER_PRS_F", other_values(CARE, not_given, one_of=20))),
        Fault("codes-outside", "A tenth of PRS_NAT_REF in ER_PRS_F is 8888, which its nomenclature does not have, as "
              "where a code is new.", RESERVES, "nomenclatures",
              in_rows("ER_PRS_F", other_values(["PRS_NAT_REF"], always("8888"), one_of=10))),
        Fault("communes-unknown", "A fifth of BEN_RES_COM in IR_BEN_R is 999, as where addresses were left out.",
              RESERVES, "communes", in_rows("IR_BEN_R", other_values(["BEN_RES_COM"], always("999"), one_of=5))),
        Fault("nir-not-certified", "A fifth of BEN_CDI_NIR in IR_BEN_R is 01, a fictitious NIR.", RESERVES,
              "certified_nir", in_rows("IR_BEN_R", other_values(["BEN_CDI_NIR"], always("01"), one_of=5))),
        Fault("return-codes-wrong", "A sixth of the stays of T_MCO_C has NIR_RET 1, as where hospitals send wrong "
              "numbers.", RESERVES, "return_codes",
              in_rows("T_MCO_C", other_values(["NIR_RET"], always("1"), one_of=6))),
        Fault("too-many-corrections", "A sixth of the lines of ER_PRS_F has a negative quantity, as where corrections "
              "came without what they correct.", RESERVES, "negative_lines",
              in_rows("ER_PRS_F", other_values(["PRS_ACT_QTE"], always("-1"), one_of=6))),
        # keys and parents
        Fault("rows-twice", "1 % of the rows of ER_PRS_F are there twice, as where a transfer was taken up again.",
              RESERVES, "files", in_rows("ER_PRS_F", repeated([], str, one_of=100))),
        Fault("key-twice", "Some keys of ER_PRS_F come again with another amount, as where two states of a database "
              "were put together.", UNUSABLE, "key_is_unique",
              in_rows("ER_PRS_F", repeated(["PRS_PAI_MNT"], always("99999.00"), one_of=500))),
        Fault("stay-with-two-patients", "Some stays of T_MCO_C come again with another patient, as where a stay was "
              "sent again after a correction.", UNUSABLE, "key_is_unique",
              in_rows("T_MCO_C", repeated(["NIR_ANO_17"], pseudonym_elsewhere, one_of=200))),
        Fault("few-details-without-parent", "One of 200 rows of ER_PHA_F has no line in ER_PRS_F, as where both were "
              "extracted one day apart.", RESERVES, "parents_exist",
              in_rows("ER_PHA_F", other_values(["DCT_ORD_NUM"], always("999999999"), one_of=200))),
        Fault("many-details-without-parent", "A tenth of the rows of ER_PHA_F has no line in ER_PRS_F, as where they "
              "were extracted for other persons.", UNUSABLE, "parents_exist",
              in_rows("ER_PHA_F", other_values(["DCT_ORD_NUM"], always("999999999"), one_of=10))),
        Fault("stays-without-patient", "A twentieth of the stays of T_MCO_B is not in T_MCO_C, as where stays without "
              "a valid number were left out.", UNUSABLE, "one_to_one", in_rows("T_MCO_C", without(every_row(20)))),
        Fault("patients-without-stay", "A twentieth of the stays of T_MCO_C is not in T_MCO_B, as where the two were "
              "extracted one after the other.", UNUSABLE, "parents_exist", in_rows("T_MCO_B", without(every_row(20)))),
        Fault("zeros-lost", "RSA_NUM has lost the zeros before it in T_MCO_C, as in a spreadsheet.", UNUSABLE,
              "parents_exist", in_rows("T_MCO_C", other_values(["RSA_NUM"], lambda number: number.lstrip("0")))),
        Fault("finess-rounded", "ETA_NUM is written as 7.5E+08 in T_MCO_C, as in a spreadsheet.", UNUSABLE,
              "parents_exist", in_rows("T_MCO_C", other_values(["ETA_NUM"], as_a_spreadsheet))),
        # months and years
        Fault("month-of-flow-missing", "ER_PRS_F and its details have no line of the flow of June, as where the file "
              "of a month was forgotten.", RESERVES, "flow_months", in_dcir(without(in_months(FLOW_MONTH, JUNE)))),
        Fault("year-incomplete", "ER_PRS_F and its details end in September of the last year, as where the extraction "
              "came before the year was closed.", RESERVES, "flow_months",
              in_dcir(without(in_months(FLOW_MONTH, FROM_OCTOBER)), last=True)),
        Fault("flow-of-another-year", "The files of ER_PRS_F and its details hold the flows of the year before that of "
              "their name, as where files are named by hand.", UNUSABLE, "flow_months",
              in_dcir(other_values([FLOW_MONTH], years_later(-1)))),
        Fault("days-and-months-exchanged", "FLX_DIS_DTD has the month for the day and the day for the month in "
              "ER_PRS_F and its details, as an American program writes dates.", UNUSABLE, "flow_months",
              in_dcir(other_values([FLOW_MONTH], exchanged))),
        Fault("care-after-its-flow", "3 % of the care in ER_PRS_F is of two years later, after the flow that brings "
              "it, as where a year was typed.", RESERVES, "delays",
              in_rows("ER_PRS_F", other_values(CARE, years_later(2), one_of=33))),
        Fault("stays-of-another-year", "5 % of the stays of T_MCO_C end in the year after that of their file.",
              RESERVES, "care_year", in_rows("T_MCO_C", other_values(CARE[1:], years_later(1), one_of=20))),
        Fault("pmsi-of-another-year", "All stays of T_MCO_C are of the year before that of their file, as where files "
              "are named by hand.", UNUSABLE, "care_year", in_rows("T_MCO_C", other_values(CARE, years_later(-1)))),
        Fault("hole-in-stays", "No table of the stays has one that began in June (T_MCO_B, T_MCO_C and others), as "
              "where a month of the sending was lost.", RESERVES, "volumes", hole_in_stays),
        Fault("cliff-in-volume", "From September on ER_PRS_F and its details have a third of their lines, as where one "
              "of the schemes stopped sending.", RESERVES, "volumes", cliff_in_lines),
        # patients
        Fault("pseudonyms-of-another-delivery", "Every pseudonym of T_MCO_C is that of another delivery: pseudonyms "
              "change with each.", UNUSABLE, "patients", hospital_patients(pseudonym_elsewhere)),
        Fault("pseudonyms-cut", "The pseudonyms of T_MCO_C lack their last two characters, as where a column is too "
              "narrow for them.", UNUSABLE, "patients", hospital_patients(lambda pseudonym: pseudonym[:-2])),
        Fault("persons-missing", "A quarter of the persons is not in IR_BEN_R, as where it was extracted for another "
              "population.", RESERVES, "patients", in_rows("IR_BEN_R", without(every_row(4)))),
    )
}  # fmt: skip
"""Every fault, by its name."""


def spoil(folder: Path, name: str) -> Fault:
    """Spoil the delivery in a folder, in place.

    Args:
        folder: the delivery.
        name: a name of FAULTS.

    Returns:
        The fault, which says what was done and what reception must say of it.

    Raises:
        SettingsError: there is no such fault, or this delivery has not what it needs.
    """
    found = fault(name)
    try:
        found.spoil(folder)
    except pl.exceptions.ColumnNotFoundError as error:
        column = re.search(r'"(\w+)"', str(error))
        raise SettingsError(
            f"The delivery has no column {column[1] if column else ''}, which the fault {name} spoils: choose another "
            f"fault."
        ) from None
    return found


def fault(name: str) -> Fault:
    """A fault by its name.

    Raises:
        SettingsError: there is no such fault.
    """
    if (found := FAULTS.get(name)) is None:
        close = get_close_matches(name, FAULTS, cutoff=0.5)
        meant = f" Did you mean {' or '.join(close)}?" if close else ""
        raise SettingsError(f"There is no fault {name!r}.{meant} `snds-omop synth --list-faults` lists them all.")
    return found
