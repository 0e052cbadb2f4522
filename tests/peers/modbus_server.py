"""A pymodbus TCP server on a loopback port, for tests.

The first line of standard input is a JSON object:
  {"port": 0, "deviceId": 1, "blocks": [[0, 80], ...], "floats": {"0": 230.5, ...}}
`blocks` are [first address, registers] that exist; every other address is illegal. `floats` are float32
values, big-endian words, within them. The same registers answer to function codes 3 and 4.

Standard output: {"port": N} when it listens, then one line for each request that arrives:
  {"functionCode": 4, "address": 0, "count": 80}
and one for each connection: {"connected": true}.
Each further line of input is answered by {"mark": true}: whatever was answered before it has been said before it.
It ends when standard input does, so it cannot outlive the test that started it.
"""

import asyncio
import json
import os
import struct
import sys
import threading

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


def say(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def registers(blocks, floats):
    data = []
    for first, count in blocks:
        words = [0] * count
        for address, value in floats.items():
            at = int(address) - first
            if 0 <= at < count - 1:
                words[at : at + 2] = struct.unpack(">HH", struct.pack(">f", value))
        data.append(SimData(first, values=words, datatype=DataType.REGISTERS))
    return data


def trace(sending, pdu):
    if not sending:
        say({"functionCode": pdu.function_code, "address": pdu.address, "count": pdu.count})
    return pdu


def trace_connection(connected):
    if connected:
        say({"connected": True})


async def serve(wanted):
    device = SimDevice(wanted["deviceId"], simdata=registers(wanted["blocks"], wanted["floats"]))
    address = ("127.0.0.1", wanted["port"])
    server = ModbusTcpServer(device, address=address, trace_pdu=trace, trace_connect=trace_connection)
    await server.serve_forever(background=True)
    say({"port": server.transport.sockets[0].getsockname()[1]})
    await server.serving


def mark_and_end_with_stdin():
    while sys.stdin.readline():
        say({"mark": True})
    os._exit(0)


if __name__ == "__main__":
    first_line = json.loads(sys.stdin.readline())
    threading.Thread(target=mark_and_end_with_stdin, daemon=True).start()
    asyncio.run(serve(first_line))
