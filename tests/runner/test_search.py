"""A search by Optuna: no trial twice, stored trials, seeds averaged, the best one chosen by validation alone."""

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace

import commands
import pytest
from conftest import QUICK, refused
from hydra.core.override_parser.overrides_parser import OverridesParser
from made_records import made
from omegaconf import OmegaConf

from harness.records import store
from harness.runner import run_names
from harness.runner.job_outcomes import JobOutcome

pytest.importorskip("optuna", minversion="4")
from harness.runner.search import kept_trials
from harness.runner.search.proposals import Proposal, Result, propose
from harness.runner.search.space import count_of, read_space, value_at
from harness.runner.search.sweeper import SearchSweeper
from harness.runner.sweep import Sweep

SEARCH = ("-m", "hydra/sweeper=optuna", "hydra.sweeper.direction=maximize", "encoder=bag_of_embeddings")
ONE_EPOCH = (*QUICK, "trainer.epochs=1", "tracking=none")


def space_of(*overrides):
    return read_space(overrides, OverridesParser.create())


def sampler(name):
    return OmegaConf.create({"_target_": f"optuna.samplers.{name}Sampler", "seed": 0})


def values(overrides):
    (distribution,) = space_of(overrides).tried.values()
    return [value_at(distribution, place) for place in range(count_of(distribution))]


def test_the_values_of_an_override_are_those_that_hydra_gives():
    assert values("a=64,128,'p q'") == ["64", "128", "'p q'"]
    assert values("a=choice(3,3,5)") == ["3", "5"]
    assert values("a=range(4,9)") == [4, 5, 6, 7, 8]
    assert values("a=range(7,0,-3)") == [1, 4, 7]
    assert values("a=range(0,1,0.25)") == [0.0, 0.25, 0.5, 0.75]
    assert values("a=int(interval(2,5))") == [2, 3, 4, 5]
    (log,) = space_of("a=tag(log,interval(1e-4,1e-1))").tried.values()
    assert (log.low, log.high, log.log, count_of(log)) == (1e-4, 1e-1, True, None)


def test_seeds_are_runs_of_a_trial_and_nothing_to_search():
    space = space_of("encoder=gru", "a=1,2", "seed=0,2", "b=5", "b=range(0,3)")
    assert space.size == 6
    assert space.jobs({"a": "2", "b": 1}) == [
        ["encoder=gru", "a=2", "b=1", "seed=0"],
        ["encoder=gru", "a=2", "b=1", "seed=2"],
    ]
    assert space_of("a=1,2").jobs({"a": "2"}) == [["a=2"]]
    assert "has nothing to search" in refused(space_of, "encoder=gru", "seed=0,1")
    assert "seed takes whole numbers" in refused(space_of, "a=1,2", "seed=interval(0,9)")
    assert "from the smaller to the larger number" in refused(space_of, "a=interval(5,2)")


def searched(space, name, most, batch):
    """The trials of a search whose score is highest at x = 0.3 and large n."""
    past, results = [], []
    while len(past) < most and (
        new := propose(past, results, space, sampler(name), "maximize", min(batch, most - len(past)))
    ):
        past += new
        results += [Result(one.settings["n"] / 64 - (one.settings.get("x", 0.3) - 0.3) ** 2) for one in new]
    return past, results


@pytest.mark.parametrize("name", ["TPE", "Random", "NSGAII"])
def test_a_search_that_is_asked_anew_goes_on_as_it_would_have(name):
    space = space_of("x=interval(0.0,1.0)", "n=range(4,64)")
    whole, _ = searched(space, name, 13, 2)
    through_json = [Proposal(**json.loads(json.dumps(vars(one)))) for one in whole[:6]]
    results = [Result(one.settings["n"] / 64 - (one.settings["x"] - 0.3) ** 2) for one in whole[:6]]
    further = propose(through_json, results, space, sampler(name), "maximize", 2)
    assert [one.settings for one in further] == [one.settings for one in whole[6:8]]
    assert Counter(one.batch for one in whole)[0] == 2
    assert all(float(f"{one.settings['x']:.6g}") == one.settings["x"] for one in whole)


def test_a_sampler_that_learns_searches_where_the_scores_are_high():
    space = space_of("x=interval(0.0,1.0)", "n=range(4,64)")
    trials, _ = searched(space, "TPE", 31, 1)
    assert fmean(one.settings["n"] for one in trials[10:]) > 37  # the mean of the range is 33.5


@pytest.mark.parametrize("name", ["TPE", "Random"])
def test_a_finite_space_is_exhausted_without_repeating_a_trial(name):
    space = space_of("n=range(1,12,2)", "b=p,q,r")
    trials, _ = searched(space, name, 50, 2)
    assert len(trials) == len({tuple(one.settings.items()) for one in trials}) == space.size == 18


@pytest.mark.parametrize("name", ["TPE", "Random", "NSGAII"])
def test_settings_of_another_encoder_make_no_further_trial(name):
    space = space_of("encoder=cnn,gru", "+per.cnn.kernel_size=3,5", "n=range(1,4)")
    trials, _ = searched(space, name, 50, 2)
    assert len(trials) == len({tuple(one.settings.items()) for one in trials}) == space.size == 2 * 3 + 3
    assert {tuple(one.settings) for one in trials if one.settings["encoder"] == "gru"} == {("encoder", "n")}
    assert space_of("encoder=cnn,gru", "+per.cnn.dropout=interval(0.0,0.5)").size is None


def test_numbers_that_read_the_same_are_no_two_trials():
    trials, _ = searched(space_of("x=interval(0.1,0.100002)", "n=range(3,4)"), "Random", 9, 1)
    assert sorted(one.settings["x"] for one in trials) == [0.1, 0.100001, 0.100002]


def test_kept_trials_of_another_space_are_refused():
    past = [Proposal({"n": 5})]
    assert "of another search space" in refused(
        propose, past, [Result(0.5)], space_of("m=1,2"), sampler("TPE"), "maximize", 1
    )


def test_commands_that_share_a_search_get_the_same_trials(tmp_path):
    def make(past):
        return [Proposal({"n": len(past) + place}, batch=len(past) // 2) for place in range(2)]

    first, second = kept_trials.KeptTrials(tmp_path), kept_trials.KeptTrials(tmp_path)
    assert [one.settings for one in first.after(0, True, make)] == [{"n": 0}, {"n": 1}]
    assert [one.settings for one in first.after(2, True, make)] == [{"n": 2}, {"n": 3}]
    assert [one.settings for one in second.after(0, True, pytest.fail)] == [{"n": 0}, {"n": 1}]
    assert [one.settings["n"] for one in second.after(0, False, pytest.fail)] == [0, 1, 2, 3]
    assert first.after(4, False, lambda past: []) == []
    first.file.write_text("{}")
    assert "has no trials of a search" in refused(first.after, 0, True, make)


def start(folder, *arguments):
    return commands.start(folder, *arguments, into=folder / "printed", session=True)


@pytest.mark.long
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_search_that_is_killed_at_its_fifth_trial_goes_on_with_its_trials(tmp_path, jobs):
    tried = ("encoder.hidden_size=range(4,64)", "optimizer.lr=tag(log,interval(1e-4,1e-1))")
    several = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2") if jobs == 2 else ()
    command = (*SEARCH, "hydra.sweeper.n_trials=12", f"hydra.sweeper.n_jobs={jobs}", "encoder=gru", *several)
    command = (*command, *tried, *ONE_EPOCH)
    process = start(tmp_path, *command)
    runs = tmp_path / "outputs" / "runs"
    while len(list(store.read_all(runs))) < 4:
        assert process.poll() is None, (tmp_path / "printed").read_text()
        time.sleep(0.05)
    time.sleep(0.5)  # the fifth one is under way
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (kept,) = (tmp_path / "outputs" / "sweeps").glob("*/trials.json")
    before = store.load_json(kept)["trials"]
    finished = {one.fingerprint: one.ended for one in store.read_all(runs) if one.status == "finished"}
    assert 4 <= len(before) < 12
    again = start(tmp_path, *command)
    assert again.wait() == 0, (tmp_path / "printed").read_text()
    made = list(store.read_all(runs))
    settings = [(one.config["encoder"]["hidden_size"], one.config["optimizer"]["lr"]) for one in made]
    assert len(made) == len(set(settings)) == 12
    assert {one.status for one in made} == {"finished"}
    trials = store.load_json(kept)["trials"]
    assert trials[: len(before)] == before
    assert {(one["settings"]["encoder.hidden_size"], one["settings"]["optimizer.lr"]) for one in trials} == set(
        settings
    )
    assert {one.fingerprint: one.ended for one in made if one.fingerprint in finished} == finished, "not trained again"
    best = max(made, key=lambda one: (one.metrics["val/accuracy"], -one.metrics["val/loss"]))
    printed = (tmp_path / "printed").read_text()
    assert f"best    trial {best.search_trial}: " in printed
    assert f"results outputs/runs/digits/{best.folder.name}\n" in printed
    assert "\x1b" not in printed


def test_seeds_are_averaged_and_a_finished_search_trains_nothing(command):
    tried = ("encoder.hidden_size=4,8", "seed=0,1", "hydra.sweeper.n_trials=9", *ONE_EPOCH)
    ended = command(*SEARCH, "encoder=gru", *tried)
    assert ended.code == 0, ended.err
    assert len(ended.records) == 4
    means = {
        width: fmean(
            one.metrics["val/accuracy"] for one in ended.records if one.config["encoder"]["hidden_size"] == width
        )
        for width in (4, 8)
    }
    (results,) = Path("outputs/sweeps").glob("*/optimization_results.yaml")
    assert OmegaConf.load(results).best_value == max(means.values())
    assert "mean of 2 seeds" in ended.out
    assert "the search ends after 2 of 9 trials: all 2 combinations were tried" in ended.out
    assert "unlikely to be noise" not in ended.out
    times = {one.fingerprint: one.ended for one in ended.records}
    again = command(*SEARCH, "encoder=gru", *tried)
    assert again.code == 0, again.err
    assert {one.fingerprint: one.ended for one in again.records} == times
    assert again.out.partition("trials, by validation")[2] == ended.out.partition("trials, by validation")[2]


def test_a_sweep_over_all_combinations_compares_what_a_search_has_trained(command):
    tried = ("encoder=gru", "encoder.hidden_size=4,8", *ONE_EPOCH)
    searched = command(*SEARCH, *tried)
    assert searched.code == 0, searched.err
    swept = command("-m", *tried)
    assert swept.code == 0, swept.err
    assert {one.fingerprint: one.ended for one in swept.records} == {
        one.fingerprint: one.ended for one in searched.records
    }
    assert all(f"gru, hidden_size={width}" in swept.out for width in (4, 8))
    sweep = Sweep.current.config.sweep
    written = Path("outputs/reports/digits", sweep, "report.csv")
    before = written.read_text()
    assert command("report", "--sweep", sweep).code == 0
    assert written.read_text() == before, "it has the same runs, none of which names this sweep"


def test_hopeless_trials_are_stopped_and_the_best_settings_read_the_test_split_once(command):
    space = ("optimizer.lr=tag(log,interval(1e-6,1e-1))", "hydra.sweeper.n_trials=9", "hydra.sweeper.n_jobs=1")
    ended = command(*SEARCH, *space, "hydra.sweeper.pruner=median", *ONE_EPOCH, "trainer.epochs=3")
    assert ended.code == 0, ended.err
    trials = sorted((one for one in ended.records if one.is_trial), key=lambda one: one.config["tune"]["trial"])
    (result,) = (one for one in ended.records if not one.is_trial)
    assert len(trials) == 9
    assert not any(metric.startswith("test/") for one in trials for metric in one.metrics)
    stopped = [place for place, one in enumerate(trials) if one.stopped_epoch is not None]
    assert stopped == [place for place, one in enumerate(trials) if len(one.history) < 3]
    assert stopped
    assert min(stopped) >= 3, "three trials must have finished"
    best = max(
        (one for one in trials if one.stopped_epoch is None),
        key=lambda one: (one.metrics["val/accuracy"], -one.metrics["val/loss"]),
    )
    assert result.config["optimizer"]["lr"] == best.config["optimizer"]["lr"]
    assert result.metrics["val/accuracy"] == best.metrics["val/accuracy"]
    assert result.tuning.best == best.config["tune"]["trial"]
    assert result.tuning.stopped == stopped
    assert f"results {result.folder.relative_to(Path.cwd())}" in ended.out


def test_a_search_that_resumes_judges_the_failures_of_each_batch_and_counts_none_twice(tmp_path, monkeypatch):
    """Three batches of four: three of the last one fail, in the first command and again in the one that resumes."""
    fails = {0, 8, 9, 11}

    def search():
        sweeper = SearchSweeper(None, "maximize", 20, 4, 0.5)
        sweeper.config = OmegaConf.create({"output_dir": str(tmp_path), "sweep": "s1", "worker": "1.0-here-1"})
        sweeper.config.fail_fast = False
        sweeper.launched_at_once = []

        def launch(jobs):
            sweeper.launched_at_once.append(len(jobs))
            numbers = [int(job[-1].removeprefix("trial=")) for job in jobs]
            scored = {"metrics": {"val/accuracy": 0.5}}
            return [JobOutcome(made(status="failed") if one in fails else made(**scored)) for one in numbers]

        def propose(past):
            return [Proposal({"n": len(past) + place}, len(past) // 4) for place in range(4)]

        monkeypatch.setattr(sweeper, "launch", launch)
        monkeypatch.setattr(sweeper, "check", lambda jobs: [])
        monkeypatch.setattr(sweeper, "_propose", propose)
        monkeypatch.setattr("harness.runner.search.space.read_space", lambda *_: space_of("n=range(0,50)"))
        monkeypatch.setattr(Sweep, "current", None)
        sweeper.hydra_context = SimpleNamespace(config_loader=None)
        run_names.sweep_folder(sweeper.config).mkdir(parents=True, exist_ok=True)
        sweeper.sweep([])
        return sweeper

    first, again = search(), search()
    assert (first.launched_at_once, again.launched_at_once) == ([4, 4, 4], [12])
    assert [trial.number for trial in again.search.trials] == list(range(12))
    for one in (first, again):
        assert one.search.ended == (
            "the search ends: 3 of 4 trials of a batch failed, and hydra.sweeper.max_failure_rate=0.5"
        )
    fails.remove(9)  # of four trials, two fail
    assert search().launched_at_once == [12, 4, 4]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("hydra.sweeper.n_trials=0", "hydra.sweeper.n_trials must be a whole number of 1 or more, and is 0"),
        ("hydra.sweeper.direction=up", "hydra.sweeper.direction must be maximize or minimize, and is 'up'"),
        ("hydra.sweeper.pruner=mean", "hydra.sweeper.pruner must be null or median, and is 'mean'"),
        ("hydra.sweeper.max_failure_rate=2", "hydra.sweeper.max_failure_rate must be from 0 to 1, and is 2"),
        ("trial=3", "trial=3: -m sets the number of a trial; leave it out"),
    ],
)
def test_wrong_settings_of_a_search_are_one_sentence(command, setting, sentence):
    ended = command(*SEARCH, "encoder.hidden_size=4,8", setting)
    assert (ended.code, ended.records) == (2, [])
    assert sentence in ended.err
    assert "Traceback" not in ended.err
