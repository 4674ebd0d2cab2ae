"""Drawing as a whole process: `gradviz render` beside torchviz, torchview and bare `dot`.

Three models: the hinge loss of the examples, a two-layer network (4-5-3, squared loss), and an LSTM cell
unrolled over 4 steps, written in gradviz's primitives and in torch's. Every tool draws an SVG in a process
of its own; the tools take turns, round after round, and the table gives medians, spread, peak memory and the
ratio to torchviz. Bare `dot` draws gradviz's own DOT of the same graph: what the layout and output alone cost.

    python benchmarks/render.py [--rounds 5]

Needs torch, torchviz, torchview and a `dot` on PATH; what is missing is left out and said so. gradviz's
first run fills its cache of typeset formulas; ``--cold`` measures without the cache.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]

MLP = """
import numpy as np
import gradviz as gv
rng = np.random.default_rng(0)
x, y = gv.data("x", rng.normal(size=4)), gv.data("y", rng.normal(size=3))
W1, b1 = gv.param("W1", rng.normal(size=(5, 4))), gv.param("b1", rng.normal(size=5))
W2, b2 = gv.param("W2", rng.normal(size=(3, 5))), gv.param("b2", rng.normal(size=3))
h = gv.sigmoid(W1 @ x + b1).named("h")
loss = gv.sum(gv.square(W2 @ h + b2 - y)).named("loss")
"""

LSTM = """
import numpy as np
import gradviz as gv
rng = np.random.default_rng(0)
h, C = gv.data("h0", np.zeros(3)), gv.data("C0", np.zeros(3))
W = {gate: gv.param(f"W_{gate}", rng.normal(size=(3, 5))) for gate in "fico"}
b = {gate: gv.param(f"b_{gate}", np.zeros(3)) for gate in "fico"}
for t in range(4):
    z = gv.concatenate([h, gv.data(f"x{t + 1}", rng.normal(size=2))])
    f, i, o = (gv.sigmoid(W[gate] @ z + b[gate]) for gate in "fio")
    C = f * C + i * gv.tanh(W["c"] @ z + b["c"])
    h = o * gv.tanh(C)
loss = gv.sum(h).named("loss")
"""

TORCH_MODELS = {
    "hinge loss": """
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.W = torch.nn.Parameter(torch.tensor([0.2, 0.3]))
    def forward(self, phi):
        return torch.clamp(1 - (self.W @ phi) * 1.0, min=0)
example = torch.tensor([-1.0, 1.0])
""",
    "network 4-5-3": """
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = torch.nn.Linear(4, 5), torch.nn.Linear(5, 3)
    def forward(self, x):
        return ((self.out(torch.sigmoid(self.hidden(x))) - 1.0) ** 2).sum()
example = torch.randn(4)
""",
    "LSTM, 4 steps": """
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.f, self.i, self.c, self.o = (torch.nn.Linear(5, 3) for _ in range(4))
    def forward(self, x):
        h, C = torch.zeros(3), torch.zeros(3)
        for t in range(4):
            z = torch.cat([h, x[t]])
            C = torch.sigmoid(self.f(z)) * C + torch.sigmoid(self.i(z)) * torch.tanh(self.c(z))
            h = torch.sigmoid(self.o(z)) * torch.tanh(C)
        return h.sum()
example = torch.randn(4, 2)
""",
}
GRADVIZ_MODELS = {
    "hinge loss": (ROOT / "examples" / "hinge_loss.py").read_text(encoding="utf-8"),
    "network 4-5-3": MLP,
    "LSTM, 4 steps": LSTM,
}
DRAWERS = {
    "torchviz": """
import torchviz
model = Model()
torchviz.make_dot(model(example), params=dict(model.named_parameters())).render(target, format="svg", cleanup=True)
""",
    "torchview": """
import torchview
graph = torchview.draw_graph(Model(), input_data=example, expand_nested=True)
graph.visual_graph.render(target, format="svg", cleanup=True)
""",
}


def run(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a process to its end and return its wall time in seconds and its peak memory in MB."""
    start = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        said = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} failed:\n{said.decode(errors='replace')}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def commands(folder: Path, model: str, environment: dict[str, str]) -> dict[str, list[str]]:
    """Return the command of every tool that is installed, for one model."""
    script = folder / f"{model.split(maxsplit=1)[0].strip(',')}.py"
    script.write_text(GRADVIZ_MODELS[model], encoding="utf-8")
    gradviz = [sys.executable, "-m", "gradviz", "render", str(script)]
    found = {"gradviz": [*gradviz, "-o", str(folder / "picture.svg")]}
    for tool, drawing in DRAWERS.items():
        if find_spec("torch") and find_spec(tool) and shutil.which("dot"):
            program = folder / f"{script.stem}_{tool}.py"
            target = f"target = {str(folder / 'torch_picture')!r}\n"
            program.write_text(f"import torch\n{target}{TORCH_MODELS[model]}{drawing}", encoding="utf-8")
            found[tool] = [sys.executable, str(program)]
    if shutil.which("dot"):
        source = folder / f"{script.stem}.dot"
        run([*gradviz, "-o", str(source)], environment)
        found["bare dot"] = ["dot", "-Tsvg", str(source), "-o", str(folder / "dot_picture.svg")]
    found["import numpy"] = [sys.executable, "-c", "import numpy"]
    return found


def measure(
    chosen: dict[str, list[str]], rounds: int, environment: dict[str, str]
) -> dict[str, list[tuple[float, float]]]:
    """Run every command once for nothing, then in turn."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
    for turn in range(rounds + 1):
        for name, command in chosen.items():
            figures = run(command, environment)
            if turn:
                found[name].append(figures)
    return found


def main() -> None:
    """Print a table for the models, and what importing costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="without the cache of typeset formulas")
    options = parser.parse_args()
    for tool in ("torch", *DRAWERS):
        if not find_spec(tool):
            print(f"{tool} is not installed and left out", file=sys.stderr)
    if not shutil.which("dot"):
        print("there is no dot on PATH: torchviz, torchview and bare dot are left out", file=sys.stderr)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cache = "off" if options.cold else str(folder / "cache")
        environment = os.environ | {
            "GRADVIZ_CACHE": cache,
            "PYTHONPATH": str(ROOT),
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),  # compiled once, as if installed
            "PYTHONDONTWRITEBYTECODE": "",
        }
        print(f"{'model':<15} {'tool':<13} {'median s':>9} {'min':>6} {'max':>6} {'peak MB':>8} {'of torchviz':>12}")
        for model in GRADVIZ_MODELS:
            found = measure(commands(folder, model, environment), options.rounds, environment)
            medians = {name: statistics.median(wall for wall, _ in runs) for name, runs in found.items()}
            for name, runs in found.items():
                walls = [wall for wall, _ in runs]
                share = f"{medians[name] / medians['torchviz']:12.2f}" if "torchviz" in medians else ""
                peak = max(memory for _, memory in runs)
                print(
                    f"{model:<15} {name:<13} {medians[name]:>9.3f} {min(walls):>6.2f} {max(walls):>6.2f} "
                    f"{peak:>8.0f} {share}"
                )
            if "bare dot" in medians:
                bound = medians["import numpy"] + medians["bare dot"]
                print(f"{model:<15} gradviz / (import numpy + bare dot) = {medians['gradviz'] / bound:.2f}")
        starts = {
            "numpy": "import numpy",
            "import gradviz": "import numpy, gradviz",
            "import gradviz and its primitives": "import numpy, gradviz; gradviz.param('x', 1.0)",
        }
        chosen = {name: [sys.executable, "-c", code] for name, code in starts.items()}
        found = measure(chosen, 4 * options.rounds, environment)
        costs = {name: statistics.median(wall for wall, _ in runs) for name, runs in found.items()}
        for name in list(starts)[1:]:
            print(f"{name}, beyond NumPy: {(costs[name] - costs['numpy']) * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
