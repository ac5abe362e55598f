"""Recurrent encoders in one direction, over padded batches: by torch's kernel, or by the harness's own steps.

Both kernels have the same parameters. The harness's steps (recurrent_steps.py) are for processors. ``auto`` trains the
RNN and the GRU with them, because torch's backward pass is slow there; torch has a fast kernel for the LSTM alone.

There is one bias per gate where a second would be redundant.

Sequences are not packed: a step depends only on the steps before it, and the output at padded positions is cleared.
Packed sequences take two to three times as long on a CPU.

Dimension letters: B batch, L length, D input width, E = H hidden width, G gates times H.
"""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.backends import initializers
from harness.backends.arguments import check_kernel, check_nonlinearity, check_recurrent
from harness.backends.pytorch.encoders.recurrent_steps import ElmanSteps, GRUSteps, LSTMSteps
from harness.backends.pytorch.layers import clear_padding
from harness.config.kernels import HARNESS, TORCH, key_in_config
from harness.config.schema import AUTO
from harness.measure import processors
from harness.records.record import Kernel, Kernels


class Recurrent(nn.Module):
    """The part that the RNN, LSTM and GRU share: ``(x_BLD, mask_BL) -> y_BLE``.

    Args:
        in_dim: width D of the input.
        hidden_size: width of the state and the output.
        num_layers: layers, each reading the states of the one below.
        dropout: share of states dropped between layers, in training.
        kernel: ``torch``, ``harness`` (on a processor; elsewhere torch's computes), or ``auto``, the faster one.

    Raises:
        UserError: ``dropout`` is above 0 and there is only one layer, or there is no such kernel.
    """

    torch_class: type[nn.RNNBase]
    gates: int
    forget: int | None = None
    second_bias = False

    def __init__(
        self, in_dim: int, hidden_size: int, num_layers: int, dropout: float, kernel: str, **own: str
    ) -> None:
        super().__init__()
        check_recurrent(num_layers, dropout)
        check_kernel(kernel)
        self.in_dim, self.out_dim, self.num_layers, self.kernel = in_dim, hidden_size, num_layers, kernel
        self.layers = self.torch_class(in_dim, hidden_size, num_layers, dropout=dropout, batch_first=True, **own)
        if not self.second_bias:
            for layer in range(num_layers):
                # only the sum of the two biases matters: the second stays 0 and is no parameter of the model
                getattr(self.layers, f"bias_hh_l{layer}").requires_grad_(False).zero_()

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        values = {}
        for layer in range(self.num_layers):
            width = self.out_dim if layer else self.in_dim
            kernel_DG, recurrent_HG, bias_G = initializers.recurrent(rng, width, self.out_dim, self.gates, self.forget)
            values[f"layers.weight_ih_l{layer}"] = kernel_DG.T
            values[f"layers.weight_hh_l{layer}"] = recurrent_HG.T
            values[f"layers.bias_ih_l{layer}"] = bias_G
            values[f"layers.bias_hh_l{layer}"] = np.zeros_like(bias_G)
        return values

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        device = x_BLD.device.type
        if device in ("cpu", "cuda") and torch.is_autocast_enabled(device) and not self._takes_half(device):
            with torch.autocast(device, enabled=False):
                return clear_padding(self._states(x_BLD.float()), mask_BL)
        return clear_padding(self._states(x_BLD), mask_BL)

    def _states(self, x_BLD: Tensor) -> Tensor:
        is_exported = not isinstance(self.layers, nn.RNNBase)  # an operation of the file's format stands in its place
        if is_exported or self.kernel_on(x_BLD.device.type, torch.is_grad_enabled()) == TORCH:
            return self.layers(x_BLD)[0]
        return self._by_own_steps(x_BLD)

    def kernel_on(self, device: str, with_gradients: bool) -> Kernel:
        """``torch`` or ``harness``: what computes a pass on this type of device, in training or in inference."""
        if device != "cpu":
            return TORCH
        if self.kernel != AUTO:
            return HARNESS if self.kernel == HARNESS else TORCH
        # without gradients neither is clearly faster, and torch's keeps no values for a backward pass
        return HARNESS if with_gradients and self.trains_faster_by_steps() else TORCH

    def trains_faster_by_steps(self) -> bool:
        """Whether torch lacks a kernel of its own for this layer on a processor, so that it runs single operations."""
        return True

    def _takes_half(self, device: str) -> bool:
        """Whether the layers are computed in bfloat16 under autocast; otherwise they stay in float32.

        cuDNN would compute them in float16, whatever half precision was asked for. On a processor, torch has a kernel
        in bfloat16 for the LSTM alone; its single operations take longer in bfloat16 than in float32.
        """
        if device == "cuda" or not processor_has_half():
            return False
        return self.kernel_on(device, torch.is_grad_enabled()) == HARNESS or not self.trains_faster_by_steps()

    def _by_own_steps(self, x_BLD: Tensor) -> Tensor:
        y_LBE = x_BLD.transpose(0, 1)
        for layer, weights in enumerate(self.layers.all_weights):
            if layer:
                y_LBE = F.dropout(y_LBE, self.layers.dropout, self.training)
            y_LBE = self.steps(y_LBE, *weights)
        return y_LBE.transpose(0, 1)

    def steps(self, x_LBD: Tensor, kernel_GD: Tensor, recurrent_GH: Tensor, bias_G: Tensor, other_G: Tensor) -> Tensor:
        """One layer by the harness's own steps, with torch's weights: ``h_LBH``."""
        raise NotImplementedError

    def flops(self, length: int) -> int:
        widths = [self.in_dim, *[self.out_dim] * (self.num_layers - 1)]
        return sum(2 * length * (width + self.out_dim) * self.gates * self.out_dim for width in widths)


class RNN(Recurrent):
    """Elman's network (Elman 1990): ``h_t = nonlinearity(x_t W + h_(t-1) U + b)``, tanh or relu."""

    torch_class, gates = nn.RNN, 1

    def __init__(
        self,
        in_dim: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        kernel: str = AUTO,
    ) -> None:
        check_nonlinearity(nonlinearity)
        super().__init__(in_dim, hidden_size, num_layers, dropout, kernel, nonlinearity=nonlinearity)

    def steps(self, x_LBD: Tensor, kernel_GD: Tensor, recurrent_GH: Tensor, bias_G: Tensor, other_G: Tensor) -> Tensor:
        """One layer; ``other_G`` is left out because it stays 0."""
        return ElmanSteps.apply(F.linear(x_LBD, kernel_GD, bias_G), recurrent_GH, self.layers.nonlinearity == "relu")


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates: Gers et al. 2000), forget bias 1."""

    torch_class, gates, forget = nn.LSTM, 4, 1

    def __init__(
        self, in_dim: int, hidden_size: int = 128, num_layers: int = 1, dropout: float = 0.0, kernel: str = AUTO
    ) -> None:
        super().__init__(in_dim, hidden_size, num_layers, dropout, kernel)

    def trains_faster_by_steps(self) -> bool:
        """Only where torch was built without oneDNN, whose kernel for the LSTM is faster than steps."""
        return not torch.backends.mkldnn.is_available()

    def steps(self, x_LBD: Tensor, kernel_GD: Tensor, recurrent_GH: Tensor, bias_G: Tensor, other_G: Tensor) -> Tensor:
        """One layer; ``other_G`` is left out because it stays 0."""
        # torch's gates are i, f, g, o, and those of the steps o, i, f, g
        kernel_GD, recurrent_GH, bias_G = (each.roll(self.out_dim, 0) for each in (kernel_GD, recurrent_GH, bias_G))
        return LSTMSteps.apply(F.linear(x_LBD, kernel_GD, bias_G), recurrent_GH)


class GRU(Recurrent):
    """Gated recurrent unit (Cho et al. 2014), the variant that resets after the product, which needs a second bias."""

    torch_class, gates, second_bias = nn.GRU, 3, True

    def __init__(
        self, in_dim: int, hidden_size: int = 128, num_layers: int = 1, dropout: float = 0.0, kernel: str = AUTO
    ) -> None:
        super().__init__(in_dim, hidden_size, num_layers, dropout, kernel)

    def steps(self, x_LBD: Tensor, kernel_GD: Tensor, recurrent_GH: Tensor, bias_G: Tensor, other_G: Tensor) -> Tensor:
        """One layer; ``other_G`` is added inside the reset gate's product."""
        return GRUSteps.apply(F.linear(x_LBD, kernel_GD, bias_G), recurrent_GH, other_G)


def kernels_of(model: nn.Module, device: str) -> Kernels:
    """What computes each recurrent encoder of a model on a type of device, by the encoder's key in the config."""
    recurrent = ((path, part) for path, part in model.named_modules() if isinstance(part, Recurrent))
    return {
        key_in_config(path): {"training": part.kernel_on(device, True), "inference": part.kernel_on(device, False)}
        for path, part in recurrent
    }


@cache
def processor_has_half() -> bool:
    """Whether this processor has instructions for bfloat16; without, torch's LSTM fails or is emulated.

    What the system says decides, and a trial with an LSTM, whose weights are left as they are, so that no random
    values are drawn.
    """
    if processors.has_bfloat16() is False:
        return False
    trial = nn.LSTM(1, 1, device="meta").to_empty(device="cpu")
    try:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            trial(torch.zeros(1, 1, 1))
    except RuntimeError:
        return False
    return True
