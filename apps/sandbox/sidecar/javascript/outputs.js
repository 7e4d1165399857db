// Writes what main returned as strict JSON: what JSON.stringify drops or turns into null without a word is an error here.
"use strict";

const { types } = require("node:util");

// The frame of the result takes one of the 64 levels that its readers accept.
const MAX_DEPTH = 63;
const MAX_PATH = 400;
const NAME = /^[A-Za-z_$][\w$]*$/;

const { stringify } = JSON;
const { isArray } = Array;
const { isFinite, prototype: { valueOf } } = Number;
const { isMap, isNumberObject, isPromise, isSet } = types;
const { slice } = String.prototype;
const { test } = RegExp.prototype;
const call = Function.prototype.call.bind(Function.prototype.call);

// The constructors are written out because a default one goes through Array.prototype[Symbol.iterator].
class ResultNotJson extends Error {
  constructor(message) {
    super(message);
  }
}

class ResultType extends Error {
  constructor(message) {
    super(message);
  }
}

// Where in the outputs the writer stands: the containers from the outputs down to the value at hand.
class Place {
  constructor() {
    this.holders = new Array(MAX_DEPTH + 1).fill(null);
    this.keys = new Array(MAX_DEPTH + 1).fill("");
    this.depth = 0;
  }

  climbTo(holder) {
    while (this.depth > 0 && this.holders[this.depth - 1] !== holder) this.depth -= 1;
  }

  enter(key, container) {
    for (let above = 0; above < this.depth; above += 1) {
      if (this.holders[above] === container) this.refuse(key, "contains itself");
    }
    if (this.depth >= MAX_DEPTH) this.refuse(key, `is nested deeper than ${MAX_DEPTH} levels`);
    this.holders[this.depth] = container;
    this.keys[this.depth] = key;
    this.depth += 1;
  }

  refuse(key, why) {
    let path = "outputs";
    for (let level = 1; level <= this.depth; level += 1) {
      const step = level === this.depth ? key : this.keys[level];
      if (isArray(this.holders[level - 1])) path += `[${step}]`;
      else path += call(test, NAME, step) ? `.${step}` : `[${stringify(step)}]`;
    }
    throw new ResultNotJson(`${call(slice, path, 0, MAX_PATH)} ${why}.`);
  }
}

// Made before any user code: the elements exist, so that no setter on Array.prototype can stand in for them.
const place = new Place();

function checkedValue(key, value) {
  const item = isNumberObject(value) ? call(valueOf, value) : value;
  switch (typeof item) {
    case "string":
    case "boolean":
      return item;
    case "number":
      return isFinite(item) ? item : place.refuse(key, `is ${item}, which JSON cannot hold`);
    case "undefined":
      return place.refuse(key, "is undefined: use null, or leave it out");
    case "bigint":
      return place.refuse(key, "is a BigInt: use a number or a string");
    case "object":
      break;
    default:
      return place.refuse(key, `is a ${typeof item}`);
  }
  if (item === null) return item;
  if (isMap(item) || isSet(item)) return place.refuse(key, "is a Map or a Set: use an object or an array");
  if (isPromise(item)) return place.refuse(key, "is a Promise: await it first");
  place.enter(key, item);
  return item;
}

function writeOutputs(value) {
  if (typeof value !== "object" || value === null || isArray(value) || isMap(value) || isSet(value)) {
    throw new ResultType(`main must return an object, and it returned ${nameOf(value)}.`);
  }
  place.depth = 0;
  const written = stringify(value, function check(key, item) {
    place.climbTo(this);
    return checkedValue(key, item);
  });
  if (written[0] !== "{") {
    throw new ResultType("main must return an object, and what it returned is written as another type of JSON.");
  }
  return written;
}

function nameOf(value) {
  if (value === null) return "null";
  if (isArray(value)) return "an array";
  if (isMap(value) || isSet(value)) return "a Map or a Set";
  if (value === undefined) return "undefined";
  return `a ${typeof value}`;
}

module.exports = { ResultNotJson, ResultType, writeOutputs };
