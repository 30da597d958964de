"""The health server of grpcio-health-checking: the services good, bad (not serving) and late (unknown); the whole server is good.

health.py [CHAIN KEY CLIENTS]
"""

import sys
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

STATUS = health_pb2.HealthCheckResponse

servicer = health.HealthServicer()
for service, status in [("", STATUS.SERVING), ("good", STATUS.SERVING), ("bad", STATUS.NOT_SERVING), ("late", STATUS.UNKNOWN)]:
    servicer.set(service, status)
server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
if len(sys.argv) > 1:
    chain, key, clients = (open(path, "rb").read() for path in sys.argv[1:])
    credentials = grpc.ssl_server_credentials([(key, chain)], clients, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
else:
    port = server.add_insecure_port("127.0.0.1:0")
server.start()
print("port", port, flush=True)
server.wait_for_termination()
