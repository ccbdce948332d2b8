//! The stream of each store that this user has used last: `@`. It is a file in the user's folder for state; where that can't
//! be written or read, there is no `@`, and nothing else is missing.

use std::{fs, io::Write, path::PathBuf};

use directories::ProjectDirs;
use sha2::{Digest, Sha256};

use crate::{
    domain::{Domain, Id},
    help::PROGRAM,
    plain::hex,
};

/// The stream that was used last in this store.
pub(crate) fn used<D: Domain>(store: &str) -> Option<Id<D>> {
    D::parse_id(&fs::read_to_string(file::<D>(store)?).ok()?).ok()
}

/// Notes that this stream is there, and was used.
pub(crate) fn note<D: Domain>(store: &str, id: &Id<D>) {
    let id = id.to_string();
    let note = |file: PathBuf| {
        if fs::read_to_string(&file).is_ok_and(|noted| noted == id) {
            return Some(());
        }
        let folder = file.parent()?;
        fs::create_dir_all(folder).ok()?;
        // Another process never reads half of it.
        let mut new = tempfile::NamedTempFile::new_in(folder).ok()?;
        new.write_all(id.as_bytes()).ok()?;
        new.persist(&file).ok().map(drop)
    };
    file::<D>(store).and_then(note);
}

/// A file for each store: what its name may have in it, a file's name may not.
fn file<D: Domain>(store: &str) -> Option<PathBuf> {
    let folders = ProjectDirs::from("", "", PROGRAM.name())?;
    let digest = Sha256::digest(format!("{} {store}", D::collection()));
    let name = hex(digest.iter().take(16));
    Some(folders.state_dir().unwrap_or(folders.data_local_dir()).join("last").join(name))
}
