import pytest
from made_records import HARDWARE, VERSIONS, made, over_seeds
from scipy import stats

from harness.analysis.comparison import compare
from harness.errors import UserError
from harness.report.notes import notes
from harness.report.verdict_text import mark

LATENCY, MEMORY, WHOLE = "latency/p50_ms", "memory/host_train_peak_mib", "speed/total_seconds"
ACCURACY, FLOPS = "test/accuracy", "cost/forward_flops"


def verdicts(comparison, metric):
    return {variant.name: variant.verdict(metric) or None for variant in comparison.variants}


def baselines(comparison):
    """The baseline of each variant that has one, by the variant's name."""
    return {
        variant.name: variant.baseline_differences[ACCURACY].baseline
        for variant in comparison.variants
        if variant.baseline_differences
    }


def test_means_and_marks_by_each_metrics_own_direction():
    slow, fast = {LATENCY: [5.0, 5.1, 4.9]}, {LATENCY: [1.0, 1.1, 0.9]}
    records = over_seeds("lstm", [0.90, 0.92, 0.91], metrics=slow) + over_seeds("gru", [0.5, 0.52, 0.51], metrics=fast)
    comparison = compare(records, "x")
    assert comparison.variants[0].means[ACCURACY].mean == pytest.approx(0.91)
    assert verdicts(comparison, ACCURACY) == {"lstm": "best", "gru": "worse"}
    assert verdicts(comparison, LATENCY) == {"lstm": "worse", "gru": "best"}


def test_one_seed_cannot_say():
    comparison = compare([made("lstm", accuracy=0.9), made("gru", accuracy=0.1)], "x")
    assert verdicts(comparison, ACCURACY) == {"lstm": "few seeds", "gru": "few seeds"}


def test_a_metric_that_some_lack_is_ranked_among_those_that_have_it():
    records = [*over_seeds("lstm", [0.9, 0.8], metrics={LATENCY: [1.0, 1.1]}), *over_seeds("gru", [0.9, 0.8])]
    assert verdicts(compare(records, "x"), LATENCY) == {"lstm": None, "gru": None}


def test_other_data_or_versions_are_not_ranked_together_and_the_report_names_the_differences():
    imdb = over_seeds("lstm", [0.1, 0.2], choices={"data": "imdb"}, data={"hash": "33ff"})
    comparison = compare(over_seeds("lstm", [0.9, 0.8]) + imdb, "x")
    assert [group.title for group in comparison.groups] == ["digits", "imdb"]
    assert comparison.separations == ["Not ranked together: digits | imdb. They differ in data (digits or imdb)."]
    older = over_seeds("gru", [0.9, 0.8], environment={"versions": {**VERSIONS, "torch": "2.12.0"}})
    comparison = compare(over_seeds("lstm", [0.9, 0.8]) + older, "x")
    assert [group.title for group in comparison.groups] == ["digits (torch 2.13.0)", "digits (torch 2.12.0)"]
    assert comparison.separations[0].endswith("They differ in torch (2.13.0 or 2.12.0).")


def test_a_package_that_only_one_variant_has_separates_nothing():
    more = {"versions": {**VERSIONS, "tensorflow": "2.21.0"}}
    comparison = compare([made("lstm"), made("lstm", choices={"backend": "tensorflow"}, environment=more)], "x")
    assert len(comparison.groups) == 1


def test_only_versions_of_packages_that_compute_separate_variants():
    one = {"mlflow": "3.1", "hydra-core": "1.3", "datasets": "4", "tensorflow": "2.21.0", "keras": "3.6"}
    other = {"mlflow": "3.2", "hydra-core": "1.4", "datasets": "5", "tensorflow": "2.20.0", "keras": "3.7"}
    records = [
        made(name, environment={"versions": {**VERSIONS, **more}}) for name, more in (("lstm", one), ("gru", other))
    ]
    assert len(compare(records, "x").groups) == 1
    tensorflow = {"choices": {"backend": "tensorflow"}, "config": {"backend.name": "tensorflow"}}
    records = [
        made(name, environment={"versions": {**VERSIONS, **more}}, **tensorflow)
        for name, more in (("lstm", one), ("gru", other))
    ]
    comparison = compare(records, "x")
    assert [group.title for group in comparison.groups] == [
        "digits (tensorflow 2.21.0, keras 3.6)",
        "digits (tensorflow 2.20.0, keras 3.7)",
    ]
    pytorch = {"versions": {**VERSIONS, "numpy": "2.0"}}
    comparison = compare([records[0], made(environment=pytorch)], "x")
    assert [group.title for group in comparison.groups] == ["digits (numpy 2.4.6)", "digits (numpy 2.0)"]
    assert comparison.separations[0].endswith("They differ in numpy (2.4.6 or 2.0).")


def test_profiles_are_left_out_and_counted_in_a_note():
    profile = made("gru", accuracy=None, mode="profile", metrics={"profile/forward_time_exponent": 2.0})
    comparison = compare([*over_seeds("lstm", [0.9, 0.8]), profile], "x")
    assert [variant.name for variant in comparison.variants] == ["lstm"]
    assert notes(comparison) == ["Not compared with runs: 1 profile; report.html shows profiles."]
    with pytest.raises(UserError, match=r"there are only profiles, .*; python -m harness mode=profile shows them"):
        compare([profile], "x")


def test_exponents_of_a_profile_are_never_ranked():
    exponent = "profile/forward_time_exponent"
    records = over_seeds("lstm", [0.9] * 3, metrics={exponent: [1.0, 1.1, 1.2]})
    records += over_seeds("gru", [0.8] * 3, metrics={exponent: [2.0, 2.1, 2.2]})
    comparison = compare(records, "x", "encoder=lstm")
    assert verdicts(comparison, exponent) == {"lstm": None, "gru": None}
    assert not any(exponent in variant.baseline_differences for variant in comparison.variants)


def test_operations_are_ranked_among_variants_that_were_counted_at_one_length():
    def on(encoder, flops, length):
        return over_seeds(encoder, [0.9] * 2, metrics={FLOPS: [flops] * 2}, config={"measure.latency_length": length})

    comparison = compare([*on("lstm", 10, 64), *on("gru", 15, 128), *on("rnn", 20, 128)], "x")
    assert list(verdicts(comparison, FLOPS).values()) == [None, "best", "worse"]


def test_the_total_time_is_not_ranked_and_does_not_cover_resumed_runs():
    numbers = {"metrics": {WHOLE: [10.0, 11.0, 12.0], LATENCY: [1.0, 1.1, 1.2]}}
    records = [record for name in ("lstm", "gru", "rnn") for record in over_seeds(name, [0.9] * 3, **numbers)]
    for record in records:
        record.resumed_epochs = int(record.label == "gru/seed=1")
    comparison = compare(records, "x")
    assert set(verdicts(comparison, WHOLE).values()) == {None}
    assert verdicts(comparison, LATENCY)["gru"] is not None
    assert comparison.separations == [
        "digits: speed/total_seconds of gru does not cover whole runs: runs were resumed after an interruption, and "
        "the time before it is not counted."
    ]


def test_over_other_hardware_accuracy_is_ranked_and_speed_is_not():
    numbers = {"metrics": {LATENCY: [1.0, 1.1, 1.2], MEMORY: [10.0, 11.0, 12.0]}}
    one_thread = {"hardware": {**HARDWARE, "threads": 1}}
    far = over_seeds("gru", [0.5, 0.51, 0.52], environment=one_thread, **numbers)
    comparison = compare(over_seeds("lstm", [0.9, 0.91, 0.93], **numbers) + far, "x")
    titles = [hardware_group.title for hardware_group in comparison.groups[0].hardware_groups]
    assert titles == ["threads 2", "threads 1"]
    assert verdicts(comparison, ACCURACY) == {"lstm": "best", "gru": "worse"}
    assert verdicts(comparison, LATENCY) == verdicts(comparison, MEMORY) == {"lstm": None, "gru": None}
    assert "the runs differ in threads (2 or 1)" in comparison.separations[0]


def test_a_sweep_over_threads_has_a_baseline_for_each():
    records = []
    for threads in (1, 2):
        more = {"environment": {"hardware": {**HARDWARE, "threads": threads}}}
        records += over_seeds("lstm", [0.9, 0.91, 0.93], **more) + over_seeds("gru", [0.8, 0.81, 0.82], **more)
    comparison = compare(records, "x", "encoder=gru")
    assert sorted(variant.name for variant in comparison.variants) == [
        "gru, threads=1", "gru, threads=2", "lstm, threads=1", "lstm, threads=2"
    ]  # fmt: skip
    compared = baselines(comparison)
    assert compared == {"lstm, threads=1": "gru, threads=1", "lstm, threads=2": "gru, threads=2"}
    named = compare(records, "x", "encoder=gru,threads=1")
    assert "lstm, threads=1" in baselines(named)


def test_a_busy_machine_takes_speed_out_of_the_ranking_and_leaves_memory_in():
    numbers = {"metrics": {LATENCY: [1.0, 1.1, 1.2], MEMORY: [10.0, 11.0, 12.0]}}
    busy = over_seeds("gru", [0.9, 0.9, 0.9], environment={"other_processes_cpu_share": 0.5}, **numbers)
    comparison = compare(
        over_seeds("lstm", [0.9, 0.91, 0.93], **numbers) + over_seeds("rnn", [0.8] * 3, **numbers) + busy, "x"
    )
    assert verdicts(comparison, LATENCY)["gru"] is None
    assert verdicts(comparison, LATENCY)["rnn"] is not None
    assert verdicts(comparison, MEMORY)["gru"] is not None
    assert comparison.separations == [
        "digits: the speed of gru is not comparable and not ranked, because other processes used up to 50% of the "
        "processor in 3 of 3 runs."
    ]


def with_a_busy_seed(seeds):
    """Three variants over these seeds; other processes disturbed seed 1 of gru and of rnn."""
    quiet = {LATENCY: [2.0, 2.1, 2.2, 2.1][:seeds], MEMORY: [10.0, 11.0, 12.0, 11.0][:seeds]}
    late = {LATENCY: [1.0, 9.0, 1.2, 1.1][:seeds], MEMORY: quiet[MEMORY]}
    records = over_seeds("lstm", [0.9] * seeds, metrics=quiet) + over_seeds("gru", [0.9] * seeds, metrics=late)
    records += over_seeds("rnn", [0.8] * seeds, metrics=late)
    for record in records:
        if record.choices["encoder"] != "lstm" and record.seed == 1:
            record.environment.other_processes_cpu_share = 0.5
    return records


def test_one_busy_run_of_four_leaves_its_variant_in_the_ranking_of_speed_and_is_said_once():
    comparison = compare(with_a_busy_seed(4), "x")
    assert verdicts(comparison, LATENCY) == {"lstm": "worse", "gru": "best", "rnn": "open"}
    assert comparison.separations == [
        "Left out of speed and latency: 2 of 12 runs (1 of gru, 1 of rnn), during which other processes used the same "
        "hardware; the other runs of their variants count."
    ]


def test_two_quiet_runs_of_three_give_a_mean_of_speed_and_no_verdict_which_is_said():
    comparison = compare(with_a_busy_seed(3), "x", "encoder=lstm")
    assert verdicts(comparison, LATENCY) == dict.fromkeys(["lstm", "gru", "rnn"], "few seeds")
    assert set(verdicts(comparison, MEMORY).values()) <= {"best", "equivalent", "open"}
    gru = next(variant for variant in comparison.variants if variant.name == "gru")
    assert (gru.means[LATENCY].mean, gru.means[LATENCY].n) == (1.1, 2)
    assert (gru.means[MEMORY].mean, gru.means[MEMORY].n) == (11.0, 3)
    difference = gru.baseline_differences[LATENCY].difference
    assert (difference.mean, difference.n) == (pytest.approx(-1.0), 2)  # 1.0 - 2.0 and 1.2 - 2.2
    assert mark(comparison.groups[0], gru, LATENCY) == "-"
    assert gru.standings[LATENCY].reason == "other processes disturbed 1 of 3 runs"
    assert comparison.separations == [
        "Left out of speed and latency: 2 of 9 runs (1 of gru, 1 of rnn), during which other processes used the same "
        "hardware; the other runs of their variants count.",
        "No verdict in speed and latency on gru, rnn: a verdict needs 3 runs that no other process disturbed; add "
        "seeds.",
    ]


def test_differences_to_the_baseline_are_paired_and_corrected_over_the_variants():
    ours = {"lstm": [0.80, 0.82, 0.81, 0.84], "gru": [0.83, 0.84, 0.85, 0.86], "rnn": [0.79, 0.83, 0.80, 0.84]}
    records = [record for name, values in ours.items() for record in over_seeds(name, values)]
    by_name = {variant.name: variant for variant in compare(records, "x", "encoder=lstm").variants}
    raw = {name: stats.ttest_rel(ours[name], ours["lstm"]).pvalue for name in ("gru", "rnn")}
    assert raw["gru"] < raw["rnn"]
    gru, rnn = (by_name[name].baseline_differences[ACCURACY] for name in ("gru", "rnn"))
    assert gru.difference.mean == pytest.approx(0.0275)
    assert gru.p == pytest.approx(2 * raw["gru"])
    assert rnn.p == pytest.approx(max(raw["rnn"], 2 * raw["gru"]))
    assert by_name["lstm"].baseline_differences == {}


def test_a_baseline_that_several_variants_fit_is_matched_by_the_rest():
    def both(encoder, pytorch, tensorflow):
        other = {"choices": {"backend": "tensorflow"}, "config": {"backend.name": "tensorflow"}}
        return over_seeds(encoder, pytorch) + over_seeds(encoder, tensorflow, **other)

    records = both("lstm", [0.8, 0.9], [0.7, 0.85]) + both("gru", [0.6, 0.65], [0.5, 0.5])
    variants = {variant.name: variant for variant in compare(records, "x", "backend=pytorch").variants}
    gru, lstm = (variants[f"{name}, backend=tensorflow"].baseline_differences[ACCURACY] for name in ("gru", "lstm"))
    assert (gru.baseline, gru.difference.mean) == ("gru, backend=pytorch", pytest.approx(-0.125))
    assert lstm.difference.mean == pytest.approx(-0.075)


@pytest.mark.parametrize("baseline", ["hidden_size=64", "encoder.hidden_size=64"])
def test_a_baseline_is_described_by_a_key_in_full_or_as_names_have_it(baseline):
    records = [
        record
        for encoder in ("lstm", "gru")
        for size in (64, 128)
        for record in over_seeds(encoder, [size / 256] * 3, config={"encoder.hidden_size": size})
    ]
    comparison = compare(records, "x", baseline)
    compared = baselines(comparison)
    assert compared == {f"{name}, hidden_size=128": f"{name}, hidden_size=64" for name in ("lstm", "gru")}


def test_a_baseline_of_several_variants_that_fits_no_other_is_refused():
    records = [made("lstm", config={"optimizer.lr": lr}) for lr in (0.1, 0.2)] + [made("gru")]
    with pytest.raises(
        UserError, match=r"describes 2 variants .* no other variant has the same other settings as one of"
    ):
        compare(records, "x", "encoder=lstm")


def test_a_baseline_by_a_number_of_the_config():
    records = [*over_seeds("lstm", [0.8, 0.9]), *over_seeds("lstm", [0.7, 0.7], config={"encoder.hidden_size": 64})]
    comparison = compare(records, "x", "encoder.hidden_size=64")
    assert [bool(variant.baseline_differences) for variant in comparison.variants] == [True, False]


@pytest.mark.parametrize(
    ("baseline", "message"),
    [("encoder=none", "describes none of the variants; the variants are:\n  lstm$"), ("lstm", "must be key=value")],
)
def test_a_baseline_that_describes_no_variant_is_refused(baseline, message):
    with pytest.raises(UserError, match=message):
        compare([made()], "x", baseline)


def test_nothing_to_compare_is_refused():
    with pytest.raises(UserError, match="there is no record"):
        compare([], "x")


def test_failed_and_killed_runs_are_counted_and_a_variant_with_no_other_runs_is_shown():
    dead = made("rnn", accuracy=None, status="killed", reason="interrupted by Ctrl-C")
    comparison = compare([*over_seeds("lstm", [0.9, 0.8]), dead], "x")
    assert [(len(variant.runs), len(variant.failed)) for variant in comparison.variants] == [(2, 0), (0, 1)]
    assert [record.reason for record in comparison.failed] == ["interrupted by Ctrl-C"]


def test_the_same_encoder_under_two_names_makes_no_difference_in_accuracy_and_speed():
    speeds = [[5.02, 4.97, 5.11, 4.90, 5.05], [4.95, 5.08, 4.99, 5.04, 4.93]]
    accuracies = [0.951, 0.947, 0.955, 0.949, 0.950]
    records = over_seeds("lstm", accuracies, metrics={LATENCY: speeds[0]})
    records += over_seeds("again", accuracies, metrics={LATENCY: speeds[1]})
    again = {variant.name: variant for variant in compare(records, "x", "encoder=lstm").variants}["again"]
    assert again.baseline_differences[ACCURACY].p == 1
    assert again.baseline_differences[LATENCY].p > 0.05
    assert {again.verdict(ACCURACY), again.verdict(LATENCY)} <= {"best", "equivalent", "open"}


@pytest.mark.parametrize("written", ["1", "1.0", "1e0"])
def test_a_baseline_names_a_number_however_it_is_written(written):
    records = [
        made("lstm", seed, 0.8 + seed / 100 + clip / 10, config={"optimizer.lr": clip})
        for clip in (1.0, 2.0)
        for seed in range(3)
    ]
    compared = compare(records, "x", f"optimizer.lr={written}")
    names = [variant.name for variant in compared.variants if variant.baseline_differences]
    assert names == ["lstm, lr=2"]
