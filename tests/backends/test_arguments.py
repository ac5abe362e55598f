"""Settings that a part of the model does not take are refused with what to do, and never reach the framework."""

import inspect
from importlib import import_module

import pytest
from conftest import QUICK
from experiments import composed, words

from harness.errors import UserError

UNKNOWN = [
    (["encoder=lstm", "+encoder.bidirectional=true"],
     "encoder.bidirectional: LSTM takes hidden_size, num_layers, dropout, kernel, and no bidirectional; "
     "for both directions take encoder=bidirectional encoder@encoder.inner=lstm"),
    (["encoder=rnn", "+encoder.bidirectional=true"], "take encoder=bidirectional encoder@encoder.inner=rnn"),
    (["encoder=gru", "+encoder.bias=false"],
     "encoder.bias: GRU takes hidden_size, num_layers, dropout, kernel, and no bias; "
     "leave it out, or write your own encoder (encoder=custom)"),
    (["encoder=rnn", "+encoder.bias=false"], "and no bias; leave it out"),
    (["encoder=lstm", "+encoder.proj_size=3"],
     "encoder.proj_size: LSTM takes hidden_size, num_layers, dropout, kernel, and"),
    (["encoder=gru", "+encoder.batch_first=false"], "and no batch_first"),
    (["encoder=gru", "+encoder.device=meta"], "and no device"),
    (["encoder=gru", "+encoder.go_backwards=true"], "and no go_backwards"),
    (["encoder=lstm", "+encoder.num_heads=2"], "and no num_heads; leave it out"),  # and not num_layers
    (["encoder=gru", "+encoder.hidden=3"], "and no hidden; did you mean encoder.hidden_size?"),
    (["encoder=gru", "+encoder.in_dim=3"], "and no in_dim"),
    (["encoder=self_attention", "+encoder.bias=true"], "encoder.bias: SelfAttention takes hidden_size, num_heads,"),
    (["encoder=bag_of_embeddings", "+encoder.hidden_size=3"], "Identity takes no settings, and no hidden_size"),
    (["encoder=bidirectional", "+encoder.inner.bias=false"], "encoder.inner.bias: LSTM takes hidden_size,"),
    (["encoder=stack", "+encoder.layers.first.bidirectional=true"],
     "take encoder@encoder.layers.first=bidirectional encoder@encoder.layers.first.inner=lstm"),
    (["pooling=mean", "+pooling.hidden_size=3"], "pooling.hidden_size: Mean takes no settings, and no hidden_size; "
     "leave it out"),
    (["position=learned", "+position.max_length=3"], "position.max_length: Learned takes no settings"),
]  # fmt: skip


def build(backend, *overrides):
    module = import_module(f"harness.backends.{backend.name}.model")
    return module.build(composed(f"backend={backend.name}", "input.size=8", *overrides), words(), 0)


@pytest.mark.parametrize(("overrides", "expected"), UNKNOWN, ids=[" ".join(given) for given, _ in UNKNOWN])
def test_a_setting_that_a_part_does_not_take_is_refused_with_what_to_do(backend, overrides, expected):
    with pytest.raises(UserError) as refusal:
        build(backend, *overrides)
    assert expected in str(refusal.value)


@pytest.mark.parametrize("overrides", [
    ["encoder=bidirectional", "encoder@encoder.inner=rnn"],
    ["encoder=stack", "encoder@encoder.layers.first=bidirectional", "encoder@encoder.layers.first.inner=gru"],
], ids=" ".join)
def test_what_the_sentence_says_to_take_works(backend, overrides):
    model = build(backend, *overrides)
    assert model.flops(7) > 0


def test_both_directions_of_an_encoder_of_pytorch_alone(in_torch):
    with pytest.raises(UserError, match=r"take encoder=bidirectional encoder@encoder.inner=min_gru"):
        build(in_torch, "encoder=min_gru", "+encoder.bidirectional=true")
    assert build(in_torch, "encoder=bidirectional", "encoder@encoder.inner=min_gru").encoder.out_dim == 2 * 128


@pytest.mark.parametrize("module", ["encoders", "poolings", "positions"])
def test_no_part_of_the_harness_passes_unknown_settings_on(backend, module):
    classes = vars(import_module(f"harness.backends.{backend.name}.{module}")).values()
    own = [one for one in classes if inspect.isclass(one) and one.__module__.startswith("harness.backends.")]
    assert len(own) >= 3
    for one in own:
        kinds = {parameter.kind for parameter in inspect.signature(one.__init__).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds, one


@pytest.mark.parametrize("name", ["pytorch", "tensorflow"])
def test_the_command_refuses_it_before_any_training(name, command):
    if name == "tensorflow":
        pytest.importorskip("tensorflow")
    ended = command(f"backend={name}", "encoder=gru", "+encoder.bidirectional=true", "tracking=none", *QUICK)
    assert ended.code == 2
    assert "for both directions take encoder=bidirectional encoder@encoder.inner=gru" in ended.err
    assert "Traceback" not in ended.err
    assert not ended.records
