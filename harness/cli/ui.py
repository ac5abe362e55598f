"""``python -m harness ui``: MLflow's pages on the store of an output folder, on this machine only."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from harness.errors import UserError

COMPARISON = (
    "/#/experiments/{id}/runs?workflowType=machine_learning&compareRunsMode=CHART"
    "&orderByKey=metrics.%60test/accuracy%60&orderByAsc=false&searchFilter=tags.kind%20%3D%20%22run%22"
)
"""MLflow opens on its pages for language models with a sweep's runs folded; this lands on the runs side by side."""
TREE = "/#/experiments/{id}/runs?workflowType=machine_learning&searchFilter=&orderByKey=attributes.start_time"
"""The table of sweeps, each with its runs beneath; what the other link filters would be remembered otherwise."""


def main(arguments: list[str] | None = None) -> int:
    """Serve the pages until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness ui", description=(__doc__ or "").replace("``", ""))
    parser.add_argument("--output-dir", type=Path, default=Path("outputs"), help="default: outputs")
    parser.add_argument("--port", type=int, default=None, help="default: 5000, or the next that is free")
    parser.add_argument("--host", default="127.0.0.1", help="who may look; default: this machine alone")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exit, so that the server is ended too
    try:
        return serve(options.output_dir.absolute(), options.host, options.port or free_port(5000))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def serve(output_dir: Path, host: str, port: int) -> int:
    """Run the server, say its addresses once it answers, and wait for its end; returns its exit code.

    Raises:
        UserError: the output folder has no store.
    """
    store = output_dir / "mlflow.db"
    if not store.is_file():
        raise UserError(f"there is no {store}: run `python -m harness` first, or name its folder with --output-dir")
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{store}", "--artifacts-destination", str(output_dir / "mlartifacts")]
    # without its job runner the server needs a third of the time to start and a quarter of the memory
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    address = f"http://{host}:{port}"
    print(f"starting MLflow on {store} ...", flush=True)
    server = subprocess.Popen(command, env={**quiet, **os.environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        if _wait_until_up(server, address):
            print(f"{address}  (Ctrl-C ends it)", flush=True)
            for name, number in _experiments(store):
                print(f"  {name}, side by side: {address}{COMPARISON.format(id=number)}", flush=True)
                print(f"  {name}, by sweep: {address}{TREE.format(id=number)}", flush=True)
        _, said = server.communicate()
        if server.returncode:
            print(said.decode(errors="replace")[-2000:], file=sys.stderr)
        return server.returncode
    finally:
        server.terminate()
        server.wait()


def _wait_until_up(server: subprocess.Popen, address: str) -> bool:
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=2).close()
            return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    return False


def _experiments(store: Path) -> list[tuple[str, str]]:
    """Names and ids of the experiments that have a place in the store, read beside the server."""
    import sqlite3

    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        query = "select name, experiment_id from experiments where lifecycle_stage = 'active' and experiment_id != 0"
        return [(name, str(number)) for name, number in connection.execute(query)]


def free_port(first: int) -> int:
    """The first port from here on that nobody listens on."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise UserError(f"no port from {first} to {first + 99} is free; name one with --port")

