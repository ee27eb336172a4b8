"""SNDS deliveries to the OMOP CDM v5.4, as Dagster assets.

Importing this package costs nothing: `defs` is built when Dagster (or a reader) asks for it, so that a
researcher who wants one function does not load the orchestrator.
"""

from typing import Any

__all__ = ["defs"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "defs":
        from snds_omop_assets.definitions import defs

        return defs
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), "defs"]
