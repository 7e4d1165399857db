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
  });
  // Like a process's own streams these stay open: a pipe that ends must not silence the console.
  stream.destroy = () => stream;
  stream.end = (...given) => {
    const finish = typeof given.at(-1) === "function" ? given.pop() : undefined;
    if (given.length > 0 && given[0] !== undefined && given[0] !== null) stream.write(...given);
    if (finish) process.nextTick(finish);
    return stream;
  };
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
