"""Help and ``--cfg``: complete, correct, and nothing heavy is loaded for them."""

import re
import shlex
import subprocess
import sys

import pytest
import yaml
from conftest import REPOSITORY
from omegaconf import OmegaConf

from harness.config import descriptions
from harness.config.compose import compose, compose_whole, conf_dir
from harness.config.schema import Config
from harness.records.settings import flatten

HEAVY = (
    *("torch", "pytorch_lightning", "tensorflow", "keras", "mlflow", "datasets", "pyarrow", "transformers", "ray"),
    *("numpy", "pandas", "scipy", "sklearn", "matplotlib", "optuna", "submitit", "joblib", "psutil", "rich"),
    *("pydantic", "jinja2", "plotly"),
)
SHIPPED = [group for group in descriptions.groups() if not group.startswith(("hydra", "experiment"))]
"""The groups of the harness's own parts."""


@pytest.mark.parametrize("flags", ["--help", "--help encoder", "--cfg job", "--info searchpath", "--hydra-help"])
def test_help_and_config_load_nothing_heavy(flags):
    heavy = set(HEAVY) - ({"pydantic"} if flags.startswith("--help") else set())  # the schema describes the keys
    code = (
        f"import sys; sys.argv = ['harness', *{flags.split()}]\n"
        "from harness.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        f"sys.exit(', '.join({heavy} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == "", ended.stdout[-300:]


def rows_of(text):
    """The names in the first column of the tables in a help, each with its text."""
    rows: dict[str, str] = {}
    for indent, first, more in re.findall(r"^( +)(.+?)(?: {2,}(.+))?$", text, re.MULTILINE):
        if len(indent) == 2:
            rows[first] = more
        else:  # the text goes on
            last = next(reversed(rows))
            rows[last] = f"{rows[last]} {first}".strip()
    return rows


def test_help_has_a_line_for_each_group_and_key_and_fits_a_screen(command):
    ended = command("--help")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 80
    names = list(rows_of(ended.out.split("below one:\n")[1]))
    conf = conf_dir()
    folders = {path.parent.relative_to(conf).as_posix() for path in conf.glob("*/**/*.yaml")}
    own = {*Config.model_fields} - {"sweep", "worker", "trial", "choices"}  # set by sweeps
    assert len(names) == len(set(names))
    assert set(names) == folders | own
    assert "  tracking        where MLflow stores runs: mlflow, none" in lines
    assert "  encoder         the encoder and its arguments: 23 choices" in lines


@pytest.mark.parametrize("group", descriptions.groups())
def test_help_on_a_group_has_every_choice_with_what_it_is(command, group):
    ended = command("--help", group)
    assert (ended.code, max(map(len, ended.out.splitlines())) <= 80) == (0, True)
    rows = rows_of(ended.out)
    options = descriptions.choices(group)
    if len(options) > 1:
        assert [name for name in rows if "=" not in name] == options
    assert [name for name, text in rows.items() if len(text) < 8] == []


@pytest.mark.parametrize("choice", [f"{group}={one}" for group in SHIPPED for one in descriptions.choices(group)])
def test_help_on_a_choice_has_what_hydra_composes_for_it(command, choice):
    """The keys and values that the files have are those of the composed config; each key is described."""
    group = choice.partition("=")[0]
    other = () if group == "data" else ("data=imdb",)  # data=digits sets its own number of epochs
    composed = OmegaConf.to_container(compose_whole(choice, *other), resolve=False)[group]
    rows = rows_of(command("--help", choice).out)
    values = {row.partition("=")[0]: yaml.safe_load(row.partition("=")[2]) for row in rows}
    shown = {key: value for place, found in values.items() for key, value in flatten(found, place)}
    is_code = re.compile(r"\._\w+_$")  # which class, and how it is called
    assert {key: value for key, value in shown.items() if not is_code.search(key)} == {
        key: value for key, value in flatten(composed, group) if not is_code.search(key)
    }
    assert [row for row, text in rows.items() if not text] == []


def test_help_on_an_encoder_and_on_keys(command):
    assert command("encoder", "--help").out == command("--help", "encoder").out
    out = command("--help", "encoder=rnn").out
    assert out.startswith("encoder=rnn: A state from the input and the previous state, Elman 1990.\n\n")
    assert "\n  encoder.nonlinearity=tanh  tanh or relu\n" in out
    out = command("-h", "optimizer.lr").out
    assert out.startswith("optimizer.lr: learning rate; it must be a finite number above 0\n\n")
    assert "\n  optimizer.lr=0.001  in optimizer=adam, adamw, lazy_adam\n" in out
    out = command("--help", "encoder.dropout").out
    assert "\n  encoder.dropout=0.0  between layers; in encoder=gru, lstm, rnn\n" in out
    assert command("--help", "trainer.epochs").out == (
        "trainer.epochs: passes over the training split; data=digits sets 20; it must be\n"
        "a whole number of 1 or more\n\n"
        "  trainer.epochs=5  the default\n"
    )
    rows = rows_of(command("--help", "data=ag_news").out)  # of a file that inherits from another, which does too
    assert rows["data.max_length=128"].startswith("texts have about 45 words on average")
    assert rows["data.text=text"] == "the column of texts, or several: [title,body]"
    assert rows["data.class_weights=null"].startswith("balanced: ")
    assert rows_of(command("--help", "encoder=pretrained").out)["encoder.model=???"].endswith("; must be given")
    assert list(rows_of(command("--help", "head").out)) == ["head.hidden_sizes=[]", "head.dropout=0.0"]
    out = command("--help", "experiment=imdb_gru", "+encoder.inner.num_layers=2").out
    assert {"data=imdb", "encoder@encoder.inner=gru", "trainer.epochs=4"} <= rows_of(out).keys()
    assert "in encoder=bidirectional" in out


@pytest.fixture
def own_configs(tmp_path):
    """A folder of the user's own with an encoder that says nothing of itself, and data that inherits from ours."""
    for group, name, text in (
        ("encoder", "mine", "_target_: my_encoder.Convolution\n_partial_: true\nkernel: 3  # width\n"),
        ("data", "reviews", "# Our reviews.\ndefaults: [files, _self_]\ntrain: reviews.csv\n"),
        ("data", "broken", "- a list\n"),
        ("data", "lost", "defaults: [nothing]\n"),
    ):
        (tmp_path / "own" / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / group / f"{name}.yaml").write_text(text)


@pytest.mark.parametrize("flag", [["--config-dir", "own"], ["--config-dir=own"], ["-cd", "own"]])
def test_help_lists_the_encoders_and_data_of_a_folder_of_the_users_own(command, own_configs, flag):
    shipped = descriptions.choices("encoder")
    out = command(*flag, "--help").out
    assert f"  encoder         the encoder and its arguments: {len(shipped) + 1} choices\n" in out
    rows = rows_of(command("--help", "encoder", *flag).out)
    assert [name for name in rows if "=" not in name] == sorted([*shipped, "mine"])
    assert rows["mine"] == "own/encoder/mine.yaml"
    assert rows_of(command("--help", *flag, "encoder=mine").out) == {"encoder.kernel=3": "width"}
    data = command(*flag, "--help", "data=reviews").out
    assert data.startswith("data=reviews: Our reviews.\n\n")
    assert rows_of(data)["data.train=reviews.csv"] == "a file or a folder"
    assert "encoder=mine" not in command("--help", "encoder.kernel").out
    assert "there is no encoder=mine" in command("--help", "encoder=mine").err
    composed = command("encoder=mine", *flag, "seed=3", "--cfg", "job")
    assert "kernel: 3" in composed.out, composed.err


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--config-dir", "nowhere"], "--config-dir nowhere: there is no such folder"),
    (["--config-dir"], "--config-dir needs a folder, such as --config-dir my_conf"),
    (["--config-dir", "own", "data=broken"],
     "own/data/broken.yaml is not a config: it must hold keys, and its defaults must be a list of files"),
    (["--config-dir", "own", "data=lost"],
     "own/data/nothing.yaml: there is no such file, and another one inherits from it"),
])  # fmt: skip
def test_a_folder_of_configs_that_cannot_be_read_is_one_sentence(command, own_configs, arguments, sentence):
    ended = command("--help", *arguments)
    assert (ended.code, ended.out, ended.err) == (2, "", f"{sentence}\n")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("encodr", "there is no group or key encodr; did you mean encoder?"),
        ("lr", "there is no group or key lr; did you mean optimizer.lr?"),
        ("trainer.epoch", "there is no group or key trainer.epoch; did you mean trainer.epochs?"),
        ("lstm", "there is no group or key lstm; did you mean encoder=lstm?"),
        ("zzzqqq", "there is no group or key zzzqqq; python -m harness --help lists all groups and keys"),
        ("pooling=means", "there is no pooling=means; did you mean pooling=mean? There are: additive_attention, last, "
         "max, mean, sum"),
    ],
)  # fmt: skip
def test_help_on_an_unknown_word_is_one_sentence(command, word, sentence):
    ended = command("--help", word)
    assert (ended.code, ended.out, ended.err) == (2, "", f"{sentence}\n")


def test_the_examples_in_the_help_are_commands_that_compose(command):
    examples = re.findall(r"^  python -m harness (.+)$", command("--help").out.split("Examples:")[1], re.MULTILINE)
    assert len(examples) == 4
    for example in examples:
        sets = [word.split(",")[0] if "[" not in word else word for word in shlex.split(example) if word != "-m"]
        compose(*sets)  # raises a UserError for an invalid config


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("all", ["FileConfigSource", "file://", "data/digits", "seed: 0"]),
        ("defaults-tree", ["data: digits", "encoder: lstm"]),
    ],
)
def test_hydra_shows_its_own_state(what, shown):
    words = [sys.executable, "-m", "harness", "--info", what, "encoder=lstm"]
    ended = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert [part for part in shown if part not in ended.stdout] == []
