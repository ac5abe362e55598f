"""What counts as a whole number."""

import pytest

from harness.checks import is_whole


@pytest.mark.parametrize(
    ("value", "least", "expected"),
    [(3, 3, True), (2, 3, False), (0, 0, True), (-1, 0, False), (True, 1, False), (3.0, 1, False), ("3", 1, False),
     (None, 0, False)],
)  # fmt: skip
def test_a_whole_number_of_at_least_so_much(value, least, expected):
    assert is_whole(value, least) is expected
