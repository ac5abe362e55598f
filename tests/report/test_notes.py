"""The notes of a report on what its numbers do not say themselves."""

from made_records import over_seeds

from harness.analysis.comparison import compare
from harness.report.notes import notes

SENTENCE = (
    "digits: all seeds have the same accuracy with dummy; the interval is that of a standard deviation of one test "
    "item, below which none is taken."
)


def test_an_interval_of_equal_seeds_is_explained_and_one_of_different_seeds_is_not():
    made = [*over_seeds("dummy", [0.5, 0.5, 0.5]), *over_seeds("lstm", [0.9, 0.91, 0.92])]
    comparison = compare(made, "digits")
    (half,) = {one.means["test/accuracy"].half for one in comparison.variants if one.name == "dummy"}
    assert half > 0
    assert [sentence for sentence in notes(comparison) if "seeds" in sentence] == [SENTENCE]
    assert SENTENCE not in notes(compare(over_seeds("lstm", [0.9, 0.91, 0.92]), "digits"))
