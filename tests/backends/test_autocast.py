"""Half precision by autocast: every encoder that only PyTorch has stays near its float32 output.

Dimension letters: B batch, L length, D input width.
"""

import numpy as np
import pytest
import torch
from adapters import TORCH_ENCODERS, encoder

B, L, D = 3, 71, 5
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, GPU])])
@pytest.mark.parametrize("name", TORCH_ENCODERS)
def test_an_encoder_in_bf16_is_near_itself_in_float32(in_torch, name, device):
    made = encoder(in_torch, name, D).eval()
    x_BLD = torch.from_numpy(np.random.default_rng(0).normal(size=(B, L, D)).astype(np.float32))
    mask_BL = torch.arange(L) < torch.tensor([L, 4, 0])[:, None]
    expected = made(x_BLD, mask_BL).detach()
    made, x_BLD, mask_BL = made.to(device), x_BLD.to(device), mask_BL.to(device)
    with torch.autocast(device, torch.bfloat16):
        # a projection comes first, as it does with feature vectors: it makes the encoder's input half precision
        x_BLD = torch.nn.functional.linear(x_BLD, torch.eye(D, device=device))
        assert x_BLD.dtype == torch.bfloat16
        found = made(x_BLD, mask_BL)
        found.float().sin().sum().backward()
    found, mask_BL = found.cpu(), mask_BL.cpu()
    error = (found.float() - expected).norm() / expected.norm()
    assert error < 0.05
    assert (found[~mask_BL] == 0).all()
    assert all(parameter.grad.isfinite().all() for parameter in made.parameters() if parameter.requires_grad)
