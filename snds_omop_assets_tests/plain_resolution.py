"""The rules of resolution read once more, in plain Python: one code and one day at a time, without SQL.

Also the made-up world that tests fill: concepts, relationships, lines of maps, packs (invented ids and names).
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.shapes import (
    MAP_LINES,
    MAPS_TO,
    MAPS_TO_VALUE,
    PACKS,
    PROJECT,
    USER,
    VOCABULARY,
    schema_of,
)

ALWAYS = dt.date(1970, 1, 1)
"""The first day of OMOP's vocabularies: what begins here, or before, has no beginning."""
FIRST_DAY, LAST_DAY = dt.date(1900, 1, 1), dt.date(2099, 12, 31)
REPLACED = "Concept replaced by"
LINKS_OF_ATC = ("ATC - RxNorm pr lat", "ATC - RxNorm pr up", "ATC - RxNorm")
MOST_REPLACEMENTS = 5
SHORTEST_CIM10, LENGTH_OF_CCAM = 3, 7
DRUGS = ("CIP13", "CIP7", "UCD")


@dataclass
class World:
    """What there is to resolve with; a test fills it."""

    concepts: dict[int, dict] = field(default_factory=dict)
    relationships: list[dict] = field(default_factory=list)
    lines: list[dict] = field(default_factory=list)
    packs: list[dict] = field(default_factory=list)

    def concept(
        self,
        concept_id: int,
        vocabulary: str = "Made",
        code: str | None = None,
        *,
        domain: str = "Condition",
        standard: str | None = None,
        concept_class: str = "Undefined",
        start: dt.date = ALWAYS,
        end: dt.date = LAST_DAY,
        invalid: str | None = None,
    ) -> int:
        """Add a concept, not standard unless said; returns its id."""
        self.concepts[concept_id] = {
            "concept_id": concept_id,
            "concept_name": f"Invented {concept_id}",
            "domain_id": domain,
            "vocabulary_id": vocabulary,
            "concept_class_id": concept_class,
            "standard_concept": standard,
            "concept_code": code or f"X{concept_id}",
            "valid_start_date": start,
            "valid_end_date": end,
            "invalid_reason": invalid,
        }
        return concept_id

    def target(self, concept_id: int, domain: str = "Condition", concept_class: str = "Undefined") -> int:
        """Add a standard concept; returns its id."""
        return self.concept(concept_id, domain=domain, standard="S", concept_class=concept_class)

    def relate(self, concept_id: int, relation: str, *others: int, invalid: str | None = None) -> None:
        """Add relationships of a concept to others."""
        for other in others:
            self.relationships.append(
                {
                    "concept_id_1": concept_id,
                    "concept_id_2": other,
                    "relationship_id": relation,
                    "valid_start_date": ALWAYS,
                    "valid_end_date": LAST_DAY,
                    "invalid_reason": invalid,
                }
            )

    def line(
        self,
        origin: str,
        nomenclature: str,
        code: str,
        concept_id: int,
        *,
        relation: str = MAPS_TO,
        start: dt.date = ALWAYS,
        end: dt.date = LAST_DAY,
        file: str = "made",
    ) -> None:
        """Add a line of a map."""
        self.lines.append(
            {
                "nomenclature": nomenclature,
                "code": code,
                "label": "Inventé",
                "relation": relation,
                "concept_id": concept_id,
                "origin": origin,
                "file": file,
                "valid_start_date": start,
                "valid_end_date": end,
            }
        )

    def pack(self, cip7: str, ucd7: str | None = None, atc: str | None = None) -> None:
        """Add a pack of a drug."""
        self.packs.append({"cip7": cip7, "ucd7": ucd7, "atc": atc})

    def tables(self) -> tuple[dict[str, pa.Table], pa.Table, pa.Table]:
        """The vocabulary, the lines of maps and the packs, as `resolve` takes them."""
        cdm = cdm_tables()
        vocabulary = {
            "concept": pa.Table.from_pylist(list(self.concepts.values()), cdm["concept"].schema),
            "concept_relationship": pa.Table.from_pylist(self.relationships, cdm["concept_relationship"].schema),
        }
        lines = pa.Table.from_pylist(self.lines, schema_of(MAP_LINES))
        return vocabulary, lines, pa.Table.from_pylist(self.packs, schema_of(PACKS))

    def related(self, concept_id: int, relation: str) -> list[int]:
        """The concepts to which a relationship, valid today, leads."""
        return [
            r["concept_id_2"]
            for r in self.relationships
            if r["concept_id_1"] == concept_id and r["relationship_id"] == relation and r["invalid_reason"] is None
        ]


@dataclass(frozen=True)
class Answer:
    """What becomes of an event with a code on a day.

    Attributes:
        targets: concept, domain and value of each target; empty where there is none.
        status: mapped, remapped, unmapped or rejected.
        origin: who said so; None where there is no target.
        precision: code, trimmed, pack or ingredient; None where there is no target.
        source_concept_id: the concept of the code itself.
        refused: origin, concept and reason of the targets that were looked at and may not be used.
    """

    targets: frozenset[tuple[int, str, int | None]]
    status: str
    origin: str | None
    precision: str | None
    source_concept_id: int
    refused: frozenset[tuple[str, int, str]]


@dataclass(frozen=True)
class Say:
    """What one concept, or one source of maps for one spelling, says."""

    origin: str
    remapped: bool
    targets: tuple[int, ...]
    values: tuple[int, ...]


Spelling = tuple[str, str]
"""A list of codes and a code in it."""


def answer(nomenclature: str, code: str, day: dt.date, world: World) -> Answer:
    """What the rules say of an event that has this code on this day."""
    refused: set[tuple[str, int, str]] = set()
    source = own_concept(nomenclature, code, day, world)
    for precision, spellings in stages(nomenclature, code, world):
        for say in says(code, spellings, day, world):
            usable = {t for t in say.targets if t == 0 or judged(t, nomenclature, world, "target") is None}
            values = {v for v in say.values if v != 0 and judged(v, nomenclature, world, "value") is None}
            refused |= {
                (say.origin, c, reason)
                for asked, kind in ((say.targets, "target"), (say.values, "value"))
                for c in asked
                if c != 0 and (reason := judged(c, nomenclature, world, kind)) is not None
            }
            if not usable and say.origin != USER:
                continue  # the next way
            found = [(t, world.concepts[t]["domain_id"]) for t in usable - {0}]
            places = [t for t, domain in found if domain in ("Observation", "Measurement")]
            if not places:
                refused |= {(say.origin, v, "value without place") for v in values}
            targets = frozenset(
                (t, domain, v) for t, domain in found for v in (values if t in places and values else {None})
            )
            if targets:
                status = "remapped" if say.remapped else "mapped"
                return Answer(targets, status, say.origin, precision, source, frozenset(refused))
            wrong = any(reason != "value without place" for _, _, reason in refused)
            # A 0, as a target or as a value, is somebody's decision.
            decided = 0 in (*say.targets, *say.values)
            status = "rejected" if wrong and not decided else "unmapped"
            return Answer(frozenset(), status, None, None, source, frozenset(refused))
    return Answer(frozenset(), "rejected" if refused else "unmapped", None, None, source, frozenset(refused))


def stages(nomenclature: str, code: str, world: World) -> Iterator[tuple[str, Sequence[Spelling]]]:
    """How a code may be looked up, the nearest first, each stage with the precision of its answer."""
    seven = seven_of(code) if nomenclature in DRUGS else None
    exact = [(nomenclature, code)]
    if seven and seven != code and nomenclature != "CIP7":
        exact.append(("UCD" if nomenclature == "UCD" else "CIP7", seven))
    yield "code", exact
    if nomenclature == "CIM10":
        for length in range(len(code) - 1, SHORTEST_CIM10 - 1, -1):
            yield "trimmed", [("CIM10", code[:length])]
    if nomenclature == "CCAM" and len(code) > LENGTH_OF_CCAM:
        yield "trimmed", [("CCAM", code[:LENGTH_OF_CCAM])]
    if nomenclature == "UCD":
        yield "pack", sorted({("CIP7", p["cip7"]) for p in world.packs if p["ucd7"] == seven})
    if nomenclature in DRUGS:
        key = "ucd7" if nomenclature == "UCD" else "cip7"
        yield "ingredient", sorted({("ATC", p["atc"]) for p in world.packs if p[key] == seven and p["atc"]})


def seven_of(code: str) -> str:
    """The seven figures in a drug's code of thirteen; another code as it is."""
    if len(code) == 13 and code.startswith("3400"):
        return code[5:12]
    return code[-7:] if len(code) == 13 and code.startswith("000000") else code


def says(code: str, spellings: Sequence[Spelling], day: dt.date, world: World) -> Iterator[Say]:
    """Who says something about these spellings: the user, the vocabularies in order, the project."""
    ordered = sorted(spellings, key=lambda s: (s[1] != code, s[1]))
    yield from said_by_maps(USER, ordered, day, world)
    most = max((len(nomenclatures()[name].searched) for name, _ in ordered), default=0)
    for place in range(most):
        yield from said_by_vocabulary(place, ordered, day, world)
    yield from said_by_maps(PROJECT, ordered, day, world)


def said_by_maps(origin: str, spellings: Iterable[Spelling], day: dt.date, world: World) -> Iterator[Say]:
    """What the lines in force on the day say, spelling by spelling."""
    for name, spelled in spellings:
        lines = [
            line
            for line in world.lines
            if (line["origin"], line["nomenclature"], line["code"]) == (origin, name, spelled)
            and (line["valid_start_date"] <= max(day, ALWAYS) and day <= line["valid_end_date"])
        ]
        if lines:
            targets = [line["concept_id"] for line in lines if line["relation"] == MAPS_TO]
            values = [line["concept_id"] for line in lines if line["relation"] == MAPS_TO_VALUE]
            yield Say(origin, False, tuple(targets), tuple(values))


def said_by_vocabulary(place: int, spellings: Sequence[Spelling], day: dt.date, world: World) -> Iterator[Say]:
    """What the concepts of the spellings say in the vocabulary that comes at this place, and those that replace them.

    A concept in force is before one that has not begun, and this before one that has ended; then the replacement in
    force on the day is before those that came later, and these before those that are over.
    """
    found: dict[tuple, bool] = {}
    for name, spelled in spellings:
        for first in concepts_of(place, name, spelled, world):
            for concept_id, distance in replacements_in_order(first, day, world).items():
                key = (lateness(first, day, world), distance, spelled != spellings[0][1], spelled, concept_id, name)
                # Two concepts of a code may be replaced by the same one: it says the same, once.
                found[key] = found.get(key, True) and concept_id != first
    for key in sorted(found):
        *_, concept_id, name = key
        remapped = found[key]
        values = tuple(world.related(concept_id, MAPS_TO_VALUE))
        targets = tuple(world.related(concept_id, MAPS_TO))
        if name != "ATC":
            if targets or values:
                yield Say(VOCABULARY, remapped, targets, values)
            continue
        for number, relation in enumerate((MAPS_TO, *LINKS_OF_ATC)):
            ingredients = tuple(t for t in world.related(concept_id, relation) if is_ingredient(t, world))
            worth = tuple(v for v in values if is_ingredient(v, world)) if number == 0 else ()
            if ingredients or worth:
                yield Say(VOCABULARY, remapped, ingredients, worth)


def is_ingredient(concept_id: int, world: World) -> bool:
    """Whether an ATC code may mean it: an ingredient, or an unknown concept (which is refused as such)."""
    concept = world.concepts.get(concept_id)
    return concept is None or concept["concept_class_id"] == "Ingredient"


def concepts_of(place: int, name: str, spelled: str, world: World) -> list[int]:
    """The concepts of a code in the vocabulary that comes at this place of its list."""
    searched = nomenclatures()[name].searched
    if place >= len(searched):
        return []
    return [
        c["concept_id"]
        for c in world.concepts.values()
        if c["vocabulary_id"] == searched[place]
        and (c["concept_code"].replace(".", "") if name == "CIM10" else c["concept_code"]) == spelled
    ]


def lateness(concept_id: int, day: dt.date, world: World) -> int:
    """0 in force, 1 not begun, 2 ended."""
    concept = world.concepts[concept_id]
    if concept["valid_end_date"] < day:
        return 2
    return int(concept["valid_start_date"] > max(day, ALWAYS))


def replacements_in_order(first: int, day: dt.date, world: World) -> dict[int, tuple[bool, int]]:
    """A concept and what replaces it, with a place: the one in force, those that came later, those that are over.

    A concept of a code has no beginning: codes are older than the vocabularies that list them.
    """
    steps = {first: 0}
    for step in range(1, MOST_REPLACEMENTS + 1):
        for concept_id in [c for c, reached in steps.items() if reached == step - 1]:
            for other in world.related(concept_id, REPLACED):
                if other in world.concepts:
                    steps.setdefault(other, step)

    def in_force(concept_id: int) -> bool:
        concept = world.concepts[concept_id]
        begun = concept_id == first or concept["valid_start_date"] <= max(day, ALWAYS)
        return begun and day <= concept["valid_end_date"]

    holding = [step for c, step in steps.items() if in_force(c)]
    standing = [step for c, step in steps.items() if world.concepts[c]["invalid_reason"] is None]
    best = min(holding) if holding else max(standing, default=0)
    return {c: (step < best, abs(step - best)) for c, step in steps.items()}


def own_concept(nomenclature: str, code: str, day: dt.date, world: World) -> int:
    """The vocabulary's concept of exactly this code, else the local one."""
    _, exact = next(stages(nomenclature, code, world))
    for place in range(2):
        found = [
            (lateness(c, day, world), spelled != code, c)
            for name, spelled in exact
            for c in concepts_of(place, name, spelled, world)
        ]
        if found:
            return min(found)[-1]
    return nomenclatures()[nomenclature].local_id(code)


def judged(concept_id: int, nomenclature: str, world: World, kind: str) -> str | None:
    """Why a concept may not be a target (or a value); None: it may."""
    concept = world.concepts.get(concept_id)
    if concept is None:
        return "unknown"
    if concept["invalid_reason"] is not None:
        return "invalid"
    if concept["standard_concept"] != "S":
        return "not standard"
    if kind == "target" and concept["domain_id"] not in nomenclatures()[nomenclature].domains:
        return "wrong domain"
    return None
