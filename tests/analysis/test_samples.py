"""The scores of test items in the verdicts: what other test items would change."""

import numpy as np
import pytest
from made_records import made

from harness.analysis.comparison import compare
from harness.analysis.samples import samples_of
from harness.records import store
from harness.records.metrics import ACCURACY
from harness.tasks.predictions import Predictions

ITEMS = 500


def record(folder, encoder, seed, right_N, started=0):
    """A run on a test split of one class that got these items right."""
    folder = folder / f"{encoder}-{seed}"
    folder.mkdir(parents=True)
    truth_N = np.zeros(len(right_N), int)
    Predictions("classification", np.where(right_N, 0, 1), truth_N).save(folder / store.PREDICTIONS)
    sizes = {"train": 9, "validation": 9, "test": len(right_N)}
    return made(encoder, seed, float(right_N.mean()), data={"sizes": sizes}, folder=folder, started=started)


def tagged(folder, encoder, seed, right_per_sentence, lengths):
    """A tagging run that got so many of the labels of each sentence right."""
    folder = folder / f"{encoder}-{seed}"
    folder.mkdir(parents=True)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    predicted = np.concatenate([np.arange(n) >= right for right, n in zip(right_per_sentence, lengths, strict=True)])
    Predictions("tagging", predicted.astype(int), np.zeros(ends[-1], int), ends, ends).save(folder / store.PREDICTIONS)
    data = {"task": "tagging", "sizes": {"test": len(lengths)}}
    return made(encoder, seed, float(sum(right_per_sentence) / sum(lengths)), data=data, folder=folder)


def two_encoders(folder, seeds=3, shares=(0.9, 0.8)):
    random = np.random.default_rng(1)
    rights = {
        encoder: random.random((seeds, ITEMS)) < share for encoder, share in zip(("lstm", "gru"), shares, strict=True)
    }
    records = [record(folder, name, seed, right_N) for name, right_SN in rights.items()
               for seed, right_N in enumerate(right_SN)]  # fmt: skip
    return rights, compare(records, "x")


def test_samples_are_the_scores_of_the_runs(tmp_path):
    rights, comparison = two_encoders(tmp_path)
    found = samples_of(comparison.variants, ACCURACY)
    assert found.labels == ITEMS
    for variant, sample in zip(comparison.variants, found.samples, strict=True):
        right_SN = rights[variant.name]
        assert sample.values == dict(enumerate(right_SN.mean(1)))
        assert sample.items_N == pytest.approx(right_SN.mean(0) - right_SN.mean())
        assert sample.items_variance == pytest.approx(right_SN.var(0, ddof=1).mean())


def test_the_interval_over_other_items_is_that_of_a_share(tmp_path):
    _, comparison = two_encoders(tmp_path)
    mean = comparison.variants[0].means[ACCURACY]
    assert mean.items_half == pytest.approx(1.96 * np.sqrt(mean.mean * (1 - mean.mean) / ITEMS), rel=1e-3)


def test_without_kept_predictions_the_number_of_items_gives_that_interval(tmp_path):
    runs = [made("lstm", seed, 0.9, data={"sizes": {"test": 400}}) for seed in range(3)]
    (variant,) = compare(runs, "x").variants
    assert variant.means[ACCURACY].items_half == pytest.approx(1.96 * np.sqrt(0.9 * 0.1 / 400), rel=1e-4)
    assert compare([made(seed=seed) for seed in range(3)], "x").variants[0].means[ACCURACY].items_half is None


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("kept", [True, False])
def test_all_items_right_or_wrong_is_no_certainty_about_others(tmp_path, right, kept):
    # the formula of a share gives an interval without width here, though one more item may well be otherwise
    records = [record(tmp_path, encoder, seed, np.full(360, right)) for encoder in ("lstm", "gru") for seed in range(3)]
    for each in records if not kept else ():
        (each.folder / store.PREDICTIONS).unlink()
    for variant in compare(records, "x").variants:
        assert variant.means[ACCURACY].mean == right
        assert variant.means[ACCURACY].items_half == pytest.approx(1.96 / 360, rel=1e-4)


def test_a_run_without_predictions_leaves_out_the_items_of_its_variant(tmp_path):
    _, comparison = two_encoders(tmp_path)
    (tmp_path / "gru-1" / store.PREDICTIONS).unlink()
    found = samples_of(comparison.variants, ACCURACY)
    assert found.labels == ITEMS
    assert {one.name for one, sample in zip(comparison.variants, found.samples, strict=True)
            if sample.items_N is None} == {"gru"}  # fmt: skip


def test_chance_of_the_test_items_is_no_difference(tmp_path):
    # each run of an encoder answers alike: the seeds agree, and only 40 items tell the encoders apart
    random = np.random.default_rng(2)
    records = []
    for encoder, share in (("lstm", 0.85), ("gru", 0.75)):
        right_N = random.random(40) < share
        records += [record(tmp_path, encoder, seed, right_N) for seed in range(3)]
    comparison = compare(records, "x")
    (behind,) = [one.standings[ACCURACY] for one in comparison.variants if one.verdict(ACCURACY) != "best"]
    assert (behind.verdict, behind.seeds_needed) == ("open", None)
    for each in records:
        (each.folder / store.PREDICTIONS).unlink()
    known = compare(records, "x")
    (without,) = [one.standings[ACCURACY] for one in known.variants if one.verdict(ACCURACY) != "best"]
    assert without.at_most < behind.at_most


def test_a_sentence_counts_as_one_item(tmp_path):
    lengths, rights = [2, 5, 3, 7], [[2, 3, 3, 5], [1, 5, 2, 5], [2, 4, 3, 6]]
    runs = [tagged(tmp_path, "lstm", seed, one, lengths) for seed, one in enumerate(rights)]
    (variant,) = compare(runs, "x").variants
    found = samples_of([variant], ACCURACY)
    assert found.labels == 17
    per_sentence = 17 / 4
    expected = np.mean([(np.array(one) - sum(one) / 17 * np.array(lengths)) / per_sentence for one in rights], axis=0)
    assert found.samples[0].items_N == pytest.approx(expected)
    assert expected.mean() == pytest.approx(0)
