"""Recurrent encoders in one direction: torch's own kernels over padded batches.

There is one bias per gate where a second would be redundant. The RNN and the GRU are trained on a processor by the
harness's own steps (recurrent_steps.py), because torch's backward pass is slow there.

Sequences are not packed: a step depends only on the steps before it, and the output at padded positions is cleared.
Packed sequences take two to three times as long on a CPU.

Dimension letters: B batch, L length, D input width, E = H hidden width, G gates times H.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.backends import initializers
from harness.backends.arguments import check_nonlinearity, check_recurrent
from harness.backends.pytorch.encoders.recurrent_steps import ElmanSteps, GRUSteps
from harness.backends.pytorch.layers import clear_padding


class _Recurrent(nn.Module):
    """The part that the RNN, LSTM and GRU share: ``(x_BLD, mask_BL) -> y_BLE``.

    Args:
        in_dim: width D of the input.
        hidden_size: width of the state and the output.
        num_layers: layers, each reading the states of the one below.
        dropout: share of states dropped between layers, in training.

    Raises:
        UserError: ``dropout`` is above 0 and there is only one layer.
    """

    kernel: type[nn.RNNBase]
    gates: int
    forget: int | None = None
    second_bias = False
    has_steps = True

    def __init__(
        self, in_dim: int, hidden_size: int = 128, num_layers: int = 1, dropout: float = 0.0, **own: str
    ) -> None:
        super().__init__()
        check_recurrent(num_layers, dropout)
        self.in_dim, self.out_dim, self.num_layers = in_dim, hidden_size, num_layers
        self.layers = self.kernel(in_dim, hidden_size, num_layers, dropout=dropout, batch_first=True, **own)
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
        y_BLE = self._by_own_steps(x_BLD) if self.uses_own_steps(x_BLD) else self._by_torch(x_BLD)
        return clear_padding(y_BLE, mask_BL)

    def _by_torch(self, x_BLD: Tensor) -> Tensor:
        if x_BLD.device.type != "cuda" or not torch.is_autocast_enabled("cuda"):
            return self.layers(x_BLD)[0]
        # cuDNN's autocast computes recurrent layers in float16 whatever half precision was asked for
        with torch.autocast("cuda", enabled=False):
            return self.layers(x_BLD.float())[0]

    def uses_own_steps(self, x_BLD: Tensor) -> bool:
        """Whether the harness's own steps are faster: with gradients, on a processor, not in half precision."""
        single_on_cpu = x_BLD.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        return self.has_steps and single_on_cpu and torch.is_grad_enabled()

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


class RNN(_Recurrent):
    """Elman's network (Elman 1990): ``h_t = nonlinearity(x_t W + h_(t-1) U + b)``, tanh or relu."""

    kernel, gates = nn.RNN, 1

    def __init__(
        self,
        in_dim: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
    ) -> None:
        check_nonlinearity(nonlinearity)
        super().__init__(in_dim, hidden_size, num_layers, dropout, nonlinearity=nonlinearity)

    def steps(self, x_LBD: Tensor, kernel_GD: Tensor, recurrent_GH: Tensor, bias_G: Tensor, other_G: Tensor) -> Tensor:
        """One layer; ``other_G`` is left out because it stays 0."""
        return ElmanSteps.apply(F.linear(x_LBD, kernel_GD, bias_G), recurrent_GH, self.layers.nonlinearity == "relu")


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates: Gers et al. 2000), forget bias 1."""

    kernel, gates, forget = nn.LSTM, 4, 1
    has_steps = False

    def __init__(self, in_dim: int, hidden_size: int = 128, num_layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__(in_dim, hidden_size, num_layers, dropout)


class GRU(_Recurrent):
    """Gated recurrent unit (Cho et al. 2014), the variant that resets after the product, which needs a second bias."""

    kernel, gates, second_bias = nn.GRU, 3, True

    def __init__(self, in_dim: int, hidden_size: int = 128, num_layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__(in_dim, hidden_size, num_layers, dropout)

    def steps(self, x_LBD: Tensor, kernel_GD: Tensor, recurrent_GH: Tensor, bias_G: Tensor, other_G: Tensor) -> Tensor:
        """One layer; ``other_G`` is added inside the reset gate's product."""
        return GRUSteps.apply(F.linear(x_LBD, kernel_GD, bias_G), recurrent_GH, other_G)
