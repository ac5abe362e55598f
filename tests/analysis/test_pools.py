"""Which variants are ranked together in a metric."""

from made_records import over_seeds

from harness.analysis.comparison import compare
from harness.analysis.pools import OF_PASSES, pools
from harness.records.metrics import EPOCH_SECONDS, TRAINING_SECONDS

SPEEDS = (*OF_PASSES, TRAINING_SECONDS)


def test_a_whole_training_in_one_step_is_not_ranked_with_the_epochs_of_others():
    speeds = {name: [1.0, 1.1, 1.2] for name in SPEEDS}
    neural = [one for encoder in ("lstm", "gru") for one in over_seeds(encoder, [0.9, 0.91, 0.92], metrics=speeds)]
    versions = {"versions": {"python": "3.11.7", "scikit-learn": "1.8.0", "numpy": "2.4.6"}}
    baseline = over_seeds(
        "tfidf_logreg", [0.8, 0.81, 0.82], choices={"backend": "sklearn"}, environment=versions, metrics=speeds
    )
    (group,) = compare([*neural, *baseline], "x").groups
    ranked = {name: [[variant.name for variant in pool] for pool in pools(group, name)] for name in SPEEDS}
    assert ranked.pop(TRAINING_SECONDS) == [["lstm", "gru", "tfidf_logreg"]]
    assert ranked == {name: [["lstm", "gru"], ["tfidf_logreg"]] for name in OF_PASSES}
    assert {one.name: bool(one.verdict(EPOCH_SECONDS)) for one in group.variants} == {
        "lstm": True, "gru": True, "tfidf_logreg": False
    }  # fmt: skip


def test_int8_scores_are_of_a_processor_and_those_of_float32_are_not():
    names = {f"{prefix}/accuracy": [0.9, 0.9, 0.9] for prefix in ("serving", "serving_int8")}
    here = over_seeds("lstm", [0.9, 0.91, 0.92], metrics=names, environment={"processor": "one"})
    there = over_seeds("gru", [0.9, 0.91, 0.92], metrics=names, environment={"processor": "other"})
    (group,) = compare([*here, *there], "x").groups
    assert [len(list(pools(group, name))) for name in names] == [1, 2]
