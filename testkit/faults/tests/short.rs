//! The short form of all faults: what `make faults` does in long, some rounds of each.

use std::{sync::LazyLock, thread::available_parallelism};

use faults::faults::{FAULTS, Setting};
use tokio::{runtime::Runtime, sync::Semaphore};

/// Tries the faults whose names begin so, one after the other, and with others only as far as there are processors for them: they
/// each take the whole machine.
fn tries(beginning: &str) {
    static PROCESSORS: LazyLock<Semaphore> =
        LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, Into::into)));
    let _mine = Runtime::new().unwrap().block_on(PROCESSORS.acquire()).unwrap();
    let mut tried = 0;
    for fault in FAULTS.iter().filter(|fault| fault.name.starts_with(beginning) && fault.rounds.1 > 0) {
        let setting = Setting { rounds: fault.rounds.1, seed: fastrand::u64(..1 << 32), wound: None };
        let row = fault.run(setting).unwrap_or_else(|error| panic!("{error:#}"));
        println!("{}: {setting:?} {row:?}", fault.name);
        assert!(row.is_clean(), "{}, seed {}: {:#?}", fault.name, setting.seed, row);
        tried += 1;
    }
    assert!(tried > 0);
}

macro_rules! short {
    ($($name:ident $beginning:literal)*) => {
        $(#[test] fn $name() { tries($beginning); })*

        #[test]
        fn each_fault_is_among_them() {
            // Those of no rounds have tests of their own, or none that is short.
            let beginnings = [$($beginning),*];
            for fault in FAULTS.iter().filter(|fault| fault.rounds.1 > 0) {
                assert!(beginnings.iter().any(|beginning| fault.name.starts_with(beginning)), "{}", fault.name);
            }
        }
    };
}

short! {
    clients_that_are_killed "kill-"
    a_server_that_is_stopped "server-"
    a_set_of_three "set-"
    a_connection_that_is_cut "cut-"
    a_log_that_is_cut "wal-"
    processes_of_one_file "file-"
    a_disk_that_is_full "disk-"
    a_right_that_is_taken_away "read-only-"
    a_clock_that_jumps "clock-"
    inputs_that_nobody_has_written "fuzz-"
    what_older_programs_have_left "upgrades"
    a_reader_that_is_slow "slow-"
    a_thousand_commands_at_once "ten-"
    a_pool_of_one_connection "pool-"
}
