"""Training on several machines: each runs the same command, and the environment gives its number."""

import os

from harness.errors import UserError

MEETING = {
    "NODE_RANK": "its number, from 0",
    "MASTER_ADDR": "the first node's address",
    "MASTER_PORT": "a free port there",
}
"""Environment variables that each node needs; the names are those of torch.distributed and Lightning."""


def node_rank(nodes: int) -> int:
    """The number of this node, from 0 to ``nodes - 1``. Node 0 writes the record.

    Raises:
        UserError: there are several nodes, and the environment lacks the number of this one or where they meet.
    """
    if nodes == 1:
        return 0
    missing = [f"{name} ({what})" for name, what in MEETING.items() if not os.environ.get(name)]
    if missing:
        raise UserError(f"hardware.nodes={nodes} needs in the environment of each node's command: {', '.join(missing)}")
    rank = os.environ["NODE_RANK"]
    if not rank.isdigit() or int(rank) >= nodes:
        raise UserError(f"NODE_RANK must be a number from 0 to {nodes - 1}, as hardware.nodes={nodes}, and is {rank!r}")
    return int(rank)
