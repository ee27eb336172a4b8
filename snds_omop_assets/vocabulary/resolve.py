"""From French codes to standard concepts: the answer for every code of a base, on any day.

The rules are the files of resolution/, one SELECT per step, which DuckDB and Spark run alike:

    spellings          how a code may be looked up: itself, trimmed, another code of the same drug, its ingredient
    known              concepts that a vocabulary has for a spelling
    replacements, members, periods    what replaces a concept, and between which days the answer is the same
    ways, map_relationships, candidates    what the user's maps, the vocabulary and the project's maps say; is it usable
    choices            the way that counts
    code_map, rejected the answers, and the targets that were refused

Codes are few (some ten thousand) where events are many (billions): events join the answer by code and day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.tables import StoredTable
from snds_omop_assets.vocabulary.nomenclatures import code_of_seven, nomenclatures
from snds_omop_assets.vocabulary.shapes import (
    CODE_MAP,
    MAP_LINES,
    MAPS_TO,
    MAPS_TO_VALUE,
    PACKS,
    REJECTED,
    schema_of,
)

STEPS = Path(__file__).parent / "resolution"

ORDER = ("spellings", "known", "replacements", "members", "periods", "ways", "map_relationships", "candidates",
         "choices", "code_map", "rejected")  # fmt: skip

DAY = "greatest(least(coalesce({}, DATE '2099-12-31'), DATE '2099-12-31'), DATE '1900-01-01')"
"""The day, of the periods of CODE_MAP, on which an event is looked up: today's answer for an event without a date."""

ANSWER = f"""
LEFT JOIN code_map m
  ON m.nomenclature = e.nomenclature AND m.code = e.code
 AND {DAY.format("e.event_date")} BETWEEN m.valid_start_date AND m.valid_end_date
"""
"""How events `e` (nomenclature, code, event_date) join the answer.

One event gives a row per target (`place` 1, 2, ...); a code that was not resolved gives one row of NULLs.
"""

RELATIONSHIPS = (
    # relationship of the vocabulary, list (None: any), what it says, preference among those of one concept
    (MAPS_TO, None, MAPS_TO, 1),
    (MAPS_TO_VALUE, None, MAPS_TO_VALUE, 1),
    # An ATC class of several ingredients has its main one in the primary relationships (OHDSI, ATC of 2020 and later);
    # older releases have one relationship for all of them.
    ("ATC - RxNorm pr lat", "ATC", MAPS_TO, 2),
    ("ATC - RxNorm pr up", "ATC", MAPS_TO, 3),
    ("ATC - RxNorm", "ATC", MAPS_TO, 4),
)

DRUG_LISTS = ("CIP13", "CIP7", "UCD")
LONGEST_CODE = 15


@dataclass(frozen=True)
class Resolution:
    """What became of the codes of a base.

    Attributes:
        code_map: rows are targets of a code during a period (shapes.CODE_MAP); every code has a row for every day.
        rejected: rows are targets that were refused (shapes.REJECTED).
    """

    code_map: pa.Table
    rejected: pa.Table


def resolve(
    session: Session, codes: pa.Table, concepts: Mapping[str, StoredTable | pa.Table], maps: pa.Table, packs: pa.Table
) -> Resolution:
    """Find the standard concepts of the codes of a base.

    Args:
        session: the engine that runs the steps.
        codes: rows are different codes; columns nomenclature and code at least (shapes.SOURCE_CODES).
        concepts: CONCEPT and CONCEPT_RELATIONSHIP of the vocabulary, by their CDM names.
        maps: lines of the user's and the project's maps (shapes.MAP_LINES).
        packs: rows are packs of drugs (shapes.PACKS).
    """
    lists = nomenclatures()
    session.give("codes", _codes(codes))
    session.give("packs", packs.cast(schema_of(PACKS)))
    session.give("map_lines", maps.cast(schema_of(MAP_LINES)))
    session.give("numbers", pa.table({"n": pa.array(range(1, LONGEST_CODE), pa.int32())}))
    session.give("lists", _table(nomenclature=[*lists], domain=[n.domain for n in lists.values()]))
    session.give("searched", _searched())
    session.give("allowed_domains", allowed_domains())
    session.give("relations", _relations())
    for name in ("concept", "concept_relationship"):
        session.give(name, concepts[name])
    for name in ORDER:
        session.step(name, (STEPS / f"{name}.sql").read_text(encoding="utf-8"))
    order = "nomenclature, code, valid_start_date, place"
    return Resolution(
        session.result(f"SELECT * FROM code_map ORDER BY {order}").cast(schema_of(CODE_MAP)),
        session.result("SELECT * FROM rejected ORDER BY nomenclature, code, origin, target_concept_id, reason").cast(
            schema_of(REJECTED)
        ),
    )


def allowed_domains() -> pa.Table:
    """The domains that a target may have: rows are a list of codes (nomenclature) and a domain_id."""
    allowed = [(n.name, domain) for n in nomenclatures().values() for domain in n.domains]
    return _table(nomenclature=[name for name, _ in allowed], domain_id=[domain for _, domain in allowed])


def _codes(codes: pa.Table) -> pa.Table:
    """The codes with what a formula says of each: the CIP7 or UCD7 in it, its local concept."""
    lists = nomenclatures()
    pairs = list(zip(codes["nomenclature"].to_pylist(), codes["code"].to_pylist(), strict=True))
    return _table(
        nomenclature=[name for name, _ in pairs],
        code=[code for _, code in pairs],
        seven=[code_of_seven(code) if name in DRUG_LISTS else None for name, code in pairs],
        local_id=[lists[name].local_id(code) for name, code in pairs],
    )


def _relations() -> pa.Table:
    """RELATIONSHIPS as a table."""
    return _table(
        relationship_id=[relationship for relationship, *_ in RELATIONSHIPS],
        list=[name for _, name, *_ in RELATIONSHIPS],
        relation=[relation for *_, relation, _ in RELATIONSHIPS],
        relation_place=[place for *_, place in RELATIONSHIPS],
    )


def _searched() -> pa.Table:
    """The vocabularies of each list, the best first."""
    rows = [(n.name, found, place) for n in nomenclatures().values() for place, found in enumerate(n.searched, start=1)]
    names, found, places = zip(*rows, strict=True)
    return _table(list=list(names), vocabulary_id=list(found), list_place=list(places))


def _table(**columns: list[str] | list[int] | list[str | None]) -> pa.Table:
    """A small table; a column without any value is text, and numbers are 64 bits wide."""
    kinds = {
        name: pa.int64() if any(isinstance(v, int) for v in values) else pa.string() for name, values in columns.items()
    }
    if "local_id" in columns:
        kinds["local_id"] = pa.int64()
    return pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})
