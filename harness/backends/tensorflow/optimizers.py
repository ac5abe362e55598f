"""Optimizers, with the arithmetic of torch's, to which Keras's own differ in epsilon, weight decay and clipping.

They take one step of all variables at a time, inside the compiled training step, by TensorFlow's fused kernels. What
is drawn from a table of embeddings has a dense gradient like all else: rows that a batch lacks still follow their
moments, as in torch.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness.backends.arguments import check_settings
from harness.backends.schedules import schedule_factor
from harness.errors import UserError


class Optimizer:
    """What all have in common. ``state`` is all that a checkpoint must hold of it.

    Args:
        variables: what is trained.
        factors: what the learning rate is multiplied by, step by step.
        lr: the learning rate.
    """

    slots = 0

    def __init__(self, variables: Sequence[keras.Variable], factors: np.ndarray, lr: float) -> None:
        self.variables = [variable.value for variable in variables]
        self.learning_rates = tf.constant(lr * factors, tf.float32)
        self.steps = tf.Variable(0, trainable=False, dtype=tf.int64)
        self.moments = [
            [tf.Variable(tf.zeros_like(variable), trainable=False) for _ in range(self.slots)]
            for variable in self.variables
        ]

    @property
    def state(self) -> list[tf.Variable]:
        return [self.steps, *(moment for moments in self.moments for moment in moments)]

    def apply(self, gradients: Sequence[tf.Tensor | None]) -> None:
        """One step. A variable without a gradient stays as it is."""
        # gathered, not sliced: XLA takes a slice's start for a constant, and would compile anew at every step
        lr = tf.gather(self.learning_rates, self.steps)
        self.steps.assign_add(1)
        for variable, gradient, moments in zip(self.variables, gradients, self.moments, strict=True):
            if gradient is not None:
                self.update(variable, gradient, lr, *moments)

    def update(self, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, *moments: tf.Variable) -> None:
        """One step of one variable."""
        raise NotImplementedError


class SGD(Optimizer):
    """``m = momentum * m + g``, ``w = w - lr * m``; with ``nesterov``, ``w = w - lr * (g + momentum * m)``."""

    def __init__(
        self, variables, factors, lr: float, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0
    ) -> None:
        if nesterov and not momentum:
            raise UserError("optimizer.nesterov=true looks ahead along the momentum; set optimizer.momentum above 0")
        self.slots = 1 if momentum else 0
        super().__init__(variables, factors, lr)
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay

    def update(self, variable, gradient, lr, *moments) -> None:
        if self.weight_decay:
            gradient += self.weight_decay * variable
        if moments:
            tf.raw_ops.ResourceApplyMomentum(
                var=variable.handle, accum=moments[0].handle, lr=lr, grad=gradient, momentum=self.momentum,
                use_nesterov=self.nesterov,
            )
        else:
            variable.assign_sub(lr * gradient)


class Adam(Optimizer):
    """``m = b1 * m + (1 - b1) * g``, ``v = b2 * v + (1 - b2) * g^2`` (Kingma & Ba 2015), and with the moments' biases
    c = 1 - b^t taken out ``w = w - lr * (m / c1) / (sqrt(v / c2) + eps)``.

    ``weight_decay`` adds to the gradient.
    """

    slots = 2

    def __init__(
        self, variables, factors, lr: float, betas: Sequence[float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(variables, factors, lr)
        # the kernel holds the betas in float32; biases of the same rounded values cancel exactly
        self.beta1, self.beta2 = (float(np.float32(beta)) for beta in betas)
        self.eps, self.weight_decay = eps, weight_decay

    def update(self, variable, gradient, lr, *moments) -> None:
        gradient = self.decayed(variable, gradient, lr)
        m, v = moments
        steps = tf.cast(self.steps, tf.float64)
        bias1, bias2 = 1 - self.beta1**steps, 1 - self.beta2**steps
        # the kernel computes w - rate * m / (sqrt(v) + epsilon): the formula above times sqrt(c2) on both sides
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=m.handle, v=v.handle, beta1=self.beta1, beta2=self.beta2, grad=gradient,
            beta1_power=0.0, beta2_power=0.0,  # the biases are in the rate
            lr=lr * tf.cast(tf.sqrt(bias2) / bias1, tf.float32),
            epsilon=tf.cast(self.eps * tf.sqrt(bias2), tf.float32),
        )

    def decayed(self, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor) -> tf.Tensor:
        """The gradient, with the weight decay where it is a part of it."""
        return gradient + self.weight_decay * variable if self.weight_decay else gradient


class AdamW(Adam):
    """Adam with ``w = (1 - lr * weight_decay) * w`` in front of each step (Loshchilov & Hutter 2019)."""

    def __init__(
        self, variables, factors, lr: float, betas: Sequence[float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(variables, factors, lr, betas, eps, weight_decay)

    def decayed(self, variable, gradient, lr) -> tf.Tensor:
        variable.assign_sub(lr * self.weight_decay * variable)
        return gradient


OPTIMIZERS = {"adam": Adam, "adamw": AdamW, "sgd": SGD}


def make_optimizer(settings: dict[str, Any], variables: Sequence[keras.Variable], total_steps: int) -> Optimizer:
    """The optimizer that a config describes.

    Raises:
        UserError: there is no such optimizer, setting or schedule.
    """
    own = dict(settings)
    name, schedule, decay = own.pop("name"), own.pop("schedule"), own.pop("decay")
    if name not in OPTIMIZERS:
        raise UserError(f"optimizer.name is one of {', '.join(OPTIMIZERS)}, not {name!r}")
    known = list(inspect.signature(OPTIMIZERS[name]).parameters)[2:]
    check_settings(name, own, known, "tensorflow")
    factor = schedule_factor(schedule, decay, total_steps)
    return OPTIMIZERS[name](variables, np.array([factor(step) for step in range(total_steps)]), **own)


def clipped(gradients: Sequence[tf.Tensor | None], max_norm: float) -> list[tf.Tensor | None]:
    """Gradients scaled down where their norm, all taken as one vector, is above ``max_norm``."""
    norm = tf.linalg.global_norm(gradients)
    # torch's own small number, so that both scale alike
    scale = tf.minimum(max_norm / (norm + 1e-6), 1.0)
    return [None if gradient is None else gradient * scale for gradient in gradients]
