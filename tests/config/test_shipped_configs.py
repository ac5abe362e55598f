"""Every shipped config is composed, instantiated and trained on a little data; every key has a reader."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
from conftest import QUICK, REPOSITORY
from omegaconf import OmegaConf
from shipped import choices, encoders_of

from harness.backends.pytorch import encoders
from harness.backends.sklearn import encoders as baselines
from harness.config.compose import compose, compose_whole
from harness.config.hardware import check_machine, resolve_hardware, say_slow_in_half
from harness.config.schema import CLASS_WEIGHTS
from harness.errors import UserError
from harness.measure import processors
from harness.measure.accelerators import accelerators
from harness.records.settings import flatten

CONF = REPOSITORY / "conf"
ENCODERS = [name for name in encoders_of("pytorch") if name not in ("custom", "pretrained")]
BASELINES = encoders_of("sklearn")


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_trains_on_digits_and_lands_in_mlflow(command, encoder):
    ended = command(f"encoder={encoder}", *QUICK, "trainer.epochs=1", "tracking.log_model=false")
    assert ended.code == 0, ended.err
    record = ended.record
    assert record.metrics["cost/forward_flops"] > 0
    assert record.mlflow_run_id


# the encoders that only PyTorch has do nothing new on text: two of them are enough
ON_TEXT = sorted({*ENCODERS, *BASELINES} - {"cell", "cnn", "jordan_rnn", "linear_attention", "min_gru"})


@pytest.mark.parametrize("encoder", ON_TEXT)
def test_encoders_train_on_imdb(command, encoder, mirror, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", mirror)
    cache = tmp_path_factory.getbasetemp() / "imdb-cache"
    small = ["data.limit=2000", "data.max_length=32", "input.size=16", f"cache_dir={cache}", "tracking.log_model=false"]
    ended = command(f"encoder={encoder}", "data=imdb", *small, *QUICK, "trainer.epochs=1", "trainer.batch_size=100")
    assert ended.code == 0, ended.err
    assert ended.record.data.sizes == {"train": 2000, "validation": 2000, "test": 2000}
    assert ended.record.mlflow_run_id


OTHERS = [
    (group, name)
    for group in ("pooling", "position", "optimizer", "trainer", "measure", "tracking")
    for name in choices(group)
]


@pytest.mark.parametrize(("group", "name"), OTHERS)
def test_every_other_choice_trains(command, group, name):
    quick = [one for one in QUICK if not (name == "none" and one.startswith("tracking"))]
    data = "dyck" if name == "lazy_adam" else "digits"  # lazy_adam needs an embedding
    needed = ("optimizer._target_=torch.optim.RMSprop", "optimizer.lr=0.01") if name == "custom" else ()
    ended = command(f"{group}={name}", *needed, *quick, f"data={data}", "trainer.epochs=1")
    assert ended.code == 0, ended.err
    assert ended.record.status == "finished"


def test_every_data_set_composes_and_its_loader_takes_its_settings():
    for name in choices("data"):
        if name == "custom":
            continue
        config = compose_whole(f"data={name}")
        settings = OmegaConf.to_container(config.data)  # a required value is still ???
        module, _, function = settings.pop("_target_").rpartition(".")
        assert settings.pop(CLASS_WEIGHTS) is None  # of the training: no loader gets it
        inspect.signature(getattr(import_module(module), function)).bind(**settings)


def test_digits_have_more_epochs_than_other_data_unless_the_command_sets_them():
    commands = [(), ("data=adding",), ("trainer.epochs=3",), ("trainer.epochs=3", "data=digits")]
    assert [compose(*overrides).trainer.epochs for overrides in commands] == [20, 5, 3, 3]


@pytest.mark.parametrize("name", choices("hardware"))
def test_every_hardware_is_resolved_or_refused_with_a_sentence(name):
    config = compose(f"hardware={name}")
    present = {device["kind"] for device in accelerators()}
    needed = {"gpu": "cuda", "gpu_bf16": "cuda", "multi_gpu": "cuda", "mps": "mps"}.get(name)
    if needed and needed not in present:
        with pytest.raises(UserError, match=f"hardware={name} needs"):
            check_machine(config)
    else:
        found = resolve_hardware(config)
        assert found.precision in ("32", "bf16")
        assert found.threads >= 1


def test_threads_are_what_is_set_else_what_a_scheduler_says_within_a_process_share_of_the_cores(monkeypatch):
    monkeypatch.setattr(processors, "cores", lambda: 8)
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    for scheduled, settings, expected in (
        ("", ("hardware=cpu",), 8), ("3", ("hardware=cpu",), 3), ("3", ("hardware=cpu", "hardware.threads=5"), 5),
        ("", ("hardware=ddp_cpu",), 4), ("3", ("hardware=ddp_cpu",), 3),
    ):  # fmt: skip
        monkeypatch.setenv("OMP_NUM_THREADS", scheduled)
        assert resolve_hardware(compose(*settings)).threads == expected


def test_bf16_without_instructions_for_it_is_said_before_the_run(monkeypatch, capsys, tmp_path):
    for own, said in ((False, True), (True, False), (None, False)):
        monkeypatch.setattr(processors, "has_bfloat16", lambda own=own: own)
        for name, *more in (["cpu_bf16"], ["cpu"], ["cpu", "hardware.precision=bf16"]):
            say_slow_in_half.cache_clear()
            for _ in range(2):  # two runs of a sweep
                check_machine(compose(f"hardware={name}", *more, f"output_dir={tmp_path}"))
            sentence = f"hardware={name}: this processor has no instructions for bfloat16 and emulates it"
            expected = said and [name, *more] != ["cpu"]
            assert capsys.readouterr().err.count(sentence) == expected


def test_bf16_trains(command):
    ended = command("hardware=cpu_bf16", *QUICK)
    assert ended.code == 0, ended.err
    assert ended.record.environment.hardware.precision == "bf16"


@pytest.mark.parametrize(("data", "metric"), [("adding", "mse"), ("transcription", "label_error_rate")])
def test_every_task_goes_from_the_command_to_mlflow(command, data, metric):
    sizes = ("data.train=200", "data.validation=70", "data.test=70", "data.length=20")
    ended = command("experiment=probe", "encoder=lstm", f"data={data}", *sizes, *QUICK)
    assert ended.code == 0, ended.err
    record = ended.record
    metrics, history = record.metrics, record.history
    assert min(entry[f"val/{metric}"] for entry in history) == metrics[f"val/{metric}"]
    assert metrics[f"test/{metric}"] > 0
    assert (metrics.get("train/loss") is None) == (data == "adding") == (metrics.get("train/mse") is not None)
    assert not (record.folder / "confusion.json").exists()
    assert (record.folder / "learning_curves.png").exists()
    assert record.mlflow_run_id
    assert f"test/{metric}"[:15] in ended.out
    refused = command("experiment=probe", f"data={data}", *sizes, *QUICK, "trainer.monitor=val/f1_macro")
    assert refused.code == 2
    assert f"this data's task has val/{metric}" in refused.err


def test_inner_encoders_are_composed_as_the_command_asks():
    config = compose_whole("encoder=bidirectional", "encoder@encoder.inner=gru", "encoder.inner.hidden_size=7")
    assert config.encoder.inner._target_.endswith(".GRU")
    assert config.encoder.inner.hidden_size == 7
    config = compose_whole("encoder=stack", "encoder@encoder.layers.first=gru", "+encoder@encoder.layers.third=rnn")
    names = [layer._target_.rsplit(".", 1)[1] for layer in config.encoder.layers.values()]
    assert names == ["GRU", "SelfAttention", "RNN"]


READ_BY_THE_FRAMEWORK = {"hydra", "defaults"}


def test_every_key_of_the_shipped_configs_has_a_reader():
    """A key without a reader looks like a setting but has no effect."""
    files = (path for path in (REPOSITORY / "harness").rglob("*.py") if path.name != "schema.py")  # it names every key
    code = "\n".join(path.read_text(encoding="utf8") for path in files)
    for path in CONF.rglob("*.yaml"):
        if path.parent.parent.name == "hydra":
            continue  # the launcher's plugin reads these
        for key, _ in flatten(OmegaConf.to_container(OmegaConf.load(path))):
            names = [part for part in key.split(".") if not part.startswith("_") and part not in ("first", "second")]
            if names and names[0] not in READ_BY_THE_FRAMEWORK:
                assert re.search(rf"\b{names[-1]}\b", code), f"{path.relative_to(CONF)}: {key}"


def test_encoders_that_share_a_setting_have_one_default_for_it():
    """So that encoders with their default settings differ in kind, not in width or number of heads."""
    found: dict[str, dict[str, object]] = {}
    for name in choices("encoder"):
        settings = OmegaConf.to_container(OmegaConf.load(CONF / "encoder" / f"{name}.yaml"))
        target = str(settings.get("encoder", settings).get("_target_")).rpartition(".")[2]
        made = getattr(encoders, target, None) or getattr(baselines, target, None)
        settings = settings.get("encoder", settings)
        for key, value in settings.items():
            if not key.startswith("_") and key != "defaults" and not isinstance(value, dict):
                found.setdefault(key, {})[name] = value
                default = inspect.signature(made).parameters[key].default
                default = list(default) if isinstance(default, tuple) else default
                assert default in (value, inspect.Parameter.empty), (name, key)
    scales = found.pop("C")  # a list that validation chooses from; its scale is that of the encoder's features
    assert set(scales) == {"tfidf_logreg", "nb_svm"}
    assert {"ngrams", "min_rows", "hidden_size", "num_heads", "num_layers", "dropout", "causal"} <= set(found)
    assert {key: values for key, values in found.items() if len(set(map(str, values.values()))) > 1} == {}


def test_the_shipped_configs_are_few():
    assert len(list(Path(CONF).rglob("*.yaml"))) <= 105
