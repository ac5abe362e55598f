"""mode=profile, as a command: real processes, a point each, and encoders whose cost or end is known."""

from pathlib import Path

import pytest

from harness.config.compose import compose
from harness.records import store
from harness.records.record import Hardware, Point
from harness.runner import fingerprint
from harness.runner.profile import exponents

QUICK = (
    *("mode=profile", "profile.lengths=[8,16,32]", "profile.batch_sizes=[3]", "profile.passes=2"),
    *("profile.seconds=0.001", "input.size=8", "hardware.threads=1"),
)
OFF = "tracking=none"

ENCODERS = '''
"""Encoders that end in a known way from 16 steps on, or take a known amount of memory."""

import os, signal, time

import numpy as np
from torch import nn


class Base(nn.Module):
    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = in_dim

    def forward(self, x_BLD, mask_BL):
        if x_BLD.shape[1] == 16:
            self.end()
        return x_BLD * mask_BL[:, :, None]


class MemoryError_(Base):
    def end(self):
        raise MemoryError("no room")


class Allocator(Base):
    def end(self):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 68 GB")


class OutOfMemoryInTraining(Base):
    def forward(self, x_BLD, mask_BL):
        if x_BLD.shape[1] == 128 and self.training:
            raise MemoryError("no room for the backward")
        return super().forward(x_BLD, mask_BL)


class TooSlow(Base):
    def end(self):
        time.sleep(600)


class Killed(Base):
    def end(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Broken(Base):
    def end(self):
        raise ValueError("shapes disagree")


class Weighs(nn.Module):
    """Holds ``unit * length ** power`` bytes for the time of a pass."""

    def __init__(self, in_dim, power, unit):
        super().__init__()
        self.out_dim, self.power, self.unit = in_dim, power, unit

    def forward(self, x_BLD, mask_BL):
        held = np.ones(self.unit * x_BLD.shape[1] ** self.power, np.uint8)
        return x_BLD * mask_BL[:, :, None] * float(held[0])
'''


@pytest.fixture
def encoder(command, tmp_path):
    """Overrides for one of the encoders above."""
    (tmp_path / "my_encoders.py").write_text(ENCODERS)
    return lambda name: ("encoder=custom", f"encoder._target_=my_encoders.{name}")


def test_a_profile_measures_every_point_and_reads_no_data(command, tmp_path):
    ended = command(*QUICK, OFF, "encoder=gru", "encoder.hidden_size=5", "profile.batch_sizes=[3,2]", "data=imdb")
    assert ended.code == 0, ended.err
    record = ended.record
    assert (record.mode, record.name, record.status) == ("profile", "profile", "finished")
    assert record.choices["data"] == "random_tokens"
    points = record.profile
    assert [(point.batch_size, point.length) for point in points] == [
        (size, length) for size in (3, 2) for length in (8, 16, 32)
    ]
    for point in points:
        assert (point.status, point.reason) == ("finished", None)
        assert 0 < point.numbers["forward_ms"] <= point.numbers["forward_ms_p95"]
        assert 0 < point.numbers["training_ms"] <= point.numbers["training_ms_p95"]
        assert point.numbers["tokens_per_second_forward"] > 0
        assert point.numbers["tokens_per_second_training"] > 0
        # by hand: three gates of 8 x 5 and 5 x 5 a step, then 5 x 2 of the head
        assert point.numbers["flops"] == 2 * point.length * 3 * (40 + 25) + 2 * 10
    assert {"profile/forward_time_exponent", "profile/training_time_exponent"} <= set(record.metrics)
    assert record.metrics["cost/parameters"] > 1000 * 8
    assert 0 <= record.environment.other_processes_cpu_share <= 1
    assert not (tmp_path / "outputs" / "cache").exists()
    assert Path(record.folder, "profile.png").stat().st_size > 1000


def test_it_is_skipped_when_it_was_measured_before_whatever_training_is_set_to(command):
    arguments = (*QUICK, OFF, "encoder=rnn", "profile.lengths=[8,16]")
    first = command(*arguments).record
    again = command(*arguments, "data=imdb", "trainer.epochs=77", "optimizer.lr=0.5", "measure.warmup_steps=3")
    assert again.code == 0
    assert "skipped" in again.out
    assert [record.started for record in again.records] == [first.started]
    assert len(command(*arguments, "profile.passes=3").records) == 2


def test_the_profile_section_decides_nothing_of_a_training_and_the_mode_does():
    def hashes(*overrides):
        return fingerprint.of(compose(*overrides), Hardware("cpu"), "hash")

    plain = hashes()
    assert hashes("profile.lengths=[1,2]", "profile.point_seconds=3", "profile.name=x") == plain
    assert hashes("mode=profile") != plain
    assert hashes("mode=profile", "profile.name=x", "name=y", "data=imdb") == hashes("mode=profile")
    assert hashes("mode=profile", "profile.lengths=[1,2]") != hashes("mode=profile")
    assert hashes("mode=profile", "seed=1")[1] == hashes("mode=profile")[1]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("mode=measure", "mode is one of train, profile, not 'measure'"),
        ("profile.lengths=128", "profile.lengths must be a list"),
        ("profile.lengths=[]", "profile.lengths must be a list"),
        ("profile.batch_sizes=[0]", "profile.batch_sizes must be a whole number of 1 or more"),
        ("profile.point_seconds=0", "profile.point_seconds must be a finite number above 0"),
        ("hardware=ddp_cpu", "mode=profile measures one device"),
        ("input.size=null", "input.size is the width of the embedding"),
    ],
)
def test_nonsense_is_refused_in_one_sentence_and_leaves_nothing(command, tmp_path, override, said):
    ended = command(*QUICK, OFF, "encoder=rnn", override)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "outputs" / "runs").exists()


@pytest.mark.parametrize(
    ("name", "more", "status", "reason"),
    [
        ("MemoryError_", (), "out_of_memory", "MemoryError: no room"),
        ("Allocator", (), "out_of_memory", "can't allocate memory"),
        ("TooSlow", ("profile.point_seconds=2",), "timed_out", "profile.point_seconds"),
    ],
)
def test_a_point_that_is_too_much_is_marked_and_the_rest_go_on(command, encoder, name, more, status, reason):
    ended = command(*QUICK, OFF, *encoder(name), *more)
    assert ended.code == 0, ended.err
    first, second, third = ended.record.profile
    assert (first.status, second.status, third.status) == ("finished", status, "finished")
    assert reason in second.reason
    assert "forward_ms" not in second.numbers
    assert "training_ms" in third.numbers


def test_a_forward_pass_is_kept_where_training_is_too_much(command, encoder):
    lengths = "profile.lengths=[8,128]"
    _, point = command(*QUICK, OFF, *encoder("OutOfMemoryInTraining"), lengths).record.profile
    assert (point.status, point.reason) == ("out_of_memory", "MemoryError: no room for the backward")
    assert point.numbers["forward_ms"] > 0
    assert "training_ms" not in point.numbers


@pytest.mark.parametrize(("name", "reason"), [("Broken", "shapes disagree"), ("Killed", "SIGKILL")])
def test_a_point_that_crashes_fails_the_run_after_the_others_had_their_turn(command, encoder, name, reason):
    ended = command(*QUICK, OFF, *encoder(name))
    assert ended.code == 1
    record = ended.record
    assert [point.status for point in record.profile] == ["finished", "failed", "finished"]
    assert record.status == "failed"
    assert "length 16, batch size 3" in record.reason
    assert reason in record.reason


def test_both_backends_are_profiled_alike(command):
    pytest.importorskip("tensorflow")
    torch, tensorflow = (command(*QUICK, OFF, "encoder=gru", f"backend={name}") for name in ("pytorch", "tensorflow"))
    assert tensorflow.code == 0, tensorflow.err
    one, two = (record for record in tensorflow.records)
    assert [point.numbers["flops"] for point in one.profile] == [point.numbers["flops"] for point in two.profile]
    assert [set(point.numbers) for point in one.profile] == [set(point.numbers) for point in two.profile]
    assert torch.record.metrics["cost/parameters"] == two.metrics["cost/parameters"]


def test_when_the_runs_time_is_up_what_was_measured_is_kept(command, encoder):
    ended = command(*QUICK, OFF, *encoder("TooSlow"), "run_timeout=3", "profile.lengths=[8,16,32]")
    assert ended.code == 0, ended.err
    assert [point.status for point in ended.record.profile] == ["finished", "timed_out", "timed_out"]


@pytest.mark.parametrize(("power", "unit", "most"), [(1, 2**17, 128), (2, 2**8, 256)])
def test_the_exponent_of_memory_is_that_of_what_the_encoder_holds(command, encoder, power, unit, most):
    # 64, 91, 128 MiB, or 64, 128, 256: the C library keeps freed blocks of up to 32 MiB for itself
    lengths = "profile.lengths=[512,724,1024]"
    more = (f"+encoder.power={power}", f"+encoder.unit={unit}", "profile.batch_sizes=[1]")
    found = command(*QUICK, OFF, *encoder("Weighs"), lengths, *more).record
    for phase in ("forward", "training"):
        assert found.metrics[f"profile/{phase}_memory_exponent"] == pytest.approx(power, abs=0.2)
        assert found.profile[-1].numbers[f"{phase}_peak_mib"] == pytest.approx(most, rel=0.1, abs=8)


def test_several_encoders_end_in_one_table_and_one_picture(command, tmp_path):
    ended = command("-m", *QUICK, OFF, "encoder=rnn,bag_of_embeddings")
    assert ended.code == 0, ended.err
    assert ended.out.count("profile of ") == 2
    table = ended.out[ended.out.index("p of cost") :]
    assert "rnn" in table
    assert "bag_of_embeddings" in table
    (picture,) = (tmp_path / "outputs" / "reports" / "profile").glob("s*/profile.png")
    assert picture.stat().st_size > 1000
    assert f"picture {picture.relative_to(tmp_path)}\n" in ended.out


@pytest.mark.parametrize("brought_by", ["the run", "a second run", "--sync"])
def test_mlflow_has_the_points_by_length_and_the_exponents(command, tmp_path, brought_by):
    from harness.cli import report
    from harness.tracking.store import connect

    down = tmp_path / "outputs" / "mlflow.db"
    if brought_by != "the run":
        down.mkdir(parents=True)  # no store can be opened there
    arguments = (*QUICK, "encoder=rnn", "tracking.system_metrics_seconds=null", "name=mine")
    ended = command(*arguments)
    assert ended.code == 0, ended.err
    if brought_by != "the run":
        assert ended.record.mlflow_run_id is None
        down.rmdir()
    if brought_by == "--sync":
        assert report.main(["--sync"]) == 0
    if brought_by == "a second run":
        again = command(*arguments, "profile.name=other")
        assert "skipped" in again.out
    (record,) = store.read_all(tmp_path / "outputs" / "runs")
    client = connect(f"sqlite:///{tmp_path}/outputs/mlflow.db")
    run = client.get_run(record.mlflow_run_id)
    assert client.get_experiment(run.info.experiment_id).name == "mine"
    assert run.info.status == "FINISHED"
    logged = client.get_metric_history(run.info.run_id, "profile/forward_ms")
    assert {metric.step: metric.value for metric in logged} == pytest.approx(
        {point.length: point.numbers["forward_ms"] for point in record.profile}
    )
    name = "profile/training_time_exponent"
    assert run.data.metrics[name] == pytest.approx(record.metrics[name])
    assert {"record.json", "profile.png"} <= {file.path for file in client.list_artifacts(run.info.run_id)}


def test_exponents_come_from_the_points_that_have_the_number():
    points = [
        Point(length, size, numbers={"forward_ms": size * length**1.5, "training_ms": size * length**2})
        for size in (1, 4)
        for length in (128, 256, 512, 1024)
    ]
    points[-1] = Point(1024, 4, "timed_out")
    points[0].numbers["forward_peak_mib"] = 3.0
    assert exponents(points) == {
        "profile/forward_time_exponent": pytest.approx(1.5),
        "profile/training_time_exponent": pytest.approx(2),
    }
