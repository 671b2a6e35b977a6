"""Objectives over domains, and rules that choose their settings, by their names."""

from typing import Literal

MethodName = Literal["erm", "group_dro", "vrex", "irm", "coral"]
SelectionName = Literal["training_domains", "other_targets"]
