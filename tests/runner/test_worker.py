"""Every run in a fresh process: it tells, it dies alone, it is timed out, and it leaves nothing behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from harness.errors import UserError
from harness.runner.wire import Ready
from harness.runner.worker import End, Server


def ask(job, tell):
    """What the children of these tests do."""
    if job.get("note"):
        tell({"pid_of_job": os.getpid(), "folder": os.getcwd(), "path": sys.path})
    if "signal" in job:
        os.kill(os.getpid(), job["signal"])
    if "raise" in job:
        raise RuntimeError(job["raise"])
    time.sleep(job.get("sleep", 0))
    if "torn" in job:
        os.write(job["torn"], b"gASV")
    tell({"answer": job.get("question", 0) * 2})


def begin_and_sleep(began):
    began.set()
    time.sleep(60)


def start_and_end_others(_job, tell):
    """What an encoder's own code may do: a program, and a process of multiprocessing, each ended by SIGTERM."""
    os.kill(os.getpid(), signal.SIGTERM)  # the parent acts on it: the job goes on
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    context = multiprocessing.get_context("fork")
    began = context.Event()
    forked = context.Process(target=begin_and_sleep, args=(began,))
    forked.start()
    began.wait(10)
    program.terminate()
    forked.terminate()
    forked.join(10)
    try:
        tell([program.wait(10), forked.exitcode])
    finally:
        program.kill()
        forked.kill()


@pytest.fixture
def server():
    made = Server(["json"])
    yield made
    made.close()


def run(server, timeout=None, **job):
    told = []
    return server.run("test_worker:ask", job, told.append, timeout), told


def test_a_job_tells_and_ends(server):
    end, told = run(server, question=21)
    assert (end.code, end.reason) == (0, None)
    assert told == [{"answer": 42}]


def test_every_job_has_a_process_of_its_own_in_the_callers_folder_and_path(server, tmp_path, monkeypatch):
    _, first = run(server, note=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    _, second = run(server, note=True)
    assert first[0]["pid_of_job"] != second[0]["pid_of_job"]
    assert second[0]["folder"] == str(tmp_path)
    assert str(tmp_path) in second[0]["path"]
    assert str(tmp_path) not in first[0]["path"]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_crash_ends_one_job_and_no_other(server, number):
    end, told = run(server, signal=int(number))
    assert end.code == -number
    assert number.name in end.reason
    assert told == []
    assert run(server, question=2)[1] == [{"answer": 4}]


def test_an_exception_ends_the_job_with_a_code(server, capfd):
    end, _ = run(server, **{"raise": "on purpose"})
    assert end.code == 1
    assert end.reason == "the process ended with exit code 1"


def test_a_job_over_its_time_is_killed_and_the_next_one_runs(server):
    end, told = run(server, timeout=0.3, sleep=60)
    assert end.timed_out
    assert end.reason.startswith("time-out")
    assert told == []
    assert run(server, question=3)[1] == [{"answer": 6}]


def test_an_interruption_leaves_no_process(server):
    jobs = []

    def interrupt(message):
        jobs.append(psutil.Process(message["pid_of_job"]))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        server.run("test_worker:ask", {"note": True, "sleep": 60}, interrupt)
    assert not server.alive
    _, alive = psutil.wait_procs(jobs, timeout=10)
    assert not alive


def test_the_job_dies_with_its_parent(tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from harness.runner.worker import Server\n"
        "Server(['json']).run('test_worker:ask', {'note': True, 'sleep': 60}, "
        "lambda told: print(told['pid_of_job'], flush=True))"
    )
    folder = os.path.dirname(__file__)
    parent = subprocess.Popen([sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True)
    job = psutil.Process(int(parent.stdout.readline()))
    server = job.parent()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs([job, server], timeout=10)
    assert not alive


def test_a_job_can_end_the_processes_that_it_starts(server):
    told = []
    end = server.run("test_worker:start_and_end_others", {}, told.append, timeout=60)
    assert (end.code, told) == (0, [[-signal.SIGTERM, -signal.SIGTERM]])


def test_reasons_tell_the_ends_apart():
    assert "out of memory" in End(-9, memory_kills=1).reason
    assert "out of memory" not in End(-9).reason
    assert "SIGKILL" in End(-9).reason
    assert "SIGSEGV" in End(-11).reason
    assert End(0).reason is None


def test_the_parent_sleeps_while_it_waits(server):
    run(server)
    before = time.process_time()
    run(server, sleep=1)
    assert time.process_time() - before < 0.1


def tell_and_wait(job, tell):
    """Tells two things, and stays."""
    tell("first")
    tell("second")
    time.sleep(60)


def test_what_a_job_had_told_before_an_interruption_is_passed_on(server):
    told = []

    def take(message):
        told.append(message)
        if message == "first":
            time.sleep(1)  # meanwhile the second arrives
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        server.run("test_worker:tell_and_wait", {}, take)
    assert told == ["first", "second"]
    assert not server.alive


def begin_when_ready(job, tell):
    """Starts, and waits for its parent."""
    Path(job).touch()
    tell(Ready())
    tell(Path(job).read_text())


@pytest.mark.parametrize("processes", [1, 3])
def test_a_job_starts_while_its_parent_is_busy_and_goes_on_when_it_is_not(server, tmp_path, processes):
    started, told = tmp_path / "started", []

    def meanwhile():
        deadline = time.monotonic() + 30
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        started.write_text("the parent is idle")

    end = server.run(
        "test_worker:begin_when_ready", str(started), told.append, processes=processes, meanwhile=meanwhile
    )
    assert (end, told) == (End(0), ["the parent is idle"] * processes)
    assert run(server, question=21)[1] == [{"answer": 42}]


def test_an_interruption_of_what_the_parent_does_meanwhile_leaves_no_process(server):
    def meanwhile():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        server.run("test_worker:ask", {"sleep": 60}, print, meanwhile=meanwhile)
    assert not server.alive


def tell_variables(names, tell):
    tell({name: os.environ.get(name) for name in names})


def test_a_request_brings_the_environment_of_its_moment(server, monkeypatch):
    """A launcher may hide cards after the server has started."""
    names = ["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "MPLBACKEND"]
    told = []
    for value in ("0", "1", None):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if value is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        server.run("test_worker:tell_variables", names, told.append)
    assert [one["CUDA_VISIBLE_DEVICES"] for one in told] == ["0", "1", None]
    assert {one["CUDA_DEVICE_ORDER"] for one in told} == {"PCI_BUS_ID"}
    assert {one["MPLBACKEND"] for one in told} == {"agg"}


def test_a_server_outlives_the_thread_that_started_it():
    """Linux would end it with that thread, in the middle of what other threads have it run."""
    started = []

    def start_and_use():
        started.append(Server(["json"]))
        run(started[0])

    thread = threading.Thread(target=start_and_use)
    thread.start()
    thread.join()
    (made,) = started
    time.sleep(0.2)  # a signal would arrive meanwhile
    assert run(made, question=21) == (End(0), [{"answer": 42}])
    made.close()
    assert not made.alive


def test_what_keeps_a_server_from_starting_is_raised_in_the_thread_that_starts_it(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/none/such")
    raised = []

    def start():
        try:
            Server(["json"])
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert [type(error) for error in raised] == [FileNotFoundError]


def test_the_users_order_of_cards_stays(monkeypatch):
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    made = Server(["json"])
    told = []
    made.run("test_worker:tell_variables", ["CUDA_DEVICE_ORDER"], told.append)
    made.close()
    assert told == [{"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}]


def test_a_library_that_cannot_be_loaded_is_named_in_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text("import none_such_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Server(["broken_library"])
    for _ in range(2):
        with pytest.raises(UserError) as refusal:
            made.run("test_worker:ask", {}, print)
        assert str(refusal.value) == (
            "broken_library cannot be loaded (ModuleNotFoundError: No module named 'none_such_at_all'); "
            "repair the installation of the library that fails"
        )
    made.close()


def test_a_server_that_crashes_while_it_imports_ends_its_jobs(tmp_path, monkeypatch):
    (tmp_path / "crashing_library.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Server(["crashing_library"])
    end, told = run(made, question=21)
    assert (end.code, told) == (-signal.SIGSEGV, [])
    assert end.reason == "crashed: signal SIGSEGV"
