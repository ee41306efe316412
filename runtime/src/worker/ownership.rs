//! Taking a store over.

use crate::model::encoded;
use crate::store::{Ownership, Store, StoreError, StoreErrorKind, newest_texts};

/// Makes the caller the owner, unless all that the newest instances hold is encoded, and nothing decodes it: who has forgotten the codec
/// would store in clear what comes for them. What a codec cannot decode is its own to tell.
///
/// It looks before it acquires, so that a mistake does not fence an owner that is at work.
pub(crate) async fn acquire(
    store: &dyn Store,
    task_hub: Option<&str>,
) -> Result<Ownership, StoreError> {
    let newest = newest_texts(store).await?;
    let mut labels = newest.iter().map(|text| encoded::label(text));
    if let Some(Some(label)) = labels.next()
        && labels.all(|label| label.is_some())
    {
        let message = format!(
            "the store was written with a codec: all that its newest instances hold is encoded, the last of it as `{label}`. Open it with \
             that codec (`CodecStore`)"
        );
        return Err(StoreError::new(StoreErrorKind::Codec, message));
    }
    store.acquire(task_hub).await
}
