"""From what is prepared to the tables of the CDM that are cut by year of care: which years need it, and making one.

    omop/visit_occurrence.parquet/2018/part-0.parquet    the visits of 2018
    omop/condition_occurrence.parquet/referentials/      what has no year of care: long-term diseases, causes of death
    prepared/care/2018/                                  what the year was made of; its ledger; deaths that it tells

A year of care is made again when something that it depends on changed: a year of files with rows of it, the identity of
somebody in them, the concepts or packs of its codes, the rules. Its result depends on nothing else, so a base that grew
by a year equals one that was converted at once.
"""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.opening import Opening, open_session
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.io_managers.folders import (
    MADE,
    fingerprint,
    fingerprint_of_files,
    folder_written_aside,
    made_of,
    note_made,
    recover_all,
)
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES, make_care_year
from snds_omop_assets.omop.changes import answers_of, identities_by_year, write_codes
from snds_omop_assets.omop.inputs import base_of, give_answers
from snds_omop_assets.preparation.claims import CLAIM_LINES, judge_claims
from snds_omop_assets.preparation.prepared_years import CLAIMS, STAYS, Kind, Prepared
from snds_omop_assets.preparation.received import files_of, give_received, received_tables
from snds_omop_assets.preparation.referentials import REFERENTIAL_TABLES, judge_causes, judge_long_term
from snds_omop_assets.preparation.shapes import (
    COSTS,
    COUNTS,
    DETAILS,
    EVENTS,
    PERSON_FACTS,
    VISITS,
    Columns,
    schema_of,
)
from snds_omop_assets.preparation.stays import PIECES as STAY_PIECES
from snds_omop_assets.preparation.stays import judge_stays
from snds_omop_assets.reception.store import Store, writing
from snds_omop_assets.settings import Settings

HERE = Path(__file__).parent
REFERENTIALS = "referentials"
"""The part of what has no year of care."""

RULES = (
    HERE / "care_year.py",
    HERE / "changes",
    HERE / "conversion.py",
    HERE / "inputs.py",
    HERE / "steps",
    HERE.parent / "preparation",
    HERE.parent / "vocabulary" / "nomenclatures.csv",
)
"""Files and folders of the rules that every part depends on, besides one SELECT per table."""


@dataclass(frozen=True)
class Made:
    """What making a year of care did.

    Attributes:
        part: the year, or `referentials`.
        done: False where nothing that it depends on had changed.
        rows: rows by CDM table.
        rules: source rows by the rule by which they end.
    """

    part: str
    done: bool
    rows: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)


class Conversion:
    """The tables of the CDM that are cut by year of care, in a warehouse.

    Args:
        settings: where the warehouse is.
        open_session: opens the engine, once per part: what a year took is given back at its end.
    """

    def __init__(self, settings: Settings, open_session: Opening) -> None:
        self.settings, self.open_session = settings, open_session
        self.warehouse = settings.warehouse
        self.prepared = {kind.name: Prepared(self.warehouse, kind) for kind in (CLAIMS, STAYS)}
        self.care = self.warehouse / "prepared" / "care"
        self._digests: Mapping[int | None, str] | None = None

    @classmethod
    def of_files(cls, settings: Settings) -> "Conversion":
        """What is known without an engine: which years there are, which wait."""
        return cls(settings, open_session(settings))

    def care_years(self) -> list[int]:
        """The years of care of what is prepared, in order."""
        return sorted({y for one in self.prepared.values() for year in one.years().values() for y in year.care_years})

    def make(self, year: int) -> Made:
        """Make a year of care, if something that it depends on changed.

        Raises:
            EngineError: the engine failed.
            StoreError: the warehouse cannot be written, or another run is writing.
        """
        with self.open_session() as session:
            give_answers(session, self.settings)
            wanted = self._wanted(session, year)
            if (known := self._known(session, str(year), wanted)) is not None:
                return known
            self._give_pieces(session, year)
            judge_claims(session)
            judge_stays(session)
            for name, columns in (("visits", VISITS), ("events", EVENTS)):
                names = ", ".join(columns)
                session.view(name, f"SELECT {names} FROM claim_{name} UNION ALL SELECT {names} FROM stay_{name}")
            session.view("details", f"SELECT {', '.join(DETAILS)} FROM stay_details")
            session.view("natures_met", "SELECT DISTINCT PRS_NAT_REF FROM claim_lines")
            session.view("costs", f"SELECT {', '.join(COSTS)} FROM claim_costs")
            names = ", ".join(COUNTS)
            counts = f"SELECT {names} FROM claim_counts UNION ALL SELECT {names} FROM stay_counts"
            return self._write(session, str(year), wanted, counts, "SELECT * FROM stay_facts")

    def make_referentials(self) -> Made:
        """Make what has no year of care, if something changed: long-term diseases, causes of death."""
        tables = received_tables(Store(self.warehouse), REFERENTIAL_TABLES)
        versions = {name: [receipt.version for receipt in table.receipts] for name, table in tables.items()}
        base = base_of(self.settings, self.care_years())
        days = base.select(["data_start", "data_end"]).to_pylist()
        with self.open_session() as session:
            give_answers(session, self.settings)
            wanted = fingerprint([versions, days, self._rules(session), self._identities_digest(session, None)])
            if (known := self._known(session, REFERENTIALS, wanted)) is not None:
                return known
            give_received(session, files_of(tables), REFERENTIAL_TABLES)
            session.give("base", base)
            judge_long_term(session)
            judge_causes(session)
            names = ", ".join(EVENTS)
            session.view("events", f"SELECT {names} FROM long_term_events UNION ALL SELECT {names} FROM cause_events")
            for name, columns in (("visits", VISITS), ("details", DETAILS), ("costs", COSTS)):
                session.give(name, schema_of(columns).empty_table())
            session.give("no_facts", schema_of(PERSON_FACTS).empty_table())
            session.give("natures_met", pa.table({"PRS_NAT_REF": pa.array([], pa.string())}))
            names = ", ".join(COUNTS)
            counts = f"SELECT {names} FROM long_term_counts UNION ALL SELECT {names} FROM cause_counts"
            return self._write(session, REFERENTIALS, wanted, counts, "SELECT * FROM no_facts")

    def forget(self) -> list[str]:
        """Remove the years of care that nothing tells any more: a file came again without them. Gives these years.

        Raises:
            StoreError: another run is writing.
        """
        recover_all(self.care)
        omop = self.warehouse / "omop"
        # A year that was interrupted when it was first made has tables and no folder of its own.
        folders = [
            *self.care.glob("[!.]*"),
            *(one for t in CARE_YEAR_TABLES for one in omop.glob(f"{t}.parquet/[!.]*")),
        ]
        made = {part.name for part in folders if part.name.isdecimal()}
        gone = sorted(made - {str(year) for year in self.care_years()})
        with writing(self.care):
            for part in gone:
                # First what says that the tables are there: if this is interrupted, the year is made again.
                (self.care / part / MADE).unlink(missing_ok=True)
                for table in CARE_YEAR_TABLES:
                    shutil.rmtree(omop / f"{table}.parquet" / part, ignore_errors=True)
                shutil.rmtree(self.care / part, ignore_errors=True)
        return gone

    def prepared_files(self, piece: str) -> list[Path]:
        """The files of a piece of what is prepared, over all years of files: `persons`, `places`, `counts`."""
        return [file for one in self.prepared.values() for file in one.files(piece)]

    def changed(self) -> list[int]:
        """The years of care that `make` would make: something that they depend on changed.

        Raises:
            EngineError: the engine failed.
        """
        with self.open_session() as session:
            give_answers(session, self.settings)
            years = self.care_years()
            return [y for y in years if self._known(session, str(y), self._wanted(session, y)) is None]

    def pending(self) -> list[int]:
        """The years of care that were not made, or not of what is prepared now."""
        return [y for y in self.care_years() if made_of(self.care / str(y)).get("pieces") != self._pieces(y)]

    def files(self, piece: str) -> list[Path]:
        """The files of a piece over all parts: `counts` and `facts`."""
        recover_all(self.care)
        return sorted(file for part in self.care.glob("[!.]*") for file in (part / piece).rglob("*.parquet"))

    def _wanted(self, session: Session, year: int) -> str:
        """What a year of care has to be made of, but for the answers for its codes."""
        return fingerprint([self._pieces(year), self._rules(session), self._identities_digest(session, year)])

    def _known(self, session: Session, part: str, wanted: str) -> Made | None:
        """What a part was made of, if nothing that it depends on changed."""
        known = made_of(self.care / part)
        codes = sorted((self.care / part / "codes").glob("*.parquet"))
        if known.get("fingerprint") != wanted or known.get("codes") != answers_of(session, codes):
            return None
        return Made(part, False, known["rows"], known["rules"])

    def _give_pieces(self, session: Session, year: int) -> None:
        pieces: list[tuple[Kind, str, str, Columns]] = [(CLAIMS, "lines", "claim_lines", CLAIM_LINES)]
        pieces += [(STAYS, name, name, columns) for name, columns in STAY_PIECES.items()]
        for kind, piece, view, columns in pieces:
            files = self.prepared[kind.name].files(piece, year)
            session.give_files(f"prepared_{view}", files, schema_of(columns))
            session.view(view, f"SELECT * FROM prepared_{view} WHERE care_year = {year}")

    def _write(self, session: Session, part: str, wanted: str, counts: str, facts: str) -> Made:
        """Compute the tables of a part beside those that count, then let all take their place."""
        rows: dict[str, int] = {}
        tables = cdm_tables()
        with writing(self.care), folder_written_aside(self.care / part) as aside, ExitStack() as written:

            def write(table: str, sql: str) -> None:
                place = self.warehouse / "omop" / f"{table}.parquet" / part
                folder = written.enter_context(folder_written_aside(place))
                rows[table] = session.write(sql, folder, tables[table].schema)

            make_care_year(session, write)
            session.write(f"SELECT {', '.join(COUNTS)} FROM ({counts})", aside / "counts", schema_of(COUNTS))
            session.write(f"SELECT {', '.join(PERSON_FACTS)} FROM ({facts})", aside / "facts", schema_of(PERSON_FACTS))
            write_codes(session, aside / "codes")
            pieces = {} if part == REFERENTIALS else self._pieces(int(part))
            digest = answers_of(session, sorted((aside / "codes").glob("*.parquet")))
            found = session.result(f"SELECT rule, sum(row_count) AS n FROM ({counts}) AS c GROUP BY rule ORDER BY rule")
            rules = {row["rule"]: int(row["n"]) for row in found.to_pylist()}
            note_made(aside, wanted, pieces=pieces, codes=digest, rows=rows, rules=rules)
            # From here on the tables are not what the part says it was made of, until it says the new.
            (self.care / part / MADE).unlink(missing_ok=True)
        return Made(part, True, rows, rules)

    def _pieces(self, year: int) -> dict[str, str]:
        """The fingerprints of the years of files that have rows of a year of care."""
        return {
            f"{kind}/{name}": found.fingerprint
            for kind, prepared in self.prepared.items()
            for name, found in prepared.years().items()
            if year in found.care_years
        }

    def _rules(self, session: Session) -> list[str]:
        """Texts that change when the rules do: the project's files, the key of the ids, the small lists."""
        rules = [HERE / f"{table}.sql" for table in CARE_YEAR_TABLES]
        lists = session.result("SELECT code_list, code, concept_id FROM code_lists ORDER BY code_list, code")
        return [
            fingerprint(self.settings.id_key),
            fingerprint(lists.to_pylist()),
            fingerprint_of_files(*RULES, *rules),
        ]

    def _identities_digest(self, session: Session, year: int | None) -> str:
        """A text that changes when somebody who was met in a year is another person, or none; None: anybody."""
        if self._digests is None:
            stays = self.prepared[STAYS.name].files("stay_parts")
            self._digests = identities_by_year(session, self.prepared_files("persons"), stays)
        return str(self._digests.get(year))
