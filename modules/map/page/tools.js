// What a click on the map does: values after every step, or the corners of an area.
// SPDX-License-Identifier: MIT
/* global L */
import { ask, complain, el, latest, post, shown, toast } from "./net.js";
import { changed, state } from "./layers.js";
import { seriesChart } from "./charts.js";

const result = () => document.getElementById("result");
let tool = "identify", marker = null;

function show(title, ...parts) {
  const box = result();
  box.querySelector("h2").textContent = title;
  box.querySelector(".body").replaceChildren(...parts);
  box.hidden = false;
}

// -------------------------------------------------------------------------------------------- identify

const cell = (v) => el("td", { className: "num" + (v === null ? " none" : "") }, shown(v));

function stepsTable(answer) {
  return el("table", { className: "steps" },
    el("tr", {}, el("th", {}, "step"), el("th", { className: "num" }, "shown"), el("th", { className: "num" }, "full")),
    ...answer.steps.map((s) => el("tr", { title: s.where }, el("td", { className: "step" }, s.label), cell(s.shown), cell(s.full))));
}

function answerParts(answer, layer) {
  const full = answer.full.values, text = full.slice(0, 6).map((v) => shown(v)).join("   ") + (full.length > 6 ? " \u2026" : "");
  const legendEntry = layer.info.legend && layer.info.legend.entries
    && layer.info.legend.entries.find((e) => e.value === Number(full[0]));
  return [el("h3", {}, layer.info.name),
    el("div", { className: "big value" }, text + (legendEntry && legendEntry.label ? "  " + legendEntry.label : "")),
    el("div", { className: "note" }, `${answer.full.crs} column ${answer.full.column}, row ${answer.full.row}; ` +
      `shown at ${shown(Number(answer.shown.cell.toPrecision(3)))} m in Web Mercator`),
    stepsTable(answer)];
}

async function addSeries(layer, place, signal, parts) {
  if (layer.info.dates.length < 2) return;
  const answer = await ask(`series?layer=${layer.info.key}&lon=${place.lng}&lat=${place.lat}`, { signal });
  parts.push(seriesChart(answer, 0));
}

const identify = latest(async (signal, place) => {
  const layers = state.layers.filter((l) => l.visible && l.opacity > 0);
  const title = `${place.lat.toFixed(5)}\u00b0, ${place.lng.toFixed(5)}\u00b0`;
  if (!layers.length) { show(title, "no layer is shown"); return; }
  const parts = [];
  for (const layer of layers) {
    const answer = await ask(`identify?layer=${layer.info.key}&lon=${place.lng}&lat=${place.lat}` +
      `&zoom=${Math.min(24, Math.round(state.map.getZoom()))}&t=${layer.t}`, { signal });
    parts.push(...answerParts(answer, layer));
    await addSeries(layer, place, signal, parts);
  }
  show(title, ...parts);
});

function mark(place) {
  if (marker) marker.remove();
  marker = L.circleMarker(place, { radius: 6, color: "#fff", weight: 2, fillColor: "#0b6e6e", fillOpacity: 1, interactive: false })
    .addTo(state.map);
}

// ------------------------------------------------------------------------------------------------ area

const drawing = { corners: [], line: null, area: null };

function square(corners) { // metres, on the sphere
  const R = 6378137, rad = Math.PI / 180;
  let sum = 0;
  corners.forEach((a, i) => {
    const b = corners[(i + 1) % corners.length];
    sum += (b.lng - a.lng) * rad * (2 + Math.sin(a.lat * rad) + Math.sin(b.lat * rad));
  });
  return Math.abs((sum * R * R) / 2);
}

function clearDrawing() {
  for (const k of ["line", "area"]) { if (drawing[k]) drawing[k].remove(); drawing[k] = null; }
  drawing.corners = [];
}

function addCorner(place) {
  if (drawing.area) clearDrawing();
  drawing.corners.push(place);
  if (drawing.line) drawing.line.remove();
  drawing.line = L.polyline(drawing.corners, { color: "#0b6e6e", weight: 2, dashArray: "5 5" }).addTo(state.map);
}

async function endDrawing() {
  const c = drawing.corners.filter((p, i, all) => i === 0 || !p.equals(all[i - 1]));
  if (c.length < 3) return;
  drawing.line.remove();
  drawing.area = L.polygon(c, { color: "#0b6e6e", weight: 2, fillOpacity: 0.08 }).addTo(state.map);
  const ring = c.concat([c[0]]).map((p) => [Number(p.lng.toFixed(6)), Number(p.lat.toFixed(6))]);
  const geometry = { type: "Polygon", coordinates: [ring] };
  const text = JSON.stringify(geometry);
  await post("area", geometry);
  const users = state.apps.filter((a) => a.params.some((p) => p.name === "area"));
  for (const app of users) { app.values.area = text; app.run(); }
  show("Area", el("div", { className: "big" }, (square(c) / 1e6).toPrecision(4) + " km\u00b2"),
    el("div", { className: "note" }, users.length ? "given to " + users.map((a) => a.id).join(", ")
      : "in a session Map():area() is this area; in a script param(\"area\", \"\") receives it"),
    el("button", { onclick: () => navigator.clipboard.writeText(text).then(() => toast("copied as GeoJSON")) }, "Copy GeoJSON"),
    el("button", { onclick: () => { clearDrawing(); result().hidden = true; post("area", {}).catch(complain);
      for (const app of users) { app.values.area = ""; app.run(); } } }, "Remove"));
  changed("area");
  choose("identify");
}

// ------------------------------------------------------------------------------------------- the tools

export function choose(name) {
  tool = name;
  for (const k of ["identify", "draw"]) document.getElementById("tool-" + k).classList.toggle("on", k === name);
  state.map.doubleClickZoom[name === "draw" ? "disable" : "enable"]();
  state.map.getContainer().style.cursor = "crosshair";
}

export function startTools() {
  const map = state.map;
  map.on("click", (e) => {
    if (tool === "draw") { addCorner(e.latlng); return; }
    const place = e.latlng.wrap();
    mark(e.latlng);
    identify(place).catch(complain);
  });
  map.on("dblclick", () => { if (tool === "draw") endDrawing().catch(complain); });
  map.on("mousemove", (e) => {
    const p = e.latlng.wrap();
    document.getElementById("where").textContent = `${p.lat.toFixed(5)}, ${p.lng.toFixed(5)}   zoom ${map.getZoom()}`;
  });
  document.getElementById("tool-identify").onclick = () => choose("identify");
  document.getElementById("tool-draw").onclick = () => { clearDrawing(); choose("draw"); };
  result().querySelector(".close").onclick = () => { result().hidden = true; if (marker) marker.remove(); };
  choose("identify");
}
