"""Optimizers with torch's arithmetic; Keras's own differ from it in epsilon, weight decay and clipping.

They update all variables in one call, inside the compiled training step, with TensorFlow's fused kernels. Embedding
tables have dense gradients, like all other variables: rows that a batch does not read still follow their moments, as
in torch.
"""

import inspect
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from harness.backends.arguments import check_settings
from harness.backends.custom_optimizer import CUSTOM, make_custom
from harness.backends.schedules import schedule_factor
from harness.config.schema import OptimizerConfig
from harness.errors import UserError


class Optimizer:
    """The part that all optimizers share. ``state`` is what a checkpoint must hold.

    Args:
        variables: the trained variables.
        factors: the factor of the learning rate at each step.
        lr: the learning rate.
    """

    slots = 0

    def __init__(self, variables: Sequence[keras.Variable], factors: np.ndarray, lr: float) -> None:
        self.variables = [variable.value for variable in variables]
        self.learning_rates = tf.Variable(lr * factors, trainable=False, dtype=tf.float32)
        self.steps = tf.Variable(0, trainable=False, dtype=tf.int64)
        self.moments = [
            [tf.Variable(tf.zeros_like(variable), trainable=False) for _ in range(self.slots)]
            for variable in self.variables
        ]

    @property
    def state(self) -> list[tf.Variable]:
        return [self.steps, *(moment for moments in self.moments for moment in moments)]

    def set_rate(self, lr: float) -> None:
        """Set the learning rate of all steps from here on; a resumed training sets it again."""
        self.learning_rates.assign(tf.fill(self.learning_rates.shape, tf.constant(lr, tf.float32)))

    def apply(self, gradients: Sequence[tf.Tensor | None]) -> None:
        """One step. A variable without a gradient stays as it is."""
        # gathered, not sliced: XLA treats the start of a slice as a constant, and would compile again at every step
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
    """``m = b1 * m + (1 - b1) * g``, ``v = b2 * v + (1 - b2) * g^2`` (Kingma & Ba 2015), and with the bias
    corrections c = 1 - b^t ``w = w - lr * (m / c1) / (sqrt(v / c2) + eps)``.

    ``weight_decay`` adds to the gradient.
    """

    slots = 2

    def __init__(
        self, variables, factors, lr: float, betas: Sequence[float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(variables, factors, lr)
        # the kernel holds the betas in float32; the bias corrections use the same rounded values
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
            beta1_power=0.0, beta2_power=0.0,  # the bias corrections are in the rate
            lr=lr * tf.cast(tf.sqrt(bias2) / bias1, tf.float32),
            epsilon=tf.cast(self.eps * tf.sqrt(bias2), tf.float32),
        )

    def decayed(self, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor) -> tf.Tensor:
        """The gradient, plus the weight decay if it belongs to the gradient."""
        return gradient + self.weight_decay * variable if self.weight_decay else gradient


class AdamW(Adam):
    """Adam with ``w = (1 - lr * weight_decay) * w`` before each step (Loshchilov & Hutter 2019)."""

    def __init__(
        self, variables, factors, lr: float, betas: Sequence[float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(variables, factors, lr, betas, eps, weight_decay)

    def decayed(self, variable, gradient, lr) -> tf.Tensor:
        variable.assign_sub(lr * self.weight_decay * variable)
        return gradient


class Adadelta(Optimizer):
    """``s = rho * s + (1 - rho) * g^2``, ``d = g * sqrt(u + eps) / sqrt(s + eps)``, ``u = rho * u + (1 - rho) * d^2``,
    ``w = w - lr * d`` (Zeiler 2012, with lr = 1).

    ``weight_decay`` adds to the gradient.
    """

    slots = 2

    def __init__(
        self, variables, factors, lr: float, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0
    ) -> None:
        super().__init__(variables, factors, lr)
        self.rho, self.eps, self.weight_decay = rho, eps, weight_decay

    def update(self, variable, gradient, lr, *moments) -> None:
        if self.weight_decay:
            gradient += self.weight_decay * variable
        squares, updates = moments
        tf.raw_ops.ResourceApplyAdadelta(
            var=variable.handle, accum=squares.handle, accum_update=updates.handle, lr=lr, rho=self.rho,
            epsilon=self.eps, grad=gradient,
        )  # fmt: skip


class OfKeras(Optimizer):
    """An optimizer of Keras, or one of the user's own that is derived from it: ``optimizer=custom``.

    Raises:
        UserError: it needs what this training does not do: a scaled loss, or averaged weights at the end.
    """

    def __init__(self, variables: Sequence[keras.Variable], factors: np.ndarray, settings: OptimizerConfig) -> None:
        super().__init__(variables, factors, settings.lr)
        self.trained = list(variables)
        self.made = make_custom(settings, keras.optimizers.Optimizer, "tensorflow", lr="learning_rate")
        for key in ("use_ema", "loss_scale_factor"):
            if getattr(self.made, key, None):
                raise UserError(f"optimizer.{key} has no effect in this harness; leave it out")
        self.made.build(self.trained)

    @property
    def state(self) -> list[tf.Variable]:
        return [self.steps, *(variable.value for variable in self.made.variables)]

    def apply(self, gradients: Sequence[tf.Tensor | None]) -> None:
        self.made.learning_rate = tf.gather(self.learning_rates, self.steps)
        self.steps.assign_add(1)
        pairs = [pair for pair in zip(gradients, self.trained, strict=True) if pair[0] is not None]
        self.made.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])


OPTIMIZERS = {"adam": Adam, "adamw": AdamW, "sgd": SGD, "adadelta": Adadelta}


def make_optimizer(settings: OptimizerConfig, variables: Sequence[keras.Variable], total_steps: int) -> Optimizer:
    """The optimizer of a config.

    Raises:
        UserError: there is no such optimizer or setting.
    """
    name = settings.name
    factor = schedule_factor(settings.schedule, settings.decay, total_steps)
    factors = np.array([factor(step) for step in range(total_steps)])
    if name == CUSTOM:
        return OfKeras(variables, factors, settings)
    if name not in OPTIMIZERS:
        raise UserError(f"optimizer.name is one of {', '.join([*OPTIMIZERS, CUSTOM])}, not {name!r}")
    arguments = {"lr": settings.lr, **(settings.model_extra or {})}
    parameters = list(inspect.signature(OPTIMIZERS[name]).parameters.items())[2:]
    known = {key: parameter.default for key, parameter in parameters}
    check_settings(name, arguments, known, "tensorflow")
    return OPTIMIZERS[name](variables, factors, **arguments)


def clipped(gradients: Sequence[tf.Tensor | None], max_norm: float) -> list[tf.Tensor | None]:
    """All gradients scaled down if their norm, as one vector, is above ``max_norm``."""
    norm = tf.linalg.global_norm(gradients)
    # the epsilon of torch's clip_grad_norm_, so that both backends scale alike
    scale = tf.minimum(max_norm / (norm + 1e-6), 1.0)
    return [None if gradient is None else gradient * scale for gradient in gradients]
