"""The command line: what runs, what is refused in one sentence, and the exit codes."""

import copy
import dataclasses
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from conftest import QUICK, REPOSITORY
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from omegaconf import OmegaConf

from harness import __main__
from harness.cli.main import main as cli
from harness.config import compose as composing
from harness.config import schema as config
from harness.report import build as report
from harness.runner import run
from harness.runner import worker as isolate
from harness.runner.sweep import identify


def test_a_run_leaves_a_whole_record_and_a_table(command):
    ended = command(*QUICK)
    record = ended.record
    assert ended.code == 0
    assert "test/accuracy" in ended.out
    assert record.run_dir.removeprefix(str(record.run_dir).split("outputs")[0]) in ended.out
    assert "python -m harness.ui" in ended.out
    assert record.status == "finished"
    assert [entry["epoch"] for entry in record.history] == [1, 2]
    assert record.choices["encoder"] == "self_attention"
    assert record.environment.hardware.threads == 1
    expected = {
        *("test/accuracy", "test/f1_macro", "test/loss", "val/accuracy", "val/loss", "train/loss", "best/epoch"),
        *("speed/train_tokens_per_second", "speed/train_sequences_per_second", "speed/train_step_ms_p50"),
        *("speed/train_step_ms_p95", "speed/data_wait_fraction", "speed/epoch_seconds", "speed/total_seconds"),
        *("speed/startup_seconds", "speed/inference_sequences_per_second", "latency/p50_ms", "latency/p95_ms"),
        *("latency/p99_ms", "memory/host_train_peak_mib", "memory/host_inference_peak_mib", "memory/host_peak_mib"),
        *("cost/parameters", "cost/encoder_parameters", "cost/forward_flops"),
    }
    assert expected <= set(record.metrics)
    assert record.metrics["speed/startup_seconds"] < record.metrics["speed/total_seconds"]


def test_the_same_command_is_skipped_and_rerun_gives_the_same_numbers_to_the_last_digit(command):
    first = command(*QUICK).record
    again = command(*QUICK)
    assert "skipped" in again.out
    assert again.record["ended"] == first.ended
    forced = command(*QUICK, "rerun=true").record
    assert forced["ended"] != first.ended
    assert forced["history"] == first.history
    assert forced["metrics"]["test/loss"] == first.metrics["test/loss"]


def test_seeds_are_one_variant_and_another_width_is_another(command):
    ended = command("-m", *QUICK, "seed=0,1", "encoder.hidden_size=16,32")
    variants = {record.variant for record in ended.records}
    assert len(ended.records) == 4
    assert len(variants) == 2
    assert len({record.fingerprint for record in ended.records}) == 4
    losses = {record.metrics["test/loss"] for record in ended.records}
    assert len(losses) == 4


def test_names_and_paths_do_not_decide_a_result(command, tmp_path):
    first = command(*QUICK).record
    same = command(*QUICK, "name=other", "run_timeout=100", f"cache_dir={tmp_path}/elsewhere")
    assert "skipped" in same.out
    copied = next(record for record in same.records if record.name == "other")
    assert copied.metrics == first.metrics
    assert (copied.fingerprint, copied.copied_from) == (first.fingerprint, first.run_dir)
    assert Path(copied.run_dir, "best.ckpt").exists()
    again = command(*QUICK, "name=other")
    assert "skipped" in again.out
    assert len(again.records) == 2
    assert command(*QUICK, "name=third").code == 0
    assert report.main(["--name", "third"]) == 0


@pytest.mark.parametrize("how", ["interrupted", "crashed"])
def test_a_run_whose_record_is_whole_stays_finished_whatever_becomes_of_its_process(command, monkeypatch, how):
    def start(*arguments):
        """The run, whose process is lost while it draws pictures."""
        ended = train(*arguments)
        if how == "interrupted":
            raise KeyboardInterrupt
        return dataclasses.replace(ended, code=-9)

    train = run.start
    monkeypatch.setattr(run, "start", start)
    ended = command(*QUICK)
    assert ended.code == (130 if how == "interrupted" else 0)
    assert ended.record.status == "finished"
    assert ended.record.metrics["test/accuracy"] > 0
    if how == "interrupted":
        assert "is finished; the same command goes on from here" in ended.err
    monkeypatch.undo()


MISTAKES = [
    (["encoder=lsmt"], "Could not find 'encoder/lsmt'"),
    (["encoder=lsmt"], "did you mean encoder=lstm?"),
    (["data=imbd"], "did you mean data=imdb?"),
    (["encoder=stack", "encoder@encoder.layers.first=grru"], "did you mean encoder=gru?"),
    (["trainer.epoch=3"], "Key 'epoch' is not in struct"),
    (["trainer.epoch=3"], "did you mean trainer.epochs?"),
    (["trainer.epoch=3,4", "-m"], "did you mean trainer.epochs?"),
    (["seed=0", "-m", "encoder=lsmt,gru"], "did you mean encoder=lstm?"),
    (["lr=0.1"], "did you mean optimizer.lr?"),
    (["-m", "data=majority,parity", "data.train=200"], "has to be swept too: 'data.train=choice(200)'"),
    (["-m", "encoder=lstm,gru", "encoder.hiden_size=64"], "did you mean encoder.hidden_size?"),
    (["-m", "data=majority,parity", "data.train=choice(200)", "data.lenght=9,8"], "did you mean data.length?"),
    (["+trainer.epoch=3"], "nothing reads trainer.epoch; did you mean trainer.epochs?"),
    (["data.text=schön"], "needs quotes of its own: 'data.text=\"schön\"'"),
    (["seed=???"], "seed must be given: add seed=... to the command"),
    (["++trainer.epoch=3"], "nothing reads trainer.epoch; did you mean trainer.epochs?"),
    (["++zzz=1"], "nothing reads zzz; leave it out"),
    (["+zzz=1"], "nothing reads zzz; leave it out"),
    (["encoder=min_gru", "encoder.hidden_size=0"], "encoder.hidden_size must be a whole number of 1 or more"),
    (["encoder=s4d", "encoder.hidden_size=-1"], "encoder.hidden_size must be a whole number of 1 or more"),
    (["encoder.num_heads=3"], "encoder.num_heads=3 does not divide encoder.hidden_size=128"),
    (["encoder=stack", "encoder.layers.second.num_heads=5"], "encoder.layers.second.num_heads=5 does not divide"),
    (["data=hub", "data.source=owner/none"], "no source 'owner/none'"),
    (["data=hub"], "data.source must be given"),
    (["data=files", "data.train=none.csv"], "there is no file none.csv"),
    (["hardware=gpu"], "hardware=gpu needs 1 GPU device(s), and this machine has none"),
    (["hardware=mps"], "hardware=mps needs 1 MPS device(s)"),
    (["output_dir=/dev/null/out"], "output_dir=/dev/null/out cannot be written to"),
    (["seed=-1"], "seed must be a whole number of 0 or more, and is -1"),
    (["seed=null"], "seed must be a whole number"),
    (["trainer.batch_size=0"], "trainer.batch_size must be a whole number of 1 or more, and is 0"),
    (["trainer.monitor=test/accuracy"], "nothing is chosen on test"),
    (["optimizer.lr=-1"], "optimizer.lr must be a finite number above 0"),
    (["optimizer.schedule=cosin"], "optimizer.schedule is one of constant, cosine, inverse_time"),
    (["encoder=additive_attention", "pooling=max"], "take encoder=bag_of_embeddings"),
    (["encoder=custom", "encoder._target_=nowhere.Encoder"], "nowhere"),
    (["encoder=custom"], "encoder._target_ must be given"),
    (["encoder=rnn", "encoder.dropout=0.5"], "num_layers=1 has nothing between"),
    (["encoder=rnn", "encoder.nonlinearity=sigmoid"], "nonlinearity is tanh or relu"),
    (["encoder=lstm", "+encoder.hiden=3"], "hiden"),
    (["data=synthetic_features", "+data.rows=3"], "rows"),
    (["data.validation=0.9"], "data: digits cannot work with these settings"),
    (["measure.warmup_steps=-3"], "measure.warmup_steps must be a whole number of 0 or more, and is -3"),
    (["measure.inference_batches=0"], "measure.inference_batches must be a whole number of 1 or more"),
    (["measure.latency_seconds=0"], "measure.latency_seconds must be a finite number above 0"),
    (["trainer.clip_norm=inf"], "trainer.clip_norm must be a finite number above 0, and is inf"),
    (["hardware.accelerator=cuda"], "hardware.accelerator is one of auto, cpu, gpu, mps, not 'cuda'"),
    (["head.hidden_sizes=64"], "head.hidden_sizes must be a list of whole numbers"),
    (["name=42"], "name must be a text"),
    (["mode=tune"], "mode is one of train, profile, not 'tune'"),
]


@pytest.mark.parametrize(("arguments", "said"), MISTAKES, ids=[" ".join(arguments) for arguments, _ in MISTAKES])
def test_a_mistake_is_one_sentence_and_nothing_is_half_written(command, tmp_path, arguments, said):
    hardware = [] if "hardware" in arguments[0] else ["hardware=cpu"]
    ended = command(*arguments, *hardware)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not ended.records
    assert not list(tmp_path.glob("outputs/runs/**"))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a b", "x")] * 20, "one class only ('x')"),
        ([], "has no rows"),
    ],
)
def test_a_file_that_cannot_be_learnt_from(command, tmp_path, rows, said):
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "a.csv", index=False)
    ended = command("data=files", "data.train=a.csv")
    progress, mistake = ended.err.strip().splitlines()
    assert (ended.code, progress) == (2, "self_attention/seed=0/data.train=a.csv: preparing data")
    assert said in mistake


def test_an_unwritable_folder_stops_a_sweep_as_well(command):
    ended = command("-m", "seed=0,1", "output_dir=/dev/null/out")
    assert ended.code == 2
    assert "cannot be written to" in ended.err
    assert "Traceback" not in ended.err


def test_somebody_elses_encoder_in_an_empty_folder(command, tmp_path):
    (tmp_path / "my_file.py").write_text(
        "from torch import nn\n"
        "class MyEncoder(nn.Module):\n"
        "    def __init__(self, in_dim, kernel):\n"
        "        super().__init__()\n"
        "        self.out_dim = 7\n"
        "        self.layer = nn.Conv1d(in_dim, 7, kernel, padding='same')\n"
        "    def forward(self, x_BLD, mask_BL):\n"
        "        x_BLD = x_BLD * mask_BL[:, :, None]\n"
        "        y_BLE = self.layer(x_BLD.transpose(1, 2)).transpose(1, 2)\n"
        "        return y_BLE * mask_BL[:, :, None]\n"
    )
    ended = command("encoder=custom", "encoder._target_=my_file.MyEncoder", "+encoder.kernel=3", *QUICK)
    assert ended.code == 0, ended.err
    assert ended.record.metrics["cost/encoder_parameters"] == 7 * 128 * 3 + 7
    assert "cost/forward_flops" not in ended.record.metrics  # it does not say its cost: absent, not 0

    source = (tmp_path / "my_file.py").read_text()
    (tmp_path / "my_file.py").write_text(source.replace("y_BLE * mask", "2 * y_BLE * mask"))
    command("encoder=custom", "encoder._target_=my_file.MyEncoder", "+encoder.kernel=3", *QUICK)
    fingerprints = {json.loads(path.read_text())["fingerprint"] for path in tmp_path.rglob("record.json")}
    assert len(fingerprints) == 2, "changed code is another run"


@pytest.mark.parametrize(("override", "said"), [
    ("encoder._target_=own.Leaves", "own.Leaves leaves numbers behind a sequence's end; multiply"),
    ("encoder._target_=own.Reads", "what own.Reads gives depends on what stands behind a sequence's end"),
    ("encoder._target_=own.Shapes", "own.Shapes says out_dim=4 and gives (2, 8, "),
    ("encoder._target_=own.Leavs", "own has no Leavs; did you mean own.Leaves?"),
    ("encoder._target_=own", "own cannot be made"),
    ("encoder._target_=broken.Leaves", "broken.Leaves cannot be made"),
    ("encoder._target_=own.Asks", "missing 1 required positional argument: 'width'; give it with +encoder.width="),
])  # fmt: skip
def test_an_encoder_of_ones_own_is_held_to_the_contract_before_it_is_trained(command, tmp_path, override, said):
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "class Leaves(nn.Module):\n"
        "    def __init__(self, in_dim):\n"
        "        super().__init__()\n"
        "        self.out_dim = in_dim\n"
        "    def forward(self, x_BLD, mask_BL):\n"
        "        return x_BLD + 1\n"
        "class Reads(Leaves):\n"
        "    def forward(self, x_BLD, mask_BL):\n"
        "        return (x_BLD + x_BLD.mean(1, keepdim=True)) * mask_BL[:, :, None]\n"
        "class Shapes(Leaves):\n"
        "    def __init__(self, in_dim):\n"
        "        super().__init__(in_dim)\n"
        "        self.out_dim = 4\n"
        "class Asks(Leaves):\n"
        "    def __init__(self, in_dim, width):\n"
        "        super().__init__(in_dim)\n"
    )
    (tmp_path / "broken.py").write_text("nothing.is_here\n")
    ended = command("encoder=custom", override, *QUICK)
    assert ended.code == 2
    assert said in ended.err
    assert not ended.records


def test_somebody_elses_data_in_an_empty_folder(command, tmp_path):
    (tmp_path / "my_data.py").write_text(
        "from harness.data import from_sequences\n"
        "def load(rows):\n"
        "    x = [[2, 3, 2], [3], [3, 3], [2, 2]] * rows\n"
        "    part = (x, ['even', 'odd', 'even', 'odd'] * rows)\n"
        "    words = ['[PAD]', '[UNK]', 'a', 'b']\n"
        "    return from_sequences(part, part, part, classes=['even', 'odd'], vocabulary=words)\n"
    )
    ended = command("data=custom", "data._target_=my_data.load", "+data.rows=30", *QUICK)
    assert ended.code == 0, ended.err
    assert ended.record.data.sizes == {"train": 120, "validation": 120, "test": 120}


def test_a_run_that_fails_says_why_and_the_others_run(command, tmp_path):
    (tmp_path / "bad.py").write_text(
        "import os, signal\n"
        "from torch import nn\n"
        "class Bad(nn.Module):\n"
        "    def __init__(self, in_dim, how):\n"
        "        super().__init__()\n"
        "        self.out_dim, self.how, self.layer = in_dim, how, nn.Linear(in_dim, in_dim)\n"
        "    def forward(self, x_BLD, mask_BL):\n"
        "        if self.how == 'raise': raise RuntimeError('on purpose')\n"
        "        if self.how == 'crash': os.kill(os.getpid(), signal.SIGSEGV)\n"
        "        if self.how == 'kill': os.kill(os.getpid(), signal.SIGKILL)\n"
        "        if self.how == 'hang': import time; time.sleep(60)\n"
        "        return self.layer(x_BLD) * mask_BL[:, :, None]\n"
    )
    ended = command(
        "-m", "encoder=custom", "encoder._target_=bad.Bad", "+encoder.how=raise,crash,kill,hang,fine", "run_timeout=5",
        "tracking=none", *(one for one in QUICK if "tracking" not in one),
    )  # fmt: skip
    assert ended.code == 1
    reasons = {record.config["encoder"]["how"]: record.reason for record in ended.records}
    assert reasons["raise"] == "RuntimeError: on purpose"
    assert reasons["crash"] == "crashed: signal SIGSEGV"
    assert "SIGKILL" in reasons["kill"]
    assert reasons["hang"].startswith("time-out")
    assert reasons["fine"] is None
    assert all(reason is None or reason in " ".join(ended.out.split()) for reason in reasons.values())


def test_fail_fast_begins_no_further_run(command, tmp_path):
    ended = command("-m", "optimizer.lr=1e30,0.001", "fail_fast=true", "optimizer=sgd", *QUICK)
    assert ended.code == 1
    assert [record.status for record in ended.records] == ["failed"]
    assert "training diverged" in ended.record.reason


def test_a_precision_that_hydra_reads_as_a_number_is_the_same(command):
    ended = command("hardware.precision=32", *QUICK)
    assert ended.code == 0, ended.err
    assert ended.record.environment.hardware.precision == "32"


def test_a_sweeps_id_is_never_read_as_a_number():
    ids = [identify([f"seed={number}"]) for number in range(3000)]
    assert all(one[0] == "s" and len(one) == 12 for one in ids)
    assert identify(["a=1", "b=2"]) == identify(["b=2", "a=1"]) != identify(["a=1"])


HEAVY = (
    *("torch", "pytorch_lightning", "tensorflow", "keras", "mlflow", "datasets", "pyarrow", "transformers", "ray"),
    *("numpy", "pandas", "scipy", "sklearn", "matplotlib", "optuna", "submitit", "joblib", "psutil", "rich"),
)


@pytest.mark.parametrize("flags", ["--help", "--cfg job", "--info searchpath", "--hydra-help"])
def test_help_and_config_load_nothing_heavy(flags):
    code = (
        f"import sys; sys.argv = ['harness', *{flags.split()}]\n"
        "from harness.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        f"sys.exit(', '.join(set({HEAVY}) & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == "", ended.stdout[-300:]


def choices_told(help_text: str) -> dict[str, list[str]]:
    """The groups that the help lists, with their choices."""
    listed = help_text.split("(group=option)")[1].split("== Config ==")[0]
    return {group: names.split(", ") for group, names in re.findall(r"^(\S+): (.+)$", listed, re.MULTILINE)}


def test_help_tells_every_choice_and_nothing_that_is_none(command):
    conf = composing.conf_dir()
    groups = [folder for folder in conf.iterdir() if folder.is_dir() and folder.name != "hydra"]
    ended = command("--help")
    assert ended.code == 0
    assert choices_told(ended.out) == {
        folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in groups
    }
    assert not [name for names in choices_told(ended.out).values() for name in names if name.startswith("_")]


def test_help_tells_the_config_with_what_was_set(command):
    out = command("--help", "encoder=cnn", "seed=7").out
    assert "encoders.CNN" in out
    assert "\nseed: 7\n" in out


def test_the_examples_in_the_help_are_commands_that_compose(command):
    examples = re.findall(r"^python -m harness (?!.*KEY)(.+)$", command("--help").out, re.MULTILINE)
    assert len(examples) == 5
    for example in examples:
        sets = [word.split(",")[0] if "[" not in word else word for word in shlex.split(example) if word != "-m"]
        config.check(composing.compose(*sets))


def test_help_is_what_hydra_says_that_copies_its_store(command, monkeypatch):
    quick = command("--help").out
    monkeypatch.delattr(ConfigStore, "__deepcopy__")
    assert command("--help").out == quick


def test_what_is_loaded_from_the_store_that_is_not_copied_is_a_copy():
    store = ConfigStore.instance()
    assert copy.deepcopy(store) is store
    assert store.load("hydra/config.yaml").node is not store.load("hydra/config.yaml").node


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("all", ["FileConfigSource", "file://", "data/digits", "seed: 0"]),
        ("defaults-tree", ["data: digits", "encoder: lstm"]),
    ],
)
def test_hydra_tells_about_itself(what, told):
    words = [sys.executable, "-m", "harness", "--info", what, "encoder=lstm"]
    ended = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert [part for part in told if part not in ended.stdout] == []


def test_a_sweep_takes_each_seed_through_all_variants_before_the_next(command):
    """So that what drifts with time is alike within the pairs that are compared."""
    ended = command("-m", "encoder=rnn,bag_of_embeddings", "seed=3,1", *QUICK, "trainer.epochs=1", "tracking=none")
    assert ended.code == 0, ended.err
    began = sorted(ended.records, key=lambda record: record.started)
    assert [(record.seed, record.choices["encoder"]) for record in began] == [
        (3, "rnn"), (3, "bag_of_embeddings"), (1, "rnn"), (1, "bag_of_embeddings"),
    ]  # fmt: skip


def test_flags_stay_where_they_were_when_the_seed_comes_first():
    arguments = ["-m", "--config-dir", "mine", "encoder=rnn,gru", "seed=0,1", "rerun=true"]
    assert cli._seed_outermost(arguments) == ["-m", "--config-dir", "mine", "seed=0,1", "encoder=rnn,gru", "rerun=true"]
    assert cli._seed_outermost(["-m", "encoder=rnn,gru"]) == ["-m", "encoder=rnn,gru"]


@pytest.mark.parametrize(
    ("arguments", "started"),
    [
        ("encoder=lstm seed=1", "pytorch"),
        ("-m encoder=lstm,gru backend=pytorch", "pytorch"),
        ("-m backend=pytorch,tensorflow", None),  # the first run knows which
        ("backend=torch", None),
        ("backend=tensorflow", None),  # which is not installed
        ("--help", None),
        ("encoder=lstm --cfg job", None),
        ("-m hydra/launcher=joblib seed=0,1", None),  # its runs are in other processes
    ],
)
def test_the_backends_imports_begin_with_the_command_where_its_runs_are_here(monkeypatch, arguments, started):
    servers = []
    monkeypatch.setattr(isolate, "server_of_backend", servers.append)
    monkeypatch.setattr(__main__, "find_spec", lambda library: library == "torch")
    __main__.start_server(arguments.split())
    assert servers == ([started] if started else [])


@pytest.mark.parametrize(("launcher", "number"), [("BasicLauncher", [2, 1, 3]), ("JoblibLauncher", [3, 4, 5])])
def test_a_job_of_a_sweep_is_composed_once_where_it_runs_here(monkeypatch, launcher, number):
    composed = []

    def compose(loader, config, overrides):
        composed.append(overrides)
        return {"job": overrides, "number": len(composed)}

    monkeypatch.setattr(composing, "_compose_job", compose)
    loader = SimpleNamespace()
    config = OmegaConf.create({"hydra": {"launcher": {"_target_": f"hydra.{launcher}"}}})
    sweeper = SimpleNamespace(hydra_context=SimpleNamespace(config_loader=loader), config=config)
    Sweeper.validate_batch_is_legal(sweeper, [["seed=0"], ["seed=1"]])
    jobs = ["seed=1", "seed=0", "seed=0"]  # given again: the first was changed by its run
    taken = [ConfigLoaderImpl.load_sweep_config(loader, None, [job]) for job in jobs]
    assert taken == [{"job": [job], "number": which} for job, which in zip(jobs, number, strict=True)]


def test_how_far_a_run_is_is_told_from_its_first_second_on_and_standard_output_has_the_table_alone(tmp_path):
    command = [sys.executable, "-m", "harness", *QUICK, "tracking=none"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    told = [line.split(": ")[-1] for line in ended.stderr.splitlines()]
    assert told[:2] == ["preparing data", "loading pytorch and building the model"]
    assert [line[:9] for line in ended.stderr.splitlines()[2:]] == ["epoch 1/2", "epoch 2/2", "measuring"]
    assert "test/accuracy" in ended.stdout
    assert "epoch 1/2" not in ended.stdout


def test_what_two_plus_signs_set_that_is_there_is_set(command):
    ended = command("++trainer.epochs=1", *(one for one in QUICK if "epochs" not in one), "++encoder.hidden_size=64")
    assert ended.code == 0, ended.err
    assert len(ended.record.history) == 1


def test_a_search_for_the_worst_is_refused_before_any_training(command):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    search = ("-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "encoder.hidden_size=choice(16,32)", *QUICK)
    said = "hydra.sweeper.direction=minimize, and what a run returns is its val/accuracy, of which the highest is best"
    ended = command(*search, "tracking=none")
    assert (ended.code, ended.records) == (2, [])
    assert said in ended.err
    assert "Traceback" not in ended.err
    ended = command(*search, "tracking=none", "trainer.monitor=val/loss", "hydra.sweeper.direction=maximize")
    assert "add hydra.sweeper.direction=minimize" in ended.err


def test_a_run_that_fails_does_not_end_a_search(command, monkeypatch):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    # Optuna's logger goes on writing to the standard error of an earlier test in this process
    monkeypatch.setattr("logging.raiseExceptions", False)
    search = ("hydra/sweeper=optuna", "hydra.sweeper.direction=maximize", "hydra.sweeper.n_trials=2")
    ended = command("-m", *search, "optimizer=sgd", "optimizer.lr=choice(1e30)", *QUICK, "tracking=none")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert {record.status for record in ended.records} == {"failed"}


def test_a_launcher_whose_extra_is_missing_is_one_sentence(command, monkeypatch):
    found = cli.find_spec
    monkeypatch.setattr(cli, "find_spec", lambda name: None if "joblib" in name else found(name))
    ended = command("-m", "hydra/launcher=joblib", "seed=0,1")
    assert ended.code == 2
    assert ended.err.strip() == (
        "hydra/launcher=joblib needs hydra_joblib_launcher: in the harness's folder, pip install '.[joblib]'"
    )
    assert not ended.records
