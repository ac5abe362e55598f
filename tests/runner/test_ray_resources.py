"""What a run asks of a Ray cluster follows its hardware; what contradicts it, or nobody has, is refused."""

import os

import pytest
from conftest import refused

from harness.config.compose import composed
from harness.measure import processors
from harness.runner.ray import task
from harness.runner.ray.resources import can_run, demands, options_of

SMALL = {"CPU": 2.0, "memory": 7e9, "node:10.0.0.1": 1.0}
GPUS = {"CPU": 16.0, "GPU": 4.0, "memory": 7e9, "accelerator_type:H100": 1.0}
AS_SHIPPED = {"num_cpus": None, "num_gpus": None, "memory": None, "max_retries": 0}


def asked(*overrides, nodes=(SMALL, GPUS), **remote):
    with composed(*overrides) as config:
        options = options_of(config, {**AS_SHIPPED, **remote}, nodes)
    assert options.pop("max_retries") == 0
    return options


@pytest.mark.parametrize(
    ("hardware", "processors", "gpus"),
    [
        (["hardware=cpu"], 1, 0),
        (["hardware=ddp_cpu"], 2, 0),
        (["hardware=cpu", "hardware.threads=7"], 7, 0),
        (["hardware=ddp_cpu", "hardware.threads=5"], 10, 0),
        (["hardware=gpu"], 1, 1),
        (["hardware=gpu_bf16"], 1, 1),
        (["hardware=multi_gpu", "hardware.devices=3"], 3, 3),
        (["hardware=mps"], 1, 0),
        (["hardware=auto"], 1, 1),
        (["hardware=auto", "hardware.devices=3"], 3, 3),
        (["hardware=auto", "encoder=tfidf_logreg"], 1, 0),
    ],
)
def test_processors_and_gpus_follow_the_hardware(hardware, processors, gpus):
    assert asked(*hardware) == {"num_cpus": processors, "num_gpus": gpus}


def test_without_a_gpu_in_the_cluster_hardware_auto_asks_for_none():
    assert asked("hardware=auto", nodes=(SMALL,)) == {"num_cpus": 1, "num_gpus": 0}
    few = {**GPUS, "GPU": 1.0}
    assert asked("hardware=auto", "hardware.devices=2", nodes=(few,)) == {"num_cpus": 2, "num_gpus": 0}


def test_what_the_command_asks_for_counts_where_it_is_possible():
    assert asked("hardware=gpu", num_gpus=1, num_cpus=4) == {"num_cpus": 4, "num_gpus": 1}
    assert asked("hardware=gpu", num_gpus=0.25) == {"num_cpus": 1, "num_gpus": 0.25}
    assert asked("hardware=auto", num_gpus=0) == {"num_cpus": 1, "num_gpus": 0}
    assert asked("hardware=cpu", memory=5000, num_cpus=0.5) == {"num_cpus": 0.5, "num_gpus": 0, "memory": 5000}


@pytest.mark.parametrize(
    ("hardware", "remote", "uses"),
    [
        ("gpu", {"num_gpus": 0}, "uses 1 of them"),
        ("gpu", {"num_gpus": 2}, "uses 1 of them"),
        ("multi_gpu", {"num_gpus": 0.5}, "uses 2 of them"),
        ("cpu", {"num_gpus": 1}, "uses none"),
        ("cpu", {"num_gpus": 0.5}, "uses none"),
        ("auto", {"num_gpus": 2}, "uses 1 of them"),
    ],
)
def test_gpus_that_contradict_the_hardware_are_refused(hardware, remote, uses):
    assert refused(asked, f"hardware={hardware}", **remote) == (
        f"hydra.launcher.ray.remote.num_gpus={remote['num_gpus']} contradicts hardware={hardware}, with which a run "
        f"{uses}; leave num_gpus out, and it follows"
    )


def test_gpus_for_a_backend_without_any_are_refused():
    assert refused(asked, "hardware=auto", "encoder=dummy", num_gpus=1) == (
        "hydra.launcher.ray.remote.num_gpus=1 contradicts backend=sklearn, with which a run uses none; leave num_gpus "
        "out, and it follows"
    )


def test_fewer_processors_than_threads_are_refused():
    assert "num_cpus=2 is less than hardware.threads=3; leave num_cpus out" in refused(
        asked, "hardware=cpu", "hardware.threads=3", num_cpus=2
    )
    assert "num_cpus=5 is less than hardware.threads=3 in each of 2 processes" in refused(
        asked, "hardware=ddp_cpu", "hardware.threads=3", num_cpus=5
    )


def test_what_no_single_node_has_is_refused_with_what_the_nodes_have():
    two_places = ({"CPU": 32.0}, {"CPU": 1.0, "GPU": 1.0})
    sentence = refused(asked, "hardware=gpu", nodes=two_places, num_cpus=2)
    assert sentence == (
        "hardware=gpu: a run asks for 2 processors and 1 GPU, and no node of the Ray cluster has that (they have "
        "32 processors and 0 GPUs; 1 processor and 1 GPU); ask for less by hardware or "
        "hydra.launcher.ray.remote, or start a node that has it"
    )
    assert "asks for 1 processor and 8000000000 bytes of memory" in refused(asked, "hardware=cpu", memory=8 * 10**9)
    assert "asks for 1 processor and 1 lab" in refused(asked, "hardware=cpu", resources={"lab": 1})
    assert "(they have nothing)" in refused(asked, "hardware=cpu", nodes=())


def test_a_kind_of_gpu_is_looked_for_as_ray_names_it():
    wanted = {"num_cpus": 1, "num_gpus": 1, "accelerator_type": "H100"}
    assert demands(wanted) == {"CPU": 1, "GPU": 1, "accelerator_type:H100": 0.001}
    assert can_run(wanted, [SMALL, GPUS])
    assert not can_run({**wanted, "accelerator_type": "A100"}, [SMALL, GPUS])


def test_a_run_keeps_to_what_its_task_got(monkeypatch):
    """Without a GPU of its own it sees none; its processors are its threads, and the record says what decided that."""
    monkeypatch.setattr(processors, "cores", lambda: 64)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    with task.environment(task.limits({"CPU": 3.0})):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
        decided = processors.threads()
        assert (decided.processors, decided.source) == (3, "hydra.launcher.ray.remote.num_cpus")
        assert processors.threads(processes=3).processors == 1
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2"
    assert processors.RAY_PROCESSORS not in os.environ
    with task.environment(task.limits({"CPU": 0.5, "GPU": 1.0})):  # Ray itself has named the GPU
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2"
        assert processors.threads().processors == 1
