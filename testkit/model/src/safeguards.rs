//! What keeps the laws. Each can be taken away, and then a law is broken: the model finds the shortest way to that.

/// Something without which a law does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Safeguard {
    /// The unique index on (stream, version).
    UniqueKey,
    /// The id that a writer gives to its commit, by which it recognises its own event.
    CommitId,
    /// A version from outside is compared with the head of the stream.
    GapCheck,
    /// A write counts as done when the majority has it.
    MajorityWrites,
    /// A load shows only what the majority has.
    MajorityReads,
    /// A lost answer is remembered until the end of the append.
    LostAnswer,
    /// A reader writes only as long as no other one has taken its feed.
    Fence,
    /// The version up to which a stream was read, beside its row.
    Mark,
    /// What was made of events, their marks and the position are written in one transaction.
    OneTransaction,
}

impl Safeguard {
    /// Those of an append.
    pub const OF_APPENDS: [Self; 6] =
        [Self::UniqueKey, Self::CommitId, Self::GapCheck, Self::MajorityWrites, Self::MajorityReads, Self::LostAnswer];

    /// Those of a feed.
    pub const OF_FEEDS: [Self; 4] = [Self::Fence, Self::Mark, Self::OneTransaction, Self::MajorityWrites];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::UniqueKey => "the unique key",
            Self::CommitId => "the commit id",
            Self::GapCheck => "the gap check",
            Self::MajorityWrites => "majority acknowledgement",
            Self::MajorityReads => "majority reads",
            Self::LostAnswer => "the memory of a lost answer",
            Self::Fence => "the fence",
            Self::Mark => "the marks",
            Self::OneTransaction => "the one transaction",
        }
    }
}
