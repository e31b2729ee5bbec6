// Every head as a thumbnail, and the heads that changed most as a table.

const MOST_CHANGED = 12;

function buildOverview() {
  const layers = panel().maps[0].length;
  const heads = Math.max(...panel().maps[0].map((layer) => layer.length));
  const table = document.getElementById("overview");
  const columns = [...Array(heads).keys(), MEAN];
  const names = columns.map((head) => element("th", { scope: "col" }, head === MEAN ? "mean" : String(head)));
  table.replaceChildren(element("thead", {}, element("tr", {}, element("th", {}, "layer"), ...names)));
  const body = element("tbody");
  for (let layer = 0; layer < layers; layer++) {
    const cells = columns.map((head) => {
      const exists = head < headsOf(layer);
      return element("td", {}, ...(exists ? [thumbnail(layer, head)] : []));
    });
    body.append(element("tr", {}, element("th", { scope: "row" }, String(layer)), ...cells));
  }
  table.append(body);
  table.onkeydown = (event) => moveBetween(event, columns.length);
  sizeOverview();
}

// As large as the columns have room for; where they have none, the table scrolls.
function sizeOverview() {
  const table = document.getElementById("overview");
  const columns = table.querySelectorAll("thead th").length - 1;
  const room = (table.parentElement.clientWidth - 52) / columns - 8;   // borders and row names
  const size = Math.floor(Math.max(22, Math.min(64, room)));
  table.style.setProperty("--thumbnail", `${size}px`);
  const isEnlarged = size > panel().sources.length;
  table.style.setProperty("--rendering", isEnlarged ? "pixelated" : "auto");
}

function thumbnail(layer, head) {
  const button = element("button", { type: "button" }, document.createElement("canvas"));
  button.setAttribute("aria-label", `Layer ${layer}, ${headName(head)}`);
  Object.assign(button.dataset, { layer, head });
  button.addEventListener("click", () => choose({ layer, head }));
  return button;
}

function moveBetween(event, width) {
  const buttons = [...document.querySelectorAll("#overview button")];
  const at = buttons.indexOf(event.target);
  const to = at < 0 ? null : moved(event, at, buttons.length, width);
  if (to === null) return;
  event.preventDefault();
  buttons[to].focus();
}

function drawOverview() {
  const buttons = [...document.querySelectorAll("#overview button")];
  const maps = buttons.map(({ dataset }) => weights(Number(dataset.layer), Number(dataset.head)));
  // One scale for all differences: a head that stayed as it was must look so. The root, because
  // in a thumbnail a faint difference would be lost.
  const most = Math.max(...maps.map(largest)) || 1;
  const root = (value) => Math.sign(value) * Math.sqrt(Math.abs(value) / most);
  buttons.forEach((button, i) => {
    const values = isDifference() ? maps[i].map(root) : maps[i];
    paint(button.firstChild, values, panel().sources.length, 1);
  });
}

function markOverview() {
  for (const button of document.querySelectorAll("#overview button")) {
    const { layer, head } = button.dataset;
    const isChosen = Number(layer) === state.layer && Number(head) === state.head;
    button.setAttribute("aria-pressed", String(isChosen));
    button.tabIndex = isChosen ? 0 : -1;
  }
}

function buildChanged() {
  const { divergences } = panel();
  document.getElementById("changed-part").hidden = !divergences;
  if (!divergences) return;
  const heads = divergences.flatMap((values, layer) => values.map((value, head) => ({ layer, head, value })));
  heads.sort((a, b) => b.value - a.value);
  const titles = ["Head", "Divergence", ""].map((title) => element("th", { scope: "col" }, title));
  const body = element("tbody");
  for (const { layer, head, value } of heads.slice(0, MOST_CHANGED)) {
    const jump = element("button", { type: "button", className: "jump" }, `Layer ${layer}, head ${head}`);
    jump.addEventListener("click", () => choose({ layer, head }));
    const bar = element("div", { className: "bar" });
    bar.style.setProperty("--share", String(value / (heads[0].value || 1)));
    const cells = [jump, value.toFixed(4), bar].map((content) => element("td", {}, content));
    body.append(element("tr", {}, ...cells));
  }
  document.getElementById("changed").replaceChildren(
    element("thead", {}, element("tr", {}, ...titles)), body);
}
