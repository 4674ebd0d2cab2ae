// Arrays of numbers with NumPy's meaning: a plain number, or {shape, data} with the elements in rows.
// The functions have the names of the rules' vocabulary; what a graph computes is printed in them.

const isNumber = x => typeof x === "number";
const shapeOf = x => isNumber(x) ? [] : x.shape;
const sizeOf = shape => shape.reduce((product, length) => product * length, 1);
const make = (shape, data) => shape.length ? {shape, data} : data[0];
const filled = (shape, value) => make(shape, new Float64Array(sizeOf(shape)).fill(value));
const dataOf = x => isNumber(x) ? Float64Array.of(x) : x.data;
const same = (a, b) => a.length === b.length && a.every((length, axis) => length === b[axis]);

function stridesOf(shape) {
  const strides = new Array(shape.length);
  for (let axis = shape.length - 1, step = 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

// The elements that one meets on a walk through a shape, with a step in the data for each axis.
function gather(x, shape, strides, start = 0) {
  const source = dataOf(x), data = new Float64Array(sizeOf(shape)), place = shape.map(() => 0);
  for (let i = 0, at = start; i < data.length; i++) {
    data[i] = source[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++place[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      place[axis] = 0;
    }
  }
  return make(shape, data);
}

function joined(a, b) {
  const rank = Math.max(a.length, b.length);
  return Array.from({length: rank}, (_, axis) => {
    const one = a[axis - rank + a.length] ?? 1, other = b[axis - rank + b.length] ?? 1;
    return one === 1 ? other : one;
  });
}

function broadcast_to(x, shape) {
  const own = shapeOf(x);
  if (same(own, shape)) return x;
  if (isNumber(x)) return filled(shape, x);
  const steps = stridesOf(own), lead = shape.length - own.length;
  return gather(x, shape, shape.map((_, axis) => axis < lead || own[axis - lead] === 1 ? 0 : steps[axis - lead]));
}

const elementwise = fn => (...args) => {
  if (args.every(isNumber)) return fn(...args);
  const shape = args.map(shapeOf).reduce(joined);
  const rows = args.map(x => dataOf(broadcast_to(x, shape)));
  return make(shape, Float64Array.from({length: sizeOf(shape)}, (_, i) => fn(...rows.map(row => row[i]))));
};

const pi = () => Math.PI;
const [add, subtract, multiply, divide, negative] = [
  (a, b) => a + b, (a, b) => a - b, (a, b) => a * b, (a, b) => a / b, a => -a].map(elementwise);
const [gt, ge, lt, le, equal, differ] = [
  (a, b) => +(a > b), (a, b) => +(a >= b), (a, b) => +(a < b), (a, b) => +(a <= b), (a, b) => +(a === b),
  (a, b) => +(a !== b)].map(elementwise);
const power = elementwise((a, b) => a === 1 ? 1 : a === -1 && Math.abs(b) === Infinity ? 1 : a ** b);
const where = elementwise((condition, a, b) => condition ? a : b), guard = where;
const indicator = x => x;
const [abs, sign, sqrt, exp, expm1, log, log2, log10, log1p, sin, cos, tan, sinh, cosh, tanh] = [
  "abs", "sign", "sqrt", "exp", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh",
].map(name => elementwise(Math[name]));
const [arcsin, arccos, arctan, arcsinh, arccosh, arctanh, arctan2, hypot] = [
  "asin", "acos", "atan", "asinh", "acosh", "atanh", "atan2", "hypot"].map(name => elementwise(Math[name]));
const exp2 = elementwise(x => 2 ** x);
const [maximum, minimum] = [elementwise((a, b) => Math.max(a, b)), elementwise((a, b) => Math.min(a, b))];
const sinc = elementwise(x => x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

// Careful forms, as in the NumPy namespace.
const sigmoid = elementwise(x => {
  const z = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + z) : z / (1 + z);
});
const softplus = elementwise(x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))));
const logaddexp = elementwise((a, b) =>
  a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))));

// erf by its series of positive terms, erfc by its continued fraction (Abramowitz and Stegun 7.1.6, 7.1.14).
function erfc(x) {
  if (x < 2.5) return 1 - erfOf(x);
  let fraction = 0;
  for (let k = 80; k > 0; k--) fraction = k / 2 / (x + fraction);
  return Math.exp(-x * x) / (x + fraction) / Math.sqrt(Math.PI);
}
function erfOf(x) {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) >= 2.5) return x > 0 ? 1 - erfc(x) : erfc(-x) - 1;
  let term = 2 * x / Math.sqrt(Math.PI) * Math.exp(-x * x), total = term;
  for (let k = 1; Math.abs(term) > 1e-18 * Math.abs(total); k++) total += term *= 2 * x * x / (2 * k + 1);
  return total;
}
const erf = elementwise(erfOf);
const normal_cdf = elementwise(x => erfc(-x / Math.SQRT2) / 2);

// The same elements, arranged otherwise.
const reshape = (x, shape) => make(shape, dataOf(x));
function transpose(x, axes) {
  const steps = stridesOf(x.shape);
  return gather(x, axes.map(axis => x.shape[axis]), axes.map(axis => steps[axis]));
}
const place = (axis, rank) => axis < 0 ? axis + rank : axis;
function swapaxes(x, a, b) {
  const axes = x.shape.map((_, axis) => axis), [from, to] = [place(a, axes.length), place(b, axes.length)];
  [axes[from], axes[to]] = [to, from];
  return transpose(x, axes);
}
const listed = axis => Array.isArray(axis) ? axis : [axis];
function expand_dims(x, axis) {
  const shape = [...shapeOf(x)];
  const rank = shape.length + listed(axis).length;
  for (const one of listed(axis).map(one => place(one, rank)).sort((a, b) => a - b)) shape.splice(one, 0, 1);
  return reshape(x, shape);
}
function squeeze(x, axis) {
  const gone = listed(axis).map(one => place(one, x.shape.length));
  return reshape(x, x.shape.filter((_, one) => !gone.includes(one)));
}
function flip(x, axis) {
  const steps = stridesOf(x.shape), start = axis.reduce((sum, one) => sum + steps[one] * (x.shape[one] - 1), 0);
  return gather(x, x.shape, steps.map((step, one) => axis.includes(one) ? -step : step), start);
}
const getitem = (x, places, shape) => make(shape, Float64Array.from(places, at => dataOf(x)[at]));
function scatter(g, places, shape) {
  const data = new Float64Array(sizeOf(shape)), from = dataOf(g), repeated = from.length === 1 && places.length > 1;
  places.forEach((at, i) => data[at] += from[repeated ? 0 : i]);
  return make(shape, data);
}
const rowLength = (x, rank) => sizeOf(shapeOf(x).slice(rank));
function take(x, indices) {
  const width = rowLength(x, 1), rows = [...dataOf(indices)];
  const places = rows.flatMap(row => Array.from({length: width}, (_, i) => row * width + i));
  return getitem(x, places, [...shapeOf(indices), ...shapeOf(x).slice(1)]);
}
function segment_sum(g, indices, count) {
  const rank = shapeOf(indices).length, width = rowLength(g, rank), rows = [...dataOf(indices)];
  const places = rows.flatMap(row => Array.from({length: width}, (_, i) => row * width + i));
  return scatter(g, places, [count, ...shapeOf(g).slice(rank)]);
}
const one_hot = (indices, count) => make([...shapeOf(indices), count],
  Float64Array.from([...dataOf(indices)].flatMap(row => Array.from({length: count}, (_, k) => +(k === row)))));
function windows(x, size, stride, dilation) {
  const shape = shapeOf(x), steps = stridesOf(shape), lead = shape.length - size.length;
  const inner = steps.slice(lead), counts = size.map((length, axis) =>
    Math.floor((shape[lead + axis] - (length - 1) * dilation[axis] - 1) / stride[axis]) + 1);
  return gather(x, [...shape.slice(0, lead), ...counts, ...size],
    [...steps.slice(0, lead), ...inner.map((step, axis) => step * stride[axis]),
      ...inner.map((step, axis) => step * dilation[axis])]);
}
function fold(g, shape, stride, dilation) {
  const own = shapeOf(g), full = [...own.slice(0, own.length - 2 * shape.length), ...shape];
  const places = make(full, Float64Array.from({length: sizeOf(full)}, (_, i) => i));
  return scatter(g, [...dataOf(windows(places, own.slice(-shape.length), stride, dilation))], full);
}
function stack(arrays, axis) {
  return concatenate(arrays.map(x => expand_dims(x, axis)), axis);
}
function concatenate(arrays, axis) {
  const first = arrays[0].shape, length = arrays.reduce((total, x) => total + x.shape[axis], 0);
  const shape = first.map((own, one) => one === axis ? length : own), data = new Float64Array(sizeOf(shape));
  const inner = sizeOf(first.slice(axis + 1)), outer = sizeOf(first.slice(0, axis));
  let at = 0;
  for (let block = 0; block < outer; block++) {
    for (const x of arrays) {
      const width = x.shape[axis] * inner;
      data.set(x.data.subarray(block * width, (block + 1) * width), at);
      at += width;
    }
  }
  return make(shape, data);
}
function pad(x, width, value) {
  if (isNumber(x)) return x;
  const shape = x.shape.map((length, axis) => width[axis][0] + length + width[axis][1]), data = dataOf(x);
  const found = filled(shape, value), steps = stridesOf(shape), own = stridesOf(x.shape);
  data.forEach((element, i) => {
    found.data[own.reduce((at, step, axis) =>
      at + (Math.floor(i / step) % x.shape[axis] + width[axis][0]) * steps[axis], 0)] = element;
  });
  return found;
}
const ones = shape => filled(shape, 1);
const eye = size => make([size, size], Float64Array.from({length: size * size}, (_, i) => +(i % (size + 1) === 0)));

// Over axes: the elements that go together, as rows.
function alongRows(x, axis, keepdims, fn) {
  const shape = shapeOf(x), kept = shape.map((_, one) => one).filter(one => !axis.includes(one));
  const rows = dataOf(isNumber(x) ? x : transpose(x, [...kept, ...axis]));
  const length = sizeOf(axis.map(one => shape[one])), outer = kept.map(one => shape[one]);
  const found = Float64Array.from({length: sizeOf(outer)}, (_, i) => fn(rows.subarray(i * length, (i + 1) * length)));
  return make(keepdims ? shape.map((own, one) => axis.includes(one) ? 1 : own) : outer, found);
}
const total = row => row.reduce((sum, one) => sum + one, 0);
const largest = row => row.reduce((most, one) => Math.max(most, one), -Infinity);
const sum = (x, axis, keepdims = false) => alongRows(x, axis, keepdims, total);
const max = (x, axis, keepdims = false) => alongRows(x, axis, keepdims, largest);
const prod = (x, axis, keepdims = false) => alongRows(x, axis, keepdims, row => row.reduce((a, b) => a * b, 1));
const norm = (x, axis, keepdims = false) => alongRows(x, axis, keepdims, row => Math.hypot(...row));
const logsumexp = (x, axis, keepdims = false) => alongRows(x, axis, keepdims, row => {
  const top = Number.isFinite(largest(row)) ? largest(row) : 0;
  return Math.log(total(row.map(one => Math.exp(one - top)))) + top;
});
function sum_to(x, shape) {
  const wide = broadcast_to(x, joined(shapeOf(x), shape)), own = shapeOf(wide), lead = own.length - shape.length;
  const stretched = own.map((_, axis) => axis)
    .filter(axis => axis < lead || (shape[axis - lead] === 1 && own[axis] !== 1));
  return stretched.length ? reshape(sum(wide, stretched), shape) : wide;
}

// Along one axis, keeping the shape.
function eachRow(x, axis, fn) {
  const axes = x.shape.map((_, one) => one).filter(one => one !== axis), length = x.shape[axis];
  const moved = transpose(x, [...axes, axis]), found = new Float64Array(moved.data.length);
  for (let at = 0; at < found.length; at += length) found.set(fn(moved.data.subarray(at, at + length)), at);
  const back = [...axes];
  back.splice(axis, 0, axes.length);
  return transpose(make(moved.shape, found), back.map((_, one) => [...axes, axis].indexOf(one)));
}
const softmax = (x, axis) => eachRow(x, axis, row => {
  const top = largest(row), z = row.map(one => Math.exp(one - top)), whole = total(z);
  return z.map(one => one / whole);
});
const log_softmax = (x, axis) => eachRow(x, axis, row => {
  const top = largest(row), whole = Math.log(total(row.map(one => Math.exp(one - top))));
  return row.map(one => one - top - whole);
});
const cumsum = (x, axis) => eachRow(x, axis, row => {
  let so_far = 0;
  return row.map(one => so_far += one);
});
function prod_others(x, axis) {
  if (isNumber(x)) return 1;
  const kept = x.shape.map((_, one) => one).filter(one => !axis.includes(one)), order = [...kept, ...axis];
  const length = sizeOf(axis.map(one => x.shape[one])), moved = transpose(x, order);
  const found = moved.data.map((_, i) => {
    const start = i - i % length;
    let product = 1;
    for (let other = start; other < start + length; other++) if (other !== i) product *= moved.data[other];
    return product;
  });
  return transpose(make(moved.shape, found), order.map((_, one) => order.indexOf(one)));
}

// Products.
function einsum(subscripts, ...operands) {
  const [inputs, output] = subscripts.split("->"), terms = inputs.split(","), lengths = {};
  terms.forEach((term, i) => [...term].forEach((letter, axis) => {
    lengths[letter] = Math.max(lengths[letter] ?? 1, shapeOf(operands[i])[axis]);
    if (shapeOf(operands[i])[axis] === 0) lengths[letter] = 0;
  }));
  const letters = [...output, ...Object.keys(lengths).filter(letter => !output.includes(letter))];
  const shape = letters.map(letter => lengths[letter]), outer = [...output].map(letter => lengths[letter]);
  const factors = operands.map((x, i) => {
    const own = shapeOf(x), steps = stridesOf(own), strides = letters.map(() => 0);
    [...terms[i]].forEach((letter, axis) => strides[letters.indexOf(letter)] += own[axis] === 1 ? 0 : steps[axis]);
    return dataOf(gather(x, shape, strides));
  });
  const found = new Float64Array(sizeOf(outer)), inner = sizeOf(shape) / (found.length || 1);
  for (let i = 0; i < sizeOf(shape); i++) {
    found[Math.floor(i / inner)] += factors.reduce((product, factor) => product * factor[i], 1);
  }
  return make(outer, found);
}
function matmul(a, b) {
  const batch = "abcdefgh", lead = x => Math.max(shapeOf(x).length - 2, 0), most = Math.max(lead(a), lead(b));
  const left = shapeOf(a).length > 1 ? "ij" : "j", right = shapeOf(b).length > 1 ? "jk" : "j";
  const dots = x => batch.slice(most - lead(x), most);
  return einsum(`${dots(a)}${left},${dots(b)}${right}->${batch.slice(0, most)}${left.slice(0, -1)}${right.slice(1)}`,
    a, b);
}

// A value with the shape and the precision that its node has.
function fitted(x, shape, single = false) {
  const found = broadcast_to(x, shape);
  return single ? elementwise(Math.fround)(found) : found;
}
