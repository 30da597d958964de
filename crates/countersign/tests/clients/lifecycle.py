"""The sequence of the Terraform provider, with the vendor's client for Python."""

import sys
import time
from email.utils import parsedate_to_datetime

import requests
from akamai.edgegrid import EdgeGridAuth, EdgeRc

PREFIX = "/mtls-edge-truststore/v2"

edgerc, ca_file, first_file, second_file = sys.argv[1:]
base = "https://" + EdgeRc(edgerc).get("default", "host")
session = requests.Session()
session.trust_env = False
session.verify = ca_file
session.auth = EdgeGridAuth.from_edgerc(EdgeRc(edgerc), "default")


def send(method, path, *expected, **rest):
    answer = session.request(method, base + path, timeout=30, **rest)
    assert answer.status_code in expected, (method, path, answer.status_code, answer.text)
    return answer


def call(method, path, expected, **rest):
    return send(method, path, expected, **rest).json()


def poll(path, field, finished):
    """Asks until the work is finished. The hint when to come back has to be a date; a local instance is sooner."""
    deadline = time.monotonic() + 30
    while True:
        answer = send("GET", path, 200, 202)
        said = answer.json()
        if answer.status_code == 200 and said[field] == finished:
            return said
        assert said[field] != "FAILED" and time.monotonic() < deadline, said
        if "Retry-After" in answer.headers:
            parsedate_to_datetime(answer.headers["Retry-After"])
        time.sleep(0.05)


def upload(*files):
    pems = [open(file, encoding="ascii").read() for file in files]
    return {"allowInsecureSha1": False, "certificates": [{"certificatePem": pem} for pem in pems]}


def change(link, action, network, kind):
    started = send("POST", f"{link}/{action}", 202, json={"network": network})
    parsedate_to_datetime(started.headers["Retry-After"])
    assert started.json()["activationType"] == kind, started.text
    return poll(started.json()["activationLink"], "activationStatus", "COMPLETE")


# Plan.
validated = call("POST", PREFIX + "/certificates/validate", 200, json=upload(first_file))
assert len(validated["certificates"]) == 1, validated

# Create.
link = call("POST", PREFIX + "/ca-sets", 201, json={"caSetName": "from-python", "description": "tür"})["caSetLink"]
first = call("POST", link + "/versions", 201, json=upload(first_file))["versionLink"]
there = call("GET", link, 200)
assert there["latestVersion"] == 1 and there["stagingVersion"] is None, there

# Activate.
for network in ["STAGING", "PRODUCTION"]:
    change(first, "activate", network, "ACTIVATE")
there = call("GET", link, 200)
assert (there["stagingVersion"], there["productionVersion"]) == (1, 1), there

# Update: an active version cannot change, so its clone does.
refused = call("PUT", first, 422, json=upload(second_file))
assert refused["type"].endswith("/ca-set-version-is-active"), refused
second = call("POST", first + "/clone", 201)["versionLink"]
updated = call("PUT", second, 200, json=upload(first_file, second_file))
assert updated["version"] == 2 and len(updated["certificates"]) == 2, updated
for network in ["STAGING", "PRODUCTION"]:
    change(second, "activate", network, "ACTIVATE")
there = call("GET", link, 200)
assert (there["stagingVersion"], there["productionVersion"]) == (2, 2), there

# Roll back.
back = call("POST", f"/v1/ca-sets/{there['caSetId']}/rollback", 202, json={"network": "PRODUCTION"})
poll(back["activationLink"], "activationStatus", "COMPLETE")
there = call("GET", link, 200)
assert (there["stagingVersion"], there["productionVersion"]) == (2, 1), there

# Destroy.
assert call("DELETE", link, 400)["type"].endswith("/ca-set-cannot-be-deleted-active-versions")
change(second, "deactivate", "STAGING", "DEACTIVATE")
change(first, "deactivate", "PRODUCTION", "DEACTIVATE")
done = call("POST", first + "/deactivate", 409, json={"network": "PRODUCTION"})
assert done["type"].endswith("/ca-set-version-not-active-on-network"), done
associations = call("GET", link + "/associations", 200)
assert not associations["associations"]["properties"], associations
call("GET", link, 200)
send("DELETE", link, 202)
poll(link + "/status/delete", "status", "COMPLETE")
assert call("GET", link, 200)["caSetStatus"] == "DELETED"
print("done")
