"""A process' own folder: alone in it, gone at its end, and the next one removes what a killed one left."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from snds_omop_assets.engines.own_folder import own_folder

HOLDS = """
import sys, time
from pathlib import Path
from snds_omop_assets.engines.own_folder import own_folder
with own_folder(Path(sys.argv[1]), "spark") as folder:
    (folder / "step").write_text("rows")
    print(folder.name, flush=True)
    time.sleep(60)
"""


def test_the_folder_is_gone_at_the_end_whatever_happened(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), own_folder(tmp_path / "spill", "spark") as folder:
        (folder / "step").write_text("rows")
        _ = 1 / 0
    assert list((tmp_path / "spill").iterdir()) == []


def test_two_at_a_time_do_not_meet(tmp_path: Path) -> None:
    with own_folder(tmp_path, "spark") as one, own_folder(tmp_path, "spark") as other:
        assert one != other
        assert one.is_dir()


@pytest.mark.process
def test_what_a_killed_process_left_is_removed_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLDS, str(tmp_path)]
    killed, living = (subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2))
    try:
        assert killed.stdout is not None
        assert living.stdout is not None
        left, kept = killed.stdout.readline().strip(), living.stdout.readline().strip()
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert (tmp_path / left / "step").exists(), "a kill leaves it"
        with own_folder(tmp_path, "spark"):
            assert not (tmp_path / left).exists()
            assert (tmp_path / kept / "step").exists()
    finally:
        for process in (killed, living):
            process.kill()
            process.wait()
