"""PostgreSQL as root's child: with user namespaces, and where the system refuses them (as container profiles do)."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Runs as root of a user namespace with all ids, in which the kernel allows no further user namespace.
REFUSE_NAMESPACES = """
import ctypes, os, sys
read_end, write_end = os.pipe()
go_read, go_write = os.pipe()
child = os.fork()
if child == 0:
    if ctypes.CDLL(None).unshare(0x10000000) != 0:
        os._exit(77)
    os.write(write_end, b"x")
    os.read(go_read, 1)
    os.setgid(0)
    os.setuid(0)
    with open("/proc/sys/user/max_user_namespaces", "w") as limit:
        limit.write("0")
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
os.close(write_end)
if os.read(read_end, 1):
    for kind in ("uid_map", "gid_map"):
        with open(f"/proc/{child}/{kind}", "w") as ids:
            ids.write("0 0 65536")
    os.write(go_write, b"x")
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""

SERVE_ONCE = """
import sys, time
from pathlib import Path
from console.embedded import ports, postgres
from console.embedded.identity import find_identity
home = Path(sys.argv[1])
cluster = postgres.Cluster(home=home, port=ports.choose(), password="secret", identity=find_identity())
postgres.initialise(cluster, sync=False)
postgres.check(cluster)
with open(home.parent / "log", "wb") as log:
    server = postgres.start(cluster, output=log.fileno())
deadline = time.monotonic() + 30
while not postgres.answers(cluster) and time.monotonic() < deadline:
    time.sleep(0.05)
postgres.create_database(cluster.url)
server.send_signal(postgres.STOP_SIGNAL)
print(type(cluster.identity).__name__, (cluster.data / "PG_VERSION").stat().st_uid, server.wait(timeout=10))
"""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="only root on Linux has to step aside"
)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that other users may pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="skep-identity-") as folder:
        Path(folder).chmod(0o711)
        (Path(folder) / "postgres").mkdir(mode=0o700)
        yield Path(folder) / "postgres"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)])}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90
    )


def test_root_serves_from_its_own_files_inside_a_user_namespace(reachable: Path):
    done = run("-c", SERVE_ONCE, str(reachable))
    if done.stdout.startswith("OtherUser"):
        pytest.skip("this system refuses user namespaces")
    assert (done.stdout, done.stderr) == ("InUserNamespace 0 0\n", "")


def test_root_hands_the_files_to_an_unprivileged_user_where_namespaces_are_refused(reachable: Path):
    done = run("-c", REFUSE_NAMESPACES, "-c", SERVE_ONCE, str(reachable))
    if done.returncode == 77:
        pytest.skip("this system refuses the namespace that the refusal is played in")
    if "cannot reach" in done.stderr:
        pytest.skip("the checkout lies where no other user may read")
    name, owner, code = done.stdout.split()
    assert (name, code) == ("OtherUser", "0")
    assert owner != "0"


def test_a_place_that_user_cannot_reach_is_named_with_advice(reachable: Path):
    closed = reachable.parent / "closed" / "postgres"
    closed.mkdir(parents=True)
    closed.parent.parent.chmod(0o700)
    done = run("-c", REFUSE_NAMESPACES, "-c", SERVE_ONCE, str(closed))
    if done.returncode == 77:
        pytest.skip("this system refuses the namespace that the refusal is played in")
    assert done.returncode != 0
    assert str(closed) in done.stderr
    assert "set DATABASE_URL" in done.stderr
