import pytest
from made_records import HARDWARE, VERSIONS, made, over_seeds

from harness.analysis.variant_names import name_variants
from harness.analysis.variants import UNNAMED, gather
from harness.runner.fingerprint import NOT_DECIDING


def names(records):
    variants = gather(records).variants
    name_variants(variants)
    return [variant.name for variant in variants]


def test_runs_of_one_config_are_one_variant_in_the_order_of_seeds():
    (variant,) = gather([made(seed=2), made(seed=0), made(seed=1)]).variants
    assert [run.seed for run in variant.runs] == [0, 1, 2]


def test_the_newest_run_of_a_repeated_seed_counts_and_repeated_runs_are_counted():
    gathered = gather([made(accuracy=0.7, started=9), made(accuracy=0.5, started=3), made(seed=1, started=4)])
    assert gathered.variants[0].values("test/accuracy") == {0: 0.7, 1: 0.9}
    assert gathered.repeated == 1


def test_a_failure_is_dropped_once_a_later_run_finishes_and_a_later_failure_is_kept():
    failed = {"status": "failed", "accuracy": None}
    (retried,) = gather([made(started=1, **failed), made(started=2)]).variants
    assert (len(retried.runs), len(retried.failed)) == (1, 0)
    (broken,) = gather([made(started=1), made(started=2, **failed)]).variants
    assert (len(broken.runs), len(broken.failed)) == (1, 1)


def test_of_the_same_config_with_other_code_the_newest_counts():
    gathered = gather([made(code="new", started=8, accuracy=0.8), made(code="old", started=2), made("gru", started=1)])
    assert sorted(variant.record.choices["encoder"] for variant in gathered.variants) == ["gru", "lstm"]
    assert [variant.values("test/accuracy") for variant in gathered.outdated] == [{0: 0.9}]


def test_newer_code_that_finished_nothing_hides_nothing():
    killed = made(code="new", started=9, status="killed", accuracy=None)
    older = made(code="new", seed=1, started=1, status="killed", accuracy=None)
    gathered = gather([*(made(code="old", seed=seed, started=2 + seed) for seed in range(3)), killed, older])
    (variant,) = gathered.variants
    assert (len(variant.runs), [record.started for record in variant.failed]) == (3, [killed.started])
    assert [len(variant.runs) + len(variant.failed) for variant in gathered.outdated] == [1]


def test_one_encoder_under_two_names_makes_two_variants():
    one, other = made("lstm"), made("lstm")
    other.choices = {**other.choices, "encoder": "again"}
    assert names([one, other]) == ["lstm", "again"]


def test_variants_are_named_by_the_encoder_and_what_else_differs():
    assert names([made("lstm"), made("gru")]) == ["lstm", "gru"]
    widths = [made("lstm", config={"encoder.hidden_size": size}) for size in (64, 128)]
    assert names([*widths, made("gru")]) == ["lstm, hidden_size=64", "lstm, hidden_size=128", "gru"]
    backends = [made("lstm"), made("lstm", choices={"backend": "tensorflow"}, config={"backend.name": "tensorflow"})]
    assert names(backends) == ["lstm, backend=pytorch", "lstm, backend=tensorflow"]
    epochs = [made("lstm"), made("gru", config={"trainer.epochs": 7})]
    assert names(epochs) == ["lstm, epochs=2", "gru, epochs=7"]


def test_keys_that_only_one_optimizer_has_are_not_named():
    adam, sgd = made("lstm", config={"optimizer.betas": [0.9, 0.99]}), made("lstm", config={"optimizer.name": "sgd"})
    assert names([adam, sgd]) == ["lstm, optimizer=adam", "lstm, optimizer=sgd"]


def test_the_pooling_that_additive_attention_brings_is_not_named():
    records = [made("additive_attention", choices={"pooling": "additive_attention"}), made("lstm")]
    assert names(records) == ["additive_attention", "lstm"]
    records += [made("gru", choices={"pooling": "max"})]
    assert names(records) == ["additive_attention", "lstm, pooling=mean", "gru, pooling=max"]


def test_keys_are_cut_to_their_last_part_unless_two_end_alike():
    records = [made(config={"encoder.hidden_size": 3, "optimizer.lr": 0.1}), made(config={"optimizer.lr": 0.2})]
    assert names(records) == ["lstm, hidden_size=3, lr=0.1", "lstm, hidden_size=128, lr=0.2"]
    records = [made(config={"encoder.hidden_size": 3}), made(config={"trainer.hidden_size": 5})]
    records[0].config["trainer"]["hidden_size"] = 7
    assert names(records) == [
        "lstm, encoder.hidden_size=3, trainer.hidden_size=7", "lstm, encoder.hidden_size=128, trainer.hidden_size=5",
    ]  # fmt: skip


def test_of_many_differences_a_name_has_the_most_distinctive_and_counts_the_rest():
    many = {"trainer.epochs": 5, "trainer.batch_size": 7, "measure.warmup_steps": 11, "optimizer.lr": 0.5}
    records = [made(), *(made(config={**many, "encoder.hidden_size": size}) for size in (3, 17))]
    own = names(records)
    assert len(set(own)) == 3
    assert all(name.endswith("and 2 more settings") for name in own)
    assert [name.split("hidden_size=")[1].split(",")[0] for name in own] == ["128", "3", "17"]


def test_choices_of_parts_and_what_commands_set_come_before_what_distinguishes_more():
    settings = [("embedding", 2, 3, 0.1, 5), ("embedding", 4, 5, 0.2, 7), ("word_char", 6, 7, 0.3, 11)]
    records = [
        made(choices={"input": name}, config={"trainer.epochs": epochs, "trainer.batch_size": size, "optimizer.lr": lr,
                                              "measure.warmup_steps": steps})
        for name, epochs, size, lr, steps in settings
    ]  # fmt: skip
    assert names(records)[0] == "lstm, input=embedding, warmup_steps=5, lr=0.1, and 2 more settings"
    records[1].overrides = ["trainer.epochs=4"]
    assert names(records) == [
        "lstm, input=embedding, epochs=2, warmup_steps=5, and 2 more settings",
        "lstm, input=embedding, epochs=4, warmup_steps=7, and 2 more settings",
        "lstm, input=word_char, epochs=6, warmup_steps=11, and 2 more settings",
    ]
    records[0].overrides = ["+tune.space.optimizer.lr=[0.1,0.2]"]
    assert names(records)[2] == "lstm, input=word_char, lr=0.3, epochs=6, and 2 more settings"


def test_the_class_of_a_part_is_named_without_its_path():
    inner = [{"_target_": f"harness.backends.pytorch.encoders.{name}", "hidden_size": 3} for name in ("GRU", "MinGRU")]
    records = [made("bidirectional", config={"encoder.inner": own}) for own in inner]
    assert names(records) == ["bidirectional, inner=gru", "bidirectional, inner=min_gru"]
    variants = gather(records).variants
    name_variants(variants)
    assert variants[0].setting == "encoder=bidirectional, encoder.inner=gru"
    own = [made("custom", config={"encoder._target_": f"own.{name}"}) for name in ("A", "B")]
    assert names(own) == ["A", "B"]
    own += [made("custom", config={"encoder._target_": "other.B"})]
    assert names(own) == ["A", "B, encoder=own.B", "B, encoder=other.B"]
    poolings = [made(config={"pooling._target_": f"my_file.{name}"}) for name in ("First", "Second")]
    assert names(poolings) == ["lstm, pooling=First", "lstm, pooling=Second"]


def test_what_decides_no_number_names_no_variant():
    flags = [made(name, config={"trainer.report_test_each_epoch": name == "lstm"}) for name in ("lstm", "gru")]
    assert names(flags) == ["lstm", "gru"]
    # the data of both are the same, whatever their settings
    files = [made("lstm", config={"data.limit": 7}), made("gru")]
    assert names(files) == ["lstm", "gru"]
    files = [made("lstm", config={"data.limit": 7}, data={"hash": "other"}), made("gru")]
    assert names(files) == ["lstm, limit=7", "gru, limit=null"]
    weighed = [made("lstm", config={"data.class_weights": weights}) for weights in (None, "balanced")]
    assert names(weighed) == ["lstm, class_weights=null", "lstm, class_weights=balanced"]


def test_a_file_is_named_without_its_folders_unless_two_have_one_name():
    records = [made(config={"input": {"vectors": path}}) for path in ("/data/glove.6B.100d.txt", "own.vec", None)]
    assert names(records) == ["lstm, vectors=glove.6B.100d.txt", "lstm, vectors=own.vec", "lstm, vectors=null"]
    records = [made(config={"input": {"vectors": path}}) for path in ("a/glove.txt", "b/glove.txt", "a/own.vec")]
    assert names(records) == ["lstm, vectors=a/glove.txt", "lstm, vectors=b/glove.txt", "lstm, vectors=own.vec"]


def test_the_whole_setting_has_all_that_differs_under_full_keys():
    variants = gather([made(), made(config={"trainer.epochs": 5, "data.limit": 11, "optimizer.lr": 0.5})]).variants
    name_variants(variants)
    assert variants[1].setting == "encoder=lstm, data.limit=11, optimizer.lr=0.5, trainer.epochs=5"


def test_a_custom_encoder_is_called_by_its_class():
    assert names([made("custom", config={"encoder._target_": "my_file.MyEncoder"}), made("lstm")]) == [
        "MyEncoder",
        "lstm",
    ]


def test_names_are_unique_even_where_only_the_device_or_nothing_visible_differs():
    gpu = {"hardware": {**HARDWARE, "accelerator": "cuda", "device_names": ["H200"]}}
    assert names([made(), made(environment=gpu)]) == ["lstm, cpu", "lstm, cuda, H200"]
    one, other = made(), made(data={"hash": "other"})
    assert len(set(names([one, other]))) == 2


def test_runs_on_other_processors_or_devices_are_other_variants_even_with_the_same_hash():
    records = [made(seed=0, accuracy=0.9), made(seed=0, accuracy=0.5, environment={"processor": "Xeon"}, started=3)]
    gpus = [{**HARDWARE, "accelerator": "cuda", "device_names": [name]} for name in ("H200", "A100")]
    records += [made(seed=0, environment={"hardware": hardware}) for hardware in gpus]
    for record in records:
        record.variant = "the same"
    gathered = gather(records)
    assert (len(gathered.variants), gathered.repeated, gathered.outdated) == (4, 0, [])
    assert sorted(names(records)) == ["lstm, cpu, AMD EPYC", "lstm, cpu, Xeon", "lstm, cuda, A100", "lstm, cuda, H200"]


def test_a_package_that_computes_nothing_makes_no_other_version():
    records = [
        made(environment={"versions": {**VERSIONS, "mlflow": number}}, started=place)
        for place, number in enumerate(("3.1", "3.2"))
    ]
    gathered = gather(records)
    assert (len(gathered.variants), len(gathered.outdated)) == (1, 1)


def test_a_variant_measured_on_a_busy_machine_is_disturbed():
    busy = over_seeds("lstm", [0.9, 0.9], environment={"other_processes_cpu_share": 0.31})
    quiet = over_seeds("gru", [0.9, 0.9], environment={"other_processes_cpu_share": 0.05})
    reasons = [variant.disturbed for variant in gather(busy + quiet).variants]
    assert reasons == ["other processes used up to 31% of the processor in 2 of 2 runs", None]


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"other_processes_device_share": 0.63, "other_device_processes": 2}, "used up to 63% of the accelerator"),
        ({"other_processes_device_share": 0.0, "other_device_processes": 1}, "were on the accelerator too"),
        ({"other_device_processes": 1}, "were on the accelerator too"),
        ({"other_processes_device_share": 0.05, "other_device_processes": 0}, None),
    ],
)
def test_a_variant_measured_on_a_busy_accelerator_is_disturbed(environment, reason):
    (variant,) = gather(over_seeds("lstm", [0.9, 0.9], environment=environment)).variants
    assert variant.disturbed == (f"other processes {reason} in 2 of 2 runs" if reason else None)


def test_a_variant_disturbed_in_two_ways_says_both():
    on_both = over_seeds("lstm", [0.9, 0.9], environment={"other_processes_cpu_share": 0.31})
    on_both[0].environment.other_device_processes = 1
    (variant,) = gather(on_both).variants
    assert variant.disturbed == (
        "other processes used up to 31% of the processor in 2 of 2 runs and were on the accelerator too in 1 of 2 runs"
    )


def with_busy(seeds, count, **more):
    """A variant over ``count`` seeds, of which other processes disturbed these."""
    records = over_seeds("lstm", [0.9] * count, **more)
    for seed in seeds:
        records[seed].environment.other_processes_cpu_share = 0.31
    (variant,) = gather(records).variants
    return variant


@pytest.mark.parametrize(
    ("busy", "count", "left_out", "counting", "reason"),
    [
        ([], 1, 0, [0], None),
        ([], 3, 0, [0, 1, 2], None),
        ([1], 3, 1, [0, 2], None),
        ([0, 3], 4, 2, [1, 2], None),
        ([1], 2, 0, [0, 1], "1 of 2 runs"),
        ([0, 2], 3, 0, [0, 1, 2], "2 of 3 runs"),
    ],
)
def test_where_two_quiet_runs_are_left_only_these_count_for_speed(busy, count, left_out, counting, reason):
    values = [float(2 + seed) for seed in range(count)]
    variant = with_busy(busy, count, metrics={"latency/p50_ms": values, "memory/host_peak_mib": values})
    assert variant.left_out == left_out
    assert variant.values("latency/p50_ms") == {seed: 2.0 + seed for seed in counting}
    assert list(variant.values("memory/host_peak_mib").values()) == values
    assert list(variant.values("test/accuracy").values()) == [0.9] * count
    assert variant.disturbed == (f"other processes used up to 31% of the processor in {reason}" if reason else None)


def test_settings_that_do_not_decide_a_result_name_no_variant():
    assert set(NOT_DECIDING) - {"data", "hardware"} <= set(UNNAMED)


def test_versions_of_one_variant_may_write_a_number_otherwise_but_not_in_the_users_own_code():
    old = made(code="old", config={"encoder.dropout": 0})
    new = made(code="new", started=1, config={"encoder.dropout": 0.0})
    assert [variant.record for variant in gather([old, new]).variants] == [new]
    for record in (old, new):
        record.config["encoder"]["_target_"] = "own.Encoder"
    assert len(gather([old, new]).variants) == 2
