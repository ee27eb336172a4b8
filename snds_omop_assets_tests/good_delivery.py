"""One good delivery of invented persons, written as the CNAM writes: the ground on which faults are tried one by one.

Everything follows from counters, so that the same files come each time. It is as small as the thresholds of the
verification allow: months of 250 lines in ER_PRS_F and of 220 stays in the PMSI, which are judged by volume.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from snds_omop_assets.contracts.finess import with_key
from snds_omop_assets.contracts.nomenclatures import CODES

MARK = "ZQ"
"""Every pseudonym of the delivery begins so: a report that has these letters tells of a person."""

PERSONS, DEATHS = 400, 12
DCIR_YEARS, PMSI_YEAR = (2018, 2019), 2019
LINES_A_MONTH, STAYS_A_MONTH = 250, 220

KEY = ("FLX_DIS_DTD", "FLX_TRT_DTD", "FLX_EMT_TYP", "FLX_EMT_NUM", "FLX_EMT_ORD", "ORG_CLE_NUM", "DCT_ORD_NUM",
       "PRS_ORD_NUM", "REM_TYP_AFF")  # fmt: skip

ESTABLISHMENTS = tuple(
    with_key(f"{department}990{n:03d}") or "" for n, department in enumerate((75, 69, 13, 59, 33, 31))
)
NAMES = ("HÔPITAL DES ÉRABLES", "CLINIQUE DU FRÊNE", "CENTRE DE LA FORÊT", "HÔPITAL DU CÈDRE", "CLINIQUE DU HÊTRE",
         "CENTRE DES GENÊTS")  # fmt: skip

SERVICES = ("3313", "3313", "3313", "3313", "1352", "1111", "1111", "1112", "1098", "1111")
"""Natures of service, by the last digit of a line's number: lines of drugs (0 to 3) have a row in ER_PHA_F, those of
acts (4) one in ER_CAM_F, those of establishments (5) one in ER_ETE_F; the others have no detail."""

DETAIL_OF = {0: "ER_PHA_F", 1: "ER_PHA_F", 2: "ER_PHA_F", 3: "ER_PHA_F", 4: "ER_CAM_F", 5: "ER_ETE_F"}

RETURN_CODES = ("NIR_RET", "NAI_RET", "SEX_RET", "SEJ_RET", "FHO_RET", "PMS_RET", "DAT_RET")


@dataclass
class File:
    """One delivered file: a header and rows of texts."""

    header: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def add(self, **values: object) -> None:
        """Add a row; a column that is not named is empty."""
        self.rows.append([str(values.get(name, "")) for name in self.header])

    def place(self, column: str) -> int:
        """Where a column stands."""
        return self.header.index(column)

    def column(self, name: str) -> list[str]:
        """The values of a column."""
        return [row[self.place(name)] for row in self.rows]

    def set(self, column: str, value: str | Callable[[str], str], rows: Sequence[list[str]] | None = None) -> None:
        """Write a value into a column of all rows, or of these."""
        place = self.place(column)
        for row in self.rows if rows is None else rows:
            row[place] = value(row[place]) if callable(value) else value

    def copy(self) -> "File":
        """The same, to be edited."""
        return File(list(self.header), [list(row) for row in self.rows])

    def text(self, separator: str = ";", end: str = "\n") -> str:
        """The file as CSV; values are quoted where they must be."""
        text = io.StringIO()
        csv.writer(text, delimiter=separator, lineterminator=end).writerows([self.header, *self.rows])
        return text.getvalue()


def pseudonym(person: int, kind: str = "P") -> str:
    """Seventeen characters, as those of the SNDS."""
    return MARK + hashlib.sha256(f"{kind}{person}".encode()).hexdigest()[:15].upper()


def sas(day: date) -> str:
    """01JAN2019:00:00:00, SAS's DATETIME20 in English."""
    month = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"][day.month - 1]
    return f"{day.day:02d}{month}{day.year}:00:00:00"


def french(day: date) -> str:
    """01/01/2019."""
    return f"{day:%d/%m/%Y}"


@cache
def good_files() -> dict[str, File]:
    """The delivery, by name of the file. To edit a file, take its copy."""
    files = {**_beneficiaries(), **_deaths(), **_pmsi(), **_nomenclatures()}
    for year in DCIR_YEARS:
        files |= _dcir(year)
    return files


def write_good_delivery(folder: Path) -> None:
    """Write the delivery into a folder, in UTF-8 with semicolons."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in good_files().items():
        (folder / name).write_text(file.text(), encoding="utf-8", newline="")


def prs_rows(year: int, lines_a_month: int) -> list[dict[str, object]]:
    """Lines of ER_PRS_F by column."""
    found = []
    for number in range(12 * lines_a_month):
        month, line = divmod(number, lines_a_month)
        flow = date(year, month + 1, 1)
        treated = flow - timedelta(days=line % 25 + 1)
        care = treated - timedelta(days=line * 37 % 40 + (150 if line % 60 == 59 else 1))
        person = number * 7 % PERSONS
        correction = line % 50 == 27
        amount = (1 + number * 13 % 400) * 0.25
        found.append({
            "FLX_DIS_DTD": french(flow), "FLX_TRT_DTD": french(treated), "FLX_EMT_TYP": 1, "FLX_EMT_NUM": line % 9 + 1,
            "FLX_EMT_ORD": 0, "ORG_CLE_NUM": "01C751000", "DCT_ORD_NUM": 1000 + line, "PRS_ORD_NUM": 1,
            "REM_TYP_AFF": 0, "BEN_NIR_PSA": pseudonym(person), "BEN_RNG_GEM": 1,
            "BEN_NAI_ANN": 1930 + person % 80, "BEN_SEX_COD": 1 + person % 2, "BEN_RES_DPT": f"{person % 90 + 1:03d}",
            "BEN_RES_COM": f"{person % 300 + 1:03d}", "EXE_SOI_DTD": french(care), "EXE_SOI_DTF": french(care),
            "PRE_PRE_DTD": french(care - timedelta(days=line % 10)),
            "PRS_HOS_DTD": french(care) if line % 20 == 8 else "", "PRS_NAT_REF": SERVICES[line % 10],
            "PRS_ACT_QTE": -1 if correction else 1 + line % 3,
            "PRS_PAI_MNT": f"{-amount if correction else amount:.2f}",
            "BSE_REM_MNT": f"{(-amount if correction else amount) * 0.6:.2f}",
            "DPN_QLF": 0, "CPL_MAJ_TOP": line % 3, "PSE_SPE_COD": f"{(1, 2, 4, 15, 32)[line % 5]:02d}",
            "PSE_ACT_NAT": (24, 26, 50, 0)[line % 4], "PFS_EXE_NUM": f"9{line % 70:08d}", "ETB_PRE_FIN": "00000000",
        })  # fmt: skip
    return found


def prs_file(year: int, lines_a_month: int = LINES_A_MONTH) -> File:
    """ER_PRS_F of a year."""
    rows = prs_rows(year, lines_a_month)
    file = File(list(rows[0]))
    for row in rows:
        file.add(**row)
    return file


def _dcir(year: int) -> dict[str, File]:
    if year != max(DCIR_YEARS):
        return {f"ER_PRS_F_{year}.csv": prs_file(year)}
    files = {
        f"ER_PRS_F_{year}.csv": prs_file(year),
        f"ER_PHA_F_{year}.csv": File([*KEY, "PHA_PRS_C13", "PHA_ACT_QSN", "PHA_ACT_PRU", "PHA_DEC_TOP"]),
        f"ER_CAM_F_{year}.csv": File([*KEY, "CAM_PRS_IDE", "CAM_ACT_COD", "CAM_TRT_PHA", "CAM_REM_BSE"]),
        f"ER_ETE_F_{year}.csv": File([*KEY, "ETB_EXE_FIN", "ETE_CAT_COD", "ETE_IND_TAA", "PRS_PPU_SEC"]),
    }
    for number, row in enumerate(prs_rows(year, LINES_A_MONTH)):
        detail = DETAIL_OF.get(number % LINES_A_MONTH % 10)
        if detail is not None:
            files[f"{detail}_{year}.csv"].add(
                **row, PHA_PRS_C13=3400930000000 + number % 90, PHA_ACT_QSN=row["PRS_ACT_QTE"],
                PHA_ACT_PRU=f"{1 + number % 30}.5", PHA_DEC_TOP=0,
                CAM_PRS_IDE=f"LFQK00{number % 9}", CAM_ACT_COD=1, CAM_TRT_PHA=0, CAM_REM_BSE=f"{20 + number % 60}.25",
                ETB_EXE_FIN=ESTABLISHMENTS[number % 6][:8], ETE_CAT_COD=355, ETE_IND_TAA=number % 3, PRS_PPU_SEC=2,
            )  # fmt: skip
    return files


def _beneficiaries() -> dict[str, File]:
    persons = File(["BEN_NIR_PSA", "BEN_RNG_GEM", "BEN_NIR_ANO", "BEN_IDT_ANO", "BEN_IDT_TOP", "BEN_CDI_NIR",
                    "BEN_NAI_ANN", "BEN_NAI_MOI", "BEN_SEX_COD", "BEN_DCD_DTE", "BEN_DCD_AME", "ORG_AFF_BEN",
                    "BEN_RES_DPT", "BEN_RES_COM", "BEN_TOP_CNS", "MAX_TRT_DTD"])  # fmt: skip
    diseases = File(["BEN_NIR_PSA", "BEN_RNG_GEM", "IMB_ALD_DTD", "IMB_ALD_DTF", "IMB_ALD_NUM", "IMB_ETM_NAT",
                     "MED_MTF_COD", "MED_NCL_IDT"])  # fmt: skip
    for person in range(PERSONS):
        died = person >= PERSONS - DEATHS
        persons.add(
            BEN_NIR_PSA=pseudonym(person), BEN_RNG_GEM=1, BEN_NIR_ANO=pseudonym(person, "A"),
            BEN_IDT_ANO=pseudonym(person, "I"), BEN_IDT_TOP=1, BEN_CDI_NIR="03" if person % 100 == 7 else "00",
            BEN_NAI_ANN=1930 + person % 80, BEN_NAI_MOI=1 + person % 12, BEN_SEX_COD=1 + person % 2,
            BEN_DCD_DTE=french(_death(person)) if died else "01/01/1600",
            BEN_DCD_AME=f"{_death(person):%Y%m}" if died else "160001", ORG_AFF_BEN="01C751000",
            BEN_RES_DPT=f"{person % 90 + 1:03d}", BEN_RES_COM="999" if person % 80 == 9 else f"{person % 300 + 1:03d}",
            BEN_TOP_CNS=1, MAX_TRT_DTD="31/12/2019",
        )  # fmt: skip
        if person % 6 == 0:
            diseases.add(
                BEN_NIR_PSA=pseudonym(person), BEN_RNG_GEM=1,
                IMB_ALD_DTD=french(date(2010 + person % 8, 1 + person % 12, 3)),
                IMB_ALD_DTF="31/12/2024", IMB_ALD_NUM=1 + person % 30, IMB_ETM_NAT=41,
                MED_MTF_COD=("E11", "I10", "C50", "F20")[person % 4], MED_NCL_IDT="CIM10",
            )  # fmt: skip
    return {"IR_BEN_R.csv": persons, "IR_IMB_R.csv": diseases}


def _death(person: int) -> date:
    return date(2019, 1 + person % 12, 17)


def _deaths() -> dict[str, File]:
    deaths = File(["DCD_IDT_ENC", "DCD_IDT_TOP", "BEN_IDT_ANO", "BEN_NIR_ANO", "FLX_PER_ANN", "TYP_CER_COD",
                   "BEN_DCD_DTE", "BEN_DCD_AME", "DCD_LIE_COD", "BEN_NAI_ANN", "BEN_NAI_MOI", "BEN_SEX_COD",
                   "DCD_CIM_COD"])  # fmt: skip
    causes = File(
        ["DCD_IDT_ENC", "CER_LIG_NUM", "ECD_CAU_RNG", "DCD_IDT_TOP", "BEN_IDT_ANO", "FLX_PER_ANN", "ECD_CIM_COD"]
    )
    for person in range(PERSONS - DEATHS, PERSONS):
        named = {
            "DCD_IDT_ENC": MARK + hashlib.sha256(f"D{person}".encode()).hexdigest()[:62], "DCD_IDT_TOP": 1,
            "BEN_IDT_ANO": pseudonym(person, "I"), "BEN_NIR_ANO": pseudonym(person, "A"), "FLX_PER_ANN": 2019,
        }  # fmt: skip
        deaths.add(
            **named, TYP_CER_COD=1, BEN_DCD_DTE=french(_death(person)), BEN_DCD_AME=f"{_death(person):%Y%m}",
            DCD_LIE_COD=1 + person % 4, BEN_NAI_ANN=1930 + person % 80, BEN_NAI_MOI=1 + person % 12,
            BEN_SEX_COD=1 + person % 2, DCD_CIM_COD="I219",
        )  # fmt: skip
        for line in (1, 2):
            causes.add(**named, CER_LIG_NUM=line, ECD_CAU_RNG=1, ECD_CIM_COD=("I219", "E119")[line - 1])
    return {"KI_CCI_R.csv": deaths, "KI_ECD_R.csv": causes}


def _pmsi() -> dict[str, File]:
    """Stays of a year of the MCO; some of January began in the year before."""
    year, short = PMSI_YEAR, f"{PMSI_YEAR % 100:02d}"
    stays = File(["ETA_NUM", "RSA_NUM", "AGE_ANN", "COD_SEX", "DGN_PAL", "ENT_MOD", "SOR_MOD", "GRG_GHM", "GHS_NUM",
                  "SEJ_NBJ", "NBR_ACT", "SOR_ANN", "SOR_MOI", "SEJ_TYP"])  # fmt: skip
    patients = File(["ETA_NUM", "RSA_NUM", "NIR_ANO_17", "SEJ_NUM", "EXE_SOI_DTD", "EXE_SOI_DTF", "ENT_DAT", "SOR_DAT",
                     "SOR_ANN", "SOR_MOI", *RETURN_CODES])  # fmt: skip
    acts = File(["ETA_NUM", "RSA_NUM", "CDC_ACT", "ACV_ACT", "PHA_ACT", "NBR_EXE_ACT", "ENT_DAT_DEL"])
    diagnoses = File(["ETA_NUM", "RSA_NUM", "ASS_DGN", "DGN_ASS_NUM"])
    places = File(["ETA_NUM", "ANN_TRT", "SOC_RAI", "STA_ETA", "VAL_ETA"])
    for number in range(12 * STAYS_A_MONTH):
        month, place = divmod(number, STAYS_A_MONTH)
        entry = date(year, month + 1, 1 + place % 24)
        nights = place % 4
        if month == 0 and place < 5:
            entry, nights = date(year - 1, 12, 28), 8
        end = entry + timedelta(days=nights)
        stay = {"ETA_NUM": ESTABLISHMENTS[number % 6], "RSA_NUM": f"{number + 1:010d}"}
        person = number * 11 % PERSONS
        unchained = place % 40 == 39
        stays.add(
            **stay, AGE_ANN=year - 1930 - person % 80, COD_SEX=1 + person % 2,
            DGN_PAL=("I219", "K359", "O800", "S720")[place % 4],
            ENT_MOD=8, SOR_MOD=8, GRG_GHM="05M041", GHS_NUM=1500 + place % 7, SEJ_NBJ=nights, NBR_ACT=place % 2,
            SOR_ANN=end.year, SOR_MOI=f"{end.month:02d}", SEJ_TYP="A",
        )  # fmt: skip
        patients.add(
            **stay, NIR_ANO_17="x" * 17 if unchained else pseudonym(person), SEJ_NUM=f"{place % 9:05d}",
            EXE_SOI_DTD=sas(entry), EXE_SOI_DTF=sas(end), ENT_DAT=f"{entry:%d%m%Y}", SOR_DAT=f"{end:%d%m%Y}",
            SOR_ANN=end.year, SOR_MOI=f"{end.month:02d}",
            **{**dict.fromkeys(RETURN_CODES, 0), "NIR_RET": 4 * unchained},
        )  # fmt: skip
        if place % 2:
            acts.add(**stay, CDC_ACT=f"LFQK00{place % 9}", ACV_ACT=1, PHA_ACT=0, NBR_EXE_ACT=1, ENT_DAT_DEL=nights)
        if place % 3 == 0:
            diagnoses.add(**stay, ASS_DGN=("E119", "I10", "Z921")[place // 3 % 3], DGN_ASS_NUM=1)
    for number, name in zip(ESTABLISHMENTS, NAMES, strict=True):
        places.add(ETA_NUM=number, ANN_TRT=year, SOC_RAI=name, STA_ETA="DGF", VAL_ETA="1")
    tables = {"A": acts, "B": stays, "C": patients, "D": diagnoses, "E": places}
    return {f"T_MCO{short}{name}.csv": file for name, file in tables.items()}


def _nomenclatures() -> dict[str, File]:
    files = {
        "IR_SPE_V.csv": File(["PFS_SPE_COD", "PFS_SPE_LIB"]),
        "IR_ACT_V.csv": File(["PFS_ACT_NAT", "ACT_NAT_LIB"]),
    }
    with CODES.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            if (file := files.get(f"{line['list']}.csv")) is not None:
                file.rows.append([line["code"], line["label"].replace(";", ",")])
    return files
