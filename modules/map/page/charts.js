// Drawn by hand as SVG: a histogram whose limits can be dragged, and a series. SPDX-License-Identifier: MIT
import { ask, complain, el, later, latest, shown } from "./net.js";
import { restyle, state } from "./layers.js";

function svg(tag, attributes, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}

// ------------------------------------------------------------------------------------------- histogram

const W = 280, H = 84, FLOOR = 66;

function limits(layer, band) {
  const legend = layer.info.legend;
  if (legend && legend.type === "ramp") return [legend.min, legend.max];
  if (legend && legend.type === "rgb" && legend.stretch[0]) return [legend.stretch[0].min, legend.stretch[0].max];
  return [band.min, band.max];
}

function canStretch(layer) { return layer.info.legend && layer.info.legend.type !== "classes"; }

function bars(picture, band, x, lo, hi) {
  const most = Math.max(1, ...band.counts), n = band.counts.length;
  band.counts.forEach((c, i) => {
    const a = band.min + ((band.max - band.min) * i) / n, b = band.min + ((band.max - band.min) * (i + 1)) / n;
    const h = (Math.sqrt(c / most)) * (FLOOR - 6);
    picture.append(svg("rect", { x: x(a), y: FLOOR - h, width: Math.max(0.6, x(b) - x(a) - 0.4), height: h,
      class: (a + b) / 2 < lo || (a + b) / 2 > hi ? "out" : "bar" }));
  });
}

function handles(picture, layer, x, back, ends) {
  const apply = later(120, latest((signal) => restyle(layer, { min: ends[0], max: ends[1] }, signal).catch(complain)));
  [0, 1].forEach((k) => {
    const h = svg("rect", { class: "handle", x: x(ends[k]) - 3, y: 2, width: 6, height: FLOOR, rx: 2 });
    const text = svg("text", { x: x(ends[k]), y: H - 4, "text-anchor": k ? "end" : "start" }, shown(ends[k]));
    h.dataset.end = k;
    h.addEventListener("pointerdown", (e) => { h.setPointerCapture(e.pointerId); layer.dragging = true; });
    h.addEventListener("pointermove", (e) => {
      if (!h.hasPointerCapture(e.pointerId)) return;
      const r = picture.getBoundingClientRect();
      const at = back(((e.clientX - r.left) / r.width) * W);
      ends[k] = Number((k ? Math.max(at, ends[0]) : Math.min(at, ends[1])).toPrecision(4));
      h.setAttribute("x", x(ends[k]) - 3);
      text.setAttribute("x", x(ends[k]));
      text.textContent = shown(ends[k]);
    });
    h.addEventListener("pointerup", () => { layer.dragging = false; apply(); });
    picture.append(h, text);
  });
}

function drawHistogram(layer, box, answer) {
  const band = answer.bands[0], ends = limits(layer, band);
  if (!band || !band.count) { box.replaceChildren(el("span", { className: "note" }, "no data in this view")); return; }
  const lo = Math.min(band.min, ends[0]), hi = Math.max(band.max, ends[1], lo + 1e-9);
  const x = (v) => 4 + ((v - lo) / (hi - lo)) * (W - 8), back = (p) => lo + ((p - 4) / (W - 8)) * (hi - lo);
  const mean = band.mean === null ? "" : `: mean ${shown(Number(band.mean.toPrecision(4)))}`;
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}` });
  bars(picture, band, x, ends[0], ends[1]);
  picture.append(svg("text", { x: W - 12, y: 10, "text-anchor": "end" }, band.band + mean));
  if (canStretch(layer)) handles(picture, layer, x, back, ends);
  box.replaceChildren(picture);
}

export async function histogram(layer, box) {
  const b = state.map.getBounds();
  const [w, s, e, n] = layer.info.box;
  const bbox = [Math.max(b.getWest(), w), Math.max(b.getSouth(), s), Math.min(b.getEast(), e), Math.min(b.getNorth(), n)];
  if (bbox[0] >= bbox[2] || bbox[1] >= bbox[3]) { box.textContent = "outside of the view"; return; }
  try {
    drawHistogram(layer, box, await ask(`histogram?layer=${layer.info.key}&t=${layer.t}&bbox=${bbox}&bins=56`));
  } catch (error) { complain(error); }
}

// ---------------------------------------------------------------------------------------------- series

const CW = 340, CH = 130, LEFT = 44, BOTTOM = 108;

export function seriesChart(answer, band) {
  const points = answer.series.filter((p) => p.values[band] !== null && p.values[band] !== undefined)
    .map((p, i) => ({ t: p.time ?? i, v: Number(p.values[band]), id: p.id }));
  const box = el("div", { className: "chart" });
  if (!points.length) { box.textContent = "no data at any date"; return box; }
  const t0 = points[0].t, t1 = Math.max(points[points.length - 1].t, t0 + 1);
  const v0 = Math.min(...points.map((p) => p.v)), v1 = Math.max(...points.map((p) => p.v), v0 + 1e-9);
  const x = (t) => LEFT + ((t - t0) / (t1 - t0)) * (CW - LEFT - 10), y = (v) => BOTTOM - ((v - v0) / (v1 - v0)) * (BOTTOM - 12);
  const picture = svg("svg", { viewBox: `0 0 ${CW} ${CH}` });
  for (const v of [v0, (v0 + v1) / 2, v1]) {
    picture.append(svg("line", { class: "axis", x1: LEFT, x2: CW - 8, y1: y(v), y2: y(v) }),
      svg("text", { x: LEFT - 4, y: y(v) + 3, "text-anchor": "end" }, shown(Number(v.toPrecision(4)))));
  }
  picture.append(svg("path", { class: "line", d: points.map((p, i) => (i ? "L" : "M") + x(p.t) + " " + y(p.v)).join("") }));
  for (const p of points) {
    const dot = svg("circle", { class: "dot", cx: x(p.t), cy: y(p.v), r: 2.6 });
    dot.append(svg("title", {}, `${p.id}: ${shown(p.v)}`));
    picture.append(dot);
  }
  const day = (t) => (t > 1e6 ? new Date(t * 1000).toISOString().slice(0, 10) : String(t));
  picture.append(svg("text", { x: LEFT, y: CH - 6 }, day(t0)), svg("text", { x: CW - 8, y: CH - 6, "text-anchor": "end" }, day(t1)));
  box.append(picture);
  return box;
}
