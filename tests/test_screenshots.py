"""The README's pictures: their size, and where they are shown. To take them needs a browser."""

import io
import re

import numpy as np
import screenshots
from conftest import REPOSITORY
from PIL import Image


def test_a_picture_is_scaled_down_to_the_limit_however_large_it_was(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (700, 900, 3), dtype=np.uint8)
    large = io.BytesIO()
    Image.fromarray(noise).save(large, "PNG")
    screenshots.keep(large.getvalue(), tmp_path / "a.png")
    assert 0 < (tmp_path / "a.png").stat().st_size <= screenshots.MOST_BYTES < large.tell()
    with Image.open(tmp_path / "a.png") as kept:
        assert abs(kept.width / kept.height - 9 / 7) < 0.01


def test_the_readme_has_a_mark_for_the_pictures_or_shows_the_existing_ones():
    text = (REPOSITORY / "README.md").read_text(encoding="utf8")
    shown = re.findall(r"!\[[^]]+\]\((docs/pictures/[\w.]+)\)", screenshots.with_pictures(text))
    assert shown == [f"docs/pictures/{name}" for name in screenshots.SHOWN]
    there = [(REPOSITORY / file).is_file() for file in shown]
    assert all(there) if screenshots.MARK not in text else not any(there)
