"""Reading the contracts: the CSV files of snds/, the layouts that override them, and a project's own YAML files.

`snds/tables.csv` has one line per table, and `snds/<product>.csv` one per column, so that a domain expert reads and
corrects them with a spreadsheet. An empty cell says nothing.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from snds_omop_assets.contracts.column_types import COLUMN_TYPES, DATE_FORMATS
from snds_omop_assets.contracts.snds_tables import OFFICIAL, Column, Layout, Reading, Signature, SndsTable
from snds_omop_assets.errors import ContractError

SNDS_CONTRACTS = Path(__file__).parent / "snds"
LAYOUTS = Path(__file__).parent / "layouts"
THRESHOLDS = Path(__file__).parent / "thresholds.csv"

ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")

TABLE_ATTRIBUTES = frozenset(f.name for f in fields(SndsTable)) - {"name"}


@cache
def official_tables() -> dict[str, SndsTable]:
    """The contracts of the official layout, by table name, in the order of snds/tables.csv.

    Raises:
        ContractError: a contract file has an unknown attribute or type.
    """
    return {name: _table(name, raw, "snds") for name, raw in _raw_tables().items()}


def layouts(overrides: Path | None = None) -> dict[str, Layout]:
    """The known layouts, by name; the official one first.

    Args:
        overrides: folder of a project's own YAML files, which have the last word in every layout.

    Raises:
        ContractError: as `official_tables`, or a file overrides a table that does not exist.
    """
    changes = [] if overrides is None else [(path.name, _read(path)) for path in sorted(overrides.glob("*.y*ml"))]
    title = "Official layout of the CNAM's deliveries"
    found = {OFFICIAL: Layout(OFFICIAL, title, (), _overridden(changes))}
    for path in sorted(LAYOUTS.glob("*.yaml")):
        raw = _read(path)
        signatures = tuple(
            Signature(s.get("file"), s.get("table"), frozenset(s.get("has", ())), frozenset(s.get("lacks", ())))
            for s in raw["recognised_by"]
        )
        found[path.stem] = Layout(path.stem, raw["title"], signatures, _overridden([(path.name, raw), *changes]))
    return found


def default_thresholds() -> dict[str, float]:
    """The thresholds of thresholds.csv, by name."""
    return {line["threshold"]: float(line["value"]) for line in _lines(THRESHOLDS)}


def _overridden(changes: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, SndsTable]:
    """The official contracts with the words of some YAML files over them; only what they name is built again."""
    raw: dict[str, dict[str, Any]] = {}
    of: dict[str, str] = {}
    for file, content in changes:
        for name, override in content.get("tables", {}).items():
            known = raw.get(name) or _raw_tables().get(name)
            if known is None and "file" not in override:
                raise ContractError(
                    f"{file}: there is no contract for a table {name}; a new table needs at least a `file`, a `title` "
                    f"and `columns`."
                )
            raw[name], of[name] = _override(known or {"product": "referentials", "about": "One row.", "columns": {}},
                                            override), file  # fmt: skip
    return {**official_tables(), **{name: _table(name, words, of[name]) for name, words in raw.items()}}


def _override(table: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Apply a layout's words to a table's: attributes replace, a column is merged, a column set to null is dropped."""
    columns = dict(table["columns"])
    for name, change in (override.get("columns") or {}).items():
        if change is None:
            columns.pop(name, None)
        else:
            columns[name] = {**columns.get(name, {}), **change}
    thresholds = {**table.get("thresholds", {}), **override.get("thresholds", {})}
    return {**table, **override, "columns": columns, "thresholds": thresholds}


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ContractError(f"{path.name} is not a readable YAML file: {type(error).__name__}. Correct it.") from None
    if not isinstance(content, dict):
        raise ContractError(f"{path.name}: a contract is a YAML mapping; this file has something else.")
    return content


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _raw_tables() -> dict[str, dict[str, Any]]:
    """The words of the CSV files by table: what a YAML file may override. Empty cells say nothing."""
    tables: dict[str, dict[str, Any]] = {}
    for line in _lines(SNDS_CONTRACTS / "tables.csv"):
        name = line.pop("table")
        tables[name] = {**{said: text for said, text in line.items() if text}, "columns": {}}
    for product in sorted({table["product"] for table in tables.values()}):
        for line in _lines(SNDS_CONTRACTS / f"{product}.csv"):
            table, column = line.pop("table"), line.pop("column")
            tables[table]["columns"][column] = {name: text for name, text in line.items() if text}
    return tables


def _table(name: str, raw: dict[str, Any], file: str) -> SndsTable:
    if unknown := sorted(set(raw) - TABLE_ATTRIBUTES):
        raise ContractError(f"{file}: table {name} has an unknown attribute {unknown[0]}.")
    if missing_words := sorted({"title", "file"} - set(raw)):
        raise ContractError(f"{file}: table {name} has no `{missing_words[0]}`.")
    columns = {column: _column(column, attributes, file) for column, attributes in raw["columns"].items()}
    for column in columns.values():
        if column.not_before is not None and column.not_before not in columns:
            raise ContractError(f"{file}: column {column.name} of {name} names an unknown column {column.not_before}.")
    key, link = _words(raw.get("key", ())), _words(raw.get("link", ()))
    if missing := [column for column in (*key, *link) if column not in columns]:
        raise ContractError(f"{file}: key column {missing[0]} of {name} is not among its columns.")
    reading = raw.get("reading", {})
    if (encoding := reading.get("encoding")) not in (None, *ENCODINGS):
        raise ContractError(f"{file}: table {name} has an unknown encoding {encoding}; known: {', '.join(ENCODINGS)}.")
    if unknown := sorted(set(raw.get("thresholds", {})) - set(default_thresholds())):
        raise ContractError(f"{file}: table {name} has an unknown threshold {unknown[0]}.")
    # A key column may be left out of a delivery (BEN_RNG_GEM), so it is required only where its contract says so.
    return SndsTable(
        name=name,
        product=raw["product"],
        title=raw["title"],
        about=raw["about"],
        file=raw["file"],
        key=key,
        columns=columns,
        parent=raw.get("parent"),
        link=link,
        one_to_one=_yes(raw.get("one_to_one", False)),
        month=raw.get("month"),
        delivered=_yes(raw.get("delivered", True)),
        may_be_empty=_yes(raw.get("may_be_empty", False)),
        reading=Reading(reading.get("encoding"), reading.get("separator"), frozenset(reading.get("missing", ()))),
        thresholds={**default_thresholds(), **{n: float(v) for n, v in raw.get("thresholds", {}).items()}},
    )


def _column(name: str, attributes: dict[str, Any], file: str) -> Column:
    known = {f.name: f for f in fields(Column)}
    if unknown := sorted(set(attributes) - set(known)):
        raise ContractError(f"{file}: column {name} has an unknown attribute {unknown[0]}.")
    if (kind := attributes.get("type", "text")) not in COLUMN_TYPES:
        raise ContractError(f"{file}: column {name} has an unknown type {kind}; known: {', '.join(COLUMN_TYPES)}.")
    if (form := attributes.get("format")) is not None and form not in DATE_FORMATS:
        raise ContractError(f"{file}: column {name} has an unknown format {form}; known: {', '.join(DATE_FORMATS)}.")
    values = {}
    for attribute, value in attributes.items():
        try:
            values[attribute] = _ATTRIBUTES.get(attribute, str)(value)
        except (TypeError, ValueError, re.error):
            raise ContractError(f"{file}: column {name} has a wrong {attribute}: {value}.") from None
    return Column(name=name, **values)


def _words(value: str | Iterable[object]) -> tuple[str, ...]:
    """A list in YAML, or words between blanks in a CSV cell."""
    return tuple(value.split()) if isinstance(value, str) else tuple(str(word) for word in value)


def _yes(value: object) -> bool:
    return value is True or value == "yes"


def _pattern(value: object) -> str:
    return re.compile(str(value)).pattern


_ATTRIBUTES: Mapping[str, Any] = {
    **dict.fromkeys(("required", "padding_ignored", "source_value", "of_a_person"), _yes),
    **dict.fromkeys(("width", "minimum", "maximum", "since", "until"), int),
    "aliases": _words,
    "pattern": _pattern,
    "missing": lambda value: frozenset(_words(value)),
}
"""How an attribute of a column is read from a CSV cell or a YAML value; text where nothing is said."""
