"""Whether a tracking server answers is known in seconds, and an answer that refuses is an answer."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from harness.tracking import server


@pytest.fixture
def asked():
    """A server that finds nothing, with what it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append((self.path, self.headers["Host"]))
            self.send_error(404)

        def log_message(self, *_):
            pass

    paths = []
    listening = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield listening.server_port, paths
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize(("path", "asked_for"), [("", "/health"), ("/", "/health"), ("/mlflow/", "/mlflow/health")])
def test_a_server_that_refuses_answers_and_gets_no_password(asked, path, asked_for):
    port, paths = asked
    server.check_answers(f"http://me:secret@127.0.0.1:{port}{path}")
    assert paths == [(asked_for, f"127.0.0.1:{port}")]


def test_a_server_whose_certificate_is_not_known_answers(asked):
    """Here it has none: MLflow's client says what is wrong with it, or has a setting that accepts it."""
    server.check_answers(f"https://127.0.0.1:{asked[0]}")


def test_a_port_on_which_nobody_listens_gives_no_answer():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(server.NoAnswer, match=r"no answer: .*refused"):
            server.check_answers(f"http://127.0.0.1:{free.getsockname()[1]}")


def test_a_server_that_hangs_gives_no_answer(monkeypatch):
    monkeypatch.setattr(server, "ANSWERS_WITHIN", 0.1)
    with socket.socket() as hangs:
        hangs.bind(("127.0.0.1", 0))
        hangs.listen()
        with pytest.raises(server.NoAnswer, match="timed out"):
            server.check_answers(f"http://127.0.0.1:{hangs.getsockname()[1]}")


@pytest.mark.parametrize("uri", ["sqlite:////tmp/mlflow.db", "postgresql://host/db", "databricks", "none"])
def test_other_stores_are_not_asked(uri):
    server.check_answers(uri)
