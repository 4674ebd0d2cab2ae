"""Draw the results of the examples into the gallery: all of them, or those that are named."""

from __future__ import annotations

import sys

from gallery import RESULTS, result_plot, with_results

if __name__ == "__main__":
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or with_results():
        print(result_plot(name).save(RESULTS / f"{name}.svg").name)
