"""One training shared by several processes is the same training."""

import os
import platform

import numpy as np
import pytest
from commands import start
from conftest import QUICK, refused
from ports import free_ports

from harness.backends.distributed import MEETING, node_rank, of_slurm
from harness.data import Split
from harness.data.batches import deal
from harness.measure import over_ranks
from harness.records import store
from harness.tasks import predictions


def test_two_processes_give_the_losses_of_one_with_the_same_global_batch(command, tmp_path):
    # 1,167 training rows in batches of 29: the last one has 7 and is dealt out unevenly
    settings = ("encoder=gru", *QUICK, "trainer.batch_size=29")
    one = command(*settings, "hardware=cpu").record
    ended = command(*settings, "hardware=ddp_cpu")
    assert ended.code == 0, ended.out
    (two,) = (record for record in ended.records if record.choices["hardware"] == "ddp_cpu")
    for alone, shared in zip(one.history, two.history, strict=True):
        assert shared["val/loss"] == pytest.approx(alone["val/loss"], rel=1e-4)
        assert shared["train/loss"] == pytest.approx(alone["train/loss"], rel=1e-4)
    assert len(two.ranks) == 2
    speed = "speed/train_sequences_per_second"
    assert two.metrics[speed] == pytest.approx(sum(rank[speed] for rank in two.ranks))
    memory = "memory/host_train_peak_mib"
    assert two.metrics[memory] == max(rank[memory] for rank in two.ranks)
    assert len(list(tmp_path.glob("outputs/runs/*/*ddp*/best.ckpt"))) == 1
    # the first process keeps the predictions of all test rows, in their order
    kept = [predictions.load(record.folder / store.PREDICTIONS) for record in (one, two)]
    assert kept[0].truth.tolist() == kept[1].truth.tolist()
    assert len(kept[1]) == two.data.sizes["test"] == 360
    assert (kept[0].predicted == kept[1].predicted).mean() > 0.99
    assert (kept[1].predicted == kept[1].truth).mean() == two.metrics["test/accuracy"]
    assert len(list(tmp_path.glob(f"outputs/runs/*/*/*{store.PREDICTIONS}*"))) == 2


@pytest.fixture
def on_nodes(tmp_path):
    """Give a command on each of two nodes, both this machine, in one folder; returns exit codes and words."""

    def give(*commands: tuple[str, ...]) -> list[tuple[int, str]]:
        (port,) = free_ports(1)
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        shared, printed = ("hardware=ddp_cpu", "hardware.nodes=2", *QUICK), [tmp_path / "node_0", tmp_path / "node_1"]
        nodes = [
            start(tmp_path, *arguments, *shared, into=printed[rank], changes={**meeting, "NODE_RANK": str(rank)})
            for rank, arguments in enumerate(commands)
        ]
        return [(node.wait(300), file.read_text()) for node, file in zip(nodes, printed, strict=True)]

    return give


def test_two_nodes_give_the_losses_of_one_process_and_the_first_keeps_the_record(command, on_nodes, tmp_path):
    settings = ("encoder=gru", "trainer.batch_size=29", "hardware.devices=1", "tracking=none")
    one = command(*settings, *QUICK, "hardware=cpu").record
    (first, said), (further, also_said) = on_nodes(settings, settings)
    assert (first, further) == (0, 0), said + also_said
    assert "node 1 has done its part of gru/seed=0" in also_said
    assert "test/accuracy" not in also_said
    (two,) = (
        each for each in store.read_all(tmp_path / "outputs" / "runs") if each.choices["hardware"] == "ddp_cpu"
    )
    for alone, shared in zip(one.history, two.history, strict=True):
        assert shared["val/loss"] == pytest.approx(alone["val/loss"], rel=1e-4)
        assert shared["train/loss"] == pytest.approx(alone["train/loss"], rel=1e-4)
    speed = "speed/train_sequences_per_second"
    assert len(two.ranks) == 2
    assert two.metrics[speed] == pytest.approx(sum(rank[speed] for rank in two.ranks))
    assert (two.status, two.environment.hardware.nodes) == ("finished", 2)


def test_nodes_that_were_given_different_commands_train_nothing(on_nodes, tmp_path):
    settings = ("hardware.devices=1", "tracking=none")
    ended = on_nodes((*settings, "optimizer.lr=0.001"), (*settings, "optimizer.lr=0.002"))
    for code, said in ended:
        assert code == 2, said
        assert "the nodes do not agree about the run: give each the same command" in said
    assert not list(store.read_all(tmp_path / "outputs" / "runs"))


BROKEN = """
import os
from torch import nn

class Broken(nn.Module):
    def __init__(self, in_dim):
        super().__init__()
        self.out_dim, self.layer, self.passes = in_dim, nn.Linear(in_dim, in_dim), 0

    def forward(self, x_BLD, mask_BL):
        self.passes += 1
        if os.environ["NODE_RANK"] == "1" and self.passes > 20:
            os.kill(os.getpid(), 9)
        return self.layer(x_BLD) * mask_BL[:, :, None]
"""


def test_a_node_whose_process_is_killed_ends_the_others_and_the_record_names_it(on_nodes, tmp_path):
    """Long before the 30 minutes for which a collective operation waits."""
    (tmp_path / "broken.py").write_text(BROKEN)
    settings = ("encoder=custom", "encoder._target_=broken.Broken", "hardware.devices=1", "tracking=none")
    (first, said), (further, also_said) = on_nodes(settings, settings)
    assert (first, further) == (1, 1), said + also_said
    (record,) = store.read_all(tmp_path / "outputs" / "runs")
    assert record.status == "failed"
    host = platform.node()
    assert f"node 1 on {host} failed: killed by SIGKILL" in record.reason
    assert f"node 1 on {host} failed: killed by SIGKILL" in said
    assert "node 1 failed (" in also_said
    assert not any((tmp_path / "outputs" / "locks").iterdir())


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "needs in the environment of each node's command: NODE_RANK (its number, from 0), MASTER_ADDR"),
        ({"NODE_RANK": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1"}, "from 0 to 1, as hardware.nodes=2, and is '2'"),
        ({"NODE_RANK": "-1", "MASTER_ADDR": "a", "MASTER_PORT": "1"}, "and is '-1'"),
    ],
)  # fmt: skip
def test_a_node_has_to_be_told_which_it_is_and_where_they_meet(environment, sentence, monkeypatch):
    for name in ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert sentence in refused(node_rank, 2)
    assert node_rank(1) == 0  # alone, whatever a cluster's environment says


@pytest.mark.parametrize(
    ("hosts", "first"),
    [
        ("n1", "n1"), ("a,b", "a"), ("node[03-05,9]", "node03"), ("r[1,7]-x,b", "r1-x"), ("a,n[1-2]", "a"),
        ("rack[1-2]n[3-4,9]", "rack1n3"),
    ],
)
def test_under_srun_the_nodes_of_a_step_find_each_other(hosts, first, monkeypatch):
    for name in MEETING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.environ", {})  # node_rank fills in what is missing
    step = {"PROCID": "1", "STEP_NODELIST": hosts, "JOB_ID": "31007", "STEP_NUM_NODES": "2", "STEP_NUM_TASKS": "2"}
    os.environ |= {f"SLURM_{name}": value for name, value in step.items()}
    assert of_slurm(2) == {"NODE_RANK": "1", "MASTER_ADDR": first, "MASTER_PORT": "21007"}
    assert of_slurm(3) == {}
    os.environ["MASTER_ADDR"] = "10.0.0.1"
    assert node_rank(2) == 1
    assert (os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"]) == ("10.0.0.1", "21007")


def test_a_sweep_is_not_shared_by_nodes(command):
    ended = command("-m", "seed=0,1", "hardware=ddp_cpu", "hardware.nodes=2", "tracking=none", *QUICK)
    assert ended.code == 2
    assert "hardware.nodes=2 is for one run at a time: leave -m out" in ended.err
    assert not ended.records


def test_a_batch_is_dealt_out_whole_and_each_part_weighs_its_rows():
    split = Split.from_padded(np.arange(10, dtype=np.int32)[:, None], np.ones(10, np.int32), np.arange(10))
    parts = [deal(split, np.array([3, 1, 4, 0, 5]), number, 2) for number in range(2)]
    assert [part.y.tolist() for part in parts] == [[3, 4, 5], [1, 0]]
    assert [part.weight for part in parts] == pytest.approx([3 * 2 / 5, 2 * 2 / 5])
    assert [part.tokens for part in parts] == [3, 2]


def test_a_process_that_gets_no_row_counts_for_nothing():
    split = Split.from_padded(np.arange(10, dtype=np.int32)[:, None], np.ones(10, np.int32), np.arange(10))
    part = deal(split, np.array([6]), 1, 2)
    assert (part.weight, part.tokens, part.sequences, part.y.tolist()) == (0.0, 0, 0, [6])


def test_where_each_step_has_a_label_the_parts_losses_come_to_the_mean_over_all_steps_that_count():
    length_N = np.array([4, 1, 1, 3], np.int32)
    y_NL = np.where(np.arange(4) < length_N[:, None], np.arange(16).reshape(4, 4), -100)
    y_NL[3, 1] = -100  # a step within a sequence that does not count
    split = Split.from_padded(np.ones((4, 4), np.int32), length_N, y_NL)
    rows = np.arange(4)
    parts = [deal(split, rows, number, 3, per_step=True) for number in range(3)]
    means = [part.y[part.y != -100].mean() for part in parts]  # as if each label were its step's loss
    together = sum(mean * part.weight for mean, part in zip(means, parts, strict=True)) / 3
    assert together == pytest.approx(y_NL[y_NL != -100].mean())
    assert [part.whole for part in parts] == [4, 4, 4]
    assert [part.sequences for part in parts] == [2, 1, 1]


def test_over_ranks_throughput_is_summed_and_all_else_is_the_largest():
    ranks = [
        {"speed/train_tokens_per_second": 3.0, "memory/host_peak_mib": 5.0, "memory/host_inference_peak_mib": 1.0},
        {"speed/train_tokens_per_second": 4.0, "memory/host_peak_mib": 2.0},
    ]
    assert over_ranks(ranks) == {"speed/train_tokens_per_second": 7.0, "memory/host_peak_mib": 5.0}
