"""An origin that echoes WebSocket messages; says first who it was told that the client is.

    origin.py [CHAIN.pem KEY.pem [AUTHORITIES.pem]]

Over TLS with a certificate, and asking for one of its client's with authorities."""

import asyncio
import ssl
import sys

from websockets.asyncio.server import serve


async def echo(socket):
    await socket.send(socket.request.headers.get("Countersign-Client-Verdict", "nothing"))
    async for message in socket:
        await socket.send(message)


def tls(chain, key, authorities=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    if authorities:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authorities)
    return context


async def main():
    context = tls(*sys.argv[1:]) if len(sys.argv) > 1 else None
    async with serve(echo, "127.0.0.1", 0, max_size=2**24, ssl=context) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
