"""Where a body ends: Content-Length, Transfer-Encoding, chunks, trailers, and fields that lie."""

from raw_cases import chunked, post, refused, request, root, served

LENGTHS = [
    served("length 0", post("Content-Length: 0")),
    served("length with spaces around", post("Content-Length:   3  ", body=b"abc")),
    refused("length with a tab behind", post("Content-Length: 3\t", body=b"abc")),
    served("length with leading zeros", post("Content-Length: 0003", body=b"abc")),
    served("name in capitals", post("CONTENT-LENGTH: 3", body=b"abc")),
    served("a body that looks like a request", post("Content-Length: 33", body=request("GET /smuggled HTTP/1.1")[:33])),
    refused("two lengths", post("Content-Length: 3", "Content-Length: 5", body=b"abc")),
    refused("two equal lengths", post("Content-Length: 3", "Content-Length: 3", body=b"abc")),
    refused("two lengths in other capitals", post("Content-Length: 3", "content-length: 3", body=b"abc")),
] + [
    refused(f"length {value!r}", post(b"Content-Length: " + value, body=b"abc"))
    for value in (b"", b"3, 3", b"3,3", b"3,5", b"+3", b"-3", b"3 3", b"0x3", b"3.", b"3.0", b"3e0", b"three", b"3;",
                  b"3\x0b", b"3\x0c", b"3\0", b"\xd9\xa3", b'"3"', b"18446744073709551616",
                  b"99999999999999999999999")
] + [
    refused("length 2^64 - 1", post("Content-Length: 18446744073709551615", body=b"abc"), 413),
    refused("length 2^63", post("Content-Length: 9223372036854775808", body=b"abc"), 413),
    refused("length and chunks", post("Content-Length: 3", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    refused("chunks and length", post("Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n")),
    refused("chunks and length 0", post("Transfer-Encoding: chunked", "Content-Length: 0", body=b"0\r\n\r\n")),
    refused("length and another coding", post("Content-Length: 3", "Transfer-Encoding: identity", body=b"abc")),
    refused("a body nobody announced", post(body=b"abc\r\n\r\n"), before=(root(),)),
    refused("a body longer than its length", post("Content-Length: 3", body=b"abcd\r\n\r\n"), before=(root(),)),
    refused("a malformed length on 1.0", request("POST / HTTP/1.0", "Content-Length: 3x", body=b"abc")),
]

CODINGS = [
    served("chunked in capitals", post("Transfer-Encoding: CHUNKED", body=b"0\r\n\r\n")),
    served("chunked with spaces around", post("Transfer-Encoding:   chunked  ", body=b"0\r\n\r\n")),
    refused("chunked with a tab behind", post("Transfer-Encoding: chunked\t", body=b"0\r\n\r\n")),
    refused("chunked on 1.0", request("POST / HTTP/1.0", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    refused("chunked on 1.0 with keep-alive",
            request("POST / HTTP/1.0", "Connection: keep-alive", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    refused("chunked twice", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    refused("chunked, then another field",
            post("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=b"0\r\n\r\n")),
    refused("another field, then chunked",
            post("Transfer-Encoding: identity", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
] + [
    refused(f"coding {value!r}", post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n"))
    for value in (b"", b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked", b"chunked,",
                  b",chunked", b"xchunked", b"chunkedx", b"chun ked", b"chunked;q=1", b'"chunked"', b"\x0bchunked",
                  b"chunked\x0b", b"chunked\0", b"\xa0chunked")
] + [
    refused("a space before the coding's colon", post("Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    refused("a folded coding", post("Transfer-Encoding:", " chunked", body=b"0\r\n\r\n")),
    refused("a coding folded by a tab", post("Transfer-Encoding:", "\tchunked", body=b"0\r\n\r\n")),
    refused("a coding behind a bare LF", post("X: y\nTransfer-Encoding: chunked", body=b"0\r\n\r\n")),
    refused("a coding behind a bare CR", post("X: y\rTransfer-Encoding: chunked", body=b"0\r\n\r\n")),
    served("Transfer_Encoding is another field", post("Transfer_Encoding: chunked")),
]

CHUNKS = [
    served("no chunk but the last", chunked(b"0\r\n\r\n")),
    served("one chunk", chunked(b"3\r\nabc\r\n0\r\n\r\n")),
    served("many chunks", chunked(b"1\r\na\r\n" * 40 + b"0\r\n\r\n")),
    served("sizes in hexadecimal", chunked(b"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n")),
    served("sizes with leading zeros", chunked(b"003\r\nabc\r\n000\r\n\r\n")),
    served("chunk data of line ends", chunked(b"8\r\n\r\n0\r\n\r\n\n\r\n0\r\n\r\n")),
    served("an extension", chunked(b"3;a\r\nabc\r\n0\r\n\r\n")),
    served("an extension with a value", chunked(b"3;a=b;c=d\r\nabc\r\n0;e=f\r\n\r\n")),
    served("an extension in quotes", chunked(b'3;a="b;c d\\"e"\r\nabc\r\n0\r\n\r\n')),
    served("a trailer", chunked(b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n")),
    served("a trailer that was announced", chunked(b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", "Trailer: X-Sum")),
    served("several trailers", chunked(b"0\r\nX-A: 1\r\nX-B:\r\nX-A: 2\r\n\r\n")),
] + [
    refused(f"chunks {body[:30]!r}", chunked(body))
    for body in (
        b"\r\n\r\n", b"g\r\nabc\r\n0\r\n\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"-3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n", b" 3\r\nabc\r\n0\r\n\r\n", b"3 \r\nabc\r\n0\r\n\r\n", b"3\t\r\nabc\r\n0\r\n\r\n",
        b"3,3\r\nabc\r\n0\r\n\r\n", b"3.\r\nabc\r\n0\r\n\r\n", b"3\0\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n", b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc\r\n0\n\r\n", b"3\rabc\r\n0\r\n\r\n",
        b"3\r\r\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3\r\nab\r\n0\r\n\r\n", b"3\r\nabc0\r\n\r\n",
        b"3\r\nabc\r\r\n0\r\n\r\n", b"3;\r\nabc\r\n0\r\n\r\n", b"3;=b\r\nabc\r\n0\r\n\r\n",
        b"3;a\nabc\r\n0\r\n\r\n", b"3;a=b\rc\r\nabc\r\n0\r\n\r\n", b"3;a\x01\r\nabc\r\n0\r\n\r\n",
        b'3;a="b\x7fc"\r\nabc\r\n0\r\n\r\n',
        b'3;a="b\r\nabc\r\n0\r\n\r\n', b'3;a="b\nc"\r\nabc\r\n0\r\n\r\n', b"10000000000000000\r\nabc\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
    )
] + [
    refused(f"trailer {line!r}", chunked(b"0\r\n" + line + b"\r\n\r\n"))
    for line in (b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Host: u", b"X : y", b": y", b"X-Y", b" X: y",
                 b"X: y\r\n folded", b"X: a\0b", b"X: a\x01b", b"X: a\rb", b"X: a\nY: b", b"X Y: z")
] + [refused("trailers that end in a bare LF", chunked(b"0\r\nX: y\r\n\n"))]

FIELDS = [
    refused(f"field {field!r}", request("GET / HTTP/1.1", field))
    for field in (b"X : y", b"X\t: y", b"Host : t", b"Content-Length : 0", b": y", b":", b"X", b"X Y: z", b"X(Y): z",
                  b"X/Y: z", b'"X": z', b"X@Y: z", b"X[]: z", b"X{}: z", b"X,Y: z", b"X;Y: z", b"X=Y: z", b"X?: z",
                  b"X\\Y: z", b"X\x01: y", b"X\0: y", b"X\x7f: y", b"\xe4: y", b"X: a\0b", b"X: a\x01b", b"X: a\x08b",
                  b"X: a\x0bb", b"X: a\x0cb", b"X: a\x1bb", b"X: a\x1fb", b"X: a\x7fb", b"X: a\rb", b"X: a\nb",
                  b"X: y\nZ: w", b"X: y\r", b"X: y\r\r", b"X: y\r\n folded", b"X: y\r\n\tfolded", b"X: y\r\n ",
                  b"X:\r\n y", b"\nX: y", b"X\r\n: y")
] + [
    refused("a field in front that is folded", b"GET / HTTP/1.1\r\n Host: t\r\n\r\n"),
    refused("a tab in front of the first field", b"GET / HTTP/1.1\r\n\tX: y\r\nHost: t\r\n\r\n"),
    refused("the head ends in a bare LF", b"GET / HTTP/1.1\r\nHost: t\r\n\n"),
    refused("the head ends in CR and something", b"GET / HTTP/1.1\r\nHost: t\r\n\rX"),
    refused("a field ends in a bare LF", b"GET / HTTP/1.1\r\nHost: t\n\r\n"),
]

CASES = LENGTHS + CODINGS + CHUNKS + FIELDS
