/* The questions of a queue: what is chosen, by mouse or by key, and which question is next. */

const OPTION = "[data-value]";
const COMPARE_AFTER = 250;

/** Answers as the server takes them: question -> true, "warm", 4. Empty ones are absent. */
export class Sheet {
  constructor(root, { onChange = () => {}, diffUrl = () => "" } = {}) {
    this.root = root;
    this.onChange = onChange;
    this.diffUrl = diffUrl;
    this.compared = 0;
    this.questions = [...root.querySelectorAll("[data-question]")];
    for (const question of this.questions) this.#listen(question);
  }

  #listen(question) {
    question.addEventListener("click", (event) => {
      const option = event.target.closest(OPTION);
      if (!option) return;
      this.choose(question, option);
      // Keys belong to the page again, not to the button that was pressed.
      question.focus({ preventScroll: true });
    });
    question.addEventListener("focusin", () => this.#mark(question));
    const field = question.querySelector("[data-field]");
    field?.addEventListener("input", () => {
      this.#clear(question);
      this.#planCompare(question);
      this.onChange(question);
    });
    field?.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      question.focus();
    });
  }

  #mark(question) {
    for (const each of this.questions) each.toggleAttribute("data-current", each === question);
  }

  #clear(question) {
    const error = question.querySelector("[data-error]");
    error.hidden = true;
    error.textContent = "";
  }

  #planCompare(question) {
    if (question.dataset.kind !== "correction") return;
    clearTimeout(this.compareTimer);
    this.compareTimer = setTimeout(() => this.#compare(question), COMPARE_AFTER);
  }

  /* Pieces come from the server as [kind, text] and are only ever shown as text. */
  async #compare(question) {
    const turn = ++this.compared;
    const corrected = question.querySelector("[data-field]").value;
    const url = this.diffUrl();
    // The item was submitted while the text was still to be compared.
    if (!url) return;
    const { pieces } = await post(url, { corrected }).catch(() => ({ pieces: [] }));
    if (turn !== this.compared) return;
    const diff = question.querySelector("[data-diff]");
    diff.hidden = pieces.every(([kind]) => kind === "same");
    diff.replaceChildren(...pieces.map(pieceOf));
  }

  get current() {
    return this.questions.find((each) => each.hasAttribute("data-current")) ?? this.questions[0];
  }

  go(question) {
    question?.focus({ preventScroll: true });
    question?.scrollIntoView({ block: "nearest" });
  }

  step(by) {
    const at = this.questions.indexOf(this.current) + by;
    this.go(this.questions[Math.min(Math.max(at, 0), this.questions.length - 1)]);
  }

  /** Choose an option; choosing it again takes it back. */
  choose(question, option) {
    const was = option.getAttribute("aria-pressed") === "true";
    for (const each of question.querySelectorAll(OPTION)) each.setAttribute("aria-pressed", "false");
    option.setAttribute("aria-pressed", String(!was));
    this.#clear(question);
    this.onChange(question);
  }

  /** The number key: the option in that place, or on a scale the step of that number. Then on to what is open. */
  pressNumber(number) {
    const question = this.current;
    const options = [...question.querySelectorAll(OPTION)];
    const scale = question.dataset.kind === "numeric";
    const option = scale ? options.find((each) => each.dataset.value === String(number)) : options[number - 1];
    if (!option) return;
    this.choose(question, option);
    const rest = this.questions.slice(this.questions.indexOf(question) + 1);
    if (option.getAttribute("aria-pressed") === "true") this.go(rest.find((each) => !this.#has(each)) ?? question);
  }

  write() {
    const field = this.current.querySelector("[data-field]") ?? this.root.querySelector("[data-field]");
    field?.focus();
    field?.scrollIntoView({ block: "nearest" });
  }

  #has(question) {
    return this.#answer(question) !== undefined;
  }

  #answer(question) {
    const { kind } = question.dataset;
    const field = question.querySelector("[data-field]");
    if (field) {
      if (field.value === "" || field.value === field.dataset.original) return undefined;
      return kind === "numeric" ? Number(field.value) : field.value;
    }
    const value = question.querySelector(`${OPTION}[aria-pressed="true"]`)?.dataset.value;
    if (value === undefined) return undefined;
    if (kind === "boolean") return value === "true";
    return kind === "numeric" ? Number(value) : value;
  }

  answers() {
    const found = {};
    for (const question of this.questions) {
      const answer = this.#answer(question);
      if (answer !== undefined) found[question.dataset.question] = answer;
    }
    return found;
  }

  /** Show a draft, or nothing. A correction begins with the answer as it is, which by itself answers nothing. */
  fill(answers, { original = "" } = {}) {
    for (const question of this.questions) {
      const answer = answers[question.dataset.question];
      this.#clear(question);
      const field = question.querySelector("[data-field]");
      if (field) {
        if (question.dataset.kind === "correction") field.dataset.original = original;
        field.value = answer ?? field.dataset.original ?? "";
        const diff = question.querySelector("[data-diff]");
        if (diff) diff.hidden = true;
        if (diff && answer !== undefined) this.#planCompare(question);
      }
      for (const option of question.querySelectorAll(OPTION)) {
        option.setAttribute("aria-pressed", String(answer !== undefined && option.dataset.value === String(answer)));
      }
    }
    this.go(this.questions.find((each) => !this.#has(each)) ?? this.questions[0]);
  }

  say(key, text) {
    const question = this.questions.find((each) => each.dataset.question === key);
    if (!question) return false;
    const error = question.querySelector("[data-error]");
    error.textContent = text;
    error.hidden = false;
    this.go(question);
    return true;
  }

  /** Whether all that is required is answered; the first that is not says so. */
  isComplete(words) {
    const open = this.questions.find((each) => each.hasAttribute("data-required") && !this.#has(each));
    if (!open) return true;
    this.say(open.dataset.question, words);
    return false;
  }
}

function pieceOf([kind, text]) {
  if (kind === "same") return document.createTextNode(text);
  const mark = document.createElement(kind === "added" ? "ins" : "del");
  mark.textContent = text;
  return mark;
}

/** POST JSON; resolves with the answer, throws an error with `status` and `body` where it is none. */
export async function post(address, body, { keepalive = false } = {}) {
  const token = document.querySelector("[data-csrf] [name=csrfmiddlewaretoken]").value;
  const response = await fetch(address, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    credentials: "same-origin",
    keepalive,
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(answer.message ?? ""), { status: response.status, body: answer });
  return answer;
}
