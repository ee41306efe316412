//! Times as stores keep them: whole microseconds since 1970.

use jiff::Timestamp;

/// The time that was stored as this number. `Timestamp::from_microsecond` would refuse the last second that there is, which
/// is where a timer that is meant to wait for ever is due.
pub(super) fn from_microseconds(microseconds: i64) -> Result<Timestamp, jiff::Error> {
    let nanoseconds = (microseconds % 1_000_000) * 1_000;
    Timestamp::new(
        microseconds / 1_000_000,
        i32::try_from(nanoseconds).unwrap_or_default(),
    )
}

/// What a store keeps of a time: the rest, towards 1970, is cut.
pub(super) fn whole_microseconds(time: Timestamp) -> Timestamp {
    from_microseconds(time.as_microsecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_whole_microsecond_reads_back() {
        let last = Timestamp::MAX.as_microsecond();
        for microseconds in [
            Timestamp::MIN.as_microsecond(),
            -1_000_001,
            -1_000_000,
            -1,
            0,
            1,
            999_999,
            last - 1,
            last,
        ] {
            assert_eq!(
                from_microseconds(microseconds).unwrap().as_microsecond(),
                microseconds
            );
        }
        assert!(from_microseconds(last + 1).is_err());
        assert!(from_microseconds(i64::MIN).is_err());
    }
}
