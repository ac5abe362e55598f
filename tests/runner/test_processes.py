"""Processes that a command starts."""

import os
import signal

from harness.runner import processes

MODULE = """
import signal, sys, time
from harness.runner.processes import let_signals_in
replies = int(sys.argv[2])
import os
os.write(replies, b"imports")
time.sleep(1)
signal.signal(signal.SIGINT, lambda *_: os.write(replies, b"asked to end"))
let_signals_in()
time.sleep(60)
"""


def test_ctrl_c_while_a_process_imports_waits_until_it_has_decided_what_it_does(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    process, requests, replies = processes.start_piped("slow_to_import", [], os.environ)
    try:
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        assert os.read(replies, 100) == b"imports"
        process.send_signal(signal.SIGINT)
        assert os.read(replies, 100) == b"asked to end"
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        os.close(requests)
        os.close(replies)
