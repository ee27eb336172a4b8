"""The contracts of the SNDS tables: CSV files in snds/, layouts and projects that override them.

A contract says how a table is found, which columns it has, what they mean, and which may be missing. It drives the
reading, the Pandera schema, the columns in the UI and the docs. `snds/tables.csv` has one line per table, and
`snds/<product>.csv` one per column, so that a domain expert reads and corrects them with a spreadsheet.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from snds_omop_assets.contracts.column_types import COLUMN_TYPES, DATE_FORMATS, ColumnType
from snds_omop_assets.errors import ContractError

SNDS_CONTRACTS = Path(__file__).parent / "snds"
LAYOUTS = Path(__file__).parent / "layouts"
THRESHOLDS = Path(__file__).parent / "thresholds.csv"

NOMENCLATURES = "nomenclatures"
"""The product of the lists of codes, whose assets have a group of their own."""

DIGITS = r"\d*"

YEAR = r"(?P<year>\d{4}|\d{2}|aa)"
"""The year in the name of a PMSI file: T_MCO13E, T_MCO2013E; in lists of tables, T_MCOaaE."""

FLOW = r"(?:_?(?P<year>(?:19|20)\d{2}|(?<=_)\d{2})(?:[_-]?(?:0[1-9]|1[0-2])(?:[_-]?\d{2})?)?)?"
"""How DCIR files are cut: by year, month or day of flow."""

PARTS = r"(?:_(?:part)?\d{1,3})?"
"""A file may be one of several numbered parts, whatever its table."""

STAMP = r"(?:_(?:19|20)\d{2}(?:\d{2}){0,2})?"
"""A table that comes whole may tell when it was extracted: IR_BEN_R_2021."""

FLOW_MONTH = "FLX_DIS_DTD"
"""The column whose month cuts the files of a year in the store: it is one of the nine keys of the DCIR."""

OFFICIAL = "official"
"""The layout of the CNAM's deliveries: the contracts of snds/ as they stand."""

DELIVERED = "_DELIVERED"
"""Suffix of the column that keeps a value as it was delivered, where an OMOP *_source_value needs it."""

SOURCE_FILE, SOURCE_LINE = "source_file", "source_line"
"""Where each stored row comes from: the file's path in the delivery, and its line there."""

PSEUDONYMS_OF_PATIENTS = ("BEN_NIR_PSA", "NIR_ANO_17", "BEN_IDT_ANO")
"""The columns that tell whose row it is, the one that joins most tables first."""


@dataclass(frozen=True)
class Column:
    """One column of an SNDS table.

    Attributes:
        name: official name, in capitals.
        label: official French label; empty where it is not known.
        type: a name of COLUMN_TYPES.
        required: a row without a value here is set aside, and a file without this column is refused.
        aliases: other names under which the column is delivered.
        missing: texts that stand for "no value", beside those of the type.
        width: codes are left-padded with zeros to this length.
        pattern: what the whole normalised text must look like (regular expression); None asks what the type asks.
        minimum, maximum: bounds of a number.
        not_before: name of a date column that this one must not precede.
        padding_ignored: zeros that pad a pseudonym's number are dropped.
        source_value: the delivered text is kept beside the normalised one.
        of_a_person: see ColumnType; None means what the type says.
        nomenclature: the table of the codes.
        format: how dates are written (a name of DATE_FORMATS); None finds it from the data.
        length: length in the CNAM's dictionary, for readers: deliveries do not keep to it.
        since, until: first and last year of the column in the CNAM's dictionary; None is unknown.
    """

    name: str
    label: str = ""
    type: str = "text"
    required: bool = False
    aliases: tuple[str, ...] = ()
    missing: frozenset[str] = frozenset()
    width: int | None = None
    pattern: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    not_before: str | None = None
    padding_ignored: bool = False
    source_value: bool = False
    of_a_person: bool | None = None
    nomenclature: str | None = None
    format: str | None = None
    length: str | None = None
    since: int | None = None
    until: int | None = None

    @property
    def kind(self) -> ColumnType:
        """The type's definition."""
        return COLUMN_TYPES[self.type]

    @property
    def shape(self) -> str | None:
        """What the whole normalised text must look like: the column's own pattern, else the type's."""
        return self.pattern or self.kind.pattern

    @property
    def values_are_private(self) -> bool:
        """Whether values are identifiers or dates of a person, which appear nowhere but in the table."""
        return self.kind.of_a_person if self.of_a_person is None else self.of_a_person

    @property
    def names(self) -> tuple[str, ...]:
        """The official name and the aliases, in order of preference."""
        return (self.name, *self.aliases)


@dataclass(frozen=True)
class Reading:
    """How the text files of a table are written, where a project fixes it; None finds it from the data.

    Attributes:
        encoding: utf-8-sig, cp1252 or latin-1.
        separator: what stands between two values.
        missing: texts that stand for "no value" in every column.
    """

    encoding: str | None = None
    separator: str | None = None
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SndsTable:
    """The contract of one SNDS table. Rows are what `about` says.

    Attributes:
        name: official name; `aa` (two digits of the year) is left out: T_MCOaaE is T_MCO_E.
        product: dcir, mco, ssr, had, rip, beneficiaries, deaths, referentials or nomenclatures.
        title: French title.
        about: what one row is, in a sentence.
        file: pattern of the file's name without extension; `{year}` stands for YEAR, `{_flow}` for FLOW.
        key: columns that identify a row of a year (those of them that were delivered); none where no key is known.
        parent: the table that has the row to which each row belongs.
        link: the columns that join the parent.
        one_to_one: each row of the parent has exactly one row here.
        month: the column whose month tells how the volume goes over time.
        columns: the columns, by name.
        delivered: False where a layout does not have this table at all.
        may_be_empty: files without any row are accepted.
        reading: how its files are written, where that is fixed.
        thresholds: figures beyond which a check or the drift report warns, by name; see thresholds.csv.
    """

    name: str
    product: str
    title: str
    about: str
    file: str
    key: tuple[str, ...]
    columns: Mapping[str, Column] = field(default_factory=dict)
    parent: str | None = None
    link: tuple[str, ...] = ()
    one_to_one: bool = False
    month: str | None = None
    delivered: bool = True
    may_be_empty: bool = False
    reading: Reading = Reading()
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """First part of the asset key: `snds` or `nomenclatures`."""
        return NOMENCLATURES if self.product == NOMENCLATURES else "snds"

    @property
    def asset_key(self) -> list[str]:
        """The key of the table's asset: snds/ir_ben_r."""
        return [self.group, self.name.lower()]

    @property
    def cut_by_month(self) -> bool:
        """Whether the store has a folder per month of flow inside a year."""
        return FLOW_MONTH in self.columns and "{_flow}" in self.file

    @property
    def patient(self) -> str | None:
        """The column that tells whose row it is."""
        return next((name for name in PSEUDONYMS_OF_PATIENTS if name in self.columns), None)

    @cached_property
    def file_pattern(self) -> re.Pattern[str]:
        """Matches the file's name without its extension, in any case; the group `year` is the year, if there is one."""
        pattern = re.escape(self.file)
        for mark, meaning in (("{_flow}", FLOW), ("{year}", YEAR), ("{digits}", DIGITS)):
            pattern = pattern.replace(re.escape(mark), meaning)
        cut = "{_flow}" in self.file or "{year}" in self.file
        return re.compile(pattern + ("" if cut else STAMP) + PARTS, re.IGNORECASE)

    def file_name(self, year: int = 2013, extension: str = "csv") -> str:
        """A name under which a file of the table is found, for messages and examples."""
        stem = self.file.replace("{_flow}", f"_{year}").replace("{year}", f"{year % 100:02d}").replace("{digits}", "")
        return f"{stem}.{extension}"

    @cached_property
    def schema(self) -> pa.Schema:
        """The stored columns: the contract's, the delivered spellings that are kept, and where the row comes from."""
        stored = []
        for column in self.columns.values():
            stored.append(pa.field(column.name, column.kind.arrow))
            if column.source_value:
                stored.append(pa.field(column.name + DELIVERED, pa.string()))
        stored += [pa.field(SOURCE_FILE, pa.string()), pa.field(SOURCE_LINE, pa.int64())]
        return pa.schema(stored)


@dataclass(frozen=True)
class Signature:
    """A sign by which a layout is recognised: a file's name, or a table's header.

    Attributes:
        file: name of a delivered file, without extension, in capitals.
        table: name of a table whose header has and lacks these columns.
    """

    file: str | None = None
    table: str | None = None
    has: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Layout:
    """A way in which deliveries differ from the official one: overrides of contracts, nothing else.

    Attributes:
        recognised_by: any of these signs is enough.
        tables: the contracts with the overrides applied, by name.
    """

    name: str
    title: str
    recognised_by: tuple[Signature, ...]
    tables: Mapping[str, SndsTable]


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
