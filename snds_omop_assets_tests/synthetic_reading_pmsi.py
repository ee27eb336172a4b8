"""A plain reading of the PMSI, the referentials and the deaths of a synthetic delivery, from the documentation's rules.

It goes with `synthetic_reading`, which reads the DCIR, and knows nothing of how the files were made either.
"""

import csv
from collections import Counter
from pathlib import Path

import duckdb

from snds_omop_assets.contracts import geography

Row = tuple[object, ...]

AP_HM = ("130780521", "130783236", "130783293", "130784234", "130804297")
HCL = ("690783154", "690784137", "690784152", "690784178", "690787478", "830100558")
AP_HP = (
    "600100101", "750041543", "750100018", "750100042", "750100075", "750100083", "750100091", "750100109", "750100125",
    "750100166", "750100208", "750100216", "750100232", "750100273", "750100299", "750801441", "750803447", "750803454",
    "910100015", "910100023", "920100013", "920100021", "920100039", "920100047", "920100054", "920100062", "930100011",
    "930100037", "930100045", "940100027", "940100035", "940100043", "940100050", "940100068", "950100016",
)  # fmt: skip
LAST_YEAR_TWICE = 2017
"""Until then the hospital groups sent their stays twice: once under these 46 numbers."""

RETURN_CODES = (
    "NIR_RET", "NAI_RET", "SEX_RET", "SEJ_RET", "FHO_RET", "PMS_RET", "DAT_RET", "COH_NAI_RET", "COH_SEX_RET",
)  # fmt: skip
CARE_RETURN_CODES = ("NIR_RET", "NAI_RET", "SEX_RET", "IAS_RET", "ENT_DAT_RET")

DUMMY = "^[xX]{16,17}.?$|^.X{16}$"

YEAR = r"2000 + regexp_extract(filename, 'T_[A-Z]{3}([0-9]{2})', 1)::INT"

# Which tables there are of each field, with the columns that this reading asks for; what a delivery lacks is empty.
KEYS = {
    "MCO": "ETA_NUM || ' ' || RSA_NUM",
    "SSR": "ETA_NUM || ' ' || RHA_NUM",
    "HAD": "ETA_NUM_EPMSI || ' ' || RHAD_NUM",
    "RIP": "ETA_NUM_EPMSI || ' ' || RIP_NUM",
    "CSTC": "ETA_NUM || ' ' || SEQ_NUM",
}
ASKED = {
    "T_MCO_C": "EXE_SOI_DTD EXE_SOI_DTF NIR_ANO_17 RNG_NAI ETA_NUM RSA_NUM",
    "T_MCO_B": "DGN_PAL DGN_REL GRG_GHM SEJ_TYP ENT_PRV SOR_MOD ETA_NUM RSA_NUM",
    "T_MCO_UM": "DGN_PAL DGN_REL ETA_NUM RSA_NUM",
    "T_MCO_D": "ASS_DGN ETA_NUM RSA_NUM",
    "T_MCO_A": "CDC_ACT ENT_DAT_DEL NBR_EXE_ACT PHA_ACT ACV_ACT ETA_NUM RSA_NUM",
    "T_MCO_MED": "UCD_UCD_COD ADM_NBR NBR_SEJ DELAI ETA_NUM RSA_NUM",
    "T_MCO_MEDATU": "UCD_UCD_COD ADM_NBR NBR_SEJ SEJ_NBR DELAI DAT_DELAI ETA_NUM RSA_NUM",
    "T_MCO_MEDTHROMBO": "UCD_UCD_COD ADM_NBR NBR_SEJ SEJ_NBR DELAI DAT_DELAI ETA_NUM RSA_NUM",
    "T_MCO_DMIP": "LPP_COD NBR_POS DELAI ETA_NUM RSA_NUM",
    "T_MCO_CSTC": "EXE_SOI_DTD EXE_SOI_DTF NIR_ANO_17 RNG_NAI ETA_NUM SEQ_NUM",
    "T_MCO_FBSTC": "ACT_COD ETA_NUM SEQ_NUM",
    "T_MCO_FHSTC": "UCD_UCD_COD QUA DEL_DAT_ENT ETA_NUM SEQ_NUM",
    "T_MCO_FLSTC": "NABM_COD ACT_NBR DEL_DAT_ENT ETA_NUM SEQ_NUM",
    "T_MCO_FMSTC": "CCAM_COD DEL_DAT_ENT PHA_ACT ACV_ACT ETA_NUM SEQ_NUM",
    "T_MCO_FPSTC": "LPP_COD LPP_QUA DEL_DAT_ENT ETA_NUM SEQ_NUM",
    "T_SSR_CSTC": "EXE_SOI_DTD EXE_SOI_DTF NIR_ANO_17 RNG_NAI ETA_NUM SEQ_NUM",
    "T_SSR_FLSTC": "NABM_COD ACT_NBR DEL_DAT_ENT ETA_NUM SEQ_NUM",
    "T_SSR_FMSTC": "CCAM_COD DEL_DAT_ENT PHA_ACT ACV_ACT ETA_NUM SEQ_NUM",
    "T_SSR_C": "EXE_SOI_DTD EXE_SOI_DTF NIR_ANO_17 RNG_NAI ETA_NUM RHA_NUM",
    "T_SSR_B": "RHS_NUM RHS_ANT_SEJ_ENT MOI_ANN HOS_TYP_UM GRG_GME TYP_GEN_RHA JP_HWE JP_WE MOR_PRP FP_PEC ETL_AFF "
               "AUT_TYP_UM SOR_MOD ETA_NUM RHA_NUM",
    "T_SSR_D": "DGN_COD RHS_NUM ETA_NUM RHA_NUM",
    "T_SSR_CCAM": "CCAM_ACT CCAM_DEL_ENT_UM CCAM_NBR_REA CCAM_PHA_ACT CCAM_COD_ACT RHS_NUM ETA_NUM RHA_NUM",
    "T_SSR_CSARR": "CSARR_COD ENT_DAT_DEL_UM NBR_CSARR RHS_NUM ETA_NUM RHA_NUM",
    "T_SSR_MED": "UCD_UCD_COD ADM_NBR DAT_DELAI RHS_NUM ETA_NUM RHA_NUM",
    "T_SSR_MEDATU": "UCD_UCD_COD ADM_NBR DAT_DELAI RHS_NUM ETA_NUM RHA_NUM",
    "T_HAD_C": "EXE_SOI_DTD EXE_SOI_DTF NIR_ANO_17 RNG_NAI ETA_NUM_EPMSI RHAD_NUM",
    "T_HAD_B": "DGN_PAL SEQ_NUM SSEQ_NUM SSEQ_NBJ SEQ_SEJ_NBJ SSEQ_SEQ_NBJ SOR_MOD ETA_NUM_EPMSI RHAD_NUM",
    "T_HAD_GRP": "GHT_NUM SEQ_NUM SSEQ_NUM ETA_NUM_EPMSI RHAD_NUM",
    "T_HAD_D": "DGN_ASS SEQ_NUM SSEQ_NUM ETA_NUM_EPMSI RHAD_NUM",
    "T_HAD_DMPP": "DGN_ASS_MPP SEQ_NUM SSEQ_NUM ETA_NUM_EPMSI RHAD_NUM",
    "T_HAD_DMPA": "DGN_ASS_MPA SEQ_NUM SSEQ_NUM ETA_NUM_EPMSI RHAD_NUM",
    "T_HAD_A": "CCAM_COD DEL_DEB_SSEQ REAL_NBR PHA_COD ACT_COD SEQ_NUM SSEQ_NUM ETA_NUM_EPMSI RHAD_NUM",
    "T_HAD_MED": "UCD_UCD_COD ADM_NBR SEJ_NBR DAT_DELAI ETA_NUM_EPMSI RHAD_NUM",
    "T_HAD_MEDATU": "UCD_UCD_COD ADM_NBR SEJ_NBR DAT_DELAI ETA_NUM_EPMSI RHAD_NUM",
    "T_HAD_MEDCHL": "UCD_UCD_COD ADM_NBR SEJ_NBR DAT_DELAI ETA_NUM_EPMSI RHAD_NUM",
    "T_RIP_C": "EXE_SOI_DTD EXE_SOI_DTF NIR_ANO_17 RNG_NAI ETA_NUM_EPMSI RIP_NUM",
    "T_RIP_RSA": "DGN_PAL FOR_ACT SEQ_SEQ_NUM DEL_DAT SEQ_IND TYP_GEN_RSA SEJ_IDT SEQ_COU_NBJ SOR_MOD ETA_NUM_EPMSI "
                 "RIP_NUM",
    "T_RIP_RSAD": "ASS_DGN SEQ_SEQ_NUM ETA_NUM_EPMSI RIP_NUM",
    "T_RIP_CCAM": "CDC_ACT ENT_DAT_DEL NBR_EXE_ACT PHA_ACT ACV_ACT ETA_NUM_EPMSI RIP_NUM",
}  # fmt: skip

TYPES = dict.fromkeys(("EXE_SOI_DTD", "EXE_SOI_DTF"), "DATE") | dict.fromkeys((
    "ENT_DAT_DEL", "DELAI", "DAT_DELAI", "DEL_DAT_ENT", "CCAM_DEL_ENT_UM", "ENT_DAT_DEL_UM", "DEL_DEB_SSEQ", "DEL_DAT",
    "RHS_ANT_SEJ_ENT", "MOI_ANN", "SEQ_SEJ_NBJ", "SSEQ_SEQ_NBJ", "SSEQ_NBJ", "SEQ_COU_NBJ", "PHA_ACT", "ACV_ACT",
    "CCAM_PHA_ACT", "CCAM_COD_ACT", "PHA_COD",
), "INT") | dict.fromkeys((
    "NBR_EXE_ACT", "ADM_NBR", "NBR_SEJ", "SEJ_NBR", "NBR_POS", "QUA", "ACT_NBR", "LPP_QUA", "CCAM_NBR_REA",
    "NBR_CSARR", "REAL_NBR",
), "DOUBLE")  # fmt: skip
"""Of the columns that are no text."""


def read_pmsi(connection: duckdb.DuckDBPyConnection) -> None:
    """Views `stay` (the chained stays), `part` (their rows of C by year) and `told` (their events).

    Args:
        connection: of `open_made`.
    """
    for table, columns in ASKED.items():
        _table(connection, table, columns.split())
    connection.execute(f"""
        -- Fictitious NIR and persons without a year of birth are not in person_of.
        CREATE TABLE nir AS SELECT BEN_NIR_PSA, BEN_RNG_GEM, person,
            count(DISTINCT person) OVER (PARTITION BY BEN_NIR_PSA) AS persons FROM person_of;
        CREATE TABLE diagnosed (key VARCHAR, status VARCHAR, code VARCHAR);
        CREATE TABLE acted (key VARCHAR, what VARCHAR, code VARCHAR, day DATE, quantity DOUBLE, activity INT, phase INT,
                            source VARCHAR);
        CREATE TABLE part (key VARCHAR, field VARCHAR, year INT, hospital VARCHAR, person BIGINT, start DATE,
                           "end" DATE, kind VARCHAR);
        {_mco()} {_external("MCO")} {_external("SSR")} {_ssr()} {_had()} {_rip()}

        CREATE VIEW chain AS
        SELECT *, CASE WHEN field IN ('SSR', 'HAD', 'RIP') THEN concat_ws(' ', field, person, hospital, start)
                  ELSE key END AS stay
        FROM part;

        CREATE TABLE stay AS
        SELECT stay, field, person, hospital, start, max("end") AS "end", arg_min(kind, year) AS kind
        FROM chain GROUP BY ALL;

        CREATE VIEW week_days AS
        SELECT week.key, stay, RHS_NUM, stay.start, stay."end", SOR_MOD,
            stay.start + CASE WHEN RHS_ANT_SEJ_ENT = 0 THEN 0 ELSE RHS_ANT_SEJ_ENT + instr(days, '1')::INT - 1 END
                AS first,
            first + (8 - instr(reverse(days), '1') - instr(days, '1'))::INT AS last
        FROM week JOIN chain USING (key) JOIN stay USING (stay);

        CREATE TABLE told AS
        -- Diagnoses: once per stay, code and status.
        SELECT DISTINCT stay, field, person, start AS day, 'CIM10' AS what, status, code, 1 AS quantity
        FROM diagnosed JOIN chain USING (key) WHERE code <> ''
        UNION ALL
        -- Acts: the smallest activity.
        SELECT stay, field, person, day, what, NULL, code, quantity FROM (
            SELECT *, rank() OVER (PARTITION BY stay, what, day, code, phase ORDER BY activity) AS place
            FROM acted JOIN chain USING (key) WHERE what <> 'UCD' AND phase IN (0, 1)
        ) WHERE place = 1
        UNION ALL
        -- Drugs: what MED and MEDATU both have counts once.
        SELECT stay, field, person, day, what, NULL, code, quantity FROM (
            SELECT *, dense_rank() OVER (PARTITION BY stay, day, code ORDER BY source = 'MEDATU') AS place
            FROM acted JOIN chain USING (key) WHERE what = 'UCD' AND quantity > 0
        ) WHERE place = 1 OR code NOT LIKE '%9261104' AND code NOT LIKE '%9261110';
    """)


def visits_of_pmsi(connection: duckdb.DuckDBPyConnection) -> Counter[Row]:
    """Person, first and last day, kind, hospital of every stay."""
    return Counter(connection.sql('SELECT person, start, "end", kind, hospital FROM stay').fetchall())


def events_of_pmsi(connection: duckdb.DuckDBPyConnection) -> Counter[Row]:
    """Person, day, nomenclature, whether it is a main diagnosis, code, quantity."""
    return Counter(connection.sql("""
        SELECT person, day, what, coalesce(status = 'main', false), code, quantity::INT FROM told
    """).fetchall())  # fmt: skip


def _table(connection: duckdb.DuckDBPyConnection, table: str, asked: list[str]) -> None:
    """A view `r_<table>` with year, key and the asked columns; those that the delivery lacks are NULL."""
    there = {name for (name,) in connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = ?", [table]).fetchall()}  # fmt: skip
    field = "CSTC" if table.endswith("STC") else table[2:5]
    columns = ", ".join(f"CAST({c if c in there else 'NULL'} AS {TYPES.get(c, 'VARCHAR')}) AS {c}" for c in asked)
    if not there:
        connection.execute(
            f"CREATE VIEW r_{table} AS SELECT 0 AS year, '' AS key, true AS returned, {columns} WHERE false"
        )
        return
    codes = [c for c in (CARE_RETURN_CODES if table.endswith("CSTC") else RETURN_CODES) if c in there]
    returned = " AND ".join(f"coalesce({c}, '0') = '0'" for c in codes) or "true"
    connection.execute(f"""
        CREATE VIEW r_{table} AS
        SELECT {YEAR} AS year, concat_ws(' ', '{table[2:5]} {field}', {YEAR}, {KEYS[field]}) AS key,
               {returned} AS returned, {columns}
        FROM {table}
    """)


def _chained(table: str) -> str:
    """Rows of C or CSTC that are chained, and whose they are.

    Of two persons under one pseudonym, the rank of birth tells who it is, where it is given.
    """
    return f"""(
        SELECT DISTINCT c.*, person FROM r_{table} c
        JOIN nir ON NIR_ANO_17 = BEN_NIR_PSA AND (persons = 1 OR RNG_NAI = BEN_RNG_GEM)
        WHERE returned AND EXE_SOI_DTD IS NOT NULL AND NOT regexp_matches(NIR_ANO_17, '{DUMMY}')
    )"""


def _code(column: str) -> str:
    """A diagnosis without blanks, dot and French extension."""
    return f"split_part(replace(trim({column}), '.', ''), '+', 1)"


def _diagnoses(table: str, status: str, column: str, source: str | None = None) -> str:
    return f"""
        INSERT INTO diagnosed SELECT key, '{status}', {_code(column)} FROM {source or "r_" + table}
        WHERE {column} IS NOT NULL;
    """


def _acts(
    what: str, table: str, code: str, delay: str, quantity: str, activity: str = "0", phase: str = "0",
    joined: str = "", origin: str = "start",
) -> str:  # fmt: skip
    """What hangs on a row of C and happens some days after an origin."""
    return f"""
        INSERT INTO acted
        SELECT key, '{what}', trim({code}), {origin} + coalesce({delay}, 0), {quantity}, coalesce({activity}, 0),
               coalesce({phase}, 0), '{table.rsplit("_", maxsplit=1)[-1]}'
        FROM r_{table} JOIN part USING (key) {joined};
    """


def _mco() -> str:
    twice = (*AP_HM, *HCL, *AP_HP)
    per_stay = "ADM_NBR / coalesce(NBR_SEJ, 1)"
    other_names = "ADM_NBR / coalesce(NBR_SEJ, SEJ_NBR, 1)"
    return f"""
        INSERT INTO part
        SELECT key, 'MCO', c.year, c.ETA_NUM, person, EXE_SOI_DTD, EXE_SOI_DTF, CASE
            WHEN GRG_GHM LIKE '28%' THEN 'outpatient'
            WHEN EXE_SOI_DTF = EXE_SOI_DTD THEN if(ENT_PRV IN ('5', 'U'), 'emergency', 'outpatient')
            ELSE if(ENT_PRV IN ('5', 'U'), 'emergency_inpatient', 'inpatient') END
        FROM {_chained("T_MCO_C")} c JOIN r_T_MCO_B USING (key)
        WHERE GRG_GHM NOT LIKE '90%' AND (SEJ_TYP <> 'B' OR SEJ_TYP IS NULL)
          AND NOT (c.year <= {LAST_YEAR_TWICE} AND c.ETA_NUM IN {twice});
        {_diagnoses("T_MCO_B", "main", "DGN_PAL")} {_diagnoses("T_MCO_UM", "main", "DGN_PAL")}
        {_diagnoses("T_MCO_B", "related", "DGN_REL")} {_diagnoses("T_MCO_UM", "related", "DGN_REL")}
        {_diagnoses("T_MCO_D", "associated", "ASS_DGN")}
        {_acts("CCAM", "T_MCO_A", "CDC_ACT", "ENT_DAT_DEL", "NBR_EXE_ACT", "ACV_ACT", "PHA_ACT")}
        {_acts("UCD", "T_MCO_MED", "UCD_UCD_COD", "DELAI", per_stay)}
        {_acts("UCD", "T_MCO_MEDATU", "UCD_UCD_COD", "coalesce(DAT_DELAI, DELAI)", other_names)}
        {_acts("UCD", "T_MCO_MEDTHROMBO", "UCD_UCD_COD", "coalesce(DAT_DELAI, DELAI)", other_names)}
        {_acts("LPP", "T_MCO_DMIP", "LPP_COD", "DELAI", "NBR_POS")}
    """


def _external(field: str) -> str:
    """A day of external care; through emergencies where the fee ATU is billed."""
    kind = "'outpatient'"
    if field == "MCO":
        kind = "if(key IN (SELECT key FROM r_T_MCO_FBSTC WHERE trim(ACT_COD) = 'ATU'), 'emergency', 'outpatient')"
    twice = f"c.year <= {LAST_YEAR_TWICE} AND c.ETA_NUM IN {(*AP_HM, *AP_HP)}" if field == "MCO" else "false"
    more = ""
    if field == "MCO":
        more = f"""{_acts("UCD", "T_MCO_FHSTC", "UCD_UCD_COD", "DEL_DAT_ENT", "QUA")}
                   {_acts("LPP", "T_MCO_FPSTC", "LPP_COD", "DEL_DAT_ENT", "LPP_QUA")}"""
    return f"""
        INSERT INTO part
        SELECT key, 'CSTC', c.year, c.ETA_NUM, person, EXE_SOI_DTD, coalesce(EXE_SOI_DTF, EXE_SOI_DTD), {kind}
        FROM {_chained(f"T_{field}_CSTC")} c WHERE NOT ({twice});
        {_acts("NABM", f"T_{field}_FLSTC", "NABM_COD", "DEL_DAT_ENT", "ACT_NBR")}
        {_acts("CCAM", f"T_{field}_FMSTC", "CCAM_COD", "DEL_DAT_ENT", "1", "ACV_ACT", "PHA_ACT")}
        {more}
    """


def _ssr() -> str:
    """Weeks of the year before are repeats; the stay is what its first week says."""
    here = "JOIN week USING (key, RHS_NUM)"
    return f"""
        CREATE VIEW week AS
        SELECT *, JP_HWE || JP_WE AS days FROM r_T_SSR_B
        WHERE MOI_ANN // 100 = year AND GRG_GME NOT LIKE '90%'
          AND (TYP_GEN_RHA IN ('0', '4') OR TYP_GEN_RHA IS NULL);
        INSERT INTO part
        SELECT key, 'SSR', c.year, c.ETA_NUM, person, EXE_SOI_DTD, EXE_SOI_DTF,
            if(first_type IN ('2', '4'), 'outpatient', 'inpatient')
        FROM {_chained("T_SSR_C")} c
        JOIN (SELECT key, arg_min(HOS_TYP_UM, RHS_ANT_SEJ_ENT) AS first_type FROM week GROUP BY key) USING (key);
        {_diagnoses("week", "main", "FP_PEC", "week")} {_diagnoses("week", "related", "MOR_PRP", "week")}
        {_diagnoses("week", "related", "ETL_AFF", "week")}
        {_diagnoses("T_SSR_D", "associated", "DGN_COD", f"r_T_SSR_D {here}")}
        {_acts("CCAM", "T_SSR_CCAM", "CCAM_ACT", "CCAM_DEL_ENT_UM", "CCAM_NBR_REA", "CCAM_COD_ACT", "CCAM_PHA_ACT", here)}
        {_acts("CSARR", "T_SSR_CSARR", "CSARR_COD", "ENT_DAT_DEL_UM", "NBR_CSARR", joined=here)}
        {_acts("UCD", "T_SSR_MED", "UCD_UCD_COD", "DAT_DELAI", "ADM_NBR", joined=here)}
        {_acts("UCD", "T_SSR_MEDATU", "UCD_UCD_COD", "DAT_DELAI", "ADM_NBR", joined=here)}
    """  # noqa: E501


def _had() -> str:
    """Acts count from the first day of their sub-sequence, drugs from the entry."""
    per_stay = "ADM_NBR / coalesce(SEJ_NBR, 1)"
    here = "JOIN home USING (key, SEQ_NUM, SSEQ_NUM)"
    drugs = "".join(
        _acts("UCD", f"T_HAD_{table}", "UCD_UCD_COD", "DAT_DELAI", per_stay) for table in ("MED", "MEDATU", "MEDCHL")
    )
    return f"""
        CREATE VIEW home AS
        SELECT b.* FROM r_T_HAD_B b
        ANTI JOIN (FROM r_T_HAD_GRP WHERE GHT_NUM = '99') USING (key, SEQ_NUM, SSEQ_NUM);
        INSERT INTO part
        SELECT key, 'HAD', c.year, c.ETA_NUM_EPMSI, person, EXE_SOI_DTD, EXE_SOI_DTF, 'home_hospitalisation'
        FROM {_chained("T_HAD_C")} c SEMI JOIN home USING (key);
        {_diagnoses("home", "main", "DGN_PAL", "home")}
        {_diagnoses("T_HAD_D", "associated", "DGN_ASS", f"r_T_HAD_D {here}")}
        {_diagnoses("T_HAD_DMPP", "associated", "DGN_ASS_MPP", f"r_T_HAD_DMPP {here}")}
        {_diagnoses("T_HAD_DMPA", "associated", "DGN_ASS_MPA", f"r_T_HAD_DMPA {here}")}
        {
        _acts(
            "CCAM",
            "T_HAD_A",
            "CCAM_COD",
            "DEL_DEB_SSEQ",
            "REAL_NBR",
            "ACT_COD::INT",
            "PHA_COD",
            here,
            "start + SEQ_SEJ_NBJ + SSEQ_SEQ_NBJ",
        )
    }
        {drugs}
    """


def _rip() -> str:
    """Acts count from the first day of their sequence; a stay is what its first sequence says."""
    return f"""
        CREATE VIEW sequence AS
        SELECT * FROM r_T_RIP_RSA
        WHERE (SEQ_IND <> 'E' OR SEQ_IND IS NULL) AND (TYP_GEN_RSA = '0' OR TYP_GEN_RSA IS NULL);
        INSERT INTO part
        SELECT key, 'RIP', c.year, c.ETA_NUM_EPMSI, person, EXE_SOI_DTD, EXE_SOI_DTF,
            if(first_form IN ('20', '21', '22', '23'), 'outpatient', 'inpatient')
        FROM {_chained("T_RIP_C")} c
        JOIN (SELECT key, arg_min(FOR_ACT, DEL_DAT) AS first_form FROM sequence GROUP BY key) USING (key);
        {_diagnoses("sequence", "main", "DGN_PAL", "sequence")}
        {_diagnoses("T_RIP_RSAD", "associated", "ASS_DGN", "r_T_RIP_RSAD JOIN sequence USING (key, SEQ_SEQ_NUM)")}
        {
        _acts(
            "CCAM",
            "T_RIP_CCAM",
            "CDC_ACT",
            "ENT_DAT_DEL",
            "NBR_EXE_ACT",
            "ACV_ACT",
            "PHA_ACT",
            "JOIN (SELECT key, min(DEL_DAT) AS begins FROM sequence GROUP BY key) USING (key)",
            "start + begins",
        )
    }
    """


def long_term_diseases(connection: duckdb.DuckDBPyConnection) -> Counter[Row]:
    """Person, start, end, code of the last state of each long-term disease; no end is known of those for life."""
    return Counter(connection.sql("""
        SELECT person, IMB_ALD_DTD,
               CASE WHEN year(IMB_ALD_DTF) NOT IN (1600, 2099) THEN IMB_ALD_DTF END, replace(trim(MED_MTF_COD), '.', '')
        FROM (
            SELECT *, row_number() OVER (
                PARTITION BY person, trim(MED_MTF_COD), IMB_ETM_NAT, IMB_ALD_DTD
                ORDER BY greatest(INS_DTE, coalesce(UPD_DTE, INS_DTE)) DESC
            ) AS place
            FROM IR_IMB_R JOIN person_of USING (BEN_NIR_PSA, BEN_RNG_GEM)
            WHERE IMB_ETM_NAT::INT IN (41, 43, 45) AND MED_NCL_IDT = 'CIM10'
        ) WHERE place = 1
    """).fetchall())  # fmt: skip


def matched_deaths(connection: duckdb.DuckDBPyConnection) -> Counter[Row]:
    """Person, day and initial cause of the deaths of the CépiDc that are matched; persons by BEN_IDT_ANO."""
    tables = {name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}
    states = " UNION ".join(
        f"SELECT BEN_IDT_ANO, BEN_NIR_PSA, BEN_RNG_GEM FROM {name}" for name in ("IR_BEN_R", "IR_BEN_R_ARC")
        if name in tables
    )  # fmt: skip
    return Counter(connection.sql(f"""
        WITH known AS (
            SELECT DISTINCT BEN_IDT_ANO, person FROM ({states}) JOIN person_of USING (BEN_NIR_PSA, BEN_RNG_GEM)
        )
        SELECT person, BEN_DCD_DTE, DCD_CIM_COD FROM KI_CCI_R JOIN known USING (BEN_IDT_ANO) WHERE DCD_IDT_TOP = '1'
    """).fetchall())  # fmt: skip


def referential_deaths(connection: duckdb.DuckDBPyConnection) -> Counter[Row]:
    """Person and day of the deaths that IR_BEN_R knows, whichever row says it, and of those that the CépiDc adds."""
    return Counter(connection.sql("""
        SELECT DISTINCT person, BEN_DCD_DTE FROM IR_BEN_R JOIN person_of USING (BEN_NIR_PSA, BEN_RNG_GEM)
        WHERE year(BEN_DCD_DTE) <> 1600
    """).fetchall()) | Counter([row[:2] for row in matched_deaths(connection)])  # fmt: skip


def latest_states(connection: duckdb.DuckDBPyConnection) -> dict[object, Row]:
    """Sex, year and month of birth, commune (or None) and department of each person of IR_BEN_R."""
    rows = connection.sql("""
        SELECT person, BEN_SEX_COD::INT, nullif(BEN_NAI_ANN::INT, 1600), BEN_NAI_MOI::INT, BEN_RES_DPT, BEN_RES_COM,
               ORG_AFF_BEN
        FROM IR_BEN_R JOIN truth_identifiers USING (BEN_NIR_PSA)
        WHERE IR_BEN_R.BEN_RNG_GEM = truth_identifiers.BEN_RNG_GEM::VARCHAR
          AND IR_BEN_R.BEN_CDI_NIR IN ('00', '03', '04')
        QUALIFY row_number() OVER (PARTITION BY person ORDER BY MAX_TRT_DTD DESC, BEN_DTE_MAJ DESC) = 1
    """).fetchall()  # fmt: skip
    corsica = _corsica()
    return {person: (*told, *residence(department, commune, organism, corsica))
            for person, *told, department, commune, organism in rows}  # fmt: skip


def residence(
    department: str, commune: str, organism: str, corsica: dict[str, str]
) -> tuple[str | None, str]:  # fmt: skip
    """INSEE's commune, None where it is not known, and department.

    Args:
        department, commune, organism: BEN_RES_DPT, BEN_RES_COM and ORG_AFF_BEN.
        corsica: department of each BEN_RES_COM of the island.
    """
    scheme = organism[:3]
    if department in ("000", "098", "099", "888", "991", "999") or commune in ("000", "099", "999"):
        place = organism[3:6] if organism[3:5] in ("97", "20") else organism[3:5]
        return None, {"201": "2A", "202": "2B"}.get(place, place)
    if department in ("201", "202", "209"):
        found = corsica[commune] + commune
    elif department.startswith("97") and scheme == "03A":
        found = department + commune[1:]
    elif department.startswith("97"):
        found = f"97{commune}"
    else:
        found = department[1:] + commune
    return found, found[:3] if found.startswith("97") else found[:2]


def _corsica() -> dict[str, str]:
    """INSEE's department by the three figures of the commune, which no two communes of the island share."""
    with (Path(geography.__file__).parent / "corsica.csv").open(encoding="utf-8", newline="") as lines:
        return {row["commune"]: row["department"] for row in csv.DictReader(lines)}
