"""Where people live and who cares for them: communes, professionals, hospitals. The same for every block of people."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.contracts import geography
from snds_omop_assets.contracts.finess import with_key
from snds_omop_assets.synthetic.days import Ints
from snds_omop_assets.synthetic.scenario import Scenario

GEOGRAPHY = Path(geography.__file__).parent

POPULATED: Mapping[str, float] = {
    # INSEE's orders of magnitude for 2019, millions; the others have a third of a million
    "59": 2.6, "75": 2.2, "13": 2.0, "69": 1.9, "92": 1.6, "93": 1.6, "33": 1.6, "62": 1.5, "78": 1.4, "77": 1.4,
    "44": 1.4, "94": 1.4, "31": 1.4, "91": 1.3, "76": 1.3, "38": 1.3, "95": 1.2, "34": 1.2, "67": 1.1, "06": 1.1,
    "35": 1.1, "57": 1.0, "83": 1.1, "974": 0.9, "971": 0.4, "972": 0.4, "973": 0.3, "976": 0.3, "2A": 0.16, "2B": 0.18,
}  # fmt: skip
USUAL_POPULATION = 0.35

OVERSEAS_FINESS: Mapping[str, str] = {"971": "9701", "972": "9702", "973": "9703", "974": "9704", "976": "9800"}

CAPITALS: Mapping[str, tuple[int, ...]] = {"2A": (4, 41, 247), "2B": (33, 50, 96), "75": tuple(range(101, 121))}
USUAL_COMMUNES = (10, 28, 63, 120, 185, 231)
OVERSEAS_COMMUNES = (5, 9, 11, 20)

PROFESSIONS: Mapping[str, tuple[str, int, int, int]] = {
    # profession: third character of the number, PSE_SPE_COD, PSE_ACT_NAT, how many for 100 000 persons
    "gp": ("1", 1, 0, 90),
    "cardiologist": ("1", 3, 0, 10),
    "psychiatrist": ("1", 33, 0, 10),
    "pediatrician": ("1", 12, 0, 6),
    "gynecologist": ("1", 7, 0, 8),
    "radiologist": ("1", 6, 0, 10),
    "surgeon": ("1", 4, 0, 8),
    "anesthetist": ("1", 2, 0, 8),
    "oncologist": ("1", 73, 0, 3),
    "ophthalmologist": ("1", 15, 0, 7),
    "pulmonologist": ("1", 13, 0, 4),
    "specialist": ("1", 8, 0, 15),
    "dentist": ("4", 0, 19, 55),
    "midwife": ("5", 0, 21, 9),
    "nurse": ("6", 0, 24, 120),
    "physiotherapist": ("7", 0, 26, 95),
    "speech_therapist": ("9", 0, 28, 25),
    "orthoptist": ("9", 0, 29, 5),
    "podiatrist": ("8", 0, 27, 15),
    "pharmacy": ("2", 0, 50, 33),
    "laboratory": ("3", 0, 30, 6),
    "transporter": ("2", 0, 56, 8),
    "supplier": ("2", 0, 60, 8),
    "optician": ("2", 0, 62, 15),
    "fund": ("0", 0, 0, 1),
    "private_hospital": ("0", 0, 0, 1),
    "public_hospital": ("0", 0, 0, 1),
}
"""Doctors have a code of IR_SPE_V, everybody else one of IR_ACT_V."""

FEWEST = 3
"""Colleagues of a profession in each department, however few the people: a claim may be by the wrong one."""

HOSPITAL_KINDS = ("public", "private", "ssr", "had", "psy")
STATUS: Mapping[str, str] = {"public": "DGF", "private": "OQN", "ssr": "DGF", "had": "DGF", "psy": "DAF"}
CATEGORY: Mapping[str, int] = {"public": 355, "private": 365, "ssr": 135, "had": 127, "psy": 292}
NAMES: Mapping[str, str] = {
    "public": "CENTRE HOSPITALIER",
    "private": "CLINIQUE",
    "ssr": "CENTRE DE READAPTATION",
    "had": "HOSPITALISATION A DOMICILE",
    "psy": "CENTRE HOSPITALIER SPECIALISE",
}
GROUPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # department: legal number of the hospital group, some of the geographic numbers that sent its stays twice to 2017
    "75": ("750712184", ("750100042", "750100075", "750100125", "750803447")),
    "69": ("690781810", ("690784137", "690784152")),
    "13": ("130786049", ("130780521", "130783236")),
}
"""AP-HP, HCL, AP-HM (Health Data Hub, fiches/activite_en_double.md)."""

LAST_YEAR_TWICE = 2017
"""They sent twice to this year; HCL only from 2011, before the first year that is made here."""


@dataclass(frozen=True)
class Professionals:
    """Everybody who cares outside hospital stays, and the pharmacies, laboratories, transporters.

    Attributes:
        number: PFS_EXE_NUM, nine characters.
        profession: place in PROFESSIONS.
        specialty, activity: codes of IR_SPE_V and IR_ACT_V.
        starts: the first professional of each profession and department; sorted by both.
    """

    number: NDArray[np.str_]
    profession: Ints
    specialty: Ints
    activity: Ints
    starts: NDArray[np.int64]


@dataclass(frozen=True)
class Hospitals:
    """Every hospital.

    Attributes:
        number: FINESS of nine characters, as the PMSI has it (ETA_NUM).
        site: geographic FINESS (ETA_NUM_GEO).
        twice: the geographic numbers under which a stay may come again until 2017; empty for most.
        kind: place in HOSPITAL_KINDS.
        category: ETE_CAT_COD.
        name: SOC_RAI.
        starts: the first hospital of each kind and department; sorted by both.
    """

    number: NDArray[np.str_]
    site: NDArray[np.str_]
    twice: list[tuple[str, ...]]
    kind: Ints
    category: Ints
    name: NDArray[np.str_]
    starts: NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """Communes, professionals and hospitals of a scenario.

    Attributes:
        departments: INSEE codes (01, 2A, 971).
        commune_department: place in `departments` of each commune.
        commune: INSEE's five characters (75114, 2A004, 97105).
        inhabitants: share of the people in each commune.
    """

    scenario: Scenario
    departments: NDArray[np.str_]
    commune_department: Ints
    commune: NDArray[np.str_]
    inhabitants: NDArray[np.float64]

    @cached_property
    def professionals(self) -> Professionals:
        """Everybody who cares outside hospitals, by profession and department."""
        chance = self.scenario.chance("professionals")
        numbers, professions, starts = [], [], [0]
        population = self.department_population
        for place, (third, _, _, density) in enumerate(PROFESSIONS.values()):
            for department, share in zip(self.departments, population, strict=True):
                count = max(FEWEST, round(self.scenario.persons / 100_000 * density * share))
                for number in chance.choice(90_000, size=count, replace=False) + 10_000:
                    numbers.append(with_key(f"{_two(str(department))}{third}{number:05d}"))
                professions.append(np.full(count, place))
                starts.append(starts[-1] + count)
        profession = np.concatenate(professions)
        codes = np.array([(spe, act) for _, spe, act, _ in PROFESSIONS.values()])
        return Professionals(
            np.array(numbers), profession, codes[profession, 0], codes[profession, 1],
            np.array(starts[:-1]).reshape(len(PROFESSIONS), len(self.departments)),
        )  # fmt: skip

    @cached_property
    def hospitals(self) -> Hospitals:
        """Every hospital, by kind and department; a large department has several."""
        numbers: list[str] = []
        sites: list[str] = []
        twice: list[tuple[str, ...]] = []
        kinds, starts, names = [], [0], []
        for place, kind in enumerate(HOSPITAL_KINDS):
            for department, share in zip(self.departments, self.department_population, strict=True):
                count = 1 + round(60 * share) if kind in ("public", "private") else 1
                for place_there in range(count):
                    # The third and fourth figures keep clear of the numbers of professionals and hospital groups.
                    start = OVERSEAS_FINESS.get(str(department), f"{department}00")
                    number = with_key(f"{start}{5 + place}{place_there:03d}")
                    site = with_key(f"{start}{5 + place}{place_there + 500:03d}") if kind in ("ssr", "psy") else number
                    group = kind == "public" and place_there == 0 and str(department) in GROUPS
                    if group:
                        number, again = GROUPS[str(department)]
                        site = again[0]
                    twice.append(GROUPS[str(department)][1] if group else ())
                    numbers.append(number)
                    sites.append(site)
                    names.append(f"{NAMES[kind]} {department} {place_there + 1}")
                kinds.append(np.full(count, place))
                starts.append(starts[-1] + count)
        kind_of = np.concatenate(kinds)
        return Hospitals(
            np.array(numbers), np.array(sites), twice, kind_of,
            np.array([CATEGORY[kind] for kind in HOSPITAL_KINDS])[kind_of], np.array(names),
            np.array(starts[:-1]).reshape(len(HOSPITAL_KINDS), len(self.departments)),
        )  # fmt: skip

    @cached_property
    def department_population(self) -> NDArray[np.float64]:
        """The share of the people in each department."""
        shares = np.zeros(len(self.departments))
        np.add.at(shares, self.commune_department, self.inhabitants)
        return shares

    def professional(self, profession: str, department: Any, choice: Any) -> Ints:
        """Who of a profession in a department; the same choice gives the same one.

        Args:
            profession: a name of PROFESSIONS.
            department: places in `departments`.
            choice: any whole numbers, for example the person's: so that everybody has a usual doctor.
        """
        place = list(PROFESSIONS).index(profession)
        return _chosen(self.professionals.starts, len(self.professionals.number), place, department, choice)

    def hospital(self, kind: str, department: Any, choice: Any) -> Ints:
        """Which hospital of a kind in a department; the same choice gives the same one."""
        place = HOSPITAL_KINDS.index(kind)
        return _chosen(self.hospitals.starts, len(self.hospitals.number), place, department, choice)


def make_world(scenario: Scenario) -> World:
    """The world of a scenario."""
    with (GEOGRAPHY / "departments.csv").open(encoding="utf-8", newline="") as lines:
        known = [line["department"] for line in csv.DictReader(lines) if line["region"]]
    departments = [code for code in known if len(code) == 2 or code in OVERSEAS_FINESS]  # noqa: PLR2004
    places, codes, weights = [], [], []
    for place, code in enumerate(departments):
        communes = CAPITALS.get(code, OVERSEAS_COMMUNES if code in OVERSEAS_FINESS else USUAL_COMMUNES)
        share = POPULATED.get(code, USUAL_POPULATION) / len(communes)
        for commune in communes:
            places.append(place)
            codes.append(f"{code}{commune:02d}" if len(code) > 2 else f"{code}{commune:03d}")  # noqa: PLR2004
            weights.append(share)
    inhabitants = np.array(weights) / sum(weights)
    return World(scenario, np.array(departments), np.array(places), np.array(codes), inhabitants)


def _two(department: str) -> str:
    """The first two characters of the numbers of a department's professionals: figures, Corsica being 20."""
    return "20" if department in ("2A", "2B") else department[:2]


def _chosen(starts: NDArray[np.int64], total: int, place: int, department: Any, choice: Any) -> Ints:
    ends = np.append(starts.ravel()[1:], total).reshape(starts.shape)
    first = starts[place, department]
    # A multiplicative hash: neighbours in number are no neighbours in choice.
    mixed = (np.asarray(choice, np.int64) * 2_654_435_761 + place * 97) % 4_294_967_291
    chosen: Ints = first + mixed % (ends[place, department] - first)
    return chosen
