// Stands in for process.stdout and process.stderr, and so for the console: what the code prints leaves as frames.
"use strict";

const { Writable } = require("node:stream");
const { STDERR, STDOUT, writeFrame } = require("./channel.js");

const { from } = Buffer;

function frameStream(kind, descriptor) {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, encoding, done) {
      const ready = typeof chunk !== "string" || encoding === "utf8" || encoding === "utf-8";
      writeFrame(kind, ready ? chunk : from(chunk, encoding));
      done();
    },
    // Like a process's own streams these come back: a pipe that ends does not silence the console.
    destroy(error, done) {
      done(error);
      this._undestroy();
    },
  });
  stream.fd = descriptor;
  return stream;
}

function redirectStreams() {
  for (const [name, kind, descriptor] of [["stdout", STDOUT, 1], ["stderr", STDERR, 2]]) {
    const stream = frameStream(kind, descriptor);
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
  }
}

module.exports = { redirectStreams };
