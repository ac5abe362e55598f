"""A check of trainings that several machines share."""

from typing import Any

import pytorch_lightning as lightning
import torch

from harness.errors import UserError


class SameOnAllNodes(lightning.Callback):
    """Refuses a training whose nodes disagree about ``facts``: the name of each fact and its value on this node."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def setup(self, trainer, module, stage: str) -> None:
        everywhere: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(everywhere, self.facts)
        for name, value in self.facts.items():
            if any(other[name] != value for other in everywhere):
                raise UserError(
                    f"the nodes do not agree about {name}: give each the same command, data, code and kind of machine, "
                    "and an output_dir that all share"
                )
