"""``python -m harness choose``: which encoder, within a budget of time.

    python -m harness choose data=files data.train=mine.csv margin=0.005 budget=1h
    python -m harness choose data=imdb 'require=["latency/p50_ms<5"]' cost=memory encoder=lstm,gru,cnn

It becomes a sweep (``-m hydra/sweeper=choose``), so that every other key, group and launcher works as in a sweep. The
same command resumes.
"""

import re
import sys
import textwrap
from collections.abc import Callable

from hydra.core.override_parser.types import Quote, QuotedString

from harness.cli.choose_keys import OWN
from harness.errors import UserError
from harness.notices import notify

USER_ERROR = 2
QUOTES = "\"'"
ENCODERS = ("self_attention", "additive_attention", "rnn", "lstm", "gru", "bidirectional", "bag_of_embeddings")
"""The candidates where the command names none; those that do not fit the data are left out, and said."""
REFUSED = {
    "seed": "choose sets the seeds; looks=[3,5,7,10] says at how many seeds it looks",
    "rerun": "choose counts finished runs; set output_dir to another folder to run them all again",
    "fail_fast": "choose goes on with the other candidates where a run fails",
    "mode": "choose trains; python -m harness mode=profile profiles",
    "hydra/sweeper": "choose is a sweeper itself; -m searches with others",
}
"""Keys that ``choose`` does not take, and why."""

HELP = f"""\
usage: python -m harness choose KEY=VALUE ...

Which encoder should I use? choose tunes the candidates, trains them with
several seeds, gives more seeds to those that are not decided, and names the
cheapest one that is best, or as good as the best, and meets the requirements.

  python -m harness choose data=files data.train=mine.csv budget=1h
  python -m harness choose data=imdb encoder=lstm,gru,cnn cost=memory \\
      'require=["latency/p50_ms<5"]'

The values shown here are the defaults, except that nothing is required:

  budget=1h         the time that it may take: 90s, 5m, 1.5h, 1d
  margin=0.01       a candidate that is at most this much behind the best is as
                    good (0.01: one point of accuracy)
  require=[...]     what the answer must meet, without units, such as
                    'require=["latency/p50_ms<5","cost/parameters<1e6"]'
  cost=latency      what is cheap: latency, throughput, memory or parameters
  looks=[3,4,5,6,7,8,9,10]
                    the numbers of seeds at which it looks whether all is
                    decided
  encoder=a,b,c     the candidates; default:
{textwrap.fill(", ".join(ENCODERS), 80, initial_indent=" " * 20, subsequent_indent=" " * 20)}
  tune=learning_rate
                    the tuning that each candidate gets: none, learning_rate or
                    wide

Every other key works as in a sweep (python -m harness --help); keys with
several values make further candidates. Ctrl-C gives the answer so far. The same
command resumes: it repeats no finished run and counts the time spent before.
"""


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or {"-h", "--help"} & set(arguments):
        print(HELP, end="")
        return 0
    try:
        sys.argv[1:] = translated(arguments)
    except UserError as error:
        notify(error)
        return USER_ERROR
    from harness.cli import main as command_line

    try:
        command_line.main()
    except UserError as error:
        notify(error)
        return USER_ERROR
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USER_ERROR
    return 0


def translated(arguments: list[str]) -> list[str]:
    """The arguments of the sweep that a ``choose`` command stands for.

    Raises:
        UserError: a setting is wrong, or a key is given that ``choose`` does not take.
    """
    from harness.runner.choose import settings

    words = ["-m", "hydra/sweeper=choose"]
    given: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        key = name.lstrip("+")
        given[key] = value
        if (option := name.lstrip("-")) != name and option in OWN:
            raise UserError(f"{argument}: write it without dashes, {option}={value or '...'}")
        if why := REFUSED.get(key):
            raise UserError(f"{argument}: {why}")
        if key in OWN and not equals:
            raise UserError(f"{argument} needs a value: python -m harness choose --help shows one")
        if key == "looks":
            value = f"[{value.strip('[]')}]"  # 3,5 alone would be two sweeps
        if key == "require" and not value.startswith("["):
            value = f"[{QuotedString(value.strip(QUOTES), Quote.double).with_quotes()}]"
        words.append(f"{OWN[key]}={value}" if key in OWN else argument)
    checks: dict[str, Callable[[str], object]] = {
        "budget": settings.seconds_of, "cost": settings.cost_of, "looks": lambda text: settings.looks_of(_numbers(text))
    }  # fmt: skip
    for key, check in checks.items():
        if key in given:
            check(given[key])
    if "encoder" not in given:
        words.append(f"encoder={','.join(ENCODERS)}")
    if "tune" not in given:
        words.append("tune=learning_rate")
    return words


def _numbers(text: str) -> list[int | str]:
    """The numbers of a list as it is written; what is no whole number stays text."""
    parts = [part.strip() for part in text.strip("[]").split(",")]
    return [int(part) if re.fullmatch(r"\d+", part) else part for part in parts]
