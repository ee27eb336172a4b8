"""What the tables of the PMSI have in common."""

from typing import Final

RETURN_CODES: Final = (
    "NIR_RET", "NAI_RET", "SEX_RET", "SEJ_RET", "FHO_RET", "PMS_RET", "DAT_RET", "COH_NAI_RET", "COH_SEX_RET",
    "IAS_RET", "ENT_DAT_RET",
)  # fmt: skip
"""The return codes of the chaining, which must all be 0 for work on persons; NULL is 0. Stays have the first nine,
external care the first three and the last two (HDH documentation, requete_type_pmsi)."""
