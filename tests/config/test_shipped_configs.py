"""Every shipped config is composed, instantiated and trained on a little data; no key is without a reader."""

import inspect
import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import QUICK, REPOSITORY
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from harness.backends.build import make_position
from harness.backends.pytorch import Backend, encoders
from harness.config import compose as composing
from harness.config import hardware as machine
from harness.config import schema as configs
from harness.data import open_prepared
from harness.data.synthetic.features import synthetic_features
from harness.measure import environment
from harness.runner import fingerprint
from harness.runner.run import prepare_data
from harness.records.settings import flatten

CONF = REPOSITORY / "conf"


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def composed(*overrides: str):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=list(overrides), return_hydra_config=True)
    from hydra.core.hydra_config import HydraConfig

    HydraConfig.instance().set_config(config)
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    return config


ENCODERS = [name for name in choices("encoder") if name != "custom"]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_trains_on_digits_and_lands_in_mlflow(command, encoder):
    ended = command(f"encoder={encoder}", *QUICK, "trainer.epochs=1")
    assert ended.code == 0, ended.err
    record = ended.record
    assert record.metrics["cost/forward_flops"] > 0
    assert record.mlflow_run_id


# what one more encoder of PyTorch's alone meets on text, the others have met: two stand for all
ON_TEXT = sorted({*ENCODERS} - {"cell", "cnn", "jordan_rnn", "linear_attention", "min_gru"})


@pytest.mark.parametrize("encoder", ON_TEXT)
def test_encoders_train_on_imdb(command, encoder, mirror, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", mirror)
    cache = tmp_path_factory.getbasetemp() / "imdb-cache"
    small = ["data.limit=2000", "data.max_length=32", "input.size=16", f"cache_dir={cache}"]
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
    data = "dyck" if name == "lazy_adam" else "digits"  # what is lazy wants an embedding
    ended = command(f"{group}={name}", *quick, f"data={data}", "trainer.epochs=1")
    assert ended.code == 0, ended.err
    assert ended.record.status == "finished"


def test_every_data_set_composes_and_its_loader_takes_its_settings():
    import inspect
    from importlib import import_module

    for name in choices("data"):
        if name == "custom":
            continue
        config = composed(f"data={name}")
        settings = OmegaConf.to_container(config.data)  # what must be given is still ???
        module, _, function = settings.pop("_target_").rpartition(".")
        inspect.signature(getattr(import_module(module), function)).bind(**settings)


@pytest.mark.parametrize("name", choices("hardware"))
def test_every_hardware_is_resolved_or_refused_with_a_sentence(name):
    config = configs.resolve(composed(f"hardware={name}"))
    present = {device["kind"] for device in environment.accelerators()}
    needed = {"gpu": "cuda", "gpu_bf16": "cuda", "multi_gpu": "cuda", "mps": "mps"}.get(name)
    if needed and needed not in present:
        with pytest.raises(configs.UserError, match=f"hardware={name} needs"):
            machine.hardware(config)
    else:
        found = machine.hardware(config)
        assert found["precision"] in ("32", "bf16")
        assert found["threads"] >= 1


def test_threads_are_what_is_set_else_what_a_scheduler_says_within_a_process_share_of_the_cores(monkeypatch):
    monkeypatch.setattr(environment, "cores", lambda: 8)
    for said, settings, expected in (
        ("", ("hardware=cpu",), 8), ("3", ("hardware=cpu",), 3), ("3", ("hardware=cpu", "hardware.threads=5"), 5),
        ("", ("hardware=ddp_cpu",), 4), ("3", ("hardware=ddp_cpu",), 3),
    ):  # fmt: skip
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        assert machine.hardware(configs.resolve(composed(*settings)))["threads"] == expected


def test_bf16_trains(command):
    ended = command("hardware=cpu_bf16", *QUICK)
    assert ended.code == 0, ended.err
    assert ended.record.environment.hardware.precision == "bf16"


RECIPES = {"bilstm_self_attention": 5, "lstm_additive_attention": 10}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_on_data_made_to_order_train(command, name):
    ended = command(f"experiment={name}", *QUICK, "trainer.epochs=1", "data.sequences=400")
    assert ended.code == 0, ended.err
    assert len(ended.record.data.classes) == RECIPES[name]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("keras_self_attention_imdb", 20_000 * 128 + 3 * 128 * 128 + 2 * 128 + 2),
        ("lstm_self_attention", 20_000 * 128 + 4 * 64 * (128 + 64 + 1) + 3 * 64 * 128 + 2 * 128 + 2),
    ],
)
def test_recipes_on_imdb_have_the_published_parameters(tmp_path, name, parameters, mirror, monkeypatch):
    """On the whole of the data, because the vocabulary decides; that they train is tested on less of it."""
    monkeypatch.setenv("HARNESS_DATA_MIRROR", mirror)
    config = composing.compose(f"experiment={name}", f"output_dir={tmp_path}")
    data = open_prepared(prepare_data(config))
    backend = Backend(config, {"accelerator": "cpu", "devices": 1, "nodes": 1, "precision": "32", "threads": 1})
    assert backend.build(data, 0)["cost/parameters"] == parameters


IMDB_RECIPES = ("keras_self_attention_imdb", "lstm_self_attention", "imdb_encoders")
BIGRAM_RECIPES = ("imdb_bigrams", "imdb_self_attention", "imdb_gru")


@pytest.mark.parametrize("name", [*IMDB_RECIPES, *BIGRAM_RECIPES])
def test_recipes_on_imdb_train(command, name, mirror, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", mirror)
    smaller = ("input.bigrams.buckets=1000",) if name in BIGRAM_RECIPES else ()
    ended = command(f"experiment={name}", *QUICK, *smaller, "trainer.epochs=1", "data.limit=300")
    assert ended.code == 0, ended.err


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
    assert not (Path(record.run_dir) / "confusion.json").exists()
    assert (Path(record.run_dir) / "learning_curves.png").exists()
    assert record.mlflow_run_id
    assert f"test/{metric}"[:15] in ended.out
    refused = command("experiment=probe", f"data={data}", *sizes, *QUICK, "trainer.monitor=val/f1_macro")
    assert refused.code == 2
    assert f"this data's task has val/{metric}" in refused.err


TREEBANK_RECIPES = {"ud_ewt_bilstm": 0, "ud_ewt_bilstm_word_char": 110 * 32 + 100 * 32 * 4 + 100 + 2 * 4 * 150 * 100}
"""What each has of parameters beyond words alone: characters, filters, and what reads them."""


def test_recipes_on_the_treebank_are_of_the_same_data_and_differ_in_characters(command, treebanks, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", treebanks)
    for name in TREEBANK_RECIPES:
        ended = command(f"experiment={name}", *QUICK, "trainer.epochs=1", "data.limit=300")
        assert ended.code == 0, ended.err
    found = {record.choices["input"]: record for record in ended.records}
    words, characters = found["embedding"], found["word_char"]
    assert words["data"]["hash"] == characters["data"]["hash"]
    assert words["cell"] != characters["cell"]
    for record in (words, characters):
        assert {"test/accuracy", "test/f1_macro", "latency/p50_ms"} < record.metrics.keys()
        assert "test/f1_span" not in record.metrics
        counts = json.loads((Path(record.run_dir) / "confusion.json").read_text())
        share = sum(counts[number][number] for number in range(len(counts))) / sum(map(sum, counts))
        assert record.metrics["test/accuracy"] == share
    assert characters["metrics"]["cost/forward_flops"] > words["metrics"]["cost/forward_flops"]


def test_recipes_on_the_treebank_have_the_parameters_counted_by_hand(tmp_path, treebanks, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", treebanks)
    alone = 19_676 * 128 + 2 * 4 * 150 * (128 + 150 + 1) + 2 * 150 * 17 + 17
    for name, more in TREEBANK_RECIPES.items():
        config = composing.compose(f"experiment={name}", f"output_dir={tmp_path}")
        data = open_prepared(prepare_data(config), characters=config.input.characters is not None)
        backend = Backend(config, {"accelerator": "cpu", "devices": 1, "nodes": 1, "precision": "32", "threads": 1})
        assert backend.build(data, 0)["cost/parameters"] == alone + more


def test_characters_are_pytorchs_alone_and_their_settings_whole_numbers():
    configs.check(configs.resolve(composed("input=word_char")))
    with pytest.raises(configs.UserError, match="has input=embedding alone; for input=word_char take backend=pytorch"):
        configs.check(configs.resolve(composed("input=word_char", "backend=tensorflow")))
    with pytest.raises(configs.UserError, match=r"input.characters.filters must be a whole number of 1 or more, and is 0"):
        configs.check(configs.resolve(composed("input=word_char", "input.characters.filters=0")))


def test_every_recipe_is_tested():
    tested = {*RECIPES, *TREEBANK_RECIPES, *IMDB_RECIPES, *BIGRAM_RECIPES, "probe"}
    assert set(choices("experiment")) == tested


def test_what_is_composed_for_inner_encoders_is_what_was_asked():
    config = composed("encoder=bidirectional", "encoder@encoder.inner=gru", "encoder.inner.hidden_size=7")
    assert config.encoder.inner._target_.endswith(".GRU")
    assert config.encoder.inner.hidden_size == 7
    config = composed("encoder=stack", "encoder@encoder.layers.first=gru", "+encoder@encoder.layers.third=rnn")
    names = [layer._target_.rsplit(".", 1)[1] for layer in config.encoder.layers.values()]
    assert names == ["GRU", "SelfAttention", "RNN"]


def test_the_code_of_one_backend_does_not_decide_the_others_results(tmp_path, monkeypatch):
    package = tmp_path / "harness"
    shutil.copytree(REPOSITORY / "harness", package)
    monkeypatch.setattr(fingerprint, "__file__", str(package / "fingerprint.py"))
    torch, keras = (configs.resolve(composed(f"backend={name}")) for name in ("pytorch", "tensorflow"))
    before = [fingerprint.code_hash(config) for config in (torch, keras)]
    (package / "backends" / "tensorflow" / "layers.py").write_text("changed = True")
    after = [fingerprint.code_hash(config) for config in (torch, keras)]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_what_computes_no_number_decides_no_run():
    def identity(*overrides):
        config = composing.compose(*overrides)
        return fingerprint.of(config, machine.hardware(config), "hash")[0]

    assert identity("measure.attention_examples=7") == identity()
    assert identity("measure.warmup_steps=7") != identity()
    learned = ("mode=profile", "position=learned", "profile.lengths=[8]")
    assert identity(*learned, "measure.latency_length=999") == identity(*learned)
    widths = {
        make_position(composing.compose(*learned, f"measure.latency_length={length}"), 4, data).table_LD.numel()
        for data in [synthetic_features(sequences=60, length=8, width=4, classes=3)]
        for length in ("null", 999)
    }
    assert len(widths) == 1


def test_of_labels_by_step_nothing_is_pooled_so_no_pooling_makes_another_run(command):
    quick = ("data=parity", "data.train=200", "data.validation=50", "data.test=50", "encoder=rnn", "tracking=none")
    assert command(*quick, *QUICK, "pooling=mean").code == 0
    again = command(*quick, *QUICK, "pooling=max")
    assert "skipped" in again.out
    assert len(again.records) == 1


def test_a_changed_file_that_custom_code_imports_is_another_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_encoder.py").write_text("import own_layers\nimport json\n")
    (tmp_path / "own_layers.py").write_text("from own_parts import part\n")
    (tmp_path / "own_parts.py").write_text("part = 1\n")
    (tmp_path / "unrelated.py").write_text("")
    config = configs.resolve(composed("encoder=custom", "encoder._target_=own_encoder.Encoder"))
    before = fingerprint.code_hash(config)
    (tmp_path / "unrelated.py").write_text("changed = True\n")
    assert fingerprint.code_hash(config) == before
    (tmp_path / "own_parts.py").write_text("part = 2\n")
    assert fingerprint.code_hash(config) != before


READ_BY_THE_FRAMEWORK = {"hydra", "defaults"}


def test_every_key_of_the_shipped_configs_has_a_reader():
    """A key that nothing reads looks like a setting and is none."""
    code = "\n".join(path.read_text(encoding="utf8") for path in (REPOSITORY / "harness").rglob("*.py"))
    for path in CONF.rglob("*.yaml"):
        if path.parent.parent.name == "hydra":
            continue  # a launcher's settings are its own
        for key, _ in flatten(OmegaConf.to_container(OmegaConf.load(path))):
            names = [part for part in key.split(".") if not part.startswith("_") and part not in ("first", "second")]
            if names and names[0] not in READ_BY_THE_FRAMEWORK:
                assert re.search(rf"\b{names[-1]}\b", code), f"{path.relative_to(CONF)}: {key}"


def test_encoders_that_share_a_setting_have_one_default_for_it():
    """Encoders compared as they come then differ in what they are, and not in their width or number of heads too."""
    found: dict[str, dict[str, object]] = {}
    for name in choices("encoder"):
        settings = OmegaConf.to_container(OmegaConf.load(CONF / "encoder" / f"{name}.yaml"))
        made = getattr(encoders, str(settings.get("_target_")).rpartition(".")[2], None)
        for key, value in settings.items():
            if not key.startswith("_") and key != "defaults" and not isinstance(value, dict):
                found.setdefault(key, {})[name] = value
                assert inspect.signature(made).parameters[key].default in (value, inspect.Parameter.empty), (name, key)
    assert {"hidden_size", "num_heads", "num_layers", "dropout", "causal"} <= set(found)
    assert {key: values for key, values in found.items() if len(set(map(str, values.values()))) > 1} == {}


def test_the_shipped_configs_are_few():
    assert len(list(Path(CONF).rglob("*.yaml"))) <= 90
