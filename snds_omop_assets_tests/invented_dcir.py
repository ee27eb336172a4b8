"""A simple script that writes invented DCIR files of any size, for the benchmarks: values by arithmetic, no story."""

from pathlib import Path

from snds_omop_assets.engines.duckdb_engine import duckdb_connection, quoted

SERVICES = 37
"""Lines of ER_PRS_F per person and year, about what the DCIR has (2.5 billion for 68 million persons)."""

KEYS = f"""
    strftime(DATE '2019-01-01' + to_months(i * 12 // (persons * {SERVICES})), '%d/%m/%Y') AS FLX_DIS_DTD,
    strftime(DATE '2018-12-01' + to_months(i * 12 // (persons * {SERVICES})) + to_days((i % 28)::INT), '%d/%m/%Y')
        AS FLX_TRT_DTD,
    1 AS FLX_EMT_TYP, i % 900 AS FLX_EMT_NUM, 0 AS FLX_EMT_ORD,
    '01C' || lpad((i % 95)::VARCHAR, 2, '0') || '1000' AS ORG_CLE_NUM, i AS DCT_ORD_NUM, i % 7 + 1 AS PRS_ORD_NUM,
    1 AS REM_TYP_AFF"""

ER_PRS_F = """
    md5((i % persons)::VARCHAR)[1:17] AS BEN_NIR_PSA, 1 AS BEN_RNG_GEM, 1930 + i % 80 AS BEN_NAI_ANN,
    1 + i % 2 AS BEN_SEX_COD, lpad((i % 95 + 1)::VARCHAR, 3, '0') AS BEN_RES_DPT,
    lpad((i % 300 + 1)::VARCHAR, 3, '0') AS BEN_RES_COM, '01/01/1600' AS BEN_DCD_DTE,
    strftime(DATE '2018-11-01' + to_days((i % 330)::INT), '%d/%m/%Y') AS EXE_SOI_DTD,
    strftime(DATE '2018-11-01' + to_days((i % 330)::INT), '%d/%m/%Y') AS EXE_SOI_DTF,
    strftime(DATE '2018-10-20' + to_days((i % 330)::INT), '%d/%m/%Y') AS PRE_PRE_DTD,
    1111 + i % 50 AS PRS_NAT_REF, CASE WHEN i % 50 = 0 THEN -1 ELSE 1 + i % 3 END AS PRS_ACT_QTE,
    md5((i % 5000)::VARCHAR)[1:9] AS PFS_EXE_NUM, md5((i % 4000)::VARCHAR)[1:9] AS PFS_PRE_NUM,
    '00000000' AS ETB_PRE_FIN, i % 60 AS PSE_SPE_COD, i % 40 AS PSE_ACT_NAT, i % 50 AS PSP_SPE_COD,
    i % 30 AS PSP_ACT_NAT, 0 AS DPN_QLF, 0 AS PRS_DPN_QLP, i % 3 AS CPL_MAJ_TOP, i % 20 AS EXO_MTF,
    i % 5 AS PRS_PPU_SEC,
    i % 10 AS RGM_COD, i % 12 AS CPL_AFF_COD, i % 9 AS PRS_REJ_TOP, """ + ", ".join(
    f"printf('%.2f', (i % {97 + place}) * 0.37) AS {name}"
    for place, name in enumerate(
        (
            "PRS_PAI_MNT",
            "BSE_REM_MNT",
            "BSE_REM_BSE",
            "BSE_REM_PRU",
            "CPL_REM_MNT",
            "CPL_REM_BSE",
            "CPL_REM_PRU",
            "PRS_DEP_MNT",
            "PRS_ACT_COG",
        )
    )
)

DETAILS = {
    # table: one line of how many of ER_PRS_F, its columns
    "ER_PHA_F": (
        3,
        "3400930000000 + i % 9000 AS PHA_PRS_C13, 3000000 + i % 9000 AS PHA_PRS_IDE, "
        "1 + i % 3 AS PHA_ACT_QSN, 0 AS PHA_DEC_TOP, 0 AS PHA_DEC_QSU, printf('%.2f', (i % 90) * 0.7) AS PHA_ACT_PRU",
    ),
    "ER_CAM_F": (20, "'LFQK00' || i % 9 AS CAM_PRS_IDE, 1 AS CAM_ACT_COD, 0 AS CAM_TRT_PHA"),
    "ER_ETE_F": (
        15,
        "lpad((75010000 + i % 900)::VARCHAR, 8, '0') AS ETB_EXE_FIN, 365 AS ETE_CAT_COD, "
        "i % 3 AS ETE_IND_TAA, 'Z' AS ETE_MCO_DDP, 7 AS MDT_COD, 2 AS PRS_PPU_SEC",
    ),
}


def write_invented_dcir(folder: Path, persons: int) -> None:
    """Write ER_PRS_F and three detail tables of one year for some persons, as CSV with semicolons."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb_connection(folder / ".spill") as connection:
        for table, (every, columns) in {"ER_PRS_F": (1, ER_PRS_F), **DETAILS}.items():
            services = f"range({persons * SERVICES}) r(i), (SELECT {persons} AS persons) p"
            connection.execute(
                f"COPY (SELECT {KEYS}, {columns} FROM {services} WHERE i % {every} = 0) "
                f"TO {quoted(str(folder / f'{table}_2019.csv'))} (DELIMITER ';', HEADER)"
            )
