"""What is known of launchers: where the files of jobs may lie."""

import pytest
from omegaconf import OmegaConf

from harness.config.launchers import check_folder
from harness.errors import UserError


def test_a_percent_sign_is_refused_only_where_submitit_would_replace_it(tmp_path):
    odd = tmp_path / "100%job"
    inside = OmegaConf.create({"submitit_folder": f"{odd}/sweeps/s/.submitit/%j"})
    with pytest.raises(UserError, match="100%job; name another folder"):
        check_folder(inside, odd)
    check_folder(inside, tmp_path)
    check_folder(OmegaConf.create({"submitit_folder": f"{tmp_path}/jobs/%j"}), odd)
    check_folder(OmegaConf.create({"n_jobs": 2}), odd)
