"""Several machines that share one training: each is given the same command, and told which one it is."""

import os

from harness.errors import UserError

MEETING = {
    "NODE_RANK": "its number, from 0",
    "MASTER_ADDR": "the first node's address",
    "MASTER_PORT": "a free port there",
}
"""What the environment tells each node; the names are those of torch.distributed and Lightning."""


def node_rank(nodes: int) -> int:
    """Which of so many nodes this one is, from 0. The first keeps the record.

    Raises:
        UserError: there are several, and the environment does not say which this is, or where they meet.
    """
    if nodes == 1:
        return 0
    missing = [f"{name} ({what})" for name, what in MEETING.items() if not os.environ.get(name)]
    if missing:
        raise UserError(f"hardware.nodes={nodes} needs in the environment of each node's command: {', '.join(missing)}")
    said = os.environ["NODE_RANK"]
    if not said.isdigit() or int(said) >= nodes:
        raise UserError(f"NODE_RANK must be a number from 0 to {nodes - 1}, as hardware.nodes={nodes}, and is {said!r}")
    return int(said)
