"""What schemathesis cannot know: names that exist here, and a list of what every operation answered.

FUZZ_KNOWN is JSON: {"names": {PLURAL: [[ORG, NAME], ...]}, "device": UID, "org": ORG}; FUZZ_SAID names the file for the
answers: {"METHOD PATH": {STATUS: COUNT}}.
"""

import atexit
import collections
import json
import os
import random
import threading

import schemathesis

KNOWN = json.loads(os.environ["FUZZ_KNOWN"])
CHANCE = random.Random(7)
LOCK = threading.Lock()
SAID = collections.defaultdict(collections.Counter)

# Any bytes: what is in them is snappy.
schemathesis.serializer.alias("application/x-protobuf", "application/octet-stream")


def likely(share):
    with LOCK:
        return CHANCE.random() < share


def one_of(items):
    with LOCK:
        return CHANCE.choice(items)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Most calls are about something that exists; otherwise nearly all of them end at a 404."""
    path = case.operation.path
    parameters = case.path_parameters or {}
    if path.startswith("/api/v1/"):
        names = KNOWN["names"].get(path.split("/")[3])
        if names and likely(0.8):
            org, name = one_of(names)
            if org:
                case.query = {**(case.query or {}), "org": org}
            # What is deleted could not be asked for again.
            if "name" in parameters and case.method != "DELETE":
                parameters["name"] = name
    elif "id" in parameters and case.method == "POST" and likely(0.8):
        parameters["id"] = KNOWN["device"]
    elif "device" in parameters and likely(0.8):
        case.query = {**(case.query or {}), "org": KNOWN["org"]}
        parameters["device"] = KNOWN["device"]
    elif path == "/api/telemetry/" and likely(0.5):
        case.query = {**(case.query or {}), "org": KNOWN["org"], "device": KNOWN["device"]}


@schemathesis.hook
def after_call(context, case, response):
    with LOCK:
        SAID[f"{case.method} {case.operation.path}"][response.status_code] += 1


@atexit.register
def tell():
    with open(os.environ["FUZZ_SAID"], "w", encoding="utf-8") as file:
        json.dump(SAID, file)
