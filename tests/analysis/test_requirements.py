"""Which variants meet requirements, and the nearest where none does."""

import pytest
from made_records import LATENCY, MEMORY, over_seeds

from harness.analysis.comparison import compare
from harness.analysis.requirements import check, sift
from harness.config.requirement import parse, parse_all


@pytest.fixture(scope="module")
def variants():
    """Latencies 7.1, 20 and 8 ms; memory 100 and 300 MiB, of gru none; of rnn no run finished."""
    records = over_seeds("bag_of_embeddings", [0.7, 0.7], metrics={LATENCY: [7.0, 7.2], MEMORY: [100.0, 100.0]})
    records += over_seeds("lstm", [0.9, 0.9], metrics={LATENCY: [19.0, 21.0], MEMORY: [300.0, 300.0]})
    records += over_seeds("gru", [0.8, 0.8], metrics={LATENCY: [8.0, 8.0]})
    records += over_seeds("rnn", [None, None], status="failed")
    return {variant.name: variant for variant in compare(records, "x").variants}


def sifted(variants, *texts):
    return sift(list(variants.values()), parse_all(texts))


def test_the_mean_over_seeds_counts(variants):
    bag = variants["bag_of_embeddings"].means
    assert [check(bag, parse(f"latency/p50_ms{bound}")) for bound in ("<7.1", "<=7.1", "<7.15")] == [
        "not met", "met", "met"
    ]  # fmt: skip
    assert check(variants["gru"].means, parse("memory/host_train_peak_mib<1000")) == "not measured"


def test_variants_are_sorted_by_whether_they_meet_all(variants):
    found = sifted(variants, "latency/p50_ms<10", "memory/host_train_peak_mib<200")
    assert [variant.name for variant in found.meeting] == ["bag_of_embeddings"]
    assert {variant.name: found.reason(variant) for variant in found.excluded} == {
        "gru": "memory/host_train_peak_mib not measured",
        "lstm": "latency/p50_ms 20 ms and memory/host_train_peak_mib 300 MiB",
        "rnn": "no run finished",
    }


def test_without_requirements_every_variant_meets_them(variants):
    assert sifted(variants).meeting == list(variants.values())


def test_where_none_meets_one_requirement_the_nearest_is_named(variants):
    assert sifted(variants, "latency/p50_ms<5").none_meets() == (
        "no variant meets latency/p50_ms<5: the nearest is bag_of_embeddings with 7.1 ms"
    )


def test_the_nearest_is_the_one_whose_largest_miss_is_the_smallest(variants):
    # bag: 0.26 beyond (accuracy); lstm: 0.4 (memory); gru, whose memory was not measured, may be anywhere
    found = sifted(variants, "latency/p50_ms<15", "memory/host_train_peak_mib<180", "accuracy>0.95")
    assert found.none_meets() == (
        "no variant meets latency/p50_ms<15 and memory/host_train_peak_mib<180 and test/accuracy>0.95: the nearest is "
        "bag_of_embeddings with test/accuracy 0.7"
    )
    found = sifted(variants, "latency/p50_ms<16", "accuracy>0.89")  # bag 0.21, lstm 0.2, gru 0.10
    assert found.none_meets().endswith("the nearest is gru with test/accuracy 0.8")


def test_what_no_variant_was_measured_for_is_said(variants):
    device, inference = "memory/device_train_peak_mib<100", "memory/host_inference_peak_mib<100"
    assert sifted(variants, device).none_meets() == (
        "no variant meets memory/device_train_peak_mib<100: memory/device_train_peak_mib was not measured"
    )
    assert sifted(variants, device, inference).none_meets().endswith(
        ": memory/device_train_peak_mib and memory/host_inference_peak_mib were not measured"
    )


def test_a_time_that_a_busy_machine_lengthened_says_so():
    busy = {"environment": {"other_processes_cpu_share": 0.9}}
    made = over_seeds("lstm", [0.9, 0.9], metrics={LATENCY: [7.0, 7.2], MEMORY: [300.0, 300.0]}, **busy)
    (lstm,) = compare(made, "x").variants
    assert sift([lstm], [parse("p50_ms<5")]).none_meets().endswith("the nearest is lstm with 7.1 ms on a busy machine")
    assert sift([lstm], [parse(f"{MEMORY}<5")]).reason(lstm) == "300 MiB"
