"""Convolution over time.

Dimension letters: B batch, L length, D input width, E output width, K width of the kernel.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.backends import initializers
from harness.backends.arguments import check_counts
from harness.backends.pytorch.layers import BatchNorm, clear_padding
from harness.errors import UserError


class CNN(nn.Module):
    """Layers of one-dimensional convolution and relu (Waibel et al. 1989; dilated: van den Oord et al. 2016).

    ``(x_BLD, mask_BL) -> y_BLE``. Positions before the start and after the end of a sequence count as 0 in every layer.

    Args:
        in_dim: width D of the input.
        hidden_size: filters of each kernel width; E is this times the number of kernel widths.
        num_layers: layers, each reading the output of the one below.
        kernel_size: steps K that one output of a layer reads; a list: kernels of these widths side by side in every
            layer, their outputs concatenated (Kim 2014).
        dilation: distance between these steps: one number for all layers, or a list with one number per layer.
        causal: read only the step itself and earlier ones; otherwise as many later as earlier steps, and one more later
            step if the number of neighbours is odd.
        batch_norm: batch normalisation between convolution and relu, over real steps only.

    Raises:
        UserError: a number is not a whole number of 1 or more, there is no kernel, or the list does not have one
            dilation per layer.
    """

    def __init__(
        self,
        in_dim: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        kernel_size: int | Sequence[int] = 3,
        dilation: int | Sequence[int] = 1,
        causal: bool = False,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        check_counts(num_layers=num_layers)
        dilations = [dilation] * num_layers if isinstance(dilation, int) else list(dilation)
        if len(dilations) != num_layers:
            raise UserError(f"encoder: dilation={dilations} needs one number per layer, and num_layers is {num_layers}")
        kernels = [kernel_size] if isinstance(kernel_size, int) else list(kernel_size)
        if not kernels:
            raise UserError("encoder: kernel_size=[] has no kernel; give one width or more, such as [3,4,5]")
        for each in dilations:
            check_counts(dilation=each)
        for each in kernels:
            check_counts(kernel_size=each)
        self.out_dim, self.side_by_side = hidden_size * len(kernels), len(kernels)
        widths = [in_dim, *[self.out_dim] * (num_layers - 1)]
        # the kernels of one layer are neighbours in this list
        self.layers = nn.ModuleList(
            _Convolution(width, hidden_size, kernel, each, causal, bias=not batch_norm)
            for width, each in zip(widths, dilations, strict=True)
            for kernel in kernels
        )
        self.norms = nn.ModuleList(BatchNorm(self.out_dim) for _ in widths if batch_norm)

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        for number, kernels in enumerate(self._by_layer()):
            # what a layer adds at padded positions, such as its bias, must not reach the next layer
            x_BLD = clear_padding(x_BLD, mask_BL)
            parts = [kernel(x_BLD) for kernel in kernels]
            x_BLD = parts[0] if len(parts) == 1 else torch.cat(parts, -1)
            if self.norms:
                x_BLD = self.norms[number](x_BLD, mask_BL)
            x_BLD = x_BLD.relu()
        return clear_padding(x_BLD, mask_BL)

    def _by_layer(self) -> list[list[nn.Module]]:
        layers, beside = list(self.layers), self.side_by_side
        return [layers[start : start + beside] for start in range(0, len(layers), beside)]

    def flops(self, length: int) -> int:
        return sum(layer.flops(length) for layer in self.layers)


class FCN(nn.Module):
    """A fully convolutional network for time series (Wang, Yan & Oates 2017, arXiv 1611.06455).

    ``(x_BLD, mask_BL) -> y_BLE``: convolution, batch normalisation and relu, in one block per width. The paper's global
    average pooling is ``pooling=mean``. Its code is in Keras, whose batch normalisation has another epsilon and moves
    its running statistics more slowly.

    Args:
        in_dim: width D of the input.
        hidden_sizes: filters of each block; E is the last.
        kernel_sizes: steps that one output of each block reads.

    Raises:
        UserError: the two lists are empty or of different lengths, or a number is not a whole number of 1 or more.
    """

    def __init__(
        self, in_dim: int, hidden_sizes: Sequence[int] = (128, 256, 128), kernel_sizes: Sequence[int] = (8, 5, 3)
    ) -> None:
        super().__init__()
        if not hidden_sizes or len(hidden_sizes) != len(kernel_sizes):
            raise UserError(
                f"encoder: hidden_sizes={list(hidden_sizes)} and kernel_sizes={list(kernel_sizes)} need one number for "
                "each block"
            )
        for each in hidden_sizes:
            check_counts(hidden_sizes=each)
        self.out_dim = hidden_sizes[-1]
        widths = [in_dim, *hidden_sizes[:-1]]
        self.blocks = nn.ModuleList(
            CNN(width, filters, kernel_size=kernel, batch_norm=True)
            for width, filters, kernel in zip(widths, hidden_sizes, kernel_sizes, strict=True)
        )

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        for block in self.blocks:
            x_BLD = block(x_BLD, mask_BL)
        return x_BLD

    def flops(self, length: int) -> int:
        return sum(block.flops(length) for block in self.blocks)


class _Convolution(nn.Conv1d):
    """``x_BLD -> y_BLE`` of the same length, kernel by Glorot, bias 0."""

    def __init__(
        self, in_dim: int, out_dim: int, kernel_size: int, dilation: int, causal: bool, bias: bool = True
    ) -> None:
        super().__init__(in_dim, out_dim, kernel_size, dilation=dilation, bias=bias)
        reach = (kernel_size - 1) * dilation
        before = reach if causal else (kernel_size - 1) // 2 * dilation
        self.around = (before, reach - before)

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        out_dim, in_dim, kernel_size = self.weight.shape
        kernel_KDE = initializers.glorot(rng, kernel_size * in_dim, out_dim).reshape(kernel_size, in_dim, out_dim)
        bias = {} if self.bias is None else {"bias": np.zeros(out_dim, np.float32)}
        return {"weight": kernel_KDE.transpose(2, 1, 0), **bias}

    def forward(self, x_BLD: Tensor) -> Tensor:
        return super().forward(F.pad(x_BLD.transpose(1, 2), self.around)).transpose(1, 2)

    def flops(self, length: int) -> int:
        return 2 * length * self.weight.numel()
