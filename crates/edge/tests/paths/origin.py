"""An origin of Python, on Werkzeug's server and routing, as Flask has it. Says `port N`."""

import logging

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

logging.getLogger("werkzeug").disabled = True
RULES = Map([Rule("/admin", endpoint="admin"), Rule("/admin/<path:rest>", endpoint="admin"), Rule("/<path:rest>", endpoint="public")])


@Request.application
def application(request):
    try:
        endpoint, _ = RULES.bind_to_environ(request.environ).match()
    except HTTPException as refusal:
        return refusal
    return Response("THE SECRET" if endpoint == "admin" else "public")


server = make_server("127.0.0.1", 0, application, threaded=True)
print("port", server.server_port, flush=True)
server.serve_forever()
