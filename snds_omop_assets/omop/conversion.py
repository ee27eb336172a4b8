"""From what is prepared to the tables of the CDM that are cut by year of care: which years need it, and making one.

    omop/visit_occurrence.parquet/2018/part-0.parquet    the visits of 2018
    omop/condition_occurrence.parquet/referentials/      what has no year of care: long-term diseases, causes of death
    prepared/care/2018/                                  what the year was made of; its ledger; deaths that it tells

A year of care is made again when something that it depends on changed: the pieces of a year of files, the identity of
somebody in them, the concepts or packs of its codes, the rules. Its result depends on nothing else, so a base that grew
by a year equals one that was converted at once.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.contract_files import official_tables
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
    replace_folder,
)
from snds_omop_assets.io_managers.parts import PartsTable
from snds_omop_assets.io_managers.stored import ParquetTable
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES, CODE_LISTS, make_care_year
from snds_omop_assets.preparation.claims import CLAIM_LINES, give_packs, judge_claims
from snds_omop_assets.preparation.prepared_years import CLAIMS, STAYS, Kind, Prepared
from snds_omop_assets.preparation.received import give_received
from snds_omop_assets.preparation.referentials import REFERENTIAL_TABLES, judge_causes, judge_long_term
from snds_omop_assets.preparation.shapes import (
    BASE,
    COSTS,
    COUNTS,
    DETAILS,
    EVENTS,
    IDENTITIES,
    MET_PERSONS,
    PERSON_FACTS,
    VISITS,
    Columns,
    schema_of,
)
from snds_omop_assets.preparation.stays import PIECES as STAY_PIECES
from snds_omop_assets.preparation.stays import judge_stays
from snds_omop_assets.reception.store import Store, writing
from snds_omop_assets.settings import Settings
from snds_omop_assets.vocabulary.maps import concepts_of, natures
from snds_omop_assets.vocabulary.shapes import CODE_MAP
from snds_omop_assets.vocabulary.shapes import schema_of as vocabulary_schema_of

HERE = Path(__file__).parent
REFERENTIALS = "referentials"
"""The part of what has no year of care."""

CODES: Columns = {"nomenclature": (pa.string(), "List of the code."), "code": (pa.string(), "The code.")}
RULES = (
    HERE / "care_year.py",
    HERE / "conversion.py",
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
        self._digests: dict[int | None, str] | None = None

    @classmethod
    def of_files(cls, settings: Settings) -> "Conversion":
        """What is known without an engine: which years there are, which wait."""
        return cls(settings, open_session(settings))

    def care_years(self) -> list[int]:
        """The years of care of what is prepared, in order."""
        return sorted({y for one in self.prepared.values() for year in one.years().values() for y in year.care_years()})

    def make(self, year: int) -> Made:
        """Make a year of care, if something that it depends on changed.

        Raises:
            EngineError: the engine failed.
            StoreError: the warehouse cannot be written, or another run is writing.
        """
        with self.open_session() as session:
            give_answers(session, self.settings)
            wanted = fingerprint([self._pieces(year), self._rules(session), self._identities_digest(session, year)])
            if (known := self._known(session, str(year), wanted)) is not None:
                return known
            self._give_pieces(session, year)
            session.give("base", self._base(year))
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
        store = Store(self.warehouse)
        files: dict[str, Sequence[Path]] = {}
        versions: dict[str, list[str]] = {}
        for name in REFERENTIAL_TABLES:
            if (table := store.table(official_tables()[name])) is not None:
                files[name], versions[name] = table.files, [receipt.version for receipt in table.receipts]
        with self.open_session() as session:
            give_answers(session, self.settings)
            bounds = data_bounds(self.settings, self.care_years())
            wanted = fingerprint([versions, bounds, self._rules(session), self._identities_digest(session, None)])
            if (known := self._known(session, REFERENTIALS, wanted)) is not None:
                return known
            give_received(session, files, REFERENTIAL_TABLES)
            session.give("base", self._base(date.today().year, clamped=True))
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
        made = {part.name for part in self.care.glob("[!.]*") if part.name.isdecimal()}
        gone = sorted(made - {str(year) for year in self.care_years()})
        with writing(self.care):
            for part in gone:
                for table in CARE_YEAR_TABLES:
                    _remove(self.warehouse / "omop" / f"{table}.parquet" / part)
                _remove(self.care / part)
        return gone

    def prepared_files(self, piece: str) -> list[Path]:
        """The files of a piece of what is prepared, over all years of files: `persons`, `places`, `counts`."""
        return [file for one in self.prepared.values() for file in one.files(piece)]

    def pending(self) -> list[int]:
        """The years of care that were not made, or not of what is prepared now."""
        return [y for y in self.care_years() if made_of(self.care / str(y)).get("pieces") != self._pieces(y)]

    def files(self, piece: str) -> list[Path]:
        """The files of a piece over all parts: `counts` and `facts`."""
        recover_all(self.care)
        return sorted(file for part in self.care.glob("[!.]*") for file in (part / piece).rglob("*.parquet"))

    def _known(self, session: Session, part: str, wanted: str) -> Made | None:
        """What a part was made of, if nothing that it depends on changed."""
        known = made_of(self.care / part)
        if known.get("fingerprint") != wanted or known.get("codes") != self._answers(session, self._codes_of(part)):
            return None
        return Made(part, False, known["rows"], known["rules"])

    def _give_pieces(self, session: Session, year: int) -> None:
        pieces: list[tuple[Kind, str, str, Columns]] = [(CLAIMS, "lines", "claim_lines", CLAIM_LINES)]
        pieces += [(STAYS, name, name, columns) for name, columns in STAY_PIECES.items()]
        for kind, piece, view, columns in pieces:
            session.give_files(view, self.prepared[kind.name].files(piece, year), schema_of(columns))

    def _write(self, session: Session, part: str, wanted: str, counts: str, facts: str) -> Made:
        """Compute the tables of a part beside those that count, then let all take their place."""
        rows: dict[str, int] = {}
        folders: dict[str, Path] = {}
        tables = cdm_tables()

        def write(table: str, sql: str) -> None:
            parent = self.warehouse / "omop" / f"{table}.parquet"
            recover_all(parent)
            folders[table] = parent / f".{part}.new"
            _remove(folders[table])
            rows[table] = session.write(sql, folders[table], tables[table].schema)

        with writing(self.care), folder_written_aside(self.care / part) as aside:
            make_care_year(session, write)
            session.write(f"SELECT {', '.join(COUNTS)} FROM ({counts})", aside / "counts", schema_of(COUNTS))
            session.write(f"SELECT {', '.join(PERSON_FACTS)} FROM ({facts})", aside / "facts", schema_of(PERSON_FACTS))
            session.write(CODES_READ, aside / "codes", schema_of(CODES))
            pieces = {} if part == REFERENTIALS else self._pieces(int(part))
            digest = self._answers(session, sorted((aside / "codes").glob("*.parquet")))
            found = session.result(f"SELECT rule, sum(row_count) AS n FROM ({counts}) AS c GROUP BY rule ORDER BY rule")
            rules = {row["rule"]: int(row["n"]) for row in found.to_pylist()}
            note_made(aside, wanted, pieces=pieces, codes=digest, rows=rows, rules=rules)
            # From here on the tables are not what the part says it was made of, until it says the new.
            (self.care / part / MADE).unlink(missing_ok=True)
            for folder in folders.values():
                replace_folder(folder, folder.parent / part)
        return Made(part, True, rows, rules)

    def _base(self, year: int, clamped: bool = False) -> pa.Table:
        """The one row of `base`; clamped: everything is of this year."""
        years = self.care_years()
        first, last = (year, year) if clamped else (years[0], years[-1])
        row = {"care_year": year, "first_year": first, "last_year": last, **data_bounds(self.settings, years)}
        return pa.Table.from_pylist([row], schema_of(BASE))

    def _pieces(self, year: int) -> dict[str, str]:
        """The fingerprints of the years of files that have pieces of a year of care."""
        return {
            f"{kind}/{name}": found.fingerprint
            for kind, prepared in self.prepared.items()
            for name, found in prepared.years().items()
            if year in found.care_years()
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
            session.give_files("met_persons", self.prepared_files("persons"), schema_of(MET_PERSONS))
            stays = self.prepared[STAYS.name].files("stay_parts")
            session.give_files("all_stay_parts", stays, schema_of(STAY_PIECES["stay_parts"]))
            found = session.result(IDENTITIES_BY_YEAR).to_pylist()
            self._digests = {row["year"]: row["digest"] for row in found}
            session.drop("met_persons", "all_stay_parts")
        return str(self._digests.get(year))

    def _codes_of(self, part: str) -> list[Path]:
        """The file of the codes that a part has, as it was made."""
        return sorted((self.care / part / "codes").glob("*.parquet"))

    def _answers(self, session: Session, files: Sequence[Path]) -> str:
        """A text that changes when the concepts or the packs of some codes do."""
        session.give_files("codes_of_part", files, schema_of(CODES))
        (row,) = session.result(ANSWERS).to_pylist()
        session.drop("codes_of_part")
        return fingerprint(row)


CODES_READ = """
SELECT nomenclature, code FROM events
UNION
SELECT admitted_from_list, admitted_from FROM visits WHERE admitted_from IS NOT NULL
UNION
SELECT discharged_to_list, discharged_to FROM visits WHERE discharged_to IS NOT NULL
UNION
SELECT unit_type_list, unit_type FROM details WHERE unit_type IS NOT NULL
UNION
SELECT l.nomenclature, n.PRS_NAT_REF
FROM natures_met n CROSS JOIN (VALUES ('PRS_NAT_VISIT'), ('PRS_NAT_REF')) AS l(nomenclature)
"""
"""The codes whose answers a part depends on: of its events, and those that tell visits and passages."""

IDENTITIES_BY_YEAR = """
-- A line reads its own identifier (claims/rows.sql).
WITH of_lines AS (
    SELECT
        BEN_NIR_PSA, coalesce(BEN_RNG_GEM, '') AS BEN_RNG_GEM,
        CAST(omop_id('line', BEN_NIR_PSA, BEN_RNG_GEM, CAST(person_id AS STRING), rule) AS DECIMAL(38, 0)) AS digest,
        CAST(omop_id('all', BEN_NIR_PSA, BEN_RNG_GEM, CAST(persons_of_psa AS STRING)) AS DECIMAL(38, 0)) AS beside
    FROM identities
),
-- A stay reads who stands under its pseudonym: the only person, or the ranks of several (stays/stay_people.sql).
of_stays AS (
    SELECT
        BEN_NIR_PSA,
        CASE WHEN count(DISTINCT person_id) > 1
             THEN sum(CAST(omop_id('stay', BEN_NIR_PSA, BEN_RNG_GEM, CAST(person_id AS STRING)) AS DECIMAL(38, 0)))
             ELSE CAST(omop_id('stay', BEN_NIR_PSA, CAST(min(person_id) AS STRING),
                               CASE WHEN min(person_id) IS NULL THEN min(rule) END) AS DECIMAL(38, 0))
        END AS digest
    FROM identities
    GROUP BY BEN_NIR_PSA
),
lines_met AS (
    SELECT DISTINCT BEN_NIR_PSA, coalesce(BEN_RNG_GEM, '') AS BEN_RNG_GEM, year(first_day) AS year
    FROM met_persons WHERE source = 'ER_PRS_F'
),
stays_met AS (
    SELECT BEN_NIR_PSA, year(first_day) AS year FROM met_persons WHERE source = 'PMSI'
    UNION
    -- A newborn's stay names the mother, whose own stay may have begun in another year.
    SELECT mother_pseudonym, year(entry) FROM all_stay_parts WHERE mother_pseudonym IS NOT NULL
),
read_here AS (
    SELECT m.year, o.digest
    FROM lines_met m
    JOIN of_lines o ON o.BEN_NIR_PSA = m.BEN_NIR_PSA AND o.BEN_RNG_GEM = m.BEN_RNG_GEM
    UNION ALL
    SELECT m.year, o.digest FROM stays_met m JOIN of_stays o ON o.BEN_NIR_PSA = m.BEN_NIR_PSA
)
SELECT CAST(year AS INT) AS year, CAST(sum(digest) AS STRING) AS digest FROM read_here GROUP BY year
UNION ALL
SELECT CAST(NULL AS INT), CAST(sum(digest) + sum(beside) AS STRING) FROM of_lines
"""

ANSWERS = """
WITH answers AS (
    SELECT omop_id(
        'answer', m.nomenclature, m.code, CAST(m.valid_start_date AS STRING), CAST(m.valid_end_date AS STRING),
        CAST(m.place AS STRING), CAST(m.target_concept_id AS STRING), m.target_domain_id,
        CAST(m.value_as_concept_id AS STRING), CAST(m.source_concept_id AS STRING)
    ) AS digest
    FROM code_map m JOIN codes_of_part c ON c.nomenclature = m.nomenclature AND c.code = m.code
    UNION ALL
    SELECT omop_id('pack', p.code13, p.code7, CAST(p.content AS STRING), p.unit)
    FROM packs_of_drugs p JOIN codes_of_part c ON c.nomenclature = 'CIP13' AND c.code = p.code13
    UNION ALL
    SELECT omop_id('pack', p.code13, p.code7, CAST(p.content AS STRING), p.unit)
    FROM packs_of_drugs p JOIN codes_of_part c ON c.nomenclature = 'CIP7' AND c.code = p.code7
)
SELECT count(*) AS n, CAST(sum(CAST(digest AS DECIMAL(38, 0))) AS STRING) AS digest FROM answers
"""


def give_answers(session: Session, settings: Settings) -> None:
    """Give a session what every part reads: identities, the answers for codes, small lists, packs of drugs."""
    warehouse = settings.warehouse
    session.give_files(
        "identities", PartsTable(warehouse / "prepared" / "person_identities.parquet").files, schema_of(IDENTITIES)
    )
    session.give_files("code_map", [warehouse / "vocabulary" / "code_map.parquet"], vocabulary_schema_of(CODE_MAP))
    maps = ParquetTable(warehouse / "vocabulary" / "source_to_concept_map.parquet")
    lists = [(name, code, concept) for name in CODE_LISTS for code, concept in concepts_of(maps, name).items()]
    session.give("code_lists", _table(("code_list", "code", "concept_id"), lists))
    session.give("services", _table(("code", "nature"), list(natures().items())))
    packs = Store(warehouse).table(official_tables()["IR_PHA_R"])
    give_packs(session, list(packs.files) if packs is not None else [])


def data_bounds(settings: Settings, years: Sequence[int]) -> dict[str, date]:
    """First and last day that the base tells: 1 January of the first and 31 December of the last year of its files.

    Args:
        settings: `data_start` and `data_end` win where they are set.
        years: the years of care, where no file tells a year.
    """
    named = [
        int(name) for kind in (CLAIMS, STAYS) for name in Prepared(settings.warehouse, kind).years() if name.isdecimal()
    ]
    told = named or list(years) or [date.today().year]
    return {
        "data_start": settings.data_start or date(min(told), 1, 1),
        "data_end": settings.data_end or date(max(told), 12, 31),
    }


def _table(names: tuple[str, ...], rows: Sequence[tuple[str | int, ...]]) -> pa.Table:
    """A small table; the first columns are texts, a number is 64 bits wide."""
    kinds = [pa.int64() if name.endswith("_id") else pa.string() for name in names]
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table({name: pa.array(column, kind) for name, kind, column in zip(names, kinds, columns, strict=True)})


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
