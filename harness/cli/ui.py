"""``python -m harness ui``: MLflow's pages on the store of an output folder, on this machine only."""

import argparse
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness import tracking
from harness.errors import UserError
from harness.notices import notify

PAGE = "/#/experiments/{id}/runs?viewStateShareKey={view}"
"""The page of an experiment's runs in one of its views, as MLflow's own links to views: it fits into 80 columns."""
TRAINING = "&workflowType=machine_learning"
"""Shows MLflow's menu for trained models beside the page; without it, MLflow shows that for language models."""
MOST_LISTED = 5
"""Of so many experiments, the newest, the links are printed."""
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Serve the pages until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness ui", description=(__doc__ or "").replace("``", ""))
    parser.add_argument("--output-dir", type=Path, default=Path("outputs"), help="default: outputs")
    parser.add_argument("--port", type=int, default=None, help="default: 5000, or the next free port")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; default: this machine only")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit runs `finally`, which ends the server too
    try:
        return serve(options.output_dir.absolute(), options.host, options.port or free_port(5000))
    except UserError as error:
        notify(error)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED


def serve(output_dir: Path, host: str, port: int) -> int:
    """Run the server, print its addresses once it answers, and wait for its end; returns the exit code.

    Raises:
        UserError: the output folder has no store or a damaged one, or the server failed.
    """
    store = output_dir / "mlflow.db"
    if not store.is_file():
        raise UserError(f"there is no {store}: run `python -m harness` first, or name its folder with --output-dir")
    uri, address = tracking.own_store(output_dir), f"http://{host}:{port}"
    print(f"starting MLflow on {store} ...", flush=True)
    try:
        tracking.change_journal(store)  # before the server has it open
    except Exception as error:
        raise UserError(f"MLflow cannot use {store}: {tracking.reason(uri, error)}") from None
    server = _start(uri, output_dir / "mlartifacts", host, port)
    try:
        if wait_until_up(server, address):
            _print_links(address, _experiments(uri))
            if missing := tracking.count_missing(output_dir, uri):
                notify(_missing(missing, output_dir))
        _, errors = server.communicate()
        if server.returncode:
            last = (errors.decode(errors="replace").strip().splitlines() or ["it says nothing"])[-1]
            raise UserError(f"MLflow's server on {store} ended with exit code {server.returncode}: {last}")
        return 0
    finally:
        server.terminate()
        server.wait()


def _missing(runs: int, output_dir: Path) -> str:
    """The sentence about so many runs of an output folder that its store lacks."""
    folder = "" if output_dir == Path("outputs").absolute() else f" --output-dir {shlex.quote(str(output_dir))}"
    return (
        f"{runs} run{'s' * (runs != 1)} of sweeps {'are' if runs > 1 else 'is'} missing here: python -m harness report "
        f"--sync{folder} adds {'them' if runs > 1 else 'it'}"
    )


def _experiments(uri: str) -> list[tuple[str, str]]:
    """The experiments of a store, which now have the views that the links open; the newest first.

    Raises:
        UserError: the store cannot be read.
    """
    try:
        return tracking.save_views(uri)
    except Exception as error:
        raise UserError(f"MLflow at {uri} does not answer: {tracking.reason(uri, error)}") from None


def _print_links(address: str, experiments: list[tuple[str, str]]) -> None:
    """Print the links to the views of the newest experiments.

    A terminal shows them without TRAINING, so that they fit, and opens them with it, if it knows links with a text
    (the escape sequence OSC 8).
    """
    out = Console(highlight=False, soft_wrap=True)
    for name, number in experiments[:MOST_LISTED]:
        out.print(Text(name))
        for view in (tracking.RUNS, tracking.SWEEPS):
            link = address + PAGE.format(id=number, view=view)
            shown = link if out.is_terminal else link + TRAINING
            out.print(f"  {view:6}", Text(shown, style=f"link {link + TRAINING}"))
    if len(experiments) > MOST_LISTED or not experiments:
        out.print(f"all experiments: {address}/#/experiments")
    out.print("Ctrl-C ends MLflow.")


def _start(uri: str, artifacts: Path, host: str, port: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", uri, "--artifacts-destination", str(artifacts)]
    # without its job runner the server starts in a third of the time and takes a quarter of the memory
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return subprocess.Popen(command, env={**quiet, **os.environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_until_up(server: "subprocess.Popen[bytes]", address: str) -> bool:
    """Wait until the server answers; returns False if it ended first."""
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=2).close()
            return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    return False


def free_port(first: int) -> int:
    """The first port, of 100 from ``first`` on, that no process listens on.

    Raises:
        UserError: all of them are in use.
    """
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise UserError(f"no port from {first} to {first + 99} is free; name one with --port")
