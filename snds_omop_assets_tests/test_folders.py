"""Folders written aside: the old one or the new one, whatever happens."""

from pathlib import Path

import pytest

from snds_omop_assets.io_managers.folders import (
    fingerprint_of_files,
    folder_written_aside,
    made_of,
    note_made,
    recover,
    recover_all,
)


def test_a_folder_takes_the_place_of_the_one_before_as_a_whole(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with folder_written_aside(tmp_path / "2018") as aside:
            (aside / f"{text}.txt").write_text(text)
    assert [file.name for file in (tmp_path / "2018").iterdir()] == ["second.txt"]
    assert [folder.name for folder in tmp_path.iterdir()] == ["2018"]


def test_a_writing_that_fails_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    with folder_written_aside(tmp_path / "2018") as aside:
        (aside / "whole.txt").write_text("whole")
    with pytest.raises(RuntimeError), folder_written_aside(tmp_path / "2018") as aside:
        (aside / "half.txt").write_text("half")
        raise RuntimeError
    assert [file.name for file in (tmp_path / "2018").iterdir()] == ["whole.txt"]
    assert [folder.name for folder in tmp_path.iterdir()] == ["2018"]


def test_a_run_killed_between_the_two_renames_leaves_the_old_folder_to_be_found(tmp_path: Path) -> None:
    (tmp_path / ".2018.old").mkdir()
    (tmp_path / ".2018.old" / "old.txt").write_text("old")
    recover(tmp_path / "2018")
    assert [file.name for file in (tmp_path / "2018").iterdir()] == ["old.txt"]


def test_a_run_killed_after_the_second_rename_keeps_the_new_folder(tmp_path: Path) -> None:
    for name in ("2018", ".2018.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name.strip('.')}.txt").write_text("")
    recover_all(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == ["2018"]
    assert [file.name for file in (tmp_path / "2018").iterdir()] == ["2018.txt"]


def test_a_folder_says_what_it_was_made_of_and_an_absent_one_nothing(tmp_path: Path) -> None:
    note_made(tmp_path, "abc", rows=3)
    assert made_of(tmp_path) == {"fingerprint": "abc", "rows": 3}
    assert made_of(tmp_path / "absent") == {}


def test_a_change_in_a_rule_changes_the_fingerprint_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "rule.sql").write_text("SELECT 1")
    before = fingerprint_of_files(tmp_path)
    (tmp_path / "remark.txt").write_text("no rule")
    assert fingerprint_of_files(tmp_path) == before
    (tmp_path / "rule.sql").write_text("SELECT 2")
    assert fingerprint_of_files(tmp_path) != before
