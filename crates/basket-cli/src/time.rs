//! Times: the user's zone in text, RFC 3339 in UTC for programs, and what people type. jiff does the reckoning.

use std::time::Duration;

use bson::DateTime;
use jiff::{
    RoundMode, Span, SpanRound, Timestamp, Unit, Zoned, civil,
    fmt::friendly::{Designator, Spacing, SpanPrinter},
    tz::TimeZone,
};

/// What people type for a time: RFC 3339, a date or a time of their zone, `now`, `today`, `yesterday`, or such as
/// `2 hours ago`.
///
/// # Errors
/// Says which forms there are.
pub fn parse(text: &str) -> Result<DateTime, String> {
    let now = Zoned::now();
    let text = text.trim();
    let found = match text {
        "now" => Some(now.clone()),
        "today" => now.start_of_day().ok(),
        "yesterday" => now.yesterday().and_then(|day| day.start_of_day()).ok(),
        _ if text.ends_with("ago") => text.parse::<Span>().ok().and_then(|span| now.checked_add(span).ok()),
        _ => None,
    };
    let absolute = || text.parse::<Timestamp>().ok();
    let in_our_zone = || text.parse::<civil::DateTime>().ok()?.to_zoned(now.time_zone().clone()).ok();
    found
        .map(|time| time.timestamp())
        .or_else(absolute)
        .or_else(|| in_our_zone().map(|time| time.timestamp()))
        .map(|time| DateTime::from_millis(time.as_millisecond()))
        .ok_or_else(|| {
            format!("{text:?} is no time; write 2026-11-25, '2026-11-25 10:30', 2026-11-25T10:30:00Z, yesterday or '2 hours ago'")
        })
}

/// For people, in their zone: `2026-11-25 10:30:00 +01:00`.
pub fn local(time: DateTime) -> String {
    let Ok(time) = Timestamp::from_millisecond(time.timestamp_millis()) else { return utc(time) };
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// For programs: RFC 3339, UTC, with milliseconds, so that the texts sort as the times do.
pub fn utc(time: DateTime) -> String {
    let millis = time.timestamp_millis();
    Timestamp::from_millisecond(millis).map_or_else(|_| millis.to_string(), |time| format!("{time:.3}"))
}

/// How long ago: `2 hours 5 minutes ago`; days and longer without their minutes.
pub fn ago(time: DateTime) -> String {
    let now = Zoned::now();
    let seconds = now.timestamp().as_second().saturating_sub(time.timestamp_millis() / 1000);
    let smallest = match seconds {
        ..0 => return "ahead of this clock".into(),
        0 => return "just now".into(),
        1..60 => Unit::Second,
        60..86_400 => Unit::Minute,
        _ => Unit::Day,
    };
    let round = SpanRound::new().largest(Unit::Year).smallest(smallest).mode(RoundMode::Trunc).relative(&now);
    let span = Span::new().try_seconds(-seconds).and_then(|span| span.round(round));
    let Ok(span) = span else { return utc(time) };
    in_words(&span)
}

/// How long: `2 hours 5 minutes`; less of it the longer it is.
pub fn lasting(time: Duration) -> String {
    let (smallest, largest) = match time.as_secs() {
        0 => (Unit::Millisecond, Unit::Millisecond),
        1..60 => (Unit::Second, Unit::Second),
        60..86_400 => (Unit::Minute, Unit::Hour),
        _ => (Unit::Hour, Unit::Day),
    };
    let round = SpanRound::new().largest(largest).smallest(smallest).mode(RoundMode::Trunc).days_are_24_hours();
    let milliseconds = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let span = Span::new().try_milliseconds(milliseconds).and_then(|span| span.round(round));
    span.map_or_else(|_| format!("{time:?}"), |span| in_words(&span))
}

/// The day, in UTC: `2026-11-25`.
pub fn day(time: DateTime) -> String {
    let day = utc(time);
    day.split_once('T').map_or(day.clone(), |(day, _)| day.to_owned())
}

fn in_words(span: &Span) -> String {
    SpanPrinter::new().designator(Designator::Verbose).spacing(Spacing::BetweenUnitsAndDesignators).span_to_string(span)
}
