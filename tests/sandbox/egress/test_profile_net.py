"""The profile net from outside: code in a real sidecar reaches what the operator lists, and nothing else."""

from __future__ import annotations

import os
import re
import signal
import socket
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.sandbox.egress.servers import Site, make_certificate, site
from tests.sandbox.sidecar_process import Sidecar, StartRefused, modes_here, running_sidecar

#: `attempt(f)` gives what f() gives, or the name and text of its exception.
PRELUDE = textwrap.dedent(
    """
    def attempt(action):
        try:
            return repr(action())
        except BaseException as error:
            return f"{type(error).__name__}: {error}"
    """
)
FETCH = PRELUDE + textwrap.dedent(
    """
    def main(urls):
        import urllib.request
        def fetch(url):
            with urllib.request.urlopen(url, timeout=8) as response:
                return response.read().decode()
        return {"answers": [attempt(lambda: fetch(url)) for url in urls]}
    """
)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A sidecar with the network on, a server that it may reach, and one that it may not."""

    sidecar: Sidecar
    open: Site
    secure: Site
    closed: Site
    authority: str

    def fetch(self, *urls: str) -> list[str]:
        result = self.sidecar.run_when_up(FETCH, profile="net", inputs={"urls": list(urls)})
        assert result["status"] == "ok", result
        answers: list[str] = result["outputs"]["answers"]
        return answers

    def main(self, body: str, **inputs: Any) -> dict[str, Any]:
        code = PRELUDE + "\ndef main(**inputs):\n" + textwrap.indent(textwrap.dedent(body), "    ")
        result = self.sidecar.run_when_up(code, profile="net", inputs=inputs)
        assert result["status"] == "ok", result
        outputs: dict[str, Any] = result["outputs"]
        return outputs


@pytest.fixture(scope="module", params=["root", "userns"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if request.param not in modes_here():
        pytest.skip(f"{request.param} cannot be had here")
    certificate = make_certificate(tmp_path_factory.mktemp("tls"))
    with site() as allowed, site(certificate=certificate) as secure, site() as closed:
        rules = f"127.0.0.1:{allowed.port},127.0.0.1:{secure.port}"
        arguments = ("--net", "--net-allow", rules, "--spares-python", "2", "--node", "off")
        with running_sidecar(request.param, *arguments) as sidecar:
            yield Scene(
                sidecar=sidecar,
                open=allowed,
                secure=secure,
                closed=closed,
                authority=re.sub(
                    r"-----BEGIN PRIVATE.*?END PRIVATE KEY-----\n", "", certificate.read_text(), flags=re.S
                ),
            )


def test_code_fetches_from_a_listed_server_and_follows_its_redirects(scene: Scene) -> None:
    home = f"http://127.0.0.1:{scene.open.port}/"
    assert scene.fetch(home, f"{home}away?to={home}") == ["'hello'", "'hello'"]


def test_code_posts_to_a_listed_server(scene: Scene) -> None:
    outputs = scene.main(
        """
        import urllib.request
        request = urllib.request.Request(inputs["url"], data=b"x" * 100_000)
        return {"length": len(urllib.request.urlopen(request, timeout=8).read())}
        """,
        url=f"http://127.0.0.1:{scene.open.port}/",
    )
    assert outputs == {"length": 100_000}


def test_tls_goes_through_a_tunnel_and_is_verified_inside(scene: Scene) -> None:
    outputs = scene.main(
        """
        import os, ssl, urllib.request
        def fetch(context):
            return urllib.request.urlopen(inputs["url"], timeout=8, context=context).read().decode()
        trusting = ssl.create_default_context(cadata=inputs["authority"])
        return {
            "trusting": attempt(lambda: fetch(trusting)),
            "default": attempt(lambda: fetch(ssl.create_default_context())),
            "authorities": ssl.create_default_context().cert_store_stats()["x509_ca"],
        }
        """,
        url=f"https://127.0.0.1:{scene.secure.port}/",
        authority=scene.authority,
    )
    assert outputs["trusting"] == "'hello'"
    assert "CERTIFICATE_VERIFY_FAILED" in outputs["default"]
    if Path("/etc/ssl/certs/ca-certificates.crt").exists():
        assert outputs["authorities"] > 10  # the system's authorities are there to verify with


def test_a_redirect_to_a_closed_server_is_refused(scene: Scene) -> None:
    before = list(scene.closed.asked)
    away = f"http://127.0.0.1:{scene.open.port}/away?to="
    answers = scene.fetch(
        f"{away}http://127.0.0.1:{scene.closed.port}/",
        f"{away}http://169.254.169.254/latest/meta-data/",
        f"{away}http://localhost/",
        f"{away}https://10.0.0.1/",
    )
    assert all("403" in answer for answer in answers), answers
    assert scene.closed.asked == before


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.1", "2130706433", "localhost", "0.0.0.0"),
        *("169.254.169.254", "100.64.0.1", "168.63.129.16", "224.0.0.1", "[::1]", "[fd00:ec2::254]", "[fe80::1]"),
        *("[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[::127.0.0.1]"),
    ],
)
def test_an_address_that_is_not_public_is_refused(scene: Scene, host: str) -> None:
    plain, tunnel = scene.fetch(f"http://{host}/", f"https://{host}/")
    assert plain.startswith("HTTPError: HTTP Error 403: Refused by the sandbox")
    assert "Tunnel connection failed: 403 Refused by the sandbox" in tunnel


def test_other_ports_are_refused(scene: Scene) -> None:
    answers = scene.fetch("http://8.8.8.8:22/", "https://8.8.8.8:6379/", f"http://127.0.0.1:{scene.closed.port}/")
    assert all("this port is not open" in answer for answer in answers), answers


def test_there_is_no_way_but_the_proxy(scene: Scene) -> None:
    outputs = scene.main(
        """
        import os, socket
        proxy = int(os.environ["http_proxy"].rpartition(":")[2])
        def kind(*arguments):
            return attempt(lambda: socket.socket(*arguments))
        def connect(host, port):
            sock = socket.socket()
            sock.settimeout(2)
            return attempt(lambda: sock.connect((host, port)))
        stream = socket.socket()
        return {
            "proxy": connect("127.0.0.1", proxy),
            "sockets": [
                kind(socket.AF_INET, socket.SOCK_DGRAM), kind(socket.AF_INET, socket.SOCK_RAW, 1),
                kind(socket.AF_INET, socket.SOCK_STREAM, 262), kind(socket.AF_UNIX), kind(socket.AF_NETLINK, 3, 0),
                kind(socket.AF_PACKET, 3, 0), kind(socket.AF_VSOCK, 1, 0),
            ],
            "v6": kind(socket.AF_INET6),
            "connects": [
                connect("127.0.0.1", inputs["open"]), connect("127.0.0.1", inputs["closed"]), connect("8.8.8.8", 53),
                connect("8.8.8.8", 80), connect("169.254.169.254", 80), connect("127.0.0.1", proxy + 1),
                connect("8.8.8.8", proxy), connect("10.0.0.1", proxy),
            ],
            "serve": [
                attempt(lambda: stream.bind(("127.0.0.1", 0))), attempt(lambda: stream.listen()),
                attempt(lambda: stream.sendmsg([b"x"])), attempt(lambda: stream.accept()),
            ],
            "fast_open": attempt(lambda: socket.socket().sendto(b"x", 0x20000000, ("127.0.0.1", inputs["open"]))),
            "options": [
                attempt(lambda: stream.setsockopt(socket.SOL_SOCKET, 26, b"0" * 16)),
                attempt(lambda: stream.setsockopt(6, 31, b"tls")),
                attempt(lambda: stream.setsockopt(socket.SOL_SOCKET, 25, b"lo")),
            ],
            "name": attempt(lambda: socket.getaddrinfo("example.com", 80)),
        }
        """,
        open=scene.open.port,
        closed=scene.closed.port,
    )
    assert outputs["proxy"] == "None"
    assert all(answer.startswith("PermissionError") for answer in outputs["sockets"]), outputs["sockets"]
    assert "Address family not supported" in outputs["v6"]
    refused = ("PermissionError", "OSError: [Errno 101] Network is unreachable", "ConnectionRefusedError")
    assert all(answer.startswith(refused) for answer in outputs["connects"]), outputs["connects"]
    assert all(answer.startswith("PermissionError") for answer in outputs["serve"]), outputs["serve"]
    assert outputs["fast_open"].startswith(("PermissionError", "ConnectionRefusedError", "OSError"))
    assert all("Protocol not available" in answer for answer in outputs["options"]), outputs["options"]
    assert outputs["name"].startswith("gaierror")


def test_one_run_cannot_be_reached_by_another(scene: Scene) -> None:
    # All runs of the profile share one network namespace: what is in it must be of no use to a neighbour.
    outputs = scene.main(
        """
        import os, socket
        proxy = int(os.environ["http_proxy"].rpartition(":")[2])
        mine = socket.create_connection(("127.0.0.1", proxy))
        port = mine.getsockname()[1]
        other = socket.socket()
        other.settimeout(2)
        return {"answer": attempt(lambda: other.connect(("127.0.0.1", port)))}
        """
    )
    assert outputs["answer"].startswith(("PermissionError", "ConnectionRefusedError"))


def test_asyncio_and_http_client_work(scene: Scene) -> None:
    outputs = scene.main(
        """
        import asyncio, http.client, os
        from urllib.parse import urlsplit
        proxy = urlsplit(os.environ["HTTPS_PROXY"])
        connection = http.client.HTTPConnection(proxy.hostname, proxy.port, timeout=8)
        connection.request("GET", inputs["url"])
        plain = connection.getresponse().read().decode()
        async def fetch():
            reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port)
            writer.write(f"GET {inputs['url']} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode())
            return (await reader.read()).decode()[-5:]
        async def many():
            return await asyncio.gather(*(fetch() for _ in range(5)))
        return {"plain": plain, "many": asyncio.run(many())}
        """,
        url=f"http://127.0.0.1:{scene.open.port}/",
    )
    assert outputs == {"plain": "hello", "many": ["hello"] * 5}


def test_the_environment_holds_the_proxy_and_nothing_else(scene: Scene) -> None:
    outputs = scene.main("import os\nreturn dict(os.environ)")
    assert {name.upper() for name in outputs} <= {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", outputs["https_proxy"])


def test_the_other_profiles_have_no_socket_at_all(scene: Scene) -> None:
    code = PRELUDE + textwrap.dedent(
        """
        def main():
            import os, socket
            kinds = [(2, 1), (2, 2), (10, 1), (1, 1), (16, 3)]
            return {"env": dict(os.environ), "sockets": [attempt(lambda: socket.socket(*kind)) for kind in kinds]}
        """
    )
    outputs = scene.sidecar.run(code, profile="base")["outputs"]
    assert outputs["env"] == {}
    assert all(answer.startswith("PermissionError") for answer in outputs["sockets"])


def test_javascript_has_no_such_profile(scene: Scene) -> None:
    answer = scene.sidecar.try_run("function main() { return {} }", language="javascript", profile="net")
    assert (answer.code, answer.body["error"]["code"]) == (400, "language_unavailable")


def test_health_counts_what_went_out_and_names_what_was_refused(scene: Scene) -> None:
    before = scene.sidecar.health()["egress"]
    scene.fetch(f"http://127.0.0.1:{scene.open.port}/secret-path?key=1", "http://10.9.8.7/secret-path")
    after = scene.sidecar.health()["egress"]
    assert after["opened"]["requests"] == before["opened"].get("requests", 0) + 1
    assert after["refused"]["not_public"] == before["refused"].get("not_public", 0) + 1
    assert after["received_bytes"] > before["received_bytes"]
    last = after["recent_refusals"][-1]
    assert (last["host"], last["port"], last["reason"]) == ("10.9.8.7", 80, "not_public")
    assert "secret" not in str(after)


def test_one_run_cannot_take_all_connections(scene: Scene) -> None:
    outputs = scene.main(
        """
        import os, socket
        proxy = int(os.environ["http_proxy"].rpartition(":")[2])
        kept = []
        try:
            while True:
                kept.append(socket.create_connection(("127.0.0.1", proxy)))
                kept[-1].sendall(f"CONNECT 127.0.0.1:{inputs['port']} HTTP/1.1\\r\\n\\r\\n".encode())
                if b" 200 " not in kept[-1].recv(100):
                    break
        except OSError as error:
            return {"held": len(kept), "error": str(error)}
        return {"held": len(kept), "error": "the proxy had no more"}
        """,
        port=scene.open.port,
    )
    assert "Too many open files" in outputs["error"]
    assert 20 < outputs["held"] < 32


def test_a_run_that_ends_takes_its_connections_along(scene: Scene) -> None:
    scene.main(
        """
        import os, socket
        proxy = int(os.environ["http_proxy"].rpartition(":")[2])
        for _ in range(5):
            sock = socket.create_connection(("127.0.0.1", proxy))
            sock.sendall(f"CONNECT 127.0.0.1:{inputs['port']} HTTP/1.1\\r\\n\\r\\n".encode())
            sock.recv(100)
            globals().setdefault("kept", []).append(sock)
        return {}
        """,
        port=scene.open.port,
    )
    deadline = time.monotonic() + 8
    while scene.sidecar.health()["egress"]["active"] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert scene.sidecar.health()["egress"]["active"] == 0


def test_a_proxy_that_dies_is_replaced_and_the_runs_go_on(scene: Scene) -> None:
    restarts = scene.sidecar.health()["egress"]["restarts"]
    [proxy] = [each for each in scene.sidecar.descendants() if any("egress.main" in word for word in each.cmdline())]
    os.kill(proxy.pid, signal.SIGKILL)
    home = f"http://127.0.0.1:{scene.open.port}/"
    assert scene.fetch(home) == ["'hello'"]
    assert scene.sidecar.health()["egress"]["restarts"] == restarts + 1


def test_a_zygote_that_dies_comes_back_with_a_listener(scene: Scene) -> None:
    home = f"http://127.0.0.1:{scene.open.port}/"
    assert scene.fetch(home) == ["'hello'"]
    before = scene.sidecar.health()["profiles"]["net"]["generation"]
    for zygote in scene.sidecar.zygotes():
        if not any("egress.main" in word for word in zygote.cmdline()):
            zygote.kill()
    deadline = time.monotonic() + 20
    while scene.sidecar.health()["profiles"]["net"]["generation"] == before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert scene.fetch(home) == ["'hello'"]


def test_zygotes_that_are_recycled_hand_their_listeners_over(scene: Scene) -> None:
    arguments = ("--net", "--net-allow", f"127.0.0.1:{scene.open.port}", "--node", "off", "--recycle-runs", "2")
    with running_sidecar(scene.sidecar.mode, *arguments, "--spares-python", "1") as sidecar:
        code = FETCH
        urls = {"urls": [f"http://127.0.0.1:{scene.open.port}/"]}
        deadline = time.monotonic() + 20
        while sidecar.health()["profiles"]["net"]["generation"] < 3 and time.monotonic() < deadline:
            result = sidecar.run_when_up(code, profile="net", inputs=urls)
            assert result["outputs"] == {"answers": ["'hello'"]}
            time.sleep(0.05)
        assert sidecar.health()["profiles"]["net"]["generation"] >= 3
        assert sidecar.health()["egress"]["restarts"] == 0


@pytest.mark.parametrize("layer", ["landlock", "capabilities"])
def test_the_namespace_alone_keeps_code_from_everything_but_the_proxy(layer: str) -> None:
    body = """
    import os, socket
    proxy = int(os.environ["http_proxy"].rpartition(":")[2])
    def connect(host, port, kind=socket.SOCK_STREAM):
        def act():
            with socket.socket(socket.AF_INET, kind) as sock:
                sock.settimeout(2)
                sock.connect((host, port))
                return "connected"
        return attempt(act)
    def abstract():
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(chr(0) + "skep-egress-test")
            return "connected"
    return {
        "proxy": connect("127.0.0.1", proxy),
        "others": [
            connect("127.0.0.1", inputs["closed"]), connect("8.8.8.8", 80), connect("169.254.169.254", 80),
            connect("8.8.8.8", 53, socket.SOCK_DGRAM), attempt(abstract), connect("127.0.0.1", proxy + 1),
        ],
    }
    """
    with (
        site() as closed,
        socket.socket(socket.AF_UNIX) as abstract,
        running_sidecar(modes_here()[0], "--net", "--node", "off", "--unsafe-without", layer) as sidecar,
    ):
        abstract.bind("\0skep-egress-test")
        abstract.listen()
        code = PRELUDE + "\ndef main(**inputs):\n" + textwrap.indent(textwrap.dedent(body), "    ")
        result = sidecar.run_when_up(code, profile="net", inputs={"closed": closed.port})
        assert result["outputs"]["proxy"] == "'connected'"
        assert not any("connected'" in answer for answer in result["outputs"]["others"]), result["outputs"]
        assert closed.asked == []


def test_the_proxy_ends_with_its_supervisor() -> None:
    with running_sidecar(modes_here()[0], "--net", "--node", "off", "--spares-python", "1") as sidecar:
        sidecar.run_when_up("def main():\n    return {}", profile="net")
        family = sidecar.descendants()
        assert any("egress.main" in word for each in family for word in each.cmdline())
        sidecar.process.kill()
        _gone, alive = psutil.wait_procs(family, timeout=5)
        assert alive == []


def test_the_network_is_off_unless_it_is_turned_on() -> None:
    with running_sidecar(modes_here()[0], "--node", "off", "--spares-python", "1") as sidecar:
        answer = sidecar.try_run("def main():\n    return {}", profile="net")
        assert (answer.code, answer.body["error"]["code"]) == (400, "profile_unavailable")
        assert "--net" in answer.body["error"]["message"]
        assert "egress" not in sidecar.health()


def test_without_namespaces_there_is_no_network() -> None:
    if "landlock" not in modes_here():
        pytest.skip("landlock cannot be had here")
    with running_sidecar("landlock", "--net", "--node", "off", "--spares-python", "1") as sidecar:
        answer = sidecar.try_run("def main():\n    return {}", profile="net")
        assert (answer.code, answer.body["error"]["code"]) == (400, "profile_unavailable")
        assert "namespace" in answer.body["error"]["message"]
        profile = sidecar.health()["profiles"]["net"]
        assert (profile["state"], "namespace" in profile["reason"]) == ("off", True)


def test_a_rule_that_cannot_be_read_keeps_the_sidecar_from_starting() -> None:
    for arguments in (("--net-allow", "10.0.0.0/99"), ("--net-deny", "http://x"), ("--net-ports", "0")):
        with pytest.raises(StartRefused) as caught, running_sidecar(modes_here()[0], "--net", *arguments):
            pass
        assert caught.value.code == 78
        assert arguments[1] in caught.value.stderr
