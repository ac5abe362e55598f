"""Requirements such as ``latency/p50_ms<5``: what is read, and what is refused in one sentence."""

import pytest

from harness.config.requirement import Requirement, parse, parse_all
from harness.errors import UserError


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        ("latency/p50_ms<5", Requirement("latency/p50_ms", "<", 5.0)),
        ("memory/host_inference_peak_mib<=200", Requirement("memory/host_inference_peak_mib", "<=", 200.0)),
        ("test/accuracy>0.9", Requirement("test/accuracy", ">", 0.9)),
        ("inference_sequences_per_second>=1e3", Requirement("speed/inference_sequences_per_second", ">=", 1000.0)),
        (" latency/p50_ms < .5 ", Requirement("latency/p50_ms", "<", 0.5)),
        ("p50_ms<5", Requirement("latency/p50_ms", "<", 5.0)),
        ("accuracy>0.9", Requirement("test/accuracy", ">", 0.9)),
        ("val/accuracy>0.9", Requirement("val/accuracy", ">", 0.9)),
        ("parameters<1000000", Requirement("cost/parameters", "<", 1e6)),
        ("speed/total_seconds<600", Requirement("speed/total_seconds", "<", 600.0)),  # it has no direction
        ("speed/total_seconds>600", Requirement("speed/total_seconds", ">", 600.0)),
    ],
)
def test_a_requirement_is_a_metric_with_a_bound(text, requirement):
    assert parse(text) == requirement


def test_a_requirement_is_written_as_it_was_read():
    texts = ["latency/p50_ms<5", "cost/parameters<=1000000", "test/accuracy>0.9"]
    assert [str(requirement) for requirement in parse_all([*texts, "p50_ms < 5.0"])] == texts


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "latency/p50_ms",
            "'latency/p50_ms' is no requirement; write a metric, one of < <= > >=, and a number, such as "
            "latency/p50_ms<5",
        ),
        (
            "latency/p50_ms=5",
            "'latency/p50_ms=5' is no requirement; write a metric, one of < <= > >=, and a number, such as "
            "latency/p50_ms<5",
        ),
        (
            "latency/p50_ms<5ms",
            "'latency/p50_ms<5ms' must end with a number of ms, without the unit and without marks between thousands, "
            "such as latency/p50_ms<0.5",
        ),
        (
            "parameters<1,000,000",
            "'parameters<1,000,000' must end with a number without marks between thousands, such as "
            "cost/parameters<0.5",
        ),
        (
            "latency/p50ms<5",
            "'latency/p50ms<5' requires something of latency/p50ms, which is no metric; did you mean latency/p50_ms?",
        ),
        (
            "latency<5", "'latency<5' requires something of latency, which is no metric; did you mean latency/p50_ms?",
        ),
        (
            "train peak<200",
            "'train peak<200' requires something of train peak, which is no metric; did you mean "
            "memory/host_train_peak_mib?",
        ),
        ("test/accuracy>90", "test/accuracy>90 is outside 0 to 1: test/accuracy is a share, so write 0.9 for 90 %"),
        (
            "latency/p50_ms>5", "latency/p50_ms>5 asks for worse: of latency/p50_ms, lower is better; did you mean <?",
        ),
        (
            "accuracy<=0.9", "test/accuracy<=0.9 asks for worse: of test/accuracy, higher is better; did you mean >=?",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_required_is_refused_in_one_sentence(text, sentence):
    with pytest.raises(UserError) as error:
        parse(text)
    assert str(error.value) == sentence


@pytest.mark.parametrize("text", ["p50_ms<", "p50_ms<1_000", "p50_ms<nan", "p50_ms<inf", "p50_ms<1e999", "p50_ms<<5",
                                  "1<p50_ms<5", "<5", "", "profile/forward_time_exponent<2"])  # fmt: skip
def test_no_text_but_a_metric_with_a_finite_bound_is_a_requirement(text):
    with pytest.raises(UserError):
        parse(text)


def test_a_metric_that_resembles_none_gets_the_list_of_those_in_the_tables():
    with pytest.raises(UserError, match="xyzzy, which is no metric; the metrics of the tables are test/accuracy, "):
        parse("xyzzy<5")


def test_a_miss_is_relative_to_the_larger_of_value_and_bound():
    upper, lower = parse("latency/p50_ms<5"), parse("accuracy>=0.5")
    assert [upper.missed_by(value) for value in (4.0, 10.0, 5.0)] == pytest.approx([0.0, 0.5, 0.0])
    assert [lower.missed_by(value) for value in (0.5, 0.25)] == pytest.approx([0.0, 0.5])  # half is as far as twice
    assert parse("test/mse<0").missed_by(0.0) == 0.0
