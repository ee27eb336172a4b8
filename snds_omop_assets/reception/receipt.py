"""The receipt of one table of one year: what came, where each row went, and how the values look. The store's manifest.

A receipt holds counts of rows, names of columns and codes of nomenclatures: no identifier, no value of a person.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class FileReceipt:
    """What came of one file; `rows` is always `stored` plus `set_aside` plus `duplicates`.

    Attributes:
        file: path in the delivery.
        sha256, bytes: of the file.
        rows: rows of the file, counted apart from what became of them (physical lines, where it is a text).
        stored: rows in the store.
        set_aside: rows in the quarantine.
        duplicates: rows that repeat another one, removed.
        blank_lines: lines without any value, which are no rows.
        columns: names as delivered, if the contract knows them.
        received_as: delivered name by official name, where they differ.
        absent: columns of the contract that were not delivered.
        ignored: delivered columns that the contract does not know.
        written: encoding, separator, formats found.
        copy_of: another file with the same bytes, whose rows are stored in the place of these.
    """

    file: str
    sha256: str
    bytes: int
    rows: int = 0
    stored: int = 0
    set_aside: int = 0
    duplicates: int = 0
    blank_lines: int = 0
    columns: list[str] = field(default_factory=list)
    received_as: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    written: dict[str, Any] = field(default_factory=dict)
    copy_of: str | None = None


@dataclass
class Receipt:
    """What was received of one table and year, and what it looks like.

    Attributes:
        table: official name.
        year: None where the table comes whole.
        version: name of the folder that holds the data: changes with the files and with the contract.
        layout: name of the layout.
        files: one receipt per file.
        rejects: how many rejects by "column|action|reason"; the column is empty for a whole row.
        normalised: values spelled otherwise than delivered, by column.
        not_given: values that stand for "no value" (1600-01-01, code 0), by column.
        nulls: stored rows without a value, by column.
        outside: values that the nomenclature of their column does not have, by column.
        outside_codes: the most frequent of these codes, by column.
        months: stored rows by month (YYYY-MM) of the contract's `month` column.
        codes: rows by code, for columns with few codes; rare codes together (as the next: before duplicates go).
        sizes: stored rows by order of magnitude of a number (exponent of two, with its sign).
        key: columns of the contract's key that were delivered.
        vanished: files of the version before that were not delivered any more.
        before: version that this one replaced.
        drift: what changed since the version before, or the year before; see reception/drift.py.
    """

    table: str
    year: int | None
    version: str
    layout: str = "official"
    files: list[FileReceipt] = field(default_factory=list)
    rejects: dict[str, int] = field(default_factory=dict)
    normalised: Counter[str] = field(default_factory=Counter)
    not_given: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)
    outside_codes: dict[str, list[str]] = field(default_factory=dict)
    months: Counter[str] = field(default_factory=Counter)
    codes: dict[str, dict[str, int]] = field(default_factory=dict)
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)
    key: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    before: str | None = None
    drift: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows of the files."""
        return sum(file.rows for file in self.files)

    @property
    def stored(self) -> int:
        """Rows in the store."""
        return sum(file.stored for file in self.files)

    @property
    def described(self) -> int:
        """Rows over which NULLs, codes and sizes are counted: before duplicates are removed."""
        return sum(file.stored + file.duplicates for file in self.files if file.copy_of is None)

    @property
    def set_aside(self) -> int:
        """Rows in the quarantine."""
        return sum(file.set_aside for file in self.files)

    @property
    def duplicates(self) -> int:
        """Rows removed because they repeat another one."""
        return sum(file.duplicates for file in self.files)

    @property
    def columns(self) -> set[str]:
        """Columns of the contract that at least one file has."""
        return {column for file in self.files for column in file.columns}

    def rejected(self, action: str) -> dict[str, int]:
        """Rejects with an action, by "column: reason"."""
        found = {}
        for key, rows in self.rejects.items():
            column, done, reason = key.split("|", maxsplit=2)
            if done == action:
                found[f"{column}: {reason}" if column else reason] = rows
        return found

    def nulled(self) -> Counter[str]:
        """Values set to NULL because they are wrong, by column."""
        found: Counter[str] = Counter()
        for key, rows in self.rejects.items():
            column, done, _ = key.split("|", maxsplit=2)
            if done == "value set to NULL":
                found[column] += rows
        return found

    def to_json(self) -> str:
        """The manifest's text; the same receipt gives the same text."""
        content = {**vars(self), "files": [asdict(file) for file in self.files]}
        return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Receipt":
        """Read a manifest."""
        raw = json.loads(text)
        raw["files"] = [FileReceipt(**file) for file in raw["files"]]
        for name in ("normalised", "not_given", "nulls", "outside", "months"):
            raw[name] = Counter(raw[name])
        return cls(**raw)
