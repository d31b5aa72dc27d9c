// The panel: parameters as widgets, layers with legend, date and histogram. SPDX-License-Identifier: MIT
import { complain, el, later, latest, post, shown } from "./net.js";
import { changed, fit, move, onChange, setDate, setOpacity, setVisible, state, takeLayers } from "./layers.js";
import { histogram } from "./charts.js";

// ------------------------------------------------------------------------------------------ parameters

export async function runApp(app, signal) {
  const values = Object.fromEntries(app.params.filter((p) => app.values[p.name] !== undefined)
    .map((p) => [p.name, app.values[p.name]]));
  const answer = await post(`apps/${encodeURIComponent(app.id)}`, { params: values }, signal);
  await takeLayers(app, answer.layers);
}

function setter(app, box) {
  const run = latest((signal) => runApp(app, signal));
  const soon = later(60, () => {
    box.classList.add("busy");
    run().catch(complain).finally(() => box.classList.remove("busy"));
  });
  return (name, value) => { app.values[name] = value; soon(); changed("params"); };
}

function current(app, p) { return app.values[p.name] !== undefined ? app.values[p.name] : p.value; }

function numberWidget(p, value, set) {
  const o = p.options, whole = p.type === "integer";
  const hasRange = typeof o.min === "number" && typeof o.max === "number";
  const step = whole ? 1 : hasRange ? (o.max - o.min) / 200 : "any";
  const read = (text) => (whole ? Math.round(Number(text)) : Number(text));
  const box = el("input", { type: "number", value, step: whole ? 1 : "any", min: o.min ?? "", max: o.max ?? "" });
  const slider = hasRange ? el("input", { type: "range", min: o.min, max: o.max, step, value }) : null;
  box.name = p.name;
  box.onchange = () => { if (box.value !== "") { if (slider) slider.value = box.value; set(p.name, read(box.value)); } };
  if (slider) {
    slider.value = value;
    slider.name = p.name + "-slider";
    slider.oninput = () => { box.value = slider.value; set(p.name, read(slider.value)); };
  }
  return [box, slider];
}

function choiceWidget(p, value, set) {
  const box = el("select", { name: p.name }, ...p.options.choices.map((c) => el("option", { value: String(c) }, String(c))));
  box.value = String(value);
  box.onchange = () => set(p.name, p.options.choices[box.selectedIndex]);
  return [box, null];
}

function widget(app, p, set) {
  const value = current(app, p);
  const box = el("div", { className: "param" });
  let parts;
  if (Array.isArray(p.options.choices)) parts = choiceWidget(p, value, set);
  else if (p.type === "boolean") parts = [el("input", { type: "checkbox", name: p.name, checked: value,
    onchange: (e) => set(p.name, e.target.checked) }), null];
  else if (p.type === "string") parts = [el("input", { type: "text", name: p.name, value,
    onchange: (e) => set(p.name, e.target.value) }), null];
  else parts = numberWidget(p, value, set);
  box.append(el("label", {}, el("span", {}, p.options.label || p.name), parts[0]));
  if (parts[1]) box.append(parts[1]);
  return box;
}

// ---------------------------------------------------------------------------------------------- legend

function rampLegend(legend) {
  const lo = legend.min, hi = legend.max;
  const stops = legend.stops.map((s) => `${s.color} ${hi > lo ? ((s.value - lo) / (hi - lo)) * 100 : 0}%`);
  return el("div", { className: "legend ramp" },
    el("div", { className: "bar", style: `background: linear-gradient(to right, ${stops.join(", ")})` }),
    el("div", { className: "ends" }, el("span", {}, shown(lo)), el("span", {}, shown((lo + hi) / 2)),
      el("span", {}, shown(hi))));
}

function classLegend(legend) {
  return el("div", { className: "legend classes" }, ...legend.entries.slice(0, 40).map((e) =>
    el("div", { className: "class" }, el("i", { style: "background:" + e.color }),
      el("span", {}, e.label || shown(e.value)))));
}

function rgbLegend(legend) {
  const dots = ["#d64545", "#3c9a4d", "#3f6fd1"];
  return el("div", { className: "legend rgb" }, ...legend.bands.map((b, i) =>
    el("span", {}, el("i", { style: "background:" + dots[i] }), b)));
}

export function legendOf(legend) {
  if (!legend) return null;
  return legend.type === "ramp" ? rampLegend(legend) : legend.type === "rgb" ? rgbLegend(legend) : classLegend(legend);
}

// ---------------------------------------------------------------------------------------------- layers

function dateText(d) {
  return d.time === null ? d.id : new Date(d.time * 1000).toISOString().slice(0, 10);
}

function dateRow(layer) {
  const dates = layer.info.dates;
  if (!dates.length) return null;
  const text = el("span", { title: dates[layer.t].id }, dateText(dates[layer.t]));
  const slide = el("input", { type: "range", min: 0, max: dates.length - 1, step: 1, className: "dates" });
  slide.value = layer.t;
  const go = later(80, (t) => setDate(layer, t));
  slide.oninput = () => { text.textContent = dateText(dates[slide.value]); go(Number(slide.value)); };
  return el("div", { className: "row time" }, slide, text);
}

function layerBox(layer) {
  const i = state.layers.indexOf(layer);
  const percent = el("span", {}, Math.round(layer.opacity * 100) + " %");
  const graph = el("div", { className: "histogram", hidden: !layer.histogram });
  const box = el("div", { className: "layer" + (layer.visible ? "" : " off") },
    el("div", { className: "top" },
      el("input", { type: "checkbox", checked: layer.visible, title: "Show", onchange: (e) => setVisible(layer, e.target.checked) }),
      el("span", { className: "name", title: "Go there" + (layer.info.where ? "; made at " + layer.info.where : ""),
        onclick: () => fit([layer]) }, layer.info.name),
      el("button", { title: "Histogram and stretch", className: "to-histogram",
        onclick: () => { layer.histogram = !layer.histogram; graph.hidden = !layer.histogram; if (layer.histogram) histogram(layer, graph); } }, "\u2581\u2585\u2583"),
      el("button", { title: "Up", disabled: i === 0, onclick: () => move(layer, -1) }, "\u2191"),
      el("button", { title: "Down", disabled: i === state.layers.length - 1, onclick: () => move(layer, 1) }, "\u2193")),
    el("div", { className: "row" }, el("span", {}, "Opacity"),
      el("input", { type: "range", min: 0, max: 1, step: 0.01, className: "opacity",
        value: layer.opacity, oninput: (e) => { percent.textContent = Math.round(e.target.value * 100) + " %"; setOpacity(layer, Number(e.target.value)); } }), percent),
    dateRow(layer), legendOf(layer.info.legend), graph);
  box.querySelector(".opacity").value = layer.opacity;
  box.dataset.layer = layer.info.name;
  if (layer.histogram) histogram(layer, graph);
  return box;
}

// --------------------------------------------------------------------------------------------- drawing

function drawApp(app) {
  const params = el("div", { className: "params" });
  const set = setter(app, params);
  for (const p of app.params) params.append(widget(app, p, set));
  const layers = el("div", { className: "layers" });
  const box = el("section", { className: "app" }, el("h2", {}, app.id),
    app.error ? el("p", { className: "error" }, app.error) : null, params, layers);
  box.dataset.app = app.id;
  return box;
}

export function drawLayers() {
  for (const app of state.apps) {
    const box = document.querySelector(`.app[data-app="${CSS.escape(app.id)}"] .layers`);
    if (box) box.replaceChildren(...state.layers.filter((l) => l.app === app.id).map(layerBox));
  }
}

export function drawPanel() {
  document.getElementById("apps").replaceChildren(...state.apps.map(drawApp));
  drawLayers();
}

onChange((what) => { if (["layers", "order", "visible", "looks"].includes(what)) drawLayers(); });
