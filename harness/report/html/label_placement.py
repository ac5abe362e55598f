"""Places the names beside a plot's points: on the side where a name covers no point and no other name.

Plotly puts every name on the same side. Names of close points then cover each other, and the last one leaves the plot.
"""

import math
from collections.abc import Sequence

SIDES = ("top right", "bottom right", "top left", "bottom left")
WIDTH, HEIGHT = 500, 300
"""The approximate size of a plot's area on a page of full width, in pixels."""
MARGIN = 16
"""The margin on the right of that area, in pixels: a name may extend into it."""
CHARACTER, LINE, POINT = 6.2, 13, 7
"""The width of a character, the height of a line and the radius of a point, in pixels."""

Box = tuple[float, float, float, float]


def text_positions(
    x: Sequence[float], y: Sequence[float], names: Sequence[str], logarithmic: bool = False, ends: Sequence[float] = ()
) -> list[str]:
    """Plotly's ``textposition`` of each point's name.

    The first of SIDES where the name is free and inside the plot; else the first where it is inside.
    ``x`` is on an axis that begins at 0, or is ``logarithmic``; ``y`` on one that spans its values. ``ends`` are those
    of the points' intervals in ``x``, which the axis spans too.
    """
    drawn = [math.log(value) for value in [*ends, *x] if value > 0] if logarithmic else [0.0, *ends, *x]
    left = _scaled(drawn, WIDTH)[-len(x) :]
    points = list(zip(left, _scaled(y, HEIGHT), strict=True))
    taken = [(a - POINT, b - POINT, a + POINT, b + POINT) for a, b in points]
    positions = []
    for point, name in zip(points, names, strict=True):
        boxes = {side: _box(point, side, len(name) * CHARACTER) for side in SIDES}
        side = min(SIDES, key=lambda side: (not _inside(boxes[side]), any(_overlap(boxes[side], box) for box in taken)))
        positions.append(side)
        taken.append(boxes[side])
    return positions


def _scaled(values: Sequence[float], size: float) -> list[float]:
    low, high = min(values), max(values)
    return [size * (value - low) / (high - low) if high > low else size / 2 for value in values]


def _box(point: tuple[float, float], side: str, width: float) -> Box:
    x = point[0] + POINT if side.endswith("right") else point[0] - POINT - width
    y = point[1] + POINT if side.startswith("top") else point[1] - POINT - LINE
    return x, y, x + width, y + LINE


def _inside(box: Box) -> bool:
    return box[0] >= 0 and box[2] <= WIDTH + MARGIN


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
