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
const { toString: errorText } = Error.prototype;
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

// Ends every stack where the user's code was called: what lies below is the runner, also for an error that the code
// prints itself.
function shortenStacks() {
  Error.prepareStackTrace = (error, frames) => {
    let stack = headline(error);
    for (let index = 0; index < frames.length; index += 1) {
      const file = frames[index].getFileName();
      if (typeof file === "string" && call(startsWith, file, __dirname)) break;
      stack += `\n    at ${frames[index]}`;
    }
    return stack;
  };
}

function headline(error) {
  try {
    return call(errorText, error);
  } catch {
    return "Error";
  }
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

// Frames of Node.js itself would only send the author of the code astray.
function isForeignFrame(line) {
  return call(startsWith, line, "    at ") && (call(includes, line, "node:") || call(includes, line, __dirname));
}

function clip(string, most) {
  return string.length > most ? `${call(slice, string, 0, most)}…` : string;
}

module.exports = { MissingMain, describeFailure, shortenStacks };
