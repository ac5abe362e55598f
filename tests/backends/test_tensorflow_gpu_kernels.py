"""Every operation of TensorFlow's training step and forward pass has a GPU kernel for its types (no GPU needed).

TensorFlow's wheel registers its GPU kernels on machines without a GPU too. An operation without one would run on the
host, between two copies, or fail where its device is fixed.
"""

from collections.abc import Iterator

import pytest
from experiments import composed, features, words
from shipped import choices, encoders_of
from test_contract import ONLY_TORCH

from harness.records.record import Hardware

NO_KERNEL_NEEDED = {
    *("Placeholder", "NoOp", "_Arg", "_Retval", "Assert"),
    *("PartitionedCall", "StatefulPartitionedCall", "While", "StatelessWhile", "If", "StatelessIf"),
}
"""Operations that the runtime replaces or runs itself; what is in their functions is looked at."""


@pytest.fixture(scope="module", autouse=True)
def tensorflow(in_keras):
    """TensorFlow; after the tests of this file, its layers are in float32 again."""
    import tensorflow as tf

    from harness.backends.tensorflow import runtime

    if not any(kernel.device_type == "GPU" for kernel in kernels_of("MatMul")):
        pytest.skip("this wheel of tensorflow registers no GPU kernels")
    yield tf
    runtime.start(Hardware("cpu"))


def kernels_of(operation: str) -> list:
    """What TensorFlow has registered for an operation."""
    from tensorflow.python.framework import kernels

    return list(kernels.get_registered_kernels_for_op(operation).kernel)


def nodes(graph) -> Iterator:
    content = graph.as_graph_def()
    yield from content.node
    for function in content.library.function:
        yield from function.node_def


def takes(kernel, node) -> bool:
    """Whether the types of a node are among those that a kernel is made for."""
    for constraint in kernel.constraint:
        if constraint.name in node.attr:
            value, allowed = node.attr[constraint.name], constraint.allowed_values.list.type
            types = value.list.type if value.WhichOneof("value") == "list" else [value.type]
            if any(number not in allowed for number in types):
                return False
    return True


def without_kernel(graph) -> set[str]:
    """The operations of a graph, with their types, that no GPU kernel takes."""
    from tensorflow import dtypes

    missing = set()
    for node in nodes(graph):
        on_gpu = [kernel for kernel in kernels_of(node.op) if kernel.device_type in ("GPU", "DEFAULT")]
        if node.op not in NO_KERNEL_NEEDED and not any(takes(kernel, node) for kernel in on_gpu):
            types = {attr.type for attr in node.attr.values() if attr.WhichOneof("value") == "type"}
            missing.add(" ".join([node.op, *sorted(dtypes.as_dtype(number).name for number in types)]))
    return missing


def graphs(data, precision: str, *overrides: str) -> Iterator:
    """The graphs of a training step and a forward pass, with the integers that a GPU gets."""
    import tensorflow as tf

    from harness.backends.tensorflow.backend import Backend
    from harness.backends.tensorflow.optimizers import make_optimizer
    from harness.backends.tensorflow.training import Training

    config = composed("backend=tensorflow", "input.size=16", *overrides)
    backend = Backend(config, Hardware("cpu", precision=precision))
    backend.integer = tf.int64
    backend.build(data, 0)
    optimizer = make_optimizer(config.optimizer, backend.model.trainable_variables, 10)
    training = Training(backend.model, backend.loss, optimizer, backend.specs, config.trainer.clip_norm)
    yield training.step.get_concrete_function().graph
    yield backend.forward.get_concrete_function().graph


ENCODERS = [name for name in encoders_of("pytorch") if name not in (*ONLY_TORCH, "custom", "pretrained")]
OPTIMIZERS = sorted({*choices("optimizer")} - {"lazy_adam", "custom"})  # PyTorch's alone, and any class
PLAIN = ["encoder=bag_of_embeddings"]
MORE = ["trainer.clip_norm=1.0", "input.dropout=0.1", "input.word_dropout=0.1", "head.hidden_sizes=[8]"]
CASES = [
    *([f"encoder={name}"] for name in ENCODERS),
    *([*PLAIN, f"pooling={name}"] for name in choices("pooling")),
    *([*PLAIN, f"position={name}"] for name in choices("position")),
    *([*PLAIN, f"optimizer={name}", *MORE, "optimizer.schedule=cosine"] for name in OPTIMIZERS),
    ["encoder=self_attention", "encoder.score=additive"],
]


@pytest.mark.parametrize("precision", ["32", "bf16"])
@pytest.mark.parametrize("overrides", CASES, ids=" ".join)
def test_every_operation_has_a_gpu_kernel_for_its_types(overrides, precision):
    missing = set().union(*map(without_kernel, graphs(words(), precision, *overrides)))
    assert missing == set()


@pytest.mark.parametrize("encoder", [name for name in ENCODERS if name != "additive_attention"])
def test_every_operation_of_tagging_has_a_gpu_kernel(encoder):
    assert set().union(*map(without_kernel, graphs(words(tagging=True), "32", f"encoder={encoder}"))) == set()


def test_every_operation_on_feature_vectors_has_a_gpu_kernel():
    assert set().union(*map(without_kernel, graphs(features(), "32", "encoder=lstm"))) == set()


def test_an_operation_without_a_gpu_kernel_is_found(tensorflow):
    tf = tensorflow

    def planted(x_B):
        # in a function of its own, as in a loop over steps
        inner = tf.function(lambda x_B: tf.strings.length(tf.strings.as_string(x_B)))
        return inner(x_B), tf.math.cumsum(tf.cast(x_B, tf.int8)), tf.nn.relu(x_B)

    graph = tf.function(planted).get_concrete_function(tf.TensorSpec([None], tf.float32)).graph
    found = without_kernel(graph)
    assert {"AsString float32", "Cumsum int32 int8"} <= found
    assert any(name.startswith("StringLength") for name in found)
    assert not any(name.startswith("Relu") for name in found)
