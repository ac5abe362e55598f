"""Whether a tracking server answers, known in seconds: MLflow's client would try for half a minute."""

import ssl
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import urlopen

ANSWERS_WITHIN = 5.0
"""Seconds."""


class NoAnswer(ConnectionError):
    """A tracking server does not answer."""


def check_answers(uri: str) -> None:
    """Ask a tracking server for a sign of life; any other store counts as alive.

    Raises:
        NoAnswer: it gave none. An answer that refuses is one.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return
    without_secrets = parts._replace(netloc=parts.netloc.rpartition("@")[2], path=f"{parts.path.rstrip('/')}/health")
    try:
        urlopen(urlunsplit(without_secrets), timeout=ANSWERS_WITHIN).close()
    except HTTPError:
        return
    except OSError as error:
        why = error.reason if isinstance(error, URLError) else error
        if not isinstance(why, ssl.SSLError):  # of certificates MLflow's client has its own settings
            raise NoAnswer(f"no answer: {why}") from None
