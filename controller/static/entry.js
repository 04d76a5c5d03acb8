// While the form of a person has the focus, one key presses what carries it: an answer, who answers, or the way back.
// Keys that come as fast as a scanner's are none: whoever scans the next form too early enters nothing, and is told so.
"use strict";

const ALONE_MS = 150;
const said = document.getElementById("said");
let left = false;
let last = -Infinity;
let waiting = 0;

function press(key) {
  const found = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (!found || left) return;
  left = found.type !== "radio";
  found.click();
}

function isForKeys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return false;
  return said.contains(document.activeElement) && !event.target.matches("input[type=date]");
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") press("escape");
  if (event.key.length !== 1 || !isForKeys(event)) return;
  const isAlone = event.timeStamp - last > ALONE_MS;
  last = event.timeStamp;
  clearTimeout(waiting);
  document.getElementById("too-early").hidden = isAlone;
  if (isAlone) waiting = setTimeout(press, ALONE_MS, event.key.toLowerCase());
});
said.focus(); // not before somebody listens
