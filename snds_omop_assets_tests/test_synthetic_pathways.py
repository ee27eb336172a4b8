"""Pathways of synthetic care happen to living people, in the order of medicine, and the same way each time."""

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from snds_omop_assets.synthetic.care import PATHWAYS
from snds_omop_assets.synthetic.care.seasons import days_by_season, open_day, rhythm, steps
from snds_omop_assets.synthetic.days import day_of, month_in_year
from snds_omop_assets.synthetic.lives import (
    DEATH,
    DIAGNOSIS,
    EXTERNAL,
    HAD,
    MCO,
    PSY,
    REHABILITATION,
    SSR,
    TRANSFER,
    Lives,
)
from snds_omop_assets.synthetic.people import NOBODY, WOMAN, People
from snds_omop_assets.synthetic.population import make_people
from snds_omop_assets.synthetic.scenario import Scenario
from snds_omop_assets.synthetic.world import World, make_world

SCENARIO = Scenario(persons=3000, years=(2019, 2020))


@cache
def _people() -> tuple[World, People]:
    world = make_world(SCENARIO)
    return world, make_people(next(SCENARIO.blocks), world)


def _live(pathway: str, frequency: float = 1.0) -> Lives:
    world, people = _people()
    scenario = replace(SCENARIO, pathways={pathway: frequency})
    lives = Lives(next(scenario.blocks), world, people)
    PATHWAYS[pathway](lives, scenario.chance(pathway))
    return lives


lived = cache(_live)


def _items(lives: Lives, *names: str) -> np.ndarray:
    return np.isin(lives.acts().item, [lives.catalogue.places[name] for name in names])


@pytest.mark.parametrize("pathway", [name for name in PATHWAYS if name != "during_stays"])
def test_only_who_lives_is_cared_for(pathway):
    lives = lived(pathway)
    acts, stays, events, diseases = lives.acts(), lives.stays(), lives.events(), lives.diseases()
    for person, first, last in ((acts.person, acts.day, acts.last_day), (stays.person, stays.start, stays.end)):
        assert (first <= last).all()
        assert (first >= lives.begins).all() and (last <= lives.ends).all()
        assert lives.people.alive(first, person).all() and lives.people.alive(last, person).all()
    assert (acts.quantity >= 1).all() and (acts.prescribed <= acts.day).all()
    assert ((events.stay >= 0) & (events.stay < len(stays))).all()
    assert (events.delay <= (stays.end - stays.start)[events.stay]).all() and (events.delay >= 0).all()
    assert (diseases.start >= lives.people.birth[diseases.person]).all() and (diseases.start <= lives.ends).all()
    drugs = np.isin(lives.catalogue.nomenclature[acts.item], ["CIP13", "NABM", "LPP"])
    assert (acts.prescriber[drugs] != NOBODY).all()
    assert len(acts) + len(stays)


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_the_same_chance_gives_the_same_lives(pathway):
    one, again = lived(pathway), _live(pathway)
    for name in ("acts", "stays", "events", "diseases"):
        table, other = getattr(one, name)(), getattr(again, name)()
        assert all(np.array_equal(getattr(table, f.name), getattr(other, f.name)) for f in fields(table))


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_without_frequency_nothing_happens(pathway):
    lives = _live(pathway, 0.0)
    assert not len(lives.acts()) + len(lives.stays()) + len(lives.diseases())


def test_all_pathways_leave_room_for_background_care():
    people = _people()[1]
    first, last = np.maximum(people.birth, SCENARIO.begins), np.minimum(people.death, SCENARIO.last_day)
    years = np.maximum(last - first + 1, 0).sum() / 365.25
    lines = sum(len(lived(pathway).acts()) for pathway in PATHWAYS) / years
    assert 5 < lines < 0.3 * SCENARIO.lines
    kinds = sum(np.bincount(lived(pathway).stays().kind, minlength=6) for pathway in PATHWAYS) / years
    for kind, low, high in ((MCO, 0.1, 0.25), (EXTERNAL, 0.4, 0.6), (SSR, 0.006, 0.025), (HAD, 0.001, 0.007),
                            (PSY, 0.003, 0.016)):  # fmt: skip
        assert low < kinds[kind] < high


def test_the_xray_follows_the_consultation_within_ten_days():
    lives = _live("low_back_pain", 3.0)
    acts = lives.acts()
    seen = set(zip(acts.person[_items(lives, "1111")], acts.day[_items(lives, "1111")], strict=True))
    xrays = _items(lives, "xray_lumbar_spine")
    late = xrays & (acts.prescribed >= lives.begins)
    assert xrays.sum() > 50
    assert set(zip(acts.person[late], acts.prescribed[late], strict=True)) <= seen
    assert ((acts.day - acts.prescribed)[xrays] >= 1).all() and ((acts.day - acts.prescribed)[xrays] <= 10).all()


def test_diabetes_brings_hba1c_every_quarter_and_insulin_only_by_prescription():
    lives = lived("diabetes")
    acts = lives.acts()
    person, times = np.unique(acts.person[_items(lives, "hba1c")], return_counts=True)
    whole = (lives.people.death > lives.ends)[person]
    assert 6 <= np.median(times[whole]) <= 11
    assert (lives.people.age(acts.person, acts.day) >= 18).all()
    assert (lives.diseases().number == 8).all()


def test_asthma_is_worse_in_winter():
    lives = _live("asthma", 3.0)
    month = month_in_year(lives.acts().day[_items(lives, "prednisolone_20")])
    assert np.isin(month, (12, 1, 2)).sum() > 1.5 * np.isin(month, (6, 7, 8)).sum()


def test_every_newborn_leaves_with_its_mother():
    lives = lived("pregnancy")
    people, stays = lives.people, lives.stays()
    newborn = np.flatnonzero(stays.mother != NOBODY)
    mothers = stays.mother[newborn]
    assert len(newborn) > 20
    assert (stays.person[mothers] == people.mother[stays.person[newborn]]).all()
    assert (stays.start[newborn] == people.birth[stays.person[newborn]]).all()
    for column in (stays.start, stays.end, stays.hospital):
        assert (column[newborn] == column[mothers]).all()
    deliveries = np.flatnonzero(stays.mother == NOBODY)
    assert len(np.unique(stays.person[deliveries])) == len(deliveries)  # one of the mother, of twins too
    care = _items(lives, "ultrasound_pregnancy_t1")
    born = people.birth >= lives.begins
    birth = dict(zip(people.mother[born], people.birth[born], strict=True))
    assert all(birth[p] - 280 < day < birth[p] for p, day in
               zip(lives.acts().person[care], lives.acts().day[care], strict=True))  # fmt: skip


def test_rehabilitation_starts_the_day_the_acute_stay_ends():
    lives = _live("hip_fracture", 5.0)
    stays, events = lives.stays(), lives.events()
    acute, ssr = stays.kind == MCO, stays.kind == SSR
    assert ssr.sum() > 10
    assert (stays.left[acute] == TRANSFER).sum() == ssr.sum() and (stays.entered[ssr] == TRANSFER).all()
    sent = acute & (stays.left == TRANSFER)
    assert sorted(zip(stays.person[sent], stays.end[sent], strict=True)) == sorted(
        zip(stays.person[ssr], stays.start[ssr], strict=True)
    )
    assert (stays.kind[events.stay[events.role == REHABILITATION]] == SSR).all()
    anaesthesia = events.stay[events.activity == 4]
    assert sorted(anaesthesia) == list(np.flatnonzero(acute))


def test_chemotherapy_of_breast_cancer_follows_surgery():
    lives = _live("cancer", 8.0)
    stays, codes = lives.stays(), lives.codes
    breast = codes.place("CIM10:C509")
    chemotherapy = np.flatnonzero(stays.session & (stays.related == breast))
    surgery = dict(zip(*[column[stays.diagnosis == breast] for column in (stays.person, stays.start)], strict=True))
    assert len(chemotherapy) > 30
    assert (lives.people.sex[stays.person[chemotherapy]] == WOMAN).all()
    assert (stays.diagnosis[chemotherapy] == codes.place("CIM10:Z511")).all()
    assert (stays.start == stays.end)[chemotherapy].all()
    assert all(surgery[stays.person[row]] + 30 < stays.start[row] for row in chemotherapy)
    _, number = np.unique(stays.person[chemotherapy], return_counts=True)
    assert number.max() <= 12
    hormone = lives.acts().person[_items(lives, "letrozole_25")]
    assert set(hormone) <= set(surgery)


def test_home_care_and_death_close_what_came_before():
    stays = _live("home_hospitalisation", 3.0).stays()
    acute, home = stays.kind == MCO, (stays.kind == HAD) & (stays.entered == TRANSFER)
    assert sorted(zip(stays.person[acute], stays.end[acute], strict=True)) == sorted(
        zip(stays.person[home], stays.start[home], strict=True)
    )
    lives = lived("end_of_life")
    stays = lives.stays()
    last = stays.left == DEATH
    assert last.sum() > 10 and (stays.kind[last] == MCO).all()
    assert (stays.end[last] == lives.people.death[stays.person[last]]).all()
    deaths = ((lives.people.death >= lives.begins) & (lives.people.death <= lives.ends)).sum()
    assert 0.35 < last.sum() / deaths < 0.7


def test_dialysis_comes_three_times_a_week():
    lives = _live("acute_stays", 8.0)
    stays = lives.stays()
    dialysis = stays.session
    person, times = np.unique(stays.person[dialysis], return_counts=True)
    whole = lives.people.death[person] > lives.ends
    weeks = (lives.ends - lives.begins) / 7
    assert whole.any() and np.allclose(times[whole], 3 * weeks, atol=4)


def test_clinics_bill_each_stay_and_each_surgeon_has_an_anaesthetist():
    lives = _live("private_stays", 2.0)
    acts, stays = lives.acts(), lives.stays()
    clinic = stays.kind == MCO
    kind = lives.world.hospitals.kind[stays.hospital[clinic]]
    assert len(np.unique(kind)) == 1
    bills = _items(lives, "2111")
    assert sorted(acts.stay[bills]) == list(np.flatnonzero(clinic))
    billed = acts.stay != NOBODY
    assert (acts.hospital[billed] == stays.hospital[acts.stay[billed]]).all()
    assert (acts.person[billed] == stays.person[acts.stay[billed]]).all()
    surgeon, anaesthetist = billed & (acts.activity == 1), billed & (acts.activity == 4)
    assert sorted(acts.stay[surgeon]) == sorted(acts.stay[anaesthetist]) and surgeon.any()


def test_teleconsultations_begin_with_the_lockdown():
    days = lived("telehealth").acts().day
    assert (days > day_of(2020, 3, 15)).sum() > 10 * (days <= day_of(2020, 3, 15)).sum()


def test_psychiatric_stays_are_for_depression_and_some_by_day():
    lives = _live("depression", 3.0)
    stays = lives.stays()
    assert (stays.kind == PSY).all() and 0 < stays.partial.sum() < len(stays)
    assert not (lives.events().role == DIAGNOSIS).any()


def test_days_and_series():
    chance = np.random.default_rng(0)
    days = days_by_season(20_000, day_of(2019), day_of(2020) - 1, "school", chance)
    month = np.bincount(month_in_year(days), minlength=13)
    assert month[8] == month[1:].min() and days.min() >= day_of(2019) and days.max() < day_of(2020)
    ends = np.full(500, day_of(2019, 2))
    late = days_by_season(500, ends - 5, ends, "winter", chance)
    assert (late >= ends - 5).all() and (late <= ends).all()
    assert open_day(np.array([day_of(2024, 6, 9), day_of(2024, 6, 10)])).tolist() == [day_of(2024, 6, 10)] * 2
    which, step = steps(np.array([2, 0, 3]))
    assert which.tolist() == [0, 0, 2, 2, 2] and step.tolist() == [0, 1, 0, 1, 2]
    which, visits = rhythm(np.array([0, 0]), np.array([20, -1]), 10, chance)
    assert which.tolist() == [0, 0, 0] and np.diff(visits).min() >= 9
