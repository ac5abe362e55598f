"""Training in bfloat16 where that is safe."""

import torch
from pytorch_lightning.plugins.precision import MixedPrecision


class HalfPrecision(MixedPrecision):
    """Autocast to bfloat16 that casts a weight once a step, as in a profile and in inference.

    Lightning turns this cache off. A weight that is used at every position of a sequence would then be cast at each,
    and each cast be kept for the backward pass.
    """

    def __init__(self, device: str) -> None:
        super().__init__("bf16-mixed", device)

    def autocast_context_manager(self) -> torch.autocast:
        return torch.autocast(self.device, torch.bfloat16)
