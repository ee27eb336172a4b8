"""Geographic lists, see README.md in this folder."""

from pathlib import Path

DEPARTMENTS = Path(__file__).parent / "departments.csv"
CORSICA = Path(__file__).parent / "corsica.csv"
