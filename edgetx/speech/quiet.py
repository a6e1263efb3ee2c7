"""Which sound is quiet: no louder than its surroundings, so that nobody spoke. Pure.

The level of a block is the distance between its highest and its lowest sample, so a microphone's offset does not
count. A block is quiet if it stands at most 8 dB above the least level of the last `FLOOR_BLOCKS`: a fan that runs
steadily is its own floor, while of words that stand out of the noise no second is so even. Absolute silence always is
(`silence.SPREAD`). Only the middle of a long quiet stretch is told: the same edges are kept from it as are from silence
that is left out, which holds the weakest sound at a word's edge, and the pause that a provider needs where the rest is
sent once more.

This must be cheap (it goes on for ever) and on the safe side (what is told is not sent again): quick changes of the
noise, clatter, music and what follows the stop of a fan at once are not told. A sixteenth of the samples is looked at:
what that folds down in frequency keeps its level.

The rule would be wrong for words that do not stand out of the noise: whoever settles by it does so only where the
provider, which had the sound, has said nothing either.
"""

from array import array
from collections import deque

from edgetx.audio.format import RATE
from edgetx.audio.log import Stretch
from edgetx.speech.silence import LEAD_FRAMES, SPREAD, TAIL_FRAMES

BLOCK_FRAMES = RATE // 10
FLOOR_BLOCKS = 150
SHORTEST_FRAMES = RATE
"""Less quiet than this, between its edges, is not told."""
_STRIDE = 16
"""Of which a block holds whole ones."""
_RATIO = 10 ** (8 / 20)

Range = tuple[int, int]


class Quiet:
    """Of one session's sound, in order. ``end``: the frame before which all was looked at."""

    def __init__(self) -> None:
        self.end = 0
        self._start = 0
        """Of the quiet stretch that is going on."""
        self._highest = 0
        self._blocks = 0
        self._floor: deque[tuple[int, int]] = deque()
        """Number and level of blocks, both rising: the first is the least of all, each the least of what follows."""

    def take(self, stretch: Stretch) -> list[Range]:
        """Take the whole blocks of what comes next; return which frames are now known to be quiet."""
        if stretch.start != self.end:
            self._floor.clear()
            self._begin(stretch.start)
        self.end, found = stretch.start, []
        samples = array("h", stretch.pcm)
        for at in range(0, len(samples) - BLOCK_FRAMES + 1, BLOCK_FRAMES):
            block = samples[at : at + BLOCK_FRAMES : _STRIDE]
            level = max(block) - min(block)
            if level > max(SPREAD, self._lowest(level) * _RATIO):
                found += self._told()
                self._begin(self.end + BLOCK_FRAMES)
            elif self._highest > max(SPREAD, level * _RATIO):  # What passed for quiet so far was not.
                self._begin(self.end, level)
            else:
                self._highest = max(self._highest, level)
            self.end += BLOCK_FRAMES
        return found + self._told()

    def _begin(self, start: int, highest: int = 0) -> None:
        self._start, self._highest = start, highest

    def _lowest(self, level: int) -> int:
        """Take the level of the next block; return the least of the last ones, with it."""
        floor = self._floor
        while floor and floor[-1][1] >= level:
            floor.pop()
        floor.append((self._blocks, level))
        self._blocks += 1
        if floor[0][0] < self._blocks - FLOOR_BLOCKS:
            floor.popleft()
        return floor[0][1]

    def _told(self) -> list[Range]:
        """Return the middle of the stretch that is going on, and ends here or not."""
        first, last = self._start + TAIL_FRAMES, self.end - LEAD_FRAMES
        return [(first, last)] if last - first >= SHORTEST_FRAMES else []
