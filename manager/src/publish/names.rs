//! The names of a package's entries: together they have to mean the same files wherever they are unpacked. Each alone is
//! a [`PortablePath`].
//!
//! Invariant: of all names that were taken, no two are one on a file system without regard to case, no folder is spelled
//! in two ways, and no file is a folder of others.

use std::collections::HashMap;

use steading_protocol::PortablePath;

/// How deep a file may lie; bounds what looking at the folders above it costs.
const DEPTH_MAX: usize = 32;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    File,
    Folder,
}

/// The names so far, by how a file system without regard to case would compare them.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, (String, Node)>);

impl Names {
    /// Takes in a name and those of the folders above it, or says why it cannot be beside the others.
    pub(super) fn add(&mut self, path: &PortablePath, node: Node) -> Result<(), String> {
        let (written, folded) = (path.as_str(), path.folded());
        if written.split('/').count() > DEPTH_MAX {
            return Err(format!("`{written}` lies more than {DEPTH_MAX} folders deep"));
        }
        let ends = |text: &str| text.match_indices('/').map(|(at, _)| at).collect::<Vec<_>>();
        // folding changes how long a name is, and never where a part of it ends
        for (of_written, of_folded) in ends(written).into_iter().zip(ends(&folded)) {
            self.put(&written[..of_written], &folded[..of_folded], Node::Folder)?;
        }
        self.put(written, &folded, node)
    }

    fn put(&mut self, written: &str, folded: &str, node: Node) -> Result<(), String> {
        match self.0.get(folded) {
            None => {
                self.0.insert(folded.to_owned(), (written.to_owned(), node));
                Ok(())
            }
            Some((there, Node::Folder)) if node == Node::Folder && there == written => Ok(()),
            Some((there, Node::Folder)) if node == Node::Folder => Err(format!(
                "the folder `{written}` is spelled `{there}` elsewhere in the zip, which is the same one on Windows"
            )),
            Some((_, other)) if *other != node => {
                Err(format!("`{written}` stands in the zip as a file and as a folder"))
            }
            Some(_) => {
                Err(format!("`{written}` stands twice in the zip, in some case of its letters"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(names: &[&str]) -> Result<(), String> {
        let mut all = Names::default();
        names.iter().try_for_each(|name| match name.strip_suffix('/') {
            Some(folder) => all.add(&folder.parse().unwrap(), Node::Folder),
            None => all.add(&name.parse().unwrap(), Node::File),
        })
    }

    #[test]
    fn names_that_are_one_file_somewhere_are_refused() {
        let deep = format!("{}x", "d/".repeat(DEPTH_MAX));
        for (names, told) in [
            (&["a", "A"][..], "`A` stands twice"),
            (&["x/Größe", "x/gRÖßE"], "stands twice"),
            (&["a/x", "A/y"], "the folder `A` is spelled `a`"),
            (&["a/b/x", "a/B/y"], "the folder `a/B` is spelled `a/b`"),
            (&["a/", "A/"], "is spelled"),
            (&["a", "a/x"], "`a` stands in the zip as a file and as a folder"),
            (&["a/x", "A"], "as a file and as a folder"),
            (&["a/", "a"], "as a file and as a folder"),
            (&[&deep], "32 folders deep"),
        ] {
            let refused = added(names).unwrap_err();
            assert!(refused.contains(told), "{names:?}: {refused}");
        }
    }

    #[test]
    fn names_that_differ_everywhere_are_taken() {
        for names in [
            &["a/x", "a/y", "a/"][..],
            &["a/", "a/x"],
            &["a/b", "ab"],
            &["straße/x", "strasse/x"],
            &["ᾳ/x", "ᾳ/y"],
        ] {
            assert_eq!(added(names), Ok(()), "{names:?}");
        }
    }
}
