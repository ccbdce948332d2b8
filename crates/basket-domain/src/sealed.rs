//! Texts about people: [`Sealed`]. The domain carries one in an event as it carries any text, and can't read it: only who has
//! the key of its [`Subject`] can, and where that key was deleted, no one can any more, wherever a copy of the event went. This is
//! the crypto-shredding of Boneh and Lipton ("A Revocable Backup System", 1996). `Vault` in `basket-mongo` seals and opens.

use std::{fmt, str::FromStr};

/// Whom a sealed text is about: 1 to [`Subject::MAX_CHARS`] letters, digits and `._@+-`. It stays when the texts are erased, in
/// events and in the receipt, so let it be an id of yours (`customer-4711`) and not a name.
///
/// ```
/// use basket_domain::Subject;
///
/// assert_eq!("customer-4711".parse::<Subject>()?.as_str(), "customer-4711");
/// assert!("Ann Smith".parse::<Subject>().is_err());
/// # Ok::<(), basket_domain::ParseSubjectError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(String);

/// A text that names no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a subject is 1 to {} letters, digits and any of . _ @ + -, such as customer-4711", Subject::MAX_CHARS)]
pub struct ParseSubjectError;

impl Subject {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 128;

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subject {
    type Err = ParseSubjectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "._@+-".contains(letter);
        match text.len() {
            1..=Self::MAX_CHARS if text.chars().all(is_name) => Ok(Self(text.to_owned())),
            _ => Err(ParseSubjectError),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that only the key of its subject opens. It is a text itself, so that it fits wherever one does, in every store, export
/// and read model: `sealed:1:customer-4711:` and what was made of the text, in the letters of base64url.
///
/// ```
/// use basket_domain::Sealed;
///
/// let sealed: Sealed = "sealed:1:customer-4711:AQID".parse()?;
/// assert_eq!(sealed.subject().as_str(), "customer-4711");
/// assert_eq!(sealed.to_string(), "sealed:1:customer-4711:AQID");
/// # Ok::<(), basket_domain::ParseSealedError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sealed {
    subject: Subject,
    content: String,
}

/// A text that was not sealed, or not in a form that is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no sealed text, which is {}SUBJECT:CONTENT", Sealed::MARK)]
pub struct ParseSealedError;

impl Sealed {
    /// What every sealed text begins with; the number is that of its form.
    pub const MARK: &'static str = "sealed:1:";

    /// A sealed text; `None` if the content has a letter that is none of base64url.
    pub fn new(subject: Subject, content: String) -> Option<Self> {
        let is_content = !content.is_empty() && content.chars().all(Self::is_of_content);
        is_content.then_some(Self { subject, content })
    }

    /// Whom it is about.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What was made of the text, in the letters of base64url.
    pub fn content(&self) -> &str {
        &self.content
    }

    /// The first sealed text in a longer one, with what stands before it and after it.
    ///
    /// ```
    /// use basket_domain::Sealed;
    ///
    /// let (before, sealed, after) = Sealed::find("lent to sealed:1:ann:AQID, for a week").ok_or("none")?;
    /// assert_eq!((before, sealed.content(), after), ("lent to ", "AQID", ", for a week"));
    /// # Ok::<(), &str>(())
    /// ```
    pub fn find(text: &str) -> Option<(&str, Self, &str)> {
        text.match_indices(Self::MARK).find_map(|(start, mark)| {
            let (before, found) = text.split_at_checked(start)?;
            let (subject, rest) = found.get(mark.len()..)?.split_once(':')?;
            let end = rest.find(|letter| !Self::is_of_content(letter)).unwrap_or(rest.len());
            let (content, after) = rest.split_at_checked(end)?;
            Some((before, Self::new(subject.parse().ok()?, content.to_owned())?, after))
        })
    }

    fn is_of_content(letter: char) -> bool {
        letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'
    }
}

impl FromStr for Sealed {
    type Err = ParseSealedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Self::find(text) {
            Some(("", sealed, "")) => Ok(sealed),
            _ => Err(ParseSealedError),
        }
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}:{}", Self::MARK, self.subject, self.content)
    }
}
