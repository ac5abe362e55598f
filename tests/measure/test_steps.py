"""Training speed under a fake clock: every number is computed by hand."""

import numpy as np
import pytest

from harness.measure import StepTimer


def nothing():
    pass


def train(timer, clock, steps, seconds=0.1, sequences=2, tokens=10, wait=0.0, between=0.0):
    """An epoch of equal steps; ``between`` seconds after each step are neither step nor waiting."""

    def arriving():
        for _ in range(steps):
            clock.passes(wait)
            yield "batch"

    timer.epoch_begins()
    for _ in timer.waiting(arriving()):
        timer.step_begins()
        clock.passes(seconds)
        timer.step_ends(tokens, sequences)
        clock.passes(between)
    timer.epoch_ends()


def test_140_steps_of_a_tenth_of_a_second_at_batch_2_are_20_sequences_per_second(clock):
    timer = StepTimer(clock, nothing, warmup_steps=0)
    train(timer, clock, 140)
    found = timer.metrics()
    assert found["speed/train_sequences_per_second"] == pytest.approx(20)
    assert found["speed/train_tokens_per_second"] == pytest.approx(100)
    assert found["speed/train_step_ms_p50"] == pytest.approx(100)
    assert found["speed/train_step_ms_p95"] == pytest.approx(100)
    assert found["speed/data_wait_fraction"] == 0
    assert found["speed/epoch_seconds"] == pytest.approx(14)


def test_warm_up_steps_are_in_no_number_of_steps_even_when_they_take_a_minute(clock):
    timer = StepTimer(clock, nothing, warmup_steps=3)
    train(timer, clock, 3, seconds=60, wait=7)
    train(timer, clock, 140)
    found = timer.metrics()
    assert found["speed/train_sequences_per_second"] == pytest.approx(20)
    assert found["speed/train_step_ms_p95"] == pytest.approx(100)
    assert found["speed/data_wait_fraction"] == 0


def test_waiting_for_data_is_apart_from_steps(clock):
    timer = StepTimer(clock, nothing, warmup_steps=10)
    train(timer, clock, 140, wait=0.3)
    found = timer.metrics()
    assert found["speed/train_sequences_per_second"] == pytest.approx(20)
    assert found["speed/data_wait_fraction"] == pytest.approx(0.75)
    assert found["speed/epoch_seconds"] == pytest.approx(140 * 0.4)


def test_validation_checkpoints_and_callbacks_leak_into_no_step_and_no_waiting(clock):
    timer = StepTimer(clock, nothing, warmup_steps=0)
    for _ in range(2):
        train(timer, clock, 70, wait=0.1, between=5)
        clock.passes(1000)  # validation and a checkpoint
    found = timer.metrics()
    assert found["speed/train_sequences_per_second"] == pytest.approx(20)
    assert found["speed/data_wait_fraction"] == pytest.approx(0.5)
    assert found["speed/epoch_seconds"] == pytest.approx(70 * 5.2)


def test_throughput_is_sum_over_sum_and_not_a_mean_of_rates(clock):
    timer = StepTimer(clock, nothing, warmup_steps=0)
    train(timer, clock, 1, seconds=1, sequences=3, tokens=30)
    train(timer, clock, 1, seconds=3, sequences=5, tokens=70)
    found = timer.metrics()
    assert found["speed/train_sequences_per_second"] == pytest.approx(8 / 4)
    assert found["speed/train_tokens_per_second"] == pytest.approx(100 / 4)
    assert found["speed/epoch_seconds"] == pytest.approx(2)  # the median of 1 and 3


def test_percentiles_are_numpys(clock):
    timer = StepTimer(clock, nothing, warmup_steps=2)
    seconds = np.random.default_rng(0).gamma(2, 0.01, 101)
    for one in seconds:
        train(timer, clock, 1, seconds=one)
    found = timer.metrics()
    assert found["speed/train_step_ms_p50"] == pytest.approx(np.percentile(seconds[2:], 50) * 1000)
    assert found["speed/train_step_ms_p95"] == pytest.approx(np.percentile(seconds[2:], 95) * 1000)


def test_fewer_steps_than_the_warm_up_leave_numbers_absent_and_not_0(clock):
    timer = StepTimer(clock, nothing, warmup_steps=10)
    assert timer.metrics() == {}
    train(timer, clock, 10)
    assert timer.metrics() == {"speed/epoch_seconds": pytest.approx(1)}


def test_a_step_waits_for_the_device_at_both_edges(clock, device):
    timer = StepTimer(clock, device.sync, warmup_steps=0)
    timer.epoch_begins()
    for _ in range(140):
        device.launch(4)  # the copy of the batch, or a validation: not of the step
        timer.step_begins()
        device.launch(0.1)
        timer.step_ends(10, 2)
    device.launch(0.5)
    timer.epoch_ends()
    found = timer.metrics()
    assert found["speed/train_sequences_per_second"] == pytest.approx(20)
    assert found["speed/epoch_seconds"] == pytest.approx(140 * 4.1 + 0.5)


def test_the_first_step_is_marked_where_it_begins(clock):
    timer = StepTimer(clock, nothing, warmup_steps=0)
    clock.passes(5)
    train(timer, clock, 2, wait=1)
    assert timer.first_step_at == 1006


def test_what_is_waited_for_before_the_first_epoch_is_in_no_number(clock):
    waited = []

    def wait():
        clock.passes(7)
        waited.append(clock())

    timer = StepTimer(clock, nothing, warmup_steps=0, before_first=wait)
    for _ in range(2):
        train(timer, clock, 3, seconds=2)
    assert waited == [1007]
    assert timer.epochs == [6, 6]
    assert timer.first_step_at == 1007
    assert timer.metrics()["speed/data_wait_fraction"] == 0


def train_on_a_device(timer, clock, device, steps, seconds, host, tokens):
    """An epoch whose steps take ``seconds`` on the device, while the host needs ``host`` seconds for each batch."""
    timer.epoch_begins()
    for _ in range(steps):
        worked = min(device.queued, host)  # the device works while the host makes the next batch
        device.queued -= worked
        clock.passes(host)
        timer.step_begins()
        device.launch(seconds)
        timer.step_ends(tokens, 2)
    timer.epoch_ends()


def test_end_to_end_speed_counts_all_of_an_epoch_and_waits_for_no_step(clock, device):
    timer = StepTimer(clock, device.sync, warmup_steps=0, on_accelerator=True)
    for _ in range(4):
        train_on_a_device(timer, clock, device, steps=10, seconds=0.3, host=0.2, tokens=30)
    # waiting for each step: 10 x (0.2 + 0.3); otherwise the host's 10 x 0.2, and what the device has left then
    assert timer.epochs == pytest.approx([5.0, 0.2 + 10 * 0.3] * 2)
    found = timer.metrics()
    assert found["speed/train_tokens_per_second"] == pytest.approx(30 / 0.3)
    assert len(timer.seconds) == 20
    assert found["speed/end_to_end_tokens_per_second"] == pytest.approx(300 / 3.2)
    assert found["speed/epoch_seconds"] == pytest.approx(3.2)


def test_an_only_epoch_on_an_accelerator_has_no_end_to_end_speed(clock, device):
    timer = StepTimer(clock, device.sync, warmup_steps=0, on_accelerator=True)
    train_on_a_device(timer, clock, device, steps=10, seconds=0.3, host=0.2, tokens=30)
    found = timer.metrics()
    assert found["speed/train_tokens_per_second"] == pytest.approx(100)
    assert "speed/end_to_end_tokens_per_second" not in found
    assert found["speed/epoch_seconds"] == pytest.approx(5)


def test_on_a_processor_every_epoch_gives_the_end_to_end_speed(clock):
    timer = StepTimer(clock, nothing, warmup_steps=1)
    for wait in (0.1, 0.3, 0.4):
        train(timer, clock, 10, wait=wait, between=0.5)
    # epochs of 100 tokens in 7, 9 and 10 seconds: the median
    assert timer.metrics()["speed/end_to_end_tokens_per_second"] == pytest.approx(100 / 9)


@pytest.mark.parametrize(("steps", "seconds", "timed"), [(2, 0.0, 8), (2, 0.35, 6), (7, 0.35, 3), (0, 0.35, 6)])
def test_the_warm_up_lasts_so_many_steps_and_seconds(clock, steps, seconds, timed):
    timer = StepTimer(clock, nothing, warmup_steps=steps, warmup_seconds=seconds)
    timer.epoch_begins()
    for number in range(10):
        timer.step_begins()
        clock.passes(0.1)
        timer.step_ends(number, 1)
    timer.epoch_ends()
    assert timer.metrics()["speed/train_tokens_per_second"] == pytest.approx(sum(range(10 - timed, 10)) / timed / 0.1)


def test_a_bar_may_read_the_loss_only_in_epochs_that_wait_for_the_device(clock, device):
    timer = StepTimer(clock, device.sync, warmup_steps=0, on_accelerator=True)
    timed = []
    for _ in range(3):
        timed.append(timer.steps_are_timed)
        train_on_a_device(timer, clock, device, steps=1, seconds=0.3, host=0.2, tokens=30)
    assert timed == [True, False, True]
    assert StepTimer(clock, nothing, warmup_steps=0).steps_are_timed


def test_the_steps_of_each_epoch_are_counted_also_those_of_the_warm_up(clock):
    timer = StepTimer(clock, nothing, warmup_steps=10, on_accelerator=True)
    for steps in (3, 5, 2):
        train(timer, clock, steps)
    assert timer.epoch_steps == [3, 5, 2]
