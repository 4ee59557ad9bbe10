"""Request lines and targets: forms, paths in their normal form, Host, and what is neither."""

from raw_cases import Expected, closed, problem, refused, request, served


def echoed(path, normal):
    """The route of /echo/ redirects below /n/: what stands there is the path in its normal form."""
    return served(f"path {path}", request(f"GET {path} HTTP/1.1"), Expected(302, b"", (("location", normal),)))


def bad_target(name, target):
    if isinstance(target, str):
        target = target.encode("latin-1")
    return refused(f"target: {name}", b"GET " + target + b" HTTP/1.1\r\nHost: t\r\n\r\n")


PATHS = [
    echoed("/echo/", "/n/"),
    echoed("/echo/a/b", "/n/a/b"),
    echoed("/echo/a/./b", "/n/a/b"),
    echoed("/echo/./a", "/n/a"),
    echoed("/echo/a/.", "/n/a/"),
    echoed("/echo/a/..", "/n/"),
    echoed("/echo/a/../b", "/n/b"),
    echoed("/echo/a/b/../../c", "/n/c"),
    echoed("/x/../echo/a", "/n/a"),
    echoed("/echo/...", "/n/..."),
    echoed("/echo/.a/..b", "/n/.a/..b"),
    echoed("/echo/a//b", "/n/a//b"),
    echoed("/echo/%41%7a%2D%5f%7E%2e", "/n/Az-_~."),
    echoed("/echo/a/%2e%2E/b", "/n/b"),
    echoed("/echo/a/%2e/b", "/n/a/b"),
    echoed("/echo/a%2fb", "/n/a%2Fb"),
    echoed("/echo/%25%3f%23%20", "/n/%25%3F%23%20"),
    echoed("/echo/%252e%252e/b", "/n/%252e%252e/b"),
    echoed("/echo/%c3%a4", "/n/%C3%A4"),
    echoed("/%65cho/a", "/n/a"),
    echoed("/echo/a?b", "/n/a?b"),
    echoed("/echo/a?../%2e?/&=%zz", "/n/a?../%2e?/&=%zz"),
    echoed("/echo/a;p=1", "/n/a;p=1"),
    echoed("/up/a", "/a"),
    echoed("/up//evil.example/", "/evil.example/"),
    echoed("/up/%2e//evil.example/", "/evil.example/"),
    served("dots lead to another route", request("GET /echo/../probe HTTP/1.1"), Expected(200, b"probe\n")),
    served("a query alone", request("GET /?a=b HTTP/1.1")),
    served("an empty query", request("GET /? HTTP/1.1")),
    served("a prefix ends at a slash", request("GET /tree/a HTTP/1.1"), Expected(200, b"tree")),
    served("a prefix takes itself", request("GET /tree HTTP/1.1"), Expected(200, b"tree")),
    served("a prefix is no half word", request("GET /trees HTTP/1.1"), problem(404)),
    served("paths compare with case", request("GET /PROBE HTTP/1.1"), problem(404)),
    served("a path is no prefix", request("GET /probe/ HTTP/1.1"), problem(404)),
    served("an encoded slash parts nothing", request("GET /tree%2fa HTTP/1.1"), problem(404)),
    bad_target("above the root", "/.."),
    bad_target("far above the root", "/echo/../../probe"),
    bad_target("above the root, encoded", "/%2e%2e/probe"),
    bad_target("percent without digits", "/%"),
    bad_target("percent with one digit", "/%4"),
    bad_target("percent with other letters", "/%zz"),
    bad_target("an encoded NUL", "/a%00b"),
]

FORMS = [
    served("absolute form", request("GET http://t/probe HTTP/1.1"), Expected(200, b"probe\n")),
    served("absolute form, empty path", request("GET http://t HTTP/1.1")),
    served("absolute form, only a query", request("GET http://t?a HTTP/1.1")),
    served("absolute form in capitals", request("GET HTTP://T/ HTTP/1.1")),
    served("absolute form with a port", request("GET http://t:81/ HTTP/1.1", host="Host: t:81")),
    closed("absolute form on 1.0 without Host", request("GET http://t/ HTTP/1.0", host=None)),
    refused("absolute form without Host", request("GET http://t/ HTTP/1.1", host=None)),
    refused("absolute form for another host", request("GET http://other/ HTTP/1.1")),
    refused("absolute form with another port", request("GET http://t:81/ HTTP/1.1")),
    refused("absolute form with userinfo", request("GET http://me@t/ HTTP/1.1")),
    refused("absolute form without host", request("GET http:/// HTTP/1.1")),
    refused("absolute form of another scheme", request("GET ftp://t/ HTTP/1.1")),
    refused("absolute form that climbs", request("GET http://t/../probe HTTP/1.1")),
    served("asterisk form", request("OPTIONS * HTTP/1.1"),
           Expected(200, b"", (("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),))),
    refused("asterisk form with GET", request("GET * HTTP/1.1")),
    refused("authority form with GET", request("GET t:80 HTTP/1.1")),
    bad_target("relative", "probe"),
    bad_target("only a query", "?a"),
    bad_target("a fragment", "/#a"),
    bad_target("a space", "/a b"),
    bad_target("a NUL", "/a\0b"),
    bad_target("a control byte", "/a\x01b"),
    bad_target("a tab", "/a\tb"),
    bad_target("DEL", "/a\x7fb"),
    bad_target("a byte above 127", "/a\xe4b"),
    bad_target("a CR", "/a\rb"),
    bad_target("none", ""),
]

LINES = [
    refused(f"line: {name}", line + b"\r\nHost: t\r\n\r\n", status)
    for name, line, status in (
        ("no version", b"GET /", 400),
        ("two spaces before the target", b"GET  / HTTP/1.1", 400),
        ("two spaces before the version", b"GET /  HTTP/1.1", 400),
        ("a tab for a space", b"GET\t/ HTTP/1.1", 400),
        ("a tab before the version", b"GET /\tHTTP/1.1", 400),
        ("a space in front", b" GET / HTTP/1.1", 400),
        ("a space behind", b"GET / HTTP/1.1 ", 400),
        ("more behind the version", b"GET / HTTP/1.1 x", 400),
        ("a method in small letters", b"get / HTTP/1.1", 400),
        ("a method nobody knows", b"FETCH / HTTP/1.1", 400),
        ("a method with a control byte", b"G\x01T / HTTP/1.1", 400),
        ("a method of RTSP", b"DESCRIBE / HTTP/1.1", 400),
        ("a version of RTSP", b"GET / RTSP/1.0", 400),
        ("a protocol in small letters", b"GET / http/1.1", 400),
        ("a protocol nobody knows", b"GET / HTTQ/1.1", 400),
        ("a version without minor number", b"GET / HTTP/1", 400),
        ("a version with letters", b"GET / HTTP/a.b", 400),
        ("version 0.9", b"GET / HTTP/0.9", 505),
        ("version 1.2", b"GET / HTTP/1.2", 505),
        ("version 2.0", b"GET / HTTP/2.0", 505),
        ("version 3.0", b"GET / HTTP/3.0", 505),
        ("a bare CR inside", b"GET / HTTP/1.1\rX: y", 400),
        ("a binary handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    )
] + [
    refused("line: a bare LF at its end", b"GET / HTTP/1.1\nHost: t\r\n\r\n"),
    refused("line: only bare LFs", b"GET / HTTP/1.1\nHost: t\n\n"),
    refused("line: a bare LF before it", b"\nGET / HTTP/1.1\r\nHost: t\r\n\r\n"),
    refused("line: a bare CR before it", b"\rGET / HTTP/1.1\r\nHost: t\r\n\r\n"),
    refused("line: two empty lines before it", b"\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n"),
    refused("line: the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    refused("line: CR CR LF", b"GET / HTTP/1.1\r\r\nHost: t\r\n\r\n"),
]

HOSTS = [
    refused("no Host", request(host=None), detail="Host"),
    refused("two Hosts", request("GET / HTTP/1.1", "Host: u"), detail="Host"),
    refused("two equal Hosts", request("GET / HTTP/1.1", "Host: t"), detail="Host"),
    refused("two Hosts on 1.0", request("GET / HTTP/1.0", "Host: u"), detail="Host"),
    refused("two Hosts apart", request("GET / HTTP/1.1", "X: y", "hOST: t"), detail="Host"),
] + [
    refused(f"Host: {name}", request("GET / HTTP/1.1", host=b"Host: " + host))
    for name, host in (
        ("empty", b""), ("a space inside", b"a b"), ("a list", b"a, b"), ("a path", b"a/b"),
        ("userinfo", b"me@a"), ("letters for a port", b"a:b"), ("a negative port", b"a:-1"),
        ("a long port", b"a:123456"), ("two ports", b"a:1:2"), ("only a port", b":80"),
        ("IPv6 without brackets", b"::1"), ("a bracket not closed", b"[::1"),
        ("a bracket not opened", b"::1]"), ("other letters in brackets", b"[zz]"),
        ("more behind the bracket", b"[::1]a"), ("a query", b"a?b"), ("a fragment", b"a#b"),
        ("a backslash", b"a\\b"), ("percent", b"a%2fb"), ("a byte above 127", b"a\xe4"),
        ("a quote", b'a"b'), ("angle brackets", b"<a>"),
    )
] + [refused("a malformed Host on 1.0", request("GET / HTTP/1.0", host="Host: a b"))]

CASES = PATHS + FORMS + LINES + HOSTS
