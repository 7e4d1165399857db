// Owns descriptor 3: the one request that comes in, and the frames (type byte, little-endian length, body) that go out.
"use strict";

const { readSync, writeSync } = require("node:fs");

const CHANNEL = 3;
const HEADER = 5;
const FIRST_READ = 65536;
const READY = 0x53;
const STDOUT = 0x4f;
const STDERR = 0x45;
const RESULT = 0x52;

// Taken before any user code runs: the code may replace them, and then only it would be misled.
const { allocUnsafe, byteLength, prototype: { utf8Write, utf8Slice, copy } } = Buffer;
const { parse } = JSON;
const { reallyExit } = process;
const call = Function.prototype.call.bind(Function.prototype.call);

let open = false;

function writeFrame(kind, body) {
  if (!open) return;
  const length = typeof body === "string" ? byteLength(body, "utf8") : body.length;
  const frame = allocUnsafe(HEADER + length);
  frame[0] = kind;
  frame[1] = length & 0xff;
  frame[2] = (length >>> 8) & 0xff;
  frame[3] = (length >>> 16) & 0xff;
  frame[4] = length >>> 24;
  if (typeof body === "string") call(utf8Write, frame, body, HEADER, length);
  else call(copy, body, frame, HEADER);
  let sent = 0;
  while (sent < frame.length) sent += writeSync(CHANNEL, frame, sent, frame.length - sent);
}

// Until it is opened the channel swallows what is written, so that warming up looks like a run and says nothing.
function openChannel() {
  open = true;
  writeFrame(READY, "");
}

function isOpen() {
  return open;
}

function readRequest() {
  let buffer = allocUnsafe(FIRST_READ);
  let filled = 0;
  let wanted = 4;
  while (filled < wanted) {
    const count = readSync(CHANNEL, buffer, filled, buffer.length - filled, null);
    if (count === 0) reallyExit(0); // the supervisor let go of this spare
    filled += count;
    if (wanted === 4 && filled >= 4) {
      wanted += buffer.readUInt32LE(0);
      if (wanted > buffer.length) {
        const larger = allocUnsafe(wanted);
        buffer.copy(larger, 0, 0, filled);
        buffer = larger;
      }
    }
  }
  return parse(call(utf8Slice, buffer, 4, wanted));
}

module.exports = { RESULT, STDERR, STDOUT, isOpen, openChannel, readRequest, writeFrame };
