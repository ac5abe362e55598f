"""Which devices TensorFlow may start, by pretended cards."""

import pytest

from harness.records.record import Hardware


@pytest.mark.parametrize(("hardware", "expected"), [(Hardware("gpu"), ["first"]), (Hardware("cpu"), [])])
def test_it_sees_only_the_devices_of_the_run(in_keras, monkeypatch, hardware, expected):
    from harness.backends.tensorflow import runtime

    visible, grown = [], []
    config = runtime.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: ["first", "second"])
    monkeypatch.setattr(config, "set_visible_devices", lambda devices, kind: visible.append((devices, kind)))
    monkeypatch.setattr(config.experimental, "set_memory_growth", lambda device, grow: grown.append(device))
    monkeypatch.setattr(config, "list_logical_devices", lambda: [])
    runtime.start(hardware)
    assert visible == [(expected, "GPU")]
    assert grown == expected


def test_what_it_can_use_has_its_names_and_the_versions_of_its_libraries(in_keras, monkeypatch):
    from harness.backends.tensorflow import usable_devices as devices

    tf = devices.tf
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["first"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: {"device_name": f"T4 {device}"})
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: {"cuda_version": "12.5.1", "cudnn_version": "9"})
    found = devices.usable()
    assert [device["name"] for device in found.devices] == ["T4 first"]
    assert (found.reason, found.versions) == ("", {"cuda": "12.5.1", "cudnn": "9"})
