"""Several requests on one connection, expectations, limits at their boundary, and time."""

from raw_cases import (BIG_BODY, BODY_BYTES_MAX, HEADER_BYTES_MAX, HEADER_COUNT_MAX, URI_BYTES_MAX, Case, Expected,
                       chunked, closed, post, problem, refused, request, root, served)

GET = request()
PROBE = Expected(200, b"probe\n")
GET_PROBE = request("GET /probe HTTP/1.1")
CONTINUE = Expected(100, b"", (), ("content-length", "connection", "content-type"))
BAD = request("GET / HTTP/1.1", "X : y")

PIPELINES = [
    served("two requests", GET + GET_PROBE, root(), PROBE),
    served("three kinds", GET + request("GET /none HTTP/1.1") + request("GET /nowhere HTTP/1.1"),
           root(), Expected(204, b""), problem(404)),
    served("twenty requests in order", (GET + GET_PROBE) * 10, *((root(), PROBE) * 10)),
    served("HEAD between two GETs", GET + request("HEAD /probe HTTP/1.1") + GET,
           root(), Expected(200, b"", (("content-length", "6"),), head=True), root()),
    served("bodies between requests",
           post("Content-Length: 3", body=b"abc") + GET_PROBE + chunked(b"3\r\nabc\r\n0\r\n\r\n") + GET_PROBE,
           root(), PROBE, root(), PROBE),
    served("trailers between requests", chunked(b"0\r\nX: y\r\n\r\n") + GET_PROBE, root(), PROBE),
    served("bodies for routes that ignore them",
           request("POST /nowhere HTTP/1.1", "Content-Length: 3", body=b"abc") +
           request("PUT /moved HTTP/1.1", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n") + GET_PROBE,
           problem(404), Expected(308, b""), PROBE),
    served("an empty line between requests", GET + b"\r\n" + GET_PROBE, root(), PROBE),
    served("large answers in order", request("GET /big HTTP/1.1") * 4 + GET_PROBE,
           *((Expected(200, BIG_BODY),) * 4), PROBE),
    closed("close ends the pipeline", GET + request("GET / HTTP/1.1", "Connection: close") + GET_PROBE, root(), root()),
    closed("1.0 ends the pipeline", GET + request("GET / HTTP/1.0") + GET_PROBE, root(), root()),
    served("1.0 with keep-alive does not", request("GET / HTTP/1.0", "Connection: keep-alive") + GET_PROBE,
           root(), PROBE),
    refused("a bad request behind a good one", GET + BAD, before=(root(),)),
    refused("a bad request behind three good ones", GET + GET_PROBE + GET + BAD, before=(root(), PROBE, root())),
    refused("a bad request hides the next", GET + BAD + GET_PROBE, before=(root(),)),
    refused("a bad request first", BAD + GET + GET_PROBE),
    refused("a bad chunk behind a good request", GET + chunked(b"x\r\n") + GET_PROBE, before=(root(),)),
    refused("no Host behind a good request", GET + request(host=None) + GET_PROBE, before=(root(),)),
    refused("length and chunks behind a good request",
            GET + post("Content-Length: 3", "Transfer-Encoding: chunked", body=b"0\r\n\r\n") + GET_PROBE,
            before=(root(),)),
    refused("bare LF behind a good request", GET + b"GET / HTTP/1.1\nHost: t\n\n", before=(root(),)),
    refused("a large answer, then a bad request", request("GET /big HTTP/1.1") + BAD,
            before=(Expected(200, BIG_BODY),)),
    refused("garbage behind a good request", GET + b"\x00\x01\x02\x03", before=(root(),)),
    refused("TLS behind a good request", GET + b"\x16\x03\x01\x00\xa5", before=(root(),)),
    closed("TRACE behind a good request", GET + request("TRACE / HTTP/1.1") + GET, root(), problem(405)),
    closed("the last request a connection may make", GET + GET, root(), root(fields=(("connection", "close"),)),
           listener="few"),
    closed("one request more than a connection may make", GET + GET + GET, root(), root(), listener="few"),
]

EXPECTATIONS = [
    served("100-continue", post("Content-Length: 3", "Expect: 100-continue", body=b"abc"), CONTINUE, root()),
    served("100-continue in capitals", post("Content-Length: 3", "Expect: 100-CONTINUE", body=b"abc"),
           CONTINUE, root()),
    served("100-continue, chunked",
           post("Transfer-Encoding: chunked", "Expect: 100-continue", body=b"3\r\nabc\r\n0\r\n\r\n"),
           CONTINUE, root()),
    served("100-continue, then another request",
           post("Content-Length: 3", "Expect: 100-continue", body=b"abc") + GET_PROBE, CONTINUE, root(), PROBE),
    served("100-continue without a body", post("Content-Length: 0", "Expect: 100-continue")),
    served("100-continue with GET", request("GET / HTTP/1.1", "Expect: 100-continue")),
    refused("another expectation", post("Content-Length: 3", "Expect: 200-ok", body=b"abc"), 417),
    refused("another expectation without a body", request("GET / HTTP/1.1", "Expect: x"), 417),
    refused("another expectation beside 100-continue",
            post("Content-Length: 3", "Expect: 100-continue, x", body=b"abc"), 417),
    refused("another expectation in a second field",
            post("Content-Length: 3", "Expect: 100-continue", "Expect: x", body=b"abc"), 417),
    refused("100-continue for a body too large",
            post(f"Content-Length: {BODY_BYTES_MAX + 1}", "Expect: 100-continue"), 413),
    refused("100-continue with a broken frame",
            post("Content-Length: 3", "Content-Length: 4", "Expect: 100-continue", body=b"abc"), 400),
    closed("100-continue where no route is",
           request("POST /nowhere HTTP/1.1", "Content-Length: 3", "Expect: 100-continue"), problem(404)),
]


def sized_target(size):
    return request("GET /?" + "q" * (size - 2) + " HTTP/1.1")


def sized_head(size):
    return request("GET / HTTP/1.1", "X: " + "x" * (size - len(request("GET / HTTP/1.1", "X: "))))


def many_fields(count):
    return request("GET / HTTP/1.1", *[f"X{i}: y" for i in range(count - 1)])


LIMITS = [
    served("the longest target", sized_target(URI_BYTES_MAX)),
    refused("a target one byte longer", sized_target(URI_BYTES_MAX + 1), 414),
    refused("a target that never ends", b"GET /" + b"q" * 600, 414),
    refused("a long absolute target", request(f"GET http://t/?{'q' * URI_BYTES_MAX} HTTP/1.1"), 414),
    served("the largest head", sized_head(HEADER_BYTES_MAX)),
    refused("a head one byte larger", sized_head(HEADER_BYTES_MAX + 1), 431),
    refused("a field that never ends", b"GET / HTTP/1.1\r\nHost: t\r\nX: " + b"x" * 3000, 431),
    refused("a name that never ends", b"GET / HTTP/1.1\r\nHost: t\r\n" + b"x" * 3000, 431),
    served("the most fields", many_fields(HEADER_COUNT_MAX)),
    refused("one field more", many_fields(HEADER_COUNT_MAX + 1), 431),
    served("the longest body", post(f"Content-Length: {BODY_BYTES_MAX}", body=b"b" * BODY_BYTES_MAX)),
    refused("a length one byte more", post(f"Content-Length: {BODY_BYTES_MAX + 1}"), 413),
    refused("a length one byte more, and the body",
            post(f"Content-Length: {BODY_BYTES_MAX + 1}", body=b"b" * (BODY_BYTES_MAX + 1)), 413),
    served("the longest chunked body", chunked(b"400\r\n" + b"b" * 1024 + b"\r\n400\r\n" + b"b" * 1024 + b"\r\n0\r\n\r\n")),
    refused("a chunked body one byte longer",
            chunked(b"400\r\n" + b"b" * 1024 + b"\r\n401\r\n" + b"b" * 1025 + b"\r\n0\r\n\r\n"), 413),
    refused("a chunk that is too large", chunked(b"10000\r\n" + b"b" * 4096), 413),
    refused("an extension that never ends", chunked(b"3;a=" + b"x" * 40000), 400),
    refused("extensions on every chunk", chunked((b"1;a=" + b"x" * 200 + b"\r\nb\r\n") * 150), 400),
    refused("more trailers than fields may be",
            chunked(b"0\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(HEADER_COUNT_MAX + 1)) + b"\r\n"), 431),
    refused("a limit behind a good request", GET + sized_target(URI_BYTES_MAX + 1), 414, before=(root(),)),
    served("limits count anew", sized_head(HEADER_BYTES_MAX) + sized_head(HEADER_BYTES_MAX), root(), root()),
    refused("limits end the pipeline", sized_head(HEADER_BYTES_MAX + 1) + GET, 431),
]

TIME = [
    refused("a head that stops", b"GET / HTTP/1.1\r\nHost: t\r\n", 408, listener="hasty"),
    refused("a line that stops", b"GE", 408, listener="hasty"),
    refused("a body that stops", post("Content-Length: 3", body=b"ab"), 408, listener="hasty"),
    refused("a chunk that stops", chunked(b"3\r\nab"), 408, listener="hasty"),
    refused("a head that stops behind a good request", GET + b"GET / HT", 408, before=(root(),), listener="hasty"),
    Case("a connection that idles", GET, (root(absent=("connection",)),), False, listener="hasty"),
]

CASES = PIPELINES + EXPECTATIONS + LIMITS + TIME
