/* The log follows the answer only while the reader is at its end. */

const NEAR = 64;

export class Follower {
  #box = document.querySelector("[data-scroll]");
  #latest = document.querySelector("[data-latest]");
  #follows = true;

  constructor() {
    this.#box.addEventListener("scroll", () => this.#look(), { passive: true });
    // A reader who scrolls up means it, however fast text arrives.
    this.#box.addEventListener("wheel", (event) => event.deltaY < 0 && this.#leave(), { passive: true });
    this.#latest?.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.grown()).observe(this.#box);
  }

  /** The content has grown. */
  grown() {
    if (this.#follows) this.#box.scrollTop = this.#box.scrollHeight;
    else this.#look();
  }

  toEnd() {
    this.#follows = true;
    this.grown();
    this.#look();
  }

  #leave() {
    if (this.#box.scrollHeight > this.#box.clientHeight) this.#follows = false;
  }

  #look() {
    const left = this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight;
    this.#follows = left < NEAR;
    if (this.#latest) this.#latest.hidden = this.#follows;
  }
}
