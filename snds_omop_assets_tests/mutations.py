"""Faults that a delivery may have, and harmless ways in which deliveries differ: each done to a copy of the good one.

`python -m snds_omop_assets_tests.mutations` writes the table of them into docs/reception.md.
"""

import gzip
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.contracts.snds_tables import SndsTable
from snds_omop_assets.reception.findings import Status
from snds_omop_assets.settings import PROJECT
from snds_omop_assets_tests.good_delivery import LINES_A_MONTH, MARK, STAYS_A_MONTH, File, good_files, prs_file

USABLE, RESERVES, UNUSABLE = Status.USABLE, Status.RESERVES, Status.UNUSABLE

PRS, PHA, CAM, ETE = "ER_PRS_F_2019.csv", "ER_PHA_F_2019.csv", "ER_CAM_F_2019.csv", "ER_ETE_F_2019.csv"
DCIR, DETAILS = (PRS, PHA, CAM, ETE), (PHA, CAM, ETE)
DETAIL_TABLES = ("ER_PHA_F", "ER_CAM_F", "ER_ETE_F")
PMSI = ("T_MCO19A.csv", "T_MCO19B.csv", "T_MCO19C.csv", "T_MCO19D.csv")
PATIENTS = "patients"

ERROR, UNCLAIMED = "error", "unclaimed"
"""What tells a fault, beside the checks: the table is refused, or the file is named as one that no table claims."""

PAGE = PROJECT / "docs" / "reception.md"
BEGIN, END = "<!-- mutations -->", "<!-- end of mutations -->"

Apply = Callable[[Path], None]


@dataclass(frozen=True)
class Mutation:
    """One change of the good delivery, and what must be said of it.

    Attributes:
        name: in a few words.
        what: what was done.
        apply: does it to a copy of the good delivery.
        verdict: on the delivery.
        told_by: name of the check, ERROR or UNCLAIMED; empty for a harmless variation.
        says: regular expression that the sentence must match.
        table: the table that is told; empty for several.
        also: tables that cannot be used either, as a consequence.
        compared: the good delivery was received before, and is compared with.
        before: makes another delivery before of the good one, with which this one is compared.
        during: done while the table is read.
    """

    name: str
    what: str
    apply: Apply
    verdict: Status = USABLE
    told_by: str = ""
    says: str = ""
    table: str = ""
    also: tuple[str, ...] = ()
    compared: bool = False
    before: Apply | None = None
    during: Apply | None = None


FAULTS: list[Mutation] = []
VARIATIONS: list[Mutation] = []


def fault(
    name: str,
    what: str,
    verdict: Status,
    told_by: str,
    says: str,
    table: str = "",
    also: tuple[str, ...] = (),
    compared: bool = False,
    before: Apply | None = None,
    during: Apply | None = None,
) -> Callable[[Apply], Apply]:
    """Add the function to FAULTS."""

    def add(apply: Apply) -> Apply:
        FAULTS.append(Mutation(name, what, apply, verdict, told_by, says, table, also, compared, before, during))
        return apply

    return add


def variation(name: str, what: str, compared: bool = True) -> Callable[[Apply], Apply]:
    """Add the function to VARIATIONS."""

    def add(apply: Apply) -> Apply:
        VARIATIONS.append(Mutation(name, what, apply, compared=compared))
        return apply

    return add


# --- writing ------------------------------------------------------------------------------------------------------


def put(folder: Path, name: str, content: bytes | str) -> None:
    """Write a file anew: what lies there may be a link to the good one."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def edit(folder: Path, name: str, change: Callable[[File], object]) -> None:
    """Change the rows of a good file."""
    file = good_files()[name].copy()
    change(file)
    put(folder, name, file.text())


def edit_all(folder: Path, change: Callable[[str, File], object], names: Iterable[str] | None = None) -> None:
    """Change the rows of every good file, or of these."""
    for name in good_files() if names is None else names:
        edit(folder, name, lambda file, name=name: change(name, file))


def rewrite(folder: Path, written: Callable[[str], bytes | str], names: Iterable[str] | None = None) -> None:
    """Write the text of every good file, or of these, otherwise."""
    for name in good_files() if names is None else names:
        put(folder, name, written(good_files()[name].text()))


def rename(folder: Path, named: Callable[[str], str], names: Iterable[str] | None = None) -> None:
    """Give the files other names."""
    for name in good_files() if names is None else names:
        target = folder / named(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(target)


def zipped(path: Path, texts: Mapping[str, str]) -> None:
    """Write an archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)


def keep(file: File, kept: Callable[[int, list[str]], object]) -> None:
    """Keep the rows, by number and values."""
    file.rows = [row for number, row in enumerate(file.rows) if kept(number, row)]


def plain(file: File) -> list[list[str]]:
    """The rows of a good ER_PRS_F that have no detail row."""
    return [row for number, row in enumerate(file.rows) if number % LINES_A_MONTH % 10 >= 6]


def drop(file: File, column: str) -> None:
    """Take a column away."""
    place = file.place(column)
    file.header.pop(place)
    for row in file.rows:
        row.pop(place)


def append(file: File, column: str, value: str) -> None:
    """Add a column."""
    file.header.append(column)
    for row in file.rows:
        row.append(value)


def contract_of(name: str) -> SndsTable:
    """The contract of a file."""
    return next(
        table for table in official_tables().values() if table.file_pattern.fullmatch(name.split(".", maxsplit=1)[0])
    )


def lines_of(name: str) -> list[str]:
    """The lines of a good file, the header first."""
    return good_files()[name].text().splitlines()


# --- the file -----------------------------------------------------------------------------------------------------


@fault("last line cut", "the last 40 bytes of ER_PRS_F are missing", UNUSABLE, ERROR,
       r"ER_PRS_F_2019\.csv ends in the middle of line 3001 .*transfer was cut", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    put(folder, PRS, good_files()[PRS].text()[:-40])


@fault("few ragged rows", "3 % of the rows of ER_PHA_F have a value too many", RESERVES, "rejects",
       r"Up to 3\.\d% .*14 values where the header has 13 \(40 rows\)", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PHA, lambda file: [row.append("0") for row in file.rows[::30]])


@fault("many ragged rows", "every second row of ER_PHA_F lacks a value", UNUSABLE, "rejects",
       r"Up to 50\.0% .*12 values where the header has 13.*written otherwise", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PHA, lambda file: [row.pop() for row in file.rows[::2]])


@fault("separators in values", "4 of the 57 labels of IR_SPE_V have a semicolon and no quotes", RESERVES, "rejects",
       r"Up to 7\.0% .*3 values where the header has 2 \(4 rows\)", "IR_SPE_V")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "IR_SPE_V.csv", lambda file: [row.append("ET AUTRES") for row in file.rows[10:14]])


@fault("two headers", "the header of IR_BEN_R stands again in the middle", RESERVES, "files",
       r"header is repeated \(1 line\)", "IR_BEN_R")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "IR_BEN_R.csv", lambda file: file.rows.insert(200, list(file.header)))


@fault("no header", "IR_BEN_R begins with its first row", UNUSABLE, ERROR,
       r"IR_BEN_R\.csv.*add (it|the header line)", "IR_BEN_R")  # fmt: skip
def _(folder: Path) -> None:
    put(folder, "IR_BEN_R.csv", "\n".join(lines_of("IR_BEN_R.csv")[1:]) + "\n")


@fault("NUL byte", "a byte of ER_CAM_F is 0", UNUSABLE, ERROR,
       r"ER_CAM_F_2019\.csv is not a text file \(line 3 holds a NUL byte\)", "ER_CAM_F")  # fmt: skip
def _(folder: Path) -> None:
    lines = lines_of(CAM)
    put(folder, CAM, "\n".join([*lines[:2], lines[2][:-1] + "\0", *lines[3:]]) + "\n")


@fault("UTF-16", "IR_IMB_R is written in UTF-16, as some Windows programs export", UNUSABLE, ERROR,
       r"IR_IMB_R\.csv is not a text file", "IR_IMB_R")  # fmt: skip
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.encode("utf-16"), ["IR_IMB_R.csv"])


@fault("carriage returns alone", "the lines of IR_IMB_R end as on old Macs", UNUSABLE, ERROR,
       r"IR_IMB_R\.csv ends its lines with a carriage return alone", "IR_IMB_R")  # fmt: skip
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.replace("\n", "\r"), ["IR_IMB_R.csv"])


@fault("gzip under .csv", "T_MCO19A is compressed and named .csv", UNUSABLE, ERROR,
       r"T_MCO19A\.csv is not a text file: it holds gzip data: name it \.csv\.gz", "T_MCO_A")  # fmt: skip
def _(folder: Path) -> None:
    rewrite(folder, lambda text: gzip.compress(text.encode()), ["T_MCO19A.csv"])


@fault("Parquet under .csv", "ER_ETE_F is a Parquet file named .csv", UNUSABLE, ERROR,
       r"ER_ETE_F_2019\.csv is not a text file: it holds Parquet data", "ER_ETE_F")  # fmt: skip
def _(folder: Path) -> None:
    put(folder, ETE, parquet_bytes(ETE))


@fault("spreadsheet under .csv", "IR_IMB_R begins as a workbook does", UNUSABLE, ERROR,
       r"IR_IMB_R\.csv is not a text file: it holds a zip archive \(or a spreadsheet\)", "IR_IMB_R")  # fmt: skip
def _(folder: Path) -> None:
    (folder / "IR_IMB_R.csv").unlink()
    zipped(folder / "IR_IMB_R.csv", {"xl/workbook.xml": "<workbook/>"})


@fault("spreadsheet", "IR_IMB_R comes as IR_IMB_R.xlsx", RESERVES, UNCLAIMED, r"IR_IMB_R\.xlsx")
def _(folder: Path) -> None:
    (folder / "IR_IMB_R.csv").unlink()
    zipped(folder / "IR_IMB_R.xlsx", {"xl/workbook.xml": "<workbook/>"})


@fault("gzip cut", "the second half of ER_PHA_F_2019.csv.gz is missing", UNUSABLE, ERROR,
       r"ER_PHA_F_2019\.csv\.gz is cut or broken", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    (folder / PHA).unlink()
    whole = gzip.compress(good_files()[PHA].text().encode())
    put(folder, f"{PHA}.gz", whole[: len(whole) // 2])


@fault("zip cut", "the second half of ER_PHA_F_2019.zip is missing", UNUSABLE, ERROR,
       r"ER_PHA_F_2019\.zip.* is cut or broken", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    (folder / PHA).unlink()
    zipped(folder / "ER_PHA_F_2019.zip", {PHA: good_files()[PHA].text()})
    whole = (folder / "ER_PHA_F_2019.zip").read_bytes()
    put(folder, "ER_PHA_F_2019.zip", whole[: len(whole) // 2])


@fault("zip broken inside", "bytes in the middle of ER_PHA_F_2019.zip are wrong", UNUSABLE, ERROR,
       r"ER_PHA_F_2019\.zip!ER_PHA_F_2019\.csv is cut or broken", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    (folder / PHA).unlink()
    zipped(folder / "ER_PHA_F_2019.zip", {PHA: good_files()[PHA].text()})
    whole = (folder / "ER_PHA_F_2019.zip").read_bytes()
    middle = len(whole) // 2
    put(folder, "ER_PHA_F_2019.zip", whole[:middle] + bytes(64) + whole[middle + 64 :])


@fault("zip with a password", "ER_PHA_F_2019.zip is encrypted", UNUSABLE, ERROR,
       r"ER_PHA_F_2019\.zip!ER_PHA_F_2019\.csv .*(password|encrypted)", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    put_zip_marked(folder, flag=1)


@fault(
    "zip of another method",
    "ER_PHA_F_2019.zip is compressed with Deflate64, as Windows does above 2 GB",
    UNUSABLE,
    ERROR,
    r"ER_PHA_F_2019\.zip!ER_PHA_F_2019\.csv ",
    "ER_PHA_F",
)
def _(folder: Path) -> None:
    put_zip_marked(folder, method=9)


def put_zip_marked(folder: Path, flag: int = 0, method: int = zipfile.ZIP_DEFLATED) -> None:
    """An archive whose headers say that its member is encrypted, or compressed otherwise."""
    (folder / PHA).unlink()
    zipped(folder / "ER_PHA_F_2019.zip", {PHA: good_files()[PHA].text()})
    content = bytearray((folder / "ER_PHA_F_2019.zip").read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        begin = content.index(signature) + place
        content[begin] |= flag
        content[begin + 2] = method
    put(folder, "ER_PHA_F_2019.zip", bytes(content))


@fault("Parquet cut", "the second half of ER_ETE_F_2019.parquet is missing", UNUSABLE, ERROR,
       r"ER_ETE_F_2019\.parquet is not a whole Parquet file", "ER_ETE_F")  # fmt: skip
def _(folder: Path) -> None:
    (folder / ETE).unlink()
    whole = parquet_bytes(ETE)
    put(folder, "ER_ETE_F_2019.parquet", whole[: len(whole) // 2])


@fault("another table under this name", "IR_BEN_R.csv holds IR_IMB_R", UNUSABLE, ERROR,
       r"IR_BEN_R\.csv is named as a file of IR_BEN_R and has the columns of IR_IMB_R", "IR_BEN_R")  # fmt: skip
def _(folder: Path) -> None:
    put(folder, "IR_BEN_R.csv", good_files()["IR_IMB_R.csv"].text())


@fault(
    "another detail table under this name",
    "ER_CAM_F_2019.csv holds ER_PHA_F, which has the same key",
    UNUSABLE,
    ERROR,
    r"ER_CAM_F_2019\.csv is named as a file of ER_CAM_F and has the columns of ER_PHA_F",
    "ER_CAM_F",
)
def _(folder: Path) -> None:
    put(folder, CAM, good_files()[PHA].text())


@fault("column twice", "PRS_PAI_MNT stands twice in the header of ER_PRS_F", UNUSABLE, ERROR,
       r"ER_PRS_F_2019\.csv has the same column twice", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: append(file, "PRS_PAI_MNT", "1.00"))


@fault("empty file", "IR_BEN_R has no byte", UNUSABLE, ERROR, r"IR_BEN_R\.csv is empty", "IR_BEN_R")
def _(folder: Path) -> None:
    put(folder, "IR_BEN_R.csv", b"")


@fault("header only", "T_MCO19C has a header and no row", UNUSABLE, ERROR,
       r"T_MCO19C\.csv has a header and no row", "T_MCO_C")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19C.csv", lambda file: file.rows.clear())


def still_arriving(folder: Path) -> None:
    """A line arrives."""
    with (folder / "IR_BEN_R.csv").open("a", encoding="utf-8") as file:
        file.write(lines_of("IR_BEN_R.csv")[1] + "\n")


@fault("file still arriving", "a line is added to IR_BEN_R while it is read", UNUSABLE, ERROR,
       r"IR_BEN_R\.csv changed while it was read", "IR_BEN_R", during=still_arriving)  # fmt: skip
def _(folder: Path) -> None:
    put(folder, "IR_BEN_R.csv", good_files()["IR_BEN_R.csv"].text())


@fault("two encodings in a file", "half of the lines of T_MCO19E are in UTF-8, half in Windows-1252", RESERVES, "files",
       r"encoding", "T_MCO_E")  # fmt: skip
def _(folder: Path) -> None:
    lines = lines_of("T_MCO19E.csv")
    put(folder, "T_MCO19E.csv",
        b"".join(f"{line}\n".encode("utf-8" if n % 2 else "cp1252") for n, line in enumerate(lines)))  # fmt: skip


@fault("quote not closed", "a name in T_MCO19E begins with a quote that is never closed", UNUSABLE, ERROR,
       r"T_MCO19E\.csv: a value that begins in line 3 runs over several lines", "T_MCO_E")  # fmt: skip
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.replace(";CLINIQUE", ';"CLINIQUE', 1), ["T_MCO19E.csv"])


@fault("line break in a value", "a quoted name in T_MCO19E runs over two lines", UNUSABLE, ERROR,
       r"T_MCO19E\.csv: a value that begins in line 3 runs over several lines", "T_MCO_E")  # fmt: skip
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.replace("CLINIQUE DU FRÊNE", '"CLINIQUE\nDU FRÊNE"', 1), ["T_MCO19E.csv"])


@fault("file of no table", "lisez_moi.pdf and ER_PRS_F_old.csv lie in the folder", RESERVES, UNCLAIMED,
       r"ER_PRS_F_old\.csv.*lisez_moi\.pdf")  # fmt: skip
def _(folder: Path) -> None:
    put(folder, "lisez_moi.pdf", b"%PDF")
    put(folder, "ER_PRS_F_old.csv", good_files()[PRS].text())


# --- columns and values -------------------------------------------------------------------------------------------


@fault("key column missing", "T_MCO19B has no RSA_NUM", UNUSABLE, ERROR,
       r"T_MCO19B\.csv lacks the required column RSA_NUM", "T_MCO_B")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19B.csv", lambda file: drop(file, "RSA_NUM"))


@fault("few key values missing", "5 % of the rows of ER_PHA_F have no PRS_ORD_NUM", RESERVES, "rejects",
       r"Up to 5\.0% .*PRS_ORD_NUM: required value is missing \(60 rows\)", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PHA, lambda file: file.set("PRS_ORD_NUM", "", file.rows[::20]))


@fault("many key values missing", "a third of the rows of IR_BEN_R have no pseudonym", UNUSABLE, "rejects",
       r"BEN_NIR_PSA: required value is missing", "IR_BEN_R")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "IR_BEN_R.csv", lambda file: file.set("BEN_NIR_PSA", "", file.rows[1::3]))


@fault("few wrong dates", "2 % of EXE_SOI_DTD in ER_PRS_F are no dates", RESERVES, "rejects",
       r"EXE_SOI_DTD: does not parse as date \(60 rows\)", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("EXE_SOI_DTD", "31/02/2019", file.rows[::50]))


@fault("10 000 wrong dates", "10 000 of 12 000 EXE_SOI_DTD of a larger ER_PRS_F have a month 13", UNUSABLE, "rejects",
       r"EXE_SOI_DTD: does not parse as date \(10000 rows\)", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    file = prs_file(2019, 1000)
    file.set("EXE_SOI_DTD", "01/13/2019", file.rows[:10_000])
    put(folder, PRS, file.text())


@fault("dates in an unknown format", "all EXE_SOI_DTD of ER_PRS_F are written 2019.01.31", UNUSABLE, "rejects",
       r"Up to 100\.0% .*EXE_SOI_DTD: does not parse as date", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("EXE_SOI_DTD", lambda day: ".".join(reversed(day.split("/")))))


@fault("texts in amounts", "5 % of PRS_PAI_MNT are written 12,50 EUR", RESERVES, "rejects",
       r"PRS_PAI_MNT: does not parse as decimal \(150 rows\)", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("PRS_PAI_MNT", "12,50 EUR", file.rows[::20]))


@fault("end before beginning", "5 % of the care in ER_PRS_F ends a year before it begins", RESERVES, "rejects",
       r"EXE_SOI_DTF: before EXE_SOI_DTD \(150 rows\)", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(
        folder, PRS, lambda file: file.set("EXE_SOI_DTF", lambda day: day[:6] + str(int(day[6:]) - 1), file.rows[::20])
    )


@fault("birth years wrong", "a quarter of BEN_NAI_ANN in IR_BEN_R have two digits", UNUSABLE, "rejects",
       r"BEN_NAI_ANN: less than 1850", "IR_BEN_R")  # fmt: skip
def _(folder: Path) -> None:
    edit(
        folder,
        "IR_BEN_R.csv",
        lambda file: file.set("BEN_NAI_ANN", lambda year: f"{max(int(year[2:]), 2)}", file.rows[::4]),
    )


@fault("dates of care not given", "5 % of the care in ER_PRS_F is of 01/01/1600", RESERVES, "dates_not_given",
       r"5\.0% of the rows have no EXE_SOI_DTD \(1600-01-01", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    def change(file: File) -> None:
        for column in ("EXE_SOI_DTD", "EXE_SOI_DTF"):
            file.set(column, "01/01/1600", file.rows[::20])

    edit(folder, PRS, change)


@fault("codes outside their nomenclature", "a tenth of PRS_NAT_REF in ER_PRS_F is 8888", RESERVES, "nomenclatures",
       r"PRS_NAT_REF \(10\.0%: 8888\)", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("PRS_NAT_REF", "8888", file.rows[::10]))


@fault("communes unknown", "a fifth of BEN_RES_COM in IR_BEN_R is 999", RESERVES, "communes",
       r"no known commune", "IR_BEN_R")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "IR_BEN_R.csv", lambda file: file.set("BEN_RES_COM", "999", file.rows[::5]))


@fault("NIR not certified", "a fifth of BEN_CDI_NIR in IR_BEN_R is 01, fictitious", RESERVES, "certified_nir",
       r"Only 79\.\d% of the rows have a certified NIR", "IR_BEN_R")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "IR_BEN_R.csv", lambda file: file.set("BEN_CDI_NIR", "01", file.rows[::5]))


@fault("return codes wrong", "a sixth of the stays of T_MCO19C has NIR_RET 1", RESERVES, "return_codes",
       r"Only 8\d\.\d% of the rows have return codes that are all 0", "T_MCO_C")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19C.csv", lambda file: file.set("NIR_RET", "1", file.rows[::6]))


@fault("too many corrections", "a sixth of the lines of ER_PRS_F has a negative quantity", RESERVES, "negative_lines",
       r"1\d\.\d% of the lines have a negative quantity", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("PRS_ACT_QTE", "-1", file.rows[::6]))


@fault(
    "no correction",
    "none of the 12 000 lines of a larger ER_PRS_F has a negative quantity",
    RESERVES,
    "negative_lines",
    r"No line has a negative quantity",
    "ER_PRS_F",
)
def _(folder: Path) -> None:
    file = prs_file(2019, 1000)
    file.set("PRS_ACT_QTE", lambda quantity: quantity.lstrip("-"))
    put(folder, PRS, file.text())


# --- keys and parents ---------------------------------------------------------------------------------------------


@fault("parent missing", "ER_PRS_F of 2019 is not delivered, its details are", RESERVES, "parents_exist",
       r"ER_PRS_F of 2019 is not stored", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    (folder / PRS).unlink()


@fault("file twice", "ER_PRS_F_2019.csv comes again as ER_PRS_F_2019_2.csv", RESERVES, "files",
       r"copy of another.*ER_PRS_F_2019_2\.csv \(of ER_PRS_F_2019\.csv\)", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    put(folder, "ER_PRS_F_2019_2.csv", good_files()[PRS].text())


@fault("file and its archive", "ER_PHA_F_2019.csv comes again as ER_PHA_F_2019.csv.gz", RESERVES, "files",
       r"copy of another.*ER_PHA_F_2019\.csv\.gz \(of ER_PHA_F_2019\.csv\)", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    put(folder, "ER_PHA_F_2019.csv.gz", gzip.compress(good_files()[PHA].text().encode()))


@fault("file in two kinds", "ER_PHA_F of 2019 comes as CSV and as Parquet", RESERVES, "files",
       r"same name are there twice \(.*ER_PHA_F_2019\.parquet", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    put(folder, "ER_PHA_F_2019.parquet", parquet_bytes(PHA))


@fault("NULL in words", "pseudonyms of IR_IMB_R are the word NULL in 10 % of the rows", RESERVES, "rejects",
       r"BEN_NIR_PSA: required value is not given", "IR_IMB_R")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "IR_IMB_R.csv", lambda file: file.set("BEN_NIR_PSA", "NULL", file.rows[::10]))


@fault("whole and by year", "ER_PRS_F.csv comes beside the years of ER_PRS_F", UNUSABLE, ERROR,
       r"ER_PRS_F comes by year and as a whole", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    put(folder, "ER_PRS_F.csv", good_files()[PRS].text())


@fault("rows twice", "30 rows of ER_PRS_F are there twice", RESERVES, "files", r"30 rows removed", "ER_PRS_F")
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.rows.extend(file.rows[:30]))


@fault("key twice", "3 keys of ER_PRS_F come again with another amount", UNUSABLE, "key_is_unique",
       r"3 of 3003 rows repeat a key", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    def change(file: File) -> None:
        again = [list(row) for row in file.rows[:3]]
        file.set("PRS_PAI_MNT", "99999.00", again)
        file.rows += again

    edit(folder, PRS, change)


@fault(
    "older states of a person",
    "20 persons of IR_BEN_R have a second row with an older date",
    RESERVES,
    "key_is_unique",
    r"20 of 420 rows repeat a key.*older states",
    "IR_BEN_R",
)
def _(folder: Path) -> None:
    def change(file: File) -> None:
        again = [list(row) for row in file.rows[:20]]
        file.set("MAX_TRT_DTD", "31/12/2017", again)
        file.rows += again

    edit(folder, "IR_BEN_R.csv", change)


@fault("few details without parent", "5 of 1200 rows of ER_PHA_F have no line in ER_PRS_F", RESERVES, "parents_exist",
       r"5 of 1200 rows \(0\.42%\) have no row in ER_PRS_F", "ER_PHA_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PHA, lambda file: file.set("DCT_ORD_NUM", "999999", file.rows[:5]))


@fault(
    "many details without parent",
    "a tenth of the rows of ER_PHA_F has no line in ER_PRS_F",
    UNUSABLE,
    "parents_exist",
    r"120 of 1200 rows \(10\.00%\) have no row in ER_PRS_F",
    "ER_PHA_F",
)
def _(folder: Path) -> None:
    edit(folder, PHA, lambda file: file.set("DCT_ORD_NUM", "999999", file.rows[::10]))


@fault("few stays without patient", "3 of 2640 stays of T_MCO19B are not in T_MCO19C", RESERVES, "one_to_one",
       r"3 of 2640 rows of T_MCO_B have no row here", "T_MCO_C")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19C.csv", lambda file: keep(file, lambda number, row: number > 2))


@fault("many stays without patient", "a twentieth of the stays of T_MCO19B is not in T_MCO19C", UNUSABLE, "one_to_one",
       r"132 of 2640 rows of T_MCO_B have no row here", "T_MCO_C")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19C.csv", lambda file: keep(file, lambda number, row: number % 20))


@fault("patients without stay", "a twentieth of the stays of T_MCO19C is not in T_MCO19B", UNUSABLE, "parents_exist",
       r"132 of 2640 rows .* have no row in T_MCO_B", "T_MCO_C", also=("T_MCO_D",))  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19B.csv", lambda file: keep(file, lambda number, row: number % 20))


@fault("stay with two patients", "10 stays of T_MCO19C come again with another patient", UNUSABLE, "key_is_unique",
       r"10 of 2650 rows repeat a key \(ETA_NUM, RSA_NUM\)", "T_MCO_C")  # fmt: skip
def _(folder: Path) -> None:
    def change(file: File) -> None:
        again = [list(row) for row in file.rows[:10]]
        file.set("NIR_ANO_17", file.column("NIR_ANO_17")[20], again)
        file.rows += again

    edit(folder, "T_MCO19C.csv", change)


@fault("zeros lost", "the zeros before RSA_NUM are lost in T_MCO19C, as a spreadsheet does", UNUSABLE, "parents_exist",
       r"2640 of 2640 rows .* have no row in T_MCO_B", "T_MCO_C")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19C.csv", lambda file: file.set("RSA_NUM", lambda number: number.lstrip("0")))


@fault("numbers rounded", "ETA_NUM is written 7.5099E+08 in T_MCO19C, as a spreadsheet does", UNUSABLE, "parents_exist",
       r"2640 of 2640 rows .* have no row in T_MCO_B", "T_MCO_C")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19C.csv", lambda file: file.set("ETA_NUM", lambda number: f"{int(number):.4E}"))


# --- months and years ---------------------------------------------------------------------------------------------


@fault("month of flow missing", "no file of the DCIR has a line of June 2019", RESERVES, "flow_months",
       r"no row of 2019-06", "ER_PRS_F")  # fmt: skip
def without_june(folder: Path) -> None:
    edit_all(folder, lambda _, file: keep(file, lambda number, row: row[0] != "01/06/2019"), DCIR)


@fault("year not complete", "the DCIR of 2019 ends in September", RESERVES, "flow_months",
       r"year is not complete \(2019-10, 2019-11, 2019-12\)", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    edit_all(folder, lambda _, file: keep(file, lambda number, row: int(row[0][3:5]) < 10), DCIR)


@fault("flows in the middle of a month", "1 % of FLX_DIS_DTD in ER_PRS_F are of a 15th", RESERVES, "flow_months",
       r"30 rows have a FLX_DIS_DTD that is no first of a month of 2019", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("FLX_DIS_DTD", lambda day: "15" + day[2:], plain(file)[::40]))


@fault(
    "days and months exchanged",
    "FLX_DIS_DTD is written 06/01/2019 for June in the whole DCIR",
    UNUSABLE,
    "flow_months",
    r"91\.7% of FLX_DIS_DTD are no first of a month of 2019: the dates were misread",
    "ER_PRS_F",
    also=DETAIL_TABLES,
)
def _(folder: Path) -> None:
    edit_all(folder, lambda _, file: file.set("FLX_DIS_DTD", lambda day: f"{day[3:5]}/{day[:2]}/{day[6:]}"), DCIR)


@fault(
    "few lines of another year",
    "2 % of the lines of ER_PRS_F_2019.csv have a flow of 2020",
    RESERVES,
    "flow_months",
    r"60 rows have a FLX_DIS_DTD that is no first of a month of 2019",
    "ER_PRS_F",
)
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("FLX_DIS_DTD", "01/01/2020", plain(file)[::20]))


@fault("DCIR of another year under this name", "ER_PRS_F_2019.csv holds the flows of 2018", UNUSABLE, "flow_months",
       r"100\.0% of FLX_DIS_DTD are no first of a month of 2019", "ER_PRS_F", also=DETAIL_TABLES)  # fmt: skip
def _(folder: Path) -> None:
    put(folder, PRS, good_files()["ER_PRS_F_2018.csv"].text())


@fault(
    "care after its flow",
    "3 % of the care in ER_PRS_F begins on the 20th of the month of its flow",
    RESERVES,
    "delays",
    r"90 of 3000 rows \(3\.00%\) are of care that begins after its flow",
    "ER_PRS_F",
)
def _(folder: Path) -> None:
    def change(file: File) -> None:
        begin, end = file.place("EXE_SOI_DTD"), file.place("EXE_SOI_DTF")
        for row in file.rows[::30][:90]:
            row[begin] = row[end] = "20" + row[0][2:]

    edit(folder, PRS, change)


@fault("hole in the stays", "the PMSI has no stay of June 2019", RESERVES, "volumes",
       r"median month has 220 rows; not so 2019-06 \(0 rows\)", "T_MCO_C")  # fmt: skip
def _(folder: Path) -> None:
    def change(name: str, file: File) -> None:
        june = range(5 * STAYS_A_MONTH + 1, 6 * STAYS_A_MONTH + 1)
        keep(file, lambda number, row: int(row[1]) not in june)

    edit_all(folder, change, PMSI)


@fault("cliff in the lines", "from September on the DCIR has a third of its lines", RESERVES, "volumes",
       r"median month has 250 rows; not so 2019-09 \(80 rows\), 2019-10", "ER_PRS_F")  # fmt: skip
def _(folder: Path) -> None:
    def change(name: str, file: File) -> None:
        place = file.place("DCT_ORD_NUM")
        keep(file, lambda number, row: int(row[0][3:5]) < 9 or int(row[place]) < 1080)

    edit_all(folder, change, DCIR)


@fault("PMSI of another year under this name", "the files T_MCO19 hold the stays of 2018", UNUSABLE, "care_year",
       r"2640 of 2640 rows \(100\.00%\) are of care that ends in another year than 2019", "T_MCO_C")  # fmt: skip
def _(folder: Path) -> None:
    def change(name: str, file: File) -> None:
        for column in {"EXE_SOI_DTD", "EXE_SOI_DTF", "ENT_DAT", "SOR_DAT", "SOR_ANN", "ANN_TRT"} & set(file.header):
            file.set(column, lambda text: text.replace("2018", "2017").replace("2019", "2018"))

    edit_all(folder, change, [*PMSI, "T_MCO19E.csv"])


@fault("stays of another year", "5 % of the stays of T_MCO19C end in 2020", RESERVES, "care_year",
       r"132 of 2640 rows \(5\.00%\) are of care that ends in another year than 2019", "T_MCO_C")  # fmt: skip
def _(folder: Path) -> None:
    edit(
        folder,
        "T_MCO19C.csv",
        lambda file: file.set("EXE_SOI_DTF", lambda day: day.replace("2019", "2020"), file.rows[::20]),
    )


# --- patients -----------------------------------------------------------------------------------------------------


def of_another_delivery(pseudonym: str) -> str:
    """The pseudonym that another delivery gives to the person."""
    return MARK + hashlib.sha256(pseudonym.encode()).hexdigest()[:15].upper()


@fault("DCIR of another delivery", "every pseudonym of ER_PRS_F is another one", UNUSABLE, PATIENTS,
       r"DCIR and IR_BEN_R have no patient in common")  # fmt: skip
def _(folder: Path) -> None:
    edit_all(folder, lambda _, file: file.set("BEN_NIR_PSA", of_another_delivery), ["ER_PRS_F_2018.csv", PRS])


@fault("PMSI of another delivery", "every pseudonym of T_MCO19C is another one", UNUSABLE, PATIENTS,
       r"PMSI and IR_BEN_R have no patient in common")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19C.csv", lambda file: file.set("NIR_ANO_17", of_another_delivery))


@fault("diseases of another delivery", "every pseudonym of IR_IMB_R is another one", UNUSABLE, PATIENTS,
       r"IR_IMB_R and IR_BEN_R have no patient in common")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "IR_IMB_R.csv", lambda file: file.set("BEN_NIR_PSA", of_another_delivery))


@fault("pseudonyms cut", "the pseudonyms of T_MCO19C have 15 characters of 17", UNUSABLE, PATIENTS,
       r"PMSI and IR_BEN_R have no patient in common")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19C.csv", lambda file: file.set("NIR_ANO_17", lambda text: text[:15]))


@fault("persons missing", "a quarter of the persons is not in IR_BEN_R", RESERVES, PATIENTS,
       r"Only 75\.0% of the patients of DCIR are in IR_BEN_R")  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "IR_BEN_R.csv", lambda file: keep(file, lambda number, row: number % 4))


@fault("IR_BEN_R missing", "IR_BEN_R is not delivered", RESERVES, PATIENTS,
       r"IR_BEN_R is not stored, so DCIR and PMSI patients have nothing to compare with")  # fmt: skip
def _(folder: Path) -> None:
    (folder / "IR_BEN_R.csv").unlink()


# --- against the delivery before ----------------------------------------------------------------------------------


@fault("column gone", "PRS_PAI_MNT is not in ER_PRS_F any more", RESERVES, "drift",
       r"PRS_PAI_MNT was delivered before and is not any more", "ER_PRS_F", compared=True)  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: drop(file, "PRS_PAI_MNT"))


@fault("column new", "EXO_MTF is in ER_PRS_F now", RESERVES, "drift",
       r"EXO_MTF is new: it was not delivered before", "ER_PRS_F", compared=True)  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: append(file, "EXO_MTF", "0"))


@fault("dates written otherwise", "dates of ER_PRS_F are written 2019-01-31 now", RESERVES, "drift",
       r"EXE_SOI_DTD was written dd/mm/yyyy and is written yyyy-mm-dd", "ER_PRS_F", compared=True)  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: write_dates(PRS, file, "{:%Y-%m-%d}"))


@fault("values missing more often", "a third of PFS_EXE_NUM in ER_PRS_F is empty now", RESERVES, "drift",
       r"PFS_EXE_NUM: 33\.\d% without a value, 0\.0% before", "ER_PRS_F", compared=True)  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("PFS_EXE_NUM", "", file.rows[::3]))


@fault("codes appeared", "5 % of PSE_SPE_COD in ER_PRS_F are 35 now", RESERVES, "drift",
       r"PSE_SPE_COD: codes that appeared, in 5\.0% of the values: 35\.", "ER_PRS_F", compared=True)  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("PSE_SPE_COD", "35", file.rows[::20]))


@fault("codes gone", "no PSE_SPE_COD in ER_PRS_F is 32 any more", RESERVES, "drift",
       r"PSE_SPE_COD: codes that are gone, in 20\.0% of the values: 32\.", "ER_PRS_F", compared=True)  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("PSE_SPE_COD", lambda code: "01" if code == "32" else code))


@fault("volume halved", "T_MCO19D has half of its rows", RESERVES, "drift",
       r"\d+ rows, \d+ before \(-50%\)", "T_MCO_D", compared=True)  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, "T_MCO19D.csv", lambda file: keep(file, lambda number, row: number % 2))


@fault("volume of a month", "March 2019 has 150 lines in ER_PRS_F, 250 before", RESERVES, "drift",
       r"2019-03: 150 rows, 250 before", "ER_PRS_F", compared=True)  # fmt: skip
def _(folder: Path) -> None:
    keep_march = lambda number, row: row[0] != "01/03/2019" or number % LINES_A_MONTH % 10 < 6  # noqa: E731
    edit(folder, PRS, lambda file: keep(file, keep_march))


@fault("distribution shifted", "the amounts of ER_PRS_F are in cents now", RESERVES, "drift",
       r"PRS_PAI_MNT: the values are distributed otherwise than before", "ER_PRS_F", compared=True)  # fmt: skip
def _(folder: Path) -> None:
    edit(folder, PRS, lambda file: file.set("PRS_PAI_MNT", lambda amount: f"{float(amount) * 100:.0f}"))


@fault("month lost", "a second delivery of the DCIR of 2019 lacks June, which the first had", UNUSABLE, ERROR,
       r"This delivery of ER_PRS_F 2019 lacks 2019-06, which the warehouse has", "ER_PRS_F",
       compared=True)  # fmt: skip
def _(folder: Path) -> None:
    without_june(folder)


def in_two_parts(folder: Path) -> None:
    """ER_PHA_F in two files, the second of a tenth."""
    (folder / PHA).unlink()
    for part, number in (("1", lambda n: n % 10), ("2", lambda n: not n % 10)):
        file = good_files()[PHA].copy()
        keep(file, lambda n, row, number=number: number(n))
        put(folder, f"ER_PHA_F_2019_{part}.csv", file.text())


@fault("file vanished", "ER_PHA_F of 2019 came in two parts, of which one comes now", RESERVES, "files",
       r"iles that came before did not come now \(ER_PHA_F_2019_2\.csv\)", "ER_PHA_F", before=in_two_parts)  # fmt: skip
def _(folder: Path) -> None:
    in_two_parts(folder)
    (folder / "ER_PHA_F_2019_2.csv").unlink()


@fault("cut otherwise", "the DCIR comes whole, and the warehouse has it by year", UNUSABLE, ERROR,
       r"ER_CAM_F comes whole and the warehouse has it by year", "ER_CAM_F",
       also=("ER_PRS_F", "ER_PHA_F", "ER_ETE_F"), compared=True)  # fmt: skip
def _(folder: Path) -> None:
    rename(folder, lambda name: name.replace("_2019", ""), [PRS, PHA, CAM, ETE])


@fault("cut otherwise than its lines", "ER_CAM_F comes whole, and ER_PRS_F by year", UNUSABLE, ERROR,
       r"ER_PRS_F comes by year and ER_CAM_F as a whole", "ER_CAM_F")  # fmt: skip
def _(folder: Path) -> None:
    rename(folder, lambda _: "ER_CAM_F.csv", [CAM])


# --- variations: names and files ----------------------------------------------------------------------------------


@variation("the same again", "nothing is changed")
def _(folder: Path) -> None:
    pass


@variation("lower-case names", "er_prs_f_2019.csv")
def _(folder: Path) -> None:
    rename(folder, str.lower)


@variation("upper-case extensions", "ER_PRS_F_2019.CSV")
def _(folder: Path) -> None:
    rename(folder, str.upper)


@variation("text files", "ER_PRS_F_2019.txt")
def _(folder: Path) -> None:
    rename(folder, lambda name: name.replace(".csv", ".txt"))


@variation("sub-folders", "DCIR/2019/ER_PRS_F_2019.csv, PMSI/T_MCO19B.csv, hidden files of a Mac among them")
def _(folder: Path) -> None:
    rename(folder, lambda name: f"DCIR/{name[-8:-4]}/{name}" if name.startswith("ER_") else f"PMSI/{name}")
    put(folder, ".DS_Store", b"\0\0")
    put(folder, "PMSI/._T_MCO19B.csv", b"\0\0")


@variation("gzip", "every file is compressed: ER_PRS_F_2019.csv.gz")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: gzip.compress(text.encode(), compresslevel=1))
    rename(folder, lambda name: f"{name}.gz")


@variation("archives", "DCIR.zip and PMSI.zip; each other file in a .zip of its name")
def _(folder: Path) -> None:
    for archive, begins in (("DCIR", "ER_"), ("PMSI", "T_MCO")):
        texts = {name: file.text() for name, file in good_files().items() if name.startswith(begins)}
        zipped(folder / f"{archive}.zip", texts)
    for name, file in good_files().items():
        (folder / name).unlink()
        if not name.startswith(("ER_", "T_MCO")):
            zipped(folder / name.replace(".csv", ".zip"), {"extraction.csv": file.text()})


@variation("years of four digits", "T_MCO2019B.csv")
def _(folder: Path) -> None:
    rename(folder, lambda name: name.replace("T_MCO19", "T_MCO2019"))


@variation("cut by month", "ER_PRS_F_201901.csv to ER_PRS_F_201912.csv, and so its details")
def by_month(folder: Path) -> None:
    for name in DCIR:
        (folder / name).unlink()
        for month in range(1, 13):
            file = good_files()[name].copy()
            keep(file, lambda number, row, month=month: int(row[0][3:5]) == month)
            put(folder, f"{name[:-4]}{month:02d}.csv", file.text())


@variation("whole", "ER_PRS_F.csv holds both years, and the details tell no year either", compared=False)
def _(folder: Path) -> None:
    both = good_files()["ER_PRS_F_2018.csv"].copy()
    both.rows += good_files()[PRS].rows
    (folder / "ER_PRS_F_2018.csv").unlink()
    put(folder, PRS, both.text())
    rename(folder, lambda name: name.replace("_2019", ""), DCIR)


@variation("Parquet", "every file is Parquet, with typed dates, numbers and codes", compared=False)
def _(folder: Path) -> None:
    for name in good_files():
        (folder / name).unlink()
        put(folder, name.replace(".csv", ".parquet"), parquet_bytes(name))


def parquet_bytes(name: str) -> bytes:
    """A good file as typed Parquet; codes that are all numbers are numbers, as a database exports them."""
    file, table = good_files()[name], contract_of(name)
    arrays = {}
    for column in file.header:
        texts = [text or None for text in file.column(column)]
        kind = table.columns[column].type
        if kind == "date":
            arrays[column] = pa.array([None if text is None else day_of(text) for text in texts], pa.date32())
        elif kind == "decimal":
            arrays[column] = pa.array([None if text is None else float(text) for text in texts], pa.float64())
        elif kind not in ("text", "pseudonym", "finess") and all((text or "0").isdecimal() for text in texts):
            arrays[column] = pa.array([None if text is None else int(text) for text in texts], pa.int64())
        else:
            arrays[column] = pa.array(texts, pa.string())
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays), buffer)
    return buffer.getvalue()


# --- variations: text ---------------------------------------------------------------------------------------------


@variation("commas", "values stand between commas")
def _(folder: Path) -> None:
    for name, file in good_files().items():
        put(folder, name, file.text(separator=","))


@variation("quotes", "every value is quoted, and commas separate")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: '"' + text.rstrip("\n").replace(";", '","').replace("\n", '"\n"') + '"\n')


@variation("tabs", "values stand between tabs")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.replace(";", "\t"))


@variation("bars", "values stand between bars")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.replace(";", "|"))


@variation("separators and quotes in a value", 'a name in T_MCO19E is "CLINIQUE ""LES PINS""; SUD"')
def _(folder: Path) -> None:
    edit(folder, "T_MCO19E.csv", lambda file: file.set("SOC_RAI", 'CLINIQUE "LES PINS"; SUD', file.rows[:1]))


@variation("byte order mark", "every file begins with the mark of UTF-8")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.encode("utf-8-sig"))


@variation("Windows-1252", "every file is in Windows-1252; names have accents and a euro sign")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.replace("HÔPITAL DU CÈDRE", "HÔPITAL DU CÈDRE €").encode("cp1252"))


@variation("Latin-1", "every file is in Latin-1; names have accents")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.encode("latin-1"))


@variation("two encodings in two files", "of the months of ER_PRS_F, some are in UTF-8 and some in Windows-1252")
def _(folder: Path) -> None:
    by_month(folder)
    for month in range(1, 13):
        path = folder / f"ER_PRS_F_2019{month:02d}.csv"
        lines = path.read_text(encoding="utf-8").splitlines()
        text = "\n".join([lines[0] + ";LIBELLE", *(line + ";été" for line in lines[1:])]) + "\n"
        put(folder, path.name, text.encode("cp1252" if month % 2 else "utf-8"))


@variation("Windows line ends", "lines end with CR and LF")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.replace("\n", "\r\n"))


@variation("last line without end", "no line end stands after the last row")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.rstrip("\n"))


@variation("blank lines", "three blank lines end each file")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text + "\n\n\n")


@variation("blanks around values", "a blank stands after each separator")
def _(folder: Path) -> None:
    rewrite(folder, lambda text: text.replace(";", "; "))


# --- variations: columns and values -------------------------------------------------------------------------------


@variation("lower-case headers", "ben_nir_psa")
def _(folder: Path) -> None:
    edit_all(folder, lambda _, file: rename_columns(file, str.lower))


@variation("aliases", "pseudonyms are called NUM_ENQ")
def _(folder: Path) -> None:
    edit_all(
        folder, lambda _, file: rename_columns(file, lambda n: "NUM_ENQ" if n in ("BEN_NIR_PSA", "NIR_ANO_17") else n)
    )


def rename_columns(file: File, named: Callable[[str], str]) -> None:
    """Give the columns other names."""
    file.header = [named(name) for name in file.header]


@variation("columns in another order", "the last column comes first")
def _(folder: Path) -> None:
    def change(name: str, file: File) -> None:
        file.header.reverse()
        for row in file.rows:
            row.reverse()

    edit_all(folder, change)


@variation("columns that no contract knows", "two more columns in every file")
def _(folder: Path) -> None:
    def change(name: str, file: File) -> None:
        append(file, "PROJET_NUM", "12")
        append(file, "", "")

    edit_all(folder, change)


@variation(
    "columns not delivered", "ER_PRS_F, IR_BEN_R and T_MCO19C have half of their optional columns", compared=False
)
def _(folder: Path) -> None:
    def change(name: str, file: File) -> None:
        table = contract_of(name)
        needed = {c.name for c in table.columns.values() if c.required} | {*table.key, *table.link, table.patient}
        for column in [column for column in file.header if column not in needed][::2]:
            drop(file, column)

    edit_all(folder, change, [PRS, "ER_PRS_F_2018.csv", "IR_BEN_R.csv", "T_MCO19C.csv"])


@cache
def day_of(text: str) -> date:
    """A date of the good delivery."""
    form = "%d/%m/%Y" if "/" in text else "%d%b%Y:%H:%M:%S" if ":" in text else "%d%m%Y"
    return datetime.strptime(text.title() if ":" in text else text, form).date()


def write_dates(name: str, file: File, form: str, months: str = "") -> None:
    """Write all dates of a file in another format; {month} stands for the month's name."""
    table = contract_of(name)
    for column in file.header:
        if table.columns[column].type == "date":
            file.set(column, lambda text: text and told_day(day_of(text), form, months))


@cache
def told_day(day: date, form: str, months: str) -> str:
    """A date in a format."""
    return form.format(day, month=months.split()[day.month - 1] if months else "")


ENGLISH = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"
FRENCH = "JANV FÉVR MARS AVR MAI JUIN JUIL AOÛT SEPT OCT NOV DÉC"

for _name, _what, _form, _months in (
    ("ISO dates", "2019-01-31", "{:%Y-%m-%d}", ""),
    ("timestamps", "2019-01-31 00:00:00, as databases export", "{:%Y-%m-%d} 00:00:00", ""),
    ("dates without separators", "31012019", "{:%d%m%Y}", ""),
    ("ISO dates without separators", "20190131", "{:%Y%m%d}", ""),
    ("French dates", "31/01/2019", "{:%d/%m/%Y}", ""),
    ("SAS dates", "31JAN2019 (DATE9)", "{0:%d}{month}{0:%Y}", ENGLISH),
    ("SAS date-times", "31JAN2019:00:00:00 (DATETIME20)", "{0:%d}{month}{0:%Y}:00:00:00", ENGLISH),
    ("SAS dates in French", "28FÉVR2019, as SAS writes in a French session", "{0:%d}{month}{0:%Y}", FRENCH),
):

    def _apply(folder: Path, form: str = _form, months: str = _months) -> None:
        edit_all(folder, lambda name, file: write_dates(name, file, form, months))

    VARIATIONS.append(Mutation(_name, _what, _apply))


def columns_of(name: str, file: File, *kinds: str) -> Iterator[str]:
    """The columns of a file that have one of these types."""
    table = contract_of(name)
    return (column for column in file.header if table.columns[column].type in kinds)


@variation("decimal commas", "amounts are written 1,50")
def _(folder: Path) -> None:
    def change(name: str, file: File) -> None:
        for column in columns_of(name, file, "decimal"):
            file.set(column, lambda text: text.replace(".", ","))

    edit_all(folder, change)


@variation("codes as numbers with decimals", "codes and whole numbers are written 1.0")
def _(folder: Path) -> None:
    def change(name: str, file: File) -> None:
        for column in columns_of(name, file, "code", "integer", "year", "month"):
            file.set(column, lambda text: f"{int(text)}.0" if text.isdecimal() else text)

    edit_all(folder, change)


@variation("codes padded", "codes are padded with zeros to three characters")
def _(folder: Path) -> None:
    def change(name: str, file: File) -> None:
        for column in columns_of(name, file, "code"):
            file.set(column, lambda text: text.zfill(3) if text.isdecimal() else text)

    edit_all(folder, change)


@variation("points for no value", "empty values are written . as SAS does")
def _(folder: Path) -> None:
    write_missing(folder, ".")


@variation("NULL for no value", "empty values are written NULL")
def _(folder: Path) -> None:
    write_missing(folder, "NULL")


def write_missing(folder: Path, text: str) -> None:
    """Write a text where there is no value."""

    def change(name: str, file: File) -> None:
        for column in file.header:
            file.set(column, lambda value: value or text)

    edit_all(folder, change)


# --- the page -----------------------------------------------------------------------------------------------------


def table() -> str:
    """Both tables as Markdown."""
    told = {ERROR: "the table is refused", UNCLAIMED: "named as unclaimed"}
    lines = ["| fault | what was done | verdict | told by |", "|---|---|---|---|"]
    lines += [
        f"| {one.name} | {_cell(one.what)} | {one.verdict.words} | {told.get(one.told_by, f'`{one.told_by}`')} |"
        for one in FAULTS
    ]
    lines += ["", "| variation | what was done |", "|---|---|"]
    lines += [f"| {one.name} | {_cell(one.what)} |" for one in VARIATIONS]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def told_on_page() -> str:
    """What the page has between the marks."""
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()


def main() -> None:
    """Write the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    part = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
    PAGE.write_text(part.sub(lambda _: f"{BEGIN}\n\n{table()}\n\n{END}", page), encoding="utf-8")


if __name__ == "__main__":
    main()
