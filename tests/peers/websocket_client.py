"""A client of the package `websockets` that does what it is told, a line at a time.

The first line of input opens: {"url", "headers": {NAME: VALUE}, "origin"}; the answer is {"open": true}, or {"status",
"body"} where it was refused. After that each line is answered by one of output:

{"send": TEXT}, {"binary": HEX}, {"raw": HEX} (bytes as they are, past the protocol) → {"sent": true}
{"receive": true} → {"text": TEXT}, or {"closed": CODE, "reason": TEXT}
{"close": true} → {"closed": CODE, "reason": TEXT}
"""

import json
import sys

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


def closed(error):
    frame = error.rcvd
    return {"closed": frame.code if frame else 1006, "reason": frame.reason if frame else ""}


def done(socket, asked):
    try:
        if "send" in asked:
            socket.send(asked["send"])
        elif "binary" in asked:
            socket.send(bytes.fromhex(asked["binary"]))
        elif "raw" in asked:
            socket.socket.sendall(bytes.fromhex(asked["raw"]))
        elif "close" in asked:
            socket.close()
            return {"closed": socket.close_code, "reason": socket.close_reason}
        else:
            return {"text": socket.recv(timeout=60)}
        return {"sent": True}
    except ConnectionClosed as error:
        return closed(error)


def say(what):
    print(json.dumps(what), flush=True)


def main():
    wanted = json.loads(sys.stdin.readline())
    try:
        with connect(
            wanted["url"],
            additional_headers=wanted["headers"],
            origin=wanted.get("origin"),
            user_agent_header=None,
            proxy=None,
            max_size=None,
        ) as socket:
            say({"open": True})
            for line in sys.stdin:
                say(done(socket, json.loads(line)))
    except InvalidStatus as error:
        response = error.response
        say({"status": response.status_code, "body": response.body.decode()})


main()
