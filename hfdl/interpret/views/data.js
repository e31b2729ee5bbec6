// What the page shows, and where the reader is in it.

const data = JSON.parse(document.getElementById("data").textContent);
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUE_OF = new Map([...LETTERS].map((letter, value) => [letter, value]));
const MEAN = -1;        // in the place of a head: the mean over all of them
const DIFFERENCE = 2;   // in the place of a model: second minus first

const [startPanel, startLayer, startHead] = data.start;
const state = {
  panel: startPanel,
  layer: startLayer,
  head: startHead ?? MEAN,
  model: data.models.length > 1 ? DIFFERENCE : 0,
  pinned: 0,       // the token that was chosen
  hovered: null,   // the one under the mouse
};

const panel = () => data.panels[state.panel];
const isDifference = () => state.model === DIFFERENCE;
const headsOf = (layer) => panel().maps[0][layer].length;
const headName = (head) => (head === MEAN ? "mean of heads" : `head ${head}`);
const isCross = () => panel().kind === "cross";
const row = () => state.hovered ?? state.pinned;

// The weights of a head: a Float32Array of tokens x sources, kept once it was made.
const kept = new Map();
function weights(layer, head, model = state.model) {
  const key = [state.panel, model, layer, head].join();
  if (!kept.has(key)) kept.set(key, made(layer, head, model));
  return kept.get(key);
}

function made(layer, head, model) {
  if (model === DIFFERENCE) {
    const first = weights(layer, head, 0);
    return weights(layer, head, 1).map((value, i) => value - first[i]);
  }
  if (head === MEAN) return mean(layer, model);
  return unpacked(panel().maps[model][layer][head]);
}

function mean(layer, model) {
  const heads = headsOf(layer);
  const sum = new Float32Array(panel().tokens.length * panel().sources.length);
  for (let head = 0; head < heads; head++) {
    weights(layer, head, model).forEach((value, i) => { sum[i] += value / heads; });
  }
  return sum;
}

// Two letters a weight, a full stop between rows; what a row lacks at its end is zero.
function unpacked(text) {
  const width = panel().sources.length;
  const values = new Float32Array(panel().tokens.length * width);
  text.split(".").forEach((line, t) => {
    for (let i = 0; i < line.length; i += 2) {
      const step = VALUE_OF.get(line[i]) * 64 + VALUE_OF.get(line[i + 1]);
      values[t * width + i / 2] = step / data.steps;
    }
  });
  return values;
}

function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

// Three decimals, and a sign where it is a difference.
function number(value) {
  const text = Math.abs(value).toFixed(3);
  if (!isDifference() || text === "0.000") return text;
  return (value < 0 ? "\u2212" : "+") + text;
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);   // strings become text, never markup
  return made;
}
