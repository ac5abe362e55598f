"""A small hub on this machine: it answers what the client asks about one data set of one file, ``train.csv``."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SOURCE, FILE = "owner/films", "train.csv"


class Hub:
    """A hub that is up until ``stop``. ``content`` is the file; ``cut`` breaks the next download in its middle."""

    def __init__(self, content: bytes) -> None:
        self.content, self.cut, self.ranges = content, False, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": self}))
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def commit(self) -> str:
        return hashlib.sha1(self.content).hexdigest()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_):
        pass

    def answer(self, body, code=200, **headers):
        self.send_response(code)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def json(self, content, code=200, **headers):
        body = json.dumps(content).encode()
        self.answer(body, code, Content_Type="application/json", **headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def missing(self, why):
        self.json({"error": why}, 404, X_Error_Code=why, X_Error_Message=why)

    def entry(self):
        return {"type": "file", "path": FILE, "size": len(self.hub.content), "oid": self.hub.commit, "lastCommit": None}

    def do_POST(self):
        paths = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.json([self.entry()] if FILE in paths else [])

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        if f"/{SOURCE}" not in path:
            self.missing("RepoNotFound")
        elif re.fullmatch(rf"/api/datasets/{SOURCE}(/revision/[^/]+)?", path):
            self.json({"id": SOURCE, "sha": self.hub.commit, "siblings": [{"rfilename": FILE}], "tags": []})
        elif re.fullmatch(rf"/api/datasets/{SOURCE}/tree/[^/]+/?", path):
            self.json([self.entry()])
        elif path.startswith("/datasets/") and path.endswith(f"/{FILE}"):
            self.send_file()
        else:
            self.missing("EntryNotFound")

    def send_file(self):
        start = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first, total = int(start[1]) if start else 0, len(self.hub.content)
        body = self.hub.content[first:]
        part = {"Content_Range": f"bytes {first}-{total - 1}/{total}"} if start else {}
        marks = {"ETag": f'"{self.hub.commit}"', "X_Repo_Commit": self.hub.commit, "Accept_Ranges": "bytes"}
        self.answer(body, 206 if start else 200, **marks, **part)
        if self.command == "HEAD":
            return
        self.hub.ranges.append(first)
        if self.hub.cut:
            self.hub.cut = False
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
        else:
            self.wfile.write(body)
