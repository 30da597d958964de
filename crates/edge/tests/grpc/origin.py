"""An origin of gRPC. Arguments: nothing for a plain one, or its certificate chain, its key and the CA of its clients.

Every kind of streaming, an error without an answer, one in the middle, and calls that wait."""

import sys
import threading
from concurrent import futures

import grpc


def unary(request, context):
    metadata = {key: value for key, value in context.invocation_metadata()}
    context.set_trailing_metadata(
        (
            ("seen-verdict", metadata.get("countersign-client-verdict", "none")),
            ("seen-certificate", metadata.get("client-cert", "none")),
            ("seen-authority", metadata.get(":authority", "none")),
            ("seen-peer", ",".join(name.decode() for name in context.auth_context().get("x509_common_name", []))),
            ("seen-bin", metadata.get("some-bin", b"")),
        )
    )
    return b"echo " + request


def server_stream(request, context):
    for index in range(int(request)):
        yield b"%d" % index


def client_stream(requests, context):
    return b"%d" % sum(len(request) for request in requests)


def bidirectional(requests, context):
    # Each answer comes before the next request is sent, or the client waits for ever.
    for request in requests:
        yield b"echo " + request


def fail(request, context):
    context.set_trailing_metadata((("why", "test"),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "100% – no")


def fail_later(request, context):
    yield b"first"
    context.abort(grpc.StatusCode.DATA_LOSS, "later")


def wait(request, context):
    ended = threading.Event()
    context.add_callback(ended.set)
    ended.wait(30)
    print("cancelled", flush=True)
    return b""


def quiet(requests, context):
    """Says nothing until the last request came."""
    for _ in requests:
        pass
    yield b"done"


serialized = dict(request_deserializer=None, response_serializer=None)
METHODS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary, **serialized),
    "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream, **serialized),
    "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream, **serialized),
    "Bidirectional": grpc.stream_stream_rpc_method_handler(bidirectional, **serialized),
    "Fail": grpc.unary_unary_rpc_method_handler(fail, **serialized),
    "FailLater": grpc.unary_stream_rpc_method_handler(fail_later, **serialized),
    "Wait": grpc.unary_unary_rpc_method_handler(wait, **serialized),
    "Quiet": grpc.stream_stream_rpc_method_handler(quiet, **serialized),
}

server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", METHODS),))
if len(sys.argv) > 1:
    # Without authorities it asks for no certificate.
    chain, key, *clients = (open(path, "rb").read() for path in sys.argv[1:])
    credentials = grpc.ssl_server_credentials([(key, chain)], *clients, require_client_auth=bool(clients))
    port = server.add_secure_port("127.0.0.1:0", credentials)
else:
    port = server.add_insecure_port("127.0.0.1:0")
server.start()
print("port", port, flush=True)
server.wait_for_termination()
