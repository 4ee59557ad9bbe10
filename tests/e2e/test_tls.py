"""Webhooks over TLS: whom the gateway believes, what it shows, and what it says when it does not come to it."""

import json
import subprocess

import pytest

from gateway_process import BINARY, eventually
from notifications import Client, dead_letters, settings, webhook
from tls_front import Certificates, Proxy, TlsFront

NOTE = {"topic": "orders.paid", "level": "warning", "title": "Paid"}


@pytest.fixture(scope="module", name="certificates")
def make_certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(name="front")
def make_front(sink):
    """A function that puts a TLS front before the sink."""
    running = []

    def start(cert, key, client_ca=None):
        running.append(TlsFront(sink.port, cert, key, client_ca))
        return running[-1]

    yield start
    for front in running:
        front.close()


@pytest.fixture(name="start")
def make_start(start_gateway, tmp_path):
    """A function that starts a gateway with one webhook, and a client of it."""
    clients = []

    def start_both(sink, url, **options):
        output = {**webhook(sink), "url": url, **options}
        folder = tmp_path / f"store-{len(clients)}"
        folder.mkdir()
        gateway = start_gateway(settings(folder, {"hook": output}))
        clients.append(Client(gateway))
        return gateway, clients[-1]

    yield start_both
    for client in clients:
        client.close()


def await_state(client, sent, state):
    eventually(lambda: client.states(sent)["hook"], state, "the delivery")


@pytest.mark.sanitize
def test_a_webhook_goes_over_tls_to_whom_the_authority_vouches_for(start, sink, front, certificates):
    served = front(*certificates.issue("good"))
    _, client = start(sink, served.url(), tls={"ca_file": str(certificates.ca)})
    for number in range(20):
        await_state(client, client.accepted({**NOTE, "title": str(number)}), "delivered")
    assert sorted(sink.titles(), key=int) == [str(number) for number in range(20)]
    assert len(served.sessions) < 20  # connections are kept


def test_a_stranger_is_sent_nothing_and_the_dead_letter_says_why(start, sink, front, certificates, tmp_path):
    stranger = Certificates(tmp_path / "stranger", "Stranger CA")
    served = front(*stranger.issue("stranger"))
    gateway, client = start(sink, served.url(), tls={"ca_file": str(certificates.ca)})
    sent = client.accepted(NOTE)
    await_state(client, sent, "dead")
    assert sink.count() == 0
    told = json.dumps(dead_letters(gateway))
    assert "Stranger CA" in told and "an authority that is not trusted here" in told
    failed = [line for line in gateway.log() if line and line["message"] == "attempt failed"]
    assert [line["next"] for line in failed] == ["ready", "ready", "dead"]  # as any connection that fails


def test_a_certificate_for_another_host_is_refused(start, sink, front, certificates):
    served = front(*certificates.issue("elsewhere", "DNS:elsewhere.test"))
    gateway, client = start(sink, served.url(), tls={"ca_file": str(certificates.ca)})
    await_state(client, client.accepted(NOTE), "dead")
    assert sink.count() == 0
    assert "is not for 127.0.0.1, only for elsewhere.test" in json.dumps(dead_letters(gateway))


def test_another_name_or_no_verification_where_the_settings_say_so(start, sink, front, certificates):
    served = front(*certificates.issue("renamed", "DNS:renamed.test"))
    _, client = start(sink, served.url(), tls={"ca_file": str(certificates.ca), "server_name": "renamed.test"})
    await_state(client, client.accepted(NOTE), "delivered")
    _, other = start(sink, served.url(), tls={"verify": False})
    await_state(other, other.accepted(NOTE), "delivered")


def test_the_gateway_shows_its_certificate_to_a_server_that_asks(start, sink, front, certificates):
    served = front(*certificates.issue("asking"), client_ca=certificates.ca)
    cert, key = certificates.issue("gateway", "DNS:gateway.test")
    tls = {"ca_file": str(certificates.ca)}
    _, client = start(sink, served.url(), tls=tls)
    await_state(client, client.accepted(NOTE), "dead")
    assert sink.count() == 0
    _, shown = start(sink, served.url(), tls={**tls, "cert_file": str(cert), "key_file": str(key)})
    await_state(shown, shown.accepted(NOTE), "delivered")
    assert "gateway" in json.dumps(served.clients[-1])


def test_a_reload_reads_files_again_that_have_changed(start, sink, front, certificates, tmp_path):
    served = front(*certificates.issue("renewed"))
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(Certificates(tmp_path / "old").ca.read_text(encoding="utf-8"), encoding="utf-8")
    gateway, client = start(sink, served.url(), tls={"ca_file": str(trusted)})
    await_state(client, client.accepted(NOTE), "dead")
    renewed = tmp_path / "new.pem"
    renewed.write_text(certificates.ca.read_text(encoding="utf-8"), encoding="utf-8")
    renewed.rename(trusted)  # the settings stay as they are
    status, answer = gateway.reload()
    assert status == 200, answer
    await_state(client, client.accepted(NOTE), "delivered")


def test_requests_go_through_a_proxy_by_a_tunnel(start, sink, front, certificates):
    served = front(*certificates.issue("behind", "DNS:behind.test"))
    proxy = Proxy({"behind.test": "127.0.0.1"})
    _, client = start(sink, served.url(host="behind.test"), tls={"ca_file": str(certificates.ca)},
                      proxy=f"http://user:s3cret@127.0.0.1:{proxy.port}")
    await_state(client, client.accepted(NOTE), "delivered")
    assert proxy.asked == [(f"behind.test:{served.port}", "Basic dXNlcjpzM2NyZXQ=")]
    proxy.close()


# --- tocsin check ---------------------------------------------------------------------------------------

def check(folder, tls):
    path = folder / "tocsin.yaml"
    path.write_text(f"""admin: {{address: "127.0.0.1:0"}}
storage: {{type: sqlite, path: {folder}/outbox.db}}
outputs:
  hook:
    type: webhook
    url: https://hook.test/
    tls:
{''.join(f'      {key}: {value}' + chr(10) for key, value in tls)}
routes: [{{outputs: [hook]}}]
""", encoding="utf-8")
    done = subprocess.run([BINARY, "check", "--config", path], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_check_names_the_file_at_fault_and_where_it_is_written(certificates, tmp_path):
    cert, key = certificates.issue("ours")
    _, other = certificates.issue("theirs")
    code, text = check(tmp_path, [("ca_file", certificates.ca), ("cert_file", cert), ("key_file", key)])
    assert code == 0, text
    code, text = check(tmp_path, [("ca_file", "/nowhere/ca.pem")])
    assert code != 0
    assert "tocsin.yaml:8:16: outputs.hook.tls.ca_file: /nowhere/ca.pem: cannot be read: No such file" in text, text
    code, text = check(tmp_path, [("cert_file", cert), ("key_file", other)])
    assert code != 0
    assert f"tocsin.yaml:9:17: outputs.hook.tls.key_file: {other}: is not the key of {cert}" in text, text
    code, text = check(tmp_path, [("server_name", '"*.hook.test"')])
    assert code != 0
    assert "tocsin.yaml:8:20: outputs.hook.tls.server_name: '*.hook.test' is no name" in text, text
