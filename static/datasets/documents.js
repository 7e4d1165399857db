/* Uploads file by file with progress, keeps the list of documents true, and fills the delete dialog. */

const form = document.querySelector("#upload");
if (form) startUploads(form);

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-delete]");
  if (!opener) return;
  const dialog = document.querySelector("#delete-document");
  dialog.querySelector("form").action = opener.dataset.delete;
  dialog.querySelector("[data-delete-name]").textContent = opener.dataset.name;
}, { capture: true });

function startUploads(form) {
  const input = form.querySelector("input[type=file]");
  const zone = form.querySelector("#drop-zone");
  form.querySelector("[data-without-script]").hidden = true;
  input.addEventListener("change", () => {
    send(form, [...input.files]);
    input.value = "";
  });
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.dataset.over = "";
    });
  }
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => delete zone.dataset.over);
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    send(form, [...event.dataTransfer.files]);
  });
  // A file dropped beside the zone would replace the page.
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
}

/** Two at a time: the third waits, so that a hundred files do not fight for the line. */
async function send(form, files) {
  let held = "";
  const list = form.querySelector(".upload-list");
  list.hidden = false;
  const waiting = files.map((file) => ({ file, item: addItem(list, form, file) }));
  const next = async () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) {
      const preview = await sendOne(form, one);
      held ||= preview;
    }
  };
  await Promise.all([next(), next()]);
  if (held) window.location.assign(held);
}

function addItem(list, form, file) {
  const item = document.createElement("li");
  item.className = "upload-item";
  const name = document.createElement("span");
  name.className = "truncate";
  name.textContent = file.name;
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  const words = document.createElement("span");
  words.className = "upload-words";
  words.textContent = form.dataset.waiting;
  item.append(name, bar, words);
  list.prepend(item);
  return item;
}

/** Returns where its preview is, when somebody wants to see first how it would be cut: shown once all are sent. */
async function sendOne(form, { file, item }) {
  let preview = "";
  if (file.size > Number(form.dataset.maxBytes)) {
    say(item, form.dataset.tooLarge, "failed");
    return preview;
  }
  try {
    const answer = await post(form, file, (share) => show(item, share));
    const [result] = answer.files;
    say(item, result.outcome === "created" ? form.dataset.stored : result.message,
      result.outcome === "refused" ? "failed" : "stored");
    preview = result.preview ?? "";
    if (result.outcome === "created") setTimeout(() => item.remove(), 4000);
  } catch {
    say(item, form.dataset.failed, "failed");
  }
  refreshRows(form);
  return preview;
}

/** XMLHttpRequest, because fetch does not tell how much has been sent. */
function post(form, file, progress) {
  const body = new FormData();
  body.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
  if (form.querySelector("[name=hold]")?.checked) body.append("hold", "on");
  body.append("files", file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => event.total && progress(event.loaded / event.total));
    request.addEventListener("load", () =>
      request.status === 200 && request.response ? resolve(request.response) : reject(new Error(request.status)));
    request.addEventListener("error", reject);
    request.send(body);
  });
}

function show(item, share) {
  item.querySelector("progress").value = share;
  item.querySelector(".upload-words").textContent = `${Math.round(share * 100)} %`;
}

function say(item, words, state) {
  item.dataset.state = state;
  item.querySelector("progress").value = 1;
  item.querySelector(".upload-words").textContent = words;
}

function refreshRows(form) {
  window.htmx?.ajax("GET", form.dataset.rows + window.location.search, { target: "#document-rows", swap: "outerHTML" });
}
