"""An origin that echoes WebSocket messages; says first who it was told that the client is."""

import asyncio

from websockets.asyncio.server import serve


async def echo(socket):
    await socket.send(socket.request.headers.get("Countersign-Client-Verdict", "nothing"))
    async for message in socket:
        await socket.send(message)


async def main():
    async with serve(echo, "127.0.0.1", 0, max_size=2**24) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
