"""What is said of the kernels of recurrent encoders that are compared."""

import dataclasses

from made_records import made

from harness.analysis import kernels
from harness.analysis.comparison import compare
from harness.config.kernels import with_kernels
from harness.records.record import from_json

BOTH = {"encoder": {"training": "harness", "inference": "torch"}}
TORCH = {"encoder": {"training": "torch", "inference": "torch"}}
KERAS = {"encoder": {"training": "keras", "inference": "keras"}}


def run(encoder, used, kernel="auto", backend="pytorch", **more):
    config = {"backend.name": backend, "encoder._target_": f"harness.backends.{backend}.encoders.{encoder.upper()}"}
    config |= {} if kernel is None else {"encoder.kernel": kernel}
    return made(encoder, config=config, environment={"kernels": used}, choices={"backend": backend}, **more)


def said(*records):
    return kernels.sentences(compare(records, "digits").groups)


def test_encoders_that_auto_gave_different_kernels_are_named_and_ranked_together():
    records = [run("lstm", TORCH), run("gru", BOTH), run("rnn", BOTH), run("self_attention", {})]
    assert said(*records) == [
        "digits: speed and memory compare kernels as well as encoders: training harness (gru, rnn), torch (lstm); "
        "encoder.kernel=torch or encoder.kernel=harness gives all of them the same kernel."
    ]
    (group,) = compare(records, "digits").groups
    assert len(group.hardware_groups) == 1


def test_nothing_is_said_of_one_kernel_or_of_records_that_are_older_than_the_choice():
    assert said(run("lstm", TORCH), run("gru", TORCH, "torch"), run("self_attention", {})) == []
    assert said(run("lstm", {}, None), run("gru", BOTH)) == []


def test_a_comparison_of_kernels_names_its_variants_by_them():
    harness = {"encoder": {"training": "harness", "inference": "harness"}}
    records = [run(one, used, kernel) for one in ("lstm", "gru")
               for kernel, used in (("torch", TORCH), ("harness", harness))]  # fmt: skip
    (group,) = compare(records, "digits").groups
    assert {variant.name for variant in group.variants} == {
        "lstm, kernel=torch", "lstm, kernel=harness", "gru, kernel=torch", "gru, kernel=harness",
    }  # fmt: skip
    (sentence,) = kernels.sentences([group])
    assert sentence.startswith("digits: speed and memory compare kernels as well as encoders: training harness (")
    assert "; inference harness (" in sentence
    assert not sentence.endswith("the same.")  # nobody asked for auto


def test_keras_has_no_choice_to_advise():
    (sentence,) = said(run("lstm", TORCH), run("lstm", KERAS, backend="tensorflow"))
    assert "training keras (lstm" in sentence
    assert "encoder.kernel" not in sentence


def test_a_record_without_a_kernel_is_an_earlier_version_of_the_same_with_auto():
    old, new = run("gru", {}, None, code="old"), run("gru", BOTH, code="new", started=1)
    compared = compare([old, new], "digits")
    assert [variant.name for variant in compared.variants] == ["gru"]
    assert [variant.record.variant for variant in compared.outdated] == [old.variant]


def test_a_record_without_a_kernel_is_named_beside_another_kernel():
    (group,) = compare([run("gru", {}, None), run("gru", TORCH, "torch")], "digits").groups
    assert {variant.name for variant in group.variants} == {"gru, kernel=auto", "gru, kernel=torch"}


def test_records_are_read_with_and_without_kernels():
    record = run("gru", BOTH)
    content = record.to_json()
    assert from_json(content).environment.kernels == BOTH
    del content["environment"]["kernels"]
    assert from_json(content) == dataclasses.replace(
        record, environment=dataclasses.replace(record.environment, kernels={}), folder=from_json(content).folder
    )


def test_only_the_recurrent_encoders_of_the_harness_get_the_kernel_of_older_records():
    cell = {"_target_": "harness.backends.pytorch.encoders.Cell", "cell": {"_target_": "torch.nn.LSTM"}}
    gru = {"_target_": "harness.backends.pytorch.encoders.GRU", "num_layers": 2}
    stack = {"_target_": "harness.backends.pytorch.encoders.Stack", "layers": {"first": cell, "second": gru}}
    expected = {**stack, "layers": {"first": cell, "second": {**gru, "kernel": "auto"}}}
    assert with_kernels(stack) == expected
