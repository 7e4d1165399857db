"""On a system without a sandbox the modules import, so that the sidecar can say why it refuses."""

import subprocess

from tests.sandbox.kernel.confined import INTERPRETER, ROOT

SOURCE = """
import pkgutil, sys
sys.path.insert(0, {root!r})
import ctypes
sys.platform = "darwin"
del ctypes.CDLL
from apps.sandbox.sidecar import kernel
for module in pkgutil.iter_modules(kernel.__path__):
    __import__(f"apps.sandbox.sidecar.kernel.{{module.name}}")
from apps.sandbox.sidecar.kernel import calls, numbers
try:
    calls.set_no_new_privs()
except numbers.UnsupportedMachine as error:
    print(error)
foreign = [name for name in sys.modules if name.split(".")[0] not in sys.stdlib_module_names | {{"apps", "__main__"}}]
print(foreign)
"""


def test_every_module_imports_with_nothing_but_the_standard_library_and_another_system() -> None:
    command = [INTERPRETER, "-I", "-S", "-c", SOURCE.format(root=str(ROOT))]
    output = subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout
    assert output.splitlines() == ["the sandbox needs Linux, and this is darwin", "[]"]
