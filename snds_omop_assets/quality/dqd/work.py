"""The work on one CDM while it is judged: what its tables hold, what was made on the way, what was found."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from snds_omop_assets.contracts.cdm_checks import CheckRule
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.quality.dqd.defined.looking import Definition, Join
from snds_omop_assets.quality.dqd.defined.pointing import CONCEPT
from snds_omop_assets.quality.dqd.shared_keys import rows_that_share
from snds_omop_assets.quality.dqd.stored_columns import StoredCdm


@dataclass(frozen=True)
class Counted:
    """What was found about a rule."""

    violated: int
    total: int
    seconds: float = 0.0


@dataclass(frozen=True)
class NotApplicable:
    """Why a rule says nothing about this CDM."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """Why a rule could not be counted."""

    reason: str
    seconds: float = 0.0


Finding = Counted | NotApplicable | Refused


@dataclass(frozen=True)
class Filled:
    """How many rows a table has, and how many of them have something in each column."""

    rows: int
    by_field: Mapping[str, int]
    seconds: float


@dataclass(frozen=True)
class Asked:
    """A rule that has to be counted, and its place among all rules."""

    place: int
    rule: CheckRule
    definition: Definition

    @property
    def of_concepts(self) -> bool:
        """Whether the rule asks of each row no more than which concept its field has."""
        return any(join.alias == CONCEPT for join in self.definition.joins)


@dataclass
class Judging:
    """The work on one CDM.

    Attributes:
        cdm: how the tables are read.
        filled: what the tables hold.
        used: the tables of which the concepts used are known, with the name of the step.
        made: the steps and views made so far, to be dropped in the end.
        joined: names of the steps of what rows point to, by what they select.
        shared: how many rows have a key that another has too, by rows and key, as far as keys were sorted.
    """

    session: Session
    cdm: StoredCdm
    today: dt.date
    filled: dict[str, Filled | Refused] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    joined: dict[str, str] = field(default_factory=dict)
    shared: dict[tuple[str, str], int] = field(default_factory=dict)

    def step(self, name: str, sql: str) -> str:
        """Compute a SELECT once; gives the name of the step."""
        self.session.step(name, sql)
        self.made.append(name)
        return name

    def things(self, join: Join) -> str:
        """The name of the step of what rows point to; of concepts, only those that are used."""
        if join.alias == CONCEPT:
            used = " UNION ".join(f"SELECT concept_id FROM {name}" for name in self.used.values())
            select = join.select(f"{join.thing} IN ({used})")
        elif join.has_numbers and self.sorts and not self.rows_that_share(join.rows, join.thing):
            select = join.select_rows()
        else:
            select = join.select()
        if select not in self.joined:
            self.joined[select] = self.step(f"dqd_things_{len(self.joined)}", select)
        return self.joined[select]

    @property
    def sorts(self) -> bool:
        """Whether keys are sorted here rather than grouped by the engine."""
        return not self.session.divides

    def rows_that_share(self, rows: str, key: str) -> int:
        """How many rows have a whole number that another row has, too."""
        if (rows, key) not in self.shared:
            self.shared[rows, key] = rows_that_share(self.session, rows, key)
        return self.shared[rows, key]


def refusal(error: Exception) -> str:
    """Why a query failed; the engine's own words may quote values of rows."""
    return f"The engine refused the query ({type(error).__name__}): run the query of this check to see why."
