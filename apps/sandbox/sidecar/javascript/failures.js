// Describes what user code threw: its type, its message, and a traceback with nothing but the user's own lines.
"use strict";

const { inspect, types } = require("node:util");
const { ResultNotJson, ResultType } = require("./outputs.js");

const MAX_TRACEBACK = 16384;
const MAX_MESSAGE = 8192;
const MAX_CAUSES = 4;
// What the engine says when it is refused memory and can still throw.
const REFUSED_MEMORY =
  /Array buffer allocation failed|could not allocate memory|Unable to grow instance memory|not enough memory/;
const REFUSED_MEMORY_CODES = ["ERR_MEMORY_ALLOCATION_FAILED", "ERR_WORKER_OUT_OF_MEMORY"];

const { isNativeError } = types;
const { slice, split, includes, startsWith } = String.prototype;
const { join, includes: contains } = Array.prototype;
const { test } = RegExp.prototype;
const call = Function.prototype.call.bind(Function.prototype.call);
const text = String;

class MissingMain extends Error {
  constructor(message) {
    super(message);
  }
}

const OWN = [MissingMain, ResultNotJson, ResultType];

function describeFailure(error) {
  try {
    return describe(error);
  } catch {
    // Getters and proxies of the user's may throw again; there is nothing of it that could be shown.
    return { type: "Error", message: "something that cannot be read was thrown", traceback: null };
  }
}

function describe(error) {
  if (!isNativeError(error) && !(error instanceof Error)) {
    return { type: "Error", message: clip(`thrown: ${inspect(error)}`, MAX_MESSAGE), traceback: null };
  }
  const message = clip(text(error.message), MAX_MESSAGE);
  for (let index = 0; index < OWN.length; index += 1) {
    if (error instanceof OWN[index]) return { type: OWN[index].name, message, traceback: null };
  }
  const type = isRefusedMemory(error, message) ? "MemoryError" : clip(text(error.name || "Error"), 200);
  return { type, message, traceback: userTraceback(error) };
}

function isRefusedMemory(error, message) {
  if (call(contains, REFUSED_MEMORY_CODES, error.code)) return true;
  return error.name === "RangeError" && call(test, REFUSED_MEMORY, message);
}

function userTraceback(error) {
  const kept = [];
  let seen = error;
  for (let depth = 0; depth <= MAX_CAUSES && seen && typeof seen.stack === "string"; depth += 1) {
    if (depth > 0) kept[kept.length] = "Caused by:";
    const lines = call(split, clip(seen.stack, 4 * MAX_TRACEBACK), "\n");
    for (let index = 0; index < lines.length; index += 1) {
      if (!isForeignFrame(lines[index])) kept[kept.length] = lines[index];
    }
    seen = seen.cause;
  }
  return clip(call(join, kept, "\n"), MAX_TRACEBACK);
}

// Frames of Node.js and of these files would only send the author of the code astray.
function isForeignFrame(line) {
  return call(startsWith, line, "    at ") && (call(includes, line, __dirname) || call(includes, line, "node:"));
}

function clip(string, most) {
  return string.length > most ? `${call(slice, string, 0, most)}…` : string;
}

module.exports = { MissingMain, describeFailure };
