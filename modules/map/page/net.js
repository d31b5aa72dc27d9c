// Talking to the server, and saying what went wrong. SPDX-License-Identifier: MIT

let hiding = 0;
export function toast(text, bad) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.className = bad ? "bad" : "";
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, bad ? 9000 : 3000);
}

function sentence(error, status) {
  if (!error) return "The server answered " + status;
  return (error.where ? error.where + ": " : "") + error.message;
}

// Addresses are relative, so that the page works below any folder of a proxy.
export async function ask(address, options) {
  const answer = await fetch(address, options);
  const json = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(sentence(json && json.error, answer.status));
  return json;
}

export const post = (address, body, signal) => ask(address, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal,
});

export function complain(error) {
  if (error.name !== "AbortError") toast(error.message, true);
}

// What `make` gives for the latest call alone: an earlier one that still runs is dropped.
export function latest(make) {
  let running = null;
  return async (...args) => {
    if (running) running.abort();
    const mine = running = new AbortController();
    try { return await make(mine.signal, ...args); } finally { if (running === mine) running = null; }
  };
}

export function later(milliseconds, f) {
  let timer = 0;
  return (...args) => { clearTimeout(timer); timer = setTimeout(() => f(...args), milliseconds); };
}

export function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) {
    if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else if (k in e && k !== "list") e[k] = v;
    else e.setAttribute(k, v);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

export function shown(x) {
  if (x === null || x === undefined) return "no data";
  if (typeof x !== "number") return String(x);
  if (Number.isInteger(x)) return String(x);
  return Number(x.toPrecision(7)).toString();
}
