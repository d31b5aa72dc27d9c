// The layers on the map: order, opacity, dates, and other pictures in place of old ones.
// SPDX-License-Identifier: MIT
/* global L */
import { ask, complain, post } from "./net.js";

export const state = { map: null, apps: [], layers: [], generation: 0 };
const watchers = [];
export const onChange = (f) => watchers.push(f);
export const changed = (what) => watchers.forEach((f) => f(what));

const BASE_Z = 300;

function pane(layer) {
  const name = "layer-" + layer.id;
  if (!state.map.getPane(name)) {
    const p = state.map.createPane(name);
    p.style.pointerEvents = "none";
  }
  return name;
}

const address = (layer) => `tiles/${layer.info.key}/{z}/{x}/{y}{r}.png` + (layer.t ? `?t=${layer.t}` : "");

function makeTiles(layer) {
  const [w, s, e, n] = layer.info.box;
  const tiles = L.tileLayer(address(layer), {
    pane: pane(layer), opacity: layer.opacity, maxZoom: 24, minZoom: 0, noWrap: false,
    bounds: e - w < 359 && e <= 180 ? [[Math.max(s, -85.06), w], [Math.min(n, 85.06), e]] : undefined,
    updateWhenIdle: false, keepBuffer: 1,
  });
  tiles.on("tileerror", (event) => {
    if (!layer.told) fetch(event.tile.src).then((r) => r.ok || r.json().then((j) => {
      layer.told = true;
      complain(new Error(layer.info.name + ": " + (j.error.where ? j.error.where + ": " : "") + j.error.message));
    })).catch(() => {});
  });
  return tiles;
}

// The old picture stays until the new one is there.
export function refresh(layer) {
  const old = layer.tiles;
  if (!layer.visible) {
    if (old) old.remove();
    layer.tiles = null;
    return;
  }
  layer.told = false;
  layer.tiles = makeTiles(layer).addTo(state.map);
  if (!old) return;
  const drop = () => old.remove();
  layer.tiles.once("load", drop);
  setTimeout(drop, 4000);
}

export function reorder() {
  state.layers.forEach((layer, i) => {
    const p = state.map.getPane(pane(layer));
    p.style.zIndex = BASE_Z + state.layers.length - i; // the first of the list lies on top
  });
  changed("order");
}

export function move(layer, by) {
  const i = state.layers.indexOf(layer), k = i + by;
  if (k < 0 || k >= state.layers.length) return;
  state.layers.splice(i, 1);
  state.layers.splice(k, 0, layer);
  reorder();
}

export function setOpacity(layer, x) {
  layer.opacity = x;
  if (layer.tiles) layer.tiles.setOpacity(x);
  changed("opacity");
}

export function setVisible(layer, yes) {
  layer.visible = yes;
  refresh(layer);
  changed("visible");
}

export function setDate(layer, t) {
  layer.t = t;
  refresh(layer);
  changed("date");
}

function take(layer, info) {
  const same = layer.info && layer.info.key === info.key;
  layer.info = info;
  if (layer.t >= Math.max(1, info.dates.length)) layer.t = 0;
  if (!same) refresh(layer);
}

// Other looks: kept when the script runs again.
export async function restyle(layer, looks, signal) {
  layer.looks = Object.assign({}, layer.looks, looks);
  take(layer, await post(`style/${layer.plain.key}`, layer.looks, signal));
  changed("looks");
}

async function put(app, info) {
  let layer = state.layers.find((l) => l.app === app.id && l.info.name === info.name);
  if (!layer) {
    const asked = app.wanted[info.name];
    layer = { id: state.layers.length + "-" + Math.random().toString(36).slice(2, 7), app: app.id, opacity: 1,
      visible: asked ? asked.visible : true, t: 0, looks: null, info: null, tiles: null };
    if (asked) Object.assign(layer, { opacity: asked.opacity, t: asked.t, looks: asked.looks });
    layer.info = info;
    state.layers.push(layer);
    layer.plain = info;
    if (!layer.looks) { refresh(layer); return layer; }
  }
  layer.plain = info;
  if (layer.looks) info = await post(`style/${info.key}`, layer.looks).catch((e) => { complain(e); return info; });
  take(layer, info);
  if (!layer.tiles) refresh(layer);
  return layer;
}

// What a run of a script gave takes the place of what was there.
export async function takeLayers(app, list) {
  const names = new Set(list.map((i) => i.name));
  for (const layer of state.layers.filter((l) => l.app === app.id && !names.has(l.info.name))) {
    if (layer.tiles) layer.tiles.remove();
    state.layers.splice(state.layers.indexOf(layer), 1);
  }
  for (const info of list) await put(app, info);
  reorder();
  changed("layers");
}

export function fit(layers) {
  const boxes = (layers || state.layers.filter((l) => l.visible)).map((l) => l.info.box);
  if (!boxes.length) return;
  const b = L.latLngBounds(boxes.flatMap(([w, s, e, n]) =>
    [[Math.max(s, -85), w], [Math.min(n, 85), e]]));
  const panel = document.body.classList.contains("folded") ? 0 : 330;
  state.map.fitBounds(b, { paddingTopLeft: [panel, 20], paddingBottomRight: [20, 20], animate: false,
    maxZoom: Math.max(...state.layers.map((l) => l.info.zoom)) + 1 });
}

export const load = () => ask("layers");
