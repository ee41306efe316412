//! Retries: the policy, and the tags in which each attempt of a call carries what is in force for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::tags::Tags;

/// The policy in force, as JSON.
pub const RETRY_TAG: &str = "steadfast.retry";
/// The number of the attempt, from 1, which is not written.
pub const ATTEMPT_TAG: &str = "steadfast.attempt";
/// The action id of the first attempt, on all later ones.
pub const FIRST_TAG: &str = "steadfast.first";
/// How long one attempt may run, in microseconds.
pub const TIMEOUT_TAG: &str = "steadfast.timeout";
/// How long all attempts together may take, in microseconds.
pub const TOTAL_TIMEOUT_TAG: &str = "steadfast.total_timeout";

/// How often a call that failed is tried again, and when.
///
/// ```
/// use std::time::Duration;
/// use steadfast::RetryPolicy;
///
/// // After 1, 2, 4 and 8 seconds.
/// const POLICY: RetryPolicy = RetryPolicy::new(5, Duration::from_secs(1)).backoff_coefficient(2.0);
/// ```
///
/// A failure that is known to be final ([`is_non_retriable`](super::failure::FailureDetails::is_non_retriable)) is not tried
/// again. What an execution has recorded stays in force for its call, also when the code changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// How many attempts there are at most, the first one included. 0 counts as 1.
    pub max_attempts: u32,
    /// The time between the failure of the first attempt and the second attempt.
    #[serde(with = "micros")]
    pub first_interval: Duration,
    /// By what each interval is longer than the one before it. 1 by default: all are the same.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub backoff_coefficient: f64,
    /// The longest interval. No limit by default.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_micros"
    )]
    pub max_interval: Option<Duration>,
    /// No attempt begins later than this after the first one. No limit by default.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_micros"
    )]
    pub total_time: Option<Duration>,
    /// By what part of it an interval is shortened at most, from 0 to 1. Each one is shortened by another part, so that calls which
    /// failed together are not tried again together; the part is the same on every replay. 0 by default.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub jitter: f64,
}

const fn one() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_one(value: &f64) -> bool {
    *value == 1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl RetryPolicy {
    /// So many attempts at most, with the same time between each two.
    #[must_use]
    pub const fn new(max_attempts: u32, first_interval: Duration) -> Self {
        Self {
            max_attempts,
            first_interval,
            backoff_coefficient: 1.0,
            max_interval: None,
            total_time: None,
            jitter: 0.0,
        }
    }

    /// Makes each interval so many times as long as the one before it.
    ///
    /// # Panics
    ///
    /// When the coefficient is below 1 or not finite.
    #[must_use]
    pub const fn backoff_coefficient(mut self, coefficient: f64) -> Self {
        assert!(
            coefficient >= 1.0 && coefficient.is_finite(),
            "a back-off coefficient is a finite number and at least 1"
        );
        self.backoff_coefficient = coefficient;
        self
    }

    /// Makes no interval longer than this.
    #[must_use]
    pub const fn max_interval(mut self, interval: Duration) -> Self {
        self.max_interval = Some(interval);
        self
    }

    /// Begins no attempt later than this after the first one.
    #[must_use]
    pub const fn total_time(mut self, time: Duration) -> Self {
        self.total_time = Some(time);
        self
    }

    /// Shortens each interval by up to this part of it.
    ///
    /// # Panics
    ///
    /// When the part is not within 0 to 1.
    #[must_use]
    pub const fn jitter(mut self, part: f64) -> Self {
        assert!(
            part >= 0.0 && part <= 1.0,
            "jitter is a part of an interval, from 0 to 1"
        );
        self.jitter = part;
        self
    }

    /// The same policy with every number within its bounds, since its fields can be set to anything.
    #[must_use]
    pub(crate) fn in_bounds(self) -> Self {
        let coefficient = self.backoff_coefficient;
        let jitter = if self.jitter.is_nan() {
            0.0
        } else {
            self.jitter
        };
        Self {
            max_attempts: self.max_attempts.max(1),
            backoff_coefficient: if coefficient.is_finite() && coefficient >= 1.0 {
                coefficient
            } else {
                1.0
            },
            jitter: jitter.clamp(0.0, 1.0),
            ..self
        }
    }

    /// The time between the failure of an attempt and the next attempt. `fraction`, from 0 up to 1, is how much of the jitter
    /// applies.
    #[must_use]
    pub(crate) fn interval(&self, failed_attempt: u32, fraction: f64) -> Duration {
        let longest = self.max_interval.unwrap_or(Duration::MAX);
        let exponent = i32::try_from(failed_attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let factor = self.backoff_coefficient.powi(exponent);
        let seconds = self.first_interval.as_secs_f64() * factor;
        let full = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        // Whole numbers stay exact.
        let full = if factor == 1.0 {
            self.first_interval
        } else {
            full
        }
        .min(longest);
        if self.jitter == 0.0 {
            return full;
        }
        let part = 1.0 - self.jitter * fraction.clamp(0.0, 1.0);
        Duration::try_from_secs_f64(full.as_secs_f64() * part).unwrap_or(full)
    }

    /// The text of the tag.
    #[must_use]
    pub(crate) fn to_tag(&self) -> String {
        serde_json::to_string(self).expect("a policy is numbers, which JSON can hold")
    }

    /// The policy that the tags of an attempt carry.
    ///
    /// # Errors
    ///
    /// When the tag is there and is no policy.
    pub(crate) fn of(tags: &Tags) -> Result<Option<Self>, serde_json::Error> {
        tags.get(RETRY_TAG)
            .map(|json| serde_json::from_str(json).map(Self::in_bounds))
            .transpose()
    }
}

/// What the tags of a call say about one attempt of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// How many there are at most.
    pub max: u32,
    /// The action of the first attempt.
    pub first: i32,
    /// How long this attempt may run.
    pub timeout: Option<Duration>,
}

impl Attempt {
    /// Reads the tags of the action of this id. What is missing or unreadable has its default: the only attempt, without a
    /// timeout.
    #[must_use]
    pub fn of(tags: &Tags, id: i32) -> Self {
        let policy = RetryPolicy::of(tags).ok().flatten();
        Self {
            number: number(tags, ATTEMPT_TAG).unwrap_or(1),
            max: policy.map_or(1, |policy| policy.max_attempts),
            first: number(tags, FIRST_TAG).unwrap_or(id),
            timeout: duration(tags, TIMEOUT_TAG),
        }
    }
}

/// How long all attempts of a call together may take, by its tags.
#[must_use]
pub fn total_timeout(tags: &Tags) -> Option<Duration> {
    duration(tags, TOTAL_TIMEOUT_TAG)
}

/// A duration as the text of a tag. History keeps microseconds; what is shorter than one counts as one.
#[must_use]
pub(crate) fn duration_tag(duration: Duration) -> String {
    micros::of(duration).to_string()
}

fn number<T: std::str::FromStr>(tags: &Tags, key: &str) -> Option<T> {
    tags.get(key)?.parse().ok()
}

fn duration(tags: &Tags, key: &str) -> Option<Duration> {
    number(tags, key).map(Duration::from_micros)
}

/// Durations are stored as whole microseconds, rounded up.
mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn of(duration: Duration) -> u64 {
        u64::try_from(duration.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX)
    }

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(of(*duration))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}

/// The same for a duration that may be absent.
mod optional_micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde asks for this signature")]
    pub(super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(super::micros::of).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn intervals_grow_up_to_the_longest() {
        let policy = RetryPolicy::new(9, SECOND)
            .backoff_coefficient(2.0)
            .max_interval(5 * SECOND);
        let intervals = [1, 2, 3, 4, 1_000, u32::MAX].map(|n| policy.interval(n, 0.5).as_secs());
        assert_eq!(intervals, [1, 2, 4, 5, 5, 5]);
        let policy = RetryPolicy::new(9, SECOND).backoff_coefficient(10.0);
        assert_eq!(policy.interval(u32::MAX, 0.0), Duration::MAX);
        assert_eq!(
            RetryPolicy::new(2, Duration::MAX).interval(7, 0.0),
            Duration::MAX
        );
        assert_eq!(
            RetryPolicy::new(2, Duration::ZERO).interval(7, 0.0),
            Duration::ZERO
        );
    }

    #[test]
    fn jitter_shortens() {
        let policy = RetryPolicy::new(2, 10 * SECOND).jitter(0.5);
        assert_eq!(policy.interval(1, 0.0), 10 * SECOND);
        assert_eq!(policy.interval(1, 0.5), Duration::from_millis(7_500));
        assert_eq!(policy.interval(1, 1.0), 5 * SECOND);
        let longest = RetryPolicy::new(2, Duration::MAX).jitter(0.5);
        assert_eq!(longest.interval(1, 0.0), Duration::MAX);
    }

    #[test]
    fn a_policy_reads_back_from_its_tag() {
        let small = RetryPolicy::new(3, SECOND);
        assert_eq!(
            small.to_tag(),
            r#"{"max_attempts":3,"first_interval":1000000}"#
        );
        let full = small
            .clone()
            .backoff_coefficient(1.5)
            .max_interval(5 * SECOND)
            .total_time(60 * SECOND)
            .jitter(0.25);
        for policy in [small, full] {
            let tags = Tags::from([(RETRY_TAG.to_owned(), policy.to_tag())]);
            assert_eq!(RetryPolicy::of(&tags).unwrap(), Some(policy));
        }
        assert_eq!(RetryPolicy::of(&Tags::new()).unwrap(), None);
        assert!(RetryPolicy::of(&Tags::from([(RETRY_TAG.into(), "7".into())])).is_err());
    }

    #[test]
    fn numbers_out_of_bounds_are_brought_into_them() {
        let wild = RetryPolicy {
            backoff_coefficient: f64::NAN,
            jitter: f64::NAN,
            ..RetryPolicy::new(0, SECOND)
        };
        assert_eq!(wild.in_bounds(), RetryPolicy::new(1, SECOND));
        let wild = RetryPolicy {
            backoff_coefficient: f64::INFINITY,
            jitter: 7.0,
            ..RetryPolicy::new(2, SECOND)
        };
        assert_eq!(wild.in_bounds(), RetryPolicy::new(2, SECOND).jitter(1.0));
    }

    #[test]
    fn the_tags_of_an_attempt() {
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            Attempt::of(&Tags::new(), 7),
            Attempt {
                number: 1,
                max: 1,
                first: 7,
                timeout: None
            }
        );
        let tags = Tags::from([
            tag(RETRY_TAG, &RetryPolicy::new(3, SECOND).to_tag()),
            tag(ATTEMPT_TAG, "2"),
            tag(FIRST_TAG, "4"),
            tag(TIMEOUT_TAG, &duration_tag(Duration::from_nanos(1_001))),
            tag(TOTAL_TIMEOUT_TAG, &duration_tag(SECOND)),
        ]);
        assert_eq!(
            Attempt::of(&tags, 7),
            Attempt {
                number: 2,
                max: 3,
                first: 4,
                timeout: Some(Duration::from_micros(2))
            }
        );
        assert_eq!(total_timeout(&tags), Some(SECOND));
    }
}
