"""Reads and writes Parquet with pyarrow.

Standard input: {"read": FILE} or {"write": FILE, "how": WORD}. Output of a read: {"types", "encodings", "compression",
"rows"}, times as microseconds; of a write: {"written": true}. `plain` is a file as others write them; the other words
are files that hold something else than readings.
"""

import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq


def read(path):
    file = pq.ParquetFile(path)
    table = file.read()
    group = file.metadata.row_group(0)
    columns = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
    for at, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(at, field.name, table.column(at).cast(pa.int64()))
    return {
        "types": {field.name: str(field.type) for field in file.schema_arrow},
        "encodings": {name: list(column.encodings) for name, column in columns.items()},
        "compression": {name: column.compression for name, column in columns.items()},
        "rows": table.to_pylist(),
    }


def write(path, how):
    times = [1769904000001, 1769904001000, 1769904002000, 1769904003000]
    zone = None if how == "naive" else "UTC"
    columns = {
        "timestamp": pa.array(times, pa.timestamp("ms", tz=zone)).cast(pa.timestamp("ns", tz=zone)),
        "sensor": pa.array(["humidity"] * 4).dictionary_encode(),
        "device": pa.array(["m-2"] * 4, pa.large_string()),
        "value": pa.array([40.0, 41.0, None, 43.0], pa.float32()),
        "quality": pa.array(["good", None, "bad", "good"]),
    }
    if how == "nested":
        columns["source"] = pa.array([{"bus": "main"}] * 4)
    if how == "text":
        columns["value"] = pa.array(["40", "41", None, "43"])
    pq.write_table(pa.table(columns), path, compression="snappy", row_group_size=3)


def main():
    wanted = json.loads(sys.stdin.readline())
    if "read" in wanted:
        said = read(wanted["read"])
    else:
        write(wanted["write"], wanted["how"])
        said = {"written": True}
    print(json.dumps(said), flush=True)
    sys.stdin.read()


main()
