"""Training on several machines: each runs the same command, and the environment gives its number."""

import os
import re

from harness.errors import UserError

MEETING = {
    "NODE_RANK": "its number, from 0",
    "MASTER_ADDR": "the first node's address",
    "MASTER_PORT": "a free port there",
}
"""Environment variables that each node needs; the names are those of torch.distributed and Lightning."""

PORTS = range(20_000, 30_000)
"""The ports at which the nodes of a Slurm job may meet; the job's number decides."""


def node_rank(nodes: int) -> int:
    """The number of this node, from 0 to ``nodes - 1``. Node 0 writes the record.

    Under ``srun`` with one task a node, Slurm's variables give what the environment lacks.

    Raises:
        UserError: there are several nodes, and the environment lacks the number of this one or where they meet.
    """
    if nodes == 1:
        return 0
    for name, value in of_slurm(nodes).items():
        os.environ.setdefault(name, value)
    missing = [f"{name} ({what})" for name, what in MEETING.items() if not os.environ.get(name)]
    if missing:
        raise UserError(f"hardware.nodes={nodes} needs in the environment of each node's command: {', '.join(missing)}")
    rank = os.environ["NODE_RANK"]
    if not rank.isdigit() or int(rank) >= nodes:
        raise UserError(f"NODE_RANK must be a number from 0 to {nodes - 1}, as hardware.nodes={nodes}, and is {rank!r}")
    return int(rank)


def of_slurm(nodes: int) -> dict[str, str]:
    """What Slurm says of the meeting of a step's nodes, under the names of ``MEETING``; empty outside such a step."""
    step = {name: os.environ.get(f"SLURM_{name}", "") for name in ("PROCID", "STEP_NODELIST", "JOB_ID")}
    counts = {os.environ.get(f"SLURM_STEP_NUM_{name}") for name in ("NODES", "TASKS")}
    if not all(step.values()) or counts != {str(nodes)}:
        return {}
    port = PORTS[int(step["JOB_ID"]) % len(PORTS)]
    return {"NODE_RANK": step["PROCID"], "MASTER_ADDR": _first_host(step["STEP_NODELIST"]), "MASTER_PORT": str(port)}


def _first_host(hosts: str) -> str:
    """The first host of a list in Slurm's form, such as ``a[03-05,9],b`` or ``rack[1-2]n[3-4]``."""
    first = re.match(r"(\[[^\]]*\]|[^\[,])+", hosts)
    assert first is not None, hosts
    return re.sub(r"\[(\d+)[^\]]*\]", r"\1", first[0])
