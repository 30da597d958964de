"""A client of WebSockets over HTTP/2 (RFC 8441): port, server name, certificate chain and key. Says the same as `client.py`."""

import os
import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events
import wsproto.frame_protocol as frames
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage

port, server_name, chain, key = sys.argv[1:]
context = ssl.create_default_context()
# The certificates of the tests are valid at another time than now.
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.load_cert_chain(chain, key)
context.set_alpn_protocols(["h2"])
tls = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname=server_name)
assert tls.selected_alpn_protocol() == "h2"

http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
http.initiate_connection()
tls.sendall(http.data_to_send())
websocket = Connection(ConnectionType.CLIENT)
STREAM = 1
ended = False


received = b""


def without_goaway(data):
    """Whole frames but GOAWAY. RFC 9113 §6.8 lets streams go on after it; `h2` takes it for the end of the connection."""
    global received
    received += data
    kept = b""
    while len(received) >= 9:
        length = 9 + int.from_bytes(received[:3], "big")
        if len(received) < length:
            break
        if received[3] == 7:
            print("goaway", flush=True)
        else:
            kept += received[:length]
        received = received[length:]
    return kept


def receive():
    """One read from the connection: HTTP/2 events in, WebSocket bytes on."""
    global ended
    data = tls.recv(65536)
    if not data:
        ended = True
    for event in http.receive_data(without_goaway(data)):
        if isinstance(event, h2.events.DataReceived):
            http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            websocket.receive_data(event.data)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
            ended = True
        elif isinstance(event, h2.events.ResponseReceived):
            print("status", dict(event.headers)[b":status"].decode(), flush=True)
    tls.sendall(http.data_to_send())


def send(data):
    while data:
        room = min(http.local_flow_control_window(STREAM), http.max_outbound_frame_size)
        if room == 0:
            receive()
            continue
        http.send_data(STREAM, data[:room])
        data = data[room:]
        tls.sendall(http.data_to_send())


def message():
    """The next whole message, or how the WebSocket was closed."""
    parts = []
    while True:
        for event in websocket.events():
            if isinstance(event, CloseConnection):
                return event
            if isinstance(event, (BytesMessage, TextMessage)):
                parts.append(event.data)
                if event.message_finished:
                    return parts[0][:0].join(parts)
        if ended:
            return None
        receive()


while http.remote_settings.enable_connect_protocol != 1:
    receive()
http.send_headers(
    STREAM,
    [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", server_name),
        (":path", "/ws"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "not processed"),
        ("client-cert", ":forged:"),
    ],
)
tls.sendall(http.data_to_send())
print("verdict", message(), flush=True)
content = os.urandom(200_000)
send(websocket.send(BytesMessage(content)))
assert message() == content
print("echoed", flush=True)
closed = message()
print("closed", closed and int(closed.code), closed and closed.reason, flush=True)
