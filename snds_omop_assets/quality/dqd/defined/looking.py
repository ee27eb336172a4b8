"""What a check looks at and what it counts: the words in which the definitions are written.

In the conditions `t` is the row that is looked at; the joins add one row of what is known of the thing it points to.
"""

import datetime as dt
from dataclasses import dataclass

from snds_omop_assets.contracts.cdm_checks import CheckRule
from snds_omop_assets.quality.dqd.stored_columns import StoredCdm

EVERY, NEVER = "TRUE", "FALSE"


@dataclass(frozen=True)
class Fact:
    """What is known of a thing.

    Attributes:
        name: its name in conditions.
        value: what a row of the thing says.
        of_several: the aggregate that makes one value of several rows, and of one row its value.
    """

    name: str
    value: str
    of_several: str


@dataclass(frozen=True)
class Join:
    """What is known of the things that rows point to, one row each.

    Attributes:
        alias: its name in conditions; `key_id` is NULL there where the row points to nothing that is there.
        key: the value of the row that points to the thing.
        rows: the table of the things, or a SELECT in brackets, as `t`.
        thing: the key of the things.
        facts: what is known of one.
        has_numbers: whether the key of the things is a whole number.
    """

    alias: str
    key: str
    rows: str
    thing: str
    facts: tuple[Fact, ...] = ()
    has_numbers: bool = False

    def select(self, of: str = EVERY) -> str:
        """One row per thing that fulfils a condition."""
        facts = "".join(f", {fact.of_several}({fact.value}) AS {fact.name}" for fact in self.facts)
        return f"SELECT {self.thing} AS key_id{facts} FROM {self.rows} AS t WHERE {of} GROUP BY {self.thing}"

    def select_rows(self) -> str:
        """The same where no thing has several rows."""
        facts = "".join(f", {fact.value} AS {fact.name}" for fact in self.facts)
        return f"SELECT {self.thing} AS key_id{facts} FROM {self.rows} AS t"

    def clause(self, select: str | None = None) -> str:
        """The JOIN; the things may have been selected before, under a name."""
        things = select or f"({self.select()})"
        return f"LEFT JOIN {things} AS {self.alias} ON {self.alias}.key_id = {self.key}"


@dataclass(frozen=True)
class Definition:
    """What is counted.

    Attributes:
        violated: condition that a violating row fulfils.
        of: condition of the rows that the check looks at; None for all rows of the table, whatever `t` is.
        rows: what `t` is: the table, or a SELECT in brackets.
        joins: what the conditions need beside the row.
        weight: how many rows of the table a row of `t` stands for.
        shared: a whole number; the violating rows are those that share it with another row. Empty where there is none.
        query: lists the violating rows; empty where the conditions say it.
    """

    violated: str
    of: str | None
    rows: str
    joins: tuple[Join, ...] = ()
    weight: str = ""
    shared: str = ""
    query: str = ""

    @property
    def is_of_table(self) -> bool:
        """Whether `t` is a row of a table."""
        return not self.rows.startswith("(")

    @property
    def listed(self) -> str:
        """A SELECT that lists the violating rows."""
        if self.query:
            return self.query
        return " ".join(
            [f"SELECT t.* FROM {self.rows} AS t", *(join.clause() for join in self.joins), f"WHERE {self.violated}"]
        )


@dataclass(frozen=True)
class Looked:
    """A rule, the CDM that it looks at, and the day on which it does. The CDM has the table and the field."""

    rule: CheckRule
    cdm: StoredCdm
    today: dt.date

    @property
    def rows(self) -> str:
        """The rows of the rule's table."""
        return self.cdm.rows(self.rule.table)

    @property
    def field(self) -> str:
        """The field of the rule."""
        return self.rule.field or ""

    @property
    def value(self) -> str:
        """The value of that field."""
        return self.own(self.field)

    @property
    def stored(self) -> str:
        """What is stored in that field, whether or not it can be read."""
        return self.cdm.raw(self.rule.table, self.field)

    @property
    def argument(self) -> str:
        """What the rule compares with."""
        return self.rule.argument or ""

    @property
    def pointed(self) -> tuple[str, str]:
        """The table and the field that the argument names."""
        table, _, field = self.argument.partition(".")
        return table, field

    def own(self, field: str) -> str:
        """The value of another field of the same row."""
        return self.cdm.value(self.rule.table, field)

    def defined(self, violated: str, of: str = EVERY, *joins: Join) -> Definition:
        """A definition on the rows of the table."""
        return Definition(violated, of, self.rows, joins)
