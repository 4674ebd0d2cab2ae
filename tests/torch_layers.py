"""Formulas of layers that torch has no function for, written with its operations: one sample, parameters by path."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def lstm_step(t, path, x, h, C, peephole="", coupled=False):
    """The slide's LSTM, with the weights of the scope at this path."""
    hx = torch.cat([h, x])

    def gate(part, letter, function, state=None):
        score = t[f"{path}/{part}/W_{letter}"] @ hx + t[f"{path}/{part}/b_{letter}"]
        if state is not None and letter in peephole:
            score = score + t[f"{path}/{part}/p_{letter}"] * state
        return function(score)

    f = gate("forget_gate", "f", torch.sigmoid, C)
    i = 1 - f if coupled else gate("input_gate", "i", torch.sigmoid, C)
    C = f * C + i * gate("candidate", "C", torch.tanh)
    return gate("output_gate", "o", torch.sigmoid, C) * torch.tanh(C), C


def gru_step(t, path, x, h):
    """The slide's GRU, whose reset gate acts before the product."""
    hx = torch.cat([h, x])
    z = torch.sigmoid(t[f"{path}/update_gate/W_z"] @ hx + t[f"{path}/update_gate/b_z"])
    r = torch.sigmoid(t[f"{path}/reset_gate/W_r"] @ hx + t[f"{path}/reset_gate/b_r"])
    new = torch.tanh(t[f"{path}/candidate/W"] @ torch.cat([r * h, x]) + t[f"{path}/candidate/b"])
    return (1 - z) * h + z * new


def rnn_step(t, path, x, h, activation=torch.tanh):
    """The slide's RNN."""
    return activation(t[f"{path}/U"] @ x + t[f"{path}/W"] @ h + t[f"{path}/b"])


def along(step, xs, states, reverse=False):
    """Repeat a step along a sequence; return all first states in the order of time, and the last states."""
    kept = []
    for x in reversed(list(xs)) if reverse else xs:
        states = step(x, *states)
        states = states if isinstance(states, tuple) else (states,)
        kept.append(states[0])
    return torch.stack(kept[::-1] if reverse else kept), states


def multi_head(t, path, x, context, heads, mask=None, bias=False):
    """Attention of several heads, each with its columns of the matrices; a mask is of numbers that are added."""

    def affine(v, letter):
        found = v @ t[f"{path}/W_{letter}"]
        return found + t[f"{path}/b_{letter}"] if bias else found

    split = [
        affine(v, k).unflatten(1, (heads, -1)).transpose(0, 1) for v, k in ((x, "q"), (context, "k"), (context, "v"))
    ]
    joined = F.scaled_dot_product_attention(*split, attn_mask=mask).transpose(0, 1).flatten(1)
    return affine(joined, "o")


def squash(s):
    """The direction of a vector, with a length below 1."""
    length = torch.linalg.norm(s, dim=-1, keepdim=True)
    return length**2 / (1 + length**2) * s / length


def capsule(t, path, u, capsules, routing):
    """Routing by agreement: procedure 1 of the paper."""
    votes = torch.einsum("ijkl,il->ijk", t[f"{path}/W"], u)
    agreed = torch.zeros(len(u), capsules, dtype=votes.dtype)
    for turn in range(routing):
        v = squash(torch.einsum("ij,ijk->jk", torch.softmax(agreed, 1), votes))
        agreed = agreed + torch.einsum("ijk,jk->ij", votes, v) if turn < routing - 1 else agreed
    return v
