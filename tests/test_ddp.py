"""One training shared by several processes is the same training."""

import numpy as np
import pytest
from conftest import QUICK

from harness.data import Split
from harness.data.batches import deal
from harness.measure import over_ranks


def test_two_processes_give_the_losses_of_one_with_the_same_global_batch(command, tmp_path):
    # 1,167 training rows in batches of 29: the last one has 7 and is dealt out unevenly
    settings = ("encoder=gru", *QUICK, "trainer.batch_size=29")
    one = command(*settings, "hardware=cpu").record
    ended = command(*settings, "hardware=ddp_cpu")
    assert ended.code == 0, ended.out
    (two,) = (record for record in ended.records if record["choices"]["hardware"] == "ddp_cpu")
    for alone, shared in zip(one["history"], two["history"], strict=True):
        assert shared["val/loss"] == pytest.approx(alone["val/loss"], rel=1e-4)
        assert shared["train/loss"] == pytest.approx(alone["train/loss"], rel=1e-4)
    assert len(two["ranks"]) == 2
    speed = "speed/train_sequences_per_second"
    assert two["metrics"][speed] == pytest.approx(sum(rank[speed] for rank in two["ranks"]))
    memory = "memory/host_train_peak_mib"
    assert two["metrics"][memory] == max(rank[memory] for rank in two["ranks"])
    assert len(list(tmp_path.glob("outputs/runs/*/*ddp*/best.ckpt"))) == 1


def test_a_batch_is_dealt_out_whole_and_each_part_weighs_its_rows():
    split = Split(np.arange(10, dtype=np.int32)[:, None], np.ones(10, np.int32), np.arange(10))
    parts = [deal(split, np.array([3, 1, 4, 0, 5]), number, 2) for number in range(2)]
    assert [part.y.tolist() for part in parts] == [[3, 4, 5], [1, 0]]
    assert [part.weight for part in parts] == pytest.approx([3 * 2 / 5, 2 * 2 / 5])
    assert [part.tokens for part in parts] == [3, 2]


def test_a_process_that_gets_no_row_counts_for_nothing():
    split = Split(np.arange(10, dtype=np.int32)[:, None], np.ones(10, np.int32), np.arange(10))
    part = deal(split, np.array([6]), 1, 2)
    assert (part.weight, part.tokens, part.y.tolist()) == (0.0, 0, [6])


def test_over_ranks_throughput_is_summed_and_all_else_is_the_largest():
    ranks = [
        {"speed/train_tokens_per_second": 3.0, "memory/host_peak_mib": 5.0, "memory/host_inference_peak_mib": 1.0},
        {"speed/train_tokens_per_second": 4.0, "memory/host_peak_mib": 2.0},
    ]
    assert over_ranks(ranks) == {"speed/train_tokens_per_second": 7.0, "memory/host_peak_mib": 5.0}
