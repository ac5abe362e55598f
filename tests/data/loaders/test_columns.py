"""Columns are found by the names that commands and configs give, whatever Hydra makes of them."""

import pytest
from conftest import refused
from hydra.core.override_parser.overrides_parser import OverridesParser

from harness.data.loaders.columns import class_of, column_name


def find(names, written):
    value = OverridesParser.create().parse_override(f"data.text={written}").value()
    return column_name(names, value, "data.text", "a.csv")


@pytest.mark.parametrize(
    "name", ["0", "1", "-1", "01", "1e3", "1E3", "1.50", "1_000", "true", "True", "off", "null", "nan", "inf",
             "2024-01-01", "12345678901234567890123", "yes", "a b", "a.b", "1e400"],
)  # fmt: skip
def test_every_name_finds_its_column(name):
    assert find(["x", name, "y z"], name) == name


def test_yaml_makes_other_values_of_a_name():
    assert column_name(["x", "Yes"], True, "data.text", "a.csv") == "Yes"
    assert column_name(["x", "no"], False, "data.text", "a.csv") == "no"


def test_an_integer_means_the_column_that_is_written_so():
    assert find(["01", "1.0", "1"], "1") == "1"
    assert find(["01", "1"], "01") == "01"
    assert find(["x", "01"], "1") == "01"


@pytest.mark.parametrize(("names", "written", "message"), [
    (["1.5", "1.50"], "1.50", """data.text=1.5 may mean: 1.5, 1.50; quote the name: 'data.text="1.5"'"""),
    (["true", "True"], "true", "several columns that data.text=True may mean: true, True; quote the name"),
    (["x", "a", "a"], "a", "has 2 columns named 'a'; rename or remove all but one"),
    (["Text", "label"], "text", "has no column 'text'; it has Text, label; did you mean data.text=Text? (a file's"),
    (["text "], "text", """did you mean 'data.text="text "'?"""),
    (["Größe", "x"], '"größe"', """did you mean 'data.text="Größe"'?"""),
    (["Text", "TEXT"], "text", "it has Text, TEXT; set data.text to one of them"),
    ([str(number) for number in range(30)], "40", "18, 19, ...; set data.text to one of them"),
])  # fmt: skip
def test_what_is_said_of_a_name_that_finds_no_column_or_several(names, written, message):
    assert message in refused(find, names, written)


def test_labels_that_look_alike_stay_apart_and_this_is_said(capsys):
    labels = ["caf\u00e9", "cafe\u0301", "b", "b\u200b", "\ufeffb", "B", "a b", "a\u00a0b", "c"]
    assert class_of(labels) == {label: label for label in labels}
    assert capsys.readouterr().err.splitlines() == [
        r"data: the labels 'a b', 'a\xa0b' look alike and are 2 classes",
        r"data: the labels 'b', 'b\u200b', '\ufeffb' look alike and are 3 classes",
        r"data: the labels 'cafe\u0301', 'caf\xe9' look alike and are 2 classes",
    ]
    class_of(["a", "b", "1.0", "1"])
    assert capsys.readouterr().err == ""
