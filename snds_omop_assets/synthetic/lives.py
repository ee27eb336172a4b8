"""What really happens to the people of a block: acts outside hospitals, stays, diseases. Files are made from it later.

Pathways write lives with a few verbs: `do` an act, `admit` somebody, `note` a diagnosis, `operate`, `give` a drug,
`implant` a device, `rehabilitate`, `register` a long-term disease. Everything takes arrays: one element per person.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.synthetic.catalogue_files import Catalogue, Codes, catalogue, codes
from snds_omop_assets.synthetic.days import NEVER, Days, Ints, day_of
from snds_omop_assets.synthetic.people import NOBODY, Flags, People
from snds_omop_assets.synthetic.scenario import Block
from snds_omop_assets.synthetic.world import World

MCO, SSR, HAD, PSY, EXTERNAL, EXTERNAL_SSR = range(6)
"""Kinds of stay; the last two are care without a stay, in a public hospital (one day)."""
STAY_KINDS = ("MCO", "SSR", "HAD", "PSY", "EXTERNAL", "EXTERNAL_SSR")

DIAGNOSIS, PROCEDURE, DRUG, TEMPORARY_DRUG, THROMBOLYTIC, DEVICE, LABORATORY, REHABILITATION, CONSULTATION = range(9)
"""What happens in a stay: an associated diagnosis, a CCAM act, an expensive drug (MED), one under temporary
authorisation (MEDATU), a thrombolytic (MEDTHROMBO; MEDCHL at home), a device, a NABM act, a CSARR act, a consultation
(ACT_COD)."""
ROLES = ("diagnosis", "procedure", "drug", "temporary_drug", "thrombolytic", "device", "laboratory",
         "rehabilitation", "consultation")  # fmt: skip

HOME, TRANSFER, DEATH = 8, 7, 9
"""ENT_MOD and SOR_MOD: from and to home, another hospital; dead."""

CSARR_BEGINS = day_of(2014)
"""T_SSRaaCSARR is there from 2014 on (schema-snds)."""

NO_CODE = -1

SURGERY, ANAESTHESIA = 1, 4
"""CAM_ACT_COD and ACV_ACT: what the operator does, and the anaesthetist."""


@dataclass
class Acts:
    """One row per act outside a hospital stay, or billed beside it by a private hospital.

    Attributes:
        person, day: whose, when; last_day: the last day of acts over several days (daily allowances).
        item: place in the catalogue.
        quantity: net, positive.
        professional: who did it, place in World.professionals; NOBODY where nobody does (a fund pays).
        prescriber: who ordered it, or NOBODY; prescribed: when.
        hospital: the facility where it was done, place in World.hospitals, or NOBODY.
        stay: row of Stays to which a line of a private hospital belongs, or NOBODY.
        activity: CAM_ACT_COD, 1 surgeon, 4 anaesthetist; 0 for what is no CCAM act.
    """

    person: Ints
    day: Days
    last_day: Days
    item: Ints
    quantity: Ints
    professional: Ints
    prescriber: Ints
    prescribed: Days
    hospital: Ints
    stay: Ints
    activity: Ints

    def __len__(self) -> int:
        """How many."""
        return len(self.person)


@dataclass
class Stays:
    """One row per stay in a hospital or at home under its care, or day of external care.

    Attributes:
        person, start, end: whose; first and last day.
        kind: a place in STAY_KINDS.
        hospital: place in World.hospitals.
        diagnosis, related: main and related diagnosis, places in Codes; NO_CODE for none.
        group: GHM, GME or GHT, place in Codes.
        unit: type of medical unit, place in Codes.
        entered, left: ENT_MOD and SOR_MOD; emergency: came through the emergency department.
        session: one of a series of sessions (CMD 28).
        partial: day hospital (SSR: HOS_TYP_UM 2; psychiatry: FOR_ACT 20 or more).
        mother: row of Stays of the mother, for a newborn; NOBODY.
    """

    person: Ints
    start: Days
    end: Days
    kind: Ints
    hospital: Ints
    diagnosis: Ints
    related: Ints
    group: Ints
    unit: Ints
    entered: Ints
    left: Ints
    emergency: Flags
    session: Flags
    partial: Flags
    mother: Ints

    def __len__(self) -> int:
        """How many."""
        return len(self.person)


@dataclass
class StayEvents:
    """One row per thing that happens in a stay.

    Attributes:
        stay: row of Stays.
        role: a place in ROLES.
        code: place in Codes.
        delay: days since the stay's first day.
        quantity: how many.
        activity, phase: of a CCAM act.
    """

    stay: Ints
    role: Ints
    code: Ints
    delay: Ints
    quantity: Ints
    activity: Ints
    phase: Ints

    def __len__(self) -> int:
        """How many."""
        return len(self.stay)


@dataclass
class Diseases:
    """One row per long-term disease (ALD).

    Attributes:
        person, start: whose, since when; end: NEVER for life.
        code: CIM-10, place in Codes.
        number: of the list of thirty.
        nature: IMB_ETM_NAT 41 on the list, 43 outside it, 45 several.
    """

    person: Ints
    start: Days
    end: Days
    code: Ints
    number: Ints
    nature: Ints

    def __len__(self) -> int:
        """How many."""
        return len(self.person)


class Lives:
    """The people of a block and what happens to them.

    Attributes:
        block, world, people: whose lives.
        catalogue, codes: what can happen.
        counts: how often each trap was set.
    """

    def __init__(self, block: Block, world: World, people: People) -> None:
        self.block, self.world, self.people = block, world, people
        self.catalogue: Catalogue = catalogue()
        self.codes: Codes = codes()
        self._acts: list[dict[str, Any]] = []
        self._stays: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []
        self._diseases: list[dict[str, Any]] = []
        self._stay_count = 0
        self.counts: Counter[str] = Counter(people.counts)

    @property
    def begins(self) -> int:
        """The first day that is lived."""
        return self.block.scenario.begins

    @property
    def ends(self) -> int:
        """The last day that is lived."""
        return self.block.scenario.last_day

    @property
    def years(self) -> float:
        """How many years are lived."""
        return (self.ends + 1 - self.begins) / 365.25

    def who(self, profession: str, persons: Any, choice: Any = 0) -> Ints:
        """The usual professional of somebody; another choice gives another one of the department."""
        persons = np.asarray(persons)
        number = self.people.first + persons + 7919 * np.asarray(choice)
        return self.world.professional(profession, self.people.department[persons], number)

    def where(self, kind: str, persons: Any, choice: Any = 0) -> Ints:
        """The usual hospital of somebody (public, private, ssr, had, psy)."""
        persons = np.asarray(persons)
        number = self.people.first + persons + 7919 * np.asarray(choice)
        return self.world.hospital(kind, self.people.department[persons], number)

    def do(
        self,
        persons: Any,
        day: Any,
        what: str | Any,
        *,
        quantity: Any = 1,
        by: Any = None,
        ordered_by: Any = NOBODY,
        ordered_on: Any = None,
        last_day: Any = None,
        hospital: Any = NOBODY,
        stay: Any = NOBODY,
        activity: Any = None,
    ) -> None:
        """An act: a nature of service (1111) or an item (ibuprofen_200), or places in the catalogue.

        Args:
            persons, day: whose, when.
            what: what is done.
            quantity: boxes, acts, units.
            by: who does it; by default the usual professional of the nature.
            ordered_by: the prescriber; ordered_on: the day of the prescription, by default the day of the act.
            last_day: of acts over several days.
            hospital, stay: see Acts.
            activity: CAM_ACT_COD; by default 1 for CCAM acts, and 4 for those of anaesthetists.
        """
        persons = np.atleast_1d(np.asarray(persons, np.int64))
        if not len(persons):
            return
        item = self.catalogue.places[what] if isinstance(what, str) else what
        item = np.broadcast_to(item, len(persons))
        if by is None:
            by = np.full(len(persons), NOBODY)
            professions = self.catalogue.profession[item]
            for profession in np.unique(professions):
                if profession and profession != "fund":
                    places = np.flatnonzero(professions == profession)
                    by[places] = self.who(str(profession), persons[places])
        if activity is None:
            act = self.catalogue.nomenclature[item] == "CCAM"
            activity = np.where(self.catalogue.profession[item] == "anesthetist", ANAESTHESIA, SURGERY) * act
        self._add(self._acts, len(persons), {
            "person": persons, "day": day, "last_day": day if last_day is None else last_day, "item": item,
            "quantity": quantity, "professional": by, "prescriber": ordered_by,
            "prescribed": day if ordered_on is None else ordered_on, "hospital": hospital, "stay": stay,
            "activity": activity,
        })  # fmt: skip

    def admit(
        self,
        persons: Any,
        start: Any,
        nights: Any,
        *,
        kind: int = MCO,
        diagnosis: str,
        group: str,
        unit: str,
        hospital: Any,
        related: str | None = None,
        entered: Any = HOME,
        left: Any = HOME,
        emergency: Any = False,
        session: Any = False,
        partial: Any = False,
        mother: Any = NOBODY,
    ) -> Ints:
        """Stays; gives their rows, for what happens in them. Codes are named "CIM10:M545", "GHM:08C471", "UM:53"."""
        persons = np.atleast_1d(np.asarray(persons, np.int64))
        place = self.codes.place
        self._add(self._stays, len(persons), {
            "person": persons, "start": start, "end": np.asarray(start) + nights, "kind": kind, "hospital": hospital,
            "diagnosis": place(diagnosis), "related": NO_CODE if related is None else place(related),
            "group": place(group), "unit": place(unit), "entered": entered, "left": left, "emergency": emergency,
            "session": session, "partial": partial, "mother": mother,
        })  # fmt: skip
        rows = self._stay_count + np.arange(len(persons))
        self._stay_count += len(persons)
        return rows

    def _happen(self, stays: Any, role: int, code: str, delay: Any, quantity: Any, activity: Any, phase: Any) -> None:
        stays = np.atleast_1d(np.asarray(stays, np.int64))
        self._add(self._events, len(stays), {
            "stay": stays, "role": role, "code": self.codes.place(code), "delay": delay, "quantity": quantity,
            "activity": activity, "phase": phase,
        })  # fmt: skip

    def note(self, stays: Any, code: str) -> None:
        """An associated diagnosis ("CIM10:E119")."""
        self._happen(stays, DIAGNOSIS, code, 0, 1, 0, 0)

    def operate(self, stays: Any, code: str, delay: Any = 0, activity: Any = 1, phase: Any = 0) -> None:
        """A CCAM act; with activity 4, the anaesthetist's part of the same act."""
        self._happen(stays, PROCEDURE, code, delay, 1, activity, phase)

    def give(self, stays: Any, code: str, delay: Any = 0, quantity: Any = 1, role: int = DRUG) -> None:
        """A drug that is paid beside the group ("UCD:...")."""
        self._happen(stays, role, code, delay, quantity, 0, 0)

    def implant(self, stays: Any, code: str, delay: Any = 0, quantity: Any = 1) -> None:
        """A device ("LPP:...")."""
        self._happen(stays, DEVICE, code, delay, quantity, 0, 0)

    def examine(self, stays: Any, code: str, delay: Any = 0, quantity: Any = 1) -> None:
        """A laboratory act of external care ("NABM:...")."""
        self._happen(stays, LABORATORY, code, delay, quantity, 0, 0)

    def rehabilitate(self, stays: Any, code: str, delay: Any = 0, quantity: Any = 1) -> None:
        """A CSARR act ("CSARR:...")."""
        self._happen(stays, REHABILITATION, code, delay, quantity, 0, 0)

    def consult(self, stays: Any, code: str) -> None:
        """A consultation of external care ("CONSULTATION:CS")."""
        self._happen(stays, CONSULTATION, code, 0, 1, 0, 0)

    def register(self, persons: Any, start: Any, code: str, number: Any, nature: Any = 41, end: Any = NEVER) -> None:
        """A long-term disease with its CIM-10 code and the number of the list of thirty."""
        persons = np.atleast_1d(np.asarray(persons, np.int64))
        self._add(self._diseases, len(persons), {
            "person": persons, "start": start, "end": end, "code": self.codes.place(code), "number": number,
            "nature": nature,
        })  # fmt: skip

    @staticmethod
    def _add(rows: list[dict[str, Any]], count: int, columns: Mapping[str, Any]) -> None:
        if count:
            rows.append({name: np.broadcast_to(np.asarray(value), count) for name, value in columns.items()})

    def acts(self) -> Acts:
        """Every act so far."""
        return Acts(**_joined(self._acts, Acts))

    def stays(self) -> Stays:
        """Every stay so far."""
        return Stays(**_joined(self._stays, Stays))

    def events(self) -> StayEvents:
        """Everything that happens in stays so far; rehabilitation before the CSARR has no code: it is not told."""
        found = StayEvents(**_joined(self._events, StayEvents))
        coded = (found.role != REHABILITATION) | (self.stays().start[found.stay] + found.delay >= CSARR_BEGINS)
        told: StayEvents = rows_of(found, coded)
        return told

    def diseases(self) -> Diseases:
        """Every long-term disease."""
        return Diseases(**_joined(self._diseases, Diseases))


def rows_of(table: Any, where: Any) -> Any:
    """The same table with some of its rows."""
    return type(table)(**{field.name: getattr(table, field.name)[where] for field in fields(table)})


def _joined(rows: list[dict[str, Any]], table: Any) -> dict[str, NDArray[Any]]:
    flags = ("emergency", "session", "partial")
    none: dict[str, NDArray[Any]] = {
        field.name: np.array([], np.bool_ if field.name in flags else np.int64) for field in fields(table)
    }
    return {name: np.concatenate([none[name], *(row[name] for row in rows)]) for name in none}
