//! The last few of a sequence of things, for readers at places of their own.

use std::collections::VecDeque;

/// Keeps what was pushed last, within bounds. A reader holds the number of the entry that it wants next; one that is so slow that the
/// entry is gone is told to take the latest instead. What is kept does not depend on how many readers there are, or on how slow.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    entries: VecDeque<(T, usize)>,
    /// How many entries there have been.
    end: u64,
    /// The sizes of the kept ones together.
    size: usize,
    bounds: Bounds,
}

/// How much is kept. The last entry always is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) entries: usize,
    pub(crate) size: usize,
}

/// What a reader finds at its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a, T> {
    Next(&'a T),
    /// What it wanted is gone: it is further behind than what is kept.
    Behind,
    /// It has seen everything.
    Nothing,
}

impl<T> Recent<T> {
    /// Nothing yet, after so many entries that nobody wanted.
    pub(crate) const fn new(end: u64, bounds: Bounds) -> Self {
        Self {
            entries: VecDeque::new(),
            end,
            size: 0,
            bounds,
        }
    }

    pub(crate) fn push(&mut self, entry: T, size: usize) {
        self.entries.push_back((entry, size));
        self.end += 1;
        self.size += size;
        while self.entries.len() > 1
            && (self.entries.len() > self.bounds.entries || self.size > self.bounds.size)
            && let Some((_, size)) = self.entries.pop_front()
        {
            self.size -= size;
        }
    }

    /// How many entries there have been: the place behind the last one.
    pub(crate) const fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn at(&self, place: u64) -> Found<'_, T> {
        let left = self.end.saturating_sub(place);
        if left == 0 {
            return Found::Nothing;
        }
        let index = usize::try_from(left).ok();
        let index = index.and_then(|left| self.entries.len().checked_sub(left));
        match index.and_then(|index| self.entries.get(index)) {
            Some((entry, _)) => Found::Next(entry),
            None => Found::Behind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(end: u64, entries: usize, size: usize) -> Recent<u64> {
        Recent::new(end, Bounds { entries, size })
    }

    #[test]
    fn every_reader_sees_every_entry_that_is_kept_in_order() {
        let mut recent = recent(7, 3, 100);
        assert_eq!(recent.at(7), Found::Nothing);
        for entry in 7..10 {
            recent.push(entry, 1);
        }
        for place in 7..10 {
            assert_eq!(recent.at(place), Found::Next(&place));
        }
        assert_eq!(recent.at(10), Found::Nothing);
    }

    #[test]
    fn a_reader_from_before_what_is_kept_is_behind() {
        let mut recent = recent(7, 3, 100);
        assert_eq!(recent.at(6), Found::Behind);
        for entry in 7..12 {
            recent.push(entry, 1);
        }
        assert_eq!(recent.at(8), Found::Behind);
        assert_eq!(recent.at(9), Found::Next(&9));
    }

    #[test]
    fn large_entries_are_kept_for_less_long_and_the_last_always() {
        let mut recent = recent(0, 10, 10);
        for (entry, size) in [(0, 4), (1, 4), (2, 4)] {
            recent.push(entry, size);
        }
        assert_eq!(
            (recent.at(0), recent.at(1)),
            (Found::Behind, Found::Next(&1))
        );
        recent.push(3, 50);
        assert_eq!(
            (recent.at(2), recent.at(3)),
            (Found::Behind, Found::Next(&3))
        );
        recent.push(4, 1);
        assert_eq!(
            (recent.at(3), recent.at(4)),
            (Found::Behind, Found::Next(&4))
        );
    }
}
