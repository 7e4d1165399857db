"""What a new evaluator of code begins with, in each language. Whatever an item expects, it judges."""

from __future__ import annotations

from collections.abc import Mapping

SAMPLES: Mapping[str, str] = {
    "python3": """\
def main(answer, expected, question, inputs, outputs, metadata):
    # expected: a text, values in a dict, or None where nothing in particular is expected.
    if not isinstance(expected, str) or not expected.strip():
        return {"passed": bool(answer), "explanation": "no expected text: any answer will do"}
    found = expected.lower() in str(answer).lower()
    return {"passed": found, "explanation": "looked for the expected text"}
""",
    "javascript": """\
function main({answer, expected, question, inputs, outputs, metadata}) {
  // expected: a text, values in an object, or null where nothing in particular is expected.
  if (typeof expected !== "string" || !expected.trim()) {
    return {passed: Boolean(answer), explanation: "no expected text: any answer will do"};
  }
  const found = String(answer).toLowerCase().includes(expected.toLowerCase());
  return {passed: found, explanation: "looked for the expected text"};
}
""",
}
