// Runs one piece of user code inside an isolated Node.js process: warms up, says ready, reads one request, answers it.
//
// The process was isolated before Node.js started, and nothing here is a boundary: whoever owns the code owns this
// process. What follows keeps honest code honest, and takes what it needs from the runtime before the code can
// replace it.
"use strict";

const { createRequire } = require("node:module");
const { types } = require("node:util");
const { compileFunction, constants } = require("node:vm");
const { RESULT, isOpen, openChannel, readRequest, writeFrame } = require("./channel.js");
const { MissingMain, describeFailure, shortenStacks } = require("./failures.js");
const { writeOutputs } = require("./outputs.js");
const { redirectStreams } = require("./streams.js");
const { makeWorkersSmall } = require("./workers.js");

const FILE = "main.js";
const PARAMETERS = ["exports", "require", "module", "__filename", "__dirname"];
const REVEAL_MAIN = "\n;return typeof main === 'function' ? main : undefined;";
const WARM_UP = "function main({text}) { console.log(text); return {text: [text, 1, null]}; }";

const { stringify } = JSON;
const { apply } = Reflect;
const { isPromise } = types;
const { cpuUsage, resourceUsage, reallyExit } = process;

const given = moduleArguments();
let mode = "function";
let answered = false;
let cpuBefore = cpuUsage();

function answer(fields) {
  if (answered) return;
  const cpu = cpuUsage(cpuBefore);
  const used = `"cpu_ms":${(cpu.user + cpu.system) / 1000},"peak_kb":${resourceUsage().maxRSS}`;
  writeFrame(RESULT, `{${fields},${used}}`);
  if (!isOpen()) return;
  answered = true;
  reallyExit(0);
}

function succeed(outputs) {
  answer(`"ok":true,"outputs":${outputs}`);
}

// Written field by field: a toJSON that the code put on Object.prototype has no say here.
function refuse({ type, message, traceback }) {
  const error = `{"type":${stringify(type)},"message":${stringify(message)},"traceback":${stringify(traceback)}}`;
  answer(`"ok":false,"error":${error}`);
}

function fail(error) {
  refuse(describeFailure(error));
}

// The code is compiled as the body of a function of its own and never pasted into this file: what it declares, hoists
// or closes is its own.
function compile(source) {
  // Node.js has it since 20.12; before, import() says that there is no callback, and require works.
  const importModuleDynamically = constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  return compileFunction(source, PARAMETERS, { filename: FILE, importModuleDynamically });
}

// What a module of Node.js is given, for the parameters above.
function moduleArguments() {
  const path = `/${FILE}`;
  const module = { exports: {}, id: ".", filename: path, loaded: false, children: [], paths: [] };
  const require = createRequire(path);
  require.main = module;
  return [module.exports, require, module, path, "/"];
}

function execute(body) {
  return apply(body, given[0], given);
}

function findMain(code) {
  let body;
  try {
    body = compile(code + REVEAL_MAIN);
  } catch (error) {
    compile(code); // fails too, and its message shows the last line of the code instead of ours
    throw error;
  }
  const main = execute(body);
  if (main === undefined) throw new MissingMain("the code must define a function named main");
  return main;
}

async function settle(promise) {
  try {
    succeed(writeOutputs(await promise));
  } catch (error) {
    fail(error);
  }
}

function run({ code, inputs }) {
  try {
    if (mode === "script") {
      execute(compile(code));
      return; // its end is the end of the process
    }
    const main = findMain(code);
    const result = main(inputs);
    if (isPromise(result) || typeof result?.then === "function") settle(result);
    else succeed(writeOutputs(result));
  } catch (error) {
    fail(error);
  }
}

function watchTheEnd() {
  process.on("uncaughtException", (error) => {
    if (process.listenerCount("uncaughtException") === 1) fail(error);
  });
  process.on("beforeExit", () => {
    if (mode === "script") return;
    const message = "main waits for something that will never happen: nothing is left to run";
    refuse({ type: "NoResult", message, traceback: null });
  });
  process.on("exit", function last(code) {
    try {
      // The code's own listeners came later than this one, and may still print.
      for (const listener of process.rawListeners("exit")) if (listener !== last) apply(listener, process, [code]);
    } catch (error) {
      return fail(error);
    }
    if (mode === "script" && code === 0) return succeed("{}");
    const type = mode === "script" ? "ExitCode" : "NoResult";
    refuse({ type, message: `the code ended the process with exit code ${code}`, traceback: null });
  });
}

makeWorkersSmall();
shortenStacks();
redirectStreams();
process.argv[1] = `/${FILE}`;
for (const name of Object.keys(process.env)) delete process.env[name];
watchTheEnd();
run({ code: WARM_UP, inputs: { text: "warm" } });
openChannel();
const request = readRequest();
cpuBefore = cpuUsage();
mode = request.mode;
run(request);
