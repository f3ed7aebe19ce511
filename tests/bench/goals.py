# SPDX-License-Identifier: Apache-2.0
"""What the measurements are judged by: one figure a row, with the least that is
acceptable and the aim. Ratios are medians of the rounds' ratios, because both sides
of a ratio were measured one right after the other."""

import statistics

import copies


class Results:
    """Samples by job and side, in the order of the rounds."""

    def __init__(self):
        self.samples = {}

    def add(self, job, side, sample):
        self.samples.setdefault(job, {}).setdefault(side, []).append(sample)

    def values(self, job, side, key):
        """A value per round; None when the side was not measured."""
        samples = self.samples.get(job, {}).get(side)
        return [sample[key] for sample in samples] if samples else None


class Figure:
    """key of one side's job, against another side's as `how` says; `least` and
    `aim` are bounds from below, or from above when fewer is better."""

    def __init__(self, job, side, key="rate", against=None, how="ratio",
                 least=None, aim=None):
        self.job = job
        self.side = side
        self.key = key
        self.against = against
        self.how = how
        self.least = least
        self.aim = aim
        self.fewer_is_better = key != "rate"

    def evaluate(self, results):
        """[value per round]; None when a side is missing."""
        mine = results.values(self.job, self.side, self.key)
        if mine is None or not self.against:
            return mine
        other = results.values(self.job, self.against, self.key)
        if other is None:
            return None
        if self.how == "difference":
            return [a - b for a, b in zip(mine, other)]
        return [a / b for a, b in zip(mine, other)]

    def meets(self, value, bound):
        return value <= bound if self.fewer_is_better else value >= bound

    def verdict(self, value):
        if self.aim is not None and self.meets(value, self.aim):
            return "aim"
        if self.least is None:
            return "" if self.aim is None else "short of aim"
        return "met" if self.meets(value, self.least) else "MISSED"

    def title(self):
        text = f"{self.job}, {self.side}"
        if not self.against:
            return f"{text}: {self.key}"
        if self.how == "difference":
            return f"{text} - {self.against}: {self.key}"
        sense = {"rate": "speed", "seconds": "time"}.get(self.key, self.key)
        return f"{text} / {self.against}: {sense}"


def small_reads(depth):
    return [
        Figure(f"4k rand read q{depth}", "RWX", against="raw x1", least=1.0,
               aim=1.2),
        Figure(f"4k rand read q{depth}", "RWX", against="raw x4", aim=0.9),
        Figure(f"4k rand read q{depth}", "RWX", against="fuse-nfs", least=3)]


def tree(job, least, aim):
    return [figure for mode in ("RWX", "RWO") for figure in (
        Figure(job, mode, against="fuse-nfs", least=least),
        Figure(job, mode, "seconds", against="passthrough", aim=aim))]


def flooded(flood):
    """The least is the promise; the rest says who is to blame."""
    job = f"reads beside {flood}"
    return [Figure(job, "RWX", "slowdown", least=2),
            Figure(job, "RWX", "slowdown", "raw x1", least=2),
            Figure(job, "RWX", "slowdown_p50", "raw x1"),
            Figure(job, "RWX", "slowdown_p99", "raw x1"),
            Figure(job, "RWX", "flood_mib_s", "raw x1")]


def killed(n, least):
    job = f"killed, {n} volume" + "s" * (n > 1)
    return [Figure(job, "node", "p50_ms", least=least),
            *(Figure(job, "node", key) for key in ("p90_ms", "p99_ms", "max_ms"))]


FIGURES = [
    *small_reads(16), *small_reads(64),
    Figure("4k rand write q16", "RWX", against="raw x1", least=1.0, aim=1.1),
    Figure("4k rand write q64", "RWX", against="raw x1"),
    Figure("4k rand read q1", "RWX", "p50_us", "raw x1", "difference", 30, 15),
    Figure("4k rand write q1", "RWX", "p50_us", "raw x1", "difference"),
    Figure("1M sequ read q8", "RWX", against="raw x1", least=0.95, aim=1.0),
    Figure("1M sequ read q1", "RWX", against="raw x1", least=0.7, aim=0.8),
    Figure("1M sequ write q8", "RWX", against="raw x1", least=0.9, aim=1.0),
    Figure("1M sequ write q1", "RWX", against="raw x1"),
    Figure("1M buffered read", "RWX", against="fuse-nfs", least=1.1, aim=1.3),
    Figure("1M buffered read", "RWX", "cpu_us", "fuse-nfs", least=0.5),
    Figure("1M buffered read", "RWX", against="passthrough"),
    Figure("1M buffered write", "RWO", against="fuse-nfs", least=10),
    Figure("1M buffered write", "RWO", against="passthrough", aim=0.9),
    Figure("4k buffered write", "RWO", against="fuse-nfs", least=8),
    Figure("4k buffered write", "RWO", against="passthrough", aim=0.9),
    Figure("1M buffered write", "RWX", against="fuse-nfs", least=8),
    Figure("1M buffered write", "RWX", against="RWO", aim=1.0),
    Figure("4k buffered write", "RWX", against="fuse-nfs", least=1.5),
    Figure("4k buffered write", "RWX", against="RWO", aim=1.0),
    Figure("4k rand read q16", "RWX", "cpu_us", least=15, aim=12),
    Figure("4k rand write q16", "RWX", "cpu_us", least=15, aim=12),
    Figure("1M sequ read q8", "RWX", "cpu_us", least=230, aim=190),
    Figure("1M sequ write q8", "RWX", "cpu_us", least=330, aim=280),
    *tree("untar", 4, 1.3), *tree("find", 6, 2), *tree("ls -lR", 6, 2),
    *tree("rm -rf", 4, 1.6), *tree("git clone", 2.5, 1.4),
    *flooded("1M sequ write q32"), *flooded("1M sequ read q32"),
    *flooded("4k rand read q64"), *flooded("4k rand write q64"),
    *flooded("1M buffered write"),
    *killed(1, 20), *killed(200, 60),
    Figure("removal", "trash", against="rm -rf", least=5),
    Figure("idle", "node", "rss_mib", least=40),
    Figure("idle", "node", "n_threads_more", least=12),
    Figure("record", "provisioner", "created_s"),
    Figure("record", "provisioner", "bound_s", least=10),
    Figure("record", "provisioner", "restart_s", least=2),
    Figure("record", "provisioner", "get_pv_s", least=0.2),
    Figure("record", "provisioner", "rss_mib", least=64),
    Figure("staging", "node", "mounted_ms", least=30),
    Figure("staging", "node", "worst_ms"),
    Figure("csi", "controller", "create_ms", least=10),
    Figure("csi", "controller", "worst_create_ms"),
    Figure("csi", "controller", "flush_ms"),
    Figure("csi", "controller", "together_s", least=5),
    Figure("csi", "controller", "delete_together_s", least=5),
    Figure("csi", "controller", "together_rss_mib", least=64),
    Figure("csi", "controller", "list_s", least=0.3),
    Figure("csi", "controller", "list_rss_mib", least=64),
    Figure(copies.SMALL, "claim", against="cp -a", least=5),
    Figure(copies.SMALL, "claim", "peak_mib", least=64),
    Figure(copies.LARGE, "claim", against="raw read, write", least=1),
    Figure(copies.LARGE, "claim", "peak_mib", least=64),
    Figure("cluster", "controller", "bound_ms", least=100),
    Figure("cluster", "controller", "worst_bound_ms"),
    Figure("cluster", "controller", "burst_s", least=3),
    Figure("cluster", "controller", "rss_mib", least=40),
]

FORM = "{:<48}{:>12}{:>12}{:>9}{:>17}{:>7}{:>6}  {}"


def number(value):
    return "" if value is None else f"{value:.0f}" if value >= 1000 \
        else f"{value:.3g}"


def rows(results):
    """One dict a figure that was measured."""
    for figure in FIGURES:
        values = figure.evaluate(results)
        if values is None:
            continue
        mine = results.values(figure.job, figure.side, figure.key)
        other = figure.against and results.values(
            figure.job, figure.against, figure.key)
        value = statistics.median(values)
        yield {"figure": figure.title(), "value": value,
               "range": [min(values), max(values)],
               "mine": statistics.median(mine),
               "other": statistics.median(other) if other else None,
               "least": figure.least, "aim": figure.aim,
               "verdict": figure.verdict(value)}


def print_table(table):
    print(FORM.format("figure", "claimfs", "other", "value", "(range)",
                      "least", "aim", "verdict"))
    for row in table:
        low, high = row["range"]
        print(FORM.format(
            row["figure"], number(row["mine"]), number(row["other"]),
            number(row["value"]), f"{number(low)}..{number(high)}",
            number(row["least"]), number(row["aim"]), row["verdict"]))
