"""How many processors a run may use, from made-up systems."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from harness.measure import processors
from harness.measure.containers import container_memory, container_quota
from harness.measure.processors import Limit, has_bfloat16, limits, processor_name, threads


@pytest.fixture
def system(monkeypatch):
    """A system of eight processors, without a container or a scheduler."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)))
    for name in ("SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def write(root, **files):
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def test_without_limits_all_processors_that_the_process_may_run_on(system, tmp_path):
    assert threads(root=tmp_path) == Limit(8, "the processors that this process may run on")


VERSION_2 = {"proc/self/cgroup": "0::/\n"}
VERSION_1 = {"proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n"}


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({**VERSION_2, "sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1.0),
        ({**VERSION_2, "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2.5),
        ({**VERSION_2, "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ({**VERSION_2, "sys/fs/cgroup/cpu.max": "0 0\n"}, None),
        ({"proc/self/cgroup": "\n"}, None),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "300000 100000",
          "sys/fs/cgroup/a/b/cpu.max": "400000 100000"}, 3.0),
        ({**VERSION_1, "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "150000",
          "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "50000"}, 3.0),
        ({**VERSION_1, "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000",
          "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, 2.0),
        ({**VERSION_1, "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
          "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, None),
        ({**VERSION_2, "sys/fs/cgroup/cpu.max": "damaged"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_quota_of_a_container(tmp_path, files, quota):
    write(tmp_path, **files)
    assert container_quota(tmp_path) == quota


UNLIMITED = "9223372036854771712"


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({**VERSION_2, "sys/fs/cgroup/memory.max": "2147483648\n"}, 2**31),
        ({**VERSION_2, "sys/fs/cgroup/memory.max": "max\n"}, None),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "1000", "sys/fs/cgroup/a/b/memory.max": "max"},
         1000),
        ({**VERSION_1, "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "5000",
          "sys/fs/cgroup/memory/memory.limit_in_bytes": UNLIMITED}, 5000),
        ({**VERSION_1, "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": UNLIMITED}, None),
        ({**VERSION_1, "sys/fs/cgroup/cpu,cpuacct/docker/abc/memory.limit_in_bytes": "5000"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_memory_of_a_container(tmp_path, files, limit):
    write(tmp_path, **files)
    assert container_memory(tmp_path) == limit


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_bf16", True),
        ("flags\t\t: fpu amx_bf16 amx_tile", True),
        ("Features\t: fp asimd bf16 i8mm", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("flags\t\t:", False),
        ("\nprocessor\t: 1\nflags\t\t: amx_bf16", None),
        ("model name\t: other", None),
        ("", None),
    ],
)
def test_a_processor_says_whether_it_has_instructions_for_bfloat16(tmp_path, line, expected):
    write(tmp_path, **{"proc/cpuinfo": f"processor\t: 0\n{line}\nbugs\t\t: bf16\n"})
    assert has_bfloat16(tmp_path) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nmodel name\t: Quick: 9000\n\nprocessor\t: 1\nmodel name\t: Slow\n", "Quick: 9000"),
        (
            "processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n"
            "CPU revision\t: 1\n\nprocessor\t: 1\nCPU part\t: 0xd4f\n",
            "aarch64, implementer 0x41, part 0xd0c, variant 0x3, revision 1",
        ),
        ("", "aarch64"),
    ],
)
def test_the_name_of_a_processor_tells_kinds_apart_also_where_the_system_gives_none(
    tmp_path, monkeypatch, text, expected
):
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    write(tmp_path, **{"proc/cpuinfo": text})
    assert processor_name(tmp_path) == expected


def test_the_least_limit_decides_and_says_so(system, tmp_path, monkeypatch):
    write(tmp_path, **VERSION_2, **{"sys/fs/cgroup/cpu.max": "450000 100000\n"})
    assert threads(root=tmp_path) == Limit(4, "the container's quota of 4.5 processors")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert threads(root=tmp_path) == Limit(3, "SLURM_CPUS_PER_TASK")
    monkeypatch.setenv("OMP_NUM_THREADS", "2,4")
    assert threads(root=tmp_path) == Limit(2, "OMP_NUM_THREADS")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {5})
    assert threads(root=tmp_path) == Limit(1, "the processors that this process may run on")


@pytest.mark.parametrize("value", ["", "0", "-1", "many"])
@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"])
def test_a_variable_that_is_no_number_of_processors_limits_nothing(system, tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert len(list(limits(tmp_path))) == 1
    assert threads(root=tmp_path).processors == 8


def test_processes_of_one_run_share_what_is_granted_and_each_has_its_own_openmp_threads(system, tmp_path, monkeypatch):
    assert threads(2, tmp_path) == Limit(4, "the processors that this process may run on, shared by 2 processes")
    assert threads(16, tmp_path).processors == 1
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "6")
    assert threads(2, tmp_path) == Limit(3, "SLURM_CPUS_PER_TASK, shared by 2 processes")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads(2, tmp_path).processors == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads(2, tmp_path) == Limit(2, "OMP_NUM_THREADS")


def test_a_quota_below_one_processor_leaves_one_thread(system, tmp_path):
    write(tmp_path, **VERSION_2, **{"sys/fs/cgroup/cpu.max": "20000 100000\n"})
    assert threads(root=tmp_path).processors == 1


def test_this_machine_has_at_least_one():
    assert processors.threads().processors >= 1


@pytest.fixture
def group_of_one_processor():
    """A real control group whose quota is one processor; skips where none can be made."""
    group = Path(f"/sys/fs/cgroup/cpu/harness-test-{os.getpid()}")
    quotas = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"}
    if not group.parent.is_dir():
        group, quotas = Path(f"/sys/fs/cgroup/harness-test-{os.getpid()}"), {"cpu.max": "100000 100000"}
    try:
        group.mkdir()
        for name, value in quotas.items():
            (group / name).write_text(value)
    except OSError as error:
        pytest.skip(f"no control group with a quota can be made here: {error}")
    yield group
    group.rmdir()


def test_in_a_real_control_group_of_one_processor_a_run_has_one_thread(group_of_one_processor):
    code = (
        "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()));"
        "from harness.measure.processors import threads; print(threads().processors, threads().source)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    ended = subprocess.run(
        [sys.executable, "-c", code, str(group_of_one_processor / "cgroup.procs")],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert ended.stdout == "1 the container's quota of 1 processor\n"
