// One head as a matrix, its tokens at the edges where there is room for them.

const WIDEST = 26, READABLE = 11, LABELS = 96;   // pixels: a cell, one with a label, a label
let grid = null;   // where the cells are: {left, top, size}

function drawMatrix() {
  const canvas = document.getElementById("matrix");
  const { tokens, sources } = panel();
  const values = weights(state.layer, state.head);
  grid = layOut(document.getElementById("matrix-place").clientWidth, tokens, sources);
  const width = grid.left + sources.length * grid.size + 1;
  const height = grid.top + tokens.length * grid.size + 1;
  const context = sharp(canvas, width, height);
  const most = largest(values);
  const dots = document.createElement("canvas");
  paint(dots, values, sources.length, most);
  context.imageSmoothingEnabled = false;
  context.drawImage(dots, grid.left, grid.top, width - grid.left - 1, height - grid.top - 1);
  const style = getComputedStyle(document.documentElement);
  context.strokeStyle = style.getPropertyValue("--line");
  context.strokeRect(grid.left, grid.top, width - grid.left - 1, height - grid.top - 1);
  if (grid.top) writeLabels(context, tokens, sources, style);
  context.strokeStyle = style.getPropertyValue("--mark");
  context.lineWidth = 2;
  context.strokeRect(grid.left, grid.top + row() * grid.size, sources.length * grid.size, grid.size);
  canvas.setAttribute("aria-label",
    `Layer ${state.layer}, ${headName(state.head)}: ${tokens.length} by ${sources.length} weights`);
  drawLegend(most);
}

// Labels as wide as the longest needs; none where their letters would be too small.
function layOut(room, tokens, sources) {
  const left = labelRoom(tokens);
  const size = Math.min(WIDEST, (room - left - 2) / sources.length);
  if (size >= READABLE) return { left, top: labelRoom(sources), size };
  return { left: 0, top: 0, size: Math.max(2, (room - 2) / sources.length) };
}

function labelRoom(tokens) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = labelFont(WIDEST);
  const widths = tokens.map((token) => context.measureText(token).width);
  return Math.ceil(Math.min(LABELS, Math.max(...widths) + 10));
}

function labelFont(size) {
  const family = getComputedStyle(document.documentElement).getPropertyValue("--sans");
  return `${Math.min(13, size * 0.8)}px ${family}`;
}

// A canvas with as many dots as the screen has.
function sharp(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(density, density);
  return context;
}

function writeLabels(context, tokens, sources, style) {
  context.fillStyle = style.getPropertyValue("--ink");
  context.font = labelFont(grid.size);
  context.textBaseline = "middle";
  context.direction = "ltr";
  context.textAlign = "right";
  tokens.forEach((token, t) => {
    context.fillText(clipped(context, token, grid.left - 8), grid.left - 5, grid.top + (t + 0.5) * grid.size);
  });
  context.textAlign = "left";
  sources.forEach((token, s) => {
    context.save();
    context.translate(grid.left + (s + 0.5) * grid.size, grid.top - 5);
    context.rotate(-Math.PI / 2);
    context.fillText(clipped(context, token, grid.top - 8), 0, 0);
    context.restore();
  });
}

function clipped(context, token, room) {
  const letters = [...token];
  let text = token;
  while (letters.length > 1 && context.measureText(text).width > room) {
    letters.pop();
    text = `${letters.join("")}\u2026`;
  }
  return text;
}

// The cell under the mouse, or null.
function cellAt(event) {
  const box = document.getElementById("matrix").getBoundingClientRect();
  const s = Math.floor((event.clientX - box.left - grid.left) / grid.size);
  const t = Math.floor((event.clientY - box.top - grid.top) / grid.size);
  const { tokens, sources } = panel();
  return s >= 0 && t >= 0 && s < sources.length && t < tokens.length ? { t, s } : null;
}

function listenToMatrix() {
  const canvas = document.getElementById("matrix");
  const place = document.getElementById("matrix-value");
  canvas.addEventListener("pointermove", (event) => {
    const cell = cellAt(event);
    if (cell) {
      const { tokens, sources } = panel();
      const value = weights(state.layer, state.head)[cell.t * sources.length + cell.s];
      place.replaceChildren(element("bdi", {}, tokens[cell.t]), " \u2192 ",
        element("bdi", {}, sources[cell.s]), `: ${number(value)}`);
    }
    hover(cell ? cell.t : null);
  });
  canvas.addEventListener("pointerleave", () => hover(null));
  canvas.addEventListener("click", (event) => {
    const cell = cellAt(event);
    if (cell) pin(cell.t);
  });
}
