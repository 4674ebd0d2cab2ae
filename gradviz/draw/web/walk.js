// The walk: what is known after each step, for any values of the leaves.

// Everything that one round computes: f, the sums of adjoints as they grow, what each edge adds.
function run(graph, program, leaves) {
  const f = {...leaves}, found = {f, g: {}, c: {}, b: {}, a: {}, d: {}, u: {}};
  for (const [node, value] of program.values) f[node] = value(f);
  for (const {phase, node, edge} of graph.steps) {
    if (phase === "seed") {
      found.g[node] = broadcast_to(1, graph.nodes[node].shape);
    } else if (phase === "backward") {
      const [parent] = edge.split("/");
      found.c[edge] = program.passed[edge](f, found.g[parent]);
      if (node in found.g) found.b[edge] = found.g[node];
      found.a[edge] = found.g[node] = node in found.g ? add(found.g[node], found.c[edge]) : found.c[edge];
    }
  }
  return found;
}

// The derivative on an edge: of an elementwise operation at each position, else the Jacobian (of a single
// number, its gradient), row by row from the adjoints that are 1 at one place.
function derivative(graph, program, f, edge) {
  if (edge in program.partials) return program.partials[edge](f);
  const [parent, slot] = edge.split("/"), shape = graph.nodes[parent].shape, length = sizeOf(shape);
  const child = graph.nodes[graph.nodes[parent].args[slot]].shape;
  const unit = at => make(shape, Float64Array.from({length}, (_, i) => +(i === at)));
  const rows = Array.from({length}, (_, at) => dataOf(program.passed[edge](f, unit(at))));
  return make([...shape, ...child], Float64Array.from(rows.flatMap(row => [...row])));
}

class Walk {
  constructor(graph, program) {
    Object.assign(this, {graph, program, position: graph.complete, rate: graph.rate});
    this.reset();
  }

  reset() {
    this.leaves = Object.fromEntries(this.graph.leaves.map(({node, value, shape}) => [node, value && make(shape, Float64Array.from(value))]));
    this.history = [];
    this.compute();
  }

  get complete() {
    return Object.values(this.leaves).every(value => value !== null);
  }

  compute() {
    this.found = this.complete ? run(this.graph, this.program, this.leaves) : null;
  }

  set(node, value) {
    this.leaves[node] = value;
    this.history = [];
    this.compute();
  }

  updated(node) {
    return subtract(this.leaves[node], multiply(this.rate, this.found.g[node]));
  }

  // One step of gradient descent.
  update() {
    const moved = this.graph.steps.filter(step => step.phase === "update").map(({node}) => [node, this.updated(node)]);
    this.history.push(this.found.f[this.graph.root]);
    for (const [node, value] of moved) this.leaves[node] = value;
    this.compute();
  }

  // What stands in a hole ("f3", "g3", "d5/0", "p7/1", "r", …); undefined where there is nothing yet.
  number(source) {
    if (source === "r") return this.rate;
    if (!this.found) return source[0] === "f" ? this.leaves[source.slice(1)] ?? undefined : undefined;
    const kind = source[0], of = source.slice(1);
    if (kind === "u") return this.updated(of);
    if (kind === "d") return this.found.d[of] ??= derivative(this.graph, this.program, this.found.f, of);
    if (kind === "p") return this.product(this.graph.paths[of]);
    return this.found[kind][of];
  }

  // The product along a path, from the output down.
  product(edges) {
    return edges.reduce((g, edge) => this.program.passed[edge](this.found.f, g),
      broadcast_to(1, this.graph.nodes[this.graph.root].shape));
  }

  // What is known of every node when so many steps are done: f, g, and whether more will be added to g.
  known() {
    const {found, leaves} = this, states = this.graph.nodes.map((_, node) => ({f: leaves[node] ?? undefined}));
    if (!found) return states;
    this.graph.steps.forEach(({phase, node, edge}, place) => {
      const state = states[node], done = place < this.position;
      if (done && phase === "forward") state.f = found.f[node];
      if (done && phase === "update") state.f = this.updated(node);
      if (done && phase === "seed") state.g = found.g[node];
      if (phase !== "backward") return;
      if (done) state.g = found.a[edge];
      else state.partial = state.g !== undefined;
    });
    return states;
  }
}
