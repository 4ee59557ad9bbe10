"""E-mail, from a notification to what the mail server got: aiosmtpd for what a server may say, Postfix for what a
server does."""

import base64
import json
import subprocess

import dkim
import pytest
import yaml

from gateway_process import ROOT, eventually
from mail_server import PASSWORD, USER, MailServer, Postfix, has_postfix
from notifications import Client, dead_letters
from tls_front import Certificates

NOTE = {"topic": "disk.full", "level": "warning", "title": "Disk full", "body": "The disk of db-1 is full."}
QUICK = {"max_attempts": 3, "initial": "20ms", "max": "40ms", "jitter": "none"}


PAUSED = ("tocsin_lane_paused", frozenset({"output": "mail", "reason": "unauthorized"}.items()))


def smtp(url, **options):
    """An output that tries again quickly and waits for a server as long as a slow machine may take."""
    delivery = {"timeout": "60s", "retry": QUICK, "breaker": False, "retry_budget": False}
    return {"type": "smtp", "url": url, "from": "Night Watch <alerts@example.com>", "delivery": delivery, **options}


def login(ca, password=PASSWORD):
    return {"username": USER, "password": password, "tls": {"ca_file": str(ca)}}


@pytest.fixture(scope="module", name="certificates")
def make_certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(name="serve")
def make_server():
    """A function that starts an aiosmtpd."""
    running = []

    def start(*arguments, **options):
        running.append(MailServer(*arguments, **options))
        return running[-1]

    yield start
    for server in running:
        server.close()


def sent_to(*addresses, **more):
    return {**NOTE, "to": [f"email:{address}" for address in addresses], **more}


def states_of(client, sent):
    """{address: state} of a notification's deliveries."""
    _, _, body = client.get(sent)
    return {row["address"]: row["state"] for row in body["deliveries"]}


def await_states(client, sent, expected):
    wanted = {f"email:{address}": state for address, state in expected.items()}
    eventually(lambda: states_of(client, sent), wanted, "the deliveries")


def text_of(part):
    return part.get_content().replace("\r\n", "\n")


def await_pause(gateway):
    gateway.expected_errors.add("output paused: its credentials are refused")
    eventually(lambda: gateway.metrics().get(PAUSED), 1, "the pause")


# --- what arrives -----------------------------------------------------------------------------------------

@pytest.mark.sanitize
def test_a_mail_arrives_with_text_html_and_attachments(serve, start):
    server = serve()
    _, client = start({"mail": smtp(server.url(), html="<h1>{{title}}</h1>", attachments=True,
                                    list_unsubscribe="https://example.com/u?of={{address}}", one_click=True,
                                    headers={"Reply-To": "desk@example.com"})})
    data = {"attachments": [{"name": "Plan №1.txt", "type": "text/plain", "content": "aGVsbG8="}]}
    sent = client.accepted(sent_to("ops@example.net", title="Disk <full>", data=data))
    await_states(client, sent, {"ops@example.net": "delivered"})
    mail, = server.mails()
    assert mail["From"] == "Night Watch <alerts@example.com>"
    assert (mail["To"], mail["Subject"], mail["Reply-To"]) == ("ops@example.net", "Disk <full>", "desk@example.com")
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Date"].datetime
    assert mail["List-Unsubscribe"] == "<https://example.com/u?of=email%3Aops%40example.net>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert text_of(mail.get_body(("plain",))) == "The disk of db-1 is full."
    assert text_of(mail.get_body(("html",))) == "<h1>Disk &lt;full&gt;</h1>"
    attached, = mail.iter_attachments()
    assert (attached.get_filename(), text_of(attached)) == ("Plan №1.txt", "hello")


def test_right_to_left_text_emoji_and_idn_domains_survive(serve, start):
    server = serve()
    _, client = start({"mail": smtp(server.url())})
    title = "🚨 הדיסק מלא — القرص ممتلئ 🧑‍🚒 " * 4
    sent = client.accepted(sent_to("ops@bücher.example", title=title, body="שלום 🌍\nbye\n"))
    await_states(client, sent, {"ops@bücher.example": "delivered"})
    mail, = server.mails()
    assert mail["Subject"].split() == title.split()
    assert mail["To"] == "ops@xn--bcher-kva.example"
    assert text_of(mail) == "שלום 🌍\nbye\n"
    assert all(byte < 0x80 for byte in server.raw[0])
    assert max(map(len, server.raw[0].split(b"\r\n"))) <= 78


def test_no_value_begins_a_header_or_the_body(serve, start):
    server = serve()
    _, client = start({"mail": smtp(server.url(), subject="{{body}}", html="{{body}}")})
    sent = client.accepted(sent_to("ops@example.net", body="x\r\nBcc: victim@example.org\r\n\r\nbody"))
    await_states(client, sent, {"ops@example.net": "delivered"})
    mail, = server.mails()
    assert mail["Bcc"] is None and mail["Subject"] == "x Bcc: victim@example.org body"
    assert server.attempts == ["ops@example.net"]
    status, _, told = client.send(sent_to("ops@example.net\r\nRCPT TO:<victim@example.org>"))
    assert status == 400, told


def test_the_message_id_is_the_same_on_every_attempt(serve, start):
    server = serve({"ops@example.net": ["451 4.3.0 Try later", "450 4.2.0 Busy"]})
    gateway, client = start({"mail": smtp(server.url())})
    sent = client.accepted(sent_to("ops@example.net"))
    await_states(client, sent, {"ops@example.net": "delivered"})
    assert server.attempts == ["ops@example.net"] * 3
    delivery = client.get(sent)[2]["deliveries"][0]
    assert server.mails()[0]["Message-ID"] == f"<{delivery['id']}@example.com>"
    failed = [line for line in gateway.log() if line and line["message"] == "attempt failed"]
    assert "451 4.3.0 Try later" in json.dumps(failed)


# --- what one mail does to others ---------------------------------------------------------------------------

def test_one_bad_recipient_among_ten_mails_blocks_nothing(serve, start):
    server = serve({"gone@example.net": "550 5.1.1 No such user", "spam@example.net": "550 5.7.1 Not wanted"})
    gateway, client = start({"mail": smtp(server.url())})
    good = [f"ops-{number}@example.net" for number in range(8)]
    sent = client.accepted(sent_to(*good[:4], "gone@example.net", *good[4:], "spam@example.net"))
    await_states(client, sent, {**dict.fromkeys(good, "delivered"), "gone@example.net": "dead",
                                "spam@example.net": "dead"})
    assert server.attempts.count("gone@example.net") == 1
    told = json.dumps(dead_letters(gateway, "mail"))
    assert "550 5.1.1 No such user" in told and "550 5.7.1 Not wanted" in told
    # Only who is not there gets nothing from now on.
    again = client.accepted(sent_to("gone@example.net", "spam@example.net"))
    await_states(client, again, {"gone@example.net": "dead", "spam@example.net": "dead"})
    assert server.attempts.count("gone@example.net") == 1
    assert server.attempts.count("spam@example.net") == 2


def test_a_thousand_mails_go_over_four_connections_at_most(serve, start):
    server = serve()
    _, client = start({"mail": smtp(server.url(), to="ops@example.net")})
    for first in range(0, 1000, 100):
        status, _, _ = client.batch([{**NOTE, "title": str(number)} for number in range(first, first + 100)])
        assert status == 202
    eventually(lambda: len(server.raw), 1000, "the mails")
    assert server.connections <= 4
    assert sorted(int(mail["Subject"]) for mail in server.mails()) == list(range(1000))


# --- signatures -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_signatures_are_verified_by_an_independent_implementation(serve, start, tmp_path, algorithm):
    key, public = signing_key(tmp_path, algorithm)
    server = serve()
    _, client = start({"mail": smtp(server.url(), html="<b>{{body}}</b>",
                                    dkim={"selector": "mail", "key_file": str(key)})})
    sent = client.accepted(sent_to("ops@example.net", title="Trailing   blanks 🚨", body="one  \n\n.two\n\n\n"))
    await_states(client, sent, {"ops@example.net": "delivered"})
    asked = []

    def answer(name, timeout=5):  # pylint: disable=unused-argument
        asked.append(name)
        return f"v=DKIM1; k={algorithm}; p={public}".encode()

    assert dkim.verify(server.raw[0], dnsfunc=answer)
    assert asked == [b"mail._domainkey.example.com."]
    changed = server.raw[0].replace(b"two", b"six")
    assert changed != server.raw[0] and not dkim.verify(changed, dnsfunc=answer)
    assert not dkim.verify(b"From: other@example.com\r\n" + server.raw[0], dnsfunc=answer)


def signing_key(folder, algorithm):
    """(the private key's file, the public key as the DNS has it)."""
    key = folder / "dkim.pem"
    words = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if algorithm == "rsa" else \
        ["-algorithm", "ED25519"]
    subprocess.run(["openssl", "genpkey", *words, "-out", key], check=True, capture_output=True)
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout
    # Of an Ed25519 key only the key itself (RFC 8463): the last 32 bytes.
    return key, base64.b64encode(public if algorithm == "rsa" else public[-32:]).decode()


# --- TLS and AUTH -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_mail_goes_over_tls_to_whom_the_authority_vouches_for(serve, start, certificates, implicit):
    server = serve(tls=certificates.issue("good"), implicit=implicit)
    _, client = start({"mail": smtp(server.url(), starttls="required", tls={"ca_file": str(certificates.ca)})})
    sent = client.accepted(sent_to("ops@example.net"))
    await_states(client, sent, {"ops@example.net": "delivered"})


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
@pytest.mark.parametrize("fault, words", [("expired", "expired"), ("elsewhere", "127.0.0.1"),
                                          ("stranger", "certificate")])
def test_a_server_that_cannot_prove_who_it_is_gets_no_mail(serve, start, certificates, tmp_path, implicit, fault,
                                                           words):
    issued = {"expired": lambda: certificates.issue("expired", days=-1),
              "elsewhere": lambda: certificates.issue("elsewhere", "DNS:elsewhere.test"),
              "stranger": lambda: Certificates(tmp_path / "stranger", "Stranger CA").issue("stranger")}[fault]()
    server = serve(tls=issued, implicit=implicit, auth=True)
    gateway, client = start({"mail": smtp(server.url(), **login(certificates.ca))})
    sent = client.accepted(sent_to("ops@example.net"))
    await_states(client, sent, {"ops@example.net": "dead"})  # tried again as any connection that fails
    assert not server.raw and not server.attempts
    told = json.dumps(dead_letters(gateway, "mail"))
    assert words in told and PASSWORD not in told


def test_a_server_without_starttls_gets_neither_mail_nor_password(serve, start, certificates):
    server = serve()
    gateway, client = start({"mail": smtp(server.url(), **login(certificates.ca))})
    sent = client.accepted(sent_to("ops@example.net"))
    await_states(client, sent, {"ops@example.net": "dead"})
    assert not server.attempts
    assert "STARTTLS" in json.dumps(dead_letters(gateway, "mail"))


def test_another_name_where_the_settings_say_so(serve, start, certificates):
    server = serve(tls=certificates.issue("renamed", "DNS:renamed.test"))
    tls = {"ca_file": str(certificates.ca), "server_name": "renamed.test"}
    _, client = start({"mail": smtp(server.url(), starttls="required", tls=tls)})
    sent = client.accepted(sent_to("ops@example.net"))
    await_states(client, sent, {"ops@example.net": "delivered"})


def test_a_refused_password_pauses_the_output_and_shows_nowhere(serve, start, certificates):
    server = serve(tls=certificates.issue("login"), auth=True)
    wrong = "wr0ng-" + PASSWORD
    outputs = {"mail": smtp(server.url(), **login(certificates.ca, wrong))}
    gateway, client = start(outputs)
    client.accepted(sent_to("ops@example.net"))
    await_pause(gateway)
    assert "535" in json.dumps(gateway.log())
    shown = json.dumps(gateway.log()) + gateway.admin("/metrics")[2] + gateway.admin("/v1/outputs")[2] + \
        gateway.admin("/v1/config")[2]
    assert PASSWORD not in shown and wrong not in shown
    assert not server.raw and not server.attempts


def test_mail_goes_to_a_server_that_knows_us(serve, start, certificates):
    server = serve(tls=certificates.issue("known"), auth=True)
    gateway, client = start({"mail": smtp(server.url(), **login(certificates.ca))})
    sent = client.accepted(sent_to("ops@example.net"))
    await_states(client, sent, {"ops@example.net": "delivered"})
    assert PASSWORD not in json.dumps(gateway.log())


def test_the_example_sends_its_mail(serve, start_gateway, tmp_path):
    server = serve()
    example = (ROOT / "conf/examples/mail/tocsin.yaml").read_text(encoding="utf-8")
    example = yaml.safe_load(example.replace("${TOCSIN_STATE:/tmp}", str(tmp_path)))
    example["admin"]["address"] = example["listeners"]["public"]["address"] = "127.0.0.1:0"
    example["outputs"]["mail"]["url"] = server.url()
    client = Client(start_gateway(example))
    client.accepted(NOTE)
    mail, = eventually(server.mails, lambda mails: len(mails) == 1, "the mails")
    assert (mail["To"], mail["Subject"]) == ("ops@example.com", "[warning] Disk full")
    assert "<h1>Disk full</h1>" in mail.get_body(("html",)).get_content()
    assert "disk.full, accepted 20" in mail.get_body(("plain",)).get_content()
    client.close()


# --- Postfix ----------------------------------------------------------------------------------------------

@pytest.fixture(scope="module", name="postfix")
def make_postfix(certificates):
    if not has_postfix():
        pytest.skip("Postfix is not installed, or this is not root")
    server = Postfix(*certificates.issue("postfix"))
    yield server
    server.close()


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_postfix_takes_mail_and_says_what_it_does_not_take(start, certificates, postfix, scheme):
    port = postfix.port if scheme == "smtp" else postfix.tls_port
    before = len(postfix.mails())
    gateway, client = start({"mail": smtp(f"{scheme}://127.0.0.1:{port}", **login(certificates.ca))})
    sent = client.accepted(sent_to("ops@example.net", "nobody@example.net", "ops@elsewhere.example",
                                   title="Disk full 🚨", body="one\n.two\n"))
    await_states(client, sent, {"ops@example.net": "delivered", "nobody@example.net": "dead",
                                "ops@elsewhere.example": "dead"})
    reasons = {letter["address"]: letter["reason"] for letter in dead_letters(gateway, "mail")}
    assert "550 5.1.1" in reasons["email:nobody@example.net"]
    assert "554 5.7.1" in reasons["email:ops@elsewhere.example"]
    mail = eventually(postfix.mails, lambda mails: len(mails) > before, "the mailbox")[-1]
    assert mail["Subject"] == "Disk full 🚨" and text_of(mail) == "one\n.two\n"


def test_postfix_refuses_a_wrong_password(start, certificates, postfix):
    url = f"smtp://127.0.0.1:{postfix.port}"
    gateway, client = start({"mail": smtp(url, **login(certificates.ca, "wr0ng"))})
    client.accepted(sent_to("ops@example.net"))
    await_pause(gateway)
    assert "535 5.7.8" in json.dumps(gateway.log())
