// Swipe: the top layer to the right of a line that can be moved. SPDX-License-Identifier: MIT
import { onChange, state } from "./layers.js";

let on = false, at = 0.55;
const divider = () => document.getElementById("divider");

function paneOf(layer) { return state.map.getPane("layer-" + layer.id); }

function clip() {
  const map = state.map, size = map.getSize();
  const nw = map.containerPointToLayerPoint([0, 0]), se = map.containerPointToLayerPoint(size);
  const x = nw.x + size.x * at;
  const top = state.layers.find((l) => l.visible);
  for (const layer of state.layers) {
    const pane = paneOf(layer);
    if (pane) pane.style.clip = on && layer === top ? `rect(${nw.y}px, ${se.x}px, ${se.y}px, ${x}px)` : "";
  }
  divider().style.left = size.x * at + "px";
}

export function setSwipe(yes, place) {
  on = yes;
  if (place !== undefined) at = place;
  divider().hidden = !on;
  document.getElementById("tool-swipe").classList.toggle("on", on);
  clip();
}

export function startSwipe() {
  document.getElementById("tool-swipe").onclick = () => setSwipe(!on);
  state.map.on("move zoom zoomend resize", () => { if (on) clip(); });
  onChange(() => { if (on) clip(); });
  const d = divider();
  d.addEventListener("pointerdown", (e) => d.setPointerCapture(e.pointerId));
  d.addEventListener("pointermove", (e) => {
    if (!d.hasPointerCapture(e.pointerId)) return;
    at = Math.min(0.98, Math.max(0.02, e.clientX / state.map.getSize().x));
    clip();
  });
}
