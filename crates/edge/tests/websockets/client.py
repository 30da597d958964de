"""A client of WebSockets: port, server name, certificate chain and key. Echoes a large message, then waits for the end and says how it came."""

import os
import socket
import ssl
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

port, server_name, chain, key = sys.argv[1:]
context = ssl.create_default_context()
# The certificates of the tests are valid at another time than now.
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.load_cert_chain(chain, key)
stream = socket.create_connection(("127.0.0.1", int(port)))
with connect(
    f"wss://{server_name}/ws", sock=stream, ssl=context, server_hostname=server_name, max_size=2**24
) as client:
    print("verdict", client.recv(), flush=True)
    message = os.urandom(200_000)
    client.send(message)
    assert client.recv() == message
    print("echoed", flush=True)
    try:
        client.recv()
    except ConnectionClosed as closed:
        print("closed", closed.rcvd.code if closed.rcvd else None, closed.rcvd.reason if closed.rcvd else None, flush=True)
