"""Matt Mazur's step-by-step backpropagation: a 2-2-2 network of sigmoid units, and its published numbers.

E = 0.298371109, and after one step with η = 0.5: w₁ = 0.149780716, w₅ = 0.35891648 (his w₅ to w₈
are updated together with the hidden layer's). Run as a program it prints them.
"""

import gradviz as gv

x = gv.data("x", [0.05, 0.10])
target = gv.data("target", [0.01, 0.99], tex=r"\mathbf{t}")
W = gv.param("W", [[0.15, 0.20], [0.25, 0.30]])
b1 = gv.data("b1", 0.35)
V = gv.param("V", [[0.40, 0.45], [0.50, 0.55]])
b2 = gv.data("b2", 0.60)

h = gv.sigmoid(W @ x + b1).named("h")
o = gv.sigmoid(V @ h + b2).named("o")
loss = gv.sum(0.5 * gv.square(target - o)).named("E")

if __name__ == "__main__":
    values = gv.backprop(gv.graph(loss))
    W_new = values.forward["W"] - 0.5 * values.grad["W"]
    V_new = values.forward["V"] - 0.5 * values.grad["V"]
    print(f"E  = {values.output:.9f}")
    for name, weight in zip(["w1", "w2", "w3", "w4"], W_new.ravel(), strict=True):
        print(f"{name} = {weight:.9f}")
    for name, weight in zip(["w5", "w6", "w7", "w8"], V_new.ravel(), strict=True):
        print(f"{name} = {weight:.9f}")
