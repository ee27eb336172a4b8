"""What a part was made of, as short texts: one that is another than before means that the part must be made again.

The SELECTs are those of changes/. Each looks only at what the part reads: an identity that somebody got who was never
met in 2015 leaves 2015 as it is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.io_managers.folders import fingerprint
from snds_omop_assets.preparation.shapes import MET_PERSONS, Columns, schema_of
from snds_omop_assets.preparation.stays import PIECES as STAY_PIECES

HERE = Path(__file__).parent / "changes"

CODES: Columns = {"nomenclature": (pa.string(), "List of the code."), "code": (pa.string(), "The code.")}
"""Rows are codes that a part reads."""


def write_codes(session: Session, folder: Path) -> None:
    """Write the codes whose answers a part depends on (CODES); reads events, visits, details and natures_met."""
    session.write(_sql("codes_read"), folder, schema_of(CODES))


def answers_of(session: Session, files: Sequence[Path]) -> str:
    """A text that changes when the concepts or the packs of some codes do (files of `write_codes`)."""
    session.give_files("codes_of_part", files, schema_of(CODES))
    (row,) = session.result(_sql("answers")).to_pylist()
    session.drop("codes_of_part")
    return fingerprint(row)


def identities_by_year(session: Session, met: Sequence[Path], stay_parts: Sequence[Path]) -> Mapping[int | None, str]:
    """By year, a text that changes when somebody who was met in it is another person, or none; under None, anybody.

    Args:
        session: the engine; it has `identities`.
        met: files of who is met in the facts (MET_PERSONS).
        stay_parts: files of the parts of stays (STAY_PARTS), which name mothers.
    """
    session.give_files("met_persons", met, schema_of(MET_PERSONS))
    session.give_files("all_stay_parts", stay_parts, schema_of(STAY_PIECES["stay_parts"]))
    found = session.result(_sql("identities_by_year")).to_pylist()
    session.drop("met_persons", "all_stay_parts")
    return {row["year"]: row["digest"] for row in found}


def _sql(name: str) -> str:
    return (HERE / f"{name}.sql").read_text(encoding="utf-8")
