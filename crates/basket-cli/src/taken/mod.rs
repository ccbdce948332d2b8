//! What `import` takes in: an export, or a backup that MongoDB's own tools have made; and what else a file may be.

pub(crate) mod backup;
pub(crate) mod batches;
pub(crate) mod export;

/// The longest line that can be an event: MongoDB's documents have 16 MB at most, and their text is longer.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;
