//! What each work costs, beside the plain driver doing the least that is correct.
//!
//! Read it in this order; each file uses only those before it:
//!
//! 1. [`statistics`]: medians, and ratios by round; [`bout`]: sides that do the same work in turns
//! 2. [`place`]: a database with streams in it; [`reader`]: the least that understands an event
//! 3. [`works`]: what is measured, by theme; [`peers`]: other stores that do the same; [`curves`]: what changes as something grows;
//!    [`choices`]: other shapes that events could have had
//! 4. [`machine`]: where it was measured; [`report`]: the figures; [`tables`] and [`charts`]: what is made of them

pub mod bout;
pub mod charts;
pub mod choices;
pub mod curves;
pub mod machine;
pub mod peers;
pub mod place;
pub mod reader;
pub mod report;
pub mod statistics;
pub mod tables;
pub mod works;
