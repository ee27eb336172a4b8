"""The French codes of a base: which there are, where they stand, and on whose behalf and when each row holds one.

A PMSI key starts again every year, and a line of the DCIR lies in the same month of flow as its details: tables are
joined unit by unit, a month of flow or a year, never across.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_engine import duckdb_connection, parquet_rows, quoted
from snds_omop_assets.reception.store import WITHOUT_MONTH, ReceivedTable
from snds_omop_assets.vocabulary.coded_columns import CodedColumn, coded_columns
from snds_omop_assets.vocabulary.nomenclatures import code_of_seven, nomenclatures
from snds_omop_assets.vocabulary.shapes import PACKS, SOURCE_CODES, USER, schema_of

Received = Mapping[str, ReceivedTable]
"""The received tables by the name of their contract; tables that were not received are not in it."""

DRUG_LIST = "IR_PHA_R"
MONTH = re.compile(rf"\d{{4}}-\d{{2}}|{WITHOUT_MONTH}")
"""A folder of a month of flow in the store."""

NO_OCCURRENCE = (
    "SELECT NULL::VARCHAR AS place, NULL::VARCHAR AS nomenclature, NULL::VARCHAR AS code, NULL::DATE AS event_date, "
    "NULL::VARCHAR AS person, NULL::DOUBLE AS amount WHERE false"
)


@dataclass(frozen=True)
class Part:
    """The files of a table that are joined with the same unit's files of other tables.

    Attributes:
        table: name of the table's contract.
        files: Parquet files.
        columns: columns that one of the files has at least.
    """

    table: str
    files: tuple[Path, ...]
    columns: frozenset[str]


@dataclass(frozen=True)
class Occurrences:
    """SQL of some rows that hold a code, with the columns of `occurrences_sql`.

    Attributes:
        sql: each of these rows, once.
        who: the other table that tells their person and date; None: their own table does, or nobody.
        of_unique_keys: the same as `sql` where no key repeats in that other table, in half the time: its lines need
            not be gathered by key first.
    """

    sql: str
    who: Part | None = None
    of_unique_keys: str = ""


def source_codes(received: Received, maps: pa.Table, spill: Path) -> pa.Table:
    """The different codes of a base (SOURCE_CODES), ordered by nomenclature and code.

    A label comes from the list that was delivered with the data, else from the maps, a user's map first.

    Args:
        received: the tables that were received.
        maps: lines of maps (MAP_LINES).
        spill: folder for what does not fit into memory.

    Raises:
        EngineError: a file cannot be read, or there is no room left.
    """
    with duckdb_connection(spill) as connection:
        connection.execute("CREATE TEMP TABLE found (nomenclature VARCHAR, code VARCHAR, rows BIGINT, place VARCHAR)")
        connection.execute("CREATE TEMP TABLE delivered (nomenclature VARCHAR, code VARCHAR, label VARCHAR)")
        for coded in coded_columns():
            table = received.get(coded.table)
            if table is not None and (part := _part(table.name, table.files)) and coded.column in part.columns:
                connection.execute(f"INSERT INTO found {_codes_of(part, coded)}")
        for sql in _delivered_labels(received):
            connection.execute(f"INSERT INTO delivered {sql}")
        connection.register("maps", maps)
        found: pa.Table = connection.sql(f"""
            WITH codes AS (
                SELECT nomenclature, code, sum(rows)::BIGINT AS rows, string_agg(DISTINCT place, ' ' ORDER BY place)
                    AS places
                FROM found GROUP BY nomenclature, code
            ), listed AS (
                SELECT nomenclature, code, min(label) AS label FROM delivered GROUP BY nomenclature, code
            ), mapped AS (
                SELECT nomenclature, code, coalesce(min(label) FILTER (origin = {quoted(USER)}), min(label)) AS label
                FROM maps WHERE label <> '' GROUP BY nomenclature, code
            )
            SELECT nomenclature, code, coalesce(listed.label, mapped.label) AS label, rows, places
            FROM codes
            LEFT JOIN listed USING (nomenclature, code)
            LEFT JOIN mapped USING (nomenclature, code)
            ORDER BY nomenclature, code
        """).to_arrow_table()
    return found.cast(schema_of(SOURCE_CODES))


def packs(received: Received, cip_ucd: pa.Table | None = None) -> pa.Table:
    """The packs of drugs (PACKS), one row per pack and unit, ordered.

    Args:
        received: the tables that were received; packs come from IR_PHA_R.
        cip_ucd: a user's table of `cip7` and `ucd7`; codes of 13 figures will do. What it says of a pack wins.
    """
    units: dict[str, set[str]] = {}
    classes: dict[str, str] = {}
    for cip, unit, atc in sorted(_listed_packs(received)):
        found = units.setdefault(cip, set())
        if unit:
            found.add(unit)
        if atc:
            classes.setdefault(cip, atc)
    units |= _said_units(cip_ucd)
    rows = [
        {"cip7": cip, "ucd7": unit, "atc": classes.get(cip)}
        for cip, found in sorted(units.items())
        for unit in (*sorted(found),) or (None,)
    ]
    return pa.Table.from_pylist(rows, schema_of(PACKS))


def occurrences_sql(received: Received, only: Collection[str] | None = None) -> str:
    """A SELECT for DuckDB of one row per source row and column that holds a code.

    Its columns: `place` (TABLE.COLUMN), `nomenclature`, `code`, `event_date` (DATE), `person` (a pseudonym, to count
    different ones and nothing else) and `amount` (DOUBLE). The last three are NULL where nobody knows. DuckDB joins all
    units at once and holds all their lines: over a large base run the `occurrences` one after the other.

    Args:
        received: the tables that were received.
        only: nomenclatures; None: all of them.
    """
    return "\nUNION ALL\n".join(one.sql for one in occurrences(received, only)) or NO_OCCURRENCE


def occurrences(received: Received, only: Collection[str] | None = None) -> Iterator[Occurrences]:
    """The parts of `occurrences_sql`, one per unit and table that tells the person, for bounded memory.

    A line of several details gives its amount to each of them.
    """
    wanted = [c for c in coded_columns() if c.table in received and (only is None or c.nomenclature in only)]
    units = {name: _units(received[name]) for name in {c.table for c in wanted} | {c.who for c in wanted if c.who}
             if name in received}  # fmt: skip
    wanted.sort(key=_who)  # stable: lines stay in the file's order
    for _, group in groupby(wanted, key=_who):
        columns = list(group)
        for unit in sorted({unit for c in columns for unit in units[c.table]}):
            found = [(part, c) for c in columns if (part := units[c.table].get(unit)) and c.column in part.columns]
            if not found:
                continue
            who = columns[0].who
            if who is None:
                yield from (Occurrences(_told_by_itself(part, coded)) for part, coded in found)
            elif (teller := units.get(who, {}).get(unit)) is None:
                yield from (Occurrences(_told_by_nobody(part, coded)) for part, coded in found)
            else:
                yield _told_by(teller, found)


def _told_by(who: Part, found: Sequence[tuple[Part, CodedColumn]]) -> Occurrences:
    """Codes with the person and date of another table. A key that repeats there is one row: nothing is multiplied."""
    key = ", ".join(official_tables()[who.table].key)
    details = "\n    UNION ALL\n".join(f"    SELECT {key}, {_coded(c)} FROM {_rows(part, c)}" for part, c in found)
    date, person, amount = _told(who, found[0][1])
    lines = f"FROM {parquet_rows(who.files)}"
    one_each = f"min({date}) AS event_date, min({person}) AS person, min({amount}) AS amount {lines} GROUP BY {key}"
    as_is = f"{date} AS event_date, {person} AS person, {amount} AS amount {lines}"
    sql, of_unique_keys = (
        f"SELECT place, nomenclature, code, event_date, person, amount FROM (\n{details}\n) LEFT JOIN (\n"
        f"    SELECT {key}, {told}\n) USING ({key})"
        for told in (one_each, as_is)
    )
    return Occurrences(sql, who, of_unique_keys)


def _told_by_itself(part: Part, coded: CodedColumn) -> str:
    """Codes of a table that tells the person and date itself."""
    date, person, amount = _told(part, coded)
    return (
        f"SELECT {_coded(coded)}, {date} AS event_date, {person} AS person, {amount} AS amount "
        f"FROM {_rows(part, coded)}"
    )


def _told_by_nobody(part: Part, coded: CodedColumn) -> str:
    """Codes whose table of persons and dates was not received."""
    return (
        f"SELECT {_coded(coded)}, NULL::DATE AS event_date, NULL::VARCHAR AS person, NULL::DOUBLE AS amount "
        f"FROM {_rows(part, coded)}"
    )


def _told(who: Part, coded: CodedColumn) -> tuple[str, str, str]:
    """SQL of date, person and amount, over the columns that `who` has."""
    dates = [name for name in coded.dates if name in who.columns]
    person = coded.person if coded.person in who.columns else "NULL"
    amount = coded.amount if coded.amount in who.columns else "NULL"
    return f"coalesce({', '.join([*dates, 'NULL'])})::DATE", f"{person}::VARCHAR", f"{amount}::DOUBLE"


def _who(coded: CodedColumn) -> str:
    return coded.who or ""


def _coded(coded: CodedColumn) -> str:
    """SQL of what says which code stands where."""
    return (
        f"{quoted(coded.place)} AS place, {quoted(coded.nomenclature)} AS nomenclature, "
        f"{_spelled(coded.column, coded.nomenclature)} AS code"
    )


def _codes_of(part: Part, coded: CodedColumn) -> str:
    """SQL of the different codes of a column: each spelling is written otherwise once, not once per row."""
    return (
        f"SELECT {quoted(coded.nomenclature)}, {_spelled('code', coded.nomenclature)}, sum(rows), "
        f"{quoted(coded.place)} FROM (SELECT {coded.column} AS code, count(*) AS rows FROM {_rows(part, coded)} "
        f"GROUP BY {coded.column}) GROUP BY ALL"
    )


def _spelled(column: str, nomenclature: str) -> str:
    """SQL of a code in one spelling: reception does it for numbers, and only takes the blanks off texts."""
    if nomenclatures()[nomenclature].form.startswith(("number", "cip", "ucd")):
        return column
    text = f"upper(trim({column}))"
    return f"replace({text}, '.', '')" if nomenclature == "CIM10" else text


def _rows(part: Part, coded: CodedColumn) -> str:
    """The rows that hold a code, for a FROM clause. A column of the condition that nobody delivered is NULL."""
    words = re.findall(r"\w+", coded.condition or "")
    lacking = sorted({w for w in words if w in official_tables()[part.table].columns} - part.columns)
    rows = parquet_rows(part.files)
    if lacking:
        rows = f"(SELECT *, {', '.join(f'NULL AS {name}' for name in lacking)} FROM {rows})"
    condition = f" AND ({coded.condition})" if coded.condition else ""
    return f"{rows} WHERE {_spelled(coded.column, coded.nomenclature)} <> ''{condition}"


def _units(table: ReceivedTable) -> dict[str, Part]:
    """The files of a table by unit: the month of flow where the store has such folders, else the year."""
    files: dict[str, list[Path]] = {}
    for place in table.places:
        for file in place.parts:
            month = file.parent.name
            files.setdefault(month if MONTH.fullmatch(month) else str(place.year or ""), []).append(file)
    return {unit: _part(table.name, tuple(found)) for unit, found in files.items()}


def _part(table: str, files: tuple[Path, ...]) -> Part:
    return Part(table, files, frozenset(name for file in files for name in pq.read_schema(file).names))


def _delivered_labels(received: Received) -> Iterator[str]:
    """SQL of the codes and labels of the lists that were delivered with the data."""
    for nomenclature in nomenclatures().values():
        if not nomenclature.labels:
            continue
        name, code, label = nomenclature.labels
        if name in received and {code, label} <= (part := _part(name, received[name].files)).columns:
            yield (
                f"SELECT {quoted(nomenclature.name)}, {_spelled(code, nomenclature.name)}, {label} "
                f"FROM {parquet_rows(part.files)} WHERE {code} IS NOT NULL AND {label} <> ''"
            )


def _said_units(cip_ucd: pa.Table | None) -> dict[str, set[str]]:
    """The UCD7 of each CIP7 in a user's table; lines without two such codes say nothing."""
    units: dict[str, set[str]] = {}
    for row in [] if cip_ucd is None else cip_ucd.select(["cip7", "ucd7"]).to_pylist():
        cip, unit = (code_of_seven(str(row[name] or "").strip()) for name in ("cip7", "ucd7"))
        if cip and unit:
            units.setdefault(cip, set()).add(unit)
    return units


def _listed_packs(received: Received) -> Iterator[tuple[str, str, str]]:
    """CIP7, UCD7 and ATC of the packs of IR_PHA_R, empty where it does not say. It has some 30 000 packs."""
    if (table := received.get(DRUG_LIST)) is None:
        return
    names = ("PHA_CIP_C13", "PHA_PRS_IDE", "PHA_CIP_UCD", "PHA_ATC_C07", "PHA_ATC_CLA")
    for file in table.files:
        rows = pq.read_table(file, columns=[name for name in pq.read_schema(file).names if name in names])
        for row in rows.to_pylist():
            c13, c7, ucd, atc, wider = ((row.get(name) or "").strip() for name in names)
            if cip := code_of_seven(c13) or code_of_seven(c7):
                yield cip, code_of_seven(ucd) or "", (atc or wider).upper()
