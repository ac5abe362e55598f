"""The folders of the outcomes of commands: which of them a later command removes."""

import os
import subprocess
import sys

from harness.measure import process_identity
from harness.runner import job_outcomes


def test_what_ended_commands_left_is_removed_and_never_of_another_machine_of_the_same_name(tmp_path, monkeypatch):
    """Machines that were copied from one image, and containers, share a name, and numbers of processes."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    def name(machine, pid):
        with monkeypatch.context() as pretended:
            pretended.setattr(process_identity, "machine", lambda: machine)
            pretended.setattr(os, "getpid", lambda: pid)
            return job_outcomes.name_command()

    left = {(machine, pid): name(machine, pid) for machine in ("here", "there") for pid in (os.getpid(), ended.pid)}
    for own in left.values():
        (tmp_path / own).mkdir()
    monkeypatch.setattr(process_identity, "machine", lambda: "here")
    job_outcomes.remove_ended(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*left.values()} - {left["here", ended.pid]}
