//! Faults that anyone can rerun: what was killed, cut or frozen, what clients were told meanwhile, and whether it is true.
//!
//! Read it in this order; each file uses only those before it:
//!
//! 1. [`list`]: the aggregate that it is tried on
//! 2. [`history`]: what clients asked for and were told; [`clients`]: clients that do so
//! 3. [`kept`]: what a store holds in the end; [`laws`] and `cycles`: what the two must be to each other
//! 4. [`readers`]: a tail and a read model that go on meanwhile; [`hurried`]: a store that lets clients meet;
//!    [`under_load`]: all of it at work; [`process`]: a client that can be killed
//! 5. [`row`]: what a fault has shown; [`faults`]: the faults; [`links`]: a network that can be cut; [`memory`]: what the process takes
//! 6. [`fuzz`]: any input; [`upgrades`]: what older programs have left
//! 7. [`wounds`]: stores that are known to be wrong, and [`breaks`]: sources that are made wrong; the laws must see them
//! 8. [`report`]: the tables of `docs/faults.md`

pub mod breaks;
pub mod clients;
mod cycles;
pub mod faults;
pub mod fuzz;
pub mod history;
pub mod hurried;
pub mod kept;
pub mod laws;
pub mod links;
pub mod list;
pub mod memory;
pub mod process;
pub mod readers;
pub mod report;
pub mod row;
pub mod under_load;
pub mod upgrades;
pub mod wounds;
