"""The words of a command before Hydra reads them: what is not text, and what is given twice."""

from collections.abc import Iterator


def not_text(arguments: list[str]) -> str | None:
    """A sentence for the first argument that is not UTF-8, which no file of a run could hold; None if all are."""
    for argument in arguments:
        try:
            argument.encode("utf8")
        except UnicodeEncodeError:
            shown = argument.encode("utf8", "surrogateescape").decode("utf8", "replace")
            return f"{shown} is not UTF-8: write it in UTF-8, such as with LANG=C.UTF-8"
    return None


def last_of_each(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The arguments without those that a later one replaces, and a sentence for each key that was given repeatedly.

    So a command's runs are named and counted by what was used: ``seed=0,1 seed=2`` is one run, not twice the same.
    """
    values: dict[str, list[str]] = {}
    for key, argument in _overrides(arguments):
        values.setdefault(key, []).append(argument)
    repeated = {key: given for key, given in values.items() if len(given) > 1}
    notes = [
        f"{key} is given {'twice' if len(given) == 2 else f'{len(given)} times'}: the last one counts, {given[-1]}"
        for key, given in repeated.items()
    ]
    kept = []
    for place, argument in enumerate(arguments):
        name = argument.partition("=")[0]
        # an addition (+key) stays: a later key=value needs it
        if name in repeated and any(later.partition("=")[0] == name for later in arguments[place + 1 :]):
            continue
        kept.append(argument)
    return kept, notes


def _overrides(arguments: list[str]) -> Iterator[tuple[str, str]]:
    """The key of each ``key=value``, without the signs of an addition, and the argument."""
    for argument in arguments:
        key, equals, _ = argument.partition("=")
        if equals and not key.startswith(("-", "~")):
            yield key.lstrip("+"), argument
