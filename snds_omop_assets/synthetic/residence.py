"""How the DCIR and IR_BEN_R write where somebody lives and who insures them (Health Data Hub,
fiches/localisation_geographique_beneficiaires.md)."""

import numpy as np
from numpy.typing import NDArray

from snds_omop_assets.synthetic.days import Ints
from snds_omop_assets.synthetic.people import AGRICULTURAL, INDEPENDENT, SCHEMES
from snds_omop_assets.synthetic.world import World

UNKNOWN_COMMUNE = "999"
OVERSEAS = "97"
CORSICA = ("2A", "2B")
CORSICA_IN_DCIR = "209"


def residence(world: World, commune: Ints, scheme: Ints) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.str_]]:
    """BEN_RES_DPT, BEN_RES_COM and ORG_AFF_BEN of persons.

    Args:
        world: the communes.
        commune: places in World.commune.
        scheme: places in people.SCHEMES.
    """
    known: dict[tuple[int, int], tuple[str, str, str]] = {}
    pairs, places = np.unique(np.asarray(commune) * len(SCHEMES) + scheme, return_inverse=True)
    for pair in pairs.tolist():
        known[pair] = _written(str(world.commune[pair // len(SCHEMES)]), pair % len(SCHEMES))
    written = np.array([known[pair] for pair in pairs.tolist()], np.str_).reshape(len(pairs), 3)[places]
    return written[:, 0], written[:, 1], written[:, 2]


def _written(commune: str, scheme: int) -> tuple[str, str, str]:
    """One commune of INSEE in one scheme: the rules of the page, read backwards."""
    department, number = commune[:2], commune[2:]
    if department in CORSICA:
        return CORSICA_IN_DCIR, number, f"{SCHEMES[scheme]}20{1 + CORSICA.index(department)}000"
    if department != OVERSEAS:
        return f"0{department}", number, f"{SCHEMES[scheme]}{department}1000"
    island = commune[:3]
    organism = f"{SCHEMES[scheme]}{island}000"
    if scheme == AGRICULTURAL:
        return island, number, organism  # 97 of the department, three of the commune
    if scheme == INDEPENDENT:
        return island, f"1{number[1:]}", organism  # all of the department, the last two of the commune
    return "097", number, organism
