"""The names of runs: short in the tracker and in tables, with all overrides in the record."""

from conftest import QUICK
from made_records import made

from harness.config.compose import composed
from harness.records import store
from harness.records.record import overrides_of
from harness.runner import run_names


def test_what_a_sweep_varies():
    fixed, varied = ["optimizer.lr=0.1", "a.b=[1,2]"], ["encoder=lstm,gru", "seed=range(3)", "x=interval(0,1)"]
    overrides = [*fixed, *varied, "+data.rows=1,2"]
    assert run_names.swept_keys(overrides) == ["data.rows", "encoder", "seed", "x"]


def test_a_run_of_a_sweep_is_named_by_what_was_swept_and_its_record_has_all_overrides(command):
    ended = command("-m", "encoder=rnn", "encoder.hidden_size=3,5", "trainer.batch_size=64", *QUICK, "tracking=none")
    assert sorted(record.label for record in ended.records) == [
        "rnn/seed=0/encoder.hidden_size=3", "rnn/seed=0/encoder.hidden_size=5",
    ]  # fmt: skip
    overrides = ended.records[0].overrides
    assert {"trainer.batch_size=64", "trainer.epochs=2", "hardware.threads=1"} <= set(overrides)
    assert not {"tracking=none", "encoder=rnn"} & set(overrides)


def test_a_single_run_is_named_by_its_overrides_and_not_by_how_it_is_measured(command):
    first = command("encoder=rnn", "data=digits", "encoder.hidden_size=3", *QUICK, "tracking=none")
    assert first.record.label == "rnn/seed=0/encoder.hidden_size=3/trainer.epochs=2"
    again = command("-m", "encoder=rnn", "data=digits", "encoder.hidden_size=3", "seed=0", *QUICK, "tracking=none")
    assert "skipped" in again.out
    assert "rnn/seed=0: finished before, so it is not run again" in again.err
    assert len(again.records) == 1


def test_a_file_is_named_without_its_folder(command, tmp_path):
    rows = "".join(f"{word} film,{label}\n" for word, label in [("good", "pos"), ("bad", "neg")] * 30)
    for name in ("first", "second"):
        (tmp_path / f"{name}.csv").write_text(f"text,label\n{rows}")
    settings = ("data=files", "encoder=bag_of_embeddings", "trainer.epochs=1", "hardware=cpu", "tracking=none")
    first = command(*settings, f"data.train={tmp_path / 'first.csv'}")
    assert first.record.label == "bag_of_embeddings/seed=0/data.train=first.csv/hardware=cpu/trainer.epochs=1"
    second = command(*settings, f"data.train={tmp_path / 'second.csv'}")
    assert "data.train=second.csv" in " ".join(second.out.split())
    assert "finished before as bag_of_embeddings/seed=0/data.train=first.csv" in " ".join(second.out.split())


def test_choices_of_parts_come_first_and_what_decides_no_number_is_left_out():
    given = (
        "data=files", "data.train=a.csv", "data.text=t", "data.label=l", "hardware=cpu", "input=word_char",
        "encoder=bidirectional", "encoder@encoder.inner=gru", "trainer.report_test_each_epoch=true",
    )  # fmt: skip
    with composed(*given) as config:
        assert run_names.label(config) == "bidirectional/seed=0/encoder.inner=gru/input=word_char/data.label=l/3 more"
        assert run_names.overrides_of(config) == [
            "data.label=l", "data.text=t", "data.train=a.csv", "data=files", "encoder@encoder.inner=gru",
            "hardware=cpu", "input=word_char",
        ]  # fmt: skip


def test_a_class_is_named_without_its_path():
    with composed("encoder=custom", "encoder._target_=my_package.my_file.MyEncoder", "+encoder.kernel=3") as config:
        assert run_names.label(config) == "custom/seed=0/encoder=MyEncoder/+encoder.kernel=3"


def test_of_what_a_sweep_varies_choices_of_parts_come_first(tmp_path):
    given = ("encoder=bidirectional", "encoder.inner.hidden_size=3", "encoder@encoder.inner=gru", "input=word_char")
    with composed(*given, "trainer.epochs=7", f"output_dir={tmp_path}", "sweep=s") as config:
        run_names.sweep_folder(config).mkdir(parents=True)
        keys = ["encoder", "encoder.inner.hidden_size", "encoder@encoder.inner", "input"]
        store.write_json(run_names.sweep_folder(config) / "swept.json", keys)
        expected = "bidirectional/seed=0/encoder.inner=gru/input=word_char/encoder.inner.hidden_size=3"
        assert run_names.label(config) == expected


def test_a_run_that_was_started_under_another_label_resumes_in_its_folder(tmp_path):
    fingerprint = "0123456789abcdef"
    begun = tmp_path / "runs" / "digits" / f"rnn-seed=0-{fingerprint[:12]}"
    assert store.run_folder(tmp_path, "digits", "rnn/seed=0", fingerprint) == begun
    begun.mkdir(parents=True)
    assert store.run_folder(tmp_path, "digits", "rnn/seed=0/lr=0.1", fingerprint) == begun


def test_the_name_of_a_variant_for_all_versions_of_the_code_does_not_change_with_the_label():
    for label in ("rnn/seed=3", "rnn/seed=3/optimizer.lr=0.1"):
        record = made("rnn", label=label, overrides=["optimizer.lr=0.1"])
        assert overrides_of(record) == "rnn/optimizer.lr=0.1"
