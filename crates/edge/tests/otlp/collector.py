"""A collector of OTLP logs: the protocol's own messages (the `opentelemetry-proto` package) over HTTPS.

    collector.py CHAIN.pem KEY.pem

Says `port N`, then each request that it could read as `request {"headers": {…}, "message": {…}}`. Anything that the messages do not know
makes it answer 400."""

import http.server
import json
import ssl
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs


class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status, answer = 200, b"{}"
        try:
            message = json_format.Parse(body, logs.ExportLogsServiceRequest(), ignore_unknown_fields=False)
            assert self.path == "/v1/logs", self.path
            assert self.headers["content-type"] == "application/json"
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = {"headers": headers, "message": json_format.MessageToDict(message)}
            print("request", json.dumps(seen), flush=True)
        except Exception as error:
            status, answer = 400, json.dumps({"message": str(error)}).encode()
            print("error", error, flush=True)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print("port", server.server_address[1], flush=True)
server.serve_forever()
