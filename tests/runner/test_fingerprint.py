"""What decides a result makes another run, and nothing else does."""

import shutil

import pytest
from conftest import QUICK, REPOSITORY

from harness.backends.build import make_position
from harness.config.compose import compose
from harness.config.hardware import resolve_hardware
from harness.data.synthetic.features import synthetic_features
from harness.records.record import Hardware
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

    assert identity("measure.attention_examples=7") == identity()
    assert identity("measure.warmup_steps=7") != identity()
    learned = ("mode=profile", "position=learned", "profile.lengths=[8]")
    assert identity(*learned, "measure.latency_length=999") == identity(*learned)
    widths = {
        make_position(compose(*learned, f"measure.latency_length={length}"), 4, data).table_LD.numel()
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
