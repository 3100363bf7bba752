"use strict";
// Before anything else, the token leaves the address bar and the history of this tab.
const [query, fragment] = [location.search.slice(1), location.hash.slice(1)];
history.replaceState(null, "", location.pathname);

const page = document.documentElement;
const { cluster, key } = page.dataset;
const nonce = takeNonce();

document.addEventListener("DOMContentLoaded", async () => {
  const [state, verdict] = await land();
  page.dataset.state = state;
  show(verdict);
  // Another login waits for its turn: this tab goes on to it.
  if (verdict.next) location.replace(verdict.next);
});

// The nonce that the start page left in this tab. It is read once.
function takeNonce() {
  try {
    const left = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    return left;
  } catch {
    return null;
  }
}

// What this page is to look like, and to say.
async function land() {
  if (nonce === null) {
    if (query === "" && fragment === "") return ["idle", NOTHING];
    // The daemon is to count that somebody tried, and is told no more than that.
    await deliver({ nonce: "", query: "", fragment: "" }).catch(() => {});
    return ["failed", ELSEWHERE];
  }
  try {
    const response = await deliver({ nonce, query, fragment });
    const verdict = await response.json();
    if (response.status === 202) return ["checking", verdict];
    return [verdict.ok ? "done" : "failed", verdict];
  } catch {
    return ["failed", UNANSWERED];
  }
}

function deliver(message) {
  return fetch(location.pathname, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(message),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    // The tab may be closed at once; the login goes on without it.
    keepalive: true,
  });
}

function show({ title, lines, user, until }) {
  document.title = title;
  find("h1").textContent = title;
  find("#lines").replaceChildren(...lines.map(paragraph));
  if (!user || !until) return;
  find("#user").textContent = user;
  find("#until").textContent = CLOCK.format(until);
  find("#until").dateTime = new Date(until).toISOString();
  find("#facts").hidden = false;
}

// A line with its commands, which are in backticks, as code.
function paragraph(line) {
  const p = document.createElement("p");
  line.split("`").forEach((part, at) => {
    const piece = document.createElement(at % 2 === 0 ? "span" : "code");
    piece.textContent = part;
    p.append(piece);
  });
  return p;
}

function find(selector) {
  return document.querySelector(selector);
}

const CLOCK = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "numeric",
  minute: "2-digit",
});

const NOTHING = {
  title: "Nothing to do here",
  lines: ["A login ends on this page. None has ended here just now."],
};

const ELSEWHERE = {
  title: "This login was not accepted",
  lines: [
    "It came back to another tab than it began in. Nothing was passed on.",
    `\`ucssoctl login ${cluster}\` begins a new one.`,
  ],
};

const UNANSWERED = {
  title: `The login to ${cluster} did not finish`,
  lines: ["The daemon on this computer did not answer.", "`ucssoctl status` says where things stand."],
};
