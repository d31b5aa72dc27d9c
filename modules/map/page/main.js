// The page: what is shown, from where it comes, and the link that shows it again.
// SPDX-License-Identifier: MIT
/* global L */
import { complain, later, latest, toast } from "./net.js";
import { fit, load, state, takeLayers } from "./layers.js";
import { drawPanel, runApp } from "./panel.js";
import { watchJobs } from "./jobs.js";
import { startTools } from "./tools.js";
import { setSwipe, startSwipe } from "./swipe.js";

// -------------------------------------------------------------------------------------------- the link

function readLink() {
  try { return JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}"); } catch { return {}; }
}

function link() {
  const c = state.map.getCenter();
  const says = { at: [Number(c.lng.toFixed(6)), Number(c.lat.toFixed(6)), state.map.getZoom()], apps: {} };
  for (const app of state.apps) {
    says.apps[app.id] = { values: app.values, layers: state.layers.filter((l) => l.app === app.id)
      .map((l) => ({ name: l.info.name, visible: l.visible, opacity: l.opacity, t: l.t, looks: l.looks })) };
  }
  return "#" + encodeURIComponent(JSON.stringify(says));
}

function share() {
  history.replaceState(null, "", link());
  const copied = navigator.clipboard ? navigator.clipboard.writeText(location.href) : Promise.reject(new Error());
  copied.then(() => toast("The link is copied"), () => toast("The link is in the address line"));
}

// -------------------------------------------------------------------------------------------- the apps

function makeApp(told, asked) {
  const app = Object.assign({ values: {}, wanted: {} }, told);
  const run = latest((signal) => runApp(app, signal));
  app.run = () => run().catch(complain);
  if (asked) {
    app.values = asked.values || {};
    for (const l of asked.layers || []) app.wanted[l.name] = l;
  }
  return app;
}

// Of a script that changed, what is set here stays set where the script still has it.
async function takeApps(told, asked) {
  const known = new Map(state.apps.map((a) => [a.id, a]));
  state.apps = told.apps.map((t) => {
    const old = known.get(t.id);
    if (!old) return makeApp(t, asked && asked[t.id]);
    for (const name of Object.keys(old.values)) if (!t.params.some((p) => p.name === name)) delete old.values[name];
    return Object.assign(old, t);
  });
  drawPanel();
  for (const app of state.apps) {
    const set = app.runs && Object.keys(app.values).length > 0;
    if (set) await runApp(app).catch(complain);
    if (!set || !state.layers.some((l) => l.app === app.id)) await takeLayers(app, app.layers);
  }
  state.generation = told.generation;
  for (const app of state.apps) if (app.error) toast(app.error, true);
}

function listen() {
  const source = new EventSource("events");
  source.addEventListener("layers", () => load().then(takeApps).catch(complain));
  source.addEventListener("hello", () => load().then((told) => {
    if (told.generation !== state.generation) return takeApps(told);
    return null;
  }).catch(complain));
}

// -------------------------------------------------------------------------------------------- the base

function startBase() {
  const box = document.getElementById("base");
  const maps = { "OpenStreetMap (outside address)": ["https://tile.openstreetmap.org/{z}/{x}/{y}.png", "\u00a9 OpenStreetMap contributors"] };
  let shown = null;
  for (const name of Object.keys(maps)) box.append(new Option(name, name));
  box.onchange = () => {
    if (shown) shown.remove();
    shown = maps[box.value] ? L.tileLayer(maps[box.value][0], { attribution: maps[box.value][1], maxZoom: 24, maxNativeZoom: 19 }).addTo(state.map) : null;
    if (shown) shown.setZIndex(0);
  };
}

// ------------------------------------------------------------------------------------------- the start

async function start() {
  const asked = readLink();
  state.map = L.map("map", { zoomControl: false, maxZoom: 24, minZoom: 1, worldCopyJump: true, attributionControl: true, fadeAnimation: false })
    .setView([20, 0], 2);
  state.map.attributionControl.setPrefix("Tellua");
  L.control.zoom({ position: "bottomleft" }).addTo(state.map);
  L.control.scale({ position: "bottomleft", imperial: false }).addTo(state.map);
  startTools();
  startSwipe();
  startBase();
  document.getElementById("fold").onclick = () => document.body.classList.add("folded");
  document.getElementById("unfold").onclick = () => document.body.classList.remove("folded");
  document.getElementById("tool-share").onclick = share;
  if (asked.at) state.map.setView([asked.at[1], asked.at[0]], asked.at[2], { animate: false });
  const told = await load();
  document.title = told.apps.map((a) => a.id).join(", ") + " \u2013 Tellua";
  await takeApps(told, asked.apps);
  if (!asked.at) fit();
  listen();
  watchJobs();
  const redraw = later(500, () => drawPanel());
  state.map.on("moveend", () => { if (state.layers.some((l) => l.histogram && !l.dragging)) redraw(); });
  window.tellua = { state, setSwipe, link, ready: true };
}

start().catch(complain);
