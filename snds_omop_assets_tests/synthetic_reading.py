"""A plain reading of a synthetic delivery, written from the rules of the documentation and not from the generator.

Tests compare it with the truth. It is no conversion: it has no OMOP tables, no vocabulary, and reads whole tables with
DuckDB, in SQL that a claims expert checks in a minute.
"""

import csv
from pathlib import Path

import duckdb

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.vocabulary.maps import MAPS

VISITS = {"9202": "outpatient", "581476": "home", "581458": "pharmacy", "32036": "laboratory", "581478": "transport",
          "5083": "telehealth"}  # fmt: skip
"""The generator's kinds of visit, by the concept that the reviewed map of services gives."""

KEY = ", ".join(official_tables()["ER_PRS_F"].key)
SAME_KEY = " AND ".join(f"other.{name} = prs.{name}" for name in official_tables()["ER_PRS_F"].key)

NO_ACTIVITY = "CAST(0 AS INT)"

DETAILS = {
    # table: its code, the quantity of a row, the activity
    "ER_PHA_F": ("PHA_PRS_C13", "CASE PHA_DEC_TOP WHEN '1' THEN PHA_DEC_QSU ELSE PHA_ACT_QSN END", NO_ACTIVITY),
    "ER_BIO_F": ("BIO_PRS_IDE", "BIO_ACT_QSN", NO_ACTIVITY),
    "ER_TIP_F": ("TIP_PRS_IDE", "TIP_ACT_QSN", NO_ACTIVITY),
    "ER_UCD_F": ("UCD_UCD_COD", "UCD_DLV_NBR * sign(PRS_ACT_QTE)", NO_ACTIVITY),
    "ER_CAM_F": ("CAM_PRS_IDE", "sign(PRS_ACT_QTE)", "CAM_ACT_COD::INT"),
}


def open_made(folder: Path) -> duckdb.DuckDBPyConnection:
    """A connection with a view per delivered table (all years), `truth_*`, `nature` (the reviewed map of services), and
    the views of this module."""
    connection = duckdb.connect()
    delivery = folder / "delivery"
    names = {path.stem for path in delivery.glob("*.parquet")}
    for table, contract in official_tables().items():
        files = [str(delivery / f"{name}.parquet") for name in sorted(names) if contract.file_pattern.fullmatch(name)]
        if files:
            connection.execute(
                f"CREATE VIEW {table} AS FROM read_parquet({files}, filename = true, union_by_name = true)"
            )
    for path in (folder / "truth").glob("*.parquet"):
        connection.execute(f"CREATE VIEW truth_{path.stem} AS FROM read_parquet('{path}')")
    with (MAPS / "services.csv").open(encoding="utf-8", newline="") as lines:
        rows = [(line["code"], line["nature"], VISITS.get(line["concept_id"])) for line in csv.DictReader(lines)]
    connection.execute("CREATE TABLE nature (code VARCHAR, nature VARCHAR, visit VARCHAR)")
    connection.executemany("INSERT INTO nature VALUES (?, ?, ?)", rows)
    connection.execute(f"""
        CREATE VIEW person_of AS
        SELECT BEN_NIR_PSA, BEN_RNG_GEM::VARCHAR AS BEN_RNG_GEM, person FROM truth_identifiers
        JOIN truth_persons USING (person)
        WHERE BEN_CDI_NIR NOT IN ('01', '06', '08', '11') AND year_of_birth IS NOT NULL;

        -- The anaesthetist's part (CAM_ACT_COD 4) of what a surgeon did in the same facility is the same act.
        CREATE VIEW by_others AS
        SELECT {KEY} FROM ER_CAM_F cam JOIN ER_PRS_F prs USING ({KEY}) JOIN ER_ETE_F ete USING ({KEY})
        QUALIFY CAM_ACT_COD > min(CAM_ACT_COD) OVER (
            PARTITION BY BEN_NIR_PSA, BEN_RNG_GEM, EXE_SOI_DTD, CAM_PRS_IDE, ETB_EXE_FIN);

        -- Lines that tell of care; every condition is safe for NULL.
        CREATE VIEW line AS
        SELECT prs.*, person, nature, visit, ETB_EXE_FIN AS facility
        FROM ER_PRS_F prs
        LEFT JOIN ER_ETE_F ete USING ({KEY})
        JOIN person_of USING (BEN_NIR_PSA, BEN_RNG_GEM)
        JOIN nature ON nature.code = PRS_NAT_REF
        WHERE coalesce(DPN_QLF, '0') NOT IN ('71', '72') AND coalesce(PRS_DPN_QLP, '0') NOT IN ('71', '72')
          AND coalesce(CPL_MAJ_TOP, '0') <> '2' AND coalesce(ETE_IND_TAA, '0') <> '1'
          AND coalesce(ETE_MCO_DDP, 'Z') IN ('Z', 'X') AND nature IN ('care', 'accessory')
          AND NOT EXISTS (FROM by_others other WHERE {SAME_KEY});
    """)
    return connection


def events_of_claims(connection: duckdb.DuckDBPyConnection) -> set[tuple[object, ...]]:
    """Person, day, code, net quantity, activity of everything that has a code of its own.

    A cancelling line may lack its facility, so the facility is left out of the key here: no two facilities do the same
    act to the same person on one day.
    """
    found: set[tuple[object, ...]] = set()
    for table, (code, quantity, activity) in DETAILS.items():
        found |= set(connection.sql(f"""
            SELECT person, EXE_SOI_DTD, {code}, sum({quantity})::INT, {activity}
            FROM {table} detail JOIN line USING ({KEY})
            WHERE nature = 'care'
            GROUP BY person, EXE_SOI_DTD, EXE_SOI_DTF, PRS_NAT_REF, PFS_EXE_NUM, PFS_PRE_NUM, PRE_PRE_DTD, {code},
                     {activity}
            HAVING sum({quantity}) > 0
        """).fetchall())  # fmt: skip
    return found


def visits_of_claims(connection: duckdb.DuckDBPyConnection) -> set[tuple[object, ...]]:
    """Person, first and last day, kind, executor, facility and main nature of service of every visit of the DCIR."""
    codes = " UNION ALL ".join(f"SELECT {KEY}, {code} AS code FROM {table}" for table, (code, *_) in DETAILS.items())
    return set(connection.sql(f"""
        WITH net AS (
            SELECT person, EXE_SOI_DTD, EXE_SOI_DTF, visit, PFS_EXE_NUM, max(facility) AS facility, PRS_NAT_REF,
                   round(sum(PRS_PAI_MNT), 2) AS paid
            FROM line LEFT JOIN ({codes}) USING ({KEY}) WHERE nature = 'care'
            GROUP BY person, EXE_SOI_DTD, EXE_SOI_DTF, PRS_NAT_REF, visit, PFS_EXE_NUM, PFS_PRE_NUM, PRE_PRE_DTD, code
            HAVING sum(PRS_ACT_QTE) > 0
        )
        SELECT person, EXE_SOI_DTD, EXE_SOI_DTF, visit, nullif(PFS_EXE_NUM, '00000000'), facility,
               first(PRS_NAT_REF ORDER BY paid DESC, PRS_NAT_REF::INT)
        FROM net GROUP BY ALL
    """).fetchall())  # fmt: skip


def persons_of_referential(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], frozenset[tuple[str, str]]]:
    """Each pseudo-NIR and rank of IR_BEN_R and IR_BEN_R_ARC, with all those of the same person."""
    rows = connection.sql("""
        SELECT BEN_NIR_PSA, BEN_RNG_GEM, BEN_NIR_ANO FROM IR_BEN_R WHERE BEN_CDI_NIR IN ('00', '03', '04')
        UNION ALL SELECT BEN_NIR_PSA, BEN_RNG_GEM, BEN_NIR_ANO FROM IR_BEN_R_ARC WHERE BEN_CDI_NIR IN ('00', '03', '04')
    """).fetchall()  # fmt: skip
    group: dict[object, set[tuple[str, str]]] = {}
    for psa, rank, anonymous in rows:
        pair = (psa, rank)
        merged = group.get(pair, {pair}) | group.get(anonymous, set()) if anonymous else group.get(pair, {pair})
        for member in merged:
            group[member] = merged
        if anonymous:
            group[anonymous] = merged
    return {pair: frozenset(members) for pair, members in group.items() if isinstance(pair, tuple)}
