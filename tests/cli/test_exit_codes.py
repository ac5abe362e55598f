"""Exit codes: 1 is a verdict or a failed run, and never what an unwritable folder or a fault of the harness gives."""

import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

import commands
import psutil
import pytest
from conftest import QUICK, REPOSITORY
from made_records import TOKENS, sweep, write

from harness import tracking
from harness.cli import report, subcommands
from harness.records import store

QUICKER = ("encoder=bag_of_embeddings", *QUICK, "trainer.epochs=1")


@contextmanager
def read_only(folder):
    """A small disk that is read-only within the block, as root cannot be kept out in another way."""
    mounted = subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a read-only folder needs the right to mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_of_a_read_only_folder_report_prints_the_comparison_and_exits_with_2(tmp_path, capsys):
    folder = write(tmp_path / "outputs", sweep())
    with read_only(folder):
        code = subcommands.run(["report", "--output-dir", str(folder)])
    printed = capsys.readouterr()
    assert code == 2
    assert "0.910 ±0.016" in printed.out
    assert printed.err == (
        f"the report could not be written to {folder}/reports/digits (Read-only file system); "
        f"python -m harness report {folder}/runs --output-dir OTHER writes it elsewhere\n"
    )


def test_the_pages_of_a_read_only_folder_are_one_sentence(tmp_path, capfd):
    folder = tmp_path / "outputs"
    tracking.experiments(tracking.store_uri(None, folder))
    with read_only(folder):
        code = subcommands.run(["ui", "--output-dir", str(folder)])
    errors = capfd.readouterr().err
    assert (code, errors.count("\n"), "Traceback" in errors) == (2, 1, False)
    assert f"{folder}/mlflow.db" in errors
    assert "ead-only" in errors or "readonly" in errors, errors


def test_a_record_that_is_a_folder_is_left_out_by_its_name(tmp_path, capsys):
    folder = write(tmp_path, sweep())
    blocked = folder / "runs" / "7" / "record.json"
    blocked.mkdir(parents=True)
    assert subcommands.run(["report", "--output-dir", str(folder)]) == 0
    assert f"left out: {blocked} is not a record (" in capsys.readouterr().err


def test_a_run_and_a_sweep_into_a_read_only_folder_are_refused(command, tmp_path):
    folder = tmp_path / "outputs"
    folder.mkdir()
    with read_only(folder):
        for flags in ((), ("-m",)):
            ended = command(*flags, *QUICKER)
            assert ended.code == 2
            assert "cannot be written to (Read-only file system); set output_dir to another folder" in ended.err
            assert "Traceback" not in ended.err


def test_the_verdict_of_a_gate_is_the_exit_code_even_where_the_report_cannot_be_written(tmp_path, capsys):
    baseline = str(tmp_path / "baseline.json")
    folder = write(tmp_path / "one", sweep())
    assert report.main(["--output-dir", str(folder), "--write-baseline", baseline]) == 0
    worse = sweep()
    for record in worse:
        record.metrics[TOKENS] /= 3
    for where, records, code in (("two", sweep(), 2), ("three", worse, 1)):
        folder = write(tmp_path / where, records)
        (folder / "reports").write_text("a file in the place of the folder")
        assert report.main(["--output-dir", str(folder), "--gate", baseline]) == code
        printed = capsys.readouterr()
        assert ("gate failed" in printed.out) == (code == 1)
        assert "the report could not be written to " in printed.err


def test_a_baseline_that_cannot_be_written_is_one_sentence(tmp_path, capsys):
    folder = write(tmp_path, sweep())
    (tmp_path / "file").write_text("")
    baseline = tmp_path / "file" / "baseline.json"
    assert report.main(["--output-dir", str(folder), "--write-baseline", str(baseline)]) == 2
    error = capsys.readouterr().err
    assert error == f"the baseline {baseline} cannot be written (Not a directory)\n" or "File exists" in error


@pytest.mark.parametrize("flags", [(), ("-m",)], ids=["run", "sweep"])
@pytest.mark.parametrize("blocked", ["runs", "cache", "sweeps"])
def test_a_file_in_the_place_of_a_folder_is_one_sentence_that_names_it(command, tmp_path, flags, blocked):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / blocked).write_text("a file")
    ended = command(*flags, *QUICKER)
    if blocked == "sweeps" and not flags:
        assert ended.code == 0
        return
    assert ended.code == 2
    assert f"{tmp_path / 'outputs' / blocked}" in ended.err
    assert "cannot be written to (" in ended.err
    assert "Traceback" not in ended.err
    assert (tmp_path / "outputs" / blocked).read_text() == "a file"


@pytest.mark.parametrize("mode", [(), ("mode=profile", "profile.lengths=[8]", "profile.seconds=0.01")])
def test_a_sweep_whose_reports_cannot_be_written_shows_its_comparison_and_exits_with_1(command, tmp_path, mode):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "reports").write_text("a file in the place of the folder")
    ended = command("-m", "seed=0,1", *QUICKER, *mode)
    assert (ended.code, "Traceback" in ended.err) == (1, False)
    assert [record.status for record in ended.records] == ["finished"] * 2
    assert ("p of cost = c" if mode else "bag_of_embeddings ↑") in re.sub(" +", " ", ended.out)
    assert f"{tmp_path / 'outputs' / 'reports'}" in ended.err


def test_a_profile_whose_page_cannot_be_written_keeps_its_record_and_exits_with_1(command, tmp_path):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "reports").write_text("a file in the place of the folder")
    ended = command(*QUICKER, "mode=profile", "profile.lengths=[8]", "profile.seconds=0.01")
    assert (ended.code, ended.record.status, "Traceback" in ended.err) == (1, "finished", False)
    assert "the page of the profile could not be written (" in ended.err


@pytest.mark.parametrize("word", ["report", "ui"])
def test_a_fault_of_a_subcommand_is_no_verdict_and_its_traceback_is_in_a_file(word, tmp_path, monkeypatch, capsys):
    def fail(_arguments):
        raise RuntimeError("boom\nand more")

    monkeypatch.setattr(f"harness.cli.{word}.main", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert subcommands.run([word]) == 2
    (file,) = tmp_path.iterdir()
    error = capsys.readouterr().err
    assert error == f"{word} failed by a fault of the harness (RuntimeError: boom); the traceback is in {file}\n"
    assert "in fail\n" in file.read_text()


def test_ctrl_c_in_a_subcommand_is_130(monkeypatch):
    def interrupt(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.cli.report.main", interrupt)
    assert subcommands.run(["report"]) == 130


@pytest.mark.parametrize("form", [("harness", "report"), ("harness.report",)])
def test_a_closed_pipe_is_no_verdict(tmp_path, form):
    folder = write(tmp_path, sweep())
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", *form, "--output-dir", str(folder)],
        stdout=writing, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (2, "standard output was closed before everything was printed\n")


def in_a_shell(folder, line):
    command = f"exec {sys.executable} -m harness {' '.join(QUICKER)} {line}"
    return subprocess.run(["sh", "-c", command], cwd=folder, env=commands.environment({}), check=False).returncode


@pytest.mark.parametrize("line", ["<&- >&- 2>&-", "</dev/null 2>&1 | head -n 1"], ids=["closed", "no longer read"])
def test_a_run_needs_nobody_who_reads_what_it_prints(tmp_path, line):
    assert in_a_shell(tmp_path, line) == 0
    (record,) = store.read_all(tmp_path / "outputs" / "runs")
    assert (record.status, record.reason) == ("finished", None)


def test_a_report_can_be_read_on_a_terminal_that_knows_ascii_only(tmp_path):
    folder = write(tmp_path, sweep())
    said = commands.cold(tmp_path, "report", "--output-dir", str(folder), changes={"PYTHONIOENCODING": "ascii"})
    assert (said.returncode, said.stderr) == (0, "")
    assert "0.910 +-0.016" in said.stdout


def test_the_end_of_its_terminal_ends_a_run_which_keeps_its_record(tmp_path):
    arguments = [sys.executable, "-m", "harness", *QUICKER, "trainer.epochs=100000"]
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup, which a command respects
        os.chdir(tmp_path)
        os.execve(sys.executable, arguments, commands.environment({}))
    printed = b""
    while b"epoch 2/" not in printed:
        printed += os.read(terminal, 1000)
    os.close(terminal)
    try:
        assert psutil.Process(child).wait(timeout=60) == 130
    finally:
        with suppress(ProcessLookupError):  # it trains for days where this fails
            os.kill(child, signal.SIGKILL)
    (record,) = store.read_all(tmp_path / "outputs" / "runs")
    assert (record.status, record.reason) == ("killed", "interrupted by Ctrl-C")


def test_an_outcome_that_cannot_be_written_ends_no_other_run(command, tmp_path, monkeypatch):
    def refuse(config, number, outcome):
        if number == 0:
            raise OSError(28, "No space left on device")
        kept(config, number, outcome)

    from harness.runner import job_outcomes

    kept = job_outcomes.keep_outcome
    monkeypatch.setattr(job_outcomes, "keep_outcome", refuse)
    ended = command("-m", "seed=0,1", *QUICKER)
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    assert re.search(r"/outcomes/\S+ cannot be written to \(No space left on device\)", ended.err)
    assert len(list(store.read_all(tmp_path / "outputs" / "runs"))) == 2
