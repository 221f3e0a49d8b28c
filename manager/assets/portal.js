// The portal's own behaviour on top of htmx: what HTML alone cannot do. Every page works without
// it. Nothing here builds markup from data; texts go in through `textContent`.
"use strict";

document.documentElement.classList.add("js");

const byId = (id) => document.getElementById(id);

// Live fragments: no requests from a hidden tab, an error leaves the last good state on the page,
// and a manager that does not answer is named once, above the page.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.hasAttribute("data-live")) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const live = event.detail.requestConfig?.elt?.hasAttribute("data-live");
  if (live && event.detail.xhr.status >= 400) event.detail.shouldSwap = false;
});
document.addEventListener("htmx:afterRequest", (event) => {
  const offline = byId("offline");
  const answered = event.detail.xhr.status !== 0;
  if (offline && offline.hidden !== answered) offline.hidden = answered;
});

// Copy buttons. The clipboard API needs HTTPS or loopback; elsewhere a selection does the same.
async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.className = "away";
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await copy(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Failed";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

// A question before what cannot be undone.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

function say(place, message) {
  const alert = document.createElement("p");
  alert.className = "alert";
  alert.setAttribute("role", "alert");
  alert.textContent = message;
  place.replaceChildren(alert);
}

// Says so when a form's file is larger than the manager takes, before any of it is sent: a refusal
// in the middle of an upload reaches the page only as a broken connection.
function isTooLarge(form, file, place) {
  const tooLarge = Boolean(file) && file.size > Number(form.dataset.bytesMax);
  if (tooLarge) say(place, `${file.name} is larger than the ${form.dataset.bytesMaxText} taken here.`);
  return tooLarge;
}

// Upload: drag and drop, the app's name from the file's stem, progress.
function upload(form) {
  const file = byId("upload-file");
  const app = byId("upload-app");
  const drop = byId("upload-drop");
  const chosen = byId("upload-chosen");
  const progress = byId("upload-progress");
  const result = byId("upload-result");
  let prefilled = "";

  const stem = (name) => name.toLowerCase()
    .replace(/\.(wasm|zip)$/, "").replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "").slice(0, 40).replace(/-+$/, "");

  const show = () => {
    const picked = file.files[0];
    chosen.hidden = !picked;
    drop.classList.toggle("has-file", Boolean(picked));
    chosen.textContent = picked ? picked.name : "";
    if (picked && (app.value === "" || app.value === prefilled)) {
      prefilled = stem(picked.name);
      app.value = prefilled;
    }
  };
  file.addEventListener("change", () => { result.replaceChildren(); show(); });
  // A browser that goes back keeps the chosen file.
  show();

  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) {
    drop.addEventListener(name, () => drop.classList.remove("over"));
  }
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length === 0) return;
    file.files = event.dataTransfer.files;
    file.dispatchEvent(new Event("change", { bubbles: true }));
  });

  form.addEventListener("htmx:beforeRequest", (event) => {
    if (isTooLarge(form, file.files[0], result)) {
      event.preventDefault();
      return;
    }
    result.replaceChildren();
    progress.value = 0;
    progress.hidden = false;
  });
  form.addEventListener("htmx:xhr:progress", (event) => {
    if (event.detail.lengthComputable) progress.value = (100 * event.detail.loaded) / event.detail.total;
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    progress.hidden = true;
    if (!event.detail.successful) return;
    form.reset();
    show();
  });
  form.addEventListener("htmx:sendError", () => {
    say(result, "The upload did not reach the manager. Nothing was published; try again.");
  });
}

// Test pane: a function brings its methods and path along.
function testPane(form) {
  const method = byId("test-method");
  const path = byId("test-path");
  byId("test-function").addEventListener("change", (event) => {
    const choice = event.target.selectedOptions[0];
    method.replaceChildren(...choice.dataset.methods.split(" ").map((name) => new Option(name)));
    path.value = choice.dataset.path;
  });
  form.addEventListener("htmx:beforeRequest", (event) => {
    if (isTooLarge(form, byId("test-file").files[0], byId("test-result"))) event.preventDefault();
  });
  form.addEventListener("htmx:sendError", () => {
    say(byId("test-result"), "The request did not reach the manager; try again.");
  });
}

if (byId("upload")) upload(byId("upload"));
if (byId("test")) testPane(byId("test"));
