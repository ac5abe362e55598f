"""A real Ray cluster of several nodes on this machine, with ports and a folder of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
from conftest import REPOSITORY
from ports import free_ports

MARK = "HARNESS_TEST_RAY"
"""The variable that all processes of a cluster have in their environment, with the cluster's folder."""
RAY = str(Path(sys.executable).with_name("ray"))
TRIES = 3
"""A raylet ends itself where its agents need more than 15 seconds to start, as on a busy machine."""
MEMORY = 80_000_000
"""Bytes of a node's object store, the least that Ray takes."""

PATIENCE = {
    "RAY_raylet_start_wait_time_s": "60",
    "RAY_gcs_server_request_timeout_seconds": "120",
    "RAY_gcs_rpc_server_connect_timeout_s": "120",
    "RAY_health_check_timeout_ms": "60000",
    "RAY_enable_metrics_collection": "0",
    "RAY_AUTH_MODE": "disabled",
}
"""What Ray reads from the environment of its processes, for a machine that is busy with other tests.

Without a mode, Ray asks for a token in some of a cluster's processes as soon as ``~/.ray`` holds one.
"""
OWN_PORTS = ("dashboard-agent-listen", "dashboard-agent-grpc", "metrics-export", "runtime-env-agent")
"""Ports of a node that Ray waits for, at most 30 seconds, where it must choose them itself."""


def missing() -> str | None:
    """Why no Ray can be had here; None where it can."""
    return None if find_spec("ray") else "ray is not installed: pip install '.[ray]'"


class Cluster:
    """The nodes, each one ``ray start``. A context manager: whatever happens in its block, its processes end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # a socket's path has at most 107 characters
        self.nodes: list[subprocess.Popen[bytes]] = []
        self.port, *self.others = free_ports(3)
        self.address = f"127.0.0.1:{self.port}"
        self.environment = {**os.environ, MARK: str(self.folder), "RAY_USAGE_STATS_ENABLED": "0"}
        self.environment |= {"PYTHONPATH": str(REPOSITORY), **PATIENCE}

    def __enter__(self) -> "Cluster":
        try:
            dashboard, client = self.others
            own = (f"--temp-dir={self.folder}", f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}")
            self.add("--head", f"--port={self.port}", "--include-dashboard=false", *own)
            self.add(f"--address={self.address}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        for node in self.nodes:
            node.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _kill(self, below: int | None = None) -> None:
        """Kill what is left of the cluster, or of one node, which began a session of processes."""
        for process in filter(self._is_ours, psutil.process_iter()):
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                if below is None or os.getsid(process.pid) == below:
                    process.kill()

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error, OSError):
            return process.environ().get(MARK) == str(self.folder) and process.pid != os.getpid()
        return False

    def add(self, *options: str) -> None:
        """Start a node of one processor, and wait until it has joined."""
        for _ in range(TRIES):
            ports = [f"--{name}-port={port}" for name, port in zip(OWN_PORTS, free_ports(len(OWN_PORTS)), strict=True)]
            ports += ["--min-worker-port=0", "--max-worker-port=0"]  # any: all nodes are on one machine
            sizes = ("--num-cpus=1", f"--object-store-memory={MEMORY}")
            without = ("--disable-usage-stats", "--include-log-monitor=false")
            printed = self.folder / "node.out"
            with open(printed, "w") as out:
                node = subprocess.Popen(
                    [RAY, "start", "--block", *sizes, *without, *ports, *options],
                    env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                )  # fmt: skip
            while node.poll() is None:
                if "Ray runtime started" in printed.read_text():
                    self.nodes.append(node)
                    return
                time.sleep(0.1)
            self._kill(below=node.pid)
        raise AssertionError(printed.read_text())

    def node_of(self, pid: int) -> int | None:
        """The number of the node of which this process is a worker; None where it is none, or has ended."""
        with suppress(psutil.Error):
            above = {process.pid for process in psutil.Process(pid).parents()}
            return next((number for number, node in enumerate(self.nodes) if node.pid in above), None)
        return None

    def remove(self, number: int) -> None:
        """Remove a node, as where its machine is switched off."""
        self._kill(below=self.nodes[number].pid)
        self.nodes[number].wait()
