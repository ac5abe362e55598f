"""A pretended driver: its cards are in PRETENDED_CARDS, as JSON; what a card lacks is not supported."""

import json
import os
from types import SimpleNamespace


class NVMLError(Exception):
    """The driver's error."""


CARDS = json.loads(os.environ["PRETENDED_CARDS"])


def nvmlInit():
    pass


def nvmlShutdown():
    pass


def nvmlDeviceGetCount():
    return len(CARDS)


def nvmlDeviceGetHandleByIndex(index):
    return CARDS[index]


def answer(card, field):
    if field not in card:
        raise NVMLError("Not Supported")
    return card[field]


def nvmlDeviceGetName(card):
    return answer(card, "name")


def nvmlDeviceGetUUID(card):
    return answer(card, "uuid")


def nvmlDeviceGetMemoryInfo(card):
    return SimpleNamespace(total=answer(card, "mib") * 2**20, used=0, free=0)


def nvmlDeviceGetPowerManagementLimit(card):
    return answer(card, "watts") * 1000
