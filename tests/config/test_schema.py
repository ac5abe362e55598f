"""The typed config: every key has a type, bounds and a description, and errors are one sentence."""

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from conftest import refused
from omegaconf import OmegaConf
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from harness.config import rules
from harness.config.compose import compose, compose_whole
from harness.config.schema import Config, Count, CountOrZero, OptimizerConfig
from harness.config.validation import validate, validate_recorded


@pytest.mark.parametrize(
    ("value", "least", "expected"),
    [(3, 3, True), (2, 3, False), (0, 0, True), (-1, 0, False), (True, 1, False), (3.0, 1, False), ("3", 1, False),
     (None, 0, False)],
)  # fmt: skip
def test_a_whole_number_of_at_least_so_much(value, least, expected):
    kind = {0: CountOrZero, 1: Count}.get(least, Annotated[int, Field(strict=True, ge=least)])
    assert accepts(kind, value) is expected


@pytest.mark.parametrize(("value", "count", "count_or_zero"), [(1, True, True), (0, False, True), (-1, False, False)])
def test_counts_start_at_one_or_zero(value, count, count_or_zero):
    assert (accepts(Count, value), accepts(CountOrZero, value)) == (count, count_or_zero)


def accepts(kind: Any, value: Any) -> bool:
    """Whether a value is valid for a type, and stays as it is."""
    try:
        return TypeAdapter(kind).validate_python(value) is value
    except ValidationError:
        return False


def part_of(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as ``CharactersConfig | None``; None where it has none."""
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)


def keys_of(model: type[BaseModel], where: str = "") -> set[str]:
    """Every key of a model that holds a value, dotted."""
    keys = set()
    for name, field in model.model_fields.items():
        part = part_of(field.annotation)
        keys |= keys_of(part, f"{where}{name}.") if part else {f"{where}{name}"}
    return keys


def keys_in(values: dict[str, Any], model: type[BaseModel], where: str = "") -> set[str]:
    """Every key of a config that the schema has a say in: not those that are passed on to code."""
    keys = set()
    for name, value in values.items():
        field = model.model_fields.get(name)
        part = part_of(field.annotation) if field else None
        keys |= keys_in(value, part, f"{where}{name}.") if part and isinstance(value, dict) else {f"{where}{name}"}
    return keys


def composed(*overrides: str) -> dict[str, Any]:
    """A composed config as plain values."""
    return compose(*overrides).to_dict()


def test_the_shipped_config_and_the_schema_have_the_same_keys():
    shipped: set[str] = set()
    for choice in ("input=word_char", "input=word_bigram"):  # each sets one of two parts
        shipped |= keys_in(raw(choice), Config)
    optional = {"input.characters", "input.bigrams"}  # null in the other choice
    passed_on = {key for key in shipped if key.startswith("optimizer.")} - {
        f"optimizer.{name}" for name in OptimizerConfig.model_fields
    }
    assert passed_on == {"optimizer.betas", "optimizer.eps"}
    assert shipped - optional - passed_on == keys_of(Config)


def raw(*overrides: str) -> dict[str, Any]:
    """The config as Hydra composes it, before the schema sees it."""
    whole = OmegaConf.to_container(compose_whole(*overrides), resolve=False)
    return {str(key): value for key, value in whole.items() if key != "hydra"}


def test_every_key_has_a_description():
    def without(model: type[BaseModel], where: str = "") -> list[str]:
        missing = []
        for name, field in model.model_fields.items():
            missing += [] if (field.description or "").strip() else [f"{where}{name}"]
            if part := part_of(field.annotation):
                missing += [] if part.__doc__ else [part.__name__]
                missing += without(part, f"{where}{name}.")
        return missing

    assert without(Config) == []


def test_the_config_cannot_be_edited():
    config = compose()
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 1
    with pytest.raises(ValidationError, match="frozen"):
        config.trainer.epochs = 1


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("seed", -1, "seed must be a whole number of 0 or more, and is -1"),
        ("seed", True, "seed must be a whole number of 0 or more, and is True"),
        ("trainer.epochs", 2.0, "trainer.epochs must be a whole number of 1 or more, and is 2.0"),
        ("trainer.patience", 0, "trainer.patience must be a whole number of 1 or more, and is 0"),
        ("profile.vocabulary_size", 1, "profile.vocabulary_size must be a whole number of 2 or more, and is 1"),
        ("profile.lengths", [], "profile.lengths must be a list of whole numbers, such as [128,256], and is []"),
        ("profile.lengths", [8, 0], "profile.lengths must be a whole number of 1 or more, and is 0"),
        ("head.hidden_sizes", 64, "head.hidden_sizes must be a list of whole numbers, such as [128,256], and is 64"),
        ("input.dropout", 1, "input.dropout must be at least 0 and below 1, and is 1"),
        ("input.characters", 5, "input.characters must be a group of keys, and is 5"),
        ("optimizer.lr", "fast", "optimizer.lr must be a finite number above 0, and is 'fast'"),
        ("optimizer.decay", "slow", "optimizer.decay must be a number, and is 'slow'"),
        ("run_timeout", 0, "run_timeout must be a finite number above 0, and is 0"),
        ("trainer.bucket", "perhaps", "trainer.bucket must be true or false, and is 'perhaps'"),
        ("output_dir", 5, "output_dir must be text, and is 5"),
        ("name", 42, "name must be text, and is 42; quote it: 'name=\"42\"'"),
        ("mode", "tune", "mode is one of train, profile, not 'tune'"),
        ("trainer.epoch", 3, "nothing reads trainer.epoch; leave it out"),
        ("data.limit", 0, "data.limit must be a whole number of 1 or more, and is 0"),
        ("report.margin", 1, "report.margin must be above 0 and below 1, and is 1; 0.01 is one point of accuracy"),
        (
            "report.require", "p50_ms<5",
            "report.require must be a list of texts, such as [\"latency/p50_ms<5\"], and is 'p50_ms<5'",
        ),
        (
            "report.require", ["latency/p50_ms"],
            "'latency/p50_ms' is no requirement; write a metric, one of < <= > >=, and a number, such as "
            "latency/p50_ms<5",
        ),
    ],
)
def test_an_error_is_one_sentence_that_names_the_key(key, value, expected):
    assert refused(validate, changed(key, value)) == expected


def test_a_missing_key_is_named():
    content = composed()
    del content["trainer"]["epochs"]
    assert refused(validate, content) == "trainer.epochs is missing: add trainer.epochs=... to the command"


@pytest.mark.parametrize(
    ("key", "value"),
    [("head.hidden_sizes", []), ("trainer.patience", None), ("data.limit", None), ("hardware.threads", None),
     ("optimizer.new", "passed on"), ("encoder.new", "passed on"), ("optimizer.lr", 1)],
)  # fmt: skip
def test_what_a_key_may_be(key, value):
    part, name = key.split(".")
    found = validate(changed(key, value)).to_dict()[part][name]
    assert found == value


def changed(key: str, value: Any) -> dict[str, Any]:
    """The default config with one key set."""
    content = composed()
    *parts, name = key.split(".")
    inner = content
    for part in parts:
        inner = inner[part]
    inner[name] = value
    return content


def test_serving_needs_packages_before_anything_is_trained(monkeypatch):
    validate(changed("measure.serve", True))
    monkeypatch.setattr(rules, "find_spec", lambda name: None if name.startswith("onnxs") else True)
    assert refused(validate, changed("measure.serve", True)) == (
        "measure.serve=true needs onnxscript: in the harness's folder, pip install '.[export]'"
    )
    validate(composed())


def test_a_precision_is_a_text_even_where_hydra_reads_a_number():
    assert validate(changed("hardware.precision", 32)).hardware.precision == "32"


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("fail_fast='off'", "fail_fast must be true or false, and is 'off'"),
        ("rerun=0", "rerun must be true or false, and is 0"),
        ("optimizer.decay='0.1'", "optimizer.decay must be a number, and is '0.1'"),
        ("optimizer.decay=nan", "optimizer.decay must be a number, and is nan"),
        ("+optimizer.weight_decay=inf", "optimizer.weight_decay must be a finite number, and is inf"),
        ("+encoder.scale_by=nan", "encoder.scale_by must be a finite number, and is nan"),
    ],
)
def test_a_flag_is_a_flag_and_every_number_is_finite(override, sentence):
    assert refused(compose, override) == sentence


def test_a_recorded_config_may_lack_keys_that_are_null_where_they_are_not_used():
    config = compose("encoder=lstm", "trainer.epochs=3")
    recorded = config.to_dict()
    del recorded["trainer"]["patience"], recorded["input"]["characters"], recorded["run_timeout"]
    assert validate_recorded(recorded) == config
    del recorded["trainer"]["epochs"]
    message = refused(validate_recorded, recorded)
    assert message.startswith("this run was made by another version of the harness, whose settings this one does not")
    assert "trainer.epochs" in message
    assert "input.gone" in refused(validate_recorded, {**recorded, "input": {**recorded["input"], "gone": 1}})
