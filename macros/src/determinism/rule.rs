//! The rules by name, as they are told in messages and allowed on statements.

/// A kind of thing that an orchestrator must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Clock,
    Randomness,
    Timers,
    Tasks,
    Threads,
    Channels,
    Locks,
    Io,
    Printing,
    Select,
    HashOrder,
    Statics,
    DroppedCall,
    DirectCall,
    EndlessLoop,
}

impl Rule {
    pub(super) const ALL: [Self; 15] = [
        Self::Clock,
        Self::Randomness,
        Self::Timers,
        Self::Tasks,
        Self::Threads,
        Self::Channels,
        Self::Locks,
        Self::Io,
        Self::Printing,
        Self::Select,
        Self::HashOrder,
        Self::Statics,
        Self::DroppedCall,
        Self::DirectCall,
        Self::EndlessLoop,
    ];

    /// Its name behind `steadfast::`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Randomness => "randomness",
            Self::Timers => "timers",
            Self::Tasks => "tasks",
            Self::Threads => "threads",
            Self::Channels => "channels",
            Self::Locks => "locks",
            Self::Io => "io",
            Self::Printing => "printing",
            Self::Select => "select",
            Self::HashOrder => "hash_order",
            Self::Statics => "statics",
            Self::DroppedCall => "dropped_call",
            Self::DirectCall => "direct_call",
            Self::EndlessLoop => "endless_loop",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}
