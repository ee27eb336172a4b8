"""Questions about stored files: when they are asked again, by this process and by the next one."""

import itertools
import os
from pathlib import Path

import pytest

from snds_omop_assets.reception import once


def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a new process, which remembers nothing."""
    for memory in ("_answers", "_kept"):
        monkeypatch.setattr(once, memory, {})


def test_a_file_that_was_written_again_in_place_is_asked_again(tmp_path):
    file, answers = tmp_path / "file", iter([(1,), (2,)])
    file.write_text("rows")
    first = [once.asked_once("how many", [file], lambda: next(answers)) for _ in range(2)]
    file.write_text("more rows")
    assert [*first, once.asked_once("how many", [file], lambda: next(answers))] == [(1,), (1,), (2,)]


@pytest.fixture
def asked(monkeypatch):
    """Asks as a new process about a file of a warehouse; gives which time it was that anything was asked."""
    answers = itertools.count(1)

    def ask(warehouse: Path, file: str = "file", question: str = "how many rows of {file}?") -> int:
        forgotten(monkeypatch)
        path = warehouse / file
        (answer,) = once.asked_once(question.format(file=path), [path], lambda: (next(answers),), warehouse)
        return answer

    return ask


def test_the_next_process_need_not_ask(asked, tmp_path):
    (tmp_path / "file").write_text("rows")
    assert [asked(tmp_path), asked(tmp_path)] == [1, 1]


def test_another_question_is_asked(asked, tmp_path):
    (tmp_path / "file").write_text("rows")
    assert [asked(tmp_path), asked(tmp_path, question="how many persons?")] == [1, 2]


@pytest.mark.parametrize("text", ["more rows", "sowr"])
def test_a_file_that_was_written_again_is_asked_again(asked, tmp_path, text):
    file = tmp_path / "file"
    file.write_text("rows")
    first, before = asked(tmp_path), file.stat().st_mtime_ns
    file.write_text(text)
    os.utime(file, ns=(before + 1, before + 1))
    assert [first, asked(tmp_path)] == [1, 2]


def test_a_warehouse_that_was_moved_keeps_its_answers(asked, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").write_text("rows")
    first = asked(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    assert [first, asked(tmp_path / "new")] == [1, 1]


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda text: text[:-10],
        lambda text: text[:-60] + b"\xff" * 60,
        lambda text: text.splitlines()[0] + b"\n[]\nnull",
    ],
    ids=["cut", "no text", "something else"],
)
def test_a_line_that_was_spoilt_is_asked_again_and_the_others_are_not(asked, tmp_path, spoilt):
    for name in ("file", "other"):
        (tmp_path / name).write_text("rows")
    first = [asked(tmp_path), asked(tmp_path, "other")]
    kept = tmp_path / once.KEPT
    kept.write_bytes(spoilt(kept.read_bytes()))
    again = [asked(tmp_path), asked(tmp_path, "other")]
    assert (first, again) == ([1, 2], [1, 3])


def test_a_warehouse_that_may_not_be_written_is_asked_each_time(asked, tmp_path):
    (tmp_path / "file").write_text("rows")
    (tmp_path / once.KEPT).mkdir(parents=True)  # nothing can be added to a folder, whoever tries
    assert [asked(tmp_path), asked(tmp_path)] == [1, 2]


def test_what_a_process_remembers_is_kept_as_well(monkeypatch, tmp_path):
    """Reception asks before there is a place in the warehouse, the checks ask the same afterwards."""
    file, answers = tmp_path / "file", itertools.count(1)
    file.write_text("rows")
    once.asked_once("how many", [file], lambda: (next(answers),))
    once.asked_once("how many", [file], lambda: (next(answers),), tmp_path)
    forgotten(monkeypatch)
    assert once.asked_once("how many", [file], lambda: (next(answers),), tmp_path) == (1,)
