// The page: what is shown of the walk, and what a reader does to it. Texts are set as text, never as markup.

const graph = JSON.parse(document.getElementById("graph").textContent);
const walk = new Walk(graph, program);
const $ = id => document.getElementById(id), all = (selector, root = document) => [...root.querySelectorAll(selector)];
const svg = document.querySelector("#figure svg"), NOT_YET = "not yet";
const keyOf = edge => `n${edge}`;
const ownerOf = part => part.dataset.owner ?? part.dataset.node;
const nodeOf = key => Number(/^n(\d+)/.exec(key)[1]);
let selected = null, timer = null;

// Numbers in the figure.
const labels = all("[data-shows]", svg).map((group, i) => ({group, ...graph.labels[i]}));
const SVG = "http://www.w3.org/2000/svg";
function outline(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
function setLabel({group, shows, prefix, start, x, y, size, center, room}, value, partial) {
  const kept = [...group.children].slice(0, prefix);
  const {width, glyphs, rules} = value === undefined
    ? {width: graph.pieces["\u00b7"][2], glyphs: [["\u00b7", 0, 0, 1]], rules: []} : layValue(value, graph.pieces);
  const whole = (start + width) * size, unit = size / 1000, narrow = Math.min(1, room / whole);
  const left = center === null ? x : center - whole * narrow / 2;
  group.setAttribute("transform", `translate(${left / unit} ${y / unit}) scale(${narrow} 1)`);
  group.classList.toggle("partial", Boolean(partial));
  group.classList.toggle("unknown", value === undefined);
  group.replaceChildren(...kept,
    ...glyphs.map(([char, at, up, small]) => outline("use", {
      href: `#${graph.pieces[char][0]}`,
      transform: `translate(${Math.round((start + at) * 1000)} ${Math.round(up * 1000)}) scale(${small})`,
    })),
    ...rules.map(path => outline("path", {d: path, transform: `translate(${start * 1000} 0) scale(1000)`})));
}

// The present state, everywhere: what shows the same as before is left alone.
const cells = all("[data-known]").map(cell => ({cell, source: cell.dataset.known}));
const last = new Map();
function changed(place, ...state) {
  const before = last.get(place);
  last.set(place, state);
  return !before || state.some((one, i) => !Object.is(one, before[i]));
}
function show() {
  const step = walk.found ? graph.steps[walk.position - 1] : undefined, known = walk.known();
  for (const label of labels) {
    const kind = label.shows[0], state = kind === "d" ? {d: walk.number(label.shows)} : known[label.shows.slice(1)];
    const partial = kind === "g" && state.partial;
    if (changed(label, state[kind], partial)) setLabel(label, state[kind], partial);
  }
  for (const {cell, source} of cells) {
    const value = known[source.slice(1)][source[0]];
    if (!changed(cell, value)) continue;
    if (value === undefined) cell.textContent = NOT_YET;
    else cell.replaceChildren(filledMath(value));
  }
  if (changed(document, walk.found, walk.rate) || !walk.found) fill(document);
  for (const item of all("#steps > li")) item.classList.toggle("current", Number(item.dataset.step) === walk.position);
  const now = step && document.querySelector(`#steps > [data-step="${walk.position}"]`);
  $("now").replaceChildren(...now ? copied(now) : [note(beginning())]);
  $("where").textContent = step ? `Step ${walk.position} of ${graph.steps.length}: ${graph.phases[step.phase]}`
    : walk.found ? `Before the first of ${graph.steps.length} steps` : "Waiting for values";
  Object.assign($("scrub"), {value: walk.position, disabled: !walk.found});
  $("scrub").setAttribute("aria-valuetext", $("where").textContent);
  for (const [id, position] of [["first", 0], ["back", 0], ["next", graph.steps.length], ["last", graph.steps.length]]) {
    $(id).disabled = !walk.found || walk.position === position;
  }
  $("play").disabled = !walk.found;
  $("play").setAttribute("aria-pressed", String(timer !== null));
  $("play").textContent = timer === null ? "Play" : "Pause";
  light(step);
  inspect();
  descend();
}
function filledMath(value) {
  const hole = math("mrow"), whole = math("math", hole);
  fillMath(hole, value);
  return whole;
}
function fill(root) {
  for (const hole of all("[data-hole]", root)) {
    const value = walk.number(hole.dataset.hole);
    if (value === undefined) hole.replaceChildren(math("mo", "\u00b7"));
    else fillMath(hole, value);
  }
  for (const part of all(".part + .part", root)) {
    part.hidden = part.querySelector("math").textContent === part.previousElementSibling.querySelector("math").textContent;
  }
  for (const said of all("[data-say]", root)) {
    const value = walk.number(said.dataset.say), text = value === undefined ? "\u00b7" : arrayText(value);
    const much = {"1": "just as much", [`${MINUS}1`]: "just as much, the other way"};
    said.textContent = "times" in said.dataset ? much[text] ?? `${text} times as much` : text;
  }
}
const copied = item => [...item.childNodes].map(node => node.cloneNode(true));
function note(text) {
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  return paragraph;
}
// Whether a node holds a NaN or infinity that none of its arguments holds; infinities in constants are meant.
function startsNonfinite([node, value]) {
  const held = one => [...new Set(dataOf(one))].filter(number => !Number.isFinite(number));
  const {args, constant} = graph.nodes[node], before = new Set(args.flatMap(arg => held(walk.found.f[arg])));
  return held(value).some(number => !before.has(number) && !(constant && !Number.isNaN(number)));
}
function beginning() {
  if (!walk.found) return "Some leaves have no value yet: give them one below.";
  const bad = Object.entries(walk.found.f).find(startsNonfinite);
  return bad ? `${graph.nodes[bad[0]].name} is the first to hold ${arrayText(bad[1])}.`
    : "The leaves have their values. Step forward to see what is computed from them.";
}

// Lines that are lit: the edge of the step, or the paths to the leaf that was chosen.
function light(step) {
  const chosen = selected !== null && selected in walk.leaves ? pathsTo(selected) : new Set();
  const current = step && step.edge;
  for (const line of all("[data-edge]", svg)) {
    const edge = line.dataset.edge.slice(1);
    line.classList.toggle("lit", chosen.has(edge));
    line.classList.toggle("now", edge === current);
  }
  for (const part of all("[data-owner], [data-node]", svg)) {
    const owner = ownerOf(part), onEdge = owner.includes("/");
    part.classList.toggle("now", Boolean(step) && (onEdge ? owner === keyOf(current) : nodeOf(owner) === step.node));
    part.classList.toggle("chosen", !onEdge && owner !== "" && nodeOf(owner) === selected);
  }
}
function pathsTo(leaf) {
  const above = new Set([leaf]), edges = new Set();
  graph.nodes.forEach(({args}, parent) => args.forEach((child, slot) => {
    if (above.has(child)) {
      above.add(parent);
      edges.add(`${parent}/${slot}`);
    }
  }));
  return edges;
}

// The node that is pointed at or chosen: where its value and its adjoint come from.
function inspect(node = selected) {
  const box = $("inspector");
  if (node === null) {
    box.replaceChildren(note(graph.help));
    return;
  }
  const heading = document.createElement("h3");
  heading.textContent = graph.nodes[node].name;
  const last = phases => graph.steps.findLastIndex(step => step.node === node && phases.includes(step.phase)) + 1;
  const places = [last(["forward"]), last(["seed", "backward", "sum"])].filter(Boolean);
  const items = places.map(place => document.querySelector(`#steps > [data-step="${place}"]`));
  const paths = all(`#paths > [data-leaf="${node}"]`);
  box.replaceChildren(heading, ...[...items, ...paths].flatMap(item => {
    const part = document.createElement("div");
    part.className = "explained";
    part.append(...copied(item));
    return [part];
  }));
  if (!items.length && !paths.length) box.append(note("A leaf: nothing is computed here, and no gradient is wanted."));
}

// Gradient descent.
function descend() {
  const moves = graph.steps.some(step => step.phase === "update");
  $("update").disabled = !walk.found || !moves;
  const losses = walk.history.map(numberText);
  const output = walk.found && walk.found.f[graph.root];
  $("losses").textContent = !walk.found || !isNumber(output) ? ""
    : `${graph.nodes[graph.root].name} = ${[...losses.slice(-5), numberText(output)].join(" \u2192 ")}`
      + (losses.length ? ` after ${losses.length} update${losses.length > 1 ? "s" : ""}` : "");
}
