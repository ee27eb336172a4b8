"""What a contract of an SNDS table is; contract_files.py reads them.

A contract says how a table is found, which columns it has, what they mean, and which may be missing. It drives the
reading, the Pandera schema, the columns in the UI and the docs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from snds_omop_assets.contracts.column_types import COLUMN_TYPES, ColumnType

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
