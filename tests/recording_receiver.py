"""A receiver of posts on the loopback interface: records requests, answers what it is told to."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Says nothing: a client that hangs up is what some tests are about."""


class RecordingReceiver:
    """An HTTP server for one test.

    Attributes:
        requests: `(path, headers, body)` of every request, in order.
        status, headers, body: What to answer.
        hang_up: Closes the connection instead of answering.
        delay: The answer waits until this event is set; it is at first.
    """

    def __init__(self):
        self.requests = []
        self.status = 201
        self.headers = {}
        self.body = b'{"post_id": "17"}'
        self.hang_up = False
        self.delay = threading.Event()
        self.delay.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers.items()), body))
                receiver.delay.wait(5)
                if receiver.hang_up:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, headers, answer = receiver.answer(self.path, self.headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST

            def log_message(self, *args):
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()

    def answer(self, path, headers, body):
        return self.status, self.headers, self.body

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
