"""Folders written aside: a folder of files takes the place of the one before as a whole, and says what it was made of.

    claims/2019/made.json            what it was made of: a fingerprint, and what there is to tell
    claims/2019/lines/2018/...       its files

A rename cannot replace a folder that is not empty: the old one is moved out of the way first. A run that is killed
between the two renames leaves the old folder under its hidden name, and whoever looks next brings it back.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MADE = "made.json"
OLD, NEW = ".old", ".new"


@contextmanager
def folder_written_aside(folder: Path) -> Iterator[Path]:
    """Give an empty hidden folder beside `folder`, and let it take its place when the block ends well."""
    recover(folder)
    new = folder.with_name(f".{folder.name}{NEW}")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        replace_folder(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def replace_folder(new: Path, folder: Path) -> None:
    """Put a folder in the place of another."""
    old = folder.with_name(f".{folder.name}{OLD}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def recover(folder: Path) -> None:
    """Bring back the folder that a killed run had moved out of the way, if it did."""
    old = folder.with_name(f".{folder.name}{OLD}")
    if old.exists():
        if not folder.exists():
            old.rename(folder)
        else:
            shutil.rmtree(old, ignore_errors=True)


def recover_all(parent: Path) -> None:
    """`recover` every folder of a folder."""
    for old in parent.glob(f".*{OLD}"):
        recover(parent / old.name[1 : -len(OLD)])


def note_made(folder: Path, fingerprint: str, **told: Any) -> None:
    """Say what a folder was made of."""
    (folder / MADE).write_text(json.dumps({"fingerprint": fingerprint, **told}), encoding="utf-8")


def made_of(folder: Path) -> Mapping[str, Any]:
    """What `note_made` said; empty where the folder is not there or says nothing."""
    try:
        found: Mapping[str, Any] = json.loads((folder / MADE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return found


def fingerprint(told: Any) -> str:
    """A short text that changes when what is told changes (anything that JSON can hold)."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def fingerprint_of_files(*paths: Path) -> str:
    """A short text that changes when the content of a file does, or of a file in a folder (SQL, CSV and Python)."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(f for f in path.rglob("*") if f.suffix in (".sql", ".csv", ".py")) if path.is_dir() else [path]
        for file in files:
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
