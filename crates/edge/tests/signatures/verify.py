"""What an origin does with a signed request: the `http-message-signatures` package checks it.

    verify.py < {"now": SECONDS, "keys": JWK SET, "requests": [{"method", "url", "headers": [[name, value]]}]}

Says for each request what the signature covers, as `{"covered": {component: value}, "keyid": …, "nonce": …}`, or why it is not believed, as
`{"refused": …}`."""

import base64
import json
import sys
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageVerifier, algorithms
from http_message_signatures.exceptions import HTTPMessageSignaturesException, InvalidSignature
from http_message_signatures.resolvers import HTTPSignatureKeyResolver

told = json.load(sys.stdin)
NEEDED = ("@method", "@authority", "@path", "@query", "countersign-hostname", "countersign-client-verdict")


class Keys(HTTPSignatureKeyResolver):
    def resolve_public_key(self, key_id):
        for key in told["keys"]["keys"]:
            if key["kid"] == key_id:
                return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
        return None


class Verifier(HTTPMessageVerifier):
    # The time is the test's.
    def validate_created_and_expires(self, sig_input, max_age=None):
        if not sig_input.params["created"] <= told["now"] <= sig_input.params.get("expires", 0):
            raise InvalidSignature("the signature is not of this time")


def check(request):
    # The package wants each name once; the edge sends what it signs in one line.
    names = [name for name, _ in request["headers"]]
    message = SimpleNamespace(
        method=request["method"],
        url=request["url"],
        headers={name: value for name, value in request["headers"] if names.count(name) == 1},
    )
    verifier = Verifier(signature_algorithm=algorithms.ED25519, key_resolver=Keys())
    try:
        [result] = verifier.verify(message, max_age=None, expect_tag="countersign", require_components=NEEDED)
    except HTTPMessageSignaturesException as error:
        return {"refused": str(error)}
    covered = {name.strip('"'): value for name, value in result.covered_components.items()}
    return {"covered": covered, "keyid": result.parameters["keyid"], "nonce": result.nonce}


for request in told["requests"]:
    print(json.dumps(check(request)))
