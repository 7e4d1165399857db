// Stands before the code of every JavaScript attack: tries things, and keeps what worked apart from what was refused.
const reached = {};
const refused = {};

function trial(name, action) {
  try {
    const value = action();
    if (value && typeof value.then === "function") return attempt(name, value);
    reached[name] = String(value).slice(0, 300);
  } catch (problem) {
    refused[name] = String((problem && (problem.code || problem.name)) || problem).slice(0, 100);
  }
  return undefined;
}

async function attempt(name, promise, patience = 400) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), patience));
  try {
    reached[name] = String(await Promise.race([promise, late])).slice(0, 300);
  } catch (problem) {
    refused[name] = String((problem && (problem.code || problem.name)) || problem).slice(0, 100);
  }
}

function outcome(more) {
  return { reached, refused, ...more };
}
