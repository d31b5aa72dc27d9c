// Batch jobs: how far they are. SPDX-License-Identifier: MIT
import { ask, complain, el, post } from "./net.js";

const OVER = ["done", "failed", "cancelled"];
const SOON = 3000, LATER = 30000; // milliseconds
const shown = new Map(); // a job's id: how many of its tasks are in the picture

function duration(seconds) {
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? minutes + " min" : (minutes / 60).toFixed(1) + " h";
}

function says(job) {
  const parts = [`${job.done} of ${job.total}`];
  if (job.running) parts.push(job.running + " running");
  if (job.held) parts.push(job.held + " held");
  if (job.eta) parts.push(duration(job.eta) + " left");
  if (!job.running && job.state !== "running") parts.push(job.state);
  return parts.join(", ");
}

// The server makes layers of what is finished, and tells every page of them.
async function show(job) {
  const before = shown.get(job.id);
  shown.set(job.id, job.done);
  await post("jobs/" + encodeURIComponent(job.id), {}).catch((error) => {
    if (before === undefined) shown.delete(job.id); else shown.set(job.id, before);
    complain(error);
  });
}

function jobBox(job) {
  const bar = el("i", { style: `width: ${job.total ? (100 * job.done) / job.total : 0}%` });
  const box = el("div", { className: "job " + job.state, title: [job.engine, job.reason || "", "\u2013 click: its picture so far"].join(" ") },
    el("div", { className: "row" }, el("span", {}, job.name), el("span", {}, says(job))),
    el("div", { className: "progress" }, bar));
  box.dataset.job = job.id;
  box.onclick = () => show(job);
  return box;
}

async function look() {
  const box = document.getElementById("jobs");
  const { jobs } = await ask("jobs");
  box.hidden = jobs.length === 0;
  box.replaceChildren(el("h2", {}, "Jobs"), ...jobs.slice(-12).reverse().map(jobBox));
  for (const job of jobs) if (shown.has(job.id) && shown.get(job.id) !== job.done) await show(job);
  return jobs.some((j) => !OVER.includes(j.state));
}

export async function watchJobs() {
  const busy = document.hidden ? false : await look().catch(() => false);
  setTimeout(watchJobs, busy ? SOON : LATER);
}
