"""Mail servers that tests start: aiosmtpd on a thread, and a Postfix of the test's own."""

import asyncio
import base64
import email
import email.policy
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

from gateway_process import eventually
from ports import free_port

USER, PASSWORD = "tocsin", "s3cret-of-smtp"


def context_of(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


class MailServer:
    """Takes mail and keeps it. `refusals`: an answer for some recipients, a list of them for one attempt after
    another. With `tls` (certificate, key) it takes mail only over TLS, from the first byte on with `implicit`;
    with `auth` only from USER with PASSWORD."""

    def __init__(self, refusals=None, tls=None, implicit=False, auth=False):
        self.refusals = refusals or {}
        self.raw = []
        self.connections = 0
        self.attempts = []  # recipients, as they were asked for
        context = context_of(*tls) if tls else None
        options = {"authenticator": self._authenticate, "auth_required": auth, "auth_require_tls": bool(tls)}
        if tls and not implicit:
            options |= {"tls_context": context, "require_starttls": True}
        elif implicit:
            options["auth_require_tls"] = False  # it does not count TLS that was there from the beginning
        self.implicit = implicit
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

        def serve():
            self.connections += 1
            return SMTP(self, hostname="mail.test", loop=self.loop, **options)

        listening = self.loop.create_server(serve, "127.0.0.1", 0, ssl=context if implicit else None)
        self.server = asyncio.run_coroutine_threadsafe(listening, self.loop).result()
        self.port = self.server.sockets[0].getsockname()[1]

    def url(self, host="127.0.0.1"):
        return f"{'smtps' if self.implicit else 'smtp'}://{host}:{self.port}"

    def mails(self):
        """Parsed, in the order in which they came."""
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in list(self.raw)]

    def close(self):
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)

    @staticmethod
    def _authenticate(_server, _session, _envelope, _mechanism, data):
        known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=known, handled=False)  # it is the server's to answer

    # --- what aiosmtpd calls ---------------------------------------------------------------------------

    # pylint: disable=invalid-name,too-many-arguments,too-many-positional-arguments,unused-argument
    async def handle_RCPT(self, server, session, envelope, address, options):
        self.attempts.append(address)
        refusal = self.refusals.get(address)
        if isinstance(refusal, list):
            refusal = refusal.pop(0) if refusal else None
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        self.raw.append(envelope.original_content)
        return f"250 2.0.0 Ok: queued as {len(self.raw)}"


class DovecotAuth:
    """As much of Dovecot's authentication protocol as Postfix asks for PLAIN and LOGIN."""

    def __init__(self, path):
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        os.chmod(path, 0o666)
        self.listening.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.listening.close()

    def _serve(self):
        while True:
            try:
                peer, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    @staticmethod
    def _talk(peer):
        with peer, peer.makefile("r") as lines:
            peer.sendall(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t"
                         b"0123456789abcdef0123456789abcdef\nDONE\n")
            for line in lines:
                words = line.rstrip("\n").split("\t")
                if words[0] != "AUTH":
                    continue
                given = next((word[5:] for word in words if word.startswith("resp=")), "")
                known = base64.b64decode(given) == f"\0{USER}\0{PASSWORD}".encode()
                answer = f"OK\t{words[1]}\tuser={USER}\n" if known else f"FAIL\t{words[1]}\tuser={USER}\n"
                peer.sendall(answer.encode())


def has_postfix():
    return os.geteuid() == 0 and shutil.which("postfix") is not None


class Postfix:
    """A Postfix with folders and ports of its own, which knows ops@example.net and nobody else, and takes mail
    over TLS from USER with PASSWORD."""

    def __init__(self, cert, key):
        owner = pwd.getpwnam("postfix")
        # pytest's own folders are for root alone; Postfix's processes are not root.
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-postfix-"))
        self.folder.chmod(0o755)
        config, data, mail = (self.folder / name for name in ("config", "data", "mail"))
        for made in (config, data, mail, self.folder / "queue"):
            made.mkdir()
        for owned in (data, mail):
            os.chown(owned, owner.pw_uid, owner.pw_gid)
        self.maildir = mail / "ops" / "new"
        self.port, self.tls_port = free_port(), free_port()
        self.auth = DovecotAuth(self.folder / "auth")
        (config / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {self.folder}/queue
data_directory = {data}
maillog_file = {self.folder}/mail.log
maillog_file_prefixes = {self.folder}
myhostname = mail.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = example.net
virtual_mailbox_maps = inline:{{ ops@example.net=ops/ }}
virtual_mailbox_base = {mail}
virtual_minimum_uid = 1
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = encrypt
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {self.folder}/auth
smtpd_sender_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_delay_reject = no
""", encoding="utf-8")
        services = """cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
        doors = f"127.0.0.1:{self.port} inet n - n - - smtpd\n" \
                f"127.0.0.1:{self.tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"
        (config / "master.cf").write_text(doors + services, encoding="utf-8")
        self.output = open(self.folder / "output", "wb")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(["postfix", "-c", config, "start-fg"], stdout=self.output,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        eventually(self._answers, True, "Postfix")

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "output").read_text(encoding="utf-8") + self.log()
        try:
            with socket.create_connection(("127.0.0.1", self.port)) as door:
                return door.recv(3) == b"220"
        except OSError:
            return False

    def log(self):
        path = self.folder / "mail.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def mails(self):
        """What it has put into the mailbox."""
        paths = sorted(self.maildir.iterdir()) if self.maildir.exists() else []
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]

    def close(self):
        subprocess.run(["postfix", "-c", self.folder / "config", "stop"], check=False, capture_output=True)
        self.process.wait(30)
        self.output.close()
        self.auth.close()
        shutil.rmtree(self.folder, ignore_errors=True)
