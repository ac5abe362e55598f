"""``encoder.kernel``: its values, and where it is refused."""

import pytest

from harness.config.compose import compose
from harness.config.kernels import check_kernels_on
from harness.errors import UserError
from harness.records.record import Hardware

INNER = ["encoder=bidirectional", "encoder@encoder.inner=gru"]


def refused(*overrides):
    with pytest.raises(UserError) as caught:
        compose(*overrides)
    return str(caught.value)


def test_every_recurrent_encoder_has_auto_unless_told_otherwise():
    assert [compose(f"encoder={one}").encoder["kernel"] for one in ("rnn", "lstm", "gru")] == ["auto"] * 3
    config = compose("encoder=bilstm_self_attention", "encoder.layers.first.inner.kernel=harness")
    assert config.encoder["layers"]["first"]["inner"]["kernel"] == "harness"


def test_an_unknown_kernel_is_refused_with_all_of_them():
    assert refused("encoder=lstm", "encoder.kernel=cudnn") == (
        "encoder.kernel must be auto, torch or harness, and is 'cudnn'"
    )
    assert refused(*INNER, "encoder.inner.kernel=null") == (
        "encoder.inner.kernel must be auto, torch or harness, and is None"
    )


def test_tensorflow_takes_auto_alone():
    assert compose("encoder=gru", "backend=tensorflow").encoder["kernel"] == "auto"
    assert refused(*INNER, "encoder.inner.kernel=torch", "backend=tensorflow") == (
        "encoder.inner.kernel=torch is for backend=pytorch, and backend=tensorflow has its own layers alone; take "
        "encoder.inner.kernel=auto"
    )


def test_a_custom_encoder_s_kernel_is_its_own():
    config = compose("encoder=custom", "encoder._target_=own.GRU", "+encoder.kernel=3")
    assert config.encoder["kernel"] == 3
    check_kernels_on(config, Hardware("gpu"))


def test_the_harness_s_steps_are_for_the_processor():
    config = compose(*INNER, "encoder.inner.kernel=harness")
    check_kernels_on(config, Hardware("cpu"))
    with pytest.raises(UserError) as caught:
        check_kernels_on(config, Hardware("gpu"))
    assert str(caught.value) == (
        "encoder.inner.kernel=harness runs on the processor, and this run is on gpu; take encoder.inner.kernel=auto or "
        "hardware=cpu"
    )
    check_kernels_on(compose("encoder=gru"), Hardware("gpu"))
