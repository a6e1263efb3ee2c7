"""An HTTP server that gives each connection the next bytes, whatever they are, and keeps what it was asked."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def http_server(
    *answers: bytes, wait: threading.Event | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """Answer each connection with the next bytes; yields the port, and what was asked."""
    asked: list[bytes] = []
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            with suppress(OSError):
                caller, _ = door.accept()
                with tls.wrap_socket(caller, server_side=True) if tls else caller as caller:
                    asked.append(_question(caller))
                    if wait:
                        wait.wait(30)
                    caller.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield door.getsockname()[1], asked
    finally:
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)
        door.close()
        thread.join()


def _question(caller: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and (part := caller.recv(65_536)):
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    size = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0] or 0)
    while len(body) < size and (part := caller.recv(65_536)):
        body += part
    return head + b"\r\n\r\n" + body


def answer(body: bytes, *, status: str = "200 OK", more: str = "") -> bytes:
    """Return an answer as it goes over the wire."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body
