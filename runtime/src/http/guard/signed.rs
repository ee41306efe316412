//! Addresses that are good for one operation on one instance, until a time.
//!
//! What is signed is the operation, the task hub, the instance's id, the event if there is but one, and the time. Everything else in an
//! address is the caller's to change. An id names whatever instance has it: an address outlives a purge and another start.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::Operation;
use crate::http::query::Query;

const EXPIRES: &str = "expires";
const SIGNATURE: &str = "signature";

/// The fewest bytes of a secret to sign with: as many as a signature has.
const SHORTEST: usize = 32;

/// Tells signatures of addresses from whatever else is signed with the same secret, and from those of later versions.
const PURPOSE: &[u8] = b"steadfast signed url 1";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How addresses are signed, and for how long.
///
/// ```
/// use std::time::Duration;
/// use steadfast::http::{Api, Grant, SecretTooShort, SignedUrls};
///
/// fn guarded(api: Api, new: &[u8], old: &[u8]) -> Result<Api, SecretTooShort> {
///     let urls = SignedUrls::new(new)?.also_accept(old)?;
///     Ok(api.signed_urls(urls.time_to_live(Duration::from_secs(3600))))
/// }
/// ```
#[derive(Clone)]
pub struct SignedUrls {
    /// The first signs; all verify.
    secrets: Vec<Hmac<Sha256>>,
    time_to_live: Duration,
}

/// A secret could be guessed: it has less than 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret to sign addresses with has {length} bytes; it has at least {SHORTEST}")]
pub struct SecretTooShort {
    length: usize,
}

impl SignedUrls {
    /// Signs with this secret: at least 32 bytes, by chance. The addresses are good for a day.
    ///
    /// # Errors
    ///
    /// When it has less than 32 bytes.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretTooShort> {
        Ok(Self {
            secrets: vec![mac(secret.as_ref())?],
            time_to_live: DAY,
        })
    }

    /// Accepts what was signed with another secret too. To replace one, sign with the new one and accept the old one, until
    /// everything has expired that it has signed.
    ///
    /// # Errors
    ///
    /// When it has less than 32 bytes.
    pub fn also_accept(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretTooShort> {
        self.secrets.push(mac(secret.as_ref())?);
        Ok(self)
    }

    /// For how long an address is good; a day by default.
    #[must_use]
    pub const fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = time;
        self
    }

    /// What makes an address good from now on, to follow its query.
    pub(super) fn query(
        &self,
        subject: &Subject<'_>,
        now: Timestamp,
        time: Option<Duration>,
    ) -> String {
        let time = time.unwrap_or(self.time_to_live).as_secs();
        let now = u64::try_from(now.as_second()).unwrap_or_default();
        let expires = now.saturating_add(time);
        let secret = self
            .secrets
            .first()
            .expect("one signs from the beginning on");
        let signature = sign(secret, subject, expires);
        format!("&{EXPIRES}={expires}&{SIGNATURE}={signature}")
    }

    /// Whether a request is signed for one of these subjects.
    pub(super) fn verify<'a>(
        &self,
        query: &Query,
        subjects: impl IntoIterator<Item = Subject<'a>>,
        now: Timestamp,
    ) -> Verified {
        let signed = query.text(SIGNATURE).zip(query.text(EXPIRES));
        let Some((signature, expires)) = signed.and_then(|(s, e)| Some((s, seconds(&e)?))) else {
            return Verified::No;
        };
        let mut fits = false;
        for subject in subjects {
            for secret in &self.secrets {
                let right = sign(secret, &subject, expires);
                fits |= bool::from(right.as_bytes().ct_eq(signature.as_bytes()));
            }
        }
        match u64::try_from(now.as_second()) {
            _ if !fits => Verified::No,
            Ok(now) if now >= expires => Verified::Expired,
            _ => Verified::Yes,
        }
    }
}

impl fmt::Debug for SignedUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUrls")
            .field("secrets", &self.secrets.len())
            .field("time_to_live", &self.time_to_live)
            .finish()
    }
}

/// What a signature is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) operation: Operation,
    pub(super) task_hub: &'a str,
    pub(super) id: &'a str,
    pub(super) event: Option<&'a str>,
}

/// What a signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verified {
    Yes,
    Expired,
    /// There is none, or it is of something else.
    No,
}

fn mac(secret: &[u8]) -> Result<Hmac<Sha256>, SecretTooShort> {
    let length = secret.len();
    match Hmac::new_from_slice(secret) {
        Ok(mac) if length >= SHORTEST => Ok(mac),
        _ => Err(SecretTooShort { length }),
    }
}

/// The signature of a subject, as text. Each part is preceded by its length, so that no two subjects have the same parts.
fn sign(secret: &Hmac<Sha256>, subject: &Subject<'_>, expires: u64) -> String {
    let mut mac = secret.clone();
    let mut part = |bytes: &[u8]| {
        mac.update(&(bytes.len() as u64).to_be_bytes());
        mac.update(bytes);
    };
    part(PURPOSE);
    part(subject.operation.as_str().as_bytes());
    part(subject.task_hub.to_lowercase().as_bytes());
    part(subject.id.as_bytes());
    part(&expires.to_be_bytes());
    // Names of events match without regard to case.
    if let Some(event) = subject.event {
        part(event.to_lowercase().as_bytes());
    }
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// A time as it is written by [`SignedUrls::query`], and in no other way: of two texts only one is what was signed.
fn seconds(text: &str) -> Option<u64> {
    let seconds: u64 = text.parse().ok()?;
    (seconds.to_string() == text).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEW: &[u8] = b"0123456789abcdef0123456789abcdef";
    const OLD: &[u8] = b"fedcba9876543210fedcba9876543210";
    const READ: Subject<'_> = Subject {
        operation: Operation::Read,
        task_hub: "Hub",
        id: "a",
        event: None,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn query(text: &str) -> Query {
        Query::of(&format!("/?{text}").parse().unwrap())
    }

    fn urls() -> SignedUrls {
        let urls = SignedUrls::new(NEW).unwrap();
        urls.time_to_live(Duration::from_secs(100))
    }

    #[test]
    fn a_signature_is_good_until_its_time() {
        let signed = query(&urls().query(&READ, at(1000), None));
        for (now, verified) in [
            (900, Verified::Yes),
            (1099, Verified::Yes),
            (1100, Verified::Expired),
            (-1, Verified::Yes),
        ] {
            assert_eq!(urls().verify(&signed, [READ], at(now)), verified, "{now}");
        }
        let minute = Some(Duration::from_secs(60));
        let signed = query(&urls().query(&READ, at(1000), minute));
        assert_eq!(urls().verify(&signed, [READ], at(1060)), Verified::Expired);
        let ages = query(&urls().query(&READ, at(1000), Some(Duration::MAX)));
        assert_eq!(urls().verify(&ages, [READ], at(1060)), Verified::Yes);
    }

    #[test]
    fn a_signature_is_of_one_subject() {
        let signed = query(&urls().query(&READ, at(0), None));
        let event = |event| Subject {
            event,
            operation: Operation::RaiseEvent,
            ..READ
        };
        for other in [
            Subject {
                operation: Operation::Terminate,
                ..READ
            },
            Subject {
                task_hub: "hub2",
                ..READ
            },
            Subject { id: "A", ..READ },
            Subject {
                event: Some(""),
                ..READ
            },
            event(None),
        ] {
            assert_eq!(
                urls().verify(&signed, [other], at(0)),
                Verified::No,
                "{other:?}"
            );
        }
        let hub = Subject {
            task_hub: "hUB",
            ..READ
        };
        assert_eq!(urls().verify(&signed, [hub], at(0)), Verified::Yes);

        let one = query(&urls().query(&event(Some("Go")), at(0), None));
        let subjects = [event(Some("GO")), event(None)];
        assert_eq!(urls().verify(&one, subjects, at(0)), Verified::Yes);
        let subjects = [event(Some("Stop")), event(None)];
        assert_eq!(urls().verify(&one, subjects, at(0)), Verified::No);
    }

    #[test]
    fn a_secret_can_be_replaced() {
        let old = SignedUrls::new(OLD).unwrap();
        let both = urls().also_accept(OLD).unwrap();
        let signed_old = query(&old.query(&READ, at(0), None));
        let signed_new = query(&both.query(&READ, at(0), None));
        for (urls, signed, verified) in [
            (&both, &signed_old, Verified::Yes),
            (&both, &signed_new, Verified::Yes),
            (&urls(), &signed_new, Verified::Yes),
            (&urls(), &signed_old, Verified::No),
            (&old, &signed_new, Verified::No),
        ] {
            assert_eq!(urls.verify(signed, [READ], at(0)), verified);
        }
    }

    #[test]
    fn a_secret_is_long_enough_and_not_shown() {
        let error = SignedUrls::new(&NEW[1..]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the secret to sign addresses with has 31 bytes; it has at least 32"
        );
        assert!(SignedUrls::new("").is_err());
        assert!(urls().also_accept("short").is_err());
        let shown = format!("{:?}", urls());
        assert_eq!(shown, "SignedUrls { secrets: 1, time_to_live: 100s }");
    }

    /// Only the very text verifies, and it is known for ever: an address that has been sent is to go on working.
    #[test]
    fn signatures_stay_the_same() {
        assert_eq!(
            urls().query(&READ, at(1000), None),
            "&expires=1100&signature=conjDNXUoshtQ9md01UokOOU2uoeUT7w89GQ-Gmywq0"
        );
    }

    proptest! {
        #[test]
        fn no_change_of_one_character_is_accepted(
            id in "\\PC{1,8}",
            second in 0..i64::from(u32::MAX),
            place in any::<prop::sample::Index>(),
            character in any::<char>(),
        ) {
            let subject = Subject { id: &id, ..READ };
            let signed = urls().query(&subject, at(second), None);
            prop_assert_eq!(urls().verify(&query(&signed), [subject], at(second)), Verified::Yes);
            // The names of the parameters are the same in any case.
            let values: Vec<usize> = signed
                .char_indices()
                .filter(|(at, _)| !signed[..*at].ends_with(['&']) && signed[..*at].rfind('=') > signed[..*at].rfind('&'))
                .map(|(at, _)| at)
                .collect();
            let place = values[place.index(values.len())];
            let mut changed = signed.clone();
            let encoded = crate::http::links::encode(character.encode_utf8(&mut [0; 4])).to_string();
            changed.replace_range(place..=place, &encoded);
            prop_assume!(changed != signed);
            let verified = urls().verify(&query(&changed), [subject], at(second));
            prop_assert_eq!(verified, Verified::No, "{}", changed);
        }

        #[test]
        fn another_instance_is_not_reached(id in "\\PC{0,8}", other in "\\PC{0,8}", event in proptest::option::of("\\PC{0,8}")) {
            prop_assume!(id != other);
            let signed = query(&urls().query(&Subject { id: &id, ..READ }, at(0), None));
            let other = Subject { id: &other, event: event.as_deref(), ..READ };
            prop_assert_eq!(urls().verify(&signed, [other], at(0)), Verified::No);
        }

        #[test]
        fn no_query_is_too_strange(signature in "\\PC{0,60}", expires in "[0-9+ .-]{0,24}", now in any::<i32>()) {
            let encode = crate::http::links::encode;
            let strange = query(&format!("signature={}&expires={}", encode(&signature), encode(&expires)));
            prop_assert_eq!(urls().verify(&strange, [READ], at(now.into())), Verified::No);
        }
    }
}
