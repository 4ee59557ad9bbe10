"""Requests that are served: methods, versions, keep-alive, header fields, answers without body."""

from raw_cases import (BIG_BODY, Expected, closed, problem, request, root, served)

GET = request()

METHODS = [
    served("GET", GET, root(fields=(("content-length", "5"), ("content-type", "text/plain; charset=utf-8")),
                            absent=("connection", "transfer-encoding"))),
    served("HEAD", request("HEAD / HTTP/1.1"),
           Expected(200, b"", (("content-length", "5"), ("content-type", "text/plain; charset=utf-8")), head=True)),
    served("POST", request("POST / HTTP/1.1", "Content-Length: 3", body=b"abc")),
    served("POST without a body", request("POST / HTTP/1.1")),
    served("PUT", request("PUT / HTTP/1.1", "Content-Length: 3", body=b"abc")),
    served("PATCH", request("PATCH / HTTP/1.1", "Content-Length: 3", body=b"abc")),
    served("DELETE", request("DELETE / HTTP/1.1")),
    served("OPTIONS", request("OPTIONS / HTTP/1.1")),
    served("GET with a body", request("GET / HTTP/1.1", "Content-Length: 3", body=b"abc")),
    served("GET with a chunked body",
           request("GET / HTTP/1.1", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n")),
    served("HEAD with a body", request("HEAD / HTTP/1.1", "Content-Length: 3", body=b"abc"),
           Expected(200, b"", (("content-length", "5"),), head=True)),
    served("GET where the route takes GET", request("GET /get HTTP/1.1"), Expected(200, b"got")),
    served("HEAD where the route takes GET", request("HEAD /get HTTP/1.1"),
           Expected(200, b"", (("content-length", "3"),), head=True)),
    served("POST where the route takes GET", request("POST /get HTTP/1.1"),
           Expected(405, None, (("allow", "GET, HEAD"),))),
    served("GET where the route takes POST", request("GET /post HTTP/1.1"), Expected(405, None, (("allow", "POST"),))),
    served("POST where the route takes POST", request("POST /post HTTP/1.1", "Content-Length: 0"),
           Expected(201, b"posted")),
    closed("TRACE is not served", request("TRACE / HTTP/1.1"), problem(405, present=("allow",))),
    closed("CONNECT is not served", request("CONNECT t:443 HTTP/1.1", host="Host: t:443"), problem(501)),
]

ANSWERS = [
    served("no route", request("GET /nowhere HTTP/1.1"), problem(404, absent=("connection",))),
    served("no route, HEAD", request("HEAD /nowhere HTTP/1.1"),
           Expected(404, b"", (("content-type", "application/problem+json"),), head=True)),
    served("204 has no body and no length", request("GET /none HTTP/1.1"),
           Expected(204, b"", (), ("content-length", "transfer-encoding", "content-type"))),
    served("200 with an empty body", request("GET /empty HTTP/1.1"), Expected(200, b"", (("content-length", "0"),))),
    served("an answer with a field of its own", request("GET /teapot HTTP/1.1"),
           Expected(418, b"short", (("x-pot", "tea"),))),
    served("a redirect", request("GET /moved HTTP/1.1"),
           Expected(308, b"", (("location", "https://elsewhere.example/"), ("content-length", "0")))),
    served("a redirect of a POST", request("POST /moved HTTP/1.1", "Content-Length: 3", body=b"abc"),
           Expected(308, b"", (("location", "https://elsewhere.example/"),))),
    served("a large answer", request("GET /big HTTP/1.1"), Expected(200, BIG_BODY)),
    served("a large answer, HEAD", request("HEAD /big HTTP/1.1"),
           Expected(200, b"", (("content-length", str(len(BIG_BODY))),), head=True)),
]

VERSIONS = [
    closed("1.0", request("GET / HTTP/1.0"), root(fields=(("connection", "close"),))),
    closed("1.0 without Host", request("GET / HTTP/1.0", host=None)),
    served("1.0 with keep-alive", request("GET / HTTP/1.0", "Connection: keep-alive"),
           root(fields=(("connection", "keep-alive"),))),
    closed("1.0 with close", request("GET / HTTP/1.0", "Connection: close")),
    closed("1.0 with a body", request("POST / HTTP/1.0", "Content-Length: 3", body=b"abc")),
    closed("1.0 HEAD", request("HEAD / HTTP/1.0"), Expected(200, b"", (("content-length", "5"),), head=True)),
    closed("1.0 with an expectation, which it cannot have",
           request("POST / HTTP/1.0", "Content-Length: 3", "Expect: 100-continue", body=b"abc")),
    closed("1.1 with close", request("GET / HTTP/1.1", "Connection: close"), root(fields=(("connection", "close"),))),
    closed("close in capitals", request("GET / HTTP/1.1", "Connection: CLOSE")),
    closed("close at the end of a list", request("GET / HTTP/1.1", "Connection: x-hop, close")),
    closed("close at the start of a list", request("GET / HTTP/1.1", "Connection: close , x-hop")),
    closed("close in the second field", request("GET / HTTP/1.1", "Connection: x-hop", "Connection: close")),
    closed("close beside keep-alive", request("GET / HTTP/1.1", "Connection: keep-alive, close")),
    served("close as part of another word", request("GET / HTTP/1.1", "Connection: closed")),
    served("1.1 with keep-alive", request("GET / HTTP/1.1", "Connection: keep-alive"), root(absent=("connection",))),
    served("an upgrade that nobody takes up",
           request("GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
           root(absent=("upgrade",))),
    served("an upgrade to h2c", request("GET / HTTP/1.1", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                                        "HTTP2-Settings: AAMAAABk")),
    served("an upgrade with a body",
           request("POST / HTTP/1.1", "Connection: upgrade", "Upgrade: x", "Content-Length: 3", body=b"abc")),
]

FIELDS = [
    served("names compare without case", request("GET / HTTP/1.1", host="hOsT: t")),
    served("no space behind the colon", request("GET / HTTP/1.1", host="Host:t")),
    served("spaces and tabs around a value", request("GET / HTTP/1.1", host="Host: \t t \t ")),
    served("an empty value", request("GET / HTTP/1.1", "X-Empty:")),
    served("a value of spaces", request("GET / HTTP/1.1", "X-Empty:   ")),
    served("a tab inside a value", request("GET / HTTP/1.1", "X-Tab: a\tb")),
    served("colons inside a value", request("GET / HTTP/1.1", "X-Colons: a:b: c")),
    served("bytes above 127 in a value", request("GET / HTTP/1.1", b"X-High: \x80\xe4\xff")),
    served("every token character in a name", request("GET / HTTP/1.1", "!#$%&'*+-.^_`|~09azAZ: x")),
    served("the same field twice", request("GET / HTTP/1.1", "X-A: 1", "X-A: 2")),
    served("an empty line before the request", b"\r\n" + GET),
    served("Content_Length is not Content-Length", request("GET / HTTP/1.1", "Content_Length: 3")),
    served("a field that looks like a request", request("GET / HTTP/1.1", "X: GET /smuggled HTTP/1.1")),
]

HOSTS = [
    served(f"Host: {host}", request("GET / HTTP/1.1", host=f"Host: {host}"))
    for host in ("example.com", "EXAMPLE.com:8080", "example.com.", "a_b", "192.0.2.1", "192.0.2.1:80", "[::1]",
                 "[::1]:8080", "[2001:db8::7]:1", "example.com:", "xn--bcher-kva.example", "a-b~c.d")
] + [
    served("a route of a host", request("GET /hosted HTTP/1.1", host="Host: NAMED.example:1234"),
           Expected(200, b"named")),
    served("a route of another host", request("GET /hosted HTTP/1.1", host="Host: other.example"),
           Expected(200, b"any")),
]

CASES = METHODS + ANSWERS + VERSIONS + FIELDS + HOSTS
