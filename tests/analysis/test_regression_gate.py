import tempfile
from pathlib import Path

import pytest
from made_records import HARDWARE, over_seeds

from harness.analysis import gate_baseline
from harness.analysis import regression_gate as gate
from harness.analysis.comparison import compare
from harness.errors import UserError
from harness.records.metrics import GATED, known

TOKENS, MEMORY = "speed/train_tokens_per_second", "memory/host_train_peak_mib"
BEFORE = {TOKENS: [1000.0, 1040.0, 980.0], MEMORY: [50.0, 50.5, 49.8]}


def runs(tokens=(1000.0, 1040.0, 980.0), memory=(50.0, 50.5, 49.8), accuracy=(0.9, 0.91, 0.92), **more):
    metrics = {TOKENS: list(tokens), MEMORY: list(memory)}
    return compare(over_seeds("lstm", list(accuracy), metrics=metrics, **more), "x")


def judged(before, after, **options):
    """What the gate finds, against a baseline that was written to a file and read again."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "baseline.json")
        gate_baseline.write_baseline(before, file)
        return gate.check(after, gate_baseline.read_baseline(file), **options)


def test_the_same_again_passes():
    outcome = judged(runs(), runs(tokens=(985.0, 1010.0, 1035.0), memory=(50.2, 49.9, 50.4), code="other"))
    assert outcome.code == 0
    assert outcome.lines() == ["gate passed: 3 metrics checked, none worse than noise explains"]


@pytest.mark.parametrize(
    ("worse", "metric"),
    [
        ({"tokens": (700.0, 720.0, 690.0)}, TOKENS),
        ({"memory": (70.0, 70.5, 69.0)}, MEMORY),
        ({"accuracy": (0.6, 0.61, 0.62)}, "test/accuracy"),
    ],
)
def test_what_got_worse_fails_and_is_named(worse, metric):
    outcome = judged(runs(), runs(**worse))
    assert outcome.code == 1
    assert [check.metric for check in outcome.worse] == [metric]
    assert outcome.lines()[-1] == "gate failed: 3 metrics checked, 1 worse than noise explains"


def test_a_line_gives_the_amount():
    (line, _) = judged(runs(), runs(memory=(75.0, 75.75, 74.7))).lines()
    assert line.startswith(
        "worse: lstm: memory/host_train_peak_mib 50.1 MiB -> 75.15 MiB (+50.0 %), 3 and 3 seeds, p = "
    )


def test_better_passes():
    assert judged(runs(), runs(tokens=(2000.0, 2040.0, 1980.0), memory=(5.0, 5.5, 5.1), accuracy=(1, 1, 1))).code == 0


def test_a_slowdown_within_the_spread_passes():
    noisy = (1000.0, 1400.0, 700.0)
    assert judged(runs(tokens=noisy), runs(tokens=(900.0, 1250.0, 650.0))).code == 0


def test_one_seed_cannot_be_judged_and_does_not_pass():
    outcome = judged(
        runs(), compare(over_seeds("lstm", [0.9], metrics={name: [values[0]] for name, values in BEFORE.items()}), "x")
    )
    assert outcome.code == 2
    (reason,) = outcome.unjudged
    assert reason == f"lstm: test/accuracy, {', '.join(BEFORE)}, because each side needs two seeds, and one has 1"


LSTM, GRU = over_seeds("lstm", [0.9, 0.91, 0.92]), over_seeds("gru", [0.8, 0.81, 0.82])
CHOICES = "backend=pytorch,data=digits,encoder={},hardware=auto,pooling=mean,position=none"


def test_a_new_variant_is_named_and_fails_unless_new_ones_are_allowed():
    before, after = compare(LSTM, "x"), compare(LSTM + GRU, "x")
    new = f"new: gru: not in the baseline (digits: gru ({CHOICES.format('gru')}))"
    assert (judged(before, after).code, judged(before, after).lines()) == (
        1, [new, "gate failed: 1 metrics checked, none worse than noise explains, 1 variant new, gone or changed"]
    )  # fmt: skip
    allowed = judged(before, after, allow_new=True)
    assert (allowed.code, allowed.lines()) == (
        0, [new, "gate passed: 1 metrics checked, none worse than noise explains"]
    )  # fmt: skip


@pytest.mark.parametrize("allow_new", [False, True])
def test_a_variant_that_is_gone_is_named_and_fails(allow_new):
    outcome = judged(compare(LSTM + GRU, "x"), compare(LSTM, "x"), allow_new=allow_new)
    assert (outcome.code, outcome.lines()) == (1, [
        f"gone: gru: in the baseline, and not run now (digits: gru ({CHOICES.format('gru')}))",
        "gate failed: 1 metrics checked, none worse than noise explains, 1 variant new, gone or changed",
    ])  # fmt: skip


@pytest.mark.parametrize("allow_new", [False, True])
def test_a_variant_that_changed_is_named_with_what_changed_and_is_not_judged(allow_new):
    """Its command is as before: the values are defaults, which somebody changed in a file of ``conf/``."""
    changed = {"trainer.epochs": 3, "optimizer.lr": 0.01, "hardware.precision": "bf16"}
    outcome = judged(runs(), runs(config=changed, accuracy=(0.1, 0.2, 0.3)), allow_new=allow_new)
    assert (outcome.code, outcome.lines()) == (1, [
        "changed: lstm: optimizer.lr was 0.001 and is 0.01, trainer.epochs was 2 and is 3",
        "gate failed: 0 metrics checked, none worse than noise explains, 1 variant new, gone or changed",
    ])  # fmt: skip


def test_a_setting_that_only_one_version_of_the_harness_has_changes_no_variant():
    assert judged(runs(), runs(config={"trainer.later": 1})).code == 0
    assert judged(runs(config={"trainer.earlier": 1}), runs()).code == 0


def test_of_one_family_only_the_newest_configuration_is_watched():
    """An output folder keeps the runs of earlier configurations beside those of today."""
    def of(epochs, started):
        return over_seeds("lstm", [0.9, 0.91, 0.92], config={"trainer.epochs": epochs}, started=started)

    before = compare(of(2, 1), "x")
    assert judged(before, compare(of(3, 0) + of(2, 1), "x")).code == 0
    (changed,) = judged(before, compare(of(2, 1) + of(3, 2), "x")).changed
    assert changed.endswith(": trainer.epochs was 2 and is 3")


def test_only_what_is_asked_for_is_judged():
    slower_and_larger = runs(tokens=(700.0, 720.0, 690.0), memory=(70.0, 70.5, 69.0))
    for only, code, metrics in (
        (["quality"], 0, ["test/accuracy"]),
        (["speed"], 1, [TOKENS]),
        (["memory"], 1, [MEMORY]),
        (["quality", "memory"], 1, ["test/accuracy", MEMORY]),
    ):
        outcome = judged(runs(), slower_and_larger, only=only)
        assert (outcome.code, [check.metric for check in outcome.checks]) == (code, metrics)


def test_what_can_be_asked_for_is_everything_that_the_gate_checks():
    assert {known(metric).kind for metric in GATED} == {kind for kinds in gate.KINDS.values() for kind in kinds}


def test_on_other_hardware_only_accuracy_is_judged():
    outcome = judged(runs(), runs(environment={"hardware": {**HARDWARE, "threads": 64}}))
    assert [check.metric for check in outcome.checks] == ["test/accuracy"]
    assert (outcome.code, outcome.unjudged) == (2, [f"lstm: {TOKENS}, {MEMORY}, because data or hardware differ"])


def test_a_busy_machine_on_either_side_leaves_speed_and_memory_unjudged_and_judges_quality():
    busy = runs(environment={"other_processes_cpu_share": 0.9})
    for before, after, side in ((runs(), busy, "now"), (busy, runs(), "in the baseline")):
        outcome = judged(before, after)
        assert (outcome.code, [check.metric for check in outcome.checks]) == (2, ["test/accuracy"])
        assert outcome.lines()[0] == (
            f"cannot judge: lstm: {TOKENS}, {MEMORY}, because {side} other processes used up to 90% of the "
            "processor in 3 of 3 runs"
        )
        assert judged(before, after, only=["quality"]).lines() == [
            "gate passed: 1 metrics checked, none worse than noise explains"
        ]
    worse = runs(environment={"other_processes_cpu_share": 0.9}, accuracy=(0.6, 0.61, 0.62))
    assert [check.metric for check in judged(runs(), worse).worse] == ["test/accuracy"]


def test_one_busy_run_of_three_is_left_out_of_speed_and_memory_on_both_sides():
    def with_busy(seed, tokens):
        records = over_seeds("lstm", [0.9, 0.91, 0.92], metrics={TOKENS: tokens, MEMORY: [50.0, 51.0, 49.0]})
        records[seed].environment.other_processes_cpu_share = 0.9
        return compare(records, "x")

    outcome = judged(with_busy(0, [300.0, 1040.0, 980.0]), with_busy(1, [1000.0, 200.0, 990.0]))
    assert {check.metric: (check.before, check.after) for check in outcome.checks} == {
        "test/accuracy": ([0.9, 0.91, 0.92], [0.9, 0.91, 0.92]),
        TOKENS: ([1040.0, 980.0], [1000.0, 990.0]),
        MEMORY: ([51.0, 49.0], [50.0, 49.0]),
    }
    assert outcome.code == 0


def test_a_shared_accelerator_leaves_speed_and_memory_unjudged():
    outcome = judged(runs(), runs(environment={"other_device_processes": 1}))
    assert (outcome.code, [check.metric for check in outcome.checks]) == (2, ["test/accuracy"])
    assert "now other processes were on the accelerator too in 3 of 3 runs" in outcome.lines()[0]


def test_a_baseline_from_a_busy_machine_is_written_with_a_warning(tmp_path):
    busy = runs(environment={"other_processes_cpu_share": 0.9})
    lines = gate_baseline.write_baseline(busy, tmp_path / "baseline.json")
    assert lines[1].startswith("a gate cannot judge speed and memory of lstm, because other processes used up to 90%")
    assert len(gate_baseline.write_baseline(runs(), tmp_path / "baseline.json")) == 1


def test_a_variant_of_which_some_runs_failed_does_not_pass():
    metrics = {name: values * 2 for name, values in BEFORE.items()}
    records = over_seeds("lstm", [0.9, 0.91, 0.92, 0.9], metrics=metrics)
    for record in records[2:]:
        record.status, record.metrics, record.reason = "failed", {}, "out of memory"
    outcome = judged(runs(), compare(records, "x"))
    assert (outcome.code, outcome.unjudged) == (2, ["lstm: 2 of 4 runs failed"])
    assert len(outcome.checks) == 3


def test_two_values_a_side_without_spread_are_not_judged():
    def two(accuracy):
        return compare(over_seeds("lstm", [accuracy] * 2), "x")

    outcome = judged(two(0.9), two(0.8))
    assert (outcome.code, outcome.checks) == (2, [])
    assert outcome.unjudged == [
        "lstm: test/accuracy, because two equal values on one side may be chance; add seeds",
    ]


def test_of_variants_with_one_key_the_newest_counts():
    def on(threads, level, started, encoder="lstm"):
        hardware = {"hardware": {**HARDWARE, "threads": threads}}
        return over_seeds(encoder, [level, level + 0.01, level + 0.02], environment=hardware, started=started)

    old, new = on(1, 0.1, 1), on(2, 0.9, 2)
    both = compare(on(2, 0.5, 0, "gru") + old + new, "x")  # the hardware group of the newest comes first
    name = gate_baseline.key(new[0])
    assert gate_baseline.baseline_of(both)[name].metrics["test/accuracy"] == [0.9, 0.91, 0.92]
    assert judged(compare(new, "x"), both, allow_new=True).code == 0


def test_span_f1_that_got_worse_fails():
    before, after = (
        compare(over_seeds("lstm", [0.9, 0.91, 0.9], metrics={"test/f1_span": [f1, f1 + 0.01, f1 - 0.01]}), "x")
        for f1 in (0.8, 0.4)
    )
    assert [check.metric for check in judged(before, after).worse] == ["test/f1_span"]
    assert judged(after, before).code == 0


def test_a_file_that_is_no_baseline_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no baseline"):
        gate_baseline.read_baseline(tmp_path / "none.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(UserError, match="is not a baseline of this version"):
        gate_baseline.read_baseline(tmp_path / "list.json")
    (tmp_path / "torn.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        gate_baseline.read_baseline(tmp_path / "torn.json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_baseline_with_what_is_no_number_is_refused(tmp_path, number):
    # a comparison with NaN is never true: the gate would pass, whatever the runs now are
    file = tmp_path / "baseline.json"
    gate_baseline.write_baseline(runs(accuracy=(0.9, 0.91, 0.5)), file)
    file.write_text(file.read_text().replace("0.5\n", f"{number}\n"))
    assert number in file.read_text()
    with pytest.raises(UserError, match=r"cannot be read.*number"):
        gate_baseline.read_baseline(file)


def test_a_baseline_of_one_seed_is_written_with_a_warning(tmp_path):
    lines = gate_baseline.write_baseline(compare(over_seeds("lstm", [0.9]), "x"), tmp_path / "new" / "baseline.json")
    assert lines[1] == "a gate cannot judge variants with fewer than two seeds: lstm; add seeds"
