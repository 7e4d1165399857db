/* Where a question is written: Enter sends, Shift+Enter breaks the line, Esc stops. */

/** `on.send(text)` returns whether it was taken; `on.stop()`. */
export class Composer {
  #form = document.querySelector("[data-composer]");
  #text = this.#form.querySelector("[data-text]");
  #send = this.#form.querySelector("[data-send]");
  #stop = this.#form.querySelector("[data-stop]");
  #isRunning = false;

  constructor(on) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#text.value.trim();
      if (!text || this.#isRunning || !on.send(text)) return;
      this.#text.value = "";
      this.#fit();
    });
    this.#text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#text.addEventListener("input", () => this.#fit());
    this.#stop.addEventListener("click", () => {
      on.stop();
      this.focus();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#isRunning || event.defaultPrevented || event.isComposing) return;
      if (document.querySelector("dialog[open], details.menu[open]")) return;
      on.stop();
    });
    this.#fit();
  }

  set running(isRunning) {
    const moves = this.#isRunning !== isRunning && [this.#send, this.#stop].includes(document.activeElement);
    this.#isRunning = isRunning;
    this.#stop.hidden = !isRunning;
    this.#send.hidden = isRunning;
    if (moves) this.focus(); // the button under the focus has gone
    this.#fit();
  }

  focus() {
    this.#text.focus();
  }

  /** Put a text there for the person to change and send. */
  write(text) {
    this.#text.value = text;
    this.#fit();
  }

  /** On a touch screen the keyboard would cover half the page: there nobody is pushed into the field. */
  invite() {
    if (window.matchMedia("(hover: hover)").matches) this.focus();
  }

  #fit() {
    this.#send.disabled = !this.#text.value.trim();
    if (CSS.supports("field-sizing", "content")) return;
    this.#text.style.setProperty("height", "auto");
    this.#text.style.setProperty("height", `${Math.min(200, this.#text.scrollHeight)}px`);
  }
}
