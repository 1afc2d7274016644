"""Functions whose second derivative autograd gets wrong, for tests of what notices that."""

import torch
from torch import nn


class Detached(torch.autograd.Function):
    """z² whose backward pass is a constant to autograd."""

    @staticmethod
    def forward(ctx, z):
        ctx.kept = z.detach().clone()
        return z * z

    @staticmethod
    def backward(ctx, g):
        return g.detach() * 2 * ctx.kept


class Act(nn.Module):
    """A function as a layer."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, z):
        return self.f(z)
