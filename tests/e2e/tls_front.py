"""A TLS front before a plain server, and the certificates of a test, made by openssl on the command line."""

import socket
import ssl
import subprocess
import threading


class Certificates:
    """An authority of the test's own, and what it signs."""

    def __init__(self, folder, name="Test CA"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = folder / "ca.pem"
        self.ca_key = folder / "ca.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", self.ca_key, "-out", self.ca, "-days", "2", "-subj", f"/CN={name}")

    def issue(self, name, alternatives="IP:127.0.0.1", days=2):
        """(certificate, key) files."""
        cert, key, request = (self.folder / f"{name}.{end}" for end in ("pem", "key", "csr"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternatives}\n", encoding="utf-8")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial",
                      "-days", str(days), "-extfile", extensions, "-out", cert)
        return cert, key

    @staticmethod
    def _openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class TlsFront:
    """Takes TLS on a port of its own and passes what is inside on to `port`, both ways."""

    def __init__(self, port, cert, key, client_ca=None):
        self.target = port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.sessions = []  # of each connection: whether it was resumed
        self.clients = []   # the subject each showed
        threading.Thread(target=self._serve, daemon=True).start()

    def url(self, path="/hook", host="127.0.0.1"):
        return f"https://{host}:{self.port}{path}"

    def close(self):
        self.listening.close()

    def _serve(self):
        while True:
            try:
                plain, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(plain,), daemon=True).start()

    def _carry(self, plain):
        try:
            outer = self.context.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        self.sessions.append(outer.session_reused)
        self.clients.append(outer.getpeercert())
        inner = socket.create_connection(("127.0.0.1", self.target))
        back = threading.Thread(target=self._pump, args=(inner, outer), daemon=True)
        back.start()
        self._pump(outer, inner)
        back.join()
        inner.close()
        outer.close()

    @staticmethod
    def _pump(source, drain):
        try:
            while chunk := source.recv(65536):
                drain.sendall(chunk)
        except OSError:
            pass
        try:
            drain.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Proxy:
    """A forward proxy that knows nothing but CONNECT, and where the names lie that it is asked for."""

    def __init__(self, names=None):
        self.names = names or {}
        self.asked = []  # (target, Proxy-Authorization)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.listening.close()

    def _serve(self):
        while True:
            try:
                outer, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(outer,), daemon=True).start()

    def _carry(self, outer):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            chunk = outer.recv(1)
            if not chunk:
                return
            head += chunk
        lines = head.decode().split("\r\n")
        target = lines[0].split(" ")[1]
        fields = dict(line.split(": ", 1) for line in lines[1:] if line)
        self.asked.append((target, fields.get("Proxy-Authorization")))
        host, port = target.rsplit(":", 1)
        inner = socket.create_connection((self.names.get(host, host), int(port)))
        outer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        # pylint: disable=protected-access
        back = threading.Thread(target=TlsFront._pump, args=(inner, outer), daemon=True)
        back.start()
        TlsFront._pump(outer, inner)
        back.join()
        inner.close()
        outer.close()
