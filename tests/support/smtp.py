"""A mail server on loopback that keeps what it is given."""

from __future__ import annotations

import socket
import threading
from typing import Any


class Smtp:
    """A mail server that keeps one mail: as much of RFC 5321 as a client needs."""

    def __init__(self, refuse: str = "") -> None:
        self.refuse = refuse
        self.mails: list[bytes] = []
        self.recipients: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as lines:
                self._talk(lines)

    def _talk(self, stream: Any) -> None:

        def say(words: str) -> None:
            stream.write(f"{words}\r\n".encode())
            stream.flush()

        say("220 here")
        for line in stream:
            word = line.decode().strip().upper()
            if word.startswith("RCPT"):
                self.recipients.append(word[9:-1])
            if self.refuse and word.startswith("RCPT") and self.refuse.upper() in word:
                say("550 nobody of that name")
            elif word == "DATA":
                say("354 go on")
                self.mails.append(b"".join(iter(stream.readline, b".\r\n")))
                say("250 kept")
            elif word == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")
