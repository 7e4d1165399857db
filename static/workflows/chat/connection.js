/* One WebSocket that outlives its breaks: every frame of a run arrives once and in order, however often it is cut. */

const FIRST_WAIT = 400;
const LONGEST_WAIT = 10_000;
const SILENCE = 20_000; // the server says at least "ping" every two seconds while a run goes on
const REFUSED = new Set([4401, 4403, 4404]);

/**
 * `on.frame(frame)`: a frame of a run, or an error of none. `on.state(name)`: "open", "waiting", "offline", "refused".
 * `on.lost()`: the connection broke after a request was sent and before its run was heard of.
 */
export class Connection {
  #url;
  #on;
  #socket = null;
  #following = new Map(); // run id -> position of the last frame seen
  #outbox = [];
  #unanswered = false;
  #failures = 0;
  #timer = 0;
  #heard = 0;

  constructor(path, on) {
    this.#url = new URL(path, location.href.replace(/^http/, "ws")).href;
    this.#on = on;
    window.addEventListener("online", () => this.#retryNow());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#retryNow());
    setInterval(() => this.#checkSilence(), 4000);
    this.#open();
  }

  /** Start a run. It is sent now or as soon as there is a connection. */
  start(request) {
    this.#unanswered = true;
    this.#send(request);
  }

  /** Take back a run that was not sent yet; says whether there was one. */
  takeBack() {
    const kept = this.#outbox.filter((request) => request.type === "stop" || request.type === "follow");
    const had = kept.length < this.#outbox.length;
    this.#outbox = kept;
    if (had) this.#unanswered = false;
    return had;
  }

  /** Follow a run that was started earlier, from its beginning. */
  follow(runId) {
    if (this.#following.has(runId)) return;
    this.#following.set(runId, null);
    if (this.#isOpen()) this.#write({ type: "follow", run_id: runId });
  }

  stop(runId) {
    this.#send({ type: "stop", run_id: runId });
  }

  #open() {
    clearTimeout(this.#timer);
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.addEventListener("open", () => this.#opened());
    socket.addEventListener("message", (event) => socket === this.#socket && this.#received(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => socket === this.#socket && this.#closed(event.code));
  }

  #opened() {
    this.#failures = 0;
    this.#heard = Date.now();
    this.#on.state("open");
    for (const [runId, last] of this.#following) {
      this.#write({ type: "follow", run_id: runId, ...(last && { last_event_id: last }) });
    }
    for (const request of this.#outbox.splice(0)) this.#write(request);
  }

  #received(frame) {
    this.#heard = Date.now();
    const runId = frame.workflow_run_id;
    if (frame.event === "ping" || frame.event === "pong" || frame.event === "ready") return;
    if (!runId) {
      if (frame.event === "error") this.#unanswered = false;
      this.#on.frame(frame);
      return;
    }
    if (!this.#following.has(runId)) this.#unanswered = false; // ours: it has just begun
    if (!isAfter(frame.event_id, this.#following.get(runId))) return;
    this.#following.set(runId, frame.event_id);
    if (frame.event === "workflow_finished" || frame.event === "workflow_paused") this.#following.delete(runId);
    this.#on.frame(frame);
  }

  #closed(code) {
    this.#socket = null;
    if (REFUSED.has(code)) {
      this.#on.state("refused");
      return;
    }
    this.#failures += 1;
    this.#on.state(navigator.onLine === false ? "offline" : "waiting");
    if (this.#unanswered && !this.#outbox.length) {
      this.#unanswered = false;
      this.#on.lost();
    }
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.#failures - 1));
    this.#timer = setTimeout(() => this.#open(), wait * (0.75 + Math.random() / 2));
  }

  #retryNow() {
    if (this.#socket === null && this.#failures) this.#open();
  }

  #checkSilence() {
    const waits = this.#following.size > 0 || this.#unanswered;
    if (!waits || !this.#isOpen() || Date.now() - this.#heard < SILENCE) return;
    const silent = this.#socket;
    this.#closed(1006); // a dead line may take minutes to be told so
    silent.close();
  }

  #send(request) {
    if (this.#isOpen()) this.#write(request);
    else this.#outbox.push(request);
  }

  #write(request) {
    if (request.type !== "follow") this.#heard = Date.now();
    this.#socket.send(JSON.stringify(request));
  }

  #isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }
}

function isAfter(position, last) {
  if (!last || !position) return true;
  const [seq, part] = position.split(".").map(Number);
  const [lastSeq, lastPart] = last.split(".").map(Number);
  return seq > lastSeq || (seq === lastSeq && part > lastPart);
}
