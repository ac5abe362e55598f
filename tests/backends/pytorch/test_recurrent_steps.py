"""Our own steps of a recurrence against torch's module with the same weights: values and all gradients."""

import pytest
import torch
from torch import nn

from harness.backends.pytorch.encoders import GRU, LSTM, RNN, Bidirectional, Stack, recurrent
from harness.backends.pytorch.encoders.recurrent_steps import ElmanSteps, GRUSteps, LSTMSteps
from harness.backends.pytorch.layers import initialise, length_mask
from harness.errors import UserError
from harness.measure import processors

B, L, D, E = 3, 11, 5, 7
CASES = [
    (GRU, {}), (GRU, {"num_layers": 2}), (RNN, {}), (RNN, {"nonlinearity": "relu"}), (RNN, {"num_layers": 3}),
    (LSTM, {}), (LSTM, {"num_layers": 2}),
]  # fmt: skip


def random_encoder(cls, dtype, **settings):
    torch.manual_seed(0)
    encoder = cls(D, E, kernel="harness", **settings).to(dtype)
    for parameter in encoder.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.5)
    return encoder


@pytest.mark.parametrize(("cls", "settings"), CASES, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_values_and_gradients_are_those_of_torch_s_module(cls, settings, dtype, tolerance):
    encoder = random_encoder(cls, dtype, **settings)
    x_BLD = torch.randn(B, L, D, dtype=dtype, requires_grad=True)
    asked_BLE = torch.randn(B, L, E, dtype=dtype)
    mask_BL = length_mask(torch.tensor([L, 4, 0]), L)
    wanted = [parameter for parameter in encoder.parameters() if parameter.requires_grad]

    y_BLE = encoder(x_BLD, mask_BL)
    assert "Steps" in str(y_BLE.grad_fn.next_functions[0][0].next_functions)  # it is our own that is tested
    found = [y_BLE, *torch.autograd.grad(y_BLE, [x_BLD, *wanted], asked_BLE)]
    theirs = encoder.layers(x_BLD)[0].masked_fill(~mask_BL[..., None], 0)
    expected = [theirs, *torch.autograd.grad(theirs, [x_BLD, *wanted], asked_BLE)]
    for ours, one in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, one, rtol=tolerance, atol=tolerance)


def test_gradients_are_the_slopes_of_the_values():
    torch.manual_seed(1)
    x, weight, bias = torch.randn(4, 2, 9), torch.randn(9, 3), torch.randn(9)
    arguments = [tensor.double().requires_grad_() for tensor in (x, weight, bias)]
    assert torch.autograd.gradcheck(GRUSteps.apply, arguments)
    x, weight = (torch.randn(4, 2, 3, dtype=torch.float64), torch.randn(3, 3, dtype=torch.float64))
    assert torch.autograd.gradcheck(ElmanSteps.apply, (x.requires_grad_(), weight.requires_grad_(), False))
    x, weight = (torch.randn(4, 2, 12, dtype=torch.float64), torch.randn(12, 3, dtype=torch.float64))
    assert torch.autograd.gradcheck(LSTMSteps.apply, (x.requires_grad_(), weight.requires_grad_()))


@pytest.mark.parametrize("cls", [GRU, LSTM])
def test_a_sequence_of_one_step_gives_the_recurrent_weights_no_gradient(cls):
    encoder = random_encoder(cls, torch.float32)
    encoder(torch.randn(B, 1, D), torch.ones(B, 1, dtype=torch.bool)).sum().backward()
    assert float(encoder.layers.weight_hh_l0.grad.abs().max()) == 0


def test_between_layers_a_share_is_dropped_only_in_training():
    torch.manual_seed(0)
    encoder, mask_BL = GRU(D, 200, num_layers=2, dropout=0.25), torch.ones(B, L, dtype=torch.bool)
    x_BLD, read = torch.randn(B, L, D), []
    steps = encoder.steps
    encoder.steps = lambda y_LBE, *weights: read.append(y_LBE) or steps(y_LBE, *weights)
    encoder(x_BLD, mask_BL)
    assert float((read[1] == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    encoder.eval()(x_BLD, mask_BL)
    assert float((read[3] == 0).float().mean()) == 0


AUTO = [(GRU, True, "harness"), (GRU, False, "torch"), (RNN, True, "harness"), (LSTM, True, "torch")]


@pytest.mark.parametrize(("cls", "with_gradients", "kernel"), AUTO)
def test_auto_is_the_faster_kernel(cls, with_gradients, kernel):
    assert cls(D, E).kernel_on("cpu", with_gradients) == kernel
    assert cls(D, E).kernel_on("cuda", with_gradients) == "torch"


def test_auto_trains_the_lstm_by_steps_where_torch_has_no_onednn(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert LSTM(D, E).kernel_on("cpu", True) == "harness"
    assert LSTM(D, E, kernel="torch").kernel_on("cpu", True) == "torch"


@pytest.mark.parametrize("with_gradients", [True, False])
@pytest.mark.parametrize("kernel", ["torch", "harness", "auto"])
@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_the_kernel_that_is_said_computes(cls, kernel, with_gradients, monkeypatch):
    encoder, ran = cls(D, E, kernel=kernel), []
    steps, layers = encoder.steps, encoder.layers.forward
    monkeypatch.setattr(encoder, "steps", lambda *given: ran.append("harness") or steps(*given))
    monkeypatch.setattr(encoder.layers, "forward", lambda x: ran.append("torch") or layers(x))
    with torch.set_grad_enabled(with_gradients):
        encoder(torch.randn(B, L, D), torch.ones(B, L, dtype=torch.bool))
    assert ran == [encoder.kernel_on("cpu", with_gradients)]
    assert kernel in ("auto", *ran)


@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_both_kernels_have_the_same_parameters_initial_values_and_outputs(cls):
    ours, theirs = cls(D, E, num_layers=2, kernel="harness"), cls(D, E, num_layers=2, kernel="torch")
    for encoder in (ours, theirs):
        initialise(encoder, 3)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for name, values in theirs.state_dict().items():
        assert torch.equal(values, ours.state_dict()[name]), name
    ours.load_state_dict(theirs.state_dict())  # a saved model is loaded with either
    x_BLD, mask_BL = torch.randn(B, L, D), length_mask(torch.tensor([L, 4, 0]), L)
    expected = theirs(x_BLD, mask_BL)
    torch.testing.assert_close(ours(x_BLD, mask_BL), expected, rtol=0, atol=1e-6)
    x_BLD[~mask_BL] = 9.0  # what stands at padded positions plays no part
    torch.testing.assert_close(ours(x_BLD, mask_BL), expected, rtol=0, atol=1e-6)


def test_every_recurrent_encoder_of_a_model_says_its_kernel_under_its_key():
    layers = {
        "first": lambda width: Bidirectional(width, lambda inner: LSTM(inner, E, kernel="harness")),
        "second": lambda width: GRU(width, E),
    }
    model = torch.nn.ModuleDict({"encoder": Stack(D, layers)})
    harness, torchs = {"training": "harness", "inference": "harness"}, {"training": "torch", "inference": "torch"}
    auto = {"training": "harness", "inference": "torch"}
    first, second = "encoder.layers.first.inner", "encoder.layers.second"
    assert recurrent.kernels_of(model, "cpu") == {first: harness, second: auto}
    assert recurrent.kernels_of(model, "cuda") == {first: torchs, second: torchs}


def test_an_unknown_kernel_is_refused():
    with pytest.raises(UserError, match="kernel is auto, torch or harness, not 'cudnn'"):
        LSTM(D, E, kernel="cudnn")


@pytest.mark.parametrize("kernel", ["torch", "harness"])
@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_without_instructions_for_bf16_recurrent_layers_stay_in_float32(cls, kernel, monkeypatch):
    monkeypatch.setattr(recurrent, "processor_has_half", lambda: False)
    encoder, x_BLD, mask_BL = cls(D, E, kernel=kernel), torch.randn(B, L, D), torch.ones(B, L, dtype=torch.bool)
    expected = encoder(x_BLD.bfloat16().float(), mask_BL)
    with torch.autocast("cpu", torch.bfloat16):
        found = encoder(x_BLD.bfloat16(), mask_BL)
    assert torch.equal(found, expected)


def test_emulated_bfloat16_is_no_instruction_for_it(monkeypatch):
    """On some processors torch's LSTM runs in bfloat16 all the same, in emulation, and takes longer than in float32."""
    monkeypatch.setattr(nn.LSTM, "forward", lambda *_: None)  # the trial succeeds
    for said, expected in ((False, False), (True, True), (None, True)):
        monkeypatch.setattr(processors, "has_bfloat16", lambda said=said: said)
        assert recurrent.processor_has_half.__wrapped__() is expected
    monkeypatch.setattr(nn.LSTM, "forward", lambda *_: torch.zeros(1).view(2))  # a RuntimeError, as without AVX-512
    assert recurrent.processor_has_half.__wrapped__() is False


@pytest.mark.parametrize("with_gradients", [True, False])
@pytest.mark.parametrize("kernel", ["torch", "harness", "auto"])
@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_under_bf16_torch_s_single_operations_stay_in_float32(cls, kernel, with_gradients, monkeypatch):
    """torch has a kernel in bfloat16 for the LSTM alone; the products with the input of our own steps are in it too."""
    monkeypatch.setattr(recurrent, "processor_has_half", lambda: True)
    encoder, x_BLD, mask_BL = cls(D, E, kernel=kernel), torch.randn(B, L, D), torch.ones(B, L, dtype=torch.bool)
    in_half = []
    monkeypatch.setattr(encoder, "_states", lambda x: in_half.append(torch.is_autocast_enabled("cpu")) or x)
    with torch.set_grad_enabled(with_gradients), torch.autocast("cpu", torch.bfloat16):
        encoder(x_BLD, mask_BL)
    assert in_half == [cls is LSTM or encoder.kernel_on("cpu", with_gradients) == "harness"]


@pytest.mark.parametrize("cls", [RNN, GRU])
def test_inference_under_bf16_has_the_values_of_float32(cls, monkeypatch):
    monkeypatch.setattr(recurrent, "processor_has_half", lambda: True)
    encoder, x_BLD, mask_BL = cls(D, E), torch.randn(B, L, D), length_mask(torch.tensor([L, 4, 0]), L)
    with torch.inference_mode():
        expected = encoder(x_BLD, mask_BL)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(encoder(x_BLD, mask_BL), expected)


@pytest.mark.parametrize("settings", [{}, {"num_layers": 2}], ids=str)
@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_gradients_under_bf16_are_near_those_of_float32_and_a_training_goes_down(cls, settings, monkeypatch):
    monkeypatch.setattr(recurrent, "processor_has_half", lambda: True)
    encoder = random_encoder(cls, torch.float32, **settings)
    x_BLD, asked_BLE, mask_BL = torch.randn(B, L, D), torch.rand(B, L, E), torch.ones(B, L, dtype=torch.bool)
    trained = [parameter for parameter in encoder.parameters() if parameter.requires_grad]

    def loss(half):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            return (encoder(x_BLD, mask_BL).float() - asked_BLE).square().mean()

    expected = torch.autograd.grad(loss(False), trained)
    for ours, one in zip(torch.autograd.grad(loss(True), trained), expected, strict=True):
        assert (ours - one).norm() < 0.05 * one.norm()
    optimizer, losses = torch.optim.SGD(trained, lr=0.5), []
    for _ in range(20):
        losses.append(loss(True))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_under_bf16_the_steps_are_in_float32_and_only_the_products_with_the_input_are_not(cls, monkeypatch):
    monkeypatch.setattr(recurrent, "processor_has_half", lambda: True)
    encoder, x_BLD = random_encoder(cls, torch.float32), torch.randn(B, L, D)
    mask_BL = torch.ones(B, L, dtype=torch.bool)
    weights = list(encoder.layers.all_weights[0])
    with torch.autocast("cpu", torch.bfloat16):
        found = encoder(x_BLD, mask_BL)
        found.sin().sum().backward()
    x_LBD, kernel_GD, bias_G = (one.bfloat16() for one in (x_BLD.transpose(0, 1), weights[0], weights[2]))
    rounded_LBG = torch.nn.functional.linear(x_LBD, kernel_GD, bias_G).float()
    encoder.layers.weight_ih_l0.data = torch.eye(len(weights[0]))
    encoder.layers.bias_ih_l0.data.zero_()
    steps = encoder.steps(rounded_LBG, *encoder.layers.all_weights[0]).transpose(0, 1)
    torch.testing.assert_close(found, steps, rtol=0, atol=1e-6)
    assert weights[1].grad.dtype == torch.float32
    assert weights[1].grad.isfinite().all()
