"""Diagnoses as hospitals write them, some with blanks or an extension."""

import numpy as np
import pyarrow as pa

from snds_omop_assets.synthetic.catalogue_files import Codes
from snds_omop_assets.synthetic.days import Ints
from snds_omop_assets.synthetic.pmsi.chaining import of_each
from snds_omop_assets.synthetic.settle import Settled

LENGTH, LONGEST_EXTENDED = 6, 4
"""Characters of the column; of the codes that an extension follows."""

EXTENSION = "+0"

PLAIN, PADDED, EXTENDED = range(3)


def spellings(settled: Settled, count: int, chance: np.random.Generator) -> Ints:
    """How each of some diagnoses is written: some have blanks at their end, some a French extension."""
    share = settled.lives.block.scenario.trap("diagnosis_extensions")
    spelling = np.where(chance.random(count) < share, chance.integers(PADDED, EXTENDED + 1, count), PLAIN)
    settled.lives.counts["diagnosis_extensions"] += int((spelling != PLAIN).sum())
    return spelling


def diagnosis_texts(codes: Codes, places: Ints, spelling: Ints) -> pa.Array:
    """Codes of the ICD-10 in their spelling; NULL where there is none.

    Args:
        codes: of the catalogue.
        places: in codes, or NO_CODE.
        spelling: PLAIN, PADDED or EXTENDED.
    """
    plain = codes.code.tolist()
    padded = [code and code.ljust(LENGTH) for code in plain]
    extended = [
        code + EXTENSION if 0 < len(code) <= LONGEST_EXTENDED else blank
        for code, blank in zip(plain, padded, strict=True)
    ]
    known = np.array([*plain, *padded, *extended, ""])
    return of_each(known, np.where(places < 0, len(known) - 1, places + spelling * len(plain)))
