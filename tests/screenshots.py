"""``make screenshots``: the README's pictures of the report and of MLflow's comparison, from a small sweep."""

import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from browser import close_assistant, start, text, wait_for
from ports import free_ports

REPOSITORY = Path(__file__).parent.parent
PICTURES = REPOSITORY / "docs" / "pictures"
MOST_BYTES = 200_000
MARK = "<!-- pictures: make screenshots -->"
SHOWN = {"report.png": "The report of a sweep", "mlflow.png": "The same runs side by side in MLflow"}
SWEEP = (
    "-m", "encoder=self_attention,lstm,gru,bag_of_embeddings", "seed=0,1,2", "data=digits", "trainer.epochs=8",
    "hardware=cpu", "name=digits",
)  # fmt: skip


RUN_NAMES = ".ag-cell a[href*='/runs/']"


def main() -> None:
    """Run a sweep in a temporary folder, open its pages, and save the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            browser = start(Path(folder, "browser"))
        except pytest.skip.Exception as missing:
            sys.exit(f"no pictures: {missing}")
        try:
            subprocess.run([sys.executable, "-m", "harness", *SWEEP], cwd=folder, check=True)
            PICTURES.mkdir(exist_ok=True)
            keep(report(browser, Path(folder)), PICTURES / "report.png")
            keep(mlflow(browser, Path(folder)), PICTURES / "mlflow.png")
        finally:
            browser.quit()
    readme = REPOSITORY / "README.md"
    readme.write_text(with_pictures(readme.read_text(encoding="utf8")), encoding="utf8")


def report(browser: Any, folder: Path) -> bytes:
    """The top of the sweep's report."""
    browser.set_window_size(1200, 1300)
    (page,) = (folder / "outputs" / "reports" / "digits").glob("*/report.html")
    browser.get(f"file://{page}")
    wait_for(browser, lambda: browser.execute_script("return document.querySelectorAll('.main-svg').length"), "plots")
    return browser.get_screenshot_as_png()


def mlflow(browser: Any, folder: Path) -> bytes:
    """What the first link of ``harness ui`` shows."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "harness", "ui", "--output-dir", f"{folder}/outputs", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = next(line.split()[1] for line in server.stdout if line.startswith("  runs "))
        browser.set_window_size(1600, 850)
        browser.get(address)
        wait_for(browser, lambda: len(browser.find_elements("css selector", RUN_NAMES)) == 12, "the table of runs")
        close_assistant(browser)
        wait_for(browser, lambda: "memory/host_train_peak_mib" in text(browser), "the columns")
        return browser.get_screenshot_as_png()
    finally:
        server.terminate()
        server.wait()


def keep(png: bytes, file: Path) -> None:
    """Write a picture, scaled down until it has at most ``MOST_BYTES``."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    while True:
        written = io.BytesIO()
        picture.save(written, "PNG", optimize=True)
        if written.tell() <= MOST_BYTES:
            file.write_bytes(written.getvalue())
            return
        picture = picture.resize((picture.width * 4 // 5, picture.height * 4 // 5), Image.Resampling.LANCZOS)


def with_pictures(readme: str) -> str:
    """The README with the pictures in place of its mark."""
    return readme.replace(MARK, "\n\n".join(f"![{caption}](docs/pictures/{name})" for name, caption in SHOWN.items()))


if __name__ == "__main__":
    main()
