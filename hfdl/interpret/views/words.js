// The text as its tokens: the chosen one in a frame, the others shaded by how much it attends to
// them.

const SHOWN = 8;   // tokens in the list of the strongest

function buildWords() {
  const { tokens, sources, kind } = panel();
  const from = list(tokens, "Tokens that attend");
  from.classList.add("from");
  const place = document.getElementById("words");
  if (isCross()) {
    const to = list(sources, "Tokens that are attended to");
    to.classList.add("to");
    place.replaceChildren(group("The decoder's tokens"), from, group("The encoder's tokens"), to);
  } else {
    from.classList.add("to");
    place.replaceChildren(from);
  }
  const next = kind === "encoder" ? "" : " A token of the decoder helps to choose the one after it.";
  document.getElementById("words-hint").textContent =
    `Point at a token, or use the arrow keys, to see where it attends.${next}`;
  from.setAttribute("role", "listbox");
  [...from.children].forEach((item, t) => {
    item.setAttribute("role", "option");
    item.addEventListener("pointerenter", () => hover(t));
    item.addEventListener("click", () => pin(t));
  });
  from.addEventListener("pointerleave", () => hover(null));
  from.addEventListener("keydown", (event) => {
    const t = moved(event, state.pinned, tokens.length, 1);
    if (t === null) return;
    event.preventDefault();
    pin(t);
    from.children[t].focus();
  });
}

const group = (title) => element("p", { className: "group" }, title);

function list(tokens, label) {
  const made = element("ul", { className: "tokens" });
  made.append(...tokens.map((token) => element("li", { dir: "auto" }, token)));
  made.setAttribute("aria-label", label);
  return made;
}

function drawWords() {
  const { tokens, sources } = panel();
  const start = row() * sources.length;
  const values = weights(state.layer, state.head);
  const most = largest(values);
  const own = values.subarray(start, start + sources.length);
  [...document.querySelector(".to").children].forEach((item, s) => {
    const rgb = colour(own[s], most);
    item.style.backgroundColor = css(rgb);
    item.style.color = inkOn(rgb);
  });
  [...document.querySelector(".from").children].forEach((item, t) => {
    item.classList.toggle("now", t === row());
    item.tabIndex = t === state.pinned ? 0 : -1;
    item.setAttribute("aria-selected", String(t === state.pinned));
  });
  document.getElementById("words-title").textContent =
    `Layer ${state.layer}, ${headName(state.head)}`;
  listStrongest(tokens[row()], own);
}

function listStrongest(token, own) {
  const order = [...own.keys()].sort((a, b) => Math.abs(own[b]) - Math.abs(own[a]));
  const seen = order.slice(0, SHOWN).filter((s) => Math.abs(own[s]) >= 0.0005);
  const most = largest(own) || 1;
  const change = seen.length ? " has changed most towards" : " has not changed";
  const table = element("table", { className: "strongest" });
  table.append(element("caption", {}, element("bdi", {}, token),
    isDifference() ? change : " attends most to"));
  for (const s of seen) {
    const bar = element("div", { className: "bar" });
    if (isDifference()) bar.classList.add(own[s] < 0 ? "minus" : "plus");
    bar.style.setProperty("--share", String(Math.abs(own[s]) / most));
    table.append(element("tr", {}, element("td", {}, element("bdi", {}, panel().sources[s])),
      element("td", {}, number(own[s])), element("td", {}, bar)));
  }
  document.getElementById("strongest").replaceChildren(table);
}

// Where an arrow key leads among `count` things that stand in rows of `width`; null: another key.
function moved(event, at, count, width) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -width, ArrowDown: width };
  if (event.key === "Home") return 0;
  if (event.key === "End") return count - 1;
  if (!(event.key in steps)) return null;
  const to = at + steps[event.key];
  return to >= 0 && to < count ? to : at;
}
