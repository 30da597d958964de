"""A client that sends paths as they are, which no HTTP library does: by hand over HTTP/1.1, with `h2` and with `aioquic`.

    client.py TCP_PORT UDP_PORT SERVER_NAME [CHAIN.pem KEY.pem] < JSON list of paths, octets as the characters of Latin-1

Says what came back for each path, `{"h1": [[status, body], …], "h2": […], "h3": […]}`; the status is null when there is no answer. With 0 as
UDP_PORT it speaks HTTP/1.1 without TLS only, to an origin."""

import asyncio
import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor

import h2.config
import h2.connection
import h2.events
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset

PATIENCE_SECONDS = 20
AT_ONCE = 8
tcp_port, udp_port, name, *credential = sys.argv[1:]
paths = [path.encode("latin-1") for path in json.load(sys.stdin)]
NOTHING = [None, ""]


def tls(alpn):
    context = ssl.create_default_context()
    # The certificates of the tests are valid at another time than now.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    if credential:
        context.load_cert_chain(*credential)
    return context.wrap_socket(tcp(), server_hostname=name)


def tcp():
    return socket.create_connection(("127.0.0.1", int(tcp_port)), PATIENCE_SECONDS)


def http1(connection, path):
    with connection:
        connection.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path, name.encode()))
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except OSError:
            pass
    words = answer.split(b" ", 2)
    return [int(words[1]), answer.decode("latin-1")] if len(words) > 2 else NOTHING


def fields(path):
    return [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", name.encode()), (b":path", path)]


def http2(path):
    config = h2.config.H2Configuration(
        client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding=None
    )
    http = h2.connection.H2Connection(config)
    http.initiate_connection()
    http.send_headers(1, fields(path), end_stream=True)
    status, body = None, b""
    with tls("h2") as connection:
        connection.sendall(http.data_to_send())
        while data := connection.recv(65536):
            for event in http.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    return [status, body.decode("latin-1")]
    return [status, body.decode("latin-1")]


class Http3(QuicConnectionProtocol):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.http = H3Connection(self._quic)
        self.answer = [None, ""]
        self.ended = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        over = isinstance(event, (ConnectionTerminated, StreamReset))
        for happened in self.http.handle_event(event):
            if isinstance(happened, HeadersReceived):
                self.answer[0] = int(dict(happened.headers)[b":status"])
            elif isinstance(happened, DataReceived):
                self.answer[1] += happened.data.decode("latin-1")
            over |= getattr(happened, "stream_ended", False)
        if over and not self.ended.done():
            self.ended.set_result(None)


async def http3(path):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=name)
    configuration.verify_mode = ssl.CERT_NONE
    if credential:
        configuration.load_cert_chain(*credential)
    async with connect("127.0.0.1", int(udp_port), configuration=configuration, create_protocol=Http3) as client:
        stream = client._quic.get_next_available_stream_id()
        client.http.send_headers(stream, fields(path), end_stream=True)
        client.transmit()
        await asyncio.wait_for(client.ended, PATIENCE_SECONDS)
        return client.answer


async def all_over_http3():
    places = asyncio.Semaphore(AT_ONCE)

    async def one(path):
        async with places:
            return await http3(path)

    return await asyncio.gather(*map(one, paths))


def at_once(ask):
    with ThreadPoolExecutor(AT_ONCE) as places:
        return list(places.map(ask, paths))


if udp_port == "0":
    report = {"h1": at_once(lambda path: http1(tcp(), path))}
else:
    report = {
        "h1": at_once(lambda path: http1(tls("http/1.1"), path)),
        "h2": at_once(http2),
        "h3": asyncio.run(all_over_http3()),
    }
print(json.dumps(report))
