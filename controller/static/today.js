// The day renews itself; what somebody has unfolded stays unfolded, by the name of its `details`.
"use strict";

let unfolded = [];

document.addEventListener("htmx:beforeSwap", () => {
  unfolded = [...document.querySelectorAll("#day details[open]")].map((one) => one.id);
});

document.addEventListener("htmx:afterSwap", () => {
  for (const name of unfolded) document.getElementById(name)?.setAttribute("open", "");
});
