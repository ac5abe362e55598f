"""A real Slurm of two nodes on this machine, which touches nothing outside its own folder."""

import os
import platform
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
from ports import free_ports

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "squeue", "scancel", "scontrol")
CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
KillWait=30
MinJobAge=3600
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=8000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory=8000
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""
UP = {"idle", "mix", "alloc"}
"""The states of a node that takes jobs, or has as many as it can run."""


def missing() -> str | None:
    """Why no Slurm can be had here; None where it can."""
    folders = [*os.environ["PATH"].split(os.pathsep), "/usr/sbin"]
    if absent := [name for name in PROGRAMS if shutil.which(name, path=os.pathsep.join(folders)) is None]:
        return f"Slurm needs {', '.join(absent)}: apt-get install slurmctld slurmd slurm-client munge"
    if os.getuid() != 0:
        return "the daemons of Slurm need root"
    if os.environ.get("SLURM_CONF") or Path("/etc/slurm/slurm.conf").exists():
        return "this machine has a Slurm of its own"
    return None


class Cluster:
    """The daemons, and commands to them. A context manager: whatever happens in its block, the daemons end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[subprocess.Popen[bytes]] = []
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        self.environment["PATH"] += os.pathsep + "/usr/sbin"

    def __enter__(self) -> "Cluster":
        for name in ("munge", "state"):
            (self.folder / name).mkdir(parents=True)
        config = CONFIG.format(host=platform.node().partition(".")[0], ports=free_ports(3), folder=self.folder)
        (self.folder / "slurm.conf").write_text(config)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        own = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        try:
            munge = [f"--{option}={self.folder}/munge/{name}" for option, name in own.items()]
            self._start("munged", "--foreground", "--force", f"--key-file={key}", *munge)
            self.until((self.folder / "munge" / "socket").exists, 10)
            self._start("slurmctld", "-D")
            for node in ("n1", "n2"):
                self._start("slurmd", "-D", "-N", node)
            self._wait_for_nodes()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        ours = [process for process in psutil.process_iter() if self._is_ours(process)]  # steps, what runs in jobs
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait()
        for process in ours:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def kill_node(self, node: str) -> None:
        """Let a node die, with all that runs on it, before it can tell anybody."""
        log = str(self.folder / f"slurmd-{node}.log")
        daemons, others = [], []
        for process in filter(self._is_ours, psutil.process_iter()):
            with suppress(psutil.Error, OSError):
                if any(one.path == log for one in process.open_files()):
                    daemons.append(process)
                elif process.environ().get("SLURMD_NODENAME") == node:
                    others.append(process)
        for process in [*daemons, *others]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.do("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")

    def revive_node(self, node: str) -> None:
        """Start a node again that was killed."""
        self._start("slurmd", "-D", "-N", node)
        self._wait_for_nodes()

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether a process has this cluster's config in its environment, or one of its files open."""
        with suppress(psutil.Error, OSError):
            if process.environ().get("SLURM_CONF") == self.environment["SLURM_CONF"]:
                return True
            return any(Path(one.path).is_relative_to(self.folder) for one in process.open_files())
        return False

    def _wait_for_nodes(self) -> None:
        """Wait until both nodes can take jobs: a node that does not answer has a mark behind its state."""
        self.until(lambda: set(self._run("sinfo", "--noheader", "--Node", "--format=%t").stdout.split()) <= UP, 60)

    def do(self, *command: str) -> str:
        """Run a command, which must succeed; returns what it prints."""
        ended = self._run(*command)
        assert ended.returncode == 0, f"{command}: {ended.stderr or ended.stdout}"
        return ended.stdout.strip()

    def _run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)

    def _start(self, *command: str) -> None:
        with open(self.folder / f"{command[0]}.out", "a") as printed:
            self.daemons.append(
                subprocess.Popen(
                    command, env=self.environment, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed,
                    start_new_session=True,
                )
            )  # fmt: skip

    def jobs(self) -> dict[str, tuple[str, str]]:
        """The state and the node of each job that Slurm knows, by its number."""
        rows = self.do("squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%N").splitlines()
        return {number: (state, node) for number, state, node in (row.strip().split("|") for row in rows)}

    @staticmethod
    def until(reached, seconds):
        """Wait until something is reached."""
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, "it took too long"
            time.sleep(0.2)
