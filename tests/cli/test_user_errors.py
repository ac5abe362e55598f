"""What the user must fix is one sentence, found before any training, with exit code 2."""

import pandas as pd
import pytest
from conftest import QUICK
from hydra.errors import HydraException

from harness.cli import arguments as words
from harness.cli import suggestions
from harness.config.compose import compose_whole

USER_ERRORS = [
    (["encoder=lsmt"], "there is no encoder=lsmt; did you mean encoder=lstm? There are: additive_attention, bag_of_"),
    (["encoder=LSTM"], "there is no encoder=LSTM; did you mean encoder=lstm? There are: "),
    (["optimizer=adamW"], "there is no optimizer=adamW; did you mean optimizer=adamw? There are: adadelta, adam, "),
    (["encoder=bidirectional", "encoder.inner=gru"], "part with settings of its own; choose it by encoder@encoder.inner"
     "=gru\n"),
    (["encoder=stack", "encoder.layers.first=rnn"], "choose it by encoder@encoder.layers.first=rnn\n"),
    (["-m", "encoder=bidirectional", "encoder.inner=gru,lstm"], "choose it by encoder@encoder.inner="),
    (["encoder=lsmt"], "did you mean encoder=lstm?"),
    (["data=imbd"], "did you mean data=imdb?"),
    (["encoder=stack", "encoder@encoder.layers.first=grru"], "did you mean encoder=gru?"),
    (["trainer.epoch=3"], "nothing reads trainer.epoch; did you mean trainer.epochs?\n"),
    (["trainer.zzz=3"], "nothing reads trainer.zzz; python -m harness --cfg job prints all keys\n"),
    *((["encoder=lstm", f"{plus}encoder.num_heads=2"], "encoder=lstm has no num_heads: nothing reads "
       "encoder.num_heads; encoders that do: linear_attention, self_attention, transformer; keys of encoder=lstm: "
       "hidden_size, num_layers, dropout, kernel\n") for plus in ("", "+", "++")),
    *((["encoder=bidirectional", "encoder@encoder.inner=gru", f"{plus}encoder.inner.score=dot"], "the encoder at "
       "encoder.inner has no score: nothing reads encoder.inner.score; encoders that do: self_attention; keys of the "
       "encoder at encoder.inner: hidden_size, num_layers, dropout, kernel\n") for plus in ("", "+")),
    (["experiment=imdb_gru", "encoder.num_heads=2"], "encoder=bidirectional has no num_heads: nothing reads "),
    (["pooling=mean", "+pooling.hidden_size=3"], "pooling=mean has no hidden_size: nothing reads pooling.hidden_size; "
     "poolings that do: additive_attention; keys of pooling=mean: none\n"),
    (["data.text=x"], "data=digits has no text: nothing reads data.text; data sets that do: ag_news, files, hub, "),
    (["data.name=x"], "nothing reads data.name; python -m harness --cfg job prints all keys\n"),
    (["encoder=bidirectional", "encoder.inner.num_heads=2"], "the encoder at encoder.inner has no num_heads: "),
    (["encoder.heads=2"], "nothing reads encoder.heads; did you mean encoder.num_heads?\n"),
    (["encoder=custom", "encoder.kernel=3"], "if your own code takes kernel, write +encoder.kernel=3\n"),
    (["trainer.epoch=3,4", "-m"], "did you mean trainer.epochs?"),
    (["seed=0", "-m", "encoder=choice(lstm,gruu)"], "did you mean encoder=gru?"),
    (["seed=0", "-m", "encoder=shuffle(lsmt,gru)"], "did you mean encoder=lstm?"),
    (["seed=0", "-m", "encoder=choice(lstm,gru)", "encoder.hiden_size=64"], "did you mean encoder.hidden_size?"),
    (["seed=0", "-m", "encoder=glob(ls*)", "encoder.hiden_size=64"], "did you mean encoder.hidden_size?"),
    (["-m", "data=choice(majority,parity)", "data.train=200"], "must be swept too: 'data.train=choice(200)'"),
    (["-m", "data=glob(major*)", "data.train=200"], "must be swept too: 'data.train=choice(200)'"),
    (["-m", "encoder=glob(zz*)"], "encoder=glob(zz*) matches nothing, so there is no run"),
    (["-m", "encoder=glob(ls*)", "data=glob(zz*)"], "data=glob(zz*) matches nothing, so there is no run"),
    (["-m", "seed=0,1", "encoder.hidden_size=range(1,1)"], "encoder.hidden_size=range(1,1) matches nothing"),
    (["-m", "seed=0,1,"], "leave out the comma at the end: seed=0,1\n"),
    (["-m", "seed=0,", "1,", "2"], "write the values without a blank: seed=0,1,2\n"),
    (["-m", "encoder=lstm,", "gru"], "write the values without a blank: encoder=lstm,gru\n"),
    (["-m", "encoder=lstm", ",gru"], "write the values without a blank: encoder=lstm,gru\n"),
    (["-m", "encoder=", "lstm,gru"], "write the values without a blank: encoder=lstm,gru\n"),
    (["encoder=lstm,gru"], "several values make a sweep: -m encoder=lstm,gru; one value with a comma in it is "
     """'encoder="lstm,gru"'\n"""),
    (["seed=0,1"], "several values make a sweep: -m seed=0,1; one value with a comma in it is "),
    (["encoder=lstm", "gru"], "gru is no KEY=VALUE; for several values in a sweep write -m encoder=lstm,gru\n"),
    (["encoder=lstm", "data=digits", "verbose"], "verbose is no KEY=VALUE, such as encoder=lstm; python -m harness "
     "--help lists all keys\n"),
    (["encoder=gru", "trainer.epochs", "=3"], "write it without a blank: trainer.epochs=3\n"),
    (["-m", "encoder=[lstm,gru]"], "encoder=[lstm,gru] is a list, and a run has one encoder; a sweep has several: "
     "-m encoder=lstm,gru\n"),
    (["data=[digits]"], "data=[digits] is a list, and a run has one data; a sweep has several: -m data=digits\n"),
    (["data=mnist"], "there is no data=mnist; there are: adding, "),
    (["-m", "encoder=custom,gru", "encoder._target_=own.Own"], "encoder._target_ would be the class of every encoder "
     "of encoder=custom,gru: write the lines '_target_: own.Own' and '_partial_: true', and its other keys, into "
     "my_conf/encoder/mine.yaml, and sweep by --config-dir my_conf encoder=mine,gru\n"),
    (["-m", "encoder=lstm,gru", "encoder._target_=a.A,b.B"], "the lines '_target_: my_file.MyEncoder' and "),
    (["seed=0", "-m", "encoder=choice(lstm,gru"], "a bracket is not closed: 'encoder=choice(lstm,gru)'\n"),
    (['report.require=["latency/p50_ms<5]'], 'a quote is not closed: report.require=["latency/p50_ms<5]\n'),
    (["seed=0", "-m", "encoder=lsmt,gru"], "did you mean encoder=lstm?"),
    (["lr=0.1"], "did you mean optimizer.lr?"),
    (["learning_rate=0.1"], "nothing reads learning_rate; did you mean optimizer.lr?\n"),
    (["optimizer.learning_rate=0.1"], "nothing reads optimizer.learning_rate; did you mean optimizer.lr?\n"),
    (["model=lstm"], "nothing reads model; did you mean encoder?\n"),
    (["encoder=lstm", "gpus=2"], "nothing reads gpus; did you mean hardware.devices?\n"),
    (["--seed", "3"], "--seed is no flag: settings are written without dashes, seed=3\n"),
    (["encoder=lstm", "--batch-size=8"], "--batch-size is no flag: settings are written without dashes, batch_size=8"),
    (["--lr", "-0.5"], "--lr is no flag: settings are written without dashes, lr=-0.5\n"),
    (["--name", "my run"], "settings are written without dashes, 'name=my run'\n"),
    (["--tracking.uri", "http://me:secret@host"], "settings are written without dashes, 'tracking.uri=http://***@host'\n"),
    (["--verbose", "-m", "seed=0"], "--verbose is no flag: settings are written without dashes, verbose=...\n"),
    (["--config_dir", "my_conf"], "there is no flag --config_dir; did you mean --config-dir?\n"),
    (["encoder=lstm", "--config-dir"], "--config-dir needs a folder, such as --config-dir my_conf\n"),
    (["--config-dir", "nowhere", "encoder=lstm", "+per.lstm.hidden_size=5"], "--config-dir nowhere: there is no such "
     "folder\n"),
    (["hardware.device=2"], "nothing reads hardware.device; did you mean hardware.devices?\n"),
    (["data.gpu=2"], "nothing reads data.gpu; python -m harness --cfg job prints all keys\n"),
    (["input=word_char", "input.letters.size=3"], "did you mean input.characters.size?"),
    (["input.letters=null"], "did you mean input.characters?"),
    (["+input.letters.size=3"], "nothing reads input.letters.size; did you mean input.characters.size?"),
    (["data.limit=0"], "data.limit must be a whole number of 1 or more, and is 0"),
    (["-m", "optimizer.lr=interval(0,1)"], "an interval needs a sweeper that searches: add hydra/sweeper=optuna"),
    (["-m", "data=majority,parity", "data.train=200"], "must be swept too: 'data.train=choice(200)'"),
    (["-m", "encoder=lstm,gru", "encoder.hiden_size=64"], "did you mean encoder.hidden_size?"),
    (["-m", "data=majority,parity", "data.train=choice(200)", "data.lenght=9,8"], "did you mean data.length?"),
    (["+trainer.epoch=3"], "nothing reads trainer.epoch; did you mean trainer.epochs?"),
    (["data.text=schön"], "needs its own quotes: 'data.text=\"schön\"'"),
    (["report.require=[p50_ms<5,accuracy>0.9]"], """own quotes: 'report.require=["p50_ms<5","accuracy>0.9"]'"""),
    (['report.require=["p50ms<5"]'], "'p50ms<5' requires something of p50ms, which is no metric; did you mean "),
    (["report.margin=1"], "report.margin must be above 0 and below 1, and is 1; 0.01 is one point of accuracy"),
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
    (["data=files", "data.train=none.csv", "data.tokenizer=word"], "not 'word'; did you mean words?"),
    (["data=files", "data.train=none.csv", "data.tokenizer=a/b.json"], "there is no file a/b.json"),
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
    (["data=parity", "data.train=200", "data.validation=50", "data.test=50", "pooling=max"], "pooling=max: this data "
     "has labels for positions, and not one for each sequence, so that nothing is pooled; leave it out, and give "),
    (["encoder=custom", "encoder._target_=nowhere.Encoder"], "nowhere"),
    (["encoder=custom"], "encoder._target_ must be given"),
    (["encoder=rnn", "encoder.dropout=0.5"], "num_layers=1 has nothing between"),
    (["encoder=rnn", "encoder.nonlinearity=sigmoid"], "nonlinearity is tanh or relu"),
    (["encoder=lstm", "+encoder.hiden=3"], "hiden"),
    (["data=synthetic_features", "+data.rows=3"], "rows"),
    (["data.validation=0.9"], "data: digits cannot work with these settings"),
    (["measure.warmup_steps=-3"], "measure.warmup_steps must be a whole number of 0 or more, and is -3"),
    (["measure.warmup_seconds=-0.5"], "measure.warmup_seconds must be a finite number of 0 or more, and is -0.5"),
    (["measure.inference_batches=0"], "measure.inference_batches must be a whole number of 1 or more"),
    (["measure.latency_seconds=0"], "measure.latency_seconds must be a finite number above 0"),
    (["trainer.clip_norm=inf"], "trainer.clip_norm must be a finite number above 0, and is inf"),
    (["hardware.accelerator=cuda"], "hardware.accelerator is one of auto, cpu, gpu, mps, not 'cuda'"),
    (["head.hidden_sizes=64"], "head.hidden_sizes must be a list of whole numbers"),
    (["name=42"], "name must be text"),
    (["mode=tune"], "mode is one of train, profile, not 'tune'"),
]


@pytest.mark.parametrize(
    ("arguments", "expected"), USER_ERRORS, ids=[" ".join(arguments) for arguments, _ in USER_ERRORS]
)
def test_a_user_error_is_one_sentence_and_nothing_is_half_written(command, tmp_path, arguments, expected):
    hardware = [] if "hardware" in arguments[0] else ["hardware=cpu"]
    ended = command(*arguments, *hardware)
    assert ended.code == 2
    assert expected in ended.err
    assert "Traceback" not in ended.err
    assert not ended.records
    assert not list(tmp_path.glob("outputs/runs/**"))


def test_what_a_blank_in_a_list_is_told_without_hydras_grammar(command):
    assert command("-m", "encoder=lstm,", "gru").err == "write the values without a blank: encoder=lstm,gru\n"
    assert command("encoder=lstm", "gru").err.count("\n") == 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a b", "x")] * 20, "one class only ('x')"),
        ([], "has no rows"),
    ],
)
def test_a_file_that_no_model_can_learn_from(command, tmp_path, rows, expected):
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "a.csv", index=False)
    ended = command("data=files", "data.train=a.csv")
    progress, *read, error = ended.err.strip().splitlines()
    assert (ended.code, progress) == (2, "self_attention/seed=0/data.train=a.csv: preparing data")
    assert read == ["data: read 20 rows of a.csv"] * bool(rows)
    assert expected in error


def test_a_key_that_the_loader_takes_and_its_config_lacks_is_to_be_added(command, tmp_path, monkeypatch):
    def said(*given):
        with pytest.raises(HydraException) as refused:
            compose_whole(*given)
        return "\n".join(suggestions.explain(refused.value, list(given)))

    (tmp_path / "named_data.py").write_text("def load(rows, *, name='x', **more):\n    raise AssertionError\n")
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / "data" / "own.yaml").write_text("_target_: named_data.load\n")
    monkeypatch.syspath_prepend(tmp_path)
    custom = ("data=custom", "data._target_=named_data.load")
    for key in ("rows", "name"):
        expected = f"the config of this data has no key data.{key}, but its loader takes {key}: write +data.{key}=3"
        assert said(*custom, f"data.{key}=3") == expected
    assert command("--config-dir", "mine", "data=own", "data.name=3").err == f"{expected}\n"
    for key in ("more", "colour"):
        expected = f"data=custom has no key data.{key}; if your own code takes {key}, write +data.{key}=3"
        assert said(*custom, f"data.{key}=3") == expected


def test_an_unwritable_folder_stops_a_sweep_as_well(command):
    ended = command("-m", "seed=0,1", "output_dir=/dev/null/out")
    assert ended.code == 2
    assert "cannot be written to" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(("override", "expected"), [
    ("encoder._target_=own.Leaves", "own.Leaves returns nonzero values at padded positions; multiply"),
    ("encoder._target_=own.Reads", "the output of own.Reads depends on its input at padded positions"),
    ("encoder._target_=own.Shapes", "own.Shapes declares out_dim=4 and returns (2, 8, "),
    ("encoder._target_=own.Leavs", "own has no Leavs; did you mean own.Leaves?"),
    ("encoder._target_=own", "own cannot be built"),
    ("encoder._target_=broken.Leaves", "broken.Leaves cannot be built"),
    ("encoder._target_=own.Asks", "missing 1 required positional argument: 'width'; give it with +encoder.width="),
])  # fmt: skip
def test_a_custom_encoder_is_checked_against_the_contract_before_it_is_trained(command, tmp_path, override, expected):
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
    assert expected in ended.err
    assert not ended.records


@pytest.mark.parametrize("variable", ["0", "1", ""])
def test_what_the_environment_says_of_errors_changes_nothing(command, monkeypatch, variable):
    for arguments, first in (
        (["trainer.epoch=3"], "nothing reads trainer.epoch; did you mean trainer.epochs?"),
        (["-m", "encoder=lsmt,gru"], "there is no encoder=lsmt; did you mean encoder=lstm? There are: "),
        (["hardware=cpu", "seed=-1"], "self_attention/seed=-1/hardware=cpu: preparing data"),
    ):
        monkeypatch.setenv("HYDRA_FULL_ERROR", variable)
        ended = command(*arguments)
        assert ended.code == 2
        assert ended.err.startswith(first)
        assert "Traceback" not in ended.err
        assert not ended.records


def test_a_search_in_the_wrong_direction_is_refused_before_any_training(command):
    pytest.importorskip("optuna", minversion="4")
    search = ("-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "encoder.hidden_size=choice(16,32)", *QUICK)
    expected = "hydra.sweeper.direction=minimize, but a run returns val/accuracy, which is maximized"
    ended = command(*search, "tracking=none")
    assert (ended.code, ended.records) == (2, [])
    assert expected in ended.err
    assert "Traceback" not in ended.err
    ended = command(*search, "tracking=none", "trainer.monitor=val/loss", "hydra.sweeper.direction=maximize")
    assert "set hydra.sweeper.direction=minimize" in ended.err


def test_a_launcher_whose_extra_is_missing_is_one_sentence(command, monkeypatch):
    found = words.find_spec
    monkeypatch.setattr(words, "find_spec", lambda name: None if "joblib" in name else found(name))
    ended = command("-m", "hydra/launcher=joblib", "seed=0,1")
    assert ended.code == 2
    assert ended.err.strip() == (
        "hydra/launcher=joblib needs hydra_joblib_launcher: in the harness's folder, pip install '.[joblib]'"
    )
    assert not ended.records


def test_a_plugin_that_replaces_the_search_of_the_harness_is_one_sentence(command, monkeypatch):
    monkeypatch.setattr(words, "find_spec", lambda name: name)
    ended = command("-m", "hydra/sweeper=optuna", "encoder.hidden_size=16,32")
    assert (ended.code, ended.records) == (2, [])
    assert "hydra-optuna-sweeper is in its way: pip uninstall hydra-optuna-sweeper" in ended.err


def test_a_launcher_whose_jobs_left_nothing_is_named():
    sentence = suggestions.of_empty_sweep(["-m", "seed=0", "hydra/launcher=ray"])
    assert "the machines of hydra/launcher=ray must share that folder" in sentence
    assert suggestions.of_empty_sweep(["-m", "seed=0"]) == "the sweep has no run: an override has no value"


def test_a_key_that_is_given_repeatedly_is_said_and_the_last_one_counts(command):
    ended = command("seed=3", *QUICK, "encoder=lstm", "encoder=rnn", "trainer.epochs=1", "seed=5", "seed=1")
    assert ended.code == 0
    assert ended.err.splitlines()[:3] == [
        "seed is given 3 times: the last one counts, seed=1",
        "trainer.epochs is given twice: the last one counts, trainer.epochs=1",
        "encoder is given twice: the last one counts, encoder=rnn",
    ]
    record = ended.record
    assert (record.seed, record.choices["encoder"], record.config["trainer"]["epochs"]) == (1, "rnn", 1)
    assert record.overrides.count("trainer.epochs=1") == 1
    assert "trainer.epochs=2" not in record.overrides


def test_a_sweep_over_a_key_that_a_later_one_replaces_is_one_run(command):
    ended = command("-m", "encoder=bag_of_embeddings", "seed=0,1", *QUICK, "seed=2")
    assert ended.code == 0
    assert [record.seed for record in ended.records] == [2]
    assert "skipped" not in ended.out


def test_flags_may_stand_between_overrides_each_with_its_value():
    given = ["encoder=mine", "--config-dir", "own", "-m", "a=1,2", "--cfg", "job", "--config-dir=b", "c=3", "-cd"]
    assert words.flags_first(given) == [
        "-m", "--config-dir", "own", "--cfg", "job", "--config-dir=b", "-cd", "encoder=mine", "a=1,2", "c=3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kept", "notes"),
    [
        (["a=1", "b=2"], ["a=1", "b=2"], []),
        (["a=1", "-m", "a=2"], ["-m", "a=2"], ["a is given twice: the last one counts, a=2"]),
        (["a=1", "a=1"], ["a=1"], ["a is given twice: the last one counts, a=1"]),
        # an addition and a change of what was added: Hydra needs both
        (["+a=1", "a=2"], ["+a=1", "a=2"], ["a is given twice: the last one counts, a=2"]),
        (["+a=1", "+a=2"], ["+a=2"], ["a is given twice: the last one counts, +a=2"]),
        (["--config-dir=x", "--config-dir=y"], ["--config-dir=x", "--config-dir=y"], []),
        (["~a=1", "~a=1"], ["~a=1", "~a=1"], []),
        (["a.b=1", "a=1", "a.b.c=2"], ["a.b=1", "a=1", "a.b.c=2"], []),
    ],
)
def test_of_a_key_that_is_given_repeatedly_the_last_one_stays(given, kept, notes):
    assert words.last_of_each(given) == (kept, notes)
