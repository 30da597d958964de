"""An HTTP/3 client made by others (aioquic), for the tests of the edge.

    client.py PORT SERVER_NAME AUTHORITIES.pem [CHAIN.pem KEY.pem]

Reads requests from the standard input, a JSON list of {"method", "authority", "path", "headers", "body"}, sends them on one connection,
and writes what came back: {"responses": [{"status", "headers", "body"} or null], "closed": null or {"code", "reason"}, "tickets": [whether
each session ticket allows early data]}.
"""

import asyncio
import json
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset

PATIENCE_SECONDS = 20


class Client(QuicConnectionProtocol):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.http = H3Connection(self._quic)
        self.streams = {}
        self.closed = None
        self.ended = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.closed = {"code": event.error_code, "reason": event.reason_phrase}
            for _, done in self.streams.values():
                if not done.done():
                    done.set_result(None)
            if not self.ended.done():
                self.ended.set_result(None)
        if isinstance(event, StreamReset) and event.stream_id in self.streams:
            done = self.streams[event.stream_id][1]
            if not done.done():
                done.set_result(None)
        for happened in self.http.handle_event(event):
            self.http_event_received(happened)

    def http_event_received(self, event):
        if not isinstance(event, (HeadersReceived, DataReceived)):
            return
        parts, done = self.streams[event.stream_id]
        if isinstance(event, HeadersReceived):
            parts["headers"] += [[name.decode(), value.decode("latin-1")] for name, value in event.headers]
        else:
            parts["body"] += event.data
        if event.stream_ended and not done.done():
            status = next(value for name, value in parts["headers"] if name == ":status")
            body = parts["body"].decode("latin-1")
            done.set_result({"status": int(status), "headers": parts["headers"], "body": body})

    async def send(self, request):
        if self.closed is not None:
            return None
        stream = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        self.streams[stream] = ({"headers": [], "body": b""}, done)
        body = request.get("body", "").encode()
        headers = [
            (b":method", request.get("method", "GET").encode()),
            (b":scheme", b"https"),
            (b":authority", request["authority"].encode()),
            (b":path", request["path"].encode()),
        ]
        headers += [(name.encode(), value.encode()) for name, value in request.get("headers", [])]
        self.http.send_headers(stream, headers, end_stream=not body)
        if body:
            self.http.send_data(stream, body, end_stream=True)
        self.transmit()
        return await asyncio.wait_for(done, PATIENCE_SECONDS)


async def main(port, server_name, authorities, *credential):
    tickets = []
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=server_name)
    configuration.load_verify_locations(authorities)
    if credential:
        configuration.load_cert_chain(*credential)
    report = {"responses": [], "closed": None, "tickets": tickets}
    try:
        async with connect(
            "127.0.0.1",
            int(port),
            configuration=configuration,
            create_protocol=Client,
            session_ticket_handler=lambda ticket: tickets.append(bool(ticket.max_early_data_size)),
        ) as client:
            for request in json.load(sys.stdin):
                report["responses"].append(await client.send(request))
            if not report["responses"]:
                await asyncio.wait_for(client.ended, PATIENCE_SECONDS)
            report["closed"] = client.closed
    except ConnectionError:
        # The handshake failed; why is in the protocol, which is gone.
        report["closed"] = {"code": None, "reason": "handshake"}
    json.dump(report, sys.stdout)


asyncio.run(main(*sys.argv[1:]))
