"""Convolution over time.

Dimension letters: B batch, L length, D input width, E output width, K width of the kernel.
"""

from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from harness.backends import initializers
from harness.backends.arguments import check_counts
from harness.backends.pytorch.layers import clear_padding
from harness.errors import UserError


class CNN(nn.Module):
    """Layers of one-dimensional convolution and relu (Waibel et al. 1989; dilated: van den Oord et al. 2016).

    ``(x_BLD, mask_BL) -> y_BLE``. Positions before the start and after the end of a sequence count as 0 in every layer.

    Args:
        in_dim: width D of the input.
        hidden_size: width E of every layer's output.
        num_layers: layers, each reading the output of the one below.
        kernel_size: steps K that one output of a layer reads.
        dilation: distance between these steps: one number for all layers, or a list with one number per layer.
        causal: read only the step itself and earlier ones; otherwise as many later as earlier steps, and one more later
            step if the number of neighbours is odd.

    Raises:
        UserError: a number is not a whole number of 1 or more, or the list does not have one dilation per layer.
    """

    def __init__(
        self,
        in_dim: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        kernel_size: int = 3,
        dilation: int | Sequence[int] = 1,
        causal: bool = False,
    ) -> None:
        super().__init__()
        check_counts(num_layers=num_layers, kernel_size=kernel_size)
        dilations = [dilation] * num_layers if isinstance(dilation, int) else list(dilation)
        if len(dilations) != num_layers:
            raise UserError(f"encoder: dilation={dilations} needs one number per layer, and num_layers is {num_layers}")
        for each in dilations:
            check_counts(dilation=each)
        self.out_dim = hidden_size
        widths = [in_dim, *[hidden_size] * (num_layers - 1)]
        self.layers = nn.ModuleList(
            _Convolution(width, hidden_size, kernel_size, each, causal)
            for width, each in zip(widths, dilations, strict=True)
        )

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        for layer in self.layers:
            # the bias of a layer makes the padding nonzero, which the next layer would read
            x_BLD = layer(clear_padding(x_BLD, mask_BL)).relu()
        return clear_padding(x_BLD, mask_BL)

    def flops(self, length: int) -> int:
        return sum(layer.flops(length) for layer in self.layers)


class _Convolution(nn.Conv1d):
    """``x_BLD -> y_BLE`` of the same length, kernel by Glorot, bias 0."""

    def __init__(self, in_dim: int, out_dim: int, kernel_size: int, dilation: int, causal: bool) -> None:
        super().__init__(in_dim, out_dim, kernel_size, dilation=dilation)
        reach = (kernel_size - 1) * dilation
        before = reach if causal else (kernel_size - 1) // 2 * dilation
        self.around = (before, reach - before)

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        out_dim, in_dim, kernel_size = self.weight.shape
        kernel_KDE = initializers.glorot(rng, kernel_size * in_dim, out_dim).reshape(kernel_size, in_dim, out_dim)
        return {"weight": kernel_KDE.transpose(2, 1, 0), "bias": np.zeros(out_dim, np.float32)}

    def forward(self, x_BLD: Tensor) -> Tensor:
        return super().forward(F.pad(x_BLD.transpose(1, 2), self.around)).transpose(1, 2)

    def flops(self, length: int) -> int:
        return 2 * length * self.weight.numel()
