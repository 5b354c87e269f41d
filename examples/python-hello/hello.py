"""A greeting over HTTP with nothing but Python's standard library."""

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

GREETING = "Hello"
RELEASE = os.environ.get("HITLESS_RELEASE", "by hand")
INSTANCE = os.environ.get("HITLESS_INSTANCE", f"pid {os.getpid()}")
# Longer than any proxy keeps an idle connection.
IDLE_SECONDS = 65
DELAY_MAX_SECONDS = 10


class InFlight:
    """The requests being answered: shutting down waits for them, not for idle connections."""

    def __init__(self):
        self._count = 0
        self._changed = threading.Condition()

    def begin(self):
        with self._changed:
            self._count += 1

    def end(self):
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_for_none(self):
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0)


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    # Head and body are two writes: the second must not wait for the acknowledgement of the first.
    disable_nagle_algorithm = True

    def handle_one_request(self):
        self.in_flight = False
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True
        finally:
            if self.in_flight:
                self.server.in_flight.end()

    def parse_request(self):
        # The first line has been read: from here to its answer there is a request to finish.
        self.in_flight = True
        self.server.in_flight.begin()
        return super().parse_request()

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/up":
            return self.answer(200, "ok\n")
        if url.path != "/":
            return self.answer(404, "not found\n")
        try:
            delay = float(parse_qs(url.query).get("delay", ["0"])[0])
        except ValueError:
            return self.answer(400, "delay: a number of seconds\n")
        time.sleep(min(max(delay, 0), DELAY_MAX_SECONDS))
        return self.answer(200, f"{GREETING} from release {RELEASE}, {INSTANCE}\n")

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.server.stopping:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Only errors: the proxy counts the requests."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address):
        self.in_flight = InFlight()
        self.stopping = False
        super().__init__(address, Hello)

    def stop(self, *_):
        self.stopping = True
        # shutdown() waits for serve_forever(), which this signal handler has interrupted: from another thread.
        threading.Thread(target=self.shutdown).start()


def main():
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000"))
    server = Server((host, port))
    signal.signal(signal.SIGTERM, server.stop)
    signal.signal(signal.SIGINT, server.stop)
    print(f"Listening on http://{host}:{server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.05)
    server.socket.close()
    server.in_flight.wait_for_none()
    print("Stopped", flush=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
