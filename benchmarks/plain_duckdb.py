"""The reference of the benchmark of the conversion: ten OMOP tables from a delivery, by DuckDB alone.

One script as an engineer would write it for himself: no framework, no ledger, no checks. It knows the same rules of the
SNDS as the project (docs/etl), gives the same kind of ids, and shares no SQL and no code with it. See README.md.

    python plain_duckdb.py --from parquet WAREHOUSE --code-map FILE --out FOLDER
    python plain_duckdb.py --from csv DELIVERY --code-map FILE --out FOLDER
"""

import argparse
import json
import re
import resource
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

PACKAGE = Path(__file__).resolve().parents[1] / "snds_omop_assets"
MAPS, GEOGRAPHY = PACKAGE / "vocabulary" / "maps", PACKAGE / "contracts" / "geography"
ID_KEY = "snds_omop_assets demonstration"

LINE = ("FLX_DIS_DTD:key FLX_TRT_DTD:key FLX_EMT_TYP:key FLX_EMT_NUM:key FLX_EMT_ORD:key ORG_CLE_NUM:key "
"DCT_ORD_NUM:key "
        "PRS_ORD_NUM:key REM_TYP_AFF:key")  # fmt: skip
PERSON = ("BEN_NIR_PSA BEN_RNG_GEM:int BEN_NIR_ANO BEN_IDT_ANO BEN_IDT_TOP:int BEN_CDI_NIR BEN_NAI_ANN:int "
"BEN_NAI_MOI:int "
          "BEN_SEX_COD:int BEN_DCD_DTE:day ORG_AFF_BEN BEN_RES_DPT BEN_RES_COM MAX_TRT_DTD:day "
          "BEN_DTE_MAJ:day")  # fmt: skip
RETURNED = ("NIR_RET:code NAI_RET:code SEX_RET:code SEJ_RET:code FHO_RET:code PMS_RET:code DAT_RET:code "
            "COH_NAI_RET:code COH_SEX_RET:code")  # fmt: skip
EXTERNAL = "NIR_RET:code NAI_RET:code SEX_RET:code IAS_RET:code ENT_DAT_RET:code"
STAY = "NIR_ANO_17 RNG_NAI:int EXE_SOI_DTD:day EXE_SOI_DTF:day " + RETURNED
CARE = "NIR_ANO_17 RNG_NAI:int EXE_SOI_DTD:day EXE_SOI_DTF:day " + EXTERNAL
DRUG = "UCD_UCD_COD:ucd ADM_NBR:real DAT_DELAI:int SEJ_NBR:real"

COLUMNS = {
    "ER_PRS_F": LINE + " BEN_NIR_PSA BEN_RNG_GEM:int BEN_CDI_NIR BEN_SEX_COD:int BEN_NAI_ANN:int BEN_RES_DPT "
    "BEN_RES_COM "
    "ORG_AFF_BEN BEN_DCD_DTE:day EXE_SOI_DTD:day EXE_SOI_DTF:day PRE_PRE_DTD:day PRS_NAT_REF:int PRS_ACT_QTE:real "
    "PRS_PAI_MNT:real DPN_QLF:int PRS_DPN_QLP:int CPL_MAJ_TOP:int ETB_PRE_FIN:finess PFS_EXE_NUM:who PFS_PRE_NUM:who "
    "PSE_SPE_COD:int PSE_ACT_NAT:int PSP_SPE_COD:int PSP_ACT_NAT:int",
    "ER_ETE_F": LINE + " ETB_EXE_FIN:finess ETE_IND_TAA:int ETE_MCO_DDP",
    "ER_PHA_F": LINE + " PHA_PRS_C13:code PHA_PRS_IDE:code PHA_ACT_QSN:real PHA_DEC_TOP:int PHA_DEC_QSU:real "
    "PHA_SEQ_RNV:int",
    "ER_BIO_F": LINE + " BIO_PRS_IDE:code BIO_ACT_QSN:real",
    "ER_TIP_F": LINE + " TIP_PRS_IDE:code TIP_ACT_QSN:real TIP_PRS_TYP:int TIP_ACL_DTD:day TIP_ACL_DTF:day",
    "ER_UCD_F": LINE + " UCD_UCD_COD:ucd UCD_DLV_NBR:real UCD_TOP_UCD:int",
    "ER_CAM_F": LINE + " CAM_PRS_IDE CAM_ACT_COD:int CAM_TRT_PHA:int",
    "IR_BEN_R": PERSON,
    "IR_BEN_R_ARC": PERSON,
    "IR_IMB_R": "BEN_NIR_PSA BEN_RNG_GEM:int IMB_ALD_DTD:day IMB_ALD_DTF:day IMB_ETM_NAT:int INS_DTE:day "
    "UPD_DTE:day MED_MTF_COD "
    "MED_NCL_IDT",
    "IR_PHA_R": "PHA_CIP_C13:code PHA_UNT_NBR_DSES PHA_UPC_NBR PHA_DOS_UNT_DSES PHA_DOS_UNI",
    "KI_CCI_R": "DCD_IDT_TOP:int BEN_IDT_ANO BEN_DCD_DTE:day",
    "BE_IDE_R": "IDE_ETA_NUM IDE_ETA_NOM",
    "T_MCO_E": "ETA_NUM SOC_RAI",
    "T_SSR_E": "ETA_NUM SOC_RAI",
    "T_HAD_E": "ETA_NUM SOC_RAI",
    "T_RIP_E": "ETA_NUM SOC_RAI",
    "T_MCO_C": STAY,
    "T_MCO_B": "DGN_PAL DGN_REL GRG_GHM SEJ_TYP ENT_MOD:code ENT_PRV:code SOR_MOD:code SOR_DES:code AGE_ANN:int "
    "COD_SEX:int",
    "T_MCO_UM": "DGN_PAL DGN_REL ETA_NUM_GEO AUT_TYP1_UM",
    "T_MCO_D": "ASS_DGN",
    "T_MCO_A": "CDC_ACT ENT_DAT_DEL:int NBR_EXE_ACT:real PHA_ACT:int ACV_ACT:int",
    "T_MCO_MED": "UCD_UCD_COD:ucd ADM_NBR:real DELAI:int NBR_SEJ:real",
    "T_MCO_MEDATU": DRUG,
    "T_MCO_MEDTHROMBO": DRUG,
    "T_MCO_DMIP": "LPP_COD:code DELAI:int NBR_POS:real",
    "T_MCO_CSTC": CARE,
    "T_MCO_FASTC": "AGE_ANN:int COD_SEX:int",
    "T_MCO_FBSTC": "ACT_COD",
    "T_MCO_FHSTC": "UCD_UCD_COD:ucd QUA:real DEL_DAT_ENT:int",
    "T_MCO_FLSTC": "NABM_COD:code ACT_NBR:real DEL_DAT_ENT:int",
    "T_MCO_FMSTC": "CCAM_COD DEL_DAT_ENT:int PHA_ACT:int ACV_ACT:int",
    "T_MCO_FPSTC": "LPP_COD:code LPP_QUA:real DEL_DAT_ENT:int",
    "T_SSR_C": STAY,
    "T_SSR_B": "RHS_NUM RHS_ANT_SEJ_ENT:int MOI_ANN:month HOS_TYP_UM:code GRG_GME TYP_GEN_RHA:code FP_PEC "
    "MOR_PRP ETL_AFF "
    "ENT_MOD:code ENT_PRV:code SOR_MOD:code SOR_DES:code AGE_ANN:int COD_SEX:int ETA_NUM_GEO AUT_TYP_UM",
    "T_SSR_D": "DGN_COD RHS_NUM",
    "T_SSR_CCAM": "CCAM_ACT CCAM_DEL_ENT_UM:int CCAM_NBR_REA:real CCAM_PHA_ACT:int CCAM_COD_ACT:int RHS_NUM",
    "T_SSR_CSARR": "CSARR_COD ENT_DAT_DEL_UM:int NBR_CSARR:real RHS_NUM",
    "T_SSR_MED": "UCD_UCD_COD:ucd ADM_NBR:real DAT_DELAI:int RHS_NUM",
    "T_SSR_MEDATU": "UCD_UCD_COD:ucd ADM_NBR:real DAT_DELAI:int RHS_NUM",
    "T_SSR_CSTC": CARE,
    "T_SSR_FASTC": "AGE_ANN:int COD_SEX:int",
    "T_SSR_FLSTC": "NABM_COD:code ACT_NBR:real DEL_DAT_ENT:int",
    "T_SSR_FMSTC": "CCAM_COD DEL_DAT_ENT:int PHA_ACT:int ACV_ACT:int",
    "T_HAD_C": STAY,
    "T_HAD_B": "DGN_PAL SEQ_NUM SSEQ_NUM SSEQ_NBJ:int SEQ_SEJ_NBJ:int SSEQ_SEQ_NBJ:int ENT_MOD:code "
    "ENT_PRV:code SOR_MOD:code "
    "SOR_DES:code AGE_ANN:int COD_SEX:int",
    "T_HAD_GRP": "GHT_NUM SEQ_NUM SSEQ_NUM",
    "T_HAD_D": "DGN_ASS SEQ_NUM SSEQ_NUM",
    "T_HAD_DMPP": "DGN_ASS_MPP SEQ_NUM SSEQ_NUM",
    "T_HAD_DMPA": "DGN_ASS_MPA SEQ_NUM SSEQ_NUM",
    "T_HAD_A": "CCAM_COD DEL_DEB_SSEQ:int REAL_NBR:real PHA_COD:int ACT_COD:int SEQ_NUM SSEQ_NUM",
    "T_HAD_MED": DRUG,
    "T_HAD_MEDATU": DRUG,
    "T_HAD_MEDCHL": DRUG,
    "T_RIP_C": STAY,
    "T_RIP_RSA": "DGN_PAL FOR_ACT SEQ_SEQ_NUM DEL_DAT:int SEQ_IND TYP_GEN_RSA:code ENT_MOD:code ENT_PRV:code "
    "SOR_MOD:code "
    "SOR_DES:code AGE_ANN:int COD_SEX:int",
    "T_RIP_RSAD": "ASS_DGN SEQ_SEQ_NUM",
    "T_RIP_CCAM": "CDC_ACT ENT_DAT_DEL:int NBR_EXE_ACT:real PHA_ACT:int ACV_ACT:int",
}
"""The columns that are read, with how they are read; the keys of PMSI tables (year, eta, num) come by themselves."""

STAY_KEYS = {"MCO": ("ETA_NUM", "RSA_NUM"), "SSR": ("ETA_NUM", "RHA_NUM"), "HAD": ("ETA_NUM_EPMSI", "RHAD_NUM"),
             "RIP": ("ETA_NUM_EPMSI", "RIP_NUM"), "STC": ("ETA_NUM", "SEQ_NUM")}  # fmt: skip
FLUXES = ", ".join(LINE.replace(":key", "").split())
TYPES = {"int": "INT", "real": "DOUBLE", "day": "DATE", "month": "INT", "key": "VARCHAR"}

AP_HM_AP_HP = (
    "130780521 130783236 130783293 130784234 130804297 600100101 750041543 750100018 750100042 750100075 "
    "750100083 750100091 "
    "750100109 750100125 750100166 750100208 750100216 750100232 750100273 750100299 750801441 750803447 "
    "750803454 910100015 "
    "910100023 920100013 920100021 920100039 920100047 920100054 920100062 930100011 930100037 930100045 "
    "940100027 940100035 "
    "940100043 940100050 940100068 950100016"
)
HCL = "690783154 690784137 690784152 690784178 690787478 830100558"

MACROS = """
CREATE MACRO id_of(t) AS CAST(CAST('0x' || substr(md5({key} || chr(31) || t), 1, 16) AS UBIGINT) >> 1 AS BIGINT);
CREATE MACRO txt(v) AS coalesce(v::VARCHAR, chr(30));
-- CSV: a code without zeros and decimals; text dates of three kinds; a FINESS of 8 figures with its key.
CREATE MACRO code_of(v) AS
    CASE WHEN v IS NULL THEN NULL ELSE coalesce(nullif(ltrim(trim(if(v LIKE '%.0', v[:-3], v)), '0'), ''), '0') END;
CREATE MACRO day_of(v) AS nullif(
    try_strptime(v, ['%d/%m/%Y', '%d%b%Y:%H:%M:%S', '%d%b%Y', '%d%m%Y', '%Y-%m-%d'])::DATE, DATE '1600-01-01');
CREATE MACRO doubled(c) AS CASE WHEN c > 4 THEN 2 * c - 9 ELSE 2 * c END;
CREATE MACRO luhn(f) AS (10 - (f[1]::INT + doubled(f[2]::INT) + f[3]::INT + doubled(f[4]::INT) + f[5]::INT
    + doubled(f[6]::INT) + f[7]::INT + doubled(f[8]::INT)) % 10) % 10;
CREATE MACRO finess_of(v) AS CASE
    WHEN v IS NULL OR v = '00000000' THEN NULL
    WHEN length(v) = 8 THEN v || coalesce(luhn(CASE v[1:4] WHEN '2A00' THEN '2001' WHEN '2B00' THEN '2002' ELSE v[1:4]
        END || v[5:8])::VARCHAR, '') ELSE v END;
CREATE MACRO diagnosis(v) AS nullif(split_part(replace(trim(v), '.', ''), '+', 1), '');
CREATE MACRO specialty(spe, act) AS
    CASE WHEN spe NOT IN (0, 99) THEN spe WHEN act NOT IN (0, 99) THEN 1000 + act END;
CREATE MACRO provider(n) AS
    CASE WHEN n IS NULL THEN NULL WHEN n < 1000 THEN id_of('provider' || chr(31) || 'SPE:' || n)
         ELSE id_of('provider' || chr(31) || 'ACT:' || (n - 1000)) END;
CREATE MACRO site_department(f) AS
    CASE WHEN f[1:2] = '97' THEN '97' || f[4] WHEN f[1:2] = '98' THEN '976' ELSE f[1:2] END;
"""


class Script:
    """A DuckDB and the files of a delivery or store, with the seconds of each phase."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.csv, self.folder = options.form == "csv", options.folder
        self.out, self.code_map = options.out, options.code_map
        self.spill = self.out / ".spill"
        self.phases: dict[str, dict[str, float]] = {}
        self.years: list[int] = []
        config: dict[str, str | bool | int | float | list[str]] = {"temp_directory": str(self.spill)}
        config["preserve_insertion_order"] = False
        if options.memory:
            config["memory_limit"] = options.memory
        if options.threads:
            config["threads"] = options.threads
        self.db = duckdb.connect(config=config)
        self.db.execute("SET enable_progress_bar = false")
        self.db.execute(MACROS.replace("{key}", "'" + ID_KEY + "'"))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Note the seconds of a phase."""
        wall, used = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
        yield
        now = resource.getrusage(resource.RUSAGE_SELF)
        cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
        self.phases[name] = {"cpu": round(cpu, 2), "wall": round(time.monotonic() - wall, 2)}

    def run(self, sql: str) -> None:
        """Run some SQL."""
        self.db.execute(sql)

    # ---- the files -------------------------------------------------------------------------------------------------

    def files(self) -> dict[str, dict[int, list[Path]]]:
        """The files of each table by year (0 where the table has none)."""
        found: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))
        if self.csv:
            for path in sorted(self.folder.iterdir()):
                if match := re.fullmatch(r"T_([A-Z]{3})(\d\d)([A-Z]+)", path.stem):
                    found[f"T_{match[1]}_{match[3]}"][2000 + int(match[2])].append(path)
                elif match := re.fullmatch(r"(ER_\w+_F)_(\d{4})", path.stem):
                    found[match[1]][int(match[2])].append(path)
                else:
                    found[path.stem][0].append(path)
        else:
            for table in COLUMNS:
                for group in ("snds", "nomenclatures"):
                    for path in sorted((self.folder / group / table.lower()).glob("**/part-*.parquet")):
                        part = path.relative_to(self.folder).parts[2]
                        found[table][int(part) if re.fullmatch(r"\d{4}", part) else 0].append(path)
        return found

    def read(self) -> None:
        """A view per table with its columns in native types; from CSV a table, so that each file is read once."""
        files = self.files()
        self.years = sorted(files["ER_PRS_F"])
        for table, asked in COLUMNS.items():
            columns = [(c, *kind) for c, _, *kind in (x.partition(":") for x in asked.split())]
            wanted = [(c, kind[0] or "text") for c, *kind in columns]
            if table.startswith("T_"):
                eta, num = STAY_KEYS["STC" if table.endswith("STC") else table[2:5]]
                if not table.endswith("_E"):
                    wanted += [(eta, "eta"), (num, "num")]
            parts = [self.part(table, year, paths, wanted) for year, paths in files.get(table, {}).items()]
            if not parts:
                nothing = ", ".join(f"NULL::{TYPES.get(k, 'VARCHAR')} AS {self.name(c, k)}" for c, k in wanted)
                parts = [f"SELECT 0 AS year, {nothing} WHERE false"]
            kind = "TEMP TABLE" if self.csv else "VIEW"
            self.run(f"CREATE {kind} {table} AS {' UNION ALL '.join(parts)}")

    def part(self, table: str, year: int, paths: list[Path], wanted: list[tuple[str, str]]) -> str:
        """A SELECT of the wanted columns of the files of a year."""
        names = ", ".join(f"'{path}'" for path in paths)
        if self.csv:
            with paths[0].open(encoding="utf-8") as lines:
                there = set(lines.readline().strip().split(";"))
            source = f"read_csv([{names}], delim = ';', header = true, all_varchar = true, quote = '\"', escape = '\"')"
        else:
            source = f"read_parquet([{names}])"
            there = {row[0] for row in self.db.execute(f"DESCRIBE FROM read_parquet('{paths[0]}')").fetchall()}
        said = {c: self.typed(c, k) if c in there else f"NULL::{TYPES.get(k, 'VARCHAR')}" for c, k in wanted}
        columns = ", ".join(f"{said[c]} AS {self.name(c, k)}" for c, k in wanted)
        return f"SELECT {year}::SMALLINT AS year, {columns} FROM {source}"

    @staticmethod
    def name(column: str, kind: str) -> str:
        """The name of a column in the views."""
        return kind if kind in ("eta", "num") else column

    def typed(self, column: str, kind: str) -> str:
        """The column in its type; the store has done all but the numbers that it keeps as text."""
        if kind == "int":
            return f"TRY_CAST({column} AS INT)"
        if not self.csv:
            return f"{column}::DOUBLE" if kind == "real" else column
        return {
            "real": f"TRY_CAST(replace({column}, ',', '.') AS DOUBLE)",
            "day": f"day_of({column})",
            "month": f"(right({column}, 4) || left({column}, -4))::INT",
            "code": f"code_of({column})",
            "ucd": f"right({column}, 7)",
            "finess": f"finess_of({column})",
            "who": f"nullif({column}, '00000000')",
        }.get(kind, f"{column}" if kind in ("key", "num", "eta") else f"trim({column})")

    # ---- who is who ------------------------------------------------------------------------------------------------

    def identities(self) -> None:
        """`identity`: pseudo-NIR and rank with the person (0: nobody); `person`: whoever can be in PERSON."""
        self.run("""
            CREATE TEMP TABLE state AS
            SELECT *, BEN_NIR_PSA || coalesce(BEN_RNG_GEM::VARCHAR, '') AS own,
                   coalesce(BEN_NIR_ANO, if(BEN_IDT_TOP = 1, BEN_IDT_ANO, NULL)) AS number,
                   coalesce(BEN_CDI_NIR, '00') IN ('01', '05', '06', '08', '09', '11', '12', '13', '14',
                       '15') AS fictitious
            FROM (FROM IR_BEN_R UNION ALL BY NAME FROM IR_BEN_R_ARC);
            CREATE TEMP TABLE link AS SELECT DISTINCT own, number FROM state WHERE NOT fictitious
                AND number IS NOT NULL;
            CREATE TEMP TABLE label AS
            SELECT own, coalesce(min(number) FILTER (NOT fictitious), own) AS key FROM state WHERE NOT fictitious
                GROUP BY own;
        """)
        while True:  # connected identifiers take the least number; twice is the rule
            self.run("""
                CREATE OR REPLACE TEMP TABLE next AS
                WITH numbers AS (SELECT number, min(key) AS key FROM link JOIN label USING (own) GROUP BY number)
                SELECT own, min(numbers.key) AS key FROM link JOIN numbers USING (number) GROUP BY own
            """)
            changed = self.db.execute("""
                SELECT count(*) FROM next JOIN label USING (own) WHERE next.key < label.key
            """).fetchall()[0][0]  # fmt: skip
            if not changed:
                break
            self.run("UPDATE label SET key = next.key FROM next WHERE next.own = label.own AND next.key < label.key")
        self.run("""
            -- Whom only the claims know: the latest line says who it is. The PMSI knows some whom nobody else knows.
            CREATE TEMP TABLE met AS
            SELECT BEN_NIR_PSA, BEN_RNG_GEM, arg_max({
                'sex': BEN_SEX_COD, 'year': BEN_NAI_ANN, 'dpt': BEN_RES_DPT, 'com': BEN_RES_COM, 'org': ORG_AFF_BEN},
                EXE_SOI_DTD) AS told
            FROM ER_PRS_F SEMI JOIN (
                SELECT DISTINCT BEN_NIR_PSA, BEN_RNG_GEM FROM ER_PRS_F ANTI JOIN state USING (BEN_NIR_PSA, BEN_RNG_GEM)
            ) USING (BEN_NIR_PSA, BEN_RNG_GEM)
            WHERE coalesce(BEN_CDI_NIR, '00') NOT IN ('01', '05', '06', '08', '09', '11', '12', '13', '14', '15')
            GROUP BY ALL;

            CREATE TEMP TABLE known_psa AS SELECT DISTINCT BEN_NIR_PSA FROM state UNION SELECT BEN_NIR_PSA FROM met;
            CREATE TEMP TABLE met_pmsi AS
            WITH c AS (
                SELECT 'MCO' AS field, year, eta, num, NIR_ANO_17, EXE_SOI_DTD FROM T_MCO_C
                UNION ALL SELECT 'SSR', year, eta, num, NIR_ANO_17, EXE_SOI_DTD FROM T_SSR_C
                UNION ALL SELECT 'HAD', year, eta, num, NIR_ANO_17, EXE_SOI_DTD FROM T_HAD_C
                UNION ALL SELECT 'RIP', year, eta, num, NIR_ANO_17, EXE_SOI_DTD FROM T_RIP_C
                UNION ALL SELECT 'MCO STC', year, eta, num, NIR_ANO_17, EXE_SOI_DTD FROM T_MCO_CSTC
                UNION ALL SELECT 'SSR STC', year, eta, num, NIR_ANO_17, EXE_SOI_DTD FROM T_SSR_CSTC
            ), unknown AS (
                FROM c ANTI JOIN known_psa ON BEN_NIR_PSA = NIR_ANO_17
                WHERE NIR_ANO_17 NOT SIMILAR TO '[xX]{16,17}.?|.X{16}'
            ), told AS (
                SELECT 'MCO' AS field, year, eta, num, AGE_ANN, COD_SEX FROM T_MCO_B
                UNION ALL SELECT 'SSR', year, eta, num, AGE_ANN, COD_SEX FROM T_SSR_B
                UNION ALL SELECT 'HAD', year, eta, num, AGE_ANN, COD_SEX FROM T_HAD_B
                UNION ALL SELECT 'RIP', year, eta, num, AGE_ANN, COD_SEX FROM T_RIP_RSA
                UNION ALL SELECT 'MCO STC', year, eta, num, AGE_ANN, COD_SEX FROM T_MCO_FASTC
                UNION ALL SELECT 'SSR STC', year, eta, num, AGE_ANN, COD_SEX FROM T_SSR_FASTC
            )
            SELECT NIR_ANO_17 AS BEN_NIR_PSA, arg_max(COD_SEX, EXE_SOI_DTD) AS sex,
                   arg_max(year(EXE_SOI_DTD) - coalesce(AGE_ANN, 0), EXE_SOI_DTD)::INT AS year_of_birth
            FROM unknown JOIN told USING (field, year, eta, num) GROUP BY NIR_ANO_17;

            CREATE TEMP TABLE described AS
            SELECT key, BEN_SEX_COD AS sex, nullif(nullif(BEN_NAI_ANN, 1600), 0) AS year_of_birth,
                BEN_NAI_MOI AS month_of_birth,
                   BEN_RES_DPT AS dpt, BEN_RES_COM AS com, ORG_AFF_BEN AS org
            FROM state JOIN label USING (own) WHERE NOT fictitious
            QUALIFY row_number() OVER (PARTITION BY key ORDER BY year_of_birth IS NULL, MAX_TRT_DTD DESC NULLS LAST,
                                       BEN_DTE_MAJ DESC NULLS LAST) = 1
            UNION ALL
            SELECT BEN_NIR_PSA || coalesce(BEN_RNG_GEM::VARCHAR, ''), told.sex, nullif(nullif(told.year, 1600), 0),
                NULL, told.dpt,
                   told.com, told.org FROM met
            UNION ALL SELECT BEN_NIR_PSA, sex, year_of_birth, NULL, NULL, NULL, NULL FROM met_pmsi;

            CREATE TEMP TABLE identity AS
            SELECT BEN_NIR_PSA, coalesce(BEN_RNG_GEM, -1) AS BEN_RNG_GEM, id_of('person' || chr(31) || key) AS person_id
            FROM (
                SELECT DISTINCT BEN_NIR_PSA, BEN_RNG_GEM, key FROM state JOIN label USING (own)
                UNION ALL SELECT BEN_NIR_PSA, BEN_RNG_GEM, BEN_NIR_PSA || coalesce(BEN_RNG_GEM::VARCHAR, '') FROM met
                UNION ALL SELECT BEN_NIR_PSA, NULL, BEN_NIR_PSA FROM met_pmsi
            ) SEMI JOIN (FROM described WHERE year_of_birth IS NOT NULL) USING (key);
            CREATE TEMP TABLE pseudonym AS
            SELECT *, count(DISTINCT person_id) OVER (PARTITION BY BEN_NIR_PSA) AS persons FROM identity;
        """)

    def places(self) -> None:
        """`resident`: persons with their commune and department."""
        self.run(f"""
            CREATE TEMP TABLE department AS SELECT department, region FROM read_csv('{GEOGRAPHY}/departments.csv',
                all_varchar = true);
            CREATE TEMP TABLE corsica AS FROM read_csv('{GEOGRAPHY}/corsica.csv', all_varchar = true);
            CREATE TEMP TABLE resident AS
            WITH said AS (
                SELECT id_of('person' || chr(31) || key) AS person_id, key, sex, year_of_birth, month_of_birth,
                    org[1:3] AS scheme, com IN ('000', '999') AS com_unknown, if(com IN ('000', '999'), NULL,
                        com) AS com,
                    CASE WHEN dpt IN ('000', '098', '099') THEN NULL
                         WHEN dpt[1] = '0' OR dpt[1:2] = '97' OR dpt IN ('201', '202', '209') THEN dpt END AS dpt,
                    CASE org[4:6] WHEN '201' THEN '2A' WHEN '202' THEN '2B'
                         ELSE if(org[4:5] IN ('97', '20'), org[4:6], org[4:5]) END AS of_organism
                FROM described WHERE year_of_birth IS NOT NULL
            ), written AS (
                SELECT *, CASE WHEN dpt IN ('020', '201', '202', '209') THEN '20' || com
                               WHEN dpt[1:2] = '97' AND scheme = '03A' THEN dpt || com[2:3]
                               WHEN dpt[1:2] = '97' THEN '97' || com ELSE dpt[2:3] || com END AS snds,
                    CASE WHEN dpt IN ('020', '097', '209', '979') THEN NULL WHEN dpt = '201' THEN '2A'
                        WHEN dpt = '202' THEN '2B'
                         WHEN dpt[1:2] = '97' THEN dpt ELSE dpt[2:3] END AS of_residence
                FROM said
            ), insee AS (
                SELECT w.*, if(snds[1:2] = '20', c.department || snds[3:5], snds) AS commune
                FROM written w LEFT JOIN corsica c ON snds[1:2] = '20' AND c.commune = snds[3:5]
            )
            SELECT person_id, key, sex, year_of_birth, month_of_birth, if(d.department IS NULL, NULL,
                commune) AS commune,
                coalesce(d.department, if(com_unknown, coalesce(o.department, r.department), coalesce(r.department,
                    o.department)))
                    AS department
            FROM insee i
            LEFT JOIN department d ON d.department = if(commune[1:2] = '97', commune[1:3], commune[1:2])
            LEFT JOIN department r ON r.department = of_residence
            LEFT JOIN department o ON o.department = of_organism;
        """)

    # ---- claims ----------------------------------------------------------------------------------------------------

    def maps(self) -> None:
        """Small maps: natures of service, answers for codes with the table that they go to, contents of packs."""
        self.run(f"""
            CREATE TEMP TABLE service AS
            SELECT code::INT AS nature, concept_id::INT AS concept FROM read_csv('{MAPS}/services.csv',
                all_varchar = true)
            WHERE nature = 'care';
            CREATE TYPE nomenclature AS ENUM ('CIM10', 'CCAM', 'CSARR', 'NABM', 'LPP', 'CIP13', 'CIP7', 'UCD',
                'PRS_NAT_REF');
            CREATE TEMP TABLE answer AS
            SELECT nomenclature::nomenclature AS list, code, valid_start_date AS since, valid_end_date AS until,
                place::TINYINT AS place,
                target_concept_id AS concept, source_concept_id AS source_concept, value_as_concept_id AS value_concept,
                target_domain_id AS domain
            FROM '{self.code_map}' WHERE nomenclature IN ('CIM10', 'CCAM', 'CSARR', 'NABM', 'LPP', 'CIP13', 'CIP7',
                'UCD', 'PRS_NAT_REF');
            -- Natures of service that are an act by themselves.
            CREATE TEMP TABLE act AS
            SELECT code::INT AS act, since AS act_since, until AS act_until FROM answer
            WHERE list = 'PRS_NAT_REF' AND place = 1 AND concept <> 0;
            CREATE TEMP TABLE asked AS
            SELECT nomenclature AS list, code, valid_start_date AS since, valid_end_date AS until,
                target_concept_id AS concept
            FROM '{self.code_map}' WHERE nomenclature IN ('MS_PRV_V_ENT', 'MS_PRV_V_SOR', 'MS_ENT_V', 'MS_SOR_V')
                AND place = 1;
            CREATE TEMP TABLE list_domain AS FROM (VALUES ('CIM10'::nomenclature, 'Condition'), ('CCAM', 'Procedure'),
                ('CSARR', 'Procedure'), ('NABM', 'Measurement'), ('LPP', 'Device'), ('CIP13', 'Drug'), ('CIP7',
                    'Drug'), ('UCD', 'Drug'))
                AS t(list, domain);
            -- Units in a pack: what stands before the first blank or slash; 1 where the text is a sum or says nothing.
            CREATE TEMP TABLE pack AS
            SELECT PHA_CIP_C13 AS code, max(coalesce(PHA_DOS_UNT_DSES, PHA_DOS_UNI)) AS unit,
                max(CASE WHEN told IS NULL OR told LIKE '%+%' THEN 1
                     ELSE coalesce(TRY_CAST(replace(split_part(split_part(told, '/', 1), ' ', 1), ',',
                         '.') AS DOUBLE), 1) END) AS units
            FROM (SELECT *, coalesce(nullif(trim(PHA_UPC_NBR), ''), nullif(trim(PHA_UNT_NBR_DSES), '')) AS told
                FROM IR_PHA_R)
            GROUP BY ALL;
        """)

    def lines(self) -> None:
        """`line`: what is left of the lines of care once identical ones are added up, one row per code."""
        self.run(f"""
            CREATE TEMP VIEW detail AS
            SELECT {FLUXES}, if(nullif(PHA_PRS_C13, '0') IS NULL, 'CIP7', 'CIP13')::nomenclature AS list,
                coalesce(nullif(PHA_PRS_C13, '0'), PHA_PRS_IDE) AS code, if(PHA_DEC_TOP = 1, PHA_DEC_QSU,
                    PHA_ACT_QSN) AS quantity,
                if(PHA_DEC_TOP = 1, 1, 0)::TINYINT AS activity, NULL::TINYINT AS phase, PHA_SEQ_RNV AS refills,
                    NULL::DATE AS since,
                NULL::DATE AS until, false AS in_pmsi
            FROM ER_PHA_F
            UNION ALL SELECT {FLUXES}, 'NABM', BIO_PRS_IDE, BIO_ACT_QSN, NULL, NULL, NULL, NULL, NULL, false
                FROM ER_BIO_F
            UNION ALL SELECT {FLUXES}, 'LPP', nullif(TIP_PRS_IDE, '9999999999999'), TIP_ACT_QSN, TIP_PRS_TYP, NULL,
                NULL, TIP_ACL_DTD,
                TIP_ACL_DTF, false FROM ER_TIP_F
            UNION ALL SELECT {FLUXES}, 'UCD', UCD_UCD_COD, UCD_DLV_NBR, NULL, NULL, NULL, NULL, NULL, UCD_TOP_UCD = 1
                FROM ER_UCD_F
            UNION ALL SELECT {FLUXES}, 'CCAM', CAM_PRS_IDE, 1, CAM_ACT_COD, CAM_TRT_PHA, NULL, NULL, NULL, false
                FROM ER_CAM_F;

            -- `alike` is the same for lines that may add up; few do, so that the others need not be grouped.
            CREATE TEMP TABLE line AS
            SELECT *, hash(person_id, first_day, nature, executor, code) AS alike,
                id_of(concat_ws(chr(31), 'visit_occurrence', person_id, first_day, last_day, concept, executor,
                    facility)) AS visit_id
            FROM (
                SELECT person_id, EXE_SOI_DTD AS first_day, greatest(EXE_SOI_DTF, EXE_SOI_DTD) AS last_day, nature,
                    concept,
                    coalesce(PFS_EXE_NUM, '') AS executor, coalesce(PFS_PRE_NUM, '') AS prescriber,
                        PRE_PRE_DTD AS prescribed,
                    coalesce(ETB_EXE_FIN, ETB_PRE_FIN, '') AS facility, list, code, activity, phase,
                        PRS_ACT_QTE AS acts,
                    if(list IN ('UCD', 'CCAM'), quantity * sign(PRS_ACT_QTE), quantity) AS quantity,
                    (PRS_PAI_MNT * 100)::BIGINT AS cents, ETB_EXE_FIN AS site,
                    specialty(PSE_SPE_COD, PSE_ACT_NAT) AS executing, specialty(PSP_SPE_COD,
                        PSP_ACT_NAT) AS prescribing,
                    refills, since, until
                FROM ER_PRS_F
                JOIN service ON nature = PRS_NAT_REF
                JOIN identity ON identity.BEN_NIR_PSA = ER_PRS_F.BEN_NIR_PSA
                    AND identity.BEN_RNG_GEM = coalesce(ER_PRS_F.BEN_RNG_GEM, -1)
                LEFT JOIN ER_ETE_F USING ({FLUXES})
                LEFT JOIN detail USING ({FLUXES})
                WHERE coalesce(DPN_QLF, 0) NOT IN (71, 72) AND coalesce(PRS_DPN_QLP, 0) NOT IN (71, 72)
                  AND coalesce(CPL_MAJ_TOP, 0) <> 2 AND coalesce(ETE_IND_TAA, 0) <> 1
                  AND coalesce(ETE_MCO_DDP, 'Z') IN ('Z', 'X') AND in_pmsi IS NOT true AND EXE_SOI_DTD IS NOT NULL
                  AND coalesce(BEN_CDI_NIR, '00') NOT IN ('01', '05', '06', '08', '09', '11', '12', '13', '14', '15')
            );
            CREATE TEMP TABLE several AS
            SELECT alike FROM line GROUP BY alike HAVING count(*) > 1;
            CREATE TEMP TABLE added AS
            SELECT person_id, first_day, last_day, nature, concept, executor, prescriber, prescribed, facility, list,
                code, activity,
                phase, sum(acts) AS acts, sum(quantity) AS quantity, sum(cents)::BIGINT AS cents, max(site) AS site,
                min(executing) AS executing, min(prescribing) AS prescribing, min(refills) AS refills,
                    max(since) AS since,
                max(until) AS until, alike, visit_id
            FROM line SEMI JOIN several USING (alike) GROUP BY ALL;
            -- A cancelling line that came without its facility meets the only line that agrees on the rest.
            CREATE TEMP TABLE cancelled AS
            SELECT n.rowid AS negative, min(p.rowid) AS positive, min(n.acts) AS acts, min(n.quantity) AS quantity,
                min(n.cents) AS cents
            FROM (SELECT *, rowid FROM added WHERE facility = '' AND acts < 0) n
            JOIN (SELECT *, rowid FROM added WHERE facility <> '' AND acts > 0) p
              ON p.person_id = n.person_id AND p.first_day = n.first_day AND p.last_day = n.last_day
                  AND p.nature = n.nature
             AND p.executor = n.executor AND p.prescriber = n.prescriber AND p.prescribed IS NOT DISTINCT
                 FROM n.prescribed
             AND p.list IS NOT DISTINCT FROM n.list AND p.code IS NOT DISTINCT FROM n.code
             AND p.activity IS NOT DISTINCT FROM n.activity AND p.phase IS NOT DISTINCT FROM n.phase
            GROUP BY n.rowid HAVING count(*) = 1;
            UPDATE added SET acts = added.acts + c.acts, quantity = added.quantity + c.quantity,
                cents = added.cents + c.cents
            FROM (SELECT positive, sum(acts) AS acts, sum(quantity) AS quantity, sum(cents) AS cents FROM cancelled
                GROUP BY positive) c
            WHERE added.rowid = c.positive;
            DELETE FROM line WHERE alike IN (FROM several);
            INSERT INTO line FROM added WHERE acts > 0;
            -- Of an act the smallest activity stays, whoever did the others.
            CREATE TEMP TABLE same_act AS
            SELECT row FROM (
                SELECT rowid AS row, activity, min(activity) OVER (PARTITION BY person_id, first_day, last_day,
                    facility, code, phase)
                    AS least
                FROM line WHERE list = 'CCAM' AND acts > 0
            ) WHERE activity > least;
            DELETE FROM line WHERE rowid IN (FROM same_act);
        """)

    def claims(self) -> None:
        """`visit` and `event` of the claims."""
        self.run("""
            CREATE TEMP TABLE visit AS
            SELECT visit_id, any_value(person_id) AS person_id, any_value(first_day) AS first_day,
                any_value(last_day) AS last_day,
                any_value(concept) AS concept, max(site) AS site, arg_max(nature, cents * 100000 - nature) AS nature,
                arg_max(executing, cents * 100000 - nature) AS executing
            FROM line WHERE acts > 0 GROUP BY visit_id;

            CREATE TEMP TABLE event AS
            SELECT id_of(concat_ws(chr(31), 'event', person_id, first_day, last_day, nature, executor, prescriber,
                txt(prescribed),
                    facility, coalesce(list, 'PRS_NAT_REF'), txt(code), txt(activity), txt(phase))) AS event_id,
                person_id, visit_id, coalesce(list, 'PRS_NAT_REF') AS list, coalesce(code, nature::VARCHAR) AS code,
                if(list = 'LPP', coalesce(since, first_day), first_day) AS start_date,
                CASE coalesce(list, 'PRS_NAT_REF') WHEN 'CCAM' THEN last_day WHEN 'PRS_NAT_REF' THEN last_day
                          WHEN 'LPP' THEN if(activity = 1, NULL, until)
                          WHEN 'CIP13' THEN first_day + 29 WHEN 'CIP7' THEN first_day + 29
                              WHEN 'UCD' THEN first_day + 29 END AS end_date,
                if(list IN ('CIP13', 'CIP7', 'UCD'), 32869, 32810) AS type, NULL::VARCHAR AS status,
                CASE WHEN list = 'CIP13' AND activity = 0 THEN quantity * coalesce(units, 1)
                     WHEN list IS NULL THEN acts ELSE quantity END AS quantity,
                if(list IN ('CIP13', 'CIP7', 'UCD'), 30, NULL) AS days, refills, unit,
                if(list IN ('CCAM', 'NABM') OR list IS NULL, executing, prescribing) AS provider,
                if(list = 'CCAM', activity || '/' || coalesce(phase, 0), NULL) AS modifier
            FROM line LEFT JOIN pack USING (code)
            LEFT JOIN act ON act = nature AND list IS NULL AND first_day BETWEEN act_since AND act_until
            WHERE acts > 0 AND (quantity > 0 AND code IS NOT NULL OR act IS NOT NULL);
        """)

    # ---- hospitals -------------------------------------------------------------------------------------------------

    def stays(self) -> None:
        """`part`: rows of C and CSTC that count; then visits and events, as of the claims."""
        self.run("""
            CREATE TEMP TABLE part (field VARCHAR, year SMALLINT, eta VARCHAR, num VARCHAR, person_id BIGINT,
                start DATE, last DATE,
                concept INT, came VARCHAR, came_list VARCHAR, went VARCHAR, went_list VARCHAR);
            CREATE TEMP TABLE diagnosed (field VARCHAR, year SMALLINT, eta VARCHAR, num VARCHAR, status VARCHAR,
                code VARCHAR);
            CREATE TEMP TABLE acted (field VARCHAR, year SMALLINT, eta VARCHAR, num VARCHAR, list nomenclature,
                code VARCHAR, day DATE,
                quantity DOUBLE, activity INT, phase INT, source VARCHAR);
        """)  # fmt: skip
        self.mco()
        self.external("MCO")
        self.external("SSR")
        self.rehabilitation()
        self.at_home()
        self.psychiatry()
        self.run("""
            CREATE TEMP TABLE chain AS
            SELECT *, CASE WHEN field IN ('SSR', 'HAD', 'RIP')
                THEN id_of('visit_occurrence' || chr(31) || field || chr(31) || person_id || chr(31) || eta || chr(31)
                    || start)
                ELSE id_of('visit_occurrence' || chr(31) || field || chr(31) || year || chr(31) || eta || chr(31)
                    || num || chr(31)
                    || person_id) END AS visit_id
            FROM part;
            CREATE TEMP TABLE hospital_visit AS
            SELECT visit_id, any_value(field) AS field, person_id, any_value(start) AS start, max(last) AS last,
                any_value(eta) AS eta,
                arg_min(concept, year) AS concept, arg_min(came, year) AS came, arg_min(came_list, year) AS came_list,
                arg_max(went, year) AS went, arg_max(went_list, year) AS went_list
            FROM chain GROUP BY visit_id, person_id;

            CREATE TEMP TABLE told AS
            SELECT visit_id, person_id, field, start AS day, last AS until, 'CIM10'::nomenclature AS list, status, code,
                1::DOUBLE AS quantity, NULL::INT AS activity, NULL::INT AS phase
            FROM (SELECT DISTINCT visit_id, chain.person_id, chain.field, status, code
                  FROM diagnosed JOIN chain USING (field, year, eta, num) WHERE code IS NOT NULL)
            JOIN (SELECT visit_id, start, last FROM hospital_visit) USING (visit_id)
            UNION ALL
            SELECT visit_id, person_id, field, day, day, list, NULL, code, sum(quantity), activity, phase FROM (
                SELECT visit_id, person_id, field, day, list, code, quantity, activity, phase,
                    rank() OVER (PARTITION BY visit_id, list, day, code, phase ORDER BY activity) AS place
                FROM acted JOIN chain USING (field, year, eta, num) WHERE list <> 'UCD' AND phase IN (0, 1)
            ) WHERE place = 1 GROUP BY ALL
            UNION ALL
            SELECT visit_id, person_id, field, day, day, list, NULL, code, sum(quantity), NULL, NULL FROM (
                SELECT visit_id, person_id, field, day, list, code, quantity,
                    dense_rank() OVER (PARTITION BY visit_id, day, code ORDER BY source = 'MEDATU') AS place
                FROM acted JOIN chain USING (field, year, eta, num) WHERE list = 'UCD' AND quantity > 0
            ) WHERE place = 1 OR code NOT IN ('9261104', '9261110') GROUP BY ALL;

            INSERT INTO event BY NAME
            SELECT id_of('event' || chr(31) || visit_id || chr(31) || day || chr(31) || list || chr(31) || code
                || chr(31) || txt(status)
                    || chr(31) || txt(activity) || chr(31) || txt(phase)) AS event_id,
                person_id, visit_id, list, code, day AS start_date, if(list IN ('LPP'), NULL, until) AS end_date,
                if(field LIKE '%STC', 32859, 32853) AS type, status, quantity, if(list = 'UCD', 1, NULL) AS days,
                if(list = 'CCAM', activity || '/' || phase, NULL) AS modifier
            FROM told;
        """)

    def chained(self, table: str) -> str:
        """Rows of C that are chained, and whose they are; under a pseudonym of twins the rank of birth says it."""
        codes = EXTERNAL if table.endswith("STC") else RETURNED
        fine = " AND ".join(f"coalesce({c.removesuffix(':code')}, '0') = '0'" for c in codes.split())
        return f"""(
            SELECT DISTINCT year, eta, num, EXE_SOI_DTD AS start, greatest(EXE_SOI_DTF, EXE_SOI_DTD) AS last, person_id
            FROM {table} JOIN pseudonym ON NIR_ANO_17 = BEN_NIR_PSA AND (persons = 1 OR RNG_NAI = BEN_RNG_GEM)
            WHERE {fine} AND EXE_SOI_DTD IS NOT NULL AND NIR_ANO_17 NOT SIMILAR TO '[xX]{{16,17}}.?|.X{{16}}'
        )"""

    CAME_AND_WENT = """coalesce(ENT_PRV, ENT_MOD), if(ENT_PRV IS NULL, 'MS_ENT_V', 'MS_PRV_V_ENT'),
        coalesce(SOR_DES, SOR_MOD), if(SOR_DES IS NULL, 'MS_SOR_V', 'MS_PRV_V_SOR')"""

    def diagnoses(self, field: str, table: str, **columns: str) -> None:
        """Add the diagnoses of a table, by column and status."""
        for column, status in columns.items():
            found = f"SELECT '{field}', year, eta, num, '{status}', diagnosis({column}) FROM {table}"
            self.run(f"INSERT INTO diagnosed {found} WHERE {column} IS NOT NULL")

    def acts(
        self, field: str, what: str, table: str, code: str, delay: str, quantity: str, activity: str = "0",
        phase: str = "0", joined: str = "", origin: str = "start",
    ) -> None:  # fmt: skip
        """Add what hangs on a row of C and happens some days after an origin."""
        self.run(f"""
            INSERT INTO acted SELECT '{field}', year, eta, num, '{what}', trim({code}), {origin} + coalesce({delay},
                0), {quantity},
                coalesce({activity}, 0), coalesce({phase}, 0), '{table.rsplit("_", maxsplit=1)[-1]}'
            FROM {table} JOIN (FROM part WHERE field = '{field}') USING (year, eta, num) {joined}
                WHERE {code} IS NOT NULL
        """)

    def mco(self) -> None:
        """MCO: acute stays."""
        """Add what hangs on a row of C and happens some days after an origin."""
        self.run(f"""
            INSERT INTO part
            SELECT 'MCO', year, eta, num, person_id, start, last,
                CASE WHEN GRG_GHM LIKE '28%' THEN 9202
                     WHEN last = start THEN if(ENT_PRV IN ('5', 'U'), 9203, 9202)
                     ELSE if(ENT_PRV IN ('5', 'U'), 262, 9201) END, {self.CAME_AND_WENT}
            FROM {self.chained("T_MCO_C")} JOIN T_MCO_B USING (year, eta, num)
            WHERE coalesce(GRG_GHM, '') NOT LIKE '90%' AND SEJ_TYP IS DISTINCT FROM 'B'
              AND NOT (year <= 2017 AND eta IN {tuple((AP_HM_AP_HP + " " + HCL).split())})
        """)
        self.diagnoses("MCO", "T_MCO_B", DGN_PAL="DP", DGN_REL="DR")
        self.diagnoses("MCO", "T_MCO_UM", DGN_PAL="DP", DGN_REL="DR")
        self.diagnoses("MCO", "T_MCO_D", ASS_DGN="DAS")
        self.acts("MCO", "CCAM", "T_MCO_A", "CDC_ACT", "ENT_DAT_DEL", "NBR_EXE_ACT", "ACV_ACT", "PHA_ACT")
        self.acts("MCO", "UCD", "T_MCO_MED", "UCD_UCD_COD", "DELAI", "ADM_NBR / coalesce(NBR_SEJ, 1)")
        self.acts("MCO", "UCD", "T_MCO_MEDATU", "UCD_UCD_COD", "DAT_DELAI", "ADM_NBR / coalesce(SEJ_NBR, 1)")
        self.acts("MCO", "UCD", "T_MCO_MEDTHROMBO", "UCD_UCD_COD", "DAT_DELAI", "ADM_NBR / coalesce(SEJ_NBR, 1)")
        self.acts("MCO", "LPP", "T_MCO_DMIP", "LPP_COD", "DELAI", "NBR_POS")

    def external(self, field: str) -> None:
        """A day of external care; through emergencies where the fee ATU is billed."""
        stc, mco = f"{field} STC", field == "MCO"
        billed = "SELECT (year, eta, num) FROM T_MCO_FBSTC WHERE trim(ACT_COD) = 'ATU'"
        atu = f"(year, eta, num) IN ({billed})" if mco else "false"
        twice = f"year <= 2017 AND eta IN {tuple(AP_HM_AP_HP.split())}" if mco else "false"
        self.run(f"""
            INSERT INTO part
            SELECT '{stc}', year, eta, num, person_id, start, coalesce(last, start), if({atu}, 9203, 9202), NULL,
                NULL, NULL, NULL
            FROM {self.chained(f"T_{field}_CSTC")} WHERE NOT ({twice})
        """)
        self.acts(stc, "NABM", f"T_{field}_FLSTC", "NABM_COD", "DEL_DAT_ENT", "ACT_NBR")
        self.acts(stc, "CCAM", f"T_{field}_FMSTC", "CCAM_COD", "DEL_DAT_ENT", "1", "ACV_ACT", "PHA_ACT")
        if mco:
            self.acts(stc, "UCD", "T_MCO_FHSTC", "UCD_UCD_COD", "DEL_DAT_ENT", "QUA")
            self.acts(stc, "LPP", "T_MCO_FPSTC", "LPP_COD", "DEL_DAT_ENT", "LPP_QUA")

    def rehabilitation(self) -> None:
        """SSR: weeks of the year before are repeats; the stay is what its first week says."""
        self.run(f"""
            CREATE TEMP TABLE week AS
            SELECT * FROM T_SSR_B WHERE MOI_ANN // 100 = year AND coalesce(GRG_GME, '') NOT LIKE '90%'
              AND (TYP_GEN_RHA IN ('0', '4') OR TYP_GEN_RHA IS NULL);
            INSERT INTO part
            SELECT 'SSR', year, eta, num, person_id, start, last, if(HOS_TYP_UM IN ('2', '4'), 9202, 9201),
                {self.CAME_AND_WENT}
            FROM {self.chained("T_SSR_C")} JOIN (
                SELECT year, eta, num, arg_min(HOS_TYP_UM, RHS_ANT_SEJ_ENT) AS HOS_TYP_UM, arg_min(ENT_PRV,
                    RHS_ANT_SEJ_ENT) AS ENT_PRV,
                    arg_min(ENT_MOD, RHS_ANT_SEJ_ENT) AS ENT_MOD, arg_max(SOR_DES, RHS_ANT_SEJ_ENT) AS SOR_DES,
                    arg_max(SOR_MOD, RHS_ANT_SEJ_ENT) AS SOR_MOD
                FROM week GROUP BY ALL
            ) USING (year, eta, num)
        """)
        here = "SEMI JOIN week USING (year, eta, num, RHS_NUM)"
        self.diagnoses("SSR", "week", FP_PEC="FPP", MOR_PRP="MMP", ETL_AFF="AE")
        self.diagnoses("SSR", f"T_SSR_D {here}", DGN_COD="DAS")
        self.acts("SSR", "CCAM", "T_SSR_CCAM", "CCAM_ACT", "CCAM_DEL_ENT_UM", "CCAM_NBR_REA", "CCAM_COD_ACT",
                  "CCAM_PHA_ACT", here)  # fmt: skip
        self.acts("SSR", "CSARR", "T_SSR_CSARR", "CSARR_COD", "ENT_DAT_DEL_UM", "NBR_CSARR", joined=here)
        self.acts("SSR", "UCD", "T_SSR_MED", "UCD_UCD_COD", "DAT_DELAI", "ADM_NBR", joined=here)
        self.acts("SSR", "UCD", "T_SSR_MEDATU", "UCD_UCD_COD", "DAT_DELAI", "ADM_NBR", joined=here)

    def at_home(self) -> None:
        """HAD: acts count from the first day of their sub-sequence, drugs from the entry."""
        self.run(f"""
            CREATE TEMP TABLE home AS
            FROM T_HAD_B ANTI JOIN (FROM T_HAD_GRP WHERE GHT_NUM = '99') USING (year, eta, num, SEQ_NUM, SSEQ_NUM);
            INSERT INTO part
            SELECT 'HAD', year, eta, num, person_id, start, last, 581476, {self.CAME_AND_WENT}
            FROM {self.chained("T_HAD_C")} JOIN (
                SELECT year, eta, num, arg_min(ENT_PRV, place) AS ENT_PRV, arg_min(ENT_MOD, place) AS ENT_MOD,
                    arg_max(SOR_DES, place) AS SOR_DES, arg_max(SOR_MOD, place) AS SOR_MOD
                FROM (SELECT *, SEQ_NUM || SSEQ_NUM AS place FROM home) GROUP BY ALL
            ) USING (year, eta, num)
        """)
        here = "USING (year, eta, num, SEQ_NUM, SSEQ_NUM)"
        self.diagnoses("HAD", "home", DGN_PAL="DP")
        self.diagnoses("HAD", f"T_HAD_D SEMI JOIN home {here}", DGN_ASS="DAS")
        self.diagnoses("HAD", f"T_HAD_DMPP SEMI JOIN home {here}", DGN_ASS_MPP="MPP")
        self.diagnoses("HAD", f"T_HAD_DMPA SEMI JOIN home {here}", DGN_ASS_MPA="MPA")
        self.acts("HAD", "CCAM", "T_HAD_A", "CCAM_COD", "DEL_DEB_SSEQ", "REAL_NBR", "ACT_COD", "PHA_COD",
                  f"JOIN home {here}", "start + SEQ_SEJ_NBJ + SSEQ_SEQ_NBJ")  # fmt: skip
        for table in ("T_HAD_MED", "T_HAD_MEDATU", "T_HAD_MEDCHL"):
            self.acts("HAD", "UCD", table, "UCD_UCD_COD", "DAT_DELAI", "ADM_NBR / coalesce(SEJ_NBR, 1)")

    def psychiatry(self) -> None:
        """RIP: acts count from the first day of their first sequence, which also says what the stay is."""
        self.run(f"""
            CREATE TEMP TABLE sequence AS
            FROM T_RIP_RSA WHERE SEQ_IND IS DISTINCT FROM 'E' AND (TYP_GEN_RSA = '0' OR TYP_GEN_RSA IS NULL);
            CREATE TEMP TABLE course AS
            SELECT year, eta, num, min(DEL_DAT) AS begins, arg_min(FOR_ACT, DEL_DAT) AS FOR_ACT, arg_min(ENT_PRV,
                DEL_DAT) AS ENT_PRV,
                arg_min(ENT_MOD, DEL_DAT) AS ENT_MOD, arg_max(SOR_DES, DEL_DAT) AS SOR_DES, arg_max(SOR_MOD,
                    DEL_DAT) AS SOR_MOD
            FROM sequence GROUP BY ALL;
            INSERT INTO part
            SELECT 'RIP', year, eta, num, person_id, start, last, if(FOR_ACT IN ('20', '21', '22', '23'), 9202, 9201),
                {self.CAME_AND_WENT}
            FROM {self.chained("T_RIP_C")} JOIN course USING (year, eta, num)
        """)
        self.diagnoses("RIP", "sequence", DGN_PAL="DP")
        self.diagnoses("RIP", "T_RIP_RSAD SEMI JOIN sequence USING (year, eta, num, SEQ_SEQ_NUM)", ASS_DGN="DAS")
        self.acts("RIP", "CCAM", "T_RIP_CCAM", "CDC_ACT", "ENT_DAT_DEL", "NBR_EXE_ACT", "ACV_ACT", "PHA_ACT",
                  "JOIN course USING (year, eta, num)", "start + begins")  # fmt: skip

    def long_term(self) -> None:
        """The last state of each long-term disease is a condition without a visit."""
        self.run("""
            INSERT INTO event BY NAME
            SELECT id_of('event' || chr(31) || 'IR_IMB_R' || chr(31) || person_id || chr(31) || start_date || chr(31)
                || code || chr(31)
                    || IMB_ETM_NAT) AS event_id,
                person_id, 'CIM10'::nomenclature AS list, code, start_date, if(year(IMB_ALD_DTF) >= 2099, NULL,
                    IMB_ALD_DTF) AS end_date,
                32810 AS type, 'ALD' AS status, 1 AS quantity
            FROM (
                SELECT person_id, diagnosis(MED_MTF_COD) AS code, IMB_ETM_NAT, IMB_ALD_DTD, IMB_ALD_DTF,
                    coalesce(IMB_ALD_DTD, INS_DTE) AS start_date
                FROM IR_IMB_R i JOIN identity d ON d.BEN_NIR_PSA = i.BEN_NIR_PSA
                    AND d.BEN_RNG_GEM = coalesce(i.BEN_RNG_GEM, -1)
                WHERE IMB_ETM_NAT IN (41, 43, 45) AND coalesce(MED_NCL_IDT, 'CIM10') = 'CIM10'
                QUALIFY row_number() OVER (PARTITION BY person_id, trim(MED_MTF_COD), IMB_ETM_NAT, IMB_ALD_DTD
                    ORDER BY greatest(INS_DTE, UPD_DTE) DESC NULLS LAST, INS_DTE DESC NULLS LAST) = 1
            ) WHERE start_date IS NOT NULL AND code IS NOT NULL
        """)

    # ---- the tables ------------------------------------------------------------------------------------------------

    def write(self, table: str, sql: str) -> None:
        """Write a table."""
        self.run(f"COPY ({sql}) TO '{self.out / table}.parquet' (FORMAT parquet, COMPRESSION zstd)")

    def write_people(self) -> None:
        """LOCATION, CARE_SITE, PERSON."""
        self.run("""
            CREATE TEMP TABLE site AS
            SELECT site, max(name) AS name FROM (
                SELECT IDE_ETA_NUM AS site, trim(IDE_ETA_NOM) AS name FROM BE_IDE_R
                UNION ALL SELECT ETA_NUM, trim(SOC_RAI) FROM T_MCO_E UNION ALL SELECT ETA_NUM, trim(SOC_RAI)
                    FROM T_SSR_E
                UNION ALL SELECT ETA_NUM, trim(SOC_RAI) FROM T_HAD_E UNION ALL SELECT ETA_NUM, trim(SOC_RAI)
                    FROM T_RIP_E
                UNION ALL (SELECT DISTINCT ETB_EXE_FIN, NULL FROM ER_ETE_F)
                UNION ALL (SELECT DISTINCT eta, NULL FROM part)
            ) WHERE site IS NOT NULL GROUP BY site
        """)
        self.write("location", """
            SELECT id_of('location' || chr(31) || coalesce(zip, p.department)) AS location_id,
                NULL::VARCHAR AS address_1,
                NULL::VARCHAR AS address_2, NULL::VARCHAR AS city, region AS state, zip, p.department AS county,
                coalesce(zip, p.department) AS location_source_value, NULL::BIGINT AS country_concept_id,
                    'FR' AS country_source_value,
                NULL::DOUBLE AS latitude, NULL::DOUBLE AS longitude
            FROM (
                SELECT commune AS zip, department FROM resident WHERE department IS NOT NULL
                UNION SELECT NULL, site_department(site) FROM site
            ) p JOIN department d ON d.department = p.department
        """)  # fmt: skip
        self.write("care_site", """
            WITH located AS (
                SELECT site, name, if(department IS NULL, NULL, id_of('location' || chr(31)
                    || department)) AS location_id
                FROM site LEFT JOIN department ON department = site_department(site)
            ), unit AS (
                SELECT DISTINCT coalesce(ETA_NUM_GEO, eta) AS site, AUT_TYP1_UM AS type FROM T_MCO_UM
                    WHERE AUT_TYP1_UM IS NOT NULL
                UNION SELECT DISTINCT coalesce(ETA_NUM_GEO, eta), AUT_TYP_UM FROM T_SSR_B WHERE AUT_TYP_UM IS NOT NULL
            )
            SELECT id_of('care_site' || chr(31) || site) AS care_site_id, name AS care_site_name,
                0 AS place_of_service_concept_id,
                location_id, site AS care_site_source_value, NULL::VARCHAR AS place_of_service_source_value
            FROM located
            UNION ALL
            SELECT id_of('care_site' || chr(31) || site || '_' || type), name, 0, location_id, site || '_' || type, type
            FROM unit LEFT JOIN located USING (site)
        """)  # fmt: skip
        self.write("person", """
            SELECT person_id, CASE sex WHEN 1 THEN 8507 WHEN 2 THEN 8532 ELSE 0 END AS gender_concept_id,
                year_of_birth, month_of_birth,
                NULL::INT AS day_of_birth, NULL::TIMESTAMP AS birth_datetime, 0 AS race_concept_id,
                    0 AS ethnicity_concept_id,
                CASE WHEN coalesce(commune, department) IS NOT NULL
                    THEN id_of('location' || chr(31) || coalesce(commune, department)) END AS location_id,
                NULL::BIGINT AS provider_id, NULL::BIGINT AS care_site_id, key AS person_source_value,
                sex::VARCHAR AS gender_source_value, 0 AS gender_source_concept_id, NULL::VARCHAR AS race_source_value,
                0 AS race_source_concept_id, NULL::VARCHAR AS ethnicity_source_value, 0 AS ethnicity_source_concept_id
            FROM resident
        """)  # fmt: skip

    def write_visits(self) -> None:
        """VISIT_OCCURRENCE."""
        # Few sites and specialties: their ids are made once each.
        self.run("""
            CREATE TEMP TABLE specialist AS
            SELECT n, provider(n) AS provider_id
            FROM (SELECT executing AS n FROM visit UNION SELECT provider FROM event) WHERE n IS NOT NULL;
            CREATE TEMP TABLE site_id AS SELECT site, id_of('care_site' || chr(31) || site) AS care_site_id FROM site;
        """)
        self.write("visit_occurrence", """
            SELECT visit_id AS visit_occurrence_id, person_id, v.concept AS visit_concept_id,
                first_day AS visit_start_date,
                first_day::TIMESTAMP AS visit_start_datetime, last_day AS visit_end_date,
                    last_day::TIMESTAMP AS visit_end_datetime,
                v.type AS visit_type_concept_id, provider_id, care_site_id, source AS visit_source_value,
                0 AS visit_source_concept_id, if(came IS NULL, NULL, coalesce(a.concept,
                    0)) AS admitted_from_concept_id,
                came AS admitted_from_source_value, if(went IS NULL, NULL, coalesce(d.concept,
                    0)) AS discharged_to_concept_id,
                went AS discharged_to_source_value, NULL::BIGINT AS preceding_visit_occurrence_id
            FROM (
                SELECT visit_id, person_id, concept, first_day, last_day, if(concept = 581458, 32869, 32810) AS type,
                    provider_id,
                    site, nature::VARCHAR AS source, NULL AS came_list, NULL AS came, NULL AS went_list, NULL AS went
                FROM visit LEFT JOIN specialist ON n = executing
                UNION ALL
                SELECT visit_id, person_id, concept, start, last, if(field LIKE '%STC', 32859, 32853), NULL, eta,
                    field, came_list, came,
                    went_list, went
                FROM hospital_visit
            ) v
            LEFT JOIN site_id USING (site)
            LEFT JOIN asked a ON a.list = came_list AND a.code = came AND first_day BETWEEN a.since AND a.until
            LEFT JOIN asked d ON d.list = went_list AND d.code = went AND first_day BETWEEN d.since AND d.until
        """)  # fmt: skip

    def route(self) -> None:
        """`routed`: events with their concepts and the domain that says their table."""
        self.run("""
            CREATE TYPE domain AS ENUM ('Condition', 'Procedure', 'Drug', 'Device', 'Measurement');
            CREATE TEMP TABLE target AS
            SELECT list, code, since, until, place, concept, source_concept, value_concept, domain FROM answer
            UNION ALL
            SELECT list, code, DATE '1900-01-01', DATE '9999-12-31', 1, 0, 0, NULL, domain
            FROM (SELECT DISTINCT list, code FROM event) ANTI JOIN answer USING (list, code)
                JOIN list_domain USING (list);
            CREATE TEMP TABLE routed AS
            SELECT if(place = 1, event_id, id_of('event' || chr(31) || event_id || chr(31) || place)) AS event_id,
                person_id, visit_id,
                domain::domain AS domain, concept, source_concept, value_concept, event.code, start_date, end_date,
                    type, status, quantity,
                days, refills, unit, provider_id, modifier
            FROM event
            JOIN target ON target.list = event.list AND target.code = event.code AND start_date BETWEEN since AND until
            LEFT JOIN specialist ON n = provider
            WHERE domain IN ('Condition', 'Procedure', 'Drug', 'Device', 'Measurement');
        """)

    def write_events(self) -> None:
        """The tables of events."""
        self.write("condition_occurrence", """
            SELECT event_id AS condition_occurrence_id, person_id, concept AS condition_concept_id,
                start_date AS condition_start_date, start_date::TIMESTAMP AS condition_start_datetime,
                end_date AS condition_end_date, end_date::TIMESTAMP AS condition_end_datetime,
                    type AS condition_type_concept_id,
                CASE WHEN status IN ('DP', 'MPP', 'FPP', 'MMP', 'AE') THEN 32902 WHEN status IN ('DR', 'DAS',
                    'MPA') THEN 32908
                     WHEN status = 'ALD' THEN 0 END AS condition_status_concept_id,
                NULL::VARCHAR AS stop_reason, provider_id, visit_id AS visit_occurrence_id,
                    NULL::BIGINT AS visit_detail_id,
                code AS condition_source_value, source_concept AS condition_source_concept_id,
                status AS condition_status_source_value
            FROM routed WHERE domain = 'Condition'
        """)  # fmt: skip
        self.write("procedure_occurrence", """
            SELECT event_id AS procedure_occurrence_id, person_id, concept AS procedure_concept_id,
                start_date AS procedure_date,
                start_date::TIMESTAMP AS procedure_datetime, end_date AS procedure_end_date,
                end_date::TIMESTAMP AS procedure_end_datetime, type AS procedure_type_concept_id,
                    0 AS modifier_concept_id,
                greatest(floor(quantity + 0.5), 1)::BIGINT AS quantity, provider_id, visit_id AS visit_occurrence_id,
                NULL::BIGINT AS visit_detail_id, code AS procedure_source_value,
                    source_concept AS procedure_source_concept_id,
                modifier AS modifier_source_value
            FROM routed WHERE domain = 'Procedure'
        """)  # fmt: skip
        self.write("drug_exposure", """
            SELECT event_id AS drug_exposure_id, person_id, concept AS drug_concept_id,
                start_date AS drug_exposure_start_date,
                start_date::TIMESTAMP AS drug_exposure_start_datetime, coalesce(end_date,
                    start_date) AS drug_exposure_end_date,
                coalesce(end_date, start_date)::TIMESTAMP AS drug_exposure_end_datetime,
                    NULL::DATE AS verbatim_end_date,
                type AS drug_type_concept_id, NULL::VARCHAR AS stop_reason, refills, quantity, days AS days_supply,
                NULL::VARCHAR AS sig, NULL::BIGINT AS route_concept_id, NULL::VARCHAR AS lot_number, provider_id,
                visit_id AS visit_occurrence_id, NULL::BIGINT AS visit_detail_id, code AS drug_source_value,
                source_concept AS drug_source_concept_id, NULL::VARCHAR AS route_source_value,
                    unit AS dose_unit_source_value
            FROM routed WHERE domain = 'Drug'
        """)  # fmt: skip
        self.write("device_exposure", """
            SELECT event_id AS device_exposure_id, person_id, concept AS device_concept_id,
                start_date AS device_exposure_start_date,
                start_date::TIMESTAMP AS device_exposure_start_datetime, end_date AS device_exposure_end_date,
                end_date::TIMESTAMP AS device_exposure_end_datetime, type AS device_type_concept_id,
                NULL::VARCHAR AS unique_device_id, NULL::VARCHAR AS production_id,
                greatest(floor(quantity + 0.5), 1)::BIGINT AS quantity, provider_id, visit_id AS visit_occurrence_id,
                NULL::BIGINT AS visit_detail_id, code AS device_source_value,
                    source_concept AS device_source_concept_id,
                NULL::BIGINT AS unit_concept_id, NULL::VARCHAR AS unit_source_value,
                    NULL::BIGINT AS unit_source_concept_id
            FROM routed WHERE domain = 'Device'
        """)  # fmt: skip
        self.write("measurement", """
            SELECT event_id AS measurement_id, person_id, concept AS measurement_concept_id,
                start_date AS measurement_date,
                start_date::TIMESTAMP AS measurement_datetime, NULL::VARCHAR AS measurement_time,
                    type AS measurement_type_concept_id,
                NULL::BIGINT AS operator_concept_id, NULL::DOUBLE AS value_as_number,
                    value_concept AS value_as_concept_id,
                NULL::BIGINT AS unit_concept_id, NULL::DOUBLE AS range_low, NULL::DOUBLE AS range_high, provider_id,
                visit_id AS visit_occurrence_id, NULL::BIGINT AS visit_detail_id, code AS measurement_source_value,
                source_concept AS measurement_source_concept_id, NULL::VARCHAR AS unit_source_value,
                NULL::BIGINT AS unit_source_concept_id, NULL::VARCHAR AS value_source_value,
                    NULL::BIGINT AS measurement_event_id,
                NULL::BIGINT AS meas_event_field_concept_id
            FROM routed WHERE domain = 'Measurement'
        """)  # fmt: skip

    def write_periods(self) -> None:
        """OBSERVATION_PERIOD."""
        self.write("observation_period", f"""
            WITH known AS (SELECT DISTINCT BEN_IDT_ANO, person_id
                FROM state JOIN identity ON identity.BEN_NIR_PSA = state.BEN_NIR_PSA
                    AND identity.BEN_RNG_GEM = coalesce(state.BEN_RNG_GEM, -1)
            ), died AS (
                SELECT person_id, coalesce(min(day) FILTER (first), max(day)) AS day FROM (
                    SELECT person_id, BEN_DCD_DTE AS day, true AS first FROM KI_CCI_R JOIN known USING (BEN_IDT_ANO)
                    WHERE DCD_IDT_TOP = 1
                    UNION ALL
                    SELECT person_id, BEN_DCD_DTE, false FROM (
                        SELECT DISTINCT BEN_NIR_PSA, coalesce(BEN_RNG_GEM, -1) AS BEN_RNG_GEM, BEN_DCD_DTE FROM state
                        WHERE BEN_DCD_DTE IS NOT NULL
                        UNION SELECT BEN_NIR_PSA, coalesce(BEN_RNG_GEM, -1), BEN_DCD_DTE FROM ER_PRS_F
                            WHERE BEN_DCD_DTE IS NOT NULL
                    ) JOIN identity USING (BEN_NIR_PSA, BEN_RNG_GEM)
                    UNION ALL SELECT person_id, last, false FROM hospital_visit WHERE went_list = 'MS_SOR_V'
                        AND went = '9'
                ) GROUP BY person_id
            ), met AS (
                SELECT person_id, min(first_day) AS first_day
                FROM (SELECT person_id, first_day FROM visit UNION ALL SELECT person_id, start FROM hospital_visit)
                    GROUP BY person_id
            ), bounded AS (
                SELECT person_id, greatest(first_day, DATE '{self.years[0]}-01-01') AS first_day,
                    least(DATE '{self.years[-1]}-12-31', died.day) AS last_day
                FROM met LEFT JOIN died USING (person_id)
            )
            SELECT id_of('observation_period' || chr(31) || person_id) AS observation_period_id, person_id,
                first_day AS observation_period_start_date, last_day AS observation_period_end_date,
                    32810 AS period_type_concept_id
            FROM bounded WHERE first_day <= last_day
        """)  # fmt: skip

    def convert(self) -> None:
        """Everything, phase by phase."""
        for step in (
            self.read, self.identities, self.places, self.maps, self.lines, self.claims, self.stays, self.long_term,
            self.write_people, self.write_visits, self.route, self.write_events, self.write_periods,
        ):  # fmt: skip
            with self.phase(step.__name__):
                step()


def main() -> None:
    """Read the words of the command, convert, and print CPU seconds, wall seconds and memory as JSON."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--from", dest="form", choices=("parquet", "csv"), required=True)
    words.add_argument("folder", type=Path, help="the warehouse whose snds/ is read, or the delivery")
    words.add_argument("--code-map", type=Path, required=True, help="vocabulary/code_map.parquet")
    words.add_argument("--out", type=Path, required=True, help="a folder for the tables")
    words.add_argument("--memory", help="DuckDB's limit, as 4GB")
    words.add_argument("--threads", type=int)
    options = words.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    wall = time.monotonic()
    script = Script(options)
    script.convert()
    script.db.close()
    shutil.rmtree(script.spill, ignore_errors=True)
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {"cpu": round(used.ru_utime + used.ru_stime, 2), "wall": round(time.monotonic() - wall, 2),
            "peak_mb": used.ru_maxrss // 1024, "phases": script.phases}  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main()
