"""Settings that no optimizer can train with are the user's to fix: one sentence, before any training."""

import pytest
from conftest import QUICK, refused
from experiments import composed, features, fitted, ready

REFUSED = [
    (["optimizer.betas=[2,2]"], "optimizer.betas must be two numbers of at least 0 and below 1, such as [0.9,0.999], "
     "and is [2, 2]"),
    (["optimizer.betas=[0.9]"], "and is [0.9]"),
    (["optimizer.betas=[0.9,0.99,0.999]"], "optimizer.betas must be two numbers"),
    (["optimizer.betas=0.9"], "optimizer.betas must be two numbers"),
    (["optimizer.betas=[0.9,true]"], "optimizer.betas must be two numbers"),
    (["optimizer.betas=[a,b]"], "optimizer.betas must be two numbers"),
    (["optimizer.betas=null"], "optimizer.betas must be two numbers"),
    (["optimizer.betas=[0.9,nan]"], "optimizer.betas"),
    (["optimizer.eps=-1"], "optimizer.eps must be a number of 0 or more, and is -1"),
    (["optimizer.eps=small"], "optimizer.eps must be a number of 0 or more, and is 'small'"),
    (["optimizer.eps=null"], "optimizer.eps must be a number of 0 or more, and is None"),
    (["optimizer=adamw", "optimizer.weight_decay=-0.1"], "optimizer.weight_decay must be a number of 0 or more"),
    (["optimizer=sgd", "optimizer.momentum=-1"], "optimizer.momentum must be a number of 0 or more, and is -1"),
    (["optimizer=sgd", "optimizer.momentum=true"], "optimizer.momentum must be a number of 0 or more, and is True"),
    (["optimizer=sgd", "optimizer.nesterov=true"], "nesterov=true looks ahead along the momentum; set"),
    (["optimizer=sgd", "optimizer.nesterov=maybe"], "optimizer.nesterov must be true or false, and is 'maybe'"),
    (["optimizer.schedule=inverse_time", "optimizer.decay=-1"], "optimizer.decay must be a number of 0 or more"),
    (["optimizer=adadelta", "optimizer.rho=1"], "optimizer.rho must be at least 0 and below 1, and is 1"),
    (["optimizer=adadelta", "optimizer.eps=-1"], "optimizer.eps must be a number of 0 or more, and is -1"),
    (["+optimizer.foo=1"], "optimizer.foo: adam with backend="),
    (["+optimizer.momentum=0.9"], "optimizer.momentum: adam with backend="),
]
ONLY_TORCH = [
    (["+optimizer.amsgrad=x"], "optimizer.amsgrad must be true or false, and is 'x'"),
    (["+optimizer.differentiable=true"], "optimizer: torch's adam refuses these settings: `fused` does not support"),
    (["optimizer=sgd", "optimizer.momentum=0.9", "optimizer.nesterov=true", "+optimizer.dampening=0.1"],
     "optimizer: torch's sgd refuses these settings: Nesterov momentum requires a momentum and zero dampening"),
    (["optimizer=sgd", "+optimizer.dampening=x", "optimizer.momentum=0.9"], "torch's sgd refuses these settings"),
    (["optimizer=lazy_adam", "optimizer.betas=[1,1]"], "optimizer.betas must be two numbers"),
]  # fmt: skip
ALLOWED = [
    ["optimizer.betas=[0,0]", "optimizer.eps=0.1"],
    ["optimizer=sgd", "optimizer.momentum=0.9", "optimizer.nesterov=true", "+optimizer.weight_decay=0.1"],
    ["optimizer=sgd", "optimizer.momentum=0", "optimizer.nesterov=false"],
    ["optimizer=adamw", "optimizer.weight_decay=0"],
    ["optimizer=adadelta", "optimizer.rho=0"],
    ["optimizer.schedule=inverse_time", "optimizer.decay=0.5"],
]
SMALL = ("encoder=bag_of_embeddings", "trainer.epochs=1", "trainer.batch_size=7")


def fit(backend, folder, *overrides):
    data = features()
    return fitted(ready(data, *SMALL, *overrides, backend=backend.name), data, folder, lambda numbers: None)


def named(cases):
    return pytest.mark.parametrize(("overrides", "expected"), cases, ids=[" ".join(given) for given, _ in cases])


@named(REFUSED)
def test_what_no_optimizer_can_train_with_is_refused_in_both_backends(backend, tmp_path, overrides, expected):
    assert expected in refused(fit, backend, tmp_path, *overrides)
    assert not list(tmp_path.iterdir())


@named(ONLY_TORCH)
def test_what_torch_refuses_is_said_in_its_own_words(in_torch, tmp_path, overrides, expected):
    assert expected in refused(fit, in_torch, tmp_path, *overrides)


@pytest.mark.parametrize("overrides", ALLOWED, ids=" ".join)
def test_what_an_optimizer_can_train_with_is_taken(backend, tmp_path, overrides):
    (history, best), _ = fit(backend, tmp_path, *overrides)
    assert (len(history), best) == (1, 1)


@pytest.mark.parametrize("name", ["pytorch", "tensorflow"])
@pytest.mark.parametrize(("override", "expected"), [
    ("optimizer.betas=[2,2]", "optimizer.betas must be two numbers"),
    ("+optimizer.foo=1", "optimizer.foo: adam with backend="),
])
def test_the_command_refuses_it_with_exit_code_2(name, override, expected, command):
    if name == "tensorflow":
        pytest.importorskip("tensorflow")
    ended = command(f"backend={name}", override, "tracking=none", *QUICK)
    assert ended.code == 2
    assert expected in ended.err
    assert "Traceback" not in ended.err
    assert not ended.records


@pytest.mark.parametrize("encoder", [
    ["encoder=transformer", "encoder.dropout={}"],
    ["encoder=s4d", "encoder.dropout={}"],
    ["encoder=lstm", "encoder.num_layers=2", "encoder.dropout={}"],
    ["encoder=bidirectional", "encoder.inner.num_layers=2", "encoder.inner.dropout={}"],
    ["encoder=stack", "encoder.layers.first.num_layers=2", "encoder.layers.first.dropout={}"],
    ["head.dropout={}"],
    ["input.dropout={}"],
], ids=" ".join)
def test_dropout_is_at_least_0_and_below_1_everywhere(encoder):
    *others, override = encoder
    key = override.removesuffix("={}")
    for value in ("1", "1.0", "-0.1", "half", "true", "null"):
        sentence = refused(composed, *others, override.format(value))
        assert f"{key} must be at least 0 and below 1, and is" in sentence
    for value in ("0", "0.0", "0.99"):
        composed(*others, override.format(value))


def test_layers_are_counted_from_1():
    sentence = refused(composed, "encoder=gru", "encoder.num_layers=0")
    assert sentence == "encoder.num_layers must be a whole number of 1 or more, and is 0"


def test_in_the_users_own_encoder_dropout_may_mean_something_else():
    assert composed("encoder=custom", "encoder._target_=own.E", "+encoder.dropout=[1,2]").encoder["dropout"] == [1, 2]
