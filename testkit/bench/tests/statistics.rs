//! What the tables are made of: medians, ratios by round, marks in a text, and the names of works.

use std::{fs, path::Path, time::Duration};

use bench::{
    bout::{Side, bout},
    report::Report,
    statistics::{Spread, quantile, ratios, spread},
    tables::{duration, plain, range, replaced, times},
    works::{WORKS, chosen},
};

#[test]
fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
    assert_eq!(spread(&[4.0, 1.0, 3.0, 2.0]), Spread { low: 1.75, median: 2.5, high: 3.25 });
}

#[test]
fn one_figure_is_its_own_median_and_none_is_zero() {
    assert_eq!(spread(&[7.0]), Spread { low: 7.0, median: 7.0, high: 7.0 });
    assert_eq!(spread(&[]), Spread::default());
    assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.99), 2.98);
}

#[test]
fn a_ratio_is_taken_in_each_round_so_a_slow_round_is_not_seen_in_it() {
    // The second round was ten times as slow, for both sides.
    assert_eq!(ratios(&[2.0, 20.0, 2.0], &[1.0, 10.0, 1.0]), Spread { low: 2.0, median: 2.0, high: 2.0 });
}

#[tokio::test]
async fn a_bout_measures_the_floor_twice_in_a_round_and_divides_by_the_works_of_one_run() {
    let side = |name: &str, micros: u32| {
        Side::new(name, move |times| async move { Ok(Duration::from_micros(10) * micros * times) })
    };
    let mut sides = [side("floor", 1), side("ours", 3)];
    let measured = bout(&mut sides, 10, 3, Duration::from_millis(1)).await.unwrap();
    assert_eq!((measured.rounds, measured.times), (3, 100));
    assert_eq!(measured.noise.median, 1.0);
    let figures: Vec<_> = measured.sides.iter().map(|side| (side.nanos.median, side.ratio.median)).collect();
    assert_eq!(figures, [(1_000.0, 1.0), (3_000.0, 3.0)]);
}

#[test]
fn a_table_replaces_what_is_between_its_marks_and_nothing_else() {
    let text = "before\n<!-- works -->\nold\n<!-- works end -->\nafter\n";
    let new = replaced(text, "works", "| new |\n").unwrap();
    assert_eq!(new, "before\n<!-- works -->\n| new |\n<!-- works end -->\nafter\n");
    assert_eq!(replaced(text, "peers", "").unwrap_err().to_string(), "it has no '<!-- peers -->'");
}

#[test]
fn figures_are_written_in_the_unit_that_reads_best() {
    assert_eq!([812.0, 8_120.0, 81_200_000.0, 8.12e9].map(duration), ["812 ns", "8.12 µs", "81.2 ms", "8.12 s"]);
    assert_eq!([9.87, 812.4, 12_345_678.9].map(plain), ["9.9", "812", "12,345,679"]);
    assert_eq!([1.049, 12.34].map(times), ["1.05", "12.3"]);
    assert_eq!(range(Spread { low: 1.0, median: 1.1, high: 1.25 }), "1.10 (1.00–1.25)");
}

#[test]
fn a_name_asks_for_its_work_and_for_those_that_begin_so() {
    let names = |asked: &[&str]| -> Vec<&str> {
        let asked: Vec<_> = asked.iter().map(|name| (*name).to_owned()).collect();
        chosen(WORKS, |work| work.name, &asked).unwrap().iter().map(|work| work.name).collect()
    };
    assert_eq!(names(&["load-10", "append-of"]), ["append-of-2", "append-of-10", "load-10"]);
    assert_eq!(names(&[]).len(), WORKS.len());
    let unknown = chosen(WORKS, |work| work.name, &["app".into()]).err().unwrap();
    assert_eq!(unknown.to_string(), "there is nothing of the name 'app'; `bench list` prints all names");
}

#[test]
fn the_readme_has_the_figures_that_were_measured_last() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (readme, report) =
        (fs::read_to_string(root.join("README.md")).unwrap(), Report::read(&root.join("docs/performance.md")).unwrap());
    let ratio = |name: &&str| times(report.works[*name].measured.sides[1].ratio.median);
    for (words, works) in [
        ("an append of one event", &["append-1", "append-of-10"][..]),
        ("a load of 10,", &["load-10", "load-1000", "load-100000"]),
        ("all streams from the beginning", &["catch-up-subscription"]),
        ("from an append until a reader", &["live-p50"]),
        ("64 writers on one stream", &["contended-64"]),
    ] {
        let line = readme.lines().find(|line| line.starts_with(&format!("| {words}"))).unwrap();
        let figures: Vec<_> = line.split(&['|', ';', ',', ' ', '('][..]).filter(|word| word.contains('.')).collect();
        assert_eq!(figures, works.iter().map(ratio).collect::<Vec<_>>(), "{line}");
    }
}
