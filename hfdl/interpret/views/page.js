// The controls, and what is drawn again when one of them is used.

function buildTabs() {
  const tabs = document.getElementById("tabs");
  tabs.hidden = data.panels.length < 2;
  data.panels.forEach(({ title }, index) => {
    const tab = element("button", { type: "button" }, title);
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "panel");
    tab.addEventListener("click", () => show(index));
    tabs.append(tab);
  });
  tabs.addEventListener("keydown", (event) => {
    const to = moved(event, state.panel, data.panels.length, 1);
    if (to === null) return;
    event.preventDefault();
    show(to);
    tabs.children[to].focus();
  });
}

function buildModels() {
  const place = document.getElementById("models");
  place.hidden = data.models.length < 2;
  if (place.hidden) return;
  ["first", "second", "difference"].forEach((_, model) => {
    const radio = element("input", { type: "radio", name: "model", checked: model === state.model });
    radio.addEventListener("change", () => { state.model = model; drawOverview(); draw(); });
    const name = data.models[model] ?? "second minus first";
    place.append(element("label", {}, radio, " ", element("bdi", {}, name)));
  });
}

function fill(select, values, names) {
  select.replaceChildren(...values.map((value, i) => element("option", { value }, names[i])));
}

function fillHeads() {
  const heads = [...Array(headsOf(state.layer)).keys()];
  fill(document.getElementById("head"), [MEAN, ...heads], ["mean", ...heads.map(String)]);
}

// Another kind of attention.
function show(index) {
  state.panel = index;
  state.pinned = 0;
  state.hovered = null;
  [...document.getElementById("tabs").children].forEach((tab, i) => {
    tab.setAttribute("aria-selected", String(i === index));
    tab.tabIndex = i === index ? 0 : -1;
  });
  const layers = [...panel().maps[0].keys()];
  fill(document.getElementById("layer"), layers, layers.map(String));
  buildOverview();
  buildWords();
  buildChanged();
  drawOverview();
  choose({ layer: Math.min(state.layer, layers.length - 1), head: state.head });
}

// Another head.
function choose({ layer, head }) {
  state.layer = layer;
  state.head = Math.min(head, headsOf(layer) - 1);
  fillHeads();
  document.getElementById("layer").value = String(state.layer);
  document.getElementById("head").value = String(state.head);
  markOverview();
  draw();
}

function pin(token) {
  state.pinned = token;
  state.hovered = null;
  draw();
}

function hover(token) {
  if (state.hovered === token) return;
  state.hovered = token;
  draw();
}

function draw() {
  drawWords();
  drawMatrix();
}

function redraw() {
  readScales();
  drawOverview();
  draw();
}

document.querySelector("main").hidden = false;
readScales();
buildTabs();
buildModels();
show(state.panel);
listenToMatrix();
const numberIn = (event) => Number(event.target.value);
document.getElementById("layer").addEventListener("change", (e) => choose({ layer: numberIn(e), head: state.head }));
document.getElementById("head").addEventListener("change", (e) => choose({ layer: state.layer, head: numberIn(e) }));
window.addEventListener("resize", () => { sizeOverview(); draw(); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
