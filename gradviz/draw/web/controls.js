// What a reader does: buttons, keys, fields, pointing, panning and zooming.

function go(position) {
  walk.position = Math.min(Math.max(position, 0), graph.steps.length);
  show();
}
function pause() {
  clearInterval(timer);
  timer = null;
}
function play() {
  if (timer !== null) {
    pause();
  } else {
    if (walk.position >= graph.complete) walk.position = 0;
    timer = setInterval(() => {
      if (walk.position + 1 >= graph.steps.length) pause();
      go(walk.position + 1);
    }, 1500 / Number($("speed").value));
  }
  show();
}
function nextPhase() {
  const group = step => ["seed", "sum"].includes(step?.phase) ? "backward" : step?.phase;
  const here = group(graph.steps[walk.position - 1]);
  const ahead = graph.steps.findIndex((step, place) => place >= walk.position && group(step) !== here);
  go(ahead < 0 ? graph.steps.length : ahead + 1);
}
const actions = {
  first: () => go(0), back: () => go(walk.position - 1), play, next: () => go(walk.position + 1),
  last: () => go(graph.steps.length), phase: nextPhase,
  update: () => {
    walk.update();
    writeFields();
    show();
  },
  reset: () => {
    pause();
    walk.reset();
    writeFields();
    go(graph.complete);
  },
  closer: () => zoom(1.25), farther: () => zoom(0.8), fit: () => setView({}),
};
for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
$("scrub").addEventListener("input", () => go(Number($("scrub").value)));
$("speed").addEventListener("change", () => {
  if (timer !== null) {
    pause();
    play();
  }
});

const keys = {ArrowRight: "next", ArrowLeft: "back", Home: "first", End: "last", " ": "play", "+": "closer",
  "-": "farther", "0": "fit", n: "phase", u: "update", r: "reset"};
document.addEventListener("keydown", event => {
  if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    choose(null);
  } else if (event.key in keys && !(event.key === " " && event.target.closest("button, summary, [role=button]"))) {
    const button = $(keys[event.key]);
    if (!button.disabled) button.click();
    event.preventDefault();
  }
});

// The values of the leaves.
function readNumber(text) {
  const plain = text.trim().replace(MINUS, "-").replace(/^(-?)\s*(inf|infinity|\u221e)$/i, "$1Infinity");
  return plain === "" || (Number.isNaN(Number(plain)) && plain.toLowerCase() !== "nan") ? null : Number(plain);
}
function writeFields() {
  for (const field of all("[data-leaf] input")) {
    const value = walk.leaves[field.closest("[data-leaf]").dataset.leaf];
    if (document.activeElement === field && readNumber(field.value) !== null) continue;
    field.value = value === null ? "" : String(Number(dataOf(value)[field.dataset.at].toPrecision(6)));
    field.removeAttribute("aria-invalid");
  }
  $("rate").value = Math.log10(walk.rate);
  $("rate-now").textContent = numberText(walk.rate);
}
for (const group of all("fieldset[data-leaf]")) {
  const node = Number(group.dataset.leaf), fields = all("input", group);
  group.addEventListener("input", ({target}) => {
    const valid = readNumber(target.value) !== null;
    target.toggleAttribute("aria-invalid", false);
    if (!valid) target.setAttribute("aria-invalid", "true");
    const before = walk.leaves[node] && dataOf(walk.leaves[node]);
    const numbers = fields.map((field, at) => field === target || !before ? readNumber(field.value) : before[at]);
    if (numbers.includes(null)) return;
    walk.set(node, make(graph.nodes[node].shape, Float64Array.from(numbers)));
    show();
  });
  group.addEventListener("focusin", () => choose(node));
  group.addEventListener("focusout", writeFields);
}
$("rate").addEventListener("input", () => {
  walk.rate = Number((10 ** Number($("rate").value)).toPrecision(2));
  $("rate-now").textContent = numberText(walk.rate);
  show();
});

// Pointing at and choosing nodes.
function choose(node) {
  selected = node;
  show();
}
const partsOf = {};
for (const part of all("[data-owner], [data-node]", svg)) (partsOf[ownerOf(part)] ??= []).push(part);
const bodies = all("rect[data-node], .parameter > g, .data > g, .constant > g", svg);
const boxes = bodies.map(body => body.getBBox());  // all before the first change: it is then that a browser measures
for (const [place, body] of bodies.entries()) {
  const key = ownerOf(body), node = nodeOf(key);
  if (body.tagName === "g") {  // a letter is mostly holes: a finger wants a surface
    const {x, y, width, height} = boxes[place], margin = 250;
    body.prepend(outline("rect", {class: "surface", x: x - margin, y: y - margin, width: width + 2 * margin,
      height: height + 2 * margin}));
  }
  body.setAttribute("tabindex", "0");
  body.setAttribute("role", "button");
  body.setAttribute("aria-label", graph.nodes[node].name);
  body.addEventListener("focus", () => inspect(node));
  body.addEventListener("blur", () => inspect());
  body.addEventListener("keydown", event => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(selected === node ? null : node);
  });
  for (const part of partsOf[key]) {
    part.classList.add("pointed");
    part.addEventListener("pointerenter", () => inspect(node));
    part.addEventListener("pointerleave", () => inspect());
    part.addEventListener("click", () => moved || choose(selected === node ? null : node));
  }
}
for (const item of all("#steps > li")) item.addEventListener("click", () => go(Number(item.dataset.step)));

// Panning and zooming.
const {width: fullWidth, height: fullHeight} = svg.viewBox.baseVal;
let view = {x: 0, y: 0, width: fullWidth, height: fullHeight}, moved = false, grip = null;
function setView({x = 0, y = 0, width = fullWidth, height = fullHeight}) {
  view = {x, y, width, height};
  svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  svg.classList.toggle("zoomed", width < fullWidth - 1e-6);
}
function zoom(factor, at = {x: view.x + view.width / 2, y: view.y + view.height / 2}) {
  const width = Math.min(Math.max(view.width / factor, fullWidth / 12), fullWidth), share = width / view.width;
  setView({
    x: width === fullWidth ? 0 : at.x - (at.x - view.x) * share, y: width === fullWidth ? 0 : at.y - (at.y - view.y) * share,
    width, height: fullHeight * width / fullWidth,
  });
}
const inFigure = event => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
svg.addEventListener("wheel", event => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 300), inFigure(event));
}, {passive: false});
svg.addEventListener("pointerdown", event => {
  moved = false;
  grip = view.width < fullWidth ? inFigure(event) : null;
});
svg.addEventListener("pointermove", event => {
  if (!grip || !event.buttons) return;
  const now = inFigure(event), [dx, dy] = [grip.x - now.x, grip.y - now.y];
  moved ||= Math.hypot(dx, dy) > 3;
  if (moved) setView({...view, x: view.x + dx, y: view.y + dy});
});
svg.addEventListener("pointerup", () => grip = null);
svg.addEventListener("dblclick", event => zoom(1.6, inFigure(event)));

// Light and dark.
$("theme").addEventListener("click", () => {
  const root = document.documentElement, dark = getComputedStyle(root).colorScheme === "dark";
  root.dataset.theme = dark ? "light" : "dark";
});

writeFields();
if (graph.path !== null) choose(graph.path);
show();
