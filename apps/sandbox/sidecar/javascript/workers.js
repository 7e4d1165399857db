// Lets worker threads start where V8 maps all the room for their code at once: it counts as memory that was used.
"use strict";

const { syncBuiltinESMExports } = require("node:module");

const FIRST_THAT_MAPS_AT_ONCE = 23;
const CODE_RANGE_MB = 32;

function makeWorkersSmall() {
  if (Number.parseInt(process.versions.node, 10) < FIRST_THAT_MAPS_AT_ONCE) return;
  const threads = require("node:worker_threads");
  threads.Worker = class Worker extends threads.Worker {
    constructor(file, options) {
      super(file, { ...options, resourceLimits: { codeRangeSizeMb: CODE_RANGE_MB, ...options?.resourceLimits } });
    }
  };
  syncBuiltinESMExports();
}

module.exports = { makeWorkersSmall };
