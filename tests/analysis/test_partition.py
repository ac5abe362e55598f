"""How variants are sorted into lists of those that are alike."""

from hypothesis import given
from hypothesis import strategies as st
from made_records import made

from harness.analysis.partition import groups_of, partition
from harness.analysis.variants import gather

SEEN = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=12)


def seen_in(record):
    """Two numbers, of which 0 is unknown."""
    return record.config["optimizer"]["a"], record.config["optimizer"]["b"]


def alike(one, other):
    """Whether what both know is the same: 1 and unknown are alike, unknown and 2 too, but not 1 and 2."""
    return all(x == y or 0 in (x, y) for x, y in zip(seen_in(one), seen_in(other), strict=True))


def variants_with(numbers):
    records = [
        made(config={"optimizer.a": a, "optimizer.b": b, "optimizer.lr": place}) for place, (a, b) in enumerate(numbers)
    ]
    return gather(records).variants


@given(SEEN)
def test_a_partition_is_the_one_that_asks_about_every_two(numbers):
    variants = variants_with(numbers)
    parts = []
    for variant in variants:
        fitting = (part for part in parts if all(alike(variant.record, other.record) for other in part))
        part = next(fitting, None)
        if part is None:
            parts.append([variant])
        else:
            part.append(variant)
    assert partition(variants, alike, seen_in) == parts


def test_it_asks_once_about_those_that_look_alike():
    asked = []

    def counted(one, other):
        asked.append((one, other))
        return alike(one, other)

    variants = variants_with([(1, 1), (2, 1)] * 50)
    assert [len(part) for part in partition(variants, counted, seen_in)] == [50, 50]
    assert len(asked) == 1


def test_groups_have_one_value_of_the_key_and_keep_their_order():
    variants = variants_with([(2, 1), (1, 1), (2, 2)])
    first, second = groups_of(variants, lambda record: seen_in(record)[0])
    assert [seen_in(variant.record) for variant in first] == [(2, 1), (2, 2)]
    assert [seen_in(variant.record) for variant in second] == [(1, 1)]
