"""What the referentials tell of persons: long-term diseases (IR_IMB_R) and causes of death (KI_CCI_R, KI_ECD_R).

The tables come whole, and their rows have no year of care: a disease may have started long before the data. So all
of them make one part of the CDM, whatever their dates.
"""

from pathlib import Path

from snds_omop_assets.engines.sessions import Session

STEPS = Path(__file__).parent / "referentials"

REFERENTIAL_TABLES = ("IR_IMB_R", "IR_BEN_R", "IR_BEN_R_ARC", "KI_CCI_R", "KI_ECD_R")
"""The received tables that the functions here read; those that were not received are empty."""

LONG_TERM_STEPS = ("identified", "long_term_rows", "long_term_events", "long_term_counts")
CERTIFICATE_STEPS = ("death_keys", "certificates")
CAUSE_STEPS = ("cause_rows", "cause_events", "cause_counts")


def judge_long_term(session: Session) -> None:
    """Make the long-term diseases.

    Reads IR_IMB_R, `identities` and `base`. Creates the steps

        long_term_events    rows are diseases (shapes.EVENTS): the last state of each
        long_term_counts    every row of IR_IMB_R by its rule (shapes.COUNTS)
    """
    _steps(session, LONG_TERM_STEPS)
    session.drop("long_term_rows", "identified")


def judge_certificates(session: Session) -> None:
    """Find who died by the certificates of the CépiDc.

    Reads KI_CCI_R, IR_BEN_R, IR_BEN_R_ARC and `identities`. Creates the step `certificates`: rows of KI_CCI_R with
    person_id, day, day_is_told, code (initial cause), source_value and rule (`death` for the one of each person).
    """
    _steps(session, CERTIFICATE_STEPS)
    session.drop("death_keys")


def judge_causes(session: Session) -> None:
    """Make the causes of death, but the initial ones.

    Reads KI_CCI_R, KI_ECD_R, IR_BEN_R, IR_BEN_R_ARC and `identities`. Creates the steps

        cause_events    rows are causes (shapes.EVENTS), each code of a person once
        cause_counts    every row of KI_CCI_R and KI_ECD_R by its rule (shapes.COUNTS)
    """
    judge_certificates(session)
    _steps(session, CAUSE_STEPS)
    session.drop("cause_rows", "certificates")


def _steps(session: Session, names: tuple[str, ...]) -> None:
    for name in names:
        session.drop(name)
        session.step(name, (STEPS / f"{name}.sql").read_text(encoding="utf-8"))
