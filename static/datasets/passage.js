/* Brings the cited passage into view. */

const passage = document.querySelector("#passage");
passage?.scrollIntoView({ block: "center" });
passage?.focus({ preventScroll: true });
