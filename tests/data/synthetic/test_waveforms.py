"""Digits as pairs of tones: their frequencies, the noise, and which digits can be recognized from the features."""

import numpy as np
import pytest
from scipy.signal import find_peaks, periodogram

from harness.data.synthetic.waveforms import RATE, TONES, WINDOW, features, filter_bank, wave, waveform_digits
from harness.errors import UserError

SIZES = {"train": 211, "validation": 53, "test": 307, "seed": 0}
KEYPAD = {697: "123", 770: "456", 852: "789", 941: "*0#"}, {1209: "147*", 1336: "2580", 1477: "369#"}


def filter_centres() -> np.ndarray:
    """``hz_D``: 40 frequencies between 0 and 4000 Hz, equally spaced on the mel scale."""
    highest = 2595 * np.log10(1 + 4000 / 700)
    return 700 * (10 ** (np.arange(1, 41) * highest / 41 / 2595) - 1)


def pressed(low: float, high: float) -> str:
    """The key whose row and column frequencies are nearest to two frequencies."""
    rows, columns = KEYPAD
    row, column = rows[min(rows, key=lambda hz: abs(hz - low))], columns[min(columns, key=lambda hz: abs(hz - high))]
    (key,) = set(row) & set(column)
    return key


@pytest.mark.parametrize("digit", TONES)
def test_the_spectrum_of_a_digit_has_its_peaks_at_the_two_frequencies_of_its_key(digit):
    x_S = wave(np.random.default_rng(0), digit, RATE, snr_db=10.0)  # one second: a bin is one hertz
    frequency_F, power_F = periodogram(x_S, RATE, window="hann")
    peaks, _ = find_peaks(power_F, height=power_F.max() / 10)
    assert tuple(frequency_F[peaks]) == TONES[digit]
    assert pressed(*frequency_F[peaks]) == digit


def recognized(data):
    """The digit of each test sequence, by the strongest filters below and above the gap between rows and columns."""
    hz_D = filter_centres()
    low, high = (hz_D > 600) & (hz_D < 1075), (hz_D > 1075) & (hz_D < 1600)
    for x_LD, length in zip(data.test.padded(), data.test.length_N, strict=True):
        mean_D = x_LD[:length].mean(0)
        yield pressed(*(hz_D[some][mean_D[some].argmax()] for some in (low, high)))


def test_without_noise_every_digit_can_be_recognized():
    data = waveform_digits(length=11, min_length=3, snr_db=None, **SIZES)
    data.check()
    assert [data.classes[one] for one in data.test.y] == list(recognized(data))
    assert set(data.test.length_N) == set(range(3, 12))
    assert data.width == 40
    assert set(data.classes) == set("0123456789")


def test_with_more_noise_fewer_digits_can_be_recognized():
    def share(snr_db):
        data = waveform_digits(length=11, min_length=3, snr_db=snr_db, **SIZES)
        return np.mean([data.classes[one] == read for one, read in zip(data.test.y, recognized(data), strict=True)])

    assert share(0.0) > 0.99
    assert 0.4 < share(-10.0) < 0.99
    assert share(-40.0) < 0.25


@pytest.mark.parametrize(("snr_db", "power"), [(None, 1.0), (0.0, 2.0), (-10.0, 11.0), (3.0, 1.501)])
def test_the_noise_has_the_power_that_was_set(snr_db, power):
    x_S = wave(np.random.default_rng(0), "5", 400_000, snr_db)
    assert np.mean(x_S**2) == pytest.approx(power, rel=0.01)


def test_a_tone_of_amplitude_1_at_the_centre_of_a_filter_has_energy_1_only_there():
    """Between two bins, a Hann window loses at most 1.42 dB."""
    for filter in (19, 30):
        time_S = np.arange(WINDOW) / RATE
        x_1D = features(np.sin(2 * np.pi * filter_centres()[filter] * time_S))
        assert x_1D.shape == (1, 40)
        assert x_1D[0].argmax() == filter
        assert x_1D[0, filter] == pytest.approx(0, abs=0.35)
        assert x_1D[0, filter + 5 :].max() < -3


def test_filters_are_triangles_none_of_them_empty():
    bank_FD = filter_bank()
    assert bank_FD.shape == (129, 40)
    assert bank_FD.min() == 0
    assert (bank_FD.sum(0) > 1).all()
    assert bank_FD.max() <= 1


def test_a_frame_every_ten_milliseconds():
    assert len(features(np.zeros(256))) == 1
    assert len(features(np.zeros(256 + 6 * 80))) == 7
    assert (features(np.zeros(256)) == -4).all()


def test_the_seed_decides_and_no_sequence_is_repeated():
    one, again, other = (waveform_digits(length=4, min_length=2, **{**SIZES, "seed": seed}) for seed in (0, 0, 1))
    assert one.hash == again.hash != other.hash
    rows = [x.tobytes() for split in one.splits.values() for x in split.padded()]
    assert len(set(rows)) == len(rows) == 211 + 53 + 307


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"length": 19}, "data.length of waveform_digits is a whole number of 20 or more"),
        ({"min_length": 0}, "data.min_length of waveform_digits is a whole number of 1 or more"),
        ({"snr_db": float("nan")}, "data.snr_db of waveform_digits is a ratio in decibels"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        waveform_digits(**{**SIZES, **settings})
