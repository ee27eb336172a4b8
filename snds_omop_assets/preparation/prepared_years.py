"""What is prepared of the facts: a folder per year of the delivered files, whose rows say their year of care.

    prepared/claims/2019/lines/2019-02/part-0.parquet          lines of the flow of February 2019
    prepared/claims/2019/persons, places, counts               who and what these files mention; rows that end here
    prepared/claims/2019/made.json                             what it was made of; the years of care of its lines
    prepared/stays/2019/...                                    the same of the PMSI

A year of care reads its rows out of those of the years of files that have some. A year of files is prepared again when
its received tables, or the rules, are others than those it was made of.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.opening import Opening
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.io_managers.folders import (
    fingerprint,
    fingerprint_of_files,
    folder_written_aside,
    made_of,
    note_made,
    recover_all,
)
from snds_omop_assets.preparation.claims import TABLES as CLAIM_TABLES
from snds_omop_assets.preparation.claims import prepare_claims
from snds_omop_assets.preparation.received import Files
from snds_omop_assets.preparation.shapes import CARE_YEAR, schema_of
from snds_omop_assets.preparation.stays import TABLES as STAY_TABLES
from snds_omop_assets.preparation.stays import prepare_stays
from snds_omop_assets.reception.store import Store, writing

HERE = Path(__file__).parent
WHOLE = "whole"
"""The folder of tables that are not cut by year."""

MONTH = re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True)
class Kind:
    """One kind of facts.

    Attributes:
        name: of its folder in prepared/, and of its asset.
        tables: contracts that it reads.
        rules: files whose change makes everything anew.
        rows: the piece whose rows have every year of care that the others have.
        prepare: writes the pieces of a year into a folder.
    """

    name: str
    tables: Sequence[str]
    rules: Sequence[Path]
    rows: str
    prepare: Callable[[Session, "Sources", int | None, Path], None]


@dataclass(frozen=True)
class Sources:
    """The received files of one year, by the name of their contract; by month of flow for the DCIR."""

    files: Files

    @property
    def months(self) -> Mapping[str, Files]:
        """The files by month of flow; what has no month is under `unknown`."""
        found: dict[str, dict[str, list[Path]]] = {}
        for name, files in self.files.items():
            for file in files:
                month = file.parent.name if MONTH.fullmatch(file.parent.name) else "unknown"
                found.setdefault(month, {}).setdefault(name, []).append(file)
        return dict(sorted(found.items()))

    def years(self, year: int | None) -> list[int]:
        """The years that the files tell, in order: their own, else those of the flows in them."""
        months = [month for month in self.months if MONTH.fullmatch(month)]
        return sorted({int(month[:4]) for month in months}) if year is None else [year]


CLAIMS = Kind(
    "claims",
    CLAIM_TABLES,
    (HERE / "claims.py", HERE / "claims", HERE.parent / "vocabulary" / "maps" / "services.csv"),
    "lines",
    lambda session, sources, year, folder: prepare_claims(session, sources.months, year, folder),
)
STAYS = Kind(
    "stays",
    STAY_TABLES,
    (HERE / "stays.py", HERE / "stays", HERE.parent / "contracts" / "pmsi.py"),
    "stay_parts",
    lambda session, sources, year, folder: prepare_stays(session, sources.files, year, folder),
)
KINDS = (CLAIMS, STAYS)


@dataclass(frozen=True)
class PreparedYear:
    """The folder of one year of files."""

    folder: Path

    @property
    def fingerprint(self) -> str:
        """What it was made of; empty where it was not made."""
        return str(made_of(self.folder).get("fingerprint", ""))

    @property
    def care_years(self) -> set[int]:
        """The years of care that its rows go on to."""
        return set(made_of(self.folder).get("care_years", ()))

    @property
    def file_years(self) -> list[int]:
        """The years that its received files tell, in order; of files that came whole, those of their flows."""
        return list(made_of(self.folder).get("file_years", ()))

    def files(self, piece: str) -> list[Path]:
        """The files of a piece."""
        return sorted((self.folder / piece).rglob("*.parquet"))


class Prepared:
    """What is prepared of one kind of facts in a warehouse."""

    def __init__(self, warehouse: Path, kind: Kind) -> None:
        self.root = warehouse / "prepared" / kind.name
        self.kind = kind

    def years(self) -> dict[str, PreparedYear]:
        """What is there, by year of the files (or `whole`)."""
        recover_all(self.root)
        found = {folder.name: PreparedYear(folder) for folder in sorted(self.root.glob("[!.]*"))}
        return {name: year for name, year in found.items() if year.fingerprint}

    def files(self, piece: str, care_year: int | None = None) -> list[Path]:
        """The files of a piece over all years of files, or over those that have rows of a year of care."""
        years = [year for year in self.years().values() if care_year is None or care_year in year.care_years]
        return [file for year in years for file in year.files(piece)]

    def rules(self, year: int | None) -> dict[str, int]:
        """Rows of a year of files that end with its preparation, by rule."""
        files = PreparedYear(self._folder(year)).files("counts")
        found: dict[str, int] = {}
        for file in files:
            for row in pq.read_table(file, columns=["rule", "row_count"]).to_pylist():
                found[row["rule"]] = found.get(row["rule"], 0) + row["row_count"]
        return dict(sorted(found.items()))

    def prepare(self, open_session: Opening, store: Store, year: int | None) -> bool:
        """Prepare a year of files; tells whether there was anything to do.

        Raises:
            StoreError: the disk is full, the warehouse may not be written, or another run is writing.
            EngineError: the engine failed.
        """
        sources, versions = self._sources(store, year)
        folder = self._folder(year)
        with writing(self.root), open_session() as session:
            wanted = fingerprint([versions, fingerprint_of_files(*self.kind.rules), _key_of_ids(session)])
            if PreparedYear(folder).fingerprint == wanted:
                return False
            with folder_written_aside(folder) as aside:
                self.kind.prepare(session, sources, year, aside)
                care_years = _care_years(session, PreparedYear(aside).files(self.kind.rows))
                note_made(aside, wanted, care_years=care_years, file_years=sources.years(year))
        return True

    def _folder(self, year: int | None) -> Path:
        return self.root / (WHOLE if year is None else str(year))

    def _sources(self, store: Store, year: int | None) -> tuple[Sources, dict[str, str]]:
        """The received files of a year, and their versions."""
        files: dict[str, Sequence[Path]] = {}
        versions: dict[str, str] = {}
        for name in self.kind.tables:
            place = store.place(official_tables()[name], year)
            if (receipt := place.receipt) is not None:
                files[name], versions[name] = place.parts, receipt.version
        return Sources(files), versions


def stored_years(store: Store, kind: Kind) -> Iterator[int | None]:
    """The years that the received tables of a kind have; None where one came whole."""
    found: set[int | None] = set()
    for name in kind.tables:
        if (table := store.table(official_tables()[name])) is not None:
            found |= {place.year for place in table.places}
    yield from sorted(found, key=lambda year: (year is not None, year or 0))


def _key_of_ids(session: Session) -> int:
    """A number that changes with the key of the ids (SNDS_ID_KEY), which the prepared rows hold."""
    number: int = session.result("SELECT omop_id('key of the ids', 'prepared') AS id")["id"][0].as_py()
    return number


def _care_years(session: Session, files: Sequence[Path]) -> list[int]:
    """The years of care of some rows, in order."""
    session.give_files("rows_of_care", files, schema_of(CARE_YEAR))
    found = session.result("SELECT DISTINCT care_year FROM rows_of_care WHERE care_year IS NOT NULL ORDER BY care_year")
    session.drop("rows_of_care")
    years: list[int] = found.column("care_year").to_pylist()
    return years
