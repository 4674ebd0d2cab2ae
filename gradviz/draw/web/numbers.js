// Numbers as a reader sees them: as text, as MathML in a formula, and as outlines in the figure.

const MINUS = "\u2212", MOST_PRINTED = 9, DIGITS = 3;

// Digits after the point, ties to even as Python rounds them: JavaScript alone rounds ties up.
function rounded(value, digits, scientific) {
  const write = places => scientific ? Math.abs(value).toExponential(places) : Math.abs(value).toFixed(places);
  const exact = write(digits + 40).split("e")[0], kept = exact.slice(0, -40).replace(/\.$/, "");
  const tie = /^50*$/.test(exact.slice(-40)) && "02468".includes(kept.at(-1));
  if (!tie) return write(digits);
  return scientific ? `${kept}e${write(digits + 40).split("e")[1]}` : kept;
}

// Mantissa and exponent of a number; no exponent unless scientific notation is shorter to read.
function parts(value) {
  if (Number.isNaN(value)) return ["NaN"];
  const sign = value < 0 ? MINUS : "";
  if (!Number.isFinite(value)) return [`${sign}\u221e`];
  if (value === 0) return ["0"];
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return [`${sign}${Math.abs(value)}`];
  const short = text => text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  const [mantissa, power] = rounded(value, DIGITS - 1, true).split("e");
  const exponent = Number(power);
  if (exponent > -4 && exponent < 4) {
    return [sign + short(rounded(value, Math.max(DIGITS - 1 - exponent, 0), false))];
  }
  return [sign + short(mantissa), String(exponent).replace("-", MINUS)];
}

function numberText(value) {
  const [mantissa, exponent] = parts(value);
  return exponent === undefined ? mantissa : `${mantissa}\u00d710^${exponent}`;
}

// A value as rows of numbers; as nothing but its shape and norm where it is long.
function shown(value) {
  if (isNumber(value)) return {kind: "number", rows: [[value]]};
  const {data} = value, shape = [...value.shape];
  while (shape.length > 2 && shape.includes(1)) shape.splice(shape.indexOf(1), 1);
  if (data.length === 0 || data.length > MOST_PRINTED || shape.length > 2) {
    return {kind: "norm", shape: value.shape.join("\u00d7"), rows: [[Math.hypot(...data)]]};
  }
  const width = shape.at(-1), kind = shape.length === 1 ? "vector" : "matrix";
  return {kind, rows: Array.from({length: data.length / width}, (_, i) => [...data.slice(i * width, (i + 1) * width)])};
}

function arrayText(value) {
  const {kind, shape, rows} = shown(value);
  if (kind === "number") return numberText(rows[0][0]);
  if (kind === "norm") return `${shape}, norm ${numberText(rows[0][0])}`;
  return `[${rows.map(row => row.map(numberText).join(", ")).join("; ")}]`;
}

// MathML.
function math(tag, ...children) {
  const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
  element.append(...children);
  return element;
}
function numberMath(value) {
  const [mantissa, exponent] = parts(value);
  const number = math("mn", mantissa);
  if (exponent === undefined) return [number];
  return [number, math("mo", "\u00d7"), math("msup", math("mn", "10"), math("mn", exponent))];
}
function bracket(sign) {
  const element = math("mo", sign);
  element.setAttribute("stretchy", "false");
  return element;
}
const row = numbers => numbers.flatMap((one, i) => i ? [math("mo", ","), ...numberMath(one)] : numberMath(one));
function fillMath(hole, value) {
  const {kind, shape, rows} = shown(value), first = rows[0];
  if (kind === "norm") {
    hole.replaceChildren(math("mtext", `${shape}, \u2016\u00b7\u2016\u00a0=\u00a0`), ...numberMath(first[0]));
  } else if (kind === "matrix") {
    const cells = rows.map(one => math("mtr", ...one.map(cell => math("mtd", ...numberMath(cell)))));
    hole.replaceChildren(math("mo", "["), math("mtable", ...cells), math("mo", "]"));
  } else if (kind === "vector") {
    hole.replaceChildren(bracket("["), ...row(first), bracket("]"));
  } else {
    const written = numberMath(first[0]);
    const apart = "apart" in hole.dataset && (first[0] < 0 || written.length > 1);
    hole.replaceChildren(...apart ? [bracket("("), ...written, bracket(")")] : written);
  }
}

// Outlines. A layout is {width, glyphs: [[char, x, y, scale]], rules: [path]}, in em; y grows downward.
const COLUMN = 0.7, LINE = 1.055, RAISED = -0.36, SMALL = 0.7;
function laid(text, pieces, x = 0, y = 0, scale = 1) {
  const glyphs = [];
  for (const char of text) {
    const [, start, advance] = pieces[char];
    glyphs.push([char, x + start * scale, y, scale]);
    x += advance * scale;
  }
  return {x, glyphs};
}
function layNumber(value, pieces, x = 0, y = 0) {
  const [mantissa, exponent] = parts(value);
  const head = laid(exponent === undefined ? mantissa : `${mantissa}\u00d710`, pieces, x, y);
  if (exponent === undefined) return head;
  const power = laid(exponent, pieces, head.x, y + RAISED, SMALL);
  return {x: power.x, glyphs: [...head.glyphs, ...power.glyphs]};
}
function layValue(value, pieces) {
  const {kind, shape, rows} = shown(value), glyphs = [], rules = [];
  let x = 0;
  const put = part => {
    glyphs.push(...part.glyphs);
    x = part.x;
  };
  if (kind === "matrix") {
    const high = rows.length * LINE - 0.16, top = -0.27 - high / 2, bracket = (at, inward) =>
      `M${at + inward} ${top}H${at}V${top + high}H${at + inward}v-.05H${at + inward / 5}V${top + .05}H${at + inward}z`;
    const cells = rows.map(cells => cells.map(cell => layNumber(cell, pieces)));
    const widths = rows[0].map((_, column) => Math.max(...cells.map(row => row[column].x)));
    const starts = widths.map((_, column) => 0.4 + widths.slice(0, column).reduce((sum, one) => sum + one + COLUMN, 0));
    cells.forEach((row, line) => row.forEach((cell, column) => glyphs.push(...cell.glyphs.map(([char, at, up, scale]) =>
      [char, starts[column] + (widths[column] - cell.x) / 2 + at,
        up + 0.058 + (line - (rows.length - 1) / 2) * LINE, scale]))));
    x = starts.at(-1) + widths.at(-1);
    rules.push(bracket(0.1, 0.2));
    rules.push(bracket(x + 0.3, -0.2));
    return {width: x + 0.4, glyphs, rules};
  }
  if (kind === "norm") put(laid(`${shape},\u2016\u00b7\u2016=`, pieces));
  if (kind === "vector") put(laid("[", pieces));
  rows[0].forEach((one, i) => {
    if (i) put(laid(",", pieces, x));
    put(layNumber(one, pieces, x));
  });
  if (kind === "vector") put(laid("]", pieces, x));
  return {width: x, glyphs, rules};
}
