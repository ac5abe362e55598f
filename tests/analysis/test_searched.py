"""The trials of a search by validation alone."""

from made_records import made

from harness.analysis import budgets
from harness.analysis.budgets import trials
from harness.analysis.comparison import compare
from harness.analysis.searched import SearchTrial, best_first
from harness.report.searched import csv_text, heads, rows, sentences
from harness.report.text import failure


def trial(number, *scores, seeds=None, losses=(), test=0.5, **more):
    losses = losses or [1.0] * len(scores)
    records = [
        made(
            seed=seed,
            accuracy=test,
            metrics={"val/accuracy": score, "val/loss": loss, "speed/total_seconds": 3.0},
            history=[{"epoch": 1, "val/accuracy": score / 2}, {"epoch": 2, "val/accuracy": score}],
            config={"trial": number, "optimizer.lr": 0.01 * (number + 1)},
            sweep="s1",
            **more,
        )
        for seed, (score, loss) in enumerate(zip(scores, losses, strict=True))
    ]
    return SearchTrial(number, {"optimizer.lr": 0.01 * (number + 1)}, seeds or max(1, len(scores)), records)


def test_a_trial_has_the_mean_score_of_its_seeds_and_none_where_one_is_missing():
    two = trial(0, 0.5, 0.75)
    assert (two.score, two.steps, two.seconds) == (0.625, {1: 0.3125, 2: 0.625}, 6.0)
    incomplete = trial(1, 0.5, 0.75, seeds=3)
    assert (incomplete.score, incomplete.steps) == (None, {})
    assert trial(2).score is None


def test_the_best_trial_is_that_of_validation_and_of_equal_ones_that_with_the_lower_loss():
    trials = [
        trial(0, 0.5, test=0.99),
        trial(1, 0.75, losses=[0.9]),
        trial(2, 0.75, losses=[0.7]),
        trial(3, 0.9, stopped_epoch=1),
        trial(4),
    ]
    assert [one.number for one in best_first(trials)] == [2, 1, 0]
    assert heads(trials) == ["trial", "lr", "accuracy on validation", "seconds", "state"]
    assert next(rows(trials)) == ["2", "0.03", "0.75", "3", "finished"]
    assert [(row[0], row[-1]) for row in rows(trials)][3:] == [("3", "stopped"), ("4", "open")]
    said = sentences(trials, trials[2].records)
    assert said[0] == "best    trial 2: optimizer.lr=0.03 (accuracy 0.75 on validation, the best of 3 finished)"
    assert said[1].startswith("test    accuracy 0.5 of the best trial")
    assert said[2] == f"results outputs/{trials[2].records[0].run_dir}"
    assert sentences([trial(4)], []) == ["best    none: no trial of 1 has finished"]


def test_where_a_trial_failed_the_table_says_so(tmp_path):
    failed = trial(0, 0.5)
    failed.records[0].status, failed.records[0].reason = "failed", "the loss is not finite"
    failed.records[0].folder = tmp_path / "runs" / "a"
    refused = SearchTrial(1, {"optimizer.lr": -1.0}, 1, [], ["optimizer.lr must be above 0"])
    assert [row[-1] for row in rows([failed, refused])] == ["failed", "failed"]
    assert "not finite" in failure(failed.records[0])
    lines = csv_text([failed, refused], tmp_path).splitlines()
    assert lines[1] == "0,0.01,val/accuracy,,,3.0,failed,runs/a"
    assert lines[2] == "1,-1.0,,,,0,failed,"


def test_a_report_compares_the_trial_that_validation_chose_and_not_that_of_the_best_test_score():
    losers = [*trial(0, 0.5, 0.5, test=0.99).records, *trial(2, 0.6, 0.7, test=0.95).records]
    chosen = trial(1, 0.75, 0.65, test=0.7).records
    alone = made(encoder="gru", accuracy=0.8, config={"trial": None})
    comparison = compare([*losers, alone, *chosen], "digits")
    compared = [run for variant in comparison.variants for run in variant.runs]
    assert {(run.choices["encoder"], run.search_trial) for run in compared} == {("lstm", 1), ("gru", None)}
    assert len(compared) == 3
    assert not any("trial" in variant.parts for variant in comparison.variants)
    assert comparison.searches == [
        "The search s1 has 3 trials: only trial 1, the best one on validation, is compared."
    ]


def test_trials_of_an_earlier_search_are_compared_where_a_command_asks_for_them():
    runs = [*trial(0, 0.5, test=0.99).records, *trial(1, 0.75, test=0.7).records]
    for run in runs:
        run.skipped = True
    comparison = compare(runs, "digits")
    assert {run.search_trial for variant in comparison.variants for run in variant.runs} == {0, 1}
    assert comparison.searches == []


def test_a_trial_that_a_sweep_asked_for_later_is_compared_beside_the_best_one():
    asked, loser = trial(0, 0.5, test=0.99).records, trial(1, 0.6, test=0.95).records
    asked[0].asked_again = True
    comparison = compare([*asked, *loser, *trial(2, 0.75, test=0.7).records], "digits")
    compared = [run for variant in comparison.variants for run in variant.runs]
    assert {run.search_trial for run in compared} == {0, 2}
    assert comparison.searches == [
        "The search s1 has 3 trials: trial 2, the best one on validation, is compared, and trial 0, which another "
        "command asked for."
    ]


def test_the_best_trial_of_a_search_was_tuned_by_as_many_trials_as_there_were():
    searched = [run for number in range(3) for run in trial(number, 0.5 + number / 10).records]
    comparison = compare([*searched, made("gru", config={"trial": None})], "digits")
    tried = {variant.record.choices["encoder"]: trials(variant.record) for variant in comparison.variants}
    assert tried == {"lstm": 3, "gru": 0}
    (sentence,) = [one for one in budgets.sentences(comparison.groups) if "different budgets" in one]
    assert "trials of tuning 3 (lstm, lr=0.03), 0 (gru, lr=0.001)" in sentence
