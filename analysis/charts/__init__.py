"""Charts of the last station: one theme, one colour per construct, intervals always, a mark on synthetic data.

A chart comes without its theme; `themed` puts on the light or the dark one, and `write_chart` the light one.
"""

from analysis.charts.bars import chart_dominance, chart_signs
from analysis.charts.cells import chart_correlations, chart_htmt
from analysis.charts.curves import (
    chart_lines,
    chart_power,
    chart_quantiles,
    chart_residuals,
    chart_scree,
    chart_slopes,
)
from analysis.charts.diagram import chart_paths
from analysis.charts.estimates import chart_coefficients, chart_comparison, chart_effects, chart_reliability
from analysis.charts.likert import chart_likert
from analysis.charts.scatter import chart_scatter
from analysis.charts.theme import COLOURS, Chart, chart_image, themed, write_chart

__all__ = [
    "COLOURS",
    "Chart",
    "chart_coefficients",
    "chart_comparison",
    "chart_correlations",
    "chart_dominance",
    "chart_effects",
    "chart_htmt",
    "chart_image",
    "chart_likert",
    "chart_lines",
    "chart_paths",
    "chart_power",
    "chart_quantiles",
    "chart_reliability",
    "chart_residuals",
    "chart_scatter",
    "chart_scree",
    "chart_signs",
    "chart_slopes",
    "themed",
    "write_chart",
]
