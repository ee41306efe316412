//! Times as history and stores keep them: whole microseconds since 1970.

use jiff::Timestamp;

/// The time that was stored as this number. `Timestamp::from_microsecond` would refuse the last second that there is, which
/// is where a timer that is meant to wait for ever is due.
pub(crate) fn from_microseconds(microseconds: i64) -> Result<Timestamp, jiff::Error> {
    let nanoseconds = (microseconds % 1_000_000) * 1_000;
    Timestamp::new(
        microseconds / 1_000_000,
        i32::try_from(nanoseconds).unwrap_or_default(),
    )
}

/// What a store keeps of a time: the rest, towards 1970, is cut.
pub(crate) fn whole_microseconds(time: Timestamp) -> Timestamp {
    from_microseconds(time.as_microsecond()).unwrap_or(time)
}

/// The next time that history can hold: timers are never early. There is none after the last microsecond, which is given then.
pub(crate) fn next_microsecond(time: Timestamp) -> Timestamp {
    let microseconds = time.as_microsecond();
    let next = microseconds + i64::from(time.subsec_nanosecond() % 1_000 > 0);
    from_microseconds(next)
        .or_else(|_| from_microseconds(microseconds))
        .unwrap_or(time)
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
        let last = from_microseconds(last).unwrap();
        for (time, next) in [
            (last, last),
            (Timestamp::MAX, last),
            (Timestamp::MIN, Timestamp::MIN),
            (
                Timestamp::new(0, 1).unwrap(),
                Timestamp::new(0, 1_000).unwrap(),
            ),
            (Timestamp::new(0, -1).unwrap(), Timestamp::UNIX_EPOCH),
        ] {
            assert_eq!(next_microsecond(time), next, "{time}");
        }
        assert!(from_microseconds(last.as_microsecond() + 1).is_err());
        assert!(from_microseconds(i64::MIN).is_err());
    }
}
