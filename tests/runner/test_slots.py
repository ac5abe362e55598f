"""The slots of a machine, which job gets which, and what a run in one sees and records."""

import json
import os
from contextlib import ExitStack

import pytest
import slot_jobs
from conftest import refused
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobStatus
from hydra.types import HydraContext, RunMode
from made_records import made
from omegaconf import OmegaConf

from harness.analysis import comparability
from harness.analysis.variants import gather
from harness.config.compose import aside, compose, composed
from harness.measure import neighbours, processors, slots
from harness.measure.slots import Place
from harness.records.hardware_facts import facts as hardware_facts
from harness.records.record import Hardware
from harness.records.slot import Slot
from harness.report import side_by_side
from harness.runner import fingerprint, job_outcomes
from harness.runner.slots import claims, job_process
from harness.runner.slots.launcher import LOG, DevicesLauncher
from harness.runner.slots.schedule import Schedule

CARDS = [{"kind": "cuda", "index": number, "name": "A100", "uuid": f"GPU-{number}{number}"} for number in range(4)]


@pytest.fixture
def no_limits(monkeypatch):
    monkeypatch.setattr(slots.processors, "limits", lambda: [processors.Limit(999, "none")])


def cores_of(count, each=1):
    return [tuple(range(number * each, (number + 1) * each)) for number in range(count)]


def test_cores_are_divided_whole():
    found = slots.divide(cores_of(7, each=2), 2, 3, [], None)
    assert found == [Place(0, (0, 1, 2, 3, 4, 5)), Place(1, (6, 7, 8, 9, 10, 11))]


def test_each_accelerator_gets_an_equal_share_of_the_cores():
    found = slots.divide(cores_of(11), 3, None, ["GPU-a", "GPU-b", "GPU-c"], None)
    assert found == [Place(0, (0, 1, 2), "GPU-a"), Place(1, (3, 4, 5), "GPU-b"), Place(2, (6, 7, 8), "GPU-c")]


def test_slots_share_cores_only_where_there_are_too_few():
    found = slots.divide(cores_of(2), 3, None, ["GPU-a", "GPU-b", "GPU-c"], None)
    assert [place.processors for place in found] == [(0,), (1,), (0,)]


def test_at_most_so_many_slots_of_larger_shares():
    assert slots.divide(cores_of(7), 7, None, [], 2) == [Place(0, (0, 1, 2)), Place(1, (3, 4, 5))]


def test_slots_of_a_machine(monkeypatch, no_limits):
    monkeypatch.setattr(processors, "physical_cores", lambda: cores_of(13))
    monkeypatch.setattr(slots, "accelerators", lambda: CARDS[1:])
    on_cards = slots.of_machine(True, None, None)
    assert [place.device for place in on_cards] == ["GPU-11", "GPU-22", "GPU-33"]
    assert [len(place.processors) for place in on_cards] == [4, 4, 4]
    assert len(slots.of_machine(True, 5, None)) == 2  # 15 cores would be too many
    assert slots.of_machine(False, None, None) == [Place(number, (number,)) for number in range(13)]
    monkeypatch.setattr(slots, "accelerators", lambda: [])
    assert [place.processors for place in slots.of_machine(True, 5, None)] == [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)]


def test_a_card_without_a_uuid_has_its_number_and_apples_device_no_name():
    assert slots.name_of({"kind": "cuda", "index": 3}) == "3"
    assert slots.name_of({"kind": "mps"}) is None


def test_a_quota_grants_fewer_cores_but_never_part_of_one(monkeypatch):
    monkeypatch.setattr(processors, "physical_cores", lambda: cores_of(5, each=2))
    for granted, cores in ((5, 2), (4, 2), (1, 1)):
        limit = processors.Limit(granted, "a quota")
        monkeypatch.setattr(processors, "limits", lambda limit=limit: [limit, processors.Limit(10, "affinity")])
        assert len(slots.granted_cores()) == cores


def test_the_hardware_threads_of_a_core_stay_together_and_the_cores_of_a_node_beside_each_other(tmp_path, monkeypatch):
    """Two nodes of two cores with two threads each: processor 0 and 4 are one core, as 1 and 5, 2 and 6, 3 and 7."""
    for number in range(8):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{number}"
        (folder / f"node{number % 2}").mkdir(parents=True)
        (folder / "topology").mkdir()
        (folder / "topology/physical_package_id").write_text("0\n")
        (folder / "topology/core_id").write_text(f"{number % 4}\n")
    monkeypatch.setattr(processors, "affinity", lambda: [0, 1, 2, 3, 4, 5, 6, 7])
    assert processors.physical_cores(tmp_path) == [(0, 4), (2, 6), (1, 5), (3, 7)]
    monkeypatch.setattr(processors, "affinity", lambda: [3, 4, 7])
    assert processors.physical_cores(tmp_path) == [(4,), (3, 7)]
    assert processors.physical_cores(tmp_path / "nothing is known") == [(3,), (4,), (7,)]


def test_a_job_begins_when_as_many_slots_are_free_as_it_takes():
    places = [Place(number, (number,)) for number in range(3)]
    schedule = Schedule(places)
    for job, takes in {"a": 1, "b": 3, "c": 1, "d": 2, "all": 99}.items():
        schedule.add(job, takes)
    assert list(schedule.begin()) == [("a", [places[0]]), ("c", [places[1]])]  # b waits
    assert list(schedule.begin()) == []
    schedule.end("c")
    assert list(schedule.begin()) == [("d", [places[1], places[2]])]
    schedule.end("a")
    schedule.end("d")
    assert list(schedule.begin()) == [("b", places)]
    schedule.end("b")
    assert list(schedule.begin()) == [("all", places)]


def test_neighbours_are_counted_over_the_time_of_a_run():
    log = ["100 0 begins", "100 1 begins", "102 2 begins", "103 0 ends", "107 2 ends", "108 3 begins", "111 1 ends"]
    # beside job 1: 0 for 100..103, 2 for 102..107, 3 from 108: 2 + 1*2 + 4*1 + 1*0 + 2*1 = 10 job seconds in 10 seconds
    assert neighbours.count(log, 1, until=110.0) == (2, pytest.approx(1.0))
    assert neighbours.count(log, 3, until=112.0) == (1, pytest.approx(3 / 4))
    with pytest.raises(ValueError, match="no job 9"):
        neighbours.count(log, 9, until=110.0)


def test_what_a_run_sees_of_its_slot(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    places = [Place(1, (2, 3), "GPU-b"), Place(2, (4, 5), "MIG-c")]
    found = slots.environment_of(places, 5, {"step": 1.25}, {"job": 7})
    assert found["CUDA_VISIBLE_DEVICES"] == "GPU-b,MIG-c"
    assert found["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert found["OMP_NUM_THREADS"] == "4"
    assert found["HARNESS_SHARED_TERMINAL"] == "1"
    assert "HARNESS_SHARED_TERMINAL" not in slots.environment_of(places[:1], 1, {}, {})
    monkeypatch.setenv("HARNESS_SLOT", found["HARNESS_SLOT"])
    assert slots.own() == Slot([1, 2], 5, [2, 3, 4, 5], ["GPU-b", "MIG-c"], slowdown={"step": 1.25})
    assert slots.runs_at_a_time() == 5
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "OMP_NUM_THREADS" not in slots.environment_of(places, 5, {}, {})
    monkeypatch.delenv("HARNESS_SLOT")
    assert (slots.own(), slots.runs_at_a_time()) == (None, 1)


def beside(encoder="lstm", slots_=3, **slowdown):
    slot = Slot([1], slots_, slowdown=slowdown)
    return made(encoder, environment={"hardware": {"accelerator": "cpu", "runs_at_a_time": slots_}, "slot": slot})


def test_variants_that_had_fewer_neighbours_are_named_where_that_may_explain_their_speed():
    runs = [beside(step=1.2, copy=1.5), beside("gru", step=1.2, copy=1.5)]
    for run, mean in zip(runs, (2.0, 0.5), strict=True):
        run.environment.slot.neighbours_mean = mean
    (sentence,) = side_by_side.sentences(comparability.make_groups(gather(runs).variants))
    # two neighbours cost 20 % of a step, so 1.5 more of them 15 %
    assert "gru had 0.5 other runs beside it on average and lstm 2.0, which may explain 15% of a" in sentence
    runs[1].environment.slot.neighbours_mean = 1.9
    (even,) = side_by_side.sentences(comparability.make_groups(gather(runs).variants))
    assert even.endswith("and copying memory 1.50 times.")


def test_runs_beside_others_and_runs_alone_are_in_hardware_groups_of_their_own():
    alone = made("gru", environment={"hardware": {"accelerator": "cpu"}})
    (group,) = comparability.make_groups(gather([beside(step=1.25, copy=1.5), alone]).variants)
    assert [one.title for one in group.hardware_groups] == ["runs_at_a_time 3", "runs_at_a_time 1"]
    (sentence,) = side_by_side.sentences([group])
    assert sentence.startswith(f"{group.title}: lstm ran 3 at a time on one machine, each pinned to its own part")
    assert "a training step take up to 1.25 times as long while all 3 work as alone, and copying memory 1.5" in sentence
    (quiet,) = side_by_side.sentences(comparability.make_groups(gather([beside()]).variants))
    assert quiet.endswith("each pinned to its own part of it.")
    assert side_by_side.sentences(comparability.make_groups(gather([alone]).variants)) == []


def test_a_run_beside_others_is_another_run_than_one_alone():
    alone, beside_one = (fingerprint.of(compose(), Hardware("cpu", runs_at_a_time=runs), "hash") for runs in (1, 2))
    assert alone[0] != beside_one[0]
    assert alone[1] != beside_one[1]
    assert "runs_at_a_time" not in hardware_facts(Hardware("cpu"))  # as in earlier records


def every_job(folder):
    return [f"output_dir={folder}", "worker=1-here-2", "sweep=s1", f"cache_dir={folder}", "name=dies-5"]


@pytest.fixture
def launcher(tmp_path, monkeypatch):
    """A launcher whose jobs only say where they ran, on a machine that pretends to have four cards."""
    monkeypatch.setattr(slots, "accelerators", lambda: CARDS)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with aside(), composed():
        loader = GlobalHydra.instance().hydra.config_loader
        config = loader.load_configuration("config", every_job(tmp_path), RunMode.MULTIRUN)
        context = HydraContext(config_loader=loader, callbacks=Callbacks())
        job_outcomes.outcomes_folder(config).mkdir(parents=True)
        config.hydra.job.name = "harness"
        HydraConfig.instance().cfg = None  # as in the process of a sweep's command
        found = DevicesLauncher(measure_sharing=False)
        found.setup(hydra_context=context, task_function=slot_jobs.where, config=config)
        yield found
    job_process.close_all()


def read_all(folder):
    return {int(file.stem): json.loads(file.read_text()) for file in folder.glob("[0-9].json")}


def test_eight_jobs_on_four_devices_are_pinned_none_idles_and_one_that_dies_frees_its_slot(launcher, tmp_path):
    returned = launcher.launch([[*every_job(tmp_path), f"seed={seed}"] for seed in range(8)], initial_job_idx=3)
    seen = read_all(tmp_path)
    assert {seen[seed]["devices"] for seed in range(4)} == {"GPU-00", "GPU-11", "GPU-22", "GPU-33"}
    assert all(seen[seed]["devices"] == CARDS[seen[seed]["numbers"][0]]["uuid"] for seed in range(8))
    expected = {place.number: list(place.processors) for place in slots.of_machine(True, None, None)}
    for one in seen.values():
        assert (one["processors"], one["slots"]) == (expected[one["numbers"][0]], 4)
        assert one["threads"] == str(len(one["processors"]))
        assert one["order"] == "PCI_BUS_ID"
    log = job_outcomes.outcomes_folder(launcher.config) / LOG
    events = [line.split()[2] for line in log.read_text().splitlines()]
    # a job begins as soon as another has ended, so that four run for as long as one waits
    assert events == ["begins"] * 4 + ["ends", "begins"] * 4 + ["ends"] * 4
    assert [one.return_value for one in returned if "seed=5" not in one.overrides] == [0, 0.5, 1, 1.5, 2, 3, 3.5]
    assert [one.status for one in returned] == [JobStatus.COMPLETED] * 8
    outcomes = {number: job_outcomes.of_job(launcher.config, number) for number in range(3, 11)}
    ((died, lost),) = [(number, outcome.lost) for number, outcome in outcomes.items() if outcome.lost]
    assert died == 3 + 5
    assert lost.startswith("self_attention/seed=5 was lost: the process of its slot was killed by signal 9; the same")


def test_jobs_of_two_devices_take_two_slots(launcher, tmp_path):
    jobs = [[*every_job(tmp_path), f"seed={seed}", "hardware=multi_gpu"] for seed in range(2)]
    launcher.launch(jobs, initial_job_idx=0)
    seen = read_all(tmp_path)
    assert {one["devices"] for one in seen.values()} == {"GPU-00,GPU-11", "GPU-22,GPU-33"}
    assert {len(one["numbers"]) for one in seen.values()} == {2}


def test_the_slots_of_runs_that_use_no_card_are_cores_alone(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr(slots, "granted_cores", lambda: [(core,) for core in processors.affinity()[:1]])
    launcher.launch([[*every_job(tmp_path), "encoder=dummy", "seed=7"]], initial_job_idx=0)
    assert read_all(tmp_path)[7]["devices"] is None


@pytest.fixture
def two_cards(monkeypatch):
    monkeypatch.setattr(claims, "accelerators", lambda: CARDS[:2])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def of(launcher):
    return OmegaConf.create({"_target_": f"hydra_plugins.some.{launcher}"})


def test_each_job_of_joblib_has_a_card_of_its_own_and_one_too_many_waits(two_cards, tmp_path, monkeypatch):
    config = compose(f"cache_dir={tmp_path}")
    shown = []
    with claims.claimed(config, of("JoblibLauncher")):
        shown.append(os.environ["CUDA_VISIBLE_DEVICES"])
        other = ExitStack()
        shown += claims.claim(["GPU-00", "GPU-11"], 1, tmp_path / "devices", other)
        monkeypatch.setattr(claims.time, "sleep", lambda _seconds: other.close())
        with ExitStack() as third:
            shown += claims.claim(["GPU-00", "GPU-11"], 1, tmp_path / "devices", third)
    assert shown == ["GPU-00", "GPU-11", "GPU-11"]
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize(
    ("launcher", "overrides"),
    [
        ("BasicLauncher", ()),
        ("JoblibLauncher", ("hardware=cpu",)),
        ("JoblibLauncher", ("encoder=tfidf_logreg",)),
        ("JoblibLauncher", ("hardware=multi_gpu",)),
    ],
)
def test_no_card_is_claimed_where_the_run_uses_none_or_there_is_no_choice(two_cards, tmp_path, launcher, overrides):
    with claims.claimed(compose(f"cache_dir={tmp_path}", *overrides), of(launcher)):
        assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"cores_per_run": 0}, "hydra.launcher.cores_per_run must be a whole number from 1, or null, and is 0"),
        ({"max_slots": True}, "hydra.launcher.max_slots must be a whole number from 1, or null, and is True"),
        ({"cores_per_run": 3}, "hydra.launcher.cores_per_run=3: this machine grants 2 cores; take no more"),
    ],
)
def test_settings_that_no_machine_can_have_are_refused(monkeypatch, settings, sentence):
    monkeypatch.setattr(slots, "granted_cores", lambda: cores_of(2))
    setup = DevicesLauncher(**settings).setup
    assert refused(lambda: setup(hydra_context=None, task_function=None, config=None)) == sentence
