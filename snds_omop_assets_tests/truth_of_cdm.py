"""A converted warehouse against the truth of its synthetic delivery: what the CDM must hold, and nothing else.

It is written from docs/synthetic.md and the CDM, and knows no rule of the conversion. Every check gives the rows that
are missing and those that are too many; both are empty where the conversion is right. Their text has counts and no
values.
The conversion is judged without a downloaded vocabulary: only the project's own maps give a code a concept.
"""

import csv
import re
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets import vocabulary
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.run import run
from snds_omop_assets.settings import Settings
from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.rows import rules
from snds_omop_assets.synthetic.scenario import Scenario
from snds_omop_assets.vocabulary.maps import MAPS

Row = tuple[object, ...]
Connection = duckdb.DuckDBPyConnection

CONCEPTS = {
    "outpatient": 9202, "home": 581476, "pharmacy": 581458, "laboratory": 32036, "telehealth": 5083,
    "transport": 581478, "emergency": 9203, "inpatient": 9201, "emergency_inpatient": 262,
    "home_hospitalisation": 581476,
}  # fmt: skip
"""Visit concept of each kind of visit of the truth."""

PHARMACY, CLAIM, STAY, EXTERNAL, CERTIFICATE = 32869, 32810, 32853, 32859, 32815
"""Type concepts: what a pharmacy gives, the rest of the DCIR, stays, external care, death certificates."""

MAIN_DIAGNOSIS = 32902
FICTITIOUS = ("01", "06", "08", "11")
"""BEN_CDI_NIR of nobody, as the generator draws them."""

TABLES = {
    # table: first day, source value, quantity, modifier, type, concept
    "condition_occurrence": ("condition_start_date", "condition", "NULL", "NULL", "condition_type_concept_id"),
    "procedure_occurrence": ("procedure_date", "procedure", "quantity", "modifier_source_value",
                             "procedure_type_concept_id"),
    "drug_exposure": ("drug_exposure_start_date", "drug", "quantity", "NULL", "drug_type_concept_id"),
    "device_exposure": ("device_exposure_start_date", "device", "quantity", "NULL", "device_type_concept_id"),
    "measurement": ("measurement_date", "measurement", "NULL", "NULL", "measurement_type_concept_id"),
    "observation": ("observation_date", "observation", "NULL", "NULL", "observation_type_concept_id"),
    "specimen": ("specimen_date", "specimen", "quantity", "NULL", "specimen_type_concept_id"),
}  # fmt: skip
TABLE_OF_DOMAIN = {
    "Condition": "condition_occurrence", "Procedure": "procedure_occurrence", "Drug": "drug_exposure",
    "Device": "device_exposure", "Measurement": "measurement", "Observation": "observation", "Specimen": "specimen",
}  # fmt: skip
WITH_QUANTITY = tuple(name for name, (_, _, quantity, _, _) in TABLES.items() if quantity != "NULL")

VISIT = ("concept", "person", "start", "end", "nature", "site")
EVENT = ("list", "person", "day", "code", "quantity", "modifier", "concept", "visit concept", "visit start",
         "visit end", "visit nature", "visit site")  # fmt: skip
EVENT_COLUMNS = "cdm, person, start, code, quantity, modifier, concept, v_concept, v_start, v_end, v_nature, v_site"


@dataclass(frozen=True)
class Differences:
    """Rows that the CDM lacks and rows that it has too many; false where there are none.

    Attributes:
        columns: names of the values of a row; the first says what kind of row it is, and no more.
        missing, extra: the rows, each as often as it is missing or too many.
    """

    columns: tuple[str, ...]
    missing: Counter[Row]
    extra: Counter[Row]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)

    def __repr__(self) -> str:
        """Counts by kind, and how many rows are right but for one column; no values."""
        told = (("missing", self.missing), ("too many", self.extra))
        parts = [f"{name} {rows.total()} {_kinds(rows)}" for name, rows in told if rows]
        parts += [f"right but for {name}: {count}" for name, count in self.right_but_for().items() if count]
        return f"<{'; '.join(parts) or 'no differences'}>"

    def right_but_for(self) -> dict[str, int]:
        """How many missing rows are among those too many once a column is left out."""
        return {
            name: (_without(self.missing, place) & _without(self.extra, place)).total()
            for place, name in enumerate(self.columns)
        }


def _kinds(rows: Counter[Row]) -> str:
    kinds: Counter[object] = Counter()
    for row, count in rows.items():
        kinds[row[0]] += count
    return "(" + ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items(), key=str)) + ")"


def _without(rows: Counter[Row], place: int) -> Counter[Row]:
    left: Counter[Row] = Counter()
    for row, count in rows.items():
        left[row[:place] + row[place + 1 :]] += count
    return left


@contextmanager
def judged(warehouse: Path, made: Path) -> Iterator[Connection]:
    """A connection with what the checks read: `truth_*`, `omop_*`, `whose` (person of each person_id), and the told
    and the found visits and events.

    Args:
        warehouse: the converted base.
        made: delivery/ and truth/ of `snds-omop synth --format parquet`.
    """
    with duckdb.connect() as connection:
        for path in (made / "truth").glob("*.parquet"):
            connection.execute(f"CREATE VIEW truth_{path.stem} AS FROM read_parquet('{path}')")
        for name in ("visit_occurrence", "death", "observation_period", "cost", "location", *TABLES):
            stored_table(connection, warehouse, name, f"omop_{name}")
        _sites(connection, warehouse)
        years = delivered_years(made)
        connection.execute(f"""
            CREATE TABLE omop_person AS FROM read_csv('{warehouse}/omop/person.csv', all_varchar = true);
            CREATE TABLE data_days AS SELECT unnest([DATE '{min(years)}-01-01', DATE '{max(years)}-12-31']) AS day;
            CREATE MACRO figures(code) AS
                CASE WHEN TRY_CAST(code AS DOUBLE) IS NULL THEN trim(code)
                ELSE ltrim(split_part(trim(code), '.', 1), '0') END;
            CREATE MACRO diagnosis(code) AS split_part(replace(trim(code), '.', ''), '+', 1);
            CREATE MACRO spelled(cdm, code) AS
                CASE WHEN cdm IN ('condition_occurrence', 'observation') THEN diagnosis(code) ELSE figures(code) END;
        """)
        _lines(connection, made)
        _persons(connection, made)
        _visits(connection, made)
        _routes(connection)
        _contents(connection, made)
        _told_events(connection, made)
        _found_events(connection)
        yield connection


# What the warehouse has.


def stored_table(connection: Connection, warehouse: Path, name: str, view: str) -> None:
    """A view of a CDM table in Parquet, a file or a folder of parts, with the CDM's columns.

    It is empty where the warehouse has no such table.
    """
    place = warehouse / "omop" / f"{name}.parquet"
    parts = (path for path in place.rglob("*.parquet") if path.is_file())
    files = [place] if place.is_file() else sorted(path for path in parts if not _aside(path.relative_to(place)))
    schema = cdm_tables()[name].schema
    if files:
        columns = ", ".join(f'"{column}"' for column in schema.names)
        texts = [str(path) for path in files]
        connection.execute(
            f"CREATE VIEW {view} AS SELECT {columns} FROM read_parquet({texts}, hive_partitioning = false)"
        )
    else:
        connection.register(f"none_{name}", schema.empty_table())
        connection.execute(f"CREATE VIEW {view} AS FROM none_{name}")


def _aside(path: Path) -> bool:
    """Whether a part stands in a hidden folder: what a run that was killed has left."""
    return any(part.startswith(".") for part in path.parts)


def _sites(connection: Connection, warehouse: Path) -> None:
    """Table `site` (care_site_id, code): a FINESS without its key, as there are two spellings."""
    with sqlite3.connect(warehouse / "omop" / "care_site.sqlite") as sites:
        rows = sites.execute("SELECT care_site_id, care_site_source_value FROM care_site").fetchall()
    numbers = pa.array([number for number, _ in rows], pa.int64())
    codes = pa.array([str(code).split(".")[0][:8] for _, code in rows], pa.string())
    connection.register("site", pa.table({"care_site_id": numbers, "code": codes}))


def _found_events(connection: Connection) -> None:
    """Table `found_event`: rows of all event tables in the shape of `told_event`."""
    connection.execute("CREATE TABLE found_event AS FROM told_event WHERE false")
    for name, (day, prefix, quantity, modifier, kind) in TABLES.items():
        visit = "NULL" if name == "specimen" else "event.visit_occurrence_id"
        status = "condition_status_source_value" if name == "condition_occurrence" else "NULL"
        status_concept = "condition_status_concept_id" if name == "condition_occurrence" else "NULL"
        end = "condition_end_date" if name == "condition_occurrence" else "NULL"
        connection.execute(f"""
            INSERT INTO found_event BY NAME
            SELECT '{name}' AS cdm, coalesce(whose.person, -1) AS person, event.{day} AS start,
                   spelled('{name}', event.{prefix}_source_value) AS code,
                   round(CAST({quantity} AS DOUBLE), 3) AS quantity, {modifier} AS modifier,
                   CAST(event.{prefix}_concept_id AS BIGINT) AS concept, event.{kind} AS type,
                   {status} AS status, {status_concept} AS status_concept, CAST({end} AS DATE) AS "end",
                   {visit} IS NOT NULL AND visit.person IS NULL AS lost,
                   visit.concept AS v_concept, visit.start AS v_start, visit."end" AS v_end,
                   visit.nature AS v_nature, visit.site AS v_site
            FROM omop_{name} event
            LEFT JOIN whose USING (person_id)
            LEFT JOIN found_visit visit ON visit.visit_occurrence_id = {visit}
        """)


# What the truth says.


def _lines(connection: Connection, made: Path) -> None:
    """Table `line`: lines of the DCIR with the rule, visit and event of each; `pack`: rows of ER_PHA_F likewise."""
    wanted = {
        "ER_PRS_F": ("BEN_NIR_PSA", "BEN_RNG_GEM", "EXE_SOI_DTD", "PRS_NAT_REF", "PFS_EXE_NUM", "PRS_ACT_QTE",
                     "PRS_PAI_MNT"),
        "ER_PHA_F": ("PHA_PRS_C13", "PHA_DEC_TOP"),
        "KI_ECD_R": ("BEN_IDT_ANO", "BEN_DCD_DTE", "ECD_CIM_COD"),
    }  # fmt: skip
    for table, columns in wanted.items():
        parts = []
        for path in files_of(made, table):
            told = pq.read_table(made / "truth" / "rows" / path.name)
            part = pq.read_table(path, columns=list(columns))
            assert part.num_rows == told.num_rows, path.name
            for name in ("rule", "visit", "event"):
                part = part.append_column(name, told[name])
            parts.append(part)
        if parts:
            connection.register(f"row_{table}", pa.concat_tables(parts, promote_options="permissive"))
        else:
            names = ", ".join(f"NULL AS {name}" for name in (*columns, "rule", "visit", "event"))
            connection.execute(f"CREATE VIEW row_{table} AS SELECT {names} WHERE false")


def files_of(made: Path, table: str) -> list[Path]:
    """The delivered files of a table, in the order of their years."""
    pattern = official_tables()[table].file_pattern
    return sorted(path for path in (made / "delivery").glob("*.parquet") if pattern.fullmatch(path.stem))


def _persons(connection: Connection, made: Path) -> None:
    """Tables `being` (one row per person that the CDM must have, and by which source values it may be known) and
    `whose` (person of the truth by person_id).

    Who is met under a number that nobody can link is a person of their own beside the one that they are: the truth has
    one number for both.
    """
    states = " UNION ALL ".join(
        f"""SELECT BEN_NIR_PSA, split_part(CAST(BEN_RNG_GEM AS VARCHAR), '.', 1) AS rank, BEN_IDT_ANO, BEN_NIR_ANO
            FROM read_parquet('{path}')"""
        for table in ("IR_BEN_R", "IR_BEN_R_ARC")
        for path in files_of(made, table)
    )
    connection.execute(f"""
        CREATE TABLE identifier AS
        SELECT person, BEN_NIR_PSA, CAST(BEN_RNG_GEM AS VARCHAR) AS rank, certain, in_referential,
               CASE WHEN certain THEN CAST(person AS VARCHAR)
                    ELSE concat_ws(' ', person, BEN_NIR_PSA, BEN_RNG_GEM) END AS being
        FROM truth_identifiers JOIN truth_persons USING (person)
        WHERE year_of_birth IS NOT NULL AND why_not IS NULL AND BEN_CDI_NIR NOT IN {FICTITIOUS};

        -- The first of BEN_IDT_ANO, BEN_NIR_ANO, pseudo-NIR and rank that is there; the pseudo-NIR alone of who is met
        -- in hospitals only.
        CREATE TABLE known_by AS
        WITH state AS ({states}),
        said AS (
            SELECT being, person, 1 AS place, BEN_IDT_ANO AS value FROM identifier JOIN state USING (BEN_NIR_PSA, rank)
            UNION ALL
            SELECT being, person, 2, BEN_NIR_ANO FROM identifier JOIN state USING (BEN_NIR_PSA, rank)
            UNION ALL
            SELECT being, person, 3, BEN_NIR_PSA || rank FROM identifier
            UNION ALL
            SELECT being, person, 3, BEN_NIR_PSA FROM identifier WHERE NOT in_referential
        )
        SELECT DISTINCT being, person, value FROM said WHERE value IS NOT NULL
        QUALIFY place = min(place) OVER (PARTITION BY being);

        CREATE TABLE whose AS
        SELECT CAST(person_id AS BIGINT) AS person_id, any_value(person) AS person, any_value(being) AS being
        FROM omop_person JOIN known_by ON value = person_source_value GROUP BY person_id;
    """)


def _visits(connection: Connection, made: Path) -> None:
    """Tables `told_visit` and `found_visit`: person, days, concept, main nature, site, type.

    The site is the hospital. A stay may also be said of one of its geographic sites, as its rows give them.
    """
    _geographic_sites(connection, made)
    files = [str(path) for path in sorted((made / "truth" / "rows").glob("T_*CSTC.parquet"))
             if re.fullmatch(r"T_(MCO|SSR)\d{2}CSTC", path.stem)]  # fmt: skip
    external = f"SELECT visit FROM read_parquet({files}) WHERE visit IS NOT NULL" if files else "SELECT -1"
    kinds = ", ".join(f"('{kind}', {concept})" for kind, concept in CONCEPTS.items())
    connection.execute(f"""
        CREATE TABLE told_visit AS
        SELECT visit, person, start, "end", concept, main_nature AS nature, left(hospital, 8) AS site,
               CASE WHEN kind = 'pharmacy' THEN {PHARMACY} WHEN main_nature IS NOT NULL THEN {CLAIM}
                    WHEN visit IN ({external}) THEN {EXTERNAL} ELSE {STAY} END AS type, professional
        FROM truth_visits JOIN (VALUES {kinds}) AS kinds (kind, concept) USING (kind) WHERE expected;

        CREATE TABLE hospital AS SELECT DISTINCT left(hospital, 8) AS code FROM truth_visits WHERE hospital IS NOT NULL;
        -- A hospital has several geographic sites; those of other hospitals of a group are no hospitals of the truth.
        CREATE TABLE geographic AS
        SELECT DISTINCT geographic AS code, site AS hospital FROM said_site WHERE geographic <> site
            AND site IN (SELECT code FROM hospital) AND geographic NOT IN (SELECT code FROM hospital);

        CREATE TABLE found_visit AS
        SELECT visit_occurrence_id, coalesce(person, -1) AS person, visit_start_date AS start, visit_end_date AS "end",
               CAST(visit_concept_id AS BIGINT) AS concept,
               CASE WHEN visit_type_concept_id NOT IN ({STAY}, {EXTERNAL})
                    THEN split_part(visit_source_value, '.', 1) END AS nature,
               -- Pharmacies, laboratories, transporters, suppliers (2 at the third place of their number) may be sites.
               CASE WHEN code IN (SELECT code FROM hospital) OR substr(code, 3, 1) <> '2'
                         OR visit_type_concept_id IN ({STAY}, {EXTERNAL})
                    THEN coalesce(geographic.hospital, code) END AS site,
               code AS any_site, visit_type_concept_id AS type
        FROM omop_visit_occurrence LEFT JOIN whose USING (person_id) LEFT JOIN site USING (care_site_id)
        LEFT JOIN geographic USING (code);
    """)


def _routes(connection: Connection) -> None:
    """Table `route`: where a code of the project's own maps goes; `home`: where the others of its list go."""
    package = Path(vocabulary.__file__).parent
    with (package / "concepts.csv").open(encoding="utf-8", newline="") as lines:
        domains = {row["concept_id"]: row["domain_id"] for row in csv.DictReader(lines)}
    with (package / "nomenclatures.csv").open(encoding="utf-8", newline="") as lines:
        home = [(row["nomenclature"], TABLE_OF_DOMAIN[row["domain"]]) for row in csv.DictReader(lines)
                if row["domain"] in TABLE_OF_DOMAIN]  # fmt: skip
    routes = []
    for path in sorted(MAPS.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            routes += [
                (
                    row["nomenclature"],
                    row["code"].replace(".", ""),
                    TABLE_OF_DOMAIN[domains[row["concept_id"]]],
                    int(row["concept_id"]),
                )
                for row in csv.DictReader(lines)
                if row["relation"] == "Maps to" and domains.get(row["concept_id"]) in TABLE_OF_DOMAIN
            ]
    connection.execute("""
        CREATE TABLE route (nomenclature VARCHAR, code VARCHAR, cdm VARCHAR, concept BIGINT);
        CREATE TABLE home (nomenclature VARCHAR, cdm VARCHAR);
    """)
    connection.executemany("INSERT INTO route VALUES (?, ?, ?, ?)", routes)
    connection.executemany("INSERT INTO home VALUES (?, ?)", home)


def units_in_pack(text: str | None) -> float | None:
    """How many units a pack has, as IR_PHA_R writes it; 1 where it cannot be said, so that packs are counted.

    `28 COMPRIMES` is 28, `1,5` is 1.5, `3 / 2 ML` is 3; a pack of `10 + 5` is one pack.
    """
    if text is None or "+" in text:
        return 1.0
    found = re.match(r"\s*(\d+(?:[.,]\d+)?)", text)
    return float(found[1].replace(",", ".")) if found else 1.0


def _contents(connection: Connection, made: Path) -> None:
    """Tables `content` (units in a pack, by CIP13) and `opened` (events of opened packs, which count units)."""
    connection.execute("CREATE TABLE content (code VARCHAR, units DOUBLE, ingredient VARCHAR)")
    for path in files_of(made, "IR_PHA_R"):
        table = pq.read_table(path, columns=["PHA_CIP_C13", "PHA_UPC_NBR", "PHA_UNT_NBR_DSES", "PHA_ATC_C07"])
        rows = [
            (row["PHA_CIP_C13"], units_in_pack(row["PHA_UPC_NBR"] or row["PHA_UNT_NBR_DSES"]), row["PHA_ATC_C07"])
            for row in table.to_pylist()
        ]
        connection.executemany("INSERT INTO content VALUES (?, ?, ?)", rows)
    connection.execute("""
        -- Where no map has the pack, the map of its ingredient counts.
        INSERT INTO route
        SELECT 'CIP13', content.code, cdm, concept FROM content JOIN route ON nomenclature = 'ATC'
            AND route.code = ingredient
        WHERE content.code NOT IN (SELECT code FROM route WHERE nomenclature = 'CIP13');

        CREATE TABLE opened AS
        SELECT DISTINCT event FROM row_ER_PHA_F WHERE event IS NOT NULL AND TRY_CAST(PHA_DEC_TOP AS DOUBLE) = 1
    """)


def _told_events(connection: Connection, made: Path) -> None:
    """Table `told_event`: each event of the truth that a delivered row tells, where and how the CDM must have it."""
    files = [str(path) for path in sorted((made / "truth" / "rows").glob("ER_*.parquet"))]
    dcir = f"SELECT event FROM read_parquet({files}) WHERE event IS NOT NULL" if files else "SELECT -1"
    connection.execute(f"""
        CREATE TABLE told_event AS
        SELECT coalesce(route.cdm, home.cdm) AS cdm, event.person, event.start,
               CAST(spelled(coalesce(route.cdm, home.cdm), CASE WHEN role = 'long_term_disease'
                            THEN left(event.code, 4) ELSE event.code END) AS VARCHAR) AS code,
               CASE WHEN coalesce(route.cdm, home.cdm) IN {WITH_QUANTITY} THEN round(
                   CAST(event.quantity AS DOUBLE) * CASE WHEN event.nomenclature = 'CIP13' AND opened.event IS NULL
                   THEN coalesce(units, 1) ELSE 1 END, 3) END AS quantity,
               CASE WHEN event.nomenclature = 'CCAM' AND coalesce(route.cdm, home.cdm) = 'procedure_occurrence'
                    THEN activity || '/' || phase END AS modifier,
               coalesce(route.concept, 0) AS concept,
               CAST(CASE WHEN event.visit IS NULL THEN {CLAIM}
                    WHEN event.event NOT IN ({dcir}) THEN visit.type
                    WHEN event.nomenclature IN ('CIP13', 'UCD') THEN {PHARMACY} ELSE {CLAIM} END AS BIGINT) AS type,
               CASE WHEN role = 'long_term_disease' THEN 'ALD' END AS status,
               CAST(CASE WHEN role = 'main_diagnosis' THEN {MAIN_DIAGNOSIS} END AS BIGINT) AS status_concept,
               CASE WHEN role = 'long_term_disease' THEN event."end" END AS "end",
               event.visit IS NOT NULL AND visit.visit IS NULL AS lost,
               visit.concept AS v_concept, visit.start AS v_start, visit."end" AS v_end, visit.nature AS v_nature,
               visit.site AS v_site
        FROM truth_events event
        LEFT JOIN told_visit visit USING (visit)
        LEFT JOIN route ON route.nomenclature = event.nomenclature AND route.code = event.code
        LEFT JOIN home ON home.nomenclature = event.nomenclature
        LEFT JOIN content ON content.code = event.code
        LEFT JOIN opened ON opened.event = event.event
        WHERE event.expected
    """)


def _geographic_sites(connection: Connection, made: Path) -> None:
    """Table `said_site`: the geographic sites that the rows of a visit say, and the hospital that sends them."""
    connection.execute("CREATE TABLE said_site (visit BIGINT, site VARCHAR, geographic VARCHAR)")
    for path in sorted((made / "delivery").glob("T_*.parquet")):
        told = made / "truth" / "rows" / path.name
        names = pq.read_schema(path).names
        if not told.exists() or "visit" not in pq.read_schema(told).names:
            continue
        sender = "ETA_NUM" if "ETA_NUM" in names else "ETA_NUM_EPMSI"
        for geographic in {"ETA_NUM_GEO", "ETA_NUM_TWO"} & set(names):
            part = pq.read_table(path, columns=[sender, geographic]).rename_columns(["sender", "geographic"])
            connection.register("part", part.append_column("visit", pq.read_table(told)["visit"]))
            connection.execute("""
                INSERT INTO said_site SELECT DISTINCT visit, left(sender, 8), left(geographic, 8) FROM part
                WHERE visit IS NOT NULL AND geographic IS NOT NULL
            """)
            connection.unregister("part")


# The checks.


def _differences(connection: Connection, columns: Sequence[str], told: str, found: str) -> Differences:
    """Rows of one query that the other lacks, both ways, each as often as it is."""
    missing = connection.sql(f"({told}) EXCEPT ALL ({found})").fetchall()
    extra = connection.sql(f"({found}) EXCEPT ALL ({told})").fetchall()
    return Differences(tuple(columns), Counter(missing), Counter(extra))


def persons(connection: Connection) -> Differences:
    """Each person once, and no row of nobody: what is wrong, and the person (-1: nobody).

    A person of IR_BEN_R must be there; one whom it does not have must be there with a visit, and may be there without.
    """
    missing = Counter(connection.sql("""
        SELECT 'not there', person FROM (
            SELECT DISTINCT being, person FROM identifier
            JOIN truth_identifiers USING (person, BEN_NIR_PSA)
            WHERE CAST(BEN_RNG_GEM AS VARCHAR) = rank AND (in_IR_BEN_R OR in_IR_BEN_R_ARC)
               OR NOT in_referential AND person IN (SELECT person FROM told_visit)
        ) WHERE being NOT IN (SELECT being FROM whose)
    """).fetchall())  # fmt: skip
    extra = Counter(connection.sql("""
        SELECT 'of nobody', -1 FROM omop_person WHERE CAST(person_id AS BIGINT) NOT IN (SELECT person_id FROM whose)
        UNION ALL
        SELECT 'the same person again', any_value(person) FROM whose GROUP BY being HAVING count(*) > 1
        UNION ALL
        SELECT 'one id of several rows', -1 FROM omop_person GROUP BY person_id HAVING count(*) > 1
        UNION ALL
        SELECT 'several persons under one value', any_value(person) FROM known_by
        JOIN omop_person ON value = person_source_value GROUP BY value HAVING count(DISTINCT being) > 1
    """).fetchall())  # fmt: skip
    return Differences(("what", "person"), missing, extra)


def demographics(connection: Connection) -> Differences:
    """Sex, year and month of birth, commune and department of each person that is there.

    Of who has a number that nobody can link, only sex and year are compared. The PMSI tells an age: the year of birth
    of who is met there only may be the one after, and the place is not known.
    """
    told = """
        SELECT 'person' AS kind, person, CASE sex WHEN 1 THEN 8507 WHEN 2 THEN 8532 ELSE 0 END AS gender,
               CASE WHEN in_lines THEN year_of_birth END, CASE WHEN one THEN month_of_birth END,
               CASE WHEN one AND in_lines THEN commune END, CASE WHEN one AND in_lines THEN department END
        FROM judged_person
    """
    found = """
        SELECT 'person', person, gender, CASE WHEN in_lines OR year NOT BETWEEN year_of_birth AND year_of_birth + 1
               THEN year END, CASE WHEN one THEN month END,
               CASE WHEN one AND in_lines THEN zip END, CASE WHEN one AND in_lines THEN county END
        FROM judged_person
    """
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE judged_person AS
        SELECT whose.person, sex, year_of_birth, month_of_birth, commune, department,
               whose.being = CAST(whose.person AS VARCHAR) AS one,
               in_referential OR EXISTS (
                   FROM row_ER_PRS_F line JOIN identifier USING (BEN_NIR_PSA) WHERE identifier.person = whose.person
               ) AS in_lines,
               CAST(gender_concept_id AS BIGINT) AS gender,
               CAST(year_of_birth_1 AS BIGINT) AS year, CAST(month_of_birth_1 AS BIGINT) AS month, zip, county
        FROM whose
        JOIN truth_persons USING (person)
        JOIN (SELECT person_id, gender_concept_id, year_of_birth AS year_of_birth_1, month_of_birth AS month_of_birth_1,
                     location_id FROM omop_person) place ON CAST(place.person_id AS BIGINT) = whose.person_id
        LEFT JOIN omop_location location ON location.location_id = CAST(place.location_id AS BIGINT)
    """)
    columns = ("what", "person", "sex", "year of birth", "month of birth", "commune", "department")
    return _differences(connection, columns, told, found)


def visits(connection: Connection) -> Differences:
    """Visits of the truth that a delivered row tells, and nothing else: kind, person, days, main nature, hospital."""
    columns = 'concept, person, start, "end", nature, site'
    return _differences(
        connection, VISIT, f"SELECT {columns} FROM told_visit", f"SELECT {columns} FROM found_visit"
    )  # fmt: skip


def visit_types(connection: Connection) -> Differences:
    """Where each visit comes from: a pharmacy, another claim, a stay, external care."""
    columns = 'type, person, start, "end", concept'
    return _differences(
        connection, ("type", "person", "start", "end", "concept"),
        f"SELECT {columns} FROM told_visit", f"SELECT {columns} FROM found_visit",
    )  # fmt: skip


def sites(connection: Connection) -> Differences:
    """Sites of stays and external care that their rows do not say, by hospital or geographic site; and sites of claims
    that are neither a hospital nor who treats (a pharmacy may be a site under its own number)."""
    extra = connection.sql(f"""
        SELECT 'stay', count(*) FROM found_visit found
        WHERE type IN ({STAY}, {EXTERNAL}) AND any_site IS NOT NULL AND NOT EXISTS (
            FROM told_visit told LEFT JOIN said_site USING (visit)
            WHERE told.person = found.person AND told.start = found.start AND told."end" = found."end"
              AND told.concept = found.concept AND any_site IN (told.site, geographic)
        ) HAVING count(*) > 0
        UNION ALL
        SELECT 'claim', count(*) FROM found_visit
        WHERE type NOT IN ({STAY}, {EXTERNAL}) AND any_site NOT IN (SELECT code FROM hospital)
          AND any_site NOT IN (SELECT left(professional, 8) FROM truth_visits WHERE professional IS NOT NULL)
        HAVING count(*) > 0
    """).fetchall()
    return Differences(("kind",), Counter(), Counter({(kind,): count for kind, count in extra}))


FROM_CARE = """FROM found_event WHERE type IS DISTINCT FROM 32815 AND NOT (
    cdm = 'procedure_occurrence' AND TRY_CAST(code AS INT) IS NOT NULL AND modifier IS NULL)"""
"""Events but causes of death and acts that only a nature of service names (`services`), which the truth has not."""


def events(connection: Connection) -> Differences:
    """Every event of the truth that a delivered row tells, and nothing else: table, person, day, code, quantity,
    activity and phase, concept, and the visit."""
    return _differences(
        connection, EVENT, f"SELECT {EVENT_COLUMNS} FROM told_event", f"SELECT {EVENT_COLUMNS} {FROM_CARE}"
    )  # fmt: skip


def event_types(connection: Connection) -> Differences:
    """Where each event comes from: a pharmacy, another claim, a stay, external care."""
    columns = "cdm, type, person, start, code"
    return _differences(connection, ("list", "type", "person", "day", "code"),
                        f"SELECT {columns} FROM told_event", f"SELECT {columns} {FROM_CARE}")  # fmt: skip


def events_of_lost_visits(connection: Connection) -> Differences:
    """Events whose visit_occurrence_id is of no visit, or of a visit of somebody else."""
    extra = connection.sql("SELECT cdm, count(*) FROM found_event WHERE lost GROUP BY cdm").fetchall()
    for name in TABLES:
        if name != "specimen":
            extra += connection.sql(f"""
                SELECT '{name} of another person', count(*) FROM omop_{name} event
                JOIN omop_visit_occurrence visit USING (visit_occurrence_id)
                WHERE event.person_id <> visit.person_id HAVING count(*) > 0
            """).fetchall()
    return Differences(("list",), Counter(), Counter({(kind,): count for kind, count in extra}))


def services(connection: Connection) -> Differences:
    """Acts that only a nature of service names: those to which the project's maps give a concept, as often as the lines
    of the visit say, and no other."""
    visit = 'visit.person, visit.start, visit."end", visit.nature, visit.site'
    columns = ("list", "code", "concept", "person", "start", "end", "nature", "site", "quantity")
    return _differences(connection, columns, f"""
        SELECT route.cdm, figures(PRS_NAT_REF) AS code, route.concept, {visit}, round(sum(PRS_ACT_QTE), 3)
        FROM row_ER_PRS_F line JOIN told_visit visit USING (visit)
        JOIN route ON nomenclature = 'PRS_NAT_REF' AND route.code = figures(PRS_NAT_REF)
        WHERE rule = 'visit' AND event IS NULL GROUP BY ALL HAVING sum(PRS_ACT_QTE) > 0
    """, """
        SELECT cdm, code, concept, person, v_start, v_end, v_nature, v_site, round(sum(quantity), 3)
        FROM found_event
        WHERE cdm = 'procedure_occurrence' AND TRY_CAST(code AS INT) IS NOT NULL AND modifier IS NULL
          AND start = v_start
        GROUP BY ALL
    """)  # fmt: skip


def main_diagnoses(connection: Connection) -> Differences:
    """Main diagnoses that are there and not as primary ones."""
    columns = "cdm, person, start, code, v_start, v_end, v_site"
    missing = connection.sql(f"""
        SELECT DISTINCT {columns} FROM told_event WHERE status_concept = {MAIN_DIAGNOSIS}
        EXCEPT SELECT {columns} FROM found_event WHERE status_concept = {MAIN_DIAGNOSIS}
    """).fetchall()
    return Differences(("list",), Counter(missing), Counter())


def long_term_diseases(connection: Connection) -> Differences:
    """Person, first and last day and code of the latest state of each long-term disease, told as such."""
    last = connection.sql('SELECT max("end") FROM told_visit').fetchall()[0][0]
    ends = f'CASE WHEN year("end") <= {last.year if last else 0} THEN "end" END'
    columns = f"cdm, person, start, {ends}, code, status"
    return _differences(connection, ("list", "person", "start", "end", "code", "status"),
                        f"SELECT {columns} FROM told_event WHERE status = 'ALD'",
                        f"SELECT {columns} FROM found_event WHERE status = 'ALD'")  # fmt: skip


def deaths(connection: Connection) -> Differences:
    """Person, day, and initial cause where the CépiDc's death is matched.

    Who has a number that nobody can link may be told to be dead under both.
    """
    return _differences(connection, ("what", "person", "day", "cause"), """
        SELECT 'death', person, death, CASE WHEN matched THEN left(cause, 4) END FROM truth_deaths WHERE expected
    """, """
        SELECT 'death', coalesce(person, -1), death_date, max(left(diagnosis(cause_source_value), 4))
        FROM omop_death LEFT JOIN whose USING (person_id) GROUP BY ALL
    """)  # fmt: skip


def other_causes(connection: Connection) -> Differences:
    """Causes of death but the initial one: person, day, code, each once, told as of a death certificate."""
    told = """
        SELECT DISTINCT 'cause' AS what, death.person, death.death, left(diagnosis(ECD_CIM_COD), 4) AS code
        FROM row_KI_ECD_R said
        JOIN known_by ON known_by.value = said.BEN_IDT_ANO
        JOIN truth_deaths death ON death.person = known_by.person
        WHERE rule = 'death' AND diagnosis(ECD_CIM_COD) <> left(cause, 4)
    """
    found = f"SELECT 'cause', person, start, left(code, 4) FROM found_event WHERE type = {CERTIFICATE}"
    return _differences(connection, ("what", "person", "day", "code"), told, found)


def observation_periods(connection: Connection) -> Differences:
    """The one period of each person: from the first record or the first day of the data, to the last day of the data or
    the death; of who has a visit or an event in a visit, and of nobody else.

    The data begin on 1 January of the first delivered year and end on 31 December of the last.
    """
    first, last = "(SELECT min(day) FROM data_days)", "(SELECT max(day) FROM data_days)"
    records = " UNION ALL ".join(
        f"SELECT person_id, {day} AS day FROM omop_{name} WHERE visit_occurrence_id IS NOT NULL"
        for name, (day, *_) in TABLES.items()
        if name != "specimen"
    )
    return _differences(connection, ("what", "person_id", "start", "end"), f"""
        SELECT 'period' AS what, person_id, greatest(min(day), {first}) AS start,
               least({last}, any_value(death_date)) AS "end"
        FROM (SELECT person_id, visit_start_date AS day FROM omop_visit_occurrence UNION ALL {records})
        LEFT JOIN (SELECT person_id, min(death_date) AS death_date FROM omop_death GROUP BY ALL) USING (person_id)
        GROUP BY person_id HAVING greatest(min(day), {first}) <= least({last}, any_value(death_date))
    """, """
        SELECT 'period', person_id, observation_period_start_date, observation_period_end_date
        FROM omop_observation_period
    """)  # fmt: skip


def costs(connection: Connection) -> Differences:
    """Euros by person and first day of care: total_paid of COST is PRS_PAI_MNT of the lines that make a visit or join
    one, cancelling ones included.

    An act costs what all its executors are paid (`same_act`). The truth leaves supplements alone: those of the same
    person, day and executor as a visit are a cost, the others of none.
    """
    events = " UNION ALL ".join(
        f"SELECT '{domain}', {name}_id, visit_occurrence_id FROM omop_{name}"
        for domain, name in TABLE_OF_DOMAIN.items()
        if name != "specimen"
    )
    return _differences(connection, ("what", "person", "day", "euros"), """
        SELECT 'cost', person, EXE_SOI_DTD AS day, sum(CAST(PRS_PAI_MNT AS DECIMAL(18, 2))) AS euros
        FROM row_ER_PRS_F line
        JOIN identifier ON identifier.BEN_NIR_PSA = line.BEN_NIR_PSA
            AND identifier.rank = split_part(CAST(line.BEN_RNG_GEM AS VARCHAR), '.', 1)
        WHERE rule IN ('visit', 'accessory_line', 'same_act')
           OR rule IN ('supplement_line', 'participation_line') AND EXISTS (
               FROM told_visit WHERE told_visit.person = identifier.person AND start = EXE_SOI_DTD
               AND nature IS NOT NULL AND coalesce(professional, '00000000') = PFS_EXE_NUM)
        GROUP BY ALL HAVING euros <> 0
    """, f"""
        WITH paid (domain, id, visit_occurrence_id) AS (
            SELECT 'Visit', visit_occurrence_id, visit_occurrence_id FROM omop_visit_occurrence UNION ALL {events}
        )
        SELECT 'cost', coalesce(person, -1), start, sum(CAST(total_paid AS DECIMAL(18, 2))) AS euros
        FROM omop_cost LEFT JOIN paid ON domain = cost_domain_id AND id = cost_event_id
        LEFT JOIN found_visit USING (visit_occurrence_id)
        GROUP BY ALL HAVING euros <> 0
    """)  # fmt: skip


def ids_twice(connection: Connection) -> Differences:
    """Tables of which an id stands in several rows."""
    extra: Counter[Row] = Counter()
    keys = {name: f"{name}_id" for name in ("visit_occurrence", "observation_period", "cost", *TABLES)}
    for name, key in {**keys, "death": "person_id"}.items():
        [(count,)] = connection.sql(f"SELECT count(*) - count(DISTINCT {key}) FROM omop_{name}").fetchall()
        if count:
            extra[(name,)] = count
    return Differences(("table",), Counter(), extra)


CHECKS: Mapping[str, Callable[[Connection], Differences]] = {
    check.__name__: check
    for check in (
        persons, demographics, visits, visit_types, sites, events, event_types, events_of_lost_visits, services,
        main_diagnoses, long_term_diseases, deaths, other_causes, costs, ids_twice, observation_periods,
    )
}  # fmt: skip
"""Every check on the tables of the CDM; the ledger is judged apart."""


# The ledger.


def table_and_year(path: Path) -> tuple[str, int | None]:
    """The SNDS table of a delivered file, and its year; None where the table comes whole."""
    table = next(name for name, contract in official_tables().items() if contract.file_pattern.fullmatch(path.stem))
    found = re.search(r"_(\d{4})$|^T_[A-Z]{3}(\d{2})", path.stem)
    return table, (int(found[1] or f"20{found[2]}") if found else None)


def delivered_years(made: Path) -> set[int]:
    """The years of the delivered files."""
    years = (table_and_year(path)[1] for path in (made / "delivery").glob("*.parquet"))
    return {year for year in years if year is not None}


def ledger(warehouse: Path, made: Path) -> Differences:
    """Rows of every delivered file of which the truth says what becomes of them: table, year, rule, bucket and count.

    Of other tables the ledger may have lines; then their sum is the number of rows of the file (rule `all`).
    """
    told: dict[Row, int] = {}
    rows: dict[tuple[str, int | None], int] = {}
    for path in sorted((made / "delivery").glob("*.parquet")):
        file = table_and_year(path)
        rows[file] = rows.get(file, 0) + pq.read_metadata(path).num_rows
        truth = made / "truth" / "rows" / path.name
        if not truth.exists():
            continue
        for rule, count in Counter(pq.read_table(truth)["rule"].to_pylist()).items():
            key = (*file, rule, rules()[rule].bucket)
            told[key] = told.get(key, 0) + count
    judged_files = {key[:2] for key in told}
    found: dict[Row, int] = {}
    sums: dict[tuple[str, int | None], int] = {}
    for row in pq.read_table(warehouse / "quality" / "ledger.parquet").to_pylist():
        year = None if row["file_year"] is None else int(row["file_year"])
        file, count = (row["source_table"], year), int(row["row_count"])
        sums[file] = sums.get(file, 0) + count
        key = (*file, row["rule"], row["bucket"])
        if file in judged_files:
            found[key] = found.get(key, 0) + count
    for file in sums.keys() - judged_files:
        found[(*file, "all", "")] = sums[file]
        told[(*file, "all", "")] = rows.get(file, 0)
    zero = {key for key, count in found.items() if count == 0}
    missing = {(*key, count) for key, count in told.items() if count and found.get(key, 0) != count}
    extra = {(*key, count) for key, count in found.items() if key not in zero and told.get(key, 0) != count}
    return Differences(("table", "year", "rule", "bucket", "rows"), Counter(missing), Counter(extra))


PERSONS, YEARS, SEEDS = 10_000, (2016, 2018), (1, 2, 3)
"""The bound of the project: deliveries of this size, with every trap, are converted without one difference."""


def told(warehouse: Path, made: Path) -> bool:
    """Print every check and its counts; whether all is right."""
    with judged(warehouse, made) as connection:
        found = {name: check(connection) for name, check in CHECKS.items()}
    found["ledger"] = ledger(warehouse, made)
    for name, differences in found.items():
        print(f"{name:22} {differences}", flush=True)
    return not any(found.values())


def whole() -> bool:
    """Make, convert and judge the deliveries of the bound."""
    right = True
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as place:
            made, warehouse = Path(place) / "made", Path(place) / "warehouse"
            generate(Scenario(persons=PERSONS, years=YEARS, seed=seed), made, "parquet")
            summary = run(Settings(delivery=made / "delivery", warehouse=warehouse, small_cell=1))
            print(f"seed {seed}, {PERSONS} persons: {'; '.join(summary.failures) or f'{summary.seconds:.0f} s'}")
            right = summary.success and told(warehouse, made) and right
    return right


if __name__ == "__main__":
    # `python -m snds_omop_assets_tests.truth_of_cdm` makes what it judges; with WAREHOUSE MADE it judges that.
    raise SystemExit(not (told(*map(Path, sys.argv[1:])) if len(sys.argv) > 1 else whole()))
