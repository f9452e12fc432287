"""Hooks with values that Schemathesis cannot generate: the run's own credential, a plugin's manifest, saved objects."""

import itertools
import json
import os
import pathlib
import time
import urllib.request

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import UseAfterFree

BASE = os.environ["STRONGROOM_BASE"]
HOST_KEY = os.environ["STRONGROOM_HOST_KEY"]
HOST_KEY_ID = os.environ["STRONGROOM_HOST_KEY_ID"]
PRINCIPAL = os.environ["STRONGROOM_PRINCIPAL"]
# One of bob's credentials, for the plugin of the run's key.
CREDENTIAL = os.environ["STRONGROOM_CREDENTIAL_ID"]
MANIFEST = json.loads((pathlib.Path(__file__).parents[2] / "examples/plugins/openai.json").read_text())
PRECONDITIONS = {"If-Match", "If-None-Match"}
# A session lasts at most half an hour. A long run takes hours.
RENEW_AFTER = 600

turn = itertools.count()


def post(path, body):
    headers = {"Authorization": f"Bearer {HOST_KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(BASE + path, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def operation_of(case):
    return case.operation.definition.raw["operationId"]


if PRINCIPAL == "session":

    @schemathesis.auth(refresh_interval=None)
    class Session:
        token, minted = None, 0.0

        def get(self, case, context):
            # endSession ends the session of its request. With the run's own session, all later requests would get 401.
            if operation_of(case) == "endSession":
                return self.mint()
            if self.token is None or time.monotonic() - self.minted > RENEW_AFTER:
                self.token, self.minted = self.mint(), time.monotonic()
            return self.token

        def mint(self):
            return post("/v1/sessions", {"user_id": "alice", "expires_in": 1800})["token"]

        def set(self, case, data, context):
            case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = operation_of(case)
    if PRINCIPAL == "host" and operation == "revokeHostKey" and case.path_parameters.get("id") == HOST_KEY_ID:
        # The run revokes a spare key instead of its own.
        case.path_parameters["id"] = post("/v1/host-keys", {"label": "spare"})["id"]
    header = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
    if operation == "registerPlugin" and PRECONDITIONS <= set(case.headers) and not (header and header.mode.is_negative):
        # Both headers together give 400, which the description cannot express. The manifest would never be checked.
        for name in PRECONDITIONS:
            del case.headers[name]
    if case.meta is None or not case.meta.generation.mode.is_positive or next(turn) % 2:
        return
    # Every other valid request gets real values. A random id names no object, and random fields match no manifest.
    if PRINCIPAL == "session" and operation == "saveCredential":
        fields = {"api_key": f"sk-CANARYb3d1f7a95c-schemathesis-{next(turn)}"}
        case.body = {**case.body, "plugin": "openai", "type": "api-key", "fields": fields}
    if PRINCIPAL == "host" and operation == "registerPlugin":
        case.body = MANIFEST
    if PRINCIPAL == "host" and operation == "revokeSession":
        case.path_parameters["id"] = post("/v1/sessions", {"user_id": "carol"})["id"]
        case.path_parameters["user_id"] = "carol"
    if PRINCIPAL == "plugin" and operation in ("showCredential", "openCredential"):
        case.path_parameters["id"] = CREDENTIAL
        case.query["user_id"] = "bob"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    # The list of a user's sessions remains after the sessions and the user. It must then be empty.
    emptied = operation_of(case) == "listSessions" and response.json() == {"items": []}
    return not (emptied and isinstance(failure, UseAfterFree))
