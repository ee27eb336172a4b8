"""Drugs and devices as hospitals write them."""

import numpy as np
import pyarrow as pa

from snds_omop_assets.synthetic.days import Ints
from snds_omop_assets.synthetic.pmsi.chaining import of_each
from snds_omop_assets.synthetic.settle import Settled

SHORT_UCD, FIGURES_OF_TIP = 7, 13

SHARE_BLANK = 0.1
"""Of the codes of devices that have a blank before them."""


def lpp(settled: Settled, codes: Ints, chance: np.random.Generator) -> dict[str, pa.Array]:
    """LPP_COD, where a blank stands before some codes, and TIP_PRS_IDE, which is the same with zeros before it."""
    known = settled.lives.codes.code
    blank = chance.random(len(codes)) < SHARE_BLANK
    return {
        "LPP_COD": of_each(np.append(known, np.char.add(" ", known)), codes + blank * len(known)),
        "TIP_PRS_IDE": of_each(np.char.zfill(known, FIGURES_OF_TIP), codes),
    }


def short_ucd(settled: Settled, codes: Ints) -> pa.Array:
    """The seven last figures of drugs' codes."""
    return of_each(np.array([code[-SHORT_UCD:] for code in settled.lives.codes.code.tolist()]), codes)
