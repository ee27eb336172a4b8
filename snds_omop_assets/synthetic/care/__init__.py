"""Pathways of care, one file each: what a disease or an event of life brings, in the order in which it happens."""

from collections.abc import Callable, Mapping

import numpy as np

from snds_omop_assets.synthetic.care import (
    acute_stays,
    asthma,
    cancer,
    dental,
    depression,
    diabetes,
    during_stays,
    end_of_life,
    external_care,
    hip_fracture,
    home_hospitalisation,
    hypertension,
    low_back_pain,
    pregnancy,
    private_stays,
    telehealth,
)
from snds_omop_assets.synthetic.lives import Lives

PATHWAYS: Mapping[str, Callable[[Lives, np.random.Generator], None]] = {
    "low_back_pain": low_back_pain.live,
    "diabetes": diabetes.live,
    "hypertension": hypertension.live,
    "asthma": asthma.live,
    "pregnancy": pregnancy.live,
    "hip_fracture": hip_fracture.live,
    "cancer": cancer.live,
    "depression": depression.live,
    "home_hospitalisation": home_hospitalisation.live,
    "end_of_life": end_of_life.live,
    "external_care": external_care.live,
    "acute_stays": acute_stays.live,
    "private_stays": private_stays.live,
    "dental": dental.live,
    "telehealth": telehealth.live,
    "during_stays": during_stays.live,
}
"""By the name of their file, in the order in which they are lived; what happens in all stays comes last."""
