# SPDX-License-Identifier: Apache-2.0
"""Whether something grows: what it was in the second sixth of a run (in the first one
caches fill) is compared with what it is in the last one.

Of programs that are killed all the time, an incarnation counts by the most that it had
in its first AGE seconds, so that all are of the same age. Of the incarnation that
lives through the calm part of each sixth, the middle of the part is compared with its
end. Of what lives all the time, a sixth counts by its median."""

import statistics

from memory import MIB

SIXTHS = 6
AGE = 3.0

# How much more is not growth: a part of what there was, and so much besides. Memory
# that is shared with the next process has in it what is written at the moment.
TOLERANCES = {
    "RssAnon": (0.1, 1 * MIB), "RssFile": (0.1, 2 * MIB),
    "RssShmem": (0.25, 16 * MIB), "VmRSS": (0.2, 16 * MIB),
    "Pss": (0.2, 16 * MIB), "claimfs-data": (0.25, 16 * MIB),
    "claimfs-nodes": (0.1, 1 * MIB), "claimfs-record": (0.25, 1 * MIB),
    "threads": (0, 2), "descriptors": (0.1, 6), "memory files": (0.1, 4),
    "node slots": (0.1, 1024), "credentials": (0.1, 2),
    "intents": (0.25, 32), "journal slots": (0.25, 64),
    "holds of credentials": (0.25, 32),
}
BYTES = {"RssAnon", "RssFile", "RssShmem", "VmRSS", "Pss", "claimfs-data",
         "claimfs-nodes", "claimfs-record"}


class Growth:
    """Of a run from began to ended; calm is the part of each sixth, from its end
    backwards, in which the node daemon is not killed."""

    def __init__(self, began, ended, calm):
        self.began = began
        self.sixth = (ended - began) / SIXTHS
        self.calm = calm

    def window(self, number, start=0.0, end=1.0):
        """From start to end of that sixth; they are counted from 1."""
        base = self.began + (number - 1) * self.sixth
        return base + start * self.sixth, base + end * self.sixth

    @staticmethod
    def within(samples, window):
        return [sample for sample in samples if window[0] <= sample[0] < window[1]]

    def young(self, samples, number, figure):
        """The most that incarnations had that became AGE old in that sixth."""
        first, last = self.window(number)
        old = {pid for when, age, pid, _ in samples
               if first <= when < last and age >= AGE and when - age >= first - AGE}
        return [max(values.get(figure, 0) for _, age, pid, values in samples
                    if pid == each and age <= AGE) for each in old]

    def living(self, samples, number, figure):
        return [values.get(figure, 0) for _, _, _, values in
                self.within(samples, self.window(number))]

    def calm_part(self, samples, figure, start, end):
        """Over all sixths, at the same age in each."""
        found = []
        for number in range(1, SIXTHS + 1):
            window = self.window(number, 1 - self.calm + self.calm * start,
                                 1 - self.calm + self.calm * end)
            found += [values.get(figure, 0) for _, _, _, values in
                      self.within(samples, window)]
        return found

    @staticmethod
    def figures(samples):
        """A keeper that was just started has no memory files."""
        return max((values for _, _, _, values in samples), key=len, default={})

    def rows(self, samples_of):
        """(what, figure, before, after) with the two medians."""
        for name, samples in samples_of.items():
            for figure in self.figures(samples):
                for what, before, after in self.pairs(name, samples, figure):
                    if before and after:
                        yield what, figure, statistics.median(before), \
                            statistics.median(after)

    def pairs(self, name, samples, figure):
        if name in ("claimfs-node", "claimfs-keeper"):
            yield f"{name}, young", self.young(samples, 2, figure), \
                self.young(samples, SIXTHS, figure)
        if name == "claimfs-node":
            yield f"{name}, calm", \
                self.calm_part(samples, figure, 0.3, 0.5), \
                self.calm_part(samples, figure, 0.8, 1.0)
        else:
            yield name, self.living(samples, 2, figure), \
                self.living(samples, SIXTHS, figure)


def has_grown(figure, before, after):
    part, more = TOLERANCES[figure]
    return after > before * (1 + part) + more


HEAD = f"{'':<22}{'':<22}{'before':>11}{'after':>11}"


def row(what, figure, before, after):
    def text(value):
        return f"{value / MIB:.2f} MiB" if figure in BYTES else f"{value:g}"
    return f"{what:<22}{figure:<22}{text(before):>11}{text(after):>11}" \
        + ("  GROWS" if has_grown(figure, before, after) else "")
