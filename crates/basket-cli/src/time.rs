//! Times: in the user's zone for text, in UTC (RFC 3339) for programs, and read from what people type. jiff computes them.
//! A store keeps milliseconds, so they are printed: [`parse`] reads each printed time as the moment that it was printed for.

use std::time::Duration;

use bson::DateTime;
use clap::ValueEnum;
use jiff::{
    RoundMode, Span, SpanRound, Timestamp, Unit, Zoned, civil,
    fmt::friendly::{Designator, Spacing, SpanPrinter},
    tz::TimeZone,
};

/// Reads a time: RFC 3339, a printed one, a date or a time of the user's zone, `now`, `today`, `yesterday`, or such as
/// `2 hours ago`.
pub(crate) fn parse(text: &str) -> Result<DateTime, String> {
    let now = Zoned::now();
    let text = text.trim();
    let zone = now.time_zone().clone();
    let found = match text {
        "now" => Some(now),
        "today" => now.start_of_day().ok(),
        "yesterday" => now.yesterday().and_then(|day| day.start_of_day()).ok(),
        _ if text.ends_with("ago") => text.parse::<Span>().and_then(|span| now.checked_add(span)).ok(),
        _ => match timestamp(text) {
            Some(time) => Some(time.to_zoned(zone)),
            None => text.parse::<civil::DateTime>().and_then(|time| time.to_zoned(zone)).ok(),
        },
    };
    found.map(|time| DateTime::from_millis(time.timestamp().as_millisecond())).ok_or_else(|| {
        format!("{text:?} is no time; write 2026-11-25, '2026-11-25 10:30', 2026-11-25T10:30:00Z, yesterday or '2 hours ago'")
    })
}

/// A time with an offset, which may stand apart, as [`local`] prints it; or a [`day`].
fn timestamp(text: &str) -> Option<Timestamp> {
    let joined = text.replace(" +", "+").replace(" -", "-");
    joined.parse().or_else(|_| joined.replace('Z', "T00:00Z").parse()).ok()
}

/// How times are printed for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Date {
    /// In your zone, to the millisecond
    #[default]
    Local,
    /// How long ago
    Relative,
    /// In UTC, as in JSON
    Iso,
}

impl Date {
    pub(crate) fn of(self, time: DateTime) -> String {
        match self {
            Self::Local => local(time),
            Self::Relative => ago(time),
            Self::Iso => utc(time),
        }
    }
}

/// For people, in the user's zone: `2026-11-25 10:30:00.456 +01:00`.
pub(crate) fn local(time: DateTime) -> String {
    let Ok(time) = Timestamp::from_millisecond(time.timestamp_millis()) else { return utc(time) };
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%.3f %:z").to_string()
}

/// The same without the offset, but for the second of two such times when the clocks were put back.
pub(crate) fn short(time: DateTime) -> String {
    let long = local(time);
    match long.rsplit_once(' ').filter(|(short, _)| parse(short) == Ok(time)) {
        Some((short, _)) => short.to_owned(),
        None => long,
    }
}

/// For programs: RFC 3339, UTC, with milliseconds, so that the texts sort as the times do.
pub(crate) fn utc(time: DateTime) -> String {
    let millis = time.timestamp_millis();
    Timestamp::from_millisecond(millis).map_or_else(|_| millis.to_string(), |time| format!("{time:.3}"))
}

/// How long ago: `2 hours 5 minutes ago`; without hours and minutes from a day on.
pub(crate) fn ago(time: DateTime) -> String {
    let now = Zoned::now();
    let seconds = now.timestamp().as_second().saturating_sub(time.timestamp_millis() / 1000);
    let smallest = match seconds {
        ..0 => return "ahead of this clock".into(),
        0 => return "just now".into(),
        1..60 => Unit::Second,
        60..86_400 => Unit::Minute,
        _ => Unit::Day,
    };
    let round = SpanRound::new().largest(Unit::Year).smallest(smallest).relative(&now);
    in_words(Span::new().try_seconds(-seconds), round).unwrap_or_else(|| utc(time))
}

/// How long: `2 hours 5 minutes`; the longer, the larger the smallest unit.
pub(crate) fn lasting(time: Duration) -> String {
    let (smallest, largest) = match time.as_secs() {
        0 => (Unit::Millisecond, Unit::Millisecond),
        1..60 => (Unit::Second, Unit::Second),
        60..86_400 => (Unit::Minute, Unit::Hour),
        _ => (Unit::Hour, Unit::Day),
    };
    let round = SpanRound::new().largest(largest).smallest(smallest).days_are_24_hours();
    let milliseconds = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    in_words(Span::new().try_milliseconds(milliseconds), round).unwrap_or_else(|| format!("{time:?}"))
}

/// The beginning of a day in UTC: `2026-11-25Z`.
pub(crate) fn day(time: DateTime) -> String {
    utc(time).replace("T00:00:00.000", "")
}

fn in_words(span: Result<Span, jiff::Error>, round: SpanRound<'_>) -> Option<String> {
    let span = span.and_then(|span| span.round(round.mode(RoundMode::Trunc))).ok()?;
    let words = SpanPrinter::new().designator(Designator::Verbose).spacing(Spacing::BetweenUnitsAndDesignators);
    Some(words.span_to_string(&span))
}
