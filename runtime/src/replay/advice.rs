//! What to do about a divergence.

use super::DivergenceKind;

impl DivergenceKind {
    /// What can be done about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Calls => {
                "an instance keeps to what it has asked for, in that order. Keep the old code for it and give the new code a version \
                 beside it (`version = \"..\"`), or go the new way only where `ctx.patched(\"..\")` is true"
            }
            Self::Output | Self::CustomStatus => {
                "an instance that has ended is not touched by this. If the new value is the right one, record the history anew or \
                 delete its file; one that has not ended will show the new value"
            }
            Self::Panic => {
                "the message of the panic says what the code did not expect. If the code is new there, go that way only where \
                 `ctx.patched(\"..\")` is true"
            }
            Self::MissingDefinition => {
                "keep the definition until no instance needs it. If it is in a library that this program names nothing of, write \
                 `use that_library as _;`"
            }
            Self::MissingActivity => {
                "keep the activity until no instance waits for it: it may call the new one. If it is in a library that this program \
                 names nothing of, write `use that_library as _;`"
            }
            Self::Undecodable => {
                "let the type read what was recorded, with `#[serde(default)]`, `#[serde(alias = \"..\")]` or an `Option`; or keep \
                 the old type in the old version of the orchestrator"
            }
            Self::MalformedHistory => {
                "a history that a worker wrote is never like this: the file was changed by hand, or the store is damaged, or a newer \
                 steadfast wrote it"
            }
            Self::PollBound => {
                "let every loop of the orchestrator await a durable operation in each round"
            }
            Self::TooMuch => {
                "let every loop of the orchestrator come to an end, or await a durable operation in each round"
            }
            Self::ForeignAwait => "put what is not durable into an activity, and call that",
            Self::DoesNotReturn => {
                "the orchestrator loops without an `.await`, or blocks its thread: put long or blocking work into an activity"
            }
        }
    }
}
