"""A client of gRPC: port, server name, CA of the server, and optionally certificate chain and key. Writes one line of JSON per call."""

import json
import queue
import sys
import time

import grpc

port, name, authorities, *own = sys.argv[1:]


def read(path):
    with open(path, "rb") as file:
        return file.read()


chain, key = (read(path) for path in own) if own else (None, None)
channel = grpc.secure_channel(
    f"ipv4:127.0.0.1:{port}",
    grpc.ssl_channel_credentials(read(authorities), key, chain),
    options=[
        ("grpc.ssl_target_name_override", name),
        ("grpc.default_authority", name),
        ("grpc.enable_retries", 0),
    ],
)


def report(call, what, **more):
    print(json.dumps({"call": call, **what, **more}), flush=True)


def failure(error):
    return {
        "status": error.code().name,
        "details": error.details(),
        "metadata": {key: value for key, value in [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())] if isinstance(value, str)},
    }


def attempt(call, run):
    try:
        report(call, {"status": "OK", **run()})
    except grpc.RpcError as error:
        report(call, failure(error))


def unary():
    answer, call = channel.unary_unary("/test.Echo/Unary").with_call(
        b"hello", metadata=(("some-bin", b"\x00\xff"), ("client-cert", ":Zm9yZ2Vk:")), timeout=20
    )
    trailers = {key: value.hex() if isinstance(value, bytes) else value for key, value in call.trailing_metadata()}
    return {"answer": answer.decode(), "trailers": trailers}


def large():
    answer = channel.unary_unary("/test.Echo/Unary")(b"x" * 3_000_000, timeout=20)
    return {"answer": str(len(answer))}


def server_stream():
    answers = channel.unary_stream("/test.Echo/ServerStream")(b"1000", timeout=20)
    return {"answer": str(sum(int(answer) for answer in answers))}


def client_stream():
    answer = channel.stream_unary("/test.Echo/ClientStream")((b"x" * 1000 for _ in range(1000)), timeout=20)
    return {"answer": answer.decode()}


def bidirectional():
    requests = queue.Queue()
    answers = channel.stream_stream("/test.Echo/Bidirectional")(iter(requests.get, None), timeout=20)
    seen = []
    for text in (b"a", b"b", b"c"):
        requests.put(text)
        seen.append(next(answers).decode())
    requests.put(None)
    return {"answer": " ".join(seen), "rest": len(list(answers))}


def fail():
    return {"answer": channel.unary_unary("/test.Echo/Fail")(b"", timeout=20).decode()}


def fail_later():
    answers = channel.unary_stream("/test.Echo/FailLater")(b"", timeout=20)
    report("first", {"answer": next(answers).decode()})
    return {"rest": [answer.decode() for answer in answers]}


def deadline():
    return {"answer": channel.unary_unary("/test.Echo/Wait")(b"", timeout=0.5).decode()}


def unknown():
    return {"answer": channel.unary_unary("/test.Echo/Nothing")(b"", timeout=20).decode()}


def denied():
    return {"answer": channel.unary_unary("/denied/Call")(b"", timeout=20).decode()}


def quiet():
    """One direction moves, the other one is quiet for longer than either may be alone."""

    def requests():
        for _ in range(12):
            yield b"x"
            time.sleep(0.1)

    answers = channel.stream_stream("/test.Echo/Quiet")(requests(), timeout=20)
    return {"answer": " ".join(answer.decode() for answer in answers)}


for test in (unary, large, server_stream, client_stream, bidirectional, fail, fail_later, deadline, unknown, denied, quiet):
    attempt(test.__name__, test)
print("end", flush=True)
