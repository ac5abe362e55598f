"""Where the names beside a plot's points go: to that side of each where they cover neither a point nor another name."""

import math
from collections.abc import Sequence

SIDES = ("top right", "bottom right", "top left", "bottom left")
WIDTH, HEIGHT = 500, 300
"""About what a plot's area measures on a page of full width, in pixels."""
LETTER, LINE, POINT = 6.2, 13, 7
"""A letter's width, a line's height and the radius that a point takes, in pixels."""

Box = tuple[float, float, float, float]


def sides(x: Sequence[float], y: Sequence[float], names: Sequence[str], logarithmic: bool = False) -> list[str]:
    """Plotly's ``textposition`` for each point's name; the first of SIDES where none is free.

    ``x`` is on an axis that begins at 0, or is ``logarithmic``; ``y`` on one that spans its values.
    """
    left = _scaled([math.log(value) for value in x] if logarithmic else [0.0, *x], WIDTH)[-len(x) :]
    points = list(zip(left, _scaled(y, HEIGHT), strict=True))
    taken = [(a - POINT, b - POINT, a + POINT, b + POINT) for a, b in points]
    found = []
    for point, name in zip(points, names, strict=True):
        boxes = {side: _box(point, side, len(name) * LETTER) for side in SIDES}
        free = [side for side, box in boxes.items() if _inside(box) and not any(_overlap(box, one) for one in taken)]
        found.append(free[0] if free else SIDES[0])
        taken.append(boxes[found[-1]])
    return found


def _scaled(values: Sequence[float], size: float) -> list[float]:
    low, high = min(values), max(values)
    return [size * (value - low) / (high - low) if high > low else size / 2 for value in values]


def _box(point: tuple[float, float], side: str, width: float) -> Box:
    x = point[0] + POINT if side.endswith("right") else point[0] - POINT - width
    y = point[1] + POINT if side.startswith("top") else point[1] - POINT - LINE
    return x, y, x + width, y + LINE


def _inside(box: Box) -> bool:
    return box[0] >= 0 and box[2] <= WIDTH


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
