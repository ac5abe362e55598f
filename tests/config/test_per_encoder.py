"""Settings of one encoder alone: rewritten for each run before it is composed."""

import pytest
from conftest import QUICK, refused

from harness.cli.arguments import per_encoder as of_arguments
from harness.config.compose import compose_whole
from harness.config.per_encoder import key_in_run, read, rewritten


def run_of(*overrides):
    return rewritten(overrides, lambda others: compose_whole(*others))


def test_a_setting_is_its_encoders_and_no_others():
    given = ("seed=3", "+per.cnn.kernel_size=5", "per.lstm.num_layers=2", "++per.cnn.dilation=[1,2]")
    assert run_of("encoder=cnn", *given) == ["encoder=cnn", "seed=3", "encoder.kernel_size=5", "encoder.dilation=[1,2]"]
    assert run_of("encoder=lstm", *given) == ["encoder=lstm", "seed=3", "encoder.num_layers=2"]
    assert run_of("encoder=gru", *given) == ["encoder=gru", "seed=3"]
    assert run_of(*given) == ["seed=3"]  # self_attention
    assert run_of("experiment=imdb_gru", "+per.bidirectional.inner.hidden_size=5") == [
        "experiment=imdb_gru", "encoder.inner.hidden_size=5",
    ]  # fmt: skip


def test_it_replaces_the_same_setting_of_all_encoders():
    given = ("encoder.hidden_size=16", "+per.cnn.hidden_size=8")
    assert run_of("encoder=cnn", *given) == ["encoder=cnn", "encoder.hidden_size=8"]
    assert run_of("encoder=gru", *given) == ["encoder=gru", "encoder.hidden_size=16"]


def test_a_part_inside_the_encoder_and_a_key_that_only_own_code_knows():
    assert run_of("encoder=bidirectional", "+per.bidirectional.inner.hidden_size=5") == [
        "encoder=bidirectional", "encoder.inner.hidden_size=5",
    ]  # fmt: skip
    assert run_of("encoder=custom", "+per.custom._target_=own.E", "+per.custom.kernel=5") == [
        "encoder=custom", "encoder._target_=own.E", "+encoder.kernel=5",
    ]  # fmt: skip
    assert key_in_run("per.bidirectional.inner.hidden_size") == "encoder.inner.hidden_size"
    assert key_in_run("encoder.hidden_size") == "encoder.hidden_size"


@pytest.mark.parametrize("override", ["+per.cnn=5", "+per.cnn.kernel_size", "+per=5", "+per.=5", "per..x=1"])
def test_a_setting_without_encoder_key_or_value_is_refused(override):
    assert refused(read, override).startswith(f"{override}: a setting of one encoder is +per.ENCODER.KEY=VALUE, as in")


def test_other_keys_are_left_alone():
    assert [read(one) for one in ("performance=1", "+data.per.x=1", "encoder=cnn", "-m")] == [None] * 4


def test_a_single_run_is_that_of_its_own_settings():
    assert of_arguments(["--cfg", "job", "encoder=cnn", "+per.cnn.kernel_size=5"]) == [
        "--cfg", "job", "encoder=cnn", "encoder.kernel_size=5",
    ]  # fmt: skip
    assert refused(of_arguments, ["encoder=rnn", "+per.cnn.kernel_size=5"]) == (
        "per.cnn.kernel_size: no run has encoder=cnn; there is rnn"
    )
    assert of_arguments(["-m", "encoder=cnn,rnn", "per.cnn.kernel_size=5"])[-1] == "+per.cnn.kernel_size=5"


def test_a_sweep_sets_it_for_one_encoder_and_its_run_is_that_of_the_plain_setting(command):
    quick = ("encoder.hidden_size=8", "tracking=none", *QUICK)
    ended = command("-m", "encoder=cnn,rnn", "+per.cnn.kernel_size=1,5", *quick)
    assert ended.code == 0, ended.err
    kernels = {record.label: record.config["encoder"].get("kernel_size") for record in ended.records}
    assert kernels == {
        "cnn/seed=0/encoder.kernel_size=1": 1, "cnn/seed=0/encoder.kernel_size=5": 5, "rnn/seed=0": None,
    }  # fmt: skip
    assert "run 3 of 3" in ended.err
    assert "skipped" not in ended.out
    own, _, other = sorted(ended.records, key=lambda record: record.label)
    assert "encoder.kernel_size=1" in own.overrides
    assert not any("per." in one or "kernel_size" in one for one in other.overrides)
    assert "cnn, kernel_size=5" in ended.out
    again = command("encoder=cnn", "encoder.kernel_size=5", *quick)
    assert "skipped" in again.out
    assert len(again.records) == 3


@pytest.mark.parametrize(("given", "expected"), [
    (["encoder=cnn,rnn", "+per.cnn.kernel_sise=5"],
     "per.cnn.kernel_sise: encoder=cnn has no kernel_sise; did you mean per.cnn.kernel_size?"),
    (["encoder=cnn,rnn", "+per.rnn.causal=true"],
     "per.rnn.causal: encoder=rnn has no causal; it has hidden_size, num_layers, dropout, nonlinearity, kernel"),
    (["encoder=cnn,rnn", "+per.cn.kernel_size=5"],
     "per.cn.kernel_size: no run has encoder=cn; there is cnn, rnn; did you mean per.cnn.kernel_size?"),
    (["encoder=cnn,rnn", "+per.lstm.hidden_size=5"],
     "per.lstm.hidden_size: no run has encoder=lstm; there is cnn, rnn"),
    (["experiment=imdb_gru,probe", "+per.cnn.kernel_size=5"],
     "per.cnn.kernel_size: no run has encoder=cnn; there is bidirectional, self_attention"),
    (["encoder=cnn,rnn", "encoder.kernel_size=5"],
     "only cnn of the encoders has encoder.kernel_size; set it for its runs alone: +per.cnn.kernel_size=5"),
], ids=lambda given: " ".join(given) if isinstance(given, list) else "")  # fmt: skip
def test_what_sets_nothing_is_refused_before_any_training(command, given, expected):
    ended = command("-m", *given, "tracking=none", *QUICK)
    assert (ended.code, ended.err.splitlines()[0]) == (2, expected)
    assert not ended.records


@pytest.mark.parametrize("name", ["own", 'own, "conf"', "own\\", 'own\\"'])
@pytest.mark.parametrize("flag", ["--config-dir", "-cd"])
def test_a_single_run_of_an_encoder_in_a_folder_of_the_users_own(tmp_path, monkeypatch, flag, name):
    monkeypatch.chdir(tmp_path)
    given = [flag, name] if flag == "--config-dir" else [f"{flag}={name}"]
    folder = tmp_path / name / "encoder"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("_target_: own.Mine\n_partial_: true\nkernel: 3\n")
    assert of_arguments([*given, "encoder=mine", "+per.mine.kernel=5"]) == [*given, "encoder=mine", "encoder.kernel=5"]
