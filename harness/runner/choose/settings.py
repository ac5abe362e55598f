"""What a user sets for ``choose``: the budget, the looks and the cost, each checked before anything runs."""

import re
from collections.abc import Sequence

from harness.analysis.recommendation import COSTS
from harness.analysis.statistics import FEWEST
from harness.errors import UserError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""The seconds in each unit of a budget."""


def seconds_of(budget: object) -> float:
    """The seconds of a budget such as ``90s``, ``5m``, ``1.5h`` or ``2d``.

    Raises:
        UserError: it is no positive number with a unit.
    """
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)([smhd])", str(budget))
    seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise UserError(f"budget must be a time such as 90s, 5m, 1.5h or 1d, and is {budget}")
    return seconds


def looks_of(looks: object) -> tuple[int, ...]:
    """The numbers of seeds at which one looks.

    Raises:
        UserError: they are not whole numbers that ascend from at least three on.
    """
    given = list(looks) if isinstance(looks, Sequence) and not isinstance(looks, str) else [looks]
    numbers = [one for one in given if isinstance(one, int) and not isinstance(one, bool)]
    if len(numbers) < len(given) or not numbers or numbers[0] < FEWEST or sorted(set(numbers)) != numbers:
        raise UserError(
            f"looks must be numbers of seeds that ascend from {FEWEST} or more on, such as looks=[3,5,7,10], and is "
            f"{looks}"
        )
    return tuple(numbers)


def cost_of(cost: object) -> str:
    """What is to be cheap, one of COSTS.

    Raises:
        UserError: there is no such cost.
    """
    if cost not in COSTS:
        raise UserError(f"cost must be one of {', '.join(COSTS)}, and is {cost}")
    return str(cost)
