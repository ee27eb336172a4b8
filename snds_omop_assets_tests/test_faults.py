"""What goes wrong around a reception: kills, full disks, folders without rights, files that change, two runs at once.

Everything is real: processes that are killed, writes that fail, accounts without rights. After each fault the store is
as before, or has the new version whole.
"""

import errno
import functools
import gc
import hashlib
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.definitions import build_defs
from snds_omop_assets.reception import reading
from snds_omop_assets.reception.deliveries import receive_delivery
from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.reception.store import Store
from snds_omop_assets.settings import PROJECT, Settings
from snds_omop_assets_tests.invented_dcir import write_invented_dcir

pytestmark = pytest.mark.process

SNDS_OMOP = Path(sys.executable).with_name("snds-omop")
NOBODY = 65534
LITTLE = 1000
"""Bytes that a file may have on the full disk of the tests."""

MOMENTS = random.Random(20190101)

FULL = r"The disk of the warehouse is full: make room in {}\S* and run again"
NO_RIGHT = r"The warehouse may not be read or written: give this account the right to, for {}"
CHANGED = r"changed while it was read: it may still be on its way"
SPOILT = r"{} was written by another version of snds_omop_assets or by hand: remove"
BUSY = r"Another run is writing {}\S*: wait for its end and run again"

NURSERY = """
    import contextlib, encodings.cp437, gc, json, os, resource, shutil, signal, sys, traceback
    from pathlib import Path

    import snds_omop_assets.run  # with all that a reception needs
    from snds_omop_assets import cli
    from snds_omop_assets.errors import SndsOmopError
    from snds_omop_assets.reception import quarantine, receive, store
    from snds_omop_assets.reception.deliveries import receive_delivery
    from snds_omop_assets.reception.delivery import open_delivery

    WRITES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")
    PLACES = {
        "start": None,
        "rows": (store.PartWriter, "_flush"),
        "rejects": (quarantine.Quarantine, "add"),
        "duplicates": (receive, "without_duplicates"),
        "commit": (store.Place, "commit"),
    }

    def work(job):
        if "limit" in job:
            disk_gets_full(job["limit"], PLACES[job.get("at", "start")])
        if "step" in job:
            die_at(job["step"], job["warehouse"])
        if "temporary" in job:
            os.environ["TMPDIR"] = job["temporary"]
        if "uid" in job:
            with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                called(job["warm"])
            os.seteuid(job["uid"])
        return called(job)

    def called(job):
        if "words" in job:
            try:
                cli.main(job["words"])
            except SystemExit as end:
                return end.code
        try:
            received = receive_delivery(open_delivery(Path(job["delivery"])), store.Store(Path(job["warehouse"])))
        except SndsOmopError as error:
            print("Error:", error)
            return 2
        for where, sentence in received.errors.items():
            print(f"Error: {where}: {sentence}")
        return 2 if received.errors else 0

    def disk_gets_full(limit, place):
        def fill():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if place is None:
            return fill()
        before = getattr(*place)

        def then(*words):
            fill()
            return before(*words)

        setattr(*place, then)

    def die_at(step, warehouse):
        steps = 0

        def hook(event, words):
            nonlocal steps
            if event in WRITES or (event == "open" and isinstance(words[1], str) and set(words[1]) & set("wax")):
                if str(words[0]).startswith(warehouse) and "/logs" not in str(words[0]):
                    steps += 1
                    if steps == step:
                        os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)

    print("ready", flush=True)
    for line in sys.stdin:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(writing, 1)
            os.dup2(writing, 2)
            code = 70
            try:
                code = work(json.loads(line))
            except BaseException:
                traceback.print_exc()
            gc.collect()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        os.close(writing)
        print(pid, flush=True)
        sys.stdin.readline()  # until then the process is not waited for, and its id is not another's
        with open(reading, errors="replace") as file:
            said = file.read()
        print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said]), flush=True)
"""


class Nursery:
    """A process that has imported everything, and forks a new process for each job: a start costs no time."""

    def __init__(self, **settings):
        environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "1000", **settings}
        environment.pop("DAGSTER_HOME", None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(NURSERY)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=environment,
        )  # fmt: skip
        self.is_ready = self.is_busy = False

    def start(self, **job):
        """Start a job; gives the id of its process."""
        if not self.is_ready:
            assert self.process.stdout.readline() == "ready\n"
            self.is_ready = True
        if self.is_busy:
            self.end()  # a test that failed did not wait
        self.is_busy = True
        self.process.stdin.write(json.dumps(job, default=str) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self):
        """Wait for the job; gives its exit code and all that it said."""
        self.process.stdin.write("end\n")
        self.process.stdin.flush()
        code, said = json.loads(self.process.stdout.readline())
        self.is_busy = False
        return code, said

    def run(self, **job):
        """Start a job and wait for it."""
        self.start(**job)
        return self.end()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def nurseries():
    both = Nursery(), Nursery()
    yield both
    for nursery in both:
        nursery.close()


@pytest.fixture(scope="module")
def nursery(nurseries):
    return nurseries[0]


@pytest.fixture(scope="module")
def invented(tmp_path_factory, nurseries):
    """Deliveries: two that take a second or two, smaller ones, and two of IR_BEN_R alone."""
    folder = tmp_path_factory.mktemp("invented")
    for name, persons in {"large": 2500, "larger": 2600, "medium": 400, "other_medium": 450, "small": 100}.items():
        write_invented_dcir(folder / name, persons)
        shutil.rmtree(folder / name / ".spill", ignore_errors=True)
    for name, oldest in {"patients": 1930, "other_patients": 1931}.items():
        write_patients(folder / name, oldest)
    return folder


def write_patients(folder, oldest):
    """IR_BEN_R with a row that repeats another one and a row whose year of birth is wrong."""
    folder.mkdir()
    rows = [f"{hashlib.md5(str(i).encode()).hexdigest()[:17]};1;{oldest + i % 80}" for i in range(3000)]
    lines = ["BEN_NIR_PSA;BEN_RNG_GEM;BEN_NAI_ANN", *rows, rows[7], rows[8].replace(rows[8][-4:], "x")]
    (folder / "IR_BEN_R.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def undisturbed(invented, tmp_path_factory):
    """Warehouses in which deliveries were received one after the other, by the names of the deliveries."""
    made = {}

    def warehouse(*names):
        if names and names not in made:
            folder = tmp_path_factory.mktemp("undisturbed") / "warehouse"
            copied(warehouse(*names[:-1]), folder)
            assert received(invented / names[-1], folder) == {}
            made[names] = folder
        return made.get(names)

    return warehouse


def received(delivery, warehouse, on_table=None):
    """Receive in this process; gives the errors."""
    return receive_delivery(open_delivery(delivery), Store(warehouse), on_table=on_table).errors


def copied(warehouse, folder):
    """A copy of a warehouse that a test may disturb; nothing where there is none."""
    if warehouse is not None:
        shutil.copytree(warehouse, folder)
    return folder


def contents(warehouse):
    """The sha256 of every file, by path; the log and the report tell of the faults."""
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(warehouse.rglob("*"))
        if path.is_file() and (name := path.relative_to(warehouse)).parts[0] not in ("logs", "reception")
    }


def hidden(warehouse):
    """What is left of something unfinished."""
    return [path for path in warehouse.rglob("*") if path.name.startswith(".") or ".unique" in path.name]


def shown(warehouse, delivery):
    """What the store shows of the tables of a delivery: the receipt and the files that it says are there."""
    store, found = Store(warehouse), {}
    opened = open_delivery(delivery)
    for name in opened.tables:
        table = store.table(opened.table(name))
        if table is None:
            continue
        assert sum(pq.read_table(file).num_rows for file in table.files) == sum(r.stored for r in table.receipts)
        files = [*table.files, *(place.quarantine for place in table.places)]
        found[name] = (
            [receipt.to_json() for receipt in table.receipts],
            [(file.relative_to(warehouse), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files],
        )
    return found


shown_undisturbed = functools.cache(shown)


def assert_whole(warehouse, delivery, *allowed):
    """Each table is as in one of the allowed warehouses; None allows that it is not there."""
    now = shown(warehouse, delivery)
    versions = [{} if one is None else shown_undisturbed(one, delivery) for one in allowed]
    for name in open_delivery(delivery).tables:
        assert now.get(name) in [version.get(name) for version in versions], f"{name} is not whole"


def said_well(said, sentence):
    """One sentence for people and no stack trace; rich may break lines."""
    assert "Traceback" not in said, said
    assert re.search(sentence, " ".join(said.split())), said


# --- kills


@pytest.mark.parametrize(("names", "kills"), [(("large",), 10), (("large", "larger"), 1)], ids=["first", "replacing"])
def test_a_reception_killed_at_any_moment_is_made_good_by_the_next(
    tmp_path, nursery, invented, undisturbed, names, kills
):
    before, after, delivery = undisturbed(*names[:-1]), undisturbed(*names), invented / names[-1]
    started = time.monotonic()
    warehouse = copied(before, tmp_path / "measured")
    assert nursery.run(delivery=delivery, warehouse=warehouse) == (0, "")
    duration = time.monotonic() - started
    assert contents(warehouse) == contents(after), "an undisturbed run is not reproducible"
    for number in range(kills):
        moment, code = duration * (number + MOMENTS.random()) / kills, 0
        while code != -signal.SIGKILL:
            warehouse = copied(before, tmp_path / f"killed {number} {moment:.3f}")
            process = nursery.start(delivery=delivery, warehouse=warehouse)
            time.sleep(moment)
            os.kill(process, signal.SIGKILL)
            code, _ = nursery.end()
            moment *= 0.8  # where it had ended before
        assert_whole(warehouse, delivery, before, after)
        assert received(delivery, warehouse) == {}
        assert contents(warehouse) == contents(after), f"killed after {moment / 0.8:.3f} s of {duration:.3f}"
        assert hidden(warehouse) == []


@pytest.mark.parametrize("names", [("patients",), ("patients", "other_patients")], ids=["first", "replacing"])
def test_a_reception_killed_at_any_of_its_steps_is_made_good_by_the_next(
    tmp_path, nursery, invented, undisturbed, names
):
    """A step is a folder that is made, a file that is opened to be written, a renaming or a removal."""
    before, after, delivery = undisturbed(*names[:-1]), undisturbed(*names), invented / names[-1]
    step, code, wrong = 0, -signal.SIGKILL, []
    while code == -signal.SIGKILL:
        step += 1
        warehouse = copied(before, tmp_path / f"step {step}")
        code, said = nursery.run(delivery=delivery, warehouse=warehouse, step=step)
        assert_whole(warehouse, delivery, before, after)
        assert received(delivery, warehouse) == {}
        if contents(warehouse) != contents(after) or hidden(warehouse):
            wrong.append((step, sorted(map(str, contents(warehouse).keys() ^ contents(after).keys()))))
    assert code == 0, said
    assert step > 6
    assert wrong == []


# --- full disks


@pytest.mark.parametrize("at", ["start", "rows", "rejects", "duplicates", "commit"])
def test_a_disk_that_gets_full_is_said_and_leaves_the_store_as_before(tmp_path, nursery, invented, undisturbed, at):
    before = undisturbed("patients")
    warehouse = copied(before, tmp_path / "warehouse")
    code, said = nursery.run(delivery=invented / "other_patients", warehouse=warehouse, limit=LITTLE, at=at)
    said_well(said, FULL.format(re.escape(str(warehouse))))
    assert code == 2
    assert contents(warehouse) == contents(before)
    assert hidden(warehouse) == []
    assert received(invented / "other_patients", warehouse) == {}
    assert contents(warehouse) == contents(undisturbed("patients", "other_patients"))


@pytest.mark.parametrize("names", [("medium",), ("small", "medium")], ids=["first", "replacing"])
def test_a_small_disk_is_said_and_leaves_the_store_as_before(tmp_path, nursery, invented, undisturbed, names):
    before, after = undisturbed(*names[:-1]), undisturbed(*names)
    room = bytes_of(before) + bytes_of(after / "snds" / "er_prs_f") // 2
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"only root may mount a small disk: {mounted.stderr.strip()}; the test above fills one otherwise")
    try:
        warehouse = copied(before, disk / "warehouse")
        code, said = nursery.run(delivery=invented / "medium", warehouse=warehouse)
        said_well(said, r"ER_PRS_F 2019: " + FULL.format(re.escape(str(warehouse))))
        assert code == 2
        # the tables that fit are there
        assert_whole(warehouse, invented / "medium", before, after)
        assert not any("er_prs_f" in name.parts for name in contents(warehouse).keys() - contents(before or disk / "x"))
        assert hidden(warehouse) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def bytes_of(folder):
    """What a folder takes on a disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*")) if folder else 0


def full_disk():
    """Called in a new process."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LITTLE, LITTLE))


def test_snds_omop_receive_says_that_the_disk_is_full(tmp_path, invented, undisturbed):
    warehouse = copied(undisturbed("patients"), tmp_path / "warehouse")
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "1000"}
    environment.pop("DAGSTER_HOME", None)
    answer = subprocess.run(
        [SNDS_OMOP, "receive", invented / "other_patients", "--warehouse", warehouse],
        env=environment, cwd=PROJECT, capture_output=True, text=True, check=False, preexec_fn=full_disk,
    )  # fmt: skip
    said_well(answer.stdout + answer.stderr, FULL.format(re.escape(str(warehouse / "snds" / "ir_ben_r"))))
    assert answer.returncode == 2
    assert contents(warehouse) == contents(undisturbed("patients"))
    assert hidden(warehouse) == []


@pytest.mark.parametrize("limit", [LITTLE, 300, 0], ids=["table", "log", "no temporary folder"])
def test_check_delivery_says_that_the_temporary_folder_cannot_be_written(
    tmp_path, nursery, invented, undisturbed, limit
):
    warehouse = copied(undisturbed("patients"), tmp_path / "warehouse")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = ["check-delivery", invented / "other_patients", "--warehouse", warehouse]
    code, said = nursery.run(words=words, limit=limit, temporary=temporary)
    said_well(said, r"temporary folder.*TMPDIR")
    assert code == 2
    assert contents(warehouse) == contents(undisturbed("patients"))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("command", ["function", "receive"])
def test_a_log_that_cannot_be_written_is_said(tmp_path, nursery, invented, undisturbed, command):
    warehouse = copied(undisturbed("patients"), tmp_path / "warehouse")
    shutil.rmtree(warehouse / "logs")
    (warehouse / "logs").write_text("not a folder")
    words = {"words": ["receive", invented / "other_patients", "--warehouse", warehouse]}
    job = {"delivery": invented / "other_patients", "warehouse": warehouse, **(words if command == "receive" else {})}
    code, said = nursery.run(**job)
    said_well(said, re.escape(str(warehouse / "logs")))
    assert code == 2
    assert_whole(warehouse, invented / "patients", undisturbed("patients"), undisturbed("patients", "other_patients"))
    assert hidden(warehouse) == []
    (warehouse / "logs").unlink()
    assert received(invented / "other_patients", warehouse) == {}
    assert contents(warehouse) == contents(undisturbed("patients", "other_patients"))


def test_a_full_log_does_not_hide_why_a_table_was_refused(tmp_path, nursery, invented):
    delivery = copied(invented / "patients", tmp_path / "delivery")
    (delivery / "IR_BEN_R.csv").write_bytes(b"")
    code, said = nursery.run(delivery=delivery, warehouse=tmp_path / "warehouse", limit=0)
    said_well(said, r"IR_BEN_R\.csv is empty")
    assert code == 2


# --- rights


@pytest.fixture
def open_folder():
    """A folder that every account may enter; pytest's own are for one account."""
    folder = Path(tempfile.mkdtemp(prefix="snds_test_"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def rights(path, mode):
    """Change the rights of a file or folder for a while."""
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


@pytest.fixture
def as_nobody(nursery, invented, tmp_path):
    """Receives as an account without rights. It changes its id after one reception: it may not read what it imports."""

    def receive(**job):
        if os.geteuid() == 0:
            warm = {"delivery": invented / "patients", "warehouse": tmp_path / "warm"}
            if "words" in job:
                warm["words"] = [job["words"][0], invented / "patients", "--warehouse", tmp_path / "warm"]
            job |= {"uid": NOBODY, "warm": warm}
        return nursery.run(**job)

    return receive


@pytest.mark.parametrize(
    ("what", "mode", "sentence"),
    [
        ("parent/delivery/IR_BEN_R.csv", 0, r"IR_BEN_R\.csv may not be read by this account: give it the right to"),
        (
            "parent/delivery/ER_ETE_F_2019.zip",
            0,
            r"ER_ETE_F_2019\.zip.* may not be read.*: give (it|this account) the right",
        ),
        ("parent/delivery/2020", 0, r"2020 .*may not be read: give this account the right to"),
        ("parent/delivery/2020", 0o644, r"delivery.* may not be read: give this account the right to"),
        ("parent/delivery", 0, r"delivery.* may not be read: give this account the right to"),
        ("parent/delivery", 0o711, r"delivery.* may not be read: give this account the right to"),
        ("parent", 0, r"delivery.* may not be read: give this account the right to"),
    ],
)
def test_what_may_not_be_read_of_a_delivery_is_said(
    open_folder, as_nobody, invented, undisturbed, what, mode, sentence
):
    delivery, warehouse = (
        open_folder / "parent" / "delivery",
        copied(undisturbed("patients"), open_folder / "warehouse"),
    )
    shutil.copytree(invented / "other_patients", delivery)
    (delivery / "2020").mkdir()
    shutil.copy(invented / "small" / "ER_CAM_F_2019.csv", delivery / "2020" / "ER_CAM_F_2020.csv")
    with zipfile.ZipFile(delivery / "ER_ETE_F_2019.zip", "w") as archive:
        archive.write(invented / "small" / "ER_ETE_F_2019.csv", "ER_ETE_F_2019.csv")
    open_to_all(warehouse)
    with rights(open_folder / what, mode):
        code, said = as_nobody(delivery=delivery, warehouse=warehouse)
    said_well(said, sentence)
    assert code == 2
    if what.endswith(".zip"):  # the other tables are received
        after = undisturbed("patients", "other_patients")
        assert_whole(warehouse, invented / "other_patients", undisturbed("patients"), after)
        assert not (warehouse / "snds" / "er_ete_f").exists()
    else:
        of_patients = {name: sha for name, sha in contents(warehouse).items() if "ir_ben_r" in name.parts}
        assert of_patients == contents(undisturbed("patients"))
    assert hidden(warehouse) == []


def open_to_all(warehouse):
    """Every account may write it."""
    for path in (warehouse, *warehouse.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


@pytest.mark.parametrize("command", ["function", "receive", "check-delivery"])
def test_a_warehouse_that_may_not_be_written_is_said(open_folder, as_nobody, invented, undisturbed, command):
    """Who may read it may check a delivery against it."""
    delivery, warehouse = copied(invented / "other_patients", open_folder / "delivery"), open_folder / "warehouse"
    copied(undisturbed("patients"), warehouse)
    for path in (warehouse, *warehouse.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    words = {} if command == "function" else {"words": [command, delivery, "--warehouse", warehouse]}
    try:
        code, said = as_nobody(delivery=delivery, warehouse=warehouse, **words)
    finally:
        open_to_all(warehouse)
    if command == "check-delivery":
        said_well(said, r"The delivery is (usable|unusable)")
        assert "may not" not in said
    else:
        said_well(said, NO_RIGHT.format(re.escape(str(warehouse / "snds" / "ir_ben_r"))))
        assert code == 2
    assert contents(warehouse) == contents(undisturbed("patients"))
    assert hidden(warehouse) == []


@pytest.mark.parametrize("what", ["snds", "snds/ir_ben_r", "snds/ir_ben_r/manifest.json"])
def test_a_warehouse_that_may_not_be_read_is_said(open_folder, as_nobody, invented, undisturbed, what):
    delivery, warehouse = copied(invented / "other_patients", open_folder / "delivery"), open_folder / "warehouse"
    open_to_all(copied(undisturbed("patients"), warehouse))
    with rights(warehouse / what, 0):
        code, said = as_nobody(delivery=delivery, warehouse=warehouse)
    said_well(said, NO_RIGHT.format(re.escape(str(warehouse / "snds" / "ir_ben_r"))))
    assert code == 2
    assert contents(warehouse) == contents(undisturbed("patients"))
    assert hidden(warehouse) == []


@pytest.mark.parametrize("command", ["function", "receive"])
@pytest.mark.parametrize("below", ["", "below"])
def test_a_warehouse_that_is_a_file_is_said(tmp_path, nursery, invented, below, command):
    (tmp_path / "file").write_text("a file")
    warehouse = tmp_path / "file" / below
    words = {} if command == "function" else {"words": ["receive", invented / "patients", "--warehouse", warehouse]}
    code, said = nursery.run(delivery=invented / "patients", warehouse=warehouse, **words)
    said_well(said, rf"warehouse cannot be .*look at {re.escape(str(warehouse))}")
    assert code == 2
    assert (tmp_path / "file").read_text() == "a file"


@pytest.mark.parametrize("command", ["function", "receive", "check-delivery"])
def test_a_spoilt_manifest_is_said(tmp_path, nursery, invented, undisturbed, command):
    warehouse = copied(undisturbed("patients"), tmp_path / "warehouse")
    manifest = spoil_manifest(warehouse / "snds" / "ir_ben_r")
    before = contents(warehouse)
    words = {} if command == "function" else {"words": [command, invented / "patients", "--warehouse", warehouse]}
    code, said = nursery.run(delivery=invented / "patients", warehouse=warehouse, **words)
    said_well(said, SPOILT.format(re.escape(str(manifest))))
    assert code == 2
    assert contents(warehouse) == before
    assert hidden(warehouse) == []


def test_a_spoilt_manifest_of_a_table_that_is_not_delivered_is_said_by_its_own_asset(
    tmp_path, nursery, invented, undisturbed
):
    """The tables of the delivery are received; the other one neither hinders them nor disappears."""
    warehouse = copied(undisturbed("small"), tmp_path / "warehouse")
    manifest = spoil_manifest(warehouse / "snds" / "er_cam_f" / "2019")
    before = contents(warehouse)
    code, said = nursery.run(words=["receive", invented / "patients", "--warehouse", warehouse])
    said_well(said, r"The delivery is usable")
    assert code in (0, 1)
    after = contents(warehouse)
    assert {name: sha for name, sha in after.items() if "ir_ben_r" not in name.parts} == before
    assert {name: sha for name, sha in after.items() if name not in before} == contents(undisturbed("patients"))

    definitions = build_defs(Settings(delivery=invented / "patients", warehouse=warehouse))
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        asset_selection=[dg.AssetKey(["snds", "er_cam_f"])], partition_key="2019", raise_on_error=False
    )
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert re.search(SPOILT.format(re.escape(str(manifest))), failed.step_failure_data.user_failure_data.description)


def spoil_manifest(folder):
    """As a disk that was full leaves it, or an editor."""
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text()[:200])
    return manifest


# --- files that change or fail while they are read


def append(path):
    with path.open("a") as file:
        file.write("one more line\n")


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def replace(path):
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


@pytest.fixture
def only_services(tmp_path, invented, undisturbed, monkeypatch):
    """A delivery of ER_PRS_F alone and a warehouse that has another one; what it holds must stay."""
    delivery, warehouse = tmp_path / "delivery", copied(undisturbed("small"), tmp_path / "warehouse")
    delivery.mkdir()
    shutil.copy(invented / "medium" / "ER_PRS_F_2019.csv", delivery)
    # Small pieces: most of the file is still to be read when the first rows are there.
    monkeypatch.setattr(reading, "BATCH_ROWS", 2000)
    monkeypatch.setattr(reading, "BLOCK_BYTES", 1 << 15)
    yield delivery, warehouse
    gc.collect()
    assert contents(warehouse) == contents(undisturbed("small"))
    assert hidden(warehouse) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [(append, CHANGED), (cut, CHANGED), (empty, CHANGED), (replace, CHANGED),
     (Path.unlink, r"ER_PRS_F_2019\.csv cannot be read: No such file or directory")],
)  # fmt: skip
def test_a_file_that_changes_while_it_is_read_is_refused(only_services, change, sentence):
    delivery, warehouse = only_services
    changed = []

    def once(_, rows):
        if rows and not changed:
            changed.append(rows)
            change(delivery / "ER_PRS_F_2019.csv")

    errors = received(delivery, warehouse, once)
    assert changed
    assert list(errors) == ["ER_PRS_F 2019"]
    assert re.search(sentence, errors["ER_PRS_F 2019"]), errors


@pytest.mark.parametrize("wait", [0, 0.05, 0.1])
def test_a_file_that_still_arrives_is_refused(only_services, wait):
    """Another process adds lines, as a transfer does."""
    delivery, warehouse = only_services
    file = delivery / "ER_PRS_F_2019.csv"
    line = file.read_text().splitlines()[1]
    loop = f"sleep {wait}; while true; do echo '{line}' >> '{file}'; sleep 0.01; done"
    with subprocess.Popen(["sh", "-c", loop], start_new_session=True) as transfer:
        try:
            errors = received(delivery, warehouse)
        finally:
            os.killpg(transfer.pid, signal.SIGKILL)
    assert list(errors) == ["ER_PRS_F 2019"]
    assert re.search(CHANGED, errors["ER_PRS_F 2019"]), errors


class FailingFile(io.FileIO):
    """A file whose disk fails in its middle."""

    def readinto(self, buffer):
        if self.tell() > os.fstat(self.fileno()).st_size // 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().readinto(buffer)

    def readall(self):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("opening", [1, 2, 4], ids=["sha256", "encoding", "rows"])
def test_a_disk_that_fails_while_a_file_is_read_is_said(only_services, monkeypatch, opening):
    delivery, warehouse = only_services
    openings, as_before = [], Path.open

    def fails(path, mode="r", *words, **more):
        if path.name == "ER_PRS_F_2019.csv":
            openings.append(path)
            # the first two are of the delivery, which looks at headers
            if len(openings) == opening + headers:
                return io.BufferedReader(FailingFile(path))
        return as_before(path, mode, *words, **more)

    monkeypatch.setattr(Path, "open", fails)
    headers = 10**6
    opened = open_delivery(delivery)
    headers = len(openings)
    errors = receive_delivery(opened, Store(warehouse)).errors
    assert len(openings) >= headers + opening
    assert errors == {"ER_PRS_F 2019": "ER_PRS_F_2019.csv cannot be read: Input/output error."}


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read: /proc/self/mem")
def test_a_file_that_cannot_be_read_is_said(only_services):
    """Reading the first bytes of this file is a true input/output error."""
    delivery, warehouse = only_services
    (delivery / "ER_PRS_F_2019.csv").unlink()
    (delivery / "ER_PRS_F_2019.csv").symlink_to("/proc/self/mem")
    assert received(delivery, warehouse) == {"ER_PRS_F 2019": "ER_PRS_F_2019.csv cannot be read: Input/output error."}


# --- two receptions at once


@pytest.mark.parametrize("later", [0, 0.1])
@pytest.mark.parametrize("second", ["medium", "other_medium"], ids=["same", "other"])
def test_two_receptions_at_the_same_time_leave_a_whole_store(tmp_path, nurseries, invented, undisturbed, second, later):
    """One of them may say that the other one is there; what it could not receive is received when it runs again."""
    warehouse, deliveries = tmp_path / "warehouse", (invented / "medium", invented / second)
    for nursery, delivery in zip(nurseries, deliveries, strict=True):
        nursery.start(delivery=delivery, warehouse=warehouse)
        time.sleep(later)
    ended = [nursery.end() for nursery in nurseries]
    for code, said in ended:
        assert code in (0, 2), said
        assert "Traceback" not in said
        for line in said.splitlines():
            assert re.search(BUSY.format(re.escape(str(warehouse))), line), line
    orders = {("medium",), (second,), ("medium", second), (second, "medium")}
    assert_whole(warehouse, invented / "medium", *(undisturbed(*order) for order in orders))
    assert len(shown(warehouse, invented / "medium")) == 4
    assert hidden(warehouse) == []
    assert received(invented / "medium", warehouse) == {}
    if second == "medium":
        assert contents(warehouse) == contents(undisturbed("medium"))
