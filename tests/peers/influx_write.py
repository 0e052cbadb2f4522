"""Writes points with influxdb-client, and says what came of each write.

Standard input: {"url", "token", "org", "gzip", "writes": [[POINT, ...], ...], "many": COUNT}, a POINT being
{"measurement", "tags", "fields", "time"} with milliseconds. Output: {"writes": [{"status", "message"}, ...]}; the
last one is about `many` points that go out in batches.
"""

import json
import sys

from influxdb_client import InfluxDBClient, Point, WriteOptions, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException


def made(point):
    found = Point(point["measurement"])
    for name, value in point["tags"].items():
        found = found.tag(name, value)
    for name, value in point["fields"].items():
        found = found.field(name, value)
    return found.time(point["time"], WritePrecision.MS)


def main():
    wanted = json.loads(sys.stdin.readline())
    said = []
    arguments = {key: wanted[key] for key in ("url", "token", "org")}
    with InfluxDBClient(**arguments, enable_gzip=wanted["gzip"]) as client:
        writer = client.write_api(write_options=SYNCHRONOUS)
        for points in wanted["writes"]:
            try:
                writer.write(bucket="any", record=[made(point) for point in points], write_precision=WritePrecision.MS)
                said.append({"status": 204, "message": ""})
            except ApiException as error:
                said.append({"status": error.status, "message": error.message})
        failures = []

        def failed(conf, data, error):
            failures.append(str(error))

        options = WriteOptions(batch_size=500, flush_interval=100)
        with client.write_api(write_options=options, error_callback=failed, retry_callback=failed) as batching:
            for at in range(wanted["many"]):
                point = Point("many").tag("device", f"d{at % 10}").field("count", at)
                batching.write(bucket="any", record=point.time(1_770_000_000_000_000 + at, WritePrecision.US))
        said.append({"status": 204 if not failures else 0, "message": "; ".join(failures)})
    print(json.dumps({"writes": said}), flush=True)


main()
