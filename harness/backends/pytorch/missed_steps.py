"""Adam's steps that the rows of a table missed: what they would have done to a row whose gradient was zero.

While the gradient of a number ``w`` is zero, Adam's moments decay, and ``w`` still moves along them. With the moments
``m`` and ``v`` after step ``s``, step ``t = s + j`` subtracts ``lr_t b1^j m / (1 - b1^t)`` divided by
``c_t sqrt(v) + eps``, where ``c_t = sqrt(b2^j / (1 - b2^t))``. The sum over the missed steps is ``m`` times a function
of ``sqrt(v)`` alone, which depends on ``s``, the betas, epsilon and the learning rates, and is the same for all numbers
of all rows that were last updated at step ``s``. Its terms fall by ``b1 / sqrt(b2)`` each: some 200 are enough.

The function is nearly ``1 / (c sqrt(v) + eps)`` of one ``c``. With ``y = eps / (c sqrt(v) + eps)``, between 0 and 1, it
is ``y / eps`` times a smooth function of ``y``, and a polynomial through a few points equals that function to the
rounding of float32: ``MissedSteps`` keeps the sums at these points up to date, a few hundred numbers at each step.

To bring a parameter up to date when it is read next is known from regularised linear models, where the missed steps
have a closed form (Carpenter 2008, "Lazy sparse stochastic gradient descent"; Lipton & Elkan 2015, "Efficient elastic
net regularization"). For Adam, published "lazy" and "smart decay" variants leave the missed steps out, or count them
without epsilon, bias correction and schedule, and so are other optimizers.

Dimension letters: S steps since the table was last up to date as a whole, P points, F factors of a step.
"""

import math

import numpy as np

TAIL = 1e-9
"""Missed steps whose movement is a smaller share of the first one's are left out."""
LONGEST_WINDOW = 1000
TOLERANCE = 5e-7
"""Largest relative error of the movement, which is itself some percent of a weight."""
DEGREES = range(2, 13)
LEAST_EPSILON, LARGEST_DECAY = 1e-12, 0.1
CAPACITY = 4096
"""Steps after which the whole table must be brought up to date, so that the memory of them is bounded."""
SETTLED = 128
"""At this step the table is brought up to date too: later, the bias correction changes slowly, and the polynomial of a
low degree does."""


class MissedSteps:
    """The factors of the movement that a row has missed, by the step of its last update.

    ``factors_SF`` has a line per step since ``first``: the coefficients of the polynomial, from the constant one, and
    ``c / eps``. ``remaining_S`` is the share of a weight that decay has left since ``first``. ``refresh`` brings the
    lines up to date.

    Args:
        betas: decay rates of the moments.
        eps: Adam's epsilon.
        decay: decoupled weight decay; a step multiplies a weight by ``1 - lr * decay``.
    """

    def __init__(self, betas: tuple[float, float], eps: float, decay: float = 0.0) -> None:
        self.betas, self.eps, self.decay = betas, eps, decay
        self.window = _window(betas)
        power = np.arange(CAPACITY + 1.0)
        self.beta1_J, self.beta2_J = (np.exp(power * math.log(beta)) for beta in betas)
        self.root_J = np.sqrt(self.beta2_J)
        self.typical = max(1, round(0.5 / (1 - betas[0] / math.sqrt(betas[1]))))
        """Missed steps after which ``c`` is the one that stands for all."""
        self.restart(0)

    def restart(self, step: int) -> None:
        """Forget all steps up to ``step``, after which every row is up to date."""
        self.first = self.step = step
        self.remaining = 1.0
        self.degree = next((degree for degree in DEGREES if self.error(step, degree) <= TOLERANCE), DEGREES[-1])
        self.points_P = _points(self.degree)
        self.coefficients_PP = np.linalg.inv(np.vander(self.points_P, increasing=True)).T / self.eps
        self.sums_SP = np.zeros((CAPACITY + 1, self.degree + 1))
        self.scale_S, self.remaining_S = np.ones(CAPACITY + 1), np.ones(CAPACITY + 1)
        self.factors_SF = np.zeros((CAPACITY + 1, self.degree + 2), np.float32)
        self._stale = 0
        self.scale_S[0] = self._scale(step)

    def advance(self, lr: float) -> None:
        """Count one more step, with this learning rate."""
        self.step += 1
        self.remaining *= 1 - lr * self.decay
        begin = max(0, self.step - self.window - self.first)
        end = self.step - self.first
        gaps = slice(end - begin, 0, -1)
        beta1, beta2 = self.betas
        weight_S = self.beta1_J[gaps] * (lr / ((1 - beta1**self.step) * self.remaining))
        ratio_S = self.root_J[gaps] / (math.sqrt(1 - beta2**self.step) * self.scale_S[begin:end])
        self.sums_SP[begin:end] += _at(self.points_P, weight_S, ratio_S)
        self.scale_S[end], self.remaining_S[end] = self._scale(self.step), self.remaining
        self._stale = min(self._stale, begin)

    @property
    def must_restart(self) -> bool:
        """Whether no further step can be counted before all rows are brought up to date."""
        return self.step - self.first >= CAPACITY or self.step == SETTLED or self.remaining < 1e-6

    def refresh(self) -> slice:
        """Bring the factors up to date; returns the lines that changed."""
        changed = slice(self._stale, self.step - self.first + 1)
        self.factors_SF[changed, :-1] = self.sums_SP[changed] @ self.coefficients_PP
        self.factors_SF[changed, -1] = self.scale_S[changed] / self.eps
        self._stale = changed.stop
        return changed

    def error(self, step: int, degree: int) -> float:
        """The largest relative error of the movement of rows that were last updated at ``step``, at a constant rate."""
        step = max(step, 1)  # before it no row has moments
        gap_J = np.arange(1, self.window + 1)
        beta1, beta2 = self.betas
        weight_J = self.beta1_J[gap_J] / (1 - beta1 ** (step + gap_J))
        ratio_J = self.root_J[gap_J] / np.sqrt(1 - beta2 ** (step + gap_J)) / self._scale(step)
        y_Y, points_P = np.linspace(0, 1, 33), _points(degree)
        worst = 0.0
        for count in {1, self.typical, 4 * self.typical, self.window}:
            exact_Y, known_P = (_at(y, weight_J[:count], ratio_J[:count]).sum(0) for y in (y_Y, points_P))
            found_Y = np.polynomial.Polynomial.fit(points_P, known_P, degree, domain=[0, 1])(y_Y)
            worst = max(worst, float(np.abs(found_Y / exact_Y - 1).max()))
        return worst

    def _scale(self, step: int) -> float:
        """The ``c`` that stands for those of all steps after ``step``."""
        return float(self.root_J[self.typical] / math.sqrt(1 - self.betas[1] ** (step + self.typical)))


def can_catch_up(betas: tuple[float, float], eps: float, largest_decay: float) -> bool:
    """Whether rows can be brought up to date to float32's rounding with these settings.

    ``largest_decay`` is the largest share of a weight that a step takes.
    """
    beta1, beta2 = betas
    if beta1 == 0 or beta2 == 0 or eps < LEAST_EPSILON or largest_decay >= LARGEST_DECAY:
        return False
    if _window(betas) > LONGEST_WINDOW:
        return False
    return MissedSteps(betas, eps).error(1, DEGREES[-1]) <= TOLERANCE


def _window(betas: tuple[float, float]) -> int:
    """Missed steps that count; more than ``LONGEST_WINDOW`` if their movement does not vanish."""
    ratio = betas[0] / math.sqrt(betas[1])
    return math.ceil(math.log(TAIL) / math.log(ratio)) if ratio < 0.999 else LONGEST_WINDOW + 1


def _points(degree: int) -> np.ndarray:
    """Chebyshev's points in (0, 1), through which a polynomial is laid."""
    return 0.5 - 0.5 * np.cos((2 * np.arange(degree + 1) + 1) * np.pi / (2 * degree + 2))


def _at(y_P: np.ndarray, weight_S: np.ndarray, ratio_S: np.ndarray) -> np.ndarray:
    """A step's part of the function of ``y``, by missed step and point."""
    return weight_S[:, None] / (y_P + (1 - y_P) * ratio_S[:, None])
