"""The rows that analyses count, made out of the tables of a CDM by the files of sql/.

Each source is a step or a view of the session, named after its file and its table (`achilles_events_death`). A column
that a table does not have is NULL; values are turned into the CDM's types, whatever the CDM has stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from snds_omop_assets.engines.sessions import SQL_TYPES, Session
from snds_omop_assets.quality.achilles.analyses import HERE, event_tables
from snds_omop_assets.quality.dqd.stored_columns import StoredCdm

PERSON, OBSERVED = "person", "observation_period"
PERIOD_TABLES = (OBSERVED, "payer_plan_period")

TABLES = frozenset({PERSON, *PERIOD_TABLES, *event_tables(), "cdm_source", "concept"})
"""What is read of a CDM."""

KEPT = frozenset({"concepts", "events", "first_periods", "month_spans", "periods", "persons", "whole_spans"})
"""Sources that several analyses read: they are computed once."""

OF_RECORDS = frozenset({"period_rows", "placed"})
"""Sources with a row per record; those of events with `records` say how many a row stands for."""

READ: Mapping[str, tuple[str, ...]] = {
    "aged": ("events", "persons"),
    "ages_at_death": ("events", "persons"),
    "concepts": ("events",),
    "concepts_of_persons": ("concepts",),
    "events": ("placed",),
    "first_ages": ("concepts", "persons"),
    "first_periods": ("persons",),
    "month_spans": ("periods",),
    "months_seen": ("month_spans",),
    "placed": (),
    "whole_months": ("whole_spans",),
    "whole_spans": ("periods",),
    "whole_years": ("whole_spans",),
    "years_seen": ("periods", "persons"),
}
"""What a source reads beside the rows of its table."""

EVENT_TYPES = {
    "person_id": pa.int64(), "concept": pa.int64(), "source_concept": pa.int64(), "type": pa.int64(),
    "source_value": pa.string(), "start_date": pa.date32(), "end_date": pa.date32(), "days_supply": pa.int64(),
    "quantity": pa.float64(),
}  # fmt: skip

FIRST_YEAR, LAST_YEAR = 1900, 2100


@dataclass
class Sources:
    """The sources of one CDM, each made when it is first asked for.

    Attributes:
        session: sees the tables under their CDM names.
        cdm: the tables that are there, with names and types of their columns as stored.
        made: names of the steps and views so far.
    """

    session: Session
    cdm: Mapping[str, pa.Schema]
    made: list[str] = field(default_factory=list)

    def can_be_made(self, table: str) -> bool:
        """Whether a table is there, and what its analyses also read; of a table without persons nothing is told."""
        return all(name in self.cdm for name in (table, PERSON, OBSERVED)) and "person_id" in self.cdm[table].names

    def name(self, source: str, table: str) -> str:
        """The name of a source in the session."""
        table = PERSON if source == "persons" else table
        name = f"achilles_{source}_{table}"
        if name not in self.made:
            text = (HERE / "sql" / f"{source}.sql").read_text(encoding="utf-8")
            others = {other: self.name(other, table) for other in READ.get(source, ())}
            sql = text.format(
                rows=self._rows(table),
                table=table,
                source_value=event_tables().get(table, {}).get("source_value", ""),
                calendar=self._calendar() if "{calendar}" in text else "",
                observed=self.name("periods", OBSERVED) if source == "placed" else "",
                **others,
            )
            (self.session.step if source in KEPT else self.session.view)(name, sql)
            self.made.append(name)
        return name

    def drop(self, but: frozenset[str] = frozenset()) -> None:
        """Forget what was made, but for the sources of these tables."""
        gone = [name for name in self.made if not any(name.endswith(f"_{table}") for table in but)]
        self.session.drop(*reversed(gone))
        self.made = [name for name in self.made if name not in gone]

    def _rows(self, table: str) -> str:
        """The rows of a table, its columns named by what they are."""
        name = f"achilles_rows_{table}"
        if name not in self.made:
            if table == PERSON:
                fields = {name: name for name in ("person_id", "gender_concept_id", "year_of_birth")}
                types = dict.fromkeys(fields, pa.int64())
            elif table in PERIOD_TABLES:
                fields = {
                    "person_id": "person_id", "start_date": f"{table}_start_date", "end_date": f"{table}_end_date",
                    "type": "period_type_concept_id",
                }  # fmt: skip
                types = {what: EVENT_TYPES[what] for what in fields}
            else:
                fields = {name: name for name in ("person_id", "days_supply", "quantity")} | dict(event_tables()[table])
                types = EVENT_TYPES
            columns = (f"{self._column(table, fields.get(what), kind)} AS {what}" for what, kind in types.items())
            self.session.view(name, f"SELECT {', '.join(columns)} FROM {table} AS t")
            self.made.append(name)
        return name

    def _column(self, table: str, name: str | None, kind: pa.DataType) -> str:
        """A column of a table as its CDM type; NULL if the table does not have it."""
        stored = StoredCdm(self.cdm)
        value = "NULL" if name is None or not stored.has(table, name) else stored.value(table, name)
        return f"CAST({value} AS {SQL_TYPES[kind]})"

    def _calendar(self) -> str:
        """All months: their place counted from the year 0, year * 100 + month, year."""
        name = "achilles_calendar"
        if name not in self.made:
            places = range(FIRST_YEAR * 12, (LAST_YEAR + 1) * 12)
            self.session.give(
                name,
                pa.table(
                    {
                        "place": pa.array(places, pa.int64()),
                        "month": pa.array([place // 12 * 100 + place % 12 + 1 for place in places], pa.int64()),
                        "year": pa.array([place // 12 for place in places], pa.int64()),
                    }
                ),
            )
            self.made.append(name)
        return name
