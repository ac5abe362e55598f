"""What decides a result makes another run, and nothing else does."""

import shutil

import pytest
from conftest import QUICK, REPOSITORY

from harness.backends.build import make_position
from harness.config.compose import compose
from harness.config.hardware import resolve_hardware
from harness.data.synthetic.features import synthetic_features
from harness.records.record import Hardware
from harness.records.settings import one_form
from harness.runner import fingerprint


def test_the_code_of_one_backend_does_not_decide_the_others_results(tmp_path, monkeypatch):
    package = tmp_path / "harness"
    shutil.copytree(REPOSITORY / "harness", package)
    monkeypatch.setattr(fingerprint, "__file__", str(package / "runner" / "fingerprint.py"))
    torch, keras = (compose(f"backend={name}") for name in ("pytorch", "tensorflow"))
    before = [fingerprint.code_hash(config) for config in (torch, keras)]
    (package / "backends" / "tensorflow" / "layers.py").write_text("changed = True")
    after = [fingerprint.code_hash(config) for config in (torch, keras)]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_what_computes_no_number_decides_no_run():
    def identity(*overrides):
        config = compose(*overrides)
        return fingerprint.of(config, resolve_hardware(config), "hash")[0]

    assert identity("measure.attention_examples=7") == identity("measure.target=0.5") == identity()
    assert identity("measure.serve=true") == identity()
    assert identity("measure.warmup_steps=7") != identity()
    learned = ("mode=profile", "position=learned", "profile.lengths=[8]")
    assert identity(*learned, "measure.latency_length=999") == identity(*learned)
    widths = {
        make_position(compose(*learned, f"measure.latency_length={length}"), 4, data).table_LD.numel()
        for data in [synthetic_features(sequences=60, length=8, width=4, classes=3)]
        for length in ("null", 999)
    }
    assert len(widths) == 1


def test_of_labels_by_step_nothing_is_pooled_so_no_pooling_makes_another_run():
    def identities(pooled):
        configs = [compose("data=parity", f"pooling={pooling}") for pooling in ("mean", "max")]
        return {fingerprint.of(config, resolve_hardware(config), "hash", pooled) for config in configs}

    assert [len(identities(pooled)) for pooled in (False, True)] == [1, 2]


def test_a_test_curve_makes_another_run_of_the_same_variant():
    configs = [compose(f"trainer.report_test_each_epoch={flag}") for flag in (True, False)]
    (one, variant), (other, same) = (fingerprint.of(config, resolve_hardware(config), "hash") for config in configs)
    assert one != other
    assert variant == same


def test_a_changed_file_that_custom_code_imports_is_another_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_encoder.py").write_text("import own_layers\nimport json\n")
    (tmp_path / "own_layers.py").write_text("from own_parts import part\n")
    (tmp_path / "own_parts.py").write_text("part = 1\n")
    (tmp_path / "unrelated.py").write_text("")
    config = compose("encoder=custom", "encoder._target_=own_encoder.Encoder")
    before = fingerprint.code_hash(config)
    (tmp_path / "unrelated.py").write_text("changed = True\n")
    assert fingerprint.code_hash(config) == before
    (tmp_path / "own_parts.py").write_text("part = 2\n")
    assert fingerprint.code_hash(config) != before


@pytest.mark.parametrize("mode", ["train", "profile"])
def test_every_part_of_the_code_that_computes_decides(tmp_path, monkeypatch, mode):
    package = tmp_path / "harness"
    shutil.copytree(REPOSITORY / "harness", package)
    monkeypatch.setattr(fingerprint, "__file__", str(package / "runner" / "fingerprint.py"))
    config = compose(f"mode={mode}")
    for part in fingerprint.COMPUTING[mode]:
        file = package / part if part.endswith(".py") else next((package / part).glob("*.py"))
        before = fingerprint.code_hash(config)
        file.write_text(file.read_text() + "\nmore = 1\n")
        assert fingerprint.code_hash(config) != before, part
        again = fingerprint.code_hash(config)
        file.write_text(file.read_text() + "\n# a comment\n")
        assert fingerprint.code_hash(config) == again, part


def test_a_pooling_that_takes_no_part_decides_nothing(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_pooling.py").write_text("class Pooling: pass\n")
    config = compose("pooling._target_=own_pooling.Pooling")
    pooled, unpooled = fingerprint.code_hash(config), fingerprint.code_hash(config, pooled=False)
    (tmp_path / "own_pooling.py").write_text("class Pooling: more = 1\n")
    assert fingerprint.code_hash(config) != pooled
    assert fingerprint.code_hash(config, pooled=False) == unpooled


def test_a_power_limit_that_was_changed_makes_no_other_run():
    config = compose()
    limits = ([400.0], [350.0])
    assert len({fingerprint.of(config, Hardware("gpu", device_power_limits_w=watts), "hash") for watts in limits}) == 1
    assert fingerprint.of(config, Hardware("gpu", device_names=["T4"]), "hash") != fingerprint.of(
        config, Hardware("gpu", device_names=["A100"]), "hash"
    )


def test_equal_numbers_are_one_run_however_they_are_written():
    def identity(*overrides):
        return fingerprint.of(compose(*overrides), Hardware("cpu"), "hash")

    for key, *values in (
        ("input.dropout", "0", "0.0"),
        ("optimizer.lr", "1", "1.0", "1e0"),
        ("optimizer.eps", "0", "0.0"),
        ("optimizer.betas", "[0,0.9]", "[0.0,0.9]"),
        ("encoder.dropout", "0", "0.0"),
    ):
        found = {identity("encoder=transformer", f"{key}={value}") for value in values}
        assert len(found) == 1, key
    assert identity("encoder=transformer", "encoder.rotary=true") != identity("encoder=transformer")
    assert one_form({"a": [1.0, True, 0.5, "1.0", None]}) == {"a": [1, True, 0.5, "1.0", None]}
    assert [type(value) for value in one_form([1.0, True])] == [int, bool]


def test_in_the_users_own_code_a_share_of_1_and_a_count_of_1_stay_apart(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_part.py").write_text("class Encoder: pass\n")
    own = ("encoder=custom", "encoder._target_=own_part.Encoder")
    found = {fingerprint.of(compose(*own, f"+encoder.kept={one}"), Hardware("cpu"), "hash") for one in ("1", "1.0")}
    assert len(found) == 2


def test_a_run_whose_zero_is_written_otherwise_is_skipped(command):
    quick = ("encoder=transformer", "encoder.hidden_size=8", "encoder.feed_forward_size=8", "tracking=none", *QUICK)
    assert command(*quick, "encoder.dropout=0", "input.dropout=0").code == 0
    again = command(*quick, "encoder.dropout=0.0", "input.dropout=0.0")
    assert "skipped" in again.out
    assert len(again.records) == 1


def test_a_changed_optimizer_of_the_users_own_is_another_result_but_not_of_a_profile(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_steps.py").write_text("class Steps: pass\n")
    own = ("optimizer=custom", "optimizer._target_=own_steps.Steps", "optimizer.lr=1")
    trained, profiled = compose(*own), compose(*own, "mode=profile")
    before = [fingerprint.code_hash(config) for config in (trained, profiled)]
    (tmp_path / "own_steps.py").write_text("class Steps: more = 1\n")
    assert fingerprint.code_hash(trained) != before[0]
    assert fingerprint.code_hash(profiled) == before[1]
