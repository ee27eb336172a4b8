"""The contracts of the SNDS tables: one YAML file per table in snds/, and layouts that override them in layouts/.

A contract says how a table is found, which columns it has, what they mean, and which may be missing. It drives the
reading, the Pandera schema, the columns in the UI and the docs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from snds_omop_assets.contracts.column_types import COLUMN_TYPES, ColumnType
from snds_omop_assets.errors import ContractError

SNDS_CONTRACTS = Path(__file__).parent / "snds"
LAYOUTS = Path(__file__).parent / "layouts"

YEAR = r"(?:\d{4}|\d{2}|aa)"
"""The year in the name of a PMSI file: T_MCO13E, T_MCO2013E; in lists of tables, T_MCOaaE."""

FLOW = r"(?:_(?:\d{2}|\d{4}|\d{6}|\d{8})(?:_\d{1,3})?)?"
"""How DCIR files are cut: by year, month or day of flow, and into numbered parts."""

OFFICIAL = "official"
"""The layout of the CNAM's deliveries: the contracts of snds/ as they stand."""

DELIVERED = "_DELIVERED"
"""Suffix of the column that keeps a value as it was delivered, where an OMOP *_source_value needs it."""

SOURCE_FILE, SOURCE_LINE = "source_file", "source_line"
"""Where each stored row comes from: the file's path in the delivery, and its line there."""


@dataclass(frozen=True)
class Column:
    """One column of an SNDS table.

    Attributes:
        name: official name, in capitals.
        label: official French label.
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
    """

    name: str
    label: str
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
class SndsTable:
    """The contract of one SNDS table. Rows are what `about` says.

    Attributes:
        name: official name; `aa` (two digits of the year) is left out: T_MCOaaE is T_MCO_E.
        title: official French title.
        about: what one row is, in a sentence.
        file: pattern of the file's name without extension; `{year}` stands for YEAR, `{_flow}` for FLOW.
        group: first part of the asset key, `snds` or `nomenclatures`.
        key: columns that identify a row (those of them that were delivered).
        columns: the columns, by name.
        delivered: False where a layout does not have this table at all.
        may_be_empty: files without any row are accepted.
    """

    name: str
    title: str
    about: str
    file: str
    group: str
    key: tuple[str, ...]
    columns: Mapping[str, Column] = field(default_factory=dict)
    delivered: bool = True
    may_be_empty: bool = False

    @property
    def asset_key(self) -> list[str]:
        """The key of the table's asset: snds/ir_ben_r."""
        return [self.group, self.name.lower()]

    @cached_property
    def file_pattern(self) -> re.Pattern[str]:
        """Matches the file's name without its extension, in any case."""
        pattern = re.escape(self.file)
        pattern = pattern.replace(r"\{_flow\}", FLOW).replace(r"\{year\}", YEAR)
        return re.compile(pattern, re.IGNORECASE)

    @cached_property
    def schema(self) -> pa.Schema:
        """The stored columns: the contract's, the delivered spellings that are kept, and where the row comes from."""
        stored = []
        for column in self.columns.values():
            stored.append(pa.field(column.name, column.kind.arrow))
            if column.source_value:
                stored.append(pa.field(column.name + DELIVERED, pa.string()))
        stored += [pa.field(SOURCE_FILE, pa.string()), pa.field(SOURCE_LINE, pa.int64())]
        # What the checks must know of the contract goes with the file, so that they need no delivery.
        known = {"key": ",".join(self.key), "delivered": str(self.delivered)}
        return pa.schema(stored, metadata=known)


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


def official_tables(folder: Path = SNDS_CONTRACTS) -> dict[str, SndsTable]:
    """The contracts of the official layout, by table name, in the order of the files' names.

    Raises:
        ContractError: a contract file has an unknown attribute or type.
    """
    return {table.name: table for table in (_table(_read(path), path) for path in sorted(folder.glob("*.yaml")))}


def layouts(folder: Path = LAYOUTS) -> dict[str, Layout]:
    """The known layouts, by name; the official one first.

    Raises:
        ContractError: as `official_tables`, or a layout overrides a table or column that does not exist.
    """
    found = {OFFICIAL: Layout(OFFICIAL, "Official layout of the CNAM's deliveries", (), official_tables())}
    for path in sorted(folder.glob("*.yaml")):
        found[path.stem] = _layout(path)
    return found


def _layout(path: Path) -> Layout:
    raw = _read(path)
    tables = {p.stem.upper(): p for p in SNDS_CONTRACTS.glob("*.yaml")}
    merged = {name: _read(file) for name, file in tables.items()}
    for name, override in raw["tables"].items():
        if name not in merged:
            raise ContractError(f"{path.name}: there is no contract for a table {name} in contracts/snds.")
        merged[name] = _override(merged[name], override)
    signatures = tuple(
        Signature(s.get("file"), s.get("table"), frozenset(s.get("has", ())), frozenset(s.get("lacks", ())))
        for s in raw["recognised_by"]
    )
    return Layout(path.stem, raw["title"], signatures, {name: _table(merged[name], path) for name in sorted(merged)})


def _override(table: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Apply a layout's words to a table's: attributes replace, a column is merged, a column set to null is dropped."""
    columns = dict(table["columns"])
    for name, change in (override.get("columns") or {}).items():
        if change is None:
            columns.pop(name)
        else:
            columns[name] = {**columns.get(name, {}), **change}
    return {**table, **override, "columns": columns}


def _read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ContractError(f"{path.name}: a contract is a YAML mapping; this file has something else.")
    return content


def _table(raw: dict[str, Any], path: Path) -> SndsTable:
    columns = {name: _column(name, attributes, path) for name, attributes in raw["columns"].items()}
    key = tuple(raw["key"])
    if missing := [name for name in key if name not in columns]:
        raise ContractError(f"{path.name}: key column {missing[0]} of {raw['table']} is not among its columns.")
    # A key column may be left out of a delivery (BEN_RNG_GEM), so it is required only where its contract says so.
    return SndsTable(
        name=raw["table"],
        title=raw["title"],
        about=raw["about"],
        file=raw["file"],
        group=raw["group"],
        key=key,
        columns=columns,
        delivered=raw.get("delivered", True),
        may_be_empty=raw.get("may_be_empty", False),
    )


def _column(name: str, attributes: dict[str, Any], path: Path) -> Column:
    known = {f.name for f in fields(Column)}
    if unknown := sorted(set(attributes) - known):
        raise ContractError(f"{path.name}: column {name} has an unknown attribute {unknown[0]}.")
    if (kind := attributes.get("type", "text")) not in COLUMN_TYPES:
        raise ContractError(f"{path.name}: column {name} has an unknown type {kind}; known: {', '.join(COLUMN_TYPES)}.")
    return Column(
        name=name,
        **{
            **attributes,
            "aliases": tuple(attributes.get("aliases", ())),
            "missing": frozenset(str(text) for text in attributes.get("missing", ())),
        },
    )
