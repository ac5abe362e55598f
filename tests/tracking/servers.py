"""A tracking server and a PostgreSQL for tests, in processes of their own that can be killed."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.cli import ui


def start_server(folder: Path, port: int, store: str | None = None) -> "subprocess.Popen[bytes]":
    """A real tracking server in a session of its own, up; its store is by default a database in the folder."""
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", store or f"sqlite:///{folder}/server.db"]
    command += ["--artifacts-destination", f"{folder}/kept"]
    quiet = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quiet.pop("MLFLOW_TRACKING_URI", None)
    with open(folder / "server.log", "a") as log:
        server = subprocess.Popen(command, env=quiet, stdout=log, stderr=log, start_new_session=True)
    assert ui.wait_until_up(server, f"http://127.0.0.1:{port}"), (folder / "server.log").read_text()
    return server


def kill(server: "subprocess.Popen[bytes]") -> None:
    """End a server and its workers as a power failure does."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty PostgreSQL database; the test skips where PostgreSQL is not installed."""
    pytest.importorskip("psycopg2", reason="psycopg2-binary is not installed")
    where = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), Path("/usr/local/bin"), Path("/usr/bin")]
    programs = next((one for one in where if (one / "initdb").exists() and (one / "pg_ctl").exists()), None)
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    folder, port = Path(tempfile.mkdtemp()), ui.free_port(5600)
    user: list[str] = []
    if os.geteuid() == 0:  # as whom PostgreSQL does not run
        user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    control = [*user, str(programs / "pg_ctl"), "-D", str(folder / "data"), "-l", str(folder / "log"), "-w"]

    def run(*command: str) -> None:
        ended = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert ended.returncode == 0, ended.stdout

    run(*user, str(programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync")
    try:
        run(*control, "-o", settings, "start")
        yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], cwd=folder, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)
