# ruff: noqa: E501 - code of attacks reads better in long lines than wrapped
"""Code that searches its own process for what other runs or the sidecar may have left there."""

#: Follows the loaded libraries, the stack and the heap; a page that is not mapped is noticed because the kernel
#: refuses to write it to a pipe. The patterns do not match themselves, so what is found was left by somebody.
HEAP_SCAN = """
import ctypes, gc, os, re
libc = ctypes.CDLL(None, use_errno=True)
libc.dlopen.restype = libc.sbrk.restype = ctypes.c_void_p
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
PAGE, STEP, GAP = 4096, 65536, 4096
class LinkMap(ctypes.Structure):
    _fields_ = [("base", ctypes.c_ulong), ("name", ctypes.c_char_p), ("dynamic", ctypes.c_void_p), ("next", ctypes.c_void_p)]
def anchors(own):
    at = libc.dlopen(None, 1)
    while at:
        entry = LinkMap.from_address(at)
        yield entry.base
        yield at
        at = entry.next
    yield libc.sbrk(0) - PAGE
    yield ctypes.addressof(ctypes.c_char_p.in_dll(libc, "environ"))
    yield ctypes.cast(ctypes.c_void_p.in_dll(libc, "environ"), ctypes.c_void_p).value or 0
    yield id(own)
    yield ctypes.addressof(ctypes.create_string_buffer(16))
    yield ctypes.addressof(ctypes.create_string_buffer(1 << 20))
    for item in gc.get_objects()[::500]:
        yield id(item)
def main(own):
    reader, writer = os.pipe()
    found, keys, seen, pages = set(), set(), set(), 0
    def page_at(address):
        count = libc.write(writer, address, PAGE)
        return os.read(reader, PAGE) if count == PAGE else None
    def look(data):
        found.update(item.decode() for item in re.findall(rb"SKEPRUN-[0-9a-f]{32}", data))
        keys.update(item.decode() for item in re.findall(rb"SKEPKEY-[0-9a-f]{32}", data))
    for anchor in anchors(own):
        start = anchor & -PAGE
        if not start or start in seen:
            continue
        for direction in (PAGE, -PAGE):
            address, misses, tail = start, 0, b""
            while misses < GAP and 0 < address < 1 << 47:
                if address in seen:
                    break
                data = page_at(address)
                if data is None:
                    misses += 1
                else:
                    seen.add(address)
                    misses, pages = 0, pages + 1
                    look(tail[-48:] + data if direction > 0 else data + tail[:48])
                    tail = data
                address += direction
            if direction > 0:
                seen.discard(start)
    return {"found": sorted(found), "keys": sorted(keys), "pages": pages}
"""

OBJECT_SCAN = """
import gc, re, sys
def main(own):
    found, keys, seen = set(), set(), set()
    waiting = [gc.get_objects(), list(sys.modules.values()), sys._current_frames(), own]
    frame = sys._getframe()
    while frame:
        waiting += [frame.f_locals, frame.f_globals]
        frame = frame.f_back
    while waiting and len(seen) < 400_000:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, (bytes, bytearray)):
            item = bytes(item).decode("latin-1")
        if isinstance(item, str):
            found.update(re.findall("SKEPRUN-[0-9a-f]{32}", item))
            keys.update(re.findall("SKEPKEY-[0-9a-f]{32}", item))
        else:
            waiting += gc.get_referents(item)
    return {"found": sorted(found), "keys": sorted(keys), "objects": len(seen)}
"""

JAVASCRIPT_SCAN = """
function main({ own }) {
  const found = new Set(), keys = new Set();
  const look = (text) => {
    for (const match of text.matchAll(/SKEPRUN-[0-9a-f]{32}/g)) found.add(match[0]);
    for (const match of text.matchAll(/SKEPKEY-[0-9a-f]{32}/g)) keys.add(match[0]);
  };
  // What an allocation that is not cleared still holds.
  const kept = [];
  for (const size of [64, 512, 4096, 8192, 65536, 1 << 20])
    for (let round = 0; round < 40 && kept.length < 400; round += 1) {
      const buffer = Buffer.allocUnsafe(size);
      kept.push(buffer);
      look(buffer.toString("latin1"));
      if (buffer.buffer.byteLength !== size) look(Buffer.from(buffer.buffer).toString("latin1"));
    }
  return new Promise((done, failed) => {
    let text = "";
    const snapshot = require("v8").getHeapSnapshot();
    snapshot.on("data", (piece) => { text = text.slice(-64) + piece; look(text); });
    snapshot.on("error", failed);
    snapshot.on("end", () => done({ found: [...found], keys: [...keys], own }));
  });
}
"""
