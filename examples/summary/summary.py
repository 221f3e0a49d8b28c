"""Summarises a table: of every column that holds numbers how many there are, the smallest, the largest, mean and
median; of any other how many values and how many different ones. The table is posted as CSV with a head line."""

import csv
import io
import json
import statistics

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import (
    Fields, IncomingBody, Method_Post, OutgoingBody, OutgoingResponse, ResponseOutparam,
)

# The most that one call of a stream takes, bytes, says WASI.
PIECE = 4096


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request, response_out):
        try:
            if isinstance(request.method(), Method_Post):
                status, answer = summarise(read(request.consume()))
            else:
                status, answer = 405, {"error": "post a table as CSV"}
        except (UnicodeDecodeError, csv.Error) as error:
            status, answer = 400, {"error": f"this is no CSV: {error}"}
        respond(response_out, status, json.dumps(answer).encode() + b"\n")


def summarise(text):
    rows = list(csv.DictReader(io.StringIO(text), strict=True))
    if not rows:
        return 400, {"error": "the table has no row below its head line"}
    if any(None in row or None in row.values() for row in rows):
        return 400, {"error": "a row has not as many values as the head line has names"}
    return 200, {"rows": len(rows), "columns": {
        name: column([row[name] for row in rows if row[name]]) for name in rows[0]
    }}


def column(values):
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return {"values": len(values), "different": len(set(values))}
    if not numbers:
        return {"values": 0, "different": 0}
    return {
        "values": len(numbers), "smallest": min(numbers), "largest": max(numbers),
        "mean": statistics.fmean(numbers), "median": statistics.median(numbers),
    }


def read(body: IncomingBody) -> str:
    pieces = []
    with body, body.stream() as stream:
        while True:
            try:
                pieces.append(stream.blocking_read(PIECE))
            except Err as end:
                if not isinstance(end.value, StreamError_Closed):
                    raise
                return b"".join(pieces).decode()


def respond(response_out, status, answer):
    response = OutgoingResponse(Fields.from_list([("content-type", b"application/json")]))
    response.set_status_code(status)
    body = response.body()
    ResponseOutparam.set(response_out, Ok(response))
    with body.write() as stream:
        for start in range(0, len(answer), PIECE):
            stream.blocking_write_and_flush(answer[start:start + PIECE])
    OutgoingBody.finish(body, None)
