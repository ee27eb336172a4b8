"""Hypertension: one French person in six takes drugs for it, more than half of those above 75.

GP every three months (a third: every six), who orders one or two antihypertensive drugs, some with a statin or aspirin,
fetched monthly or for three months; a yearly control of kidneys and salts at the laboratory; for some a cardiologist
once a year (1114) with the electrocardiogram (DEQP003). It is there on the first day and stays; no long-term disease
since 2011.

Frequency: orders of magnitude of Esteban (Santé publique France) and of reimbursed antihypertensive drugs.
"""

import numpy as np

from snds_omop_assets.synthetic.care.seasons import rhythm
from snds_omop_assets.synthetic.care.verbs import act, dispense, happens, items, order, prevalent, until
from snds_omop_assets.synthetic.lives import Lives

SHARES = {18: 0.002, 35: 0.02, 50: 0.14, 65: 0.36, 80: 0.55, 95: 0.55}
FIRST = {"ramipril_5": 3, "perindopril_5": 3, "irbesartan_150": 3, "valsartan_hctz": 2, "amlodipine_5": 3}
SECOND = {"amlodipine_5": 2, "bisoprolol_25": 3, "furosemide_40": 1}
OTHER = {"atorvastatin_20": 4, "pravastatin_40": 2, "aspirin_75": 3}
HALF_YEARLY, MONTHLY, TWO_DRUGS, OTHER_DRUG, CARDIOLOGIST, MEASURED = 0.4, 0.4, 0.4, 0.35, 0.2, 0.01
QUARTER = 91
MONTHS = 3


def live(lives: Lives, chance: np.random.Generator) -> None:
    """Hypertension of the block."""
    persons = prevalent(lives, "hypertension", SHARES, chance)
    count = len(persons)
    rare = happens(HALF_YEARLY, count, chance)
    every = np.where(rare, 2 * QUARTER, QUARTER)
    first = lives.begins + chance.integers(0, every, count)
    which, visits = rhythm(first, until(lives, persons), every, chance, wobble=7)
    patients = persons[which]
    act(lives, patients, visits, "1111")

    monthly = happens(MONTHLY, count, chance)
    months = np.where(rare, 2 * MONTHS, MONTHS)
    times = np.where(monthly, months, months // MONTHS)[which]
    every, boxes = np.where(monthly, 30, QUARTER)[which], np.where(monthly, 1, MONTHS)[which]
    for names, share in ((FIRST, 1.0), (SECOND, TWO_DRUGS), (OTHER, OTHER_DRUG)):
        drug = items(lives, names, count, chance)[which]
        some = happens(share, count, chance)[which]
        dispense(
            lives, patients[some], visits[some], drug[some], chance, times=times[some], every=every[some],
            boxes=boxes[some],
        )  # fmt: skip

    yearly = happens(np.where(rare, 1 / 2, 1 / 4)[which], len(which), chance)
    for item in ("creatinine", "ionogram", "lipid_profile"):
        order(lives, patients[yearly], visits[yearly], item, chance, within=(10, 10))

    some = happens(CARDIOLOGIST, count, chance)
    which, visits = rhythm(first[some] + 60, until(lives, persons[some]), 365, chance, wobble=40)
    patients = persons[some][which]
    by = lives.who("cardiologist", patients)
    act(lives, patients, visits, "1114", by=by, ordered_by=lives.who("gp", patients), ordered_on=visits - 30)
    act(lives, patients, visits, "ecg", by=by)
    some = happens(MEASURED, len(patients), chance)
    act(lives, patients[some], visits[some], "holter_ecg", by=by[some])
