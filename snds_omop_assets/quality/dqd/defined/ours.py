"""What this project asks of its own tables beyond OHDSI (contracts/cdm_own_checks.py)."""

from snds_omop_assets.quality.dqd.defined.looking import NEVER, Definition, Looked


def text_length(look: Looked) -> Definition:
    """Texts that are longer than the CDM allows; of the texts."""
    return look.defined(f"length({look.value}) > {look.argument}", f"{look.value} IS NOT NULL")


def reference_without_table(look: Looked) -> Definition:
    """Values that point to a table which is not there; of all rows."""
    table, _ = look.pointed
    return look.defined(NEVER if look.cdm.has(table) else f"{look.stored} IS NOT NULL")


def empty_required_field(look: Looked) -> Definition:
    """Nothing: the look into the table settles whether a required field has no value at all."""
    return look.defined(NEVER)
