/* What must outlive a reload: the open conversation (in the address) and a question whose run is not known yet (here). */

const FRESH = 60_000;

export class Memory {
  #key;

  constructor(socketPath) {
    this.#key = `skep-chat ${socketPath}`;
  }

  get conversation() {
    return new URLSearchParams(location.search).get("conversation") ?? "";
  }

  set conversation(id) {
    const url = new URL(location.href);
    url.searchParams.set("conversation", id);
    history.replaceState(history.state, "", url);
  }

  /** A run (workflow) or a question (chat) that was just sent; null when it is settled. */
  set pending(value) {
    try {
      if (value === null) sessionStorage.removeItem(this.#key);
      else sessionStorage.setItem(this.#key, JSON.stringify({ ...value, at: Date.now() }));
    } catch {
      // storage is refused in some private windows: only a reload in the first moment is then lost
    }
  }

  get pending() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.#key) ?? "null");
      return kept && (kept.runId || Date.now() - kept.at < FRESH) ? kept : null;
    } catch {
      return null;
    }
  }
}
