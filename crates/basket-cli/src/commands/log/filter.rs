//! Which events a log shows.

use basket_mongo::Entry;
use bson::{DateTime, RawDocument};

use crate::{
    args::{kind, row},
    domain::Domain,
    secrets::Shown,
    signature::name,
    time,
};

#[derive(Debug, clap::Args)]
pub(super) struct Filter<D: Domain> {
    /// Only what is about this {row}
    #[arg(long = D::ROW, value_name = "NAME", value_parser = row::<D>)]
    pub(super) row: Option<String>,
    /// Only events of this type
    #[arg(long, value_name = "TYPE", value_parser = kind::<D>())]
    r#type: Option<String>,
    /// Only what was written at or after this time: RFC 3339, as printed, a date, or such as '2 hours ago'
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<DateTime>,
    /// Only what was written at or before this time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<DateTime>,
    /// Only events with this text in what they did or in their reason, in small letters or capitals; it is no pattern
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    /// Only what was written under this correlation; without an ID, in all {streams}, in the order of time
    #[arg(long, value_name = "ID", value_parser = name)]
    pub(super) correlation: Option<String>,
    #[arg(skip)]
    domain: std::marker::PhantomData<D>,
}

impl<D: Domain> Filter<D> {
    /// Whether a document is of the correlation that is asked for; nothing else of it needs to be readable.
    pub(super) fn is_of_correlation(&self, document: &RawDocument) -> bool {
        let correlation = document.get_document("meta").and_then(|meta| meta.get_str("correlation")).ok();
        self.correlation.is_none() || self.correlation.as_deref() == correlation
    }

    pub(super) fn wants(&self, entry: &Entry<D>) -> bool {
        self.r#type.as_deref().is_none_or(|wanted| wanted == D::encode(&entry.event).0)
            && self.row.as_deref().is_none_or(|row| D::about(&entry.event).contains(&row))
            && self.since.is_none_or(|since| entry.recorded_at >= since)
            && self.until.is_none_or(|until| entry.recorded_at <= until)
            && (self.correlation.is_none() || self.correlation == entry.meta.correlation)
    }

    /// Whether the text is in what is shown: what was sealed can be found by who may read it.
    pub(super) fn finds(&self, Shown { entry, words, .. }: &Shown<D>) -> bool {
        let Some(text) = self.grep.as_ref().map(|text| text.to_lowercase()) else { return true };
        let has = |place: &str| place.to_lowercase().contains(&text);
        has(words) || entry.meta.reason.as_deref().is_some_and(has)
    }
}
