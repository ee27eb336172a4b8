"""The people of a block: families first, then the numbers under which they are known."""

from snds_omop_assets.synthetic.families import make_families
from snds_omop_assets.synthetic.identifiers import identify
from snds_omop_assets.synthetic.people import People
from snds_omop_assets.synthetic.scenario import Block
from snds_omop_assets.synthetic.world import World


def make_people(block: Block, world: World) -> People:
    """The people of a block and their identifiers."""
    people = make_families(block, world)
    identify(people, block, world)
    return people
