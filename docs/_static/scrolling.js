// What scrolls sideways can be reached by the keyboard; what fits is no stop on the way.
"use strict";
function reach() {
  for (const box of document.querySelectorAll("pre, .formula, .diagram, .table-wrapper")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
document.addEventListener("DOMContentLoaded", reach);
window.addEventListener("resize", reach);
