//! A look at what is stored, before the store is taken over.
//!
//! A worker whose codec decodes nothing of it would set the instances aside and store what comes for them so that whoever has the
//! right codec cannot read it: with another secret under the same id of a key, for good.

use super::place::{Expected, Place};
use super::{Codec, text};
use crate::model::encoded;
use crate::model::instance::Incarnation;
use crate::store::{Store, StoreError, StoreErrorKind, newest_texts};

/// A way in which something was encoded, none for plain text, and why nothing of it decodes, when nothing does.
type Seen = (Option<String>, Result<(), String>);

/// Refuses a store of which the codec decodes nothing, or nothing of what it says to have encoded itself.
pub(super) async fn look(
    store: &impl Store,
    codec: &dyn Codec,
    accepts_plain_text: bool,
) -> Result<(), StoreError> {
    let mut seen: Vec<Seen> = Vec::new();
    for text in newest_texts(store).await? {
        let label = encoded::label(&text);
        // Neither says anything of this codec. The latter is of one below, which looks for itself.
        if label.is_none() && (accepts_plain_text || encoded::is_undecodable(&text)) {
            continue;
        }
        let decode = || text::decode(codec, accepts_plain_text, &Expected::Any, &text).map(drop);
        match seen.iter_mut().find(|(known, _)| known.as_deref() == label) {
            None => seen.push((label.map(str::to_owned), decode())),
            Some((_, decodes)) if decodes.is_err() && decode().is_ok() => *decodes = Ok(()),
            Some(_) => {}
        }
    }
    match unread(codec, &seen)? {
        None => Ok(()),
        Some((label, why)) => Err(StoreError::new(StoreErrorKind::Codec, refusal(label, why))),
    }
}

/// What speaks against starting, when something does. What is only of an earlier key, which is lost, does not.
fn unread<'a>(
    codec: &dyn Codec,
    seen: &'a [Seen],
) -> Result<Option<(Option<&'a str>, &'a str)>, StoreError> {
    let mut unread = seen.iter().filter_map(|(label, decodes)| {
        let why = decodes.as_ref().err()?;
        Some((label.as_deref(), why.as_str()))
    });
    if seen.iter().all(|(_, decodes)| decodes.is_err()) {
        return Ok(unread.next());
    }
    let unread: Vec<_> = unread.collect();
    if unread.is_empty() {
        return Ok(None);
    }
    let own = labels(codec)?;
    let is_own = |label: &str| own.iter().any(|own| own == label);
    Ok(unread
        .into_iter()
        .find(|(label, _)| label.is_some_and(is_own)))
}

/// How the codec calls what it encodes. It may depend on the text, as with compression: so a short one and one that becomes shorter.
fn labels(codec: &dyn Codec) -> Result<Vec<String>, StoreError> {
    let texts = ["[]".to_owned(), format!("[{}]", " ".repeat(4_096))];
    let labels = texts.iter().map(|text| {
        let encoded = text::encode(codec, Place::Stalled(Incarnation(0)), text)?;
        Ok(encoded::label(&encoded).unwrap_or_default().to_owned())
    });
    labels.collect::<Result<_, _>>().map_err(super::not_encoded)
}

fn refusal(label: Option<&str>, why: &str) -> String {
    match label {
        Some(label) => format!(
            "the store was written with another codec or key: nothing that its newest instances hold, encoded as `{label}`, decodes \
             ({why}). Open it with the one that it was written with; who has lost that goes on without what is there by \
             `CodecStore::accept_undecodable`"
        ),
        None => "the store was written without a codec: nothing that its newest instances hold is encoded. Read it as it is by \
                 `CodecStore::accept_plain_text`, or go on without what is there by `CodecStore::accept_undecodable`"
            .to_owned(),
    }
}
