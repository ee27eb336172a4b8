"""The user's own maps: a folder of CSV files that win over the project's maps, and what they contradict.

A file is known by its header, whatever its name: a SOURCE_TO_CONCEPT_MAP (OMOP CDM v5.4), the file that OHDSI's Usagi
saves, or a table of packs and units of drugs (CIP and UCD).
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa

from snds_omop_assets.errors import VocabularyError
from snds_omop_assets.vocabulary.map_files import Row, rows_of_file
from snds_omop_assets.vocabulary.maps import ALWAYS_FROM, ALWAYS_UNTIL
from snds_omop_assets.vocabulary.nomenclatures import Nomenclature, code_of_seven, nomenclatures, stored_code
from snds_omop_assets.vocabulary.shapes import MAP_LINES, MAPS_TO, MAPS_TO_VALUE, RELATIONS, USER, Columns, schema_of

CIP_UCD: Columns = {
    "cip7": (pa.string(), "CIP of 7 figures of a pack."),
    "ucd7": (pa.string(), "UCD of 7 figures of the unit that the pack holds."),
}
"""Rows are a pack and its unit."""

CONFLICTS: Columns = {
    "nomenclature": (pa.string(), "French list of codes (nomenclatures.csv)."),
    "code": (pa.string(), "Code as the store spells it."),
    "label": (pa.string(), "French label: the project's, else the user's."),
    "user_concept_ids": (pa.string(), "The user's targets, which win; in order, with blanks between them."),
    "project_concept_ids": (pa.string(), "The project's targets, likewise."),
    "file": (pa.string(), "The user's file."),
}
"""Rows are codes to which the user and the project give different targets."""

EXTENSIONS = (".csv", ".tsv", ".txt")

SOURCE_TO_CONCEPT: Final = frozenset({"source_code", "source_vocabulary_id", "target_concept_id"})
USAGI: Final = frozenset({"sourcecode", "mappingstatus", "conceptid"})
"""Columns without which a file is not of the kind, in lower case."""

NOMENCLATURE_COLUMN: Final = "nomenclature"
"""Column of our export to Usagi that says the list of codes; Usagi saves it as ADD_INFO:nomenclature."""

APPROVED: Final = "APPROVED"
USAGI_RELATIONS: Mapping[str, str | None] = {
    "": MAPS_TO, "MAPS_TO": MAPS_TO, "EVENT": MAPS_TO, "MAPS_TO_VALUE": MAPS_TO_VALUE, "VALUE": MAPS_TO_VALUE,
    "MAPS_TO_UNIT": None, "UNIT": None,
}  # fmt: skip
"""Usagi's types of mapping, of today and of older versions; None: left out, a unit is no target of a code."""

OTHER_NAMES: Mapping[str, str] = {"Type_um": "AUT_TYP1_UM"}
"""Names of lists in the maps that the Health Data Hub publishes, where they are not ours."""

LONGEST_ID = 18
"""Figures of the longest whole number that surely fits into 64 bits."""


@dataclass(frozen=True)
class UserMaps:
    """What the user's folder says.

    Attributes:
        lines: rows are lines of maps (shapes.MAP_LINES), of the origin `user map`, sorted.
        cip_ucd: rows are a pack and its unit (CIP_UCD), sorted; empty where no file says any.
        files: names of the files that were read, sorted.
    """

    lines: pa.Table
    cip_ucd: pa.Table
    files: tuple[str, ...]


class Line(NamedTuple):
    """One line of a map; lines are sorted in this order, and are the same if all before `file` is."""

    nomenclature: str
    code: str
    relation: str
    concept_id: int
    valid_start_date: date
    valid_end_date: date
    file: str
    label: str


NONE = UserMaps(schema_of(MAP_LINES).empty_table(), schema_of(CIP_UCD).empty_table(), ())
"""Where the user has no maps."""


def read_user_maps(folder: Path) -> UserMaps:
    """Read the maps of a folder; files of other extensions, hidden files and folders inside are not looked at.

    Text is UTF-8, with or without its mark, else Windows-1252 (what Excel saves as CSV in France). Separators are
    commas, semicolons or tabs. The result does not depend on the order of lines or of files.

    Raises:
        VocabularyError: the folder is missing, a file is of no known kind or cannot be read, a line names an unknown
            list, has an unreadable target, code or date, two files give different targets to the same code, or a code
            has a value and no target.
    """
    if not folder.is_dir():
        raise VocabularyError(f"The folder of maps {folder} is not there: name an existing folder, or none.")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS and p.name[0] != "." and p.is_file())
    lines: set[Line] = set()
    packs: set[tuple[str, str]] = set()
    for path in paths:
        header, rows = rows_of_file(path)
        if header >= SOURCE_TO_CONCEPT:
            lines.update(_source_to_concept_lines(rows))
        elif header >= USAGI:
            lines.update(_usagi_lines(rows))
        elif (columns := _cip_ucd_columns(header)) is not None:
            packs.update(_packs(rows, *columns))
        else:
            raise VocabularyError(
                f"{path.name} is no map: its header has the columns neither of SOURCE_TO_CONCEPT_MAP, nor of a file "
                f"saved by Usagi, nor of a table of CIP and UCD; correct the header or take the file away."
            )
    _refuse_contradictions(lines)
    _refuse_values_alone(lines)
    return UserMaps(
        lines=_table_of(lines),
        cip_ucd=pa.Table.from_pylist(
            [{"cip7": cip7, "ucd7": ucd7} for cip7, ucd7 in sorted(packs)], schema_of(CIP_UCD)
        ),
        files=tuple(path.name for path in paths),
    )


def conflicts(user: pa.Table, project: pa.Table) -> pa.Table:
    """The codes for which the user and the project name different targets or relations; the user wins.

    Args:
        user: lines of maps (shapes.MAP_LINES).
        project: the project's lines.

    Returns:
        Rows are such codes (CONFLICTS), by nomenclature and code. A decision that there is no target is 0. Dates are
        not compared.
    """
    users, projects = _by_code(user), _by_code(project)
    return pa.Table.from_pylist(
        [
            {
                "nomenclature": nomenclature,
                "code": code,
                "label": _first(projects[nomenclature, code], "label") or _first(users[nomenclature, code], "label"),
                "user_concept_ids": _ids(users[nomenclature, code]),
                "project_concept_ids": _ids(projects[nomenclature, code]),
                "file": _first(users[nomenclature, code], "file"),
            }
            for nomenclature, code in sorted(users.keys() & projects.keys())
            if _targets(users[nomenclature, code]) != _targets(projects[nomenclature, code])
        ],
        schema_of(CONFLICTS),
    )


def _source_to_concept_lines(rows: Iterable[Row]) -> Iterator[Line]:
    """Lines of a SOURCE_TO_CONCEPT_MAP; those with an invalid_reason no longer hold."""
    relations = {"": MAPS_TO, **{relation.lower(): relation for relation in RELATIONS}}
    for row in rows:
        if row["invalid_reason"]:
            continue
        nomenclature = _nomenclature(row, row["source_vocabulary_id"], row["source_code"])
        relation = relations.get((row["relation"] or row["relationship_id"]).lower())
        if relation is None:
            raise row.refused(f"the relation is neither `{MAPS_TO}` nor `{MAPS_TO_VALUE}`; correct it.")
        start = _day(row, "valid_start_date", ALWAYS_FROM)
        end = min(_day(row, "valid_end_date", ALWAYS_UNTIL), ALWAYS_UNTIL)
        if end < start:
            raise row.refused("valid_end_date is before valid_start_date; correct the dates.")
        yield Line(
            nomenclature=nomenclature.name,
            code=_code(row, nomenclature, "source_code"),
            relation=relation,
            concept_id=_concept_id(row, "target_concept_id"),
            valid_start_date=start,
            valid_end_date=end,
            file=row.file,
            label=_label(row["source_code_description"], nomenclature, row["source_code"]),
        )


def _usagi_lines(rows: Iterable[Row]) -> Iterator[Line]:
    """The approved lines of a file that Usagi saved; an approved line with the target 0 decides that there is none."""
    for row in rows:
        if row["mappingstatus"].upper() != APPROVED:
            continue
        kind = row["mappingtype"].upper()
        if kind not in USAGI_RELATIONS:
            raise row.refused("mappingType is none of Usagi's (MAPS_TO, MAPS_TO_VALUE, MAPS_TO_UNIT); correct it.")
        relation = USAGI_RELATIONS[kind]
        if relation is None:
            continue
        nomenclature = _nomenclature(
            row, row[f"add_info:{NOMENCLATURE_COLUMN}"] or _list_in_name(row.file), row["sourcecode"]
        )
        yield Line(
            nomenclature=nomenclature.name,
            code=_code(row, nomenclature, "sourcecode"),
            relation=relation,
            concept_id=_concept_id(row, "conceptid"),
            valid_start_date=ALWAYS_FROM,
            valid_end_date=ALWAYS_UNTIL,
            file=row.file,
            label=_label(row["sourcename"], nomenclature, row["sourcecode"]),
        )


def _cip_ucd_columns(header: Collection[str]) -> tuple[Sequence[str], Sequence[str]] | None:
    """The columns of packs and of units; None if one of the two is missing."""
    found: Mapping[str, list[str]] = {"cip": [], "ucd": []}
    for name in sorted(header):
        kind = re.fullmatch(r"(?:code)?(cip|ucd)(?:7|13)(?:code)?", re.sub(r"[^a-z0-9]", "", name))
        if kind:
            found[kind[1]].append(name)
    return (found["cip"], found["ucd"]) if found["cip"] and found["ucd"] else None


def _packs(rows: Iterable[Row], cips: Sequence[str], ucds: Sequence[str]) -> Iterator[tuple[str, str]]:
    """CIP7 and UCD7 of the rows that have both."""
    for row in rows:
        cip7, ucd7 = _seven(row, cips), _seven(row, ucds)
        if cip7 and ucd7:
            yield cip7, ucd7


def _seven(row: Row, columns: Sequence[str]) -> str:
    """The code of seven figures that the columns (of 7 and of 13 figures) say; empty where they are."""
    codes = {code_of_seven("".join(row[column].split())) for column in columns if row[column]}
    if None in codes:
        raise row.refused(f"{' or '.join(columns)} is no code of 7 or 13 figures; correct it.")
    if len(codes) > 1:
        raise row.refused(f"{' and '.join(columns)} are not the same drug; correct one.")
    return next((code for code in codes if code), "")


@cache
def _lists() -> Mapping[str, Sequence[Nomenclature]]:
    """The lists of codes by each of their names, without regard to case.

    A name is ours, that of the local vocabulary, or that of the best OMOP vocabulary for the list. The next best ones
    are not taken: an ICD10 code may be of the WHO's edition or of the French one.
    """
    lists = nomenclatures()
    names: dict[str, list[Nomenclature]] = defaultdict(list)
    for nomenclature in lists.values():
        for name in {nomenclature.vocabulary_id, *nomenclature.searched[:1]} - {None, *lists}:
            names[str(name).casefold()].append(nomenclature)
    names |= {other.casefold(): [lists[name]] for other, name in OTHER_NAMES.items()}
    return names | {name.casefold(): [nomenclature] for name, nomenclature in lists.items()}


def _nomenclature(row: Row, name: str, code: str) -> Nomenclature:
    """The list that a name means. SNDS_CIP and BDPM are both lists of packs: the length of the code tells which."""
    found = _lists().get(name.casefold(), ())
    if not found:
        what = f"{name} is no list of codes" if name else "no list of codes is named"
        raise row.refused(f"{what}; write a name of nomenclatures.csv, such as NABM, or of its vocabulary, SNDS_NABM.")
    if len(found) == 1:
        return found[0]
    wanted = {7: "CIP7", 13: "CIP13"}.get(len("".join(code.split())))
    for nomenclature in found:
        if nomenclature.name == wanted:
            return nomenclature
    raise row.refused(f"the code {code} of {name} has neither 7 nor 13 figures; correct it.")


def _list_in_name(file: str) -> str:
    """The list that a file is named after, as in NABM.csv, nabm_reviewed.csv or prs_nat_ref_2.csv; else its name."""
    stem = file.partition(".")[0]
    words = stem.split("_")
    starts = ("_".join(words[:n]) for n in range(len(words), 0, -1))
    return next((start for start in starts if start.casefold() in _lists()), stem)


def _code(row: Row, nomenclature: Nomenclature, column: str) -> str:
    code = stored_code(nomenclature, row[column])
    if not code:
        raise row.refused("there is no code; write one or remove the line.")
    return code


def _concept_id(row: Row, column: str) -> int:
    text = row[column]
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID):
        raise row.refused("the target is no concept id; write a whole number, 0 where there is none.")
    return int(text)


def _day(row: Row, column: str, absent: date) -> date:
    text = row[column]
    if not text:
        return absent
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d|\d{8}", text, re.ASCII):  # fromisoformat also reads weeks
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise row.refused(f"{column} is no date; write it as 2024-12-31 or 20241231.") from None


def _label(text: str, nomenclature: Nomenclature, code: str) -> str:
    """A label on one line, without what our export to Usagi adds (usagi.write_usagi_input); empty if it has none."""
    label = " ".join(text.split()).removesuffix(f" [{nomenclature.name}]")
    return "" if label == code else label


def _table_of(lines: Iterable[Line]) -> pa.Table:
    """The lines, sorted; one that is said again, with another label or in another file, counts once."""
    once: dict[tuple[object, ...], Line] = {}
    for line in sorted(lines):
        once.setdefault(line[:6], line)
    return pa.Table.from_pylist(
        [{**line._asdict(), "label": line.label or None, "origin": USER} for line in once.values()],
        schema_of(MAP_LINES),
    )


def _refuse_contradictions(lines: Iterable[Line]) -> None:
    """A code may have several targets, but two files must not name different ones: nobody would know which win."""
    said: dict[tuple[str, str], dict[str, set[tuple[str, int]]]] = defaultdict(lambda: defaultdict(set))
    for line in lines:
        said[line.nomenclature, line.code][line.file].add((line.relation, line.concept_id))
    for (nomenclature, code), files in sorted(said.items()):
        names = sorted(files)
        for other in names[1:]:
            if files[other] != files[names[0]]:
                raise VocabularyError(
                    f"{names[0]} and {other} give different targets to the code {code} of {nomenclature}: keep the "
                    f"lines of one of them."
                )


def _refuse_values_alone(lines: Iterable[Line]) -> None:
    """A `Maps to value` needs a `Maps to`: the user's lines on a code are the whole answer for it."""
    targets = {(line.nomenclature, line.code) for line in lines if line.relation == MAPS_TO}
    for line in sorted(lines, key=lambda line: (line.nomenclature, line.code)):
        if (line.nomenclature, line.code) not in targets:
            raise VocabularyError(
                f"{line.file} gives the code {line.code} of {line.nomenclature} a value and no target: add its line "
                f"Maps to."
            )


def _by_code(lines: pa.Table) -> Mapping[tuple[str, str], list[Mapping[str, object]]]:
    found: dict[tuple[str, str], list[Mapping[str, object]]] = defaultdict(list)
    for line in lines.to_pylist():
        found[line["nomenclature"], line["code"]].append(line)
    return found


def _targets(lines: Iterable[Mapping[str, object]]) -> set[tuple[object, object]]:
    return {(line["relation"], line["concept_id"]) for line in lines}


def _ids(lines: Iterable[Mapping[str, object]]) -> str:
    return " ".join(map(str, sorted({int(str(line["concept_id"])) for line in lines})))


def _first(lines: Iterable[Mapping[str, object]], column: str) -> str | None:
    return min((str(line[column]) for line in lines if line[column]), default=None)
