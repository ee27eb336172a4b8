"""Errors for people: each message is one sentence that says what is wrong, where, and what to do.

No message holds an identifier or a value of a person. Dagster's own error types are not used here, so that the
functions serve without Dagster; `steward.said_plainly` turns these into a Dagster Failure.
"""


class SndsOmopError(Exception):
    """Anything that a person can put right; its text is the whole story."""


class SettingsError(SndsOmopError):
    """A setting (environment variable) is wrong."""


class DeliveryError(SndsOmopError):
    """A delivery cannot be received: a file or a column is missing, empty or unreadable."""


class ContractError(SndsOmopError):
    """A contract file is wrong, or a table does not have the columns and types of its contract."""


class EngineError(SndsOmopError):
    """An engine (Java, Spark, DuckDB) is missing or refuses to start."""


class StoreError(SndsOmopError):
    """The warehouse cannot be written: the disk is full, or the account has no right to."""


class VocabularyError(SndsOmopError):
    """A download of vocabularies or a file of maps cannot be used."""
