"""``import harness``: what it offers, that it loads nothing, its documentation, and the notebook of first steps."""

import inspect
import re
import subprocess
import sys

import nbclient
import nbformat
import pytest
from conftest import REPOSITORY

import harness

DOCS = (REPOSITORY / "docs" / "PYTHON.md").read_text(encoding="utf8")
NOTEBOOK = REPOSITORY / "docs" / "first_steps.ipynb"


def test_importing_it_loads_no_library():
    code = (
        "import sys; before = set(sys.modules); import harness; harness.records; harness.run\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - {'harness'} - sys.stdlib_module_names\n"
        "sys.exit(', '.join(sorted(new)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == ""


def test_every_name_is_there_and_no_other():
    for name in harness.__all__:
        assert getattr(harness, name) is not None
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'best'"):
        _ = harness.best


@pytest.mark.parametrize("name", ["run", "compare", "load"])
def test_every_function_says_what_it_takes_and_what_it_raises(name):
    function = getattr(harness, name)
    signature, text = inspect.signature(function), inspect.getdoc(function)
    assert all(parameter.annotation is not parameter.empty for parameter in signature.parameters.values())
    assert signature.return_annotation is not signature.empty
    assert [parameter for parameter in signature.parameters if f"\n    {parameter}: " not in text] == []
    assert "Raises:\n    UserError: " in text


def test_the_defaults_of_compare_are_those_of_the_report():
    from harness.report.comparison import compare

    shown, used = (inspect.signature(one).parameters for one in (harness.compare, compare))
    assert {name: shown[name].default for name in shown} == {name: used[name].default for name in used}


def test_the_documentation_names_everything():
    headings = re.findall(r"^## `harness\.(\w+)", DOCS, re.MULTILINE)
    assert headings == ["run", "compare", "load", "records"]
    for name in harness.__all__:
        assert f"`harness.{name}" in DOCS, name
    for function in (harness.run, harness.compare, harness.load):
        for parameter in inspect.signature(function).parameters:
            assert re.search(rf"`{parameter}[`=]", DOCS), parameter
    for attribute in ("best", "recommended", "answer", "show", "to_pandas", "analysis"):
        assert f"`.{attribute}" in DOCS, attribute


def test_the_examples_of_the_documentation_are_python_with_names_that_exist():
    code = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    assert len(code) == 3
    for block in code:
        compile(block, "docs/PYTHON.md", "exec")
        assert set(re.findall(r"harness\.(\w+)", block)) <= set(harness.__all__)


def blocks(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


def test_the_notebook_is_kept_without_outputs_and_names_no_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert [(cell.outputs, cell.execution_count) for cell in blocks(notebook.cells)] == [([], None)] * 11
    assert not re.search(r"(?<![\w.:])/+\w+/|file:/", NOTEBOOK.read_text(encoding="utf8"))  # a path of some machine


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook with the outputs that its kernel gave, in an empty folder."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patched:
        # as where a user starts it: the command line of this process sets its own
        patched.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        patched.delenv("PYTEST_CURRENT_TEST", raising=False)  # with it, a kernel does not show what processes print
        patched.setenv("PYTHONPATH", str(REPOSITORY))
        patched.setenv("TMPDIR", str(folder))
        client = nbclient.NotebookClient(
            notebook, timeout=500, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        client.execute()
    assert not [path for path in folder.iterdir() if path.name == "outputs"]
    return {cell.id: cell for cell in blocks(notebook.cells)}


def text_of(cell, kind):
    """What a cell showed of a kind: its streams, or its results as text."""
    found = [output for output in cell.outputs if output.output_type == kind]
    return "".join(one.text if kind == "stream" else one.data["text/plain"] for one in found)


def test_the_notebook_runs_and_shows_what_its_text_says(executed):
    cells = list(executed.values())
    results = [text_of(cell, "execute_result") for cell in cells]
    assert results[1].count("finished>") == 6
    assert results[2].startswith("(True, 0.")
    (shown,) = cells[3].outputs  # everything in one output
    assert shown.output_type == "display_data"
    assert shown.data["text/html"].count("<pre") == 1
    for form in shown.data.values():
        assert "bag_of_embeddings" in form
        assert "Take lstm: accuracy" in form
    assert re.search(r"lstm +3 +best", results[4])
    assert text_of(cells[5], "stream").startswith("lstm | bag_of_embeddings\nTake bag_of_embeddings: no other variant")
    assert results[6].count("finished") == 6
    assert results[7] == "180"
    assert re.search(r"0 +bad .*\n1 +good ", results[9])
    assert text_of(cells[10], "stream").startswith("encoder=lstm,gru asks for several runs")


def test_a_kernel_shows_the_progress_of_a_run_and_no_warning(executed):
    shown = text_of(list(executed.values())[1], "stream")
    assert shown.count("epoch 2/2: train/loss") == 6
    assert "Warning" not in shown
