// Keeps an open page fresh: the server says that something has changed, the page asks for itself again, and only what
// is different is swapped. Without this script everything works by ordinary forms and links.

const body = document.body;
const button = document.getElementById("live");
const said = document.getElementById("said");
const view = body.dataset.live;
const shown = new WeakMap(); // region → the text it was made from
let source = null;
let isWanted = true;
let isBusy = false;
let isAgain = false;

function mark(state) {
  button.setAttribute("aria-pressed", String(isWanted));
  button.dataset.state = state;
  button.textContent = button.dataset[state];
}

function placeOf(element, region) {
  const all = [...region.querySelectorAll("a, button, input, summary")];
  return { id: element.id, name: element.name, value: element.value, href: element.href, at: all.indexOf(element) };
}

function foundAgain(place, region) {
  const all = [...region.querySelectorAll("a, button, input, summary")];
  const isSame = (one) =>
    place.id
      ? one.id === place.id
      : place.name
        ? one.name === place.name && one.value === place.value
        : place.href && one.href === place.href;
  return all.find(isSame) ?? (place.name || place.href || place.id ? null : all[place.at]);
}

function swapRegion(old, fresh) {
  const selection = getSelection();
  if (!selection.isCollapsed && old.contains(selection.anchorNode)) return; // somebody copies an id
  const focused = old.contains(document.activeElement) && document.activeElement !== old
    ? placeOf(document.activeElement, old) : null;
  const ticked = new Set([...old.querySelectorAll("input[type=checkbox]:checked")].map((one) => one.name + one.value));
  const unfolded = new Map([...old.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  old.className = fresh.className;
  old.replaceChildren(...fresh.childNodes);
  for (const one of old.querySelectorAll("input[type=checkbox]")) one.checked = ticked.has(one.name + one.value);
  for (const one of old.querySelectorAll("details[id]")) if (unfolded.has(one.id)) one.open = unfolded.get(one.id);
  dress(old);
  if (focused) (foundAgain(focused, old) ?? document.getElementById("notes")).focus({ preventScroll: true });
}

function take(text, isDeed) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const before = document.querySelector("[data-announce]")?.textContent;
  for (const old of document.querySelectorAll("[data-swap]")) {
    const now = fresh.getElementById(old.id);
    if (!now || (old.id === "notes" && !isDeed)) continue; // what was said of a deed stays
    const made = now.innerHTML;
    if (made === shown.get(old)) continue;
    shown.set(old, made);
    swapRegion(old, now);
  }
  const after = document.querySelector("[data-announce]")?.textContent;
  if (after && after !== before) said.textContent = after;
  body.dataset.count = fresh.body.dataset.count ?? body.dataset.count;
}

async function refresh() {
  if (isBusy) {
    isAgain = true;
    return;
  }
  isBusy = true;
  try {
    const answer = await fetch(location.href, { headers: { "Hub-Live": "1" }, cache: "no-store" });
    if (answer.status === 401) location.reload();
    else if (answer.status < 500) take(await answer.text(), false);
    else mark("lost");
  } catch {
    mark("lost");
  } finally {
    isBusy = false;
    if (isAgain) {
      isAgain = false;
      refresh();
    }
  }
}

function listen() {
  source?.close();
  source = null;
  if (!isWanted || document.hidden) return;
  const mine = new EventSource(`/live?view=${encodeURIComponent(view)}&count=${body.dataset.count}`);
  source = mine;
  mine.addEventListener("open", () => mark("on"));
  mine.addEventListener("changed", refresh);
  mine.addEventListener("over", () => location.reload());
  mine.addEventListener("error", () => {
    if (source !== mine) return;
    mark("lost");
    if (mine.readyState !== EventSource.CLOSED) return;
    setTimeout(() => {
      if (source === mine) refresh().then(listen);
    }, 3000);
  });
}

function complain(sentence) {
  const note = document.createElement("p");
  note.className = "note bad";
  note.textContent = sentence ?? "";
  const notes = document.getElementById("notes");
  notes.replaceChildren(note);
  notes.focus();
}

// A deed that leads back to this page needs no new page.
async function send(event) {
  const form = event.target.closest("form[data-quiet]");
  const pressed = event.submitter;
  if (!form || pressed?.dataset.loud !== undefined) return;
  event.preventDefault();
  const action = pressed?.hasAttribute("formaction") ? pressed.formAction : form.action;
  const told = new URLSearchParams(new FormData(form, pressed));
  pressed.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(action, { method: "POST", body: told });
    if (answer.ok && new URL(answer.url).pathname === location.pathname) {
      for (const box of form.querySelectorAll("input[type=checkbox]:checked")) box.checked = false;
      take(await answer.text(), true);
      document.getElementById("notes").focus({ preventScroll: true });
      document.getElementById("notes").scrollIntoView({ block: "nearest" });
    } else if (answer.ok || answer.status === 401) {
      location.reload();
    } else {
      complain(new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("h1")?.textContent);
    }
  } catch {
    complain(button.dataset.lost);
  } finally {
    pressed.removeAttribute("aria-busy");
  }
}

// What only makes sense with a script.
function dress(region) {
  for (const box of region.querySelectorAll("[data-all]")) {
    box.closest("[hidden]")?.removeAttribute("hidden");
    box.addEventListener("change", () => {
      for (const one of box.form.querySelectorAll("input[name=sequence]")) one.checked = box.checked;
    });
  }
}

for (const region of document.querySelectorAll("[data-swap]")) shown.set(region, region.innerHTML);
dress(document);
document.addEventListener("submit", send);
if (view) {
  button.hidden = false;
  mark("on");
  button.addEventListener("click", () => {
    isWanted = !isWanted;
    mark(isWanted ? "on" : "off");
    listen();
  });
  document.addEventListener("visibilitychange", listen);
  listen();
}
